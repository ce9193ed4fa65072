"""The program as processes that `todo warm` keeps ready run it, by the clock of the model."""

import atexit
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from tests.support.program import LIMIT_S, Ran, Surroundings, Todo
from tests.support.warm import Warm

ROOT = Path(__file__).parents[2]
CLOCK = ROOT / "tests" / "support" / "clock"


@dataclass(frozen=True, slots=True)
class WarmTodo:
    """`todo(...)` runs the program as a process, and mostly in one that was ready."""

    surroundings: Surroundings
    clock: Callable[[], datetime]

    def __call__(
        self,
        *arguments: str,
        user: str | None = "ada",
        stdin: bytes = b"",
        terminal: bool = False,
    ) -> Ran:
        """Run one command; in this process on a terminal, and where no process can get
        the words.
        """
        if terminal or not all(map(is_word, arguments)):
            todo = Todo(self.surroundings, self.clock)
            return todo(*arguments, user=user, stdin=stdin, terminal=terminal)
        changes = {"CLOCK_OF_TESTS": self.clock().isoformat()}
        done = subprocess.run(
            [sys.executable, "-m", "todo_cli", *arguments],
            env=parent().environment(
                **self.surroundings.variables(user, {}), **changes
            ),
            cwd=self.surroundings.cwd,
            input=stdin,
            capture_output=True,
            timeout=LIMIT_S,
            check=False,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def is_word(text: str) -> bool:
    """Whether a process can get a text as an argument."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeError:
        return False


@cache
def parent() -> Warm:
    """The parent of all runs; at the end it says how many commands were warm."""
    folder = tempfile.mkdtemp(prefix="todo-lockstep-")
    variables = {
        "PATH": os.environ["PATH"],
        "LOGNAME": "tester",
        "PYTHONPATH": os.pathsep.join(map(str, (CLOCK, ROOT))),
    }
    warm = Warm(Path(folder), variables)
    warm.start()
    atexit.register(end, warm)
    return warm


def end(warm: Warm) -> None:
    """Say what it did, and end it."""
    said = warm.status()
    sys.stdout.write(f"warm: {said['hits']:,} hits, cold: {said['cold']}\n")
    warm.end()
