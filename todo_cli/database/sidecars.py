"""What SQLite keeps beside the embedded file: a log or a journal of another
file is never replayed into it.

SQLite takes any `-wal` or `-journal` beside a file for that file's own. Who
puts a backup in the place of a file, and leaves them there, has the backup
overwritten by pages of the old file. So each of our transactions leaves a mark
in the header of the file. The header is copied into the log or the journal,
and the marks are compared before SQLite opens a file. What they do not tell is
not guessed: SQLite opens the file as it always did.

Formats: https://sqlite.org/fileformat2.html, sections 1.3 (header), 3
(journal) and 4 (log).
"""

import os
import sqlite3
import stat
import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from todo_cli.database.files import Identity, identify
from todo_cli.errors import DatabaseBusy, IoFailed

_LOG_START: Final = struct.Struct(">8I")
"""Magic number, version, page size, checkpoints, two salts, two checksums; the
last bit of the magic: byte order.
"""
_LOG_MAGIC: Final = 0x377F0682
_FRAME_START: Final = struct.Struct(">6I")
"""Page, pages of the file after this commit (0: no commit), two salts, two
checksums; then the page.
"""
_JOURNAL_START: Final = struct.Struct(">8s5I")
"""Magic bytes, records (0: not known to be on the disk yet), nonce, pages of
the file before, sector and page size.
"""
_JOURNAL_MAGIC: Final = bytes.fromhex("d9d505f920a163d7")
_HEADER_MARK: Final = struct.Struct(">60xi4xI")
"""Where a file's first page has the mark."""
_LOCK_PLACE: Final = 2**30
"""Where a file has the page of its locks, which is never written."""
_MOST_LOOKS: Final = 20
"""How often a log is read again that another process begins anew meanwhile."""


class LeftBehind(IoFailed):
    """A log or a journal is not of the file that it is beside."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a transaction writes into the header, as `user_version` and
    `application_id`; both 0 before the first.
    """

    count: int
    """One more than before; the first of a file is random, so that marks of
    different files differ.
    """
    files: int
    """Which file and which log were written to, by the last bits of their
    inode numbers; 0 where there is no log.

    The count is added to the log's, so that a count which another program
    wrote does not fit.
    """

    def is_of_log(self, log: int) -> bool:
        """Whether we wrote this mark into the log of this inode number; a page
        copied from elsewhere has another.
        """
        return (
            self.files != 0
            and (self.files - self.count) & 0xFFFF == log & 0xFFFF
        )

    def is_of_file(self, file: int) -> bool:
        """Whether it was written into the file of this inode number, if we
        wrote it at all.
        """
        return self.files >> 16 == file & 0x7FFF


def next_mark(last: Mark, file: Identity | None, path: Path) -> Mark:
    """The mark of a transaction that is about to be committed to the file that
    was opened at this path.
    """
    count = (
        last.count + 1
        if last.count
        else 1 + int.from_bytes(os.urandom(4), "big") // 4
    )
    log = identify(_beside(path.resolve(), "-wal"))
    return Mark(
        count,
        (file[1] & 0x7FFF) << 16 | (log[1] + count) & 0xFFFF
        if file and log
        else 0,
    )


def refuse_foreign(path: Path, *, is_open: bool = False) -> None:
    """Refuse to use a file while the log or the journal of another one is
    beside it; nothing is changed.

    A file that `is_open` already has been written to since it was looked at
    last, by a checkpoint or by `cp`.

    Raises:
        LeftBehind: SQLite would write pages of another file into this one, or
            would delete what is left of a file that is gone.
        DatabaseBusy: a file that is open cannot be read at the moment.
    """
    path = (
        path.resolve()
    )  # where SQLite looks for them, also if we came through a symlink
    is_foreign = _is_foreign(path, _beside(path, "-wal"), _log_differs)
    if is_foreign is None and is_open:
        raise DatabaseBusy(
            f"{path} is being written by another program", hint="try again"
        )
    if is_foreign:
        raise _refusal(path, "-wal", f"{path.name}-wal and {path.name}-shm")
    if _is_foreign(path, _beside(path, "-journal"), _journal_differs):
        raise _refusal(path, "-journal", f"{path.name}-journal")


