"""Undo and redo of an operation with more tasks than a file sets back at once."""

import pytest

from tests.service.backdoor import fetch_all
from tests.support.stores import Store
from todo_cli.database import operations
from todo_cli.errors import Conflict
from todo_cli.service import TaskService
from todo_cli.task import NewTask, TaskChange, TaskQuery, TaskStatus

TITLES = ["a", "b", "c", "d", "e"]


@pytest.fixture
async def five(
    tasks: TaskService, monkeypatch: pytest.MonkeyPatch
) -> TaskService:
    """The tasks 1 to 5 of one operation, of which two are set back at once."""
    monkeypatch.setattr(operations, "_BATCH", 2)
    given = [NewTask(title=each, tags=["x", each]) for each in TITLES]
    await tasks.add_all(given)
    return tasks


async def rows(store: Store) -> list[tuple[object, ...]]:
    """Every task, tag and operation, and what operations did."""
    found: list[tuple[object, ...]] = []
    for name in ("task", "tag", "operation", "change"):
        found += sorted(
            await fetch_all(store, f"SELECT * FROM todo.{name}"), key=repr
        )
    return found


@pytest.mark.spec("002/FR-222", "002/FR-223")
async def test_all_parts_of_an_operation_are_taken_back_and_done_again(
    store: Store, five: TaskService
) -> None:
    query = TaskQuery(TaskStatus.ALL)
    before = (await five.list(query)).tasks

    undone = await five.undo()

    assert [task.number for task in undone.tasks] == [1, 2, 3, 4, 5]
    assert all(task.deleted_at for task in undone.tasks)
    assert (await five.list(query)).tasks == []
    redone = await five.redo()
    assert [task.title for task in redone.tasks] == TITLES
    after = (await five.list(query)).tasks
    assert [(task.id, task.tags) for task in after] == [
        (task.id, task.tags) for task in before
    ]
    history = (await five.history()).operations
    assert [
        (each.command, [entry.number for entry in each.tasks])
        for each in history
    ] == [
        ("redo", [1, 2, 3, 4, 5]),
        ("undo", [1, 2, 3, 4, 5]),
        ("add", [1, 2, 3, 4, 5]),
    ]
    assert await fetch_all(store, "SELECT count(*) FROM todo.tag") == [(10,)]


@pytest.mark.spec("002/FR-222")
@pytest.mark.parametrize("changed", TITLES)
async def test_a_conflict_in_any_part_leaves_all_of_them(
    store: Store, five: TaskService, changed: str
) -> None:
    number = TITLES.index(changed) + 1
    await five.update([number], TaskChange(title="other"))
    before = await rows(store)

    with pytest.raises(Conflict, match=rf"\b{number}\b"):
        await five.undo(1)

    assert await rows(store) == before


@pytest.mark.spec("002/FR-222")
async def test_purged_tasks_are_passed_over_in_every_part(
    five: TaskService,
) -> None:
    await five.purge([5, 1, 2])

    undone = await five.undo(1)

    assert undone.purged == (1, 2, 5)
    assert [task.number for task in undone.tasks] == [3, 4]


@pytest.mark.spec("002/FR-222")
async def test_an_operation_whose_parts_are_all_purged_is_not_taken_back(
    store: Store, five: TaskService
) -> None:
    await five.purge([4, 5, 1, 2, 3])
    before = await rows(store)

    with pytest.raises(Conflict):
        await five.undo(1)

    assert await rows(store) == before
