"""`todo serve`: the REST API on this machine."""

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from todo_cli import redact
from todo_cli.cli.command import Command
from todo_cli.cli.env import write_all
from todo_cli.database.drivers import check_tls
from todo_cli.errors import INSTALL_EXTRAS, InvalidInput, Usage
from todo_cli.output.views import Sheet, ViewContext

if TYPE_CHECKING:
    from todo_cli.cli.context import RunContext


def _read_port(text: str) -> int:
    """Read a port.

    Raises:
        Usage: it is not a number of at most five digits.
        InvalidInput: it is above 65535.
    """
    if re.fullmatch(r"[0-9]{1,5}", text, re.ASCII) is None:
        raise Usage(
            f"Invalid value for '--port': '{redact.shown(text)}' is not a port",
            hint="todo serve --help",
        )
    if int(text) > 65_535:
        raise InvalidInput.of("port", "must be a number from 0 to 65535")
    return int(text)


@dataclass(frozen=True, kw_only=True)
class Serve(Command[None]):
    """Serve the REST API until a signal ends it; needs the extra `api`.

    There is no authentication: anyone who reaches the port can read and change
    the tasks of every user.

    \b
    Examples:
      todo serve
      todo serve --port 9000
      curl -s http://127.0.0.1:8000/api/ada/tasks
    """

    needs_own_process: ClassVar[bool] = True
    connects: ClassVar[bool] = False
    # Requests have 10 s; the store and the log then need some time, too.
    patience_s: ClassVar[float] = 14.0

    host: Annotated[
        str,
        typer.Option(
            "--host",
            metavar="ADDRESS",
            help="A loopback address; no other is accepted.",
        ),
    ] = "127.0.0.1"
    port: Annotated[
        int,
        typer.Option(
            "--port",
            metavar="PORT",
            callback=_read_port,
            help="0 lets the system choose one.",
        ),
    ] = 8000

    async def run(self, context: "RunContext") -> None:
        """Serve until the task is cancelled.

        Raises:
            Usage: the extra `api` is not installed.
            TodoError: the server cannot start.
        """
        # uvicorn imports it; without it the extra would seem to be missing.
        check_tls()
        try:
            from todo_cli.api.server import serve
        except ModuleNotFoundError as error:
            raise Usage(
                '`todo serve` needs the extra "api"',
                hint=INSTALL_EXTRAS,
            ) from error
        env = context.env
        await serve(
            context.settings,
            host=self.host,
            port=self.port,
            variables=env.variables,
            now=env.now,
            write=partial(write_all, env.stderr),
        )

    def view(self, result: None, context: ViewContext) -> Sheet:
        """Say that the server has stopped."""
        return Sheet(None, "Stopped")
