"""Look up a password in libpq's file, `~/.pgpass`.

asyncpg's own reader fails at a line that is too short or not UTF-8, and keeps
the backslash of `\\:`.
https://www.postgresql.org/docs/current/libpq-pgpass.html
"""

import re
import stat
from pathlib import Path
from typing import Final

from todo_cli.database.url import PostgresTarget

_FIELD: Final = r"((?:\\.|[^\\:])*)"
_LINE: Final = re.compile(":".join([_FIELD] * 4) + ":(.*)", re.DOTALL)
"""Host, port, database, user and password."""
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
"""libpq ignores a file with any of these rights, as SSH does with a key."""
_USUAL_FOLDERS: Final = (
    "/run/postgresql",
    "/var/run/postgresql",
    "/tmp",  # noqa: S108 - only compared
)
"""The folder of sockets that a libpq is built with is one of these."""
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


def find_password(target: PostgresTarget) -> str | None:
    """Return the password for the target's first host; None if there is none.

    Like libpq, ignore a file that is missing, unreadable or open to others.
    """
    if target.password_file is None:
        return None
    entries = []
    for line in _lines(target.password_file):
        found = _LINE.fullmatch(line)
        if found is not None and not line.startswith("#"):
            entries.append([_plain(field) for field in found.groups()])
    host, _ = target.hosts[0]
    for names in _names(host):
        for *fields, password in entries:
            if _fits(fields, names, target):
                return password
    return None


def closing_hint(target: PostgresTarget) -> str | None:
    """Say how to have the file used, if its rights are why it is ignored."""
    path = target.password_file
    if target.password is not None or path is None:
        return None
    try:
        mode = path.stat().st_mode
    except OSError:
        return None
    if not stat.S_ISREG(mode) or not mode & _OTHERS:
        return None
    return f"`{path}` is ignored, because others can use it: chmod 600 {path}"


def _names(host: str) -> list[set[str]]:
    """Return what a host is called there; a later set is for want of an earlier.

    A Unix socket is called `localhost` where libpq looks for it by itself.
    Drivers such as asyncpg call every socket so.
    """
    if not host.startswith("/"):
        return [{host}]
    if host in _USUAL_FOLDERS:
        return [{host, "localhost"}]
    return [{host}, {"localhost"}]


def _fits(fields: list[str], hosts: set[str], target: PostgresTarget) -> bool:
    """Whether a line is for this target; `*` fits everything."""
    _, port = target.hosts[0]
    user = target.user or ""
    database = target.database or user
    wanted = (hosts, {str(port)}, {database}, {user})
    for text, names in zip(fields, wanted, strict=True):
        if text != "*" and text not in names:
            return False
    return True


def _lines(path: Path) -> list[str]:
    """Read the lines of a file that only we can read."""
    try:
        mode = path.stat().st_mode
        # Reading a pipe or a device could last for ever.
        if not stat.S_ISREG(mode) or mode & _OTHERS:
            return []
        # A line that is not UTF-8 has a wrong password at worst.
        text = path.read_bytes().decode(errors="replace")
    except OSError:
        return []
    return re.split(r"\r?\n", text)


def _plain(text: str) -> str:
    """Remove the backslashes that hide `:` and `\\`."""
    return _ESCAPED.sub(r"\1", text)
