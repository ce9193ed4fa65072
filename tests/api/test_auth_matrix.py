"""Every route and method of the contract, with every kind of token that is not right, and
with those that are: nobody reads or changes what the token does not open.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import product
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.api.contract import served
from tests.api.provider import PROVIDER, key_set, private_key, signed
from tests.api.support import Log, add, context_for
from tests.api.support import opened as opened_app
from tests.api.test_isolation import (
    BODIES,
    EMPTY,
    METHODS,
    WHOSE,
    without_ids,
)
from tests.api.test_jwts import CLAIMS, made, made_signed
from tests.api.tokens import bearing, challenge_of, make_token, revoke_token
from tests.service.backdoor import fetch_all
from tests.support.size import on_both_if_long
from tests.support.stores import Clock, Store
from todo_cli.api.auth import Access
from todo_cli.api.jwts import Jwts
from todo_cli.api.keys import Keys
from todo_cli.api.wrongs import Wrongs
from todo_cli.token_text import make_text

PATHS = list(served()["paths"])
WRONG = (
    "none",
    "malformed",
    "wrong checksum",
    "unknown",
    "expired",
    "revoked",
    "expired JWT",
    "other issuer",
    "wrong audience",
    "alg none",
    "HS256",
    "unknown kid",
    "other key",
)
RIGHT = ("own", "JWT")
ROWS = (
    "SELECT * FROM todo.task ORDER BY id",
    "SELECT * FROM todo.operation ORDER BY id",
    "SELECT * FROM todo.change ORDER BY task_id, operation",
    "SELECT * FROM todo.counter ORDER BY user_id",
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request, to a path of mallory's."""

    kind: str
    method: str
    path: str
    whose: str

    @property
    def is_of_user(self) -> bool:
        """Whether the path names a user."""
        return "{user_id}" in self.path


def attempts(kinds: tuple[str, ...]) -> list[Attempt]:
    """Every method on every path with these kinds of tokens."""
    return [
        Attempt(kind, method, path, whose)
        for kind, path, method in product(kinds, PATHS, METHODS)
        for whose in (WHOSE if "{task_id}" in path else ("own",))
    ]


@dataclass(frozen=True, slots=True)
class Matrix:
    """The application, tokens by their kind, and tasks by whose they are."""

    client: httpx.AsyncClient
    tokens: dict[str, str | None]
    ids: dict[str, str]
    store: Store

    async def ask(self, attempt: Attempt) -> httpx.Response:
        """Send one request."""
        path = attempt.path.replace("{user_id}", "mallory")
        path = path.replace("{task_id}", self.ids[attempt.whose])
        body: Any = BODIES.get(attempt.method)
        if attempt.path.endswith(EMPTY):
            body = {}
        token = self.tokens[attempt.kind]
        headers = {} if token is None else bearing(token)
        return await self.client.request(
            attempt.method, path, json=body, headers=headers
        )

    async def rows(self) -> list[list[tuple[object, ...]]]:
        """All that is stored of tasks."""
        return [await fetch_all(self.store, sql) for sql in ROWS]


async def made_tokens(store: Store, clock: Clock) -> dict[str, str | None]:
    """A token of mallory's of each kind."""

    async def token(name: str, **how: Any) -> str:
        return await make_token(store, clock, name, user="mallory", **how)

    def jwt(**claims: Any) -> str:
        return signed("mallory", now=clock.now, **claims)

    now_s = int(clock.now.timestamp())
    claims = CLAIMS | {"sub": "mallory", "iat": now_s, "exp": now_s + 900}
    own = await token("own")
    tokens: dict[str, str | None] = {
        "own": own,
        "JWT": made_signed(claims),
        "read-only": await token("reads", read_only=True),
        "other user": await make_token(store, clock, user="eve"),
        "none": None,
        "malformed": own[:30],
        "wrong checksum": own[:-6] + own[-1:] + own[-6:-1],
        "unknown": make_text(),
        "expired": await token("late", lifetime=timedelta(seconds=1)),
        "revoked": await token("ended"),
        "expired JWT": jwt(exp=now_s - 30),
        "other issuer": jwt(iss="https://other.example.org"),
        "wrong audience": jwt(aud="other"),
        "alg none": made({"alg": "none", "kid": "one"}, claims, b""),
        "HS256": hs256(claims),
        "unknown kid": jwt(header={"kid": "two"}),
        "other key": jwt(turn=1),
    }
    await revoke_token(store, clock, "ended", user="mallory")
    return tokens


