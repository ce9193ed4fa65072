"""The store as its owner sees it, behind the program's back: plain drivers, plain SQL."""

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import asyncpg

from tests.support.kept import ask
from tests.support.stores import Store
from todo_cli.database.url import SqliteTarget

REFUSALS = (
    sqlite3.IntegrityError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.DataError,
)
"""What a store says to a row that breaks its rules."""

WHAT = [
    "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_t' ORDER BY 1",
    "SELECT relname, relkind FROM pg_class WHERE oid >= 16384 ORDER BY 1",
    "SELECT attname FROM pg_attribute WHERE attrelid >= 16384 AND attnum > 0 ORDER BY 1",
    "SELECT conname FROM pg_constraint WHERE oid >= 16384 ORDER BY 1",
]


def file_of(store: Store) -> Path:
    """The file of a store on SQLite."""
    assert isinstance(store.target, SqliteTarget)
    return store.target.path


@asynccontextmanager
async def connected(store: Store) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a store on PostgreSQL."""
    connection = await asyncpg.connect(store.url)
    try:
        yield connection
    finally:
        await connection.close()


async def run_sql(store: Store, sql: str) -> None:
    """Run one statement; `todo.` is left out on SQLite."""
    if store.kind == "sqlite":
        with closing(sqlite3.connect(file_of(store))) as file, file:
            file.execute(sql.replace("todo.", ""))
    else:
        await ask(store.url, lambda connection: connection.execute(sql))


async def fetch_all(store: Store, sql: str) -> list[tuple[object, ...]]:
    """Run one statement and return its rows; `todo.` is left out on SQLite."""
    if store.kind == "sqlite":
        with closing(sqlite3.connect(file_of(store))) as file:
            return list(file.execute(sql.replace("todo.", "")))
    rows = await ask(store.url, lambda connection: connection.fetch(sql))
    return [tuple(row) for row in rows]


async def what_exists(store: Store) -> Sequence[object]:
    """Everything there is where the store would be: files and folders, or schemas,
    tables, columns and keys.
    """
    if store.kind == "sqlite":
        return sorted(file_of(store).parent.rglob("*"))
    async with connected(store) as connection:
        return [
            tuple(row)
            for query in WHAT
            for row in await connection.fetch(query)
        ]
