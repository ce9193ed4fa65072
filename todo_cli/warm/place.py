"""Where the socket is: in a folder that only this user can change.

Imports nothing but `os`, which Python has loaded: every command looks here.
"""

import os
from stat import S_ISDIR

# Importing typing would cost more than looking for the socket.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Unsafe(Exception):
    """The folder belongs to somebody else, or is open to others."""


def folder_of(variables: "Mapping[str, str]") -> str:
    """Return the folder: `$XDG_RUNTIME_DIR/todo`, or one in /tmp."""
    runtime = variables.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/"):
        return f"{runtime}/todo"
    # Fixed, since TMPDIR differs between the sessions of a user.
    return f"/tmp/todo-{os.geteuid()}"  # noqa: S108 - `check` looks whose it is


def socket_of(folder: str) -> str:
    """Return the path of the socket on which the parent accepts."""
    return f"{folder}/warm.sock"


def lock_of(folder: str) -> str:
    """Return the path of the file that the parent keeps locked.

    It holds the parent's process number.
    """
    return f"{folder}/warm.lock"


def check(folder: str) -> None:
    """Check that nobody else can have made or changed what is in the folder.

    Raises:
        Unsafe: it is a symlink or a file, another user's, or open to others.
        OSError: there is none.
    """
    found = os.lstat(folder)
    if not S_ISDIR(found.st_mode):
        raise Unsafe(f"{folder} is not a folder")
    if found.st_uid != os.geteuid():
        raise Unsafe(f"{folder} belongs to another user")
    if found.st_mode & 0o077:
        raise Unsafe(f"{folder} is open to other users")
