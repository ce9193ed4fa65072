"""The event loop of a process: left at once by a signal, with a short wait for a write that was sent."""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from todo_cli.cli.signals import GRACE_S, Signals

R = TypeVar("R")


class Interrupted(Exception):
    """A signal ended the work; `was_writing` tells that a write was sent and not answered."""

    def __init__(self, number: int, *, was_writing: bool) -> None:
        super().__init__(f"signal {number}")
        self.number = number
        self.was_writing = was_writing


class Interruption:
    """Turns a signal into the end of one task."""

    def __init__(self, signals: Signals) -> None:
        self._signals = signals
        self.may_have_written: Callable[[], bool] = lambda: False
        """Whether a write was sent that did not fail for certain; set by the work itself."""

    async def guard(self, work: Coroutine[Any, Any, R], patience_s: float) -> R:
        """Await the work; a signal cancels it, at once or after a grace period when a write may be under way.

        Cancelled work that has not ended after `patience_s` is cancelled once more: a driver waits for a server to
        confirm that it cancels a request, and a server that is silent does not.

        Afterwards a signal waits until it is told what was written.

        Raises:
            Interrupted: a signal came and the work did not end in time.
        """
        loop, signals = asyncio.get_running_loop(), self._signals
        task = asyncio.ensure_future(work)
        is_first, was_writing = True, False

        def cancel() -> None:
            nonlocal was_writing
            was_writing = self.may_have_written()
            task.cancel()
            loop.call_later(patience_s, task.cancel)

        def on_signal() -> None:
            nonlocal is_first
            if is_first and self.may_have_written():
                loop.call_later(GRACE_S, cancel)
            else:
                cancel()
            is_first = False

        before, signals.react = signals.react, lambda _: loop.call_soon_threadsafe(on_signal)
        try:
            return await task
        except asyncio.CancelledError:
            if signals.number is None:
                raise
            raise Interrupted(signals.number, was_writing=was_writing) from None
        finally:
            signals.react = signals.wait if self.may_have_written() else before


class Loop(asyncio.SelectorEventLoop):
    """A loop that looks names up in threads that nobody waits for at the end: a silent name server holds nothing up."""

    async def getaddrinfo(
        self, host: Any, port: Any, *, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> list[Any]:
        """Resolve a name."""
        return await in_thread(lambda: socket.getaddrinfo(host, port, family, type, proto, flags))


async def in_thread(call: Callable[[], R]) -> R:
    """Call in a thread that nobody waits for at the end: a signal leaves at once, whatever the call is stuck in."""
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
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, fault)

    threading.Thread(target=work, daemon=True).start()
    return await future