def has_empty_log(path: Path) -> bool:
    """Whether somebody has the file open, and has not written to it: then no
    checkpoint changes it.
    """
    try:
        return _beside(path.resolve(), "-wal").stat().st_size == 0
    except OSError:
        return False


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _refusal(path: Path, suffix: str, names: str) -> LeftBehind:
    try:
        is_there = path.stat().st_size > 0
    except OSError:
        is_there = False
    if is_there:
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
    """What a file says of itself without its log and its journal; all 0 where
    it is empty, gone or no database.
    """

    page_size: int = 0
    pages: int | None = 0
    """None where it cannot be told: the file is in the middle of a checkpoint,
    perhaps.
    """
    mark: Mark = Mark(0, 0)
    inode: int = 0


def _read(path: Path) -> _File | None:
    """Read the header; None where that fails.

    SQLite does it: closing the file ourselves would let go of every lock that
    this process holds on it (https://sqlite.org/howtocorrupt.html, 2.2).
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return _File()
    if found.st_size == 0:
        return _File()
    # Immutable: SQLite leaves the log, the journal and the locks alone.
    uri = f"file:{quote(os.fsencode(path))}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as file:
            count, files, page_size = (
                file.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("user_version", "application_id", "page_size")
            )
            try:
                pages = file.execute("PRAGMA page_count").fetchone()[0]
            except sqlite3.Error:
                pages = None
    except sqlite3.Error as error:
        return (
            _File()
            if getattr(error, "sqlite_errorname", None) == "SQLITE_NOTADB"
            else None
        )
    mark = Mark(
        count, files & 0xFFFF_FFFF
    )  # which SQLite gives as a signed number
    return _File(page_size, pages, mark, found.st_ino)


def _is_foreign(
    path: Path, beside: Path, differs: Callable[[int, bytes, _File], bool]
) -> bool | None:
    """Whether what is beside a file is known not to be its own; None where the
    file cannot be read.

    Others may be writing. A log or a journal that begins anew has other random
    numbers in its first bytes: while these stay, what is read from it and from
    the file belongs together.
    """
    try:
        found = beside.stat()
        if found.st_size == 0 or not stat.S_ISREG(found.st_mode):
            return False
        # SQLite has no locks on these files that closing would let go of.
        descriptor = os.open(beside, os.O_RDONLY)
    except OSError:
        return False
    try:
        return _look_until_it_stays(path, beside, descriptor, differs)
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _look_until_it_stays(
    path: Path,
    beside: Path,
    descriptor: int,
    differs: Callable[[int, bytes, _File], bool],
) -> bool | None:
    for _ in range(_MOST_LOOKS):
        start = os.pread(descriptor, _LOG_START.size, 0)
        file = _read(path)
        if file is None:
            return None
        if not differs(descriptor, start, file):
            return False
        is_same = os.path.samestat(os.fstat(descriptor), beside.stat())
        stays = os.pread(descriptor, _LOG_START.size, 0) == start
        if is_same and stays and _read(path) == file:
            return True
    return False


# The log


@dataclass(frozen=True, slots=True)
class _Frame:
    page: int
    pages: int
    """How many pages the file has after this commit; 0 where it is none."""
    mark: Mark | None
    """In frames of the first page."""


def _log_differs(log: int, start: bytes, file: _File) -> bool:
    """Whether a log would be replayed, and does not continue the file."""
    if len(start) < _LOG_START.size:
        return False
    magic, _, page_size, _, *_ = _LOG_START.unpack(start)
    if magic & ~1 != _LOG_MAGIC or not page_size:
        return False

    def continues() -> bool:
        return file.page_size == page_size and _continues(
            _frames(log, start, page_size), file, os.fstat(log).st_ino
        )

    # A frame that is being written has its beginning before its page, so look
    # again once a whole transaction is there.
    return (
        not continues()
        and _is_replayed(log, start, page_size)
        and not continues()
    )


def _continues(frames: Iterator[_Frame], file: _File, log: int) -> bool:
    """Whether a log may have been begun on the file as it is, or on one of
    which the file has pages already.

    A file has the mark of the last transaction that is in it: the one before
    the log, or one of the log's own. With the count of one of the log's own,
    and another mark, it is another file. But that is known of our own
    transactions only. Another program can write any mark through SQLite: a
    restore by SQLite's backup API writes that of the backup, and every other
    page of it. Such a transaction needs nothing of the file.
    """
    pages, is_marked = 0, False
    is_same: bool | None = (
        None  # as the file, of the transactions with its count
    )
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
    # No mark: a file that grows or shrinks has another first page.
    return pages == 0 or file.pages in (None, pages)


def _is_whole(written: set[int], frame: _Frame, file: _File) -> bool:
    """Whether a transaction that ends here wrote every page of the file."""
    has_lock_page = frame.pages * file.page_size > _LOCK_PLACE
    return len(written) >= frame.pages - has_lock_page


def _settles(
    mark: Mark, file: _File, log: int, is_same: bool | None
) -> bool | None:
    """Whether a log continues the file, as far as this mark tells; None if it
    does not.

    `is_same` is what the marks before said of the file.
    """
    ahead = mark.count - file.mark.count
    is_ours = mark.is_of_log(log)
    if ahead == 1 or (
        file.mark.count == 0 and ahead
    ):  # the next one, or the first at all
        is_of_file = not is_ours or mark.is_of_file(file.inode)
        return is_same is not False and is_of_file
    return True if ahead and not is_ours else None


def _compared(
    mark: Mark, file: _File, log: int, is_same: bool | None
) -> bool | None:
    """What is known of marks with the file's count after one more mark: are
    they its own?
    """
    if mark.count != file.mark.count or is_same:
        return is_same
    return mark == file.mark or not mark.is_of_log(log)


def _names_another_file(
    frames: Iterator[_Frame], file: _File, log: int
) -> bool:
    """Whether one of these marks is ours, made in this very log, and says that
    it was another file's.
    """
    marks = (frame.mark for frame in frames if frame.mark is not None)
    return any(
        mark.is_of_log(log) and not mark.is_of_file(file.inode)
        for mark in marks
    )


def _frames(log: int, start: bytes, page_size: int) -> Iterator[_Frame]:
    """The frames since the log was begun, the oldest first; behind them are
    those of its use before.
    """
    place = _LOG_START.size
    salts = start[16:24]
    while True:
        frame = os.pread(log, _FRAME_START.size + _HEADER_MARK.size, place)
        if (
            len(frame) < _FRAME_START.size + _HEADER_MARK.size
            or frame[8:16] != salts
        ):
            return
        page, pages, *_ = _FRAME_START.unpack_from(frame)
        mark = (
            Mark(*_HEADER_MARK.unpack_from(frame, _FRAME_START.size))
            if page == 1
            else None
        )
        yield _Frame(page, pages, mark)
        place += _FRAME_START.size + page_size


def _is_replayed(log: int, start: bytes, page_size: int) -> bool:
    """Whether SQLite finds a whole transaction: unbroken sums from the
    beginning to a commit.
    """
    order = ">" if start[3] & 1 else "<"
    sums = _add_up(order, start[:24], (0, 0))
    if sums != _LOG_START.unpack(start)[6:]:
        return False
    place = _LOG_START.size
    while True:
        frame = os.pread(log, _FRAME_START.size + page_size, place)
        if (
            len(frame) < _FRAME_START.size + page_size
            or frame[8:16] != start[16:24]
        ):
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
    one, other = sums
    for even, odd in struct.iter_unpack(f"{order}2I", content):
        one = (one + even + other) & 0xFFFFFFFF
        other = (other + odd + one) & 0xFFFFFFFF
    return one, other


# The journal


def _journal_differs(journal: int, start: bytes, file: _File) -> bool:
    """Whether a journal would be rolled back, and its pages are not the file's
    of before its last transaction.
    """
    if len(start) < _JOURNAL_START.size:
        return False
    magic, records, _, pages, sector, page_size = _JOURNAL_START.unpack_from(
        start
    )
    if (
        magic != _JOURNAL_MAGIC or pages == 0
    ):  # 0: the file was only being made
        return False
    if file.page_size == 0:
        return True
    if (
        records == 0
    ):  # then the file was not written to yet, and would only be cut
        return file.pages not in (None, pages)
    before = _count_before(journal, records, sector, page_size)
    return bool(before) and file.mark.count - before not in (0, 1)


def _count_before(
    journal: int, records: int, sector: int, page_size: int
) -> int:
    """The count in the first page as it was before; 0 where the journal's
    first part does not have that page.
    """
    for record in range(records):
        content = os.pread(
            journal, 4 + _HEADER_MARK.size, sector + record * (page_size + 8)
        )
        if len(content) < 4 + _HEADER_MARK.size:
            break
        if content[:4] == b"\x00\x00\x00\x01":
            return Mark(*_HEADER_MARK.unpack_from(content, 4)).count
    return 0
