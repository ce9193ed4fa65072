"""Lays out one task for people, as `todo show` does at a terminal."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

from todo_cli import days, zones
from todo_cli.output import words
from todo_cli.output.views import Card, ViewContext

Row = tuple[str, str]
"""The name of a field and its value, in words."""


def rows(card: Card) -> Iterator[Row]:
    """Yield the fields that are set; title and notes are shown beside them."""
    task, context = card.task, card.context
    yield "Status", words.status(task, context.today).value
    yield from _organised(card)
    yield "Added", moment(task.created_at, context)
    if task.completed_at is not None:
        yield "Done", moment(task.completed_at, context)
    if task.deleted_at is not None:
        yield "Deleted", moment(task.deleted_at, context)
    shown = (task.created_at, task.completed_at, task.deleted_at)
    if task.updated_at not in shown:
        yield "Changed", moment(task.updated_at, context)
    yield "User", task.user_id
    yield "Version", str(task.version)
    yield "ID", str(task.id)


def _organised(card: Card) -> Iterator[Row]:
    """Yield the fields by which a task is organised, as far as they are set."""
    task, context = card.task, card.context
    if task.due_on is not None:
        yield "Due", _due(card, task.due_on)
    if task.wait_until is not None:
        yield "Waits until", _day(task.wait_until, context.today)
    if task.priority is not None:
        yield "Priority", task.priority
    if task.project is not None:
        yield "Project", task.project
    if task.tags:
        yield "Tags", " ".join(task.tags)


def _due(card: Card, day: date) -> str:
    """Write a due day; it is overdue only while the task is not done."""
    today = card.context.today
    if words.is_overdue(card.task, today):
        return f"{days.show_due(day, today)} ({day})"
    return _day(day, today)


def _day(day: date, today: date) -> str:
    """Write a day in words and as a date."""
    return f"{days.show_day(day, today)} ({day})"


def moment(when: datetime, context: ViewContext) -> str:
    """Write a time as an age, and exactly as the caller's clock showed it."""
    ago = words.age(when, context.now)
    local = zones.local(when, context.zone)
    shown = local.isoformat(sep=" ", timespec="seconds")
    return f"{ago} ({shown} {_offset(when, local)})"


def _offset(when: datetime, local: datetime) -> str:
    """Write how much a clock is ahead of UTC, as in `+01:00`, or `UTC`."""
    ahead = local - when.astimezone(UTC).replace(tzinfo=None)
    minutes = round(ahead.total_seconds() / 60)
    if minutes == 0:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    sign = "+"
    if minutes < 0:
        sign = "-"
    return f"{sign}{hours:02}:{rest:02}"
