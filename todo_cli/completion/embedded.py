"""Reads an embedded file, and leaves no trace of that.

It is opened for reading alone, without locks where no other program has it
open. Nothing is made beside it, and it is never waited for.
"""

import os
from stat import S_ISLNK, S_ISREG, S_IWOTH

# Importing typing would take longer than all that is done here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

    from todo_cli.completion.statements import Statements

_ROOT: "Final" = 0
_FILES: "Final" = ("", "-wal", "-shm", "-journal")
"""How the names of the files end that SQLite opens."""
_SAFE: "Final" = frozenset(
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
)
"""What a URI has as it is."""
_SET_UP: "Final" = ("PRAGMA trusted_schema = OFF", "PRAGMA query_only = ON")

Rows = list[tuple["Any", ...]]


class Unfit(Exception):
    """The file cannot be read now, or is not to be read."""


def rows(
    path: str,
    statements: "Statements",
    name: str,
    values: "Mapping[str, Any]",
) -> Rows:
    """Run a statement on a file.

    Raises:
        Exception: it is missing, locked, broken, of another version, or may
            have been planted by somebody else.
    """
    path = _checked(path)
    log = _size(f"{path}-wal")
    # Half a change would have to be undone first.
    if _size(f"{path}-journal"):
        raise Unfit
    how = "mode=ro&immutable=1"
    if log:
        _require_own_log(path)
        how = "mode=ro&readonly_shm=1"
    before = _state(path)
    found = _selected(f"{_uri(path)}?{how}", statements, name, values)
    # Without locks, what was read meanwhile may be a mixture.
    if not log and (_state(path) != before or _size(f"{path}-wal")):
        raise Unfit
    return found


def _selected(
    uri: str,
    statements: "Statements",
    name: str,
    values: "Mapping[str, Any]",
) -> Rows:
    """Open the file, check its version, and run a statement.

    Raises:
        Exception: SQLite cannot, or the version is another one.
    """
    # Not `sqlite3`: that loads `datetime`, and more.
    import _sqlite3

    connection = _sqlite3.connect(uri, timeout=0, uri=True)
    try:
        connection.text_factory = _decoded
        for pragma in _SET_UP:
            connection.execute(pragma)
        stamps = connection.execute(statements["version"]).fetchall()
        if not stamps or stamps[0][0] not in statements.usable:
            raise Unfit
        found: Rows = connection.execute(statements[name], values).fetchall()
        return found
    finally:
        connection.close()


def _decoded(text: bytes) -> str:
    """Decode text of another program, which may be anything."""
    return text.decode("utf-8", "backslashreplace")


def _uri(path: str) -> str:
    """Return the URI of a file for SQLite, as `database/files.py` does."""
    parts = []
    for byte in os.fsencode(path):
        parts.append(chr(byte) if byte in _SAFE else f"%{byte:02X}")
    return f"file:{''.join(parts)}"


def _state(path: str) -> "tuple[int, int, int]":
    """Return what tells whether a file has changed."""
    found = os.stat(path)
    return found.st_ino, found.st_size, found.st_mtime_ns


def _size(path: str) -> int:
    """Return the size of a file; 0 without one."""
    try:
        return os.lstat(path).st_size
    except FileNotFoundError:
        return 0


# Whose it is


def _checked(path: str) -> str:
    """Check that nobody else can have planted the file; return where it is.

    Raises:
        Exception: it is missing or no file, or somebody else can have.
    """
    if not _is_plainly_ours(path):
        # The whole check, which a symlink needs.
        from pathlib import Path

        from todo_cli.database.accounts import refuse_strangers

        refuse_strangers(Path(path))
    path = os.path.realpath(path)
    found = os.stat(path)
    if not S_ISREG(found.st_mode) or not found.st_size:
        raise Unfit
    return path


def _is_plainly_ours(path: str) -> bool:
    """Whether all on the way to a file is ours or of the system, without links.

    False means that it cannot be told so easily.
    """
    part = ""
    for name in path.strip("/").split("/"):
        part += f"/{name}"
        found = os.lstat(part)
        is_odd = S_ISLNK(found.st_mode) or name == ".."
        if is_odd or not _is_own(found):
            return False
    return all(_is_safe(f"{path}{suffix}") for suffix in _FILES)


def _is_safe(path: str) -> bool:
    """Whether a file is ours, and not everybody may write to it, if it is there."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return True
    is_file = S_ISREG(found.st_mode)
    is_open = found.st_mode & S_IWOTH
    return is_file and not is_open and _is_own(found)


def _is_own(found: os.stat_result) -> bool:
    """Whether this account or the system owns a file."""
    return found.st_uid in (_ROOT, os.geteuid())


def _require_own_log(path: str) -> None:
    """Check that a log belongs to the file, as before a command.

    Raises:
        Exception: it does not, or there are several names.
    """
    from pathlib import Path

    from todo_cli.database.sidecars import refuse_foreign

    if os.stat(path).st_nlink > 1:
        raise Unfit
    refuse_foreign(Path(path))
