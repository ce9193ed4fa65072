"""What is refused in people's text, what is kept, and how long it may be: each rule by
table and by property.
"""

import unicodedata
from collections.abc import Callable
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from todo_cli.errors import InvalidInput
from todo_cli.rules import REFUSED, clean_description, clean_id, clean_title, clean_user

LF, TAB = 0x0A, 0x09
SURROGATES = range(0xD800, 0xE000)
# Written out here a second time on purpose: the contract's list, not the program's.
NEVER = {
    "C0": range(0x20),
    "DEL": range(0x7F, 0x80),
    "C1": range(0x80, 0xA0),
    "line separators": range(0x2028, 0x202A),
    "bidi embeddings and overrides": range(0x202A, 0x202F),
    "bidi isolates": range(0x2066, 0x206A),
    "lone surrogates": SURROGATES,
}
NEVER_CODES = frozenset(code for codes in NEVER.values() for code in codes)
KEPT = st.characters(exclude_categories=["Cs"]).filter(
    lambda character: ord(character) not in NEVER_CODES
)
LINES = st.one_of(KEPT, st.sampled_from("\n\t"))

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
PERSIAN = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
HEBREW = "\u200f\u05e9\u05dc\u05d5\u05dd 3 (\u05d7\u05dc\u05d1)\u200f"
ARABIC = "\u061c\u0645\u0631\u062d\u0628\u0627"


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


@pytest.mark.spec("001/FR-008")
@pytest.mark.parametrize("kind", NEVER)
@pytest.mark.parametrize(("field", "clean"), CLEANERS)
def test_clean_refuses_each_character_of_each_class(
    field: str, clean: Clean, kind: str
) -> None:
    allowed = {LF, TAB} if field == "description" else set()

    accepted = {code for code in NEVER[kind] if accepts(clean, f"a{chr(code)}b")}

    assert accepted == allowed & set(NEVER[kind])


