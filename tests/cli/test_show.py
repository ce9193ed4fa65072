"""`todo show REF`"""

import re

import pytest

from tests.cli.expect import KEYS, add, assert_refused
from tests.support.program import Todo
from tests.support.stores import Clock

ID = "0b2f6d7e-5a44-4f7c-9d4e-1f3f6f0f8a11"


@pytest.mark.spec("002/FR-013")
@pytest.mark.spec("002/FR-042")
def test_show_answers_with_every_field(todo: Todo, clock: Clock) -> None:
    todo("add", "Buy milk", "-d", "2 litres", "--id", ID)
    clock.tick(1.5)
    todo("done", "1")

    ran = todo("show", "1", "--json")

    assert list(ran.data) == KEYS
    assert ran.data == {
        "id": ID,
        "number": 1,
        "user_id": "ada",
        "title": "Buy milk",
        "description": "2 litres",
        "completed": True,
        "created_at": "2026-01-02T03:04:05.000000Z",
        "updated_at": "2026-01-02T03:04:06.500000Z",
        "completed_at": "2026-01-02T03:04:06.500000Z",
    }


@pytest.mark.spec("002/FR-013")
def test_show_finds_a_task_by_its_id(todo: Todo) -> None:
    add(todo, "another")
    todo("add", "Buy milk", "--id", ID)

    assert todo("show", ID, "--json").data == todo("show", "2", "--json").data
    assert todo("show", ID.upper(), "--json").data["title"] == "Buy milk"


@pytest.mark.spec("002/FR-013")
@pytest.mark.parametrize("columns", [80, 49, 20])
def test_show_at_a_terminal_holds_every_field(todo: Todo, columns: int) -> None:
    todo("add", "Buy milk", "-d", "two\nlines", "--id", ID)

    ran = todo("show", "1", terminal=True, columns=columns)

    shown = "".join(re.sub("\x1b\\[[0-9;]*m", "", ran.out).split())
    assert (ran.status, ran.err) == (0, "")
    assert [
        text for text in ("Buymilk", "two", "lines", ID, "ada") if text not in shown
    ] == []


@pytest.mark.spec("002/FR-025")
@pytest.mark.spec("002/FR-045")
def test_show_of_a_missing_task_says_so_in_two_lines(todo: Todo) -> None:
    add(todo, "Buy milk")

    ran = todo("show", "99")

    assert (ran.status, ran.out) == (3, "")
    assert ran.err == "error: No task 99 for ada\nhint: todo list --status all\n"


@pytest.mark.spec("002/FR-025")
@pytest.mark.parametrize("ref", ["2", "999999999", ID])
def test_show_of_a_missing_task_is_not_found(todo: Todo, ref: str) -> None:
    add(todo, "Buy milk")

    assert_refused(todo, "show", ref, code="NOT_FOUND", names=[ref, "ada"])


@pytest.mark.spec("002/FR-027")
@pytest.mark.parametrize("ref", ["1-2", "1,2", "1-1", "1,1"])
def test_show_takes_no_range_and_no_list(todo: Todo, ref: str) -> None:
    add(todo, "one", "two")

    assert_refused(todo, "show", ref, code="INVALID_INPUT", names=[ref])


@pytest.mark.spec("002/FR-027")
def test_show_takes_exactly_one(todo: Todo) -> None:
    add(todo, "one", "two")

    assert_refused(todo, "show", "1", "2", code="USAGE", names=["2"])
    assert_refused(todo, "show", code="USAGE")
