"""Fixtures of these tests: a place on either store, and the program forked instead of started."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Seal
from tests.faults.ground import Ground
from tests.support.forked import Forked, ForkServer
from tests.support.postgres import PostgresServer
from tests.support.program import Surroundings
from tests.support.stores import Store


@pytest.fixture(scope="module")
def fork_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    """A process that has loaded everything, to fork the program from."""
    folder: Path = tmp_path_factory.mktemp("loaded")
    with ForkServer(Surroundings(folder, folder, None)) as server:
        yield server


@pytest.fixture
def ground(store: Store, seal: Seal, request: pytest.FixtureRequest) -> Ground:
    """A place with an empty store, first on SQLite and then on PostgreSQL."""
    server = request.getfixturevalue("postgres") if store.kind == "postgresql" else None
    assert server is None or isinstance(server, PostgresServer)
    return Ground(store, seal.home, seal.cwd, server)


@pytest.fixture
def forked(ground: Ground, fork_server: ForkServer) -> Forked:
    """The program on the store, as a forked process."""
    return Forked(ground.surroundings, fork_server)
