"""The schema of a store as the store describes it, to compare two ways of making one."""

import re
import sqlite3
from contextlib import closing
from typing import Any

import asyncpg

from tests.support.stores import Store
from todo_cli.database.url import SqliteTarget

PARTS = {
    "relations": """
        SELECT c.relname, c.relkind::text, c.relpersistence::text, c.relrowsecurity,
            c.reloptions
        FROM pg_class c WHERE c.relnamespace = 'todo'::regnamespace
    """,
    "columns": """
        SELECT c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod),
            a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attidentity::text,
            a.attgenerated::text, a.attcollation
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'todo'::regnamespace AND c.relkind = 'r'
            AND a.attnum > 0 AND NOT a.attisdropped
    """,
    "constraints": """
        SELECT conrelid::regclass::text, conname, contype::text,
            pg_get_constraintdef(oid), convalidated
        FROM pg_constraint WHERE connamespace = 'todo'::regnamespace
    """,
    "indexes": """
        SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'todo'
    """,
    "functions": """
        SELECT proname FROM pg_proc WHERE pronamespace = 'todo'::regnamespace
    """,
    "triggers": """
        SELECT tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE NOT tgisinternal
    """,
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
            part: sorted(
                (tuple(row) for row in await server.fetch(query)), key=repr
            )
            for part, query in PARTS.items()
        }
    finally:
        await server.close()


def read_file(connection: sqlite3.Connection) -> Schema:
    """The structure of an embedded file; its text depends on how it was made."""

    def rows(query: str, *values: str) -> list[tuple[Any, ...]]:
        return connection.execute(query, values).fetchall()

    # The index of words comes with the first hundred texts.
    listed = rows(
        "SELECT name, sql FROM sqlite_master WHERE type = 'table'"
        " AND name NOT GLOB 'task_word*' ORDER BY 1"
    )
    tables = [name for name, _ in listed]

    def each(pragma: str) -> list[tuple[Any, ...]]:
        query = f"SELECT * FROM pragma_{pragma}(?)"
        return [
            (table, *row) for table in tables for row in rows(query, table)
        ]

    columns = "SELECT seqno, name, desc, coll, key FROM pragma_index_xinfo(?)"
    kinds = "WHERE type NOT IN ('table', 'index') ORDER BY 1, 2"
    indexes = rows("SELECT name, sql FROM sqlite_master WHERE type = 'index'")
    return {
        "columns": each("table_xinfo"),
        "indexes": sorted(
            (table, *index, *rows(columns, index[0]))
            for table, _, *index in each("index_list")
        ),
        "foreign_keys": each("foreign_key_list"),
        "checks": sorted(
            (name, *check) for name, sql in listed for check in checks(sql)
        ),
        "others": [
            (kind, name, normalised(sql))
            for kind, name, sql in rows(
                f"SELECT type, name, sql FROM sqlite_master {kinds}"
            )
        ],
        "indexed by": sorted((name, normalised(sql)) for name, sql in indexes),
    }


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
    query = "SELECT version_num FROM todo.alembic_version"
    if isinstance(target := store.target, SqliteTarget):
        with closing(sqlite3.connect(target.path)) as connection:
            return [
                row[0]
                for row in connection.execute(query.replace("todo.", ""))
            ]
    server = await asyncpg.connect(store.url)
    try:
        return [row[0] for row in await server.fetch(query)]
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