def hs256(claims: dict[str, Any]) -> str:
    """A JWT whose secret is the public key, as text that everybody has."""
    import hashlib
    import hmac

    from cryptography.hazmat.primitives import serialization

    pem = (
        private_key("EdDSA")
        .public_key()
        .public_bytes(
            serialization.Encoding.PEM,
            serialization.PublicFormat.SubjectPublicKeyInfo,
        )
    )
    header = {"alg": "HS256", "kid": "one", "typ": "JWT"}
    head, _, _ = made(header, claims).rpartition(".")
    return made(
        header, claims, hmac.digest(pem, head.encode(), hashlib.sha256)
    )


@pytest.fixture
async def matrix(
    store: Store, clock: Clock, log: Log
) -> AsyncIterator[Matrix]:
    """The application with tasks of ada's and mallory's, and no limit of wrong tokens."""
    tokens = await made_tokens(store, clock)
    keys = Keys(key_set)
    access = Access(identity=Jwts(PROVIDER, keys), wrongs=Wrongs(within_s=0))
    async with opened_app(context_for(store.target, clock, log)) as client:
        theirs = await add(
            client, "a secret", user="ada", description="canary"
        )
        mine = await add(client, "mine", user="mallory")
        eves = await add(client, "hers", user="eve")
    assert eves["number"] == 1
    clock.tick(2)
    context = context_for(store.target, clock, log, access=access)
    async with opened_app(context) as client:
        yield Matrix(
            client,
            tokens,
            {
                "own": mine["id"],
                "foreign": theirs["id"],
                "missing": str(uuid4()),
            },
            store,
        )


@on_both_if_long
@pytest.mark.spec("003/FR-075")
async def test_no_wrong_token_opens_anything(matrix: Matrix) -> None:
    before = await matrix.rows()
    answers: dict[str, set[bytes]] = {"": set(), "invalid_token": set()}
    for attempt in attempts(WRONG):
        response = await matrix.ask(attempt)

        assert response.status_code == 401, attempt
        expected = "" if attempt.kind == "none" else "invalid_token"
        assert challenge_of(response) == expected, attempt
        if attempt.method != "HEAD":
            answers[expected].add(response.content)

    assert await matrix.rows() == before
    assert {len(each) for each in answers.values()} == {1}


@on_both_if_long
@pytest.mark.spec("003/FR-075")
async def test_what_is_readable_or_anothers_is_not_changed(
    matrix: Matrix,
) -> None:
    before = await matrix.rows()
    foreign = set()
    for attempt in attempts(("read-only", "other user")):
        response = await matrix.ask(attempt)
        if attempt.kind == "read-only":
            is_read = attempt.method in ("GET", "HEAD", "OPTIONS")
            assert (response.status_code != 403) is is_read, attempt
            assert "canary" not in response.text
            continue
        assert "mine" not in response.text
        if attempt.is_of_user:
            assert response.status_code == 403, attempt
            if attempt.method != "HEAD":
                foreign.add(response.content)
        else:
            assert response.status_code in (200, 405), attempt

    assert len(foreign) == 1
    assert await matrix.rows() == before


@on_both_if_long
@pytest.mark.spec("003/FR-075")
@pytest.mark.parametrize("kind", RIGHT)
async def test_right_token_opens_its_own_tasks_and_no_others(
    matrix: Matrix, kind: str
) -> None:
    statuses = set()
    theirs = "SELECT * FROM todo.task WHERE user_id <> 'mallory' ORDER BY id"
    before = await fetch_all(matrix.store, theirs)
    tried: dict[Attempt, tuple[int, str]] = {}
    for attempt in attempts((kind,)):
        response = await matrix.ask(attempt)

        assert response.status_code < 500, (attempt, response.text)
        assert response.status_code not in (401, 403), attempt
        assert "canary" not in response.text
        statuses.add(response.status_code)
        tried[attempt] = response.status_code, without_ids(response.text)

    assert await fetch_all(matrix.store, theirs) == before
    assert {200, 201, 404, 405} <= statuses
    for attempt, answer in tried.items():
        if attempt.whose == "foreign":
            missing = tried[replace(attempt, whose="missing")]
            assert answer == missing, attempt
            assert answer[0] in (404, 405), attempt
