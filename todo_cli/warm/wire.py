"""Messages between client, worker and parent: fields of bytes, and lengths.

Imports nothing: the client has no time for it.
"""

# Importing typing would take longer than sending a message.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LONGEST = 16 << 20
"""The most bytes of a message. Linux limits arguments to about 6 MiB."""

HELLO = b"hello"
COLD = b"cold"
READY = b"ready"
GO = b"go"
BEGUN = b"begun"
END = b"end"
RUN = b"run"
STATE = b"state"
STORE = b"store"
DIAL = b"dial"
LINE = b"line"
ASK = b"ask"
IDLE = b"idle"
PAGE = b"page"
PAGED = b"paged"
"""The first field of each message says which it is."""
FINAL = b"final"
"""The last field of END, if no signal may hide the status."""

_LENGTH = 4


class Broken(Exception):
    """What came is no message, or ended in the middle of one."""


def pack(*fields: bytes) -> bytes:
    """Make a message: its length, then the length and bytes of each field."""
    parts = []
    for field in fields:
        parts.append(len(field).to_bytes(_LENGTH, "big"))
        parts.append(field)
    body = b"".join(parts)
    return len(body).to_bytes(_LENGTH, "big") + body


def receive(read: "Callable[[int], bytes]") -> "list[bytes] | None":
    """Read one message by `read`, which returns at most so many bytes.

    Returns None if the other side has closed the connection before it.

    Raises:
        Broken: it is longer than LONGEST, malformed, or ends early.
        OSError: `read` raised it.
    """
    head = read(_LENGTH)
    if not head:
        return None
    head += _all_of(read, _LENGTH - len(head))
    return take(head, read)


def take(head: bytes, read: "Callable[[int], bytes]") -> "list[bytes]":
    """Read the rest of a message whose length has been read.

    Raises:
        Broken: it is longer than LONGEST, malformed, or ends early.
        OSError: `read` raised it.
    """
    length = int.from_bytes(head, "big")
    if length > LONGEST:
        raise Broken
    return _fields(_all_of(read, length))


def complete(received: bytes) -> "tuple[list[list[bytes]], bytes]":
    """Split what was received into messages, and the rest that is to come.

    Raises:
        Broken: a message is malformed.
    """
    messages = []
    while len(received) >= _LENGTH:
        end = _LENGTH + int.from_bytes(received[:_LENGTH], "big")
        if len(received) < end:
            break
        messages.append(_fields(received[_LENGTH:end]))
        received = received[end:]
    return messages, received


def _all_of(read: "Callable[[int], bytes]", length: int) -> bytes:
    """Read exactly `length` bytes."""
    parts = []
    while length:
        part = read(length)
        if not part:
            raise Broken
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def _fields(body: bytes) -> "list[bytes]":
    """Split the body of a message into its fields."""
    fields = []
    at = 0
    while at < len(body):
        begin = at + _LENGTH
        at = begin + int.from_bytes(body[at:begin], "big")
        if at > len(body):
            raise Broken
        fields.append(body[begin:at])
    if not fields:
        raise Broken
    return fields


def join(texts: "Sequence[bytes]") -> bytes:
    """Join texts without NUL, such as arguments, into one field."""
    return b"".join([text + b"\0" for text in texts])


def split(field: bytes) -> "list[bytes]":
    """Split a field that `join` has made."""
    return field.split(b"\0")[:-1]
