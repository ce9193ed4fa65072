"""A sheet as lines for pipes: tab-separated, no header, no colour, nothing cut."""

from collections.abc import Iterator

from todo_cli.output.text import field, visible
from todo_cli.output.views import Sheet


def render(sheet: Sheet) -> str:
    """The whole text, one line a task, or one line a field."""
    return "".join(f"{line}\n" for line in _lines(sheet))


def _lines(sheet: Sheet) -> Iterator[str]:
    if sheet.table is not None:
        for row in sheet.table.rows:
            status = "done" if row.is_done else "open"
            title = visible(row.title)
            yield f"{row.number}\t{status}\t{title}\t{row.created_at}\t{row.completed_at or ''}\t{row.id}"
    for name, value in sheet.fields:
        yield f"{name}\t{field(value)}"
    for line in sheet.lines:
        yield visible(line)
