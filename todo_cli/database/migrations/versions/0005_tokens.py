"""Add tokens for the REST API.

Nothing that was there is changed, so older programs work as before.
"""

from typing import Final

from alembic import op

revision = "0005"
down_revision = "0004"

POSTGRESQL: Final = (
    r"""
        CREATE TABLE todo.token (
            id UUID NOT NULL,
            user_id TEXT NOT NULL,
            name TEXT NOT NULL,
            read_only BOOLEAN NOT NULL,
            hash BYTEA NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            expires_at TIMESTAMP WITH TIME ZONE,
            last_used_on DATE,
            revoked_at TIMESTAMP WITH TIME ZONE,
            PRIMARY KEY (id),
            CONSTRAINT user_id_text CHECK (length(user_id) BETWEEN 1 AND 255 AND user_id = trim(user_id) AND user_id !~ '[\u0001-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]'),
            CONSTRAINT user_id_path CHECK (user_id NOT IN ('.', '..') AND replace(user_id, '/', '') = user_id),
            CONSTRAINT name_text CHECK (length(name) BETWEEN 1 AND 100 AND name = trim(name) AND name !~ '[\u0001-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]'),
            CONSTRAINT hash_length CHECK (length(hash) = 32),
            CONSTRAINT expires_later CHECK (expires_at IS NULL OR expires_at > created_at),
            CONSTRAINT created_at_instant CHECK (created_at >= '1900-01-01 00:00:00+00' AND created_at < '9999-01-01 00:00:00+00'),
            CONSTRAINT expires_at_instant CHECK (expires_at >= '1900-01-01 00:00:00+00' AND expires_at < '9999-01-01 00:00:00+00'),
            CONSTRAINT last_used_on_day CHECK (last_used_on BETWEEN '1900-01-01' AND '9998-12-31'),
            CONSTRAINT revoked_at_instant CHECK (revoked_at >= '1900-01-01 00:00:00+00' AND revoked_at < '9999-01-01 00:00:00+00')
        )
        """,
    r"""
        CREATE UNIQUE INDEX token_hash_idx ON todo.token (hash)
        """,
    r"""
        CREATE INDEX token_user_id_idx ON todo.token (user_id, created_at)
        """,
    r"""
        CREATE UNIQUE INDEX token_user_id_name_idx ON todo.token (user_id, name) WHERE revoked_at IS NULL
        """,
)

SQLITE: Final = (
    r"""
        CREATE TABLE token (
            id TEXT NOT NULL,
            user_id TEXT NOT NULL,
            name TEXT NOT NULL,
            read_only BOOLEAN NOT NULL,
            hash BLOB NOT NULL,
            created_at TEXT NOT NULL,
            expires_at TEXT,
            last_used_on TEXT,
            revoked_at TEXT,
            PRIMARY KEY (id),
            CONSTRAINT user_id_text CHECK (length(user_id) BETWEEN 1 AND 255 AND user_id = trim(user_id) AND typeof(user_id) = 'text' AND instr(user_id, char(0)) = 0 AND user_id NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || '-' || char(159) || char(8232) || '-' || char(8238) || char(8294) || '-' || char(8297) || ']*'),
            CONSTRAINT user_id_path CHECK (user_id NOT IN ('.', '..') AND replace(user_id, '/', '') = user_id),
            CONSTRAINT name_text CHECK (length(name) BETWEEN 1 AND 100 AND name = trim(name) AND typeof(name) = 'text' AND instr(name, char(0)) = 0 AND name NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || '-' || char(159) || char(8232) || '-' || char(8238) || char(8294) || '-' || char(8297) || ']*'),
            CONSTRAINT hash_length CHECK (length(hash) = 32),
            CONSTRAINT expires_later CHECK (expires_at IS NULL OR expires_at > created_at),
            CONSTRAINT id_uuid CHECK (typeof(id) = 'text' AND id GLOB '[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]'),
            CONSTRAINT hash_bytes CHECK (typeof(hash) = 'blob'),
            CONSTRAINT read_only_boolean CHECK (typeof(read_only) = 'integer' AND read_only IN (0, 1)),
            CONSTRAINT created_at_instant CHECK (created_at IS NULL OR (typeof(created_at) = 'text' AND created_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND strftime('%Y-%m-%dT%H:%M:%S', substr(created_at, 1, 19), '+0 days') IS substr(created_at, 1, 19) AND created_at >= '1900' AND created_at < '9999')),
            CONSTRAINT expires_at_instant CHECK (expires_at IS NULL OR (typeof(expires_at) = 'text' AND expires_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND strftime('%Y-%m-%dT%H:%M:%S', substr(expires_at, 1, 19), '+0 days') IS substr(expires_at, 1, 19) AND expires_at >= '1900' AND expires_at < '9999')),
            CONSTRAINT last_used_on_day CHECK (last_used_on IS NULL OR (typeof(last_used_on) = 'text' AND last_used_on GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]' AND date(last_used_on, '+0 days') IS last_used_on AND last_used_on BETWEEN '1900-01-01' AND '9998-12-31')),
            CONSTRAINT revoked_at_instant CHECK (revoked_at IS NULL OR (typeof(revoked_at) = 'text' AND revoked_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND strftime('%Y-%m-%dT%H:%M:%S', substr(revoked_at, 1, 19), '+0 days') IS substr(revoked_at, 1, 19) AND revoked_at >= '1900' AND revoked_at < '9999'))
        )
        """,
    r"""
        CREATE UNIQUE INDEX token_hash_idx ON token (hash)
        """,
    r"""
        CREATE INDEX token_user_id_idx ON token (user_id, created_at)
        """,
    r"""
        CREATE UNIQUE INDEX token_user_id_name_idx ON token (user_id, name) WHERE revoked_at IS NULL
        """,
)


def upgrade() -> None:
    """Apply the change; forward only."""
    statements = SQLITE
    if op.get_context().dialect.name == "postgresql":
        statements = POSTGRESQL
    for statement in statements:
        op.execute(statement)
