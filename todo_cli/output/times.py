"""Days, ages and times in words: `tomorrow`, `3 days ago`, `in 5 minutes`.

The only place that writes them; `days` reads the days that people type. Words
are English in every locale, unlike those of `strftime`.
"""

from datetime import UTC, date, datetime, tzinfo
from functools import cache
from typing import Final

from todo_cli.output.words import amount

_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
)
_NEAR: Final = {-1: "yesterday", 0: "today", 1: "tomorrow"}
_DAY_S: Final = 86_400
_UNITS: Final = (
    ("year", 365 * _DAY_S),
    ("month", 30 * _DAY_S),
    ("week", 7 * _DAY_S),
    ("day", _DAY_S),
    ("hour", 3_600),
    ("minute", 60),
)


def age(then: datetime, now: datetime) -> str:
    """Write how long ago a time was, in the largest unit that fits.

    The result is such as `3 days ago`. A clock that is ahead of this one makes
    tasks of the future: `in 3 days`. Within a minute it is `just now`.
    """
    passed = now - then
    if passed.days > 0:
        return _days_ago(passed.days)
    passed_s = passed.total_seconds()
    return _passed(int(abs(passed_s)), is_past=passed_s > 0)


@cache
def _days_ago(days: int) -> str:
    """Write the age of what is older than a day, as most of a long list is."""
    return _passed(days * _DAY_S, is_past=True)


def _passed(seconds: int, *, is_past: bool) -> str:
    """Write an age in the largest unit that fits."""
    for unit, length in _UNITS:
        if seconds >= length:
            return _ago(seconds // length, unit, is_past)
    return "just now"


@cache
def _ago(number: int, unit: str, is_past: bool) -> str:
    """Write an age; a long list has the same few again and again."""
    return _apart(amount(number, unit), is_past=is_past)


def distance(day: date, today: date) -> str:
    """Write how far away a day is, as in `in 2 days`; it is not today."""
    number = (day - today).days
    return _apart(amount(abs(number), "day"), is_past=number < 0)


def _apart(shown: str, *, is_past: bool) -> str:
    """Say on which side of the present something is."""
    if is_past:
        return f"{shown} ago"
    return f"in {shown}"


def show_day(day: date, today: date) -> str:
    """Write a day: `today`, `Fri 27 Nov`, `Fri 1 Jan 2027`.

    The year is left out if it is the one of today.
    """
    near = _NEAR.get((day - today).days)
    if near is not None:
        return near
    return _date(day, today)


def show_due(day: date, today: date) -> str:
    """Write a due day: like `show_day`, or `overdue 2 days`."""
    late = (today - day).days
    if late > 0:
        return f"overdue {amount(late, 'day')}"
    return show_day(day, today)


def both_ways(day: date, today: date, *, is_due: bool = False) -> list[str]:
    """Write a day twice: as people say it, and as a calendar does.

    It is `tomorrow` and `(Fri 27 Nov)`. A day for which there is no word is
    `Fri 27 Nov` and `(in 2 days)`. With `is_due` one that is over is
    `overdue 2 days` and `(Mon 2 Mar)`.
    """
    shown = show_day(day, today)
    if is_due:
        shown = show_due(day, today)
    dated = _date(day, today)
    if shown == dated:
        return [shown, f"({distance(day, today)})"]
    return [shown, f"({dated})"]


def weekday(day: date) -> str:
    """Write the weekday of a day: `Fri`."""
    return _WEEKDAYS[day.weekday()]


def calendar_day(day: date) -> str:
    """Write the place of a day in its year: `27 Nov`."""
    return f"{day.day} {_MONTHS[day.month - 1]}"


def _date(day: date, today: date) -> str:
    """Write the date of a day, with its weekday."""
    shown = f"{weekday(day)} {calendar_day(day)}"
    if day.year == today.year:
        return shown
    return f"{shown} {day.year}"


def exact(when: datetime, zone: tzinfo) -> str:
    """Write a time as a clock of the zone shows it: `2 Jan 2026, 01:04 +01:00`.

    The distance from UTC tells the two hours apart that have the same name
    when summer time ends. Seconds and their fractions are left out: programs
    find them in the JSON.
    """
    # Most commands write no such time.
    from todo_cli import zones

    local = zones.local(when, zone)
    day = f"{calendar_day(local)} {local.year}"
    clock = f"{local:%H:%M}"
    return f"{day}, {clock} {_offset(when, local)}"


def moment(when: datetime, now: datetime, zone: tzinfo) -> str:
    """Write when something was: `12:04:05` if it was today, else the day."""
    from todo_cli import zones

    local = zones.local(when, zone)
    today = zones.local(now, zone).date()
    if local.date() == today:
        return f"{local:%H:%M:%S}"
    return show_day(local.date(), today)


def _offset(when: datetime, local: datetime) -> str:
    """Write how much a clock is ahead of UTC, as in `+01:00`, or `UTC`."""
    ahead = local - when.astimezone(UTC).replace(tzinfo=None)
    minutes = round(ahead.total_seconds() / 60)
    if minutes == 0:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    sign = "+"
    if minutes < 0:
        sign = "-"
    return f"{sign}{hours:02}:{rest:02}"
