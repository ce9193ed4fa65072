"""Copy a whole store into a new embedded file: `todo db backup`.

All rows of all users are read in one snapshot, checked by the rules, and kept
in a temporary database: `intake.py`. Then they are written into a new file,
which gets its name when it is complete. A backup never has less than the store
without saying so: what cannot be copied is an error.
"""

from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from todo_cli import disk
from todo_cli.database import intake, schema, search
from todo_cli.database.engine import Database, Effect, open_database
from todo_cli.database.filling import add_tags
from todo_cli.database.run import Connection, fetch_value, store_tasks
from todo_cli.database.schema import Fit
from todo_cli.database.url import SqliteTarget
from todo_cli.errors import (
    Conflict,
    Forbidden,
    NoStore,
    NotFound,
    SchemaMismatch,
    TodoError,
    first_few,
)
from todo_cli.whole_file import WholeFile

if TYPE_CHECKING:
    from todo_cli.database.scratch import Scratch

_BATCH: Final = 1_000
"""Rows that are written at once: few, because a signal waits for their end."""
_NAMED_UP_TO: Final = 5
"""How many tables an error names at most."""
_CORRECT: Final = "no backup was made; correct it in the database"
"""The hint if a row breaks a rule: a backup with it could not be imported."""
_CORRECT_ALL: Final = "no backup was made; correct them in the database"
_OF_A_FILE: Final = ("sqlite_", "task_text", "task_word")
"""How tables begin that SQLite makes, or that are an index of ours."""


class BackedUp(NamedTuple):
    """What a backup has."""

    path: Path
    tasks: int
    users: int
    """How many users ever had a task, or were named by `whose`."""
    whose: str | None
    """The user whose tasks they are; None for all users."""


async def back_up(
    source: Database,
    path: Path,
    report: Callable[[int, int], None],
    *,
    whose: str | None,
    force: bool,
) -> BackedUp:
    """Copy all tasks and the history of all users into a new file.

    With `whose` only those of one user. With `force` the file takes the place
    of another one. `report` is called with the number of tasks done and of all
    tasks.

    Raises:
        Conflict: there is a file of this name, or a log of such a file.
        Forbidden: row-level security hides a part of the store.
        NotFound: there is no store.
        SchemaMismatch: the store has tables or columns that are not known.
        InvalidInput: rows break a rule; all of them are counted.
        IoFailed: the file cannot be written.
    """
    # Late: it imports sqlite3, which a Python can lack.
    from todo_cli.database.scratch import open_scratch

    _refuse_logs(path)
    with WholeFile(path, force=force) as file:
        async with open_scratch() as rows:
            await _read(source, rows, whose)
            with _naming(path, file.part):
                await _write(rows, file.part, report)
            tasks = await rows.count("task")
            users = await rows.count("counter")
    return BackedUp(path, tasks, users, whose)


def _refuse_logs(path: Path) -> None:
    """Refuse a name beside which SQLite keeps something.

    The file may be open. SQLite would take its log for that of the new file.

    Raises:
        Conflict: there is such a file.
    """
    for each in disk.sidecars(path):
        if disk.status(each) is not None:
            raise Conflict(
                f"{each} is there: it belongs to an open database, or to one "
                "that is gone",
                hint="name another file",
            )


@contextmanager
def _naming(path: Path, part: Path) -> Iterator[None]:
    """Have errors name the file as the user did.

    Raises:
        TodoError: the block raised one.
    """
    try:
        yield
    except TodoError as error:
        message = error.message.replace(str(part), str(path))
        raise type(error)(message, hint=error.hint) from error


# Reading the store


async def _read(source: Database, rows: "Scratch", whose: str | None) -> None:
    """Read every row of the store, in one snapshot."""
    place = source.target.place
    faults = intake.Faults(place, _CORRECT, _CORRECT_ALL)
    try:
        await source.run(partial(_read_all, faults, rows, whose))
    except NoStore:
        raise NotFound(
            f"There is no store yet in {place}; no backup was made",
            hint="`todo doctor` shows which store is in use, and why",
        ) from None


