"""Cursors: a place in a list as text for a link.

A cursor is the values of the sort key, as JSON in base64url. A client can send
any text, so values that no task can have are refused here. The database would
fail on them.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple, TypeVar, get_args, get_type_hints

from todo_cli.errors import InvalidInput
from todo_cli.task import json_value

Place = TypeVar("Place", bound=NamedTuple)
Value = datetime | date | int | str | None

PATTERN: Final = "^[A-Za-z0-9_-]+$"
_INTEGERS: Final = range(-(2**31), 2**31)
"""The integers that a column of both stores can contain."""
_REFUSED: Final = re.compile("[\x00\ud800-\udfff]")
"""What no store can compare; another program can have stored all else."""


def write(place: Sequence[Value]) -> str:
    """Write the cursor of a place; a bool, which is an int, stays a bool."""
    values = [json_value(value) for value in place]
    text = json.dumps(values, separators=(",", ":"))
    encoded = urlsafe_b64encode(text.encode())
    return encoded.decode().rstrip("=")


def read(text: str, kind: type[Place]) -> Place:
    """Read a cursor as a place of this kind.

    Raises:
        InvalidInput: `write` does not write this text for any such place.
    """
    kinds = []
    for hint in get_type_hints(kind).values():
        # A union such as `int | None`, or one type alone.
        kinds.append(get_args(hint) or (hint,))
    return kind._make(read_values(text, kinds))


def read_values(text: str, kinds: Sequence[Sequence[type]]) -> list[Any]:
    """Read the values of a cursor; each has one of its types.

    Raises:
        InvalidInput: `write` does not write this text for any such values.
    """
    try:
        found = _values(text, kinds)
        # base64 and JSON have several texts for one value: accept only ours.
        is_ours = write(found) == text
    except (ValueError, TypeError, OverflowError, RecursionError):
        is_ours = False
    if not is_ours:
        raise not_ours()
    return found


def not_ours() -> InvalidInput:
    """Return the error for a cursor that this server has not written."""
    return InvalidInput.of("cursor", "is not one that this server gave out")


def _values(text: str, kinds: Sequence[Sequence[type]]) -> list[Any]:
    """Decode a cursor and check its values.

    Raises:
        ValueError, TypeError, OverflowError, RecursionError: it is not one.
    """
    # The decoder would skip characters that are not in its alphabet.
    if re.fullmatch(PATTERN[1:-1], text) is None:
        raise ValueError
    padding = "=" * (-len(text) % 4)
    content = urlsafe_b64decode(text + padding)
    values = json.loads(content)
    return [
        _value(value, allowed)
        for value, allowed in zip(values, kinds, strict=True)
    ]


def _value(value: Any, kinds: Sequence[type]) -> Any:
    """Return a value that has one of these types and that a column can have.

    Raises:
        ValueError: it has not.
    """
    if isinstance(value, str) and datetime in kinds:
        value = datetime.fromisoformat(value)
    elif isinstance(value, str) and date in kinds:
        value = date.fromisoformat(value)
    if type(value) not in kinds:
        raise ValueError
    if isinstance(value, str) and _REFUSED.search(value):
        raise ValueError
    if isinstance(value, int) and value not in _INTEGERS:
        raise ValueError
    return value
