"""A sheet as lines for a pipe.

The columns are separated by tabs. There is no header and no colour, and
nothing is cut.
"""

from collections.abc import Iterator
from datetime import date
from typing import Final

from todo_cli.output import words
from todo_cli.output.envelope import (
    changed_values,
    compact,
    operation_values,
)
from todo_cli.output.text import field, visible
from todo_cli.output.views import Sheet
from todo_cli.task import Operation, Task, task_values

_NONE: Final = "-"
"""What an empty column contains.

A shell's `read` takes two tabs in a row as one, and would then assign the
columns to the wrong variables.
"""
_COLUMNS_OF_A_TASK: Final = 4
"""How many columns of a line of history are about a task."""


def render(sheet: Sheet) -> str:
    """Write the whole text: a line for each task, field or message."""
    return "".join(f"{line}\n" for line in _lines(sheet))


def _lines(sheet: Sheet) -> Iterator[str]:
    for columns in _rows(sheet):
        yield "\t".join(columns)
    for line in sheet.lines:
        yield visible(line)
    for warning in sheet.warnings:
        yield f"warning: {visible(warning)}"
    for name, value in sheet.fields:
        yield f"{name}\t{field(value)}"


def _rows(sheet: Sheet) -> Iterator[list[str]]:
    """Yield the columns of each line of what a terminal shows as a table."""
    if sheet.table is not None:
        for task in sheet.table.tasks:
            yield _columns(task, sheet.table.today)
    if sheet.log is not None:
        for operation in sheet.log.operations:
            yield from _changes(operation)
    if sheet.grid is not None:
        for record in sheet.grid.records:
            yield [visible(value) or _NONE for value in record]


def _changes(operation: Operation) -> Iterator[list[str]]:
    """Yield the columns of each task of an operation, as stable as a task's.

    An operation without tasks has one line, too.
    """
    values = operation_values(operation)
    begin = [
        str(operation.operation),
        values["at"],
        visible(operation.command),
        str(operation.undoes or _NONE),
        str(operation.undone_by or _NONE),
    ]
    for entry in operation.tasks:
        yield [
            *begin,
            str(entry.number),
            str(entry.id),
            visible(entry.title or _NONE),
            compact(changed_values(entry)),
        ]
    if not operation.tasks:
        yield [*begin, *(_NONE for _ in range(_COLUMNS_OF_A_TASK))]


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
