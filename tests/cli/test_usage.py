"""Help, version, usage errors, exit statuses and bugs."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NoReturn

import pytest
from typer.core import TyperArgument

import todo_cli
from tests.cli.expect import (
    EXITS,
    add,
    assert_document,
    assert_refused,
    assert_words,
    tasks_of,
)
from tests.conftest import Seal
from tests.support.program import Process, Surroundings, Todo
from todo_cli.cli.app import commands
from todo_cli.errors import Code

COMMANDS = [
    ["add"],
    ["list"],
    ["show"],
    ["update"],
    ["done"],
    ["delete"],
    ["db", "upgrade"],
]
OPTIONS = {
    *("--user", "--json", "--help", "--debug", "--version"),
    *("--description", "--id", "--status", "--limit", "--title", "--undo", "--yes"),
    *("--sql", "--host", "--port"),
}
BROKEN = {
    "TODO_DATABASE_URL": "",
    "TODO_CONFIG": "/nowhere/config.toml",
    "TODO_TIMEOUT": "soon",
    "TODO_USER": "",
}

WRONG = [
    pytest.param(["frobnicate"], ["frobnicate"], id="unknown command"),
    pytest.param(["lis"], ["lis"], id="shortened command"),
    pytest.param(["LIST"], ["LIST"], id="command in capitals"),
    pytest.param(["db", "frobnicate"], ["frobnicate"], id="unknown subcommand"),
    pytest.param(
        ["--frob", "list"], ["--frob"], id="unknown option before the command"
    ),
    pytest.param(["list", "--frob"], ["--frob"], id="unknown option"),
    pytest.param(["list", "--stat", "done"], ["--stat"], id="shortened option"),
    pytest.param(["add", "-x"], ["-x"], id="unknown short option"),
    pytest.param(["list", "--undo"], ["--undo"], id="option of another command"),
    pytest.param(["list", "--version"], ["--version"], id="version on a command"),
    pytest.param(["list", "extra"], ["extra"], id="too much"),
    pytest.param(["add"], [], id="add without a title"),
    pytest.param(["show"], [], id="show without a ref"),
    pytest.param(["update"], [], id="update without a ref"),
    pytest.param(["done"], [], id="done without a ref"),
    pytest.param(["delete"], [], id="delete without a ref"),
    pytest.param(["list", "--limit"], ["--limit"], id="option without its value"),
    pytest.param(["list", "--user"], ["--user"], id="user without a name"),
    pytest.param(["list", "--status", "late"], ["late"], id="not one of the choices"),
    pytest.param(["list", "--limit", "ten"], ["ten"], id="not an integer"),
    pytest.param(["done", "--undo=yes", "1"], ["--undo"], id="a value for a flag"),
]


def broken_clock() -> NoReturn:
    """A clock that is a bug, and a talkative one."""
    raise RuntimeError("no time at postgresql://ada:CANARY@db.example/todo")


@pytest.mark.spec("002/FR-036")
@pytest.mark.spec("002/FR-045")
@pytest.mark.parametrize(("arguments", "names"), WRONG)
def test_refuse_what_the_parser_does_not_know(
    todo: Todo, arguments: Sequence[str], names: Sequence[str]
) -> None:
    assert_refused(todo, *arguments, code="USAGE", names=names)


def ways_to_go_wrong() -> Iterator[Any]:
    """Every command with each of its options used wrongly, and the command whose help
    says how it is done.
    """
    for words, command in every_command():
        name = " ".join(["todo", *words])
        yield pytest.param([*words, "--frobnicate"], name, id=f"{name} --frobnicate")
        for parameter in command.params:
            if isinstance(parameter, TyperArgument):
                if parameter.required:
                    yield pytest.param(words, name, id=f"{name}, nothing more")
                continue
            for option in parameter.opts:
                if parameter.is_flag:
                    yield pytest.param(
                        [*words, f"{option}=x"], name, id=f"{name} {option}=x"
                    )
                else:
                    yield pytest.param([*words, option], name, id=f"{name} {option}")
                if option == "--status":
                    given = [
                        *words,
                        *(["1"] if words == ["update"] else []),
                        option,
                        "late",
                    ]
                    yield pytest.param(given, name, id=f"{name} {option} late")


def every_command() -> Iterator[tuple[list[str], Any]]:
    """The words of every command and group, and what Typer made of it."""
    root = commands()
    yield [], root
    for name, command in root.commands.items():
        yield [name], command
        for inner, below in getattr(command, "commands", {}).items():
            yield [name, inner], below


@pytest.mark.spec("002/FR-036")
@pytest.mark.parametrize(("arguments", "command"), list(ways_to_go_wrong()))
def test_hint_at_the_help_of_the_command_that_was_meant(
    todo_embedded: Todo, arguments: Sequence[str], command: str
) -> None:
    error = assert_refused(todo_embedded, *arguments, code="USAGE")

    assert error["hint"].endswith(f"{command} --help")
    assert todo_embedded(*command.split()[1:], "--help").status == 0


def test_wrong_uses_cover_every_command_and_kind() -> None:
    cases = [(case.values[0], case.values[1]) for case in ways_to_go_wrong()]

    assert {
        (("update", "-d"), "todo update"),
        (("list", "--limit"), "todo list"),
        (("serve", "--port"), "todo serve"),
        (("db", "import"), "todo db import"),
        (("db", "-u"), "todo db"),
        (("--user",), "todo"),
        (("done", "--undo=x"), "todo done"),
        (("list", "--status", "late"), "todo list"),
    } <= {(tuple(words), command) for words, command in cases}


@pytest.mark.spec("002/FR-015")
@pytest.mark.spec("002/FR-036")
@pytest.mark.parametrize(
    "words",
    [["update", "1"], ["add", "-", "-d", "x"], ["serve", "--port", "x"]],
    ids=" ".join,
)
def test_hint_at_the_help_where_the_command_itself_refuses(
    todo_embedded: Todo, words: list[str]
) -> None:
    error = assert_refused(todo_embedded, *words, code="USAGE")

    assert f"todo {words[0]} --help" in error["hint"]


COMPLETIONS = [
    "bash_source",
    "zsh_source",
    "fish_source",
    "source_bash",
    "complete_bash",
    "complete_zsh",
    "1",
    "...",
]


@pytest.mark.spec("002/FR-039")
@pytest.mark.parametrize("value", COMPLETIONS)
@pytest.mark.parametrize(
    "name", ["_TODO_COMPLETE", "_TODO_CLI_COMPLETE", "_PYTHON__M_TODO_CLI_COMPLETE"]
)
def test_a_variable_of_shell_completion_changes_nothing(
    process: Process, name: str, value: str
) -> None:
    """As in ihabunek/toot#444 and pimutils/todoman#187."""
    shell = {
        name: value,
        "COMP_WORDS": "todo li",
        "COMP_CWORD": "1",
        "_TYPER_COMPLETE_ARGS": "todo li",
    }

    assert process("list", "--json", env=shell).data == []


