"""The road that every command takes: job, service call, view."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from todo_cli.cli.env import Env
from todo_cli.config import Settings
from todo_cli.errors import Cancelled, ConfirmationRequired, IoFailed
from todo_cli.output.text import visible_lines
from todo_cli.output.views import Scene, Sheet

if TYPE_CHECKING:
    from todo_cli.database.engine import Database
    from todo_cli.service import TaskService

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Workplace:
    """What a job may use."""

    tasks: "TaskService"
    database: "Database"
    settings: Settings
    env: Env
    as_json: bool

    async def confirm(self, question: str) -> None:
        """Ask on the terminal; anything but yes is no.

        Raises:
            ConfirmationRequired: there is nobody to ask.
            Cancelled: the answer is not yes.
        """
        if self.as_json or not (self.env.stdin_is_terminal and self.env.stderr_is_terminal):
            raise ConfirmationRequired("Three or more tasks would be deleted", hint="add --yes if that is meant")
        self.env.stderr.write(visible_lines(question).encode(self.env.encoding, "backslashreplace"))
        answer = await _in_thread(self.env.stdin.readline)
        if answer.strip().lower() not in (b"y", b"yes"):
            raise Cancelled("Nothing was deleted")

    async def read_stdin(self, most: int = -1) -> bytes:
        """Read standard input to its end, or to `most` bytes."""
        return await _in_thread(lambda: self.env.stdin.read(most))


@dataclass(frozen=True, slots=True)
class Job(Generic[T]):
    """A command as a value: what to do, and how to say what came of it."""

    work: Callable[[Workplace], Awaitable[T]]
    view: Callable[[T, Scene], Sheet]


def run(job: Job[T], settings: Settings, env: Env, *, as_json: bool) -> Sheet:
    """Do a job on the store that the settings name, and say what came of it; the one event loop of a process."""
    return asyncio.run(_perform(job, settings, env, as_json=as_json))


async def _perform(job: Job[T], settings: Settings, env: Env, *, as_json: bool) -> Sheet:
    from todo_cli.database.engine import open_database
    from todo_cli.service import TaskService

    async with open_database(settings.target, timeout_s=settings.timeout_s) as database:
        tasks = TaskService(database, settings.user, env.now)
        result = await job.work(Workplace(tasks, database, settings, env, as_json))
        scene = Scene(settings.user, settings.target.place, database.created, env.now())
    return job.view(result, scene)


async def _in_thread(read: Callable[[], bytes]) -> bytes:
    """Read in a thread that nobody waits for: Ctrl-C leaves at once, whatever the other end does."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[bytes] = loop.create_future()

    def settle(result: bytes | OSError) -> None:
        if future.done():
            return
        if isinstance(result, OSError):
            future.set_exception(IoFailed(f"Standard input cannot be read: {(result.strerror or '').lower()}"))
        else:
            future.set_result(result)

    def work() -> None:
        try:
            result: bytes | OSError = read()
        except OSError as error:
            result = error
        loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=work, daemon=True).start()
    return await future
