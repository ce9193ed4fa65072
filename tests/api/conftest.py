"""The application over a real store: in this process by ASGI, or as `todo serve`."""

import asyncio
import gc
import io
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import httpx
import pytest

from tests.api.served import LISTENING, Served, serving
from tests.api.support import Log, context_for, opened
from tests.conftest import Seal
from tests.support.forked import ForkServer
from tests.support.program import Process, Surroundings
from tests.support.stores import Clock, Store
from todo_cli.api import server
from todo_cli.api.exposure import Exposure
from todo_cli.api.protocol import Limits
from todo_cli.config import Settings


@pytest.fixture
def log() -> Log:
    """What the application logs, line by line."""
    return Log()


@pytest.fixture
async def client(
    store: Store, clock: Clock, log: Log
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application, first on SQLite and then on PostgreSQL."""
    async with opened(context_for(store.target, clock, log)) as client:
        yield client


@pytest.fixture
async def other_client(
    client: httpx.AsyncClient, store: Store, clock: Clock, log: Log
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of another server on the same store."""
    async with opened(context_for(store.target, clock, log)) as other:
        yield other


@pytest.fixture
async def client_embedded(
    sqlite_store: Store, clock: Clock, log: Log
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application on SQLite alone, for what is decided above the store."""
    async with opened(context_for(sqlite_store.target, clock, log)) as client:
        yield client


@pytest.fixture
def sqlite_process(
    sqlite_store: Store, seal: Seal, fork_server: ForkServer
) -> Process:
    """The program on SQLite alone."""
    return Process(
        Surroundings(seal.home, seal.cwd, sqlite_store.url), fork_server.launch
    )


@pytest.fixture
def light(sqlite_process: Process) -> Iterator[Served]:
    """A server on SQLite alone, for what has nothing to do with the store."""
    with serving(sqlite_process) as served:
        yield served


@pytest.fixture
def kept() -> Iterator[None]:
    """Give logging and the collector back as they were."""
    root = logging.getLogger()
    handlers = list(root.handlers)
    threshold = gc.get_threshold()
    yield
    root.handlers = handlers
    gc.set_threshold(*threshold)
    gc.enable()


@pytest.fixture
def choices(sqlite_store: Store) -> Settings:
    """The settings of a call on the store."""
    return Settings(
        "ada",
        "--user",
        sqlite_store.target,
        "TODO_DATABASE_URL",
        15.0,
        None,
        None,
    )


@pytest.fixture
def limits() -> Limits:
    """How much a client may take of the server."""
    return Limits()


@pytest.fixture
def stderr() -> io.BytesIO:
    """What the server writes to stderr."""
    return io.BytesIO()


@pytest.fixture
async def served(
    kept: None,
    choices: Settings,
    clock: Clock,
    stderr: io.BytesIO,
    limits: Limits,
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server, over TCP."""
    gc.disable()
    serving = asyncio.create_task(
        server.serve(
            choices,
            Exposure("localhost", port=0),
            variables={},
            now=clock,
            write=stderr.write,
            limits=limits,
        )
    )
    while (match := LISTENING.search(stderr.getvalue().decode())) is None:
        assert not serving.done(), stderr.getvalue()
        await asyncio.sleep(0.01)
    async with httpx.AsyncClient(
        base_url=f"http://{match[1]}:{match[2]}", timeout=30, verify=False
    ) as client:
        yield client
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving
