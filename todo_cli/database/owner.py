"""Whose schema `todo` is in PostgreSQL: a stranger's tables can run a stranger's code as us.

Triggers, views and defaults run with the rights of whoever uses them. A role that may create schemas could make
`todo` first, with a trigger in it, and wait for somebody with more rights. So a schema is used only if it belongs to
us, to a role that we are a member of, to the owner of the database, or to a superuser.
"""

from typing import Any, Final

from sqlalchemy import (
    Boolean,
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
from sqlalchemy.ext.compiler import compiles

from todo_cli.database.failures import STRANGER
from todo_cli.models import SCHEMA

_NAMESPACE: Final = table(
    "pg_namespace", column("oid"), column("nspname"), column("nspowner"), column("nspacl"), schema="pg_catalog"
)
_RELATION: Final = table("pg_class", column("relname"), column("relnamespace"), schema="pg_catalog")
_ROLE: Final = table("pg_roles", column("oid"), column("rolname"), column("rolsuper"), schema="pg_catalog")
_DATABASE: Final = table("pg_database", column("datname"), column("datdba"), schema="pg_catalog")
_MEMBER: Final = table("pg_auth_members", column("roleid"), column("member"), schema="pg_catalog")
_ME: Final[ColumnElement[Any]] = literal_column("current_user")


def _quoted(text: str) -> ColumnElement[Any]:
    """A constant of ours as a literal: a statement without parameters can be printed, too."""
    return literal_column(f"'{text}'")


def _is_trusted() -> ColumnElement[bool]:
    """Whether the role in the row of `_ROLE` may decide what runs as us.

    PostgreSQL takes a superuser for a member of every role: for a superuser only a direct membership counts.
    """
    owner = select(_DATABASE.c.datdba).where(_DATABASE.c.datname == func.current_database()).scalar_subquery()
    me = _ROLE.alias("me")
    is_granted = (
        select(_MEMBER.c.roleid)
        .select_from(_MEMBER.join(me, me.c.oid == _MEMBER.c.member))
        .where(_MEMBER.c.roleid == _ROLE.c.oid, me.c.rolname == _ME)
        .exists()
    )
    is_superuser = func.current_setting(_quoted("is_superuser")) == _quoted("on")
    return or_(
        _ROLE.c.rolname == _ME,
        _ROLE.c.rolsuper,
        _ROLE.c.oid == owner,
        _ROLE.c.rolname == _quoted("pg_database_owner"),
        case((is_superuser, is_granted), else_=func.pg_has_role(_ROLE.c.oid, _quoted("MEMBER"))),
    )


def owner() -> Select[str, bool]:
    """Select the name of the schema's owner and whether we trust it; no row where there is no schema."""
    return (
        select(cast(_ROLE.c.rolname, Text).label("owner"), _is_trusted().label("is_trusted"))
        .select_from(_NAMESPACE.join(_ROLE, _ROLE.c.oid == _NAMESPACE.c.nspowner))
        .where(_NAMESPACE.c.nspname == _quoted(SCHEMA))
    )


def relations() -> Select[Any]:
    """Select the names of the tables, views and the like in the schema."""
    return (
        select(cast(_RELATION.c.relname, Text))
        .select_from(_RELATION.join(_NAMESPACE, _NAMESPACE.c.oid == _RELATION.c.relnamespace))
        .where(_NAMESPACE.c.nspname == _quoted(SCHEMA))
    )


def role_without_rights() -> Select[Any]:
    """Select the name of our role if it has no rights by itself: it neither owns the schema nor can make it."""
    is_mine = owner().where(or_(_ROLE.c.rolname == _ME, func.pg_has_role(_ROLE.c.oid, _quoted("USAGE"))))
    may_make = func.has_database_privilege(func.current_database(), _quoted("CREATE"))
    return select(cast(_ME, Text)).where(not_(case((owner().exists(), is_mine.exists()), else_=may_make)))


def open_schemas() -> Select[Any]:
    """Select the schemas on our search_path in which a role that we do not trust may create objects."""
    rights = func.aclexplode(_NAMESPACE.c.nspacl).table_valued("grantee", "privilege_type").lateral()
    is_right_to_create = rights.c.privilege_type == _quoted("CREATE")
    by_everybody = and_(is_right_to_create, rights.c.grantee == literal_column("0"))
    by_role = or_(_ROLE.c.oid == _NAMESPACE.c.nspowner, and_(is_right_to_create, _ROLE.c.oid == rights.c.grantee))
    return (
        select(cast(_NAMESPACE.c.nspname, Text).label("name"))
        .select_from(_NAMESPACE.outerjoin(rights, true()).outerjoin(_ROLE, by_role))
        .where(
            _NAMESPACE.c.nspname == any_(func.current_schemas(false())),
            or_(by_everybody, not_(func.coalesce(_is_trusted(), true()))),
        )
        .distinct()
        .order_by(column("name"))
    )


class SchemaIsOurs(ColumnElement[bool]):
    """True, or an error of the whole statement: as it depends on no row, PostgreSQL evaluates it before it reads any.

    In SQLite there are no other roles, and it is simply true.
    """

    inherit_cache = True
    type = Boolean()


@compiles(SchemaIsOurs, "postgresql")
def _on_postgresql(element: SchemaIsOurs, compiler: Any, **options: Any) -> str:
    if compiler.dialect.checks_owner_on_connect:
        return "true"
    found = owner().subquery()
    complaint = cast(func.current_setting(func.concat(_quoted(STRANGER), found.c.owner)), Boolean)
    verdict = select(func.bool_and(case((found.c.is_trusted, true()), else_=complaint))).select_from(found)
    return str(compiler.process(verdict.scalar_subquery(), **options))


@compiles(SchemaIsOurs, "sqlite")
def _on_sqlite(element: SchemaIsOurs, compiler: object, **options: object) -> str:
    return "1"
