"""The command line as Typer has it: its groups, and which command is where."""

from functools import cache
from typing import Annotated, Any, Final

import typer

from todo_cli.cli.commands import doctor, serve, store, tasks
from todo_cli.cli.parser import CommandParser, GroupParser, ParseState

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

_CONTEXT: Final = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    cls=GroupParser,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings=_CONTEXT,
    epilog="Exit status: 0 done, 2 wrong request, 3 no such task, 5 conflict, "
    "6 try again, 8 settings.",
)
db_app = typer.Typer(cls=GroupParser, rich_markup_mode=None, context_settings=_CONTEXT)
app.add_typer(db_app, name="db", rich_help_panel="Store")

_TASKS: Final = "Tasks"
_STORE: Final = "Store"
_COMMANDS: Final = (
    (app, _TASKS, "add", tasks.Add),
    (app, _TASKS, "list", tasks.List),
    (app, _TASKS, "show", tasks.Show),
    (app, _TASKS, "update", tasks.Update),
    (app, _TASKS, "done", tasks.Done),
    (app, _TASKS, "delete", tasks.Delete),
    (app, _STORE, "doctor", doctor.Doctor),
    (app, _STORE, "serve", serve.Serve),
    (db_app, "Commands", "upgrade", store.Upgrade),
    (db_app, "Commands", "policy", store.Policy),
    (db_app, "Commands", "import", store.Import),
)
for _group, _panel, _name, _command in _COMMANDS:
    _group.command(_name, cls=CommandParser, rich_help_panel=_panel)(_command)


class VersionAsked(Exception):
    """`--version` comes before the command."""


@app.callback(invoke_without_command=False)
def todo(
    ctx: typer.Context,
    user: User = None,
    as_json: AsJson = False,
    debug: Debug = False,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", is_eager=True),
    ] = False,
) -> None:
    """Keep tasks in your own database: an embedded file, or Neon when TODO_DATABASE_URL
    or the config file holds its connection string.

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
    ctx: typer.Context, user: User = None, as_json: AsJson = False, debug: Debug = False
) -> None:
    """Look after the store itself."""
    state: ParseState = ctx.obj
    state.name_user(user)


@cache
def commands() -> Any:
    """The root command as Typer builds it, once in a process."""
    return typer.main.get_command(app)
