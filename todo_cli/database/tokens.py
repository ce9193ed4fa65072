"""The tokens of a store, read and written with `token_queries.py`.

Each method runs one statement, which is one transaction, unless its docstring
says otherwise.
"""

import hmac
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from todo_cli.database.rows import Unreadable, sound, with_outcome
from todo_cli.database.run import OF_A_RULE, BeyondYears, Connection, Row
from todo_cli.database.schema import TOKEN_SETTING, USER_SETTING
from todo_cli.errors import Conflict
from todo_cli.token_text import Token

Tokens = list[Token]

_COLUMNS: Final = len(Token.__slots__)
"""How many columns of a row are those of a token."""
_TRIES: Final = 2
"""How often to store a token, if the one that has its name goes away meanwhile."""
_REVOKED: Final = "it is revoked"


class TokenRepository:
    """The tokens of one user. The caller opens and closes the connection.

    Driver errors pass through: `Database.run` retries and translates them.
    """

    def __init__(self, connection: Connection, user_id: str) -> None:
        self._connection = connection
        self._user = user_id
        connection.claim(USER_SETTING, user_id)

    async def add(self, token: Token, hash: bytes) -> None:
        """Store a new token.

        A repeat does nothing. Only where nothing was stored, a second
        statement finds out why. If the name is free by then, it tries again.

        Raises:
            Conflict: a token that is not revoked has the name, or a rule of
                the database drops this one.
        """
        given = {
            "the_id": token.id,
            "the_user_id": self._user,
            "the_name": token.name,
            "the_read_only": token.read_only,
            "the_hash": hash,
            "the_created_at": token.created_at,
            "the_expires_at": token.expires_at,
        }
        for _ in range(_TRIES):
            if await self._connection.fetch("add_token", **given):
                return
            for found in await self._fetch("token_by_name", key=token.name):
                # An earlier try has stored it, and its answer was lost.
                if found.id == token.id:
                    return
                raise Conflict(f"There is a token {token.name} already")
        raise Conflict("The database has dropped the token", hint=OF_A_RULE)

    async def list(self, *, with_revoked: bool) -> Tokens:
        """Read the tokens, the latest first; expired ones, too."""
        statement = "all_tokens" if with_revoked else "tokens"
        return await self._fetch(statement)

    async def revoke(self, key: str | UUID, now: datetime) -> Token | None:
        """Revoke the token with a name or an id; return it as it is now.

        One that is revoked already stays as it is; of several with the name it
        is the last one. None if there is no such token. Only where nothing was
        revoked, a second statement looks for it.
        """
        revoke, look = "revoke_by_name", "revoked_by_name"
        if isinstance(key, UUID):
            revoke, look = "revoke_by_id", "token_by_id"
        found = await self._fetch(revoke, _REVOKED, key=key, now=now)
        if not found:
            found = await self._fetch(look, key=key)
        return found[0] if found else None

    async def _fetch(
        self, statement: str, outcome: str = "", **values: Any
    ) -> Tokens:
        """Run a statement whose rows are tokens of the user."""
        values["user"] = self._user
        rows = await _rows(self._connection, statement, values, outcome)
        kinds = self._connection.statements[statement].kinds
        return [_token(row, kinds, outcome) for row in rows]


async def find(connection: Connection, hash: bytes) -> Token | None:
    """Read the token with a hash, whoever has it; None without one.

    A role that row-level security binds finds its own tokens only, but for a
    server's role: it finds the one whose hash it claims to have.
    """
    connection.claim(TOKEN_SETTING, hash.hex())
    statement = "token_of_hash"
    rows = await _rows(connection, statement, {"hash": hash})
    # The index has compared them in a time that depends on both.
    if not rows or not hmac.compare_digest(rows[0][_COLUMNS], hash):
        return None
    kinds = connection.statements[statement].kinds
    return _token(rows[0][:_COLUMNS], kinds[:_COLUMNS])


async def touch(
    connection: Connection, id: UUID, user: str, day: date
) -> None:
    """Note the day of a use; nothing is written twice in a day."""
    connection.claim(USER_SETTING, user)
    await connection.fetch("touch_token", key=id, day=day)


async def _rows(
    connection: Connection,
    statement: str,
    values: Mapping[str, Any],
    outcome: str = "",
) -> list[Row]:
    """Run a statement; `outcome` says what one that writes has done.

    Raises:
        Unreadable: a time is beyond Python's years.
    """
    try:
        return await connection.fetch(statement, **values)
    except BeyondYears:
        # The driver keeps nothing of the answer.
        raise _unreadable(outcome) from None


def _token(row: Row, kinds: Sequence[str], outcome: str = "") -> Token:
    """Make a token of a row.

    Raises:
        Unreadable: another program stored a value that means nothing to us.
    """
    values = sound(row, kinds)
    if values is None:
        raise _unreadable(outcome)
    return Token(*values)


def _unreadable(outcome: str) -> Unreadable:
    """Return the error for a token that cannot be read."""
    error = Unreadable(
        "A token cannot be read: another program stored a wrong value",
        hint="correct it with SQL",
    )
    return with_outcome(error, outcome)
