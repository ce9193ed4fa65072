"""The rules for text. All input is checked here.

All output escapes the characters of `REFUSED`. Lengths are in Unicode code
points. ZWJ, ZWNJ, U+200E/F and U+061C are allowed: emoji families, Persian,
Hebrew and Arabic need them.
"""

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

from todo_cli.errors import InvalidInput

TITLE_LENGTH: Final = 200
DESCRIPTION_LENGTH: Final = 10_000
USER_LENGTH: Final = 255
COMMAND_LENGTH: Final = 20
PROJECT_LENGTH: Final = 100
TAG_LENGTH: Final = 50
TOKEN_NAME_LENGTH: Final = 100
MOST_TAGS: Final = 50
PRIORITIES: Final = ("high", "medium", "low")
"""The highest first."""
NONE_WORDS: Final = ("none", "-")
"""What no project and no tag is called: `none` clears, and `-` means none."""

LARGEST_NUMBER: Final = 2**31 - 1
"""The largest number that the columns of both stores can hold."""
LARGEST_IMPORTED: Final = LARGEST_NUMBER - 1_000_000
"""The highest number, or version, that an import takes from a file.

Others follow it: the next task needs a number, and the next change a version.
"""
FIRST_YEAR: Final = 1900
END_YEAR: Final = 9999
"""Times are before this year, so that every time zone can show them."""

_INSTANT: Final = re.compile(
    "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?"
    "(Z|[+-][0-9]{2}:[0-9]{2})"
)
"""The form of RFC 3339; Python accepts others, and cuts a longer fraction."""

_DAY: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")

UUID_LENGTH: Final = 36
UUID_TEXT: Final = re.compile(
    r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
)
"""The usual form of a UUID; Python's `UUID` accepts others, too."""

REFUSED_CLASS: Final = (
    "\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
)
"""The inside of a character class, of refused characters.

C0, DEL, C1, line and paragraph separators, bidi embeddings, overrides and
isolates (CVE-2021-42574), and lone surrogates. A lone surrogate is a byte of
argv that is not UTF-8.
"""

REFUSED: Final = re.compile(f"[{REFUSED_CLASS}]")
_REFUSED_IN_LINES: Final = re.compile(f"(?![\n\t])[{REFUSED_CLASS}]")
_NAMES: Final = {
    "\t": "a tab",
    "\n": "a line break",
    "\r": "a carriage return",
}
"""Refused characters that have a name of their own."""
_BLANK: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Invisible characters that Unicode classes as letters or symbols.

