"""`todo` as a process forked from one that has loaded everything: its own streams,
signals and end, without the start.

A run costs a tenth of one that starts an interpreter. What the start itself does
(loading, locales, streams that are closed before it) is not seen here;
`new_interpreter` shows it.
"""

import array
import fcntl
import gc
import io
import json
import os
import select
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock, Thread
from types import TracebackType
from typing import IO, Any, NoReturn, Self

from tests.support.hosts.sitecustomize import resolving
from tests.support.program import LIMIT_S, Surroundings, Todo, process_environment

STREAMS = 3
HANDED = STREAMS + 1
"""With each request: standard input, output and error, and where to tell pid and status."""

CALLER = """
import json, os, signal, socket, sys
line = socket.socket(socket.AF_UNIX)
line.connect(sys.argv[1])
socket.send_fds(line, [b"+"], [0, 1, 2])
line.sendall(json.dumps([sys.argv[2:], dict(os.environ), os.getcwd()]).encode() + b"\\n")
status = int(line.recv(16))
if status < 0:
    signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
sys.exit(status)
"""
"""A `todo` that is only a caller."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to run, and in which state of the process."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    cwd: str
    in_terminal: bool
    umask: int
    closed: Sequence[int]
    before: str


class ForkedChild:
    """A process of the program; as `subprocess.Popen` is, see `Child`."""

    def __init__(
        self, stdin: int | None, stdout: int | None, stderr: int | None, told: int
    ) -> None:
        self.stdin: IO[bytes] | None = None if stdin is None else open(stdin, "wb")  # noqa: SIM115 - closed at the end
        self.stdout: IO[bytes] | None = None if stdout is None else open(stdout, "rb")  # noqa: SIM115
        self.stderr: IO[bytes] | None = None if stderr is None else open(stderr, "rb")  # noqa: SIM115
        self.returncode: int | None = None
        self._told = open(told, "rb", buffering=0)  # noqa: SIM115
        self.pid = self._hear()

    def communicate(
        self, input: bytes | None = None, timeout: float | None = None
    ) -> tuple[bytes, bytes]:
        """Give it all of its input and read it to its end."""
        deadline = time.monotonic() + (LIMIT_S if timeout is None else timeout)
        rest, gathered = memoryview(input or b""), {self.stdout: b"", self.stderr: b""}
        with selectors.DefaultSelector() as selector:
            for stream in filter(None, gathered):
                selector.register(stream, selectors.EVENT_READ)
            if self.stdin is not None and not self.stdin.closed:
                with suppress(BrokenPipeError):
                    self.stdin.flush()
                os.set_blocking(self.stdin.fileno(), False)
                selector.register(self.stdin, selectors.EVENT_WRITE)
            while selector.get_map():
                ready = selector.select(deadline - time.monotonic())
                if not ready:
                    raise subprocess.TimeoutExpired("todo", timeout or LIMIT_S)
                for key, _ in ready:
                    if key.fileobj is self.stdin:
                        try:
                            rest = rest[os.write(key.fd, rest) :] if rest else rest
                        except BrokenPipeError:
                            rest = rest[:0]
                        if not rest:
                            selector.unregister(self.stdin)
                            self._close(self.stdin)
                        continue
                    assert isinstance(key.fileobj, io.BufferedReader)
                    data = key.fileobj.read1()
                    gathered[key.fileobj] += data
                    if not data:
                        selector.unregister(key.fileobj)
                        key.fileobj.close()
        self.wait(deadline - time.monotonic())
        return gathered[self.stdout], gathered[self.stderr]

    def poll(self) -> int | None:
        """Look whether it has ended."""
        if self.returncode is None and select.select([self._told], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""
        if self.returncode is None:
            if not select.select(
                [self._told], [], [], timeout if timeout is None else max(timeout, 0)
            )[0]:
                raise subprocess.TimeoutExpired("todo", timeout or 0)
            self.returncode = self._hear()
            self._told.close()
        return self.returncode

    def send_signal(self, number: int, /) -> None:
        """Send it a signal, if it is there."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        for stream in (self.stdout, self.stderr, self.stdin):
            self._close(stream)
        if error is not None:
            self.kill()
        self.wait()

    def _hear(self) -> int:
        """Read the next number that is told of it: its pid, then its status; both may
        be there already.
        """
        line = b""
        while not line.endswith(b"\n"):
            byte = self._told.read(1)
            assert byte, "nobody is left who knows of it"
            line += byte
        return int(line)

    def _close(self, stream: IO[bytes] | None) -> None:
        if stream is not None:
            with suppress(BrokenPipeError):
                stream.close()


