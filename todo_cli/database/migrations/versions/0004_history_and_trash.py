"""Add history and the trash.

No row is lost or changed in what it had. The history of a store begins here.

`completed` becomes `is_done`, so that older programs fail: they would show what
is in the trash, and delete for good.
"""

from typing import Any, Final

from alembic import op
from sqlalchemy.exc import OperationalError

revision = "0004"
down_revision = "0003"

POSTGRESQL: Final = (
    r"""
        DROP INDEX IF EXISTS todo.task_completed_at_idx
        """,
    r"""
        DROP INDEX IF EXISTS todo.task_created_at_idx
        """,
    r"""
        DROP INDEX IF EXISTS todo.task_due_on_idx
        """,
    r"""
        DROP INDEX IF EXISTS todo.task_priority_idx
        """,
    r"""
        DROP INDEX IF EXISTS todo.task_project_exact_idx
        """,
    r"""
        DROP INDEX IF EXISTS todo.task_project_idx
        """,
    r"""
        DROP INDEX IF EXISTS todo.task_title_idx
        """,
    r"""
        DROP INDEX IF EXISTS todo.task_updated_at_idx
        """,
    r"""
        DROP INDEX IF EXISTS todo.task_wait_until_idx
        """,
    r"""
        ALTER TABLE todo.task RENAME COLUMN completed TO is_done
        """,
    r"""
        DO $$ BEGIN
            -- From PostgreSQL 18 on, NOT NULL has a name.
            IF EXISTS (SELECT FROM pg_catalog.pg_constraint
                WHERE conrelid = 'todo.task'::pg_catalog.regclass
                    AND conname = 'task_completed_not_null') THEN
                ALTER TABLE todo.task
                    RENAME CONSTRAINT task_completed_not_null TO task_is_done_not_null;
            END IF;
        END $$
        """,
    r"""
        ALTER TABLE todo.task
            ADD COLUMN deleted_at TIMESTAMP WITH TIME ZONE,
            ADD COLUMN state INTEGER GENERATED ALWAYS AS (CASE WHEN deleted_at IS NOT NULL THEN 2 WHEN is_done THEN 1 ELSE 0 END) STORED,
            ADD CONSTRAINT deleted_at_instant CHECK (deleted_at >= '1900-01-01 00:00:00+00' AND deleted_at < '9999-01-01 00:00:00+00')
        """,
    r"""
        ALTER TABLE todo.counter
            ADD COLUMN operations INTEGER DEFAULT 0 NOT NULL,
            ADD CONSTRAINT operations_counts CHECK (operations >= 0)
        """,
    r"""
        CREATE TABLE todo.operation (
            user_id TEXT NOT NULL,
            number INTEGER NOT NULL,
            id UUID NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            command TEXT NOT NULL,
            undoes INTEGER,
            undone_by INTEGER,
            PRIMARY KEY (user_id, number),
            CONSTRAINT user_id_text CHECK (length(user_id) BETWEEN 1 AND 255 AND user_id = trim(user_id) AND user_id !~ '[\u0001-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]'),
            CONSTRAINT user_id_path CHECK (user_id NOT IN ('.', '..') AND replace(user_id, '/', '') = user_id),
            CONSTRAINT number_counts CHECK (number >= 1),
            CONSTRAINT at_instant CHECK (at >= '1900-01-01 00:00:00+00' AND at < '9999-01-01 00:00:00+00'),
            CONSTRAINT command_text CHECK (length(command) BETWEEN 1 AND 20 AND command = trim(command) AND command !~ '[\u0001-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]')
        )
        """,
    r"""
        CREATE TABLE todo.change (
            user_id TEXT NOT NULL,
            operation INTEGER NOT NULL,
            task_id UUID NOT NULL,
            number INTEGER NOT NULL,
            old_values JSONB NOT NULL,
            new_values JSONB NOT NULL,
            PRIMARY KEY (user_id, operation, task_id),
            CONSTRAINT user_id_text CHECK (length(user_id) BETWEEN 1 AND 255 AND user_id = trim(user_id) AND user_id !~ '[\u0001-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]'),
            CONSTRAINT user_id_path CHECK (user_id NOT IN ('.', '..') AND replace(user_id, '/', '') = user_id),
            CONSTRAINT old_values_object CHECK (jsonb_typeof(old_values) = 'object'),
            CONSTRAINT new_values_object CHECK (jsonb_typeof(new_values) = 'object')
        )
        """,
    r"""
        CREATE INDEX task_completed_at_idx ON todo.task (user_id, state, completed_at, created_at, number) WHERE completed_at IS NOT NULL
        """,
    r"""
        CREATE INDEX task_created_at_idx ON todo.task (user_id, state, created_at, number, wait_until)
        """,
    r"""
        CREATE INDEX task_deleted_at_idx ON todo.task (user_id, state, deleted_at, created_at, number) WHERE deleted_at IS NOT NULL
        """,
    r"""
        CREATE INDEX task_due_on_idx ON todo.task (user_id, state, due_on, (CASE WHEN (priority OPERATOR(pg_catalog.=) 'high') THEN 1 WHEN (priority OPERATOR(pg_catalog.=) 'medium') THEN 2 WHEN (priority OPERATOR(pg_catalog.=) 'low') THEN 3 ELSE 4 END), created_at DESC, number DESC, wait_until) WHERE due_on IS NOT NULL
        """,
    r"""
        CREATE INDEX task_priority_idx ON todo.task (user_id, state, (CASE WHEN (priority OPERATOR(pg_catalog.=) 'high') THEN 1 WHEN (priority OPERATOR(pg_catalog.=) 'medium') THEN 2 WHEN (priority OPERATOR(pg_catalog.=) 'low') THEN 3 ELSE 4 END), created_at DESC, number DESC, wait_until) WHERE priority IS NOT NULL
        """,
    r"""
        CREATE INDEX task_project_exact_idx ON todo.task (user_id, state, (project COLLATE pg_catalog."C"), wait_until) WHERE project IS NOT NULL
        """,
    r"""
        CREATE INDEX task_project_idx ON todo.task (user_id, state, (pg_catalog.substr(coalesce(project_folded, project), 1, 150) COLLATE pg_catalog."C"), (project COLLATE pg_catalog."C"), created_at DESC, number DESC) WHERE project IS NOT NULL
        """,
    r"""
        CREATE INDEX task_title_idx ON todo.task (user_id, state, (pg_catalog.substr(coalesce(title_folded, title), 1, 150) COLLATE pg_catalog."C"), (title COLLATE pg_catalog."C"), created_at DESC, number DESC)
        """,
    r"""
        CREATE INDEX task_updated_at_idx ON todo.task (user_id, state, updated_at, created_at, number)
        """,
    r"""
        CREATE INDEX task_wait_until_idx ON todo.task (user_id, state, wait_until, created_at DESC, number DESC) WHERE wait_until IS NOT NULL
        """,
    r"""
        CREATE INDEX change_number_idx ON todo.change (user_id, number, operation)
        """,
)

