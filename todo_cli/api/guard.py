"""Middleware around the application: what it refuses, log, answers to bugs.

It is the first code to see a request, and the last to see the answer. A HEAD is
passed on as a GET, whose body is dropped.
"""

import asyncio
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from todo_cli.api import answers
from todo_cli.api.addresses import means_us
from todo_cli.api.auth import without_secrets
from todo_cli.api.context import ServerContext
from todo_cli.api.json_body import MOST_BYTES
from todo_cli.api.protocol import STATUS
from todo_cli.errors import (
    DatabaseUnavailable,
    InvalidInput,
    OutcomeUnknown,
    TodoError,
)
from todo_cli.output.text import visible

_LONGEST_LINE: Final = 500
"""How many characters of a request line the log shows at most."""


_OURS: Final = (b"same-origin", b"none")
"""What `Sec-Fetch-Site` is for a page of ours, and for what people type."""
_READING: Final = ("GET", "HEAD")
_NAVIGATION: Final = {
    b"sec-fetch-mode": b"navigate",
    b"sec-fetch-dest": b"document",
}
"""What a browser says of a page that comes into the window as a whole."""


_DROPPED_S: Final = 1.0
"""How long an answer waits for the rest of a body that nobody needs."""


@dataclass(slots=True)
class _Body:
    """Passes the body of a request on, and knows whether there is more."""

    receive: Receive
    has_more: bool
    length: int = 0
    """How much of it has been read."""

    async def __call__(self) -> Message:
        message = await self.receive()
        self.has_more = message.get("more_body", False)
        self.length += len(message.get("body", b""))
        return message

    async def drop(self) -> None:
        """Read the rest, if it comes soon and is not too long.

        To close a connection with something unread resets it. A proxy that
        is still sending then takes the answer for lost: nginx says 502.
        """
        if not self.has_more:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_DROPPED_S):
                await self._read_rest()

    async def _read_rest(self) -> None:
        while self.has_more and self.length <= MOST_BYTES:
            await self()


@dataclass(slots=True)
class _Answer:
    """Passes the messages of an answer on, and keeps its status.

    Every answer forbids caches, and guesses at what it is.
    """

    send: Send
    body: _Body
    """Of the request."""
    is_head: bool = False
    """Whether nobody wants the body."""
    status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self.body.drop()
            self.status = message["status"]
            headers = [*message["headers"], *answers.SAFE]
            message = {**message, "headers": headers}
        elif self.is_head:
            message = {**message, "body": b""}
        await self.send(message)


class Guard:
    """The ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, context: ServerContext) -> None:
        self._app = app
        self._context = context

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Pass a request on, or refuse it, and log it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        is_head = scope["method"] == "HEAD"
        body = _Body(receive, has_more=_will_send(scope))
        answer = _Answer(send, body, is_head=is_head)
        # A copy: uvicorn keeps a HEAD in its own, and sends no body.
        passed = {**scope, "method": "GET"} if is_head else scope
        try:
            await self._pass_on(passed, body, answer)
        finally:
            seconds = time.perf_counter() - began
            # Escaped, because a client chooses the text of its request.
            request = visible(self._who(passed) + _request_line(scope))
            # The protocol answers in our place if the rest of the request
            # is not HTTP.
            status = scope.get(STATUS) or answer.status or "-"
            self._context.log(f"{request} {status} {1_000 * seconds:.1f} ms")

    async def _pass_on(
        self, scope: Scope, receive: _Body, answer: _Answer
    ) -> None:
        """Let the application answer, or answer in its place."""
        try:
            app = self._refusal(scope) or self._app
            await app(scope, receive, answer)
        except asyncio.CancelledError:
            if answer.status is None:
                receive.has_more = False
                failure = answers.fail(_stopped(scope["method"]))
                await failure(scope, receive, answer)
            raise
        except ClientDisconnect:
            # The request was incomplete, so nothing was done, and the client
            # cannot read an answer.
            pass
        except Exception as error:
            self._context.log(f"bug: {_place(error)}")
            if answer.status is not None:
                # uvicorn then breaks the connection off: part of an answer
                # must not look like a whole one.
                raise
            failure = answers.fail(answers.bug(error))
            await failure(scope, receive, answer)

    def _who(self, scope: Scope) -> str:
        """Name the client for the log, with `--auth`."""
        if self._context.access is None:
            return ""
        return self._context.access.who(scope)

    def _refusal(self, scope: Scope) -> Response | None:
        """Make the answer to a request that must reach no route, else None."""
        hosts = _values(scope, b"host")
        names = [value.decode("latin-1").lower() for value in hosts]
        context = self._context
        if len(names) != 1 or not means_us(
            names[0], context.hosts, context.names
        ):
            return answers.refuse_host()
        if _is_of_another_site(scope):
            return answers.refuse_site()
        path = scope["raw_path"]
        # Decoded, `%2F` in the name of a user would look like a separator.
        if b"%2f" in path.lower():
            return answers.nothing_there()
        # uvicorn has replaced the bytes that are not UTF-8 in `path`.
        try:
            unquote_to_bytes(path).decode()
        except UnicodeDecodeError:
            return answers.fail(InvalidInput.of("path", "is not UTF-8"))
        return None


def _will_send(scope: Scope) -> bool:
    """Whether the client sends a body without waiting to be told to."""
    names = {name for name, _ in scope["headers"]}
    if b"expect" in names:
        return False
    return b"content-length" in names or b"transfer-encoding" in names


def _values(scope: Scope, name: bytes) -> list[bytes]:
    """Return the values of a header, one for each time that it is there."""
    return [value for each, value in scope["headers"] if each == name]


def _is_of_another_site(scope: Scope) -> bool:
    """Whether a browser says that a page of somebody else sends the request.

    It could not read the answer, but would keep a database awake. Other
    clients say nothing. Another port of this machine is somebody else, too.
    """
    sites = _values(scope, b"sec-fetch-site")
    if not sites or (len(sites) == 1 and sites[0] in _OURS):
        return False
    # A link to the documentation may be anywhere.
    is_docs = scope["path"] == answers.DOCS and scope["method"] in _READING
    is_whole = all(
        _values(scope, name) == [value] for name, value in _NAVIGATION.items()
    )
    return not (is_docs and is_whole)


def _stopped(method: str) -> TodoError:
    """The error for a request that the server stops before its end."""
    if method in _READING:
        return DatabaseUnavailable("The server is stopping")
    return OutcomeUnknown(
        "The server is stopping: it may or may not be stored"
    )


def _request_line(scope: Scope) -> str:
    """Write a request for the log, as in `GET /api/ada/tasks?limit=5`."""
    target = scope["raw_path"]
    if scope["query_string"]:
        target += b"?" + scope["query_string"]
    line = f"{scope['method']} {target.decode('latin-1')}"
    shown = without_secrets(line[:_LONGEST_LINE])
    if len(line) > _LONGEST_LINE:
        return f"{shown}..."
    return shown


def _place(error: Exception) -> str:
    """Name a bug by class and line, as its text could contain a secret."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {frame.filename}:{frame.lineno}"
