"""The expressions of lists: conditions, orders, counts and whole statements.

Commands do not import this module: `build.py` compiles it, and `listing.py`
chooses the parts of a list by name.

A list with a limit must cost the same however many tasks the user has. So it
is read in segments, each in the order of an index: the tasks that have the
value by which the list is sorted, and then those without it. A later segment
is read only if the ones before it have too few tasks. All indexes begin with
the `state` of a task, so a list of open and done tasks has a part of a segment
for each of the two. The trash is a state of its own, and never walked for others.

A filter that few tasks fit would make such a walk long. So up to 1,001 tasks
that fit are looked for first, by the filter's own index: if there are not more
than 1,000, they are the list, and no segment is read. If there are more, a
walk soon finds enough of them.

Tasks with the same value are in the order of the index, newest first. Read
backward the index has them oldest first. So a reversed part is read by the value
alone, and those that share its last value are read apart, in their own order.
"""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Integer,
    Label,
    Select,
    Text,
    and_,
    bindparam,
    case,
    column,
    func,
    literal_column,
    or_,
    select,
    table,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.sql import operators

from todo_cli.database import listing
from todo_cli.database.listing import COUNTED_UP_TO
from todo_cli.database.tables import (
    DONE,
    IN_TRASH,
    OPEN,
    ByCodePoint,
    Day,
    Instant,
    TagRow,
    TaskRow,
    folded_key,
    rank,
)

if TYPE_CHECKING:
    from todo_cli.database.queries import Dialect

Clauses = Mapping[str, ColumnElement[bool]]

TASK: Final = TaskRow.__table__  # type: ignore[attr-defined]  # SQLModel declares it, untyped
TAG: Final = TagRow.__table__  # type: ignore[attr-defined]
task: Final = TASK.c
tag: Final = TAG.c

_TRUE: Final = literal_column("true", Boolean)
_ONE: Final = literal_column("1", Integer)
_ZERO: Final = literal_column("0", Integer)
_MOST_COUNTED: Final = literal_column(str(COUNTED_UP_TO), Integer)
_STOP: Final = literal_column(str(COUNTED_UP_TO + 1), Integer)
_USER: Final = bindparam("user", type_=Text)
MINE: Final = task.user_id == _USER
MOST: Final = bindparam("most", type_=Integer)
TODAY: Final = bindparam("today", type_=Day)

_NEWEST: Final = (task.created_at.desc(), task.number.desc())
_RANK: Final = rank(task.priority)
_TITLE: Final = folded_key(task.title_folded, task.title)
_PROJECT: Final = folded_key(task.project_folded, task.project)
_PLACE: Final = tuple_(
    bindparam("created_at", type_=Instant), bindparam("number", type_=Integer)
)


def within_years() -> ColumnElement[bool]:
    """Whether each time and day of a task is one that Python can express.

    Wider than our CHECKs, which older stores lack: what can be read is shown.
    Only PostgreSQL needs it, where the driver fails for the whole answer.
    """
    first: Any = literal_column("'0001-01-01'", Day)
    end: Any = literal_column("'10000-01-01'", Day)
    found = [within(1, 10_000)]
    for each in (task.due_on, task.wait_until):
        is_within = and_(each >= first, each < end)
        found.append(or_(each.is_(None), is_within))
    return and_(*found)


def within(first_year: int, end_year: int) -> ColumnElement[bool]:
    """Whether each time of a task is in these years; on PostgreSQL."""
    first: Any = literal_column(f"'{first_year:04}-01-01Z'", Instant)
    end: Any = literal_column(f"'{end_year:04}-01-01Z'", Instant)
    found = []
    for each in (
        task.created_at,
        task.updated_at,
        task.completed_at,
        task.deleted_at,
    ):
        is_within = and_(each >= first, each < end)
        found.append(or_(each.is_(None), is_within))
    return and_(*found)


# Conditions