@pytest.mark.spec("002/FR-039")
@pytest.mark.parametrize("value", COMPLETIONS[:5])
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["add", "x"], 0),
        (["list"], 0),
        (["show", "1"], 0),
        (["update", "1", "--title", "x"], 0),
        (["done", "1"], 0),
        (["delete", "1"], 0),
        (["doctor"], 0),
        (["db", "upgrade"], 0),
        (["db", "policy"], 0),
        (["db", "import", "nothing.db"], 9),
        (["--version"], 0),
        (["show", "99"], 3),
        (["frobnicate"], 2),
        (["list", "--frob"], 2),
        ([], 2),
    ],
    ids=str,
)
def test_a_variable_of_shell_completion_changes_no_command(
    todo_embedded: Todo,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    status: int,
    value: str,
) -> None:
    add(todo_embedded, "first")
    monkeypatch.setenv("_TODO_COMPLETE", value)

    ran = todo_embedded(*arguments, "--json")

    assert (ran.status, ran.err, ran.json["success"]) == (status, "", status == 0)


@pytest.mark.spec("002/FR-031")
@pytest.mark.parametrize(
    "arguments", [[], ["--help"], ["list", "--help"], ["db"]], ids=str
)
def test_a_variable_of_shell_completion_changes_no_help(
    todo_embedded: Todo, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    before = todo_embedded(*arguments)
    monkeypatch.setenv("_TODO_COMPLETE", "bash_source")

    assert todo_embedded(*arguments) == before
    assert before.status == 0


@pytest.mark.spec("002/FR-036")
@pytest.mark.spec("002/FR-073")
def test_refuse_without_touching_anything(todo_embedded: Todo, seal: Seal) -> None:
    assert_refused(
        todo_embedded, "add", "Buy milk", "--frob", code="USAGE", names=["--frob"]
    )

    assert list(seal.home.rglob("*")) == []


@pytest.mark.spec("002/FR-031")
def test_bare_todo_prints_help(todo: Todo) -> None:
    bare = todo()

    assert (bare.status, bare.err) == (0, "")
    assert bare == todo("--help")
    assert [
        name
        for name in ("add", "list", "show", "update", "done", "delete")
        if name not in bare.out
    ] == []


@pytest.mark.spec("002/FR-031")
@pytest.mark.parametrize(
    "option", [[], ["--help"], ["-h"], ["--help", "--json"]], ids=" ".join
)
def test_bare_db_prints_help(todo: Todo, option: list[str]) -> None:
    ran = todo("db", *option)

    assert (ran.status, ran.err) == (0, "")
    assert "todo db" in ran.out
    assert "upgrade" in ran.out


@pytest.mark.spec("002/FR-031")
def test_bare_todo_with_json_is_a_usage_error(todo: Todo) -> None:
    assert_document(todo("--json"), code="USAGE")
    assert_document(todo("--user", "bob", "--json"), code="USAGE")
    assert_document(todo("db", "--json"), code="USAGE")


@pytest.mark.spec("002/FR-031")
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_of_every_command_stands_on_stdout(
    todo: Todo, command: list[str], option: str
) -> None:
    ran = todo(*command, option)

    assert (ran.status, ran.err) == (0, "")
    assert " ".join(["todo", *command]) in ran.out
    assert "--help" in ran.out
    assert "--user" in ran.out


@pytest.mark.spec("002/FR-031")
@pytest.mark.parametrize("command", [[], *COMMANDS], ids=" ".join)
def test_help_with_json_is_still_help(todo: Todo, command: list[str]) -> None:
    assert (
        todo(*command, "--help", "--json")
        == todo("--json", *command, "--help")
        == todo(*command, "--help")
    )


@pytest.mark.spec("002/FR-031")
@pytest.mark.parametrize("arguments", [[], ["--help"], ["add", "--help"]], ids=" ".join)
def test_help_needs_no_setting(todo: Todo, arguments: list[str]) -> None:
    assert todo(*arguments, env=BROKEN) == todo(*arguments)


@pytest.mark.spec("002/FR-031")
def test_help_after_two_dashes_is_text(todo: Todo) -> None:
    assert todo("add", "--json", "--", "--help").data["title"] == "--help"


@pytest.mark.spec("002/FR-031")
@pytest.mark.parametrize("columns", [80, 40, 20])
def test_help_at_a_terminal_is_help(todo: Todo, columns: int) -> None:
    ran = todo("--help", terminal=True, columns=columns)

    assert (ran.status, ran.err) == (0, "")
    assert [
        name
        for name in ("add", "list", "show", "update", "done", "delete")
        if name not in ran.out
    ] == []


@pytest.mark.spec("002/FR-032")
def test_version_is_one_line(todo: Todo) -> None:
    ran = todo("--version")

    assert (ran.status, ran.err, ran.out.count("\n")) == (0, "", 1)
    assert ran.out.removesuffix("\n").split(" ")[-1] == todo_cli.__version__
    assert todo("--version", env=BROKEN) == ran


@pytest.mark.spec("002/FR-032")
@pytest.mark.spec("002/FR-039")
@pytest.mark.parametrize(
    "arguments", [["--version", "--json"], ["--json", "--version"]], ids=" ".join
)
def test_version_with_json_is_an_envelope(todo: Todo, arguments: list[str]) -> None:
    ran = todo(*arguments)

    assert (ran.status, ran.err, list(ran.json)) == (
        0,
        "",
        ["success", "data", "message"],
    )
    assert todo_cli.__version__ in ran.out


@pytest.mark.spec("002/FR-033")
def test_options_are_these_and_none_takes_a_secret(todo: Todo) -> None:
    helps = [todo(*command, "--help", columns=200).out for command in ([], *COMMANDS)]

    found = {
        option
        for text in helps
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)
    }

    assert found - OPTIONS == set()
    assert OPTIONS - {"--host", "--port", "--sql"} <= found


