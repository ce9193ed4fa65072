"""What the commands print is what the contracts under `specs/` promise, and these are
what the code says.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.cli import contract
from tests.support.program import Ran, Todo
from todo_cli.cli import app
from todo_cli.errors import Code
from todo_cli.task import Task, about, task_values

ID = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
NOBODY = "postgresql://ada:secret@127.0.0.1:1/tasks"
"""A server that is not there."""

Call = tuple[str, tuple[str, ...], bytes]

CALLS: tuple[Call, ...] = (
    ("version", ("--version",), b""),
    ("doctor", ("doctor",), b""),
    ("completion", ("completion", "fish"), b""),
    ("list", ("list",), b""),
    ("db-upgrade-sql", ("db", "upgrade", "--sql"), b""),
    ("db-upgrade", ("db", "upgrade"), b""),
    ("add", ("add", "Buy milk", "-d", "two\nbottles"), b""),
    ("add", ("add", "Bread", "--id", ID), b""),
    ("add", ("add", "Bread", "--id", ID), b""),
    ("add-lines", ("add", "-"), b"Cheese\nWine\n"),
    ("add-lines", ("add", "-"), b""),
    ("list", ("list", "--limit", "2"), b""),
    ("list", ("list", "--status", "done"), b""),
    ("show", ("show", "1"), b""),
    (
        "update",
        ("update", "1", "--title", "Oat milk", "-d", "", "--status", "done"),
        b"",
    ),
    ("update", ("update", "2-3", "--due", "tomorrow", "-p", "h"), b""),
    ("note", ("note", "1", "and bread"), b""),
    ("edit", ("edit", "3", "--form", "form.txt"), b""),
    ("list", ("list", "--due", "any", "bread"), b""),
    ("done", ("done", ID), b""),
    ("done", ("done", "1-3"), b""),
    ("done", ("done", "1", "--undo"), b""),
    ("list", ("list", "--status", "all"), b""),
    ("delete", ("delete", "1"), b""),
    ("delete", ("delete", "2-4", "--yes"), b""),
    ("list", ("list", "--status", "trash"), b""),
    ("history", ("history",), b""),
    ("history", ("history", "1", "-L", "2"), b""),
    ("stats", ("stats",), b""),
    ("undo", ("undo",), b""),
    ("redo", ("redo",), b""),
    ("undo", ("undo", "--dry-run"), b""),
    ("restore", ("restore", "2"), b""),
    ("restore", ("restore", "2-3"), b""),
    ("delete", ("delete", "3", "--dry-run"), b""),
    ("purge", ("purge", "2", "--yes"), b""),
    ("purge", ("purge", "--trash", "--yes"), b""),
    ("history", ("history",), b""),
    ("import", ("import", "-"), b'{"title": "Pay", "more": 1}'),
    ("import", ("import", "-", "--dry-run"), b"title,due\nPay rent,\n"),
    ("export", ("export", "tasks.json"), b""),
    ("export", ("export", "tasks.txt", "--status", "open"), b""),
    ("db-policy", ("db", "policy"), b""),
    ("db-import", ("db", "import", "other.db"), b""),
    ("db-backup", ("db", "backup", "backup.db"), b""),
    ("doctor", ("doctor",), b""),
    ("token-create", ("token", "create", "ci", "--read-only"), b""),
    ("token-create", ("token", "create", "me", "--expires", "never"), b""),
    ("token-list", ("token", "list"), b""),
    ("token-revoke", ("token", "revoke", "ci", "--dry-run"), b""),
    ("token-revoke", ("token", "revoke", "ci"), b""),
    ("token-list", ("token", "list", "--all"), b""),
    ("warm-status", ("warm", "status"), b""),
    ("warm-on", ("warm", "on"), b""),
    ("warm-status", ("warm", "status"), b""),
    ("warm-off", ("warm", "off"), b""),
    ("connect", ("connect", "--off"), b""),
)
"""Every command, in an order in which each finds what it needs, with the name of its answer."""


def read(path: Path) -> Any:
    """A contract as it stands in the repository."""
    return json.loads(path.read_text(encoding="utf-8"))


def strict(path: Path) -> Any:
    """A contract as this version keeps it: nothing that it does not name."""
    return contract.strict(read(path))


def faults(schema: Any, document: Any) -> list[str]:
    """What a document does against a schema, formats of UUIDs and dates included."""
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    found = jsonschema.Draft202012Validator(
        schema, format_checker=checker
    ).iter_errors(document)
    return [f"{error.json_path}: {error.message}" for error in found]


def answer(name: str, schema: Any = None) -> Any:
    """The schema of one command's success; strict, unless it is that of `schema`."""
    schema = schema or strict(contract.SUCCESS)
    return schema | {
        "properties": schema["properties"]
        | {"data": {"$ref": f"#/$defs/{name}"}}
    }


