"""Options that every command shares, and how the help groups commands."""

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from todo_cli import redact
from todo_cli.cli.run import Job
from todo_cli.errors import Usage

User = Annotated[
    str | None,
    typer.Option(
        "-u",
        "--user",
        metavar="NAME",
        help="Whose tasks; a name, not a password.",
        show_default=False,
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON document instead of text.")
]
Debug = Annotated[
    bool, typer.Option("--debug", help="On a bug, print its traceback to stderr.")
]

_SHARED: tuple[tuple[str, Any, Any], ...] = (
    ("user", User, None),
    ("as_json", AsJson, False),
    ("debug", Debug, False),
)


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


def command(
    app: typer.Typer, name: str, panel: str
) -> Callable[[Callable[..., Job[Any]]], Callable[..., Job[Any]]]:
    """Register a function from arguments to a job as a command, adding the options that
    every command has.

    `--json` and `--debug` are taken out of the arguments by the door, which needs them
    also when parsing fails; they are declared for the help.
    """

    def register(function: Callable[..., Job[Any]]) -> Callable[..., Job[Any]]:
        def invoke(**arguments: Any) -> Invocation:
            user = arguments.pop("user")
            for hoisted in ("as_json", "debug"):
                arguments.pop(hoisted)
            call = arguments.pop("ctx").find_root().obj
            if "call" in wanted:
                arguments["call"] = call
            return Invocation(
                function(**arguments), user if user is not None else call.user
            )

        signature = inspect.signature(function)
        wanted = signature.parameters
        keyword = inspect.Parameter.KEYWORD_ONLY
        parameters = [
            inspect.Parameter("ctx", keyword, annotation=typer.Context),
            *(
                parameter.replace(kind=keyword)
                for parameter in wanted.values()
                if parameter.name != "call"
            ),
            *(
                inspect.Parameter(key, keyword, default=default, annotation=kind)
                for key, kind, default in _SHARED
            ),
        ]
        invoke.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # read by Typer
        invoke.__annotations__ = {
            parameter.name: parameter.annotation for parameter in parameters
        }
        app.command(
            name, cls=Command, help=inspect.getdoc(function), rich_help_panel=panel
        )(invoke)
        return function

    return register


TEXT_HINT: Final = "put `--` before text that begins with `-`"


def _refuse_glued(
    command: Any, ctx: Any, words: Sequence[str], *, stops_at_text: bool
) -> None:
    """Refuse short options that are not two characters: `-unused` in a title would be
    the user `nused`.

    Only a number may follow at once, where the option takes one: `-L20`.

    Raises:
        Usage: there is such a word before `--`, or a short option that the command does not have.
    """
    options = {
        name: option
        for option in command.get_params(ctx)
        for name in getattr(option, "opts", ())
    }
    left = iter(words)
    for word in left:
        if word == "--" or (stops_at_text and not word.startswith("-")):
            return
        option = options.get(word)
        if option is not None and not getattr(option, "is_flag", True):
            next(left, None)  # its value, whatever that begins with
        if (
            word.startswith("--")
            or word == "-"
            or not word.startswith("-")
            or option is not None
        ):
            continue
        named = options.get(word[:2])
        if (
            named is not None
            and named.metavar == "N"
            and re.fullmatch(r"[0-9]+", word[2:], re.ASCII)
        ):
            continue
        value = (
            ""
            if named is None or named.is_flag
            else f"; a value follows after a blank: `{word[:2]} VALUE`"
        )
        hint = f"{TEXT_HINT}{value}; see {ctx.command_path} --help"
        raise Usage(f"`{redact.shown(word)}` is not an option", hint=hint)


def _take_as_typed(self: Any, ctx: Any, value: Any) -> Any:
    """Return a value as it was typed, or as the parameter's callback reads it.

    Typer would have pydantic check that text is text, and loading pydantic takes longer
    than the rest of the parsing.

    Raises:
        Usage: a required value is missing.
    """
    if self.required and self.value_is_missing(value):
        raise Usage(
            f"Missing argument '{self.metavar}'", hint=f"{ctx.command_path} --help"
        )
    if self.callback is None:
        return value
    return self.callback(ctx, self, value)


class _Option(TyperOption):
    """An option whose value is the text that was typed."""

    process_value = _take_as_typed


class _Argument(TyperArgument):
    """An argument whose value is the text that was typed."""

    process_value = _take_as_typed


def one_of(*choices: str) -> Callable[[str | None], str | None]:
    """Make a callback that takes one of these words and nothing else."""

    def check(value: str | None) -> str | None:
        if value is None or value in choices:
            return value
        words = ", ".join(repr(choice) for choice in choices)
        raise typer.BadParameter(f"{value!r} is not one of {words}")

    return check


class _Strict:
    """A command or group that reads its parameters as they were typed, and takes no
    value glued to a short option.
    """

    def get_params(self, ctx: Any) -> list[Any]:
        """List the parameters, `--help` among them, as ones that are taken as typed."""
        parameters: list[Any] = super().get_params(ctx)  # type: ignore[misc]  # Typer's
        for parameter in parameters:
            # Typer makes them of its own classes; all that they hold stays.
            is_option = isinstance(parameter, TyperOption)
            parameter.__class__ = _Option if is_option else _Argument
        return parameters

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments; what is wrong with them is said of this command."""
        _refuse_glued(self, ctx, args, stops_at_text=isinstance(self, TyperGroup))
        try:
            return super().parse_args(ctx, args)  # type: ignore[misc,no-any-return]  # Typer's
        except typer.TyperException as error:
            if getattr(error, "ctx", ctx) is None:
                error.ctx = ctx  # type: ignore[attr-defined]
            raise


class Command(_Strict, TyperCommand):
    """A command as this program reads it."""


class GroupedHelp(_Strict, TyperGroup):
    """A group whose help lists the commands under their panels, in the order they are defined."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write one section a panel."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            found = self.get_command(ctx, name)
            if found is not None and not found.hidden:
                panel = getattr(found, "rich_help_panel", None)
                panels.setdefault(
                    panel if isinstance(panel, str) else "Commands", []
                ).append((name, found.get_short_help_str(limit=formatter.width)))
        for panel, rows in panels.items():
            with formatter.section(panel):
                formatter.write_dl(rows)
