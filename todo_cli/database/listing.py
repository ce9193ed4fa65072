"""Choose the compiled parts that make up the statement of a list, by name.

`lists.py` has the expressions behind the names, and says how a list is read.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from todo_cli.task import Days, Sort, TaskQuery, TaskStatus

COUNTED_UP_TO: Final = 1_000
"""Counts stop after this number of rows.

So a list costs the same, no matter how many tasks the user has.
"""

Names = tuple[str, ...]


class Part(NamedTuple):
    """A part of a segment: its conditions, and the names of its order."""

    conditions: Names
    order: Names
    tied: Names | None = None
    """The conditions of those that share the last value of a reversed order.

    They are read apart.
    """

    @property
    def has_edge(self) -> bool:
        """Whether those with the last value are read apart."""
        return self.tied is not None


class Probe(NamedTuple):
    """How to look for the tasks that fit a filter."""

    source: str
    """What leads to them: `task`, `tag` or the index of `words`."""
    conditions: Names
    """Which tasks fit; `words` has the condition `word` within."""


class Plan(NamedTuple):
    """The parts of a list, by name."""

    where: Names
    """The conditions of the list; those of a part are its own."""
    segments: tuple[tuple[Part, ...], ...] = ()
    """None of them without a limit: then the order does not matter."""
    probe: Probe | None = None

    @property
    def shape(self) -> str:
        """The name of the template: how many parts each segment has."""
        counts = ".".join(str(len(parts)) for parts in self.segments)
        if self.segments[0][0].has_edge:
            return f"edge:{counts}"
        return counts


SHAPES: Final = ("1", "2", "1.1", "2.2", "1.1.1", "2.2.2")
"""How many parts the segments of a list can have."""
SOURCES: Final = ("task", "tag", "words")


def plan(query: TaskQuery, *more: str, by_words: bool = False) -> Plan:
    """Choose the parts of a list; `more` are the names of more conditions.

    `by_words` says that an index of words can find the words of the query.
    """
    where = (*conditions_of(query), *more)
    if query.limit is None:
        return Plan(where)
    probe = _probe(query, where, by_words=by_words)
    return Plan(where, _segments(query, where), probe)


# Conditions


def conditions_of(query: TaskQuery) -> Names:
    """Return the names of a list's conditions, in the order to join them."""
    found: list[str] = []
    if query.status is not TaskStatus.ALL:
        found.append(query.status.value)
    found += filters_of(query)
    if query.after is not None:
        found.append("after")
    return tuple(found)


def filters_of(query: TaskQuery) -> list[str]:
    """Return the names of the filters of a list."""
    found: list[str] = []
    if query.due is not None:
        found += _of_days(query.due)
    if query.priorities:
        found.append(_of_priorities(query))
    if query.project is not None:
        found.append("project" if query.project else "no_project")
    if query.tags:
        found.append("tags")
    if query.no_tags:
        found.append("no_tags")
    found += _of_time(query)
    if query.words:
        found.append("word")
    if len(query.words) > 1:
        found.append("words")
    return found


def _of_days(due: Days) -> list[str]:
    """The conditions on the due day."""
    if not due.has_day:
        return ["no_due"]
    found = ["has_due"]
    if due.first is not None:
        found.append("due_from")
    if due.last is not None:
        found.append("due_to")
    return found


def _of_priorities(query: TaskQuery) -> str:
    """The condition on the priority."""
    if query.priorities == {None}:
        return "no_priority"
    if None in query.priorities:
        return "priorities_or_none"
    return "priorities"


def _of_time(query: TaskQuery) -> list[str]:
    """The conditions on the time; which one, depends on the status."""
    name = "created"
    if query.status is TaskStatus.DONE:
        name = "completed"
    found = []
    if query.since is not None:
        found.append(f"{name}_since")
    if query.before is not None:
        found.append(f"{name}_before")
    return found


# Orders

_SORTED: Final[Mapping[Sort, Sequence[tuple[Names, str]]]] = {
    Sort.DUE: [
        (("has_due",), "due"),
        (("no_due", "has_priority"), "priority"),
        (("no_due", "no_priority"), "newest"),
    ],
    Sort.PRIORITY: [
        (("has_priority",), "priority"),
        (("no_priority",), "newest"),
    ],
    Sort.PROJECT: [
        (("has_project",), "project"),
        (("no_project",), "newest"),
    ],
    Sort.NEWEST: [((), "newest")],
    Sort.OLDEST: [((), "newest")],
    Sort.TITLE: [((), "title")],
    Sort.UPDATED: [((), "updated")],
    Sort.COMPLETED: [
        (("has_completed",), "completed"),
        (("not_done",), "newest"),
    ],
    Sort.WAIT: [
        (("has_wait",), "wait"),
        (("no_wait",), "newest"),
    ],
}
"""The segments of each order: conditions, and the order within the segment."""

