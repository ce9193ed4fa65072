"""Whose tasks: where the user comes from."""

import pytest

from tests.cli.conftest import on_both_stores
from tests.cli.expect import ID, add, assert_refused, tasks_of, titles_of
from tests.conftest import Seal
from tests.support.program import Ran, Surroundings, Todo
from tests.support.stores import Clock, Store


def configure(seal: Seal, text: str) -> None:
    """Write the config file."""
    path = seal.home / ".config" / "todo" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)


@pytest.mark.spec("002/FR-034")
@pytest.mark.parametrize(
    ("option", "variable", "file", "login", "expected"),
    [
        (["--user", "opt"], "env", "file", "login", "opt"),
        ([], "env", "file", "login", "env"),
        ([], None, "file", "login", "file"),
        ([], None, None, "login", "login"),
        (["-u", "opt"], None, None, None, "opt"),
        (["-u", "first", "-u", "second"], "env", None, None, "second"),
    ],
    ids=str,
)
def test_user_is_the_first_that_is_named(
    surroundings: Surroundings,
    seal: Seal,
    clock: Clock,
    option: list[str],
    variable: str | None,
    file: str | None,
    login: str | None,
    expected: str,
) -> None:
    configure(seal, f'user = "{file}"\n' if file else "")
    todo = Todo(surroundings, clock, login)

    ran = todo("add", "Buy milk", "--json", *option, user=variable)

    assert ran.data["user_id"] == expected


@on_both_stores
@pytest.mark.spec("002/FR-074")
@pytest.mark.parametrize(
    ("option", "variable"),
    [(["-u", "bob"], "ada"), (["--user= bob "], "ada"), ([], "bob")],
    ids=["-u", "--user", "TODO_USER"],
)
def test_the_first_task_of_a_user_says_for_whom_the_list_is(
    todo: Todo, option: list[str], variable: str
) -> None:
    add(todo, "mine")

    first = todo("add", "one", *option, user=variable)
    second = todo("add", "two", *option, user=variable)

    assert first == Ran(0, "Added 1: one (new list for bob)\n", "")
    assert second == Ran(0, "Added 2: two\n", "")
    assert todo("delete", "1-2", *option, user=variable).status == 0
    assert (
        todo("add", "three", *option, user=variable).out == "Added 3: three\n"
    )


@pytest.mark.spec("002/FR-074")
def test_the_first_task_of_a_user_says_so_in_json_and_a_repeat_does_not(
    todo: Todo,
) -> None:
    add(todo, "mine")
    words = ("add", "one", "-u", "bob", "--id", ID, "--json")

    assert [todo(*words).json["message"] for _ in range(2)] == [
        "Added 1: one (new list for bob)",
        "Already there as 1: one",
    ]


@pytest.mark.spec("002/FR-074")
def test_the_first_lines_of_a_user_say_once_for_whom_the_list_is(
    todo: Todo,
) -> None:
    add(todo, "mine")

    first = todo("add", "-", "-u", "bob", stdin=b"one\ntwo\n")
    second = todo("add", "-", "-u", "bob", stdin=b"three\n")
    document = todo("add", "-", "-u", "eve", "--json", stdin=b"1\n2\n")

    assert first.out == "Added 1: one (new list for bob)\nAdded 2: two\n"
    assert second.out == "Added 3: three\n"
    assert document.json["message"] == "Added 2 tasks (new list for eve)"


@pytest.mark.spec("002/FR-074")
@pytest.mark.nothing_made
@pytest.mark.parametrize("words", [["add", "one"], ["add", "-"]], ids=" ".join)
def test_a_new_store_says_for_whom_where_a_flag_named_the_user(
    todo: Todo, store: Store, words: list[str]
) -> None:
    line = todo(*words, "-u", "bob", stdin=b"one\ntwo\n").out.splitlines()[0]

    assert line == f"Added 1: one (new list for bob in {store.target.place})"


@pytest.mark.spec("002/FR-035")
def test_user_must_not_be_empty(todo: Todo, seal: Seal) -> None:
    for name in ("", " ", "\u00a0"):
        assert_refused(
            todo, "add", "milk", "--user", name, code="USAGE", names=["--user"]
        )
        assert_refused(
            todo, "add", "milk", user=name, code="USAGE", names=["TODO_USER"]
        )
    configure(seal, 'user = ""\n')
    assert_refused(todo, "list", user=None, code="USAGE", names=["TODO_USER"])


@pytest.mark.spec("002/FR-035")
def test_user_must_be_found_somewhere(
    surroundings: Surroundings, clock: Clock
) -> None:
    todo = Todo(surroundings, clock, None)

    assert_refused(todo, "list", user=None, code="USAGE", names=["TODO_USER"])


@pytest.mark.spec("002/FR-061")
def test_user_must_keep_the_rules(todo: Todo) -> None:
    add(todo, "hers")

    for name in ("a/b", " .. ", "x" * 256, "a\nb", "\u200b"):
        for command in (["add", "milk"], ["list"]):
            assert_refused(
                todo,
                *command,
                "--user",
                name,
                code="INVALID_INPUT",
                names=["user"],
            )

    assert titles_of(todo) == ["hers"]


@pytest.mark.spec("002/FR-061")
def test_user_is_kept_as_written(todo: Todo) -> None:
    for name in (
        "  ada  ",
        "x" * 255,
        "ada@example.com",
        "سارا",
        "[bold]",
        "--json",
    ):
        data = todo("add", "Buy milk", f"--user={name}", "--json").data
        listed = todo("list", f"--user={name}", "--json").data
        assert data["user_id"] == name.strip()
        assert data in listed


@on_both_stores
@pytest.mark.spec("002/FR-028", "002/FR-061")
def test_users_do_not_see_each_other_and_are_told_apart_by_case(
    todo: Todo,
) -> None:
    add(todo, "hers", user="ada")
    add(todo, "another's", user="Ada")

    assert (titles_of(todo, "ada"), titles_of(todo, "Ada")) == (
        ["hers"],
        ["another's"],
    )
    assert tasks_of(todo, "bob") == []


@on_both_stores
@pytest.mark.spec("001/FR-007")
def test_names_that_only_look_alike_are_different_users(todo: Todo) -> None:
    """Making them one would give a list that has been there another owner."""
    composed, decomposed = "Ren\u00e9", "Rene\u0301"

    assert "(new list for" in add_for(todo, composed).out
    assert "(new list for" in add_for(todo, decomposed).out
    assert "(new list for" in add_for(todo, composed.upper()).out
    assert "(new list for" not in add_for(todo, decomposed).out

    assert titles_of(todo, composed) == ["x"]
    assert titles_of(todo, decomposed) == ["x", "x"]


def add_for(todo: Todo, user: str) -> Ran:
    """Add a task for a user."""
    return todo("add", "x", "--user", user)
