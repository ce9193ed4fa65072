"""Run statements on the embedded file, on one connection of aiosqlite.

aiosqlite runs sqlite3 in a thread, so the event loop is not blocked.
"""

import asyncio
import json
import sqlite3
import traceback
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID, SafeUUID

import aiosqlite

from todo_cli import disk
from todo_cli.database import failures, files, run, search, sidecars
from todo_cli.database.attempts import Passing
from todo_cli.database.url import SqliteTarget
from todo_cli.errors import ConfigInvalid, DatabaseBusy
from todo_cli.task import format_instant

_WAIT_S: Final = 0.1
"""How long the driver waits for a lock in one call, in seconds.

Short, because a signal cannot interrupt it; `attempts.py` retries.
"""

OLDEST: Final = (3, 35)
"""The oldest version of SQLite that runs our statements (RETURNING)."""

SET_UP: Final = """
PRAGMA synchronous=FULL;  -- commits survive a power cut
PRAGMA cache_size=-8000;  -- KiB: a list can look at 1,001 tasks far apart
PRAGMA foreign_keys=ON;
PRAGMA secure_delete=ON;  -- what is purged does not stay in free parts of pages
PRAGMA trusted_schema=OFF;  -- what a file's schema might run is not trusted
"""

_NO_NAMES: Final = "[]"
_DIGITS: Final = 32
"""How many digits a UUID has."""
_SET_INT: Final[Any] = getattr(vars(UUID).get("int"), "__set__", None)
_SET_SAFETY: Final[Any] = getattr(vars(UUID).get("is_safe"), "__set__", None)
_IS_KNOWN: Final = None not in (_SET_INT, _SET_SAFETY)
"""Whether the class `UUID` is made as it is in the Pythons that we know."""
_UNKNOWN: Final = SafeUUID.unknown
_FIRST_READ: Final = "PRAGMA schema_version"
"""Makes SQLite open what it needs beside the file, here and not later."""


def _uuid(text: str) -> UUID:
    """Read a UUID; its own class takes twice as long for it."""
    digits = text.replace("-", "")
    if len(digits) != _DIGITS or not _IS_KNOWN:
        return UUID(text)
    made = object.__new__(UUID)
    # As the class itself does, which lets nobody else set anything.
    _SET_INT(made, int(digits, 16))
    _SET_SAFETY(made, _UNKNOWN)
    return made


def _boolean(value: Any) -> bool:
    """Read a boolean as SQLite does: any number but 0 is true."""
    return bool(abs(value) > 0)


def _names(value: Any) -> Any:
    """Read a list of names, of which most tasks have none."""
    if value == _NO_NAMES:
        return []
    return json.loads(value)


_FROM_FILE: Final[Mapping[str, Callable[[Any], Any]]] = {
    "uuid": _uuid,
    "instant": datetime.fromisoformat,
    "boolean": _boolean,
    "day": date.fromisoformat,
    "names": _names,
}
"""How to convert a column that SQLite stores as text or a number."""
_CANNOT: Final = (ValueError, TypeError, AttributeError)
"""What a conversion raises for a value of another program."""
_NOT_UTF_8: Final = "Could not decode to UTF-8"
_AT_ONCE: Final = 64
"""How many rows of a stream are fetched at once.

Few, because a row of another program can have a megabyte.
"""
_PART_LENGTH: Final = 4_000_000
"""How many characters a part of a stream has at most, if nobody says more."""


def require_version() -> None:
    """Refuse a SQLite that is too old for our statements.

    Raises:
        ConfigInvalid: it is; nothing was made yet.
    """
    if sqlite3.sqlite_version_info >= OLDEST:
        return
    raise ConfigInvalid(
        f"SQLite {sqlite3.sqlite_version} is too old; todo needs 3.35 or later",
        hint="use a newer Python, or a PostgreSQL database",
    )


def to_file(value: Any) -> Any:
    """Convert a value for SQLite.

    A UUID, a day and a datetime become text, a list becomes JSON.
    """
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        values = [to_file(each) for each in value]
        # As SQLite writes it, because texts are compared.
        return json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return value


