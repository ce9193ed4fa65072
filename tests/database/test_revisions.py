"""Stores of older revisions: an upgrade loses nothing, and makes them like new ones."""

import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from alembic import command
from sqlalchemy.exc import OperationalError

from tests.cli.machines import Machine
from tests.conftest import Seal
from tests.database.catalog import read_schema, read_version
from tests.service.backdoor import (
    REFUSALS,
    fetch_all,
    file_of,
    run_sql,
)
from tests.support.blocking import wait_for
from tests.support.postgres import PostgresCluster
from tests.support.program import Todo
from tests.support.size import share
from tests.support.stores import Clock, Store, make
from todo_cli.database import policy, schema, upgrade
from todo_cli.database.connection import Dialer
from todo_cli.database.engine import Database, open_database
from todo_cli.database.postgresql import Server
from todo_cli.database.schema import Fit, State
from todo_cli.database.url import SqliteTarget
from todo_cli.errors import Forbidden, SchemaMismatch
from todo_cli.service import TaskService
from todo_cli.task import NewTask, TaskChange, TaskQuery
from todo_cli.token_text import make_text
from todo_cli.tokens import Doorkeeper, TokenService

only_sqlite = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
only_postgresql = pytest.mark.parametrize(
    "store", ["postgresql"], indirect=True
)
FIRST = "0001"
INSERT = """INSERT INTO todo.task (id, number, user_id, title, completed, created_at,
    updated_at, completed_at) VALUES ({}, {}, 'ada', 'by hand', {}, {}, {}, {})"""
TASKS = """SELECT id, number, user_id, title, description, {done}, created_at,
    updated_at, completed_at FROM todo.task ORDER BY user_id, number"""
COUNTERS = "SELECT user_id, last FROM todo.counter ORDER BY user_id"
NOON = "'2026-01-02T12:00:00.000000Z'"


def row(number: int, **values: str) -> str:
    """An INSERT of a task that is right but for these values, as SQL."""
    given = {"id": f"'{uuid4()}'", "number": str(number), "completed": "false"}
    given |= {"created_at": NOON, "updated_at": NOON, "completed_at": "NULL"}
    return INSERT.format(*(given | values).values())


def upgraded(insert: str) -> str:
    """An INSERT of `row` for a store of today."""
    return insert.replace("completed,", "is_done,", 1)


@pytest.fixture(params=[FIRST])
async def first(
    request: pytest.FixtureRequest, store: Store, is_made: bool
) -> Store:
    """A store as an older revision made it, with one task."""
    if isinstance(target := store.target, SqliteTarget):
        target.path.touch(mode=0o600)
        with closing(sqlite3.connect(target.path)) as file:
            file.executescript(";".join(revision_0001("sqlite")))
    else:
        await run_sql(store, "CREATE SCHEMA todo")
        await run_sql(store, ";".join(revision_0001("postgresql")))
    for statement in (
        "CREATE TABLE todo.alembic_version (version_num VARCHAR(32) NOT NULL, "
        "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))",
        f"INSERT INTO todo.alembic_version VALUES ('{FIRST}')",
        row(1),
        "INSERT INTO todo.counter VALUES ('ada', 1)",
    ):
        await run_sql(store, statement)
    if request.param != FIRST:
        await bring_to(request.param, store)
    return store


each_revision = pytest.mark.parametrize(
    "first", [FIRST, "0002", "0003"], indirect=True
)


async def bring_to(revision: str, store: Store) -> None:
    """Run later revisions, as `todo db upgrade --sql` printed them."""
    config = upgrade._config(output_buffer=(printed := io.StringIO()))
    config.attributes["dialect_name"] = store.kind
    command.upgrade(config, f"{FIRST}:{revision}", sql=True)
    sql = printed.getvalue()
    if store.kind == "sqlite":
        with closing(
            sqlite3.connect(file_of(store), isolation_level=None)
        ) as file:
            file.executescript(sql)
    else:
        # The end of the script is about the tables of today.
        end = sql.rindex("DO $$\nDECLARE\n    bound")
        await run_sql(store, sql[:end] + "COMMIT")


