"""Tokens for the tests of `todo serve --auth`."""

from collections.abc import Callable
from datetime import datetime, timedelta

import httpx

from tests.support.stores import Store
from todo_cli.database.engine import open_database
from todo_cli.tokens import TokenService


def bearing(text: str) -> dict[str, str]:
    """The header of a request with a token."""
    return {"Authorization": f"Bearer {text}"}


async def make_token(
    store: Store,
    now: Callable[[], datetime],
    name: str = "laptop",
    *,
    user: str = "ada",
    read_only: bool = False,
    lifetime: timedelta | None = None,
) -> str:
    """Make a token, as another process does, and return its text."""
    async with open_database(store.target) as database:
        made = await TokenService(database, user, now).create(
            name, read_only=read_only, lifetime=lifetime
        )
    return made.text


async def revoke_token(
    store: Store, now: Callable[[], datetime], name: str, *, user: str = "ada"
) -> None:
    """Revoke a token, as another process does."""
    async with open_database(store.target) as database:
        await TokenService(database, user, now).revoke(name)


def challenge_of(response: httpx.Response) -> str:
    """What `WWW-Authenticate` says is wrong; empty if the token is missing."""
    header = response.headers["www-authenticate"]
    assert header.startswith('Bearer realm="todo"')
    _, _, rest = header.partition(', error="')
    error, _, _ = rest.partition('"')
    return error
