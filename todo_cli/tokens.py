"""The use cases for tokens of the REST API: make, list, revoke, find.

There is no SQL here, and nothing is printed. Tokens are no tasks: they have no
history, and `todo undo` does not bring one back.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar
from uuid import UUID, uuid4

from todo_cli.database import tokens as stored
from todo_cli.database.engine import Database, Effect
from todo_cli.database.run import Connection
from todo_cli.database.tokens import TokenRepository
from todo_cli.errors import NoStore, NotFound
from todo_cli.token_text import Token, clean_name, hash_of, make_text

Tokens = list[Token]
T = TypeVar("T")

_LIST: Final = "`todo token list` shows your tokens"


class NewToken(NamedTuple):
    """A token that was made, and its text, which nobody can read again."""

    token: Token
    text: str


class RevokedToken(NamedTuple):
    """A token that is revoked."""

    token: Token
    is_new: bool
    """Whether this call has revoked it."""


class TokenService:
    """The tokens of `user` in `database`.

    `now` returns the time as an aware datetime in UTC. Tokens of other users do
    not exist here. If there is no store yet, only `create` makes one.

    Every method is one transaction, and may also raise a `TodoError` of the
    store, as those of `TaskService` do. With `is_trial` what it has done is
    rolled back.
    """

    def __init__(
        self,
        database: Database,
        user: str,
        now: Callable[[], datetime],
        *,
        is_trial: bool = False,
    ) -> None:
        self._database = database
        self._user = user
        self._now = now
        self._is_trial = is_trial

    async def create(
        self,
        name: str,
        *,
        read_only: bool = False,
        lifetime: timedelta | None = None,
    ) -> NewToken:
        """Make a token, and store its hash; one round trip.

        Without a `lifetime` it never expires. After a lost answer the same
        token is stored again, which does nothing if it is there. If the outcome
        stays unknown, nobody has the text: a token that was stored can be
        revoked by its name.

        Raises:
            InvalidInput: the name breaks a rule.
            Conflict: a token that is not revoked has the name.
        """
        now = self._now()
        expires_at = None
        if lifetime is not None:
            expires_at = now + lifetime
        text = make_text()
        token = Token(
            id=uuid4(),
            user_id=self._user,
            name=clean_name(name),
            read_only=read_only,
            created_at=now,
            expires_at=expires_at,
            last_used_on=None,
            revoked_at=None,
        )
        hash = hash_of(text) or b""
        await self._run(
            lambda tokens: tokens.add(token, hash),
            effect=Effect.REPEATABLE,
            creates=True,
        )
        return NewToken(token, text)

    async def list(self, *, with_revoked: bool = False) -> Tokens:
        """Return the tokens, the latest first; one round trip.

        Expired ones, too, as long as they are not revoked.
        """
        try:
            return await self._run(
                lambda tokens: tokens.list(with_revoked=with_revoked)
            )
        except NoStore:
            return []

    async def revoke(self, key: str | UUID) -> RevokedToken:
        """Revoke the token with a name or an id; one round trip.

        A repeat is harmless: what is revoked stays as it is. Who has the token
        finds it closed with the next request.

        Raises:
            NotFound: the user never had such a token.
        """
        now = self._now()
        try:
            found = await self._run(
                lambda tokens: tokens.revoke(key, now),
                effect=Effect.REPEATABLE,
            )
        except NoStore:
            found = None
        if found is None:
            raise NotFound(f"No token {key} for {self._user}", hint=_LIST)
        # No clock decides: a repeat after a lost answer finds our own time.
        return RevokedToken(found, is_new=found.revoked_at == now)

    async def _run(
        self, work: Callable[[TokenRepository], Awaitable[T]], **how: Any
    ) -> T:
        """Call `work` with the user's tokens; `how` goes to `Database.run`."""

        async def call(connection: Connection) -> T:
            return await work(TokenRepository(connection, self._user))

        is_trial = self._is_trial and "effect" in how
        return await self._database.run(call, is_trial=is_trial, **how)


class Verdict(StrEnum):
    """What a token turned out to be.

    A log may tell them apart. A client must not learn more than that what it
    sent does not open anything.
    """

    VALID = "valid"
    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Bearer(NamedTuple):
    """Who has sent a request, by its token."""

    verdict: Verdict
    token: Token | None = None
    """There if the store has it, also if it is not valid."""

    @property
    def user(self) -> str | None:
        """The user whose tasks it opens; None if it opens nothing."""
        if self.token is None or self.verdict is not Verdict.VALID:
            return None
        return self.token.user_id


class Doorkeeper:
    """Finds out whose tokens requests have, of all users of `database`.

    A server needs a role that owns the tables, that row-level security does not
    bind, or that `todo db policy --server` is for. Another finds its own only.
    """

    def __init__(
        self, database: Database, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._now = now

    async def look_up(self, text: str) -> Bearer:
        """Find out who has a token; one round trip at most.

        A text that is none is refused without asking the store.

        Raises:
            TodoError: the store could not be asked, or the token cannot be
                read. Then nobody may get in.
        """
        hash = hash_of(text)
        if hash is None:
            return Bearer(Verdict.MALFORMED)
        try:
            found = await self._database.run(partial(stored.find, hash=hash))
        except NoStore:
            found = None
        if found is None:
            return Bearer(Verdict.UNKNOWN)
        state = found.state(self._now())
        return Bearer(Verdict(state.value), found)

    async def note_use(self, token: Token) -> None:
        """Store that a token was used today, in UTC; at most once a day.

        Nothing is sent if the token was found with this day.

        Raises:
            TodoError: it could not be stored. The token is valid nevertheless.
        """
        day = self._now().astimezone(UTC).date()
        if token.last_used_on is not None and token.last_used_on >= day:
            return
        await self._database.run(
            partial(stored.touch, id=token.id, user=token.user_id, day=day),
            effect=Effect.REPEATABLE,
        )
