"""Complete a task and open it again, once for each line of standard input.

Run as `python warm_done.py URL USER`. Each line gets the seconds of one call of the
service, on a connection that stays open; of whatever version of the program is found.
"""

import asyncio
import sys
import time
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path

from todo_cli.database.engine import open_database
from todo_cli.database.url import parse_url
from todo_cli.service import TaskService


async def main(url: str, user: str) -> None:
    """Answer line by line."""
    target = parse_url(url, cwd=Path("/"))
    async with open_database(target) as database:
        tasks = TaskService(database, user, lambda: datetime.now(UTC))
        for undo in cycle((False, True)):
            if not sys.stdin.readline():
                return
            began = time.perf_counter()
            [task] = await tasks.complete([7], undo=undo)
            seconds = time.perf_counter() - began
            assert task.completed is not undo
            sys.stdout.write(f"{seconds}\n")
            sys.stdout.flush()


asyncio.run(main(sys.argv[1], sys.argv[2]))
