"""Doing to a store what `todo` itself would not: raw rows, locks of another connection."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import asyncpg

from tests.service.backdoor import file_of, run_sql
from tests.support.blocking import wait_for
from tests.support.stores import Store

DROP_CHECKS = """
DO $$ DECLARE found record; BEGIN
  FOR found IN SELECT conname FROM pg_constraint WHERE conrelid = 'todo.task'::regclass AND contype = 'c' LOOP
    EXECUTE format('ALTER TABLE todo.task DROP CONSTRAINT %I', found.conname);
  END LOOP;
END $$
"""
LOCKS = "LOCK TABLE todo.task, todo.counter IN ACCESS EXCLUSIVE MODE"


def path_of(store: Store) -> Path:
    """The file of a store on SQLite."""
    return file_of(store)


def place_of(store: Store) -> list[str]:
    """What names the store to its user: the path, or host and database."""
    if store.kind == "sqlite":
        return [str(path_of(store))]
    host, _, database = store.url.rpartition("@")[2].partition("/")
    return [host.partition(":")[0], database]


def rewrite(file: Path, *statements: str) -> None:
    """Change an embedded file past every check, as another program could."""
    with closing(sqlite3.connect(file)) as other, other:
        other.execute("PRAGMA ignore_check_constraints = ON")
        for statement in statements:
            other.execute(statement)


def empty(file: Path, name: str) -> None:
    """Leave no entry in a table or an index of an embedded file, as if the disk had lost
    what was written to it; SQLite does not notice.
    """
    with closing(sqlite3.connect(file)) as other:
        [(root,)] = other.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)
        ).fetchall()
        [(size,)] = other.execute("PRAGMA page_size").fetchall()
    with file.open("r+b") as pages:
        pages.seek((root - 1) * size)
        [kind] = pages.read(1)
        # A leaf without cells, of a table or of an index.
        leaf = 13 if kind in (5, 13) else 10
        head = bytes([leaf, 0, 0, 0, 0, *size.to_bytes(2), 0])
        pages.seek((root - 1) * size)
        pages.write(head.ljust(size, b"\0"))


def set_text(store: Store, number: int, column: str, text: str) -> None:
    """Write a text into a row past every check, as another program could."""
    quoted = text.replace("'", "''")
    update = (
        f"UPDATE todo.task SET {column} = '{quoted}' WHERE number = {number}"
    )
    if store.kind == "sqlite":
        rewrite(path_of(store), update.replace("todo.task", "task"))
    else:
        wait_for(run_sql(store, DROP_CHECKS))
        wait_for(run_sql(store, update))


def set_last_number(store: Store, user: str, last: int) -> None:
    """Let the next task of a user have the number after this one."""
    sql = f"UPDATE todo.counter SET last = {last} WHERE user_id = '{user}'"
    wait_for(run_sql(store, sql))


@contextmanager
def locked(store: Store) -> Iterator[None]:
    """Hold the tasks of a store against every writer, from a connection of our own."""
    if store.kind == "sqlite":
        with closing(
            sqlite3.connect(path_of(store), isolation_level=None)
        ) as file:
            file.execute("BEGIN EXCLUSIVE")
            yield
        return
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(store.url))
        try:
            runner.run(connection.execute(f"BEGIN; {LOCKS}"))
            yield
        finally:
            runner.run(connection.close())