They are the Hangul fillers and the empty Braille cell.
"""


def clean_title(text: str) -> str:
    """Trim a title and return it.

    It is one line of 1 to 200 characters, at least one of them visible.

    Raises:
        InvalidInput: the title breaks one of these rules.
    """
    hint = "the notes can be longer: `-d TEXT`"
    return _line("title", text, TITLE_LENGTH, hint=hint)


def clean_user(text: str) -> str:
    """Trim a user's name and return it.

    It is one line of 1 to 255 characters, and is usable in a path of the API.

    Raises:
        InvalidInput: the name breaks one of these rules.
    """
    user = _line("user", text, USER_LENGTH)
    # Clients and proxies normalize these in the path of a request.
    if "/" in user or user in (".", ".."):
        raise InvalidInput.of(
            "user", "must not contain `/`, and must not be `.` or `..`"
        )
    return user


def clean_command(text: str) -> str:
    """Return the command of an operation, which may be one of a later version.

    Raises:
        InvalidInput: it is too long, empty, or contains a refused character.
    """
    return _line("command", text, COMMAND_LENGTH)


def clean_description(text: str | None) -> str | None:
    """Return a description with LF line ends; an empty one becomes None.

    Raises:
        InvalidInput: it is too long, or contains a refused character.
    """
    if text is None:
        return None
    # One way only to store "no description".
    return _lines("description", text) or None


def clean_note(text: str) -> str:
    """Trim a note, one or more lines for the end of a description.

    Raises:
        InvalidInput: it is blank, too long, or contains a refused character.
    """
    # Before trimming, which would silently remove some of them.
    note = _lines("note", text).strip()
    _require_visible("note", note)
    return note


def clean_word(text: str) -> str:
    """Trim a word, or some words, to look for in tasks.

    Raises:
        InvalidInput: it is longer than any text of a task, has no visible
            character, or has one that no task contains.
    """
    _refuse("word", text, _REFUSED_IN_LINES)
    word = text.strip()
    _require_visible("word", word)
    if len(word) > DESCRIPTION_LENGTH:
        raise InvalidInput.of(
            "word",
            f"has {len(word):,} characters, {DESCRIPTION_LENGTH:,} are allowed",
        )
    return word


def clean_project(text: str | None) -> str | None:
    """Trim the name of a project, such as `home.kitchen`; empty becomes None.

    Its parts are separated by `.`, and none of them is empty.

    Raises:
        InvalidInput: the name breaks one of these rules.
    """
    if text is None or not text.strip(" "):
        return None
    project = _line("project", text, PROJECT_LENGTH)
    _refuse_none("project", project)
    parts = project.split(".")
    if any(part.strip() != part or not part for part in parts):
        raise InvalidInput.of(
            "project", "must not have an empty part, as in `home.kitchen`"
        )
    return project


def clean_tag(text: str) -> str:
    """Trim a tag: 1 to 50 characters without white space or comma.

    Raises:
        InvalidInput: the tag breaks one of these rules.
    """
    tag = _line("tags", text, TAG_LENGTH)
    if "," in tag or any(character.isspace() for character in tag):
        raise InvalidInput.of(
            "tags",
            "a tag must not contain white space or a comma",
            hint="repeat the option for each tag",
        )
    _refuse_none("tags", tag)
    return tag


def clean_tags(tags: Iterable[str] | None) -> list[str]:
    """Clean every tag; return each once, sorted by code point.

    Raises:
        InvalidInput: a tag breaks a rule, or there are more than 50.
    """
    if tags is None:
        return []
    found = sorted({clean_tag(tag) for tag in tags})
    if len(found) > MOST_TAGS:
        raise InvalidInput.of(
            "tags", f"has {len(found)} tags, {MOST_TAGS} are allowed"
        )
    return found


def clean_priority(text: str | None) -> str | None:
    """Return a priority; an empty one becomes None.

    Raises:
        InvalidInput: it is none of `high`, `medium` and `low`.
    """
    if text in PRIORITIES or text is None:
        return text
    if not text:
        return None
    raise InvalidInput.of("priority", "must be high, medium or low")


def whole_priority(text: str) -> str:
    """Return the priority that a word or its first letter means, in any case.

    Another text is returned as it is.
    """
    word = text.strip().lower()
    for known in PRIORITIES:
        if word in (known, known[0]):
            return known
    return text


def read_day(field: str, value: object) -> date:
    """Parse a calendar day such as `2026-12-24`; return a date as it is.

    Raises:
        InvalidInput: it has another form, or is not in the years 1900 to 9998.
    """
    if isinstance(value, date) and not isinstance(value, datetime):
        day = value
    else:
        day = _parse_day(field, value)
    if not FIRST_YEAR <= day.year < END_YEAR:
        raise InvalidInput.of(
            field, f"must be in the years {FIRST_YEAR} to {END_YEAR - 1}"
        )
    return day


def _parse_day(field: str, value: object) -> date:
    """Parse the ten characters of a day.

    Raises:
        InvalidInput: they are no day of the calendar.
    """
    # Python also accepts `20261224` and `2026-W52-4`.
    if not isinstance(value, str) or _DAY.fullmatch(value) is None:
        raise InvalidInput.of(field, "must be a day such as 2026-12-24")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise InvalidInput.of(field, "is not a day of the calendar") from None


def _refuse_none(field: str, text: str) -> None:
    """Refuse the words that mean that there is no value."""
    if text.casefold() in NONE_WORDS:
        raise InvalidInput.of(field, f"must not be called `{text}`")


def clean_id(text: str) -> UUID:
    """Parse a UUID from its 36 characters, in any case.

    Raises:
        InvalidInput: the text has another form.
    """
    # Python's `UUID` also accepts braces, `urn:uuid:` and misplaced hyphens.
    if UUID_TEXT.fullmatch(text) is None:
        raise InvalidInput.of("id", "must be a UUID of 36 characters")
    return UUID(text)


def clean_token_name(text: str) -> str:
    """Trim the name of a token: one line of 1 to 100 characters.

    Raises:
        InvalidInput: the name breaks this rule, or is a UUID, which would be
            taken for the id of a token.
    """
    name = _line("name", text, TOKEN_NAME_LENGTH)
    if UUID_TEXT.fullmatch(name) is not None:
        raise InvalidInput.of("name", "must not be a UUID")
    return name


def read_id(value: UUID | str) -> UUID:
    """Parse a UUID from text; return a UUID as it is."""
    return clean_id(value) if isinstance(value, str) else value


def read_integer(value: Any, *, least: int, most: int = LARGEST_NUMBER) -> int:
    """Return a number that a column of both stores can hold.

    A float is refused even if it is whole: no store of ours has one.

    Raises:
        InvalidInput: it is less than `least`, more than `most`, or no integer.
    """
    # Python's `True` is an integer, too.
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    if not is_integer or not least <= value <= most:
        raise InvalidInput.of(
            "number", f"must be an integer from {least} to {most}"
        )
    number: int = value
    return number


def read_instant(value: object) -> datetime:
    """Parse a time as RFC 3339 writes it, in UTC or with an offset.

    A time without either is refused: nobody knows which instant it means.

    Raises:
        InvalidInput: it has another form, or is not in the years 1900 to 9998.
    """
    if not isinstance(value, str) or _INSTANT.fullmatch(value) is None:
        raise InvalidInput.of(
            "time", "must be a time such as 2026-01-02T03:04:05.000000Z"
        )
    try:
        instant = datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput.of("time", "is not a time of any day") from None
    if not FIRST_YEAR <= instant.year < END_YEAR:
        raise InvalidInput.of(
            "time", f"must be in the years {FIRST_YEAR} to {END_YEAR - 1}"
        )
    return instant


def _line(
    field: str, text: str, longest: int, *, hint: str | None = None
) -> str:
    """Trim and check a text of one line; `hint` is for one that is too long."""
    # Before trimming, which would silently remove a line feed at either end.
    _refuse(field, text, REFUSED)
    text = text.strip()
    _require_visible(field, text)
    # Spaces at the ends do not count.
    if len(text) > longest:
        raise InvalidInput.of(
            field,
            f"has {len(text):,} characters, {longest} are allowed",
            hint=hint,
        )
    return text


def _require_visible(field: str, text: str) -> None:
    """Refuse a text that is empty, or looks empty."""
    if not text:
        raise InvalidInput.of(field, "must not be empty")
    if not any(map(_is_visible, text)):
        raise InvalidInput.of(
            field, "must contain at least one visible character"
        )


def _lines(field: str, text: str) -> str:
    """Check a text of several lines, and return it with LF line ends."""
    text = text.replace("\r\n", "\n")
    _refuse(field, text, _REFUSED_IN_LINES)
    if len(text) > DESCRIPTION_LENGTH:
        raise InvalidInput.of(
            field,
            f"has {len(text):,} characters, {DESCRIPTION_LENGTH:,} are allowed",
        )
    return text


def _refuse(field: str, text: str, refused: re.Pattern[str]) -> None:
    """Raise an error for the first refused character."""
    found = refused.search(text)
    if found is None:
        return
    code = ord(found[0])
    # Python's surrogate escape for a byte that is not UTF-8.
    if 0xDC80 <= code <= 0xDCFF:
        raise InvalidInput.of(
            field,
            f"is not UTF-8: byte 0x{code - 0xDC00:02X} at position {found.start() + 1}",
        )
    name = _NAMES.get(found[0], f"the character U+{code:04X}")
    raise InvalidInput.of(
        field, f"must not contain {name} (position {found.start() + 1})"
    )


def _is_visible(character: str) -> bool:
    """Whether a reader sees the character.

    Spaces, format characters and combining marks are invisible. Private use
    characters are visible, and so is what this Python's Unicode does not know
    yet.
    """
    category = unicodedata.category(character)
    is_mark_or_space = category[0] in "ZM"
    is_format = category == "Cf"
    return not (is_mark_or_space or is_format or character in _BLANK)
