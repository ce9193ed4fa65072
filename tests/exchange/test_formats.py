"""One table says which formats there are; a file shows by its name and text what it is."""

import ast
from dataclasses import replace
from datetime import date, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from uuid import UUID

import pytest

from tests.exchange.support import ADA, EXAMPLE, NOW, tasks_of, write_all
from todo_cli.errors import InvalidInput
from todo_cli.exchange.formats import (
    FORMATS,
    READ,
    WRITTEN,
    named,
    of_ending,
    recognise,
)
from todo_cli.task import Task

PACKAGE = Path(__file__).parents[2] / "todo_cli"
TASK_A_LINE = "".join(EXAMPLE["taskwarrior"].splitlines()[1:-1]) + "\n"
"""What `task rc.json.array=off export` prints."""
ALLOWED = {"task", "rules", "errors", "days", "zones", "fold", "exchange"}


def test_every_format_has_a_module() -> None:
    for name in READ:
        assert find_spec(f"todo_cli.exchange.{name}_file"), name


def test_every_module_of_a_format_is_in_the_table() -> None:
    modules = (PACKAGE / "exchange").glob("*_file.py")

    assert {path.stem.removesuffix("_file") for path in modules} <= {*READ}


def test_every_format_but_two_is_written() -> None:
    assert {*READ} - {*WRITTEN} == {"todoist", "github"}
    assert {*READ} == {*EXAMPLE}


def test_endings_belong_to_one_format() -> None:
    endings = [ending for each in FORMATS for ending in each.endings]

    assert len({*endings}) == len(endings)
    assert all(ending == ending.lower() for ending in endings)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a.json", "json"),
        ("A.JSON", "json"),
        ("/x.csv/a.ndjson", "ndjson"),
        ("a.jsonl", "ndjson"),
        ("a.csv", "csv"),
        ("todo.txt", "todotxt"),
        ("a.md", "markdown"),
        ("a.markdown", "markdown"),
        ("a.ics", "ics"),
    ],
)
def test_ending_names_a_format(path: str, name: str) -> None:
    found = of_ending(path)

    assert found is named(name)


@pytest.mark.parametrize("path", ["-", "a", "a.db", ".json", "a.json.bak", ""])
def test_other_endings_name_none(path: str) -> None:
    assert of_ending(path) is None


@pytest.mark.parametrize(
    ("path", "head", "name"),
    [
        ("a.json", EXAMPLE["json"], "json"),
        ("a.json", EXAMPLE["ndjson"], "ndjson"),
        ("a.json", "nothing", "json"),
        ("a.ndjson", EXAMPLE["ndjson"], "ndjson"),
        ("a.ndjson", EXAMPLE["json"], "json"),
        ("a.ndjson", "nothing", "ndjson"),
        ("a.jsonl", EXAMPLE["taskwarrior"], "taskwarrior"),
        ("a.jsonl", TASK_A_LINE, "taskwarrior"),
        ("a.json", TASK_A_LINE, "taskwarrior"),
        ("-", TASK_A_LINE, "taskwarrior"),
        ("a.ndjson", EXAMPLE["github"], "github"),
        ("a.ndjson", EXAMPLE["csv"], "ndjson"),
        ("a.csv", EXAMPLE["csv"], "csv"),
        ("a.csv", "nothing", "csv"),
        ("a.txt", EXAMPLE["csv"], "todotxt"),
        ("-", EXAMPLE["csv"], "csv"),
        ("-", EXAMPLE["json"], "json"),
        ("-", EXAMPLE["ndjson"], "ndjson"),
        ("-", '{"success": true, "data": [], "message": ""}\n', "json"),
        ("a.dat", "title;due\r\nx;y\r\n", "csv"),
        ("a.json", EXAMPLE["github"], "github"),
        ("a.json", EXAMPLE["taskwarrior"], "taskwarrior"),
        ("a.csv", EXAMPLE["todoist"], "todoist"),
    ],
)
def test_file_is_recognised(path: str, head: str, name: str) -> None:
    assert recognise(path, head).name == name


@pytest.mark.parametrize(
    ("path", "head", "name"),
    [
        ("-", "Was,Wann\nMilch,2026-12-24\n", "csv"),
        ("a.dat", "Was\nMilch\n", "csv"),
        ("-", "Wer,Nummer\nAda, +49 30 1\n", "csv"),
        ("a.txt", "Was\tWann\nMilch\t\n", "csv"),
        ("a.csv", "Was\nMilch\n", "csv"),
        ("a.csv", EXAMPLE["todoist"], "todoist"),
        ("a.json", "Was,Wann\n", "json"),
        ("a.md", "Was,Wann\n", "markdown"),
        ("-", EXAMPLE["json"], "json"),
        ("-", EXAMPLE["markdown"], "markdown"),
        ("-", EXAMPLE["ics"], "ics"),
    ],
)
def test_with_columns_it_is_a_table_unless_it_says_otherwise(
    path: str, head: str, name: str
) -> None:
    assert recognise(path, head, is_table=True).name == name


