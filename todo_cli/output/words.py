"""Small pieces of text that several messages need: amounts and ages."""

from datetime import datetime
from typing import Final

_DAY_S: Final = 86_400
_UNITS: Final = (
    ("year", 365 * _DAY_S),
    ("month", 30 * _DAY_S),
    ("week", 7 * _DAY_S),
    ("day", _DAY_S),
    ("hour", 3_600),
    ("minute", 60),
)
_COUNTED_UP_TO: Final = 1_000


def amount(number: int, noun: str) -> str:
    """A number with its noun: `1 task`, `1,234 tasks`."""
    ending = "" if number == 1 else "s"
    return f"{number:,} {noun}{ending}"


def count(number: int) -> str:
    """A count of a list, which the service counts up to 1,001."""
    if number > _COUNTED_UP_TO:
        return f"more than {_COUNTED_UP_TO:,}"
    return f"{number:,}"


def age(then: datetime, now: datetime) -> str:
    """How long ago something was, in the largest unit that fits: `3 days ago`.

    The future is `just now`.
    """
    seconds = int((now - then).total_seconds())
    for unit, length in _UNITS:
        if seconds >= length:
            return f"{amount(seconds // length, unit)} ago"
    return "just now"
