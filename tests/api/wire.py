"""Raw requests to a server in this process, and its log."""

import asyncio
import io

import httpx


async def sent(served: httpx.AsyncClient, request: bytes) -> bytes:
    """What the server answers to some bytes, until it closes the connection."""
    reader, writer = await asyncio.open_connection(
        served.base_url.host, served.base_url.port
    )
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def left(served: httpx.AsyncClient, request: bytes) -> None:
    """Send some bytes and go."""
    _, writer = await asyncio.open_connection(
        served.base_url.host, served.base_url.port
    )
    writer.write(request)
    writer.close()
    await writer.wait_closed()


async def written(stderr: io.BytesIO, lines: int) -> None:
    """Wait until the log has this many lines."""
    while len(stderr.getvalue().splitlines()) < lines:
        await asyncio.sleep(0.01)


async def logged(
    served: httpx.AsyncClient, stderr: io.BytesIO, lines: int
) -> list[str]:
    """Wait for this many lines; return requests without their times."""
    before = 2  # the warning, and where it listens
    await written(stderr, before + lines)
    await served.get("/last")
    while b"GET /last 404 " not in stderr.getvalue():
        await asyncio.sleep(0.01)
    found = stderr.getvalue().decode().splitlines()
    assert found[-1].startswith("GET /last 404 ")
    return [
        line.rsplit(" ", 2)[0] if line.endswith(" ms") else line
        for line in found[before:-1]
    ]
