"""The process that has loaded everything, and forks workers.

It never runs a command, and has no thread. It holds the lock of `place.py`
for its life, and is the only one who accepts clients.
"""

import json
import os
import resource
import select
import signal
import socket
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NoReturn

from todo_cli import __version__
from todo_cli.cli.ready import KEPT_S
from todo_cli.warm import place, wire
from todo_cli.warm.worker import Origin, work

_LOST_AT_MOST: Final = 20
"""How many workers may end for no reason before there is one to leave."""


@dataclass(frozen=True, slots=True)
class Options:
    """How many workers there are, and when what happens."""

    ready: int = 2
    """How many workers wait for a command."""
    most: int = 32
    """How many there may be, with those that run a command."""
    idle_s: float = 1800.0
    """Without a command for so long, it leaves."""
    look_s: float = 30.0
    """How often it looks whether its socket is still there."""
    refill_s: float = 0.03
    """After a worker was taken, how long until the next is forked: what that
    one does has the processors first. With none left it is at once.
    """
    settle_s: float = 1.0
    """After the program has changed, how long it must not change again."""
    kept_s: float = KEPT_S
    """How long a worker keeps a connection."""


@dataclass(slots=True)
class Worker:
    """A worker, as the parent sees it."""

    pid: int
    line: socket.socket
    """Our end of the channel."""
    is_idle: bool = True
    has_begun: bool = False
    """Whether it runs a command; one that only tells our state does not."""
    is_dialling: bool = False
    """Whether it connects to a server."""
    place: str = ""
    """The server that it is connected to, if it is to one."""
    received: bytes = b""
    """What has come of a message that is not complete."""


@dataclass(slots=True)
class Counts:
    """What the parent remembers."""

    since: float = field(default_factory=time.time)
    hits: int = 0
    cold: Counter[str] = field(default_factory=Counter)


