"""Records of a file that is imported, as its reader gives them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from todo_cli.errors import InvalidInput
from todo_cli.service import TaskService
from todo_cli.task import Candidate, Taken, Task

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def task_of(place: int, number: int = 0, **given: Any) -> Task:
    """A task of a file; the id is that of its place."""
    task = Task(
        UUID(int=place),
        number,
        "ada",
        f"t{place}",
        None,
        False,
        NOW,
        NOW,
        None,
    )
    return replace(task, **given)


def good(
    place: int,
    number: int = 0,
    kept: Mapping[str, int] | None = None,
    **given: Any,
) -> Candidate:
    """A record that is right."""
    task = task_of(place, number, **given)
    return Candidate(f"line {place}", task, None, kept or {})


def bad(
    place: int, field: str = "title", message: str = "is missing"
) -> Candidate:
    """A record that is wrong."""
    return Candidate(
        f"line {place}", None, InvalidInput.of(field, message), {}
    )


async def parts(
    *batches: Sequence[Candidate],
) -> AsyncIterator[Sequence[Candidate]]:
    """The records of a file, as a reader gives them."""
    for batch in batches:
        yield batch


async def take(
    tasks: TaskService,
    *candidates: Candidate,
    reports: list[int] | None = None,
) -> Taken:
    """Import some records."""
    seen = [] if reports is None else reports
    return await tasks.import_all(parts(candidates), seen.append, "a.json")
