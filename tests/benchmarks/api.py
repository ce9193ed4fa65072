"""(f) What the API costs: `todo serve` beside plain uvicorn, a constant, a bare pool
and a tutorial; late pages.
"""

import asyncio
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count, cycle
from random import Random
from typing import Final
from uuid import UUID

import asyncpg

from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import environment, todo
from tests.benchmarks.stores import ALL_OPEN, KINDS, USER, Stores
from tests.support.stores import Store
from todo_cli.database.engine import open_database
from todo_cli.service import TaskService
from todo_cli.task import Position, TaskQuery, TaskStatus

PART = "f api"
PAGES = "f late pages"
CONNECTIONS: Final = 32
POOL_SIZE: Final = 10
TASKS: Final = 1_000
POOL_AT_MOST: Final = 2.0
"""The bare pool's requests a second over ours: half of them are to be reached."""
TUTORIAL_AT_MOST: Final = 1 / 1.3
KEPT_AT_MOST: Final = 3.0
"""Our time over the bare pool's where one client waits for each answer; a packet held
back would make it fifty.
"""
LATE_AT_MOST: Final = 1.3
LISTENING: Final = re.compile(rb"Listening on http://127\.0\.0\.1:(\d+)")
START: Final = datetime(2026, 1, 1, tzinfo=UTC)

Requests = Callable[[int], Iterator[bytes]]
"""The requests that one connection sends, by its number, with `{host}` filled in later."""


@dataclass(slots=True)
class Sample:
    """What one server did in one turn."""

    per_second: float
    p99_ms: float


@dataclass(slots=True)
class Measured:
    """All turns of one kind of request, by server."""

    samples: dict[str, list[Sample]] = field(default_factory=dict)

    def ratio(self, name: str, base: str = "todo") -> float:
        """One server's requests a second over another's: the median over turns of the
        same moment.
        """
        pairs = zip(self.samples[name], self.samples[base], strict=True)
        return statistics.median(
            one.per_second / other.per_second for one, other in pairs
        )

    def beside(self) -> dict[str, float]:
        """Requests a second and p99 of every server."""
        rates = {
            f"{name}/s": statistics.median(s.per_second for s in turns)
            for name, turns in self.samples.items()
        }
        return rates | {
            f"{name} p99 ms": statistics.median(s.p99_ms for s in turns)
            for name, turns in self.samples.items()
        }


def run(stores: Stores, *, is_quick: bool) -> list[Figure]:
    """Put the same load on all servers in turns, then time pages in this process."""
    figures: list[Figure] = []
    with stores.filled("postgresql", TASKS, ALL_OPEN) as store, ExitStack() as servers:
        ports = {
            name: servers.enter_context(_serving(name, stores, store))
            for name in ("todo", "plain", "constant", "pool", "tutorial")
        }
        ids = asyncio.run(_ids(store))
        turns, seconds = (2, 0.5) if is_quick else (9, 3.0)
        figures += _kept(ports, ids, turns, seconds)
        figures += _one(ports, ids, turns, seconds)
        figures += _list(ports, turns, seconds)
        figures += _add(ports, turns, seconds)
    return figures + _late_pages(stores, is_quick=is_quick)


def _kept(
    ports: dict[str, int], ids: Sequence[UUID], turns: int, seconds: float
) -> list[Figure]:
    """One client that asks, waits for the answer and asks again: here a delay of the
    network cannot hide.
    """
    chosen = {name: ports[name] for name in ("todo", "plain", "pool")}
    found = _measure(
        chosen,
        lambda _: cycle([_get(f"/api/{USER}/tasks/{ids[0]}")]),
        turns,
        seconds,
        connections=1,
    )
    return [
        Figure(PART, "GET one task, one kept connection: our time over a bare pool", found.ratio("pool"), KEPT_AT_MOST,
               beside=found.beside()),
        Figure(PART, "GET one task, one kept connection: our time over that of uvicorn with a constant",
               found.ratio("plain")),
    ]  # fmt: skip


def _one(
    ports: dict[str, int], ids: Sequence[UUID], turns: int, seconds: float
) -> list[Figure]:
    def ask(number: int) -> Iterator[bytes]:
        for id in cycle(Random(number).sample(ids, len(ids))):
            yield _get(f"/api/{USER}/tasks/{id}")

    found = _measure(
        {name: ports[name] for name in ("todo", "constant", "pool")},
        ask,
        turns,
        seconds,
    )
    return [
        Figure(PART, "GET one task: a bare pool's requests over ours", found.ratio("pool"), POOL_AT_MOST,
               beside=found.beside()),
        Figure(PART, "GET one task: a constant's requests over ours", found.ratio("constant")),
    ]  # fmt: skip


def _list(ports: dict[str, int], turns: int, seconds: float) -> list[Figure]:
    def ask(number: int) -> Iterator[bytes]:
        return cycle([_get(f"/api/{USER}/tasks?limit=20")])

    found = _measure(
        {name: ports[name] for name in ("todo", "constant", "pool")},
        ask,
        turns,
        seconds,
    )
    return [
        Figure(PART, "GET a list of 20, counts and all: a bare pool's requests over ours", found.ratio("pool"),
               beside=found.beside()),
        Figure(PART, "GET a list of 20: a constant's requests over ours", found.ratio("constant")),
    ]  # fmt: skip