def clauses(dialect: "Dialect") -> dict[str, ColumnElement[bool]]:
    """Return the conditions of lists, by name.

    Each is compiled alone, and reading a list joins them with AND. Those of
    `listing.LEADS` and `STATES` are there twice: once so that no index is chosen
    for them.
    """
    found = _plain(dialect, task)
    columns: Any = SimpleNamespace()
    for column_of in TASK.c:
        walked = dialect.without_index(column_of)
        setattr(columns, column_of.key, walked)
    # All indexes of lists begin with it.
    columns.state = task.state
    plain = _plain(dialect, columns)
    for name in listing.LEADS:
        found[f"{name}{listing.WALKED}"] = plain[name]
    # An expression has no index of its own, on either store.
    columns.state = task.state + _ZERO
    for name, clause in _states(dialect, columns).items():
        if name in listing.STATES:
            found[f"{name}{listing.IN_TURN}"] = clause
    return found | _texts(dialect)


def _plain(dialect: "Dialect", columns: Any) -> dict[str, Any]:
    """Return the conditions on values but texts."""
    states = _states(dialect, columns)
    return states | _days(columns) | _choices(dialect, columns)


def _states(dialect: "Dialect", columns: Any) -> dict[str, Any]:
    """Conditions on the status, and on the place in a list."""
    waits = columns.wait_until > TODAY
    # Written so that no index is chosen for it: those of lists have the day.
    waits_not = waits.is_not(_TRUE)
    is_open = _has_state(columns, OPEN)
    return {
        "open": and_(is_open, waits_not),
        "waiting": and_(is_open, waits),
        "done": _has_state(columns, DONE),
        "not_done": is_open,
        "either": dialect.is_either(columns.state, (OPEN, DONE)),
        "trash": _has_state(columns, IN_TRASH),
        "further": task.number > bindparam("number", type_=Integer),
        "within_years": within_years(),
    }


def places() -> dict[str, Any]:
    """Return the conditions on what comes after a place, by name.

    `listing.py` says which of them go together.
    """
    created = bindparam("created_at", type_=Instant)
    task_rank = _RANK
    place_rank = bindparam("at_rank", type_=Integer)
    found: dict[str, Any] = {
        "after": tuple_(task.created_at, task.number) < _PLACE,
        "at_created": task.created_at == created,
        "lower": task.number < bindparam("number", type_=Integer),
        "later": task.created_at > created,
        "at_rank": task_rank == place_rank,
        "beyond_rank": task_rank > place_rank,
    }
    for name, value in (("due", task.due_on), ("wait", task.wait_until)):
        day = bindparam("at_day", type_=Day)
        found[f"at_{name}"] = value == day
        found[f"beyond_{name}"] = value > day
    found |= _moments()
    return (
        found | _places_of("project", _PROJECT) | _places_of("title", _TITLE)
    )


def _moments() -> dict[str, Any]:
    """Conditions on times that are sorted with the latest first."""
    moment = bindparam("at_instant", type_=Instant)
    found = {}
    for name in ("updated", "completed", "deleted"):
        value = task[f"{name}_at"]
        found[f"at_{name}"] = value == moment
        found[f"beyond_{name}"] = value < moment
    return found


def _places_of(name: str, key: Any) -> dict[str, Any]:
    """Conditions on a text that is sorted by its folded text, and then exactly."""
    exact: Any = ByCodePoint(task[name])
    folded: Any = ByCodePoint(bindparam("at_folded", type_=Text))
    text: Any = ByCodePoint(bindparam("at_text", type_=Text))
    return {
        f"at_{name}": key == folded,
        f"beyond_{name}": key > folded,
        f"at_{name}_exact": exact == text,
        f"beyond_{name}_exact": exact > text,
    }


def _has_state(columns: Any, state: int) -> ColumnElement[bool]:
    """Whether a task is open, done or in the trash."""
    number: ColumnElement[Any] = literal_column(str(state), Integer)
    has_state: ColumnElement[bool] = columns.state == number
    return has_state


