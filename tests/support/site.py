"""A database on a server of our own, with what stands before it: names of hosts,
certificates, a stand-in for Neon's proxy, and a proxy that counts turns.

`tests/conftest.py` loads the fixtures.
"""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import UUID, uuid5

import pytest

from tests.support.certificates import Authority, Certificate
from tests.support.forked import ForkServer
from tests.support.neon import NeonFront
from tests.support.postgres import (
    ADMIN,
    OTHERS,
    PostgresCluster,
    ReusedDatabase,
)
from tests.support.program import (
    LIMIT_S,
    Launch,
    Process,
    PtyProcess,
    Surroundings,
    Todo,
)
from tests.support.stores import Clock
from tests.support.turns import TurnProxy

if TYPE_CHECKING:
    from tests.conftest import Seal

HOST = "ep-cool-dawn-123456.us-east-2.aws.neon.tech"
POOLER = "ep-cool-dawn-123456-pooler.us-east-2.aws.neon.tech"
ELSEWHERE = "db.example.org"
HOSTS = (HOST, POOLER, ELSEWHERE)
CONSOLE = "sslmode=require&channel_binding=require"
"""The parameters as Neon's console gives them."""

# A server that sends asyncpg away leaves TLS half closed: its end takes a turn more,
# which a command does not wait for.
HALF_CLOSED = (
    "ignore:unclosed <socket:ResourceWarning",
    "ignore:loop is closed:ResourceWarning",
)

MAY_HALF_CLOSE = [
    pytest.mark.filterwarnings(*HALF_CLOSED),
    pytest.mark.usefixtures("swept"),
]
"""For `pytestmark` of a module with such tests."""

IDS = UUID("5f0c3c5e-6d5e-4a57-9d5a-0d8e6f0a7b11")
STORED = "SELECT number, title, is_done, user_id FROM todo.task ORDER BY user_id, number"
SOME = """
INSERT INTO todo.counter (user_id, last) VALUES ('{user}', {last});
INSERT INTO todo.task (id, number, user_id, title, is_done, created_at, updated_at, title_folded) VALUES {rows}
"""


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that is bound to happen."""
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {LIMIT_S} s"
        time.sleep(0.01)


def task_id(number: int, user: str = "ada") -> UUID:
    """The id of a task that `Site.fill` makes."""
    return uuid5(IDS, f"{user} {number}")


@dataclass(frozen=True, slots=True)
class Site:
    """One PostgreSQL database with the schema in place, emptied for each test."""

    server: PostgresCluster
    database: str
    home: Path
    cwd: Path
    clock: Clock
    launch: Launch

    def url(
        self,
        host: str,
        port: int,
        query: str = "",
        *,
        user: str = ADMIN,
        password: str | None = None,
        database: str | None = None,
        scheme: str = "postgresql",
    ) -> str:
        """A connection string, the administrator's with the right password unless said
        otherwise.
        """
        secret = quote(
            self.server.password if password is None else password, safe=""
        )
        path = self.database if database is None else database
        return (
            f"{scheme}://{quote(user, safe='')}:{secret}@{host}:{port}/{path}"
            + (f"?{query}" if query else "")
        )

    def todo(self, url: str) -> Todo:
        """The program on a connection string, through its door in this process."""
        return Todo(Surroundings(self.home, self.cwd, url), self.clock)

    def process(self, url: str) -> Process:
        """The program on a connection string, as a process."""
        return Process(Surroundings(self.home, self.cwd, url), self.launch)

    def terminal(self, url: str) -> PtyProcess:
        """The program on a connection string, in a terminal."""
        return PtyProcess(Surroundings(self.home, self.cwd, url), self.launch)

    def fill(self, *titles: str, user: str = "ada") -> None:
        """Store open tasks numbered from 1, by SQL."""
        rows = ", ".join(
            f"('{task_id(number, user)}', {number}, '{user}', '{title}', false, '2026-01-01Z', '2026-01-01Z', '')"
            for number, title in enumerate(titles, start=1)
        )
        self.server.run_sql(
            self.database, SOME.format(user=user, last=len(titles), rows=rows)
        )

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a statement, asked past every proxy."""
        return [tuple(row) for row in self.server.fetch(self.database, sql)]

    def rest(self) -> None:
        """Wait until the server has finished with everybody, also with requests whose
        client is gone.
        """
        wait_until(lambda: self.fetch(OTHERS) == [(0,)])

    def titles(self) -> Sequence[str]:
        """The titles stored, in the order of users and numbers."""
        return [row[1] for row in self.fetch(STORED)]


@pytest.fixture(scope="module")
def swept() -> Iterator[None]:
    """Let go of what the tests of a module left behind while its warnings are expected."""
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
    seal: "Seal",
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
        own_postgres,
        blank_database.name,
        site.home,
        site.cwd,
        site.clock,
        site.launch,
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
