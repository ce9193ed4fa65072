"""SIGINT, SIGTERM and other signals that end a program, as a state machine.

A signal does not raise KeyboardInterrupt: that could come in the middle of an
import, or in a callback that swallows it. What it does depends on the state:

    state      the program ...                  a signal ...
    IDLE       has sent nothing to the store    ends it, after a JSON document
    WORKING    runs a command in the loop       goes to `guard`, which cancels;
                                                ends it at once if the loop has
                                                not run for GRACE_S
    STORED     has not reported a write yet     is kept for `printing`
    REPORTING  prints what was written          starts GRACE_S: HURRYING
    HURRYING   still prints, for GRACE_S        ends it at once
    LEAVING    prints anything else, or exits   ends it at once

    IDLE -> WORKING -> IDLE or STORED            by `guard`
    STORED -> REPORTING -> HURRYING -> LEAVING   by `printing`, for a write
    IDLE -> LEAVING                              by `printing`, for the rest
"""

import errno
import os
import signal
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

if TYPE_CHECKING:
    import asyncio  # loaded when a command runs, and not for its help

R = TypeVar("R")

_ENDING: Final = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGXCPU,
)
"""SIGXCPU comes when the limit of `ulimit -t` is reached."""
GRACE_S: Final = 0.4
"""How long, after a signal, a write may still be confirmed and reported."""


class Interrupted(Exception):
    """A signal ended the work.

    `was_writing` is true if a write was sent and not answered.
    """

    def __init__(self, number: int, *, was_writing: bool) -> None:
        super().__init__(f"signal {number}")
        self.number = number
        self.was_writing = was_writing


class State(Enum):
    """What the program is doing; the module's docstring has the table."""

    IDLE = auto()
    WORKING = auto()
    STORED = auto()
    REPORTING = auto()
    HURRYING = auto()
    LEAVING = auto()


