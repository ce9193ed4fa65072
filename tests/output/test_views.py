"""What a result is called: words, counts and columns, with no writer in sight."""

from collections.abc import Sequence
from dataclasses import FrozenInstanceError, fields
from datetime import timedelta
from typing import Any

import pytest

from tests.output.values import NOW, done, scene, task
from todo_cli.database.transfer import Imported
from todo_cli.output.views import (
    Changed,
    Row,
    Table,
    added,
    added_all,
    age,
    deletion_question,
    imported,
    listed,
    script,
    shown,
    updated,
    upgraded,
)
from todo_cli.task import Added, Task, TaskPage, TaskQuery, TaskStatus

MORE = 1_001


def table_of(page: TaskPage) -> Table:
    """The table of a page."""
    table = listed(page, scene()).table
    assert table is not None
    return table


@pytest.mark.parametrize("kind", ["scene", "sheet", "table", "row"])
def test_values_cannot_be_changed(kind: str) -> None:
    sheet = listed(TaskPage([task()], 1, 0, TaskQuery(TaskStatus.ALL)), scene())
    assert sheet.table is not None
    value: Any = {
        "scene": scene(),
        "sheet": sheet,
        "table": sheet.table,
        "row": sheet.table.rows[0],
    }[kind]

    assert not hasattr(value, "__dict__")
    with pytest.raises(FrozenInstanceError):
        setattr(value, fields(value)[0].name, None)


def test_sheet_says_nothing_of_its_tasks_when_it_is_asked_for_its_repr() -> None:
    assert "Buy milk" not in repr(added(Added(task(), is_new=True), scene()))


def test_added_names_the_task() -> None:
    sheet = added(Added(task(12), is_new=True), scene())

    assert (sheet.data, sheet.message, sheet.lines) == (
        task(12),
        "Added 12: Buy milk",
        ["Added 12: Buy milk"],
    )


@pytest.mark.spec("002/FR-074")
def test_added_says_where_a_new_store_is() -> None:
    sheet = added(Added(task(1), is_new=True), scene(is_new_store=True))

    assert (
        sheet.message
        == sheet.lines[0]
        == "Added 1: Buy milk (new list in db.example/shop)"
    )


@pytest.mark.spec("002/FR-074")
def test_added_says_for_whom_a_list_begins() -> None:
    first = Added(task(1), is_new=True)

    assert added(first, scene()).lines == ["Added 1: Buy milk (new list for ada)"]
    assert (
        added(first, scene(by_flag=True)).message
        == "Added 1: Buy milk (new list for ada)"
    )
    assert added(first, scene(is_new_store=True, by_flag=True)).lines == [
        "Added 1: Buy milk (new list for ada in db.example/shop)"
    ]
    assert (
        added(Added(task(2), is_new=True), scene(by_flag=True)).message
        == "Added 2: Buy milk"
    )
    assert (
        added(Added(task(1), is_new=False), scene(by_flag=True)).message
        == "Already there as 1: Buy milk"
    )


@pytest.mark.spec("002/FR-074")
def test_added_all_says_once_for_whom_a_list_begins() -> None:
    results = [Added(task(number), is_new=True) for number in (1, 2)]

    sheet = added_all(results, scene())

    assert sheet.message == "Added 2 tasks (new list for ada)"
    assert sheet.lines == ["Added 1: Buy milk (new list for ada)", "Added 2: Buy milk"]


def test_added_says_that_a_task_was_there() -> None:
    assert (
        added(Added(task(3), is_new=False), scene()).message
        == "Already there as 3: Buy milk"
    )


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ([], "Added 0 tasks"),
        ([True], "Added 1 task"),
        ([True, True], "Added 2 tasks"),
        ([True, False], "Added 1 task, 1 task already there"),
        ([False, False], "Added 0 tasks, 2 tasks already there"),
        ([True] * 1_234, "Added 1,234 tasks"),
    ],
)
def test_added_all_counts_new_and_old(new: Sequence[bool], message: str) -> None:
    results = [
        Added(task(number), is_new) for number, is_new in enumerate(new, start=2)
    ]

    sheet = added_all(results, scene())

    assert (sheet.data, sheet.message) == ([result.task for result in results], message)
    assert len(sheet.lines) == len(new)
    assert all(line.startswith(("Added", "Already there as")) for line in sheet.lines)