def _days(columns: Any) -> dict[str, Any]:
    """Conditions on days and times."""
    found: dict[str, Any] = {
        "has_due": columns.due_on.is_not(None),
        "no_due": columns.due_on.is_(None),
        "due_from": columns.due_on >= bindparam("due_first", type_=Day),
        "due_to": columns.due_on <= bindparam("due_last", type_=Day),
        "has_completed": columns.completed_at.is_not(None),
        "no_completed": columns.completed_at.is_(None),
        "has_deleted": columns.deleted_at.is_not(None),
        "has_wait": columns.wait_until.is_not(None),
        "no_wait": columns.wait_until.is_(None),
        # Besides `open`, for the index of the wait day.
        "waited": columns.wait_until <= TODAY,
    }
    since = bindparam("since", type_=Instant)
    before = bindparam("before", type_=Instant)
    for name in ("created", "completed"):
        moment = getattr(columns, f"{name}_at")
        found[f"{name}_since"] = moment >= since
        found[f"{name}_before"] = moment < before
    return found


def _choices(dialect: "Dialect", columns: Any) -> dict[str, Any]:
    """Conditions on priority, project and tags."""
    has_priority = columns.priority.is_not(None)
    is_this = dialect.is_ranked(rank(columns.priority))
    is_one = dialect.within(rank(columns.priority), "ranks")
    return {
        "has_priority": has_priority,
        "no_priority": columns.priority.is_(None),
        "priority": and_(has_priority, is_this),
        "priorities": and_(has_priority, is_one),
        "priorities_or_none": or_(columns.priority.is_(None), is_one),
        "has_project": columns.project.is_not(None),
        "no_project": columns.project.is_(None),
        "project": _is_within(columns.project),
        "tag": dialect.has(columns.tags, bindparam("tag", type_=Text)),
        "tags": ~dialect.lacks(columns.tags, "tags"),
        "no_tags": ~dialect.has_one(columns.tags, "no_tags"),
    }


def _is_within(column_of: Any) -> ColumnElement[bool]:
    """Whether a project is the given one, or below it."""
    project: Any = ByCodePoint(column_of)
    given: Any = ByCodePoint(bindparam("project", type_=Text))
    # What is below `home` begins with `home.`; the next character is `/`.
    below: Any = ByCodePoint(bindparam("project_below", type_=Text))
    end: Any = ByCodePoint(bindparam("project_end", type_=Text))
    # The outer bounds are for the index.
    is_either = or_(project == given, project >= below)
    return and_(project >= given, project < end, is_either)


def _texts(dialect: "Dialect") -> dict[str, ColumnElement[bool]]:
    """Conditions on the folded texts.

    The longest word is a parameter of its own, for an index of trigrams. A
    task without folded texts passes: the service looks at it.
    """
    others = dialect.names("words", "other")
    word: ColumnElement[Any] = others.c.value
    lacks_one = select(_ONE).select_from(others)
    # What is compared with a text that is not there is NULL, and no less lacking.
    is_lacking = occurs(dialect, word).is_not(_TRUE)
    lacks_one = lacks_one.where(is_lacking).correlate(TASK)
    is_unfolded = task.title_folded.is_(None)
    longest = bindparam("word", type_=Text)
    return {
        "word": or_(is_unfolded, occurs(dialect, longest)),
        "words": or_(is_unfolded, ~lacks_one.exists()),
    }


def occurs(
    dialect: "Dialect", word: ColumnElement[Any]
) -> ColumnElement[bool]:
    """Whether a word occurs in one of the texts of a task."""
    names = select(_ONE).where(
        tag.task_id == task.id,
        dialect.has(task.tags, tag.name),
        dialect.contains(tag.folded, word),
    )
    names = names.correlate_except(TAG)
    return or_(
        dialect.contains(task.title_folded, word),
        dialect.contains(task.description_folded, word),
        dialect.contains(task.project_folded, word),
        names.exists(),
    )


# Orders


