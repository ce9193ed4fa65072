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
from todo_cli.api import (
    answers,
    auth,
    conditions,
    cursors,
    lists,
    me,
    patterns,
    shapes,
)
from todo_cli.api.holders import Holder
from todo_cli.api.shapes import Schema
from todo_cli.errors import Code
from todo_cli.output import envelope, views, words
from todo_cli.output.views import Sheet, ViewContext
from todo_cli.task import (
    Added,
    Command,
    Counts,
    Entry,
    HistoryPage,
    NewTask,
    Operation,
    Position,
    Task,
    TaskPage,
    TaskQuery,
    TaskStatus,
    Undone,
    about,
    task_values,
)

VERSION: Final = "1.0.0"
"""The version of the contract, not of the program."""

_SUMMARY: Final = "The tasks of one user at a time, over the same service as the command line."
_DESCRIPTION: Final = (
    "Every answer is one of two envelopes, the same that `todo --json` prints: "
    '`{"success": true, "data": ..., "message": "..."}` or `{"success": false, '
    '"error": {"code": "...", "message": "..."}}`. `code` and the HTTP status do not '
    "change within a major version; `message` and `hint` are for people and may.\n\n"
    "The user in the path says whose tasks are meant. `todo serve` alone identifies and "
    "does not authenticate: whoever reaches the server can name any user, so it listens "
    "on loopback only. `todo serve --auth` asks every request for a token, but those for "
    "this contract; the user in the path must be the token's, or `me`. A task of another "
    "user does not exist: NOT_FOUND.\n\n"
    "The `ETag` of a task is its version. Everything that changes something is an "
    "operation, which can be undone, also from another machine. A deleted task is in the "
    "trash, where only GET and `.../restore` find it.\n\n"
    "HEAD is answered wherever GET is, without the body. Every answer has "
    "`Cache-Control: no-store` and `X-Content-Type-Options: nosniff`. A later version may "
    "add keys to answers and codes to errors."
)

# Example tasks

_OPEN: Final = Task(
    **{name: note.example for name, note in about(Task).items()}
)
_LATER: Final = _OPEN.created_at + timedelta(minutes=9, seconds=30.25)
_DONE: Final = replace(
    _OPEN,
    completed=True,
    updated_at=_LATER,
    completed_at=_LATER,
    version=2,
)
_DELETED: Final = replace(
    _OPEN, updated_at=_LATER, deleted_at=_LATER, version=2
)
_BACK: Final = replace(_OPEN, updated_at=_LATER, version=3)
_OTHER: Final = replace(
    _OPEN,
    id=UUID("9f2c1d1e-6a53-4b0e-8f6c-0d7b1a2c3d4e"),
    number=2,
    title="Call the plumber",
    description=None,
)
_PAGE: Final = TaskPage(
    [_OTHER, _DONE],
    Counts(None, None, None, None, found=2),
    TaskQuery(TaskStatus.ALL, limit=100),
    _LATER.date(),
)
_LINK: Final = lists.ListParameters.model_validate({}).link(
    f"/api/{_OTHER.user_id}/tasks",
    Position(_OTHER.created_at, _OTHER.number),
    _LATER.date(),
)

_MARKED: Final = Operation(
    7,
    UUID("1b7a6f0e-58c4-4f5e-9d51-6a0a4b8d2c11"),
    _LATER,
    Command.DONE,
    None,
    None,
    [
        Entry(
            _DONE.id,
            _DONE.number,
            _DONE.title,
            {"completed": (False, True), "completed_at": (None, _LATER)},
        )
    ],
)
_HISTORY: Final = HistoryPage([_MARKED], next=_MARKED.operation)
_UNDONE: Final = Undone(8, 7, Command.DONE, [_BACK])
_REDONE: Final = Undone(
    9, 8, Command.DONE, [replace(_DONE, version=4)], redoes=7
)
_EARLIER: Final = cursors.write([_MARKED.operation])

