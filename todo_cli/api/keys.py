"""The public keys of an identity provider: fetched, remembered, refreshed.

They are fetched in a thread. While the provider cannot be reached, the keys
that are known go on.
"""

import asyncio
import json
import logging
import ssl
import threading
import time
from collections.abc import Callable
from http.client import HTTPException
from typing import Any, Final, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import (
    BaseHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    ProxyHandler,
    Request,
    build_opener,
)

import jwt

from todo_cli.errors import DatabaseUnavailable

ALGORITHMS: Final = ("EdDSA", "ES256", "RS256")
"""What a JWT may be signed with: only what a public key can check."""
COOL_DOWN_S: Final = 30.0
"""How long nothing is fetched after a fetch, whatever came of it."""
OLD_S: Final = 600.0
"""Older keys are fetched again, so that a withdrawn one ends."""
LATE_S: Final = 60.0
"""How much older keys are believed while they are fetched again.

With keys that are older still, because no JWT came for long, requests wait: a
key may have been withdrawn meanwhile.
"""
FETCH_S: Final = 10.0
"""How long a fetch may take in all."""
_STEP_S: Final = 5.0
"""How long the provider may be silent."""
_MOST_BYTES: Final = 256 * 1024
_MOST_KEYS: Final = 100
_PIECE: Final = 16 * 1024
_SHORTEST_RSA: Final = 2_048
"""How many bits of RSA are safe, at least: RFC 7518, section 3.3."""
_OF_KIND: Final = {
    ("OKP", "Ed25519"): "EdDSA",
    ("EC", "P-256"): "ES256",
    ("RSA", None): "RS256",
}
"""The one algorithm of a kind of key, whatever a JWT says."""
_SAME: Final = {"Ed25519": "EdDSA"}
"""Newer names of algorithms: RFC 9864."""

_log = logging.getLogger(__name__)


class KeysUnavailable(DatabaseUnavailable):
    """The keys of the identity provider cannot be read."""


class Key(NamedTuple):
    """A public key, and the one algorithm that it is for."""

    key: jwt.PyJWK
    algorithm: str


