"""Makes the counts of `todo stats` of the rows that a store gives.

The statement is in `stats_queries.py`. A row is a kind, a name, a number and a
time, of which those are None that the kind has not.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from todo_cli.database.rows import sound
from todo_cli.database.run import Row
from todo_cli.stats import CLASSES, OLDER, DoneOn, Frame, OfProject, Stats
from todo_cli.task import format_instant

_NAME: Final = ("text?",)
_TIME: Final = ("instant?",)
"""The kinds of what another program can have stored in another way."""


def values_of(frame: Frame) -> dict[str, Any]:
    """The parameter values of the statement, but for the user.

    A list is sent as texts, to either store.
    """
    starts = []
    for each in frame.starts:
        starts.append(format_instant(each))
    values: dict[str, Any] = {}
    values["today"] = frame.today
    values["day_starts"] = starts[:-1]
    values["day_ends"] = starts[1:]
    for name, since in frame.since.items():
        values[f"since_{name}"] = since
    return values


def stats_of(rows: Sequence[Row], frame: Frame) -> Stats:
    """Make counts of the rows of the statement.

    A time of another program that is none is left out.
    """
    found = _Found(frame)
    for kind, name, number, at in rows:
        if kind == "oldest":
            [found.oldest] = sound([at], _TIME) or [None]
        else:
            # Two values of another program can be the same text.
            [text] = sound([name], _NAME) or [None]
            found.of(kind)[text] += number
    return found.stats()


class _Found:
    """Counts by kind and name."""

    def __init__(self, frame: Frame) -> None:
        self.oldest: Any = None
        self._frame = frame
        self._counts: dict[str, Counter[Any]] = {}

    def of(self, kind: str) -> Counter[Any]:
        """Return the counts of a kind, by name."""
        return self._counts.setdefault(kind, Counter())

    def total(self, kind: str) -> int:
        """Return the count of a kind."""
        return self.of(kind).total()

    def stats(self) -> Stats:
        """Add up what was counted once for several."""
        ages = {}
        for name in (*CLASSES, OLDER):
            ages[name] = self.total(name)
        is_open = sum(ages.values())
        return Stats(
            self._frame,
            open=is_open,
            overdue=self.total("overdue"),
            waiting=self.total("waiting"),
            done=self.total("done"),
            days=self._days(),
            projects=self._projects(is_open),
            ages=ages,
            oldest=self.oldest,
        )

    def _days(self) -> tuple[DoneOn, ...]:
        """Return how many tasks were done on each day.

        The store has numbered the days in their order.
        """
        done = self.of("day")
        places = sorted(done, key=int)
        days = []
        for day, place in zip(self._frame.days, places, strict=True):
            days.append(DoneOn(day, done[place]))
        return tuple(days)

    def _projects(self, is_open: int) -> tuple[OfProject, ...]:
        """Return the projects that have open tasks, in their order.

        `is_open` are all open tasks: those that are left have no project.
        """
        counts = self.of("project")
        counts[None] = is_open - counts.total()
        overdue = self.of("overdue")
        found = []
        for name, number in counts.items():
            if number:
                found.append(OfProject(name, number, overdue[name]))
        found.sort(key=_place)
        return tuple(found)


def _place(each: OfProject) -> tuple[bool, int, str]:
    """Where a project comes: none last, most tasks first, then by name.

    Python compares names by code point.
    """
    name = each.project
    return name is None, -each.open, name or ""
