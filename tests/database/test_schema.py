"""The schema: one and the same however it was made, and never guessed at where it is another."""

import asyncio
import hashlib
import re
import sqlite3
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel import SQLModel

from tests.conftest import Seal
from tests.database.catalog import (
    read_schema,
    read_version,
    without_version_table,
)
from tests.database.chain import (
    MIGRATIONS,
    OLDER,
    RENAME,
    invent_past,
    look_back,
)
from tests.database.spy import after_each_statement
from tests.service.backdoor import (
    REFUSALS,
    connected,
    fetch_all,
    file_of,
    run_sql,
    what_exists,
)
from tests.support.blocking import wait_for
from tests.support.forked import ForkServer
from tests.support.postgres import PostgresCluster
from tests.support.program import Process, Surroundings, finished
from tests.support.size import size
from tests.support.stores import Clock, Store
from todo_cli import rules
from todo_cli.database import schema, search, upgrade
from todo_cli.database.connection import Dialer
from todo_cli.database.engine import Database, open_database
from todo_cli.database.postgresql import Server
from todo_cli.database.run import Statements, load
from todo_cli.database.url import SqliteTarget
from todo_cli.errors import (
    DatabaseBusy,
    Forbidden,
    InvalidInput,
    IoFailed,
    NoStore,
    SchemaMismatch,
    TodoError,
)
from todo_cli.service import TaskService
from todo_cli.task import NewTask, TaskChange

pytestmark = pytest.mark.nothing_made
only_sqlite = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
only_postgresql = pytest.mark.parametrize(
    "store", ["postgresql"], indirect=True
)


def touch(store: Store) -> None:
    """Make the empty file that SQLite needs before its schema."""
    if store.kind == "sqlite":
        file_of(store).touch(mode=0o600)


async def run_script(store: Store, sql: str) -> None:
    """Run a script as `psql` and `sqlite3` do, as the store's owner."""
    if store.kind == "postgresql":
        await run_sql(store, sql)
    else:
        with closing(
            sqlite3.connect(file_of(store), isolation_level=None)
        ) as file:
            file.executescript(sql)


async def by_first_add(store: Store, clock: Clock) -> None:
    """Make the schema as a first `add` does."""
    async with open_database(store.target) as database:
        await TaskService(database, "ada", clock).add(
            NewTask(title="Buy milk")
        )


async def by_alembic(store: Store, clock: Clock) -> None:
    """Make the schema by running every migration."""
    touch(store)
    if isinstance(store.target, SqliteTarget):
        await upgrade.upgrade_file(store.target)
    else:
        dialer = Dialer(store.target, timeout_s=15)
        server = Server(store.target, dialer, size=1, busy_for_s=5)
        await upgrade.upgrade_server(server.dial, store.target.place)


def engine_of(store: Store) -> AsyncEngine:
    """SQLAlchemy's own engine for a store."""
    target = store.target
    if isinstance(target, SqliteTarget):
        tables: dict[str, dict[str, None]] = {
            "schema_translate_map": {"todo": None}
        }
        return create_async_engine(
            f"sqlite+aiosqlite:///{target.path}", execution_options=tables
        )
    dial = Dialer(target, timeout_s=15)
    return create_async_engine("postgresql+asyncpg://", async_creator=dial)


async def by_db_upgrade(store: Store, clock: Clock) -> None:
    """Make the schema as `todo db upgrade` does."""
    async with open_database(store.target) as database:
        await database.upgrade()


async def by_printed_sql(store: Store, clock: Clock) -> None:
    """Make the schema from what `todo db upgrade --sql` prints."""
    async with open_database(store.target) as database:
        sql = await database.upgrade_script()
    await run_script(store, sql)


async def by_printed_migrations(store: Store, clock: Clock) -> None:
    """Make the schema from what Alembic prints for every migration from the first on."""
    await run_script(store, upgrade.script(store.kind, "base"))


Make = Callable[[Store, Clock], Any]
WAYS: list[Make] = [
    by_alembic,
    by_db_upgrade,
    by_printed_sql,
    by_printed_migrations,
]


# One and the same


@pytest.mark.spec("001/FR-040")
@pytest.mark.parametrize("make", WAYS, ids=lambda make: make.__name__)
async def test_every_way_to_make_the_schema_makes_the_same(
    store: Store, clock: Clock, sibling: Callable[[], Store], make: Make
) -> None:
    other = sibling()
    await by_first_add(store, clock)
    await make(other, clock)

    made, wanted = await read_schema(other), await read_schema(store)

    assert made == wanted
    assert (
        await read_version(other) == await read_version(store) == [schema.HEAD]
    )
    assert all(wanted[part] for part in ("columns", "indexes"))


@pytest.mark.spec("001/FR-040")
async def test_create_all_makes_the_same_but_for_the_version(
    store: Store, clock: Clock, sibling: Callable[[], Store]
) -> None:
    other = sibling()
    await by_first_add(store, clock)
    touch(other)
    if other.kind == "postgresql":
        await run_script(other, "CREATE SCHEMA todo")
    engine = engine_of(other)
    async with engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)
        if other.kind == "sqlite":
            for statement in search.NOTES:
                await connection.exec_driver_sql(statement)
    await engine.dispose()

    assert await read_schema(other) == without_version_table(
        await read_schema(store)
    )


