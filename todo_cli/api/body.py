"""Reading a body: JSON and nothing else, so much and no more, and one meaning only."""

import json
import re
from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from todo_cli.api.answers import NotJson, TooLarge
from todo_cli.errors import InvalidInput

MOST_BYTES: Final = 64 * 1024

_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER: Final = re.compile(
    rf"""[ \t]*;[ \t]*(?:(?P<name>{_WORD})(?:[ \t]*=[ \t]*(?P<value>{_WORD}|"(?:[^"\\]|\\.)*"))?)?[ \t]*"""
)
"""One parameter of a `Content-Type`, or the empty one behind a last semicolon; some
clients leave out name or value.
"""


class JsonRequest(Request):
    """A request whose body was read by the rules of this module."""

    async def parse(self) -> None:
        """Read the body and keep what it says.

        Raises:
            NotJson: it does not say that it is JSON in UTF-8.
            TooLarge: it has more than 64 KiB, whatever its header says.
            InvalidInput: it is not one JSON object.
        """
        content_types = self.headers.getlist("content-type")
        if len(content_types) != 1 or not is_json(content_types[0]):
            raise NotJson("The body must be application/json")
        self._body = await self._read()
        self._json = parse(self._body)

    async def _read(self) -> bytes:
        declared = self.headers.get("content-length", "")
        body = bytearray()
        if not (declared.isdecimal() and int(declared[:20]) > MOST_BYTES):
            async for chunk in self.stream():
                body += chunk
                if len(body) > MOST_BYTES:
                    break
            else:
                return bytes(body)
        raise TooLarge(f"The body has more than {MOST_BYTES // 1024} KiB")


class JsonRoute(APIRoute):
    """A route that has read its body, where there can be one, before it does anything."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Read the body before FastAPI does."""
        handle = super().get_route_handler()

        async def handle_json(request: Request) -> Response:
            json_request = JsonRequest(request.scope, request.receive)
            await json_request.parse()
            return await handle(json_request)

        async def handle_whole(request: Request) -> Response:
            async for _ in request.stream():
                pass  # a request that turns out to be broken must not have deleted anything
            return await handle(request)

        if self.body_field is not None:
            return handle_json
        return handle_whole if "DELETE" in (self.methods or ()) else handle


def parse(body: bytes) -> dict[str, Any]:
    """Read one JSON object in UTF-8.

    Refused are also what Python's parser lets pass: other encodings, NaN and Infinity,
    and keys that stand twice.

    Raises:
        InvalidInput: it is anything else, or nested so deeply that it cannot be read.
    """
    try:
        value = json.loads(
            body.decode(), parse_constant=_refuse_constant, object_pairs_hook=_unique
        )
    except (ValueError, RecursionError):
        raise InvalidInput.of("body", "must be valid JSON, in UTF-8") from None
    if not isinstance(value, dict):
        raise InvalidInput.of("body", "must be a JSON object")
    return value


def is_json(content_type: str) -> bool:
    """Whether a `Content-Type` says JSON in UTF-8; parameters with other names mean
    nothing here.
    """
    media_type, semicolon, rest = content_type.partition(";")
    if media_type.strip(" \t").lower() != "application/json":
        return False
    parameters, position = semicolon + rest, 0
    while position < len(parameters):
        found = _PARAMETER.match(parameters, position)
        if found is None or not _fits(found["name"] or "", found["value"] or ""):
            return False
        position = found.end()
    return True


def _fits(name: str, value: str) -> bool:
    return name.lower().partition("*")[0] != "charset" or value.strip('"').lower() in (
        "utf-8",
        "utf8",
    )


def _refuse_constant(_name: str) -> None:
    raise ValueError


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError
    return values
