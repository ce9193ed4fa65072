"""Where the socket is: in a folder that only this user can change.

Imports nothing but what Python has loaded: every command looks here.
"""

import os
import sys
from stat import S_ISDIR, S_ISSOCK

# Importing typing would cost more than looking for the socket.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Mapping


class Unsafe(Exception):
    """The folder belongs to somebody else, or is open to others.

    Its arguments are what is wrong, and what to do about it.
    """


_OWN = "set XDG_RUNTIME_DIR to a folder of your own"


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
        raise Unsafe(f"{folder} is not a folder", _OWN)
    if found.st_uid != os.geteuid():
        raise Unsafe(f"{folder} belongs to another user", _OWN)
    if found.st_mode & 0o077:
        hint = f"`chmod go-rwx {folder}`"
        raise Unsafe(f"{folder} is open to other users", hint)


def open_lock(folder: str) -> int:
    """Open the file that the parent keeps locked; it is made if needed.

    Raises:
        Unsafe: it is a link, or another user's.
        OSError: it cannot be opened.
    """
    how = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    number = os.open(lock_of(folder), how, 0o600)
    found = os.fstat(number)
    if found.st_uid != os.geteuid() or found.st_nlink != 1:
        os.close(number)
        raise Unsafe(f"{lock_of(folder)} belongs to another user", _OWN)
    return number


def take_lock(number: int) -> bool:
    """Lock the open file, if nobody else has; it ends with the process."""
    import fcntl

    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def sweep(folder: str) -> None:
    """Remove the socket of a parent that was killed.

    Does nothing while a parent is there, or where anything is in the way.
    """
    try:
        number = open_lock(folder)
    except (OSError, Unsafe):
        return
    try:
        path = socket_of(folder)
        if take_lock(number) and S_ISSOCK(os.lstat(path).st_mode):
            os.unlink(path)
    except OSError:
        pass  # it is gone already
    finally:
        os.close(number)


def user_of(line: "_socket.socket") -> int:
    """Return the user who runs the other side of a connection.

    Raises:
        OSError: the system does not say.
    """
    import _socket

    if sys.platform == "darwin":
        # struct xucred: its version, the user, and the groups.
        local, peer = 0, 1
        says = line.getsockopt(local, peer, 76)
        return int.from_bytes(says[4:8], sys.byteorder)
    # struct ucred: process, user, group.
    says = line.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)
    return int.from_bytes(says[4:8], sys.byteorder)
