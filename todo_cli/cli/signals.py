"""SIGINT, SIGTERM and SIGHUP: what they end at once, and what may be told before."""

import errno
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

GRACE_S: Final = 0.4
"""How long, after a signal, the answer to a write is waited for, and a reader who has
not read what came of it.
"""


class Interrupted(Exception):
    """A signal ended the work; `was_writing` says that a write was sent
    and not answered.
    """

    def __init__(self, number: int, *, was_writing: bool) -> None:
        super().__init__(f"signal {number}")
        self.number = number
        self.was_writing = was_writing


class Signals:
    """The signals that end a program, and what one does at this moment: `react` is
    called with its number.

    Until they are taken over nothing is called. Nothing is ever raised where a signal
    happens to come: it could be in the middle of an import, or in a callback that
    swallows it.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        """The first that came."""
        self.react: Callable[[int], object] = self.die
        self._owes = False

    def take_over(self) -> None:
        """Have signals end this process no longer by themselves; those that are
        ignored, as under nohup, stay so.
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._take)
        signal.signal(signal.SIGALRM, self._give_up)

    def die(self, number: int) -> NoReturn:
        """End this process by a signal, as a shell's loop expects of one that was ended by it."""
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        os._exit(128 + number)  # where it is blocked

    def wait(self, number: int) -> None:
        """Do nothing yet: something was stored, or may have been, and is to be told."""

    @contextmanager
    def telling(self) -> Iterator[None]:
        """What came of it is written out: a signal ends that at once, or gives it 0.4 s
        where something is owed.

        So long it also has after a signal that came before. Whoever does not read
        within that time is left: the write that blocks fails with InterruptedError, or
        ends the process where nothing is owed.
        """
        self._owes = self.react == self.wait
        self.react = self._hurry if self._owes else self.die
        if self.number is not None:
            self._hurry(self.number)
        try:
            yield
        finally:
            self.react = self.die
            if self.number is not None:
                signal.setitimer(signal.ITIMER_REAL, 0)

    def _take(self, number: int, _frame: object) -> None:
        if self.number is None:
            self.number = number
        self.react(number)

    def _hurry(self, _number: int) -> None:
        self.react = self.die
        signal.setitimer(signal.ITIMER_REAL, GRACE_S)

    def _give_up(self, _number: int, _frame: object) -> NoReturn:
        if self.number is not None and not self._owes:
            self.die(self.number)
        raise InterruptedError(errno.EINTR, "interrupted")
