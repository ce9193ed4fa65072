"""Text of people: what is refused, what is kept, and how what came from elsewhere is shown."""

import re
from collections.abc import Sequence

import pytest

from tests.cli.expect import add, assert_refused, tasks_of, titles_of
from tests.cli.tampering import set_text
from tests.support.program import Ran, Todo
from tests.support.stores import Store

# What may never reach a terminal: what rule 001 refuses, but the line feeds and tabs of our own.
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
COLOUR = re.compile("\x1b\\[[0-9;]*m")

NEVER = {
    "nul": "\x00",
    "bell": "\x07",
    "backspace": "\x08",
    "vertical tab": "\x0b",
    "carriage return": "\x0d",
    "escape": "\x1b",
    "last of C0": "\x1f",
    "delete": "\x7f",
    "first of C1": "\x80",
    "next line": "\x85",
    "CSI of C1": "\x9b",
    "last of C1": "\x9f",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "embedding": "\u202a",
    "override": "\u202e",
    "isolate": "\u2066",
    "end of isolate": "\u2069",
    "high surrogate": "\ud83d",
    "byte that is not utf-8": "\udcff",
}
IN_LINES = {"line feed": "\n", "tab": "\t"}

KEPT = {
    "closing markup": "[/]",
    "markup": "[bold]x",
    "link": "[link=https://example.com]x[/link]",
    "backslashes": "C:\\[x]\\n",
    "emoji code": ":smile:",
    "escape in letters": "\\x1b[31m",
    "like an option": "--x",
    "like help": "-h",
    "formula": "=1+1",
    "placeholders": "%s {0} ${HOME}",
    "emoji of four bytes": "😀🧪🦀",
    "emoji families": "👩‍👩‍👧‍👦 👨🏽‍🚀 🏴‍☠️",
    "flags": "🇮🇷🇮🇱",
    "persian with ZWNJ": "می\u200cخواهم نان بخرم",
    "hebrew with marks": "\u200fשלום\u200f world",
    "other marks": "\u200eabc\u061cd",
    "composed and not": "e\u0301 é",
    "compatibility": "ﬁ Ⅷ ｆｕｌｌ",
    "wide": "买牛奶 牛乳を買う 우유",
    "zero-width space inside": "zero\u200bwidth",
    "no-break space": "a\u00a0b",
}

FROM_ELSEWHERE = [
    pytest.param("\x1b[31m", "\\x1b[31m", id="escape"),
    pytest.param("\x1b]0;owned\x07", "\\x1b]0;owned\\x07", id="window title"),
    pytest.param("\x9b31m", "\\x9b31m", id="CSI of C1"),
    pytest.param("\x7f", "\\x7f", id="delete"),
    pytest.param("\r", "\\x0d", id="carriage return"),
    pytest.param("\u202e", "\\u202e", id="override"),
    pytest.param("\u2066", "\\u2066", id="isolate"),
    pytest.param("\u2028", "\\u2028", id="line separator"),
]


def printed(ran: Ran) -> str:
    """All that a run printed, without the colours of our own."""
    return COLOUR.sub("", ran.out) + COLOUR.sub("", ran.err)


@pytest.mark.spec("002/FR-062")
def test_refuse_a_character_in_a_title(todo: Todo) -> None:
    for title in (
        f"a{character}b" for character in [*NEVER.values(), *IN_LINES.values()]
    ):
        assert_refused(todo, "add", title, code="INVALID_INPUT", names=["title"])
        assert_refused(
            todo, "update", "1", "--title", title, code="INVALID_INPUT", names=["title"]
        )

    assert tasks_of(todo) == []


@pytest.mark.spec("002/FR-062")
def test_refuse_a_character_in_a_description(todo: Todo) -> None:
    for description in (f"a{character}b" for character in NEVER.values()):
        assert_refused(
            todo,
            "add",
            "x",
            "-d",
            description,
            code="INVALID_INPUT",
            names=["description"],
        )
        assert_refused(
            todo,
            "update",
            "1",
            "-d",
            description,
            code="INVALID_INPUT",
            names=["description"],
        )

    assert tasks_of(todo) == []


@pytest.mark.spec("002/FR-062")
@pytest.mark.parametrize(
    "options",
    [["--title", "a\x1bb", "-d", "new"], ["--title", "new", "-d", "a\x1bb"]],
    ids=repr,
)
def test_refuse_a_character_and_change_nothing_else(
    todo: Todo, options: list[str]
) -> None:
    add(todo, "one")
    before = tasks_of(todo)

    assert_refused(todo, "update", "1", *options, code="INVALID_INPUT")

    assert tasks_of(todo) == before


