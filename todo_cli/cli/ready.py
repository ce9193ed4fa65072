"""A connection to a server that is there before a command is, and its event loop.

A worker of `todo warm` has one: it connects after a command, and the next
command finds the connection made. It is used only if the command would make the
same one: to the same server, as the same role, with the same files. Else it is
closed, and the command connects itself.

It is closed after four minutes, and nothing is sent meanwhile: Neon suspends a
database after five, and a statement would keep it awake.
"""

import asyncio
import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from todo_cli.cli.loop import Loop
from todo_cli.database import ahead
from todo_cli.database.connection import Connection, connect
from todo_cli.database.postgresql import OwnerCheck
from todo_cli.database.url import PostgresTarget, trusted_places

KEPT_S: Final = 240.0
"""How long a connection waits for a command, in seconds."""
_READ_BELOW: Final = (
    "GSS",
    "HOSTALIASES",
    "KRB5",
    "LOCALDOMAIN",
    "OPENSSL_",
    "RES_OPTIONS",
    "SSL",
)
"""How variables begin that the libraries below us read by themselves."""
_OF_NAMES: Final = ("/etc/hosts", "/etc/nsswitch.conf", "/etc/resolv.conf")
"""The files that say which address a host has."""
_MOST_TEXTS: Final = 8
"""How many statements are described besides the usual ones."""
_PROBES: Final = (
    ("TCP_KEEPIDLE", 15),
    ("TCP_KEEPALIVE", 15),  # the same on macOS
    ("TCP_KEEPINTVL", 5),
    ("TCP_KEEPCNT", 3),
)
"""How the two kernels find out that the line is dead: within half a minute.

No process at the other end notices a probe.
"""
_UNHEARD_MS: Final = 10_000
"""How long the other kernel may take to confirm that it got our request."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What decides a connection: equal ones lead to the same server and role."""

    target: PostgresTarget
    timeout_s: float
    variables: tuple[tuple[str, str], ...] = field(repr=False)
    """Those that the libraries below us read."""
    texts: tuple[str, ...] = field(default=(), compare=False, repr=False)
    """The statements of the last commands, the latest first."""

    @classmethod
    def now(
        cls,
        target: PostgresTarget,
        timeout_s: float,
        variables: Mapping[str, str] = os.environ,
    ) -> "Wanted":
        """Return what decides the connection of a command that runs here.

        By default the variables are the process's own: that is where these
        libraries read them.
        """
        read = []
        for name in sorted(variables):
            if name.startswith(_READ_BELOW):
                read.append((name, variables[name]))
        return cls(target, timeout_s, tuple(read))

    def files(self) -> list[object]:
        """Describe the files that decide, too, as they are now."""
        places = [*_OF_NAMES]
        if not self.target.is_plain:
            places += trusted_places(self.target, dict(self.variables))
        if self.target.password_file is not None:
            places.append(str(self.target.password_file))
        found = []
        for place in places:
            found += _states_of(place)
        return found


