"""A task as JSON, as `data` has it: both ways.

What is read can come from a later version, or from another program: members
that no task has here are kept as text.
"""

import json
from typing import Any, Final

from todo_cli.exchange import json_text
from todo_cli.exchange.draft import Draft
from todo_cli.rules import REFUSED
from todo_cli.task import Task, task_values

_NAMES: Final = frozenset(Task.__slots__)
"""The names of a task's fields."""


def draft_of(place: str, value: Any, text: str) -> Draft:
    """Make a draft of a JSON value; unknown members are kept as text."""
    if not isinstance(value, dict):
        return Draft.broken(place, "must be an object")
    draft = Draft(place, value)
    if value.get("id") is None:
        draft.key = text
    if value.keys() <= _NAMES:
        return draft
    for name in [name for name in value if name not in _NAMES]:
        unknown = value.pop(name)
        if unknown is None:
            continue
        try:
            line = f"{name}: {json_text.written(unknown)}"
        except json_text.NotJson as error:
            return Draft.broken(place, str(error))
        draft.keep("attribute", line)
    return draft


def line_of(task: Task) -> str:
    """Write a task on one line, as `data` has it."""
    values = task_values(task)
    line = _PLAIN.encode(values)
    if line.isascii() and "\x7f" not in line:
        return line
    if REFUSED.search(line) is None:
        return line
    # Other programs can have stored it.
    return _ASCII.encode(values).replace("\x7f", "\\u007f")


_PLAIN: Final = json.JSONEncoder(ensure_ascii=False)
_ASCII: Final = json.JSONEncoder()
