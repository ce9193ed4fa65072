"""The queries of shell completion, as SQLAlchemy expressions.

Each answers while somebody has pressed Tab, so each reads the same few rows of
an index however many tasks the user has. `build.py` compiles them into files of
their own, which `completion/statements.py` reads: the others would take longer
to load than the question takes.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Text,
    and_,
    bindparam,
    case,
    column,
    literal_column,
    select,
    table,
    union_all,
)

from todo_cli.database import lists
from todo_cli.database.lists import MINE, MOST, ORDERS, TAG, TASK, Part
from todo_cli.database.tables import DONE, IN_TRASH, OPEN, ByCodePoint, rank

if TYPE_CHECKING:
    from todo_cli.database.queries import Dialect

WALKED: Final = 100
"""How many numbers or rows are looked at where the rest may be of any length."""
SCOPES: Final[Mapping[str, tuple[int, ...]]] = {
    "open": (OPEN,),
    "done": (DONE,),
    "trash": (IN_TRASH,),
    "live": (OPEN, DONE),
    "any": (OPEN, DONE, IN_TRASH),
}
"""The states of the tasks that a REF can mean, by the name of its kind."""

task: Final = TASK.c
tag: Final = TAG.c

_ONE: Final[Any] = literal_column("1", Integer)
_ZERO: Final[Any] = literal_column("0", Integer)
_WALKED: Final[Any] = literal_column(str(WALKED), Integer)
_USER: Final = bindparam("user", type_=Text)
_PREFIX: Final = bindparam("prefix", type_=Text)
_DIGITS: Final[Any] = bindparam("digits", type_=BigInteger)
_MOST_DIGITS: Final = 10
"""How many digits the largest number has that both stores can hold."""


def statements(dialect: "Dialect") -> dict[str, Any]:
    """Return the queries by name.

    `open`, `done`, `trash`, `live` and `any` select numbers and titles, in the
    order of a list. `begun` does so for numbers that begin with `digits`, and
    adds the state. `projects` and `tags` select names from `prefix` on.
    """
    found = {scope: _in_order(dialect, scope) for scope in SCOPES}
    found["begun"] = _begun()
    found["projects"] = _projects()
    found["tags"] = _tags(dialect)
    return found


# Tasks


def _in_order(
    dialect: "Dialect",
    scope: str,
) -> Any:
    """Select the first tasks of a scope: the open ones as a list has them.

    A later segment is read only if those before it have too few tasks.
    """
    segments = []
    for state in SCOPES[scope]:
        for part in _parts(dialect, state):
            segments.append([part])
    parts = lists.before(dialect, segments)
    ids = table("ids", column("id"))
    chosen = select(task.number, task.title)
    chosen = chosen.where(dialect.key.in_(select(ids.c.id)))
    ordered = chosen.order_by(*_order()).limit(MOST)
    return ordered.add_cte(*[each.cte(name) for name, each in parts.items()])


def _parts(
    dialect: "Dialect",
    state: int,
) -> list[Part]:
    """Return the segments of one state, each in the order of an index."""
    known = lists.clauses(dialect)
    if state == DONE:
        where = ["done", "has_completed"]
        return [
            _part(
                known,
                where,
                "completed",
            )
        ]
    if state == IN_TRASH:
        return [
            _part(
                known,
                ["trash", "has_deleted"],
                "deleted",
            )
        ]
    no_due = ["not_done", "no_due"]
    return [
        _part(
            known,
            ["not_done", "has_due"],
            "due",
        ),
        _part(
            known,
            [*no_due, "has_priority"],
            "priority",
        ),
        _part(
            known,
            [*no_due, "no_priority"],
            "newest",
        ),
    ]


def _part(
    known: Mapping[str, Any],
    where: list[str],
    order: str,
) -> Part:
    """Return a segment with these conditions and this order, by name."""
    return Part([known[name] for name in where], ORDERS[order])


def _order() -> list[Any]:
    """Return the order of the few tasks that were chosen."""
    due = case((task.state == _state(OPEN), task.due_on))
    urgency = case((task.state == _state(OPEN), rank(task.priority)))
    has_none = case((due.is_(None), _ONE), else_=_ZERO)
    later = case(
        (task.state == _state(IN_TRASH), task.deleted_at),
        (task.state == _state(DONE), task.completed_at),
        else_=task.created_at,
    )
    return [
        task.state.asc(),
        has_none.asc(),
        due.asc(),
        urgency.asc(),
        later.desc(),
        task.number.desc(),
    ]


def _state(state: int) -> Any:
    """Return a state as a literal."""
    return literal_column(str(state), Integer)


def _begun() -> Any:
    """Select the tasks whose numbers begin with some digits.

    12 begins 12, 120 to 129, 1200 to 1299 and so on: each is a range of the
    index. Of a long range the highest numbers are looked at, which are the
    newest tasks.
    """
    arms = []
    for place in range(_MOST_DIGITS):
        factor: Any = literal_column(str(10**place), BigInteger)
        first = _DIGITS * factor
        end = (_DIGITS + _ONE) * factor
        within = select(
            task.number,
            task.title,
            task.state,
        )
        within = within.where(
            MINE,
            task.number >= first,
            task.number < end,
        )
        few = within.order_by(task.number.desc()).limit(_WALKED)
        arm = few.subquery(f"digits_{place}")
        arms.append(
            select(
                arm.c.number,
                arm.c.title,
                arm.c.state,
            )
        )
    return union_all(*arms)


# Names


def _projects() -> Any:
    """Select the projects of tasks outside the trash, by code point.

    Each is the next one in an index after the one before it, because an index
    has a project as often as there are tasks.
    """
    first = _next_project(ByCodePoint(task.project) >= ByCodePoint(_PREFIX))
    names = select(first.label("name")).cte("names", recursive=True)
    beyond = _next_project(
        ByCodePoint(task.project) > ByCodePoint(names.c.name), names
    )
    more = select(beyond).where(names.c.name.is_not(None))
    found = names.union_all(more)
    return select(found.c.name).where(found.c.name.is_not(None)).limit(MOST)


def _next_project(
    is_later: ColumnElement[bool],
    *around: Any,
) -> ColumnElement[Any]:
    """Select the lowest project of open and done tasks that is later.

    `around` is what the condition refers to.
    """
    arms = []
    for state in (OPEN, DONE):
        project = ByCodePoint(task.project)
        has_state = task.state == _state(state)
        of_state = select(task.project.label("name")).where(
            MINE, has_state, task.project.is_not(None), is_later
        )
        if around:
            of_state = of_state.correlate(*around)
        first = of_state.order_by(project.asc()).limit(_ONE)
        arm = first.subquery(f"state_{state}")
        arms.append(select(arm.c.name))
    either = union_all(*arms).subquery("either")
    lowest = select(either.c.name).order_by(ByCodePoint(either.c.name).asc())
    return lowest.limit(_ONE).scalar_subquery()


def _tags(dialect: "Dialect") -> Any:
    """Select the tags of tasks outside the trash, in the order of their index.

    That has rows which are no longer true. So a tag is left out if none of its
    first tasks has it.
    """
    first = _next_tag(tag.name >= _PREFIX)
    names = select(first.label("name")).cte("names", recursive=True)
    more = select(_next_tag(tag.name > names.c.name))
    found = names.union_all(more.where(names.c.name.is_not(None)))
    is_true = _is_true(dialect, found)
    return (
        select(found.c.name)
        .where(found.c.name.is_not(None), is_true)
        .limit(MOST)
    )


def _next_tag(is_later: ColumnElement[bool]) -> ColumnElement[Any]:
    """Select the next name in the index of the user's tags."""
    mine = select(tag.name).where(tag.user_id == _USER, is_later)
    return mine.order_by(tag.name.asc()).limit(_ONE).scalar_subquery()


def _is_true(
    dialect: "Dialect",
    names: Any,
) -> ColumnElement[bool]:
    """Whether one of the first tasks with a row of this tag has it."""
    is_mine = and_(tag.user_id == _USER, tag.name == names.c.name)
    rows = select(tag.task_id, tag.name).where(is_mine).correlate(names)
    few = rows.order_by(tag.task_id).limit(_WALKED).subquery("few")
    has_it = dialect.has(task.tags, few.c.name)
    is_live = task.state < _state(IN_TRASH)
    fitting = select(_ONE).select_from(few, TASK)
    fitting = fitting.where(
        task.id == few.c.task_id,
        MINE,
        is_live,
        has_it,
    )
    return fitting.exists()
