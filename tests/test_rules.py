"""What is refused in people's text, what is kept, and how long it may be: each rule by
table and by property.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.texts import ARABIC, FAMILY, HEBREW, PERSIAN, REFUSED_CODES
from todo_cli.errors import InvalidInput
from todo_cli.rules import (
    PRIORITIES,
    REFUSED,
    clean_description,
    clean_id,
    clean_note,
    clean_priority,
    clean_project,
    clean_tag,
    clean_tags,
    clean_title,
    clean_user,
    clean_word,
    read_day,
)

LF, TAB = 0x0A, 0x09
KEPT = st.characters(exclude_categories=["Cs"]).filter(
    lambda character: ord(character) not in REFUSED_CODES
)
LINES = st.one_of(KEPT, st.sampled_from("\n\t"))


def description(text: str) -> str:
    """Clean a description that is not empty, as text."""
    cleaned = clean_description(text)
    assert cleaned is not None
    return cleaned


def project(text: str) -> str:
    """Clean a project that is not empty, as text."""
    cleaned = clean_project(text)
    assert cleaned is not None
    return cleaned


Clean = Callable[[str], str]
CLEANERS: list[tuple[str, Clean]] = [
    ("title", clean_title),
    ("description", description),
    ("user", clean_user),
    ("project", project),
    ("note", clean_note),
]


def accepts(clean: Clean, text: str) -> bool:
    """Whether the text passes."""
    try:
        clean(text)
    except InvalidInput:
        return False
    return True


def refusal(clean: Callable[[str], object], text: str) -> InvalidInput:
    """The error that answers a text."""
    with pytest.raises(InvalidInput) as caught:
        clean(text)
    return caught.value


@pytest.mark.spec("001/FR-008")
@pytest.mark.parametrize(("field", "clean"), CLEANERS)
def test_clean_refuses_each_character_of_each_class(
    field: str, clean: Clean
) -> None:
    has_lines = field in ("description", "note")
    allowed = {LF, TAB} if has_lines else set()

    accepted = {
        code for code in REFUSED_CODES if accepts(clean, f"a{chr(code)}b")
    }

    assert accepted == allowed


@pytest.mark.spec("001/FR-008")
@given(
    cleaner=st.sampled_from(CLEANERS),
    before=st.text(KEPT, max_size=20),
    refused=st.sampled_from(sorted(REFUSED_CODES - {LF, TAB})),
    after=st.text(KEPT),
)
def test_clean_refuses_a_character_wherever_it_stands(
    cleaner: tuple[str, Clean], before: str, refused: int, after: str
) -> None:
    field, clean = cleaner
    text = f"a{before}{chr(refused)}{after[:20]}b".replace("/", "")

    with pytest.raises(InvalidInput) as error:
        clean(text)

    assert [detail["field"] for detail in error.value.details] == [field]


@pytest.mark.spec("001/FR-008")
@pytest.mark.parametrize(("field", "clean"), CLEANERS)
def test_clean_names_field_character_and_place_and_repeats_nothing(
    field: str, clean: Clean
) -> None:
    codes = {
        *(0x1B, 0x7F, 0x9B, 0x202E, 0x2066, 0x2028, 0xD800),
        0xDCFF,  # how Python carries the byte 0xFF where it is not UTF-8
    }
    for code in codes:
        error = refusal(clean, f" a{chr(code)}b")

        [detail] = error.details
        assert detail["field"] == field
        assert error.message == f"{field}: {detail['message']}"
        named = "0xFF" if code == 0xDCFF else f"U+{code:04X}"
        assert {named, "3"} <= set(re.findall(r"[\w+]+", detail["message"]))
        assert chr(code) not in error.message
        error.message.encode()  # the message itself can be shown


def test_clean_names_the_limit_and_what_is_there() -> None:
    for clean, text, numbers in (
        (clean_title, "a" * 1_201, {"1,201", "200"}),
        (clean_description, "a" * 10_001, {"10,001", "10,000"}),
        (clean_user, "u" * 256, {"256", "255"}),
        (clean_id, "7", {"36"}),
    ):
        assert numbers <= set(refusal(clean, text).message.split())


@pytest.mark.spec("001/FR-008")
def test_clean_trims_nothing_that_is_refused() -> None:
    for refused in "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85\u2028\u2029":
        for text in (f"{refused}a", f"a{refused}", f" {refused} a", refused):
            assert not accepts(clean_title, text)
            assert not accepts(clean_user, text)


@pytest.mark.spec("001/FR-009")
@pytest.mark.parametrize(("field", "clean"), CLEANERS)
def test_clean_keeps_every_other_character_of_unicode(
    field: str, clean: Clean
) -> None:
    kept = every_other_character()

    changed = [
        block[0]
        for start in range(0, len(kept), 98)
        if clean(block := f"a{kept[start : start + 98]}b") != block
    ]

    assert changed == []


@cache
def every_other_character() -> str:
    """All that is not refused, but for the signs between the parts of a project."""
    return "".join(
        chr(code)
        for code in range(0x110000)
        if code not in REFUSED_CODES and chr(code) not in "/."
    )


@pytest.mark.spec("001/FR-009")
def test_clean_keeps_what_only_looks_special() -> None:
    special = ["[/]", "[bold]x", ":smile:", "--x", "\U0001f600", "-"]
    for text in (FAMILY, PERSIAN, HEBREW, ARABIC, *special):
        assert clean_title(text) == clean_description(text) == text


@pytest.mark.spec("001/FR-009")
@given(st.text(LINES, min_size=1, max_size=300))
def test_clean_description_keeps_lines_and_tabs_as_they_are(text: str) -> None:
    assert clean_description(text) == text


@pytest.mark.spec("001/FR-005")
@given(
    before=st.text(" \u00a0\u3000", max_size=3),
    text=st.text(KEPT, max_size=198),
    after=st.text(" \u2003", max_size=3),
)
def test_clean_title_trims_and_keeps_the_rest(
    before: str, text: str, after: str
) -> None:
    title = f"a{text}b"

    assert clean_title(before + title + after) == title


@pytest.mark.spec("001/FR-005")
@given(st.text(KEPT, max_size=250))
def test_clean_title_gives_a_title_that_it_accepts_unchanged(
    text: str,
) -> None:
    if not accepts(clean_title, text):
        return
    title = clean_title(text)

    assert (title, 1 <= len(title) <= 200) == (title.strip(), True)
    assert clean_title(title) == title


@pytest.mark.spec("001/FR-005")
def test_clean_title_counts_code_points_after_trimming() -> None:
    for character in ("a", "\u00e9", "\u4e2d", "\U0001f600"):
        assert clean_title(f"   {character * 200}   ") == character * 200
        refusal(clean_title, character * 201)


INVISIBLE = {
    "empty": "",
    "blanks": "   ",
    "other blanks": "\u00a0\u2003\u3000",
    "zero width space": "\u200b",
    "joiners": "\u200c\u200d",
    "directional marks": "\u200e\u200f\u061c",
    "word joiner, BOM": "\u2060\ufeff",
    "soft hyphen": "\u00ad",
    "tag": "\U000e0041",
    "Hangul fillers": "\u3164\u115f\u1160\uffa0",
    "mixed": " \u200b \u200d ",
}
VISIBLE = {
    "letter": "X",
    "signs": ".-0",
    "ideograph": "\u4e2d",
    "emoji": "\U0001f600",
    "emoji family": FAMILY,
    "heart": "\u2764\ufe0f",
    "currency": "\u20ac",
    "private use: an icon of somebody's font": "\uf8ff",
    "an emoji newer than this Python's Unicode": "\U0001faea",
}


@pytest.mark.spec("001/FR-005")
def test_clean_title_wants_one_visible_character() -> None:
    for name, text in INVISIBLE.items():
        [detail] = refusal(clean_title, text).details
        assert detail["field"] == "title", name
    for name, text in VISIBLE.items():
        assert clean_title(f" {text} ") == text, name
        assert clean_title(f"\u200d{text}") == f"\u200d{text}", name


@pytest.mark.spec("001/FR-006")
def test_clean_description_makes_empty_null() -> None:
    assert clean_description(None) is clean_description("") is None


@pytest.mark.spec("001/FR-006")
@given(
    st.lists(st.text(KEPT, max_size=20), min_size=1, max_size=5).filter(any)
)
def test_clean_description_makes_crlf_to_lf(lines: list[str]) -> None:
    assert clean_description("\r\n".join(lines)) == "\n".join(lines)


@pytest.mark.spec("001/FR-006")
def test_clean_description_refuses_a_lone_carriage_return() -> None:
    for text in ("a\rb", "a\r", "\ra", "a\r\r\nb"):
        refusal(clean_description, text)


@pytest.mark.spec("001/FR-006")
def test_clean_description_counts_code_points() -> None:
    for character in ("a", "\U0001f600", "\n"):
        assert clean_description(character * 10_000) == character * 10_000
        [detail] = refusal(clean_description, character * 10_001).details
        assert detail["field"] == "description"


@pytest.mark.spec("001/FR-006")
def test_clean_description_counts_after_crlf_became_lf() -> None:
    assert clean_description("\r\n" * 10_000) == "\n" * 10_000


@pytest.mark.spec("001/FR-007")
def test_clean_user_takes_a_name_that_can_be_a_part_of_a_path() -> None:
    names = [
        "ada",
        "...",
        ".ada",
        "a..b",
        "ada@example.org",
        "DOMAIN\\ada",
        "Ada L",
    ]
    for text in (*names, "\u4e2d", "u" * 255):
        assert clean_user(f" {text} ") == text
    others = [
        "",
        "  ",
        ".",
        "..",
        " .. ",
        "a/b",
        "/",
        "a/",
        "\u200b",
        "a\nb",
        "a\tb",
    ]
    for text in (*others, "u" * 256):
        refusal(clean_user, text)


@pytest.mark.spec("001/FR-007")
@given(st.text(KEPT, max_size=270))
def test_clean_user_gives_a_name_that_fits_a_path(text: str) -> None:
    if not accepts(clean_user, text):
        return
    user = clean_user(text)

    assert (user, 1 <= len(user) <= 255) == (user.strip(), True)
    assert "/" not in user
    assert user not in {".", ".."}
    assert clean_user(user) == user


def test_clean_id_reads_a_uuid_in_any_case_and_no_other_form() -> None:
    one = str(UUID(int=1))
    for text in (one, "ABCDEFab-0189-4CDE-8f00-0123456789aB"):
        assert clean_id(text) == UUID(text)
    others = [
        "",
        "7",
        "0" * 32,
        f"{{{one}}}",
        f"urn:uuid:{one}",
        f"{one}\n",
        f" {one}",
    ]
    others += [
        f"{one[:-1]}g",
        "0000-00000000-0000-0000-000000000000",
        f"\u0661{one[1:]}",
    ]
    for text in others:
        refusal(clean_id, text)


@pytest.mark.spec("001/FR-008")
def test_refused_is_the_list_of_the_contract() -> None:
    found = {code for code in range(0x110000) if REFUSED.search(chr(code))}

    assert found == REFUSED_CODES
    assert {unicodedata.category(chr(code)) for code in found} == {
        "Cc",
        "Cf",
        "Cs",
        "Zl",
        "Zp",
    }


PROJECTS = ("home", "home.kitchen", "a.b.c", "x" * 100, "日本.😀", "Home")
NO_PROJECTS = (
    *(".", "..", ".a", "a.", "a..b", "a. b", "a .b", "a.\u00a0b", "a.\u3000"),
    *("none", "NONE", "NoNe", " none ", "-", " - ", "x" * 101),
    *("a\nb", "a\tb", "a\x1bb", "a\u202eb", "\udcff", "\u200b", "\u00a0"),
)


@pytest.mark.spec("001/FR-050")
def test_clean_project_wants_parts_that_are_not_empty() -> None:
    for text in PROJECTS:
        assert clean_project(f" {text}  ") == text
    for text in ("a b.c d", "none.a", "-.a", "nonesuch", "a,b", "a/b", "a-"):
        assert clean_project(text) == text
    for text in NO_PROJECTS:
        [detail] = refusal(clean_project, text).details
        assert detail["field"] == "project", text


@pytest.mark.spec("001/FR-050")
def test_clean_project_makes_empty_null() -> None:
    assert clean_project(None) is clean_project("") is None
    assert clean_project("   ") is None


@pytest.mark.spec("001/FR-050")
@given(st.text(KEPT | st.sampled_from(".. -"), max_size=110))
def test_clean_project_gives_a_name_that_it_accepts_unchanged(
    text: str,
) -> None:
    if not text.strip() or not accepts(project, text):
        return
    name = project(text)

    assert clean_project(name) == name
    assert 1 <= len(name) <= 100
    assert all(part.strip() == part != "" for part in name.split("."))


@pytest.mark.spec("001/FR-050")
def test_clean_tag_refuses_every_white_space_and_the_comma() -> None:
    spaces = [each for each in map(chr, range(0x110000)) if each.isspace()]

    assert {"\u00a0", "\u1680", "\u2003", "\u202f", "\u3000"} <= {*spaces}
    for character in (*spaces, ","):
        [detail] = refusal(clean_tag, f"a{character}b").details
        assert detail["field"] == "tags"


@pytest.mark.spec("001/FR-050")
def test_clean_tag_takes_any_other_word_of_fifty_characters() -> None:
    for text in ("a", "#a", "+a", "--", "😀" * 50, "nonesuch", "a.b", FAMILY):
        assert clean_tag(f" {text} ") == text
    for text in ("", " ", "\u200b", "none", "None", "-", "a" * 51, "a\x7fb"):
        refusal(clean_tag, text)


@pytest.mark.spec("001/FR-050")
def test_clean_tags_gives_each_once_by_code_point() -> None:
    given = ["b", "a", "B", " a", "😀", "～", "á", "a\u0301"]

    found = clean_tags(given)

    assert found == ["B", "a", "a\u0301", "b", "á", "～", "😀"]
    assert clean_tags(found) == found
    assert clean_tags(None) == clean_tags([]) == []
    assert clean_tags(iter("ab")) == ["a", "b"]


@pytest.mark.spec("001/FR-050")
def test_clean_tags_takes_fifty() -> None:
    tags = [f"t{number}" for number in range(50)]

    assert clean_tags(tags * 2) == sorted(tags)
    with pytest.raises(InvalidInput, match="has 51 tags, 50 are allowed"):
        clean_tags([*tags, "more"])


@pytest.mark.spec("001/FR-050")
def test_clean_priority_knows_three_words_and_empty() -> None:
    assert PRIORITIES == ("high", "medium", "low")
    for word in PRIORITIES:
        assert clean_priority(word) == word
    assert clean_priority(None) is clean_priority("") is None
    for text in ("High", " high", "h", "none", "1", "\udcff"):
        [detail] = refusal(clean_priority, text).details
        assert detail["field"] == "priority"


@pytest.mark.spec("001/FR-064")
def test_clean_note_trims_and_wants_something_to_see() -> None:
    for text, cleaned in (
        (" a ", "a"),
        ("a\r\nb\n", "a\nb"),
        ("\n\ta\tb", "a\tb"),
        ("x" * 10_000, "x" * 10_000),
    ):
        assert clean_note(text) == cleaned
        assert clean_note(cleaned) == cleaned
    for text in ("", " ", "\n\t", "\r\n", "\u00a0\u3000", "\u200b"):
        [detail] = refusal(clean_note, text).details
        assert detail["field"] == "note"
    others = ["\x1fa", "a\x85", "a\r", "\u2028a", "\x0ca", "\udcff", "\ra"]
    for text in ("a\rb", "a\x1bb", "a\u202eb", "x" * 10_001, *others):
        [detail] = refusal(clean_note, text).details
        assert detail["field"] == "note"


DAYS: dict[Any, date] = {
    "1900-01-01": date(1900, 1, 1),
    "2028-02-29": date(2028, 2, 29),
    "9998-12-31": date(9998, 12, 31),
    date(2026, 1, 2): date(2026, 1, 2),
}
NO_DAYS: tuple[Any, ...] = (
    *("", "2026-02-30", "2026-02-29", "2026-13-01", "2026-00-10", "2026-1-2"),
    *("1899-12-31", "9999-01-01", "0001-01-01", "9999-12-31", "20260102"),
    *("2026-W01-5", "2026-01-02T00:00:00", "2026-01-02 ", "٢٠٢٦-٠١-٠٢"),
    *("tomorrow", None, 5, 20260102, True, date(1899, 12, 31)),
    *(date.max, datetime(2026, 1, 2, tzinfo=UTC), ["2026-01-02"]),
)


@pytest.mark.spec("001/FR-052")
def test_read_day_takes_one_form_and_days_of_the_calendar() -> None:
    for value, day in DAYS.items():
        assert read_day("due_on", value) == day
    for value in NO_DAYS:
        with pytest.raises(InvalidInput) as error:
            read_day("wait_until", value)
        [detail] = error.value.details
        assert detail["field"] == "wait_until"


@pytest.mark.parametrize(
    ("word", "fault"),
    [
        ("", "must not be empty"),
        (" \u200b ", "must contain at least one visible character"),
        ("x" * 10_001, "has 10,001 characters, 10,000 are allowed"),
        ("a\x00b", "must not contain the character U+0000 (position 2)"),
    ],
)
def test_clean_word_refuses_what_no_task_contains(
    word: str, fault: str
) -> None:
    with pytest.raises(InvalidInput) as raised:
        clean_word(word)

    detail = {"field": "word", "message": fault}
    assert list(raised.value.details) == [detail]


def test_clean_word_trims() -> None:
    assert clean_word("  oat milk ") == "oat milk"
