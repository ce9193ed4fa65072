"""What a store's schema is, as the store itself says it: to compare one made in one way
with one made in another.
"""

import re
import sqlite3
from contextlib import closing
from typing import Any

import asyncpg

from tests.support.stores import Store
from todo_cli.database.url import SqliteTarget

PARTS = {
    "relations": """
        SELECT c.relname, c.relkind::text, c.relpersistence::text, c.relrowsecurity, c.reloptions
        FROM pg_class c WHERE c.relnamespace = 'todo'::regnamespace
    """,
    "columns": """
        SELECT c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
               pg_get_expr(d.adbin, d.adrelid), a.attidentity::text, a.attgenerated::text, a.attcollation
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'todo'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
    """,
    "constraints": """
        SELECT conrelid::regclass::text, conname, contype::text, pg_get_constraintdef(oid), convalidated
        FROM pg_constraint WHERE connamespace = 'todo'::regnamespace
    """,
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'todo'",
    "functions": "SELECT proname FROM pg_proc WHERE pronamespace = 'todo'::regnamespace",
    "triggers": "SELECT tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT tgisinternal",
}
Schema = dict[str, list[tuple[Any, ...]]]


async def read_schema(store: Store) -> Schema:
    """Everything that makes up the schema, in an order of its own."""
    if isinstance(target := store.target, SqliteTarget):
        with closing(sqlite3.connect(target.path)) as connection:
            return read_file(connection)
    server = await asyncpg.connect(store.url)
    try:
        return {
            part: sorted((tuple(row) for row in await server.fetch(query)), key=repr)
            for part, query in PARTS.items()
        }
    finally:
        await server.close()


def read_file(connection: sqlite3.Connection) -> Schema:
    """The structure of an embedded file. Its text is kept as it was written, and
    differs by the way it was made.
    """

    def rows(query: str, *values: str) -> list[tuple[Any, ...]]:
        return connection.execute(query, values).fetchall()

    tables = [
        name
        for (name,) in rows(
            "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        )
    ]
    named_indexes = [
        (table, *index[1:])
        for table in tables
        for index in rows("SELECT * FROM pragma_index_list(?)", table)
    ]
    schema: Schema = {
        "columns": [
            (table, *column)
            for table in tables
            for column in rows("SELECT * FROM pragma_table_xinfo(?)", table)
        ],
        "indexes": sorted(
            (
                *index,
                *rows(
                    "SELECT seqno, name, desc, coll, key FROM pragma_index_xinfo(?)",
                    index[1],
                ),
            )
            for index in named_indexes
        ),
        "foreign_keys": [
            (table, *key)
            for table in tables
            for key in rows("SELECT * FROM pragma_foreign_key_list(?)", table)
        ],
        "checks": sorted(
            (table, *check)
            for table in tables
            for check in checks(
                rows("SELECT sql FROM sqlite_master WHERE name = ?", table)[0][0]
            )
        ),
        "others": rows(
            "SELECT type, name, sql FROM sqlite_master WHERE type NOT IN ('table', 'index') ORDER BY 1, 2"
        ),
    }
    schema["indexed by"] = sorted(
        (name, normalised(sql))
        for name, sql in rows(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index'"
        )
    )
    return schema


def checks(sql: str) -> list[tuple[str, str]]:
    """The named CHECKs of a table's definition, each with its condition: SQLite has no
    list of them.
    """
    text = normalised(sql)
    found = []
    for match in re.finditer(r"CONSTRAINT (\w+) CHECK \(", text):
        depth, end = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        found.append((match[1], text[match.end() : end - 1]))
    return found


async def read_version(store: Store) -> list[str]:
    """What Alembic's version table holds."""
    if isinstance(target := store.target, SqliteTarget):
        with closing(sqlite3.connect(target.path)) as connection:
            return [
                row[0]
                for row in connection.execute("SELECT version_num FROM alembic_version")
            ]
    server = await asyncpg.connect(store.url)
    try:
        return [
            row[0]
            for row in await server.fetch(
                "SELECT version_num FROM todo.alembic_version"
            )
        ]
    finally:
        await server.close()


def without_version_table(schema: Schema) -> Schema:
    """A schema but for Alembic's table, which is not one of the models."""
    return {
        part: [row for row in rows if "alembic_version" not in repr(row)]
        for part, rows in schema.items()
    }


def normalised(sql: str | None) -> str:
    """SQL without its line breaks and optional quotes; SQLite keeps a definition as it
    was written.
    """
    text = " ".join((sql or "").replace('"', "").split())
    return re.sub(r"(?<=\() | (?=\))", "", text)
