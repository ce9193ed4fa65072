"""Changes how Typer reads the command line.

Values stay as they were typed, short options are strict, and every command
takes the shared options.
"""

import dataclasses
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar, get_args, get_type_hints

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.models import ArgumentInfo

from todo_cli import redact
from todo_cli.cli.command import Command, refusing
from todo_cli.errors import Usage
from todo_cli.task import NewTask, about

V = TypeVar("V")

TEXT_HINT: Final = "put `--` before text that begins with `-`"
_SHARED: Final = ("user", "as_json", "debug")
"""The options of `todo` itself that every command takes as well."""


ALIASES: Final = {"ls": "list", "mod": "update", "rm": "delete"}
"""Short names of commands, which many know from other programs."""


class ParseState:
    """What parsing has found so far; kept in Typer's context."""

    def __init__(self, *, dash_is_text: bool) -> None:
        self.dash_is_text = dash_is_text
        """Whether a `-` comes after `--`, and so does not mean stdin."""
        self.user: str | None = None
        """The value of `-u`, which may come before or after the command."""

    def name_user(self, user: str | None) -> None:
        """Keep the value of `-u`, if it was given; the last one wins."""
        if user is not None:
            self.user = user


@dataclass(frozen=True, slots=True)
class Parsed:
    """The command that the arguments name, and the value of `-u`."""

    command: Command[Any]
    user: str | None


def field_option(name: str, read: Callable[[str], str] | None = None) -> Any:
    """Make the option that sets a field of a task.

    Its flags, its metavar and its help are in `task.py`. `read` is a callback
    for its value.
    """
    note = about(NewTask)[name]
    return typer.Option(
        *note.flags, metavar=note.metavar, help=note.help, callback=read
    )


def one_of(choices: Any) -> Callable[[V], V]:
    """Make a callback that accepts only the words of a `Literal`.

    Without it any text would pass, because values are taken as typed.
    """
    words = get_args(choices)

    def check(value: V) -> V:
        if value in words:
            return value
        known = ", ".join(repr(word) for word in words)
        raise typer.BadParameter(f"{value!r} is not one of {known}")

    return check


def typed_again(command: Command[Any], besides: Sequence[str]) -> list[str]:
    """Write the arguments that make a command, without its name.

    Options have their long names. `besides` are fields to leave out.
    """
    hints = get_type_hints(type(command), include_extras=True)
    options: list[str] = []
    words: list[str] = []
    for each in dataclasses.fields(command):
        value = getattr(command, each.name)
        if each.name in besides or value == each.default:
            continue
        [info] = hints[each.name].__metadata__
        if isinstance(info, ArgumentInfo):
            words += value
            continue
        # Typer has the first name elsewhere.
        names = [info.default, *info.param_decls]
        options += _option_again(names[-1], value)
    if any(word.startswith("-") for word in words):
        options.append("--")
    return [*options, *words]


def _option_again(name: str, value: Any) -> list[str]:
    """Write an option with its value, or once for each of several."""
    if value is True:
        return [name]
    values = value
    if not isinstance(value, list):
        values = [value]
    typed = []
    for each in values:
        typed.append(name)
        typed.append(str(each))
    return typed


def _take_as_typed(self: Any, ctx: Any, value: Any) -> Any:
    """Return a value as it was typed, or what the callback makes of it.

    A default is a value already, and does not go through the callback. Typer
    itself would have pydantic check that text is text, and loading pydantic
    takes longer than the rest of the parsing.

    Raises:
        Usage: a required value is missing.
    """
    if self.required and self.value_is_missing(value):
        message = f"Missing argument '{self.metavar}'"
        raise Usage(message, hint=f"{ctx.command_path} --help")
    if self.callback is None or value is None or value is self.default:
        return value
    return self.callback(ctx, self, value)


class _Option(TyperOption):
    """An option whose value is the text that was typed."""

    process_value = _take_as_typed

    def display_type_rich(self, ctx: Any) -> str:
        """Write choices as `open|done`, without the brackets of Typer."""
        shown: str = super().display_type_rich(ctx) or ""
        return shown.removeprefix("<").removesuffix(">")


class _Argument(TyperArgument):
    """An argument whose value is the text that was typed."""

    process_value = _take_as_typed

    def display_type_rich(self, ctx: Any) -> None:
        """Show no type: `TITLE` says more than `<list[str]>`."""

    def get_usage_pieces(self, ctx: Any) -> list[str]:
        """Write `TITLE...`, or `[NAME]...` if optional, as is usual."""
        if self.hidden:
            return []
        name = self.metavar or self.name
        if not self.required:
            name = f"[{name}]"
        if self.nargs == -1:
            name = f"{name}..."
        return [name]


