"""Check what a server sends before asyncpg reads it, until the log-in is done.

Any program may listen on the port, and asyncpg trusts what it receives: at a
message with a negative length it loops for ever, and no timeout or signal
ends that. A server that does not know our encoding yet may send its error in
Latin-1, which hides the error.

This depends on asyncpg 0.31 and 0.32, which ask the event loop that they are
given for a connection. Messages:
https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

import asyncio
import math
import socket
import struct
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any, Final

from asyncpg.protocol import Protocol

from todo_cli.database.addresses import connect_first, resolve

_HEAD: Final = struct.Struct("!cI")
_LONGEST: Final = 100_000
"""No message of a log-in comes near it; text of another protocol exceeds it."""
_AUTHENTICATION: Final = b"R"
_READY: Final = b"Z"
_PARAMETER: Final = b"S"
_WITH_FIELDS: Final = b"EN"
"""Errors and notices."""
_EXPECTED: Final = b"KvA" + b"".join(
    (_AUTHENTICATION, _READY, _PARAMETER, _WITH_FIELDS)
)
_CODE: Final = struct.Struct("!I")
_SASL, _SASL_CONTINUE, _SASL_FINAL = 10, 11, 12
"""Codes of authentication; the first begins SCRAM, the last ends it."""


LONGEST: Final = 2**30
"""No message of PostgreSQL is longer."""


class OddMessageError(Exception):
    """A message that no PostgreSQL server sends."""


def message(kind: bytes, body: bytes) -> bytes:
    """Encode a message."""
    return _HEAD.pack(kind, len(body) + 4) + body


def next_message(
    received: bytes, longest: int
) -> tuple[bytes, bytes, bytes] | None:
    """Return type and body of the first message, and what follows it.

    None means that the message is not complete yet.

    Raises:
        OddMessageError: the length is impossible, or above `longest`.
    """
    if len(received) < _HEAD.size:
        return None
    kind, length = _HEAD.unpack_from(received)
    # The length includes itself, but not the type before it.
    if not 4 <= length <= longest:
        raise OddMessageError
    end = 1 + length
    if len(received) < end:
        return None
    return kind, received[_HEAD.size : end], received[end:]


class Between(asyncio.Protocol):
    """Stands between a transport and asyncpg's protocol."""

    def __init__(self, transport: Any, protocol: Any) -> None:
        self._transport = transport
        self._protocol = protocol
        self._received = b""

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


