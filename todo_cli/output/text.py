"""Escapes stored text, so that it cannot control a terminal.

`rules.REFUSED` keeps control characters out, but other programs can store
them in the same database.
"""

import re
from typing import Final

from todo_cli.rules import REFUSED, REFUSED_CLASS

_REFUSED_IN_LINES: Final = re.compile(f"(?!\n)[{REFUSED_CLASS}]")
_REFUSED_IN_DOCUMENTS: Final = re.compile(f"(?![\n\r\t])[{REFUSED_CLASS}]")


def visible(text: str) -> str:
    """Escape every refused character in a line, as `\\x1b` or `\\u202e`."""
    # Most text is, and to look for each character takes seven times as long.
    if text.isprintable():
        return text
    return REFUSED.sub(_escape, text)


def visible_lines(text: str) -> str:
    """Escape text of several lines; a TAB becomes four spaces."""
    spaced = text.replace("\t", "    ")
    return _REFUSED_IN_LINES.sub(_escape, spaced)


def harmless(document: str) -> str:
    """Escape a document whose lines and columns must stay as they are."""
    return _REFUSED_IN_DOCUMENTS.sub(_escape, document)


def field(text: str) -> str:
    """Escape a value for one line of fields.

    Backslash, LF and TAB are escaped too, so that a script can restore the
    value.
    """
    escaped = text.replace("\\", "\\\\")
    escaped = escaped.replace("\n", "\\n")
    escaped = escaped.replace("\t", "\\t")
    return visible(escaped)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}"


def escape_json(document: str) -> str:
    """Escape as `\\uXXXX` the refused characters that `json` leaves raw.

    They occur only inside strings, so the document stays valid.
    """
    # `json` has escaped all control characters of ASCII but DEL.
    if document.isascii() and "\x7f" not in document:
        return document
    return REFUSED.sub(_escape_in_json, document)


def _escape_in_json(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
