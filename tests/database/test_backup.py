"""`todo db backup`: everything in a store, of either kind, as an embedded file."""

import json
import resource
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.cli.expect import assert_refused
from tests.cli.tampering import empty, rewrite
from tests.conftest import Seal
from tests.database.test_histories import live
from tests.database.test_policy import (
    OWNER,
    PEOPLE,
    altered,
    as_role,
    owner_role,
    shared,
    shared_before,
)
from tests.service.backdoor import file_of, run_sql
from tests.support import disks
from tests.support.blocking import wait_for
from tests.support.postgres import PostgresServer
from tests.support.program import Surroundings, Todo
from tests.support.saved import Saved, put_back, save
from tests.support.site import MAY_HALF_CLOSE, Site
from tests.support.size import size
from tests.support.stores import Clock, Store
from tests.support.turns import Fault, TurnProxy
from todo_cli.database import backup, postgresql
from todo_cli.database.postgresql import PostgresConnection
from todo_cli.database.scratch import Scratch

__all__ = ["owner_role", "shared", "shared_before"]  # fixtures

pytestmark = [*MAY_HALF_CLOSE, pytest.mark.spec("002/FR-250")]

USERS = ("ada", "bob", "zoë")
INDEX = ("task_word", "task_text", "sqlite_")
"""How tables begin that are made from the others."""
MANY = size(3_001, 30_001)


@pytest.fixture
def path(seal: Seal) -> Path:
    """Where the backup is."""
    return seal.cwd / "backup.db"


@pytest.fixture(scope="module")
def kept() -> dict[str, Saved]:
    """What `filled` has, once it is made, by the kind of its store."""
    return {}


@pytest.fixture
def filled(
    store: Store, todo: Todo, clock: Clock, kept: dict[str, Saved]
) -> Todo:
    """The program on a store of three users, with history and trash."""
    if store.kind in kept:
        wait_for(put_back(store, kept[store.kind]))
        clock.tick(3_600)
        return todo
    for user in USERS:
        live(todo, clock, user)
    assert todo("purge", "1-2", "--yes", user="bob").status == 0
    kept[store.kind] = wait_for(save(store))
    return todo


Open = Callable[[Path | str], Todo]


@pytest.fixture
def opened(seal: Seal, clock: Clock) -> Open:
    """The program on another store."""

    def run(place: Path | str) -> Todo:
        return Todo(Surroundings(seal.home, seal.cwd, str(place)), clock)

    return run


def dump(path: Path) -> dict[str, list[Any]]:
    """All rows of all tables of a file, but for the index of words."""
    found: dict[str, list[Any]] = {}
    with closing(sqlite3.connect(path)) as file:
        sql = "SELECT name FROM sqlite_master WHERE type = 'table'"
        for (name,) in file.execute(sql).fetchall():
            if not name.startswith(INDEX):
                rows = file.execute(f"SELECT * FROM {name}")
                found[name] = sorted(rows, key=repr)
    # The order of names in an object says nothing.
    found["change"] = [
        (*row[:-2], json.loads(row[-2]), json.loads(row[-1]))
        for row in found["change"]
    ]
    return found


def alter(store: Store, sql: str) -> None:
    """Change a store past the program."""
    wait_for(run_sql(store, sql))


def everything(run: Todo) -> Any:
    """All tasks and the history of every user, as the program shows them."""
    return {
        user: [
            run("list", "--status", status, "--json", user=user).data
            for status in ("all", "trash")
        ]
        + [run("history", "-L", "99", "--json", user=user).data]
        for user in USERS
    }


def test_has_what_the_store_has(
    filled: Todo, path: Path, opened: Open
) -> None:
    before = everything(filled)
    assert before["bob"][0] == []
    assert before["bob"][2] != []

    ran = filled("db", "backup", str(path), "--json")

    assert ran.data == {"path": str(path), "tasks": 4, "users": 3}
    assert everything(opened(path)) == before
    assert everything(filled) == before
    for user in USERS:
        numbers = [
            run("add", "next", "--json", user=user).data["number"]
            for run in (filled, opened(path))
        ]
        assert numbers == [4, 4]


