"""`todo show REF`"""

import re

import pytest

from tests.cli.conftest import on_both_stores
from tests.cli.expect import ID, add, assert_refused
from tests.output.values import KEYS, whole
from tests.support.program import Ran, Todo
from tests.support.stores import Clock


@on_both_stores
@pytest.mark.spec("002/FR-013", "002/FR-042")
def test_show_answers_with_every_field(todo: Todo, clock: Clock) -> None:
    todo("add", "Buy milk", "-d", "2 litres", "--id", ID)
    clock.tick(1.5)
    todo("done", "1")

    ran = todo("show", "1", "--json")

    assert list(ran.data) == KEYS
    assert ran.data == whole(
        id=ID,
        number=1,
        user_id="ada",
        title="Buy milk",
        description="2 litres",
        completed=True,
        created_at="2026-01-02T03:04:05.000000Z",
        updated_at="2026-01-02T03:04:06.500000Z",
        completed_at="2026-01-02T03:04:06.500000Z",
        version=2,
    )
    assert todo("show", ID, "--json") == ran
    assert todo("show", ID.upper(), "--json") == ran


@pytest.mark.spec("002/FR-013")
@pytest.mark.parametrize("columns", [80, 49, 20])
def test_show_at_a_terminal_holds_every_field(
    todo: Todo, columns: int
) -> None:
    todo("add", "Buy milk", "-d", "two\nlines", "--id", ID)

    ran = todo("show", "1", terminal=True, columns=columns)

    shown = "".join(re.sub("\x1b\\[[0-9;]*m", "", ran.out).split())
    assert not re.search("null|None|Priority", ran.out)
    assert (ran.status, ran.err) == (0, "")
    assert [
        text
        for text in ("Buymilk", "two", "lines", ID, "ada")
        if text not in shown
    ] == []


@pytest.mark.spec("002/FR-211")
def test_show_at_a_terminal_is_laid_out_for_people(
    todo: Todo, clock: Clock
) -> None:
    todo(
        "add", "Pay rent", "--due", "+3d", "-p", "h", "-P", "home", "--id", ID
    )
    todo("update", "1", "-d", "in cash\nwith a receipt", "--add-tag", "money")
    clock.tick(7200)

    ran = todo("show", "1", terminal=True, env={"TZ": "XXX-2", "TERM": "dumb"})

    assert ran.out.splitlines() == [
        "Pay rent",
        "number 1, open, due Mon 5 Jan (in 3 days), high priority, project home",
        "tags money",
        "added 2 Jan 2026, 05:04 +02:00 (2 hours ago) by ada",
        "",
        "  in cash",
        "  with a receipt",
        "",
        f"id {ID}, version 2",
    ]


@pytest.mark.spec("002/FR-025", "002/FR-045")
def test_show_of_a_missing_task_says_so_in_two_lines(todo: Todo) -> None:
    add(todo, "Buy milk")

    for ref in ("2", "999999999", ID):
        assert todo("show", ref) == Ran(
            3,
            "",
            f"error: No task {ref} for ada\nhint: `todo list --status all` shows your tasks\n",
        )
        assert_refused(todo, "show", ref, code="NOT_FOUND", names=[ref, "ada"])


@pytest.mark.spec("002/FR-027")
def test_show_takes_exactly_one(todo: Todo) -> None:
    add(todo, "one", "two")

    for ref in ("1-2", "1,2", "1-1", "1,1"):
        assert_refused(todo, "show", ref, code="INVALID_INPUT", names=[ref])
    assert_refused(todo, "show", "1", "2", code="USAGE", names=["2"])
