"""Reads the body of a request: one JSON object in UTF-8, at most 64 KiB."""

import json
import re
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Final

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from todo_cli.api.answers import PLAIN, Encoded, NotJson, TooLarge
from todo_cli.errors import InvalidInput

MOST_BYTES: Final = 64 * 1024

_SEND: Final = "send a JSON object, at least {}"
_WORD: Final = r"[!\#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER: Final = re.compile(
    rf"""[ \t]*;[ \t]*
    (?: (?P<name>{_WORD}) (?: [ \t]*=[ \t]* (?P<value>{_WORD}|"(?:[^"\\]|\\.)*") )? )?
    [ \t]*""",
    re.VERBOSE,
)
"""One parameter of a `Content-Type`.

The name or the value may be missing, because some clients end with a
semicolon or leave the value out.
"""


class JsonRequest(Request):
    """A request whose body this module has read and parsed.

    FastAPI asks it for the body, and so does not read or parse by itself.
    """

    def __init__(
        self, request: Request, body: bytes, value: dict[str, Any]
    ) -> None:
        super().__init__(request.scope, request.receive)
        self._raw = body
        self._value = value

    async def body(self) -> bytes:
        """Return the bytes that were read."""
        return self._raw

    async def json(self) -> Any:
        """Return the object that they contain."""
        return self._value


async def read_json(request: Request) -> JsonRequest:
    """Read and parse the body of a request.

    Raises:
        NotJson: `Content-Type` does not say that it is JSON in UTF-8.
        Encoded: `Content-Encoding` says that it is compressed.
        TooLarge: it has more than 64 KiB, whatever `Content-Length` says.
        InvalidInput: it is not one JSON object.
    """
    content_types = request.headers.getlist("content-type")
    if len(content_types) != 1 or not is_json(content_types[0]):
        raise NotJson(_not_json(request))
    for coding in _codings(request):
        if coding != PLAIN:
            raise Encoded(
                "Content-Encoding: the body must not be compressed or encoded"
            )
    body = await _read(request)
    return JsonRequest(request, body, parse(body))


def _not_json(request: Request) -> str:
    """Say what is wrong with the type of a body, or that there is none."""
    is_chunked = "transfer-encoding" in request.headers
    if request.headers.get("content-length", "0") == "0" and not is_chunked:
        return f"There is no body; {_SEND}, as application/json"
    return "The body must be application/json"


def _codings(request: Request) -> Iterator[str]:
    """Yield what each `Content-Encoding` lists, in lower case."""
    for header in request.headers.getlist("content-encoding"):
        for coding in header.lower().split(","):
            name = coding.strip(" \t")
            if name:
                yield name


async def _read(request: Request) -> bytes:
    """Read the body.

    Raises:
        TooLarge: it has more than 64 KiB.
    """
    too_large = TooLarge(f"The body has more than {MOST_BYTES // 1024} KiB")
    declared = request.headers.get("content-length", "")
    # Cut to 20 digits, because `int` refuses thousands of them.
    if declared.isdecimal() and int(declared[:20]) > MOST_BYTES:
        raise too_large
    # Counted too, because a body in chunks declares no length.
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise too_large
    return bytes(body)


class JsonRoute(APIRoute):
    """A route that reads the whole body first, if its method can have one."""

    def get_route_handler(
        self,
    ) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return a handler that reads the body before FastAPI does."""
        handle = super().get_route_handler()

        async def handle_json(request: Request) -> Response:
            return await handle(await read_json(request))

        async def handle_whole(request: Request) -> Response:
            # A request that breaks off must not delete anything.
            await _read(request)
            return await handle(request)

        if self.body_field is not None:
            return handle_json
        if "DELETE" in (self.methods or ()):
            return handle_whole
        return handle


def parse(body: bytes) -> dict[str, Any]:
    """Read one JSON object in UTF-8.

    Python's parser alone would also accept other encodings, NaN, Infinity and
    repeated keys.

    Raises:
        InvalidInput: it is anything else, or nested too deeply to parse.
    """
    if not body.strip():
        raise InvalidInput.of("body", f"is missing; {_SEND}")
    try:
        value = json.loads(
            body.decode(),
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique,
        )
    except (ValueError, RecursionError):
        raise InvalidInput.of("body", "must be valid JSON, in UTF-8") from None
    if not isinstance(value, dict):
        raise InvalidInput.of("body", "must be a JSON object")
    return value


def is_json(content_type: str) -> bool:
    """Whether a `Content-Type` means JSON in UTF-8.

    Parameters other than `charset` are ignored.
    """
    media_type, semicolon, rest = content_type.partition(";")
    if media_type.strip(" \t").lower() != "application/json":
        return False
    parameters = semicolon + rest
    position = 0
    while position < len(parameters):
        found = _PARAMETER.match(parameters, position)
        if found is None:
            return False
        if not _fits(found["name"] or "", found["value"] or ""):
            return False
        position = found.end()
    return True


def _fits(name: str, value: str) -> bool:
    """Whether a parameter leaves the encoding at UTF-8."""
    # `charset*` and `charset*0` are other ways to write it (RFC 2231).
    plain_name, _, _ = name.lower().partition("*")
    if plain_name != "charset":
        return True
    return value.strip('"').lower() in ("utf-8", "utf8")


def _refuse_constant(_name: str) -> None:
    """Refuse NaN and Infinity, which are not JSON."""
    raise ValueError


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object; refuse a repeated key, as it has no clear value."""
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError
    return values