def test_is_a_closed_file_of_its_owner_alone(filled: Todo, path: Path) -> None:
    assert filled("db", "backup", path.name).status == 0

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    names = {each.name for each in path.parent.iterdir()}
    assert {name for name in names if "backup" in name} == {path.name}
    assert not [name for name in names if name.startswith(".todo-")]


@pytest.mark.spec("002/FR-251")
def test_comes_back_whole_by_an_import(
    filled: Todo,
    path: Path,
    opened: Open,
    postgres: PostgresServer,
    empty_database: str,
) -> None:
    """Server to file to server to file, and the same from a file."""
    assert filled("db", "backup", str(path)).status == 0
    before = dump(path)
    assert [len(before[name]) for name in ("task", "counter")] == [4, 3]
    assert len(before["operation"]) == 37

    server = postgres.url(empty_database)
    for place in (server, path.parent / "other.db"):
        target = opened(place)
        assert target("db", "import", str(path), user="zoë").status == 0
        again = path.with_name(f"again-{len(str(place))}.db")
        assert target("db", "backup", str(again)).status == 0
        assert dump(again) == before
        repeat = target("db", "import", str(path), "--json").data
        assert (repeat["added"], repeat["present"]) == (0, 4)
        assert dump(again) == before


def test_a_copy_of_a_file_has_the_same_rows(
    path: Path, sqlite_store: Store, opened: Open, clock: Clock
) -> None:
    filled = opened(sqlite_store.url)
    for user in USERS:
        live(filled, clock, user)
    assert filled("db", "backup", str(path)).status == 0

    assert dump(path) == dump(file_of(sqlite_store))


def test_finds_words_by_the_index_at_once(todo: Todo, path: Path) -> None:
    lines = "".join(f"task number {number}\n" for number in range(150))
    assert todo("add", "-", stdin=lines.encode()).status == 0

    assert todo("db", "backup", str(path)).status == 0

    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT count(*) FROM task_word").fetchone() == (
            150,
        )


def test_copies_more_than_one_batch(
    todo: Todo,
    path: Path,
    opened: Open,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backup, "_BATCH", 7)
    monkeypatch.setattr(postgresql, "_AT_ONCE", (3, 5))
    lines = "".join(f"{number}\n" for number in range(1, 41))
    assert todo("add", "-", stdin=lines.encode()).status == 0

    assert todo("db", "backup", str(path), "--json").data["tasks"] == 40

    titles = [task["title"] for task in opened(path)("list", "--json").data]
    assert sorted(map(int, titles)) == list(range(1, 41))


@pytest.mark.spec("002/FR-252")
def test_only_mine_has_one_user(
    filled: Todo, path: Path, opened: Open
) -> None:
    before = everything(filled)

    ran = filled("db", "backup", str(path), "--mine", user="ada")

    assert ran.out == f"Backed up 2 tasks of ada to {path}\n"
    after = everything(opened(path))
    assert after["ada"] == before["ada"]
    assert after["bob"] == after["zoë"] == [[], [], []]
    assert [row[0] for row in dump(path)["counter"]] == ["ada"]


@pytest.mark.nothing_made
@pytest.mark.spec("002/FR-253")
def test_there_is_nothing_to_back_up_without_a_store(
    todo: Todo, path: Path, store: Store
) -> None:
    assert_refused(
        todo, "db", "backup", str(path), code="NOT_FOUND", names=["no store"]
    )

    assert not path.exists()
    if store.kind == "sqlite":
        assert not file_of(store).exists()


@pytest.mark.spec("002/FR-253")
def test_refuses_a_table_that_it_would_leave_out(
    filled: Todo, path: Path, store: Store
) -> None:
    alter(store, "CREATE TABLE todo.label (id integer)")
    alter(store, "CREATE VIEW todo.mine AS SELECT 1 AS one")

    assert_refused(
        filled, "db", "backup", str(path), code="SCHEMA", names=["label"]
    )

    assert list(path.parent.glob("*back*")) == []
    alter(store, "DROP TABLE todo.label")
    assert filled("db", "backup", str(path)).status == 0


