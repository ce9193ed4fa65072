"""Retry a call to the store, report it as lost, or let it fail."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Final, NoReturn, TypeVar

from todo_cli.database import failures
from todo_cli.database.url import PostgresTarget, Target
from todo_cli.errors import Conflict, DatabaseBusy, OutcomeUnknown, TodoError

T = TypeVar("T")

BUSY_FOR_S: Final = 5.0
"""How long to retry while somebody else is at work, in seconds."""


class Effect(Enum):
    """What repeating a call does if the answer to the first try was lost."""

    READ = "nothing is written"
    REPEATABLE = "writing twice has the same result as writing once"
    ONCE = "repeating could change something else"


class Fault(Enum):
    """How a call failed, as far as the next step depends on it."""

    BUSY = "somebody else is at work for a moment; nothing was written"
    CUT = "the connection was lost after the call was sent"
    SILENT = "no answer came in time"
    TAKEN = "the store holds something else under the same key"
    FAILED = "the store refused"


class Next(Enum):
    """The next step after a failed call."""

    AGAIN = "call again"
    LOST = "say that the outcome is unknown"
    FAIL = "say what the store said"


_FIRST_LOSS: Final = {
    (Fault.CUT, Effect.READ): Next.AGAIN,
    (Fault.CUT, Effect.REPEATABLE): Next.AGAIN,
    (Fault.CUT, Effect.ONCE): Next.LOST,
    (Fault.SILENT, Effect.READ): Next.FAIL,
    (Fault.SILENT, Effect.REPEATABLE): Next.LOST,
    (Fault.SILENT, Effect.ONCE): Next.LOST,
}
"""The next step after the first answer that was lost.

A silent server is not asked again: that would take as long once more. Every
other fault fails.
"""


def decide(fault: Fault, effect: Effect, *, was_lost: bool) -> Next:
    """Choose the next step after a fault.

    `was_lost` says that an earlier answer to this call was lost, so a write
    may have happened. Then only a conflict settles it: another task has the
    key, and nothing was written. Any other failure leaves the outcome unknown.
    """
    if fault is Fault.BUSY:
        # A file is locked before the first write, and a server rolls back.
        return Next.AGAIN
    if not was_lost:
        return _FIRST_LOSS.get((fault, effect), Next.FAIL)
    # Whatever happens a second time is final: at most one retry.
    if effect is Effect.READ or fault is Fault.TAKEN:
        return Next.FAIL
    return Next.LOST


class Passing(DatabaseBusy):
    """Somebody else is at work for a moment; nothing was written."""


class Attempts:
    """Runs calls to one store, each until it succeeds or finally fails."""

    def __init__(
        self, target: Target, *, busy_for_s: float = BUSY_FOR_S
    ) -> None:
        self.may_have_written = False
        """Whether a write was sent and has not certainly failed."""
        self.under_way = 0
        """The number of calls that wait for the store."""
        self._target = target
        self._busy_for_s = busy_for_s

    async def run(self, call: Callable[[], Awaitable[T]], effect: Effect) -> T:
        """Await `call`, and repeat it while that is useful and harmless.

        What was refused because somebody else was at work is retried for
        `busy_for_s`, with random pauses. A lost answer is retried once, unless
        `effect` is ONCE.

        Raises:
            OutcomeUnknown: a write was sent, and no answer came.
            TodoError: translated from the driver's error.
        """
        self.under_way += 1
        try:
            return await self._run(call, effect)
        finally:
            self.under_way -= 1

    async def run_once(self, call: Callable[[], Awaitable[T]]) -> T:
        """Await a call that reads and cannot be repeated.

        Raises:
            TodoError: translated from the driver's error.
        """
        self.under_way += 1
        try:
            return await call()
        except Exception as error:  # noqa: BLE001 - a bug is raised again
            self._fault_of(error)
            self._give_up(Next.FAIL, error)
        finally:
            self.under_way -= 1

    async def _run(
        self, call: Callable[[], Awaitable[T]], effect: Effect
    ) -> T:
        """Try until `decide` says that it is enough; see `run`."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + self._busy_for_s
        was_lost = False
        while True:
            try:
                return await call()
            except Exception as error:  # noqa: BLE001 - a bug is raised again
                fault = self._fault_of(error)
                if fault is Fault.BUSY and loop.time() >= give_up:
                    fault = Fault.FAILED
                next_step = decide(fault, effect, was_lost=was_lost)
                was_lost = was_lost or fault in (Fault.CUT, Fault.SILENT)
                # After a lost answer only the store's own word counts.
                if not was_lost or fault is Fault.TAKEN:
                    self._note_no_write(effect)
                if next_step is not Next.AGAIN:
                    self._give_up(next_step, error)
            if fault is Fault.BUSY:
                # Random, so that waiting processes do not collide again.
                await asyncio.sleep(random.uniform(0.005, 0.05))  # noqa: S311 - jitter

    def _give_up(self, step: Next, error: Exception) -> NoReturn:
        """Raise the error that describes the outcome."""
        if step is Next.LOST:
            raise self._unknown_outcome() from error
        if isinstance(error, TodoError):
            raise error
        raise failures.translated(error, self._target) from error

    def _fault_of(self, error: Exception) -> Fault:
        """Classify an error; a bug is raised again."""
        if isinstance(error, Conflict):
            return Fault.TAKEN
        if isinstance(error, Passing):
            return Fault.BUSY
        if isinstance(error, TodoError):
            return Fault.FAILED
        if not failures.is_of_driver(error):
            raise error
        if failures.is_busy(error):
            return Fault.BUSY
        is_server = isinstance(self._target, PostgresTarget)
        if not is_server or not failures.is_cut(error):
            # A file has no connection to lose: its errors are certain.
            return Fault.FAILED
        if isinstance(error, TimeoutError):
            return Fault.SILENT
        return Fault.CUT

    def _note_no_write(self, effect: Effect) -> None:
        """Note that this call wrote nothing; a read says nothing about writes."""
        if effect is not Effect.READ:
            self.may_have_written = False

    def _unknown_outcome(self) -> OutcomeUnknown:
        message = f"{self._target.place} did not confirm: it may or may not be stored"
        return OutcomeUnknown(message)
