"""Backups put in the place of the embedded file, with and without what SQLite left
beside the old one.
"""

import shutil
import signal
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.cli.expect import add, assert_refused
from tests.conftest import Seal
from tests.support.forked import FORKING
from tests.support.program import Todo
from tests.support.size import share, size
from tests.support.stores import Clock
from tests.support.writers import write_and_die, write_for_ever
from todo_cli.database import sidecars

pytestmark = [
    pytest.mark.nothing_made,
    pytest.mark.spec("002/FR-077"),
    pytest.mark.usefixtures("fork_server"),
]

MANY = 100
"""Adds that fill the log so far that SQLite writes it into the file, and begins it anew."""


@pytest.fixture
def path(seal: Seal) -> Path:
    """The embedded file."""
    return seal.home / ".local" / "share" / "todo" / "todo.db"


@pytest.fixture
def backup(seal: Seal) -> Path:
    """Where the backup is."""
    return seal.cwd / "backup.db"


@pytest.fixture
def todo(todo_embedded: Todo) -> Todo:
    """The program on the embedded file."""
    return todo_embedded


def kill_writer(path: Path, *titles: str) -> None:
    """Have a process add these tasks and end by SIGKILL, with the file still open."""
    writer = FORKING.Process(target=write_and_die, args=(path, titles))
    writer.start()
    writer.join()
    assert writer.exitcode == -signal.SIGKILL
    assert beside(path, "-wal").stat().st_size > 0


def at(path: Path) -> dict[str, str | None]:
    """The settings that have the program use another file."""
    return {"TODO_DATABASE_URL": str(path)}


def titles_of(
    todo: Todo, env: dict[str, str | None] | None = None
) -> list[str]:
    """The titles of all open tasks, the newest first."""
    return [
        task["title"]
        for task in todo("list", "--limit", "1000", "--json", env=env).data
    ]


def beside(path: Path, suffix: str) -> Path:
    """A file that SQLite keeps beside the database."""
    return path.with_name(path.name + suffix)


def put(how: str, backup: Path, path: Path) -> None:
    """Restore a backup as people do."""
    if how == "mv":
        backup.rename(path)
    else:
        shutil.copyfile(backup, path)


def left_open(path: Path) -> sqlite3.Connection:
    """A connection of another program, which has a look, and keeps the file open."""
    file = sqlite3.connect(path)
    file.execute("SELECT count(*) FROM task").fetchone()
    return file


def restore(backup: Path, path: Path) -> None:
    """Restore a backup through SQLite, as `.restore` of the sqlite3 program does."""
    with (
        closing(sqlite3.connect(backup)) as source,
        closing(sqlite3.connect(path)) as target,
    ):
        source.backup(target)


def contents(path: Path) -> dict[str, bytes]:
    """What is in the file and beside it."""
    return {
        file.name: file.read_bytes()
        for file in path.parent.iterdir()
        if not file.name.endswith("-shm")
    }


def integrity(path: Path) -> str:
    """What SQLite thinks of a file."""
    with closing(sqlite3.connect(path)) as file:
        return str(file.execute("PRAGMA integrity_check").fetchone()[0])


def make_backup(kind: str, todo: Todo, path: Path, backup: Path) -> list[str]:
    """Leave a log beside the embedded file, and make a backup of this kind; the titles
    in it, the newest first.
    """
    added = {
        "newer": ["c", "d", "e", "f"],
        "as long": ["c", "d", "e"],
        "foreign": ["x", "y"],
    }.get(kind, [])
    killed = map(str, range(MANY)) if kind == "older, long log" else ["d", "e"]
    copied = [] if kind == "foreign" else ["b", "a"]

    add(todo, "a", "b")
    if copied:
        shutil.copyfile(path, backup)
    for title in added:
        assert todo("add", title, env=at(backup)).status == 0
    add(todo, "c")
    kill_writer(path, *killed)
    return [*reversed(added), *copied]


