"""`todo db policy`: several people in one database, kept apart by PostgreSQL itself."""

import json
import re
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from tests.cli.expect import assert_document, assert_refused
from tests.support.blocking import wait_for
from tests.support.candidates import good, take
from tests.support.postgres import PostgresCluster
from tests.support.program import Todo
from tests.support.site import MAY_HALF_CLOSE, Site
from tests.support.stores import Clock
from tests.support.turns import TurnProxy
from todo_cli.database.engine import open_database
from todo_cli.database.schema import HEAD
from todo_cli.database.survey import survey
from todo_cli.database.url import parse_url
from todo_cli.errors import Conflict, Forbidden, NotFound
from todo_cli.service import TaskService
from todo_cli.task import NewTask, Operation, Replacement, TaskChange
from todo_cli.tokens import Doorkeeper

pytestmark = MAY_HALF_CLOSE

OWNER = "neondb_owner"
PEOPLE = ("ada", "bob", 'Zoë O\'Neil; --"x"')
SERVER = "the server"
ROLES = (*PEOPLE, SERVER)
SECRET = "secret of {}"
EVERYTHING = "SELECT t, c FROM todo.task t FULL JOIN todo.counter c USING (user_id) ORDER BY user_id"


@pytest.fixture(scope="module")
def owner_role(own_postgres: PostgresCluster) -> Iterator[None]:
    """A role as Neon's console makes it, for the owners of databases."""
    own_postgres.run_sql(
        "postgres",
        f"CREATE ROLE {OWNER} LOGIN CREATEROLE CREATEDB BYPASSRLS"
        f" PASSWORD '{SECRET.format(OWNER)}'",
    )
    yield
    own_postgres.run_sql("postgres", f"DROP ROLE {OWNER}")


@pytest.fixture
def owned_site(blank_site: Site, owner_role: None) -> Iterator[Site]:
    """An empty database whose owner is that role."""
    site = blank_site
    be_owned(site)
    yield site
    site.server.run_sql(
        site.database,
        f"ALTER DATABASE {site.database} OWNER TO CURRENT_USER;"
        f"DROP OWNED BY {OWNER} CASCADE",
    )


@pytest.fixture(scope="module")
def shared_before(
    own_postgres: PostgresCluster, owner_role: None
) -> Iterator[list[str]]:
    """The database that `shared` copies, once it is made."""
    made: list[str] = []
    yield made
    for name in made:
        people = ", ".join(map(quoted, ROLES))
        own_postgres.run_sql(name, f"DROP OWNED BY {people}")
        own_postgres.drop_database(name)
        own_postgres.run_sql("postgres", f"DROP ROLE {people}")


@pytest.fixture
def shared(
    site: Site, proxy: TurnProxy, shared_before: list[str]
) -> Iterator[Site]:
    """A database that three people share, by the printed recipe; each has a task."""
    server = site.server
    if not shared_before:
        first = replace(site, database=server.create_database())
        shared_before.append(first.database)
        be_owned(first)
        owner = as_role(first, proxy, OWNER)
        for person in PEOPLE:
            added = owner("add", f"task of {person}", user=person)
            assert added.status == 0
        recipe = owner("db", "policy", *PEOPLE, "--server", SERVER).out
        wait_for(run_as_owner(first, with_passwords(recipe, ROLES)))
    name = server.create_database(template=shared_before[0])
    copy = replace(site, database=name)
    be_owned(copy)
    yield copy
    server.drop_database(name)


def be_owned(site: Site) -> None:
    """Give a database to the owner."""
    site.server.run_sql(
        site.database, f"ALTER DATABASE {site.database} OWNER TO {OWNER}"
    )


@contextmanager
def altered(site: Site, role: str, change: str, back: str) -> Iterator[None]:
    """Change a role, which other tests have too, for a while."""
    site.server.run_sql(site.database, f"ALTER ROLE {role} {change}")
    try:
        yield
    finally:
        site.server.run_sql(site.database, f"ALTER ROLE {role} {back}")


