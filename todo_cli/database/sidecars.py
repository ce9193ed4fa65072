"""Check the log and the journal beside the embedded file before SQLite does.

SQLite takes any `-wal` or `-journal` beside a file for that file's own. If a
backup replaces the file and they are left behind, SQLite overwrites the backup
with pages of the old file.

So each of our transactions writes a mark into the header of the file. The
header is also copied into the log or the journal, and the marks are compared
before SQLite opens a file. In unclear cases SQLite opens the file as usual.

Formats: https://sqlite.org/fileformat2.html, sections 1.3 (header), 3
(journal) and 4 (log).
"""

import os
import stat
import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from todo_cli import disk
from todo_cli.database.attempts import Passing
from todo_cli.database.files import Identity, identify, uri
from todo_cli.errors import IoFailed

if TYPE_CHECKING:
    import sqlite3

_LOG_START: Final = struct.Struct(">8I")
"""The header of a log.

Magic number, version, page size, checkpoints, two salts, two checksums. The
last bit of the magic number is the byte order.
"""
_LOG_MAGIC: Final = 0x377F0682
_FRAME_START: Final = struct.Struct(">6I")
"""The header of a frame, which a page follows.

Page number, pages of the file after this commit (0: no commit), two salts, two
checksums.
"""
_JOURNAL_START: Final = struct.Struct(">8s5I")
"""The header of a journal.

Magic bytes, records (0: not synced yet), nonce, pages of the file before,
sector size, page size.
"""
_JOURNAL_MAGIC: Final = bytes.fromhex("d9d505f920a163d7")
_DATABASE: Final = b"SQLite format 3\0"
"""How every database begins, if it is not empty."""
_HEADER_MARK: Final = struct.Struct(">60xi4xI")
"""The position of the mark in the first page of a file."""
_LOCK_PLACE: Final = 2**30
"""The offset of the page that holds the locks.

SQLite never writes that page.
"""
_MOST_LOOKS: Final = 20
"""How often to read again if another process restarts the log meanwhile."""


class LeftBehind(IoFailed):
    """A log or a journal belongs to another file."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a transaction writes into the header of the file.

    SQLite stores it as `user_version` and `application_id`. Both are 0 before
    the first transaction.
    """

    count: int
    """One more than in the transaction before.

    The first one of a file is random, so that marks of different files differ.
    """
    files: int
    """The last bits of the inode numbers of the file and the log.

    0 means that there is no log. The count is added to the log's bits, so that
    a count of another program does not fit.
    """

    def is_of_log(self, log: int) -> bool:
        """Whether we wrote this mark into the log with this inode number.

        A page that was copied from elsewhere has another mark.
        """
        log_bits = (self.files - self.count) & 0xFFFF
        return self.files != 0 and log_bits == log & 0xFFFF

    def is_of_file(self, file: int) -> bool:
        """Whether a mark of ours was written into the file with this inode."""
        return self.files >> 16 == file & 0x7FFF


def next_mark(last: Mark, file: Identity | None, path: Path) -> Mark:
    """Return the mark of a transaction that is about to commit.

    `file` is the identity of the file that was opened at this path.
    """
    count = last.count + 1
    if last.count == 0:
        # At most 30 bits: SQLite stores a signed number of 32 bits, which must
        # have room to grow.
        count = 1 + int.from_bytes(os.urandom(4), "big") // 4
    log = identify(disk.beside(disk.real(path), "-wal"))
    if file is None or log is None:
        return Mark(count, 0)
    file_bits = file[1] & 0x7FFF
    log_bits = (log[1] + count) & 0xFFFF
    return Mark(count, file_bits << 16 | log_bits)


def refuse_foreign(path: Path, *, is_open: bool = False) -> None:
    """Raise an error if a log or a journal of another file is beside the file.

    Nothing is changed. With `is_open`, the file was written to since the last
    check, by a checkpoint or by `cp`. A checkpoint may have been killed.

    Raises:
        LeftBehind: SQLite would write pages of another file into this one, or
            delete what is left of a file that is gone.
        Passing: an open file cannot be read at the moment.
    """
    # SQLite, too, follows a symlink before it looks for them.
    path = disk.real(path)
    is_foreign = _is_foreign(path, disk.beside(path, "-wal"), _log_differs)
    if is_foreign is None and is_open:
        # SQLite would find it malformed: `cp` may be in the middle of it.
        raise Passing(
            f"{path} is being written by another program", hint="try again"
        )
    if is_foreign:
        raise _refusal(path, "-wal", f"{path.name}-wal and {path.name}-shm")
    if _is_foreign(path, disk.beside(path, "-journal"), _journal_differs):
        raise _refusal(path, "-journal", f"{path.name}-journal")


