"""`todo serve`: one process, one port on loopback, until a signal ends it."""

import asyncio
import gc
import logging
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, BinaryIO, Final

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from todo_cli.api.app import create_app
from todo_cli.api.settings import ApiSettings, read_pool_size
from todo_cli.config import Settings
from todo_cli.errors import DatabaseBusy, InvalidInput, IoFailed, TodoError
from todo_cli.output import envelope
from todo_cli.output.text import visible

GRACE_S: Final = 10
"""How long requests in flight may take after a signal."""
MOST_CONNECTIONS: Final = 500
"""Above it a connection is told that the server is busy: a thousand slow readers must
not use up its memory.
"""
LONGEST_JOINED: Final = 64 * 1024
"""Bytes of a body that goes out in one write with its head; to copy a longer one costs
more than a second write.
"""

_WARNING: Final = (
    "warning: nobody has to prove who they are here: "
    "whoever reaches this port can read and change the tasks of every user"
)


async def serve(
    settings: Settings,
    *,
    host: str,
    port: int,
    variables: Mapping[str, str],
    now: Callable[[], datetime],
    stderr: BinaryIO,
) -> None:
    """Answer requests until this task is cancelled; requests in flight then have 10 s to end.

    Raises:
        InvalidInput: the host is not loopback.
        ConfigInvalid: `TODO_POOL_SIZE` cannot be used.
        IoFailed: the port cannot be listened on.
    """
    address = find_address(host)
    pool_size = read_pool_size(variables)
    listener = _listen(address, port)
    port = listener.getsockname()[1]

    def log(line: str) -> None:
        try:
            stderr.write(f"{line}\n".encode(errors="backslashreplace"))
        except OSError:
            return  # nobody reads it

    app = create_app(
        ApiSettings(
            target=settings.target,
            now=now,
            hosts=name_hosts(address, port),
            log=log,
            timeout_s=settings.timeout_s,
            pool_size=pool_size,
        )
    )
    _relay_logs(log)
    log(_WARNING)
    log(
        f"Listening on http://{_in_url(address)}:{port} (contract: /docs; Ctrl-C ends it)"
    )
    gc.enable()  # off in commands, which end before it pays
    await _run(_Server(_config(app)), listener)


def find_address(host: str) -> IPv4Address | IPv6Address:
    """The loopback address that a name or an address stands for.

    Raises:
        InvalidInput: it stands for none.
    """
    try:
        address = ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        raise InvalidInput(
            "host: must be a loopback address such as 127.0.0.1: nobody has to prove who they are here, so whoever "
            "reaches the port could read and change the tasks of every user",
            hint="leave --host out",
            details=[{"field": "host", "message": "must be a loopback address"}],
        )
    return address


def name_hosts(address: IPv4Address | IPv6Address, port: int) -> frozenset[str]:
    """What a request to this server may name as its `Host`."""
    names = {"127.0.0.1", "localhost", "[::1]", _in_url(address)}
    return frozenset(f"{name}:{port}" for name in names) | (
        names if port == 80 else frozenset()
    )


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the program's own loop has them, and ends this task."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


class _Connection(h11.Connection):
    """h11's, which keeps the head of an answer back until its body comes, so that both
    are one write.
    """

    _head = b""

    def send(self, event: h11.Event) -> bytes | None:  # type: ignore[override]  # h11 has an overload for each event
        """Return what is to be written now."""
        data = super().send(event)
        if isinstance(event, h11.Response) and _body_length(event) <= LONGEST_JOINED:
            self._head = data or b""
            return b""
        head, self._head = self._head, b""
        return head + data if head and data is not None else data


def _body_length(response: h11.Response) -> int:
    return int(dict(response.headers).get(b"content-length", b"0"))


class _Protocol(H11Protocol):
    """uvicorn's HTTP/1.1 with our envelope also where no application is asked."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.conn = _Connection(h11.SERVER)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Take a connection, or turn it away when there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            self._end(
                503,
                DatabaseBusy("Too many connections", hint="try again"),
                (("Retry-After", "1"),),
            )

    def send_400_response(self, msg: str) -> None:
        """Answer to what is not HTTP."""
        self._end(400, InvalidInput("The request is not valid HTTP"))

    def _should_upgrade(self) -> bool:
        """Answer a request that asks for another protocol as if it did not, without a
        word in the log.
        """
        return False

    def _end(
        self, status: int, error: TodoError, more: tuple[tuple[str, str], ...] = ()
    ) -> None:
        """Answer instead of the application, unless it has answered already, and close."""
        body = envelope.failure(error).encode()
        kind, length = (
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
        )
        cycle: RequestResponseCycle | None = (
            self.cycle
        )  # there is none before the first request
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = (
                True  # what the application says from now on goes nowhere
            )
            cycle.message_event.set()
            if cycle.scope["method"] == "HEAD":
                body = b""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            for event in (
                h11.Response(
                    status_code=status,
                    headers=[kind, length, ("Connection", "close"), *more],
                ),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def _config(app: object) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]  # an ASGI application
        http=_Protocol,
        ws="none",
        loop="none",
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
    )


async def _run(server: uvicorn.Server, listener: socket.socket) -> None:
    """Run until cancelled, then stop gracefully; cancelled once more, at once."""
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        server.should_exit = True
        await running
        raise


def _listen(address: IPv4Address | IPv6Address, port: int) -> socket.socket:
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        listener = socket.create_server((str(address), port), family=family)
        # Connections inherit it; asyncio sets it only on those whose protocol is named,
        # which create_server does not.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        return listener
    except OSError as error:
        reason = os.strerror(
            error.errno or 0
        ).lower()  # its own text repeats the address
        raise IoFailed(
            f"Cannot listen on port {port} of {address}: {reason}",
            hint="name another --port",
        ) from error


def _in_url(address: IPv4Address | IPv6Address) -> str:
    return f"[{address}]" if address.version == 6 else str(address)


def _relay_logs(log: Callable[[str], None]) -> None:
    """Have what libraries log come out as one safe line each, without the text of exceptions."""

    class Relay(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            log(visible(f"{record.levelname.lower()}: {record.getMessage()}"))

    root = logging.getLogger()
    root.handlers = [Relay(logging.WARNING)]
