"""Tasks and contexts for the tests of what is printed."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from todo_cli.output.views import ViewContext
from todo_cli.task import Task

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


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


def context(
    *, is_new_store: bool = False, by_flag: bool = False
) -> ViewContext:
    """Whose result it is, where the store is, and when it is shown."""
    return ViewContext("ada", "db.example/shop", is_new_store, NOW, by_flag)