def revision_0001(kind: str) -> list[str]:
    """The statements of the first revision."""
    from importlib import import_module

    name = "todo_cli.database.migrations.versions.0001_task_and_counter"
    return list(import_module(name).STATEMENTS[kind])


TASKS_AS_TEXT = """SELECT id, number, user_id, title, {done}, created_at::text,
    updated_at::text, completed_at::text FROM todo.task ORDER BY user_id, number"""


async def rows_of(store: Store) -> list[list[tuple[Any, ...]]]:
    """Every task and every counter, in the columns of the first revision."""
    tasks = TASKS if store.kind == "sqlite" else TASKS_AS_TEXT
    [version] = await read_version(store)
    done = "is_done" if version >= "0004" else "completed"
    return [
        await fetch_all(store, sql)
        for sql in (tasks.format(done=done), COUNTERS)
    ]


# Used as it is


@pytest.mark.spec("001/FR-041")
async def test_a_store_that_lacks_only_checks_is_used_as_it_is(
    store: Store, tasks: TaskService, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"0000": schema.REVISIONS[schema.HEAD], **schema.REVISIONS}
    monkeypatch.setattr(schema, "REVISIONS", known)
    monkeypatch.setattr(schema, "USABLE", {"0000", schema.HEAD})
    await run_sql(store, "UPDATE todo.alembic_version SET version_num='0000'")
    before = await read_schema(store)

    await tasks.add(NewTask(title="by hand"))
    await tasks.add_all([NewTask(title="Buy eggs"), NewTask(title="c")])
    await tasks.update([2], TaskChange(title="Buy more bread"))
    await tasks.complete([3])

    page = await tasks.list()
    assert sorted(task.number for task in page.tasks) == [1, 2]
    assert await read_version(store) == ["0000"]
    assert await read_schema(store) == before
    if store.kind == "sqlite":
        assert not list(file_of(store).parent.glob("*.bak"))


@pytest.mark.nothing_made
@pytest.mark.spec("001/FR-041")
async def test_a_statement_that_fails_is_not_blamed_on_the_version(
    first: Store, database: Database, tasks: TaskService
) -> None:
    await database.upgrade()
    await tasks.list()
    await run_sql(first, "DROP TABLE todo.counter")

    with pytest.raises(SchemaMismatch) as caught:
        await tasks.add(NewTask(title="a"))

    assert "older" not in caught.value.message


@pytest.mark.parametrize(
    ("stamp", "fit"),
    [
        ("0002", Fit.OLDER),
        (schema.HEAD, Fit.OUTDATED),
        ("8000", Fit.CURRENT),
        ("9999", Fit.NEWER),
    ],
)
def test_a_revision_is_usable_if_all_later_ones_only_add_checks(
    monkeypatch: pytest.MonkeyPatch, stamp: str, fit: Fit
) -> None:
    tables = schema.REVISIONS[schema.HEAD]
    known = {**schema.REVISIONS, "8000": tables}
    monkeypatch.setattr(schema, "REVISIONS", known)
    monkeypatch.setattr(schema, "HEAD", "8000")
    monkeypatch.setattr(schema, "_ONLY_CHECKS", {"0002", "8000"})
    monkeypatch.setattr(schema, "USABLE", schema._usable())

    state = schema._judge(stamp, set(tables), None)

    assert state == State(fit, stamp, None)


def test_a_revision_that_adds_a_column_leaves_no_older_one_usable() -> None:
    assert {schema.HEAD} == schema.USABLE


@pytest.mark.nothing_made
@pytest.mark.parametrize(
    "store", ["postgresql"], indirect=True, ids=["postgresql"]
)
@pytest.mark.spec("001/FR-041")
@each_revision
async def test_an_older_server_says_what_to_run(
    first: Store, tasks: TaskService
) -> None:
    for call in (
        tasks.list(),
        tasks.add(NewTask(title="a")),
        tasks.update([1], TaskChange(title="a")),
        tasks.complete([1]),
        tasks.delete([1]),
    ):
        with pytest.raises(SchemaMismatch, match="older version") as caught:
            await call
        assert caught.value.hint == "run `todo db upgrade`"