@pytest.mark.spec("001/FR-008")
@pytest.mark.parametrize(("field", "clean"), CLEANERS)
@given(
    before=st.text(KEPT, max_size=20),
    refused=st.sampled_from(sorted(NEVER_CODES - {LF, TAB})),
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
# Ruff takes the two lone surrogates for one character.
@pytest.mark.parametrize(
    "refused",
    ["\x1b", "\x7f", "\x9b", "\u202e", "\u2066", "\u2028", "\ud800", "\udcff"],  # noqa: PT014
)
def test_clean_names_the_field_and_never_repeats_the_character(
    field: str, clean: Clean, refused: str
) -> None:
    with pytest.raises(InvalidInput) as error:
        clean(f"a{refused}b")

    [detail] = error.value.details
    assert detail["field"] == field
    assert refused not in detail["message"] + error.value.message
    error.value.message.encode()  # the message itself can be shown


@pytest.mark.parametrize(
    ("clean", "text", "words"),
    [
        (clean_title, " ", "title: must hold at least one visible character"),
        (clean_title, "a" * 1_201, "title: has 1,201 characters, 200 are allowed"),
        (
            clean_title,
            " a\x1bb",
            "title: must not hold the character U+001B (position 3)",
        ),
        (
            clean_title,
            "a\u202eb",
            "title: must not hold the character U+202E (position 2)",
        ),
        (
            clean_title,
            "\udc7f",
            "title: must not hold the character U+DC7F (position 1)",
        ),
        (clean_title, "a\udc80b", "title: is not UTF-8: byte 0x80 at position 2"),
        (clean_title, "\udcff", "title: is not UTF-8: byte 0xFF at position 1"),
        (
            clean_title,
            "\udd00",
            "title: must not hold the character U+DD00 (position 1)",
        ),
        (
            clean_description,
            "a\r",
            "description: must not hold the character U+000D (position 2)",
        ),
        (
            clean_description,
            "a" * 10_001,
            "description: has 10,001 characters, 10,000 are allowed",
        ),
        (clean_user, "u" * 256, "user: has 256 characters, 255 are allowed"),
        (clean_user, "a/b", "user: must not hold `/` nor be `.` or `..`"),
        (clean_id, "7", "id: must be a UUID of 36 characters"),
    ],
)
def test_clean_says_what_is_wrong_and_where(
    clean: Callable[[str], object], text: str, words: str
) -> None:
    with pytest.raises(InvalidInput) as error:
        clean(text)

    field, _, message = words.partition(": ")
    assert error.value.message == words
    assert error.value.details == ({"field": field, "message": message},)


@pytest.mark.spec("001/FR-008")
@pytest.mark.parametrize("clean", [clean_title, clean_user], ids=["title", "user"])
@pytest.mark.parametrize(
    "refused", [*"\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85\u2028\u2029"], ids=ascii
)
def test_clean_trims_nothing_that_is_refused(clean: Clean, refused: str) -> None:
    assert not any(
        accepts(clean, text)
        for text in (f"{refused}a", f"a{refused}", f" {refused} a", refused)
    )


@pytest.mark.spec("001/FR-009")
@pytest.mark.parametrize(("field", "clean"), CLEANERS)
def test_clean_keeps_every_other_character_of_unicode(field: str, clean: Clean) -> None:
    kept = [
        chr(code)
        for code in range(0x110000)
        if code not in NEVER_CODES and chr(code) != "/"
    ]

    changed = [
        block[0]
        for start in range(0, len(kept), 150)
        if clean(block := f"a{''.join(kept[start : start + 150])}b") != block
    ]

    assert changed == []


@pytest.mark.spec("001/FR-009")
@pytest.mark.parametrize(
    "text",
    [
        FAMILY,
        PERSIAN,
        HEBREW,
        ARABIC,
        "[/]",
        "[bold]x",
        ":smile:",
        "--x",
        "\U0001f600",
        "-",
    ],
)
@pytest.mark.parametrize(
    "clean", [clean_title, description], ids=["title", "description"]
)
def test_clean_keeps_what_only_looks_special(clean: Clean, text: str) -> None:
    assert clean(text) == text


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
def test_clean_title_gives_a_title_that_it_accepts_unchanged(text: str) -> None:
    if not accepts(clean_title, text):
        return
    title = clean_title(text)

    assert (title, 1 <= len(title) <= 200) == (title.strip(), True)
    assert clean_title(title) == title


@pytest.mark.spec("001/FR-005")
@pytest.mark.parametrize("character", ["a", "\u00e9", "\u4e2d", "\U0001f600"])
def test_clean_title_counts_code_points_after_trimming(character: str) -> None:
    assert clean_title(f"   {character * 200}   ") == character * 200
    with pytest.raises(InvalidInput):
        clean_title(character * 201)


INVISIBLE = [
    pytest.param("", id="empty"),
    pytest.param("   ", id="blanks"),
    pytest.param("\u00a0\u2003\u3000", id="other blanks"),
    pytest.param("\u200b", id="zero width space"),
    pytest.param("\u200c\u200d", id="joiners"),
    pytest.param("\u200e\u200f\u061c", id="directional marks"),
    pytest.param("\u2060\ufeff", id="word joiner, BOM"),
    pytest.param("\u00ad", id="soft hyphen"),
    pytest.param("\U000e0041", id="tag"),
    pytest.param("\u3164\u115f\u1160\uffa0", id="Hangul fillers"),
    pytest.param(" \u200b \u200d ", id="mixed"),
]
VISIBLE = [
    pytest.param("X", id="letter"),
    pytest.param(".", id="full stop"),
    pytest.param("-", id="hyphen"),
    pytest.param("0", id="digit"),
    pytest.param("\u4e2d", id="ideograph"),
    pytest.param("\U0001f600", id="emoji"),
    pytest.param(FAMILY, id="emoji family"),
    pytest.param("\u2764\ufe0f", id="heart"),
    pytest.param("\u20ac", id="currency"),
    pytest.param("\uf8ff", id="private use: an icon of somebody's font"),
    pytest.param("\U0001faea", id="an emoji newer than this Python's Unicode"),
]


@pytest.mark.spec("001/FR-005")
@pytest.mark.parametrize("text", INVISIBLE)
def test_clean_title_refuses_what_nobody_can_see(text: str) -> None:
    with pytest.raises(InvalidInput) as error:
        clean_title(text)

    assert [detail["field"] for detail in error.value.details] == ["title"]


@pytest.mark.spec("001/FR-005")
@pytest.mark.parametrize("text", VISIBLE)
def test_clean_title_takes_one_visible_character(text: str) -> None:
    assert clean_title(f" {text} ") == text
    assert clean_title(f"\u200d{text}") == f"\u200d{text}"


@pytest.mark.spec("001/FR-006")
@pytest.mark.parametrize("empty", [None, ""])
def test_clean_description_makes_empty_null(empty: str | None) -> None:
    assert clean_description(empty) is None


@pytest.mark.spec("001/FR-006")
@given(st.lists(st.text(KEPT, max_size=20), min_size=1, max_size=5).filter(any))
def test_clean_description_makes_crlf_to_lf(lines: list[str]) -> None:
    assert clean_description("\r\n".join(lines)) == "\n".join(lines)


@pytest.mark.spec("001/FR-006")
@pytest.mark.parametrize("text", ["a\rb", "a\r", "\ra", "a\r\r\nb"])
def test_clean_description_refuses_a_lone_carriage_return(text: str) -> None:
    with pytest.raises(InvalidInput):
        clean_description(text)


@pytest.mark.spec("001/FR-006")
@pytest.mark.parametrize("character", ["a", "\U0001f600", "\n"])
def test_clean_description_counts_code_points(character: str) -> None:
    assert clean_description(character * 10_000) == character * 10_000
    with pytest.raises(InvalidInput) as error:
        clean_description(character * 10_001)

    assert [detail["field"] for detail in error.value.details] == ["description"]


@pytest.mark.spec("001/FR-006")
def test_clean_description_counts_after_crlf_became_lf() -> None:
    assert clean_description("\r\n" * 10_000) == "\n" * 10_000


@pytest.mark.spec("001/FR-007")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        ".",
        "..",
        " .. ",
        "a/b",
        "/",
        "a/",
        "\u200b",
        "u" * 256,
        "a\nb",
        "a\tb",
    ],
)
def test_clean_user_refuses_what_cannot_be_a_name(text: str) -> None:
    with pytest.raises(InvalidInput):
        clean_user(text)


