"""As much of PostgreSQL's wire protocol as a proxy has to read."""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

PROTOCOL_3: Final = 196608
CANCEL_REQUEST: Final = 80877102
SSL_REQUEST: Final = 80877103
GSS_REQUEST: Final = 80877104
TLS_CLIENT_HELLO: Final = b"\x16"

STARTUP: Final = b""
PASSWORD: Final = b"p"
QUERY: Final = b"Q"
PARSE: Final = b"P"
EXECUTE: Final = b"E"
FLUSH: Final = b"H"
TERMINATE: Final = b"X"
READY: Final = b"Z"
ERROR: Final = b"E"
AUTHENTICATION: Final = b"R"
AUTHENTICATION_OK: Final = struct.pack("!I", 0)

# Messages after which a client waits: Query, Sync, Flush, FunctionCall, CopyDone,
# CopyFail, all of the log-in.
_ASKING: Final = frozenset(
    (QUERY, b"S", FLUSH, b"F", b"c", b"f", PASSWORD, STARTUP)
)


@dataclass(frozen=True, slots=True)
class Message:
    """One message; those that open a connection have no kind."""

    kind: bytes
    body: bytes

    @property
    def code(self) -> int:
        """What a message without a kind is: PROTOCOL_3, SSL_REQUEST, GSS_REQUEST or
        CANCEL_REQUEST.
        """
        (code,) = struct.unpack_from("!I", self.body)
        return int(code)

    @property
    def asks(self) -> bool:
        """Whether the client waits for an answer to it."""
        return self.kind in _ASKING

    def encode(self) -> bytes:
        """The message as it travels."""
        return self.kind + struct.pack("!I", len(self.body) + 4) + self.body


class Framer:
    """Cuts a stream of bytes into messages."""

    def __init__(self, *, opening: bool) -> None:
        self._opening = opening
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Message]:
        """Take in bytes and give every message that is complete; the first of a
        client's have no kind.
        """
        rest = self._rest + data
        start = 0
        while True:
            kind_length = 0 if self._opening else 1
            header_end = start + kind_length + 4
            if len(rest) < header_end:
                break
            (length,) = struct.unpack_from("!I", rest, start + kind_length)
            end = start + kind_length + length
            if len(rest) < end:
                break
            message = Message(
                rest[start : start + kind_length], rest[header_end:end]
            )
            start = end
            if self._opening and message.code == PROTOCOL_3:
                self._opening = False
            yield message
        self._rest = rest[start:]


def startup_message(parameters: Mapping[str, str]) -> Message:
    """The message that opens a session."""
    words = b"".join(
        f"{name}\0{value}\0".encode() for name, value in parameters.items()
    )
    return Message(STARTUP, struct.pack("!I", PROTOCOL_3) + words + b"\0")


def startup_parameters(message: Message) -> dict[str, str]:
    """The parameters of the message that opens a session."""
    words = message.body[4:].decode().split("\0")
    return {
        name: value
        for name, value in zip(words[::2], words[1::2], strict=False)
        if name
    }


def error_message(severity: str, sqlstate: str, text: str) -> Message:
    """An ErrorResponse."""
    return Message(ERROR, f"S{severity}\0C{sqlstate}\0M{text}\0\0".encode())


def raising(sqlstate: str) -> Message:
    """A Query that the server answers with an error."""
    raises = f"RAISE EXCEPTION USING ERRCODE = '{sqlstate}', MESSAGE = 'as a test asked'"
    return Message(QUERY, f"DO $$ BEGIN {raises}; END $$\0".encode())


def error_text(message: Message) -> str:
    """The text of an ErrorResponse."""
    return next(
        (
            field[1:].decode()
            for field in message.body.split(b"\0")
            if field[:1] == b"M"
        ),
        "",
    )
