"""JSON: when, exactly one document, its keys and their order."""

import re
from collections.abc import Sequence
from typing import Any

import pytest

from tests.cli.expect import (
    ID,
    add,
    assert_document,
    assert_refused,
    titles_of,
)
from tests.output.values import KEYS
from tests.support.program import Ran, Todo
from tests.support.stores import Clock

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")

GOOD = [
    ["add", "three"],
    ["add", "-"],
    ["list"],
    ["show", "1"],
    ["update", "1", "--title", "x"],
    ["done", "1"],
    ["done", "1-2"],
    ["done", "--undo", "2"],
    ["delete", "1"],
    ["delete", "1", "2"],
    ["restore", "1"],
    ["purge", "1", "--yes"],
    ["purge", "--trash", "--yes"],
]

BAD = {
    (): "USAGE",
    ("frobnicate",): "USAGE",
    ("list", "--frob"): "USAGE",
    ("show",): "USAGE",
    ("db",): "USAGE",
    ("update", "1"): "USAGE",
    ("add", ""): "INVALID_INPUT",
    ("show", "milk"): "INVALID_INPUT",
    ("show", "99"): "NOT_FOUND",
    ("purge", "1"): "CONFIRMATION_REQUIRED",
    ("list", "--user", ""): "USAGE",
}


def rows(data: Any) -> list[dict[str, Any]]:
    """The tasks of a `data`, be it one or several."""
    return data if isinstance(data, list) else [data]


@pytest.mark.spec("002/FR-039", "002/FR-040", "002/FR-042")
@pytest.mark.parametrize("arguments", GOOD, ids=" ".join)
def test_answer_with_one_document_of_whole_tasks(
    todo: Todo, clock: Clock, arguments: Sequence[str]
) -> None:
    clock.tick(0.000001)
    add(todo, "one")
    todo("add", "two", "-d", "described")
    todo("done", "2")

    ran = todo(*arguments, "--json", stdin=b"four\n")

    assert (ran.status, ran.err) == (0, "")
    assert list(ran.json) == ["success", "data", "message"]
    assert ran.json["success"] is True
    assert re.fullmatch(".+", ran.json["message"])
    for task in rows(ran.data):
        assert list(task) == KEYS
        assert (
            type(task["number"]),
            type(task["completed"]),
            task["user_id"],
        ) == (int, bool, "ada")
        assert all(
            TIME.fullmatch(task[key]) for key in ("created_at", "updated_at")
        )
        assert task["completed_at"] is None or TIME.fullmatch(
            task["completed_at"]
        )
        assert (task["completed_at"] is not None) is task["completed"]
        assert isinstance(task["title"], str)
        assert isinstance(task["description"], str | None)
        assert re.fullmatch(
            r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", task["id"]
        )


@pytest.mark.spec("002/FR-039", "002/FR-040")
@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_answer_with_one_document_on_failure(
    todo: Todo, terminal: bool
) -> None:
    add(todo, "one", "two", "three")

    for arguments, code in BAD.items():
        ran = todo(*arguments, "--json", terminal=terminal)
        assert_document(ran, code=code)
        assert list(ran.json["error"])[:2] == ["code", "message"]
        assert "\n" not in ran.json["error"]["message"]


@pytest.mark.spec("002/FR-041")
def test_answer_with_an_object_or_an_array(todo: Todo) -> None:
    add(todo, "one", "two")
    todo("add", "three", "--id", ID)
    expected = {
        ("add", "x"): dict,
        ("add", "-"): list,
        ("list", "--limit", "1"): list,
        ("show", "1"): dict,
        ("update", "1", "--title", "x"): dict,
        ("update", "#1", "--title", "x"): dict,
        ("update", "1-1", "--title", "x"): list,
        ("mod", "1", "2", "-p", "low"): list,
        ("note", "1", "x"): dict,
        ("done", "1"): dict,
        ("done", ID): dict,
        ("done", "1", "2"): list,
        ("done", "1", "1"): list,
        ("done", "1-1"): list,
        ("done", "1,1"): list,
        ("delete", ID): dict,
        ("delete", "1"): dict,
        ("delete", "2-2"): list,
        ("restore", "1"): dict,
        ("restore", "1,"): dict,
        ("restore", "1-2"): list,
        ("purge", "1", "--yes"): dict,
        ("purge", "--yes", "2-2"): list,
        ("purge", "--trash", "--yes"): list,
        ("add", "y"): dict,
        ("undo",): dict,
        ("redo",): dict,
        ("history",): list,
        ("history", "1"): list,
        ("stats",): dict,
    }

    kinds = {
        arguments: type(todo(*arguments, "--json", stdin=b"four\n").data)
        for arguments in expected
    }

    assert kinds == expected


