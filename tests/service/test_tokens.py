"""Tokens: made, listed, revoked, and found by the text that a request has."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.service.backdoor import (
    fetch_all,
    file_of,
    run_sql,
    what_exists,
)
from tests.support.stores import Clock, Store
from todo_cli.database.engine import Database, open_database
from todo_cli.errors import Conflict, InvalidInput, NotFound, SchemaMismatch
from todo_cli.service import TaskService
from todo_cli.task import NewTask
from todo_cli.token_text import TokenState, hash_of, make_text
from todo_cli.tokens import Doorkeeper, NewToken, TokenService, Verdict

Make = Callable[..., TokenService]
DAY = timedelta(days=1)
ROWS = "SELECT name, hash, last_used_on FROM todo.token ORDER BY created_at"


@pytest.fixture
def tokens_of(database: Database, clock: Clock) -> Make:
    """A token service for any user."""

    def make(user: str, **options: bool) -> TokenService:
        return TokenService(database, user, clock, **options)

    return make


@pytest.fixture
def tokens(tokens_of: Make) -> TokenService:
    """The token service of ada."""
    return tokens_of("ada")


@pytest.fixture
def door(database: Database, clock: Clock) -> Doorkeeper:
    """What a server asks."""
    return Doorkeeper(database, clock)


# Made and listed


@pytest.mark.spec("003/FR-010")
async def test_the_store_has_the_hash_and_not_the_text(
    store: Store, tokens: TokenService, clock: Clock
) -> None:
    made = await tokens.create(" ci ", read_only=True, lifetime=30 * DAY)

    token = made.token
    assert (token.name, token.user_id, token.read_only) == ("ci", "ada", True)
    assert token.created_at == clock.now
    assert token.expires_at == clock.now + 30 * DAY
    assert (token.last_used_on, token.revoked_at) == (None, None)
    assert await tokens.list() == [token]
    rows = await fetch_all(store, ROWS)
    assert rows == [("ci", hash_of(made.text), None)]
    everything = await fetch_all(store, "SELECT * FROM todo.token")
    assert made.text not in str(everything)


async def test_a_token_without_a_lifetime_never_expires(
    tokens: TokenService, clock: Clock
) -> None:
    made = await tokens.create("laptop")

    assert made.token.expires_at is None
    assert made.token.state(clock.now + 9_999 * DAY) is TokenState.VALID


@pytest.mark.spec("003/FR-024")
async def test_the_latest_token_comes_first_and_revoked_ones_on_request(
    tokens: TokenService, clock: Clock
) -> None:
    for name in ("a", "b", "c"):
        await tokens.create(name, lifetime=DAY)
        clock.tick()
    await tokens.revoke("b")
    clock.tick(2 * DAY.total_seconds())

    assert [token.name for token in await tokens.list()] == ["c", "a"]
    every = await tokens.list(with_revoked=True)
    assert [(token.name, token.state(clock.now).value) for token in every] == [
        ("c", "expired"),
        ("b", "revoked"),
        ("a", "expired"),
    ]


@pytest.mark.spec("003/FR-011", "003/FR-022")
async def test_a_name_is_free_again_when_its_token_is_revoked(
    store: Store, tokens: TokenService, tokens_of: Make, clock: Clock
) -> None:
    await tokens.create("ci", lifetime=DAY)
    clock.tick(2 * DAY.total_seconds())
    before = await fetch_all(store, ROWS)

    with pytest.raises(Conflict, match="a token ci already"):
        await tokens.create("ci")
    assert await fetch_all(store, ROWS) == before
    await tokens_of("bob").create("ci")
    await tokens.revoke("ci")
    clock.tick()
    assert (await tokens.create("ci")).token.name == "ci"


@pytest.mark.spec("003/FR-011")
async def test_of_several_at_once_one_gets_the_name(
    tokens: TokenService,
) -> None:
    calls = [tokens.create("ci") for _ in range(6)]

    outcomes = await asyncio.gather(*calls, return_exceptions=True)

    refused = [each for each in outcomes if isinstance(each, Conflict)]
    made = [each for each in outcomes if isinstance(each, NewToken)]
    assert (len(made), len(refused)) == (1, 5)
    assert await tokens.list() == [made[0].token]


async def test_a_wrong_name_is_refused_before_anything_is_sent(
    tokens: TokenService,
) -> None:
    with pytest.raises(InvalidInput, match="UUID"):
        await tokens.create(str(uuid4()))
    assert await tokens.list() == []


@pytest.mark.nothing_made
@pytest.mark.spec("003/FR-022")
async def test_only_making_a_token_makes_a_store(
    store: Store, tokens: TokenService, door: Doorkeeper
) -> None:
    before = await what_exists(store)
    assert await tokens.list() == []
    with pytest.raises(NotFound):
        await tokens.revoke("ci")
    assert (await door.look_up(make_text())).verdict is Verdict.UNKNOWN
    assert await what_exists(store) == before

    made = await tokens.create("ci")

    assert await tokens.list() == [made.token]


@pytest.mark.spec("003/FR-016")
async def test_tokens_are_no_operations(
    tokens: TokenService, tasks: TaskService
) -> None:
    await tokens.create("ci")
    await tokens.revoke("ci")

    assert (await tasks.history()).operations == []
    assert (await tasks.add(NewTask(title="a"))).task.number == 1


# Revoked


@pytest.mark.spec("003/FR-025")
async def test_a_token_is_revoked_once(
    tokens: TokenService, clock: Clock
) -> None:
    made = await tokens.create("ci")
    revoked = await tokens.revoke("ci")
    at = clock.now
    clock.tick()

    assert (revoked.is_new, revoked.token.revoked_at) == (True, at)
    for key in ("ci", made.token.id):
        again = await tokens.revoke(key)
        assert (again.is_new, again.token) == (False, revoked.token)


@pytest.mark.spec("003/FR-025")
async def test_of_several_revoked_tokens_the_last_one_is_meant(
    tokens: TokenService, clock: Clock
) -> None:
    first = (await tokens.create("ci")).token
    await tokens.revoke(first.id)
    clock.tick()
    second = (await tokens.create("ci")).token

    # An id names one, whatever has its name now.
    assert (await tokens.revoke(first.id)).is_new is False
    assert await tokens.list() == [second]
    assert (await tokens.revoke(second.id)).is_new is True
    clock.tick()
    assert (await tokens.revoke("ci")).token.id == second.id


@pytest.mark.spec("003/FR-026")
async def test_a_token_of_another_user_does_not_exist(
    tokens: TokenService, tokens_of: Make
) -> None:
    theirs = (await tokens_of("bob").create("ci")).token

    assert await tokens.list(with_revoked=True) == []
    for key in ("ci", theirs.id):
        with pytest.raises(NotFound, match=f"No token {key} for ada"):
            await tokens.revoke(key)
    assert await tokens_of("bob").list() == [theirs]


@pytest.mark.spec("003/FR-025")
async def test_a_trial_revokes_nothing(
    store: Store, tokens: TokenService, tokens_of: Make
) -> None:
    made = await tokens.create("ci")

    tried = await tokens_of("ada", is_trial=True).revoke("ci")

    assert (tried.is_new, tried.token.id) == (True, made.token.id)
    assert await tokens.list() == [made.token]


# Found


@pytest.mark.spec("003/FR-030")
async def test_the_text_leads_to_its_user(
    tokens_of: Make, door: Doorkeeper
) -> None:
    for user in ("ada", "bob"):
        made = await tokens_of(user).create("ci")
        found = await door.look_up(made.text)
        assert (found.verdict, found.user) == (Verdict.VALID, user)
        assert found.token == made.token


@pytest.mark.spec("003/FR-002", "003/FR-031")
async def test_what_opens_nothing_has_no_user_and_a_log_knows_why(
    tokens: TokenService, door: Doorkeeper, clock: Clock
) -> None:
    live = await tokens.create("live", lifetime=DAY)
    gone = await tokens.create("gone", lifetime=DAY)
    await tokens.revoke("gone")
    clock.tick(DAY.total_seconds() - 0.000_001)
    assert (await door.look_up(live.text)).verdict is Verdict.VALID
    clock.tick(0.000_001)

    seen = []
    for text in (live.text, gone.text, make_text(), live.text[:-1], ""):
        found = await door.look_up(text)
        assert found.user is None
        seen.append(found.verdict.value)
    assert seen == ["expired", "revoked", "unknown", "malformed", "malformed"]


@pytest.mark.spec("003/FR-002")
async def test_a_malformed_token_is_refused_without_a_store(
    store: Store, clock: Clock
) -> None:
    async with open_database(store.target) as database:
        found = await Doorkeeper(database, clock).look_up("todo_pat_x")
        # Nothing was opened that could be closed.
        assert (found.verdict, database.is_waiting) == ("malformed", False)


@pytest.mark.spec("003/FR-032")
async def test_the_day_of_a_use_is_written_once_a_day(
    store: Store, tokens: TokenService, door: Doorkeeper, clock: Clock
) -> None:
    made = await tokens.create("ci")
    found = (await door.look_up(made.text)).token
    assert found is not None
    await door.note_use(found)
    first = await write_of(store)
    assert (await tokens.list())[0].last_used_on == date(2026, 1, 2)

    # Two that have found it before the first one noted it.
    await door.note_use(found)
    again = (await door.look_up(made.text)).token
    assert again is not None
    await door.note_use(again)
    assert await write_of(store) == first

    clock.tick(DAY.total_seconds())
    await door.note_use(again)
    assert (await tokens.list())[0].last_used_on == date(2026, 1, 3)
    # A server whose clock is behind does not set it back.
    clock.tick(-DAY.total_seconds())
    await door.note_use(found)
    assert (await tokens.list())[0].last_used_on == date(2026, 1, 3)


async def write_of(store: Store) -> Any:
    """What tells one write of the row from the next, or the day itself."""
    if store.kind == "postgresql":
        return await fetch_all(store, "SELECT xmin::text FROM todo.token")
    return await fetch_all(store, "SELECT last_used_on FROM todo.token")


# What another program stored


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_token_that_cannot_be_read_opens_nothing(
    store: Store, tokens: TokenService, door: Doorkeeper
) -> None:
    made = await tokens.create("ci", lifetime=DAY)
    await break_rules(store, "UPDATE token SET expires_at = 'soon'")

    for call in (tokens.list(), door.look_up(made.text)):
        with pytest.raises(SchemaMismatch, match="cannot be read"):
            await call
    with pytest.raises(SchemaMismatch, match="; it is revoked"):
        await tokens.revoke("ci")
    kept = "SELECT count(*) FROM todo.token WHERE revoked_at IS NULL"
    assert await fetch_all(store, kept) == [(0,)]


async def break_rules(store: Store, sql: str) -> None:
    """Store what the CHECKs refuse."""
    with closing(sqlite3.connect(file_of(store))) as file, file:
        file.execute("PRAGMA ignore_check_constraints = ON")
        file.execute(sql)


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
async def test_a_time_beyond_the_calendar_opens_nothing(
    store: Store, tokens: TokenService, door: Doorkeeper
) -> None:
    made = await tokens.create("ci", lifetime=DAY)
    await run_sql(
        store, "ALTER TABLE todo.token DROP CONSTRAINT expires_at_instant"
    )
    await run_sql(store, "UPDATE todo.token SET expires_at = '20000-01-01Z'")

    with pytest.raises(SchemaMismatch, match="cannot be read"):
        await door.look_up(made.text)
    with pytest.raises(SchemaMismatch, match="; it is revoked"):
        await tokens.revoke("ci")


DROP = """CREATE TRIGGER t BEFORE INSERT ON token
    BEGIN SELECT RAISE(IGNORE); END"""


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_token_that_the_database_drops_is_not_shown(
    store: Store, tokens: TokenService
) -> None:
    await run_sql(store, DROP)

    with pytest.raises(Conflict, match="has dropped the token"):
        await tokens.create("ci")
