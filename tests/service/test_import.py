"""`todo import`: all or nothing, one operation, and a repeat adds nothing."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from tests.service.backdoor import run_sql, what_exists
from tests.support.candidates import NOW, bad, good, parts, take, task_of
from tests.support.stores import Clock, Store
from todo_cli.database import arrivals
from todo_cli.database.engine import Database
from todo_cli.errors import BadRecords, Conflict, InvalidInput, TodoError
from todo_cli.service import TaskService
from todo_cli.task import (
    Candidate,
    NewTask,
    Taken,
    Task,
    TaskChange,
    TaskQuery,
    TaskStatus,
)


async def everything(tasks: TaskService) -> list[Task]:
    """All tasks of the user, by number."""
    found: list[Task] = []
    for status in (TaskStatus.ALL, TaskStatus.TRASH):
        async for part in tasks.export(TaskQuery(status)):
            found += part
    return sorted(found, key=lambda task: task.number)


async def test_an_import_is_one_operation(tasks: TaskService) -> None:
    taken = await take(tasks, good(1), good(2, kept={"recurrence": 2}))
    assert taken == Taken(
        2, added=2, operation=1, first=1, last=2, kept={"recurrence": 2}
    )
    found = await everything(tasks)
    assert [(each.number, each.title) for each in found] == [
        (1, "t1"),
        (2, "t2"),
    ]
    page = await tasks.history()
    [operation] = page.operations
    assert (operation.operation, operation.command) == (1, "import")
    assert [each.number for each in operation.tasks] == [1, 2]
    again = await take(tasks, good(1), good(2))
    assert again == Taken(2, present=2)
    undone = await tasks.undo()
    assert all(task.deleted_at for task in undone.tasks)
    again = await take(tasks, good(1), good(2), good(3))
    assert again == Taken(
        3, 1, 2, in_trash=2, operation=3, first=3, last=3, trash=(1, 2)
    )


async def test_of_the_trash_as_many_are_named_as_a_range_can_have(
    tasks: TaskService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "_REMEMBERED", 2)
    await take(tasks, *map(good, (1, 2, 3)))
    await tasks.undo()
    again = await take(tasks, *map(good, (1, 2, 3)))
    assert again.in_trash == 3
    assert len(again.trash) == 2


async def refusal(tasks: TaskService, *candidates: Candidate) -> TodoError:
    """The error of an import."""
    with pytest.raises(TodoError) as caught:
        await take(tasks, *candidates)
    return caught.value


async def whole(tasks: TaskService) -> Any:
    """Everything that the user has, and the next numbers with it."""
    return await everything(tasks), await tasks.history(limit=None)


async def test_all_fields_come_along(tasks: TaskService) -> None:
    given = task_of(
        1,
        7,
        title="Ärger",
        description="two\nlines",
        completed=True,
        completed_at=NOW,
        due_on=date(2026, 12, 24),
        wait_until=date(2026, 12, 1),
        priority="high",
        project="home.Küche",
        tags=["Ä", "food"],
        version=9,
        deleted_at=NOW,
    )
    taken = await take(tasks, Candidate("line 1", given, None, {}))
    assert (taken.first, taken.last, taken.renumbered) == (7, 7, False)
    assert await everything(tasks) == [given]
    [restored] = await tasks.restore([7])
    assert restored.tags == ["Ä", "food"]
    for words in (("arger",), ("kuche",), ("lines",)):
        query = TaskQuery(TaskStatus.ALL, words=words, limit=9)
        page = await tasks.list(query)
        assert [each.number for each in page.tasks] == [7], words
    page = await tasks.list(TaskQuery(TaskStatus.ALL, tags=("Ä",), limit=9))
    assert len(page.tasks) == 1


async def test_numbers_are_kept_while_none_is_taken(
    tasks: TaskService,
) -> None:
    taken = await take(tasks, good(1, 20), good(2, 5))
    assert (taken.first, taken.last, taken.renumbered) == (5, 20, False)
    assert [each.number for each in await everything(tasks)] == [5, 20]
    added = await tasks.add(NewTask(title="next"))
    assert added.task.number == 21


@pytest.mark.parametrize(
    ("numbers", "is_renumbered"),
    [((3, 1), True), ((8, 0), True), ((0, 0), False), ((0, 3), True)],
    ids=["one taken", "one missing", "none given", "both"],
)
async def test_else_all_are_numbered_on_in_the_order_of_the_file(
    tasks: TaskService, numbers: tuple[int, int], is_renumbered: bool
) -> None:
    await tasks.add_all([NewTask(title="a"), NewTask(title="b")])
    await tasks.purge([2])
    taken = await take(tasks, good(1, numbers[0]), good(2, numbers[1]))
    assert taken == Taken(
        2, 2, operation=3, renumbered=is_renumbered, first=3, last=4
    )
    found = await everything(tasks)
    assert [(each.number, each.title) for each in found[1:]] == [
        (3, "t1"),
        (4, "t2"),
    ]


async def test_what_is_present_has_no_say_about_numbers(
    tasks: TaskService,
) -> None:
    await take(tasks, good(1, 1), good(2, 2))
    taken = await take(tasks, good(2, 2), good(1), good(3, 9))
    assert (taken.added, taken.present, taken.first) == (1, 2, 9)


async def test_a_repeat_changes_nothing(
    tasks: TaskService, clock: Clock
) -> None:
    await take(tasks, good(1, 4), good(2, 5))
    await tasks.update([4], TaskChange(title="mine"))
    before = await whole(tasks)
    clock.tick()
    assert (await take(tasks, good(1, 4), good(2))).present == 2
    assert await whole(tasks) == before
    added = await tasks.add(NewTask(title="next"))
    assert added.task.number == 6


@pytest.mark.nothing_made
async def test_a_file_without_records_makes_no_store(
    store: Store, tasks: TaskService
) -> None:
    before = await what_exists(store)
    assert await take(tasks) == Taken(0)
    assert await what_exists(store) == before


@pytest.mark.nothing_made
async def test_a_dry_run_makes_no_store_and_says_the_same(
    store: Store, tasks: TaskService, database: Database, clock: Clock
) -> None:
    trial = TaskService(database, "ada", clock, is_trial=True)
    before = await what_exists(store)
    given = good(1, 4, kept={"label": 1}), good(2, 2)
    said = await take(trial, *given)
    assert await what_exists(store) == before
    assert await take(tasks, *given) == said
    assert (said.operation, said.first, said.last) == (1, 2, 4)
    assert said.kept == {"label": 1}


async def test_a_dry_run_leaves_no_trace(
    tasks: TaskService, database: Database, clock: Clock
) -> None:
    trial = TaskService(database, "ada", clock, is_trial=True)
    await tasks.add(NewTask(title="a"))
    before = await whole(tasks)
    given = good(1, 1, kept={"label": 1}), good(2, 2)
    said = await take(trial, *given)
    assert await whole(tasks) == before
    assert await take(tasks, *given) == said
    assert said == Taken(
        2, 2, operation=2, renumbered=True, first=2, last=3, kept={"label": 1}
    )


async def test_tasks_become_the_users(
    service: Callable[[str], TaskService],
) -> None:
    await take(service("ada"), good(1, user_id="bob"))
    [stored] = await everything(service("ada"))
    assert stored.user_id == "ada"
    assert await everything(service("bob")) == []


async def test_an_id_of_another_user_is_named(
    service: Callable[[str], TaskService],
) -> None:
    await take(service("bob"), good(3))
    error = await refusal(service("ada"), good(1), good(3), good(2))
    assert isinstance(error, Conflict)
    assert error.message == (
        "The id 00000000-0000-0000-0000-000000000003 of a.json belongs to another user"
    )
    assert await everything(service("ada")) == []


@pytest.mark.spec("002/FR-231")
@pytest.mark.parametrize("left", [0, 999_999, 1_000_000])
async def test_numbers_are_left_for_the_next_tasks(
    tasks: TaskService, left: int
) -> None:
    number = 2**31 - 1 - left

    taken = await take(tasks, good(1, number), good(2, 7))

    is_kept = left == 1_000_000
    assert taken.renumbered is not is_kept
    assert (taken.first, taken.last) == ((7, number) if is_kept else (1, 2))
    added = await tasks.add(NewTask(title="next"))
    assert added.task.number == (number + 1 if is_kept else 3)


async def test_no_number_is_left(tasks: TaskService, store: Store) -> None:
    await take(tasks, good(1))
    await run_sql(store, f"UPDATE todo.counter SET last = {2**31 - 2}")
    assert isinstance(await refusal(tasks, good(2), good(3)), Conflict)
    assert (await take(tasks, good(4))).last == 2**31 - 1
    assert isinstance(await refusal(tasks, good(5)), Conflict)
    assert len(await everything(tasks)) == 2


async def test_a_single_wrong_record_is_named_by_its_place(
    tasks: TaskService,
) -> None:
    error = await refusal(tasks, good(1), bad(2))
    assert type(error) is InvalidInput
    assert error.message == "Line 2 in a.json: title: is missing"
    assert error.hint == "nothing was added; correct it in the file"
    assert await everything(tasks) == []


async def test_a_record_that_is_none_is_named_once(
    tasks: TaskService,
) -> None:
    wrong = bad(2, "line 2", "must be an object")

    single = await refusal(tasks, good(1), wrong)
    several = await refusal(tasks, wrong, bad(3))

    assert single.message == "Line 2 in a.json: must be an object"
    assert isinstance(several, BadRecords)
    assert several.lines()[0] == "Line 2: must be an object"


async def test_wrong_records_are_counted_and_the_first_named_in_order(
    tasks: TaskService,
) -> None:
    plain = Candidate("line 2", None, InvalidInput("no record"), {})
    wrong = [bad(place) for place in range(6, 40)]
    error = await refusal(
        tasks, good(1, 5), plain, good(3, 5), good(1), *wrong
    )
    assert isinstance(error, BadRecords)
    assert error.message == "37 records in a.json break a rule"
    lines = error.lines()
    assert lines[:4] == [
        "Line 2: record: no record",
        "Line 3: number: another record has it, too",
        "Line 1: id: another record has it, too",
        "Line 6: title: is missing",
    ]
    assert (len(lines), lines[-1]) == (21, "and 17 more")
    assert await everything(tasks) == []


async def test_many_come_in_batches(
    tasks: TaskService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "_BATCH", 70)
    monkeypatch.setattr(arrivals, "_BATCH_OF_FILE", 70)
    monkeypatch.setattr(arrivals, "_LOOKED_UP", 90)
    reports: list[int] = []
    await take(tasks, *(good(place) for place in range(100, 200)))
    candidates = [good(place, tags=["x"]) for place in range(1, 301)]
    batches = parts(candidates[:150], candidates[150:])
    taken = await tasks.import_all(batches, reports.append, "a.json")
    assert (taken.added, taken.present) == (200, 100)
    assert (taken.first, taken.last) == (101, 300)
    assert reports == sorted(reports)
    assert reports[-1] == 200
    found = await everything(tasks)
    assert [each.title for each in found[100:]] == [
        f"t{place}" for place in (*range(1, 100), *range(200, 301))
    ]
    undone = await tasks.undo()
    assert len(undone.tasks) == 200
    assert len((await tasks.redo()).tasks) == 200


async def test_a_rule_of_the_database_that_drops_a_task_ends_it(
    store: Store, tasks: TaskService
) -> None:
    await tasks.add(NewTask(title="a"))
    await run_sql(store, DROPPING[store.kind])
    error = await refusal(tasks, good(1), good(2))
    assert error.message == "The database has dropped a task"
    assert len(await everything(tasks)) == 1


DROPPING = {
    "sqlite": """CREATE TRIGGER t BEFORE INSERT ON task WHEN new.title = 't2'
        BEGIN SELECT RAISE(IGNORE); END""",
    "postgresql": """CREATE FUNCTION todo.f() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN IF new.title = 't2' THEN RETURN NULL; END IF; RETURN new; END$$;
        CREATE TRIGGER t BEFORE INSERT ON todo.task
        FOR EACH ROW EXECUTE FUNCTION todo.f()""",
}


@pytest.mark.spec("001/FR-004")
async def test_the_number_of_a_purged_task_is_not_given_to_another(
    tasks: TaskService,
) -> None:
    await take(tasks, good(1, 1), good(2, 2), good(3, 3))
    await tasks.purge([2])
    taken = await take(tasks, good(4, 2))
    assert (taken.first, taken.renumbered) == (4, True)
    # The same task can have it back.
    taken = await take(tasks, good(2, 2), good(5, 9))
    assert (taken.first, taken.last, taken.renumbered) == (2, 9, False)
