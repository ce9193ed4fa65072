"""What the contract says beyond the routes' signatures: words, envelopes, errors and examples.

FastAPI reads paths, parameters and bodies from the routes. The rest stands here once,
built from the rules, the models and the table of errors;
`specs/001-backend-foundation/contracts/tasks-api.yaml` is what the application serves.
"""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from todo_cli import rules
from todo_cli.api import schemas
from todo_cli.api.schemas import Schema
from todo_cli.errors import Code

VERSION: Final = "1.0.0"
"""Of the contract, not of the program."""

_SUMMARY: Final = (
    "The tasks of one user at a time, over the same service as the command line."
)
_DESCRIPTION: Final = """\
Every answer is one of two envelopes, the same that `todo --json` prints: `{"success": true, "data": ..., "message":
"..."}` or `{"success": false, "error": {"code": "...", "message": "..."}}`. `code` and the HTTP status do not change
within a major version; `message` and `hint` are words for people and may.

The user in the path says whose tasks are meant. It identifies and does not authenticate: whoever reaches the server may
name anybody, so the server listens on loopback alone. A task of another user does not exist: NOT_FOUND.
"""

_ID: Final = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
_OPEN_TASK: Final = {
    "id": _ID,
    "number": 1,
    "user_id": "ada",
    "title": "Buy milk",
    "description": "2 l\nfresh",
    "completed": False,
    "created_at": "2026-11-21T10:00:00.000000Z",
    "updated_at": "2026-11-21T10:00:00.000000Z",
    "completed_at": None,
}
_DONE_TASK: Final = _OPEN_TASK | {
    "completed": True,
    "updated_at": "2026-11-21T10:09:30.250000Z",
    "completed_at": "2026-11-21T10:09:30.250000Z",
}
_OTHER_TASK: Final = _OPEN_TASK | {
    "id": "9f2c1d1e-6a53-4b0e-8f6c-0d7b1a2c3d4e",
    "number": 2,
    "title": "Call the plumber",
    "description": None,
    "created_at": "2026-11-21T10:05:00.000000Z",
    "updated_at": "2026-11-21T10:05:00.000000Z",
}

# Parameters

USER_ID: Final[Mapping[str, Any]] = {
    "description": "Whose tasks. Trimmed; holds no `/`, and is neither `.` nor `..`.",
    "json_schema_extra": {
        "minLength": 1,
        "maxLength": rules.USER_LENGTH,
        "pattern": "^[^/]*$",
    },
    "openapi_examples": {"ada": {"value": "ada"}},
}
TASK_ID: Final[Mapping[str, Any]] = {
    "description": "The task's `id`, not its number.",
    "openapi_examples": {"one": {"value": _ID}},
}

# Answers


def _answer(
    description: str,
    schema: str,
    examples: Mapping[str, Any],
    headers: Schema | None = None,
) -> Schema:
    content = {
        "application/json": {
            "schema": schemas.ref("schemas", schema),
            "examples": dict(examples),
        }
    }
    return {
        "description": description,
        **({"headers": headers} if headers else {}),
        "content": content,
    }


def _example(summary: str, data: Any, message: str) -> Schema:
    return {
        "summary": summary,
        "value": {"success": True, "data": data, "message": message},
    }