# Upgraded


@pytest.mark.nothing_made
@pytest.mark.spec("001/FR-040")
@pytest.mark.parametrize("by", ["upgrade", "script"])
@pytest.mark.parametrize(
    "first", [FIRST, "0002", "0003", "0004"], indirect=True
)
async def test_an_upgrade_makes_it_like_a_new_store(
    first: Store, database: Database, tmp_path: Path, by: str, clock: Clock
) -> None:
    before = await rows_of(first)
    script = await database.upgrade_script()
    if by == "upgrade":
        assert await database.upgrade() == schema.HEAD
    elif first.kind == "sqlite":
        with closing(
            sqlite3.connect(file_of(first), isolation_level=None)
        ) as file:
            file.executescript(script)
    else:
        await run_sql(first, script)

    upgraded = await read_schema(first)
    assert (await rows_of(first), await read_version(first)) == (
        before,
        [schema.HEAD],
    )
    new = first
    if first.kind == "sqlite":
        new = Store("sqlite", f"sqlite:///{tmp_path / 'new.db'}")
    else:
        await run_sql(first, "DROP SCHEMA todo CASCADE")
    await make(new)
    assert upgraded == await read_schema(new)


BROKEN_ON_BOTH = {
    "a year beyond": "'9999-12-31T23:59:59.999999Z'",
    "a year before": "'1899-12-31T23:59:59.999999Z'",
}
BROKEN = {
    "postgresql": BROKEN_ON_BOTH
    | {
        "infinity": "'infinity'",
        "-infinity": "'-infinity'",
        "BC": "'0044-03-15 12:00:00+00 BC'",
        "far": "'20000-01-01Z'",
    },
    "sqlite": BROKEN_ON_BOTH
    | {
        "month 13": "'2026-13-01T00:00:00.000000Z'",
        "30 February": "'2026-02-30T00:00:00.000000Z'",
        "hour 24": "'2026-02-20T24:00:00.000000Z'",
    },
}
BLOB = f"CAST({NOON} AS BLOB)"
ID_AS_BLOB = "CAST('6f9619ff-8b86-4d01-b42d-00cf4fc964ff' AS BLOB)"


def broken_rows(store: Store) -> list[str]:
    """Rows that revision 0001 takes, and 0002 does not."""
    columns = ("created_at", "updated_at", "completed_at")
    found: list[str] = []
    for value in BROKEN[store.kind].values():
        for column in columns:
            done = str(column == "completed_at").lower()
            given = {"completed": done, column: value}
            found.append(row(len(found) + 2, **given))
    if store.kind == "sqlite":
        found.append(row(2**31))
    return found


@pytest.mark.nothing_made
@pytest.mark.spec("001/FR-012")
async def test_rows_that_break_the_new_checks_stay_and_no_more_are_taken(
    first: Store, database: Database
) -> None:
    rows = broken_rows(first)
    for statement in rows:
        await run_sql(first, statement)
    before = await rows_of(first)

    assert await database.upgrade() == schema.HEAD

    assert await rows_of(first) == before
    await run_sql(first, "DELETE FROM todo.task WHERE number > 1")
    taken = []
    for statement in rows:
        with suppress(*REFUSALS):
            await run_sql(first, upgraded(statement))
            taken.append(statement)
    assert taken == []
    await run_sql(first, upgraded(row(2)))


@pytest.mark.spec("001/FR-012")
async def test_a_new_store_refuses_what_cannot_be_read(store: Store) -> None:
    taken = []
    rows = broken_rows(store)
    if store.kind == "sqlite":
        # Not every build of SQLite compares a blob with a pattern.
        rows += [row(99, created_at=BLOB), row(99, id=ID_AS_BLOB)]
    for statement in rows:
        with suppress(*REFUSALS):
            await run_sql(store, upgraded(statement))
            taken.append(statement)

    assert taken == []
    edges = ("1900-01-01T00:00:00.000000Z", "9998-12-31T23:59:59.999999Z")
    for number, edge in enumerate(edges, start=1):
        insert = row(number, created_at=f"'{edge}'")
        await run_sql(store, upgraded(insert))


