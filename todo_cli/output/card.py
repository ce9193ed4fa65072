"""Lays out one task for people, as `todo show` does at a terminal.

    Renew passport
    #21 · open · due Fri 27 Nov (in 2 days) · high priority · #home
    added 25 Nov 2026, 21:20 +01:00 (2 hours ago) by ada

      called, ring back Monday

    id dbd5a10e-b1c8-45b8-b12c-dd194874f9dd · version 3

Title and notes are drawn in `terminal`. What is here are the parts between
them, so that a narrow terminal can begin a line with any of them.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple

from todo_cli.output import times, words
from todo_cli.output.columns import PLAIN, STRONG, URGENT
from todo_cli.output.text import visible
from todo_cli.output.views import Card
from todo_cli.task import TaskStatus

_STATUSES: Final = {TaskStatus.TRASH: "in the trash"}
"""The statuses that another word says better."""


class Part(NamedTuple):
    """Some words about a task that belong together."""

    units: list[str]
    """Joined by blanks; none of them is broken if it fits into a line."""
    look: str = PLAIN


class Layout(NamedTuple):
    """What is around the notes of a task: parts that follow one another."""

    facts: list[Part]
    """Below the title: number, status, and how the task is organised."""
    moments: list[Part]
    """When it was added, done, deleted and changed."""
    ends: list[Part]
    """Below the notes: what programs need."""


def layout(card: Card, *, is_plain: bool) -> Layout:
    """Write what is set of a task; with `is_plain`, words instead of signs."""
    task = card.task
    ends = [Part(["id", str(task.id)]), Part([f"version {task.version}"])]
    facts = [*_facts(card, is_plain=is_plain)]
    return Layout(facts, [*_moments(card)], ends)


def _facts(card: Card, *, is_plain: bool) -> Iterator[Part]:
    """Yield the number, the status, and how the task is organised."""
    task = card.task
    sign = "#"
    if is_plain:
        sign = "number "
    yield Part([f"{sign}{task.number}"])
    yield from _status(card)
    if task.due_on is not None:
        yield _due(card, task.due_on)
    if task.priority is not None:
        look = PLAIN
        if task.priority == "high":
            look = STRONG
        yield Part([f"{task.priority} priority"], look)
    if task.project is not None:
        yield Part([f"project {visible(task.project)}"])
    if task.tags:
        yield Part(_tags(task.tags, is_plain=is_plain))


def _status(card: Card) -> Iterator[Part]:
    """Yield the status, and the day until which the task waits, if any."""
    day, today = card.task.wait_until, card.context.today
    status = words.status(card.task, today)
    if status is not TaskStatus.WAITING:
        yield Part([_STATUSES.get(status, status.value)])
    if day is not None:
        yield _wait(day, status, today)


def _tags(tags: Sequence[str], *, is_plain: bool) -> list[str]:
    """Write the tags, as in `#home #errand`."""
    names = [visible(tag) for tag in tags]
    if is_plain:
        return ["tags", *names]
    return [f"#{name}" for name in names]


def _wait(day: date, status: TaskStatus, today: date) -> Part:
    """Write the day until which a task waits, or has waited."""
    verb = "waits until"
    if status is TaskStatus.WAITING:
        verb = "waiting until"
    elif day <= today:
        verb = "waited until"
    return Part([verb, *times.both_ways(day, today)])


def _due(card: Card, day: date) -> Part:
    """Write the due day; it is urgent only while the task is open."""
    task, today = card.task, card.context.today
    if words.is_overdue(task, today):
        return Part(times.both_ways(day, today, is_due=True), URGENT)
    look = PLAIN
    is_open = not task.completed and task.deleted_at is None
    if day == today and is_open:
        look = STRONG
    return Part(["due", *times.both_ways(day, today)], look)


def _moments(card: Card) -> Iterator[Part]:
    """Yield what happened to the task, and when."""
    task = card.task
    by = f"by {visible(task.user_id)}"
    yield Part([*_moment("added", task.created_at, card), by])
    if task.completed_at is not None:
        yield Part(_moment("done", task.completed_at, card))
    if task.deleted_at is not None:
        yield Part(_moment("deleted", task.deleted_at, card))
    shown = (task.created_at, task.completed_at, task.deleted_at)
    if task.updated_at not in shown:
        yield Part(_moment("changed", task.updated_at, card))


def _moment(verb: str, when: datetime, card: Card) -> list[str]:
    """Write a time as the caller's clock showed it, and as an age."""
    context = card.context
    ago = times.age(when, context.now)
    return [verb, times.exact(when, context.zone), f"({ago})"]
