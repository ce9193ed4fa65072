"""Connect to the first address of a host that answers (RFC 8305).

asyncio can do the same, but before Python 3.12 it leaves sockets open when it
is cancelled.
"""

import asyncio
import socket
from collections.abc import Sequence
from typing import Any, Final

_NEXT_ADDRESS_S: Final = 0.25
"""When to try the next address as well, in seconds."""


async def connect_first(found: Sequence[Any]) -> socket.socket:
    """Return a connected socket of the first address that answers.

    Raises:
        OSError: no address can be reached.
    """
    addresses = list(found)
    running: set[asyncio.Task[socket.socket]] = set()
    faults: list[OSError] = []
    try:
        while addresses or running:
            limit_s = None
            if addresses:
                knock = _knock(addresses.pop(0))
                running.add(asyncio.create_task(knock))
            if addresses:
                limit_s = _NEXT_ADDRESS_S
            done, _ = await asyncio.wait(
                running,
                timeout=limit_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                running.remove(task)
                fault = task.exception()
                if fault is None:
                    return task.result()
                if not isinstance(fault, OSError):
                    raise fault
                faults.append(fault)
    finally:
        _end(running)
    raise _joined(faults)


async def resolve(host: str, port: int) -> list[Any]:
    """Look a name up; the system puts the better addresses first.

    Raises:
        OSError: the name is not known.
    """
    loop = asyncio.get_running_loop()
    try:
        return await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        # For example a part of the name has more than 63 characters.
        raise socket.gaierror(socket.EAI_NONAME, "no such name") from error


async def _knock(found: Any) -> socket.socket:
    """Connect a socket to an address, or close it.

    It is made here: a task that is cancelled before it begins runs nothing.
    """
    family, kind, protocol, _, address = found
    client = socket.socket(family, kind, protocol)
    try:
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, address)
    except BaseException:
        client.close()
        raise
    return client


def _end(running: set[asyncio.Task[socket.socket]]) -> None:
    """End the attempts that are not needed, and close what they connect.

    Waits for nothing: to be cancelled here would lose the one that is needed.
    """
    for task in running:
        task.add_done_callback(_close)
        task.cancel()


def _close(ended: asyncio.Task[socket.socket]) -> None:
    """Close what an attempt has connected, if anything."""
    if not ended.cancelled() and ended.exception() is None:
        ended.result().close()


def _joined(faults: list[OSError]) -> OSError:
    """Make one error of those of all addresses, in asyncio's words.

    `failures` reads the numbers in them.
    """
    if len({fault.errno for fault in faults}) == 1:
        return faults[0]
    texts = ", ".join(map(str, faults))
    return OSError(f"Multiple exceptions: {texts}")
