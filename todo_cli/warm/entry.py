"""Where the parent's process begins: notes the program's files, and loads it.

Imports little at first: what changes while the program is loaded counts as a
change.
"""

import fcntl
import gc
import io
import os
import resource
import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from typing import Any, Final

from todo_cli.warm import identity, memory, place

QUEUE: Final = 64
"""How many clients may wait to be accepted."""
_MODULES: Final = (
    "asyncio",
    "todo_cli.cli.ready",
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


def run(folder: str, lock: int, changes: dict[str, Any]) -> None:
    """Be the parent until there is a reason to leave.

    `lock` is the open file that is locked for the life of this process.
    """
    files = identity.Files(identity.files_of_program())
    at_loading = identity.at_loading(os.environ)
    _refuse_cores()
    from todo_cli.warm.parent import Options, Parent
    from todo_cli.warm.worker import Origin

    load()
    gc.collect()
    gc.freeze()
    gc.disable()
    origin = Origin(
        folder,
        identity.program(),
        identity.process(),
        at_loading,
        files,
        memory.ranges(),
    )
    os.ftruncate(lock, 0)
    os.pwrite(lock, b"%d\n" % os.getpid(), 0)
    options = replace(Options(), **changes)
    if not Parent(listen(folder), origin, options).run():
        return
    _wait_until_settled(options.settle_s)
    # The lock stays ours, and no other parent can come between.
    fcntl.fcntl(lock, fcntl.F_SETFD, 0)
    os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - no shell is needed


def _refuse_cores() -> None:
    """Have the system write no core file of this process and its workers.

    A program that gets them through a pipe gets them also at a limit of 0,
    says core(5). 1 is less than any file of it has, and Linux then runs no
    such program.
    """
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    limit = 1
    if most == 0:
        limit = 0
    resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))


def _wait_until_settled(settle_s: float) -> None:
    """Wait until the program has not changed for some time.

    While it is being installed, half of it is old.
    """
    files = None
    while files is None or files.have_changed():
        files = identity.Files(identity.files_of_program())
        time.sleep(settle_s)


def begin() -> None:
    """Run as the parent, which `control.start` has started, and end.

    The arguments are the folder, the number of the lock, and options.
    """
    # Whoever started us may have blocked the one that ends us.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    folder, lock, *words = sys.argv[1:]
    changes: dict[str, float] = {}
    for word in words:
        name, _, value = word.partition("=")
        changes[name] = float(value)
        if value.isdecimal():
            changes[name] = int(value)
    try:
        run(folder, int(lock), changes)
    finally:
        os._exit(0)


def load() -> None:
    """Import what commands need, build the command line, and fill caches."""
    for name in _MODULES:
        import_module(name)
    from todo_cli.cli import main
    from todo_cli.cli.app import commands
    from todo_cli.cli.env import Env
    from todo_cli.database import ahead
    from todo_cli.database import run as statements

    for group in (commands(), commands().commands["db"]):
        for name in group.commands:
            group.commands[name]
    for kind in ("sqlite", "postgresql"):
        statements.load(kind)
    ahead.usual()
    nothing = io.BytesIO()
    env = Env({}, None, None, None, nothing, nothing, nothing)
    for line in _LINES:
        main.parse(main.split(line), env, as_json=False)


def listen(folder: str) -> socket.socket:
    """Open the socket in the folder; the caller holds the lock.

    Raises:
        OSError: it cannot be made.
    """
    path = place.socket_of(folder)
    # Without a parent, what is there is left from one that was killed.
    with suppress(FileNotFoundError):
        os.unlink(path)
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    umask = os.umask(0o177)
    try:
        door.bind(path)
    finally:
        os.umask(umask)
    door.listen(QUEUE)
    return door
