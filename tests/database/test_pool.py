"""Which connection a call gets: a free one, one that another call gives back, or a new
one.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.postgres import PostgresCluster
from todo_cli.database.connection import Connection, Dialer
from todo_cli.database.engine import open_database
from todo_cli.database.postgresql import Server
from todo_cli.database.url import PostgresTarget, parse_url
from todo_cli.errors import DatabaseBusy, DatabaseUnavailable


def read(url: str) -> PostgresTarget:
    """The target of a URL."""
    target = parse_url(url, cwd=Path("/"))
    assert isinstance(target, PostgresTarget)
    return target


class Gate:
    """Dials the real server, or waits and fails where a test asks for it."""

    def __init__(self, target: PostgresTarget) -> None:
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.begun = asyncio.Event()
        self.fault: Exception | None = None
        self.dials = 0
        self._dial = Dialer(target, timeout_s=15)

    async def __call__(self) -> Connection:
        self.dials += 1
        self.begun.set()
        await self.is_open.wait()
        if self.fault is not None:
            raise self.fault
        return await self._dial()

    def close(self) -> None:
        """Let the next connection wait."""
        self.is_open.clear()
        self.begun.clear()


@pytest.fixture
def target(own_postgres: PostgresCluster) -> PostgresTarget:
    """A real server."""
    return read(own_postgres.url("postgres"))


@pytest.fixture
def gate(target: PostgresTarget) -> Gate:
    """What dials for the pools of these tests."""
    return Gate(target)


@asynccontextmanager
async def pool(
    target: PostgresTarget, gate: Gate, size: int
) -> AsyncIterator[Server]:
    """At most so many connections."""
    server = Server(target, gate, size=size, busy_for_s=5)
    yield server
    await server.close()


async def ping(server: Server) -> None:
    """Use a connection once."""
    async with server.connection() as session:
        await session.fetch("ping")


@pytest.fixture
def limited(own_postgres: PostgresCluster) -> Iterator[PostgresTarget]:
    """A role that may have two connections."""
    role = f"two_at_once_{uuid4().hex[:8]}"
    own_postgres.run_sql(
        "postgres",
        f"CREATE ROLE {role} LOGIN PASSWORD 'x' CONNECTION LIMIT 2",
    )
    yield read(own_postgres.url("postgres", user=role, password="x"))
    own_postgres.run_sql("postgres", f"DROP ROLE {role}")


@pytest.mark.spec("001/FR-112")
@pytest.mark.parametrize("size", [3, 10])
async def test_a_server_may_allow_fewer_connections_than_the_pool(
    limited: PostgresTarget, size: int
) -> None:
    """DeliciousBuding/metapi-go#531: calls failed, though two connections were free."""
    async with open_database(
        limited, pool_size=size, timeout_s=1, busy_for_s=60
    ) as database:
        for _ in range(3):
            await asyncio.gather(*(database.ping() for _ in range(60)))


async def test_a_call_takes_what_comes_back_before_it_is_connected(
    target: PostgresTarget, gate: Gate
) -> None:
    async with pool(target, gate, size=2) as server:
        async with server.connection():
            gate.close()
            second = asyncio.create_task(ping(server))
            await gate.begun.wait()
        await second
        gate.is_open.set()

        # The one that came too late is kept, and used.
        async with server.connection(), server.connection():
            assert gate.dials == 2


@pytest.mark.parametrize("is_refused", [True, False])
async def test_a_new_connection_that_fails_too_late_is_no_error(
    target: PostgresTarget, gate: Gate, *, is_refused: bool
) -> None:
    async with pool(target, gate, size=2) as server:
        async with server.connection():
            gate.close()
            second = asyncio.create_task(ping(server))
            await gate.begun.wait()
        await second
        if is_refused:
            gate.fault = DatabaseUnavailable("no room")
            gate.is_open.set()
            await asyncio.sleep(0.01)
            gate.fault = None

            async with server.connection(), server.connection():
                assert gate.dials == 3


async def test_each_call_that_waits_learns_why_there_is_no_connection(
    target: PostgresTarget, gate: Gate
) -> None:
    gate.fault = DatabaseUnavailable("gone")
    async with pool(target, gate, size=1) as server:
        calls = [ping(server) for _ in range(3)]
        found = await asyncio.gather(*calls, return_exceptions=True)
        assert found == [gate.fault] * 3

        gate.fault = None
        await ping(server)


async def test_a_call_that_waits_for_a_connection_that_dies_gets_a_new_one(
    target: PostgresTarget, gate: Gate
) -> None:
    async with pool(target, gate, size=1) as server:
        async with server.connection() as session:
            second = asyncio.create_task(ping(server))
            third = asyncio.create_task(ping(server))
            await asyncio.sleep(0.01)
            session.driver.terminate()
        await asyncio.gather(second, third)

    assert gate.dials == 2


