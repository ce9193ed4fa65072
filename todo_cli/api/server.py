"""`todo serve`: runs uvicorn until a signal comes."""

import asyncio
import gc
import logging
import resource
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

import uvicorn
from fastapi import FastAPI

from todo_cli.api.addresses import in_url
from todo_cli.api.app import create_app
from todo_cli.api.context import ServerContext
from todo_cli.api.exposure import Exposure
from todo_cli.api.log import Log, Write
from todo_cli.api.plan import Plan, Worker, listen, prepare
from todo_cli.api.protocol import Limits, Protocol, Shared
from todo_cli.api.room import Room
from todo_cli.config import Settings
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
    exposure: Exposure,
    *,
    variables: Mapping[str, str],
    now: Callable[[], datetime],
    write: Write,
    limits: Limits | None = None,
    worker: Worker | None = None,
) -> None:
    """Answer requests until this task is cancelled.

    Requests in flight then have 10 s to end. `write` writes to stderr, in
    another thread; it may block or fail. `worker` says what is shared, if this
    process is one of several.

    Raises:
        TodoError: as `prepare` does.
        IoFailed: the port cannot be listened on.
    """
    worker = worker or _alone(exposure, variables)
    plan = worker.plan
    limits = limits or usual_limits()
    log = Log(write)
    shared = Shared(log, limits, Room(most_unread=limits.unread))
    port = worker.listener.getsockname()[1]
    names = exposure.hosts(plan.address, port), exposure.names
    app = create_app(_context(settings, plan, shared, now, *names))
    server = _Server(_config(app, shared), shared, plan.tls)
    _relay_logs(log)
    _greet(log, worker, exposure, f"{in_url(plan.address)}:{port}")
    _collect_seldom()
    try:
        await _run(server, worker.listener)
    finally:
        await log.close()


def _alone(exposure: Exposure, variables: Mapping[str, str]) -> Worker:
    """Listen as the only process that serves."""
    plan = prepare(exposure, variables)
    return Worker(plan, listen(plan.address, exposure.port))


def _context(
    settings: Settings,
    plan: Plan,
    shared: Shared,
    now: Callable[[], datetime],
    hosts: frozenset[str],
    names: frozenset[str],
) -> ServerContext:
    """Join what the application runs with."""
    return ServerContext(
        target=settings.target,
        now=now,
        hosts=hosts,
        names=names,
        access=plan.access,
        log=shared.log,
        timeout_s=settings.timeout_s,
        pool_size=plan.pool_size,
        room=shared.room,
    )


def _greet(log: Log, worker: Worker, exposure: Exposure, place: str) -> None:
    """Write the first lines of the log."""
    if worker.note:
        log(worker.note)
    if not worker.is_first:
        return
    who = "every request needs a token; "
    if not exposure.auth:
        log(_WARNING)
        who = ""
    log(
        f"Listening on {exposure.scheme}://{place} "
        f"({who}contract: /docs; Ctrl-C ends it)"
    )


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


class _Server(uvicorn.Server):
    """uvicorn with limits of time, and without its signal handlers.

    Our handlers cancel the task instead.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        shared: Shared,
        tls: ssl.SSLContext | None,
    ) -> None:
        super().__init__(config)
        self._shared = shared
        self._tls = tls

    async def startup(
        self, sockets: list[socket.socket] | None = None
    ) -> None:
        """Begin to answer, with the certificate that was loaded before."""
        self.config.ssl = self._tls
        await super().startup(sockets)

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
