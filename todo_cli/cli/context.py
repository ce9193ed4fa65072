"""What a command may use while it runs."""

import asyncio
import shlex
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Final, TypeVar

from todo_cli.cli.env import Env, unwritable, write_all
from todo_cli.cli.loop import in_thread
from todo_cli.cli.signals import Interrupted
from todo_cli.config import Settings, is_unattended
from todo_cli.errors import (
    NOTHING_CHANGED,
    ConfirmationRequired,
    Declined,
    IoFailed,
)
from todo_cli.output.text import harmless, visible

if TYPE_CHECKING:
    from datetime import date

    from todo_cli.cli.spinner import Spinner
    from todo_cli.database.engine import Database
    from todo_cli.service import TaskService

R = TypeVar("R")

_LONGEST_ANSWER: Final = 1_024
"""The most bytes that are read of an answer."""
YES: Final = ("y", "yes")
"""The answers that mean yes, in any case."""
HANG_UP_S: Final = 0.1
"""How long to wait for SIGHUP after stdin ends or fails.

When a terminal is closed, both come. Ending by the signal says better what
happened than an error does.
"""


@dataclass(slots=True)
class RunContext:
    """The service and store of one command, its settings, and its streams."""

    tasks: "TaskService"
    database: "Database"
    settings: Settings
    env: Env
    as_json: bool
    shows_progress: bool = False
    """Whether a progress bar is shown; then there is no spinner."""
    spinner: "Spinner | None" = None
    """What a terminal shows while a server does not answer, if anything."""
    has_invited: bool = False
    """Whether a person was told what to type."""

    def __post_init__(self) -> None:
        """Show how far an upgrade has come, which any command can begin."""
        self.database.progress = self.progress

    @property
    def today(self) -> "date":
        """The caller's day, by `TZ`."""
        # Not by way of `days`: every list needs it, and few need more.
        from todo_cli import zones

        zone = zones.zone_of(self.env.variables)
        return zones.local(self.env.now(), zone).date()

    def is_waiting(self) -> bool:
        """Whether the store is slow, and nothing on the terminal says so."""
        return self.database.is_waiting and not self.shows_progress

    def free_line(self) -> None:
        """Wipe the spinner, before something else is written."""
        if self.spinner is not None:
            self.spinner.wipe()

    async def confirm(
        self, question: Sequence[str], *, refusal: str, denial: str
    ) -> None:
        """Ask on the terminal; any answer but `y` or `yes` means no.

        Raises:
            ConfirmationRequired: nobody is there to ask; says `refusal`.
            Declined: the answer is not yes; says `denial`.
        """
        if not self.can_ask:
            raise ConfirmationRequired(
                refusal, hint="add --yes if that is meant"
            )
        answer = await self.ask(question)
        if answer is None or answer.lower() not in YES:
            raise Declined(denial)

    @property
    def can_ask(self) -> bool:
        """Whether somebody is there to answer, who reads no JSON."""
        return self.env.can_ask and not self.as_json

    async def ask(self, question: Sequence[str]) -> str | None:
        """Ask on the terminal; return the answer without blanks around it.

        It is None if the input has ended: the terminal may be closed.
        """
        self.free_line()
        self.env.say_text("\n".join(visible(line) for line in question))
        read_answer = partial(self.env.stdin.readline, _LONGEST_ANSWER)
        answer = await read_in_thread(read_answer)
        if not answer:
            await asyncio.sleep(HANG_UP_S)
            # Else what follows would be on the line of the question.
            self.env.say_text("\n")
            return None
        # Other bytes become surrogates, which no name can have.
        return answer.decode(errors="surrogateescape").strip()

    async def asks_again(self, question: Sequence[str]) -> bool:
        """Ask on the terminal; any answer but `n` or `no` means yes.

        It is no where the input has ended.
        """
        answer = await self.ask(question)
        return answer is not None and answer.lower() not in ("n", "no")

    def command(self, *arguments: str) -> str:
        """Write a command for the same user, to be typed."""
        name = ["todo"]
        if self.settings.user_source == "--user":
            name += ["--user", self.settings.user]
        return shlex.join([*name, *arguments])

    async def read_stdin(
        self, read: Callable[[BinaryIO], R], invitation: str = ""
    ) -> R:
        """Call `read` with standard input, in a thread.

        Before the first call, the `invitation` says what to type at a terminal,
        if there is one.

        Raises:
            IoFailed: it cannot be read, or is a terminal where nobody types.
        """
        env = self.env
        if env.stdin_is_terminal and is_unattended(env.variables):
            raise IoFailed(
                f"Standard input is a terminal, and nobody is there{NOTHING_CHANGED}",
                hint="pipe the text in, or unset TODO_NO_INPUT and CI",
            )
        if not self.has_invited:
            self.has_invited = True
            self._invite(invitation)
        return await read_in_thread(partial(read, self.env.stdin))

    def _invite(self, invitation: str) -> None:
        """Say at a terminal what to type, and how to end.

        Else it seems that the program hangs. A line that begins so is on
        stderr, which `--json` keeps empty.
        """
        env = self.env
        are_terminals = env.stdin_is_terminal and env.stderr_is_terminal
        if invitation and are_terminals and not self.as_json:
            self.free_line()
            env.say_text(f"{invitation}; Ctrl-D ends.\n")

    async def write_out(self, data: bytes) -> None:
        """Write to standard output, in a thread, before the command has ended.

        For what is too long to keep until then. At a terminal, characters that
        could control it are escaped.

        Raises:
            Interrupted: the reader has left, as `head` does.
            IoFailed: it cannot be written.
        """
        self.free_line()
        if self.env.stdout_is_terminal:
            data = harmless(data.decode()).encode()
        try:
            await in_thread(partial(write_all, self.env.stdout, data))
        except BrokenPipeError:
            raise Interrupted(signal.SIGPIPE, was_writing=False) from None
        except OSError as error:
            raise unwritable(error) from error

    @contextmanager
    def progress(self, what: str) -> Iterator[Callable[[int, int], None]]:
        """Show a progress bar while this context is open, or a plain line.

        Yields a function of (done, total) that moves the bar. It does nothing
        without a terminal, or with `--json`.
        """
        # A terminal has room for one bar: an import can upgrade its target.
        is_quiet = self.as_json or not self.env.stderr_is_terminal
        if is_quiet or self.shows_progress:
            yield _report_nothing
            return
        self.shows_progress = True
        self.free_line()
        try:
            with self._bar(what) as report:
                yield report
        finally:
            self.shows_progress = False

    @contextmanager
    def _bar(self, what: str) -> Iterator[Callable[[int, int], None]]:
        """Draw the bar on the terminal, or write its words once."""
        env = self.env
        if env.is_plain:
            env.say_text(f"{what}...\n")
            yield _report_nothing
            return
        from todo_cli.output import terminal

        with terminal.progress(
            what,
            env.stderr,
            width=env.columns,
            encoding=env.encoding,
            variables=env.variables,
        ) as report:
            yield report


def _report_nothing(_done: int, _all: int) -> None:
    """Take the place of a progress bar where none can be drawn."""


async def read_in_thread(read: Callable[[], R]) -> R:
    """Read standard input in a thread, so that a signal can interrupt it.

    Raises:
        IoFailed: it cannot be read.
    """
    try:
        return await in_thread(read)
    except OSError as error:
        await asyncio.sleep(HANG_UP_S)
        reason = (error.strerror or type(error).__name__).lower()
        message = f"Standard input cannot be read: {reason}{NOTHING_CHANGED}"
        raise IoFailed(message) from error
