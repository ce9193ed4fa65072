"""The environment as a value: all that the program reads of its process."""

import errno
import io
import os
import re
import select
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from todo_cli import config, disk
from todo_cli.cli.signals import Signals
from todo_cli.errors import IoFailed

if TYPE_CHECKING:
    from todo_cli.cli.paging import Running, Start
    from todo_cli.cli.parser import Parsed
    from todo_cli.cli.ready import Ready

NARROWEST: Final = 20
"""The width to draw for if the terminal says less: no table fits in it."""
_USUAL_WIDTH: Final = 80
USUAL_HEIGHT: Final = 24
_UTF_8: Final = "utf-8"
_WAIT_S: Final = 0.2
"""How long a wait to write is before it is begun again.

A signal that comes just before it begins does not end it.
"""
# What every encoding of a terminal writes alike.
_ASCII: Final = "\t\n" + bytes(range(0x20, 0x7F)).decode()


def _now() -> datetime:
    return datetime.now(UTC)


def _begin_here(_parsed: object) -> None:
    """Begin every command in this process."""


def _page_here(
    words: Sequence[str], source: int, variables: Mapping[str, str]
) -> "Running":
    """Start a pager as a child of this process."""
    # Most output needs none.
    from todo_cli.cli.pager import Pager

    return Pager(words, source, variables)


@dataclass(frozen=True, slots=True)
class Env:
    """Streams, variables, terminal, clock, folders and signals.

    Code below `main` reads these, and never the process itself.
    """

    variables: Mapping[str, str] = field(repr=False)
    cwd: Path | None
    """The working folder; None if it is gone."""
    home: Path | None
    login: str | None
    stdin: BinaryIO
    stdout: BinaryIO
    stderr: BinaryIO
    stdin_is_terminal: bool = False
    stdout_is_terminal: bool = False
    stderr_is_terminal: bool = False
    encoding: str = "utf-8"
    columns: int = _USUAL_WIDTH
    rows: int = 0
    """The height of the terminal of stdout; 0 where nothing is paged."""
    now: Callable[[], datetime] = field(default=_now)
    signals: Signals = field(default_factory=Signals)
    secrets: list[str] = field(default_factory=list, repr=False)
    """What was typed or read that nothing may show."""
    ready: "Ready | None" = field(default=None, repr=False)
    """A loop, and perhaps a connection, that were there before this command."""
    begin: "Callable[[Parsed | None], object]" = _begin_here
    """Called once, before anything is opened or printed, with the command;
    with None for a help or a mistake. In a worker of `warm` it does not
    return if the caller has to run the command itself.
    """
    page: "Start" = _page_here
    """Starts a pager in the terminal of the caller."""

    @classmethod
    def of_process(cls, encoding: str | None = None) -> "Env":
        """Read the environment of this process, once.

        `encoding` is that of standard output, if not Python's own.
        """
        signals = Signals()
        # First of all: a signal during the rest must not be lost.
        signals.install()
        # A umask such as 777 would take our files and folders from ourselves.
        os.umask(os.umask(0o077) & ~0o700)
        variables = dict(os.environ)
        stdin, stdout, stderr = _standard_streams()
        return cls(
            variables=variables,
            cwd=_cwd(),
            home=home_of(variables),
            login=login_of(variables),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            stdin_is_terminal=os.isatty(0),
            stdout_is_terminal=os.isatty(1),
            stderr_is_terminal=os.isatty(2),
            encoding=_encoding(encoding),
            columns=_columns(variables),
            rows=_rows(variables),
            signals=signals,
        )

    @property
    def can_ask(self) -> bool:
        """Whether somebody is there to answer a question.

        The question goes to stderr, and the answer comes from stdin.
        """
        if config.is_unattended(self.variables):
            return False
        return self.stdin_is_terminal and self.stderr_is_terminal

    @property
    def is_plain(self) -> bool:
        """Whether to print plain lines, without frames and escapes."""
        return config.is_plain(self.variables)

    @property
    def draws_table(self) -> bool:
        """Whether people read stdout, and not a program."""
        return self.stdout_is_terminal or config.forces_table(self.variables)

    @property
    def is_styled(self) -> bool:
        """Whether a table may have colours and other escapes.

        A pipe gets none unless FORCE_COLOR asks for them: `watch` without
        `--color` would show them as text.
        """
        is_forced = bool(self.variables.get("FORCE_COLOR"))
        return not self.is_plain and (self.stdout_is_terminal or is_forced)

    @property
    def width(self) -> int:
        """The width to draw a table for, in columns.

        It is that of TODO_FORCE_TTY, if that names one.
        """
        forced = config.forced_width(self.variables)
        return max(forced or self.columns, NARROWEST)

    def say_text(self, text: str) -> None:
        """Write a text to standard error, in the terminal's encoding."""
        self.say(text.encode(self.encoding, "backslashreplace"))

    def say(self, data: bytes) -> None:
        """Write to standard error; ignore errors.

        The terminal may be closed, and there is no other place to report it.
        """
        with suppress(OSError):
            write_all(self.stderr, data)


