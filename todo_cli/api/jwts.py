"""JWTs of an identity provider: RFC 7519, with the advice of RFC 8725.

The algorithm is the one of the key that the provider publishes, never the one
that a JWT chooses.
"""

import math
from datetime import UTC, datetime
from typing import Any, Final

import jwt

from todo_cli import rules
from todo_cli.api.holders import Holder
from todo_cli.api.keys import ALGORITHMS, Keys
from todo_cli.config import Provider
from todo_cli.errors import InvalidInput

LEEWAY_S: Final = 30
"""How much the clocks of the provider and of this server may differ."""
_TYPES: Final = ("jwt", "at+jwt", "application/at+jwt")
"""What `typ` may say, in small letters; it may also be missing."""
_LAST: Final = datetime(9998, 12, 31, tzinfo=UTC)
_OPTIONS: Final[Any] = {
    "require": ["exp", "iat", "iss", "aud"],
    # With our clock, below.
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}


class Jwts:
    """Checks JWTs, and says who holds them."""

    def __init__(self, provider: Provider, keys: Keys) -> None:
        self._provider = provider
        self._keys = keys

    async def find(self, text: str, now: datetime) -> Holder | None:
        """Return who holds a JWT; None if it is not valid for us.

        Raises:
            KeysUnavailable: its key is not known, and the provider does not
                answer.
        """
        header = _read_header(text)
        if header is None:
            return None
        key = await self._keys.find(header.get("kid"))
        if key is None or key.algorithm != header["alg"]:
            return None
        provider = self._provider
        try:
            claims = jwt.decode(
                text,
                key.key,
                algorithms=[key.algorithm],
                audience=provider.audience,
                issuer=provider.issuer,
                options=_OPTIONS,
            )
        except (jwt.PyJWTError, ValueError, TypeError):
            return None
        expires_at = _check_times(claims, now)
        user = _user(claims.get(provider.claim))
        if expires_at is None or user is None:
            return None
        return Holder(user, expires_at=expires_at)


def _read_header(text: str) -> dict[str, Any] | None:
    """Read the header; None if the JWT cannot be one for us.

    No key is looked for then, and so none is fetched.
    """
    try:
        header = jwt.get_unverified_header(text)
    except (jwt.PyJWTError, ValueError, RecursionError):
        return None
    # We understand no extension, and `crit` means that one must be.
    if header.get("alg") not in ALGORITHMS or "crit" in header:
        return None
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        return None
    return header


def _check_times(claims: dict[str, Any], now: datetime) -> datetime | None:
    """Return when a JWT ends; None if it is not valid now."""
    now_s = now.timestamp()
    expires_s = _seconds(claims["exp"])
    issued_s = _seconds(claims["iat"])
    from_s = _seconds(claims.get("nbf", 0))
    if expires_s is None or issued_s is None or from_s is None:
        return None
    if expires_s + LEEWAY_S <= now_s:
        return None
    if max(issued_s, from_s) > now_s + LEEWAY_S:
        return None
    return datetime.fromtimestamp(min(expires_s, _LAST.timestamp()), UTC)


def _seconds(value: Any) -> float | None:
    """Read a NumericDate; None if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        seconds = float(value)
    except OverflowError:
        return None
    return seconds if math.isfinite(seconds) else None


def _user(value: Any) -> str | None:
    """Read the claim that names the user; None if it is no user's name.

    It is not trimmed: two claims must not be one user.
    """
    if not isinstance(value, str):
        return None
    try:
        user = rules.clean_user(value)
    except InvalidInput:
        return None
    return user if user == value else None
