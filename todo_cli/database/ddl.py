"""The SQL that makes the schema, from the tables as SQLModel has them.

A first creation is one script that also stamps Alembic's version: one round
trip.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.schema import CreateIndex, CreateTable, DDLElement
from sqlmodel import SQLModel

from todo_cli.database import owner
from todo_cli.database.failures import STRANGERS_STATE
from todo_cli.database.schema import HEAD
from todo_cli.database.tables import SCHEMA

LOCK: Final = 0x746F646F
"""The key of the transaction's advisory lock under which PostgreSQL's schema
is made or changed: `todo` in ASCII.
"""

VERSION_TABLE: Final = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
    schema=SCHEMA,
)

_NO_PATH: Final = "SET LOCAL search_path = ''"
"""Until the end of a transaction only PostgreSQL's own functions, operators
and types are found by name.
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
                DETAIL = 'This role owns the schema {schema} or something in it, '
                    'and you have no reason to trust it.',
                HINT = 'If you trust it, run this as that role.';
        END IF;
    END LOOP;
    IF NOT is_there THEN
        CREATE SCHEMA {schema};
    END IF;
END $$"""
"""Makes the schema where there is none, and fails where it is a stranger's."""


def creation(dialect: Dialect) -> list[str]:
    """The statements that make the schema of `HEAD` and stamp it; on
    PostgreSQL each is harmless when repeated.
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
        *(
            CreateIndex(index, if_not_exists=is_postgresql)
            for index in indexes
        ),
    ]
    version = f"'{HEAD}'"
    stamp = f"INSERT INTO {VERSION_TABLE.fullname} VALUES ({version})"  # noqa: S608 - ours
    steps = [str(step.compile(dialect=dialect)).strip() for step in ddl]
    if is_postgresql:
        return [
            *preparation(dialect),
            *steps,
            f"{stamp} ON CONFLICT DO NOTHING",
        ]
    return [
        statement.replace(f"{SCHEMA}.", "") for statement in [*steps, stamp]
    ]


def lock(dialect: Dialect) -> list[str]:
    """Begin a transaction on PostgreSQL that changes the schema: no shadowing
    names, and no other such transaction.
    """
    key = cast(literal_column(str(LOCK)), BigInteger)
    return [
        _NO_PATH,
        str(select(func.pg_advisory_xact_lock(key)).compile(dialect=dialect)),
    ]


def preparation(dialect: Dialect) -> list[str]:
    """Lock on PostgreSQL, make the schema where there is none, and fail where
    it is a stranger's.

    CREATE SCHEMA IF NOT EXISTS wants the right to create schemas even where
    ours was made for us.
    """
    found = owner.owners().compile(dialect=dialect)
    return [
        *lock(dialect),
        _PREPARATION.format(
            owners=found, schema=SCHEMA, state=STRANGERS_STATE
        ),
    ]


def dialect_of(name: str) -> Dialect:
    """The dialect that writes the SQL of a store."""
    if name == "postgresql":
        from todo_cli.database.dialect_postgresql import QuietDialect

        return QuietDialect()  # type: ignore[no-untyped-call]  # SQLAlchemy
    from todo_cli.database.dialect_sqlite import PlainDialect

    return PlainDialect()
