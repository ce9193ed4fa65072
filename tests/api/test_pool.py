"""A long life with PostgreSQL: connections that die, and a server that comes and goes."""

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.api.storm import raise_storm
from tests.api.support import TASKS, Log, add, context_for, data, error, opened
from tests.service.backdoor import connected
from tests.support.certificates import Authority
from tests.support.machine import needs
from tests.support.neon import NeonFront
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres import PostgresCluster
from tests.support.program import LIMIT_S
from tests.support.size import size
from tests.support.stores import Clock, Store
from tests.support.turns import Fault, TurnProxy
from todo_cli.api.context import ServerContext
from todo_cli.database import connection, engine, postgresql

HOST = "ep-cool-dawn-123456.us-east-2.aws.neon.tech"


@pytest.fixture
def own_store(own_postgres: PostgresCluster) -> Iterator[Store]:
    """A store on a PostgreSQL that may be stopped."""
    name = own_postgres.create_database()
    yield Store("postgresql", own_postgres.url(name))
    own_postgres.drop_database(name)


@pytest.fixture
def own_context(own_store: Store, clock: Clock, log: Log) -> ServerContext:
    """The context for that store."""
    return context_for(own_store.target, clock, log)


@pytest.fixture
def proxy(own_postgres: PostgresCluster) -> Iterator[TurnProxy]:
    """A proxy before PostgreSQL that cuts lines."""
    with TurnProxy(own_postgres.host, own_postgres.port) as proxy:
        yield proxy


@pytest.fixture
def proxied(
    own_context: ServerContext,
    own_store: Store,
    own_postgres: PostgresCluster,
    proxy: TurnProxy,
) -> ServerContext:
    """The context for that store through the proxy."""
    url = own_store.url.replace(f":{own_postgres.port}/", f":{proxy.port}/")
    return replace(own_context, target=Store("postgresql", url).target)


async def fill_pool(client: httpx.AsyncClient) -> None:
    """Have every connection of the pool made."""
    for response in await asyncio.gather(
        *(client.get(TASKS) for _ in range(30))
    ):
        data(response)


@pytest.mark.spec("001/FR-112")
@pytest.mark.parametrize(
    "is_noticed",
    [True, False],
    ids=["driver has heard", "driver has not heard"],
)
async def test_connections_that_died_while_idle_are_replaced(
    own_context: ServerContext, own_postgres: PostgresCluster, is_noticed: bool
) -> None:
    async with opened(own_context) as client:
        task = await add(client)
        await fill_pool(client)
        own_postgres.restart()
        if is_noticed:
            await asyncio.sleep(0.1)

        path = f"{TASKS}/{task['id']}"
        answers = await asyncio.gather(
            *(client.get(TASKS) for _ in range(10)),
            *(client.post(TASKS, json={"title": "x"}) for _ in range(10)),
            *(client.put(path, json={"title": "y"}) for _ in range(10)),
        )

    statuses = [answer.status_code for answer in answers]
    assert statuses == [200] * 10 + [201] * 10 + [200] * 10


@pytest.mark.spec("001/FR-112")
async def test_no_round_trip_is_spent_on_asking_whether_a_connection_lives(
    proxied: ServerContext, proxy: TurnProxy
) -> None:
    async with opened(proxied) as client:
        task = await add(client)
        await client.get(TASKS)
        proxy.reset()

        data(await client.get(f"{TASKS}/{task['id']}"))
        data(
            await client.put(f"{TASKS}/{task['id']}", json={"completed": True})
        )
        data(await client.post(TASKS, json={"title": "x"}), 201)
        data(await client.delete(f"{TASKS}/{task['id']}"))

    assert proxy.connections == 0
    run = [kinds for kinds in proxy.requests if "D" not in kinds]
    assert run == ["PBES"] * 4  # described once, then known


@pytest.mark.spec("001/FR-112")
async def test_connections_are_bounded_and_waiting_for_one_too(
    own_store: Store,
    own_context: ServerContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "BUSY_FOR_S", 0.3)
    async with (
        opened(replace(own_context, pool_size=2)) as client,
        connected(own_store) as other,
    ):
        await add(client)
        async with other.transaction():
            await other.execute("LOCK TABLE todo.task")
            asking = [asyncio.create_task(client.get(TASKS)) for _ in range(2)]
            await asyncio.sleep(0.2)
            began = time.monotonic()

            third = await client.get(TASKS)

            assert time.monotonic() - began < 5
            fault = error(third, 503, "DATABASE_BUSY")
            assert third.headers["retry-after"] == "1"
            assert fault["message"].startswith("All connections to ")
            count = await other.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            )
            assert count == 3
        for response in await asyncio.gather(*asking):
            data(response)


@pytest.mark.spec("001/FR-112")
async def test_server_that_is_gone_is_503_and_back_is_200(
    own_context: ServerContext, own_postgres: PostgresCluster
) -> None:
    async with opened(own_context) as client:
        await add(client)
        own_postgres.stop()
        try:
            for response in (
                await client.get(TASKS),
                await client.get("/health"),
                await client.post(TASKS, json={"title": "lost"}),
            ):
                error(response, 503, "DATABASE_UNAVAILABLE")
                assert response.headers["retry-after"] == "1"
        finally:
            own_postgres.start()

        assert [task["title"] for task in data(await client.get(TASKS))] == [
            "Buy milk"
        ]
        data(await client.get("/health"))


