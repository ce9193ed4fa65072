"""What the system says about files, in words; by real limits and disks where a test can
have them.
"""

import errno
import grp
import os
import resource
import socket
from pathlib import Path

import pytest

from tests.support import disks
from tests.support.machine import needs
from todo_cli import disk
from todo_cli.disk import DiskFailed
from todo_cli.errors import Code

NAMED = {
    errno.ENOSPC: ("disk is full", "make room"),
    errno.EDQUOT: ("quota", "delete some files"),
    errno.EROFS: ("read-only file system", "mount"),
    errno.EMFILE: ("too many open files", "ulimit -n"),
    errno.ENFILE: ("whole system", "end some programs"),
    errno.EFBIG: ("may not become that large", "ulimit -f"),
    errno.EIO: ("disk reports an error", "dmesg"),
    errno.ESTALE: ("network drive", "mount"),
    errno.ENOMEM: ("memory", "end some programs"),
    errno.ENOLCK: ("locked", "local disk"),
    errno.EACCES: ("permission denied", "check the path"),
    errno.ENAMETOOLONG: ("file name too long", "check the path"),
    errno.ELOOP: ("symbolic links", "check the path"),
    errno.ENOTDIR: ("not a directory", "check the path"),
}
"""Words of what is refused, and of what to do."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with a page in it."""
    path = tmp_path / "todo.db"
    path.write_bytes(bytes(4096))
    return path


def words(path: Path) -> str:
    """What is wrong with a file, in words."""
    trouble = disk.look(path)
    return "" if trouble is None else trouble.error().message


# What is at a path


