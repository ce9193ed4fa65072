"""A file is there whole, or not at all; by real disks and limits where a test can have them."""

import errno
import os
import resource
import signal
import socket
import stat
from pathlib import Path

import pytest

from tests.support import disks
from tests.support.machine import needs
from todo_cli.disk import DiskFailed
from todo_cli.errors import Code, Conflict, IoFailed, TodoError
from todo_cli.whole_file import WholeFile


def write(path: Path, data: bytes = b"new", *, force: bool = False) -> None:
    """Write a file by the class under test."""
    with WholeFile(path, force=force) as file:
        file.write(data)


def names(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(os.listdir(folder))


@pytest.mark.spec("002/FR-237")
def test_a_file_is_the_owners_and_nothing_is_left_beside_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "tasks.json"
    write(path, b"x" * 1_000_000)

    assert path.read_bytes() == b"x" * 1_000_000
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert names(tmp_path) == ["tasks.json"]


@pytest.mark.spec("002/FR-237")
def test_nothing_has_the_name_before_all_is_written(tmp_path: Path) -> None:
    path = tmp_path / "tasks.json"
    with WholeFile(path, force=False) as file:
        file.write(b"half")
        assert not path.exists()
        [part] = names(tmp_path)
        assert part == file.part.name


@pytest.mark.spec("002/FR-237")
@pytest.mark.parametrize("force", [False, True], ids=["new", "force"])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_what_was_there(
    tmp_path: Path, error: type[BaseException], force: bool
) -> None:
    path = tmp_path / "tasks.json"
    if force:
        path.write_bytes(b"old")

    def fail() -> None:
        with WholeFile(path, force=force) as file:
            file.write(b"half")
            # As SQLite does.
            Path(f"{file.part}-wal").write_bytes(b"log")
            raise error

    with pytest.raises(error):
        fail()

    assert names(tmp_path) == ["tasks.json"] * force
    assert not force or path.read_bytes() == b"old"


@pytest.mark.spec("002/FR-237")
def test_another_file_is_replaced_only_by_force(tmp_path: Path) -> None:
    path = tmp_path / "tasks.json"
    path.write_bytes(b"old")

    with pytest.raises(Conflict) as caught:
        write(path)
    assert str(path) in caught.value.message
    assert "--force" in str(caught.value.hint)
    assert path.read_bytes() == b"old"

    write(path, force=True)
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["tasks.json"]


@pytest.mark.spec("002/FR-237")
@pytest.mark.parametrize("target", ["other.json", "nowhere"])
def test_a_symlink_is_replaced_and_not_followed(
    tmp_path: Path, target: str
) -> None:
    other = tmp_path / "other.json"
    other.write_bytes(b"old")
    path = tmp_path / "tasks.json"
    path.symlink_to(target)

    with pytest.raises(Conflict):
        write(path)
    assert path.is_symlink()

    write(path, force=True)
    assert not path.is_symlink()
    assert (path.read_bytes(), other.read_bytes()) == (b"new", b"old")
    assert names(tmp_path) == ["other.json", "tasks.json"]


@pytest.mark.spec("002/FR-237")
@pytest.mark.parametrize("can_link", [True, False], ids=["links", "no links"])
def test_of_two_at_once_one_wins(
    tmp_path: Path, can_link: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FAT has no hard links."""

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    if not can_link:
        monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "tasks.json"

    first = WholeFile(path, force=False)
    first.__enter__()
    first.write(b"first")
    write(path, b"second")
    with pytest.raises(Conflict):
        first.__exit__(None, None, None)

    assert path.read_bytes() == b"second"
    assert names(tmp_path) == ["tasks.json"]


@pytest.mark.spec("002/FR-237")
@pytest.mark.parametrize("force", [False, True], ids=["new", "force"])
def test_what_is_no_file_stays(
    tmp_path: Path, force: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    to_pipe = tmp_path / "link"
    to_pipe.symlink_to("pipe")
    plug = tmp_path / "socket"
    before = names(tmp_path)

    with socket.socket(socket.AF_UNIX) as listening:
        monkeypatch.chdir(tmp_path)
        listening.bind("socket")
        for path, kind in (
            (folder, "a folder"),
            (pipe, "a pipe"),
            (to_pipe, "a pipe"),
            (plug, "a socket"),
        ):
            with pytest.raises(IoFailed, match=f"is {kind}, not a file"):
                write(path, force=force)
    plug.unlink()
    assert names(tmp_path) == before


@pytest.mark.spec("002/FR-237")
@pytest.mark.parametrize(
    "name",
    ["/dev/null", "/dev/new", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"],
)
def test_what_the_system_keeps_is_not_replaced(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With standard output in a file, `/dev/stdout` leads to one."""

    def refuse(*_: object) -> None:
        raise AssertionError("it is about to be made")

    # The fixtures remove folders by `os.open`, too: give it back to them.
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refuse)
        with pytest.raises(
            IoFailed, match=f"{name} is (a|where the system keeps) "
        ):
            write(Path(name), force=True)


@pytest.mark.spec("002/FR-237")
def test_a_place_without_a_folder_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for place, words in (
        (tmp_path / "gone" / "tasks.json", "no such file or directory"),
        (file / "tasks.json", "not a directory"),
        (tmp_path / ("x" * 300), "file name too long"),
    ):
        with pytest.raises(IoFailed) as caught:
            write(place)
        assert caught.value.message == f"{place}: {words}"
        assert caught.value.code is Code.IO_ERROR


@pytest.mark.spec("002/FR-237")
def test_a_name_may_be_as_long_as_the_system_allows(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)
    write(path)
    assert names(tmp_path) == [path.name]


@pytest.mark.spec("002/FR-237")
def test_a_limit_of_the_size_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "tasks.json"

    with (
        pytest.raises(DiskFailed, match="may not become that large"),
        disks.limited(resource.RLIMIT_FSIZE, 1_000),
    ):
        write(path, bytes(1_001))

    assert names(tmp_path) == []


@needs("mounts")
@pytest.mark.spec("002/FR-237")
def test_a_full_and_a_read_only_disk_leave_nothing(tmp_path: Path) -> None:
    with disks.small_disk(tmp_path / "small", "size=64k") as small:
        with pytest.raises(DiskFailed, match="disk is full"):
            write(small / "tasks.json", bytes(1_000_000))
        assert names(small) == []
    kept = tmp_path / "kept"
    kept.mkdir()
    with disks.read_only(kept), pytest.raises(DiskFailed, match="read-only"):
        write(kept / "tasks.json")


@pytest.mark.spec("002/FR-237")
@pytest.mark.parametrize("call", ["fsync", "link", "replace"])
def test_a_refusal_at_the_end_leaves_nothing(
    tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    path = tmp_path / "tasks.json"
    if call == "link":
        monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(os, call, refuse)

    with pytest.raises(TodoError, match="disk reports an error"):
        write(path, force=call == "replace")
    assert names(tmp_path) == []


@pytest.mark.spec("002/FR-237")
def test_a_folder_that_cannot_be_read_takes_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name is not brought to the disk then."""
    real = os.open

    def refuse(path: Path, flags: int, mode: int = 0) -> int:
        if flags == os.O_RDONLY:
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path, flags, mode)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refuse)
        write(tmp_path / "tasks.json")
    assert names(tmp_path) == ["tasks.json"]


@pytest.mark.spec("002/FR-237")
def test_a_killed_writer_gives_nothing_the_name(tmp_path: Path) -> None:
    path = tmp_path / "tasks.json"
    path.write_bytes(b"old")
    child = os.fork()
    if child == 0:
        with WholeFile(path, force=True) as file:
            file.write(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
    _, status = os.waitpid(child, 0)

    assert os.WTERMSIG(status) == signal.SIGKILL
    assert path.read_bytes() == b"old"
