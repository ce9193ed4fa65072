"""JWTs of an identity provider: which are taken, and where their keys come from."""

import asyncio
import base64
import hashlib
import hmac
import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import URLError

import pytest
from cryptography.hazmat.primitives import serialization

from tests.api.provider import (
    AUDIENCE,
    ISSUER,
    PROVIDER,
    key_set,
    private_key,
    provider_served,
    public_values,
    signed,
)
from todo_cli.api.holders import Holder
from todo_cli.api.jwts import LEEWAY_S, Jwts
from todo_cli.api.keys import (
    COOL_DOWN_S,
    OLD_S,
    Keys,
    KeysUnavailable,
    fetch,
    read_keys,
)
from todo_cli.config import Provider

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
NOON_S = int(NOON.timestamp())


@dataclass(slots=True)
class Source:
    """What the provider publishes; counts how often it is fetched."""

    data: bytes | Exception = field(default_factory=key_set)
    fetched: int = 0
    now_s: float = 0.0

    def fetch(self) -> bytes:
        self.fetched += 1
        if isinstance(self.data, Exception):
            raise self.data
        return self.data

    def clock_s(self) -> float:
        return self.now_s

    def keys(self) -> Keys:
        """Keys that come from here."""
        return Keys(self.fetch, clock_s=self.clock_s)


async def found(
    text: str, *, source: Source | None = None, provider: Provider = PROVIDER
) -> Holder | None:
    """Who holds a JWT at noon."""
    source = source or Source()
    return await Jwts(provider, source.keys()).find(text, NOON)


def made(header: Any, claims: Any, signature: bytes = b"x") -> str:
    """A JWT of any parts."""
    parts = []
    for part in (header, claims, signature):
        data = part if isinstance(part, bytes) else json.dumps(part).encode()
        parts.append(base64.urlsafe_b64encode(data).rstrip(b"=").decode())
    return ".".join(parts)


CLAIMS = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": "ada",
    "iat": NOON_S,
    "exp": NOON_S + 900,
}


@pytest.mark.spec("003/FR-065")
@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "RS256"])
async def test_jwt_of_the_provider_opens_its_users_tasks(
    algorithm: str,
) -> None:
    values = public_values(algorithm, "one")
    source = Source(json.dumps({"keys": [values]}).encode())
    text = signed(now=NOON, algorithm=algorithm)

    holder = await found(text, source=source)

    assert holder == Holder("ada", expires_at=NOON + timedelta(minutes=15))
    for kind in ("JWT", "at+jwt", "application/at+JWT"):
        text = signed(now=NOON, algorithm=algorithm, header={"typ": kind})
        assert await found(text, source=source) == holder
    other = signed(now=NOON, algorithm=algorithm, turn=1)
    assert await found(other, source=source) is None


@pytest.mark.spec("003/FR-066")
async def test_jwt_cannot_choose_how_it_is_checked() -> None:
    public = private_key("EdDSA").public_key()
    pem = public.public_bytes(
        serialization.Encoding.PEM,
        serialization.PublicFormat.SubjectPublicKeyInfo,
    )
    raw = public.public_bytes(
        serialization.Encoding.Raw, serialization.PublicFormat.Raw
    )
    texts = [
        made({"alg": alg, "kid": "one"}, CLAIMS, b"")
        for alg in ("none", "None", "NONE", "", None, 1, ["EdDSA"])
    ]
    for secret in (pem, raw, pem.strip(), key_set()):
        unsigned = made({"alg": "HS256", "kid": "one"}, CLAIMS)
        head, _, _ = unsigned.rpartition(".")
        digest = hmac.digest(secret, head.encode(), hashlib.sha256)
        texts.append(made({"alg": "HS256", "kid": "one"}, CLAIMS, digest))
    jwk = public_values("EdDSA", "one", 1)
    header: dict[str, Any] = {"jwk": jwk, "jku": "http://127.0.0.1/keys"}
    texts += [
        signed(now=NOON, algorithm="ES256"),
        signed(now=NOON, turn=1),
        signed(now=NOON, turn=1, header=header),
        signed(now=NOON, header={"crit": ["b64"], "b64": True}),
        signed(now=NOON, header={"typ": "logout+jwt"}),
        signed(now=NOON) + "x",
        signed(now=NOON)[:-4],
        made({"alg": "EdDSA", "kid": 5}, CLAIMS),
        made([], CLAIMS),
        made(b"[" * 5_000, CLAIMS),
        made({"alg": "EdDSA", "kid": "one"}, b"[" * 5_000),
        "a.b.c",
        "..",
    ]
    assert await found(signed(now=NOON)) is not None
    for text in texts:
        assert await found(text) is None, text


