"""Migrate a store to this version, with Alembic on SQLAlchemy's engine.

Commands load neither unless they migrate. The migration uses a connection of
its own.
"""

import io
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, NullPool
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    create_async_engine,
)

from todo_cli import disk
from todo_cli.database import (
    ddl,
    dialect_postgresql,
    files,
    filling,
    policy,
    schema,
    search,
)
from todo_cli.database.keeper import Progress, quietly
from todo_cli.database.postgresql import Dial, PostgresConnection
from todo_cli.database.run import Connection as StoreConnection
from todo_cli.database.run import Statement
from todo_cli.database.schema import Fit
from todo_cli.database.sqlite import SET_UP, SqliteConnection
from todo_cli.database.url import SqliteTarget
from todo_cli.errors import SchemaMismatch

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_WAIT_S: Final = 0.1
"""How long the driver waits for a lock in one call, in seconds.

`attempts.py` retries.
"""
_TAKEN: Final = re.compile(
    r"duplicate column name: (?P<a>\w+)"
    r"|(?:table|index) (?P<b>\w+) already exists"
    r"|(?:column|relation) \"(?P<c>\w+)\".* already exists"
)
"""What the stores say where a name is taken already."""


async def upgrade_file(
    target: SqliteTarget, progress: Progress = quietly
) -> None:
    """Migrate an embedded file to `HEAD`, after a backup copy.

    All or nothing, under the file's write lock. Does nothing if another
    process was faster. `progress` shows how far it has come.

    Raises:
        SchemaMismatch: the disk or the file allows no writing.
    """
    # Before anything is written: SQLite would hide the reason.
    trouble = disk.look(target.path)
    if trouble is not None:
        raise schema.not_upgraded(target.place, trouble.refusal)
    async with _connected(_engine_of(target)) as (connection, driver):
        await driver.executescript(SET_UP)
        # Copy under the lock: the copy is what the migration starts from.
        await connection.exec_driver_sql("BEGIN IMMEDIATE")
        same = SqliteConnection(driver, target.path)
        total = await _count(same)
        with progress(filling.WORDS) as report:
            await filling.add_function(driver, report, total)
            with _copying(target) as copy_aside:
                await _migrate(connection, same, copy_aside)
                await search.enter_all(same)
        await connection.commit()


def _engine_of(target: SqliteTarget) -> AsyncEngine:
    """Make the engine of an embedded file, which has to be there."""
    url = URL.create(
        "sqlite+aiosqlite",
        database=files.uri(target.path),
        query={"mode": "rw", "uri": "true"},
    )
    return create_async_engine(
        url, connect_args={"timeout": _WAIT_S}, **_quietly("AUTOCOMMIT")
    )


@contextmanager
def _copying(target: SqliteTarget) -> Iterator[Callable[[str], None]]:
    """Yield what copies the file aside; a migration that fails leaves no copy.

    The file is as it was then, and every command would leave another one.
    """
    copies: list[Path] = []

    def copy_aside(version: str) -> None:
        copies.append(files.copy_aside(target.path, version))

    try:
        yield copy_aside
    except Exception as error:
        for copy in copies:
            copy.unlink()
        _refuse_taken(error, target.place)
        raise


async def _count(connection: StoreConnection) -> int:
    """Count the tasks of a file of any version."""
    tables = await connection.fetch("relations")
    if ("task",) not in tables:
        return 0
    rows = await connection.fetch(Statement("SELECT count(*) FROM task"))
    return int(rows[0][0])


def _refuse_taken(error: Exception, place: str) -> None:
    """Refuse a store in which another program has a name that we need.

    Raises:
        SchemaMismatch: that is the error.
    """
    found = _TAKEN.search(str(error))
    if found is None:
        return
    raise SchemaMismatch(
        f"{place} cannot be upgraded: another program has made `{found[found.lastgroup or 0]}` "
        "in it, a name that todo needs",
        hint="nothing was changed; rename it, then run this again",
    ) from error


