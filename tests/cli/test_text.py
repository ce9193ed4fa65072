"""Text of people: what is refused, what is kept, and how what came from elsewhere is shown.

tests/test_rules.py holds each rule, tests/safety every hostile text by every way out.
"""

import re
from collections.abc import Sequence

import pytest

from tests.cli.conftest import on_both_stores
from tests.cli.expect import add, assert_refused, tasks_of, titles_of
from tests.cli.tampering import set_text
from tests.support.program import Ran, Todo
from tests.support.stores import Store
from tests.support.texts import UNSAFE

COLOUR = re.compile("\x1b\\[[0-9;]*m")

NEVER = "\x00\x07\x0d\x1b\x7f\x85\x9b\u2028\u202e\u2066\ud83d\udcff"

KEPT = [
    "[/]",
    "[link=https://example.com]x[/link]",
    "C:\\[x]\\n",
    ":smile:",
    "\\x1b[31m",
    "--x",
    "=1+1",
    "%s {0} ${HOME}",
    "👩‍👩‍👧‍👦 👨🏽‍🚀 🏴‍☠️ 🇮🇷",
    "می\u200cخواهم نان بخرم",
    "\u200fשלום\u200f world",
    "\u200eabc\u061cd",
    "e\u0301 é",
    "买牛奶 牛乳を買う 우유",
    "zero\u200bwidth",
    "a\u00a0b",
]

FROM_ELSEWHERE = {
    "\x1b[31m": "\\x1b[31m",
    "\x1b]0;owned\x07": "\\x1b]0;owned\\x07",
    "\x9b31m": "\\x9b31m",
    "\x7f": "\\x7f",
    "\r": "\\x0d",
    "\u202e": "\\u202e",
    "\u2028": "\\u2028",
}
"""What another program wrote, and how it is shown."""


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


@pytest.mark.spec("002/FR-057")
@pytest.mark.spec("002/FR-043")
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
        for ran in (todo_embedded(*words), todo_embedded(*words, terminal=True)):
            assert ran.status == 2
            assert UNSAFE.search(printed(ran)) is None
            assert printed(ran).count("\n") <= 2
        assert UNSAFE.search(todo_embedded(*words, "--json").out) is None


@pytest.mark.spec("002/FR-059")
def test_refuse_a_title_that_is_none(todo: Todo) -> None:
    for title in ("", "   ", "\u00a0\u2003", "\u200b", "\ufeff", "😀" * 201):
        assert_refused(todo, "add", title, code="INVALID_INPUT", names=["title"])

    assert tasks_of(todo) == []


@pytest.mark.spec("002/FR-059")
def test_keep_a_title_after_trimming(todo: Todo) -> None:
    for title in ("x", "😀" * 200, "  Buy milk  ", "  " + "x" * 200 + "  ", "."):
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
@pytest.mark.parametrize("command", [["add", "x"], ["update", "1"]], ids=" ".join)
def test_refuse_a_description_that_is_too_long(todo: Todo, command: list[str]) -> None:
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
@pytest.mark.spec("002/FR-057")
def test_keep_text_code_point_for_code_point_and_show_it_as_text(todo: Todo) -> None:
    for number, text in enumerate(KEPT, start=1):
        added = todo("add", "-d", text, "--", text)
        shown = todo("show", str(number), terminal=True, columns=120)
        assert added.out.startswith(f"Added {number}: {text}")
        assert text in printed(shown)

    document, piped = todo("list", "--json"), todo("list")
    table = printed(todo("list", terminal=True, columns=120))

    assert titles_of(todo) == KEPT
    assert [task["description"] for task in document.data][::-1] == KEPT
    assert [line.split("\t")[2] for line in piped.out.splitlines()][::-1] == KEPT
    assert [
        text for text in KEPT if text not in document.out and "\\" not in text
    ] == []
    rows = table.splitlines()[2:-1][::-1]
    assert [text for text, row in zip(KEPT, rows, strict=True) if text not in row] == []


@on_both_stores
@pytest.mark.spec("002/FR-057")
@pytest.mark.spec("002/FR-043")
@pytest.mark.parametrize("raw", FROM_ELSEWHERE, ids=ascii)
def test_show_what_came_from_elsewhere_escaped(
    todo: Todo, store: Store, raw: str
) -> None:
    visible = FROM_ELSEWHERE[raw]
    todo("add", "one", "-d", "described")
    set_text(store, 1, "title", f"A{raw}Z")
    set_text(store, 1, "description", f"B{raw}Y")

    listed, shown = todo("list"), todo("show", "1")
    table = todo("list", terminal=True, columns=120)
    page = todo("show", "1", terminal=True, columns=120)
    document = todo("show", "1", "--json")
    done, deleted = todo("done", "1"), todo("delete", "1", terminal=True)

    assert listed.out.split("\t")[2] == f"A{visible}Z"
    assert listed.out.count("\n") == 1
    assert f"A{visible}Z" in printed(table)
    for ran in (shown, page):
        assert f"A{visible}Z" in printed(ran)
        assert f"B{visible}Y" in printed(ran)
    assert document.data["title"] == f"A{raw}Z"
    assert document.data["description"] == f"B{raw}Y"
    assert done.out == f"Done 1: A{visible}Z\n"
    assert deleted.out == f"Deleted 1: A{visible}Z\n"
    for ran in (listed, shown, table, page, document, done, deleted):
        assert UNSAFE.search(printed(ran)) is None


@pytest.mark.spec("002/FR-057")
@pytest.mark.spec("002/FR-054")
def test_show_lines_from_elsewhere_in_a_title_on_one_line(
    todo: Todo, store: Store
) -> None:
    add(todo, "one")
    set_text(store, 1, "title", "a\nb\tc")

    listed, done = todo("list"), todo("done", "1")

    assert (listed.out.count("\n"), listed.out.count("\t")) == (1, 5)
    assert (done.out.count("\n"), done.out.count("\t")) == (1, 0)
