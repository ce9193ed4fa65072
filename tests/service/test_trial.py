"""A dry run: the answer of the real thing, and nothing is changed."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Any

import pytest

from tests.service.backdoor import connected, file_of, what_exists
from tests.support.saved import Saved, put_back, save
from tests.support.stores import Clock, Store
from todo_cli.database.engine import Database, open_database
from todo_cli.errors import Code, TodoError
from todo_cli.service import TaskService
from todo_cli.task import NewTask, Replacement, TaskChange

Change = Callable[[TaskService], Awaitable[Any]]

CHANGES: dict[str, Change] = {
    "update": lambda tasks: tasks.update(
        [1, 2], TaskChange(title="x", tags=["b"], note="n")
    ),
    "update nothing": lambda tasks: tasks.update([1], TaskChange(title="a")),
    "replace": lambda tasks: tasks.replace(
        [1, 2], Replacement("a", "b"), TaskChange(priority="low")
    ),
    "complete": lambda tasks: tasks.complete([1, 2]),
    "reopen": lambda tasks: tasks.complete([4], undo=True),
    "delete": lambda tasks: tasks.delete([1, 2]),
    "delete a version": lambda tasks: tasks.delete([2], if_version=1),
    "restore": lambda tasks: tasks.restore([3]),
    "restore nothing": lambda tasks: tasks.restore([1]),
    "purge": lambda tasks: tasks.purge([1, 3, 4]),
    "undo": lambda tasks: tasks.undo(),
    "undo one": lambda tasks: tasks.undo(2),
    "redo": lambda tasks: tasks.redo(),
}
REFUSED: dict[str, tuple[Code, Change]] = {
    "update in the trash": (
        Code.NOT_FOUND,
        lambda tasks: tasks.update([1, 3], TaskChange(title="x")),
    ),
    "another version": (
        Code.CONFLICT,
        lambda tasks: tasks.complete([1], if_version=9),
    ),
    "purge one and none": (
        Code.NOT_FOUND,
        lambda tasks: tasks.purge([1, 99]),
    ),
    "no such operation": (Code.NOT_FOUND, lambda tasks: tasks.undo(99)),
    "an undo": (Code.INVALID_INPUT, lambda tasks: tasks.undo(5)),
}


async def dump(store: Store) -> Any:
    """Everything that is stored: the bytes of a file, or the rows of a server."""
    if store.kind == "sqlite":
        path = file_of(store)
        log = path.with_name(f"{path.name}-wal")
        assert not log.exists() or log.stat().st_size == 0
        return path.read_bytes()
    tables = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = to_regnamespace('todo')"
    async with connected(store) as connection:
        return {
            name: sorted(
                tuple(row)
                for row in await connection.fetch(
                    f"SELECT row::text, xmin FROM todo.{name} row"
                )
            )
            for (name,) in await connection.fetch(tables)
        }


async def content(store: Store) -> Any:
    """The rows of a store, whoever wrote them, without the index of words."""
    if store.kind == "sqlite":
        with closing(sqlite3.connect(file_of(store))) as file:
            return [row for row in file.iterdump() if "task_text" not in row]
    everything = await dump(store)
    return {
        name: [row for row, _ in rows] for name, rows in everything.items()
    }


async def fill(database: Database, clock: Clock) -> None:
    """Tasks 1 and 2 are open, 3 is in the trash, 4 is done; the undo can be redone."""
    tasks = TaskService(database, "ada", clock)
    await tasks.add_all([NewTask("a", tags=["x"])] * 4)
    await tasks.complete([4])
    await tasks.delete([3])
    await tasks.update([1], TaskChange(title="aa"))
    await tasks.undo()
    clock.tick()


async def answer(tasks: TaskService, change: Change) -> Any:
    """What a change gives; an error is its code and its message."""
    try:
        return await change(tasks)
    except TodoError as error:
        return error.code, error.message


@pytest.fixture(scope="module")
def kept() -> dict[str, Saved]:
    """What `filled` has, once it is made, by the kind of its store."""
    return {}


@pytest.fixture
async def filled(store: Store, clock: Clock, kept: dict[str, Saved]) -> Store:
    """A store with tasks, closed again."""
    if store.kind in kept:
        await put_back(store, kept[store.kind])
        clock.tick()
        return store
    async with open_database(store.target) as database:
        await fill(database, clock)
    kept[store.kind] = await save(store)
    return store


@pytest.mark.parametrize("name", CHANGES)
async def test_a_trial_answers_as_the_real_thing_and_changes_nothing(
    filled: Store, clock: Clock, name: str
) -> None:
    before = await dump(filled)

    async with open_database(filled.target) as database:
        trial = TaskService(database, "ada", clock, is_trial=True)
        tried = await answer(trial, CHANGES[name])
        again = await answer(trial, CHANGES[name])
    assert await dump(filled) == before

    rows = await content(filled)
    async with open_database(filled.target) as database:
        tasks = TaskService(database, "ada", clock)
        real = await answer(tasks, CHANGES[name])
    assert tried == again == real
    changes_something = "nothing" not in name
    assert (await content(filled) != rows) == changes_something


@pytest.mark.parametrize("name", REFUSED)
async def test_a_trial_is_refused_as_the_real_thing(
    filled: Store, clock: Clock, name: str
) -> None:
    code, change = REFUSED[name]
    before = await dump(filled)

    async with open_database(filled.target) as database:
        trial = TaskService(database, "ada", clock, is_trial=True)
        tried = await answer(trial, change)
    assert await dump(filled) == before

    async with open_database(filled.target) as database:
        real = await answer(TaskService(database, "ada", clock), change)
    assert tried == real
    assert tried[0] is code


async def test_a_trial_locks_nothing_that_outlasts_it(
    database: Database, clock: Clock
) -> None:
    await fill(database, clock)
    trial = TaskService(database, "ada", clock, is_trial=True)
    tasks = TaskService(database, "ada", clock)

    for change in CHANGES.values():
        await answer(trial, change)
        await tasks.update([1], TaskChange(note="n"))

    page = await tasks.history(limit=None)
    numbers = [each.operation for each in page.operations]
    assert numbers == list(range(5 + len(CHANGES), 0, -1))


@pytest.mark.nothing_made
@pytest.mark.parametrize("name", CHANGES)
async def test_a_trial_makes_no_store(
    store: Store, clock: Clock, name: str
) -> None:
    before = await what_exists(store)

    async with open_database(store.target) as database:
        trial = TaskService(database, "ada", clock, is_trial=True)
        code, _ = await answer(trial, CHANGES[name])

    assert code is Code.NOT_FOUND
    assert await what_exists(store) == before


READS: dict[str, Change] = {
    "list": lambda tasks: tasks.list(),
    "find": lambda tasks: tasks.find([1, 3]),
    "history": lambda tasks: tasks.history(),
    "history of one": lambda tasks: tasks.history(1),
    "trash": lambda tasks: tasks.trash(),
    "stats": lambda tasks: tasks.stats(),
}


@pytest.mark.parametrize("name", READS)
async def test_who_reads_writes_nothing(
    filled: Store, clock: Clock, name: str
) -> None:
    before = await dump(filled)

    async with open_database(filled.target) as database:
        assert await READS[name](TaskService(database, "ada", clock))

    assert await dump(filled) == before
