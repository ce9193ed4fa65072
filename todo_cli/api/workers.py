"""`todo serve --workers N`: several processes that share a port.

The parent listens and forks, before there is an event loop. It answers nothing
itself: it waits for signals and for workers that end, and replaces those. Each
worker has a pipe that ends when the parent wants it to stop, or is gone.

On Linux each worker has a socket of its own, and the kernel deals connections
out to them (SO_REUSEPORT). The parent has the sockets, too, so what waits for a
worker that has ended is for the one that replaces it. Elsewhere they share one
socket.
"""

import gc
import os
import select
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, NoReturn

from todo_cli.api.plan import Plan, Worker, listen
from todo_cli.cli.signals import Signals
from todo_cli.errors import Internal

MOST_ENDED: Final = 5
"""How many workers may end in `WITHIN_S`, and be replaced."""
WITHIN_S: Final = 60.0
WAIT_S: Final = 16.0
"""How long, after a signal, workers may take: more than each allows itself."""
_BLOCKED: Final = {
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGXCPU,
    signal.SIGCHLD,
}


def fork(plan: Plan, port: int, count: int, signals: Signals) -> Worker:
    """Listen, and fork workers; return in each of them, and never here.

    Raises:
        IoFailed: the port cannot be listened on.
        Internal: workers end again and again.
    """
    listeners = _listen(plan, port, count)
    # What is loaded by now is shared, as long as nobody writes to it.
    gc.freeze()
    return _Parent(plan, listeners, signals).watch()


def _listen(plan: Plan, port: int, count: int) -> list[socket.socket]:
    """Listen once for each worker; all get the same port.

    Raises:
        IoFailed: the port cannot be listened on.
    """
    # Alone at first: several could share a port with another server of ours.
    first = listen(plan.address, port)
    if sys.platform != "linux":
        return [first] * count
    port = first.getsockname()[1]
    first.close()
    listeners = []
    for _ in range(count):
        listeners.append(listen(plan.address, port, is_shared=True))
    return listeners


class _Parent:
    """Watches workers."""

    def __init__(
        self, plan: Plan, listeners: list[socket.socket], signals: Signals
    ) -> None:
        self._plan = plan
        self._listeners = listeners
        self._signals = signals
        self._workers: dict[int, int] = {}
        """The place of each worker in `_listeners`, by its process."""
        self._ended_s = deque[float](maxlen=MOST_ENDED)
        """When the latest workers ended by themselves."""
        self._numbers: list[int] = []
        """The signals that came, but for SIGCHLD."""
        self._end: Callable[[int], object] = signals.die
        # Workers have the first, and it ends when we close the second.
        self._pipe = os.pipe()
        # Python writes a byte for each signal.
        self._news, self._waker = socket.socketpair()

    def watch(self) -> Worker:
        """Fork the workers and watch them; return in each of them."""
        with self._noting_signals():
            worker = self._begin() or self._go_on()
        if worker is None:
            self._leave(self._numbers[0])
        return worker

    def _begin(self) -> Worker | None:
        """Fork the first workers."""
        for place in range(len(self._listeners)):
            worker = self._fork(place, is_first=place == 0)
            if worker is not None:
                return worker
        return None

    def _go_on(self) -> Worker | None:
        """Replace workers that end, until a signal comes."""
        while not self._numbers:
            self._wait(None)
            for place, how in self._ended():
                worker = self._replace(place, how)
                if worker is not None:
                    return worker
        return None

    @contextmanager
    def _noting_signals(self) -> Iterator[None]:
        """Note signals in this context, in the parent alone."""
        for each in (self._news, self._waker):
            each.setblocking(False)
        self._end = self._signals.end_idle_by(self._numbers.append)
        before = signal.signal(signal.SIGCHLD, _note)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        try:
            yield
        except BaseException:
            self._give_back(before)
            raise
        if not self._numbers:
            self._give_back(before)

    def _give_back(self, before: object) -> None:
        """Have signals do what they did before."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, before)  # type: ignore[arg-type]  # as it was
        self._signals.end_idle_by(self._end)
        # Now a signal does what it does in a worker.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _BLOCKED)

    def _fork(
        self, place: int, *, is_first: bool = False, note: str = ""
    ) -> Worker | None:
        """Begin a worker; return what it is in it, and None here."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _BLOCKED)
        # A worker would take a signal that came before for its own.
        pid = -1 if self._numbers else os.fork()
        if pid != 0:
            if pid > 0:
                self._workers[pid] = place
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _BLOCKED)
            return None
        until, ours = self._pipe
        os.close(ours)
        self._news.close()
        self._waker.close()
        listener = self._listeners[place]
        for each in self._listeners:
            if each is not listener:
                each.close()
        return Worker(self._plan, listener, until, is_first, note)

    def _wait(self, seconds: float | None) -> None:
        """Wait for a signal, or until a worker ends."""
        select.select([self._news], [], [], seconds)
        # There is nothing to read if the time is over.
        with suppress(BlockingIOError):
            self._news.recv(4_096)

    def _ended(self) -> Iterator[tuple[int, str]]:
        """Take note of workers that have ended; yield their places, and how."""
        while self._workers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            place = self._workers.pop(pid, None)
            if place is None:
                continue
            code = os.waitstatus_to_exitcode(status)
            how = f"with status {code}"
            if code < 0:
                how = f"by signal {-code}"
            yield place, how

    def _replace(self, place: int, how: str) -> Worker | None:
        """Begin a worker in the place of one that has ended.

        Raises:
            Internal: there were too many.
        """
        if self._numbers:
            return None
        now_s = time.monotonic()
        is_full = len(self._ended_s) == MOST_ENDED
        if is_full and now_s - self._ended_s[0] < WITHIN_S:
            self._stop()
            raise Internal(
                f"{MOST_ENDED + 1} workers ended within {WITHIN_S:.0f} s, the last one {how}",
                hint="the lines above may say why",
            )
        self._ended_s.append(now_s)
        note = f"warning: a worker ended {how}; this is another one"
        return self._fork(place, note=note)

    def _stop(self) -> None:
        """Have all workers end; kill those that do not, or at a signal."""
        os.close(self._pipe[1])
        for each in self._listeners:
            each.close()
        signals_before = len(self._numbers)
        give_up_s = time.monotonic() + WAIT_S
        while self._workers and len(self._numbers) == signals_before:
            left_s = give_up_s - time.monotonic()
            if left_s <= 0:
                break
            self._wait(left_s)
            for _ in self._ended():
                pass
        for pid in self._workers:
            os.kill(pid, signal.SIGKILL)

    def _leave(self, number: int) -> NoReturn:
        """End the workers, and then this process, by the signal."""
        self._stop()
        self._end(number)
        self._signals.die(number)


def _note(_number: int, _frame: object) -> None:
    """Let Python write to the waker."""
