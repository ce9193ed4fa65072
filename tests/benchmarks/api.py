"""What the API costs: `todo serve` beside a constant, a bare pool and a tutorial."""

import asyncio
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count, cycle
from random import Random
from typing import Final
from uuid import UUID

import asyncpg

from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import todo
from tests.benchmarks.stores import ALL_OPEN, USER, Bench, Stores
from tests.support.stores import Store

CONNECTIONS: Final = 32
POOL_SIZE: Final = 10
TASKS: Final = 1_000
LISTENING: Final = re.compile(rb"Listening on http://127\.0\.0\.1:(\d+)")
PEERS: Final = ("constant", "pool", "tutorial")


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs, and the ids of tasks in its store."""

    port: int
    ids: Sequence[UUID]


Requests = Callable[[Server, int], Iterator[bytes]]
"""The requests that one connection sends, by its number; `{host}` is filled in later."""


@dataclass(frozen=True, slots=True)
class Load:
    """A kind of requests, and at least what part of another server's rate is reached."""

    what: str
    requests: Requests
    over: str
    """The server that ours is compared with first."""
    at_least: float | None = None
    peers: Sequence[str] = ()
    connections: int = CONNECTIONS


@dataclass(frozen=True, slots=True)
class Sample:
    """What one server did in one turn."""

    per_second: float
    p99_ms: float


Samples = Mapping[str, list[Sample]]


def run(bench: Bench) -> list[Figure]:
    """Put the same load on all servers in turns."""
    with ExitStack() as opened:
        servers: dict[str, Server] = {}
        for name, stores in bench.versions.items():
            store = opened.enter_context(
                stores.filled("postgresql", TASKS, ALL_OPEN)
            )
            servers[name] = opened.enter_context(serving(name, stores, store))
            if name == "todo":
                for peer in PEERS:
                    servers[peer] = opened.enter_context(
                        serving(peer, stores, store)
                    )
        return [_measure(bench, servers, load) for load in LOADS]


def _measure(
    bench: Bench, servers: Mapping[str, Server], load: Load
) -> Figure:
    """Load the servers one after the other, again and again; the first turn warms up."""
    names = [*bench.versions, load.over, *load.peers]
    samples: dict[str, list[Sample]] = {name: [] for name in names}
    turns, seconds = (2, 0.5) if bench.is_quick else (9, 3.0)
    for turn in range(turns + 1):
        for name in names:
            sample = asyncio.run(apply(load, servers[name], seconds))
            if turn > 0:
                samples[name].append(sample)
    beside = {}
    if bench.before is not None:
        beside["before"] = ratio(samples, "before", load.over)
    for name in load.peers:
        beside[f"over {name}"] = ratio(samples, "todo", name)
    for name, taken in samples.items():
        beside[f"{name}/s"] = statistics.median(s.per_second for s in taken)
    beside["p99 ms"] = statistics.median(s.p99_ms for s in samples["todo"])
    return Figure(
        f"{load.what}: requests a second over {load.over}",
        ratio(samples, "todo", load.over),
        at_least=load.at_least,
        beside=beside,
    )


def ratio(samples: Samples, name: str, base: str) -> float:
    """The median of the ratios of the same moment."""
    pairs = zip(samples[name], samples[base], strict=True)
    return statistics.median(
        one.per_second / two.per_second for one, two in pairs
    )


@contextmanager
def serving(
    name: str, stores: Stores, store: Store, *options: str, **variables: str
) -> Iterator[Server]:
    """Start a server; its log goes to a file, as an operator's would."""
    log = stores.folder / f"{name}.log"
    size = str(POOL_SIZE)
    command = todo("serve", "--port", "0", *options)
    if name in PEERS:
        module = "tests.benchmarks.api_peers"
        command = [sys.executable, "-m", module, name, store.url, size]
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            command,
            env=stores.variables(store.url, TODO_POOL_SIZE=size, **variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            cwd=stores.folder,
        )
    try:
        while (found := LISTENING.search(log.read_bytes())) is None:
            if process.poll() is not None:
                raise ChildProcessError(log.read_text())
            time.sleep(0.05)
        yield Server(int(found[1]), asyncio.run(_ids(stores, store)))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


async def _ids(stores: Stores, store: Store) -> list[UUID]:
    """The ids of the tasks on a server, in the eyes of whoever made the store."""
    if store.kind == "sqlite":
        return []
    database = store.url.rpartition("/")[2]
    connection = await asyncpg.connect(stores.server.url(database))
    try:
        rows = await connection.fetch(
            "SELECT id FROM todo.task WHERE user_id = $1", USER
        )
        return [UUID(str(row["id"])) for row in rows]
    finally:
        await connection.close()


async def apply(load: Load, server: Server, seconds: float) -> Sample:
    times: list[float] = []
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(load.connections):
            requests = load.requests(server, number)
            group.create_task(
                _ask(server.port, requests, began + seconds, times)
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
        length = int(
            head.partition(b"content-length: ")[2].partition(b"\r")[0]
        )
        body = await reader.readexactly(length)
        times.append(time.perf_counter() - began)
        if not head.startswith((b"http/1.1 200", b"http/1.1 201")):
            raise AssertionError(f"{head!r} {body[:200]!r}")
    writer.close()
    await writer.wait_closed()


def _get_one(server: Server, number: int) -> Iterator[bytes]:
    ids = Random(number).sample(server.ids, len(server.ids))
    return (_get(f"/api/{USER}/tasks/{id}") for id in cycle(ids))


def _get_list(server: Server, number: int) -> Iterator[bytes]:
    return cycle([_get(f"/api/{USER}/tasks?limit=20")])


def _add_apart(server: Server, number: int) -> Iterator[bytes]:
    return (_post(f"/api/user{number}/tasks", task) for task in count())


def _add_together(server: Server, number: int) -> Iterator[bytes]:
    return (_post("/api/crowd/tasks", task) for task in count())


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {{host}}\r\n\r\n".encode()


def _post(path: str, number: int) -> bytes:
    title = f"Task number {number} of the benchmark"
    body = f'{{"title": "{title}", "description": "two litres"}}'
    head = [
        f"POST {path} HTTP/1.1",
        "Host: {host}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*head, "", body]).encode()


LOADS: Final = (
    Load("GET one task", _get_one, "pool", 0.85, ["constant"]),
    # A packet that is held back would make this one fifty times slower.
    Load(
        "GET one task, one connection", _get_one, "pool", 0.33, ["constant"], 1
    ),
    Load(
        "GET a list of 20 and its counts",
        _get_list,
        "pool",
        None,
        ["constant"],
    ),
    Load("POST, a user each", _add_apart, "tutorial", 2.5, ["constant"]),
    Load("POST, all for one user", _add_together, "tutorial"),
)
