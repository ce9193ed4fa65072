"""`todo update REF`"""

from typing import Any

import pytest

from tests.cli.expect import KEYS, add, assert_refused, tasks_of
from tests.support.program import Ran, Todo
from tests.support.stores import Clock

CREATED = "2026-01-02T03:04:05.000000Z"
LATER = "2026-01-02T03:05:05.000000Z"
LATER_STILL = "2026-01-02T03:06:05.000000Z"


@pytest.fixture
def milk(todo: Todo, clock: Clock) -> dict[str, Any]:
    """A task with a description, a minute old."""
    data: dict[str, Any] = todo("add", "Buy milk", "-d", "2 litres", "--json").data
    clock.tick(60)
    return data


@pytest.mark.spec("002/FR-014")
@pytest.mark.parametrize(
    ("options", "changed"),
    [
        pytest.param(["--title", "Buy bread"], {"title": "Buy bread"}, id="title"),
        pytest.param(["-d", "1 litre"], {"description": "1 litre"}, id="-d"),
        pytest.param(
            ["--description", "1 litre"], {"description": "1 litre"}, id="--description"
        ),
        pytest.param(
            ["--status", "done"],
            {"completed": True, "completed_at": LATER},
            id="status",
        ),
        pytest.param(
            ["--title", "A", "-d", "B", "--status", "done"],
            {
                "title": "A",
                "description": "B",
                "completed": True,
                "completed_at": LATER,
            },
            id="all",
        ),
        pytest.param(
            ["--title", "A", "-d", "2 litres", "--status", "open"],
            {"title": "A"},
            id="one of three differs",
        ),
    ],
)
def test_update_changes_only_what_is_named(
    todo: Todo, milk: dict[str, Any], options: list[str], changed: dict[str, Any]
) -> None:
    ran = todo("update", "1", *options, "--json")

    assert list(ran.data) == KEYS
    assert ran.data == milk | changed | {"updated_at": LATER}
    assert tasks_of(todo) == [ran.data]


@pytest.mark.spec("002/FR-014")
@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--title", "Buy milk"], id="title"),
        pytest.param(["--title", "  Buy milk "], id="title to be trimmed"),
        pytest.param(["-d", "2 litres"], id="description"),
        pytest.param(["--status", "open"], id="status"),
        pytest.param(
            ["--title", "Buy milk", "-d", "2 litres", "--status", "open"], id="all"
        ),
    ],
)
def test_update_to_what_is_already_there_moves_no_time(
    todo: Todo, milk: dict[str, Any], options: list[str]
) -> None:
    assert todo("update", "1", *options, "--json").data == milk
    assert tasks_of(todo) == [milk]


@pytest.mark.spec("002/FR-014")
def test_update_to_done_twice_keeps_the_first_time(
    todo: Todo, milk: dict[str, Any], clock: Clock
) -> None:
    done = todo("update", "1", "--status", "done", "--json").data
    clock.tick(60)

    assert todo("update", "1", "--status", "done", "--json").data == done
    assert todo(
        "update", "1", "--status", "done", "--title", "A", "--json"
    ).data == done | {
        "title": "A",
        "updated_at": LATER_STILL,
    }


@pytest.mark.spec("002/FR-014")
def test_update_to_open_forgets_when_it_was_done(
    todo: Todo, milk: dict[str, Any], clock: Clock
) -> None:
    todo("done", "1")
    clock.tick(60)

    assert todo("update", "1", "--status", "open", "--json").data == milk | {
        "updated_at": LATER_STILL
    }


@pytest.mark.spec("002/FR-014")
def test_update_leaves_other_tasks_alone(todo: Todo, milk: dict[str, Any]) -> None:
    add(todo, "another")
    add(todo, "his", user="bob")
    before = tasks_of(todo)[:1], tasks_of(todo, "bob")

    todo("update", "1", "--title", "changed")

    assert (tasks_of(todo)[:1], tasks_of(todo, "bob")) == before


