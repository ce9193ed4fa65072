"""The rules for text, once: every way in is checked here, and every way out escapes
what `REFUSED` names.

Lengths count Unicode code points. What is kept on purpose: ZWJ, ZWNJ, U+200E/F and
U+061C, which emoji families, Persian, Hebrew and Arabic need.
"""

import re
import unicodedata
from typing import Final
from uuid import UUID

from todo_cli.errors import InvalidInput

TITLE_LENGTH: Final = 200
DESCRIPTION_LENGTH: Final = 10_000
USER_LENGTH: Final = 255

UUID_TEXT: Final = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
"""A UUID as people and programs write it; Python reads more forms than this one."""

REFUSED_CLASS: Final = "\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
"""The inside of a character class: C0, DEL, C1, line and paragraph separators, bidi
embeddings, overrides and isolates (CVE-2021-42574), lone surrogates (what argv holds
where it is not UTF-8)."""

REFUSED: Final = re.compile(f"[{REFUSED_CLASS}]")
_REFUSED_IN_LINES: Final = re.compile(f"(?![\n\t])[{REFUSED_CLASS}]")
_BLANK: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Characters that Unicode calls letters or symbols and that nobody can see: Hangul
fillers, the empty Braille cell.
"""


def clean_title(text: str) -> str:
    """Trim a title and return it; one line of 1 to 200 characters, at least one of them visible."""
    return _line("title", text, TITLE_LENGTH)


def clean_user(text: str) -> str:
    """Trim a user's name and return it; it becomes a part of a path in the API, so no
    `/`, not `.` or `..`.
    """
    user = _line("user", text, USER_LENGTH)
    if "/" in user or user in (".", ".."):
        raise InvalidInput.of("user", "must not hold `/` nor be `.` or `..`")
    return user


def clean_description(text: str | None) -> str | None:
    """Return a description with LF line ends; empty becomes None."""
    if text is None:
        return None
    text = text.replace("\r\n", "\n")
    _refuse("description", text, _REFUSED_IN_LINES)
    if len(text) > DESCRIPTION_LENGTH:
        raise InvalidInput.of(
            "description",
            f"has {len(text):,} characters, {DESCRIPTION_LENGTH:,} are allowed",
        )
    return text or None


def clean_id(text: str) -> UUID:
    """Read a UUID from its 36 characters, any case."""
    if UUID_TEXT.fullmatch(text) is None:
        raise InvalidInput.of("id", "must be a UUID of 36 characters")
    return UUID(text)


def read_id(value: UUID | str) -> UUID:
    """Read a UUID from its text; one that is read already stays as it is."""
    return clean_id(value) if isinstance(value, str) else value


def _line(field: str, text: str, longest: int) -> str:
    _refuse(
        field, text, REFUSED
    )  # before trimming, which would take a line feed at an end for a blank
    text = text.strip()
    if not any(_is_visible(character) for character in text):
        raise InvalidInput.of(field, "must hold at least one visible character")
    if len(text) > longest:
        raise InvalidInput.of(
            field, f"has {len(text):,} characters, {longest} are allowed"
        )
    return text


def _refuse(field: str, text: str, refused: re.Pattern[str]) -> None:
    found = refused.search(text)
    if found is None:
        return
    code = ord(found[0])
    if 0xDC80 <= code <= 0xDCFF:  # how Python carries a byte that is not UTF-8
        raise InvalidInput.of(
            field,
            f"is not UTF-8: byte 0x{code - 0xDC00:02X} at position {found.start() + 1}",
        )
    raise InvalidInput.of(
        field,
        f"must not hold the character U+{code:04X} (position {found.start() + 1})",
    )


def _is_visible(character: str) -> bool:
    """Whether a reader sees a character that is not refused: no space, no format
    character, no lone combining mark.

    What this Python's Unicode does not know yet, such as next year's emoji, and private
    use count as visible.
    """
    category = unicodedata.category(character)
    return category[0] not in "ZM" and category != "Cf" and character not in _BLANK
