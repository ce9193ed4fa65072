"""The SQL that creates the schema, from the SQLModel tables.

Creation is one script that also writes Alembic's stamp. It takes one round
trip; Alembic takes more than twenty.
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

from todo_cli.database import owner, search
from todo_cli.database.failures import STRANGERS_STATE
from todo_cli.database.schema import HEAD
from todo_cli.database.tables import SCHEMA

LOCK: Final = 0x746F646F
"""The key of the advisory lock for creating or changing the schema.

It is `todo` in ASCII.
"""

VERSION_TABLE: Final = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
    schema=SCHEMA,
)

_NO_PATH: Final = "SET LOCAL search_path = ''"
"""Until the transaction ends, names are found in pg_catalog only.

So another role's functions, operators and types cannot run as us.
"""
NO_LONG_LOCK: Final = "SET LOCAL lock_timeout = '2s'"
"""How long a change of the schema waits for a table that somebody else uses.

Whoever comes later waits behind it, even if they only read. `attempts.py` tries
again, and between two tries they get their turn.
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
"""Creates the schema, or fails if it has an owner that is not trusted."""

_INDEX_ONCE: Final = """\
DO $$
BEGIN
    IF pg_catalog.to_regclass('{schema}.{name}') IS NULL THEN
        {create};
    END IF;
END $$"""
"""Makes an index that is missing. CREATE INDEX IF NOT EXISTS would wait for everybody who
writes into the table, and have all others wait, before it looks whether the index is there.
"""


def creation(dialect: Dialect) -> list[str]:
    """Return the statements that create the schema of `HEAD` and stamp it.

    On PostgreSQL each of them may be repeated.
    """
    is_postgresql = dialect.name == "postgresql"
    ddl = _definitions(if_not_exists=is_postgresql)
    version = f"'{HEAD}'"
    stamp = f"INSERT INTO {VERSION_TABLE.fullname} VALUES ({version})"  # noqa: S608 - ours
    steps = [_written(step, dialect) for step in ddl]
    if is_postgresql:
        return [
            *preparation(dialect),
            *steps,
            search.TRIGRAMS,
            f"{stamp} ON CONFLICT DO NOTHING",
        ]
    # A file has no schemas. Its transaction excludes other processes, so no
    # statement needs to be repeatable.
    steps += [*search.NOTES, stamp]
    return [step.replace(f"{SCHEMA}.", "") for step in steps]


def index_of_words(dialect: Dialect) -> list[str]:
    """Return the statements that make the index of words on PostgreSQL."""
    return [*lock(dialect), search.TRIGRAMS]


def _definitions(*, if_not_exists: bool) -> list[DDLElement]:
    """The tables and then their indexes, in the order of creation."""
    tables = SQLModel.metadata.sorted_tables
    found: list[DDLElement] = []
    for table in [*tables, VERSION_TABLE]:
        found.append(CreateTable(table, if_not_exists=if_not_exists))
    for table in tables:
        # A table keeps its indexes in a set: sort them, for a stable text.
        by_name = {str(index.name): index for index in table.indexes}
        for name in sorted(by_name):
            index = by_name[name]
            found.append(CreateIndex(index))
    return found


def _written(step: DDLElement, dialect: Dialect) -> str:
    create = str(step.compile(dialect=dialect)).strip()
    if dialect.name == "postgresql" and isinstance(step, CreateIndex):
        name = step.element.name
        return _INDEX_ONCE.format(schema=SCHEMA, name=name, create=create)
    return create


def lock(dialect: Dialect) -> list[str]:
    """Return the start of a PostgreSQL transaction that changes the schema.

    It empties the search_path and waits for other such transactions, however
    long they take; for everybody else it waits two seconds.
    """
    # CREATE TABLE IF NOT EXISTS alone fails when two processes create the
    # same table at the same time (23505 in pg_type).
    key = cast(literal_column(str(LOCK)), BigInteger)
    locking = select(func.pg_advisory_xact_lock(key))
    waiting = str(locking.compile(dialect=dialect))
    return [_NO_PATH, waiting, NO_LONG_LOCK]


def preparation(dialect: Dialect) -> list[str]:
    """Return the statements that come before the tables on PostgreSQL.

    They lock, create the schema if there is none, and fail if its owner is not
    trusted.
    """
    # A block, because CREATE SCHEMA IF NOT EXISTS requires the right to create
    # schemas even if the schema exists.
    found = owner.owners().compile(dialect=dialect)
    block = _PREPARATION.format(
        owners=found, schema=SCHEMA, state=STRANGERS_STATE
    )
    return [*lock(dialect), block]


def dialect_of(name: str) -> Dialect:
    """Return the SQLAlchemy dialect of a store."""
    if name == "postgresql":
        from todo_cli.database.dialect_postgresql import QuietDialect

        return QuietDialect()  # type: ignore[no-untyped-call]  # SQLAlchemy
    from todo_cli.database.dialect_sqlite import PlainDialect

    return PlainDialect()
