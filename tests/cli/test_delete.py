"""`todo delete REF...` and `todo restore REF...`: into the trash and out of it."""

import pytest

from tests.cli.conftest import on_both_stores
from tests.cli.expect import (
    ID,
    add,
    assert_refused,
    tasks_of,
    titles_of,
)
from tests.support.program import Ran, Todo
from tests.support.size import on_both_if_long
from tests.support.stores import Clock
from tests.support.texts import unstyled

LATER = "2026-01-02T03:05:05.000000Z"
TRASH = ("list", "--status", "trash", "--json")


@pytest.fixture
def four(todo: Todo) -> Todo:
    """The program on a store with four tasks."""
    add(todo, "one", "two", "three", "four")
    return todo


@on_both_if_long
@pytest.mark.spec("002/FR-019", "002/FR-025", "002/FR-229")
def test_delete_moves_tasks_to_the_trash_and_answers_with_them_as_they_are(
    four: Todo, clock: Clock
) -> None:
    before = tasks_of(four)
    clock.tick(60)

    data = four("delete", "4", "1", "--json").data

    moved = {"updated_at": LATER, "version": 2, "deleted_at": LATER}
    assert data == [before[0] | moved, before[3] | moved]
    assert tasks_of(four) == before[1:3]
    assert four(*TRASH).data == data
    assert four("show", "1", "--json").data == data[1]
    assert four("add", "five", "--json").data["number"] == 5


@on_both_if_long
@pytest.mark.spec("002/FR-229")
def test_a_task_in_the_trash_is_not_found_with_a_hint(four: Todo) -> None:
    four("delete", "1")
    trash = four(*TRASH).data

    for words in (
        ["done", "1"],
        ["done", "--undo", "1"],
        ["update", "--title", "x", "1"],
        ["note", "1", "x"],
        ["delete", "1"],
        ["delete", "--dry-run", "1"],
    ):
        error = assert_refused(
            four, *words, code="NOT_FOUND", names=["No task 1 for ada"]
        )
        assert "todo restore 1" in error["hint"]

    assert four(*TRASH).data == trash


@pytest.mark.spec("002/FR-019", "002/FR-056")
@pytest.mark.parametrize("yes", [[], ["-y"], ["--yes"]], ids=str)
@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_delete_asks_nothing(
    four: Todo, terminal: bool, yes: list[str]
) -> None:
    three = four("delete", "3", "1-2", *yes, terminal=terminal)
    one = four("delete", "4-1000", *yes, terminal=terminal)

    hints = ["", ""]
    if terminal:
        hints = [
            "hint: `todo restore 3 1 2` brings them back\n",
            "hint: `todo restore 4` brings it back\n",
        ]
    lines = "Deleted 3: three\nDeleted 1: one\nDeleted 2: two\n"
    assert three == Ran(0, lines, hints[0])
    assert one == Ran(0, "Deleted 4: four\n", hints[1])


@pytest.mark.spec("002/FR-019")
def test_delete_says_for_whom_a_task_comes_back(todo: Todo) -> None:
    add(todo, "his", user="bob")

    ran = todo("delete", "1", "-u", "bob", terminal=True)

    command = ran.err.split("`")[1]
    assert command == "todo --user bob restore 1"
    assert todo(*command.split()[1:]).out == "Restored 1: his\n"


@pytest.mark.spec("002/FR-020")
def test_delete_is_all_or_nothing(four: Todo) -> None:
    four("delete", "4")
    before = tasks_of(four), four(*TRASH).data

    for refs in (
        ["1", "99"],
        ["99", "1"],
        ["1-3", "90-99"],
        ["1", ID],
        ["1", "4"],
        ["1-3", "4-5"],
    ):
        assert_refused(four, "delete", *refs, code="NOT_FOUND", names=["ada"])

    assert (tasks_of(four), four(*TRASH).data) == before


@pytest.mark.spec("002/FR-028")
def test_delete_never_counts_tasks_of_another_user(todo: Todo) -> None:
    add(todo, "hers")
    add(todo, "his", "his too", "his three", user="bob")

    assert todo("delete", "1-100") == Ran(0, "Deleted 1: hers\n", "")
    assert titles_of(todo, "bob") == ["his", "his too", "his three"]
    assert todo(*TRASH, user="bob").data == []


@on_both_if_long
@pytest.mark.spec("002/FR-220")
def test_restore_takes_tasks_out_of_the_trash(
    four: Todo, clock: Clock
) -> None:
    before = tasks_of(four)
    four("delete", "1", "3")
    clock.tick(60)

    data = four("restore", "3", "1", "--json").data
    clock.tick(60)
    again = four("restore", "1", "2")
    single = four("restore", "#3", "--json").data

    back = {"updated_at": LATER, "version": 3}
    assert data == [before[1] | back, before[3] | back]
    assert single == data[0]
    assert tasks_of(four) == [before[0], data[0], before[2], data[1]]
    assert four(*TRASH).data == []
    assert again.out == "Already restored 1: one\nAlready restored 2: two\n"


