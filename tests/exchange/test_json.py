"""JSON: an array of tasks, or what `--json` prints, value by value."""

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.exchange.support import (
    NOW,
    depths,
    examples,
    faults_of,
    kept_of,
    read_all,
    tasks_of,
    write_all,
)
from todo_cli.exchange.source import LONGEST
from todo_cli.exchange.task_json import draft_of
from todo_cli.output.envelope import success
from todo_cli.task import Task, task_values

ID = UUID("6f9619ff-8b86-4d01-b42d-00cf4fc964ff")
ONE = Task(
    ID, 1, "ada", "Käse\\ 🧀", "a\nb", False, NOW, NOW, None, tags=["a"]
)
TWO = Task(UUID(int=2), 2, "ada", "two", None, True, NOW, NOW, NOW)
PART = 65_536


def titles(text: str) -> list[str]:
    return [task.title for task in tasks_of("json", text.encode())]


def faults(text: str) -> list[str]:
    return faults_of("json", text.encode())


@pytest.mark.spec("002/FR-280")
def test_writes_an_array_with_a_task_a_line() -> None:
    written = write_all("json", [ONE, TWO]).decode()

    assert json.loads(written) == [task_values(ONE), task_values(TWO)]
    assert written.count("\n") == 4
    assert written.startswith('[\n{"id": "6f9619ff')
    assert "Käse" in written


def test_writes_no_task_as_an_empty_array() -> None:
    assert write_all("json", []) == b"[\n]\n"
    assert titles("[\n]\n") == titles(" [ ] ") == []


@pytest.mark.spec("002/FR-280")
@pytest.mark.parametrize("odd", ["a\u202eb", "a\x7fb", "a\x9bb", "a\ud800b"])
def test_writes_what_could_control_a_terminal_as_an_escape(odd: str) -> None:
    task = Task(ID, 1, "ada", odd, None, False, NOW, NOW, None)

    for format in ("json", "ndjson"):
        written = write_all(format, [task])
        assert written.isascii()
        assert b"\x7f" not in written
        assert json.loads(written.strip(b"[\n]"))["title"] == odd


@pytest.mark.spec("002/FR-280")
@pytest.mark.parametrize(
    "data",
    [
        [task_values(ONE), task_values(TWO)],
        task_values(ONE),
        [],
        [task_values(ONE)] * 300,
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("is_sorted", [False, True])
def test_reads_what_the_program_prints(
    data: Any, indent: int | None, is_sorted: bool
) -> None:
    document = json.loads(success(data, "said"))
    text = json.dumps(document, indent=indent, sort_keys=is_sorted)

    found = tasks_of("json", text.encode())

    assert [task_values(task) for task in found] == (
        data if isinstance(data, list) else [data]
    )


def test_reads_a_dry_run_and_members_of_later_versions() -> None:
    text = '{"dry_run":true,"next":null,"data":[{"title":"x"}],"success":true}'

    assert titles(text) == ["x"]


@pytest.mark.spec("002/FR-280")
def test_reads_one_object_alone() -> None:
    assert titles('{"title": "x"}') == ["x"]
    assert titles('{"data": {"title": "x"}}') == ["x"]


@pytest.mark.spec("002/FR-280")
def test_unknown_members_are_kept_as_text() -> None:
    text = '[{"title":"x","a":"b\\nc","n":1.5,"o":{"ä":[1,null]},"none":null}]'

    found = read_all("json", text.encode())

    assert found[0].task is not None
    assert found[0].task.description == 'a: b\nc\nn: 1.5\no: {"ä": [1, null]}'
    assert kept_of(found) == {"attribute": 3}


@pytest.mark.spec("002/FR-281")
@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "index 0: is empty"),
        (" \n", "index 0: is empty"),
        ("nothing", "index 0: is not valid JSON: Expecting value (line 1)"),
        (
            "\n\n{x",
            "index 0: is not valid JSON: Expecting property name enclosed in double quotes (line 3)",
        ),
        ("1", "index 0: must be an object"),
        ('"x"', "index 0: must be an object"),
        ("null", "index 0: must be an object"),
        ("[1]", "index 0: must be an object"),
        ("[[]]", "index 0: must be an object"),
        (
            '[{"title": "x"}',
            "index 1: is cut off: the file ends in the middle of it",
        ),
        (
            '[{"title": "x"},',
            "index 1: is cut off: the file ends in the middle of it",
        ),
        (
            '[{"title": "x"}, {"ti',
            "index 1: is cut off: the file ends in the middle of it",
        ),
        (
            '[{"title": "x"}, {"title": 1',
            "index 1: is cut off: the file ends in the middle of it",
        ),
        (
            '[{"title": "x"},\n]',
            "index 1: is not valid JSON: Expecting value (line 2)",
        ),
        (
            '[{"title": "x"} {"title": "y"}]',
            "index 1: must have `,` or `]`, in line 1",
        ),
        (
            '[{"title": "x"}]\n]',
            "index 1: must have nothing after its end, in line 2",
        ),
        (
            '{"title": "x"}\n{"title": "y"}',
            "index 1: must have nothing after its end, in line 2",
        ),
        ('[{"title": "x", "title": "y"}]', "index 0: has `title` twice"),
        ('[{"a": {"b": 1, "c": 1, "c": 2}}]', "index 0: has `c` twice"),
        ('[{"title": NaN}]', "index 0: has NaN, which is not JSON"),
        (
            '[{"title": -Infinity}]',
            "index 0: has -Infinity, which is not JSON",
        ),
        (
            '[{"title": 1e400}]',
            "index 0: has the number 1e400, which is too large",
        ),
        (
            '[{"title": -1e400}]',
            "index 0: has the number -1e400, which is too large",
        ),
        (
            '[{"number": 1' + "0" * 10_000 + "}]",
            "index 0: has a number with too many digits",
        ),
        ("[" * 100_000, "index 0: is nested too deeply"),
        (
            '[{"title": "x", "a": ' + "[" * 100_000,
            "index 0: is nested too deeply",
        ),
        (
            '{"success": false, "error": {"code": "USAGE"}}',
            "index 0: is the answer of a command that failed",
        ),
        ('{"success": true, "message": ""}', "index 0: has no `data`"),
        ('{"data": [], "data": []}', "index 0: has `data` twice"),
        (
            '{"data": [], 1: 2}',
            "index 0: must have a name in quotes, in line 1",
        ),
        (
            '{"data": [], "x" 2}',
            "index 0: must have `:` after a name, in line 1",
        ),
        (
            '{"data": [], "x"',
            "index 0: is cut off: the file ends in the middle of it",
        ),
        (
            '{"data": [{"title": "x"}]',
            "index 1: is cut off: the file ends in the middle of it",
        ),
        ('{"data": 1}', "index 0: must be an object"),
        (
            '[{"title": ""}]',
            "index 0: title: must not be empty",
        ),
        ("[{}]", "index 0: title: is missing"),
    ],
)
def test_what_is_no_task_is_a_fault_with_its_place(
    text: str, fault: str
) -> None:
    assert faults(text) == [fault]


