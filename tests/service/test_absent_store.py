"""A store that is not there: only adding makes it, and says so; somebody else's is left alone."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest

from tests.service.backdoor import fetch_all, run_sql, what_exists
from tests.support.postgres import PostgresServer
from tests.support.stores import Clock, Store
from todo_cli.database.engine import Database, open_database
from todo_cli.errors import NotFound, SchemaMismatch
from todo_cli.service import TaskService
from todo_cli.task import (
    Counts,
    HistoryPage,
    NewTask,
    Replacement,
    TaskChange,
    TaskPage,
    TaskQuery,
    TaskStatus,
)

pytestmark = pytest.mark.nothing_made

Use = Callable[[TaskService], Awaitable[object]]

LOOKING_FOR_A_TASK: dict[str, Use] = {
    "get by number": lambda tasks: tasks.get(1),
    "get by id": lambda tasks: tasks.get(uuid4()),
    "find": lambda tasks: tasks.find([1]),
    "find a range": lambda tasks: tasks.find([range(1, 10)]),
    "update": lambda tasks: tasks.update([1], TaskChange(title="a")),
    "update several": lambda tasks: tasks.update(
        [1, range(2, 4)], TaskChange(add_tags=["a"])
    ),
    "complete": lambda tasks: tasks.complete([1, uuid4()]),
    "reopen": lambda tasks: tasks.complete([1], undo=True),
    "delete": lambda tasks: tasks.delete([1, range(2, 4)]),
    "restore": lambda tasks: tasks.restore([1, range(2, 4)]),
    "purge": lambda tasks: tasks.purge([1, range(2, 4)]),
    "replace": lambda tasks: tasks.replace(
        [1], Replacement("a", "b"), TaskChange()
    ),
    "undo": lambda tasks: tasks.undo(),
    "undo of one": lambda tasks: tasks.undo(1),
    "redo": lambda tasks: tasks.redo(),
    "history of one": lambda tasks: tasks.history(1),
    "history of an id": lambda tasks: tasks.history(uuid4()),
}
EVERY_CALL: dict[str, Use] = {
    **LOOKING_FOR_A_TASK,
    "list": lambda tasks: tasks.list(),
    "trash": lambda tasks: tasks.trash(),
    "history": lambda tasks: tasks.history(),
    "stats": lambda tasks: tasks.stats(),
    "add": lambda tasks: tasks.add(NewTask(title="a")),
    "add with an id": lambda tasks: tasks.add(NewTask(title="a", id=uuid4())),
    "add_all": lambda tasks: tasks.add_all(
        [NewTask(title="a"), NewTask(title="b", id=uuid4())]
    ),
}
ADDING: dict[str, Use] = {
    name: call for name, call in EVERY_CALL.items() if name.startswith("add")
}


def empty_page(query: TaskQuery) -> TaskPage:
    """A list without any task, on the day of the test's clock."""
    return TaskPage([], Counts(), query, date(2026, 1, 2))


@pytest.mark.spec("001/FR-036")
async def test_an_absent_store_holds_no_task_and_stays_absent(
    store: Store, database: Database, tasks: TaskService
) -> None:
    before = await what_exists(store)

    for query in [
        TaskQuery(status, limit=limit)
        for status in TaskStatus
        for limit in (None, 9)
    ]:
        assert await tasks.list(query) == empty_page(query)
    assert await tasks.trash() == []
    assert await tasks.history() == HistoryPage([])
    for use in LOOKING_FOR_A_TASK.values():
        with pytest.raises(NotFound):
            await use(tasks)

    assert (database.created, await what_exists(store)) == (False, before)
    assert (await tasks.add(NewTask(title="a"))).task.number == 1


@pytest.mark.spec("001/FR-036")
@pytest.mark.parametrize("use", ADDING.values(), ids=ADDING.keys())
async def test_adding_makes_the_store_and_says_so(
    store: Store, database: Database, tasks: TaskService, use: Use
) -> None:
    assert database.created is False

    await use(tasks)

    assert database.created is True
    assert (await tasks.get(1)).title == "a"


@pytest.mark.spec("001/FR-036")
async def test_adding_to_a_store_that_is_there_does_not_claim_to_make_it(
    store: Store, tasks: TaskService, clock: Clock
) -> None:
    await tasks.add(NewTask(title="a"))

    async with open_database(store.target, timeout_s=15.0) as again:
        bob = TaskService(again, "bob", clock)
        await bob.add(NewTask(title="b"))
        await bob.add_all([NewTask(title="c")])

        assert again.created is False


@pytest.mark.spec("001/FR-036")
async def test_a_user_without_tasks_finds_nothing_in_a_store_that_is_there(
    store: Store, tasks: TaskService, service: Callable[[str], TaskService]
) -> None:
    await tasks.add(NewTask(title="a"))

    for use in LOOKING_FOR_A_TASK.values():
        with pytest.raises(NotFound):
            await use(service("bob"))

    assert await fetch_all(
        store, "SELECT user_id, last FROM todo.counter"
    ) == [("ada", 1)]


FOREIGN = {
    "a schema with other tables": [
        "CREATE SCHEMA todo",
        "CREATE TABLE todo.item (id int)",
    ],
    "a schema with a table of our name": [
        "CREATE SCHEMA todo",
        "CREATE TABLE todo.task (id int, name text)",
    ],
    "tables of our names": [
        "CREATE SCHEMA todo",
        "CREATE TABLE todo.task (id int)",
        "CREATE TABLE todo.counter (value int)",
        "INSERT INTO todo.counter VALUES (1)",
    ],
}


@pytest.mark.spec("001/FR-039")
@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
@pytest.mark.parametrize("statements", FOREIGN.values(), ids=FOREIGN.keys())
async def test_a_schema_of_our_name_that_is_somebody_elses_is_left_alone(
    store: Store, database: Database, tasks: TaskService, statements: list[str]
) -> None:
    for statement in statements:
        await run_sql(store, statement)
    before = await what_exists(store)

    for call in (
        *("list", "get by number", "complete", "purge", "add", "add_all"),
        *("undo", "undo of one", "redo", "history", "history of one"),
    ):
        with pytest.raises(SchemaMismatch):
            await EVERY_CALL[call](tasks)

    assert (database.created, await what_exists(store)) == (False, before)


@pytest.mark.spec("001/FR-039")
async def test_postgresql_is_touched_in_our_schema_alone(
    postgres: PostgresServer, empty_database: str
) -> None:
    store = Store("postgresql", postgres.url(empty_database))
    await run_sql(store, "CREATE TABLE public.task (id int)")
    await run_sql(
        store, "CREATE TABLE public.alembic_version (version_num text)"
    )
    outside = """
        SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname NOT IN ('todo', 'pg_catalog', 'information_schema', 'pg_toast') ORDER BY 1, 2
    """
    before = await fetch_all(store, outside)

    async with open_database(store.target, timeout_s=15.0) as database:
        tasks = TaskService(
            database, "ada", lambda: datetime(2026, 1, 2, tzinfo=UTC)
        )
        await tasks.add(NewTask(title="a", tags=["b"]))
        await tasks.delete([1])
        await tasks.undo()
        await tasks.redo()
        await tasks.purge([1])

    assert await fetch_all(store, outside) == before
    assert await fetch_all(
        store,
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'todo'::regnamespace ORDER BY 1",
    ) == [
        ("alembic_version",),
        ("change",),
        ("counter",),
        ("operation",),
        ("tag",),
        ("task",),
        ("token",),
    ]
