"""An event loop, and threads, that cannot keep the process from ending."""

import asyncio
import signal
import socket
import threading
from collections.abc import Callable
from contextvars import Context
from functools import partial
from typing import Any, Final, TypeVar

R = TypeVar("R")

HANDSHAKE_S: Final = 10.0
"""How long a client of a server may take for the handshake of TLS."""


class Loop(asyncio.SelectorEventLoop):
    """An event loop that can be closed while a thread or a driver is stuck.

    asyncio's own loop resolves names in an executor, and joins its threads at
    the end. A name server that does not answer would delay the exit.

    A signal wakes it even if it comes just before the loop waits, or to
    another thread: Python itself would handle it when something else comes.
    """

    def run_forever(self) -> None:
        """Run until `stop` is called."""
        # asyncio's own, by which other threads wake it: no descriptor more.
        wake = getattr(self, "_csock", None)
        is_main = threading.current_thread() is threading.main_thread()
        if wake is None or not is_main:
            super().run_forever()
            return
        before = signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        try:
            super().run_forever()
        finally:
            signal.set_wakeup_fd(before)

    async def create_server(
        self, *arguments: Any, **more: Any
    ) -> asyncio.Server:
        """Make a server; a client has few seconds to begin with TLS.

        asyncio would give it a minute, in which the server cannot see it.
        """
        if more.get("ssl") is not None:
            more.setdefault("ssl_handshake_timeout", HANDSHAKE_S)
        return await super().create_server(*arguments, **more)

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
        """Resolve a name in a daemon thread."""
        look_up = partial(
            socket.getaddrinfo, host, port, family, type, proto, flags
        )
        return await in_thread(look_up)

    def call_soon_threadsafe(  # type: ignore[override]  # callers' types are checked
        self,
        callback: Callable[..., Any],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """Like asyncio's, but does nothing once the loop is closed."""
        try:
            return super().call_soon_threadsafe(
                callback, *args, context=context
            )
        except RuntimeError:
            if not self.is_closed():
                raise
            return asyncio.Handle(callback, args, self, context)

    def leave(self, within_s: float) -> None:
        """Cancel the remaining tasks, and close the loop.

        Waits up to `within_s` seconds for the tasks. Later errors of tasks
        that did not end are not logged.
        """
        left = asyncio.all_tasks(self)
        for task in left:
            task.cancel()
        if left:
            self.run_until_complete(asyncio.wait(left, timeout=within_s))
        self.set_exception_handler(_ignore)
        self.close()


def _ignore(_loop: object, _context: object) -> None:
    pass


async def in_thread(call: Callable[[], R]) -> R:
    """Call in a daemon thread: a stuck call does not delay the exit."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[R] = loop.create_future()

    def settle(result: R | None, fault: Exception | None) -> None:
        if future.done():  # it was cancelled
            return
        if fault is not None:
            future.set_exception(fault)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # without a fault

    def work() -> None:
        result, fault = None, None
        try:
            result = call()
        except Exception as error:  # noqa: BLE001 - raised again in the task that awaits
            fault = error
        loop.call_soon_threadsafe(settle, result, fault)

    threading.Thread(target=work, daemon=True).start()
    return await future