def quoted(name: str) -> str:
    """A role's name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def with_passwords(recipe: str, people: Sequence[str]) -> str:
    """The recipe as it is printed, and then the passwords, by the statements that its
    head names.
    """
    statements = re.findall(
        r"^--  +(ALTER ROLE .* PASSWORD )'\.\.\.';$",
        recipe,
        flags=re.MULTILINE,
    )
    assert len(statements) == len(people), recipe
    secrets = [
        SECRET.format(person).replace("\\", "\\\\").replace("'", "''")
        for person in people
    ]
    return recipe + "".join(
        f"{begun}E'{secret}';\n"
        for begun, secret in zip(statements, secrets, strict=True)
    )


async def run_as_owner(site: Site, sql: str) -> None:
    """Run SQL as the owner that is no superuser."""
    url = site.server.url(
        site.database, user=OWNER, password=SECRET.format(OWNER)
    )
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def fetch_as(
    site: Site, role: str, sql: str
) -> list[tuple[object, ...]]:
    """The rows that a role gets by SQL of its own."""
    connection = await asyncpg.connect(
        site.server.url(site.database, user=role, password=SECRET.format(role))
    )
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


def as_role(site: Site, proxy: TurnProxy, role: str) -> Todo:
    """The program, logged in as a role."""
    return site.todo(
        site.url(
            "127.0.0.1", proxy.port, user=role, password=SECRET.format(role)
        )
    )


@pytest.mark.parametrize("person", PEOPLE)
def test_a_role_works_with_its_own_tasks(
    shared: Site, proxy: TurnProxy, person: str
) -> None:
    run = as_role(shared, proxy, person)

    said = [
        run(*command, user=person).out
        for command in (
            ["add", "Buy milk"],
            ["update", "2", "--title", "Buy oat milk"],
            ["done", "2"],
            ["delete", "1"],
        )
    ]

    assert said == [
        "Added 2: Buy milk\n",
        "Updated 2: Buy oat milk\n",
        "Done 2: Buy oat milk\n",
        f"Deleted 1: task of {person}\n",
    ]
    assert [
        task["number"]
        for task in run("list", "--status", "all", "--json", user=person).data
    ] == [2]
    assert run("add", "-", stdin=b"one\ntwo\n", user=person).status == 0


@pytest.mark.parametrize("user", ["bob", "nobody"])
def test_a_role_sees_nothing_of_anybody_else(
    shared: Site, proxy: TurnProxy, user: str
) -> None:
    run = as_role(shared, proxy, "ada")

    assert run("list", "--status", "all", "--json", "--user", user).data == []
    assert_refused(run, "--user", user, "show", "1", code="NOT_FOUND")
    assert run("doctor", "--json", "--user", user).data["tasks"] == 0


def test_an_import_names_an_id_that_the_role_cannot_see(
    shared: Site, clock: Clock
) -> None:
    """The server says that an id is taken, and not which one."""
    wait_for(import_hidden(shared, clock))


async def import_hidden(shared: Site, clock: Clock) -> None:
    """Import an id of bob's as ada."""
    owner = shared.server.url(
        shared.database, user=OWNER, password=SECRET.format(OWNER)
    )
    hidden = good(5, user_id="bob")
    for person, url in (("bob", owner), ("ada", role_url(shared, "ada"))):
        async with open_database(parse_url(url, cwd=Path("/"))) as database:
            tasks = TaskService(database, person, clock)
            if person == "bob":
                await take(tasks, hidden)
                continue
            given = [good(place) for place in (1, 2, 3, 4, 5, 6, 7)]
            with pytest.raises(Conflict) as caught:
                await take(tasks, *given)
            assert "000005 of a.json belongs" in caught.value.message
            assert len((await tasks.list()).tasks) == 1
            given.pop(4)
            assert (await take(tasks, *given)).added == 6


def role_url(site: Site, role: str) -> str:
    """The connection string of a role."""
    return site.server.url(
        site.database, user=role, password=SECRET.format(role)
    )


def test_a_role_is_told_whose_tasks_it_may_keep(
    shared: Site, proxy: TurnProxy
) -> None:
    run = as_role(shared, proxy, "ada")

    for command in (["add", "x"], ["add", "-"]):
        error = assert_refused(
            run, *command, "--user", "bob", code="FORBIDDEN", stdin=b"x\n"
        )
        assert error["message"].startswith(
            "The role of this connection may only keep the tasks of the user "
            "of its own name in "
        )
        assert error["hint"].startswith(
            "leave out --user, or log in with the role of that person; "
        )


def test_a_role_that_turns_its_policy_off_hears_what_to_set(
    shared: Site, proxy: TurnProxy
) -> None:
    run = as_role(shared, proxy, "ada")

    with altered(shared, "ada", "SET row_security = off", "RESET ALL"):
        for command in (["list"], ["add", "x"], ["done", "1"]):
            error = assert_refused(run, *command, code="FORBIDDEN")
            assert error["hint"] == "set `row_security` to `on` again"