async def test_a_call_that_is_cancelled_leaves_its_connection_to_the_next(
    target: PostgresTarget, gate: Gate
) -> None:
    async with pool(target, gate, size=1) as server:
        # While it connects.
        gate.close()
        first = asyncio.create_task(ping(server))
        await gate.begun.wait()
        first.cancel()
        await asyncio.wait([first])
        gate.is_open.set()
        await ping(server)
        assert gate.dials == 2

        # While it waits, and at the moment when it gets one.
        for _ in range(2):
            async with server.connection():
                calls = [asyncio.create_task(ping(server)) for _ in range(3)]
                await asyncio.sleep(0.01)
                calls[1].cancel()
                await asyncio.wait([calls[1]])
            calls[0].cancel()
            await asyncio.wait(calls)
            assert [call.cancelled() for call in calls] == [True, True, False]
        assert gate.dials == 2


async def test_a_pool_that_is_closed_can_be_used_again(
    target: PostgresTarget, gate: Gate
) -> None:
    server = Server(target, gate, size=1, busy_for_s=0.01)
    gate.close()
    first = asyncio.create_task(ping(server))
    await gate.begun.wait()
    first.cancel()
    await server.close()
    gate.is_open.set()

    async with server.connection():
        with pytest.raises(DatabaseBusy):
            await ping(server)
    await server.close()


async def test_a_pool_can_be_closed_while_a_call_uses_it(
    target: PostgresTarget, gate: Gate
) -> None:
    server = Server(target, gate, size=1, busy_for_s=5)
    async with server.connection() as session:
        await server.close()
        assert session.driver.is_closed()
    await ping(server)
    await server.close()

    assert gate.dials == 2


@pytest.mark.parametrize("connects", [True, False])
async def test_a_call_that_waits_when_the_pool_is_closed_fails_at_once(
    target: PostgresTarget, gate: Gate, *, connects: bool
) -> None:
    """Whether it waits for a new connection, and for longer than for one that is in
    use, or for that of another call.
    """
    limit_s = 0.01 if connects else 3600
    server = Server(target, gate, size=1, busy_for_s=limit_s)
    async with AsyncExitStack() as stack:
        if connects:
            gate.close()
        else:
            await stack.enter_async_context(server.connection())
        waiting = asyncio.create_task(ping(server))
        await asyncio.sleep(0.1)

        await server.close()

        with pytest.raises(DatabaseUnavailable, match="closed"):
            await waiting
    # It can be used again, also by one that waits for another.
    gate.is_open.set()
    server = Server(target, gate, size=1, busy_for_s=5)
    await server.close()
    async with server.connection() as session:
        second = asyncio.create_task(ping(server))
        await asyncio.sleep(0.01)
        session.driver.terminate()
    await second
    await server.close()


async def test_a_call_that_connects_may_wait_longer_than_for_another(
    target: PostgresTarget, gate: Gate
) -> None:
    server = Server(target, gate, size=1, busy_for_s=0.01)
    gate.close()
    first = asyncio.create_task(ping(server))
    await asyncio.sleep(0.1)
    gate.is_open.set()

    await first
    await server.close()


@pytest.mark.spec("001/FR-112")
async def test_a_connection_is_closed_when_it_is_too_old(
    target: PostgresTarget, gate: Gate
) -> None:
    server = Server(target, gate, size=1, busy_for_s=5, oldest_s=0.2)
    # It is used at that time, and closed when it comes back.
    async with server.connection() as session:
        await asyncio.sleep(0.3)
        assert not session.driver.is_closed()
    assert session.driver.is_closed()

    # Nobody uses it.
    async with server.connection() as session:
        await session.fetch("ping")
    assert not session.driver.is_closed()
    await asyncio.sleep(0.3)
    assert session.driver.is_closed()
    await server.close()

    assert gate.dials == 2


async def test_a_transaction_that_is_left_open_is_not_handed_on(
    target: PostgresTarget, gate: Gate
) -> None:
    async with pool(target, gate, size=1) as server:
        async with server.connection() as session:
            await session.execute("BEGIN")
        async with server.connection() as session:
            assert not session.driver.is_in_transaction()

    assert gate.dials == 2


async def test_a_connection_is_cut_when_nobody_waits_for_a_cancelled_call(
    target: PostgresTarget, gate: Gate
) -> None:
    async with pool(target, gate, size=1) as server:
        async with server.connection() as session:
            asking = asyncio.create_task(session.execute("SELECT pg_sleep(9)"))
            await asyncio.sleep(0.05)
            asking.cancel()
            await asyncio.wait([asking])
            settling = asyncio.create_task(session.driver.settle(5))
            await asyncio.sleep(0)
            settling.cancel()
            await asyncio.wait([settling])
            assert settling.cancelled()
            assert session.driver.is_closed()
        await ping(server)

    assert gate.dials == 2


async def test_an_idle_connection_that_died_is_replaced(
    target: PostgresTarget, gate: Gate
) -> None:
    async with pool(target, gate, size=1) as server:
        async with server.connection() as session:
            driver = session.driver
        driver.terminate()
        await ping(server)

    assert gate.dials == 2


async def test_a_connection_is_cut_when_the_server_does_not_confirm(
    target: PostgresTarget, gate: Gate
) -> None:
    async with pool(target, gate, size=1) as server:
        async with server.connection() as session:
            asking = asyncio.create_task(session.execute("SELECT pg_sleep(9)"))
            await asyncio.sleep(0.05)
            asking.cancel()
            await asyncio.wait([asking])
            await session.driver.settle(0)
            assert session.driver.is_closed()
        await ping(server)
