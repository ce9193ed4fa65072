"""What the operations of one user did, and how they are taken back: lists and loops."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid5

from tests.support.chain import RECORDED, state_of
from todo_cli.errors import Conflict, InvalidInput, NotFound
from todo_cli.task import Command, Entry, Operation, Task

SPACE = UUID("0c7f6c9e-9d0f-4a55-8c73-7d0f1a5f3f02")
FINAL = (Command.UNDO, Command.REDO, Command.PURGE)
"""What `undo` does not take back."""

Pair = tuple[Task | None, Task]
"""A task before and after; a new one was nothing before."""


def operation_id(user: str, number: int) -> UUID:
    """The id that the model gives to an operation."""
    return uuid5(SPACE, f"{user} {number}")


def differences(before: Task | None, after: Task) -> Mapping[str, Any]:
    """The old and new value of each field that changed."""
    nothing = dict.fromkeys(RECORDED) | {"tags": []}
    old = nothing if before is None else state_of(before)
    changes = {}
    for name, new in state_of(after).items():
        if old[name] != new:
            changes[name] = (old[name], new)
    if before is None and "tags" in changes:
        changes["tags"] = (None, after.tags)
    return changes


@dataclass(frozen=True, slots=True)
class Past:
    """The operations of a user, the oldest first; a value, so that it can be kept."""

    user: str
    operations: tuple[Operation, ...] = ()

    def having(
        self, at: Any, command: Command, pairs: Sequence[Pair]
    ) -> "Past":
        """The past with one operation more, if it changed something."""
        entries = [
            Entry(after.id, after.number, None, differences(before, after))
            for before, after in pairs
            if before != after
        ]
        return self._with(at, command, entries, None)

    def having_purged(self, at: Any, tasks: Sequence[Task]) -> "Past":
        """The past with a purge, and without what it says of these tasks."""
        ids = {task.id for task in tasks}
        cleared = tuple(
            replace(
                each,
                tasks=[
                    replace(entry, changes={}) if entry.id in ids else entry
                    for entry in each.tasks
                ],
            )
            for each in self.operations
        )
        entries = [Entry(task.id, task.number, None, {}) for task in tasks]
        past = replace(self, operations=cleared)
        return past._with(at, Command.PURGE, entries, None)

    def having_undone(
        self, at: Any, undone: Operation, pairs: Sequence[Pair]
    ) -> "Past":
        """The past with an undo; of an undo it is a redo."""
        is_redo = undone.command == Command.UNDO
        command = Command.REDO if is_redo else Command.UNDO
        entries = [
            Entry(after.id, after.number, None, differences(before, after))
            for before, after in pairs
        ]
        past = self._with(at, command, entries, undone.operation)
        number = len(past.operations)
        past = past._marked(undone.operation, number)
        if is_redo:
            assert undone.undoes is not None
            past = past._marked(undone.undoes, None)
        return past

    def _with(
        self,
        at: Any,
        command: Command,
        entries: Sequence[Entry],
        undoes: int | None,
    ) -> "Past":
        if not entries:
            return self
        number = len(self.operations) + 1
        new = Operation(
            number,
            operation_id(self.user, number),
            at,
            command,
            undoes,
            None,
            sorted(entries, key=lambda entry: entry.number),
        )
        return replace(self, operations=(*self.operations, new))

    def _marked(self, number: int, undone_by: int | None) -> "Past":
        marked = [
            replace(each, undone_by=undone_by)
            if each.operation == number
            else each
            for each in self.operations
        ]
        return replace(self, operations=tuple(marked))

    def to_undo(self, number: int | None) -> Operation:
        """The operation that `undo` takes back; it may have been undone already."""
        if number is not None:
            if not 1 <= number <= len(self.operations):
                raise NotFound("no such operation")
            asked = self.operations[number - 1]
            if asked.command in FINAL:
                raise InvalidInput("not to be undone")
            return asked
        for each in reversed(self.operations):
            is_there = any(entry.changes for entry in each.tasks)
            is_open = each.command not in FINAL and each.undone_by is None
            if is_there and is_open:
                return each
        raise NotFound("nothing to undo")

    def to_redo(self) -> Operation:
        """The undo that `redo` takes back."""
        for each in reversed(self.operations):
            if each.command not in (Command.UNDO, Command.REDO):
                break
            if each.command == Command.UNDO and each.undone_by is None:
                return each
        raise NotFound("nothing to redo")

    def command_of(self, undone: Operation) -> str:
        """The command that is undone, or done again."""
        while undone.undoes is not None:
            undone = self.operations[undone.undoes - 1]
        return undone.command

    def roots_after(self, number: int) -> set[int]:
        """The operations that undos and redos after this one are about."""
        found = set()
        for each in self.operations[number:]:
            root = each
            while root.undoes is not None:
                root = self.operations[root.undoes - 1]
            if root is not each:
                found.add(root.operation)
        return found


def taken_back(task: Task, entry: Entry, undone: Operation, at: Any) -> Task:
    """A task with the fields that an operation changed as they were before it.

    Raises Conflict where one of them is not what the operation left.
    """
    is_new = undone.command in (Command.ADD, Command.IMPORT)
    left = {name: new for name, (_, new) in entry.changes.items()}
    if is_new:
        left = dict.fromkeys(RECORDED) | {"tags": []} | left
    if any(getattr(task, name) != value for name, value in left.items()):
        raise Conflict("has changed since")
    old = {name: old for name, (old, _) in entry.changes.items()}
    back = replace(task, **({"deleted_at": at} if is_new else old))
    return replace(back, updated_at=at, version=task.version + 1)
