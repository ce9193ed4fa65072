"""What is refused on the way in is made harmless on the way out: nothing stored can
drive a terminal.
"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.texts import (
    ARABIC,
    FAMILY,
    HEBREW,
    MIXED,
    MIXED_SHOWN,
    PERSIAN,
)
from todo_cli.output.text import (
    escape_json,
    field,
    harmless,
    visible,
    visible_lines,
)
from todo_cli.rules import REFUSED

ANY = st.text(st.characters())
KEPT = [
    FAMILY,
    PERSIAN,
    HEBREW,
    ARABIC,
    "[bold]x[/]",
    ":smile:",
    "",
    "a  b",
    "\U0010ffff",
]


@pytest.mark.spec("002/FR-057")
def test_visible_writes_out_every_refused_character() -> None:
    assert visible(MIXED) == MIXED_SHOWN
    assert visible("a\tb\nc\rd\0e") == r"a\x09b\x0ac\x0dd\x00e"
    assert (
        visible("\u2029\u202a\u2066\u2069\ud800\x80")
        == r"\u2029\u202a\u2066\u2069\ud800\x80"
    )


def test_visible_leaves_everything_else_alone() -> None:
    for text in KEPT:
        assert (
            visible(text) == visible_lines(text) == escape_json(text) == text
        )


@given(ANY)
def test_visible_leaves_nothing_refused(text: str) -> None:
    assert REFUSED.search(visible(text)) is None
    visible(text).encode()


def test_visible_lines_keeps_lines_and_widens_tabs() -> None:
    assert (
        visible_lines(f"one\n\ttwo\r\n{MIXED}")
        == f"one\n    two\\x0d\n{MIXED_SHOWN}"
    )


@given(ANY)
def test_visible_lines_leaves_line_feeds_alone_of_what_is_refused(
    text: str,
) -> None:
    assert set(REFUSED.findall(visible_lines(text))) <= {"\n"}


def test_field_escapes_what_separates() -> None:
    assert field("a\\b\nc\td\re\x1b") == r"a\\b\nc\td\x0de\x1b"


@given(
    st.text(
        st.one_of(
            st.characters(exclude_categories=["C", "Zl", "Zp"]),
            st.sampled_from("\\\n\t"),
        )
    )
)
def test_field_can_be_read_back(text: str) -> None:
    written = field(text)
    words = (
        written.replace("\\\\", "\0")
        .replace("\\n", "\n")
        .replace("\\t", "\t")
        .replace("\0", "\\")
    )

    assert "\n" not in written
    assert "\t" not in written
    assert words == text


@given(ANY)
def test_escape_json_changes_nothing_that_json_reads(text: str) -> None:
    document = json.dumps([text], ensure_ascii=False)

    assert json.loads(escape_json(document)) == [text]
    assert REFUSED.search(escape_json(document)) is None


def test_escape_json_escapes_what_is_ascii_too() -> None:
    assert escape_json('["a\x7fb"]') == r'["a\u007fb"]'


def test_harmless_keeps_lines_and_columns() -> None:
    assert harmless("a\tb\r\nc\x1b[1m\u202e") == "a\tb\r\nc\\x1b[1m\\u202e"


@given(ANY)
def test_harmless_leaves_nothing_else_that_is_refused(text: str) -> None:
    assert {*REFUSED.findall(harmless(text))} <= {"\t", "\r", "\n"}
