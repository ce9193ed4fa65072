"""Disks and limits around the embedded file: what can be read is read, a write says what
is in its way, and nothing is lost or half written.
"""

import errno
import os
import resource
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.cli.expect import assert_words
from tests.cli.tampering import rewrite
from tests.conftest import Seal
from tests.support import disks
from tests.support.before import obey_permissions
from tests.support.forked import ForkServer
from tests.support.machine import needs
from tests.support.program import Process, Ran, Surroundings, Todo
from tests.support.size import size
from todo_cli import disk

READING = (
    ["list"],
    ["show", "1"],
    ["stats"],
    ["doctor"],
    ["db", "upgrade", "--sql"],
)
WRITING = (
    ["add", "late"],
    ["done", "1"],
    ["update", "1", "--title", "late"],
    ["delete", "1"],
)

Disk = Callable[[Path], AbstractContextManager[object]]


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """No room for another byte."""
    disks.fill(folder)
    yield
    (folder / "filling").unlink()


@contextmanager
def without_inodes(folder: Path) -> Iterator[None]:
    """No room for another file."""
    disks.fill_with_files(folder)
    yield
    for each in folder.glob("filling-*"):
        each.unlink()


@contextmanager
def without_file_size(folder: Path) -> Iterator[None]:
    """As after `ulimit -f 0`."""
    with disks.limited(resource.RLIMIT_FSIZE, 0):
        yield


DISKS: dict[str, tuple[Disk, str]] = {
    "full": (full, "the disk is full"),
    "inodes": (without_inodes, "no free inodes"),
    "read-only": (disks.read_only, "read-only file system"),
}
LIMITS: dict[str, tuple[Disk, str]] = {
    "file size": (without_file_size, "may not become that large"),
}


def store_at(seal: Seal, clock: Any, path: Path) -> Todo:
    """The program on a file with one task."""
    todo = Todo(Surroundings(seal.home, seal.cwd, str(path)), clock)
    assert todo("add", "one").status == 0
    return todo


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file of a test is, in a folder of its own."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder / "todo.db"


@pytest.fixture
def todo(seal: Seal, clock: Any, path: Path) -> Todo:
    """The program on that file, which has one task."""
    return store_at(seal, clock, path)


def titles(path: Path) -> list[str]:
    """What is stored, read past the program."""
    with closing(sqlite3.connect(path)) as file:
        rows = file.execute("SELECT title FROM task ORDER BY number")
        return [title for (title,) in rows]


def assert_read_and_not_written(todo: Todo, path: Path, named: str) -> None:
    """Whatever reads works, and whatever writes says what is in its way."""
    for arguments in READING:
        ran = todo(*arguments)
        assert (ran.status, ran.err) == (0, ""), ran
    assert "one" in todo("list").out
    for arguments in WRITING:
        assert_words(
            todo(*arguments), status=9, names=[str(path), named, "nothing was"]
        )
        document = todo(*arguments, "--json").error
        assert (document["code"], named in document["message"]) == (
            "IO_ERROR",
            True,
        )
    # As a source it is read alone.
    copy = {"TODO_DATABASE_URL": str(todo.surroundings.cwd / "copy.db")}
    if named != LIMITS["file size"][1]:
        assert todo("db", "import", str(path), env=copy).status == 0
        assert "one" in todo("list", env=copy).out


