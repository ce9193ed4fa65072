"""A server of these tests in a thread of its own, for the time of a `with`."""

import asyncio
import threading
from collections.abc import Coroutine
from functools import partial
from types import TracebackType
from typing import Any, Self

from tests.support.streams import SlowStream


class Listener:
    """Accepts connections on this machine; what comes of each, a subclass says."""

    def __init__(
        self, *, host: str = "127.0.0.1", port: int = 0, delay_s: float = 0.0
    ) -> None:
        self.port = port
        """Where it listens; 0 finds a free one."""
        self.delay_s = delay_s
        """Latency each way: a turn takes twice as long."""
        self.connections = 0
        self._host = host
        self._tasks: set[asyncio.Task[None]] = set()
        self._bugs: list[BaseException] = []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        if self._bugs and error is None:
            raise self._bugs[0]

    def _begin(self, client: SlowStream) -> Coroutine[Any, Any, None]:
        """Take a connection, already counted, and say how it is served."""
        raise NotImplementedError

    def _work(self) -> None:
        asyncio.run(self._run())

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(
            self._accept, self._host, self.port
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        # asyncio hands over what it has accepted already within a few steps.
        for _ in range(5):
            await asyncio.sleep(0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        client = SlowStream(reader, writer, self.delay_s)
        task = asyncio.create_task(self._begin(client))
        self._tasks.add(task)
        task.add_done_callback(partial(self._end, client))

    def _end(self, client: SlowStream, task: asyncio.Task[None]) -> None:
        client.abort()  # also where the task was cancelled before it began
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._bugs.append(error)