class Keys:
    """The keys of a provider, by their `kid`."""

    def __init__(
        self,
        fetch: Callable[[], bytes],
        *,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._clock_s = clock_s
        self._keys: dict[str, Key] = {}
        self._is_late = False
        """Whether the latest fetch began so late that the keys may be old."""
        self._tried_s: float | None = None
        self._has_failed = False
        """Whether the latest fetch failed."""
        self._fetching: asyncio.Task[None] | None = None
        self._is_used = threading.Lock()
        """Held by the thread that fetches, also after nobody waits for it."""

    async def find(self, kid: str | None) -> Key | None:
        """Return the key with an id; None if the provider has none.

        Without an id it is the only key, if there is only one.

        Raises:
            KeysUnavailable: it is not known, and the provider does not answer.
        """
        key = self._get(kid)
        if key is not None:
            if self._age_s() > OLD_S:
                self._begin()
            if self._fetching is None or not self._is_late:
                return key
        elif self._age_s() > COOL_DOWN_S:
            self._begin()
        if self._fetching is not None:
            # Others wait for it, too, so a request that ends must not end it.
            await asyncio.shield(self._fetching)
        key = self._get(kid)
        if key is None and self._has_failed:
            raise KeysUnavailable(
                "The keys of the identity provider cannot be read"
            )
        return key

    def _get(self, kid: str | None) -> Key | None:
        if kid is not None:
            return self._keys.get(kid)
        if len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return None

    def _age_s(self) -> float:
        """How long ago the latest fetch began."""
        if self._tried_s is None:
            return float("inf")
        return self._clock_s() - self._tried_s

    def _begin(self) -> None:
        """Begin to fetch, unless that is going on."""
        if self._fetching is None:
            self._is_late = self._age_s() > OLD_S + LATE_S
            self._tried_s = self._clock_s()
            self._fetching = asyncio.create_task(self._refresh())

    async def _refresh(self) -> None:
        """Fetch the keys; if that fails, those that are known stay."""
        try:
            async with asyncio.timeout(FETCH_S):
                data = await asyncio.to_thread(self._fetch_alone)
            self._keys = read_keys(data)
            self._has_failed = False
        except (OSError, ValueError, HTTPException) as error:
            self._has_failed = True
            _log.warning(
                "the keys of the identity provider cannot be read: %s",
                _reason(error),
            )
        finally:
            self._fetching = None

    def _fetch_alone(self) -> bytes:
        """Fetch in a thread, unless an earlier one is still at it.

        A provider that sends its head byte by byte can hold one up for long,
        and there must not be more and more of them.
        """
        if not self._is_used.acquire(blocking=False):
            raise TimeoutError
        try:
            return self._fetch()
        finally:
            self._is_used.release()


def _reason(error: Exception) -> str:
    """Say why keys cannot be read, without a word of what was read."""
    if isinstance(error, HTTPError):
        return f"status {error.code}"
    if isinstance(error, URLError) and isinstance(error.reason, Exception):
        return type(error.reason).__name__
    return type(error).__name__


def read_keys(data: bytes) -> dict[str, Key]:
    """Read a JWK Set: RFC 7517. What is no key for us is left out.

    Raises:
        ValueError: it is no JWK Set, or has no key for us.
    """
    try:
        document = json.loads(data)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    found = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(found, list):
        raise ValueError("not a JWK Set")
    keys = {}
    for values in found[:_MOST_KEYS]:
        key = _read_key(values)
        if key is not None:
            keys[str(values.get("kid", ""))] = key
    if not keys:
        raise ValueError("no key that can be used")
    return keys


def _read_key(values: Any) -> Key | None:
    """Read a key; None if it is not for a signature that we check.

    A private key is none: whoever publishes it has lost it.
    """
    if not isinstance(values, dict) or "d" in values:
        return None
    try:
        return _make_key(values)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None


def _make_key(values: dict[str, Any]) -> Key | None:
    """Make a key of values of any types, so it can fail in many ways."""
    kind = (str(values.get("kty")), values.get("crv"))
    algorithm = _OF_KIND.get(kind)
    if algorithm is None or not _is_for(values, algorithm):
        return None
    key = jwt.PyJWK(values, algorithm)
    bits = getattr(key.key, "key_size", _SHORTEST_RSA)
    if algorithm == "RS256" and bits < _SHORTEST_RSA:
        return None
    return Key(key, algorithm)


def _is_for(values: dict[str, Any], algorithm: str) -> bool:
    """Whether a key is for signatures with this algorithm."""
    named = values.get("alg", algorithm)
    if _SAME.get(named, named) != algorithm:
        return False
    if values.get("use", "sig") != "sig":
        return False
    return "verify" in values.get("key_ops", ["verify"])


class _NoRedirect(HTTPRedirectHandler):
    """Refuses to go elsewhere: the setting names the place of the keys."""

    def redirect_request(self, *_: Any) -> None:
        """Have the redirection be an error."""


def fetch(url: str) -> bytes:
    """Fetch the keys; it blocks.

    The body may take `FETCH_S` and a step. The head may take longer.

    Raises:
        OSError: the provider does not answer in time, or not with 200.
        ValueError: its answer is too long.
        HTTPException: what it sends is not HTTP.
    """
    give_up_s = time.monotonic() + FETCH_S
    handlers: list[BaseHandler] = [_NoRedirect()]
    if url.lower().startswith("https:"):
        context = ssl.create_default_context()
        handlers.append(HTTPSHandler(context=context))
    else:
        # On this machine: no proxy has anything to do with it.
        handlers.append(ProxyHandler({}))
    request = Request(url, headers={"Accept": "application/json"})  # noqa: S310 - checked
    opener = build_opener(*handlers)
    try:
        answer = opener.open(request, timeout=_STEP_S)
    except HTTPError as error:
        error.close()
        raise
    with answer:
        if answer.status != 200:
            raise OSError(f"status {answer.status}")
        data = b""
        while piece := answer.read1(_PIECE):
            data += piece
            if len(data) > _MOST_BYTES:
                raise ValueError("too long")
            if time.monotonic() > give_up_s:
                raise TimeoutError
    return data
