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

import struct
from collections.abc import Callable
from typing import Any, Final

from todo_cli.database.startup import (
    LONGEST,
    Between,
    OddMessageError,
    message,
    next_message,
)

_LENGTH: Final = struct.Struct("!i")
_OURS: Final = b"todo."
"""In every statement over one of our tables.

A request without it needs no question.
"""
_MARK: Final = "/* whose schema is it? */ "
"""Starts the question, so that it can be recognized in a network trace."""
_PARSED, _ROW, _COMPLETE, _ERROR = b"1", b"D", b"C", b"E"


class Guard(Between):
    """Replaces asyncpg's protocol on a connection until owners are known.

    `question` returns a row for each owner: the name, whether we trust it, and
    whether a policy can limit a role to one user, which the connection keeps.
    `refuse` is called with the name of an owner that is not trusted. It is
    called with None if a schema appeared after the question. `fail` is called
    with the fields of an error that comes instead of an answer; there are none
    if the answer cannot be read. What follows the answer goes to `protocol`,
    which is asyncpg's unless another one is given.
    """

    def __init__(
        self,
        connection: Any,
        question: str,
        refuse: Callable[[str | None], object],
        fail: Callable[[dict[str, str]], object],
        protocol: Any = None,
    ) -> None:
        protocol = protocol or connection._protocol
        super().__init__(connection._transport, protocol)
        self._connection = connection
        self._refuse = refuse
        self._fail = fail
        self._question = _ask(f"{_MARK}{question}")
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
        try:
            self._read_answer()
        except (OddMessageError, struct.error, ValueError):
            self._fail({})
            self._transport.abort()
            return
        if not self._is_answered:
            return
        if self._received and not self._transport.is_closing():
            self._hand_on()

    def _read_answer(self) -> None:
        """Process every message of the answer that is complete."""
        while not self._is_answered:
            found = next_message(self._received, LONGEST)
            if found is None:
                return
            kind, body, self._received = found
            self._take(kind, body)

    def _take(self, kind: bytes, body: bytes) -> None:
        """Process one message of the answer."""
        if kind == _ROW:
            owner, is_trusted, has_walls = _read_row(body)
            self._connection.has_walls = has_walls == "t"
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


def _ask(question: str) -> bytes:
    """Encode a question as Parse, Bind and Execute, all unnamed.

    There is no Sync: a pooler would take it for the end of the request.
    """
    # No parameters; every result column as text; no limit of rows.
    parse = b"\0" + question.encode() + b"\0" + struct.pack("!h", 0)
    bind = b"\0\0" + struct.pack("!hhh", 0, 0, 0)
    execute = b"\0" + struct.pack("!i", 0)
    return message(b"P", parse) + message(b"B", bind) + message(b"E", execute)


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
