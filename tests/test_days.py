"""What people type for a day, what today is in each time zone, and how a day is shown.

The oracle is dateutil: both its arithmetic and its own reader of time zones.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from dateutil import tz
from dateutil.relativedelta import FR, MO, SA, SU, TH, TU, WE, relativedelta
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.size import size
from tests.support.zones import ZONES
from todo_cli.days import (
    FIRST_DAY,
    LAST_DAY,
    Days,
    read_day,
    read_days,
    start_of,
    today_of,
)
from todo_cli.errors import InvalidInput
from todo_cli.output.times import show_day

WEDNESDAY = date(2026, 11, 25)
DAYS = st.dates(FIRST_DAY, LAST_DAY)
EXAMPLES = "write a day such as `2026-12-24`, `fri` or `+3d`"
BOUNDS = "is not a day from 1900-01-01 to 9998-12-31"
SECOND = timedelta(seconds=1)

NAMES = {
    MO: "monday",
    TU: "tuesday",
    WE: "wednesday",
    TH: "thursday",
    FR: "friday",
    SA: "saturday",
    SU: "sunday",
}
ORACLE: dict[str, relativedelta] = {
    "yesterday": relativedelta(days=-1),
    "today": relativedelta(),
    "tomorrow": relativedelta(days=1),
    "eow": relativedelta(weekday=SU),
    "eom": relativedelta(day=31),
    "eoy": relativedelta(month=12, day=31),
}
for weekday, name in NAMES.items():
    # Never today.
    ORACLE[name] = relativedelta(days=1, weekday=weekday)
for number in (0, 1, 2, 3, 7, 10, 13, 25, 110):
    for sign, factor in (("+", 1), ("-", -1)):
        away = factor * number
        ORACLE[f"{sign}{number}d"] = relativedelta(days=away)
        ORACLE[f"{sign}{number}w"] = relativedelta(weeks=away)
        ORACLE[f"{sign}{number}m"] = relativedelta(months=away)
        ORACLE[f"{sign}{number}y"] = relativedelta(years=away)
ORACLE |= {name[:3]: ORACLE[name] for name in NAMES.values()}
LAST_ORACLE = {
    name: relativedelta(weekday=weekday(-1)) for weekday, name in NAMES.items()
}
LAST_ORACLE |= {name[:3]: LAST_ORACLE[name] for name in NAMES.values()}


def zone(name: str) -> dict[str, str]:
    """Variables of a caller in a zone."""
    return {"TZ": name, "TZDIR": ZONES}


def refusal(read: Callable[[], object]) -> InvalidInput:
    """The error of a call."""
    with pytest.raises(InvalidInput) as caught:
        read()
    return caught.value


# What people type


@pytest.mark.parametrize(
    ("text", "today", "day"),
    [
        ("2026-12-24", "2026-11-25", "2026-12-24"),
        ("1900-01-01", "2026-11-25", "1900-01-01"),
        ("9998-12-31", "2026-11-25", "9998-12-31"),
        ("2028-02-29", "2026-11-25", "2028-02-29"),
        ("today", "2026-11-25", "2026-11-25"),
        ("ToMorrow", "2026-12-31", "2027-01-01"),
        ("YESTERDAY", "2028-03-01", "2028-02-29"),
        (" \tfri\n", "2026-11-25", "2026-11-27"),
        ("wed", "2026-11-25", "2026-12-02"),
        ("WEDNESDAY", "2026-11-25", "2026-12-02"),
        ("Tue", "2026-11-25", "2026-12-01"),
        ("thu", "2026-11-25", "2026-11-26"),
        ("sun", "2026-11-29", "2026-12-06"),
        ("eow", "2026-11-25", "2026-11-29"),
        ("eow", "2026-11-29", "2026-11-29"),
        ("eow", "2026-11-30", "2026-12-06"),
        ("eom", "2026-11-25", "2026-11-30"),
        ("eom", "2026-11-30", "2026-11-30"),
        ("eom", "2028-02-01", "2028-02-29"),
        ("EOM", "9998-12-02", "9998-12-31"),
        ("eoy", "2026-11-25", "2026-12-31"),
        ("eoy", "2026-12-31", "2026-12-31"),
        ("+3d", "2026-11-25", "2026-11-28"),
        ("-3d", "2026-11-25", "2026-11-22"),
        ("+0d", "2026-11-25", "2026-11-25"),
        ("-0y", "2026-11-25", "2026-11-25"),
        ("+003D", "2026-11-25", "2026-11-28"),
        ("+00000000000000000003d", "2026-11-25", "2026-11-28"),
        ("+2w", "2026-11-25", "2026-12-09"),
        ("-1w", "2026-01-01", "2025-12-25"),
        ("+1m", "2026-01-31", "2026-02-28"),
        ("+1m", "2028-01-31", "2028-02-29"),
        ("+1m", "2026-12-31", "2027-01-31"),
        ("-1m", "2026-03-31", "2026-02-28"),
        ("-1m", "2026-01-15", "2025-12-15"),
        ("+1y", "2028-02-29", "2029-02-28"),
        ("+4y", "2028-02-29", "2032-02-29"),
        ("-1y", "2028-02-29", "2027-02-28"),
        ("+7972y", "2026-12-31", "9998-12-31"),
        ("-126y", "2026-01-01", "1900-01-01"),
    ],
)
def test_reads_a_day(text: str, today: str, day: str) -> None:
    assert read_day(text, date.fromisoformat(today)) == date.fromisoformat(day)


@pytest.mark.parametrize("text", ["none", " NONE "])
def test_reads_none(text: str) -> None:
    assert read_day(text, WEDNESDAY) is None


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("wed", "2026-11-25"),
        ("Wednesday", "2026-11-25"),
        ("thu", "2026-11-19"),
        ("tue", "2026-11-24"),
        ("sunday", "2026-11-22"),
        ("tomorrow", "2026-11-26"),
        ("eow", "2026-11-29"),
        ("-1w", "2026-11-18"),
        ("2026-12-24", "2026-12-24"),
    ],
)
def test_reads_the_last_weekday(text: str, day: str) -> None:
    found = read_day(text, WEDNESDAY, last=True, field="since")

    assert found == date.fromisoformat(day)


def test_knows_no_last_none() -> None:
    error = refusal(
        lambda: read_day("none", WEDNESDAY, last=True, field="since")
    )

    assert error.message == f"since: `none` is not a day; {EXAMPLES}"


UNKNOWN = [
    "12/24",
    "24.12.2026",
    "2026-1-5",
    "2026-12-24T00:00",
    "20261224",
    "2026-W52-4",
    "-3",
    "+3",
    "3d",
    "+d",
    "+",
    "+-3d",
    "+3 d",
    "+1_0d",
    "+1.5d",
    "+3h",
    "..",
    "fri..sun",
    "in 3 days",
    "may",
    "２０２６-12-24",
    "+３d",
    "2026‐12‐24",
    "to\u200bday",
    "ﬁri",
    "frİ",
    "overdue",
    "any",
    "Fri 27 Nov",
    "x" * 21,
]


@pytest.mark.parametrize("text", UNKNOWN)
def test_refuses_what_is_no_day(text: str) -> None:
    error = refusal(lambda: read_day(text, WEDNESDAY))

    [detail] = error.details
    assert detail["field"] == "due"
    assert detail["message"].startswith(f"`{text}` is not a day")
    assert detail["message"].endswith(EXAMPLES)


@pytest.mark.parametrize("text", ["", " ", "\n", "\u3000"])
def test_refuses_an_empty_day(text: str) -> None:
    error = refusal(lambda: read_day(text, WEDNESDAY, field="wait"))

    assert error.message == f"wait: is empty; {EXAMPLES}"


@pytest.mark.parametrize(
    "text",
    ["2026-02-30", "2027-02-29", "2026-13-01", "2026-00-10", "0000-01-01"],
)
def test_refuses_a_date_that_is_not_in_the_calendar(text: str) -> None:
    error = refusal(lambda: read_day(text, WEDNESDAY))

    assert error.message == f"due: {text} is not in the calendar; {EXAMPLES}"


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01",
        "1899-12-31",
        "9999-01-01",
        "9999-12-31",
        "+9999999d",
        "-9999999d",
        "+9999999w",
        "-9999999m",
        "+9999999m",
        "+9999999y",
        "+7973y",
        "-127y",
        "+99999999999d",
        "-99999999999y",
    ],
)
def test_refuses_a_day_out_of_bounds(text: str) -> None:
    error = refusal(lambda: read_day(text, WEDNESDAY))

    assert error.message == f"due: {text} {BOUNDS}; {EXAMPLES}"


def test_refuses_more_digits_than_python_reads() -> None:
    error = refusal(lambda: read_day(f"+{'9' * 5000}d", WEDNESDAY))

    assert f"... {BOUNDS}" in error.message


@pytest.mark.parametrize(
    ("text", "today"),
    [
        ("yesterday", FIRST_DAY),
        ("-1d", FIRST_DAY),
        ("-1m", FIRST_DAY),
        ("tomorrow", LAST_DAY),
        ("mon", LAST_DAY),
        ("eow", LAST_DAY),
        ("+1w", LAST_DAY),
        ("+1m", LAST_DAY),
        ("+1y", LAST_DAY),
    ],
)
def test_refuses_a_word_that_leads_out_of_bounds(
    text: str, today: date
) -> None:
    error = refusal(lambda: read_day(text, today))

    assert error.message == f"due: {text} {BOUNDS}; {EXAMPLES}"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("tomorow", "tomorrow"),
        ("Tommorow", "tomorrow"),
        ("yesteday", "yesterday"),
        ("tues", "tue"),
        ("Wendesday", "wednesday"),
        ("satuday", "saturday"),
        ("todya", "today"),
        ("nonne", "none"),
    ],
)
def test_names_the_word_that_was_meant(text: str, meant: str) -> None:
    error = refusal(lambda: read_day(text, WEDNESDAY))

    assert error.message == (
        f"due: `{text}` is not a day (did you mean `{meant}`?); {EXAMPLES}"
    )


@given(st.text(max_size=12) | st.from_regex(r"[+-]?\d*[dwmy.-]?\d*"), DAYS)
@example("\ud800", WEDNESDAY)
@example("+\u0663d", WEDNESDAY)
def test_any_text_is_a_day_or_refused(text: str, today: date) -> None:
    for read in (read_day, read_days):
        with suppress(InvalidInput):
            read(text, today)


@given(DAYS, st.sampled_from(sorted(ORACLE)))
def test_every_word_is_what_dateutil_finds(today: date, word: str) -> None:
    # Its years end with 1 and 9999.
    try:
        expected = today + ORACLE[word]
    except (ValueError, OverflowError):
        expected = date.max
    if FIRST_DAY <= expected <= LAST_DAY:
        assert read_day(word, today) == expected
    else:
        assert BOUNDS in refusal(lambda: read_day(word, today)).message


# A filter


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("today", Days(WEDNESDAY, WEDNESDAY)),
        ("2026-11-25..2026-11-25", Days(WEDNESDAY, WEDNESDAY)),
        ("Today..Fri", Days(WEDNESDAY, date(2026, 11, 27))),
        (" today .. +7d ", Days(WEDNESDAY, date(2026, 12, 2))),
        ("..eow", Days(None, date(2026, 11, 29))),
        ("-1w..", Days(date(2026, 11, 18), None)),
        ("overdue", Days(None, date(2026, 11, 24))),
        ("ANY", Days(kind="any")),
        (" None", Days(kind="none")),
    ],
)
def test_reads_a_filter(text: str, days: Days) -> None:
    assert read_days(text, WEDNESDAY) == days


def test_overdue_is_before_the_first_day_too() -> None:
    assert read_days("overdue", FIRST_DAY).last == date(1899, 12, 31)
    assert read_days("overdue", date.min).last < FIRST_DAY  # type: ignore[operator]


@pytest.mark.parametrize(
    ("today", "word"),
    [
        (date.max, "tomorrow"),
        (date.max, "eow"),
        (date.max, "eom"),
        (date.max, "sun"),
        (date.max, "+1d"),
        (date.max, "+1m"),
        (date.min, "yesterday"),
        (date.min, "-1w"),
        (date.min, "-1y"),
    ],
)
def test_no_day_is_beyond_what_python_can_express(
    today: date, word: str
) -> None:
    """QTodoTxt/QTodoTxt#228: the day of the clock kept tasks from being edited."""
    with pytest.raises(InvalidInput, match=BOUNDS):
        read_day(word, today)
    with pytest.raises(InvalidInput, match=BOUNDS):
        read_days(f"..{word}", today)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("..", "a range needs a day at one end"),
        (" .. ", "a range needs a day at one end"),
        ("fri..today", "2026-11-27 is after 2026-11-25"),
        ("mon..fri", "2026-11-30 is after 2026-11-27"),
        ("2026-12-24...", "`.` is not a day"),
        ("a..b..c", "`a` is not a day"),
        ("today..any", "`any` is not a day"),
        ("none..today", "`none` is not a day"),
        ("..tomorow", "`tomorow` is not a day (did you mean `tomorrow`?)"),
        ("overdu", "`overdu` is not a day (did you mean `overdue`?)"),
        ("2026-02-30..", "2026-02-30 is not in the calendar"),
        ("..9999-12-31", f"9999-12-31 {BOUNDS}"),
        ("", "is empty"),
    ],
)
def test_refuses_a_filter(text: str, problem: str) -> None:
    error = refusal(lambda: read_days(text, WEDNESDAY, "due"))

    assert error.message == f"due: {problem}; {EXAMPLES}"