ORDERS: Final[dict[str, Sequence[ColumnElement[Any]]]] = {
    "newest": _NEWEST,
    "newest_reversed": (task.created_at.asc(), task.number.desc()),
    "due": (task.due_on.asc(), _RANK.asc(), *_NEWEST),
    "due_reversed": (task.due_on.desc(), _RANK.asc(), *_NEWEST),
    "priority": (_RANK.asc(), *_NEWEST),
    "priority_reversed": (_RANK.desc(), *_NEWEST),
    "project_exact": (ByCodePoint(task.project).asc(),),
    "project": (_PROJECT.asc(), ByCodePoint(task.project).asc(), *_NEWEST),
    "project_reversed": (
        _PROJECT.desc(),
        ByCodePoint(task.project).desc(),
        *_NEWEST,
    ),
    "title": (_TITLE.asc(), ByCodePoint(task.title).asc(), *_NEWEST),
    "title_reversed": (
        _TITLE.desc(),
        ByCodePoint(task.title).desc(),
        *_NEWEST,
    ),
    "updated": (task.updated_at.desc(), *_NEWEST),
    "updated_reversed": (task.updated_at.asc(), *_NEWEST),
    "completed": (task.completed_at.desc(), *_NEWEST),
    "completed_reversed": (task.completed_at.asc(), *_NEWEST),
    "deleted": (task.deleted_at.desc(), *_NEWEST),
    "deleted_reversed": (task.deleted_at.asc(), *_NEWEST),
    "wait": (task.wait_until.asc(), *_NEWEST),
    "wait_reversed": (task.wait_until.desc(), *_NEWEST),
}
"""The orders of segments: no value that is sorted by is NULL there."""


