"""The road to a store: connections shared and given back, files that move, and what is
said of a call under way.
"""

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from tests.conftest import Seal
from tests.service.backdoor import file_of, run_sql, what_exists
from tests.support.stores import Clock, Store
from todo_cli.database.engine import Database, open_database
from todo_cli.database.run import Connection, Statement
from todo_cli.database.sqlite import SqliteConnection
from todo_cli.errors import (
    Code,
    DatabaseBusy,
    InvalidInput,
    IoFailed,
    NoStore,
    NotFound,
    TodoError,
)
from todo_cli.service import TaskService
from todo_cli.task import NewTask, TaskChange

pytestmark = pytest.mark.nothing_made


async def titles(database: Database, clock: Clock) -> list[str]:
    """The titles of ada's open tasks."""
    return [
        task.title
        for task in (await TaskService(database, "ada", clock).list()).tasks
    ]


async def test_ping_reaches_a_store_and_makes_none(
    store: Store, database: Database, tasks: TaskService
) -> None:
    before = await what_exists(store)

    await database.ping()

    assert (database.created, await what_exists(store)) == (False, before)
    await tasks.add(NewTask(title="a"))
    await database.ping()


async def test_is_waiting_tells_of_a_call_under_way(
    database: Database, tasks: TaskService
) -> None:
    await tasks.add(NewTask(title="a"))
    seen: list[bool] = []

    async def look(connection: Connection) -> None:
        seen.append(database.is_waiting)

    assert not database.is_waiting
    await database.run(look)

    assert seen == [True]
    assert not database.is_waiting


async def test_is_waiting_is_over_after_a_fault(database: Database) -> None:
    async def fail(connection: Connection) -> None:
        raise KeyError

    with pytest.raises((KeyError, NoStore)):
        await database.run(fail)

    assert not database.is_waiting
    assert not database.may_have_written


async def test_a_bug_is_not_taken_for_a_fault_of_the_store(
    database: Database, tasks: TaskService
) -> None:
    await tasks.add(NewTask(title="a"))

    async def fail(connection: Connection) -> None:
        raise KeyError("a bug")

    with pytest.raises(KeyError, match="a bug"):
        await database.run(fail)


async def test_a_pool_that_is_in_use_is_busy(
    store: Store, clock: Clock
) -> None:
    async with open_database(
        store.target, pool_size=1, busy_for_s=0.1
    ) as database:
        tasks = TaskService(database, "ada", clock)
        await tasks.add(NewTask(title="a"))
        async with database.connections.connection():
            with pytest.raises(DatabaseBusy) as caught:
                await tasks.list()
        assert (
            caught.value.message
            == f"All connections to {database.target.place} are in use"
        )
        assert await titles(database, clock) == ["a"]


async def test_a_pool_serves_more_calls_than_it_has_connections(
    store: Store, clock: Clock
) -> None:
    async with open_database(store.target, pool_size=2) as database:
        tasks = TaskService(database, "ada", clock)
        added = await asyncio.gather(
            *(
                tasks.add(NewTask(title=f"task {number}"))
                for number in range(20)
            )
        )

    assert sorted(one.task.number for one in added) == list(range(1, 21))


@pytest.mark.parametrize("times", [1, 2])
async def test_a_call_that_is_cancelled_leaves_no_transaction_open(
    store: Store, clock: Clock, times: int
) -> None:
    """Wherever it is cancelled, also while the transaction begins or is rolled back."""
    complaints: list[str] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _loop, context: complaints.append(context["message"])
    )
    async with open_database(
        store.target, pool_size=1, busy_for_s=0.5
    ) as database:
        tasks = TaskService(database, "ada", clock)
        await tasks.add(NewTask(title="first"))
        for steps in range(1, 13):
            call = asyncio.ensure_future(
                tasks.add_all([NewTask(title="cancelled")])
            )
            for _ in range(times):
                for _ in range(steps):
                    await asyncio.sleep(0)
                call.cancel()
            await asyncio.wait([call])

            await tasks.add_all([NewTask(title="next")])
            async with open_database(store.target, busy_for_s=0.5) as other:
                await TaskService(other, "ada", clock).add(
                    NewTask(title="other")
                )

        assert complaints == []


