"""Refuse times that are infinite, or outside the years 1900 to 9998.

Only CHECKs are added, so programs of revision 0001 go on working. No row is
lost or changed: one that breaks a new CHECK stays as it is.
"""

import re
from importlib import import_module
from typing import Any, Final

from alembic import op

revision = "0002"
down_revision = "0001"

POSTGRESQL: Final = (
    r"""
        ALTER TABLE todo.task ADD CONSTRAINT created_at_instant
            CHECK (created_at >= '1900-01-01 00:00:00+00' AND created_at < '9999-01-01 00:00:00+00')
            NOT VALID
        """,
    r"""
        DO $$ BEGIN
            ALTER TABLE todo.task VALIDATE CONSTRAINT created_at_instant;
        EXCEPTION WHEN check_violation THEN
            RAISE NOTICE 'a row of todo.task breaks created_at_instant, and stays as it is';
        END $$
        """,
    r"""
        ALTER TABLE todo.task ADD CONSTRAINT updated_at_instant
            CHECK (updated_at >= '1900-01-01 00:00:00+00' AND updated_at < '9999-01-01 00:00:00+00')
            NOT VALID
        """,
    r"""
        DO $$ BEGIN
            ALTER TABLE todo.task VALIDATE CONSTRAINT updated_at_instant;
        EXCEPTION WHEN check_violation THEN
            RAISE NOTICE 'a row of todo.task breaks updated_at_instant, and stays as it is';
        END $$
        """,
    r"""
        ALTER TABLE todo.task ADD CONSTRAINT completed_at_instant
            CHECK (completed_at >= '1900-01-01 00:00:00+00' AND completed_at < '9999-01-01 00:00:00+00')
            NOT VALID
        """,
    r"""
        DO $$ BEGIN
            ALTER TABLE todo.task VALIDATE CONSTRAINT completed_at_instant;
        EXCEPTION WHEN check_violation THEN
            RAISE NOTICE 'a row of todo.task breaks completed_at_instant, and stays as it is';
        END $$
        """,
)
"""A row that breaks a rule must not stop the upgrade: then only the rows to come are checked."""

SQLITE: Final = {
    "counter": r"""
        CREATE TABLE counter_0002 (
            user_id TEXT NOT NULL,
            last INTEGER NOT NULL,
            PRIMARY KEY (user_id),
            CONSTRAINT user_id_text CHECK (length(user_id) BETWEEN 1 AND 255 AND user_id = trim(user_id) AND typeof(user_id) = 'text' AND instr(user_id, char(0)) = 0 AND user_id NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || '-' || char(159) || char(8232) || '-' || char(8238) || char(8294) || '-' || char(8297) || ']*'),
            CONSTRAINT user_id_path CHECK (user_id NOT IN ('.', '..') AND replace(user_id, '/', '') = user_id),
            CONSTRAINT last_counts CHECK (last >= 0),
            CONSTRAINT last_integer CHECK (typeof(last) = 'integer' AND last <= 2147483647)
        )
        """,
    "task": r"""
        CREATE TABLE task_0002 (
            id TEXT NOT NULL,
            number INTEGER NOT NULL,
            user_id TEXT NOT NULL,
            title TEXT NOT NULL,
            description TEXT,
            completed BOOLEAN DEFAULT 0 NOT NULL,
            created_at TEXT NOT NULL,
            updated_at TEXT NOT NULL,
            completed_at TEXT,
            PRIMARY KEY (id),
            CONSTRAINT task_user_id_number_key UNIQUE (user_id, number),
            CONSTRAINT user_id_text CHECK (length(user_id) BETWEEN 1 AND 255 AND user_id = trim(user_id) AND typeof(user_id) = 'text' AND instr(user_id, char(0)) = 0 AND user_id NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || '-' || char(159) || char(8232) || '-' || char(8238) || char(8294) || '-' || char(8297) || ']*'),
            CONSTRAINT user_id_path CHECK (user_id NOT IN ('.', '..') AND replace(user_id, '/', '') = user_id),
            CONSTRAINT title_text CHECK (length(title) BETWEEN 1 AND 200 AND title = trim(title) AND typeof(title) = 'text' AND instr(title, char(0)) = 0 AND title NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || '-' || char(159) || char(8232) || '-' || char(8238) || char(8294) || '-' || char(8297) || ']*'),
            CONSTRAINT description_text CHECK (description IS NULL OR (length(description) BETWEEN 1 AND 10000 AND typeof(description) = 'text' AND instr(description, char(0)) = 0 AND description NOT GLOB '*[' || char(1) || '-' || char(8) || char(11) || '-' || char(31) || char(127) || '-' || char(159) || char(8232) || '-' || char(8238) || char(8294) || '-' || char(8297) || ']*')),
            CONSTRAINT number_counts CHECK (number >= 1),
            CONSTRAINT completed_has_time CHECK (completed = (completed_at IS NOT NULL)),
            CONSTRAINT id_uuid CHECK (typeof(id) = 'text' AND id GLOB '[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]'),
            CONSTRAINT number_integer CHECK (typeof(number) = 'integer' AND number <= 2147483647),
            CONSTRAINT created_at_instant CHECK (created_at IS NULL OR (typeof(created_at) = 'text' AND created_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND strftime('%Y-%m-%dT%H:%M:%S', substr(created_at, 1, 19), '+0 days') IS substr(created_at, 1, 19) AND created_at >= '1900' AND created_at < '9999')),
            CONSTRAINT updated_at_instant CHECK (updated_at IS NULL OR (typeof(updated_at) = 'text' AND updated_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND strftime('%Y-%m-%dT%H:%M:%S', substr(updated_at, 1, 19), '+0 days') IS substr(updated_at, 1, 19) AND updated_at >= '1900' AND updated_at < '9999')),
            CONSTRAINT completed_at_instant CHECK (completed_at IS NULL OR (typeof(completed_at) = 'text' AND completed_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND strftime('%Y-%m-%dT%H:%M:%S', substr(completed_at, 1, 19), '+0 days') IS substr(completed_at, 1, 19) AND completed_at >= '1900' AND completed_at < '9999'))
        )
        """,
}
"""SQLite cannot add a CHECK to a table, so each table is made anew."""

