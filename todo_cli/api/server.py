"""`todo serve`: one process that listens on loopback until a signal ends
it.
"""

import asyncio
import gc
import logging
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import BinaryIO, Final

import uvicorn
from fastapi import FastAPI

from todo_cli.api.app import create_app
from todo_cli.api.context import ServerContext, read_pool_size
from todo_cli.api.protocol import Protocol
from todo_cli.config import Settings
from todo_cli.errors import InvalidInput, IoFailed
from todo_cli.output.text import visible

GRACE_S: Final = 10
"""How long requests in flight may take after a signal."""
MOST_CONNECTIONS: Final = 500
"""More are refused: a thousand slow clients must not use up the memory."""

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
    most_connections: int = MOST_CONNECTIONS,
) -> None:
    """Answer requests until this task is cancelled; requests in flight then
    have 10 s.

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
            return  # nobody reads stderr

    app = create_app(
        ServerContext(
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
    gc.enable()  # commands switch it off: they end before it pays
    await _run(_Server(_config(app, most_connections)), listener)


def find_address(host: str) -> IPv4Address | IPv6Address:
    """Read `--host` as a loopback address.

    Raises:
        InvalidInput: it is none.
    """
    try:
        address = ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        raise InvalidInput(
            "host: must be a loopback address such as 127.0.0.1: nobody has to prove who "
            "they are here, so whoever reaches the port could read and change the tasks "
            "of every user",
            hint="leave --host out",
            details=[
                {"field": "host", "message": "must be a loopback address"}
            ],
        )
    return address


def name_hosts(
    address: IPv4Address | IPv6Address, port: int
) -> frozenset[str]:
    """List the values of `Host` that mean this server."""
    names = {"127.0.0.1", "localhost", "[::1]", _in_url(address)}
    hosts = {f"{name}:{port}" for name in names}
    if port == 80:
        hosts |= names
    return frozenset(hosts)


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: those of the command line cancel
    this task.
    """

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle no signal."""
        yield


def _config(app: FastAPI, most_connections: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=partial(Protocol, most_connections),  # type: ignore[arg-type]  # makes one
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
    """Run until cancelled, then stop gracefully; cancelled once more, at
    once.
    """
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
        # Connections inherit it. asyncio would set it if create_server named a
        # protocol.
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
    """Log each record of a library as one safe line, without the text of
    exceptions.
    """

    class Relay(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            log(visible(f"{record.levelname.lower()}: {record.getMessage()}"))

    root = logging.getLogger()
    root.handlers = [Relay(logging.WARNING)]
