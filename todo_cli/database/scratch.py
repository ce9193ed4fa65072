"""Keep the rows of an import or a backup between its source and its target.

Every row is checked before the first one is written, and a lost answer makes
us write them again. A file can have more rows than memory can hold, so they
are in a temporary database. SQLite keeps it in memory while it is small, and
then in a file that has no name: nobody else can open it, and it is gone when
the program ends, however it ends.
"""

import sqlite3
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Any, Final, NamedTuple
from uuid import UUID

import aiosqlite

from todo_cli.database import run
from todo_cli.database.run import Record, Row
from todo_cli.database.sqlite import stream, to_file
from todo_cli.disk import DiskFailed

_TEMPORARY: Final = ""
"""SQLite's name of a temporary database."""
_SET_UP: Final = """
PRAGMA journal_mode=OFF;  -- nothing is ever rolled back
PRAGMA cache_size=-16384;  -- KiB in memory before there is a file
BEGIN;  -- a commit of each row would take time
"""
_KEYS: Final[Mapping[str, Sequence[str]]] = {
    "task": ("UNIQUE (id)", "UNIQUE (user_id, number)"),
    "counter": ("PRIMARY KEY (user_id)",),
    "operation": ("PRIMARY KEY (user_id, number)",),
    "change": ("PRIMARY KEY (user_id, operation, task_id)",),
}
"""The keys of the tables here.

They find two tasks of one id or number, and two operations of one number, and
give every user one counter.
"""
_FIELDS: Final[Mapping[str, str]] = {
    "operation": "number",
    "change": "task_id",
}
"""The field that makes a row the same as another one, but for tasks."""
_ADDING: Final[Mapping[str, str]] = {
    # In a store, a number that is taken is an error.
    "task": "scratch_task",
    "counter": "raise_counter",
}
"""The statements that add a row, where it is not the one of an import."""
_CANDIDATES: Final = """
CREATE TABLE candidate (
    place INTEGER PRIMARY KEY, id UNIQUE, number UNIQUE, task
)"""
"""Only the records of `todo import` are in it."""
_PART_LENGTH: Final = 16_000_000
"""How many bytes of records are read at once, so that round trips are few."""
_FULL: Final = "SQLITE_FULL"


class Last(NamedTuple):
    """The last operation of a user."""

    user: str
    number: int
    id: UUID