def has_empty_log(path: Path) -> bool:
    """Whether the file is open somewhere and its log is empty.

    Then no checkpoint changes the file.
    """
    log = disk.status(disk.beside(disk.real(path), "-wal"))
    return log is not None and log.st_size == 0


def _refusal(path: Path, suffix: str, names: str) -> LeftBehind:
    """Return the error, with a hint that depends on what is missing."""
    if disk.size(path) > 0:
        return LeftBehind(
            f"{path}{suffix} was left by another file than {path}",
            hint=f"nothing was changed; end all programs that use {path.name}, "
            "`todo serve` too; if this stays, "
            f"move {names} away",
        )
    return LeftBehind(
        f"{path}{suffix} was left by a file that is no longer there",
        hint=f"nothing was changed; put {path.name} back, or move {names} away, too",
    )


@dataclass(frozen=True, slots=True)
class _File:
    """What a file contains, apart from its log and its journal.

    All values are 0 if the file is empty, missing or no database.
    """

    page_size: int = 0
    pages: int | None = 0
    """None if it is unknown."""
    mark: Mark = Mark(0, 0)
    inode: int = 0
    stored: int | None = None
    """The pages that are there, if the header says that there are more.

    That is so in the middle of a checkpoint or of `cp`, and stays so if they
    are killed.
    """


def _read(path: Path) -> _File | None:
    """Read the header of a file; None if that fails.

    SQLite reads it for us. Closing the file ourselves would release every lock
    that this process holds on it (https://sqlite.org/howtocorrupt.html, 2.2).
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return _File()
    if found.st_size == 0:
        return _File()
    # Late: some Pythons lack it, and a server does not need it.
    import sqlite3

    # Immutable: SQLite ignores the log, the journal and the locks.
    address = f"{uri(path)}?mode=ro&immutable=1"
    stored: int | None = None
    try:
        with closing(sqlite3.connect(address, uri=True)) as file:
            try:
                count, files, page_size = _header(file)
            except sqlite3.Error:
                # With this setting SQLite reads a file that is too short.
                file.execute("PRAGMA writable_schema = ON")
                count, files, page_size = _header(file)
                stored = found.st_size // page_size
            pages = _pages(file) if stored is None else None
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", None)
        return _File() if name == "SQLITE_NOTADB" else None
    # SQLite returns a signed number.
    mark = Mark(count, files & 0xFFFF_FFFF)
    return _File(page_size, pages, mark, found.st_ino, stored)


def _header(file: "sqlite3.Connection") -> tuple[int, int, int]:
    """Return the two numbers of the mark, and the size of a page."""
    count, files, page_size = (
        file.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("user_version", "application_id", "page_size")
    )
    return count, files, page_size


def _pages(file: "sqlite3.Connection") -> int | None:
    """Return the number of pages; None if the schema is unreadable."""
    import sqlite3

    pages: int
    try:
        [pages] = file.execute("PRAGMA page_count").fetchone()
    except sqlite3.Error:
        return None
    return pages


_Differs = Callable[[int, bytes, _File], bool | None]
"""Whether the log or journal with this start is another file's.

