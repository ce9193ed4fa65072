"""The event loop of a process: left at once by a signal, with a short wait for a write that was sent."""

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, TypeVar

R = TypeVar("R")

_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_GRACE_S: Final = 0.4
"""How long the answer to a write that was sent is waited for after a signal."""


class Interrupted(Exception):
    """A signal ended the work; `was_writing` tells that a write was sent and not answered."""

    def __init__(self, number: int, *, was_writing: bool) -> None:
        super().__init__(f"signal {number}")
        self.number = number
        self.was_writing = was_writing


class Interruption:
    """Turns SIGINT, SIGTERM and SIGHUP into the end of one task; `number` is the signal that came, if one did."""

    def __init__(self) -> None:
        self.number: int | None = None
        self.is_writing: Callable[[], bool] = lambda: False
        """Whether a write is under way just now; set by the work itself."""

    async def guard(self, work: Coroutine[Any, Any, R]) -> R:
        """Await the work; a signal cancels it, at once or after a grace period when a write is under way.

        Raises:
            Interrupted: a signal came and the work did not end in time.
        """
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(work)
        was_writing = False

        def cancel() -> None:
            nonlocal was_writing
            was_writing = self.is_writing()
            task.cancel()

        def on_signal(number: int) -> None:
            if self.number is None and self.is_writing():
                loop.call_later(_GRACE_S, cancel)
            else:
                cancel()
            self.number = number

        with suppress(ValueError, RuntimeError):  # handlers belong to the main thread, and tests may run in another
            for number in _ENDING:
                if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                    loop.add_signal_handler(number, on_signal, number)
        try:
            return await task
        except asyncio.CancelledError:
            if self.number is None:
                raise
            raise Interrupted(self.number, was_writing=was_writing) from None
        finally:
            for number in _ENDING:
                loop.remove_signal_handler(number)


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