@pytest.mark.spec("002/FR-033")
@pytest.mark.parametrize(
    "option",
    ["--database-url", "--url", "--password", "--token", "--database", "--dsn"],
)
def test_options_for_secrets_are_unknown(todo: Todo, option: str) -> None:
    assert_refused(todo, "list", option, "x", code="USAGE", names=[option])


@pytest.mark.spec("002/FR-066")
@pytest.mark.spec("002/FR-031")
@pytest.mark.parametrize("command", [[], *COMMANDS], ids=" ".join)
def test_help_shows_no_value_of_a_setting(todo: Todo, command: list[str]) -> None:
    env = {
        "TODO_DATABASE_URL": "postgresql://ada:CANARY@127.0.0.1:1/db",
        "DATABASE_URL": "postgresql://ada:CANARY@127.0.0.1:1/db",
        "TODO_USER": "CANARY",
    }

    assert "CANARY" not in todo(*command, "--help", env=env).out


@pytest.mark.spec("002/FR-029")
@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["-u", "bob", "add", "Buy milk"], id="-u first"),
        pytest.param(["--user", "bob", "add", "Buy milk"], id="--user first"),
        pytest.param(["--user=bob", "add", "Buy milk"], id="--user= first"),
        pytest.param(["add", "-u", "bob", "Buy milk"], id="after the command"),
        pytest.param(["add", "Buy milk", "--user", "bob"], id="last"),
        pytest.param(["add", "Buy", "--user", "bob", "milk"], id="between words"),
        pytest.param(
            ["--user", "carol", "add", "Buy milk", "--user", "bob"],
            id="the last of two",
        ),
        pytest.param(
            ["add", "-u", "carol", "Buy milk", "-u", "bob"],
            id="the last of two after the command",
        ),
        pytest.param(["--debug", "add", "Buy milk", "-u", "bob"], id="--debug first"),
        pytest.param(
            ["add", "Buy milk", "--debug", "-u", "bob"], id="--debug after the command"
        ),
    ],
)
def test_options_of_every_command_stand_anywhere(
    todo: Todo, arguments: list[str]
) -> None:
    data = todo(*arguments, "--json").data

    assert (data["user_id"], data["title"]) == ("bob", "Buy milk")