@pytest.mark.nothing_made
@only_sqlite
@pytest.mark.spec("001/FR-041")
@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE task ADD COLUMN theirs TEXT DEFAULT 'x'",
        "CREATE TABLE theirs (id TEXT REFERENCES Task (id) ON DELETE CASCADE)",
    ],
)
async def test_what_somebody_added_to_a_table_stays(
    first: Store, database: Database, tasks: TaskService, change: str
) -> None:
    await run_sql(first, change)
    if "theirs (id" in change:
        await run_sql(first, "INSERT INTO theirs SELECT id FROM task")
    before = await rows_of(first)

    assert await database.upgrade() == schema.HEAD

    assert await rows_of(first) == before
    if "theirs (id" in change:
        assert len(await fetch_all(first, "SELECT * FROM theirs")) == 1
    else:
        assert await fetch_all(first, "SELECT theirs FROM task") == [("x",)]
    added = await tasks.add(NewTask(title="a", tags=["b"], priority="low"))
    assert added.task.version == 1
    assert len((await tasks.list(TaskQuery(tags=("b",)))).tasks) == 1


@pytest.mark.nothing_made
@only_sqlite
@pytest.mark.spec("001/FR-041")
async def test_what_somebody_added_beside_the_tables_stays(
    first: Store, database: Database
) -> None:
    added = [
        "CREATE VIEW mine AS SELECT title FROM task",
        "CREATE TABLE log (title TEXT)",
        "CREATE TRIGGER logged AFTER INSERT ON task BEGIN"
        " INSERT INTO log VALUES (new.title || ' :x 10:30'); END",
        "CREATE INDEX by_title ON task (title)",
        'CREATE TRIGGER "a ""b" AFTER UPDATE ON task BEGIN'
        " SELECT raise(ABORT, 'changed'); END",
    ]
    for statement in added:
        await run_sql(first, statement)

    assert await database.upgrade() == schema.HEAD

    there = await fetch_all(first, "SELECT sql FROM sqlite_master")
    assert {sql for (sql,) in there} >= set(added)
    await run_sql(first, upgraded(row(2)))
    assert await fetch_all(first, "SELECT * FROM log") == [
        ("by hand :x 10:30",)
    ]
    assert len(await fetch_all(first, "SELECT * FROM mine")) == 2
    folded = "SELECT title_folded FROM task WHERE number = 1"
    assert await fetch_all(first, folded) == [("by hand",)]


@pytest.mark.nothing_made
@pytest.mark.spec("001/FR-041")
async def test_what_somebody_made_of_a_column_that_gets_another_name_goes_on(
    first: Store, database: Database
) -> None:
    view = "SELECT title, completed AS theirs FROM todo.task"
    await run_sql(first, f"CREATE VIEW todo.theirs AS {view}")
    await run_sql(
        first, "CREATE INDEX by_theirs ON todo.task (completed, title)"
    )
    if first.kind == "sqlite":
        await run_sql(first, "CREATE TABLE log (was, is_now)")
        await run_sql(
            first,
            "CREATE TRIGGER logged AFTER UPDATE OF completed ON task BEGIN"
            " INSERT INTO log VALUES (old.completed, new.completed); END",
        )

    assert await database.upgrade() == schema.HEAD

    done = f"is_done = true, completed_at = {NOON}"
    await run_sql(first, f"UPDATE todo.task SET {done} WHERE number = 1")
    rows = await fetch_all(first, "SELECT title, theirs FROM todo.theirs")
    assert rows == [("by hand", True)]
    if first.kind == "sqlite":
        assert await fetch_all(first, "SELECT * FROM log") == [(0, 1)]


