"""Lines for pipes: tab-separated, whole, one for each task or field."""

from datetime import timedelta
from uuid import UUID

import pytest

from tests.output.values import NOW, context, done, in_lines, task, whole
from tests.support.texts import MIXED, MIXED_SHOWN
from todo_cli.output.plain import render
from todo_cli.output.views import Changed, Sheet, listed, shown
from todo_cli.task import Task, TaskPage, TaskQuery, TaskStatus


def page(*tasks: Task) -> TaskPage:
    """A page of all tasks."""
    return TaskPage(list(tasks), 1, 1, TaskQuery(TaskStatus.ALL))


@pytest.mark.spec("002/FR-054")
def test_render_writes_a_line_for_each_task_of_a_list() -> None:
    text = render(listed(page(done(12), task(3, "x" * 200)), context()))

    assert text == (
        "12\tdone\tBuy bread\t2026-01-02T01:04:05.000000Z\t2026-01-02T02:04:05.000000Z"
        f"\t{UUID(int=12)}\n"
        f"3\topen\t{'x' * 200}\t2026-01-02T01:04:05.000000Z\t-\t{UUID(int=3)}\n"
    )


@pytest.mark.spec("002/FR-054")
def test_render_leaves_no_column_of_a_list_empty() -> None:
    tasks = page(task(3), done(2), task(1, ""), task(4, "-"))
    rows = [
        line.split("\t")
        for line in render(listed(tasks, context())).splitlines()
    ]

    assert [(len(row), all(row)) for row in rows] == [(6, True)] * 4
    assert [row[2] for row in rows[2:]] == ["-", "-"]


@pytest.mark.spec("002/FR-054")
def test_render_writes_nothing_for_nothing() -> None:
    assert render(listed(TaskPage([], 0, 0, TaskQuery()), context())) == ""
    assert render(Sheet([], "Added 0 tasks")) == ""


@pytest.mark.spec("002/FR-057")
def test_render_keeps_a_hostile_title_in_its_column() -> None:
    text = render(listed(page(task(1, f"a\tb\nc{MIXED}")), context()))

    assert text.split("\t")[2] == rf"a\x09b\x0ac{MIXED_SHOWN}"
    assert text.count("\n") == 1


@pytest.mark.spec("002/FR-055")
def test_render_writes_a_line_for_each_field_of_a_task() -> None:
    text = render(
        shown(
            done(
                7, description="a\\b\n\tc", created_at=NOW - timedelta(days=1)
            ),
            context(),
        )
    )

    assert text == in_lines(
        whole(
            id=UUID(int=7),
            number=7,
            user_id="ada",
            title="Buy bread",
            description=r"a\\b\n\tc",
            completed="true",
            created_at="2026-01-01T03:04:05.000000Z",
            updated_at="2026-01-02T02:04:05.000000Z",
            completed_at="2026-01-02T02:04:05.000000Z",
        )
    )


@pytest.mark.spec("002/FR-055")
def test_render_leaves_what_is_null_empty() -> None:
    lines = render(shown(task(), context())).splitlines()

    assert {"description\t", "completed\tfalse", "completed_at\t"} <= set(
        lines
    )


@pytest.mark.spec("002/FR-056")
def test_render_writes_the_lines_of_a_change() -> None:
    text = render(
        Changed("Deleted", is_single=False)(
            [task(1), task(2, MIXED)], context()
        )
    )

    assert text == f"Deleted 1: Buy milk\nDeleted 2: {MIXED_SHOWN}\n"
