"""The embedded file: private, never behind somebody else's symlink, and copied whole
before it is changed. More about other accounts is in test_accounts.py.
"""

import os
import resource
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support import disks
from tests.support.disks import STRANGER, as_stranger
from tests.support.machine import needs
from todo_cli.database import files
from todo_cli.errors import ConfigInvalid, IoFailed, TodoError

"""An account that is neither ours nor root's."""
for_root = needs("root")  # who alone can give a symlink to another account


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """The mask for new files of this process: from none to the strictest."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file belongs; its folder is not there."""
    return tmp_path / "data" / "todo" / "todo.db"


def mode_of(path: Path) -> int:
    """The permissions of a file or folder."""
    return stat.S_IMODE(path.lstat().st_mode)


def refusal(kind: type[TodoError], path: Path) -> TodoError:
    """The error of a look at the path."""
    with pytest.raises(kind) as caught:
        files.holds_nothing(path)
    return caught.value


def fill(path: Path, *titles: str) -> sqlite3.Connection:
    """Put rows into a database, and keep it open with all of them in its write-ahead log."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute("CREATE TABLE task (title TEXT)")
    connection.executemany("INSERT INTO task VALUES (?)", zip(titles))
    connection.commit()
    return connection


def titles_of(path: Path) -> list[str]:
    """The rows of a database."""
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT title FROM task")]


# Making


@pytest.mark.spec("002/FR-075")
def test_make_gives_file_and_folders_to_nobody_else(
    path: Path, umask: int
) -> None:
    files.make(path)

    assert (mode_of(path), path.stat().st_size) == (0o600, 0)
    assert (mode_of(path.parent), mode_of(path.parent.parent)) == (
        0o700,
        0o700,
    )


def test_make_leaves_what_is_there_as_it_is(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.parent.chmod(0o755)
    path.write_text("mine")
    path.chmod(0o644)

    files.make(path)

    assert path.read_text() == "mine"
    assert (mode_of(path), mode_of(path.parent)) == (0o644, 0o755)


@pytest.mark.spec("002/FR-077")
def test_make_says_what_is_in_the_way(path: Path) -> None:
    path.parent.parent.write_text("")

    with pytest.raises(
        IoFailed, match=f"^{path.parent}: not a directory$"
    ) as caught:
        files.make(path)
    assert caught.value.hint
    with pytest.raises(
        IoFailed, match=r"^/proc/todo: "
    ):  # takes no file of ours
        files.make(Path("/proc/todo/todo.db"))


# Looking


def test_holds_nothing_where_no_task_can_be(path: Path) -> None:
    assert files.holds_nothing(path)
    assert not path.parent.exists()
    files.make(path)
    assert files.holds_nothing(path)
    path.write_text("x")
    assert not files.holds_nothing(path)


@pytest.mark.spec("002/FR-077")
def test_holds_nothing_refuses_what_is_not_a_file(path: Path) -> None:
    path.mkdir(parents=True)
    assert refusal(IoFailed, path).message == f"{path} is a folder, not a file"
    path.rmdir()
    os.mkfifo(path)
    assert refusal(IoFailed, path).message == f"{path} is a pipe, not a file"
    path.unlink()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        assert (
            refusal(IoFailed, path).message
            == f"{path} is a socket, not a file"
        )
    device = refusal(IoFailed, Path("/dev/null"))
    assert device.message == "/dev/null is a device, not a file"


@pytest.mark.spec("002/FR-077")
def test_holds_nothing_refuses_a_path_that_leads_nowhere(path: Path) -> None:
    too_long = path.parent.parent.with_name("x" * 300) / "todo.db"
    assert refusal(IoFailed, too_long).message.endswith(
        "x: file name too long"
    )
    path.parent.mkdir(parents=True)
    path.symlink_to(path)
    loop = refusal(IoFailed, path)
    assert loop.message == f"{path}: too many levels of symbolic links"
    shutil.rmtree(path.parent.parent)
    path.parent.parent.write_text("")
    assert refusal(IoFailed, path).message.endswith(": not a directory")


@pytest.mark.spec("002/FR-077")
def test_holds_nothing_refuses_a_file_that_we_may_not_read() -> None:
    # The folders of pytest are closed to others.
    with tempfile.TemporaryDirectory(
        prefix="todo-files-", dir="/tmp"
    ) as folder:
        path = Path(folder, "todo.db")
        path.write_text("x")
        path.chmod(0o000)
        path.parent.chmod(0o755)
        with as_stranger():
            error = refusal(IoFailed, path)

    assert error.message == f"{path}: permission denied"


WRITE = """
import sqlite3, sys
sqlite3.connect(sys.argv[1], timeout=0).execute("BEGIN IMMEDIATE")
"""


def test_holds_nothing_leaves_the_locks_of_this_process_alone(
    tmp_path: Path,
) -> None:
    path = tmp_path / "todo.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE task (title TEXT)")
        connection.execute("BEGIN IMMEDIATE")

        files.holds_nothing(path)
        files.make(path)
        files.identify(path)

        other = subprocess.run(
            [sys.executable, "-c", WRITE, path], capture_output=True, text=True
        )
    assert "database is locked" in other.stderr


def test_identify_tells_files_apart(path: Path) -> None:
    assert files.identify(path) is None
    files.make(path)
    first = files.identify(path)
    path.rename(path.with_name("moved.db"))
    files.make(path)

    assert first is not None
    assert files.identify(path.with_name("moved.db")) == first
    assert files.identify(path) != first


def test_last_change_is_none_where_no_file_is(path: Path) -> None:
    assert files.last_change(path) == 0
    files.make(path)
    assert files.last_change(path) == path.stat().st_mtime_ns


# Symlinks


@pytest.mark.spec("002/FR-078")
def test_holds_nothing_follows_symlinks_of_our_own_and_of_the_system(
    path: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "todo.db").write_text("x")
    path.parent.parent.mkdir()
    path.parent.symlink_to(elsewhere)

    assert not files.holds_nothing(path)
    path.unlink()
    assert files.holds_nothing(path)
    above = elsewhere / ".." / "elsewhere" / "todo.db"
    assert files.holds_nothing(above)
    assert Path("/proc/self").lstat().st_uid in (0, os.geteuid())
    assert "is a folder" in refusal(IoFailed, Path("/proc/self/cwd")).message


@for_root
@pytest.mark.spec("002/FR-078")
@pytest.mark.parametrize("part", ["data", "data/todo", "data/todo/todo.db"])
@pytest.mark.parametrize("is_dangling", [False, True])
def test_holds_nothing_refuses_a_symlink_of_another_account(
    path: Path, tmp_path: Path, part: str, is_dangling: bool
) -> None:
    files.make(path)
    link, target = tmp_path / part, tmp_path / "moved"
    link.rename(target)
    link.symlink_to(tmp_path / "nowhere" if is_dangling else target)
    os.lchown(link, STRANGER, STRANGER)

    error = refusal(ConfigInvalid, path)

    assert error.message == f"{link} is a symlink of another account"
    assert error.hint


@for_root
@pytest.mark.spec("002/FR-078")
@pytest.mark.parametrize("is_relative", [False, True])
def test_holds_nothing_refuses_a_symlink_of_another_account_behind_one_of_our_own(
    path: Path, tmp_path: Path, is_relative: bool
) -> None:
    theirs, target = tmp_path / "theirs", tmp_path / "target"
    target.mkdir()
    theirs.symlink_to(target)
    os.lchown(theirs, STRANGER, STRANGER)
    path.parent.parent.mkdir()
    path.parent.symlink_to("../theirs" if is_relative else theirs)

    assert "theirs is a symlink of ano" in refusal(ConfigInvalid, path).message


@pytest.mark.spec("002/FR-078")
def test_holds_nothing_refuses_to_another_account_what_is_a_symlink_of_this_one(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other way round, without root: the link is ours, the program is a stranger's."""
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path / "elsewhere")
    os.lchown(path, os.geteuid() or STRANGER, -1)
    monkeypatch.setattr(os, "geteuid", lambda: STRANGER + 1)

    message = refusal(ConfigInvalid, path).message
    # Without root, pytest's own folder in /tmp is already a stranger's.
    is_link = message == f"{path} is a symlink of another account"
    assert is_link or "folder that everybody can write to" in message


