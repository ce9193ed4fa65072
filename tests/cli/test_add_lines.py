"""`todo add -`: one title a line."""

import re
from uuid import UUID, uuid5

import pytest

from tests.cli.expect import add, assert_refused, tasks_of, titles_of
from tests.support.program import Ran, Todo
from tests.support.stores import Clock

ID = UUID("0b2f6d7e-5a44-4f7c-9d4e-1f3f6f0f8a11")


def line_id(number: int) -> str:
    """The id of the line with this number."""
    return str(uuid5(ID, str(number)))


@pytest.mark.spec("002/FR-005")
@pytest.mark.spec("002/FR-041")
def test_add_lines_stores_a_task_for_each_line_in_order(todo: Todo) -> None:
    data = todo("add", "-", "--json", stdin=b"Buy milk\nCall Bob\nPay rent\n").data

    assert [(task["number"], task["title"]) for task in data] == [
        (1, "Buy milk"),
        (2, "Call Bob"),
        (3, "Pay rent"),
    ]
    assert tasks_of(todo) == data[::-1]


@pytest.mark.spec("002/FR-005")
@pytest.mark.spec("002/FR-056")
def test_add_lines_prints_one_line_a_task(todo: Todo) -> None:
    add(todo, "first")

    assert todo("add", "-", stdin=b"Buy milk\nCall Bob\n") == Ran(
        0, "Added 2: Buy milk\nAdded 3: Call Bob\n", ""
    )


@pytest.mark.spec("002/FR-005")
@pytest.mark.parametrize(
    "stdin",
    [
        pytest.param(b"Buy milk\nCall Bob", id="no final line feed"),
        pytest.param(b"\n\nBuy milk\n   \n\t\nCall Bob\n\n", id="blank lines"),
        pytest.param(b"Buy milk\r\n\r\nCall Bob\r\n", id="crlf"),
        pytest.param(b"\xef\xbb\xbfBuy milk\nCall Bob\n", id="byte order mark"),
        pytest.param(b"  Buy milk  \n Call Bob\n", id="trimmed"),
    ],
)
def test_add_lines_reads_lines_as_files_have_them(todo: Todo, stdin: bytes) -> None:
    data = todo("add", "-", "--json", stdin=stdin).data

    assert [task["title"] for task in data] == ["Buy milk", "Call Bob"]


@pytest.mark.spec("002/FR-005")
@pytest.mark.parametrize(
    "stdin",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\n \n\r\n", id="blank"),
        pytest.param(b"\xef\xbb\xbf", id="byte order mark"),
    ],
)
def test_add_lines_that_read_nothing_succeed_with_no_task(
    todo: Todo, stdin: bytes
) -> None:
    assert todo("add", "-", "--json", stdin=stdin).data == []
    assert todo("add", "-", stdin=stdin).status == 0
    assert tasks_of(todo) == []


@pytest.mark.spec("002/FR-006")
@pytest.mark.spec("002/FR-062")
@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"x" * 201, id="too long"),
        pytest.param("\u200b\u200d".encode(), id="invisible"),
        pytest.param(b"caf\xe9", id="not utf-8"),
        pytest.param(b"a\x1b[31mb", id="escape"),
        pytest.param(b"a\x00b", id="nul"),
        pytest.param(b"a\tb", id="tab"),
        pytest.param(b"a\rb", id="carriage return"),
        pytest.param(b"a\x0cb", id="form feed"),
        pytest.param(b"a\x1cb", id="file separator"),
        pytest.param("a\u0085b".encode(), id="next line"),
        pytest.param("a\u2028b".encode(), id="line separator"),
        pytest.param("a\u202eb".encode(), id="override"),
    ],
)
def test_add_lines_with_a_bad_one_store_nothing_and_name_it(
    todo: Todo, line: bytes
) -> None:
    stdin = b"good\n\n" + line + b"\nalso good\n"

    error = assert_refused(todo, "add", "-", stdin=stdin, code="INVALID_INPUT")

    assert re.search(r"\b3\b", error["message"])
    assert tasks_of(todo) == []


@pytest.mark.spec("002/FR-006")
def test_add_lines_with_a_bad_one_use_up_no_number(todo: Todo) -> None:
    add(todo, "one")
    assert_refused(todo, "add", "-", stdin=b"good\n" + b"x" * 201, code="INVALID_INPUT")

    assert todo("add", "two", "--json").data["number"] == 2


