"""`db import` of files that todo did not make, and into lists that have tasks.

Bad values name the task and the field (techouse/sqlite3-to-mysql#167, dimitri/pgloader#1021);
numbers that collide have a way out (go-vikunja/vikunja#1716).
"""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.cli.expect import ID, add, assert_refused, tasks_of, titles_of
from tests.service.backdoor import fetch_all, run_sql
from tests.support.blocking import wait_for
from tests.support.program import Surroundings, Todo
from tests.support.size import size
from tests.support.stores import Clock, Store
from todo_cli.database.engine import open_database
from todo_cli.database.url import SqliteTarget
from todo_cli.service import TaskService
from todo_cli.task import NewTask, TaskChange

NOON = "2026-01-02T12:00:00.000000Z"
TASK = """CREATE TABLE task (id, number, user_id, title, description, completed,
    created_at, updated_at, completed_at)"""
COUNTER = "CREATE TABLE counter (user_id, last)"
STAMP = """CREATE TABLE alembic_version (version_num);
    INSERT INTO alembic_version VALUES ('0002')"""
ENDLESS = """WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
    SELECT i AS id, i AS number, i AS user_id, i AS title, i AS description,
    i AS completed, i AS created_at, i AS updated_at, i AS completed_at,
    i AS last, i AS version_num FROM n"""


def write(path: Path, *statements: str) -> None:
    """Make a file by SQL of our own."""
    with closing(sqlite3.connect(path)) as file, file:
        for statement in statements:
            file.executescript(statement)


def insert(path: Path, **values: object) -> None:
    """Store a task that is right but for these values."""
    given: dict[str, object] = {
        "id": ID,
        "number": 2,
        "user_id": "ada",
        "title": "by hand",
        "description": None,
        "completed": 0,
        "created_at": NOON,
        "updated_at": NOON,
        "completed_at": None,
    }
    given |= values
    with closing(sqlite3.connect(path)) as file:
        found = file.execute("SELECT name FROM pragma_table_info('task')")
        # An upgraded file has another name for it.
        if ("is_done",) in found.fetchall():
            given["is_done"] = given.pop("completed")
    names = ", ".join(given)
    marks = ", ".join("?" * len(given))
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("PRAGMA ignore_check_constraints = ON")
        file.execute(
            f"INSERT INTO task ({names}) VALUES ({marks})", [*given.values()]
        )


into_a_file = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
"""Where it only matters what the source is."""


@pytest.fixture
def source(store: Store, surroundings: Surroundings) -> Path:
    """A file with tables of another program, which take any value."""
    path = surroundings.cwd / "source.db"
    write(path, TASK, COUNTER, STAMP)
    insert(path, id=ID[:-1] + "2", number=1, title="right")
    return path


TIMES = [
    "",
    "now",
    5,
    1.5,
    b"2026",
    "2026-01-02",
    "2026-01-02 12:00:00",
    "2026-01-02T12:00:00",
    "2026-02-30T12:00:00.000000Z",
    "2026-01-02T24:00:00Z",
    "2026-01-02T12:00:00.0000001Z",
    "20260102T120000Z",
    "2026-W01-1T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "1899-12-31T23:59:59.999999Z",
    "1900-01-01T00:00:00+01:00",
    "0001-01-01T00:00:00+05:00",
    "infinity",
]
DAYS = [
    "",
    "soon",
    5,
    b"2026-01-02",
    "20260102",
    "2026-02-30",
    "2026-W01-1",
    "2026-01-02T00:00:00.000000Z",
    "1899-12-31",
    "9999-01-01",
    "infinity",
]
WRONG: list[dict[str, Any]] = [
    *[
        {"id": value}
        for value in (None, 5, b"\x00" * 16, "", ID[:-1], f"{{{ID}}}")
    ],
    *[
        {"number": value}
        for value in (
            None,
            0,
            -1,
            2**31,
            2**63 - 1,
            1.0,
            2.5,
            "2",
            "1e3",
            b"2",
        )
    ],
    *[
        {"user_id": value}
        for value in (
            None,
            5,
            b"ada",
            "",
            " ",
            "a/b",
            ".",
            "..",
            "a\nb",
            "x" * 256,
        )
    ],
    *[
        {"title": value}
        for value in (
            None,
            5,
            b"a",
            "",
            "\u200b",
            "\u3164",
            "a\nb",
            "a\x00b",
            "a\x1bb",
            "\u202ea",
            "x" * 201,
        )
    ],
    *[
        {"description": value}
        for value in (5, b"a", "a\x00b", "a\u2066b", "x" * 10_001)
    ],
    *[{"completed": value} for value in (None, 2, -1, 0.0, 1.0, "1", b"1")],
    {"completed": 1},
    {"completed_at": NOON},
    *[{"created_at": value} for value in (None, *TIMES)],
    *[{"updated_at": value} for value in (None, *TIMES)],
    *[{"completed": 1, "completed_at": value} for value in TIMES],
    # The first import has upgraded the file, so it has these columns.
    *[{name: value} for name in ("due_on", "wait_until") for value in DAYS],
    *[
        {"priority": value}
        for value in ("urgent", "HIGH", "h", 1, b"high", "none")
    ],
    *[
        {"project": value}
        for value in (
            b"a",
            "a..b",
            ".",
            "a.",
            "none",
            "-",
            "a\nb",
            "a\x00b",
            "x" * 101,
        )
    ],
    *[
        {"tags": value}
        for value in (
            5,
            b"[]",
            "",
            "x",
            "{}",
            "null",
            '"a"',
            "[1]",
            "[null]",
            '[["a"]]',
            '[""]',
            '["a b"]',
            '["a,b"]',
            '["None"]',
            '["a\\u0000"]',
            '["\\ud800"]',
            f'["{"x" * 51}"]',
            json.dumps([str(number) for number in range(51)]),
            "[" * 100_000,
        )
    ],
    *[{"version": value} for value in (0, -1, 2**31, 1.5, "x", b"1")],
]