@pytest.mark.spec("002/FR-078")
def test_make_makes_what_a_symlink_of_our_own_leads_to(
    path: Path, tmp_path: Path
) -> None:
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path / "elsewhere" / "todo.db")

    files.make(path)

    assert path.is_symlink()
    assert mode_of(tmp_path / "elsewhere") == 0o700
    assert mode_of(tmp_path / "elsewhere" / "todo.db") == 0o600


# Copying


@pytest.mark.spec("001/FR-041")
def test_copy_aside_takes_the_write_ahead_log_along(
    tmp_path: Path, umask: int
) -> None:
    path = tmp_path / "todo.db"
    with closing(fill(path, "Buy milk", "Buy bread")):
        assert path.with_name("todo.db-wal").stat().st_size > 0

        copy = files.copy_aside(path, "0001")

        assert copy == tmp_path / "todo.db.0001.bak"
        assert mode_of(copy) == 0o600
        assert titles_of(copy) == ["Buy milk", "Buy bread"]
    assert set(os.listdir(tmp_path)) == {"todo.db", "todo.db.0001.bak"}


@pytest.mark.spec("001/FR-041")
def test_copy_aside_keeps_the_copies_that_are_there(tmp_path: Path) -> None:
    path = tmp_path / "todo.db"
    fill(path, "first").close()
    copies = [files.copy_aside(path, "0001")]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO task VALUES ('second')")
    copies += [
        files.copy_aside(path, version) for version in ("0001", "0002", "0001")
    ]

    named = [copy.name.removeprefix("todo.db.") for copy in copies]
    assert named == ["0001.bak", "0001.2.bak", "0002.bak", "0001.3.bak"]
    assert titles_of(copies[0]) == ["first"]
    assert titles_of(copies[1]) == ["first", "second"]


