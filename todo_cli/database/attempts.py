"""What to do when a call to the store failed: try again, say that it is lost,
or fail.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Final, NoReturn, TypeVar

from todo_cli.database import failures
from todo_cli.database.url import PostgresTarget, Target
from todo_cli.errors import Conflict, OutcomeUnknown, TodoError

T = TypeVar("T")

BUSY_FOR_S: Final = 5.0
"""How long a lock of somebody else is waited for."""


class Effect(Enum):
    """What asking a second time does when the answer to a call was lost."""

    READ = "nothing is written"
    REPEATABLE = "written twice is the same as once"
    ONCE = "a second time could do something else"


class Fault(Enum):
    """How a call failed, as far as the next step depends on it."""

    BUSY = "the file is locked by somebody else; nothing was written"
    CUT = "the line went down after the call was sent"
    SILENT = "no answer came in time"
    TAKEN = "the store holds something else under the same key"
    FAILED = "the store refused"


class Next(Enum):
    """What to do about it."""

    AGAIN = "call again"
    LOST = "say that the outcome is unknown"
    FAIL = "say what the store said"


_FIRST: Final = {
    (Fault.CUT, Effect.READ): Next.AGAIN,
    (Fault.CUT, Effect.REPEATABLE): Next.AGAIN,
    (Fault.CUT, Effect.ONCE): Next.LOST,
    (Fault.SILENT, Effect.READ): Next.FAIL,
    (Fault.SILENT, Effect.REPEATABLE): Next.LOST,
    (Fault.SILENT, Effect.ONCE): Next.LOST,
}
"""What to do when no answer was lost before. A silent server is not asked
again: that would take as long once more.
"""


def decide(fault: Fault, effect: Effect, *, was_lost: bool) -> Next:
    """Choose the next step; `was_lost` says that an answer to this call was
    lost before.

    Once a write may have happened, only the store's word that its key is taken
    says what became of it: any other failure leaves it unknown.
    """
    if fault is Fault.BUSY:
        return Next.AGAIN
    if not was_lost:
        return _FIRST.get((fault, effect), Next.FAIL)
    if effect is Effect.READ or fault is Fault.TAKEN:
        return Next.FAIL
    return Next.LOST


class Attempts:
    """The calls to one store, each of them made until it succeeds or has
    failed for good.
    """

    def __init__(
        self,
        target: Target,
        *,
        busy_for_s: float = BUSY_FOR_S,
        take_fault: Callable[[], TodoError | None] | None = None,
    ) -> None:
        self.may_have_written = False
        """Whether a write was sent that did not fail for certain."""
        self.under_way = 0
        """How many calls wait for the store."""
        self._target = target
        self._busy_for_s = busy_for_s
        self._take_fault = take_fault

    async def run(self, call: Callable[[], Awaitable[T]], effect: Effect) -> T:
        """Await `call` again while the store is locked, and once more if its
        answer was lost.

        The latter only where a second time does no harm.

        Raises:
            OutcomeUnknown: a write was sent, and no answer came.
            TodoError: translated from what the driver said.
        """
        self.under_way += 1
        try:
            return await self._run(call, effect)
        finally:
            self.under_way -= 1

    async def _run(
        self, call: Callable[[], Awaitable[T]], effect: Effect
    ) -> T:
        loop = asyncio.get_running_loop()
        give_up = loop.time() + self._busy_for_s
        was_lost = False
        while True:
            try:
                return await call()
            except Exception as error:  # noqa: BLE001 - a bug is raised again below
                cause = self._take_cause(error)
                fault = self._fault_of(cause)
                next_step = decide(fault, effect, was_lost=was_lost)
                was_lost = was_lost or fault in (Fault.CUT, Fault.SILENT)
                if not was_lost or fault is Fault.TAKEN:
                    self._has_failed(effect)
                is_late = fault is Fault.BUSY and loop.time() >= give_up
                if is_late or next_step is not Next.AGAIN:
                    self._give_up(next_step, cause, error)
            if fault is Fault.BUSY:
                await asyncio.sleep(random.uniform(0.005, 0.05))  # noqa: S311 - jitter

    def _give_up(
        self, step: Next, cause: Exception, error: Exception
    ) -> NoReturn:
        """Say what became of the call."""
        if step is Next.LOST:
            raise self._lost() from error
        if isinstance(error, TodoError):
            raise error
        raise failures.translated(cause, self._target) from error

    def _take_cause(self, error: Exception) -> Exception:
        """What went wrong: the error itself, or why we cut the line.

        Raises:
            Exception: the error, if it is a bug.
        """
        if isinstance(error, TodoError):
            return error
        why_cut = self._take_fault() if self._take_fault is not None else None
        if why_cut is not None:
            return why_cut
        if not failures.is_of_driver(error):
            raise error
        return error

    def _fault_of(self, error: Exception) -> Fault:
        if isinstance(error, Conflict):
            return Fault.TAKEN
        if isinstance(error, TodoError):
            return Fault.FAILED
        if failures.is_busy(error):
            return Fault.BUSY
        if isinstance(self._target, PostgresTarget) and failures.is_cut(error):
            return (
                Fault.SILENT if isinstance(error, TimeoutError) else Fault.CUT
            )
        return Fault.FAILED

    def _has_failed(self, effect: Effect) -> None:
        """Note that nothing was written; a read says nothing of the writes
        before it.
        """
        if effect is not Effect.READ:
            self.may_have_written = False

    def _lost(self) -> OutcomeUnknown:
        message = f"{self._target.place} did not confirm: it may or may not be stored"
        return OutcomeUnknown(message)