def _add(ports: dict[str, int], turns: int, seconds: float) -> list[Figure]:
    titles = count()

    def each_for_itself(number: int) -> Iterator[bytes]:
        while True:
            yield _post(f"/api/user{number}/tasks", next(titles))

    def all_for_one(number: int) -> Iterator[bytes]:
        while True:
            yield _post("/api/crowd/tasks", next(titles))

    chosen = {name: ports[name] for name in ("todo", "constant", "tutorial")}
    apart = _measure(chosen, each_for_itself, turns, seconds)
    together = _measure(
        {name: ports[name] for name in ("todo", "tutorial")},
        all_for_one,
        turns,
        seconds,
    )
    return [
        Figure(PART, "POST, a user each: the tutorial's requests over ours", apart.ratio("tutorial"), TUTORIAL_AT_MOST,
               beside=apart.beside()),
        Figure(PART, "POST, a user each: a constant's requests over ours", apart.ratio("constant")),
        Figure(PART, "POST, all for one user: the tutorial's requests over ours", together.ratio("tutorial"),
               beside=together.beside()),
    ]  # fmt: skip


def _late_pages(stores: Stores, *, is_quick: bool) -> list[Figure]:
    """Page 10,000 over page 1 of a list, timed in this process."""
    tasks = 50_000 if is_quick else 1_000_000
    figures = []
    for kind in KINDS:
        with stores.filled(kind, tasks, ALL_OPEN) as store:
            figures += [
                asyncio.run(_time_pages(store, status, tasks))
                for status in (TaskStatus.ALL, TaskStatus.OPEN)
            ]
    return figures


async def _time_pages(store: Store, status: TaskStatus, tasks: int) -> Figure:
    last_shown = (
        101  # by the page before the last one, which holds the numbers 100 to 1
    )
    late = Position(START + timedelta(seconds=last_shown), last_shown)
    times: dict[Position | None, list[float]] = {None: [], late: []}
    async with open_database(store.target) as database:
        service = TaskService(database, USER, lambda: datetime.now(UTC))
        for call in range(105):
            for after, seconds in times.items():
                began = time.perf_counter()
                page = await service.list(TaskQuery(status, 100, after=after))
                if call >= 5:
                    seconds.append(time.perf_counter() - began)
                if (page.tasks[0].number, len(page.tasks)) != (
                    (tasks if after is None else 100),
                    100,
                ):
                    raise AssertionError(f"the wrong page of {store.kind}")
    return Figure(
        PAGES,
        f"{store.kind}, --status {status}: page {tasks // 100:,} of {tasks:,} tasks over page 1",
        statistics.median(times[late]) / statistics.median(times[None]),
        LATE_AT_MOST,
        beside={
            "best": min(times[late]) / min(times[None]),
            "ms": statistics.median(times[late]) * 1_000,
        },
    )


async def _ids(store: Store) -> list[UUID]:
    connection = await asyncpg.connect(store.url)
    try:
        return [
            UUID(str(row["id"]))
            for row in await connection.fetch(
                "SELECT id FROM todo.task WHERE user_id = $1", USER
            )
        ]
    finally:
        await connection.close()


@contextmanager
def _serving(name: str, stores: Stores, store: Store) -> Iterator[int]:
    """Start a server and hand out its port; its log goes to a file, as an operator's would."""
    log = stores.folder / f"{name}.log"
    own = [
        sys.executable,
        "-m",
        "tests.benchmarks.api_peers",
        name,
        store.url,
        str(POOL_SIZE),
    ]
    variables = environment(
        stores.folder, TODO_DATABASE_URL=store.url, TODO_POOL_SIZE=str(POOL_SIZE)
    )
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            todo("serve", "--port", "0") if name == "todo" else own,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )
    try:
        while (found := LISTENING.search(log.read_bytes())) is None:
            if process.poll() is not None:
                raise ChildProcessError(log.read_text())
            time.sleep(0.05)
        yield int(found[1])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _measure(
    ports: dict[str, int],
    requests: Requests,
    turns: int,
    seconds: float,
    *,
    connections: int = CONNECTIONS,
) -> Measured:
    """Load the servers one after the other, again and again; the first turn is not counted."""
    measured = Measured({name: [] for name in ports})
    for turn in range(turns + 1):
        for name, port in ports.items():
            sample = asyncio.run(_load(port, requests, seconds, connections))
            if turn > 0:
                measured.samples[name].append(sample)
    return measured


async def _load(
    port: int, requests: Requests, seconds: float, connections: int
) -> Sample:
    times: list[float] = []
    began = time.perf_counter()
    await asyncio.gather(
        *(
            _ask(port, requests(number), began + seconds, times)
            for number in range(connections)
        )
    )
    wall_s = time.perf_counter() - began
    times.sort()
    return Sample(len(times) / wall_s, times[int(len(times) * 0.99)] * 1_000)


async def _ask(
    port: int, requests: Iterator[bytes], until: float, times: list[float]
) -> None:
    """Send one request after the other on one connection; every answer must be a success."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    host = f"127.0.0.1:{port}".encode()
    while (began := time.perf_counter()) < until:
        writer.write(next(requests).replace(b"{host}", host))
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length: ")[2].partition(b"\r")[0])
        body = await reader.readexactly(length)
        times.append(time.perf_counter() - began)
        if not head.startswith((b"http/1.1 200", b"http/1.1 201")):
            raise AssertionError(f"{head!r} {body[:200]!r}")
    writer.close()
    await writer.wait_closed()


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {{host}}\r\n\r\n".encode()


def _post(path: str, number: int) -> bytes:
    body = f'{{"title": "Task number {number} of the benchmark", "description": "two litres"}}'
    head = f"POST {path} HTTP/1.1\r\nHost: {{host}}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{head}\r\n\r\n{body}".encode()
