"""Rows that another program stored: each is readable, or named, and hides no other.

SQLite takes any value in any column (dbcli/litecli#89). PostgreSQL takes infinite times
and years for which Python has no date (MagicStack/asyncpg#404 and #412,
psycopg/psycopg#1251).
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from uuid import UUID

import pytest

from tests.api.support import TASKS, Log, context_for, error, opened
from tests.cli.conftest import on_both_stores
from tests.cli.expect import ID, assert_document, titles_of
from tests.service.backdoor import fetch_all, file_of, run_sql
from tests.support.blocking import wait_for
from tests.support.program import Todo
from tests.support.size import IS_LONG, share
from tests.support.stores import Clock, Store
from todo_cli.database.engine import open_database
from todo_cli.errors import SchemaMismatch
from todo_cli.service import TaskService
from todo_cli.task import NewTask

NOON = "'2026-01-02T12:00:00.000000Z'"
COLUMNS = """id TEXT PRIMARY KEY, number INTEGER, user_id TEXT, title, description,
    is_done BOOLEAN, created_at TEXT, updated_at TEXT, completed_at TEXT,
    due_on TEXT, wait_until TEXT, priority TEXT, project TEXT, tags TEXT DEFAULT '[]',
    version INTEGER DEFAULT 1, title_folded TEXT, description_folded TEXT,
    project_folded TEXT, deleted_at TEXT, state AS (CASE WHEN deleted_at IS NOT NULL THEN 2 WHEN is_done THEN 1 ELSE 0 END)"""
GIVEN = """id, number, user_id, title, description, is_done, created_at, updated_at,
    completed_at"""
TIMES = ("created_at", "updated_at", "completed_at")
DAYS = ("due_on", "wait_until")
Put = Callable[[str, str], None]


@pytest.fixture
def put(store: Store) -> Put:
    """Have three tasks of ada, with a value of another program in a column of the second:
    `put("created_at", "'infinity'")`.
    """

    def run(*statements: str) -> None:
        script = "; ".join(statements)
        if store.kind == "postgresql":
            wait_for(run_sql(store, script))
            return
        with closing(sqlite3.connect(file_of(store))) as file:
            file.executescript(script.replace("todo.", ""))

    def put(column: str, value: str) -> None:
        loose = [
            *(f"{time}_instant" for time in TIMES),
            *("due_on_day", "wait_until_day", "priority_word"),
        ]
        free = [
            f"ALTER TABLE todo.task DROP CONSTRAINT {name}" for name in loose
        ]
        if store.kind == "sqlite":
            free = [
                "DROP TABLE todo.task",
                f"CREATE TABLE todo.task ({COLUMNS})",
            ]
        rows = ", ".join(
            f"('0b2f6d7e-5a44-4f7c-9d4e-1f3f6f0f8a1{number}', {number}, 'ada',"
            f" 'task {number}', NULL, false, {NOON}, {NOON}, NULL)"
            for number in (1, 2, 3)
        )
        done = ", is_done = true" if column == "completed_at" else ""
        run(
            *free,
            f"INSERT INTO todo.task ({GIVEN}) VALUES {rows}",
            f"UPDATE todo.task SET {column} = {value}{done} WHERE number = 2",
        )

    return put


ODD_TIMES = [
    "'infinity'",
    "'-infinity'",
    "'0044-03-15 12:00:00+00 BC'",
    "'20000-01-01Z'",
]
ODD_DAYS = ["'infinity'", "'-infinity'", "'0044-03-15 BC'", "'20000-01-01'"]


def dealt(
    columns: Sequence[str], values: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Each value in one of the columns that are read in the same way; in the long runs
    in all of them.
    """
    for turn, column in enumerate(columns):
        for value in share(values, turn, len(columns)):
            yield column, value


WRONG = {
    "postgresql": [
        *dealt(TIMES, ODD_TIMES),
        *dealt(DAYS, ODD_DAYS),
        ("priority", "'urgent'"),
    ],
    "sqlite": [
        *dealt(
            DAYS,
            (
                "''",
                "'soon'",
                "5",
                "x'00'",
                "'2026-02-30'",
                "'2026-01-02T03:04:05.000000Z'",
            ),
        ),
        *[("priority", value) for value in ("'urgent'", "''", "5", "x'ff'")],
        *[
            ("tags", value)
            for value in ("'x'", "'{}'", "'[1]'", "'[null]'", "5", "NULL")
        ],
        *[("version", value) for value in ("'x'", "NULL", "1.5")],
        *[("id", value) for value in ("'abc'", "x'00ff'", "5", "''", "NULL")],
        ("title", "NULL"),
        *[("is_done", value) for value in ("NULL", "'abc'", "x'01'")],
        *dealt(
            TIMES,
            (
                "''",
                "'now'",
                "5",
                "x'00'",
                "'2026-01-02'",
                "'2026-01-02 03:04:05'",
                "'2026-13-01T00:00:00.000000Z'",
                "'0001-01-01T00:00:00+05:00'",
                "CAST(x'61ff62' AS TEXT)",
            ),
        ),
        ("created_at", "NULL"),
        ("updated_at", "NULL"),
    ],
}


