"""The command `list`: its orders; the filters are in `filters.py`."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from todo_cli.cli.command import Command
from todo_cli.cli.commands.filters import Filters
from todo_cli.cli.commands.options import Limit, Quiet
from todo_cli.cli.parser import one_of, typed_again
from todo_cli.errors import Usage
from todo_cli.filters import SortBy
from todo_cli.output import views
from todo_cli.output.views import Sheet, ViewContext
from todo_cli.task import Group, Sort, TaskPage

if TYPE_CHECKING:
    from todo_cli.cli.context import RunContext
    from todo_cli.cli.env import Env

GroupBy = Literal["project", "due", "priority"]


def _read_interval(text: str) -> float:
    """Read how often to look, in seconds.

    Raises:
        InvalidInput: it is no interval, or too short or too long.
    """
    from todo_cli.cli import watching

    return watching.read_interval(text)


@dataclass(frozen=True, kw_only=True)
class List(Filters, Command[TaskPage | None]):
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
      todo list -P home --watch
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
    quiet: Quiet = False
    watch: Annotated[
        bool,
        typer.Option(
            "--watch",
            help="Redraw the list whenever something changes; q quits.",
        ),
    ] = False
    every: Annotated[
        float | None,
        typer.Option(
            "--every",
            metavar="TIME",
            callback=_read_interval,
            help="How often --watch checks: 5s, 30s, 2m (default: 2s; server: 5s).",
            show_default=False,
        ),
    ] = None

    def __post_init__(self) -> None:
        """Refuse options that contradict each other."""
        super().__post_init__()
        if self.every is not None and not self.watch:
            raise Usage("`--every` needs `--watch`", hint="todo list --help")
        if self.quiet and self.watch:
            raise Usage(
                "`--quiet` prints only numbers, but `--watch` draws a table",
                hint="todo list --help",
            )

    def lives_long(self) -> bool:
        """It does if it watches."""
        return self.watch

    def check(self, env: "Env", *, as_json: bool) -> None:
        """Check that there is a screen to draw on, if it watches.

        Raises:
            Usage: there is none, or JSON is wanted.
        """
        super().check(env, as_json=as_json)
        if self.watch:
            from todo_cli.cli import watching

            watching.check(env, as_json=as_json)

    async def run(self, context: "RunContext") -> TaskPage | None:
        """Find the tasks; return None after they were watched.

        Raises:
            InvalidInput: a word, a day or a name breaks a rule.
        """
        if not self.watch:
            return await self.find(context)
        # Most lists are shown once.
        from todo_cli.cli import watching

        every_s = watching.interval(context, self.every)
        typed = typed_again(self, besides=("watch", "every"))
        await watching.watch(self.find, context, ["list", *typed], every_s)
        return None

    async def find(self, context: "RunContext") -> TaskPage:
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

    def view(self, result: TaskPage | None, context: ViewContext) -> Sheet:
        """Show them as a table; say if the words rather are filters."""
        if result is None:
            return Sheet(None, "Watched")
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
