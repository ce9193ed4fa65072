"""`todo list`"""

import pytest

from tests.cli.expect import add, assert_refused
from tests.support.program import Ran, Todo
from tests.support.stores import Clock


def numbers(ran: Ran) -> list[int]:
    """The numbers of the listed tasks."""
    return [task["number"] for task in ran.data]


def lines(count: int) -> bytes:
    """So many titles for `add -`."""
    return "".join(f"task {number}\n" for number in range(1, count + 1)).encode()


@pytest.mark.spec("002/FR-009")
def test_list_shows_the_newest_first_and_ties_by_number(
    todo: Todo, clock: Clock
) -> None:
    add(todo, "one", "two")
    clock.tick(60)
    add(todo, "three")
    clock.tick(-120)
    add(todo, "made before all others")

    assert numbers(todo("list", "--json")) == [3, 2, 1, 4]
    assert numbers(todo("list", "--json", "--limit", "3")) == [3, 2, 1]


@pytest.mark.spec("002/FR-009")
def test_list_keeps_its_order_when_tasks_change(todo: Todo, clock: Clock) -> None:
    add(todo, "one", "two", "three")
    clock.tick(60)
    todo("update", "1", "--title", "changed")
    todo("done", "2")

    assert numbers(todo("list", "--status", "all", "--json")) == [3, 2, 1]


@pytest.mark.spec("002/FR-010")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param([], [3, 1], id="default"),
        pytest.param(["--status", "open"], [3, 1], id="open"),
        pytest.param(["--status", "done"], [4, 2], id="done"),
        pytest.param(["--status", "all"], [4, 3, 2, 1], id="all"),
        pytest.param(["--status=all", "--status=done"], [4, 2], id="the last counts"),
    ],
)
def test_list_chooses_by_status(
    todo: Todo, options: list[str], expected: list[int]
) -> None:
    add(todo, "one", "two", "three", "four")
    todo("done", "2", "4")

    assert numbers(todo("list", "--json", *options)) == expected


@pytest.mark.spec("002/FR-011")
@pytest.mark.parametrize("status", ["open", "done", "all"])
def test_list_says_both_counts_whatever_is_listed(todo: Todo, status: str) -> None:
    add(todo, "one", "two", "three")
    todo("done", "2")

    assert (
        todo("list", "--status", status, "--json").json["message"] == "2 open, 1 done"
    )


@pytest.mark.spec("002/FR-011")
@pytest.mark.parametrize(
    ("options", "shown", "said"),
    [
        pytest.param(["--limit", "1"], [5], "1 of 3", id="open"),
        pytest.param(["--limit", "3"], [5, 3, 1], "3 of 3", id="just enough"),
        pytest.param(["--limit", "999999999"], [5, 3, 1], "3 of 3", id="the highest"),
        pytest.param(["--limit", "1", "--status", "done"], [4], "1 of 2", id="done"),
        pytest.param(
            ["--limit", "4", "--status", "all"], [5, 4, 3, 2], "4 of 5", id="all"
        ),
    ],
)
def test_list_with_a_limit_says_how_many_there_are(
    todo: Todo, options: list[str], shown: list[int], said: str
) -> None:
    add(todo, "one", "two", "three", "four", "five")
    todo("done", "2", "4")

    ran = todo("list", "--json", *options)

    assert numbers(ran) == shown
    assert said in ran.json["message"]


@pytest.mark.spec("002/FR-011")
@pytest.mark.parametrize(
    "options",
    [[], ["--limit", "5"], ["--status", "done"]],
    ids=["plain", "limit", "done"],
)
@pytest.mark.nothing_made
def test_list_of_nothing_is_success(todo: Todo, options: list[str]) -> None:
    assert todo("list", "--json", *options).data == []
    assert todo("list", *options) == Ran(0, "", "")


@pytest.mark.spec("002/FR-011")
def test_list_with_a_limit_that_shows_nothing_still_counts(todo: Todo) -> None:
    add(todo, "one", "two")

    ran = todo("list", "--status", "done", "--limit", "5", "--json")

    assert ran.data == []
    assert "0 of 0" in ran.json["message"]
    assert (
        todo("list", "--status", "done", "--json").json["message"] == "2 open, 0 done"
    )


@pytest.mark.spec("002/FR-011")
@pytest.mark.spec("002/FR-012")
def test_list_counts_to_a_thousand_and_shows_all(todo: Todo) -> None:
    todo("add", "-", stdin=lines(1000))

    everything = todo("list", "--json")
    some = todo("list", "--limit", "20", "--json")

    assert numbers(everything) == list(range(1000, 0, -1))
    assert everything.json["message"] == "1,000 open, 0 done"
    assert "20 of 1,000" in some.json["message"]


@pytest.mark.spec("002/FR-012")
def test_list_says_more_than_a_thousand_above_it(todo: Todo) -> None:
    todo("add", "-", stdin=lines(1002))
    todo("done", "1")

    everything = todo("list", "--json")
    some = todo("list", "--limit", "20", "--json")

    assert numbers(everything) == list(range(1002, 1, -1))
    assert everything.json["message"] == "more than 1,000 open, 1 done"
    assert numbers(some) == list(range(1002, 982, -1))
    assert "20 of more than 1,000" in some.json["message"]
    assert (
        "1 of 1"
        in todo("list", "--limit", "20", "--status", "done", "--json").json["message"]
    )


@pytest.mark.spec("002/FR-036")
@pytest.mark.parametrize(
    ("limit", "code"),
    [
        pytest.param("0", "INVALID_INPUT", id="zero"),
        pytest.param("-1", "INVALID_INPUT", id="negative"),
        pytest.param("1000000000", "INVALID_INPUT", id="ten digits"),
        pytest.param("99999999999999999999", "INVALID_INPUT", id="twenty digits"),
        pytest.param("ten", "USAGE", id="word"),
        pytest.param("1.5", "USAGE", id="fraction"),
        pytest.param("1_0", "USAGE", id="underscore"),
        pytest.param("٣", "USAGE", id="arabic digit"),
        pytest.param("", "USAGE", id="empty"),
    ],
)
def test_list_refuses_a_limit_that_is_none(todo: Todo, limit: str, code: str) -> None:
    assert_refused(todo, "list", f"--limit={limit}", code=code, names=["limit"])


@pytest.mark.spec("002/FR-036")
@pytest.mark.parametrize("status", ["late", "", "OPEN", "completed"])
def test_list_refuses_a_status_that_is_not_one_of_the_choices(
    todo: Todo, status: str
) -> None:
    assert_refused(todo, "list", f"--status={status}", code="USAGE", names=["status"])


@pytest.mark.spec("002/FR-028")
def test_list_shows_and_counts_only_ones_own(todo: Todo) -> None:
    add(todo, "hers")
    add(todo, "his", "his too", user="bob")
    todo("done", "1", user="bob")

    assert [task["title"] for task in todo("list", "--json").data] == ["hers"]
    assert todo("list", "--json").json["message"] == "1 open, 0 done"
    assert "1 of 1" in todo("list", "--limit", "9", "--json").json["message"]
