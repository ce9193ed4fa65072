"""A place in a list as the text that a link carries: the values of the sort
key, as JSON in base64url.

A client can write any text, so a value that no task can have is refused here:
the database would fail on it.
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
"""What a column of the database can contain."""


def write(place: Sequence[datetime | int | str | None]) -> str:
    """Write the cursor of a place; its values can be bools too."""
    values = [
        format_instant(value) if isinstance(value, datetime) else value
        for value in place
    ]
    text = json.dumps(values, separators=(",", ":"))
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read(text: str, kind: type[Place]) -> Place:
    """Read a cursor as a place of this kind.

    Raises:
        InvalidInput: `write` does not write this text for any such place.
    """
    try:
        place = kind._make(_values(text, kind))
        is_right = write(place) == text
    except (ValueError, TypeError, OverflowError, RecursionError):
        is_right = False
    if not is_right:
        raise InvalidInput.of("cursor", "is not one that this server gave out")
    return place


def _values(text: str, kind: type[Any]) -> list[Any]:
    if re.fullmatch(PATTERN[1:-1], text) is None:
        raise ValueError
    content = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    values = json.loads(content)
    kinds = get_type_hints(kind).values()
    return [
        _value(value, get_args(each) or (each,))
        for value, each in zip(values, kinds, strict=True)
    ]


def _value(value: Any, kinds: Sequence[type]) -> Any:
    """Check that a value is of one of these types and can be in the
    database.
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