@needs("mounts")
@pytest.mark.spec("002/FR-142")
@pytest.mark.parametrize("name", DISKS)
def test_a_disk_that_cannot_be_written_is_read(
    seal: Seal, clock: Any, tmp_path: Path, name: str
) -> None:
    """As fr-ser/grafana-sqlite-datasource#167, GothenburgBitFactory/taskwarrior#249
    and #2264, tursodatabase/libsql#580.
    """
    arrange, named = DISKS[name]
    with disks.small_disk(tmp_path / "disk", "size=512k,nr_inodes=16"):
        path = tmp_path / "disk" / "todo.db"
        todo = store_at(seal, clock, path)
        with arrange(path.parent):
            assert_read_and_not_written(todo, path, named)
            source = store_at(seal, clock, seal.cwd / "source.db")
            ran = todo("db", "import", str(seal.cwd / "source.db"))
            assert_words(ran, status=9, names=[str(path), named])
            assert source("list").status == 0
            new = {"TODO_DATABASE_URL": str(path.with_name("new.db"))}
            # A file of no bytes needs no block, only an inode.
            ran = todo("add", "x", env=new)
            assert_words(ran, status=9, names=["new.db", named])
        assert titles(path) == ["one"]
        assert todo("add", "two").status == 0
        assert titles(path) == ["one", "two"]


@pytest.mark.spec("002/FR-142")
def test_a_limit_of_the_size_of_files_is_no_fault_of_reading(
    todo: Todo, path: Path
) -> None:
    with without_file_size(path.parent):
        assert_read_and_not_written(todo, path, LIMITS["file size"][1])
    assert titles(path) == ["one"]
    assert todo("add", "two").status == 0


@pytest.fixture
def bound(seal: Seal, fork_server: ForkServer, tmp_path: Path) -> Process:
    """The program on a file, by somebody who has no more rights than the file gives."""
    surroundings = Surroundings(seal.home, seal.cwd, str(tmp_path / "todo.db"))
    launch = partial(fork_server.launch, before=obey_permissions)
    return Process(surroundings, launch)


@pytest.mark.spec("002/FR-142")
def test_a_folder_that_may_not_be_written_is_read(
    bound: Process, tmp_path: Path
) -> None:
    assert bound("add", "one").status == 0
    tmp_path.chmod(0o500)
    assert "one" in bound("list").out
    assert_words(
        bound("add", "two"),
        status=9,
        names=[f"{tmp_path}: permission denied", "nothing was changed"],
    )
    tmp_path.chmod(0o700)
    (tmp_path / "todo.db").chmod(0o400)
    assert "one" in bound("list").out
    assert_words(bound("done", "1"), status=9, names=["permission denied"])
    assert titles(tmp_path / "todo.db") == ["one"]


def leave_log(path: Path) -> None:
    """Change the title, and leave the change in the log, as a killed program does."""
    aside = path.parent / "aside"
    aside.mkdir()
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA wal_autocheckpoint = 0")
        file.execute("UPDATE task SET title = 'changed'")
        file.commit()
        for each in path.parent.glob("todo.db*"):
            shutil.copy(each, aside)
    for each in aside.iterdir():
        each.replace(path.parent / each.name)
    aside.rmdir()


@pytest.mark.spec("002/FR-142")
def test_a_log_that_cannot_be_read_is_named_and_kept(
    seal: Seal, todo: Todo, path: Path
) -> None:
    leave_log(path)
    disk.beside(path, "-shm").unlink()
    log = disk.beside(path, "-wal")
    content = log.read_bytes()
    copy = {"TODO_DATABASE_URL": str(seal.cwd / "copy.db")}

    with without_file_size(path.parent):
        for arguments in (["list"], ["add", "two"]):
            assert_words(
                todo(*arguments),
                status=9,
                names=[f"{log}: it holds changes", "may not become"],
            )
        ran = todo("db", "import", str(path), env=copy)
        assert_words(ran, status=9, names=[str(log), "copy todo.db and todo"])
        assert (ran.err.count("\n"), log.read_bytes()) == (2, content)

    assert "changed" in todo("list").out


@needs("mounts")
@pytest.mark.spec("001/FR-047", "002/FR-142")
def test_text_that_is_not_utf_8_is_read_from_a_disk_that_cannot_be_written(
    todo: Todo, path: Path
) -> None:
    rewrite(path, "UPDATE task SET title = CAST(x'61ff62' AS TEXT)")

    with disks.read_only(path.parent):
        assert "a\\xffb" in todo("list").out