def from_file(rows: list[run.Row], kinds: Sequence[str]) -> list[run.Row]:
    """Convert rows of SQLite to Python's values; forget the rows.

    `kinds` has an entry for each column. What cannot be converted stays as it
    is; `rows.py` says so.
    """
    if _FROM_FILE.keys().isdisjoint(map(_plain, kinds)):
        return rows
    parts = columns_of(rows, kinds)
    return [row for columns in parts for row in zip(*columns, strict=True)]


def columns_of(
    rows: list[run.Row], kinds: Sequence[str]
) -> Iterator[list[run.Column]]:
    """Convert the same, and yield columns, for some rows at a time."""
    readers = [_FROM_FILE.get(_plain(kind)) for kind in kinds]
    for columns in run.columns_of(rows):
        # One function for a whole column is faster than a test for every value.
        for place, read in enumerate(readers):
            if read is not None:
                columns[place] = _column(columns[place], read)
        yield columns


def _plain(kind: str) -> str:
    """Return the kind of a column, be it nullable or not."""
    return kind.removesuffix("?")


def _column(
    values: Sequence[Any], read: Callable[[Any], Any]
) -> tuple[Any, ...]:
    """Convert a column; NULL remains None.

    The usual cases first: a test of each value would take longer.
    """
    nulls = values.count(None)
    if nulls == len(values):
        return tuple(values)
    try:
        if nulls == 0:
            return tuple(map(read, values))
        return tuple(
            None if value is None else read(value) for value in values
        )
    except _CANNOT:
        return tuple(_attempt(value, read) for value in values)


def _attempt(value: Any, read: Callable[[Any], Any]) -> Any:
    """Convert a value, or return it as it is.

    `rows.py` then finds a value of another type than its column has.
    """
    try:
        return read(value)
    except _CANNOT:
        return value


async def stream(
    driver: aiosqlite.Connection,
    statement: run.Statement,
    most: int,
    longest: int | None = None,
) -> AsyncGenerator[list[run.Row]]:
    """Yield the rows of a statement without values, part by part.

    A part has at most `most` rows, and about `longest` characters. Close the
    iterator at the end: until then the statement keeps its lock.
    """
    cursor = await driver.execute(statement.sql)
    try:
        part: list[run.Row] = []
        length = 0
        while rows := list(await cursor.fetchmany(min(most, _AT_ONCE))):
            part += rows
            length += run.length(rows)
            is_full = len(part) + _AT_ONCE > most
            if is_full or length >= (longest or _PART_LENGTH):
                yield from_file(part, statement.kinds)
                part, length = [], 0
        if part:
            yield from_file(part, statement.kinds)
    finally:
        await cursor.close()


def _decode(text: bytes) -> str:
    """Decode text of another program; a byte that is not UTF-8 becomes `\\xff`."""
    return text.decode(errors="backslashreplace")


def _decode_exactly(text: bytes) -> str:
    """Decode text so that no byte is lost, not even one that is not UTF-8.

    Such a byte becomes a lone surrogate, as in Python's `sys.argv`.
    """
    return text.decode(errors="surrogateescape")


class NotUtf8(Passing):
    """Some text is not UTF-8: the whole call is repeated, after a rollback."""


