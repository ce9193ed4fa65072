"""Copy everything from one store into another: `todo db import`.

Usually from an embedded file to a server.
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
from todo_cli.disk import DiskFailed
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
"""Rows in one batch.

A batch takes two statements, about four round trips.
"""


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of an import.

    `tasks` and `users` count what the source contains, `new` the tasks that
    were not in the target before.
    """

    tasks: int
    users: int
    new: int
    new_users: Sequence[str] = ()
    """The users of those tasks who had no tasks in the target before."""


async def copy(
    source: Database, target: Database, report: Callable[[int, int], None]
) -> Imported:
    """Copy every user's tasks with their ids, numbers and times.

    All or nothing, and a repeat is harmless. A task that exists in the target
    is not changed. Counters only grow. `report` is called with the number of
    tasks done and of all tasks.

    Raises:
        IoFailed: the source is missing, or is not a file with tasks.
        SchemaMismatch: the source is another program's, or of a newer version.
        Conflict: an id belongs to another user in the target, or a number to
            another task.
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
    """Store the rows of a source, by table, in the caller's transaction."""
    # Tasks and counters depend on each other; other tables are copied as they
    # are.
    others = dict(rows)
    tasks = others.pop("task")
    counters = _counters(others.pop("counter"), tasks)
    users = list(dict.fromkeys(task["user_id"] for task in tasks))
    new_users = await _unknown(connection, users)
    # Without tasks no other statement would notice a missing store.
    if not tasks:
        await connection.fetch("any_task")
    # Before the tasks: the locks keep concurrent adds from taking a number.
    await _raise_counters(connection, counters)
    new = 0
    done = 0
    for batch in _batches(tasks):
        new += await _add(connection, batch, place)
        done += len(batch)
        report(done, len(tasks))
    await _add_others(connection, others)
    # Lists get good plans at once, not only after autovacuum.
    if not connection.is_sqlite:
        await connection.execute("ANALYZE todo.task")
    return Imported(len(tasks), len(counters), new, new_users)


async def _read_source(source: Database) -> dict[str, list[Row]]:
    """Read every row of the source, by table.

    Errors are about the source, so their hints are replaced.
    """
    place = source.target.place
    try:
        return await source.run(lambda connection: _read(connection, place))
    except NoStore:
        # Here a missing store is an error: the user named it.
        raise IoFailed(
            f"{place} {_emptiness(source.target)}", hint=_NAME
        ) from None
    except SchemaMismatch as error:
        if error.hint != NAME_ANOTHER:
            # Older, newer or untrusted: the hint fits any store.
            raise
        raise SchemaMismatch(
            f"{place} is a database, but not one of todo's", hint=_NAME
        ) from None
    except (LeftBehind, DiskFailed):
        # Its hint is about the source, so keep it.
        raise
    except (IoFailed, ConfigInvalid) as error:
        # Its hint is about the store in use.
        raise type(error)(error.message, hint=_CHECK) from error


def _emptiness(target: Target) -> str:
    """Say what is wrong with a source that contains no store."""
    if isinstance(target, SqliteTarget) and target.path.exists():
        size = target.path.stat().st_size
        return "is empty" if size == 0 else "holds no tasks"
    return "does not exist"


def is_same_file(one: Target, other: SqliteTarget) -> bool:
    """Whether two stores are one embedded file.

    The paths may differ, for example by a symlink.
    """
    try:
        return isinstance(one, SqliteTarget) and one.path.samefile(other.path)
    except OSError:
        # One of them does not exist, or cannot be read.
        return one == other


async def _read(connection: Connection, place: str) -> dict[str, list[Row]]:
    """Read every row of our tables, by table.

    The order is the order of locking in every import. Counters come last: a
    counter that is ahead of the tasks is harmless.

    Raises:
        SchemaMismatch: the source is of a newer version, with contents that we
            do not know.
    """
    version = await schema.read_version(connection)
    if version not in schema.REVISIONS:
        raise schema.mismatch(schema.State(schema.Fit.NEWER, version), place)
    rows = {}
    tables = connection.statements.tables
    others = [table for table in tables if table != "counter"]
    for table in [*others, "counter"]:
        names = connection.statements.columns(table)
        found = await connection.fetch(f"read_{table}")
        rows[table] = [dict(zip(names, row, strict=True)) for row in found]
    return rows


def _counters(counters: Sequence[Row], tasks: Sequence[Row]) -> list[Row]:
    """Return every user's counter, at least the highest number of a task.

    The counter of a restored table can be behind.
    """
    last = {counter["user_id"]: counter["last"] for counter in counters}
    for task in tasks:
        user = task["user_id"]
        last[user] = max(last.get(user, 0), task["number"])
    # Sorted, so that two imports lock counters in the same order.
    return [{"user_id": user, "last": last[user]} for user in sorted(last)]


def _batches(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield the rows in order, at most `_BATCH` at a time."""
    for start in range(0, len(rows), _BATCH):
        yield rows[start : start + _BATCH]


async def _unknown(connection: Connection, users: Sequence[str]) -> list[str]:
    """Return the users who never had a task here.

    In the given order. Counters and tasks are searched: a restored table can
    lack a counter.
    """
    known: set[str] = set()
    for batch in _batches(users):
        rows = await connection.fetch("known_users", users=batch)
        known |= {user for (user,) in rows}
    return [user for user in users if user not in known]


async def _raise_counters(
    connection: Connection, counters: Sequence[Row]
) -> None:
    """Lock the users' counters and advance those that are behind.

    They can be behind the source, or behind a task that is here already. The
    locks are held until the transaction ends.
    """
    if counters:
        await connection.store("raise_counter", counters)
    for batch in _batches(counters):
        users = [row["user_id"] for row in batch]
        await connection.fetch("catch_up", users=users)


async def _add(
    connection: Connection, tasks: Sequence[Row], place: str
) -> int:
    """Store the missing tasks of one batch and return their number.

    Raises:
        Conflict: an id or a number belongs to another task here.
    """
    ids = [task["id"] for task in tasks]
    there = await connection.fetch("owners_of", ids=ids)
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
        # The id is new, so the number is taken: the target had tasks before.
        raise Conflict(
            f"A number of {place} is another task's here",
            hint="nothing was copied; import into an empty store",
        ) from error
    return len(fresh)


async def _add_others(
    connection: Connection, rows: Mapping[str, Sequence[Row]]
) -> None:
    """Store the rows of all other tables.

    A row whose key exists already is skipped.
    """
    for table, found in rows.items():
        for batch in _batches(found):
            await connection.store(f"copy_{table}", batch)
