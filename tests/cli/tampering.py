"""Doing to a store what `todo` itself would not: raw rows, locks of another connection."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import asyncpg

from tests.support.blocking import wait_for
from tests.support.stores import Store

DROP_CHECKS = """
DO $$ DECLARE found record; BEGIN
  FOR found IN SELECT conname FROM pg_constraint WHERE conrelid = 'todo.task'::regclass AND contype = 'c' LOOP
    EXECUTE format('ALTER TABLE todo.task DROP CONSTRAINT %I', found.conname);
  END LOOP;
END $$
"""


def path_of(store: Store) -> Path:
    """The file of a store on SQLite."""
    return Path(store.url.removeprefix("sqlite:///"))


def place_of(store: Store) -> list[str]:
    """What names the store to its user: the path, or host and database."""
    if store.kind == "sqlite":
        return [str(path_of(store))]
    host, _, database = store.url.rpartition("@")[2].partition("/")
    return [host.partition(":")[0], database]


def set_text(store: Store, number: int, column: str, text: str) -> None:
    """Write a text into a row past every check, as another program could."""
    if store.kind == "sqlite":
        with closing(
            sqlite3.connect(path_of(store), isolation_level=None)
        ) as connection:
            connection.execute("PRAGMA ignore_check_constraints = ON")
            connection.execute(
                f"UPDATE task SET {column} = ? WHERE number = ?", (text, number)
            )
    else:
        wait_for(_set_text(store.url, number, column, text))


async def _set_text(url: str, number: int, column: str, text: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(DROP_CHECKS)
        await connection.execute(
            f"UPDATE todo.task SET {column} = $1 WHERE number = $2", text, number
        )
    finally:
        await connection.close()


def set_last_number(store: Store, user: str, last: int) -> None:
    """Let the next task of a user have the number after this one."""
    if store.kind == "sqlite":
        with closing(
            sqlite3.connect(path_of(store), isolation_level=None)
        ) as connection:
            connection.execute(
                "UPDATE counter SET last = ? WHERE user_id = ?", (last, user)
            )
    else:
        wait_for(_set_last_number(store.url, user, last))


async def _set_last_number(url: str, user: str, last: int) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "UPDATE todo.counter SET last = $1 WHERE user_id = $2", last, user
        )
    finally:
        await connection.close()


@contextmanager
def locked(store: Store) -> Iterator[None]:
    """Hold the tasks of a store against every writer, from a connection of our own."""
    if store.kind == "sqlite":
        with closing(
            sqlite3.connect(path_of(store), isolation_level=None)
        ) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            yield
        return
    with asyncio.Runner() as runner:
        held = runner.run(_lock(store.url))
        try:
            yield
        finally:
            runner.run(held.close())


async def _lock(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    connection = await asyncpg.connect(url)
    await connection.transaction().start()
    await connection.execute(
        "LOCK TABLE todo.task, todo.counter IN ACCESS EXCLUSIVE MODE"
    )
    return connection
