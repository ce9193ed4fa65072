"""Days, ages and times in words, by the caller's clock and calendar."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.output.values import NOW
from todo_cli import zones
from todo_cli.output.times import (
    age,
    both_ways,
    distance,
    exact,
    show_day,
    show_due,
)

WEDNESDAY = date(2026, 11, 25)
AGES = {
    timedelta(0): "just now",
    timedelta(seconds=59.9): "just now",
    timedelta(seconds=60): "1 minute ago",
    timedelta(seconds=119): "1 minute ago",
    timedelta(minutes=59): "59 minutes ago",
    timedelta(hours=1): "1 hour ago",
    timedelta(hours=23, minutes=59): "23 hours ago",
    timedelta(days=1): "1 day ago",
    timedelta(days=6): "6 days ago",
    timedelta(days=7): "1 week ago",
    timedelta(days=29): "4 weeks ago",
    timedelta(days=30): "1 month ago",
    timedelta(days=364): "12 months ago",
    timedelta(days=365): "1 year ago",
    timedelta(days=800): "2 years ago",
    # The clock of another machine is ahead of this one.
    timedelta(seconds=-59.9): "just now",
    timedelta(seconds=-60): "in 1 minute",
    timedelta(minutes=-5, seconds=-1): "in 5 minutes",
    timedelta(days=-2): "in 2 days",
}


@pytest.mark.spec("002/FR-338")
def test_age_says_the_largest_unit_that_fits() -> None:
    assert {ago: age(NOW - ago, NOW) for ago in AGES} == AGES


DAYS = {
    "2026-11-23": ("Mon 23 Nov", "overdue 2 days", "2 days ago"),
    "2026-11-24": ("yesterday", "overdue 1 day", "1 day ago"),
    "2026-11-25": ("today", "today", "in 0 days"),
    "2026-11-26": ("tomorrow", "tomorrow", "in 1 day"),
    "2026-11-27": ("Fri 27 Nov", "Fri 27 Nov", "in 2 days"),
    "2026-12-01": ("Tue 1 Dec", "Tue 1 Dec", "in 6 days"),
    "2027-01-01": ("Fri 1 Jan 2027", "Fri 1 Jan 2027", "in 37 days"),
    "2023-03-01": ("Wed 1 Mar 2023", "overdue 1,365 days", "1,365 days ago"),
}


@pytest.mark.spec("002/FR-338")
def test_days_are_shown_by_how_far_away_they_are() -> None:
    found = {}
    for text in DAYS:
        day = date.fromisoformat(text)
        shown = show_day(day, WEDNESDAY)
        due = show_due(day, WEDNESDAY)
        found[text] = (shown, due, distance(day, WEDNESDAY))

    assert found == DAYS
    assert show_day(date(2027, 1, 1), date(2026, 12, 31)) == "tomorrow"


@pytest.mark.spec("002/FR-338")
@given(st.dates(), st.dates())
def test_every_day_has_the_names_of_the_calendar(
    day: date, today: date
) -> None:
    shown = show_day(day, today)
    if shown not in ("yesterday", "today", "tomorrow"):
        # In the C locale, which is English.
        assert f"{day:%a} {day.day} {day:%b}" in shown
        assert shown.endswith(f" {day.year}") is (day.year != today.year)


@pytest.mark.spec("002/FR-338")
def test_days_are_shown_both_ways() -> None:
    friday, monday = date(2026, 11, 27), date(2026, 11, 23)

    assert both_ways(friday, WEDNESDAY) == ["Fri 27 Nov", "(in 2 days)"]
    assert both_ways(WEDNESDAY, WEDNESDAY) == ["today", "(Wed 25 Nov)"]
    assert both_ways(monday, WEDNESDAY) == ["Mon 23 Nov", "(2 days ago)"]
    assert both_ways(monday, WEDNESDAY, is_due=True) == [
        "overdue 2 days",
        "(Mon 23 Nov)",
    ]


TIMES = {
    "XXX-5:30": "2 Jan 2026, 08:34 +05:30",
    "XXX9:30": "1 Jan 2026, 17:34 -09:30",
    "XXX1": "2 Jan 2026, 02:04 -01:00",
    "UTC": "2 Jan 2026, 03:04 UTC",
    "Nowhere/Land": "2 Jan 2026, 03:04 UTC",
}


@pytest.mark.spec("002/FR-338")
def test_times_are_those_of_the_callers_clock() -> None:
    found = {}
    for name in TIMES:
        found[name] = exact(NOW, zones.zone_of({"TZ": name}))

    assert found == TIMES


@pytest.mark.spec("002/FR-338")
def test_times_tell_the_two_hours_apart_at_the_end_of_summer() -> None:
    zone = zones.zone_of({"TZ": "CET-1CEST,M3.5.0,M10.5.0/3"})
    before = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    after = before + timedelta(hours=1)

    assert exact(before, zone) == "25 Oct 2026, 02:30 +02:00"
    assert exact(after, zone) == "25 Oct 2026, 02:30 +01:00"
    assert age(before, after) == "1 hour ago"


def test_times_survive_the_first_and_the_last_instant() -> None:
    for hours in (-23, 0, 23):
        zone = timezone(timedelta(hours=hours))
        first = exact(datetime(1, 1, 1, tzinfo=UTC), zone)
        last = exact(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), zone)
        assert "Jan 1, " in first or "Dec 1, " in first
        assert " 9999, " in last
