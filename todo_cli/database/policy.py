"""The recipe for sharing one database: a role for each person, and row-level security that binds it to its rows."""

from collections.abc import Sequence

from sqlalchemy.dialects.postgresql.base import PGDialect

from todo_cli.models import SCHEMA

_HEAD = """\
-- Row-level security for todo: each person connects with a role of their own, and PostgreSQL itself
-- keeps them apart: --user can then name nobody else. Run it as the owner of the schema.
-- Superusers and roles with BYPASSRLS (such as the role that Neon's console makes) are not bound by it:
-- `todo doctor` says whether yours is.

BEGIN;
"""

_TABLE = """
ALTER TABLE {schema}.{table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.{table} FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_rows ON {schema}.{table};
CREATE POLICY own_rows ON {schema}.{table}
    USING (user_id = current_user::text) WITH CHECK (user_id = current_user::text);
"""

_ROLE = """
-- {comment}: set the password yourself, and put `user = "{name}"` into the config file that uses the role.
-- CREATE ROLE {role} LOGIN PASSWORD '...';
GRANT USAGE ON SCHEMA {schema} TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.task TO {role};
GRANT SELECT, INSERT, UPDATE ON {schema}.counter TO {role};
GRANT SELECT ON {schema}.alembic_version TO {role};
"""


def recipe(people: Sequence[str]) -> str:
    """SQL that switches row-level security on and gives each person's role its rights."""
    quote = PGDialect().identifier_preparer.quote  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
    tables = "".join(_TABLE.format(schema=SCHEMA, table=table) for table in ("task", "counter"))
    roles = "".join(_ROLE.format(schema=SCHEMA, comment="a person", name=name, role=quote(name)) for name in people)
    return f"{_HEAD}{tables}{roles}\nCOMMIT;\n"