class Startup(Between):
    """Passes the messages of a log-in on to asyncpg, if they are in order.

    After the last one it takes itself away. `hear` is called when something
    comes, and `refuse` before the connection is cut because of a message.
    """

    def __init__(
        self,
        transport: Any,
        protocol: Any,
        refuse: Callable[[], object],
        hear: Callable[[], object],
    ) -> None:
        super().__init__(transport, protocol)
        self._refuse = refuse
        self._hear = hear
        self._is_ready = False
        self._has_scram = False

    @property
    def protocol(self) -> Any:
        """asyncpg's protocol."""
        return self._protocol

    def connection_made(self, transport: Any) -> None:
        """Pass the connection on to asyncpg."""
        self._transport = transport
        self._protocol.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Pass on every message that is complete."""
        self._hear()
        self._received += data
        try:
            checked = self._checked()
        except OddMessageError:
            self._refuse()
            self._transport.abort()
            return
        if self._is_ready:
            # From here on the server is one, and its answers are large.
            self._transport.set_protocol(self._protocol)
            checked += self._received
        if checked:
            self._protocol.data_received(checked)

    def _checked(self) -> bytes:
        """Take the complete messages up to the last one of the log-in."""
        checked = b""
        while not self._is_ready:
            found = next_message(self._received, _LONGEST)
            if found is None:
                break
            kind, body, self._received = found
            checked += message(kind, self._in_order(kind, body))
            self._is_ready = kind == _READY
        return checked

    def _in_order(self, kind: bytes, body: bytes) -> bytes:
        """Return the body of a message as asyncpg can read it.

        Raises:
            OddMessageError: no server sends this while a client logs in.
        """
        if kind not in _EXPECTED:
            raise OddMessageError
        if kind == _AUTHENTICATION:
            self._follow_scram(body)
        if kind in _WITH_FIELDS:
            return _repaired(body)
        if kind == _PARAMETER:
            # A name and a value, each with a zero byte at its end.
            if body.count(b"\0") != 2:
                raise OddMessageError
            return body.decode(errors="replace").encode()
        return body

    def _follow_scram(self, body: bytes) -> None:
        """Refuse a step of SCRAM that was not begun: asyncpg would crash."""
        if len(body) < _CODE.size:
            raise OddMessageError
        (code,) = _CODE.unpack_from(body)
        is_step = code in (_SASL_CONTINUE, _SASL_FINAL)
        if is_step and not self._has_scram:
            raise OddMessageError
        self._has_scram = code in (_SASL, _SASL_CONTINUE)


def _repaired(body: bytes) -> bytes:
    """Make the fields of an error UTF-8, each with a zero byte at its end."""
    fields = body.decode(errors="replace").split("\0")
    ended = [f"{field}\0" for field in fields if field]
    return f"{''.join(ended)}\0".encode()


class Line:
    """The event loop as asyncpg sees it while it connects.

    It leaves out the addresses in `silent`. Connecting may take until
    `give_up`, a time of the loop.
    """

    def __init__(
        self, give_up: float = math.inf, silent: Collection[Any] = ()
    ) -> None:
        self.is_odd = False
        """Whether the server sent what no PostgreSQL server sends."""
        self.address: Any = None
        """What we are connected to."""
        self.limit: asyncio.Timeout | None = None
        """The time limit while we connect; None afterwards."""
        self.is_hurried = False
        """Whether the address has not answered, and another one could."""
        self._give_up = give_up
        self._silent = silent
        self._loop: Any = asyncio.get_running_loop()
        self._transport: Any = None

    def __getattr__(self, name: str) -> Any:
        """Everything else is the loop's.

        asyncpg keeps us, and asks at each statement. What was found is kept,
        so that Python finds it without this method from then on.
        """
        found = getattr(self._loop, name)
        setattr(self, name, found)
        return found

    async def create_connection(
        self, make: Callable[[], Any], host: str, port: int, **options: Any
    ) -> tuple[Any, Any]:
        """Connect to the first address of a host that answers."""
        if "ssl" in options:
            # Whom the certificate must name.
            options["server_hostname"] = host
        connected = await self._loop.create_connection(
            self._watched(make),
            sock=await self._connected(host, port),
            **options,
        )
        if "ssl" in options:
            self._hear()
        return self._unwrapped(*connected)

    async def create_unix_connection(
        self, make: Callable[[], Any], path: str
    ) -> tuple[Any, Any]:
        """Connect to a Unix socket."""
        connected = await self._loop.create_unix_connection(
            self._watched(make), path
        )
        return self._unwrapped(*connected)

    async def start_tls(self, *arguments: Any, **options: Any) -> Any:
        """Start TLS, and watch the protocol that asyncpg will set."""
        transport = await self._loop.start_tls(*arguments, **options)
        self._transport = transport
        self._hear()

        def set_protocol(protocol: Any) -> None:
            # The class's method is visible again.
            del transport.set_protocol
            transport.set_protocol(self._between(transport, protocol))

        transport.set_protocol = set_protocol
        return transport

    def abort(self) -> None:
        """Cut the connection; asyncpg does not after every error."""
        if self._transport is None:
            return
        # Before 3.11.5, Python's TLS transport fails if asyncpg closed it.
        with suppress(AttributeError):
            self._transport.abort()

    async def _connected(self, host: str, port: int) -> socket.socket:
        """Connect to the first address of a host that answers.

        It may be the address of a machine that hangs: then its kernel answers,
        and no server does. So it has half of the time if there is another.
        """
        found = await resolve(host, port)
        left = [each for each in found if each[-1] not in self._silent]
        client = await connect_first(left or found)
        if self.limit is not None and len(left) > 1:
            with suppress(OSError):
                self.address = client.getpeername()
            self.is_hurried = True
            self.limit.reschedule((self._loop.time() + self._give_up) / 2)
        return client

    def _hear(self) -> None:
        """Give an address that has answered all of the time.

        A database that wakes up may take long to let us in.
        """
        limit = self.limit
        if self.is_hurried and limit is not None and not limit.expired():
            limit.reschedule(self._give_up)
            self.is_hurried = False

    def _watched(self, make: Callable[[], Any]) -> Callable[[], Any]:
        """Have the loop make a protocol that we watch."""

        def watched() -> Any:
            return self._between(None, make())

        return watched

    def _between(self, transport: Any, protocol: Any) -> Any:
        """Watch asyncpg's protocol; its small ones end after one answer."""
        if isinstance(protocol, Protocol):
            return Startup(transport, protocol, self._note, self._hear)
        return protocol

    def _unwrapped(self, transport: Any, protocol: Any) -> tuple[Any, Any]:
        """Return the transport, and asyncpg's own protocol."""
        self._transport = transport
        return transport, getattr(protocol, "protocol", protocol)

    def _note(self) -> None:
        """Note that the server is none: asyncpg sees only a lost connection."""
        self.is_odd = True
