"""The OpenAPI document, beyond what FastAPI reads from the routes.

The examples are made by the real views and errors, from one example task. The
document is also in the file
`specs/001-backend-foundation/contracts/tasks-api.yaml`.
"""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.responses import Response

from todo_cli import errors
from todo_cli.api import answers, cursors, shapes
from todo_cli.api.shapes import Schema
from todo_cli.errors import Code
from todo_cli.output import envelope, views
from todo_cli.output.views import Sheet, ViewContext
from todo_cli.task import (
    Added,
    Counts,
    NewTask,
    Position,
    Task,
    TaskPage,
    TaskQuery,
    TaskStatus,
    about,
)

VERSION: Final = "1.0.0"
"""The version of the contract, not of the program."""

_SUMMARY: Final = "The tasks of one user at a time, over the same service as the command line."
_DESCRIPTION: Final = (
    "Every answer is one of two envelopes, the same that `todo --json` prints: "
    '`{"success": true, "data": ..., "message": "..."}` or `{"success": false, '
    '"error": {"code": "...", "message": "..."}}`. `code` and the HTTP status do not '
    "change within a major version; `message` and `hint` are for people and may.\n\n"
    "The user in the path says whose tasks are meant. It identifies and does not "
    "authenticate: whoever reaches the server can name any user, so the server listens "
    "on loopback only. A task of another user does not exist: NOT_FOUND."
)

# Example tasks

_OPEN: Final = Task(
    **{name: note.example for name, note in about(Task).items()}
)
_LATER: Final = _OPEN.created_at + timedelta(minutes=9, seconds=30.25)
_DONE: Final = replace(
    _OPEN, completed=True, updated_at=_LATER, completed_at=_LATER
)
_OTHER: Final = replace(
    _OPEN,
    id=UUID("9f2c1d1e-6a53-4b0e-8f6c-0d7b1a2c3d4e"),
    number=2,
    title="Call the plumber",
    description=None,
)
_PAGE: Final = TaskPage(
    [_OTHER, _DONE],
    Counts(open=1, done=1),
    TaskQuery(TaskStatus.ALL, limit=100),
    _LATER.date(),
)
_CURSOR: Final = cursors.write(Position(_OTHER.created_at, _OTHER.number))

_CONTEXT: Final = ViewContext(
    _OPEN.user_id, "todo.db", is_new_store=False, now=_LATER
)
_VALUES: Final = envelope.task_values(_OPEN)


def _printed(sheet: Sheet) -> Any:
    """Return the document of a sheet, as a client parses it."""
    return json.loads(envelope.success(sheet.data, sheet.message))


_EXAMPLES: Final[Mapping[str, Any]] = {
    "title": {"title": _OPEN.title},
    "with_id": {each.name: _VALUES[each.name] for each in fields(NewTask)},
    "mark_done": {"completed": True},
    "new_text": {"title": "Buy oat milk", "description": None},
    "page": _printed(views.listed(_PAGE, _CONTEXT)),
    "added": _printed(views.added(Added(_OPEN, is_new=True), _CONTEXT)),
    "there": _printed(views.added(Added(_DONE, is_new=False), _CONTEXT)),
    "shown": _printed(views.shown(_OPEN, _CONTEXT)),
    "updated": _printed(
        views.Changed("Updated", is_single=True)([_DONE], _CONTEXT)
    ),
    "deleted": _printed(
        views.Changed("Deleted", is_single=True)([_DONE], _CONTEXT)
    ),
    "healthy": _printed(answers.HEALTHY),
}
"""The bodies of requests and of successes, by name.

The routes refer to them by name, because FastAPI would drop every null.
"""


def examples(*names: str) -> Any:
    """Refer to examples, for `openapi_examples` of a body."""
    references = {}
    for name in names:
        references[name] = {"$ref": f"#/components/examples/{name}"}
    return references


_USER: Final = about(Task)["user_id"]
USER_ID: Final[Mapping[str, Any]] = {
    "description": _USER.words_in,
    "json_schema_extra": {**_USER.limits, "pattern": "^[^/]*$"},
    "openapi_examples": {"one": {"value": _USER.example}},
}
TASK_ID: Final[Mapping[str, Any]] = {
    "description": "The task's `id`, not its number.",
    "openapi_examples": {"one": {"value": str(_OPEN.id)}},
}

# Answers, for `responses` of a route

