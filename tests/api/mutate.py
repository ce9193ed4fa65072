"""Changes bytes of right requests, and sends them to a real `todo serve`.

python -m tests.api.mutate sqlite [--cases 10000] [--seed 1] [--only 17]
python -m tests.api.mutate postgresql [--cases 10000] [--seed 1] [--only 17]

Each case is made from the seed and its number alone: some right requests, one behind
the other, of which some bytes are changed, lost, doubled or moved; written in pieces;
and then an end. Most clients send no more and read to the end. So it is known how many
answers there are, and the log must have just as many lines. The others hang up.

A finding is an answer of 500 or above (but DATABASE_BUSY, as many clients change one
task at a time), an answer that is no envelope, a line of the log
that is not one of a request, a line too many or too few, a server that no longer
answers, and one that has grown by more than 64 MiB.
"""

import asyncio
import re
import socket
import struct
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Final

from tests.api.hostile import (
    ACCESS,
    Findings,
    is_usual,
    read_answers,
    run,
    size,
)
from tests.api.hostile_requests import CHUNKED, JSON, LIST, TASK, Request
from tests.api.served import Served
from tests.support.program import LIMIT_S

BATCH: Final = 40
"""Cases that are sent at the same time; the log is looked at after each batch."""
PAUSE_S: Final = 0.1
MOST_GROWTH: Final = 64 * 1024
"""By how many KiB the server may grow."""
HISTORY: Final = b"/api/ada/history"
UNDO: Final = b"/api/ada/undo"
REDO: Final = b"/api/ada/redo"
CONDITIONS: Final = [
    b'If-Match: "1"',
    b'If-Match: "2", W/"3", "4"',
    b"If-Match: *",
    b'If-None-Match: "1"',
    b'If-None-Match: "2", W/"3", "4"',
    b"If-None-Match: *",
]
ODD: Final = b'\x00\r\n\t \x0b\x1f\x7f\x80\xff%/?#&=;:,"\\{}[]-0aZ'


@dataclass(slots=True)
class Case:
    """What one client does."""

    pieces: list[bytes]
    """What it sends, one after the other."""
    hangs_up: bool
    """Closes the connection when it has sent everything, without reading."""
    resets: bool
    """Closes it by a reset."""


def make(seed: int, number: int, port: int) -> Case:
    """The case with this number."""
    random = Random(f"{seed} {number}")
    count = random.choice([1, 1, 2, 3, 6])
    raw = bytearray().join(_request(random, port) for _ in range(count))
    for _ in range(random.choice([0, 1, 1, 1, 2, 4, 16])):
        _change(random, raw)
    splits = random.choice([0, 0, 1, 3, 12])
    cuts = sorted(random.sample(range(len(raw) + 1), min(splits, len(raw))))
    edges = zip([0, *cuts], [*cuts, len(raw)], strict=True)
    hangs_up = number % BATCH >= BATCH - BATCH // 8
    if hangs_up:
        del raw[random.randrange(len(raw) + 1) :]
    return Case(
        pieces=[bytes(raw[start:end]) for start, end in edges],
        hangs_up=hangs_up,
        resets=random.random() < 0.5,
    )


def _request(random: Random, port: int) -> bytes:
    """A right request."""
    one = LIST + b"/" + TASK
    new = b'{"title": "\xc3\xa9", "description": "a\\nb", "id": "%b"}' % TASK
    full = (
        b'{"title": "x", "due_on": "2026-12-24", "wait_until": "2026-12-01", '
        b'"priority": "high", "project": "home.kitchen", '
        b'"tags": ["food", "\xc3\xa4"]}'
    )
    long = b'{"title": "x", "description": "%b"}' % (b"y" * 9_000)
    request = random.choice(
        [
            Request(b"GET", LIST + b"?limit=3&status=open"),
            Request(b"GET", one),
            Request(b"GET", b"/health"),
            Request(b"GET", b"/docs"),
            Request(b"HEAD", LIST),
            Request(b"POST", LIST, new),
            Request(b"GET", LIST + b"?status=waiting&today=2026-12-01"),
            Request(b"POST", LIST, long),
            Request(b"POST", LIST, full),
            Request(b"PUT", one, b'{"completed": true, "title": "y"}'),
            Request(b"PATCH", one, b'{"tags": [], "due_on": null}'),
            Request(b"DELETE", one),
            Request(b"POST", one + b"/restore", b"{}"),
            Request(b"GET", one + b"/history?limit=2"),
            Request(b"GET", HISTORY + b"?limit=2&cursor=WzNd"),
            Request(b"POST", UNDO, b'{"operation": 3}'),
            Request(b"POST", UNDO, b"{}"),
            Request(b"POST", REDO, b"{}"),
        ]
    )
    request.headers = [b"Host: 127.0.0.1:%d" % port, b"Accept: */*"]
    if random.random() < 0.3:
        request.headers.append(random.choice(CONDITIONS))
    if request.body:
        request.headers.append(b"Content-Type: " + JSON)
        if random.random() < 0.2:
            request.headers.append(b"Expect: 100-continue")
        if random.random() < 0.4:
            middle = random.randrange(1, len(request.body))
            request.body = b"".join(
                b"%x\r\n%b\r\n" % (len(part), part)
                for part in (request.body[:middle], request.body[middle:], b"")
            )
            request.framing = CHUNKED
    return request.raw()


