"""Which schema a store has, and how it comes to the one this program knows.

A first creation is one script made from the models that also stamps Alembic's version: one round trip. Alembic itself
is loaded only to bring an older store up to date.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Column, Connection, Dialect, MetaData, PrimaryKeyConstraint, Select, String, Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.schema import CreateIndex, CreateSchema, CreateTable, DDLElement
from sqlmodel import SQLModel

from todo_cli.errors import SchemaMismatch
from todo_cli.models import SCHEMA

REVISIONS: Final = ("0001",)
"""Alembic's revisions in order, so that a version can be judged without loading Alembic."""
HEAD: Final = REVISIONS[-1]

LOCK: Final = 0x746F646F
"""The key of the transaction's advisory lock under which PostgreSQL's schema is made or changed: `todo` in ASCII."""

VERSION_TABLE: Final = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
    schema=SCHEMA,
)

_MIGRATIONS: Final = Path(__file__).parent / "migrations"


class Fit(StrEnum):
    """How a store's schema fits this program."""

    ABSENT = "absent"
    FOREIGN = "foreign"
    OLDER = "older"
    CURRENT = "current"
    NEWER = "newer"


@dataclass(frozen=True, slots=True)
class State:
    """What a store holds: how it fits, and the version it is stamped with."""

    fit: Fit
    version: str | None = None


async def read_state(connection: AsyncConnection) -> State:
    """Look which schema is there; two statements at most, nothing is changed."""
    is_stamped, holds_anything = (await connection.execute(_survey(connection.dialect))).one()
    if not is_stamped:
        return State(Fit.FOREIGN if holds_anything else Fit.ABSENT)
    version = await read_version(connection)
    if version is None:  # the stamp is gone: nobody knows what this is
        return State(Fit.FOREIGN)
    if version == HEAD:
        return State(Fit.CURRENT, version)
    return State(Fit.OLDER if version in REVISIONS else Fit.NEWER, version)


async def read_version(connection: AsyncConnection) -> str | None:
    """Read the version that a store is stamped with; the statement fails where nothing like a stamp is."""
    version: str | None = await connection.scalar(select(VERSION_TABLE.c.version_num))
    return version


def _survey(dialect: Dialect) -> Select[bool, bool]:
    """Ask whether our version table is there, and whether anything is where our tables would be."""
    if dialect.name == "postgresql":
        stamped = func.to_regclass(f"{SCHEMA}.{VERSION_TABLE.name}")
        return select(stamped.is_not(None), func.to_regnamespace(SCHEMA).is_not(None))
    master = Table("sqlite_master", MetaData(), Column("name", String))
    ours = [VERSION_TABLE.name, *(table.name for table in SQLModel.metadata.tables.values())]
    is_stamped = func.coalesce(func.sum(master.c.name.in_(ours)), 0) == len(ours)  # others use Alembic's table, too
    return select(is_stamped, func.count() > 0).select_from(master)


def mismatch(state: State, place: str) -> SchemaMismatch:
    """Say why a store that is neither absent nor current cannot be used as it is."""
    if state.fit is Fit.FOREIGN:
        return SchemaMismatch(
            f"{place} already holds tables that are not todo's", hint="name another database in TODO_DATABASE_URL"
        )
    if state.fit is Fit.OLDER:
        return SchemaMismatch(f"The tables in {place} are of an older version of todo", hint="run `todo db upgrade`")
    return SchemaMismatch(f"The tables in {place} are of a newer version of todo", hint="upgrade todo here")


def creation(dialect: Dialect) -> list[str]:
    """The statements that make the schema of `HEAD` and stamp it; on PostgreSQL each is harmless when repeated."""
    is_postgresql = dialect.name == "postgresql"
    tables = SQLModel.metadata.sorted_tables
    indexes = [index for table in tables for index in sorted(table.indexes, key=lambda index: str(index.name))]
    ddl: list[DDLElement] = [
        *([CreateSchema(SCHEMA, if_not_exists=True)] if is_postgresql else []),
        *(CreateTable(table, if_not_exists=is_postgresql) for table in [*tables, VERSION_TABLE]),
        *(CreateIndex(index, if_not_exists=is_postgresql) for index in indexes),
    ]
    stamp = f"INSERT INTO {VERSION_TABLE.fullname} VALUES ('{HEAD}')"  # noqa: S608 - constants of ours
    statements = [
        *([f"SELECT pg_advisory_xact_lock({LOCK})"] if is_postgresql else []),
        *(str(step.compile(dialect=dialect)).strip() for step in ddl),
        f"{stamp} ON CONFLICT DO NOTHING" if is_postgresql else stamp,
    ]
    return statements if is_postgresql else [statement.replace(f"{SCHEMA}.", "") for statement in statements]


async def create(connection: AsyncConnection) -> bool:
    """Make the schema, all or nothing; False when somebody else was faster. PostgreSQL: one round trip."""
    if connection.dialect.name == "postgresql":
        driver: Any = (await connection.get_raw_connection()).driver_connection
        await driver.execute(";\n".join(creation(connection.dialect)))
        return True
    await connection.exec_driver_sql("PRAGMA journal_mode=WAL")  # refused where files cannot be shared: DELETE stays
    await connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        if (await read_state(connection)).fit is not Fit.ABSENT:
            return False
        for statement in creation(connection.dialect):
            await connection.exec_driver_sql(statement)
        await connection.commit()
        return True
    finally:
        await connection.rollback()


async def upgrade(connection: AsyncConnection, copy_aside: Callable[[State], None] | None = None) -> None:
    """Bring an older schema, or none, to `HEAD` by Alembic, all or nothing, alone under a lock.

    `copy_aside` is called under the lock before an older schema changes. Nothing is done when somebody was faster.
    """
    if connection.dialect.name == "sqlite":
        await connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        await connection.execution_options(isolation_level="READ COMMITTED")
        await connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
    try:
        state = await read_state(connection)
        if state.fit is Fit.OLDER and copy_aside is not None:
            copy_aside(state)
        if state.fit in (Fit.OLDER, Fit.ABSENT):
            await connection.run_sync(_run_alembic)
        await connection.commit()
    finally:
        await connection.rollback()


def _run_alembic(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(stdout=io.StringIO())
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def upgrade_script(dialect_name: str, version: str | None) -> str:
    """The SQL that brings a store from `version` (None: nothing there) to `HEAD`, for its owner to run."""
    if version == HEAD:
        return f"-- The schema is up to date ({HEAD}).\n"
    if version is None:
        from sqlalchemy.dialects.postgresql.base import PGDialect
        from sqlalchemy.dialects.sqlite.base import SQLiteDialect

        dialect: Dialect = PGDialect() if dialect_name == "postgresql" else SQLiteDialect()  # type: ignore[no-untyped-call]  # SQLAlchemy
        return _script(["BEGIN", *creation(dialect), "COMMIT"])
    from alembic import command
    from alembic.config import Config

    printed = io.StringIO()
    config = Config(output_buffer=printed)
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["dialect_name"] = dialect_name
    command.upgrade(config, f"{version}:head", sql=True)
    return printed.getvalue()


def _script(statements: Sequence[str]) -> str:
    return "".join(f"{statement};\n\n" for statement in statements).expandtabs(4)
