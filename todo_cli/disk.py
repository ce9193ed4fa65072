"""What the system says about files, in words: full disks, limits, rights.

An error of the system has a number (errno), and `explain` has words for it.
SQLite hides that number. So after an error of SQLite, `look` tries at the same
place what SQLite had to do, and explains what the system says to that.
"""

import errno
import grp
import os
import pwd
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import Final, NamedTuple

from todo_cli.errors import IoFailed

SIDECARS: Final = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a file: its log, the index of that, a journal."""

WRITTEN_BY_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH
"""The rights of group and others to write."""
_CHECK_RIGHTS: Final = "check the rights on the file and its folder"
_CHECK_PATH: Final = "check the path and the rights"
_PROBE: Final = bytes(65_536)
"""What is written to find out what stops SQLite.

It is more than the smallest `-shm` and a transaction of some pages.
"""
_LONGEST_PATH: Final = 512
"""The most bytes of a path, unless SQLite was built for more."""
_SMALLEST_INDEX: Final = 32_768
"""The bytes of the smallest `-shm` that SQLite uses."""
_MAGIC: Final = b"SQLite format 3\0"
"""How a database of SQLite begins."""
_HEAD: Final = 1_024
"""How many bytes tell text from other data."""
_INHERITED: Final = re.compile(
    r"//?dev/stdin|//?(?:dev|proc/self)/fd/([0-9]{1,7})"
)
_DESCRIPTORS: Final = 4
"""How many files SQLite opens: the database, `-wal`, `-shm`, `-journal`."""


class Refusal(NamedTuple):
    """What the system refuses, and what to do about it."""

    words: str
    hint: str


class Trouble(NamedTuple):
    """What is wrong with a file or folder."""

    place: Path
    refusal: Refusal

    def error(self) -> "DiskFailed":
        """Return the error to raise; it names the place."""
        words, hint = self.refusal
        return DiskFailed(f"{self.place}: {words}", hint=hint)


class Room(NamedTuple):
    """What a disk has left; see `room_of`."""

    free_bytes: int
    has_counted: bool
    """Whether it knows its size: some file systems say 0 of 0."""
    free_inodes: int | None
    """None if the file system does not count them."""
    is_read_only: bool

    def lacks(self, wanted: int) -> bool:
        """Whether fewer bytes than that are certainly free."""
        return self.has_counted and self.free_bytes < wanted


class DiskFailed(IoFailed):
    """A disk, a file or a limit of the system refuses; the hint says why."""


_WORDS: Final[Mapping[int, Refusal]] = {
    errno.ENOSPC: Refusal("the disk is full", "make room and try again"),
    errno.EDQUOT: Refusal(
        "your quota of the disk is used up", "delete some files and try again"
    ),
    errno.EROFS: Refusal(
        "read-only file system",
        "mount it for writing, or use a file on another disk",
    ),
    errno.EMFILE: Refusal(
        "too many open files", "raise the limit (`ulimit -n`) and try again"
    ),
    errno.ENFILE: Refusal(
        "too many open files in the whole system",
        "end some programs and try again",
    ),
    errno.EFBIG: Refusal(
        "the file may not become that large",
        "raise the limit (`ulimit -f`) and try again",
    ),
    errno.EIO: Refusal(
        "the disk reports an error",
        "check the disk, for example with `dmesg`",
    ),
    errno.ESTALE: Refusal(
        "the network drive has lost this file", "mount the drive again"
    ),
    errno.ENOMEM: Refusal(
        "not enough memory", "end some programs and try again"
    ),
    errno.ENOLCK: Refusal(
        "the file cannot be locked",
        "use a file on a local disk",
    ),
}
_NO_INODES: Final = Refusal(
    "the disk can hold no more files (no free inodes)",
    "delete some files and try again",
)


def explain(error: OSError, place: Path | None = None) -> Refusal:
    """Say what the system refuses; `place` is the file or folder."""
    if error.errno == errno.ENOSPC and place is not None:
        return _NO_INODES if _lacks_inodes(place) else _WORDS[errno.ENOSPC]
    if error.errno is not None and error.errno in _WORDS:
        return _WORDS[error.errno]
    words = (error.strerror or type(error).__name__).lower()
    return Refusal(words, _CHECK_PATH)


@contextmanager
def explaining(path: Path) -> Iterator[None]:
    """Translate an `OSError` into an error that names the path.

    Raises:
        DiskFailed: the block raised an `OSError`.
    """
    try:
        yield
    except OSError as error:
        raise trouble_of(error, path).error() from error


def trouble_of(error: OSError, path: Path) -> Trouble:
    """Name what the system refuses, and where: the error's file, or `path`."""
    place = path
    if isinstance(error.filename, str):
        place = Path(error.filename)
    return Trouble(place, explain(error, place))