@needs("mounts")
@pytest.mark.spec("002/FR-142")
def test_a_log_on_a_read_only_disk_is_read_where_its_index_is_there(
    todo: Todo, path: Path
) -> None:
    leave_log(path)
    with disks.read_only(path.parent):
        assert "changed" in todo("list").out
        ran = todo("add", "two")
        assert_words(ran, status=9, names=["read-only file system"])
    disk.beside(path, "-shm").unlink()
    with disks.read_only(path.parent):
        for arguments in (["list"], ["doctor"], ["add", "two"]):
            ran = todo(*arguments)
            assert ran.status == 9
            assert "it holds changes, and todo.db-shm cannot be" in ran.err
            assert "read-only file system" in ran.err
    assert "changed" in todo("list").out


@needs("mounts")
@pytest.mark.spec("002/FR-142")
def test_half_a_change_on_a_read_only_disk_is_named_and_kept(
    todo: Todo, path: Path
) -> None:
    journal = disk.beside(path, "-journal")
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("PRAGMA journal_mode = DELETE")
        file.execute("PRAGMA cache_size = 1")
        file.execute("PRAGMA cache_spill = 1")
        file.execute("BEGIN")
        file.execute("CREATE TABLE filling (x)")
        file.execute("INSERT INTO filling VALUES (zeroblob(99999))")
        file.execute("UPDATE task SET title = 'half'")
        kept = (path.read_bytes(), journal.read_bytes())
        file.execute("ROLLBACK")
    path.write_bytes(kept[0])
    journal.write_bytes(kept[1])

    with disks.read_only(path.parent):
        for arguments in (["list"], ["add", "two"]):
            names = [f"{journal}: it holds half a change", "read-only file"]
            assert_words(todo(*arguments), status=9, names=names)
    assert (path.read_bytes(), journal.read_bytes()) == kept
    assert "one" in todo("list").out


# Searches: every limit, every call


@pytest.mark.spec("002/FR-142")
def test_no_limit_of_the_size_of_files_leaves_half_a_write(
    todo: Todo, path: Path
) -> None:
    large = "😀" * 10_000
    ends = set()
    for most in range(0, 260_000, size(13_000, 6_000)):
        before = titles(path)
        with disks.limited(resource.RLIMIT_FSIZE, most):
            read = todo("list")
            ran = todo("add", "two", "-d", large)
        assert (read.status, read.err) == (0, ""), read
        assert ran.status in (0, 9), ran
        assert titles(path) == before + ["two"] * (ran.status == 0)
        ends.add(ran.status)
    assert ends == {0, 9}


@pytest.mark.spec("002/FR-142")
def test_no_limit_of_descriptors_leaves_half_a_write(
    todo: Todo, path: Path
) -> None:
    ends = set()
    # The event loop itself takes three.
    for most in range(3, 16):
        before = titles(path)
        with disks.free_descriptors(most):
            read, ran = todo("list"), todo("add", "two")
        assert {read.status, ran.status} <= {0, 9}, (read, ran)
        if ran.status:
            assert_words(ran, status=9, names=["too many open files"])
        assert titles(path) == before + ["two"] * (ran.status == 0)
        ends.add(ran.status)
    assert ends == {0, 9}


CALLS = (
    *("access", "fstat", "fsync", "lstat", "mkdir", "open", "pipe", "pread"),
    *("pwrite", "readlink", "stat", "statvfs"),
)
"""What the program asks of files by itself; SQLite's own calls are below Python."""
MANY_CALLS = 60
NUMBERS = (
    *(errno.EACCES, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ELOOP),
    *(errno.EMFILE, errno.ENAMETOOLONG, errno.ENFILE, errno.ENOENT),
    *(errno.ENOMEM, errno.ENOSPC, errno.ENOTDIR, errno.EPERM, errno.EROFS),
    *(errno.ESTALE, errno.EINTR, errno.EINVAL, errno.ENXIO, errno.ETIMEDOUT),
)


