"""Opens a text in the caller's editor, as git does, and never loses it."""

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from todo_cli import disk, form, redact
from todo_cli.cli import limits, modes
from todo_cli.cli.env import Env
from todo_cli.cli.loop import in_thread
from todo_cli.config import is_dumb, is_unattended
from todo_cli.errors import ConfigInvalid, IoFailed, TodoError, Usage

VARIABLES: Final = ("VISUAL", "EDITOR")
"""What names the editor; the first that is set wins."""
_USUAL: Final = "vi"
_SET_IT: Final = "set VISUAL or EDITOR to an editor that is installed"
_WAITING: Final = {
    "atom": ("--wait", "-w"),
    "code": ("--wait", "-w"),
    "code-insiders": ("--wait", "-w"),
    "codium": ("--wait", "-w"),
    "cursor": ("--wait", "-w"),
    "gedit": ("--wait", "-w"),
    "gvim": ("--nofork", "-f"),
    "kate": ("--block", "-b"),
    "mate": ("--wait", "-w"),
    "mvim": ("--nofork", "-f"),
    "subl": ("--wait", "-w"),
    "windsurf": ("--wait", "-w"),
    "zed": ("--wait", "-w"),
}
"""Editors in windows, and the options with which they run until it is closed."""
_PATIENCE_S: Final = 1.0
"""How long an editor may take to end after SIGTERM."""
_TEMPORARY: Final = ("XDG_RUNTIME_DIR", "TMPDIR")
"""What names a folder for a while; the first that can be used wins."""
_ELSE: Final = "/tmp"  # noqa: S108 - `mkdtemp` makes a folder of ours in it
_OWNER_ONLY: Final = 0o600


class Editor(NamedTuple):
    """A program that edits files."""

    words: list[str]
    """The program and its arguments; the file follows."""
    source: str
    """The variable that names it; "" for the usual one."""


def find(env: Env) -> Editor:
    """Choose the editor: VISUAL, else EDITOR, else vi at a terminal.

    Raises:
        Usage: nobody is there, or no variable names one where vi would not
            do: off a terminal, or at one that only prints lines.
        ConfigInvalid: the variable cannot be read.
    """
    if is_unattended(env.variables):
        raise Usage(
            "Nobody is there to edit: TODO_NO_INPUT or CI is set",
            hint="name a file with the text by --form, or use `todo update`",
        )
    for name in VARIABLES:
        value = env.variables.get(name, "")
        if value.strip():
            return Editor(_split(name, value), name)
    if not _is_at_terminal(env):
        raise Usage(
            "No editor is set, and this is not a terminal",
            hint="set VISUAL or EDITOR, or use `todo update`",
        )
    if is_dumb(env.variables):
        raise Usage(
            "No editor is set, and `vi` cannot draw its screen: TERM is dumb",
            hint="set VISUAL or EDITOR to one that does without, such as `ed`",
        )
    return Editor([_USUAL], "")


def _split(name: str, value: str) -> list[str]:
    """Split a command into its words, as a shell does.

    Raises:
        ConfigInvalid: a quote has no end.
    """
    try:
        return shlex.split(value)
    except ValueError:
        shown = redact.shown(value)
        raise ConfigInvalid(
            f"{name} is `{shown}`: a quote has no end", hint=_SET_IT
        ) from None


def _is_at_terminal(env: Env) -> bool:
    """Whether an editor can draw its screen, and somebody sees it."""
    is_seen = env.stdout_is_terminal or env.stderr_is_terminal
    return env.stdin_is_terminal and is_seen


def hint_to_wait(editor: Editor) -> str:
    """Advise, if need be, on an editor that ends at once, while its window is open.

    What people save there later gets lost.
    """
    program, *options = editor.words
    name = os.path.basename(program)
    waiting = _WAITING.get(name, ())
    if not waiting or not set(waiting).isdisjoint(options):
        return ""
    command = shlex.join([*editor.words, waiting[0]])
    return f"`{name}` does not wait; set {editor.source} to `{command}`"