@pytest.mark.spec("001/FR-040")
async def test_the_catalog_tells_schemas_apart(
    store: Store, clock: Clock
) -> None:
    await by_first_add(store, clock)
    before = await read_schema(store)
    seen = [before]
    changes = [
        "CREATE INDEX extra ON todo.task (title)",
        "ALTER TABLE todo.task ADD COLUMN extra TEXT DEFAULT 'x'",
    ]
    if store.kind == "postgresql":
        changes += [
            "ALTER TABLE todo.task ALTER COLUMN extra SET NOT NULL",
            "ALTER TABLE todo.task ALTER COLUMN extra DROP DEFAULT",
            "ALTER TABLE todo.task ALTER COLUMN extra TYPE varchar(9)",
            "ALTER TABLE todo.task DROP CONSTRAINT number_counts",
            "ALTER TABLE todo.task ADD CONSTRAINT number_counts CHECK (number >= 0)",
            "ALTER TABLE todo.task ENABLE ROW LEVEL SECURITY",
            "DROP INDEX todo.task_unfilled_idx",
            "CREATE INDEX task_unfilled_idx ON todo.task (user_id) WHERE is_done",
        ]
    for change in changes:
        sql = (
            change.replace("ON todo.", "ON main.")
            if store.kind == "sqlite"
            else change
        )
        await run_sql(
            store,
            sql.replace(
                "CREATE INDEX extra ON main.", "CREATE INDEX extra ON "
            ),
        )
        seen.append(await read_schema(store))

    assert all(seen.count(one) == 1 for one in seen)


async def test_two_stores_made_at_the_same_place_in_turn_are_the_same(
    store: Store, clock: Clock
) -> None:
    await by_first_add(store, clock)
    first = await read_schema(store)

    await by_db_upgrade(store, clock)

    assert await read_schema(store) == first


@pytest.fixture
def sibling(
    store: Store, request: pytest.FixtureRequest
) -> Callable[[], Store]:
    """Another empty store of the same kind."""

    def make() -> Store:
        if store.kind == "sqlite":
            return Store(
                "sqlite", f"sqlite:///{file_of(store).with_name('sibling.db')}"
            )
        postgres, name = (
            request.getfixturevalue("postgres"),
            request.getfixturevalue("empty_database"),
        )
        return Store("postgresql", postgres.url(name))

    return make


def test_revisions_are_those_of_alembic() -> None:
    config = Config()
    config.set_main_option(
        "script_location", str(MIGRATIONS).replace("%", "%%")
    )
    scripts = ScriptDirectory.from_config(config)

    chain = [script.revision for script in scripts.walk_revisions()]

    assert list(reversed(chain)) == list(schema.REVISIONS)
    assert scripts.get_heads() == [schema.HEAD]
    assert {path.name for path in (MIGRATIONS / "versions").glob("*.py")} >= {
        "__init__.py"
    }
    assert len(list((MIGRATIONS / "versions").glob("[0-9]*.py"))) == len(chain)


@only_postgresql
async def test_creation_is_harmless_when_repeated(
    store: Store, clock: Clock
) -> None:
    await by_first_add(store, clock)
    before = await read_schema(store)

    await by_printed_script_again(store)

    assert await read_schema(store) == before
    assert await fetch_all(store, "SELECT title FROM todo.task") == [
        ("Buy milk",)
    ]


@only_postgresql
async def test_creation_when_repeated_waits_for_nobody_who_writes(
    store: Store, clock: Clock
) -> None:
    """Else first adds at once wait in a circle, until PostgreSQL looks for deadlocks."""
    await by_first_add(store, clock)
    async with connected(store) as writer, writer.transaction():
        await writer.execute("UPDATE todo.task SET title = 'b'")
        await writer.execute("UPDATE todo.counter SET last = 2")

        async with connected(store) as second:
            await second.execute("SET lock_timeout = '1s'")
            await second.execute(";".join(load("postgresql").creation))


async def by_printed_script_again(store: Store) -> None:
    """Run the script of a first creation, whatever is there."""
    await run_script(store, upgrade.script("postgresql", None))


