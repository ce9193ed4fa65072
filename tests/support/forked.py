"""`todo` as a process forked from one that has loaded everything: its own streams,
signals and end, without the start.

A run costs a tenth of one that starts an interpreter. What the start itself does
(loading, locales, streams that are closed before it) is not seen here;
`new_interpreter` shows it. The fork server is that of `multiprocessing`.
"""

import ast
import fcntl
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import connection, forkserver, reduction
from pathlib import Path
from threading import Lock, Thread
from types import TracebackType
from typing import IO, Any, Self

from tests.support.hosts.sitecustomize import resolving
from tests.support.program import Child, new_interpreter
from tests.support.warm import IS_WARM

ROOT = Path(__file__).parents[2]
STREAMS = 3
MOST_DESCRIPTORS = 1024
LOADED = "tests.support.loaded"

CALLER = """
import _signal, _socket, os, sys
line = _socket.socket(_socket.AF_UNIX)
line.connect(sys.argv[1])
streams = b"".join(number.to_bytes(4, sys.byteorder) for number in range(3))
line.sendmsg([b"+"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
line.sendall(ascii((sys.argv[2:], dict(os.environ), os.getcwd())).encode() + b"\\n")
status = int(line.recv(16))
if status < 0:
    _signal.signal(-status, _signal.SIG_DFL)
    os.kill(os.getpid(), -status)
sys.exit(status)
"""
"""A `todo` that is only a caller; `json`, `signal` and `socket` would double its cost."""

FORKING = multiprocessing.get_context("forkserver")
# Starting a process also looks after those that ended, and `multiprocessing` does that
# without a lock: two threads would both read the status of one.
ONE_AT_A_TIME = Lock()
IN_PYTHON = ("be_noisy", "give_up_soon", "look_back")
"""What is done before the program and does not survive the start of another Python."""


@dataclass(frozen=True, slots=True)
class Handed:
    """A descriptor of ours that a process gets with its arguments, as a number of its own."""

    number: int

    def __reduce__(self) -> tuple[Callable[[Any], int], tuple[Any]]:
        return received, (reduction.DupFd(self.number),)


def received(handed: Any) -> int:
    """The number under which a process got a descriptor."""
    number: int = handed.detach()
    return number


class ForkedChild:
    """A process of the program; as `subprocess.Popen` is, see `Child`."""

    def __init__(
        self,
        process: Any,
        stdin: int | None,
        stdout: int | None,
        stderr: int | None,
    ) -> None:
        self.stdin = _file_of(stdin, "wb")
        self.stdout = _file_of(stdout, "rb")
        self.stderr = _file_of(stderr, "rb")
        self.pid: int = process.pid
        self._process = process

    @property
    def returncode(self) -> int | None:
        """How it ended, if it has."""
        return self.poll()

    def communicate(
        self, input: bytes | None = None, timeout: float | None = None
    ) -> tuple[bytes, bytes]:
        """Give it all of its input and read it to its end."""
        with ThreadPoolExecutor(STREAMS) as threads:
            given = threads.submit(_give, self.stdin, input or b"")
            out = threads.submit(_read, self.stdout)
            err = threads.submit(_read, self.stderr)
            try:
                self.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
            given.result()
            return out.result(), err.result()

    def poll(self) -> int | None:
        """Look whether it has ended."""
        with ONE_AT_A_TIME:
            status: int | None = self._process.exitcode
            return status

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""
        if not connection.wait([self._process.sentinel], timeout):
            raise subprocess.TimeoutExpired("todo", timeout or 0)
        status = self.poll()
        assert status is not None
        return status

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
        for stream in filter(None, (self.stdout, self.stderr, self.stdin)):
            with suppress(BrokenPipeError):
                stream.close()
        if error is not None:
            self.kill()
        self.wait()


def _file_of(descriptor: int | None, mode: str) -> IO[bytes] | None:
    """The file object of our end of a pipe, if there is one."""
    return None if descriptor is None else open(descriptor, mode)


def _give(stream: IO[bytes] | None, data: bytes) -> None:
    """Write all and close, as far as anybody reads it."""
    if stream is not None and not stream.closed:
        with suppress(BrokenPipeError), stream:
            stream.write(data)


