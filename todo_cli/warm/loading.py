"""Loads what commands need, once, in the parent."""

import io
from importlib import import_module
from typing import Final

_MODULES: Final = (
    "asyncio",
    "typer._click.decorators",
    "zoneinfo",
    "zoneinfo._tzpath",
    "todo_cli.cli.run",
    "todo_cli.cli.context",
    "todo_cli.cli.help",
    "todo_cli.cli.hints",
    "todo_cli.cli.doctor",
    "todo_cli.cli.spinner",
    "todo_cli.cli.stdin",
    "todo_cli.service",
    "todo_cli.zones",
    "todo_cli.days",
    "todo_cli.output.terminal",
    "todo_cli.database.engine",
    "todo_cli.database.sqlite",
    "todo_cli.database.postgresql",
    "todo_cli.database.connection",
)
_LINES: Final = (
    ["list"],
    ["show", "1"],
    ["done", "1"],
    ["add", "milk"],
    ["update", "1", "--due", "fri"],
)
"""Lines to parse once: parsing fills caches of libraries."""


def load() -> None:
    """Import what commands need, build the command line, and fill caches."""
    for name in _MODULES:
        import_module(name)
    from todo_cli.cli import main
    from todo_cli.cli.app import commands
    from todo_cli.cli.env import Env
    from todo_cli.database import run

    for group in (commands(), commands().commands["db"]):
        for name in group.commands:
            group.commands[name]
    for kind in ("sqlite", "postgresql"):
        run.load(kind)
    nothing = io.BytesIO()
    env = Env({}, None, None, None, nothing, nothing, nothing)
    for line in _LINES:
        main.parse(main.split(line), env, as_json=False)
