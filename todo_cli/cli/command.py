"""A command as a plain value: its options, its work, and its view."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Generic, TypeVar

if TYPE_CHECKING:
    from todo_cli.cli.context import RunContext
    from todo_cli.output.views import Sheet, ViewContext

T = TypeVar("T")

LOOK: Final = ("list", "--status", "all")
"""The command that shows whether a write was stored."""


@dataclass(frozen=True)
class Command(Generic[T]):
    """The options of one command.

    A subclass has a field for each option and argument. Typer makes the
    command line and the help from these fields and the docstring. A test can
    build a command, print it, and run it.
    """

    connects: ClassVar[bool] = True
    """Whether to connect early, because the command needs the store."""
    patience_s: ClassVar[float] = 0.02
    """How long cancelled work may take to end after a signal."""

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

    def repeat(self) -> Sequence[str]:
        """Return the arguments that settle an unknown outcome.

        They repeat the command, if that is idempotent, or show its effect.
        """
        return LOOK
