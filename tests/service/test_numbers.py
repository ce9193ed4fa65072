"""Numbers at their ends: those that no task can have, and the last ones that are left."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Final

import pytest

from tests.service.backdoor import fetch_all, file_of, run_sql
from tests.support.stores import Clock, Store
from todo_cli.database.engine import open_database
from todo_cli.errors import Conflict, InvalidInput, NotFound
from todo_cli.service import TaskService
from todo_cli.task import (
    NewTask,
    Position,
    Reference,
    Sort,
    TaskChange,
    TaskQuery,
    TaskStatus,
)

LAST: Final = 2**31 - 1
NO_NUMBERS: Final[list[int]] = [
    *(0, -1, -(2**31) - 1, -(2**63) - 1),
    *(LAST, LAST + 1, 10**9, 10**10, 2**63 - 1, 2**63, 10**30),
]
"""Numbers of no task here: some that one could have, and some that no column holds."""
NO_RANGES: Final[list[range]] = [
    *(range(LAST, LAST + 1), range(LAST - 5, LAST + 5)),
    *(range(LAST + 1, LAST + 9), range(2**63 - 5, 2**63 + 5)),
    *(range(10**30, 10**30 + 2), range(-9, 1), range(5, 3)),
]
Use = Callable[[TaskService, list[Reference]], Awaitable[object]]
USES: Final[dict[str, Use]] = {
    "get": lambda tasks, references: tasks.find(references),
    "complete": lambda tasks, references: tasks.complete(references),
    "delete": lambda tasks, references: tasks.delete(references),
}


async def rows(store: Store) -> list[tuple[object, ...]]:
    """Every task and every counter, as they are stored."""
    return [
        *await fetch_all(store, "SELECT * FROM todo.task ORDER BY id"),
        *await fetch_all(store, "SELECT * FROM todo.counter ORDER BY user_id"),
    ]


@pytest.mark.spec("001/FR-023", "001/FR-025", "001/FR-038")
@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
async def test_a_number_that_no_task_can_have_is_not_found(
    tasks: TaskService, store: Store, use: Use
) -> None:
    """pgadmin-org/pgadmin4#1794: `value out of int32 range`."""
    await tasks.add_all([NewTask(title="a"), NewTask(title="b")])
    before = await rows(store)

    missing: list[Reference] = [*NO_NUMBERS, *NO_RANGES]
    for each in missing:
        several: list[list[Reference]] = [
            [each],
            [1, each],
            [each, 2],
            [each] * 2,
        ]
        for references in several:
            with pytest.raises(NotFound):
                await use(tasks, references)
    for number in NO_NUMBERS:
        with pytest.raises(NotFound, match=f"No task {number} for ada"):
            await tasks.get(number)
        with pytest.raises(NotFound):
            await tasks.update([number], TaskChange(title="c"))

    assert await rows(store) == before


@pytest.mark.spec("001/FR-025")
async def test_a_range_may_reach_beyond_the_last_number(
    tasks: TaskService, store: Store
) -> None:
    await tasks.add(NewTask(title="a"))
    await run_sql(store, f"UPDATE todo.counter SET last = {LAST - 1}")
    last = (await tasks.add(NewTask(title="z"))).task

    assert last.number == LAST
    for stop in (LAST + 1, LAST + 2, LAST + 900):
        assert await tasks.find([range(LAST - 9, stop)]) == [last]
    [done] = await tasks.complete([range(LAST, LAST + 2)])
    assert done.completed
    assert (await tasks.get(LAST)).completed
    await tasks.delete([range(LAST, LAST + 1)])
    assert [task.number for task in (await tasks.list()).tasks] == [1]


@pytest.mark.spec("001/FR-003", "001/FR-038")
async def test_the_last_number_may_be_that_of_a_task_whose_counter_is_behind(
    tasks: TaskService, store: Store
) -> None:
    await tasks.add(NewTask(title="a"))
    await run_sql(store, f"UPDATE todo.task SET number = {LAST}")
    before = await rows(store)

    for adding in (
        tasks.add(NewTask(title="b")),
        tasks.add_all([NewTask(title="b")]),
    ):
        with pytest.raises(Conflict, match="No number is left for ada"):
            await adding
    assert await rows(store) == before


@pytest.mark.spec("001/FR-003", "001/FR-038")
@pytest.mark.parametrize("left", [0, 1, 2])
async def test_when_no_number_is_left_adding_is_a_conflict(
    tasks: TaskService,
    service: Callable[[str], TaskService],
    store: Store,
    left: int,
) -> None:
    first = (await tasks.add(NewTask(title="a"))).task
    await run_sql(store, f"UPDATE todo.counter SET last = {LAST - left}")
    before = await rows(store)

    with pytest.raises(Conflict, match="No number is left for ada"):
        await tasks.add_all([NewTask(title="b")] * (left + 1))
    # All or nothing.
    assert await rows(store) == before
    for number in range(LAST - left + 1, LAST + 1):
        assert (await tasks.add(NewTask(title="c"))).task.number == number
    full = await rows(store)
    for _ in range(2):
        with pytest.raises(Conflict, match="No number is left for ada"):
            await tasks.add(NewTask(title="d"))
    assert await rows(store) == full
    # What needs no number still works.
    again = await tasks.add(NewTask(title="a", id=first.id))
    assert (again.is_new, again.task.number) == (False, 1)
    assert (await service("bob").add(NewTask(title="e"))).task.number == 1