WRONG_ALL = [(kind, *case) for kind, cases in WRONG.items() for case in cases]
WRONG_FIRST = [
    (kind, column, value)
    for kind, cases in WRONG.items()
    for column, value in dict(cases[::-1]).items()
    if kind == "sqlite" or column in (TIMES[0], DAYS[0], "priority")
]
"""The first of each column; on a server of each kind of column."""


@pytest.mark.parametrize(
    ("store", "column", "value"), WRONG_ALL, indirect=["store"]
)
@pytest.mark.spec("001/FR-047")
def test_a_task_that_cannot_be_read_is_named_and_hides_no_other(
    store: Store, todo: Todo, put: Put, column: str, value: str
) -> None:
    put(column, value)

    listed = todo("list", "--status", "all")
    shown = todo("show", "2", "--json")

    numbers = [line.split("\t")[0] for line in listed.out.splitlines()]
    assert (listed.status, numbers) == (8, ["3", "1"])
    assert listed.err.startswith("error: Task 2 of ada cannot be read: ")
    assert "`todo purge 2 --yes`" in listed.err
    assert_document(shown, code="SCHEMA", names=["Task 2 of ada"])
    if (column, value) != ("id", "NULL"):  # nothing has no id but this
        todo("purge", "2", "--yes")
        assert titles_of(todo) == ["task 1", "task 3"]


@pytest.mark.parametrize(
    ("store", "column", "value"),
    WRONG_ALL if IS_LONG else WRONG_FIRST,
    indirect=["store"],
)
@pytest.mark.spec("001/FR-047")
def test_all_other_tasks_can_be_used(
    store: Store, todo: Todo, put: Put, column: str, value: str
) -> None:
    put(column, value)

    document = todo("list", "--status", "all", "--json")
    limited = todo("list", "--status", "all", "-L1")

    assert_document(document, code="SCHEMA", names=["Task 2 of ada"])
    assert limited.status in (0, 8)
    assert todo("show", "1", "--json").data["title"] == "task 1"
    assert todo("done", "1", "3").status == 0


@pytest.mark.parametrize(
    ("store", "column", "value"),
    [
        ("sqlite", "created_at", "'now'"),
        ("sqlite", "title", "NULL"),
        ("postgresql", "created_at", "'infinity'"),
        ("postgresql", "created_at", "'20000-01-01Z'"),
    ],
    indirect=["store"],
)
@pytest.mark.spec("001/FR-047")
def test_a_change_that_was_saved_says_so_though_its_task_cannot_be_read(
    store: Store, todo: Todo, put: Put, column: str, value: str
) -> None:
    put(column, value)
    done = "SELECT is_done FROM todo.task WHERE number = 2"

    for words in (["done"], ["done", "--undo"]):
        said = assert_document(
            todo(*words, "2", "--json"),
            code="SCHEMA",
            names=["cannot be read"],
        )
        assert said["message"].endswith("; the change was saved")
        assert wait_for(fetch_all(store, done)) == [(words == ["done"],)]
    deleted = todo("delete", "2")

    assert (deleted.status, deleted.out) == (8, "")
    assert deleted.err.endswith("; the change was saved\n")
    assert titles_of(todo) == ["task 1", "task 3"]


@on_both_stores
@pytest.mark.spec("001/FR-047")
@pytest.mark.parametrize("value", ["'infinity'", "'20000-01-01Z'"])
def test_an_add_whose_task_is_there_and_cannot_be_read_says_so(
    store: Store, todo: Todo, put: Put, clock: Clock, value: str
) -> None:
    put("created_at", value)
    id = ID[:-1] + "2"

    ran = todo("add", "task 2", "--id", id, "--json")

    said = assert_document(ran, code="SCHEMA", names=["of ada"])
    is_server = store.kind == "postgresql"
    assert said["message"].endswith("; it is stored") is is_server

    async def add_all() -> None:
        async with open_database(store.target) as database:
            tasks = TaskService(database, "ada", clock)
            with pytest.raises(SchemaMismatch, match=r"of ada cannot be read"):
                await tasks.add_all(
                    [NewTask("task 2", id=UUID(id)), NewTask("c")]
                )

    wait_for(add_all())
    assert todo("add", "one more", "--json").data["number"] == 4