def test_copy_aside_does_not_write_through_a_symlink(tmp_path: Path) -> None:
    path, victim = tmp_path / "todo.db", tmp_path / "victim"
    fill(path, "Buy milk").close()
    path.with_name("todo.db.0001.bak").symlink_to(victim)

    copy = files.copy_aside(path, "0001")

    assert copy.name == "todo.db.0001.2.bak"
    assert not victim.exists()


@pytest.mark.spec("002/FR-077")
def test_copy_aside_says_why_there_is_no_copy_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "todo.db"
    fill(
        path, *(f"a title of some length {number}" for number in range(1_000))
    ).close()
    content = path.read_bytes()
    path.write_bytes(b"not a database, " * (len(content) // 16))

    with pytest.raises(IoFailed, match=f"^{path}"):
        files.copy_aside(path, "0001")

    assert os.listdir(tmp_path) == ["todo.db"]
    with pytest.raises(IoFailed, match="file name too long"):
        files.copy_aside(path, "1" * 250)


@pytest.mark.spec("002/FR-142")
def test_copy_aside_says_that_there_is_no_room(tmp_path: Path) -> None:
    path = tmp_path / "todo.db"
    fill(path, "Buy milk").close()

    for most in (0, 5_000):
        with (
            disks.limited(resource.RLIMIT_FSIZE, most),
            pytest.raises(IoFailed, match="may not become that large"),
        ):
            files.copy_aside(path, "0001")
    assert titles_of(path) == ["Buy milk"]
    assert [name for name in os.listdir(tmp_path) if "bak" in name] == []
