"""`todo purge REF...` and `todo purge --trash`, which ask before tasks are gone for good."""

import io
from collections.abc import Mapping

import pytest

from tests.cli.expect import (
    ID,
    add,
    assert_document,
    assert_refused,
    assert_words,
    tasks_of,
    titles_of,
)
from tests.conftest import Seal
from tests.service.backdoor import fetch_all
from tests.support.blocking import wait_for
from tests.support.program import PtyProcess, Ran, Surroundings, Todo
from tests.support.size import on_both_if_long
from tests.support.stores import Clock, Store

THREE = "Purged 1: one\nPurged 2: two\nPurged 3: three\n"
TRASH = ("list", "--status", "trash", "--json")
A_DAY = 24 * 60 * 60


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


@on_both_if_long
@pytest.mark.spec("002/FR-221", "002/FR-025")
def test_purge_removes_tasks_for_good_and_answers_with_them_as_they_were(
    four: Todo, clock: Clock
) -> None:
    four("delete", "1")
    [in_trash] = four(*TRASH).data
    before = tasks_of(four)
    clock.tick(60)

    data = four("purge", "4", "1", "--yes", "--json").data

    assert data == [before[0], in_trash]
    assert tasks_of(four) == before[1:]
    assert four(*TRASH).data == []
    for command in (["show"], ["restore"], ["purge", "--yes"]):
        assert_refused(four, *command, "1", code="NOT_FOUND", names=["ada"])
    assert four("add", "five", "--json").data["number"] == 5


@pytest.mark.spec("002/FR-221")
def test_purge_is_all_or_nothing(four: Todo) -> None:
    four("delete", "4")
    before = tasks_of(four), four(*TRASH).data

    for refs in (["1", "99"], ["99", "1"], ["1-3", "90-99"], ["4", ID]):
        assert_refused(
            four, "purge", "--yes", *refs, code="NOT_FOUND", names=["ada"]
        )

    assert (tasks_of(four), four(*TRASH).data) == before


@pytest.mark.spec("002/FR-022")
def test_purge_off_a_terminal_needs_yes(four: Todo) -> None:
    four("delete", "4")
    before = tasks_of(four), four(*TRASH).data

    for words in (["1"], ["1", "2"], ["1-3"], ["2-1000"], ["4"], ["--trash"]):
        assert_refused(
            four,
            "purge",
            *words,
            stdin=b"y\n",
            code="CONFIRMATION_REQUIRED",
            names=["--yes", "for good; nothing was changed"],
        )

    assert (tasks_of(four), four(*TRASH).data) == before


@pytest.mark.spec("002/FR-022")
@pytest.mark.parametrize("option", ["-y", "--yes"])
@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_purge_with_yes_asks_nothing(
    four: Todo, option: str, terminal: bool
) -> None:
    ran = four("purge", "1-3", option, terminal=terminal)

    assert ran == Ran(0, THREE, "")
    assert titles_of(four) == ["four"]


@pytest.mark.spec("002/FR-022")
def test_purge_with_json_never_asks_even_at_a_terminal(four: Todo) -> None:
    before = tasks_of(four)

    ran = four("purge", "1", "--json", terminal=True, stdin=b"y\n")
    sure = four("purge", "1", "--json", "--yes", terminal=True)

    assert_document(ran, code="CONFIRMATION_REQUIRED", names=["--yes"])
    assert sure.data == before[-1]


@on_both_if_long
@pytest.mark.spec("002/FR-021", "002/FR-026")
def test_purge_at_a_terminal_asks_and_obeys_a_yes(four: Todo) -> None:
    four("delete", "1")

    ran = four("purge", "3", "1-2", terminal=True, stdin=b"y\n")

    assert (ran.status, ran.out) == (
        0,
        "Purged 3: three\nPurged 1: one\nPurged 2: two\n",
    )
    assert ran.err == (
        "  3: three\n  1: one\n  2: two\nPurge 3 tasks for good? [y/N] "
    )
    assert titles_of(four) == ["four"]
    assert four(*TRASH).data == []


