"""The application over a real store, asked through ASGI."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.api.support import HOST, Log, context_for, opened
from tests.support.stores import Clock, Store
from todo_cli.api.context import ServerContext


@pytest.fixture
def log() -> Log:
    """What the application logs, line by line."""
    return Log()


@pytest.fixture
def context(store: Store, clock: Clock, log: Log) -> ServerContext:
    """The context for the store."""
    return context_for(store.target, clock, log)


@pytest.fixture
async def client(context: ServerContext) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application on the store."""
    async with opened(context) as client:
        yield client


@pytest.fixture
async def postgres_client(
    postgres_store: Store, clock: Clock, log: Log
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application on PostgreSQL alone."""
    async with opened(context_for(postgres_store.target, clock, log)) as client:
        assert client.base_url.netloc.decode() == HOST
        yield client
