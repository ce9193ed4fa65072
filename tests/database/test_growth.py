"""A new table and a new column reach the stores of every version; nothing is lost.

The next version is a copy of the program with one more revision, run as a process.
Its column and its table have names that no release will use.
"""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

import todo_cli
from tests.conftest import Seal
from tests.database.catalog import Schema, read_schema, read_version
from tests.service.backdoor import fetch_all, file_of, run_sql
from tests.support.blocking import wait_for
from tests.support.postgres import PostgresCluster
from tests.support.program import Ran, Surroundings, Todo
from tests.support.stores import Clock, Store
from todo_cli.database.schema import HEAD

STORES = Path(__file__).parents[1] / "stores"
VERSIONS = sorted(path.stem for path in STORES.glob("*.db"))
PACKAGE = Path(todo_cli.__file__).parent
USERS = ["ada", "bob smith", "grace"]
TASKS = """SELECT id, number, user_id, title, description, {done}, created_at,
    updated_at, completed_at FROM todo.task ORDER BY user_id, number"""
COUNTERS = "SELECT user_id, last FROM todo.counter ORDER BY user_id"

NEXT = f"{int(HEAD) + 1:04}"
"""The revision after today's."""
COLUMN = """
    invented_weight: int | None = Field(default=None)
"""
TABLE = '''

class InventedLabel(SQLModel, table=True):
    """What a user calls a task besides its title."""

    __tablename__ = "invented_label"
    __table_args__ = (
        CheckConstraint("name <> ''", name="name_is_there"), {"schema": SCHEMA}
    )

    user_id: str = Field(primary_key=True, sa_type=Text)
    name: str = Field(primary_key=True, sa_type=Text)
'''
REVISION = f"""
from alembic import op

revision = "{NEXT}"
down_revision = "{HEAD}"


def upgrade() -> None:
    schema = "todo." if op.get_context().dialect.name == "postgresql" else ""
    op.execute(
        f"ALTER TABLE {{schema}}task ADD COLUMN invented_weight INTEGER"
    )
    op.execute(f'''CREATE TABLE {{schema}}invented_label (
        user_id TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (user_id, name),
        CONSTRAINT name_is_there CHECK (name <> ''))''')
"""


LOOP = """
import json, os, sys
import todo_cli.cli.app, todo_cli.cli.commands.doctor
import todo_cli.cli.commands.store, todo_cli.cli.commands.tasks
import todo_cli.cli.doctor, todo_cli.cli.run, todo_cli.service
import todo_cli.database.connection, todo_cli.database.file_facts
import todo_cli.database.postgresql, todo_cli.database.transfer
import todo_cli.database.ddl, todo_cli.database.policy
import todo_cli.database.tables, todo_cli.database.upgrade
import alembic.command, asyncio
from todo_cli.__main__ import run

for line in sys.stdin:
    arguments, variables, cwd, *streams = json.loads(line)
    child = os.fork()
    if child == 0:
        for number, path in enumerate([os.devnull, *streams]):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), number)
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(variables)
        sys.argv = ["todo", *arguments]
        run()
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""
"""Runs the commands that come in, each in a process forked from this one."""


@dataclass(frozen=True, slots=True)
class Next:
    """The next version of the program, as processes."""

    loop: "subprocess.Popen[str]"
    seal: Seal

    def __call__(self, url: str, *arguments: str, user: str = "ada") -> Ran:
        """Run one command on a store."""
        variables = {"HOME": str(self.seal.home), "TODO_DATABASE_URL": url}
        for name in ("PATH", "LD_LIBRARY_PATH"):
            if name in os.environ:
                variables[name] = os.environ[name]
        out, err = (self.seal.cwd / name for name in ("out", "err"))
        asked = [
            [*arguments, "--user", user],
            variables,
            *map(str, (self.seal.cwd, out, err)),
        ]
        assert self.loop.stdin is not None
        assert self.loop.stdout is not None
        self.loop.stdin.write(f"{json.dumps(asked)}\n")
        self.loop.stdin.flush()
        status = int(self.loop.stdout.readline())
        ran = Ran(status, out.read_text(), err.read_text())
        for stream in (out, err):
            stream.unlink()
        return ran


@pytest.fixture(scope="session")
def next_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with a new table, a new column and the revision that makes them."""
    folder = tmp_path_factory.mktemp("next")
    no_caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, folder / "todo_cli", ignore=no_caches)
    database = folder / "todo_cli" / "database"
    row = r"(class TaskRow\(SQLModel, table=True\):.*?)(?=\n\n\n|\n\Z)"
    edit(database / "tables.py", row, rf"\1{COLUMN}")
    with (database / "tables.py").open("a") as tables:
        tables.write(TABLE)
    todays = rf'("{HEAD}": (frozenset\(.*?\)))'
    and_next = rf'\1, "{NEXT}": \2 | {{"invented_label"}}'
    edit(database / "schema.py", todays, and_next)
    versions = database / "migrations" / "versions"
    (versions / f"{NEXT}_invented.py").write_text(REVISION)
    build = [sys.executable, "-m", "todo_cli.database.build"]
    subprocess.run(
        build, env={"PYTHONPATH": str(folder)}, cwd=folder, check=True
    )
    return folder


