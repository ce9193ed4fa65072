"""Calling coroutines from places that cannot await."""

import asyncio
import atexit
import os
from collections.abc import Coroutine
from functools import cache
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


def wait_for(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in a loop and thread of their own, where connections
    live on; works in others, too.
    """
    return asyncio.run_coroutine_threadsafe(coroutine, _loop()).result()


async def in_background(coroutine: Coroutine[Any, Any, T]) -> T:
    """Await a coroutine that runs in the loop of `wait_for`."""
    future = asyncio.run_coroutine_threadsafe(coroutine, _loop())
    return await asyncio.wrap_future(future)


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """The one loop of this process for all who wait."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def leave() -> None:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    atexit.register(leave)
    return loop


os.register_at_fork(
    after_in_child=_loop.cache_clear
)  # the thread stays behind
