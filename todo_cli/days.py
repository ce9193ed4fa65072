"""Calendar days: what people type for one, which day is today, when it begins.

A day is the same in every time zone. Only «today», and the instant in which a
day begins, depend on where the caller is.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, Literal, NamedTuple, overload

from todo_cli import redact, zones
from todo_cli.errors import InvalidInput
from todo_cli.rules import END_YEAR, FIRST_YEAR

FIRST_DAY: Final = date(FIRST_YEAR, 1, 1)
LAST_DAY: Final = date(END_YEAR - 1, 12, 31)
_SAY: Final = "write a day such as `2026-12-24`, `fri` or `+3d`"

_WEEKDAYS: Final = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)
"""From Monday on, as `date.weekday` counts."""
_NEAR: Final = {"yesterday": -1, "today": 0, "tomorrow": 1}
_END_OF_WEEK: Final = "eow"
_END_OF_MONTH: Final = "eom"
_END_OF_YEAR: Final = "eoy"
_NONE: Final = "none"
_OVERDUE: Final = "overdue"
_ANY: Final = "any"
_WORDS: Final = (
    *_NEAR,
    *_WEEKDAYS,
    *(name[:3] for name in _WEEKDAYS),
    _END_OF_WEEK,
    _END_OF_MONTH,
    _END_OF_YEAR,
)
_TO: Final = ".."

_DATE: Final = re.compile("([0-9]{4})-([0-9]{2})-([0-9]{2})")
_DISTANCE: Final = re.compile("([+-])0*([0-9]+)([dwmy])")
_MOST_DIGITS: Final = 7
"""More digits than those of all days; Python reads no more than 4,300."""
_LONGEST_WORD: Final = 20
"""A longer text is not compared with the words."""
_ALIKE: Final = 0.7
"""`tues` and `tommorow` are as near as this to a word, `may` is not."""

_SECOND: Final = timedelta(seconds=1)
_WINDOW: Final = timedelta(hours=36)
"""More than any zone is away from UTC, at most 26 hours."""


class Days(NamedTuple):
    """The days that a filter accepts.

    A `range` includes both ends, and has none where an end is None. `any`
    accepts every task with a day, `none` those without.
    """

    first: date | None = None
    last: date | None = None
    kind: Literal["range", "any", "none"] = "range"


@overload
def read_day(
    text: str, today: date, *, last: Literal[True], field: str = "due"
) -> date: ...


@overload
def read_day(
    text: str, today: date, *, last: bool = False, field: str = "due"
) -> date | None: ...


def read_day(
    text: str, today: date, *, last: bool = False, field: str = "due"
) -> date | None:
    """Parse a day as people type it; `none` is None.

    A weekday is the next such day, never today. With `last` it is the last
    one, today included, and `none` is refused: `--since none` means nothing.

    Raises:
        InvalidInput: the text is none of these, or names a day outside 1900
            to 9998; it is about `field`.
    """
    words = _WORDS
    if not last:
        if _plain(text) == _NONE:
            return None
        words += (_NONE,)
    return _Reader(field, today, words, is_last=last).day(text)


def read_days(text: str, today: date, field: str = "due") -> Days:
    """Parse a filter by days.

    It is a day, a range `A..B` which may lack an end, `overdue`, `any` or
    `none`.

    Raises:
        InvalidInput: it is none of these, or the range runs backwards.
    """
    word = _plain(text)
    if word == _NONE:
        return Days(kind="none")
    if word == _ANY:
        return Days(kind="any")
    if word == _OVERDUE:
        # A clock that is wrong can be at the beginning of Python's calendar.
        before = max(today.toordinal() - 1, date.min.toordinal())
        return Days(last=date.fromordinal(before))
    if _TO in word:
        return _Reader(field, today, _WORDS).range(word)
    words = (*_WORDS, _NONE, _ANY, _OVERDUE)
    day = _Reader(field, today, words).day(text)
    return Days(day, day)


def today_of(now: datetime, variables: Mapping[str, str]) -> date:
    """Return the caller's day, by `TZ`."""
    return zones.local(now, zones.zone_of(variables)).date()


def start_of(day: date, variables: Mapping[str, str]) -> datetime:
    """Return the instant, in UTC, in which a day begins for the caller."""
    return start_in(zones.zone_of(variables), day)


