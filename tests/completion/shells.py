"""Real shells in a real terminal, in which somebody types and presses Tab."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.support.program import (
    IN_TERMINAL,
    Surroundings,
    Terminal,
    process_environment,
)

HOME_KEY = b"\x01"
KILL = b"\x15"
READY = "ready to type"


@dataclass(frozen=True, slots=True)
class Kind:
    """A shell: how it is started, and how completion is turned on, as README says."""

    name: str
    words: tuple[str, ...]
    line: str
    before: str = ""
    """What is typed first."""


KINDS = {
    "bash": Kind(
        "bash",
        ("--norc", "--noprofile", "-i"),
        'eval "$(todo completion bash)"',
        "PS1='$ '; bind 'set enable-bracketed-paste off'",
    ),
    "zsh": Kind(
        "zsh",
        ("-f", "-i"),
        'eval "$(todo completion zsh)"',
        "PS1='$ '; bindkey -e; unsetopt beep zle_bracketed_paste",
    ),
    "fish": Kind(
        "fish",
        ("--no-config", "-i"),
        "todo completion fish | source",
        "function fish_prompt; echo '$ '; end",
    ),
}


class Shell:
    """A shell before which somebody sits."""

    def __init__(self, kind: Kind, terminal: Terminal) -> None:
        self._kind = kind
        self._terminal = terminal
        self._count = 0

    def run(self, line: str) -> None:
        """Type a line and Enter, and wait until it is done."""
        self._count += 1
        mark = f"{READY} {self._count}"
        words = mark.split(" ")
        # What is typed is shown, too, so it must not look like the mark.
        printing = "printf '%s %s %s %s\\n' " + " ".join(
            f"'{word[:1]}'{shlex.quote(word[1:] or '')}" for word in words
        )
        self._terminal.type(f"{line}; {printing}\n".encode())
        self._terminal.wait_for(mark)

    def typed(self, keys: str) -> list[str]:
        """Type keys, `\\t` among them; return the words of the line that results."""
        self._count += 1
        begin = len(self._terminal.seen)
        self._terminal.type(keys.encode())
        end = f"<END{self._count}>"
        command = "printf '<%s>' "
        self._terminal.type(HOME_KEY + command.encode() + b"\x05")
        self._terminal.type(f" END'{self._count}'\n".encode())
        self._terminal.wait_for(end)
        shown = self._terminal.seen[begin:]
        printed = shown[: shown.rindex(end)]
        return printed[printed.rindex("<todo>") + 1 : -1].split("><")

    def listed(self, keys: str, *texts: str) -> str:
        """Type keys, and wait until the texts are shown; take the line away."""
        begin = len(self._terminal.seen)
        self._terminal.type(keys.encode())
        for text in texts:
            while text not in self._terminal.seen[begin:]:
                assert self._terminal._read(), self._terminal.seen[begin:]
        self._terminal.type(KILL)
        return self._terminal.seen[begin:]


@contextmanager
def open_shell(
    name: str, surroundings: Surroundings, folder: Path, line: str = ""
) -> Iterator[Shell]:
    """Start a shell that finds `todo`; completion is on as README says, or by `line`."""
    kind = KINDS[name]
    programs = install(folder)
    path = os.pathsep.join([str(programs), os.environ["PATH"]])
    variables = {"TERM": "xterm", "PATH": path}
    environment = process_environment(surroundings, "ada", variables)
    start = partial(
        _started, [name, *kind.words], environment, surroundings.cwd
    )
    with Terminal(start, columns=120) as terminal:
        shell = Shell(kind, terminal)
        if kind.before:
            shell.run(kind.before)
        shell.run(line or kind.line)
        yield shell


def install(folder: Path) -> Path:
    """Make a folder with the program as a command."""
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    script = programs / "todo"
    python = shlex.quote(sys.executable)
    script.write_text(f'#!/bin/sh\nexec {python} -m todo_cli "$@"\n')
    script.chmod(0o755)
    return programs


def _started(
    words: list[str], environment: dict[str, str], cwd: Path, **how: Any
) -> Any:
    """Start a program in a terminal."""
    return subprocess.Popen(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            IN_TERMINAL,
            _found(words[0], environment["PATH"]),
            *words[1:],
        ],
        env=environment,
        cwd=cwd,
        start_new_session=True,
        **how,
    )


def _found(name: str, path: str) -> str:
    """Where a program is."""
    found = shutil.which(name, path=path)
    assert found is not None
    return found
