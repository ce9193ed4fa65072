"""`todo done REF...`"""

import pytest

from tests.cli.conftest import on_both_stores
from tests.cli.expect import ID, add, assert_refused, tasks_of
from tests.support.program import Ran, Todo
from tests.support.stores import Clock

LATER = "2026-01-02T03:05:05.000000Z"


@on_both_stores
@pytest.mark.spec("002/FR-017")
def test_done_marks_tasks_as_done_and_keeps_the_first_time(
    todo: Todo, clock: Clock
) -> None:
    add(todo, "one", "two", "three")
    before = tasks_of(todo)
    clock.tick(60)

    data = todo("done", "1", "3", "--json").data
    clock.tick(60)
    again = todo("done", "3", "1", "--json").data

    done = {
        "completed": True,
        "updated_at": LATER,
        "completed_at": LATER,
        "version": 2,
    }
    assert data == [before[2] | done, before[0] | done]
    assert again == data[::-1]
    assert tasks_of(todo) == [before[0] | done, before[1], before[2] | done]


@on_both_stores
@pytest.mark.spec("002/FR-017")
def test_done_undo_opens_tasks_again(todo: Todo, clock: Clock) -> None:
    add(todo, "one", "two")
    before = tasks_of(todo)
    todo("done", "1")
    clock.tick(60)

    data = todo("done", "--undo", "1-2", "--json").data
    clock.tick(60)
    again = todo("done", "--undo", "1-2", "--json").data

    assert data == [before[1] | {"updated_at": LATER, "version": 3}, before[0]]
    assert again == data


@pytest.mark.spec("002/FR-056")
@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_done_prints_one_line_a_task_in_the_order_asked(
    todo: Todo, terminal: bool
) -> None:
    add(todo, "one", "two", "three")

    done = todo("done", "3", "1", terminal=terminal)
    again = todo("done", "1", terminal=terminal)
    opened = todo("done", "--undo", "1,3", terminal=terminal)

    assert done == Ran(0, "Done 3: three\nDone 1: one\n", "")
    assert again == Ran(0, "Done 1: one\n", "")
    assert opened == Ran(0, "Reopened 1: one\nReopened 3: three\n", "")


@pytest.mark.spec("002/FR-018")
@pytest.mark.parametrize("undo", [[], ["--undo"]], ids=["done", "undo"])
def test_done_is_all_or_nothing(todo: Todo, undo: list[str]) -> None:
    add(todo, "one", "two", "three")
    todo("done", "2")
    before = tasks_of(todo)

    for refs in (
        ["1", "99"],
        ["99", "1"],
        ["1,2,99"],
        ["1-3", "90-99"],
        ["1", ID],
    ):
        assert_refused(
            todo, "done", *undo, *refs, code="NOT_FOUND", names=["ada"]
        )
    assert_refused(
        todo, "done", *undo, "1", "two", code="INVALID_INPUT", names=["two"]
    )

    assert tasks_of(todo) == before


@pytest.mark.spec("002/FR-017")
def test_done_over_a_thousand_tasks_works(todo: Todo) -> None:
    todo("add", "-", stdin=b"task\n" * 1000)

    assert todo("done", "1-1000").out.count("\n") == 1000
    assert todo("list", "--json").json["message"] == "0 open, 1,000 done"