async def _read_all(
    faults: intake.Faults,
    rows: "Scratch",
    whose: str | None,
    connection: Any,
) -> None:
    """Read every row; `connection` is one of either store."""
    # A lost connection makes us begin anew.
    faults.clear()
    if connection.is_sqlite:
        await intake.refuse_programs(connection, faults.place)
    if whose is not None:
        connection.claim(schema.USER_SETTING, whose)
    async with connection.snapshot():
        await _refuse_other_tables(connection, faults.place)
        await _refuse_hidden_rows(connection, faults.place, whose)
        await intake.read_rows(connection, rows, faults, whose=whose)
        # Again: now that all tables were read, nobody can change that.
        role = await _refuse_hidden_rows(connection, faults.place, whose)
    is_other = role is not None and role != whose
    if is_other and await rows.count("counter") == 0:
        raise Forbidden(
            f"The role {role} sees no list of {whose} in {faults.place}; "
            "no backup was made",
            hint=f"log in with the role of {whose}",
        )
    faults.refuse()


async def _refuse_other_tables(connection: Connection, place: str) -> None:
    """Refuse tables that we do not know: they would be left out.

    Raises:
        NoStore: there are no tables at all.
        SchemaMismatch: there are others, or the version is another one.
    """
    state = await schema.read_state(connection)
    if state.fit is Fit.ABSENT:
        raise NoStore
    if state.fit not in (Fit.CURRENT, Fit.OUTDATED):
        raise schema.mismatch(state, place)
    others = await _other_tables(connection)
    if others:
        named = first_few(others, _NAMED_UP_TO)
        raise SchemaMismatch(
            f"There are tables in {place} that a backup would leave out: "
            f"{named}",
            hint="no backup was made; upgrade todo here, or move what is "
            "another program's to another place",
        )


async def _other_tables(connection: Connection) -> list[str]:
    """Return the names of the tables that are not ours, in order."""
    ours = {*schema.REVISIONS[schema.HEAD], schema.VERSION_TABLE}
    others = []
    for (name,) in await connection.fetch("tables_there"):
        is_of_file = connection.is_sqlite and name.startswith(_OF_A_FILE)
        if name not in ours and not is_of_file:
            others.append(name)
    return sorted(others)


async def _refuse_hidden_rows(
    connection: Connection, place: str, whose: str | None
) -> str | None:
    """Refuse to copy a part of the store as if it were the whole.

    Returns the name of our role if row-level security binds it to its own
    rows, and one user is meant.

    Raises:
        Forbidden: it does, and all users are meant.
    """
    # A file has no roles.
    if connection.is_sqlite:
        return None
    bound = []
    for table, name in await connection.fetch("bound"):
        # What is not copied may be hidden.
        if table in connection.statements.tables:
            bound.append((table, name))
    if not bound:
        return None
    role: str = bound[0][1]
    if whose is None:
        names = first_few([table for table, _ in bound], _NAMED_UP_TO)
        raise Forbidden(
            f"Row-level security hides rows of {names} from the role {role} "
            f"in {place}; no backup was made",
            hint="`--mine` backs up your own tasks; for all, log in as a "
            "superuser or with a role that has BYPASSRLS",
        )
    # The role of a server sees all rows of the user who is meant.
    return None if await fetch_value(connection, "walled") else role


# Writing the file


async def _write(
    rows: "Scratch", part: Path, report: Callable[[int, int], None]
) -> None:
    """Write all rows into a new store at this path."""
    async with open_database(SqliteTarget(part)) as target:
        await target.run(
            partial(_write_all, rows, report),
            effect=Effect.REPEATABLE,
            creates=True,
            together=True,
        )


async def _write_all(
    rows: "Scratch",
    report: Callable[[int, int], None],
    connection: Connection,
) -> None:
    """Write the rows of every table, as they are.

    Not as an import does: that would note itself in the history.
    """
    total = await rows.count("task")
    done = 0
    for table in connection.statements.tables:
        async with aclosing(rows.read(table, _BATCH)) as batches:
            async for batch in batches:
                if table != "task":
                    await connection.store(f"copy_{table}", batch)
                    continue
                await store_tasks(connection, "copy_task", batch)
                await add_tags(connection, batch)
                done += len(batch)
                report(done, total)
    await search.enter_all(connection)
