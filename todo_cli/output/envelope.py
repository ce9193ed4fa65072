"""A result or an error as the one JSON document that a call prints."""

import json
from typing import TYPE_CHECKING, Any

from todo_cli.errors import TodoError
from todo_cli.output.text import escape_json

if TYPE_CHECKING:
    from todo_cli.models import TaskPublic


def success(data: Any, message: str) -> str:
    """The envelope of a result: tasks, lists of tasks, or plain JSON values."""
    return _document({"success": True, "data": data, "message": message})


def failure(error: TodoError) -> str:
    """The envelope of an error; `hint` and `details` only where there is something to say."""
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.hint is not None:
        body["hint"] = error.hint
    if error.details:
        body["details"] = list(error.details)
    return _document({"success": False, "error": body})


def task_values(task: "TaskPublic") -> dict[str, Any]:
    """A task as JSON values, keys in the order of the contract."""
    return {
        "id": str(task.id),
        "number": task.number,
        "user_id": task.user_id,
        "title": task.title,
        "description": task.description,
        "completed": task.completed,
        "created_at": _instant(task.created_at),
        "updated_at": _instant(task.updated_at),
        "completed_at": None
        if task.completed_at is None
        else _instant(task.completed_at),
    }


def _instant(value: Any) -> str:
    return value.isoformat(timespec="microseconds")[:-6] + "Z"  # type: ignore[no-any-return]  # an aware UTC datetime


def _document(envelope: dict[str, Any]) -> str:
    return (
        escape_json(
            json.dumps(
                envelope, ensure_ascii=False, allow_nan=False, default=task_values
            )
        )
        + "\n"
    )
