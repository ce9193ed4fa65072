"""Results and errors as JSON: each call prints exactly one document."""

from collections.abc import Iterable, Iterator
from typing import Any

from todo_cli.errors import TodoError
from todo_cli.output.text import escape_json
from todo_cli.task import Entry, Operation, Task, json_value, task_values


def success(data: Any, message: str, *, is_trial: bool = False) -> str:
    """Write the document of a result.

    `data` is a task, a list of tasks, or plain JSON values. `is_trial` says
    that nothing was stored.
    """
    envelope = {"success": True, "data": data, "message": message}
    if is_trial:
        envelope["dry_run"] = True
    return _document(envelope)


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


def operation_values(operation: Operation) -> dict[str, Any]:
    """Convert an operation to JSON values; keys have the order of the contract."""
    values = {}
    for name in Operation.__slots__:
        values[name] = json_value(getattr(operation, name))
    values["tasks"] = [_entry_values(entry) for entry in operation.tasks]
    return values


def _entry_values(entry: Entry) -> dict[str, Any]:
    """Convert what an operation did with a task to JSON values."""
    return {
        "id": str(entry.id),
        "number": entry.number,
        "title": entry.title,
        "changes": changed_values(entry),
    }


def changed_values(entry: Entry) -> dict[str, list[Any]]:
    """Convert the changes of a task to JSON: `{"completed": [false, true]}`."""
    values = {}
    for name, change in entry.changes.items():
        values[name] = [json_value(value) for value in change]
    return values


def compact(value: Any) -> str:
    """Write a JSON value on one line, without blanks that it does not need."""
    import json

    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return escape_json(text)


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
