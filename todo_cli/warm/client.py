"""Hands the command of this process to a worker, and ends as that ends.

Runs before anything heavy is loaded, and imports only what takes no time: so
no `socket`, `signal`, `typing` or `re`. Whatever goes wrong before the
command has begun means to run it here, without a word.
"""

import _signal  # type: ignore[import-not-found]  # mypy has no stub
import _socket
import os
import sys

from todo_cli.warm import identity, place, wire

# Importing typing would take longer than handing over.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from todo_cli.cli.pager import Pager

PATIENCE_S: "Final" = 1.0
"""How long a worker may take to say that it can run the command."""

_WAIT_S: "Final" = 0.2
"""How long a wait for the end is before it is begun again."""

_FORWARDED = (
    _signal.SIGINT,
    _signal.SIGTERM,
    _signal.SIGHUP,
    _signal.SIGALRM,
    _signal.SIGXCPU,
)
"""The signals that a command handles: the worker gets each that we get."""
_PIPE_SPACE = _socket.CMSG_SPACE(4)
"""The room for the number of a pipe that comes with a message."""
_OUR_OWN = (b"fd/", b"/tty", b"/proc/")
"""Parts of paths that mean something else in another process: /dev//fd/3."""
_OF_SETTINGS = (b"/dev/fd", b"/proc/")
"""Those in variables: GPG_TTY often is /dev/tty1."""


_DIED: "Final" = "The process that `todo warm` kept for it was killed"


class _Cold(Exception):
    """The command has to be run here."""


def hand_over(folder: str) -> "int | None":
    """Run the command in a worker, if there is one; return its exit status.

    Returns None if the command has to be run here. `folder` is that of the
    socket.
    """
    masked = (*_FORWARDED, _signal.SIGTSTP)
    # What comes before the command has begun is for the one who runs it.
    mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, masked)
    call = None
    try:
        call = _begin(folder, mask)
    # Also MemoryError: here the command has more to say about that.
    except Exception:  # noqa: BLE001 - whatever it is, the command can run here
        return None
    finally:
        if call is None:
            _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)
    return call.ended(mask)


def _begin(folder: str, mask: "set[int]") -> "_Call":
    """Hand the command over; return when it has begun.

    Raises:
        Exception: it has not, and never will, begin in a worker.
    """
    _check_streams()
    _check_words()
    line = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        return _agreed(line, folder, mask)
    except BaseException:
        # Else Python warns of it, where it was told to warn.
        line.close()
        raise


def _agreed(line: "_socket.socket", folder: str, mask: "set[int]") -> "_Call":
    """Agree with a worker that it runs the command.

    Raises:
        Exception: there is none, or it does not.
    """
    connect(line, folder)
    line.settimeout(PATIENCE_S)
    # Made while the worker wakes up.
    message = _request(mask)
    # Not before: what is sent to a parent that hangs would keep our streams
    # open, and so would its reader wait for ever.
    if wire.receive(line.recv) != [wire.HELLO]:
        raise _Cold
    _send(line, message)
    answer = wire.receive(line.recv)
    if answer is None or answer[0] != wire.READY:
        raise _Cold
    settling = answer[2].decode(errors="surrogateescape")
    call = _Call(line, int(answer[1]), settling)
    line.sendall(wire.pack(wire.GO))
    # From here on the worker decides: it may run at any time, if late.
    line.settimeout(None)
    answer = wire.receive(line.recv)
    if answer is None or answer[0] != wire.BEGUN:
        raise _Cold
    return call


def _check_streams() -> None:
    """Check that a worker can use our standard streams.

    Raises:
        _Cold: one is closed, or a terminal of another process group, where
            to read or write may stop us.
    """
    for number in range(3):
        try:
            group = os.tcgetpgrp(number)
        except OSError:
            os.fstat(number)
            continue
        if group != os.getpgrp():
            raise _Cold