SQLITE: Final = (
    r"""
        DROP INDEX IF EXISTS task_completed_at_idx
        """,
    r"""
        DROP INDEX IF EXISTS task_created_at_idx
        """,
    r"""
        DROP INDEX IF EXISTS task_due_on_idx
        """,
    r"""
        DROP INDEX IF EXISTS task_priority_idx
        """,
    r"""
        DROP INDEX IF EXISTS task_project_exact_idx
        """,
    r"""
        DROP INDEX IF EXISTS task_project_idx
        """,
    r"""
        DROP INDEX IF EXISTS task_title_idx
        """,
    r"""
        DROP INDEX IF EXISTS task_updated_at_idx
        """,
    r"""
        DROP INDEX IF EXISTS task_wait_until_idx
        """,
    r"""
        ALTER TABLE task ADD COLUMN deleted_at TEXT
            CONSTRAINT deleted_at_instant CHECK (deleted_at IS NULL OR (typeof(deleted_at) = 'text' AND deleted_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND strftime('%Y-%m-%dT%H:%M:%S', substr(deleted_at, 1, 19), '+0 days') IS substr(deleted_at, 1, 19) AND deleted_at >= '1900' AND deleted_at < '9999'))
        """,
    r"""
        ALTER TABLE task ADD COLUMN state INTEGER GENERATED ALWAYS AS (CASE WHEN deleted_at IS NOT NULL THEN 2 WHEN is_done THEN 1 ELSE 0 END)
        """,
    r"""
        ALTER TABLE counter ADD COLUMN operations INTEGER DEFAULT 0 NOT NULL
            CONSTRAINT operations_counts CHECK (operations >= 0)
            CONSTRAINT operations_integer CHECK (typeof(operations) = 'integer' AND operations <= 2147483647)
        """,
    r"""
        CREATE TABLE operation (
            user_id TEXT NOT NULL,
            number INTEGER NOT NULL,
            id TEXT NOT NULL,
            at TEXT NOT NULL,
            command TEXT NOT NULL,
            undoes INTEGER,
            undone_by INTEGER,
            PRIMARY KEY (user_id, number),
            CONSTRAINT user_id_text CHECK (length(user_id) BETWEEN 1 AND 255 AND user_id = trim(user_id) AND typeof(user_id) = 'text' AND instr(user_id, char(0)) = 0 AND user_id NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || '-' || char(159) || char(8232) || '-' || char(8238) || char(8294) || '-' || char(8297) || ']*'),
            CONSTRAINT user_id_path CHECK (user_id NOT IN ('.', '..') AND replace(user_id, '/', '') = user_id),
            CONSTRAINT number_counts CHECK (number >= 1),
            CONSTRAINT number_integer CHECK (typeof(number) = 'integer' AND number <= 2147483647),
            CONSTRAINT id_uuid CHECK (typeof(id) = 'text' AND id GLOB '[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]'),
            CONSTRAINT at_instant CHECK (at IS NULL OR (typeof(at) = 'text' AND at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND strftime('%Y-%m-%dT%H:%M:%S', substr(at, 1, 19), '+0 days') IS substr(at, 1, 19) AND at >= '1900' AND at < '9999')),
            CONSTRAINT command_text CHECK (length(command) BETWEEN 1 AND 20 AND command = trim(command) AND typeof(command) = 'text' AND instr(command, char(0)) = 0 AND command NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || '-' || char(159) || char(8232) || '-' || char(8238) || char(8294) || '-' || char(8297) || ']*')
        )
        """,
    r"""
        CREATE TABLE change (
            user_id TEXT NOT NULL,
            operation INTEGER NOT NULL,
            task_id TEXT NOT NULL,
            number INTEGER NOT NULL,
            old_values TEXT NOT NULL,
            new_values TEXT NOT NULL,
            PRIMARY KEY (user_id, operation, task_id),
            CONSTRAINT user_id_text CHECK (length(user_id) BETWEEN 1 AND 255 AND user_id = trim(user_id) AND typeof(user_id) = 'text' AND instr(user_id, char(0)) = 0 AND user_id NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || '-' || char(159) || char(8232) || '-' || char(8238) || char(8294) || '-' || char(8297) || ']*'),
            CONSTRAINT user_id_path CHECK (user_id NOT IN ('.', '..') AND replace(user_id, '/', '') = user_id),
            CONSTRAINT number_integer CHECK (typeof(number) = 'integer'),
            CONSTRAINT task_id_uuid CHECK (typeof(task_id) = 'text' AND task_id GLOB '[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]'),
            CONSTRAINT old_values_object CHECK (typeof(old_values) = 'text' AND old_values GLOB '{*}'),
            CONSTRAINT new_values_object CHECK (typeof(new_values) = 'text' AND new_values GLOB '{*}')
        )
        """,
    r"""
        CREATE INDEX task_completed_at_idx ON task (user_id, state, completed_at, created_at, number) WHERE completed_at IS NOT NULL
        """,
    r"""
        CREATE INDEX task_created_at_idx ON task (user_id, state, created_at, number, wait_until)
        """,
    r"""
        CREATE INDEX task_deleted_at_idx ON task (user_id, state, deleted_at, created_at, number) WHERE deleted_at IS NOT NULL
        """,
    r"""
        CREATE INDEX task_due_on_idx ON task (user_id, state, due_on, (CASE WHEN (priority = 'high') THEN 1 WHEN (priority = 'medium') THEN 2 WHEN (priority = 'low') THEN 3 ELSE 4 END), created_at DESC, number DESC, wait_until) WHERE due_on IS NOT NULL
        """,
    r"""
        CREATE INDEX task_priority_idx ON task (user_id, state, (CASE WHEN (priority = 'high') THEN 1 WHEN (priority = 'medium') THEN 2 WHEN (priority = 'low') THEN 3 ELSE 4 END), created_at DESC, number DESC, wait_until) WHERE priority IS NOT NULL
        """,
    r"""
        CREATE INDEX task_project_exact_idx ON task (user_id, state, project, wait_until) WHERE project IS NOT NULL
        """,
    r"""
        CREATE INDEX task_project_idx ON task (user_id, state, substr(coalesce(project_folded, project), 1, 150), project, created_at DESC, number DESC) WHERE project IS NOT NULL
        """,
    r"""
        CREATE INDEX task_title_idx ON task (user_id, state, substr(coalesce(title_folded, title), 1, 150), title, created_at DESC, number DESC)
        """,
    r"""
        CREATE INDEX task_updated_at_idx ON task (user_id, state, updated_at, created_at, number)
        """,
    r"""
        CREATE INDEX task_wait_until_idx ON task (user_id, state, wait_until, created_at DESC, number DESC) WHERE wait_until IS NOT NULL
        """,
    r"""
        CREATE INDEX change_number_idx ON change (user_id, number, operation)
        """,
)

