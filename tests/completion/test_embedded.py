"""Tasks, projects and tags from an embedded file, which is only looked at."""

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest

from tests.completion.conftest import PROJECT, TAG, TITLE
from tests.support.machine import needs
from tests.support.program import Todo
from tests.support.stores import Store as Place
from todo_cli.completion import embedded
from todo_cli.completion.statements import Statements
from todo_cli.completion.store import SCOPES, Store
from todo_cli.database import completion_queries
from todo_cli.database.schema import USABLE

STORES = Path(__file__).parents[1] / "stores"


def path_of(store: Place) -> Path:
    """The file of a store."""
    return Path(store.url.removeprefix("sqlite:///"))


def looking(store: Place, user: str = "ada") -> Store:
    """What completion sees of a store."""
    return Store({"TODO_DATABASE_URL": store.url, "TODO_USER": user})


def numbers(store: Place, scope: str, digits: str = "") -> list[int]:
    """The numbers of the tasks of a scope."""
    return [number for number, _ in looking(store).tasks(scope, digits, 40)]


def content(folder: Path) -> dict[str, str]:
    """Every file of a folder, by name, with what is in it."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            found[path.name] = hashlib.sha256(data).hexdigest()
    return found


@contextmanager
def opened(store: Place) -> Iterator[sqlite3.Connection]:
    """Another program that has the file open."""
    path = path_of(store)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


# What is found


@pytest.mark.spec("002/FR-402")
def test_tasks_are_those_of_the_command_in_the_order_of_a_list(
    store: Place, todo: Todo
) -> None:
    lines = (
        ("add", "1 newest"),
        ("add", "2 low", "-p", "low"),
        ("add", "3 high", "-p", "high"),
        ("add", "4 later", "--due", "2026-12-24"),
        ("add", "5 soon", "--due", "2026-01-05"),
        ("add", "6 done first"),
        ("add", "7 done"),
        ("add", "8 gone"),
        ("add", "9 waits", "--wait", "2026-12-24"),
        ("done", "6"),
        ("done", "7"),
        ("delete", "8"),
    )
    for line in lines:
        todo.clock.tick()  # type: ignore[attr-defined]  # a clock of tests
        assert todo(*line).status == 0
    assert todo("add", "Of bob", user="bob").status == 0
    is_open = [5, 4, 3, 2, 9, 1]

    assert numbers(store, "open") == is_open
    assert numbers(store, "done") == [7, 6]
    assert numbers(store, "trash") == [8]
    assert numbers(store, "live") == [*is_open, 7, 6]
    assert numbers(store, "any") == [*is_open, 7, 6, 8]
    assert looking(store, "bob").tasks("any", "", 40) == [(1, "Of bob")]
    assert looking(store, "eve").tasks("any", "", 40) == []
    assert looking(store).tasks("open", "", 2) == [
        (5, "5 soon"),
        (4, "4 later"),
    ]


@pytest.mark.spec("002/FR-402")
def test_numbers_that_begin_with_digits_are_found_by_ranges(
    store: Place, todo: Todo
) -> None:
    assert todo("add", "-", stdin=b"x\n" * 125).status == 0
    assert todo("done", "12").status == 0

    assert numbers(store, "open", "12") == [120, 121, 122, 123, 124, 125]
    assert numbers(store, "done", "1") == [12]
    assert numbers(store, "live", "12") == [12, *range(120, 126)]
    assert numbers(store, "open", "13") == [13]
    assert numbers(store, "open", "9") == [9, *range(90, 100)]
    assert numbers(store, "open", "2147483647") == []
    assert numbers(store, "open", "2147483648") == []
    assert numbers(store, "open", "9" * 19) == []
    assert looking(store).tasks("open", "1", 3) == [
        (1, "x"),
        (10, "x"),
        (11, "x"),
    ]


@pytest.mark.spec("002/FR-403")
def test_projects_and_tags_are_those_of_tasks_outside_the_trash(
    store: Place, todo: Todo
) -> None:
    for project, tag in (("b", "y"), ("a.c", "x"), ("a", "x"), ("z", "gone")):
        assert todo("add", "x", "-P", project, "-t", tag).status == 0
    assert todo("add", "x", "-P", "bobs", "-t", "bobs", user="bob").status == 0
    assert (
        todo("update", "1", "--add-tag", "w", "--remove-tag", "y").status == 0
    )
    assert todo("done", "3").status == 0
    assert todo("delete", "4").status == 0
    seen = looking(store)

    assert seen.names("projects", "", 40) == ["a", "a.c", "b"]
    assert seen.names("projects", "a.", 40) == ["a.c", "b"]
    assert seen.names("projects", "", 2) == ["a", "a.c"]
    # The row of `y` is still there, and no longer true.
    assert seen.names("tags", "", 40) == ["w", "x"]
    assert seen.names("tags", "x", 40) == ["x"]


@pytest.mark.spec("002/FR-402", "002/FR-403")
def test_texts_are_found_as_they_are(store: Place, odd: Todo) -> None:
    seen = looking(store)

    assert seen.tasks("open", "", 1) == [(1, TITLE)]
    assert seen.names("projects", "", 9) == [PROJECT]
    assert seen.names("tags", "", 9) == [TAG]


@pytest.mark.spec("002/FR-402")
def test_what_another_program_has_stored_is_passed_over(
    store: Place, odd: Todo
) -> None:
    with opened(store) as file:
        file.execute("PRAGMA ignore_check_constraints = ON")
        file.execute("UPDATE task SET title = x'ff41' WHERE number = 2")
        file.execute("UPDATE task SET title = 'ab\x1bc' WHERE number = 3")

    found = looking(store).tasks("open", "", 9)

    assert [number for number, _ in found] == [1, 3]
    assert found[1] == (3, "ab\x1bc")


@pytest.mark.spec("002/FR-402")
@pytest.mark.parametrize("name", ["open", "live", "projects", "tags", "begun"])
def test_a_statement_reads_few_rows_of_an_index(
    store: Place, name: str
) -> None:
    sql = Statements("sqlite")[name]
    values = {"user": "ada", "most": 40, "prefix": "", "digits": 1}
    with opened(store) as file:
        plan = file.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()

    for *_, step in plan:
        is_walk = step.startswith(("SCAN task", "SCAN tag"))
        assert not is_walk, plan
    # Only the few that were chosen are sorted; of projects, one at a time.
    sorts = sum("TEMP B-TREE" in step for *_, step in plan)
    assert sorts <= (4 if name == "projects" else 1), plan


def test_scopes_and_versions_are_those_of_the_program() -> None:
    assert {**completion_queries.SCOPES} == {**SCOPES}
    for dialect in ("sqlite", "postgresql"):
        assert {*Statements(dialect).usable} == USABLE


# What is left alone


@pytest.mark.spec("002/FR-404")
def test_nothing_is_made_or_changed(store: Place, odd: Todo) -> None:
    folder = path_of(store).parent
    before = content(folder)

    assert numbers(store, "open") == [1, 2, 3]
    assert content(folder) == before

    missing = Store(
        {"TODO_DATABASE_URL": f"{folder}/new.db", "TODO_USER": "ada"}
    )
    assert missing.tasks("open", "", 9) == []
    assert content(folder) == before


@pytest.mark.spec("002/FR-404")
def test_a_file_that_another_program_has_open_is_read_with_its_log(
    store: Place, odd: Todo
) -> None:
    folder = path_of(store).parent
    with opened(store) as file:
        file.execute("UPDATE task SET title = 'new' WHERE number = 2")
        assert (folder / "store.db-wal").stat().st_size > 0
        before = content(folder)

        assert (2, "new") in looking(store).tasks("open", "", 9)
        after = content(folder)
        # One process has one copy of the index of the log, which both use.
        del before["store.db-shm"], after["store.db-shm"]
        assert after == before


@pytest.mark.spec("002/FR-404")
def test_a_locked_file_is_not_waited_for(store: Place, odd: Todo) -> None:
    with opened(store) as file:
        file.execute("PRAGMA locking_mode = EXCLUSIVE")
        file.execute("BEGIN EXCLUSIVE")
        file.execute("UPDATE task SET title = 'new'")
        began = os.times().elapsed

        numbers(store, "open")

        assert os.times().elapsed - began < 60
    assert numbers(store, "open") == [1, 2, 3]


@pytest.mark.spec("002/FR-404")
def test_a_log_of_another_file_is_not_read(
    store: Place, odd: Todo, tmp_path: Path
) -> None:
    path = path_of(store)
    with opened(store) as file:
        file.execute("UPDATE task SET title = 'old'")
        log = Path(f"{path}-wal").read_bytes()
    other = Place("sqlite", f"sqlite:///{tmp_path}/store.db")
    variables = {"TODO_DATABASE_URL": other.url}
    assert odd("add", "x", env=variables).status == 0
    copy = tmp_path / "store.db-wal"
    copy.write_bytes(log)
    before = content(tmp_path)

    assert numbers(other, "open") == []
    assert content(tmp_path) == before
    copy.unlink()
    assert numbers(other, "open") == [1]


@pytest.mark.spec("002/FR-404")
def test_half_a_change_is_not_read(store: Place, odd: Todo) -> None:
    Path(f"{path_of(store)}-journal").write_bytes(bytes(512))

    assert numbers(store, "open") == []


@pytest.mark.spec("002/FR-404")
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE alembic_version SET version_num = '0003'",
        "UPDATE alembic_version SET version_num = '9999'",
        "DELETE FROM alembic_version",
        "DROP TABLE alembic_version",
        "ALTER TABLE task RENAME TO elsewhere",
    ],
)
def test_another_version_is_not_read(
    store: Place, odd: Todo, sql: str
) -> None:
    with opened(store) as file:
        file.execute(sql)

    assert numbers(store, "open") == []


@pytest.mark.spec("002/FR-404")
def test_an_older_store_is_not_upgraded(seal_copy: Path) -> None:
    before = content(seal_copy.parent)
    seen = Store({"TODO_DATABASE_URL": str(seal_copy), "TODO_USER": "ada"})

    assert seen.tasks("any", "", 40) == []
    assert content(seal_copy.parent) == before


@pytest.fixture
def seal_copy(tmp_path: Path) -> Path:
    """A store that version 0.1.0 has made."""
    copy = tmp_path / "old.db"
    copy.write_bytes((STORES / "0.1.0.db").read_bytes())
    return copy


@pytest.mark.spec("002/FR-404")
@pytest.mark.parametrize("what", ["empty", "text", "folder", "pipe", "cut"])
def test_what_is_no_store_is_not_read(
    store: Place, odd: Todo, what: str
) -> None:
    path = path_of(store)
    data = path.read_bytes()
    path.unlink()
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    else:
        kinds = {"empty": b"", "text": b"tasks\n" * 99, "cut": data[:9000]}
        path.write_bytes(kinds[what])

    assert numbers(store, "open") == []


@pytest.mark.spec("002/FR-404")
def test_a_link_of_our_own_is_followed(
    store: Place, odd: Todo, tmp_path: Path
) -> None:
    link = tmp_path / "tasks.db"
    link.symlink_to(path_of(store))
    linked = Place("sqlite", f"sqlite:///{link}")

    assert numbers(linked, "open") == [1, 2, 3]
    link.unlink()
    link.symlink_to(link)
    assert numbers(linked, "open") == []


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that everybody can reach."""
    with TemporaryDirectory(prefix="todo-public-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def copied(store: Place, folder: Path) -> Place:
    """A copy of a store in another folder."""
    path = folder / "store.db"
    path.write_bytes(path_of(store).read_bytes())
    path.chmod(0o600)
    return Place("sqlite", f"sqlite:///{path}")


@pytest.mark.spec("002/FR-404")
@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
def test_a_file_that_everybody_may_write_to_is_not_read(
    store: Place, odd: Todo, public: Path, suffix: str
) -> None:
    copy = copied(store, public)
    each = Path(f"{path_of(copy)}{suffix}")
    each.touch()
    each.chmod(0o666)

    assert numbers(copy, "open") == []
    # In a folder of our own it is, as by every command.
    public.chmod(0o700)
    assert numbers(copy, "open") == [1, 2, 3]


@needs("root")
@pytest.mark.spec("002/FR-404")
def test_what_a_stranger_may_have_planted_is_not_read(
    store: Place, odd: Todo, public: Path
) -> None:
    copy = copied(store, public)
    path = path_of(copy)
    link = public / "link.db"
    link.symlink_to(path_of(store))
    linked = Place("sqlite", f"sqlite:///{link}")
    assert numbers(copy, "open") == numbers(linked, "open") == [1, 2, 3]

    os.chown(path, 65534, 65534)
    os.lchown(link, 65534, 65534)

    assert numbers(linked, "open") == []
    # `sudo` with the home of somebody else: there it is no stranger's.
    assert numbers(copy, "open") == [1, 2, 3]
    public.chmod(0o777)
    assert numbers(copy, "open") == []


@pytest.mark.spec("002/FR-404")
def test_an_answer_from_a_file_that_changes_meanwhile_is_dropped(
    store: Place, odd: Todo, monkeypatch: pytest.MonkeyPatch
) -> None:
    selected = embedded._selected

    def select(*given: object) -> object:
        found = selected(*given)  # type: ignore[arg-type]
        path_of(store).write_bytes(path_of(store).read_bytes() + bytes(4096))
        return found

    monkeypatch.setattr(embedded, "_selected", select)

    assert numbers(store, "open") == []


@pytest.mark.spec("002/FR-404")
def test_odd_names_of_files_are_opened(
    store: Place, odd: Todo, tmp_path: Path
) -> None:
    path = tmp_path / f"a b#c%20🎉{uuid4()}.db"
    path.write_bytes(path_of(store).read_bytes())

    found = embedded.rows(
        str(path),
        Statements("sqlite"),
        "open",
        {"user": "ada", "most": 1},
    )

    assert found == [(1, TITLE)]