def _read(stream: IO[bytes] | None) -> bytes:
    """Read to the end and close."""
    if stream is None:
        return b""
    with stream:
        return stream.read()


class ForkServer:
    """The process that has loaded everything; it ends with this one."""

    def __init__(self) -> None:
        FORKING.set_forkserver_preload([LOADED])
        ours = os.environ.copy()
        os.environ |= {
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
            # The fork server is begun by `python -c`, which looks for modules
            # in the working folder; nobody's `todo` is. Python 3.13.0 cannot
            # even look for a name without that folder: python/cpython#130932.
            "PYTHONSAFEPATH": "1",
        }
        try:
            forkserver.ensure_running()
        finally:
            os.environ.clear()
            os.environ.update(ours)

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
        before: Callable[[], object] | None = None,
    ) -> Child:
        """Run the program; what is to be done `before` has to be picklable."""
        if IS_WARM and _function_of(before) not in IN_PYTHON:
            return new_interpreter(
                arguments,
                env=env,
                cwd=cwd,
                in_terminal=in_terminal,
                before=before,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
            )
        to_stdin, their_input = _ends(stdin, is_written=False)
        from_stdout, their_output = _ends(stdout)
        from_stderr, their_errors = _ends(stderr)
        begins, begun = os.pipe()
        theirs = [their_input, their_output, their_errors, begun]
        process = FORKING.Process(
            target=become,
            args=(
                list(map(Handed, theirs)),
                list(arguments),
                dict(env),
                str(cwd),
            ),
            kwargs={"in_terminal": in_terminal, "before": before},
        )
        with ONE_AT_A_TIME:
            process.start()
        for descriptor in set(theirs) - {stdin, stdout, stderr}:
            os.close(descriptor)
        os.read(
            begins, 1
        )  # until the other end is closed: signals reach the program
        os.close(begins)
        return ForkedChild(process, to_stdin, from_stdout, from_stderr)

    @contextmanager
    def shim(self, folder: Path) -> Iterator[None]:
        """Put a `todo` into a folder that has the program run here, with its own
        streams, and ends as that does.
        """
        path, place, caller = (
            folder / name for name in ("todo", "door", "caller.py")
        )
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
                Thread(
                    target=self._run_for, args=(caller,), daemon=True
                ).start()

    def _run_for(self, caller: socket.socket) -> None:
        with caller, caller.makefile("rb") as lines:
            _, streams, _, _ = socket.recv_fds(caller, 1, STREAMS)
            asked = ast.literal_eval(lines.readline().decode())
            arguments, environment, cwd = asked
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


def _function_of(before: Callable[[], object] | None) -> str:
    """The name of what is to be done before the program."""
    function = before.func if isinstance(before, partial) else before
    return getattr(function, "__name__", "")


def _ends(stream: int, *, is_written: bool = True) -> tuple[int | None, int]:
    """Our end of a stream that it reads or writes, if we have one, and its own."""
    if stream == subprocess.PIPE:
        reading, writing = os.pipe()
        return (reading, writing) if is_written else (writing, reading)
    if stream == subprocess.DEVNULL:
        return None, os.open(os.devnull, os.O_RDWR)
    return None, stream


def become(
    handed: Sequence[int],
    arguments: Sequence[str],
    environment: Mapping[str, str],
    cwd: str,
    *,
    in_terminal: bool,
    before: Callable[[], object] | None,
) -> None:
    """Run the program in this process, which the fork server has just forked."""
    assert LOADED in sys.modules, (
        "the fork server keeps an ImportError to itself"
    )
    from todo_cli.__main__ import run

    for number, descriptor in enumerate(handed[:STREAMS]):
        os.dup2(descriptor, number)
    if in_terminal:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    if hosts := os.environ.get("PYTHON_HOSTS_OF_TESTS"):
        socket.getaddrinfo = resolving(hosts.split(","))
    sys.argv = ["todo", *arguments]
    if before is not None:
        before()
    os.closerange(
        STREAMS, MOST_DESCRIPTORS
    )  # which also says that it has begun
    run()