class Desk:
    """A private folder with a text, while somebody edits it.

    An editor may write the file anew, and put others beside it: backups, swap
    files. All are in the folder, which is removed at the end, or kept.
    """

    def __init__(self, env: Env, name: str, text: bytes) -> None:
        self._env = env
        self._name = name
        self._text = text
        self._folder = Path()
        self._has_begun = False
        """Whether an editor was started."""
        self._is_kept = False

    def __enter__(self) -> Self:
        """Make the folder and the file.

        Raises:
            IoFailed: the disk refuses.
        """
        self._folder = _make_folder(self._env)
        try:
            with disk.explaining(self._file):
                number = os.open(self._file, os.O_CREAT | os.O_WRONLY, 0o600)
                with open(number, "wb") as file:
                    file.write(self._text)
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the folder, unless it is kept."""
        if not self._is_kept:
            self._remove()

    @property
    def _file(self) -> Path:
        return self._folder / self._name

    def _remove(self) -> None:
        # The text by its name, which needs no descriptor: none may be left.
        with suppress(OSError):
            self._file.unlink()
            self._folder.rmdir()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def edit(self, editor: Editor) -> int:
        """Run the editor; return its exit status, -n if signal n ended it.

        It has the terminal meanwhile: Ctrl-C is its own. If this is
        cancelled, it is ended, too.

        Raises:
            ConfigInvalid: it cannot be started.
        """
        env = self._env
        with env.signals.left_to_another(), _terminal_kept():
            process = self._start(editor)
            self._has_begun = True
            try:
                return await in_thread(process.wait)
            finally:
                _end(process)

    def _start(self, editor: Editor) -> "subprocess.Popen[bytes]":
        """Start the editor with our streams.

        Its screen does not belong in the result of the command, if stdout is
        not the terminal: then it goes to stderr.

        Raises:
            ConfigInvalid: there is no such program.
            IoFailed: no more programs can be started.
        """
        env = self._env
        stdout = None
        if not env.stdout_is_terminal:
            stdout = 2
        try:
            return subprocess.Popen(  # noqa: S603 - the caller's own choice
                [*editor.words, self._file],
                stdout=stdout,
                cwd=env.cwd,
                env=env.variables,
            )
        except (OSError, ValueError) as error:
            # `main` names the limit.
            if limits.exceeded(error) is not None:
                raise
            raise _not_started(editor, error) from error

    def read(self) -> bytes:
        """Read the text; empty if the file is gone.

        Raises:
            IoFailed: it cannot be read, or is no file: a pipe could be silent.
        """
        if os.path.lexists(self._file) and not self._file.is_file():
            raise IoFailed(f"{self._file} is not a file any more")
        return read_text(self._file, is_needed=False)

    def has_text(self) -> bool:
        """Whether there is something to keep: the text differs.

        Or the editor was ended, and left a file to recover from.
        """
        if not self._has_begun:
            return False
        try:
            text = self.read()
            others = {each.name for each in self._folder.iterdir()}
        except (IoFailed, OSError):
            return self._folder.exists()
        others -= {self._name, f"{self._name}~"}
        is_changed = text != self._text and not form.is_blank(text)
        return is_changed or bool(others)

    def keep(self) -> Path:
        """Move the folder to where it stays; return the path of the text.

        It stays where it is if the disk there refuses. If the editor has left
        no text under its name, the path is that of the folder.
        """
        self._is_kept = True
        # What a symlink leads to is not ours.
        if not self._file.is_symlink():
            with suppress(OSError):
                self._file.chmod(_OWNER_ONLY)
        self._folder = _moved(self._folder, self._env) or self._folder
        return self._file if self._file.is_file() else self._folder


def read_text(path: Path, *, is_needed: bool = True) -> bytes:
    """Read a form, and one byte more of one that is too long.

    Raises:
        IoFailed: it cannot be read; or it is gone, and needed.
    """
    try:
        with disk.explaining(path), path.open("rb") as file:
            return file.read(form.MOST_BYTES + 1)
    except IoFailed:
        if is_needed or os.path.lexists(path):
            raise
        return b""


def _make_folder(env: Env) -> Path:
    """Make a private folder, which only its owner can enter.

    Raises:
        IoFailed: there is no folder for it, or the disk refuses.
    """
    places = [env.variables.get(name, "") for name in _TEMPORARY]
    for place in places:
        with suppress(OSError):
            if os.path.isabs(place):
                return Path(tempfile.mkdtemp(prefix="todo-", dir=place))
    with disk.explaining(Path(_ELSE)):
        return Path(tempfile.mkdtemp(prefix="todo-", dir=_ELSE))


def _moved(folder: Path, env: Env) -> Path | None:
    """Move a folder to where texts are kept; None if that fails."""
    # Late: hardly any call keeps a text.
    from todo_cli.database import files

    state = _state_folder(env)
    if state is None:
        return None
    place: Path | None = None
    try:
        files.make_folders(state)
        place = Path(tempfile.mkdtemp(prefix="edit-", dir=state))
        shutil.copytree(folder, place, symlinks=True, dirs_exist_ok=True)
    except (OSError, IoFailed):
        if place is not None:
            shutil.rmtree(place, ignore_errors=True)
        return None
    shutil.rmtree(folder, ignore_errors=True)
    return place


def _state_folder(env: Env) -> Path | None:
    """Return where this program keeps texts; None without a home."""
    named = env.variables.get("XDG_STATE_HOME", "")
    if os.path.isabs(named):
        return Path(named, "todo")
    if env.home is None:
        return None
    return env.home / ".local" / "state" / "todo"


def _not_started(editor: Editor, error: Exception) -> TodoError:
    """Return the error for an editor that cannot be started."""
    if isinstance(error, BlockingIOError):
        return IoFailed(
            "No more programs can be started",
            hint="end some programs, or raise the limit (`ulimit -u`)",
        )
    reason = str(error)
    if isinstance(error, OSError):
        reason = (error.strerror or type(error).__name__).lower()
    if isinstance(error, FileNotFoundError):
        reason = "there is no such program"
    shown = redact.shown(shlex.join(editor.words))
    problem = f"`{shown}` cannot be started: {reason}"
    if editor.source:
        problem = f"{editor.source}: {problem}"
    return ConfigInvalid(problem, hint=_SET_IT)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End an editor that still runs, so that it can save what it has."""
    if process.poll() is not None:
        return
    process.terminate()
    # One that Ctrl-Z has stopped goes on, and ends.
    process.send_signal(signal.SIGCONT)
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def _terminal_kept() -> Iterator[None]:
    """Put the attributes of the terminal back, if the editor leaves others.

    One that a signal ends may leave a terminal that shows no typing.
    """
    before = modes.attributes(0)
    try:
        yield
    finally:
        modes.put_back(0, before)
