"""Print what `todo list --json` prints, with the bare driver: `python bare_list.py URL USER`.

It imports what the product cannot do without, makes the same values (UUID, aware
datetimes, a small object a task), and dumps one document.
"""

import asyncio
import json
import sys
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import rich  # noqa: F401
import sqlalchemy.ext.asyncio  # noqa: F401
import sqlmodel  # noqa: F401
import typer  # noqa: F401

COLUMNS = "id, number, user_id, title, description, completed, created_at, updated_at, completed_at"
QUERY = f"""
    SELECT {COLUMNS} FROM {{table}} WHERE user_id = {{user}} AND completed = {{completed}}
    ORDER BY created_at DESC, number DESC
"""


@dataclass(slots=True)
class Task:
    """A task."""

    id: UUID
    number: int
    user_id: str
    title: str
    description: str | None
    completed: bool
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None


async def from_sqlite(path: str, user: str) -> list[Task]:
    """Read every open task by aiosqlite."""
    import aiosqlite

    async with aiosqlite.connect(path) as connection:
        rows = await connection.execute_fetchall(
            QUERY.format(table="task", user="?", completed="0"), (user,)
        )
    parse = datetime.fromisoformat
    return [
        Task(
            UUID(id),
            number,
            owner,
            title,
            description,
            bool(completed),
            parse(created),
            parse(updated),
            None,
        )
        for id, number, owner, title, description, completed, created, updated, _ in rows
    ]


async def from_postgresql(url: str, user: str) -> list[Task]:
    """Read every open task by asyncpg."""
    import asyncpg

    connection = await asyncpg.connect(url)
    rows = await connection.fetch(
        QUERY.format(table="todo.task", user="$1", completed="false"), user
    )
    await connection.close()
    return [Task(*row) for row in rows]


def values(task: Task) -> dict[str, Any]:
    """A task as JSON values."""
    return {
        "id": str(task.id),
        "number": task.number,
        "user_id": task.user_id,
        "title": task.title,
        "description": task.description,
        "completed": task.completed,
        "created_at": instant(task.created_at),
        "updated_at": instant(task.updated_at),
        "completed_at": None
        if task.completed_at is None
        else instant(task.completed_at),
    }


def instant(value: datetime) -> str:
    """A UTC datetime as text."""
    return value.isoformat(timespec="microseconds")[:-6] + "Z"


def main(url: str, user: str) -> None:
    """Read, make, dump."""
    if url.startswith("sqlite:///"):
        tasks = asyncio.run(from_sqlite(url.removeprefix("sqlite:///"), user))
    else:
        tasks = asyncio.run(from_postgresql(url, user))
    document = {
        "success": True,
        "data": [values(task) for task in tasks],
        "message": "more than 1,000 open, 0 done",
    }
    sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