COMMANDS = (
    ["list"],
    ["add", "new"],
    ["done", "1"],
    ["delete", "1"],
    ["doctor"],
    ["db", "upgrade"],
)


@pytest.mark.parametrize(
    ("kind", "how", "with_index"),
    [
        ("older", "mv", True),
        ("older", "cp", False),
        ("older, long log", "mv", False),
        ("older, long log", "cp", True),
        ("newer", "mv", True),
        ("newer", "cp", False),
        ("as long", "mv", True),
        ("as long", "cp", False),
        ("foreign", "mv", False),
        ("foreign", "cp", True),
    ],
)
def test_a_backup_beside_the_log_of_the_old_file_is_refused_and_stays(
    todo: Todo,
    path: Path,
    backup: Path,
    seal: Seal,
    kind: str,
    how: str,
    with_index: bool,
) -> None:
    """See https://sqlite.org/howtocorrupt.html, "Mispairing database files and hot journals"."""
    titles = make_backup(kind, todo, path, backup)
    put(how, backup, path)
    if not with_index:
        beside(path, "-shm").unlink()
    before = contents(path)

    # In the suite `mv` and `cp` have a half of the commands each.
    for arguments in share(COMMANDS, how == "cp", 2):
        ran = todo(*arguments)
        assert ran.status == 9, arguments
        assert f"{path}-wal was left by another file than {path}" in ran.err
        assert "move todo.db-wal and todo.db-shm away" in ran.err
    refusal = assert_refused(
        todo, "list", code="IO_ERROR", names=[f"{path}-wal"]
    )

    assert refusal["hint"] == (
        "nothing was changed; end all programs that use todo.db, `todo serve` too; "
        "if this stays, move todo.db-wal and todo.db-shm away"
    )
    assert contents(path) == before
    for suffix in ("-wal", "-shm"):
        if beside(path, suffix).exists():
            beside(path, suffix).rename(seal.cwd / f"moved{suffix}")
    assert titles_of(todo) == titles
    assert integrity(path) == "ok"
    add(todo, "new")
    assert titles_of(todo) == ["new", *titles]


def test_a_backup_of_the_very_state_that_the_log_continues_is_refused_where_it_is_another_file(
    todo: Todo, path: Path, backup: Path
) -> None:
    add(todo, "a", "b")
    shutil.copyfile(path, backup)
    kill_writer(path, "c")
    put("mv", backup, path)

    assert_refused(todo, "list", code="IO_ERROR", names=[f"{path}-wal"])


def test_a_copy_of_what_is_there_already_changes_nothing(
    todo: Todo, path: Path, backup: Path
) -> None:
    add(todo, "a", "b")
    shutil.copyfile(path, backup)
    kill_writer(path, "c")
    put("cp", backup, path)  # the same bytes in the same file

    assert titles_of(todo) == ["c", "b", "a"]


@pytest.mark.parametrize("how", ["mv", "cp"])
@pytest.mark.parametrize(
    "left", [[], ["-shm"]], ids=["nothing left", "-shm left"]
)
def test_a_backup_without_a_log_beside_it_is_used(
    todo: Todo, path: Path, backup: Path, seal: Seal, how: str, left: list[str]
) -> None:
    titles = make_backup("older", todo, path, backup)
    beside(path, "-wal").unlink()
    if not left:
        beside(path, "-shm").unlink()

    put(how, backup, path)

    assert titles_of(todo) == titles
    add(todo, "new")
    assert (titles_of(todo), integrity(path)) == (["new", *titles], "ok")


# A log of the file's own


