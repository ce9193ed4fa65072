"""The commands for operations: history, undo and redo."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from todo_cli.cli import references
from todo_cli.cli.command import Command
from todo_cli.cli.commands.options import (
    DryRun,
    Quiet,
    read_number,
    read_operation,
)
from todo_cli.errors import NOTHING_CHANGED
from todo_cli.output import views
from todo_cli.output.views import Sheet, ViewContext
from todo_cli.task import HistoryPage, Undone

if TYPE_CHECKING:
    from todo_cli.cli.context import RunContext


@dataclass(frozen=True, kw_only=True)
class History(Command[HistoryPage]):
    """Show what was done, when, and what it changed, the latest first.

    In a pipe each task of an operation is a line: operation, time, command,
    what it undoes, what undid it, number, id, title, and changes as JSON.

    \b
    Examples:
      todo history
      todo history 3
      todo history -L 1 --json | jq '.data[0].operation'
    """

    ref: Annotated[
        str | None,
        typer.Argument(
            metavar="REF",
            help="Only what was done with this task: its number or its UUID.",
            show_default=False,
        ),
    ] = None
    limit: Annotated[
        int,
        typer.Option(
            "-L",
            "--limit",
            metavar="N",
            callback=read_number,
            help="Show at most N operations.",
        ),
    ] = 50
    quiet: Quiet = False

    def __post_init__(self) -> None:
        """Check the reference."""
        if self.ref is not None:
            references.parse_reference(self.ref)

    async def run(self, context: "RunContext") -> HistoryPage:
        """Read the operations.

        Raises:
            NotFound: the user never had such a task.
        """
        reference = None
        if self.ref is not None:
            reference = references.parse_reference(self.ref)
        return await context.tasks.history(reference, limit=self.limit)

    def view(self, result: HistoryPage, context: ViewContext) -> Sheet:
        """Show each operation, task by task and field by field."""
        return views.history(result, context, reference=self.ref or "")


@dataclass(frozen=True, kw_only=True)
class Undo(Command[Undone]):
    """Take back the latest operation as a whole; repeat it to go further back.

    It does not matter on which machine it was done. If a field that it
    changed has changed again since, nothing is taken back.

    \b
    Examples:
      todo undo
      todo undo 7
      todo undo --dry-run
    """

    unchanged: ClassVar[str] = NOTHING_CHANGED

    operation: Annotated[
        int | None,
        typer.Argument(
            metavar="N",
            callback=read_operation,
            help="Take back this operation; `todo history` has its number.",
            show_default=False,
        ),
    ] = None
    dry_run: DryRun = False
    quiet: Quiet = False

    async def run(self, context: "RunContext") -> Undone:
        """Take the operation back.

        Raises:
            NotFound: there is no such operation, or nothing to take back.
            InvalidInput: it is a purge, an undo or a redo.
            Conflict: a task has changed since.
        """
        return await context.tasks.undo(self.operation)

    def view(self, result: Undone, context: ViewContext) -> Sheet:
        """Name the operation and its tasks."""
        return views.undone(result, context)

    def repeat(self) -> Sequence[str]:
        """Take it back again, which is idempotent; else show what was done."""
        if self.operation is None:
            return ["history"]
        return ["undo", str(self.operation)]


@dataclass(frozen=True, kw_only=True)
class Redo(Command[Undone]):
    """Do again what the latest undo took back, if nothing was done since.

    \b
    Examples:
      todo redo
      todo redo --dry-run
    """

    unchanged: ClassVar[str] = NOTHING_CHANGED

    dry_run: DryRun = False
    quiet: Quiet = False

    async def run(self, context: "RunContext") -> Undone:
        """Take the undo back.

        Raises:
            NotFound: nothing was undone, or something was done since.
            Conflict: a task has changed since.
        """
        return await context.tasks.redo()

    def view(self, result: Undone, context: ViewContext) -> Sheet:
        """Name the operation and its tasks."""
        return views.redone(result, context)

    def repeat(self) -> Sequence[str]:
        """Show what was done last."""
        return ["history"]