def _change(random: Random, raw: bytearray) -> None:
    """Change some bytes anywhere, most often in a head."""
    start = random.randrange(len(raw) + 1)
    end = min(start + random.choice([0, 1, 1, 2, 8, 60]), len(raw))
    part = bytes(raw[start:end])
    match random.randrange(7):
        case 0 if part:
            raw[start] ^= 1 << random.randrange(8)
        case 1:
            raw[start:end] = b""
        case 2:
            raw[start:end] = part * random.choice([2, 3, 200])
        case 3:
            raw[start:end] = bytes([random.choice(ODD)])
        case 4:
            raw[start:end] = random.randbytes(len(part) or 1)
        case 5:
            to = random.randrange(len(raw) + 1)
            raw[to:to] = part
        case _:
            digits = [*re.finditer(rb"[0-9]+", raw)]
            if digits:
                found = random.choice(digits)
                other = (
                    b"0",
                    b"-1",
                    b"9" * 30,
                    b"%d" % random.randrange(70_000),
                )
                raw[found.start() : found.end()] = random.choice(other)


async def play(served: Served, case: Case) -> bytes:
    """Do what the client does, and return what it was sent.

    With a bare socket: what has come before a reset can still be read from that.
    """
    loop = asyncio.get_running_loop()
    with socket.socket() as bare:
        bare.setblocking(False)
        await loop.sock_connect(bare, (served.host, served.port))
        # Reads all the time, so that the server can always write.
        reading = asyncio.create_task(_read(bare))
        with suppress(OSError):
            for piece in case.pieces:
                await loop.sock_sendall(bare, piece)
                await asyncio.sleep(0)
            if not case.hangs_up:
                bare.shutdown(socket.SHUT_WR)
        if not case.hangs_up:
            return await reading
        reading.cancel()
        if case.resets:
            linger = struct.pack("ii", 1, 0)
            bare.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    return b""


async def _read(bare: socket.socket) -> bytes:
    received = bytearray()
    loop = asyncio.get_running_loop()
    with suppress(OSError):
        while part := await loop.sock_recv(bare, 65_536):
            received += part
    return bytes(received)


async def _play_all(served: Served, cases: Sequence[Case]) -> list[bytes]:
    playing = (play(served, case) for case in cases)
    return await asyncio.wait_for(asyncio.gather(*playing), 2 * LIMIT_S)


def attack(served: Served, numbers: Sequence[int], *, seed: int) -> Findings:
    """Send the cases with these numbers, a batch at a time; the first batch that finds
    something is the last.
    """
    findings = Findings()
    usual_size = size(served)
    for start in range(0, len(numbers), BATCH):
        batch = numbers[start : start + BATCH]
        cases = {number: make(seed, number, served.port) for number in batch}
        reading = [each for each in batch if not cases[each].hangs_up]
        _send(served, cases, reading, findings, are_counted=True)
        leaving = [each for each in batch if cases[each].hangs_up]
        _send(served, cases, leaving, findings, are_counted=False)
        if findings.found:
            return findings
        if start == 0:
            usual_size = size(served)  # it has loaded everything
    growth = size(served) - usual_size
    if growth > MOST_GROWTH:
        findings.found.append(f"it has grown by {growth} KiB")
    return findings


def _send(
    served: Served,
    cases: dict[int, Case],
    numbers: Sequence[int],
    findings: Findings,
    *,
    are_counted: bool,
) -> None:
    """Send some cases at once, and look at the answers and the log."""
    seen = len(served.lines)
    played = [cases[number] for number in numbers]
    answers = 0
    for number, received in zip(
        numbers, asyncio.run(_play_all(served, played)), strict=True
    ):
        for status, what in read_answers(received):
            findings.statuses[status] += 1
            answers += status >= 200
            if what and "DATABASE_BUSY" not in what:
                findings.found.append(f"case {number}: {what}")
    if not _is_well(served, f"/after/{seen}"):
        findings.found.append("it no longer answers as it should")
    while not are_counted:
        # Requests whose clients have gone may take a while.
        before = len(served.lines)
        time.sleep(PAUSE_S)
        if not _is_well(served, f"/idle/{before}"):
            findings.found.append("it no longer answers as it should")
        if len(served.lines) == before + 1:
            break
    name = f"cases {numbers[0]} to {numbers[-1]}" if numbers else "no case"
    lines = served.lines[seen:]
    odd = [
        each for each in lines if not is_usual(each) and " 503 " not in each
    ]
    findings.found += [f"{name}: {line}" for line in odd]
    access = [ACCESS.fullmatch(line) for line in lines]
    logged = sum(1 for each in access if each and each["status"] != "-")
    if are_counted and logged != answers + 1:
        findings.found.append(f"{name}: {answers} answers, {logged - 1} lines")


def _is_well(served: Served, path: str) -> bool:
    """Whether the server answers, once its log says so."""
    with served.client() as client:
        status = client.get(path).status_code
    served.wait_for(f"{path} ")
    return status == 404


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:], attack, make, cases=10_000))
