"""`todo export`: every task that fits, by number, all of one moment."""

import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, closing
from datetime import UTC, date, datetime

import pytest

from tests.service.backdoor import connected, file_of, run_sql, what_exists
from tests.support.stores import Clock, Store, make
from todo_cli.database.engine import Database, open_database
from todo_cli.database.run import Connection
from todo_cli.errors import Code, SchemaMismatch, TodoError
from todo_cli.service import TaskService
from todo_cli.task import (
    Days,
    Group,
    NewTask,
    Sort,
    Task,
    TaskChange,
    TaskQuery,
    TaskStatus,
)

EVERY = TaskQuery(TaskStatus.ALL)


async def exported(
    tasks: TaskService, query: TaskQuery = EVERY, most: int = 1_000
) -> list[Task]:
    """All that an export yields."""
    found: list[Task] = []
    async with aclosing(tasks.export(query, most)) as parts:
        async for part in parts:
            assert 0 < len(part) <= most
            found += part
    return found


@pytest.fixture
async def filled(tasks: TaskService, clock: Clock) -> TaskService:
    """Tasks that differ in all that a filter asks for."""
    added = [
        NewTask(title="Ärger one", project="home.kitchen", tags=["a", "b"]),
        NewTask(title="two", priority="high", due_on=date(2026, 1, 5)),
        NewTask(title="three", wait_until=date(2026, 2, 1), tags=["a"]),
        NewTask(title="four", project="home", priority="low"),
        NewTask(title="five", description="of the kitchen"),
        NewTask(title="six", project="homework", due_on=date(2026, 1, 1)),
    ]
    for each in added:
        await tasks.add(each)
        clock.tick(60)
    await tasks.complete([4])
    clock.tick(60)
    await tasks.delete([5])
    return tasks


QUERIES = {
    "all": EVERY,
    "open": TaskQuery(),
    "waiting": TaskQuery(TaskStatus.WAITING),
    "done": TaskQuery(TaskStatus.DONE),
    "trash": TaskQuery(TaskStatus.TRASH),
    "a word": TaskQuery(TaskStatus.ALL, words=("arger",)),
    "a word of a project": TaskQuery(words=("kitchen",)),
    "two words": TaskQuery(words=("arger", "home")),
    "due": TaskQuery(due=Days()),
    "due in time": TaskQuery(due=Days(date(2026, 1, 2), date(2026, 1, 9))),
    "not due": TaskQuery(due=Days(has_day=False)),
    "high": TaskQuery(priorities=frozenset({"high"})),
    "low or none": TaskQuery(
        TaskStatus.ALL, priorities=frozenset({"low", None})
    ),
    "without a priority": TaskQuery(priorities=frozenset({None})),
    "a project": TaskQuery(TaskStatus.ALL, project="home"),
    "no project": TaskQuery(TaskStatus.ALL, project=""),
    "a tag": TaskQuery(TaskStatus.ALL, tags=("a",)),
    "two tags": TaskQuery(tags=("a", "b")),
    "without a tag": TaskQuery(TaskStatus.ALL, no_tags=("b",)),
    "since": TaskQuery(since=datetime(2026, 1, 2, 3, 6, tzinfo=UTC)),
    "before": TaskQuery(before=datetime(2026, 1, 2, 3, 6, tzinfo=UTC)),
    "done since": TaskQuery(
        TaskStatus.DONE, since=datetime(2026, 1, 2, 3, 6, tzinfo=UTC)
    ),
    "another day": TaskQuery(today=date(2026, 3, 1)),
}


async def test_an_export_has_what_a_list_has_by_number(
    filled: TaskService,
) -> None:
    for name, query in QUERIES.items():
        page = await filled.list(query)
        expected = sorted(page.tasks, key=lambda task: task.number)
        assert expected, name
        for most in (1, 2, 1_000):
            assert await exported(filled, query, most) == expected, name


async def test_order_groups_and_limit_do_not_count(
    filled: TaskService,
) -> None:
    query = TaskQuery(
        TaskStatus.ALL,
        limit=1,
        sort=Sort.TITLE,
        is_reversed=True,
        group=Group.PROJECT,
    )
    assert await exported(filled, query) == await exported(filled)


async def test_nobody_else_is_exported(
    filled: TaskService, service: Callable[[str], TaskService]
) -> None:
    assert await exported(service("bob")) == []


@pytest.mark.nothing_made
async def test_without_a_store_there_is_nothing_and_none_is_made(
    store: Store, tasks: TaskService
) -> None:
    before = await what_exists(store)
    assert await exported(tasks) == []
    assert await what_exists(store) == before


@pytest.mark.nothing_made
async def test_a_store_that_was_made_meanwhile_is_read(
    store: Store, tasks: TaskService, database: Database
) -> None:
    assert await exported(tasks) == []
    async with open_database(store.target) as other:
        await TaskService(other, "ada", lambda: datetime.now(UTC)).add(
            NewTask(title="a")
        )
    assert len(await exported(tasks)) == 1


