"""A spinner on a terminal while the database does not answer."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from todo_cli.cli.env import Env
from todo_cli.database.url import PostgresTarget
from todo_cli.output.text import visible

_PATIENCE_S: Final = 0.7
"""How long the database may take before the spinner appears."""
_FRAME_S: Final = 0.1
_WIPE: Final = b"\r\x1b[K"
_FRAMES: Final = "|/-\\"
_WAKING: Final = "Waking the database..."
_WAITING: Final = "Waiting for the database..."


@asynccontextmanager
async def spinner(
    env: Env, target: PostgresTarget, is_waiting: Callable[[], bool]
) -> AsyncIterator["Spinner"]:
    """Spin on stderr while `is_waiting` is true, after the first 0.7 s of it.

    The line is wiped soon after it is false, and at the end. A terminal that
    takes only plain lines gets one, once.
    """
    # A longer line would begin another one with each frame.
    words = said(target, env.columns - len("| ") - 1)
    shown = Spinner(env, words)
    turning = asyncio.create_task(shown.turn(is_waiting))
    try:
        yield shown
    finally:
        turning.cancel()
        with suppress(asyncio.CancelledError):
            await turning


def said(target: PostgresTarget, room: int) -> str:
    """Say what is waited for, in at most `room` characters.

    It is such as `Waiting for a.example or b.example...`. Only Neon's
    databases fall asleep. A Unix socket has no host to name, and of hosts for
    which there is no room none is named.
    """
    if target.is_neon:
        return _WAKING[:room]
    hosts = []
    for host, _ in target.hosts:
        if not host.startswith("/"):
            hosts.append(visible(host))
    words = f"Waiting for {' or '.join(hosts)}..."
    if not hosts or len(words) > room:
        return _WAITING[:room]
    return words


class Spinner:
    """The line on the terminal."""

    def __init__(self, env: Env, words: str) -> None:
        self._env = env
        self._words = words
        self._is_shown = False
        self.is_over = False
        """Whether the terminal is taken for something else from now on."""

    def wipe(self) -> None:
        """Wipe the line, if it is shown.

        Whoever writes to the terminal does it first: a question would be on
        the same line, and be wiped with it.
        """
        if self._is_shown:
            self._env.say(_WIPE)
            self._is_shown = False

    async def turn(self, is_waiting: Callable[[], bool]) -> None:
        """Look every 0.1 s whether to draw the next frame or wipe the line."""
        loop = asyncio.get_running_loop()
        frames = itertools.cycle(_FRAMES)
        began: float | None = None
        try:
            while not self.is_over:
                await asyncio.sleep(_FRAME_S)
                if not is_waiting():
                    began = None
                    self.wipe()
                elif began is None:
                    began = loop.time()
                if began is None or loop.time() - began < _PATIENCE_S:
                    continue
                if self._env.is_plain:
                    self._env.say_text(f"{self._words}\n")
                    return
                self._env.say_text(f"\r{next(frames)} {self._words}")
                self._is_shown = True
        finally:
            self.wipe()
