"""`todo db policy --server`: the role of a server has the rows of one user at a time, even
where a statement forgets whose it is.
"""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from tests.api.provider import PROVIDER, key_set
from tests.api.support import TASKS, Log, add, context_for, data
from tests.api.support import opened as opened_app
from tests.api.test_auth_matrix import Attempt, Matrix, attempts, made_tokens
from tests.api.test_isolation import without_ids
from tests.api.tokens import bearing, make_token, revoke_token
from tests.service.backdoor import fetch_all
from tests.support.blocking import wait_for
from tests.support.postgres import PostgresCluster
from tests.support.stores import Clock, Store, make
from todo_cli.api.auth import Access
from todo_cli.api.jwts import Jwts
from todo_cli.api.keys import Keys
from todo_cli.api.wrongs import Wrongs
from todo_cli.database import run
from todo_cli.database.engine import open_database
from todo_cli.database.policy import recipe
from todo_cli.service import TaskService
from todo_cli.task import NewTask
from todo_cli.tokens import Doorkeeper

SERVER = 'the server\'s; --"x"'
PASSWORD = "kept by the server"
WHOSE = re.compile(
    r"[\w.]+\.user_id OPERATOR\(pg_catalog\.=\) (:user::pg_catalog\.text)"
)
"""What limits a statement to the tasks of its user."""


@pytest.fixture(scope="module")
def walled_before(own_postgres: PostgresCluster) -> Iterator[str]:
    """A database in which the recipe was run, for the tests to copy."""
    name = own_postgres.create_database()
    wait_for(make(Store("postgresql", own_postgres.url(name))))
    for _ in range(2):
        own_postgres.run_sql(name, recipe(["mallory"], SERVER))
    quoted = '"' + SERVER.replace('"', '""') + '"'
    own_postgres.run_sql(name, f"ALTER ROLE {quoted} PASSWORD '{PASSWORD}'")
    yield name
    for each in (quoted, "mallory"):
        own_postgres.run_sql(name, f"DROP OWNED BY {each}")
    own_postgres.drop_database(name)
    own_postgres.run_sql("postgres", f"DROP ROLE {quoted}, mallory")


@pytest.fixture
def owned(
    own_postgres: PostgresCluster, walled_before: str
) -> Iterator[Store]:
    """A store whose server has a role of its own, as its owner sees it."""
    name = own_postgres.create_database(template=walled_before)
    yield Store("postgresql", own_postgres.url(name))
    own_postgres.drop_database(name)


@pytest.fixture
def walled(own_postgres: PostgresCluster, owned: Store) -> Store:
    """The same store, as its server sees it."""
    database = owned.url.rpartition("/")[2]
    url = own_postgres.url(database, user=SERVER, password=PASSWORD)
    return Store("postgresql", url)


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A build whose statements forget whose tasks they are about; what was changed."""
    changed: list[str] = []
    begin = run.Statement.__init__

    def forget(
        self: run.Statement, sql: str, *more: Any, **options: Any
    ) -> None:
        open_to_all = WHOSE.sub(r"(\1 IS NOT NULL)", sql)
        if open_to_all != sql:
            changed.append(sql)
        begin(self, open_to_all, *more, **options)

    monkeypatch.setattr(run.Statement, "__init__", forget)
    run.load.cache_clear()
    yield changed
    run.load.cache_clear()


@asynccontextmanager
async def matrix_of(
    owned: Store, seen: Store, clock: Clock
) -> AsyncIterator[Matrix]:
    """The application as `seen` lets it see the store, with tasks of three users."""
    tokens = await made_tokens(owned, clock)
    async with opened_app(context_for(owned.target, clock, Log())) as client:
        mine = await add(client, "mine", user="mallory", tags=["x"])
        theirs = await add(client, "canary", user="ada", tags=["x"])
        # Whatever is theirs is named so that it is found in an answer.
        await client.patch(
            f"{TASKS}/{theirs['id']}", json={"project": "canary"}
        )
    clock.tick(2)
    identity = Jwts(PROVIDER, Keys(key_set))
    access = Access(identity=identity, wrongs=Wrongs(within_s=0))
    context = context_for(seen.target, clock, Log(), access=access)
    ids = {"own": mine["id"], "foreign": theirs["id"], "missing": str(uuid4())}
    async with opened_app(context) as client:
        yield Matrix(client, tokens, ids, owned)


async def theirs_in(store: Store) -> list[list[tuple[object, ...]]]:
    """All that others than mallory have."""
    return [
        await fetch_all(
            store,
            f"SELECT * FROM todo.{table} WHERE user_id <> 'mallory' "
            f"ORDER BY {table}::text",
        )
        for table in ("task", "tag", "operation", "change", "counter", "token")
    ]


async def select(
    store: Store, sql: str, user: str | None = None, token: str | None = None
) -> list[tuple[object, ...]]:
    """The rows of a statement of somebody's who has the role of the server."""
    connection = await asyncpg.connect(store.url)
    try:
        async with connection.transaction():
            for name, value in (("user", user), ("token", token)):
                if value is not None:
                    await connection.fetch(
                        "SELECT set_config($1, $2, true)",
                        f"todo.{name}",
                        value,
                    )
            return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


