"""Fixtures of these tests: certificates, a stand-in for Neon's proxy, a turn counter, a
database with the schema.
"""

import asyncio
import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Seal
from tests.neon.pauses import SHORTEST_PAUSE_S, Pauses
from tests.neon.site import CONSOLE, HOST, HOSTS, Site
from tests.support.certificates import Authority, Certificate
from tests.support.forked import ForkServer
from tests.support.neon import NeonFront
from tests.support.postgres import PostgresCluster, ReusedDatabase
from tests.support.stores import Clock
from tests.support.turns import TurnProxy

# A server that sends asyncpg away leaves TLS half closed: its end takes a turn more,
# which a command does not wait for.
HALF_CLOSED = (
    "ignore:unclosed transport:ResourceWarning",
    "ignore:unclosed <socket:ResourceWarning",
    "ignore:loop is closed:ResourceWarning",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let connections that are half closed at the end of a command be no fault, in
    these tests alone.
    """
    for item in items:
        if Path(__file__).parent in item.path.parents:
            for warning in HALF_CLOSED:
                item.add_marker(pytest.mark.filterwarnings(warning))


@pytest.fixture(scope="package", autouse=True)
def swept() -> Iterator[None]:
    """Let go of what these tests left behind while its warnings are still expected."""
    yield
    gc.collect()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority that programs under test trust by SSL_CERT_FILE."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def certificate(authority: Authority) -> Certificate:
    """A certificate that is right for every host of these tests."""
    return authority.issue(*HOSTS, "localhost", "127.0.0.1", "::1")


@pytest.fixture(scope="session")
def impostors(authority: Authority) -> dict[str, dict[str, Certificate]]:
    """Certificates to refuse, by host and by what is wrong with them."""
    return {host: authority.impostors(host) for host in (*HOSTS, "localhost")}


@pytest.fixture(scope="session")
def filled_database(own_postgres: PostgresCluster) -> ReusedDatabase:
    """A database with the schema in place."""
    return ReusedDatabase(own_postgres)


@pytest.fixture
def site(
    own_postgres: PostgresCluster,
    filled_database: ReusedDatabase,
    authority: Authority,
    seal: Seal,
    clock: Clock,
    fork_server: ForkServer,
    local_hosts: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> Site:
    """A database with the schema in place and nothing in it; names of hosts resolve,
    and the authority is trusted.
    """
    local_hosts(*HOSTS)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    filled_database.emptied()
    return Site(
        own_postgres,
        filled_database.name,
        seal.home,
        seal.cwd,
        clock,
        fork_server.launch,
    )


@pytest.fixture(scope="session")
def blank_database(own_postgres: PostgresCluster) -> ReusedDatabase:
    """A database for stores that are not there yet."""
    return ReusedDatabase(own_postgres)


@pytest.fixture
def blank_site(
    own_postgres: PostgresCluster, blank_database: ReusedDatabase, site: Site
) -> Site:
    """A database in which nothing has been made yet."""
    blank_database.emptied(is_made=False)
    return Site(
        own_postgres, blank_database.name, site.home, site.cwd, site.clock, site.launch
    )


@pytest.fixture
def front(
    own_postgres: PostgresCluster, certificate: Certificate
) -> Iterator[NeonFront]:
    """A stand-in for Neon's proxy."""
    with NeonFront(own_postgres.host, own_postgres.port, certificate) as front:
        yield front


@pytest.fixture
def proxy(own_postgres: PostgresCluster) -> Iterator[TurnProxy]:
    """A proxy before PostgreSQL in plain text that counts turns and cuts lines."""
    with TurnProxy(own_postgres.host, own_postgres.port) as proxy:
        yield proxy


@pytest.fixture
def neon_url(site: Site, front: NeonFront) -> str:
    """The connection string of the database through the front, as Neon's console gives it."""
    return site.url(HOST, front.port, CONSOLE)


@pytest.fixture
def plain_url(site: Site, proxy: TurnProxy) -> str:
    """The connection string of the database through the proxy, in plain text."""
    return site.url("127.0.0.1", proxy.port)


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
