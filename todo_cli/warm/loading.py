"""Loads what commands need, once, in the parent."""

from importlib import import_module
from typing import Final

_MODULES: Final = (
    "asyncio",
    "todo_cli.cli.ready",
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


def load() -> None:
    """Import what commands need, and build the command line."""
    for name in _MODULES:
        import_module(name)
    from todo_cli.cli.app import commands
    from todo_cli.database import ahead

    ahead.usual()

    for group in (commands(), commands().commands["db"]):
        for name in group.commands:
            group.commands[name]
