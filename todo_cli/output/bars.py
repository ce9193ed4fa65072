"""Lays out counts for people, as `todo stats` does at a terminal.

    12 open, 2 overdue, 3 waiting, 40 done

    Done per day
    Thu 26 Nov  3  ████████████
    Fri 27 Nov  1  ████
    4 in four weeks

    Open, by project
    home        8  2 overdue  ████████████
    no project  4             ██████

Every bar has its number before it, so that nobody needs the bars. They are of
`#` where the encoding has no blocks. Where words are wanted there are none.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final, NamedTuple

from todo_cli.output import times, words
from todo_cli.output.columns import GAP, PLAIN, STRONG, URGENT, Cell
from todo_cli.output.text import visible
from todo_cli.output.views import Chart
from todo_cli.output.wrap import broken, length
from todo_cli.stats import OLDER, OfProject, Stats

_NO_PROJECT: Final = "no project"
_MOST: Final = 10
"""How many projects a terminal shows.

The other outputs have all.
"""
_NARROW: Final = 40
"""Below this width days have no weekday."""
_ROOM: Final = 20
"""How much room names and bars need, or notes go below them."""
_LEAST_LABEL: Final = 6
"""As much as a day needs."""
_USUAL_LABEL: Final = 15
"""As much as the words of an age need; a narrow terminal may have it."""
_USUAL_BAR: Final = 5
_LEAST_BAR: Final = 3
"""A shorter bar would say nothing."""
_LONGEST_BAR: Final = 60
"""A longer bar would say no more, and be far from its name."""
_GAP: Final = " " * GAP
_ASCII: Final = "#"
_BLOCK: Final = "\u2588"
_PARTS: Final = " \u258f\u258e\u258d\u258c\u258b\u258a\u2589"
"""The eighths of a block, from none to seven."""
_EIGHTHS: Final = 8
_AGES: Final = {
    "today": "today",
    "week": "under 7 days",
    "month": "under 30 days",
    "quarter": "under 90 days",
    OLDER: "90 days or more",
}
"""The words of each class of ages."""

Text = list[Cell]
"""A line as parts with a look each."""


class Look(NamedTuple):
    """What the terminal can show."""

    width: int
    is_plain: bool
    """Whether words are wanted in the place of signs."""
    has_blocks: bool
    """Whether its encoding has more than ASCII."""


class _Row(NamedTuple):
    """A name and its number, which the bar shows, too."""

    label: str
    number: int
    note: str = ""
    """What is urgent about it."""


class _Section(NamedTuple):
    """Rows whose bars can be compared.

    The longest one has the highest number of its section.
    """

    heading: str
    rows: Sequence[_Row]
    end: str = ""
    """What is said below them."""


def lines(chart: Chart, look: Look) -> Iterator[Text]:
    """Yield the lines of counts, each as its parts.

    None is longer than the terminal is wide, which has 20 columns at least. The
    sections follow one another: side by side they would need a wide terminal,
    and a screen reader would mix them up.
    """
    yield from _paragraph(chart.message, look)
    for section in _sections(chart, look):
        yield []
        yield from _paragraph(section.heading, look, STRONG)
        if section.rows:
            yield from _rows(section.rows, look)
        if section.end:
            yield from _paragraph(section.end, look)


def _paragraph(text: str, look: Look, style: str = PLAIN) -> Iterator[Text]:
    """Break a text at its words."""
    for line in broken(visible(text), look.width):
        yield [(line.text, style)]


def _sections(chart: Chart, look: Look) -> Iterator[_Section]:
    """Yield what was done, and what is open, as far as there is anything."""
    stats = chart.stats
    if not stats.open + stats.waiting + stats.done:
        context = chart.context
        place = f"for {context.user} in {context.place}"
        yield _Section(f"No tasks {place}", ())
        return
    yield _done(stats, look)
    if not stats.open:
        return
    # Without any project there is nothing to divide.
    if stats.projects[0].project is not None:
        yield _by_project(stats)
    yield _by_age(chart)


def _done(stats: Stats, look: Look) -> _Section:
    """Return what was done per day."""
    heading = "Done per day"
    rows = []
    total = 0
    for day, done in stats.days:
        rows.append(_Row(_day(day, look), done))
        total += done
    if not total:
        return _Section(heading, (), "Nothing in the last four weeks")
    return _Section(heading, rows, f"{total:,} in four weeks")


def _day(day: date, look: Look) -> str:
    """Write a day of the last four weeks: `Fri 27 Nov`, or `27 Nov`.

    The year is left out: it is that of today, or the one before.
    """
    short = times.calendar_day(day)
    if look.width < _NARROW:
        return short
    return f"{times.weekday(day)} {short}"


def _by_project(stats: Stats) -> _Section:
    """Return the first projects, and what has none; the others are counted.

    What has no project is shown whatever its place: people look for it.
    """
    rows: list[_Row] = []
    more = 0
    number = 0
    for each in stats.projects:
        if each.project is None or len(rows) < _MOST:
            rows.append(_project(each))
        else:
            more += 1
            number += each.open
    end = ""
    if more:
        others = words.amount(more, "more project")
        end = f"and {others} with {number:,} open"
    return _Section("Open, by project", rows, end)


def _project(each: OfProject) -> _Row:
    """Return the row of a project."""
    label = visible(each.project or _NO_PROJECT)
    note = ""
    if each.overdue:
        note = f"{each.overdue:,} overdue"
    return _Row(label, each.open, note)


def _by_age(chart: Chart) -> _Section:
    """Return how long ago open tasks were added, by classes.

    The words are about whole days: what was added yesterday is one day old.
    """
    stats = chart.stats
    rows = []
    for name, number in stats.ages.items():
        rows.append(_Row(_AGES[name], number))
    end = ""
    if stats.oldest is not None:
        age = times.age(stats.oldest, chart.context.now)
        end = f"The oldest was added {age}"
    return _Section("Open, by age", rows, end)


# Rows and bars


class _Layout(NamedTuple):
    """How wide the parts of rows are; 0 for what is left out."""

    label: int
    number: int
    note: int
    bar: int


def _rows(rows: Sequence[_Row], look: Look) -> Iterator[Text]:
    """Yield rows, with numbers and bars below each other.

    A note for which there is no room beside its number is below it.
    """
    layout = _layout(rows, look)
    most = max(row.number for row in rows)
    for row in rows:
        first, *others = broken(row.label, layout.label)
        label = first.text + " " * (layout.label - first.length)
        share = 0.0
        if row.number:
            share = row.number / most
        yield _line(row, label, _bar(share, layout.bar, look), layout)
        for other in others:
            yield [(other.text, PLAIN)]
        if row.note and not layout.note:
            yield [(_GAP, PLAIN), (row.note, URGENT)]


def _line(row: _Row, label: str, bar: str, layout: _Layout) -> Text:
    """Return the first line of a row.

    Each part is as wide as that of the other rows, so that bars begin below
    each other. Blanks at the end are taken off later.
    """
    number = f"{row.number:{layout.number},}"
    line = [(label + _GAP + number, PLAIN)]
    if layout.note:
        missing = layout.note - len(row.note)
        line.append((_GAP, PLAIN))
        line.append((row.note, URGENT))
        line.append((" " * missing, PLAIN))
    line.append((_GAP + bar, PLAIN))
    return line


def _layout(rows: Sequence[_Row], look: Look) -> _Layout:
    """Choose how wide the parts of rows are.

    A number is never cut. What is left goes to notes, if there is enough, then
    to names, and then to bars.
    """
    numbers = [len(f"{row.number:,}") for row in rows]
    number = max(numbers)
    note = max(len(row.note) for row in rows)
    room = look.width - GAP - number
    beside = room - GAP - note
    if note and beside >= _ROOM:
        room = beside
    else:
        note = 0
    longest = max(length(row.label) for row in rows)
    if look.is_plain:
        label = min(longest, max(room, _LEAST_LABEL))
        return _Layout(label, number, note, 0)
    label = min(longest, _most(room))
    bar = min(room - GAP - label, _LONGEST_BAR)
    if bar < _LEAST_BAR:
        bar = 0
    return _Layout(label, number, note, bar)


def _most(room: int) -> int:
    """Return how long a name may be beside a bar.

    A long name has half of the room. Where that is little, it has more, so that
    the words of an age are not broken.
    """
    short = min(room - GAP - _USUAL_BAR, _USUAL_LABEL)
    return max(room // 2, short, _LEAST_LABEL)


def _bar(share: float, room: int, look: Look) -> str:
    """Draw a bar; what is more than zero is never without one.

    With blocks it is exact to an eighth of a column.
    """
    if share == 0 or room == 0:
        return ""
    if not look.has_blocks:
        return _ASCII * max(1, round(share * room))
    eighths = max(1, round(share * room * _EIGHTHS))
    whole, part = divmod(eighths, _EIGHTHS)
    bar = _BLOCK * whole + _PARTS[part]
    return bar.rstrip()
