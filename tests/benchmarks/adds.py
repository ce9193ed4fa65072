"""What adding a thousand titles in one call costs over adding one."""

from itertools import count

from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import Run, compare, todo
from tests.benchmarks.stores import KINDS, Bench

TITLES = 1_000
AT_MOST = 1.5


def run(bench: Bench) -> list[Figure]:
    """Add to a store of each kind; every call of `add -` is for a user without tasks."""
    figures = []
    for kind in KINDS:
        with bench.stores.empty(kind) as store:
            variables = bench.stores.variables(store.url)
            figures.append(_lines(kind, variables, bench.choose(3, 15)))
    return figures


def _lines(kind: str, variables: dict[str, str], rounds: int) -> Figure:
    titles = "".join(
        f"Task number {number} of a list\n" for number in range(TITLES)
    )
    users = count()

    def many() -> Run:
        return Run(
            todo("add", "-", "--user", f"user{next(users)}"),
            variables,
            stdin=titles.encode(),
            check=lambda out: out.count(b"\n") == TITLES,
        )

    one = Run(todo("add", "Buy milk"), variables)
    compared = compare({"one": one, "many": many}, rounds)
    beside = {"titles/s": TITLES / compared.median("many")}
    return Figure(
        f"{kind}, {TITLES:,} through add - over one add",
        compared.ratio("many", "one"),
        AT_MOST,
        beside=beside | compared.beside("many", "one"),
    )