def past_checks(store: Store, sql: str) -> None:
    """Run a statement on a file as if it lacked our CHECKs."""
    with closing(sqlite3.connect(file_of(store))) as file, file:
        file.execute("PRAGMA ignore_check_constraints = ON")
        file.execute(sql)


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
@pytest.mark.parametrize("last", [LAST + 1, 2**53 + 1, 2**63 - 2, 2**63 - 1])
async def test_numbers_that_only_a_file_can_hold_are_read_and_not_counted_on(
    tasks: TaskService, store: Store, last: int
) -> None:
    """A number that another program stored: the task can be named and changed, and
    the history has it.
    """
    await tasks.add_all([NewTask(title="a"), NewTask(title="b")])
    past_checks(store, f"UPDATE task SET number = {last} WHERE number = 2")

    for stored in ("", f"UPDATE counter SET last = {last}"):
        past_checks(store, stored)
        with pytest.raises(Conflict, match="No number is left for ada"):
            await tasks.add(NewTask(title="c"))
    assert (await tasks.get(last)).title == "b"
    await tasks.update([last], TaskChange(title="d"))
    page = await tasks.list(TaskQuery(TaskStatus.ALL, limit=1))
    assert page.next == Position(page.tasks[0].created_at, last)
    rest = await tasks.list(TaskQuery(TaskStatus.ALL, after=page.next))
    assert [task.number for task in rest.tasks] == [1]
    await tasks.complete([last])
    [deleted] = await tasks.delete([range(last - 3, last + 1)])
    assert (deleted.title, deleted.completed) == ("d", True)
    undone = [await tasks.undo() for _ in range(3)]
    assert [each.tasks[0].number for each in undone] == [last] * 3
    assert (await tasks.get(last)).title == "b"
    history = await tasks.history(last, limit=1)
    assert (history.operations[0].command, history.next) == ("undo", 7)
    [gone] = await tasks.purge([range(last - 3, last + 1)])
    assert gone.title == "b"


@pytest.mark.spec("001/FR-020", "001/FR-038")
async def test_a_limit_is_a_number_from_1_on(tasks: TaskService) -> None:
    await tasks.add_all([NewTask(title="a"), NewTask(title="b")])

    for limit in (0, -1, -(2**70)):
        with pytest.raises(InvalidInput, match="limit: must be at least 1"):
            await tasks.list(TaskQuery(limit=limit))
    for limit in (2, LAST - 1, LAST, LAST + 1, 2**63 - 1, 2**63, 2**70):
        page = await tasks.list(TaskQuery(limit=limit))
        assert ([task.number for task in page.tasks], page.next) == (
            [2, 1],
            None,
        )


@pytest.mark.spec("001/FR-020", "001/FR-038")
async def test_a_list_goes_on_after_any_number(tasks: TaskService) -> None:
    await tasks.add_all([NewTask(title="a"), NewTask(title="b")])
    now = (await tasks.get(1)).created_at

    follow = {
        (2,): [1],
        (LAST, LAST + 1, 2**63 - 1, 2**63, 10**30): [2, 1],
        (0, -1, -(2**31) - 1, -(2**63) - 1): [],
    }
    for numbers, expected in follow.items():
        for number in numbers:
            for status in (TaskStatus.ALL, TaskStatus.OPEN):
                query = TaskQuery(
                    status, sort=Sort.NEWEST, after=Position(now, number)
                )
                page = await tasks.list(query)
                assert [task.number for task in page.tasks] == expected
    for time in (
        datetime.min.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
    ):
        query = TaskQuery(sort=Sort.NEWEST, after=Position(time, 1))
        page = await tasks.list(query)
        assert len(page.tasks) == (2 if time > now else 0)


@pytest.mark.spec("001/FR-003")
async def test_a_file_without_our_checks_counts_no_further_than_a_server(
    sqlite_store: Store, clock: Clock
) -> None:
    async with open_database(sqlite_store.target) as database:
        await database.upgrade()
    for statement in (
        "DROP TABLE todo.counter",
        "CREATE TABLE todo.counter"
        " (user_id TEXT PRIMARY KEY, last INTEGER, operations INTEGER)",
        f"INSERT INTO todo.counter VALUES ('ada', {LAST}, 0)",
    ):
        await run_sql(sqlite_store, statement)

    async with open_database(sqlite_store.target) as database:
        tasks = TaskService(database, "ada", clock)
        with pytest.raises(Conflict, match="No number is left for ada"):
            await tasks.add(NewTask(title="one too many"))
        assert (await tasks.list()).tasks == []
