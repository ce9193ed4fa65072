"""The latest operation: what somebody asks for again and again who waits for changes."""

import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing

import pytest

from tests.service.backdoor import connected, file_of, run_sql
from tests.support.stores import Clock, Store
from todo_cli.database.engine import open_database
from todo_cli.errors import SchemaMismatch
from todo_cli.service import TaskService
from todo_cli.task import Latest, NewTask, TaskChange

A, B = NewTask("a"), NewTask("b")


@pytest.mark.spec("002/FR-435")
async def test_each_operation_is_another_latest_one(
    tasks: TaskService, service: Callable[[str], TaskService], clock: Clock
) -> None:
    assert await tasks.latest() == Latest()
    seen: list[Latest | None] = [Latest()]
    calls: Sequence[Callable[[], Awaitable[object]]] = (
        lambda: tasks.add_all([A, B]),
        lambda: tasks.update([1], TaskChange(title="c")),
        lambda: tasks.complete([1]),
        lambda: tasks.delete([2]),
        lambda: tasks.undo(),
        lambda: tasks.redo(),
        lambda: tasks.purge([2]),
    )
    for number, call in enumerate(calls, start=1):
        clock.tick()
        await call()
        latest = await tasks.latest()
        assert latest is not None
        assert latest not in seen
        assert (latest.number, latest.at) == (number, clock.now)
        seen.append(latest)

    # What changes nothing, and what others do, is no operation of ours.
    await tasks.complete([1])
    await service("bob").add(A)
    assert await tasks.latest() == seen[-1]
    theirs = await service("bob").latest()
    assert theirs is not None
    assert theirs.number == 1


@pytest.mark.spec("002/FR-435")
@pytest.mark.nothing_made
async def test_a_store_that_is_not_there_has_none(tasks: TaskService) -> None:
    assert await tasks.latest() is None


@pytest.mark.spec("002/FR-435")
async def test_what_others_did_is_seen_and_nothing_is_left_open(
    tasks: TaskService, store: Store, clock: Clock
) -> None:
    """A transaction that is left open would keep a log from being written back, or a
    server from cleaning up.
    """
    async with open_database(store.target) as database:
        other = TaskService(database, "ada", clock)
        for number in (1, 2, 3):
            await other.add(A)
            latest = await tasks.latest()
            assert latest is not None
            assert latest.number == number

    if store.kind == "sqlite":
        with closing(sqlite3.connect(file_of(store))) as file:
            [row] = file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert row == (0, 0, 0)
        return
    async with connected(store) as server:
        states = await server.fetch(
            "SELECT state FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND query LIKE '%todo.operation%'"
        )
        assert {row["state"] for row in states} == {"idle"}


@pytest.mark.spec("002/FR-435")
@pytest.mark.nothing_made
@pytest.mark.parametrize("is_beyond", [False, True])
async def test_an_operation_that_cannot_be_read_is_named(
    tasks: TaskService, store: Store, is_beyond: bool
) -> None:
    await tasks.add(A)
    wrong = "'20000-01-01'" if is_beyond else "'infinity'"
    if store.kind == "sqlite":
        with closing(sqlite3.connect(file_of(store))) as file, file:
            file.execute("PRAGMA ignore_check_constraints = 1")
            file.execute(f"UPDATE operation SET at = {wrong}")
    else:
        await run_sql(
            store, "ALTER TABLE todo.operation DROP CONSTRAINT at_instant"
        )
        await run_sql(store, f"UPDATE todo.operation SET at = {wrong}")

    with pytest.raises(SchemaMismatch, match="another program stored"):
        await tasks.latest()
