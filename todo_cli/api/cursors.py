"""A place in a list as the few characters that a link carries: time and number of the
last task, in base64url.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Final

from todo_cli.errors import InvalidInput
from todo_cli.task import Position

PATTERN: Final = "^A[A-Za-z0-9_-]{15}$"
"""Eight bytes of microseconds since year 1, four of the number. The `A` keeps the year
below 9135: every text of this form is a place, and nothing else is one."""

_BEGINNING: Final = datetime(1, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LARGEST_NUMBER: Final = 2**31 - 1


def write(position: Position) -> str:
    """The cursor of a position."""
    microseconds = (position.created_at - _BEGINNING) // _MICROSECOND
    return urlsafe_b64encode(
        (microseconds << 32 | position.number).to_bytes(12)
    ).decode()


def read(text: str) -> Position:
    """The position of a cursor.

    Raises:
        InvalidInput: it is none.
    """
    if re.fullmatch(PATTERN[1:-1], text) is None:
        raise InvalidInput.of("cursor", "is not one that this server gave out")
    microseconds, number = divmod(int.from_bytes(urlsafe_b64decode(text)), 2**32)
    return Position(
        _BEGINNING + microseconds * _MICROSECOND, min(number, _LARGEST_NUMBER)
    )