@pytest.mark.nothing_made
@only_sqlite
@pytest.mark.spec("001/FR-041")
@pytest.mark.parametrize(
    "broken",
    [
        "CREATE VIEW theirs AS SELECT a FROM gone",
        "CREATE VIEW theirs AS SELECT gone FROM task",
        "CREATE TRIGGER theirs AFTER DELETE ON task BEGIN"
        " INSERT INTO gone VALUES (old.completed); END",
        'CREATE VIEW "the ""irs: " AS SELECT a FROM gone;'
        'CREATE TRIGGER instead INSTEAD OF INSERT ON "the ""irs: " BEGIN'
        " SELECT 1; END",
    ],
)
@each_revision
async def test_what_somebody_left_broken_stops_no_upgrade(
    first: Store, database: Database, broken: str
) -> None:
    before = await rows_of(first)
    statements = broken.split(";C")
    for number, statement in enumerate(statements):
        statements[number] = f"C{statement}" if number else statement
        await run_sql(first, statements[number])

    assert await database.upgrade() == schema.HEAD

    assert await rows_of(first) == before
    there = await fetch_all(first, "SELECT sql FROM sqlite_master")
    assert {sql for (sql,) in there} >= {*statements}


@pytest.mark.parametrize("kind", ["postgresql", "sqlite"])
def test_rights_are_given_to_tables_that_an_upgrade_makes_and_no_others(
    kind: str,
) -> None:
    scripts = {
        version: upgrade.script(kind, version) for version in schema.REVISIONS
    }
    for version, tables in schema.REVISIONS.items():
        new = schema.REVISIONS[schema.HEAD] - tables
        given = {
            table
            for table in schema.REVISIONS[schema.HEAD]
            if f"ON todo.{table} TO" in scripts[version]
        }
        assert given == (new if kind == "postgresql" else set())


@pytest.mark.nothing_made
@pytest.mark.spec("003/FR-015")
@pytest.mark.parametrize("first", ["0004"], indirect=True)
async def test_a_store_without_tokens_does_all_else(
    first: Store, database: Database, tasks: TaskService, clock: Clock
) -> None:
    tokens = TokenService(database, "ada", clock)
    if first.kind == "postgresql":
        await tasks.add(NewTask(title="a"))
        await tasks.complete([2])
        await tasks.undo()
        assert len((await tasks.list()).tasks) == 2
        assert await read_version(first) == ["0004"]
        door = Doorkeeper(database, clock)
        for call in (
            tokens.create("ci"),
            tokens.list(),
            tokens.revoke("ci"),
            door.look_up(make_text()),
        ):
            with pytest.raises(SchemaMismatch, match="older ver") as caught:
                await call
            assert caught.value.hint == "run `todo db upgrade`"
        assert await database.upgrade() == schema.HEAD

    made = await tokens.create("ci")

    assert await tokens.list() == [made.token]
    assert await read_version(first) == [schema.HEAD]


TAKEN = [
    ("CREATE TABLE todo.token (mine INTEGER)", "token"),
    ("ALTER TABLE todo.task ADD COLUMN is_done INTEGER", "is_done"),
    ("ALTER TABLE todo.task ADD COLUMN state INTEGER", "state"),
    ("ALTER TABLE todo.counter ADD COLUMN operations INTEGER", "operations"),
    ("CREATE TABLE todo.operation (mine INTEGER)", "operation"),
    (
        "CREATE INDEX {}task_deleted_at_idx ON todo.task (title)",
        "task_deleted_at_idx",
    ),
    ("ALTER TABLE todo.task ADD COLUMN project TEXT", "project"),
    ("CREATE TABLE todo.tag (mine INTEGER)", "tag"),
    (
        "CREATE INDEX {}task_title_idx ON todo.task (title)",
        "task_title_idx",
    ),
]


def met_by_stores() -> list[Any]:
    """Each of them on both stores; in the suite on one of them, by turns."""
    kinds = ("sqlite", "postgresql")
    return [
        pytest.param(kind, *each, id=f"{kind}-{each[1]}")
        for turn, kind in enumerate(kinds)
        for each in share(TAKEN, turn, len(kinds))
    ]


