"""A result or an error as the one JSON document that a call prints."""

from datetime import datetime
from typing import Any
from uuid import UUID

from todo_cli.errors import TodoError
from todo_cli.output.text import escape_json
from todo_cli.task import Task, format_instant


def success(data: Any, message: str) -> str:
    """The document of a result; `data` is a task, a list of tasks or plain
    JSON values.
    """
    return _document({"success": True, "data": data, "message": message})


def failure(error: TodoError) -> str:
    """The document of an error; `hint` and `details` only where the error has
    them.
    """
    body: dict[str, Any] = {"code": error.code.name, "message": error.message}
    if error.hint is not None:
        body["hint"] = error.hint
    if error.details:
        body["details"] = list(error.details)
    return _document({"success": False, "error": body})


def task_values(task: Task) -> dict[str, Any]:
    """A task as JSON values, keys in the order of the contract."""
    return {name: _write(getattr(task, name)) for name in Task.__slots__}


def _write(value: Any) -> Any:
    if isinstance(value, datetime):
        return format_instant(value)
    return str(value) if isinstance(value, UUID) else value


def _document(envelope: dict[str, Any]) -> str:
    import json  # not needed for words

    text = json.dumps(
        envelope, ensure_ascii=False, allow_nan=False, default=task_values
    )
    return escape_json(text) + "\n"
