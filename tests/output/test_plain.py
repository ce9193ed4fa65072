"""Lines for pipes: tab-separated, whole, one for each task or field."""

from uuid import UUID

import pytest

from tests.output.values import (
    DAY,
    NOW,
    TODAY,
    context,
    done,
    in_lines,
    listing,
    task,
    whole,
)
from tests.support.texts import MIXED, MIXED_SHOWN
from todo_cli.output import words
from todo_cli.output.plain import render
from todo_cli.output.views import Changed, Sheet, shown


@pytest.mark.spec("002/FR-054")
def test_render_writes_a_line_for_each_task_of_a_list() -> None:
    tasks = [
        done(12),
        task(3, "x" * 200),
        task(
            4,
            due_on=TODAY,
            wait_until=TODAY + DAY,
            priority="high",
            project="home.kitchen",
            tags=["errand", "food"],
            version=7,
        ),
    ]
    text = render(listing(*tasks))

    at = "2026-01-02T01:04:05.000000Z"
    assert text == (
        f"12\tdone\tBuy bread\t{at}\t2026-01-02T02:04:05.000000Z"
        f"\t{UUID(int=12)}\t-\t-\t-\t-\t-\t1\n"
        f"3\topen\t{'x' * 200}\t{at}\t-\t{UUID(int=3)}\t-\t-\t-\t-\t-\t1\n"
        f"4\twaiting\tBuy milk\t{at}\t-\t{UUID(int=4)}\t2026-01-02\thigh"
        "\thome.kitchen\terrand,food\t2026-01-03\t7\n"
    )


@pytest.mark.spec("002/FR-054")
def test_render_says_waiting_only_of_an_open_task_that_waits() -> None:
    days = [TODAY - DAY, TODAY, TODAY + DAY]
    tasks = [task(wait_until=day) for day in days]
    rows = render(listing(*tasks, done(wait_until=TODAY + DAY))).splitlines()

    statuses = [row.split("\t")[1] for row in rows]
    assert statuses == ["open", "open", "waiting", "done"]


@pytest.mark.spec("002/FR-054")
def test_render_leaves_no_column_of_a_list_empty() -> None:
    tasks = [
        task(3),
        done(2),
        task(1, ""),
        task(4, "-", project="", tags=[""]),
    ]
    rows = [line.split("\t") for line in render(listing(*tasks)).splitlines()]

    assert [(len(row), all(row)) for row in rows] == [(12, True)] * 4
    assert [row[2] for row in rows[2:]] == ["-", "-"]


@pytest.mark.spec("002/FR-054")
def test_render_writes_nothing_for_nothing() -> None:
    assert render(listing()) == ""
    assert render(Sheet([], "Added 0 tasks")) == ""


@pytest.mark.spec("002/FR-057")
def test_render_keeps_a_hostile_title_in_its_column() -> None:
    hostile = f"a\tb\nc{MIXED}"
    shown = rf"a\x09b\x0ac{MIXED_SHOWN}"
    text = render(listing(task(1, hostile, project=hostile, tags=[hostile])))

    columns = text.split("\t")
    assert [columns[place] for place in (2, 8, 9)] == [shown] * 3
    assert text.count("\n") == 1


@pytest.mark.spec("002/FR-055")
def test_render_writes_a_line_for_each_field_of_a_task() -> None:
    text = render(
        shown(
            done(
                7,
                description="a\\b\n\tc",
                created_at=NOW - DAY,
                due_on=TODAY,
                tags=["errand", "food"],
                version=2,
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
            due_on="2026-01-02",
            tags=["errand", "food"],
            version=2,
        )
    )


@pytest.mark.spec("002/FR-055")
def test_render_leaves_what_is_null_empty() -> None:
    lines = render(shown(task(), context())).splitlines()

    bare = {"description", "completed_at", "due_on", "wait_until", "priority"}
    assert {f"{key}\t" for key in {*bare, "project", "tags"}} < {*lines}
    assert "completed\tfalse" in lines


@pytest.mark.spec("002/FR-056")
def test_render_writes_the_lines_of_a_change() -> None:
    text = render(
        Changed(words.DELETED, is_single=False)(
            [task(1), task(2, MIXED)], context()
        )
    )

    assert text == f"Deleted 1: Buy milk\nDeleted 2: {MIXED_SHOWN}\n"


def test_render_writes_warnings_between_lines_and_fields() -> None:
    sheet = Sheet(None, "", ["OK"], warnings=["a\x1b"], fields=[("b", "c")])

    assert render(sheet) == "OK\nwarning: a\\x1b\nb\tc\n"