def test_added_all_says_once_where_a_new_store_is() -> None:
    results = [Added(task(number), is_new=True) for number in (1, 2)]

    sheet = added_all(results, scene(is_new_store=True))

    assert sheet.message == "Added 2 tasks (new list in db.example/shop)"
    assert sheet.lines == [
        "Added 1: Buy milk (new list in db.example/shop)",
        "Added 2: Buy milk",
    ]


@pytest.mark.spec("002/FR-011")
@pytest.mark.parametrize(
    ("status", "limit", "counts", "message"),
    [
        (TaskStatus.OPEN, None, (3, 5), "3 open, 5 done"),
        (TaskStatus.DONE, None, (0, 1_000), "0 open, 1,000 done"),
        (TaskStatus.ALL, None, (MORE, 5), "more than 1,000 open, 5 done"),
        (TaskStatus.OPEN, 1, (3, 5), "1 of 3"),
        (TaskStatus.DONE, 1, (3, 5), "1 of 5"),
        (TaskStatus.ALL, 1, (3, 5), "1 of 8"),
        (TaskStatus.OPEN, 1, (MORE, 0), "1 of more than 1,000"),
        (TaskStatus.DONE, 1, (0, MORE), "1 of more than 1,000"),
        (TaskStatus.ALL, 1, (600, 600), "1 of more than 1,000"),
        (TaskStatus.ALL, 1, (500, 500), "1 of 1,000"),
    ],
)
def test_listed_says_how_many_there_are(
    status: TaskStatus, limit: int | None, counts: tuple[int, int], message: str
) -> None:
    sheet = listed(TaskPage([task()], *counts, TaskQuery(status, limit)), scene())

    assert sheet.message == message
    assert sheet.table is not None
    assert sheet.table.footer == message
    assert sheet.data == [task()]


@pytest.mark.spec("002/FR-053")
@pytest.mark.parametrize(
    ("status", "counts", "note"),
    [
        (TaskStatus.OPEN, (0, 0), "No open tasks for ada in db.example/shop"),
        (
            TaskStatus.OPEN,
            (0, 5),
            "No open tasks for ada in db.example/shop (0 open, 5 done)",
        ),
        (
            TaskStatus.DONE,
            (3, 0),
            "No done tasks for ada in db.example/shop (3 open, 0 done)",
        ),
        (TaskStatus.ALL, (0, 0), "No tasks for ada in db.example/shop"),
    ],
)
def test_listed_names_user_and_store_of_an_empty_list(
    status: TaskStatus, counts: tuple[int, int], note: str
) -> None:
    assert table_of(TaskPage([], *counts, TaskQuery(status))).note == note


def test_listed_makes_rows_as_they_are_asked_for() -> None:
    table = table_of(TaskPage([done(2), task(1)], 1, 1, TaskQuery(TaskStatus.ALL)))

    assert len(table.rows) == 2
    assert [row.number for row in table.rows] == [2, 1]
    assert table.rows[0] == Row(
        number=2,
        is_done=True,
        title="Buy bread",
        created_at="2026-01-02T01:04:05.000000Z",
        completed_at="2026-01-02T02:04:05.000000Z",
        id="00000000-0000-0000-0000-000000000002",
        age="1 hour ago",
    )
    assert (table.rows[1].is_done, table.rows[1].completed_at, table.rows[1].age) == (
        False,
        None,
        "2 hours ago",
    )


def test_shown_has_every_field_in_order() -> None:
    sheet = shown(done(7, description="a\nb"), scene())

    assert (sheet.data, sheet.message) == (done(7, description="a\nb"), "7: Buy bread")
    assert [name for name, _ in sheet.fields] == list(Task.__slots__)
    assert dict(sheet.fields)["completed"] == "true"
    assert dict(sheet.fields)["description"] == "a\nb"


def test_updated_names_the_task() -> None:
    assert updated(task(3), scene()).message == "Updated 3: Buy milk"


