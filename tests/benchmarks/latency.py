"""What a command costs on PostgreSQL: over TLS on loopback, and far away."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit, urlunsplit

from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import Run, compare, measure, todo
from tests.benchmarks.stores import ALL_OPEN, USER, Bench, Stores
from tests.neon.relay import Relay
from tests.support.certificates import Authority
from tests.support.neon import NeonFront
from tests.support.program import HOSTS
from tests.support.stores import Store
from tests.support.turns import TurnProxy

HOST = "ep-cool-dawn-123456.us-east-2.aws.neon.tech"
SCRIPT = Path(__file__).with_name("plain_list.py")
TASKS = 100
AGAINST_ITSELF = 0.55
"""What `list` may take at most of its time at the older commit."""
TURNS = {"TLS": 7, "plain text": 6}
"""The round trips that a command may take."""
FAR_S = {0.025: 0.6, 0.1: 0.4}
"""Seconds a round trip, and what part of the script's time `list` may take then."""
IMPORTED = 100_000
IMPORT_TURN_S = 0.025
IMPORT_AT_MOST = 1.5


def run(bench: Bench) -> list[Figure]:
    """Count round trips, and compare `list` with itself before, or with a script far away."""
    with ExitStack() as opened:
        front, trusting = opened.enter_context(tls(bench.stores))
        stores = {}
        runs = {}
        for name, made in bench.versions.items():
            stores[name] = opened.enter_context(
                made.filled("postgresql", TASKS, ALL_OPEN)
            )
            url = at(stores[name].url, HOST, front.port)
            variables = with_hosts(made.variables(url, **trusting))
            runs[name] = Run(todo("list"), variables, check=_has_all)
        url = at(stores["todo"].url, HOST, front.port)
        address = url.replace("postgresql:", "postgresql+asyncpg:")
        script = (sys.executable, str(SCRIPT), address, USER)
        runs["script"] = Run(script, runs["todo"].variables, check=_has_all)

        figures = [*_count_turns(bench, front, runs["todo"], stores["todo"])]
        if bench.before is not None:
            return [_near(bench, runs), *figures]
        figures += _far(bench, front, runs)
    return [*figures, _imports(bench)]


def _near(bench: Bench, runs: dict[str, Run]) -> Figure:
    chosen = {name: runs[name] for name in ("todo", "before")}
    compared = compare(chosen, bench.choose(5, 31))
    return Figure(
        "list over itself before, loopback, TLS",
        compared.ratio("todo", "before"),
        AGAINST_ITSELF,
        beside=compared.beside("todo", "before"),
    )


def _count_turns(
    bench: Bench, front: NeonFront, over_tls: Run, store: Store
) -> Iterator[Figure]:
    server = bench.stores.server
    with TurnProxy(server.host, server.port) as proxy:
        url = at(store.url, "127.0.0.1", proxy.port)
        in_plain = Run(
            todo("list"), bench.stores.variables(url), check=_has_all
        )
        front.reset()
        measure(over_tls)
        measure(in_plain)
        counted = {"TLS": front.turns, "plain text": proxy.turns}
    for name, most in TURNS.items():
        yield Figure(
            f"round trips of list, {name}", counted[name], most, unit=""
        )


def _far(
    bench: Bench, front: NeonFront, runs: dict[str, Run]
) -> Iterator[Figure]:
    for turn_s, at_most in FAR_S.items():
        front.delay_s = turn_s / 2
        compared = compare(runs, bench.choose(3, 15))
        yield Figure(
            f"list at {turn_s * 1000:.0f} ms a round trip over a plain script",
            compared.ratio("todo", "script"),
            at_most,
            beside=compared.beside("todo", "script"),
        )


def _imports(bench: Bench) -> Figure:
    stores, tasks = bench.stores, bench.choose(IMPORTED // 10, IMPORTED)
    with (
        stores.filled("sqlite", tasks, ALL_OPEN) as source,
        stores.empty("postgresql") as store,
        Relay(stores.server.port, delay_s=IMPORT_TURN_S / 2) as relay,
    ):
        command = todo("db", "import", source.url.removeprefix("sqlite:///"))
        database = store.url.rpartition("/")[2]
        said = f"Imported {tasks + 1:,} tasks".encode()

        def into_nothing(url: str) -> Callable[[], Run]:
            def fresh() -> Run:
                empty = (
                    "TRUNCATE todo.task, todo.counter, todo.tag; CHECKPOINT"
                )
                stores.server.run_sql(database, empty)
                return Run(
                    command,
                    stores.variables(url),
                    check=lambda out: said in out,
                )

            return fresh

        runs = {
            "near": into_nothing(store.url),
            "far": into_nothing(at(store.url, "127.0.0.1", relay.port)),
        }
        compared = compare(runs, bench.choose(1, 5))
    return Figure(
        f"db import of {tasks:,} tasks at {IMPORT_TURN_S * 1000:.0f} ms over loopback",
        compared.ratio("far", "near"),
        IMPORT_AT_MOST,
        beside=compared.beside("far", "near"),
    )


@contextmanager
def tls(stores: Stores) -> Iterator[tuple[NeonFront, dict[str, str]]]:
    """A stand-in for Neon's proxy, and the variables that make a process find and trust it."""
    with TemporaryDirectory(dir=stores.folder) as folder:
        authority = Authority(Path(folder))
        server, certificate = stores.server, authority.issue(HOST)
        with NeonFront(server.host, server.port, certificate) as front:
            yield (
                front,
                {
                    "SSL_CERT_FILE": str(authority.file),
                    "PYTHON_HOSTS_OF_TESTS": HOST,
                },
            )


def with_hosts(variables: dict[str, str]) -> dict[str, str]:
    """Have Python import the hosts file of the tests before it starts."""
    path = os.pathsep.join((str(HOSTS), variables["PYTHONPATH"]))
    return variables | {"PYTHONPATH": path}


def _has_all(out: bytes) -> bool:
    """Whether every task was printed."""
    numbers = [line.split(b"\t")[0] for line in out.splitlines()]
    return numbers == [b"%d" % number for number in range(TASKS, 0, -1)]


def at(url: str, host: str, port: int) -> str:
    """The same database and login elsewhere."""
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{login}@{host}:{port}"))
