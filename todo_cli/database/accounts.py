"""Keep other accounts of this machine out of the embedded file.

Who may put a symlink or a file on the way to ours decides what we read and
write. So each part of the path is looked at before SQLite opens the file, and
so are the files that SQLite keeps beside it. See SECURITY.md.
"""

import errno
import os
import stat
from functools import cache
from pathlib import Path
from typing import Final

from todo_cli import disk
from todo_cli.errors import ConfigInvalid, IoFailed

_MOST_STEPS: Final = 1_000
"""The most folders and symlinks on the way to a file.

A cycle of symlinks has no end.
"""
_ROOT: Final = 0
NAMESPACE: Final = Path("/proc/self/uid_map")
"""Which accounts have a number in this user namespace, and which."""
OVERFLOW: Final = Path("/proc/sys/kernel/overflowuid")
"""The number that all other accounts show."""
MOUNTS: Final = Path("/proc/self/mountinfo")
"""The mounted disks; Linux alone has it."""
_WITHOUT_RIGHTS: Final = frozenset(
    [
        "9p",
        "cifs",
        "drvfs",
        "exfat",
        "fuseblk",
        "msdos",
        "ntfs",
        "ntfs3",
        "smb3",
        "smbfs",
        "vfat",
    ]
)
"""Types of disks that keep no rights, as those of Windows in WSL and sticks."""
_EVERYBODY_WRITES: Final = stat.S_IWOTH
_NAME_ITSELF: Final = "name the file itself in TODO_DATABASE_URL"
_NAME_A_FOLDER: Final = (
    "use a folder that only you, or a group that you trust, can write to; "
    "see SECURITY.md"
)


def refuse_strangers(path: Path) -> None:
    """Refuse what another account could have planted, and what all may write.

    A stranger is any account but this one and root. Refused are

    - a symlink of a stranger, anywhere on the way
    - a folder or file of a stranger, in a folder that everybody may write to
    - a file that everybody may write to, if everybody can reach it

    The same holds for `-wal`, `-shm` and `-journal`. A folder that a group may
    write to is accepted: whoever made it chose the group.

    Raises:
        ConfigInvalid: there is one of these; the message names it.
        IoFailed: a part of the path cannot be looked at.
    """
    file = _walk(path)
    if file is None:
        return
    with disk.explaining(file):
        folder = file.parent.stat().st_mode
        for each in (file, *disk.sidecars(file)):
            found = _status(each)
            if found is not None:
                _check_owner(each, found, folder)
                _check_rights(each, found)


def refuse_to_make(folder: Path) -> None:
    """Keep root from making anything in a folder of another account.

    With `sudo`, the home can still be the caller's. What root makes there is
    closed to its owner.

    Raises:
        IoFailed: this is root, and the folder is another account's.
    """
    uid = folder.stat().st_uid
    if os.geteuid() != _ROOT or not _is_stranger(uid):
        return
    owner = disk.owner_of(uid)
    raise IoFailed(
        f"{folder} belongs to {owner}, who could not use what root makes there",
        hint="make the folder yourself and name a file in it in "
        "TODO_DATABASE_URL; or keep root's tasks in root's home with `sudo -H`",
    )


def _walk(path: Path) -> Path | None:
    """Follow a path part by part; return where it leads, None if nowhere.

    `resolve` would follow a link before its owner is known.
    """
    waiting = list(reversed(path.parts))
    walked, folder = Path(), 0
    for _ in range(_MOST_STEPS):
        if not waiting:
            return walked
        name = waiting.pop()
        part = walked / name
        with disk.explaining(part):
            found = _status(part)
            if found is None:
                # The file can be missing, and its log be there.
                return None if waiting else part
            # `..` was entered from above.
            if name != os.pardir:
                _check_owner(part, found, folder)
            if stat.S_ISLNK(found.st_mode):
                waiting += reversed(Path(os.readlink(part)).parts)
            else:
                walked, folder = part, found.st_mode
    with disk.explaining(path):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _status(path: Path) -> os.stat_result | None:
    """Return the status of a file or symlink; None without one."""
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def _check_owner(path: Path, found: os.stat_result, folder: int) -> None:
    """Refuse a stranger's symlink, or what a stranger put into this folder.

    `folder` is the mode of the folder that the path is in.
    """
    if not _is_stranger(found.st_uid):
        return
    if stat.S_ISLNK(found.st_mode):
        raise ConfigInvalid(
            f"{path} is a symlink of another account", hint=_NAME_ITSELF
        )
    if folder & _EVERYBODY_WRITES:
        owner = disk.owner_of(found.st_uid)
        raise ConfigInvalid(
            f"{path} belongs to {owner}, and is in a folder that everybody "
            "can write to",
            hint=_NAME_A_FOLDER,
        )


def _check_rights(path: Path, found: os.stat_result) -> None:
    """Refuse a file that everybody can reach and write to."""
    if not stat.S_ISREG(found.st_mode):
        # A symlink has no rights of its own; other kinds are refused later.
        return
    if not found.st_mode & _EVERYBODY_WRITES:
        return
    if _type_of_disk(found.st_dev) in _WITHOUT_RIGHTS:
        # All of its files show the same mode, and `chmod` changes nothing.
        return
    for folder in path.parents:
        if not folder.stat().st_mode & stat.S_IXOTH:
            return
    raise ConfigInvalid(
        f"{path} can be written by everybody",
        hint=f"chmod o-w {path}",
    )


def _type_of_disk(device: int) -> str:
    """Return the type of a mounted disk, such as `ext4`; "" if not known.

    A line says `number parent MAJOR:MINOR ... - TYPE source options`.
    """
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = MOUNTS.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        before, _, after = line.partition(" - ")
        if wanted in before.split()[2:3]:
            return after.partition(" ")[0]
    return ""


def _is_stranger(uid: int) -> bool:
    """Whether an account is neither this one nor the system's."""
    return uid not in (_ROOT, os.geteuid(), unmapped_root())


@cache
def unmapped_root() -> int:
    """Return the number that root's files have in a user namespace.

    In a sandbox such as bubblewrap, root of the machine has no number of its
    own, and its files show the overflow number of the kernel. Files of other
    accounts show the same number: there, nobody can tell them apart.
    """
    try:
        table = NAMESPACE.read_text()
        overflow = int(OVERFLOW.read_text())
    except (OSError, ValueError):
        return _ROOT
    return overflow if hides_root(table, overflow) else _ROOT


def hides_root(table: str, overflow: int) -> bool:
    """Whether a table of a namespace has no place for root of the machine.

    A row says: from this number in here, from this number outside, how many.
    """
    for row in table.splitlines():
        inside, outside, count = map(int, row.split())
        if outside == 0:
            return False
        # Here the overflow number is an account of its own.
        if inside <= overflow < inside + count:
            return False
    return True
