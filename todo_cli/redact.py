"""Recognizes connection strings, misspelt ones too, and keeps passwords out of
messages.

People paste connection strings into the wrong place and mistype them. Messages
never quote a word that may be one. Logins and passwords are removed from other
text, such as a traceback.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, unquote

HIDDEN: Final = "***"
_LONGEST: Final = 60

# Every pattern runs in linear time: a word can be as long as a command line
# allows.
_SECRET: Final = re.compile(
    r"(?:(?:pas|pwd|secret|token)\w{0,20}|\bpw)\s{0,9}=", re.IGNORECASE
)
_ADDRESS: Final = re.compile(
    r"""
      [\w+.-]{2}://   # any scheme
    | (^\W*|[\s,=&?;])
      (postg\w{0,20}|pg|pgsql|psql|jdbc|sqlite\w?|mysql|mariadb|file|https?)
      (\+\w{1,20})?\s{0,9}[:;=]
    | (^\W*|[\s,=])psql\s
      # keywords of libpq
    | (^-*|[\s?&;,=])(host|hostaddr|user|dbname|sslmode|channel_binding|options)\s{0,9}=
    | @ep-[\w.-]{1,200}\.neon\.(tech|build)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_SECRET_IN_TEXT: Final = re.compile(
    rf"({_SECRET.pattern})(?:'[^']*'|\"[^\"]*\"|[^\s&]*)", re.IGNORECASE
)
_PLACEHOLDER: Final = "user:password@"
"""How our own hints show what a connection string looks like."""


def looks_like_address(text: str) -> bool:
    """Whether this may be a connection string: complete, cut, misspelt,
    encoded or of another program.

    One sign is enough: a `:` or `//` with an `@` after it, a scheme,
    `password=`, a keyword of libpq. A path such as `/srv/a@b/todo.db` has
    none.
    """
    text = plain(text)
    return _has_login(text) or any(
        pattern.search(text) for pattern in (_SECRET, _ADDRESS)
    )


def holds_login(text: str) -> bool:
    """Whether a connection string, readable or not, seems to contain a
    password.
    """
    text = plain(text)
    return _has_login(text) or _SECRET.search(text) is not None


def plain(text: str) -> str:
    """Normalize a text that may be an address: undo percent-encoding and
    full-width characters, drop `\\` and invisible characters.
    """
    text = unicodedata.normalize("NFKC", unquote(text)).replace("\\", "")
    if text.isascii():
        return text
    return "".join(sign for sign in text if unicodedata.category(sign) != "Cf")


def shown(word: str) -> str:
    """A typed word as a message may quote it: cut after 60 characters, or
    `***` where it may contain a secret.
    """
    if _is_private(word):
        return HIDDEN
    if len(word) <= _LONGEST:
        return word
    return f"{word[: _LONGEST - 3]}..."


def without_words(message: str, words: Iterable[str]) -> str:
    """Hide in a message the words that may contain a secret, and the names and
    values of options among them.
    """
    pieces = set()
    for word in filter(_is_private, words):
        name, _, value = word.partition("=")
        pieces |= {word, value}
        if _is_private(name):
            pieces.add(name)
    for piece in sorted(filter(None, pieces), key=len, reverse=True):
        message = message.replace(piece, HIDDEN).replace(
            repr(piece)[1:-1], HIDDEN
        )
    return message


def without_logins(text: str) -> str:
    """Remove logins and passwords from a text, whoever wrote it."""
    text = re.sub(r"\S+", _without_login, text)
    return _SECRET_IN_TEXT.sub(rf"\1{HIDDEN}", text)


def without_secrets(
    text: str, urls: Iterable[str], passwords: Iterable[str]
) -> str:
    """Remove logins, the passwords of these connection strings, and these
    passwords.

    Each is removed as it is, decoded, encoded, and as Python's `repr` shows
    it.
    """
    text = without_logins(text)
    forms = set(passwords)
    for url in urls:
        secrets = [
            url.partition("://")[2].rpartition("@")[0].partition(":")[2]
        ]
        secrets += re.findall(r"[?&]password=([^&]*)", url)
        for secret in secrets:
            decoded = unquote(secret)
            forms |= {
                secret,
                decoded,
                quote(decoded),
                quote(decoded, safe=""),
                repr(decoded)[1:-1],
            }
    for form in sorted(filter(None, forms), key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    return text


def _has_login(text: str) -> bool:
    """Whether an `@` comes somewhere after a `:` or `//`, or `//` after
    `postgres`.
    """
    lowered = text.lower()
    return any(
        begin in lowered and end in lowered[lowered.index(begin) :]
        for begin, end in ((":", "@"), ("//", "@"), ("postg", "//"))
    )


def _without_login(found: re.Match[str]) -> str:
    """Replace everything up to the `@` of a login, in a run of characters
    without blanks.
    """
    run, colon, at = found[0], found[0].find(":"), found[0].rfind("@")
    if not 0 <= colon < at or _PLACEHOLDER in run:
        return run
    quotes = run[: len(run) - len(run.lstrip("'\"`("))]
    return f"{quotes}{HIDDEN}{run[at:]}"


def _is_private(word: str) -> bool:
    """Whether a word may contain a secret where no address belongs;
    `password@host` may.
    """
    return "@" in plain(word) or looks_like_address(word)
