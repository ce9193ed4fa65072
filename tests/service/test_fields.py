"""Due days, waiting, priority, project, tags and notes: adding and changing them."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from tests.service.backdoor import fetch_all, run_sql
from tests.support.oracle import folded
from tests.support.stores import Clock, Store
from todo_cli.database.engine import open_database
from todo_cli.errors import InvalidInput, NotFound
from todo_cli.service import TaskService
from todo_cli.task import (
    NewTask,
    Reference,
    Task,
    TaskChange,
    TaskQuery,
    TaskStatus,
)

FULL: Final[dict[str, Any]] = {
    "due_on": date(2026, 1, 5),
    "wait_until": date(2026, 1, 3),
    "priority": "high",
    "project": "home.kitchen",
    "tags": ["ärger", "food"],
}
OTHERS: Final[dict[str, list[Any]]] = {
    "due_on": [date(1900, 1, 1), date(9998, 12, 31), None],
    "wait_until": [date(1900, 1, 1), date(9998, 12, 31), None],
    "priority": ["medium", "low", None],
    "project": ["Home", "日本.😀", "x" * 100, None],
    "tags": [["b", "a"], ["x" * 50, "😀", "～"], []],
}
"""What each field can become, besides what it is."""


@pytest.fixture
async def full(tasks: TaskService, clock: Clock) -> Task:
    """A task with a value in every field."""
    new = NewTask(title="Buy milk", description="2 l", **FULL)
    task = (await tasks.add(new)).task
    clock.tick(60)
    return task


async def tag_rows(store: Store) -> set[tuple[object, ...]]:
    """The rows of the table of tags: number, user, name and folded name."""
    sql = """SELECT t.number, g.user_id, g.name, g.folded
        FROM todo.tag g JOIN todo.task t ON t.id = g.task_id"""
    return set(await fetch_all(store, sql))


def rows_of(*tasks: Task) -> set[tuple[object, ...]]:
    """The rows that the table of tags has for tasks."""
    return {
        (task.number, task.user_id, tag, folded(tag))
        for task in tasks
        for tag in task.tags
    }


async def folded_texts(store: Store) -> list[tuple[object, ...]]:
    """The folded texts of every task, by number."""
    return await fetch_all(
        store,
        "SELECT title_folded, description_folded, project_folded"
        " FROM todo.task ORDER BY user_id, number",
    )


def folded_of(task: Task) -> tuple[object, ...]:
    """The folded texts that a task must have."""
    texts = (task.title, task.description, task.project)
    return tuple(None if text is None else folded(text) for text in texts)


@pytest.mark.spec("001/FR-001", "001/FR-050", "001/FR-052")
@pytest.mark.parametrize("several", [False, True], ids=["add", "add_all"])
async def test_add_keeps_every_field(
    store: Store, tasks: TaskService, clock: Clock, several: bool
) -> None:
    id = uuid4()
    new = NewTask(title="Ä", description="Ö\nß", id=id, **FULL)

    [added] = await tasks.add_all([new]) if several else [await tasks.add(new)]

    assert added.task == Task(
        id=id,
        number=1,
        user_id="ada",
        title="Ä",
        description="Ö\nß",
        completed=False,
        created_at=clock.now,
        updated_at=clock.now,
        completed_at=None,
        version=1,
        **FULL | {"tags": ["food", "ärger"]},
    )
    assert await tasks.get(1) == added.task
    assert await tag_rows(store) == rows_of(added.task)
    assert await folded_texts(store) == [("a", "o\nss", "home.kitchen")]


@pytest.mark.spec("001/FR-015", "001/FR-016")
async def test_an_id_that_is_stored_keeps_its_tags(
    store: Store, tasks: TaskService, full: Task
) -> None:
    again = NewTask(title="x", id=full.id, tags=["new"])

    assert (await tasks.add(again)).task == full
    [added] = await tasks.add_all([again])
    assert added.task == full

    assert await tag_rows(store) == rows_of(full)


@pytest.mark.spec("001/FR-026", "001/FR-027", "001/FR-051")
@pytest.mark.parametrize("field", OTHERS)
async def test_update_changes_one_field_and_its_version(
    store: Store, tasks: TaskService, full: Task, clock: Clock, field: str
) -> None:
    expected = full
    for value in OTHERS[field]:
        change = TaskChange(**{field: value})
        clock.tick()
        expected = replace(
            expected,
            **change.named,
            updated_at=clock.now,
            version=expected.version + 1,
        )

        assert await tasks.update([1], change) == [expected]
        clock.tick()
        # Once more: nothing changes.
        assert await tasks.update([1], change) == [expected]
        assert await tasks.get(1) == expected
        assert await tag_rows(store) == rows_of(expected)
        assert await folded_texts(store) == [folded_of(expected)]


@pytest.mark.spec("001/FR-063")
@pytest.mark.parametrize(
    ("change", "left"),
    [
        ({"add_tags": ["new"]}, ["food", "new", "ärger"]),
        ({"add_tags": ["food"]}, ["food", "ärger"]),
        ({"add_tags": ["Food", "a"]}, ["Food", "a", "food", "ärger"]),
        ({"remove_tags": ["food"]}, ["ärger"]),
        ({"remove_tags": ["food", "ärger"]}, []),
        ({"remove_tags": ["nobody"]}, ["food", "ärger"]),
        ({"remove_tags": ["food"], "add_tags": ["x"]}, ["x", "ärger"]),
        ({"add_tags": [], "remove_tags": []}, ["food", "ärger"]),
        ({"add_tags": ["～", "😀"]}, ["food", "ärger", "～", "😀"]),
    ],
)
async def test_tags_are_added_and_removed_as_sets(
    store: Store,
    tasks: TaskService,
    full: Task,
    clock: Clock,
    change: dict[str, Any],
    left: list[str],
) -> None:
    expected = full
    if left != full.tags:
        expected = replace(full, tags=left, updated_at=clock.now, version=2)

    assert await tasks.update([1], TaskChange(**change)) == [expected]

    assert await tag_rows(store) == rows_of(expected)


@pytest.mark.spec("001/FR-050", "001/FR-063")
async def test_a_task_has_at_most_fifty_tags(
    store: Store, tasks: TaskService
) -> None:
    tags = [f"tag{number}" for number in range(50)]
    full, other = (
        added.task
        for added in await tasks.add_all(
            [NewTask(title="a", tags=tags), NewTask(title="b")]
        )
    )

    for more in (["more"], ["x", "tag1"]):
        # The other task has room, and gets nothing either.
        with pytest.raises(InvalidInput, match="nothing was changed"):
            await tasks.update([2, 1], TaskChange(add_tags=more))
    assert await tasks.find([1, 2]) == [full, other]
    assert await tag_rows(store) == rows_of(full)
    [swapped] = await tasks.update(
        [1], TaskChange(add_tags=["more"], remove_tags=["tag0"])
    )
    assert len(swapped.tags) == 50


@pytest.mark.spec("001/FR-064")
async def test_a_note_is_a_line_at_the_end_of_the_description(
    store: Store, tasks: TaskService, clock: Clock
) -> None:
    task = (await tasks.add(NewTask(title="a"))).task

    for note, description in (
        ("Ärger", "Ärger"),
        ("Ärger", "Ärger\nÄrger"),
        (" two\nlines ", "Ärger\nÄrger\ntwo\nlines"),
    ):
        clock.tick()
        task = replace(
            task,
            description=description,
            updated_at=clock.now,
            version=task.version + 1,
        )
        assert await tasks.update([1], TaskChange(note=note)) == [task]
        assert await folded_texts(store) == [folded_of(task)]


@pytest.mark.spec("001/FR-006", "001/FR-064")
async def test_a_note_that_makes_the_description_too_long_is_refused(
    tasks: TaskService,
) -> None:
    [long, short] = await tasks.add_all(
        [NewTask("a", description="x" * 9_990), NewTask("b")]
    )

    with pytest.raises(InvalidInput, match="nothing was changed"):
        await tasks.update([1, 2], TaskChange(note="y" * 10))
    assert await tasks.find([1, 2]) == [long.task, short.task]
    [noted] = await tasks.update([1], TaskChange(note="y" * 9))
    assert len(noted.description or "") == 10_000


@pytest.mark.spec("001/FR-026", "001/FR-030", "001/FR-063")
async def test_update_of_several_is_all_or_nothing(
    store: Store, tasks: TaskService, clock: Clock
) -> None:
    news = [NewTask(f"task {n}", tags=[f"t{n}"]) for n in range(1, 6)]
    before = [added.task for added in await tasks.add_all(news)]
    change = TaskChange(
        due_on=date(2026, 2, 3), add_tags=["new"], remove_tags=["t2"]
    )
    several: list[list[Reference]] = [[1, 9], [9, 1], [1, range(7, 9)]]
    for missing in several:
        with pytest.raises(NotFound, match="nothing was changed"):
            await tasks.update(missing, change)
    assert await tasks.find([range(1, 6)]) == before
    clock.tick()

    found = await tasks.update([4, range(1, 3), before[3].id], change)

    assert [task.number for task in found] == [4, 1, 2]
    assert found == [
        replace(
            before[number - 1],
            due_on=date(2026, 2, 3),
            tags=tags,
            updated_at=clock.now,
            version=2,
        )
        for number, tags in (
            (4, ["new", "t4"]),
            (1, ["new", "t1"]),
            (2, ["new"]),
        )
    ]
    assert await tag_rows(store) == rows_of(before[2], before[4], *found)


@pytest.mark.spec("001/FR-026", "001/FR-063")
async def test_of_several_those_move_that_change(
    tasks: TaskService, clock: Clock
) -> None:
    await tasks.add_all(
        [NewTask("a", tags=["x"]), NewTask("b"), NewTask("c", tags=["x"])]
    )
    clock.tick()

    found = await tasks.update([range(1, 4)], TaskChange(add_tags=["x"]))

    assert [task.version for task in found] == [1, 2, 1]
    assert [task.updated_at == clock.now for task in found] == [
        False,
        True,
        False,
    ]


@pytest.mark.spec("001/FR-063")
async def test_the_rows_of_tags_follow_each_task_whatever_others_have(
    store: Store, tasks: TaskService
) -> None:
    """The rows of all tasks followed the tags of the first one in the table."""
    news = [NewTask("a", tags=["x", "y"], id=UUID(int=n)) for n in (1, 2, 3)]
    await tasks.add_all(news)

    found = await tasks.update([3, 2], TaskChange(remove_tags=["x"]))

    assert await tag_rows(store) == rows_of(await tasks.get(1), *found)


@pytest.mark.spec("001/FR-029")
async def test_a_purged_task_leaves_no_tag(
    store: Store, tasks: TaskService, full: Task
) -> None:
    [deleted] = await tasks.delete([1])
    assert await tag_rows(store) == rows_of(deleted)

    assert await tasks.purge([1]) == [deleted]

    assert await fetch_all(store, "SELECT name FROM todo.tag") == []


@pytest.mark.spec("001/FR-061", "001/FR-063")
async def test_rows_of_tags_that_are_no_longer_true_do_no_harm(
    store: Store, tasks: TaskService, full: Task
) -> None:
    await run_sql(
        store,
        "INSERT INTO todo.tag (task_id, name, user_id, folded)"
        " SELECT id, 'stale', user_id, 'stale' FROM todo.task",
    )

    for query in (
        TaskQuery(TaskStatus.ALL, tags=("stale",), limit=5),
        TaskQuery(TaskStatus.ALL, tags=("stale",)),
        TaskQuery(TaskStatus.ALL, words=("stale",), limit=5),
        TaskQuery(TaskStatus.ALL, words=("stale",)),
    ):
        assert (await tasks.list(query)).tasks == []
    without = TaskQuery(TaskStatus.ALL, no_tags=("stale",))
    assert (await tasks.list(without)).tasks == [full]
    [changed] = await tasks.update([1], TaskChange(add_tags=["x"]))
    assert await tag_rows(store) == rows_of(changed)


@pytest.mark.spec("001/FR-052")
@pytest.mark.parametrize(
    ("zone_now", "statuses"),
    [
        (datetime(2026, 1, 4, 23, 59, 59, tzinfo=UTC), "waiting"),
        (datetime(2026, 1, 5, 0, 0, 0, tzinfo=UTC), "open"),
        (datetime(2026, 1, 6, 0, 0, 0, tzinfo=UTC), "open"),
    ],
)
async def test_without_a_day_of_the_caller_it_is_the_day_in_utc(
    tasks: TaskService, clock: Clock, zone_now: datetime, statuses: str
) -> None:
    await tasks.add(NewTask("a", wait_until=date(2026, 1, 5)))
    clock.now = zone_now

    pages = {
        status.value: await tasks.list(TaskQuery(status))
        for status in TaskStatus
    }

    found = {status for status, page in pages.items() if page.tasks}
    assert found == {statuses, "all"}
    assert {page.today for page in pages.values()} == {zone_now.date()}


@pytest.mark.spec("001/FR-052")
async def test_what_waits_is_decided_by_the_day_of_the_caller(
    tasks: TaskService,
) -> None:
    await tasks.add(NewTask("a", wait_until=date(2026, 1, 5)))

    for day, status in ((4, TaskStatus.WAITING), (5, TaskStatus.OPEN)):
        today = date(2026, 1, day)
        page = await tasks.list(TaskQuery(status, today=today))
        assert [task.number for task in page.tasks] == [1]
        assert page.today == today
        counts = (page.counts.open, page.counts.waiting)
        assert counts == ((0, 1) if day == 4 else (1, 0))


@pytest.mark.spec("001/FR-050")
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_file_has_tags_as_json_that_people_can_read(
    store: Store, tasks: TaskService, full: Task
) -> None:
    [(due_on, tags)] = await fetch_all(store, "SELECT due_on, tags FROM task")

    assert due_on == "2026-01-05"
    assert json.loads(str(tags)) == ["food", "ärger"]
    assert str(tags) == '["food","ärger"]'


@pytest.mark.spec("001/FR-012", "001/FR-050")
async def test_a_change_of_one_field_leaves_what_others_broke(
    store: Store, clock: Clock
) -> None:
    async with open_database(store.target) as database:
        tasks = TaskService(database, "ada", clock)
        await tasks.add(NewTask("a", tags=["x"]))
        await run_sql(store, "UPDATE todo.task SET title_folded = NULL")
        [changed] = await tasks.update([1], TaskChange(add_tags=["y"]))
        assert changed.tags == ["x", "y"]
        [renamed] = await tasks.update([1], TaskChange(title="Ä"))
    assert renamed.version == 3
    assert await folded_texts(store) == [("a", None, None)]
