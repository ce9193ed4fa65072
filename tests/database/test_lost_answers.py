"""Answers that got lost: repeated where that is harmless, else the outcome is unknown."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.database.conftest import opened
from tests.support.postgres import PostgresCluster
from tests.support.stores import Clock
from tests.support.turns import Fault, TurnProxy
from todo_cli.database.engine import Database, Effect
from todo_cli.database.run import Connection, Statement
from todo_cli.errors import (
    Conflict,
    DatabaseUnavailable,
    OutcomeUnknown,
    TodoError,
)
from todo_cli.service import TaskService
from todo_cli.task import NewTask

INSERT = "INSERT INTO kept VALUES (1)"


async def ask(
    database: Database, statement: str, effect: Effect = Effect.READ
) -> None:
    """Send a statement through the code that repeats calls."""

    async def work(connection: Connection) -> None:
        await connection.fetch(Statement(statement))

    await database.run(work, effect=effect)


async def fault(
    database: Database, statement: str, effect: Effect
) -> TodoError:
    """The error that answers a statement."""
    with pytest.raises(TodoError) as caught:
        await ask(database, statement, effect)
    return caught.value


@pytest.fixture
async def cut(
    own_postgres: PostgresCluster, place: str, line: TurnProxy
) -> AsyncIterator[Database]:
    """A database with the table `kept`, over the line."""
    own_postgres.run_sql(place, "CREATE TABLE kept (n int)")
    url = own_postgres.url(place).replace(
        f":{own_postgres.port}/", f":{line.port}/"
    )
    async with opened(url) as database:
        yield database


@pytest.mark.parametrize(
    ("how", "effect", "connections"),
    [
        ("end", Effect.READ, 2),
        ("reset", Effect.REPEATABLE, 2),
        ("end", Effect.ONCE, 1),
        ("reset", Effect.ONCE, 1),
    ],
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
        assert type(await fault(cut, INSERT, effect)) is OutcomeUnknown
    else:
        await ask(cut, INSERT, effect=effect)

    assert line.connections == connections
    assert len(own_postgres.fetch(place, "SELECT n FROM kept")) == connections


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


async def test_a_write_that_was_cut_and_then_refused_stays_open(
    own_postgres: PostgresCluster, place: str, line: TurnProxy, cut: Database
) -> None:
    line.faults.append(Fault("after", request=2))
    tried: list[int] = []

    async def work(connection: Connection) -> None:
        tried.append(1)
        sql = INSERT if len(tried) == 1 else "SELECT 1 / 0"
        await connection.fetch(Statement(sql))

    with pytest.raises(OutcomeUnknown):
        await cut.run(work, effect=Effect.REPEATABLE)

    assert len(tried) == 2


@pytest.mark.parametrize(
    ("then", "kind"),
    [
        (Conflict("taken"), Conflict),
        (DatabaseUnavailable("gone"), OutcomeUnknown),
    ],
)
async def test_a_write_that_was_cut_is_settled_by_a_conflict_alone(
    line: TurnProxy, cut: Database, then: TodoError, kind: type[TodoError]
) -> None:
    line.faults.append(Fault("after", request=2))
    tried: list[int] = []

    async def work(connection: Connection) -> None:
        tried.append(1)
        if len(tried) == 2:
            raise then
        await connection.fetch(Statement(INSERT))

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
    await cut.close()
    line.reset()
    line.faults.append(Fault(when, request=requests.index("Q") + 1))

    added = await TaskService(cut, "ada", clock).add(NewTask(title="b"))

    assert (added.is_new, added.task.number, line.connections) == (True, 1, 2)
