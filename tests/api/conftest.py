"""The application over a real store: in this process by ASGI, or as `todo serve`."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.api.served import Served, serving
from tests.api.support import Log, context_for, opened
from tests.conftest import Seal
from tests.support.forked import ForkServer
from tests.support.program import Process, Surroundings
from tests.support.stores import Clock, Store


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
