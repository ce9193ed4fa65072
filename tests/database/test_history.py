"""What an operation did, as JSON: what can be read, and what is refused."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from todo_cli.database import history

HEADING = (
    7,
    UUID(int=7),
    datetime(2026, 1, 2, tzinfo=UTC),
    "done",
    None,
    None,
)
NONE = (None, None, None, None, None)


def test_an_operation_without_tasks_has_none() -> None:
    [operation], fault = history.operations([(*HEADING, *NONE)], "ada")
    assert (operation.operation, operation.tasks, fault) == (7, [], None)


@pytest.mark.parametrize(
    "text", ["[]", "7", "{", "", "[" * 100_000, '"a"', "null"]
)
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any will do
        history.read(text)


@pytest.mark.parametrize(
    "values",
    [
        {"title": None},
        {"is_done": None},
        {"tags": None},
        {"is_done": True},
        {"completed_at": None},
        {"created_at": "2026-01-02T03:04:05"},
        {"deleted_at": "9999-12-31T23:59:59-23:59"},
        {"due_on": "2026-02-30"},
        {"title": 7},
        {"tags": "a"},
        {"is_done": 1, "completed_at": None},
    ],
)
def test_values_that_no_task_can_have_are_refused(
    values: dict[str, Any],
) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any will do
        history.to_set(values)