@pytest.mark.spec("003/FR-067")
async def test_jwt_is_for_us_and_for_now() -> None:
    late = NOON_S - LEEWAY_S
    early = NOON_S + LEEWAY_S
    for taken in (
        {"exp": late + 1},
        {"iat": early, "nbf": early},
        {"aud": ["other", AUDIENCE]},
        {"exp": NOON_S + 0.5},
        {"exp": 10**14},
    ):
        assert await found(made_signed(CLAIMS | taken)) is not None, taken
    refused: list[dict[str, Any]] = [
        {"exp": late},
        {"exp": None},
        {"exp": True},
        {"exp": "soon"},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"exp": 10**400},
        {"iat": early + 1},
        {"iat": None},
        {"iat": "x"},
        {"nbf": early + 1},
        {"nbf": "x"},
        {"iss": None},
        {"iss": "https://id.example.org/"},
        {"iss": [ISSUER]},
        {"aud": None},
        {"aud": "other"},
        {"aud": []},
        {"aud": {"todo": 1}},
        {"aud": AUDIENCE + "x"},
    ]
    for claims in refused:
        made_by_them = made_signed(CLAIMS | claims)
        assert await found(made_by_them) is None, claims


def made_signed(claims: dict[str, Any]) -> str:
    """A JWT with a good signature, whatever is in it."""
    kept = {name: each for name, each in claims.items() if each is not None}
    text = made({"alg": "EdDSA", "kid": "one"}, kept)
    head, _, _ = text.rpartition(".")
    signature = private_key("EdDSA").sign(head.encode())
    return made({"alg": "EdDSA", "kid": "one"}, kept, signature)


@pytest.mark.spec("003/FR-068")
async def test_claim_is_a_users_name_and_can_be_chosen() -> None:
    for name in ("ada", "Ada Lovelace", "auth0|5f7c8ec7", "q" * 32, "é"):
        holder = await found(signed(name, now=NOON))
        assert holder is not None
        assert holder.user == name
    for wrong in (
        "",
        " ada",
        "ada ",
        "a/b",
        "..",
        "a\nb",
        "a\x00b",
        "\ud800",
        "a" * 256,
        5,
        None,
        ["ada"],
        {"name": "ada"},
    ):
        claims = CLAIMS | {"sub": "somebody", "name": wrong}
        chosen = Provider("", ISSUER, AUDIENCE, "name")
        assert await found(made_signed(claims), provider=chosen) is None, wrong
        assert await found(made_signed(CLAIMS | {"sub": wrong})) is None, wrong
    claims = CLAIMS | {"sub": "somebody", "name": "ada"}
    holder = await found(made_signed(claims), provider=chosen)
    assert holder is not None
    assert holder.user == "ada"


@pytest.mark.spec("003/FR-069")
async def test_keys_are_fetched_once_and_again_for_an_unknown_one() -> None:
    source = Source()
    keys = source.keys()
    for _ in range(3):
        assert await keys.find("one") is not None
        assert await keys.find("two") is None
    assert source.fetched == 1

    source.data = key_set("one", "two")
    source.now_s += COOL_DOWN_S + 1
    both = await asyncio.gather(*(keys.find("two") for _ in range(5)))
    assert None not in both
    assert source.fetched == 2

    # One that is withdrawn ends, though nobody asks for another.
    source.data = key_set("two")
    source.now_s += OLD_S + 1
    assert await keys.find("one") is not None
    assert await keys.find("three") is None
    assert await keys.find("one") is None
    assert source.fetched == 3


