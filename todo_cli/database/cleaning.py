"""Check the rows of an import: every value goes through the rule of its field.

A row comes as SQLite stores it, and leaves with the values to store.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from todo_cli import rules
from todo_cli.database import history
from todo_cli.database.filling import FOLDED, folded_texts
from todo_cli.database.run import Record
from todo_cli.errors import InvalidInput
from todo_cli.fold import fold, fold_or_none

_SHOWN: Final = 40
"""How many characters of an unknown name an error shows."""


def _clean_task(row: Record) -> Record:
    """Check a task, and return it with the values to store.

    Raises:
        InvalidInput: it breaks a rule.
    """
    task = _clean(_TASK, row)
    if task["completed"] != (task["completed_at"] is not None):
        fault = "must be there exactly if the task is completed"
        raise InvalidInput.of("completed_at", fault)
    # Never those of the file, which any program can have written.
    return task | folded_texts(task)


def _clean(
    cleaners: Mapping[str, Callable[[Any], Any]], row: Record
) -> Record:
    """Return a row with the values to store, each checked by its rule.

    A column without a cleaner is kept.

    Raises:
        InvalidInput: a value breaks its rule.
    """
    cleaned = dict(row)
    for field, clean in cleaners.items():
        try:
            cleaned[field] = clean(row[field])
        except InvalidInput as error:
            # The rule does not know the name of the column.
            [detail] = error.details
            raise InvalidInput.of(field, detail["message"]) from None
    return cleaned


def _text(clean: Callable[[str], Any], value: Any) -> Any:
    """Apply a rule for text to a value that may not be text."""
    if not isinstance(value, str):
        raise InvalidInput.of("text", "must be text")
    return clean(value)


def _or_null(clean: Callable[[Any], Any], value: Any) -> Any:
    """Apply a rule unless the value is NULL."""
    if value is None:
        return None
    return clean(value)


def _completed(value: Any) -> bool:
    """Read a boolean as SQLite stores it, and nothing else."""
    if not isinstance(value, int) or value not in (0, 1):
        raise InvalidInput.of("completed", "must be 0 or 1")
    return value == 1


def _tags(value: Any) -> list[str]:
    """Read tags as SQLite stores them: a JSON array of texts."""
    fault = InvalidInput.of("tags", "must be a JSON array of texts")
    if not isinstance(value, str):
        raise fault
    try:
        tags = json.loads(value)
    except (ValueError, RecursionError):
        raise fault from None
    return _names(tags)


def _names(value: Any) -> list[str]:
    """Check a list of tags."""
    if not isinstance(value, list):
        raise InvalidInput.of("tags", "must be a JSON array of texts")
    return rules.clean_tags(_text(str, tag) for tag in value)


def _values(text: str) -> history.Values:
    """Read what the history keeps of a task, before or after a change.

    Folded texts are made anew.
    """
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise InvalidInput.of("values", "must be a JSON object")
    cleaned: history.Values = {}
    for name, column in history.COLUMNS.items():
        if column in given:
            value = _value(name, given[column])
            cleaned[column] = history.plain(value)
    return cleaned | _folded(given, cleaned)


def _value(name: str, value: Any) -> Any:
    """Check one value of a field, and say which one is wrong."""
    clean = _VALUES[name]
    try:
        return clean(value)
    except InvalidInput as error:
        [detail] = error.details
        message = f"`{name}` {detail['message']}"
        raise InvalidInput.of("values", message) from None


def _folded(
    given: Mapping[str, Any], cleaned: Mapping[str, Any]
) -> history.Values:
    """Make what the history keeps besides the fields, where it was there.

    Raises:
        InvalidInput: there is something else, too.
    """
    found: history.Values = {}
    for name in FOLDED:
        if name in cleaned and f"{name}_folded" in given:
            found[f"{name}_folded"] = fold_or_none(cleaned[name])
    if history.FOLDS in given:
        tags = cleaned.get("tags", [])
        found[history.FOLDS] = {tag: fold(tag) for tag in tags}
    others = {*given}.difference(cleaned, found)
    if others:
        name = min(others)[:_SHOWN]
        raise InvalidInput.of("values", f"`{name}` is no field of a task")
    return found


def _clean_change(row: Record) -> Record:
    """Check a change, and return it with the values to store.

    Raises:
        InvalidInput: it breaks a rule, or sets back what it has not changed.
    """
    change = _clean(_CHANGE, row)
    old, new = change["old_values"], change["new_values"]
    others = {*old}.difference(new, [history.FOLDS])
    if others:
        message = f"has `{min(others)}`, which `new_values` lacks"
        raise InvalidInput.of("old_values", message)
    for name in ("old_values", "new_values"):
        change[name] = history.written(change[name])
    return change


_TASK: Final[Mapping[str, Callable[[Any], Any]]] = {
    "id": partial(_text, rules.clean_id),
    "number": partial(rules.read_integer, least=1),
    "user_id": partial(_text, rules.clean_user),
    "title": partial(_text, rules.clean_title),
    "description": partial(_or_null, partial(_text, rules.clean_description)),
    "completed": _completed,
    "created_at": rules.read_instant,
    "updated_at": rules.read_instant,
    "completed_at": partial(_or_null, rules.read_instant),
    "due_on": partial(_or_null, partial(rules.read_day, "due_on")),
    "wait_until": partial(_or_null, partial(rules.read_day, "wait_until")),
    "priority": partial(_or_null, partial(_text, rules.clean_priority)),
    "project": partial(_or_null, partial(_text, rules.clean_project)),
    "tags": _tags,
    "version": partial(rules.read_integer, least=1),
    "deleted_at": partial(_or_null, rules.read_instant),
}
"""How to check each column of a task, as SQLite stores it.

A column that is missing here is copied as it is stored.
"""

_COUNTER: Final[Mapping[str, Callable[[Any], Any]]] = {
    "user_id": partial(_text, rules.clean_user),
    "last": partial(rules.read_integer, least=0),
    "operations": partial(rules.read_integer, least=0),
}
"""How to check each column of a counter."""

_OPERATION: Final[Mapping[str, Callable[[Any], Any]]] = {
    "user_id": partial(_text, rules.clean_user),
    "number": partial(rules.read_integer, least=1),
    "id": partial(_text, rules.clean_id),
    "at": rules.read_instant,
    "command": partial(_text, rules.clean_command),
    "undoes": partial(_or_null, partial(rules.read_integer, least=1)),
    "undone_by": partial(_or_null, partial(rules.read_integer, least=1)),
}
"""How to check each column of an operation."""

_CHANGE: Final[Mapping[str, Callable[[Any], Any]]] = {
    "user_id": partial(_text, rules.clean_user),
    "operation": partial(rules.read_integer, least=1),
    "task_id": partial(_text, rules.clean_id),
    "number": partial(rules.read_integer, least=1),
    "old_values": partial(_text, _values),
    "new_values": partial(_text, _values),
}
"""How to check each column of a change."""

_VALUES: Final = {**_TASK, "tags": _names}
"""How to check each field in the history, whose values are those of JSON."""

CLEAN: Final[Mapping[str, Callable[[Record], Record]]] = {
    "task": _clean_task,
    "counter": partial(_clean, _COUNTER),
    "operation": partial(_clean, _OPERATION),
    "change": _clean_change,
}
"""How to check a row, by table; rows of others are kept as they are."""