@pytest.mark.parametrize(
    ("count", "with_index", "where"),
    [
        (1, False, "in place"),
        (3, True, "in place"),
        (MANY, True, "in place"),
        (MANY, False, "in place"),
        (3, False, "folder moved"),
        (MANY, True, "folder copied"),
        (1, False, "folder copied"),
        (3, True, "through a symlink"),
        (MANY, False, "through a symlink"),
    ],
)
def test_what_a_killed_writer_left_is_used(
    todo: Todo,
    path: Path,
    seal: Seal,
    count: int,
    with_index: bool,
    where: str,
) -> None:
    add(todo, "a")
    killed = [str(number) for number in range(count)]
    kill_writer(path, *killed)
    if not with_index:
        beside(path, "-shm").unlink()
    folder = seal.cwd / "elsewhere"
    if where == "folder copied":
        shutil.copytree(path.parent, folder)
        shutil.rmtree(path.parent)
        folder.rename(path.parent)
    elif where != "in place":
        path.parent.rename(folder)
        if where == "folder moved":
            folder.rename(path.parent)
        else:
            path.parent.mkdir()
            path.symlink_to(folder / "todo.db")

    assert titles_of(todo) == [*reversed(killed), "a"]
    assert not beside(path, "-wal").exists()


def test_what_a_killed_writer_left_in_a_file_that_had_no_mark_is_used(
    todo: Todo, path: Path
) -> None:
    add(todo, "a")
    with closing(sqlite3.connect(path)) as file:
        file.executescript(
            "PRAGMA user_version = 0; PRAGMA application_id = 0;"
        )
    kill_writer(path, "b", "c")

    assert titles_of(todo) == ["c", "b", "a"]


def test_what_another_program_left_is_used(
    todo: Todo, path: Path, seal: Seal
) -> None:
    add(todo, "a", "b")
    with closing(sqlite3.connect(path)) as file:
        file.execute("UPDATE task SET title = 'changed' WHERE number = 1")
        file.commit()
        shutil.copytree(path.parent, seal.cwd / "killed")

    assert titles_of(todo, env=at(seal.cwd / "killed" / "todo.db")) == [
        "b",
        "changed",
    ]


def test_a_file_is_used_while_another_program_has_it_open_and_writes(
    todo: Todo, path: Path
) -> None:
    add(todo, "a")
    with closing(sqlite3.connect(path)) as other:
        for number in range(3):
            other.execute(
                "UPDATE task SET title = title || 'x' WHERE number = 1"
            )
            other.commit()
            add(todo, f"beside {number}")

        assert titles_of(todo) == ["beside 2", "beside 1", "beside 0", "axxx"]


@pytest.mark.parametrize(
    "is_newer", [False, True], ids=["older backup", "newer backup"]
)
@pytest.mark.parametrize("log", ["empty", "in use", "begun anew"])
def test_a_backup_that_sqlite_itself_restores_into_a_file_that_is_open_is_used(
    todo: Todo, path: Path, backup: Path, log: str, is_newer: bool
) -> None:
    """The log is in use, and what was restored is nowhere else."""
    add(todo, "a", "b")
    idle = left_open(path)
    restore(path, backup)
    expected = ["b", "a"]
    if is_newer:
        for title in ("x", "y", "z"):
            assert todo("add", title, env=at(backup)).status == 0
            expected.insert(0, title)
    add(todo, "later", "last")
    if log == "empty":
        idle.close()
        idle = left_open(path)
    elif log == "begun anew":
        idle.execute("PRAGMA wal_checkpoint")

    restore(backup, path)

    assert titles_of(todo) == expected
    add(todo, "new")
    assert titles_of(todo) == ["new", *expected]
    idle.execute("PRAGMA wal_checkpoint")
    assert titles_of(todo) == ["new", *expected]
    idle.close()
    assert (titles_of(todo), integrity(path)) == (["new", *expected], "ok")


LOGS = ("empty", "in use", "begun anew")