class ForkServer:
    """The process that has loaded everything; for the time of a `with`."""

    def __init__(self, folder: Path) -> None:
        self._line, theirs = socket.socketpair()
        self._one_at_a_time = Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.forked", str(theirs.fileno())],
            env=process_environment(Surroundings(folder, folder, None), None, {}),
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        assert self._line.recv(1), "it did not start"

    def launch(
        self,
        arguments: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        in_terminal: bool = False,
        stdin: int = subprocess.PIPE,
        stdout: int = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
        umask: int = -1,
        closed: Sequence[int] = (),
        before: str = "",
    ) -> ForkedChild:
        """Run the program; with streams `closed`, and some Python run `before` it, if
        that is asked for.
        """
        told, telling = os.pipe()
        their_input, to_stdin = (
            os.pipe() if stdin == subprocess.PIPE else _ends(stdin)[::-1]
        )
        (from_stdout, their_output), (from_stderr, their_errors) = (
            _ends(stdout),
            _ends(stderr),
        )
        theirs = [their_input, their_output, their_errors, telling]
        request = Request(
            list(arguments),
            dict(env),
            str(cwd),
            in_terminal,
            umask,
            list(closed),
            before,
        )
        text = json.dumps(asdict(request)).encode()
        with self._one_at_a_time:
            socket.send_fds(self._line, [len(text).to_bytes(8)], theirs)
            self._line.sendall(text)
        for descriptor in set(theirs) - {stdin, stdout, stderr}:
            os.close(descriptor)
        return ForkedChild(to_stdin, from_stdout, from_stderr, told)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._line.close()
        self._process.wait(LIMIT_S)

    @contextmanager
    def shim(self, folder: Path) -> Iterator[None]:
        """Put a `todo` into a folder that has the program run here, with its own
        streams, and ends as that does.
        """
        path, place, caller = (folder / name for name in ("todo", "door", "caller.py"))
        caller.write_text(CALLER)
        path.write_text(
            f'#!/bin/sh\nexec "{sys.executable}" -I -S "{caller}" "{place}" "$@"\n'
        )
        path.chmod(0o755)
        with socket.socket(socket.AF_UNIX) as door:
            door.bind(str(place))
            door.listen()
            Thread(target=self._answer, args=(door,), daemon=True).start()
            yield
            door.shutdown(socket.SHUT_RDWR)

    def _answer(self, door: socket.socket) -> None:
        """Run what callers ask for, all at the same time."""
        with suppress(OSError):
            while True:
                caller, _ = door.accept()
                Thread(target=self._run_for, args=(caller,), daemon=True).start()

    def _run_for(self, caller: socket.socket) -> None:
        with caller, caller.makefile("rb") as lines:
            _, streams, _, _ = socket.recv_fds(caller, 1, STREAMS)
            arguments, environment, cwd = json.loads(lines.readline())
            stdin, stdout, stderr = streams
            child = self.launch(
                arguments,
                env=environment,
                cwd=Path(cwd),
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
            )
            for stream in streams:
                os.close(stream)
            caller.sendall(str(child.wait()).encode())


def _ends(stream: int) -> tuple[int | None, int]:
    """Our end of a stream that it writes to, if we have one, and its own."""
    if stream == subprocess.PIPE:
        return os.pipe()
    return None, os.open(
        os.devnull, os.O_RDWR
    ) if stream == subprocess.DEVNULL else stream


def serve(line: socket.socket) -> None:
    """Fork a process for each request until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # as it is when the program is reached
    load()
    gc.collect()
    gc.freeze()  # what is never looked at again is never copied
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who wait
    line.send(b"+")
    while True:
        head, ancillary, _, _ = line.recvmsg(
            8, socket.CMSG_SPACE(HANDED * array.array("i").itemsize)
        )
        if not head:
            return
        descriptors = array.array("i")
        for _, _, data in ancillary:
            descriptors.frombytes(data)
        text = b""
        while len(text) < int.from_bytes(head):
            text += line.recv(int.from_bytes(head) - len(text))
        if os.fork() == 0:
            line.close()
            wait_for(list(descriptors), Request(**json.loads(text)))
        for descriptor in descriptors:
            os.close(descriptor)


def load() -> None:
    """Load all that a command loads, on either store, and all that the API loads; and
    what a first use makes ready.
    """
    import todo_cli.__main__
    import todo_cli.api.server
    import todo_cli.cli.app
    import todo_cli.cli.doctor
    import todo_cli.cli.run
    import todo_cli.database.connection
    import todo_cli.database.dialect_postgresql
    import todo_cli.database.dialect_sqlite
    import todo_cli.database.transfer
    import todo_cli.output.terminal
    import todo_cli.service  # noqa: F401

    with tempfile.TemporaryDirectory() as folder:
        todo = Todo(
            Surroundings(Path(folder), Path(folder), None), lambda: datetime.now(UTC)
        )
        for command in (
            "add a",
            "list",
            "show 1",
            "update 1 --title b",
            "done 1",
            "delete 1",
        ):
            for terminal in (False, True):
                todo(*command.split(), terminal=terminal)


def wait_for(descriptors: list[int], request: Request) -> NoReturn:
    """Fork the program, tell its pid, wait for it, and tell its status as `subprocess` has it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *streams, told = descriptors
    pid = os.fork()
    if pid == 0:
        os.close(told)
        become(streams, request)
    for stream in streams:
        os.close(stream)
    os.write(told, f"{pid}\n".encode())
    _, status = os.waitpid(pid, 0)
    os.write(told, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def become(streams: list[int], request: Request) -> NoReturn:
    """Run the program in this process."""
    from todo_cli.__main__ import run

    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    if request.in_terminal:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for number in request.closed:
        os.close(number)
    if request.umask >= 0:
        os.umask(request.umask)
    os.chdir(request.cwd)
    os.environ.clear()
    os.environ.update(request.environment)
    if hosts := os.environ.get("HOSTS_OF_TESTS"):
        socket.getaddrinfo = resolving(hosts.split(","))
    sys.argv = ["todo", *request.arguments]
    scope: dict[str, Any] = {}
    exec(request.before, scope)
    try:
        run()
    except BaseException:  # noqa: BLE001 - what the interpreter would do
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
        os._exit(1)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
