"""(e) Other task managers of the command line that this machine has, on the same work
in the same run.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import PYTHON, Run, compare, environment, measure, todo
from tests.benchmarks.stores import Stores

PART = "e peers"
TASKS = 100
TITLES = [f"Task {number}" for number in range(TASKS)]


@dataclass(frozen=True, slots=True)
class Peer:
    """Another program: how it is found, how it gets tasks into a folder, and its words
    before `add` and `list`.
    """

    name: str
    find: Callable[[], str | None]
    prepare: Callable[[str, Path, Sequence[str]], Sequence[str]]
    """Store tasks in a folder of its own and return the command line that goes on with
    `add` or `list`.
    """
    add: str = "add"
    list: str = "list"


def run(stores: Stores, *, is_quick: bool) -> list[Figure]:
    """Compare one `add`, and `list` of 100 tasks to a pipe, each on a list of its own."""
    variables = environment(stores.folder)
    runs = {"pass": Run(PYTHON, variables)}
    present = [
        (peer, program) for peer in PEERS if (program := peer.find()) is not None
    ]
    for peer, program in [(OURS, ""), *present]:
        for word, titles in ((peer.add, ()), (peer.list, TITLES)):
            folder = stores.folder / f"{peer.name} {word}".replace(" ", "_")
            folder.mkdir()
            command = peer.prepare(program, folder, titles)
            runs[f"{peer.name} {word}"] = (
                Run((*command, word), variables, check=_shows_all)
                if titles
                else Run((*command, word, "Buy milk"), variables)
            )
    compared = compare(runs, rounds=3 if is_quick else 15)
    figures = [
        Figure(PART, f"{name} over python -c pass", compared.ratio(name, "pass"),
               beside=compared.ratios(name, "pass") | {"ms": compared.median(name) * 1000})
        for name in runs
        if name != "pass"
    ]  # fmt: skip
    found = {peer.name for peer, _ in present}
    absent = [
        Figure(PART, f"{peer.name}: not on this machine", None)
        for peer in PEERS
        if peer.name not in found
    ]
    return figures + absent


def _shows_all(out: bytes) -> bool:
    return all(f"{title}".encode() in out for title in TITLES)


def _ours(program: str, folder: Path, titles: Sequence[str]) -> Sequence[str]:
    path = folder / "todo.db"
    variables = environment(folder, TODO_DATABASE_URL=str(path))
    measure(
        Run(
            todo("add", *(["-"] if titles else ["First"])),
            variables,
            stdin="\n".join(titles).encode(),
        )
    )
    return ("env", f"TODO_DATABASE_URL={path}", *todo())


def _taskwarrior(program: str, folder: Path, titles: Sequence[str]) -> Sequence[str]:
    settings = folder / "taskrc"
    settings.write_text(f"data.location={folder}\nconfirmation=off\nverbose=nothing\n")
    command = ("env", f"TASKRC={settings}", program)
    seed = json.dumps([{"description": title} for title in titles or ["First"]])
    subprocess.run(
        [*command, "import"], input=seed.encode(), capture_output=True, check=True
    )
    return command


def _todo_txt(program: str, folder: Path, titles: Sequence[str]) -> Sequence[str]:
    names = {
        "TODO_FILE": "todo.txt",
        "DONE_FILE": "done.txt",
        "REPORT_FILE": "report.txt",
    }
    lines = [
        f"export TODO_DIR='{folder}'",
        *(f"export {key}='{folder / name}'" for key, name in names.items()),
    ]
    (folder / "config").write_text("\n".join(lines) + "\n")
    (folder / "todo.txt").write_text("".join(f"{title}\n" for title in titles))
    return (program, "-d", str(folder / "config"))


def _todoman(program: str, folder: Path, titles: Sequence[str]) -> Sequence[str]:
    (folder / "config.py").write_text(
        f"path = {str(folder / '*')!r}\ndefault_list = 'work'\ncache_path = {str(folder / 'cache.sqlite3')!r}\n"
    )
    (folder / "work").mkdir()
    for title in titles:
        name = uuid4()
        item = (
            "BEGIN:VTODO",
            f"UID:{name}",
            "DTSTAMP:20260101T000000Z",
            f"SUMMARY:{title}",
            "END:VTODO",
        )
        lines = (
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:todo",
            *item,
            "END:VCALENDAR",
        )
        (folder / "work" / f"{name}.ics").write_bytes(
            "".join(f"{line}\r\n" for line in lines).encode()
        )
    return (program, "--config", str(folder / "config.py"))


def _topydo(program: str, folder: Path, titles: Sequence[str]) -> Sequence[str]:
    (folder / "todo.txt").write_text("".join(f"{title}\n" for title in titles))
    (folder / "config").touch()
    return (
        program,
        "-c",
        str(folder / "config"),
        "-t",
        str(folder / "todo.txt"),
        "-d",
        str(folder / "done.txt"),
    )


def _on_path(*names: str) -> Callable[[], str | None]:
    return lambda: next(filter(None, map(shutil.which, names)), None)


def _find_todoman() -> str | None:
    """Its command is called `todo`, as ours is: take the one that says its name."""
    for folder in os.get_exec_path():
        if program := shutil.which("todo", path=folder):
            said = subprocess.run(
                [program, "--version"], capture_output=True, check=False, timeout=60
            ).stdout
            if said.startswith(b"todoman"):
                return program
    return None


OURS = Peer("todo (ours)", lambda: "", _ours)
PEERS = (
    Peer("Taskwarrior", _on_path("task"), _taskwarrior),
    Peer("todo.txt-cli", _on_path("todo.sh", "todo-txt"), _todo_txt),
    Peer("todoman", _find_todoman, _todoman, add="new"),
    Peer("topydo", _on_path("topydo"), _topydo, list="ls"),
)
