"""A connection to PostgreSQL that is kept for the next who asks: to connect costs more
than most statements of tests.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

import asyncpg

from tests.support.blocking import in_background
from tests.support.postgres import OURS

T = TypeVar("T")

GONE = (
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.AdminShutdownError,
    ConnectionError,
)
_left: dict[str, "asyncpg.Connection[asyncpg.Record]"] = {}
"""The connection that the last caller left, by its URL; one at most."""


async def ask(
    url: str,
    question: "Callable[[asyncpg.Connection[asyncpg.Record]], Awaitable[T]]",
) -> T:
    """Ask a database, once more where the connection that is left was ended meanwhile."""

    async def once() -> T:
        async with _taken(url) as connection:
            return await question(connection)

    async def again() -> T:
        with suppress(*GONE):
            return await once()
        return await once()

    return await in_background(again())


@asynccontextmanager
async def _taken(
    url: str,
) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    """The connection that is left, if it is to the same database, or a new one.

    Who asks meanwhile gets a new one, too, and waits for nobody.
    """
    connection = _left.pop(url, None)
    for other in list(_left):
        await _left.pop(other).close()
    if connection is None or connection.is_closed():
        connection = await asyncpg.connect(
            url,
            server_settings={"application_name": OURS},
            statement_cache_size=0,
        )
    try:
        yield connection
    except BaseException:
        connection.terminate()
        raise
    if url in _left:
        await connection.close()
    else:
        _left[url] = connection
