"""The embedded file on disk: safe rights, safe symlinks, backup copies.

No function here reads or writes tasks.
"""

import errno
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from todo_cli.errors import ConfigInvalid, IoFailed

_MOST_STEPS: Final = 1_000
"""The most folders and symlinks on the way to a file.

A cycle of symlinks has no end.
"""

Identity = tuple[int, int]
"""Device and inode of a file.

Another file at the same path has another identity.
"""


def identify(path: Path) -> Identity | None:
    """Return the identity of the file at a path; None without a file.

    It tells apart files that replace each other at one path.
    """
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def last_change(path: Path) -> int:
    """Return the time of the last write, in nanoseconds since 1970.

    0 means that there is no file.
    """
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def holds_nothing(path: Path) -> bool:
    """Whether there is no file yet, or an empty one.

    Raises:
        ConfigInvalid: the path leads through another account's symlink.
        IoFailed: the path is not a regular file, or cannot be read.
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
    """Name what is at the path instead of a file."""
    kinds = (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
    )
    for is_kind, words in kinds:
        if is_kind(mode):
            return words
    return "a device"


def _require_readable(path: Path) -> None:
    """Raise an error if the file cannot be read.

    A driver that fails to open a file leaves a thread behind.
    """
    # `access`, not `open`: closing the file would release every lock that this
    # process holds on it (https://sqlite.org/howtocorrupt.html, 2.2).
    by_effective_id = os.access in os.supports_effective_ids
    if not os.access(path, os.R_OK, effective_ids=by_effective_id):
        words = os.strerror(errno.EACCES)
        raise PermissionError(errno.EACCES, words, str(path))


def make(path: Path) -> None:
    """Create an empty file with mode 0600 and missing folders with 0700.

    An existing file is left as it is.

    Raises:
        IoFailed: the file or a folder cannot be created.
    """
    with _local(path):
        # The user's own symlink may point to a file that does not exist yet.
        path = path.resolve()
        # Not `parents=True`: that would create the parents with the umask.
        for folder in reversed(path.parents):
            if not folder.exists():
                folder.mkdir(mode=0o700, exist_ok=True)
        # Another process may create it at the same time; one file is enough.
        with suppress(FileExistsError):
            _create(path)


def copy_aside(path: Path, version: str) -> Path:
    """Copy a database to `PATH.VERSION.bak`; return the path of the copy.

    SQLite's backup API includes the write-ahead log. The copy has mode 0600.
    An existing copy of the same version is kept: the new one gets the next
    free number.

    Raises:
        IoFailed: the copy failed; nothing is left of it.
    """
    with _local(path):
        copy = path.with_name(f"{path.name}.{version}.bak")
        attempt = 1
        while True:
            try:
                _create(copy)
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
            # Half a copy would look like a backup.
            copy.unlink()
            raise IoFailed(
                f"{path} cannot be copied aside: {error}",
                hint="nothing was changed",
            ) from error
        return copy


def _create(path: Path) -> None:
    """Create an empty file, readable and writable by its owner only.

    Raises:
        FileExistsError: something has this name, even a broken symlink.
    """
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW
    os.close(os.open(path, flags, 0o600))


def _refuse_foreign_links(path: Path) -> None:
    """Refuse symlinks of other accounts, anywhere on the way to the file.

    Whoever owns one could redirect our writes. Links of root are trusted.

    Raises:
        ConfigInvalid: there is such a symlink.
    """
    # One part at a time: `resolve` would follow a link before its owner is
    # known.
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
    """Translate an `OSError` into an error that names the path."""
    try:
        yield
    except OSError as error:
        place = error.filename if isinstance(error.filename, str) else path
        reason = (error.strerror or type(error).__name__).lower()
        raise IoFailed(
            f"{place}: {reason}",
            hint="check the path and the rights, or set TODO_DATABASE_URL",
        ) from error
