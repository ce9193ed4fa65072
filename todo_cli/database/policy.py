"""The SQL of `todo db policy`, for a database that several people share.

Each person has a role, and row-level security limits it to its own rows. Every
table of ours has a column `user_id`, which the policies compare. The tables
come from the metadata, so a new table needs no change here.

The role of a server has the rows of the user on whose behalf a statement runs:
`behalf.py` names that user. A row of a token is there also for who has its hash.
"""

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Final

from sqlalchemy import Table
from sqlmodel import SQLModel

from todo_cli.database import ddl
from todo_cli.database.schema import (
    REVISIONS,
    TOKEN_SETTING,
    USER_SETTING,
    WALL,
)
from todo_cli.database.tables import SCHEMA

_HEAD: Final = """\
-- Row-level security for todo: each person connects with a role of their own, and
-- PostgreSQL itself keeps them apart, whatever --user says.
-- 1. Run this file as the owner of the schema, with the right to create roles. It can be run again.
-- 2. Give each new role a password, as `\\password NAME` in psql does:{passwords}
-- 3. Each person runs `todo connect` with the role's connection string; NAME is then the user.
-- Superusers and roles with BYPASSRLS (such as the role that Neon's console makes) are
-- not bound by it: `todo doctor` says whether yours is.

BEGIN;
SET LOCAL search_path = '';
-- A backslash in a name is only a backslash.
SET LOCAL standard_conforming_strings = on;
-- Everybody else waits behind this file while it waits for an open transaction. If that
-- takes too long it fails and changes nothing: run it again.
{no_long_lock};

-- People trust what the owner of the database owns, and nobody else's.
DO $$
DECLARE
    owner pg_catalog.text;
BEGIN
    SELECT rolname INTO owner FROM pg_catalog.pg_namespace
        JOIN pg_catalog.pg_roles ON pg_roles.oid = nspowner
        WHERE nspname = '{schema}' AND NOT rolsuper AND rolname <> 'pg_database_owner'
        AND nspowner <> (SELECT datdba FROM pg_catalog.pg_database
            WHERE datname = pg_catalog.current_database());
    IF FOUND THEN
        RAISE EXCEPTION 'the schema {schema} belongs to %, not to the owner of the database', owner
            USING HINT = 'ALTER SCHEMA {schema} OWNER TO ...; '
                'and ALTER TABLE ... OWNER TO ...; for each table in it';
    END IF;
END $$;

-- Nobody else may put objects where programs look names up.
DO $$ BEGIN
    REVOKE CREATE ON SCHEMA public FROM PUBLIC;
EXCEPTION
    WHEN invalid_schema_name THEN NULL;
    WHEN insufficient_privilege THEN
        RAISE WARNING 'only the owner of the schema public can revoke CREATE on it';
END $$;
"""

_TABLE: Final = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_rows ON {table};
CREATE POLICY own_rows ON {table}
    USING (user_id = current_user::text) WITH CHECK (user_id = current_user::text);
"""

_ROLE: Final = """
DO {tag} BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {literal}) THEN
        CREATE ROLE {role} LOGIN;
    END IF;
    ALTER ROLE {role} SET search_path = '';
EXCEPTION
    WHEN insufficient_privilege THEN
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {literal}) THEN
            RAISE;
        END IF;
        RAISE WARNING 'you may not set the search_path of %', {literal};
END {tag};
{grants}"""

_SERVER: Final = """
-- {role} has the rows of the user whom the program names for each statement. The
-- restrictive policies take all others away, whatever else may let them through.
-- Then start `todo serve` anew, with the connection string of this role.
"""

_WALLS: Final = """
DROP POLICY IF EXISTS server_rows ON {table};
CREATE POLICY server_rows ON {table} TO {role}
    USING ({is_theirs}) WITH CHECK ({is_theirs});
DROP POLICY IF EXISTS {wall} ON {table};
CREATE POLICY {wall} ON {table} AS RESTRICTIVE TO {role}
    USING ({is_seen}) WITH CHECK ({is_theirs});
"""

_LOOK_UP: Final = """
DROP POLICY IF EXISTS server_look_up ON {table};
CREATE POLICY server_look_up ON {table} FOR SELECT TO {role}
    USING ({is_held});
"""

_PERMISSIVE: Final = "['own_rows', 'server_rows', 'server_look_up']"
"""Our policies that let rows through."""
_IS_THEIRS: Final = (
    f"user_id = nullif(current_setting('{USER_SETTING}', true), '')"
)
_IS_HELD: Final = f"encode(hash, 'hex') = nullif(current_setting('{TOKEN_SETTING}', true), '')"

_WARNING: Final = """
-- A policy beside ours lets more through.
DO $$
DECLARE
    other record;
BEGIN
    FOR other IN SELECT polname, polrelid::pg_catalog.regclass AS name FROM pg_catalog.pg_policy
        WHERE polpermissive AND polname <> ALL (ARRAY{known}) AND polrelid IN (
            SELECT oid FROM pg_catalog.pg_class
                WHERE relnamespace = '{schema}'::pg_catalog.regnamespace)
    LOOP
        RAISE WARNING 'the policy % on % is not one of todo''s, and lets more rows through',
            other.polname, other.name;
    END LOOP;
END $$;
"""

_EXTENSION: Final = """\
DO $$
DECLARE
    bound boolean;
    grantee pg_catalog.text;
    writes boolean;
    server pg_catalog.text;
