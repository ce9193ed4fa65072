"""Whose tasks: where the user comes from."""

import pytest

from tests.cli.expect import add, assert_refused, tasks_of, titles_of
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
        pytest.param(["--user", "opt"], "env", "file", "login", "opt", id="option"),
        pytest.param([], "env", "file", "login", "env", id="environment"),
        pytest.param([], None, "file", "login", "file", id="config file"),
        pytest.param([], None, None, "login", "login", id="login name"),
        pytest.param(["-u", "opt"], None, None, None, "opt", id="option alone"),
        pytest.param(
            ["-u", "first", "-u", "second"],
            "env",
            None,
            None,
            "second",
            id="last of two options",
        ),
        pytest.param(
            ["-u", ""],
            "env",
            "file",
            "login",
            None,
            id="an empty option hides the others",
        ),
    ],
)
def test_user_is_the_first_that_is_named(
    surroundings: Surroundings,
    seal: Seal,
    clock: Clock,
    option: list[str],
    variable: str | None,
    file: str | None,
    login: str | None,
    expected: str | None,
) -> None:
    configure(seal, f'user = "{file}"\n' if file else "")
    todo = Todo(surroundings, clock, login)

    ran = todo("add", "Buy milk", "--json", *option, user=variable)

    assert ran.json.get("data", {}).get("user_id") == expected
    assert ran.status == (0 if expected else 2)


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

    assert (first, second) == (
        Ran(0, "Added 1: one (new list for bob)\n", ""),
        Ran(0, "Added 2: two\n", ""),
    )
    assert todo("delete", "1-2", *option, user=variable).status == 0
    assert todo("add", "three", *option, user=variable).out == "Added 3: three\n"


@pytest.mark.spec("002/FR-074")
def test_the_first_task_of_a_user_says_so_in_json_and_a_repeat_does_not(
    todo: Todo,
) -> None:
    add(todo, "mine")
    words = (
        "add",
        "one",
        "-u",
        "bob",
        "--id",
        "0b2f6d7e-5a44-4f7c-9d4e-1f3f6f0f8a11",
        "--json",
    )

    assert [todo(*words).json["message"] for _ in range(2)] == [
        "Added 1: one (new list for bob)",
        "Already there as 1: one",
    ]


@pytest.mark.spec("002/FR-074")
def test_the_first_lines_of_a_user_say_once_for_whom_the_list_is(todo: Todo) -> None:
    add(todo, "mine")

    assert (
        todo("add", "-", "-u", "bob", stdin=b"one\ntwo\n").out
        == "Added 1: one (new list for bob)\nAdded 2: two\n"
    )
    assert todo("add", "-", "-u", "bob", stdin=b"three\n").out == "Added 3: three\n"
    assert (
        todo("add", "-", "-u", "eve", "--json", stdin=b"1\n2\n").json["message"]
        == "Added 2 tasks (new list for eve)"
    )


@pytest.mark.spec("002/FR-074")
@pytest.mark.nothing_made
@pytest.mark.parametrize(
    ("words", "stdin"),
    [(["add", "one"], b""), (["add", "-"], b"one\ntwo\n")],
    ids=["one task", "lines"],
)
def test_a_new_store_says_for_whom_where_a_flag_named_the_user(
    todo: Todo, store: Store, words: list[str], stdin: bytes
) -> None:
    line = todo(*words, "-u", "bob", stdin=stdin).out.splitlines()[0]

    assert line == f"Added 1: one (new list for bob in {store.target.place})"


@pytest.mark.spec("002/FR-035")
@pytest.mark.parametrize(
    "name", ["", " ", "\u00a0"], ids=["empty", "blank", "no-break space"]
)
def test_user_must_not_be_empty(todo: Todo, name: str) -> None:
    assert_refused(
        todo, "add", "Buy milk", "--user", name, code="USAGE", names=["--user"]
    )
    assert_refused(
        todo, "add", "Buy milk", user=name, code="USAGE", names=["TODO_USER"]
    )


@pytest.mark.spec("002/FR-035")
def test_user_must_not_be_empty_in_the_config_file(todo: Todo, seal: Seal) -> None:
    configure(seal, 'user = ""\n')

    assert_refused(todo, "list", user=None, code="USAGE", names=["TODO_USER"])


@pytest.mark.spec("002/FR-035")
def test_user_must_be_found_somewhere(surroundings: Surroundings, clock: Clock) -> None:
    todo = Todo(surroundings, clock, None)

    assert_refused(todo, "list", user=None, code="USAGE", names=["TODO_USER"])


@pytest.mark.spec("002/FR-061")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("a/b", id="slash"),
        pytest.param("/", id="only a slash"),
        pytest.param(".", id="dot"),
        pytest.param("..", id="two dots"),
        pytest.param(" .. ", id="two dots trimmed"),
        pytest.param("x" * 256, id="too long"),
        pytest.param("a\nb", id="two lines"),
        pytest.param("a\tb", id="tab"),
        pytest.param("\u200b", id="invisible"),
    ],
)
def test_user_must_keep_the_rules(todo: Todo, name: str) -> None:
    add(todo, "hers")

    assert_refused(
        todo, "add", "Buy milk", "--user", name, code="INVALID_INPUT", names=["user"]
    )
    assert_refused(todo, "list", "--user", name, code="INVALID_INPUT", names=["user"])

    assert titles_of(todo) == ["hers"]


@pytest.mark.spec("002/FR-061")
@pytest.mark.parametrize(
    ("name", "stored"),
    [
        pytest.param("  ada  ", "ada", id="trimmed"),
        pytest.param("x" * 255, "x" * 255, id="longest"),
        pytest.param("Ada Lovelace", "Ada Lovelace", id="blank inside"),
        pytest.param("ada@example.com", "ada@example.com", id="address"),
        pytest.param("سارا", "سارا", id="persian"),
        pytest.param("...", "...", id="three dots"),
        pytest.param("[bold]", "[bold]", id="markup"),
        pytest.param("a\\b", "a\\b", id="backslash"),
        pytest.param("--json", "--json", id="an option's name"),
    ],
)
def test_user_is_kept_as_written(todo: Todo, name: str, stored: str) -> None:
    data = todo("add", "Buy milk", f"--user={name}", "--json").data

    assert data["user_id"] == stored
    assert [
        task["user_id"] for task in todo("list", f"--user={name}", "--json").data
    ] == [stored]


@pytest.mark.spec("002/FR-061")
def test_user_is_told_apart_by_case(todo: Todo) -> None:
    add(todo, "hers", user="ada")
    add(todo, "another's", user="Ada")

    assert (titles_of(todo, "ada"), titles_of(todo, "Ada")) == (["hers"], ["another's"])


@pytest.mark.spec("002/FR-028")
def test_users_do_not_see_each_other(todo: Todo) -> None:
    add(todo, "hers", user="ada")

    assert tasks_of(todo, "bob") == []
    assert todo("list", "--status", "all", user="bob").out == ""
