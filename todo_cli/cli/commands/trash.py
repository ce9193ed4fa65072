"""The commands into the trash and out of it: delete, restore and purge."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

import typer

from todo_cli import redact
from todo_cli.cli import references
from todo_cli.cli.command import Command
from todo_cli.cli.commands.options import (
    AGE,
    DryRun,
    IfVersion,
    Quiet,
    Refs,
    check_version,
)
from todo_cli.errors import NOTHING_CHANGED, InvalidInput, Usage
from todo_cli.output import views, words
from todo_cli.output.views import Sheet, ViewContext
from todo_cli.task import Reference, Task

if TYPE_CHECKING:
    from datetime import date

    from todo_cli.cli.context import RunContext

_IN_TRASH: Final = ("list", "--status", "trash")
"""The command that shows whether tasks were deleted."""


@dataclass(frozen=True, kw_only=True)
class Delete(Command[list[Task]]):
    """Move tasks to the trash, all or none of them.

    `todo restore` takes them out again.

    \b
    Examples:
      todo delete 3
      todo delete 3 5-7
    """

    unchanged: ClassVar[str] = NOTHING_CHANGED

    refs: Refs
    # Deleting used to ask, and scripts still say that it need not.
    yes: Annotated[
        bool,
        typer.Option("-y", "--yes", help="No effect: delete never asks."),
    ] = False
    if_version: IfVersion = None
    dry_run: DryRun = False
    quiet: Quiet = False

    def __post_init__(self) -> None:
        """Check the references."""
        named = references.parse_references(self.refs)
        check_version(self.if_version, named, "delete")

    async def run(self, context: "RunContext") -> list[Task]:
        """Move the tasks to the trash, all or none.

        Raises:
            NotFound: a number or UUID names no task, or a range is empty.
        """
        named = references.parse_references(self.refs)
        return await context.tasks.delete(named, if_version=self.if_version)

    def view(self, result: list[Task], context: ViewContext) -> Sheet:
        """Name the tasks, and how they come back."""
        is_single = references.is_single(self.refs)
        return views.deleted(result, context, is_single=is_single)

    def repeat(self) -> Sequence[str]:
        """Show where the task is, or what is in the trash."""
        if references.is_single(self.refs):
            return ["show", *self.refs]
        return _IN_TRASH


@dataclass(frozen=True, kw_only=True)
class Restore(Command[list[Task]]):
    """Take tasks out of the trash, all or none of them.

    \b
    Examples:
      todo list --status trash
      todo restore 3 5-7
    """

    unchanged: ClassVar[str] = NOTHING_CHANGED

    refs: Refs
    dry_run: DryRun = False
    quiet: Quiet = False

    def __post_init__(self) -> None:
        """Check the references."""
        references.parse_references(self.refs)

    async def run(self, context: "RunContext") -> list[Task]:
        """Take the tasks out of the trash; those outside it stay as they are.

        Raises:
            NotFound: a number or UUID names no task, or a range is empty.
        """
        named = references.parse_references(self.refs)
        return await context.tasks.restore(named)

    def view(self, result: list[Task], context: ViewContext) -> Sheet:
        """Name the tasks."""
        is_single = references.is_single(self.refs)
        restored = views.Changed(words.RESTORED, is_single=is_single)
        return restored(result, context)

    def repeat(self) -> Sequence[str]:
        """Run the command again, which is idempotent."""
        return ["restore", *self.refs]


@dataclass(frozen=True, kw_only=True)
class Purge(Command[list[Task]]):
    """Remove tasks for good, and their texts from the history; asks first.

    They may be in the trash or not. Nothing brings them back.

    \b
    Examples:
      todo purge 3
      todo purge --trash --older-than 30d --yes
    """

    asks: ClassVar[bool] = True
    unchanged: ClassVar[str] = NOTHING_CHANGED

    refs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="REF",
            help="Tasks: numbers, ranges (5-7), lists (3,5-7), UUIDs.",
            show_default=False,
        ),
    ] = None
    trash: Annotated[
        bool, typer.Option("--trash", help="All tasks in the trash.")
    ] = False
    older_than: Annotated[
        str | None,
        typer.Option(
            "--older-than",
            metavar="AGE",
            help="With --trash: only tasks deleted at least this long ago: 30d, 2w, 6m, 1y.",
            show_default=False,
        ),
    ] = None
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = (
        False
    )
    dry_run: DryRun = False
    quiet: Quiet = False

    def __post_init__(self) -> None:
        """Check that either tasks or the trash are named."""
        if self.trash == bool(self.refs):
            raise Usage(
                "Name tasks, or `--trash` for all tasks in the trash",
                hint="todo purge --help",
            )
        if self.older_than is not None:
            self._check_age(self.older_than)
        references.parse_references(self.refs or ["1"])

    def _check_age(self, text: str) -> None:
        """Check `--older-than`.

        Raises:
            Usage: it is about tasks that are named.
            InvalidInput: it is no age.
        """
        if not self.trash:
            raise Usage(
                "`--older-than` needs `--trash`", hint="todo purge --help"
            )
        if AGE.fullmatch(text.strip().lower()) is None:
            shown = redact.shown(text)
            raise InvalidInput.of(
                "older_than", f"`{shown}` is not an age; say 30d, 2w, 6m or 1y"
            )

    async def run(self, context: "RunContext") -> list[Task]:
        """Remove the tasks, all or none; ask first.

        Raises:
            NotFound: a number or UUID names no task, or a range is empty.
            Declined: the answer to the question is not yes.
            ConfirmationRequired: there is no terminal to ask on.
        """
        is_sure = self.yes or self.dry_run
        if is_sure and not self.trash:
            return await context.tasks.purge(self._named())
        found = await self._found(context)
        if not found:
            return []
        if not is_sure:
            amount = words.amount(len(found), "task")
            await context.confirm(
                views.purge_question(found),
                refusal=f"{amount} would be gone for good{NOTHING_CHANGED}",
                denial="Nothing was purged",
            )
        # By id: exactly the tasks that the question showed.
        ids = [task.id for task in found]
        if self.trash:
            # Those that somebody has restored meanwhile stay.
            return await context.tasks.purge_trash(ids)
        return await context.tasks.purge(ids)

    def _named(self) -> list[Reference]:
        """Return the tasks that are named."""
        return references.parse_references(self.refs or ())

    async def _found(self, context: "RunContext") -> list[Task]:
        """Return the tasks to remove, as they are."""
        if not self.trash:
            return await context.tasks.find(self._named(), to_change=True)
        if self.older_than is None:
            return await context.tasks.trash()
        return await context.tasks.trash(_age(self.older_than, context.today))

    def view(self, result: list[Task], context: ViewContext) -> Sheet:
        """Name the tasks as they were."""
        is_single = references.is_single(self.refs or ())
        sheet = views.Changed(words.PURGED, is_single=is_single)(
            result, context
        )
        if result:
            return sheet
        begin = "Would purge nothing" if context.is_trial else "Nothing purged"
        message = f"{begin}: the trash has no such task"
        return replace(sheet, message=message, lines=[message])

    def repeat(self) -> Sequence[str]:
        """Show whether the task is still there, or what was done last."""
        if references.is_single(self.refs or ()):
            return ["show", *(self.refs or ())]
        return ["history"]


def _age(text: str, today: "date") -> timedelta:
    """Read an age: `6m` is as long as the last six months were.

    One that reaches back before all days is cut, as no task is so old.
    """
    from todo_cli import days

    try:
        day = days.read_day(f"-{text.strip()}", today, last=True)
    except InvalidInput:
        # It has the form of an age, so it can only be too long.
        day = days.FIRST_DAY
    return today - day
