"""What a process of `FORKING` can do instead of running the program.

In a module of its own: a process loads the module of what it does, and one of tests
would take longer than the rest.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from todo_cli.database.engine import open_database
from todo_cli.database.url import SqliteTarget
from todo_cli.service import TaskService
from todo_cli.task import NewTask


def write_and_die(path: Path, titles: Sequence[str]) -> None:
    """Add tasks, and end with the file still open."""
    asyncio.run(
        write(path, titles, lambda: os.kill(os.getpid(), signal.SIGKILL))
    )


def write_for_ever(path: Path) -> None:
    """Add tasks, in one opening of the file and then another."""
    while True:
        asyncio.run(write(path, ["x"]))
        asyncio.run(write(path, ["x"] * 3))


async def write(
    path: Path, titles: Sequence[str], at_the_end: Callable[[], object] = bool
) -> None:
    """Add tasks to a file that stays open meanwhile."""
    async with open_database(SqliteTarget(path)) as database:
        tasks = TaskService(database, "ada", lambda: datetime.now(UTC))
        for title in titles:
            await tasks.add(NewTask(title=title))
        at_the_end()
