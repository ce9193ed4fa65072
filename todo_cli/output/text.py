"""Making stored text safe to show: what `rules.REFUSED` names can come from elsewhere,
and may not drive a terminal.
"""

import re
from typing import Final

from todo_cli.rules import REFUSED, REFUSED_CLASS

_REFUSED_IN_LINES: Final = re.compile(f"(?!\n)[{REFUSED_CLASS}]")


def visible(text: str) -> str:
    """One line of text with every refused character written out, as `\\x1b` or `\\u202e`."""
    return REFUSED.sub(_escape, text)


def visible_lines(text: str) -> str:
    """Text of several lines, likewise; a TAB becomes four blanks."""
    return _REFUSED_IN_LINES.sub(_escape, text.replace("\t", "    "))


def field(text: str) -> str:
    """A value in a line of fields: backslash, LF and TAB are escaped, so that it can be
    read back.
    """
    return visible(text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t"))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def escape_json(document: str) -> str:
    """Write out as `\\uXXXX` what JSON leaves raw; such characters stand only inside
    its strings.
    """
    if (
        document.isascii() and "\x7f" not in document
    ):  # JSON has escaped C0 itself: nothing is left to look for
        return document
    return REFUSED.sub(lambda match: f"\\u{ord(match[0]):04x}", document)
