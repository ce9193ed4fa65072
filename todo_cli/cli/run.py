"""Runs a command: opens the store, does the work, and makes the view."""

import sys
from collections.abc import AsyncIterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
)
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from todo_cli.cli import limits
from todo_cli.cli.command import Command
from todo_cli.cli.context import RunContext
from todo_cli.cli.env import Env
from todo_cli.cli.loop import Loop, in_thread
from todo_cli.cli.spinner import Spinner, spinner
from todo_cli.config import Settings
from todo_cli.database.drivers import check_python
from todo_cli.database.url import PostgresTarget, SqliteTarget
from todo_cli.errors import OutcomeUnknown
from todo_cli.output import views
from todo_cli.output.views import Sheet, ViewContext

if TYPE_CHECKING:
    from todo_cli.cli.ready import Ready
    from todo_cli.database.connection import Connection, Dialer
    from todo_cli.database.engine import Database
    from todo_cli.service import TaskService

T = TypeVar("T")

LEAVE_S: Final = 0.5
"""How long tasks that are left when a command has ended may take to end."""

_EDITOR_S: Final = 1.5
"""How long, after a signal, an editor may take to end."""


def run(
    command: Command[T], settings: Settings, env: Env, *, as_json: bool
) -> Sheet:
    """Run a command, in an event loop of its own; return its view.

    Raises:
        Interrupted: a signal ended the command.
        OutcomeUnknown: a limit of the system ended it after a write was sent.
        TodoError: the command failed.
    """
    command = command.in_process(settings, env)
    running = _Running(command, settings, env, as_json)
    ready = env.ready
    loop = Loop() if ready is None else ready.loop
    patience_s = command.patience_s
    if command.opens_editor():
        patience_s = _EDITOR_S
    guarded = env.signals.guard(
        running.work(),
        patience_s=patience_s,
        may_have_written=running.may_have_written,
    )
    try:
        return loop.run_until_complete(guarded)
    except Exception as error:
        limit = limits.exceeded(error)
        if limit is not None and running.may_have_written():
            raise OutcomeUnknown(limit.message) from error
        raise
    finally:
        loop.leave(min(patience_s, LEAVE_S))


@dataclass(slots=True)
class _Running(Generic[T]):
    """A command while it runs."""

    command: Command[T]
    settings: Settings
    env: Env
    as_json: bool
    database: "Database | None" = None
    """The store, once it is open."""

    def may_have_written(self) -> bool:
        """Whether a write was sent that may have been stored."""
        if self.command.is_trial():
            return False
        return self.database is not None and self.database.may_have_written

    def spinner(
        self, context: RunContext
    ) -> AbstractAsyncContextManager[Spinner | None]:
        """Return the spinner, if a person looks at stderr, and no program.

        An embedded file answers at once, so it needs none.
        """
        target = self.settings.target
        is_person_there = self.env.stderr_is_terminal and not self.as_json
        if isinstance(target, SqliteTarget) or not is_person_there:
            return nullcontext()
        return spinner(self.env, target, context.is_waiting)

    async def work(self) -> Sheet:
        """Open the store, run the command, close the store; return a view."""
        command, env = self.command, self.env
        settings = await command.settle(self.settings, env)
        self.settings = settings
        async with AsyncExitStack() as stack:
            dialer = None
            if command.connects:
                dialer = await stack.enter_async_context(_dialing(self))
            await _load()
            from todo_cli.database.engine import open_database

            opening = open_database(
                settings.target, timeout_s=settings.timeout_s, dial=dialer
            )
            database = self.database = await stack.enter_async_context(opening)
            tasks = self.service(database)
            context = RunContext(tasks, database, settings, env, self.as_json)
            context.spinner = await stack.enter_async_context(
                self.spinner(context)
            )
            result = await command.run(context)
        return self.sheet(result, tasks)

    def sheet(self, result: Any, tasks: "TaskService") -> Sheet:
        """Put a result into words, or just into numbers."""
        sheet = self.command.view(result, self.view_context(tasks))
        if self.command.is_quiet():
            sheet = views.only_numbers(sheet)
        return replace(sheet, is_trial=self.command.is_trial())

    def service(self, database: "Database") -> "TaskService":
        """Make the service for the tasks of the user."""
        from todo_cli.service import TaskService

        user, clock = self.settings.user, self.env.now
        is_trial = self.command.is_trial()
        return TaskService(database, user, clock, is_trial=is_trial)

    def view_context(self, tasks: "TaskService") -> ViewContext:
        """Make what the view needs besides the result."""
        settings, database = self.settings, self.database
        return ViewContext(
            settings.user,
            settings.target.place,
            database is not None and database.created,
            self.env.now(),
            by_flag=settings.user_source == "--user",
            variables=self.env.variables,
            changed_at=tasks.changed_at,
            is_trial=self.command.is_trial(),
        )


async def _load() -> None:
    """Import what takes longest, in a thread, while the network connects."""

    def load() -> None:
        import todo_cli.service  # noqa: F401

    # What `todo warm` keeps ready has it.
    if "todo_cli.service" not in sys.modules:
        await in_thread(load)


@asynccontextmanager
async def _dialing(running: _Running[Any]) -> "AsyncIterator[Dialer | None]":
    """Begin to connect to a server; yield None for an embedded file.

    A connection that is ready is used instead. Where somebody writes a text
    first, the server may sleep until it is done.
    """
    command, held = running.command, running.env.ready
    target, timeout_s = running.settings.target, running.settings.timeout_s
    if isinstance(target, SqliteTarget):
        if held is not None:
            held.drop()
        yield None
        return
    check_python(target)
    from todo_cli.database.connection import Dialer

    ready = _taken(command, held, target, timeout_s)
    dialer = Dialer(
        target,
        timeout_s=timeout_s,
        takes_any_encoding=command.takes_any_encoding,
        ready=ready,
        is_patient_once=command.lives_long(),
    )
    if ready is None and not command.opens_editor():
        dialer.begin()
    try:
        yield dialer
        if held is not None and dialer.first is not None:
            held.note(target, timeout_s, dialer.first.used)
    finally:
        await dialer.close()


def _taken(
    command: Command[Any],
    held: "Ready | None",
    target: PostgresTarget,
    timeout_s: float,
) -> "Connection | None":
    """Take the connection that was there before the command, if it will do.

    A command that examines the connection makes one of its own. An editor may
    be open for longer than a connection is kept, and a watch goes on longer.
    """
    if held is None:
        return None
    if command.examines or command.opens_editor() or command.lives_long():
        held.drop()
        return None
    return held.take(target, timeout_s)
