"""What a token for the REST API is: its text, its hash, and what is kept of it.

    todo_pat_ 43 characters for 256 random bits, 6 for a checksum

The characters are those of base 62, so that a double click selects all. The
prefix lets programs find tokens that got into a repository, and the checksum
tells a token from what only looks like one, without asking a store. The store
has the SHA-256 of the text. A slow hash, as for passwords, would protect
nothing: nobody can guess 256 bits.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from todo_cli import redact, rules
from todo_cli.errors import InvalidInput

_DIGITS: Final = (
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)
_BITS: Final = 256
_SECRET_LENGTH: Final = 43
"""How many digits 256 bits take."""
_CHECK_LENGTH: Final = 6
"""How many digits the 32 bits of a CRC take."""
PATTERN: Final = (
    f"{redact.TOKEN_PREFIX}[0-9A-Za-z]{{{_SECRET_LENGTH + _CHECK_LENGTH}}}"
)
"""A regular expression that finds tokens."""
_WHOLE: Final = re.compile(PATTERN)


class TokenState(StrEnum):
    """Whether a token opens anything."""

    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token; its text is known to its bearer alone."""

    id: UUID
    user_id: str
    """Whose tasks it opens."""
    name: str
    read_only: bool
    created_at: datetime
    expires_at: datetime | None
    """None: never."""
    last_used_on: date | None
    """The last day on which a request had it, in UTC."""
    revoked_at: datetime | None

    def state(self, now: datetime) -> TokenState:
        """Return whether it opens anything at a time."""
        if self.revoked_at is not None:
            return TokenState.REVOKED
        if self.expires_at is not None and self.expires_at <= now:
            return TokenState.EXPIRED
        return TokenState.VALID


def make_text() -> str:
    """Make the text of a new token."""
    # Late: only this needs it, and it loads much.
    import secrets

    number = secrets.randbits(_BITS)
    text = f"{redact.TOKEN_PREFIX}{_in_digits(number, _SECRET_LENGTH)}"
    return f"{text}{_checksum(text)}"


def hash_of(text: str) -> bytes | None:
    """Return the hash under which a store has a token.

    None if the text is none: mistyped, cut, or of another program.
    """
    if _WHOLE.fullmatch(text) is None:
        return None
    if _checksum(text[:-_CHECK_LENGTH]) != text[-_CHECK_LENGTH:]:
        return None
    # Late: commands that list tokens do not need it.
    import hashlib

    return hashlib.sha256(text.encode("ascii")).digest()


def _checksum(text: str) -> str:
    """Return the CRC-32 of a text, in digits."""
    import binascii

    return _in_digits(binascii.crc32(text.encode("ascii")), _CHECK_LENGTH)


def _in_digits(number: int, length: int) -> str:
    """Write a number in base 62, with zeros before it."""
    found = ""
    for _ in range(length):
        number, place = divmod(number, len(_DIGITS))
        found = _DIGITS[place] + found
    return found


def clean_name(text: str) -> str:
    """Trim the name of a token and return it.

    Raises:
        InvalidInput: it breaks a rule for names, or contains a token.
    """
    if redact.holds_token(text):
        raise InvalidInput.of(
            "name", "must be a name for the token, not the token"
        )
    return rules.clean_token_name(text)


def read_key(text: str) -> str | UUID:
    """Read what names a token: its name, or its id.

    Raises:
        InvalidInput: it can be neither, or contains a token.
    """
    if rules.UUID_TEXT.fullmatch(text) is not None:
        return UUID(text)
    return clean_name(text)
