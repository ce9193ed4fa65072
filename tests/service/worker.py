"""Processes that use one store at the same time, forked from one that has loaded everything."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from tests.support.candidates import take
from tests.support.forked import FORKING
from tests.support.stores import Store
from todo_cli.database.engine import Database, open_database
from todo_cli.errors import Code, TodoError
from todo_cli.service import TaskService
from todo_cli.task import (
    Added,
    HistoryPage,
    Operation,
    Taken,
    Task,
    TaskChange,
    TaskPage,
    TaskQuery,
    TaskStatus,
    Undone,
)

Call = tuple[Any, ...]
"""A method of the service, or `reopen`; the user; and what the method gets."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call gave: tasks, those of them that are new, or an error."""

    tasks: list[Task] = field(default_factory=list)
    new: list[Task] = field(default_factory=list)
    error: str = ""
    answer: Any = None
    """What else the call gave."""

    @property
    def numbers(self) -> list[int]:
        """The numbers of the tasks."""
        return [task.number for task in self.tasks]


class Crew:
    """Workers on one store, all ready; `run` gives each its calls at the same moment."""

    def __init__(self, workers: Sequence[Connection], store: Store) -> None:
        self._workers = workers
        for worker in workers:
            worker.send(store)
        for worker in workers:
            assert worker.recv() == "ready"

    def run(self, calls: Sequence[Sequence[Call]]) -> list[Outcome]:
        """What the calls of each worker gave, one worker after the other."""
        for worker, batch in zip(self._workers, calls, strict=True):
            worker.send(batch)
        return [
            outcome for worker in self._workers for outcome in worker.recv()
        ]

    def race(self, *calls: Call) -> list[Outcome]:
        """One call each, all at once; the calls go round among the workers."""
        return self.run(
            [[calls[n % len(calls)]] for n in range(len(self._workers))]
        )

    def alone(self, *call: Any) -> list[Task]:
        """The tasks that one call gives while the others rest."""
        return self._alone(call).tasks

    def _alone(self, call: Call) -> Outcome:
        idle: list[list[Call]] = [[] for _ in self._workers[1:]]
        [outcome] = self.run([[call], *idle])
        assert not outcome.error, outcome
        return outcome

    def everything(self, user: str) -> list[Task]:
        """All tasks of a user, the lowest number first; without the trash."""
        return self._listed(user, TaskStatus.ALL)

    def with_trash(self, user: str) -> list[Task]:
        """All tasks of a user, the lowest number first; also those in the trash."""
        return self._listed(user, TaskStatus.ALL, TaskStatus.TRASH)

    def _listed(self, user: str, *statuses: TaskStatus) -> list[Task]:
        found = []
        for status in statuses:
            found += self.alone("list", user, TaskQuery(status))
        return sorted(found, key=lambda task: task.number)

    def history(self, user: str) -> list[Operation]:
        """All operations of a user, the oldest first."""
        operations = self._alone(("history", user)).answer
        return list(reversed(operations))


def start(count: int) -> list[Connection]:
    """Start workers that end when their connection is closed."""
    ours = []
    for _ in range(count):
        mine, theirs = FORKING.Pipe()
        FORKING.Process(target=work, args=(theirs,), daemon=True).start()
        theirs.close()
        ours.append(mine)
    return ours


def work(line: Connection) -> None:
    """Open each store that is named, and make the calls that are asked for."""
    try:
        asyncio.run(_answer(line))
    except EOFError:
        return


async def _answer(line: Connection) -> None:
    async with AsyncExitStack() as stack:
        while True:
            asked = line.recv()
            if isinstance(asked, Store):
                await stack.aclose()
                opened = open_database(asked.target, timeout_s=15.0)
                database = await stack.enter_async_context(opened)
                line.send("ready")
            else:
                line.send([await _outcome(database, *call) for call in asked])


async def _outcome(
    database: Database, method: str, user: str, *given: Any
) -> Outcome:
    tasks = TaskService(database, user, lambda: datetime.now(UTC))
    own: dict[str, Callable[..., Awaitable[Any]]] = {
        "reopen": partial(tasks.complete, undo=True),
        "history": partial(tasks.history, limit=None),
        "update_version": partial(_update_version, tasks),
        "import_all": partial(take, tasks),
    }
    call = own.get(method) or getattr(tasks, method)
    try:
        answer = await call(*map(_with_changes, given))
    except TodoError as error:
        is_expected = error.code in (Code.NOT_FOUND, Code.CONFLICT)
        words = "" if is_expected else f" {error.message}"
        return Outcome(error=f"{error.code.name}{words}")
    if isinstance(answer, Undone):
        return Outcome(answer.tasks, answer=answer)
    if isinstance(answer, Taken):
        return Outcome(answer=answer)
    if isinstance(answer, HistoryPage):
        return Outcome(answer=answer.operations)
    if isinstance(answer, TaskPage):
        return Outcome(answer.tasks)
    answers = answer if isinstance(answer, list) else [answer]
    added = [each for each in answers if isinstance(each, Added)]
    return Outcome(
        [each.task if isinstance(each, Added) else each for each in answers],
        [each.task for each in added if each.is_new],
    )


async def _update_version(
    tasks: TaskService, number: int, changes: TaskChange, version: int
) -> list[Task]:
    return await tasks.update([number], changes, if_version=version)


def _with_changes(given: Any) -> Any:
    """The fields of a change come as a dict: what it leaves UNSET cannot be sent."""
    return TaskChange(**given) if isinstance(given, dict) else given
