"""Fixtures of these tests: a place on either store."""

import pytest

from tests.conftest import Seal
from tests.faults.workspace import Workspace
from tests.support.forked import ForkServer
from tests.support.postgres import PostgresServer
from tests.support.stores import Store


@pytest.fixture
def workspace(
    store: Store,
    seal: Seal,
    fork_server: ForkServer,
    request: pytest.FixtureRequest,
) -> Workspace:
    """A place with an empty store, first on SQLite and then on PostgreSQL."""
    server = (
        request.getfixturevalue("postgres")
        if store.kind == "postgresql"
        else None
    )
    assert server is None or isinstance(server, PostgresServer)
    return Workspace(store, seal.home, seal.cwd, server, fork_server.launch)
