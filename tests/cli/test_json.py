"""JSON: when, exactly one document, its keys and their order."""

import re
from collections.abc import Sequence
from typing import Any

import pytest

from tests.cli.expect import KEYS, add, assert_document, assert_refused, titles_of
from tests.support.program import Ran, Todo
from tests.support.stores import Clock

ID = "0b2f6d7e-5a44-4f7c-9d4e-1f3f6f0f8a11"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")

GOOD = [
    pytest.param(["add", "three"], id="add"),
    pytest.param(["add", "-"], id="add -"),
    pytest.param(["list"], id="list"),
    pytest.param(["show", "1"], id="show"),
    pytest.param(["update", "1", "--title", "x"], id="update"),
    pytest.param(["done", "1"], id="done"),
    pytest.param(["done", "1-2"], id="done several"),
    pytest.param(["done", "--undo", "2"], id="undo"),
    pytest.param(["delete", "1"], id="delete"),
    pytest.param(["delete", "1", "2"], id="delete several"),
    pytest.param(["db", "upgrade"], id="db upgrade"),
]

BAD = [
    pytest.param([], "USAGE", id="nothing"),
    pytest.param(["frobnicate"], "USAGE", id="unknown command"),
    pytest.param(["list", "--frob"], "USAGE", id="unknown option"),
    pytest.param(["add"], "USAGE", id="missing argument"),
    pytest.param(["db"], "USAGE", id="nothing after db"),
    pytest.param(["update", "1"], "USAGE", id="nothing to change"),
    pytest.param(["add", ""], "INVALID_INPUT", id="bad title"),
    pytest.param(["show", "milk"], "INVALID_INPUT", id="bad ref"),
    pytest.param(["show", "99"], "NOT_FOUND", id="missing task"),
    pytest.param(["delete", "1-3"], "CONFIRMATION_REQUIRED", id="no yes"),
    pytest.param(["list", "--user", ""], "USAGE", id="no user"),
]


def rows(data: Any) -> list[dict[str, Any]]:
    """The tasks of a `data`, be it one or several."""
    return data if isinstance(data, list) else [data]


@pytest.mark.spec("002/FR-039")
@pytest.mark.spec("002/FR-040")
@pytest.mark.parametrize("arguments", GOOD)
def test_answer_with_one_document_on_success(
    todo: Todo, arguments: Sequence[str]
) -> None:
    add(todo, "one", "two")

    ran = todo(*arguments, "--json", stdin=b"four\n")

    assert (ran.status, ran.err) == (0, "")
    assert list(ran.json) == ["success", "data", "message"]
    assert ran.json["success"] is True
    assert isinstance(ran.json["message"], str)
    assert ran.json["message"]
    assert "\n" not in ran.json["message"]


@pytest.mark.spec("002/FR-039")
@pytest.mark.spec("002/FR-040")
@pytest.mark.parametrize(("arguments", "code"), BAD)
@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_answer_with_one_document_on_failure(
    todo: Todo, arguments: Sequence[str], code: str, terminal: bool
) -> None:
    add(todo, "one", "two", "three")

    ran = todo(*arguments, "--json", terminal=terminal)

    assert_document(ran, code=code)
    assert list(ran.json["error"])[:2] == ["code", "message"]
    assert "\n" not in ran.json["error"]["message"]


@pytest.mark.spec("002/FR-042")
@pytest.mark.parametrize("arguments", GOOD[:-1])
def test_answer_with_all_keys_in_order_and_of_their_types(
    todo: Todo, clock: Clock, arguments: Sequence[str]
) -> None:
    clock.tick(0.000001)
    add(todo, "one")
    todo("add", "two", "-d", "described")
    todo("done", "2")

    data = rows(todo(*arguments, "--json", stdin=b"four\n").data)

    assert data
    for task in data:
        assert list(task) == KEYS
        assert (type(task["number"]), type(task["completed"]), task["user_id"]) == (
            int,
            bool,
            "ada",
        )
        assert all(TIME.fullmatch(task[key]) for key in ("created_at", "updated_at"))
        assert task["completed_at"] is None or TIME.fullmatch(task["completed_at"])
        assert (task["completed_at"] is not None) is task["completed"]
        assert isinstance(task["title"], str)
        assert isinstance(task["description"], str | None)
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", task["id"])


@pytest.mark.spec("002/FR-041")
@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        pytest.param(["add", "x"], dict, id="add"),
        pytest.param(["add", "-"], list, id="add -"),
        pytest.param(["list"], list, id="list"),
        pytest.param(["list", "--limit", "1"], list, id="list of one"),
        pytest.param(["show", "1"], dict, id="show"),
        pytest.param(["update", "1", "--title", "x"], dict, id="update"),
        *(
            pytest.param([command, *refs], kind, id=f"{command} {' '.join(refs)}")
            for command in ("done", "delete")
            for refs, kind in (
                (["1"], dict),
                ([ID], dict),
                (["1", "2"], list),
                (["1", "1"], list),
                (["1-1"], list),
                (["1,1"], list),
                (["1,2"], list),
                (["1", ID], list),
            )
        ),
    ],
)
def test_answer_with_an_object_or_an_array(
    todo: Todo, arguments: Sequence[str], kind: type
) -> None:
    add(todo, "one", "two")
    todo("add", "three", "--id", ID)

    assert type(todo(*arguments, "--json", stdin=b"four\n").data) is kind


