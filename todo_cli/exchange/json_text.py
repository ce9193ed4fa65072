"""Reads JSON without holding the whole file: one value after the other.

Python's parser reads a value from a text that begins with it, and does not
say whether a value is wrong or only not whole yet. So where it fails, twice as
much text is read, and it tries again, until the file ends or the value is
longer than any record. Mostly a part of the file has hundreds of values, and
little is read twice.

The parser alone would accept NaN, Infinity and repeated names.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from todo_cli.exchange.source import LONGEST, Source

_INK: Final = re.compile("[^ \t\r\n]")
_ANSWER: Final = re.compile(
    r'[{][ \t\r\n]*"(?:success|data|message|dry_run)"[ \t\r\n]*:'
)
"""How an answer of this program begins, also after `jq -S`."""
_SHOWN: Final = 40
"""How many characters of a name or a number an error shows."""
_INFINITE: Final = float("inf")
_TOO_DEEP: Final = "is nested too deeply"
_CUT: Final = "is cut off: the file ends in the middle of it"


class Element(NamedTuple):
    """A value of a file, or what is wrong with it."""

    place: str
    """`index 3`, counted from 0, or `line 7`."""
    value: Any
    text: str
    """The value as the file has it."""
    fault: str | None = None


class NotJson(Exception):
    """The text is not JSON; the message says why, for people."""


def parse(text: str) -> Any:
    """Parse a whole text.

    Raises:
        NotJson: it is not one JSON value.
    """
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        place = f"column {error.colno}"
        raise NotJson(f"is not valid JSON: {error.msg} ({place})") from None
    except RecursionError:
        raise NotJson(_TOO_DEEP) from None
    except ValueError as error:
        raise NotJson(_refusal(error)) from None


def written(value: Any) -> str:
    """Write a value on one line; strings as they are, without quotes.

    Raises:
        NotJson: it is nested too deeply.
    """
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        raise NotJson(_TOO_DEEP) from None


def elements(source: Source) -> Iterator[Element]:
    """Read the elements of an array, or a single object.

    The array can also be the member `data` of an object, as in what `--json`
    prints. After an element with a fault there are no others: nobody knows
    where the next one begins.
    """
    window = _Window(source)
    index = 0
    try:
        for value in window.values():
            yield Element(f"index {index}", value, window.value_text)
            index += 1
    except NotJson as error:
        yield Element(f"index {index}", None, "", str(error))


def records(source: Source) -> Iterator[Element]:
    """Read the elements of an array, or an object a line, as other programs have it."""
    first_line, _, _ = source.head.lstrip().partition("\n")
    # A line that is only `{` begins an object of many lines.
    if first_line.startswith("{") and first_line.strip() != "{":
        return _lines(source)
    return elements(source)


def _lines(source: Source) -> Iterator[Element]:
    """Read an object of each line that is not blank."""
    for number, line in source.lines():
        if not line.strip():
            continue
        place = f"line {number}"
        try:
            value = parse(line)
        except NotJson as error:
            yield Element(place, None, line, str(error))
        else:
            yield Element(place, value, line)


class _Window:
    """The part of a file's text that is being read."""

    def __init__(self, source: Source) -> None:
        self._parts = source.parts()
        self._text = ""
        self._start = 0
        self._at = 0
        self._lines_before = 0

    @property
    def value_text(self) -> str:
        """The text of the value that was read last."""
        return self._text[self._start : self._at]

    def peek(self) -> str:
        """Return the next character that is not blank; none at the end."""
        while True:
            found = _INK.search(self._text, self._at)
            if found is not None:
                self._at = found.start()
                return found[0]
            self._at = len(self._text)
            if not self._fill():
                return ""

    def values(self) -> Iterator[Any]:
        """Yield the values that are records.

        Raises:
            NotJson: it is no JSON, or has no such values.
        """
        first = self.peek()
        if not first:
            raise NotJson("is empty")
        if first == "[":
            yield from self._array()
        elif _ANSWER.match(self._text, self._at):
            yield from self._answer()
        else:
            yield self._value()
        if self.peek():
            raise self._broken("nothing after its end")

    def _array(self) -> Iterator[Any]:
        """Yield the elements of an array."""
        self._at += 1
        if self.peek() == "]":
            self._at += 1
            return
        while True:
            yield self._value()
            if not self._has_next("]"):
                return

    def _answer(self) -> Iterator[Any]:
        """Yield what the member `data` of an object has."""
        self._at += 1
        seen = set()
        while True:
            name = self._name()
            if name in seen:
                raise NotJson(f"has `{name[:_SHOWN]}` twice")
            seen.add(name)
            if name == "data" and self.peek() == "[":
                yield from self._array()
            else:
                value = self._value()
                if name == "data":
                    yield value
                if name == "success" and value is False:
                    raise NotJson("is the answer of a command that failed")
            if not self._has_next("}"):
                break
        if "data" not in seen:
            raise NotJson("has no `data`")

    def _name(self) -> str:
        """Read the name of a member, and the colon after it."""
        if self.peek() != '"':
            raise self._broken("a name in quotes")
        name: str = self._value()
        if self.peek() != ":":
            raise self._broken("`:` after a name")
        self._at += 1
        return name

    def _has_next(self, end: str) -> bool:
        """Read a comma or the end; say whether it was a comma."""
        sign = self.peek()
        if sign not in (",", end) or not sign:
            raise self._broken(f"`,` or `{end}`")
        self._at += 1
        return sign == ","

    def _value(self) -> Any:
        """Read one value; read on in the file until it is whole.

        Raises:
            NotJson: it is no value, or has more than LONGEST characters.
        """
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._fill():
                    continue
                raise self._fault(error) from None
            except RecursionError:
                raise NotJson(_TOO_DEEP) from None
            except ValueError as error:
                raise NotJson(_refusal(error)) from None
            # A number could go on.
            if end < len(self._text) or not self._fill():
                _check_length(end - self._at)
                self._start = self._at
                self._at = end
                return value

    def _fill(self) -> bool:
        """Read about as much again as there is; False at the end."""
        kept = self._text[self._at :]
        _check_length(len(kept))
        parts = [kept]
        length = 0
        for part in self._parts:
            parts.append(part)
            length += len(part)
            # Each time twice as much: it takes few turns.
            if length >= len(kept):
                break
        if not length:
            return False
        self._lines_before += self._text.count("\n", 0, self._at)
        self._text = "".join(parts)
        self._at = 0
        return True

    def _broken(self, expected: str) -> NotJson:
        """Say what should be here."""
        if not self.peek():
            return NotJson(_CUT)
        line = self._lines_before + self._text.count("\n", 0, self._at) + 1
        return NotJson(f"must have {expected}, in line {line}")

    def _fault(self, error: json.JSONDecodeError) -> NotJson:
        """Say where no value is, or that its end is missing."""
        is_open = error.msg.startswith("Unterminated")
        if is_open or error.pos >= len(self._text.rstrip()):
            return NotJson(_CUT)
        place = f"line {self._lines_before + error.lineno}"
        return NotJson(f"is not valid JSON: {error.msg} ({place})")


def _check_length(length: int) -> None:
    """Refuse a value that is too long.

    Raises:
        NotJson: it has more than LONGEST characters.
    """
    if length > LONGEST:
        raise NotJson(f"has more than {LONGEST:,} characters")


class _Refused(ValueError):
    """Python's parser took what is no JSON, or has no clear value."""


def _refusal(error: ValueError) -> str:
    """Say what was refused."""
    if isinstance(error, _Refused):
        return str(error)
    return "has a number with too many digits"


def _refuse_constant(name: str) -> None:
    """Refuse NaN and Infinity, which are not JSON."""
    raise _Refused(f"has {name}, which is not JSON")


def _finite(text: str) -> float:
    """Read a number; refuse 1e400, which would become infinite."""
    number = float(text)
    if number in (_INFINITE, -_INFINITE):
        raise _Refused(f"has the number {text[:_SHOWN]}, which is too large")
    return number


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object; refuse a repeated name, as it has no clear value."""
    values = dict(pairs)
    if len(values) == len(pairs):
        return values
    names = [name for name, _ in pairs]
    twice = next(name for name in names if names.count(name) > 1)
    raise _Refused(f"has `{twice[:_SHOWN]}` twice")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_constant=_refuse_constant,
    parse_float=_finite,
)
