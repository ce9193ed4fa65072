"""(g) What a distant database costs: whole commands at 25 and 100 ms a turn, over a
plain script and over loopback.
"""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit, urlunsplit

from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import Run, compare, environment, todo
from tests.benchmarks.stores import ALL_OPEN, USER, Stores
from tests.neon.relay import Relay
from tests.support.certificates import Authority
from tests.support.neon import NeonFront
from tests.support.program import HOSTS

PART = "g latency"
HOST = "ep-cool-dawn-123456.us-east-2.aws.neon.tech"
SCRIPT = Path(__file__).with_name("plain_list.py")
TASKS = 100
TURNS_S = {0.025: 0.6, 0.1: 0.4}
"""How long a turn takes, and what part of the script's time `todo list` may take then."""
IMPORTED = 100_000
IMPORT_TURN_S = 0.025
IMPORT_AT_MOST = 1.5


def run(stores: Stores, *, is_quick: bool) -> list[Figure]:
    """Compare `list` with the script through the stand-in for Neon's proxy, and imports
    with and without latency.
    """
    return [
        *_lists(stores, rounds=3 if is_quick else 15),
        *_imports(stores, is_quick=is_quick),
    ]


def _lists(stores: Stores, rounds: int) -> list[Figure]:
    figures = []
    with (
        stores.filled("postgresql", TASKS, ALL_OPEN) as store,
        TemporaryDirectory(dir=stores.folder) as folder,
    ):
        authority = Authority(Path(folder))
        variables = environment(
            stores.folder, SSL_CERT_FILE=str(authority.file), HOSTS_OF_TESTS=HOST
        )
        variables["PYTHONPATH"] = os.pathsep.join((str(HOSTS), variables["PYTHONPATH"]))
        with NeonFront(
            stores.server.host, stores.server.port, authority.issue(HOST)
        ) as front:
            url = _at(store.url, HOST, front.port)
            script = (
                sys.executable,
                str(SCRIPT),
                url.replace("postgresql:", "postgresql+asyncpg:"),
                USER,
            )
            runs = {
                "script": Run(script, variables, check=_has_all),
                "todo": Run(
                    todo("list"), variables | {"TODO_DATABASE_URL": url}, check=_has_all
                ),
            }
            for turn_s, at_most in TURNS_S.items():
                front.delay_s = turn_s / 2
                compared = compare(runs, rounds)
                beside = {"best": compared.best_ratio("todo", "script")} | {
                    f"{name} ms": compared.median(name) * 1000
                    for name in ("todo", "script")
                }
                what = f"list at {turn_s * 1000:.0f} ms a turn over a plain script"
                figures.append(
                    Figure(
                        PART,
                        what,
                        compared.ratio("todo", "script"),
                        at_most,
                        beside=beside,
                    )
                )
    return figures


def _imports(stores: Stores, *, is_quick: bool) -> list[Figure]:
    tasks = IMPORTED // 10 if is_quick else IMPORTED
    with (
        stores.filled("sqlite", tasks, ALL_OPEN) as source,
        stores.empty("postgresql") as store,
        Relay(stores.server.port, delay_s=IMPORT_TURN_S / 2) as relay,
    ):
        command = todo("db", "import", source.url.removeprefix("sqlite:///"))
        database = store.url.rpartition("/")[2]

        def into_nothing(url: str) -> Callable[[], Run]:
            def fresh() -> Run:
                stores.server.run_sql(
                    database, "TRUNCATE todo.task, todo.counter; CHECKPOINT"
                )
                variables = environment(stores.folder, TODO_DATABASE_URL=url)
                return Run(
                    command,
                    variables,
                    check=lambda out: f"Imported {tasks + 1:,} tasks".encode() in out,
                )

            return fresh

        runs = {
            "near": into_nothing(store.url),
            "far": into_nothing(_at(store.url, "127.0.0.1", relay.port)),
        }
        compared = compare(runs, rounds=1 if is_quick else 5)
    beside = {"best": compared.best_ratio("far", "near")} | {
        f"{name} s": compared.median(name) for name in ("far", "near")
    }
    what = f"db import of {tasks:,} tasks at {IMPORT_TURN_S * 1000:.0f} ms a turn over loopback"
    return [
        Figure(PART, what, compared.ratio("far", "near"), IMPORT_AT_MOST, beside=beside)
    ]


def _has_all(out: bytes) -> bool:
    """Whether every task was printed."""
    numbers: Sequence[bytes] = [line.split(b"\t")[0] for line in out.splitlines()]
    return numbers == [b"%d" % number for number in range(TASKS, 0, -1)]


def _at(url: str, host: str, port: int) -> str:
    """The same database and login elsewhere."""
    parts = urlsplit(url)
    return urlunsplit(
        parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@{host}:{port}")
    )