# The contracts and the code


def test_contracts_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert (contract.main(["--check"]), capsys.readouterr().err) == (0, "")


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("exit-codes", "| 3 | `NOT_FOUND`", "| 4 | `NOT_FOUND`"),
        ("formats", "| `csv` | a table", "| `csv` | no table"),
    ],
)
def test_reference_says_when_its_tables_are_out_of_date(
    name: str, right: str, wrong: str
) -> None:
    text = contract.REFERENCE.read_text(encoding="utf-8")

    assert right in text
    assert contract.with_tables(text.replace(right, wrong), name) == text


@pytest.mark.parametrize(
    "path", [contract.SUCCESS, contract.FAILURE], ids=lambda path: path.name
)
def test_schemas_are_valid_json_schema(path: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(read(path))


def test_every_command_has_an_answer_in_the_schema() -> None:
    words = {words for words, _ in contract.ANSWERS.values()}

    promised = {
        " ".join(
            word for word in each.split() if word.islower() and word.isalpha()
        )
        for each in words
    }
    assert promised - {""} == set(commands())


def commands() -> Iterator[str]:
    """The commands of the program as people type them, without `serve`, which answers by HTTP."""

    def below(group: Any, path: str) -> Iterator[str]:
        for name, found in group.commands.items():
            yield from (
                below(found, f"{path}{name} ")
                if hasattr(found, "commands")
                else [f"{path}{name}"]
            )

    yield from (name for name in below(app.commands(), "") if name != "serve")


def test_every_answer_is_tried() -> None:
    assert {name for name, _, _ in CALLS} == set(contract.ANSWERS)


# The documents


@pytest.mark.spec(
    "002/FR-032", "002/FR-040", "002/FR-041", "002/FR-042", "002/FR-490"
)
def test_every_success_fits_the_schema(todo: Todo, elsewhere: Path) -> None:
    ran = [
        (name, arguments, todo("--json", *arguments, stdin=stdin))
        for name, arguments, stdin in CALLS
    ]

    assert [
        (arguments, each) for _, arguments, each in ran if each.status != 0
    ] == []
    found = {
        arguments: faults(answer(name), each.json)
        for name, arguments, each in ran
    }
    assert {
        arguments: fault for arguments, fault in found.items() if fault
    } == {}
    published = read(contract.SUCCESS)
    for name, arguments, each in ran:
        later = faults(answer(name, published), with_more(each.json))
        assert later == [], arguments


@pytest.fixture
def elsewhere(todo: Todo) -> Path:
    """An embedded file beside the store, with a task of somebody else; and a text."""
    (todo.surroundings.cwd / "form.txt").write_text("edited\n")
    path = todo.surroundings.cwd / "other.db"
    assert (
        todo(
            "add",
            "Compile",
            user="grace",
            env={"TODO_DATABASE_URL": str(path)},
        ).status
        == 0
    )
    return path


Failing = Callable[[Todo], Ran]

FAILURES: dict[str, Failing] = {
    "USAGE": lambda todo: todo("--json", "frobnicate"),
    "INVALID_INPUT": lambda todo: todo("--json", "add", "a\x1bb"),
    "CONFIRMATION_REQUIRED": lambda todo: todo("--json", "purge", "1"),
    "NOT_FOUND": lambda todo: todo("--json", "show", "99"),
    "CONFLICT": lambda todo: todo(
        "--json", "add", "Mine", "--id", ID, user="grace"
    ),
    "DATABASE_UNAVAILABLE": lambda todo: todo(
        "--json", "list", env={"TODO_DATABASE_URL": NOBODY}
    ),
    "CONFIG": lambda todo: todo(
        "--json", "list", env={"TODO_TIMEOUT": "soon"}
    ),
    "IO_ERROR": lambda todo: todo(
        "--json", "list", env={"TODO_DATABASE_URL": "."}
    ),
}


@pytest.mark.spec("002/FR-040", "002/FR-044", "002/FR-490")
@pytest.mark.parametrize("code", FAILURES)
def test_failures_fit_the_schema_and_the_exit_statuses(
    todo_embedded: Todo, code: str
) -> None:
    lines = b"Second\nThird\n"
    assert todo_embedded("add", "First", "--id", ID).status == 0
    assert todo_embedded("add", "-", stdin=lines).status == 0

    ran = FAILURES[code](todo_embedded)

    assert faults(strict(contract.FAILURE), ran.json) == []
    later = faults(read(contract.FAILURE), with_more(ran.json))
    assert later == []
    assert (ran.error["code"], ran.status) == (code, exits()[code])


def exits() -> dict[str, int]:
    """The exit status of each code, as the contract has it."""
    return {
        row["code"]: row["exit"] for row in read(contract.EXIT_CODES)["errors"]
    }


def test_exit_statuses_are_those_of_the_code() -> None:
    assert exits() == {
        code.name: code.exit for code in Code if code.exit is not None
    }


def test_doctor_puts_its_findings_into_the_details_of_a_failure(
    todo_embedded: Todo,
) -> None:
    ran = todo_embedded("doctor", "--json", env={"TODO_DATABASE_URL": NOBODY})

    assert faults(strict(contract.FAILURE), ran.json) == []
    assert {"field": "store", "message": "postgresql"} in ran.error["details"]


# The room for later versions

NEW_CODE = "BRAND_NEW"
"""A code that this version does not have."""
NEW_KEY = "later"

MAPS: dict[str, Any] = {
    "changes": [None, 1],
    "kept_as_text": 1,
    "left_out": 1,
    "cold": 1,
}
"""Objects whose keys are no names of ours, and the value that a new one has."""


def with_more(value: Any, more: Any = None) -> Any:
    """A document as a later version may print it: a new key in each object, and a new code."""
    if isinstance(value, list):
        return [with_more(each) for each in value]
    if not isinstance(value, dict):
        return value
    new = {key: with_more(each, MAPS.get(key)) for key, each in value.items()}
    if "code" in new:
        new["code"] = NEW_CODE
    return {**new, NEW_KEY: more or {"is": ["new", 1, None]}}


def parts(schema: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every object in a schema, with where it is."""
    if isinstance(schema, dict):
        yield place, schema
        for key, value in schema.items():
            yield from parts(value, f"{place}/{key}")
    if isinstance(schema, list):
        for number, value in enumerate(schema):
            yield from parts(value, f"{place}/{number}")


@pytest.mark.spec("002/FR-490")
@pytest.mark.parametrize(
    "path", [contract.SUCCESS, contract.FAILURE], ids=lambda path: path.name
)
def test_published_schemas_are_open_for_new_keys_and_codes(path: Path) -> None:
    schema = read(path)

    assert "Error" not in schema["$defs"]
    for place, part in parts(schema):
        assert part.get("additionalProperties") is not False, place
        assert "unevaluatedProperties" not in part, place
        if {"const", "enum", "examples"} & {*part}:
            assert "type" in part, place
    # No other list of values is closed than those of these two.
    closed = {place for place, part in parts(schema) if "enum" in part}
    assert {place.rpartition("/")[2] for place in closed} <= {
        "priority",
        "password",
    }


@pytest.mark.spec("002/FR-490")
def test_strict_schemas_name_every_code_and_close_every_object() -> None:
    failure = strict(contract.FAILURE)["$defs"]["Failure"]
    assert set(failure["properties"]["code"]["enum"]) == set(exits())

    for path in (contract.SUCCESS, contract.FAILURE):
        for place, part in parts(strict(path)):
            if part.get("type") == "object":
                assert "additionalProperties" in part, place


# The schemas refuse what the contract refuses

TASK = task_values(
    Task(**{name: each.example for name, each in about(Task).items()})
)
SUCCESS = {"success": True, "data": TASK, "message": "Added"}
FAILURE = {
    "success": False,
    "error": {"code": "NOT_FOUND", "message": "No task 1 for ada"},
}


def test_schemas_take_the_plainest_documents() -> None:
    assert (
        faults(answer("add"), SUCCESS)
        == faults(strict(contract.FAILURE), FAILURE)
        == []
    )


@pytest.mark.parametrize(
    "change",
    [
        {"id": "1"},
        {"number": 0},
        {"number": "1"},
        {"user_id": ""},
        {"title": "x" * 201},
        {"description": ""},
        {"completed": 0},
        {"completed": True},
        {"completed_at": "2026-01-02T03:04:05.000000Z"},
        {"created_at": "2026-01-02T03:04:05Z"},
        {"updated_at": "2026-01-02T03:04:05.000000+00:00"},
    ],
    ids=str,
)
def test_schema_refuses_a_task_that_breaks_a_rule(
    change: dict[str, Any],
) -> None:
    published = answer("add", read(contract.SUCCESS))

    assert faults(published, SUCCESS | {"data": TASK | change}) != []


def test_schema_refuses_a_task_without_one_of_its_keys() -> None:
    published = answer("show", read(contract.SUCCESS))
    for key in TASK:
        task = {name: value for name, value in TASK.items() if name != key}

        assert faults(published, SUCCESS | {"data": task}) != [], key


@pytest.mark.parametrize(
    "document",
    [
        {"success": True, "data": TASK},
        SUCCESS | {"data": [TASK]},
        SUCCESS | {"data": None},
    ],
    ids=["no message", "an array", "null"],
)
def test_schema_refuses_a_success_of_another_shape(document: Any) -> None:
    assert faults(answer("add", read(contract.SUCCESS)), document) != []


@pytest.mark.parametrize(
    "error",
    [
        {"code": "NOT_FOUND"},
        {"code": 3, "message": "No"},
        {"code": "USAGE", "message": ""},
        {"code": "USAGE", "message": "No", "details": []},
        {"code": "USAGE", "message": "No", "details": [{"field": "title"}]},
    ],
    ids=str,
)
def test_schema_refuses_a_failure_of_another_shape(error: Any) -> None:
    assert (
        faults(read(contract.FAILURE), {"success": False, "error": error})
        != []
    )


@pytest.mark.spec("002/FR-490")
@pytest.mark.parametrize(
    "document",
    [
        SUCCESS | {"warning": "late"},
        SUCCESS | {"success": False},
        SUCCESS | {"dry_run": False},
        SUCCESS | {"data": TASK | {"colour": "red"}},
    ],
    ids=["a key", "no success", "no dry run", "a key of a task"],
)
def test_only_the_strict_schema_refuses_a_success_with_news(
    document: Any,
) -> None:
    assert faults(answer("add", read(contract.SUCCESS)), document) == []
    assert faults(answer("add"), document) != []


@pytest.mark.spec("002/FR-490")
@pytest.mark.parametrize(
    "error",
    [
        {"code": "OOPS", "message": "No"},
        {"code": "PAYLOAD_TOO_LARGE", "message": "of the API alone"},
        {"code": "USAGE", "message": "No", "trace": "..."},
        {
            "code": "USAGE",
            "message": "No",
            "details": [{"field": "title", "message": "No", "line": 1}],
        },
    ],
    ids=str,
)
def test_only_the_strict_schema_refuses_a_failure_with_news(
    error: Any,
) -> None:
    document = {"success": False, "error": error}

    assert faults(read(contract.FAILURE), document) == []
    assert faults(strict(contract.FAILURE), document) != []
