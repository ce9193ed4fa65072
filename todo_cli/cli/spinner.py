"""A spinner on a terminal while the database does not answer."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from todo_cli.cli.env import Env

_PATIENCE_S: Final = 0.7
"""How long the database may take before the spinner appears."""
_FRAME_S: Final = 0.1
_WIPE: Final = b"\r\x1b[K"
_WORDS: Final = "Waking the database..."


@asynccontextmanager
async def spinner(
    env: Env, is_waiting: Callable[[], bool]
) -> AsyncIterator[None]:
    """Spin on stderr while `is_waiting` is true, after the first 0.7 s of it.

    The line is wiped as soon as it is false, and at the end. A terminal that
    takes only plain lines gets one, once.
    """
    turning = asyncio.create_task(_turn(env, is_waiting))
    try:
        yield
    finally:
        turning.cancel()
        with suppress(asyncio.CancelledError):
            await turning


async def _turn(env: Env, is_waiting: Callable[[], bool]) -> None:
    """Look every 0.1 s whether to draw the next frame or wipe the line."""
    loop = asyncio.get_running_loop()
    frames = itertools.cycle("|/-\\")
    began: float | None = None
    is_shown = False
    try:
        while True:
            await asyncio.sleep(_FRAME_S)
            if not is_waiting():
                began = None
            elif began is None:
                began = loop.time()
            if began is not None and loop.time() - began >= _PATIENCE_S:
                if env.is_plain:
                    env.say(f"{_WORDS}\n".encode())
                    return
                env.say(f"\r{next(frames)} {_WORDS}".encode())
                is_shown = True
            elif is_shown:
                env.say(_WIPE)
                is_shown = False
    finally:
        if is_shown:
            env.say(_WIPE)
