"""What is refused in people's text, what is kept, and how long it may be: each rule by
table and by property.
"""

import re
import unicodedata
from collections.abc import Callable
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.texts import ARABIC, FAMILY, HEBREW, PERSIAN, REFUSED_CODES
from todo_cli.errors import InvalidInput
from todo_cli.rules import (
    REFUSED,
    clean_description,
    clean_id,
    clean_title,
    clean_user,
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


CLEANERS = [
    pytest.param("title", clean_title, id="title"),
    pytest.param("description", description, id="description"),
    pytest.param("user", clean_user, id="user"),
]
Clean = Callable[[str], str]


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
    allowed = {LF, TAB} if field == "description" else set()

    accepted = {
        code for code in REFUSED_CODES if accepts(clean, f"a{chr(code)}b")
    }

    assert accepted == allowed


@pytest.mark.spec("001/FR-008")
@pytest.mark.parametrize(("field", "clean"), CLEANERS)
@given(
    before=st.text(KEPT, max_size=20),
    refused=st.sampled_from(sorted(REFUSED_CODES - {LF, TAB})),
    after=st.text(KEPT),
)
def test_clean_refuses_a_character_wherever_it_stands(
    field: str, clean: Clean, before: str, refused: int, after: str
) -> None:
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
    kept = [
        chr(code)
        for code in range(0x110000)
        if code not in REFUSED_CODES and chr(code) != "/"
    ]

    changed = [
        block[0]
        for start in range(0, len(kept), 150)
        if clean(block := f"a{''.join(kept[start : start + 150])}b") != block
    ]

    assert changed == []


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