@pytest.mark.spec("001/FR-048")
def test_a_value_that_breaks_a_rule_names_task_and_field(
    store: Store, todo: Todo, source: Path
) -> None:
    # In the suite each value is brought to one of the stores.
    first = size(int(store.kind == "sqlite"), 0)
    for values in WRONG[first :: size(2, 1)]:
        with closing(sqlite3.connect(source)) as file, file:
            file.execute("DELETE FROM task WHERE title IS NOT 'right'")
        insert(source, **values)
        field = list(values)[-1]

        ran = todo("db", "import", str(source), "--json")

        assert ran.status == 2, (values, ran)
        assert ran.error["code"] == "INVALID_INPUT", (values, ran)
        [detail] = ran.error["details"]
        wanted = {field, "completed_at"} if field == "completed" else {field}
        assert detail["field"] in wanted, (values, ran)
        who = "The task with the id" if field == "number" else "Task 2 of"
        is_named = who in ran.error["message"] or ID in ran.error["message"]
        assert is_named or isinstance(values.get("number"), int), (values, ran)
    assert tasks_of(todo) == []


@pytest.mark.spec("001/FR-048")
@pytest.mark.parametrize(
    ("text", "words"),
    [("x'61ff62'", "byte 0xFF at position 2"), ("x'eda080'", "byte 0xED")],
)
def test_text_that_is_not_utf_8_is_refused(
    store: Store, todo: Todo, source: Path, text: str, words: str
) -> None:
    write(source, f"UPDATE task SET title = CAST({text} AS TEXT)")

    assert_refused(
        todo,
        "db",
        "import",
        str(source),
        code="INVALID_INPUT",
        names=["Task 1 of ada", "title", words],
    )


@pytest.mark.spec("001/FR-048")
def test_what_is_only_written_in_another_way_is_taken(
    store: Store, todo: Todo, source: Path
) -> None:
    insert(
        source,
        id=ID.upper(),
        title="\u00a0 padded \u3000",
        description="",
        created_at="2026-01-02T12:00:00+02:00",
        updated_at="2026-01-02T10:00:00.5Z",
    )
    write(
        source,
        "INSERT INTO counter (user_id, last) VALUES (' ada ', 7), ('ada', 3)",
    )

    assert todo("db", "import", str(source)).status == 0

    [first] = [task for task in tasks_of(todo) if task["number"] == 2]
    assert (first["id"], first["title"]) == (ID, "padded")
    assert first["description"] is None
    assert first["created_at"] == "2026-01-02T10:00:00.000000Z"
    assert first["updated_at"] == "2026-01-02T10:00:00.500000Z"
    assert todo("add", "next", "--json").data["number"] == 8


