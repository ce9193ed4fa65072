"""Ways to run `todo`: through its door in this process, as a process with pipes, and in
a terminal.
"""

import fcntl
import importlib.util
import io
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from todo_cli.cli.ready import Ready

from tests.support.warm import variables_of_session

LIMIT_S = 60  # of a whole run: nothing that is right takes a tenth of it

HOSTS = Path(__file__).parent / "hosts"

# Makes the terminal on fd 0 the controlling one, as a shell would, so that Ctrl-C and
# hanging up reach the program.
IN_TERMINAL = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"


@dataclass(frozen=True, slots=True)
class Ran:
    """What one run left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document of stdout; fails unless stdout is exactly that and one newline."""
        assert self.out.endswith("\n"), self
        assert not self.out.endswith("\n\n"), self
        return json.loads(self.out)

    @property
    def data(self) -> Any:
        """The `data` of a success; fails for anything else."""
        envelope = self.json
        assert (envelope["success"], self.status, self.err) == (True, 0, ""), (
            self
        )
        return envelope["data"]

    @property
    def error(self) -> Any:
        """The `error` of a failure; fails for anything else."""
        envelope = self.json
        assert (envelope["success"], self.status == 0, self.err) == (
            False,
            False,
            "",
        ), self
        return envelope["error"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The environment that every way to run the program starts from."""

    home: Path
    cwd: Path
    url: str | None

    def variables(
        self, user: str | None, changes: Mapping[str, str | None]
    ) -> dict[str, str]:
        """What the program sees; a change to None takes a variable away."""
        ours = {
            "HOME": str(self.home),
            "LC_ALL": "C.UTF-8",
            "TODO_DATABASE_URL": self.url,
            "TODO_USER": user,
        }
        return {
            name: value
            for name, value in (ours | dict(changes)).items()
            if value is not None
        }


@dataclass(frozen=True, slots=True)
class Todo:
    """`todo(...)` runs the program through its door in this process."""

    surroundings: Surroundings
    clock: Callable[[], datetime]
    login: str | None = "tester"

    def __call__(
        self,
        *arguments: str,
        user: str | None = "ada",
        stdin: bytes = b"",
        terminal: bool = False,
        columns: int = 80,
        encoding: str = "utf-8",
        env: Mapping[str, str | None] | None = None,
        ready: "Ready | None" = None,
    ) -> Ran:
        """Run one command; `terminal` makes all three streams terminals."""
        from todo_cli.cli.env import Env
        from todo_cli.cli.main import main

        out, err = io.BytesIO(), io.BytesIO()
        variables = self.surroundings.variables(user, env or {})
        home = variables.get("HOME")
        status = main(
            arguments,
            Env(
                variables=variables,
                cwd=self.surroundings.cwd,
                home=Path(home) if home else None,
                login=self.login,
                stdin=io.BytesIO(stdin),
                stdout=out,
                stderr=err,
                stdin_is_terminal=terminal,
                stdout_is_terminal=terminal,
                stderr_is_terminal=terminal,
                encoding=encoding,
                columns=columns,
                now=self.clock,
                ready=ready,
            ),
        )
        return Ran(
            status,
            out.getvalue().decode(encoding),
            err.getvalue().decode(encoding),
        )


class Child(Protocol):
    """A process of the program, as far as tests use `subprocess.Popen`."""

    stdin: IO[bytes] | None
    stdout: IO[bytes] | None
    stderr: IO[bytes] | None
    pid: int

    @property
    def returncode(self) -> int | Any:
        """How it ended; minus the number of the signal that ended it."""

    def communicate(
        self, input: bytes | None = None, timeout: float | None = None
    ) -> tuple[bytes, bytes]:
        """Give it all of its input and read it to its end."""

    def poll(self) -> int | None:
        """Look whether it has ended."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""

    def send_signal(self, sig: int, /) -> None:
        """Send it a signal."""

    def kill(self) -> None:
        """End it at once."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None: ...


Launch = Callable[..., Child]
"""A way to begin a run: arguments, `env` and `cwd`; `in_terminal`; and what
`subprocess.Popen` is told of streams.
"""


def new_interpreter(
    arguments: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    in_terminal: bool = False,
    before: Callable[[], object] | None = None,
    **how: Any,
) -> Child:
    """Start Python and the program as a shell would."""
    words = command(*arguments)
    if before is not None:
        how["preexec_fn"] = before
    if in_terminal:
        words = [sys.executable, "-I", "-S", "-c", IN_TERMINAL, *words]
    return subprocess.Popen(
        words,
        env=env,
        cwd=cwd,
        start_new_session=in_terminal,
        **how,
    )


@dataclass(frozen=True, slots=True)
class Process:
    """`process(...)` runs the program as a process of its own with pipes; the clock is
    the machine's.
    """

    surroundings: Surroundings
    launch: Launch = new_interpreter

    def __call__(
        self,
        *arguments: str,
        user: str | None = "ada",
        stdin: bytes = b"",
        env: Mapping[str, str | None] | None = None,
    ) -> Ran:
        """Run one command to its end."""
        return finished(self.start(*arguments, user=user, env=env), stdin)

    def start(
        self,
        *arguments: str,
        user: str | None = "ada",
        env: Mapping[str, str | None] | None = None,
        **how: Any,
    ) -> Child:
        """Start one command with three pipes; `how` changes that."""
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        environment = process_environment(self.surroundings, user, env)
        return self.launch(
            arguments,
            env=environment,
            cwd=self.surroundings.cwd,
            **(streams | how),
        )


def finished(process: Child, stdin: bytes = b"") -> Ran:
    """Give a process its input and read it to its end."""
    if process.stdin is not None and process.stdin.closed:
        process.stdin = None  # `subprocess` would flush it
    out, err = process.communicate(stdin, timeout=LIMIT_S)
    return Ran(
        process.returncode, (out or b"").decode(), (err or b"").decode()
    )


@dataclass(frozen=True, slots=True)
class PtyProcess:
    """`pty_process(...)` runs the program in a real terminal; its output is all in `Ran.out`."""

    surroundings: Surroundings
    launch: Launch = new_interpreter

    def __call__(
        self,
        *arguments: str,
        user: str | None = "ada",
        stdin: bytes = b"",
        columns: int = 80,
        env: Mapping[str, str | None] | None = None,
    ) -> Ran:
        """Type `stdin` at once and run one command to its end."""
        with self.start(
            *arguments, user=user, columns=columns, env=env
        ) as terminal:
            terminal.type(stdin)
            return terminal.finish()

    def start(
        self,
        *arguments: str,
        user: str | None = "ada",
        columns: int = 80,
        env: Mapping[str, str | None] | None = None,
    ) -> "Terminal":
        """Start one command in a terminal to talk with; use it in a `with`."""
        environment = process_environment(
            self.surroundings, user, {"TERM": "xterm-256color", **(env or {})}
        )
        start = partial(
            self.launch,
            arguments,
            env=environment,
            cwd=self.surroundings.cwd,
            in_terminal=True,
        )
        return Terminal(start, columns)


class Terminal:
    """A program in a terminal, started with its standard streams, and the person before it."""

    def __init__(self, start: Callable[..., Child], columns: int = 80) -> None:
        self._descriptor, theirs = pty.openpty()
        size = struct.pack("HHHH", 24, columns, 0, 0)
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, size)
        self.usual = termios.tcgetattr(theirs)
        """Its settings before the program begins."""
        self.process = start(stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        self._seen = b""
        self._deadline = time.monotonic() + LIMIT_S

    @property
    def seen(self) -> str:
        """Everything shown so far, with plain line ends."""
        return self._seen.decode(errors="replace").replace("\r\n", "\n")

    def type(self, keys: bytes) -> None:
        """Type keys; `b"\\x03"` is Ctrl-C."""
        if keys:
            os.write(self._descriptor, keys)

    def resize(self, columns: int, lines: int) -> None:
        """Give the window another size."""
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(self._descriptor, termios.TIOCSWINSZ, size)

    def modes(self) -> list[Any]:
        """The settings of the terminal."""
        return termios.tcgetattr(self._descriptor)

    def look(self) -> None:
        """Read what there is by now."""
        # Whoever looks may look for minutes.
        self._deadline = time.monotonic() + LIMIT_S
        while select.select([self._descriptor], [], [], 0)[0]:
            if not self._read():
                return

    def wait_for(self, text: str) -> None:
        """Read until the text has been shown."""
        while text not in self.seen:
            assert self._read(), f"{text!r} was never shown: {self.seen!r}"

    def finish(self) -> Ran:
        """Read until the program ends."""
        while self._read():
            pass
        return Ran(self.process.wait(LIMIT_S), self.seen, "")

    def hang_up(self) -> None:
        """Close the terminal, as when its window is closed."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()

    def _read(self) -> bool:
        """Read what there is; False at the end."""
        ready, _, _ = select.select(
            [self._descriptor],
            [],
            [],
            max(0, self._deadline - time.monotonic()),
        )
        assert ready, f"nothing more within {LIMIT_S} s: {self.seen!r}"
        try:
            data = os.read(self._descriptor, 65536)
        except OSError:  # Linux ends a terminal with EIO
            return False
        self._seen += data
        return bool(data)


def let_signals_through() -> None:
    """Have the processes started from here end by signals, also where this one runs in
    the background or by nohup.
    """
    for number in (
        *(signal.SIGINT, signal.SIGQUIT),
        *(signal.SIGTERM, signal.SIGHUP),
    ):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(
                number, lambda *_: None
            )  # a handler is not inherited, and to ignore is


def command(*arguments: str) -> list[str]:
    """The command line of the program as a process."""
    return [sys.executable, "-m", "todo_cli", *arguments]


def python_path() -> str:
    """Where Python finds the package, and our host names."""
    spec = importlib.util.find_spec("todo_cli")
    assert spec is not None
    assert spec.origin is not None
    folders = (
        HOSTS,
        Path(spec.origin).parents[1],
        os.environ.get("PYTHONPATH", ""),
    )
    return os.pathsep.join(map(str, filter(None, folders)))


def process_environment(
    surroundings: Surroundings,
    user: str | None,
    changes: Mapping[str, str | None] | None,
) -> dict[str, str]:
    """The sealed environment of the tests with the program's own on top; finds the
    package and our host names.
    """
    changes = {
        "PYTHONPATH": python_path(),
        **variables_of_session(changes or {}),
        **(changes or {}),
    }
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in changes
    }
    return kept | surroundings.variables(user, changes)
