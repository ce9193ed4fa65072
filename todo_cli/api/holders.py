"""Who a request comes from: the holder of its token.

A token is a secret, so what is kept of it here is its SHA-256.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from todo_cli.token_text import Token

MOST_KEPT: Final = 1_024
"""How many tokens are known at most, of each kind: valid and wrong."""
KEPT_S: Final = 4.0
"""How long a token is known.

It is counted from before it was looked up. So a token that is revoked opens
nothing after 5 s, in no process.
"""


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose token it is, and what it opens."""

    user: str
    """Whose tasks it opens; a clean name."""
    id: UUID | None = None
    """The id of a token of ours; None for a JWT."""
    name: str | None = None
    """The name of a token of ours; None for a JWT."""
    read_only: bool = False
    expires_at: datetime | None = None
    """None: never."""

    @classmethod
    def of(cls, token: Token) -> "Holder":
        """Return who holds a token of ours."""
        return cls(
            user=token.user_id,
            id=token.id,
            name=token.name,
            read_only=token.read_only,
            expires_at=token.expires_at,
        )

    def is_valid(self, now: datetime) -> bool:
        """Whether the token has not expired."""
        return self.expires_at is None or now < self.expires_at


class Known(NamedTuple):
    """A holder, or that there is none, and until when that is believed."""

    holder: Holder | None
    until_s: float


class Cache:
    """Remembers for a moment who holds a token.

    Valid tokens have places of their own, which wrong ones cannot take.
    """

    def __init__(
        self,
        clock_s: Callable[[], float],
        *,
        kept_s: float = KEPT_S,
        most: int = MOST_KEPT,
    ) -> None:
        self._clock_s = clock_s
        self._kept_s = kept_s
        self._most = most
        self._valid: OrderedDict[bytes, Known] = OrderedDict()
        self._wrong: OrderedDict[bytes, Known] = OrderedDict()

    def __len__(self) -> int:
        return len(self._valid) + len(self._wrong)

    def get(self, digest: bytes, now: datetime) -> Known | None:
        """Return what is known of a token; None if that is nothing."""
        for places in (self._valid, self._wrong):
            known = places.get(digest)
            if known is None:
                continue
            if self._is_believed(known, now):
                return known
        return None

    def has_opened(self, digest: bytes) -> bool:
        """Whether a token was valid when it was last looked up.

        That may be long ago: it tells a token that is in use from a guess.
        """
        return digest in self._valid

    def _is_believed(self, known: Known, now: datetime) -> bool:
        if known.until_s <= self._clock_s():
            return False
        return known.holder is None or known.holder.is_valid(now)

    def put(
        self, digest: bytes, holder: Holder | None, began_s: float
    ) -> None:
        """Remember the answer to a look-up that began at this time."""
        places, others = self._valid, self._wrong
        if holder is None:
            places, others = others, places
        others.pop(digest, None)
        places[digest] = Known(holder, began_s + self._kept_s)
        places.move_to_end(digest)
        if len(places) > self._most:
            places.popitem(last=False)
