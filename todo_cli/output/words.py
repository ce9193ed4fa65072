"""Amounts, ages and states, as several messages show them."""

from datetime import date, datetime
from typing import Final

from todo_cli.task import Task, TaskStatus

_DAY_S: Final = 86_400
_UNITS: Final = (
    ("year", 365 * _DAY_S),
    ("month", 30 * _DAY_S),
    ("week", 7 * _DAY_S),
    ("day", _DAY_S),
    ("hour", 3_600),
    ("minute", 60),
)
_COUNTED_UP_TO: Final = 1_000


def amount(number: int, noun: str) -> str:
    """Write a number with its noun: `1 task`, `1,234 tasks`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun}s"


def count(number: int) -> str:
    """Write how many tasks there are; the service stops counting at 1,001."""
    if number > _COUNTED_UP_TO:
        return f"more than {_COUNTED_UP_TO:,}"
    return f"{number:,}"


def age(then: datetime, now: datetime) -> str:
    """Write how long ago a time was, in the largest unit that fits.

    The result is such as `3 days ago`; the future is `just now`.
    """
    passed = now - then
    seconds = int(passed.total_seconds())
    for unit, length in _UNITS:
        if seconds >= length:
            ago = amount(seconds // length, unit)
            return f"{ago} ago"
    return "just now"


def status(task: Task, today: date) -> TaskStatus:
    """Return the status of a task: OPEN, WAITING or DONE."""
    if task.completed:
        return TaskStatus.DONE
    if task.wait_until is not None and task.wait_until > today:
        return TaskStatus.WAITING
    return TaskStatus.OPEN


def is_overdue(task: Task, today: date) -> bool:
    """Whether a task should have been done before today."""
    if task.completed or task.due_on is None:
        return False
    return task.due_on < today