def kind_of(mode: int) -> str:
    """Name what is at a path instead of a file."""
    kinds = (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
    )
    for is_kind, words in kinds:
        if is_kind(mode):
            return words
    return "a device"


def inherited_stream(path: Path, mode: int) -> int | None:
    """Return the descriptor of a pipe or socket that a path names.

    A shell passes the output of a program so, as in `todo import
    <(task export)`, which becomes `/dev/fd/63`. Some shells make sockets.
    None for any other path: a pipe with a name of its own could block.
    """
    found = _INHERITED.fullmatch(str(path))
    is_stream = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
    if found is None or not is_stream:
        return None
    return int(found[1] or 0)


def rights(mode: int) -> str:
    """Write the rights of a file as `chmod` takes them, such as `0600`.

    The first digit is for the sticky bit and the like.
    """
    return f"{stat.S_IMODE(mode):04o}"


def owner_of(uid: int) -> str:
    """Name an account: `ada`, or its number if it has no name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def group_of(gid: int) -> str:
    """Name a group, or give its number if it has no name."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return f"gid {gid}"


def beside(path: Path, suffix: str) -> Path:
    """Return the path of a file that SQLite keeps beside another."""
    return path.with_name(path.name + suffix)


def sidecars(path: Path) -> list[Path]:
    """Return every path at which SQLite keeps something beside a file."""
    return [beside(path, suffix) for suffix in SIDECARS]


def real(path: Path) -> Path:
    """Return where a path leads, as far as that exists.

    `Path.resolve` raises RuntimeError for a cycle of symlinks.
    """
    return Path(os.path.realpath(path))


def below(cwd: Path | None, name: str) -> Path:
    """Return the path that a name means in the working folder.

    Raises:
        DiskFailed: the name is relative, and there is no such folder.
    """
    if cwd is not None:
        return cwd / name
    if name.startswith("/"):
        return Path(name)
    raise DiskFailed(
        "The working folder is gone, so a relative path means nothing",
        hint="go to another folder (`cd`), or name a path from `/` on",
    )


# A SQLite file


def begins_as(path: Path) -> bytes:
    """Return the first bytes of a file; nothing if it cannot be read.

    Not for the store in use: see `may`.
    """
    found = status(path)
    if found is None or not stat.S_ISREG(found.st_mode):
        return b""
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""


def is_database(path: Path) -> bool:
    """Whether a file is a database of SQLite; not for the store in use."""
    return begins_as(path).startswith(_MAGIC)


def is_text(path: Path) -> bool:
    """Whether a file may hold text; not for the store in use."""
    head = begins_as(path)
    return bool(head) and b"\0" not in head


def is_at_rest(path: Path) -> bool:
    """Whether the file alone holds all changes, without log and journal.

    Then it can be read by itself, as long as no program writes to it.
    """
    path = real(path)
    for suffix in ("-wal", "-journal"):
        found = status(beside(path, suffix))
        if found is None:
            continue
        if found.st_size > 0 or not stat.S_ISREG(found.st_mode):
            return False
    return True


def has_other_names(path: Path) -> bool:
    """Whether a file has hard links."""
    found = status(path)
    return (
        found is not None
        and stat.S_ISREG(found.st_mode)
        and found.st_nlink > 1
    )


