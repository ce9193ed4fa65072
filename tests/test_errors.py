"""Every code has its statuses, and every code of the command line one exception class."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import todo_cli
from todo_cli import errors
from todo_cli.errors import Code, InvalidInput, NoStore, NotFound, TodoError

# The contract, written out a second time on purpose: exit status, HTTP status.
CONTRACT = {
    "INTERNAL": (1, 500),
    "USAGE": (2, 422),
    "INVALID_INPUT": (2, 422),
    "CONFIRMATION_REQUIRED": (2, 422),
    "NOT_FOUND": (3, 404),
    "AUTH_FAILED": (4, 500),
    "FORBIDDEN": (4, 500),
    "CONFLICT": (5, 409),
    "DATABASE_UNAVAILABLE": (6, 503),
    "DATABASE_BUSY": (6, 503),
    "TIMEOUT": (6, 504),
    "OUTCOME_UNKNOWN": (7, 500),
    "CONFIG": (8, 500),
    "TLS_FAILED": (8, 500),
    "SCHEMA": (8, 500),
    "IO_ERROR": (9, 500),
    "CANCELLED": (10, None),
    "UNAUTHORIZED": (None, 401),
    "METHOD_NOT_ALLOWED": (None, 405),
    "PRECONDITION_FAILED": (None, 412),
    "PAYLOAD_TOO_LARGE": (None, 413),
    "UNSUPPORTED_MEDIA_TYPE": (None, 415),
    "RATE_LIMITED": (None, 429),
}
KINDS = [
    kind
    for kind in TodoError.__subclasses__()
    if kind.__module__ == errors.__name__
]


@pytest.mark.spec("002/FR-044")
def test_codes_have_the_statuses_of_the_contract() -> None:
    assert {code.name: (code.exit, code.http) for code in Code} == CONTRACT


def test_codes_are_found_by_their_name_and_have_a_meaning() -> None:
    for code in Code:
        assert Code[code.name] is code
        assert re.fullmatch(r"[a-z].*[^.]", code.meaning), code


def test_each_code_of_the_command_line_has_one_class() -> None:
    codes = [kind.code for kind in KINDS]

    assert len(codes) == len(set(codes))
    assert set(codes) == {code for code in Code if code.exit is not None}


def test_errors_keep_message_hint_and_details() -> None:
    details = [{"field": "title", "message": "too long"}]
    for kind in KINDS:
        bare = kind("It failed")
        full = kind("It failed", hint="try again", details=details)  # type: ignore[arg-type]

        assert (str(bare), bare.message, bare.hint, bare.details) == (
            *("It failed", "It failed"),
            *(None, ()),
        )
        assert (full.hint, full.details) == ("try again", tuple(details))


def test_todo_error_is_a_bug_unless_a_class_says_otherwise() -> None:
    assert TodoError("It failed").code is Code.INTERNAL
    assert NotFound("No task 7").code is Code.NOT_FOUND


def test_an_absent_store_is_no_error_for_people() -> None:
    assert not issubclass(NoStore, TodoError)


def test_invalid_input_names_its_field_in_message_and_details() -> None:
    error = InvalidInput.of("title", "is empty")

    assert error.message == "title: is empty"
    assert error.details == ({"field": "title", "message": "is empty"},)


def messages_in(tree: ast.Module, names: set[str]) -> Iterator[str]:
    """What is written of the message of each error that a module makes.

    What a message begins with may be a value: a place, a path, a number.
    """
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        named = getattr(node.func, "id", getattr(node.func, "attr", ""))
        first = node.args[0]
        if isinstance(first, ast.JoinedStr):
            first = first.values[0]
        if named in names and isinstance(first, ast.Constant):
            yield str(first.value)


def test_every_message_begins_with_a_capital_or_the_name_of_a_field() -> None:
    kinds: set[str] = set()
    found: list[type[TodoError]] = [TodoError]
    for kind in found:
        kinds.add(kind.__name__)
        found += kind.__subclasses__()
    # Those of one record, which come after its place in the file.
    parts = ("json_text", "taskwarrior_file", "candidates")
    messages = []
    for path in Path(todo_cli.__file__).parent.rglob("*.py"):
        if path.stem not in parts:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            messages += list(messages_in(tree, kinds))

    assert len(messages) > 100
    right = re.compile(r"[A-Z`]|[a-z]+: |line |db\.example")
    assert [each for each in messages if not right.match(each)] == []