@pytest.mark.spec("002/FR-062")
def test_refuse_a_character_in_a_user(todo: Todo) -> None:
    for user in (
        f"a{character}b" for character in [*NEVER.values(), *IN_LINES.values()]
    ):
        assert_refused(
            todo, "add", "x", "--user", user, code="INVALID_INPUT", names=["user"]
        )


@pytest.mark.spec("002/FR-062")
def test_refuse_a_character_in_a_ref(todo: Todo) -> None:
    add(todo, "one")

    for character in [*NEVER.values(), *IN_LINES.values()]:
        assert_refused(todo, "done", f"1{character}", code="INVALID_INPUT")

    assert [task["completed"] for task in tasks_of(todo)] == [False]


@pytest.mark.spec("002/FR-057")
@pytest.mark.parametrize("character", NEVER.values(), ids=NEVER)
@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["add", "a{}b"], id="title"),
        pytest.param(["show", "a{}b"], id="ref"),
        pytest.param(["list", "--user", "a{}b"], id="user"),
        pytest.param(["list", "--status", "a{}b"], id="status"),
        pytest.param(["list", "--limit", "a{}b"], id="limit"),
        pytest.param(["list", "--a{}b"], id="option"),
        pytest.param(["a{}b"], id="command"),
    ],
)
def test_show_no_unsafe_character_in_an_error(
    todo_embedded: Todo, character: str, terminal: bool, arguments: Sequence[str]
) -> None:
    filled = [argument.format(character) for argument in arguments]

    ran = todo_embedded(*filled, terminal=terminal)

    assert ran.status == 2
    assert UNSAFE.search(printed(ran)) is None
    assert printed(ran).count("\n") <= 2


@pytest.mark.spec("002/FR-057")
def test_show_the_user_of_an_error_as_text(todo: Todo) -> None:
    ran = todo("show", "99", user="[bold]:smile:\\[x]", terminal=True)

    assert "No task 99 for [bold]:smile:\\[x]" in printed(ran)


@pytest.mark.spec("002/FR-059")
@pytest.mark.parametrize(
    "title",
    [
        pytest.param("", id="empty"),
        pytest.param("   ", id="blank"),
        pytest.param("\u00a0\u2003", id="other blanks"),
        pytest.param("\u200b", id="zero-width space"),
        pytest.param("\u200d\u200c", id="joiners"),
        pytest.param("\u200e\u200f\u061c", id="marks"),
        pytest.param("\ufeff", id="byte order mark"),
        pytest.param("\u00ad", id="soft hyphen"),
        pytest.param("\u2060", id="word joiner"),
        pytest.param("x" * 201, id="too long"),
        pytest.param("😀" * 201, id="too long in emoji"),
    ],
)
def test_refuse_a_title_that_is_none(todo: Todo, title: str) -> None:
    assert_refused(todo, "add", title, code="INVALID_INPUT", names=["title"])

    assert tasks_of(todo) == []


@pytest.mark.spec("002/FR-059")
@pytest.mark.parametrize(
    ("title", "stored"),
    [
        pytest.param("x", "x", id="shortest"),
        pytest.param("x" * 200, "x" * 200, id="longest"),
        pytest.param("😀" * 200, "😀" * 200, id="longest in emoji"),
        pytest.param("  Buy milk  ", "Buy milk", id="trimmed"),
        pytest.param("  " + "x" * 200 + "  ", "x" * 200, id="trimmed to the longest"),
        pytest.param(".", ".", id="full stop"),
    ],
)
def test_keep_a_title_after_trimming(todo: Todo, title: str, stored: str) -> None:
    assert todo("add", "--json", "--", title).data["title"] == stored
    assert titles_of(todo) == [stored]


@pytest.mark.spec("002/FR-060")
@pytest.mark.parametrize(
    ("description", "stored"),
    [
        pytest.param("x" * 10_000, "x" * 10_000, id="longest"),
        pytest.param("😀" * 10_000, "😀" * 10_000, id="longest in emoji"),
        pytest.param("a\nb\n\tc\n", "a\nb\n\tc\n", id="lines and tabs"),
        pytest.param("a\r\nb\r\n", "a\nb\n", id="crlf"),
        pytest.param(
            "x\r\n" * 5_000, "x\n" * 5_000, id="as long as allowed once CRLF is LF"
        ),
        pytest.param("", None, id="empty"),
    ],
)
def test_keep_a_description(todo: Todo, description: str, stored: str | None) -> None:
    assert todo("add", "x", "-d", description, "--json").data["description"] == stored
    assert tasks_of(todo)[0]["description"] == stored