FIRST: Final[Any] = import_module(
    "todo_cli.database.migrations.versions.0001_task_and_counter"
)
OTHERS: Final = """
SELECT sql FROM sqlite_master WHERE tbl_name IN ('counter', 'task')
AND type IN ('index', 'trigger') AND sql IS NOT NULL ORDER BY rowid
"""
TABLES: Final = "SELECT sql FROM sqlite_master WHERE type = 'table'"
REFERENCES: Final = """
SELECT 1 FROM sqlite_master AS other, pragma_foreign_key_list(other.name) AS theirs
WHERE lower(theirs."table") IN ('counter', 'task')
"""


def upgrade() -> None:
    """Apply the change; forward only."""
    context = op.get_context()
    if context.dialect.name == "postgresql":
        for statement in POSTGRESQL:
            op.execute(statement)
    elif context.as_sql:
        _, _, *indexes = FIRST.STATEMENTS["sqlite"]
        _make_anew(indexes)
    elif _is_as_we_made_it():
        others = op.get_bind().exec_driver_sql(OTHERS)
        _make_anew([sql for (sql,) in others])


def _make_anew(others: list[str]) -> None:
    """Make both tables anew with all their rows.

    `others` are the statements that make their indexes and triggers.
    """
    # A row that breaks a CHECK is copied, too.
    op.execute("PRAGMA ignore_check_constraints = ON")
    # Else SQLite would not rename a table that is named in a view.
    op.execute("PRAGMA legacy_alter_table = ON")
    for table, made in SQLITE.items():
        op.execute(made)
        op.execute(f"INSERT INTO {table}_0002 SELECT * FROM {table}")  # noqa: S608 - ours
        op.execute(f"DROP TABLE {table}")
        op.execute(f"ALTER TABLE {table}_0002 RENAME TO {table}")
    for sql in others:
        # A colon would begin a parameter.
        op.execute(sql.replace(":", r"\:"))
    op.execute("PRAGMA legacy_alter_table = OFF")
    op.execute("PRAGMA ignore_check_constraints = OFF")


def _is_as_we_made_it() -> bool:
    """Whether nobody has changed the tables or refers to them.

    To make such a table anew could lose a column, or delete the rows of
    another program's table. It works without the new CHECKs, too.
    """
    connection = op.get_bind()
    if connection.exec_driver_sql(REFERENCES).first() is not None:
        return False
    found = connection.exec_driver_sql(TABLES)
    there = {_plain(sql) for (sql,) in found}
    counter, task, *_ = FIRST.STATEMENTS["sqlite"]
    return there >= {_plain(counter), _plain(task)}


def _plain(sql: str) -> str:
    """Remove the blanks and quotes of a definition that mean nothing."""
    words = " ".join(sql.replace('"', "").split())
    return re.sub(r"(?<=\() | (?=[(),])", "", words)
