"""A parent of `todo warm` in a folder of its own, and its end.

With `TODO_TEST_WARM=1` every process of the program that a test starts finds
one, and really is started as a process.
"""

import atexit
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from todo_cli.warm import wire

IS_WARM = os.environ.get("TODO_TEST_WARM") == "1"

ASK = """
import dataclasses, json, sys
from todo_cli.warm import control
call, options = json.loads(sys.argv[1])
found = getattr(control, call)(*options)
if dataclasses.is_dataclass(found):
    found = dataclasses.asdict(found)
print(json.dumps(found, default=str))
"""


@dataclass(slots=True)
class Warm:
    """A folder for the socket, and what `todo warm` does there."""

    folder: Path
    variables: Mapping[str, str]
    """The environment that the parent is started in."""
    options: Mapping[str, float] = field(default_factory=dict)

    @property
    def socket(self) -> Path:
        return self.folder / "todo" / "warm.sock"

    @property
    def lock(self) -> Path:
        return self.folder / "todo" / "warm.lock"

    def environment(self, **changes: str) -> dict[str, str]:
        """The environment that finds the parent."""
        return {
            **self.variables,
            "XDG_RUNTIME_DIR": str(self.folder),
            **changes,
        }

    def ask(self, call: str, *arguments: Any, **changes: str) -> Any:
        """Call a function of `control` in a process of its own."""
        done = subprocess.run(
            [sys.executable, "-c", ASK, json.dumps([call, arguments])],
            env=self.environment(**changes),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def start(self) -> int:
        """Start the parent; return its process number."""
        number: int = self.ask("start", self.options)["pid"]
        return number

    def stop(self) -> None:
        """Stop it, if it is there."""
        self.ask("stop")

    def end(self) -> None:
        """Stop it, see that nothing is left, and remove its folder."""
        self.stop()
        wait_until(lambda: not self.processes(), "a process is left")
        assert not self.socket.exists()
        shutil.rmtree(self.folder)

    def status(self) -> Any:
        """What it says about itself; None if it does not answer."""
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(10)
        try:
            with line:
                line.connect(str(self.socket))
                wire.receive(line.recv)
                line.sendall(wire.pack(wire.STATE))
                answer = wire.receive(line.recv)
        except OSError:
            return None
        return answer and json.loads(answer[1])

    def hits(self) -> int:
        """How many commands it has run."""
        number: int = self.status()["hits"]
        return number

    def processes(self) -> set[int]:
        """The parent and all workers, by what their command lines name."""
        return processes_of(self.folder)


def processes_of(folder: Path) -> set[int]:
    """Every process whose command line names the folder of a socket."""
    found = set()
    name = os.fsencode(folder / "todo")
    for number in filter(str.isdecimal, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if name in words and b"warm.entry" in b"".join(words):
            found.add(int(number))
    return found


def wait_until(is_so: Any, what: str, within_s: float = 60) -> None:
    """Look again and again until it is so."""
    until = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < until, what
        time.sleep(0.05)


@cache
def of_session() -> Warm:
    """The parent that all processes of this session find; it ends with it."""
    from tests.support.program import python_path

    folder = Path(tempfile.mkdtemp(prefix="todo-warm-"))
    variables = {
        "PATH": os.environ["PATH"],
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": python_path(),
    }
    warm = Warm(folder, variables)
    warm.start()
    atexit.register(_end, warm)
    return warm


def _end(warm: Warm) -> None:
    said = warm.status()
    if said is not None:
        line = f"\nwarm: {said['hits']} hits, cold: {said['cold']}\n"
        sys.stderr.write(line)
    warm.stop()
    shutil.rmtree(warm.folder)


def variables_of_session(changes: Mapping[str, str | None]) -> dict[str, str]:
    """The variables that have a process of the program find that parent."""
    # What Python itself loads when it starts reads these.
    names = {"PYTHON_HOSTS_OF_TESTS", "HIDDEN_MODULE"}
    if not IS_WARM or names & {*os.environ, *changes}:
        return {}
    return {"XDG_RUNTIME_DIR": str(of_session().folder)}
