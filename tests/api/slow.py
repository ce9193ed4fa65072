"""Slow clients of a real `todo serve`: what they cost, and how long others wait.

python -m tests.api.slow [sqlite | postgresql]

500 connections that send nothing, then 50 clients that ask for 35 MB each and read none
of it. Meanwhile another client sends GETs, one after the other. It prints how long those
took, and the memory of the server; it fails if one took a second or longer, was not
answered, or if the memory grew by more than 320 MiB.
"""

import argparse
import json
import re
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import httpx

from tests.api.fuzz import process_on
from tests.api.served import Served, serving
from tests.api.support import TASKS

SILENT: Final = 500
READERS: Final = 50
DESCRIPTION: Final = 8_750 * "😀"
"""A thousand of these are 35 MB."""
MOST_S: Final = 1.0
MOST_GROWTH: Final = 320
LISTS_S: Final = 15.0
"""For how long GETs are sent while lists are not read."""


def memory(served: Served, name: str) -> int:
    """A figure of the server's memory in MiB: VmRSS now, VmHWM at most."""
    status = Path(f"/proc/{served.process.pid}/status").read_text("ascii")
    found = re.search(rf"{name}:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) // 1024


def ask(served: Served, path: str) -> tuple[float, int]:
    """How long an answer took on a connection of its own, and its status."""
    began = time.monotonic()
    with served.client() as client:
        try:
            status = client.get(path).status_code
        except httpx.TransportError:
            status = 0
    return time.monotonic() - began, status


def ask_for(served: Served, seconds: float) -> list[tuple[float, int]]:
    """The same for some time, with what small clients ask for."""
    asked = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for path in ("/api/bob/tasks", "/health"):
            asked.append(ask(served, path))
        time.sleep(0.02)
    return asked


def slow_reader(served: Served) -> socket.socket:
    """A client that asks for a long list and reads nothing."""
    bare = socket.socket()
    bare.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    bare.connect((served.host, served.port))
    host = f"{served.host}:{served.port}"
    request = f"GET {TASKS}?limit=1000 HTTP/1.1\r\nHost: {host}\r\n\r\n"
    bare.sendall(request.encode())
    return bare


def told(name: str, asked: Sequence[tuple[float, int]]) -> str:
    """What to print of some answers."""
    times = sorted(each for each, _ in asked)
    middle = 1_000 * times[len(times) // 2]
    wrong = sum(1 for _, status in asked if status != 200)
    return (
        f"{name}: {len(asked)} GETs, {wrong} not 200, "
        f"median {middle:.0f} ms, slowest {1_000 * times[-1]:.0f} ms"
    )


def main(arguments: Sequence[str]) -> int:
    """Run it and print the figures; 1 if one is beyond its limit."""
    parser = argparse.ArgumentParser(prog="python -m tests.api.slow")
    kinds = ["sqlite", "postgresql"]
    parser.add_argument("kind", nargs="?", default="sqlite", choices=kinds)
    kind = parser.parse_args(arguments).kind
    with (
        tempfile.TemporaryDirectory() as name,
        process_on(kind, Path(name)) as process,
        serving(process) as served,
        ExitStack() as stack,
    ):
        task = {"title": "x", "description": DESCRIPTION}
        body = json.dumps(task, ensure_ascii=False)
        with served.client() as client:
            for _ in range(1_000):
                client.post(
                    TASKS,
                    content=body.encode(),
                    headers={"content-type": "application/json"},
                )
            size = len(client.get(f"{TASKS}?limit=1000").content)
        before = memory(served, "VmRSS")
        with ExitStack() as silent:
            for _ in range(SILENT):
                silent.enter_context(served.connect())
            first = ask_for(served, 2)
        for _ in range(READERS):
            stack.enter_context(slow_reader(served))
        second = ask_for(served, LISTS_S)
        most = memory(served, "VmHWM")
        after = memory(served, "VmRSS")
    lines = [
        told(f"{SILENT} silent connections", first),
        told(f"{READERS} readers of {size / 1e6:.0f} MB", second),
        f"memory: {before} MiB before, {most} at most, {after} after",
    ]
    sys.stdout.write(f"{kind}: " + "\n".join([*lines, ""]))
    asked = [*first, *second]
    is_met = all(took < MOST_S and status == 200 for took, status in asked)
    return int(not is_met or most - before > MOST_GROWTH)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
