"""What `list --json` of 100,000 tasks costs over a script on the bare driver."""

import sys
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import Run, compare, measure, todo
from tests.benchmarks.stores import ALL_OPEN, KINDS, USER, Bench

TIME_AT_MOST = 1.0
MEMORY_AT_MOST = {"bare": 1.4, "before": 1.0}
SCRIPT = Path(__file__).with_name("bare_list.py")


def run(bench: Bench) -> list[Figure]:
    """Compare whole processes that must print the same bytes."""
    tasks = bench.choose(10_000, 100_000)
    return [
        figure for kind in KINDS for figure in _compare(bench, kind, tasks)
    ]


def _compare(bench: Bench, kind: str, tasks: int) -> list[Figure]:
    with ExitStack() as opened:
        runs = {}
        for name, stores in bench.versions.items():
            store = opened.enter_context(stores.filled(kind, tasks, ALL_OPEN))
            runs[name] = Run(
                todo("list", "--json"), stores.variables(store.url)
            )
            if name == "todo":
                script = (sys.executable, str(SCRIPT), store.url, USER)
                runs["bare"] = Run(script, stores.variables())
        printed = {
            measure(runs[name], keep_output=True).out
            for name in ("todo", "bare")
        }
        if len(printed) != 1:
            raise AssertionError(f"{kind}: the script prints another document")
        compared = compare(runs, bench.choose(3, 11))
    base = "bare" if bench.before is None else "before"
    beside = compared.beside("todo", "bare")
    memory = {"MiB": compared.median("todo", "peak_kib") / 1024}
    if bench.before is not None:
        beside = {"before": compared.ratio("before", "bare")} | beside
        memory["before MiB"] = compared.median("before", "peak_kib") / 1024
    what = f"{kind}, list --json of {tasks:,} tasks"
    return [
        Figure(
            f"{what} over the bare driver: time",
            compared.ratio("todo", "bare"),
            TIME_AT_MOST,
            beside=beside,
        ),
        Figure(
            f"{what} over {base}: peak memory",
            compared.ratio("todo", base, "peak_kib"),
            MEMORY_AT_MOST[base],
            beside=memory,
        ),
    ]
