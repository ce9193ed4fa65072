"""The store as a file or a server: who makes it, where, and what stands in its way."""

import os
import resource
import sqlite3
import stat
import threading
from contextlib import closing
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.cli.conftest import on_both_stores
from tests.cli.expect import (
    add,
    assert_document,
    assert_refused,
    assert_words,
    tasks_of,
    titles_of,
)
from tests.cli.tampering import locked, path_of, place_of
from tests.conftest import Seal
from tests.support.before import lose_working_folder, obey_permissions
from tests.support.forked import ForkServer
from tests.support.machine import needs
from tests.support.postgres import PostgresServer
from tests.support.program import (
    LIMIT_S,
    Process,
    Ran,
    Surroundings,
    Todo,
    finished,
)
from tests.support.servers import Account
from tests.support.stores import Store

pytestmark = pytest.mark.nothing_made

ACCOUNT = Account.unprivileged()

READING = {
    ("list",): 0,
    ("show", "1"): 3,
    ("update", "1", "--title", "x"): 3,
    ("done", "1"): 3,
    ("delete", "1"): 3,
    ("restore", "1"): 3,
    ("purge", "1", "--yes"): 3,
    ("purge", "--trash"): 0,
    ("undo",): 3,
    ("redo",): 3,
    ("history",): 0,
    ("history", "1"): 3,
    ("stats",): 0,
    ("export",): 0,
    ("import", "nothing.json"): 9,
    ("doctor",): 0,
    ("db", "policy"): 0,
    ("db", "upgrade", "--sql"): 0,
    ("db", "import", "nothing.db"): 9,
}
"""What makes no store, and its exit status where there is none."""
TOUCHING = (["list"], ["add", "Buy milk"], ["done", "1"])


def mode_of(path: Path) -> int:
    """The permissions of a file or folder."""
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture
def file(seal: Seal) -> Path:
    """The embedded file."""
    return seal.home / ".local" / "share" / "todo" / "todo.db"


@pytest.fixture
def local(seal: Seal, fork_server: ForkServer) -> Process:
    """The program on the embedded file, as a process."""
    return Process(Surroundings(seal.home, seal.cwd, None), fork_server.launch)


@pytest.fixture
def bound(seal: Seal, fork_server: ForkServer) -> Process:
    """The same without root's right to pass over permissions."""
    launch = partial(fork_server.launch, before=obey_permissions)
    return Process(Surroundings(seal.home, seal.cwd, None), launch)


@on_both_stores
@pytest.mark.spec("002/FR-073")
def test_reading_an_absent_store_finds_nothing_and_makes_nothing(
    todo: Todo, store: Store, seal: Seal
) -> None:
    statuses = {arguments: todo(*arguments).status for arguments in READING}

    assert statuses == READING
    assert list(seal.home.rglob("*")) + list(seal.cwd.rglob("*")) == []
    assert in_words_of_a_new_store(todo("add", "Buy milk"), store)


@pytest.mark.spec("002/FR-073")
def test_reading_an_absent_embedded_file_makes_no_folder(
    todo_embedded: Todo, seal: Seal
) -> None:
    statuses = {
        arguments: todo_embedded(*arguments).status for arguments in READING
    }

    assert statuses == READING
    assert list(seal.home.rglob("*")) == []


def in_words_of_a_new_store(ran: Ran, store: Store) -> bool:
    """Whether `add` says that it made the store, and where."""
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("Added 1: Buy milk (new list in ")
    assert ran.out.endswith(")\n")
    return all(name in ran.out for name in place_of(store))


@on_both_stores
@pytest.mark.spec("002/FR-066", "002/FR-074")
@pytest.mark.parametrize("style", [[], ["--json"]], ids=["words", "json"])
@pytest.mark.parametrize("words", [["add", "one"], ["add", "-"]], ids=" ".join)
def test_the_first_add_says_where_the_new_list_is_and_no_password(
    todo: Todo, store: Store, words: list[str], style: list[str]
) -> None:
    first = todo(*words, *style, stdin=b"one\ntwo\n")
    second = todo(*words, *style, stdin=b"one\ntwo\n")

    assert (first.status, first.err, first.out.count("new list in ")) == (
        0,
        "",
        1,
    )
    assert [name for name in place_of(store) if name not in first.out] == []
    assert str(urlsplit(store.url).password) not in first.out
    assert "new list" not in second.out


