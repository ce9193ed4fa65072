"""The rules of a request as JSON Schema: patterns and limits, by name.

They say what `rules.py` and `days.py` decide, as far as a pattern can. Every
regular expression is one for JavaScript, Python and Rust alike: without
properties of Unicode, and without escapes that only some of them know.
"""

from collections.abc import Mapping
from typing import Any, Final

from todo_cli import rules
from todo_cli.api.conditions import PATTERN as TAGS_OF_ENTITIES
from todo_cli.errors import InvalidInput

Limits = Mapping[str, Any]


def check_length(field: str, longest: int, text: str) -> str:
    """Return a text of at most so many characters, blanks included.

    The rules count without the blanks at both ends, which no schema can say.

    Raises:
        InvalidInput: it has more.
    """
    if len(text) > longest:
        raise InvalidInput.of(
            field, f"has {len(text):,} characters, {longest} are allowed"
        )
    return text


# Insides of character classes

_WIDE: Final = r"\u007F-\u009F\u2028-\u202E\u2066-\u2069"
_REFUSED: Final = rf"\u0000-\u001F{_WIDE}"
"""The refused characters of a line, but lone surrogates: UTF-8 has none."""
_REFUSED_IN_LINES: Final = rf"\u0000-\u0008\u000B-\u001F{_WIDE}"
_BLANK: Final = r" \u00A0\u1680\u2000-\u200A\u202F\u205F\u3000"
"""What is trimmed."""
_INVISIBLE: Final = (
    _BLANK + r"\u00AD\u0300-\u036F\u061C\u115F\u1160\u180B-\u180F\u200B-\u200F"
    r"\u2060-\u2064\u206A-\u206F\u20D0-\u20F0\u2800\u3164\uFE00-\uFE0F"
    r"\uFE20-\uFE2F\uFEFF\uFFA0\uFFF9-\uFFFB"
)
"""The usual ones; the table of all is as long as Unicode makes it."""

_NO_NAME: Final = rf"(?![{_BLANK}]*([Nn][Oo][Nn][Ee]|-)[{_BLANK}]*$)"
"""What follows is neither `none` nor `-`."""
_VISIBLE: Final = rf"(?=[^{_REFUSED}]*[^{_REFUSED}{_INVISIBLE}])"


def _line(but: str = "") -> str:
    """A line with something visible, without some characters."""
    any_one = f"[^{_REFUSED}{but}]"
    return f"{any_one}*[^{_REFUSED}{_INVISIBLE}{but}]{any_one}*"


# Parts of patterns

_LETTER: Final = rf"[^{_REFUSED}{_BLANK}.]"
_PART: Final = rf"{_LETTER}([^{_REFUSED}.]*{_LETTER})?"
_NAME: Final = rf"[{_BLANK}]*{_PART}(\.{_PART})*[{_BLANK}]*"
_UUID: Final = r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"

_YEAR: Final = (
    "(19[0-9]{2}|[2-8][0-9]{3}|9[0-8][0-9]{2}|99[0-8][0-9]|999[0-8])"
)
"""1900 to 9998."""
_LEAP_YEAR: Final = (
    "((19|[2-9][0-9])(0[48]|[2468][048]|[13579][26])"
    "|([2468][048]|[3579][26])00)"
)
_DATE: Final = (
    f"({_YEAR}-("
    "(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
    "|(0[13-9]|1[0-2])-(29|30)"
    "|(0[13578]|1[02])-31"
    f")|{_LEAP_YEAR}-02-29)"
)
_WORDS: Final = (
    "yesterday|today|tomorrow|eow|eom|eoy"
    "|mon(day)?|tue(sday)?|wed(nesday)?|thu(rsday)?|fri(day)?"
    "|sat(urday)?|sun(day)?"
)
_DAY: Final = f"({_DATE}|{_WORDS}|[+-][0-9]{{1,3}}[dw]|[+-][0-9]{{1,2}}[my])"

# Limits of single values

DATE: Final[Limits] = {
    "type": "string",
    "format": "date",
    "pattern": f"^{_DATE}$",
}
PAST_DAY: Final[Limits] = {"type": "string", "pattern": f"^{_DAY}$"}
DUE: Final[Limits] = {
    "type": "string",
    "pattern": rf"^(none|any|overdue|{_DAY}(\.\.({_DAY})?)?|\.\.{_DAY})$",
}
TASK_ID: Final[Limits] = {
    "type": "string",
    "pattern": f"^({_UUID}|[1-9][0-9]{{0,9}})$",
}
USER: Final[Limits] = {
    "minLength": 1,
    "maxLength": rules.USER_LENGTH,
    "pattern": rf"^(?![{_BLANK}]*\.\.?[{_BLANK}]*$){_line('/')}$",
}
ENTITY_TAGS: Final[Limits] = {"type": "string", "pattern": TAGS_OF_ENTITIES}
MOST_Q: Final = 1_000
Q: Final[Limits] = {
    "type": "string",
    "minLength": 1,
    "maxLength": MOST_Q,
    "pattern": (
        rf"^[^{_REFUSED_IN_LINES}]*[^{_REFUSED}{_INVISIBLE}\u0022]"
        rf"[^{_REFUSED_IN_LINES}]*$"
    ),
}
PROJECT: Final[Limits] = {
    "type": "string",
    "minLength": 1,
    "maxLength": rules.PROJECT_LENGTH,
    "pattern": rf"^(?![{_BLANK}]*-[{_BLANK}]*$){_VISIBLE}{_NAME}$",
}
_TAG: Final[Limits] = {
    "type": "string",
    "minLength": 1,
    "maxLength": rules.TAG_LENGTH,
    "pattern": rf"^{_NO_NAME}[{_BLANK}]*{_line(_BLANK + ',')}[{_BLANK}]*$",
}
TAGS: Final[Limits] = {
    "type": "array",
    "items": _TAG,
    "maxItems": rules.MOST_TAGS,
}
PRIORITIES: Final[Limits] = {
    "type": "array",
    "items": {"type": "string", "enum": [*rules.PRIORITIES, "none"]},
}

BODY: Final[Mapping[str, Limits]] = {
    "title": {
        "minLength": 1,
        "maxLength": rules.TITLE_LENGTH,
        "pattern": f"^{_line()}$",
    },
    "description": {
        "maxLength": rules.DESCRIPTION_LENGTH,
        "pattern": rf"^([^{_REFUSED_IN_LINES}]|\u000D\u000A)*$",
    },
    "due_on": {"pattern": DATE["pattern"]},
    "wait_until": {"pattern": DATE["pattern"]},
    "project": {
        "maxLength": rules.PROJECT_LENGTH,
        "pattern": rf"^( *|{_NO_NAME}{_VISIBLE}{_NAME})$",
    },
    "tags": {"items": _TAG, "maxItems": rules.MOST_TAGS},
    "id": {"pattern": f"^{_UUID}$"},
}
"""The limits of the fields of a body, besides those of `task.py` for the others."""
