"""Recognize connection strings and keep passwords out of messages.

People paste connection strings into the wrong place and mistype them. A
message never quotes a word that may be one, or a token for the REST API.
Logins, passwords and tokens are removed from other text, such as a traceback.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, unquote

HIDDEN: Final = "***"
TOKEN_PREFIX: Final = "todo_pat_"  # noqa: S105 - public
"""How a token for the REST API begins: see `token_text.py`."""
_LONGEST: Final = 60

# Every pattern takes linear time: a word can be as long as a command line.
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
_TOKEN: Final = re.compile(rf"{TOKEN_PREFIX}\w+", re.IGNORECASE)
_PLACEHOLDER: Final = "user:password@"
"""The login in our own hints, which is not hidden."""


def looks_like_address(text: str) -> bool:
    """Whether a text may be a connection string.

    It may be complete, cut, misspelt, encoded or of another program. One sign
    is enough: a `:` or `//` before an `@`, a scheme, `password=`, a keyword of
    libpq. A path such as `/srv/a@b/todo.db` has none.
    """
    text = plain(text)
    if _has_login(text) or _SECRET.search(text):
        return True
    return _ADDRESS.search(text) is not None


def holds_login(text: str) -> bool:
    """Whether a connection string, readable or not, may contain a password."""
    text = plain(text)
    return _has_login(text) or _SECRET.search(text) is not None


def holds_token(text: str) -> bool:
    """Whether a text contains a token of ours, or a part of one."""
    return _TOKEN.search(plain(text)) is not None


def plain(text: str) -> str:
    r"""Normalize a text that may be a connection string.

    Undoes percent-encoding and full-width characters, and drops `\` and
    invisible characters.
    """
    text = unicodedata.normalize("NFKC", unquote(text)).replace("\\", "")
    if text.isascii():
        return text
    return "".join(sign for sign in text if unicodedata.category(sign) != "Cf")


def shown(word: str) -> str:
    """Return a typed word as a message may quote it.

    It is cut after 60 characters, and `***` replaces a word that may contain a
    secret.
    """
    if _is_private(word):
        return HIDDEN
    if len(word) <= _LONGEST:
        return word
    return f"{word[: _LONGEST - 3]}..."


def without_words(message: str, words: Iterable[str]) -> str:
    """Hide the words of a message that may contain a secret.

    Names and values of options among the words are hidden too.
    """
    pieces = set()
    for word in filter(_is_private, words):
        name, _, value = word.partition("=")
        pieces |= {word, value}
        if _is_private(name):
            pieces.add(name)
    # The longest first: a short one may be a part of it.
    for piece in sorted(filter(None, pieces), key=len, reverse=True):
        message = message.replace(piece, HIDDEN)
        # A message may quote it with `repr`, which escapes characters.
        message = message.replace(repr(piece)[1:-1], HIDDEN)
    return message


def without_logins(text: str) -> str:
    """Remove logins, passwords and tokens from any text."""
    text = re.sub(r"\S+", _without_login, text)
    text = _TOKEN.sub(HIDDEN, text)
    return _SECRET_IN_TEXT.sub(rf"\1{HIDDEN}", text)


def without_secrets(
    text: str, urls: Iterable[str], passwords: Iterable[str]
) -> str:
    """Remove logins, tokens, the passwords of `urls`, and `passwords`.

    Each is removed as it is, decoded, encoded, and as Python's `repr` shows
    it.
    """
    text = without_logins(text)
    forms = set(passwords)
    for url in urls:
        _, _, rest = url.partition("://")
        login, _, _ = rest.rpartition("@")
        _, _, password = login.partition(":")
        secrets = [password]
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
    # The longest first: a short one may be a part of it.
    for form in sorted(filter(None, forms), key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    return text


def _has_login(text: str) -> bool:
    """Whether there is an `@` after `:` or `//`, or a `//` after `postg`."""
    lowered = text.lower()
    for begin, end in ((":", "@"), ("//", "@"), ("postg", "//")):
        # `find` instead of a pattern: linear time for any text.
        start = lowered.find(begin)
        if start >= 0 and end in lowered[start:]:
            return True
    return False


def _without_login(found: re.Match[str]) -> str:
    """Hide everything up to the last `@`, in a run without blanks."""
    run = found[0]
    colon = run.find(":")
    # The last one: a password may contain an `@` that is not encoded.
    at = run.rfind("@")
    if not 0 <= colon < at or _PLACEHOLDER in run:
        return run
    # Keep the opening quotes of the text around it.
    opening = len(run) - len(run.lstrip("'\"`("))
    quotes = run[:opening]
    return f"{quotes}{HIDDEN}{run[at:]}"


def _is_private(word: str) -> bool:
    """Whether a word may contain a secret.

    `password@host` may, although it is no address.
    """
    if "@" in plain(word) or holds_token(word):
        return True
    return looks_like_address(word)
