"""The entry point of `todo` and of `python -m todo_cli`."""

import os
import sys

from todo_cli import __version__

# Importing typing would cost more than the rest of `--version`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def run() -> "NoReturn":
    """Run `todo` with this process's arguments and end the process."""
    # These two variables may ask for JSON: the usual path finds out.
    wants_json = os.environ.get("TODO_OUTPUT") or os.environ.get("TODO_CONFIG")
    if sys.argv[1:] == ["--version"] and not wants_json:
        _print_version()
    try:
        import signal

        # Ctrl-C during the imports must not print a traceback. A shell
        # ignores SIGINT for background jobs of a script: keep that.
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
    except KeyboardInterrupt:
        os._exit(130)

    import gc

    gc.disable()  # a short process makes little garbage
    # pydantic would search all installed packages for plugins.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    from todo_cli.cli.env import Env
    from todo_cli.cli.main import main

    # Read arguments as UTF-8 in every locale. Other bytes become surrogates,
    # which the rules refuse.
    arguments = [
        os.fsencode(argument).decode("utf-8", "surrogateescape")
        for argument in sys.argv[1:]
    ]
    _leave(main(arguments, Env.of_process()))


def _print_version() -> None:
    """Print the version and exit, before any slow import.

    Returns if writing fails: the usual path then reports why.
    """
    try:
        os.write(1, f"todo {__version__}\n".encode())
    except OSError:
        return
    os._exit(0)


def _leave(status: int) -> "NoReturn":
    """End the process without the interpreter's shutdown, to save time.

    All output is written and the store is closed by now. A status of 128+n
    ends the process by signal n, so that a loop in a shell stops too.
    """
    if status > 128:
        import signal

        signal.signal(status - 128, signal.SIG_DFL)
        os.kill(os.getpid(), status - 128)
    os._exit(status)


if __name__ == "__main__":
    run()
