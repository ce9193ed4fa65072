"""What search and sorting need is filled where an older version or another program left it out."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from tests.database.test_revisions import revision_0001
from tests.service.backdoor import fetch_all, file_of, run_sql
from tests.support.blocking import wait_for
from tests.support.program import Todo
from tests.support.stores import Clock, Store
from todo_cli.database import filling
from todo_cli.database.engine import Database
from todo_cli.database.keeper import Report
from todo_cli.service import TaskService
from todo_cli.task import NewTask, TaskQuery, TaskStatus

NOON = "'2026-01-02T12:00:00.000000Z'"
EVERY = TaskQuery(TaskStatus.ALL)
FOLDED = """SELECT title_folded, description_folded, project_folded FROM todo.task
    ORDER BY user_id, number"""
TAGS = "SELECT name, user_id, folded FROM todo.tag ORDER BY user_id, name"


def by_hand(
    number: int, title: str, *, user: str = "ada", tags: str | None = None
) -> str:
    """An INSERT of a task as another program writes it."""
    id = f"0b2f6d7e-5a44-4f7c-9d4e-{user.encode().hex():0<8.8}{number:04}"
    columns = (
        "id, number, user_id, title, description, project, created_at,"
        " updated_at"
    )
    values = (
        f"'{id}', {number}, '{user}', '{title}', 'Né', 'Zoo', {NOON}, {NOON}"
    )
    if tags is not None:
        columns += ", tags"
        values += f", '{tags}'"
    return f"INSERT INTO todo.task ({columns}) VALUES ({values})"


def tags_as(store: Store, *names: str) -> str:
    """Tags as the column of a store has them."""
    if store.kind == "sqlite":
        quoted = ", ".join(f'"{name}"' for name in names)
        return f"[{quoted}]"
    return "{" + ",".join(f'"{name}"' for name in names) + "}"


class Bar:
    """Notes what a progress bar is given."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.reports: list[tuple[int, int]] = []

    @contextmanager
    def __call__(self, words: str) -> Iterator[Report]:
        self.words.append(words)
        yield lambda done, of: self.reports.append((done, of))