@pytest.mark.spec("002/FR-029", "002/FR-039")
def test_json_is_understood_anywhere(todo: Todo) -> None:
    for arguments in (
        ["--json", "add", "Buy", "milk"],
        ["add", "--json", "Buy", "milk"],
        ["add", "Buy", "--json", "milk"],
        ["add", "--json", "--", "Buy", "milk"],
        ["--json", "add", "Buy", "milk", "--json"],
    ):
        assert todo(*arguments).data["title"] == "Buy milk"


@pytest.mark.spec("002/FR-030")
def test_json_is_the_option_also_where_a_value_is_expected(todo: Todo) -> None:
    add(todo, "one")

    for arguments in (
        ["update", "1", "--title", "--json"],
        ["add", "x", "-d", "--json"],
        ["add", "x", "--id", "--json"],
        ["list", "-u", "--json"],
        ["--user", "--json", "list"],
        ["list", "--limit", "--json"],
        ["list", "--status", "--json"],
    ):
        assert_document(todo(*arguments), code="USAGE")

    assert titles_of(todo) == ["one"]


@pytest.mark.spec("002/FR-030")
def test_json_is_text_after_two_dashes_or_joined_to_an_option(
    todo: Todo,
) -> None:
    add(todo, "one")

    assert todo("add", "say", "--", "--json", "--user") == Ran(
        0, "Added 2: say --json --user\n", ""
    )
    assert todo("add", "--json", "--", "--json").data["title"] == "--json"
    assert todo("update", "1", "--title=--json") == Ran(
        0, "Updated 1: --json\n", ""
    )
    joined = todo("update", "1", "--description=--json", "--json")
    assert joined.data["description"] == "--json"


@pytest.mark.spec("002/FR-038")
def test_json_is_chosen_by_the_environment(todo: Todo) -> None:
    env = {"TODO_OUTPUT": "json"}
    add(todo, "one")

    assert [task["title"] for task in todo("list", env=env).data] == ["one"]
    assert_document(todo("show", "99", env=env), code="NOT_FOUND")
    assert_document(todo("list", "--frob", env=env), code="USAGE")
    assert_document(todo(env=env), code="USAGE")
    broken = env | {"TODO_CONFIG": "/nowhere"}
    assert_document(todo("list", env=broken), code="CONFIG")


@pytest.mark.spec("002/FR-038", "002/FR-039")
def test_json_is_never_chosen_or_changed_by_the_terminal(todo: Todo) -> None:
    add(todo, "x" * 200)
    colours = {"TERM": "xterm-256color", "FORCE_COLOR": "1"}

    piped = todo("list", "--json")
    shown = [
        todo("list", "--json", terminal=True, columns=columns, env=colours)
        for columns in (80, 1)
    ]

    assert piped.data[0]["title"] == "x" * 200
    assert shown == [piped, piped]
    assert "{" not in todo("list", terminal=True).out + todo("list").out
    assert "{" not in todo("show", "99", terminal=True).err


@pytest.mark.spec("002/FR-043")
def test_json_is_utf8_and_escapes_only_what_json_must(todo: Todo) -> None:
    title, text = (
        "café سلام 买 👩‍👩‍👧 <a href='x'>&amp;</a>",
        'a "quoted" \\ text\n\tx',
    )

    ran = todo("add", title, "-d", text, "--json")

    assert title in ran.out
    assert (ran.data["title"], ran.data["description"]) == (title, text)


@pytest.mark.spec("002/FR-040")
def test_json_names_the_field_at_fault(todo: Todo) -> None:
    error = assert_refused(
        todo, "add", "x" * 201, code="INVALID_INPUT", names=["title", "200"]
    )

    assert [detail["field"] for detail in error["details"]] == ["title"]
    assert "x" * 50 not in error["message"]


@pytest.mark.spec("002/FR-039")
def test_json_of_many_tasks_is_one_document(todo: Todo) -> None:
    todo("add", "-", stdin=b"a title of some length\n" * 2000)

    assert [task["number"] for task in todo("list", "--json").data] == list(
        range(2000, 0, -1)
    )
