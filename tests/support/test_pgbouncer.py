"""The pooler is real, in transaction mode, and as strict as Neon's."""

from collections.abc import Iterator

import asyncpg
import pytest

from tests.support.machine import needs
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres import PostgresCluster

pytestmark = needs("pgbouncer")


@pytest.fixture(scope="module")
def pooled(own_postgres: PostgresCluster) -> Iterator[str]:
    """A database for clients of the pooler."""
    name = own_postgres.create_database()
    yield name
    own_postgres.drop_database(name)


@pytest.fixture
def pooler(own_postgres: PostgresCluster) -> Iterator[PgBouncer]:
    """A pooler with one connection to the server."""
    with PgBouncer(own_postgres, pool_size=1) as pooler:
        yield pooler


async def test_shares_one_connection_between_clients(
    pooler: PgBouncer, pooled: str
) -> None:
    first, second = [
        await asyncpg.connect(pooler.url(pooled), statement_cache_size=0)
        for _ in range(2)
    ]
    backends = {
        await client.fetchval("SELECT pg_backend_pid()")
        for client in (first, second, first)
    }
    await first.close()
    await second.close()

    assert len(backends) == 1


async def test_refuses_a_wrong_password(
    pooler: PgBouncer, pooled: str
) -> None:
    with pytest.raises(asyncpg.PostgresError) as refusal:
        await asyncpg.connect(pooler.url(pooled), password="wrong")
    assert refusal.value.sqlstate in ("08P01", "28P01")


async def test_keeps_named_statements_on_the_shared_connection(
    pooler: PgBouncer, pooled: str
) -> None:
    first, second = [
        await asyncpg.connect(pooler.url(pooled)) for _ in range(2)
    ]
    assert await (await first.prepare("SELECT 1", name="same")).fetchval() == 1
    with pytest.raises(asyncpg.DuplicatePreparedStatementError):
        await second.prepare("SELECT 1", name="same")
    first.terminate()
    second.terminate()


async def test_refuses_startup_parameters_that_would_stick(
    pooler: PgBouncer, pooled: str
) -> None:
    with pytest.raises(
        asyncpg.ProtocolViolationError, match="unsupported startup parameter"
    ):
        await asyncpg.connect(
            pooler.url(pooled), server_settings={"search_path": "elsewhere"}
        )


async def test_lets_other_users_in(
    own_postgres: PostgresCluster, pooled: str
) -> None:
    own_postgres.run_sql(
        pooled, "CREATE ROLE pooled_guest LOGIN PASSWORD 'a guest'"
    )
    with PgBouncer(own_postgres, users={"pooled_guest": "a guest"}) as pooler:
        client = await asyncpg.connect(pooler.url(pooled, user="pooled_guest"))
        assert await client.fetchval("SELECT current_user") == "pooled_guest"
        await client.close()
    own_postgres.run_sql(pooled, "DROP ROLE pooled_guest")
