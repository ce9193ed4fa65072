"""Updating, completing, undoing and deleting: what changes, and what must not."""

from dataclasses import replace
from typing import Any

import pytest

from tests.service.backdoor import run_sql
from tests.support.stores import Clock, Store
from todo_cli.database.run import OF_A_RULE
from todo_cli.errors import (
    Code,
    Conflict,
    DatabaseBusy,
    InvalidInput,
    NotFound,
    PartlyDone,
)
from todo_cli.service import TaskService
from todo_cli.task import (
    NewTask,
    Reference,
    Task,
    TaskChange,
    TaskQuery,
    TaskStatus,
)


async def update(
    tasks: TaskService, reference: Reference, change: TaskChange
) -> Task:
    """Change one task."""
    [task] = await tasks.update([reference], change)
    return task


@pytest.fixture
async def milk(tasks: TaskService, clock: Clock) -> Task:
    """One open task with a description, a minute old."""
    task = (await tasks.add(NewTask(title="Buy milk", description="2 l"))).task
    clock.tick(60)
    return task


@pytest.fixture
async def done(tasks: TaskService, milk: Task, clock: Clock) -> Task:
    """The same task, done a minute ago."""
    [task] = await tasks.complete([milk.number])
    clock.tick(60)
    return task


@pytest.mark.spec("001/FR-026", "001/FR-027")
@pytest.mark.parametrize(
    "changes",
    [
        {"title": "Buy bread"},
        {"description": "a large one"},
        {"description": None},
        {"title": "Buy milk", "description": "3 l"},
        {"title": "buy milk", "description": "2 l"},
    ],
)
async def test_update_changes_the_named_fields_alone(
    tasks: TaskService, milk: Task, clock: Clock, changes: dict[str, Any]
) -> None:
    updated = await update(tasks, 1, TaskChange(**changes))

    assert updated == replace(milk, **changes, updated_at=clock.now, version=2)
    assert await tasks.get(1) == updated


@pytest.mark.spec("001/FR-026")
async def test_update_takes_an_id_and_changes_no_other_task(
    tasks: TaskService, milk: Task, clock: Clock
) -> None:
    other = (await tasks.add(NewTask(title="other"))).task
    changes: dict[str, Any] = {
        "title": "changed",
        "description": None,
        "completed": True,
    }

    updated = await update(tasks, milk.id, TaskChange(**changes))

    assert updated == replace(
        milk,
        **changes,
        completed_at=clock.now,
        updated_at=clock.now,
        version=2,
    )
    assert await tasks.get(other.number) == other


@pytest.mark.spec("001/FR-027")
async def test_update_to_what_is_there_moves_no_time(
    tasks: TaskService, milk: Task, clock: Clock
) -> None:
    same: dict[str, Any] = {"title": "  Buy milk ", "description": "2 l"}

    for changes in ({"title": "Buy milk"}, {"description": "2 l"}, same):
        assert await update(tasks, 1, TaskChange(**changes)) == milk
    assert await update(tasks, 1, TaskChange(completed=False, **same)) == milk
    [done] = await tasks.complete([1])
    clock.tick()
    assert await update(tasks, 1, TaskChange(completed=True, **same)) == done

    assert await tasks.get(1) == done


@pytest.mark.spec("001/FR-006", "001/FR-026", "001/FR-027")
@pytest.mark.parametrize("nothing", [None, ""])
async def test_update_clears_a_description_once_and_gives_one(
    tasks: TaskService, milk: Task, clock: Clock, nothing: str | None
) -> None:
    cleared = await update(tasks, 1, TaskChange(description=nothing))
    then = clock.now
    clock.tick()
    again = await update(tasks, 1, TaskChange(description=nothing))
    given = await update(tasks, 1, TaskChange(description="b"))

    assert cleared == replace(
        milk, description=None, updated_at=then, version=2
    )
    assert again == cleared
    assert given == replace(
        milk, description="b", updated_at=clock.now, version=3
    )