class SqliteConnection:
    """One open file; see `run.Connection`.

    `file` and `changed` are its identity and last change when it was opened.
    With `is_frozen` it was opened for reading alone, without log and locks.
    """

    is_sqlite = True
    dialect = "sqlite"

    def __init__(
        self,
        driver: aiosqlite.Connection,
        path: Path,
        *,
        is_frozen: bool = False,
    ) -> None:
        self.driver = driver
        self.is_frozen = is_frozen
        self.statements = run.load("sqlite")
        self.file = files.identify(path)
        self.changed = files.last_change(path)
        self._path = path
        self._is_snapshot = False

    def claim(self, setting: str, value: str) -> None:
        """Do nothing: a file has no policies."""

    async def fetch(
        self, statement: str | run.Statement, /, **values: Any
    ) -> list[run.Row]:
        """See `run.Connection`."""
        if isinstance(statement, str):
            statement = self.statements[statement]
        given = {name: to_file(value) for name, value in values.items()}
        try:
            rows = await self._rows(statement.sql, given)
        except sqlite3.OperationalError as error:
            if _NOT_UTF_8 not in str(error):
                raise
            # The statement ends when nobody refers to its cursor any more; until
            # then it would keep its lock.
            traceback.clear_frames(error.__traceback__)
            if not self._is_snapshot:
                raise NotUtf8("Some text is not UTF-8") from error
            # Opened anew, it would show another state.
            self.driver.text_factory = _decode
            rows = await self._rows(statement.sql, given)
        if statement.is_raw:
            return rows
        return from_file(rows, statement.kinds)

    async def _rows(self, sql: str, values: Mapping[str, Any]) -> list[Any]:
        """Run a statement; return its rows as the driver has them."""
        return list(await self.driver.execute_fetchall(sql, values))

    async def store(self, name: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """See `run.Connection`."""
        statement = self.statements[name]
        given = []
        for row in rows:
            given.append({key: to_file(value) for key, value in row.items()})
        cursor = await self.driver.executemany(statement.sql, given)
        return cursor.rowcount

    store_all = store

    async def execute(self, sql: str) -> None:
        """See `run.Connection`; a single statement."""
        # Fetch all rows: an unfinished statement would keep its lock.
        await self.driver.execute_fetchall(sql)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[None]:
        """See `run.Connection`."""
        await self.execute("BEGIN")
        self._is_snapshot = True
        try:
            yield
        finally:
            self._is_snapshot = False
            # SQLite may have ended it already, or may be closed.
            with suppress(sqlite3.Error, ValueError):
                await self.execute("ROLLBACK")

    def stream(
        self, statement: run.Statement, most: int
    ) -> AsyncGenerator[list[run.Row]]:
        """Yield the rows of a statement, part by part; see `stream`."""
        return stream(self.driver, statement, most)

    async def distrust(self, longest: int) -> None:
        """Read a file of another program as it is.

        Bytes that are not UTF-8 become lone surrogates, which our rules
        refuse. A row of more than `longest` bytes is an error.
        """
        self.driver.text_factory = _decode_exactly
        category = sqlite3.SQLITE_LIMIT_LENGTH
        setlimit = self.driver._conn.setlimit
        # aiosqlite has no method for it; `_execute` calls it in its thread.
        await self.driver._execute(setlimit, category, longest)  # type: ignore[no-untyped-call]

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """See `run.Connection`.

        A transaction that changed rows also enters them into the index of
        words, and writes a mark into the file.
        """
        try:
            # IMMEDIATE locks before the first read. Else a write that depends
            # on that read could lose a concurrent change.
            await self.execute("BEGIN IMMEDIATE")
            changes = self.driver.total_changes
            yield
            changed = self.driver.total_changes - changes
            if changed:
                await search.enter(self, changed)
                await self._mark()
            await self.execute("COMMIT")
        except BaseException:
            # A BEGIN whose caller was cancelled still runs to its end in the
            # thread. SQLite may have rolled back already, may not have begun,
            # or may be closed.
            with suppress(sqlite3.Error, ValueError):
                await self.execute("ROLLBACK")
            raise

    async def _mark(self) -> None:
        """Write the mark of this transaction into the header of the file."""
        [(count, application_id)] = await self.fetch("marks")
        last = sidecars.Mark(count, application_id)
        mark = sidecars.next_mark(last, self.file, self._path)
        await self.execute(f"PRAGMA user_version = {mark.count}")
        await self.execute(f"PRAGMA application_id = {mark.files}")


class File:
    """The only connection to an embedded file.

    A file has one writer at a time. More connections of one process would only
    wait for each other's locks.
    """

    def __init__(self, target: SqliteTarget, *, busy_for_s: float) -> None:
        self._path = target.path
        self._place = target.place
        self._busy_for_s = busy_for_s
        self._free = asyncio.Semaphore(1)
        self._open: SqliteConnection | None = None
        self._is_utf_8 = True
        """Whether no text was found that is not UTF-8."""

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[SqliteConnection]:
        """Check the connection out, and open the file if necessary.

        Raises:
            DatabaseBusy: it did not become free within `busy_for_s` (default:
                5 s).
            LeftBehind: a log or a journal of another file is beside the file.
        """
        try:
            async with asyncio.timeout(self._busy_for_s):
                await self._free.acquire()
        except TimeoutError as error:
            message = f"All connections to {self._place} are in use"
            raise DatabaseBusy(message, hint="try again") from error
        try:
            connection = await self._current()
            if connection.is_frozen:
                async with self._used_once(connection):
                    yield connection
            else:
                yield connection
        except NotUtf8:
            # Opened anew, it decodes every text in Python, which takes longer.
            self._is_utf_8 = False
            await self.close()
            raise
        finally:
            self._free.release()

    @asynccontextmanager
    async def _used_once(
        self, connection: SqliteConnection
    ) -> AsyncIterator[None]:
        """Use a frozen file once: the next call may find room on the disk.

        Raises:
            Passing: another program has written meanwhile. What was read may
                be a mixture, even look damaged.
        """
        try:
            yield
        except sqlite3.Error as error:
            if self._has_moved(connection):
                raise self._moved() from error
            raise
        else:
            if self._has_moved(connection):
                raise self._moved()
        finally:
            await self.close()

    def _has_moved(self, connection: SqliteConnection) -> bool:
        """Whether the file or its log was written to since it was opened."""
        changed = files.last_change(self._path)
        is_same = files.identify(self._path) == connection.file
        is_still = is_same and changed == connection.changed
        return not is_still or not disk.is_at_rest(self._path)

    def _moved(self) -> Passing:
        return Passing(
            f"{self._place} is being written by another program",
            hint="try again",
        )

    async def _current(self) -> SqliteConnection:
        """Return the open connection; reopen a file that was replaced.

        A file that has got a second name since is reopened, too.
        """
        # A program that runs for days may see its file replaced by a backup.
        if self._open is not None and self._is_outdated(self._open):
            await self.close()
        if self._open is None:
            self._open = await self._connect()
        return self._open

    def _is_outdated(self, connection: SqliteConnection) -> bool:
        """Whether the file must be opened again.

        If it was replaced or overwritten, tasks written to the old file would
        be lost. If its log is not empty, `keeper.py` has checked that already.
        """
        changed = files.last_change(self._path)
        if files.identify(self._path) != connection.file:
            return True
        if disk.has_other_names(self._path):
            return True
        if changed != connection.changed and sidecars.has_empty_log(
            self._path
        ):
            return True
        connection.changed = changed
        return False

    async def _connect(self) -> SqliteConnection:
        """Open the file; errors are the driver's.

        Where the disk allows no writing, not even of the log's index, it is
        opened for reading alone. A write then fails, and says why. So is a
        file with several names: each name would get a log of its own.

        Raises:
            DiskFailed: there are several names, and changes beside this one.
        """
        # Before SQLite takes what may be the last descriptors.
        run.load("sqlite")
        sidecars.refuse_foreign(self._path)
        names = disk.look_at_names(self._path)
        if names is not None:
            if not disk.is_at_rest(self._path):
                raise names.error()
            return await self._frozen()
        try:
            # Never create the file: `files.make` does, with safe rights.
            return await self._opened("mode=rw")
        except sqlite3.Error as error:
            is_at_rest = disk.is_at_rest(self._path)
            if not failures.is_of_disk(error) or not is_at_rest:
                raise
        return await self._frozen()

    async def _frozen(self) -> SqliteConnection:
        """Open the file for reading alone, without log and locks."""
        return await self._opened("mode=ro&immutable=1", is_frozen=True)

    async def _opened(
        self, parameters: str, *, is_frozen: bool = False
    ) -> SqliteConnection:
        uri = f"{files.uri(self._path)}?{parameters}"
        # Before anything is read: what changes later is noticed.
        file = files.identify(self._path)
        changed = files.last_change(self._path)
        driver = await aiosqlite.connect(
            uri, uri=True, timeout=_WAIT_S, isolation_level=None
        )
        try:
            await driver.executescript(SET_UP + _FIRST_READ)
            if not self._is_utf_8:
                driver.text_factory = _decode
        except BaseException:
            # Else its thread would keep the process alive.
            await driver.close()
            raise
        connection = SqliteConnection(driver, self._path, is_frozen=is_frozen)
        if is_frozen:
            connection.file, connection.changed = file, changed
        return connection

    async def close(self) -> None:
        """Close the file if it is open."""
        opened, self._open = self._open, None
        if opened is not None:
            await opened.driver.close()
