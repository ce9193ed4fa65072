"""`todo done REF...`"""

import pytest

from tests.cli.expect import add, assert_refused, tasks_of
from tests.support.program import Ran, Todo
from tests.support.stores import Clock

LATER = "2026-01-02T03:05:05.000000Z"


@pytest.mark.spec("002/FR-017")
def test_done_marks_tasks_as_done(todo: Todo, clock: Clock) -> None:
    add(todo, "one", "two", "three")
    before = tasks_of(todo)
    clock.tick(60)

    data = todo("done", "1", "3", "--json").data

    done = {"completed": True, "updated_at": LATER, "completed_at": LATER}
    assert data == [before[2] | done, before[0] | done]
    assert tasks_of(todo) == [before[0] | done, before[1], before[2] | done]


@pytest.mark.spec("002/FR-017")
def test_done_again_keeps_the_first_time(todo: Todo, clock: Clock) -> None:
    add(todo, "one", "two")
    first = todo("done", "1", "--json").data
    clock.tick(60)

    again = todo("done", "1-2", "--json").data

    assert again[0] == first
    assert (
        again[1]["completed"],
        again[1]["completed_at"],
        again[1]["updated_at"],
    ) == (True, LATER, LATER)


@pytest.mark.spec("002/FR-017")
def test_done_undo_opens_tasks_again(todo: Todo, clock: Clock) -> None:
    add(todo, "one", "two")
    todo("done", "1")
    untouched = tasks_of(todo)[0]
    clock.tick(60)

    data = todo("done", "--undo", "1-2", "--json").data

    assert (data[0]["completed"], data[0]["completed_at"], data[0]["updated_at"]) == (
        False,
        None,
        LATER,
    )
    assert data[1] == untouched


@pytest.mark.spec("002/FR-017")
def test_done_undo_again_moves_no_time(todo: Todo, clock: Clock) -> None:
    add(todo, "one")
    todo("done", "1")
    opened = todo("done", "--undo", "1", "--json").data
    clock.tick(60)

    assert todo("done", "--undo", "1", "--json").data == opened


@pytest.mark.spec("002/FR-056")
@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_done_prints_one_line_a_task_in_the_order_asked(
    todo: Todo, terminal: bool
) -> None:
    add(todo, "one", "two", "three")

    done = todo("done", "3", "1", terminal=terminal)
    opened = todo("done", "--undo", "1,3", terminal=terminal)

    assert done == Ran(0, "Done 3: three\nDone 1: one\n", "")
    assert opened == Ran(0, "Reopened 1: one\nReopened 3: three\n", "")


@pytest.mark.spec("002/FR-017")
def test_done_again_is_success_in_words(todo: Todo) -> None:
    add(todo, "one")
    todo("done", "1")

    again = todo("done", "1")

    assert (again.status, again.err, again.out.count("\n")) == (0, "", 1)
    assert "1: one" in again.out


@pytest.mark.spec("002/FR-018")
@pytest.mark.parametrize(
    "refs",
    [
        pytest.param(["1", "99"], id="missing last"),
        pytest.param(["99", "1"], id="missing first"),
        pytest.param(["1,2,99"], id="missing in a list"),
        pytest.param(["1-3", "90-99"], id="empty range"),
        pytest.param(["1", "0b2f6d7e-5a44-4f7c-9d4e-1f3f6f0f8a11"], id="missing id"),
    ],
)
@pytest.mark.parametrize("undo", [[], ["--undo"]], ids=["done", "undo"])
def test_done_is_all_or_nothing(todo: Todo, refs: list[str], undo: list[str]) -> None:
    add(todo, "one", "two", "three")
    todo("done", "2")
    before = tasks_of(todo)

    assert_refused(todo, "done", *undo, *refs, code="NOT_FOUND", names=["ada"])

    assert tasks_of(todo) == before


@pytest.mark.spec("002/FR-018")
@pytest.mark.spec("002/FR-024")
def test_done_with_one_bad_ref_changes_nothing(todo: Todo) -> None:
    add(todo, "one")
    before = tasks_of(todo)

    assert_refused(todo, "done", "1", "two", code="INVALID_INPUT", names=["two"])

    assert tasks_of(todo) == before


@pytest.mark.spec("002/FR-036")
def test_done_without_a_ref_is_a_usage_error(todo: Todo) -> None:
    assert_refused(todo, "done", code="USAGE")
    assert_refused(todo, "done", "--undo", code="USAGE")


@pytest.mark.spec("002/FR-017")
def test_done_over_a_thousand_tasks_works(todo: Todo) -> None:
    todo("add", "-", stdin=b"task\n" * 1000)

    assert todo("done", "1-1000").out.count("\n") == 1000
    assert todo("list", "--json").json["message"] == "0 open, 1,000 done"
