"""Sends requests that are wrong in every part at a real `todo serve`, over bare sockets.

python -m tests.api.hostile sqlite [--cases 5000] [--seed 1] [--only 17]
python -m tests.api.hostile postgresql [--cases 5000] [--seed 1] [--only 17]

Each case is made from the seed and its number alone. A finding is an answer of 500 or
above, an answer that is no envelope, a line in the log that is not one of a request,
and a server that no longer answers.
"""

import argparse
import asyncio
import json
import re
import socket
import struct
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from tests.api.fuzz import process_on
from tests.api.hostile_requests import Case, make
from tests.api.served import Served, serving
from tests.support.program import LIMIT_S

BATCH: Final = 50
"""Cases that are sent at the same time; the log is looked at after each batch."""
PATIENCE_S: Final = 0.3
"""How long a client waits for more before it hangs up: a kept connection has no end, a
broken request no answer.
"""
ACCESS: Final = re.compile(r"\S+ \S* ?(?P<status>\d{3}|-) \d+\.\d ms")
ANSWER: Final = re.compile(
    rb"HTTP/1\.1 (\d{3}) [A-Za-z -]*\r\n((?:[^\r\n]+\r\n)*)\r\n"
)


async def play(served: Served, case: Case) -> bytes:
    """Do what the client does, and return what it was sent."""
    reader, writer = await asyncio.open_connection(served.host, served.port)
    received = bytearray()
    with suppress(ConnectionError):
        for piece in case.pieces:
            writer.write(piece)
            await asyncio.sleep(0)
        if not case.leaves:
            with suppress(TimeoutError):
                while part := await asyncio.wait_for(
                    reader.read(65_536), PATIENCE_S
                ):
                    received += part
    if case.resets and not writer.is_closing():
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, linger
        )
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    return bytes(received)


def read_answers(received: bytes) -> Iterator[tuple[int, str]]:
    """The status of each answer, and what is wrong with it, if anything; the last one
    may be cut off.
    """
    position = 0
    while position < len(received):
        head = ANSWER.match(received, position)
        if head is None:
            yield 0, f"no HTTP: {received[position : position + 100]!r}"
            return
        status, position = int(head[1]), head.end()
        length = re.search(
            rb"(?i)^content-length: (\d+)\r?$", head[2], re.MULTILINE
        )
        size = int(length[1]) if length else 0
        if status == 100 or received.startswith(
            b"HTTP/1.1 ", position
        ):  # an interim answer, or one to HEAD
            size = 0
        body, position = received[position : position + size], position + size
        if (
            len(body) == size > 0
            and b"application/json" in head[2]
            and not body.startswith(b'{"openapi"')
        ):
            try:
                is_right = json.loads(body)["success"] is (status < 400)
            except (ValueError, TypeError, KeyError):
                is_right = False
            if not is_right:
                yield status, f"no envelope: {body[:200]!r}"
                continue
        yield status, f"{status}: {body[:200]!r}" if status >= 500 else ""


@dataclass(slots=True)
class Findings:
    """What came of all cases."""

    found: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)


def attack(served: Served, numbers: Sequence[int], *, seed: int) -> Findings:
    """Send the cases with these numbers, a batch at a time; the first batch that finds
    something is the last.
    """
    findings = Findings()
    for start in range(0, len(numbers), BATCH):
        batch = numbers[start : start + BATCH]
        seen = len(served.lines)
        for number, received in zip(
            batch, asyncio.run(_play_all(served, batch, seed)), strict=True
        ):
            for status, what in read_answers(received):
                findings.statuses[status] += 1
                if what:
                    findings.found.append(f"case {number}: {what}")
        with served.client() as client:
            ends = client.get(f"/after/{batch[-1]}"), client.get("/health")
        if [answer.status_code for answer in ends] != [404, 200]:
            findings.found.append("it no longer answers as it should")
        served.wait_for(f"/after/{batch[-1]} ")
        odd = [line for line in served.lines[seen:] if not is_usual(line)]
        findings.found += [
            f"cases {batch[0]} to {batch[-1]}: {line}" for line in odd
        ]
        if findings.found:
            break
    return findings


async def _play_all(
    served: Served, numbers: Sequence[int], seed: int
) -> list[bytes]:
    playing = (
        play(served, make(seed, number, served.port)) for number in numbers
    )
    return await asyncio.wait_for(asyncio.gather(*playing), LIMIT_S)


def is_usual(line: str) -> bool:
    """Whether a line of the log is that of a request without a bug."""
    access = ACCESS.fullmatch(line)
    return access is not None and access["status"] < "500"


class Attack(Protocol):
    """Sends the cases with these numbers, and says what came of them."""

    def __call__(
        self, served: Served, numbers: Sequence[int], *, seed: int
    ) -> Findings: ...


def run(
    arguments: Sequence[str],
    attack: Attack,
    make: Callable[[int, int, int], object],
    *,
    cases: int,
) -> int:
    """Attack with this many cases, or as many as asked for; 1 if something was found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["sqlite", "postgresql"])
    parser.add_argument("--cases", type=int, default=cases)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--only", type=int, help="send this case alone, and print it"
    )
    asked = parser.parse_args(arguments)
    numbers = range(asked.cases) if asked.only is None else [asked.only]
    with (
        tempfile.TemporaryDirectory() as name,
        process_on(asked.kind, Path(name)) as process,
        serving(process) as served,
    ):
        findings = attack(served, numbers, seed=asked.seed)
        grown = size(served)
        if asked.only is not None:
            case = make(asked.seed, asked.only, served.port)
            sys.stdout.write("\n".join([repr(case), *served.lines, ""]))
        lines = len(served.lines)
    counts = sorted(findings.statuses.items())
    told = [", ".join(f"{count} x {status}" for status, count in counts)]
    told.append(f"{lines} lines in the log, {grown // 1024} MiB at the end")
    told += findings.found or ["nothing found"]
    sys.stdout.write(f"{asked.kind}: " + "\n".join([*told, ""]))
    return 1 if findings.found else 0


def size(served: Served) -> int:
    """How much memory the server has, in KiB."""
    status = Path(f"/proc/{served.process.pid}/status").read_text("ascii")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1])


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:], attack, make, cases=5_000))