class Scratch:
    """The temporary database of one import or backup."""

    def __init__(self, driver: aiosqlite.Connection) -> None:
        self._driver = driver
        self._statements = run.load("sqlite")

    async def clear(self) -> None:
        """Begin anew, without rows."""
        for table in self._statements.tables:
            names = self._statements.columns(table).values()
            parts = [*names, *_KEYS.get(table, ())]
            await self._execute(f"DROP TABLE IF EXISTS {table}")
            await self._execute(f"CREATE TABLE {table} ({', '.join(parts)})")

    async def add(
        self, table: str, rows: Sequence[Record]
    ) -> Mapping[int, str]:
        """Add rows, but none whose key another one has.

        Returns the positions of such rows, and which field it is: of a task
        its id or number. Of two counters of a user the higher one stays.
        """
        sql = self._statements[_ADDING.get(table, f"copy_{table}")].sql
        same_id = self._statements["has_id"].sql
        given = [_converted(row) for row in rows]

        def insert() -> dict[int, str]:
            taken = {}
            driver = self._driver._conn
            for position, values in enumerate(given):
                if driver.execute(sql, values).rowcount > 0:
                    continue
                if table in _FIELDS:
                    taken[position] = _FIELDS[table]
                    continue
                other = driver.execute(same_id, values).fetchone()
                taken[position] = "number" if other is None else "id"
            return taken

        with _explaining():
            # aiosqlite has no method for such a loop.
            execute: Any = self._driver._execute
            found: dict[int, str] = await execute(insert)
        return found

    async def give(self, old: str, new: str) -> bool:
        """Make everything of one user another one's.

        Both can have a history, if the other one has purged all tasks. Then
        that of `old` is dropped, and the result is False.
        """
        if old == new:
            return True
        # Both can have a counter: the higher one stays.
        await self._run("raise_to_heir", old=old, new=new)
        await self._run("drop_counter", old=old)
        users = {last.user for last in await self.last_operations()}
        is_whole = not users.issuperset([old, new])
        if not is_whole:
            await self._run("drop_operation", old=old)
            await self._run("drop_change", old=old)
        for table in self._statements.tables:
            await self._run(f"give_{table}", old=old, new=new)
        return is_whole

    async def raise_counters(self) -> None:
        """Raise every counter to the highest numbers of its user.

        That of a restored table can be behind, or missing.
        """
        await self._run("raise_to_tasks")
        await self._run("raise_to_operations")
        await self._run("raise_to_changes")

    async def last_operations(self) -> list[Last]:
        """Return the last operation of each user who has one, by user."""
        rows = await self._run("last_operations")
        return [Last(user, number, UUID(id)) for user, number, id in rows]

    async def owners(self) -> list[str]:
        """Return the users who have tasks, in the order of their names."""
        rows = await self._run("task_owners")
        return [user for (user,) in rows]

    async def count(self, table: str) -> int:
        """Return how many rows a table has."""
        [(count,)] = await self._run(f"count_{table}")
        return int(count)

    async def read(
        self, table: str, most: int
    ) -> AsyncGenerator[list[Record]]:
        """Yield all rows of a table, at most `most` at a time.

        They have the order of `read_TABLE`. Close the iterator at the end.
        """
        compiled = self._statements[f"read_{table}"]
        names = self._statements.columns(table)
        with _explaining():
            async with aclosing(stream(self._driver, compiled, most)) as parts:
                async for rows in parts:
                    yield [dict(zip(names, row, strict=True)) for row in rows]

    async def clear_candidates(self) -> None:
        """Begin anew with the records of `todo import`."""
        await self._execute("DROP TABLE IF EXISTS candidate")
        await self._execute(_CANDIDATES)

    async def keep_candidates(
        self, rows: Sequence[Record]
    ) -> Mapping[int, str]:
        """Keep records, but none whose id or number another one has.

        Their places follow each other. Returns the positions of such rows, and
        which field it is.
        """
        if not rows:
            return {}
        with _explaining():
            await self._driver.executemany(
                self._statements["keep_candidate"].sql, rows
            )
        first = rows[0]["place"]
        kept = await self._run(
            "kept_candidates", first=first, end=first + len(rows)
        )
        taken = {}
        if len(kept) < len(rows):
            places = {place for (place,) in kept}
            for position, row in enumerate(rows):
                if row["place"] not in places:
                    others = await self._run("has_candidate", id=row["id"])
                    taken[position] = "id" if others else "number"
        return taken

    async def stream(self, name: str, most: int) -> AsyncGenerator[list[Row]]:
        """Yield the rows of a query, at most `most` at a time.

        Close the iterator at the end.
        """
        with _explaining():
            found = stream(
                self._driver, self._statements[name], most, _PART_LENGTH
            )
            async with aclosing(found) as parts:
                async for rows in parts:
                    yield rows

    async def _run(self, name: str, **values: Any) -> Sequence[Any]:
        """Run a statement, given by name, and return its rows."""
        return await self._execute(self._statements[name].sql, values)

    async def _execute(
        self, sql: str, values: Mapping[str, Any] | None = None
    ) -> Sequence[Any]:
        """Run constant SQL and return its rows."""
        with _explaining():
            return list(await self._driver.execute_fetchall(sql, values))


@asynccontextmanager
async def open_scratch() -> AsyncIterator[Scratch]:
    """Yield a temporary database without tables; it is gone at the end."""
    driver = await aiosqlite.connect(_TEMPORARY, isolation_level=None)
    try:
        await driver.executescript(_SET_UP)
        yield Scratch(driver)
    finally:
        await driver.close()


@contextmanager
def _explaining() -> Iterator[None]:
    """Have an error say that it is about the temporary file.

    Raises:
        DiskFailed: the file cannot be made, or cannot grow.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        words = "the disk refuses it"
        if error.sqlite_errorname == _FULL:
            words = "the disk is full"
        raise DiskFailed(
            f"The temporary file cannot be written: {words}",
            hint="nothing was copied; make room in the folder for temporary "
            "files, or name another one in TMPDIR",
        ) from error


def _converted(row: Record) -> Record:
    """Return the values of a row as SQLite has them."""
    return {name: to_file(row[name]) for name in row}