_HEADERS: Final[Mapping[str, Schema]] = {
    "Location": {
        "description": "Where the task is.",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
        "example": f"/api/ada/tasks/{_OPEN.id}",
    },
    "Link": {
        "description": "The next page; absent on the last one.",
        "schema": {"type": "string"},
        "example": f'</api/ada/tasks?status=all&limit=100&cursor={_CURSOR}>; rel="next"',
    },
    "Retry-After": {
        "description": "Seconds to wait before the next try.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
    "Allow": {
        "description": "The methods that the path takes.",
        "required": True,
        "schema": {"type": "string"},
    },
}


def _success(
    description: str, model: type[BaseModel], example: str, *headers: str
) -> Schema:
    """Describe a success by its model, one example and its headers."""
    return {
        "model": model,
        "description": description,
        "headers": {name: _HEADERS[name] for name in headers},
        "content": {answers.MEDIA_TYPE: {"examples": examples(example)}},
    }


_ALWAYS: Final = (403, 409, 422, 500, 503, 504)
_ONLY_THE_COMMAND_LINE: Final = (Code.USAGE, Code.CONFIRMATION_REQUIRED)
_NOTES: Final[Mapping[int, str]] = {
    403: "FORBIDDEN: the request names a host that this server is not.",
    405: "This is the answer to every method that is not described here.",
    409: "For example, another user has a task with this id.",
    413: "The limit is 64 KiB.",
    422: "So do a missing or unknown field, and a body that is not one JSON object.",
    500: "A retry does not help; after OUTCOME_UNKNOWN, look whether it is stored.",
}
"""What a failure means here, besides the meaning of its code."""


def _failure(example: Response) -> Schema:
    """Describe all failures that share the HTTP status of the example."""
    status = example.status_code
    texts = []
    for code in Code:
        if code.http == status and code not in _ONLY_THE_COMMAND_LINE:
            texts.append(f"{code.name}: {code.meaning}.")
    texts.append(_NOTES.get(status, ""))
    headers = {}
    for name, header in _HEADERS.items():
        if name in example.headers:
            headers[name] = header
    content = {
        "schema": {"$ref": "#/components/schemas/ErrorEnvelope"},
        "example": json.loads(bytes(example.body)),
    }
    return {
        "description": " ".join(texts).strip(),
        "headers": headers,
        "content": {answers.MEDIA_TYPE: content},
    }


_ERRORS: Final = (
    errors.NotFound(f"No task {_OPEN.id} for {_OPEN.user_id}"),
    errors.Conflict(f"The id {_OPEN.id} is taken"),
    answers.TooLarge("The body has more than 64 KiB"),
    answers.NotJson("The body must be application/json"),
    errors.InvalidInput.of(
        "title", "must contain at least one visible character"
    ),
    errors.OutcomeUnknown(
        "db.example.org/todo did not confirm: it may or may not be stored"
    ),
    errors.DatabaseUnavailable("db.example.org/todo refuses connections"),
    errors.TimedOut("No connection to db.example.org/todo in time"),
)
_FAILURES: Final = {
    example.status_code: _failure(example)
    for example in (
        answers.refuse_host(),
        answers.refuse_method(["GET", "POST"]),
        *(answers.fail(error) for error in _ERRORS),
    )
}


def _refer(*statuses: int) -> dict[int | str, Schema]:
    """Refer to failures, which are described once for all routes."""
    references: dict[int | str, Schema] = {}
    for status in sorted(statuses):
        references[status] = {
            "$ref": f"#/components/responses/{status}",
            "description": _FAILURES[status]["description"],
        }
    return references


LIST: Final = _refer(*_ALWAYS) | {
    200: _success(
        "A page of tasks; an empty one is a success.",
        shapes.TaskListEnvelope,
        "page",
        "Link",
    )
}
ADD: Final = _refer(*_ALWAYS, 413, 415) | {
    200: _success(
        "The user has a task with this id already; it is unchanged.",
        shapes.TaskEnvelope,
        "there",
        "Location",
    ),
    201: _success(
        "The task is stored.", shapes.TaskEnvelope, "added", "Location"
    ),
}
SHOW: Final = _refer(*_ALWAYS, 404) | {
    200: _success("The task.", shapes.TaskEnvelope, "shown")
}
UPDATE: Final = _refer(*_ALWAYS, 404, 413, 415) | {
    200: _success("The task as it is now.", shapes.TaskEnvelope, "updated")
}
DELETE: Final = _refer(*_ALWAYS, 404, 413) | {
    200: _success("The task as it was.", shapes.TaskEnvelope, "deleted")
}
HEALTH: Final = _refer(403, 503) | {
    200: _success("The store answers.", shapes.HealthEnvelope, "healthy")
}


def describe(app: FastAPI) -> None:
    """Make the application serve this document."""

    def openapi() -> Schema:
        # Made once, and only if it is asked for: it takes long.
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's manual says


def _document(app: FastAPI) -> Schema:
    """Make the document: FastAPI's, with our components and in our order."""
    document = get_openapi(
        title=app.title,
        version=VERSION,
        summary=_SUMMARY,
        description=_DESCRIPTION,
        routes=app.routes,
        license_info={"name": "MIT", "identifier": "MIT"},
        servers=[
            {"url": "http://127.0.0.1:8000", "description": "`todo serve`"}
        ],
        tags=[
            {"name": "tasks", "description": "One user's tasks."},
            {"name": "server", "description": "The server itself."},
        ],
    )
    document["components"] = _components(document["components"]["schemas"])
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _tidy(operation, path)
    return document


def _components(schemas: Schema) -> Schema:
    """Add the examples, failures and schemas that the routes refer to."""
    _, failure = models_json_schema(
        [(shapes.ErrorEnvelope, "serialization")],
        ref_template="#/components/schemas/{model}",
    )
    schemas = {**schemas, **failure["$defs"]}
    for schema in schemas.values():
        for part in (schema, *schema.get("properties", {}).values()):
            part.pop("title", None)  # pydantic makes them from names
    shown = {}
    for name, value in _EXAMPLES.items():
        shown[name] = {"value": value}
    responses = {}
    for status in sorted(_FAILURES):
        responses[str(status)] = _FAILURES[status]
    return {"schemas": schemas, "examples": shown, "responses": responses}


def _tidy(operation: Schema, path: str) -> None:
    """Sort an operation, so that the file changes only with its content.

    Answers are in the order of their statuses, and parameters in that of the
    path. Titles that repeat names are dropped.
    """

    def position(parameter: Schema) -> tuple[str, int]:
        return parameter["in"], path.find(parameter["name"])

    responses = operation["responses"]
    operation["responses"] = dict(sorted(responses.items()))
    parameters = operation.get("parameters", [])
    parameters.sort(key=position)
    for parameter in parameters:
        for noise in ("title", "description"):
            parameter["schema"].pop(noise, None)
