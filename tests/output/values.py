"""Tasks and contexts for the tests of what is printed.

Which fields a task has is read from `Task`, so a new field changes no test but
the ones that list all fields on purpose.
"""

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from todo_cli.output import terminal
from todo_cli.output.views import Sheet, ViewContext, listed
from todo_cli.task import (
    Counts,
    Entry,
    Operation,
    Task,
    TaskPage,
    TaskQuery,
    TaskStatus,
)

KEYS = [field.name for field in fields(Task)]
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TODAY = NOW.date()
"""A Friday."""
DAY = timedelta(days=1)


def drawn(sheet: Sheet, width: int = 80) -> str:
    """A sheet as a terminal shows it in words alone."""
    lines = terminal.draw(
        sheet,
        width=width,
        encoding="utf-8",
        variables={},
        is_plain=True,
        is_styled=False,
    )
    return "".join(f"{line}\n" for line in lines)


def task(number: int = 1, title: str = "Buy milk", **changes: Any) -> Task:
    """A task two hours old."""
    at = NOW - timedelta(hours=2)
    values: dict[str, Any] = {
        "id": UUID(int=number),
        "number": number,
        "user_id": "ada",
        "title": title,
        "description": None,
        "completed": False,
        "created_at": at,
        "updated_at": at,
        "completed_at": None,
    }
    return Task(**(values | changes))


def done(number: int = 2, title: str = "Buy bread", **changes: Any) -> Task:
    """A task that was completed an hour ago."""
    at = NOW - timedelta(hours=1)
    return task(
        number,
        title,
        **(
            {"completed": True, "completed_at": at, "updated_at": at} | changes
        ),
    )


def whole(**values: Any) -> dict[str, Any]:
    """A task as JSON has it: these values, and null in every other field."""
    return dict.fromkeys(KEYS) | {"tags": [], "version": 1} | values


def in_lines(values: Mapping[str, Any]) -> str:
    """A task as `show` writes it into a pipe: a line for each field."""
    shown = {}
    for key, value in values.items():
        shown[key] = "" if value is None else value
        if isinstance(value, list):
            shown[key] = ",".join(value)
    return "".join(f"{key}\t{value}\n" for key, value in shown.items())


def context(
    *,
    is_new_store: bool = False,
    by_flag: bool = False,
    variables: Mapping[str, str] | None = None,
    is_trial: bool = False,
    changed_at: datetime | None = None,
) -> ViewContext:
    """Whose result it is, where the store is, and when it is shown."""
    return ViewContext(
        "ada",
        "db.example/shop",
        is_new_store,
        NOW,
        by_flag,
        changed_at,
        is_trial,
        variables,
    )


ALL = TaskQuery(TaskStatus.ALL)
FEW = Counts(open=3, done=5)


def page(
    *tasks: Task, query: TaskQuery = ALL, counts: Counts = FEW
) -> TaskPage:
    """The answer to a query; a user with 3 open and 5 done tasks asks for all."""
    return TaskPage(list(tasks), counts, query, TODAY)


def entry(
    number: int = 1, title: str | None = "Buy milk", /, **changes: Any
) -> Entry:
    """What an operation did with a task: `completed=(False, True)`."""
    return Entry(UUID(int=number), number, title, changes)


def operation(
    number: int, command: str, *entries: Entry, **changes: Any
) -> Operation:
    """An operation of two hours ago."""
    values: dict[str, Any] = {
        "operation": number,
        "id": UUID(int=100 + number),
        "at": NOW - timedelta(hours=2),
        "command": command,
        "undoes": None,
        "undone_by": None,
        "tasks": [*entries],
    }
    return Operation(**(values | changes))


def listing(*tasks: Task, query: TaskQuery = ALL) -> Sheet:
    """A list of tasks."""
    return listed(page(*tasks, query=query), context())
