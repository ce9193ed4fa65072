"""NDJSON: a task a line; a bad line does not hide the others."""

import json
from uuid import UUID

import pytest

from tests.exchange.support import (
    NOW,
    faults_of,
    kept_of,
    read_all,
    tasks_of,
    write_all,
)
from todo_cli.exchange.ndjson_file import looks_like
from todo_cli.task import Task, task_values

ID = UUID("6f9619ff-8b86-4d01-b42d-00cf4fc964ff")
ONE = Task(ID, 1, "ada", "Käse", "a\nb", False, NOW, NOW, None, tags=["a"])
TWO = Task(UUID(int=2), 2, "ada", "two", None, True, NOW, NOW, NOW)


@pytest.mark.spec("002/FR-280")
def test_writes_a_task_a_line() -> None:
    written = write_all("ndjson", [ONE, TWO]).decode()

    first, second = written.splitlines()
    assert json.loads(first) == task_values(ONE)
    assert json.loads(second) == task_values(TWO)
    assert written.endswith("}\n")


@pytest.mark.spec("002/FR-280")
def test_blank_lines_are_passed_over_and_counted() -> None:
    data = b'\n{"title": "x"}\n  \n\t{"title": "y"} \r\n\n{"title": ""}'

    found = read_all("ndjson", data)

    assert [each.place for each in found] == ["line 2", "line 4", "line 6"]


@pytest.mark.spec("002/FR-281")
def test_bad_lines_are_all_named() -> None:
    data = "\n".join(
        [
            '{"title": "x"}',
            '{"title": "x"',
            "[]",
            "nothing",
            '{"title": "x"} {"title": "y"}',
            '{"title": "x", "title": "y"}',
            '{"title": NaN}',
            '{"title": "x", "a": ' + "[" * 100_000,
            '{"title": 1' + "0" * 5000 + "}",
            '{"title": "\\ud800"}',
            '\u3000{"title": "x"}',
            '{"title": "last"}',
        ]
    )

    assert faults_of("ndjson", data.encode()) == [
        "line 2: is not valid JSON: Expecting ',' delimiter (column 14)",
        "line 3: must be an object",
        "line 4: is not valid JSON: Expecting value (column 1)",
        "line 5: is not valid JSON: Extra data (column 16)",
        "line 6: has `title` twice",
        "line 7: has NaN, which is not JSON",
        "line 8: is nested too deeply",
        "line 9: has a number with too many digits",
        "line 10: title: must not contain the character U+D800 (position 1)",
        "line 11: is not valid JSON: Expecting value (column 1)",
    ]


@pytest.mark.spec("002/FR-280")
def test_unknown_members_are_kept_as_text() -> None:
    found = read_all("ndjson", b'{"title": "x", "later": [1]}')

    assert kept_of(found) == {"attribute": 1}


@pytest.mark.spec("002/FR-281")
def test_no_cut_makes_an_import_shorter() -> None:
    whole = write_all("ndjson", [ONE, TWO]).decode()
    first = whole.index("\n")
    at_a_line_end = {0, first, first + 1, len(whole) - 1}

    for length in range(len(whole)):
        found = faults_of("ndjson", whole[:length].encode())
        assert bool(found) == (length not in at_a_line_end), length


def test_file_without_lines_has_no_tasks() -> None:
    assert tasks_of("ndjson", b"") == tasks_of("ndjson", b"\n\n") == []


@pytest.mark.parametrize(
    ("head", "is_ndjson"),
    [
        ('{"title": "x"}\n', True),
        ('\n{"title": "x"}\n{"title": "y"}\n', True),
        ('{"title": "x"}', False),
        ('{\n"title": "x"}', False),
        ('{"success": true, "data": [], "message": ""}\n', False),
        ('{"data": []}\n', False),
        ('[{"title": "x"}]\n', False),
        ("", False),
        ("title\n", False),
    ],
)
def test_first_line_shows_what_it_is(head: str, is_ndjson: bool) -> None:
    assert looks_like(head) == is_ndjson