@pytest.mark.spec("002/FR-074", "002/FR-075")
def test_the_first_add_makes_the_embedded_file(
    todo_embedded: Todo, file: Path, seal: Seal, tmp_path: Path
) -> None:
    elsewhere = {"XDG_DATA_HOME": str(tmp_path / "data")}

    moved = todo_embedded("add", "Buy milk", env=elsewhere)
    left = list(seal.home.rglob("*"))
    usual = todo_embedded("add", "Buy milk")

    assert moved.out.endswith(f"(new list in {tmp_path}/data/todo/todo.db)\n")
    assert left == []
    assert usual == Ran(0, f"Added 1: Buy milk (new list in {file})\n", "")


@pytest.mark.spec("002/FR-075")
@pytest.mark.parametrize("umask", [0o000, 0o077], ids=oct)
def test_the_embedded_file_is_private_whatever_the_umask(
    local: Process, file: Path, umask: int
) -> None:
    made = finished(local.start("add", "a", before=partial(os.umask, umask)))
    with closing(sqlite3.connect(file)) as reader:
        reader.execute("SELECT count(*) FROM task").fetchall()
        beside = finished(
            local.start("add", "b", before=partial(os.umask, umask))
        )

        assert (made.err, beside.err, mode_of(file.parent)) == ("", "", 0o700)
        assert {
            path.name: mode_of(path) for path in file.parent.iterdir()
        } == {"todo.db": 0o600, "todo.db-wal": 0o600, "todo.db-shm": 0o600}


@pytest.mark.spec("002/FR-076")
def test_a_server_leaves_nothing_on_this_machine(
    todo_embedded: Todo, postgres_store: Store, seal: Seal
) -> None:
    env = {"TODO_DATABASE_URL": postgres_store.url}
    for arguments in (
        ["add", "Buy milk"],
        ["list"],
        ["done", "1"],
        ["delete", "1"],
    ):
        assert todo_embedded(*arguments, env=env).status == 0

    assert list(seal.home.rglob("*")) + list(seal.cwd.rglob("*")) == []


@pytest.mark.spec("002/FR-077")
@pytest.mark.parametrize("place", [".local", ".local/share/todo"])
def test_a_data_folder_that_is_a_file_is_an_io_error(
    todo_embedded: Todo, seal: Seal, place: str
) -> None:
    path = seal.home / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")

    for arguments in TOUCHING:
        assert_refused(
            todo_embedded, *arguments, code="IO_ERROR", names=[str(path)]
        )

    assert path.read_text() == "mine"


@pytest.mark.spec("002/FR-077")
def test_a_path_that_is_a_folder_is_an_io_error(
    todo_embedded: Todo, file: Path
) -> None:
    file.mkdir(parents=True)

    for arguments in TOUCHING:
        assert_refused(
            todo_embedded, *arguments, code="IO_ERROR", names=[str(file)]
        )


@pytest.mark.spec("002/FR-077")
@pytest.mark.parametrize(
    "content",
    [
        b"not a database, " * 100,
        b"short",
        b"SQLite format 3\x00" + b"\xff" * 5000,
    ],
    ids=["text", "short", "bad"],
)
def test_a_file_that_is_no_database_is_an_io_error_and_stays(
    todo_embedded: Todo, file: Path, content: bytes
) -> None:
    file.parent.mkdir(parents=True)
    file.write_bytes(content)

    for arguments in TOUCHING:
        assert_refused(
            todo_embedded, *arguments, code="IO_ERROR", names=[str(file)]
        )

    assert file.read_bytes() == content


@pytest.mark.spec("002/FR-077")
def test_a_damaged_database_is_an_io_error_and_stays(
    todo_embedded: Todo, file: Path
) -> None:
    todo_embedded(
        "add", "-", stdin=b"a title of some length, to fill pages\n" * 1000
    )
    content = file.read_bytes()
    damaged = content[:4096] + b"\xff" * (len(content) - 4096)
    file.write_bytes(damaged)

    for arguments in TOUCHING:
        assert_refused(
            todo_embedded, *arguments, code="IO_ERROR", names=[str(file)]
        )

    assert file.read_bytes() == damaged


@pytest.mark.spec("002/FR-073")
def test_an_empty_file_is_a_store_not_made_yet(
    todo_embedded: Todo, file: Path
) -> None:
    file.parent.mkdir(parents=True)
    file.touch()

    assert todo_embedded("list") == Ran(0, "", "")
    assert todo_embedded("add", "Buy milk").status == 0
    assert titles_of(todo_embedded) == ["Buy milk"]


