"""What an import does with history: it brings the file's along, or notes the import.

The history of a user comes along if the user has none in the target: numbers of
operations are counted for each user, so two histories cannot be joined. For the
other users, and for those of whom the file has none, the import itself is an
operation, with every task that it adds.
"""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid4

from todo_cli.database import history
from todo_cli.database.operations import Change, Heading, note, note_changes
from todo_cli.database.rows import NAMES
from todo_cli.database.run import Connection, Record
from todo_cli.task import Command, Task

if TYPE_CHECKING:
    from todo_cli.database.scratch import Last, Scratch

TABLES: Final = ("operation", "change")
"""The tables of history, in the order of copying."""


@dataclass(slots=True)
class Histories:
    """The histories of the users of one import, in its transaction."""

    connection: Connection
    """The target."""
    rows: "Scratch"
    """All rows of the source, checked."""
    now: datetime
    batch: int
    """How many rows are written at once."""
    coming: set[str] = field(default_factory=set)
    """The users whose history comes along."""
    left: list[str] = field(default_factory=list)
    """The users whose history stays behind."""
    noted: dict[str, int] = field(default_factory=dict)
    """The number of the operation that is this import, by user."""
    ids: dict[str, UUID] = field(default_factory=dict)
    """The ids of these operations, by user."""

    async def choose(self) -> None:
        """Find out whose history comes along, and raise their counters.

        Call it when the counters are locked: until then a user could get a
        first operation.
        """
        found = await self.rows.last_operations()
        for start in range(0, len(found), self.batch):
            await self._choose(found[start : start + self.batch])
        async with aclosing(self.rows.read("counter", self.batch)) as parts:
            async for part in parts:
                raised = self._coming_of(part)
                if raised:
                    await self.connection.store("raise_counter", raised)

    async def _choose(self, found: "Sequence[Last]") -> None:
        """Choose among some users, each with the last operation in the file."""
        users = [last.user for last in found]
        rows = await self.connection.fetch("with_history", users=users)
        there = {user for (user,) in rows}
        self.coming.update({*users} - there)
        if not there:
            return
        numbers = [last.number for last in found]
        stored = await self.connection.fetch(
            "operations_with", users=sorted(there), numbers=numbers
        )
        # A repeat of an import finds what it has brought along before.
        ids = {(user, number): id for user, number, id in stored}
        for last in found:
            is_same = ids.get((last.user, last.number)) == last.id
            if last.user in there and not is_same:
                self.left.append(last.user)

    async def note(self, tasks: Sequence[Record]) -> None:
        """Note that tasks were added, but for users whose history comes along."""
        changes: dict[str, list[Change]] = {}
        for row in tasks:
            if row["user_id"] not in self.coming:
                task = Task(*[row[name] for name in NAMES])
                change = Change(task, {}, history.of_new(task))
                changes.setdefault(task.user_id, []).append(change)
        for user, added in changes.items():
            if user in self.noted:
                await note_changes(
                    self.connection, user, self.noted[user], added
                )
                continue
            heading = Heading(uuid4(), self.now, Command.IMPORT)
            self.ids[user] = heading.id
            self.noted[user] = await note(
                self.connection, user, heading, added
            )

    async def is_there(self, connection: Connection) -> bool:
        """Whether the operations noted here are stored, if there are any."""
        if not self.noted:
            return True
        user, number = next(iter(self.noted.items()))
        rows = await connection.fetch(
            "operations_with", users=[user], numbers=[number]
        )
        return any(id == self.ids[user] for _, _, id in rows)

    async def copy(self) -> None:
        """Store the histories that come along; call it after the tasks."""
        for table in TABLES:
            async with aclosing(self.rows.read(table, self.batch)) as parts:
                async for part in parts:
                    await self._copy(table, self._coming_of(part))

    async def _copy(self, table: str, rows: Sequence[Record]) -> None:
        """Store rows of one of the tables."""
        if not rows:
            return
        if table == "change":
            await self._renumber(rows)
        await self.connection.store(f"copy_{table}", rows)

    def _coming_of(self, rows: Sequence[Record]) -> list[Record]:
        """Return the rows of users whose history comes along."""
        return [row for row in rows if row["user_id"] in self.coming]

    async def _renumber(self, changes: Sequence[Record]) -> None:
        """Give changes the numbers that their tasks have in the target."""
        ids = {row["task_id"] for row in changes}
        rows = await self.connection.fetch("owners_of", ids=sorted(ids))
        numbers: dict[tuple[UUID, str], int] = {}
        for id, user, number in rows:
            numbers[id, user] = number
        for row in changes:
            key = row["task_id"], row["user_id"]
            row["number"] = numbers.get(key, row["number"])
