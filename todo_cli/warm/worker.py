"""Takes over the state of another process, runs its command, and ends.

A worker is forked from the parent, and waits in `Channel.next`. All that it
takes over it takes before the command is read, so the command finds in this
process what it would find in that of its caller.
"""

import _thread
import fcntl
import os
import pickle
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final, NoReturn

from todo_cli import config
from todo_cli.__main__ import CANNOT_LOAD, arguments, complain
from todo_cli.cli import main
from todo_cli.cli.env import Env
from todo_cli.cli.ready import Ready, Wanted
from todo_cli.errors import Code
from todo_cli.warm import identity, memory, place, wire
from todo_cli.warm.question import Question

if TYPE_CHECKING:
    from todo_cli.cli.parser import Parsed

SILENCE_S: Final = 5.0
"""How long a client may take to send its request."""
_SWEEP_S: Final = 1.0
"""How long to try to remove the socket of a parent that has gone."""
_STEP_S: Final = 0.01
_WAIT_S: Final = 0.2
"""How long a wait for a pager is before it is begun again."""
_DESCRIPTORS: Final = 4
"""How many come with a request: three streams, and the folder."""
_NOT_LOWERED: Final = tuple(
    getattr(resource, name)
    for name in ("RLIMIT_AS", "RLIMIT_DATA", "RLIMIT_STACK", "RLIMIT_RSS")
    if hasattr(resource, name)
)
"""Limits of memory: that of a worker differs from that of its caller. The
limit of the stack counts only when a program starts.
"""
_FEW_FILES: Final = 64
"""Below this limit, the two that only a worker has could be those too much."""
_HANDLED: Final = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGALRM,
    signal.SIGXCPU,
)


class Elsewhere(Exception):
    """The command has to run in the process of its caller."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What the parent was when it had loaded the program."""

    folder: str
    """The folder of its socket."""
    program: bytes
    process: bytes
    at_loading: Mapping[str, str]
    """The variables that were read while it loaded the program."""
    files: identity.Files
    memory: list[memory.Range]
    """What the parent shares with each worker when it is forked."""


