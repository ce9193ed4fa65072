"""Amounts and states, as several messages show them."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from todo_cli.task import Task, TaskStatus

_COUNTED_UP_TO: Final = 1_000
_PLURALS: Final[Mapping[str, str]] = {
    "category": "categories",
    "dependency": "dependencies",
    "priority": "priorities",
    "process": "processes",
    "property": "properties",
    "status": "statuses",
    "time of day": "times of day",
}
"""Nouns with another plural than one by `s`."""


class Verb(NamedTuple):
    """What a command does, as the messages say it."""

    past: str
    """Begins a message: `Deleted`."""
    plain: str
    """Follows `Would`: `delete`."""
    already: str = ""
    """Follows `Already`, if a task was so before; else empty."""

    def said(self, *, is_trial: bool, is_already: bool = False) -> str:
        """Return the words with which a message begins.

        Every message of a dry run begins with `Would`.
        """
        if is_already and is_trial:
            return f"Would change nothing: already {self.already}"
        if is_already:
            return f"Already {self.already}"
        if is_trial:
            return f"Would {self.plain}"
        return self.past


UPDATED: Final = Verb("Updated", "update", "set")
NOTED: Final = Verb("Noted", "note")
DONE: Final = Verb("Done", "complete", "done")
REOPENED: Final = Verb("Reopened", "reopen", "open")
DELETED: Final = Verb("Deleted", "delete")
RESTORED: Final = Verb("Restored", "restore", "restored")
PURGED: Final = Verb("Purged", "purge")
UNDID: Final = Verb("Undid", "undo", "undone")
REDID: Final = Verb("Redid", "redo")


def amount(number: int, noun: str) -> str:
    """Write a number with its noun: `1 task`, `1,234 tasks`."""
    if number == 1:
        return f"1 {noun}"
    plural = _PLURALS.get(noun, f"{noun}s")
    return f"{number:,} {plural}"


def amounts(counts: Mapping[str, int]) -> str:
    """Write several: `3 recurrences, 2 annotations and 1 label`."""
    *first, last = [amount(counts[noun], noun) for noun in counts]
    if not first:
        return last
    return f"{', '.join(first)} and {last}"


def spans(numbers: Sequence[int]) -> list[str]:
    """Write rising numbers as people type them: `4-6`, `9`.

    Joined by commas they name the tasks for a command.
    """
    found: list[tuple[int, int]] = []
    for number in numbers:
        first = number
        if found and found[-1][1] + 1 == number:
            first, _ = found.pop()
        found.append((first, number))
    texts = []
    for first, last in found:
        texts.append(f"{first}" if first == last else f"{first}-{last}")
    return texts


def count(number: int) -> str:
    """Write how many tasks there are; the service stops counting at 1,001."""
    if number > _COUNTED_UP_TO:
        return f"more than {_COUNTED_UP_TO:,}"
    return f"{number:,}"


def status(task: Task, today: date) -> TaskStatus:
    """Return the status of a task: OPEN, WAITING, DONE or TRASH."""
    if task.deleted_at is not None:
        return TaskStatus.TRASH
    if task.completed:
        return TaskStatus.DONE
    if task.wait_until is not None and task.wait_until > today:
        return TaskStatus.WAITING
    return TaskStatus.OPEN


def is_overdue(task: Task, today: date) -> bool:
    """Whether a task should have been done before today."""
    if task.due_on is None or task.due_on >= today:
        return False
    return not task.completed and task.deleted_at is None
