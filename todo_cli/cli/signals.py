"""SIGINT, SIGTERM and SIGHUP as one state machine: what a signal does, when.

A signal is never an exception: it could come in the middle of an import, or in
a callback that swallows it. The handler reads the state instead:

    state      what the program does           what a signal does
    IDLE       nothing was sent to the store   ends it, after the JSON document
    WORKING    the event loop runs a command   goes to `guard`, which cancels it
    STORED     a write is not reported yet     nothing; `printing` checks later
    REPORTING  prints what was written         starts GRACE_S: HURRYING
    HURRYING   prints it, for GRACE_S at most  ends it at once
    LEAVING    prints something else, or ends  ends it at once

    IDLE -> WORKING -> IDLE or STORED            by `guard`
    STORED -> REPORTING -> HURRYING -> LEAVING   by `printing`, for a write
    IDLE -> LEAVING                              by `printing`, for the rest
"""

import errno
import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

if TYPE_CHECKING:
    import asyncio  # loaded when a command runs, and not for its help

R = TypeVar("R")

GRACE_S: Final = 0.4
"""How long, after a signal, an answer to a write may take, and printing what
was written.
"""


class Interrupted(Exception):
    """A signal ended the work; `was_writing` says that a write was sent and
    not answered.
    """

    def __init__(self, number: int, *, was_writing: bool) -> None:
        super().__init__(f"signal {number}")
        self.number = number
        self.was_writing = was_writing


class State(Enum):
    """Where the program is, as far as a signal is concerned."""

    IDLE = auto()
    WORKING = auto()
    STORED = auto()
    REPORTING = auto()
    HURRYING = auto()
    LEAVING = auto()


class Signals:
    """The signals of a process and the state that decides what one does."""

    def __init__(self) -> None:
        self.number: int | None = None
        """The first signal that came."""
        self.state = State.IDLE
        self._end_idle: Callable[[int], object] = self.die
        self._pass_on: Callable[[int], object] = self.die

    def install(self) -> None:
        """Install our handlers. Signals that were ignored at the start (nohup)
        stay ignored.
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._on_signal)
        signal.signal(signal.SIGALRM, self._on_alarm)

    def end_idle_by(self, end: Callable[[int], object]) -> None:
        """Have `end` called with a signal that comes while nothing is
        stored.
        """
        self._end_idle = end

    def die(self, number: int) -> NoReturn:
        """End this process by a signal, as a shell expects of one that was
        interrupted.
        """
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        os._exit(128 + number)  # where the signal is blocked

    async def guard(
        self,
        work: Coroutine[Any, Any, R],
        *,
        patience_s: float,
        may_have_written: Callable[[], bool],
    ) -> R:
        """Await the work. A signal cancels it, after GRACE_S where a write was
        sent; work that does not end is left.

        Raises:
            Interrupted: a signal came, and the work did not end in time.
        """
        import asyncio

        task, coming = asyncio.ensure_future(work), asyncio.Queue[int]()
        self._pass_on = _sender(coming)
        self.state = State.WORKING
        try:
            number = await _next_signal(task, coming)
            if number is not None and may_have_written():
                await _next_signal(task, coming, within_s=GRACE_S)
            if number is None or task.done():
                return task.result()
            was_writing = may_have_written()
            await _cancel(task, coming, patience_s)
            if task.done() and not task.cancelled():
                return task.result()
            raise Interrupted(number, was_writing=was_writing)
        finally:
            # One assignment: a signal between two would see IDLE, and hide
            # what was stored.
            self.state = State.STORED if may_have_written() else State.IDLE

    @contextmanager
    def printing(self) -> Iterator[None]:
        """Print in this context. What was stored is reported even after a
        signal, for GRACE_S: then a write that blocks fails with
        InterruptedError.
        """
        if self.state is State.STORED:
            self.state = State.REPORTING
        else:
            self.state = State.LEAVING
        if self.number is not None:
            self._hurry()
        try:
            yield
        finally:
            self.state = State.LEAVING
            if self.number is not None:
                signal.setitimer(signal.ITIMER_REAL, 0)

    def _on_signal(self, number: int, _frame: object) -> None:
        if self.number is None:
            self.number = number
        match self.state:
            case State.IDLE:
                self._end_idle(number)
            case State.WORKING:
                self._pass_on(number)
            case State.STORED:
                pass
            case State.REPORTING:
                self._hurry()
            case State.HURRYING | State.LEAVING:
                self.die(number)

    def _hurry(self) -> None:
        """Give printing GRACE_S from now."""
        if self.state is State.REPORTING:
            self.state = State.HURRYING
        signal.setitimer(signal.ITIMER_REAL, GRACE_S)

    def _on_alarm(self, _number: int, _frame: object) -> None:
        """The time to print is over."""
        if self.state is State.LEAVING and self.number is not None:
            self.die(self.number)
        raise InterruptedError(errno.EINTR, "interrupted")


def _sender(coming: "asyncio.Queue[int]") -> Callable[[int], object]:
    """Make a function that passes a signal from its handler to the running
    loop.
    """
    import asyncio

    loop = asyncio.get_running_loop()

    def send(number: int) -> None:
        loop.call_soon_threadsafe(coming.put_nowait, number)

    return send


async def _cancel(
    task: "asyncio.Task[Any]", coming: "asyncio.Queue[int]", patience_s: float
) -> None:
    """Cancel a task, and once more where it has not ended after `patience_s`
    or at the next signal.

    A driver that cancels a request waits for the server's word, which may
    never come.
    """
    for _ in range(2):
        task.cancel()
        await _next_signal(task, coming, within_s=patience_s)


async def _next_signal(
    task: "asyncio.Task[Any]",
    coming: "asyncio.Queue[int]",
    *,
    within_s: float | None = None,
) -> int | None:
    """Wait for a signal until the task ends or the time is over; None if none
    came.
    """
    import asyncio

    getting = asyncio.ensure_future(coming.get())
    await asyncio.wait(
        {task, getting}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED
    )
    getting.cancel()
    if getting.done():
        return getting.result()
    return None