@pytest.mark.spec("003/FR-069")
async def test_keys_that_are_known_go_on_while_the_provider_is_down(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = Source(ConnectionRefusedError("secret"))
    keys = source.keys()
    for _ in range(3):
        with pytest.raises(KeysUnavailable):
            await keys.find("one")
    assert source.fetched == 1

    source.now_s += COOL_DOWN_S + 1
    source.data = key_set()
    assert await keys.find("one") is not None
    for bad in (
        ValueError("secret"),
        b"",
        b"{}",
        b'{"keys": []}',
        b"[" * 9_999,
    ):
        source.data = bad
        source.now_s += OLD_S + 1
        with pytest.raises(KeysUnavailable):
            await keys.find("two")
        assert await keys.find("one") is not None
    assert "cannot be read: ConnectionRefusedError" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.spec("003/FR-069")
async def test_key_that_was_withdrawn_while_no_jwt_came_opens_nothing() -> (
    None
):
    source = Source(key_set("one", "two"))
    keys = source.keys()
    assert await keys.find("one") is not None
    source.data = key_set("two")
    source.now_s += 10 * OLD_S

    asked = [keys.find(kid) for kid in ("one", "one", "two")]
    first, second, kept = await asyncio.gather(*asked)

    assert (first, second) == (None, None)
    assert kept is not None
    source.data = ConnectionRefusedError("down")
    source.now_s += 10 * OLD_S
    assert await keys.find("two") is not None


@pytest.mark.spec("003/FR-069")
async def test_request_that_ends_does_not_end_the_fetch_of_others() -> None:
    may_go = threading.Event()

    def slow() -> bytes:
        may_go.wait(10)
        return key_set()

    keys = Keys(slow)
    first = asyncio.create_task(keys.find("one"))
    second = asyncio.create_task(keys.find("one"))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    may_go.set()

    assert await second is not None
    with pytest.raises(asyncio.CancelledError):
        await first


@pytest.mark.spec("003/FR-069")
async def test_fetch_that_was_given_up_is_the_only_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("todo_cli.api.keys.FETCH_S", 0.01)
    source = Source()
    may_go = threading.Event()
    has_ended = threading.Event()

    def stuck() -> bytes:
        source.fetched += 1
        may_go.wait(10)
        has_ended.set()
        return key_set()

    keys = Keys(stuck, clock_s=source.clock_s)
    for _ in range(3):
        with pytest.raises(KeysUnavailable):
            await keys.find("one")
        source.now_s += COOL_DOWN_S + 1
    assert source.fetched == 1
    may_go.set()
    assert has_ended.wait(10)


@pytest.mark.spec("003/FR-066")
def test_only_keys_for_signatures_that_we_check_are_read() -> None:
    good = public_values("EdDSA", "good")
    rsa = public_values("RS256", "rsa")
    others = [
        good | {"kid": "encrypts", "use": "enc"},
        good | {"kid": "signs", "key_ops": ["sign"]},
        good | {"kid": "other", "alg": "ES256"},
        good | {"kid": "broken", "x": "!"},
        good | {"kid": "curve", "crv": "X25519"},
        rsa | {"kid": "pss", "alg": "PS256"},
        public_values("RS256", "short", 99),
        {"kty": "oct", "k": "c2VjcmV0", "kid": "secret", "alg": "HS256"},
        good | {"kid": "no curve", "crv": ["Ed25519"]},
        good | {"kid": "no list", "key_ops": None},
        good | {"kid": "no name", "alg": ["EdDSA"]},
        good | {"kid": "private", "d": good["x"]},
        rsa | {"kid": "private", "d": rsa["n"]},
        {"kty": "RSA", "kid": "empty"},
        {"kty": ["RSA"], "kid": "list"},
        "text",
        None,
    ]
    named = [good, good | {"kid": "new name", "alg": "Ed25519"}, rsa]
    data = json.dumps({"keys": [*others, *named]}).encode()

    assert sorted(read_keys(data)) == ["good", "new name", "rsa"]
    unnamed = {name: value for name, value in good.items() if name != "kid"}
    assert list(read_keys(json.dumps({"keys": [unnamed]}).encode())) == [""]


@pytest.mark.spec("003/FR-065")
async def test_jwt_without_kid_is_checked_with_the_only_key() -> None:
    text = made({"alg": "EdDSA"}, CLAIMS)
    head, _, _ = text.rpartition(".")
    signature = private_key("EdDSA").sign(head.encode())
    text = made({"alg": "EdDSA"}, CLAIMS, signature)

    assert await found(text) is not None
    assert await found(text, source=Source(key_set("one", "two"))) is None


@pytest.mark.spec("003/FR-069")
def test_keys_come_from_the_place_that_is_set_and_in_bounds() -> None:
    with provider_served(key_set()) as served:
        assert fetch(served.url) == key_set()
        served.answer = (200, b"x" * 300_000)
        with pytest.raises(ValueError, match="too long"):
            fetch(served.url)
        for status in (204, 302, 404, 500):
            served.answer = (status, b"")
            served.location = served.url + "/elsewhere"
            with pytest.raises(OSError, match=r"status|HTTP Error"):
                fetch(served.url)
    assert set(served.asked) == {"/keys"}
    with pytest.raises(URLError):
        fetch(served.url)
