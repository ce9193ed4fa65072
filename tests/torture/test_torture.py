"""A slice of what `python -m tests.torture` does whole: every command in some of all
failures, and every failure with some of all commands.
"""

import gc
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres import PostgresCluster
from tests.support.size import size
from tests.support.turns import TurnProxy
from tests.torture.backends import Backend, FileBackend, ServerBackend
from tests.torture.commands import COMMANDS, Command
from tests.torture.grid import slice_of, torture

commands = pytest.mark.parametrize(
    "command", COMMANDS, ids=lambda command: command.name
)

STEP = size(6, 1)
"""A command meets one in so many failures."""

# A server that sends asyncpg away leaves its half of a connection to the collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def swept() -> Iterator[None]:
    """Let go of what these tests left behind while its warnings are still expected."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def file_backend(sealed_folders: Path) -> Iterator[FileBackend]:
    """A file under a driver that fails."""
    with tempfile.TemporaryDirectory(dir=sealed_folders) as folder:
        yield FileBackend(Path(folder))


@pytest.fixture(scope="module")
def server_backend(
    own_postgres: PostgresCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerBackend]:
    """A server behind a proxy that fails."""
    with TurnProxy(own_postgres.host, own_postgres.port) as proxy:
        backend = ServerBackend(
            own_postgres, proxy, tmp_path_factory.mktemp("backend")
        )
        yield backend
        backend.close()


def wrongs(backend: Backend, command: Command) -> list[str]:
    """What is wrong after a command's slice."""
    return [
        f"{case}: {wrong}"
        for case in slice_of(backend, command, step=STEP)
        for wrong in torture(backend, case)[1]
    ]


@pytest.mark.spec("002/FR-049")
@commands
def test_no_failing_call_to_a_file_does_harm(
    file_backend: FileBackend, command: Command
) -> None:
    assert wrongs(file_backend, command) == []


@pytest.mark.spec("002/FR-049")
@commands
def test_no_failing_call_to_a_server_does_harm(
    server_backend: ServerBackend, command: Command
) -> None:
    assert wrongs(server_backend, command) == []
