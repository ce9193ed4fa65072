"""A relay of bytes that knows no protocol: late, if it is told to, and cutting a line
after so many bytes.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from tests.support.listener import Listener
from tests.support.streams import SlowStream, Stream


@dataclass(frozen=True, slots=True)
class Cut:
    """The moment when a line ends: after so many bytes of the client's, or of the server's."""

    of: Literal["client", "server"]
    after: int
    is_reset: bool = False


class Relay(Listener):
    """Relays from an address of this machine to a port of 127.0.0.1."""

    def __init__(
        self,
        upstream: int,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        delay_s: float = 0.0,
    ) -> None:
        super().__init__(host=host, port=port, delay_s=delay_s)
        self._upstream = upstream
        self.cut: Cut | None = None
        """What happens to the next connection, and to no later one."""
        self.passed = {"client": 0, "server": 0}
        """Bytes of the latest connection."""

    def _begin(self, client: SlowStream) -> Coroutine[Any, Any, None]:
        cut, self.cut = self.cut, None
        self.passed = {"client": 0, "server": 0}
        return self._serve(client, cut, self.passed)

    async def _serve(
        self, client: SlowStream, cut: Cut | None, passed: dict[str, int]
    ) -> None:
        with suppress(OSError):
            await self._relay(client, cut, passed)

    async def _relay(
        self, client: SlowStream, cut: Cut | None, passed: dict[str, int]
    ) -> None:
        server = SlowStream(
            *await asyncio.open_connection("127.0.0.1", self._upstream)
        )
        pumps = {
            asyncio.create_task(
                self._pass("client", client, server, cut, passed)
            ),
            asyncio.create_task(
                self._pass("server", server, client, cut, passed)
            ),
        }
        try:
            done, _ = await asyncio.wait(
                pumps, return_when=asyncio.FIRST_COMPLETED
            )
            if any(pump.result() for pump in done):
                assert cut is not None
                client.abort(reset=cut.is_reset)
            else:
                await client.close()
            await (
                server.close()
            )  # it has what has passed, and then sees the end
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
