"""How Typer reads the command line here: values as typed, strict short
options, and the options that every command shares.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar, get_args

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from todo_cli import redact
from todo_cli.cli.command import Command
from todo_cli.errors import Usage
from todo_cli.task import NewTask, about

V = TypeVar("V")

TEXT_HINT: Final = "put `--` before text that begins with `-`"
_SHARED: Final = ("user", "as_json", "debug")
"""The options of `todo` itself that every command takes as well."""


class ParseState:
    """What is known while the arguments are read, kept in Typer's context."""

    def __init__(self, *, dash_is_text: bool) -> None:
        self.dash_is_text = dash_is_text
        """Whether a `-` comes after `--`, and is a word like any other."""
        self.user: str | None = None
        """The user named so far; `-u` may come before the command, or after
        it.
        """

    def name_user(self, user: str | None) -> None:
        """Keep a user that is named at this place."""
        if user is not None:
            self.user = user


@dataclass(frozen=True, slots=True)
class Parsed:
    """What the arguments say: a command, and the user that they name."""

    command: Command[Any]
    user: str | None


def field_option(name: str) -> Any:
    """Make the option that sets a field of a task, from what `task.py` says of
    it.
    """
    note = about(NewTask)[name]
    return typer.Option(*note.flags, metavar=note.metavar, help=note.help)


def one_of(choices: Any) -> Callable[[V], V]:
    """Make a callback that takes one of the words of a `Literal` and nothing
    else.
    """
    words = get_args(choices)

    def check(value: V) -> V:
        if value in words:
            return value
        known = ", ".join(repr(word) for word in words)
        raise typer.BadParameter(f"{value!r} is not one of {known}")

    return check


def _take_as_typed(self: Any, ctx: Any, value: Any) -> Any:
    """Return a value as it was typed, or as the parameter's callback reads it;
    a default is a value already.

    Typer would have pydantic check that text is text, and loading pydantic
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


class _Argument(TyperArgument):
    """An argument whose value is the text that was typed."""

    process_value = _take_as_typed

    def display_type_rich(self, ctx: Any) -> None:
        """Leave Python's type out of the help: `TITLE` says more than
        `<list[str]>`.
        """

    def get_usage_pieces(self, ctx: Any) -> list[str]:
        """Write it as most programs do: `TITLE...`, and `[NAME]...` where it
        is optional.
        """
        name = self.metavar or self.name
        if not self.required:
            name = f"[{name}]"
        return [f"{name}..." if self.nargs == -1 else name]


class _Strict:
    """A command or group that reads its parameters as they were typed, and
    takes no value that is glued to a short option.
    """

    def get_params(self, ctx: Any) -> list[Any]:
        """List the parameters, `--help` among them, as ones that are taken as
        typed.
        """
        parameters: list[Any] = super().get_params(ctx)  # type: ignore[misc]  # Typer's
        for parameter in parameters:
            # Typer makes them of its own classes; all that they hold stays.
            is_option = isinstance(parameter, TyperOption)
            parameter.__class__ = _Option if is_option else _Argument
        return parameters

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments; an error names this command."""
        _refuse_glued(
            self, ctx, args, stops_at_text=isinstance(self, TyperGroup)
        )
        try:
            return super().parse_args(ctx, args)  # type: ignore[misc,no-any-return]  # Typer's
        except typer.TyperException as error:
            if getattr(error, "ctx", ctx) is None:
                error.ctx = ctx  # type: ignore[attr-defined]
            raise


class CommandParser(_Strict, TyperCommand):
    """Reads the arguments of one command; its callback is a subclass of
    `Command`.
    """

    def get_params(self, ctx: Any) -> list[Any]:
        """List the command's own parameters, the shared options, and
        `--help`.
        """
        *own, help_option = super().get_params(ctx)
        root = ctx.find_root().command
        shared = [each for each in root.params if each.name in _SHARED]
        return [*own, *shared, help_option]

    def invoke(self, ctx: Any) -> Parsed:
        """Build the command from its options.

        `--json` and `--debug` are only listed for the help: `main` has taken
        them out of the arguments, as it needs them also when parsing fails.
        """
        state: ParseState = ctx.obj
        shared = {name: ctx.params.pop(name) for name in _SHARED}
        state.name_user(shared["user"])
        return Parsed(super().invoke(ctx), state.user)


class GroupParser(_Strict, TyperGroup):
    """Reads which command comes next; the help lists the commands under their
    panels.
    """

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a section for each panel, in the order in which commands are
        defined.
        """
        panels: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            found = self.get_command(ctx, name)
            if found is None or found.hidden:
                continue
            panel = getattr(found, "rich_help_panel", None)
            title = panel if isinstance(panel, str) else "Commands"
            panels.setdefault(title, []).append((name, _first_sentence(found)))
        for title, rows in panels.items():
            with formatter.section(title):
                formatter.write_dl(rows)


def _first_sentence(command: Any) -> str:
    """The first paragraph of a command's help; it is wrapped, never cut."""
    paragraph, _, _ = (command.help or "").partition("\n\n")
    return " ".join(paragraph.split())


def _refuse_glued(
    command: Any, ctx: Any, words: Sequence[str], *, stops_at_text: bool
) -> None:
    """Refuse short options that are not two characters: `-unused` in a title
    would be the user `nused`.

    Only a number may follow at once, where the option takes one: `-L20`.

    Raises:
        Usage: there is such a word before `--`, or a short option that the
            command does not have.
    """
    parameters = command.get_params(ctx)
    options = {name: option for option in parameters for name in option.opts}
    left = iter(words)
    for word in left:
        if word == "--" or (stops_at_text and not word.startswith("-")):
            return
        option = options.get(word)
        if option is None and _is_short(word):
            _refuse_unless_number(word, options.get(word[:2]), ctx)
        if not getattr(option, "is_flag", True):
            next(left, None)  # its value, whatever that begins with


def _is_short(word: str) -> bool:
    return word.startswith("-") and not word.startswith("--") and word != "-"


def _refuse_unless_number(word: str, option: Any, ctx: Any) -> None:
    """Refuse what begins like a short option, unless it is one with its
    number.
    """
    takes_number = option is not None and option.metavar == "N"
    if takes_number and re.fullmatch(r"[0-9]+", word[2:], re.ASCII):
        return
    hint = TEXT_HINT
    if option is not None and not option.is_flag:
        hint += f"; a value follows after a blank: `{word[:2]} VALUE`"
    raise Usage(
        f"`{redact.shown(word)}` is not an option",
        hint=f"{hint}; see {ctx.command_path} --help",
    )