# What is shown


@given(DAYS, DAYS)
def test_what_is_printed_can_be_typed_again(day: date, today: date) -> None:
    assert read_day(str(day), today) == day
    assert read_days(f"{day}..{day}", today) == Days(day, day)
    shown = show_day(day, today)
    if shown in ("yesterday", "today", "tomorrow"):
        assert read_day(shown, today) == day


# What today is


BEGIN = {
    "Pacific/Auckland": (11, 12),
    "America/Los_Angeles": (7, 8),
    "Europe/Berlin": (22, 23),
    "Pacific/Apia": (10, 11),
}
"""The hours of UTC in which a day begins there, in summer and in winter."""
YEARS = [*((city, 2026) for city in BEGIN), ("Pacific/Apia", 2011)]


def instants(city: str, year: int) -> Iterator[datetime]:
    """Moments of a year: both sides of all hours in which a day may begin."""
    moment = datetime(year, 1, 1, tzinfo=UTC)
    while moment.year == year:
        for hour in BEGIN[city]:
            yield moment.replace(hour=hour)
            yield moment.replace(hour=hour) - SECOND
        moment += timedelta(days=1)


@pytest.mark.parametrize(("city", "year"), YEARS)
def test_every_word_over_a_year_is_what_dateutil_finds(
    city: str, year: int
) -> None:
    there = tz.tzfile(os.path.join(ZONES, city))
    days = set()
    for now in instants(city, year):
        today = today_of(now, zone(city))
        assert today == now.astimezone(there).date()
        days.add(today)

    # Samoa went from one side of the date line to the other.
    lost = {date(2011, 12, 30)} if (city, year) == YEARS[-1] else set()
    every_day = {date(year, 1, 1) + timedelta(days=n) for n in range(365)}
    assert every_day - days == lost
    # In the suite each day has a third of the words.
    step = size(3, 1)
    words = list(ORACLE.items())
    for number, today in enumerate(sorted(days)):
        for word, distance in words[number % step :: step]:
            assert read_day(word, today) == today + distance, (word, today)
        for word, distance in LAST_ORACLE.items():
            found = read_day(word, today, last=True)
            assert found == today + distance, (word, today)