def test_changed_is_an_object_for_one_and_an_array_for_several() -> None:
    one = Changed("Done", is_single=True)([done(2)], scene())
    few = Changed("Done", is_single=False)([done(2)], scene())
    more = Changed("Done", is_single=False)([done(2), done(3)], scene())

    assert (one.data, one.message, one.lines) == (
        done(2),
        "Done 2: Buy bread",
        ["Done 2: Buy bread"],
    )
    assert (few.data, few.message, few.lines) == (
        [done(2)],
        "Done 1 task",
        ["Done 2: Buy bread"],
    )
    assert (more.message, len(more.lines)) == ("Done 2 tasks", 2)


def test_upgraded_says_which_schema_is_there() -> None:
    old, new = upgraded("0001", scene()), upgraded("0001", scene(is_new_store=True))

    assert (
        old.message
        == old.lines[0]
        == "The schema in db.example/shop is up to date (0001)"
    )
    assert new.lines == [f"{old.message} (new list in db.example/shop)"]
    assert (old.data, new.data) == (
        {"version": "0001", "created": False},
        {"version": "0001", "created": True},
    )


def test_script_hands_out_sql_as_it_is() -> None:
    sheet = script("BEGIN;\n\nCOMMIT;\n\n", scene())

    assert sheet.data == {"sql": "BEGIN;\n\nCOMMIT;\n\n"}
    assert sheet.lines == ["BEGIN;", "", "COMMIT;"]
    assert (sheet.message, sheet.fault) == ("The SQL for db.example/shop", None)
    assert [script(sql, scene()).lines for sql in ("-- x \n", "-- X\n")] == [
        ["-- x "],
        ["-- X"],
    ]


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (Imported(tasks=1, users=1, new=1), "Imported 1 task of 1 user"),
        (Imported(tasks=1_234, users=2, new=1_234), "Imported 1,234 tasks of 2 users"),
        (
            Imported(tasks=3, users=1, new=1),
            "Imported 1 task of 1 user; 2 tasks already there",
        ),
        (Imported(tasks=0, users=0, new=0), "Imported 0 tasks of 0 users"),
        (Imported(1, 1, 1, ("bob",)), "Imported 1 task of 1 user (new list for bob)"),
        (
            Imported(4, 3, 2, ("bob", "eve")),
            "Imported 2 tasks of 3 users; 2 tasks already there (new lists for bob, eve)",
        ),
        (
            Imported(6, 6, 6, tuple("abcdef")),
            "Imported 6 tasks of 6 users (new lists for a, b, c, d, e and 1 more)",
        ),
    ],
)
def test_imported_says_how_much_was_copied(result: Imported, message: str) -> None:
    sheet = imported(result, scene())

    assert (sheet.message, sheet.lines) == (message, [message])
    assert sheet.data == {
        "tasks": result.tasks,
        "users": result.users,
        "new": result.new,
    }
    counts = message.split(" (")[0]
    assert (
        imported(result, scene(is_new_store=True)).message
        == f"{counts} (new list in db.example/shop)"
    )


def test_deletion_question_names_ten_tasks_at_most() -> None:
    three = deletion_question([task(number) for number in (1, 2, 3)])
    many = deletion_question([task(number) for number in range(1, 1_235)])

    assert three == [
        "  1: Buy milk",
        "  2: Buy milk",
        "  3: Buy milk",
        "Delete 3 tasks? [y/N] ",
    ]
    assert many[9:] == [
        "  10: Buy milk",
        "  and 1,224 more",
        "Delete 1,234 tasks? [y/N] ",
    ]


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(seconds=-60), "just now"),
        (timedelta(0), "just now"),
        (timedelta(seconds=59.9), "just now"),
        (timedelta(seconds=60), "1 minute ago"),
        (timedelta(seconds=119), "1 minute ago"),
        (timedelta(minutes=59), "59 minutes ago"),
        (timedelta(hours=1), "1 hour ago"),
        (timedelta(hours=23, minutes=59), "23 hours ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=6), "6 days ago"),
        (timedelta(days=7), "1 week ago"),
        (timedelta(days=29), "4 weeks ago"),
        (timedelta(days=30), "1 month ago"),
        (timedelta(days=364), "12 months ago"),
        (timedelta(days=365), "1 year ago"),
        (timedelta(days=800), "2 years ago"),
    ],
)
def test_age_says_the_largest_unit_that_fits(ago: timedelta, words: str) -> None:
    assert age(NOW - ago, NOW) == words