None means that SQLite cannot read the file yet.
"""


def _is_foreign(path: Path, beside: Path, differs: _Differs) -> bool | None:
    """Whether a log or journal certainly belongs to another file.

    None means that the file cannot be read. `differs` decides for a log or a
    journal.

    Raises:
        LeftBehind: it is neither, but a database.
    """
    try:
        found = beside.stat()
        if found.st_size == 0 or not stat.S_ISREG(found.st_mode):
            return False
        # Opening is safe here: SQLite has no locks on these files that our
        # closing would release.
        descriptor = os.open(beside, os.O_RDONLY)
    except OSError:
        return False
    try:
        if os.pread(descriptor, len(_DATABASE), 0) == _DATABASE:
            raise LeftBehind(
                f"{beside} is a database, and SQLite would overwrite it",
                hint="nothing was changed; move it away, "
                f"or use another file than {path.name}",
            )
        return _look_until_it_stays(path, beside, descriptor, differs)
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _look_until_it_stays(
    path: Path,
    beside: Path,
    descriptor: int,
    differs: _Differs,
) -> bool | None:
    """Read log and file again until both are unchanged while they are read.

    Another process may be writing. A log or journal that starts anew has other
    random numbers in its first bytes. While these are the same, what was read
    from both belongs together.
    """
    for _ in range(_MOST_LOOKS):
        start = os.pread(descriptor, _LOG_START.size, 0)
        file = _read(path)
        if file is None:
            return None
        found = differs(descriptor, start, file)
        if not found:
            return found
        is_same = os.path.samestat(os.fstat(descriptor), beside.stat())
        stays = os.pread(descriptor, _LOG_START.size, 0) == start
        if is_same and stays and _read(path) == file:
            return True
    return False


# The log


@dataclass(frozen=True, slots=True)
class _Frame:
    """One frame of a log."""

    page: int
    pages: int
    """The pages of the file after this commit; 0 if it is no commit."""
    mark: Mark | None
    """The mark, in a frame of the first page."""


def _log_differs(log: int, start: bytes, file: _File) -> bool | None:
    """Whether SQLite would replay a log that does not continue the file.

    None means that it continues the file, and both together lack pages.
    """
    if _is_of_another_file(log, start, file):
        return True
    return False if _has_the_rest(log, start, file) else None


def _has_the_rest(log: int, start: bytes, file: _File) -> bool:
    """Whether a log contains all pages that the file lacks.

    That is so after a checkpoint that was killed: SQLite reads them from the
    log, and the next checkpoint writes them into the file.
    """
    if file.stored is None:
        return True
    pages, written, uncommitted = 0, set[int](), set[int]()
    for frame in _frames(log, start, file.page_size):
        uncommitted.add(frame.page)
        if frame.pages:
            pages = frame.pages
            written |= uncommitted
            uncommitted.clear()
    missing = set(range(file.stored + 1, pages + 1))
    missing.discard(_LOCK_PLACE // file.page_size + 1)
    return pages > 0 and missing <= written


def _is_of_another_file(log: int, start: bytes, file: _File) -> bool:
    """Whether SQLite would replay a log, and it does not continue the file."""
    if len(start) < _LOG_START.size:
        return False
    magic, _, page_size, _, *_ = _LOG_START.unpack(start)
    if magic & ~1 != _LOG_MAGIC or not page_size:
        return False

    def continues() -> bool:
        if file.page_size != page_size:
            return False
        frames = _frames(log, start, page_size)
        return _continues(frames, file, os.fstat(log).st_ino)

    if continues() or not _is_replayed(log, start, page_size):
        return False
    # A frame that is being written has its header before its page. So check
    # again now that a whole transaction is there.
    return not continues()


def _continues(frames: Iterator[_Frame], file: _File, log: int) -> bool:
    """Whether a log may have started on this file.

    A file has the mark of its last transaction: the one before the log, or one
    of the log's own. If the count is one of the log's and the mark differs, it
    is another file.

    That holds only for our own transactions. Another program can write any
    mark through SQLite. A restore by SQLite's backup API writes the mark of
    the backup and every other page. Such a transaction needs nothing of the
    file before it.
    """
    pages, is_marked = 0, False
    # Whether transactions with the file's count are the file's own.
    is_same: bool | None = None
    written: set[int] = set()
    for frame in frames:
        written.add(frame.page)
        if frame.pages and _is_whole(written, frame, file):
            return not _names_another_file(frames, file, log)
        if frame.pages:
            written.clear()
        pages = pages or frame.pages
        if frame.mark is not None:
            continues = _settles(frame.mark, file, log, is_same)
            if continues is not None:
                return continues
            is_marked = True
            is_same = _compared(frame.mark, file, log, is_same)
    if is_marked:
        return is_same is True
    # No mark, so no frame of the first page. That page contains the size of
    # the file, which therefore did not change.
    return pages == 0 or file.pages in (None, pages)


def _is_whole(written: set[int], frame: _Frame, file: _File) -> bool:
    """Whether the transaction of this commit wrote every page of the file."""
    has_lock_page = frame.pages * file.page_size > _LOCK_PLACE
    return len(written) >= frame.pages - has_lock_page


def _settles(
    mark: Mark, file: _File, log: int, is_same: bool | None
) -> bool | None:
    """Whether a log continues the file, if this mark decides it; else None.

    `is_same` is the result of the marks before.
    """
    ahead = mark.count - file.mark.count
    is_ours = mark.is_of_log(log)
    is_first = file.mark.count == 0 and ahead
    if ahead == 1 or is_first:
        is_of_file = not is_ours or mark.is_of_file(file.inode)
        return is_same is not False and is_of_file
    return True if ahead and not is_ours else None


def _compared(
    mark: Mark, file: _File, log: int, is_same: bool | None
) -> bool | None:
    """Return what is known of the marks with the file's count.

    The result is whether they are the file's own, including this mark.
    """
    if mark.count != file.mark.count or is_same:
        return is_same
    return mark == file.mark or not mark.is_of_log(log)


def _names_another_file(
    frames: Iterator[_Frame], file: _File, log: int
) -> bool:
    """Whether a mark of ours in this log was written for another file."""
    for frame in frames:
        mark = frame.mark
        if mark is None or not mark.is_of_log(log):
            continue
        if not mark.is_of_file(file.inode):
            return True
    return False


def _frames(log: int, start: bytes, page_size: int) -> Iterator[_Frame]:
    """Yield the frames since the log was started, the oldest first.

    Frames of an earlier use follow; they have other salts.
    """
    place = _LOG_START.size
    salts = start[16:24]
    while True:
        # The header of the page is enough; pages are large.
        length = _FRAME_START.size + _HEADER_MARK.size
        frame = os.pread(log, length, place)
        if len(frame) < length or frame[8:16] != salts:
            return
        page, pages, *_ = _FRAME_START.unpack_from(frame)
        mark = None
        if page == 1:
            numbers = _HEADER_MARK.unpack_from(frame, _FRAME_START.size)
            mark = Mark(*numbers)
        yield _Frame(page, pages, mark)
        place += _FRAME_START.size + page_size


def _is_replayed(log: int, start: bytes, page_size: int) -> bool:
    """Whether SQLite finds a whole transaction in the log.

    That is an unbroken chain of checksums from the start to a commit.
    """
    order = ">" if start[3] & 1 else "<"
    sums = _add_up(order, start[:24], (0, 0))
    if sums != _LOG_START.unpack(start)[6:]:
        return False
    place = _LOG_START.size
    while True:
        length = _FRAME_START.size + page_size
        frame = os.pread(log, length, place)
        if len(frame) < length or frame[8:16] != start[16:24]:
            return False
        sums = _add_up(order, frame[:8] + frame[_FRAME_START.size :], sums)
        _, pages, _, _, *told = _FRAME_START.unpack_from(frame)
        if sums != tuple(told):
            return False
        if pages:
            return True
        place += len(frame)


def _add_up(
    order: str, content: bytes, sums: tuple[int, int]
) -> tuple[int, int]:
    """Continue SQLite's checksum over some bytes."""
    one, other = sums
    for even, odd in struct.iter_unpack(f"{order}2I", content):
        one = (one + even + other) & 0xFFFFFFFF
        other = (other + odd + one) & 0xFFFFFFFF
    return one, other


