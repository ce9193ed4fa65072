"""Which schema a store has, and how it comes to the one this program knows.

A first creation is one script made from the models that also stamps Alembic's version:
one round trip. Alembic itself is loaded only to bring an older store up to date.
"""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Dialect,
    MetaData,
    PrimaryKeyConstraint,
    Select,
    String,
    Table,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.schema import CreateIndex, CreateTable, DDLElement
from sqlmodel import SQLModel

from todo_cli.database import owner
from todo_cli.database.failures import STRANGERS_STATE, distrust, is_absent
from todo_cli.database.tables import SCHEMA
from todo_cli.errors import SchemaMismatch

REVISIONS: Final[Mapping[str, frozenset[str]]] = {
    "0001": frozenset({"counter", "task"})
}
"""Alembic's revisions in order, and the tables of each: a store is judged by the
version that it bears.
"""
HEAD: Final = list(REVISIONS)[-1]

LOCK: Final = 0x746F646F
"""The key of the transaction's advisory lock under which PostgreSQL's schema is made or
changed: `todo` in ASCII.
"""

VERSION_TABLE: Final = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
    schema=SCHEMA,
)

NAME_ANOTHER: Final = "name another database in TODO_DATABASE_URL"
"""The hint where the store in use is somebody else's."""

_MIGRATIONS: Final = Path(__file__).parent / "migrations"


_NO_PATH: Final = "SET LOCAL search_path = ''"
"""Until the end of a transaction only PostgreSQL's own functions, operators and types
are found by name.
"""


_PREPARATION: Final = """\
DO $$
DECLARE
    found record;
    is_there pg_catalog.bool := false;
BEGIN
    FOR found IN {owners} LOOP
        is_there := true;
        IF NOT found.is_trusted THEN
            RAISE EXCEPTION USING ERRCODE = '{state}', MESSAGE = found.owner,
                DETAIL = 'This role owns the schema {schema} or something in it, and you have no reason to trust it.',
                HINT = 'If you trust it, run this as that role.';
        END IF;
    END LOOP;
    IF NOT is_there THEN
        CREATE SCHEMA {schema};
    END IF;
END $$"""
"""Makes the schema where there is none, and fails where it is a stranger's."""


class Fit(StrEnum):
    """How a store's schema fits this program."""

    ABSENT = "absent"
    FOREIGN = "foreign"
    UNTRUSTED = "untrusted"
    OLDER = "older"
    CURRENT = "current"
    NEWER = "newer"


@dataclass(frozen=True, slots=True)
class State:
    """What a store holds: how it fits, the version it is stamped with, and in
    PostgreSQL who owns the schema.
    """

    fit: Fit
    version: str | None = None
    owner: str | None = None


async def read_state(connection: AsyncConnection) -> State:
    """Look which schema is there; three statements at most, nothing is changed."""
    found_owner = None
    if connection.dialect.name == "postgresql":
        rows = (await connection.execute(owner.owners())).all()
        found_owner = rows[0].owner if rows else None
        if stranger := next((row.owner for row in rows if not row.is_trusted), None):
            return State(Fit.UNTRUSTED, owner=stranger)
        if not rows:
            return State(Fit.ABSENT)
    tables = set((await connection.scalars(_tables(connection.dialect))).all())
    if VERSION_TABLE.name not in tables:
        return State(Fit.FOREIGN if tables else Fit.ABSENT, owner=found_owner)
    return _judge(await _read_any_version(connection), tables, found_owner)


def _judge(version: str | None, tables: set[str], found_owner: str | None) -> State:
    """Say how a store with these tables fits that bears this version; others use
    Alembic's table, too.
    """
    if version is None:
        return State(Fit.FOREIGN, owner=found_owner)
    if version in REVISIONS and tables >= REVISIONS[version]:
        return State(
            Fit.CURRENT if version == HEAD else Fit.OLDER, version, found_owner
        )
    if (
        re.fullmatch("[0-9]{4}", version)
        and version > HEAD
        and tables & REVISIONS[HEAD]
    ):
        return State(Fit.NEWER, version, found_owner)
    return State(Fit.FOREIGN, owner=found_owner)


async def _read_any_version(connection: AsyncConnection) -> str | None:
    """Read the version from a table that may be of another program; None where it holds none."""
    try:
        return await read_version(connection)
    except DBAPIError as error:
        if not is_absent(error):
            raise
        return None


async def read_version(connection: AsyncConnection) -> str | None:
    """Read the version that a store is stamped with; the statement fails where nothing
    like a stamp is.
    """
    version: str | None = await connection.scalar(select(VERSION_TABLE.c.version_num))
    return version


def _tables(dialect: Dialect) -> Select[Any]:
    """Select the names of everything that is where our tables would be."""
    if dialect.name == "postgresql":
        return owner.relations()
    master = Table("sqlite_master", MetaData(), Column("name", String))
    return select(master.c.name)