def test_value_too_deep_to_be_written_is_a_fault() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    draft = draft_of("index 0", {"title": "x", "a": deep}, "")

    assert draft.fault is not None
    assert draft.fault.message == "is nested too deeply"


def test_value_of_any_depth_is_kept_or_a_fault() -> None:
    for depth in depths():
        text = '[{"title":"x","a":' + "[" * depth + "]" * depth + "}]"
        found = read_all("json", text.encode())
        assert len(found) == 1


@pytest.mark.spec("002/FR-281")
def test_bad_records_are_all_named() -> None:
    text = '[{"title": "x"}, 1, {"title": 2}, {"title": "y", "number": 0}]'

    assert faults(text) == [
        "index 1: must be an object",
        "index 2: title: must be text",
        "index 3: number: must be an integer from 1 to 2147483647",
    ]


@pytest.mark.spec("002/FR-281")
def test_no_cut_makes_an_import_shorter() -> None:
    whole = write_all("json", [ONE, TWO]).decode().rstrip()

    for length in range(len(whole)):
        assert faults(whole[:length]), length


@pytest.mark.parametrize("before", range(PART - 60, PART + 2, 7))
def test_values_across_the_parts_of_a_file_are_read(before: int) -> None:
    values: list[dict[str, Any]] = [
        {"title": "x", "number": 12345, "tags": ["a"], "completed": True},
        {"title": "y" * 150, "description": "z" * 9000},
    ] * 20
    text = " " * before + json.dumps(values)

    found = tasks_of("json", text.encode())

    assert [task.title for task in found] == [one["title"] for one in values]
    assert [task.number for task in found[::2]] == [12345] * 20


def test_number_at_the_end_of_a_part_goes_on() -> None:
    text = "[" + " " * (PART - 4) + "123" + "45" + "]"

    assert faults(text) == ["index 0: must be an object"]
    assert faults(" " * (PART - 2) + "12") == ["index 0: must be an object"]


def test_line_of_a_fault_far_below_is_right() -> None:
    lines = ['{"title": "x"},'] * 10_000
    text = "[" + "\n".join(lines) + "\n{]"

    assert faults(text) == [
        "index 10000: is not valid JSON: Expecting property name enclosed "
        "in double quotes (line 10001)"
    ]


def test_record_longer_than_any_is_refused() -> None:
    text = '[{"title": "x", "a": "' + "b" * (LONGEST + PART) + '"}]'

    assert faults(text) == ["index 0: has more than 4,194,304 characters"]


@examples(30)
@given(
    st.lists(
        st.dictionaries(
            st.text(max_size=3),
            st.recursive(
                st.none()
                | st.booleans()
                | st.integers()
                | st.text(max_size=5),
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(st.text(max_size=2), inner, max_size=3)
                ),
                max_leaves=5,
            ),
            max_size=4,
        ),
        max_size=6,
    ),
    st.sampled_from([None, 1]),
    st.booleans(),
)
def test_any_json_of_python_is_read_record_by_record(
    values: list[dict[str, Any]], indent: int | None, is_ascii: bool
) -> None:
    for value in values:
        value["title"] = "x"
    text = json.dumps(values, indent=indent, ensure_ascii=is_ascii)

    found = read_all("json", text.encode("utf-8", "replace"))

    assert len(found) == len(values)
