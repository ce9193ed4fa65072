"""Turns are counted exactly, and faults happen where they are asked for."""

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest

from tests.support.postgres import PostgresCluster
from tests.support.turns import Fault, TurnProxy

# A client can be accepted at the moment in which a proxy ends: nobody closes that line
# but the collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]


@pytest.fixture(scope="module")
def counter(own_postgres: PostgresCluster) -> Iterator[str]:
    """A database with the table `counter` of one row."""
    name = own_postgres.create_database()
    own_postgres.run_sql(
        name, "CREATE TABLE counter (n int); INSERT INTO counter VALUES (0)"
    )
    yield name
    own_postgres.drop_database(name)


@pytest.fixture
def proxy(own_postgres: PostgresCluster) -> Iterator[TurnProxy]:
    """A proxy before the server."""
    with TurnProxy(own_postgres.host, own_postgres.port) as proxy:
        yield proxy


async def connect(
    proxy: TurnProxy, server: PostgresCluster, database: str
) -> "asyncpg.Connection[asyncpg.Record]":
    """A plain connection through the proxy."""
    return await asyncpg.connect(
        host="127.0.0.1",
        port=proxy.port,
        user="todo_admin",
        password=server.password,
        database=database,
        ssl=False,
        statement_cache_size=0,
        timeout=30,
    )


INCREMENT = "UPDATE counter SET n = n + 1 RETURNING n"


def stored(server: PostgresCluster, database: str) -> int:
    """What the counter says now."""
    return int(server.fetch(database, "SELECT n FROM counter")[0]["n"])


async def test_counts_long_messages_once(
    proxy: TurnProxy, own_postgres: PostgresCluster, counter: str
) -> None:
    connection = await connect(proxy, own_postgres, counter)
    proxy.reset()

    echo = await connection.fetchval("SELECT $1::text", "x" * 3_000_000)
    await connection.close()

    assert (len(echo), proxy.turns) == (3_000_000, 2)


async def test_counts_a_copy_by_its_start_and_end_not_by_its_rows(
    proxy: TurnProxy, own_postgres: PostgresCluster, counter: str
) -> None:
    connection = await connect(proxy, own_postgres, counter)
    await connection.execute("CREATE TEMPORARY TABLE many (n int)")
    proxy.reset()

    await connection.copy_records_to_table(
        "many", records=[(n,) for n in range(100_000)], columns=["n"]
    )
    await connection.close()

    # asyncpg asks for the types of the columns first, and sends rows before the server
    # has said that it may.
    assert proxy.requests == ["PDH", "Q", "dc"]
    assert proxy.turns in (2, 3)


@pytest.mark.parametrize("how", ["end", "reset"])
@pytest.mark.parametrize(
    ("fault", "written"), [("before", 0), ("during", 1), ("after", 1)]
)
async def test_cuts_the_line_around_a_write(
    proxy: TurnProxy,
    own_postgres: PostgresCluster,
    counter: str,
    how: str,
    fault: str,
    written: int,
) -> None:
    earlier = stored(own_postgres, counter)
    proxy.faults.append(Fault(fault, request=2, how=how))  # type: ignore[arg-type]
    connection = await connect(proxy, own_postgres, counter)

    with pytest.raises(
        (asyncpg.ConnectionDoesNotExistError, ConnectionResetError)
    ):
        await connection.fetchrow(INCREMENT)
    while fault == "during" and stored(own_postgres, counter) == earlier:
        await asyncio.sleep(0.01)  # the server is still at it

    assert stored(own_postgres, counter) == earlier + written
    again = await connect(
        proxy, own_postgres, counter
    )  # only the first connection is cut
    assert await again.fetchval(INCREMENT) == earlier + written + 1
    await again.close()


async def test_cuts_the_line_before_the_log_in(
    proxy: TurnProxy, own_postgres: PostgresCluster, counter: str
) -> None:
    proxy.faults.append(Fault("before", request=0))
    with pytest.raises((ConnectionError, asyncpg.ConnectionDoesNotExistError)):
        await connect(proxy, own_postgres, counter)
    assert proxy.turns == 1


@pytest.mark.parametrize("request_", [1, 2])
async def test_answers_a_request_with_an_error_and_goes_on(
    proxy: TurnProxy,
    own_postgres: PostgresCluster,
    counter: str,
    request_: int,
) -> None:
    earlier = stored(own_postgres, counter)
    proxy.faults.append(Fault("before", request_, how="error", state="40001"))
    connection = await connect(proxy, own_postgres, counter)

    with pytest.raises(asyncpg.SerializationError):
        await connection.fetchrow(INCREMENT)

    assert stored(own_postgres, counter) == earlier
    assert await connection.fetchval(INCREMENT) == earlier + 1
    await connection.close()


async def test_an_error_aborts_the_transaction_that_it_meets(
    proxy: TurnProxy, own_postgres: PostgresCluster, counter: str
) -> None:
    earlier = stored(own_postgres, counter)
    connection = await connect(proxy, own_postgres, counter)
    transaction = connection.transaction()
    await transaction.start()
    await connection.fetchrow(INCREMENT)
    proxy.faults.append(Fault("before", 4, how="error", state="53100"))

    with pytest.raises(asyncpg.DiskFullError):
        await connection.fetchrow(INCREMENT)
    with pytest.raises(asyncpg.InFailedSQLTransactionError):
        await connection.fetchrow(INCREMENT)
    await transaction.rollback()
    await connection.close()

    assert stored(own_postgres, counter) == earlier


@pytest.mark.parametrize(
    ("request_", "state"), [(0, "28P01"), (1, "57P01"), (2, "57P01")]
)
async def test_an_error_that_ends_sessions_ends_this_one(
    proxy: TurnProxy,
    own_postgres: PostgresCluster,
    counter: str,
    request_: int,
    state: str,
) -> None:
    proxy.faults.append(Fault("before", request_, how="error", state=state))

    with pytest.raises(
        (
            asyncpg.InvalidPasswordError,
            asyncpg.AdminShutdownError,
            asyncpg.ConnectionDoesNotExistError,
        ),
        match="as a test asked",
    ):
        await (await connect(proxy, own_postgres, counter)).fetchrow(INCREMENT)

    again = await connect(proxy, own_postgres, counter)
    assert (await again.fetchval(INCREMENT), proxy.connections) == (
        stored(own_postgres, counter),
        2,
    )
    await again.close()
