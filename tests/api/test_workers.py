"""`todo serve --workers`: processes that share a port, and what watches them."""

import os
import signal
import time
from contextlib import suppress

import pytest

from tests.api.served import Served, serving
from tests.api.support import TASKS, data
from tests.support.machine import children_of, needs
from tests.support.program import LIMIT_S, Process
from todo_cli.api.exposure import Exposure
from todo_cli.api.plan import prepare
from todo_cli.api.workers import MOST_ENDED
from todo_cli.cli.commands.serve import MOST_WORKERS, Serve

pytestmark = needs("a list of children")
REPLACED = "a worker ended by signal 9"


def workers_of(served: Served, count: int = 2) -> list[int]:
    """The workers, once they are there."""
    give_up_s = time.monotonic() + LIMIT_S
    while len(found := children_of(served.process.pid) or []) != count:
        assert time.monotonic() < give_up_s, served.lines
        time.sleep(0.01)
    return found


def wait_for_end(process: int) -> None:
    """Wait until a process is gone that is nobody's child here."""
    give_up_s = time.monotonic() + LIMIT_S
    with suppress(ProcessLookupError):
        while True:
            os.kill(process, 0)
            assert time.monotonic() < give_up_s
            time.sleep(0.01)


def count_replaced(served: Served) -> int:
    """How many workers have begun in the place of another one."""
    return sum(REPLACED in line for line in served.lines)


@pytest.mark.spec("003/FR-070")
@pytest.mark.spec("003/FR-071")
def test_worker_that_ends_is_replaced_and_a_signal_ends_all(
    sqlite_process: Process,
) -> None:
    with serving(sqlite_process, "--workers", "2") as served:
        for turn in range(2):
            killed = workers_of(served)[0]
            os.kill(killed, signal.SIGKILL)
            while count_replaced(served) <= turn:
                served.wait_for(REPLACED)
                time.sleep(0.01)
        with served.client() as client:
            for _ in range(4):
                assert data(client.get(TASKS)) == []
        left = workers_of(served)
        assert served.end() == -signal.SIGTERM
        for each in left:
            wait_for_end(each)

    assert sum("Listening on" in line for line in served.lines) == 1
    assert [line for line in served.lines if "rror" in line] == []
    assert served.process.stdout is not None


@pytest.mark.spec("003/FR-071")
def test_server_ends_when_workers_end_again_and_again(
    sqlite_process: Process,
) -> None:
    with serving(sqlite_process, "--workers", "2") as served:
        for turn in range(MOST_ENDED + 1):
            before = workers_of(served)
            os.kill(before[turn % 2], signal.SIGKILL)
            while workers_of_or_none(served) == before:
                time.sleep(0.01)
        assert served.process.wait(LIMIT_S) == 1
        served.wait_for(f"error: {MOST_ENDED + 1} workers ended within 60 s")
        for each in before:
            wait_for_end(each)


def workers_of_or_none(served: Served) -> list[int] | None:
    """The workers now; None once the server has ended."""
    if served.process.poll() is not None:
        return None
    return children_of(served.process.pid)


@pytest.mark.spec("003/FR-071")
def test_workers_end_when_nobody_watches_them(
    sqlite_process: Process,
) -> None:
    with serving(sqlite_process, "--workers", "2") as served:
        left = workers_of(served)
        assert served.end(signal.SIGKILL) == -signal.SIGKILL
        for each in left:
            wait_for_end(each)


@pytest.mark.spec("003/FR-070")
def test_number_of_workers_and_their_share(sqlite_process: Process) -> None:
    for text in ("0", "65", "-1", "x", "1_0", ""):
        ran = sqlite_process("serve", "--json", "--workers", text)
        assert ran.status == 2, text
        assert ran.error["code"] in ("INVALID_INPUT", "USAGE"), text
    assert MOST_WORKERS == 64
    assert Serve().workers == 1

    shares = [
        prepare(Exposure(), {}, count=count).pool_size
        for count in (1, 2, 3, 10, 64)
    ]
    assert shares == [10, 5, 3, 1, 1]
