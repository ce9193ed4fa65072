"""The rows of an import on their way: bounded memory, one moment, no trace.

Reading a whole file at once is how imports of large files end in the kernel's hands
(dimitri/pgloader#962, go-gitea/gitea#27090).
"""

import asyncio
import gc
import os
import sqlite3
import tracemalloc
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from tests.service.backdoor import fetch_all
from tests.support.machine import needs
from tests.support.size import size
from tests.support.stores import Clock, Store, make
from todo_cli.database import intake, scratch, transfer
from todo_cli.database.engine import Database, open_database
from todo_cli.database.run import Record
from todo_cli.database.scratch import Scratch, open_scratch
from todo_cli.database.transfer import Imported, Wishes
from todo_cli.database.url import SqliteTarget
from todo_cli.disk import DiskFailed
from todo_cli.errors import InvalidInput

NOON = "2026-01-02T12:00:00.000000Z"
INSERT = f"""
INSERT INTO task (id, number, user_id, title, description, is_done,
created_at, updated_at) VALUES (?, ?, ?, ?, ?, false, '{NOON}', '{NOON}')
"""
COUNT = "SELECT count(*) FROM todo.task"


@pytest.fixture
async def source(tmp_path: Path) -> Path:
    """An embedded file without tasks."""
    path = tmp_path / "source.db"
    await make(Store("sqlite", f"sqlite:///{path}"))
    return path


def fill(path: Path, amount: int, user: str = "ada", text: str = "x") -> None:
    """Add tasks of one user to an embedded file."""
    rows = []
    for number in range(1, amount + 1):
        rows.append((str(uuid4()), number, user, f"task {number}", text))
    with closing(sqlite3.connect(path)) as file, file:
        file.executemany(INSERT, rows)


async def bring(
    path: Path, target: Database, wishes: Wishes = transfer._AS_IT_IS
) -> Imported:
    """Import an embedded file."""
    async with open_database(SqliteTarget(path)) as source:
        return await transfer.copy(
            source, target, lambda done, of: None, Clock()(), wishes
        )


async def peak(path: Path, database: Database) -> int:
    """The most memory that an import takes at once, in bytes."""
    gc.collect()
    tracemalloc.start()
    try:
        await bring(path, database)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return most


@pytest.mark.spec("001/FR-049")
async def test_memory_does_not_grow_with_the_file(
    source: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "_PART", 128)
    monkeypatch.setattr(transfer, "_BATCH", 128)
    fill(source, 200)
    await bring(source, database)  # modules and statements are loaded once
    fill(source, 200, "bob")
    few = await peak(source, database)
    fill(source, size(800, 6_000), "eve")

    many = await peak(source, database)

    assert many < 1.5 * few, (few, many)