def test_what_is_not_recognised_is_an_error_with_all_names() -> None:
    with pytest.raises(InvalidInput) as raised:
        recognise("a.dat", "")

    assert raised.value.message == "a.dat does not say in which format it is"
    assert raised.value.hint is not None
    assert all(name in raised.value.hint for name in READ)


@pytest.mark.parametrize("name", WRITTEN)
def test_writer_counts_what_it_leaves_out(name: str) -> None:
    assert named(name).writer(ADA).kept == {}


_DONE = Task(
    id=UUID(int=7),
    number=7,
    user_id="ada",
    title="Buy milk",
    description="2 l, fresh",
    completed=True,
    created_at=NOW - timedelta(days=3, milliseconds=1),
    updated_at=NOW - timedelta(days=2, milliseconds=1),
    completed_at=NOW - timedelta(days=1, milliseconds=1),
    due_on=date(2026, 12, 24),
    wait_until=date(2026, 12, 20),
    priority="high",
    project="home",
    tags=["a", "b"],
    version=3,
    deleted_at=None,
)
_DELETED = replace(
    _DONE,
    id=UUID(int=8),
    number=8,
    completed=False,
    completed_at=None,
    deleted_at=NOW - timedelta(hours=1),
)
"""With the one above every field, and no two that exclude each other."""
_WORDS = {
    "id": "id",
    "number": "number",
    "title": "title",
    "description": "notes",
    "completed": "done",
    "created_at": "times",
    "updated_at": "times",
    "completed_at": "times",
    "due_on": "days",
    "wait_until": "days",
    "priority": "priority",
    "project": "project",
    "tags": "tags",
    "version": "version",
    "deleted_at": "trash",
}
"""How the table of formats calls the fields."""
_COUNTED = {
    "description": "notes",
    "deletion": "trash",
    "creation time": "times",
    "completion time": "times",
    "deletion time": "trash",
}
"""How writers call what they leave out, and how the table does."""


def listed(text: str) -> set[str]:
    """The parts of `a, b and c`."""
    return {*text.replace(" and ", ", ").split(", ")} - {""}


@pytest.mark.spec("002/FR-238")
@pytest.mark.parametrize("name", WRITTEN)
def test_a_format_holds_what_the_table_says(name: str) -> None:
    before = [_DONE, _DELETED]
    after = tasks_of(name, write_all(name, before))

    lost = set()
    for old, new in zip(before, after, strict=True):
        for field, word in _WORDS.items():
            ours, theirs = getattr(old, field), getattr(new, field)
            if isinstance(ours, datetime) and isinstance(theirs, datetime):
                # Some formats have no parts of a second.
                is_near = timedelta() < ours - theirs < timedelta(seconds=1)
                word = "parts of a second" if is_near else word
            if ours != theirs:
                lost.add(word)
    holds, _, but = named(name).holds.partition(" but ")
    if holds == "everything":
        assert lost == listed(but)
    else:
        assert lost == {*_WORDS.values()} - listed(holds)


@pytest.mark.spec("002/FR-238")
@pytest.mark.parametrize("name", WRITTEN)
def test_what_a_writer_counts_is_what_its_format_does_not_hold(
    name: str,
) -> None:
    writer = named(name).writer(ADA)
    writer.write([_DONE, _DELETED])

    counted = {_COUNTED[kind] for kind in writer.kept}
    holds, _, but = named(name).holds.partition(" but ")
    lost = listed(but)
    if holds != "everything":
        lost = {*_WORDS.values()} - listed(holds)
    if "day of times" in listed(holds):
        lost -= {"times"}
    # What every task has is not counted.
    assert counted == lost - {"id", "number", "version", "parts of a second"}


# Imports go one way


def imported(path: Path) -> set[str]:
    """The modules of the package that a module imports, by the first part of their name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            names = [node.module]
            if node.module == "todo_cli":
                names = [f"todo_cli.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        parts = [name.split(".") for name in names]
        found |= {part[1] for part in parts if part[0] == "todo_cli"}
    return found


def test_exchange_knows_no_store_and_no_screen() -> None:
    for path in sorted((PACKAGE / "exchange").glob("*.py")):
        assert imported(path) <= ALLOWED, path.name


def test_nobody_but_commands_knows_files_of_other_programs() -> None:
    others = [
        path.relative_to(PACKAGE).as_posix()
        for path in sorted(PACKAGE.rglob("*.py"))
        if "exchange" in imported(path)
    ]

    assert [
        name
        for name in others
        if not name.startswith(("exchange/", "cli/", "completion/build"))
    ] == []
