"""What a list contains, and in which order: the rules of the product a second time.

Nothing here is taken from the program but the shapes of tasks and queries.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta, tzinfo
from functools import cache
from typing import Any, Final

from todo_cli.task import Counts, Group, Sort, Task, TaskQuery, TaskStatus

Value = Callable[[Task], Any]

COUNTED: Final = 1_001
"""Where counts stop."""
DECIDING: Final = 150
"""How many folded characters of a title or a project decide its place."""
AGES: Final = {"today": 1, "week": 7, "month": 30, "quarter": 90}
"""The classes of ages: fewer days than these; what is in none is `older`."""
RANKS: Final = {"high": 0, "medium": 1, "low": 2}
USUAL: Final = {
    TaskStatus.OPEN: Sort.DUE,
    TaskStatus.WAITING: Sort.WAIT,
    TaskStatus.DONE: Sort.COMPLETED,
    TaskStatus.ALL: Sort.NEWEST,
    TaskStatus.TRASH: Sort.DELETED,
}


@cache
def folded(text: str) -> str:
    """A text as search compares it."""
    return "".join(
        character
        for character in unicodedata.normalize("NFKD", text)
        if unicodedata.combining(character) == 0
    ).casefold()


def has_status(task: Task, status: TaskStatus, today: date) -> bool:
    """Whether a task has a status on a day."""
    if task.deleted_at is not None:
        return status is TaskStatus.TRASH
    if status in (TaskStatus.ALL, TaskStatus.TRASH):
        return status is TaskStatus.ALL
    if task.completed or status is TaskStatus.DONE:
        return task.completed and status is TaskStatus.DONE
    waits = task.wait_until is not None and task.wait_until > today
    return waits == (status is TaskStatus.WAITING)


def has_word(task: Task, word: str) -> bool:
    """Whether a word occurs in one of the texts of a task."""
    texts = (task.title, task.description, task.project, *task.tags)
    return any(folded(word) in folded(text) for text in texts if text)


def is_due(task: Task, query: TaskQuery) -> bool:
    """Whether a task is due on the days of a query."""
    if query.due is None:
        return True
    if not query.due.has_day or task.due_on is None:
        return query.due.has_day == (task.due_on is not None)
    first = query.due.first or date.min
    last = query.due.last or date.max
    return first <= task.due_on <= last


def is_of_project(task: Task, query: TaskQuery) -> bool:
    """Whether a task belongs to the project of a query."""
    if not query.project:
        return query.project is None or task.project is None
    wanted = query.project.split(".")
    parts = (task.project or "").split(".")
    return parts[: len(wanted)] == wanted


def is_of_time(task: Task, query: TaskQuery) -> bool:
    """Whether a task was added, or done, in the time of a query."""
    by_completion = query.status is TaskStatus.DONE
    moment = task.completed_at if by_completion else task.created_at
    if query.since is None and query.before is None:
        return True
    if moment is None:
        return False
    is_early = query.since is not None and moment < query.since
    is_late = query.before is not None and moment >= query.before
    return not is_early and not is_late


def fits(task: Task, query: TaskQuery, today: date) -> bool:
    """Whether a task belongs into a list."""
    return (
        has_status(task, query.status, today)
        and is_due(task, query)
        and is_of_project(task, query)
        and is_of_time(task, query)
        and (not query.priorities or task.priority in query.priorities)
        and all(tag in task.tags for tag in query.tags)
        and not any(tag in task.tags for tag in query.no_tags)
        and all(has_word(task, word) for word in query.words)
    )


def text_key(text: str | None) -> Any:
    """By what a text is sorted."""
    return text and (folded(text)[:DECIDING], text)


VALUES: Final[dict[Sort, Value]] = {
    Sort.DUE: lambda task: task.due_on,
    Sort.NEWEST: lambda task: task.created_at,
    Sort.OLDEST: lambda task: task.created_at,
    Sort.PRIORITY: lambda task: RANKS.get(task.priority or ""),
    Sort.PROJECT: lambda task: text_key(task.project),
    Sort.TITLE: lambda task: text_key(task.title),
    Sort.UPDATED: lambda task: task.updated_at,
    Sort.COMPLETED: lambda task: task.completed_at,
    Sort.DELETED: lambda task: task.deleted_at,
    Sort.WAIT: lambda task: task.wait_until,
}
GROUPS: Final[dict[Group, Value]] = {
    Group.DUE: VALUES[Sort.DUE],
    Group.PRIORITY: VALUES[Sort.PRIORITY],
    Group.PROJECT: VALUES[Sort.PROJECT],
}
DOWNWARD: Final = {Sort.NEWEST, Sort.UPDATED, Sort.COMPLETED, Sort.DELETED}


def ordered(tasks: Iterable[Task], query: TaskQuery) -> list[Task]:
    """Sort tasks: the last rule first, because Python keeps the order of ties."""
    found = list(tasks)
    sort = query.sort or USUAL[query.status]

    def arrange(value: Value, *, down: bool = False) -> None:
        found.sort(
            key=lambda task: (0,) if value(task) is None else (1, value(task)),
            reverse=down,
        )
        found.sort(key=lambda task: value(task) is None)

    arrange(lambda task: task.number, down=True)
    arrange(VALUES[Sort.NEWEST], down=True)
    if sort is Sort.DUE:
        arrange(VALUES[Sort.PRIORITY])
    arrange(VALUES[sort], down=(sort in DOWNWARD) != query.is_reversed)
    if query.group is not None:
        arrange(GROUPS[query.group])
    return found


def listed(tasks: Iterable[Task], query: TaskQuery, today: date) -> list[Task]:
    """The tasks of a list, in its order."""
    found = [task for task in tasks if fits(task, query, today)]
    after = query.after
    if after is not None:
        found = [
            task for task in found if (task.created_at, task.number) < after
        ]
    return ordered(found, query)[: query.limit]


def counts(tasks: Sequence[Task], now: datetime, zone: tzinfo) -> Any:
    """The counts of `todo stats`, as JSON has them."""
    today = now.astimezone(zone).date()
    is_open = [
        each for each in tasks if has_status(each, TaskStatus.OPEN, today)
    ]
    is_late = [each for each in is_open if each.due_on and each.due_on < today]
    is_done = [
        each for each in tasks if has_status(each, TaskStatus.DONE, today)
    ]
    shown = [today - timedelta(days=back) for back in range(27, -1, -1)]
    done = Counter(
        each.completed_at.astimezone(zone).date()
        for each in is_done
        if each.completed_at
    )
    late = Counter(each.project for each in is_late)
    by_project = Counter(each.project for each in is_open)
    names = sorted(
        by_project,
        key=lambda name: (name is None, -by_project[name], name or ""),
    )
    ages = Counter(
        next(
            (name for name, end in AGES.items() if age < end),
            "older",
        )
        for age in (
            (today - each.created_at.astimezone(zone).date()).days
            for each in is_open
        )
    )
    oldest = min((each.created_at for each in is_open), default=None)
    waiting = [
        each for each in tasks if has_status(each, TaskStatus.WAITING, today)
    ]
    return {
        "open": len(is_open),
        "overdue": len(is_late),
        "waiting": len(waiting),
        "done": len(is_done),
        "days": [{"day": str(day), "done": done[day]} for day in shown],
        "projects": [
            {"project": name, "open": by_project[name], "overdue": late[name]}
            for name in names
        ],
        "ages": {name: ages[name] for name in (*AGES, "older")}
        | {"oldest": oldest and oldest.strftime("%Y-%m-%dT%H:%M:%S.%fZ")},
    }


def counted(tasks: Sequence[Task], today: date) -> Counts:
    """The counts of a user's tasks."""

    def number(status: TaskStatus) -> int:
        return sum(has_status(task, status, today) for task in tasks)

    overdue = sum(
        has_status(task, TaskStatus.OPEN, today)
        and task.due_on is not None
        and task.due_on < today
        for task in tasks
    )
    return Counts(
        open=min(number(TaskStatus.OPEN), COUNTED),
        overdue=min(overdue, COUNTED),
        waiting=min(number(TaskStatus.WAITING), COUNTED),
        done=min(number(TaskStatus.DONE), COUNTED),
    )