@pytest.mark.spec("001/FR-112")
async def test_requests_wait_for_a_database_that_wakes_up(
    own_postgres: PostgresCluster,
    own_store: Store,
    own_context: ServerContext,
    tmp_path: Path,
    local_hosts: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    authority = Authority(tmp_path)
    local_hosts(HOST)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    address = f"127.0.0.1:{own_postgres.port}/"
    with NeonFront(
        own_postgres.host, own_postgres.port, authority.issue(HOST)
    ) as front:
        url = own_store.url.replace(address, f"{HOST}:{front.port}/")
        target = Store("postgresql", url).target
        context = replace(
            own_context, target=target, timeout_s=1.5, pool_size=4
        )
        async with opened(context) as client:
            front.cold_start_s = 0.5
            await asyncio.gather(*(add(client) for _ in range(8)))

        async with opened(context) as client:
            front.refuse("Couldn't connect to compute node")
            response = await client.get(TASKS)
            error(response, 503, "DATABASE_UNAVAILABLE")
            assert response.headers["retry-after"] == "1"


@pytest.mark.spec("001/FR-112")
async def test_silent_server_is_504_in_time(
    proxied: ServerContext, proxy: TurnProxy
) -> None:
    proxy.is_silent = True

    async with opened(replace(proxied, timeout_s=0.3)) as client:
        response = await client.get(TASKS)

    error(response, 504, "TIMEOUT")
    assert response.headers["retry-after"] == "1"


@pytest.mark.spec("001/FR-112", "001/FR-115")
@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", TASKS, 504, "TIMEOUT"),
        ("POST", TASKS, 500, "OUTCOME_UNKNOWN"),
        ("GET", "/health", 503, "DATABASE_UNAVAILABLE"),
    ],
)
async def test_server_that_hangs_costs_the_limit_of_a_statement_once(
    proxied: ServerContext,
    proxy: TurnProxy,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    path: str,
    status: int,
    code: str,
) -> None:
    """The driver asks the server to cancel the statement, and waits for that,
    too, for as long: «MagicStack/asyncpg#431», «MagicStack/asyncpg#1356».
    """
    monkeypatch.setattr(postgresql, "RELEASE_S", 0.1)
    monkeypatch.setattr(connection, "STATEMENT_TIMEOUT_S", 0.5)
    context = replace(proxied, pool_size=1)
    if path == "/health":
        # It has as long as connecting, whatever a statement has.
        monkeypatch.setattr(connection, "STATEMENT_TIMEOUT_S", 2 * LIMIT_S)
        context = replace(context, timeout_s=1.0)
    proxy.faults = [Fault("before", 1, "silence")]
    async with opened(context) as client:
        body = {"title": "x"} if method == "POST" else None
        asking = asyncio.create_task(client.request(method, path, json=body))
        while not proxy.requests:
            await asyncio.sleep(0.01)
        proxy.is_silent = True
        # The driver alone would take another minute here.
        async with asyncio.timeout(LIMIT_S):
            response = await asking

        error(response, status, code)
        # Its place in the pool is free again.
        proxy.is_silent = False
        data(await client.get("/health"))


ADDS = size(150, 300)


@pytest.mark.spec("001/FR-113")
@pytest.mark.parametrize(
    ("how", "down_s"),
    [(signal.SIGINT, 0.0), (signal.SIGQUIT, 2.0)],
    ids=["restarted", "crashed and away for a while"],
)
async def test_adds_survive_a_restart_in_the_middle(
    own_context: ServerContext,
    own_store: Store,
    own_postgres: PostgresCluster,
    how: signal.Signals,
    down_s: float,
) -> None:
    def restart() -> None:
        own_postgres.stop(how)
        time.sleep(down_s)
        own_postgres.start()

    async with opened(own_context) as client:
        await add(client)
        tally = await raise_storm(
            client, own_store.url, restart, adds=ADDS, clients=16
        )

    assert tally.faults() == []
    assert tally.counts()["201"] > ADDS // 3


@needs("pgbouncer")
@pytest.mark.spec("001/FR-112")
async def test_api_works_through_a_pooler(
    own_store: Store, own_postgres: PostgresCluster, own_context: ServerContext
) -> None:
    with PgBouncer(own_postgres, pool_size=2) as pooler:
        url = pooler.url(own_store.url.rpartition("/")[2])
        target = Store("postgresql", url).target
        async with opened(replace(own_context, target=target)) as client:
            added = await asyncio.gather(*(add(client) for _ in range(20)))
            for task in added:
                path = f"{TASKS}/{task['id']}"
                data(await client.put(path, json={"completed": True}))

            assert (
                len(data(await client.get(TASKS, params={"status": "done"})))
                == 20
            )


@pytest.mark.spec("001/FR-108")
async def test_answer_waits_for_the_end_of_its_transaction(
    own_store: Store, own_context: ServerContext
) -> None:
    async with opened(own_context) as client, connected(own_store) as owner:
        await add(client, "stays")
        await owner.execute(
            """
            CREATE FUNCTION todo.refuse() RETURNS trigger LANGUAGE plpgsql
            AS $$ BEGIN RAISE EXCEPTION 'refused at commit' USING ERRCODE = '55006'; END $$;
            CREATE CONSTRAINT TRIGGER late AFTER INSERT OR UPDATE OR DELETE ON todo.task
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION todo.refuse();
            """
        )
        [task] = data(await client.get(TASKS))

        path, body = f"{TASKS}/{task['id']}", {"title": "x"}
        error(await client.post(TASKS, json=body), 503, "DATABASE_BUSY")
        error(await client.put(path, json=body), 503, "DATABASE_BUSY")
        error(await client.delete(path), 503, "DATABASE_BUSY")

        assert data(await client.get(TASKS)) == [task]
