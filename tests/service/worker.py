"""Processes that use one store at the same time; forked from one that has imported
everything, so that they start fast.

    python -m tests.service.worker IN:OUT IN:OUT ...

Each process has two pipes, given by their descriptors. It says `ready`, then answers
each line by one line. A line is `open URL`, which lets go of the store before, or a
JSON list of calls; the answer is `ready` again, or a JSON list of what the calls gave.
A call is `[method, user, argument]`; what it gave is `{"tasks": [...], "is_new":
[...]}` or `{"error": code, "message": ...}`.
"""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO
from uuid import UUID

from todo_cli.database.engine import Database, open_database
from todo_cli.database.url import parse_url
from todo_cli.errors import TodoError
from todo_cli.service import TaskService
from todo_cli.task import Added, NewTask, Reference, Task, TaskChange


@dataclass(frozen=True)
class Worker:
    """Answers calls on an open store."""

    database: Database

    async def answer(self, line: str) -> str:
        """Make the calls of one line, one after the other."""
        return json.dumps([await self._outcome(*call) for call in json.loads(line)])

    async def _outcome(self, method: str, user: str, argument: Any) -> dict[str, Any]:
        tasks = TaskService(self.database, user, lambda: datetime.now(UTC))
        try:
            given = await self._call(tasks, method, argument)
        except TodoError as error:
            return {"error": error.code.name, "message": error.message}
        added = [each for each in given if isinstance(each, Added)]
        shown = [each.task if isinstance(each, Added) else each for each in given]
        return {
            "tasks": [plain(task) for task in shown],
            "is_new": [each.is_new for each in added],
        }

    async def _call(
        self, tasks: TaskService, method: str, argument: Any
    ) -> list[Added] | list[Task]:
        match method:
            case "add":
                return [await tasks.add(NewTask(**argument))]
            case "add_all":
                return await tasks.add_all([NewTask(**new) for new in argument])
            case "update":
                return [
                    await tasks.update(
                        argument["number"], TaskChange(**argument["changes"])
                    )
                ]
            case "complete":
                return await tasks.complete(references(argument))
            case "undo":
                return await tasks.complete(references(argument), undo=True)
            case "delete":
                return await tasks.delete(references(argument))
            case "find":
                return await tasks.find(references(argument))
        raise ValueError(method)


def references(given: list[Any]) -> list[Reference]:
    """Read references from JSON: a number, `[first, last]` for a range, or an id as text."""
    return [
        range(each[0], each[1] + 1)
        if isinstance(each, list)
        else UUID(each)
        if isinstance(each, str)
        else int(each)
        for each in given
    ]


def plain(task: Task) -> dict[str, Any]:
    """What the tests look at, as JSON."""
    return {
        "number": task.number,
        "id": str(task.id),
        "title": task.title,
        "description": task.description,
        "completed": task.completed,
        "completed_at": str(task.completed_at),
        "updated_at": str(task.updated_at),
    }


async def answer_all(lines: TextIO, answers: TextIO) -> None:
    """Answer until the lines end."""

    def say(text: str) -> None:
        answers.write(f"{text}\n")
        answers.flush()

    say("ready")
    line = lines.readline()
    while line:
        url = line.removeprefix("open ").strip()
        async with open_database(
            parse_url(url, cwd=Path("/")), timeout_s=15.0
        ) as database:
            say("ready")
            while (line := lines.readline()) and not line.startswith("open "):
                say(await Worker(database).answer(line))


def main(pairs: Sequence[str]) -> None:
    """Fork a process for each pair of pipes and wait for them."""
    pipes = [tuple(map(int, pair.split(":"))) for pair in pairs]
    for mine in pipes:
        if os.fork() == 0:
            for descriptor in {end for pair in pipes for end in pair} - set(mine):
                os.close(descriptor)
            with (
                open(mine[0], encoding="utf-8") as lines,
                open(mine[1], "w", encoding="utf-8") as answers,
            ):
                asyncio.run(answer_all(lines, answers))
            os._exit(0)
    for pipe in pipes:
        os.close(pipe[0])
        os.close(pipe[1])
    for _ in pipes:
        os.wait()


if __name__ == "__main__":
    main(sys.argv[1:])