async def test_creation_under_way_when_it_fails_leaves_nothing(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = load(store.kind).creation
    broken = property(lambda _: [*whole, "SELECT nothing FROM nowhere"])
    monkeypatch.setattr(Statements, "creation", broken)

    with pytest.raises(TodoError):
        await by_first_add(store, clock)

    assert await what_is_ours(store) == []
    monkeypatch.undo()
    await by_first_add(store, clock)
    assert await read_version(store) == [schema.HEAD]


async def what_is_ours(store: Store) -> list[tuple[object, ...]]:
    """The tables and schemas that creating makes."""
    if store.kind == "sqlite":
        return await fetch_all(store, "SELECT name FROM sqlite_master")
    return await fetch_all(
        store, "SELECT nspname FROM pg_namespace WHERE nspname = 'todo'"
    )


# CHECKs refuse what rules refuse

CODES = [
    *range(0x01, 0xA2),
    0x34F,
    0x61C,
    *range(0x200B, 0x2030),
    *range(0x2060, 0x2070),
    0xD7FF,
    0xE000,
    0xFEFF,
]
CODES += [0xFFFD, 0xFFFF, 0x10000, 0x1F600, 0xE0001, 0x10FFFF]
TEXTS = [
    *(f"a{chr(code)}b" for code in CODES),
    *(
        "a" * length
        for length in (
            0,
            1,
            199,
            200,
            201,
            254,
            255,
            256,
            9_999,
            10_000,
            10_001,
        )
    ),
    *(
        "\U0001f600" * length
        for length in (200, 201, 255, 256, 10_000, 10_001)
    ),
    *(
        ".",
        "..",
        "...",
        "a/b",
        "/",
        "a.b",
        "\\",
        "[^a]*?",
        "'",
        '"',
        "%",
        "_",
        "$1",
    ),
]


def survives(clean: Callable[[str], str | None], text: str) -> bool:
    """Whether the rules take a text, and as it is."""
    try:
        return clean(text) == text
    except InvalidInput:
        return False


CLEANERS: Mapping[str, Callable[[str], str | None]] = {
    "title": rules.clean_title,
    "description": rules.clean_description,
    "user_id": rules.clean_user,
}


async def try_texts(store: Store, column: str) -> list[bool]:
    """Whether the store takes each of the texts in this column, asked without the program."""
    statements = []
    for number, text in enumerate(TEXTS, start=2):
        values = {"user_id": "'ada'", "title": "'a'", "description": "NULL"}
        values |= {column: "'" + text.replace("'", "''") + "'"}
        values |= {"id": f"'{uuid4()}'", "number": str(number)}
        values |= dict.fromkeys(
            ("created_at", "updated_at"), "'2026-01-02T03:04:05.000000Z'"
        )
        statements.append(
            f"INSERT INTO todo.task ({', '.join(values)}) VALUES ({', '.join(values.values())})"
        )
    taken = []
    if store.kind == "sqlite":
        with closing(sqlite3.connect(file_of(store))) as file:
            for statement in statements:
                with suppress(*REFUSALS):
                    file.execute(statement.replace("todo.", "", 1))
                    taken.append(statement)
    else:
        async with connected(store) as server:
            for statement in statements:
                with suppress(*REFUSALS):
                    await server.execute(statement)
                    taken.append(statement)
    return [statement in taken for statement in statements]


@pytest.mark.spec("001/FR-012")
@pytest.mark.parametrize("column", CLEANERS)
async def test_checks_refuse_exactly_what_the_rules_refuse(
    store: Store, clock: Clock, column: str
) -> None:
    await by_first_add(store, clock)
    differing = []

    for text, taken in zip(TEXTS, await try_texts(store, column), strict=True):
        if taken != survives(CLEANERS[column], text):
            differing.append((ascii(text[:5]), len(text), taken))

    assert differing == []


# Somebody else's

FOREIGN_FILES: Mapping[str, Sequence[str]] = {
    "a table": [
        "CREATE TABLE item (id INTEGER)",
        "INSERT INTO item VALUES (1)",
    ],
    "a view": ["CREATE VIEW task AS SELECT 1 AS id"],
    "another table of the name of ours": [
        "CREATE TABLE alembic_version (revision TEXT)",
        "CREATE TABLE item (id INT)",
    ],
    "our tables without the version": [
        "CREATE TABLE task (id TEXT, name TEXT)",
        "CREATE TABLE counter (value INTEGER)",
    ],
    "another program of Alembic's": [
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
        "INSERT INTO alembic_version VALUES ('ae1027a6acf4')",
        "CREATE TABLE item (id INTEGER)",
    ],
    "another program of Alembic's at our version": [
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
        f"INSERT INTO alembic_version VALUES ('{schema.HEAD}')",
        "CREATE TABLE item (id INTEGER)",
    ],
    "another program of Alembic's at no version": [
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
        "CREATE TABLE item (id INTEGER)",
    ],
}
CALLS: Mapping[str, Callable[[TaskService, Database], Any]] = {
    "list": lambda tasks, database: tasks.list(),
    "add": lambda tasks, database: tasks.add(NewTask(title="a")),
    "add_all": lambda tasks, database: tasks.add_all([NewTask(title="a")]),
    "done": lambda tasks, database: tasks.complete([1]),
    "db upgrade": lambda tasks, database: database.upgrade(),
}


@pytest.mark.spec("001/FR-039")
@only_sqlite
@pytest.mark.parametrize(
    "statements", FOREIGN_FILES.values(), ids=FOREIGN_FILES.keys()
)
@pytest.mark.parametrize("call", CALLS)
async def test_a_file_of_something_else_is_not_touched(
    store: Store,
    database: Database,
    tasks: TaskService,
    statements: Sequence[str],
    call: str,
) -> None:
    for statement in statements:
        await run_sql(store, statement)
    before = digest(store)

    with pytest.raises(SchemaMismatch):
        await CALLS[call](tasks, database)

    await database.close()
    assert (database.created, digest(store)) == (False, before)
    assert [path.name for path in file_of(store).parent.iterdir()] == [
        "store.db"
    ]


def digest(store: Store) -> str:
    """The content of a SQLite file."""
    return hashlib.sha256(file_of(store).read_bytes()).hexdigest()


@pytest.mark.spec("001/FR-039")
@only_postgresql
@pytest.mark.parametrize(
    "statement",
    ["CREATE VIEW todo.task AS SELECT 1", "CREATE TABLE todo.task (id int)"],
)
async def test_a_schema_with_other_tables_is_not_upgraded(
    store: Store, database: Database, statement: str
) -> None:
    await run_sql(store, "CREATE SCHEMA todo")
    await run_sql(store, statement)
    before = await what_exists(store)

    for call in (database.upgrade, database.upgrade_script):
        with pytest.raises(SchemaMismatch) as caught:
            await call()
        assert caught.value.message.endswith(
            "already holds tables that are not todo's"
        )
        assert caught.value.hint == "use another database"

    assert (database.created, await what_exists(store)) == (False, before)


@pytest.mark.spec("001/FR-039")
@pytest.mark.parametrize(
    "loss",
    [
        "DELETE FROM todo.alembic_version",
        "DROP TABLE todo.alembic_version",
        "UPDATE todo.alembic_version SET version_num = NULL",
    ],
)
async def test_a_store_restored_without_its_version_is_not_called_somebody_elses(
    store: Store, clock: Clock, loss: str
) -> None:
    """The rows of this table were not in the dump: matrix-org/synapse#9818."""
    await by_first_add(store, clock)
    if "NULL" in loss:
        await run_sql(store, "DROP TABLE todo.alembic_version")
        await run_sql(
            store, "CREATE TABLE todo.alembic_version (version_num text)"
        )
        await run_sql(
            store, "INSERT INTO todo.alembic_version VALUES ('0001')"
        )
    await run_sql(store, loss)

    async with open_database(store.target) as database:
        for call in (database.upgrade, database.upgrade_script):
            with pytest.raises(SchemaMismatch) as caught:
                await call()
            assert caught.value.message == (
                f"{store.target.place} holds `task` and `counter`, but not "
                "their version"
            )
            assert caught.value.hint == (
                "if they are todo's, restore the table `alembic_version`, too"
            )


async def test_a_store_that_lost_a_table_is_a_mismatch(
    store: Store, clock: Clock
) -> None:
    await by_first_add(store, clock)
    drop = "DROP TABLE todo.task"
    if store.kind == "postgresql":
        drop += " CASCADE"
    await run_sql(store, drop)

    async with open_database(store.target) as database:
        for call in (CALLS["list"], CALLS["add"], CALLS["done"]):
            with pytest.raises(
                SchemaMismatch, match=r"do not fit this program|not todo's"
            ):
                await call(TaskService(database, "ada", clock), database)


async def test_a_store_whose_columns_have_other_names_is_a_mismatch(
    store: Store, clock: Clock
) -> None:
    await by_first_add(store, clock)
    await run_sql(store, "ALTER TABLE todo.task RENAME COLUMN title TO name")

    async with open_database(store.target) as database:
        for call in (CALLS["list"], CALLS["add"], CALLS["done"]):
            with pytest.raises(
                SchemaMismatch, match="do not fit this program"
            ) as caught:
                await call(TaskService(database, "ada", clock), database)
            assert caught.value.hint == "see `todo doctor`"


@pytest.mark.parametrize(
    ("store", "moment"),
    [("sqlite", 1), ("sqlite", 2), ("sqlite", 3), ("postgresql", 1)],
    indirect=["store"],
)
async def test_a_schema_that_appears_while_we_look_is_not_taken_for_somebody_elses(
    store: Store,
    tasks: TaskService,
    clock: Clock,
    moment: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = 0

    def make_it_now(*_: object) -> None:
        nonlocal steps
        steps += 1
        if steps == moment:
            wait_for(by_first_add(store, clock))

    after_each_statement(monkeypatch, make_it_now)

    added = await tasks.add(NewTask(title="Buy bread"))

    assert steps > moment
    assert added.task.number == 2
    assert await read_version(store) == [schema.HEAD]


async def test_a_store_that_lost_its_version_is_not_changed(
    store: Store, clock: Clock, database: Database
) -> None:
    await by_first_add(store, clock)
    await run_sql(store, "DELETE FROM todo.alembic_version")
    before = await read_schema(store)

    for call in (database.upgrade, database.upgrade_script):
        with pytest.raises(SchemaMismatch):
            await call()

    assert await read_schema(store) == before
    assert await read_version(store) == []


# Older


@pytest.fixture
async def aged(
    store: Store, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Store:
    """A store with one task, made by an older program that called a title a name."""
    await by_first_add(store, clock)
    await run_sql(store, "ALTER TABLE todo.task RENAME COLUMN title TO name")
    await run_sql(
        store, f"UPDATE todo.alembic_version SET version_num = '{OLDER}'"
    )
    invent_past(tmp_path / "migrations", monkeypatch)
    return store


@pytest.mark.spec("001/FR-041")
@only_postgresql
@pytest.mark.parametrize("call", ["list", "add", "add_all", "done"])
async def test_an_older_server_is_refused_and_names_the_command(
    aged: Store, database: Database, tasks: TaskService, call: str
) -> None:
    before = await read_schema(aged)

    with pytest.raises(SchemaMismatch) as caught:
        await CALLS[call](tasks, database)

    assert caught.value.message.endswith("are of an older version of todo")
    assert caught.value.hint == "run `todo db upgrade`"
    assert await read_schema(aged) == before


@pytest.mark.spec("001/FR-041")
@only_postgresql
async def test_an_older_server_is_asked_for_its_version_only_when_a_statement_fails(
    store: Store, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await by_first_add(store, clock)
    await run_sql(
        store, f"UPDATE todo.alembic_version SET version_num = '{OLDER}'"
    )
    invent_past(tmp_path / "migrations", monkeypatch)
    asked: list[str] = []

    after_each_statement(monkeypatch, asked.append)

    async with open_database(store.target) as database:
        page = await TaskService(database, "ada", clock).list()

    assert [task.title for task in page.tasks] == ["Buy milk"]
    assert len(asked) == 1
    assert "alembic_version" not in asked[0]


@pytest.mark.spec("001/FR-041")
async def test_upgrade_brings_an_older_store_to_this_version(
    aged: Store,
    sibling: Callable[[], Store],
    database: Database,
    tasks: TaskService,
    clock: Clock,
) -> None:
    fresh = sibling()
    await by_first_add(fresh, clock)

    assert await database.upgrade() == schema.HEAD

    assert database.created is False
    assert await read_version(aged) == [schema.HEAD]
    assert columns_of(await read_schema(aged)) == columns_of(
        await read_schema(fresh)
    )
    assert [task.title for task in (await tasks.list()).tasks] == ["Buy milk"]
    assert await database.upgrade() == schema.HEAD


def columns_of(
    schema: Mapping[str, Sequence[tuple[Any, ...]]],
) -> list[tuple[Any, ...]]:
    """The columns of the tables, or SQLite's objects by name; a renamed column keeps
    the text of its CHECKs.
    """
    if "objects" in schema:
        return [row[:3] for row in schema["objects"]]
    return list(schema["columns"])


@pytest.mark.spec("001/FR-041")
async def test_upgrade_script_is_what_upgrade_does(
    aged: Store, database: Database, tasks: TaskService
) -> None:
    sql = await database.upgrade_script()

    assert RENAME[aged.kind][0] in sql
    assert "CREATE TABLE" not in sql
    assert await read_version(aged) == [OLDER]
    await run_script(aged, sql)
    assert await read_version(aged) == [schema.HEAD]
    assert [task.title for task in (await tasks.list()).tasks] == ["Buy milk"]
    done = f"-- The schema is up to date ({schema.HEAD}).\n"
    assert (await database.upgrade_script()).startswith(done)


@pytest.mark.spec("001/FR-041")
async def test_upgrade_that_fails_changes_nothing(
    store: Store, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await by_first_add(store, clock)
    await run_sql(store, "ALTER TABLE todo.task RENAME COLUMN title TO name")
    await run_sql(
        store, f"UPDATE todo.alembic_version SET version_num = '{OLDER}'"
    )
    broken = {
        kind: [*steps, "SELECT nothing FROM nowhere"]
        for kind, steps in RENAME.items()
    }
    invent_past(tmp_path / "migrations", monkeypatch, broken)
    before = await read_schema(store)

    async with open_database(store.target) as database:
        with pytest.raises(TodoError):
            await database.upgrade()

    assert await read_schema(store) == before
    assert await read_version(store) == [OLDER]


@pytest.mark.spec("001/FR-041")
async def test_upgrades_at_the_same_time_all_succeed(
    aged: Store, seal: Seal, tmp_path: Path, fork_server: ForkServer
) -> None:
    process = Process(
        Surroundings(seal.home, seal.cwd, aged.url), fork_server.launch
    )
    past = partial(look_back, tmp_path / "migrations")

    running = [
        process.start("db", "upgrade", "--json", before=past)
        for _ in range(size(2, 4))
    ]
    upgraded = [finished(one) for one in running]

    assert [ran.data for ran in upgraded] == [upgraded[0].data] * len(running)
    assert schema.HEAD in upgraded[0].out
    assert await read_version(aged) == [schema.HEAD]
    if aged.kind == "sqlite":
        assert [path.name for path in file_of(aged).parent.glob("*.bak")] == [
            f"store.db.{OLDER}.bak"
        ]


@pytest.mark.spec("002/FR-079")
@only_postgresql
async def test_nobody_waits_long_behind_an_upgrade_that_waits(
    aged: Store, database: Database
) -> None:
    """A reader whose transaction stays open: un-fao/GeoID#1233."""
    async with connected(aged) as reader, connected(aged) as other:
        reading = reader.transaction()
        await reading.start()
        await reader.execute("SELECT FROM todo.task")
        upgrading = asyncio.create_task(database.upgrade())
        while not upgrading.done() and not await reader.fetchval(WAITING):
            await asyncio.sleep(0.005)

        assert await other.fetchval("SELECT name FROM todo.task")
        assert not upgrading.done()
        await reading.rollback()
        assert await upgrading == schema.HEAD


WAITING = """
SELECT count(*) FROM pg_locks
WHERE relation = 'todo.task'::regclass AND NOT granted
"""


@pytest.mark.spec("002/FR-079")
@only_postgresql
async def test_an_upgrade_behind_an_open_transaction_is_busy(
    aged: Store,
) -> None:
    async with connected(aged) as reader, reader.transaction():
        await reader.execute("SELECT FROM todo.task")
        async with open_database(aged.target, busy_for_s=0.1) as database:
            with pytest.raises(DatabaseBusy, match="busy"):
                await database.upgrade()
            assert not database.may_have_written

    assert await read_version(aged) == [OLDER]


@pytest.mark.spec("001/FR-041")
@only_sqlite
@pytest.mark.parametrize(
    "call", ["list", "add", "add_all", "done", "db upgrade"]
)
async def test_an_older_file_is_copied_aside_and_upgraded_on_first_use(
    aged: Store, database: Database, tasks: TaskService, call: str
) -> None:
    path = file_of(aged)
    with closing(sqlite3.connect(path)) as beside:
        beside.execute("PRAGMA wal_autocheckpoint=0")
        beside.execute("UPDATE task SET name = 'Only in the log'")
        beside.commit()
        assert b"Only in the log" not in path.read_bytes()

        await CALLS[call](tasks, database)

    copy = path.with_name(f"store.db.{OLDER}.bak")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT name FROM task").fetchall() == [
            ("Only in the log",)
        ]
        assert connection.execute(
            "SELECT version_num FROM alembic_version"
        ).fetchall() == [(OLDER,)]
    assert await read_version(aged) == [schema.HEAD]
    assert ("Only in the log",) in await fetch_all(
        aged, "SELECT title FROM task"
    )


@pytest.mark.spec("001/FR-041")
@only_sqlite
async def test_an_older_file_is_copied_once(aged: Store, clock: Clock) -> None:
    for _ in range(3):
        async with open_database(aged.target) as database:
            await TaskService(database, "ada", clock).list()

    assert [path.name for path in file_of(aged).parent.glob("*.bak")] == [
        f"store.db.{OLDER}.bak"
    ]


@pytest.mark.spec("001/FR-041")
@only_sqlite
async def test_an_older_file_that_is_locked_is_not_copied_again_and_again(
    aged: Store, clock: Clock
) -> None:
    async with open_database(aged.target, busy_for_s=0.5) as database:
        tasks = TaskService(database, "ada", clock)
        with closing(
            sqlite3.connect(file_of(aged), isolation_level=None)
        ) as beside:
            beside.execute("BEGIN IMMEDIATE")

            with pytest.raises(DatabaseBusy):
                await tasks.list()

            assert len(list(file_of(aged).parent.glob("*.bak"))) <= 1
            beside.execute("ROLLBACK")
        assert [task.title for task in (await tasks.list()).tasks] == [
            "Buy milk"
        ]


@pytest.mark.spec("001/FR-041")
@only_sqlite
async def test_an_older_file_that_somebody_else_upgrades_meanwhile_is_copied_as_it_was(
    aged: Store, tmp_path: Path, clock: Clock
) -> None:
    async def use() -> int:
        async with open_database(aged.target) as database:
            return len(
                (await TaskService(database, "ada", clock).list()).tasks
            )

    assert await asyncio.gather(*(use() for _ in range(4))) == [1] * 4
    for copy in file_of(aged).parent.glob("*.bak"):
        with closing(sqlite3.connect(copy)) as connection:
            assert connection.execute(
                "SELECT version_num FROM alembic_version"
            ).fetchall() == [(OLDER,)]


# Newer

RENAMED = "ALTER TABLE todo.task RENAME COLUMN title TO name"
ADDITIVE = "ALTER TABLE todo.task ADD COLUMN due_at TEXT"


async def age_backwards(store: Store, clock: Clock, change: str) -> None:
    """Make a store as a program does that is newer than this one."""
    await by_first_add(store, clock)
    await run_sql(store, change)
    await run_sql(
        store, "UPDATE todo.alembic_version SET version_num = '9999'"
    )


@pytest.mark.spec("001/FR-041")
@pytest.mark.parametrize("call", ["list", "add", "add_all", "done"])
async def test_a_newer_store_that_we_cannot_live_with_is_refused(
    store: Store,
    clock: Clock,
    database: Database,
    tasks: TaskService,
    call: str,
) -> None:
    await age_backwards(store, clock, RENAMED)
    before = (
        await read_schema(store),
        await fetch_all(store, "SELECT name FROM todo.task"),
    )

    with pytest.raises(SchemaMismatch) as caught:
        await CALLS[call](tasks, database)

    assert caught.value.message.endswith("are of a newer version of todo")
    assert caught.value.hint == "upgrade todo here"
    assert (
        await read_schema(store),
        await fetch_all(store, "SELECT name FROM todo.task"),
    ) == before


@pytest.mark.spec("001/FR-041")
async def test_a_newer_store_that_only_adds_is_used_as_before(
    store: Store, clock: Clock, database: Database, tasks: TaskService
) -> None:
    await age_backwards(store, clock, ADDITIVE)

    await tasks.add(NewTask(title="Buy bread"))
    await tasks.add_all([NewTask(title="Buy eggs")])
    await tasks.update([1], TaskChange(title="Buy more milk"))
    await tasks.complete([2])
    await tasks.delete([3])

    assert [task.title for task in (await tasks.list()).tasks] == [
        "Buy more milk"
    ]
    assert (await tasks.get(2)).completed
    assert await read_version(store) == ["9999"]
    if store.kind == "sqlite":
        assert list(file_of(store).parent.glob("*.bak")) == []


@pytest.mark.spec("001/FR-041")
@pytest.mark.parametrize("change", [RENAMED, ADDITIVE])
async def test_a_newer_store_is_not_upgraded(
    store: Store, clock: Clock, database: Database, change: str
) -> None:
    await age_backwards(store, clock, change)
    before = await read_schema(store)

    for call in (database.upgrade, database.upgrade_script):
        with pytest.raises(
            SchemaMismatch, match="are of a newer version of todo"
        ):
            await call()

    assert await read_schema(store) == before
    assert await read_version(store) == ["9999"]


# Absent


@pytest.mark.spec("002/FR-081")
async def test_upgrade_makes_a_store_that_is_not_there_and_says_so(
    store: Store, database: Database, tasks: TaskService
) -> None:
    assert await database.upgrade() == schema.HEAD
    assert database.created is True
    assert (await tasks.list()).tasks == []
    assert (await tasks.add(NewTask(title="a"))).task.number == 1


@pytest.mark.spec("002/FR-081")
async def test_upgrade_script_makes_nothing(
    store: Store, database: Database
) -> None:
    before = await what_exists(store)

    sql = await database.upgrade_script()

    assert sql.startswith("BEGIN;\n")
    assert sql.endswith("COMMIT;\n\n")
    assert ("CREATE SCHEMA todo" in sql) is (store.kind == "postgresql")
    assert ("pg_advisory_xact_lock" in sql) is (store.kind == "postgresql")
    assert re.search(r"\$\d|%\(", sql) is None
    assert (database.created, await what_exists(store)) == (False, before)


async def test_a_file_without_tables_is_a_store_not_made_yet(
    sqlite_store: Store, clock: Clock
) -> None:
    await run_script(sqlite_store, "PRAGMA journal_mode=WAL; VACUUM")
    assert file_of(sqlite_store).stat().st_size > 0

    async with open_database(sqlite_store.target) as database:
        tasks = TaskService(database, "ada", clock)
        assert (await tasks.list()).tasks == []
        with pytest.raises(NoStore):
            await database.run(
                lambda connection: connection.fetch("contents", user="ada")
            )
        assert (await tasks.add(NewTask(title="a"))).task.number == 1
        assert database.created is True


# Rights


@pytest.fixture
def visitor(own_postgres: PostgresCluster) -> Iterator[tuple[Store, Store]]:
    """A database as its owner sees it, and as a role without the right to create anything does."""
    name, role, password = (
        own_postgres.create_database(),
        f"visitor_{uuid4().hex[:8]}",
        "p@ss/w#rd?%:[] \u00e4",
    )
    own_postgres.run_sql(
        "postgres", f"CREATE ROLE {role} LOGIN PASSWORD '{password}'"
    )
    url = own_postgres.url(name, user=role, password=password)
    yield Store("postgresql", own_postgres.url(name)), Store("postgresql", url)
    own_postgres.drop_database(name)
    own_postgres.run_sql("postgres", f"DROP ROLE {role}")


def role_of(store: Store) -> str:
    """The role of a store's URL."""
    return store.url.partition("//")[2].partition(":")[0]


@pytest.mark.parametrize("call", ["add", "add_all", "db upgrade"])
async def test_a_role_that_may_not_create_is_told_what_the_owner_can_do(
    visitor: tuple[Store, Store], clock: Clock, call: str
) -> None:
    owner, guest = visitor

    async with open_database(guest.target) as database:
        with pytest.raises(Forbidden) as caught:
            await CALLS[call](TaskService(database, "ada", clock), database)

    assert (
        caught.value.hint
        == "the owner can run what `todo db upgrade --sql` prints"
    )
    assert await what_is_ours(owner) == []


async def test_a_role_that_may_not_create_works_once_the_owner_ran_the_printed_sql(
    visitor: tuple[Store, Store], clock: Clock
) -> None:
    owner, guest = visitor
    async with open_database(guest.target) as database:
        sql = await database.upgrade_script()

    await run_script(owner, sql)

    async with open_database(guest.target) as database:
        tasks = TaskService(database, "ada", clock)
        await tasks.add(NewTask(title="a"))
        await tasks.add_all([NewTask(title="b")])
        await tasks.update([1], TaskChange(title="c"))
        await tasks.complete([2])
        assert [task.title for task in await tasks.delete([1, 2])] == [
            "c",
            "b",
        ]
        assert await database.upgrade() == schema.HEAD


async def test_a_role_that_got_no_rights_is_told_which_it_needs(
    visitor: tuple[Store, Store], clock: Clock
) -> None:
    owner, guest = visitor
    await by_first_add(owner, clock)

    async with open_database(guest.target) as database:
        with pytest.raises(Forbidden) as caught:
            await TaskService(database, "ada", clock).list()
        sql = await database.upgrade_script()
    assert (
        caught.value.hint
        == "the owner can run what `todo db upgrade --sql` prints"
    )
    await run_script(owner, sql)

    async with open_database(guest.target) as database:
        tasks = TaskService(database, "ada", clock)
        assert (await tasks.add(NewTask(title="Buy bread"))).task.number == 2
        assert [task.number for task in await tasks.delete([1])] == [1]


MINE = {
    "the schema alone": ["SCHEMA todo"],
    "all but the tasks": [
        "TABLE todo.counter",
        "TABLE todo.tag",
        "TABLE todo.alembic_version",
        "TABLE todo.operation",
        "TABLE todo.change",
        "TABLE todo.token",
    ],
    "all but the counters": [
        "TABLE todo.task",
        "TABLE todo.tag",
        "TABLE todo.alembic_version",
        "TABLE todo.operation",
        "TABLE todo.change",
        "TABLE todo.token",
    ],
    "all but the tags": [
        "TABLE todo.task",
        "TABLE todo.counter",
        "TABLE todo.alembic_version",
        "TABLE todo.operation",
        "TABLE todo.change",
        "TABLE todo.token",
    ],
    "all but the operations": [
        "TABLE todo.task",
        "TABLE todo.tag",
        "TABLE todo.counter",
        "TABLE todo.change",
        "TABLE todo.alembic_version",
    ],
    "all but the changes": [
        "TABLE todo.task",
        "TABLE todo.tag",
        "TABLE todo.counter",
        "TABLE todo.operation",
        "TABLE todo.alembic_version",
    ],
    "all but the version": [
        "TABLE todo.task",
        "TABLE todo.tag",
        "TABLE todo.counter",
        "TABLE todo.operation",
        "TABLE todo.change",
        "TABLE todo.token",
    ],
}


@pytest.mark.parametrize("mine", MINE)
async def test_a_role_that_owns_a_part_of_the_schema_is_told_which_rights_it_needs(
    visitor: tuple[Store, Store], clock: Clock, mine: str
) -> None:
    """PlexTrac/plextrac-manager-util#54: restored tables had another owner."""
    owner, guest = visitor
    await by_first_add(owner, clock)
    for part in {"SCHEMA todo", *MINE[mine]}:
        await run_sql(owner, f"ALTER {part} OWNER TO {role_of(guest)}")

    async with open_database(guest.target) as database:
        sql = await database.upgrade_script()
    await run_script(owner, sql)

    async with open_database(guest.target) as database:
        tasks = TaskService(database, "ada", clock)
        assert (await tasks.add(NewTask(title="Buy bread"))).task.number == 2
        assert [task.number for task in await tasks.delete([1])] == [1]
        assert await database.upgrade() == schema.HEAD


async def test_a_role_that_owns_all_of_the_schema_needs_no_rights(
    visitor: tuple[Store, Store], clock: Clock
) -> None:
    owner, guest = visitor
    await by_first_add(owner, clock)
    for part in {part for parts in MINE.values() for part in parts}:
        await run_sql(owner, f"ALTER {part} OWNER TO {role_of(guest)}")

    async with open_database(guest.target) as database:
        assert "GRANT" not in await database.upgrade_script()


@pytest.mark.spec("001/FR-039")
@pytest.mark.parametrize("call", ["add", "add_all", "db upgrade"])
async def test_an_empty_schema_that_was_made_for_a_role_is_used(
    visitor: tuple[Store, Store], clock: Clock, call: str
) -> None:
    owner, guest = visitor
    await run_sql(
        owner,
        f"CREATE SCHEMA todo; GRANT CREATE, USAGE ON SCHEMA todo TO {role_of(guest)}",
    )

    async with open_database(guest.target) as database:
        assert (await TaskService(database, "ada", clock).list()).tasks == []
        await CALLS[call](TaskService(database, "ada", clock), database)

        assert database.created is True
        assert await read_version(guest) == [schema.HEAD]
        assert (
            await TaskService(database, "bob", clock).add(NewTask(title="a"))
        ).task.number == 1


@only_sqlite
async def test_the_script_of_a_file_that_is_no_database_is_none(
    store: Store, database: Database
) -> None:
    file_of(store).write_bytes(b"no database" * 1_000)

    with pytest.raises(IoFailed, match="is not a SQLite database"):
        await database.upgrade_script()


@only_postgresql
async def test_a_fault_while_the_script_is_made_is_not_hidden(
    store: Store, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_connection: object) -> schema.State:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(schema, "read_state", fail)

    with pytest.raises(TodoError):
        await database.upgrade_script()
