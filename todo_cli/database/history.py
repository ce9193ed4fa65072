"""What an operation did to a task, as the JSON objects of the table `change`.

An object has the columns that changed, by name. Times, days and tags are as in
the JSON of a task. Only what an undo needs is there besides: the folded texts,
and as `tag_folds` the folded form of each tag that was there before.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, date, datetime
from typing import Any, Final

from todo_cli.database.filling import FOLDED
from todo_cli.database.rows import sound
from todo_cli.database.run import Row
from todo_cli.errors import SchemaMismatch, first_few
from todo_cli.fold import fold, fold_or_none
from todo_cli.task import Entry, Operation, Task, format_instant

_NEVER: Final = frozenset({"id", "number", "user_id", "updated_at", "version"})
"""The fields that no object has."""
FIELDS: Final = tuple(
    field.name for field in fields(Task) if field.name not in _NEVER
)
"""The fields that an object can have, in the order of the task."""
UNSET: Final[Mapping[str, Any]] = dict.fromkeys(FIELDS) | {"tags": []}
"""The fields of a new task for which nothing was given."""
SET: Final = tuple(
    name for name in FIELDS if name not in ("created_at", "completed_at")
)
"""The fields that an undo can set; `completed` stands for its time, too."""
RESTORED: Final = (
    *SET,
    "completed_at",
    *(f"{name}_folded" for name in FOLDED),
)
"""The keys of the columns that an undo can set."""
COLUMNS: Final = {name: name for name in FIELDS} | {"completed": "is_done"}
"""The column of each field."""
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False)
"""Made once: an import writes an object for each task."""
_NEVER_NULL: Final = frozenset({"title", "completed", "tags"})
TOGETHER: Final = frozenset({"completed", "completed_at"})
"""Fields that a rule of the table compares, so both are set at once."""
_HEADING: Final = (
    *("integer", "uuid", "instant", "text"),
    *("integer?", "integer?"),
)
_ENTRY: Final = ("uuid", "integer", "text?", "text", "text")
"""The kinds of the columns of a page: of the operation, and then of a task."""
FOLDS: Final = "tag_folds"
"""The key of the folded tags."""

Values = dict[str, Any]
"""An object as Python has it."""


# Writing


def of_new(task: Task) -> Values:
    """Return the values of a new task: those that are not empty."""
    found = {}
    for name in FIELDS:
        value = getattr(task, name)
        if value is not None and value != []:
            found[COLUMNS[name]] = plain(value)
    return found


def unset() -> str:
    """Write the object of a new task for which nothing was given."""
    return written({COLUMNS[name]: value for name, value in UNSET.items()})


def difference(before: Task, after: Task) -> tuple[Values, Values]:
    """Return the old and the new values of a task; nothing if none differs."""
    old: Values = {}
    new: Values = {}
    for name in FIELDS:
        values = getattr(before, name), getattr(after, name)
        if values[0] == values[1]:
            continue
        for found, value in zip((old, new), values, strict=True):
            found[COLUMNS[name]] = plain(value)
            if name in FOLDED:
                found[f"{name}_folded"] = fold_or_none(value)
        if name == "tags":
            old[FOLDS] = {each: fold(each) for each in values[0]}
    return old, new


def written(values: Values) -> str:
    """Write an object as JSON."""
    return _ENCODER.encode(values)


def plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, date):
        return value.isoformat()
    return value


# Reading


def operations(
    rows: Sequence[Row], user: str
) -> tuple[list[Operation], SchemaMismatch | None]:
    """Make operations of the rows of a page, which have one task each.

    Those that cannot be read are left out, and the error names them.
    """
    found: dict[int, Operation] = {}
    wrong: dict[int, None] = {}
    for row in rows:
        number, *_ = row
        of_task = row[len(_HEADING) :]
        try:
            if number not in found:
                found[number] = heading(row)
            # An operation without tasks has one row, without a task.
            if of_task[0] is not None:
                found[number].tasks.append(_entry(_sound(of_task, _ENTRY)))
        except ValueError:
            wrong[number] = None
    kept = [each for each in found.values() if each.operation not in wrong]
    fault = None
    if wrong:
        fault = unreadable(list(wrong), user)
    return kept, fault


def unreadable(wrong: Sequence[int], user: str) -> SchemaMismatch:
    """Return the error for operations that cannot be read."""
    noun = "Operation" if len(wrong) == 1 else "Operations"
    return SchemaMismatch(
        f"{noun} {first_few(wrong, 3)} of {user} cannot be read: "
        "another program stored wrong values",
        hint="correct it with SQL",
    )


def heading(row: Row) -> Operation:
    """Make an operation, without its tasks, of the first columns of a row.

    Raises:
        ValueError: a value is none of its column, as a file can have it.
    """
    values = _sound(row[: len(_HEADING)], _HEADING)
    return Operation(*[*values, []])


def _sound(row: Sequence[Any], kinds: Sequence[str]) -> Sequence[Any]:
    """Return the values of a part of a row.

    Raises:
        ValueError: one is none of its kind.
    """
    values = sound(row, kinds)
    if values is None:
        raise ValueError("a value of another kind")
    return values


def _entry(values: Sequence[Any]) -> Entry:
    """Make the entry of one task.

    Raises:
        ValueError: an object cannot be read.
    """
    id, number, title, old, new = values
    before = fields_of(read(old))
    changes = {}
    for name, value in fields_of(read(new)).items():
        changes[name] = before.get(name), value
    if not changes:
        # It was purged; a newer task may have its id.
        title = None
    return Entry(id, number, title, changes)


def read(text: str) -> Values:
    """Read an object.

    Raises:
        ValueError: the text is no JSON object.
    """
    try:
        found = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("no JSON object")
    return found


def fields_of(values: Values) -> dict[str, Any]:
    """Return the values of an object by field.

    Raises:
        ValueError: a value is none of its field.
    """
    found = {}
    for name in FIELDS:
        if COLUMNS[name] in values:
            found[name] = typed(name, values[COLUMNS[name]])
    return found


def to_set(values: Values) -> dict[str, Any]:
    """Return the values that an undo can set, by field.

    Raises:
        ValueError: a value is none of its field, or one that none may have.
    """
    found = fields_of(values)
    # Another program may have noted it.
    found.pop("created_at", None)
    for name in _NEVER_NULL.intersection(found):
        if found[name] is None:
            raise ValueError(f"{name} is empty")
    if len(TOGETHER.intersection(found)) == 1:
        raise ValueError("a status without its time")
    return found


def typed(name: str, value: Any) -> Any:
    """Read a value of a field.

    Raises:
        ValueError: it is none.
    """
    if value is None:
        return None
    read_value: Callable[[Any], Any] = _READERS.get(name, _text)
    return read_value(value)


def _text(value: Any) -> str:
    """Read a text: JSON can have half a character, which nobody can print."""
    if not isinstance(value, str):
        raise ValueError("no text")
    value.encode()
    return value


def _instant(value: Any) -> datetime:
    """Read a time; a server writes it in the time zone of the session."""
    found = datetime.fromisoformat(_text(value))
    if found.tzinfo is None:
        raise ValueError("a time without a zone")
    try:
        return found.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a time beyond all years") from error


def _day(value: Any) -> date:
    return date.fromisoformat(_text(value))


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("neither true nor false")
    return value


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise ValueError("no list")
    return [_text(each) for each in value]


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "created_at": _instant,
    "completed_at": _instant,
    "deleted_at": _instant,
    "due_on": _day,
    "wait_until": _day,
    "completed": _boolean,
    "tags": _texts,
}
"""What reads the fields that are not text."""