def test_a_role_that_imports_for_others_hears_who_can(
    shared: Site, proxy: TurnProxy
) -> None:
    path = shared.cwd / "source.db"
    embedded = shared.todo(f"sqlite:///{path}")
    assert embedded("add", "his", "--user", "bob").status == 0
    before = shared.fetch(EVERYTHING)

    error = assert_refused(
        as_role(shared, proxy, "ada"),
        *("db", "import", str(path)),
        code="FORBIDDEN",
    )

    assert "log in with a role that may bypass it" in error["hint"]
    assert shared.fetch(EVERYTHING) == before


@pytest.mark.parametrize("user", ["bob", "nobody"])
def test_a_role_changes_nothing_of_anybody_else(
    shared: Site, proxy: TurnProxy, user: str
) -> None:
    before = shared.fetch(EVERYTHING)
    run = as_role(shared, proxy, "ada")

    for code, *command in (
        ("FORBIDDEN", "add", "Buy milk"),
        ("FORBIDDEN", "add", "-"),
        ("NOT_FOUND", "update", "1", "--title", "mine"),
        ("NOT_FOUND", "done", "1"),
        ("NOT_FOUND", "done", "1-9"),
        ("NOT_FOUND", "delete", "1"),
    ):
        assert_document(
            run("--user", user, "--json", *command, stdin=b"one\ntwo\n"),
            code=code,
        )
        assert shared.fetch(EVERYTHING) == before


def test_a_role_cannot_take_an_id_of_anybody_else(
    shared: Site, proxy: TurnProxy
) -> None:
    [(id,)] = shared.fetch("SELECT id FROM todo.task WHERE user_id = 'bob'")

    ran = as_role(shared, proxy, "ada")(
        "add", "mine", "--id", str(id), "--json"
    )

    assert ran.error["code"] in ("CONFLICT", "FORBIDDEN")
    assert shared.fetch(
        f"SELECT user_id, title FROM todo.task WHERE id = '{id}'"
    ) == [("bob", "task of bob")]


