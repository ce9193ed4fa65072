"""A proxy before PostgreSQL that cuts every line on demand, and keeps what was asked."""

import time
from typing import NamedTuple

from tests.support.streams import SlowStream
from tests.support.turns import Line, TurnProxy
from tests.support.wire import EXECUTE, PARSE, Message


class Asked(NamedTuple):
    """A statement that a client had the server run."""

    at_s: float
    line: int
    sql: bytes


class Cutter(TurnProxy):
    """Cuts lines, lets nobody in, and counts how many lines there are at once."""

    def __init__(self, upstream_host: str, upstream_port: int) -> None:
        super().__init__(upstream_host, upstream_port)
        self.asked: list[Asked] = []
        self.most_at_once = 0
        """How many lines there were at a time on which statements ran."""
        self.is_closed = False
        """Whether whoever comes is sent away, as by a server that is down."""
        self._parsed: dict[int, bytes] = {}
        self._in_use: set[int] = set()

    def cut(self) -> None:
        """Cut every line, in the middle of whatever is on it."""
        self._loop.call_soon_threadsafe(self._cut)

    def _cut(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _welcome(self, line: Line) -> list[Message]:
        if self.is_closed:
            raise ConnectionResetError
        return []

    async def _serve(self, line: Line) -> None:
        try:
            await super()._serve(line)
        finally:
            self._in_use.discard(line.number)

    async def _pass_request(
        self, line: Line, upstream: SlowStream, message: Message
    ) -> None:
        if message.kind == PARSE:
            self._parsed[line.number] = message.body
        if message.kind == EXECUTE:
            sql = self._parsed.get(line.number, b"")
            self._in_use.add(line.number)
            self.most_at_once = max(self.most_at_once, len(self._in_use))
            self.asked.append(Asked(time.monotonic(), line.number, sql))
        await super()._pass_request(line, upstream, message)