@pytest.mark.spec("001/FR-010", "001/FR-028")
async def test_update_completes_and_undoes(
    tasks: TaskService, milk: Task, clock: Clock
) -> None:
    done = await update(tasks, 1, TaskChange(completed=True))
    done_at = clock.now
    clock.tick()
    undone = await update(tasks, 1, TaskChange(completed=False))

    assert done == replace(
        milk,
        completed=True,
        completed_at=done_at,
        updated_at=done_at,
        version=2,
    )
    assert undone == replace(milk, updated_at=clock.now, version=3)


@pytest.mark.spec("001/FR-026", "001/FR-028")
async def test_update_of_another_field_keeps_the_time_of_what_is_done(
    tasks: TaskService, done: Task, clock: Clock
) -> None:
    renamed = await update(
        tasks, 1, TaskChange(title="Buy bread", completed=True)
    )
    cleared = await update(tasks, 1, TaskChange(description=None))

    assert renamed == replace(
        done, title="Buy bread", updated_at=clock.now, version=3
    )
    assert cleared == replace(renamed, description=None, version=4)


@pytest.mark.spec("001/FR-023", "001/FR-026")
async def test_update_refuses_what_names_nothing_or_clears_what_must_be_there(
    tasks: TaskService, milk: Task
) -> None:
    unset: Any = None
    refused = {
        "title": TaskChange(title=unset, description="x"),
        "completed": TaskChange(completed=unset),
        "tags": TaskChange(tags=unset),
        "add_tags": TaskChange(add_tags=unset),
        "remove_tags": TaskChange(remove_tags=unset, priority="low"),
        "note": TaskChange(note=unset),
    }

    with pytest.raises(InvalidInput, match=r"^Nothing to change is named$"):
        await update(tasks, 1, TaskChange())
    for field, change in refused.items():
        with pytest.raises(
            InvalidInput, match=f"^{field}: cannot be empty$"
        ) as error:
            await update(tasks, 1, change)
        assert error.value.details == (
            {"field": field, "message": "cannot be empty"},
        )
    with pytest.raises(NotFound, match="2"):
        await update(tasks, 2, TaskChange(title="b"))

    assert (await tasks.list(TaskQuery(TaskStatus.ALL))).tasks == [milk]


@pytest.mark.spec("001/FR-010", "001/FR-027", "001/FR-028")
async def test_complete_stamps_the_time_once(
    tasks: TaskService, milk: Task, clock: Clock
) -> None:
    [done] = await tasks.complete([1])
    then = clock.now
    clock.tick()

    assert done == replace(
        milk, completed=True, completed_at=then, updated_at=then, version=2
    )
    assert await tasks.complete([1]) == [done]
    assert await tasks.get(1) == done


@pytest.mark.spec("001/FR-027", "001/FR-028")
async def test_undo_makes_open_again_once(
    tasks: TaskService, done: Task, milk: Task, clock: Clock
) -> None:
    [undone] = await tasks.complete([1], undo=True)
    then = clock.now
    clock.tick()
    again = await tasks.complete([1], undo=True)
    clock.tick()
    [redone] = await tasks.complete([1])

    assert undone == replace(milk, updated_at=then, version=3)
    assert again == [undone]
    assert redone == replace(
        done, completed_at=clock.now, updated_at=clock.now, version=4
    )


@pytest.mark.spec("001/FR-027", "001/FR-028")
@pytest.mark.parametrize("undo", [False, True])
async def test_complete_of_several_moves_the_times_of_those_that_change(
    tasks: TaskService, clock: Clock, undo: bool
) -> None:
    await tasks.add_all([NewTask(title=f"task {n}") for n in range(1, 6)])
    await tasks.complete([2, 4])
    before = {
        task.number: task
        for task in (await tasks.list(TaskQuery(TaskStatus.ALL))).tasks
    }
    clock.tick()

    after = await tasks.complete([range(1, 6)], undo=undo)

    moved = [task.number for task in after if task != before[task.number]]
    assert moved == ([2, 4] if undo else [1, 3, 5])
    assert {task.updated_at for task in after if task.number in moved} == {
        clock.now
    }
    assert {task.completed for task in after} == {not undo}
    assert after == sorted(
        (await tasks.list(TaskQuery(TaskStatus.ALL))).tasks,
        key=lambda task: task.number,
    )