@pytest.mark.spec("001/FR-048")
@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"id": (ID[:-1] + "2").upper()}, "id"),
        ({"number": 1}, "number"),
        ({"number": 1, "user_id": "ada "}, "number"),
    ],
)
def test_two_tasks_of_one_id_or_number_are_refused(
    store: Store,
    todo: Todo,
    source: Path,
    values: dict[str, object],
    field: str,
) -> None:
    insert(source, **values)

    error = assert_refused(
        todo, "db", "import", str(source), code="INVALID_INPUT", names=["too"]
    )

    assert error["details"][0]["field"] == field


@into_a_file
@pytest.mark.spec("001/FR-048")
@pytest.mark.parametrize(
    "counter",
    [
        "'ada', -1",
        "'ada', 'x'",
        "'ada', 2147483648",
        "'a/b', 1",
        "NULL, 1",
        "'ada', 1.5",
    ],
)
def test_a_wrong_counter_is_refused(
    store: Store, todo: Todo, source: Path, counter: str
) -> None:
    write(source, f"INSERT INTO counter (user_id, last) VALUES ({counter})")

    assert_refused(
        todo,
        "db",
        "import",
        str(source),
        code="INVALID_INPUT",
        names=["A counter in"],
    )


OTHER_TABLES = {
    "an endless view": f"DROP TABLE task; CREATE VIEW task AS {ENDLESS}",
    "an endless counter": f"DROP TABLE counter; CREATE VIEW Counter AS {ENDLESS}",
    "an endless version": f"DROP TABLE alembic_version; CREATE VIEW alembic_version AS {ENDLESS} ORDER BY 1",
    "a virtual table": "DROP TABLE counter; CREATE VIRTUAL TABLE counter USING fts5(user_id, last)",
    "a computed column": "DROP TABLE counter; CREATE TABLE counter (user_id, last AS (hex(zeroblob(9))))",
    "a stored column": "DROP TABLE counter; CREATE TABLE counter (user_id, last AS (1) STORED)",
    "a column more": "ALTER TABLE task ADD COLUMN due",
    "a column less": "ALTER TABLE counter DROP COLUMN last",
    "no table": "DROP TABLE counter",
    "a blob as version": "UPDATE alembic_version SET version_num = x'30303032'",
    "no version": "UPDATE alembic_version SET version_num = NULL",
    "a foreign version": "UPDATE alembic_version SET version_num = 'ae1027a6acf4'",
    "a newer version": "UPDATE alembic_version SET version_num = '9999'",
    "a huge value": "UPDATE task SET title = zeroblob(2000000)",
    "a huge text": "UPDATE task SET description = printf('%.2000000c', 'x')",
}


@into_a_file
@pytest.mark.spec("001/FR-048")
@pytest.mark.parametrize("sql", OTHER_TABLES.values(), ids=OTHER_TABLES.keys())
def test_tables_that_are_not_ours_are_refused_unread(
    store: Store, todo: Todo, source: Path, sql: str
) -> None:
    write(source, sql)

    error = assert_refused(
        todo, "db", "import", str(source), code="SCHEMA", names=[str(source)]
    )

    assert "bug" not in error["message"]
    assert not tasks_of(todo)


@pytest.mark.spec("001/FR-048")
@pytest.mark.parametrize(
    "made",
    [
        [TASK, COUNTER],
        [
            TASK.replace("(id,", "(id TEXT PRIMARY KEY,") + " WITHOUT ROWID",
            COUNTER,
        ],
        ["PRAGMA encoding = 'UTF-16le'", TASK, COUNTER],
        ["PRAGMA encoding = 'UTF-16be'", TASK, COUNTER],
        [
            TASK,
            COUNTER,
            "CREATE TRIGGER t AFTER INSERT ON task BEGIN SELECT 1; END",
        ],
    ],
    ids=["plain", "without rowid", "UTF-16le", "UTF-16be", "a trigger"],
)
def test_other_ways_to_store_the_same_are_read(
    store: Store, todo: Todo, surroundings: Surroundings, made: list[str]
) -> None:
    path = surroundings.cwd / "other.db"
    write(path, *made, STAMP)
    insert(path, title="Grüße 🎉")

    assert todo("db", "import", str(path)).status == 0

    assert titles_of(todo) == ["Grüße 🎉"]


