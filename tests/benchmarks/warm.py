"""What `todo warm` makes of a command: whole processes, with output to a pipe."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import (
    PYTHON,
    Comparison,
    Run,
    compare,
    measure,
)
from tests.benchmarks.stores import Bench
from tests.support.warm import Warm

TASKS = 100
MANY = 10_000
OVER_PYTHON = 2.5
"""What a warm command may take at most of the time of `python -c pass`."""
OVER_COLD = 0.25
OFF = 1.01
"""What a command may take of the time it takes without the look for a socket."""
MEMORY_MB = 120
COMMANDS = ("list", "add", "done", "show")
SCRIPT = """\
#!{python}
import sys
from todo_cli.__main__ import run
if __name__ == "__main__":
    sys.argv[0] = sys.argv[0].removesuffix(".exe")
    sys.exit(run())
"""
"""What uv and today's pip write; that of an older pip imports `re` first."""
RE_FIRST = SCRIPT.replace("import sys\n", "import re\nimport sys\n", 1)
WITHOUT_LOOK = SCRIPT.replace(
    "if __name__",
    "import todo_cli.__main__ as main\n"
    "main._handed_over = lambda: None\n"
    "if __name__",
    1,
)


def run(bench: Bench) -> list[Figure]:
    """Compare commands warm, cold, and with an empty Python and Taskwarrior."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(TemporaryDirectory()))
        warm = opened.enter_context(_warm(folder, bench.stores.variables()))
        runs = {"pass": Run(PYTHON, bench.stores.variables())}
        made: dict[str, Run | Callable[[], Run]] = dict(runs)
        for name, url in (
            ("few", _filled(folder, TASKS, bench)),
            ("many", _filled(folder, MANY, bench)),
        ):
            made |= _commands(folder, warm, bench, name, url)
            made |= _taskwarrior(folder, name)
        compared = compare(made, bench.choose(3, 25))
        memory = warm.ask("status")["memory"]
    return [
        *_over_python(compared),
        *_over_cold(compared),
        *_over_taskwarrior(compared),
        Figure(
            "a cold list with warm off, over one that does not look",
            # Of the processors: it is too little to see in the time.
            compared.ratio("few off list", "few blind list", "cpu_s"),
            OFF,
            beside=compared.beside("few off list", "few blind list"),
        ),
        Figure(
            "memory of parent and 2 workers",
            None if memory is None else memory / 1e6,
            MEMORY_MB,
            unit="MB",
        ),
    ]


def _over_python(compared: Comparison) -> Iterator[Figure]:
    """Warm commands over an empty Python."""
    for word in (*COMMANDS, "list by an older pip's script"):
        name = f"few warm {word}"
        yield Figure(
            f"warm {word} over python -c pass",
            compared.ratio(name, "pass"),
            OVER_PYTHON if word in COMMANDS else None,
            beside=compared.beside(name, "pass"),
        )


def _over_cold(compared: Comparison) -> Iterator[Figure]:
    """Warm commands over themselves."""
    for word in COMMANDS:
        names = (f"few warm {word}", f"few cold {word}")
        yield Figure(
            f"warm {word} over cold",
            compared.ratio(*names),
            OVER_COLD,
            beside=compared.beside(*names),
        )


def _over_taskwarrior(compared: Comparison) -> Iterator[Figure]:
    """Warm lists over those of Taskwarrior, if this machine has it."""
    for name, said, at_most in (
        ("few", f"{TASKS} tasks", None),
        ("many", f"{MANY:,} tasks, -L 20", 1.0),
    ):
        what = f"warm list over Taskwarrior's, {said}"
        if f"{name} taskwarrior" not in compared.samples:
            yield Figure(f"{what}: not on this machine", None)
            continue
        names = (f"{name} warm list", f"{name} taskwarrior")
        yield Figure(
            what,
            compared.ratio(*names),
            at_most,
            beside=compared.beside(*names),
        )


@contextmanager
def _warm(folder: Path, variables: dict[str, str]) -> Iterator[Warm]:
    """A parent, and how long it takes to start."""
    runtime = folder / "run"
    runtime.mkdir()
    warm = Warm(runtime, variables)
    warm.start()
    try:
        yield warm
    finally:
        warm.stop()


def _filled(folder: Path, tasks: int, bench: Bench) -> str:
    """Make a file with so many tasks; return its connection string."""
    url = f"sqlite:///{folder}/{tasks}.db"
    titles = "".join(f"Task {number}\n" for number in range(tasks))
    for user in ("ada", "bob"):
        variables = bench.stores.variables(url, TODO_USER=user)
        words = (sys.executable, "-m", "todo_cli", "add", "-")
        measure(Run(words, variables, stdin=titles.encode()))
    return url


def _commands(
    folder: Path, warm: Warm, bench: Bench, name: str, url: str
) -> dict[str, Run | Callable[[], Run]]:
    """The commands on one file, warm and cold."""
    scripts = {}
    for kind, text in (
        ("todo", SCRIPT),
        ("older", RE_FIRST),
        ("blind", WITHOUT_LOOK),
    ):
        script = scripts[kind] = folder / kind
        script.write_text(text.format(python=sys.executable))
        script.chmod(0o755)
    cold = bench.stores.variables(url, XDG_RUNTIME_DIR=str(folder / "none"))
    hot = cold | {"XDG_RUNTIME_DIR": str(warm.folder)}
    if name == "many":
        limited = (str(scripts["todo"]), "list", "-L", "20")
        return {"many warm list": Run(limited, hot)}
    made: dict[str, Run | Callable[[], Run]] = {}
    for way, variables in (("warm", hot), ("cold", cold)):
        ways = cycle([["1"], ["1", "--undo"]])

        def done(
            variables: dict[str, str] = variables,
            ways: Iterator[list[str]] = ways,
        ) -> Run:
            words = (str(scripts["todo"]), "done", *next(ways), "-u", "bob")
            return Run(words, variables)

        made[f"few {way} done"] = done
        for word, *rest in (
            ("list",),
            ("show", "7"),
            ("add", "x", "-u", "eve"),
        ):
            words = (str(scripts["todo"]), word, *rest)
            made[f"few {way} {word}"] = Run(words, variables)
    made["few warm list by an older pip's script"] = Run(
        (str(scripts["older"]), "list"), hot
    )
    made["few off list"] = Run((str(scripts["todo"]), "list"), cold)
    made["few blind list"] = Run((str(scripts["blind"]), "list"), cold)
    return made


def _taskwarrior(folder: Path, name: str) -> dict[str, Run]:
    """Taskwarrior's list of as many tasks, if there is one."""
    program = shutil.which("task")
    if program is None:
        return {}
    tasks = TASKS if name == "few" else MANY
    place = folder / f"task-{name}"
    place.mkdir()
    settings = place / "taskrc"
    settings.write_text(
        f"data.location={place}\nconfirmation=off\nverbose=nothing\n"
    )
    variables = {
        "TASKRC": str(settings),
        "HOME": str(place),
        "PATH": os.defpath,
    }
    seed = json.dumps(
        [{"description": f"Task {number}"} for number in range(tasks)]
    )
    subprocess.run(
        [program, "import"],
        input=seed.encode(),
        capture_output=True,
        env=variables,
        check=True,
    )
    words = (
        (program, "list") if name == "few" else (program, "limit:20", "list")
    )
    return {f"{name} taskwarrior": Run(words, variables)}