_HOLDER: Final = Holder(
    _OPEN.user_id,
    UUID("3f0d7a52-91c6-4c0f-a4c7-2b7d3d1a9e60"),
    "laptop",
    expires_at=_OPEN.created_at + timedelta(days=90),
)
_CONTEXT: Final = ViewContext(
    _OPEN.user_id, "todo.db", is_new_store=False, now=_LATER
)
_VALUES: Final = task_values(_OPEN)


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
        views.Changed(words.UPDATED, is_single=True)([_DONE], _CONTEXT)
    ),
    "deleted": _printed(
        views.Changed(words.DELETED, is_single=True)([_DELETED], _CONTEXT)
    ),
    "restored": _printed(
        views.Changed(words.RESTORED, is_single=True)([_BACK], _CONTEXT)
    ),
    "history": _printed(views.history(_HISTORY, _CONTEXT)),
    "latest": {},
    "one": {"operation": _MARKED.operation},
    "nothing": {},
    "undone": _printed(views.undone(_UNDONE, _CONTEXT)),
    "redone": _printed(views.redone(_REDONE, _CONTEXT)),
    "me": _printed(me.view(_HOLDER)),
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
    "json_schema_extra": dict(patterns.USER),
    "openapi_examples": {"one": {"value": _USER.example}},
}
TASK_ID: Final[Mapping[str, Any]] = {
    "description": "The task's `id` or its `number`.",
    "openapi_examples": {
        "id": {"value": str(_OPEN.id)},
        "number": {"value": str(_OPEN.number)},
    },
}

IF_MATCH: Final[Mapping[str, Any]] = {
    "description": "Do it only if the task has one of these versions; `*` is any. "
    'Weak tags (`W/"7"`) never fit.',
    "openapi_examples": {"one": {"value": '"1"'}},
}
IF_NONE_MATCH: Final[Mapping[str, Any]] = {
    "description": "Do it only if the task has none of these versions; `*` is any.",
    "openapi_examples": {"one": {"value": '"2"'}},
}

# Answers, for `responses` of a route

