"""A worker that is connected: whole processes, on the stand-in for Neon's proxy."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.neon import NeonFront
from tests.support.postgres import ADMIN
from tests.support.program import Process, process_environment
from tests.support.site import HOST, MAY_HALF_CLOSE, Site, wait_until
from tests.support.stores import Store
from tests.support.turns import TurnProxy
from todo_cli.warm import control

pytestmark = MAY_HALF_CLOSE

START = "from todo_cli.warm import control; control.start()"


@pytest.fixture
def warm(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], None]]:
    """Starts a parent in a folder of its own, and ends it."""
    folder = tempfile.mkdtemp(prefix="todo-warm-", dir="/tmp")
    monkeypatch.setenv("XDG_RUNTIME_DIR", folder)

    def start() -> None:
        # Before the parent, so that it finds nobody's variables.
        env = process_environment(site.process("").surroundings, None, None)
        subprocess.run([sys.executable, "-c", START], env=env, check=True)

    yield start
    control.stop()
    shutil.rmtree(folder)


def status() -> control.Status:
    """What the parent says."""
    found = control.status()
    assert found is not None
    return found


def process(site: Site, url: str) -> Process:
    """The program, really started as a process."""
    return Process(site.process(url).surroundings)


def run(program: Process, *words: str) -> str:
    """Run a command that ends well; return what it prints."""
    ran = program(*words)
    assert (ran.status, ran.err) == (0, ""), ran
    return ran.out


def await_connection() -> None:
    """Wait for what follows a command."""
    wait_until(lambda: status().place is not None)


@pytest.mark.spec("002/FR-368", "002/FR-370")
def test_each_command_finds_a_connection(
    site: Site, front: NeonFront, neon_url: str, warm: Callable[[], None]
) -> None:
    warm()
    todo = process(site, neon_url)
    assert status().place is None
    seen = []
    for words in (["add", "Buy milk"], ["list"], ["done", "1"], ["list"]):
        run(todo, *words)
        turns = front.turns
        await_connection()
        seen.append((turns, front.connections))
        front.turns = 0

    assert seen == [(7, 2), (1, 3), (1, 4), (1, 5)]
    found = status()
    assert found.hits == 4
    assert found.place == f"{HOST}:{front.port}/{site.database}"
    assert (found.workers, found.busy) == (2, 0)