@pytest.mark.spec("002/FR-056")
def test_update_prints_the_task_as_it_is_now(todo: Todo, milk: dict[str, Any]) -> None:
    assert todo("update", "1", "--title", "Buy bread") == Ran(
        0, "Updated 1: Buy bread\n", ""
    )
    assert todo("update", milk["id"], "-d", "white") == Ran(
        0, "Updated 1: Buy bread\n", ""
    )


@pytest.mark.spec("002/FR-015")
@pytest.mark.parametrize("ref", ["1", "99"])
def test_update_of_nothing_is_a_usage_error(
    todo: Todo, milk: dict[str, Any], ref: str
) -> None:
    assert_refused(todo, "update", ref, code="USAGE")

    assert tasks_of(todo) == [milk]


@pytest.mark.spec("002/FR-016")
def test_update_clears_the_description_with_an_empty_one(
    todo: Todo, milk: dict[str, Any]
) -> None:
    ran = todo("update", "1", "-d", "", "--json")

    assert ran.data == milk | {"description": None, "updated_at": LATER}
    assert tasks_of(todo) == [ran.data]


@pytest.mark.spec("002/FR-016")
def test_update_clears_what_is_clear_without_moving_a_time(
    todo: Todo, clock: Clock
) -> None:
    plain = todo("add", "plain", "--json").data
    clock.tick(60)

    assert todo("update", "1", "-d", "", "--json").data == plain


@pytest.mark.spec("002/FR-016")
@pytest.mark.parametrize(
    ("stdin", "description"),
    [
        pytest.param(b"one\r\n\ttwo\r\n", "one\n\ttwo", id="lines"),
        pytest.param(b"one\n\n", "one\n", id="only one final line feed goes"),
        pytest.param(b"", None, id="nothing clears"),
    ],
)
def test_update_reads_the_description_from_stdin(
    todo: Todo, milk: dict[str, Any], stdin: bytes, description: str | None
) -> None:
    assert (
        todo("update", "1", "-d", "-", "--json", stdin=stdin).data["description"]
        == description
    )


@pytest.mark.spec("002/FR-059")
@pytest.mark.parametrize(
    "title",
    ["", "   ", "\u200b", "x" * 201],
    ids=["empty", "blank", "invisible", "too long"],
)
def test_update_refuses_a_bad_title(
    todo: Todo, milk: dict[str, Any], title: str
) -> None:
    assert_refused(
        todo,
        "update",
        "1",
        "--title",
        title,
        "-d",
        "new",
        code="INVALID_INPUT",
        names=["title"],
    )

    assert tasks_of(todo) == [milk]


@pytest.mark.spec("002/FR-036")
@pytest.mark.parametrize("status", ["all", "late", "", "Done"])
def test_update_refuses_a_status_that_is_not_one_of_the_choices(
    todo: Todo, milk: dict[str, Any], status: str
) -> None:
    assert_refused(
        todo, "update", "1", f"--status={status}", code="USAGE", names=["status"]
    )

    assert tasks_of(todo) == [milk]


@pytest.mark.spec("002/FR-025")
def test_update_of_a_missing_task_is_not_found(
    todo: Todo, milk: dict[str, Any]
) -> None:
    assert_refused(
        todo, "update", "99", "--title", "x", code="NOT_FOUND", names=["99", "ada"]
    )

    assert tasks_of(todo) == [milk]


@pytest.mark.spec("002/FR-027")
@pytest.mark.parametrize("ref", ["1-2", "1,2"])
def test_update_takes_no_range_and_no_list(todo: Todo, ref: str) -> None:
    add(todo, "one", "two")
    before = tasks_of(todo)

    assert_refused(
        todo, "update", ref, "--title", "x", code="INVALID_INPUT", names=[ref]
    )

    assert tasks_of(todo) == before


@pytest.mark.spec("002/FR-027")
def test_update_takes_exactly_one(todo: Todo) -> None:
    add(todo, "one", "two")
    before = tasks_of(todo)

    assert_refused(todo, "update", "1", "2", "--title", "x", code="USAGE", names=["2"])
    assert_refused(todo, "update", "--title", "x", code="USAGE")

    assert tasks_of(todo) == before