@pytest.mark.nothing_made
@pytest.mark.spec("001/FR-041")
@pytest.mark.parametrize(
    ("store", "change", "name"), met_by_stores(), indirect=["store"]
)
async def test_a_name_of_another_program_keeps_a_store_from_being_upgraded(
    first: Store, database: Database, change: str, name: str
) -> None:
    await run_sql(first, change.format(""))
    before = await rows_of(first), await read_schema(first)

    for _ in range(2):
        with pytest.raises(SchemaMismatch, match=f"made `{name}`") as caught:
            await database.upgrade()
        assert "nothing was changed" in str(caught.value.hint)

    assert (await rows_of(first), await read_schema(first)) == before
    assert await read_version(first) == [FIRST]
    if first.kind == "sqlite":
        # Else every command would leave a copy.
        assert not list(file_of(first).parent.glob("*.bak"))


# Rights


@pytest.fixture
def owned(
    own_postgres: PostgresCluster, clock: Clock
) -> Iterator[tuple[Store, Store]]:
    """A store of revision 0001 whose owner is bound by its own policy: as the
    administrator sees it, and as the owner does.
    """
    name, role = own_postgres.create_database(), f"owner_{uuid4().hex[:8]}"
    own_postgres.run_sql("postgres", f"CREATE ROLE {role} LOGIN PASSWORD 'p'")
    administrator = Store("postgresql", own_postgres.url(name))
    own_postgres.run_sql(name, f"ALTER DATABASE {name} OWNER TO {role}")
    url = own_postgres.url(name, user=role, password="p")
    owner = Store("postgresql", url)
    wait_for(make_first(owner))
    for number in (1, 2):
        wait_for(run_sql(owner, row(number)))
    wait_for(run_sql(owner, "INSERT INTO todo.counter VALUES ('ada', 2)"))
    for table in ("task", "counter"):
        wait_for(run_sql(owner, policy._TABLE.format(table=f"todo.{table}")))
    yield administrator, owner
    own_postgres.drop_database(name)
    own_postgres.run_sql("postgres", f"DROP ROLE {role}")


async def make_first(store: Store) -> None:
    """Make the tables of revision 0001 on a server."""
    await run_sql(store, "CREATE SCHEMA todo")
    await run_sql(store, ";".join(revision_0001("postgresql")))
    await run_sql(
        store,
        "CREATE TABLE todo.alembic_version (version_num VARCHAR(32) NOT NULL, "
        "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));"
        f"INSERT INTO todo.alembic_version VALUES ('{FIRST}')",
    )


FOLDED = "SELECT title_folded FROM todo.task ORDER BY number"
FORCED = """SELECT relname FROM pg_class WHERE relforcerowsecurity
    AND relnamespace = 'todo'::regnamespace ORDER BY 1"""


@pytest.mark.spec("001/FR-041")
@pytest.mark.parametrize("who", ["owner", "administrator"])
@pytest.mark.parametrize("is_broken", [False, True])
async def test_an_owner_whom_row_level_security_binds_upgrades_every_row(
    owned: tuple[Store, Store], is_broken: bool, who: str
) -> None:
    administrator, owner = owned
    if is_broken:
        await run_sql(administrator, row(3, created_at="'infinity'"))
    before = await rows_of(administrator)
    assert await rows_of(owner) == [[], []]

    store = owner if who == "owner" else administrator
    async with open_database(store.target) as database:
        assert await database.upgrade() == schema.HEAD
        await database.fill()

    assert await rows_of(administrator) == before
    kept = await fetch_all(
        administrator,
        "SELECT convalidated FROM pg_constraint WHERE conname = 'created_at_instant'"
        " AND conrelid = 'todo.task'::regclass",
    )
    assert kept == [(not is_broken,)]
    # A row that breaks a rule can have no folded text: it cannot be changed.
    broken = [(None,)] if is_broken else []
    filled = await fetch_all(administrator, FOLDED)
    assert filled == [("by hand",), ("by hand",), *broken]
    forced = await fetch_all(administrator, FORCED)
    tables = sorted(schema.REVISIONS[schema.HEAD])
    assert forced == [(table,) for table in tables]
    assert await rows_of(owner) == [[], []]


