"""What a store's schema is, as the store itself says it: to compare one made in one way with one made in another."""

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
            rows = connection.execute("SELECT type, tbl_name, name, sql FROM sqlite_master").fetchall()
        return {"objects": sorted((*names, normalised(sql)) for *names, sql in rows)}
    server = await asyncpg.connect(store.url)
    try:
        return {
            part: sorted((tuple(row) for row in await server.fetch(query)), key=repr) for part, query in PARTS.items()
        }
    finally:
        await server.close()


async def read_version(store: Store) -> list[str]:
    """What Alembic's version table holds."""
    if isinstance(target := store.target, SqliteTarget):
        with closing(sqlite3.connect(target.path)) as connection:
            return [row[0] for row in connection.execute("SELECT version_num FROM alembic_version")]
    server = await asyncpg.connect(store.url)
    try:
        return [row[0] for row in await server.fetch("SELECT version_num FROM todo.alembic_version")]
    finally:
        await server.close()


def without_version_table(schema: Schema) -> Schema:
    """A schema but for Alembic's table, which is not one of the models."""
    return {part: [row for row in rows if "alembic_version" not in repr(row)] for part, rows in schema.items()}


def normalised(sql: str | None) -> str:
    """SQL without its line breaks and optional quotes; SQLite keeps a definition as it was written."""
    text = " ".join((sql or "").replace('"', "").split())
    return re.sub(r"(?<=\() | (?=\))", "", text)