def edit(path: Path, pattern: str, replacement: str) -> None:
    """Change the one place in a file that fits a pattern."""
    before = path.read_text()
    text, count = re.subn(
        pattern, replacement, before, count=1, flags=re.DOTALL
    )
    assert count == 1, (path, pattern)
    path.write_text(text)


@pytest.fixture(scope="session")
def next_loop(next_folder: Path) -> "Iterator[subprocess.Popen[str]]":
    """The next version, loaded."""
    with subprocess.Popen(
        [sys.executable, "-P", "-c", LOOP],
        env={"PYTHONPATH": str(next_folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as loop:
        yield loop


@pytest.fixture
def following(next_loop: "subprocess.Popen[str]", seal: Seal) -> Next:
    """The next version."""
    return Next(next_loop, seal)


@pytest.fixture
def todo(seal: Seal, clock: Clock, former: Store) -> Todo:
    """This version, on a store of a former one."""
    return Todo(Surroundings(seal.home, seal.cwd, former.url), clock)


@pytest.fixture(
    params=list(product(("sqlite", "postgresql"), VERSIONS)), ids="-".join
)
def former(request: pytest.FixtureRequest, seal: Seal) -> Store:
    """A store as a former version made it."""
    kind, version = request.param
    if kind == "sqlite":
        shutil.copy(STORES / f"{version}.db", seal.cwd / "store.db")
        return Store("sqlite", f"sqlite:///{seal.cwd / 'store.db'}")
    postgres = request.getfixturevalue("postgres")
    url = postgres.url(request.getfixturevalue("empty_database"))
    wait_for(restore(url, (STORES / f"{version}.sql").read_text()))
    return Store("postgresql", url)


async def restore(url: str, dump: str) -> None:
    """Run a plain dump of `pg_dump` as `psql` would."""
    copy = r"^COPY (\w+)\.(\w+) \(([^)]*)\) FROM stdin;\n(.*?)^\\\.\n"
    first, *parts = re.split(copy, dump, flags=re.MULTILINE | re.DOTALL)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(first)
        for schema, table, columns, rows, sql in zip(
            *[iter(parts)] * 5, strict=True
        ):
            await connection.copy_to_table(
                table,
                schema_name=schema,
                columns=columns.split(", "),
                source=BytesIO(rows.encode()),
                format="text",
            )
            await connection.execute(
                f"{sql}; SELECT 1"
            )  # never nothing but comments
    finally:
        await connection.close()


def fetch(store: Store, sql: str) -> list[tuple[Any, ...]]:
    """The rows of a query, past the program."""
    return wait_for(fetch_all(store, sql))


def run(store: Store, sql: str) -> None:
    """Run a statement, past the program."""
    wait_for(run_sql(store, sql))


def rows_of(store: Store) -> list[tuple[Any, ...]]:
    """Every task and every counter."""
    [version] = version_of(store)
    done = "is_done" if version >= "0004" else "completed"
    return [*fetch(store, TASKS.format(done=done)), *fetch(store, COUNTERS)]


def version_of(store: Store) -> list[str]:
    """The version in a store."""
    return wait_for(read_version(store))


# This version on the stores of former ones


@pytest.mark.spec("001/FR-041")
def test_a_store_of_a_former_version_opens_and_loses_nothing(
    former: Store, todo: Todo
) -> None:
    before = rows_of(former)
    assert len(before) > 6
    version = version_of(former)

    if former.kind == "postgresql":
        refused = todo("list", "--json")
        assert refused.error["code"] == "SCHEMA"
        assert refused.error["hint"] == "run `todo db upgrade`"
        assert todo("stats", "--json").error == refused.error
        assert version_of(former) == version
        assert todo("db", "upgrade").status == 0
    every = ("list", "--status", "all", "--json")
    listed = sum(len(todo(*every, user=user).data) for user in USERS)

    assert listed == len(before) - len(USERS)
    assert version_of(former) == [HEAD]
    assert rows_of(former) == before
    assert todo("doctor").status == 0
    unfilled = "SELECT count(*) FROM todo.task WHERE title_folded IS NULL"
    assert fetch(former, unfilled) == [(0,)]
    if former.kind == "sqlite":
        [copy] = file_of(former).parent.glob("*.bak")
        backup = Store("sqlite", f"sqlite:///{copy}")
        assert (rows_of(backup), version_of(backup)) == (before, version)
    assert todo("add", "next", "--json", user="bob smith").data["number"] == 2


@pytest.mark.spec("001/FR-128")
def test_a_file_of_a_former_version_is_upgraded_to_be_counted(
    seal: Seal, todo_embedded: Todo
) -> None:
    store = seal.cwd / "store.db"
    shutil.copy(STORES / f"{VERSIONS[0]}.db", store)
    here = {"TODO_DATABASE_URL": str(store)}

    counted = todo_embedded("stats", "--json", env=here).data

    every = todo_embedded("list", "--status", "all", "--json", env=here).data
    assert counted["open"] + counted["done"] == len(every) > 0


# The next version


@pytest.mark.spec("001/FR-040", "001/FR-041")
def test_the_next_version_brings_a_store_up_to_date(
    former: Store,
    following: Next,
    made: dict[str, Schema],
    request: pytest.FixtureRequest,
) -> None:
    before, version = rows_of(former), version_of(former)
    if former.kind == "sqlite":
        assert following(former.url, "list").status == 0
        [copy] = file_of(former).parent.glob("*.bak")
        backup = Store("sqlite", f"sqlite:///{copy}")
        assert (rows_of(backup), version_of(backup)) == (before, version)
    else:
        assert following(former.url, "db", "upgrade").status == 0

    assert rows_of(former) == before
    assert version_of(former) == [NEXT]
    filled = "SELECT count(*) FROM todo.task WHERE invented_weight IS NOT NULL"
    assert fetch(former, filled) == [(0,)]
    assert fetch(former, "SELECT * FROM todo.invented_label") == []
    if former.kind not in made:
        new = a_new_store(former, request)
        assert following(new.url, "db", "upgrade").status == 0
        made[former.kind] = wait_for(read_schema(new))
    upgraded = wait_for(read_schema(former))
    assert without_brackets(upgraded) == without_brackets(made[former.kind])
    assert following(former.url, "add", "next", "--json").data["number"] == 5
    said = following(former.url, "db", "upgrade").out
    assert f"is up to date ({NEXT})\n" in said


@pytest.fixture(scope="module")
def made() -> dict[str, Schema]:
    """What a new store of the next version is made of, once known, by its kind."""
    return {}


def without_brackets(schema: Schema) -> dict[str, str]:
    """A schema without the brackets that a dump and its restoring add to conditions."""
    return {
        part: repr(rows).replace("(", "").replace(")", "")
        for part, rows in schema.items()
    }


@pytest.mark.spec("001/FR-041")
def test_the_printed_sql_does_what_the_upgrade_does(
    former: Store, following: Next
) -> None:
    before, version = rows_of(former), version_of(former)

    sql = following(former.url, "db", "upgrade", "--sql").out
    if former.kind == "postgresql":
        assert version_of(former) == version
    if former.kind == "sqlite":
        with closing(sqlite3.connect(file_of(former))) as file:
            file.executescript(sql)
    else:
        run(former, sql)

    assert version_of(former) == [NEXT]
    assert rows_of(former) == before
    assert fetch(former, "SELECT * FROM todo.invented_label") == []
    assert following(former.url, "list").status == 0


def a_new_store(like: Store, request: pytest.FixtureRequest) -> Store:
    """A place for another store of the same kind."""
    if like.kind == "sqlite":
        return Store(
            "sqlite", f"sqlite:///{file_of(like).with_name('new.db')}"
        )
    postgres = request.getfixturevalue("postgres")
    name = postgres.create_database()
    request.addfinalizer(lambda: postgres.drop_database(name))
    return Store("postgresql", postgres.url(name))


@pytest.mark.spec("001/FR-041")
def test_this_version_works_on_a_store_of_the_next(
    former: Store, following: Next, todo: Todo
) -> None:
    assert following(former.url, "db", "upgrade").status == 0

    for command in ("add x", "done 5", "delete 5", "list", "doctor"):
        assert todo(*command.split()).status == 0, command
    refused = todo("db", "upgrade", "--json")
    assert (refused.error["code"], version_of(former)) == ("SCHEMA", [NEXT])
    assert "newer version" in refused.error["message"]


def test_an_import_of_the_next_version_brings_every_table_along(
    former: Store,
    following: Next,
    request: pytest.FixtureRequest,
    todo: Todo,
    seal: Seal,
) -> None:
    if former.kind == "sqlite":
        source, target = former, a_new_store(former, request)
    else:
        file = seal.cwd / "source.db"
        shutil.copy(STORES / f"{VERSIONS[0]}.db", file)
        source, target = Store("sqlite", f"sqlite:///{file}"), former
        run(target, "TRUNCATE todo.task, todo.counter CASCADE")
    for store in (source, target):
        assert following(store.url, "db", "upgrade").status == 0
    labels = [("ada", "home"), ("grace", "work")]
    run(
        source,
        "INSERT INTO todo.invented_label"
        " VALUES ('ada', 'home'), ('grace', 'work')",
    )
    run(source, "UPDATE todo.task SET invented_weight = number")
    others = (
        "SELECT count(*) FROM todo.task"
        " WHERE invented_weight IS DISTINCT FROM number"
    )
    labelled = "SELECT * FROM todo.invented_label ORDER BY 1"

    for _ in range(2):
        assert (
            following(target.url, "db", "import", str(file_of(source))).status
            == 0
        )
        assert fetch(target, labelled) == labels
    assert fetch(target, others) == [(0,)]
    refused = todo("db", "import", str(file_of(source)), "--json")
    code = "SCHEMA" if former.kind == "postgresql" else "INVALID_INPUT"
    assert refused.error["code"] == code


# Under the policy


@pytest.fixture
def person(own_postgres: PostgresCluster) -> Iterator[str]:
    """A name for a role, and the start of another's."""
    name = f"person_{uuid4().hex[:8]}"
    yield name
    for role in (name, f'"{name}\'s server"'):
        own_postgres.run_sql("postgres", f"DROP ROLE IF EXISTS {role}")


@pytest.mark.spec("003/FR-044")
@pytest.mark.parametrize(
    "recipe_comes", ["before the upgrade", "after the upgrade"]
)
@pytest.mark.parametrize(
    "former",
    [("postgresql", version) for version in VERSIONS],
    ids="-".join,
    indirect=True,
)
def test_a_role_under_the_policy_reads_its_own_rows_of_a_new_table(
    former: Store,
    following: Next,
    todo: Todo,
    person: str,
    own_postgres: PostgresCluster,
    recipe_comes: str,
) -> None:
    server = f"{person}'s server"
    recipe = ("db", "policy", person, "--server", server)
    if recipe_comes == "before the upgrade":
        assert todo("db", "upgrade").status == 0
        run(former, todo(*recipe).out)
    assert following(former.url, "db", "upgrade").status == 0
    if recipe_comes == "after the upgrade":
        run(former, following(former.url, *recipe).out)
    for role in (person, f'"{server}"'):
        run(former, f"ALTER ROLE {role} PASSWORD 'of the tests'")
    run(
        former,
        "INSERT INTO todo.invented_label"
        f" VALUES ('ada', 'home'), ('{person}', 'mine')",
    )
    database = former.url.rpartition("/")[2]
    url = own_postgres.url(database, user=person, password="of the tests")

    bound = Store("postgresql", url)
    assert fetch(bound, "SELECT name FROM todo.invented_label") == [("mine",)]
    run(bound, f"INSERT INTO todo.invented_label VALUES ('{person}', 'more')")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        run(bound, "INSERT INTO todo.invented_label VALUES ('ada', 'stolen')")
    assert following(url, "add", "Buy milk", user=person).status == 0

    url = own_postgres.url(database, user=server, password="of the tests")
    theirs = Store("postgresql", url)
    names = "SELECT name FROM todo.invented_label"
    assert fetch(theirs, names) == []
    for_ada = Store("postgresql", f"{url}?options=-c%20todo.user%3Dada")
    assert fetch(for_ada, names) == [("home",)]
    run(former, f'DROP OWNED BY {person}, "{server}"')
