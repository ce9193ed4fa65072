"""Every query of the product, always for one user; SQLModel's expressions, the same on both stores.

A method is one statement, and so one transaction, unless its docstring says otherwise.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Delete,
    Executable,
    Integer,
    Text,
    Update,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    or_,
    true,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

from todo_cli.database.tables import CounterRow, Instant, TaskRow
from todo_cli.errors import Conflict
from todo_cli.task import (
    Added,
    Position,
    Reference,
    Task,
    TaskPage,
    TaskQuery,
    TaskStatus,
)

COUNTED_UP_TO: Final = 1_000
"""Counts stop after this many rows, so that a list costs the same however long it grows."""

_TASK: Final = TaskRow.__table__  # type: ignore[attr-defined]  # SQLModel declares it, untyped
_COUNTER: Final = CounterRow.__table__  # type: ignore[attr-defined]
_USER: Final = bindparam("user", type_=Text)
_CREATED_AT: Final = bindparam("created_at", type_=Instant)
_NUMBER: Final = bindparam("number", type_=Integer)
_COLUMNS: Final = tuple(_TASK.c[name] for name in Task.__slots__)


class TaskRepository:
    """The tasks of one user, over a session that somebody else opened and will close."""

    def __init__(self, session: AsyncSession, user_id: str) -> None:
        self._session = session
        self._user_id = user_id

    @property
    def on_sqlite(self) -> bool:
        """Whether the session speaks to SQLite."""
        return self._session.get_bind().dialect.name == "sqlite"

    async def add(self, task: Task) -> Added:
        """Store a task under the user's next number, or return the one of the same id,
        which uses up no number.

        PostgreSQL: one statement. SQLite has no data-changing CTE: call it inside a transaction.

        Raises:
            Conflict: another user holds the id.
        """
        if self.on_sqlite:
            return (await self.add_all([task]))[0]
        rows = await self._rows(_addition(), _bound(task))
        if not rows:
            raise _held_by_another(task.id)
        return Added(Task(*rows[0][:-1]), is_new=bool(rows[0][-1]))

    async def add_all(self, tasks: Sequence[Task]) -> list[Added]:
        """Store tasks in the order given, under numbers in a row; those whose id is
        there come back unchanged.

        Several statements: call it inside a transaction. The user's counter is locked
        first, so that the same call at the same instant sees what this one stored; on
        SQLite the transaction has shut all others out already.

        Raises:
            Conflict: another user holds one of the ids.
        """
        if not self.on_sqlite:
            await self._reserve(0)
        stored = await self._stored([task.id for task in tasks])
        fresh = [task for task in tasks if task.id not in stored]
        if fresh:
            first = await self._reserve(len(fresh)) - len(fresh) + 1
            for number, task in enumerate(fresh, start=first):
                task.number = number
            await (await self._session.connection()).execute(
                insert(_TASK), [_values(task) for task in fresh]
            )
        made = {task.id: task for task in fresh}
        return [
            Added(made.get(task.id) or stored[task.id], is_new=task.id in made)
            for task in tasks
        ]

    async def page(self, query: TaskQuery) -> TaskPage:
        """Read tasks newest first, ties by number descending, and both counts, in one statement.

        One row more than the limit tells whether the list goes on. The index leads
        straight to the position, so that a late page costs what the first one does.
        """
        statement = _page(
            query.status,
            is_limited=query.limit is not None,
            is_continued=query.after is not None,
        )
        values: dict[str, Any] = {"user": self._user_id}
        if query.limit is not None:
            values["most"] = query.limit + 1
        if query.after is not None:
            values |= query.after._asdict()
        rows = await self._rows(statement, values)
        open_count, done_count = rows[0][:2]
        tasks = [Task(*row[2:]) for row in rows if row[2] is not None]
        # No join promises the order of its rows; sorting rows that are in order already
        # costs next to nothing.
        tasks.sort(key=lambda task: (task.created_at, task.number), reverse=True)
        shown = tasks[: query.limit]
        goes_on = (
            Position(shown[-1].created_at, shown[-1].number)
            if len(shown) < len(tasks)
            else None
        )
        return TaskPage(shown, open_count, done_count, query, goes_on)

    async def named(self, references: Sequence[Reference]) -> list[Task]:
        """Read the tasks that the references name and that exist, by number."""
        if len(references) == 1 and not isinstance(references[0], range):
            key = "id" if isinstance(references[0], UUID) else "number"
            rows = await self._rows(
                _single(key), {"user": self._user_id, "key": references[0]}
            )
        else:
            statement = select(*_COLUMNS).where(
                _TASK.c.user_id == self._user_id, _names(references, _TASK.c)
            )
            rows = (await self._session.exec(statement.order_by(_TASK.c.number))).all()
        return [Task(*row) for row in rows]

    async def change(
        self, references: Sequence[Reference], changes: dict[str, Any], now: datetime
    ) -> list[Task]:
        """Set the named columns on every task named, all or nothing; empty when one is missing.

        The rows are locked in the order of their numbers first: no half of it is done
        beside a concurrent delete, and crossing calls do not deadlock. `updated_at`
        moves on the rows where a value really changes; a task that is completed already
        keeps its time.
        """
        locked, all_there = self._lock(references)
        differs = or_(
            *(_TASK.c[name].is_distinct_from(value) for name, value in changes.items())
        )
        at = literal(now, Instant)
        values: dict[str, Any] = {
            **changes,
            "updated_at": case((differs, at), else_=_TASK.c.updated_at),
        }
        if "completed" in changes:
            values["completed_at"] = (
                func.coalesce(_TASK.c.completed_at, at)
                if changes["completed"]
                else None
            )
        statement = update(TaskRow).where(
            _TASK.c.user_id == self._user_id,
            _TASK.c.id.in_(select(locked.c.id)),
            *all_there,
        )
        return await self._changed(statement.values(values))

    async def remove(self, references: Sequence[Reference]) -> list[Task]:
        """Delete every task named, all or nothing, and return them as they were; empty
        when one is missing.
        """
        locked, all_there = self._lock(references)
        statement = delete(TaskRow).where(
            _TASK.c.user_id == self._user_id,
            _TASK.c.id.in_(select(locked.c.id)),
            *all_there,
        )
        return await self._changed(statement)

    def _lock(
        self, references: Sequence[Reference]
    ) -> tuple[Any, list[ColumnElement[bool]]]:
        """The rows named, locked in order (SQLite has one writer and needs no lock),
        and that none is missing.
        """
        mine = select(_TASK.c.id, _TASK.c.number).where(
            _TASK.c.user_id == self._user_id, _names(references, _TASK.c)
        )
        locked = mine.order_by(_TASK.c.number).with_for_update().cte("mine")
        singles = [
            reference for reference in references if not isinstance(reference, range)
        ]
        numbers = {reference for reference in singles if isinstance(reference, int)}
        ids = {reference for reference in singles if isinstance(reference, UUID)}
        count = select(func.count()).select_from(locked)
        return locked, [
            *(
                [
                    count.where(locked.c.number.in_(numbers)).scalar_subquery()
                    == len(numbers)
                ]
                if numbers
                else []
            ),
            *(
                [count.where(locked.c.id.in_(ids)).scalar_subquery() == len(ids)]
                if ids
                else []
            ),
            *(
                select(locked.c.id).where(_within(locked.c.number, span)).exists()
                for span in references
                if isinstance(span, range)
            ),
        ]

    async def _changed(self, statement: Update | Delete) -> list[Task]:
        """Run a change and return the rows that it touched."""
        rows = (await self._session.exec(statement.returning(*_COLUMNS))).all()
        return [Task(*row) for row in rows]

    async def _rows(
        self, statement: Executable, values: dict[str, Any]
    ) -> Sequence[Any]:
        """The rows of a statement that was written before, its values filled in."""
        connection = cast(
            AsyncConnection, self._session.bind
        )  # bound to one in `engine.py`
        return (await connection.execute(statement, values)).all()

    def _insert(self, table: type[SQLModel]) -> Any:
        """The INSERT of the store's own dialect, which knows ON CONFLICT; the other
        dialect is never loaded.
        """
        if self.on_sqlite:
            from sqlalchemy.dialects import sqlite

            return sqlite.insert(table)
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)

    async def _reserve(self, numbers: int) -> int:
        """Move the user's counter on, hold its lock until the transaction ends, and
        return the last number given.
        """
        counter = self._insert(CounterRow).from_select(
            ["user_id", "last"],
            select(literal(self._user_id, Text), _highest(self._user_id) + numbers),
        )
        statement = counter.on_conflict_do_update(
            index_elements=["user_id"],
            set_={"last": _further(counter.excluded.last, numbers)},
        ).returning(_COUNTER.c.last)
        return int(
            (await (await self._session.connection()).execute(statement)).scalar_one()
        )

    async def _stored(self, ids: Sequence[UUID]) -> dict[UUID, Task]:
        """The tasks that have one of the ids already."""
        found: dict[UUID, Task] = {}
        for start in range(0, len(ids), _PARAMETERS):
            statement = select(*_COLUMNS).where(
                _TASK.c.id.in_(ids[start : start + _PARAMETERS])
            )
            found |= {
                row[0]: Task(*row)
                for row in (await self._session.exec(statement)).all()
            }
        for id in ids:  # in the order asked, so that both stores name the same one
            if id in found and found[id].user_id != self._user_id:
                raise _held_by_another(id)
        return found


_PARAMETERS: Final = 10_000
"""Values in one statement; PostgreSQL takes 32,767, SQLite 32,766."""


def _values(task: Task) -> dict[str, Any]:
    return {name: getattr(task, name) for name in Task.__slots__}


def _bound(task: Task) -> dict[str, Any]:
    """The values of a task under the names that `_addition` leaves open."""
    return {
        f"the_{name}": getattr(task, name)
        for name in Task.__slots__
        if name != "number"
    }


@cache
def _addition() -> Any:
    """The INSERT of one task on PostgreSQL, values left open; writing it anew takes
    longer than running it.
    """
    from sqlalchemy.dialects import postgresql

    given = {
        name: bindparam(f"the_{name}", type_=_TASK.c[name].type)
        for name in Task.__slots__
    }
    stored = select(_TASK.c.number).where(_TASK.c.id == given["id"])
    counter = postgresql.insert(_COUNTER).from_select(
        ["user_id", "last"],
        select(given["user_id"], _highest(given["user_id"]) + 1).where(
            ~stored.exists()
        ),
    )
    counted = (
        counter.on_conflict_do_update(
            index_elements=["user_id"],
            set_={"last": _further(counter.excluded.last, 1)},
        )
        .returning(_COUNTER.c.last)
        .cte("given")
    )
    number = select(counted.c.last).scalar_subquery()
    new = postgresql.insert(_TASK).values(
        {**given, "number": func.coalesce(number, stored.scalar_subquery())}
    )
    return new.on_conflict_do_update(
        index_elements=["id"],
        set_={"id": new.excluded.id},
        where=_TASK.c.user_id == new.excluded.user_id,
    ).returning(*_COLUMNS, (_TASK.c.number == number).label("is_new"))


def _highest(user: Any) -> ColumnElement[int]:
    """The highest number among the tasks of a user, 0 without any."""
    highest = (
        select(func.max(_TASK.c.number))
        .where(_TASK.c.user_id == user)
        .scalar_subquery()
    )
    return func.coalesce(highest, literal(0))


def _further(proposed: ColumnElement[int], numbers: int) -> ColumnElement[int]:
    """Where a counter that is there moves to: `numbers` on, or to the number proposed,
    if it lags behind the tasks.
    """
    return case(
        (_COUNTER.c.last + numbers < proposed, proposed),
        else_=_COUNTER.c.last + numbers,
    )


@cache
def _single(key: str) -> Any:
    """The SELECT of one task of `user` by its id or number."""
    return select(*_COLUMNS).where(
        _TASK.c.user_id == _USER,
        _TASK.c[key] == bindparam("key", type_=_TASK.c[key].type),
    )


@cache
def _page(status: TaskStatus, *, is_limited: bool, is_continued: bool) -> Any:
    """The SELECT of a page and both counts; `most` rows, after `created_at` and
    `number`, where there are bounds.
    """
    newest = _newest(status, *_COLUMNS, is_continued=is_continued)
    if is_limited:
        newest = newest.limit(bindparam("most", type_=Integer))
    page = newest.subquery("page")
    counts = select(_count(TaskStatus.OPEN), _count(TaskStatus.DONE)).subquery("counts")
    return select(*counts.c, *page.c).select_from(counts.outerjoin(page, true()))


def _newest(status: TaskStatus, *columns: Any, is_continued: bool = False) -> Any:
    """The tasks of `user` of a status, newest first, in the order of an index; after a
    position if continued.

    A status is written as one bound and stands in the order too: PostgreSQL would see
    through `completed = true`, take the index without it, and walk all of the user's
    rows in search of the few. Two bounds it would, without statistics, take for so few
    rows that it sorts them.
    """
    mine = select(*columns).where(_TASK.c.user_id == _USER)
    order, here = [_TASK.c.created_at, _TASK.c.number], [_CREATED_AT, _NUMBER]
    if status is not TaskStatus.ALL:
        order, here = (
            [_TASK.c.completed, *order],
            [literal(status is TaskStatus.DONE), *here],
        )
    if (
        is_continued
    ):  # compared by all columns of the order: the index leads straight to it
        mine = mine.where(tuple_(*order) < tuple_(*here))
    if status is TaskStatus.DONE:
        mine = mine.where(_TASK.c.completed > literal(False))
    if (
        status is TaskStatus.OPEN and not is_continued
    ):  # else said already; SQLite would take this bound, not that one
        mine = mine.where(_TASK.c.completed < literal(True))
    return mine.order_by(*(column.desc() for column in order))


def _count(status: TaskStatus) -> ColumnElement[int]:
    """How many tasks of `user` have a status; `COUNTED_UP_TO` + 1 when there are more."""
    few = _newest(status, literal(1)).limit(COUNTED_UP_TO + 1).subquery()
    return (
        select(func.count()).select_from(few).scalar_subquery().label(f"{status}_count")
    )


def _names(references: Sequence[Reference], columns: Any) -> ColumnElement[bool]:
    numbers = [reference for reference in references if isinstance(reference, int)]
    ids = [reference for reference in references if isinstance(reference, UUID)]
    return or_(
        *([columns.number.in_(numbers)] if numbers else []),
        *([columns.id.in_(ids)] if ids else []),
        *(
            _within(columns.number, span)
            for span in references
            if isinstance(span, range)
        ),
    )


def _within(number: ColumnElement[int], span: range) -> ColumnElement[bool]:
    return and_(number >= span.start, number < span.stop)


def _held_by_another(id: UUID) -> Conflict:
    return Conflict(f"The id {id} is taken", hint="leave --id out, or use a fresh one")
