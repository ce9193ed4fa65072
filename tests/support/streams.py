"""Byte streams of the proxies: with latency, and with TLS on top."""

import asyncio
import socket
import ssl
import struct
from contextlib import suppress
from typing import Protocol

CHUNK = 65536
GOODBYE_LIMIT_S = 5.0


class Stream(Protocol):
    """Bytes both ways."""

    async def read(self) -> bytes:
        """Whatever has come; nothing at the end."""

    async def write(self, data: bytes) -> None:
        """Send bytes."""

    async def close(self) -> None:
        """Send what is left and end the stream properly."""

    def abort(self, *, reset: bool = False) -> None:
        """Drop the stream at once, as a line that ends or, with `reset`, as one that is torn."""


class SlowStream:
    """An accepted TCP stream on which every byte is `delay_s` late, each way, and the
    first also by the handshake.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        delay_s: float = 0.0,
    ) -> None:
        self._reader, self._writer, self._delay_s = reader, writer, delay_s
        self._coming: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(256)
        self._leaving: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(256)
        self._receiving = asyncio.create_task(self._receive())
        self._sending = asyncio.create_task(self._send())
        self._ended = False

    async def read(self) -> bytes:
        """Whatever has come; nothing at the end."""
        if self._ended:
            return b""
        due, data = await self._coming.get()
        await self._until(due)
        self._ended = not data
        return data

    async def write(self, data: bytes) -> None:
        """Send bytes; goes on at once."""
        if data:
            await self._leaving.put((self._due(), data))

    async def close(self) -> None:
        """Send what is left and close the connection."""
        await self._leaving.put((self._due(), b""))
        await self._sending
        self._receiving.cancel()
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    def abort(self, *, reset: bool = False) -> None:
        """Drop the connection at once, as a line that ends or, with `reset`, as one
        that is torn.
        """
        if reset:
            linger = struct.pack("ii", 1, 0)
            self._writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, linger
            )
        self._receiving.cancel()
        self._sending.cancel()
        self._writer.transport.abort()

    async def _receive(self) -> None:
        await asyncio.sleep(
            2 * self._delay_s
        )  # the handshake, which the system has answered already
        data = b"start"
        while data:
            try:
                data = await self._reader.read(CHUNK)
            except OSError:
                data = b""
            await self._coming.put((self._due(), data))

    async def _send(self) -> None:
        while True:
            due, data = await self._leaving.get()
            await self._until(due)
            if not data:
                break
            with suppress(OSError):
                self._writer.write(data)
                await self._writer.drain()
        with suppress(OSError, RuntimeError):
            self._writer.write_eof()

    def _due(self) -> float:
        return asyncio.get_running_loop().time() + self._delay_s

    async def _until(self, due: float) -> None:
        if self._delay_s:
            await asyncio.sleep(due - asyncio.get_running_loop().time())


class TlsStream:
    """The server's end of TLS over another stream."""

    def __init__(self, under: Stream, context: ssl.SSLContext) -> None:
        self._under = under
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)
        self.server_name: str | None = None
        """The host that the client asked for."""
        self.flights = 0
        """Times that the handshake had the client wait for us: 1 with TLS 1.3."""

    async def handshake(self, first: bytes = b"") -> None:
        """Shake hands; `first` are bytes of it that have been read already."""
        self._in.write(first)
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self.flights += bool(self._out.pending)
                await self._flush()
                await self._fill()
            except ssl.SSLError:
                await self._flush()  # the alert
                raise
            else:
                self.flights += bool(self._out.pending)
                await self._flush()
                return

    async def read(self) -> bytes:
        """Whatever has come; nothing at the end."""
        while True:
            try:
                return self._tls.read(CHUNK)
            except ssl.SSLWantReadError:
                await self._fill()
                if self._in.eof:
                    return b""
            except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
                return b""

    async def write(self, data: bytes) -> None:
        """Send bytes."""
        self._tls.write(data)
        await self._flush()

    async def close(self) -> None:
        """Say goodbye as TLS has it, wait for the client's, and close."""
        with suppress(ssl.SSLError, OSError, TimeoutError):
            async with asyncio.timeout(GOODBYE_LIMIT_S):
                await self._take_leave()
        await self._under.close()

    def abort(self, *, reset: bool = False) -> None:
        """Drop the connection at once, without TLS's own end."""
        self._under.abort(reset=reset)

    async def _take_leave(self) -> None:
        while True:
            try:
                self._tls.unwrap()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._fill()
                if self._in.eof:
                    return
            else:
                await self._flush()
                return

    async def _fill(self) -> None:
        if data := await self._under.read():
            self._in.write(data)
        else:
            self._in.write_eof()

    async def _flush(self) -> None:
        await self._under.write(self._out.read())