class Signals:
    """The handlers of a process, and the state that they depend on."""

    def __init__(self) -> None:
        self.number: int | None = None
        """The first signal that came; later ones do not replace it."""
        self.state = State.IDLE
        self._ignores_alarm = False
        self._end_idle: Callable[[int], object] = self.die
        """Called with a signal in the state IDLE."""
        self._pass_on: Callable[[int], object] = self.die
        """Called with a signal in the state WORKING; set by `guard`."""
        self.before_death: Callable[[int], object] = _go_on
        """Called with the signal before it ends this process."""

    def install(self) -> None:
        """Install our handlers.

        Signals that were ignored at the start, as by nohup, stay ignored. We
        use SIGALRM ourselves, so a foreign one is then ignored by the handler.
        """
        for number in _ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._on_signal)
        handler = signal.getsignal(signal.SIGALRM)
        self._ignores_alarm = handler is signal.SIG_IGN
        signal.signal(signal.SIGALRM, self._on_alarm)

    def end_idle_by(
        self, end: Callable[[int], object]
    ) -> Callable[[int], object]:
        """Set what is called with a signal that comes in the state IDLE.

        Returns what was called before.
        """
        before = self._end_idle
        self._end_idle = end
        return before

    def die(self, number: int) -> NoReturn:
        """End this process by the signal, so that a shell sees the cause."""
        self.before_death(number)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        os._exit(128 + number)  # reached if the signal is blocked

    async def guard(
        self,
        work: Coroutine[Any, Any, R],
        *,
        patience_s: float,
        may_have_written: Callable[[], bool],
    ) -> R:
        """Await the work; a signal cancels it.

        If a write was sent, its answer may take GRACE_S first. Cancelled work
        that does not end within `patience_s` is abandoned.

        Raises:
            Interrupted: a signal came, and the work did not end in time.
        """
        import asyncio

        task = asyncio.ensure_future(work)
        coming = asyncio.Queue[int]()
        self._pass_on = _sender(coming, self.die)
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
            # In one assignment: a signal between two would see IDLE, and the
            # write would not be reported.
            self.state = State.STORED if may_have_written() else State.IDLE

    @contextmanager
    def left_to_another(self) -> Iterator[None]:
        """Leave Ctrl-C and Ctrl-\\ to another program in our terminal.

        By a handler that does nothing: to ignore a signal is inherited, and
        the other program would ignore it, too.
        """
        with (
            handling(signal.SIGINT, _do_nothing),
            handling(signal.SIGQUIT, _do_nothing),
        ):
            yield

    @contextmanager
    def ending(self, end: Callable[[], object]) -> Iterator[None]:
        """Have a signal call `end` in this context, and end this process.

        It is for what reports no write.
        """
        self.state = State.LEAVING
        before = self.before_death

        def both(number: int) -> None:
            end()
            before(number)

        self.before_death = both
        try:
            yield
        finally:
            self.before_death = before

    @contextmanager
    def stopping(self, first: Callable[[], object]) -> Iterator[None]:
        """Call `first` in this context, before Ctrl-Z stops this process."""

        def stop(number: int, _frame: object) -> None:
            first()
            stop_here(number)

        with handling(signal.SIGTSTP, stop):
            yield

    @contextmanager
    def printing(self) -> Iterator[None]:
        """Print in this context.

        After a signal, what was stored may still be printed for GRACE_S. Then
        a write that blocks fails with InterruptedError.
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
                pass  # `printing` looks at `number`
            case State.REPORTING:
                self._hurry()
            case State.HURRYING | State.LEAVING:
                self.die(number)

    def _hurry(self) -> None:
        """Let printing go on for GRACE_S from now."""
        if self.state is State.REPORTING:
            self.state = State.HURRYING
        # The caller may have blocked it, and we need it.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
        signal.setitimer(signal.ITIMER_REAL, GRACE_S)

    def _on_alarm(self, number: int, frame: object) -> None:
        """End what still prints: its time is over.

        Before any signal, the alarm is not ours but the caller's, as in
        `perl -e 'alarm 5; exec @ARGV'`. It ends the program like a SIGTERM.
        """
        if self.number is None:
            if not self._ignores_alarm:
                self._on_signal(number, frame)
            return
        if self.state is State.LEAVING:
            self.die(self.number)
        # The write that blocks fails, and the exit status tells the signal.
        raise InterruptedError(errno.EINTR, "interrupted")


@contextmanager
def handling(
    number: int, handler: Callable[..., object] | signal.Handlers
) -> Iterator[None]:
    """Handle a signal in another way in this context, unless it is ignored."""
    before = signal.getsignal(number)
    if before is signal.SIG_IGN:
        yield
        return
    signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


def stop_here(number: int) -> None:
    """Stop this process, as Ctrl-Z means; return when it goes on.

    Without a shell that could go on with it, the system does not stop it.
    """
    with (
        handling(number, signal.SIG_DFL),
        handling(signal.SIGCONT, signal.SIG_IGN),
    ):
        signal.raise_signal(number)


def _go_on(_number: int) -> None:
    """End by the signal, and do nothing before."""


def _do_nothing(_number: int, _frame: object) -> None:
    """Handle a signal that is for another program."""


def _sender(
    coming: "asyncio.Queue[int]", die: Callable[[int], object]
) -> Callable[[int], object]:
    """Make a function that a handler calls to pass a signal to the loop.

    It calls `die` if the loop has not taken an earlier signal.
    """
    import asyncio

    loop = asyncio.get_running_loop()
    sent_s: list[float] = []
    """When each signal was sent that the loop has not taken yet."""

    def take(number: int) -> None:
        sent_s.clear()
        coming.put_nowait(number)

    def send(number: int) -> None:
        # A loop that does not run cannot cancel anything: it may be in an
        # import from a disk that hangs.
        if sent_s and time.monotonic() - sent_s[0] > GRACE_S:
            die(number)
        sent_s.append(time.monotonic())
        loop.call_soon_threadsafe(take, number)

    return send


async def _cancel(
    task: "asyncio.Task[Any]", coming: "asyncio.Queue[int]", patience_s: float
) -> None:
    """Cancel a task, and again after `patience_s` or at the next signal.

    The second time is for drivers: to cancel a request, they wait for an
    answer of the server, which may never come.
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
    """Wait for a signal; None if the task ends or the time is over first."""
    import asyncio

    getting = asyncio.ensure_future(coming.get())
    await asyncio.wait(
        {task, getting}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED
    )
    getting.cancel()
    if getting.done():
        return getting.result()
    return None
