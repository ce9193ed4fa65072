"""Copying everything from one store into another: the road from the embedded file to a server."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Table, case, func, insert, union, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

from todo_cli.database import schema
from todo_cli.database.engine import Database, Effect
from todo_cli.database.schema import NAME_ANOTHER
from todo_cli.database.sidecars import LeftBehind
from todo_cli.database.tables import CounterRow, TaskRow
from todo_cli.database.url import SqliteTarget, Target
from todo_cli.errors import ConfigInvalid, Conflict, IoFailed, NoStore, SchemaMismatch

Row = dict[str, Any]

_TASK: Final = TaskRow.__table__  # type: ignore[attr-defined]  # SQLModel declares it, untyped
_COUNTER: Final = CounterRow.__table__  # type: ignore[attr-defined]
_NAME: Final = "name the file that `todo doctor` shows"
_CHECK: Final = "nothing was copied; check the path, the file and its rights"
_BATCH: Final = 10_000
"""Rows in one batch: two statements, so about four round trips, each; PostgreSQL takes
32,767 values in one.
"""


@dataclass(frozen=True, slots=True)
class Imported:
    """How many tasks of how many users the source holds, and how many of them were not
    there before.
    """

    tasks: int
    users: int
    new: int
    new_users: Sequence[str] = ()
    """Users of those tasks who had no list before."""


async def copy(
    source: Database, target: Database, report: Callable[[int, int], None]
) -> Imported:
    """Copy all that a store holds of every user, keeping ids, numbers and times; all or
    nothing, a repeat is harmless.

    A task that is there already stays as it is there. Counters only grow. `report`
    hears of tasks done, and of all.

    Raises:
        IoFailed: the source is not there, or is not a file that holds tasks.
        SchemaMismatch: the source is somebody else's, or of a newer version.
        Conflict: an id is another user's there, or a number is another task's.
    """
    place = source.target.place
    try:
        rows = await source.run(lambda session: _read(session, place))
    except NoStore:
        raise IoFailed(f"{place} {_emptiness(source.target)}", hint=_NAME) from None
    except SchemaMismatch as error:
        if error.hint != NAME_ANOTHER:
            raise
        raise SchemaMismatch(
            f"{place} is a database, but not one of todo's", hint=_NAME
        ) from None
    except LeftBehind:
        raise
    except (IoFailed, ConfigInvalid) as error:  # whose hints are about the store in use
        raise type(error)(error.message, hint=_CHECK) from error
    tasks = rows.pop(_TASK)
    counters = _counters(rows.pop(_COUNTER), tasks)

    async def write(session: AsyncSession) -> tuple[int, Sequence[str]]:
        connection = await session.connection()
        new_users = await _unknown(
            connection, list(dict.fromkeys(task["user_id"] for task in tasks))
        )
        if (
            not tasks
        ):  # else the statements that follow find out whether there is a store
            await connection.scalar(select(_TASK.c.id).limit(1))
        await _raise_counters(connection, counters)
        new = 0
        for start in range(0, len(tasks), _BATCH):
            new += await _add(connection, tasks[start : start + _BATCH], place)
            report(min(start + _BATCH, len(tasks)), len(tasks))
        await _add_others(connection, rows)
        if (
            not target.is_sqlite
        ):  # so that lists are planned well before autovacuum comes round
            await connection.exec_driver_sql(f"ANALYZE {_TASK.fullname}")
        return new, new_users

    new, new_users = await target.run(
        write, effect=Effect.REPEATABLE, creates=True, together=True
    )
    return Imported(len(tasks), len(counters), new, new_users)


def _emptiness(target: Target) -> str:
    """What is the matter with a source in which there is no store."""
    if isinstance(target, SqliteTarget) and target.path.exists():
        return "is empty" if target.path.stat().st_size == 0 else "holds no tasks"
    return "does not exist"


def is_same_file(one: Target, other: SqliteTarget) -> bool:
    """Whether two stores are one embedded file, however their paths are spelled."""
    try:
        return isinstance(one, SqliteTarget) and one.path.samefile(other.path)
    except OSError:  # one of them is not there, or cannot be looked at
        return one == other


async def _read(session: AsyncSession, place: str) -> dict[Table, list[Row]]:
    """Every row of every table of ours, in an order in which all copies take their locks.

    Raises:
        SchemaMismatch: the source is of a newer version, and may hold what this program
            does not know.
    """
    connection = await session.connection()
    version = await schema.read_version(connection)
    if version not in schema.REVISIONS:
        raise schema.mismatch(schema.State(schema.Fit.NEWER, version), place)
    rows = {}
    for table in sorted(
        SQLModel.metadata.sorted_tables, key=lambda table: table is _COUNTER
    ):  # ahead is harmless
        keys = (
            (_TASK.c.user_id, _TASK.c.number)
            if table is _TASK
            else table.primary_key.columns
        )
        found = await connection.execute(select(*table.c).order_by(*keys))
        rows[table] = [dict(row) for row in found.mappings()]
    return rows


def _counters(counters: Sequence[Row], tasks: Sequence[Row]) -> list[Row]:
    """The counter of every user, moved on to the highest number of their tasks: a
    restored table can be behind.
    """
    last = {counter["user_id"]: counter["last"] for counter in counters}
    for task in tasks:
        last[task["user_id"]] = max(last.get(task["user_id"], 0), task["number"])
    return [{"user_id": user, "last": last[user]} for user in sorted(last)]


async def _unknown(connection: AsyncConnection, users: Sequence[str]) -> list[str]:
    """Those of the users, in their order, who never had a task here; a restored table
    can lack a counter.
    """
    known: set[str] = set()
    for start in range(0, len(users), _BATCH):
        batch = users[start : start + _BATCH]
        columns = (_COUNTER.c.user_id, _TASK.c.user_id)
        known |= set(
            await connection.scalars(
                union(*(select(column).where(column.in_(batch)) for column in columns))
            )
        )
    return [user for user in users if user not in known]


async def _raise_counters(connection: AsyncConnection, counters: Sequence[Row]) -> None:
    """Lock the users' counters until the end, and move them on where the source, or a
    task here, is further.
    """
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    new = dialect.insert(CounterRow)
    higher = case(
        (new.excluded.last > _COUNTER.c.last, new.excluded.last), else_=_COUNTER.c.last
    )
    if counters:
        await connection.execute(
            new.on_conflict_do_update(
                index_elements=["user_id"], set_={"last": higher}
            ),
            counters,
        )
    highest = (
        select(func.max(_TASK.c.number))
        .where(_TASK.c.user_id == _COUNTER.c.user_id)
        .scalar_subquery()
    )
    for start in range(0, len(counters), _BATCH):
        users = [counter["user_id"] for counter in counters[start : start + _BATCH]]
        behind = update(_COUNTER).where(
            _COUNTER.c.user_id.in_(users), _COUNTER.c.last < highest
        )
        await connection.execute(behind.values(last=highest))


async def _add(connection: AsyncConnection, tasks: Sequence[Row], place: str) -> int:
    """Store the tasks of one batch that are not there yet, and return how many they were."""
    there = await connection.execute(
        select(_TASK.c.id, _TASK.c.user_id, _TASK.c.number).where(
            _TASK.c.id.in_([task["id"] for task in tasks])
        )
    )
    stored = {id: (user_id, number) for id, user_id, number in there}
    for task in tasks:
        if stored.get(task["id"], (task["user_id"], task["number"])) != (
            task["user_id"],
            task["number"],
        ):
            raise Conflict(
                f"The id {task['id']} of {place} is taken here",
                hint="nothing was copied",
            )
    fresh = [task for task in tasks if task["id"] not in stored]
    if fresh:
        try:
            await connection.execute(insert(_TASK), fresh)
        except IntegrityError as error:
            raise Conflict(
                f"A number of {place} is another task's here",
                hint="nothing was copied; import into an empty store",
            ) from error
    return len(fresh)


async def _add_others(
    connection: AsyncConnection, rows: Mapping[Table, Sequence[Row]]
) -> None:
    """Store the rows of all other tables whose keys are not there yet."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    for table, found in rows.items():
        for start in range(0, len(found), _BATCH):
            await connection.execute(
                dialect.insert(table).on_conflict_do_nothing(),
                found[start : start + _BATCH],
            )
