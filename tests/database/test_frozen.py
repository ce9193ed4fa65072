"""A file on a disk that takes no writing is opened for reading alone, for one call."""

import resource
import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.database.chain import invent_past
from tests.service.backdoor import file_of
from tests.support import disks
from tests.support.machine import needs
from tests.support.stores import Clock, Store
from todo_cli.database.engine import Database, open_database
from todo_cli.database.run import Connection, Statement, fetch_value
from todo_cli.database.url import SqliteTarget
from todo_cli.errors import (
    ConfigInvalid,
    DatabaseBusy,
    IoFailed,
    SchemaMismatch,
)
from todo_cli.service import TaskService
from todo_cli.task import NewTask

pytestmark = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
COUNT = Statement("SELECT count(*) FROM task")


@contextmanager
def no_writing() -> Iterator[None]:
    """No file of this process may grow, so SQLite has no index for its log."""
    with disks.limited(resource.RLIMIT_FSIZE, 0):
        yield


def write_elsewhere(store: Store) -> None:
    """Write as another program does."""
    with closing(sqlite3.connect(file_of(store))) as file, file:
        file.execute("DELETE FROM task")


async def fill(store: Store, clock: Clock) -> None:
    """Store a task, and close the file."""
    async with open_database(store.target) as database:
        await TaskService(database, "ada", clock).add(NewTask(title="a"))


async def count(database: Database) -> int:
    """How many tasks there are."""
    found = await database.run(lambda connection: connection.fetch(COUNT))
    number: int = found[0][0]
    return number


@pytest.mark.spec("002/FR-142")
async def test_a_file_is_written_again_as_soon_as_it_can_be(
    store: Store, database: Database, tasks: TaskService, clock: Clock
) -> None:
    await fill(store, clock)
    with no_writing():
        assert [task.title for task in (await tasks.list()).tasks] == ["a"]
        with pytest.raises(IoFailed, match="may not become that large"):
            await tasks.add(NewTask(title="b"))
        assert not database.may_have_written
        assert await count(database) == 1

    await tasks.add(NewTask(title="b"))
    assert await count(database) == 2


async def age(store: Store, clock: Clock) -> None:
    """Make a file with a task, as an older program left it."""
    await fill(store, clock)
    with closing(sqlite3.connect(file_of(store))) as file, file:
        file.execute("ALTER TABLE task RENAME COLUMN title TO name")
        file.execute("UPDATE alembic_version SET version_num = '0000'")


async def refuse_upgrade(store: Store, clock: Clock, reason: str) -> None:
    """See that an older file says what keeps it from being upgraded."""
    before = file_of(store).read_bytes()
    async with open_database(store.target) as database:
        tasks = TaskService(database, "ada", clock)
        calls: list[Callable[[], Awaitable[object]]] = [
            tasks.list,
            partial(tasks.add, NewTask(title="b")),
            database.upgrade,
        ]
        for call in calls:
            with pytest.raises(SchemaMismatch) as caught:
                await call()
            message = caught.value.message
            assert "older version of todo, and cannot be upgraded" in message
            assert reason in message
            hint = str(caught.value.hint)
            assert hint.startswith("nothing was changed; ")
            assert "to a folder that you can write to" in hint
    assert file_of(store).read_bytes() == before
    assert not list(file_of(store).parent.glob("*.bak"))


@pytest.mark.spec("002/FR-142")
@pytest.mark.parametrize("obstacle", ["limit", "names"])
async def test_an_older_file_that_cannot_be_written_says_why(
    store: Store,
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    obstacle: str,
) -> None:
    await age(store, clock)
    invent_past(tmp_path / "migrations", monkeypatch)
    other = file_of(store).with_name("other.db")
    if obstacle == "limit":
        with no_writing():
            await refuse_upgrade(store, clock, "may not become that large")
    else:
        other.hardlink_to(file_of(store))
        await refuse_upgrade(store, clock, "it has 2 names (hard links)")
        other.unlink()

    async with open_database(store.target) as database:
        page = await TaskService(database, "ada", clock).list()
    assert [task.title for task in page.tasks] == ["a"]


@needs("mounts")
@pytest.mark.spec("002/FR-142")
async def test_an_older_file_on_a_read_only_disk_is_upgraded_as_a_copy(
    store: Store,
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await age(store, clock)
    invent_past(tmp_path / "migrations", monkeypatch)
    copy = tmp_path / "copy.db"
    with disks.read_only(file_of(store).parent):
        await refuse_upgrade(store, clock, "read-only file system")
        shutil.copyfile(file_of(store), copy)

    async with open_database(SqliteTarget(copy)) as database:
        page = await TaskService(database, "ada", clock).list()
    assert [task.title for task in page.tasks] == ["a"]


@pytest.mark.spec("002/FR-142")
@pytest.mark.parametrize("is_seen_as_damaged", [False, True])
async def test_what_is_read_while_another_program_writes_is_read_again(
    store: Store, database: Database, clock: Clock, is_seen_as_damaged: bool
) -> None:
    await fill(store, clock)
    seen = []

    async def look(connection: Connection) -> int:
        found = await connection.fetch(COUNT)
        seen.append(found[0][0])
        if len(seen) == 1:
            limit.__exit__(None, None, None)
            write_elsewhere(store)
            if is_seen_as_damaged:
                raise sqlite3.DatabaseError
        return int(found[0][0])

    limit = no_writing()
    limit.__enter__()
    assert await database.run(look) == 0

    assert seen == [1, 0]


@pytest.mark.spec("002/FR-142")
async def test_a_file_that_never_rests_is_busy(
    store: Store, clock: Clock
) -> None:
    await fill(store, clock)

    async def look(connection: Connection) -> None:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        write_elsewhere(store)
        file_of(store).touch()
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))

    with no_writing():
        async with open_database(store.target, busy_for_s=0.1) as database:
            with pytest.raises(DatabaseBusy, match="written by another"):
                await database.run(look)


@pytest.mark.spec("002/FR-142")
async def test_an_error_of_a_file_at_rest_is_no_reason_to_read_it_again(
    store: Store, database: Database, clock: Clock
) -> None:
    await fill(store, clock)
    seen = []

    async def look(connection: Connection) -> None:
        seen.append(1)
        await connection.fetch(Statement("SELECT * FROM task WHERE"))

    with no_writing(), pytest.raises(Exception, match="SQLITE_ERROR"):
        await database.run(look)
    assert seen == [1]


@pytest.mark.spec("002/FR-146")
async def test_a_sqlite_that_is_too_old_is_refused_and_nothing_is_made(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As omnilib/aiosqlite#281 and maubot/rss#31."""
    before = file_of(store).read_bytes()
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.34.1")

    with pytest.raises(ConfigInvalid, match=r"SQLite 3\.34\.1 is too old"):
        await fill(store, clock)
    file_of(store).unlink()
    with pytest.raises(ConfigInvalid, match=r"needs 3\.35"):
        await fill(store, clock)

    assert not file_of(store).exists()
    file_of(store).write_bytes(before)
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 35, 0))
    await fill(store, clock)
    async with open_database(store.target) as database:
        found = await database.look(
            lambda connection: fetch_value(connection, "version")
        )
    assert found
