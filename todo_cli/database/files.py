"""The embedded file: made with safe rights, never behind somebody else's
symlink, copied aside before an upgrade.
"""

import errno
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from todo_cli.errors import ConfigInvalid, IoFailed

_MOST_STEPS: Final = 1_000
"""Folders and symlinks on the way to a file; a circle of symlinks has no
end.
"""

Identity = tuple[int, int]
"""Device and number of a file: another file at the same path has another
one.
"""


def identify(path: Path) -> Identity | None:
    """Tell files apart that come and go at a path; None where there is
    none.
    """
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def last_change(path: Path) -> int:
    """When a file was written to last, in nanoseconds; 0 where there is
    none.
    """
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def holds_nothing(path: Path) -> bool:
    """Whether there is no file yet, or an empty one.

    Raises:
        ConfigInvalid: the path leads through a symlink of another account.
        IoFailed: something that is not a file is in the way.
    """
    _refuse_foreign_links(path)
    with _local(path):
        try:
            found = path.stat()
        except FileNotFoundError:
            return True
        if stat.S_ISREG(found.st_mode):
            _require_readable(path)
    if not stat.S_ISREG(found.st_mode):
        raise IoFailed(
            f"{path} is {_kind(found.st_mode)}, not a file",
            hint="name a file in TODO_DATABASE_URL",
        )
    return found.st_size == 0


def _kind(mode: int) -> str:
    """What stands in the place of a file."""
    kinds = (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
    )
    return next(
        (words for is_kind, words in kinds if is_kind(mode)), "a device"
    )


def _require_readable(path: Path) -> None:
    """Find out early: a driver that fails to open leaves a thread behind.
    Never by opening the file, as closing it again would let go of every lock
    that this process holds on it (https://sqlite.org/howtocorrupt.html,
    2.2)."""
    if not os.access(
        path, os.R_OK, effective_ids=os.access in os.supports_effective_ids
    ):
        raise PermissionError(
            errno.EACCES, os.strerror(errno.EACCES), str(path)
        )


def make(path: Path) -> None:
    """Make an empty file of mode 0600, and missing folders of mode 0700; a
    file that is there stays as it is.
    """
    with _local(path):
        path = (
            path.resolve()
        )  # one's own symlink to a file that is not there yet
        for folder in [
            folder for folder in reversed(path.parents) if not folder.exists()
        ]:
            folder.mkdir(mode=0o700, exist_ok=True)
        try:
            os.close(
                os.open(
                    path,
                    os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW,
                    0o600,
                )
            )
        except FileExistsError:
            return


def copy_aside(path: Path, version: str) -> Path:
    """Copy a database by SQLite's backup API, its write-ahead log included, to
    `PATH.VERSION.bak`, mode 0600.

    A copy of the same version that is there already is kept, and the new one
    gets the next free number.
    """
    with _local(path):
        copy = path.with_name(f"{path.name}.{version}.bak")
        attempt = 1
        while True:
            try:
                os.close(
                    os.open(
                        copy,
                        os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW,
                        0o600,
                    )
                )
                break
            except FileExistsError:
                attempt += 1
                copy = path.with_name(f"{path.name}.{version}.{attempt}.bak")
        try:
            with (
                closing(sqlite3.connect(path)) as source,
                closing(sqlite3.connect(copy)) as target,
            ):
                source.backup(target)
        except sqlite3.Error as error:
            copy.unlink()
            raise IoFailed(
                f"{path} cannot be copied aside: {error}",
                hint="nothing was changed",
            ) from error
        return copy


def _refuse_foreign_links(path: Path) -> None:
    """Refuse a symlink that neither this account nor the system made, anywhere
    on the way to the file.
    """
    waiting = list(reversed(path.parts))
    walked = Path()
    for _ in range(_MOST_STEPS):
        if not waiting:
            return
        part = walked / waiting.pop()
        with _local(part):
            try:
                found = part.lstat()
            except FileNotFoundError:
                return
            if not stat.S_ISLNK(found.st_mode):
                walked = part
                continue
            if found.st_uid not in (0, os.geteuid()):
                raise ConfigInvalid(
                    f"{part} is a symlink of another account",
                    hint="name the file itself in TODO_DATABASE_URL",
                )
            waiting += reversed(Path(os.readlink(part)).parts)
    with _local(path):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


@contextmanager
def _local(path: Path) -> Iterator[None]:
    """Turn a fault of the disk into words that name the path."""
    try:
        yield
    except OSError as error:
        place = error.filename if isinstance(error.filename, str) else path
        reason = (error.strerror or type(error).__name__).lower()
        raise IoFailed(
            f"{place}: {reason}",
            hint="check the path and the rights, or set TODO_DATABASE_URL",
        ) from error
