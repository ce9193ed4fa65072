"""The operations of one user: the history, and taking them back.

On PostgreSQL an operation is noted by the statement that changes the tasks, and
one statement takes it back: see `history_queries.py`. On SQLite, and for many
new tasks at once, `note` is called in the transaction of the change.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from todo_cli.database import history
from todo_cli.database.filling import FOLDED, tag_rows
from todo_cli.database.rows import NAMES, fetch, read, sound, with_outcome
from todo_cli.database.run import (
    BeyondYears,
    Connection,
    Row,
    dropped,
    fetch_value,
    numbers_of,
)
from todo_cli.errors import SchemaMismatch
from todo_cli.fold import fold_or_none
from todo_cli.task import Command, HistoryPage, Latest, Task

_OWNER: Final = NAMES.index("user_id")
_SAVED: Final = "the change was saved"
_FACTS: Final = 10
"""How many columns come before those of a task after taking back."""
_LAST: Final = 2**31 - 1
"""The highest number of an operation, on both stores."""
_BATCH: Final = 1_000
"""How many tasks are set back at once in a file.

An import can be of 100,000 tasks. Of all of them only the tasks as they are at
the end are kept in memory, not what was there before.
"""


class Heading(NamedTuple):
    """What is noted of an operation besides its tasks."""

    id: UUID
    at: datetime
    command: str


class Change(NamedTuple):
    """What an operation does to one task."""

    task: Task
    old: history.Values
    new: history.Values


class TakenBack(NamedTuple):
    """What was found out about an operation, and what was done.

    If `operation` is None, nothing was changed.
    """

    number: int | None = None
    """The operation to take back; None if there is none."""
    command: str = ""
    undoes: int | None = None
    undone_by: int | None = None
    others: tuple[int, ...] = ()
    """The numbers of tasks that have changed since."""
    purged: tuple[int, ...] = ()
    """The numbers of purged tasks."""
    operation: int | None = None
    """The number under which this was noted."""
    root: str = ""
    """For an undo the command of what it took back."""
    is_late: bool = False
    """Whether it must be repeated: it did not see the last operation."""
    tasks: tuple[Task, ...] = ()

    @property
    def is_blocked(self) -> bool:
        """Whether it is nothing that can be taken back now."""
        is_undo = self.undoes is not None
        is_final = self.command in (Command.PURGE, Command.REDO)
        return is_undo or is_final or self.undone_by is not None


def to_values(heading: Heading) -> dict[str, Any]:
    """The parameter values of a statement that notes an operation."""
    return {
        "operation_id": heading.id,
        "now": heading.at,
        "command": str(heading.command),
    }


async def note(
    connection: Connection,
    user: str,
    heading: Heading,
    changes: Sequence[Change],
    *,
    undoes: int | None = None,
    number: int | None = None,
) -> int:
    """Note an operation in the transaction of its changes; return its number.

    `number` is one that was reserved before.

    Raises:
        Conflict: a rule of the database drops it.
    """
    if number is None:
        [(number,)] = await connection.fetch("next_operation", user=user)
    row = {
        "the_user_id": user,
        "the_number": number,
        "the_id": heading.id,
        "the_at": heading.at,
        "the_command": str(heading.command),
        "the_undoes": undoes,
        "the_undone_by": None,
    }
    await connection.store("insert_operation", [row])
    if changes:
        await note_changes(connection, user, number, changes)
    return number


async def note_changes(
    connection: Connection, user: str, number: int, changes: Sequence[Change]
) -> None:
    """Note what an operation that was noted before did to more tasks."""
    rows = [_row(user, number, each) for each in changes]
    await connection.store("insert_change", rows)


def _row(user: str, number: int, change: Change) -> dict[str, Any]:
    """The parameter values of a row of the table `change`."""
    return {
        "the_user_id": user,
        "the_operation": number,
        "the_task_id": change.task.id,
        "the_number": change.task.number,
        "the_old_values": history.written(change.old),
        "the_new_values": history.written(change.new),
    }


def differing(before: Sequence[Task], after: Sequence[Task]) -> list[Change]:
    """Return what differs between the old and the new tasks, by number.

    The version moves exactly where something is changed.
    """
    earlier = {task.id: task for task in before}
    found = []
    for task in after:
        was = earlier.get(task.id, task)
        if task.version != was.version:
            old, new = history.difference(was, task)
            found.append(Change(task, old, new))
    return sorted(found, key=lambda each: each.task.number)


class OperationRepository:
    """The operations of one user. The caller opens and closes the connection.

    Driver errors pass through: `Database.run` retries and translates them.
    """

    def __init__(self, connection: Connection, user_id: str) -> None:
        self._connection = connection
        self._user = user_id

    async def page(
        self, limit: int | None, before: int | None, task: int | None = None
    ) -> HistoryPage:
        """Read operations before a number, the latest first; one round trip.

        `task` is the number of a task; then only its changes are read. One
        operation more than the limit is read, to learn whether more follow.
        """
        most = _LAST if limit is None else min(limit, _LAST - 1) + 1
        values = {
            "user": self._user,
            "most": most,
            "before": _LAST if before is None else min(before, _LAST),
        }
        statement = "history"
        if task is not None:
            statement = "history_of_task"
            values["number"] = task
        rows = await self._fetched(statement, values)
        shown, goes_on = _cut(rows, limit)
        operations, fault = history.operations(shown, self._user)
        return HistoryPage(operations, goes_on, fault)

    async def latest(self) -> Latest:
        """Read the latest operation; one round trip, by the primary key.

        Raises:
            SchemaMismatch: another program stored wrong values.
        """
        name = "latest_operation"
        rows = await self._fetched(name, {"user": self._user})
        if not rows:
            return Latest()
        found = sound(rows[0], self._connection.statements[name].kinds)
        if found is None:
            raise history.unreadable([rows[0][0]], self._user)
        return Latest(*found)

    async def _fetched(
        self, statement: str, values: Mapping[str, Any]
    ) -> list[Row]:
        """Read the rows of a page.

        Raises:
            SchemaMismatch: a time is beyond Python's years.
        """
        try:
            return await self._connection.fetch(statement, **values)
        except BeyondYears:
            # The driver keeps nothing of the answer.
            raise SchemaMismatch(
                f"An operation of {self._user} cannot be read: "
                "another program stored a wrong time",
                hint="correct it with SQL",
            ) from None

    async def number_of(self, reference: int | UUID) -> int | None:
        """Return the number of a task, which may be purged; None without one."""
        if isinstance(reference, int):
            numbers = numbers_of(self._connection)
            return reference if reference in numbers else None
        number: int | None = await fetch_value(
            self._connection, "number_of", user=self._user, key=reference
        )
        return number

    async def take_back(
        self, statement: str, heading: Heading, number: int | None = None
    ) -> TakenBack:
        """Set back what an operation changed, all or nothing; note that.

        `statement` says which one: `undo` and `redo` the latest that can be,
        `undo_one` the one with the number. PostgreSQL takes one statement;
        SQLite takes several, in the transaction of the call.
        """
        if self._connection.is_sqlite:
            return await self._take_back(statement, heading, number)
        values = {"user": self._user} | to_values(heading)
        if number is not None:
            values["operation"] = number
        rows = await fetch(
            self._connection, self._user, statement, values, _SAVED
        )
        return self._found_in(rows, statement)

    def _found_in(self, rows: Sequence[Row], statement: str) -> TakenBack:
        """Read the answer of PostgreSQL."""
        seen, counted, *about = rows[0][:_FACTS]
        number, command, root, undoes, undone_by, *about = about
        others, purged, operation = about
        filled = [row[_FACTS:] for row in rows if row[_FACTS] is not None]
        kinds = self._connection.statements[statement].kinds[_FACTS:]
        tasks, odd = read(filled, kinds, self._user)
        if odd is not None:
            raise with_outcome(odd, _SAVED)
        return TakenBack(
            number,
            command or "",
            undoes,
            undone_by,
            _numbers(others),
            _numbers(purged),
            operation,
            is_late=operation is None and seen != counted,
            root=root or "",
            tasks=tuple(sorted(tasks, key=_number)),
        )

    # On SQLite

    async def _take_back(
        self, name: str, heading: Heading, number: int | None
    ) -> TakenBack:
        """Do it in the transaction of the call."""
        rows = await self._connection.fetch(
            f"{name}_chosen", user=self._user, operation=number
        )
        if not rows:
            return TakenBack()
        found = self._chosen(rows[0])
        found = found._replace(root=await self._root(found.undoes))
        found, has_tasks = await self._compare(found)
        is_blocked = found.is_blocked and name != "redo"
        if is_blocked or found.others or not has_tasks:
            return found
        return await self._set_back(found, heading)

    def _chosen(self, row: Row) -> TakenBack:
        """Describe the operation to take back.

        Raises:
            SchemaMismatch: another program stored wrong values.
        """
        try:
            each = history.heading(row[1:])
        except ValueError as error:
            fault = history.unreadable([row[1]], self._user)
            raise fault.unchanged() from error
        return TakenBack(
            each.operation, each.command, each.undoes, each.undone_by
        )

    async def _root(self, undoes: int | None) -> str:
        """Read the command of the operation that an undo took back."""
        rows = await self._connection.fetch(
            "undo_one_chosen", user=self._user, operation=undoes
        )
        return str(rows[0][4]) if rows else ""

    async def _compare(self, found: TakenBack) -> tuple[TakenBack, bool]:
        """Find out which tasks are purged, and which have changed since.

        Also say whether there are any that are not purged.

        All tasks are looked at before the first one is set back.
        """
        purged: list[int] = []
        others: list[int] = []
        seen = 0
        async with aclosing(self._changes_of(found)) as parts:
            async for changed in parts:
                tasks = await self._tasks([row.id for row in changed])
                seen += len(changed)
                for row in changed:
                    if not _is_kept(row, tasks):
                        purged.append(row.number)
                    elif not _has(tasks[row.id], row.new):
                        others.append(row.number)
        found = found._replace(
            purged=tuple(sorted(purged)), others=tuple(sorted(others))
        )
        return found, seen > len(purged)

    async def _changes_of(
        self, found: TakenBack
    ) -> "AsyncGenerator[list[_Recorded]]":
        """Yield what an operation did, some tasks at a time.

        They are in the order of their ids. The next ones are read when they
        are asked for, and other changes can be written meanwhile.
        """
        after = ""
        while True:
            rows = await self._connection.fetch(
                "changes_of",
                user=self._user,
                number=found.number,
                after=after,
                most=_BATCH,
            )
            if not rows:
                return
            yield [self._recorded(row) for row in rows]
            after = str(rows[-1][2])

    def _recorded(self, row: Row) -> "_Recorded":
        """Read what an operation did to one task.

        Raises:
            SchemaMismatch: another program stored wrong values.
        """
        _, operation, id, number, old, new = row
        try:
            before = history.to_set(history.read(old))
            after = history.fields_of(history.read(new))
        except ValueError as error:
            fault = history.unreadable([operation], self._user)
            raise fault.unchanged() from error
        return _Recorded(id, number, before, after)

    async def _tasks(self, ids: Sequence[UUID]) -> dict[UUID, Task]:
        """Read the user's tasks with some ids; in the trash, too.

        Raises:
            Unreadable: one cannot be read.
        """
        rows = await self._connection.fetch("stored", ids=list(ids))
        mine = [row for row in rows if row[_OWNER] == self._user]
        kinds = self._connection.statements["stored"].kinds
        tasks, odd = read(mine, kinds[: len(NAMES)], self._user)
        if odd is not None:
            raise odd
        return {task.id: task for task in tasks}

    async def _set_back(self, found: TakenBack, heading: Heading) -> TakenBack:
        """Set back what is not purged, and note that.

        The changes are read again. They are the same, because nobody else can
        write into the file during this transaction.
        """
        operation = await note(
            self._connection, self._user, heading, [], undoes=found.number
        )
        after: list[Task] = []
        async with aclosing(self._changes_of(found)) as parts:
            async for changed in parts:
                changes = await self._set_back_some(changed, heading.at)
                await note_changes(
                    self._connection, self._user, operation, changes
                )
                after += [change.task for change in changes]
        await self._mark(found, operation)
        after.sort(key=_number)
        return found._replace(operation=operation, tasks=tuple(after))

    async def _set_back_some(
        self, changed: "Sequence[_Recorded]", now: datetime
    ) -> list[Change]:
        """Set the old values of some tasks, without the purged ones.

        Return what that changed, as it is noted in the history.

        Raises:
            Conflict: a rule of the database drops it.
        """
        before = await self._tasks([row.id for row in changed])
        wanted = {}
        for row in changed:
            if _is_kept(row, before):
                wanted[row.id] = _wanted(row, now)
        for name, rows in _by_field(wanted).items():
            await self._connection.store(f"set_{name}", rows)
        stamps = [{"the_id": id, "now": now} for id in wanted]
        await self._connection.store("stamp", stamps)
        after = list((await self._tasks(list(wanted))).values())
        await self._tag(after)
        changes = differing(list(before.values()), after)
        if len(changes) < len(wanted):
            raise dropped()
        return changes

    async def _tag(self, tasks: Sequence[Task]) -> None:
        """Bring the table of tags up to tasks."""
        ids = [task.id for task in tasks]
        await self._connection.fetch("clear_tags", ids=ids)
        rows: list[dict[str, Any]] = []
        for task in tasks:
            rows += tag_rows(task.id, self._user, task.tags)
        if rows:
            await self._connection.store("insert_tag", rows)

    async def _mark(self, found: TakenBack, operation: int) -> None:
        """Mark an operation as undone; a redone one no longer is."""
        marks: list[tuple[int | None, int | None]] = []
        marks.append((found.number, operation))
        if found.undoes is not None:
            marks.append((found.undoes, None))
        for number, undone_by in marks:
            await self._connection.fetch(
                "mark_undone", user=self._user, number=number, undone=undone_by
            )


class _Recorded(NamedTuple):
    """What an operation did to one task, as it was recorded; by field."""

    id: UUID
    number: int
    old: Mapping[str, Any]
    new: Mapping[str, Any]


def _cut(
    rows: Sequence[Row], limit: int | None
) -> tuple[Sequence[Row], int | None]:
    """Return the rows of the first operations, and the last of these numbers.

    The number is None if no more follow.
    """
    numbers = list(dict.fromkeys(row[0] for row in rows))
    if limit is None or len(numbers) <= limit:
        return rows, None
    shown = frozenset(numbers[:limit])
    return [row for row in rows if row[0] in shown], numbers[limit - 1]


def _number(task: Task) -> int:
    return task.number


def _numbers(text: str | None) -> tuple[int, ...]:
    """Read numbers that are separated by commas."""
    if not text:
        return ()
    return tuple(int(each) for each in text.split(","))


def _is_kept(row: _Recorded, tasks: Mapping[UUID, Task]) -> bool:
    """Whether neither a task nor what an operation did to it is purged.

    A purge leaves no values. A newer task may have the id of the purged one.
    """
    return row.id in tasks and bool(row.new)


def _has(task: Task, left: Mapping[str, Any]) -> bool:
    """Whether a task still has the values that an operation left.

    A new task was left without all others.
    """
    values = left
    if "created_at" in left:
        values = {**history.UNSET, **left}
    return all(getattr(task, name) == value for name, value in values.items())


def _wanted(recorded: _Recorded, now: datetime) -> Mapping[str, Any]:
    """Return the values to set, by field: the old ones.

    A new task is moved to the trash instead.
    """
    if "created_at" in recorded.new:
        return {"deleted_at": now}
    return recorded.old


def _by_field(
    wanted: Mapping[UUID, Mapping[str, Any]],
) -> dict[str, list[dict[str, Any]]]:
    """Return the parameter values that set fields, by field."""
    found: dict[str, list[dict[str, Any]]] = {}
    for id, values in wanted.items():
        together: dict[str, Any] = {}
        for name, value in values.items():
            parameters = {f"the_{name}": value}
            if name in FOLDED:
                parameters[f"the_{name}_folded"] = fold_or_none(value)
            if name in history.TOGETHER:
                together |= parameters
            else:
                found.setdefault(name, []).append({"the_id": id} | parameters)
        if together:
            row = {"the_id": id} | together
            found.setdefault("completed", []).append(row)
    return found