def _check_words() -> None:
    """Check that no path means another file in a worker.

    Raises:
        _Cold: one may.
    """
    words = b"\0".join(map(os.fsencode, sys.argv[1:]))
    settings = b"\0".join(os.environb.values())
    for path in _OUR_OWN:
        if path in words:
            raise _Cold
    for path in _OF_SETTINGS:
        if path in settings:
            raise _Cold


def connect(line: "_socket.socket", folder: str) -> None:
    """Connect to the parent, if it is ours.

    Raises:
        Exception: there is none, it is another user's, or its queue is full.
    """
    place.check(folder)
    line.setblocking(False)
    try:
        line.connect(place.socket_of(folder))
    except ConnectionRefusedError:
        place.sweep(folder)  # it was killed
        raise
    if place.user_of(line) != os.geteuid():
        raise _Cold


def _request(mask: "set[int]") -> bytes:
    """Write all that a worker needs to know."""
    variables = os.environb.items()
    return wire.pack(
        wire.RUN,
        identity.program(),
        identity.process(),
        wire.join([os.fsencode(word) for word in sys.argv[1:]]),
        wire.join([name + b"=" + value for name, value in variables]),
        sys.stdout.encoding.encode(),
        _state(mask),
    )


def _send(line: "_socket.socket", message: bytes) -> None:
    """Send the request, our streams and our folder."""
    how = getattr(os, "O_PATH", os.O_RDONLY)
    folder = os.open(".", how | os.O_DIRECTORY | os.O_CLOEXEC)
    numbers = b"".join(
        number.to_bytes(4, sys.byteorder) for number in (0, 1, 2, folder)
    )
    rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, numbers)
    sent = line.sendmsg([message], [rights])
    os.close(folder)
    line.sendall(message[sent:])


def _state(mask: "set[int]") -> bytes:
    """Write what a worker takes over, as `worker.State` reads it."""
    import resource

    # There is no way to only read it.
    umask = os.umask(0o077)
    os.umask(umask)
    ignored = [
        number
        for number in _FORWARDED
        if _signal.getsignal(number) == _signal.SIG_IGN
    ]
    limits: list[int] = []
    try:
        for number in range(64):
            limits += resource.getrlimit(number)
    except ValueError:
        pass  # there are no more
    says = (
        [umask],
        [os.getpriority(os.PRIO_PROCESS, 0)],
        ignored,
        mask,
        limits,
    )
    return b"\0".join(
        b" ".join(b"%d" % number for number in numbers) for numbers in says
    )


