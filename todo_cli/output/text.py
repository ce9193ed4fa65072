"""Makes stored text safe to print. Other programs can store what
`rules.REFUSED` names, and it must not control a terminal.
"""

import re
from typing import Final

from todo_cli.rules import REFUSED, REFUSED_CLASS

_REFUSED_IN_LINES: Final = re.compile(f"(?!\n)[{REFUSED_CLASS}]")


def visible(text: str) -> str:
    """One line of text with every refused character written out, as `\\x1b` or
    `\\u202e`.
    """
    return REFUSED.sub(_escape, text)


def visible_lines(text: str) -> str:
    """Text of several lines, escaped likewise; a TAB becomes four blanks."""
    return _REFUSED_IN_LINES.sub(_escape, text.replace("\t", "    "))


def field(text: str) -> str:
    """A value on a line of fields; backslash, LF and TAB are escaped, so that
    a script can read it back.
    """
    return visible(
        text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
    )


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def escape_json(document: str) -> str:
    """Escape as `\\uXXXX` what `json` leaves raw; it can only be inside
    strings.
    """
    if document.isascii() and "\x7f" not in document:  # `json` has escaped C0
        return document
    return REFUSED.sub(_escape_in_json, document)


def _escape_in_json(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
