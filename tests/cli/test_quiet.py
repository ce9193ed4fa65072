"""`-q`: the numbers alone, for scripts."""

import json

import pytest

from tests.cli.expect import add
from tests.support.program import PtyProcess, Todo

pytestmark = pytest.mark.spec("002/FR-480")


def test_each_command_that_answers_with_tasks_prints_their_numbers(
    todo: Todo,
) -> None:
    assert todo("add", "-q", "milk").out == "1\n"
    assert todo("add", "-", "--quiet", stdin=b"bread\neggs\n").out == "2\n3\n"
    assert todo("list", "-q").out == "3\n2\n1\n"
    assert todo("show", "2", "-q").out == "2\n"
    assert todo("update", "1-2", "-p", "high", "-q").out == "1\n2\n"
    assert todo("note", "3", "brown ones", "-q").out == "3\n"
    assert todo("edit", "3", "--form", "-", "-q", stdin=b"egg\n").out == "3\n"
    assert todo("done", "3,1", "-q").out == "3\n1\n"
    assert todo("undo", "-q").out == "1\n3\n"
    assert todo("redo", "-q").out == "1\n3\n"
    assert todo("delete", "2", "-q").out == "2\n"
    assert todo("restore", "2", "-q").out == "2\n"
    assert todo("history", "-q", "-L", "2").out == "10\n9\n"
    assert todo("purge", "1", "--yes", "-q").out == "1\n"


def test_nothing_is_printed_of_no_tasks(todo: Todo) -> None:
    for words in (["list", "-q"], ["history", "-q"], ["add", "-", "-q"]):
        ran = todo(*words, stdin=b"")

        assert (ran.status, ran.out, ran.err) == (0, "", "")


def test_a_terminal_gets_numbers_and_no_hint(todo: Todo) -> None:
    ran = todo("add", "-q", "milk +home", terminal=True)
    gone = todo("delete", "1", "-q", terminal=True)

    assert (ran.out, ran.err) == ("1\n", "")
    assert (gone.out, gone.err) == ("1\n", "")


def test_a_trial_prints_what_would_be_changed(todo: Todo) -> None:
    add(todo, "milk")

    assert todo("done", "1", "-q", "--dry-run").out == "1\n"
    assert todo("list", "-q").out == "1\n"


def test_errors_are_as_without(todo: Todo) -> None:
    plain, quiet = todo("done", "7"), todo("done", "7", "-q")

    assert (quiet.status, quiet.out, quiet.err) == (3, "", plain.err)


@pytest.mark.parametrize("env", [{}, {"TODO_OUTPUT": "json"}])
def test_json_is_refused_before_anything_is_done(
    todo: Todo, env: dict[str, str]
) -> None:
    words = ["--json"] if not env else []
    ran = todo("add", "-q", "milk", *words, env=env)

    assert ran.status == 2
    assert json.loads(ran.out)["error"]["code"] == "USAGE"
    assert todo("list", "-q").out == ""


def test_what_has_no_tasks_to_answer_with_has_no_such_option(
    todo: Todo, pty_process: PtyProcess
) -> None:
    for words in (["stats"], ["export"], ["import", "-"], ["doctor"]):
        assert todo(*words, "-q").status == 2
    assert pty_process("list", "--watch", "-q").status == 2
