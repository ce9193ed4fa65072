"""A relay of bytes that knows no protocol: late, if it is told to, and cutting a line
after so many bytes.
"""

import asyncio
import threading
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

from tests.support.streams import SlowStream, Stream


@dataclass(frozen=True, slots=True)
class Cut:
    """The moment when a line ends: after so many bytes of the client's, or of the server's."""

    of: Literal["client", "server"]
    after: int
    is_reset: bool = False


class Relay:
    """Relays from an address of this machine to a port of 127.0.0.1, for the time of a `with`."""

    def __init__(
        self,
        upstream: int,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        delay_s: float = 0.0,
    ) -> None:
        self._upstream = upstream
        self._delay_s = delay_s
        self._host = host
        self.port = port
        """Where it listens; 0 finds a free one."""
        self.cut: Cut | None = None
        """What happens to the next connection, and to no later one."""
        self.connections = 0
        self.passed = {"client": 0, "server": 0}
        """Bytes of the latest connection."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._run()), daemon=True
        )

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

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._accept, self._host, self.port)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        cut, self.cut = self.cut, None
        self.connections += 1
        self.passed = {"client": 0, "server": 0}
        client = SlowStream(reader, writer, self._delay_s)
        task = asyncio.create_task(self._serve(client, cut, self.passed))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(
            lambda _: client.abort()
        )  # also where it is cancelled before it began

    async def _serve(
        self, client: SlowStream, cut: Cut | None, passed: dict[str, int]
    ) -> None:
        server = SlowStream(*await asyncio.open_connection("127.0.0.1", self._upstream))
        pumps = {
            asyncio.create_task(self._pass("client", client, server, cut, passed)),
            asyncio.create_task(self._pass("server", server, client, cut, passed)),
        }
        try:
            done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            if any(pump.result() for pump in done):
                assert cut is not None
                client.abort(reset=cut.is_reset)
            else:
                await client.close()
            await server.close()  # it has what has passed, and then sees the end
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            server.abort()

    async def _pass(
        self,
        side: str,
        source: Stream,
        sink: Stream,
        cut: Cut | None,
        passed: dict[str, int],
    ) -> bool:
        """Relay one way until it ends; whether it was cut."""
        end = cut.after if cut is not None and cut.of == side else None
        with suppress(OSError):
            while data := await source.read():
                rest = None if end is None else end - passed[side]
                await sink.write(data[:rest])
                passed[side] += len(data[:rest])
                if rest is not None and rest <= len(data):
                    return True
        return False
