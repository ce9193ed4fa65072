"""What Tab costs: the whole call of a shell's script, over an empty Python."""

from collections.abc import Callable
from contextlib import ExitStack

from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import PYTHON, Run, compare, todo
from tests.benchmarks.stores import ALL_OPEN, HALF_DONE, Bench
from tests.support.stores import Store

FEW = 1_000
MANY = (20_000, 1_000_000)
OVER_PYTHON = 3.0
"""What a Tab may take at most of the time of `python -c pass`."""
LINES = {
    "a command": ("d",),
    "a choice": ("list", "--status", ""),
    "a REF": ("done", ""),
    "a done REF": ("done", "--undo", ""),
    "a REF with digits": ("done", "1"),
    "a project": ("list", "--project", ""),
}
"""What is typed, and must be completed."""


def run(bench: Bench) -> list[Figure]:
    """Compare Tab on stores of different sizes with an empty Python."""
    sizes = (FEW, bench.choose(*MANY))
    with ExitStack() as opened:
        runs: dict[str, Run | Callable[[], Run]] = {
            "pass": Run(PYTHON, bench.stores.variables()),
        }
        for size in sizes:
            filled = bench.stores.filled("sqlite", size, HALF_DONE)
            store = opened.enter_context(filled)
            for what in LINES:
                runs[f"{what} of {size:,}"] = _pressed(bench, store, what)
        empty = bench.stores.filled("sqlite", FEW, ALL_OPEN)
        store = opened.enter_context(empty)
        script = todo("completion", "bash")
        runs["the script"] = Run(script, bench.stores.variables(store.url))
        compared = compare(runs, bench.choose(5, 31))
    return [
        Figure(
            f"{name} over python -c pass",
            compared.ratio(name, "pass"),
            OVER_PYTHON,
            beside=compared.beside(name, "pass"),
        )
        for name in runs
        if name != "pass"
    ]


def _pressed(bench: Bench, store: Store, what: str) -> Run:
    """Tab after a line, as the script of zsh calls the program."""
    words = LINES[what]
    has_none = what == "a project"
    return Run(
        todo("completion", "zsh", "--answer", "80", "--", *words),
        bench.stores.variables(store.url),
        check=lambda out: has_none or out.count(b"\n") > 1,
    )
