"""The text of a file that is read once, from its beginning, in bounded memory.

It can be a pipe, which cannot be read twice: so the beginning is kept to find
out encoding and format. No encoding is guessed, as a wrong one would change
texts in silence.
"""

import codecs
from collections.abc import Iterator
from typing import BinaryIO, Final

from todo_cli.errors import Detail, InvalidInput

_HEAD: Final = 65_536
"""How many bytes decide about encoding and format."""
_PART: Final = 65_536
LONGEST: Final = 4 * 1024 * 1024
"""How many characters a line, or a record, can have at most."""
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_FIRST_FEW: Final = 4
"""In UTF-16 one of the first bytes is NUL, as all formats begin in ASCII."""
_FROM_UTF_16: Final = (
    "iconv -f UTF-16LE -t UTF-8 FILE, if it is UTF-16 without a mark"
)
_FROM_LATIN_1: Final = "iconv -f LATIN1 -t UTF-8 FILE, if it is in Latin-1"
_FETCH_AGAIN: Final = f"copy or download it again, or {_FROM_LATIN_1}"
_SAVE_AS_CSV: Final = "save it as CSV, or export it as text"
_FOREIGN: Final = (
    (b"SQLite format 3\0", "todo db import FILE, if it is a store"),
    (b"PK\x03\x04", _SAVE_AS_CSV),
    (b"\xd0\xcf\x11\xe0", _SAVE_AS_CSV),
    (b"\x1f\x8b", "gunzip FILE"),
    (codecs.BOM_UTF32_LE, "iconv -f UTF-32 -t UTF-8 FILE"),
    (codecs.BOM_UTF32_BE, "iconv -f UTF-32 -t UTF-8 FILE"),
)
"""How files begin that are no text of ours, and what helps."""


class Source:
    """A file's text: UTF-8 with or without a mark, or UTF-16 with one."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.name = name
        """How errors name it."""
        self.done = 0
        """How many bytes were read so far."""
        self.is_last_open = False
        """Whether the last line was read, and has no end."""
        self._stream = stream
        self._line = 1
        self._ends_in_cr = False
        data = self._read(_HEAD)
        mark, self.encoding = _encoding_of(data, name)
        data = data.removeprefix(mark)
        self._decoder = codecs.getincrementaldecoder(self.encoding)()
        self.head = self._decode(data, is_last=not data)
        """The first characters, to look at; they are still to be read."""

    def parts(self) -> Iterator[str]:
        """Yield the whole text in parts of any length.

        Raises:
            InvalidInput: it is not of its encoding.
            OSError: the file cannot be read.
        """
        part, self.head = self.head, ""
        is_last = False
        while not is_last:
            if part:
                yield part
            data = self._read(_PART)
            is_last = not data
            # The last time no text comes: a character may be cut off.
            part = self._decode(data, is_last=is_last)

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield each line with its number from 1, without its end.

        LF, CR LF and CR end a line, and no other character does.

        Raises:
            InvalidInput: a line is longer than LONGEST.
        """
        number = 0
        rest = ""
        for part in self.parts():
            text = rest + part
            # A CR at the end may be half of a CR LF.
            held = "\r" if text.endswith("\r") else ""
            text = text.removesuffix("\r").replace("\r\n", "\n")
            *whole, rest = text.replace("\r", "\n").split("\n")
            rest += held
            for line in whole:
                number += 1
                yield number, line
            if len(rest) > LONGEST:
                raise InvalidInput.of(
                    f"line {number + 1}",
                    f"has more than {LONGEST:,} characters",
                )
        if rest:
            self.is_last_open = not rest.endswith("\r")
            yield number + 1, rest.removesuffix("\r")

    def _read(self, size: int) -> bytes:
        """Read as many bytes, or all that are left."""
        parts = []
        left = size
        # A pipe can give fewer than it is asked for.
        while left > 0:
            part = self._stream.read(left)
            if not part:
                break
            parts.append(part)
            left -= len(part)
        self.done += size - left
        return b"".join(parts)

    def _decode(self, data: bytes, *, is_last: bool) -> str:
        """Decode the next bytes.

        Raises:
            InvalidInput: they are not of the encoding.
        """
        try:
            text = self._decoder.decode(data, is_last)
        except UnicodeDecodeError as error:
            if is_last:
                fault = "is cut off: it ends in the middle of a character"
                raise _not_text(self.name, fault, _FETCH_AGAIN) from None
            before = error.object[: error.start].decode(self.encoding)
            line = self._line + self._ends(before)
            raise InvalidInput(
                f"Line {line} of {self.name} is not {self.encoding.upper()}",
                hint=_FROM_LATIN_1,
                details=[
                    {
                        "field": f"line {line}",
                        "message": f"is not {self.encoding.upper()}",
                    }
                ],
            ) from None
        self._line += self._ends(text)
        self._ends_in_cr = text.endswith("\r")
        return text

    def _ends(self, text: str) -> int:
        """Count the ends of lines in the next text."""
        ends = text.count("\n") + text.count("\r") - text.count("\r\n")
        # Its CR was counted before.
        is_rest = self._ends_in_cr and text.startswith("\n")
        return ends - is_rest


def _encoding_of(data: bytes, name: str) -> tuple[bytes, str]:
    """Find out the encoding of a file's beginning, and the mark that says it.

    Raises:
        InvalidInput: it is no text of an encoding that this program reads.
    """
    for mark, hint in _FOREIGN:
        if data.startswith(mark):
            raise _not_text(name, "is not text", hint)
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return mark, encoding
    if b"\0" in data[:_FIRST_FEW]:
        raise _not_text(name, "is not UTF-8", _FROM_UTF_16)
    return b"", "utf-8"


def _not_text(name: str, message: str, hint: str) -> InvalidInput:
    """Say that a file is none that this program imports."""
    details: list[Detail] = [{"field": "file", "message": message}]
    return InvalidInput(f"{name} {message}", hint=hint, details=details)
