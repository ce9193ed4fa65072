"""What is true of every history, whoever wrote it: the rules of the product once more.

Nothing here is taken from the program but the shapes of tasks and operations.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final
from uuid import UUID

from todo_cli.task import Command, Entry, Operation, Task

UNRECORDED: Final = {"id", "number", "user_id", "updated_at", "version"}
RECORDED: Final = [
    each.name for each in fields(Task) if each.name not in UNRECORDED
]
"""The fields that history keeps, in its order."""

State = dict[str, Any]


def state_of(task: Task) -> State:
    """What history knows of a task."""
    return {name: getattr(task, name) for name in RECORDED}


def broken_links(
    tasks: Sequence[Task], operations: Sequence[Operation]
) -> list[str]:
    """What is wrong with the whole history of a user, all tasks given, also the trash."""
    oldest_first = sorted(operations, key=lambda each: each.operation)
    return [
        *_wrong_numbers(oldest_first),
        *_wrong_pairs(oldest_first),
        *_wrong_values(tasks, oldest_first),
    ]


def _wrong_numbers(operations: Sequence[Operation]) -> Iterator[str]:
    numbers = [each.operation for each in operations]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"not counted without a gap: {numbers}"
    if len({each.id for each in operations}) != len(operations):
        yield "two operations with one id"
    for each in operations:
        places = [entry.number for entry in each.tasks]
        if not places:
            yield f"operation {each.operation} did nothing"
        if places != sorted(set(places)):
            yield f"operation {each.operation} has the tasks {places}"


def _wrong_pairs(operations: Sequence[Operation]) -> Iterator[str]:
    """An undo names what it took back, and that names the undo, unless it was redone."""
    by_number = {each.operation: each for each in operations}
    for each in operations:
        takes_back = each.command in (Command.UNDO, Command.REDO)
        if takes_back != (each.undoes is not None):
            yield f"{each.command} {each.operation} undoes {each.undoes}"
        if each.undoes is not None:
            undone = by_number.get(each.undoes)
            if undone is None or undone.operation >= each.operation:
                yield f"{each.operation} undoes {each.undoes}"
            elif undone.command == Command.PURGE:
                yield f"{each.operation} undoes a purge"
        if each.undone_by is not None:
            by = by_number.get(each.undone_by)
            if by is None or by.undoes != each.operation:
                yield f"{each.operation} is undone by {each.undone_by}"


def _wrong_values(
    tasks: Sequence[Task], operations: Sequence[Operation]
) -> Iterator[str]:
    """Each old value is the new one of before, and the last one is in the task."""
    stored = {task.id: task for task in tasks}
    purges = {
        entry.id: operation.operation
        for operation in operations
        if operation.command == Command.PURGE
        for entry in operation.tasks
    }
    states: dict[UUID, State] = {}
    entries: dict[UUID, int] = {}
    for operation in operations:
        for entry in operation.tasks:
            if operation.operation <= purges.get(entry.id, 0):
                if entry.changes or entry.title is not None:
                    where = f"{operation.operation}, task {entry.number}"
                    yield f"the texts of a purged task are in operation {where}"
                continue
            entries[entry.id] = entries.get(entry.id, 0) + 1
            yield from _wrong_entry(operation, entry, stored, states)
    for id, task in stored.items():
        differing = _differing(state_of(task), states.get(id, {}))
        if differing:
            yield f"task {task.number} is not what its history says: {differing}"
        if task.version != entries.get(id, 0):
            yield (
                f"task {task.number} has version {task.version}"
                f" and {entries.get(id, 0)} changes"
            )


def _wrong_entry(
    operation: Operation,
    entry: Entry,
    stored: Mapping[UUID, Task],
    states: dict[UUID, State],
) -> Iterator[str]:
    where = f"operation {operation.operation}, task {entry.number}"
    if entry.id not in stored:
        yield f"{where}: there is no such task"
        return
    if not entry.changes:
        yield f"{where}: nothing was changed"
    if entry.title != stored[entry.id].title:
        yield f"{where}: another title"
    if list(entry.changes) != [n for n in RECORDED if n in entry.changes]:
        yield f"{where}: the fields are not in order"
    nothing: State = dict.fromkeys(RECORDED)
    state = states.setdefault(entry.id, nothing)
    for name, (old, new) in entry.changes.items():
        if old != state[name]:
            yield f"{where}: {name} was {state[name]!r}, not {old!r}"
        if old == new:
            yield f"{where}: {name} did not change"
        state[name] = new
    if state["tags"] is None:
        state["tags"] = []


def _differing(one: State, other: State) -> State:
    return {
        name: (value, other.get(name))
        for name, value in one.items()
        if value != other.get(name)
    }