def mismatch(state: State, place: str) -> SchemaMismatch:
    """Say why a store that is neither absent nor current cannot be used as it is."""
    if state.fit is Fit.FOREIGN:
        return SchemaMismatch(
            f"{place} already holds tables that are not todo's", hint=NAME_ANOTHER
        )
    if state.fit is Fit.UNTRUSTED:
        return distrust(place, state.owner)
    if state.fit is Fit.OLDER:
        return SchemaMismatch(
            f"The tables in {place} are of an older version of todo",
            hint="run `todo db upgrade`",
        )
    return SchemaMismatch(
        f"The tables in {place} are of a newer version of todo",
        hint="upgrade todo here",
    )


def creation(dialect: Dialect) -> list[str]:
    """The statements that make the schema of `HEAD` and stamp it; on PostgreSQL each is
    harmless when repeated.
    """
    is_postgresql = dialect.name == "postgresql"
    tables = SQLModel.metadata.sorted_tables
    indexes = [
        index
        for table in tables
        for index in sorted(table.indexes, key=lambda index: str(index.name))
    ]
    ddl: list[DDLElement] = [
        *(
            CreateTable(table, if_not_exists=is_postgresql)
            for table in [*tables, VERSION_TABLE]
        ),
        *(CreateIndex(index, if_not_exists=is_postgresql) for index in indexes),
    ]
    stamp = f"INSERT INTO {VERSION_TABLE.fullname} VALUES ('{HEAD}')"  # noqa: S608 - constants of ours
    steps = [str(step.compile(dialect=dialect)).strip() for step in ddl]
    if is_postgresql:
        return [*preparation(dialect), *steps, f"{stamp} ON CONFLICT DO NOTHING"]
    return [statement.replace(f"{SCHEMA}.", "") for statement in [*steps, stamp]]


def lock(dialect: Dialect) -> list[str]:
    """Begin a transaction on PostgreSQL that changes the schema: no shadowing names,
    and no other such transaction.
    """
    key = cast(literal_column(str(LOCK)), BigInteger)
    return [
        _NO_PATH,
        str(select(func.pg_advisory_xact_lock(key)).compile(dialect=dialect)),
    ]


def preparation(dialect: Dialect) -> list[str]:
    """Lock on PostgreSQL, make the schema where there is none, and fail where it is a stranger's.

    CREATE SCHEMA IF NOT EXISTS wants the right to create schemas even where ours was made for us.
    """
    found = owner.owners().compile(dialect=dialect)
    return [
        *lock(dialect),
        _PREPARATION.format(owners=found, schema=SCHEMA, state=STRANGERS_STATE),
    ]


async def create(connection: AsyncConnection) -> bool:
    """Make the schema, all or nothing; False when somebody else was faster. PostgreSQL:
    one round trip.
    """
    if connection.dialect.name == "postgresql":
        driver: Any = (await connection.get_raw_connection()).driver_connection
        await driver.execute(";\n".join(creation(connection.dialect)))
        return True
    await connection.exec_driver_sql(
        "PRAGMA journal_mode=WAL"
    )  # refused where files cannot be shared: DELETE stays
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


async def upgrade(
    connection: AsyncConnection, copy_aside: Callable[[State], None] | None = None
) -> None:
    """Bring an older schema, or none, to `HEAD` by Alembic, all or nothing, alone under a lock.

    `copy_aside` is called under the lock before an older schema changes. Nothing is
    done when somebody was faster.
    """
    if connection.dialect.name == "sqlite":
        await connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        await connection.execution_options(isolation_level="READ COMMITTED")
        for statement in lock(connection.dialect):
            await connection.exec_driver_sql(statement)
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
    """The SQL that brings a store from `version` (None: nothing there) to `HEAD`, for
    its owner to run.
    """
    if version == HEAD:
        return f"-- The schema is up to date ({HEAD}).\n"
    if version is None:
        return _script(["BEGIN", *creation(dialect_of(dialect_name)), "COMMIT"])
    from alembic import command
    from alembic.config import Config

    printed = io.StringIO()
    config = Config(output_buffer=printed)
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["dialect_name"] = dialect_name
    command.upgrade(config, f"{version}:head", sql=True)
    return printed.getvalue()


def dialect_of(name: str) -> Dialect:
    """The dialect that writes the SQL of a store."""
    if name == "postgresql":
        from todo_cli.database.dialect_postgresql import QuietDialect

        return QuietDialect()  # type: ignore[no-untyped-call]  # SQLAlchemy
    from sqlalchemy.dialects.sqlite.base import SQLiteDialect

    return SQLiteDialect()


def _script(statements: Sequence[str]) -> str:
    return "".join(f"{statement};\n\n" for statement in statements).expandtabs(4)
