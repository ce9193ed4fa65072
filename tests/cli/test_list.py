"""`todo list`"""

import pytest

from tests.cli.conftest import on_both_stores
from tests.cli.expect import add, assert_refused
from tests.support.program import Ran, Todo
from tests.support.size import on_both_if_long
from tests.support.stores import Clock


def numbers(ran: Ran) -> list[int]:
    """The numbers of the listed tasks."""
    return [task["number"] for task in ran.data]


@pytest.fixture
def five(todo: Todo) -> Todo:
    """The program on a store with five tasks, of which 2 and 4 are done."""
    add(todo, "one", "two", "three", "four", "five")
    todo("done", "2", "4")
    return todo


@on_both_if_long
@pytest.mark.spec("002/FR-009")
def test_list_shows_the_newest_first_and_ties_by_number(
    todo: Todo, clock: Clock
) -> None:
    add(todo, "one", "two")
    clock.tick(60)
    add(todo, "three")
    todo("update", "1", "--title", "changed")
    todo("done", "2")
    clock.tick(-120)
    add(todo, "made before all others")

    assert numbers(todo("list", "--status", "all", "--json")) == [3, 2, 1, 4]
    assert numbers(todo("list", "--limit", "2", "--json")) == [3, 1]


@pytest.mark.spec("002/FR-010", "002/FR-011")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], [5, 3, 1]),
        (["--status", "open"], [5, 3, 1]),
        (["--status", "done"], [4, 2]),
        (["--status", "all"], [5, 4, 3, 2, 1]),
        (["--status=all", "--status=done"], [4, 2]),
    ],
    ids=str,
)
def test_list_chooses_by_status_and_says_both_counts(
    five: Todo, options: list[str], expected: list[int]
) -> None:
    ran = five("list", "--json", *options)

    assert numbers(ran) == expected
    assert ran.json["message"] == "3 open, 2 done"


@pytest.mark.spec("002/FR-011")
@pytest.mark.parametrize(
    ("options", "shown", "said"),
    [
        (["--limit", "1"], [5], "1 of 3"),
        (["-L", "3"], [5, 3, 1], "3 of 3"),
        (["--limit", "2147483647"], [5, 3, 1], "3 of 3"),
        (["--limit", "1", "--status", "done"], [4], "1 of 2"),
        (["--limit", "4", "--status", "all"], [5, 4, 3, 2], "4 of 5"),
        (["--limit", "5", "--user", "bob"], [], "0 of 0"),
    ],
    ids=str,
)
def test_list_with_a_limit_says_how_many_there_are(
    five: Todo, options: list[str], shown: list[int], said: str
) -> None:
    ran = five("list", "--json", *options)

    assert numbers(ran) == shown
    assert said in ran.json["message"]


@on_both_stores
@pytest.mark.spec("002/FR-011")
@pytest.mark.nothing_made
def test_list_of_nothing_is_success(todo: Todo) -> None:
    for options in ([], ["--limit", "5"], ["--status", "done"]):
        assert todo("list", "--json", *options).data == []
        assert todo("list", *options) == Ran(0, "", "")


@pytest.mark.spec("002/FR-011", "002/FR-012")
def test_list_counts_to_a_thousand_and_shows_all(todo: Todo) -> None:
    todo("add", "-", stdin=b"task\n" * 1000)
    whole, some = todo("list", "--json"), todo("list", "-L", "20", "--json")
    todo("add", "-", stdin=b"task\n" * 2)
    todo("done", "1")
    above, few = todo("list", "--json"), todo("list", "-L", "20", "--json")
    done = todo("list", "-L", "20", "--status", "done", "--json")

    assert numbers(whole) == list(range(1000, 0, -1))
    assert whole.json["message"] == "1,000 open, 0 done"
    assert "20 of 1,000" in some.json["message"]
    assert numbers(above) == list(range(1002, 1, -1))
    assert above.json["message"] == "more than 1,000 open, 1 done"
    assert numbers(few) == list(range(1002, 982, -1))
    assert "20 of more than 1,000" in few.json["message"]
    assert "1 of 1" in done.json["message"]


@pytest.mark.spec("002/FR-036")
def test_list_refuses_a_limit_that_is_none(todo_embedded: Todo) -> None:
    for limit in ("0", "-1", "2147483648", "99999999999999999999"):
        assert_refused(
            todo_embedded,
            *("list", f"--limit={limit}"),
            code="INVALID_INPUT",
            names=["limit"],
        )
    for limit in ("ten", "1.5", "1_0", "٣", ""):
        assert_refused(
            todo_embedded,
            "list",
            f"--limit={limit}",
            code="USAGE",
            names=["limit"],
        )


@pytest.mark.spec("002/FR-036")
def test_list_refuses_a_status_that_is_not_one_of_the_choices(
    todo_embedded: Todo,
) -> None:
    for status in ("late", "", "OPEN", "completed"):
        assert_refused(
            todo_embedded,
            "list",
            f"--status={status}",
            code="USAGE",
            names=["status"],
        )


@pytest.mark.spec("002/FR-028")
def test_list_shows_and_counts_only_ones_own(todo: Todo) -> None:
    add(todo, "hers")
    add(todo, "his", "his too", user="bob")
    todo("done", "1", user="bob")

    assert [task["title"] for task in todo("list", "--json").data] == ["hers"]
    assert todo("list", "--json").json["message"] == "1 open, 0 done"
    assert "1 of 1" in todo("list", "--limit", "9", "--json").json["message"]