@pytest.mark.spec("002/FR-006")
def test_add_lines_that_are_refused_say_that_nothing_was_added(todo: Todo) -> None:
    todo("add", "hers", "--id", line_id(2), user="eve")

    bad = todo("add", "-", "--json", stdin=b"good\n" + b"x" * 201).error
    taken = todo("add", "-", "--id", str(ID), "--json", stdin=b"one\ntwo\n").error

    assert (bad["code"], bad["message"].startswith("line 2: title: ")) == (
        "INVALID_INPUT",
        True,
    )
    assert bad["message"].endswith("; nothing was added")
    assert [detail["field"] for detail in bad["details"]] == ["line 2"]
    assert (taken["code"], taken["message"]) == (
        "CONFLICT",
        f"The id {line_id(2)} is taken; nothing was added",
    )
    assert tasks_of(todo) == []


@pytest.mark.spec("002/FR-007")
def test_add_lines_with_an_id_give_each_line_an_id_by_its_number(todo: Todo) -> None:
    data = todo("add", "-", "--id", str(ID), "--json", stdin=b"one\n\nthree\n").data

    assert [(task["id"], task["title"]) for task in data] == [
        (line_id(1), "one"),
        (line_id(3), "three"),
    ]


@pytest.mark.spec("002/FR-007")
def test_add_lines_again_with_an_id_add_only_what_is_missing(
    todo: Todo, clock: Clock
) -> None:
    first = todo("add", "-", "--id", str(ID), "--json", stdin=b"one\ntwo\n").data
    clock.tick(60)

    again = todo("add", "-", "--id", str(ID), "--json", stdin=b"one\nTWO\nthree\n").data

    assert again[:2] == first
    assert (again[2]["id"], again[2]["number"], again[2]["title"]) == (
        line_id(3),
        3,
        "three",
    )
    assert len(tasks_of(todo)) == 3


@pytest.mark.spec("002/FR-007")
def test_add_lines_again_with_an_id_use_up_no_number(todo: Todo) -> None:
    runs = [
        todo("add", "-", "--id", str(ID), "--json", stdin=b"one\ntwo\n").data
        for _ in range(3)
    ]

    assert runs == [runs[0]] * 3
    assert todo("add", "three", "--json").data["number"] == 3


@pytest.mark.spec("002/FR-007")
@pytest.mark.spec("002/FR-004")
def test_add_lines_with_an_id_of_another_user_are_a_conflict(todo: Todo) -> None:
    todo("add", "hers", "--id", line_id(2))

    assert_refused(
        todo,
        "add",
        "-",
        "--id",
        str(ID),
        user="bob",
        stdin=b"one\ntwo\n",
        code="CONFLICT",
    )

    assert tasks_of(todo, "bob") == []


@pytest.mark.spec("002/FR-008")
@pytest.mark.parametrize(
    ("words", "title"),
    [
        pytest.param(["--", "-"], "-", id="after --"),
        pytest.param(["-", "milk"], "- milk", id="first of two"),
        pytest.param(["milk", "-"], "milk -", id="last of two"),
        pytest.param(["-", "-"], "- -", id="twice"),
        pytest.param(["-", "--", "milk"], "- milk", id="with words after --"),
    ],
)
def test_add_takes_a_dash_as_a_title_unless_it_stands_alone(
    todo: Todo, words: list[str], title: str
) -> None:
    ran = todo("add", "--json", *words, stdin=b"never read\n")

    assert ran.data["title"] == title
    assert titles_of(todo) == [title]


@pytest.mark.spec("002/FR-008")
def test_add_reads_lines_with_options_around_the_dash(todo: Todo) -> None:
    assert [
        task["title"]
        for task in todo("--json", "add", "-", "-u", "bob", stdin=b"one\n").data
    ] == ["one"]
    assert titles_of(todo, "bob") == ["one"]


@pytest.mark.spec("002/FR-036")
def test_add_lines_take_no_description(todo: Todo) -> None:
    ran = todo("add", "-", "-d", "for all of them", "--json", stdin=b"one\ntwo\n")

    assert (ran.status, ran.error["code"]) == (2, "USAGE")
    assert tasks_of(todo) == []