@on_both_if_long
@pytest.mark.spec("002/FR-220", "002/FR-025")
def test_restore_of_no_task_hints_at_the_trash(four: Todo) -> None:
    four("delete", "1")
    for refs in (["77"], ["1", "77"], ["77-80"], [ID]):
        error = assert_refused(four, "restore", *refs, code="NOT_FOUND")
        assert error["hint"].startswith("`todo list --status trash` shows")
    hint = "`todo --user bob list --status trash` shows"
    error = assert_refused(four, "restore", "1", "-u", "bob", code="NOT_FOUND")
    assert error["hint"].startswith(hint)


@pytest.mark.spec("002/FR-220")
def test_restore_is_all_or_nothing(four: Todo) -> None:
    four("delete", "1-2")
    before = tasks_of(four), four(*TRASH).data

    for refs in (["1", "99"], ["1-2", "90-99"], ["1", ID]):
        assert_refused(four, "restore", *refs, code="NOT_FOUND", names=["ada"])

    assert (tasks_of(four), four(*TRASH).data) == before


@pytest.mark.spec("002/FR-010", "002/FR-054", "002/FR-229")
def test_list_shows_the_trash_only_if_it_is_asked(
    four: Todo, clock: Clock
) -> None:
    four("done", "2")
    four("delete", "3")
    clock.tick(60)
    four("delete", "1-2")

    every = four("list", "--status", "all").out.splitlines()
    rows = [
        row.split("\t")
        for row in four("list", "--status", "trash").out.splitlines()
    ]
    limited = four("list", "--status", "trash", "-L1", "--json").json
    found = four("list", "--status", "trash", "three", "--json").json
    drawn = four("list", "--status", "trash", terminal=True).out.splitlines()

    assert [row.split("\t")[0] for row in every] == ["4"]
    # The latest deleted comes first, then the newest.
    assert [row[:3] for row in rows] == [
        ["2", "trash", "two"],
        ["1", "trash", "one"],
        ["3", "trash", "three"],
    ]
    assert limited["message"] == "1 of 3"
    assert found["message"] == "1 found; 1 open, 0 done"
    assert unstyled(drawn[0]).split() == ["#", "Task", "Deleted"]
    assert drawn[-1] == "3 in the trash; 1 open, 0 done"
    assert drawn[-2].split() == ["3", "three", "1", "minute", "ago"]


@pytest.mark.spec("002/FR-053")
def test_list_says_that_the_trash_is_empty(four: Todo) -> None:
    ran = four("list", "--status", "trash", terminal=True, columns=200)

    assert ran.out.startswith("No tasks in the trash for ada in ")
    assert ran.out.endswith(" (4 open)\n")


@pytest.mark.spec("002/FR-013", "002/FR-229")
def test_show_says_that_a_task_is_in_the_trash(four: Todo) -> None:
    four("delete", "1")

    drawn = four("show", "1", terminal=True).out
    piped = four("show", "1").out.splitlines()

    assert "#1 · in the trash\n" in drawn
    assert "deleted 2 Jan 2026, 03:04 UTC (just now)\n" in drawn
    assert piped[-1] == "deleted_at\t2026-01-02T03:04:05.000000Z"


@on_both_stores
@pytest.mark.spec("002/FR-003")
def test_add_of_an_id_in_the_trash_says_where_it_is(todo: Todo) -> None:
    todo("add", "Buy milk", "--id", ID)
    todo("delete", "1")
    before = todo(*TRASH).data

    one = todo("add", "Buy bread", "--id", ID)
    document = todo("add", "Buy bread", "--id", ID, "--json")

    said = "Already there, in the trash, as 1: Buy milk"
    assert one == Ran(0, f"{said} (see `todo restore 1`)\n", "")
    assert (document.json["message"], document.data) == (said, before[0])
    assert todo(*TRASH).data == before


@pytest.mark.spec("002/FR-019")
def test_the_way_out_of_the_trash_names_the_user_that_was_named(
    todo: Todo,
) -> None:
    """Without the name it would restore another person's task 1."""
    add(todo, "mine")
    add(todo, "his", user="bob")
    todo("delete", "1")
    todo("delete", "1", "-u", "bob")

    his = todo("done", "1", "-u", "bob", "--json")
    mine = todo("done", "1", "--json")

    assert "`todo --user bob restore 1`" in his.json["error"]["hint"]
    assert "`todo restore 1`" in mine.json["error"]["hint"]
