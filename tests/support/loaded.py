"""What the fork server loads once, so that each process forked from it has it: all
modules of a command on either store and of the API, and what their first use prepares.

Importing this takes about two seconds; only the fork server does (`forked.py`).
"""

import gc
import signal
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import tests.support.before
import tests.support.forked
import tests.support.writers  # noqa: F401
import todo_cli.__main__
import todo_cli.api.server
import todo_cli.cli.app
import todo_cli.cli.commands.connect
import todo_cli.cli.commands.doctor
import todo_cli.cli.commands.edit
import todo_cli.cli.commands.exchange
import todo_cli.cli.commands.history
import todo_cli.cli.commands.serve
import todo_cli.cli.commands.store
import todo_cli.cli.commands.tasks
import todo_cli.cli.commands.trash
import todo_cli.cli.doctor
import todo_cli.cli.help
import todo_cli.cli.hints
import todo_cli.cli.run
import todo_cli.database.arrivals
import todo_cli.database.backup
import todo_cli.database.connection
import todo_cli.database.facts
import todo_cli.database.file_facts
import todo_cli.database.postgresql
import todo_cli.database.transfer
import todo_cli.exchange.csv_file
import todo_cli.exchange.json_file
import todo_cli.output.terminal
import todo_cli.service  # noqa: F401
from tests.support.program import Surroundings, Todo

COMMANDS = (
    "add a",
    "list",
    "show 1",
    "update 1 --title b",
    "done 1",
    "delete 1",
    "undo",
    "redo",
    "history",
    "stats",
    "restore 1",
    "purge 1 --yes",
)


def use() -> None:
    """Run every command once."""
    with tempfile.TemporaryDirectory() as folder:
        surroundings = Surroundings(Path(folder), Path(folder), None)
        todo = Todo(surroundings, lambda: datetime.now(UTC))
        for command in COMMANDS:
            for terminal in (False, True):
                todo(*command.split(), terminal=terminal)


use()
gc.collect()
gc.freeze()  # what is never looked at again is never copied
# The fork server gives each process the handlers that it finds after this import.
signal.signal(signal.SIGINT, signal.SIG_DFL)