@pytest.mark.spec("002/FR-077")
@pytest.mark.parametrize("folder", ["", ".local/share/todo"])
def test_a_read_only_folder_is_an_io_error(
    bound: Process, seal: Seal, folder: str
) -> None:
    path = seal.home / folder
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o500)

    assert_refused(
        bound, "add", "Buy milk", code="IO_ERROR", names=[str(path)]
    )
    assert bound("list") == Ran(0, "", "")


@pytest.mark.spec("002/FR-077")
@pytest.mark.parametrize("part", ["folder", "file"])
def test_a_store_without_permission_is_an_io_error(
    bound: Process, file: Path, part: str
) -> None:
    assert bound("add", "Buy milk").status == 0
    path = {"folder": file.parent, "file": file}[part]
    path.chmod(0o000)

    for arguments in (["list"], ["add", "Buy bread"]):
        assert_refused(bound, *arguments, code="IO_ERROR", names=[str(path)])


@pytest.mark.spec("002/FR-077")
def test_a_read_only_file_can_be_read_and_not_written(
    bound: Process, file: Path
) -> None:
    assert bound("add", "Buy milk").status == 0
    file.chmod(0o400)

    for arguments in (["add", "Buy bread"], ["done", "1"]):
        assert_refused(bound, *arguments, code="IO_ERROR", names=[str(file)])
    assert titles_of(bound) == ["Buy milk"]


@pytest.mark.spec("002/FR-068")
def test_a_config_file_without_permission_is_refused(
    bound: Process, seal: Seal
) -> None:
    config = seal.home / "config.toml"
    config.write_text("user = 'bob'\n")
    config.chmod(0o000)
    env = {"TODO_CONFIG": str(config)}

    assert_refused(bound, "list", env=env, code="CONFIG", names=[str(config)])


@pytest.mark.spec("002/FR-077")
def test_a_full_disk_is_an_io_error_and_stores_nothing(
    local: Process, seal: Seal, fork_server: ForkServer, file: Path
) -> None:
    def with_room_for(size: int) -> Process:
        limit = partial(
            resource.setrlimit, resource.RLIMIT_FSIZE, (size, size)
        )
        return Process(
            local.surroundings, partial(fork_server.launch, before=limit)
        )

    assert_words(with_room_for(8 * 1024)("add", "Buy milk"), status=9)
    assert local("list") == Ran(0, "", "")
    add(local, "Buy milk")
    assert_refused(
        with_room_for(36 * 1024),
        *("add", "large", "-d", "😀" * 10_000),
        code="IO_ERROR",
        names=[str(file)],
    )

    assert titles_of(local) == ["Buy milk"]
    assert local("add", "Buy bread").status == 0


@pytest.mark.spec("002/FR-143")
def test_without_a_working_folder_a_relative_path_is_an_io_error(
    local: Process, fork_server: ForkServer, tmp_path: Path, file: Path
) -> None:
    before = partial(lose_working_folder, str(tmp_path / "gone"))
    lost = Process(
        local.surroundings, partial(fork_server.launch, before=before)
    )
    words = "The working folder is gone"
    relative: tuple[tuple[list[str], dict[str, str | None]], ...] = (
        (["add", "x"], {"TODO_DATABASE_URL": "rel.db"}),
        (["list"], {"TODO_DATABASE_URL": "sqlite:///rel.db"}),
        (["list"], {"TODO_CONFIG": "rel.toml"}),
        (["db", "import", "rel.db"], {}),
    )

    for arguments, env in relative:
        assert_refused(
            lost, *arguments, env=env, code="IO_ERROR", names=[words]
        )
    report = lost("doctor", env={"TODO_DATABASE_URL": "./rel.db"})
    assert report.status == 9
    assert f"Not usable: {words}" in report.out
    assert not Path("/rel.db").exists()
    assert lost("add", "Buy milk").status == 0
    assert file.is_file()
    assert lost("--help", env={"TODO_CONFIG": "rel.toml"}).status == 0


@needs("root")  # who alone can make nothing of use in another home
@pytest.mark.spec("002/FR-141")
def test_root_in_the_home_of_somebody_else_makes_nothing(
    local: Process, seal: Seal, tmp_path: Path
) -> None:
    """As wting/autojump#33 and ajeetdsouza/zoxide#361."""
    os.chown(seal.home, ACCOUNT.uid, ACCOUNT.gid)
    makes = (["add", "x"], ["db", "upgrade"])

    for arguments in makes:
        assert_refused(
            local,
            *arguments,
            code="IO_ERROR",
            names=[f"{seal.home} belongs to ", "sudo -H"],
        )
    assert local("list") == Ran(0, "", "")
    assert list(seal.home.iterdir()) == []
    env = {"TODO_DATABASE_URL": str(tmp_path / "a" / "todo.db")}
    assert local("add", "x", env=env).status == 0