class _Strict:
    """A command or group that takes values as they were typed.

    It refuses a value that follows a short option without a space.
    """

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, including `--help`, in our own classes."""
        parameters: list[Any] = super().get_params(ctx)  # type: ignore[misc]  # Typer's
        for parameter in parameters:
            # Typer has no way to choose the class of a parameter.
            if isinstance(parameter, TyperOption):
                parameter.__class__ = _Option
            else:
                parameter.__class__ = _Argument
        return parameters

    def get_help(self, ctx: Any) -> str:
        """Lay out the help for the width of the terminal."""
        # Most calls need no help.
        from todo_cli.cli.help import Page

        page = Page(ctx.terminal_width)
        self.format_help(ctx, page)  # type: ignore[attr-defined]  # Typer's
        return page.getvalue()

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments; the error's hint names this command."""
        # The words after a group's command belong to that command.
        is_group = isinstance(self, TyperGroup)
        _refuse_glued(self, ctx, args, stops_at_text=is_group)
        try:
            return super().parse_args(ctx, args)  # type: ignore[misc,no-any-return]  # Typer's
        except typer.TyperException as error:
            if getattr(error, "ctx", ctx) is None:
                error.ctx = ctx  # type: ignore[attr-defined]
            raise


class CommandParser(_Strict, TyperCommand):
    """Reads the arguments of one command, a subclass of `Command`."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return its own parameters, then the shared ones, then `--help`."""
        *own, help_option = super().get_params(ctx)
        root = ctx.find_root().command
        shared = [each for each in root.params if each.name in _SHARED]
        return [*own, *shared, help_option]

    @property
    def _unchanged(self) -> str:
        """How the refusals of the command end."""
        # Typer wraps the class of the command in a function.
        unchanged: str = self.callback.__wrapped__.unchanged  # type: ignore[union-attr]
        return unchanged

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments, and check those that have a rule."""
        with refusing(self._unchanged):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Parsed:
        """Build the command from its options.

        `--json` and `--debug` are here only to be listed in the help. `main`
        takes them out of the arguments before parsing.
        """
        state: ParseState = ctx.obj
        shared = {name: ctx.params.pop(name) for name in _SHARED}
        state.name_user(shared["user"])
        with refusing(self._unchanged):
            return Parsed(super().invoke(ctx), state.user)


class GroupParser(_Strict, TyperGroup):
    """Reads the name of a command; its help lists the commands by panel."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command; `help COMMAND` is `COMMAND --help`.

        Raises:
            Usage: there is no such command.
        """
        while args[0] == "help":
            args = [*args[1:], "--help"]
        if args[0].startswith("-"):
            typer.echo(ctx.get_help())
            raise typer.Exit
        if self.get_command(ctx, args[0]) is None:
            raise Usage(
                f"No such command '{redact.shown(args[0])}'",
                hint=f"{ctx.command_path} --help",
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a section for each panel, in order of definition."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is None or command.hidden:
                continue
            title = getattr(command, "rich_help_panel", None)
            if not isinstance(title, str):
                title = "Commands"
            rows = panels.setdefault(title, [])
            rows.append((_with_aliases(name), _first_paragraph(command)))
        for title, rows in panels.items():
            with formatter.section(title):
                formatter.write_dl(rows)


def _with_aliases(name: str) -> str:
    """Write the names of a command, as in `list, ls`."""
    others = [alias for alias, meant in ALIASES.items() if meant == name]
    return ", ".join([name, *others])


def _first_paragraph(command: Any) -> str:
    """The first paragraph of a command's help. Typer would cut it."""
    paragraph, _, _ = (command.help or "").partition("\n\n")
    return " ".join(paragraph.split())


def takes_text(context: Any) -> bool:
    """Whether a command takes text, which may begin with `-`, as `add` does."""
    names = {each.metavar for each in context.command.params}
    return not names.isdisjoint(("TEXT", "TITLE", "WORD"))


def _refuse_glued(
    command: Any, ctx: Any, words: Sequence[str], *, stops_at_text: bool
) -> None:
    """Refuse a short option whose value follows without a space.

    Otherwise `-unused` in a title would mean the user `nused`. Only a number
    may follow directly, if the option takes one: `-L20`.

    Raises:
        Usage: there is such a word before `--`, or a short option that the
            command does not have.
    """
    options = {}
    for parameter in command.get_params(ctx):
        for name in parameter.opts:
            options[name] = parameter
    left = iter(words)
    for word in left:
        is_text = not word.startswith("-")
        if word == "--" or (stops_at_text and is_text):
            return
        option = options.get(word)
        if option is None and _is_short(word):
            _refuse_unless_number(word, options.get(word[:2]), ctx)
        if not getattr(option, "is_flag", True):
            next(left, None)  # its value, whatever that begins with


def _is_short(word: str) -> bool:
    """Whether a word begins like a short option; `-` alone means stdin."""
    return word.startswith("-") and not word.startswith("--") and word != "-"


def _refuse_unless_number(word: str, option: Any, ctx: Any) -> None:
    """Refuse a word such as `-unused`, and accept one such as `-L20`."""
    takes_number = option is not None and option.metavar == "N"
    if takes_number and re.fullmatch(r"[0-9]+", word[2:], re.ASCII):
        return
    hint = TEXT_HINT
    if option is not None and not option.is_flag:
        hint += f"; a value follows after a space: `{word[:2]} VALUE`"
    raise Usage(
        f"`{redact.shown(word)}` is not an option",
        hint=f"{hint}; see {ctx.command_path} --help",
    )
