"""A sheet as lines for pipes: tab-separated, no header, no colour, nothing cut."""

from collections.abc import Iterator
from typing import Final

from todo_cli.output.text import field, visible
from todo_cli.output.views import Sheet

_NONE: Final = "-"
"""Fills a column that has no value: `read` in a shell takes two tabs in a row for one,
and would count wrong.
"""


def render(sheet: Sheet) -> str:
    """The whole text, one line a task, or one line a field."""
    return "".join(f"{line}\n" for line in _lines(sheet))


def _lines(sheet: Sheet) -> Iterator[str]:
    if sheet.table is not None:
        for row in sheet.table.rows:
            status = "done" if row.is_done else "open"
            title, completed_at = visible(row.title) or _NONE, row.completed_at or _NONE
            yield f"{row.number}\t{status}\t{title}\t{row.created_at}\t{completed_at}\t{row.id}"
    for name, value in sheet.fields:
        yield f"{name}\t{field(value)}"
    for line in sheet.lines:
        yield visible(line)
