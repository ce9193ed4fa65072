"""`todo connect`: the road to a server, and back."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from todo_cli import redact
from todo_cli.cli import connecting
from todo_cli.cli.command import Command
from todo_cli.errors import Usage
from todo_cli.output import connected
from todo_cli.output.connected import Connected, Disconnected
from todo_cli.output.views import Sheet, ViewContext

if TYPE_CHECKING:
    from collections.abc import Sequence

    from todo_cli.cli.context import RunContext
    from todo_cli.cli.env import Env
    from todo_cli.config import Settings


@dataclass(frozen=True, kw_only=True)
class Connect(Command[Connected | Disconnected]):
    """Keep your tasks in Neon or another PostgreSQL server from now on.

    Asks for the connection string without showing it, or reads it from
    standard input; never give it as an argument. It is saved in the config
    file after the connection has worked.

    \b
    Examples:
      todo connect
      todo connect --import < connection-string.txt
      todo connect --off
    """

    needs_own_process: ClassVar[bool] = True
    chooses_store: ClassVar[bool] = True

    words: Annotated[
        list[str] | None, typer.Argument(metavar="WORD", hidden=True)
    ] = None
    brings: Annotated[
        bool | None,
        typer.Option(
            "--import/--no-import",
            help="Whether to copy the tasks of the embedded file, as yours; "
            "at a terminal you are asked.",
            show_default=False,
        ),
    ] = None
    off: Annotated[
        bool,
        typer.Option("--off", help="Go back to the embedded file."),
    ] = False

    def __post_init__(self) -> None:
        """Refuse the connection string as an argument.

        Raises:
            Usage: there is an argument, or one option too many.
        """
        for word in self.words or ():
            if redact.looks_like_address(word):
                raise Usage(
                    "The connection string must not be an argument: it is in "
                    "your shell's history now, and others could see it",
                    hint="change the password, and run `todo connect` alone",
                )
        if self.words:
            raise Usage(
                "`todo connect` takes no argument",
                hint="run it alone: it asks for the connection string",
            )
        if self.off and self.brings is not None:
            raise Usage(
                "`--off` copies no tasks",
                hint="`todo connect --off`, then `todo db import FILE`",
            )

    def changes(self) -> bool:
        """It saves settings."""
        return True

    async def settle(self, settings: "Settings", env: "Env") -> "Settings":
        """Read the connection string; the store is the one that it names.

        Raises:
            TodoError: it cannot be read, or names no server.
        """
        if self.off:
            return settings
        return await connecting.read_target(settings, env)

    async def run(self, context: "RunContext") -> Connected | Disconnected:
        """Look at the store and save the settings; or take them out."""
        if self.off:
            return await connecting.disconnect(context)
        return await connecting.connect(context, is_import_wanted=self.brings)

    def view(
        self, result: Connected | Disconnected, context: ViewContext
    ) -> Sheet:
        """Say what was found and done."""
        if isinstance(result, Disconnected):
            return connected.disconnected(result, context)
        return connected.connected(result, context)

    def repeat(self) -> "Sequence[str]":
        """Connect again: what is there already is not copied twice."""
        words = ["connect"]
        if self.brings:
            words.append("--import")
        return words
