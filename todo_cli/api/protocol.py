"""Changes uvicorn's HTTP/1.1: our envelopes, and one write an answer.

uvicorn has no public way to do this, so the classes here extend its
`H11Protocol` and h11's `Connection`. Both have an upper bound in
`pyproject.toml`.
"""

import asyncio
from typing import Any, Final

import h11
from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from todo_cli.api import answers
from todo_cli.errors import DatabaseBusy

LONGEST_JOINED: Final = 64 * 1024
"""A longer body gets a write of its own: copying it would cost more."""


class Connection(h11.Connection):
    """Joins the head of an answer to the first part of its body.

    Both then go out in one write, and usually in one packet.
    """

    _head = b""

    def send(self, event: h11.Event) -> bytes | None:  # type: ignore[override]
        """Return the bytes to write now; a head waits for its body."""
        data = super().send(event)
        if (
            isinstance(event, h11.Response)
            and _body_length(event) <= LONGEST_JOINED
        ):
            self._head = data or b""
            return b""
        head = self._head
        self._head = b""
        if head and data is not None:
            return head + data
        return data


def _body_length(response: h11.Response) -> int:
    headers = dict(response.headers)
    return int(headers.get(b"content-length", b"0"))


class Protocol(H11Protocol):
    """Answers with an envelope also where uvicorn bypasses the application."""

    def __init__(
        self, most_connections: int, *arguments: Any, **more: Any
    ) -> None:
        super().__init__(*arguments, **more)
        self.conn = Connection(h11.SERVER)
        self._most_connections = most_connections

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept a connection; answer with an error if there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self._most_connections:
            self._end(answers.fail(DatabaseBusy("Too many connections")))

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are not HTTP."""
        self._end(answers.refuse_protocol())

    def _should_upgrade(self) -> bool:
        """Ignore `Upgrade`, without uvicorn's warnings."""
        return False

    def _end(self, answer: Response) -> None:
        """Answer in place of the application, and close the connection.

        If the application has begun to answer, the connection only closes.
        """
        body = bytes(answer.body)
        # None before the first request.
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            # Drops what the application sends from now on, and wakes it up.
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.scope["method"] == "HEAD":
                body = b""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            headers = [*answer.raw_headers, (b"connection", b"close")]
            head = h11.Response(
                status_code=answer.status_code,
                headers=headers,
            )
            for event in (head, h11.Data(data=body), h11.EndOfMessage()):
                data = self.conn.send(event) or b""
                self.transport.write(data)
        self.transport.close()
