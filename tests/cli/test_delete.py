"""`todo delete REF...`, and when it asks."""

import io

import pytest

from tests.cli.expect import (
    add,
    assert_document,
    assert_refused,
    assert_words,
    tasks_of,
    titles_of,
)
from tests.support.program import Ran, Surroundings, Todo
from tests.support.stores import Clock

NO = [
    pytest.param(b"n\n", id="n"),
    pytest.param(b"no\n", id="no"),
    pytest.param(b"\n", id="return"),
    pytest.param(b"", id="end of input"),
    pytest.param(b"3\n", id="a number"),
    pytest.param(b"\xff\n", id="not utf-8"),
]


def run_with_terminals(
    surroundings: Surroundings,
    clock: Clock,
    *arguments: str,
    stdin: bool,
    stdout: bool,
    stderr: bool,
    typed: bytes,
) -> Ran:
    """Run a command with some of the streams as terminals."""
    from todo_cli.cli.env import Env
    from todo_cli.cli.main import main

    out, err = io.BytesIO(), io.BytesIO()
    env = Env(
        variables=surroundings.variables("ada", {}),
        cwd=surroundings.cwd,
        home=surroundings.home,
        login="tester",
        stdin=io.BytesIO(typed),
        stdout=out,
        stderr=err,
        stdin_is_terminal=stdin,
        stdout_is_terminal=stdout,
        stderr_is_terminal=stderr,
        now=clock,
    )
    return Ran(main(arguments, env), out.getvalue().decode(), err.getvalue().decode())


@pytest.mark.spec("002/FR-019")
def test_delete_removes_a_task_and_answers_with_it_as_it_was(
    todo: Todo, clock: Clock
) -> None:
    add(todo, "one", "two")
    before = tasks_of(todo)
    clock.tick(60)

    assert todo("delete", "1", "--json").data == before[1]
    assert tasks_of(todo) == before[:1]
    assert_refused(todo, "show", "1", code="NOT_FOUND")


@pytest.mark.spec("002/FR-019")
def test_delete_gives_no_number_back(todo: Todo) -> None:
    add(todo, "one", "two", "three")
    todo("delete", "3", "2")

    assert todo("add", "four", "--json").data["number"] == 4
    todo("delete", "1", "4")
    assert todo("add", "five", "--json").data["number"] == 5


@pytest.mark.spec("002/FR-056")
@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_delete_prints_one_line_a_task_in_the_order_asked(
    todo: Todo, terminal: bool
) -> None:
    add(todo, "one", "two", "three")

    assert todo("delete", "3", "1", terminal=terminal) == Ran(
        0, "Deleted 3: three\nDeleted 1: one\n", ""
    )


@pytest.mark.spec("002/FR-020")
@pytest.mark.parametrize(
    "refs",
    [
        pytest.param(["1", "99"], id="missing last"),
        pytest.param(["99", "1"], id="missing first"),
        pytest.param(["1-3", "90-99"], id="empty range"),
        pytest.param(["1", "0b2f6d7e-5a44-4f7c-9d4e-1f3f6f0f8a11"], id="missing id"),
    ],
)
def test_delete_is_all_or_nothing(todo: Todo, refs: list[str]) -> None:
    add(todo, "one", "two", "three")
    before = tasks_of(todo)

    assert_refused(todo, "delete", "--yes", *refs, code="NOT_FOUND", names=["ada"])

    assert tasks_of(todo) == before


@pytest.mark.spec("002/FR-019")
@pytest.mark.spec("002/FR-025")
def test_delete_again_is_not_found(todo: Todo) -> None:
    add(todo, "one", "two")
    todo("delete", "1")

    assert_refused(todo, "delete", "1", code="NOT_FOUND", names=["1", "ada"])


@pytest.mark.spec("002/FR-022")
@pytest.mark.parametrize(
    "refs",
    [
        pytest.param(["1", "2", "3"], id="three numbers"),
        pytest.param(["1-3"], id="range"),
        pytest.param(["1,2-3"], id="list"),
        pytest.param(["1-1000"], id="range with holes"),
    ],
)
def test_delete_of_three_off_a_terminal_needs_yes(todo: Todo, refs: list[str]) -> None:
    add(todo, "one", "two", "three")
    before = tasks_of(todo)

    assert_refused(
        todo,
        "delete",
        *refs,
        stdin=b"y\n",
        code="CONFIRMATION_REQUIRED",
        names=["--yes"],
    )

    assert tasks_of(todo) == before


@pytest.mark.spec("002/FR-022")
@pytest.mark.parametrize("option", ["-y", "--yes"])
@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_delete_of_three_with_yes_asks_nothing(
    todo: Todo, option: str, terminal: bool
) -> None:
    add(todo, "one", "two", "three", "four")

    ran = todo("delete", "1-3", option, terminal=terminal)

    assert ran == Ran(0, "Deleted 1: one\nDeleted 2: two\nDeleted 3: three\n", "")
    assert titles_of(todo) == ["four"]


