"""What is beside the embedded file: read while others write, cut off, or not SQLite's at all."""

import os
import shutil
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.database.test_files import WRITE
from todo_cli.database import sidecars
from todo_cli.database.files import identify
from todo_cli.database.sidecars import LeftBehind
from todo_cli.errors import DatabaseBusy, IoFailed

pytestmark = pytest.mark.spec("002/FR-077")

HEADER = 32
FRAME = 24 + 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file, and beside it the log of the same file some transactions later."""
    path = tmp_path / "todo.db"
    leave_marked_log(path, 14, 15)
    copy_over(path, count=10)
    return path


def leave_marked_log(path: Path, *counts: int, vacuums: bool = False) -> None:
    """Make a file, and leave beside it the log of these transactions, under its own inode."""
    make(path, count=10, rows=20)
    kept = path.with_name("kept")
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("PRAGMA journal_mode = WAL")
        file.execute("PRAGMA wal_autocheckpoint = 0")
        for count in counts:
            mark(file, path, count)
            if vacuums and count == counts[0]:
                file.execute("VACUUM")
        log = beside(path).read_bytes()
        os.link(beside(path), kept)
    os.link(kept, beside(path))
    beside(path).write_bytes(log)


def copy_over(
    path: Path,
    *,
    count: int,
    files: int = 0,
    page_size: int = 4096,
    rows: int = 1,
) -> None:
    """Copy another file over this one; what is beside it stays."""
    other = path.parent / "other" / "todo.db"
    other.parent.mkdir()
    make(other, count=count, files=files, page_size=page_size, rows=rows)
    shutil.copyfile(other, path)
    shutil.rmtree(other.parent)


def make(
    path: Path,
    *,
    count: int,
    files: int = 0,
    page_size: int = 4096,
    rows: int = 1,
) -> None:
    """Make a file anew, with a mark in it."""
    for old in path.parent.glob("todo.db*"):
        old.unlink()
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute(f"PRAGMA page_size = {page_size}")
        file.execute("CREATE TABLE task (title TEXT)")
        file.executemany(
            "INSERT INTO task VALUES (?)", [("x" * 1_000,)] * rows
        )
        file.execute(f"PRAGMA user_version = {count}")
        file.execute(f"PRAGMA application_id = {files}")
        file.execute("PRAGMA journal_mode = WAL")


def mark(file: sqlite3.Connection, path: Path, count: int) -> None:
    """Write something, with a mark of ours."""
    ours = sidecars.next_mark(
        sidecars.Mark(count - 1, 0), identify(path), path
    )
    file.execute("BEGIN IMMEDIATE")
    file.execute("INSERT INTO task VALUES ('y')")
    file.execute(f"PRAGMA user_version = {ours.count}")
    file.execute(f"PRAGMA application_id = {ours.files}")
    file.execute("COMMIT")


def beside(path: Path, suffix: str = "-wal") -> Path:
    """A file that SQLite keeps beside the database."""
    return path.with_name(path.name + suffix)


@pytest.mark.parametrize("count", [13, 14, 15])
def test_a_log_continues_a_file_with_a_mark_of_its_own_or_the_one_before(
    path: Path, count: int
) -> None:
    ours = sidecars.next_mark(
        sidecars.Mark(count - 1, 0), identify(path), path
    )
    copy_over(path, count=count, files=ours.files)

    sidecars.refuse_foreign(path)


@pytest.mark.parametrize("files", [0, 1, 2**31 - 1])
@pytest.mark.parametrize("count", [1, 10, 12, 16])
def test_a_log_continues_no_file_with_another_mark(
    path: Path, count: int, files: int
) -> None:
    copy_over(path, count=count, files=files)

    with pytest.raises(IoFailed, match="was left by another file"):
        sidecars.refuse_foreign(path)


def test_a_log_of_another_page_size_is_refused(path: Path) -> None:
    copy_over(path, count=14, page_size=8192)

    with pytest.raises(IoFailed):
        sidecars.refuse_foreign(path)


def change(
    content: bytes, place: int, *, to: bytes = b"\xff\xff\xff\xff"
) -> bytes:
    """Other bytes at this place."""
    return content[:place] + to + content[place + len(to) :]


IGNORED: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda log: b"",
    "short": lambda log: log[: HEADER - 1],
    "text": lambda log: b"not a log, " * 1_000,
    "no pages": lambda log: change(log, 8, to=bytes(4)),
    "no frame": lambda log: log[:HEADER],
    "sums of the header": lambda log: change(log, 12),
    "sums of a page": lambda log: change(log, HEADER + 2_000),
    "salts of a frame": lambda log: change(log, HEADER + 8),
    "half a page": lambda log: log[: HEADER + FRAME - 1],
    "no commit": lambda log: log[: HEADER + FRAME],
}


@pytest.mark.parametrize("cut", IGNORED.values(), ids=IGNORED.keys())
def test_a_log_that_sqlite_would_not_replay_is_left_to_it(
    path: Path, cut: Callable[[bytes], bytes]
) -> None:
    beside(path).write_bytes(cut(beside(path).read_bytes()))

    sidecars.refuse_foreign(path)

    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA user_version").fetchone() == (10,)


def test_what_is_no_file_is_left_to_sqlite(path: Path) -> None:
    beside(path).unlink()
    beside(path).mkdir()
    os.mkfifo(beside(path, "-journal"))

    sidecars.refuse_foreign(path)


def leave_unmarked_log(path: Path, *, grows: bool = False) -> bytes:
    """Make a file, and leave beside it the log of a program without marks that was
    killed; return that log.
    """
    make(path, count=10, rows=20)
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("UPDATE task SET title = 'z' || substr(title, 2)")
        if grows:
            file.execute("INSERT INTO task VALUES (?)", ["y" * 10_000])
        before, log = path.read_bytes(), beside(path).read_bytes()
    path.write_bytes(before)
    beside(path).write_bytes(log)
    return log


def test_a_log_without_marks_continues_a_file_of_its_size_alone(
    tmp_path: Path,
) -> None:
    path = tmp_path / "todo.db"
    for grows in (True, False):
        log = leave_unmarked_log(path, grows=grows)
        sidecars.refuse_foreign(path)

    make(path, count=10, rows=40)
    beside(path).write_bytes(log)
    with pytest.raises(IoFailed):
        sidecars.refuse_foreign(path)


@pytest.mark.parametrize("is_open", [False, True])
def test_a_file_that_is_shorter_than_it_says_is_known_by_its_mark(
    path: Path, is_open: bool
) -> None:
    copy_over(path, count=10, rows=40)
    os.truncate(path, 8192)  # `cp` is in the middle of it

    with pytest.raises(LeftBehind, match="was left by another file"):
        sidecars.refuse_foreign(path, is_open=is_open)


def cut_short(path: Path) -> bytes:
    """Leave a file as a killed checkpoint does; return the log beside it."""
    make(path, count=10, rows=4)
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("PRAGMA wal_autocheckpoint = 0")
        file.execute("BEGIN")
        file.execute("INSERT INTO task VALUES (?)", ["y" * 12_000])
        file.execute("PRAGMA user_version = 11")
        file.execute("COMMIT")
        log = beside(path).read_bytes()
        before = path.stat().st_size
        os.link(beside(path), path.with_name("kept"))
    assert path.stat().st_size > before + 4096
    os.truncate(path, before + 4096)
    os.link(path.with_name("kept"), beside(path))
    beside(path).write_bytes(log)
    return log


def test_a_file_of_a_killed_checkpoint_is_used_with_the_rest_in_the_log(
    tmp_path: Path,
) -> None:
    path = tmp_path / "todo.db"
    cut_short(path)
    shutil.copyfile(path, tmp_path / "alone")
    with (
        closing(sqlite3.connect(tmp_path / "alone")) as file,
        pytest.raises(sqlite3.DatabaseError, match="malformed"),
    ):
        file.execute("SELECT * FROM task")

    sidecars.refuse_foreign(path)
    sidecars.refuse_foreign(path, is_open=True)

    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert file.execute("SELECT count(*) FROM task").fetchone() == (5,)


def test_a_short_file_needs_every_page_but_that_of_the_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "todo.db"
    log = cut_short(path)
    end = log.rindex(b"y" * 1_000)
    frame = end - (end - HEADER) % FRAME
    [page] = struct.unpack_from(">I", log, frame)
    beside(path).write_bytes(change(log, frame, to=struct.pack(">I", 2)))
    assert page * 4096 > path.stat().st_size

    with pytest.raises(DatabaseBusy):
        sidecars.refuse_foreign(path, is_open=True)

    monkeypatch.setattr(sidecars, "_LOCK_PLACE", (page - 1) * 4096)
    sidecars.refuse_foreign(path, is_open=True)


@pytest.mark.parametrize(
    "cut",
    [
        lambda log: log[:10],
        lambda log: log[:HEADER],
        lambda log: log[:-FRAME],
    ],
    ids=["no header", "no frame", "no commit"],
)
def test_a_short_file_whose_log_lacks_its_pages_is_waited_for_if_it_is_open(
    tmp_path: Path, cut: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "todo.db"
    beside(path).write_bytes(cut(cut_short(path)))

    sidecars.refuse_foreign(path)
    with pytest.raises(
        DatabaseBusy, match="is being written by another program"
    ):
        sidecars.refuse_foreign(path, is_open=True)


def test_what_sqlite_cannot_read_is_left_to_it(path: Path) -> None:
    path.unlink()
    path.mkdir()

    sidecars.refuse_foreign(path)

    with pytest.raises(DatabaseBusy):
        sidecars.refuse_foreign(path, is_open=True)


def test_a_look_leaves_the_locks_of_this_process_alone(tmp_path: Path) -> None:
    path = tmp_path / "todo.db"
    log = leave_unmarked_log(path)
    make(path, count=10, rows=20)
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("PRAGMA journal_mode = DELETE")
        file.execute("BEGIN IMMEDIATE")
        beside(path).write_bytes(log)

        sidecars.refuse_foreign(path)

        beside(path).unlink()
        other = subprocess.run(
            [sys.executable, "-c", WRITE, path], capture_output=True, text=True
        )
        assert "database is locked" in other.stderr


# While others write


def test_a_log_that_goes_away_meanwhile_is_not_judged(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = sidecars._read

    def read_late(path: Path) -> object:
        beside(path).unlink(missing_ok=True)
        return read(path)

    monkeypatch.setattr(sidecars, "_read", read_late)

    sidecars.refuse_foreign(path)


def test_a_log_that_begins_anew_all_the_time_is_not_judged(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = beside(path).read_bytes()
    read, looks = sidecars._read, 0

    def read_late(path: Path) -> object:
        nonlocal looks
        looks += 1
        other_salts = struct.pack(">I", looks)
        beside(path).write_bytes(change(log, 16, to=other_salts))
        return read(path)

    monkeypatch.setattr(sidecars, "_read", read_late)
    monkeypatch.setattr(sidecars, "_log_differs", lambda *arguments: True)

    sidecars.refuse_foreign(path)

    assert looks == sidecars._MOST_LOOKS


@pytest.mark.parametrize(
    "written",
    [HEADER, HEADER + 24],
    ids=["no frame yet", "no page of the frame yet"],
)
def test_a_log_whose_first_transaction_is_being_written_is_the_files_own(
    path: Path, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    log = beside(path).read_bytes()
    copy_over(path, count=13)
    stale = change(
        log, HEADER + 8
    )  # what the use before has left behind the beginning
    stale = change(stale, HEADER + 24 + 60, to=struct.pack(">i", 3))
    beside(path).write_bytes(log[:written] + stale[written:])
    replayed = sidecars._is_replayed

    def write_first(*arguments: Any) -> bool:
        beside(path).write_bytes(log)
        return replayed(*arguments)

    monkeypatch.setattr(sidecars, "_is_replayed", write_first)

    sidecars.refuse_foreign(path)


# Journals


def journal(
    pages: int,
    records: int = 1,
    *,
    count: int | None = 10,
    magic: bytes = sidecars._JOURNAL_MAGIC,
) -> bytes:
    """A journal with a record of the first page, which bears the mark of before."""
    head = struct.pack(">8s5I", magic, records, 1, pages, 512, 4096)
    start = head.ljust(512, b"\x00") + struct.pack(">I", 2) + bytes(4096 + 4)
    if count is None:
        return start
    return start + struct.pack(">I60xi", 1, count).ljust(4 + 4096 + 4, b"\x00")


OWN = [
    journal(2, 2, count=10),
    journal(2, 2, count=9),
    journal(2, 2, count=0),
    journal(2, 0xFFFFFFFF, count=None),
    journal(2, 1, count=8),
    journal(2, 0),
    journal(0, 2, count=8),
    journal(2, 2, count=8, magic=bytes(8)),
    journal(2, 2, count=8)[:20],
]
FOREIGN = [
    journal(2, 2, count=11),
    journal(2, 2, count=8),
    journal(2, 0xFFFFFFFF, count=8),
    journal(3, 0),
]


def test_a_journal_is_judged_by_what_would_be_rolled_back(
    tmp_path: Path,
) -> None:
    path = tmp_path / "todo.db"
    make(path, count=10)

    for content in OWN:
        beside(path, "-journal").write_bytes(content)
        sidecars.refuse_foreign(path)
    said = f"^{path}-journal was left by another file than {path}$"
    for content in FOREIGN:
        beside(path, "-journal").write_bytes(content)
        with pytest.raises(IoFailed, match=said):
            sidecars.refuse_foreign(path)


# Marks


def test_the_first_mark_of_a_file_is_random_and_the_next_counts_on(
    tmp_path: Path,
) -> None:
    path = tmp_path / "todo.db"
    none = sidecars.Mark(0, 0)
    first, other = (sidecars.next_mark(none, (1, 2), path) for _ in range(2))

    assert 0 < first.count < 2**30 + 1
    assert first.count != other.count
    assert sidecars.next_mark(first, (1, 2), path).count == first.count + 1


def test_a_mark_names_the_file_and_the_log_where_there_is_one(
    path: Path,
) -> None:
    mark, log = (
        sidecars.next_mark(sidecars.Mark(4, 0), (1, 0x12345), path),
        beside(path),
    )
    inode = log.stat().st_ino

    assert mark == sidecars.Mark(5, 0x2345 << 16 | (inode + 5) & 0xFFFF)
    assert mark.is_of_log(inode)
    assert not mark.is_of_log(inode + 1)
    assert not sidecars.Mark(6, mark.files).is_of_log(inode)
    assert sidecars.next_mark(mark, None, path).files == 0
    beside(path).unlink()
    assert sidecars.next_mark(mark, (1, 0x12345), path).files == 0


def test_a_log_is_empty_where_nothing_was_written_since_the_file_was_opened(
    path: Path,
) -> None:
    assert not sidecars.has_empty_log(path)
    os.truncate(beside(path), 0)
    assert sidecars.has_empty_log(path)
    beside(path).unlink()
    assert not sidecars.has_empty_log(path)


def test_a_log_of_a_file_that_is_gone_is_refused(path: Path) -> None:
    path.unlink()

    with pytest.raises(
        IoFailed, match="was left by a file that is no longer there"
    ):
        sidecars.refuse_foreign(path)


def test_a_log_without_marks_is_not_judged_beside_a_file_whose_schema_cannot_be_read(
    tmp_path: Path,
) -> None:
    path = tmp_path / "todo.db"
    log = leave_unmarked_log(path)
    make(path, count=10, rows=40)
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("PRAGMA writable_schema = ON")
        file.execute("UPDATE sqlite_master SET sql = 'rubbish'")
    beside(path).write_bytes(log)

    sidecars.refuse_foreign(path)


@pytest.mark.parametrize("count", [8, 40])
def test_a_restore_through_sqlite_needs_no_mark_of_the_file(
    path: Path, count: int
) -> None:
    """A backup can have a mark that was made in the very log which it is restored through."""
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as file,
        closing(sqlite3.connect(path.with_name("backup"))) as backup,
    ):
        mark(file, path, count)
        file.backup(backup)
        mark(file, path, 20)
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")

        backup.backup(file)

        assert sidecars._read(path).mark.count == 20  # type: ignore[union-attr]
        sidecars.refuse_foreign(path)


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
def test_what_is_beside_an_empty_file_is_left_of_another(
    path: Path, suffix: str
) -> None:
    beside(path).replace(beside(path, suffix))
    if suffix == "-journal":
        beside(path, suffix).write_bytes(journal(4))
    path.write_bytes(b"")

    with pytest.raises(IoFailed, match="is no longer there"):
        sidecars.refuse_foreign(path)


def test_a_later_mark_of_another_file_is_seen_behind_a_transaction_that_needs_nothing(
    path: Path,
) -> None:
    """After VACUUM a log is whole by itself, and can still be another file's."""
    path.with_name("kept").unlink()
    leave_marked_log(path, 11, 12, vacuums=True)
    sidecars.refuse_foreign(path)  # of its own file

    backup = path.with_name("backup.db")
    shutil.copyfile(path, backup)
    backup.replace(path)

    with pytest.raises(IoFailed, match="was left by another file"):
        sidecars.refuse_foreign(path)