@needs("root")  # who alone can give a file to another account
@pytest.mark.spec("002/FR-140")
@pytest.mark.parametrize("end", ["", "-wal", "-shm", "-journal"])
def test_a_file_of_somebody_else_in_a_shared_folder_is_refused(
    local: Process, tmp_path: Path, end: str
) -> None:
    tmp_path.chmod(0o1777)
    path = tmp_path / "todo.db"
    own = {"TODO_DATABASE_URL": str(path)}
    assert local("add", "x", env=own).status == 0
    theirs = Path(f"{path}{end}")
    theirs.touch()
    os.chown(theirs, ACCOUNT.uid, ACCOUNT.gid)

    for arguments in TOUCHING:
        names = [f"{theirs} belongs to "]
        assert_refused(local, *arguments, env=own, code="CONFIG", names=names)
    ran = local("db", "import", str(path))
    assert_words(ran, status=8, names=[f"{theirs} belongs to "])


@pytest.mark.spec("002/FR-078")
def test_a_folder_that_is_a_symlink_of_ones_own_is_followed(
    todo_embedded: Todo, seal: Seal, tmp_path: Path
) -> None:
    path = seal.home / ".local"
    path.symlink_to(tmp_path)

    assert todo_embedded("add", "Buy milk").status == 0
    assert titles_of(todo_embedded) == ["Buy milk"]
    assert path.is_symlink()
    assert (tmp_path / "share" / "todo" / "todo.db").is_file()


@pytest.mark.spec("002/FR-078")
def test_a_file_that_is_a_symlink_of_ones_own_is_followed(
    todo_embedded: Todo, file: Path, seal: Seal
) -> None:
    target = seal.cwd / "elsewhere.db"
    file.parent.mkdir(parents=True)
    file.symlink_to(target)

    assert todo_embedded("list") == Ran(0, "", "")
    assert todo_embedded("add", "Buy milk").status == 0
    assert todo_embedded("add", "Buy bread") == Ran(
        0, "Added 2: Buy bread\n", ""
    )
    assert titles_of(todo_embedded) == ["Buy milk", "Buy bread"]
    assert (file.is_symlink(), mode_of(target)) == (True, 0o600)


@needs("root")  # who alone can give a symlink to another account
@pytest.mark.spec("002/FR-078")
@pytest.mark.parametrize(
    "link", [".local/share/todo", ".local/share/todo/todo.db"]
)
def test_a_symlink_of_somebody_else_is_refused(
    todo_embedded: Todo, seal: Seal, tmp_path: Path, link: str
) -> None:
    path, target = seal.home / link, tmp_path / "elsewhere"
    path.parent.mkdir(parents=True)
    path.symlink_to(target)
    os.lchown(path, ACCOUNT.uid, ACCOUNT.gid)
    if not link.endswith(".db"):
        target.mkdir()

    for arguments in TOUCHING:
        assert_refused(
            todo_embedded, *arguments, code="CONFIG", names=[str(path)]
        )

    assert not target.exists() or list(target.iterdir()) == []


@pytest.mark.spec("002/FR-079")
def test_a_store_locked_for_too_long_is_busy_and_nothing_is_written(
    todo: Todo, process: Process, store: Store
) -> None:
    add(todo, "Buy milk")
    before = tasks_of(todo)

    with locked(store):
        writing = [
            process.start(*arguments)
            for arguments in (
                ["add", "x"],
                ["done", "1"],
                ["add", "x", "--json"],
            )
        ]
        words, also, document = [finished(running) for running in writing]

    assert_words(words, status=6)
    assert_words(also, status=6)
    assert_document(document, code="DATABASE_BUSY")
    assert tasks_of(todo) == before


@on_both_stores
@pytest.mark.spec("002/FR-079")
def test_a_store_locked_for_a_moment_is_waited_for(
    todo: Todo, process: Process, store: Store
) -> None:
    add(todo, "Buy milk")

    with locked(store):
        waiting = process.start("add", "Buy bread", "--json")
        threading.Event().wait(1)
    out, err = waiting.communicate(timeout=LIMIT_S)

    assert (
        Ran(waiting.returncode, out.decode(), err.decode()).data["number"] == 2
    )


