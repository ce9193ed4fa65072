"""`todo done REF...`"""

import pytest

from tests.cli.conftest import on_both_stores
from tests.cli.expect import ID, add, assert_refused, tasks_of
from tests.support.program import Ran, Todo
from tests.support.size import on_both_if_long
from tests.support.stores import Clock

LATER = "2026-01-02T03:05:05.000000Z"


@on_both_if_long
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


@on_both_if_long
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


@on_both_stores
@pytest.mark.spec("002/FR-017", "002/FR-271")
@pytest.mark.parametrize("seconds", [60, -60], ids=["later", "earlier"])
def test_what_was_so_before_is_said_whatever_the_clocks(
    todo: Todo, clock: Clock, seconds: int
) -> None:
    """As where the other machine, or this one an hour ago, has another time."""
    add(todo, "one", "two")
    todo("delete", "2")
    commands = {
        ("done", "1"): ("Done 1: one", "Already done 1: one"),
        ("update", "1", "-p", "high"): (
            "Updated 1: one (high)",
            "Already set 1: one (high)",
        ),
        ("update", "1", "-r", "one=one"): (
            "Already set 1: one",
            "Already set 1: one",
        ),
        ("restore", "2"): ("Restored 2: two", "Already restored 2: two"),
        ("done", "1", "--undo"): ("Reopened 1: one", "Already open 1: one"),
    }
    for words, (first, second) in commands.items():
        clock.tick(seconds)
        assert todo(*words) == Ran(0, f"{first}\n", ""), words
        clock.tick(seconds)
        would = f"Would change nothing: {second[0].lower()}{second[1:]}\n"
        assert todo(*words, "--dry-run") == Ran(0, would, ""), words
        assert todo(*words) == Ran(0, f"{second}\n", ""), words


@on_both_if_long
@pytest.mark.spec("002/FR-271")
def test_an_update_of_several_counts_what_was_so_before(
    todo: Todo, clock: Clock
) -> None:
    add(todo, "one", "two", "three")
    todo("update", "1", "--add-tag", "y")
    clock.tick()

    ran = todo("update", "1-3", "--add-tag", "y", "--json")

    assert ran.json["message"] == "Updated 2 tasks, 1 task already set"
    clock.tick()
    again = todo("update", "1-3", "--add-tag", "y", "--dry-run", "--json")
    assert again.json["message"] == (
        "Would change nothing: already set 3 tasks"
    )