RENAME: Final = "ALTER TABLE task RENAME COLUMN completed TO is_done"
OTHERS: Final = """
SELECT type, name FROM sqlite_master WHERE type IN ('view', 'trigger')
ORDER BY length(name) DESC
"""
WITH_TRIGGERS: Final = """
SELECT rowid, sql FROM sqlite_master
WHERE name = ? OR (tbl_name = ? AND type = 'trigger')
"""


def upgrade() -> None:
    """Apply the change; forward only."""
    if op.get_context().dialect.name == "postgresql":
        for statement in POSTGRESQL:
            op.execute(statement)
        return
    if op.get_context().as_sql:
        op.execute(RENAME)
    else:
        _rename(op.get_bind())
    # SQLite looks at all rows for each column; a row that breaks a rule stays.
    op.execute("PRAGMA ignore_check_constraints = ON")
    for statement in SQLITE:
        op.execute(statement)
    op.execute("PRAGMA ignore_check_constraints = OFF")


def _rename(connection: Any) -> None:
    """Rename the column, in views and triggers of other programs, too.

    Those that are broken would stop it; they are put back as they were.
    """
    broken: list[tuple[int, str]] = []
    while True:
        try:
            connection.exec_driver_sql(RENAME)
            break
        except OperationalError as error:
            blamed = _blamed(connection, str(error.orig))
            if blamed is None:
                raise
            kind, name = blamed
            rows = connection.exec_driver_sql(WITH_TRIGGERS, (name, name))
            broken += [(place, sql) for place, sql in rows]
            quoted = name.replace('"', '""')
            connection.exec_driver_sql(f'DROP {kind} "{quoted}"')
    # A view comes before its triggers.
    for _, sql in sorted(broken):
        connection.exec_driver_sql(sql)


def _blamed(connection: Any, message: str) -> tuple[str, str] | None:
    """Return the kind and the name of what SQLite says is broken."""
    for kind, name in connection.exec_driver_sql(OTHERS):
        if f"error in {kind} {name}" in message:
            return kind, name
    return None