class _Call:
    """A command that a worker runs for this process."""

    def __init__(
        self, line: "_socket.socket", worker: int, settling: str
    ) -> None:
        self._line = line
        self._worker = worker
        self._settling = settling
        """The command that settles whether it was stored; empty for a read."""
        self._number: int | None = None
        """The first signal that came."""
        # So a signal can only go to the worker, even if its number is reused.
        self._handle = _handle_of(worker)
        self._pipes: list[int] = []
        """What came with a message: the pipe for a pager."""
        self._pager: Pager | None = None
        self._is_paging = False
        """Whether Ctrl-C is for a pager that runs, or is about to."""

    def ended(self, mask: "set[int]") -> int:
        """Forward signals until the command has ended; return its status."""
        for number in _FORWARDED:
            if _signal.getsignal(number) != _signal.SIG_IGN:
                _signal.signal(number, self._forward)
        if _signal.getsignal(_signal.SIGTSTP) != _signal.SIG_IGN:
            _signal.signal(_signal.SIGTSTP, self._stop)
        _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)
        try:
            answer = self._answer()
        except (OSError, wire.Broken):
            answer = None
        if answer is None:
            return _report_loss(self._settling)
        if self._number is None or wire.FINAL in answer:
            return int(answer[1])
        # It may have come when the worker had ended.
        return 128 + self._number

    def _answer(self) -> "list[bytes] | None":
        """Wait for the end; run a pager meanwhile, if the worker needs one.

        Raises:
            OSError, wire.Broken: the connection broke.
        """
        while True:
            answer = wire.receive(self._read)
            if answer is None or answer[0] != wire.PAGE:
                return answer
            status = self._page(answer[1], self._pipes.pop())
            self._tell(status)

    def _page(self, words: bytes, source: int) -> int:
        """Run a pager to its end; return its exit status.

        Ctrl-C and Ctrl-\\ are its own. What came just before is meant for
        it, too, as the worker has passed that over.
        """
        from todo_cli.cli.pager import Pager

        if self._number == _signal.SIGINT:
            self._number = None
        elif self._number is not None:
            os.close(source)
            return 0
        before = _signal.signal(_signal.SIGQUIT, _do_nothing)
        # First: it may have shown something before we know it.
        self._is_paging = True
        self._pager = Pager(
            [os.fsdecode(word) for word in wire.split(words)],
            source,
            os.environ,
        )
        if self._number is not None:
            self._pager.stop()
        status = self._pager.wait()
        self._pager = None
        self._is_paging = False
        _signal.signal(_signal.SIGQUIT, before)
        return status

    def _tell(self, status: int) -> None:
        """Tell the worker how the pager has ended."""
        try:
            self._line.sendall(wire.pack(wire.PAGED, b"%d" % status))
        except OSError:
            return  # a signal has ended it, and END is here

    def _read(self, length: int) -> bytes:
        """Read what comes, however long that takes.

        A signal that comes just before the wait begins does not end the wait,
        so that is begun again and again.
        """
        self._line.settimeout(_WAIT_S)
        while True:
            try:
                data, rights, _, _ = self._line.recvmsg(length, _PIPE_SPACE)
                for _, _, number in rights:
                    pipe = int.from_bytes(number[:4], sys.byteorder)
                    self._pipes.append(pipe)
                return data
            except TimeoutError:
                pass  # and now Python has called the handler

    def _forward(self, number: int, _frame: object) -> None:
        """Give the worker a signal that we got, and end the pager.

        Ctrl-C is for the pager, which gets it from the terminal.
        """
        if self._is_paging and number == _signal.SIGINT:
            return
        if self._pager is not None:
            self._pager.stop()
        if self._number is None:
            self._number = number
        self._signal(number)

    def _signal(self, number: int) -> None:
        """Send the worker a signal."""
        try:
            if self._handle is None:
                os.kill(self._worker, number)
            else:
                _signal.pidfd_send_signal(self._handle, number)
        except OSError:
            pass  # it has ended, and so do we

    def _stop(self, number: int, _frame: object) -> None:
        """Stop the worker and this process: Ctrl-Z. Then go on with both."""
        if self._pager is not None:
            self._pager.rest()
        self._signal(_signal.SIGSTOP)
        _signal.signal(number, _signal.SIG_DFL)
        os.kill(os.getpid(), number)
        # Here it stops, and a shell says when it goes on.
        _signal.signal(number, self._stop)
        self._signal(_signal.SIGCONT)


def _do_nothing(_number: int, _frame: object) -> None:
    """Handle a signal that is for another program."""


def _handle_of(worker: int) -> "int | None":
    """Open a handle of a process; None where the system has none."""
    try:
        return os.pidfd_open(worker)
    except (AttributeError, OSError):
        return None


def _report_loss(settling: str) -> int:
    """Say what became of a command whose worker died; return the exit status.

    `settling` is the command that settles whether a write was stored; it is
    empty for a read.
    """
    # Now there is time to load them.
    from todo_cli.__main__ import arguments
    from todo_cli.cli import main
    from todo_cli.cli.env import Env
    from todo_cli.cli.printer import Printer
    from todo_cli.errors import IoFailed, OutcomeUnknown

    env = Env.of_process()
    as_json = main.read_config(main.split(arguments()), env).as_json
    printer = Printer(env, as_json=as_json)
    if settling:
        message = f"{_DIED} while it was being stored: it may or may not be"
        unknown = OutcomeUnknown(message, hint=settling)
        return printer.write(printer.failure(unknown))
    failed = IoFailed(f"{_DIED}; nothing was changed", hint="run it again")
    return printer.write(printer.failure(failed))
