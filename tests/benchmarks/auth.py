"""What `todo serve --auth`, a role of its own and a second process cost or bring.

One server answers in turns with another that differs in one thing. Both are asked for
single tasks, which is the cheapest request, so that what is added counts most.
"""

import asyncio
import shutil
import statistics
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Final

from tests.api.provider import (
    AUDIENCE,
    ISSUER,
    key_set,
    provider_served,
    signed,
)
from tests.api.tokens import make_token
from tests.benchmarks.api import (
    CONNECTIONS,
    TASKS,
    Load,
    Sample,
    Server,
    apply,
    ratio,
    serving,
)
from tests.benchmarks.figures import Figure
from tests.benchmarks.stores import ALL_OPEN, USER, Bench
from tests.support.stores import Store
from todo_cli.database.policy import recipe

ROLE: Final = "todo_bench_server"
PASSWORD: Final = "of the benchmark"
ASK: Final = """local paths = {}
for line in io.lines("FILE") do paths[#paths + 1] = line end
request = function() return wrk.format("GET", paths[math.random(#paths)]) end
"""
"""Has wrk ask for one task after the other."""

Token = Callable[[int], str]
"""The token that one connection sends, by its number."""


def run(bench: Bench) -> list[Figure]:
    """Compare each with a server that lacks it."""
    return [*_of_tokens(bench), *_of_the_role(bench), *_of_workers(bench)]


def _of_tokens(bench: Bench) -> list[Figure]:
    """With a token of ours, and with JWTs, over neither."""
    with ExitStack() as opened:
        store = opened.enter_context(
            bench.stores.filled("postgresql", TASKS, ALL_OPEN)
        )
        provider = opened.enter_context(provider_served(key_set()))
        plain = opened.enter_context(serving("plain", bench.stores, store))
        closed = opened.enter_context(
            serving(
                "auth",
                bench.stores,
                store,
                "--auth",
                TODO_JWKS_URL=provider.url,
                TODO_JWT_ISSUER=ISSUER,
                TODO_JWT_AUDIENCE=AUDIENCE,
            )
        )
        text = asyncio.run(make_token(store, _now, user=USER))
        now = _now()
        jwts = [
            signed(USER, now=now - timedelta(seconds=number))
            for number in range(CONNECTIONS)
        ]
        open_load = Load("without", _get_one(None), "")
        return [
            _compared(
                bench,
                f"GET one task {what}: requests a second over without",
                at_least,
                (closed, Load(what, _get_one(token), "")),
                (plain, open_load),
            )
            for what, token, at_least in (
                ("with a token", lambda _: text, 0.9),
                ("with a JWT", jwts.__getitem__, 0.6),
            )
        ]


def _of_the_role(bench: Bench) -> list[Figure]:
    """A role that sees one user at a time, over the owner of a store without one."""
    server = bench.stores.server
    with ExitStack() as opened:
        plain, store = (
            opened.enter_context(
                bench.stores.filled("postgresql", TASKS, ALL_OPEN)
            )
            for _ in range(2)
        )
        database = store.url.rpartition("/")[2]
        server.run_sql(database, recipe([], ROLE))
        opened.callback(server.run_sql, "postgres", f"DROP ROLE {ROLE}")
        opened.callback(server.run_sql, database, f"DROP OWNED BY {ROLE}")
        server.run_sql(database, f"ALTER ROLE {ROLE} PASSWORD '{PASSWORD}'")
        url = server.url(database, user=ROLE, password=PASSWORD)
        limited = Store("postgresql", url)
        owner = opened.enter_context(serving("owner", bench.stores, plain))
        role = opened.enter_context(serving("role", bench.stores, limited))
        load = Load("", _get_one(None), "")
        return [
            _compared(
                bench,
                "GET one task as the role of a server: requests a second over as the owner",
                0.8,
                (role, load),
                (owner, load),
            )
        ]


def _of_workers(bench: Bench) -> list[Figure]:
    """Two processes over one, asked by a program that takes little of the machine."""
    figures = []
    for kind in ("sqlite", "postgresql"):
        value, beside = None, {}
        if shutil.which("wrk") is not None:
            samples = _two_and_one(bench, kind)
            value = ratio(samples, "two", "one")
            for name, taken in samples.items():
                rates = [sample.per_second for sample in taken]
                beside[f"{name}/s"] = statistics.median(rates)
        figures.append(
            Figure(
                f"GET one task, --workers 2, {kind}: requests a second over one",
                value,
                at_least=1.5,
                beside=beside,
            )
        )
    return figures


def _two_and_one(bench: Bench, kind: str) -> dict[str, list[Sample]]:
    """Load two workers and one in turns."""
    with ExitStack() as opened:
        store = opened.enter_context(
            bench.stores.filled(kind, TASKS, ALL_OPEN)
        )
        servers = {}
        for name, count in (("two", "2"), ("one", "1")):
            servers[name] = opened.enter_context(
                serving(name, bench.stores, store, "--workers", count)
            )
        script = bench.stores.folder / "ask.lua"
        paths = bench.stores.folder / "paths"
        numbers = range(1, TASKS + 1)
        lines = [f"/api/{USER}/tasks/{number}\n" for number in numbers]
        paths.write_text("".join(lines))
        script.write_text(ASK.replace("FILE", str(paths)))
        samples: dict[str, list[Sample]] = {"two": [], "one": []}
        for turn in range(bench.choose(2, 9) + 1):
            for name, server in servers.items():
                rate = _rate_of(server, script, bench.choose(1, 3))
                # The first turn warms up.
                if turn > 0:
                    samples[name].append(Sample(rate, 0.0))
        return samples


def _rate_of(server: Server, script: Path, seconds: int) -> float:
    """How many requests a second wrk gets answered, all with success."""
    said = subprocess.run(
        [
            "wrk",
            *("-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script)),
            f"http://127.0.0.1:{server.port}",
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise AssertionError(said)
    [rate] = [
        line.split()[1]
        for line in said.splitlines()
        if line.startswith("Requests/sec:")
    ]
    return float(rate)


def _compared(
    bench: Bench,
    what: str,
    at_least: float,
    ours: tuple[Server, Load],
    other: tuple[Server, Load],
) -> Figure:
    """Load both in turns; the first turn warms up."""
    samples: dict[str, list[Sample]] = {"ours": [], "other": []}
    seconds = 0.5 if bench.is_quick else 3.0
    for turn in range(bench.choose(2, 9) + 1):
        for name, (server, load) in zip(samples, (ours, other), strict=True):
            sample = asyncio.run(apply(load, server, seconds))
            if turn > 0:
                samples[name].append(sample)
    beside = {
        f"{name}/s": statistics.median(each.per_second for each in taken)
        for name, taken in samples.items()
    }
    value = ratio(samples, "ours", "other")
    return Figure(what, value, at_least=at_least, beside=beside)


def _get_one(token: Token | None) -> Callable[[Server, int], Iterator[bytes]]:
    """Ask for one task after the other, each connection in an order of its own."""

    def requests(server: Server, number: int) -> Iterator[bytes]:
        head = "Host: {host}\r\n"
        if token is not None:
            head += f"Authorization: Bearer {token(number)}\r\n"
        ids = Random(number).sample(server.ids, len(server.ids))
        for id in cycle(ids):
            yield (
                f"GET /api/{USER}/tasks/{id} HTTP/1.1\r\n{head}\r\n".encode()
            )

    return requests


def _now() -> datetime:
    return datetime.now(UTC)