def look_at_names(path: Path) -> Trouble | None:
    """Look for other names of a file, which must not be written then.

    SQLite finds the log by the name of the file. So programs that use two names
    of one file do not see each other's changes, and overwrite them.
    """
    path = real(path)
    if has_other_names(path):
        words = (
            f"it has {path.stat().st_nlink} names (hard links), and a change "
            "under one can get lost under another"
        )
        hint = (
            "end all programs that use it, `todo serve` too; "
            f"{_one_name(path)}"
        )
        return Trouble(path, Refusal(words, hint))
    if _is_mounted_alone(path):
        words = "it is mounted without its folder, and so without its log"
        hint = "mount its folder instead, for example with `-v` of Docker"
        return Trouble(path, Refusal(words, hint))
    return None


def _is_mounted_alone(path: Path) -> bool:
    """Whether a file is on another mount than its folder; Linux alone tells."""
    own, folder = _mount_of(path), _mount_of(path.parent)
    return own != folder and None not in (own, folder)


def _mount_of(path: Path) -> str | None:
    """Return the number of the mount that a path is on; None if unknown."""
    only_name = getattr(os, "O_PATH", None)
    if only_name is None:
        return None
    try:
        # To close such a descriptor releases no lock of this process.
        descriptor = os.open(path, only_name)
        try:
            told = Path(f"/proc/self/fdinfo/{descriptor}").read_text()
        finally:
            os.close(descriptor)
    except OSError:
        return None
    found = re.search(r"^mnt_id:\s*([0-9]+)$", told, re.MULTILINE)
    return found and found[1]


def _one_name(path: Path) -> str:
    """Say how to give this name of a file a file of its own."""
    kept = []
    for each in (path, beside(path, "-wal"), beside(path, "-journal")):
        if size(each) > 0:
            kept.append(each.name)
    if len(kept) > 1:
        # A copy without them would lack the last changes.
        names = " and ".join(kept)
        return f"if {names} are still there, {_copy_both(names)}"
    name, copy = quote(str(path)), quote(f"{path}.new")
    return f"then `cp {name} {copy} && mv {copy} {name}`"


def look(path: Path) -> Trouble | None:
    """Find out why SQLite cannot use a file; None if nothing is wrong.

    Nothing is changed: what is written has no name, and is gone at once.
    """
    path = real(path)
    of_file = _look_at_kinds(path) or look_at_names(path)
    if of_file is not None:
        return of_file
    try:
        trouble = look_at_rights(path) or _look_at_room(path)
    except OSError as error:
        trouble = Trouble(path, explain(error, path))
    if trouble is None:
        return _look_at_length(path)
    if is_at_rest(path):
        return trouble
    return _of_log(path, trouble) or _of_journal(path, trouble) or trouble


def _of_log(path: Path, trouble: Trouble) -> Trouble | None:
    """Say that the log cannot be read: that takes its index."""
    log, index = beside(path, "-wal"), beside(path, "-shm")
    # A failed attempt can leave the beginning of one.
    if size(log) == 0 or size(index) >= _SMALLEST_INDEX:
        return None
    words = (
        f"it holds changes, and {index.name} cannot be made to read them: "
        f"{trouble.refusal.words}"
    )
    hint = _copy_both(f"{path.name} and {log.name}")
    return Trouble(log, Refusal(words, hint))


def _of_journal(path: Path, trouble: Trouble) -> Trouble | None:
    """Say that half a change cannot be undone: that takes writing."""
    journal = beside(path, "-journal")
    if size(journal) == 0:
        return None
    words = (
        f"it holds half a change, which cannot be undone: "
        f"{trouble.refusal.words}"
    )
    hint = _copy_both(f"{path.name} and {journal.name}")
    return Trouble(journal, Refusal(words, hint))


def _copy_both(names: str) -> str:
    return (
        f"copy {names} together to a folder that you can write to, and name "
        "the copy"
    )


def _look_at_kinds(path: Path) -> Trouble | None:
    """Look for a folder, a pipe ... where a file belongs."""
    for each in (path, *sidecars(path)):
        found = status(each)
        if found is not None and not stat.S_ISREG(found.st_mode):
            words = f"{kind_of(found.st_mode)} is in the place of this file"
            return Trouble(each, Refusal(words, "move it away"))
    return None


