"""A sheet for a terminal, drawn by Rich; the only module that imports Rich."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import BinaryIO, Final

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
    """A text buffer with the encoding of the terminal, from which Rich chooses
    the characters of its boxes.
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
    """Draw a sheet `width` columns wide; text of users is shown as text, never
    as markup.
    """
    buffer = _Buffer(encoding)
    console = Console(
        file=buffer, width=width, force_terminal=True, _environ=dict(variables)
    )
    for part in _parts(sheet, width):
        console.print(part, soft_wrap=isinstance(part, Text))
    return buffer.getvalue()


@contextmanager
def progress(
    what: str, stream: BinaryIO, *, width: int, variables: Mapping[str, str]
) -> Iterator[Callable[[int, int], None]]:
    """Draw a progress bar on a stream; yield a function of (done, total) that
    moves it.
    """
    text = io.TextIOWrapper(stream, encoding="utf-8")
    console = Console(
        file=text, width=width, force_terminal=True, _environ=dict(variables)
    )
    try:
        with Progress(
            console=console, auto_refresh=False, transient=True
        ) as bars:
            bar = bars.add_task(what)

            def report(done: int, of: int) -> None:
                bars.update(bar, completed=done, total=of, refresh=True)

            yield report
    finally:
        text.detach()


def _parts(sheet: Sheet, width: int) -> list[RenderableType]:
    if sheet.table is not None:
        if not sheet.table.tasks:
            return [Text(visible(sheet.table.note))]
        return [
            _table(sheet.table, width),
            Text(visible(sheet.table.footer), style="dim"),
        ]
    if sheet.fields:
        return [_fields(sheet.fields)]
    return [Text(visible(line)) for line in sheet.lines]


def _table(table: Table, width: int) -> RichTable:
    with_date, with_status = width >= _WITH_DATE, width >= _WITH_STATUS
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
            cells.append(
                Text(age(task.completed_at or task.created_at, table.now))
            )
        drawn.add_row(*cells)
    return drawn


def _title(task: Task, *, is_marked: bool) -> Text:
    """The title; a mark says that it is done where no column does."""
    if not task.completed:
        return Text(visible(task.title))
    title = Text(visible(task.title), style="dim")
    return Text("x ", style="green") + title if is_marked else title


def _status(task: Task) -> Text:
    if task.completed:
        return Text("done", style="green")
    return Text("open", style="yellow")


def _fields(fields: Sequence[tuple[str, str]]) -> RichTable:
    drawn = RichTable.grid(padding=(0, 2))
    drawn.add_column(style="cyan", no_wrap=True)
    drawn.add_column(overflow="fold")
    for name, value in fields:
        drawn.add_row(Text(name), Text(visible_lines(value)))
    return drawn
