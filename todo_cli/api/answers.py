"""Results and errors as HTTP answers, in the envelopes of the command line."""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request
from starlette.responses import Response
from starlette.routing import Match

from todo_cli.api import conditions
from todo_cli.errors import (
    Code,
    DatabaseUnavailable,
    Detail,
    Forbidden,
    Internal,
    InTrash,
    InvalidInput,
    NotFound,
    TodoError,
)
from todo_cli.output import envelope
from todo_cli.output.views import Sheet

MEDIA_TYPE: Final = "application/json"
PLAIN: Final = "identity"
"""The one `Content-Encoding` of a body: none."""
RETRY_AFTER_S: Final = 1
DOCS: Final = "/docs"
"""Where the contract is shown."""
SAFE: Final = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)
"""Headers of every answer: it is not kept, and is what it says."""
_PART: Final = 256 * 1024
"""How many characters of a list are written at a stretch."""

_HINTS: Final[Mapping[Code, str]] = {
    Code.DATABASE_UNAVAILABLE: "try again",
    Code.DATABASE_BUSY: "try again",
    Code.TIMEOUT: "try again",
    Code.OUTCOME_UNKNOWN: "look whether it is stored; a POST with an `id` can be sent again",
    Code.PRECONDITION_FAILED: "GET the task, and try again with its ETag",
    Code.UNAUTHORIZED: "send `Authorization: Bearer TOKEN`; `todo token create` makes one",
    Code.RATE_LIMITED: "try again after the seconds in Retry-After",
    Code.INTERNAL: "report it, with the line that the server wrote on stderr",
}
"""Hints for a client; those of the errors name commands."""
_NAME: Final = re.compile("[A-Za-z][A-Za-z_-]{0,30}")
"""What an unknown field is called that an answer names."""
_OUT_OF_TRASH: Final = "POST .../restore takes it out of the trash"

_WORDS: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "extra_forbidden": "has an unknown field, see /openapi.json",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "greater_than_equal": "must be at least {ge}",
    "list_type": "must be a list",
    "too_long": "has {actual_length} tags, {max_length} are allowed",
    "string_too_short": "must not be empty",
    "enum": "must be one of {expected}",
    "literal_error": "must be one of {expected}",
}
"""Our messages for the faults that pydantic finds, by pydantic's name."""

HEALTHY: Final = Sheet({"status": "ok"}, "The store answers")


class NoSuchPath(NotFound):
    """No route has the path."""


class NoSuchMethod(TodoError):
    """The path does not take this method."""

    code = Code.METHOD_NOT_ALLOWED


class TooLarge(TodoError):
    """The body is too large."""

    code = Code.PAYLOAD_TOO_LARGE


class NotJson(TodoError):
    """The body is not JSON."""

    code = Code.UNSUPPORTED_MEDIA_TYPE


class Encoded(NotJson):
    """The body is compressed, or encoded in another way."""


def succeed(
    sheet: Sheet,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer with a result, byte for byte as `--json` prints it."""
    return Response(
        envelope.success(sheet.data, sheet.message),
        status,
        headers,
        MEDIA_TYPE,
    )


def succeed_with_task(
    sheet: Sheet,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer with one task, and its version as `ETag`."""
    all_headers = {"ETag": conditions.tag(sheet.data.version)}
    all_headers.update(headers or {})
    return succeed(sheet, status=status, headers=all_headers)


def not_modified(version: int) -> Response:
    """Answer that the client knows this version of a task already."""
    headers = {"ETag": conditions.tag(version)}
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)


