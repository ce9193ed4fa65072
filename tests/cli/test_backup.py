"""`todo db backup`: what it says, what it refuses, and what an interruption leaves."""

import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.expect import add, assert_refused
from tests.cli.tampering import locked
from tests.conftest import Seal
from tests.support import disks
from tests.support.machine import needs
from tests.support.program import LIMIT_S, Process, Surroundings, Todo
from tests.support.site import MAY_HALF_CLOSE, Site, wait_until
from tests.support.size import long_only, size
from tests.support.stores import Clock, Store
from tests.support.turns import Fault, TurnProxy
from todo_cli.database import backup

pytestmark = MAY_HALF_CLOSE


WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


@pytest.fixture
def path(seal: Seal) -> Path:
    """Where the backup is."""
    return seal.cwd / "backup.db"


def titles(path: Path) -> list[str]:
    """What is in a file, read past the program."""
    with closing(sqlite3.connect(path)) as file:
        rows = file.execute("SELECT title FROM task ORDER BY number")
        return [title for (title,) in rows]


def parts(folder: Path) -> list[Path]:
    """What an unfinished backup has left."""
    return sorted(folder.glob(".todo-*"))


@pytest.mark.spec("002/FR-250")
def test_says_how_much_and_where(todo: Todo, path: Path) -> None:
    add(todo, "one")
    add(todo, "two")
    assert todo("add", "three", user="bob").status == 0

    ran = todo("db", "backup", "backup.db")

    assert (ran.status, ran.err) == (0, "")
    assert ran.out == f"Backed up 3 tasks of 2 users to {path}\n"
    assert todo("db", "backup", "second.db", "--json").data == {
        "path": str(path.with_name("second.db")),
        "tasks": 3,
        "users": 2,
    }


@pytest.mark.spec("002/FR-250")
def test_shows_its_progress_at_a_terminal(todo: Todo, path: Path) -> None:
    add(todo, "one")

    ran = todo(
        *("db", "backup", str(path)),
        terminal=True,
        env={"TERM": "xterm-256color"},
    )

    assert "Backing up" in ran.err
    assert "100%" in ran.err
    assert ran.out.startswith("Backed up 1 task of 1 user")


@pytest.mark.spec("002/FR-250")
def test_an_older_store_is_upgraded_first(
    seal: Seal, clock: Clock, path: Path
) -> None:
    old = seal.cwd / "old.db"
    released = Path(__file__).parents[1] / "stores" / "0.1.0.db"
    shutil.copy(released, old)
    old.chmod(0o600)
    run = Todo(Surroundings(seal.home, seal.cwd, str(old)), clock)

    ran = run("db", "backup", str(path), "--json")

    assert ran.status == 0
    assert len(titles(path)) == ran.data["tasks"] > 0


@pytest.mark.parametrize("option", [[], ["--mine"]], ids=str)
@pytest.mark.spec("002/FR-254")
def test_never_writes_over_a_file_unless_forced(
    todo: Todo, path: Path, option: list[str]
) -> None:
    add(todo, "one")
    path.write_text("dear to me")

    assert_refused(
        todo,
        *("db", "backup", str(path), *option),
        code="CONFLICT",
        names=[str(path), "--force"],
    )

    assert path.read_text() == "dear to me"
    assert todo("db", "backup", str(path), *option, "--force").status == 0
    assert titles(path) == ["one"]
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.spec("002/FR-254")
def test_force_replaces_a_link_and_not_what_it_leads_to(
    todo: Todo, path: Path
) -> None:
    add(todo, "one")
    other = path.with_name("other.txt")
    other.write_text("dear to me")
    path.symlink_to(other)

    assert todo("db", "backup", str(path), "--force").status == 0

    assert (other.read_text(), titles(path)) == ("dear to me", ["one"])


@pytest.mark.parametrize(
    "lead",
    [os.symlink, os.link, lambda here, there: None],
    ids=["symlink", "hard link", "itself"],
)
@pytest.mark.spec("002/FR-254")
def test_never_writes_over_the_store(
    todo: Todo,
    store: Store,
    path: Path,
    lead: Callable[[Path, Path], object],
) -> None:
    add(todo, "one")
    here = path.with_name("store.db")
    lead(here, path)
    target = path if path.exists() else here

    error = assert_refused(
        todo,
        *("db", "backup", str(target), "--force"),
        code="INVALID_INPUT",
    )

    assert error["message"] == "path: is the store in use"
    assert titles(here) == ["one"]


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("postgresql://ada:secret@localhost/x", "INVALID_INPUT", "not a URL"),
        ("sqlite:///backup.db", "INVALID_INPUT", "not a URL"),
        ("-", "INVALID_INPUT", "must be a file"),
        ("a\nb", "INVALID_INPUT", "control character"),
        ("a.db-wal", "INVALID_INPUT", "SQLite uses"),
        ("A.DB-JOURNAL", "INVALID_INPUT", "SQLite uses"),
        (".", "IO_ERROR", "is a folder"),
        ("", "IO_ERROR", "is a folder"),
        ("pipe", "IO_ERROR", "is a pipe"),
        ("/dev/null", "IO_ERROR", "device"),
        ("missing/backup.db", "IO_ERROR", "no such file or directory"),
        ("store.db/backup.db", "IO_ERROR", "not a"),
        ("n" * 300, "IO_ERROR", "too long"),
    ],
)
@pytest.mark.spec("002/FR-254")
def test_refuses_what_cannot_be_a_new_file(
    todo: Todo, path: Path, name: str, code: str, says: str
) -> None:
    add(todo, "one")
    os.mkfifo(path.with_name("pipe"))
    before = sorted(path.parent.iterdir())

    for force in ([], ["--force"]):
        error = assert_refused(
            todo, "db", "backup", *force, "--", name, code=code
        )
        assert says in error["message"]
        assert "secret" not in str(error)

    assert sorted(path.parent.iterdir()) == before


