"""The road that every command takes: job, service call, view."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from todo_cli.cli.env import Env
from todo_cli.cli.loop import Interruption, Loop, in_thread
from todo_cli.cli.spinner import spinner
from todo_cli.config import Settings
from todo_cli.database.url import SqliteTarget
from todo_cli.errors import NOTHING_CHANGED, Cancelled, ConfirmationRequired, IoFailed
from todo_cli.output.text import visible
from todo_cli.output.views import Sheet, ViewContext

if TYPE_CHECKING:
    from todo_cli.database.connection import Dialer
    from todo_cli.database.engine import Database
    from todo_cli.service import TaskService

T = TypeVar("T")

_HANG_UP_S: Final = 0.1
"""How soon SIGHUP follows the end of input when a terminal is closed: it says better
than an error what happened.
"""


@dataclass(frozen=True, slots=True)
class Workplace:
    """What a job may use."""

    tasks: "TaskService"
    database: "Database"
    settings: Settings
    env: Env
    as_json: bool

    async def confirm(self, question: Sequence[str]) -> None:
        """Ask on the terminal, line by line; anything but yes is no.

        Raises:
            ConfirmationRequired: there is nobody to ask.
            Cancelled: the answer is not yes.
        """
        if self.as_json or not (
            self.env.stdin_is_terminal and self.env.stderr_is_terminal
        ):
            raise ConfirmationRequired(
                f"Three or more tasks would be deleted{NOTHING_CHANGED}",
                hint="add --yes if that is meant",
            )
        text = "\n".join(visible(line) for line in question)
        self.env.say(text.encode(self.env.encoding, "backslashreplace"))
        answer = await _read(self.env.stdin.readline)
        if not answer:
            await asyncio.sleep(_HANG_UP_S)
        if answer.strip().lower() not in (b"y", b"yes"):
            raise Cancelled("Nothing was deleted")

    async def read_stdin(self, most: int = -1) -> bytes:
        """Read standard input to its end, or to `most` bytes."""
        return await _read(lambda: self.env.stdin.read(most))

    @contextmanager
    def progress(self, what: str) -> Iterator[Callable[[int, int], None]]:
        """Hand out a function that is told how much of how many is done; a bar on a
        terminal, else nothing.
        """
        if self.as_json or not self.env.stderr_is_terminal:
            yield lambda _done, _all: None
            return
        from todo_cli.output import terminal

        self.database.shows_progress = True
        with terminal.progress(
            what, self.env.stderr, width=self.env.columns, variables=self.env.variables
        ) as report:
            yield report


@dataclass(frozen=True, slots=True)
class Job(Generic[T]):
    """A command as a value: what to do, and how to say what came of it.

    `again` are the words that repeat the command harmlessly, or look what became of it,
    when its outcome is unknown.
    """

    work: Callable[[Workplace], Awaitable[T]]
    view: Callable[[T, ViewContext], Sheet]
    again: Sequence[str] = ("list", "--status", "all")
    connects: bool = True
    """Whether it is sure to need the store, so that connecting can begin at once."""
    patience_s: float = 0.02
    """How long it may take to end after a signal."""


def run(job: Job[T], settings: Settings, env: Env, *, as_json: bool) -> Sheet:
    """Do a job on the store that the settings name, and say what came of it; the one
    event loop of a process.

    Raises:
        Interrupted: a signal came.
        TodoError: the job failed.
    """
    interruption = Interruption(env.signals)
    work, loop = _perform(job, settings, env, interruption, as_json=as_json), Loop()
    try:
        return loop.run_until_complete(interruption.guard(work, job.patience_s))
    finally:
        loop.leave(job.patience_s)


async def _perform(
    job: Job[T],
    settings: Settings,
    env: Env,
    interruption: Interruption,
    *,
    as_json: bool,
) -> Sheet:
    async with AsyncExitStack() as stack:
        dialer = (
            await stack.enter_async_context(_dialing(settings))
            if job.connects
            else None
        )
        await in_thread(_load)
        from todo_cli.database.engine import open_database
        from todo_cli.service import TaskService

        database = await stack.enter_async_context(
            open_database(settings.target, timeout_s=settings.timeout_s, dial=dialer)
        )
        interruption.may_have_written = lambda: database.may_have_written
        place = Workplace(
            TaskService(database, settings.user, env.now),
            database,
            settings,
            env,
            as_json,
        )
        if dialer is not None and env.stderr_is_terminal and not as_json:
            await stack.enter_async_context(spinner(env, lambda: database.is_waiting))
        result = await job.work(place)
        by_flag = settings.user_source == "--user"
        context = ViewContext(
            settings.user, settings.target.place, database.created, env.now(), by_flag
        )
    return job.view(result, context)


def _load() -> None:
    """Load what takes longest, in a thread: the network does not wait for it."""
    import todo_cli.service  # noqa: F401


@asynccontextmanager
async def _dialing(settings: Settings) -> "AsyncIterator[Dialer | None]":
    """Begin to connect to a server; nothing for an embedded file."""
    if isinstance(settings.target, SqliteTarget):
        yield None
        return
    from todo_cli.database.connection import Dialer

    dialer = Dialer(settings.target, timeout_s=settings.timeout_s)
    dialer.begin()
    try:
        yield dialer
    finally:
        await dialer.close()


async def _read(read: Callable[[], bytes]) -> bytes:
    """Read standard input, however long it takes.

    Raises:
        IoFailed: it cannot be read.
    """
    try:
        return await in_thread(read)
    except OSError as error:
        await asyncio.sleep(_HANG_UP_S)
        reason = (error.strerror or type(error).__name__).lower()
        raise IoFailed(
            f"Standard input cannot be read: {reason}{NOTHING_CHANGED}"
        ) from error