@pytest.mark.parametrize(
    ("name", "value", "log"),
    [
        ("user_version", value, log)
        for turn, value in enumerate((0, 2**31 - 1))
        for log in share(LOGS, turn, 2)
    ]
    + [
        ("application_id", value, log)
        for turn, value in enumerate((1, 0))
        for log in share(LOGS, turn, 2)
    ],
)
def test_a_mark_that_another_program_writes_over_is_no_reason_to_refuse_a_file_that_is_open(
    todo: Todo, path: Path, name: str, value: int, log: str
) -> None:
    add(todo, "a")
    with closing(left_open(path)) as idle:
        if log != "empty":
            add(todo, "b")
        if log == "begun anew":
            idle.execute("PRAGMA wal_checkpoint")
        with closing(sqlite3.connect(path)) as other:
            other.execute(f"PRAGMA {name} = {value}")
        for title in ("c", "d"):
            add(todo, title)
            idle.execute("PRAGMA wal_checkpoint")
        add(todo, "e")

        assert titles_of(todo)[:3] == ["e", "d", "c"]
    assert titles_of(todo)[:3] == ["e", "d", "c"]


def test_looks_beside_a_file_that_is_opened_written_and_closed_all_the_time_find_nothing(
    todo: Todo, path: Path
) -> None:
    add(todo, "a")
    writer = FORKING.Process(target=write_for_ever, args=(path,))
    writer.start()
    try:
        hot = 0
        while hot < size(40, 1_000):
            assert writer.is_alive()
            sidecars.refuse_foreign(path)
            with suppress(FileNotFoundError):
                hot += beside(path, "-wal").stat().st_size > 0
    finally:
        writer.kill()
        writer.join()


# A log of a file that is gone, and files that are none


@pytest.mark.parametrize(
    "instead",
    [None, b"", b"not a database, " * 500],
    ids=["gone", "empty", "text"],
)
def test_a_log_is_neither_deleted_nor_replayed_where_its_file_is_gone(
    todo: Todo, path: Path, seal: Seal, instead: bytes | None
) -> None:
    add(todo, "a")
    kill_writer(path, "b")
    away = seal.cwd / "away.db"
    path.rename(away)
    if instead is not None:
        path.write_bytes(instead)
    before = contents(path)

    for arguments in (["list"], ["add", "new"], ["db", "upgrade"], ["doctor"]):
        ran = todo(*arguments)
        assert ran.status == 9, arguments
        assert f"{path}-wal was left by " in ran.err
    if not instead:
        refusal = assert_refused(
            todo,
            "add",
            "new",
            code="IO_ERROR",
            names=[f"{path}-wal", "put todo.db back"],
        )
        assert (
            refusal["message"]
            == f"{path}-wal was left by a file that is no longer there"
        )

    assert contents(path) == before
    away.rename(path)
    assert titles_of(todo) == ["b", "a"]


# Journals


