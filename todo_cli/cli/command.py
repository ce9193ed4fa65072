"""A command as a plain value: its options, how it runs, and how its result is
shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Generic, TypeVar

if TYPE_CHECKING:
    from todo_cli.cli.context import RunContext
    from todo_cli.output.views import Sheet, ViewContext

T = TypeVar("T")

LOOK: Final = ("list", "--status", "all")


@dataclass(frozen=True)
class Command(Generic[T]):
    """The options of one command.

    A subclass has a field for each option and argument, and Typer makes the
    command line and the help from these fields and the docstring. Build one,
    print it, and run it.
    """

    connects: ClassVar[bool] = True
    """Whether it is sure to need the store, so that connecting can begin
    early.
    """
    patience_s: ClassVar[float] = 0.02
    """How long cancelled work may take to end after a signal."""

    async def run(self, context: "RunContext") -> T:
        """Do the work and return its result; the store is closed afterwards.

        Raises:
            TodoError: it failed.
        """
        raise NotImplementedError

    def view(self, result: T, context: "ViewContext") -> "Sheet":
        """Put the result into words; pure."""
        raise NotImplementedError

    def repeat(self) -> Sequence[str]:
        """The words that settle an unknown outcome: they repeat the command
        without harm, or show what became of it.
        """
        return LOOK
