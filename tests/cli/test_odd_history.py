"""History that another program stored: each operation is readable, or named, and hides
no other. Nothing is a bug, and nothing that cannot be read is taken back.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.cli.expect import assert_document
from tests.service.backdoor import file_of, run_sql
from tests.support.blocking import wait_for
from tests.support.program import Ran, Todo
from tests.support.saved import Saved, put_back, save
from tests.support.size import share, size
from tests.support.stores import Store

ANSWERED = ("SCHEMA", "CONFLICT", "INVALID_INPUT")
"""What may be said of an operation that another program changed."""

VALUES = [
    {"title": None},
    {"title": 1},
    {"title": {"a": 1}},
    {"title": ""},
    {"title": "a\tb"},
    {"title": "x" * 5_000},
    {"description": ["a"]},
    {"priority": "urgent"},
    {"is_done": "yes"},
    {"is_done": 2},
    {"is_done": None},
    {"is_done": True},
    {"completed_at": "2026-01-02T03:04:05.000000Z"},
    {"tags": 5},
    {"tags": "ab"},
    {"tags": [1]},
    {"tags": [None]},
    {"tags": None},
    {"tags": ["a b", "a b"]},
    {"tags": ["a"] * 60},
    {"due_on": "soon"},
    {"due_on": 5},
    {"due_on": "0001-01-01"},
    {"deleted_at": "2026-01-01"},
    {"deleted_at": "soon"},
    {"deleted_at": 3},
    {"deleted_at": "infinity"},
    {"created_at": "0001-01-01T00:00:00+14:00"},
    {"created_at": None},
    {"zzz": 1},
]
"""Objects that the columns of both stores take."""

TEXTS = [
    "",
    "x",
    "{",
    "[]",
    "null",
    '{"title": NaN}',
    '{"project": 1e999}',
    '{"title": "\\ud800"}',
    '{"title": ' + "9" * 5_000 + "}",
    '{"title": ' + "[" * 100_000 + "]" * 100_000 + "}",
]
"""Texts that only a file takes, once its rules are gone."""


@pytest.fixture
def changed(store: Store, todo: Todo, kept: dict[str, Saved]) -> Todo:
    """The program after an `add`, a `done` and an `update` of one task."""
    if store.kind in kept:
        wait_for(put_back(store, kept[store.kind]))
        return todo
    for words in (
        ["add", "one", "-t", "a"],
        ["done", "1"],
        ["update", "1", "--title", "two", "--due", "fri", "--add-tag", "b"],
        ["add", "other"],
    ):
        assert todo(*words).status == 0
    kept[store.kind] = wait_for(save(store))
    return todo


def put(store: Store, table: str, column: str, value: str) -> None:
    """Change a column of the second and third operation."""
    number = "number" if table == "operation" else "operation"
    sql = f"UPDATE {table} SET {column} = {value} WHERE {number} IN (2, 3)"
    if store.kind == "postgresql":
        wait_for(run_sql(store, sql.replace("UPDATE ", "UPDATE todo.")))
        return
    with closing(sqlite3.connect(file_of(store))) as file, file:
        file.execute("PRAGMA ignore_check_constraints = 1")
        file.execute(sql)


LISTED = [["history"], ["history", "1"]][: size(1, 2)]
PIPED = [["history", "1"], ["history"]][: size(1, 2)]


def ask(todo: Todo) -> None:
    """Read and take back: what cannot be read is named, and no other is hidden."""
    for words in LISTED:
        listed = todo(*words, "--json")
        assert listed.status in (0, 8), listed
        assert listed.status == 0 or "of ada cannot be read" in listed.out
    for words in PIPED:
        piped = todo(*words)
        assert piped.status in (0, 8), piped
        assert "1" in {row.split("\t")[0] for row in piped.out.splitlines()}
    assert todo("history", terminal=True).status in (0, 8)
    before = todo("show", "1", "--json").data
    for words in (["undo", "3"], ["undo", "2"]):
        refusal: Ran = todo(*words, "--json")
        after = todo("show", "1", "--json").data
        if refusal.status != 0:
            code = refusal.error["code"]
            assert_document(refusal, code=code)
            assert code in ANSWERED, refusal
            assert after == before
        before = after
    assert todo("undo", "4").status == 0


COLUMNS = ("old_values", "new_values")


def values_to_put() -> Iterator[Any]:
    """Each value in one of the columns of a file, and a quarter of them in one on a
    server; in the long runs all in both columns of both stores.

    Both stores read a value with the same code, once the driver has it.
    """
    for number, value in enumerate(VALUES):
        for place, column in enumerate(COLUMNS):
            if size(number % 2, place) == place:
                yield pytest.param("sqlite", column, value)
            if size(number % 8, place) == place:
                yield pytest.param("postgresql", column, value)


@pytest.mark.spec("001/FR-047")
@pytest.mark.parametrize(
    ("store", "column", "value"),
    list(values_to_put()),
    indirect=["store"],
    ids=lambda value: str(value)[:40],
)
def test_values_of_another_program_are_named_and_no_bug(
    store: Store, changed: Todo, column: str, value: dict[str, object]
) -> None:
    put(store, "change", column, f"'{json.dumps(value)}'")

    ask(changed)


@pytest.mark.spec("001/FR-047")
@pytest.mark.parametrize(
    ("text", "column"),
    [
        (text, column)
        for number, text in enumerate(TEXTS)
        for place, column in enumerate(COLUMNS)
        if size(number % 2, place) == place
    ],
    ids=lambda value: value[:20],
)
def test_texts_that_are_no_values_are_named_and_no_bug(
    store: Store, changed: Todo, column: str, text: str
) -> None:
    put(store, "change", column, f"'{text}'")

    ask(changed)


OPERATIONS = ["'x'", "1", "99", "1.5", "x'00'", "9223372036854775807"]
"""In the suite each is the number of one of the two."""
HEADINGS = {
    "id": ["'x'", "5", "x'00'"],
    "at": ["'soon'", "5", "x'00'", "'0001-01-01T00:00:00+14:00'"],
    "command": ["''", "5", "x'ff'", "char(27)", "'purge'"],
    "undoes": share(OPERATIONS, 0, 2),
    "undone_by": share(OPERATIONS, 1, 2),
}


@pytest.mark.spec("001/FR-047")
@pytest.mark.parametrize(
    ("column", "value"),
    [(column, value) for column in HEADINGS for value in HEADINGS[column]],
)
def test_headings_of_another_program_are_named_and_no_bug(
    store: Store, changed: Todo, column: str, value: str
) -> None:
    put(store, "operation", column, value)

    for words in (["history"], ["history", "1"], ["undo", "3"], ["undo"]):
        for dry in ([], ["--json"]):
            ran = changed(*words, *dry, terminal=not dry)
            assert ran.status in (0, 2, 5, 8), (words, ran)