@pytest.mark.spec("001/FR-047")
def test_many_tasks_that_cannot_be_read_are_named_by_the_first(
    store: Store, todo: Todo, put: Put
) -> None:
    put("number", "'two'")
    assert "A task of ada cannot be read" in todo("list").err
    assert todo("list").err.endswith("hint: correct it with SQL\n")

    wait_for(run_sql(store, "UPDATE todo.task SET created_at = 'x'"))
    assert "Tasks 1, 3 of ada" in todo("list").err
    assert "wrong created_at, number" in todo("list").err
    for number in (4, 5):
        wait_for(
            run_sql(
                store,
                f"INSERT INTO todo.task ({GIVEN}) SELECT id || {number}, {number}, user_id,"
                " title, description, is_done, created_at, updated_at,"
                " completed_at FROM todo.task WHERE number = 1",
            )
        )
    assert "Tasks 1, 3, 4 and more of ada" in todo("list").err


READABLE = {
    ("title", "x'616263'"): "abc",
    ("title", "x'61ff62'"): "a\\xffb",
    ("title", "CAST(x'61ff62' AS TEXT)"): "a\\xffb",
    ("title", "CAST(x'eda080' AS TEXT)"): "\\xed\\xa0\\x80",
    ("title", "5"): "5",
    ("title", "'a' || char(0, 27, 10) || 'b'"): "a\\x00\\x1b\\x0ab",
    ("title", "''"): "-",
    ("title", "' '"): " ",
    ("title", "printf('%.300c', 'x')"): "x" * 300,
}


@pytest.mark.parametrize(
    ("case", "shown"), READABLE.items(), ids=[str(case) for case in READABLE]
)
@pytest.mark.spec("001/FR-047", "002/FR-057")
def test_text_that_breaks_our_rules_is_shown_escaped(
    store: Store, todo: Todo, put: Put, case: tuple[str, str], shown: str
) -> None:
    put(*case)

    listed, document = todo("list"), todo("list", "--json")

    assert (listed.status, listed.err) == (0, "")
    assert listed.out.splitlines()[1].split("\t")[2] == shown
    assert len(document.data) == 3
    # Parsers that are stricter than Python's refuse half of a pair.
    json.loads(document.out)["data"][1]["title"].encode()
    assert todo("done", "2").status == 0
    assert todo("delete", "2").status == 0


VALUES = [
    ("description", "x'61ff62'"),
    ("is_done", "2"),
    ("is_done", "-1"),
    ("is_done", "0.5"),
    ("number", "9223372036854775807"),
    ("number", "-3"),
    ("id", f"upper('{ID}')"),
    ("created_at", "'9999-12-31T23:59:59.999999Z'"),
    ("created_at", "'0001-01-01T00:00:00.000000Z'"),
    ("created_at", "'2026-01-02T03:04:05+02:00'"),
    ("completed_at", "NULL"),
    ("completed_at", "'9999-12-31T23:59:59.999999Z'"),
]


@pytest.mark.parametrize(
    ("case", "terminal"),
    [
        (case, terminal)
        for terminal in (False, True)
        for case in share(VALUES, terminal, 2)
    ],
    ids=str,
)
@pytest.mark.spec("001/FR-047")
def test_what_can_be_read_is_shown(
    store: Store, todo: Todo, put: Put, case: tuple[str, str], terminal: bool
) -> None:
    put(*case)

    for words in (["list", "--status", "all"], ["show", "1"], ["show", "2"]):
        for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
            ran = todo(*words, terminal=terminal, env={"TZ": zone})
            assert ran.status in (0, 3), ran
    listed = todo("list", "--status", "all", "--json").data
    assert len(listed) == 3