@pytest.mark.spec("001/FR-049")
async def test_a_part_ends_early_where_texts_are_long(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("todo_cli.database.sqlite._PART_LENGTH", 500_000)
    fill(source, 300, text="x" * 10_000)
    sizes = []

    class Counting(Scratch):
        async def add(
            self, table: str, rows: Sequence[Record]
        ) -> Mapping[int, str]:
            sizes.append(len(rows))
            return await super().add(table, rows)

    async with (
        open_database(SqliteTarget(source)) as database,
        open_scratch() as rows,
    ):
        counting = Counting(rows._driver)
        await database.run(
            lambda connection: intake.read(connection, "here", counting)
        )
        assert await counting.count("task") == 300

    assert sizes == [64, 64, 64, 64, 44]


@pytest.mark.spec("001/FR-049")
async def test_a_file_that_changes_meanwhile_is_read_as_of_one_moment(
    source: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "_PART", 64)
    fill(source, 200)
    original = Scratch.add
    written: list[str] = []

    async def add(
        self: Scratch, table: str, rows: Sequence[Record]
    ) -> Mapping[int, str]:
        if not written:
            written.append(table)
            # Another program is at work, after the first part was read.
            fill(source, 5, "zoe")
            with closing(sqlite3.connect(source)) as file, file:
                file.execute("DELETE FROM task WHERE number = 200")
                file.execute(
                    "INSERT INTO counter (user_id, last) VALUES ('zoe', 99)"
                )
        return await original(self, table, rows)

    monkeypatch.setattr(Scratch, "add", add)

    done = await bring(source, database)

    assert written == ["task"]
    assert (done.tasks, done.users, done.owners) == (200, 1, ["ada"])


@pytest.mark.spec("001/FR-049")
@pytest.mark.spec("002/FR-077")
async def test_no_room_for_the_temporary_file_is_said_and_stores_nothing(
    store: Store,
    source: Path,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill(source, 300, text="x" * 1_000)
    await database.upgrade()
    small = f"{scratch._SET_UP}; PRAGMA max_page_count=20"
    monkeypatch.setattr(scratch, "_SET_UP", small)

    with pytest.raises(DiskFailed) as caught:
        await bring(source, database)

    assert "temporary file cannot be written: the disk is full" in str(
        caught.value
    )
    assert "TMPDIR" in str(caught.value.hint)
    assert await fetch_all(store, COUNT) == [(0,)]


async def test_another_refusal_of_the_disk_is_said_too() -> None:
    with pytest.raises(DiskFailed, match="the disk refuses it"):
        async with open_scratch() as rows:
            await rows.count("task")  # as if its file were gone


@pytest.mark.spec("001/FR-049")
@needs("a list of open files")
async def test_the_temporary_file_has_no_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = scratch._SET_UP.replace("-16384", "-16")
    monkeypatch.setattr(scratch, "_SET_UP", small)

    async with open_scratch() as rows:
        await rows.clear()
        tasks = [task(number) for number in range(1, 1_001)]
        await rows.add("task", tasks)

        [name] = temporary_files()
        assert name.endswith(" (deleted)")

    assert temporary_files() == []


def temporary_files() -> list[str]:
    """SQLite's temporary files that this process has open, by their links."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the listing's own is gone by now
            found.append(os.readlink(link))
    return [name for name in found if "etilqs_" in name]


def task(number: int, user: str = "ada", id: UUID | None = None) -> Record:
    """A row of a task."""
    return {
        "id": id or uuid4(),
        "number": number,
        "user_id": user,
        "title": f"task {number}",
        "description": None,
        "completed": False,
        "created_at": NOON,
        "updated_at": NOON,
        "completed_at": None,
        "due_on": None,
        "wait_until": None,
        "priority": None,
        "project": None,
        "tags": [],
        "version": 1,
        "title_folded": None,
        "description_folded": None,
        "project_folded": None,
        "deleted_at": None,
    }


def counter(user: str, last: int) -> Record:
    """A row of a counter."""
    return {"user_id": user, "last": last, "operations": 0}


async def test_finds_the_tasks_of_one_id_or_number() -> None:
    first, other = uuid4(), uuid4()
    async with open_scratch() as rows:
        await rows.clear()

        taken = await rows.add(
            "task",
            [
                task(1, id=first),
                task(1),
                task(2, id=first),
                task(1, "bob", id=other),
                task(1, "bob", id=other),
                task(3),
            ],
        )
        again = await rows.add("task", [task(3), task(4)])

        assert taken == {1: "number", 2: "id", 4: "id"}
        assert again == {0: "number"}
        assert await rows.count("task") == 4


async def test_gives_a_counter_to_a_user_who_has_one() -> None:
    async with open_scratch() as rows:
        await rows.clear()
        await rows.add("task", [task(4)])
        counters = [("ada", 9), ("bob", 7), ("ada", 5)]
        await rows.add(
            "counter",
            [counter(user, last) for user, last in counters],
        )
        await rows.give("ada", "ada")
        await rows.give("ada", "bob")
        await rows.raise_counters()

        assert await rows.owners() == ["bob"]
        assert [part async for part in rows.read("counter", 10)] == [
            [counter("bob", 9)]
        ]


@pytest.mark.spec("001/FR-036")
async def test_two_imports_of_one_file_at_once_add_each_task_once(
    store: Store, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "_BATCH", 64)
    for user in ("ada", "bob", "eve"):
        fill(source, 100, user)

    async with (
        open_database(store.target) as one,
        open_database(store.target) as other,
    ):
        done = await asyncio.gather(bring(source, one), bring(source, other))

    assert sorted(each.new for each in done) == [0, 300]
    assert await fetch_all(store, COUNT) == [(300,)]


async def test_a_cancelled_import_stores_nothing(
    store: Store,
    source: Path,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transfer, "_BATCH", 64)
    await database.upgrade()
    fill(source, 200)

    async with open_database(SqliteTarget(source)) as opened:

        def stop(done: int, of: int) -> None:
            running.cancel()

        bringing = transfer.copy(opened, database, stop, Clock()())
        running = asyncio.ensure_future(bringing)
        with pytest.raises(asyncio.CancelledError):
            await running

    assert await fetch_all(store, COUNT) == [(0,)]
    assert (await bring(source, database)).new == 200


@pytest.mark.spec("001/FR-048")
async def test_all_bad_rows_are_counted_across_parts(
    source: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "_PART", 64)
    fill(source, 1_500)
    with closing(sqlite3.connect(source)) as file, file:
        file.execute("PRAGMA ignore_check_constraints=ON")
        file.execute("UPDATE task SET title = '' WHERE number % 2 = 0")

    with pytest.raises(InvalidInput) as caught:
        await bring(source, database)

    named = [detail["message"] for detail in caught.value.details]
    assert [name.split(":")[0] for name in named] == [
        f"Task {number} of ada" for number in range(2, 42, 2)
    ]
    assert caught.value.message.startswith("750 records in ")