BEGIN
    SELECT relrowsecurity INTO bound FROM pg_catalog.pg_class
        WHERE oid = pg_catalog.to_regclass('{schema}.task');
    FOR grantee, writes IN
        SELECT acl.grantee::pg_catalog.regrole::pg_catalog.text,
            pg_catalog.bool_or(acl.privilege_type = 'INSERT')
        FROM pg_catalog.pg_class, pg_catalog.aclexplode(relacl) acl
        WHERE oid = pg_catalog.to_regclass('{schema}.task')
            AND acl.privilege_type IN ('SELECT', 'INSERT') AND acl.grantee <> 0
        GROUP BY 1
    LOOP
{grants}
    END LOOP;
    IF bound THEN
{policies}
    END IF;
    FOR server IN
        SELECT rolname FROM pg_catalog.pg_policy
            JOIN pg_catalog.pg_roles ON pg_roles.oid = ANY (polroles)
        WHERE polname = '{wall}'
            AND polrelid = pg_catalog.to_regclass('{schema}.task')
    LOOP
        EXECUTE pg_catalog.format($server${walls}$server$, server);
    END LOOP;
END $$"""


def recipe(people: Sequence[str], server: str | None = None) -> str:
    """Return SQL that creates a role for each person and limits it.

    `server` is the name of a role for `todo serve`, if there shall be one. The
    SQL can be run again: existing roles and policies are kept or replaced. A
    role that was the server's before is that no longer.
    """
    roles_of_all = [*people] if server is None else [*people, server]
    # Passwords are only shown as a comment: SQL with a password ends up in
    # logs and histories.
    examples = [
        f"ALTER ROLE {quote(name)} PASSWORD '...';" for name in roles_of_all
    ]
    passwords = "".join(f"\n--      {example}" for example in examples)
    names = [table.fullname for table in _tables()]
    tables = "".join(_TABLE.format(table=name) for name in names)
    roles = "".join(_role(name) for name in roles_of_all)
    walls = "" if server is None else _of_server(quote(server))
    head = _HEAD.format(
        passwords=passwords, schema=SCHEMA, no_long_lock=ddl.NO_LONG_LOCK
    )
    warning = _WARNING.format(schema=SCHEMA, known=_PERMISSIVE)
    return f"{head}{tables}{warning}{roles}{walls}\nCOMMIT;\n"


def _of_server(role: str) -> str:
    """Return the SQL that makes a role the one of the server."""
    return _SERVER.format(role=role) + _walls(role, _tables())


def _walls(role: str, tables: Sequence[Table]) -> str:
    """Return the SQL that limits a server's role to one user at a time.

    `role` is a quoted name.
    """
    parts = []
    for table in tables:
        how = {
            "table": table.fullname,
            "role": role,
            "wall": WALL,
            "is_theirs": _IS_THEIRS,
            "is_seen": _IS_THEIRS,
        }
        if "hash" in table.c:
            how["is_seen"] = f"{_IS_THEIRS} OR {_IS_HELD}"
            parts.append(_LOOK_UP.format(is_held=_IS_HELD, **how))
        parts.append(_WALLS.format(**how))
    return "".join(parts)


def _role(name: str) -> str:
    """Return the SQL that creates one role and grants its rights."""
    role = quote(name)
    literal = "'" + name.replace("'", "''") + "'"
    # The name is inside a dollar-quoted block, so it must not contain the tag.
    tag = "$$"
    if "$" in name:
        tags = (f"$t{number}$" for number in count())
        tag = next(each for each in tags if each not in name)
    return _ROLE.format(
        role=role, literal=literal, tag=tag, grants=grants(role)
    )


def grants(role: str) -> str:
    """Return SQL that grants the rights that the program needs.

    `role` is a quoted name.
    """
    lines = [f"GRANT USAGE ON SCHEMA {SCHEMA} TO {role};"]
    for table in _tables():
        rights = _rights(table)
        lines.append(f"GRANT {rights} ON {table.fullname} TO {role};")
    # Only the owner migrates; everybody else reads the stamp.
    lines.append(f"GRANT SELECT ON {SCHEMA}.alembic_version TO {role};")
    return "".join(f"{line}\n" for line in lines)


def extension(version: str | None) -> str:
    """Return SQL that runs after the migration of a store of this version.

    New tables get the policies that `task` has, and grants for the same roles.
    One with secrets gets grants only with the policy: without it, whoever may
    read or append tasks could read or make tokens of everybody.
    """
    first = next(iter(REVISIONS.values()))
    known = REVISIONS.get(str(version), first)
    new = [table for table in _tables() if table.name not in known]
    given = [line for table in new for line in _grants(table)]
    bound = [
        f"        {line}"
        for table in new
        for line in _TABLE.format(table=table.fullname).strip().split("\n")
    ]
    # PL/pgSQL allows no empty block, hence NULL.
    nothing = ["        NULL;"]
    return _EXTENSION.format(
        schema=SCHEMA,
        grants="\n".join(given or nothing),
        policies="\n".join(bound or nothing),
        wall=WALL,
        # The first argument of `format`, as an identifier.
        walls=_walls("%1$I", new),
    )


def quote(role: str) -> str:
    """Quote the name of a role as an SQL identifier."""
    return '"' + role.replace('"', '""') + '"'


def _tables() -> Sequence[Table]:
    return SQLModel.metadata.sorted_tables


def _grants(table: Table) -> Iterator[str]:
    """Yield the lines that grant a new table to a role."""
    condition = "bound" if "is_secret" in table.info else "true"
    rights = f"GRANT {_rights(table)} ON {table.fullname} TO "
    yield f"        IF {condition} THEN"
    yield f"            EXECUTE 'GRANT SELECT ON {table.fullname} TO ' || grantee;"
    yield "        END IF;"
    yield f"        IF {condition} AND writes THEN"
    yield f"            EXECUTE '{rights}' || grantee;"
    yield "        END IF;"


def _rights(table: Table) -> str:
    # `tables.py` names the exceptions.
    return str(table.info.get("rights", "SELECT, INSERT, UPDATE, DELETE"))
