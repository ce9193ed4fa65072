"""The query of `todo stats`: exact counts, in one statement.

Commands do not import this module: `build.py` compiles it.

Each count walks an index that has just what it counts, so that its cost grows
with that alone, and no table is read but for the projects of overdue tasks:

- `done`, and the open tasks of each age: the index of the time of adding, which
  has the wait day, too
- `waiting`: that of the wait day
- a `day`: the part of the index of completion between two instants
- a `project`: that of exact projects, in whose order they are grouped
- what is `overdue`: that of the due day, up to today

One walk through all open tasks would count the same. It takes more than twice
as long in a file, and on a server it reads all of the table. What follows from
other counts is not counted again: all open tasks are those of all ages, and
those that are left when all projects are counted have none.

The rows are put together by UNION ALL, in no order, so that it is one statement
and one round trip. `counting.py` reads them.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Text,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    union_all,
)

from todo_cli.database import lists
from todo_cli.database.lists import MINE, TASK, TODAY, task
from todo_cli.database.tables import ByCodePoint, Instant
from todo_cli.stats import CLASSES, OLDER

if TYPE_CHECKING:
    from todo_cli.database.queries import Dialect

Where = Sequence[ColumnElement[bool]]

_ONE: Final = literal_column("1", Integer)
_NO_NUMBER: Final = cast(literal_column("NULL"), Integer)
_NO_NAME: Final = cast(literal_column("NULL"), Text)
_NO_TIME: Final = cast(literal_column("NULL"), Instant)
_PROJECT: Final = ByCodePoint(task.project)


def counts(dialect: "Dialect") -> Any:
    """Select a row for each count: its kind, a name, the number, and a time.

    A `project` and what is `overdue` there have its name, and a `day` its place
    among the days. The `oldest` open task has no number, only its time. What
    nobody has is left out of projects, overdue tasks and the oldest one; the
    others have a row also for none.
    """
    states = lists.clauses(dialect)
    is_overdue = (states["open"], states["has_due"], task.due_on < TODAY)
    return union_all(
        _count("done", [states["done"]]),
        _count("waiting", [states["waiting"], states["has_wait"]]),
        *_ages(states["open"]),
        _oldest(dialect, states["open"]),
        _days(dialect, [states["done"], states["has_completed"]]),
        _by_project("project", [states["open"], states["has_project"]]),
        _by_project("overdue", is_overdue),
    )


def _word(text: str) -> ColumnElement[Any]:
    """Return a constant text: a bound value would be lost when compiled."""
    return literal_column(f"'{text}'", Text)


def _row(
    kind: str,
    *,
    name: ColumnElement[Any] = _NO_NAME,
    number: ColumnElement[Any] = _NO_NUMBER,
    at: ColumnElement[Any] = _NO_TIME,
) -> Select[Any]:
    """Select a row of the answer.

    Each NULL has a type: PostgreSQL would take the columns for texts.
    """
    return select(
        _word(kind).label("kind"),
        name.label("name"),
        number.label("number"),
        at.label("at"),
    )


def _count(kind: str, where: Where) -> Select[Any]:
    """Count the user's tasks that fit."""
    return (
        _row(kind, number=func.count()).select_from(TASK).where(MINE, *where)
    )


def _ages(is_open: ColumnElement[bool]) -> list[Select[Any]]:
    """Count the open tasks of each class of ages.

    The first class has no end and the last no begin, so that all together are
    all open tasks, whatever the clock of another machine says.
    """
    found = []
    newer: list[ColumnElement[bool]] = []
    for kind in CLASSES:
        since = bindparam(f"since_{kind}", type_=Instant)
        found.append(_count(kind, [is_open, task.created_at >= since, *newer]))
        newer = [task.created_at < since]
    found.append(_count(OLDER, [is_open, *newer]))
    return found


def _oldest(dialect: "Dialect", is_open: ColumnElement[bool]) -> Any:
    """Select when the oldest open task was added.

    Of a server only a time that the driver can read.
    """
    first = select(task.created_at).where(MINE, is_open, dialect.can_change())
    first = first.order_by(task.created_at, task.number).limit(_ONE)
    oldest = first.subquery("first")
    return _row("oldest", at=oldest.c.created_at).select_from(oldest)


def _days(dialect: "Dialect", is_done: Where) -> Select[Any]:
    """Count what was done between each pair of two lists of instants."""
    starts = dialect.instants("day_starts")
    ends = dialect.instants("day_ends")
    done = (
        select(func.count())
        .select_from(TASK)
        .where(
            MINE,
            *is_done,
            task.completed_at >= starts.c.value,
            task.completed_at < ends.c.value,
        )
    )
    both = starts.join(ends, starts.c.key == ends.c.key)
    # By place: two days begin at once where a zone left one out.
    place = cast(starts.c.key, Text)
    row = _row("day", name=place, number=done.scalar_subquery())
    return row.select_from(both)


def _by_project(kind: str, where: Where) -> Select[Any]:
    """Count the user's tasks that fit, by their exact project.

    A project that is below another one is a project of its own.
    """
    row = _row(kind, name=_PROJECT, number=func.count()).select_from(TASK)
    return row.where(MINE, *where).group_by(_PROJECT)