@pytest.mark.spec("002/FR-254")
def test_a_file_that_comes_meanwhile_stays(
    todo: Todo, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(todo, "one")
    read = backup._read

    async def read_slowly(*arguments: object) -> None:
        path.write_text("faster")
        await read(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(backup, "_read", read_slowly)

    assert_refused_once = todo("db", "backup", str(path), "--json")

    assert assert_refused_once.error["code"] == "CONFLICT"
    assert path.read_text() == "faster"
    assert parts(path.parent) == []


@needs("mounts")
@pytest.mark.spec("002/FR-255")
def test_a_full_disk_leaves_nothing(
    todo: Todo, path: Path, tmp_path: Path
) -> None:
    add(todo, "one")
    with disks.small_disk(tmp_path / "disk", "size=64k") as disk:
        target = disk / "backup.db"
        error = assert_refused(
            todo,
            *("db", "backup", str(target)),
            code="IO_ERROR",
            names=[str(target), "the disk is full"],
        )
        assert ".todo-" not in error["message"]
        assert list(disk.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.spec("002/FR-255")
def test_a_signal_leaves_nothing_while_the_server_is_silent(
    site: Site, proxy: TurnProxy, number: signal.Signals
) -> None:
    site.fill("one", "two")
    url = site.url("127.0.0.1", proxy.port)
    assert site.todo(url)("db", "backup", "a.db").status == 0
    requests = len(proxy.requests)
    # In the suite each signal comes at one of two places.
    places = (requests // 3, requests * 2 // 3)
    first = size(int(number == signal.SIGTERM), 0)
    for request in places[first :: size(2, 1)]:
        with TurnProxy(site.server.host, site.server.port) as stuck:
            stuck.faults.append(
                Fault("before", request=request, how="silence")
            )
            running = site.process(site.url("127.0.0.1", stuck.port)).start(
                "db", "backup", "b.db"
            )
            wait_until(
                lambda stuck=stuck, request=request, running=running: (  # type: ignore[misc]
                    len(stuck.requests) > request or running.poll() is not None
                )
            )
            running.send_signal(number)
            running.communicate(timeout=LIMIT_S)
        assert running.returncode == -number
        assert not (site.cwd / "b.db").exists()
        assert parts(site.cwd) == []


@pytest.mark.spec("002/FR-255")
def test_a_signal_stops_what_the_server_reads(site: Site) -> None:
    """It had gone on there for as long as somebody else held the table."""
    site.fill("one")
    url = site.server.url(site.database)

    def is_waiting() -> bool:
        return site.fetch(WAITING) == [(1,)]

    with locked(Store("postgresql", url)):
        running = site.process(url).start("db", "backup", "b.db")
        wait_until(is_waiting)
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=LIMIT_S)

        assert running.returncode == -signal.SIGINT
        wait_until(lambda: not is_waiting())


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (signal.SIGINT, "-wal"),
        (signal.SIGKILL, ""),
        *long_only((signal.SIGINT, ""), (signal.SIGKILL, "-wal")),
    ],
)
@pytest.mark.spec("002/FR-255")
def test_a_signal_while_it_writes_leaves_all_or_nothing(
    todo: Todo,
    process: Process,
    path: Path,
    number: signal.Signals,
    written: str,
) -> None:
    lines = "".join(f"task {number}\n" for number in range(1_000))
    assert todo("add", "-", stdin=lines.encode()).status == 0

    running = process.start("db", "backup", str(path))
    wait_until(
        lambda: (
            (
                any(parts(path.parent))
                and any(
                    each.name.endswith(written) for each in parts(path.parent)
                )
            )
            or running.poll() is not None
        )
    )
    running.send_signal(number)
    running.communicate(timeout=LIMIT_S)

    if path.exists():
        assert len(titles(path)) == 1_000
        path.unlink()
    if number != signal.SIGKILL:
        assert parts(path.parent) == []
    # What a killed program left is in nobody's way.
    assert todo("db", "backup", str(path)).status == 0
    assert len(titles(path)) == 1_000


@pytest.mark.spec("002/FR-250")
def test_has_what_a_copy_of_the_file_lacks(
    todo: Todo, path: Path, store: Store
) -> None:
    """README, "Do not cp": a program that has the file open keeps changes in the log."""
    here = path.with_name("store.db")
    with closing(sqlite3.connect(here)) as other:
        other.execute("SELECT count(*) FROM task").fetchall()
        add(todo, "one")
        copy = Path(shutil.copy(here, path.with_name("copy.db")))
        assert todo("db", "backup", str(path)).status == 0

    assert (titles(path), titles(copy)) == (["one"], [])