@pytest.mark.spec("002/FR-253")
def test_refuses_a_column_that_it_would_leave_out(
    filled: Todo, path: Path, store: Store
) -> None:
    alter(store, "ALTER TABLE todo.operation ADD COLUMN host text")

    assert_refused(
        filled, "db", "backup", str(path), code="SCHEMA", names=["host"]
    )

    assert not path.exists()


@pytest.mark.spec("002/FR-253")
def test_refuses_a_newer_store(filled: Todo, path: Path, store: Store) -> None:
    alter(store, "UPDATE todo.alembic_version SET version_num = '9999'")

    assert_refused(
        filled, "db", "backup", str(path), code="SCHEMA", names=["newer"]
    )

    assert not path.exists()


@pytest.mark.spec("002/FR-253")
def test_names_all_rows_of_another_program(
    path: Path, sqlite_store: Store, opened: Open, clock: Clock
) -> None:
    filled = opened(sqlite_store.url)
    for user in USERS:
        live(filled, clock, user)
    rewrite(
        file_of(sqlite_store),
        "UPDATE task SET title = x'00ff' WHERE user_id = 'ada'",
        "UPDATE task SET created_at = '0044-01-01' WHERE user_id = 'zoë'",
    )

    ran = filled("db", "backup", str(path))

    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("error: 4 records in ")
    assert "Task 1 of ada: title: must be text" in ran.err
    assert ran.err.endswith(
        "hint: no backup was made; correct them in the database\n"
    )
    assert not path.exists()


@pytest.mark.parametrize(
    "value", ["infinity", "-infinity", "0044-03-15 BC", "10000-01-01"]
)
@pytest.mark.parametrize(
    ("column", "type"),
    [
        ("created_at", "timestamptz"),
        ("deleted_at", "timestamptz"),
        ("due_on", "date"),
    ],
)
@pytest.mark.spec("002/FR-253")
def test_names_times_that_no_file_can_have(
    path: Path,
    postgres_store: Store,
    opened: Open,
    column: str,
    type: str,
    value: str,
) -> None:
    run = opened(postgres_store.url)
    assert run("add", "one").status == 0
    alter(
        postgres_store,
        f"ALTER TABLE todo.task DROP CONSTRAINT {column}_{'day' if type == 'date' else 'instant'}",
    )
    alter(postgres_store, f"UPDATE todo.task SET {column} = '{value}'::{type}")

    assert_refused(
        run,
        "db",
        "backup",
        str(path),
        code="INVALID_INPUT",
        names=["Task 1 of ada", column],
    )

    assert not path.exists()


def test_keeps_the_last_microsecond_in_any_time_zone(
    path: Path, postgres_store: Store, opened: Open, clock: Clock
) -> None:
    run = opened(f"{postgres_store.url}?options=-ctimezone%3DAsia/Kolkata")
    clock.tick(0.1)
    assert run("add", "tenth", "--due", "2026-12-24").status == 0
    clock.tick(0.000_001)
    assert run("add", "later").status == 0

    assert run("db", "backup", str(path)).status == 0

    assert opened(path)("list", "--json").data == run("list", "--json").data


@pytest.mark.spec("002/FR-253")
def test_refuses_a_file_that_has_lost_rows(
    path: Path, sqlite_store: Store, opened: Open, clock: Clock
) -> None:
    filled = opened(sqlite_store.url)
    for user in USERS:
        live(filled, clock, user)
    empty(file_of(sqlite_store), "task")

    for options in ([], ["--mine"]):
        assert_refused(
            filled,
            "db",
            "backup",
            str(path),
            *options,
            code="IO_ERROR",
            names=["fewer rows"],
        )

    assert not path.exists()


@pytest.mark.parametrize("role", PEOPLE)
@pytest.mark.spec("002/FR-252")
def test_a_role_that_it_binds_gets_no_whole_backup(
    shared: Site, proxy: TurnProxy, role: str
) -> None:
    run = as_role(shared, proxy, role)

    assert_refused(
        run,
        "db",
        "backup",
        "all.db",
        code="FORBIDDEN",
        names=["Row-level security", role, "--mine"],
        user=role,
    )
    assert not (shared.cwd / "all.db").exists()
    ran = run("db", "backup", "mine.db", "--mine", "--json", user=role)
    assert (ran.data["tasks"], ran.data["users"]) == (1, 1)


