"""A sheet as lines for a pipe: tab-separated, no header, no colour, nothing
cut.
"""

from collections.abc import Iterator
from typing import Final

from todo_cli.output.envelope import task_values
from todo_cli.output.text import field, visible
from todo_cli.output.views import Sheet
from todo_cli.task import Task

_NONE: Final = "-"
"""For a column without a value: `read` in a shell takes two tabs in a row as
one, and would assign the columns wrongly.
"""


def render(sheet: Sheet) -> str:
    """The whole text, one line a task, or one line a field."""
    return "".join(f"{line}\n" for line in _lines(sheet))


def _lines(sheet: Sheet) -> Iterator[str]:
    if sheet.table is not None:
        for task in sheet.table.tasks:
            yield "\t".join(_columns(task))
    for name, value in sheet.fields:
        yield f"{name}\t{field(value)}"
    for line in sheet.lines:
        yield visible(line)


def _columns(task: Task) -> list[str]:
    """The columns of a list; scripts count on their number and order."""
    values = task_values(task)
    return [
        str(task.number),
        "done" if task.completed else "open",
        visible(task.title) or _NONE,
        values["created_at"],
        values["completed_at"] or _NONE,
        values["id"],
    ]
