"""Choose the compiled parts that make up the statement of a list, by name.

`lists.py` has the expressions behind the names, and says how a list is read.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Final, NamedTuple

from todo_cli.task import Days, Sort, TaskQuery, TaskStatus

COUNTED_UP_TO: Final = 1_000
"""Counts stop after this number of rows.

So a list costs the same, no matter how many tasks the user has.
"""

COUNT_BASE: Final = COUNTED_UP_TO + 2
"""A list of all has its counts as the digits of a number to this base."""
_JOINED: Final = 4
"""How many counts that are."""

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
    """What leads to them: one of `SOURCES`."""
    arms: tuple[Names, ...]
    """Which tasks fit, of each state or of all; `words` has the condition `word` within."""
    order: Names = ()
    """The order of the index that leads to them."""


class Plan(NamedTuple):
    """The parts of a list, by name."""

    where: Names
    """The conditions of the list; those of a part are its own."""
    segments: tuple[tuple[Part, ...], ...] = ()
    """None of them without a limit: then the order does not matter."""
    probe: Probe | None = None
    is_counted: bool = False
    """Whether the user's tasks are counted, although there is a limit."""

    @property
    def shape(self) -> str:
        """The name of the template: how many parts each segment has."""
        counts = ".".join(str(len(parts)) for parts in self.segments)
        if self.segments[0][0].has_edge:
            return f"edge:{counts}"
        return counts

    @property
    def found(self) -> str:
        """How to count what the list has without its limit; one of `FOUND`."""
        if self.probe is not None:
            return "few"
        # Without a probe there is no filter.
        for name in STATES:
            if name in self.where:
                return name
        return "either"


SHAPES: Final = ("1", "2", "1.1", "2.2", "1.1.1", "2.2.2")
"""How many parts the segments of a list can have."""
LATE_SHAPES: Final = (
    "1.1.1.1",
    "2.2.2.2",
    "1.1.1.1.1",
    "2.2.2.2.2",
    "edge:4",
)
"""Those that only lists after a place have."""
FOUND: Final = ("few", "open", "waiting", "done", "either", "trash")
"""What a list with a limit has without it: what a filter finds, or a state."""
SOURCES: Final = ("state", "states", "walk", "tag", "words")
"""An index for one state or for two, none, the table of tags, an index of words."""


def plan(query: TaskQuery, *more: str, by_words: bool = False) -> Plan:
    """Choose the parts of a list; `more` are the names of more conditions.

    `by_words` says that an index of words can find the words of the query.
    """
    where = (*conditions_of(query), *more)
    if query.limit is None or not _can_go_on(query):
        return Plan((*where, *_all_states(query)))
    probe = _probe(query, where, by_words=by_words)
    return Plan(where, _segments(query, where), probe, query.is_counted)


def _can_go_on(query: TaskQuery) -> bool:
    """Whether the parts after a place can be read alone.

    Else all tasks are read: nobody asks for such a list.
    """
    if query.after is None:
        return True
    is_by_time = order_of(query) in (Sort.NEWEST, Sort.OLDEST)
    return is_by_time or not is_reversed(query)


def in_turn(query: TaskQuery, *, is_first: bool) -> Names:
    """Choose the conditions of a page of an export, which goes by number alone.

    No index but that of the numbers is chosen for any of them. The first page
    begins with the lowest number, whatever another program has stored there.
    """
    found = [] if is_first else ["further"]
    found.append(f"{_state_of(query)}{IN_TURN}")
    for name in filters_of(query):
        found.append(f"{name}{WALKED}" if name in LEADS else name)
    return tuple(found)


def _state_of(query: TaskQuery) -> str:
    """Return the name of the condition on the state."""
    if query.status is TaskStatus.ALL:
        return "either"
    return query.status.value


# Conditions