@pytest.mark.spec("003/FR-040", "003/FR-041")
async def test_a_forgotten_condition_shows_and_changes_nothing_of_others(
    owned: Store, walled: Store, clock: Clock, forgetful: list[str]
) -> None:
    statuses = set()
    async with matrix_of(owned, walled, clock) as matrix:
        before = await theirs_in(owned)
        tried: dict[Attempt, tuple[int, str]] = {}
        for attempt in attempts(("own", "JWT")):
            response = await matrix.ask(attempt)

            assert "canary" not in response.text, attempt
            assert response.status_code < 500, (attempt, response.text)
            statuses.add(response.status_code)
            tried[attempt] = response.status_code, without_ids(response.text)
        assert await theirs_in(owned) == before

    assert {200, 201, 404, 405} <= statuses
    for attempt, answer in tried.items():
        if attempt.whose == "foreign":
            assert answer == tried[replace(attempt, whose="missing")], attempt
    assert len(forgetful) > 10


async def test_the_owner_would_show_all_of_it(
    owned: Store, clock: Clock, forgetful: list[str]
) -> None:
    async with matrix_of(owned, owned, clock) as matrix:
        shown = await matrix.client.get(
            "/api/mallory/tasks", headers=bearing(str(matrix.tokens["own"]))
        )

    assert {each["title"] for each in data(shown)} == {"mine", "canary"}


@pytest.mark.spec("003/FR-040")
async def test_a_server_works_with_the_tasks_of_each_user(
    owned: Store, walled: Store, clock: Clock
) -> None:
    texts = {
        user: await make_token(owned, clock, user=user)
        for user in ("ada", "bob", SERVER)
    }
    access = Access(wrongs=Wrongs())
    context = context_for(walled.target, clock, Log(), access=access)
    async with opened_app(context) as client:
        for user in ("ada", "bob"):
            client.headers.update(bearing(texts[user]))
            path = f"/api/{user}/tasks"
            task = data(await client.post(path, json={"title": user}), 201)
            one = f"{path}/{task['number']}"
            data(await client.put(one, json={"title": "x", "tags": ["y"]}))
            data(await client.delete(one))
            data(await client.post(f"{one}/restore", json={}))
            assert [
                each["title"] for each in data(await client.get(path))
            ] == ["x"]
            assert data(await client.get("/api/me"))["user_id"] == user
    used = "SELECT user_id FROM todo.token WHERE last_used_on IS NOT NULL"
    assert set(await fetch_all(owned, used)) == {("ada",), ("bob",)}

    await revoke_token(owned, clock, "laptop", user="bob")
    async with open_database(walled.target) as database:
        door = Doorkeeper(database, clock)
        found = {
            user: (await door.look_up(text)).verdict.value
            for user, text in texts.items()
        }
    assert found == {"ada": "valid", "bob": "revoked", SERVER: "valid"}