async def succeed_long(
    sheet: Sheet, *, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with a list of tasks, as `succeed` does.

    A long list is written in parts, because it can take a fifth of a second.
    """
    length = sum(len(task.description or "") for task in sheet.data)
    if length < _PART:
        return succeed(sheet, headers=headers)
    return await succeed_in_parts(sheet, headers=headers)


async def succeed_in_parts(
    sheet: Sheet, *, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with a list, and let other requests go on while it is written."""
    parts = []
    written = 0
    for part in envelope.success_in_parts(sheet.data, sheet.message):
        parts.append(part.encode())
        written += len(part)
        if written >= _PART:
            written = 0
            await asyncio.sleep(0)
    return Response(
        b"".join(parts), headers=dict(headers or {}), media_type=MEDIA_TYPE
    )


def fail(
    error: TodoError, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with an error, and with the HTTP status of its code."""
    hint = _HINTS.get(error.code)
    if isinstance(error, InTrash):
        hint = _OUT_OF_TRASH
    if isinstance(error, NoSuchPath):
        hint = f"{DOCS} shows what there is"
    sent = type(error)(
        error.message,
        hint=hint,
        details=error.details,
    )
    return _failed(sent, headers)


def unhealthy(error: TodoError) -> Response:
    """Answer that the store cannot be used, with the reason in the details.

    The hint is that of the reason: not every fault of a store passes.
    """
    sent = DatabaseUnavailable(
        error.message,
        hint=_HINTS.get(error.code),
        details=[{"field": "code", "message": error.code.name}],
    )
    return _failed(sent)


def _failed(
    error: TodoError, headers: Mapping[str, str] | None = None
) -> Response:
    status = error.code.http or HTTPStatus.INTERNAL_SERVER_ERROR
    all_headers = dict(headers or {})
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT):
        all_headers["Retry-After"] = str(RETRY_AFTER_S)
    if error.code is Code.PAYLOAD_TOO_LARGE:
        # The rest of the body is not read, so it cannot be followed by
        # another request.
        all_headers["Connection"] = "close"
    if isinstance(error, Encoded):
        all_headers["Accept-Encoding"] = PLAIN
    return Response(envelope.failure(error), status, all_headers, MEDIA_TYPE)


def refuse_protocol(
    fault: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer bytes that are not HTTP, or not within its limits.

    The status 400 is not the one of INVALID_INPUT: the fault is not in the
    values of a request.
    """
    error = InvalidInput(fault)
    return Response(
        envelope.failure(error),
        HTTPStatus.BAD_REQUEST,
        headers,
        MEDIA_TYPE,
    )


def refuse_host() -> Response:
    """Answer a request for another `Host`.

    Otherwise a page of another origin could read every task, by DNS
    rebinding.
    """
    return refuse(Forbidden("This server does not answer for that host"))


def refuse(
    error: Forbidden, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer a request that is forbidden by what it is.

    The status 403 is not the one of FORBIDDEN, 500, which is for a database
    that refuses us.
    """
    return Response(
        envelope.failure(error), HTTPStatus.FORBIDDEN, headers, MEDIA_TYPE
    )


def refuse_site() -> Response:
    """Answer a request that a page of another site has sent."""
    return refuse(
        Forbidden("This server does not answer pages of other sites")
    )


def refuse_method(methods: Sequence[str]) -> Response:
    """Answer a request with a method that the path does not take."""
    allowed = ", ".join(methods)
    return fail(NoSuchMethod(f"This path takes {allowed}"), {"Allow": allowed})


def nothing_there() -> Response:
    """Answer a request for a path that no route has."""
    return fail(NoSuchPath("There is nothing at this path"))


def bug(error: Exception) -> Internal:
    """Make the error for a bug, without its text: that could be a secret."""
    return Internal(f"A bug in todo: {type(error).__name__}")


def refuse_parameter(name: str) -> None:
    """Refuse an unknown parameter of a path that takes none.

    Raises:
        InvalidInput: always if the name may be repeated, because it can be no
            secret.
    """
    if _NAME.fullmatch(name):
        raise InvalidInput.of(
            "query",
            f"has the unknown parameter `{name}`; this path takes none",
        )


async def on_todo_error(_request: Request, error: Any) -> Response:
    """Answer when the service failed, or the request could not be read."""
    return fail(error)


async def on_invalid_request(_request: Request, error: Any) -> Response:
    """Answer when a field is missing, unknown or of another type.

    The answer repeats nothing of the values that were sent.
    """
    details = list(_details(error.errors()))
    first = details[0]
    message = f"{first['field']}: {first['message']}"
    return fail(InvalidInput(message, details=details))


async def on_http_error(request: Request, error: Any) -> Response:
    """Answer when no route has this path, or none has this method."""
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return refuse_method(_methods(request))
    return nothing_there()


def _details(faults: Sequence[Any]) -> Iterator[Detail]:
    """Describe each fault that pydantic found: its field, and our message."""
    for fault in faults:
        kind = fault["type"]
        # A number is a place in a list, and names no field.
        path = [part for part in fault["loc"] if isinstance(part, str)]
        template = _WORDS.get(kind, "is not valid")
        message = template.format_map(fault.get("ctx", {}))
        field = path[-1]
        if kind == "extra_forbidden":
            if _NAME.fullmatch(field):
                message = f"has the unknown field `{field}`, see /openapi.json"
            # The client chose the name: any other may be a secret.
            field = path[0]
        yield {"field": field, "message": message}


def _methods(request: Request) -> list[str]:
    """Return the methods of all routes at the path of the request, sorted."""
    methods: set[str] = set()
    for route in request.app.router.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            methods |= route.methods
    if "GET" in methods:
        methods.add("HEAD")
    return sorted(methods)
