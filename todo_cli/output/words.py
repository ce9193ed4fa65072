"""Amounts and ages, as several messages show them."""

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
    """Write a number with its noun: `1 task`, `1,234 tasks`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun}s"


def count(number: int) -> str:
    """Write how many tasks there are; the service stops counting at 1,001."""
    if number > _COUNTED_UP_TO:
        return f"more than {_COUNTED_UP_TO:,}"
    return f"{number:,}"


def age(then: datetime, now: datetime) -> str:
    """Write how long ago a time was, in the largest unit that fits.

    The result is such as `3 days ago`; the future is `just now`.
    """
    passed = now - then
    seconds = int(passed.total_seconds())
    for unit, length in _UNITS:
        if seconds >= length:
            ago = amount(seconds // length, unit)
            return f"{ago} ago"
    return "just now"
