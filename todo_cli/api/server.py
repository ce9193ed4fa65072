"""`todo serve`: runs uvicorn on a loopback address until a signal comes."""

import asyncio
import gc
import logging
import os
import resource
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

import uvicorn
from fastapi import FastAPI

from todo_cli.api.app import create_app
from todo_cli.api.context import ServerContext, read_pool_size
from todo_cli.api.log import Log, Write
from todo_cli.api.protocol import Limits, Protocol, Shared
from todo_cli.api.room import Room
from todo_cli.config import Settings
from todo_cli.errors import InvalidInput, IoFailed
from todo_cli.output.text import visible

GRACE_S: Final = 10
"""How long requests in flight may take after a signal."""
CUT_S: Final = 0.5
"""How long they may take to answer that they were cut off."""
AT_ONCE: Final = 2048
"""How many connections uvicorn may accept before it comes to drop one."""
SEARCH_AFTER: Final = 3_000
"""How many new objects there are before Python searches for garbage."""
OTHER_FILES: Final = 50
"""How many open files are kept for the store and the rest of the program."""

_WARNING: Final = (
    "warning: there is no authentication: "
    "anyone who reaches this port can read and change the tasks of every user"
)


async def serve(
    settings: Settings,
    *,
    host: str,
    port: int,
    variables: Mapping[str, str],
    now: Callable[[], datetime],
    write: Write,
    limits: Limits | None = None,
) -> None:
    """Answer requests until this task is cancelled.

    Requests in flight then have 10 s to end. `write` writes to stderr, in
    another thread; it may block or fail.

    Raises:
        InvalidInput: the host is not loopback.
        ConfigInvalid: `TODO_POOL_SIZE` cannot be used.
        IoFailed: the port cannot be listened on.
    """
    address = find_address(host)
    pool_size = read_pool_size(variables)
    listener = _listen(address, port)
    port = listener.getsockname()[1]
    limits = limits or usual_limits()
    log = Log(write)
    room = Room(most_unread=limits.unread)
    app = create_app(
        ServerContext(
            target=settings.target,
            now=now,
            hosts=name_hosts(address, port),
            log=log,
            timeout_s=settings.timeout_s,
            pool_size=pool_size,
            room=room,
        )
    )
    _relay_logs(log)
    log(_WARNING)
    log(
        f"Listening on http://{_in_url(address)}:{port} (contract: /docs; Ctrl-C ends it)"
    )
    _collect_seldom()
    shared = Shared(log, limits, room)
    try:
        await _run(_Server(_config(app, shared), shared), listener)
    finally:
        await log.close()


def _collect_seldom() -> None:
    """Have Python search for garbage, but seldom, and only in what is new.

    `__main__` turns the search off, which suits only short commands. With
    Python's own settings it would take 7 % of the time of a request: it comes
    after every few requests, and again and again goes through what was loaded
    at the start and is never garbage.
    """
    gc.enable()
    gc.freeze()
    gc.set_threshold(SEARCH_AFTER)


def find_address(host: str) -> IPv4Address | IPv6Address:
    """Read `--host` as a loopback address.

    Raises:
        InvalidInput: it is not one.
    """
    if host == "localhost":
        host = "127.0.0.1"
    try:
        address = ip_address(host)
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        raise InvalidInput(
            "host: must be a loopback address such as 127.0.0.1: there is no "
            "authentication, so anyone who reached the port could read and change the tasks "
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
    """uvicorn with limits of time, and without its signal handlers.

    Our handlers cancel the task instead.
    """

    def __init__(self, config: uvicorn.Config, shared: Shared) -> None:
        super().__init__(config)
        self._shared = shared

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the handlers as they are."""
        yield

    async def on_tick(self, counter: int) -> bool:
        """Drop clients that are too slow; uvicorn calls this all the time."""
        now = asyncio.get_running_loop().time()
        for connection in tuple(self._shared.connections):
            connection.check(now)
        return await super().on_tick(counter)

    async def abandon(self) -> None:
        """Cut requests off; each has a moment to answer that it was."""
        # uvicorn would log how its parts end.
        logging.getLogger().handlers = [logging.NullHandler()]
        requests = self.server_state.tasks
        for request in requests:
            request.cancel()
        if requests:
            await asyncio.wait(requests, timeout=CUT_S)


def usual_limits() -> Limits:
    """Allow fewer connections where the system allows few open files.

    Otherwise there would be none left for the store, and `accept` would fail
    again and again.
    """
    limits = Limits()
    files = _raise_files(limits.connections + AT_ONCE + OTHER_FILES)
    left = max(1, files - OTHER_FILES)
    return replace(limits, connections=min(left, limits.connections))


def _raise_files(wanted: int) -> int:
    """Have the system allow so many open files, or as many as it can.

    Returns how many it allows, or `wanted` if that is more.
    """
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    # No limit is -1, so it must not be compared.
    if files == resource.RLIM_INFINITY or files >= wanted:
        return wanted
    if most != resource.RLIM_INFINITY:
        wanted = min(wanted, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    return wanted


def _config(app: FastAPI, shared: Shared) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=partial(Protocol, shared),  # type: ignore[arg-type]  # makes one
        ws="none",
        loop="none",
        lifespan="on",
        log_config=None,
        log_level="error",  # its warnings are about what clients send
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
    )


async def _run(server: _Server, listener: socket.socket) -> None:
    """Run until cancelled, then stop gracefully.

    A second cancellation stops the server at once.
    """
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        # Shielded, so that the first cancellation does not reach uvicorn.
        await asyncio.shield(running)
    except asyncio.CancelledError:
        server.should_exit = True
        try:
            await running
        except asyncio.CancelledError:
            await server.abandon()
        raise


def _listen(address: IPv4Address | IPv6Address, port: int) -> socket.socket:
    """Listen on a port, before uvicorn starts, to report why it fails.

    Raises:
        IoFailed: the port is in use, or not allowed.
    """
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        listener = socket.create_server((str(address), port), family=family)
        # Send small answers at once; connections inherit this option. asyncio
        # sets it only on sockets of an explicit protocol, unlike ours.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        return listener
    except OSError as error:
        # The error's own text repeats the address.
        reason = os.strerror(error.errno or 0).lower()
        raise IoFailed(
            f"Cannot listen on port {port} of {address}: {reason}",
            hint="name another --port",
        ) from error


def _in_url(address: IPv4Address | IPv6Address) -> str:
    """Write an address as a URL does, with brackets for IPv6."""
    if address.version == 6:
        return f"[{address}]"
    return str(address)


def _relay_logs(log: Callable[[str], None]) -> None:
    """Log each record of a library as one line.

    The text of exceptions is left out, because it could contain a secret.
    """

    class Relay(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            _, error, _ = record.exc_info or (None, None, None)
            if isinstance(error, asyncio.CancelledError):
                # uvicorn has cut a request off, which has its own line.
                return
            level = record.levelname.lower()
            line = f"{level}: {record.getMessage()}"
            log(visible(line))

    root = logging.getLogger()
    root.handlers = [Relay(logging.WARNING)]
