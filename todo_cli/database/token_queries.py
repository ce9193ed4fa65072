"""The queries of tokens, as SQLAlchemy expressions.

Commands do not import this module; `queries.py` adds them to the others.
"""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Integer,
    LargeBinary,
    Select,
    Table,
    Text,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    update,
)

from todo_cli.database.tables import Day, Identifier, Instant, TokenRow

Expression = Any

TOKEN: Final[Table] = TokenRow.__table__  # type: ignore[attr-defined]  # SQLModel
NAMES: Final = (
    "id",
    "user_id",
    "name",
    "read_only",
    "created_at",
    "expires_at",
    "last_used_on",
    "revoked_at",
)
"""The columns of a token in the order of `Token`; the hash is not among them."""

_token: Final = TOKEN.c
_COLUMNS: Final = tuple(TOKEN.c[name] for name in NAMES)
_ONE: Final[Any] = literal_column("1", Integer)
_IS_MINE: Final = _token.user_id == bindparam("user", type_=Text)
_IS_KEPT: Final = _token.revoked_at.is_(None)
_IS_THIS: Final = _token.id == bindparam("key", type_=Identifier)
_HAS_NAME: Final = _token.name == bindparam("key", type_=Text)


def statements(insert: Callable[[Table], Any]) -> dict[str, Expression]:
    """Return the queries by the name that `run.py` uses.

    `insert` is that of a dialect.
    """
    mine = select(*_COLUMNS).where(_IS_MINE)
    latest = mine.order_by(_token.created_at.desc(), _token.id)
    return {
        "add_token": _added(insert),
        "tokens": latest.where(_IS_KEPT),
        "all_tokens": latest,
        "revoke_by_id": _revoked(_IS_THIS),
        "revoke_by_name": _revoked(_HAS_NAME),
        "token_by_id": mine.where(_IS_THIS),
        "token_by_name": mine.where(_HAS_NAME, _IS_KEPT),
        "revoked_by_name": _last_revoked(mine),
        "token_of_hash": _of_hash(),
        "touch_token": _touched(),
        "count_tokens": _counted(),
    }


def _added(insert: Callable[[Table], Any]) -> Expression:
    """Insert a token, and return its id.

    Nothing is returned where its id, its hash or its name is taken.
    """
    values = {}
    for name in ("id", "user_id", "name", "read_only", "hash", "created_at"):
        values[name] = bindparam(f"the_{name}", type_=_token[name].type)
    values["expires_at"] = bindparam("the_expires_at", type_=Instant)
    new = insert(TOKEN).values(values)
    return new.on_conflict_do_nothing().returning(_token.id)


def _revoked(is_meant: ColumnElement[bool]) -> Expression:
    """Revoke a token that is not revoked, and return it."""
    now = bindparam("now", type_=Instant)
    revoked = update(TOKEN).where(_IS_MINE, is_meant, _IS_KEPT)
    return revoked.values(revoked_at=now).returning(*_COLUMNS)


def _last_revoked(mine: Select[Any]) -> Expression:
    """Select the last of the revoked tokens that had a name."""
    revoked = mine.where(_HAS_NAME, _token.revoked_at.is_not(None))
    ordered = revoked.order_by(_token.revoked_at.desc(), _token.id)
    return ordered.limit(_ONE)


def _of_hash() -> Expression:
    """Select the token that a request has sent, of any user, and its hash.

    The unique index leads to it.
    """
    given = bindparam("hash", type_=LargeBinary)
    return select(*_COLUMNS, _token.hash).where(_token.hash == given)


def _touched() -> Expression:
    """Note the day on which a token was used, once a day."""
    day = bindparam("day", type_=Day)
    is_new = or_(_token.last_used_on.is_(None), _token.last_used_on < day)
    return update(TOKEN).where(_IS_THIS, is_new).values(last_used_on=day)


def _counted() -> Expression:
    """Count the user's tokens that are valid, and those that have expired."""
    has_expired = _token.expires_at <= bindparam("now", type_=Instant)
    expired = func.count().filter(has_expired)
    counted = select(func.count() - expired, expired).select_from(TOKEN)
    return counted.where(_IS_MINE, _IS_KEPT)