@pytest.mark.spec("002/FR-022")
def test_delete_of_three_with_yes_answers_in_json(todo: Todo) -> None:
    add(todo, "one", "two", "three")
    before = tasks_of(todo)

    assert todo("delete", "1-3", "--yes", "--json").data == before[::-1]
    assert tasks_of(todo) == []


@pytest.mark.spec("002/FR-022")
def test_delete_of_three_with_json_never_asks_even_at_a_terminal(todo: Todo) -> None:
    add(todo, "one", "two", "three")

    ran = todo("delete", "1-3", "--json", terminal=True, stdin=b"y\n")

    assert_document(ran, code="CONFIRMATION_REQUIRED", names=["--yes"])
    assert titles_of(todo) == ["one", "two", "three"]


@pytest.mark.spec("002/FR-021")
@pytest.mark.parametrize(
    ("refs", "words"),
    [
        pytest.param(["1", "2"], "Deleted 1: one\nDeleted 2: two\n", id="two numbers"),
        pytest.param(["1", "1", "1,1"], "Deleted 1: one\n", id="the same four times"),
        pytest.param(["3-1000"], "Deleted 3: three\n", id="a range that holds one"),
    ],
)
@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_delete_of_fewer_than_three_tasks_never_asks(
    todo: Todo, refs: list[str], words: str, terminal: bool
) -> None:
    add(todo, "one", "two", "three")

    assert todo("delete", *refs, terminal=terminal) == Ran(0, words, "")


@pytest.mark.spec("002/FR-021")
@pytest.mark.parametrize("typed", [b"y\n", b"Y\n", b"yes\n"], ids=["y", "Y", "yes"])
def test_delete_of_three_at_a_terminal_asks_and_obeys_a_yes(
    todo: Todo, typed: bytes
) -> None:
    add(todo, "one", "two", "three", "four")

    ran = todo("delete", "1-3", terminal=True, stdin=typed)

    assert (ran.status, ran.out) == (
        0,
        "Deleted 1: one\nDeleted 2: two\nDeleted 3: three\n",
    )
    assert "3" in ran.err
    assert titles_of(todo) == ["four"]


@pytest.mark.spec("002/FR-021")
@pytest.mark.spec("002/FR-044")
@pytest.mark.parametrize("typed", NO)
def test_delete_of_three_at_a_terminal_obeys_anything_but_a_yes_as_no(
    todo: Todo, typed: bytes
) -> None:
    add(todo, "one", "two", "three")
    before = tasks_of(todo)

    ran = todo("delete", "1-3", terminal=True, stdin=typed)

    assert (ran.status, ran.out) == (10, "")
    assert tasks_of(todo) == before


@pytest.mark.spec("002/FR-021")
def test_delete_asks_where_only_stdout_is_no_terminal(
    todo: Todo, surroundings: Surroundings, clock: Clock
) -> None:
    add(todo, "one", "two", "three")

    ran = run_with_terminals(
        surroundings,
        clock,
        "delete",
        "1-3",
        stdin=True,
        stdout=False,
        stderr=True,
        typed=b"y\n",
    )

    assert (ran.status, ran.out) == (
        0,
        "Deleted 1: one\nDeleted 2: two\nDeleted 3: three\n",
    )
    assert "3" in ran.err


@pytest.mark.spec("002/FR-022")
@pytest.mark.parametrize(
    ("stdin", "stderr"),
    [(True, False), (False, True)],
    ids=["stdin only", "stderr only"],
)
def test_delete_asks_nobody_where_stdin_or_stderr_is_no_terminal(
    todo: Todo, surroundings: Surroundings, clock: Clock, stdin: bool, stderr: bool
) -> None:
    add(todo, "one", "two", "three")

    ran = run_with_terminals(
        surroundings,
        clock,
        "delete",
        "1-3",
        stdin=stdin,
        stdout=True,
        stderr=stderr,
        typed=b"y\n",
    )

    assert_words(ran, status=2, names=["--yes"])
    assert titles_of(todo) == ["one", "two", "three"]


@pytest.mark.spec("002/FR-028")
def test_delete_never_counts_tasks_of_another_user(todo: Todo) -> None:
    add(todo, "hers")
    add(todo, "his", "his too", "his three", user="bob")

    assert todo("delete", "1-100") == Ran(0, "Deleted 1: hers\n", "")
    assert titles_of(todo, "bob") == ["his", "his too", "his three"]


@pytest.mark.spec("002/FR-036")
def test_delete_without_a_ref_is_a_usage_error(todo: Todo) -> None:
    assert_refused(todo, "delete", code="USAGE")
    assert_refused(todo, "delete", "--yes", code="USAGE")
