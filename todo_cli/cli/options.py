"""Options that every command shares, and how the help groups commands."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from todo_cli.cli.run import Job

User = Annotated[
    str | None,
    typer.Option("-u", "--user", metavar="NAME", help="Whose tasks; a name, not a password.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Debug = Annotated[bool, typer.Option("--debug", help="On a bug, print its traceback to stderr.")]

_SHARED: tuple[tuple[str, Any, Any], ...] = (("user", User, None), ("as_json", AsJson, False), ("debug", Debug, False))


@dataclass(frozen=True, slots=True)
class Call:
    """What the door knows of a call before it is parsed."""

    user: str | None = None
    dash_is_text: bool = False
    """A `-` stands after `--`: it is a word like any other."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """A command as parsed: what to do, and for whom."""

    job: Job[Any]
    user: str | None


def command(app: typer.Typer, name: str, panel: str) -> Callable[[Callable[..., Job[Any]]], Callable[..., Job[Any]]]:
    """Register a function from arguments to a job as a command, adding the options that every command has.

    `--json` and `--debug` are taken out of the arguments by the door, which needs them also when parsing fails; they
    are declared for the help.
    """

    def register(function: Callable[..., Job[Any]]) -> Callable[..., Job[Any]]:
        def invoke(**arguments: Any) -> Invocation:
            user = arguments.pop("user")
            for hoisted in ("as_json", "debug"):
                arguments.pop(hoisted)
            call = arguments.pop("ctx").find_root().obj
            if "call" in wanted:
                arguments["call"] = call
            return Invocation(function(**arguments), user if user is not None else call.user)

        signature = inspect.signature(function)
        wanted = signature.parameters
        keyword = inspect.Parameter.KEYWORD_ONLY
        parameters = [
            inspect.Parameter("ctx", keyword, annotation=typer.Context),
            *(parameter.replace(kind=keyword) for parameter in wanted.values() if parameter.name != "call"),
            *(inspect.Parameter(key, keyword, default=default, annotation=kind) for key, kind, default in _SHARED),
        ]
        invoke.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # read by Typer
        invoke.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        app.command(name, cls=OwnCommand, help=inspect.getdoc(function), rich_help_panel=panel)(invoke)
        return function

    return register


@contextmanager
def _naming(ctx: Any) -> Iterator[None]:
    """Have every error of the parser know its command, so that the hint can name that command's help."""
    try:
        yield
    except typer.TyperException as error:
        unnamed: Any = error
        if getattr(unnamed, "ctx", None) is None:
            unnamed.ctx = ctx
        raise


class OwnCommand(TyperCommand):
    """A command whose errors know it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments of this command."""
        with _naming(ctx):
            return super().parse_args(ctx, args)


class GroupedHelp(TyperGroup):
    """A group whose help lists the commands under their panels, in the order they are defined."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse what stands before the command."""
        with _naming(ctx):
            return super().parse_args(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write one section a panel."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            found = self.get_command(ctx, name)
            if found is not None and not found.hidden:
                panel = getattr(found, "rich_help_panel", None)
                panels.setdefault(panel if isinstance(panel, str) else "Commands", []).append(
                    (name, found.get_short_help_str(limit=formatter.width))
                )
        for panel, rows in panels.items():
            with formatter.section(panel):
                formatter.write_dl(rows)
