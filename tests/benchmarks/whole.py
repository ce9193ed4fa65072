"""(d) What `list --json` of 100,000 tasks costs over a script that does the same with
the bare driver.
"""

import hashlib
import sys
from pathlib import Path

from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import Run, compare, environment, measure, todo
from tests.benchmarks.stores import ALL_OPEN, KINDS, USER, Stores

PART = "d list --json"
TIME_AT_MOST = 1.3
MEMORY_AT_MOST = 1.4
SCRIPT = Path(__file__).with_name("bare_list.py")


def run(stores: Stores, *, is_quick: bool) -> list[Figure]:
    """Compare whole processes that must print the same bytes."""
    tasks = 10_000 if is_quick else 100_000
    figures = []
    for kind in KINDS:
        with stores.filled(kind, tasks, ALL_OPEN) as store:
            variables = environment(stores.folder, TODO_DATABASE_URL=store.url)
            runs = {
                "bare": Run((sys.executable, str(SCRIPT), store.url, USER), variables),
                "todo": Run(todo("list", "--json"), variables),
            }
            printed = {
                hashlib.sha256(measure(run, keep_output=True).out).digest()
                for run in runs.values()
            }
            if len(printed) != 1:
                raise AssertionError(
                    f"{kind}: `list --json` and the script print different documents"
                )
            compared = compare(runs, rounds=3 if is_quick else 11)
        figures += [
            Figure(
                PART,
                f"{kind}, {tasks:,} tasks over the bare driver: time",
                compared.ratio("todo", "bare"),
                TIME_AT_MOST,
                beside=compared.ratios("todo", "bare")
                | {"ms": compared.median("todo") * 1000},
            ),
            Figure(
                PART,
                f"{kind}, {tasks:,} tasks over the bare driver: memory",
                compared.ratio("todo", "bare", "peak_kib"),
                MEMORY_AT_MOST,
                beside={"MiB": compared.median("todo", "peak_kib") / 1024},
            ),
        ]
    return figures
