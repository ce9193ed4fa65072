"""Sort the tasks of a list as `lists.py` does in SQL.

SQL does not guarantee the order of rows after a join, and a list with a limit
consists of several parts. Sorting rows that are in order already costs little.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

from todo_cli import rules
from todo_cli.database import listing
from todo_cli.fold import fold
from todo_cli.task import (
    SORTED_BY,
    Group,
    Position,
    Sort,
    Task,
    TaskQuery,
)

SORTED_UP_TO: Final = 150
"""How many folded code points of a title or project decide its place.

The rest, which few have, is compared as it is written. So a key always fits
into a page of an index.
"""

_RANKS: Final[Mapping[str | None, int]] = {
    **{name: place for place, name in enumerate(rules.PRIORITIES, start=1)},
    None: len(rules.PRIORITIES) + 1,
}
Key = Callable[[Task], Any]

# Of C: a long list calls them for each task.
_newest: Final[Key] = attrgetter("created_at", "number")
"""When it was added; of one time, the higher number is the newer one."""
_created: Final[Key] = attrgetter("created_at")
_due: Final[Key] = attrgetter("due_on")
_urgency: Final[Key] = attrgetter("priority")
_wait: Final[Key] = attrgetter("wait_until")
_updated: Final[Key] = attrgetter("updated_at")
_completed: Final[Key] = attrgetter("completed_at")
_deleted: Final[Key] = attrgetter("deleted_at")


def in_order(tasks: Sequence[Task], query: TaskQuery) -> list[Task]:
    """Sort the tasks of a list."""
    found = sorted(tasks, key=_newest, reverse=True)
    sort = listing.order_of(query)
    if sort is Sort.NEWEST and not query.is_reversed and query.group is None:
        return found
    # Most lists have no priorities, and many no due days.
    if sort is Sort.DUE and any(map(_urgency, found)):
        found.sort(key=_rank)
    _sort_by(found, _VALUES[sort], is_reversed=listing.is_reversed(query))
    if query.group is not None:
        _sort_by(found, _GROUPS[query.group], is_reversed=False)
    return found


def position_of(task: Task, query: TaskQuery) -> Position:
    """Return the place of a task in a list."""
    sort = listing.order_of(query)
    name = SORTED_BY.get(sort)
    value = None
    if name is not None:
        value = getattr(task, name)
    priority = None
    if sort in (Sort.DUE, Sort.PRIORITY):
        priority = task.priority
    return Position(task.created_at, task.number, value, priority)


def beyond(tasks: Sequence[Task], query: TaskQuery) -> list[Task]:
    """Sort the tasks of a list, and leave out those up to its place."""
    if query.after is None:
        return in_order(tasks, query)
    mark = _task_at(query.after, query)
    found = in_order([*tasks, mark], query)
    # The task of the place can be there, too; the mark comes right after it.
    places = [task is mark for task in found]
    return found[places.index(True) + 1 :]


def _task_at(after: Position, query: TaskQuery) -> Task:
    """Return a task that would be at a place in a list."""
    mark = Task(
        UUID(int=0),
        after.number,
        user_id="",
        title="",
        description=None,
        completed=False,
        created_at=after.created_at,
        updated_at=after.created_at,
        completed_at=None,
        priority=after.priority,
    )
    name = SORTED_BY.get(listing.order_of(query))
    if name is not None:
        setattr(mark, name, after.value)
    return mark


def _sort_by(tasks: list[Task], value: Key, *, is_reversed: bool) -> None:
    """Sort by a value, those without it last; ties keep their order."""
    # Python keeps the order of equal ones also if it reverses.
    descends = is_reversed
    if value in _LATEST_FIRST:
        descends = not is_reversed
    some = [task for task in tasks if value(task) is not None]
    if not some:
        return
    others = [task for task in tasks if value(task) is None]
    some.sort(key=value, reverse=descends)
    tasks[:] = some + others


def rank_of(priority: str | None) -> int:
    """Return the place of a priority in a list; none comes last."""
    return _RANKS[priority]


def _rank(task: Task) -> int:
    """The place of its priority, which none has, too: it breaks ties of days."""
    return _RANKS[task.priority]


def _priority(task: Task) -> Any:
    """The place of its priority; None without one, so that it comes last."""
    return None if task.priority is None else _rank(task)


def _title(task: Task) -> Any:
    """Its title, first as search folds it."""
    return fold(task.title)[:SORTED_UP_TO], task.title


def _project(task: Task) -> Any:
    """Its project, first as search folds it; None without one."""
    if task.project is None:
        return None
    return fold(task.project)[:SORTED_UP_TO], task.project


_LATEST_FIRST: Final = (_created, _updated, _completed, _deleted)
_VALUES: Final[Mapping[Sort, Key]] = {
    Sort.DUE: _due,
    Sort.NEWEST: _created,
    Sort.OLDEST: _created,
    Sort.PRIORITY: _priority,
    Sort.PROJECT: _project,
    Sort.TITLE: _title,
    Sort.UPDATED: _updated,
    Sort.COMPLETED: _completed,
    Sort.DELETED: _deleted,
    Sort.WAIT: _wait,
}
"""What each order compares first."""
_GROUPS: Final[Mapping[Group, Key]] = {
    Group.PROJECT: _project,
    Group.DUE: _due,
    Group.PRIORITY: _priority,
}
