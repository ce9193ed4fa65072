"""What a command costs: whole processes on the embedded file, with output to a pipe."""

from collections.abc import Callable
from contextlib import ExitStack
from itertools import cycle

from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import (
    IMPORTS,
    PYTHON,
    Run,
    compare,
    measure,
    todo,
)
from tests.benchmarks.stores import Bench, Stores
from tests.support.stores import Store

TASKS = 100
TITLES = "".join(f"Task {number}\n" for number in range(TASKS)).encode()
STARTING = {"--version": 3.0, "--help": 12.0}
"""What each may take at most of the time of `python -c pass`."""
WORKING = {"list": 1.6, "add": 1.8, "done": 1.8, "show": 1.8}
"""What each may take at most of the time of `todo --help`."""
AGAINST_ITSELF = 0.40
"""What `list` may take at most of its time at the older commit."""


def run(bench: Bench) -> list[Figure]:
    """Compare the commands with an empty Python, with --help, and with themselves."""
    with ExitStack() as opened:
        runs: dict[str, Run | Callable[[], Run]] = {
            "pass": Run(PYTHON, bench.stores.variables()),
            "import": Run(IMPORTS, bench.stores.variables()),
        }
        for version, stores in bench.versions.items():
            store = opened.enter_context(stores.empty("sqlite"))
            for word, made in _commands(stores, store).items():
                runs[f"{version} {word}"] = made
        compared = compare(runs, bench.choose(5, 31))

    def over(
        word: str, base: str, at_most: float | None, said: str = ""
    ) -> Figure:
        """Today's command over something else, and the older one's ratio beside."""
        name = f"todo {word}"
        beside = compared.beside(name, base)
        older = base.replace("todo", "before")
        if bench.before is not None and not base.startswith("before"):
            beside = {
                "before": compared.ratio(f"before {word}", older)
            } | beside
        ratio = compared.ratio(name, base)
        return Figure(
            f"{word} over {said or base}", ratio, at_most, beside=beside
        )

    figures = [
        *(
            over(word, "pass", bar, "python -c pass")
            for word, bar in STARTING.items()
        ),
        *(
            over(word, "pass", None, "python -c pass")
            for word in ("add", "list")
        ),
        over("list", "import", 1.0, "the import of Typer, Rich and SQLModel"),
        *(over(word, "todo --help", bar) for word, bar in WORKING.items()),
    ]
    if bench.before is not None:
        for word in WORKING:
            at_most = AGAINST_ITSELF if word == "list" else None
            figures.append(
                over(word, f"before {word}", at_most, "itself before")
            )
    return figures


def _commands(
    stores: Stores, store: Store
) -> dict[str, Run | Callable[[], Run]]:
    """The commands of one version on a store of its own, in which nothing grows but
    the tasks of a user that no other command reads.
    """
    variables = stores.variables(store.url)
    for user in ("ada", "bob"):
        measure(Run(todo("add", "-", "--user", user), variables, stdin=TITLES))
    ways = cycle([("done", "1"), ("done", "1", "--undo")])

    def done() -> Run:
        return Run(todo(*next(ways), "--user", "bob"), variables)

    return {
        "--version": Run(todo("--version"), variables),
        "--help": Run(todo("--help"), variables),
        "list": Run(
            todo("list"),
            variables,
            check=lambda out: out.count(b"\n") == TASKS,
        ),
        "add": Run(todo("add", "Buy milk", "--user", "eve"), variables),
        "done": done,
        "show": Run(todo("show", "7"), variables),
    }