@pytest.mark.nothing_made
@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
async def test_a_store_that_somebody_makes_at_this_moment_is_read(
    store: Store, database: Database
) -> None:
    tries = 0

    async def read(connection: Connection) -> AsyncGenerator[int]:
        nonlocal tries
        tries += 1
        try:
            await connection.fetch("any_task")
        finally:
            if tries == 1:
                await make(store)
        yield tries

    assert [part async for part in database.read_parts(read)] == [2]


async def test_all_is_of_one_moment(
    store: Store, filled: TaskService, clock: Clock
) -> None:
    before = await exported(filled)
    found: list[Task] = []
    async with open_database(store.target) as other:
        theirs = TaskService(other, "ada", clock)
        async with aclosing(filled.export(EVERY, 1)) as parts:
            async for part in parts:
                found += part
                await theirs.update([6], TaskChange(note=str(part[0].number)))
                await theirs.add(NewTask(title="late"))
    assert found == before
    assert len(await exported(filled)) == len(before) * 2


async def test_an_export_that_is_left_early_gives_its_connection_back(
    filled: TaskService,
) -> None:
    async with aclosing(filled.export(EVERY, 1)) as parts:
        async for part in parts:
            assert [task.number for task in part] == [1]
            break
    assert (await filled.add(NewTask(title="next"))).task.number == 7


UNREADABLE = {
    "sqlite": (
        "PRAGMA ignore_check_constraints=ON",
        "UPDATE task SET created_at = 'now' WHERE number = 3",
    ),
    "postgresql": (
        "ALTER TABLE todo.task DROP CONSTRAINT created_at_instant",
        "UPDATE todo.task SET created_at = '20000-01-01Z' WHERE number = 3",
    ),
}


async def test_a_task_that_cannot_be_read_is_named(
    store: Store, filled: TaskService
) -> None:
    await tamper(store, *UNREADABLE[store.kind])
    for most in (2, 1_000):
        with pytest.raises(SchemaMismatch, match="Task 3 of ada cannot be"):
            await exported(filled, most=most)


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_text_that_is_not_utf_8_is_shown_as_in_lists(
    store: Store, filled: TaskService
) -> None:
    """On a late page, too: there the file cannot be opened anew."""
    await tamper(
        store,
        "PRAGMA ignore_check_constraints=ON",
        "UPDATE task SET title = CAST(x'61ff' AS TEXT) WHERE number = 3",
    )
    found = await exported(filled, most=1)
    assert found[2].title == "a\\xff"
    listed = await filled.list(EVERY)
    assert sorted(listed.tasks, key=lambda task: task.number) == found
    assert await exported(filled) == found


async def tamper(store: Store, *statements: str) -> None:
    """Change a store by what its rules would refuse."""
    if store.kind == "postgresql":
        for statement in statements:
            await run_sql(store, statement)
        return
    with closing(sqlite3.connect(file_of(store))) as file, file:
        for statement in statements:
            file.execute(statement)


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
async def test_a_connection_that_is_lost_in_the_middle_ends_it(
    store: Store, filled: TaskService
) -> None:
    """What follows would be of another moment."""
    found: list[Task] = []

    async def interrupted() -> None:
        async with aclosing(filled.export(EVERY, 1)) as parts:
            async for part in parts:
                found.extend(part)
                await end_others(store)

    with pytest.raises(TodoError) as caught:
        await interrupted()
    assert caught.value.code is Code.DATABASE_UNAVAILABLE
    assert len(found) == 1
    assert len(await exported(filled)) == 5


async def end_others(store: Store) -> None:
    """Cut every other connection to a database."""
    async with connected(store) as connection:
        await connection.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


LOWEST = {"sqlite": -(2**63), "postgresql": -(2**31)}


async def test_a_number_below_all_others_is_not_passed_over(
    store: Store, filled: TaskService
) -> None:
    """Another program can store any number that the column holds."""
    lift = {
        "sqlite": "PRAGMA ignore_check_constraints=ON",
        "postgresql": "ALTER TABLE todo.task DROP CONSTRAINT number_counts",
    }
    table = "task" if store.kind == "sqlite" else "todo.task"
    lowest = LOWEST[store.kind]
    change = f"UPDATE {table} SET number = {lowest} WHERE number = 3"
    await tamper(store, lift[store.kind], change)
    for most in (1, 1_000):
        numbers = [task.number for task in await exported(filled, most=most)]
        assert numbers == [lowest, 1, 2, 4, 6]


@pytest.mark.spec("002/FR-236")
async def test_tasks_without_folded_texts_are_found_by_their_words(
    store: Store, tasks: TaskService
) -> None:
    for title in ("milk", "bread", "bread", "Milk"):
        await tasks.add(NewTask(title=title))
    await run_sql(store, "UPDATE todo.task SET title_folded = NULL")

    # The second part has none of them.
    found = await exported(tasks, TaskQuery(words=("MILK",)), most=2)
    several = await exported(tasks, TaskQuery(words=("MILK",)), most=1)

    assert [task.number for task in found] == [1, 4]
    assert [task.number for task in several] == [1, 4]