async def upgrade_server(dial: Dial, place: str) -> None:
    """Migrate a server's schema to `HEAD`.

    All or nothing, under an advisory lock. Does nothing if another process was
    faster. `dial` is that of a `Server`.
    """
    engine = create_async_engine(
        f"{dialect_postgresql.DRIVER}://",
        async_creator=dial,
        **_quietly("READ COMMITTED"),
    )
    async with _connected(engine) as (connection, driver):
        with driver.owner_check.explaining():
            for statement in ddl.lock(connection.dialect):
                await connection.exec_driver_sql(statement)
            try:
                await _migrate(connection, PostgresConnection(driver), None)
            except Exception as error:
                _refuse_taken(error, place)
                raise
            await connection.commit()


def _quietly(isolation_level: str) -> dict[str, Any]:
    """Return the options that both engines share."""
    return {
        "isolation_level": isolation_level,
        # One connection, closed at the end.
        "poolclass": NullPool,
        # Values never enter an error message.
        "hide_parameters": True,
    }


@asynccontextmanager
async def _connected(
    engine: AsyncEngine,
) -> AsyncIterator[tuple[AsyncConnection, Any]]:
    """Yield SQLAlchemy's connection and the driver's own one below it."""
    try:
        async with engine.connect() as connection:
            raw = await connection.get_raw_connection()
            yield connection, raw.driver_connection
    finally:
        await engine.dispose()


async def _migrate(
    connection: AsyncConnection,
    same: StoreConnection,
    copy_aside: Callable[[str], None] | None,
) -> None:
    """Run the missing migrations on a connection that holds the lock.

    `same` is the same connection, for our own statements. The state is read
    under the lock: another process may have finished.
    """
    state = await schema.read_state(same)
    is_older = state.fit in (Fit.OLDER, Fit.OUTDATED)
    if is_older and copy_aside is not None:
        copy_aside(str(state.version))
    if is_older or state.fit is Fit.ABSENT:
        await connection.run_sync(_run_alembic)


def _run_alembic(connection: Connection) -> None:
    # Alembic prints its progress; stdout belongs to the command.
    config = _config(stdout=io.StringIO())
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config(**streams: Any) -> Config:
    config = Config(**streams)
    # ConfigParser interpolates `%`, which a folder's name may contain.
    folder = str(_MIGRATIONS).replace("%", "%%")
    config.set_main_option("script_location", folder)
    return config


def script(dialect_name: str, version: str | None) -> str:
    """Return the SQL that migrates a store from `version` to `HEAD`.

    None means that the store has no schema. The owner of the store can run it.
    """
    if version == schema.HEAD:
        return f"-- The schema is up to date ({schema.HEAD}).\n"
    if version is None:
        steps = ddl.creation(ddl.dialect_of(dialect_name))
        return _printed(["BEGIN", *steps, "COMMIT"])
    printed = io.StringIO()
    config = _config(output_buffer=printed)
    config.attributes["dialect_name"] = dialect_name
    command.upgrade(config, f"{version}:head", sql=True)
    return printed.getvalue() + _words_of(dialect_name)


def _words_of(dialect_name: str) -> str:
    """Return the SQL that makes the index of words; a file needs none."""
    if dialect_name == "sqlite":
        return ""
    steps = ddl.index_of_words(ddl.dialect_of(dialect_name))
    return _printed(["BEGIN", *steps, "COMMIT"])


def rights_of(role: str) -> str:
    """Return the SQL that grants a role the rights that todo needs."""
    rights = policy.grants(policy.quote(role))
    return (
        f"\n-- The rights that todo needs as the role of this call\n{rights}"
    )


def _printed(statements: Sequence[str]) -> str:
    script = "".join(f"{statement};\n\n" for statement in statements)
    # SQLAlchemy indents with tabs.
    return script.expandtabs(4)
