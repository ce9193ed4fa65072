"""The table of tokens: what it refuses, how it is upgraded to, and how it is searched."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from typing import Any

import pytest

from tests.database.conftest import opened
from tests.service.backdoor import REFUSALS, fetch_all, run_sql
from tests.support.postgres import PostgresCluster
from tests.support.stores import Clock, Store
from tests.support.turns import Fault, TurnProxy
from todo_cli.database.engine import Database
from todo_cli.database.run import Connection, Statement
from todo_cli.errors import Conflict, OutcomeUnknown
from todo_cli.token_text import hash_of
from todo_cli.tokens import TokenService

ID = "'6f9619ff-8b86-4d01-b42d-00cf4fc964ff'"
NOON = "'2026-01-02T12:00:00.000000Z'"
HASH = {"sqlite": "x'{}'", "postgresql": "decode('{}', 'hex')"}
COUNT = "SELECT count(*) FROM todo.token"


def row(store: Store, **values: str) -> str:
    """An INSERT of a token that is right but for these values, as SQL."""
    given = {
        "id": ID,
        "user_id": "'ada'",
        "name": "'ci'",
        "read_only": "false",
        "hash": hexed(store, "00" * 32),
        "created_at": NOON,
        "expires_at": "NULL",
        "last_used_on": "NULL",
        "revoked_at": "NULL",
    } | values
    columns = ", ".join(given)
    return f"INSERT INTO todo.token ({columns}) VALUES ({', '.join(given.values())})"


def hexed(store: Store, digits: str) -> str:
    """Bytes as SQL."""
    return HASH[store.kind].format(digits)


def broken(store: Store) -> Iterator[dict[str, str]]:
    """Values that break a rule."""
    yield {"user_id": "''"}
    yield {"user_id": "'a/b'"}
    yield {"user_id": "NULL"}
    yield {"name": "''"}
    yield {"name": "' ci'"}
    yield {"name": f"'{'x' * 101}'"}
    yield {"name": "'a\x1bb'"}
    yield {"name": "NULL"}
    yield {"read_only": "NULL"}
    yield {"hash": hexed(store, "00" * 31)}
    yield {"hash": hexed(store, "00" * 33)}
    yield {"hash": "NULL"}
    yield {"created_at": "'1899-12-31T23:59:59.999999Z'"}
    yield {"created_at": "NULL"}
    yield {"expires_at": NOON}
    yield {"expires_at": "'9999-01-01T00:00:00.000000Z'"}
    yield {"revoked_at": "'9999-01-01T00:00:00.000000Z'"}
    yield {"last_used_on": "'9999-01-01'"}
    if store.kind == "sqlite":
        yield {"id": "'1'"}
        yield {"hash": f"'{'x' * 32}'"}
        yield {"read_only": "2"}
        yield {"read_only": "'yes'"}
        yield {"expires_at": "'soon'"}
        yield {"last_used_on": "'2026-02-30'"}
    else:
        yield {"expires_at": "'infinity'"}
        yield {"last_used_on": "'infinity'"}


@pytest.mark.spec("003/FR-012")
async def test_both_stores_refuse_what_breaks_a_rule(store: Store) -> None:
    taken = []
    for values in broken(store):
        with suppress(*REFUSALS):
            await run_sql(store, row(store, **values))
            taken.append(values)
    assert taken == []

    await run_sql(store, row(store))
    assert await fetch_all(store, COUNT) == [(1,)]


@pytest.mark.spec("003/FR-011", "003/FR-012")
async def test_ids_hashes_and_names_are_unique(store: Store) -> None:
    other = "'00000000-0000-4000-8000-000000000001'"
    ones = hexed(store, "01" * 32)
    await run_sql(store, row(store))

    for values in (
        {"hash": ones, "name": "'b'"},
        {"id": other, "name": "'b'"},
        {"id": other, "hash": ones},
    ):
        with pytest.raises(REFUSALS):
            await run_sql(store, row(store, **values))
    # Of those that are revoked any number may have a name; so may others.
    await run_sql(store, row(store, id=other, hash=ones, revoked_at=NOON))
    third = "'00000000-0000-4000-8000-000000000002'"
    twos = hexed(store, "02" * 32)
    await run_sql(store, row(store, id=third, hash=twos, user_id="'bob'"))
    assert await fetch_all(store, COUNT) == [(3,)]


@pytest.mark.spec("003/FR-030")
async def test_a_hash_is_found_by_its_index(
    store: Store, database: Database
) -> None:
    async def plan(connection: Connection) -> str:
        sql = connection.statements["token_of_hash"].sql
        explain = "EXPLAIN QUERY PLAN "
        if not connection.is_sqlite:
            explain = "EXPLAIN (COSTS OFF) "
            await connection.execute("SET enable_seqscan = off")
            await connection.execute("SET enable_bitmapscan = off")
        rows = await connection.fetch(Statement(explain + sql), hash=b"")
        if not connection.is_sqlite:
            await connection.execute("RESET ALL")
        return "\n".join(str(row[-1]) for row in rows)

    assert "token_hash_idx" in await database.run(plan)


# A line that is cut


@pytest.fixture
async def tokens(
    own_postgres: PostgresCluster, place: str, line: TurnProxy, clock: Clock
) -> AsyncIterator[TokenService]:
    """The tokens of ada over the line, in a store that is made and connected."""
    url = own_postgres.url(place)
    async with opened(url) as direct:
        await direct.upgrade()
    over = url.replace(f":{own_postgres.port}/", f":{line.port}/")
    async with opened(over) as database:
        service = TokenService(database, "ada", clock)
        await service.list()
        yield service


def stored(own_postgres: PostgresCluster, place: str) -> Sequence[Any]:
    """What is in the table."""
    return own_postgres.fetch(
        place, "SELECT name, hash, revoked_at IS NULL FROM todo.token"
    )


def cut_next(line: TurnProxy) -> None:
    """Lose the answer of the next statement, which is the second request of it."""
    begun = sum(kinds not in ("", "p") for kinds in line.requests)
    line.faults.append(Fault("after", request=begun + 2))


@pytest.mark.spec("003/FR-027")
async def test_a_token_whose_answer_was_lost_is_there_once(
    own_postgres: PostgresCluster,
    place: str,
    line: TurnProxy,
    tokens: TokenService,
) -> None:
    cut_next(line)

    made = await tokens.create("ci")

    assert line.connections == 2
    [(name, hash, is_kept)] = stored(own_postgres, place)
    assert (name, hash, is_kept) == ("ci", hash_of(made.text), True)


@pytest.mark.spec("003/FR-027")
async def test_a_revocation_whose_answer_was_lost_is_this_one(
    own_postgres: PostgresCluster,
    place: str,
    line: TurnProxy,
    tokens: TokenService,
    clock: Clock,
) -> None:
    await tokens.create("ci")
    cut_next(line)

    revoked = await tokens.revoke("ci")

    assert (revoked.is_new, revoked.token.revoked_at) == (True, clock.now)
    assert line.connections == 2
    assert [is_kept for *_, is_kept in stored(own_postgres, place)] == [False]


@pytest.mark.spec("003/FR-027")
async def test_a_token_that_nobody_has_can_be_revoked_by_its_name(
    own_postgres: PostgresCluster,
    place: str,
    line: TurnProxy,
    tokens: TokenService,
) -> None:
    cut_next(line)
    line.faults.append(Fault("after", request=2, connection=2))

    with pytest.raises(OutcomeUnknown):
        await tokens.create("ci")

    assert len(stored(own_postgres, place)) == 1
    with pytest.raises(Conflict):
        await tokens.create("ci")
    assert (await tokens.revoke("ci")).is_new
    assert (await tokens.create("ci")).token.name == "ci"