@pytest.mark.spec("002/FR-060")
def test_refuse_a_description_that_is_too_long(todo: Todo) -> None:
    add(todo, "one")
    before = tasks_of(todo)

    error = assert_refused(
        todo,
        "add",
        "x",
        "-d",
        "x" * 10_001,
        code="INVALID_INPUT",
        names=["description"],
    )
    assert_refused(
        todo,
        "update",
        "1",
        "-d",
        "x" * 10_001,
        code="INVALID_INPUT",
        names=["description"],
    )
    assert_refused(
        todo,
        "add",
        "x",
        "-d",
        "-",
        stdin=b"x" * 10_001,
        code="INVALID_INPUT",
        names=["description"],
    )

    assert "x" * 50 not in str(error)
    assert tasks_of(todo) == before


@pytest.mark.spec("002/FR-063")
@pytest.mark.spec("002/FR-057")
@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT)
def test_keep_text_code_point_for_code_point(todo: Todo, text: str) -> None:
    add(todo, "first")

    added = todo("add", "-d", text, "--", text)
    shown = todo("show", "2", "--json").data

    assert added == Ran(0, f"Added 2: {text}\n", "")
    assert (shown["title"], shown["description"]) == (text, text)


@pytest.mark.spec("002/FR-063")
@pytest.mark.spec("002/FR-057")
def test_show_text_as_text(todo: Todo) -> None:
    texts = list(KEPT.values())
    add(todo, *texts)

    document, table = (
        todo("list", "--json"),
        printed(todo("list", terminal=True, columns=120)),
    )

    assert [line.split("\t")[2] for line in todo("list").out.splitlines()][
        ::-1
    ] == texts
    assert [task["title"] for task in document.data][::-1] == texts
    assert [
        text for text in texts if text not in document.out and "\\" not in text
    ] == []
    rows = table.splitlines()[2:-1][::-1]
    assert [
        text for text, row in zip(texts, rows, strict=True) if text not in row
    ] == []
    for number, text in enumerate(texts, start=1):
        assert text in printed(todo("show", str(number), terminal=True, columns=120))
    done = todo("done", f"1-{len(texts)}", terminal=True)
    assert done.out == "".join(
        f"Done {number}: {text}\n" for number, text in enumerate(texts, start=1)
    )


@pytest.mark.spec("002/FR-057")
@pytest.mark.spec("002/FR-043")
@pytest.mark.parametrize(("raw", "visible"), FROM_ELSEWHERE)
def test_show_what_came_from_elsewhere_escaped(
    todo: Todo, store: Store, raw: str, visible: str
) -> None:
    todo("add", "one", "-d", "described")
    set_text(store, 1, "title", f"A{raw}Z")
    set_text(store, 1, "description", f"B{raw}Y")

    listed, shown = todo("list"), todo("show", "1")
    table, page = (
        todo("list", terminal=True, columns=120),
        todo("show", "1", terminal=True, columns=120),
    )
    document = todo("show", "1", "--json")
    done, deleted = todo("done", "1"), todo("delete", "1", terminal=True)

    assert listed.out.split("\t")[2] == f"A{visible}Z"
    assert listed.out.count("\n") == 1
    assert [
        text for text in (f"A{visible}Z", f"B{visible}Y") if text not in shown.out
    ] == []
    assert f"A{visible}Z" in printed(table)
    assert [
        text for text in (f"A{visible}Z", f"B{visible}Y") if text not in printed(page)
    ] == []
    assert (document.data["title"], document.data["description"]) == (
        f"A{raw}Z",
        f"B{raw}Y",
    )
    assert (done.out, deleted.out) == (
        f"Done 1: A{visible}Z\n",
        f"Deleted 1: A{visible}Z\n",
    )
    assert [
        ran
        for ran in (listed, shown, table, page, document, done, deleted)
        if UNSAFE.search(printed(ran))
    ] == []


@pytest.mark.spec("002/FR-057")
@pytest.mark.spec("002/FR-054")
def test_show_lines_from_elsewhere_in_a_title_on_one_line(
    todo: Todo, store: Store
) -> None:
    add(todo, "one")
    set_text(store, 1, "title", "a\nb\tc")

    listed, done = todo("list"), todo("done", "1")

    assert (listed.out.count("\n"), listed.out.count("\t")) == (1, 5)
    assert done.out.count("\n") == 1
    assert "\t" not in done.out


@pytest.mark.spec("002/FR-057")
@pytest.mark.parametrize("raw", ["[/]\x1b[2J", "\u202e:smile:"])
def test_show_the_question_about_text_from_elsewhere_safely(
    todo: Todo, store: Store, raw: str
) -> None:
    add(todo, "one", "two", "three")
    set_text(store, 1, "title", raw)

    ran = todo("delete", "1-3", terminal=True, stdin=b"n\n")

    assert ran.status == 10
    assert UNSAFE.search(printed(ran)) is None
