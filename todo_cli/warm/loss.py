"""Reports that a worker died while it ran our command."""

from typing import Final

from todo_cli.__main__ import arguments
from todo_cli.cli import main
from todo_cli.cli.env import Env
from todo_cli.cli.printer import Printer
from todo_cli.errors import IoFailed, OutcomeUnknown, TodoError

_DIED: Final = "The process that `todo warm` kept for it was killed"


def report(settling: str) -> int:
    """Say what became of the command; return the exit status.

    `settling` is the command that settles whether a write was stored; it is
    empty for a read.
    """
    env = Env.of_process()
    words = main.split(arguments())
    as_json = main.read_config(words, env).as_json
    printer = Printer(env, as_json=as_json)
    return printer.write(printer.failure(_fault(settling)))


def _fault(settling: str) -> TodoError:
    """Make the error for a write or a read."""
    if settling:
        message = f"{_DIED} while it was being stored: it may or may not be"
        return OutcomeUnknown(message, hint=settling)
    return IoFailed(f"{_DIED}; nothing was changed", hint="run it again")