@pytest.mark.spec("002/FR-252")
def test_nothing_is_not_a_backup_of_somebody_else(
    shared: Site, proxy: TurnProxy
) -> None:
    run = as_role(shared, proxy, "ada")

    assert_refused(
        run,
        "db",
        "backup",
        "bob.db",
        "--mine",
        code="FORBIDDEN",
        names=["ada", "bob"],
        user="bob",
    )


@pytest.mark.spec("002/FR-252")
def test_a_role_without_tasks_has_an_empty_list(
    shared: Site, proxy: TurnProxy
) -> None:
    shared.server.run_sql(
        shared.database,
        "DELETE FROM todo.task WHERE user_id = 'ada';"
        "DELETE FROM todo.counter WHERE user_id = 'ada';"
        "DELETE FROM todo.change WHERE user_id = 'ada';"
        "DELETE FROM todo.operation WHERE user_id = 'ada';",
    )

    ran = as_role(shared, proxy, "ada")(
        "db", "backup", "mine.db", "--mine", user="ada"
    )

    assert ran.out.startswith("Backed up 0 tasks of ada to ")


@pytest.mark.spec("002/FR-252")
def test_a_role_with_bypassrls_gets_all(
    shared: Site, proxy: TurnProxy
) -> None:
    ran = as_role(shared, proxy, OWNER)("db", "backup", "a.db", "--json")

    assert (ran.data["tasks"], ran.data["users"]) == (3, 3)


LIFTING = "".join(
    f"ALTER TABLE todo.{name} NO FORCE ROW LEVEL SECURITY;"
    for name in ("task", "counter", "tag", "operation", "change")
)


@pytest.mark.spec("002/FR-252")
def test_an_owner_is_bound_where_it_is_forced(
    shared: Site, proxy: TurnProxy
) -> None:
    run = as_role(shared, proxy, OWNER)

    with altered(shared, OWNER, "NOBYPASSRLS", "BYPASSRLS"):
        assert_refused(
            run, "db", "backup", "a.db", code="FORBIDDEN", names=[OWNER]
        )
        shared.server.run_sql(shared.database, LIFTING)
        assert run("db", "backup", "a.db", "--json").data["tasks"] == 3


@pytest.mark.spec("002/FR-252")
def test_a_role_that_may_not_read_a_table_gets_none(
    shared: Site, proxy: TurnProxy
) -> None:
    shared.server.run_sql(
        shared.database, 'REVOKE SELECT ON todo.operation FROM "ada"'
    )

    assert_refused(
        as_role(shared, proxy, "ada"),
        "db",
        "backup",
        "a.db",
        "--mine",
        code="FORBIDDEN",
        names=["lacks"],
    )
    assert not (shared.cwd / "a.db").exists()


