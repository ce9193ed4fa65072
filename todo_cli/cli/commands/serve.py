"""`todo serve`: the REST API."""

import os
import re
import select
import signal
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

import typer

from todo_cli import disk, redact
from todo_cli.cli.command import Command
from todo_cli.cli.env import write_all
from todo_cli.database.drivers import check_tls
from todo_cli.errors import INSTALL_EXTRAS, InvalidInput, Usage
from todo_cli.output.views import Sheet, ViewContext

if TYPE_CHECKING:
    from typing import BinaryIO

    from todo_cli.api.exposure import Exposure
    from todo_cli.api.plan import Worker
    from todo_cli.cli.context import RunContext
    from todo_cli.cli.env import Env
    from todo_cli.config import Settings


MOST_WORKERS: Final = 64


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


def _read_workers(text: str) -> int:
    """Read how many workers are wanted.

    Raises:
        InvalidInput: it is not a number from 1 to 64.
    """
    is_number = re.fullmatch(r"[0-9]{1,2}", text, re.ASCII)
    if is_number is None or not 1 <= int(text) <= MOST_WORKERS:
        raise InvalidInput.of(
            "workers", f"must be a number from 1 to {MOST_WORKERS}"
        )
    return int(text)


@dataclass(frozen=True, kw_only=True)
class Serve(Command[None]):
    """Serve the REST API until a signal ends it; needs the extra `api`.

    Without --auth there is no authentication: anyone who reaches the port can
    read and change the tasks of every user, so it is on this machine only.
    With it every request needs a token from `todo token create`, or a JWT from
    an identity provider (TODO_JWKS_URL).

    \b
    Examples:
      todo serve
      curl -s http://127.0.0.1:8000/api/ada/tasks
      todo serve --auth --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem
      todo serve --auth --behind-proxy 127.0.0.1 --allowed-host todo.example.org
    """

    needs_own_process: ClassVar[bool] = True
    connects: ClassVar[bool] = False
    # Requests have 10 s; the store and the log then need some time, too.
    patience_s: ClassVar[float] = 14.0

    auth: Annotated[
        bool,
        typer.Option("--auth", help="Ask every request for a token."),
    ] = False
    host: Annotated[
        str,
        typer.Option(
            "--host",
            metavar="ADDRESS",
            help="Where to listen; beyond this machine only with --auth, and with "
            "TLS or a proxy.",
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
    tls_cert: Annotated[
        str | None,
        typer.Option(
            "--tls-cert",
            metavar="FILE",
            help="Use TLS with this certificate (PEM, with its chain).",
            show_default=False,
        ),
    ] = None
    tls_key: Annotated[
        str | None,
        typer.Option(
            "--tls-key",
            metavar="FILE",
            help="The key of the certificate (PEM); only you may be able to read it.",
            show_default=False,
        ),
    ] = None
    behind_proxy: Annotated[
        list[str] | None,
        typer.Option(
            "--behind-proxy",
            metavar="ADDRESS",
            help="A proxy, or a network of proxies, whose X-Forwarded-For is "
            "trusted; repeat for more.",
            show_default=False,
        ),
    ] = None
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allowed-host",
            metavar="NAME",
            help="A name of this server to accept in `Host`; repeat for more.",
            show_default=False,
        ),
    ] = None

    workers: Annotated[
        int,
        typer.Option(
            "--workers",
            metavar="N",
            callback=_read_workers,
            help="How many processes serve requests; they share the port.",
        ),
    ] = 1

    def in_process(self, settings: "Settings", env: "Env") -> Command[None]:
        """Fork workers, and return in each of them; see `api/workers.py`."""
        if self.workers == 1:
            return self
        _check_extra()
        from todo_cli.api import plan, workers

        exposure = self.exposure(env.cwd)
        made = plan.prepare(exposure, env.variables, count=self.workers)
        worker = workers.fork(made, self.port, self.workers, env.signals)
        return _Worker(**vars(self), worker=worker)

    async def run(self, context: "RunContext") -> None:
        """Serve until the task is cancelled.

        Raises:
            Usage: the extra `api` is not installed.
            TodoError: the server cannot start.
        """
        await self._serve(context, None)

    async def _serve(
        self, context: "RunContext", worker: "Worker | None"
    ) -> None:
        """Serve, as a worker or alone."""
        _check_extra()
        from todo_cli.api.server import serve

        env = context.env
        write = partial(write_all, env.stderr)
        if worker is not None:
            write = partial(_write_lines, env.stderr)
        await serve(
            context.settings,
            self.exposure(env.cwd),
            variables=env.variables,
            now=env.now,
            write=write,
            worker=worker,
        )

    def exposure(self, cwd: Path | None) -> "Exposure":
        """Read where to listen, and who may reach it.

        Raises:
            InvalidInput: a proxy or a host is none.
        """
        from todo_cli.api.addresses import read_host, read_network
        from todo_cli.api.exposure import Exposure

        proxies = [read_network(each) for each in self.behind_proxy or ()]
        names = frozenset(read_host(each) for each in self.allowed_host or ())
        return Exposure(
            host=self.host,
            port=self.port,
            auth=self.auth,
            tls_cert=_path(cwd, self.tls_cert),
            tls_key=_path(cwd, self.tls_key),
            proxies=proxies,
            names=names,
        )

    def view(self, result: None, context: ViewContext) -> Sheet:
        """Say that the server has stopped."""
        return Sheet(None, "Stopped")


@dataclass(frozen=True, kw_only=True)
class _Worker(Serve):
    """One of several processes that serve."""

    worker: "Worker"

    async def run(self, context: "RunContext") -> None:
        """Serve until the task is cancelled, or the parent wants it to end."""
        # Late: a help does not load it.
        import asyncio

        until = self.worker.until
        signals = context.env.signals
        loop = asyncio.get_running_loop()

        def end() -> None:
            loop.remove_reader(until)
            # A signal may have come to all processes of a terminal.
            if signals.number is None:
                os.kill(os.getpid(), signal.SIGTERM)

        loop.add_reader(until, end)
        await self._serve(context, self.worker)


def _write_lines(stream: "BinaryIO", data: bytes) -> None:
    """Write lines so that those of several processes do not mix in a pipe.

    It takes a write as a whole if that is not too long.
    """
    piece = b""
    for line in data.splitlines(keepends=True):
        if piece and len(piece) + len(line) > select.PIPE_BUF:
            write_all(stream, piece)
            piece = b""
        piece += line
    write_all(stream, piece)


def _check_extra() -> None:
    """Load what serves.

    Raises:
        Usage: the extra `api` is not installed.
    """
    # uvicorn imports it; without it the extra would seem to be missing.
    check_tls()
    try:
        import todo_cli.api.server  # noqa: F401 - only to see whether it is there
    except ModuleNotFoundError as error:
        raise Usage(
            '`todo serve` needs the extra "api"',
            hint=INSTALL_EXTRAS,
        ) from error


def _path(cwd: Path | None, name: str | None) -> Path | None:
    """Return the path of a file that an option names."""
    return None if name is None else disk.below(cwd, name)