@pytest.mark.spec("002/FR-145", "002/FR-234")
def test_inherited_streams_are_known_by_path_and_kind(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    left, right = socket.socketpair()
    name = tmp_path / "pipe"
    os.mkfifo(name)
    try:
        for number in (ours, left.fileno()):
            for folder in ("/dev/fd", "//dev/fd", "/proc/self/fd"):
                path = Path(f"{folder}/{number}")
                mode = os.fstat(number).st_mode
                assert disk.inherited_stream(path, mode) == number
        pipe = os.fstat(ours).st_mode
        assert disk.inherited_stream(Path("/dev/stdin"), pipe) == 0
        file = tmp_path.stat().st_mode
        assert disk.inherited_stream(Path("/dev/stdin"), file) is None
        assert disk.inherited_stream(name, name.stat().st_mode) is None
    finally:
        os.close(ours)
        os.close(theirs)
        left.close()
        right.close()


@pytest.mark.spec("002/FR-234")
def test_databases_and_texts_are_known_by_how_they_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    for data, kinds in (
        (b"", (False, False)),
        (b"[]", (False, True)),
        (b"SQLite format 3", (False, True)),
        (b"SQLite format 3\0...", (True, False)),
        (b"\x00\x01", (False, False)),
    ):
        path.write_bytes(data)
        assert (disk.is_database(path), disk.is_text(path)) == kinds, data
    for other in (tmp_path, tmp_path / "gone"):
        assert (disk.is_database(other), disk.is_text(other)) == (False,) * 2

    def refuse(*_: object, **_how: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    path.write_bytes(b"[]")
    monkeypatch.setattr(Path, "open", refuse)
    assert not disk.is_text(path)


# Words


@pytest.mark.spec("002/FR-142")
@pytest.mark.parametrize("number", NAMED, ids=errno.errorcode.get)
def test_explain_has_words_and_a_hint(number: int, tmp_path: Path) -> None:
    refusal = disk.explain(OSError(number, os.strerror(number)), tmp_path)

    for text, named in zip(refusal, NAMED[number], strict=True):
        assert named in text


def test_explain_has_words_for_every_number() -> None:
    for number in errno.errorcode:
        words, hint = disk.explain(OSError(number, os.strerror(number)))
        assert words
        assert hint
    assert disk.explain(OSError()).words == "oserror"


def test_explaining_names_the_file_of_the_error(tmp_path: Path) -> None:
    gone = tmp_path / "gone"

    with pytest.raises(DiskFailed) as caught, disk.explaining(tmp_path):
        gone.read_text()
    assert caught.value.code is Code.IO_ERROR
    assert caught.value.message == f"{gone}: no such file or directory"
    nameless = OSError(errno.EIO, "")
    with (
        pytest.raises(DiskFailed, match=f"^{tmp_path}: "),
        disk.explaining(tmp_path),
    ):
        raise nameless


def test_kind_of_names_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        kinds = [tmp_path, tmp_path / "pipe", tmp_path / "socket"]
        found = [disk.kind_of(each.stat().st_mode) for each in kinds]

    assert found == ["a folder", "a pipe", "a socket"]
    assert disk.kind_of(Path(os.devnull).stat().st_mode) == "a device"


def test_owner_of_names_an_account() -> None:
    assert disk.owner_of(0) == "root"
    assert disk.owner_of(4_000_000_000) == "uid 4000000000"


def test_group_of_names_a_group() -> None:
    assert disk.group_of(0) == grp.getgrgid(0).gr_name
    assert disk.group_of(4_000_000_000) == "gid 4000000000"


@pytest.mark.spec("002/FR-148")
def test_what_is_mounted_without_its_folder_is_known() -> None:
    trouble = disk.look_at_names(Path("/proc"))

    # Linux alone can tell.
    if hasattr(os, "O_PATH"):
        assert trouble is not None
        assert "mounted without its folder" in trouble.refusal.words
    assert disk.look_at_names(Path("/proc/self/status")) is None


def test_real_ends_in_a_cycle(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(link)

    assert disk.real(link / "a").name == "a"
    assert disk.real(tmp_path / "gone") == disk.real(tmp_path) / "gone"


@pytest.mark.spec("002/FR-143")
def test_below_needs_a_working_folder_for_a_relative_path() -> None:
    assert disk.below(Path("/a"), "b") == Path("/a/b")
    assert disk.below(Path("/a"), "/b") == Path("/b")
    assert disk.below(None, "/b") == Path("/b")
    with pytest.raises(DiskFailed, match="working folder is gone"):
        disk.below(None, "b")


# Looking at a file of SQLite


def test_look_finds_nothing_wrong_and_leaves_nothing(path: Path) -> None:
    assert disk.look(path) is None
    assert os.listdir(path.parent) == ["todo.db"]
    assert path.read_bytes() == bytes(4096)
    assert disk.look(path.with_name("gone.db")) is None


def test_look_finds_that_the_folder_is_gone(tmp_path: Path) -> None:
    assert "no such file" in words(tmp_path / "gone" / "todo.db")


@pytest.mark.spec("002/FR-142")
@pytest.mark.parametrize("end", ["", *disk.SIDECARS])
def test_look_finds_what_is_in_the_place_of_a_file(
    path: Path, end: str
) -> None:
    each = disk.beside(path, end)
    each.unlink(missing_ok=True)
    each.mkdir()

    assert words(path) == f"{each}: a folder is in the place of this file"
    assert disk.is_at_rest(path) is (end in ("", "-shm"))


@pytest.mark.spec("002/FR-142")
def test_look_finds_the_limits_of_this_process(path: Path) -> None:
    """As GothenburgBitFactory/taskwarrior#2264."""
    for most in (0, 4096, 65_536):
        with disks.limited(resource.RLIMIT_FSIZE, most):
            assert "may not become that large" in words(path)
    for most in (0, 1, 3):
        with disks.free_descriptors(most):
            assert "too many open files" in words(path)


@pytest.mark.spec("002/FR-142")
@pytest.mark.parametrize("number", NAMED, ids=errno.errorcode.get)
def test_look_finds_what_opening_and_writing_say(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """As a quota does, which no test can have."""

    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    for name in ("open", "pwrite", "fsync", "pipe", "statvfs"):
        with monkeypatch.context() as patched:
            patched.setattr(os, name, refuse)
            assert NAMED[number][0] in words(path), name


@pytest.mark.spec("002/FR-142")
def test_look_measures_where_no_file_is_without_a_name(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on macOS, and on some network drives."""
    real = os.statvfs(path)
    values = {
        name: getattr(real, name) for name in dir(real) if name[0] == "f"
    }
    monkeypatch.setattr(os, "O_TMPFILE", os.O_RDWR)  # a folder: EISDIR
    assert disk.look(path) is None
    monkeypatch.delattr(os, "O_TMPFILE")
    assert disk.look(path) is None

    def measured(**changes: int) -> str:
        found = type("Measured", (), values | changes)
        monkeypatch.setattr(os, "statvfs", lambda _path: found)
        return words(path)

    assert "disk is full" in measured(f_bavail=0)
    assert "no free inodes" in measured(f_files=9, f_favail=0, f_bavail=9_999)
    # What does not count says 0 of 0.
    assert measured(f_blocks=0, f_bavail=0, f_files=0, f_favail=0) == ""
    assert "read-only" in measured(f_flag=os.ST_RDONLY)


@pytest.mark.spec("002/FR-142")
def test_look_says_whose_the_file_is(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_, **_how: False)
    assert words(path) == f"{path.parent}: permission denied"

    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000_000)
    owner = disk.owner_of(path.stat().st_uid)
    assert f"permission denied (it belongs to {owner})" in words(path)


@pytest.mark.spec("002/FR-142")
def test_look_says_that_a_log_cannot_be_read(path: Path) -> None:
    log, index = disk.beside(path, "-wal"), disk.beside(path, "-shm")
    log.write_bytes(b"changes")
    assert disk.look(path) is None

    with disks.limited(resource.RLIMIT_FSIZE, 0):
        trouble = disk.look(path)
        assert trouble is not None
        assert trouble.place == log
        assert "todo.db-shm cannot be made" in trouble.refusal.words
        assert "may not become that large" in trouble.refusal.words
        assert "todo.db and todo.db-wal" in trouble.refusal.hint
    index.write_bytes(bytes(32_768))
    with disks.limited(resource.RLIMIT_FSIZE, 0):
        assert words(path).startswith(f"{path}: ")
    log.unlink()
    journal = disk.beside(path, "-journal")
    journal.write_bytes(b"changes")
    with disks.limited(resource.RLIMIT_FSIZE, 0):
        assert words(path).startswith(f"{journal}: it holds half a change")


@needs("mounts")
@pytest.mark.spec("002/FR-142")
def test_look_finds_what_a_disk_refuses(tmp_path: Path) -> None:
    path = tmp_path / "small" / "todo.db"
    with disks.small_disk(path.parent, "size=256k"):
        path.write_bytes(bytes(4096))
        assert words(path) == ""
        disks.fill(path.parent)
        assert words(path) == f"{path}: the disk is full"
    with disks.small_disk(path.parent, "size=256k,nr_inodes=8"):
        disks.fill_with_files(path.parent)
        assert "no free inodes" in words(path)
        full = OSError(errno.ENOSPC, "")
        assert "no free inodes" in disk.explain(full, path).words
    with disks.read_only(path.parent):
        assert words(path) == f"{path}: read-only file system"


def test_explain_counts_inodes_only_where_it_can(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, "")
    nowhere = tmp_path / "gone" / "deeper"

    assert disk.explain(full, nowhere).words == "the disk is full"
    assert disk.explain(full, tmp_path).words == "the disk is full"
