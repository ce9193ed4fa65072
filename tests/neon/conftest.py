"""Fixtures of these tests: pauses between tries, and warnings that are no fault here."""

import asyncio
import gc
from collections.abc import Iterator

import pytest

from tests.neon.pauses import SHORTEST_PAUSE_S, Pauses
from tests.support.site import HALF_CLOSED


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let connections that are half closed at the end of a command be no fault, in
    these tests alone: pytest calls this for no others.
    """
    item.add_marker(pytest.mark.filterwarnings(*HALF_CLOSED))


@pytest.fixture(scope="package", autouse=True)
def swept() -> Iterator[None]:
    """Let go of what these tests left behind while its warnings are still expected."""
    yield
    gc.collect()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Pauses:
    """The pauses between tries, noted and not waited for."""
    pauses, sleep = Pauses(), asyncio.sleep

    async def note(delay: float, result: object = None) -> object:
        if delay < SHORTEST_PAUSE_S:
            return await sleep(delay, result)
        pauses.taken.append(delay)
        if len(pauses.taken) == 1:
            pauses.meanwhile()
        return await sleep(0, result)

    monkeypatch.setattr(asyncio, "sleep", note)
    return pauses


@pytest.fixture
def clocked_pauses(monkeypatch: pytest.MonkeyPatch) -> Pauses:
    """The pauses between tries, noted and waited for."""
    pauses, sleep = Pauses(), asyncio.sleep

    async def note(delay: float, result: object = None) -> object:
        if delay >= SHORTEST_PAUSE_S:
            pauses.taken.append(delay)
        return await sleep(delay, result)

    monkeypatch.setattr(asyncio, "sleep", note)
    return pauses