class Channel:
    """The worker's end of its connection to the parent."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line

    def fileno(self) -> int:
        """Return the number that can be read when the parent says something."""
        return self._line.fileno()

    def next(self) -> "socket.socket | Wanted | None":
        """Wait for a client, or for a server to connect to.

        Returns None if the parent has gone.
        """
        try:
            head, numbers, _, _ = socket.recv_fds(self._line, 4, 1)
            message = wire.take(head, self._line.recv)
        except (OSError, wire.Broken):
            return None
        if message[0] == wire.DIAL:
            with open(numbers[0], "rb") as pipe:
                wanted: Wanted = pickle.load(pipe)  # noqa: S301 - a worker's own
            return wanted
        return socket.socket(fileno=numbers[0])

    def is_asked(self) -> bool:
        """Whether a client is there already."""
        return bool(select.select([self._line], [], [], 0)[0])

    def tell(self, *fields: bytes) -> None:
        """Tell the parent something, if it is still there."""
        with suppress(OSError):
            self._line.sendall(wire.pack(*fields))

    def follow(self, wanted: Wanted) -> None:
        """Have a worker connect to a server, for the command that follows.

        The parent gets a pipe, and never reads what only that worker shall.
        """
        message = wire.pack(wire.STORE, wanted.target.place.encode())
        with suppress(OSError):
            reading, writing = os.pipe()
            socket.send_fds(self._line, [message], [reading])
            # Else nobody would tell us that nobody reads it.
            os.close(reading)
            with open(writing, "wb") as pipe:
                pipe.write(pickle.dumps(wanted))

    def ask_state(self) -> bytes:
        """Ask the parent for its state, as JSON."""
        self.tell(wire.STATE)
        answer = wire.receive(self._line.recv)
        if answer is None:
            raise wire.Broken
        return answer[1]


@dataclass(frozen=True, slots=True)
class State:
    """What is taken over besides arguments, variables, folder and streams."""

    umask: int
    niceness: int
    ignored: frozenset[int]
    """Signals that a shell has ignored, as for nohup."""
    mask: frozenset[int]
    """Signals that are blocked."""
    limits: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, field: bytes) -> "State":
        """Read a field that the client has written."""
        parts = [
            [int(word) for word in part.split()] for part in field.split(b"\0")
        ]
        umask, niceness, ignored, mask, limits = parts
        return cls(
            umask[0],
            niceness[0],
            frozenset(ignored),
            frozenset(mask),
            tuple(zip(limits[::2], limits[1::2], strict=True)),
        )

    def take(self) -> None:
        """Make it the state of this process.

        Raises:
            Elsewhere: some of it cannot be taken over.
        """
        os.umask(self.umask)
        for number in _HANDLED:
            signal.signal(number, signal.SIG_DFL)
            if number in self.ignored:
                signal.signal(number, signal.SIG_IGN)
        try:
            self._take_niceness()
            for kind, limit in enumerate(self.limits):
                _take_limit(kind, limit)
        except (OSError, ValueError):
            raise Elsewhere("limits") from None

    def _take_niceness(self) -> None:
        if os.getpriority(os.PRIO_PROCESS, 0) != self.niceness:
            os.setpriority(os.PRIO_PROCESS, 0, self.niceness)


def _take_limit(kind: int, limit: tuple[int, int]) -> None:
    """Take over one limit of the caller.

    Raises:
        Elsewhere: it is one of memory.
        OSError, ValueError: the system refuses.
    """
    # Ours stays 0: a core would hold what the command has read.
    if kind == resource.RLIMIT_CORE or resource.getrlimit(kind) == limit:
        return
    is_tight = kind == resource.RLIMIT_NOFILE and 0 <= limit[0] < _FEW_FILES
    if kind in _NOT_LOWERED or is_tight:
        raise Elsewhere("limits")
    resource.setrlimit(kind, limit)


@dataclass(frozen=True, slots=True)
class Request:
    """What a client has sent."""

    program: bytes
    process: bytes
    words: list[bytes]
    variables: dict[bytes, bytes]
    encoding: str
    state: State
    streams: list[int]
    folder: int

    @classmethod
    def of(cls, fields: list[bytes], numbers: list[int]) -> "Request":
        """Read the fields and descriptors of a request.

        Raises:
            ValueError: they are not what a client of this version sends.
        """
        # Fewer come if this process can open no more: see `ulimit -n`.
        if len(numbers) != _DESCRIPTORS:
            raise ValueError
        _, program, process, words, variables, encoding, state = fields
        *streams, folder = numbers
        pairs = {}
        for each in wire.split(variables):
            name, _, value = each.partition(b"=")
            pairs[name] = value
        return cls(
            program,
            process,
            wire.split(words),
            pairs,
            encoding.decode("ascii"),
            State.of(state),
            streams,
            folder,
        )


class Call:
    """One command, from its request to its end."""

    def __init__(
        self,
        line: socket.socket,
        channel: Channel,
        ready: Ready,
        origin: Origin,
    ) -> None:
        self._line = line
        self._origin = origin
        self._channel = channel
        self._ready = ready
        self._has_ended = False
        self._asks_only = False
        self._agreed = _thread.allocate_lock()
        """Locked until the caller says that the command shall begin."""
        self._mask: frozenset[int] = frozenset()
        self._paged = _thread.allocate_lock()
        """Locked until the pager has ended that the caller runs."""
        self._paged.acquire()
        self._status = 0
        """How that has ended."""

    def run(self) -> None:
        """Take a request and run it, or have its caller run it.

        Returns if the caller has only asked for the state of the parent.
        """
        try:
            if place.user_of(self._line) != os.geteuid():
                os._exit(0)
            self._say(wire.HELLO)
            # While the caller writes.
            has_changed = self._origin.files.have_changed()
            request = self._receive()
            if request is None and self._asks_only:
                self._line.close()
                return
            if request is None:
                os._exit(0)
            self._watch_caller()
            # First: the version of a program that has changed differs, too.
            if has_changed:
                raise Elsewhere("changed")
            check(request, self._origin)
            self._take(request)
            self._perform(request.encoding)
        except Elsewhere as reason:
            self.refuse(str(reason))

    def _receive(self) -> Request | None:
        """Read the request; None if it was none for a command, or broken."""
        line = self._line
        line.settimeout(SILENCE_S)
        try:
            head, numbers, _, _ = socket.recv_fds(line, 4, _DESCRIPTORS)
            if len(head) < 4:
                self._channel.tell(wire.COLD, b"given up")
                return None
            fields = wire.take(head, line.recv)
            if fields[0] == wire.STATE:
                self._asks_only = True
                line.sendall(wire.pack(wire.STATE, self._channel.ask_state()))
                return None
            if fields[0] == wire.ASK:
                self._asks_only = True
                self._complete(fields)
                return None
            return Request.of(fields, numbers)
        except (OSError, ValueError, wire.Broken):
            self._channel.tell(wire.COLD, b"broken request")
            return None

    def _complete(self, fields: list[bytes]) -> None:
        """Answer shell completion from the connection that waits, if one does.

        It goes on waiting: no command was run. Without one this process ends,
        because a variable that it has read may be a password.
        """
        found: list[bytes] = []
        with suppress(Exception):
            asked = Question.of(fields)
            found = asked.answer(self._ready, self._origin)
        # If it has gone, it wants no answer any more.
        self._say(wire.ASK, *found)
        if not self._ready.place:
            os._exit(0)
        self._channel.tell(wire.IDLE)

    def _take(self, request: Request) -> None:
        """Take over the state of the caller.

        Raises:
            Elsewhere: some of it cannot be taken over.
        """
        self._mask = request.state.mask
        try:
            os.fchdir(request.folder)
        except OSError:
            raise Elsewhere("folder") from None
        os.close(request.folder)
        for number, stream in enumerate(request.streams):
            os.dup2(stream, number)
            os.close(stream)
        request.state.take()
        os.environb.clear()
        os.environb.update(request.variables)
        os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
        time.tzset()
        # As in `__main__`: what libraries print goes nowhere.
        sys.stdout = sys.stderr = None
        sys.argv[1:] = [os.fsdecode(word) for word in request.words]

    def _perform(self, encoding: str) -> NoReturn:
        """Run the command in this process.

        Raises:
            Elsewhere: it has to run in that of the caller.
        """
        env = Env.of_process(encoding)
        env.signals.before_death = self._die
        if not can_read_config(env):
            raise Elsewhere("config file")
        status = CANNOT_LOAD
        try:
            begin = partial(self._begin, env)
            env = replace(env, begin=begin, ready=self._ready, page=self.page)
            status = main.main(arguments(), env)
        except Exception as error:  # noqa: BLE001 - as of a process of its own
            complain(error)
        self.end(status)

    def _begin(self, env: Env, parsed: "Parsed | None") -> None:
        """Begin the command, or leave it to the caller, who may give up."""
        if not can_run(parsed, env):
            self.refuse("terminal")
        settling = ""
        if parsed is not None and parsed.command.changes():
            settling = main.settling(parsed)
        process = b"%d" % os.getpid()
        # Words that are not UTF-8 are refused later, by the rules.
        line = settling.encode(errors="surrogateescape")
        self._say(wire.READY, process, line)
        self._agreed.acquire()
        self._say(wire.BEGUN)
        self._channel.tell(wire.BEGUN)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def _say(self, *fields: bytes) -> None:
        """Tell the caller something; if it has gone, so does this process."""
        with suppress(OSError):
            self._line.sendall(wire.pack(*fields))

    def _watch_caller(self) -> None:
        """Watch the caller from now on.

        Raises:
            Elsewhere: no thread can be started.
        """
        # Until BEGUN, a signal would end what the caller can still run. The
        # thread never handles one: that would not wake the main thread.
        signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
        self._line.settimeout(None)
        _have_end_wake_us(self._line)
        self._agreed.acquire()
        try:
            _thread.start_new_thread(self._watch, ())
        except RuntimeError:
            raise Elsewhere("threads") from None

    def _watch(self) -> None:
        """Wait until the caller agrees; end this process when it has gone.

        A process of its own that is killed would end at that moment, too.
        """
        has_agreed = False
        with suppress(OSError, wire.Broken):
            has_agreed = wire.receive(self._line.recv) == [wire.GO]
            if has_agreed:
                self._agreed.release()
                self._hear()
        if self._has_ended:
            return
        if not has_agreed:
            self._channel.tell(wire.COLD, b"given up")
        os.kill(os.getpid(), signal.SIGKILL)

    def _hear(self) -> None:
        """Hear how pagers end, until the caller has gone.

        Raises:
            OSError, wire.Broken: the connection broke.
        """
        while message := wire.receive(self._receive_here):
            self._status = int(message[1])
            self._paged.release()

    def _receive_here(self, length: int) -> bytes:
        """Receive from the caller, and wait outside of `recv` for that.

        For a thread that is in it, also one that Ctrl-Z is about to stop, Linux
        sends no signal when the caller ends.
        """
        select.select([self._line], [], [])
        return self._line.recv(length)

    def page(
        self,
        words: Sequence[str],
        source: int,
        _variables: Mapping[str, str],
    ) -> "Call":
        """Have the caller start a pager, with its own variables: see `Start`."""
        names = wire.join([os.fsencode(word) for word in words])
        message = wire.pack(wire.PAGE, names)
        # If it has gone, so does this process.
        with suppress(OSError):
            socket.send_fds(self._line, [message], [source])
        os.close(source)
        return self

    def wait(self) -> int:
        """Wait until the pager has ended; return the exit status.

        A signal that comes just before the wait begins does not end the wait,
        so that is begun again and again.
        """
        while not self._paged.acquire(timeout=_WAIT_S):
            pass
        return self._status

    def stop(self) -> None:
        """Leave the pager to the caller, who ends it with this command."""

    def rest(self) -> None:
        """Do nothing: Ctrl-Z comes to the caller."""

    def refuse(self, reason: str) -> NoReturn:
        """Have the caller run the command itself."""
        self._has_ended = True
        self._say(wire.COLD, reason.encode())
        self._channel.tell(wire.COLD, reason.encode())
        os._exit(0)

    def _die(self, number: int) -> None:
        """End as by a signal: the caller ends itself by it."""
        self.end(128 + number)

    def end(self, status: int) -> NoReturn:
        """Report the exit status, and end."""
        # The reader of a pipe sees its end before the caller ends.
        os.closerange(0, 3)
        self._has_ended = True
        rest = []
        if status == Code.OUTCOME_UNKNOWN.exit:
            rest.append(wire.FINAL)
        self._say(wire.END, b"%d" % status, *rest)
        if status == 0 and self._ready.next is not None:
            self._channel.follow(self._ready.next)
        os._exit(0)


def _have_end_wake_us(line: socket.socket) -> None:
    """Have the system continue this process when the other side has gone.

    Ctrl-Z stops this process, too, with its thread. Were the caller killed
    then, it would stay for ever, and so would its locks in the store.
    """
    # Linux; elsewhere there is no signal that can be sent so.
    if not hasattr(fcntl, "F_SETSIG"):
        return
    fcntl.fcntl(line, fcntl.F_SETOWN, os.getpid())
    # To a process that runs it means nothing.
    fcntl.fcntl(line, fcntl.F_SETSIG, signal.SIGCONT)
    how = fcntl.fcntl(line, fcntl.F_GETFL)
    fcntl.fcntl(line, fcntl.F_SETFL, how | fcntl.FASYNC)


def check(request: Request, origin: Origin) -> None:
    """Check that this process can stand in for that of the caller.

    Raises:
        Elsewhere: it cannot.
    """
    reason = identity.differing(
        origin, request.program, request.process, request.variables
    )
    if reason is not None:
        raise Elsewhere(reason)


def can_read_config(env: Env) -> bool:
    """Whether the config file can be read again, if the caller has to.

    It is read before the command begins, and a pipe can be read only once.
    """
    path = config.config_path(env.variables, env.cwd, env.home)
    if path is None:
        return True
    try:
        return path.is_file() or not path.exists()
    except (OSError, ValueError):
        return True  # and the command says why not


def can_run(parsed: "Parsed | None", env: Env) -> bool:
    """Whether a worker can run a command.

    One that reads from a terminal is left to its caller, which is in the
    session of that terminal.
    """
    if parsed is None:
        return True
    command = parsed.command
    if command.needs_own_process or command.opens_editor():
        return False
    if command.lives_long():
        return False
    if not env.stdin_is_terminal:
        return True
    reads = any(word == "-" or word.endswith("=-") for word in sys.argv[1:])
    return not reads and not command.asks


def _sweep(folder: str) -> None:
    """Remove the socket of the parent that has gone.

    The system may end our connection to a parent that was killed before it
    gives up its lock.
    """
    until = time.monotonic() + _SWEEP_S
    while os.path.lexists(place.socket_of(folder)):
        place.sweep(folder)
        if time.monotonic() > until:
            return  # there is another parent
        time.sleep(_STEP_S)


def work(line: socket.socket, origin: Origin, kept_s: float) -> NoReturn:
    """Wait for a client, run its command, and end.

    It may get a server to connect to before that.
    """
    channel = Channel(line)
    ready = Ready()
    if not channel.is_asked():
        memory.copy(origin.memory)
    while True:
        message = channel.next()
        if message is None:
            _sweep(origin.folder)
            os._exit(0)
        if isinstance(message, Wanted):
            ready.connect(message, channel.fileno())
            channel.tell(wire.LINE, ready.place.encode())
        else:
            Call(message, channel, ready, origin).run()
        if ready.place:
            ready.wait(channel.fileno(), kept_s=kept_s)
            if not ready.place:
                channel.tell(wire.LINE, b"")