@pytest.mark.spec("003/FR-041")
async def test_the_role_has_no_row_but_those_of_the_user_named(
    owned: Store, walled: Store, clock: Clock
) -> None:
    for user in ("ada", "bob", SERVER):
        await make_token(owned, clock, user=user)
        async with open_database(owned.target) as database:
            tasks = TaskService(database, user, clock)
            await tasks.add(NewTask("one", tags=["x"]))

    for table in ("task", "tag", "operation", "change", "counter", "token"):
        sql = f"SELECT DISTINCT user_id FROM todo.{table}"
        assert await select(walled, sql) == []
        assert await select(walled, sql, user="") == []
        assert await select(walled, sql, user="nobody") == []
        assert await select(walled, sql, user="ada") == [("ada",)]
        assert await select(walled, sql, user=SERVER) == [(SERVER,)]
        for change in (
            f"UPDATE todo.{table} SET user_id = 'bob'",
            f"INSERT INTO todo.{table} SELECT * FROM todo.{table}",
        ):
            with pytest.raises(asyncpg.PostgresError):
                await select(walled, change, user="ada")


@pytest.mark.spec("003/FR-042")
async def test_a_hash_shows_its_own_token_and_changes_none(
    owned: Store, walled: Store, clock: Clock
) -> None:
    for user in ("ada", "bob"):
        await make_token(owned, clock, user=user)
    of_ada = "SELECT encode(hash, 'hex') FROM todo.token WHERE user_id = 'ada'"
    [(hash,)] = await fetch_all(owned, of_ada)
    whose = "SELECT user_id FROM todo.token"

    assert await select(walled, whose, token=str(hash)) == [("ada",)]
    for wrong in ("", "%", str(hash)[:-1], "0" * 64, str(hash).upper()):
        assert await select(walled, whose, token=wrong) == []
    used = "UPDATE todo.token SET last_used_on = now() RETURNING user_id"
    assert await select(walled, used, token=str(hash)) == []
    assert await select(walled, used, user="bob") == [("bob",)]
    assert (
        await select(walled, "SELECT 1 FROM todo.task", token=str(hash)) == []
    )


@pytest.mark.spec("003/FR-041")
async def test_a_person_is_not_somebody_else_by_a_setting(
    own_postgres: PostgresCluster, owned: Store, clock: Clock
) -> None:
    await make_token(owned, clock, user="ada")
    own_postgres.run_sql(
        "postgres", f"ALTER ROLE mallory PASSWORD '{PASSWORD}'"
    )
    database = owned.url.rpartition("/")[2]
    url = own_postgres.url(database, user="mallory", password=PASSWORD)

    rows = await select(
        Store("postgresql", url), "SELECT 1 FROM todo.token", user="ada"
    )

    assert rows == []


@pytest.mark.spec("003/FR-040")
async def test_a_connection_finds_out_whether_there_is_such_a_role(
    owned: Store, postgres_store: Store, clock: Clock
) -> None:
    for store, has_walls in ((owned, True), (postgres_store, False)):
        async with open_database(store.target) as database:
            await TaskService(database, "ada", clock).add(NewTask("one"))

            async def look(connection: Any) -> object:
                return connection.driver.has_walls

            assert await database.run(look) is has_walls


@pytest.mark.spec("003/FR-040")
async def test_nothing_is_left_on_the_connection(
    owned: Store, walled: Store, clock: Clock
) -> None:
    everything = run.Statement("SELECT user_id FROM todo.task")
    async with open_database(walled.target, pool_size=1) as database:
        await TaskService(database, "ada", clock).add(NewTask("one"))

        async def look(connection: run.Connection) -> list[run.Row]:
            return await connection.fetch(everything)

        assert await database.run(look) == []
