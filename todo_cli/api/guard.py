"""The first and the last code to see a request: the `Host` check, a line in
the log, an answer for every bug.
"""

import asyncio
import time
import traceback
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from todo_cli.api import answers
from todo_cli.api.context import ServerContext
from todo_cli.errors import (
    DatabaseUnavailable,
    InvalidInput,
    OutcomeUnknown,
    TodoError,
)
from todo_cli.output.text import visible

_LONGEST_LINE: Final = 500
"""Characters of a request's method and target in the log."""


@dataclass(slots=True)
class _Answer:
    """Sends an answer on, and keeps its status."""

    send: Send
    status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self.send(message)


class Guard:
    """The ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, context: ServerContext) -> None:
        self._app = app
        self._context = context

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Pass on a request for this server; answer and log every request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        answer = _Answer(send)
        try:
            await self._pass_on(scope, receive, answer)
        finally:
            milliseconds = 1_000 * (time.perf_counter() - began)
            request = visible(_request_line(scope))
            self._context.log(
                f"{request} {answer.status or '-'} {milliseconds:.1f} ms"
            )

    async def _pass_on(
        self, scope: Scope, receive: Receive, answer: _Answer
    ) -> None:
        try:
            app = self._refusal(scope) or self._app
            await app(scope, receive, answer)
        except asyncio.CancelledError:
            if answer.status is None:
                await answers.fail(_stopped(scope["method"]))(
                    scope, receive, answer
                )
            raise
        except ClientDisconnect:
            pass  # the request never became whole: nothing was done, nobody listens
        except Exception as error:
            self._context.log(f"bug: {_place(error)}")
            if answer.status is not None:
                raise  # half an answer must not look like a whole one
            await answers.fail(answers.bug(error))(scope, receive, answer)

    def _refusal(self, scope: Scope) -> Response | None:
        """Answer a request that no route should see."""
        names = [value for name, value in scope["headers"] if name == b"host"]
        hosts = [name.decode("latin-1").lower() for name in names]
        if len(hosts) != 1 or hosts[0] not in self._context.hosts:
            return answers.refuse_host()
        if (
            b"%2f" in scope["raw_path"].lower()
        ):  # decoded, it would separate parts
            return answers.nothing_there()
        try:
            unquote_to_bytes(scope["raw_path"]).decode()
        except UnicodeDecodeError:
            return answers.fail(InvalidInput.of("path", "is not UTF-8"))
        return None


def _stopped(method: str) -> TodoError:
    """What a request gets that the server stops before its end."""
    if method == "GET":
        return DatabaseUnavailable("The server is stopping")
    return OutcomeUnknown(
        "The server is stopping: it may or may not be stored"
    )


def _request_line(scope: Scope) -> str:
    target = scope["raw_path"]
    if scope["query_string"]:
        target += b"?" + scope["query_string"]
    line = f"{scope['method']} {target.decode('latin-1')}"
    if len(line) > _LONGEST_LINE:
        return f"{line[:_LONGEST_LINE]}..."
    return line


def _place(error: Exception) -> str:
    """Name a bug by class and line; its text could contain a task or a
    secret.
    """
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {frame.filename}:{frame.lineno}"
