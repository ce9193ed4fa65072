"""(a) What starting costs: whole processes over an empty Python, and over the import of
what cannot be avoided.
"""

from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import (
    IMPORTS,
    PYTHON,
    Comparison,
    Run,
    compare,
    environment,
    measure,
    todo,
)
from tests.benchmarks.stores import Stores

PART = "a startup"
TASKS = 100
LIMITS = {("--version", "pass"): 3.0, ("--help", "pass"): 12.0, ("list", "import"): 1.0}


def run(stores: Stores, *, is_quick: bool) -> list[Figure]:
    """Compare `--version`, `--help`, `add` and `list` of 100 tasks, on the embedded
    file, with output to a pipe.
    """
    with stores.empty("sqlite") as store:
        variables = environment(stores.folder, TODO_DATABASE_URL=store.url)
        titles = "".join(f"Task {number}\n" for number in range(TASKS)).encode()
        measure(Run(todo("add", "-"), variables, stdin=titles))
        runs = {
            "pass": Run(PYTHON, variables),
            "import": Run(IMPORTS, variables),
            "--version": Run(todo("--version"), variables),
            "--help": Run(todo("--help"), variables),
            "add": Run(todo("add", "Buy milk", "--user", "bob"), variables),
            "list": Run(
                todo("list"), variables, check=lambda out: out.count(b"\n") == TASKS
            ),
        }
        compared = compare(runs, rounds=5 if is_quick else 31)
    commands = ("--version", "--help", "add", "list")
    return [
        _figure(compared, name, base)
        for name in commands
        for base in ("pass", "import")
    ]


def _figure(compared: Comparison, name: str, base: str) -> Figure:
    words = {"pass": "python -c pass", "import": "the bare import"}[base]
    beside = compared.ratios(name, base) | {"ms": compared.median(name) * 1000}
    return Figure(
        PART,
        f"{name} over {words}",
        compared.ratio(name, base),
        LIMITS.get((name, base)),
        beside=beside,
    )
