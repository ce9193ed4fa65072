"""History, undo and redo, the trash and versions, of the service on both stores."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.service.backdoor import file_of, run_sql
from tests.support.stores import Clock, Store
from todo_cli.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    SchemaMismatch,
    VersionConflict,
)
from todo_cli.service import TaskService
from todo_cli.task import (
    Command,
    NewTask,
    Operation,
    Replacement,
    Task,
    TaskChange,
    TaskQuery,
    TaskStatus,
)

ALL = TaskQuery(status=TaskStatus.ALL)
TRASH = TaskQuery(status=TaskStatus.TRASH)


async def _added(tasks: TaskService, *titles: str) -> list[Task]:
    return [(await tasks.add(NewTask(title))).task for title in titles]


async def _latest(tasks: TaskService) -> Operation:
    return (await tasks.history(limit=1)).operations[0]


async def _numbers(tasks: TaskService, query: TaskQuery) -> list[int]:
    page = await tasks.list(query)
    return sorted(task.number for task in page.tasks)


@pytest.mark.spec("002/FR-220")
async def test_each_command_is_one_operation_with_old_and_new_values(
    tasks: TaskService, clock: Clock
) -> None:
    new = NewTask("Buy milk", due_on=date(2026, 12, 24), tags=["food"])
    task = (await tasks.add(new)).task
    added = await _latest(tasks)
    assert (added.operation, added.command) == (1, "add")
    assert (added.undoes, added.undone_by) == (None, None)
    assert added.at == task.created_at
    [entry] = added.tasks
    assert (entry.id, entry.number) == (task.id, 1)
    assert entry.title == "Buy milk"
    assert entry.changes == {
        "title": (None, "Buy milk"),
        "completed": (None, False),
        "created_at": (None, task.created_at),
        "due_on": (None, date(2026, 12, 24)),
        "tags": (None, ["food"]),
    }
    [done] = await tasks.complete([1])
    finished = await _latest(tasks)
    assert (finished.operation, finished.command) == (2, "done")
    assert finished.tasks[0].changes == {
        "completed": (False, True),
        "completed_at": (None, done.completed_at),
    }
    change = TaskChange(
        title="Buy oat milk",
        due_on=None,
        priority="high",
        add_tags=["home"],
        remove_tags=["food"],
    )
    await tasks.update([1], change)
    updated = await _latest(tasks)
    assert (updated.operation, updated.command) == (3, "update")
    assert updated.tasks[0].changes == {
        "title": ("Buy milk", "Buy oat milk"),
        "due_on": (date(2026, 12, 24), None),
        "priority": (None, "high"),
        "tags": (["food"], ["home"]),
    }
    assert list(updated.tasks[0].changes) == [
        "title",
        "due_on",
        "priority",
        "tags",
    ]


NOTHING: dict[str, Callable[[TaskService], Any]] = {
    "done": lambda tasks: tasks.complete([1]),
    "update": lambda tasks: tasks.update([1], TaskChange(title="one")),
    "restore": lambda tasks: tasks.restore([1]),
    "add": lambda tasks: tasks.add(NewTask("x", id=UUID(int=1))),
    "add all": lambda tasks: tasks.add_all([NewTask("x", id=UUID(int=1))]),
}


@pytest.mark.parametrize("name", NOTHING)
async def test_what_changes_nothing_is_no_operation(
    tasks: TaskService, name: str
) -> None:
    await tasks.add(NewTask("one", id=UUID(int=1)))
    await tasks.complete([1])
    await NOTHING[name](tasks)
    page = await tasks.history()
    assert [each.command for each in page.operations] == ["done", "add"]


async def test_a_change_of_several_tasks_names_only_those_that_differ(
    tasks: TaskService,
) -> None:
    await _added(tasks, "a", "b", "c")
    await tasks.complete([2])
    await tasks.complete([1, 2, 3])
    latest = await _latest(tasks)
    assert [entry.number for entry in latest.tasks] == [1, 3]
    # The same field set to the same value is not named.
    await tasks.update([1, 2], TaskChange(title="b", project="home"))
    one, two = (await _latest(tasks)).tasks
    assert set(one.changes) == {"title", "project"}
    assert set(two.changes) == {"project"}


CHANGES: dict[str, Callable[[TaskService], Any]] = {
    "title": lambda tasks: tasks.update([1], TaskChange(title="Ünother")),
    "note": lambda tasks: tasks.update(
        [1], TaskChange(note="more"), command=Command.NOTE
    ),
    "replace": lambda tasks: tasks.replace(
        [1, 2], Replacement("t", "T"), TaskChange(completed=True)
    ),
    "done": lambda tasks: tasks.complete([1, 3]),
    "reopen": lambda tasks: tasks.complete([2], undo=True),
    "days": lambda tasks: tasks.update(
        [1, 2], TaskChange(due_on=date(2027, 1, 1), wait_until=None)
    ),
    "tags": lambda tasks: tasks.update([1], TaskChange(tags=["new", "öld"])),
    "retag": lambda tasks: tasks.update(
        [1, 2], TaskChange(add_tags=["x"], remove_tags=["Fóod"])
    ),
    "project": lambda tasks: tasks.update([1], TaskChange(project=None)),
    "delete": lambda tasks: tasks.delete([1, 2]),
    "restore": lambda tasks: tasks.restore([4]),
    "add": lambda tasks: tasks.add(NewTask("new", tags=["Fóod"])),
    "add all": lambda tasks: tasks.add_all([NewTask("x"), NewTask("y")]),
}


async def _state(tasks: TaskService) -> dict[int, Task]:
    found = {}
    for query in (ALL, TRASH):
        for task in (await tasks.list(query)).tasks:
            # These two always move.
            task.version, task.updated_at = 0, task.created_at
            found[task.number] = task
    return found


@pytest.mark.spec("002/FR-221")
@pytest.mark.parametrize("name", CHANGES)
async def test_undo_sets_back_and_redo_brings_back(
    tasks: TaskService, name: str
) -> None:
    first = NewTask("first", tags=["Fóod", "b"], project="Höme.kitchen")
    await tasks.add(first)
    await tasks.add(NewTask("the second", description="ä", priority="low"))
    await _added(tasks, "third", "fourth")
    await tasks.complete([2])
    await tasks.delete([4])
    before = await _state(tasks)
    await CHANGES[name](tasks)
    after = await _state(tasks)
    changed = await _latest(tasks)
    undone = await tasks.undo()
    assert undone.is_new
    assert (undone.operation, undone.undoes) == (
        changed.operation + 1,
        changed.operation,
    )
    assert undone.command == changed.command
    back = await _state(tasks)
    if changed.command == "add":
        # New tasks are in the trash, and so can come back.
        for number in set(back) - set(before):
            assert back.pop(number).deleted_at is not None
    assert back == before
    noted = await _latest(tasks)
    assert (noted.command, noted.undoes) == ("undo", changed.operation)
    [earlier] = (
        await tasks.history(limit=1, before=changed.operation + 1)
    ).operations
    assert earlier.undone_by == undone.operation
    redone = await tasks.redo()
    assert (redone.undoes, redone.command) == (
        undone.operation,
        changed.command,
    )
    assert await _state(tasks) == after
    # And again.
    again = await tasks.undo()
    assert again.undoes == changed.operation
    # Tags are found by name and by word, as before.
    tagged = await tasks.list(TaskQuery(status=TaskStatus.ALL, tags=("Fóod",)))
    assert [task.number for task in tagged.tasks] == [1]
    words = await tasks.list(TaskQuery(status=TaskStatus.ALL, words=("food",)))
    assert [task.number for task in words.tasks] == [1]


async def test_undo_goes_back_step_by_step_and_redo_forward(
    tasks: TaskService,
) -> None:
    await _added(tasks, "a", "b", "c")
    await tasks.complete([1, 2])
    await tasks.update([3], TaskChange(title="x"))
    await tasks.delete([3])
    assert (await tasks.undo()).undoes == 6
    assert (await tasks.undo()).undoes == 5
    assert (await tasks.redo()).undoes == 8
    assert (await tasks.redo()).undoes == 7
    with pytest.raises(NotFound, match="Nothing to redo for ada"):
        await tasks.redo()
    assert (await tasks.undo()).undoes == 6
    await tasks.add(NewTask("d"))
    with pytest.raises(NotFound, match="Nothing to redo"):
        await tasks.redo()
    for undoes in (12, 5, 4, 3, 2, 1):
        assert (await tasks.undo()).undoes == undoes
    with pytest.raises(NotFound, match="Nothing to undo for ada"):
        await tasks.undo()
    assert await _numbers(tasks, TRASH) == [1, 2, 3, 4]
    assert (await tasks.add(NewTask("e"))).task.number == 5


async def test_undo_of_one_operation_sets_back_only_that_one(
    tasks: TaskService,
) -> None:
    await _added(tasks, "a", "b")
    await tasks.update([1], TaskChange(title="x"))
    await tasks.update([1], TaskChange(due_on=date(2027, 1, 1)))
    undone = await tasks.undo(3)
    assert [task.title for task in undone.tasks] == ["a"]
    assert undone.tasks[0].due_on == date(2027, 1, 1)
    again = await tasks.undo(3)
    assert not again.is_new
    assert (again.operation, again.undoes, again.tasks) == (5, 3, [])
    with pytest.raises(InvalidInput, match="5 is an undo"):
        await tasks.undo(5)
    await tasks.redo()
    with pytest.raises(InvalidInput, match="6 is a redo"):
        await tasks.undo(6)
    for number in (99, 0, -1, 2**31, 2**70):
        with pytest.raises(NotFound, match=f"No operation {number} for ada"):
            await tasks.undo(number)


async def test_undo_is_refused_if_a_task_has_changed_since(
    tasks: TaskService,
) -> None:
    await _added(tasks, "a", "b", "c")
    await tasks.update([1, 2, 3], TaskChange(title="x"))
    await tasks.update([1, 3], TaskChange(title="y"))
    before = await _state(tasks)
    with pytest.raises(Conflict, match="Tasks 1, 3 have changed since oper"):
        await tasks.undo(4)
    assert await _state(tasks) == before
    assert (await _latest(tasks)).operation == 5
    with pytest.raises(Conflict, match="Task 1 has changed since operation 1"):
        await tasks.undo(1)


@pytest.mark.spec("002/FR-222")
async def test_purge_takes_the_values_out_of_the_history(
    tasks: TaskService,
) -> None:
    one, _ = await _added(tasks, "secret", "b")
    await tasks.update([1, 2], TaskChange(title="other secret"))
    await tasks.delete([1])
    [purged] = await tasks.purge([1])
    assert purged.deleted_at is not None
    with pytest.raises(NotFound):
        await tasks.get(1)
    page = await tasks.history(1)
    assert [each.operation for each in page.operations] == [5, 4, 3, 1]
    for each in page.operations:
        [entry] = each.tasks
        assert (entry.id, entry.number) == (one.id, 1)
        assert (entry.title, entry.changes) == (None, {})
    assert await tasks.history(one.id) == page
    with pytest.raises(InvalidInput, match="5 is a purge"):
        await tasks.undo(5)
    # The other task of the operation is set back.
    undone = await tasks.undo(3)
    assert (undone.purged, [each.title for each in undone.tasks]) == (
        (1,),
        ["b"],
    )
    with pytest.raises(Conflict, match="All tasks of operation 1 were purged"):
        await tasks.undo(1)
    # Without a number such an operation is passed over.
    assert (await tasks.undo()).undoes == 2
    with pytest.raises(NotFound, match="Nothing to undo"):
        await tasks.undo()


@pytest.mark.spec("002/FR-223")
async def test_the_trash_is_seen_only_by_what_asks_for_it(
    tasks: TaskService, clock: Clock
) -> None:
    await _added(tasks, "a", "b", "c")
    [deleted] = await tasks.delete([2])
    assert deleted.deleted_at == clock.now
    assert deleted.version == 2
    assert await _numbers(tasks, ALL) == [1, 3]
    assert await _numbers(tasks, TRASH) == [2]
    assert (await tasks.get(2)).deleted_at is not None
    for call in (
        tasks.complete([2]),
        tasks.update([2], TaskChange(title="x")),
        tasks.delete([2]),
        tasks.replace([2], Replacement("b", "x"), TaskChange()),
    ):
        with pytest.raises(NotFound, match="No task 2 for ada") as raised:
            await call
        assert "todo restore 2" in (raised.value.hint or "")
    # A range means those outside the trash.
    assert len(await tasks.complete([range(1, 4)])) == 2
    again = await tasks.add(NewTask("x", id=deleted.id))
    assert not again.is_new
    assert again.task.deleted_at is not None
    restored = await tasks.restore([range(1, 4)])
    assert [task.deleted_at for task in restored] == [None, None, None]
    assert [each.number for each in (await _latest(tasks)).tasks] == [2]
    assert await _numbers(tasks, ALL) == [1, 2, 3]


async def test_the_trash_can_be_asked_by_age(
    tasks: TaskService, clock: Clock
) -> None:
    await _added(tasks, "a", "b", "c")
    await tasks.delete([1])
    clock.now += timedelta(days=40)
    await tasks.delete([2])
    old = await tasks.trash(timedelta(days=30))
    assert [task.number for task in old] == [1]
    assert [task.number for task in await tasks.trash()] == [1, 2]


@pytest.mark.spec("002/FR-224")
async def test_a_change_can_ask_for_a_version(tasks: TaskService) -> None:
    await _added(tasks, "a")
    [task] = await tasks.update([1], TaskChange(title="b"), if_version=1)
    assert task.version == 2
    for call in (
        tasks.update([1], TaskChange(title="c"), if_version=1),
        tasks.complete([1], if_version=1),
        tasks.delete([1], if_version=3),
        tasks.replace([1], Replacement("b", "c"), TaskChange(), if_version=1),
    ):
        with pytest.raises(VersionConflict) as raised:
            await call
        assert raised.value.details == ({"field": "version", "message": "2"},)
    assert (await tasks.get(1)).version == 2
    text = Replacement("b", "d")
    [task] = await tasks.replace([1], text, TaskChange(), if_version=2)
    assert task.version == 3
    assert (await tasks.delete([1], if_version=3))[0].version == 4
    with pytest.raises(VersionConflict):
        await tasks.restore([1], if_version=3)
    assert (await tasks.restore([1], if_version=4))[0].version == 5


async def test_users_have_operations_of_their_own(
    service: Callable[[str], TaskService],
) -> None:
    ada, bob = service("ada"), service("bob")
    await _added(ada, "a")
    await _added(bob, "b", "c")
    assert (await _latest(ada)).operation == 1
    assert (await _latest(bob)).operation == 2
    with pytest.raises(NotFound):
        await ada.undo(2)
    assert (await ada.undo()).undoes == 1
    assert await _numbers(bob, ALL) == [1, 2]
    with pytest.raises(NotFound):
        await ada.history(2)


async def test_the_history_is_read_in_pages(tasks: TaskService) -> None:
    await _added(tasks, *"abcde")
    await tasks.complete([range(1, 6)])
    seen = []
    before = None
    while True:
        page = await tasks.history(limit=2, before=before)
        seen += [each.operation for each in page.operations]
        before = page.next
        if before is None:
            break
    assert seen == [6, 5, 4, 3, 2, 1]
    assert len((await tasks.history()).operations) == 6
    of_one = await tasks.history(3, limit=1)
    assert [each.operation for each in of_one.operations] == [6]
    assert [entry.number for entry in of_one.operations[0].tasks] == [3]
    assert of_one.next == 6
    for wrong in (0, -1):
        with pytest.raises(InvalidInput):
            await tasks.history(limit=wrong)
    for unknown in (99, uuid4(), 2**40):
        with pytest.raises(NotFound):
            await tasks.history(unknown)
        with pytest.raises(NotFound):
            await tasks.history(unknown, before=3)
    assert (await tasks.history(3, before=1)).operations == []


async def test_a_trial_changes_nothing(
    tasks: TaskService, service: Callable[..., TaskService]
) -> None:
    await _added(tasks, "a", "b")
    await tasks.complete([1])
    before = await _state(tasks), await tasks.history()
    trial = service("ada", is_trial=True)
    assert (await trial.update([1], TaskChange(title="x")))[0].title == "x"
    assert (await trial.complete([2]))[0].completed
    assert (await trial.delete([1]))[0].deleted_at is not None
    assert len(await trial.purge([1, 2])) == 2
    assert (await trial.undo()).undoes == 3
    with pytest.raises(NotFound):
        await trial.redo()
    with pytest.raises(NotFound):
        await trial.complete([9])
    assert (await _state(tasks), await tasks.history()) == before
    assert (await tasks.add(NewTask("c"))).task.number == 3


async def test_nothing_is_there_without_a_store(tasks: TaskService) -> None:
    assert (await tasks.history()).operations == []
    assert await tasks.trash() == []
    with pytest.raises(NotFound, match="Nothing to undo"):
        await tasks.undo()
    with pytest.raises(NotFound, match="Nothing to redo"):
        await tasks.redo()
    with pytest.raises(NotFound):
        await tasks.history(1)


@pytest.mark.parametrize("lost", ["counter", "counters behind"])
async def test_a_counter_that_a_restore_left_out_is_made_up(
    tasks: TaskService, store: Store, lost: str
) -> None:
    await _added(tasks, "a", "b")
    await tasks.complete([1])
    sql = "UPDATE todo.counter SET last = 1, operations = 1"
    if lost == "counter":
        sql = "DELETE FROM todo.counter"
    await run_sql(store, sql)
    await tasks.update([2], TaskChange(title="x"))
    assert (await _latest(tasks)).operation == 4
    await run_sql(store, sql)
    assert (await tasks.add(NewTask("c"))).task.number == 3
    assert (await _latest(tasks)).operation == 5
    await run_sql(store, sql)
    assert (await tasks.undo()).undoes == 5
    await run_sql(store, sql)
    assert len(await tasks.purge([1])) == 1
    assert (await _latest(tasks)).operation == 7


@pytest.mark.parametrize(
    "change",
    [
        lambda tasks: tasks.update([2], TaskChange(note="x")),
        lambda tasks: tasks.update([2], TaskChange(due_on=date(2026, 12, 24))),
        lambda tasks: tasks.update([2], TaskChange(priority="low")),
        lambda tasks: tasks.update([2], TaskChange(add_tags=["x"])),
        lambda tasks: tasks.update([2], TaskChange(title="x")),
        lambda tasks: tasks.complete([2]),
        lambda tasks: tasks.delete([2]),
    ],
    ids=["note", "due day", "priority", "tag", "title", "done", "deleted"],
)
async def test_a_new_task_that_was_changed_is_not_taken_back(
    tasks: TaskService, change: Callable[[TaskService], Awaitable[Any]]
) -> None:
    """Whatever it is that was changed: nothing was left open for a new task."""
    await tasks.add_all([NewTask("a"), NewTask("b"), NewTask("c")])
    await change(tasks)
    before = await tasks.find([1, 2, 3])

    with pytest.raises(Conflict, match=r"^Task 2 has changed since"):
        await tasks.undo(1)
    assert await tasks.find([1, 2, 3]) == before

    await tasks.undo()
    back = await tasks.undo()
    assert [task.deleted_at is None for task in back.tasks] == [False] * 3


SKIP = {
    "sqlite": """
        CREATE TRIGGER keep BEFORE UPDATE ON task BEGIN
            SELECT RAISE(IGNORE);
        END""",
    "postgresql": """
        CREATE FUNCTION todo.keep() RETURNS trigger LANGUAGE plpgsql AS
            $$BEGIN RETURN NULL; END$$;
        CREATE TRIGGER keep BEFORE UPDATE ON todo.task
            FOR EACH ROW EXECUTE FUNCTION todo.keep()""",
}


async def test_an_undo_that_a_trigger_skips_is_a_conflict(
    tasks: TaskService, store: Store
) -> None:
    await _added(tasks, "a")
    await tasks.complete([1])
    await run_sql(store, SKIP[store.kind])
    try:
        with pytest.raises(Conflict):
            await tasks.undo()
    finally:
        if store.kind == "postgresql":
            await run_sql(store, "DROP FUNCTION todo.keep CASCADE")
    assert (await _latest(tasks)).operation == 2


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_trial_of_an_unreadable_task_does_not_say_that_it_was_saved(
    tasks: TaskService, store: Store, service: Callable[..., TaskService]
) -> None:
    await _added(tasks, "a")
    with closing(sqlite3.connect(file_of(store))) as file, file:
        file.execute("PRAGMA ignore_check_constraints = ON")
        file.execute("UPDATE task SET created_at = 'never'")
    with pytest.raises(SchemaMismatch) as raised:
        await service("ada", is_trial=True).complete([1])
    assert "saved" not in raised.value.message


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_broken_operation_in_a_file_is_not_taken_back(
    tasks: TaskService, store: Store
) -> None:
    await _added(tasks, "a")
    with closing(sqlite3.connect(file_of(store))) as file, file:
        file.execute("PRAGMA ignore_check_constraints = ON")
        file.execute("UPDATE operation SET id = 7")
    with pytest.raises(SchemaMismatch, match="Operation 1 of ada cannot be"):
        await tasks.undo()
    assert (await tasks.history()).operations == []
    with pytest.raises(NotFound):
        await tasks._operation(1)


async def test_what_left_the_trash_is_not_purged_with_it(
    tasks: TaskService,
) -> None:
    a, b, c = await _added(tasks, "a", "b", "c")
    await tasks.delete([1, 2, 3])
    ids = [task.id for task in await tasks.trash()]
    await tasks.restore([1])
    await tasks.purge([3])
    purged = await tasks.purge_trash(ids)
    assert [task.number for task in purged] == [2]
    assert (await tasks.get(1)).id == a.id
    assert await tasks.purge_trash([b.id, c.id]) == []
    assert await tasks.purge_trash([]) == []


async def test_an_undo_that_was_redone_cannot_be_undone_by_its_number(
    tasks: TaskService,
) -> None:
    await _added(tasks, "a")
    await tasks.complete([1])
    await tasks.undo()
    await tasks.redo()
    with pytest.raises(InvalidInput, match="3 is an undo"):
        await tasks.undo(3)
    assert (await _latest(tasks)).operation == 4


@pytest.mark.parametrize("lost", ["counter", "counters behind"])
async def test_a_trial_works_where_a_restore_left_out_the_counter(
    tasks: TaskService,
    service: Callable[..., TaskService],
    store: Store,
    lost: str,
) -> None:
    await _added(tasks, "a", "b")
    await tasks.complete([1])
    sql = "UPDATE todo.counter SET last = 1, operations = 1"
    if lost == "counter":
        sql = "DELETE FROM todo.counter"
    await run_sql(store, sql)
    trial = service("ada", is_trial=True)
    assert (await trial.complete([2]))[0].completed
    assert (await trial.delete([2]))[0].deleted_at is not None
    assert len(await trial.purge([1])) == 1
    assert (await trial.undo()).undoes == 3
    assert (await _latest(tasks)).operation == 3


async def test_the_history_of_an_id_that_was_purged_twice_is_the_latest(
    tasks: TaskService,
) -> None:
    id = uuid4()
    for title in ("first", "second"):
        task = (await tasks.add(NewTask(title, id=id))).task
        await tasks.purge([task.number])
    page = await tasks.history(id)
    assert [each.operation for each in page.operations] == [4, 3]
