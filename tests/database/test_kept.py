"""Statements that are used often get a name on the server, where nothing can be between."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final
from uuid import uuid4

import asyncpg
import pytest

from tests.support.machine import needs
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres import PostgresCluster
from tests.support.stores import Clock, Store
from todo_cli.database import connection
from todo_cli.database.connection import Connection, connect
from todo_cli.database.engine import open_database
from todo_cli.database.url import PostgresTarget, parse_url
from todo_cli.service import TaskService
from todo_cli.task import NewTask

OFTEN: Final = 2 * connection._OFTEN
INSERT: Final = "INSERT INTO kept VALUES ($1::integer) RETURNING it"
STORED: Final = "SELECT count(*) FROM kept"
NAMES: Final = "SELECT name FROM pg_prepared_statements ORDER BY name"


def read(url: str) -> PostgresTarget:
    """The target of a URL."""
    target = parse_url(url, cwd=Path("/"))
    assert isinstance(target, PostgresTarget)
    return target


@pytest.fixture
async def database(own_postgres: PostgresCluster) -> AsyncIterator[str]:
    """A database with a table."""
    name = own_postgres.create_database()
    own_postgres.run_sql(name, "CREATE TABLE kept (it integer)")
    yield name
    own_postgres.drop_database(name)


@pytest.fixture
async def session(
    own_postgres: PostgresCluster, database: str
) -> AsyncIterator[Connection]:
    """A connection with nothing between it and the server."""
    session = await connect(read(own_postgres.url(database)), timeout_s=15)
    yield session
    session.terminate()


async def use(session: Connection, times: int, query: str = INSERT) -> None:
    """Use a statement that may be kept."""
    for number in range(times):
        await session.keep(query)
        assert await session.fetchval(query, number) == number


async def names(session: Connection) -> list[str]:
    """The names that the server knows on a connection."""
    return [row[0] for row in await session.fetch(NAMES)]


@pytest.mark.spec("001/FR-112")
async def test_a_statement_gets_a_name_when_it_is_used_often(
    session: Connection,
) -> None:
    await use(session, OFTEN // 2 - 1)
    assert await names(session) == []

    await use(session, OFTEN)

    [name] = await names(session)
    assert name.startswith("todo_")
    assert await session.fetchval(STORED) == OFTEN // 2 - 1 + OFTEN


async def test_a_name_is_replaced_after_a_while(session: Connection) -> None:
    """The plan of a small table walks it, and would go on when it has grown."""
    await use(session, OFTEN)
    [first] = await names(session)
    # Its time is over.
    session._kept[INSERT].until_s = 0.0
    await use(session, 1)

    await use(session, OFTEN)

    # The server has been told to forget the first.
    [second] = await names(session)
    assert first != second


async def test_a_statement_that_is_used_seldom_has_no_name(
    session: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_KEPT_FOR_S", 0.0)

    await use(session, OFTEN)

    assert await names(session) == []


async def test_a_transaction_uses_no_names(session: Connection) -> None:
    await use(session, OFTEN)
    await session.execute("DEALLOCATE ALL")

    await session.execute("BEGIN")
    await use(session, OFTEN)
    await session.execute("COMMIT")

    assert await names(session) == []
    assert await session.fetchval(STORED) == 2 * OFTEN


async def test_a_name_that_the_server_has_lost_is_done_without(
    session: Connection,
) -> None:
    await use(session, OFTEN)
    await session.execute("DEALLOCATE ALL")

    await use(session, OFTEN)

    assert await names(session) == []
    assert await session.fetchval(STORED) == 2 * OFTEN


async def test_a_missing_name_that_is_not_ours_is_an_error(
    session: Connection,
) -> None:
    with pytest.raises(asyncpg.InvalidSQLStatementNameError):
        await session.fetch("EXECUTE nothing")


async def test_a_column_of_another_type_is_described_anew(
    session: Connection, own_postgres: PostgresCluster, database: str
) -> None:
    await use(session, OFTEN)
    own_postgres.run_sql(database, "ALTER TABLE kept ALTER it TYPE bigint")

    await use(session, OFTEN)

    assert await session.fetchval(STORED) == 2 * OFTEN


@needs("pgbouncer")
@pytest.mark.spec("001/FR-112")
async def test_a_statement_has_no_name_behind_a_pooler(
    own_postgres: PostgresCluster, database: str
) -> None:
    with PgBouncer(own_postgres, pool_size=1) as pooler:
        session = await connect(read(pooler.url(database)), timeout_s=15)

        await use(session, OFTEN)

        assert await names(session) == []
        assert await session.fetchval(STORED) == OFTEN
        session.terminate()


@needs("pgbouncer")
async def test_a_pooler_that_tells_the_number_of_the_server_is_noticed(
    own_postgres: PostgresCluster,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As PgBouncer would by chance, once in four thousand million times."""
    with PgBouncer(own_postgres, pool_size=2) as pooler:
        target = read(pooler.url(database))
        session = await connect(target, timeout_s=15)
        other = await connect(target, timeout_s=15)
        number = await session.fetchval("SELECT pg_backend_pid()")
        monkeypatch.setattr(session, "get_server_pid", lambda: number)
        await use(session, OFTEN)
        assert len(await names(session)) == 1

        # The server's connection goes to another client.
        await other.execute("BEGIN")
        assert await other.fetchval("SELECT pg_backend_pid()") == number
        await use(session, OFTEN)
        await other.execute("COMMIT")

        assert await session.fetchval(STORED) == 2 * OFTEN
        for each in (session, other):
            each.terminate()


@pytest.mark.spec("001/FR-112")
@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
async def test_tasks_are_added_and_read_by_statements_with_a_name(
    store: Store, clock: Clock
) -> None:
    async with open_database(store.target, pool_size=1) as database:
        tasks = TaskService(database, "ada", clock)
        ids = [uuid4() for _ in range(OFTEN)]
        for id in ids:
            await tasks.add(NewTask(title="one", id=id))
        # An id that is there, and tags.
        again = await tasks.add(NewTask(title="another", id=ids[0]))
        for _ in ids:
            await tasks.add(NewTask(title="two", tags=["new"]))
            assert (await tasks.get(ids[-1])).number == OFTEN
            assert (await tasks.get(OFTEN)).id == ids[-1]
        page = await tasks.list()

        async def found(session: object) -> list[str]:
            return await names(session.driver)  # type: ignore[attr-defined]

        kept = await database.look(found)

    assert not again.is_new
    assert (again.task.number, again.task.title) == (1, "one")
    assert sorted(each.number for each in page.tasks) == list(
        range(1, 2 * OFTEN + 1)
    )
    assert len(kept) == 4
