"""The environment as a value: all that the program reads of the process it
runs in.
"""

import errno
import io
import os
import select
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

from todo_cli.cli.signals import Signals

NARROWEST: Final = 20
"""The width to draw for where the terminal claims less: no table fits
there.
"""
_USUAL_WIDTH: Final = 80


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Env:
    """Streams, variables, terminal, clock, folders and signals. Nothing below
    `main` reads the process itself.
    """

    variables: Mapping[str, str] = field(repr=False)
    cwd: Path
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
    now: Callable[[], datetime] = field(default=_now)
    signals: Signals = field(default_factory=Signals)

    @classmethod
    def of_process(cls) -> "Env":
        """Read the environment of this process, once."""
        signals = Signals()
        signals.install()
        closed = _fill_standard_streams()
        variables = dict(os.environ)
        return cls(
            variables=variables,
            cwd=_cwd(),
            home=_home(variables),
            login=_login(variables),
            stdin=_Closed()
            if 0 in closed
            else io.BufferedReader(_Standard(0)),
            stdout=_Closed() if 1 in closed else _Standard(1),
            stderr=_Closed() if 2 in closed else _Standard(2),
            stdin_is_terminal=os.isatty(0),
            stdout_is_terminal=os.isatty(1),
            stderr_is_terminal=os.isatty(2),
            encoding=(sys.stdout and sys.stdout.encoding) or "utf-8",
            columns=_columns(variables),
            signals=signals,
        )

    def say(self, data: bytes) -> None:
        """Write to standard error, if that still works: the terminal may be
        closed.
        """
        with suppress(OSError):
            write_all(self.stderr, data)


def write_all(stream: BinaryIO, data: bytes) -> None:
    """Write all of the data; one call to a raw stream may write only a
    part.
    """
    view = memoryview(data)
    while view:
        view = view[stream.write(view) :]


class _Standard(io.RawIOBase, BinaryIO):
    """A standard stream that blocks even where another process made it
    non-blocking.

    That flag belongs to the pipe or terminal, and other processes may need it,
    so it stays as it is. A call that cannot read or write yet waits; only an
    empty read is the end of input.
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
        while True:
            try:
                return os.write(self._number, data)
            except BlockingIOError:
                select.select([], [self._number], [])


class _Closed(io.RawIOBase, BinaryIO):
    """A stream that was closed when the process started; it fails like a
    closed descriptor.
    """

    def write(self, data: object) -> int:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    def read(self, size: int = -1) -> bytes:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def _fill_standard_streams() -> set[int]:
    """Open the null device where 0, 1 or 2 is closed: the next file or socket
    would get that number.
    """
    closed = set()
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            closed.add(number)
            os.open(os.devnull, os.O_RDWR)
    return closed


def _cwd() -> Path:
    try:
        return Path.cwd()
    except OSError:  # the folder was removed
        return Path("/")


def _home(variables: Mapping[str, str]) -> Path | None:
    if home := variables.get("HOME"):
        return Path(home)
    entry = _passwd_entry()
    return Path(entry[1]) if entry and entry[1] else None


def _login(variables: Mapping[str, str]) -> str | None:
    for name in ("LOGNAME", "USER"):
        if login := variables.get(name):
            return login
    entry = _passwd_entry()
    return entry[0] if entry else None


def _passwd_entry() -> tuple[str, str] | None:
    import pwd

    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:
        return None
    return entry.pw_name, entry.pw_dir


def _columns(variables: Mapping[str, str]) -> int:
    """The width to draw for: COLUMNS if it is a sensible number, else the
    terminal's, else 80.
    """
    given = variables.get("COLUMNS", "")
    if (
        given.isascii()
        and given.isdigit()
        and len(given) < 6
        and int(given) > 0
    ):
        return max(int(given), NARROWEST)
    for number in (1, 2, 0):
        try:
            columns = os.get_terminal_size(number).columns
        except OSError:
            continue
        if columns > 0:
            return max(columns, NARROWEST)
    return _USUAL_WIDTH
