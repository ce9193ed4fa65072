"""The embedded file on disk: safe rights, and the copy before an upgrade.

No function here reads or writes tasks.
"""

import errno
import os
import stat
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

from todo_cli import disk
from todo_cli.database import accounts
from todo_cli.errors import IoFailed

Identity = tuple[int, int]
"""Device and inode of a file.

Another file at the same path has another identity.
"""


def identify(path: Path) -> Identity | None:
    """Return the identity of the file at a path; None without a file.

    It tells apart files that replace each other at one path.
    """
    found = disk.status(path)
    if found is None:
        return None
    return found.st_dev, found.st_ino


def last_change(path: Path) -> int:
    """Return the time of the last write, in nanoseconds since 1970.

    0 means that there is no file.
    """
    found = disk.status(path)
    return 0 if found is None else found.st_mtime_ns


def uri(path: Path) -> str:
    """Return the URI of a file for SQLite; parameters can follow.

    Every `/` is escaped, too: SQLite takes `//tmp` for the name of a host.
    """
    return f"file:{quote(os.fsencode(path), safe='')}"


def holds_nothing(path: Path) -> bool:
    """Whether there is no file yet, or an empty one.

    Raises:
        ConfigInvalid: another account could have planted something here.
        IoFailed: the path is not a regular file, or cannot be read.
    """
    accounts.refuse_strangers(path)
    with disk.explaining(path):
        try:
            found = path.stat()
        except FileNotFoundError:
            return True
        if stat.S_ISREG(found.st_mode):
            _require_readable(path)
    if not stat.S_ISREG(found.st_mode):
        raise IoFailed(
            f"{path} is {disk.kind_of(found.st_mode)}, not a file",
            hint="name a file in TODO_DATABASE_URL",
        )
    return found.st_size == 0


def _require_readable(path: Path) -> None:
    """Raise an error if the file cannot be read.

    A driver that fails to open a file leaves a thread behind.
    """
    if not disk.may(path, os.R_OK):
        words = os.strerror(errno.EACCES)
        raise PermissionError(errno.EACCES, words, str(path))


def make(path: Path, *, is_named: bool = True) -> None:
    """Create an empty file with mode 0600 and missing folders with 0700.

    An existing file is left as it is. `is_named` says that a setting names
    the path; otherwise it is in the home folder.

    Raises:
        IoFailed: the file or a folder cannot be created, or this is root in
            the home of another account.
    """
    with disk.explaining(path):
        # The user's own symlink may point to a file that does not exist yet.
        path = disk.real(path)
        # In a folder that is there, a file by name is meant.
        if not is_named or not path.parent.exists():
            make_folders(path.parent)
        # Another process may create it at the same time; one file is enough.
        with suppress(FileExistsError):
            _create(path)


def make_folders(folder: Path) -> None:
    """Make a folder, and those above it that are missing, with mode 0700.

    Raises:
        IoFailed: this is root in a folder of another account.
        OSError: the system refuses.
    """
    missing = []
    there = folder
    while not there.exists():
        missing.append(there)
        there = there.parent
    accounts.refuse_to_make(there)
    # Not `parents=True`: that would create the parents with the umask.
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)


def copy_aside(path: Path, version: str) -> Path:
    """Copy a database to `PATH.VERSION.bak`; return the path of the copy.

    SQLite's backup API includes the write-ahead log. The copy has mode 0600.
    An existing copy of the same version is kept: the new one gets the next
    free number.

    Raises:
        IoFailed: the copy failed; nothing is left of it.
    """
    # Late: some Pythons lack it, and a server does not need it.
    import sqlite3

    with disk.explaining(path):
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
            trouble = disk.look(copy)
            reason = trouble.refusal.words if trouble else str(error)
            raise IoFailed(
                f"{path} cannot be copied aside: {reason}",
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