class Failing:
    """Counts the calls that concern a folder; one of them fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.made = 0
        self.fails = 0
        self.number = 0
        self.is_open = False
        self._folder = str(folder)
        for name in CALLS:
            real = getattr(os, name)
            monkeypatch.setattr(os, name, partial(self._call, real))

    def _call(self, real: Callable[..., Any], *given: Any, **how: Any) -> Any:
        place = given[0] if given else self._folder
        is_ours = isinstance(place, int) or str(place).startswith(self._folder)
        if self.is_open and is_ours:
            self.made += 1
            if self.made == self.fails:
                if real.__name__ == "access":
                    return False
                raise OSError(self.number, os.strerror(self.number), place)
        return real(*given, **how)

    def run(self, todo: Todo, *arguments: str, at: int, number: int) -> Ran:
        """Run a command; its call with this place fails with this number."""
        self.made, self.fails, self.number = 0, at, number
        self.is_open = True
        try:
            return todo(*arguments)
        finally:
            self.is_open = False


COMMANDS = {
    "add": ["add", "two"],
    "add, none there": ["add", "two"],
    "list": ["list"],
    "done": ["done", "1"],
    "doctor": ["doctor"],
    "import": ["db", "import", "SOURCE"],
    "backup": ["db", "backup", "--force", "BACKUP"],
}


@pytest.mark.spec("002/FR-142")
@pytest.mark.parametrize("name", COMMANDS)
def test_no_error_of_a_call_is_a_bug_or_leaves_half_a_write(
    seal: Seal,
    clock: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    path = tmp_path / "data" / "deeper" / "todo.db"
    todo = Todo(Surroundings(seal.home, seal.cwd, str(path)), clock)
    config = tmp_path / "config.toml"
    config.write_text("user = 'ada'\n")
    source = tmp_path / "source.db"
    store_at(seal, clock, source)
    backup = tmp_path / "backup.db"
    places = {"SOURCE": str(source), "BACKUP": str(backup)}
    arguments = [places.get(each, each) for each in COMMANDS[name]]
    arguments.append("--json")
    monkeypatch.setattr(
        todo.surroundings.__class__,
        "variables",
        with_config(todo.surroundings.__class__.variables, config),
    )
    failing = Failing(monkeypatch, tmp_path)
    ends: dict[int, Ran] = {}
    at, turn = 1, 1
    while at == 1 or failing.made >= at - 1:
        # In the suite each call fails in one of two ways.
        ways = (NUMBERS[at % len(NUMBERS)], NUMBERS[-at % 7])
        for number in ways[turn % size(2, 1) :][: size(1, 2)]:
            shutil.rmtree(path.parents[1], ignore_errors=True)
            if name != "add, none there":
                path.parent.mkdir(parents=True)
                shutil.copy(source, path)
            ran = failing.run(todo, *arguments, at=at, number=number)
            ends[ran.status] = ran
            case = (name, at, errno.errorcode[number], ran)
            assert ran.status in (0, 6, 8, 9), case
            assert ran.json["success"] is (ran.status == 0), case
            stored = titles(path) if has_tables(path) else []
            assert stored in ([], ["one"], ["two"], ["one", "two"]), case
            if name == "backup":
                # What was there stays, or is replaced as a whole.
                assert not backup.exists() or titles(backup) == ["one"], case
                assert backup.exists() or ran.status != 0, case
            if name == "add":
                assert (stored == ["one", "two"]) is (ran.status == 0), case
        # In the suite of a command of many calls each second one.
        at += size(1 + (failing.made > MANY_CALLS), 1)
        turn += 1
    assert {0, 8, 9} <= set(ends), ends
    assert at > 15


def has_tables(path: Path) -> bool:
    """Whether there is a file, and it is not empty."""
    return path.exists() and path.stat().st_size > 0


def with_config(real: Callable[..., Any], config: Path) -> Callable[..., Any]:
    """Have every run read a config file."""

    def variables(*given: Any) -> dict[str, str]:
        found: dict[str, str] = real(*given)
        return found | {"TODO_CONFIG": str(config)}

    return variables
