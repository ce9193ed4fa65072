"""`todo add -`: one title a line."""

from uuid import UUID, uuid5

import pytest

from tests.cli.conftest import on_both_stores
from tests.cli.expect import ID, add, assert_refused, tasks_of, titles_of
from tests.support.program import Ran, Todo
from tests.support.stores import Clock

WITH_ID = ["add", "-", "--id", ID, "--json"]
FILES = {
    b"Buy milk\nCall Bob": ["Buy milk", "Call Bob"],
    b"\n\nBuy milk\n   \n\t\nCall Bob\n\n": ["Buy milk", "Call Bob"],
    b"Buy milk\r\n\r\nCall Bob\r\n": ["Buy milk", "Call Bob"],
    b"\xef\xbb\xbfBuy milk\nCall Bob\n": ["Buy milk", "Call Bob"],
    b"  Buy milk  \n Call Bob\n": ["Buy milk", "Call Bob"],
    b"": [],
    b"\n \n\r\n": [],
    b"\xef\xbb\xbf": [],
}
"""The titles in lines as files have them."""

BAD_LINES = [
    b"x" * 201,
    "\u200b\u200d".encode(),
    b"caf\xe9",
    b"a\tb",
    b"a\rb",
    b"a\x0cb",
    b"a\x1cb",
    "a\u0085b".encode(),
    "a\u2028b".encode(),
]
"""Lines that are no title; some hold what other programs take for the end of a line."""


def line_id(number: int) -> str:
    """The id of the line with this number."""
    return str(uuid5(UUID(ID), str(number)))


@on_both_stores
@pytest.mark.spec("002/FR-005", "002/FR-041", "002/FR-056")
def test_add_lines_stores_a_task_for_each_line_in_order(todo: Todo) -> None:
    add(todo, "first")

    words = todo("add", "-", stdin=b"Buy milk\nCall Bob\n")
    data = todo("add", "-", "--json", stdin=b"Pay rent\nSleep\n").data

    assert words == Ran(0, "Added 2: Buy milk\nAdded 3: Call Bob\n", "")
    assert [(task["number"], task["title"]) for task in data] == [
        (4, "Pay rent"),
        (5, "Sleep"),
    ]
    assert tasks_of(todo)[:2] == data[::-1]


@pytest.mark.spec("002/FR-005")
def test_add_lines_reads_lines_as_files_have_them(todo: Todo) -> None:
    read = {
        stdin: [
            task["title"]
            for task in todo("add", "-", "--json", stdin=stdin).data
        ]
        for stdin in FILES
    }

    assert read == FILES
    assert todo("add", "-", stdin=b"") == Ran(0, "", "")


@pytest.mark.spec("002/FR-006", "002/FR-062")
def test_add_lines_with_a_bad_one_store_nothing_and_name_it(
    todo: Todo,
) -> None:
    for line in BAD_LINES:
        error = assert_refused(
            todo,
            "add",
            "-",
            stdin=b"good\n\n%b\nmore\n" % line,
            code="INVALID_INPUT",
        )
        assert error["message"].startswith("line 3: title: ")
        assert error["message"].endswith("; nothing was added")
        assert [detail["field"] for detail in error["details"]] == ["line 3"]

    assert tasks_of(todo) == []
    assert todo("add", "one", "--json").data["number"] == 1


@pytest.mark.spec("002/FR-154")
def test_add_lines_are_limited_before_they_take_memory(todo: Todo) -> None:
    limits = {
        b"\n" * 100_001: "Standard input has more than 100,000 lines",
        b"ok\n" + b"x" * 65_537: "line 2: title: has more than 65,536 bytes",
        b" " * 100_000: "line 1: title: has more than 65,536 bytes",
    }
    for stdin, message in limits.items():
        error = assert_refused(
            todo, "add", "-", stdin=stdin, code="INVALID_INPUT"
        )
        assert error["message"] == f"{message}; nothing was added"
    assert tasks_of(todo) == []

    blanks = b" " * 65_000
    assert todo("add", "-", stdin=blanks + b"milk" + b" " * 500).status == 0
    assert todo("add", "-", stdin=b"\n" * 99_999 + b"last").status == 0
    assert titles_of(todo) == ["milk", "last"]


