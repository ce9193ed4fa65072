"""Databases on a PostgreSQL server of a test's own, and a line to it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.postgres import PostgresCluster
from tests.support.turns import TurnProxy
from todo_cli.database.engine import Database, open_database
from todo_cli.database.url import parse_url


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    """A database by its URL."""
    async with open_database(parse_url(url, cwd=Path("/"))) as database:
        yield database


@pytest.fixture
def place(own_postgres: PostgresCluster) -> Iterator[str]:
    """The name of a database of this test alone, on a server that is ours."""
    name = own_postgres.create_database()
    yield name
    own_postgres.drop_database(name)


@pytest.fixture
def line(own_postgres: PostgresCluster) -> Iterator[TurnProxy]:
    """A line to the server that can be cut."""
    with TurnProxy(own_postgres.host, own_postgres.port) as proxy:
        yield proxy
