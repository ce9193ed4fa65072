"""What Schemathesis does not know by itself: lone surrogates, as JSON can write them, and
the rules that JSON Schema cannot say.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any
from zlib import crc32

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.openapi.checks import RejectedPositiveData

EVERY = 6
UNSAID = {
    "cursor": "is not one that this server gave out|is of a list with another",
    "until": ".* is before ",
    "operation": "[0-9]+ is an? (undo|redo|purge), which cannot be undone",
}
"""Faults of values that no schema can know, by field."""
LONGEST = 10_000
INVISIBLE = "must contain at least one visible character"
NO_SIGNS = ("Cf", "Cc", "Cs")
BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
EDGES = ("19", "99")
"""How years begin near which a distance such as `-3d` leads out of the calendar."""


@schemathesis.hook
def map_body(context: schemathesis.HookContext, body: Any) -> Any:
    """Put a lone surrogate into one text of every sixth body, the same whenever the
    body is the same.
    """
    if (
        not isinstance(body, dict)
        or crc32(repr(body).encode(errors="surrogatepass")) % EVERY
    ):
        return body
    texts = [name for name, value in body.items() if isinstance(value, str)]
    return body | {name: f"{body[name]}\ud800" for name in texts[:1]}


@schemathesis.hook
def filter_failure(
    context: schemathesis.HookContext, failure: Any, case: Any, response: Any
) -> bool:
    """Pass over the refusal of a value that fits its schema, if no schema could say why;
    and a description that is too long only because CRLF counts as two there.
    """
    if isinstance(failure, AcceptedNegativeData):
        return not is_long_by_line_ends(case.body)
    if not isinstance(failure, RejectedPositiveData):
        return True
    details = response.json()["error"].get("details", ())
    if len(details) != 1:
        return True
    [detail] = details
    return not is_unsaid(detail["field"], detail["message"], case)


def is_long_by_line_ends(body: Any) -> bool:
    """Whether a description has more than 10,000 characters, but with LF it has not."""
    text = body.get("description") if isinstance(body, dict) else None
    if not isinstance(text, str):
        return False
    return len(text) > LONGEST >= len(text.replace("\r\n", "\n"))


def is_unsaid(field: str, message: str, case: Any) -> bool:
    """Whether a fault is by a rule that JSON Schema cannot say."""
    has_surrogate = "\\ud8" in ascii(case.body)
    if has_surrogate or re.match(UNSAID.get(field, "$^"), message):
        return True
    query = case.query or {}
    if field in ("due", "since", "until"):
        return ends_elsewhere(query.get(field, ""), query.get("today", ""))
    if field == "q":
        return not all(map(has_something, words_of(query["q"])))
    if re.match(INVISIBLE, message) is None:
        return False
    sent = [case.body, case.path_parameters, query]
    return not all(map(is_visible, texts_of(sent)))


def ends_elsewhere(text: str, today: str) -> bool:
    """Whether days may run backwards, or leave the calendar."""
    first, dots, last = text.partition("..")
    has_both = bool(dots and first and last)
    return has_both or today.startswith(EDGES)


def words_of(text: str) -> list[str]:
    """The words and phrases of `q`; more than 50 are too many."""
    words = [a or b for a, b in re.findall(r'"([^"]*)"?|([^"\s]+)', text)]
    return words if len(words) <= 50 else [""]


def has_something(word: str) -> bool:
    """Whether something is left of a word without its accents."""
    plain = [
        each
        for each in unicodedata.normalize("NFKD", word)
        if not unicodedata.combining(each)
    ]
    return is_visible(word) and bool("".join(plain).strip())


def texts_of(sent: Any) -> Iterator[str]:
    """The texts in what was sent."""
    if isinstance(sent, str):
        yield sent
    if isinstance(sent, dict):
        yield from texts_of([*sent.values()])
    if isinstance(sent, list):
        for each in sent:
            yield from texts_of(each)


def is_visible(text: str) -> bool:
    """Whether a text has a visible character."""
    for each in text:
        category = unicodedata.category(each)
        is_sign = category[0] not in "ZM" and category not in NO_SIGNS
        if is_sign and each not in BLANK:
            return True
    return False
