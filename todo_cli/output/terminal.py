"""A sheet for a terminal, drawn by Rich; no other module imports Rich."""

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final, TextIO

from rich import box
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.progress import Progress
from rich.table import Table as RichTable
from rich.text import Text

from todo_cli.output.text import visible, visible_lines
from todo_cli.output.views import Sheet, Table
from todo_cli.output.words import age

_WITH_DATE: Final = 50
"""Width from which the date is shown."""
_WITH_STATUS: Final = 32
"""Width from which the status is shown."""

# A pattern of a row is drawn with these, from the private use area, in the
# place of the values.
_NUMBER: Final = "\ue000"
_TITLE: Final = "\ue001"
_WHEN: Final = "\ue002"
_PLACES: Final = re.compile(f"{_NUMBER}+|{_TITLE}+|{_WHEN}+")
_FORMATS: Final = {_NUMBER: "{number}", _TITLE: "{title}", _WHEN: "{when}"}


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
    if sheet.fields:
        return [_fields(sheet.fields)]
    return [Text(visible(line)) for line in sheet.lines]


def _drawn_table(console: Console, table: Table, *, is_plain: bool) -> str:
    """Draw tasks; a narrow terminal gets fewer columns, but whole titles.

    Rich needs 0.2 ms to lay out a row. So it lays out a pattern that is as
    wide as the longest values, and the values are filled into that.
    """
    mark = ""
    if console.width < _WITH_STATUS:
        # There is no column for the status.
        mark = "done: " if is_plain else "x "
    cells = []
    for task in table.tasks:
        title = visible(task.title)
        if task.completed:
            title = mark + title
        # An open task shows its age, a done one when it was done.
        when = task.completed_at or task.created_at
        cells.append((str(task.number), title, age(when, table.now)))
    numbers, titles, ages = zip(*cells, strict=True)
    sample = _Sample(
        number=_NUMBER * max(map(len, numbers)),
        title=_TITLE * max(map(cell_len, titles)),
        when=_WHEN * max(map(len, ages)),
        mark=mark,
    )
    with console.capture() as capture:
        console.print(_pattern(sample, console.width, is_plain=is_plain))
    *lines, opened, opened_on, done, done_on = capture.get().splitlines()
    open_row = _Row(console, opened, opened_on, mark="")
    done_row = _Row(console, done, done_on, mark=mark)
    for task, values in zip(table.tasks, cells, strict=True):
        row = done_row if task.completed else open_row
        lines += row.filled(*values)
    return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True, slots=True)
class _Sample:
    """Values as long as the longest, to lay out a pattern with."""

    number: str
    title: str
    when: str
    mark: str
    """What is before the title of a done task."""


def _pattern(sample: _Sample, width: int, *, is_plain: bool) -> RichTable:
    """Lay out an open and a done task, each with a title of two lines."""
    frame = None if is_plain else box.SIMPLE_HEAD
    number_name, status_name = "#", ""
    if is_plain:
        number_name, status_name = "Number", "Status"
    drawn = RichTable(box=frame, show_edge=False, pad_edge=False)
    drawn.add_column(number_name, justify="right", no_wrap=True, style="cyan")
    if width >= _WITH_STATUS:
        drawn.add_column(status_name, no_wrap=True)
    drawn.add_column("Task")
    if width >= _WITH_DATE:
        drawn.add_column("When", no_wrap=True, style="dim")
    for is_done in (False, True):
        # A name of a column may be longer than every value in it.
        cells = [Text(sample.number.rjust(len(number_name), _NUMBER))]
        if width >= _WITH_STATUS:
            cells.append(_status(is_done=is_done))
        cells.append(_title(sample, is_done=is_done))
        if width >= _WITH_DATE:
            cells.append(Text(sample.when.ljust(len("When"), _WHEN)))
        drawn.add_row(*cells)
    return drawn


def _title(sample: _Sample, *, is_done: bool) -> Text:
    """Two lines of a title, as wide as the column will be."""
    line = sample.title.ljust(len("Task"), _TITLE)
    if not is_done:
        return Text(f"{line}\n{line}", no_wrap=True, overflow="crop")
    style = "green" if sample.mark else "dim"
    title = Text(sample.mark, style=style, no_wrap=True, overflow="crop")
    rest = line[len(sample.mark) :]
    return title.append(f"{rest}\n{line}", style="dim")


class _Row:
    """The pattern of an open or of a done task, to fill values in.

    `first` is its first line as Rich drew it, and `following` the one on
    which a long title goes on.
    """

    def __init__(
        self, console: Console, first: str, following: str, *, mark: str
    ) -> None:
        self._console = console
        self._mark = mark
        self._number_width = first.count(_NUMBER)
        self._width = following.count(_TITLE)
        self._first = _PLACES.sub(_format, first)
        self._following = _PLACES.sub(_format, following)
        self._when_width = first.count(_WHEN)

    def filled(self, number: str, title: str, when: str) -> list[str]:
        """Return the lines of a task; a title that is too long is broken."""
        first, *more = self._broken(title)
        line = self._first.format(
            number=number.rjust(self._number_width),
            title=self._padded(first)[len(self._mark) :],
            when=when.ljust(self._when_width),
        )
        lines = [line]
        for part in more:
            lines.append(self._following.format(title=self._padded(part)))
        return lines

    def _broken(self, title: str) -> list[str]:
        if cell_len(title) <= self._width:
            return [title]
        parts = Text(title).wrap(self._console, self._width, overflow="fold")
        return [part.plain for part in parts]

    def _padded(self, title: str) -> str:
        return title + " " * (self._width - cell_len(title))


def _format(run: re.Match[str]) -> str:
    """The format of a value where its place is drawn."""
    return _FORMATS[run[0][0]]


def _status(*, is_done: bool) -> Text:
    if is_done:
        return Text("done", style="green")
    return Text("open", style="yellow")


def _fields(fields: Sequence[tuple[str, str]]) -> RichTable:
    """Draw names and values in two columns; long values are folded."""
    drawn = RichTable.grid(padding=(0, 2))
    drawn.add_column(style="cyan", no_wrap=True)
    drawn.add_column(overflow="fold")
    for name, value in fields:
        drawn.add_row(Text(name), Text(visible_lines(value)))
    return drawn