def _look_at_length(path: Path) -> Trouble | None:
    """Look for a path that is too long for SQLite, though not for the system."""
    longest = max(sidecars(path), key=_length)
    if _length(longest) <= _LONGEST_PATH:
        return None
    words = f"the path has {_length(path)} bytes, too many for SQLite"
    return Trouble(path, Refusal(words, "use a shorter path"))


def _length(path: Path) -> int:
    return len(os.fsencode(path))


def look_at_rights(path: Path) -> Trouble | None:
    """Look for a read-only file system, and for rights that are missing."""
    there = [each for each in (path, *sidecars(path)) if each.exists()]
    for each in (path.parent, *there):
        if room_of(os.statvfs(each)).is_read_only:
            return Trouble(path, _WORDS[errno.EROFS])
        if may(each, os.R_OK | os.W_OK):
            continue
        words = "permission denied"
        uid = each.stat().st_uid
        if uid != os.geteuid():
            words = f"permission denied (it belongs to {owner_of(uid)})"
        return Trouble(each, Refusal(words, _CHECK_RIGHTS))
    return None


def may(path: Path, rights: int) -> bool:
    """Whether this process has rights (`os.R_OK` ...) on a file.

    Opening the file would show it too, but closing it again releases every
    lock of this process (https://sqlite.org/howtocorrupt.html, 2.2).
    """
    by_effective_id = os.access in os.supports_effective_ids
    return os.access(path, rights, effective_ids=by_effective_id)


def _look_at_room(path: Path) -> Trouble | None:
    """Open and write what SQLite needs; else compare with what is free.

    Raises:
        OSError: what the system says to it.
    """
    _open_many()
    if _has_written(path):
        return None
    if room_of(os.statvfs(path.parent)).lacks(len(_PROBE)):
        return Trouble(path, _WORDS[errno.ENOSPC])
    if _lacks_inodes(path):
        return Trouble(path, _NO_INODES)
    return None


def _open_many() -> None:
    """Open as many descriptors as SQLite does, and close them again.

    Raises:
        OSError: there are not enough (EMFILE, ENFILE).
    """
    opened: list[int] = []
    try:
        # A pipe needs no file, so nothing else can be wrong.
        while len(opened) < _DESCRIPTORS:
            opened += os.pipe()
    finally:
        for descriptor in opened:
            os.close(descriptor)


def _has_written(path: Path) -> bool:
    """Write to a file without a name, as far from its start as SQLite would.

    False means that there are no such files on this system or disk.

    Raises:
        OSError: the disk is full, the file would be too large ...
    """
    unnamed = getattr(os, "O_TMPFILE", None)
    if unnamed is None:
        return False
    place = max(size(path), size(beside(path, "-wal")))
    try:
        file = os.open(path.parent, unnamed | os.O_RDWR, 0o600)
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL):
            return False
        raise
    try:
        left = memoryview(_PROBE)
        while left:
            written = os.pwrite(file, left, place)
            left, place = left[written:], place + written
        # Some disks notice only now that they are full.
        os.fsync(file)
        return True
    finally:
        os.close(file)


def room_of(found: os.statvfs_result) -> Room:
    """Read what the system says about a disk."""
    return Room(
        free_bytes=found.f_bavail * found.f_frsize,
        has_counted=found.f_blocks > 0,
        free_inodes=found.f_favail if found.f_files else None,
        is_read_only=bool(found.f_flag & os.ST_RDONLY),
    )


def _lacks_inodes(place: Path) -> bool:
    """Whether the disk has room, but for no further file."""
    try:
        found = os.statvfs(place if place.is_dir() else place.parent)
    except OSError:
        return False
    room = room_of(found)
    return room.free_inodes == 0 and not room.lacks(len(_PROBE))


def status(path: Path) -> os.stat_result | None:
    """Return the status of a file; None if there is none to look at."""
    try:
        return path.stat()
    except OSError:
        return None


def size(path: Path) -> int:
    """Return the size of a file; 0 without one."""
    found = status(path)
    return 0 if found is None else found.st_size
