"""`todo db import`: the history comes along, or the import becomes a part of it."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.service.backdoor import fetch_all, run_sql
from tests.support.blocking import wait_for
from tests.support.program import Ran, Surroundings, Todo
from tests.support.size import share
from tests.support.stores import Clock, Store
from todo_cli.database import transfer

NOON = "2026-01-02T12:00:00.000000Z"
OPERATIONS = (
    "SELECT user_id, number, command FROM todo.operation ORDER BY 1, 2"
)


@pytest.fixture
def other(surroundings: Surroundings, clock: Clock) -> Todo:
    """The program on the file that is imported."""
    path = surroundings.cwd / "other.db"
    return Todo(
        Surroundings(surroundings.home, surroundings.cwd, str(path)), clock
    )


Import = Callable[..., Ran]


@pytest.fixture
def bring(todo: Todo, other: Todo) -> Import:
    """Import the other file: `bring("--renumber")`."""

    def run(*options: str, user: str = "ada") -> Ran:
        path = str(other.surroundings.url)
        return todo("db", "import", path, *options, "--json", user=user)

    return run


def live(run: Todo, clock: Clock, user: str = "ada") -> None:
    """Make a history of every kind of operation, 12 of them."""
    for words in (
        ["add", "Buy milk", "-t", "food", "-t", "Äpfel", "-p", "high"],
        [
            "add",
            "Pay rent",
            "--due",
            "2026-02-01",
            "-d",
            "by\nbank",
            "-P",
            "a.b",
        ],
        ["add", "secret", "--wait", "2026-03-01"],
        ["done", "1-2"],
        ["update", "1", "--title", "Buy MILK", "--remove-tag", "food"],
        ["note", "1", "two litres"],
        ["delete", "2"],
        ["undo"],
        ["undo"],
        ["redo"],
        ["delete", "2"],
        ["purge", "3", "--yes"],
    ):
        assert run(*words, user=user).status == 0, words
        clock.tick()


def history(run: Todo, user: str = "ada") -> Any:
    """The whole history of a user, as JSON."""
    return run("history", "--json", "--limit", "99", user=user).data


def change(path: str, *statements: str) -> None:
    """Change the file behind the back of the program."""
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("PRAGMA ignore_check_constraints = ON")
        for statement in statements:
            file.execute(statement)


@pytest.mark.spec("002/FR-084")
@pytest.mark.parametrize("batch", [1, 10_000])
def test_a_history_comes_along_with_everything_in_it(
    store: Store,
    todo: Todo,
    other: Todo,
    bring: Import,
    clock: Clock,
    batch: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transfer, "_BATCH", batch)
    for user in ("ada", "bob"):
        live(other, clock, user)
    there = {user: history(other, user) for user in ("ada", "bob")}
    assert [len(each) for each in there.values()] == [12, 12]

    first, again = bring(), bring()

    assert first.data["operation"] is None
    assert first.data["history_left"] == again.data["history_left"] == []
    assert {user: history(todo, user) for user in there} == there
    shown = [run("show", "1", "--json").data for run in (other, todo)]
    assert shown[0] == shown[1]
    trash = ("list", "--status", "trash", "--json")
    assert todo(*trash).data == other(*trash).data
    assert todo("undo", "6", "--json").data["operation"] == 13
    assert todo("undo", "5", "--json").data["operation"] == 14
    assert todo("show", "1", "--json").data["tags"] == ["food", "Äpfel"]
    assert (
        len(todo("list", "--tag", "food", "--status", "all", "--json").data)
        == 1
    )
    assert todo("doctor").status == 0


@pytest.mark.spec("002/FR-084")
def test_a_history_stays_behind_where_there_is_one(
    store: Store, todo: Todo, other: Todo, bring: Import, clock: Clock
) -> None:
    assert todo("add", "here").status == 0
    live(other, clock)
    live(other, clock, "bob")

    ran = bring("--renumber")

    assert ran.data["history_left"] == ["ada"]
    assert ran.data["operation"] == 2
    said = "The history of ada stayed behind: there is one here"
    assert said in ran.json["message"]
    [operation, _] = history(todo)
    assert operation["command"] == "import"
    entries = {each["number"]: each["changes"] for each in operation["tasks"]}
    assert sorted(entries) == [2, 4]
    stored = todo("show", "2", "--json").data
    wanted = {
        name: [None, value]
        for name, value in stored.items()
        if value is not None
        and value != []
        and name not in ("id", "number", "user_id", "updated_at", "version")
    }
    assert entries[2] == wanted
    assert history(todo, "bob") == history(other, "bob")
    # All at once, and again.
    assert len(todo("undo", "--json").data["tasks"]) == 2
    assert [task["number"] for task in todo("list", "--json").data] == [1]
    assert len(todo("redo", "--json").data["tasks"]) == 2


def test_an_import_without_a_history_is_one_operation_of_each_owner(
    store: Store,
    todo: Todo,
    other: Todo,
    bring: Import,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transfer, "_BATCH", 2)
    for number in range(5):
        assert other("add", f"task {number}").status == 0
        assert other("add", f"task {number}", user="bob").status == 0
    change(
        str(other.surroundings.url),
        "DELETE FROM operation",
        "DELETE FROM change",
        "UPDATE counter SET operations = 0",
    )

    ran = bring()
    again = bring()

    assert (ran.data["operation"], again.data["operation"]) == (1, None)
    for user in ("ada", "bob"):
        [operation] = history(todo, user)
        assert operation["command"] == "import"
        numbers = [each["number"] for each in operation["tasks"]]
        assert numbers == [1, 2, 3, 4, 5]
    assert todo("undo", "--json").data["undoes"] == 1
    assert todo("list", "--status", "all", "--json").data == []


@pytest.mark.spec("002/FR-084")
def test_a_history_gets_the_new_owner_and_the_new_numbers(
    store: Store, todo: Todo, other: Todo, bring: Import, clock: Clock
) -> None:
    # A task without a history, as an upgraded store has them.
    assert todo("add", "here", user="eve").status == 0
    for table in ("operation", "change"):
        wait_for(run_sql(store, f"DELETE FROM todo.{table}"))
    live(other, clock)
    there = history(other)

    ran = bring("--as", "eve", "--renumber", user="eve")

    assert ran.data["renumbered"] == [{"user": "eve", "old": 1, "new": 4}]
    assert ran.data["history_left"] == []
    for operation in there:
        for each in operation["tasks"]:
            if each["number"] == 1:
                each["number"] = 4
        operation["tasks"].sort(key=lambda each: each["number"])
    assert history(todo, "eve") == there
    of_task = todo("history", "4", "--json", user="eve").data
    assert [each["operation"] for each in of_task] == [10, 9, 6, 5, 4, 1]
    assert todo("undo", "6", "--json", user="eve").status == 0


def test_an_heir_with_a_history_keeps_it(
    store: Store, todo: Todo, other: Todo, bring: Import
) -> None:
    assert other("add", "of eve", user="eve").status == 0
    assert other("purge", "1", "--yes", user="eve").status == 0
    assert other("add", "of ada").status == 0

    ran = bring("--as", "eve", user="eve")

    assert ran.data["history_left"] == ["eve"]
    assert history(todo, "eve") == history(other, "eve")
    assert todo("add", "next", "--json", user="eve").data["number"] == 2


def test_an_heir_counts_on_from_operations_of_its_own(
    store: Store, todo: Todo, other: Todo, bring: Import
) -> None:
    """Else nothing could be undone or purged: the counter was ahead for ever."""
    assert other("add", "of eve", user="eve").status == 0
    assert other("purge", "1", "--yes", user="eve").status == 0
    for title in "abcd":
        assert other("add", title).status == 0

    assert bring("--as", "eve", "--renumber", user="eve").status == 0

    assert todo("add", "next", user="eve").status == 0
    operations = [each["operation"] for each in history(todo, "eve")]
    assert operations == list(range(len(operations), 0, -1))
    assert todo("undo", "--json", user="eve").status == 0
    numbers = [
        each["number"] for each in todo("ls", "--json", user="eve").data
    ]
    assert todo("purge", str(numbers[0]), "--yes", user="eve").status == 0


def test_operations_are_counted_on_from_the_higher_one(
    store: Store, todo: Todo, other: Todo, bring: Import, clock: Clock
) -> None:
    live(other, clock)
    live(other, clock, "bob")
    change(
        str(other.surroundings.url),
        "UPDATE counter SET operations = 3 WHERE user_id = 'ada'",
        "DELETE FROM counter WHERE user_id = 'bob'",
        "INSERT INTO change SELECT 'bob', 20, task_id, number, '{}', '{}'"
        " FROM change WHERE user_id = 'bob' AND operation = 1",
    )
    assert todo("add", "here", user="eve").status == 0
    wait_for(
        run_sql(
            store,
            "INSERT INTO todo.counter (user_id, last, operations)"
            " VALUES ('ada', 9, 30)",
        )
    )

    assert bring().data["history_left"] == []

    next = {}
    for user in ("ada", "bob", "eve"):
        assert todo("add", "next", user=user).status == 0
        next[user] = history(todo, user)[0]["operation"]
    assert next == {"ada": 31, "bob": 21, "eve": 2}


WRONG: list[tuple[str, str, object]] = [
    *[("operation", "number", value) for value in (0, -1, 2**31, "x", 1.5)],
    *[("operation", "user_id", value) for value in ("a/b", "..", b"a")],
    *[("operation", "id", value) for value in ("x", 5, b"a")],
    *[
        ("operation", "at", value)
        for value in ("", "now", 5, b"a", "9999-12-31")
    ],
    *[
        ("operation", "command", value)
        for value in ("", b"a", "x" * 21, "a\nb")
    ],
    *[("operation", "undoes", value) for value in (0, "x", 1.5)],
    *[("operation", "undone_by", value) for value in (-1, "x", 2**31)],
    *[("change", "number", value) for value in (0, "x", 2**31)],
    *[("change", "operation", value) for value in (0, "x", 2**31)],
    *[("change", "user_id", value) for value in ("a/b", b"a")],
    *[("change", "task_id", value) for value in ("x", 5)],
    *[
        ("change", "new_values", value)
        for value in (
            *("", "x", "[]", "null", 5, b"{}", "[" * 100_000, '{"x": 1}'),
            *('{"title": null}', '{"title": 5}', '{"title": ""}'),
            *('{"title": "a\\u0000b"}', '{"title": "\\ud800"}'),
            *('{"is_done": 2}', '{"is_done": null}', '{"is_done": "true"}'),
            *('{"created_at": "now"}', '{"due_on": 5}', '{"due_on": "mon"}'),
            *('{"deleted_at": "9999-12-31T00:00:00Z"}', '{"tags": "[]"}'),
            *('{"tags": [5]}', '{"tags": ["a b"]}', '{"priority": "urgent"}'),
            *('{"completed": true}', '{"version": 5}', '{"number": 5}'),
            *('{"title_folded": "x"}', '{"project": "a..b"}'),
            json.dumps({"description": "x" * 10_001}),
        )
    ],
    ("change", "old_values", '{"title": "a"}'),
]


@pytest.mark.spec("001/FR-048")
def test_a_value_of_a_history_that_breaks_a_rule_names_it(
    todo: Todo, other: Todo, bring: Import, clock: Clock, store: Store
) -> None:
    path = str(other.surroundings.url)
    assert other("add", "a", "-t", "b").status == 0
    turn = int(store.kind == "sqlite")
    for table, column, value in share(WRONG, turn, 2):
        with closing(sqlite3.connect(path)) as file, file:
            [row] = file.execute(f"SELECT * FROM {table}").fetchall()
            file.execute("PRAGMA ignore_check_constraints = ON")
            if column == "old_values":
                file.execute(f"UPDATE {table} SET new_values = '{{}}'")
            file.execute(f"UPDATE {table} SET {column} = ?", (value,))

        ran = bring()

        given = (table, column, value if len(str(value)) < 99 else "long")
        assert ran.status == 2, (given, ran)
        assert ran.error["code"] == "INVALID_INPUT", (given, ran)
        [detail] = ran.error["details"]
        assert detail["field"] == column, (given, ran)
        assert ran.error["message"].startswith("Operation "), (given, ran)
        with closing(sqlite3.connect(path)) as file, file:
            marks = ", ".join("?" * len(row))
            file.execute(f"DELETE FROM {table}")
            file.execute(f"INSERT INTO {table} VALUES ({marks})", row)
    assert bring().status == 0


@pytest.mark.spec("001/FR-048")
@pytest.mark.parametrize(
    ("table", "field", "what"),
    [
        ("operation", "number", "another operation has it, too"),
        ("change", "task_id", "another change has it, too"),
    ],
)
def test_two_rows_of_one_key_are_refused(
    store: Store,
    todo: Todo,
    other: Todo,
    bring: Import,
    table: str,
    field: str,
    what: str,
) -> None:
    assert other("add", "a").status == 0
    change(
        str(other.surroundings.url),
        f"CREATE TABLE copied AS SELECT * FROM {table}",
        f"DROP TABLE {table}",
        f"ALTER TABLE copied RENAME TO {table}",
        f"INSERT INTO {table} SELECT * FROM {table}",
    )

    ran = bring()

    assert ran.error["details"] == [{"field": field, "message": what}]
    assert wait_for(fetch_all(store, OPERATIONS)) == []


def test_folded_texts_are_made_anew(
    store: Store, todo: Todo, other: Todo, bring: Import
) -> None:
    assert other("add", "Milch", "-t", "Äpfel", "-d", "Süß").status == 0
    assert (
        other("update", "1", "--title", "Käse", "--remove-tag", "Äpfel").status
        == 0
    )
    assert other("note", "1", "mehr").status == 0
    change(
        str(other.surroundings.url),
        "UPDATE change SET old_values = replace(old_values, 'apfel', 'wrong')",
        "UPDATE change SET new_values = replace(new_values, 'kase', 'wrong')",
    )

    assert bring().status == 0

    rows = wait_for(
        fetch_all(store, "SELECT old_values, new_values FROM todo.change")
    )
    assert "wrong" not in str(rows)
    for _ in range(2):
        assert todo("undo").status == 0
    for word in ("milch", "apfel", "suss"):
        assert len(todo("list", word, "--json").data) == 1, word


def test_an_operation_of_a_later_version_is_kept(
    store: Store, todo: Todo, other: Todo, bring: Import
) -> None:
    assert other("add", "a").status == 0
    change(
        str(other.surroundings.url), "UPDATE operation SET command = 'merge'"
    )

    assert bring().status == 0

    assert wait_for(fetch_all(store, OPERATIONS)) == [("ada", 1, "merge")]


def test_what_a_purged_task_left_keeps_its_number(
    store: Store, todo: Todo, other: Todo, bring: Import
) -> None:
    assert other("add", "a").status == 0
    assert other("add", "b").status == 0
    assert other("purge", "1", "--yes").status == 0
    # Another user's task has the id of the purged one.
    id = history(other)[-1]["tasks"][0]["id"]
    assert todo("add", "c", "--id", str(uuid4()), user="eve").status == 0
    assert todo("add", "d", "--id", id, user="eve").status == 0

    assert bring().status == 0

    assert history(todo) == history(other)


def test_a_file_of_an_older_version_has_no_history(
    store: Store, todo: Todo, surroundings: Surroundings
) -> None:
    stores = Path(__file__).parents[1] / "stores"
    path = surroundings.cwd / "old.db"
    path.write_bytes((stores / "0.1.0.db").read_bytes())

    ran = todo("db", "import", str(path), "--json")

    assert ran.data["operation"] == 1
    owners = ran.data["owners"]
    rows = wait_for(fetch_all(store, OPERATIONS))
    assert rows == [(owner, 1, "import") for owner in sorted(owners)]