@pytest.mark.spec("001/FR-007")
@pytest.mark.parametrize(
    "text",
    [
        "ada",
        "...",
        ".ada",
        "a..b",
        "ada@example.org",
        "DOMAIN\\ada",
        "Ada L",
        "\u4e2d",
        "u" * 255,
    ],
)
def test_clean_user_keeps_a_name(text: str) -> None:
    assert clean_user(f" {text} ") == text


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


@pytest.mark.parametrize(
    "text", [str(UUID(int=0xABCDEF)), "ABCDEFab-0189-4CDE-8f00-0123456789aB"]
)
def test_clean_id_reads_a_uuid_in_any_case(text: str) -> None:
    assert clean_id(text) == UUID(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        "0" * 32,
        f"{{{UUID(int=1)}}}",
        f"urn:uuid:{UUID(int=1)}",
        f"{UUID(int=1)}\n",
        f" {UUID(int=1)}",
        f"{UUID(int=1)}"[:-1] + "g",
        "0000-00000000-0000-0000-000000000000",
        "\u0661" + f"{UUID(int=1)}"[1:],
    ],
)
def test_clean_id_refuses_every_other_form(text: str) -> None:
    with pytest.raises(InvalidInput):
        clean_id(text)


@pytest.mark.spec("001/FR-008")
def test_refused_is_the_list_of_the_contract() -> None:
    found = {code for code in range(0x110000) if REFUSED.search(chr(code))}

    assert found == NEVER_CODES
    assert {unicodedata.category(chr(code)) for code in found} == {
        "Cc",
        "Cf",
        "Cs",
        "Zl",
        "Zp",
    }