class Ready:
    """A loop to run a command in, and a connection in it, if there is one."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.next: Wanted | None = None
        """What a connection for the next command needs; a command sets it."""
        self._connection: Connection | None = None
        self._wanted: Wanted | None = None
        self._files: list[object] = []
        self._made_s: list[float] = []

    @property
    def place(self) -> str:
        """The server that it is connected to; empty without a connection."""
        if self._connection is None or self._wanted is None:
            return ""
        return self._wanted.target.place

    def connect(self, wanted: Wanted, channel: int) -> None:
        """Connect, unless the channel can be read before that."""
        self.loop.run_until_complete(self._connect(wanted, channel))

    async def _connect(self, wanted: Wanted, channel: int) -> None:
        dialling = self.loop.create_task(self.dial(wanted))
        # To cancel what has ended does nothing.
        self.loop.add_reader(channel, dialling.cancel)
        try:
            await asyncio.wait({dialling})
        finally:
            self.loop.remove_reader(channel)

    def wait(self, channel: int, *, kept_s: float = KEPT_S) -> None:
        """Keep the connection, if there is one, until the channel can be read.

        It is closed `kept_s` seconds after it was made, or when it is cut.
        Then this returns, too.
        """
        self.loop.run_until_complete(self._wait(channel, kept_s))

    async def _wait(self, channel: int, kept_s: float) -> None:
        connection = self._connection
        # It may have been cut while the loop did not run.
        if connection is None or connection.is_closed():
            self.drop()
            return
        is_asked: asyncio.Future[bool] = self.loop.create_future()
        """False if it was cut, or is too old, before that."""

        def end(found: bool, *_: object) -> None:
            if not is_asked.done():
                is_asked.set_result(found)

        cut = partial(end, False)
        connection.add_termination_listener(cut)
        old = self.loop.call_later(kept_s - self._age_s(), cut)
        self.loop.add_reader(channel, end, True)
        try:
            if not await is_asked:
                self.drop()
                # The loop has to close the socket, and may not run again.
                await asyncio.sleep(0)
        finally:
            old.cancel()
            self.loop.remove_reader(channel)

    async def dial(self, wanted: Wanted) -> None:
        """Connect, and have the server describe the usual statements.

        A fault is none here: the next command will find it, and say so.
        """
        self.drop()
        # Before we connect: what changes meanwhile is no longer what it was.
        files, made_s = wanted.files(), _clocks()
        # The usual ones first: all of them name our tables.
        texts = [*ahead.usual(), *wanted.texts]
        try:
            connection = await _dialled(wanted, texts)
        except Exception:  # noqa: BLE001 - see above
            return
        self._connection, self._wanted = connection, wanted
        self._files, self._made_s = files, made_s

    def take(
        self, target: PostgresTarget, timeout_s: float
    ) -> Connection | None:
        """Return the connection if it is what a command would make now.

        Else it is closed. It is given away once.
        """
        connection, self._connection = self._connection, None
        if connection is None:
            return None
        wanted = Wanted.now(target, timeout_s)
        if wanted == self._wanted and self._is_good(wanted, connection):
            _hurry(connection)
            return connection
        connection.terminate()
        return None

    def lend(
        self,
        target: PostgresTarget,
        timeout_s: float,
        variables: Mapping[str, str],
    ) -> Connection | None:
        """Return the connection if a command with these variables would get it.

        It stays here, whether it is what is wanted or not.
        """
        connection = self._connection
        if connection is None:
            return None
        wanted = Wanted.now(target, timeout_s, variables)
        if wanted != self._wanted or not self._is_good(wanted, connection):
            return None
        return connection

    def _is_good(self, wanted: Wanted, connection: Connection) -> bool:
        """Whether the connection is open, young, and of these files."""
        if connection.is_closed() or self._age_s() >= KEPT_S:
            return False
        return _has_address(connection) and wanted.files() == self._files

    def _age_s(self) -> float:
        """The age of the connection, by the clock that says most."""
        ages_s = []
        for made_s, now_s in zip(self._made_s, _clocks(), strict=True):
            ages_s.append(abs(now_s - made_s))
        return max(ages_s)

    def note(
        self, target: PostgresTarget, timeout_s: float, texts: Iterable[str]
    ) -> None:
        """Note what the next command may want, after one that ended well.

        `texts` are the statements that it has used.
        """
        wanted = Wanted.now(target, timeout_s)
        usual = ahead.usual()
        recent = [text for text in texts if text not in usual]
        if self._wanted is not None and self._wanted == wanted:
            recent += self._wanted.texts
        kept = tuple(dict.fromkeys(recent))[:_MOST_TEXTS]
        self.next = replace(wanted, texts=kept)

    def drop(self) -> None:
        """Close the connection, if there is one, and forget where it led."""
        connection, self._connection = self._connection, None
        self._wanted = None
        if connection is not None:
            connection.terminate()

    def close(self) -> None:
        """Close the connection and the loop, if no command has."""
        if self.loop.is_closed():
            return
        self.drop()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.leave(0)


async def _dialled(wanted: Wanted, texts: Sequence[str]) -> Connection:
    """Connect as a command does, and prepare the connection to wait.

    Raises:
        Exception: there is no server, or it refuses.
    """
    target, timeout_s = wanted.target, wanted.timeout_s
    with _environment(wanted.variables):
        connection = await connect(target, timeout_s=timeout_s)
    try:
        async with asyncio.timeout(timeout_s):
            await ahead.describe(connection, OwnerCheck(target), texts)
        _watch_line(connection)
    except BaseException:
        connection.terminate()
        raise
    return connection


@contextmanager
def _environment(variables: Sequence[tuple[str, str]]) -> Iterator[None]:
    """Let the libraries below us read these variables, and no others of theirs."""
    before = {}
    for name in list(os.environ):
        if name.startswith(_READ_BELOW):
            before[name] = os.environ.pop(name)
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, _ in variables:
            os.environ.pop(name, None)
        os.environ.update(before)


def _socket(connection: Connection) -> socket.socket | None:
    """Return the connection's socket, unless it is a Unix socket."""
    held: Any = connection
    line: socket.socket = held._transport.get_extra_info("socket")
    return None if line.family == socket.AF_UNIX else line


def _watch_line(connection: Connection) -> None:
    """Have the kernel find out when the line is dead."""
    line = _socket(connection)
    if line is None:
        return
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _PROBES:
        # No system has all of them.
        if option := getattr(socket, name, None):
            line.setsockopt(socket.IPPROTO_TCP, option, value)


def _hurry(connection: Connection) -> None:
    """Have the kernel give up soon what nobody confirms; on Linux.

    The line may have died since the last probe. A statement has 30 s, and a
    command that connects itself would have found that out at once.
    """
    line = _socket(connection)
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if line is not None and option is not None:
        line.setsockopt(socket.IPPROTO_TCP, option, _UNHEARD_MS)


def _has_address(connection: Connection) -> bool:
    """Whether this machine still has our address: the network may be another."""
    line = _socket(connection)
    if line is None:
        return True
    try:
        _bind(line.family, line.getsockname())
    except OSError:
        return False
    return True


def _bind(family: int, address: tuple[Any, ...]) -> None:
    """Use an address for a moment, on any port; nothing is sent.

    Raises:
        OSError: it is not one of this machine's.
    """
    host, _, *scope = address
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0, *scope))


def _clocks() -> list[float]:
    """Read the clocks that tell an age; some stop while the machine sleeps."""
    clocks = [time.monotonic(), time.time()]
    if hasattr(time, "CLOCK_BOOTTIME"):
        clocks.append(time.clock_gettime(time.CLOCK_BOOTTIME))
    return clocks


def _states_of(place: str) -> list[object]:
    """Describe a file, or a folder and all that is in it."""
    found: list[object] = [_state(place)]
    with suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            found.append((entry.name, _state(entry.path)))
    return found


def _state(path: str) -> object:
    """Describe a file, so that a change of it shows; None if there is none."""
    try:
        state = os.stat(path)
    except OSError:
        return None
    return (
        *(state.st_dev, state.st_ino, state.st_size, state.st_mode),
        *(state.st_uid, state.st_mtime_ns, state.st_ctime_ns),
    )