@pytest.fixture
def guest(
    owned: tuple[Store, Store], own_postgres: PostgresCluster
) -> Iterator[Store]:
    """The store of `owned` for a role with the rights of the first revision."""
    administrator, owner = owned
    role = f"guest_{uuid4().hex[:8]}"
    own_postgres.run_sql("postgres", f"CREATE ROLE {role} LOGIN PASSWORD 'p'")
    for right in (
        "USAGE ON SCHEMA todo",
        "SELECT, INSERT, UPDATE, DELETE ON todo.task",
        "SELECT, INSERT, UPDATE ON todo.counter",
        "SELECT ON todo.alembic_version",
    ):
        wait_for(run_sql(owner, f"GRANT {right} TO {role}"))
    name = owner.url.rpartition("/")[2]
    yield Store("postgresql", own_postgres.url(name, user=role, password="p"))
    wait_for(run_sql(administrator, f"DROP OWNED BY {role}"))
    own_postgres.run_sql("postgres", f"DROP ROLE {role}")


@pytest.mark.spec("001/FR-041")
async def test_a_role_that_is_not_the_owner_names_who_can_upgrade(
    owned: tuple[Store, Store], guest: Store, clock: Clock
) -> None:
    administrator, owner = owned
    role = str(guest.target.user)  # type: ignore[union-attr]
    await run_sql(administrator, row(3).replace("'ada'", f"'{role}'"))
    async with open_database(guest.target) as database:
        tasks = TaskService(database, role, clock)
        with pytest.raises(SchemaMismatch, match="older version"):
            await tasks.list()
        with pytest.raises(Forbidden) as caught:
            await database.upgrade()
        assert "todo db upgrade --sql" in str(caught.value.hint)
        script = await database.upgrade_script()

    await run_sql(owner, script)

    assert await read_version(administrator) == [schema.HEAD]
    async with open_database(guest.target) as database:
        # The rights and the policy have reached the new table.
        tasks = TaskService(database, role, clock)
        await database.fill()
        added = await tasks.add(NewTask(title="a", tags=["b", "c"]))
        found = await tasks.list(TaskQuery(tags=("b",), limit=5))
        assert [task.number for task in found.tasks] == [added.task.number]
        await tasks.update([added.task.number], TaskChange(remove_tags=["b"]))
        await tasks.update([added.task.number], TaskChange(add_tags=["d"]))
        names = "SELECT name FROM todo.tag ORDER BY 1"
        assert await fetch_all(guest, names) == [("c",), ("d",)]
        await tasks.purge([added.task.number])
        assert await fetch_all(administrator, names) == []
    # It filled its own rows and no others.
    filled = await fetch_all(administrator, FOLDED)
    assert sorted(filled, key=repr) == [("by hand",), (None,), (None,)]


@pytest.mark.spec("003/FR-014")
@pytest.mark.parametrize("is_bound", [True, False])
async def test_only_a_role_that_the_policy_binds_gets_at_tokens(
    owned: tuple[Store, Store], guest: Store, is_bound: bool
) -> None:
    """Else whoever may append tasks could make a token of anybody."""
    administrator, owner = owned
    if not is_bound:
        await run_sql(
            owner, "ALTER TABLE todo.task DISABLE ROW LEVEL SECURITY"
        )
    async with open_database(owner.target) as database:
        await database.upgrade()

    role = str(guest.target.user)  # type: ignore[union-attr]
    rights = await fetch_all(
        administrator,
        f"SELECT has_table_privilege('{role}', 'todo.token', 'SELECT'),"
        f" has_table_privilege('{role}', 'todo.token', 'INSERT'),"
        f" has_table_privilege('{role}', 'todo.tag', 'INSERT')",
    )
    assert rights == [(is_bound, is_bound, True)]


@pytest.mark.spec("001/FR-041")
async def test_a_role_that_only_reads_goes_on_reading(
    owned: tuple[Store, Store], guest: Store, clock: Clock
) -> None:
    _, owner = owned
    role = str(guest.target.user)  # type: ignore[union-attr]
    await run_sql(
        owner, f"REVOKE INSERT, UPDATE, DELETE ON todo.task FROM {role}"
    )
    async with open_database(owner.target) as database:
        await database.upgrade()

    async with open_database(guest.target) as database:
        tasks = TaskService(database, role, clock)
        page = await tasks.list(TaskQuery(tags=("b",), words=("a",), limit=5))
        assert page.tasks == []
        await database.fill()
        with pytest.raises(Forbidden):
            await tasks.add(NewTask(title="a"))


