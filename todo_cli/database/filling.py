"""Fill what search and sorting need, where a row lacks it.

That is the folded texts of tasks, and the rows of the table `tag`. Rows of an
older store have neither, nor have rows of another program. Such tasks are found
nevertheless, but not by an index.

A file is filled by one statement, because SQLite can call `fold` itself. A
server is filled in batches: each is a transaction of its own, so a command that
ends early loses little, and nobody waits long.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from todo_cli import rules
from todo_cli.database.attempts import Effect
from todo_cli.database.keeper import Progress, Report
from todo_cli.database.run import Connection, Row, fetch_value
from todo_cli.errors import InvalidInput
from todo_cli.fold import fold, fold_or_none

if TYPE_CHECKING:
    from todo_cli.database.engine import Database

FOLDED: Final = ("title", "description", "project")
"""The fields with a folded text beside them."""
WORDS: Final = "Upgrading"
"""The words of the progress bar."""
_BATCH: Final = 5_000
"""Tasks, or names of tags, in one batch.

A batch takes some four round trips.
"""
_EVERY: Final = 1_000
"""After how many tasks a file reports."""
_START: Final = ("", 0)
"""Before the first user and number."""


async def fill(database: "Database", progress: Progress) -> None:
    """Fill whatever is missing in a store, as far as our role may write there.

    Raises:
        TodoError: translated from the driver's error.
    """
    if database.is_sqlite:
        await _fill_file(database, progress)
    else:
        await _fill_server(database, progress)


def folded_texts(task: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the folded texts of a task, by the names of their columns."""
    return {f"{name}_folded": fold_or_none(task[name]) for name in FOLDED}


def tag_rows(
    id: UUID, user_id: str, names: Iterable[str]
) -> list[dict[str, Any]]:
    """Return the rows of the table `tag` for the tags of a task."""
    rows = []
    for name in names:
        row = {"task_id": id, "name": name, "user_id": user_id}
        rows.append(row | {"folded": fold(name)})
    return rows


async def add_tags(
    connection: Connection, tasks: Sequence[Mapping[str, Any]]
) -> None:
    """Store the rows of the table of tags for new tasks."""
    rows = []
    for task in tasks:
        rows += tag_rows(task["id"], task["user_id"], task["tags"])
    if rows:
        await connection.store("insert_tag", rows)


# An embedded file


async def _fill_file(database: "Database", progress: Progress) -> None:
    """Fill a file in one transaction, unless nothing is missing."""

    # Before a write: the file may be one that cannot be written.
    async def count(connection: Connection) -> tuple[int, int]:
        unfilled = await fetch_value(connection, "unfilled")
        return unfilled, await fetch_value(connection, "untagged")

    unfilled, untagged = await database.run(count)
    if not unfilled and not untagged:
        return

    async def write(connection: Any) -> None:
        await add_function(connection.driver, report, unfilled)
        await connection.fetch("fill")
        await connection.fetch("fill_tags")

    with progress(WORDS) as report:
        await database.run(write, effect=Effect.REPEATABLE)


async def add_function(driver: Any, report: Report, total: int) -> None:
    """Give a connection of aiosqlite the function `todo_fold`.

    It reports how many of `total` tasks are done. Values come as bytes: text
    of another program may not be UTF-8.
    """
    calls = 0

    def todo_fold(text: bytes | None, is_first: int) -> str | None:
        """Fold a text; `is_first` marks the one that each task has."""
        nonlocal calls
        calls += is_first
        if is_first and calls % _EVERY == 0:
            report(calls, total)
        if text is None:
            return None
        return fold(text.decode(errors="backslashreplace"))

    await driver.create_function("todo_fold", 2, todo_fold)


# A server


async def _fill_server(database: "Database", progress: Progress) -> None:
    """Fill a server batch by batch, each in a transaction of its own."""
    forced = [
        name
        for (name,) in await database.run(
            lambda connection: connection.fetch("forced")
        )
    ]

    async def count(connection: Connection) -> int:
        async with _for_every_row(connection, forced):
            return int(await fetch_value(connection, "unfilled"))

    total = await database.run(count, together=True)
    if total:
        with progress(WORDS) as report:
            await _fill_tasks(database, forced, report, total)
    await _fill_tags(database, forced)


async def _fill_tasks(
    database: "Database", forced: Sequence[str], report: Report, total: int
) -> None:
    """Fill the folded texts, in the order of users and numbers."""
    done = 0
    place = _START

    async def write(connection: Connection) -> Sequence[Row]:
        async with _for_every_row(connection, forced):
            user, number = place
            rows = await connection.fetch(
                "unfilled_tasks", user=user, number=number, most=_BATCH
            )
            await connection.store("fill", [_filled(row) for row in rows])
        return rows

    while True:
        rows = await database.run(
            write, effect=Effect.REPEATABLE, together=True
        )
        done += len(rows)
        report(done, max(done, total))
        if len(rows) < _BATCH:
            return
        place = (rows[-1][0], rows[-1][1])


def _filled(row: Row) -> dict[str, Any]:
    """Return the parameters of `fill` for a row of `unfilled_tasks`."""
    _, _, id, *texts = row
    task = dict(zip(FOLDED, texts, strict=True))
    return {"the_id": id, **folded_texts(task)}


async def _fill_tags(database: "Database", forced: Sequence[str]) -> None:
    """Add missing rows of tags, in the order of their names."""
    last = ""

    async def write(connection: Connection) -> list[str]:
        async with _for_every_row(connection, forced):
            rows = await connection.fetch(
                "untagged_names", name=last, most=_BATCH
            )
            names = [name for (name,) in rows]
            # Another program can store what is no tag: it stays out.
            ours = [name for name in names if _is_tag(name)]
            if ours:
                folded = [fold(name) for name in ours]
                await connection.fetch(
                    "fill_tags", new_tags=ours, new_folded=folded
                )
        return names

    while True:
        names = await database.run(
            write, effect=Effect.REPEATABLE, together=True
        )
        if len(names) < _BATCH:
            return
        last = names[-1]


def _is_tag(name: str) -> bool:
    """Whether our rules take a tag, and as it is."""
    try:
        return rules.clean_tag(name) == name
    except InvalidInput:
        return False


@asynccontextmanager
async def _for_every_row(
    connection: Connection, forced: Sequence[str]
) -> AsyncIterator[None]:
    """Reach the rows of every user, if we own the tables; in a transaction.

    Row-level security can bind the owner, too. Then it is lifted for the owner
    until the transaction ends, and put back in the same one.
    """
    for table in forced:
        await connection.execute(
            f"ALTER TABLE todo.{table} NO FORCE ROW LEVEL SECURITY"
        )
    yield
    for table in forced:
        await connection.execute(
            f"ALTER TABLE todo.{table} FORCE ROW LEVEL SECURITY"
        )