@pytest.mark.spec("002/FR-029")
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["add", "x"], id="add"),
        pytest.param(["list"], id="list"),
        pytest.param(["show", "1"], id="show"),
        pytest.param(["update", "1", "--title", "x"], id="update"),
        pytest.param(["done", "1"], id="done"),
        pytest.param(["delete", "1"], id="delete"),
        pytest.param(["db", "upgrade"], id="db upgrade"),
    ],
)
def test_options_of_every_command_are_on_every_command(
    todo: Todo, command: list[str]
) -> None:
    add(todo, "his", user="bob")

    ran = todo(*command, "-u", "bob", "--debug", "--json")

    assert (ran.status, ran.err, ran.json["success"]) == (0, "", True)


@pytest.mark.spec("002/FR-029")
@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["-u", "bob", "--debug", "--json", "db", "upgrade"], id="first"),
        pytest.param(["db", "-u", "bob", "--debug", "--json", "upgrade"], id="between"),
        pytest.param(["db", "upgrade", "-u", "bob", "--debug", "--json"], id="last"),
    ],
)
def test_options_of_every_command_stand_anywhere_around_two_words(
    todo: Todo, arguments: list[str]
) -> None:
    ran = todo(*arguments)

    assert (ran.status, ran.err, ran.json["success"]) == (0, "", True)


