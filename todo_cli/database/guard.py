"""Asks whose the schema `todo` is in one packet with the first request that
names it, and so in no turn of its own.

PostgreSQL can run code of the owner of a table as soon as it plans a statement
over it, before any condition of that statement. So the question must be
answered first. asyncpg asks the server to parse a statement, which plans and
runs nothing, and waits. The answer is read before anything that follows
reaches asyncpg. If an owner is not trusted, the connection is cut, and nothing
more is sent. Where there is no schema yet, the question goes with the next
request, too.

Leans on asyncpg 0.31 and 0.32 (`Connection._transport`,
`Connection._protocol`). Messages:
https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

import asyncio
import struct
from collections.abc import Callable
from typing import Any, Final

_HEAD: Final = struct.Struct("!cI")
_LENGTH: Final = struct.Struct("!i")
_OURS: Final = b"todo."
"""In every statement over one of our tables; a request without it needs no
question.
"""
_MARK: Final = "/* whose schema is it? */ "
"""Begins the question, for those who read what goes over the line."""
_PARSED, _ROW, _COMPLETE, _ERROR = b"1", b"D", b"C", b"E"


class Guard(asyncio.Protocol):
    """Stands before asyncpg on one connection until it is known whose the
    schema is.

    `question` gives a row for each owner: the name, and whether we trust it.
    `refuse` is called with the name of an owner that is not trusted, or with
    None where a schema appeared after the question.
    """

    def __init__(
        self,
        connection: Any,
        question: str,
        refuse: Callable[[str | None], object],
    ) -> None:
        self._transport = connection._transport
        self._protocol = connection._protocol
        self._refuse = refuse
        self._question = _ask(f"{_MARK}{question}")
        self._received = b""
        self._is_answered = False
        self._has_owner = False
        self._ask_next()

    def _ask_next(self) -> None:
        """Have the question sent with the next request that names our
        tables.
        """
        self._transport.write = self._send

    def _send(self, data: bytes) -> None:
        del self._transport.write  # the method of the class is found again
        if _OURS not in bytes(data):
            self._transport.write(data)
            self._ask_next()
            return
        self._received, self._is_answered = b"", False
        self._transport.set_protocol(self)
        self._transport.write(self._question + bytes(data))

    def data_received(self, data: bytes) -> None:
        """Read the answer, then hand on what follows it."""
        self._received += data
        while not self._is_answered:
            message = self._next_message()
            if message is None:
                return
            self._take(*message)
        if self._received and not self._transport.is_closing():
            self._hand_on()

    def _next_message(self) -> tuple[bytes, bytes] | None:
        if len(self._received) < _HEAD.size:
            return None
        kind, length = _HEAD.unpack_from(self._received)
        if len(self._received) < 1 + length:
            return None
        body, self._received = (
            self._received[_HEAD.size : 1 + length],
            self._received[1 + length :],
        )
        return kind, body

    def _take(self, kind: bytes, body: bytes) -> None:
        """Note one message of the answer."""
        if kind == _ROW:
            owner, is_trusted = _read_row(body)
            self._has_owner = True
            if is_trusted != "t":
                self._cut(owner)
        elif (
            kind == _ERROR
        ):  # as when the server shuts down; asyncpg hears of a lost connection
            self._transport.abort()
        self._is_answered = kind == _COMPLETE or self._transport.is_closing()

    def _hand_on(self) -> None:
        """Let asyncpg have what answers its own request."""
        if not self._has_owner and self._received.startswith(_PARSED):
            self._cut(None)
            return
        self._transport.set_protocol(self._protocol)
        if not self._has_owner:
            self._ask_next()
        received, self._received = self._received, b""
        self._protocol.data_received(received)

    def _cut(self, owner: str | None) -> None:
        self._refuse(owner)
        self._transport.abort()

    def eof_received(self) -> bool | None:
        """Pass the end on."""
        return self._protocol.eof_received()  # type: ignore[no-any-return]  # asyncpg's

    def connection_lost(self, error: Exception | None) -> None:
        """Pass the loss on."""
        self._protocol.connection_lost(error)

    def pause_writing(self) -> None:
        """Pass it on."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._protocol.resume_writing()


def _ask(question: str) -> bytes:
    """Parse, Bind and Execute without names, and no Sync: a pooler would take
    that for the end of the request.
    """
    parse = b"\0" + question.encode() + b"\0" + struct.pack("!h", 0)
    bind = b"\0\0" + struct.pack("!hhh", 0, 0, 0)
    execute = b"\0" + struct.pack("!i", 0)
    return b"".join(
        _HEAD.pack(kind, len(body) + 4) + body
        for kind, body in ((b"P", parse), (b"B", bind), (b"E", execute))
    )


def _read_row(body: bytes) -> list[str]:
    """The columns of a row, as text."""
    columns, position = [], 2
    while position < len(body):
        (length,) = _LENGTH.unpack_from(body, position)
        position += _LENGTH.size
        columns.append(
            body[position : position + length].decode(errors="replace")
        )
        position += length
    return columns
