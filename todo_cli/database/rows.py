"""Make tasks of a store's rows; name the rows that cannot be read.

Another program can store what todo never does. SQLite takes any value in any
column, and PostgreSQL takes times that Python cannot express.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, date, datetime
from operator import attrgetter
from types import NoneType
from typing import Any, Final
from uuid import UUID

from todo_cli import rules
from todo_cli.database.run import (
    BeyondYears,
    Column,
    Connection,
    Row,
    Statement,
    columns_of,
)
from todo_cli.errors import SchemaMismatch, first_few
from todo_cli.task import Task

NAMES: Final = tuple(field.name for field in fields(Task))
"""The columns of a row, in the order of the arguments of `Task`."""
_NUMBER: Final = NAMES.index("number")
_NAMED_UP_TO: Final = 3
"""How many tasks an error names at most."""

_TYPES: Final[Mapping[str, type]] = {
    "uuid": UUID,
    "integer": int,
    "text": str,
    "boolean": bool,
    "instant": datetime,
    "day": date,
    "names": list,
    "priority": str,
}
"""The type of a value, by the kind of its column: see `Statement.kinds`."""
_OR_NULL: Final[Mapping[str, frozenset[type]]] = {
    f"{kind}?": frozenset({each, NoneType}) for kind, each in _TYPES.items()
}
_USUAL: Final[Mapping[str, frozenset[type]]] = {
    **{kind: frozenset({each}) for kind, each in _TYPES.items()},
    **_OR_NULL,
}
"""The types in a column of a kind, but for subclasses."""
_ZONE: Final = attrgetter("tzinfo")
_UTC: Final = frozenset({UTC})

_ENDLESS: Final = frozenset({date.min, date.max})
"""How asyncpg reads `infinity` and `-infinity` as a day."""
_PRIORITIES: Final = frozenset({None, *rules.PRIORITIES})

_WRONG: Final = object()
"""Takes the place of a value that cannot be read."""


class Unreadable(SchemaMismatch):
    """Some tasks cannot be read.

    Not a bug, and not damage: another program stored values that mean nothing
    to us, for example `now` as the time.
    """

    is_saved = False
    """Whether a change of them was saved nevertheless."""
    unsaved: "Unreadable | None" = None
    """Then the same error without these words."""


def read(
    rows: Sequence[Row], kinds: Sequence[str], user: str
) -> tuple[list[Task], Unreadable | None]:
    """Make tasks of rows of `user`; return an error that names the other rows.

    `kinds` has an entry for each column. The rows are in any order, and the
    tasks in the same. The error is None if all rows can be read, which is true
    for whatever todo itself has stored.
    """
    return read_columns(columns_of([*rows]), kinds, user)


def read_columns(
    parts: Iterable[Sequence[Column]], kinds: Sequence[str], user: str
) -> tuple[list[Task], Unreadable | None]:
    """Do the same with the columns of some rows, and of some more."""
    tasks: list[Task] = []
    wrong: list[Sequence[Any]] = []
    for columns in parts:
        # Testing every single value would take much longer.
        if all(map(_is_sound, columns, kinds)):
            tasks += map(Task, *columns)
            continue
        for row in zip(*columns, strict=True):
            values = list(map(_value, row, kinds))
            if _WRONG in values:
                wrong.append(values)
            else:
                tasks.append(Task(*values))
    # All are sound if the odd values were only written in another way.
    if not wrong:
        return tasks, None
    return tasks, _fault_of(wrong, user)


def sound(row: Sequence[Any], kinds: Sequence[str]) -> Sequence[Any] | None:
    """Return the values of a row; None if one is none of its kind."""
    values = list(map(_value, row, kinds))
    return None if _WRONG in values else values


async def fetch(
    connection: Connection,
    user: str,
    statement: str | Statement,
    values: Mapping[str, Any],
    outcome: str = "",
) -> list[Row]:
    """Run a statement whose rows have tasks of `user`.

    `outcome` says what a statement that writes has done.

    Raises:
        Unreadable: one has a time beyond Python's years.
    """
    try:
        return await connection.fetch(statement, **values)
    except BeyondYears:
        # The driver keeps nothing of the answer, so search for the tasks.
        beyond = await connection.fetch("beyond_years", user=user)
    numbers = [number for (number,) in beyond]
    raise with_outcome(unreadable(user, numbers, ["time"]), outcome)


def _fault_of(rows: Sequence[Sequence[Any]], user: str) -> Unreadable:
    """Make the error for rows with `_WRONG` in them."""
    numbers: list[int] = []
    # A dict and no set: it keeps the order in which the fields are found.
    wrong: dict[str, None] = {}
    for row in rows:
        # A wrong number cannot name its task.
        if row[_NUMBER] is not _WRONG:
            numbers.append(row[_NUMBER])
        for name, value in zip(NAMES, row, strict=True):
            if value is _WRONG:
                wrong[name] = None
    return unreadable(user, sorted(numbers), wrong)


def unreadable(
    user: str, numbers: Sequence[int], wrong: Iterable[str]
) -> Unreadable:
    """Make the error for tasks with these numbers, as far as they are known.

    `wrong` says in which fields there is a wrong value. The hint offers to
    purge the first task: its number still finds it.
    """
    who = "A task"
    hint = "correct it with SQL"
    if numbers:
        noun = "Task" if len(numbers) == 1 else "Tasks"
        who = f"{noun} {first_few(numbers, _NAMED_UP_TO)}"
        # Without --yes it would be read first, for the question.
        hint += f", or purge it: `todo purge {numbers[0]} --yes`"
    cause = f"another program stored a wrong {', '.join(wrong)}"
    return Unreadable(f"{who} of {user} cannot be read: {cause}", hint=hint)


def with_outcome(error: Unreadable, outcome: str) -> Unreadable:
    """Add to an error what was done; "" means nothing.

    `Database.run` then commits before it raises the error.
    """
    if not outcome:
        return error
    # No hint: the task may be gone, and otherwise a list says more.
    saved = Unreadable(f"{error.message}; {outcome}")
    saved.is_saved = True
    saved.unsaved = error
    return saved


def _is_sound(column: Sequence[Any], kind: str) -> bool:
    """Whether every value of a column is of its kind.

    This runs for every row that is read, so it looks at types, and not at
    values: 20,000 tasks take 4 ms.
    """
    unusual = set(map(type, column)) - _USUAL[kind]
    if unusual:
        # Drivers have subclasses of their own.
        expected = _TYPES[kind.removesuffix("?")]
        if not all(issubclass(each, expected) for each in unusual):
            return False
    if kind == "names":
        # Most tasks have no tags.
        return all(_are_names(names) for names in column if names)
    if kind == "day?":
        return _ENDLESS.isdisjoint(column)
    if kind == "priority?":
        return _PRIORITIES.issuperset(column)
    if not kind.startswith("instant"):
        return True
    # asyncpg gives an infinite time no zone. The filter drops NULL.
    return _UTC.issuperset(map(_ZONE, filter(None, column)))


def _value(value: Any, kind: str) -> Any:
    """Return a value of a column of this kind, or `_WRONG`.

    What is only written in another way is converted: text as a blob, or a time
    with an offset.
    """
    plain = kind.removesuffix("?")
    if value is None and plain != kind:
        return None
    if plain in ("text", "priority"):
        value = _text(value)
    if plain == "instant":
        value = _instant(value)
    is_ours = isinstance(value, _TYPES[plain])
    if is_ours and plain == "names":
        is_ours = _are_names(value)
    if is_ours and plain in ("day", "priority"):
        is_ours = _is_sound([value], kind)
    return value if is_ours else _WRONG


def _are_names(value: Sequence[Any]) -> bool:
    """Whether every element of a list is text."""
    return all(isinstance(each, str) for each in value)


def _text(value: Any) -> Any:
    """Read text that SQLite has as a blob or a number.

    A byte that is not UTF-8 becomes `\\xff`, like a control character on its
    way to a terminal.
    """
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    if isinstance(value, int | float):
        return str(value)
    return value


def _instant(value: Any) -> Any:
    """Convert a time to UTC; return None for one that means no instant.

    That is one without a zone, and one that UTC moves out of Python's years.
    """
    if not isinstance(value, datetime) or value.tzinfo is None:
        return None
    try:
        return value.astimezone(UTC)
    except OverflowError:
        return None