@pytest.mark.spec("002/FR-029")
@pytest.mark.spec("002/FR-030")
def test_options_after_two_dashes_are_text(todo: Todo) -> None:
    data = todo("add", "--json", "--", "--user", "bob", "-u", "--debug", "-d").data

    assert (data["user_id"], data["title"]) == ("ada", "--user bob -u --debug -d")


GLUED = [
    pytest.param(["add", "remove", "the", "-unused", "flag"], "-unused", id="-unused"),
    pytest.param(
        ["add", "Build", "package", "-debug", "symbols"], "-debug", id="-debug"
    ),
    pytest.param(["add", "x", "-ubob"], "-ubob", id="a user"),
    pytest.param(["add", "x", "-u=bob"], "-u=bob", id="a user after an equals sign"),
    pytest.param(["add", "x", "-u20"], "-u20", id="a number for a name"),
    pytest.param(["add", "x", "-dfoo"], "-dfoo", id="a description"),
    pytest.param(["add", "x", "-d-"], "-d-", id="a description from stdin"),
    pytest.param(["update", "1", "-dfoo"], "-dfoo", id="update"),
    pytest.param(["list", "-ubob"], "-ubob", id="list"),
    pytest.param(["list", "-Lten"], "-Lten", id="no number"),
    pytest.param(["list", "-L=3"], "-L=3", id="an equals sign before a number"),
    pytest.param(["list", "-L\u0663"], "-L\u0663", id="a digit that is not ASCII"),
    pytest.param(["show", "1", "-ubob"], "-ubob", id="show"),
    pytest.param(["done", "1", "-ubob"], "-ubob", id="done"),
    pytest.param(["delete", "1", "-yubob"], "-yubob", id="a flag and a user"),
    pytest.param(["delete", "1", "-yh"], "-yh", id="two flags"),
    pytest.param(["delete", "1", "-hx"], "-hx", id="help and a letter"),
    pytest.param(["doctor", "-ubob"], "-ubob", id="doctor"),
    pytest.param(["serve", "-ubob"], "-ubob", id="serve"),
    pytest.param(["db", "upgrade", "-ubob"], "-ubob", id="db upgrade"),
    pytest.param(["db", "policy", "-ubob"], "-ubob", id="db policy"),
    pytest.param(["db", "import", "x.db", "-ubob"], "-ubob", id="db import"),
    pytest.param(["-ubob", "add", "x"], "-ubob", id="before the command"),
    pytest.param(["-ubob", "db", "upgrade"], "-ubob", id="before db"),
    pytest.param(["db", "-ubob", "upgrade"], "-ubob", id="after db"),
    pytest.param(["-hx"], "-hx", id="alone"),
    pytest.param(["add", "it", "is", "-5", "degrees"], "-5", id="a negative number"),
    pytest.param(["add", "x", "-x"], "-x", id="an unknown letter"),
    pytest.param(["add", "x", "-xyz"], "-xyz", id="unknown letters"),
    pytest.param(["add", "x", "--verbose"], "--verbose", id="an unknown word"),
]


@pytest.mark.spec("002/FR-135")
@pytest.mark.parametrize(("arguments", "word"), GLUED)
def test_refuse_a_value_glued_to_a_short_option(
    todo: Todo, arguments: list[str], word: str
) -> None:
    """Words of a title became a user and a description:
    GothenburgBitFactory/taskwarrior#315, #1307.
    """
    add(todo, "first")

    error = assert_refused(todo, *arguments, code="USAGE", names=[word])

    assert "put `--` before text" in error["hint"]
    assert [task["title"] for task in tasks_of(todo)] == ["first"]
    assert [tasks_of(todo, user) for user in ("nused", "bob", "=bob", "20")] == [[]] * 4