async def organise(path: Path, clock: Clock) -> None:
    """Add two tasks of ada with a value in every field."""
    async with open_database(SqliteTarget(path)) as database:
        tasks = TaskService(database, "ada", clock)
        for number in (1, 2):
            task = NewTask(
                f"Täsk {number}",
                due_on=date(2026, 12, 24),
                wait_until=date(2026, 12, 1),
                priority="high",
                project="Müsli.b",
                tags=["Ä", "b"],
            )
            await tasks.add(task)
        await tasks.update([1], TaskChange(add_tags=["c"]))


@pytest.mark.spec("001/FR-048")
def test_every_field_is_copied_and_what_is_made_from_them_made_anew(
    store: Store, todo: Todo, todo_embedded: Todo, clock: Clock
) -> None:
    assert todo_embedded("add", "a", user="bob").status == 0
    source = Path(todo_embedded("doctor", "--json").data["place"])
    wait_for(organise(source, clock))
    every = ("list", "--status", "all", "--json")
    wanted = todo_embedded(*every).data
    assert wanted[0]["version"] + wanted[1]["version"] == 3
    write(
        source,
        "UPDATE task SET title_folded = 'lie', description_folded = x'ff',"
        " project_folded = 5",
        "DELETE FROM tag WHERE name = 'b'",
        "UPDATE tag SET folded = 'lie', user_id = 'mallory'",
    )

    for _ in range(2):
        assert todo("db", "import", str(source)).status == 0

    assert todo(*every).data == wanted
    folded = "SELECT title_folded, description_folded, project_folded FROM todo.task ORDER BY 1"
    assert wait_for(fetch_all(store, folded)) == [
        ("a", None, None),
        ("task 1", None, "musli.b"),
        ("task 2", None, "musli.b"),
    ]
    tags = "SELECT name, user_id, folded FROM todo.tag ORDER BY folded, name"
    assert wait_for(fetch_all(store, tags)) == [
        ("Ä", "ada", "a"),
        ("Ä", "ada", "a"),
        ("b", "ada", "b"),
        ("b", "ada", "b"),
        ("c", "ada", "c"),
    ]


@pytest.mark.spec("001/FR-048")
def test_fields_that_are_only_written_in_another_way_are_taken(
    store: Store, todo: Todo, todo_embedded: Todo
) -> None:
    assert todo_embedded("add", "x").status == 0
    source = Path(todo_embedded("doctor", "--json").data["place"])
    insert(
        source,
        priority="",
        project=" a ",
        tags=' [ "b" , "a", "b" ]',
        title_folded=5,
    )
    insert(source, id=ID[:-1] + "3", number=3, project="", tags="[]")

    assert todo("db", "import", str(source)).status == 0

    tasks = {task["number"]: task for task in todo("list", "--json").data}
    assert tasks[2]["tags"] == ["a", "b"]
    assert (tasks[2]["project"], tasks[2]["priority"]) == ("a", None)
    assert (tasks[3]["project"], tasks[3]["tags"]) == (None, [])


def test_a_table_in_a_collation_of_its_own_is_not_a_bug(
    store: Store, todo: Todo, surroundings: Surroundings
) -> None:
    path = surroundings.cwd / "other.db"
    with closing(sqlite3.connect(path)) as file, file:
        file.create_collation("theirs", lambda one, other: 0)
        file.executescript(TASK.replace("user_id", "user_id COLLATE theirs"))
        file.executescript(f"{COUNTER}; {STAMP}")

    error = assert_refused(todo, "db", "import", str(path), code="SCHEMA")

    assert "doctor" not in error["hint"]  # it looks at the store in use


# Into a list that has tasks


@pytest.fixture
def other(surroundings: Surroundings, clock: Clock) -> Todo:
    """The program on the file that is imported."""
    path = surroundings.cwd / "other.db"
    return Todo(
        Surroundings(surroundings.home, surroundings.cwd, str(path)), clock
    )


Import = Callable[..., Any]


@pytest.fixture
def bring(todo: Todo, other: Todo) -> Import:
    """Import the other file: `bring("--renumber")`."""

    def run(*options: str, user: str = "ada") -> Any:
        path = str(other.surroundings.url)
        return todo("db", "import", path, *options, "--json", user=user)

    return run


@pytest.mark.spec("002/FR-084")
def test_numbers_that_are_taken_are_named_with_a_way_out(
    store: Store, todo: Todo, other: Todo, bring: Import
) -> None:
    add(todo, *(f"here {number}" for number in range(1, 8)))
    add(todo, "here", user="bob")
    add(other, *(f"there {number}" for number in range(1, 10)))
    add(other, "there", user="bob")
    add(other, "there", user="zoe")

    error = bring().error

    assert error["code"] == "CONFLICT"
    assert "1, 2, 3, 4, 5 and more of ada; 1 of bob" in error["message"]
    assert "--renumber" in error["hint"]
    assert "--as" in error["hint"]
    assert len(tasks_of(todo)) == 7
    assert titles_of(todo, "zoe") == []


