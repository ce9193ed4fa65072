"""The embedded file: one connection, in a thread of its own (aiosqlite)."""

import asyncio
import json
import os
import sqlite3
from collections.abc import (
    AsyncIterator,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

import aiosqlite

from todo_cli.database import files, run, sidecars
from todo_cli.database.url import SqliteTarget
from todo_cli.errors import DatabaseBusy
from todo_cli.task import format_instant

_WAIT_S: Final = 0.1
"""How long the driver waits for a lock inside one call, where a signal cannot
reach it.
"""

SET_UP: Final = """
PRAGMA synchronous=FULL;  -- commits survive a power cut
PRAGMA foreign_keys=ON;
PRAGMA trusted_schema=OFF;  -- what a file's schema might run is not trusted
"""

_FROM_FILE: Final[Mapping[str, Callable[[Any], Any]]] = {
    "uuid": UUID,
    "instant": datetime.fromisoformat,
    "boolean": bool,
}
"""How a column is read that SQLite stores as text or as a number."""


def to_file(value: Any) -> Any:
    """Turn a value into what SQLite can store: texts, and a list as JSON."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, list | tuple):
        return json.dumps([to_file(each) for each in value])
    return value


def from_file(rows: Iterable[run.Row], kinds: Sequence[str]) -> list[run.Row]:
    """Turn rows as SQLite has them into rows of Python's values, column by
    column.
    """
    if not any(kinds):
        return list(rows)
    columns = list(zip(*rows, strict=True))
    for place, kind in enumerate(kinds):
        if kind and columns:
            columns[place] = _column(columns[place], _FROM_FILE[kind])
    return list(zip(*columns, strict=True))


def _column(
    values: Sequence[Any], read: Callable[[Any], Any]
) -> tuple[Any, ...]:
    return tuple(None if value is None else read(value) for value in values)


class SqliteConnection:
    """One open file. aiosqlite runs each call in its thread, so the loop stays
    free.
    """

    is_sqlite = True
    dialect = "sqlite"

    def __init__(self, driver: aiosqlite.Connection, path: Path) -> None:
        self.driver = driver
        self.statements = run.load("sqlite")
        self.file = files.identify(path)
        self.changed = files.last_change(path)
        self._path = path

    async def fetch(
        self, statement: str | run.Statement, /, **values: Any
    ) -> list[run.Row]:
        """See `run.Connection`."""
        if isinstance(statement, str):
            statement = self.statements[statement]
        given = {name: to_file(value) for name, value in values.items()}
        rows = await self.driver.execute_fetchall(statement.sql, given)
        return from_file(rows, statement.kinds)

    async def store(
        self, name: str, rows: Sequence[Mapping[str, Any]]
    ) -> None:
        """See `run.Connection`."""
        given = [
            {key: to_file(value) for key, value in row.items()} for row in rows
        ]
        await self.driver.executemany(self.statements[name].sql, given)

    async def execute(self, sql: str) -> None:
        """See `run.Connection`; one statement."""
        # To its end: a statement that has a row left would keep its lock.
        await self.driver.execute_fetchall(sql)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """See `run.Connection`. A change leaves a mark in the file."""
        try:
            await self.execute("BEGIN IMMEDIATE")
            changes = self.driver.total_changes
            yield
            if self.driver.total_changes != changes:
                await self._mark()
            await self.execute("COMMIT")
        except BaseException:
            # A BEGIN whose caller was cancelled runs to its end in the thread.
            # SQLite may have rolled back by itself, or not have begun, or be
            # closed.
            with suppress(sqlite3.Error, ValueError):
                await self.execute("ROLLBACK")
            raise

    async def _mark(self) -> None:
        """Leave the mark of this transaction in the header of the file."""
        [(count, application_id)] = await self.fetch("marks")
        last = sidecars.Mark(count, application_id)
        mark = sidecars.next_mark(last, self.file, self._path)
        await self.execute(f"PRAGMA user_version = {mark.count}")
        await self.execute(f"PRAGMA application_id = {mark.files}")


class File:
    """The one connection to an embedded file, which has one writer at a
    time.
    """

    def __init__(self, target: SqliteTarget, *, busy_for_s: float) -> None:
        self._path = target.path
        self._place = target.place
        self._busy_for_s = busy_for_s
        self._free = asyncio.Semaphore(1)
        self._open: SqliteConnection | None = None

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[SqliteConnection]:
        """Hand the connection out to one caller at a time; open the file if
        need be.

        Raises:
            DatabaseBusy: it was not free within 5 s.
            LeftBehind: a log or a journal of another file is beside the file.
        """
        try:
            async with asyncio.timeout(self._busy_for_s):
                await self._free.acquire()
        except TimeoutError as error:
            message = f"All connections to {self._place} are in use"
            raise DatabaseBusy(message, hint="try again") from error
        try:
            yield await self._current()
        finally:
            self._free.release()

    async def _current(self) -> SqliteConnection:
        if self._open is not None and self._is_other_file(self._open):
            await self.close()
        if self._open is None:
            self._open = await self._connect()
        return self._open

    def _is_other_file(self, connection: SqliteConnection) -> bool:
        """Whether the file was replaced, or copied over, since it was opened.

        Nobody would see the tasks of the file that is gone. Where the log
        holds something, the keeper has looked already.
        """
        changed = files.last_change(self._path)
        if files.identify(self._path) != connection.file:
            return True
        if changed != connection.changed and sidecars.has_empty_log(
            self._path
        ):
            return True
        connection.changed = changed
        return False

    async def _connect(self) -> SqliteConnection:
        sidecars.refuse_foreign(self._path)
        uri = f"file:{quote(os.fsencode(self._path))}?mode=rw"
        driver = await aiosqlite.connect(
            uri, uri=True, timeout=_WAIT_S, isolation_level=None
        )
        try:
            await driver.executescript(SET_UP)
        except BaseException:
            await driver.close()
            raise
        return SqliteConnection(driver, self._path)

    async def close(self) -> None:
        """Close the file, if it is open."""
        opened, self._open = self._open, None
        if opened is not None:
            await opened.driver.close()
