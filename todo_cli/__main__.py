"""The entry point of `todo` and of `python -m todo_cli`."""

import os
import sys

from todo_cli import __version__

TYPE_CHECKING = False  # typing's own costs more than all that `--version` does
if TYPE_CHECKING:
    from typing import NoReturn


def run() -> "NoReturn":
    """Run `todo` with this process's arguments and end the process."""
    if (
        sys.argv[1:] == ["--version"]
        and not os.environ.get("TODO_OUTPUT")
        and not os.environ.get("TODO_CONFIG")
    ):
        _print_version()
    try:
        import signal

        if (
            signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
        ):  # as in the background of a script
            signal.signal(
                signal.SIGINT, signal.SIG_DFL
            )  # Ctrl-C while importing: no traceback
    except KeyboardInterrupt:
        os._exit(130)

    import gc

    gc.disable()  # a short life makes too little garbage to look for it
    # pydantic would look through all that is installed for plug-ins to its models.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    from todo_cli.cli.env import Env
    from todo_cli.cli.main import main

    # Arguments are UTF-8 whatever the locale says; what is not stays recognizable, and
    # is refused where it matters.
    arguments = [
        os.fsencode(argument).decode("utf-8", "surrogateescape")
        for argument in sys.argv[1:]
    ]
    _leave(main(arguments, Env.of_process()))


def _print_version() -> None:
    """Print the version and leave, before anything slow is loaded; where that fails,
    the long way says why.
    """
    try:
        os.write(1, f"todo {__version__}\n".encode())
    except OSError:
        return
    os._exit(0)


def _leave(status: int) -> "NoReturn":
    """End the process at once: all is written and closed. 128+n is an end by signal n,
    as a shell's loop expects.
    """
    if status > 128:
        import signal

        signal.signal(status - 128, signal.SIG_DFL)
        os.kill(os.getpid(), status - 128)
    os._exit(status)


if __name__ == "__main__":
    run()