@pytest.mark.spec("002/FR-084")
def test_renumber_gives_new_numbers_and_shows_them(
    store: Store, todo: Todo, other: Todo, bring: Import
) -> None:
    add(todo, "here 1", "here 2")
    assert todo("purge", "1", "--yes").status == 0
    add(other, "there 1", "there 2", "there 3")
    add(other, "there", user="bob")

    first = bring("--renumber")

    assert first.data["new"] == 4
    # The number of a task that was purged is taken, too.
    assert first.data["renumbered"] == [
        {"user": "ada", "old": 1, "new": 4},
        {"user": "ada", "old": 2, "new": 5},
    ]
    assert titles_of(todo) == ["here 2", "there 3", "there 1", "there 2"]
    assert titles_of(todo, "bob") == ["there"]
    assert todo("add", "next", "--json").data["number"] == 6
    again = bring("--renumber")
    assert (again.data["new"], again.data["renumbered"]) == (0, [])
    assert len(tasks_of(todo)) == 5
    error = bring().error
    assert error["code"] == "CONFLICT"
    assert "with `--renumber` it is the same task" in error["hint"]
    path = str(other.surroundings.url)
    assert other("add", "there 4").status == 0
    assert (
        todo("db", "import", path, "--renumber").out.splitlines()[1]
        == "Renumbered 4 -> 7 of ada"
    )


