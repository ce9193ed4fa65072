"""Middleware of `todo serve --auth`: asks every request for a token.

It decides by the path and the token alone, before anything of the user's is
read. So the answer for a path of another user says nothing about that user.
"""

import asyncio
import hashlib
import logging
import re
import time
from collections.abc import (
    AsyncIterator,
    Callable,
    Coroutine,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any, Final, Protocol
from urllib.parse import quote
from uuid import UUID

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from todo_cli import redact, rules
from todo_cli.api import answers
from todo_cli.api.addresses import Network, client_of, is_one_of, peer_of
from todo_cli.api.holders import Cache, Holder
from todo_cli.api.wrongs import Address, Wrongs
from todo_cli.errors import (
    Code,
    DatabaseUnavailable,
    Forbidden,
    InvalidInput,
    TodoError,
)
from todo_cli.token_text import Token, hash_of
from todo_cli.tokens import Bearer, Verdict

REALM: Final = "todo"
HOLDER: Final = "todo.holder"
"""The key of a scope for who holds the token of the request."""
ME: Final = "me"
"""In a path: the user of the token."""
_LONGEST_TOKEN: Final = 8 * 1024
"""How many characters a token has at most."""
_JWT: Final = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_OPEN_PATHS: Final = ("/docs", "/openapi.json")
"""The contract and its page; they are the same for everybody."""
_READS: Final = ("GET", "HEAD", "OPTIONS")
"""What a token that only reads may do."""
_SUSPECTS_AT_ONCE: Final = 2
"""How many tokens are looked up at once for addresses that sent many wrong
ones: the store stays free for the others.
"""
_LEAVE: Final = {"Connection": "close"}
"""For strangers: a few of them, who keep asking, would hold all connections."""
MOST_WAITING: Final = 32
"""How many of these may wait for that, or be looked up; more are refused.

A request goes on when its client has gone, and holds a connection while its
client waits: without a bound one address could take all memory, and all
connections.
"""
_TRY_AGAIN_S: Final = 1
_SECRET: Final = re.compile(
    r"todo_pat_[\w%]+|eyJ[\w%-]*\.[\w%-]+(\.[\w%-]*)?",
    re.ASCII | re.IGNORECASE,
)
"""What may be a token in a path or query, where it does not belong.

With the escapes in it: else only what comes before the first would be hidden.
"""

_log = logging.getLogger(__name__)

Asking = Coroutine[Any, Any, Holder | None]
"""Asks the store, or checks a JWT."""


class Unauthorized(TodoError):
    """A request has no token, or one that opens nothing."""

    code = Code.UNAUTHORIZED


class RateLimited(TodoError):
    """Too many wrong tokens came from the address."""

    code = Code.RATE_LIMITED


class Doors(Protocol):
    """What knows the tokens of ours: `todo_cli.tokens.Doorkeeper`."""

    async def look_up(self, text: str) -> Bearer:
        """Find out who has a token."""

    async def note_use(self, token: Token) -> None:
        """Store that a token was used today."""


class Identity(Protocol):
    """An identity provider, which signs tokens of its own: JWTs."""

    def find(self, text: str, now: datetime) -> "Asking":
        """Return who holds a JWT; None if it is not valid for us.

        Raises:
            TodoError: the keys of the provider cannot be read.
        """


class Refused(Exception):
    """A request that the gate does not let through."""

    def __init__(self, answer: Response) -> None:
        super().__init__()
        self.answer = answer


def challenge(error: str = "", description: str = "") -> dict[str, str]:
    """Make the header that says what a request has to have.

    RFC 6750, section 3: `error` only if the request has a token.
    """
    parts = [f'realm="{REALM}"']
    if error:
        parts.append(f'error="{error}"')
        parts.append(f'error_description="{description}"')
    return {"WWW-Authenticate": f"Bearer {', '.join(parts)}"}


def refuse_without_token() -> Response:
    """Answer a request that has no token."""
    error = Unauthorized("This server asks for a token")
    return answers.fail(error, challenge() | _LEAVE)


def refuse_token() -> Response:
    """Answer a request whose token opens nothing.

    All have the same answer: whoever sends one need not learn why.
    """
    words = "The token is unknown, revoked or expired"
    headers = challenge("invalid_token", words) | _LEAVE
    return answers.fail(Unauthorized(words), headers)


def refuse_for_now(wait_s: int) -> Response:
    """Answer a wrong token from an address that has sent too many."""
    error = RateLimited("Too many wrong tokens came from this address")
    return answers.fail(error, {"Retry-After": str(wait_s)} | _LEAVE)


def refuse_two() -> Response:
    """Answer a request that has several `Authorization` headers."""
    words = "The request has more than one Authorization header"
    headers = challenge("invalid_request", words)
    return answers.refuse_protocol(words, headers)


def refuse_path() -> Response:
    """Answer a request for what is another user's, whether they exist or not."""
    error = Forbidden("This token is of another user than the path")
    return answers.refuse(error)


def refuse_write() -> Response:
    """Answer a request that changes something, by a token that only reads."""
    words = "This token may only read"
    headers = challenge("insufficient_scope", words)
    return answers.refuse(Forbidden(words), headers)


def refuse_direct() -> Response:
    """Answer who comes to a server behind a proxy, but not through it."""
    error = Forbidden("This server answers only through its proxy")
    return answers.refuse(error)


def read_token(scope: Scope) -> str | None:
    """Read the token of a request; None if there is none."""
    lines = []
    for name, value in scope["headers"]:
        if name == b"authorization":
            lines.append(value)
    if len(lines) > 1:
        raise Refused(refuse_two())
    if not lines:
        return None
    scheme, _, token = lines[0].strip(b" \t").partition(b" ")
    # Other schemes are not ours: for us, such a request has no token.
    if scheme.lower() != b"bearer":
        return None
    text: str = token.decode("latin-1").strip(" \t")
    return text or None


def without_secrets(line: str) -> str:
    """Hide what may be a token in the first line of a request, for the log.

    The line must be short: a client chooses it, and a long one takes long.
    """
    shown = _SECRET.sub("***", line)
    if _SECRET.search(redact.plain(shown)) is None:
        return shown
    # With escapes in it, there is no telling where it begins and ends.
    return "***"


class Access:
    """Knows who may do what; one for each process that serves."""

    def __init__(
        self,
        *,
        proxies: Sequence[Network] = (),
        only_proxies: bool = False,
        identity: Identity | None = None,
        wrongs: Wrongs | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keeper: Doors | None = None
        self._noting: dict[UUID, asyncio.Task[None]] = {}
        """What stores that a token was used, by the token."""
        self._proxies = proxies
        self._only_proxies = only_proxies
        self._identity = identity
        self._clock_s = clock_s
        self._cache = Cache(clock_s)
        self._asking: dict[bytes, asyncio.Task[Holder | None]] = {}
        """What asks for a token now, by its SHA-256."""
        self._wrongs = wrongs or Wrongs()
        self._suspects = asyncio.Semaphore(_SUSPECTS_AT_ONCE)
        self._waiting = 0
        """How many requests wait for `_suspects`, or have it."""

    @asynccontextmanager
    async def open(self, keeper: Doors) -> AsyncIterator[None]:
        """Ask this keeper for tokens of ours in this context."""
        self._keeper = keeper
        try:
            yield
        finally:
            left = list(self._noting.values())
            for each in left:
                each.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            self._keeper = None

    def who(self, scope: Scope) -> str:
        """Name address and token of a request, for the log."""
        address = client_of(scope, self._proxies) or "-"
        holder = scope.get(HOLDER)
        if holder is None:
            return f"{address} - "
        if holder.id is None:
            return f"{address} jwt:{quote(holder.user)} "
        return f"{address} {holder.id} "

    def check_peer(self, scope: Scope) -> None:
        """Refuse who comes past the proxy, in plain text.

        Its token may have been read on the way here.
        """
        if not self._only_proxies:
            return
        peer = peer_of(scope)
        if peer is not None and peer.is_loopback:
            return
        if not is_one_of(peer, self._proxies):
            raise Refused(refuse_direct())

    async def holder(self, scope: Scope, now: datetime) -> Holder:
        """Return who sends a request.

        Raises:
            Refused: nobody that we know.
            TodoError: the store, or the identity provider, does not answer.
        """
        text = read_token(scope)
        if text is None:
            raise Refused(refuse_without_token())
        address = client_of(scope, self._proxies)
        holder = await self._find(text, address, now)
        if holder is None:
            raise Refused(self._refuse_wrong(address))
        return holder

    def _refuse_wrong(self, address: Address) -> Response:
        """Count a wrong token, and answer it."""
        wait_s = self._wrongs.add(address, self._clock_s())
        if wait_s > 0:
            return refuse_for_now(wait_s)
        return refuse_token()

    async def _find(
        self, text: str, address: Address, now: datetime
    ) -> Holder | None:
        """Return who holds a token; None if it is wrong.

        Neither the store nor the provider is asked for what cannot be one.

        Raises:
            Refused: too many unknown ones of such addresses wait already.
        """
        if len(text) > _LONGEST_TOKEN:
            return None
        look_up: Callable[[str, datetime], Asking] = self._look_up
        digest = hash_of(text)
        if digest is None:
            if self._identity is None or _JWT.fullmatch(text) is None:
                return None
            look_up = self._identity.find
            digest = hashlib.sha256(text.encode()).digest()
        known = self._cache.get(digest, now)
        if known is not None:
            return known.holder
        ask = partial(look_up, text, now)
        if not self._is_suspect(digest, address):
            return await self._ask_now(digest, ask, now)
        async with self._turn():
            return await self._ask_now(digest, ask, now)

    def _is_suspect(self, digest: bytes, address: Address) -> bool:
        """Whether a token may be one more guess of this address.

        One that is in use is no guess, wherever it comes from.
        """
        if self._cache.has_opened(digest):
            return False
        return self._wrongs.wait_s(address, self._clock_s()) > 0

    async def _ask_now(
        self, digest: bytes, ask: Callable[[], Asking], now: datetime
    ) -> Holder | None:
        """Ask, and once more if the answer has come too late to be believed.

        It may be as old as the question: the network can hold it back.
        """
        holder = await self._ask_once(digest, ask())
        if holder is None or self._cache.get(digest, now) is not None:
            return holder
        return await self._ask_once(digest, ask())

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait for the turn of a suspect, and have it in this context.

        Raises:
            Refused: too many wait already.
        """
        if self._waiting >= MOST_WAITING:
            raise Refused(refuse_for_now(_TRY_AGAIN_S))
        self._waiting += 1
        try:
            async with self._suspects:
                yield
        finally:
            self._waiting -= 1

    async def _ask_once(self, digest: bytes, asking: Asking) -> Holder | None:
        """Ask for several requests at once with one token; remember it.

        Otherwise all of a busy client's would ask when nothing is remembered.
        """
        task = self._asking.get(digest)
        if task is None:
            task = asyncio.create_task(self._ask(digest, asking))
            self._asking[digest] = task
        else:
            asking.close()
        # The end of one request must not end it for the others.
        return await asyncio.shield(task)

    async def _ask(self, digest: bytes, asking: Asking) -> Holder | None:
        """Ask, and remember the answer."""
        began_s = self._clock_s()
        try:
            holder = await asking
        finally:
            del self._asking[digest]
        self._cache.put(digest, holder, began_s)
        return holder

    async def _look_up(self, text: str, now: datetime) -> Holder | None:
        """Ask the store who holds a token of ours."""
        keeper = self._keeper
        if keeper is None:
            raise DatabaseUnavailable("The store is not open")
        bearer = await keeper.look_up(text)
        token = bearer.token
        if bearer.verdict is not Verdict.VALID or token is None:
            return None
        if not _is_clean(token.user_id):
            return None
        if token.id not in self._noting:
            self._noting[token.id] = asyncio.create_task(
                self._note_use(keeper, token)
            )
        return Holder.of(token)

    async def _note_use(self, keeper: Doors, token: Token) -> None:
        """Store that a token was used today, while its request goes on.

        A store that is locked or read-only keeps nobody out.
        """
        try:
            await keeper.note_use(token)
        except TodoError:
            pass
        finally:
            del self._noting[token.id]


class Gate:
    """The ASGI middleware between `Guard` and the routes."""

    def __init__(
        self, app: ASGIApp, access: Access, now: Callable[[], datetime]
    ) -> None:
        self._app = app
        self._access = access
        self._now = now

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Pass a request on if its token opens the path, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            self._access.check_peer(scope)
            if not _is_open(scope):
                scope = await self._admit(scope)
        except Refused as refused:
            await refused.answer(scope, receive, send)
            return
        except TodoError as error:
            await _fail_stranger(error)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _admit(self, scope: Scope) -> Scope:
        """Return the scope to pass on: with the user instead of `me`."""
        holder = await self._access.holder(scope, self._now())
        # In the scope of the caller, too: the log names the token.
        scope[HOLDER] = holder
        parts = scope["path"].split("/", 3)
        is_of_user = len(parts) > 3 and parts[:2] == ["", "api"]
        if is_of_user:
            scope = _of_holder(scope, parts, holder)
        if holder.read_only and scope["method"] not in _READS:
            raise Refused(refuse_write())
        return scope


def _fail_stranger(error: TodoError) -> Response:
    """Answer somebody whose token could not be looked up.

    It may be anybody: the words of an error name the host or the path of the
    store, so they are for the log.
    """
    _log.warning("tokens cannot be looked up: %s", error.message)
    return answers.fail(type(error)("Tokens cannot be looked up now"))


def _is_clean(user: str) -> bool:
    """Whether a name in the store is one that routes take as it is.

    A database trims blanks alone, and a route all white space: with a no-break
    space before it a role's name would open the tasks of another.
    """
    try:
        return rules.clean_user(user) == user
    except InvalidInput:
        return False


def _is_open(scope: Scope) -> bool:
    """Whether a request needs no token: it reads the contract or its page."""
    if scope["method"] not in _READS:
        return False
    path: str = scope["path"]
    return path in _OPEN_PATHS or path.startswith("/docs/")


def _of_holder(
    scope: Mapping[str, object], parts: list[str], holder: Holder
) -> Scope:
    """Return the scope of a path of the holder's own.

    Raises:
        Refused: the path is another user's, or nobody's.
    """
    try:
        user = rules.clean_user(parts[2])
    except InvalidInput:
        raise Refused(refuse_path()) from None
    if user == ME:
        user = holder.user
    if user != holder.user:
        raise Refused(refuse_path())
    return {**scope, "path": f"/api/{user}/{parts[3]}"}
