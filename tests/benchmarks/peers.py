"""Other task managers that this machine has: the ratios that `commands` gives for ours."""

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import PYTHON, Run, compare
from tests.benchmarks.stores import Bench

TITLES = [f"Task {number}" for number in range(100)]


@dataclass(frozen=True, slots=True)
class Peer:
    """A program, and how it gets tasks into a folder of its own.

    `prepare` takes program, folder and titles; it returns the command line that goes on
    with `add` or `list`.
    """

    name: str
    programs: Sequence[str]
    prepare: Callable[[str, Path, Sequence[str]], Sequence[str]]
    list: str = "list"

    def find(self) -> str | None:
        """Where it is on this machine."""
        return next(filter(None, map(shutil.which, self.programs)), None)


def run(bench: Bench) -> list[Figure]:
    """Compare one `add`, and `list` of 100 tasks to a pipe, each on a list of its own."""
    variables = bench.stores.variables()
    runs = {"pass": Run(PYTHON, variables)}
    absent = []
    for peer in PEERS:
        program = peer.find()
        if program is None:
            absent.append(Figure(f"{peer.name}: not on this machine", None))
            continue
        for word in ("add", "list"):
            name = f"{peer.name} {word}"
            folder = bench.stores.folder / name.replace(" ", "_")
            folder.mkdir()
            if word == "add":
                command = peer.prepare(program, folder, ["First"])
                runs[name] = Run((*command, "add", "Buy milk"), variables)
            else:
                command = peer.prepare(program, folder, TITLES)
                runs[name] = Run(
                    (*command, peer.list), variables, check=_shows_all
                )
    compared = compare(runs, bench.choose(3, 15))
    figures = []
    for name in list(runs)[1:]:
        ratio, beside = (
            compared.ratio(name, "pass"),
            compared.beside(name, "pass"),
        )
        figures.append(
            Figure(f"{name} over python -c pass", ratio, beside=beside)
        )
    return figures + absent


def _shows_all(out: bytes) -> bool:
    return all(title.encode() in out for title in TITLES)


def _taskwarrior(
    program: str, folder: Path, titles: Sequence[str]
) -> Sequence[str]:
    settings = folder / "taskrc"
    settings.write_text(
        f"data.location={folder}\nconfirmation=off\nverbose=nothing\n"
    )
    command = ("env", f"TASKRC={settings}", program)
    seed = json.dumps([{"description": title} for title in titles]).encode()
    subprocess.run(
        [*command, "import"], input=seed, capture_output=True, check=True
    )
    return command


def _todo_txt(
    program: str, folder: Path, titles: Sequence[str]
) -> Sequence[str]:
    files = {
        "TODO_FILE": "todo.txt",
        "DONE_FILE": "done.txt",
        "REPORT_FILE": "report.txt",
    }
    lines = [
        f"export {name}='{folder / file}'" for name, file in files.items()
    ]
    (folder / "config").write_text(
        "\n".join([f"export TODO_DIR='{folder}'", *lines, ""])
    )
    (folder / "todo.txt").write_text("".join(f"{title}\n" for title in titles))
    return (program, "-d", str(folder / "config"))


def _topydo(
    program: str, folder: Path, titles: Sequence[str]
) -> Sequence[str]:
    (folder / "todo.txt").write_text("".join(f"{title}\n" for title in titles))
    (folder / "config").touch()
    options = {"-c": "config", "-t": "todo.txt", "-d": "done.txt"}
    paths = [
        word
        for flag, file in options.items()
        for word in (flag, str(folder / file))
    ]
    return (program, *paths)


PEERS = (
    Peer("Taskwarrior", ["task"], _taskwarrior),
    Peer("todo.txt-cli", ["todo.sh", "todo-txt"], _todo_txt),
    Peer("topydo", ["topydo"], _topydo, list="ls"),
)
