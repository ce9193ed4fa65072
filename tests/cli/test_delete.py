"""`todo delete REF...`, and when it asks."""

import io
from collections.abc import Mapping

import pytest

from tests.cli.conftest import on_both_stores
from tests.cli.expect import (
    ID,
    add,
    assert_document,
    assert_refused,
    assert_words,
    tasks_of,
    titles_of,
)
from tests.support.program import Ran, Surroundings, Todo
from tests.support.stores import Clock

THREE = "Deleted 1: one\nDeleted 2: two\nDeleted 3: three\n"


@pytest.fixture
def four(todo: Todo) -> Todo:
    """The program on a store with four tasks."""
    add(todo, "one", "two", "three", "four")
    return todo


def run_with_terminals(
    surroundings: Surroundings,
    clock: Clock,
    *arguments: str,
    stdin: bool,
    stdout: bool,
    stderr: bool,
    env: Mapping[str, str] | None = None,
) -> Ran:
    """Run a command with some of the streams as terminals, and type yes."""
    from todo_cli.cli.env import Env
    from todo_cli.cli.main import main

    out, err = io.BytesIO(), io.BytesIO()
    surrounding = Env(
        variables=surroundings.variables("ada", env or {}),
        cwd=surroundings.cwd,
        home=surroundings.home,
        login="tester",
        stdin=io.BytesIO(b"y\n"),
        stdout=out,
        stderr=err,
        stdin_is_terminal=stdin,
        stdout_is_terminal=stdout,
        stderr_is_terminal=stderr,
        now=clock,
    )
    return Ran(
        main(arguments, surrounding),
        out.getvalue().decode(),
        err.getvalue().decode(),
    )


@on_both_stores
@pytest.mark.spec("002/FR-019", "002/FR-025")
def test_delete_removes_tasks_for_good_and_answers_with_them_as_they_were(
    four: Todo, clock: Clock
) -> None:
    before = tasks_of(four)
    clock.tick(60)

    data = four("delete", "4", "1", "--json").data

    assert data == [before[0], before[3]]
    assert tasks_of(four) == before[1:3]
    assert_refused(four, "delete", "1", code="NOT_FOUND", names=["1", "ada"])
    assert four("add", "five", "--json").data["number"] == 5


@pytest.mark.spec("002/FR-021", "002/FR-056")
@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_delete_of_fewer_than_three_tasks_never_asks(
    four: Todo, terminal: bool
) -> None:
    two = four("delete", "3", "1", terminal=terminal)
    same = four("delete", "2", "2", "2,2", terminal=terminal)
    holes = four("delete", "3-1000", terminal=terminal)

    assert two == Ran(0, "Deleted 3: three\nDeleted 1: one\n", "")
    assert same == Ran(0, "Deleted 2: two\n", "")
    assert holes == Ran(0, "Deleted 4: four\n", "")


@pytest.mark.spec("002/FR-020")
def test_delete_is_all_or_nothing(four: Todo) -> None:
    before = tasks_of(four)

    for refs in (["1", "99"], ["99", "1"], ["1-3", "90-99"], ["1", ID]):
        assert_refused(
            four, "delete", "--yes", *refs, code="NOT_FOUND", names=["ada"]
        )

    assert tasks_of(four) == before


@pytest.mark.spec("002/FR-022")
def test_delete_of_three_off_a_terminal_needs_yes(four: Todo) -> None:
    before = tasks_of(four)

    for refs in (["1", "2", "3"], ["1-3"], ["1,2-3"], ["2-1000"]):
        assert_refused(
            four,
            "delete",
            *refs,
            stdin=b"y\n",
            code="CONFIRMATION_REQUIRED",
            names=["--yes"],
        )

    assert tasks_of(four) == before


@pytest.mark.spec("002/FR-022")
@pytest.mark.parametrize("option", ["-y", "--yes"])
@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_delete_of_three_with_yes_asks_nothing(
    four: Todo, option: str, terminal: bool
) -> None:
    assert four("delete", "1-3", option, terminal=terminal) == Ran(
        0, THREE, ""
    )
    assert titles_of(four) == ["four"]


@pytest.mark.spec("002/FR-022")
def test_delete_of_three_with_json_never_asks_even_at_a_terminal(
    four: Todo,
) -> None:
    before = tasks_of(four)

    ran = four("delete", "1-3", "--json", terminal=True, stdin=b"y\n")
    sure = four("delete", "1-3", "--json", "--yes", terminal=True)

    assert_document(ran, code="CONFIRMATION_REQUIRED", names=["--yes"])
    assert sure.data == before[:0:-1]


