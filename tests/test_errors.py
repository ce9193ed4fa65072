"""The one table of codes covers every class, and every class has a code of its own."""

import re
from collections.abc import Iterator

import pytest

from todo_cli import errors
from todo_cli.errors import STATUSES, Code, InvalidInput, NotFound, TodoError

# The contract, written out a second time on purpose.
EXITS = {
    1: {"INTERNAL"},
    2: {"USAGE", "INVALID_INPUT", "CONFIRMATION_REQUIRED"},
    3: {"NOT_FOUND"},
    4: {"AUTH_FAILED", "FORBIDDEN"},
    5: {"CONFLICT"},
    6: {"DATABASE_UNAVAILABLE", "DATABASE_BUSY", "TIMEOUT"},
    7: {"OUTCOME_UNKNOWN"},
    8: {"CONFIG", "TLS_FAILED", "SCHEMA"},
    9: {"IO_ERROR"},
    10: {"CANCELLED"},
    None: {"METHOD_NOT_ALLOWED", "PAYLOAD_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE"},
}
HTTP = {
    500: {
        "INTERNAL",
        "AUTH_FAILED",
        "FORBIDDEN",
        "OUTCOME_UNKNOWN",
        "CONFIG",
        "TLS_FAILED",
        "SCHEMA",
        "IO_ERROR",
    },
    422: {"USAGE", "INVALID_INPUT", "CONFIRMATION_REQUIRED"},
    404: {"NOT_FOUND"},
    409: {"CONFLICT"},
    503: {"DATABASE_UNAVAILABLE", "DATABASE_BUSY"},
    504: {"TIMEOUT"},
    405: {"METHOD_NOT_ALLOWED"},
    413: {"PAYLOAD_TOO_LARGE"},
    415: {"UNSUPPORTED_MEDIA_TYPE"},
    None: {"CANCELLED"},
}


def kinds(parent: type[TodoError] = TodoError) -> Iterator[type[TodoError]]:
    """Every class of error that has no class below it in the same module."""
    below = [
        child
        for child in parent.__subclasses__()
        if child.__module__ == errors.__name__
    ]
    if not below:
        yield parent
    for child in below:
        yield from kinds(child)


KINDS = list(kinds())


@pytest.mark.spec("002/FR-044")
def test_statuses_are_those_of_the_contract() -> None:
    exits = {
        code.value: exit for exit, codes in EXITS.items() for code in map(Code, codes)
    }
    http = {
        code.value: status
        for status, codes in HTTP.items()
        for code in map(Code, codes)
    }

    assert {code.value: status.exit for code, status in STATUSES.items()} == exits
    assert {code.value: status.http for code, status in STATUSES.items()} == http


def test_statuses_cover_every_code_in_words() -> None:
    assert list(STATUSES) == list(Code)
    for status in STATUSES.values():
        assert re.fullmatch(r"[a-z\"].*[^.]", status.meaning), status


def test_code_has_the_same_name_and_value() -> None:
    assert [code.name for code in Code] == [code.value for code in Code]


def test_kinds_have_a_code_each_and_no_two_share_one() -> None:
    codes = [kind.code for kind in KINDS]

    assert len(codes) == len(set(codes))
    assert all("code" in vars(kind) for kind in KINDS)


def test_kinds_cover_every_code_that_the_command_line_knows() -> None:
    assert {kind.code for kind in KINDS} == {
        code for code, status in STATUSES.items() if status.exit is not None
    }


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_kinds_keep_message_hint_and_details(kind: type[TodoError]) -> None:
    bare = kind("It failed")
    full = kind(
        "It failed",
        hint="try again",
        details=[{"field": "title", "message": "too long"}],
    )

    assert (str(bare), bare.message, bare.hint, bare.details) == (
        "It failed",
        "It failed",
        None,
        (),
    )
    assert (full.hint, full.details) == (
        "try again",
        ({"field": "title", "message": "too long"},),
    )


def test_todo_error_is_a_bug_unless_said_otherwise() -> None:
    assert TodoError("It failed").code is Code.INTERNAL


def test_invalid_input_names_its_field_in_message_and_details() -> None:
    error = InvalidInput.of("title", "must not be empty")

    assert type(error) is InvalidInput
    assert error.message == "title: must not be empty"
    assert error.details == ({"field": "title", "message": "must not be empty"},)


def test_errors_can_be_raised_and_caught_as_one() -> None:
    with pytest.raises(TodoError, match="No task 7"):
        raise NotFound("No task 7 for ada")