@pytest.mark.spec("002/FR-079")
def test_a_file_that_somebody_writes_to_can_be_read(
    todo_embedded: Todo, sqlite_store: Store
) -> None:
    env = {"TODO_DATABASE_URL": sqlite_store.url}
    todo_embedded("add", "Buy milk", env=env)

    with locked(sqlite_store):
        assert [
            task["title"]
            for task in todo_embedded("list", "--json", env=env).data
        ] == ["Buy milk"]


@pytest.mark.spec("002/FR-080")
def test_a_schema_of_something_else_is_refused_and_stays(
    todo_embedded: Todo, postgres: PostgresServer, empty_database: str
) -> None:
    env = {"TODO_DATABASE_URL": postgres.url(empty_database)}
    postgres.run_sql(
        empty_database,
        "CREATE SCHEMA todo; CREATE TABLE todo.task (id int); CREATE TABLE todo.other ()",
    )

    for arguments in (*TOUCHING, ["db", "upgrade"]):
        assert_refused(
            todo_embedded, *arguments, env=env, code="SCHEMA", names=["todo"]
        )

    tables = postgres.fetch(
        empty_database,
        "SELECT table_schema || '.' || table_name AS name FROM information_schema.tables "
        "WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1",
    )
    assert [row["name"] for row in tables] == ["todo.other", "todo.task"]


@pytest.mark.spec("002/FR-080")
def test_tables_of_something_else_beside_the_schema_stay(
    todo_embedded: Todo, postgres: PostgresServer, empty_database: str
) -> None:
    postgres.run_sql(
        empty_database,
        "CREATE TABLE task (mine int); INSERT INTO task VALUES (7)",
    )
    env = {"TODO_DATABASE_URL": postgres.url(empty_database)}

    assert todo_embedded("add", "Buy milk", env=env).status == 0

    assert [
        row["mine"]
        for row in postgres.fetch(
            empty_database, "SELECT mine FROM public.task"
        )
    ] == [7]
    assert [
        row["title"]
        for row in postgres.fetch(
            empty_database, "SELECT title FROM todo.task"
        )
    ] == ["Buy milk"]


@on_both_stores
@pytest.mark.spec("002/FR-081")
def test_upgrade_makes_a_store_and_says_where_and_again_is_harmless(
    todo: Todo, store: Store
) -> None:
    first = todo("db", "upgrade")
    made = tasks_of(todo)
    added = todo("add", "Buy milk")
    before = tasks_of(todo)
    again = todo("db", "upgrade", "--json")

    assert (first.status, first.err, made) == (0, "", [])
    assert [name for name in place_of(store) if name not in first.out] == []
    assert added == Ran(0, "Added 1: Buy milk (new list for ada)\n", "")
    assert (again.status, again.err, again.json["success"]) == (0, "", True)
    assert tasks_of(todo) == before


@on_both_stores
@pytest.mark.spec("002/FR-081")
def test_upgrade_can_print_its_statements_instead(
    todo: Todo, store: Store, seal: Seal
) -> None:
    ran = todo("db", "upgrade", "--sql")

    assert (ran.status, ran.err) == (0, "")
    assert "CREATE TABLE" in ran.out
    assert "task" in ran.out
    assert list(seal.home.rglob("*")) + list(seal.cwd.rglob("*")) == []
    assert in_words_of_a_new_store(todo("add", "Buy milk"), store)
    assert "CREATE TABLE" not in todo("db", "upgrade", "--sql").out


@pytest.mark.spec("002/FR-081")
def test_upgrade_prints_statements_that_make_the_store(
    todo_embedded: Todo, postgres: PostgresServer, empty_database: str
) -> None:
    env = {"TODO_DATABASE_URL": postgres.url(empty_database)}

    postgres.run_sql(
        empty_database, todo_embedded("db", "upgrade", "--sql", env=env).out
    )

    assert todo_embedded("list", "--json", env=env).data == []
    assert todo_embedded("add", "Buy milk", env=env) == Ran(
        0, "Added 1: Buy milk (new list for ada)\n", ""
    )


@pytest.mark.spec("002/FR-081")
def test_upgrade_prints_statements_that_make_the_file(
    todo_embedded: Todo, sqlite_store: Store
) -> None:
    env = {"TODO_DATABASE_URL": sqlite_store.url}
    with closing(sqlite3.connect(path_of(sqlite_store))) as connection:
        connection.executescript(
            todo_embedded("db", "upgrade", "--sql", env=env).out
        )

    assert todo_embedded("add", "Buy milk", env=env) == Ran(
        0, "Added 1: Buy milk (new list for ada)\n", ""
    )