def conditions_of(query: TaskQuery) -> Names:
    """Return the names of a list's conditions, in the order to join them."""
    found: list[str] = []
    if query.status is not TaskStatus.ALL:
        found.append(query.status.value)
    found += filters_of(query)
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
        found.append("tag")
    if len(query.tags) > 1:
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
    # An index has the tasks of one priority in an order.
    return "priority" if len(query.priorities) == 1 else "priorities"


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
        (("no_completed",), "newest"),
    ],
    Sort.DELETED: [(("has_deleted",), "deleted")],
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
    Sort.DELETED: ("deleted",),
    Sort.WAIT: ("group_has_wait", "wait"),
}
"""Each order as one, with what puts tasks without a value last."""

_STEPS: Final[Mapping[str, Sequence[Names]]] = {
    "newest": [("after",)],
    "newest_reversed": [("at_created", "lower"), ("later",)],
    "due": [
        ("at_due", "at_rank", "after"),
        ("at_due", "beyond_rank"),
        ("beyond_due",),
    ],
    "priority": [("at_rank", "after"), ("beyond_rank",)],
    "project": [
        ("at_project", "at_project_exact", "after"),
        ("at_project", "beyond_project_exact"),
        ("beyond_project",),
    ],
    "title": [
        ("at_title", "at_title_exact", "after"),
        ("at_title", "beyond_title_exact"),
        ("beyond_title",),
    ],
    "updated": [("at_updated", "after"), ("beyond_updated",)],
    "completed": [("at_completed", "after"), ("beyond_completed",)],
    "deleted": [("at_deleted", "after"), ("beyond_deleted",)],
    "wait": [("at_wait", "after"), ("beyond_wait",)],
}
"""What follows a place in an order, each step in the order of the index.

First come the tasks with the same values, then those with one value less alike.
"""
_ALL: Final[Sequence[Names]] = [()]
"""The one step of a list that begins at its beginning."""
_REVERSED: Final = "_reversed"


def _segments(query: TaskQuery, where: Names) -> tuple[tuple[Part, ...], ...]:
    """Return the segments of the order of a list."""
    if query.group is not None:
        return ((_grouped(query, where),),)
    found: list[tuple[Part, ...]] = []
    reached = _reached(query)
    for number, (conditions, name) in enumerate(_SORTED[order_of(query)]):
        if number < reached or _is_empty(where, conditions):
            continue
        if name == "wait" and query.status is TaskStatus.OPEN:
            conditions = (*conditions, "waited")
        # Only the value itself is reversed: what has none is newest first.
        if number == 0:
            name = _named(name, query)
        steps = _steps(query, name, is_first=number == reached)
        found += _stepwise(query, where, conditions, name, steps)
    return tuple(found)


def _grouped(query: TaskQuery, where: Names) -> Part:
    """Return the one part of a list in groups."""
    order = tuple(_named(name, query) for name in _WHOLE[order_of(query)])
    every = (*where, *_all_states(query))
    return Part(every, (f"group_{query.group}", *order))


def _steps(query: TaskQuery, name: str, *, is_first: bool) -> Sequence[Names]:
    """Return the steps of a segment: several where the list goes on."""
    if query.after is None or not is_first:
        return _ALL
    return _STEPS[name]


def _stepwise(
    query: TaskQuery,
    where: Names,
    conditions: Names,
    name: str,
    steps: Sequence[Names],
) -> list[tuple[Part, ...]]:
    """Return a segment for each step; one for all, if the order is reversed."""
    found = []
    for step in steps:
        parts = []
        for state in _states(query):
            parts.append(_part(where, state, (*conditions, *step), name))
        found.append(tuple(parts))
    if name.endswith(_REVERSED):
        # Only the first segment has edges.
        return [tuple(chain.from_iterable(found))]
    return found


def _reached(query: TaskQuery) -> int:
    """Return the number of the segment in which a list goes on."""
    after = query.after
    sort = order_of(query)
    if after is None or len(_SORTED[sort]) == 1:
        return 0
    if after.value is not None:
        return 0
    if sort is Sort.DUE and after.priority is None:
        return 2
    return 1