@pytest.mark.spec("002/FR-135")
def test_take_a_number_glued_to_a_short_option(todo: Todo) -> None:
    add(todo, "one", "two", "three")

    assert [task["title"] for task in todo("list", "-L2", "--json").data] == [
        "three",
        "two",
    ]
    assert (
        todo("list", "-L2") == todo("list", "-L", "2") == todo("list", "--limit", "2")
    )


@pytest.mark.spec("002/FR-135")
@pytest.mark.parametrize("value", ["-unused", "-d", "-x", "--", "-"])
def test_take_any_word_as_the_value_after_an_option(todo: Todo, value: str) -> None:
    data = todo("add", "x", "--json", "-u", "bob", "-d", value, stdin=b"-").data

    assert (data["user_id"], data["description"]) == ("bob", value)


@pytest.mark.spec("002/FR-135")
def test_take_words_after_two_dashes_as_text(todo: Todo) -> None:
    assert todo("add", "--", "-unused", "-debug", "-L20", "-yh").out.startswith(
        "Added 1: -unused -debug -L20 -yh"
    )


@pytest.mark.spec("002/FR-036")
@pytest.mark.parametrize(
    ("arguments", "help"),
    [
        (["update", "1", "-d"], "todo update --help"),
        (["list", "--limit"], "todo list --help"),
        (["serve", "--port"], "todo serve --help"),
        (["db", "policy", "-u"], "todo db policy --help"),
        (["db", "-u"], "todo db --help"),
        (["-u"], "todo --help"),
    ],
)
def test_an_option_without_its_value_leads_to_the_help_of_its_command(
    todo: Todo, arguments: list[str], help: str
) -> None:
    assert assert_refused(todo, *arguments, code="USAGE")["hint"] == help


@pytest.mark.spec("002/FR-044")
@pytest.mark.parametrize(("code", "status"), EXITS.items(), ids=EXITS)
def test_codes_have_their_exit_status(code: str, status: int) -> None:
    assert Code[code].exit == status


@pytest.mark.spec("002/FR-044")
def test_codes_are_no_more_than_these() -> None:
    assert {code.name for code in Code if code.exit is not None} == set(EXITS)


@pytest.mark.spec("002/FR-037")
def test_a_bug_is_one_line_and_status_1(surroundings: Surroundings) -> None:
    ran = Todo(surroundings, broken_clock)("add", "Buy milk")

    assert_words(ran, status=1)
    assert "Traceback" not in ran.err
    assert "CANARY" not in ran.err


@pytest.mark.spec("002/FR-037")
@pytest.mark.spec("002/FR-039")
def test_a_bug_is_one_document_with_json(surroundings: Surroundings) -> None:
    ran = Todo(surroundings, broken_clock)("add", "Buy milk", "--json")

    assert_document(ran, code="INTERNAL")
    assert "CANARY" not in ran.out


@pytest.mark.spec("002/FR-037")
@pytest.mark.spec("002/FR-066")
@pytest.mark.parametrize("json", [[], ["--json"]], ids=["words", "json"])
def test_a_bug_with_debug_shows_its_traceback_without_secrets(
    surroundings: Surroundings, json: list[str]
) -> None:
    ran = Todo(surroundings, broken_clock)("add", "Buy milk", "--debug", *json)

    assert ran.status == 1
    assert "Traceback" in ran.err
    assert "broken_clock" in ran.err
    assert "CANARY" not in ran.err + ran.out
    assert ran.out == "" if not json else ran.json["error"]["code"] == "INTERNAL"


@pytest.mark.spec("002/FR-037")
def test_debug_says_nothing_where_there_is_no_bug(todo: Todo) -> None:
    add(todo, "one")

    assert todo("list", "--debug") == todo("list")
    assert todo("show", "99", "--debug") == todo("show", "99")


@pytest.mark.spec("002/FR-037")
def test_a_bug_leaves_the_store_as_it_was(
    todo: Todo, surroundings: Surroundings
) -> None:
    def later() -> datetime:
        raise RuntimeError("boom")

    add(todo, "one")
    before = tasks_of(todo)

    assert Todo(surroundings, later)("done", "1").status == 1
    assert tasks_of(todo) == before