@pytest.mark.parametrize(
    ("store", "column", "value"),
    [
        ("sqlite", "created_at", "'now'"),
        ("postgresql", "created_at", "'infinity'"),
        ("postgresql", "updated_at", "'20000-01-01Z'"),
    ],
    indirect=["store"],
)
@pytest.mark.spec("001/FR-047")
def test_the_api_names_the_task_and_reports_no_bug(
    store: Store, put: Put, clock: Clock, column: str, value: str
) -> None:
    put(column, value)
    id = ID[:-1] + "2"
    log = Log()

    async def ask() -> None:
        context = context_for(store.target, clock, log)
        async with opened(context) as client:
            answers = [
                await client.get(TASKS),
                await client.get(f"{TASKS}/{id}"),
                await client.put(f"{TASKS}/{id}", json={"title": "b"}),
                await client.delete(f"{TASKS}/{ID[:-1]}3"),
            ]
            assert [answer.status_code for answer in answers[:2]] == [500, 500]
            for answer in answers[:2]:
                said = error(answer, 500, "SCHEMA")["message"]
                assert "Task 2 of ada" in said or "id" in column
            assert answers[3].status_code == 200
            if answers[2].status_code == 500:
                said = error(answers[2], 500, "SCHEMA")["message"]
                assert said.endswith("; the change was saved")

    wait_for(ask())
    assert not [line for line in log.lines if "bug" in line.lower()]
    title = "SELECT title FROM todo.task WHERE number = 2"
    assert wait_for(fetch_all(store, title)) == [("b",)]


def test_text_of_another_encoding_is_repeated_once(
    store: Store, todo: Todo, put: Put
) -> None:
    """The whole call is repeated, so a change is made once."""
    put("title", "CAST(x'61ff62' AS TEXT)")

    assert (
        todo("update", "2", "-d", "new", "--json").data["description"] == "new"
    )
    assert todo("done", "1-3").status == 0
    assert todo("delete", "1-3", "--yes").out.count("Deleted") == 3


def test_other_errors_of_sqlite_are_what_they_were(
    store: Store, todo: Todo
) -> None:
    assert todo("add", "a").status == 0
    with closing(sqlite3.connect(file_of(store))) as file, file:
        file.execute(
            "CREATE TRIGGER no BEFORE UPDATE ON task BEGIN"
            " SELECT RAISE(ABORT, 'no'); END"
        )
    assert todo("done", "1").status != 0
    assert titles_of(todo) == ["a"]


@pytest.mark.spec("002/FR-037")
@pytest.mark.parametrize(
    ("event", "words"),
    [
        ("UPDATE", ["done"]),
        ("UPDATE", ["delete"]),
        ("DELETE", ["purge", "--yes"]),
    ],
)
def test_what_a_trigger_keeps_is_not_said_to_be_changed(
    store: Store, todo: Todo, event: str, words: list[str]
) -> None:
    """And never that nothing was changed, if something was."""
    for title in ("kept", "other"):
        assert todo("add", title).status == 0
    with closing(sqlite3.connect(file_of(store))) as file, file:
        file.execute(
            f"CREATE TRIGGER no BEFORE {event} ON task"
            " WHEN OLD.title = 'kept' BEGIN SELECT RAISE(IGNORE); END"
        )

    whole = assert_document(todo(*words, "1", "--json"), code="CONFLICT")
    part = assert_document(todo(*words, "1", "2", "--json"), code="CONFLICT")

    assert whole["message"] == (
        "The database keeps what is stored; nothing was changed"
    )
    assert part["message"] == "The database keeps 1; all others were changed"
    open_titles = [task["title"] for task in todo("list", "--json").data]
    assert open_titles == ["kept"]


COUNTERS = {
    "NULL": 8,
    "'abc'": 0,
    "x'00'": 0,
    "'7'": 0,
    "-5": 0,
    "1.5": 8,
    "1e300": 8,
    "9223372036854775807": 8,
}


@pytest.mark.spec("001/FR-047", "001/FR-045")
@pytest.mark.parametrize(("value", "status"), COUNTERS.items())
def test_a_wrong_counter_is_put_right_or_named(
    store: Store, todo: Todo, value: str, status: int
) -> None:
    assert todo("add", "first").status == 0
    for sql in (
        "DROP TABLE todo.counter",
        "CREATE TABLE todo.counter"
        " (user_id PRIMARY KEY, last, operations INTEGER DEFAULT 1)",
        f"INSERT INTO todo.counter (user_id, last) VALUES ('ada', {value})",
    ):
        wait_for(run_sql(store, sql))

    added = todo("add", "second", "--json")

    assert added.status == status
    assert len(titles_of(todo)) == (1 if status else 2)
    if status:
        assert_document(added, code="SCHEMA", names=["The counter of ada"])
    assert "bug" not in todo("doctor").err
