"""Cursors: a place in a list as text for a link.

A cursor is the values of the sort key, as JSON in base64url. A client can send
any text, so values that no task can have are refused here. The database would
fail on them.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar, get_args, get_type_hints

from todo_cli.errors import InvalidInput
from todo_cli.rules import REFUSED
from todo_cli.task import format_instant

Place = TypeVar("Place", bound=NamedTuple)

PATTERN: Final = "^[A-Za-z0-9_-]+$"
_INTEGERS: Final = range(-(2**31), 2**31)
"""The integers that a column of both stores can contain."""


def write(place: Sequence[datetime | int | str | None]) -> str:
    """Write the cursor of a place; a bool, which is an int, stays a bool."""
    values: list[int | str | None] = []
    for value in place:
        if isinstance(value, datetime):
            values.append(format_instant(value))
        else:
            values.append(value)
    text = json.dumps(values, separators=(",", ":"))
    encoded = urlsafe_b64encode(text.encode())
    return encoded.decode().rstrip("=")


def read(text: str, kind: type[Place]) -> Place:
    """Read a cursor as a place of this kind.

    Raises:
        InvalidInput: `write` does not write this text for any such place.
    """
    try:
        place = kind._make(_values(text, kind))
        # base64 and JSON have several texts for one value: accept only ours.
        is_ours = write(place) == text
    except (ValueError, TypeError, OverflowError, RecursionError):
        is_ours = False
    if not is_ours:
        raise InvalidInput.of("cursor", "is not one that this server gave out")
    return place


def _values(text: str, kind: type[Any]) -> list[Any]:
    """Decode a cursor and check its values by the hints of a NamedTuple.

    Raises:
        ValueError, TypeError, OverflowError, RecursionError: it is not one.
    """
    # The decoder would skip characters that are not in its alphabet.
    if re.fullmatch(PATTERN[1:-1], text) is None:
        raise ValueError
    padding = "=" * (-len(text) % 4)
    content = urlsafe_b64decode(text + padding)
    values = json.loads(content)
    hints = get_type_hints(kind).values()
    found = []
    for value, hint in zip(values, hints, strict=True):
        # A union such as `int | None`, or one type alone.
        kinds = get_args(hint) or (hint,)
        found.append(_value(value, kinds))
    return found


def _value(value: Any, kinds: Sequence[type]) -> Any:
    """Return a value that has one of these types and that a column can have.

    Raises:
        ValueError: it has not.
    """
    if isinstance(value, str) and datetime in kinds:
        value = datetime.fromisoformat(value)
    if type(value) not in kinds:
        raise ValueError
    if isinstance(value, str) and REFUSED.search(value):
        raise ValueError
    if isinstance(value, int) and value not in _INTEGERS:
        raise ValueError
    return value