@pytest.fixture
def bar(database: Database) -> Bar:
    """The progress bar of the store."""
    database.progress = bar = Bar()
    return bar


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of two, and a report after every task."""
    monkeypatch.setattr(filling, "_BATCH", 2)
    monkeypatch.setattr(filling, "_EVERY", 1)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.spec("002/FR-165")
async def test_every_task_is_filled_batch_by_batch(
    store: Store, database: Database, bar: Bar, count: int
) -> None:
    for user in ("ada", "Bob"):
        for number in range(1, count + 1):
            await run_sql(store, by_hand(number, f"Ä{number}", user=user))

    await database.fill()

    folded = [(f"a{number}", "ne", "zoo") for number in range(1, count + 1)]
    assert await fetch_all(store, FOLDED) == folded * 2
    assert bar.words == ["Upgrading"]
    assert bar.reports[-1] == (2 * count, 2 * count)
    assert sorted(bar.reports) == bar.reports


@pytest.mark.usefixtures("small")
@pytest.mark.spec("002/FR-165")
async def test_tags_are_filled_but_not_what_is_none(
    store: Store, database: Database, tasks: TaskService
) -> None:
    names = ("Ärger", "b", "c", "d", "e", "two words", "none", "x" * 51)
    await run_sql(store, by_hand(1, "a", tags=tags_as(store, *names)))
    other = tags_as(store, "b", "Ärger")
    await run_sql(store, by_hand(1, "a", user="bob", tags=other))
    await tasks.add(NewTask(title="ours", tags=["b"]))

    for _ in range(2):
        await database.fill()

        filled = [(name, "ada") for name in ("b", "b", "c", "d", "e", "Ärger")]
        filled += [("b", "bob"), ("Ärger", "bob")]
        found = await fetch_all(store, TAGS)
        assert sorted(row[:2] for row in found) == sorted(filled)
        assert {row[0]: row[2] for row in found}["Ärger"] == "arger"

    for name in ("b", "Ärger"):
        page = await tasks.list(TaskQuery(tags=(name,), limit=5))
        assert 1 in [task.number for task in page.tasks]


@pytest.mark.spec("002/FR-165")
async def test_tags_that_lost_their_rows_are_filled(
    store: Store, database: Database, tasks: TaskService
) -> None:
    await tasks.add(NewTask(title="ours", tags=["b", "Ärger"]))
    before = await fetch_all(store, TAGS)
    await run_sql(store, "DELETE FROM todo.tag")

    await database.fill()

    assert await fetch_all(store, TAGS) == before


@pytest.mark.spec("002/FR-165")
async def test_nothing_is_written_where_nothing_is_missing(
    store: Store, database: Database, tasks: TaskService, bar: Bar
) -> None:
    await tasks.add(NewTask(title="ours", tags=["b"]))
    content = b""
    if store.kind == "sqlite":
        content = file_of(store).read_bytes()

    await database.fill()

    assert bar.words == []
    if store.kind == "sqlite":
        assert file_of(store).read_bytes() == content


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
@pytest.mark.spec("002/FR-165")
async def test_text_that_is_not_utf_8_and_tags_that_are_no_json_stop_nothing(
    store: Store, database: Database, tasks: TaskService
) -> None:
    with closing(sqlite3.connect(file_of(store))) as file, file:
        file.execute("PRAGMA ignore_check_constraints = ON")
        for number in (1, 2, 3):
            file.execute(by_hand(number, "Ä").replace("todo.", ""))
        file.execute(
            "UPDATE task SET title = CAST(x'41ff' AS TEXT), description = x'ff'"
            " WHERE number = 1"
        )
        file.execute("UPDATE task SET tags = 'x' WHERE number = 2")
        file.execute("UPDATE task SET title = 5 WHERE number = 3")

    await database.fill()

    filled = [row[:2] for row in await fetch_all(store, FOLDED)]
    assert filled == [("a\\xff", "\\xff"), ("a", "ne"), ("5", "ne")]
    tagged = await tasks.add(NewTask(title="a", tags=["b"]))
    page = await tasks.list(TaskQuery(tags=("b",), limit=5))
    assert [task.number for task in page.tasks] == [tagged.task.number]


# At a terminal


@pytest.fixture
def older(store: Store, is_made: bool) -> Store:
    """A file as the first revision made it, with 1,500 tasks."""
    path = file_of(store)
    path.touch(mode=0o600)
    with closing(sqlite3.connect(path)) as file, file:
        for statement in revision_0001("sqlite"):
            file.execute(statement)
        file.execute("CREATE TABLE alembic_version (version_num)")
        file.execute("INSERT INTO alembic_version VALUES ('0001')")
        file.execute(
            "INSERT INTO counter (user_id, last) VALUES ('ada', 1500)"
        )
        file.execute(
            "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1500)"
            " INSERT INTO task (id, number, user_id, title, created_at,"
            " updated_at) SELECT printf('0b2f6d7e-5a44-4f7c-9d4e-%012d', i),"
            f" i, 'ada', 'Ä', {NOON}, {NOON} FROM n"
        )
    return store


@pytest.mark.nothing_made
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
@pytest.mark.spec("002/FR-165")
@pytest.mark.parametrize("command", ["list -L1", "add x", "db upgrade"])
def test_the_command_that_upgrades_a_file_draws_a_bar(
    older: Store, todo: Todo, command: str
) -> None:
    ran = todo(*command.split(), terminal=True, env={"TERM": "xterm-256color"})

    assert ran.status == 0
    assert "Upgrading" in ran.err
    assert "67%" in ran.err
    assert ran.err.endswith(("\x1b[2K", "\x1b[?25h", "\r")), ran.err
    folded = "SELECT DISTINCT title_folded FROM todo.task WHERE number < 1501"
    assert wait_for(fetch_all(older, folded)) == [("a",)]


@pytest.mark.nothing_made
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
@pytest.mark.parametrize("is_terminal", [False, True])
def test_a_program_that_upgrades_a_file_sees_no_bar(
    older: Store, todo: Todo, is_terminal: bool
) -> None:
    options = ["--json"] if is_terminal else []

    ran = todo("list", "-L1", *options, terminal=is_terminal)

    assert (ran.status, ran.err) == (0, "")


@pytest.mark.nothing_made
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_an_import_into_an_older_file_draws_one_bar_after_the_other(
    older: Store, todo: Todo, todo_embedded: Todo, clock: Clock
) -> None:
    assert todo_embedded("add", "x", user="bob").status == 0
    path = todo_embedded("doctor", "--json").data["place"]

    ran = todo(
        "db", "import", path, terminal=True, env={"TERM": "xterm-256color"}
    )

    assert ran.status == 0
    assert "Importing" in ran.err
    assert todo("list", "--json", user="bob").data[0]["title"] == "x"


# Doctor


@pytest.mark.spec("002/FR-166")
def test_doctor_counts_what_an_upgrade_fills(store: Store, todo: Todo) -> None:
    assert todo("add", "ours").status == 0
    tags = tags_as(store, "b", "c")
    wait_for(run_sql(store, by_hand(2, "a", tags=tags)))
    wait_for(run_sql(store, by_hand(3, "b")))
    wait_for(run_sql(store, by_hand(1, "b", user="bob")))

    before = todo("doctor", "--json").data
    assert (before["unfilled_tasks"], before["unfilled_tags"]) == (2, 2)
    named = [each["field"] for each in before["warnings"]]
    assert {"unfilled_tasks", "unfilled_tags"} <= {*named}
    assert todo("db", "upgrade").status == 0

    after = todo("doctor", "--json").data
    assert (after["unfilled_tasks"], after["unfilled_tags"]) == (0, 0)
    named = [each["field"] for each in after["warnings"]]
    assert {"unfilled_tasks", "unfilled_tags"}.isdisjoint(named)
