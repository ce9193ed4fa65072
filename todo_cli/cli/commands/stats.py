"""The command `stats`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from todo_cli import zones
from todo_cli.cli.command import Command
from todo_cli.output import stats as words
from todo_cli.output.views import Sheet, ViewContext
from todo_cli.stats import Stats as Counted

if TYPE_CHECKING:
    from todo_cli.cli.context import RunContext


@dataclass(frozen=True, kw_only=True)
class Stats(Command[Counted]):
    """Count tasks: open, overdue, waiting and done, by day, project and age.

    Days are those of your time zone; the last of the 28 is today. A project
    does not include the projects below it. In a pipe each count is a line with
    a name, a tab and a number: `open`, `done`, `day:2026-11-27`, `project:home`.

    \b
    Examples:
      todo stats
      todo stats | grep '^day:' | cut -f 2
      todo stats --json | jq '.data.projects[:3]'
    """

    async def run(self, context: "RunContext") -> Counted:
        """Count the tasks."""
        zone = zones.zone_of(context.env.variables)
        return await context.tasks.stats(zone)

    def view(self, result: Counted, context: ViewContext) -> Sheet:
        """Show the counts, with bars at a terminal."""
        return words.counted(result, context)