@pytest.mark.spec("001/FR-029")
async def test_delete_moves_the_task_to_the_trash(
    tasks: TaskService, done: Task, clock: Clock
) -> None:
    moved = replace(
        done, deleted_at=clock.now, updated_at=clock.now, version=3
    )

    assert await tasks.delete([1]) == [moved]

    for reference in (1, done.id):
        with pytest.raises(NotFound) as error:
            await tasks.delete([reference])
        assert (
            error.value.hint == "in the trash; `todo restore 1` takes it out"
        )
        assert await tasks.get(reference) == moved
    page = await tasks.list(TaskQuery(TaskStatus.ALL))
    assert (page.tasks, page.counts.open, page.counts.done) == ([], 0, 0)


@pytest.mark.spec("001/FR-029")
async def test_restore_brings_the_task_back_once(
    tasks: TaskService, done: Task, clock: Clock
) -> None:
    await tasks.delete([1])
    clock.tick()
    back = replace(done, updated_at=clock.now, version=4)

    assert await tasks.restore([1]) == [back]

    clock.tick()
    assert await tasks.restore([done.id]) == [back]
    assert await tasks.get(1) == back


@pytest.mark.spec("001/FR-029")
@pytest.mark.parametrize("is_trash", [False, True])
async def test_purge_gives_the_task_back_as_it_was_and_it_is_gone(
    tasks: TaskService, done: Task, is_trash: bool
) -> None:
    last = done
    if is_trash:
        [last] = await tasks.delete([1])

    assert await tasks.purge([1]) == [last]

    for reference in (1, done.id):
        with pytest.raises(NotFound):
            await tasks.purge([reference])
        with pytest.raises(NotFound) as error:
            await tasks.restore([reference])
        hint = "`todo list --status trash` shows what is in the trash"
        assert error.value.hint == hint
        with pytest.raises(NotFound) as error:
            await tasks.get(reference)
        assert error.value.hint == "`todo list --status all` shows your tasks"
    page = await tasks.list(TaskQuery(TaskStatus.ALL))
    assert (page.tasks, page.counts.open, page.counts.done) == ([], 0, 0)


@pytest.mark.spec("001/FR-029")
@pytest.mark.parametrize("use", ["delete", "purge"])
async def test_delete_of_several_leaves_the_others(
    tasks: TaskService, use: str
) -> None:
    added = [
        each.task
        for each in await tasks.add_all(
            [NewTask(title=f"task {n}") for n in range(1, 7)]
        )
    ]

    named: list[Reference] = [5, range(1, 3), added[5].id]
    if use == "purge":
        gone = await tasks.purge(named)
    else:
        moved = await tasks.delete(named)
        assert all(task.deleted_at for task in moved)
        gone = [replace(task, deleted_at=None, version=1) for task in moved]

    assert gone == [added[4], added[0], added[1], added[5]]
    assert (await tasks.list()).tasks == [added[3], added[2]]


async def test_changing_no_task_changes_nothing(
    tasks: TaskService, milk: Task
) -> None:
    assert await tasks.complete([]) == []
    assert await tasks.update([], TaskChange(title="x")) == []
    assert await tasks.delete([]) == []
    assert await tasks.restore([]) == []
    assert await tasks.purge([]) == []
    assert await tasks.get(milk.number) == milk


@pytest.mark.spec("001/FR-024")
async def test_changing_a_thousand_at_once_is_one_call(
    tasks: TaskService,
) -> None:
    await tasks.add_all([NewTask(title="a")] * 1100)

    done = await tasks.complete([range(1, 1001)])
    opened = await tasks.complete(list(range(1000, 0, -1)), undo=True)
    moved = await tasks.delete([range(1, 1001)])
    gone = await tasks.purge([range(1, 1001)])

    assert [task.number for task in done] == list(range(1, 1001))
    assert [task.number for task in opened] == list(range(1000, 0, -1))
    assert [task.number for task in moved] == list(range(1, 1001))
    assert gone == moved
    page = await tasks.list()
    assert (len(page.tasks), page.counts.open) == (100, 100)