_RETRY_AFTER: Final = {
    "Retry-After": {
        "description": "Seconds to wait before trying again.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    }
}
_ALLOW: Final = {
    "Allow": {
        "description": "The methods that the path takes.",
        "required": True,
        "schema": {"type": "string"},
    }
}


class _Fault:
    """An error answer: a component of the contract that several routes refer to."""

    def __init__(
        self, name: str, code: Code, description: str, error: Schema, **more: Any
    ) -> None:
        self.name = name
        self.status = more.pop("status", code.http)
        value = {"success": False, "error": {"code": code.name, **error}}
        self.component = _answer(
            description, "ErrorEnvelope", {code.name.lower(): {"value": value}}, **more
        )
        self.reference = {**schemas.ref("responses", name), "description": description}


_WRONG_HOST: Final = _Fault(
    "WrongHost",
    Code.FORBIDDEN,
    "The request names a host that this server is not (FORBIDDEN).",
    {"message": "This server does not answer for that host"},
    status=403,
)
_NOT_FOUND: Final = _Fault(
    "NotFound",
    Code.NOT_FOUND,
    "The user has no such task (NOT_FOUND).",
    {"message": f"No task {_ID} for ada"},
)
_CONFLICT: Final = _Fault(
    "Conflict",
    Code.CONFLICT,
    "Another user holds the id (CONFLICT).",
    {"message": f"The id {_ID} is taken"},
)
_TOO_LARGE: Final = _Fault(
    "TooLarge",
    Code.PAYLOAD_TOO_LARGE,
    "The body has more than 64 KiB (PAYLOAD_TOO_LARGE).",
    {"message": "The body has more than 64 KiB"},
)
_NOT_JSON: Final = _Fault(
    "NotJson",
    Code.UNSUPPORTED_MEDIA_TYPE,
    "The body is not `application/json` (UNSUPPORTED_MEDIA_TYPE).",
    {"message": "The body must be application/json"},
)
_INVALID: Final = _Fault(
    "Invalid",
    Code.INVALID_INPUT,
    "A value breaks a rule, a field is unknown or missing, or the body is broken JSON (INVALID_INPUT).",
    {
        "message": "title: must contain at least one visible character",
        "details": [
            {"field": "title", "message": "must contain at least one visible character"}
        ],
    },
)
_FAILED: Final = _Fault(
    "Failed",
    Code.OUTCOME_UNKNOWN,
    "The server cannot do it, and asking again changes nothing: a bug (INTERNAL), a database that refuses the server "
    "(AUTH_FAILED, FORBIDDEN), its configuration (CONFIG, TLS_FAILED, SCHEMA), its disk (IO_ERROR). OUTCOME_UNKNOWN: a "
    "write was sent and no answer came.",
    {
        "message": "db.example.org/todo did not confirm: it may or may not be stored",
        "hint": "look whether it is stored; a POST with an `id` can be sent again",
    },
)
_UNAVAILABLE: Final = _Fault(
    "Unavailable",
    Code.DATABASE_UNAVAILABLE,
    "Nothing was written, safe to try again (DATABASE_UNAVAILABLE, DATABASE_BUSY).",
    {"message": "db.example.org/todo refuses connections", "hint": "try again"},
    headers=_RETRY_AFTER,
)
_TIMED_OUT: Final = _Fault(
    "TimedOut",
    Code.TIMEOUT,
    "No answer in time; nothing was written, safe to try again (TIMEOUT).",
    {"message": "No connection to db.example.org/todo in time", "hint": "try again"},
    headers=_RETRY_AFTER,
)
_NO_SUCH_METHOD: Final = _Fault(
    "NoSuchMethod",
    Code.METHOD_NOT_ALLOWED,
    "The path does not take this method (METHOD_NOT_ALLOWED); every path answers so to what is not described here.",
    {"message": "This path takes GET, POST"},
    headers=_ALLOW,
)
_FAULTS: Final = (
    _WRONG_HOST,
    _NOT_FOUND,
    _NO_SUCH_METHOD,
    _CONFLICT,
    _TOO_LARGE,
    _NOT_JSON,
    _INVALID,
    _FAILED,
    _UNAVAILABLE,
    _TIMED_OUT,
)
_ALWAYS: Final = (_WRONG_HOST, _INVALID, _FAILED, _UNAVAILABLE, _TIMED_OUT)
_WITH_BODY: Final = (*_ALWAYS, _TOO_LARGE, _NOT_JSON)


def _responses(answers: Mapping[int, Schema], *faults: _Fault) -> Schema:
    found = dict(answers) | {fault.status: fault.reference for fault in faults}
    return {str(status): found[status] for status in sorted(found)}


# Operations

_LOCATION: Final = {
    "Location": {
        "description": "Where the task is.",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
        "example": f"/api/ada/tasks/{_ID}",
    }
}
_LINK: Final = {
    "Link": {
        "description": "The next page; absent on the last one.",
        "schema": {"type": "string"},
        "example": '</api/ada/tasks?status=all&limit=100&cursor=AOMgxwMxtcoAAAAC>; rel="next"',
    }
}

_RESPONSES: Final[Mapping[str, Schema]] = {
    "list_tasks": _responses(
        {
            200: _answer(
                "A page of tasks; an empty one is a success.",
                "TaskListEnvelope",
                {
                    "two": _example(
                        "One open task and one that is done",
                        [_OTHER_TASK, _DONE_TASK],
                        "2 of 2",
                    ),
                    "none": _example("No tasks", [], "0 of 0"),
                },
                _LINK,
            )
        },
        *_ALWAYS,
    ),
    "add_task": _responses(
        {
            200: _answer(
                "The task was there already, and is unchanged.",
                "TaskEnvelope",
                {
                    "there": _example(
                        "The same id again", _DONE_TASK, "Already there as 1: Buy milk"
                    )
                },
                _LOCATION,
            ),
            201: _answer(
                "The task is stored.",
                "TaskEnvelope",
                {
                    "added": _example(
                        "A new task", _OPEN_TASK, "Added 1: Buy milk (new list for ada)"
                    )
                },
                _LOCATION,
            ),
        },
        *_WITH_BODY,
        _CONFLICT,
    ),
    "get_task": _responses(
        {
            200: _answer(
                "The task.",
                "TaskEnvelope",
                {
                    "open": _example("An open task", _OPEN_TASK, "1: Buy milk"),
                    "done": _example("A task that is done", _DONE_TASK, "1: Buy milk"),
                },
            )
        },
        *_ALWAYS,
        _NOT_FOUND,
    ),
    "update_task": _responses(
        {
            200: _answer(
                "The task as it is now.",
                "TaskEnvelope",
                {"done": _example("Ticked off", _DONE_TASK, "Updated 1: Buy milk")},
            )
        },
        *_WITH_BODY,
        _NOT_FOUND,
    ),
    "delete_task": _responses(
        {
            200: _answer(
                "The task as it was.",
                "TaskEnvelope",
                {"deleted": _example("It was done", _DONE_TASK, "Deleted 1: Buy milk")},
            )
        },
        *_ALWAYS,
        _NOT_FOUND,
    ),
    "health": _responses(
        {
            200: _answer(
                "It can.",
                "HealthEnvelope",
                {"ok": _example("It can", {"status": "ok"}, "The store answers")},
            )
        },
        _WRONG_HOST,
        _UNAVAILABLE,
    ),
}

_BODIES: Final[Mapping[str, Schema]] = {
    "add_task": {
        "short": {"summary": "A title is enough", "value": {"title": "Buy milk"}},
        "repeatable": {
            "summary": "With an id of the client's own",
            "value": {"id": _ID, "title": "Buy milk", "description": "2 l\nfresh"},
        },
    },
    "update_task": {
        "done": {"summary": "Tick off", "value": {"completed": True}},
        "text": {
            "summary": "A new title, and no description",
            "value": {"title": "Buy oat milk", "description": None},
        },
    },
}


def describe(app: FastAPI) -> None:
    """Have the application serve its contract, made once."""

    def openapi() -> Schema:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's manual extends its contract


def _document(app: FastAPI) -> Schema:
    document = get_openapi(
        title=app.title,
        version=VERSION,
        summary=_SUMMARY,
        description=_DESCRIPTION,
        routes=app.routes,
        license_info={"name": "MIT", "identifier": "MIT"},
        servers=[{"url": "http://127.0.0.1:8000", "description": "`todo serve`"}],
        tags=[
            {"name": "tasks", "description": "One user's tasks."},
            {"name": "server", "description": "The server itself."},
        ],
    )
    document["components"] = {
        "schemas": schemas.components(document["components"]["schemas"]),
        "responses": {fault.name: fault.component for fault in _FAULTS},
    }
    for path, methods in document["paths"].items():
        for operation in methods.values():
            _complete(operation, path)
    return document


def _complete(operation: Schema, path: str) -> None:
    """Add to an operation what FastAPI does not know, and take away what says nothing."""
    name = operation["operationId"]
    operation["responses"] = _RESPONSES[name]
    if examples := _BODIES.get(name):
        operation["requestBody"]["content"]["application/json"]["examples"] = examples
    parameters = operation.get("parameters", [])
    parameters.sort(
        key=lambda parameter: (parameter["in"], path.find(parameter["name"]))
    )
    for parameter in parameters:
        for noise in ("title", "description"):
            parameter["schema"].pop(noise, None)
