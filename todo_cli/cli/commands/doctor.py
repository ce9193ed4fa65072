"""`todo doctor`: which store is in use, and whether it works."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from todo_cli.cli import doctor
from todo_cli.cli.command import Command
from todo_cli.output.views import Sheet, ViewContext

if TYPE_CHECKING:
    from todo_cli.cli.context import RunContext


@dataclass(frozen=True, kw_only=True)
class Doctor(Command[doctor.Diagnosis]):
    """Show which store is in use, which setting chose it, and whether it works.

    \b
    Examples:
      todo doctor
      todo doctor --json | jq -r .message
    """

    examines: ClassVar[bool] = True
    takes_any_encoding: ClassVar[bool] = True

    async def run(self, context: "RunContext") -> doctor.Diagnosis:
        """Look at the settings and at the store."""
        return await doctor.examine(context)

    def view(self, result: doctor.Diagnosis, context: ViewContext) -> Sheet:
        """Show every finding."""
        return doctor.view(result, context)