def start_in(zone: tzinfo, day: date) -> datetime:
    """Return the instant, in UTC, in which a day begins in a zone.

    Where clocks skip midnight it is the first instant after that, and where
    midnight comes twice, the first. A day that a zone left out begins with
    the day after it.
    """
    midnight = datetime.combine(day, time(), UTC)
    # Midnight by the clock before and after a change that may be near.
    early, late = sorted(
        midnight - _offset(instant, zone)
        for instant in (midnight - _WINDOW, midnight + _WINDOW)
    )
    if zones.local(early, zone).date() >= day:
        return early
    # The day begins after `early`, and `late` at the latest.
    while late - early > _SECOND:
        half = (late - early) // _SECOND // 2
        middle = early + half * _SECOND
        if zones.local(middle, zone).date() >= day:
            late = middle
        else:
            early = middle
    return late


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads days for one field; its errors name that field."""

    field: str
    today: date
    words: Sequence[str]
    """What the text may have been meant to be, for an error."""
    is_last: bool = False

    def range(self, text: str) -> Days:
        """Read `A..B`; an end may be missing, but not both."""
        before, _, after = text.partition(_TO)
        first = None
        last = None
        if before.strip():
            first = self.day(before)
        if after.strip():
            last = self.day(after)
        if first is None and last is None:
            raise self._refusal("a range needs a day at one end")
        if first is not None and last is not None and last < first:
            raise self._refusal(f"{first} is after {last}")
        return Days(first, last)

    def day(self, text: str) -> date:
        """Read one day."""
        word = _plain(text)
        try:
            named = self._named(word)
        except OverflowError:
            # The clock is wrong: it is at an end of Python's calendar.
            raise self._too_far(word) from None
        if named is not None:
            return self._allowed(word, named.toordinal())
        if found := _DATE.fullmatch(word):
            return self._date(word, *map(int, found.groups()))
        if found := _DISTANCE.fullmatch(word):
            return self._distant(word, *found.groups())
        raise self._refusal(self._unknown(text))

    def _named(self, word: str) -> date | None:
        """Return the day that a word names; None if it names none."""
        today = self.today
        if word in _NEAR:
            return today + timedelta(days=_NEAR[word])
        if word == _END_OF_WEEK:
            return today + timedelta(days=6 - today.weekday())
        if word == _END_OF_MONTH:
            return _end_of_month(today.year, today.month)
        if word == _END_OF_YEAR:
            return date(today.year, 12, 31)
        for number, name in enumerate(_WEEKDAYS):
            if word in (name, name[:3]):
                return self._weekday(number)
        return None

    def _weekday(self, number: int) -> date:
        """Return the next such day after today, or the last one."""
        passed = (self.today.weekday() - number) % 7
        if self.is_last:
            return self.today - timedelta(days=passed)
        return self.today + timedelta(days=7 - passed)

    def _date(self, word: str, year: int, month: int, day: int) -> date:
        """Return the day of a date."""
        try:
            found = date(year, month, day)
        except ValueError:
            raise self._refusal(f"{word} is not in the calendar") from None
        return self._allowed(word, found.toordinal())

    def _distant(self, word: str, sign: str, digits: str, unit: str) -> date:
        """Return the day that is some days, weeks, months or years away."""
        if len(digits) > _MOST_DIGITS:
            raise self._too_far(word)
        number = int(sign + digits)
        today = self.today.toordinal()
        if unit == "d":
            return self._allowed(word, today + number)
        if unit == "w":
            return self._allowed(word, today + 7 * number)
        if unit == "m":
            return self._months_away(word, number)
        return self._months_away(word, 12 * number)

    def _months_away(self, word: str, number: int) -> date:
        """Return the same day in another month, or the last that it has."""
        today = self.today
        months = 12 * today.year + today.month - 1 + number
        year, month = divmod(months, 12)
        if not FIRST_YEAR <= year < END_YEAR:
            raise self._too_far(word)
        end = _end_of_month(year, month + 1)
        day = min(today.day, end.day)
        return end.replace(day=day)

    def _allowed(self, word: str, ordinal: int) -> date:
        """Return a day by its number, if a task may have it."""
        if not FIRST_DAY.toordinal() <= ordinal <= LAST_DAY.toordinal():
            raise self._too_far(word)
        return date.fromordinal(ordinal)

    def _too_far(self, word: str) -> InvalidInput:
        """Say which days there are."""
        shown = redact.shown(word)
        return self._refusal(
            f"{shown} is not a day from {FIRST_DAY} to {LAST_DAY}"
        )

    def _unknown(self, text: str) -> str:
        """Say that a text is no day, and what it may have been meant to be."""
        text = text.strip()
        if not text:
            return "is empty"
        problem = f"`{redact.shown(text)}` is not a day"
        if len(text) > _LONGEST_WORD:
            return problem
        # Nobody else needs this module.
        from difflib import get_close_matches

        alike = get_close_matches(text.lower(), self.words, 1, _ALIKE)
        if not alike:
            return problem
        return f"{problem} (did you mean `{alike[0]}`?)"

    def _refusal(self, problem: str) -> InvalidInput:
        """Return an error with three examples."""
        return InvalidInput.of(self.field, f"{problem}; {_SAY}")


def _plain(text: str) -> str:
    """Return a typed word without blanks around it, in lower case."""
    return text.strip().lower()


def _end_of_month(year: int, month: int) -> date:
    """Return the last day of a month."""
    # Some day of the next month: every month has a 28th.
    later = date(year, month, 28) + timedelta(days=4)
    return later - timedelta(days=later.day)


def _offset(instant: datetime, zone: tzinfo) -> timedelta:
    """Return how much a zone is ahead of UTC at an instant."""
    return zones.local(instant, zone) - instant.replace(tzinfo=None)
