"""Disks and limits of a test: a small disk, a read-only one, few descriptors, small files.

Mounting needs root, and a machine that lets root do it: `@needs("mounts")`.
"""

import ctypes
import os
import resource
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

# See mount(2), umount(2) and clone(2).
READ_ONLY, REMOUNT, BIND = 1, 32, 4096
DETACH = 2
NEW_USER_NAMESPACE = 0x10000000
STRANGER = 12_345
"""The number of an account that owns nothing."""


@contextmanager
def as_stranger() -> Iterator[None]:
    """Give up root's rights for a while; who is not root has none to give up."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(STRANGER)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def _call(name: str, *arguments: object) -> None:
    """Call a function of the C library.

    Raises:
        OSError: it failed.
    """
    system = ctypes.CDLL(None, use_errno=True)
    if getattr(system, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@contextmanager
def small_disk(path: Path, options: str) -> Iterator[Path]:
    """A file system of its own at a folder: `size=256k`, `nr_inodes=8` ..."""
    path.mkdir(exist_ok=True)
    _call("mount", b"tmpfs", os.fsencode(path), b"tmpfs", 0, options.encode())
    try:
        yield path
    finally:
        _call("umount2", os.fsencode(path), DETACH)


@contextmanager
def read_only(path: Path) -> Iterator[Path]:
    """A folder whose disk cannot be written, as in many containers."""
    name = os.fsencode(path)
    _call("mount", name, name, None, BIND, None)
    try:
        _call("mount", None, name, None, READ_ONLY | REMOUNT | BIND, None)
        yield path
    finally:
        _call("umount2", name, DETACH)


@contextmanager
def mounted_alone(path: Path, place: Path) -> Iterator[Path]:
    """A file mounted at another place, without its folder, as containers do it."""
    place.touch()
    _call("mount", os.fsencode(path), os.fsencode(place), None, BIND, None)
    try:
        yield place
    finally:
        _call("umount2", os.fsencode(place), DETACH)


@cache
def can_mount() -> bool:
    """Whether this process may mount a disk."""
    if not hasattr(ctypes.CDLL(None), "umount2"):
        return False
    with (
        suppress(OSError),
        tempfile.TemporaryDirectory(prefix="todo-disk-") as folder,
        small_disk(Path(folder), "size=4k"),
    ):
        return True
    return False


@contextmanager
def limited(kind: int, most: int) -> Iterator[None]:
    """A limit of this process, such as `resource.RLIMIT_FSIZE`."""
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


@contextmanager
def free_descriptors(most: int) -> Iterator[None]:
    """As many files as this process can still open, no more."""
    limit = 0
    while most > 0 or _is_open(limit):
        most -= not _is_open(limit)
        limit += 1
    with limited(resource.RLIMIT_NOFILE, limit):
        yield


def _is_open(number: int) -> bool:
    """Whether this process has this descriptor."""
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def fill(folder: Path) -> None:
    """Use up all room of a disk."""
    with (
        suppress(OSError),
        (folder / "filling").open("wb", buffering=0) as file,
    ):
        while True:
            file.write(bytes(4096))


def fill_with_files(folder: Path) -> None:
    """Use up all inodes of a disk."""
    with suppress(OSError):
        for number in range(1_000_000):
            (folder / f"filling-{number}").touch()


def enter_user_namespace(uid: int) -> None:
    """Go where this account has a number and no other has, as bubblewrap does.

    There is no way back, so a forked process does it.
    """
    outside = os.geteuid()
    _call("unshare", NEW_USER_NAMESPACE)
    Path("/proc/self/uid_map").write_text(f"{uid} {outside} 1\n")


@cache
def has_user_namespaces() -> bool:
    """Whether an ordinary account may make a user namespace."""
    return in_child(lambda: enter_user_namespace(1_000)) == ""


def in_child(
    call: Callable[[], object], uid: int = 12_345, group: int | None = None
) -> str:
    """Call something in a forked process without root's rights; say how it failed."""
    group = uid if group is None else group
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = ""
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setresgid(group, group, group)
                os.setresuid(uid, uid, uid)
                # Else the files in /proc would be root's.
                _call("prctl", 4, 1, 0, 0, 0)
            call()
        except BaseException as error:  # noqa: BLE001 - told to the parent
            said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as file:
        said = file.read().decode()
    os.waitpid(child, 0)
    return said
