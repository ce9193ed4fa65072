"""Results and errors as JSON: each call prints exactly one document."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any
from uuid import UUID

from todo_cli.errors import TodoError
from todo_cli.output.text import escape_json
from todo_cli.task import Task, format_instant


def success(data: Any, message: str) -> str:
    """Write the document of a result.

    `data` is a task, a list of tasks, or plain JSON values.
    """
    return _document({"success": True, "data": data, "message": message})


def success_in_parts(tasks: Iterable[Task], message: str) -> Iterator[str]:
    """Write the same document as `success`, a part for each task.

    A caller can do something else between two parts of a long list.
    """
    yield '{"success": true, "data": ['
    separator = ""
    for task in tasks:
        yield separator + _json(task)
        separator = ", "
    yield f'], "message": {_json(message)}}}\n'


def failure(error: TodoError) -> str:
    """Write the document of an error.

    It has `hint` and `details` only if the error has them.
    """
    body: dict[str, Any] = {"code": error.code.name, "message": error.message}
    if error.hint is not None:
        body["hint"] = error.hint
    if error.details:
        body["details"] = list(error.details)
    return _document({"success": False, "error": body})


def task_values(task: Task) -> dict[str, Any]:
    """Convert a task to JSON values; keys have the order of the contract."""
    values = {}
    for name in Task.__slots__:
        values[name] = _write(getattr(task, name))
    return values


def _write(value: Any) -> Any:
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    return value


def _document(envelope: dict[str, Any]) -> str:
    return _json(envelope) + "\n"


def _json(value: Any) -> str:
    # Imported here, because a call that prints text does not need it.
    import json

    # NaN is not JSON. `default` is asked for what json cannot write by
    # itself, which is a task and nothing else: whatever else comes is a bug.
    text = json.dumps(
        value,
        ensure_ascii=False,
        allow_nan=False,
        default=task_values,
    )
    return escape_json(text)
