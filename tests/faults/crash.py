"""Processes that are killed while they write: every task that was acknowledged is there,
and every task is what its history says.

    python -m tests.faults.crash [--rounds 1000] [sqlite|postgresql ...]

Each round forks a process that adds one task after the other and says so of each
through a pipe, and kills it at a random moment.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from tests.faults.workspace import Workspace, open_workspace
from tests.support.chain import broken_links
from tests.support.oracle import folded
from todo_cli.database import connection, dialect_postgresql, dialect_sqlite  # noqa: F401 - loaded before the forks
from todo_cli.database.engine import open_database
from todo_cli.service import TaskService
from todo_cli.task import NewTask, TaskChange, TaskQuery, TaskStatus

PURGED: Final = "purged"
LONGEST_S: Final = 0.1
"""How long a process is left alive at most, once it has been told that its first task is stored."""
DOUBLED: Final = (
    "SELECT number FROM {task} GROUP BY number HAVING count(*) > 1"
)


Step = Callable[[TaskService, Sequence[int]], Awaitable[Any]]


def changing(**changes: Any) -> Step:
    """A change of the fields of two tasks."""
    return lambda tasks, numbers: tasks.update(numbers, TaskChange(**changes))


STEPS: Final[Sequence[Step]] = (
    changing(tags=["food", "shop", "old"], project="Ä"),
    changing(add_tags=["new", "x"], remove_tags=["old", "food"]),
    lambda tasks, _: tasks.undo(),
    changing(note="Ä"),
    lambda tasks, numbers: tasks.delete(numbers),
    lambda tasks, _: tasks.undo(),
    lambda tasks, _: tasks.redo(),
    lambda tasks, numbers: tasks.restore(numbers),
    changing(tags=["food"], completed=True),
    lambda tasks, numbers: tasks.complete(numbers, undo=True),
    lambda tasks, _: tasks.undo(),
    changing(remove_tags=["food"], due_on="2026-12-24"),
)
"""What is done to two tasks at once; each takes several statements on SQLite."""
ROWS: Final = (
    "SELECT id, title, tags, description, project, due_on, is_done, version,"
    " deleted_at IS NULL, title_folded, description_folded, project_folded"
    " FROM {task}"
)
TAG_ROWS: Final = "SELECT task_id, name FROM {tag}"


async def write(
    workspace: Workspace, round: int, acknowledged: int
) -> NoReturn:
    """Add tasks for ever, and acknowledge each."""
    async with open_database(workspace.store.target) as database:
        tasks = TaskService(database, "ada", lambda: datetime.now(UTC))
        place = 0
        while True:
            title = f"{round}-{place}"
            if place % 4 == 3:  # several lines, all or nothing
                added = await tasks.add_all(
                    [NewTask(title=f"{title} {letter}") for letter in "ab"]
                )
                os.write(acknowledged, f"{title} a\n{title} b\n".encode())
                numbers = [each.task.number for each in added]
                for step in STEPS:
                    await step(tasks, numbers)
            elif place % 4 == 2:  # never acknowledged, and gone at the end
                gone = await tasks.add_all(
                    [NewTask(title=f"{title} {PURGED}")] * 2
                )
                numbers = [each.task.number for each in gone]
                await tasks.update(numbers, TaskChange(note=PURGED))
                await tasks.purge(numbers)
            else:
                await tasks.add(NewTask(title=title))
                os.write(acknowledged, f"{title}\n".encode())
            place += 1


def kill_one(workspace: Workspace, round: int) -> list[str]:
    """Let one process write and kill it at a random moment; the titles that it acknowledged."""
    told, telling = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # a thread that is done with may just be ending
        pid = os.fork()
    if pid == 0:
        try:
            os.close(told)
            asyncio.run(write(workspace, round, telling))
        except Exception:
            traceback.print_exc()
            raise
        finally:
            os._exit(1)
    os.close(telling)
    with os.fdopen(told, "rb") as reader:
        first = reader.readline()
        time.sleep(random.uniform(0, LONGEST_S))
        os.kill(pid, signal.SIGKILL)
        lines = first + reader.read()
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, (
        "it ended by itself"
    )
    return lines.decode().splitlines()


def kill_often(workspace: Workspace, rounds: int) -> tuple[int, list[str]]:
    """Kill so many processes; how many tasks were acknowledged, and what should not be."""
    expected: set[str] = set()
    faults: list[str] = []
    for round in range(rounds):
        expected.update(kill_one(workspace, round))
        if workspace.server is None and (
            state := workspace.fetch("PRAGMA integrity_check")
        ) != [("ok",)]:
            faults.append(f"round {round}: {state}")
    stored = workspace.titles()
    faults += [
        f"acknowledged and not stored: {title}"
        for title in sorted(expected - stored)
    ]
    faults += [
        f"half of two lines: {title}"
        for title in sorted(stored)
        if partner(title) not in stored
    ]
    faults += [
        f"number {number} twice" for (number,) in workspace.fetch(DOUBLED)
    ]
    faults += half_changed(workspace)
    faults += asyncio.run(untold(workspace))
    if (
        len(stored - expected) > 2 * rounds
    ):  # the last write of each may be stored and not acknowledged
        faults.append(
            f"{len(stored - expected)} tasks that nobody acknowledged"
        )
    return len(expected), faults


def half_changed(workspace: Workspace) -> list[str]:
    """The tasks that were changed without the other of their two, without their rows
    of tags, or without their folded texts.
    """
    faults = []
    names: dict[str, set[str]] = {}
    for id, name in workspace.fetch(TAG_ROWS):
        names.setdefault(str(id), set()).add(name)
    states: dict[str, tuple[Any, ...]] = {}
    for id, title, tags, *values in workspace.fetch(ROWS):
        *values, title_folded, description_folded, project_folded = values
        tags = json.loads(tags) if isinstance(tags, str) else tags
        states[title] = (tags, *values)
        # The same, not more: only one process writes at a time.
        if names.get(str(id), set()) != set(tags):
            faults.append(f"other rows than tags: {title}")
        description, project, *_ = values
        if (title_folded, description_folded, project_folded) != (
            title,
            description and folded(description),
            project and folded(project),
        ):
            faults.append(f"other folded texts: {title}")
    for title, state in states.items():
        if title.endswith(PURGED):
            continue  # both have one title
        if states.get(partner(title)) != state:
            faults.append(f"half of two tasks changed: {title}")
    return faults


async def untold(workspace: Workspace) -> list[str]:
    """Where tasks and history differ."""
    async with open_database(workspace.store.target) as database:
        tasks = TaskService(database, "ada", lambda: datetime.now(UTC))
        stored = []
        for status in (TaskStatus.ALL, TaskStatus.TRASH):
            stored += (await tasks.list(TaskQuery(status))).tasks
        told = await tasks.history(limit=None)
    return broken_links(stored, told.operations)


def partner(title: str) -> str:
    """The title that is stored together with this one."""
    return title.translate(str.maketrans("ab", "ba"))


def main(arguments: Sequence[str]) -> int:
    """Run it and print what came of it; 1 where something should not be."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.crash")
    parser.add_argument(
        "stores", nargs="*", default=["sqlite", "postgresql"], metavar="STORE"
    )
    parser.add_argument("--rounds", type=int, default=1000)
    asked = parser.parse_args(arguments)
    is_bad = False
    for kind in asked.stores:
        with open_workspace(kind) as workspace:
            count, faults = kill_often(workspace, asked.rounds)
        sys.stdout.write(
            f"{kind}: {asked.rounds} killed, {count} tasks acknowledged; faults: {faults[:5]}\n"
        )
        is_bad = is_bad or bool(faults)
    return int(is_bad)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
