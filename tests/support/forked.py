"""`todo` as a process forked from one that has loaded everything: its own streams, signals and end, without the start.

A run costs a tenth of one that starts an interpreter, so that a table of faults can be run whole. What the start itself
does (loading, locales, streams that are closed) is not seen here; `Process` shows it.
"""

import array
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import NoReturn, Self

from tests.support.program import LIMIT_S, Ran, Surroundings, process_environment

STREAMS = 3
"""Standard input, output and error are handed over with each request, and after them where to tell pid and status."""


class Run:
    """One process of the program with three pipes; use it in a `with` where it may not come to its end."""

    def __init__(self, stdin: int, stdout: int, stderr: int, told: int) -> None:
        self._open = {stdin, stdout, stderr, told}
        self._stdin = stdin
        self._outputs = {stdout: b"", stderr: b""}
        self._told = told
        self.pid = self._hear()

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def write(self, stdin: bytes) -> None:
        """Give it all of its standard input, which must fit into a pipe."""
        os.write(self._stdin, stdin)
        self._close(self._stdin)

    def finish(self, stdin: bytes = b"") -> Ran:
        """Read to its end, once it has got its standard input."""
        if self._stdin in self._open:
            self.write(stdin)
        deadline = time.monotonic() + LIMIT_S
        with selectors.DefaultSelector() as selector:
            for descriptor in self._outputs:
                selector.register(descriptor, selectors.EVENT_READ)
            while selector.get_map():
                ready = selector.select(deadline - time.monotonic())
                assert ready, f"nothing more within {LIMIT_S} s: {self._outputs}"
                for key, _ in ready:
                    data = os.read(key.fd, 65536)
                    self._outputs[key.fd] += data
                    if not data:
                        selector.unregister(key.fd)
        status = self._hear()
        self._close(*self._open)
        out, err = self._outputs.values()
        return Ran(status, out.decode(), err.decode())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open:
            self.send_signal(signal.SIGKILL)
            self._close(*self._open)

    def _hear(self) -> int:
        """Read the next number that is told of it: its pid, then its status; both may be there already."""
        line = b""
        while not line.endswith(b"\n"):
            byte = os.read(self._told, 1)
            assert byte, "nobody is left who knows of it"
            line += byte
        return int(line)

    def _close(self, *descriptors: int) -> None:
        for descriptor in descriptors:
            os.close(descriptor)
        self._open -= set(descriptors)


class ForkServer:
    """The process that has loaded everything; for the time of a `with`."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._line, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.forked", str(theirs.fileno())],
            env=process_environment(surroundings, None, {}),
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        assert self._line.recv(1), "it did not start"

    def start(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        cwd: str,
        *,
        stdout: int | None = None,
        closed: Sequence[int] = (),
    ) -> Run:
        """Start the program with three pipes; with another stdout, or with streams closed, if that is asked for."""
        to_stdin, from_stdout, from_stderr, told = (os.pipe() for _ in range(STREAMS + 1))
        theirs = [to_stdin[0], from_stdout[1], from_stderr[1], told[1]]
        handed = [theirs[0], theirs[1] if stdout is None else stdout, *theirs[2:]]
        request = json.dumps([list(arguments), dict(environment), cwd, list(closed)]).encode()
        socket.send_fds(self._line, [len(request).to_bytes(8)], handed)
        self._line.sendall(request)
        for descriptor in theirs:
            os.close(descriptor)
        return Run(to_stdin[1], from_stdout[0], from_stderr[0], told[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.close()
        self._process.wait(LIMIT_S)


@dataclass(frozen=True, slots=True)
class Forked:
    """`forked(...)` runs the program as a process of its own; the clock is the machine's."""

    surroundings: Surroundings
    server: ForkServer

    def __call__(
        self,
        *arguments: str,
        user: str | None = "ada",
        stdin: bytes = b"",
        env: Mapping[str, str | None] | None = None,
    ) -> Ran:
        """Run one command to its end."""
        with self.start(*arguments, user=user, env=env) as run:
            return run.finish(stdin)

    def start(
        self,
        *arguments: str,
        user: str | None = "ada",
        env: Mapping[str, str | None] | None = None,
        stdout: int | None = None,
        closed: Sequence[int] = (),
    ) -> Run:
        """Start one command; see `ForkServer.start`."""
        environment = process_environment(self.surroundings, user, env)
        return self.server.start(arguments, environment, str(self.surroundings.cwd), stdout=stdout, closed=closed)


def serve(line: socket.socket) -> None:
    """Fork a process for each request until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # as it is when the program is reached
    load()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who wait
    line.send(b"+")
    while True:
        head, ancillary, _, _ = line.recvmsg(8, socket.CMSG_SPACE((STREAMS + 1) * array.array("i").itemsize))
        if not head:
            return
        descriptors = array.array("i")
        for _, _, data in ancillary:
            descriptors.frombytes(data)
        request = b""
        while len(request) < int.from_bytes(head):
            request += line.recv(int.from_bytes(head) - len(request))
        if os.fork() == 0:
            line.close()
            wait_for(list(descriptors), *json.loads(request))
        for descriptor in descriptors:
            os.close(descriptor)


def load() -> None:
    """Load all that a command loads, on either store."""
    import todo_cli.__main__
    import todo_cli.cli.app
    import todo_cli.cli.doctor
    import todo_cli.cli.run
    import todo_cli.database.connection
    import todo_cli.database.dialect
    import todo_cli.database.transfer
    import todo_cli.output.terminal
    import todo_cli.service  # noqa: F401


def wait_for(
    descriptors: list[int], arguments: list[str], environment: dict[str, str], cwd: str, closed: list[int]
) -> NoReturn:
    """Fork the program, tell its pid, wait for it, and tell its status as `subprocess` has it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *streams, told = descriptors
    pid = os.fork()
    if pid == 0:
        os.close(told)
        become(streams, arguments, environment, cwd, closed)
    for stream in streams:
        os.close(stream)
    os.write(told, f"{pid}\n".encode())
    _, status = os.waitpid(pid, 0)
    os.write(told, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def become(
    streams: list[int], arguments: list[str], environment: dict[str, str], cwd: str, closed: list[int]
) -> NoReturn:
    """Run the program in this process."""
    from todo_cli.__main__ import run

    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    for number in closed:
        os.close(number)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["todo", *arguments]
    try:
        run()
    except BaseException:  # noqa: BLE001 - what the interpreter would do
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
        os._exit(1)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
