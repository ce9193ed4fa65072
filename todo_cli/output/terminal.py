"""A sheet for a terminal, drawn by Rich; no other module imports Rich."""

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import BinaryIO, Final, TextIO

from rich import box
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
    sheet: Sheet, *, width: int, encoding: str, variables: Mapping[str, str]
) -> str:
    """Draw a sheet, `width` columns wide.

    Text of users is never read as markup: all of it is wrapped in `Text`.
    """
    buffer = _Buffer(encoding)
    console = _console(buffer, width, variables)
    for part in _parts(sheet, width):
        # A line of text is not broken, so that copying it gives one line.
        is_line = isinstance(part, Text)
        console.print(part, soft_wrap=is_line)
    return buffer.getvalue()


def _console(
    file: TextIO, width: int, variables: Mapping[str, str]
) -> Console:
    return Console(
        file=file,
        width=width,
        force_terminal=True,
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


def _parts(sheet: Sheet, width: int) -> list[RenderableType]:
    """Draw the parts that a sheet has."""
    table = sheet.table
    if table is not None:
        if not table.tasks:
            return [Text(visible(table.note))]
        footer = Text(visible(table.footer), style="dim")
        return [_table(table, width), footer]
    parts: list[RenderableType] = []
    for line in sheet.lines:
        parts.append(Text(visible(line)))
    for warning in sheet.warnings:
        parts.append(Text(f"warning: {visible(warning)}"))
    if sheet.fields:
        parts.append(_fields(sheet))
    return parts


def _table(table: Table, width: int) -> RichTable:
    """Draw tasks; a narrow terminal gets fewer columns, but whole titles."""
    with_date = width >= _WITH_DATE
    with_status = width >= _WITH_STATUS
    drawn = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    drawn.add_column("#", justify="right", no_wrap=True, style="cyan")
    if with_status:
        drawn.add_column()
    drawn.add_column("Task", overflow="fold")
    if with_date:
        drawn.add_column("When", no_wrap=True, style="dim")
    for task in table.tasks:
        cells = [Text(str(task.number))]
        if with_status:
            cells.append(_status(task))
        cells.append(_title(task, is_marked=not with_status))
        if with_date:
            # An open task shows its age, a done one when it was done.
            when = task.completed_at or task.created_at
            cells.append(Text(age(when, table.now)))
        drawn.add_row(*cells)
    return drawn


def _title(task: Task, *, is_marked: bool) -> Text:
    """The title; with `is_marked`, an `x` before it means done."""
    shown = visible(task.title)
    if not task.completed:
        return Text(shown)
    title = Text(shown, style="dim")
    if is_marked:
        return Text("x ", style="green") + title
    return title


def _status(task: Task) -> Text:
    if task.completed:
        return Text("done", style="green")
    return Text("open", style="yellow")


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