# A store that leaves a row out of so many changes, as if the task had been away each
# time and back a moment later.
SKIPPING = {
    "sqlite": (
        "CREATE TRIGGER skip BEFORE {change} ON task WHEN (SELECT n FROM skips) > 0"
        " BEGIN UPDATE skips SET n = n - 1; SELECT RAISE(IGNORE); END",
    ),
    "postgresql": (
        "CREATE FUNCTION todo.skip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF (SELECT n FROM todo.skips) > 0 THEN UPDATE todo.skips SET n = n - 1; RETURN NULL; END IF;"
        " RETURN coalesce(NEW, OLD); END $$",
        "CREATE TRIGGER skip BEFORE {change} ON todo.task FOR EACH ROW EXECUTE FUNCTION todo.skip()",
    ),
}
# Beside SKIPPING, and first by name: each delete that is skipped renames the task.
RENAMING = {
    "sqlite": (
        "CREATE TRIGGER renaming BEFORE DELETE ON task WHEN (SELECT n FROM skips) > 0"
        " BEGIN UPDATE task SET title = title || '!'; END",
    ),
    "postgresql": (
        "CREATE FUNCTION todo.rename() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " UPDATE todo.task SET title = title || '!'; RETURN OLD; END $$",
        "CREATE TRIGGER renaming BEFORE DELETE ON todo.task FOR EACH ROW EXECUTE FUNCTION todo.rename()",
    ),
}


async def skip_changes(store: Store, change: str, times: int) -> None:
    """Let the store leave rows out of the next changes."""
    for sql in (
        "CREATE TABLE todo.skips (n integer)",
        f"INSERT INTO todo.skips VALUES ({times})",
    ):
        await run_sql(store, sql)
    for sql in SKIPPING[store.kind]:
        await run_sql(store, sql.format(change=change))


@pytest.mark.spec("002/FR-037")
@pytest.mark.parametrize("change", ["UPDATE", "DELETE"])
async def test_a_change_that_the_store_skips_is_tried_three_times(
    store: Store, tasks: TaskService, milk: Task, change: str
) -> None:
    use = {"UPDATE": tasks.complete, "DELETE": tasks.purge}[change]

    await skip_changes(store, change, 3)
    with pytest.raises(
        Conflict,
        match=r"^The database keeps what is stored; nothing was changed$",
    ) as error:
        await use([1])
    untouched = await tasks.get(1)
    await run_sql(store, "UPDATE todo.skips SET n = 2")
    changed = await use([1])

    assert error.value.hint == OF_A_RULE
    assert (untouched, [task.id for task in changed]) == (milk, [milk.id])


async def test_tasks_that_change_between_the_tries_are_busy(
    store: Store, tasks: TaskService, milk: Task
) -> None:
    """Each skipped delete changes the task, as other programs might."""
    await skip_changes(store, "DELETE", 3)
    for sql in RENAMING[store.kind]:
        await run_sql(store, sql)

    with pytest.raises(
        DatabaseBusy, match=r"^The tasks keep changing$"
    ) as error:
        await tasks.purge([1])

    assert error.value.hint == "try again"
    assert (await tasks.get(1)).title == f"{milk.title}!!!"


@pytest.mark.spec("002/FR-037")
@pytest.mark.parametrize("change", ["UPDATE", "DELETE"])
async def test_a_change_that_the_store_skips_for_one_task_says_so(
    store: Store, tasks: TaskService, milk: Task, change: str
) -> None:
    """It was a bug, after half of it was done:
    Dicklesworthstone/frankensqlite#228 (a trigger that ignores some rows).
    """
    use = {"UPDATE": tasks.complete, "DELETE": tasks.purge}[change]
    await tasks.add(NewTask(title="Buy bread"))
    await skip_changes(store, change, 1)

    with pytest.raises(PartlyDone) as error:
        await use([2, 1])

    assert (error.value.code, error.value.hint) == (Code.CONFLICT, OF_A_RULE)
    # The stores change them in orders of their own.
    [kept] = (await tasks.list()).tasks
    assert kept.number in (1, 2)
    assert error.value.message == (
        f"The database keeps {kept.number}; all others were changed"
    )
