"""Results and errors as HTTP answers: the envelopes of the command line, and
the one table of statuses.
"""

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request
from starlette.responses import Response
from starlette.routing import Match

from todo_cli.errors import (
    Code,
    Detail,
    Forbidden,
    Internal,
    InvalidInput,
    NotFound,
    TodoError,
)
from todo_cli.output import envelope
from todo_cli.output.views import Sheet

MEDIA_TYPE: Final = "application/json"
RETRY_AFTER_S: Final = 1

_HINTS: Final[Mapping[Code, str]] = {
    Code.DATABASE_UNAVAILABLE: "try again",
    Code.DATABASE_BUSY: "try again",
    Code.TIMEOUT: "try again",
    Code.OUTCOME_UNKNOWN: "look whether it is stored; a POST with an `id` can be sent again",
    Code.INTERNAL: "report it, with the line that the server wrote on stderr",
}
"""What a program can do; the hints of the errors themselves speak of the
command line.
"""

_WORDS: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "extra_forbidden": "there is a field that is not known here, see /openapi.json",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "enum": "must be one of {expected}",
}
"""What pydantic finds in a request, in words of our own; by its name for the
fault.
"""

HEALTHY: Final = Sheet({"status": "ok"}, "The store answers")


class NoSuchMethod(TodoError):
    """The path does not take this method."""

    code = Code.METHOD_NOT_ALLOWED


class TooLarge(TodoError):
    """The body is too large."""

    code = Code.PAYLOAD_TOO_LARGE


class NotJson(TodoError):
    """The body is not JSON."""

    code = Code.UNSUPPORTED_MEDIA_TYPE


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


def fail(
    error: TodoError, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with an error, under the status that its code stands for."""
    status = error.code.http or HTTPStatus.INTERNAL_SERVER_ERROR
    told = type(error)(
        error.message, hint=_HINTS.get(error.code), details=error.details
    )
    all_headers = dict(headers or {})
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT):
        all_headers["Retry-After"] = str(RETRY_AFTER_S)
    if error.code is Code.PAYLOAD_TOO_LARGE:
        all_headers["Connection"] = (
            "close"  # what is left of the body is not read
        )
    return Response(envelope.failure(told), status, all_headers, MEDIA_TYPE)


def refuse_protocol() -> Response:
    """Answer what is not HTTP; like `refuse_host`, by a status that is in no
    table.
    """
    error = InvalidInput("The request is not valid HTTP")
    return Response(
        envelope.failure(error), HTTPStatus.BAD_REQUEST, media_type=MEDIA_TYPE
    )


def refuse_host() -> Response:
    """Answer a request for another `Host`; otherwise pages of other origins
    could read every task.

    The one status that is not in the table, where FORBIDDEN means that a
    database refuses us.
    """
    error = Forbidden("This server does not answer for that host")
    return Response(
        envelope.failure(error), HTTPStatus.FORBIDDEN, media_type=MEDIA_TYPE
    )


def refuse_method(methods: Sequence[str]) -> Response:
    """Answer a method that the path does not take."""
    allowed = ", ".join(methods)
    return fail(NoSuchMethod(f"This path takes {allowed}"), {"Allow": allowed})


def nothing_there() -> Response:
    """Answer to a path that no route has."""
    return fail(NotFound("There is nothing at this path"))


def bug(error: Exception) -> Internal:
    """A bug as an error; its text stays here, it could hold a task's or a
    secret.
    """
    return Internal(f"A bug in todo: {type(error).__name__}")


async def on_todo_error(_request: Request, error: Any) -> Response:
    """Answer when the service, or reading the request, failed."""
    return fail(error)


async def on_invalid_request(_request: Request, error: Any) -> Response:
    """Answer when a field is missing, unknown or of another type; nothing of
    what was sent comes back.
    """
    details = list(_details(error.errors()))
    first = details[0]
    return fail(
        InvalidInput(f"{first['field']}: {first['message']}", details=details)
    )


async def on_http_error(request: Request, error: Any) -> Response:
    """Answer where no route fits."""
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return refuse_method(_methods(request))
    return nothing_there()


def _details(faults: Sequence[Any]) -> Iterator[Detail]:
    """Say of each fault where it is and what is wrong, in words of our own."""
    for fault in faults:
        kind, path = fault["type"], fault["loc"]
        words = _WORDS.get(kind, "is not valid").format_map(
            fault.get("ctx", {})
        )
        if (
            kind == "extra_forbidden"
        ):  # the name of the field is not ours to repeat
            yield {"field": str(path[0]), "message": words}
        else:
            yield {"field": str(path[-1]), "message": words}


def _methods(request: Request) -> list[str]:
    """The methods of all routes at the path of the request."""
    methods: set[str] = set()
    for route in request.app.router.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            methods |= route.methods
    return sorted(methods)