# The journal


def _journal_differs(journal: int, start: bytes, file: _File) -> bool:
    """Whether SQLite would roll back a journal of another file.

    Its pages must be the file's own from before the last transaction.
    """
    if len(start) < _JOURNAL_START.size:
        return False
    values = _JOURNAL_START.unpack_from(start)
    magic, records, _, pages, sector, page_size = values
    # No pages: the file was being created, so there is nothing to restore.
    if magic != _JOURNAL_MAGIC or pages == 0:
        return False
    if file.page_size == 0:
        return True
    # No records: the file was not written to yet. SQLite would only truncate
    # it to the old size.
    if records == 0:
        return file.pages not in (None, pages)
    before = _count_before(journal, records, sector, page_size)
    return bool(before) and file.mark.count - before not in (0, 1)


def _count_before(
    journal: int, records: int, sector: int, page_size: int
) -> int:
    """Return the count in the first page before the transaction.

    0 means that the first part of the journal does not contain that page.
    """
    # A record is a page with its number before it and a checksum after it.
    length = 4 + _HEADER_MARK.size
    for record in range(records):
        place = sector + record * (page_size + 8)
        content = os.pread(journal, length, place)
        if len(content) < length:
            break
        if content[:4] == b"\x00\x00\x00\x01":
            return Mark(*_HEADER_MARK.unpack_from(content, 4)).count
    return 0
