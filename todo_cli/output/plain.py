"""A sheet as lines for a pipe.

The columns are separated by tabs. There is no header and no colour, and
nothing is cut.
"""

from collections.abc import Iterator
from datetime import date
from typing import Final

from todo_cli.output import words
from todo_cli.output.envelope import task_values
from todo_cli.output.text import field, visible
from todo_cli.output.views import Sheet
from todo_cli.task import Task

_NONE: Final = "-"
"""What an empty column contains.

A shell's `read` takes two tabs in a row as one, and would then assign the
columns to the wrong variables.
"""


def render(sheet: Sheet) -> str:
    """Write the whole text: a line for each task, field or message."""
    return "".join(f"{line}\n" for line in _lines(sheet))


def _lines(sheet: Sheet) -> Iterator[str]:
    if sheet.table is not None:
        for task in sheet.table.tasks:
            yield "\t".join(_columns(task, sheet.table.today))
    for line in sheet.lines:
        yield visible(line)
    for warning in sheet.warnings:
        yield f"warning: {visible(warning)}"
    for name, value in sheet.fields:
        yield f"{name}\t{field(value)}"


def _columns(task: Task, today: date) -> list[str]:
    """The columns of a task; scripts rely on their number and order."""
    values = task_values(task)
    status = words.status(task, today)
    columns = [
        str(task.number),
        status.value,
        visible(task.title),
        values["created_at"],
        values["completed_at"],
        values["id"],
        values["due_on"],
        values["priority"],
        visible(task.project or ""),
        # No tag contains a comma.
        visible(",".join(task.tags)),
        values["wait_until"],
        str(task.version),
    ]
    return [column or _NONE for column in columns]
