"""Installs todo by README's commands, upgrades it, and takes it away again.

python -m tests.installing [pip] [uv] [pipx]     all of them that are found

Each has a clone and a home of its own, which are thrown away. Packages come from the
index, or from where the variables of pip and uv say.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
MAN = "specs/002-command-line/man"
SHIPPED = ("pyproject.toml", "README.md", "LICENSE", "todo_cli", MAN)
VERSION = Path("todo_cli") / "__init__.py"
INSTALLERS = ("pip", "uv", "pipx")
CONFIG = 'output = "text"\n'


class Wrong(Exception):
    """Something is not as README says."""


@dataclass(frozen=True, slots=True)
class Commands:
    """What README has people type for one installer."""

    install: str
    extras: str
    upgrade: str
    uninstall: str


def commands(installer: str) -> Commands:
    """The column of README's table; a first command stands above it."""
    text = README.read_text(encoding="utf-8")
    _, _, rest = text.partition("<!-- install:begin -->\n")
    table, _, _ = rest.partition("\n<!-- install:end -->")
    head, _, *rows = map(_cells, table.splitlines())
    column = head.index(installer)
    install, extras, upgrade, uninstall = (
        row[column].strip("`") for row in rows
    )
    if install == "as above":
        install = " && ".join(_first_blocks(text))
    return Commands(install, extras, upgrade, uninstall)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def _first_blocks(text: str) -> Iterator[str]:
    """The command that installs, and the one that links."""
    for language in ("sh", "console"):
        found = re.search(
            rf"^```{language}\n(?:\$ )?(.*)$", text, re.MULTILINE
        )
        assert found is not None
        yield found[1]


@dataclass(frozen=True, slots=True)
class Place:
    """A clone and a home that are thrown away."""

    clone: Path
    home: Path
    path: str

    def run(self, command: str) -> str:
        """What a command prints.

        Raises:
            Wrong: it failed.
        """
        ran = self._ran(command)
        if ran.returncode != 0:
            raise Wrong(f"$ {command}\n{ran.stdout}status {ran.returncode}")
        return ran.stdout

    def has(self, command: str) -> bool:
        """Whether a command succeeds."""
        return self._ran(command).returncode == 0

    def _ran(self, command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["/bin/sh", "-c", command],
            env=os.environ | {"HOME": str(self.home), "PATH": self.path},
            cwd=self.clone,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def man_page(self, installer: str) -> Path:
        """Where an installer puts the man page of `todo`."""
        share = self.home / ".local" / "share"
        folders = {
            "pip": self.clone / ".venv" / "share",
            "uv": share / "uv" / "tools" / "neon-todo" / "share",
            "pipx": share,
        }
        return folders[installer] / "man" / "man1" / "todo.1"

    def release(self, version: str) -> None:
        """Make the clone that of another version, as `git pull` does."""
        module = self.clone / VERSION
        text, times = re.subn(r'"\d[^"]*"', f'"{version}"', module.read_text())
        assert times == 1
        module.write_text(text)


def place_in(folder: Path) -> Place:
    """A fresh clone and a fresh home; the folder's name has a blank."""
    clone, home = folder / "a clone", folder / "home"
    clone.mkdir()
    home.mkdir()
    for name in SHIPPED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(
                source,
                clone / name,
                ignore=shutil.ignore_patterns("__pycache__"),
            )
        else:
            shutil.copy(source, clone)
    own = str(home / ".local" / "bin")
    return Place(clone, home, os.pathsep.join([own, os.environ["PATH"]]))


def check(what: str, is_so: bool) -> None:
    """Say what is so.

    Raises:
        Wrong: it is not.
    """
    if not is_so:
        raise Wrong(f"not so: {what}")


def try_out(installer: str, place: Place) -> None:
    """Install, upgrade and uninstall.

    Raises:
        Wrong: something is not as README says.
    """
    typed = commands(installer)
    place.run(typed.install)
    page = place.man_page(installer)
    check(f"{page} is a man page", page.read_text().startswith('.\\" Made'))
    if installer != "pip":
        place.run("todo add Buy milk")
    config = place.home / ".config" / "todo" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(CONFIG)
    check(
        "an export as iCalendar needs its extra",
        not place.has("todo export tasks.ics"),
    )

    place.release("0.99.0")
    place.run(typed.upgrade)
    check(
        "an upgrade brings the new version",
        place.run("todo --version") == "todo 0.99.0\n",
    )
    place.run(typed.extras)
    place.run("todo export tasks.ics && todo serve --help")
    place.release("0.99.1")
    place.run(typed.upgrade)
    check(
        "an upgrade brings the new version again",
        place.run("todo --version") == "todo 0.99.1\n",
    )
    place.run("todo export tasks.ics --force")
    check("the task is there", "Buy milk" in place.run("todo list"))

    place.run(typed.uninstall)
    check("no command is left", not place.has("command -v todo"))
    store = place.home / ".local" / "share" / "todo" / "todo.db"
    check("the tasks are left", store.stat().st_size > 0)
    check("the settings are left", config.read_text() == CONFIG)


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> int:
    """Try the installers that are named, else all of them."""
    if set(arguments) - set(INSTALLERS):
        sys.stderr.write(__doc__ or "")
        return 2
    failed = 0
    for installer in arguments or INSTALLERS:
        if installer != "pip" and shutil.which(installer) is None:
            say(f"left out: {installer} (not found)")
            continue
        with tempfile.TemporaryDirectory(prefix="todo-installing-") as folder:
            try:
                try_out(installer, place_in(Path(folder)))
            except Wrong as fault:
                say(f"{installer}: {fault}")
                failed += 1
            else:
                say(f"{installer}: installs, upgrades and uninstalls")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
