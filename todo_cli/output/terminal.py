"""A sheet for a terminal, drawn by Rich; no other module imports Rich.

A long list is drawn in about the time that it takes to write it into a pipe.
"""

import io
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, pairwise
from typing import BinaryIO, Final, TextIO, TypeAlias

from rich import box
from rich.cells import cell_len, get_character_cell_size
from rich.console import Console, RenderableType
from rich.progress import Progress
from rich.table import Table as RichTable
from rich.text import Text

from todo_cli.output.text import visible, visible_lines
from todo_cli.output.views import Sheet, Table
from todo_cli.output.words import age
from todo_cli.task import Task

_WITH_DATE: Final = 50
"""Width from which the date is shown."""
_WITH_STATUS: Final = 32
"""Width from which the status is shown."""

# Rich draws a pattern of a row with these in the place of the values. They are
# from the private use area, one cell wide, and nobody sees them.
_NUMBER: Final = "\ue000"
_TITLE: Final = "\ue001"
_WHEN: Final = "\ue002"
_PLACES: Final = re.compile(f"{_NUMBER}+|{_TITLE}+|{_WHEN}+")
"""Where the values belong in what Rich has drawn."""
_WORDS: Final = re.compile(r"(\s*\S+)\s*")
"""A word with the blanks around it; a line ends after such a word."""
_JOINER: Final = "\u200d"
"""Joins two characters into one."""
_EMOJI: Final = "\ufe0f"
"""Makes an emoji of the character before it, which may need another cell."""
_FORMATS: Final = {_NUMBER: "{number}", _TITLE: "{title}", _WHEN: "{when}"}


class _Sizes(dict[int, int]):
    """How many cells each character takes that has been asked for.

    Rich takes three times as long to find one again.
    """

    def __missing__(self, code: int) -> int:
        """Ask Rich, and remember the answer."""
        size = get_character_cell_size(chr(code))
        self[code] = size
        return size


_SIZES: Final = _Sizes()


