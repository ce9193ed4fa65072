"""Write the records of `todo import` into a store.

In one transaction, which is one operation of the history:

1. The user's counter is locked, so that no other command adds tasks meanwhile,
   and another import of the same file waits and then finds all tasks.
2. All records are looked up: those whose id the user has are left alone.
3. If each of the others has a number, and none of these is taken, also not by
   a task that was purged, they keep them. Else all get the next numbers, in the
   order of the file. So do they if hardly any number would be left after theirs.
4. They are written, batch by batch.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from todo_cli import rules
from todo_cli.database import failures, transfer
from todo_cli.database.candidates import Arrival, Candidates, Key
from todo_cli.database.filling import tag_rows
from todo_cli.database.operations import Heading, note
from todo_cli.database.run import Connection, Record, check_stored
from todo_cli.errors import Conflict
from todo_cli.task import Taken

if TYPE_CHECKING:
    from todo_cli.database.tasks import TaskRepository

_LOOKED_UP: Final = 25_000
"""How many records are looked up at once, in about four round trips."""
_BATCH: Final = 20_000
"""How many tasks are written at once to a server, in four round trips."""
_BATCH_OF_FILE: Final = 5_000
"""The same for a file: a signal is noticed only between two statements."""
_REMEMBERED: Final = 1_000
"""How many tasks in the trash can be named; no command takes a longer range."""
_SAVEPOINT: Final = "arrivals"
_NO_VALUES: Final = "{}"
"""What the history has as old values of a new task."""


@dataclass(slots=True)
class _Plan:
    """Which records are new, and which numbers they get."""

    is_new: bytearray
    """1 for each place of the file whose record is new, else 0."""
    added: int = 0
    """How many records are new."""
    in_trash: int = 0
    """How many of the other records are tasks in the trash."""
    trash: list[int] = field(default_factory=list)
    """The numbers of the first of these, in any order."""
    numbered: int = 0
    """How many of the new records have a number in the file."""
    is_taken: bool = False
    """Whether a task has one of these numbers."""
    highest: int = 0
    """The highest of these numbers."""

    @property
    def keeps_numbers(self) -> bool:
        """Whether the new tasks keep the numbers of the file."""
        is_last = self.highest > rules.LARGEST_IMPORTED
        is_free = not self.is_taken and not is_last
        return self.numbered == self.added and is_free

    def count_trash(self, number: int) -> None:
        """Count a task in the trash.

        An answer names them, if they are few.
        """
        self.in_trash += 1
        if self.in_trash <= _REMEMBERED:
            self.trash.append(number)

    def add(self, keys: Sequence[Key]) -> None:
        """Plan some new records."""
        self.added += len(keys)
        for key in keys:
            self.is_new[key.place] = 1
            if key.number is not None:
                self.numbered += 1
                self.highest = max(self.highest, key.number)


@dataclass(slots=True)
class _Done:
    """What was added so far."""

    added: int = 0
    numbers: list[int] = field(default_factory=list)
    """The lowest and the highest number."""
    kept: Counter[str] = field(default_factory=Counter)
    """What became text, counted by its kind."""
    left_out: Counter[str] = field(default_factory=Counter)
    """What did not, counted in the same way."""

    def count(self, new: Sequence[Arrival]) -> None:
        """Count some new tasks."""
        self.added += len(new)
        for each in new:
            self.numbers.append(each.task["number"])
            self.kept.update(each.kept)
            self.left_out.update(each.left_out)
        ordered = sorted(self.numbers)
        self.numbers = ordered[:1] + ordered[-1:]


@dataclass(slots=True)
class Arrivals:
    """The import of one file for one user.

    A repeat after a lost answer calls `write` once more.
    """

    candidates: Candidates
    user: str
    heading: Heading
    report: Callable[[int], None]
    """Called with how many new tasks are written."""
    _earlier: Taken | None = None
    """What an earlier try has done, unless it was not committed."""

    async def write(
        self, connection: Connection, tasks: "TaskRepository"
    ) -> Taken:
        """Add what is new, in the caller's transaction.

        Raises:
            Conflict: another user holds an id, or too few numbers are left.
        """
        if not connection.is_sqlite:
            # A file is locked as a whole.
            await tasks.reserve(0, 0)
        # Only now: an earlier try may be under way until we have the lock.
        if self._earlier is not None:
            number = self._earlier.operation
            if await self._is_stored(connection, number):
                return self._earlier
        plan = await self._plan(connection)
        if plan.added == 0:
            return self._taken(plan, None, _Done())
        following, operation = await _numbers(tasks, plan)
        await note(connection, self.user, self.heading, [], number=operation)
        taken = await self._add(plan, following, operation, connection)
        await transfer.index(connection)
        self._earlier = taken
        return taken

    async def pretend(self) -> Taken:
        """Return what `write` would do in a new store."""
        plan = await self._plan(None)
        return await self._add(plan, 1, 1, None)

    async def _is_stored(
        self, connection: Connection, number: int | None
    ) -> bool:
        """Whether an earlier try was committed, although its answer was lost."""
        rows = await connection.fetch(
            "operations_with", users=[self.user], numbers=[number]
        )
        return any(id == self.heading.id for _, _, id in rows)

    async def _plan(self, connection: Connection | None) -> _Plan:
        """Look all records up; without a connection all are new.

        Raises:
            Conflict: another user holds an id.
        """
        plan = _Plan(bytearray(self.candidates.count))
        async with aclosing(self.candidates.keys(_LOOKED_UP)) as parts:
            async for keys in parts:
                if connection is not None:
                    keys = await self._new_of(connection, keys, plan)
                plan.add(keys)
                if connection is not None and not plan.is_taken:
                    plan.is_taken = await self._has_one(connection, keys)
        return plan

    async def _new_of(
        self, connection: Connection, keys: Sequence[Key], plan: _Plan
    ) -> list[Key]:
        """Return the keys of records that are not stored.

        Raises:
            Conflict: another user holds an id.
        """
        ids = [key.id for key in keys]
        rows = await connection.fetch("places_of", ids=ids)
        stored = {}
        for id, owner, number, deleted_at in rows:
            stored[str(id)] = owner
            if owner == self.user and deleted_at is not None:
                plan.count_trash(number)
        new = []
        for key in keys:
            owner = stored.get(key.id)
            if owner is None:
                new.append(key)
            elif owner != self.user:
                raise self._held_by_another(key.id)
        return new

    async def _has_one(
        self, connection: Connection, keys: Sequence[Key]
    ) -> bool:
        """Whether another task has the number of one of the records, or had it."""
        ids = {key.number: key.id for key in keys if key.number is not None}
        if not ids:
            return False
        rows = await connection.fetch(
            "given_numbers", users=[self.user], numbers=list(ids)
        )
        return any(str(id) != ids[number] for _, number, id in rows)

    async def _add(
        self,
        plan: _Plan,
        following: int,
        operation: int,
        connection: Connection | None,
    ) -> Taken:
        """Write the new tasks, batch by batch; without a connection only count.

        `following` is the next number, and `operation` that of the import.
        """
        done = _Done()
        is_server = connection is not None and not connection.is_sqlite
        most = _BATCH if is_server else _BATCH_OF_FILE
        found = self.candidates.arrivals(most, is_typed=is_server)
        async with aclosing(found) as parts:
            async for part in parts:
                new = [each for each in part if plan.is_new[each.place]]
                if not plan.keeps_numbers:
                    _number(new, following + done.added)
                if new and connection is not None:
                    await self._store(connection, new, operation)
                done.count(new)
                self.report(done.added)
        return self._taken(plan, operation, done)

    async def _store(
        self, connection: Connection, new: Sequence[Arrival], operation: int
    ) -> None:
        """Write some tasks, with their tags and what the history notes.

        Raises:
            Conflict: another user holds an id, whose tasks are not visible.
        """
        for each in new:
            # Whoever the reader took for the owner.
            each.task["user_id"] = self.user
        await self._store_tasks(connection, [each.task for each in new])
        tags = []
        changes = []
        for each in new:
            task = each.task
            tags += tag_rows(task["id"], self.user, task["tags"])
            changes.append(
                {
                    "the_user_id": self.user,
                    "the_operation": operation,
                    "the_task_id": task["id"],
                    "the_number": task["number"],
                    "the_old_values": _NO_VALUES,
                    "the_new_values": each.new_values,
                }
            )
        if tags:
            await connection.store_all("insert_tag", tags)
        await connection.store_all("insert_change", changes)

    async def _store_tasks(
        self, connection: Connection, rows: Sequence[Record]
    ) -> None:
        """Write the rows of some tasks.

        Raises:
            Conflict: another user holds an id, whose tasks are not visible.
        """
        if connection.is_sqlite:
            check_stored(await connection.store_all("insert", rows), rows)
            return
        if await _can_store(connection, rows):
            return
        # The server does not say which one.
        while len(rows) > 1:
            half = rows[: len(rows) // 2]
            if await _can_store(connection, half):
                half = rows[len(half) :]
            rows = half
        raise self._held_by_another(rows[0]["id"])

    def _held_by_another(self, id: str) -> Conflict:
        """Return the error for an id that another user has."""
        return Conflict(
            f"The id {id} of {self.candidates.name} belongs to another user",
            hint="nothing was added",
        )

    def _taken(self, plan: _Plan, operation: int | None, done: _Done) -> Taken:
        """Describe what was done."""
        return Taken(
            self.candidates.count,
            plan.added,
            self.candidates.count - plan.added,
            plan.in_trash,
            operation,
            plan.numbered > 0 and not plan.keeps_numbers,
            min(done.numbers, default=None),
            max(done.numbers, default=None),
            dict(done.kept),
            dict(done.left_out),
            tuple(sorted(plan.trash)),
        )


def _number(new: Sequence[Arrival], first: int) -> None:
    """Give records the numbers from `first` on."""
    for number, each in enumerate(new, start=first):
        each.task["number"] = number


async def _can_store(connection: Connection, rows: Sequence[Record]) -> bool:
    """Store tasks on a server; return False if another task has one of the ids.

    Nothing is stored then.
    """
    await connection.execute(f"SAVEPOINT {_SAVEPOINT}")
    try:
        check_stored(await connection.store_all("insert", rows), rows)
    except Exception as error:
        if not failures.is_taken_id(error):
            raise
        await connection.execute(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
        return False
    return True


async def _numbers(tasks: "TaskRepository", plan: _Plan) -> tuple[int, int]:
    """Reserve numbers; return the first one and that of the operation.

    Raises:
        Conflict: too few numbers are left.
    """
    count = 0 if plan.keeps_numbers else plan.added
    least = plan.highest if plan.keeps_numbers else 0
    last, operation = await tasks.reserve_after(least, count)
    return last - count + 1, operation