async def test_a_column_whose_type_changes_under_an_open_connection_is_read(
    postgres_store: Store, clock: Clock
) -> None:
    async with open_database(postgres_store.target, pool_size=1) as database:
        tasks = TaskService(database, "ada", clock)
        await tasks.add(NewTask(title="a"))
        await tasks.add_all([NewTask(title="b")])
        await tasks.update([1], TaskChange(title="A"))
        assert await titles(database, clock) == ["b", "A"]

        await run_sql(
            postgres_store, "ALTER TABLE todo.task ALTER number TYPE bigint"
        )
        await run_sql(
            postgres_store, "ALTER TABLE todo.counter ALTER last TYPE bigint"
        )

        assert await titles(database, clock) == ["b", "A"]
        assert [
            task.title
            for task in await tasks.update([1], TaskChange(title="a"))
        ] == ["a"]
        [many] = await tasks.add_all([NewTask(title="c")])
        assert (many.task.number, many.is_new) == (3, True)


RETYPED = {
    "shorter": "ALTER TABLE todo.task ALTER number TYPE smallint",
    "longer": "ALTER TABLE todo.task ALTER number TYPE bigint",
    "a shorter counter": "ALTER TABLE todo.counter ALTER last TYPE smallint",
    "a text": """ALTER TABLE todo.tag DROP CONSTRAINT tag_task_id_fkey;
        ALTER TABLE todo.task ALTER id TYPE text""",
    "a number": "ALTER TABLE todo.task ALTER number TYPE numeric",
    "a day": "ALTER TABLE todo.task ALTER created_at TYPE date",
    "bytes": """DROP INDEX todo.task_title_idx;
        ALTER TABLE todo.task DROP CONSTRAINT title_text,
        ALTER title TYPE bytea USING '\\xff'""",
    "an array": """DROP INDEX todo.task_title_idx;
        ALTER TABLE todo.task DROP CONSTRAINT title_text,
        ALTER title TYPE text[] USING ARRAY[title]""",
}


@pytest.mark.spec("002/FR-037")
@pytest.mark.parametrize("change", RETYPED)
async def test_no_type_of_a_column_is_a_bug_under_an_open_connection(
    postgres_store: Store, clock: Clock, change: str
) -> None:
    """SeaQL/sea-orm#1162, t8y2/dbx#4631: every statement failed until a restart."""
    refused = []
    async with open_database(postgres_store.target, pool_size=1) as database:
        tasks = TaskService(database, "ada", clock)
        calls = (
            tasks.list,
            lambda: tasks.get(1),
            lambda: tasks.add(NewTask(title="a")),
            lambda: tasks.add_all([NewTask(title="b")]),
            lambda: tasks.update([1], TaskChange(title="A")),
            lambda: tasks.complete([1]),
            lambda: tasks.delete([2]),
        )
        await tasks.add(NewTask(title="a"))
        for call in calls:
            await call()
        await run_sql(postgres_store, RETYPED[change])

        for call in calls:
            try:
                await call()
            except TodoError as error:
                refused.append(error.code)
    # The second task was deleted before.
    if change in ("shorter", "longer", "a shorter counter"):
        assert refused == [Code.NOT_FOUND]
    lost = {Code.INTERNAL, Code.DATABASE_UNAVAILABLE, Code.OUTCOME_UNKNOWN}
    assert not lost & set(refused)