@pytest.mark.spec("002/FR-298")
@pytest.mark.nothing_made
@only_postgresql
@pytest.mark.parametrize("answer", [None, b"n\n", b"y\n"])
@each_revision
def test_connect_asks_before_it_upgrades_a_server(
    first: Store, seal: Seal, clock: Clock, answer: bytes | None
) -> None:
    """Programs of that version would no longer work."""
    ada = Machine(seal.home, "ada", clock)
    assert ada("add", "here").status == 0
    url = first.url.encode()
    version = wait_for(read_version(first))
    if answer is None:
        ran = ada("connect", stdin=url)
    else:
        typed = [("not shown", url + b"\r"), ("[y/N] ", answer)]
        if answer == b"y\n":
            typed.append(("[Y/n] ", b"\n"))
        ran = ada("connect", typed=typed)

    assert ran.status == 0, ran
    assert "1 task of ada" in ran.out
    is_upgraded = answer == b"y\n"
    assert (wait_for(read_version(first)) == version) != is_upgraded
    assert ("`todo db upgrade`" in ran.out) != is_upgraded
    assert (ada("list").status == 0) == is_upgraded
    if is_upgraded:
        assert "Renumbered 1 -> 2" in ran.out


@pytest.mark.spec("002/FR-299")
@pytest.mark.nothing_made
@only_postgresql
def test_connect_copies_no_tasks_into_older_tables(
    first: Store, seal: Seal, clock: Clock
) -> None:
    ada = Machine(seal.home, "ada", clock)
    assert ada("add", "here").status == 0

    ran = ada("connect", "--import", stdin=first.url.encode())

    assert ran.status == 8, ran
    assert "the connection is saved in" in ran.err
    assert "run `todo db upgrade`; then `todo db import" in ran.err


@pytest.mark.spec("002/FR-492")
@pytest.mark.nothing_made
@each_revision
def test_doctor_says_that_an_upgrade_adds_something(
    first: Store, todo: Todo
) -> None:
    ran = todo("doctor")
    if first.kind == "sqlite":
        assert "(older)" in ran.out
        assert "run `todo db upgrade`" in ran.out
        assert "valid_tokens\t-\nexpired_tokens\t-\n" in ran.out
    else:
        assert "are of an older version of todo" in ran.out
    assert "could not be read" not in ran.out
    assert todo("db", "upgrade").status == 0
    after = todo("doctor").out
    assert f"schema\t{schema.HEAD} (current)" in after
    assert "valid_tokens\t0\nexpired_tokens\t0\n" in after


@pytest.mark.nothing_made
async def test_two_upgrades_make_one(first: Store) -> None:
    target = first.target
    for _ in range(2):
        if isinstance(target, SqliteTarget):
            await upgrade.upgrade_file(target)
        else:
            dialer = Dialer(target, timeout_s=15)
            server = Server(target, dialer, size=1, busy_for_s=5)
            await upgrade.upgrade_server(server.dial, target.place)

    assert await read_version(first) == [schema.HEAD]
    if first.kind == "sqlite":
        copies = [path.name for path in file_of(first).parent.glob("*.bak")]
        assert copies == [f"store.db.{FIRST}.bak"]


def test_a_column_that_cannot_be_renamed_ends_the_upgrade() -> None:
    """What no view and no trigger is to blame for, such as a lock."""
    revision: Any = import_module(
        "todo_cli.database.migrations.versions.0004_history_and_trash"
    )

    class Locked:
        """A connection to a file that another one has locked."""

        def exec_driver_sql(self, sql: str) -> list[tuple[str, str]]:
            if sql == revision.RENAME:
                locked = sqlite3.OperationalError("database is locked")
                raise OperationalError(sql, None, locked)
            return [("view", "mine")]

    with pytest.raises(OperationalError, match="database is locked"):
        revision._rename(Locked())
