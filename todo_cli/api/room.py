"""Bounds the memory that answers take until their clients have read them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from todo_cli.database.attempts import BUSY_FOR_S
from todo_cli.errors import DatabaseBusy

MOST_UNREAD: Final = 32 * 1024 * 1024
"""How many bytes may be unread when a long list is begun.

One list can have 1,000 descriptions of 10,000 characters, about 42 MB.
"""
SHORT_LISTS: Final = 3
"""Other lists may begin until this times as much is unread."""
LONG: Final = 100
"""A list of more tasks is a long one."""
SLOW_S: Final = 1.0
"""A client that reads an answer for longer may be cut off for another."""
_PAUSE_S: Final = 0.05


class Room:
    """The answers that clients have not read yet, and the right to add one."""

    def __init__(
        self,
        *,
        most_unread: int = MOST_UNREAD,
        busy_for_s: float = BUSY_FOR_S,
        slow_s: float = SLOW_S,
    ) -> None:
        self._most_unread = most_unread
        self._busy_for_s = busy_for_s
        self._slow_s = slow_s
        self._readers: dict[asyncio.WriteTransport, float] = {}
        """Connections that wait for their clients, the oldest first."""
        # Long lists are made one by one: what a client would gain by more is
        # lost again, as one processor makes them all.
        self._making = asyncio.Semaphore()

    def add(self, reader: asyncio.WriteTransport) -> None:
        """Note that a client does not read as fast as we write."""
        now = asyncio.get_running_loop().time()
        self._readers.setdefault(reader, now)

    def remove(self, reader: asyncio.WriteTransport) -> None:
        """Note that it has read nearly all, or has gone."""
        self._readers.pop(reader, None)

    @asynccontextmanager
    async def making(self, most_tasks: int) -> AsyncIterator[None]:
        """Make a list of at most so many tasks in this context.

        Slow clients are cut off for it, the slowest first.

        Raises:
            DatabaseBusy: there was no room for too long.
        """
        if most_tasks <= LONG:
            await self._wait(SHORT_LISTS * self._most_unread)
            yield
            return
        await self._take_turn()
        try:
            yield
        finally:
            self._making.release()

    async def _take_turn(self) -> None:
        """Wait for room, and for the right to make a long list."""
        try:
            async with asyncio.timeout(self._busy_for_s):
                await self._making.acquire()
        except TimeoutError as error:
            raise _busy() from error
        try:
            await self._wait(self._most_unread)
        except BaseException:
            self._making.release()
            raise

    async def _wait(self, most_unread: int) -> None:
        """Wait until at most so many bytes are unread."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + self._busy_for_s
        while self._unread() > most_unread:
            now = loop.time()
            if now >= give_up:
                raise _busy()
            if not self._cut_slowest(now):
                await asyncio.sleep(_PAUSE_S)

    def _unread(self) -> int:
        """Count the bytes that wait for their clients.

        Clients that keep up are not counted: what they have not read yet is
        less than asyncio's mark, 64 KiB each.
        """
        return sum(each.get_write_buffer_size() for each in self._readers)

    def _cut_slowest(self, now: float) -> bool:
        """Cut off the client that has been reading longest, if it is slow."""
        for reader, since in self._readers.items():
            if now - since < self._slow_s:
                break
            reader.abort()
            self.remove(reader)
            return True
        return False


def _busy() -> DatabaseBusy:
    return DatabaseBusy("Too many long answers are not read yet")
