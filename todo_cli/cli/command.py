"""A command as a plain value: its options, its work, and its view."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, Generic, TypeVar

from todo_cli.errors import (
    ConfirmationRequired,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    PartlyDone,
    Usage,
)

if TYPE_CHECKING:
    from todo_cli.cli.context import RunContext
    from todo_cli.cli.env import Env
    from todo_cli.config import Settings
    from todo_cli.output.views import Sheet, ViewContext

T = TypeVar("T")

_REFUSALS: Final = (
    InvalidInput,
    NotFound,
    Conflict,
    Forbidden,
    ConfirmationRequired,
)
"""Errors after which a reader may wonder what became of the other tasks."""
LOOK: Final = ("list", "--status", "all")
"""The command that shows whether a write was stored."""


@dataclass(slots=True)
class Kept:
    """Where a text is kept that could not be stored; an error names it."""

    path: Path | None = None


@dataclass(frozen=True)
class Command(Generic[T]):
    """The options of one command.

    A subclass has a field for each option and argument. Typer makes the
    command line and the help from these fields and the docstring. A test can
    build a command, print it, and run it.
    """

    connects: ClassVar[bool] = True
    """Whether to connect early, because the command needs the store."""
    examines: ClassVar[bool] = False
    """Whether it looks at the settings, and so runs if some are wrong."""
    unchanged: ClassVar[str] = ""
    """How the message of a refusal ends, if the command changes something."""
    takes_any_encoding: ClassVar[bool] = False
    """Whether to connect to a database other than UTF-8, to look at it."""
    patience_s: ClassVar[float] = 0.02
    """How long cancelled work may take to end after a signal."""
    chooses_store: ClassVar[bool] = False
    """Whether it says itself which store to open: see `settle`."""
    needs_own_process: ClassVar[bool] = False
    """Whether only the process that was started can run it, and no worker of
    `warm`: it lives long, or takes the terminal for itself.
    """
    obeys_output: ClassVar[bool] = True
    """Whether the setting `output` applies; `--json` always does."""
    asks: ClassVar[bool] = False
    """Whether it may ask a question on a terminal."""

    def check(self, env: "Env", *, as_json: bool) -> None:
        """Check that the output can be what is asked for; called first.

        Raises:
            Usage: it cannot.
        """
        if as_json and self.is_quiet():
            raise Usage(
                "`--quiet` prints only numbers, so it cannot print JSON",
                hint="leave out --quiet, or --json (TODO_OUTPUT=text)",
            )

    def alone(self, env: "Env") -> "Sheet | None":
        """Do the work without settings and without a store; return the view.

        None means that the command needs both, as most do.

        Raises:
            TodoError: the work failed.
        """
        return None

    def in_process(self, settings: "Settings", env: "Env") -> "Command[T]":
        """Return what this process runs; called before there is a loop.

        A command that forks returns in each process that has to run.

        Raises:
            TodoError: there is nothing to run.
        """
        return self

    async def settle(self, settings: "Settings", env: "Env") -> "Settings":
        """Return the settings to run with; called before the store is opened.

        Raises:
            TodoError: there are none.
        """
        return settings

    async def run(self, context: "RunContext") -> T:
        """Do the work and return its result.

        The caller opens the store before and closes it after.

        Raises:
            TodoError: the work failed.
        """
        raise NotImplementedError

    def view(self, result: T, context: "ViewContext") -> "Sheet":
        """Put the result into words. A pure function."""
        raise NotImplementedError

    def changes(self) -> bool:
        """Whether its success means that something was stored."""
        return bool(self.unchanged) and not self.is_trial()

    def opens_editor(self) -> bool:
        """Whether somebody writes a text, which takes minutes.

        Then nothing connects ahead of time, and after a signal the editor has
        time to end.
        """
        return False

    def lives_long(self) -> bool:
        """Whether it goes on until somebody ends it, as `list --watch` does.

        Then no worker of `warm` runs it, and it takes no connection that is
        ready. When it connects again, it tries once, and itself tries again.
        """
        return False

    def is_trial(self) -> bool:
        """Whether only to say what would happen: `--dry-run`."""
        return bool(getattr(self, "dry_run", False))

    def is_quiet(self) -> bool:
        """Whether to print only numbers: `--quiet`."""
        return bool(getattr(self, "quiet", False))

    def elsewhere(self) -> Sequence[str]:
        """Return the arguments that do it in another store, or none.

        For a command that adds, and whose own store cannot be reached.
        """
        return ()

    def repeat(self) -> Sequence[str]:
        """Return the arguments that settle an unknown outcome.

        They repeat the command, if that is idempotent, or show its effect.
        """
        return LOOK


@contextmanager
def refusing(unchanged: str) -> Iterator[None]:
    """Have the refusals of a command say that nothing was changed.

    They come from everywhere: the options, the rules, standard input, the
    service. Those that say so already stay as they are.
    """
    try:
        yield
    except _REFUSALS as error:
        is_said = error.message.endswith(unchanged)
        hint = error.hint or ""
        if hint.startswith(unchanged.removeprefix("; ")):
            is_said = True
        if is_said or isinstance(error, PartlyDone):
            raise
        error.message += unchanged
        raise
