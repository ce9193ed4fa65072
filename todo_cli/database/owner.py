"""Whose schema `todo` is in PostgreSQL: a stranger's tables can run a
stranger's code as us.

Triggers, views, defaults and indexes run code with the rights of whoever uses
a table, some of it while a statement is planned. A role that may create
schemas could make `todo` first and wait for somebody with more rights. So a
schema is used only if it and all that is in it belong to us, to a role whose
rights we have, to the owner of the database, or to a superuser. `guard.py`
asks before the first statement of a connection.
"""

from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    any_,
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
_ME: Final[ColumnElement[Any]] = literal_column("current_user")


def _quoted(text: str) -> ColumnElement[Any]:
    """A constant of ours as a literal: a statement without parameters can be
    printed, too.
    """
    return literal_column(f"'{text}'")


def _is_trusted(*, with_groups: bool = True) -> ColumnElement[bool]:
    """Whether the role in the row of `_ROLE` may decide what runs as us.

    `with_groups` counts roles whose rights we have as members. PostgreSQL
    takes a superuser for a member of every role, so for a superuser only a
    direct membership counts. The right to SET or ADMIN a role, which from 16
    on whoever makes it has, is no reason to trust it.
    """
    owner_of_database = (
        select(_DATABASE.c.datdba)
        .where(_DATABASE.c.datname == func.current_database())
        .scalar_subquery()
    )
    trusted = [
        _ROLE.c.rolname == _ME,
        _ROLE.c.rolsuper,
        _ROLE.c.oid == owner_of_database,
        _ROLE.c.rolname == _quoted("pg_database_owner"),
    ]
    if with_groups:
        trusted.append(_has_its_rights())
    return or_(*trusted)


def _has_its_rights() -> ColumnElement[bool]:
    """Whether we have the rights of the role in the row of `_ROLE` as a
    member.
    """
    me = _ROLE.alias("me")
    memberships = _MEMBER.join(me, me.c.oid == _MEMBER.c.member)
    granted = select(_MEMBER.c.roleid).select_from(memberships)
    is_granted = granted.where(
        _MEMBER.c.roleid == _ROLE.c.oid, me.c.rolname == _ME
    ).exists()
    setting = func.current_setting(_quoted("is_superuser"))
    is_superuser = setting == _quoted("on")
    has_role = func.pg_has_role(_ROLE.c.oid, _quoted("USAGE"))
    return case((is_superuser, is_granted), else_=has_role)


def owners() -> Select[str, bool]:
    """Select each owner of the schema and of what is in it, and whether we
    trust them; no row without a schema.

    Whoever owns one table can put a trigger on it. The owner of the schema
    comes first.
    """
    inside = select(_RELATION.c.relowner).where(
        _RELATION.c.relnamespace == _NAMESPACE.c.oid
    )
    is_owner = or_(
        _ROLE.c.oid == _NAMESPACE.c.nspowner, _ROLE.c.oid.in_(inside)
    )
    return (
        select(
            cast(_ROLE.c.rolname, Text).label("owner"),
            _is_trusted().label("is_trusted"),
        )
        .select_from(_NAMESPACE.join(_ROLE, is_owner))
        .where(_NAMESPACE.c.nspname == _quoted(SCHEMA))
        .order_by((_ROLE.c.oid != _NAMESPACE.c.nspowner), _ROLE.c.rolname)
    )


def _owner_of_schema() -> Select[Any]:
    return (
        select(_ROLE.c.oid)
        .select_from(
            _NAMESPACE.join(_ROLE, _ROLE.c.oid == _NAMESPACE.c.nspowner)
        )
        .where(_NAMESPACE.c.nspname == _quoted(SCHEMA))
    )


def relations() -> Select[Any]:
    """Select the names of the tables, views and the like in the schema."""
    return (
        select(cast(_RELATION.c.relname, Text))
        .select_from(
            _RELATION.join(
                _NAMESPACE, _NAMESPACE.c.oid == _RELATION.c.relnamespace
            )
        )
        .where(_NAMESPACE.c.nspname == _quoted(SCHEMA))
    )


def role_without_rights() -> Select[Any]:
    """Select the name of our role if it has no rights by itself: it neither
    owns the schema nor can make it.
    """
    is_mine = _owner_of_schema().where(
        or_(
            _ROLE.c.rolname == _ME,
            func.pg_has_role(_ROLE.c.oid, _quoted("USAGE")),
        )
    )
    may_make = func.has_database_privilege(
        func.current_database(), _quoted("CREATE")
    )
    return select(cast(_ME, Text)).where(
        not_(
            case(
                (_owner_of_schema().exists(), is_mine.exists()), else_=may_make
            )
        )
    )


def open_schemas() -> Select[Any]:
    """Select the schemas on our search_path, and our own, in which others may
    create; a group of ours is others.
    """
    exploded = func.aclexplode(_NAMESPACE.c.nspacl)
    rights = exploded.table_valued("grantee", "privilege_type").lateral()
    is_right_to_create = rights.c.privilege_type == _quoted("CREATE")
    by_everybody = and_(
        is_right_to_create, rights.c.grantee == literal_column("0")
    )
    by_role = or_(
        _ROLE.c.oid == _NAMESPACE.c.nspowner,
        and_(is_right_to_create, _ROLE.c.oid == rights.c.grantee),
    )
    roles = _NAMESPACE.outerjoin(rights, true()).outerjoin(_ROLE, by_role)
    is_trusted = func.coalesce(_is_trusted(with_groups=False), true())
    names = select(cast(_NAMESPACE.c.nspname, Text).label("name"))
    found = names.select_from(roles).where(
        _is_looked_in(), or_(by_everybody, not_(is_trusted))
    )
    return found.distinct().order_by(column("name"))


def _is_looked_in() -> ColumnElement[bool]:
    """Whether the schema in the row of `_NAMESPACE` is ours or on our
    search_path.
    """
    return or_(
        _NAMESPACE.c.nspname == any_(func.current_schemas(false())),
        _NAMESPACE.c.nspname == _quoted(SCHEMA),
    )