_COUNT: Final = {"type": "integer", "minimum": 0, "maximum": 1001}
"""1001 means more than 1,000."""
_HEADERS: Final[Mapping[str, Schema]] = {
    "Location": {
        "description": "Where the task is.",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
        "example": f"/api/ada/tasks/{_OPEN.id}",
    },
    "ETag": {
        "description": "The version of the task.",
        "required": True,
        "schema": {"type": "string", "pattern": '^"[1-9][0-9]*"$'},
        "example": conditions.tag(_OPEN.version),
    },
    "Link": {
        "description": "The next page; absent on the last one.",
        "schema": {"type": "string"},
        "example": _LINK,
    },
    "Todo-Count-Open": {
        "description": "How many tasks of the user are open and do not wait.",
        "required": True,
        "schema": _COUNT,
        "example": 12,
    },
    "Todo-Count-Done": {
        "description": "How many tasks of the user are done.",
        "required": True,
        "schema": _COUNT,
        "example": 40,
    },
    "Retry-After": {
        "description": "Seconds to wait before the next try.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWW-Authenticate": {
        "description": "What a request has to have, as in RFC 6750.",
        "required": True,
        "schema": {"type": "string"},
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


_ALWAYS: Final = (400, 401, 403, 409, 422, 429, 500, 503, 504)
_ONLY_THE_COMMAND_LINE: Final = (Code.USAGE, Code.CONFIRMATION_REQUIRED)
_NOTES: Final[Mapping[int, str]] = {
    400: "INVALID_INPUT: the request has more than one `Authorization` header.",
    401: "Only with `todo serve --auth`. `WWW-Authenticate` has "
    '`error="invalid_token"` if the request has a token.',
    403: "FORBIDDEN: the request names a host that this server is not, or a browser says "
    "that a page of another site sends it, or, with `--auth`, its token is another user's "
    "or may only read.",
    405: "This is the answer to every method that is not described here.",
    409: "For example, another user has a task with this id, or a task has changed "
    "since the operation that is to be undone.",
    412: "`details` has the version.",
    413: "The limit is 64 KiB.",
    429: "Only with `todo serve --auth`. A valid token is always served.",
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
        "schema": {"$ref": "#/components/schemas/FailureEnvelope"},
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
    conditions.PreconditionFailed(
        f"The task has version 7{errors.NOTHING_CHANGED}",
        details=[{"field": "version", "message": "7"}],
    ),
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
        auth.refuse_two(),
        auth.refuse_token(),
        auth.refuse_path(),
        auth.refuse_for_now(42),
        answers.refuse_method(["GET", "HEAD", "POST"]),
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
        "Todo-Count-Open",
        "Todo-Count-Done",
    )
}
ADD: Final = _refer(*_ALWAYS, 413, 415) | {
    200: _success(
        "The user has a task with this id already; it is unchanged.",
        shapes.TaskEnvelope,
        "there",
        "ETag",
        "Location",
    ),
    201: _success(
        "The task is stored.",
        shapes.TaskEnvelope,
        "added",
        "ETag",
        "Location",
    ),
}
SHOW: Final = _refer(*_ALWAYS, 404, 412) | {
    200: _success("The task.", shapes.TaskEnvelope, "shown", "ETag"),
    304: {
        "description": "`If-None-Match` names the version that the task has.",
        "headers": {"ETag": _HEADERS["ETag"]},
    },
}
UPDATE: Final = _refer(*_ALWAYS, 404, 412, 413, 415) | {
    200: _success(
        "The task as it is now.", shapes.TaskEnvelope, "updated", "ETag"
    )
}
DELETE: Final = _refer(*_ALWAYS, 404, 412, 413) | {
    200: _success(
        "The task as it is now, in the trash.",
        shapes.TaskEnvelope,
        "deleted",
        "ETag",
    )
}
RESTORE: Final = _refer(*_ALWAYS, 404, 412, 413, 415) | {
    200: _success(
        "The task as it is now.", shapes.TaskEnvelope, "restored", "ETag"
    )
}
HISTORY: Final = _refer(*_ALWAYS) | {
    200: _success(
        "A page of operations; an empty one is a success.",
        shapes.HistoryEnvelope,
        "history",
        "Link",
    )
}
HISTORY_OF_TASK: Final = HISTORY | _refer(404)
UNDO: Final = _refer(*_ALWAYS, 404, 413, 415) | {
    200: _success("The operation is undone.", shapes.UndoneEnvelope, "undone")
}
REDO: Final = _refer(*_ALWAYS, 404, 413, 415) | {
    200: _success(
        "The operation is done again.", shapes.UndoneEnvelope, "redone"
    )
}
ME: Final = _refer(400, 401, 403, 404, 422, 429, 500, 503, 504) | {
    200: _success("Who holds the token.", shapes.MeEnvelope, "me")
}
HEALTH: Final = _refer(400, 401, 403, 429, 500, 503, 504) | {
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
            {"name": "history", "description": "What was done, and undo."},
            {"name": "server", "description": "The server itself."},
        ],
    )
    # Both: the contract is the same with `--auth` and without.
    document["security"] = [{"token": []}, {}]
    parameters: Schema = {}
    components = _components(document["components"]["schemas"])
    document["components"] = {**components, "parameters": parameters}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _tidy(operation, path)
            _share(operation, parameters)
    return document


_SCHEME: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token that `todo token create` has made, or a JWT of the identity "
    "provider that the server trusts. Only `todo serve --auth` asks for one.",
}


def _components(schemas: Schema) -> Schema:
    """Add the examples, failures and schemas that the routes refer to."""
    _, failure = models_json_schema(
        [(shapes.FailureEnvelope, "serialization")],
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
    return {
        "schemas": schemas,
        "examples": shown,
        "responses": responses,
        "securitySchemes": {"token": _SCHEME},
    }


_SHARED: Final = ("path", "header")
"""The places of parameters that several routes have alike."""


def _share(operation: Schema, shared: Schema) -> None:
    """Replace parameters that several routes have by references to one."""
    parameters = operation.get("parameters", [])
    for number, parameter in enumerate(parameters):
        if parameter["in"] in _SHARED:
            name = parameter["name"]
            shared[name] = parameter
            reference = {"$ref": f"#/components/parameters/{name}"}
            parameters[number] = reference


_PLACES: Final = ("path", "query", "header")
"""Where a parameter can be, in the order of the file."""


def _tidy(operation: Schema, path: str) -> None:
    """Sort an operation, so that the file changes only with its content.

    Answers are in the order of their statuses. Parameters are in that of the
    path, and then come those of the query and the headers. Titles that repeat
    names are dropped.
    """

    def position(parameter: Schema) -> tuple[int, int]:
        place = _PLACES.index(parameter["in"])
        return place, path.find(parameter["name"])

    responses = operation["responses"]
    operation["responses"] = dict(sorted(responses.items()))
    parameters = operation.get("parameters", [])
    parameters.sort(key=position)
    for parameter in parameters:
        for noise in ("title", "description"):
            parameter["schema"].pop(noise, None)