class Parent:
    """Accepts clients, and gives each to a worker."""

    def __init__(
        self,
        door: socket.socket,
        origin: Origin,
        options: Options,
    ) -> None:
        """Accept at `door`, which is the socket in the folder of `origin`."""
        self._door = door
        self._inode = _inode(place.socket_of(origin.folder))
        self._origin = origin
        self._options = options
        self._workers: dict[int, Worker] = {}
        self._counts = Counts()
        self._used_at = time.monotonic()
        self._looked_at = self._used_at
        self._refill_at: float | None = self._used_at
        self._has_changed = False
        self._is_told_to_leave = False
        self._lost = 0
        """How many workers ended while they waited, since one ran a command."""

    def run(self) -> bool:
        """Work until there is a reason to leave.

        Returns whether the program has changed, and is to be loaded anew.
        """
        wake, woken = socket.socketpair()
        wake.setblocking(False)
        woken.setblocking(False)
        signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._leave)
        signal.signal(signal.SIGCHLD, _do_nothing)
        self._wake = wake
        self._door.setblocking(False)
        while not self._has_to_leave():
            self._refill()
            self._turn()
        self._close()
        return self._has_changed

    def _leave(self, _number: int, _frame: object) -> None:
        self._is_told_to_leave = True

    def _has_to_leave(self) -> bool:
        """Whether there is a reason to leave."""
        if self._is_told_to_leave or self._has_changed:
            return True
        # Something is wrong here: to go on would be to fork for ever.
        if self._lost > _LOST_AT_MOST:
            return True
        now = time.monotonic()
        if now - self._used_at >= self._options.idle_s:
            return True
        if now - self._looked_at < self._options.look_s:
            return False
        self._looked_at = now
        # It was removed, as at a log-out, or replaced.
        path = place.socket_of(self._origin.folder)
        return _inode(path) != self._inode

    def _wait_s(self) -> float:
        """How long nothing has to be done, if nobody comes."""
        now = time.monotonic()
        dues = [
            self._used_at + self._options.idle_s,
            self._looked_at + self._options.look_s,
        ]
        if self._refill_at is not None:
            dues.append(self._refill_at)
        return max(0.0, min(dues) - now)

    def _turn(self) -> None:
        """Wait for something to happen, and handle it."""
        lines = [worker.line for worker in self._workers.values()]
        watched = [self._door, self._wake, *lines]
        poll = select.poll()
        for each in watched:
            poll.register(each, select.POLLIN)
        ready = {number for number, _ in poll.poll(self._wait_s() * 1000 + 1)}
        if self._wake.fileno() in ready:
            self._wake.recv(4096)
            self._reap()
        for worker in list(self._workers.values()):
            if worker.line.fileno() in ready:
                self._listen(worker)
        if self._door.fileno() in ready:
            self._accept()

    def _reap(self) -> None:
        """Take note of workers that have ended."""
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass

    def _listen(self, worker: Worker) -> None:
        """Read what a worker says; forget it if it has ended."""
        numbers: list[int] = []
        try:
            said, numbers, _, _ = socket.recv_fds(worker.line, 65536, 1)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        try:
            self._hear_all(worker, said, numbers)
        finally:
            for number in numbers:
                os.close(number)

    def _hear_all(
        self, worker: Worker, said: bytes, numbers: list[int]
    ) -> None:
        """Do what a worker asks for; forget it if it has said nothing."""
        if not said:
            self._lost += worker.is_idle
            del self._workers[worker.pid]
            worker.line.close()
            self._plan_refill()
            return
        worker.received += said
        messages, worker.received = wire.complete(worker.received)
        for message in messages:
            self._hear(worker, message, numbers)

    def _hear(
        self, worker: Worker, message: list[bytes], numbers: list[int]
    ) -> None:
        """Do what a message of a worker asks for."""
        kind = message[0]
        if kind == wire.BEGUN:
            self._lost = 0
            self._counts.hits += 1
            worker.has_begun = True
        elif kind in (wire.STATE, wire.IDLE):
            self._take_back(worker, tells=kind == wire.STATE)
        elif kind == wire.STORE:
            self._connect(message[1].decode(), numbers)
        elif kind == wire.LINE:
            worker.is_dialling = False
            worker.place = message[1].decode()
        elif kind == wire.COLD:
            reason = message[1].decode()
            self._counts.cold[reason] += 1
            self._has_changed = self._has_changed or reason == "changed"

    def _take_back(self, worker: Worker, *, tells: bool) -> None:
        """Have a worker wait again that was only asked something.

        It ends if enough others wait by now, or if another one was connected
        meanwhile. `tells` says that it was asked for our state.
        """
        is_kept = self._waiting() < self._options.ready
        if worker.place:
            is_kept = not self._has_line()
        worker.is_idle = True
        if not is_kept:
            del self._workers[worker.pid]
        if tells:
            self._send(worker, wire.pack(wire.STATE, self._state()))
        if not is_kept:
            worker.line.close()

    def _has_line(self) -> bool:
        """Whether a worker that waits is connected, or is about to be."""
        for each in self._workers.values():
            if each.is_idle and (each.place or each.is_dialling):
                return True
        return False

    def _accept(self) -> None:
        """Accept clients, and give each to a worker."""
        while True:
            try:
                client, _ = self._door.accept()
            except OSError:
                return  # no more; or it has gone, or we have no descriptor
            with client:
                self._used_at = time.monotonic()
                self._give(client)

    def _give(self, client: socket.socket) -> None:
        """Give a client to a worker; without one, its connection is closed."""
        message = wire.pack(wire.RUN)
        while True:
            worker = self._idle() or self._fork()
            if worker is None:
                self._counts.cold["busy"] += 1
                return
            worker.is_idle = False
            self._plan_refill()
            if self._send(worker, message, client.fileno()):
                return

    def _idle(self) -> Worker | None:
        """Return a worker that waits, if one does: rather a connected one.

        Not one that is about to connect: it would give up.
        """
        found = None
        for worker in self._workers.values():
            if not worker.is_idle or worker.is_dialling:
                continue
            if worker.place:
                return worker
            found = found or worker
        return found

    def _connect(self, place: str, numbers: list[int]) -> None:
        """Have a worker connect to a server, unless one has or is about to.

        There is one connection at most: that to the server of the last command.
        What is needed is in a pipe. Read here, the password would stay in our
        memory, and be in that of every worker.
        """
        plain = []
        for worker in list(self._workers.values()):
            if not worker.is_idle:
                continue
            if worker.is_dialling or worker.place == place:
                return
            if worker.place:
                self._dismiss(worker)
            else:
                plain.append(worker)
        chosen = plain[0] if plain else self._fork()
        if chosen is None:
            return
        chosen.is_dialling = True
        if not self._send(chosen, wire.pack(wire.DIAL), *numbers):
            self._dismiss(chosen)

    def _dismiss(self, worker: Worker) -> None:
        """Let a waiting worker end."""
        del self._workers[worker.pid]
        worker.line.close()
        self._plan_refill()

    def _send(self, worker: Worker, message: bytes, *numbers: int) -> bool:
        """Send a message to a worker; return whether it took all of it."""
        try:
            sent = socket.send_fds(worker.line, [message], numbers)
        except OSError:
            return False  # it was killed, and `_listen` will see that
        return sent == len(message)

    def _waiting(self) -> int:
        """Count the workers that wait."""
        return sum(worker.is_idle for worker in self._workers.values())

    def _plan_refill(self) -> None:
        """Plan when the next worker is forked."""
        if self._refill_at is None:
            self._refill_at = time.monotonic() + self._options.refill_s

    def _refill(self) -> None:
        """Fork workers until enough of them wait."""
        waiting = self._waiting()
        now = time.monotonic()
        is_due = self._refill_at is not None and now >= self._refill_at
        if waiting and not is_due:
            return
        self._refill_at = None
        for _ in range(self._options.ready - waiting):
            if self._fork() is None:
                return

    def _fork(self) -> Worker | None:
        """Fork a worker; None if there are too many, or it cannot be."""
        if len(self._workers) >= self._options.most:
            return None
        ours, theirs = socket.socketpair()
        try:
            pid = os.fork()
        except OSError:
            ours.close()
            theirs.close()
            return None
        if pid == 0:
            self._become_worker(theirs)
        theirs.close()
        ours.setblocking(False)
        worker = self._workers[pid] = Worker(pid, ours)
        return worker

    def _become_worker(self, line: socket.socket) -> NoReturn:
        """Run as a worker in the forked process."""
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            # The objects in this process never close these numbers again:
            # none is freed before it ends.
            os.closerange(3, line.fileno())
            os.closerange(line.fileno() + 1, _most_descriptors())
            work(line, self._origin, self._options.kept_s)
        finally:
            os._exit(1)

    def _state(self) -> bytes:
        """Write what `control.status` asks for."""
        idle = [each for each in self._workers.values() if each.is_idle]
        counts = self._counts
        says = {
            "pid": os.getpid(),
            "version": __version__,
            "program": self._origin.program.decode(),
            "since": counts.since,
            "waiting": [worker.pid for worker in idle],
            "busy": sum(each.has_begun for each in self._workers.values()),
            "place": max([each.place for each in idle], default="") or None,
            "hits": counts.hits,
            "cold": counts.cold,
        }
        return json.dumps(says).encode()

    def _close(self) -> None:
        """Take the socket away, and let the waiting workers end."""
        path = place.socket_of(self._origin.folder)
        if _inode(path) == self._inode:
            with suppress(OSError):
                os.unlink(path)
        self._door.close()
        for worker in self._workers.values():
            worker.line.close()
        signal.set_wakeup_fd(-1)
        # If it is told to leave while it waits to load the program anew.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _do_nothing(_number: int, _frame: object) -> None:
    """Handle a signal that only has to wake the loop."""


def _inode(path: str) -> tuple[int, int] | None:
    """Return what tells a file from another at its path."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _most_descriptors() -> int:
    """Return a number above all open descriptors."""
    for folder in ("/proc/self/fd", "/dev/fd"):
        with suppress(OSError):
            return max(map(int, os.listdir(folder))) + 1
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
