"""One document for a result or an error: its keys, their order, and text that any
reader can take.
"""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.output.values import done, task, whole
from tests.support.texts import FAMILY, MIXED, PERSIAN
from todo_cli.errors import Detail, InvalidInput, NotFound
from todo_cli.output.envelope import (
    failure,
    success,
    success_in_parts,
)
from todo_cli.rules import REFUSED
from todo_cli.task import Task, task_values


@pytest.mark.spec("002/FR-040")
def test_success_is_one_line_with_three_keys() -> None:
    document = success([], "0 open, 0 done")

    assert (
        document
        == '{"success": true, "data": [], "message": "0 open, 0 done"}\n'
    )


@pytest.mark.spec("002/FR-040", "002/FR-225")
def test_success_says_that_it_was_only_a_trial() -> None:
    document = success([], "Would purge 0 tasks", is_trial=True)

    assert json.loads(document) == {
        "success": True,
        "data": [],
        "message": "Would purge 0 tasks",
        "dry_run": True,
    }


@pytest.mark.parametrize("count", [0, 1, 3])
def test_success_in_parts_is_the_same_document(count: int) -> None:
    tasks = [
        task(number, f"{MIXED} \x7f {FAMILY}", description='a\n"b"\u202e')
        for number in range(count)
    ]
    message = f'{PERSIAN} "x"'

    parts = [*success_in_parts(tasks, message)]

    assert "".join(parts) == success(tasks, message)
    assert len(parts) == count + 2


@pytest.mark.spec("002/FR-042")
def test_success_writes_a_task_with_all_its_keys_in_order() -> None:
    document = json.loads(
        success(task(7, "Buy milk", description="2 l"), "Added 7: Buy milk")
    )

    assert list(document["data"]) == list(Task.__slots__)
    assert document["data"] == whole(
        id="00000000-0000-0000-0000-000000000007",
        number=7,
        user_id="ada",
        title="Buy milk",
        description="2 l",
        completed=False,
        created_at="2026-01-02T01:04:05.000000Z",
        updated_at="2026-01-02T01:04:05.000000Z",
        completed_at=None,
    )


def test_success_writes_lists_of_tasks_and_plain_values() -> None:
    tasks = json.loads(success([task(1), done(2)], "2 tasks"))["data"]

    assert [one["number"] for one in tasks] == [1, 2]
    assert tasks[1]["completed_at"] == "2026-01-02T02:04:05.000000Z"
    assert json.loads(success({"version": "1.0"}, "todo 1.0"))["data"] == {
        "version": "1.0"
    }


@pytest.mark.spec("002/FR-043")
def test_success_keeps_text_as_it_is_but_for_what_is_refused() -> None:
    document = success(
        task(1, f"{FAMILY} {PERSIAN} {MIXED}", description='a\n\t"b"\\'), ""
    )

    assert FAMILY in document
    assert PERSIAN in document
    assert r"a\u001b[31mb\u202ec\u009bd\u2028e\udcfff\u007f" in document
    assert REFUSED.findall(document) == ["\n"]
    assert json.loads(document)["data"]["description"] == 'a\n\t"b"\\'
    assert json.loads(document)["data"]["title"].endswith(MIXED)


@given(st.text(st.characters()), st.text(st.characters()))
def test_success_is_utf8_on_one_line_whatever_the_text(
    title: str, message: str
) -> None:
    document = success(task(1, title), message)

    assert document.encode().decode().count("\n") == 1
    assert json.loads(document)["data"]["title"] == title
    assert json.loads(document)["message"] == message


def test_success_never_writes_what_json_does_not_have() -> None:
    with pytest.raises(ValueError, match="JSON"):
        success({"latency_s": float("nan")}, "")


@pytest.mark.spec("002/FR-040")
def test_failure_has_code_and_message_and_only_what_there_is_besides() -> None:
    detail: Detail = {"field": "title", "message": "too long"}
    full = InvalidInput("title: too long", hint="", details=[detail])
    body = {"code": "INVALID_INPUT", "message": "title: too long", "hint": ""}

    assert failure(NotFound("No task 7 for ada")) == (
        '{"success": false, "error": {"code": "NOT_FOUND", "message": "No task 7 for ada"}}\n'
    )
    assert json.loads(failure(full)) == {
        "success": False,
        "error": body | {"details": [detail]},
    }
    assert json.loads(failure(NotFound(MIXED)))["error"]["message"] == MIXED


def test_task_values_write_times_and_ids_as_text() -> None:
    instant = datetime(1, 1, 1, tzinfo=UTC)
    values = task_values(done(1, created_at=instant))

    assert values["created_at"] == "0001-01-01T00:00:00.000000Z"
    assert values["id"] == str(UUID(int=1))
