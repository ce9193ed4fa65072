"""The text of a token: how it is made, and what is one."""

import hashlib
import re
from pathlib import Path
from uuid import UUID

import pytest

from todo_cli import redact, token_text
from todo_cli.errors import InvalidInput
from todo_cli.token_text import hash_of, make_text

EXAMPLE = "todo_pat_0000000000000000000000000000000000000000000"
"""The secret 0, without its checksum."""


@pytest.mark.spec("003/FR-001")
def test_a_token_is_a_prefix_a_secret_and_a_checksum() -> None:
    made = {make_text() for _ in range(50)}

    assert len(made) == 50
    for text in made:
        assert re.fullmatch(r"todo_pat_[0-9A-Za-z]{49}", text)
        assert re.fullmatch(token_text.PATTERN, text)
        assert hash_of(text) is not None


@pytest.mark.spec("003/FR-001")
@pytest.mark.parametrize(
    ("number", "length", "written"),
    [
        (0, 6, "000000"),
        (9, 1, "9"),
        (10, 2, "0A"),
        (61, 1, "z"),
        (62, 2, "10"),
        (2**32 - 1, 6, "4gfFC3"),
        (2**256 - 1, 43, "yhmljz6SB2GwjCRyCR5kzoLvAohVmCZDXJGAqdF9H5h"),
    ],
)
def test_digits_are_those_of_base_62(
    number: int, length: int, written: str
) -> None:
    digits = token_text._in_digits(number, length)

    assert (len(digits), len(written)) == (length, length)
    value = 0
    for digit in digits:
        value = value * 62 + token_text._DIGITS.index(digit)
    assert value == number
    if length < 43:
        assert digits == written


@pytest.mark.spec("003/FR-001", "003/FR-010")
def test_the_checksum_covers_all_before_it_and_the_hash_covers_all() -> None:
    # Computed by hand: CRC-32 of the text is 0x6DB8BDA4.
    text = EXAMPLE + token_text._checksum(EXAMPLE)

    assert hash_of(text) == hashlib.sha256(text.encode()).digest()
    assert len(hash_of(text) or b"") == 32


@pytest.mark.spec("003/FR-002")
def test_one_wrong_character_is_no_token() -> None:
    text = make_text()
    for place in range(len(text)):
        other = "x" if text[place] != "x" else "y"
        assert hash_of(f"{text[:place]}{other}{text[place + 1 :]}") is None
    for wrong in (
        "",
        EXAMPLE,
        text[:-1],
        f"{text}0",
        f" {text}",
        f"{text}\n",
        text.upper(),
        text.replace("todo_pat_", "ghp_"),
        "todo_pat_" + "\u0660" * 49,
    ):
        assert hash_of(wrong) is None, wrong


@pytest.mark.spec("003/FR-011")
@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("\u200b", "visible"),
        ("a\nb", "line break"),
        ("a\x1bb", "U\\+001B"),
        ("x" * 101, "101 characters"),
        ("6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "UUID"),
    ],
)
def test_a_name_is_one_line_and_no_uuid(text: str, fault: str) -> None:
    with pytest.raises(InvalidInput, match=fault) as caught:
        token_text.clean_name(text)
    assert caught.value.details[0]["field"] == "name"


@pytest.mark.spec("003/FR-011")
def test_a_name_is_trimmed_and_may_be_long() -> None:
    assert token_text.clean_name("  my laptop ") == "my laptop"
    assert token_text.clean_name("ö" * 100) == "ö" * 100


def test_a_key_is_an_id_or_a_name() -> None:
    id = "6F9619FF-8b86-4d01-b42d-00cf4fc964ff"

    assert token_text.read_key(id) == UUID(id)
    assert token_text.read_key(" ci ") == "ci"


@pytest.mark.spec("003/FR-003")
@pytest.mark.parametrize(
    "form",
    ["{}", "x{}", "{}x", "token={}", "'{}'", "https://a.b/?t={}", "{} is it"],
)
def test_a_token_is_hidden_in_every_text(form: str) -> None:
    text = make_text()
    for token in (text, text[:20], text.upper()):
        typed = form.format(token)
        secret = token[9:]
        assert redact.holds_token(typed)
        assert redact.shown(typed) == redact.HIDDEN
        assert secret not in redact.without_logins(typed)
        assert secret not in redact.without_secrets(typed, [], [])
        assert secret not in redact.without_words(f"No `{typed}`", [typed])
        with pytest.raises(InvalidInput) as caught:
            token_text.clean_name(typed)
        assert secret not in f"{caught.value} {caught.value.details}"


def test_the_security_page_names_the_pattern_for_scanners() -> None:
    page = Path(__file__).parents[1] / "SECURITY.md"

    assert f"`{token_text.PATTERN}`" in page.read_text(encoding="utf-8")


def test_the_prefix_alone_is_no_secret() -> None:
    assert not redact.holds_token("a token begins with `todo_pat_`")
    assert redact.shown("todo_pat_") == "todo_pat_"
