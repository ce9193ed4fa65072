"""The Typer application: its groups, and the module of each command."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Annotated, Any, Final

import typer

from todo_cli.cli.command import Command
from todo_cli.cli.parser import (
    ALIASES,
    CommandParser,
    GroupParser,
    ParseState,
)
from todo_cli.docstring import docstring

User = Annotated[
    str | None,
    typer.Option(
        "-u",
        "--user",
        metavar="NAME",
        help="Use the tasks of NAME; this is not a login.",
        show_default=False,
    ),
]
AsJson = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON document instead of text."),
]
Debug = Annotated[
    bool,
    typer.Option("--debug", help="On a bug, print its traceback to stderr."),
]

_CONTEXT: Final = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    cls=GroupParser,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings=_CONTEXT,
    epilog="`todo help COMMAND` says more about a command.\n\n"
    "Exit status: 0 done, 2 invalid request, 3 no such task, 5 conflict, "
    "6 try again, 8 settings.",
)
db_app = typer.Typer(
    cls=GroupParser, rich_markup_mode=None, context_settings=_CONTEXT
)
warm_app = typer.Typer(
    cls=GroupParser, rich_markup_mode=None, context_settings=_CONTEXT
)
token_app = typer.Typer(
    cls=GroupParser, rich_markup_mode=None, context_settings=_CONTEXT
)
app.add_typer(db_app, name="db", rich_help_panel="Store")
app.add_typer(warm_app, name="warm", rich_help_panel="Store")
app.add_typer(token_app, name="token", rich_help_panel="Store")


class VersionAsked(Exception):
    """Ends the parsing at `--version`, when it comes before the command."""


@app.callback(invoke_without_command=False)
def todo(
    ctx: typer.Context,
    user: User = None,
    as_json: AsJson = False,
    debug: Debug = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", is_eager=True
        ),
    ] = False,
) -> None:
    """Keep tasks in your own database: an embedded file, or Neon after
    `todo connect`.

    \b
    Examples:
      todo add Buy milk
      todo list
      todo done 1
      todo list --status all --json | jq -r '.data[].title'
    """
    if version:
        raise VersionAsked
    state: ParseState = ctx.obj
    state.name_user(user)


@db_app.callback()
def db(
    ctx: typer.Context,
    user: User = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Manage the store itself: its tables, copies of it, and who may see what.

    \b
    Examples:
      todo db backup tasks.db
      todo db import tasks.db
      todo help db import
    """
    state: ParseState = ctx.obj
    state.name_user(user)


@warm_app.callback()
def warm(
    ctx: typer.Context,
    user: User = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Keep processes ready that have todo loaded, so that commands answer at
    once.

    \b
    Examples:
      todo warm on
      todo warm status
      todo warm off
    """
    state: ParseState = ctx.obj
    state.name_user(user)


@token_app.callback()
def token(
    ctx: typer.Context,
    user: User = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Manage the tokens that let programs use your tasks over REST.

    \b
    Examples:
      todo token create laptop
      todo token list
      todo token revoke laptop
    """
    state: ParseState = ctx.obj
    state.name_user(user)


class Commands(Mapping[str, Any]):
    """The commands of a group, by name.

    Each is imported and built at its first use: a call needs one of them, and
    only the help needs all.
    """

    def __init__(
        self, classes: Mapping[str, tuple[str, str]], **groups: Any
    ) -> None:
        self._classes = classes
        self._built = groups

    def __getitem__(self, name: str) -> Any:
        name = ALIASES.get(name, name)
        if name not in self._built:
            panel, place = self._classes[name]
            module_name, _, class_name = place.partition(":")
            module = import_module(f"todo_cli.cli.commands.{module_name}")
            command = getattr(module, class_name)
            self._built[name] = _build(name, panel, command)
        return self._built[name]

    def __iter__(self) -> Iterator[str]:
        # Without repeats, in the order of the help: a group such as `db` is
        # built from the start, and has no class.
        yield from dict.fromkeys([*self._classes, *self._built])

    def __len__(self) -> int:
        return len(list(iter(self)))


def _build(name: str, panel: str, command: type[Command[Any]]) -> Any:
    """Build a command from its class.

    Typer builds only whole applications, so each command gets its own; Typer
    returns the bare command of an application that has just one.
    """
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    words = docstring(command)
    alone.command(name, cls=CommandParser, help=words, rich_help_panel=panel)(
        command
    )
    return typer.main.get_command(alone)


_COMMANDS: Final = {
    "add": ("Tasks", "tasks:Add"),
    "list": ("Tasks", "lists:List"),
    "show": ("Tasks", "tasks:Show"),
    "update": ("Tasks", "tasks:Update"),
    "note": ("Tasks", "tasks:Note"),
    "edit": ("Tasks", "edit:Edit"),
    "done": ("Tasks", "tasks:Done"),
    "delete": ("Tasks", "trash:Delete"),
    "restore": ("Tasks", "trash:Restore"),
    "purge": ("Tasks", "trash:Purge"),
    "history": ("History", "history:History"),
    "undo": ("History", "history:Undo"),
    "redo": ("History", "history:Redo"),
    "stats": ("History", "stats:Stats"),
    "import": ("Files", "exchange:Import"),
    "export": ("Files", "exchange:Export"),
    "connect": ("Store", "connect:Connect"),
    "doctor": ("Store", "doctor:Doctor"),
    "serve": ("Store", "serve:Serve"),
    "completion": ("Help", "completion:Completion"),
}
"""For each command its panel in the help, and its class in `commands/`."""
_DB_COMMANDS: Final = {
    "upgrade": ("Commands", "store:Upgrade"),
    "policy": ("Commands", "store:Policy"),
    "import": ("Commands", "store:Import"),
    "backup": ("Commands", "store:Backup"),
}
_WARM_COMMANDS: Final = {
    "on": ("Commands", "warm:On"),
    "off": ("Commands", "warm:Off"),
    "status": ("Commands", "warm:Show"),
}


_TOKEN_COMMANDS: Final = {
    "create": ("Commands", "token:Create"),
    "list": ("Commands", "token:List"),
    "revoke": ("Commands", "token:Revoke"),
}


@cache
def commands() -> Any:
    """Build the root command, once in a process."""
    root: Any = typer.main.get_command(app)
    root.help = docstring(todo)
    store = root.commands["db"]
    store.help = docstring(db)
    store.commands = Commands(_DB_COMMANDS)
    ready = root.commands["warm"]
    ready.help = docstring(warm)
    ready.commands = Commands(_WARM_COMMANDS)
    tokens = root.commands["token"]
    tokens.help = docstring(token)
    tokens.commands = Commands(_TOKEN_COMMANDS)
    root.commands = Commands(_COMMANDS, db=store, warm=ready, token=tokens)
    return root