@pytest.mark.spec("002/FR-039")
@pytest.mark.spec("002/FR-029")
@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--json", "add", "Buy", "milk"], id="first"),
        pytest.param(["add", "--json", "Buy", "milk"], id="after the command"),
        pytest.param(["add", "Buy", "--json", "milk"], id="between words"),
        pytest.param(["add", "Buy", "milk", "--json"], id="last"),
        pytest.param(["add", "--json", "--", "Buy", "milk"], id="before --"),
        pytest.param(["--json", "add", "Buy", "milk", "--json"], id="both ends"),
    ],
)
def test_json_is_understood_anywhere(todo: Todo, arguments: Sequence[str]) -> None:
    assert todo(*arguments).data["title"] == "Buy milk"


@pytest.mark.spec("002/FR-030")
@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["update", "1", "--title", "--json"], id="--title"),
        pytest.param(["add", "x", "-d", "--json"], id="-d"),
        pytest.param(["add", "x", "--id", "--json"], id="--id"),
        pytest.param(["list", "--user", "--json"], id="--user"),
        pytest.param(["list", "-u", "--json"], id="-u"),
        pytest.param(["--user", "--json", "list"], id="--user before the command"),
        pytest.param(["list", "--limit", "--json"], id="--limit"),
        pytest.param(["list", "--status", "--json"], id="--status"),
    ],
)
def test_json_is_the_option_also_where_a_value_is_expected(
    todo: Todo, arguments: Sequence[str]
) -> None:
    add(todo, "one")

    assert_document(todo(*arguments), code="USAGE")

    assert titles_of(todo) == ["one"]


@pytest.mark.spec("002/FR-030")
def test_json_after_two_dashes_is_text(todo: Todo) -> None:
    add(todo, "one")

    assert todo("add", "--", "--json") == Ran(0, "Added 2: --json\n", "")
    assert todo("add", "say", "--", "--json", "--user") == Ran(
        0, "Added 3: say --json --user\n", ""
    )
    assert todo("add", "--json", "--", "--json").data["title"] == "--json"


@pytest.mark.spec("002/FR-030")
def test_json_joined_to_an_option_is_text(todo: Todo) -> None:
    add(todo, "one")

    assert todo("update", "1", "--title=--json") == Ran(0, "Updated 1: --json\n", "")
    assert (
        todo("update", "1", "--description=--json", "--json").data["description"]
        == "--json"
    )


@pytest.mark.spec("002/FR-038")
def test_json_is_chosen_by_the_environment(todo: Todo) -> None:
    env = {"TODO_OUTPUT": "json"}
    add(todo, "one")

    assert [task["title"] for task in todo("list", env=env).data] == ["one"]
    assert_document(todo("show", "99", env=env), code="NOT_FOUND")
    assert_document(todo("list", "--frob", env=env), code="USAGE")
    assert_document(todo(env=env), code="USAGE")


@pytest.mark.spec("002/FR-038")
@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_json_is_never_chosen_by_the_terminal(todo: Todo, terminal: bool) -> None:
    add(todo, "one")

    assert "{" not in todo("list", terminal=terminal).out
    assert "{" not in todo("show", "99", terminal=terminal).err
    assert todo("list", "--json", terminal=terminal) == todo(
        "list", "--json", terminal=not terminal
    )


@pytest.mark.spec("002/FR-039")
@pytest.mark.parametrize("columns", [80, 20, 1])
def test_json_at_a_terminal_has_no_colour_and_is_not_cut(
    todo: Todo, columns: int
) -> None:
    add(todo, "x" * 200)

    ran = todo(
        "list",
        "--json",
        terminal=True,
        columns=columns,
        env={"TERM": "xterm-256color", "FORCE_COLOR": "1"},
    )

    assert "\x1b" not in ran.out
    assert ran.data[0]["title"] == "x" * 200


@pytest.mark.spec("002/FR-043")
@pytest.mark.parametrize(
    "title", ["café", "سلام", "买牛奶", "👩‍👩‍👧", "<a href='x'>&amp;</a>"]
)
def test_json_is_utf8_and_not_escaped(todo: Todo, title: str) -> None:
    ran = todo("add", title, "--json")

    assert title in ran.out
    assert ran.data["title"] == title


@pytest.mark.spec("002/FR-043")
def test_json_escapes_what_json_must(todo: Todo) -> None:
    text = 'a "quoted" \\ text\n\twith lines'

    assert todo("add", "x", "-d", text, "--json").data["description"] == text


@pytest.mark.spec("002/FR-043")
@pytest.mark.parametrize(
    "character",
    ["\x1b", "\x00", "\x7f", "\x9b", "\u202e", "\u2066", "\u2028", "\udcff"],
    ids=lambda c: f"{ord(c):04x}",
)
def test_json_shows_no_refused_character_of_the_command_line(
    todo: Todo, character: str
) -> None:
    assert_refused(todo, "show", f"a{character}b", code="INVALID_INPUT")

    assert character not in todo("show", f"a{character}b", "--json").out


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
