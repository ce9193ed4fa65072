"""The first and the last to see a request: who is asked for, one line in the log, and a
bug that nobody caught.
"""

import asyncio
import time
import traceback
from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from todo_cli.api import answers
from todo_cli.api.context import ServerContext
from todo_cli.errors import DatabaseUnavailable, InvalidInput, OutcomeUnknown, TodoError
from todo_cli.output.text import visible

_LONGEST_LINE: Final = 500
"""Characters of a request's method and target in the log."""


class Guard:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp, context: ServerContext) -> None:
        self._app = app
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through that names this server, and see to it that it is
        answered and logged.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status: int | None = None

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            refusal = self._refusal(scope)
            await (refusal or self._app)(scope, receive, note)
        except asyncio.CancelledError:
            if status is None:
                await answers.fail(_stopped(scope["method"]))(scope, receive, note)
            raise
        except ClientDisconnect:
            pass  # it left before its request was whole: nothing was done, and nobody hears an answer
        except Exception as error:
            self._context.log(f"bug: {_place(error)}")
            if status is not None:
                raise  # half an answer must not look like a whole one
            await answers.fail(answers.bug(error))(scope, receive, note)
        finally:
            milliseconds = 1_000 * (time.perf_counter() - began)
            self._context.log(
                f"{visible(_request_line(scope))} {status or '-'} {milliseconds:.1f} ms"
            )

    def _refusal(self, scope: Scope) -> Response | None:
        """What to say to a request that no route should see."""
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if (
            len(hosts) != 1
            or hosts[0].decode("latin-1").lower() not in self._context.hosts
        ):
            return answers.refuse_host()
        if (
            b"%2f" in scope["raw_path"].lower()
        ):  # decoded, it would look like the slash between two parts
            return answers.nothing_there()
        try:
            unquote_to_bytes(scope["raw_path"]).decode()
        except UnicodeDecodeError:
            return answers.fail(InvalidInput.of("path", "is not UTF-8"))
        return None


def _stopped(method: str) -> TodoError:
    """What to say when the server stops before a request is done."""
    if method == "GET":
        return DatabaseUnavailable("The server is stopping")
    return OutcomeUnknown("The server is stopping: it may or may not be stored")


def _request_line(scope: Scope) -> str:
    query = b"?" + scope["query_string"] if scope["query_string"] else b""
    line = f"{scope['method']} {(scope['raw_path'] + query).decode('latin-1')}"
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}..."


def _place(error: Exception) -> str:
    """The class of a bug and the line it is on; its text could hold a task's, or a secret."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {frame.filename}:{frame.lineno}"
