"""Print what `todo list --json` prints, with the bare driver: `python bare_list.py URL USER`.

It imports what a program with Typer, Rich and SQLModel imports, makes the same values
(UUID, aware datetimes, a small object a task), and dumps one document.
"""

import asyncio
import json
import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import rich  # noqa: F401
import sqlalchemy.ext.asyncio  # noqa: F401
import sqlmodel  # noqa: F401
import typer  # noqa: F401

COLUMNS = """id, number, user_id, title, description, is_done,
    created_at, updated_at, completed_at"""
QUERY = f"""
    SELECT {COLUMNS} FROM {{table}} WHERE user_id = {{user}} AND is_done = {{completed}}
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


def from_sqlite(path: str, user: str) -> list[Task]:
    """Read every open task by sqlite3."""
    query = QUERY.format(table="task", user="?", completed="0")
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(query, (user,)).fetchall()
    return [_task(*row) for row in rows]


def _task(id: str, number: int, *rest: Any) -> Task:
    owner, title, description, completed, created, updated, _ = rest
    created_at, updated_at = map(datetime.fromisoformat, (created, updated))
    return Task(
        UUID(id),
        number,
        owner,
        title,
        description,
        bool(completed),
        created_at,
        updated_at,
        None,
    )


async def from_postgresql(url: str, user: str) -> list[Task]:
    """Read every open task by asyncpg."""
    import asyncpg

    query = QUERY.format(table="todo.task", user="$1", completed="false")
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(query, user)
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
        "completed_at": task.completed_at and instant(task.completed_at),
    }


def instant(value: datetime) -> str:
    """A UTC datetime as text."""
    return value.isoformat(timespec="microseconds")[:-6] + "Z"


def dump(data: Task | list[Task], message: str) -> str:
    """The document of one task, or of many."""
    shown = values(data) if isinstance(data, Task) else list(map(values, data))
    document = {"success": True, "data": shown, "message": message}
    return json.dumps(document, ensure_ascii=False) + "\n"


def main(url: str, user: str) -> None:
    """Read, make, dump."""
    if url.startswith("sqlite:///"):
        tasks = from_sqlite(url.removeprefix("sqlite:///"), user)
    else:
        tasks = asyncio.run(from_postgresql(url, user))
    sys.stdout.write(dump(tasks, "more than 1,000 open, 0 done"))


if __name__ == "__main__":
    main(*sys.argv[1:])
