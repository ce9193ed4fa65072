"""Each fault of a driver becomes one error of ours; produced for real wherever a server
or a file can be made to.
"""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlmodel.ext.asyncio.session import AsyncSession

from tests.service.backdoor import fetch_all, file_of, run_sql
from tests.support.postgres import PostgresCluster
from tests.support.servers import free_port
from tests.support.stores import Clock, Store
from tests.support.turns import Fault, TurnProxy
from todo_cli.database import connection, engine, failures
from todo_cli.database.engine import Database, Effect, open_database
from todo_cli.database.url import PostgresTarget, SqliteTarget, parse_url
from todo_cli.errors import (
    AuthFailed,
    Code,
    ConfigInvalid,
    Conflict,
    DatabaseBusy,
    DatabaseUnavailable,
    Forbidden,
    Internal,
    IoFailed,
    OutcomeUnknown,
    SchemaMismatch,
    TimedOut,
    TodoError,
)
from todo_cli.service import TaskService
from todo_cli.task import NewTask

PASSWORD = "CANARY-p\u00e4ss"
TARGET = PostgresTarget(
    hosts=(("db.example", 5432),), user="ada", password=PASSWORD, database="shop"
)
only_sqlite = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
only_postgresql = pytest.mark.parametrize("store", ["postgresql"], indirect=True)


async def ask(database: Database, *statements: str, **how: Any) -> None:
    """Send statements through the road that every call takes."""

    async def work(session: AsyncSession) -> None:
        server = await session.connection()
        for statement in statements:
            await server.exec_driver_sql(statement)

    await database.run(work, **how)


async def fault(database: Database, *statements: str, **how: Any) -> TodoError:
    """The error that answers statements; seen to hold no password, and nothing of the
    statements.
    """
    with pytest.raises(TodoError) as caught:
        await ask(database, *statements, **how)
    error = caught.value
    assert PASSWORD not in f"{error.message} {error.hint} {error!r}"
    assert not any(
        statement in f"{error.message} {error.hint}" for statement in statements
    )
    return error


@asynccontextmanager
async def opened(url: str, *, timeout_s: float = 15.0) -> AsyncIterator[Database]:
    """A database by its URL."""
    async with open_database(
        parse_url(url, cwd=Path("/")), timeout_s=timeout_s
    ) as database:
        yield database


async def wait_until_blocked(
    server: "asyncpg.Connection[Any]", sessions: int = 1
) -> None:
    """Wait until so many sessions of the database wait for a lock."""
    query = """
        SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
    """
    while await server.fetchval(query) < sessions:
        await asyncio.sleep(0.01)


# PostgreSQL, before anything is sent