@on_both_stores
@pytest.mark.spec("002/FR-021", "002/FR-026")
def test_delete_of_three_at_a_terminal_asks_and_obeys_a_yes(
    four: Todo,
) -> None:
    ran = four("delete", "3", "1-2", terminal=True, stdin=b"y\n")

    assert (ran.status, ran.out) == (
        0,
        "Deleted 3: three\nDeleted 1: one\nDeleted 2: two\n",
    )
    assert "3" in ran.err
    assert titles_of(four) == ["four"]


@pytest.mark.spec("002/FR-021", "002/FR-044")
def test_delete_of_three_at_a_terminal_takes_anything_but_a_yes_as_no(
    four: Todo,
) -> None:
    before = tasks_of(four)

    answers = {
        typed: four("delete", "1-3", terminal=True, stdin=typed)
        for typed in (
            b"n\n",
            b"no\n",
            b"\n",
            b"",
            b"3\n",
            b"\xff\n",
            b"yess\n",
        )
    }

    assert {
        typed: (ran.status, ran.out) for typed, ran in answers.items()
    } == (dict.fromkeys(answers, (10, "")))
    assert tasks_of(four) == before


@pytest.mark.spec("002/FR-021")
@pytest.mark.parametrize("typed", [b"Y\n", b"yes\n", b" y \n", b"y"])
def test_delete_of_three_at_a_terminal_knows_every_yes(
    four: Todo, typed: bytes
) -> None:
    assert four("delete", "1-3", terminal=True, stdin=typed).out == THREE


@pytest.mark.spec("002/FR-021")
def test_delete_asks_where_only_stdout_is_no_terminal(
    four: Todo, surroundings: Surroundings, clock: Clock
) -> None:
    ran = run_with_terminals(
        surroundings,
        clock,
        "delete",
        "1-3",
        stdin=True,
        stdout=False,
        stderr=True,
    )

    assert (ran.status, ran.out) == (0, THREE)
    assert "3" in ran.err


@pytest.mark.spec("002/FR-022")
@pytest.mark.parametrize(
    ("stdin", "stderr"),
    [(True, False), (False, True)],
    ids=["stdin", "stderr"],
)
def test_delete_asks_nobody_where_stdin_or_stderr_is_no_terminal(
    four: Todo,
    surroundings: Surroundings,
    clock: Clock,
    stdin: bool,
    stderr: bool,
) -> None:
    ran = run_with_terminals(
        surroundings,
        clock,
        "delete",
        "1-3",
        stdin=stdin,
        stdout=True,
        stderr=stderr,
    )

    assert_words(ran, status=2, names=["--yes"])
    assert titles_of(four) == ["one", "two", "three", "four"]


@pytest.mark.spec("002/FR-151")
def test_delete_asks_nobody_where_the_caller_says_that_nobody_is_there(
    four: Todo, surroundings: Surroundings, clock: Clock
) -> None:
    """An agent's pseudo-terminal waited for ever: jacebenson/jsn#159, dcdpr/jp PR 1072."""

    def delete(numbers: str, **env: str) -> Ran:
        return run_with_terminals(
            surroundings,
            clock,
            "delete",
            numbers,
            stdin=True,
            stdout=True,
            stderr=True,
            env=env,
        )

    for name in ("TODO_NO_INPUT", "CI"):
        for value in ("1", "true", "yes", "please", "-1", "2"):
            ran = delete("1-3", **{name: value})
            assert (ran.status, ran.out) == (2, ""), (name, value)
            assert "[y/N]" not in ran.err
    assert titles_of(four) == ["one", "two", "three", "four"]

    for value in ("", "0", "false", "FALSE", "no", "off", " "):
        add(four, "x", "y", "z")
        last = four("list", "--limit", "1", "--json").data[0]["number"]
        off = {"TODO_NO_INPUT": value, "CI": value}
        ran = delete(f"{last - 2}-{last}", **off)
        assert (ran.status, "[y/N]" in ran.err) == (0, True), value


@pytest.mark.spec("002/FR-028")
def test_delete_never_counts_tasks_of_another_user(todo: Todo) -> None:
    add(todo, "hers")
    add(todo, "his", "his too", "his three", user="bob")

    assert todo("delete", "1-100") == Ran(0, "Deleted 1: hers\n", "")
    assert titles_of(todo, "bob") == ["his", "his too", "his three"]
