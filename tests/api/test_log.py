"""The log: lines in order, and a stream that blocks or fails."""

import asyncio
import errno
import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import BinaryIO

import pytest

from todo_cli.api.log import Log
from todo_cli.cli.env import write_all

PIPE: int = 4096
"""The smallest pipe that Linux makes."""


@pytest.fixture
def pipe() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """The two ends of a small pipe."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE)
    ends = os.fdopen(reading, "rb", 0), os.fdopen(writing, "wb", 0)
    yield ends
    for each in ends:
        with suppress(OSError):
            each.close()


def read_to_end(ends: tuple[BinaryIO, BinaryIO]) -> list[str]:
    """The lines in a pipe whose writer is done."""
    ends[1].close()
    return ends[0].read().decode().splitlines()


async def test_lines_come_in_their_order(
    pipe: tuple[BinaryIO, BinaryIO],
) -> None:
    log = Log(partial(write_all, pipe[1]))
    for number in range(100):
        log(f"{number}")
    log("a lone \udc80 surrogate")

    await log.close()

    assert read_to_end(pipe) == [
        *map(str, range(100)),
        "a lone \\udc80 surrogate",
    ]


@pytest.mark.spec("001/FR-118")
async def test_lines_without_room_are_dropped_and_counted(
    pipe: tuple[BinaryIO, BinaryIO],
) -> None:
    """Public reports of servers that hang on their own log:
    «nodejs/node-v0.x-archive#23949», «clice-io/clice#514».
    """
    log = Log(partial(write_all, pipe[1]), most_bytes=2 * PIPE)
    line = "x" * 99
    for number in range(1_000):
        log(f"{number:03}{line}")
    await log.close(within_s=0.01)

    # Somebody reads again.
    found = b""
    while not found.endswith(b" dropped\n"):
        found += await asyncio.to_thread(pipe[0].read, PIPE)
    lines = found.decode().splitlines()

    kept = [each for each in lines if "dropped" not in each]
    dropped = [int(each.split()[1]) for each in lines if "dropped" in each]
    assert 0 < len(kept) < 1_000
    assert sum(dropped) + len(kept) == 1_000
    assert kept == sorted(kept)


async def test_terminal_does_not_stop_a_background_server() -> None:
    """`stty tostop` sends SIGTTOU to a background job that writes."""
    blocked: list[set[signal.Signals | int]] = []

    def write(_data: bytes) -> None:
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, set())
        blocked.append(mask)

    log = Log(write)
    log("x")
    await log.close()

    assert blocked == [{signal.SIGTTOU}]


class Full:
    """A stream on a disk that is full at first."""

    def __init__(self) -> None:
        self.is_full = True
        self.tries = 0
        self.written = b""

    def write(self, data: bytes) -> None:
        """Take the data, or not."""
        self.tries += 1
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.written += data


@pytest.mark.spec("001/FR-118")
async def test_lines_that_a_full_disk_refused_are_counted() -> None:
    disk = Full()
    log = Log(disk.write)
    for number in range(3):
        log(f"{number}")
        while disk.tries <= number:
            await asyncio.sleep(0)
    disk.is_full = False
    log("again")
    log("and again")

    await log.close()

    assert disk.written.splitlines() == [
        b"warning: 3 lines dropped",
        b"again",
        b"and again",
    ]
