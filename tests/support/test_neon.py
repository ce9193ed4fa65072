"""The stand-in for Neon's proxy behaves as neondatabase/neon's sources say, and counts
every turn of TLS.
"""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from tests.support.certificates import Authority
from tests.support.neon import NeonFront
from tests.support.postgres import PostgresCluster
from tests.support.turns import TurnProxy


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that the clients of these tests trust."""
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def table(own_postgres: PostgresCluster) -> Iterator[str]:
    """A database with the empty table `kept`."""
    name = own_postgres.create_database()
    own_postgres.run_sql(name, "CREATE TABLE kept (n int)")
    yield name
    own_postgres.drop_database(name)


@pytest.fixture
def front(
    own_postgres: PostgresCluster, authority: Authority
) -> Iterator[NeonFront]:
    """The stand-in before the server, with a certificate for localhost."""
    with NeonFront(
        own_postgres.host, own_postgres.port, authority.issue("localhost")
    ) as front:
        yield front


@pytest.fixture
def login(
    own_postgres: PostgresCluster,
    table: str,
    front: NeonFront,
    authority: Authority,
) -> dict[str, Any]:
    """Arguments of a connection through the front that verifies everything."""
    context = ssl.create_default_context(cafile=authority.file)
    context.set_alpn_protocols(["postgresql"])
    return {
        "host": "localhost",
        "port": front.port,
        "user": "todo_admin",
        "password": own_postgres.password,
        "database": table,
        "ssl": context,
        "statement_cache_size": 0,
    }


@asynccontextmanager
async def connected(
    **arguments: Any,
) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    """A connection that is dropped at the end."""
    connection = await asyncpg.connect(**arguments)
    try:
        yield connection
    finally:
        connection.terminate()


async def test_agrees_with_a_count_of_packets(
    front: NeonFront, login: dict[str, Any]
) -> None:
    with TurnProxy("127.0.0.1", front.port) as packets:
        connection = await asyncpg.connect(
            **{**login, "port": packets.port}, direct_tls=True
        )
        await connection.fetchrow("SELECT 1")
        connection.terminate()

        assert (packets.turns, front.turns) == (7, 7)


async def test_drops_startup_parameters_without_a_word(
    front: NeonFront, login: dict[str, Any]
) -> None:
    wanted = {
        "application_name": "todo",
        "search_path": "elsewhere",
        "options": "endpoint=localhost -c geqo=off",
    }
    async with connected(
        **login, direct_tls=True, server_settings=wanted
    ) as connection:
        shown = [
            await connection.fetchval(f"SHOW {name}")
            for name in ("application_name", "search_path", "geqo")
        ]

    assert shown == ["todo", '"$user", public', "off"]
    assert front.startups[0]["search_path"] == "elsewhere"


async def test_wants_an_endpoint_and_no_two(
    front: NeonFront, login: dict[str, Any]
) -> None:
    nameless = ssl.create_default_context()
    nameless.check_hostname, nameless.verify_mode = False, ssl.CERT_NONE
    unnamed = {**login, "host": "127.0.0.1", "ssl": nameless}
    with pytest.raises(
        asyncpg.InternalServerError, match="Endpoint ID is not specified"
    ):
        await asyncpg.connect(**unnamed)
    with pytest.raises(
        asyncpg.InternalServerError, match="Inconsistent project name"
    ):
        await asyncpg.connect(
            **login, server_settings={"options": "endpoint=other"}
        )
    async with connected(
        **unnamed, server_settings={"options": "endpoint=other"}
    ) as connection:
        assert await connection.fetchval("SELECT 1") == 1

    assert front.server_names == [None, "localhost", None]


async def test_refuses_a_plain_client(login: dict[str, Any]) -> None:
    with pytest.raises(
        asyncpg.InternalServerError, match="connection is insecure"
    ):
        await asyncpg.connect(**{**login, "ssl": False})


async def test_shows_no_startup_packet_of_a_client_that_refuses_the_certificate(
    front: NeonFront, login: dict[str, Any], authority: Authority
) -> None:
    impostors = authority.impostors("localhost")
    for certificate in impostors.values():
        front.certificate = certificate
        for direct in (False, True):
            with pytest.raises(ssl.SSLCertVerificationError):
                await asyncpg.connect(**login, direct_tls=direct)

    assert len(impostors) == 5
    assert front.connections == 10
    assert front.startups == []


async def test_gives_every_error_the_same_sqlstate(
    login: dict[str, Any],
) -> None:
    with pytest.raises(
        asyncpg.InternalServerError,
        match="password authentication failed for user 'todo_admin'",
    ) as wrong:
        await asyncpg.connect(**{**login, "password": "wrong"})
    with pytest.raises(
        asyncpg.InternalServerError, match="database 'nowhere' does not exist"
    ) as missing:
        await asyncpg.connect(**{**login, "database": "nowhere"})

    assert (wrong.value.sqlstate, missing.value.sqlstate) == ("XX000", "XX000")


async def test_cancels_a_statement(
    front: NeonFront, login: dict[str, Any]
) -> None:
    async with connected(**login) as connection:
        with pytest.raises(TimeoutError):
            await connection.fetchval("SELECT pg_sleep(60)", timeout=0.2)
        assert await connection.fetchval("SELECT 1") == 1
    assert front.connections == 2
