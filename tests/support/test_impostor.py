"""An impostor ends with its test, whoever is still connected."""

import asyncio
import socket

import pytest

from tests.support.impostor import TURNS_TO_SERVE, impostor


@pytest.mark.parametrize("turns", range(TURNS_TO_SERVE))
async def test_does_not_wait_for_a_client_that_came_last(turns: int) -> None:
    """From Python 3.12 on a server waits for its clients."""
    with socket.socket() as client:
        async with impostor(b"x", stays=False) as (port, _):
            client.connect(("127.0.0.1", port))
            for _ in range(turns):
                await asyncio.sleep(0)
