"""The event loop of a process: left at once by a signal, with a short wait for a write
that was sent.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar

from todo_cli.cli.signals import GRACE_S, Interrupted, Signals

R = TypeVar("R")


class Interruption:
    """Turns a signal into the end of one task."""

    def __init__(self, signals: Signals) -> None:
        self._signals = signals
        self.may_have_written: Callable[[], bool] = lambda: False
        """Whether a write was sent that did not fail for certain; set by the work itself."""

    async def guard(self, work: Coroutine[Any, Any, R], patience_s: float) -> R:
        """Await the work; a signal cancels it, at once or after a grace period when a
        write may be under way.

        Cancelled work that has not ended after `patience_s`, or by the next signal, is
        cancelled once more, and then left: a driver waits for a server to confirm that
        it cancels a request, and a server that is silent does not.

        Afterwards a signal waits until it is told what was written.

        Raises:
            Interrupted: a signal came and the work did not end in time.
        """
        loop, signals = asyncio.get_running_loop(), self._signals
        task, coming = asyncio.ensure_future(work), asyncio.Queue[int]()
        before, signals.react = (
            signals.react,
            lambda number: loop.call_soon_threadsafe(coming.put_nowait, number),
        )
        try:
            number = await _signal_during(task, coming)
            if number is not None and self.may_have_written():
                await _signal_during(task, coming, within_s=GRACE_S)
            if number is None or task.done():
                return task.result()
            was_writing = self.may_have_written()
            for _ in range(2):
                task.cancel()
                await _signal_during(task, coming, within_s=patience_s)
            if task.done() and not task.cancelled():
                return task.result()
            raise Interrupted(number, was_writing=was_writing)
        finally:
            signals.react = signals.wait if self.may_have_written() else before


async def _signal_during(
    task: "asyncio.Task[Any]",
    coming: "asyncio.Queue[int]",
    *,
    within_s: float | None = None,
) -> int | None:
    """Wait for the next signal, as long as the task takes; None where none came until then."""
    getting = asyncio.ensure_future(coming.get())
    await asyncio.wait(
        {task, getting}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED
    )
    getting.cancel()
    return getting.result() if getting.done() else None


class Loop(asyncio.SelectorEventLoop):
    """A loop that looks names up in threads that nobody waits for at the end: a silent
    name server holds nothing up.
    """

    async def getaddrinfo(
        self,
        host: Any,
        port: Any,
        *,
        family: int = 0,
        type: int = 0,
        proto: int = 0,
        flags: int = 0,
    ) -> list[Any]:
        """Resolve a name."""
        return await in_thread(
            lambda: socket.getaddrinfo(host, port, family, type, proto, flags)
        )

    def call_soon_threadsafe(  # type: ignore[override]  # what is passed on is checked where it is called
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Have the loop call; when it is closed nobody waits any more for what a thread
        was asked.
        """
        try:
            return super().call_soon_threadsafe(callback, *args, context=context)
        except RuntimeError:
            if not self.is_closed():
                raise
            return asyncio.Handle(callback, args, self, context)

    def leave(self, within_s: float) -> None:
        """Cancel what is left, wait so long for it to end, and close; what a driver
        does not end is no longer heard.
        """
        left = asyncio.all_tasks(self)
        for task in left:
            task.cancel()
        if left:
            self.run_until_complete(asyncio.wait(left, timeout=within_s))
        self.set_exception_handler(lambda *_: None)
        self.close()


async def in_thread(call: Callable[[], R]) -> R:
    """Call in a thread that nobody waits for at the end: a signal leaves at once,
    whatever the call is stuck in.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[R] = loop.create_future()

    def settle(result: R | None, fault: Exception | None) -> None:
        if future.done():
            return
        if fault is not None:
            future.set_exception(fault)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # a call that did not fail has a result

    def work() -> None:
        result, fault = None, None
        try:
            result = call()
        except Exception as error:  # noqa: BLE001 - carried over to whoever waits
            fault = error
        loop.call_soon_threadsafe(settle, result, fault)

    threading.Thread(target=work, daemon=True).start()
    return await future