@pytest.mark.spec("002/FR-007")
def test_add_lines_again_with_an_id_add_only_what_is_missing(
    todo: Todo, clock: Clock
) -> None:
    first = todo(*WITH_ID, stdin=b"one\n\nthree\n").data
    clock.tick(60)

    again = todo(*WITH_ID, stdin=b"one\ntwo\nTHREE\n").data

    assert [(task["id"], task["title"]) for task in again] == [
        (line_id(1), "one"),
        (line_id(2), "two"),
        (line_id(3), "three"),
    ]
    assert [again[0], again[2]] == first
    assert [task["number"] for task in again] == [1, 3, 2]
    assert todo("add", "next", "--json").data["number"] == 4


@pytest.mark.spec("002/FR-004", "002/FR-006", "002/FR-007")
def test_add_lines_with_an_id_of_another_user_are_a_conflict(
    todo: Todo,
) -> None:
    todo("add", "hers", "--id", line_id(2), user="eve")

    error = assert_refused(
        todo,
        *WITH_ID[:-1],
        stdin=b"one\ntwo\n",
        code="CONFLICT",
        names=[line_id(2)],
    )

    assert (
        error["message"] == f"The id {line_id(2)} is taken; nothing was added"
    )
    assert tasks_of(todo) == []


@pytest.mark.spec("002/FR-008")
@pytest.mark.parametrize(
    ("words", "title"),
    [
        (["--", "-"], "-"),
        (["-", "milk"], "- milk"),
        (["milk", "-"], "milk -"),
        (["-", "-"], "- -"),
        (["-", "--", "milk"], "- milk"),
    ],
    ids=str,
)
def test_add_takes_a_dash_as_a_title_unless_it_stands_alone(
    todo: Todo, words: list[str], title: str
) -> None:
    ran = todo("add", "--json", *words, stdin=b"never read\n")

    assert ran.data["title"] == title


@pytest.mark.spec("002/FR-008")
def test_add_reads_lines_with_options_around_the_dash(todo: Todo) -> None:
    ran = todo("--json", "add", "-", "-u", "bob", stdin=b"one\n")

    assert [task["title"] for task in ran.data] == ["one"]
    assert titles_of(todo, "bob") == ["one"]


@on_both_stores
@pytest.mark.spec("002/FR-190")
def test_options_of_add_apply_to_every_line(todo: Todo) -> None:
    options = [
        *("-d", "for all", "--due", "2026-01-05", "--wait", "+1d"),
        *("-p", "h", "-P", "home.kitchen", "-t", "b", "-t", "a"),
    ]

    ran = todo("add", "-", *options, "--json", stdin=b"one\n\ntwo\n")

    assert [task["title"] for task in ran.data] == ["one", "two"]
    for task in ran.data:
        assert {name: task[name] for name in GIVEN} == GIVEN
    said = todo("add", "-", "--due", "tomorrow", stdin=b"x\ny\n").out
    lines = ["Added 3: x (due tomorrow)", "Added 4: y (due tomorrow)"]
    assert said.splitlines() == lines


GIVEN = {
    "description": "for all",
    "due_on": "2026-01-05",
    "wait_until": "2026-01-03",
    "priority": "high",
    "project": "home.kitchen",
    "tags": ["a", "b"],
}
"""The fields of the test above."""


@pytest.mark.spec("002/FR-036", "002/FR-190")
def test_standard_input_is_read_once(todo: Todo) -> None:
    assert_refused(todo, "add", "-", "-d", "-", stdin=b"one\n", code="USAGE")
    # An option that is wrong is not blamed on a line.
    error = assert_refused(
        todo,
        *("add", "-", "-t", "a,b"),
        stdin=b"one\n",
        code="INVALID_INPUT",
    )
    assert error["message"].startswith("tags: ")

    assert tasks_of(todo) == []
