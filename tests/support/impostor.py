"""A program on a port that answers a log-in as it pleases."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from tests.support.wire import Message

TURNS_TO_SERVE = 5
"""More turns of the loop than lie between a client's arrival and its service."""


def message(kind: bytes, body: bytes = b"") -> bytes:
    """A message of a server."""
    return Message(kind, body).encode()


def authentication(code: int, body: bytes = b"") -> bytes:
    """A request of the server for a kind of log-in; 0 says that it is done."""
    return message(b"R", struct.pack("!I", code) + body)


def parameter(name: str, value: str) -> bytes:
    """What a server says of one of its settings."""
    return message(b"S", f"{name}\0{value}\0".encode())


def welcome(**settings: str) -> bytes:
    """The answer to a log-in that needs no password."""
    said = {
        "server_version": "16.1",
        "server_encoding": "UTF8",
        "client_encoding": "UTF8",
    } | settings
    parameters = b"".join(parameter(*each) for each in said.items())
    key = message(b"K", struct.pack("!II", 1, 2))
    return authentication(0) + parameters + key + message(b"Z", b"I")


@asynccontextmanager
async def impostor(
    *answers: bytes, stays: bool = True, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Listen on a port, and give each message of a client the next answer.

    Yields the port and what was heard. After the last answer it hangs up, or
    stays and is silent.
    """
    heard: list[bytes] = []
    serving: set[asyncio.Task[None]] = set()

    async def serve(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            for answer in answers:
                heard.append(await reader.read(65_536))
                writer.write(answer)
            while stays and (data := await reader.read(65_536)):
                heard.append(data)
        except (OSError, asyncio.CancelledError):
            pass  # the client, or the test, has ended
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    def begin(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        serving.add(asyncio.create_task(serve(reader, writer)))

    listening = await asyncio.start_server(begin, host, port)
    async with listening:
        try:
            yield listening.sockets[0].getsockname()[1], heard
        finally:
            # From Python 3.12 on a server waits for its clients, and not all
            # have left: one that timed out may wait for a collector, and one
            # that came last is not served yet.
            for _ in range(TURNS_TO_SERVE):
                await asyncio.sleep(0)
            for task in serving:
                task.cancel()
            await asyncio.gather(*serving, return_exceptions=True)