class _Buffer(io.StringIO):
    """A text buffer that has the encoding of the terminal.

    Rich chooses the characters of its boxes by the encoding of its file.
    """

    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the terminal."""
        return self._encoding


def render(
    sheet: Sheet,
    *,
    width: int,
    encoding: str,
    variables: Mapping[str, str],
    is_plain: bool = False,
    is_styled: bool = True,
) -> str:
    """Draw a sheet, `width` columns wide.

    With `is_plain`, words take the place of frames and signs. Text of users is
    never read as markup: it is wrapped in `Text`, or added to what Rich drew.
    """
    buffer = _Buffer(encoding)
    console = _console(buffer, width, variables, is_styled=is_styled)
    table = sheet.table
    if table is not None and table.tasks:
        buffer.write(_drawn_table(console, table, is_plain=is_plain))
    for part in _parts(sheet):
        # A line of text is not broken, so that copying it gives one line.
        is_line = isinstance(part, Text)
        console.print(part, soft_wrap=is_line)
    return buffer.getvalue()


def _console(
    file: TextIO,
    width: int,
    variables: Mapping[str, str],
    *,
    is_styled: bool = True,
) -> Console:
    return Console(
        file=file,
        width=width,
        force_terminal=is_styled,
        # Without it Rich would read NO_COLOR and TERM of the process itself.
        _environ=dict(variables),
    )


@contextmanager
def progress(
    what: str, stream: BinaryIO, *, width: int, variables: Mapping[str, str]
) -> Iterator[Callable[[int, int], None]]:
    """Draw a progress bar on a stream, and remove it at the end.

    Yields a function of (done, total) that moves the bar.
    """
    text = io.TextIOWrapper(stream, encoding="utf-8")
    bars = Progress(
        console=_console(text, width, variables),
        auto_refresh=False,
        transient=True,
    )
    try:
        with bars:
            bar = bars.add_task(what)

            def report(done: int, of: int) -> None:
                bars.update(bar, completed=done, total=of, refresh=True)

            yield report
    finally:
        # Otherwise the wrapper would close the stream with itself.
        text.detach()


def _parts(sheet: Sheet) -> list[RenderableType]:
    """Draw what is below a table, the fields or the lines of a sheet."""
    table = sheet.table
    if table is not None and table.tasks:
        return [Text(visible(table.footer), style="dim")]
    if table is not None:
        return [Text(visible(table.note))]
    parts: list[RenderableType] = []
    for line in sheet.lines:
        parts.append(Text(visible(line)))
    for warning in sheet.warnings:
        parts.append(Text(f"warning: {visible(warning)}"))
    if sheet.fields:
        parts.append(_fields(sheet))
    return parts


def _drawn_table(console: Console, table: Table, *, is_plain: bool) -> str:
    """Draw tasks; a narrow terminal gets fewer columns, but whole titles.

    Rich needs 0.2 ms to lay out a row. So it lays out a pattern that is as
    wide as the longest values, and the values are filled into that.
    """
    mark = _mark(console.width, is_plain=is_plain)
    values = [_values(task, table.now, mark) for task in table.tasks]
    sample = _longest(values, mark)
    pattern = _pattern(sample, console.width, is_plain=is_plain)
    lines, rows = _taken_apart(console, pattern, mark)
    for task, of_task in zip(table.tasks, values, strict=True):
        row = rows[task.completed]
        lines += row.filled(*of_task)
    return "".join(f"{line}\n" for line in lines)


def _mark(width: int, *, is_plain: bool) -> str:
    """What is before the title of a done task.

    It takes the place of the status where that has no column.
    """
    if width >= _WITH_STATUS:
        return ""
    if is_plain:
        return "done: "
    return "x "


_Values: TypeAlias = tuple[str, str, str, int]
"""What a row shows: number, title and age; and the cells of the title."""


def _values(task: Task, now: datetime, mark: str) -> _Values:
    """Write what a row shows of a task."""
    title = visible(task.title)
    if task.completed:
        title = mark + title
    # An open task shows its age, a done one when it was done.
    when = task.completed_at or task.created_at
    return str(task.number), title, age(when, now), _length(title)


@dataclass(frozen=True, slots=True)
class _Sample:
    """Values that are as long as the longest, to lay out a pattern with.

    They consist of the characters that stand for values.
    """

    number: str
    title: str
    """With the mark, if it is the title of a done task."""
    when: str
    mark: str
    """What is before the title of a done task."""


def _longest(values: Sequence[_Values], mark: str) -> _Sample:
    """Make the sample for the values of all rows."""
    numbers, _titles, ages, lengths = zip(*values, strict=True)
    longest_number = max(map(len, numbers))
    longest_title = max(lengths)
    longest_age = max(map(len, ages))
    return _Sample(
        number=_NUMBER * longest_number,
        title=_TITLE * longest_title,
        when=_WHEN * longest_age,
        mark=mark,
    )


def _pattern(sample: _Sample, width: int, *, is_plain: bool) -> RichTable:
    """Lay out an open and a done task, each with a title of two lines.

    Rich decides the widths of the columns, their styles and their padding.
    """
    number_name, status_name = "#", ""
    frame: box.Box | None = box.SIMPLE_HEAD
    if is_plain:
        number_name, status_name = "Number", "Status"
        frame = None
    drawn = RichTable(box=frame, show_edge=False, pad_edge=False)
    drawn.add_column(number_name, justify="right", no_wrap=True, style="cyan")
    if width >= _WITH_STATUS:
        drawn.add_column(status_name, no_wrap=True)
    drawn.add_column("Task")
    if width >= _WITH_DATE:
        drawn.add_column("When", no_wrap=True, style="dim")
    # The name of a column may be longer than every value in it.
    number = sample.number.rjust(len(number_name), _NUMBER)
    drawn.add_row(*_cells(sample, number, width, is_done=False))
    drawn.add_row(*_cells(sample, number, width, is_done=True))
    return drawn


def _cells(
    sample: _Sample, number: str, width: int, *, is_done: bool
) -> list[Text]:
    """Write the cells of an open or a done task for the pattern.

    There is one for each column that the width has room for.
    """
    cells = [Text(number)]
    if width >= _WITH_STATUS:
        cells.append(_status(is_done=is_done))
    cells.append(_title(sample, is_done=is_done))
    if width >= _WITH_DATE:
        when = sample.when.ljust(len("When"), _WHEN)
        cells.append(Text(when))
    return cells


def _title(sample: _Sample, *, is_done: bool) -> Text:
    """Two lines of a title, cropped to the width that the column will have."""
    line = sample.title.ljust(len("Task"), _TITLE)
    if not is_done:
        return Text(f"{line}\n{line}", no_wrap=True, overflow="crop")
    style = "green" if sample.mark else "dim"
    title = Text(sample.mark, style=style, no_wrap=True, overflow="crop")
    rest = line[len(sample.mark) :]
    return title.append(f"{rest}\n{line}", style="dim")


def _status(*, is_done: bool) -> Text:
    """The status in its colour; the word says the same without it."""
    if is_done:
        return Text("done", style="green")
    return Text("open", style="yellow")


class _Row:
    """The pattern of an open or of a done task, to fill values in.

    `first` is its first line as Rich drew it, and `following` the one on
    which a long title goes on. Both become formats of `str.format`.
    """

    def __init__(
        self, console: Console, first: str, following: str, *, mark: str
    ) -> None:
        self._console = console
        self._mark = mark
        """What the pattern has already of each title."""
        self._number_width = first.count(_NUMBER)
        self._width = following.count(_TITLE)
        """How many cells a line of a title has."""
        self._when_width = first.count(_WHEN)
        self._first = _PLACES.sub(_format, first)
        self._following = _PLACES.sub(_format, following)

    def filled(
        self, number: str, title: str, when: str, length: int
    ) -> list[str]:
        """Return the lines of a task; a title that is too long is broken.

        `length` is that of the title in cells: most titles fit.
        """
        lines = [(title, length)]
        if length > self._width:
            lines = self._broken(title)
        (first, first_length), *more = lines
        # Rich drew the mark in a colour of its own.
        rest = self._padded(first, first_length)[len(self._mark) :]
        drawn = self._first.format(
            number=number.rjust(self._number_width),
            title=rest,
            when=when.ljust(self._when_width),
        )
        filled = [drawn]
        for line, line_length in more:
            padded = self._padded(line, line_length)
            filled.append(self._following.format(title=padded))
        return filled

    def _broken(self, title: str) -> list[tuple[str, int]]:
        """Break a title into lines, each with its length in cells.

        Only Rich knows which characters are joined to one, as in many emoji.
        """
        if _is_joined(title):
            text = Text(title)
            parts = text.wrap(self._console, self._width, overflow="fold")
            return [(part.plain, part.cell_len) for part in parts]
        ends = _ends(title)
        starts = _starts(title, ends, self._width)
        lines = []
        for start, end in pairwise([*starts, len(title)]):
            line = title[start:end].rstrip()
            length = ends[start + len(line)] - ends[start]
            lines.append((line, length))
        return lines

    def _padded(self, title: str, length: int) -> str:
        """Fill a line up to the width of its column."""
        return title + " " * (self._width - length)


def _starts(title: str, ends: Sequence[int], width: int) -> list[int]:
    """Return where each line of a title starts, as Rich would break it.

    Rich takes three times as long. A line starts with a word. A word that is
    longer than a line, as in Chinese, has lines of its own.
    """
    starts = [0]
    for word in _WORDS.finditer(title):
        start = word.start()
        room = width - (ends[start] - ends[starts[-1]])
        needed = ends[word.end(1)] - ends[start]
        if needed <= room:
            continue
        if start > 0:
            starts.append(start)
        if needed > width:
            starts += _folds(start, word.end(), ends, width)
    return starts


def _folds(
    start: int, end: int, ends: Sequence[int], width: int
) -> Iterator[int]:
    """Yield where the second line of a long word starts, and the next ones.

    What is zero cells wide, such as an accent, stays with the character
    before it.
    """
    while True:
        full = bisect_right(ends, ends[start] + width, lo=start) - 1
        # A line of one cell has no room for a character of two.
        start = max(full, start + 1)
        if start >= end:
            return
        yield start


def _ends(text: str) -> Sequence[int]:
    """Count the cells before each character of a text, and before its end."""
    if text.isascii():
        return range(len(text) + 1)
    return list(accumulate(_sizes(text), initial=0))


def _length(text: str) -> int:
    """Count the cells of a text, of which a Chinese character takes two."""
    if text.isascii():
        return len(text)
    if _is_joined(text):
        return cell_len(text)
    return sum(_sizes(text))


def _sizes(text: str) -> bytes:
    """Return how many cells each character takes."""
    return text.translate(_SIZES).encode()


def _is_joined(text: str) -> bool:
    """Whether a character may be one with the next, as in many emoji."""
    return _JOINER in text or _EMOJI in text


def _taken_apart(
    console: Console, pattern: RichTable, mark: str
) -> tuple[list[str], dict[bool, _Row]]:
    """Have Rich draw the pattern, and take its lines apart.

    Returns the lines of the head, and the row for each value of `completed`.
    """
    with console.capture() as capture:
        console.print(pattern)
    # Both tasks have two lines, because their titles have.
    *head, opened, opened_on, done, done_on = capture.get().splitlines()
    rows = {
        False: _Row(console, opened, opened_on, mark=""),
        True: _Row(console, done, done_on, mark=mark),
    }
    return head, rows


def _format(run: re.Match[str]) -> str:
    """Return the format of the value whose place in a pattern this is."""
    return _FORMATS[run[0][0]]


def _fields(sheet: Sheet) -> RichTable:
    """Draw names and values in two columns; long values are folded.

    A sheet can have labels, which are for people: other names, and fewer rows.
    """
    labels = sheet.labels
    if labels is None:
        labels = {name: name for name, _ in sheet.fields}
    drawn = RichTable.grid(padding=(0, 2))
    drawn.add_column(style="cyan", no_wrap=True)
    drawn.add_column(overflow="fold")
    for name, value in sheet.fields:
        if name in labels:
            drawn.add_row(Text(labels[name]), Text(visible_lines(value)))
    return drawn