_OPPOSITES: Final[Mapping[str, frozenset[str]]] = {
    "has_due": frozenset({"no_due"}),
    "no_due": frozenset({"has_due"}),
    "has_priority": frozenset({"no_priority"}),
    "no_priority": frozenset({"priority", "priorities"}),
    "has_project": frozenset({"no_project"}),
    "no_project": frozenset({"project"}),
    "no_wait": frozenset({"waiting"}),
}
"""The filters that no task of a segment fits, by the condition of the segment."""


def _is_empty(where: Names, conditions: Names) -> bool:
    """Whether no task of a segment can fit, so that it is not walked."""
    opposites: set[str] = set()
    for name in conditions:
        opposites |= _OPPOSITES.get(name, frozenset())
    return not opposites.isdisjoint(where)


def _part(where: Names, state: Names, conditions: Names, order: str) -> Part:
    """Return a part of a segment."""
    name = order.removesuffix(_REVERSED)
    of_part = (*_walked(where, name), *state, *conditions)
    if name == order:
        return Part(of_part, (name,), None)
    # An index leads to the value, and nothing else may.
    tied = (*state, *_tied((*where, *conditions), name))
    return Part(of_part, (order,), tied)


WALKED: Final = "_walked"
"""The end of the name of a condition for which no index is chosen."""
IN_TURN: Final = "_in_turn"
"""The same of a condition on the state; those that are walked have its index."""
STATES: Final = ("open", "waiting", "done", "either", "trash")
"""The conditions on the state that a list can have."""
LEADS: Final[Mapping[str, str]] = {
    "waiting": "wait",
    "has_due": "due",
    "due_from": "due",
    "due_to": "due",
    "priority": "priority",
    "priorities": "priority",
    "project": "project_exact",
    "created_since": "newest",
    "created_before": "newest",
    "completed_since": "completed",
    "completed_before": "completed",
    "has_wait": "wait",
    "waited": "wait",
}
"""The conditions that have an index, and the order that has the same one."""


def _walked(where: Names, order: str) -> Names:
    """Return the conditions of a part, so that the index of its order is used."""
    found = []
    for name in where:
        leads_elsewhere = LEADS.get(name, order) != order
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
    if query.order is Sort.DELETED and query.status is not TaskStatus.TRASH:
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


def _states(query: TaskQuery) -> Sequence[Names]:
    """Return the states that a segment is split into: the indexes begin so."""
    if query.status is TaskStatus.ALL:
        return [("not_done",), ("done",)]
    return [()]


def _all_states(query: TaskQuery) -> Names:
    """Return the condition of a list of all tasks that is not split."""
    return ("either",) if query.status is TaskStatus.ALL else ()


# The probe of a filter


def _probe(query: TaskQuery, where: Names, *, by_words: bool) -> Probe | None:
    """Choose how to look for the tasks that fit; None without a filter."""
    every = (*where, *_all_states(query))
    if query.tags:
        return Probe("tag", (every,))
    if query.words and by_words:
        others = tuple(name for name in every if name != "word")
        return Probe("words", (others,))
    filters = filters_of(query)
    if filters:
        return _by_index(query, where, filters)
    is_rare = query.status is TaskStatus.WAITING and query.order != Sort.WAIT
    if is_rare:
        return _by_index(query, (*where, "has_wait"), ["has_wait"])
    return None


def _by_index(query: TaskQuery, where: Names, filters: Sequence[str]) -> Probe:
    """Choose the index that leads to the tasks that fit some filters."""
    for name in filters:
        # Several priorities are not in one order.
        if name in LEADS and name != "priorities":
            arms = [(*where, *state) for state in _states(query)]
            source = "state" if len(arms) == 1 else "states"
            return Probe(source, tuple(arms), (LEADS[name],))
    return Probe("walk", ((*where, *_all_states(query)),))


def split_counts(joined: int) -> list[int]:
    """Return the counts of a list of all: open, overdue, waiting, done."""
    counts: list[int] = []
    for _ in range(_JOINED):
        joined, count = divmod(joined, COUNT_BASE)
        counts.insert(0, count)
    return counts