@pytest.fixture
def role(own_postgres: PostgresCluster) -> Iterator[str]:
    """A role that may log in and owns nothing."""
    name = f"role_{uuid4().hex[:8]}"
    own_postgres.run_sql("postgres", f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
    yield name
    own_postgres.run_sql("postgres", f"DROP OWNED BY {name}; DROP ROLE {name}")


@pytest.fixture
def place(own_postgres: PostgresCluster) -> Iterator[str]:
    """The name of a database of this test alone, on a server that is ours."""
    name = own_postgres.create_database()
    yield name
    own_postgres.drop_database(name)


@pytest.mark.spec("002/FR-072")
async def test_a_refused_port_is_unavailable() -> None:
    port = free_port()
    async with opened(f"postgresql://ada:{PASSWORD}@127.0.0.1:{port}/shop") as database:
        error = await fault(database, "SELECT 1")

    assert type(error) is DatabaseUnavailable
    assert error.message == f"127.0.0.1:{port}/shop refuses connections"
    assert error.hint == "check host and port, and that the server runs"


@pytest.mark.spec("002/FR-072")
async def test_a_host_that_nobody_knows_is_unavailable() -> None:
    async with opened(f"postgresql://ada:{PASSWORD}@nosuch.invalid/shop") as database:
        error = await fault(database, "SELECT 1")

    assert type(error) is DatabaseUnavailable
    assert error.message == "The host of nosuch.invalid/shop is not known"
    assert error.hint == "check the name and the network"


@pytest.mark.spec("002/FR-072")
@pytest.mark.parametrize("password", ["wrong", None])
async def test_a_wrong_password_is_refused(
    own_postgres: PostgresCluster, place: str, role: str, password: str | None
) -> None:
    login = role if password is None else f"{role}:{password}"
    async with opened(
        f"postgresql://{login}@127.0.0.1:{own_postgres.port}/{place}"
    ) as database:
        error = await fault(database, "SELECT 1")

    assert type(error) is AuthFailed
    assert (
        error.message
        == f"127.0.0.1:{own_postgres.port}/{place} refuses the user or the password"
    )


async def test_an_unknown_role_is_refused_in_the_same_words(
    own_postgres: PostgresCluster, place: str
) -> None:
    async with opened(
        own_postgres.url(place, user="nobody_knows", password="x")
    ) as database:
        assert type(await fault(database, "SELECT 1")) is AuthFailed


@pytest.mark.spec("002/FR-072")
async def test_a_missing_database_is_a_wrong_setting(
    own_postgres: PostgresCluster,
) -> None:
    async with opened(own_postgres.url("no_such_database")) as database:
        error = await fault(database, "SELECT 1")

    assert type(error) is ConfigInvalid
    assert (
        error.message
        == f"There is no such database: 127.0.0.1:{own_postgres.port}/no_such_database"
    )
    assert error.hint == "check the name at the end of the URL"


async def test_a_role_with_too_many_connections_is_busy(
    own_postgres: PostgresCluster, place: str, role: str
) -> None:
    own_postgres.run_sql("postgres", f"ALTER ROLE {role} CONNECTION LIMIT 1")
    url = own_postgres.url(place, user=role, password=PASSWORD)
    first = await asyncpg.connect(url)
    try:
        async with opened(url, timeout_s=2.0) as database:
            error = await fault(database, "SELECT 1")
    finally:
        await first.close()

    assert type(error) is DatabaseBusy
    async with opened(url) as database:
        await ask(database, "SELECT 1")


async def test_a_connection_that_becomes_free_is_waited_for(
    own_postgres: PostgresCluster, place: str, role: str
) -> None:
    own_postgres.run_sql("postgres", f"ALTER ROLE {role} CONNECTION LIMIT 1")
    url = own_postgres.url(place, user=role, password=PASSWORD)
    first = await asyncpg.connect(url)
    asyncio.get_running_loop().call_later(0.3, first.terminate)

    async with opened(url) as database:
        await ask(database, "SELECT 1")


async def test_a_database_closed_to_everybody_is_refused(
    own_postgres: PostgresCluster, place: str, role: str
) -> None:
    own_postgres.run_sql(
        "postgres", f'REVOKE CONNECT ON DATABASE "{place}" FROM PUBLIC'
    )

    async with opened(
        own_postgres.url(place, user=role, password=PASSWORD)
    ) as database:
        assert type(await fault(database, "SELECT 1")) is Forbidden


async def test_a_driver_that_cannot_use_its_settings_names_them(
    own_postgres: PostgresCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGGSSLIB", "no such library")

    async with opened(own_postgres.url("postgres")) as database:
        error = await fault(database, "SELECT 1")

    assert type(error) is ConfigInvalid
    assert (
        error.message
        == f"The settings for 127.0.0.1:{own_postgres.port}/postgres cannot be used"
    )


# PostgreSQL, statements


@only_postgresql
async def test_a_role_without_rights_is_forbidden(
    store: Store, own_postgres: PostgresCluster, place: str, role: str
) -> None:
    own_postgres.run_sql(place, "CREATE TABLE kept (n int)")

    async with opened(
        own_postgres.url(place, user=role, password=PASSWORD)
    ) as database:
        error = await fault(database, "SELECT n FROM kept")

    assert type(error) is Forbidden
    assert error.hint == "the owner can run what `todo db upgrade --sql` prints"


@pytest.mark.parametrize("is_made", [False, True], ids=["absent", "made"])
async def test_a_read_only_database_is_forbidden_to_write(
    own_postgres: PostgresCluster, place: str, clock: Clock, is_made: bool
) -> None:
    if is_made:
        async with opened(own_postgres.url(place)) as database:
            await TaskService(database, "ada", clock).add(NewTask(title="a"))
    own_postgres.run_sql(
        "postgres", f'ALTER DATABASE "{place}" SET default_transaction_read_only = on'
    )

    async with opened(own_postgres.url(place)) as database:
        tasks = TaskService(database, "ada", clock)
        for call in (
            tasks.add(NewTask(title="b")),
            tasks.add_all([NewTask(title="c")]),
        ):
            with pytest.raises(Forbidden) as caught:
                await call
            assert (
                caught.value.message
                == f"127.0.0.1:{own_postgres.port}/{place} is read-only"
            )
            assert caught.value.hint == "connect to the primary server"
        assert len((await tasks.list()).tasks) == is_made


async def test_a_statement_that_the_server_cancels_is_timed_out(
    own_postgres: PostgresCluster, place: str
) -> None:
    own_postgres.run_sql(
        "postgres", f'ALTER DATABASE "{place}" SET statement_timeout = 50'
    )

    async with opened(own_postgres.url(place)) as database:
        for effect in Effect:
            error = await fault(database, "SELECT pg_sleep(60)", effect=effect)
            assert type(error) is TimedOut
            assert (
                error.message
                == f"127.0.0.1:{own_postgres.port}/{place} cancelled the statement"
            )


async def test_a_lock_that_is_not_given_in_time_is_busy(
    own_postgres: PostgresCluster, place: str
) -> None:
    own_postgres.run_sql(place, "CREATE TABLE kept (n int)")
    own_postgres.run_sql("postgres", f'ALTER DATABASE "{place}" SET lock_timeout = 50')
    other = await asyncpg.connect(own_postgres.url(place))
    try:
        await other.execute("BEGIN; LOCK TABLE kept")
        async with opened(own_postgres.url(place)) as database:
            error = await fault(database, "SELECT n FROM kept")
    finally:
        await other.close()

    assert (type(error), error.hint) == (DatabaseBusy, "try again")


async def test_a_change_that_cannot_be_serialized_is_busy(
    own_postgres: PostgresCluster, place: str
) -> None:
    own_postgres.run_sql(
        place, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)"
    )
    own_postgres.run_sql(
        "postgres",
        f'ALTER DATABASE "{place}" SET default_transaction_isolation = "repeatable read"',
    )
    other = await asyncpg.connect(own_postgres.url(place))
    try:
        await other.execute("BEGIN; UPDATE kept SET n = 2")
        async with opened(own_postgres.url(place)) as database:
            blocked = asyncio.create_task(
                fault(database, "UPDATE kept SET n = n + 1", effect=Effect.ONCE)
            )
            watcher = await asyncpg.connect(own_postgres.url(place))
            await wait_until_blocked(watcher)
            await watcher.close()
            await other.execute("COMMIT")
            error = await blocked
        assert await other.fetchval("SELECT n FROM kept") == 2
    finally:
        await other.close()

    assert type(error) is DatabaseBusy


async def test_a_deadlock_is_busy_and_leaves_nothing(
    own_postgres: PostgresCluster, place: str
) -> None:
    own_postgres.run_sql(
        place,
        "CREATE TABLE kept (id int, n int); INSERT INTO kept VALUES (1, 0), (2, 0)",
    )
    other = await asyncpg.connect(
        own_postgres.url(place), server_settings={"deadlock_timeout": "10min"}
    )
    watcher = await asyncpg.connect(own_postgres.url(place))
    own_postgres.run_sql(
        "postgres", f'ALTER DATABASE "{place}" SET deadlock_timeout = 50'
    )
    first, second = (
        "UPDATE kept SET n = 1 WHERE id = 1",
        "UPDATE kept SET n = 1 WHERE id = 2",
    )

    async def cross(session: AsyncSession) -> None:
        server = await session.connection()
        await server.exec_driver_sql(first)
        blocked.append(
            asyncio.create_task(other.execute(first.replace("n = 1", "n = 2")))
        )
        await wait_until_blocked(watcher)
        await server.exec_driver_sql(second)

    blocked: list[asyncio.Task[str]] = []
    try:
        await other.execute(f"BEGIN; {second.replace('n = 1', 'n = 2')}")
        async with opened(own_postgres.url(place)) as database:
            with pytest.raises(DatabaseBusy):
                await database.run(cross, effect=Effect.ONCE, together=True)
        await blocked[0]
        await other.execute("COMMIT")
        assert [
            row["n"] for row in await other.fetch("SELECT n FROM kept ORDER BY id")
        ] == [2, 2]
    finally:
        await other.close()
        await watcher.close()


@only_postgresql
async def test_a_number_that_is_taken_is_a_conflict(
    store: Store, tasks: TaskService, database: Database
) -> None:
    await tasks.add(NewTask(title="a", id=UUID(int=1)))
    copy = """
        INSERT INTO todo.task (id, number, user_id, title, created_at, updated_at)
        SELECT {id}, number, user_id, title, created_at, updated_at FROM todo.task
    """

    for id in ("id", "gen_random_uuid()"):
        error = await fault(database, copy.format(id=id), effect=Effect.ONCE)
        assert (type(error), error.message) == (
            Conflict,
            "The id or the number is taken",
        )


STATES = {
    "08000": DatabaseUnavailable,
    "08006": DatabaseUnavailable,
    "08P01": ConfigInvalid,
    "0A000": ConfigInvalid,
    "22012": Internal,
    "23502": Internal,
    "23505": Conflict,
    "23514": Internal,
    "25006": Forbidden,
    "28000": AuthFailed,
    "28P01": AuthFailed,
    "3D000": ConfigInvalid,
    "3F000": SchemaMismatch,
    "40001": DatabaseBusy,
    "40P01": DatabaseBusy,
    "42501": Forbidden,
    "42601": ConfigInvalid,
    "42703": SchemaMismatch,
    "42704": ConfigInvalid,
    "42P01": SchemaMismatch,
    "53000": DatabaseUnavailable,
    "53100": IoFailed,
    "53200": DatabaseUnavailable,
    "53300": DatabaseBusy,
    "55P03": DatabaseBusy,
    "57014": TimedOut,
    "57P01": DatabaseUnavailable,
    "57P03": DatabaseUnavailable,
    "58030": Internal,
    "P0001": Internal,
    "XX000": DatabaseUnavailable,
    "XX001": Internal,
}


@only_postgresql
@pytest.mark.parametrize(("state", "kind"), STATES.items())
async def test_each_sqlstate_becomes_one_error(
    database: Database, tasks: TaskService, state: str, kind: type[TodoError]
) -> None:
    await tasks.add(NewTask(title="the schema is there"))

    error = await fault(
        database,
        f"DO $$ BEGIN RAISE EXCEPTION '{PASSWORD}' USING ERRCODE = '{state}'; END $$",
    )

    assert type(error) is kind
    if kind is Internal:
        assert error.message == f"Unexpected SQLSTATE {state}"


NEON = {
    "password authentication failed for user 'neondb_owner'": AuthFailed,
    "This IP address 203.0.113.7 is not allowed to connect to this endpoint.": AuthFailed,
    'database "shop" does not exist': ConfigInvalid,
    "Your account or project has exceeded the compute time quota. Upgrade your plan to increase limits.": ConfigInvalid,
    "Your project has exceeded the data transfer quota. Upgrade your plan to increase limits.": ConfigInvalid,
    "Control plane request failed: endpoint is temporarily unavailable. Check your quotas and/or contact support": (
        ConfigInvalid
    ),
    "Control plane request failed: endpoint is disabled": ConfigInvalid,
    "Control plane request failed: endpoint cannot be found": ConfigInvalid,
    "Endpoint ID is not specified. Either please upgrade the postgres client library": ConfigInvalid,
    "Inconsistent project name inferred from SNI ('a') and project option ('b').": ConfigInvalid,
    "connection is insecure (try using `sslmode=require`)": ConfigInvalid,
    "unsupported startup parameter in options: search_path": ConfigInvalid,
    "Couldn't connect to compute node": DatabaseUnavailable,
    "Control plane request failed": DatabaseUnavailable,
    "Failed to acquire permit to connect to the database.": DatabaseUnavailable,
    "Too many connections attempts": DatabaseUnavailable,
    "Too many connections to this endpoint. Please try again later.": DatabaseUnavailable,
    "something that Neon has not said yet": DatabaseUnavailable,
}
WAKING = {message for message, kind in NEON.items() if kind is DatabaseUnavailable} - {
    "something that Neon has not said yet"
}


@pytest.mark.parametrize(("message", "kind"), NEON.items())
def test_each_message_of_neons_proxy_becomes_one_error(
    message: str, kind: type[TodoError]
) -> None:
    error = asyncpg.InternalServerError(message)
    assert error.sqlstate == "XX000"

    said = failures.translated(error, TARGET, connecting=True)

    assert type(said) is kind
    assert "db.example/shop" in said.message
    assert said.hint


POOLER = {
    "no such database: shop": ConfigInvalid,
    "unsupported startup parameter: search_path": ConfigInvalid,
    "unsupported startup parameter in options: geqo": ConfigInvalid,
    "SASL authentication failed": AuthFailed,
    "no such user: ada": AuthFailed,
    "password authentication failed": AuthFailed,
    "something that PgBouncer has not said yet": ConfigInvalid,
}


@pytest.mark.parametrize(("message", "kind"), POOLER.items())
def test_each_message_of_pgbouncer_becomes_one_error(
    message: str, kind: type[TodoError]
) -> None:
    said = failures.translated(
        asyncpg.ProtocolViolationError(message), TARGET, connecting=True
    )

    assert type(said) is kind
    assert "db.example/shop" in said.message
    assert said.hint


@pytest.mark.parametrize("message", NEON)
def test_can_pass_only_what_neon_gets_over_by_itself(message: str) -> None:
    assert failures.can_pass(asyncpg.InternalServerError(message)) is (
        message in WAKING
    )


def test_can_pass_is_no_for_what_was_said_in_our_words() -> None:
    assert not failures.can_pass(DatabaseUnavailable("The connection was lost"))


def test_translated_leaves_our_own_errors_alone() -> None:
    error = DatabaseBusy("The tasks keep changing")

    assert failures.translated(error, TARGET) is error


def test_causes_ends_where_errors_lead_back_to_themselves() -> None:
    first, second = ValueError("first"), KeyError("second")
    first.__cause__, second.__cause__ = second, first

    assert list(failures.causes(first)) == [first, second]


# PostgreSQL, lost answers


@pytest.fixture
def line(own_postgres: PostgresCluster) -> Iterator[TurnProxy]:
    """A line to the server that can be cut."""
    with TurnProxy(own_postgres.host, own_postgres.port) as proxy:
        yield proxy


@pytest.fixture
async def cut(
    own_postgres: PostgresCluster, place: str, line: TurnProxy
) -> AsyncIterator[Database]:
    """A database with the table `kept`, over the line."""
    own_postgres.run_sql(place, "CREATE TABLE kept (n int)")
    url = own_postgres.url(place).replace(f":{own_postgres.port}/", f":{line.port}/")
    async with opened(url) as database:
        yield database


INSERT = "INSERT INTO kept VALUES (1)"


@pytest.mark.parametrize("how", ["end", "reset"])
@pytest.mark.parametrize(
    ("effect", "connections"),
    [(Effect.READ, 2), (Effect.REPEATABLE, 2), (Effect.ONCE, 1)],
)
async def test_a_lost_answer_is_asked_for_again_where_that_is_harmless(
    own_postgres: PostgresCluster,
    place: str,
    line: TurnProxy,
    cut: Database,
    how: Any,
    effect: Effect,
    connections: int,
) -> None:
    line.faults.append(Fault("after", request=2, how=how))

    if effect is Effect.ONCE:
        error = await fault(cut, INSERT, effect=effect)
        assert type(error) is OutcomeUnknown
        assert (
            error.message
            == f"127.0.0.1:{line.port}/{place} did not confirm: it may or may not be stored"
        )
    else:
        await ask(cut, INSERT, effect=effect)

    assert line.connections == connections
    assert len(own_postgres.fetch(place, "SELECT n FROM kept")) == connections


@pytest.mark.parametrize(
    ("effect", "kind"),
    [(Effect.READ, DatabaseUnavailable), (Effect.REPEATABLE, OutcomeUnknown)],
)
async def test_an_answer_that_is_lost_twice_is_not_asked_for_again(
    line: TurnProxy, cut: Database, effect: Effect, kind: type[TodoError]
) -> None:
    line.faults.append(Fault("after", request=2, connection=None))

    assert type(await fault(cut, INSERT, effect=effect)) is kind
    assert line.connections == 2


@pytest.mark.parametrize("effect", Effect)
async def test_a_server_that_says_goodbye_in_a_statement_leaves_its_outcome_open(
    own_postgres: PostgresCluster, place: str, cut: Database, effect: Effect
) -> None:
    goodbye = "SELECT pg_terminate_backend(pg_backend_pid())"

    error = await fault(cut, goodbye, effect=effect)

    assert type(error) is (
        DatabaseUnavailable if effect is Effect.READ else OutcomeUnknown
    )


async def test_a_read_that_an_administrator_ended_is_asked_again(
    own_postgres: PostgresCluster, place: str, cut: Database
) -> None:
    await ask(cut, "SELECT n FROM kept")
    own_postgres.run_sql(
        "postgres",
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{place}'",
    )

    await ask(cut, "SELECT n FROM kept")


@pytest.mark.parametrize(
    ("effect", "kind"),
    [
        (Effect.READ, TimedOut),
        (Effect.REPEATABLE, OutcomeUnknown),
        (Effect.ONCE, OutcomeUnknown),
    ],
)
async def test_a_silent_server_is_asked_once(
    line: TurnProxy,
    cut: Database,
    monkeypatch: pytest.MonkeyPatch,
    effect: Effect,
    kind: type[TodoError],
) -> None:
    monkeypatch.setattr(connection, "STATEMENT_TIMEOUT_S", 0.2)
    line.faults.append(Fault("after", request=2, how="silence"))

    error = await fault(cut, INSERT, effect=effect)

    assert type(error) is kind
    if kind is TimedOut:
        assert error.message.startswith("No answer from ")
        assert error.message.endswith(" in time")


async def test_a_write_that_was_cut_and_then_refused_stays_open(
    own_postgres: PostgresCluster, place: str, line: TurnProxy, cut: Database
) -> None:
    line.faults.append(Fault("after", request=2))
    tried: list[int] = []

    async def work(session: AsyncSession) -> None:
        tried.append(1)
        server = await session.connection()
        await server.exec_driver_sql(INSERT if len(tried) == 1 else "SELECT 1 / 0")

    with pytest.raises(OutcomeUnknown):
        await cut.run(work, effect=Effect.REPEATABLE)

    assert len(tried) == 2


@pytest.mark.parametrize(
    ("then", "kind"),
    [(Conflict("taken"), Conflict), (DatabaseUnavailable("gone"), OutcomeUnknown)],
)
async def test_a_write_that_was_cut_is_settled_by_a_conflict_alone(
    line: TurnProxy, cut: Database, then: TodoError, kind: type[TodoError]
) -> None:
    line.faults.append(Fault("after", request=2))
    tried: list[int] = []

    async def work(session: AsyncSession) -> None:
        tried.append(1)
        if len(tried) == 2:
            raise then
        await (await session.connection()).exec_driver_sql(INSERT)

    with pytest.raises(kind):
        await cut.run(work, effect=Effect.REPEATABLE)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_first_creation_that_is_cut_is_made_again(
    own_postgres: PostgresCluster,
    place: str,
    line: TurnProxy,
    cut: Database,
    clock: Clock,
    when: Any,
) -> None:
    await TaskService(cut, "ada", clock).add(NewTask(title="a"))
    requests = [kinds for kinds in line.requests if kinds not in ("", "p")]
    own_postgres.run_sql(place, "DROP SCHEMA todo CASCADE")
    await cut.engine.dispose()
    line.reset()
    line.faults.append(Fault(when, request=requests.index("Q") + 1))

    added = await TaskService(cut, "ada", clock).add(NewTask(title="b"))

    assert (added.is_new, added.task.number, line.connections) == (True, 1, 2)


# SQLite


@only_sqlite
@pytest.mark.spec("002/FR-079")
async def test_a_locked_file_is_busy_and_unchanged(
    store: Store, tasks: TaskService, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tasks.add(NewTask(title="a"))
    monkeypatch.setattr(engine, "BUSY_FOR_S", 0.3)
    with closing(sqlite3.connect(file_of(store), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        for call in (
            tasks.add(NewTask(title="b")),
            tasks.complete([1]),
            tasks.delete([1]),
        ):
            with pytest.raises(DatabaseBusy) as caught:
                await call
            assert (
                caught.value.message == f"{file_of(store)} is locked by another program"
            )

        assert len((await tasks.list()).tasks) == 1


@only_sqlite
@pytest.mark.spec("002/FR-079")
async def test_a_file_that_is_locked_for_a_moment_is_waited_for(
    store: Store, tasks: TaskService
) -> None:
    await tasks.add(NewTask(title="a"))
    with closing(sqlite3.connect(file_of(store), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        asyncio.get_running_loop().call_later(0.4, other.execute, "ROLLBACK")

        assert (await tasks.add(NewTask(title="b"))).task.number == 2


@only_sqlite
@pytest.mark.spec("002/FR-077")
async def test_a_full_disk_is_an_io_error_and_changes_nothing(
    store: Store, database: Database, tasks: TaskService
) -> None:
    await tasks.add(NewTask(title="a"))
    await database.engine.dispose()
    event.listen(
        database.engine.sync_engine,
        "connect",
        lambda file, _: file.cursor().execute("PRAGMA max_page_count = 1"),
    )

    with pytest.raises(IoFailed) as caught:
        await tasks.add_all(
            [NewTask(title="b", description="b" * 10_000) for _ in range(100)]
        )

    assert caught.value.message == f"The disk is full: {file_of(store)}"
    assert caught.value.hint == "nothing was changed; make room and try again"
    assert await fetch_all(store, "SELECT title FROM task") == [("a",)]


CONTENTS = {
    "text": (b"not a database, " * 100, "is not a SQLite database"),
    "short text": (b"short", "is not a SQLite database"),
    "a header and rubbish": (b"SQLite format 3\x00" + b"\xff" * 5_000, None),
    "a newer format": (b"SQLite format 3\x00\x10\x00\x09\x09" + b"\x00" * 4_080, None),
}


@only_sqlite
@pytest.mark.spec("002/FR-077")
@pytest.mark.parametrize(("content", "words"), CONTENTS.values(), ids=CONTENTS.keys())
@pytest.mark.parametrize("call", ["list", "add", "upgrade"])
async def test_a_file_that_is_no_database_is_an_io_error_and_stays(
    store: Store,
    database: Database,
    tasks: TaskService,
    content: bytes,
    words: str | None,
    call: str,
) -> None:
    file_of(store).write_bytes(content)
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "list": tasks.list,
        "add": lambda: tasks.add(NewTask(title="a")),
        "upgrade": database.upgrade,
    }

    with pytest.raises(IoFailed) as caught:
        await calls[call]()

    assert caught.value.message.startswith(f"{file_of(store)} ")
    if words:
        assert caught.value.message == f"{file_of(store)} {words}"
    if caught.value.message.endswith("is not a SQLite database"):
        assert caught.value.hint == (
            "nothing was changed; name another file in TODO_DATABASE_URL, or move store.db away, "
            "with store.db-wal and store.db-shm if they are there"
        )
    else:
        assert caught.value.hint == (
            "nothing was changed; move store.db away, with store.db-wal and store.db-shm if they are there, "
            "then `todo db import COPY`"
        )
    await database.engine.dispose()
    assert file_of(store).read_bytes() == content


@only_sqlite
@pytest.mark.spec("002/FR-077")
async def test_a_damaged_database_is_an_io_error(
    store: Store, tasks: TaskService, database: Database
) -> None:
    await tasks.add_all(
        [
            NewTask(title=f"a title to fill pages with {number}")
            for number in range(1_000)
        ]
    )
    await database.engine.dispose()
    await run_sql(store, "PRAGMA wal_checkpoint(TRUNCATE)")
    content = file_of(store).read_bytes()
    file_of(store).write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))

    with pytest.raises(IoFailed) as caught:
        await tasks.list()

    assert caught.value.message == f"{file_of(store)} is damaged"


@only_sqlite
@pytest.mark.spec("002/FR-077")
async def test_a_text_of_the_file_that_is_not_utf_8_is_damage(
    store: Store, tasks: TaskService
) -> None:
    await tasks.add(NewTask(title="a"))
    with closing(sqlite3.connect(file_of(store))) as file, file:
        file.execute("PRAGMA ignore_check_constraints = ON")
        file.execute("UPDATE task SET title = CAST(x'61ff62' AS TEXT)")

    for call in (tasks.list(), tasks.get(1), tasks.complete([1])):
        with pytest.raises(IoFailed) as caught:
            await call
        assert caught.value.message == f"{file_of(store)} is damaged"


@only_sqlite
@pytest.mark.spec("002/FR-077")
async def test_a_file_that_may_not_be_written_is_an_io_error(
    store: Store, tasks: TaskService, database: Database
) -> None:
    await tasks.add(NewTask(title="a"))
    await database.engine.dispose()
    event.listen(
        database.engine.sync_engine,
        "connect",
        lambda file, _: file.cursor().execute("PRAGMA query_only = 1"),
    )

    with pytest.raises(IoFailed) as caught:
        await tasks.complete([1])

    assert caught.value.message == f"{file_of(store)} is read-only"
    assert caught.value.hint == "check the rights on the file and its folder"
    assert len((await tasks.list()).tasks) == 1


@only_sqlite
@pytest.mark.spec("002/FR-077")
async def test_a_file_that_cannot_be_opened_is_an_io_error(
    store: Store, tasks: TaskService, database: Database
) -> None:
    await tasks.add(NewTask(title="a"))
    await database.engine.dispose()
    file_of(store).with_name("store.db-wal").mkdir()

    with pytest.raises(IoFailed) as caught:
        await tasks.list()

    assert caught.value.message == f"{file_of(store)} cannot be opened"


@only_sqlite
@pytest.mark.spec("002/FR-077")
@pytest.mark.nothing_made
async def test_a_folder_in_the_place_of_the_file_is_an_io_error(
    store: Store, tasks: TaskService
) -> None:
    file_of(store).mkdir()

    with pytest.raises(IoFailed, match=r" is a folder, not a file$"):
        await tasks.list()


@only_sqlite
async def test_a_statement_that_sqlite_does_not_understand_is_a_bug(
    database: Database, tasks: TaskService
) -> None:
    await tasks.add(NewTask(title="a"))

    for statement in ("SELEKT 1", "SELECT abs(-9223372036854775808)"):
        error = await fault(database, statement)
        assert (type(error), error.message) == (
            Internal,
            "Unexpected error of SQLite: SQLITE_ERROR",
        )


@only_sqlite
async def test_a_row_that_breaks_a_check_of_the_file_is_a_bug(
    database: Database, tasks: TaskService
) -> None:
    await tasks.add(NewTask(title="a"))

    error = await fault(database, "UPDATE task SET title = ''")

    assert error.message == "Unexpected error of SQLite: SQLITE_CONSTRAINT_CHECK"


@only_sqlite
async def test_an_id_or_number_that_is_taken_is_a_conflict(
    database: Database, tasks: TaskService
) -> None:
    await tasks.add(NewTask(title="a"))
    await tasks.add(NewTask(title="b"))

    for statement in (
        "UPDATE task SET number = 1",
        f"UPDATE task SET id = '{UUID(int=1)}'",
    ):
        error = await fault(database, statement)
        assert (type(error), error.message) == (
            Conflict,
            "The id or the number is taken",
        )


@pytest.mark.parametrize(
    "name",
    [
        "a b",
        "100%",
        "a?mode=ro",
        "a#b",
        "a&b=c",
        "\u0645\u06cc\u200c",
        "\udcff",
        "a'b\"c",
        "\n",
    ],
)
async def test_a_file_may_have_any_name(
    tmp_path: Path, clock: Clock, name: str
) -> None:
    target = SqliteTarget(tmp_path / name / f"{name}.db")
    async with open_database(target) as database:
        await TaskService(database, "ada", clock).add(NewTask(title="a"))

    assert [os.fsencode(path.name) for path in (tmp_path / name).iterdir()] == [
        os.fsencode(f"{name}.db")
    ]


def test_an_error_of_the_disk_outside_sqlite_names_its_reason(tmp_path: Path) -> None:
    target = SqliteTarget(tmp_path / "todo.db")

    assert (
        failures.translated(OSError(5, "Input/output error"), target).code
        is Code.IO_ERROR
    )


def test_a_driver_error_of_a_kind_nobody_knows_is_a_bug() -> None:
    error = failures.translated(DBAPIError(None, None, ValueError("CANARY")), TARGET)

    assert (type(error), error.message) == (
        Internal,
        "Unexpected error of the driver: DBAPIError",
    )
