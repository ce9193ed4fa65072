"""The entry point of `todo` and of `python -m todo_cli`."""

import os
import sys

from todo_cli import __version__

# Importing typing would cost more than the rest of `--version`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


CANNOT_LOAD = 9
"""The exit status where the program cannot be loaded: that of IO_ERROR."""
_NO_MEMORY = b"error: todo cannot be loaded: MemoryError()\n"
_NO_MEMORY_JSON = (
    b'{"success": false, "error": {"code": "IO_ERROR", '
    b'"message": "todo cannot be loaded: MemoryError"}}\n'
)


def run() -> "NoReturn":
    """Run `todo` with this process's arguments and end the process."""
    # Ctrl-C during the imports must not print a traceback. Python loaded this
    # part of `signal` when it started; an import would take a while in which
    # Python itself can lose a KeyboardInterrupt.
    try:
        import _signal  # type: ignore[import-not-found]  # mypy has no stub

        # A shell ignores SIGINT for background jobs of a script: keep that.
        if _signal.getsignal(_signal.SIGINT) != _signal.SIG_IGN:
            _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    except KeyboardInterrupt:
        os._exit(130)
    _free_imports()

    if sys.argv[1:2] == ["completion"]:
        _complete()
    # These two variables may ask for JSON: the usual path finds out.
    wants_json = os.environ.get("TODO_OUTPUT") or os.environ.get("TODO_CONFIG")
    if sys.argv[1:] == ["--version"] and not wants_json:
        _print_version()

    try:
        status = _handed_over()
        if status is None:
            status = _main()
    # `main` answers every error itself, so the program could not be loaded.
    # Without memory Python raises other errors, too, such as SystemError.
    except Exception as error:  # noqa: BLE001 - whatever is raised, say so
        try:
            complain(error)
        finally:
            os._exit(CANNOT_LOAD)
    _leave(status)


def _free_imports() -> None:
    """Release the lock of imports, if Python has left it held.

    A KeyboardInterrupt that Python loses while it starts can do that. Then
    each thread that imports would wait for ever.
    """
    import _imp

    try:
        while _imp.lock_held():
            _imp.release_lock()
    except RuntimeError:
        return  # another thread holds it, and imports


def _handed_over() -> "int | None":
    """Have a process run the command that `todo warm` keeps ready.

    Returns its exit status; None if there is no such process, or if the
    command is `todo warm` itself, which would count itself.
    """
    from todo_cli.warm import place

    folder = place.folder_of(os.environ)
    try:
        os.stat(place.socket_of(folder))
    except OSError:
        return None
    if _is_about_warm():
        return None
    from todo_cli.warm import client

    return client.hand_over(folder)


def _is_about_warm() -> bool:
    """Whether the command is `todo warm`, after options of ours or not."""
    words = iter(sys.argv[1:])
    for word in words:
        if word in ("-u", "--user"):
            next(words, None)
        elif not word.startswith("-"):
            return word == "warm"
    return False


def _main() -> int:
    """Run the program in this process; return its exit status."""
    import gc

    gc.disable()  # a short process makes little garbage
    # pydantic would search all installed packages for plugins.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    if sys.warnoptions:
        # PYTHONWARNINGS=error would make an error of a library's warning.
        import warnings

        warnings.simplefilter("ignore")
    from todo_cli.cli.env import Env
    from todo_cli.cli.main import main

    env = Env.of_process()
    # All output goes through `env`. Libraries, warnings and Python itself
    # write to these two, and print nothing without them.
    sys.stdout = sys.stderr = None
    return main(arguments(), env)


def arguments() -> "list[str]":
    """Read the arguments of this process as UTF-8, in every locale.

    Other bytes become surrogates, which the rules refuse.
    """
    return [
        os.fsencode(argument).decode("utf-8", "surrogateescape")
        for argument in sys.argv[1:]
    ]


def complain(error: Exception) -> None:
    """Report that the program cannot be loaded, mostly for want of memory.

    Nothing may be imported here, as that would fail again. Where not even a
    text can be made, what is written was made before.
    """
    try:
        stream, text = _fault_of(error)
    except MemoryError:
        stream, text = (1, _NO_MEMORY_JSON)
        if "--json" not in sys.argv:
            stream, text = (2, _NO_MEMORY)
    os.write(stream, text)


def _fault_of(error: Exception) -> "tuple[int, bytes]":
    """Return the stream and the text for an error while loading."""
    if "--json" not in sys.argv:
        text = f"error: todo cannot be loaded: {error!r}\n"
        return 2, text.encode(errors="backslashreplace")
    kind = type(error).__name__
    document = (
        '{"success": false, "error": {"code": "IO_ERROR", '
        f'"message": "todo cannot be loaded: {kind}"}}}}\n'
    )
    return 1, document.encode()


def _print_version() -> None:
    """Print the version and exit, before any slow import.

    Returns if writing fails: the usual path then reports why.
    """
    try:
        os.write(1, f"todo {__version__}\n".encode())
    except OSError:
        return
    os._exit(0)


def _complete() -> None:
    """Answer Tab, or print the script that does; then exit, before slow imports.

    Returns if another form of the command was typed, or if writing fails: the
    usual path then reports why.
    """
    try:
        from todo_cli.completion import answer, scripts

        words = arguments()
        if answer.is_asked(words):
            answer.run(words)
        if len(words) != 2 or words[1] not in scripts.FILES:
            return
        os.write(1, scripts.read(words[1]).encode())
    except BaseException:  # noqa: BLE001 - see above; nobody waits for an answer
        if "--answer" not in sys.argv:
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
