"""The words about a list: its counts, its filters, and that it is empty."""

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from todo_cli.output import words
from todo_cli.output.times import show_day
from todo_cli.rules import PRIORITIES
from todo_cli.task import Days, TaskPage, TaskQuery, TaskStatus

if TYPE_CHECKING:
    from todo_cli.output.views import ViewContext

_NAMED_UP_TO: Final = 5
"""How many words or tags of a filter are named at most."""
_KINDS: Final = {
    TaskStatus.ALL: "tasks",
    TaskStatus.TRASH: "tasks in the trash",
}
"""The tasks of a status in words, where the word of the status is not enough."""
_DAY: Final = timedelta(days=1)
_MOMENT: Final = timedelta(microseconds=1)


def message(page: TaskPage) -> str:
    """Count the tasks of a list, and those of the user.

    With a limit it is such as `20 of 35`; else `30 open, 5 done`, after a
    filter `3 found; 30 open, 5 done`, and of the trash
    `2 in the trash; 30 open, 5 done`.
    """
    shown = len(page.tasks)
    if page.query.limit is not None:
        # None of a store that is not there yet.
        return f"{shown:,} of {words.count(page.counts.found or 0)}"
    counts = ", ".join(_counts(page, with_zeros=True))
    if _is_filtered(page.query):
        return f"{shown:,} found; {counts}"
    if page.query.status is TaskStatus.TRASH:
        return f"{shown:,} in the trash; {counts}"
    return counts


def nothing(page: TaskPage, context: "ViewContext") -> str:
    """Say that no task was found, by which filters, and what there is else."""
    status = page.query.status
    kind = _KINDS.get(status, f"{status} tasks")
    note = f"No {kind} for {context.user} in {context.place}"
    if filters := _filters(page, context):
        note += f" with {', '.join(filters)}"
    if counts := _counts(page, with_zeros=False):
        note += f" ({', '.join(counts)})"
    return note


def _counts(page: TaskPage, *, with_zeros: bool) -> list[str]:
    """Count all tasks of the user, as in `12 open`, `2 overdue`, `40 done`.

    None overdue and none waiting is never said.
    """
    counts = page.counts
    parts = []
    if counts.open or with_zeros:
        parts.append(f"{words.count(counts.open or 0)} open")
    if counts.overdue:
        parts.append(f"{words.count(counts.overdue)} overdue")
    if counts.waiting:
        parts.append(f"{words.count(counts.waiting)} waiting")
    if counts.done or with_zeros:
        parts.append(f"{words.count(counts.done or 0)} done")
    return parts


def _is_filtered(query: TaskQuery) -> bool:
    """Whether a query leaves out tasks of its status."""
    filters = (
        query.words,
        query.priorities,
        query.tags,
        query.no_tags,
        query.due is not None,
        query.project is not None,
        query.since is not None,
        query.before is not None,
    )
    return any(filters)


def _filters(page: TaskPage, context: "ViewContext") -> list[str]:
    """Put the filters of a query into words, in the order of the options."""
    query = page.query
    parts = [f'"{word}"' for word in query.words]
    if query.due is not None:
        parts.append(_due(query.due, page.today))
    if query.priorities:
        parts.append(_priorities(query))
    if query.project is not None:
        parts.append(_project(query.project))
    parts += [f"tag {tag}" for tag in query.tags]
    parts += [f"no tag {tag}" for tag in query.no_tags]
    return _shortened(parts) + _times(query, context)


def _shortened(parts: list[str]) -> list[str]:
    """Name only the first few of many filters."""
    more = len(parts) - _NAMED_UP_TO
    if more <= 1:
        return parts
    return [*parts[:_NAMED_UP_TO], f"{more} more filters"]


def _due(due: Days, today: date) -> str:
    """Put a filter by due day into words."""
    if not due.has_day:
        return "no due day"
    first, last = due.first, due.last
    if first is None:
        return _due_until(last, today)
    if last is None:
        return f"due from {show_day(first, today)}"
    if first == last:
        return f"due {show_day(first, today)}"
    return f"due {show_day(first, today)} to {show_day(last, today)}"


def _due_until(last: date | None, today: date) -> str:
    """Put a filter by due day without a first day into words."""
    if last is None:
        return "a due day"
    if today - last == _DAY:
        return "a due day before today"
    return f"due until {show_day(last, today)}"


def _priorities(query: TaskQuery) -> str:
    """Name the priorities of a filter, high ones first."""
    names: list[str] = []
    for name in PRIORITIES:
        if name in query.priorities:
            names.append(name)
    if None in query.priorities:
        names.append("no")
    return f"{' or '.join(names)} priority"


def _project(project: str) -> str:
    if not project:
        return "no project"
    return f"project {project}"


def _times(query: TaskQuery, context: "ViewContext") -> list[str]:
    """Put a filter by time into words, in the caller's days."""
    verb = "added"
    if query.status is TaskStatus.DONE:
        verb = "done"
    parts = []
    if query.since is not None:
        parts.append(f"{verb} since {_day_of(query.since, context)}")
    if query.before is not None:
        # The last instant of the day that was named.
        last = query.before - _MOMENT
        parts.append(f"{verb} until {_day_of(last, context)}")
    return parts


def _day_of(moment: datetime, context: "ViewContext") -> str:
    """Write the caller's day in which a moment is."""
    from todo_cli import zones

    day = zones.local(moment, context.zone).date()
    return show_day(day, context.today)