async def test_a_write_whose_answer_cannot_be_read_is_settled(
    postgres_store: Store, clock: Clock
) -> None:
    async with open_database(postgres_store.target, pool_size=1) as database:
        tasks = TaskService(database, "ada", clock)
        await tasks.add(NewTask(title="a"))
        await tasks.update([1], TaskChange(title="b"))
        await run_sql(
            postgres_store, "ALTER TABLE todo.task ALTER number TYPE bigint"
        )

        assert [
            task.title
            for task in await tasks.update([1], TaskChange(title="c"))
        ] == ["c"]
        await tasks.add(NewTask(title="d"))
        assert await titles(database, clock) == ["d", "c"]


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_file_put_in_the_place_of_another_is_opened_anew(
    store: Store, database: Database, clock: Clock, seal: Seal
) -> None:
    other = Store("sqlite", f"sqlite:///{seal.cwd / 'other.db'}")
    for place, title in ((store, "here"), (other, "elsewhere")):
        async with open_database(place.target) as made:
            await TaskService(made, "ada", clock).add(NewTask(title=title))
    assert await titles(database, clock) == ["here"]

    file_of(other).rename(file_of(store))

    assert await titles(database, clock) == ["elsewhere"]


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_file_that_goes_is_made_anew_by_an_add_alone(
    store: Store, database: Database, clock: Clock
) -> None:
    tasks = TaskService(database, "ada", clock)
    await tasks.add(NewTask(title="gone"))
    for file in file_of(store).parent.iterdir():
        file.unlink()

    assert await titles(database, clock) == []
    assert list(file_of(store).parent.iterdir()) == []
    assert (await tasks.add(NewTask(title="new"))).task.number == 1


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_every_connection_to_a_file_is_set_up(
    database: Database, tasks: TaskService
) -> None:
    await tasks.add(NewTask(title="a"))

    for _ in range(2):
        async with database.connections.connection() as connection:
            found = [
                await connection.fetch(Statement(f"PRAGMA {name}"))
                for name in ("synchronous", "foreign_keys", "trusted_schema")
            ]
        await database.close()
        assert found == [[(2,)], [(1,)], [(0,)]]  # FULL, on, off


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_file_that_is_there_is_asked_for_its_version_alone(
    store: Store, database: Database, tasks: TaskService
) -> None:
    async with open_database(store.target) as other:
        await other.upgrade()
    said: list[str] = []
    async with database.connections.connection() as connection:
        assert isinstance(connection, SqliteConnection)
        await connection.driver.set_trace_callback(said.append)

    await tasks.add(NewTask(title="a"))
    first = [
        statement.split()[:2]
        for statement in said
        if "PRAGMA" not in statement
    ]
    said.clear()
    await tasks.list()

    assert len(first) == 12, first
    assert first[0] == ["SELECT", "alembic_version.version_num"]
    assert [words[0] for words in first[1:]] == [
        "BEGIN",
        "SELECT",
        "INSERT",
        "INSERT",
        # The trigger that notes the new text, by name and by content.
        "INSERT",
        "INSERT",
        # The operation, and what it did.
        "INSERT",
        "INSERT",
        "SELECT",
        "SELECT",
        "COMMIT",
    ]
    assert first[-2] == [
        "SELECT",
        "pragma_user_version.user_version,",
    ]  # the mark
    assert [statement.split()[0] for statement in said] == ["SELECT"]


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_file_whose_version_cannot_be_read_is_not_used(
    store: Store, tasks: TaskService
) -> None:
    async with open_database(store.target) as other:
        await other.upgrade()
    path = file_of(store)
    with closing(sqlite3.connect(path)) as file:
        [(page, size)] = file.execute(
            "SELECT rootpage, page_size FROM sqlite_master, pragma_page_size WHERE name = 'alembic_version'"
        )
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as raw:
        raw.seek((page - 1) * size)
        raw.write(b"\xff" * size)
    before = path.read_bytes()

    with pytest.raises(TodoError, match="damaged"):
        await tasks.add(NewTask(title="a"))

    assert path.read_bytes() == before


async def two_states(store: Store, clock: Clock) -> tuple[bytes, bytes]:
    """What an embedded file holds with one task, and what it holds now, with a second one."""
    contents = []
    for title in ("first", "second"):
        async with open_database(store.target) as database:
            await TaskService(database, "ada", clock).add(NewTask(title=title))
        contents.append(file_of(store).read_bytes())
    return contents[0], contents[1]


@pytest.mark.spec("001/FR-112")
async def test_a_file_copied_over_one_that_is_open_and_has_a_log_is_used_no_more(
    sqlite_store: Store, clock: Clock
) -> None:
    backup, _ = await two_states(sqlite_store, clock)
    path = file_of(sqlite_store)
    refusals = []
    async with open_database(sqlite_store.target, pool_size=1) as database:
        await TaskService(database, "ada", clock).add(NewTask(title="third"))
        path.write_bytes(backup)
        for _ in range(2):
            with pytest.raises(
                IoFailed, match="was left by another file"
            ) as caught:
                await titles(database, clock)
            refusals.append(caught.value)
        path.with_name("store.db-wal").rename(
            path.with_name("moved-wal")
        )  # too early: the old one is still open
        with pytest.raises(IoFailed) as caught:
            await titles(database, clock)
        refusals.append(caught.value)

    assert refusals == [database.keeper.overwritten] * 3
    assert path.read_bytes() == backup
    # Too late to do harm: a process has ended by now.
    await database.close()


