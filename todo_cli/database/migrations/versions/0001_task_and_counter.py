"""Make the tables `task` and `counter`."""

from typing import Final

from alembic import op

revision = "0001"
down_revision = None

STATEMENTS: Final = {
    "postgresql": (
        r"""
        CREATE TABLE todo.counter (
            user_id TEXT NOT NULL,
            last INTEGER NOT NULL,
            PRIMARY KEY (user_id),
            CONSTRAINT user_id_text CHECK (length(user_id) BETWEEN 1 AND 255 AND user_id = trim(user_id) AND user_id !~ '[\u0001-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]'),
            CONSTRAINT user_id_path CHECK (user_id NOT IN ('.', '..') AND replace(user_id, '/', '') = user_id),
            CONSTRAINT last_counts CHECK (last >= 0)
        )
        """,
        r"""
        CREATE TABLE todo.task (
            id UUID NOT NULL,
            number INTEGER NOT NULL,
            user_id TEXT NOT NULL,
            title TEXT NOT NULL,
            description TEXT,
            completed BOOLEAN DEFAULT false NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
            completed_at TIMESTAMP WITH TIME ZONE,
            PRIMARY KEY (id),
            CONSTRAINT task_user_id_number_key UNIQUE (user_id, number),
            CONSTRAINT user_id_text CHECK (length(user_id) BETWEEN 1 AND 255 AND user_id = trim(user_id) AND user_id !~ '[\u0001-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]'),
            CONSTRAINT user_id_path CHECK (user_id NOT IN ('.', '..') AND replace(user_id, '/', '') = user_id),
            CONSTRAINT title_text CHECK (length(title) BETWEEN 1 AND 200 AND title = trim(title) AND title !~ '[\u0001-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]'),
            CONSTRAINT description_text CHECK (description IS NULL OR (length(description) BETWEEN 1 AND 10000 AND description !~ '[\u0001-\u0008\u000B-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]')),
            CONSTRAINT number_counts CHECK (number >= 1),
            CONSTRAINT completed_has_time CHECK (completed = (completed_at IS NOT NULL))
        )
        """,
        r"""
        CREATE INDEX task_user_id_completed_created_at_number_idx ON todo.task (user_id, completed, created_at, number)
        """,
        r"""
        CREATE INDEX task_user_id_created_at_number_idx ON todo.task (user_id, created_at, number)
        """,
        r"""
        CREATE INDEX task_user_id_idx ON todo.task (user_id)
        """,
    ),
    "sqlite": (
        r"""
        CREATE TABLE counter (
            user_id TEXT NOT NULL,
            last INTEGER NOT NULL,
            PRIMARY KEY (user_id),
            CONSTRAINT user_id_text CHECK (length(user_id) BETWEEN 1 AND 255 AND user_id = trim(user_id) AND typeof(user_id) = 'text' AND instr(user_id, char(0)) = 0 AND user_id NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || '-' || char(159) || char(8232) || '-' || char(8238) || char(8294) || '-' || char(8297) || ']*'),
            CONSTRAINT user_id_path CHECK (user_id NOT IN ('.', '..') AND replace(user_id, '/', '') = user_id),
            CONSTRAINT last_counts CHECK (last >= 0),
            CONSTRAINT last_integer CHECK (typeof(last) = 'integer')
        )
        """,
        r"""
        CREATE TABLE task (
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
            CONSTRAINT id_uuid CHECK (id GLOB '[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]'),
            CONSTRAINT number_integer CHECK (typeof(number) = 'integer'),
            CONSTRAINT created_at_instant CHECK (created_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]Z'),
            CONSTRAINT updated_at_instant CHECK (updated_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]Z'),
            CONSTRAINT completed_at_instant CHECK (completed_at IS NULL OR completed_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]Z')
        )
        """,
        r"""
        CREATE INDEX task_user_id_completed_created_at_number_idx ON task (user_id, completed, created_at, number)
        """,
        r"""
        CREATE INDEX task_user_id_created_at_number_idx ON task (user_id, created_at, number)
        """,
        r"""
        CREATE INDEX task_user_id_idx ON task (user_id)
        """,
    ),
}
"""The DDL as it was at this revision: never made from the models, which move on."""


def upgrade() -> None:
    """Apply the change; forward only."""
    for statement in STATEMENTS[op.get_context().dialect.name]:
        op.execute(statement)