def leave_journal(path: Path, to: Path) -> None:
    """Copy a store that keeps a journal, with a transaction that is half in the file,
    as a crash would leave it.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("PRAGMA journal_mode = DELETE")
        file.execute(
            "PRAGMA cache_size = 1"
        )  # so that pages are written before the commit
        file.execute("BEGIN IMMEDIATE")
        version = file.execute("PRAGMA user_version").fetchone()[0]
        file.execute(f"PRAGMA user_version = {version + 1}")
        file.execute(
            "UPDATE task SET title = 'lost ' || title, description = ?",
            ["x" * 2_000],
        )
        shutil.copyfile(path, to)
        shutil.copyfile(beside(path, "-journal"), beside(to, "-journal"))
        file.execute("ROLLBACK")


@pytest.fixture
def crashed(todo: Todo, path: Path, backup: Path) -> Path:
    """The embedded file with a journal that has to be rolled back; the backup is of
    before one more add.
    """
    add(todo, *map(str, range(50)))
    shutil.copyfile(path, backup)
    add(todo, "last")
    leave_journal(path, path.with_name("crashed.db"))
    for suffix in ("", "-journal"):
        beside(path.with_name("crashed.db"), suffix).rename(
            beside(path, suffix)
        )
    return path


def test_a_journal_of_the_files_own_is_rolled_back(
    todo: Todo, crashed: Path
) -> None:
    assert titles_of(todo)[:2] == ["last", "49"]
    assert (integrity(crashed), beside(crashed, "-journal").exists()) == (
        "ok",
        False,
    )


@pytest.mark.parametrize("how", ["mv", "cp"])
def test_a_backup_beside_the_journal_of_the_old_file_is_refused_and_stays(
    todo: Todo, crashed: Path, backup: Path, how: str
) -> None:
    put(how, backup, crashed)
    before = contents(crashed)

    refusal = assert_refused(
        todo,
        "list",
        code="IO_ERROR",
        names=[f"{crashed}-journal was left by another file"],
    )
    assert_refused(todo, "add", "new", code="IO_ERROR")

    assert refusal["hint"].endswith("if this stays, move todo.db-journal away")
    assert contents(crashed) == before
    beside(crashed, "-journal").unlink()
    assert titles_of(todo)[0] == "49"


def test_a_journal_is_not_deleted_where_its_file_is_gone(
    todo: Todo, crashed: Path, seal: Seal
) -> None:
    crashed.rename(seal.cwd / "away.db")

    for arguments in (["list"], ["add", "new"]):
        assert_refused(
            todo, *arguments, code="IO_ERROR", names=["put todo.db back"]
        )

    (seal.cwd / "away.db").rename(crashed)
    assert titles_of(todo)[0] == "last"


# The ways that README names


def test_an_import_into_a_new_file_is_a_whole_copy_and_brings_everything_back(
    todo: Todo, path: Path, backup: Path, seal: Seal
) -> None:
    add(todo, "a", "b", "deleted")
    assert todo("delete", "3").status == 0
    kill_writer(path, "only in the log")
    statuses = ("all", "trash")
    before = [
        todo("list", "--status", status, "--json").data for status in statuses
    ]

    copied = todo("db", "import", str(path), env=at(backup))
    assert copied.out.startswith("Imported 4 tasks of 1 user")
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 40_000)
    assert todo("list").status == 9
    for file in list(path.parent.iterdir()):
        file.rename(seal.cwd / f"away-{file.name}")
    assert todo("db", "import", str(backup)).status == 0

    assert [
        todo("list", "--status", status, "--json").data for status in statuses
    ] == before
    assert todo("add", "new", "--json").data["number"] == 5


def test_a_source_beside_the_log_of_another_file_is_not_imported(
    todo: Todo, path: Path, backup: Path, seal: Seal
) -> None:
    make_backup("older", todo, path, backup)
    put("mv", backup, path)
    before = contents(path)
    target = seal.cwd / "new.db"

    ran = todo("db", "import", str(path), env=at(target))

    assert (ran.status, ran.out, target.exists()) == (9, "", False)
    assert f"{path}-wal was left by another file" in ran.err
    assert "if this stays, move todo.db-wal and todo.db-shm away" in ran.err
    assert contents(path) == before


def test_a_source_that_is_gone_but_for_its_log_says_what_to_put_back(
    todo: Todo, path: Path, backup: Path, seal: Seal
) -> None:
    make_backup("older", todo, path, backup)
    path.rename(seal.cwd / "away.db")

    ran = todo("db", "import", str(path), env=at(seal.cwd / "new.db"))

    assert ran.status == 9
    assert f"{path}-wal was left by a file that is no longer there" in ran.err
    assert "put todo.db back" in ran.err


@pytest.mark.parametrize("how", ["mv", "cp"])
def test_a_source_beside_the_journal_of_another_file_says_what_to_move_away(
    todo: Todo, crashed: Path, backup: Path, seal: Seal, how: str
) -> None:
    put(how, backup, crashed)

    ran = todo("db", "import", str(crashed), env=at(seal.cwd / "new.db"))

    assert ran.status == 9
    assert "move todo.db-journal away" in ran.err


def test_a_damaged_file_says_what_has_to_be_moved_away(
    todo: Todo, path: Path, clock: Clock
) -> None:
    add(todo, "a")
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 40_000)

    refusal = assert_refused(todo, "list", code="IO_ERROR", names=[str(path)])

    assert refusal["hint"] == (
        "nothing was changed; move todo.db away, with todo.db-wal and todo.db-shm if they are there, "
        "then `todo db import` it, or a backup"
    )
