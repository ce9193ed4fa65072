"""Tell a server on whose behalf a statement runs, without a round trip.

Row-level security can go by it: see `todo db policy --server`. The setting is
sent in one packet with the statement, before it. Nothing between them ends the
transaction that the server began with the first, so the setting is there for
the statement, and gone after it. A pooler keeps the two together.

The answer to the setting is taken away before asyncpg receives its own.

This depends on asyncpg 0.31 and 0.32 (`Connection._transport`,
`Connection._protocol`). Messages:
https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

import struct
from typing import Any, Final, NamedTuple

from todo_cli.database.startup import (
    LONGEST,
    Between,
    OddMessageError,
    message,
    next_message,
)

_EXTENDED: Final = (b"P", b"B")
"""How a request begins that may follow others: with Parse, or with Bind."""
_ANSWER: Final = b"12D"
"""Parsed, bound, and the row with the new value."""
_COMPLETE, _ERROR = b"C", b"E"


class Setting(NamedTuple):
    """A setting of the server's."""

    statement: str
    """Sets it for a transaction: $1 is the name, and $2 the value."""
    name: str
    value: str


class Behalf(Between):
    """Sends a setting before a request of asyncpg's, if one is given."""

    def __init__(self, connection: Any) -> None:
        super().__init__(connection._transport, connection._protocol)
        self._prefix: bytes | None = None
        self._others: Any = None
        """What stood in for `write` of the transport: the guard's, if any."""
        self._passed = b""

    def precede(self, setting: Setting) -> None:
        """Have the next request begin with this setting."""
        self.withdraw()
        self._prefix = _encode(setting)
        self._others = vars(self._transport).get("write")
        self._transport.write = self._send

    def withdraw(self) -> None:
        """Have it begin with nothing, if nothing was sent since."""
        if self._prefix is None:
            return
        self._prefix = None
        # Else the method of the class is visible again.
        del self._transport.write
        if self._others is not None:
            self._transport.write = self._others

    def _send(self, data: bytes) -> None:
        """Pass a request on, after the setting."""
        prefix, others = self._prefix or b"", self._others
        self.withdraw()
        request = bytes(data)
        if request[:1] not in _EXTENDED:
            # A script, which is a transaction of its own.
            self._transport.write(request)
            return
        if others is None:
            self._transport.write(prefix + request)
        else:
            # The guard puts its question between the two.
            del self._transport.write
            self._transport.write(prefix)
            self._transport.write = others
            self._transport.write(request)
        # The guard reads what comes next, or asyncpg.
        self._protocol = self._transport.get_protocol()
        self._received = self._passed = b""
        self._transport.set_protocol(self)

    def data_received(self, data: bytes) -> None:
        """Take the answer away, then pass on what follows it."""
        # A message may arrive in several pieces.
        self._received += data
        try:
            is_complete = self._take_answer()
        except OddMessageError:
            self._transport.abort()
            return
        if not is_complete:
            return
        self._transport.set_protocol(self._protocol)
        rest = self._passed + self._received
        self._received = self._passed = b""
        if rest:
            self._protocol.data_received(rest)

    def _take_answer(self) -> bool:
        """Take every message of the answer that is complete.

        Returns whether there is no more. Notices are passed on, and so is an
        error: the request has failed with it.
        """
        while (found := next_message(self._received, LONGEST)) is not None:
            kind, body, rest = found
            if kind == _ERROR:
                return True
            self._received = rest
            if kind == _COMPLETE:
                return True
            if kind not in _ANSWER:
                self._passed += message(kind, body)
        return False


def _encode(setting: Setting) -> bytes:
    """Encode it as Parse, Bind and Execute, all unnamed.

    There is no Sync: a pooler would take it for the end of the request.
    """
    # The server finds out that the values are texts.
    parse = b"\0" + setting.statement.encode() + b"\0" + struct.pack("!h", 0)
    bind = b"\0\0" + struct.pack("!hh", 0, 2)
    for text in (setting.name, setting.value):
        encoded = text.encode()
        bind += struct.pack("!i", len(encoded)) + encoded
    bind += struct.pack("!h", 0)
    execute = b"\0" + struct.pack("!i", 0)
    return message(b"P", parse) + message(b"B", bind) + message(b"E", execute)
