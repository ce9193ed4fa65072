"""Breaks text into the lines of a terminal, and finds its links.

Rich knows how many cells a character takes. It would take three times as long
to break a text, and would break a URL that fits into a line of its own.
"""

import re
import string
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Final, NamedTuple

from rich.cells import cell_len, get_character_cell_size

_WORDS: Final = re.compile(r"(\s*\S+)\s*")
"""A word with the blanks around it; a line ends after such a word."""
_JOINER: Final = "\u200d"
"""Joins two characters into one."""
_EMOJI: Final = "\ufe0f"
"""Makes an emoji of the character before it, which may need another cell."""

_HIDDEN: Final = (
    r"\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    r"\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    r"\U000e0000-\U000e0fff"
)
"""What Unicode has terminals draw as nothing (`Default_Ignorable_Code_Point`)."""
_BESIDE_URL: Final = r"\s<>\"{}|\\^`\[\]"
"""What no URL contains: it has what RFC 3986 allows, and letters of all scripts.

Control characters are escaped by now.
"""
_AFTER: Final = ".,:;!?'"
"""What belongs to the sentence and not to the URL before it."""
_URL: Final = re.compile(
    r"(?:https?://|mailto:[\w.+-]{1,64}@)"
    rf"[^{_BESIDE_URL}]*[^{_BESIDE_URL}{_AFTER}{_HIDDEN}]",
    re.IGNORECASE,
)
"""A URL in a text; of no other scheme, as those can start programs."""
_LONGEST_URL: Final = 2_000
"""The most characters of a link: terminals drop those of more than 2,083."""
_UNSAFE: Final = re.compile(rf"https?://[^/?#]*@|.*[{_HIDDEN}]", re.IGNORECASE)
"""A URL that is not what it seems to be.

It has a login, as in `https://bank.example@evil.example`, and so another host
or a password; or a character that nobody sees.
"""


class Line(NamedTuple):
    """One line of a text that was broken."""

    text: str
    length: int
    """Its length in cells."""
    start: int
    """Where it begins in the whole text."""
    is_wide: bool = False
    """Whether it is a URL that is longer than the other lines may be."""


class Link(NamedTuple):
    """A URL in a text: from `start` to before `end`."""

    start: int
    end: int
    target: str


class _Sizes(dict[int, int]):
    """How many cells each character takes that has been asked for.

    Rich takes three times as long to find one again.
    """

    def __missing__(self, code: int) -> int:
        """Ask Rich, and remember the answer."""
        size = get_character_cell_size(chr(code))
        self[code] = size
        return size


_SIZES: Final = _Sizes()


def broken(text: str, width: int, widest: int = 0) -> list[Line]:
    """Break a text into lines of `width` cells; nothing is lost.

    A line ends after a word. A word that is longer than a line, as in Chinese,
    is broken where the line is full. Only a URL that fits into `widest` cells
    stays whole, on a line of its own.
    """
    ends = _ends(text)
    if ends[-1] <= width:
        return [Line(text, ends[-1], 0)]
    lines = []
    starts = [*_starts(text, ends, width, widest), len(text)]
    for start, end in pairwise(starts):
        line = text[start:end].rstrip()
        length = ends[start + len(line)] - ends[start]
        # Nothing else is longer than a line, but a character of two cells.
        is_wide = length > max(width, 2)
        lines.append(Line(line, length, start, is_wide))
    return lines


def _starts(
    text: str, ends: Sequence[int], width: int, widest: int
) -> list[int]:
    """Return where each line of a text starts."""
    starts = [0]
    for word in _WORDS.finditer(text):
        start, end = word.span(1)
        room = width - (ends[start] - ends[starts[-1]])
        needed = ends[end] - ends[start]
        if needed <= room:
            continue
        fits = needed <= width
        if not fits and needed <= widest:
            fits = _URL.search(word[1]) is not None
        if not fits:
            starts += _folds(start, end, ends, room, width)
        elif start > 0:
            starts.append(start)
    return starts


def _folds(
    start: int, end: int, ends: Sequence[int], room: int, width: int
) -> Iterator[int]:
    """Yield where a line starts within a long word, or before it.

    The line on which it begins has `room` left. What is zero cells wide, such
    as an accent, stays with the character before it.
    """
    full = bisect_right(ends, ends[start] + max(room, 0), lo=start) - 1
    if start == full > 0:
        # Not even its first character fits there.
        yield start
    elif start < full < end:
        yield full
        start = full
    while True:
        full = bisect_right(ends, ends[start] + width, lo=start) - 1
        # A line of one cell has no room for a character of two.
        start = max(full, start + 1)
        if start >= end:
            return
        yield start


def length(text: str) -> int:
    """Count the cells of a text, of which a Chinese character takes two."""
    if text.isascii():
        return len(text)
    return sum(_sizes(text))


def _ends(text: str) -> Sequence[int]:
    """Count the cells before each character of a text, and before its end."""
    if text.isascii():
        return range(len(text) + 1)
    return list(accumulate(_sizes(text), initial=0))


def _sizes(text: str) -> Sequence[int]:
    """Return how many cells each character takes.

    Characters that are joined to one, as in many emoji, count as the first.
    """
    sizes = text.translate(_SIZES).encode()
    if _JOINER in text or _EMOJI in text:
        return _joined(text, bytearray(sizes))
    return sizes


def _joined(text: str, sizes: bytearray) -> bytearray:
    """Correct the sizes of characters that are joined to others."""
    place = 0
    last = None
    while place < len(text):
        character = text[place]
        if character == _JOINER:
            place += 1
            sizes[place : place + 1] = bytes(len(text[place : place + 1]))
        elif character == _EMOJI and last is not None:
            sizes[last] = cell_len(text[last] + _EMOJI)
            last = None
        elif sizes[place] > 0:
            last = place
        place += 1
    return sizes


def links(text: str) -> list[Link]:
    """Find the URLs of a text that are safe to open.

    The punctuation after them is left out. Those with a login, those with a
    character that nobody sees (`https://evil.example\\u200b.bank.example`), and
    those that are too long for a terminal stay text: they are shown as any
    other word, and nobody opens one by mistake.
    """
    if ":" not in text:
        return []
    found = []
    for match in _URL.finditer(text):
        url = _trimmed(match[0])
        target = _target(url)
        if len(target) <= _LONGEST_URL and not _UNSAFE.match(url):
            start = match.start()
            found.append(Link(start, start + len(url), target))
    return found


def _trimmed(url: str) -> str:
    """Take off what belongs to the sentence, as in `(see https://x.org/).`."""
    while True:
        end = url[-1]
        is_open = end == ")" and url.count("(") < url.count(")")
        if end not in _AFTER and not is_open:
            return url
        url = url[:-1]


def _target(url: str) -> str:
    """Write a URL in ASCII, as a terminal takes it."""
    if url.isascii():
        return url
    # Few URLs need it.
    from urllib.parse import quote

    return quote(url, safe=string.punctuation)