def test_a_role_cannot_get_round_the_program(shared: Site) -> None:
    assert wait_for(
        fetch_as(shared, "ada", "SELECT title FROM todo.task")
    ) == [("task of ada",)]
    assert wait_for(
        fetch_as(shared, "ada", "SELECT user_id FROM todo.counter")
    ) == [("ada",)]
    for sql in (
        "UPDATE todo.task SET user_id = 'bob'",
        "INSERT INTO todo.counter (user_id, last) VALUES ('carol', 7)",
        "ALTER TABLE todo.task DISABLE ROW LEVEL SECURITY",
        "DROP TABLE todo.task",
        "DELETE FROM todo.counter",
        "UPDATE todo.alembic_version SET version_num = 'x'",
        "CREATE TABLE todo.more (n int)",
        "TRUNCATE todo.task",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            wait_for(fetch_as(shared, "ada", sql))
    assert (
        wait_for(
            fetch_as(
                shared,
                "ada",
                "DELETE FROM todo.task WHERE user_id = 'bob' RETURNING 1",
            )
        )
        == []
    )


def test_a_role_costs_no_turn_more(shared: Site, proxy: TurnProxy) -> None:
    run = as_role(shared, proxy, "ada")
    for command in (["add", "Buy milk"], ["list"], ["done", "1"]):
        proxy.reset()
        assert run(*command).status == 0
        assert proxy.turns == 6


def test_doctor_says_whom_the_policy_binds(
    shared: Site, proxy: TurnProxy
) -> None:
    data = as_role(shared, proxy, "ada")("doctor", "--json").data
    assert (
        data["role"],
        data["bypasses_row_level_security"],
        data["tasks"],
    ) == (
        "ada",
        False,
        1,
    )

    data = as_role(shared, proxy, OWNER)("doctor", "--json").data
    assert (data["role"], data["bypasses_row_level_security"]) == (OWNER, True)


@pytest.mark.spec("002/FR-164")
def test_doctor_tells_a_bound_role_nothing_of_others(
    shared: Site, proxy: TurnProxy
) -> None:
    shared.server.run_sql(
        shared.database,
        "UPDATE todo.counter SET last = 0 WHERE user_id = 'bob'",
    )

    def behind(role: str) -> object:
        run = as_role(shared, proxy, role)
        return run("doctor", "--json").data["counters_behind"]

    assert behind(OWNER) == ["bob"]
    assert behind("bob") == ["bob"]
    assert behind("ada") == []


def test_the_owner_still_sees_everybody(
    shared: Site, proxy: TurnProxy
) -> None:
    run = as_role(shared, proxy, OWNER)

    assert [
        len(run("list", "--json", user=person).data) for person in PEOPLE
    ] == [
        1,
        1,
        1,
    ]


def test_the_policy_binds_an_owner_without_that_privilege_too(
    shared: Site, proxy: TurnProxy
) -> None:
    run = as_role(shared, proxy, OWNER)

    with altered(shared, OWNER, "NOBYPASSRLS", "BYPASSRLS"):
        assert run("list", "--json", user="bob").data == []
        data = run("doctor", "--json").data
        assert data["bypasses_row_level_security"] is False


def test_the_recipe_can_be_run_again(shared: Site, proxy: TurnProxy) -> None:
    owner = as_role(shared, proxy, OWNER)

    wait_for(run_as_owner(shared, owner("db", "policy", *PEOPLE).out))

    assert (
        as_role(shared, proxy, "ada")("--user", "bob", "list", "--json").data
        == []
    )


@pytest.mark.spec("002/FR-079")
def test_the_recipe_fails_rather_than_keep_everybody_waiting(
    shared: Site, proxy: TurnProxy
) -> None:
    """A reader whose transaction stays open: un-fao/GeoID#1233."""
    recipe = as_role(shared, proxy, OWNER)("db", "policy", "carol").out

    async def run_beside_a_reader() -> None:
        reader = await asyncpg.connect(shared.server.url(shared.database))
        try:
            await reader.execute("BEGIN; SELECT FROM todo.task")
            await run_as_owner(shared, recipe)
        finally:
            await reader.close()

    with pytest.raises(asyncpg.LockNotAvailableError):
        wait_for(run_beside_a_reader())
    roles = shared.server.fetch(
        shared.database, "SELECT FROM pg_roles WHERE rolname = 'carol'"
    )
    assert roles == []


def test_the_recipe_changes_nothing_by_itself(
    owned_site: Site, proxy: TurnProxy
) -> None:
    owner = as_role(owned_site, proxy, OWNER)
    assert owner("add", "Buy milk").status == 0

    in_words, in_json = (
        owner("db", "policy", "carol", "dave"),
        owner("db", "policy", "carol", "dave", "--json"),
    )

    assert in_json.data == {"sql": in_words.out}
    assert owner("db", "policy").out == owner("db", "policy", "ada").out
    assert owned_site.fetch(
        "SELECT relrowsecurity FROM pg_class WHERE relname = 'task'"
    ) == [(False,)]
    assert owned_site.fetch(
        "SELECT count(*) FROM pg_roles WHERE rolname IN ('carol', 'dave')"
    ) == [(0,)]


def test_the_recipe_takes_no_name_that_is_none(
    site: Site, plain_url: str
) -> None:
    for name in ("a/b", "..", "", "a\nb", "x" * 256):
        assert site.todo(plain_url)("db", "policy", name).status == 2


def test_says_who_may_make_the_tables(
    owned_site: Site, proxy: TurnProxy
) -> None:
    site = owned_site
    site.server.run_sql(
        site.database,
        f"CREATE ROLE carol LOGIN PASSWORD '{SECRET.format('carol')}'",
    )
    try:
        run = as_role(site, proxy, "carol")
        error = assert_refused(
            run, "add", "Buy milk", "-u", "carol", code="FORBIDDEN"
        )
        assert "todo db upgrade --sql" in error["hint"]
        assert_refused(run, "db", "upgrade", code="FORBIDDEN")
        assert run("list", "--json").data == []

        wait_for(run_as_owner(site, run("db", "upgrade", "--sql").out))
        wait_for(run_as_owner(site, run("db", "policy", user="carol").out))

        assert (
            run("add", "Buy milk", user="carol").out
            == "Added 1: Buy milk (new list for carol)\n"
        )
        assert run("db", "upgrade", "--json").data == {
            "version": HEAD,
            "created": False,
            "word_index": "none",
        }
    finally:
        site.server.run_sql(
            site.database, "DROP OWNED BY carol; DROP ROLE carol"
        )


def test_says_that_rights_are_lacking(
    owned_site: Site, proxy: TurnProxy
) -> None:
    site = owned_site
    assert as_role(site, proxy, OWNER)("add", "first").status == 0
    site.server.run_sql(
        site.database,
        f"""
        CREATE ROLE reader LOGIN PASSWORD '{SECRET.format("reader")}';
        GRANT USAGE ON SCHEMA todo TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA todo TO reader;
        """,
    )
    try:
        run = as_role(site, proxy, "reader")
        assert run("list", "--json").data[0]["title"] == "first"
        for command in (
            ["add", "x"],
            ["update", "1", "--title", "x"],
            ["done", "1"],
            ["delete", "1"],
        ):
            assert_refused(run, *command, code="FORBIDDEN", names=["rights"])
        assert site.fetch("SELECT title, is_done FROM todo.task") == [
            ("first", False)
        ]
    finally:
        site.server.run_sql(
            site.database, "DROP OWNED BY reader; DROP ROLE reader"
        )


@pytest.mark.parametrize("strings", ["on", "off"])
@pytest.mark.parametrize(
    "name",
    ["a%b", "lateral", "system_user", "O'Q", "b$$b", "c\\'; SELECT 1;"],
)
def test_the_recipe_takes_every_name_of_a_role(
    owned_site: Site, proxy: TurnProxy, name: str, strings: str
) -> None:
    site = owned_site
    site.server.run_sql(
        site.database,
        f"ALTER DATABASE {site.database} SET standard_conforming_strings = {strings}",
    )
    owner = as_role(site, proxy, OWNER)
    assert owner("add", "first").status == 0
    recipe = owner("db", "policy", name).out
    try:
        for _ in range(2):
            wait_for(run_as_owner(site, with_passwords(recipe, [name])))
        run = as_role(site, proxy, name)
        assert run("add", "Buy milk", user=name).status == 0
        assert site.fetch(
            "SELECT title FROM todo.task WHERE user_id <> 'ada'"
        ) == [("Buy milk",)]
    finally:
        site.server.run_sql(
            site.database,
            f"ALTER DATABASE {site.database} RESET standard_conforming_strings",
        )
        site.server.run_sql(
            site.database,
            f"DROP OWNED BY {quoted(name)}; DROP ROLE {quoted(name)}",
        )


@pytest.mark.parametrize("name", ["public", "none", "pg_monitor"])
def test_the_recipe_takes_no_name_that_postgresql_keeps(
    site: Site, plain_url: str, name: str
) -> None:
    """Also where nobody is named: then it is for the user."""
    run = site.todo(plain_url)

    for words in ([name], ["--user", name], ["ada", name]):
        assert_refused(
            run,
            "db",
            "policy",
            *words,
            code="INVALID_INPUT",
            names=["keeps for itself"],
        )


def test_the_recipe_grants_to_roles_and_never_to_everybody(
    owned_site: Site, proxy: TurnProxy
) -> None:
    """PostgreSQL reads a quoted "public" as everybody."""
    site = owned_site
    owner = as_role(site, proxy, OWNER)
    assert owner("add", "first").status == 0
    names = ["PUBLIC", "Public", "current_user", "session_user", "all", "user"]

    recipe = owner("db", "policy", *names).out

    try:
        wait_for(run_as_owner(site, with_passwords(recipe, names)))
        grantees = site.fetch(
            "SELECT DISTINCT grantee FROM information_schema.role_table_grants"
            " WHERE table_schema = 'todo'"
        )
        assert {name for (name,) in grantees} == {OWNER, *names}
    finally:
        for name in names:
            site.server.run_sql(
                site.database,
                f"DROP OWNED BY {quoted(name)}; DROP ROLE {quoted(name)}",
            )


def test_the_recipe_wants_the_schema_to_be_the_database_owners(
    owned_site: Site, proxy: TurnProxy
) -> None:
    site = owned_site
    owner = as_role(site, proxy, OWNER)
    assert owner("add", "first").status == 0
    site.server.run_sql(
        site.database, f"ALTER DATABASE {site.database} OWNER TO CURRENT_USER"
    )

    with pytest.raises(
        asyncpg.RaiseError,
        match=f"belongs to {OWNER}, not to the owner of the database",
    ):
        wait_for(run_as_owner(site, owner("db", "policy", "ada").out))


# History and trash

OPERATIONS = "SELECT * FROM todo.operation"
CHANGES = "SELECT * FROM todo.change"
ALL_HISTORY = (
    "SELECT o, c FROM todo.operation o FULL JOIN todo.change c"
    " ON (o.user_id, o.number) = (c.user_id, c.operation)"
    " ORDER BY o.user_id, o.number, c.number"
)


@asynccontextmanager
async def served(
    site: Site, role: str, user: str
) -> AsyncIterator[TaskService]:
    """The tasks of a user, in the eyes of a role."""
    url = site.server.url(
        site.database, user=role, password=SECRET.format(role)
    )
    async with open_database(parse_url(url, cwd=site.cwd)) as database:
        yield TaskService(database, user, site.clock)


async def change_everything(site: Site, role: str) -> list[Operation]:
    """Change tasks in every way, and take it back; what was done."""
    async with served(site, role, role) as tasks:
        await tasks.add_all([NewTask("a", tags=["x"]), NewTask("b")])
        await tasks.update([2, 3], TaskChange(title="c", add_tags=["y"]))
        await tasks.replace([2], Replacement("c", "d"), TaskChange())
        await tasks.complete([1, 2])
        await tasks.delete([2])
        await tasks.restore([2])
        await tasks.undo()
        await tasks.redo()
        await tasks.undo(4)
        await tasks.delete([3])
        trash = await tasks.trash()
        await tasks.purge([task.id for task in trash])
        return (await tasks.history(limit=None)).operations


@pytest.mark.parametrize("person", PEOPLE)
def test_a_role_takes_its_own_changes_back(shared: Site, person: str) -> None:
    operations = wait_for(change_everything(shared, person))

    assert [each.command for each in reversed(operations)] == [
        *("add", "add", "update", "update", "done", "delete", "restore"),
        *("undo", "redo", "undo", "delete", "purge"),
    ]
    owners = shared.fetch("SELECT DISTINCT user_id FROM todo.change")
    assert {owner for (owner,) in owners} == set(PEOPLE)


def test_a_role_sees_nothing_of_the_history_of_others(shared: Site) -> None:
    for person in ("ada", "bob"):
        wait_for(change_everything(shared, person))

    for sql in (OPERATIONS, CHANGES):
        rows = wait_for(fetch_as(shared, "ada", sql))
        assert rows
        assert {row[0] for row in rows} == {"ada"}

    async def told() -> list[Operation]:
        async with served(shared, "ada", "bob") as tasks:
            return (await tasks.history(limit=None)).operations

    assert wait_for(told()) == []


@pytest.mark.parametrize(
    "take_back",
    [
        lambda tasks: tasks.undo(),
        lambda tasks: tasks.undo(1),
        lambda tasks: tasks.undo(6),
        lambda tasks: tasks.redo(),
        lambda tasks: tasks.restore([1]),
        lambda tasks: tasks.purge([1]),
    ],
    ids=["undo", "undo 1", "undo 6", "redo", "restore", "purge"],
)
def test_a_role_takes_nothing_of_anybody_else_back(
    shared: Site, take_back: Callable[[TaskService], Awaitable[object]]
) -> None:
    wait_for(change_everything(shared, "bob"))

    async def undo_as(role: str, user: str) -> None:
        async with served(shared, role, user) as tasks:
            await tasks.undo()

    wait_for(undo_as("bob", "bob"))
    before = shared.fetch(ALL_HISTORY), shared.fetch(EVERYTHING)

    async def try_it() -> None:
        async with served(shared, "ada", "bob") as tasks:
            await take_back(tasks)

    with pytest.raises((NotFound, Forbidden)):
        wait_for(try_it())
    assert (shared.fetch(ALL_HISTORY), shared.fetch(EVERYTHING)) == before


def test_a_role_cannot_write_history_past_the_program(shared: Site) -> None:
    wait_for(change_everything(shared, "bob"))
    before = shared.fetch(ALL_HISTORY)

    for sql in (
        "INSERT INTO todo.operation (user_id, number, id, at, command)"
        " VALUES ('bob', 99, gen_random_uuid(), now(), 'add')",
        "INSERT INTO todo.change (user_id, operation, task_id, number,"
        " old_values, new_values)"
        " VALUES ('bob', 1, gen_random_uuid(), 9, '{}', '{}')",
        "DELETE FROM todo.operation",
        "DELETE FROM todo.change",
        "TRUNCATE todo.operation, todo.change",
        "UPDATE todo.operation SET user_id = 'bob'",
        "UPDATE todo.change SET user_id = 'bob'",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            wait_for(fetch_as(shared, "ada", sql))
    for sql in (
        "UPDATE todo.change SET old_values = '{}' WHERE user_id = 'bob' RETURNING 1",
        "UPDATE todo.operation SET undone_by = 1 WHERE user_id = 'bob' RETURNING 1",
    ):
        assert wait_for(fetch_as(shared, "ada", sql)) == []
    assert shared.fetch(ALL_HISTORY) == before


@pytest.mark.spec("003/FR-043")
def test_the_role_of_a_server_works_with_the_tasks_of_each_user(
    shared: Site, proxy: TurnProxy
) -> None:
    run = as_role(shared, proxy, SERVER)

    for person in PEOPLE:
        proxy.reset()
        assert run("add", "Buy milk", user=person).status == 0
        assert proxy.turns == 6
        listed = run("list", "--json", user=person).data
        titles = {task["title"] for task in listed}
        assert titles == {"Buy milk", f"task of {person}"}
        assert run("token", "create", "ci", user=person).status == 0
        assert (
            run("undo", user=person).out
            == "Undid 2 (add): 2: Buy milk (in the trash)\n"
        )
        exported = run("export", user=person).out
        assert json.dumps(f"task of {person}", ensure_ascii=False) in exported
        assert exported.count("task of") == 1


@pytest.mark.spec("003/FR-043")
def test_the_role_of_a_server_backs_up_one_user_alone(
    shared: Site, proxy: TurnProxy
) -> None:
    run = as_role(shared, proxy, SERVER)

    assert_refused(run, "db", "backup", "all.db", code="FORBIDDEN")
    made = run("db", "backup", "bob.db", "--mine", user="bob")
    assert made.status == 0, made
    kept = shared.todo(f"sqlite:///{shared.cwd}/bob.db")
    assert [
        each["title"] for each in kept("list", "--json", user="bob").data
    ] == ["task of bob"]
    assert kept("list", "--json", user="ada").data == []
    made = run("db", "backup", "n.db", "--mine", user="nobody")
    assert made.out.startswith("Backed up 0 tasks of nobody")


@pytest.mark.spec("003/FR-043")
def test_the_role_of_a_server_imports_what_one_user_has(
    shared: Site, proxy: TurnProxy
) -> None:
    run = as_role(shared, proxy, SERVER)
    path = f"{shared.cwd}/kept.db"
    kept = shared.todo(f"sqlite:///{path}")
    assert kept("add", "from a file", user="carol").status == 0

    assert run("db", "import", path, user="bob").status == 0
    listed = run("list", "--json", user="carol").data
    assert [task["title"] for task in listed] == ["from a file"]
    assert "1 task already there" in run("db", "import", path).out

    assert kept("add", "of another user", user="dave").status == 0
    assert_refused(
        run,
        *("db", "import", path),
        code="FORBIDDEN",
        names=["one user at a time", "carol, dave"],
    )


@pytest.mark.spec("003/FR-043")
def test_connect_takes_the_role_of_a_server_for_nobody(
    shared: Site, proxy: TurnProxy
) -> None:
    url = shared.url(
        "127.0.0.1", proxy.port, user=SERVER, password=SECRET.format(SERVER)
    )
    run = shared.todo("")
    said = run("connect", "--user", "ada", stdin=f"{url}\n".encode())

    assert said.status == 0, said
    assert "may only keep" not in said.out + said.err
    assert "which has 1 task of ada\n" in said.out
    assert "you are ada\n" in said.out


@pytest.mark.spec("003/FR-043")
@pytest.mark.parametrize(
    ("role", "only_user"), [(OWNER, None), ("ada", "ada"), (SERVER, None)]
)
async def test_a_survey_says_whose_tasks_a_role_may_keep(
    shared: Site, role: str, only_user: str | None
) -> None:
    target = parse_url(role_url(shared, role), cwd=shared.cwd)
    async with open_database(target) as database:
        found = await survey(database, "ada")

    assert found.only_user == only_user
    assert found.tasks["ada"] == 1


@pytest.mark.spec("003/FR-044")
def test_doctor_says_whose_rows_a_role_sees(
    shared: Site, proxy: TurnProxy
) -> None:
    def seen(role: str) -> tuple[object, object]:
        run = as_role(shared, proxy, role)
        data = run("doctor", "--json").data
        about = [
            each["message"]
            for each in data["warnings"]
            if each["field"] == "sees_rows_of"
        ]
        assert data["tasks"] == 1
        return data["sees_rows_of"], about

    assert seen(OWNER) == ("everybody", [])
    assert seen("ada") == ("the role", [])
    assert seen(SERVER) == ("the user of each statement", [])
    shared.server.run_sql(
        shared.database, "DROP POLICY server_wall ON todo.tag"
    )
    sees, warnings = seen(SERVER)
    assert sees == "the user of each statement"
    assert "what `todo db policy --server` prints" in str(warnings)
    assert seen("ada") == ("the role", [])
    shared.server.run_sql(
        shared.database, "ALTER TABLE todo.token DISABLE ROW LEVEL SECURITY"
    )
    assert seen(SERVER) == (sees, warnings)
    shared.server.run_sql(
        shared.database, f"ALTER ROLE {quoted(SERVER)} BYPASSRLS"
    )
    try:
        assert seen(SERVER) == ("everybody", [])
    finally:
        shared.server.run_sql(
            shared.database, f"ALTER ROLE {quoted(SERVER)} NOBYPASSRLS"
        )


@pytest.mark.spec("003/FR-044")
def test_doctor_sees_whose_rows_a_member_of_the_role_of_a_server_sees(
    shared: Site, proxy: TurnProxy
) -> None:
    shared.server.run_sql(
        shared.database, f"GRANT {quoted(SERVER)} TO {quoted('bob')}"
    )
    try:
        data = as_role(shared, proxy, "bob")("doctor", "--json").data
    finally:
        shared.server.run_sql(
            shared.database, f"REVOKE {quoted(SERVER)} FROM {quoted('bob')}"
        )

    assert data["sees_rows_of"] == "the user of each statement"


@pytest.mark.spec("003/FR-045")
def test_one_role_cannot_be_a_person_and_a_server(
    site: Site, plain_url: str
) -> None:
    run = site.todo(plain_url)

    for names in (["ada"], ["bob", " ada "]):
        assert_refused(
            run,
            *("db", "policy", *names, "--server", "ada"),
            code="INVALID_INPUT",
            names=["a person and a server"],
        )
    for name in ("public", "pg_x", "", "x" * 64, "postgresql://a:b@h/d"):
        assert_refused(
            run, "db", "policy", "--server", name, code="INVALID_INPUT"
        )


@pytest.mark.spec("003/FR-045")
def test_a_recipe_for_a_server_makes_no_role_for_a_person(
    site: Site, plain_url: str
) -> None:
    printed = site.todo(plain_url)("db", "policy", "--server", "api").out

    assert re.findall("CREATE ROLE (.*) LOGIN", printed) == ['"api"']


@pytest.mark.spec("003/FR-014", "003/FR-033")
def test_a_role_has_its_own_tokens_alone(
    shared: Site, proxy: TurnProxy, clock: Clock
) -> None:
    texts = {}
    for person in PEOPLE:
        role = as_role(shared, proxy, person)
        made = role("token", "create", "ci", user=person)
        assert made.status == 0, made
        texts[person] = made.out.strip()
    ada = as_role(shared, proxy, "ada")

    hashes = wait_for(
        fetch_as(shared, "ada", "SELECT user_id FROM todo.token")
    )
    assert hashes == [("ada",)]
    assert [each["name"] for each in ada("token", "list", "--json").data] == [
        "ci"
    ]
    assert_refused(ada, "token", "create", "x", user="bob", code="FORBIDDEN")
    assert ada("token", "revoke", "ci", user="bob").status == 3
    for sql in (
        "DELETE FROM todo.token",
        "INSERT INTO todo.token SELECT * FROM todo.token",
    ):
        with pytest.raises(asyncpg.PostgresError):
            wait_for(fetch_as(shared, "ada", sql))
    taken = "UPDATE todo.token SET user_id = 'bob' RETURNING 1"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        wait_for(fetch_as(shared, "ada", taken))

    found = wait_for(look_up(shared, "ada", texts, clock))
    assert found == {"ada": "valid"} | dict.fromkeys(PEOPLE[1:], "unknown")
    found = wait_for(look_up(shared, OWNER, texts, clock))
    assert found == dict.fromkeys(PEOPLE, "valid")
    found = wait_for(look_up(shared, SERVER, texts, clock))
    assert found == dict.fromkeys(PEOPLE, "valid")
    assert ada("token", "revoke", "ci").status == 0
    found = wait_for(look_up(shared, OWNER, texts, clock))
    assert found["ada"] == "revoked"


async def look_up(
    site: Site, role: str, texts: Mapping[str, str], clock: Clock
) -> dict[str, str]:
    """What a server with this role makes of the token of each person."""
    found = {}
    async with open_database(
        parse_url(role_url(site, role), cwd=Path("/"))
    ) as database:
        door = Doorkeeper(database, clock)
        for person, text in texts.items():
            bearer = await door.look_up(text)
            found[person] = bearer.verdict.value
            assert bearer.user in (person, None)
            if bearer.token is not None:
                await door.note_use(bearer.token)
    return found
