"""The command `list`: its orders; the filters are in `filters.py`."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from todo_cli.cli.command import Command
from todo_cli.cli.commands.filters import Filters
from todo_cli.cli.commands.options import Limit
from todo_cli.cli.parser import one_of
from todo_cli.output import views
from todo_cli.output.views import Sheet, ViewContext
from todo_cli.task import Group, Sort, TaskPage

if TYPE_CHECKING:
    from todo_cli.cli.context import RunContext

SortBy = Literal[
    "due",
    "newest",
    "oldest",
    "priority",
    "project",
    "title",
    "updated",
    "completed",
]
GroupBy = Literal["project", "due", "priority"]


@dataclass(frozen=True, kw_only=True)
class List(Filters, Command[TaskPage]):
    """List tasks: what is due first, then by priority, then the newest.

    With words, only tasks that have all of them in title, notes, project or
    tags; "two words" in quotes are looked for as a phrase.

    \b
    Examples:
      todo list
      todo list milk --project home
      todo list --due ..sun --sort priority
      todo list --due overdue
      todo list --status done --since mon
      todo list --status all --limit 20
    """

    sort: Annotated[
        SortBy | None,
        typer.Option(
            "--sort",
            callback=one_of(SortBy),
            help="The order (default: due; done: completed; all: newest; trash: latest deleted).",
        ),
    ] = None
    reverse: Annotated[
        bool, typer.Option("--reverse", help="Reverse the order.")
    ] = False
    group: Annotated[
        GroupBy | None,
        typer.Option(
            "--group",
            callback=one_of(GroupBy),
            help="Group the tasks by this.",
        ),
    ] = None
    limit: Limit = None

    async def run(self, context: "RunContext") -> TaskPage:
        """Find the tasks.

        Raises:
            InvalidInput: a word, a day or a name breaks a rule.
        """
        query = replace(
            self.query(context),
            limit=self.limit,
            sort=None if self.sort is None else Sort(self.sort),
            is_reversed=self.reverse,
            group=None if self.group is None else Group(self.group),
        )
        return await context.tasks.list(query)

    def view(self, result: TaskPage, context: ViewContext) -> Sheet:
        """Show them as a table; say if the words rather are filters."""
        sheet = views.listed(result, context)
        if not self.words:
            return sheet
        # Most lists have no words.
        from todo_cli.cli import hints

        meant = hints.listing(self.words, is_empty=not result.tasks)
        if not meant:
            return sheet
        command = context.command(*meant)
        hint = f"words are looked for in the text; try `{command}`"
        return replace(sheet, hint=hint)
