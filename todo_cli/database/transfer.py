"""Copying everything from one store into another: the road from the embedded
file to a server.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from todo_cli.database import schema
from todo_cli.database.engine import Database, Effect
from todo_cli.database.failures import is_collision
from todo_cli.database.run import Connection
from todo_cli.database.schema import NAME_ANOTHER
from todo_cli.database.sidecars import LeftBehind
from todo_cli.database.url import SqliteTarget, Target
from todo_cli.errors import (
    ConfigInvalid,
    Conflict,
    IoFailed,
    NoStore,
    SchemaMismatch,
)

Row = dict[str, Any]
T = TypeVar("T")

_NAME: Final = "name the file that `todo doctor` shows"
_CHECK: Final = "nothing was copied; check the path, the file and its rights"
_BATCH: Final = 10_000
"""Rows in one batch: two statements, so about four round trips, each."""


@dataclass(frozen=True, slots=True)
class Imported:
    """How many tasks of how many users the source holds, and how many of them
    were not there before.
    """

    tasks: int
    users: int
    new: int
    new_users: Sequence[str] = ()
    """Users of those tasks who had no list before."""


async def copy(
    source: Database, target: Database, report: Callable[[int, int], None]
) -> Imported:
    """Copy all that a store holds of every user, keeping ids, numbers and
    times; all or nothing, a repeat is harmless.

    A task that is there already stays as it is there. Counters only grow.
    `report` hears of tasks done, and of all.

    Raises:
        IoFailed: the source is not there, or is not a file that holds tasks.
        SchemaMismatch: the source is somebody else's, or of a newer version.
        Conflict: an id is another user's there, or a number is another task's.
    """
    rows = await _read_source(source)
    place = source.target.place
    return await target.run(
        lambda connection: _write(connection, rows, place, report),
        effect=Effect.REPEATABLE,
        creates=True,
        together=True,
    )


async def _write(
    connection: Connection,
    rows: Mapping[str, Sequence[Row]],
    place: str,
    report: Callable[[int, int], None],
) -> Imported:
    """Store the rows of a source, by table, in the transaction of the
    caller.
    """
    others = dict(rows)
    tasks = others.pop("task")
    counters = _counters(others.pop("counter"), tasks)
    users = list(dict.fromkeys(task["user_id"] for task in tasks))
    new_users = await _unknown(connection, users)
    if not tasks:  # else the next statements find out whether there is a store
        await connection.fetch("any_task")
    await _raise_counters(connection, counters)
    new = 0
    done = 0
    for batch in _batches(tasks):
        new += await _add(connection, batch, place)
        done += len(batch)
        report(done, len(tasks))
    await _add_others(connection, others)
    if not connection.is_sqlite:  # plan lists well before autovacuum runs
        await connection.execute("ANALYZE todo.task")
    return Imported(len(tasks), len(counters), new, new_users)


async def _read_source(source: Database) -> dict[str, list[Row]]:
    """Every row of the source, by table; what is wrong with it is said of the
    source.
    """
    place = source.target.place
    try:
        return await source.run(lambda connection: _read(connection, place))
    except NoStore:
        raise IoFailed(
            f"{place} {_emptiness(source.target)}", hint=_NAME
        ) from None
    except SchemaMismatch as error:
        if error.hint != NAME_ANOTHER:
            raise
        raise SchemaMismatch(
            f"{place} is a database, but not one of todo's", hint=_NAME
        ) from None
    except LeftBehind:
        raise
    except (
        IoFailed,
        ConfigInvalid,
    ) as error:  # whose hints are about the store in use
        raise type(error)(error.message, hint=_CHECK) from error


def _emptiness(target: Target) -> str:
    """What is the matter with a source in which there is no store."""
    if isinstance(target, SqliteTarget) and target.path.exists():
        return (
            "is empty" if target.path.stat().st_size == 0 else "holds no tasks"
        )
    return "does not exist"


def is_same_file(one: Target, other: SqliteTarget) -> bool:
    """Whether two stores are one embedded file, however their paths are
    spelled.
    """
    try:
        return isinstance(one, SqliteTarget) and one.path.samefile(other.path)
    except OSError:  # one of them is not there, or cannot be looked at
        return one == other


async def _read(connection: Connection, place: str) -> dict[str, list[Row]]:
    """Every row of every table of ours, by table, in an order in which all
    copies lock.

    The counters come last: a counter that is ahead of the tasks does no harm.

    Raises:
        SchemaMismatch: the source is of a newer version, and may hold what we
            do not know.
    """
    version = await schema.read_version(connection)
    if version not in schema.REVISIONS:
        raise schema.mismatch(schema.State(schema.Fit.NEWER, version), place)
    rows = {}
    tables = connection.statements.tables
    for table in sorted(tables, key=lambda table: table == "counter"):
        names = connection.statements.columns(table)
        found = await connection.fetch(f"read_{table}")
        rows[table] = [dict(zip(names, row, strict=True)) for row in found]
    return rows


def _counters(counters: Sequence[Row], tasks: Sequence[Row]) -> list[Row]:
    """The counter of every user, moved on to the highest number of their
    tasks: a restored table can be behind.
    """
    last = {counter["user_id"]: counter["last"] for counter in counters}
    for task in tasks:
        last[task["user_id"]] = max(
            last.get(task["user_id"], 0), task["number"]
        )
    return [{"user_id": user, "last": last[user]} for user in sorted(last)]


def _batches(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """The rows in order, at most `_BATCH` of them at a time."""
    for start in range(0, len(rows), _BATCH):
        yield rows[start : start + _BATCH]


async def _unknown(connection: Connection, users: Sequence[str]) -> list[str]:
    """Those of the users, in their order, who never had a task here.

    A restored table can lack a counter.
    """
    known: set[str] = set()
    for batch in _batches(users):
        known |= {
            user
            for (user,) in await connection.fetch("known_users", users=batch)
        }
    return [user for user in users if user not in known]


async def _raise_counters(
    connection: Connection, counters: Sequence[Row]
) -> None:
    """Lock the users' counters until the end, and move them on where they are
    behind.

    Behind those of the source, or behind a task that is here.
    """
    if counters:
        await connection.store("raise_counter", counters)
    for batch in _batches(counters):
        await connection.fetch(
            "catch_up", users=[row["user_id"] for row in batch]
        )


async def _add(
    connection: Connection, tasks: Sequence[Row], place: str
) -> int:
    """Store the tasks of one batch that are not there yet, and return their
    number.
    """
    there = await connection.fetch(
        "owners_of", ids=[task["id"] for task in tasks]
    )
    stored = {id: (user_id, number) for id, user_id, number in there}
    for task in tasks:
        key = (task["user_id"], task["number"])
        if stored.get(task["id"], key) != key:
            raise Conflict(
                f"The id {task['id']} of {place} is taken here",
                hint="nothing was copied",
            )
    fresh = [task for task in tasks if task["id"] not in stored]
    if not fresh:
        return 0
    try:
        await connection.store("copy_task", fresh)
    except Exception as error:
        if not is_collision(error):
            raise
        raise Conflict(
            f"A number of {place} is another task's here",
            hint="nothing was copied; import into an empty store",
        ) from error
    return len(fresh)


async def _add_others(
    connection: Connection, rows: Mapping[str, Sequence[Row]]
) -> None:
    """Store the rows of all other tables whose keys are not there yet."""
    for table, found in rows.items():
        for batch in _batches(found):
            await connection.store(f"copy_{table}", batch)
