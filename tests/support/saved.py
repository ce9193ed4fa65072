"""What a store holds, kept to be put into an empty one again: for many tests that begin
with the same tasks, which take long to make.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from io import BytesIO
from typing import Final

import asyncpg

from tests.support.kept import ask
from tests.support.stores import Store
from todo_cli.database.url import SqliteTarget

TABLES: Final = ("task", "counter", "tag", "operation", "change", "token")
COLUMNS: Final = """SELECT array_agg(attname ORDER BY attnum) FROM pg_attribute
    WHERE attrelid = ('todo.' || $1)::regclass
    AND attnum > 0 AND NOT attisdropped AND attgenerated = ''"""
"""The columns of a table that can be written."""


@dataclass(frozen=True, slots=True)
class Saved:
    """The rows of a store: a whole file, or each table of a server as COPY writes it."""

    file: bytes = b""
    tables: Mapping[str, bytes] = field(default_factory=dict)


async def save(store: Store) -> Saved:
    """Read all that a store holds."""
    target = store.target
    if isinstance(target, SqliteTarget):
        with (
            closing(sqlite3.connect(target.path)) as file,
            closing(sqlite3.connect(":memory:")) as memory,
        ):
            file.backup(memory)
            rows = memory.serialize()
            # There is no log in memory, so it must not seem to have one.
            return Saved(rows[:18] + b"\x01\x01" + rows[20:])
    return Saved(tables=await ask(store.url, _read))


async def _read(
    connection: "asyncpg.Connection[asyncpg.Record]",
) -> dict[str, bytes]:
    tables = {}
    for table in TABLES:
        copied = BytesIO()
        await connection.copy_from_table(
            table,
            schema_name="todo",
            columns=await connection.fetchval(COLUMNS, table),
            output=copied,
            format="binary",
        )
        tables[table] = copied.getvalue()
    return tables


async def put_back(store: Store, saved: Saved) -> None:
    """Fill an empty store; programs may have it open."""
    target = store.target
    if isinstance(target, SqliteTarget):
        with (
            closing(sqlite3.connect(target.path)) as file,
            closing(sqlite3.connect(":memory:")) as memory,
        ):
            memory.deserialize(saved.file)
            memory.backup(file)
        return

    async def write(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        for table, rows in saved.tables.items():
            await connection.copy_to_table(
                table,
                schema_name="todo",
                columns=await connection.fetchval(COLUMNS, table),
                source=BytesIO(rows),
                format="binary",
            )

    await ask(store.url, write)