@pytest.mark.spec("002/FR-021", "002/FR-044", "002/FR-045")
def test_purge_at_a_terminal_takes_anything_but_a_yes_as_no(
    four: Todo,
) -> None:
    before = tasks_of(four)

    answers = {
        typed: four("purge", "1-3", terminal=True, stdin=typed)
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
    # It is no error. Without an answer, the question still waits on its line.
    for typed, ran in answers.items():
        end = "Nothing was purged\n"
        if not typed:
            end = f"\n{end}"
        assert ran.err.endswith(f"for good? [y/N] {end}"), typed
    assert tasks_of(four) == before


@pytest.mark.spec("002/FR-021")
@pytest.mark.parametrize("typed", [b"Y\n", b"yes\n", b" y \n", b"y"])
def test_purge_at_a_terminal_knows_every_yes(four: Todo, typed: bytes) -> None:
    assert four("purge", "1-3", terminal=True, stdin=typed).out == THREE


@pytest.mark.spec("002/FR-021")
def test_purge_asks_where_only_stdout_is_no_terminal(
    four: Todo, surroundings: Surroundings, clock: Clock
) -> None:
    ran = run_with_terminals(
        surroundings,
        clock,
        "purge",
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
def test_purge_asks_nobody_where_stdin_or_stderr_is_no_terminal(
    four: Todo,
    surroundings: Surroundings,
    clock: Clock,
    stdin: bool,
    stderr: bool,
) -> None:
    ran = run_with_terminals(
        surroundings,
        clock,
        "purge",
        "1-3",
        stdin=stdin,
        stdout=True,
        stderr=stderr,
    )

    assert_words(ran, status=2, names=["--yes"])
    assert titles_of(four) == ["one", "two", "three", "four"]


@pytest.mark.spec("002/FR-151")
def test_purge_asks_nobody_where_the_caller_says_that_nobody_is_there(
    four: Todo, surroundings: Surroundings, clock: Clock
) -> None:
    """An agent's pseudo-terminal waited for ever: jacebenson/jsn#159, dcdpr/jp PR 1072."""

    def purge(numbers: str, **env: str) -> Ran:
        return run_with_terminals(
            surroundings,
            clock,
            "purge",
            numbers,
            stdin=True,
            stdout=True,
            stderr=True,
            env=env,
        )

    for name in ("TODO_NO_INPUT", "CI"):
        for value in ("1", "true", "yes", "please", "-1", "2"):
            ran = purge("1-3", **{name: value})
            assert (ran.status, ran.out) == (2, ""), (name, value)
            assert "[y/N]" not in ran.err
    assert titles_of(four) == ["one", "two", "three", "four"]

    for value in ("", "0", "false", "FALSE", "no", "off", " "):
        add(four, "x", "y", "z")
        last = four("list", "--limit", "1", "--json").data[0]["number"]
        off = {"TODO_NO_INPUT": value, "CI": value}
        ran = purge(f"{last - 2}-{last}", **off)
        assert (ran.status, "[y/N]" in ran.err) == (0, True), value


# The trash


@on_both_if_long
@pytest.mark.spec("002/FR-221")
def test_purge_of_the_trash_takes_what_is_old_enough(
    four: Todo, clock: Clock
) -> None:
    four("delete", "2")
    clock.tick(20 * A_DAY)
    four("delete", "1")
    clock.tick(10 * A_DAY)
    four("delete", "3")

    nothing = "Nothing purged: the trash has no such task\n"

    def purge(*words: str) -> str:
        ran = four("purge", "--trash", "--yes", *words)
        assert (ran.status, ran.err) == (0, "")
        return "" if ran.out == nothing else ran.out

    assert purge("--older-than", "31d") == ""
    assert purge("--older-than", " 4W ") == "Purged 2: two\n"
    assert purge("--older-than", "1m") == ""
    for age in ("127y", "9999999d", "9999999y", f"{'9' * 5_000}w"):
        assert purge("--older-than", age) == ""
    assert purge("--older-than", "10d") == ""
    assert purge("--older-than", "9d") == "Purged 1: one\n"
    assert purge("--older-than", "0d") == ""
    clock.tick(1)
    assert purge("--older-than", "0d") == "Purged 3: three\n"
    assert purge() == ""
    assert titles_of(four) == ["four"]


@pytest.mark.spec("002/FR-221")
def test_purge_of_the_trash_says_that_there_is_nothing(four: Todo) -> None:
    for words in ([], ["--older-than", "30d"], ["--yes"], ["--dry-run"]):
        document = four("purge", "--trash", *words, "--json")
        assert document.data == []
        begin = "Nothing purged"
        if "--dry-run" in words:
            begin = "Would purge nothing"
        message = f"{begin}: the trash has no such task"
        assert document.json["message"] == message
        assert four("purge", "--trash", *words) == Ran(0, f"{message}\n", "")
    assert titles_of(four) == ["one", "two", "three", "four"]


@pytest.mark.spec("002/FR-021", "002/FR-221")
def test_purge_of_the_trash_asks_about_what_is_in_it(four: Todo) -> None:
    four("delete", "1-2")
    add(four, "his", user="bob")
    four("delete", "1", user="bob")

    no = four("purge", "--trash", terminal=True, stdin=b"n\n")
    yes = four("purge", "--trash", terminal=True, stdin=b"y\n")

    question = "  1: one\n  2: two\nPurge 2 tasks for good? [y/N] "
    assert (no.status, no.err.startswith(question)) == (10, True)
    assert yes == Ran(0, "Purged 1: one\nPurged 2: two\n", question)
    assert len(four(*TRASH, user="bob").data) == 1


@pytest.mark.spec("002/FR-221")
def test_purge_of_the_trash_keeps_what_is_restored_during_the_question(
    four: Todo, pty_process: PtyProcess
) -> None:
    four("delete", "1-3")

    with pty_process.start("purge", "--trash") as terminal:
        terminal.wait_for("[y/N] ")
        four("restore", "2")
        terminal.type(b"y\n")
        ran = terminal.finish()

    assert ran.status == 0
    assert "Purged 1: one\nPurged 3: three\n" in ran.out
    assert titles_of(four) == ["two", "four"]
    assert four(*TRASH).data == []


AGES = (
    "30",
    "d",
    "-3d",
    "+3d",
    "3h",
    "3 d",
    "1.5d",
    "\u0663d",
    "",
    "tomorrow",
)


@pytest.mark.spec("002/FR-221")
def test_purge_refuses_what_is_no_age(four: Todo) -> None:
    four("delete", "1")

    for age in AGES:
        assert_refused(
            four,
            *("purge", "--trash", "--yes", f"--older-than={age}"),
            code="INVALID_INPUT",
            names=["30d"],
        )
    for words in (["--older-than", "3d"], ["1", "--older-than", "3d"]):
        assert_refused(four, "purge", "--yes", *words, code="USAGE")
    assert_refused(four, "purge", "1", "--trash", "--yes", code="USAGE")
    assert_refused(four, "purge", "--yes", code="USAGE", names=["--trash"])

    assert len(four(*TRASH).data) == 1


# What is left


@pytest.mark.spec("002/FR-221")
def test_purge_leaves_no_trace_of_the_text_in_a_file(
    todo: Todo, seal: Seal
) -> None:
    secret, tag = "Zwetschgendatschi", "quittenbrot"
    todo("add", secret, "-d", f"{secret} notes", "-P", secret, "-t", tag)
    todo("update", "1", "--title", f"{secret} once more")
    todo("note", "1", f"{secret} again")
    todo("add", "other")
    todo("delete", "1")

    assert todo("purge", "1", "--yes").status == 0
    # The last connection empties the log into the file.
    assert todo("list").status == 0

    for path in seal.cwd.iterdir():
        data = path.read_bytes().lower()
        assert secret.lower().encode() not in data, path.name
        assert tag.encode() not in data, path.name
    [purged, *_] = todo("history", "1", "--json").data
    assert (purged["command"], purged["tasks"][0]["title"]) == ("purge", None)


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
@pytest.mark.spec("002/FR-221")
def test_purge_leaves_no_row_with_the_text_on_a_server(
    todo: Todo, store: Store
) -> None:
    secret = "zwetschgendatschi"
    todo("add", secret, "-d", secret, "-P", secret, "-t", secret)
    todo("update", "1", "--title", f"{secret} once more", "--add-tag", "x")
    todo("delete", "1")
    todo("undo")
    tables = [
        str(name)
        for (name,) in wait_for(
            fetch_all(
                store,
                "SELECT table_name FROM information_schema.tables"
                " WHERE table_schema = 'todo' AND table_type = 'BASE TABLE'",
            )
        )
    ]

    def found() -> set[str]:
        return {
            table
            for table in tables
            for (row,) in wait_for(
                fetch_all(store, f"SELECT t::text FROM todo.{table} t")
            )
            if secret in str(row)
        }

    assert found() == {"task", "tag", "change"}
    assert todo("purge", "1", "--yes").status == 0
    assert found() == set()
