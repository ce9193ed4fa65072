"""Queries that tell whether the schema `todo` on PostgreSQL is trusted.

Triggers, views, defaults and indexes run code with the rights of the role that
uses a table. Some of it runs while a statement is planned. A role that may
create schemas could create `todo` first and wait for a role with more rights.

So a schema is used only if everything in it has a trusted owner. Trusted are
our role, roles whose rights we have, the owner of the database, and
superusers. `guard.py` asks before the first statement of a connection.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    Text,
    any_,
    bindparam,
    case,
    cast,
    column,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
    table,
    true,
)
from sqlmodel import SQLModel

from todo_cli.database.schema import WALL
from todo_cli.database.tables import SCHEMA

_NAMESPACE: Final = table(
    "pg_namespace",
    column("oid"),
    column("nspname"),
    column("nspowner"),
    column("nspacl"),
    schema="pg_catalog",
)
_RELATION: Final = table(
    "pg_class",
    column("relname"),
    column("relnamespace"),
    column("relowner"),
    column("relforcerowsecurity"),
    column("relkind"),
    column("oid"),
    schema="pg_catalog",
)
_COLUMN: Final = table(
    "pg_attribute",
    column("attrelid"),
    column("attname"),
    column("attnum"),
    column("attgenerated"),
    column("attisdropped"),
    schema="pg_catalog",
)
_ROLE: Final = table(
    "pg_roles",
    column("oid"),
    column("rolname"),
    column("rolsuper"),
    schema="pg_catalog",
)
_DATABASE: Final = table(
    "pg_database", column("datname"), column("datdba"), schema="pg_catalog"
)
_MEMBER: Final = table(
    "pg_auth_members", column("roleid"), column("member"), schema="pg_catalog"
)
_POLICY: Final = table(
    "pg_policy",
    column("polname"),
    column("polrelid"),
    column("polroles"),
    schema="pg_catalog",
)
_ME: Final[ColumnElement[Any]] = literal_column("current_user")


def _quoted(text: str) -> ColumnElement[Any]:
    """Write a constant as a literal.

    A statement without parameters can be printed and sent as a plain text.
    """
    return literal_column(f"'{text}'")


# The columns, for expressions that read like SQL: `_role.oid`.
_schema: Final = _NAMESPACE.c
_relation: Final = _RELATION.c
_role: Final = _ROLE.c

_IS_ME: Final = _role.rolname == _ME
_IS_OURS: Final = _schema.nspname == _quoted(SCHEMA)
_IS_INSIDE: Final = _relation.relnamespace == _schema.oid
_OWNS_SCHEMA: Final = _role.oid == _schema.nspowner


def _is_trusted(*, with_groups: bool = True) -> ColumnElement[bool]:
    """Whether the role in the row of `_ROLE` may decide what runs as us.

    `with_groups` includes roles whose rights we have as members. The right to
    SET or ADMIN a role is no reason to trust it. From PostgreSQL 16 on,
    whoever creates a role has that right.
    """
    is_current = _DATABASE.c.datname == func.current_database()
    owner_of_database = select(_DATABASE.c.datdba).where(is_current)
    trusted = [
        _IS_ME,
        _role.rolsuper,
        _role.oid == owner_of_database.scalar_subquery(),
        # Its only member is the owner of the database.
        _role.rolname == _quoted("pg_database_owner"),
    ]
    if with_groups:
        trusted.append(_has_its_rights())
    return or_(*trusted)


def _has_its_rights() -> ColumnElement[bool]:
    """Whether we have the rights of the role in `_ROLE` as a member."""
    me = _ROLE.alias("me")
    memberships = _MEMBER.join(me, me.c.oid == _MEMBER.c.member)
    granted = select(_MEMBER.c.roleid).select_from(memberships)
    is_mine = me.c.rolname == _ME
    mine = granted.where(_MEMBER.c.roleid == _role.oid, is_mine)
    is_granted = mine.exists()
    # PostgreSQL treats a superuser as a member of every role. For a superuser
    # only a direct membership counts.
    setting = func.current_setting(_quoted("is_superuser"))
    is_superuser = setting == _quoted("on")
    has_role = func.pg_has_role(_role.oid, _quoted("USAGE"))
    return case((is_superuser, is_granted), else_=has_role)


def owners() -> Select[str, bool]:
    """Select each owner of the schema and its contents, and our trust in them.

    The owner of the schema comes first. Without a schema there is no row.
    """
    owner = cast(_role.rolname, Text).label("owner")
    is_trusted = _is_trusted().label("is_trusted")
    found = (
        select(owner, is_trusted)
        .select_from(_NAMESPACE.join(_ROLE, _owns_any()))
        .where(_IS_OURS)
    )
    # False sorts before true, so the owner of the schema comes first.
    is_other = _role.oid != _schema.nspowner
    return found.order_by(is_other, _role.rolname)


def owners_and_walls() -> Select[str, bool, bool]:
    """Select the same, and whether there is a role that a policy limits to one user.

    See `policy.py`. What `guard.py` asks.
    """
    is_wall = _POLICY.c.polname == _quoted(WALL)
    has_walls = select(_POLICY.c.polname).where(is_wall).exists()
    return owners().add_columns(has_walls.label("has_walls"))


def _owns_any() -> ColumnElement[bool]:
    """Whether the role in the row of `_ROLE` owns the schema or a part of it."""
    # Whoever owns one table can put a trigger on it.
    inside = select(_relation.relowner).where(_IS_INSIDE)
    return or_(_OWNS_SCHEMA, _role.oid.in_(inside))


def _owner_of_schema() -> Select[Any]:
    """Select the id of the role that owns the schema."""
    return (
        select(_role.oid)
        .select_from(_NAMESPACE.join(_ROLE, _OWNS_SCHEMA))
        .where(_IS_OURS)
    )


def relations() -> Select[Any]:
    """Select the names of the tables, views and similar in the schema.

    Indexes and sequences are among them.
    """
    is_inside = _schema.oid == _relation.relnamespace
    return (
        select(cast(_relation.relname, Text))
        .select_from(_RELATION.join(_NAMESPACE, is_inside))
        .where(_IS_OURS)
    )


def tables_there() -> Select[Any]:
    """Select the names of the tables in the schema; no views and indexes.

    Those of other servers are among them.
    """
    kinds = [_relation.relkind == _quoted(kind) for kind in "rpf"]
    return relations().where(or_(*kinds))


def columns_there() -> Select[Any]:
    """Select the columns of a table, and 0, or 2 if it is computed.

    As SQLite tells it of a file.
    """
    name = bindparam("name", type_=Text)
    is_stored = _COLUMN.c.attgenerated == _quoted("")
    stored: ColumnElement[Any] = literal_column("0")
    computed: ColumnElement[Any] = literal_column("2")
    is_of_table = _COLUMN.c.attrelid == _relation.oid
    tables = _RELATION.join(_NAMESPACE, _IS_INSIDE)
    return (
        select(
            cast(_COLUMN.c.attname, Text),
            case((is_stored, stored), else_=computed),
        )
        .select_from(_COLUMN.join(tables, is_of_table))
        .where(
            _IS_OURS,
            cast(_relation.relname, Text) == name,
            _COLUMN.c.attnum > literal_column("0"),
            not_(_COLUMN.c.attisdropped),
        )
    )


def role_without_rights() -> Select[Any]:
    """Select the name of our role if it needs granted rights.

    That is a role that does not own the schema and all in it, or cannot create
    it. A restore can leave the tables to another role than the schema.
    """
    has_its_rights = func.pg_has_role(_role.oid, _quoted("USAGE"))
    is_mine = or_(_IS_ME, has_its_rights)
    others = (
        select(_role.oid)
        .select_from(_NAMESPACE.join(_ROLE, _owns_any()))
        .where(_IS_OURS, not_(is_mine))
    )
    database = func.current_database()
    may_create = func.has_database_privilege(database, _quoted("CREATE"))
    is_there = _owner_of_schema().exists()
    has_rights = case((is_there, not_(others.exists())), else_=may_create)
    return select(cast(_ME, Text)).where(not_(has_rights))


def open_schemas() -> Select[Any]:
    """Select the schemas in which others may create objects, and who may.

    The schemas are ours and those on our search_path. NULL for who means every
    role. A group that we belong to counts as others: its members are.

    A row of the join is a schema with a role that may create in it: as its
    owner, or because of a grant.
    """
    rights = _rights_to_create()
    # 0 is PUBLIC: every role.
    by_everybody = rights.c.grantee == literal_column("0")
    is_granted = _role.oid == rights.c.grantee
    # An owner may always create.
    by_role = or_(_OWNS_SCHEMA, is_granted)
    roles = _NAMESPACE.outerjoin(rights, true()).outerjoin(_ROLE, by_role)
    # NULL where the outer join found no role.
    is_trusted = func.coalesce(_is_trusted(with_groups=False), true())
    schema = cast(_schema.nspname, Text).label("schema")
    name = cast(_role.rolname, Text)
    who = case((by_everybody, None), else_=name).label("who")
    found = select(schema, who).select_from(roles)
    is_open = or_(by_everybody, not_(is_trusted))
    open_to = found.where(_is_looked_in(), is_open)
    return open_to.distinct().order_by(schema, who)


def _rights_to_create() -> Any:
    """Select who was granted the right to create objects in a schema.

    The schema is the one in the row of `_NAMESPACE`.
    """
    exploded = func.aclexplode(_schema.nspacl)
    rights = exploded.table_valued("grantee", "privilege_type")
    is_to_create = rights.c.privilege_type == _quoted("CREATE")
    return select(rights.c.grantee).where(is_to_create).lateral()


def _is_looked_in() -> ColumnElement[bool]:
    """Whether the schema in `_NAMESPACE` is ours or on our search_path."""
    # Without the implicit schemas: nobody but a superuser creates in those.
    path = any_(func.current_schemas(false()))
    is_on_path = _schema.nspname == path
    is_ours = _IS_OURS
    return or_(is_on_path, is_ours)


def bound() -> Select[str, str]:
    """Select our tables of which row-level security may hide rows, and our role.

    An owner is bound where it is forced. Superusers are not bound.
    """
    both = _RELATION.join(_NAMESPACE, _IS_INSIDE)
    is_bound = func.row_security_active(_relation.oid)
    name = cast(_relation.relname, Text)
    found = select(name, cast(_ME, Text)).select_from(both)
    return found.where(_IS_OURS, _is_table(), is_bound).order_by(name)


def count_bound() -> Select[int]:
    """Count our tables of which row-level security may hide rows from us."""
    return select(func.count()).select_from(bound().subquery())


def count_ours() -> Select[int]:
    """Count our tables."""
    both = _RELATION.join(_NAMESPACE, _IS_INSIDE)
    found = select(func.count()).select_from(both)
    return found.where(_IS_OURS, _is_table())


def count_walled() -> Select[int]:
    """Count our tables that a policy limits, for our role, to one user at a time.

    It limits members of its role, too, and nobody whom row-level security does
    not bind. See `policy.py`.
    """
    is_meant = _role.oid == any_(_POLICY.c.polroles)
    roles = _POLICY.join(_ROLE, is_meant)
    mine = select(_POLICY.c.polrelid).select_from(roles)
    walled = mine.where(
        _POLICY.c.polname == _quoted(WALL),
        func.pg_has_role(_role.oid, _quoted("USAGE")),
    )
    is_bound = func.row_security_active(_relation.oid)
    return count_ours().where(is_bound, _relation.oid.in_(walled))


def closed_tables() -> Select[str]:
    """Select the tables of tasks to which our role may not add rows.

    Whoever may read them all the same sees the tasks, and can change none. One
    with secrets does not count: tasks are stored without it.
    """
    tables = SQLModel.metadata.sorted_tables
    of_tasks = [each for each in tables if "is_secret" not in each.info]
    both = _RELATION.join(_NAMESPACE, _IS_INSIDE)
    may_add = func.has_table_privilege(_relation.oid, _quoted("INSERT"))
    name = cast(_relation.relname, Text)
    found = select(name).select_from(both)
    is_meant = _is_one_of(of_tasks)
    return found.where(_IS_OURS, is_meant, not_(may_add)).order_by(name)


def _is_table() -> ColumnElement[bool]:
    """Whether the relation in `_RELATION` has the name of a table of ours."""
    return _is_one_of(SQLModel.metadata.sorted_tables)


def _is_one_of(tables: Sequence[Table]) -> ColumnElement[bool]:
    """Whether the relation in `_RELATION` has the name of one of these."""
    return or_(*[_relation.relname == _quoted(each.name) for each in tables])


def forced() -> Select[Any]:
    """Select our own tables whose row-level security binds even us, by name.

    An owner can lift that. Superusers are not bound.
    """
    both = _RELATION.join(_NAMESPACE, _IS_INSIDE)
    is_bound = func.row_security_active(_relation.oid)
    is_owned = func.pg_has_role(_relation.relowner, _quoted("USAGE"))
    name = cast(_relation.relname, Text)
    found = (
        select(name)
        .select_from(both)
        .where(
            _IS_OURS,
            _is_table(),
            _relation.relforcerowsecurity,
            is_bound,
            is_owned,
        )
    )
    return found.order_by(name)


def statements() -> dict[str, Select[Any]]:
    """Return the queries by the name that `run.py` uses."""
    return {
        "owners": owners(),
        "owners_and_walls": owners_and_walls(),
        "relations": relations(),
        "role_without_rights": role_without_rights(),
        "open_schemas": open_schemas(),
        "forced": forced(),
        "bound": bound(),
        "walled": count_walled(),
        "closed_tables": closed_tables(),
        "tables_there": tables_there(),
        "columns_there": columns_there(),
    }