@pytest.mark.spec("002/FR-252")
def test_a_policy_made_meanwhile_is_noticed(
    shared: Site,
    proxy: TurnProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shared.server.run_sql(shared.database, LIFTING)
    clear = Scratch.clear

    async def force_then_clear(rows: Scratch) -> None:
        shared.server.run_sql(
            shared.database,
            "ALTER TABLE todo.task FORCE ROW LEVEL SECURITY",
        )
        await clear(rows)

    monkeypatch.setattr(Scratch, "clear", force_then_clear)

    with altered(shared, OWNER, "NOBYPASSRLS", "BYPASSRLS"):
        assert_refused(
            as_role(shared, proxy, OWNER),
            "db",
            "backup",
            "a.db",
            code="FORBIDDEN",
            names=["task"],
        )


def fill_many(site: Site) -> None:
    """Store many tasks with a history, by SQL."""
    site.server.run_sql(
        site.database,
        f"""
        INSERT INTO todo.task (id, number, user_id, title, created_at, updated_at, title_folded)
            SELECT gen_random_uuid(), n, 'ada', 'task ' || n, '2026-01-01Z', '2026-01-01Z', 'task ' || n
            FROM generate_series(1, {MANY}) n;
        INSERT INTO todo.counter VALUES ('ada', {MANY}, 1);
        INSERT INTO todo.operation (user_id, number, id, at, command)
            VALUES ('ada', 1, gen_random_uuid(), '2026-01-01Z', 'add');
        INSERT INTO todo.change SELECT 'ada', 1, id, number, '{{}}', jsonb_build_object('title', title)
            FROM todo.task;
        """,
    )


def test_takes_few_turns_for_many(
    site: Site,
    plain_url: str,
    proxy: TurnProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As it is for 30,000; for fewer, all is in proportion.
    at_once = (MANY // 60, MANY // 3)
    monkeypatch.setattr(postgresql, "_AT_ONCE", at_once)
    fill_many(site)

    ran = site.todo(plain_url)("db", "backup", "b.db", "--json")

    assert ran.data["tasks"] == MANY
    assert proxy.turns <= 60, proxy.requests


def test_is_of_one_moment(
    site: Site, plain_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.fill("one", "two")
    fetch = PostgresConnection.fetch

    async def fetch_and_change(
        self: PostgresConnection, statement: Any, /, **values: Any
    ) -> Any:
        rows = await fetch(self, statement, **values)
        if not isinstance(statement, str) and statement.sql.startswith(
            "FETCH"
        ):
            site.server.run_sql(
                site.database,
                "DELETE FROM todo.task WHERE number = 2;"
                "UPDATE todo.counter SET last = last + 1",
            )
        return rows

    monkeypatch.setattr(PostgresConnection, "fetch", fetch_and_change)

    assert (
        site.todo(plain_url)("db", "backup", "b.db", "--json").data["tasks"]
        == 2
    )

    with closing(sqlite3.connect(site.cwd / "b.db")) as file:
        assert file.execute("SELECT last FROM counter").fetchall() == [(2,)]
    assert site.titles() == ["one"]


def test_begins_anew_after_a_lost_connection(
    site: Site, proxy: TurnProxy
) -> None:
    site.fill("one", "two")
    url = site.url("127.0.0.1", proxy.port)
    assert site.todo(url)("db", "backup", "a.db").status == 0
    count = len(proxy.requests)
    for request in range(count - 4, count):
        with TurnProxy(site.server.host, site.server.port) as cut:
            cut.faults.append(Fault("before", request=request, how="reset"))
            run = site.todo(site.url("127.0.0.1", cut.port))
            name = f"b{request}.db"
            ran = run("db", "backup", name, "--json")
        assert (ran.status, ran.data["tasks"]) == (0, 2), ran
    assert list(site.cwd.glob(".todo-*")) == []


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
@pytest.mark.parametrize("force", [[], ["--force"]], ids=str)
@pytest.mark.spec("002/FR-254")
def test_refuses_the_name_of_a_file_that_may_be_open(
    todo: Todo, path: Path, suffix: str, force: list[str]
) -> None:
    """SQLite would write that log into the backup."""
    assert todo("add", "one").status == 0
    path.with_name(path.name + suffix).write_bytes(b"of another")

    assert_refused(
        todo,
        *("db", "backup", str(path), *force),
        code="CONFLICT",
        names=[f"{path}{suffix} is there"],
    )

    assert not path.exists()


@pytest.mark.spec("002/FR-255")
def test_no_limit_of_the_size_of_files_leaves_half_a_backup(
    todo: Todo, path: Path
) -> None:
    assert todo("add", "one").status == 0
    sizes = [*range(0, 300_000, 30_000)]

    for most in sizes:
        with disks.limited(resource.RLIMIT_FSIZE, most):
            ran = todo("db", "backup", str(path), "--json")
        if ran.status == 0:
            break
        assert ran.error["code"] == "IO_ERROR", ran
        assert str(path) in ran.error["message"]
        assert ".todo-" not in ran.error["message"]
        assert "may not become that large" in ran.error["message"]
        assert not path.exists()
        assert list(path.parent.glob(".todo-*")) == []

    assert most > 0
    assert [row[3] for row in dump(path)["task"]] == ["one"]
