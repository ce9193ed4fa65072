"""`todo update REF`"""

from typing import Any

import pytest

from tests.cli.conftest import on_both_stores
from tests.cli.expect import add, assert_refused, tasks_of
from tests.output.values import KEYS
from tests.support.program import Ran, Todo
from tests.support.stores import Clock

LATER = "2026-01-02T03:05:05.000000Z"
LATER_STILL = "2026-01-02T03:06:05.000000Z"


@pytest.fixture
def milk(todo: Todo, clock: Clock) -> dict[str, Any]:
    """A task with a description, a minute old."""
    data: dict[str, Any] = todo(
        "add", "Buy milk", "-d", "2 litres", "--json"
    ).data
    clock.tick(60)
    return data


@pytest.mark.spec("002/FR-014", "002/FR-016")
@pytest.mark.parametrize(
    ("options", "changed"),
    [
        (["--title", "Buy bread"], {"title": "Buy bread"}),
        (["-d", "1 litre"], {"description": "1 litre"}),
        (["--description", "1 litre"], {"description": "1 litre"}),
        (["-d", ""], {"description": None}),
        (["--status", "done"], {"completed": True, "completed_at": LATER}),
        (
            ["--title", "A", "-d", "B", "--status", "done"],
            {
                "title": "A",
                "description": "B",
                "completed": True,
                "completed_at": LATER,
            },
        ),
        (
            ["--title", "A", "-d", "2 litres", "--status", "open"],
            {"title": "A"},
        ),
    ],
    ids=str,
)
def test_update_changes_only_what_is_named(
    todo: Todo,
    milk: dict[str, Any],
    options: list[str],
    changed: dict[str, Any],
) -> None:
    ran = todo("update", "1", *options, "--json")

    assert list(ran.data) == KEYS
    assert ran.data == milk | changed | {"updated_at": LATER}
    assert tasks_of(todo) == [ran.data]


@pytest.mark.spec("002/FR-014")
def test_update_to_what_is_already_there_moves_no_time(
    todo: Todo, milk: dict[str, Any]
) -> None:
    same = [
        ["--title", "  Buy milk "],
        ["-d", "2 litres"],
        ["--status", "open"],
        ["--title", "Buy milk", "-d", "2 litres", "--status", "open"],
    ]

    answers = [
        todo("update", "1", *options, "--json").data for options in same
    ]

    assert answers == [milk] * len(same)
    assert tasks_of(todo) == [milk]


@on_both_stores
@pytest.mark.spec("002/FR-014")
def test_update_keeps_the_first_time_of_what_is_done_and_forgets_it_once_open(
    todo: Todo, milk: dict[str, Any], clock: Clock
) -> None:
    add(todo, "another")
    add(todo, "his", user="bob")
    others = tasks_of(todo)[:1], tasks_of(todo, "bob")

    done = todo("update", "1", "--status", "done", "--json").data
    clock.tick(60)
    again = todo("update", "1", "--status", "done", "--json").data
    renamed = todo(
        "update", "1", "--status", "done", "--title", "A", "--json"
    ).data
    opened = todo("update", "1", "--status", "open", "--json").data

    assert again == done
    assert renamed == done | {"title": "A", "updated_at": LATER_STILL}
    assert opened == milk | {"title": "A", "updated_at": LATER_STILL}
    assert (tasks_of(todo)[:1], tasks_of(todo, "bob")) == others


@pytest.mark.spec("002/FR-056")
def test_update_prints_the_task_as_it_is_now(
    todo: Todo, milk: dict[str, Any]
) -> None:
    by_number = todo("update", "1", "--title", "Buy bread")
    by_id = todo("update", milk["id"], "-d", "white")

    assert by_number == Ran(0, "Updated 1: Buy bread\n", "")
    assert by_id == Ran(0, "Updated 1: Buy bread\n", "")


@pytest.mark.spec("002/FR-015")
def test_update_of_nothing_is_a_usage_error(
    todo: Todo, milk: dict[str, Any]
) -> None:
    for ref in ("1", "99"):
        assert_refused(todo, "update", ref, code="USAGE")

    assert tasks_of(todo) == [milk]


@pytest.mark.spec("002/FR-016")
def test_update_reads_the_description_from_stdin(
    todo: Todo, milk: dict[str, Any]
) -> None:
    expected = {
        b"one\r\n\ttwo\r\n": "one\n\ttwo",
        b"one\n\n": "one\n",
        b"": None,
    }

    read = {
        stdin: todo("update", "1", "-d", "-", "--json", stdin=stdin).data[
            "description"
        ]
        for stdin in expected
    }

    assert read == expected


@pytest.mark.spec("002/FR-016")
def test_update_clears_what_is_clear_without_moving_a_time(
    todo: Todo, clock: Clock
) -> None:
    plain = todo("add", "plain", "--json").data
    clock.tick(60)

    assert todo("update", "1", "-d", "", "--json").data == plain


@pytest.mark.spec("002/FR-036", "002/FR-059", "002/FR-062")
def test_update_refuses_a_bad_value_and_changes_nothing_else(
    todo: Todo, milk: dict[str, Any]
) -> None:
    for title in ("", "   ", "\u200b", "x" * 201, "a\x1bb"):
        assert_refused(
            todo,
            *("update", "1", "--title", title, "-d", "new"),
            code="INVALID_INPUT",
            names=["title"],
        )
    for status in ("all", "late", "", "Done"):
        assert_refused(
            todo,
            *("update", "1", "--title", "new", f"--status={status}"),
            code="USAGE",
            names=["status"],
        )
    assert_refused(
        todo,
        *("update", "1", "--title", "new", "-d", "a\x1bb"),
        code="INVALID_INPUT",
        names=["description"],
    )

    assert tasks_of(todo) == [milk]


@pytest.mark.spec("002/FR-025", "002/FR-027")
def test_update_takes_exactly_one_task_that_is_there(
    todo: Todo, milk: dict[str, Any]
) -> None:
    change = ["--title", "x"]

    assert_refused(
        todo, "update", "99", *change, code="NOT_FOUND", names=["99", "ada"]
    )
    assert_refused(
        todo, "update", "1-2", *change, code="INVALID_INPUT", names=["1-2"]
    )
    assert_refused(
        todo, "update", "1,2", *change, code="INVALID_INPUT", names=["1,2"]
    )
    assert_refused(
        todo, "update", "1", "2", *change, code="USAGE", names=["2"]
    )

    assert tasks_of(todo) == [milk]
