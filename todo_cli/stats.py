"""What `todo stats` counts, and the instants between which it counts.

A day belongs to the caller, by `TZ`, and a task was done on the day in which its
time of completion is there. So the program says when each day begins, and the
store counts between these instants. It needs no time zones.

Only that command loads this module.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import Any, Final, NamedTuple

from todo_cli import days, zones
from todo_cli.task import format_instant

DAYS: Final = 28
"""How many days are counted, today among them."""
CLASSES: Final = {"today": 1, "week": 7, "month": 30, "quarter": 90}
"""The classes of ages: what was added in so many days, today among them.

The rest of them is OLDER. A task is in the first class that it fits.
"""
OLDER: Final = "older"


class DoneOn(NamedTuple):
    """How many tasks were done on a day.

    Those that were opened again since are not among them.
    """

    day: date
    done: int


class OfProject(NamedTuple):
    """How many tasks of a project are open, and overdue.

    Those of the projects below it are not among them. None means tasks without
    a project.
    """

    project: str | None
    open: int
    overdue: int


@dataclass(frozen=True, slots=True)
class Frame:
    """The caller's days, as the store needs them."""

    today: date
    """It decides what waits, and what is overdue."""
    days: tuple[date, ...]
    """The days of `DAYS`, the earliest first."""
    starts: tuple[datetime, ...]
    """The instants at which they begin, and the one at which the last ends."""
    since: dict[str, datetime]
    """The instant with which each of CLASSES begins."""


@dataclass(frozen=True, slots=True)
class Stats:
    """Exact counts of a user's tasks, without the trash."""

    frame: Frame
    open: int = 0
    """Open tasks that do not wait, the overdue ones among them."""
    overdue: int = 0
    waiting: int = 0
    done: int = 0
    days: tuple[DoneOn, ...] = ()
    """Each day of the frame, in its order.

    What was done after the last of them, by a clock that is ahead, is none.
    """
    projects: tuple[OfProject, ...] = ()
    """Those with open tasks: most of them first, then by name; none is last."""
    ages: dict[str, int] = field(default_factory=dict)
    """How many open tasks are in each class, OLDER last.

    Together they are all open tasks.
    """
    oldest: datetime | None = None
    """When the oldest open task was added.

    None if there is none, and if another program has stored a wrong time.
    """


def frame_of(now: datetime, zone: tzinfo) -> Frame:
    """Return the days of a zone that end with today.

    A day with a change of clocks has 23 or 25 hours. One that a zone left out
    has none: it begins when the next one does.
    """
    today = zones.local(now, zone).date()
    # A clock that is wrong can be at an end of Python's calendar.
    last = min(max(today, days.FIRST_DAY), days.LAST_DAY).toordinal()
    ordinals = range(last - DAYS + 1, last + 2)
    shown = tuple(map(date.fromordinal, ordinals))
    starts = tuple(days.start_in(zone, day) for day in shown)
    since = {}
    for name, length in CLASSES.items():
        first = date.fromordinal(last - length + 1)
        since[name] = days.start_in(zone, first)
    return Frame(today, shown[:-1], starts, since)


def nothing(frame: Frame) -> Stats:
    """Return the counts of a store that is not there.

    They are those of a user without tasks.
    """
    done = tuple(DoneOn(day, 0) for day in frame.days)
    return Stats(frame, days=done, ages=dict.fromkeys([*CLASSES, OLDER], 0))


def stats_values(stats: Stats) -> dict[str, Any]:
    """Convert counts to JSON values; keys have the order of the contract."""
    ages: dict[str, Any] = dict(stats.ages)
    ages["oldest"] = None
    if stats.oldest is not None:
        ages["oldest"] = format_instant(stats.oldest)
    return {
        "open": stats.open,
        "overdue": stats.overdue,
        "waiting": stats.waiting,
        "done": stats.done,
        "days": [*_days(stats)],
        "projects": [each._asdict() for each in stats.projects],
        "ages": ages,
    }


def _days(stats: Stats) -> Iterator[dict[str, Any]]:
    """Yield each day, and how many tasks were done on it."""
    for each in stats.days:
        yield {"day": each.day.isoformat(), "done": each.done}