@pytest.mark.spec("001/FR-112")
async def test_a_file_copied_over_one_that_is_open_and_has_no_log_is_used(
    sqlite_store: Store, clock: Clock
) -> None:
    backup, _ = await two_states(sqlite_store, clock)
    async with open_database(sqlite_store.target, pool_size=1) as database:
        assert await titles(database, clock) == ["second", "first"]

        file_of(sqlite_store).write_bytes(backup)

        assert await titles(database, clock) == ["first"]
        await TaskService(database, "ada", clock).add(NewTask(title="new"))
        assert await titles(database, clock) == ["new", "first"]


@pytest.mark.spec("001/FR-031")
async def test_a_file_in_the_middle_of_a_checkpoint_is_waited_for(
    sqlite_store: Store, clock: Clock
) -> None:
    """Another process writes its pages, and SQLite finds it malformed meanwhile."""
    await two_states(sqlite_store, clock)
    path = file_of(sqlite_store)
    async with open_database(sqlite_store.target, pool_size=1) as database:
        await TaskService(database, "ada", clock).add(NewTask(title="third"))
        whole = path.read_bytes()
        os.truncate(path, 8192)
        asyncio.get_running_loop().call_later(0.1, path.write_bytes, whole)

        found = await titles(database, clock)

    assert found == ["third", "second", "first"]


KILLED = """
import os, resource, signal, sqlite3, sys
path = sys.argv[1]
file = sqlite3.connect(path, isolation_level=None)
file.execute("PRAGMA wal_autocheckpoint = 0")
[count] = file.execute("PRAGMA user_version").fetchone()
file.execute("BEGIN IMMEDIATE")
file.execute("CREATE TABLE other AS SELECT zeroblob(100000) AS blob")
file.execute(f"PRAGMA user_version = {count + 1}")
file.execute("COMMIT")
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
longest = os.path.getsize(path) + 8192
resource.setrlimit(resource.RLIMIT_FSIZE, (longest, longest))
file.execute("PRAGMA wal_checkpoint")
"""
"""A process that the system kills in the middle of a checkpoint.

It has written the first page, which says how many there are, and not all others.
"""


@pytest.mark.spec("002/FR-077")
async def test_a_store_stays_usable_after_another_process_died_in_a_checkpoint(
    sqlite_store: Store, clock: Clock
) -> None:
    path = file_of(sqlite_store)
    async with open_database(sqlite_store.target, pool_size=1) as database:
        tasks = TaskService(database, "ada", clock)
        await tasks.add(NewTask(title="first"))

        ended = subprocess.run([sys.executable, "-c", KILLED, path])

        assert ended.returncode == -signal.SIGXFSZ
        copy = path.with_name("copy.db")
        shutil.copyfile(path, copy)
        with (
            closing(sqlite3.connect(copy)) as alone,
            pytest.raises(sqlite3.DatabaseError, match="malformed"),
        ):
            alone.execute("SELECT * FROM task")
        assert await titles(database, clock) == ["first"]
        await tasks.add(NewTask(title="second"))
        assert await titles(database, clock) == ["second", "first"]

    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert file.execute("SELECT length(blob) FROM other").fetchall() == [
            (100_000,)
        ]


async def test_only_what_changes_something_leaves_a_mark(
    sqlite_store: Store, clock: Clock
) -> None:
    before, after = await two_states(sqlite_store, clock)
    async with open_database(sqlite_store.target) as database:
        with pytest.raises(NotFound):
            await TaskService(database, "ada", clock).update(
                [9], TaskChange(title="b")
            )

    assert before[60:64] != after[60:64]
    assert file_of(sqlite_store).read_bytes() == after


async def test_a_value_of_a_wrong_type_is_not_taken_for_a_wrong_day(
    postgres_store: Store,
) -> None:
    """asyncpg's error for it is a ValueError, as Python's is for a day of year 20000."""
    async with open_database(postgres_store.target) as database:
        await database.upgrade()
        with pytest.raises(InvalidInput, match="refuses a value"):
            await database.run(
                lambda connection: connection.fetch("unfilled_of", user=5)
            )
