"""How long a statement may take: longer where an import, a backup or an undo needs it.

A slow line and a small server need more than the usual limit for what is large. Each
server here is slower than that limit.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from tests.database.conftest import opened
from tests.support.candidates import good, take
from tests.support.postgres import PostgresCluster
from tests.support.stores import Clock
from todo_cli.database import connection
from todo_cli.database.backup import back_up
from todo_cli.database.transfer import copy
from todo_cli.errors import OutcomeUnknown, TimedOut
from todo_cli.service import TaskService
from todo_cli.task import NewTask, TaskChange, TaskQuery, TaskStatus

pytestmark = pytest.mark.spec("002/FR-072")

USUAL_S = 0.5
SLOW_S = 0.8
SLOW = f"""CREATE FUNCTION todo.slow() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN PERFORM pg_sleep({SLOW_S}); RETURN NULL; END$$;
    CREATE TRIGGER slow AFTER INSERT OR UPDATE ON todo.task
    FOR EACH ROW WHEN (new.number = 2) EXECUTE FUNCTION todo.slow()"""
LOCK = "LOCK TABLE todo.task IN ACCESS EXCLUSIVE MODE"
NOTES = "x" * 10_000
LARGE = [good(place, description=NOTES) for place in range(1, 6)]


@pytest.fixture
def url(own_postgres: PostgresCluster, place: str) -> str:
    """A database of this test alone."""
    return own_postgres.url(place)


@pytest.fixture(autouse=True)
def _shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "STATEMENT_TIMEOUT_S", USUAL_S)


async def run_sql(url: str, sql: str) -> None:
    """Run a statement on a connection of its own."""
    line = await asyncpg.connect(url)
    try:
        await line.execute(sql)
    finally:
        await line.close()


@asynccontextmanager
async def locked(url: str) -> AsyncIterator[None]:
    """Keep everybody away from the tasks, for longer than usual."""
    line = await asyncpg.connect(url)
    await line.execute(f"BEGIN; {LOCK}")

    async def release() -> None:
        await asyncio.sleep(SLOW_S)
        await line.close()

    releasing = asyncio.create_task(release())
    try:
        yield
    finally:
        await releasing


async def test_a_large_import_may_take_longer(url: str, clock: Clock) -> None:
    async with opened(url) as database:
        tasks = TaskService(database, "ada", clock)
        await tasks.add(NewTask(title="a"))
        await run_sql(url, SLOW)
        taken = await take(tasks, *LARGE)
        assert taken.added == len(LARGE)
        with pytest.raises(OutcomeUnknown):
            await tasks.update([2], TaskChange(title="b"))


async def test_a_large_file_may_take_longer(
    url: str, clock: Clock, tmp_path: Path
) -> None:
    file = f"sqlite:///{tmp_path}/a.db"
    async with opened(file) as source:
        await take(TaskService(source, "ada", clock), *LARGE)
    async with opened(file) as source, opened(url) as database:
        tasks = TaskService(database, "bob", clock)
        await tasks.add(NewTask(title="a"))
        await run_sql(url, SLOW)
        done = await copy(source, database, lambda done, total: None, clock())
    assert done.tasks == len(LARGE)


async def test_an_undo_and_a_redo_may_take_longer(
    url: str, clock: Clock
) -> None:
    """How much it is, only the store knows."""
    async with opened(url) as database:
        tasks = TaskService(database, "ada", clock)
        await take(tasks, good(1), good(2))
        await run_sql(url, SLOW)
        assert len((await tasks.undo()).tasks) == 2
        assert len((await tasks.redo()).tasks) == 2
        assert len((await tasks.undo(1)).tasks) == 2


async def test_what_reads_all_may_take_longer(
    url: str, clock: Clock, tmp_path: Path
) -> None:
    async with opened(url) as database:
        tasks = TaskService(database, "ada", clock)
        await tasks.add(NewTask(title="a"))
        async with locked(url):
            parts = tasks.export(TaskQuery(TaskStatus.ALL))
            assert [len(part) async for part in parts] == [1]
        path = tmp_path / "b.db"
        async with locked(url):
            done = await back_up(
                database,
                path,
                lambda done, total: None,
                whose=None,
                force=False,
            )
        assert done.tasks == 1
        async with locked(url):
            counted = await tasks.stats()
        assert counted.open == 1
        async with locked(url):
            with pytest.raises(TimedOut):
                await tasks.list()