_WHOLE: Final[Mapping[Sort, Names]] = {
    Sort.DUE: ("group_has_due", "due"),
    Sort.PRIORITY: ("group_has_priority", "priority"),
    Sort.PROJECT: ("group_has_project", "project"),
    Sort.NEWEST: ("newest",),
    Sort.OLDEST: ("newest",),
    Sort.TITLE: ("title",),
    Sort.UPDATED: ("updated",),
    Sort.COMPLETED: ("group_has_completed", "completed"),
    Sort.WAIT: ("group_has_wait", "wait"),
}
"""Each order as one, with what puts tasks without a value last."""


def _segments(query: TaskQuery, where: Names) -> tuple[tuple[Part, ...], ...]:
    """Return the segments of the order of a list."""
    sort = order_of(query)
    if query.group is not None:
        order = tuple(_named(name, query) for name in _WHOLE[sort])
        return ((Part(where, (f"group_{query.group}", *order)),),)
    found = []
    for number, (conditions, name) in enumerate(_SORTED[sort]):
        # Only the value itself is reversed: what has none is newest first.
        is_turned = number == 0 and is_reversed(query)
        if name == "wait" and query.status is TaskStatus.OPEN:
            conditions = (*conditions, "waited")
        parts = []
        for state in _states(query, conditions):
            part = _part(where, state, conditions, name, is_turned)
            parts.append(part)
        found.append(tuple(parts))
    return tuple(found)


def _part(
    where: Names, state: Names, conditions: Names, name: str, is_turned: bool
) -> Part:
    """Return a part of a segment, whose order is `name` or its reverse."""
    of_part = (*_walked(where, name), *state, *conditions)
    if not is_turned:
        return Part(of_part, (name,), None)
    # An index leads to the value, and nothing else may.
    tied = (*state, *_tied((*where, *conditions), name))
    return Part(of_part, (f"{name}_reversed",), tied)


WALKED: Final = "_walked"
"""The end of the name of a condition for which no index is chosen."""
LEADS: Final[Mapping[str, str]] = {
    "waiting": "wait",
    "has_due": "due",
    "due_from": "due",
    "due_to": "due",
    "priorities": "priority",
    "project": "",
    "created_since": "newest",
    "created_before": "newest",
    "completed_since": "completed",
    "completed_before": "completed",
    "waited": "wait",
    "done": "",
}
"""The conditions that have an index, and the order that has the same one."""


def _walked(where: Names, order: str) -> Names:
    """Return the conditions of a part, so that the index of its order is used."""
    found = []
    for name in where:
        leads_elsewhere = LEADS.get(name, order) != order
        # Every index but this one begins with the state.
        if name == "done":
            leads_elsewhere = order == "completed"
        found.append(f"{name}{WALKED}" if leads_elsewhere else name)
    return tuple(found)


def _tied(where: Names, order: str) -> Names:
    """Return the conditions of those with the last value of a part.

    The index of the order leads to that value, and no range may be chosen.
    """
    found = []
    for name in _walked(where, order):
        is_range = LEADS.get(name) == order
        found.append(f"{name}{WALKED}" if is_range else name)
    return tuple(found)


def order_of(query: TaskQuery) -> Sort:
    """Return the order of a list, by a value that its tasks can have."""
    is_undone = query.status in (TaskStatus.OPEN, TaskStatus.WAITING)
    if query.order is Sort.COMPLETED and is_undone:
        return Sort.NEWEST
    return query.order


def is_reversed(query: TaskQuery) -> bool:
    """Whether the order of the value is reversed.

    `oldest` is `newest` reversed.
    """
    if order_of(query) is not query.order:
        return False
    return query.is_reversed != (query.order is Sort.OLDEST)


def _named(name: str, query: TaskQuery) -> str:
    """Return the name of an order, reversed if the query says so."""
    if is_reversed(query) and not name.startswith("group_"):
        return f"{name}_reversed"
    return name


def _states(query: TaskQuery, conditions: Names) -> Sequence[Names]:
    """Return the states of `completed` that a segment is split into.

    The indexes begin with it, but for the one of the completion time.
    """
    is_split = query.status is TaskStatus.ALL
    if not is_split or {"has_completed", "not_done"} & {*conditions}:
        return [()]
    return [("not_done",), ("done",)]


# The probe of a filter


def _probe(query: TaskQuery, where: Names, *, by_words: bool) -> Probe | None:
    """Choose how to look for the tasks that fit; None without a filter."""
    if query.tags:
        return Probe("tag", where)
    if query.words and by_words:
        return Probe("words", tuple(name for name in where if name != "word"))
    state: Names = ()
    if query.status is TaskStatus.ALL:
        state = ("either",)
    if filters_of(query):
        return Probe("task", (*where, *state))
    is_rare = query.status is TaskStatus.WAITING and query.order != Sort.WAIT
    if is_rare:
        return Probe("task", (*where, "has_wait"))
    return None
