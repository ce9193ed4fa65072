"""The words of `todo token`: tokens for the REST API, and what became of them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final

from todo_cli import zones
from todo_cli.output import times, words
from todo_cli.output.views import Grid, Sheet, ViewContext
from todo_cli.output.words import Verb
from todo_cli.task import json_value
from todo_cli.token_text import Token, TokenState

if TYPE_CHECKING:
    from todo_cli.tokens import NewToken, RevokedToken

_KEYS: Final = (
    "id",
    "name",
    "read_only",
    "created_at",
    "expires_at",
    "last_used_on",
    "revoked_at",
)
"""What programs get of a token."""
_REVOKED: Final = Verb(
    "Revoked the token", "revoke the token", "revoked: the token"
)
_SCOPES: Final = {True: "read only", False: "read and write"}
_READ: Final = "read"
_WRITE: Final = "read-write"
"""The scopes, in a pipe."""
_NAMES: Final = ("Token", "Access", "Created", "Ends", "Last used", "Id")
_GIVEN_UP: Final = ("Id", "Created", "Last used", "Access", "Ends")
"""The columns that a narrow terminal goes without, in this order."""


def created(result: "NewToken", context: ViewContext) -> Sheet:
    """Show a new token on a line of its own; all else goes to stderr.

    So `$(todo token create ci)` is the token. It is in no message.
    """
    token = result.token
    scope = _SCOPES[token.read_only]
    end = "never expires"
    if token.expires_at is not None:
        end = f"expires {times.exact(token.expires_at, context.zone)}"
    message = (
        f"Created the token {token.name} for {token.user_id}: {scope}, {end}"
    )
    if context.is_new_store:
        message += f" (new store in {context.place})"
    data = _values(token)
    revoke = context.command("token", "revoke", token.name)
    return Sheet(
        {"id": data["id"], "name": token.name, "token": result.text} | data,
        message,
        [result.text],
        aside=message,
        hint="save it now: it is not shown again",
        if_lost=f"nobody has its text, so revoke it: `{revoke}`",
    )


def listed(tokens: Sequence[Token], context: ViewContext) -> Sheet:
    """Show a line for each token; a pipe gets every value."""
    rows = [_row(token, context) for token in tokens]
    records = [_record(token) for token in tokens]
    message = _counted(tokens, context.now)
    make = context.command("token", "create", "NAME")
    grid = Grid(
        _NAMES,
        rows,
        records,
        _GIVEN_UP,
        footer=message,
        note=f"No tokens for {context.user}; `{make}` makes one",
    )
    return Sheet([_values(token) for token in tokens], message, grid=grid)


def revoked(result: "RevokedToken", context: ViewContext) -> Sheet:
    """Say that a token is revoked, and whether it was before."""
    begin = _REVOKED.said(
        is_trial=context.is_trial, is_already=not result.is_new
    )
    line = f"{begin} {result.token.name}"
    return Sheet(_values(result.token), line, [line])


def _values(token: Token) -> dict[str, Any]:
    """Return what programs get of a token."""
    return {key: json_value(getattr(token, key)) for key in _KEYS}


def _counted(tokens: Sequence[Token], now: datetime) -> str:
    """Count tokens, and those that open nothing: `3 tokens, 1 expired`."""
    states = [token.state(now) for token in tokens]
    parts = [words.amount(len(tokens), "token")]
    for state in (TokenState.EXPIRED, TokenState.REVOKED):
        count = states.count(state)
        if count:
            parts.append(f"{count:,} {state}")
    return ", ".join(parts)


def _record(token: Token) -> list[str]:
    """Return what a pipe gets: name, id, scope, and the times."""
    values = _values(token)
    scope = _READ if token.read_only else _WRITE
    found = [token.name, values["id"], scope]
    for key in ("created_at", "expires_at", "last_used_on", "revoked_at"):
        found.append(values[key] or "")
    return found


def _row(token: Token, context: ViewContext) -> list[str]:
    """Return what a terminal shows, in the order of the columns."""
    return [
        token.name,
        _SCOPES[token.read_only],
        times.age(token.created_at, context.now),
        _end(token, context),
        _used(token.last_used_on, context.now),
        str(token.id),
    ]


def _end(token: Token, context: ViewContext) -> str:
    """Say when a token ends, or has ended."""
    now = context.now
    if token.revoked_at is not None:
        return f"revoked {times.age(token.revoked_at, now)}"
    if token.expires_at is None:
        return "never"
    if token.state(now) is TokenState.EXPIRED:
        return f"expired {times.age(token.expires_at, now)}"
    last = zones.local(token.expires_at, context.zone).date()
    return times.show_day(last, context.today)


def _used(day: date | None, now: datetime) -> str:
    """Say on which day a token was used; both days are those of UTC."""
    if day is None:
        return "never"
    return times.show_day(day, now.astimezone(UTC).date())
