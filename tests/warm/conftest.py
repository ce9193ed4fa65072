"""A parent for each module of these tests."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.forked import ForkServer
from tests.support.machine import needs_of
from tests.support.program import (
    Process,
    PtyProcess,
    Surroundings,
    python_path,
)
from tests.support.stores import Store
from tests.support.warm import Warm

NewWarm = Callable[..., Warm]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Processes are looked for in /proc."""
    for item in items:
        if "/warm/" in str(item.path) and not list(needs_of(item)):
            item.add_marker(pytest.mark.needs("a list of open files"))


def _made(options: dict[str, float]) -> Warm:
    # Short: the path of a socket has at most 108 bytes.
    folder = Path(tempfile.mkdtemp(prefix="todo-warm-"))
    variables = {
        "PATH": os.environ["PATH"],
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": python_path(),
    }
    return Warm(folder, variables, options)


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    """A parent that all tests of a module use."""
    warm = _made({})
    warm.start()
    yield warm
    warm.end()


@pytest.fixture
def new_warm() -> Iterator[NewWarm]:
    """Make places for a parent that a test starts itself: `new_warm(idle_s=1)`."""
    made: list[Warm] = []

    def make(**options: float) -> Warm:
        made.append(_made(options))
        return made[-1]

    yield make
    for warm in made:
        warm.end()


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    """An empty SQLite file."""
    return sqlite_store


@pytest.fixture
def forked(surroundings: Surroundings, fork_server: ForkServer) -> Process:
    """The program as a process that is forked from one that has loaded it."""
    return Process(surroundings, fork_server.launch)


@pytest.fixture
def process(surroundings: Surroundings) -> Process:
    """The program as a process that is really started."""
    return Process(surroundings)


@pytest.fixture
def pty_process(surroundings: Surroundings) -> PtyProcess:
    """The program in a terminal, as a process that is really started."""
    return PtyProcess(surroundings)