@pytest.mark.parametrize(("city", "year"), YEARS)
def test_a_day_starts_with_its_first_instant(city: str, year: int) -> None:
    there = tz.tzfile(os.path.join(ZONES, city))
    for number in range(365):
        day = date(year, 1, 1) + timedelta(days=number)
        start = start_of(day, zone(city))

        assert start.astimezone(there).date() >= day
        assert (start - SECOND).astimezone(there).date() < day


@pytest.mark.parametrize(
    ("name", "day", "start"),
    [
        ("UTC", "2026-11-25", "2026-11-25T00:00:00"),
        ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00"),
        ("Europe/Berlin", "2026-03-30", "2026-03-29T22:00:00"),
        ("Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00"),
        ("Europe/Berlin", "2026-10-26", "2026-10-25T23:00:00"),
        # The clock goes from 0:00 to 1:00, and from 1:00 to 0:00.
        ("America/Havana", "2026-03-08", "2026-03-08T05:00:00"),
        ("America/Havana", "2026-11-01", "2026-11-01T04:00:00"),
        # From 0:00 to 23:00.
        ("America/Sao_Paulo", "2018-02-18", "2018-02-18T03:00:00"),
        # From 23:30 to 0:30, and from 0:01 to 23:01.
        ("America/Toronto", "1919-03-31", "1919-03-31T04:30:00"),
        ("America/St_Johns", "2006-10-29", "2006-10-29T02:30:00"),
        # The day does not exist; the next one begins.
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00"),
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00"),
        ("<+24>-24", "2026-01-01", "2025-12-31T00:00:00"),
        ("XXX24", "2026-01-01", "2026-01-02T00:00:00"),
        ("UTC", "1900-01-01", "1900-01-01T00:00:00"),
        ("UTC", "9999-01-01", "9999-01-01T00:00:00"),
    ],
)
def test_knows_when_a_day_starts(name: str, day: str, start: str) -> None:
    found = start_of(date.fromisoformat(day), zone(name))

    assert found == datetime.fromisoformat(f"{start}+00:00")
    assert found.utcoffset() == timedelta(0)


def test_today_is_that_of_utc_in_an_unknown_zone(tmp_path: Path) -> None:
    now = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)
    berlin = zone("Europe/Berlin")

    assert today_of(now, berlin) == date(2026, 11, 26)
    assert today_of(now, zone("Nowhere/Here")) == WEDNESDAY
    assert today_of(now, berlin | {"TZDIR": str(tmp_path)}) == WEDNESDAY
