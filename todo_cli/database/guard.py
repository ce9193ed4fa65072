"""Ask who owns the schema `todo`, without a round trip of its own.

PostgreSQL can run code of a table's owner while it plans a statement over that
table, before any condition is evaluated. So the answer must be known first.

The question is sent in one packet with the first request that names the
schema. That request only asks the server to parse a statement, which plans and
runs nothing. The answer is read before asyncpg receives anything. If an owner
is not trusted, the connection is cut and nothing more is sent. While there is
no schema, the question is repeated with the next request.

This depends on asyncpg 0.31 and 0.32 (`Connection._transport`,
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
"""In every statement over one of our tables.

A request without it needs no question.
"""
_MARK: Final = "/* whose schema is it? */ "
"""Starts the question, so that it can be recognized in a network trace."""
_PARSED, _ROW, _COMPLETE, _ERROR = b"1", b"D", b"C", b"E"


class Guard(asyncio.Protocol):
    """Replaces asyncpg's protocol on a connection until owners are known.

    `question` returns a row for each owner: the name, and whether we trust it.
    `refuse` is called with the name of an owner that is not trusted. It is
    called with None if a schema appeared after the question. `fail` is called
    with the fields of an error that comes instead of an answer.
    """

    def __init__(
        self,
        connection: Any,
        question: str,
        refuse: Callable[[str | None], object],
        fail: Callable[[dict[str, str]], object],
    ) -> None:
        self._transport = connection._transport
        self._protocol = connection._protocol
        self._refuse = refuse
        self._fail = fail
        self._question = _ask(f"{_MARK}{question}")
        self._received = b""
        self._is_answered = False
        self._has_owner = False
        self._ask_next()

    def _ask_next(self) -> None:
        """Send the question with the next request that names our tables."""
        self._transport.write = self._send

    def _send(self, data: bytes) -> None:
        """Pass a request on, after the question if it names our tables."""
        # Remove the instance attribute: the class's method is visible again.
        del self._transport.write
        if _OURS not in bytes(data):
            self._transport.write(data)
            self._ask_next()
            return
        self._received, self._is_answered = b"", False
        self._transport.set_protocol(self)
        self._transport.write(self._question + bytes(data))

    def data_received(self, data: bytes) -> None:
        """Read the answer, then pass on what follows it."""
        # A message may arrive in several pieces.
        self._received += data
        while not self._is_answered:
            message = self._next_message()
            if message is None:
                return
            self._take(*message)
        if self._received and not self._transport.is_closing():
            self._hand_on()

    def _next_message(self) -> tuple[bytes, bytes] | None:
        """Return the type and body of the next whole message, if there is one."""
        if len(self._received) < _HEAD.size:
            return None
        kind, length = _HEAD.unpack_from(self._received)
        if len(self._received) < 1 + length:
            return None
        # The length includes itself, but not the type before it.
        end = 1 + length
        body = self._received[_HEAD.size : end]
        self._received = self._received[end:]
        return kind, body

    def _take(self, kind: bytes, body: bytes) -> None:
        """Process one message of the answer."""
        if kind == _ROW:
            owner, is_trusted = _read_row(body)
            # No row means that there is no schema yet.
            self._has_owner = True
            if is_trusted != "t":
                self._cut(owner)
        elif kind == _ERROR:
            # asyncpg reports only a lost connection. Nothing ran.
            self._fail(_read_error(body))
            self._transport.abort()
        self._is_answered = kind == _COMPLETE or self._transport.is_closing()

    def _hand_on(self) -> None:
        """Return the connection to asyncpg, with the answer to its request."""
        if not self._has_owner and self._received.startswith(_PARSED):
            # The statement names tables that did not exist a moment ago.
            self._cut(None)
            return
        self._transport.set_protocol(self._protocol)
        if not self._has_owner:
            self._ask_next()
        # Empty before the call, which may lead back to `_send`.
        received, self._received = self._received, b""
        self._protocol.data_received(received)

    def _cut(self, owner: str | None) -> None:
        """Report the owner and close the connection at once."""
        # First note the reason: asyncpg reports only a lost connection.
        self._refuse(owner)
        self._transport.abort()

    def eof_received(self) -> bool | None:
        """Pass the end of the stream on to asyncpg."""
        return self._protocol.eof_received()  # type: ignore[no-any-return]  # asyncpg's

    def connection_lost(self, error: Exception | None) -> None:
        """Pass the loss of the connection on to asyncpg."""
        self._protocol.connection_lost(error)

    def pause_writing(self) -> None:
        """Pass a full buffer on to asyncpg."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Pass a free buffer on to asyncpg."""
        self._protocol.resume_writing()


def _ask(question: str) -> bytes:
    """Encode a question as Parse, Bind and Execute, all unnamed.

    There is no Sync: a pooler would take it for the end of the request.
    """
    # No parameters; every result column as text; no limit of rows.
    parse = b"\0" + question.encode() + b"\0" + struct.pack("!h", 0)
    bind = b"\0\0" + struct.pack("!hhh", 0, 0, 0)
    execute = b"\0" + struct.pack("!i", 0)
    return (
        _message(b"P", parse) + _message(b"B", bind) + _message(b"E", execute)
    )


def _message(kind: bytes, body: bytes) -> bytes:
    return _HEAD.pack(kind, len(body) + 4) + body


def _read_row(body: bytes) -> list[str]:
    """Decode the columns of a DataRow message as text."""
    columns = []
    # After the number of columns, two bytes.
    position = 2
    while position < len(body):
        (length,) = _LENGTH.unpack_from(body, position)
        position += _LENGTH.size
        # No column is NULL, whose length would be -1.
        text = body[position : position + length]
        columns.append(text.decode(errors="replace"))
        position += length
    return columns


def _read_error(body: bytes) -> dict[str, str]:
    """Decode the fields of an ErrorResponse message, by their letters."""
    fields = body.decode(errors="replace").split("\0")
    return {field[0]: field[1:] for field in fields if field}