def write_all(stream: BinaryIO, data: bytes) -> None:
    """Write all of the data.

    One `write` of a raw stream may write only a part of it.

    Raises:
        OSError: the stream is closed, or cannot be written.
    """
    view = memoryview(data)
    while view:
        view = view[stream.write(view) :]


def unwritable(error: OSError, hint: str | None = None) -> IoFailed:
    """Return the error to raise where standard output cannot be written."""
    reason = disk.explain(error).words
    return IoFailed(f"Standard output cannot be written: {reason}", hint=hint)


def reader(number: int) -> BinaryIO:
    """Read a descriptor that this process was started with."""
    return io.BufferedReader(_Standard(number))


class _Standard(io.RawIOBase, BinaryIO):
    """A standard stream that blocks, even if it is set to non-blocking.

    Another process can set that flag, as it belongs to the pipe or terminal
    that they share. That process may need it, so it stays as it is. Here a
    call waits until it can read or write.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def fileno(self) -> int:
        return self._number

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            try:
                return os.readv(self._number, [buffer])
            except BlockingIOError:
                select.select([self._number], [], [])

    def write(self, data: Any) -> int:
        # Not more than a pipe takes at once, so that nothing blocks but the wait.
        part = memoryview(data)[: select.PIPE_BUF]
        while True:
            _, ready, _ = select.select([], [self._number], [], _WAIT_S)
            if not ready:
                continue  # and now Python has called the handler of a signal
            with suppress(BlockingIOError):
                return os.write(self._number, part)


class _Closed(io.RawIOBase, BinaryIO):
    """A stream that was closed at the start; reads and writes fail."""

    def write(self, data: object) -> int:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    def read(self, size: int = -1) -> bytes:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def _standard_streams() -> tuple[BinaryIO, BinaryIO, BinaryIO]:
    closed = _fill_standard_streams()
    stdin: BinaryIO = _Closed()
    stdout: BinaryIO = _Closed()
    stderr: BinaryIO = _Closed()
    if 0 not in closed:
        stdin = reader(0)
    if 1 not in closed:
        stdout = _Standard(1)
    if 2 not in closed:
        stderr = _Standard(2)
    return stdin, stdout, stderr


def _fill_standard_streams() -> set[int]:
    """Open the null device for 0, 1 or 2, if closed; return which were.

    Otherwise the next file or socket would get that number, and output meant
    for the terminal would go into it.
    """
    closed = set()
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            closed.add(number)
            os.open(os.devnull, os.O_RDWR)
    return closed


def _encoding(given: str | None) -> str:
    """Find the encoding of standard output, if it is not given.

    It is UTF-8 in the place of one that writes ASCII in another way, as UTF-16
    does, or that cannot escape, as `idna`: PYTHONIOENCODING can name any.
    """
    # Python's sys.stdout is None if it was closed at the start.
    ours = getattr(sys.stdout, "encoding", None)
    encoding = given or ours or _UTF_8
    try:
        written = f"{_ASCII}\udcff".encode(encoding, "backslashreplace")
    except (UnicodeError, LookupError):
        return _UTF_8
    if written != _ASCII.encode() + rb"\udcff":
        return _UTF_8
    return encoding


def _cwd() -> Path | None:
    """Return the working folder; None if it was removed."""
    try:
        return Path.cwd()
    except OSError:
        return None


def home_of(variables: Mapping[str, str]) -> Path | None:
    """Find the home folder: HOME, else the user database."""
    if home := variables.get("HOME"):
        return Path(home)
    entry = _passwd_entry()
    if entry is None or not entry[1]:
        return None
    return Path(entry[1])


def login_of(variables: Mapping[str, str]) -> str | None:
    """Find the login name: LOGNAME, USER, else the user database."""
    for name in ("LOGNAME", "USER"):
        if login := variables.get(name):
            return login
    entry = _passwd_entry()
    if entry is None:
        return None
    return entry[0]


def _passwd_entry() -> tuple[str, str] | None:
    """Look up the login name and home of the user who runs this process.

    None if the user is not in the database, as in many containers.
    """
    import pwd

    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:
        return None
    return entry.pw_name, entry.pw_dir


def _columns(variables: Mapping[str, str]) -> int:
    """Find the width to draw for.

    It is COLUMNS if that is a sensible number, else the terminal's, else 80.
    """
    given = _number(variables.get("COLUMNS", ""))
    if given > 0:
        return max(given, NARROWEST)
    # One of the three may be redirected.
    for number in (1, 2, 0):
        try:
            columns = os.get_terminal_size(number).columns
        except OSError:
            continue
        if columns > 0:
            return max(columns, NARROWEST)
    return _USUAL_WIDTH


def _rows(variables: Mapping[str, str]) -> int:
    """Find the height of the screen; 0 if stdout is none.

    It is LINES if that is a sensible number, else the terminal's, else 24.
    """
    if not os.isatty(1):
        return 0
    rows = _number(variables.get("LINES", ""))
    if rows == 0:
        with suppress(OSError):
            rows = os.get_terminal_size(1).lines
    return rows or USUAL_HEIGHT


def _number(given: str) -> int:
    """Read a number that a variable has; 0 if it has none."""
    if re.fullmatch("[0-9]{1,5}", given):
        return int(given)
    return 0
