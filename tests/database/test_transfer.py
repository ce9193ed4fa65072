"""`todo db import`: the road from the embedded file to Neon, with everything that is in it."""

import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.cli.expect import assert_document, assert_refused, assert_words
from tests.cli.tampering import empty
from tests.database.chain import invent_past
from tests.database.test_sidecars import journal
from tests.service.backdoor import fetch_all, file_of
from tests.support.program import LIMIT_S, Surroundings, Todo
from tests.support.site import MAY_HALF_CLOSE, Site, task_id, wait_until
from tests.support.size import size
from tests.support.stores import Clock, Store
from tests.support.turns import Fault, TurnProxy
from todo_cli.database import transfer
from todo_cli.database.engine import Database, Effect, open_database
from todo_cli.database.histories import Histories
from todo_cli.database.run import Connection
from todo_cli.database.scratch import Scratch, open_scratch
from todo_cli.errors import IoFailed

pytestmark = MAY_HALF_CLOSE

USERS = ("ada", "bob", "eve")
MANY = size(2_001, 10_001)
"""More than one batch."""
INSERT = """
INSERT INTO task (id, number, user_id, title, is_done, created_at, updated_at)
VALUES (?, ?, ?, ?, false, '2026-01-01T00:00:00.000000Z', '2026-01-01T00:00:00.000000Z')
"""
COUNT = "INSERT INTO counter (user_id, last) VALUES (?, ?) ON CONFLICT DO UPDATE SET last = max(last, excluded.last)"
TASKS = "SELECT * FROM todo.task ORDER BY user_id, number"
BOTH = "They belong to ada, bob\n"
COUNTERS = "SELECT user_id, last FROM todo.counter ORDER BY user_id"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An embedded file of three users with gaps in the numbers, deleted and done tasks."""
    folder, clock = tmp_path_factory.mktemp("original"), Clock()
    path = folder / "source.db"
    run = Todo(Surroundings(folder, folder, str(path)), clock)
    for user in USERS:
        for number in range(1, 7):
            assert (
                run(
                    "add",
                    f"{user} {number}",
                    "-d",
                    f"line\n{number}",
                    user=user,
                ).status
                == 0
            )
            clock.tick(1.000001)
    assert run("done", "2", "5", user="ada").status == 0
    clock.tick(60)
    assert (
        run(
            "update", "3", "--title", "ada's third 🎉", "-d", "", user="ada"
        ).status
        == 0
    )
    assert (
        run("purge", "1", "6", "--yes", user="ada").status == 0
    )  # a gap, and a counter that is ahead
    assert (
        run("purge", "1-6", "--yes", user="eve").status == 0
    )  # nothing is left but the counter
    return path


@pytest.fixture
def source(site: Site, original: Path) -> Path:
    """A copy of it."""
    assert [file.name for file in original.parent.glob("source.db*")] == [
        "source.db"
    ]
    return Path(shutil.copy(original, site.cwd / "source.db"))


@pytest.fixture(params=["sqlite", "postgresql"])
def run(request: pytest.FixtureRequest, site: Site) -> Todo:
    """The program on a store that is not there yet."""
    if request.param == "sqlite":
        return site.todo(str(site.cwd / "target.db"))
    blank_site = request.getfixturevalue("blank_site")
    proxy = request.getfixturevalue("proxy")
    return site.todo(blank_site.url("127.0.0.1", proxy.port))


into_a_file = pytest.mark.parametrize("run", ["sqlite"], indirect=True)
"""Where it only matters what the source is."""


def everything(run: Todo) -> dict[str, Any]:
    """All tasks of all users, with every field."""
    return {
        user: run("list", "--status", "all", "--json", user=user).data
        for user in USERS
    }


def open_file(path: Path) -> sqlite3.Connection:
    """An embedded file, past every check."""
    return sqlite3.connect(path, isolation_level=None)


def add_row(
    path: Path, number: int, user: str, id: str, title: str = "by hand"
) -> None:
    """Store a task in an embedded file under a number and an id of choice."""
    with closing(open_file(path)) as file:
        file.execute(INSERT, (id, number, user, title))
        file.execute(COUNT, (user, number))


@into_a_file
@pytest.mark.parametrize(
    "index",
    [
        "sqlite_autoindex_task_1",
        "sqlite_autoindex_task_2",
        "sqlite_autoindex_counter_1",
        "task_created_at_idx",
        "sqlite_autoindex_tag_1",
    ],
)
@pytest.mark.spec("001/FR-048")
def test_copies_every_task_although_an_index_is_damaged(
    site: Site, run: Todo, source: Path, index: str
) -> None:
    """gotify/server#835: `wrong # of entries in index`. SQLite reads through an index and
    does not notice: a backup would have no tasks, with status 0.
    """
    before = everything(site.todo(str(source)))
    empty(source, index)

    ran = run("db", "import", str(source))

    assert (ran.status, ran.err) == (0, "")
    assert everything(run) == before
    assert run("add", "next", "--json", user="ada").data["number"] == 7


@into_a_file
@pytest.mark.parametrize("table", ["task", "counter"])
@pytest.mark.spec("001/FR-048")
def test_copies_nothing_of_a_table_that_has_lost_rows(
    site: Site, run: Todo, source: Path, table: str
) -> None:
    empty(source, table)

    error = assert_refused(
        run, "db", "import", str(source), code="IO_ERROR", names=[str(source)]
    )

    assert f"`{table}` has fewer rows than an index of it" in error["message"]
    assert error["hint"].startswith("nothing was copied; import a backup, or")
    assert "sqlite3 " in error["hint"]
    assert not (site.cwd / "target.db").exists()


@pytest.mark.spec("001/FR-036")
@pytest.mark.spec("002/FR-073")
def test_keeps_ids_numbers_texts_and_times(
    site: Site, run: Todo, source: Path
) -> None:
    before = everything(site.todo(str(source)))
    assert [task["number"] for task in before["ada"]] == [5, 4, 3, 2]

    ran = run("db", "import", str(source))

    assert ran.out.startswith("Imported 10 tasks of 3 users (new list in ")
    assert (ran.status, ran.err) == (0, "")
    assert everything(run) == before
    assert everything(site.todo(str(source))) == before


def test_goes_on_counting_where_the_source_was(
    run: Todo, source: Path
) -> None:
    assert run("db", "import", str(source)).status == 0

    assert [
        run("add", "next", "--json", user=user).data["number"]
        for user in (*USERS, "zoe")
    ] == [7, 7, 7, 1]


def test_says_as_a_document_what_it_did(run: Todo, source: Path) -> None:
    first, second = (
        run("db", "import", str(source), "--json") for _ in range(2)
    )

    same = {"tasks": 10, "users": 3, "owners": ["ada", "bob"]}
    same |= {"renumbered": [], "operation": None, "history_left": []}
    same["kept_as_text"] = {}
    same["left_out"] = {}
    assert first.data == same | {"new": 10, "added": 10, "present": 0}
    assert second.data == same | {"new": 0, "added": 0, "present": 10}
    assert "10 tasks already there" in second.json["message"]


def test_a_repeat_changes_nothing_and_adds_what_is_new(
    site: Site, run: Todo, source: Path
) -> None:
    assert run("db", "import", str(source)).status == 0
    assert run("update", "2", "--title", "changed here").status == 0
    assert run("done", "3").status == 0
    here = everything(run)

    assert (
        run("db", "import", str(source)).out
        == "Imported 0 tasks of 3 users; 10 tasks already there\n" + BOTH
    )
    assert everything(run) == here
    assert site.todo(str(source))("add", "later", user="bob").status == 0
    assert (
        run("db", "import", str(source)).out
        == "Imported 1 task of 3 users; 10 tasks already there\n"
        + BOTH
        + "The history of bob stayed behind: there is one here\n"
    )
    assert [
        task for task in everything(run)["bob"] if task["title"] != "later"
    ] == here["bob"]


def test_names_the_users_whose_lists_it_begins(
    site: Site, run: Todo, source: Path
) -> None:
    assert run("add", "here", user="bob").status == 0

    assert run("purge", "1", "--yes", user="bob").status == 0
    assert site.todo(str(source))("add", "later", user="zoe").status == 0
    command = ("db", "import", str(source), "--renumber")
    ran = run(*command)

    assert ran.out == (
        "Imported 11 tasks of 4 users (new lists for ada, zoe)\n"
        "Renumbered 1 -> 7 of bob\n"
        "They belong to ada, bob, zoe\n"
        "The history of bob stayed behind: there is one here\n"
    )
    assert "new list" not in run(*command).out


def test_a_user_who_lost_the_counter_is_not_new(
    site: Site, blank_site: Site, run: Todo, source: Path
) -> None:
    assert run("add", "here", user="zoe").status == 0
    assert run("add", "here", user="bob").status == 0
    assert run("purge", "1", "--yes", user="bob").status == 0
    for number in range(1, 3):
        assert (
            site.todo(str(source))("add", f"zoe {number}", user="zoe").status
            == 0
        )
    assert (
        site.todo(str(source))("purge", "1", "--yes", user="zoe").status == 0
    )
    if (target := site.cwd / "target.db").exists():
        with closing(open_file(target)) as file:
            file.execute("DELETE FROM counter WHERE user_id = 'zoe'")
    else:
        blank_site.server.run_sql(
            blank_site.database,
            "DELETE FROM todo.counter WHERE user_id = 'zoe'",
        )

    ran = run("db", "import", str(source), "--renumber")

    assert (
        ran.out == "Imported 11 tasks of 4 users (new list for ada)\n"
        "Renumbered 1 -> 7 of bob\n"
        "They belong to ada, bob, zoe\n"
        "The history of bob, zoe stayed behind: there is one here\n"
    )
    assert run("add", "next", "--json", user="zoe").data["number"] == 3


def test_counters_only_grow(site: Site, run: Todo, source: Path) -> None:
    assert run("db", "import", str(source)).status == 0
    for _ in range(3):
        assert run("add", "here", user="eve").status == 0

    assert run("db", "import", str(source)).status == 0
    assert run("add", "here", "--json", user="eve").data["number"] == 10


def test_a_number_that_is_taken_is_a_conflict(run: Todo, source: Path) -> None:
    assert run("add", "mine", user="bob").status == 0
    before = everything(run)

    assert_refused(
        run,
        "db",
        "import",
        str(source),
        code="CONFLICT",
        names=["Numbers of", "1 of bob", str(source)],
    )

    assert everything(run) == before
    assert (
        run("add", "next", "--json", user="ada").data["number"] == 1
    )  # no counter moved either


@pytest.mark.spec("001/FR-003", "002/FR-084")
def test_a_number_of_a_task_that_was_purged_is_taken(
    site: Site, run: Todo, source: Path
) -> None:
    for title in ("mine", "gone"):
        assert run("add", title, user="bob").status == 0
    assert run("purge", "1", "2", "--yes", user="bob").status == 0
    before = everything(run)
    command = ("db", "import", str(source))

    assert_refused(run, *command, code="CONFLICT", names=["1, 2 of bob"])
    assert everything(run) == before
    renumbered = run(*command, "--renumber", "--json").data["renumbered"]

    assert renumbered == [
        {"user": "bob", "old": 1, "new": 7},
        {"user": "bob", "old": 2, "new": 8},
    ]


@pytest.mark.spec("002/FR-084")
def test_a_task_that_was_purged_comes_back_under_its_number(
    run: Todo, source: Path
) -> None:
    command = ("db", "import", str(source))
    assert run(*command).status == 0
    before = everything(run)
    assert run("purge", "1", "--yes", user="bob").status == 0

    assert run(*command, "--json").data["added"] == 1

    assert everything(run) == before


@pytest.mark.spec("002/FR-084")
def test_an_import_leaves_numbers_for_who_has_tasks(
    run: Todo, source: Path
) -> None:
    add_row(source, 2**31 - 1, "bob", str(uuid4()))
    command = ("db", "import", str(source))
    assert run("add", "mine", user="bob").status == 0
    before = everything(run)

    assert_refused(
        run,
        *command,
        "--renumber",
        code="CONFLICT",
        names=["2147483647", "bob"],
    )

    assert everything(run) == before
    assert run("add", "next", "--json", user="bob").data["number"] == 2


@pytest.mark.spec("002/FR-251")
def test_a_list_at_its_last_number_is_copied_as_it_is(
    run: Todo, source: Path
) -> None:
    add_row(source, 2**31 - 1, "bob", str(uuid4()))
    command = ("db", "import", str(source), "--json")

    assert run(*command).data["added"] > 0
    assert run(*command).data["added"] == 0


def test_an_id_that_is_taken_is_a_conflict(run: Todo, source: Path) -> None:
    taken = str(uuid4())
    assert run("add", "mine", "--id", taken, user="zoe").status == 0
    add_row(source, 9, "bob", taken)

    assert_refused(
        run,
        *("db", "import", str(source)),
        code="CONFLICT",
        names=[taken, "zoe has that task"],
    )

    assert everything(run) == {user: [] for user in USERS}
    assert run("add", "next", "--json", user="ada").data["number"] == 1


def test_a_task_that_got_another_number_is_a_conflict(
    run: Todo, source: Path
) -> None:
    taken = str(uuid4())
    assert run("add", "mine", "--id", taken, user="bob").status == 0
    add_row(source, 9, "bob", taken)

    assert_refused(
        run, "db", "import", str(source), code="CONFLICT", names=[taken]
    )


def test_a_conflict_in_the_last_batch_undoes_the_first(
    site: Site, plain_url: str, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("todo_cli.database.transfer._BATCH", 3)
    site.fill("mine", user="zoe")
    site.server.run_sql(
        site.database, "UPDATE todo.task SET user_id = 'bob', number = 6"
    )

    assert_refused(
        site.todo(plain_url),
        "db",
        "import",
        str(source),
        code="CONFLICT",
        names=["number"],
    )

    assert site.titles() == ["mine"]
    assert site.fetch(COUNTERS) == [("zoe", 1)]


def test_copies_nothing_if_the_server_drops_a_task(
    site: Site, plain_url: str, source: Path
) -> None:
    """A trigger that returns NULL: the task was counted as imported."""
    for sql in (
        "CREATE FUNCTION todo.none() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN RETURN NULL; END'",
        "CREATE TRIGGER dropping BEFORE INSERT ON todo.task FOR EACH ROW"
        " WHEN (NEW.number = 2) EXECUTE FUNCTION todo.none()",
    ):
        site.server.run_sql(site.database, sql)
    run = site.todo(plain_url)
    words = ("db", "import", str(source))
    try:
        assert_refused(run, *words, code="CONFLICT", names=["dropped a task"])
    finally:
        site.server.run_sql(site.database, "DROP FUNCTION todo.none() CASCADE")

    assert site.titles() == []


def test_copies_many_in_few_turns(
    site: Site,
    plain_url: str,
    proxy: TurnProxy,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transfer, "_BATCH", MANY - 1)
    with closing(open_file(source)) as file:
        rows = [
            (str(uuid4()), number, "many", f"task {number}")
            for number in range(1, MANY + 1)
        ]
        file.execute("BEGIN")
        file.executemany(INSERT, rows)
        file.execute(
            "INSERT INTO counter (user_id, last) VALUES ('many', ?)", (MANY,)
        )
        file.execute("COMMIT")

    ran = site.todo(plain_url)("db", "import", str(source), "--json")

    assert (ran.data["tasks"], ran.data["users"]) == (MANY + 10, 4)
    assert ran.data["new"] == MANY + 10
    assert proxy.turns <= 34, proxy.requests
    assert site.fetch("SELECT count(*) FROM todo.task") == [(MANY + 10,)]


def test_a_killed_import_leaves_nothing(
    site: Site, proxy: TurnProxy, source: Path
) -> None:
    assert (
        site.todo(site.url("127.0.0.1", proxy.port))(
            "db", "import", str(source)
        ).status
        == 0
    )
    requests = len(proxy.requests)
    site.server.run_sql(
        site.database, "TRUNCATE todo.task, todo.counter, todo.tag"
    )
    with TurnProxy(site.server.host, site.server.port) as stuck:
        stuck.faults.append(
            Fault("before", request=requests - 3, how="silence")
        )  # the last of them, COMMIT
        running = site.process(site.url("127.0.0.1", stuck.port)).start(
            "db", "import", str(source)
        )
        wait_until(
            lambda: (
                len(stuck.requests) == requests - 1
                or running.poll() is not None
            )
        )
        running.kill()
        running.communicate(timeout=LIMIT_S)
        assert running.returncode == -signal.SIGKILL

    site.rest()
    assert (site.fetch(TASKS), site.fetch(COUNTERS)) == ([], [])
    assert (
        site.todo(site.url("127.0.0.1", proxy.port))(
            "db", "import", str(source)
        ).status
        == 0
    )
    assert len(site.titles()) == 10


def test_draws_a_bar_on_a_terminal_and_wipes_it_away(
    run: Todo, source: Path
) -> None:
    ran = run(
        "db",
        "import",
        str(source),
        terminal=True,
        env={"TERM": "xterm-256color"},
    )

    assert ran.status == 0
    assert "Importing" in ran.err
    assert "100%" in ran.err
    assert ran.err.endswith(("\x1b[2K", "\x1b[?25h", "\r")), ran.err
    assert "Importing" not in ran.out
    assert ran.out.startswith("Imported 10 tasks of 3 users")


@pytest.mark.parametrize("options", [["--json"], []], ids=["json", "pipe"])
def test_draws_no_bar_elsewhere(
    run: Todo, source: Path, options: list[str]
) -> None:
    ran = run("db", "import", str(source), *options, terminal=bool(options))

    assert (ran.status, ran.err) == (0, "")
    assert "\x1b" not in ran.out


def test_draws_its_bar_in_a_real_terminal(
    site: Site, plain_url: str, source: Path
) -> None:
    ran = site.terminal(plain_url)("db", "import", str(source))

    assert ran.status == 0
    assert "Importing" in ran.out
    assert "Imported 10 tasks of 3 users" in ran.out.splitlines()[-2]


def nothing(path: Path) -> None:
    """Leave the path as it is: empty."""


def a_table_of_text(path: Path) -> None:
    """Put a CSV file there."""
    path.write_text("number,title\n1,Buy milk\n" * 1000)


def a_short_text(path: Path) -> None:
    """Put a file there that is shorter than the head of any database."""
    path.write_text("a,b\n")


def an_empty_file(path: Path) -> None:
    """Put an empty file there."""
    path.touch()


def a_folder(path: Path) -> None:
    """Put a folder there."""
    path.mkdir()


def a_device(path: Path) -> None:
    """Lead to a device."""
    path.symlink_to("/dev/null")


def a_loop(path: Path) -> None:
    """Lead back to where one came from."""
    path.symlink_to(path)


def a_dead_link(path: Path) -> None:
    """Lead to nothing."""
    path.symlink_to(path.with_name("nowhere"))


def a_database_without_tables(path: Path) -> None:
    """Put a database there in which nothing was made."""
    with closing(open_file(path)) as file:
        file.execute("VACUUM")


def a_cut_database(path: Path) -> None:
    """Put a database there that lacks its end."""
    with closing(open_file(path)) as file:
        file.execute("CREATE TABLE alembic_version (version_num)")
        file.execute("CREATE TABLE task (id, title)")
        file.execute("CREATE TABLE counter (user_id)")
    os.truncate(path, 5000)


@pytest.mark.spec("002/FR-077")
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (nothing, "does not exist"),
        (a_dead_link, "does not exist"),
        (an_empty_file, "is empty"),
        (a_database_without_tables, "holds no tasks"),
        (a_folder, "is a folder, not a file"),
        (os.mkfifo, "is a pipe, not a file"),
        (a_device, "is a device, not a file"),
        (a_table_of_text, "is not a SQLite database"),
        (a_short_text, "is not a SQLite database"),
        (a_cut_database, "is damaged"),
        (a_loop, "too many levels of symbolic links"),
    ],
)
def test_says_what_is_wrong_with_the_source(
    run: Todo,
    site: Site,
    tmp_path: Path,
    make: Callable[[Path], None],
    words: str,
) -> None:
    path = tmp_path / "other.db"
    make(path)
    before = sorted(tmp_path.rglob("*"))

    error = assert_refused(
        run, "db", "import", str(path), code="IO_ERROR", names=[str(path)]
    )

    assert error["message"].removeprefix(str(path)).strip(": ") == words
    assert (
        "from a copy" not in error["hint"]
    )  # of the source there is perhaps none, and the store in use is whole
    assert "TODO_DATABASE_URL" not in error["hint"]
    assert sorted(tmp_path.rglob("*")) == before
    assert not (site.cwd / "target.db").exists()


@into_a_file
@pytest.mark.spec("002/FR-077")
@pytest.mark.parametrize(
    "name",
    ["source.db/inside", "x" * 300, ""],
    ids=["below a file", "too long", "no name"],
)
def test_says_that_a_path_cannot_be(
    run: Todo, source: Path, name: str
) -> None:
    assert (
        run("add", "here").status == 0
    )  # a store in use, that the source could be

    error = assert_refused(
        run, "db", "import", name, code="IO_ERROR", names=[str(source.parent)]
    )

    assert "TODO_DATABASE_URL" not in error["hint"]


@into_a_file
def test_leaves_somebody_elses_database_alone(
    run: Todo, tmp_path: Path
) -> None:
    path = tmp_path / "other.db"
    with closing(open_file(path)) as file:
        file.execute("CREATE TABLE task (id, title)")
        file.execute("INSERT INTO task VALUES (1, 'theirs')")

    error = assert_refused(
        run, "db", "import", str(path), code="SCHEMA", names=[str(path)]
    )

    assert error["message"] == f"{path} is a database, but not one of todo's"
    assert "TODO_DATABASE_URL" not in error["hint"]


@into_a_file
def test_leaves_a_newer_source_alone(run: Todo, source: Path) -> None:
    with closing(open_file(source)) as file:
        file.execute("UPDATE alembic_version SET version_num = '9999'")
        file.execute("ALTER TABLE task RENAME COLUMN title TO name")

    error = assert_refused(
        run,
        "db",
        "import",
        str(source),
        code="SCHEMA",
        names=[str(source), "newer"],
    )

    assert error["hint"] == "upgrade todo here"


def test_brings_an_older_source_up_to_date(
    run: Todo,
    site: Site,
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = everything(site.todo(str(source)))
    with closing(open_file(source)) as file:
        file.execute("ALTER TABLE task RENAME COLUMN title TO name")
        file.execute("UPDATE alembic_version SET version_num = '0000'")
    invent_past(tmp_path / "migrations", monkeypatch)

    ran = run("db", "import", str(source), "--json")

    assert ran.data["new"] == 10
    assert everything(run) == before
    assert source.with_name("source.db.0000.bak").is_file()


def test_finds_a_relative_source_where_the_program_runs(
    run: Todo, source: Path
) -> None:
    assert run("db", "import", source.name).status == 0


def test_copies_a_store_without_tasks(
    run: Todo, site: Site, tmp_path: Path
) -> None:
    path = tmp_path / "empty.db"
    assert site.todo(str(path))("db", "upgrade").status == 0

    assert run("db", "import", str(path), "--json").data == {
        "tasks": 0,
        "users": 0,
        "new": 0,
        "added": 0,
        "present": 0,
        "kept_as_text": {},
        "left_out": {},
        "owners": [],
        "renumbered": [],
        "operation": None,
        "history_left": [],
    }


@pytest.fixture
def links(source: Path) -> dict[str, str]:
    """Other ways to name the source."""
    (source.parent / "folder").mkdir()
    symbolic, hard = (
        source.with_name("symbolic.db"),
        source.with_name("hard.db"),
    )
    symbolic.symlink_to(source)
    os.link(source, hard)
    return {
        "as it is": str(source),
        "relative": "source.db",
        "with dots": "folder/../source.db",
        "symbolic link": str(symbolic),
        "hard link": str(hard),
    }


@pytest.mark.parametrize(
    "name", ["as it is", "relative", "with dots", "symbolic link", "hard link"]
)
def test_refuses_to_import_a_store_into_itself(
    site: Site, source: Path, links: dict[str, str], name: str
) -> None:
    run = site.todo(str(source))
    before = everything(run)

    assert_refused(
        run, "db", "import", links[name], code="INVALID_INPUT", names=["path"]
    )

    assert everything(run) == before


def test_refuses_too_much_or_too_little(run: Todo, source: Path) -> None:
    assert_words(run("db", "import"), status=2)
    assert_document(
        run("db", "import", str(source), "other", "--json"), code="USAGE"
    )


def test_keeps_what_another_user_has_here(
    site: Site, plain_url: str, source: Path
) -> None:
    site.fill("first", "second", user="zoe")

    assert site.todo(plain_url)("db", "import", str(source)).status == 0

    assert (
        site.todo(plain_url)(
            "show", str(task_id(1, "zoe")), "--json", user="zoe"
        ).data["title"]
        == "first"
    )
    assert len(site.titles()) == 12


@pytest.mark.spec("001/FR-045")
@pytest.mark.parametrize(
    "damage", ["DELETE FROM counter", "UPDATE counter SET last = 1"]
)
def test_does_not_carry_a_counter_over_that_is_behind(
    run: Todo, source: Path, damage: str
) -> None:
    with closing(open_file(source)) as file:
        file.execute(damage)

    assert run("db", "import", str(source)).status == 0

    highest = {
        user: max(task["number"] for task in tasks)
        for user, tasks in everything(run).items()
        if tasks
    }
    assert len(highest) == 2
    for user, number in highest.items():
        assert run("doctor", user=user).out.endswith("numbers\tok\n")
        assert (
            run("add", "next", "--json", user=user).data["number"]
            == number + 1
        )


def test_refuses_a_source_that_may_hold_what_it_does_not_know(
    run: Todo, source: Path
) -> None:
    with closing(open_file(source)) as file:
        file.execute("UPDATE alembic_version SET version_num = '9999'")

    assert_refused(
        run,
        "db",
        "import",
        str(source),
        code="SCHEMA",
        names=[str(source), "newer"],
    )


@pytest.mark.spec("001/FR-045")
def test_moves_a_counter_on_that_is_behind_here(
    run: Todo, site: Site, source: Path
) -> None:
    for _ in range(3):
        assert run("add", "here", user="ada").status == 0
    place = run("doctor", "--json").data["place"]
    if place.endswith(".db"):
        with closing(open_file(Path(place))) as file:
            file.execute("UPDATE counter SET last = 0")
    else:
        site.server.run_sql(
            place.rpartition("/")[2], "UPDATE todo.counter SET last = 0"
        )
    other = site.todo(str(site.cwd / "other.db"))
    assert (
        other("add", "there", user="grace").status
        == other("add", "there", user="ada").status
        == 0
    )
    with closing(open_file(site.cwd / "other.db")) as file:
        file.execute("UPDATE task SET number = 9 WHERE user_id = 'ada'")

    assert run("db", "import", str(site.cwd / "other.db")).status == 0

    assert run("doctor", user="ada").out.endswith("numbers\tok\n")
    assert run("add", "next", "--json", user="ada").data["number"] == 10


async def test_rows_of_other_tables_are_added_where_their_keys_are_not_there(
    store: Store, database: Database
) -> None:
    for counters in (
        [("ada", 3)],
        [("ada", 5), ("bob", 1)],
    ):
        async with open_scratch() as rows:
            await rows.clear()
            await rows.add(
                "counter",
                [
                    {"user_id": user, "last": last, "operations": 0}
                    for user, last in counters
                ],
            )

            async def add(
                connection: Connection, rows: Scratch = rows
            ) -> None:
                histories = Histories(connection, rows, Clock()(), 10)
                run = transfer._Import(
                    connection, "here", rows, transfer.Wishes(), histories
                )
                await transfer._add_others(run, ["counter"])

            await database.run(
                add, effect=Effect.REPEATABLE, creates=True, together=True
            )

    assert await fetch_all(
        store, "SELECT user_id, last FROM todo.counter ORDER BY 1"
    ) == [("ada", 3), ("bob", 1)]


@pytest.mark.spec("002/FR-077")
async def test_a_journal_of_another_file_keeps_its_hint(
    sqlite_store: Store, database: Database
) -> None:
    path = file_of(sqlite_store).with_name("source.db")
    path.with_name("source.db-journal").write_bytes(journal(4))
    path.touch()
    async with open_database(
        Store("sqlite", f"sqlite:///{path}").target
    ) as source:
        with pytest.raises(IoFailed) as caught:
            await transfer.copy(
                source, database, lambda done, of: None, Clock()()
            )

    assert "source.db-journal" in caught.value.message
    assert caught.value.hint is not None
    assert "source.db-journal" in caught.value.hint