def _has(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """0 where there is a value and 1 where there is none: none comes last."""
    return case((value.is_(None), _ONE), else_=_ZERO)


GROUPS: Final[dict[str, Sequence[ColumnElement[Any]]]] = {
    "group_project": (
        _has(task.project).asc(),
        _PROJECT.asc(),
        ByCodePoint(task.project).asc(),
    ),
    "group_due": (_has(task.due_on).asc(), task.due_on.asc()),
    "group_priority": (_RANK.asc(),),
    "group_has_priority": (_has(task.priority).asc(),),
    "group_has_due": (_has(task.due_on).asc(),),
    "group_has_project": (_has(task.project).asc(),),
    "group_has_completed": (_has(task.completed_at).asc(),),
    "group_has_wait": (_has(task.wait_until).asc(),),
}
"""What can come before an order: groups, or the tasks that have the value."""


# Whole statements


class Edge(NamedTuple):
    """How to find those that share the last value of a reversed part."""

    columns: Sequence[Any]
    """The values of the part's order."""
    names: Sequence[Any]
    """The names of these columns."""
    backward: Sequence[Any]
    """The order in which the last row of the part comes first."""
    is_last: Sequence[Any]
    """The conditions that a task has the values of that row."""
    is_other: Sequence[Any]
    """The conditions that a row of the part has other values.

    The others are read apart, so that no task is read twice.
    """
    conditions: Sequence[Any]
    """The other conditions of such tasks."""
    ties: Sequence[Any]
    """The order of tasks with the same values."""


class Part(NamedTuple):
    """A part of a segment."""

    conditions: Sequence[Any]
    order: Sequence[Any]
    edge: Edge | None = None


_PAIRS: Final = {"project_reversed": 2, "title_reversed": 2}
"""The orders that compare two values, folded and exact, before the time."""


def reversed_part(
    conditions: Sequence[Any], tied: Sequence[Any], name: str, last: str
) -> Part:
    """Return a part with a reversed order.

    `tied` are the conditions of those with its last value, and `last` names the
    CTE of its last row.
    """
    order = ORDERS[name]
    size = _PAIRS.get(name, 1)
    columns = []
    names = []
    backward = []
    is_last = []
    for number, each in enumerate(order[:size]):
        value: Any = each.element
        edge: Any = literal_column(f"edge_{number}")
        columns.append(value.label(f"edge_{number}"))
        names.append(edge)
        backward.append(_turned(each, edge))
        of_last = _of_last(edge, last)
        is_last.append(value == of_last)
    others = [_differs(names, last)]
    ties = order[size:]
    edge_of = Edge(columns, names, backward, is_last, others, tied, ties)
    return Part(conditions, order[:size], edge_of)


def _differs(names: Sequence[Any], last: str) -> ColumnElement[bool]:
    """Whether a row of a part has other values than the last row."""
    found = []
    for value in names:
        found.append(value != _of_last(value, last))
    return or_(*found)


def _of_last(value: Any, last: str) -> Any:
    """Select a value of the row of a CTE."""
    return select(value).select_from(table(last)).scalar_subquery()


def _turned(order: Any, edge: Any) -> ColumnElement[Any]:
    """Return the order of an edge that is the reverse of another order."""
    turned: ColumnElement[Any] = edge.asc()
    if order.modifier is operators.asc_op:
        turned = edge.desc()
    return turned


def every(dialect: "Dialect", columns: Any, where: Any) -> Select[Any]:
    """Select all tasks of a list, in no order, and the user's counts.

    The counts are one number: see `listing.COUNT_BASE`. A number more in each
    row would cost as much as a column of the tasks.
    """
    shown = select(*columns).where(MINE, *where).subquery("page")
    first, *others = _counts(dialect)
    joined: Any = first.element
    for count in others:
        joined = (
            joined * literal_column(f"{listing.COUNT_BASE}") + count.element
        )
    counts = select(joined.label("joined")).subquery("counts")
    together = counts.outerjoin(shown, true())
    return select(*counts.c, *shown.c).select_from(together)


def in_turn(dialect: "Dialect", columns: Any, where: Any) -> Select[Any]:
    """Select some tasks of an export, by number."""
    mine = select(*columns).where(MINE, *where)
    return mine.order_by(task.number).limit(MOST)


def some(
    dialect: "Dialect",
    columns: Any,
    segments: Sequence[Sequence[Part]],
    few: Any = None,
    found: str = "either",
    *,
    is_counted: bool = False,
) -> Select[Any]:
    """Select the first `most` tasks of a list, and some more, in no order.

    `few` selects up to 1,001 tasks of the list; None if there is no filter.
    `found` is one of `listing.FOUND`. `is_counted` has the user's open and done
    tasks counted in any case.
    """
    parts = before(dialect, segments, few) | opened(dialect)
    listed = page(dialect, columns, found, is_counted=is_counted)
    return listed.add_cte(*[each.cte(name) for name, each in parts.items()])


def page(
    dialect: "Dialect",
    columns: Any,
    found: str,
    *,
    is_counted: bool = False,
) -> Select[Any]:
    """Select the tasks that the CTE `ids` has, and what the list has without its limit.

    The user's counts are said where there is no task, so they are counted only
    there. A count costs as much as the rest of a list. Where more tasks are open
    than are counted, those that wait and the done ones are not. With `is_counted`
    open and done tasks are always counted.
    """
    mine = select(*columns).where(dialect.key.in_(_ids_of("ids")))
    shown = mine.subquery("page")
    # An outer join, so that an empty list still has a row with the counts.
    one = select(_ONE.label("row")).subquery("one")
    is_empty = shown.c.user_id.is_(None)
    has_few = and_(is_empty, _amount("opened") <= _MOST_COUNTED)
    when = {
        "open_count": is_empty,
        "overdue_count": is_empty,
        "waiting_count": has_few,
        "done_count": has_few,
    }
    if is_counted:
        when["open_count"] = when["done_count"] = _TRUE
    counts = _counts_where(dialect, when)
    together = one.outerjoin(shown, true())
    of_list = _found(dialect, found)
    return select(*counts, of_list, *shown.c).select_from(together)


def _counts_where(dialect: "Dialect", when: Clauses) -> list[Label[Any]]:
    """Count the user's tasks, each kind only where its condition is true."""
    counts = []
    for each in _counts(dialect, _amount("opened")):
        counted = case((when[each.name], each.element))
        counts.append(counted.label(each.name))
    return counts


def opened(dialect: "Dialect") -> dict[str, Any]:
    """Return the CTEs, by their names, that count the user's open tasks."""
    rows = _first([clauses(dialect)["open"]], ORDERS["newest"])
    return {"opened_rows": rows, "opened": _counted("opened_rows")}


def before(
    dialect: "Dialect", segments: Sequence[Sequence[Part]], few: Any = None
) -> dict[str, Any]:
    """Return the CTEs of a list by their names; the last one is `ids`."""
    found: dict[str, Any] = {}
    chosen: list[Any] = []
    has_few = few is not None
    if has_few:
        found = {"few": few, "amount": _counted("few")}
        chosen = [_all_few()]
    earlier: list[str] = []
    for number, parts in enumerate(segments):
        gate = _gate(earlier, has_few=has_few)
        names = [f"part_{number}_{place}" for place in range(len(parts))]
        for name, part in zip(names, parts, strict=True):
            found |= _read(dialect, name, part, gate)
            chosen += _chosen(name, part)
        earlier += names
    found["ids"] = union_all(*chosen) if len(chosen) > 1 else chosen[0]
    return found


def _all_few() -> Select[Any]:
    """Select the keys of the CTE `few`, unless there are more."""
    return _ids_of("few").where(_amount() <= _MOST_COUNTED)


def _chosen(name: str, part: Part) -> list[Select[Any]]:
    """Select the keys of a part, by the name of its CTE."""
    ids = _ids_of(name)
    if part.edge is None:
        return [ids]
    return [ids.where(*part.edge.is_other), _ids_of(_ties_of(name))]


def _ids_of(name: str) -> Select[Any]:
    """Select the keys of a CTE."""
    named = table(name, column("id"))
    return select(named.c.id.label("id"))


def _read(
    dialect: "Dialect", name: str, part: Part, gate: Any
) -> dict[str, Any]:
    """Select the first tasks of a part, by the names of the CTEs."""
    keys = select(dialect.key.label("id"))
    mine = keys.where(MINE, *part.conditions)
    if part.edge is None:
        return {name: _gated(mine.order_by(*part.order).limit(MOST), gate)}
    edge = part.edge
    first = mine.add_columns(*edge.columns).order_by(*part.order).limit(MOST)
    last = select(*edge.names).select_from(table(name))
    tied = keys.where(MINE, *edge.conditions, *edge.is_last)
    return {
        name: _gated(first, gate),
        last_of(name): last.order_by(*edge.backward).limit(_ONE),
        _ties_of(name): tied.order_by(*edge.ties).limit(MOST),
    }


def last_of(name: str) -> str:
    """Return the name of the CTE with the last row of a part."""
    return name.replace("part", "last")


def _ties_of(name: str) -> str:
    """Return the name of the CTE with those that share its values."""
    return name.replace("part", "ties")


def few_of(
    dialect: "Dialect", source: str, arms: Sequence[Any], order: Sequence[Any]
) -> Any:
    """Select the keys of up to 1,001 tasks of a list.

    `source` is one of `listing.SOURCES`. `arms` are the conditions of tasks of
    each state, or of all of them.
    """
    if source == "tag":
        return dialect.few_with_tag(arms[0], _STOP)
    if source == "words":
        return dialect.few_with_word(arms[0], _STOP)
    made = []
    for where in arms:
        found = select(dialect.key.label("id")).where(MINE, *where)
        # Without an order PostgreSQL could read tasks that do not fit. If it knew
        # the limit and expected fewer, it would gather all that fit, and sort them.
        unknown = select(_STOP).scalar_subquery()
        made.append(found.order_by(*order).limit(unknown))
    if len(made) == 1:
        return made[0]
    either = []
    for number, arm in enumerate(made):
        of_arm = arm.subquery(f"arm_{number}")
        either.append(select(of_arm.c.id.label("id")))
    return union_all(*either).limit(_STOP)


def _gated(found: Select[Any], gate: Any) -> Select[Any]:
    """Read tasks only if a gate says so.

    A LIMIT of 0 reads nothing, and the planner knows only the inner one.
    """
    if gate is None:
        return found
    inner = found.subquery("inner")
    return select(literal_column("*")).select_from(inner).limit(gate)


def _gate(before: Sequence[str], *, has_few: bool) -> Any:
    """Return how many tasks a part may have; None for `most`, without a test."""
    closed = []
    if has_few:
        closed.append((_amount() <= _MOST_COUNTED, _ZERO))
    if before:
        closed.append((_number_of(before) >= MOST, _ZERO))
    return case(*closed, else_=MOST) if closed else None


def _amount(name: str = "amount") -> ColumnElement[int]:
    """Return what a CTE has counted, once for all that ask.

    `amount` are the rows of `few`; `opened` are the user's open tasks.
    """
    amount = table(name, column("rows", Integer))
    return select(amount.c.rows).scalar_subquery()


def _counted(name: str) -> Select[Any]:
    """Count the rows of a CTE."""
    return select(func.count().label("rows")).select_from(table(name))


def _number_of(names: Sequence[str]) -> ColumnElement[int]:
    """Count the rows of CTEs."""
    counts = []
    for name in names:
        counts.append(_counted(name).scalar_subquery())
    total: ColumnElement[int] = counts[0]
    for count in counts[1:]:
        total = total + count
    return total


def _counts(dialect: "Dialect", opened: Any = None) -> list[Label[int]]:
    """Count the user's tasks: within the statement, so the counts fit the list.

    `opened` counts the open ones, where the statement has that already.
    """
    states = clauses(dialect)
    overdue = [states["open"], states["has_due"], task.due_on < TODAY]
    waiting = [states["waiting"], states["has_wait"]]
    is_open = _count("open", [states["open"]], ORDERS["newest"])
    if opened is not None:
        is_open = opened.label("open_count")
    return [
        is_open,
        _count("overdue", overdue, ORDERS["due"]),
        _count("waiting", waiting, ORDERS["wait"]),
        _count("done", [states["done"]], ORDERS["newest"]),
    ]


def _found(dialect: "Dialect", found: str) -> Label[Any]:
    """Count what a list has without its limit; see `listing.FOUND`."""
    if found == "few":
        return _amount().label("found_count")
    states = clauses(dialect)
    if found == "either":
        return _found_in([states["not_done"], states["done"]])
    order = ORDERS["newest"]
    where = [states[found]]
    if found == "trash":
        where.append(states["has_deleted"])
        order = ORDERS["deleted"]
    if found == "waiting":
        where.append(states["has_wait"])
        order = ORDERS["wait"]
    return _count("found", where, order)


def _found_in(states: Sequence[Any]) -> Label[Any]:
    """Count the user's tasks of several states, up to 1,001 of all."""
    arms = []
    for number, state in enumerate(states):
        rows = _first([state], ORDERS["newest"]).subquery(f"state_{number}")
        arms.append(select(_ONE).select_from(rows))
    found = union_all(*arms).limit(_STOP).subquery("found_rows")
    counted = select(func.count().label("rows")).select_from(found)
    return counted.scalar_subquery().label("found_count")


def _count(name: str, where: Any, order: Any) -> Label[int]:
    """Count the user's tasks that fit; stops at `COUNTED_UP_TO` + 1.

    A count walks the rows that it counts.
    """
    few = _first(where, order).subquery(f"{name}_rows")
    counted = select(func.count().label("rows")).select_from(few)
    return counted.scalar_subquery().label(f"{name}_count")


def _first(where: Any, order: Any) -> Select[Any]:
    """Select a row for each of the user's first tasks, 1,001 at most."""
    # Without an order PostgreSQL would not use the index.
    rows = select(_ONE).where(MINE, *where).order_by(*order)
    return rows.limit(_STOP)
