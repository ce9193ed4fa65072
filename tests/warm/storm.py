"""Many commands at once while their parent is killed: each is run once, or says so.

    python -m tests.warm.storm [--commands 1000] [--shells 16] [--kills 20]

Every command adds a task with a title of its own. The parent is killed at random
moments, and started again. At the end nothing may be left but the store.
"""

import argparse
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.program import command, python_path
from tests.support.warm import Warm, wait_until
from todo_cli.errors import Code

STORED, BUSY, UNKNOWN = 0, 6, Code.OUTCOME_UNKNOWN.exit
LEFT_S = 60
"""How long anything may be left after the last parent was killed."""


@dataclass(slots=True)
class Storm:
    """The commands of one run, and what became of each."""

    folder: Path
    warm: Warm
    ended: dict[str, int] = field(default_factory=dict)
    """The exit status of each command, by the title of its task."""
    said: list[str] = field(default_factory=list)
    """What commands have printed that failed otherwise."""
    hits: int = 0
    """How many ran warm, as each parent said before it was killed."""

    @property
    def store(self) -> Path:
        return self.folder / "store.db"

    def add(self, title: str) -> None:
        """Run one command."""
        variables = self.warm.environment(
            TODO_USER="ada",
            TODO_DATABASE_URL=f"sqlite:///{self.store}",
            HOME=str(self.folder),
            TODO_TIMEOUT="120",
        )
        done = subprocess.run(
            command("add", title),
            env=variables,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        self.ended[title] = done.returncode
        if done.returncode not in (STORED, BUSY, UNKNOWN):
            self.said.append(f"{done.returncode}: {done.stderr}")

    def kill(self) -> None:
        """Kill the parent, and start another."""
        self._count()
        with suppress(OSError, ValueError):
            os.kill(int(self.warm.lock.read_text()), signal.SIGKILL)
        self.warm.start()

    def _count(self) -> None:
        """Note how many commands a parent has run that is to be killed."""
        status = self.warm.status()
        if status is not None:
            self.hits += status["hits"]

    def counts(self) -> Counter[str]:
        """How many tasks there are of each title."""
        with closing(sqlite3.connect(self.store)) as connection:
            rows = connection.execute("SELECT title FROM task").fetchall()
        return Counter(title for (title,) in rows)

    def faults(self) -> list[str]:
        """What is wrong with what became of the commands."""
        counts = self.counts()
        found = []
        for title, status in self.ended.items():
            least = most = 0
            if status == STORED:
                least = most = 1
            elif status == UNKNOWN:
                most = 1
            if not least <= counts[title] <= most:
                found.append(
                    f"{title}: status {status}, {counts[title]} times"
                )
        return found


def run(commands: int, shells: int, kills: int) -> Storm:
    """Run the commands, and kill the parent so many times meanwhile."""
    folder = Path(tempfile.mkdtemp(prefix="todo-storm-"))
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": python_path()}
    storm = Storm(folder, Warm(folder, variables))
    try:
        storm.warm.start()
        storm.add("the first")
        titles = [f"task {number}" for number in range(commands)]
        with ThreadPoolExecutor(shells) as threads:
            all_done = threading.Event()
            killer = threading.Thread(
                target=_kill, args=(storm, kills, commands, all_done)
            )
            killer.start()
            list(threads.map(storm.add, titles))
            all_done.set()
            killer.join()
        storm.kill()
        _end(storm)
        storm.said += storm.faults()
        return storm
    finally:
        shutil.rmtree(folder)


def _kill(
    storm: Storm, kills: int, commands: int, all_done: threading.Event
) -> None:
    """Kill the parent when so many commands have ended, chosen by chance."""
    for moment in sorted(random.sample(range(commands), kills)):
        while len(storm.ended) < moment and not all_done.is_set():
            time.sleep(random.uniform(0, 0.05))
        storm.kill()


def _end(storm: Storm) -> None:
    """Kill the last parent, and see that nothing is left."""
    os.kill(int(storm.warm.lock.read_text()), signal.SIGKILL)
    wait_until(
        lambda: not storm.warm.processes() and not storm.warm.socket.exists(),
        "a process or a socket is left",
        LEFT_S,
    )


def main(arguments: Sequence[str]) -> int:
    """Run it, and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.warm.storm")
    parser.add_argument("--commands", type=int, default=1000)
    parser.add_argument("--shells", type=int, default=16)
    parser.add_argument("--kills", type=int, default=20)
    asked = parser.parse_args(arguments)
    storm = run(asked.commands, asked.shells, asked.kills)
    ends = Counter(storm.ended.values())
    lines = [
        f"{len(storm.ended)} commands; by exit status: {dict(ends)}",
        f"{storm.hits} of them warm, as far as each parent could still say",
        *(storm.said or ["every write once, or its outcome was unknown"]),
    ]
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return int(bool(storm.said))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