@pytest.mark.spec("002/FR-084")
def test_many_are_renumbered_batch_by_batch(
    store: Store,
    todo: Todo,
    other: Todo,
    bring: Import,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("todo_cli.database.transfer._BATCH", 2)
    here = [f"here {number}" for number in range(1, 6)]
    there = [f"there {number}" for number in range(1, 6)]
    add(todo, *here)
    add(other, *there)

    moved = bring("--renumber").data["renumbered"]

    assert [(each["old"], each["new"]) for each in moved] == [
        (number, number + 5) for number in range(1, 6)
    ]
    assert titles_of(todo) == here + there


@pytest.mark.spec("002/FR-084")
def test_as_makes_the_tasks_of_one_owner_somebody_elses(
    store: Store, todo: Todo, other: Todo, bring: Import
) -> None:
    add(other, "a", "b", user="root")
    assert other("done", "1", user="root").status == 0
    assert other("add", "gone", user="eve").status == 0
    assert other("purge", "1", "--yes", user="eve").status == 0

    ran = bring("--as", " ada ")

    assert ran.data["owners"] == ["ada"]
    assert "belong" not in ran.json["message"]
    assert titles_of(todo) == ["a", "b"]
    assert titles_of(todo, "root") == []
    assert bring("--as", "ada").data["new"] == 0
    assert todo("add", "c", "--json").data["number"] == 3
    assert todo("add", "new", "--json", user="eve").data["number"] == 2
    assert bring().error["code"] == "CONFLICT"


@pytest.mark.spec("002/FR-084")
def test_as_and_renumber_go_together(
    store: Store, todo: Todo, other: Todo, bring: Import
) -> None:
    add(todo, "here")
    add(other, "there", user="root")

    ran = bring("--as", "ada", "--renumber")

    assert ran.data["renumbered"] == [{"user": "ada", "old": 1, "new": 2}]
    assert titles_of(todo) == ["here", "there"]


@pytest.mark.spec("002/FR-084")
@pytest.mark.parametrize(
    "name", ["", "a/b", "..", "a\nb", "postgresql://u:p@h/d"]
)
def test_as_takes_the_name_of_a_user(
    bring: Import, other: Todo, name: str
) -> None:
    add(other, "there")

    error = bring("--as", name).error

    assert error["code"] == "INVALID_INPUT"
    assert "u:p" not in str(error)


@pytest.mark.spec("002/FR-084")
def test_as_takes_a_file_of_one_owner(
    store: Store, todo: Todo, other: Todo, bring: Import
) -> None:
    add(other, "a", user="root")
    add(other, "b", user="bob")

    error = bring("--as", "ada").error

    assert error["code"] == "INVALID_INPUT"
    assert error["message"].endswith("of several owners: bob, root")
    assert tasks_of(todo) == []


@pytest.mark.spec("002/FR-084")
def test_the_answer_says_whose_the_tasks_are(
    store: Store, todo: Todo, other: Todo, bring: Import
) -> None:
    add(other, "a", user="root")
    path = str(other.surroundings.url)

    whose = (
        "They belong to root; you are ada: `todo list --user root` shows them"
    )
    assert todo("db", "import", path).out.splitlines()[1] == whose
    assert bring().json["message"].endswith(whose)
    shown = todo("list", "--user", "root", user="ada").out
    assert "\ta\t" in shown
    assert "belong" not in bring(user="root").json["message"]
    add(other, "b", user="bob")
    assert (
        bring(user="root").json["message"].endswith("They belong to bob, root")
    )


@pytest.mark.spec("001/FR-045")
def test_a_counter_that_is_behind_on_both_sides_is_raised(
    store: Store, todo: Todo, other: Todo, bring: Import
) -> None:
    add(todo, "a", "b", "c")
    add(other, "d", "e", "f", "g")
    assert other("purge", "1-3", "--yes").status == 0
    with closing(sqlite3.connect(str(other.surroundings.url))) as file, file:
        file.execute("DELETE FROM counter")
    wait_for(run_sql(store, "UPDATE todo.counter SET last = 1"))

    assert bring().data["new"] == 1

    assert todo("add", "next", "--json").data["number"] == 5


# Every bad record


def assert_lines(todo: Todo, source: Path, lines: list[str]) -> list[str]:
    """Assert what the text of a refused import says between error and hint.

    Returns the messages of the details.
    """
    ran = todo("db", "import", str(source))
    document = todo("db", "import", str(source), "--json")

    assert (ran.status, ran.out) == (2, "")
    first, *found, last = ran.err.splitlines()
    assert found == lines
    assert first == f"error: {document.error['message']}"
    assert last == f"hint: {document.error['hint']}"
    assert document.error["code"] == "INVALID_INPUT"
    assert tasks_of(todo) == []
    return [detail["message"] for detail in document.error["details"]]


@pytest.mark.spec("001/FR-048")
def test_all_bad_records_are_named_one_line_each(
    store: Store, todo: Todo, source: Path
) -> None:
    insert(source, number=3, title="\x1b[2J")
    insert(source, number=None, title="no number")
    insert(source, id=ID[:-1] + "2", number=4)
    insert(source, id=ID[:-1] + "5", number=1)
    insert(source, id=ID[:-1] + "6", number=7, title="right too")
    write(source, "INSERT INTO counter (user_id, last) VALUES ('bob', -1)")

    lines = [
        "Task 3 of ada: title: "
        "must not contain the character U+001B (position 1)",
        f"The task with the id {ID}: number: "
        "must be an integer from 1 to 2147483647",
        "Task 4 of ada: id: another task has it, too",
        "Task 1 of ada: number: another task has it, too",
        "A counter of bob: last: must be an integer from 0 to 2147483647",
    ]
    assert assert_lines(todo, source, lines) == lines


@pytest.mark.spec("001/FR-048")
@pytest.mark.parametrize(
    ("bad", "more"), [(2, []), (20, []), (21, ["and 1 more"])]
)
def test_twenty_bad_records_are_named_and_the_others_counted(
    store: Store, todo: Todo, source: Path, bad: int, more: list[str]
) -> None:
    for number in range(2, bad + 2):
        insert(source, id=f"{ID[:-3]}{number:03}", number=number, title="")
    named = [
        f"Task {number} of ada: title: must not be empty"
        for number in range(2, min(bad, 20) + 2)
    ]

    assert assert_lines(todo, source, [*named, *more]) == named

    ran = todo("db", "import", str(source), "--json")
    assert ran.error["message"] == f"{bad} records in {source} break a rule"


@pytest.mark.spec("001/FR-048")
def test_bad_records_give_no_password_and_control_no_terminal(
    store: Store, todo: Todo, source: Path
) -> None:
    for number in (2, 3):
        insert(
            source,
            id=f"{ID[:-1]}{number}",
            number=number,
            user_id="x\x1b[2J://u:secret@host",
        )

    ran = todo("db", "import", str(source))

    assert "secret" not in ran.err
    assert "\x1b" not in ran.err
    assert len(ran.err.splitlines()) == 4
    assert "secret" not in str(todo("db", "import", str(source), "--json"))
