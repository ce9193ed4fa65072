"""Text of people on the way in: what is refused, and what is kept.

tests/test_rules.py holds each rule, tests/safety how every text is shown by every way out.
"""

import re
from collections.abc import Sequence

import pytest

from tests.cli.conftest import on_both_stores
from tests.cli.expect import add, assert_refused, tasks_of, titles_of
from tests.support.program import Ran, Todo
from tests.support.texts import HARMLESS, UNSAFE

COLOUR = re.compile("\x1b\\[[0-9;]*m")

NEVER = "\x00\x07\x0d\x1b\x7f\x85\x9b\u2028\u202e\u2066\ud83d\udcff"


def printed(ran: Ran) -> str:
    """All that a run printed, without the colours of our own."""
    return COLOUR.sub("", ran.out) + COLOUR.sub("", ran.err)


@pytest.mark.spec("002/FR-062")
@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (["add", "a{}b"], "title"),
        (["add", "x", "-d", "a{}b"], "description"),
        (["update", "1", "--title", "a{}b", "-d", "new"], "title"),
        (["update", "1", "--title", "new", "-d", "a{}b"], "description"),
        (["add", "x", "--user", "a{}b"], "user"),
        (["done", "1{}"], "is not a task number, range or UUID"),
    ],
    ids=str,
)
def test_refuse_a_character_in_every_text_and_change_nothing(
    todo: Todo, arguments: list[str], field: str
) -> None:
    add(todo, "one")
    before = tasks_of(todo)

    for character in NEVER:
        words = [argument.format(character) for argument in arguments]
        assert_refused(todo, *words, code="INVALID_INPUT", names=[field])

    assert tasks_of(todo) == before


@pytest.mark.spec("002/FR-043", "002/FR-057")
@pytest.mark.parametrize(
    "arguments",
    [
        ["add", "a{}b"],
        ["show", "a{}b"],
        ["list", "--user", "a{}b"],
        ["list", "--status", "a{}b"],
        ["list", "--limit", "a{}b"],
        ["list", "--a{}b"],
        ["a{}b"],
    ],
    ids=" ".join,
)
def test_show_no_unsafe_character_in_an_error(
    todo_embedded: Todo, arguments: Sequence[str]
) -> None:
    for character in NEVER:
        words = [argument.format(character) for argument in arguments]
        for ran in (
            todo_embedded(*words),
            todo_embedded(*words, terminal=True),
        ):
            assert ran.status == 2
            assert UNSAFE.search(printed(ran)) is None
            assert printed(ran).count("\n") <= 2
        assert UNSAFE.search(todo_embedded(*words, "--json").out) is None


@pytest.mark.spec("002/FR-059")
def test_refuse_a_title_that_is_none(todo: Todo) -> None:
    for title in ("", "   ", "\u00a0\u2003", "\u200b", "\ufeff", "😀" * 201):
        assert_refused(
            todo, "add", title, code="INVALID_INPUT", names=["title"]
        )

    assert tasks_of(todo) == []


@pytest.mark.spec("002/FR-059")
def test_keep_a_title_after_trimming(todo: Todo) -> None:
    for title in (
        "x",
        "😀" * 200,
        "  Buy milk  ",
        "  " + "x" * 200 + "  ",
        ".",
    ):
        data = todo("add", "--json", "--", title).data
        assert data["title"] == title.strip()


@pytest.mark.spec("002/FR-060")
def test_keep_a_description(todo: Todo) -> None:
    expected = {
        "😀" * 10_000: "😀" * 10_000,
        "a\nb\n\tc\n": "a\nb\n\tc\n",
        "a\r\nb\r\n": "a\nb\n",
        "x\r\n" * 5_000: "x\n" * 5_000,
        "": None,
    }

    stored = {
        text: todo("add", "x", "-d", text, "--json").data["description"]
        for text in expected
    }

    assert stored == expected
    assert [task["description"] for task in tasks_of(todo)][::-1] == list(
        expected.values()
    )


@pytest.mark.spec("002/FR-060")
@pytest.mark.parametrize(
    "command", [["add", "x"], ["update", "1"]], ids=" ".join
)
def test_refuse_a_description_that_is_too_long(
    todo: Todo, command: list[str]
) -> None:
    add(todo, "one")
    before = tasks_of(todo)
    long = "x" * 10_001

    given = assert_refused(todo, *command, "-d", long, code="INVALID_INPUT")
    read = assert_refused(
        todo, *command, "-d", "-", stdin=long.encode(), code="INVALID_INPUT"
    )

    for error in (given, read):
        assert error["message"].startswith("description: ")
        assert "x" * 50 not in str(error)
    assert tasks_of(todo) == before


@on_both_stores
@pytest.mark.spec("002/FR-063")
def test_keep_text_code_point_for_code_point(todo: Todo) -> None:
    titles = [text for text in HARMLESS if text == text.strip()]
    text = "\n".join(HARMLESS)

    add(todo, *titles)
    described = todo(
        "add", "all", "-d", "-", "--json", stdin=text.encode()
    ).data
    given = todo("add", "-d", text, "--json", "--", *titles[:5]).data

    assert titles_of(todo) == [*titles, "all", " ".join(titles[:5])]
    assert tasks_of(todo)[:2] == [given, described]
    assert [described["description"], given["description"]] == [text, text]
