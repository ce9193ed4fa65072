"""Help, version, usage errors, exit statuses and bugs."""

import re
from collections.abc import Iterator
from typing import Any, NoReturn

import pytest
from typer.core import TyperArgument

import todo_cli
from tests.cli.conftest import on_both_stores
from tests.cli.expect import (
    EXITS,
    ID,
    add,
    assert_document,
    assert_refused,
    assert_words,
    tasks_of,
)
from tests.conftest import Seal
from tests.support.program import Process, Ran, Surroundings, Todo
from todo_cli.cli.app import commands
from todo_cli.errors import Code, Detail, IoFailed
from todo_cli.task import Task, about

OPTIONS = {
    *("--user", "--json", "--help", "--debug", "--version"),
    *(
        "--id",
        "--status",
        "--limit",
        "--title",
        "--undo",
        "--yes",
    ),
    *("--due", "--no-tag", "--since", "--until", "--on", "--sort"),
    *("--reverse", "--group", "--replace", "--add-tag", "--remove-tag"),
    *("--server", "--sql", "--host", "--port", "--as", "--renumber", "--mine"),
    *("--format", "--map", "--force", "--import", "--off"),
    *("--form", "--if-version", "--dry-run", "--trash", "--older-than"),
    *("--read-only", "--expires", "--all"),
    *("--auth", "--workers", "--tls-cert", "--tls-key"),
    *("--allowed-host", "--behind-proxy"),
    *("--watch", "--every", "--quiet"),
    *(
        flag
        for note in about(Task).values()
        for flag in note.flags
        if flag.startswith("--")
    ),
}
BROKEN = {
    "TODO_DATABASE_URL": "",
    "TODO_CONFIG": "/nowhere/config.toml",
    "TODO_TIMEOUT": "soon",
    "TODO_USER": "",
}

WRONG: dict[tuple[str, ...], str] = {
    ("frobnicate",): "frobnicate",
    ("lis",): "lis",
    ("LIST",): "LIST",
    ("db", "frobnicate"): "frobnicate",
    ("list", "--stat", "done"): "--stat",
    ("list", "--undo"): "--undo",
    ("list", "--version"): "--version",
    ("show", "1", "extra"): "extra",
    ("doctor", "extra"): "extra",
    ("list", "--database-url", "x"): "--database-url",
    ("list", "--password", "x"): "--password",
    ("list", "--dsn", "x"): "--dsn",
    ("add", "x", "--dry-run"): "--dry-run",
    ("restore", "1", "--if-version", "2"): "--if-version",
    ("done", "1", "--if-version", "two"): "two",
    ("done", "1-2", "--if-version", "2"): "--if-version",
    ("undo", "last"): "last",
    ("undo", "1", "2"): "2",
    ("redo", "1"): "1",
    ("history", "--limit", "all"): "all",
    ("purge",): "--trash",
}
"""What the parser does not know, and the word that is named."""


def broken_clock() -> NoReturn:
    """A clock that is a bug, and a talkative one."""
    raise RuntimeError(
        "no time at postgresql://ada:CANARY@db.example/todo; C4N4RY"
    )


LONG = "x" * 10_001
ADD = "; nothing was added"
CHANGE = "; nothing was changed"
REFUSED = [
    (["add", ""], b"", ADD),
    (["add", "a\tb"], b"", ADD),
    (["add", "x", "-d", LONG], b"", ADD),
    (["add", "x", "-d", "-"], b"\x01", ADD),
    (["add", "x", "-d", "-"], b"\xff\xfea\0", ADD),
    (["add", "x", "--id", "1"], b"", ADD),
    (["add", "x", "--user", "a/b"], b"", ADD),
    (["add", "-"], b"ok\n\x01\n", ADD),
    (["add", "-"], b"a\0b\0", ADD),
    (["add", "x", "--id", ID, "-u", "bob"], b"", ADD),
    (["update", "1", "--title", ""], b"", CHANGE),
    (["update", "1", "--title", "a\u2028b"], b"", CHANGE),
    (["update", "1", "-d", LONG], b"", CHANGE),
    (["update", "1", "-d", "-"], b"\x01", CHANGE),
    (["update", "1", "-d", "-"], b"x" * 50_000, CHANGE),
    (["update", "99", "--title", "x"], b"", CHANGE),
    (["update", "1,", "--due", "tomorow"], b"", CHANGE),
    (["update", "1", "-r", "milk=bread"], b"", CHANGE),
    (["note", "1", ""], b"", CHANGE),
    (["note", "99", "x"], b"", CHANGE),
    (["add", "x", "--due", "tomorow"], b"", ADD),
    (["add", "-", "--due", "tomorow"], b"one\n", ADD),
    (["update", "1", "--title", "x", "--user", "."], b"", CHANGE),
    (["done", "milk"], b"", CHANGE),
    (["done", "1", "99"], b"", CHANGE),
    (["purge", "1-4"], b"", CHANGE),
    (["purge", "--trash", "--older-than", "30"], b"", CHANGE),
    (["restore", "99"], b"", CHANGE),
    (["undo", "0"], b"", CHANGE),
    (["undo", "99"], b"", CHANGE),
    (["redo"], b"", CHANGE),
    (["done", "1", "--if-version", "0"], b"", CHANGE),
    (["done", "1", "--if-version", "5"], b"", CHANGE),
    (["history", "99"], b"", ""),
    (["history", "--limit", "0"], b"", ""),
    (["delete", "5-3"], b"", CHANGE),
    (["show", "99"], b"", ""),
    (["show", "milk"], b"", ""),
    (["list", "--limit", "0"], b"", ""),
]
"""Refused commands, their standard input, and how their messages end."""


@pytest.mark.spec("002/FR-024", "002/FR-157")
def test_every_refusal_of_a_change_says_that_nothing_was_changed(
    todo: Todo,
) -> None:
    add(todo, "one", "two", "three")
    todo("add", "four", "--id", ID)
    before = tasks_of(todo)
    others = tasks_of(todo, "bob")

    for arguments, stdin, end in REFUSED:
        error = todo(*arguments, "--json", stdin=stdin).error
        assert error["code"] in (
            "INVALID_INPUT",
            "NOT_FOUND",
            "CONFLICT",
            "CONFIRMATION_REQUIRED",
        )
        message = error["message"]
        assert message.endswith(end), (arguments, message)
        assert message.count("nothing was") == (1 if end else 0), message
    assert (tasks_of(todo), tasks_of(todo, "bob")) == (before, others)


@pytest.mark.spec("002/FR-033", "002/FR-036", "002/FR-045", "002/FR-073")
def test_refuse_what_the_parser_does_not_know_and_touch_nothing(
    todo_embedded: Todo, seal: Seal
) -> None:
    for arguments, name in WRONG.items():
        assert_refused(todo_embedded, *arguments, code="USAGE", names=[name])

    assert list(seal.home.rglob("*")) == []


def ways_to_go_wrong() -> Iterator[tuple[list[str], str]]:
    """Every command with each of its options used wrongly, and the command whose help
    says how it is done.
    """
    for words, command in every_command():
        name = " ".join(["todo", *words])
        yield [*words, "--frobnicate"], name
        for parameter in command.params:
            if isinstance(parameter, TyperArgument):
                if parameter.required:
                    yield words, name
                continue
            for option in parameter.opts:
                yield (
                    [*words, f"{option}=x" if parameter.is_flag else option],
                    name,
                )
                if option == "--status":
                    yield [*words, "1", option, "late"], name


def every_command() -> Iterator[tuple[list[str], Any]]:
    """The words of every command and group, and what Typer made of it."""
    root = commands()
    yield [], root
    for name, command in root.commands.items():
        yield [name], command
        for inner, below in getattr(command, "commands", {}).items():
            yield [name, inner], below


@pytest.mark.spec("002/FR-036")
def test_hint_at_the_help_of_the_command_that_was_meant(
    todo_embedded: Todo,
) -> None:
    ways = list(ways_to_go_wrong())

    hints = {
        " ".join(words): assert_refused(todo_embedded, *words, code="USAGE")[
            "hint"
        ]
        for words, _ in ways
    }

    assert [
        (words, hints[" ".join(words)])
        for words, command in ways
        if not hints[" ".join(words)].endswith(f"{command} --help")
    ] == []
    assert hints["update -d"] == "todo update --help"
    assert hints["db import"] == "todo db import --help"
    assert hints["db -u"] == "todo db --help"
    assert hints["--user"] == "todo --help"
    assert hints["done --undo=x"] == "todo done --help"


@pytest.mark.spec("002/FR-015", "002/FR-036")
@pytest.mark.parametrize(
    "words",
    [["update", "1"], ["add", "-", "-d", "-"], ["serve", "--port", "x"]],
    ids=" ".join,
)
def test_hint_at_the_help_where_the_command_itself_refuses(
    todo_embedded: Todo, words: list[str]
) -> None:
    error = assert_refused(todo_embedded, *words, code="USAGE")

    assert f"todo {words[0]} --help" in error["hint"]


@pytest.mark.spec("002/FR-039")
@pytest.mark.parametrize(
    "name",
    ["_TODO_COMPLETE", "_TODO_CLI_COMPLETE", "_PYTHON__M_TODO_CLI_COMPLETE"],
)
def test_a_variable_of_shell_completion_changes_nothing(
    process: Process, name: str
) -> None:
    """As in ihabunek/toot#444 and pimutils/todoman#187."""
    for value in ("bash_source", "complete_zsh", "1", "..."):
        shell = {name: value, "COMP_WORDS": "todo li", "COMP_CWORD": "1"}
        assert process("list", "--json", env=shell).data == []


@pytest.mark.spec("002/FR-031", "002/FR-039")
@pytest.mark.parametrize(
    "value", ["bash_source", "complete_bash", "source_fish"]
)
def test_a_variable_of_shell_completion_changes_no_command(
    todo_embedded: Todo, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    commands = [
        ["list"],
        ["show", "99"],
        # Not `doctor` itself: the room on a disk changes at any time.
        ["doctor", "--help"],
        ["db", "policy"],
        ["db", "import", "nothing.db"],
        ["--version"],
        ["frobnicate"],
        [],
        ["list", "--help"],
        ["db"],
    ]
    before = [todo_embedded(*arguments) for arguments in commands]

    monkeypatch.setenv("_TODO_COMPLETE", value)

    assert [todo_embedded(*arguments) for arguments in commands] == before


@pytest.mark.spec("002/FR-031")
def test_bare_todo_and_db_print_help(todo_embedded: Todo) -> None:
    bare, db = todo_embedded(), todo_embedded("db")

    assert (
        bare
        == todo_embedded("--help", env=BROKEN)
        == todo_embedded(env=BROKEN)
    )
    assert (
        db
        == todo_embedded("db", "--help")
        == todo_embedded("db", "-h", "--json")
    )
    assert (bare.status, bare.err, db.status, db.err) == (0, "", 0, "")
    assert re.search(
        "add.*list.*show.*update.*done.*delete", bare.out, re.DOTALL
    )
    assert re.search("todo db.*upgrade", db.out, re.DOTALL)


@pytest.mark.spec("002/FR-031")
def test_bare_todo_with_json_is_a_usage_error(todo_embedded: Todo) -> None:
    assert_document(todo_embedded("--json"), code="USAGE")
    assert_document(todo_embedded("--user", "bob", "--json"), code="USAGE")
    assert_document(todo_embedded("db", "--json"), code="USAGE")


@pytest.mark.spec("002/FR-031", "002/FR-066")
def test_help_of_every_command_needs_no_setting_and_shows_none(
    todo_embedded: Todo,
) -> None:
    canary = {
        "TODO_DATABASE_URL": "postgresql://ada:CANARY@127.0.0.1:1/db",
        "DATABASE_URL": "postgresql://ada:CANARY@127.0.0.1:1/db",
        "TODO_USER": "CANARY",
    }

    for words, _ in every_command():
        ran = todo_embedded(*words, "--help")
        assert (ran.status, ran.err) == (0, "")
        assert " ".join(["todo", *words]) in ran.out
        assert "--user" in ran.out
        assert ran == todo_embedded(*words, "-h")
        assert ran == todo_embedded(*words, "--help", "--json")
        assert ran == todo_embedded("--json", *words, "--help")
        assert ran == todo_embedded(*words, "--help", env=BROKEN)
        assert ran == todo_embedded(*words, "--help", env=canary)


@pytest.mark.spec("002/FR-031")
def test_help_at_a_narrow_terminal_is_help(todo_embedded: Todo) -> None:
    ran = todo_embedded("--help", terminal=True, columns=20)

    assert (ran.status, ran.err) == (0, "")
    assert re.search(
        "add.*list.*show.*update.*done.*delete", ran.out, re.DOTALL
    )


@pytest.mark.spec("002/FR-032", "002/FR-039")
def test_version_is_one_line_or_an_envelope(todo_embedded: Todo) -> None:
    line = todo_embedded("--version", env=BROKEN)
    document = todo_embedded("--version", "--json")

    assert line == Ran(0, f"todo {todo_cli.__version__}\n", "")
    assert todo_embedded("--version", "list") == line
    assert document.data == {"version": todo_cli.__version__}
    assert list(document.json) == ["success", "data", "message"]
    assert todo_embedded("--json", "--version") == document


@pytest.mark.spec("002/FR-033")
def test_options_are_these_and_none_takes_a_secret() -> None:
    found = {
        option
        for _, command in every_command()
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--")
    }

    assert found | {"--help"} == OPTIONS


@pytest.mark.spec("002/FR-029")
def test_options_of_every_command_stand_anywhere(todo: Todo) -> None:
    for arguments in (
        ["-u", "bob", "add", "Buy milk"],
        ["--user=bob", "add", "Buy milk"],
        ["add", "-u", "bob", "Buy milk"],
        ["add", "Buy", "--user", "bob", "milk"],
        ["--user", "carol", "add", "Buy milk", "--user", "bob"],
        ["add", "-u", "carol", "Buy milk", "-u", "bob"],
        ["--debug", "add", "Buy milk", "-u", "bob"],
        ["add", "Buy milk", "--debug", "-u", "bob"],
    ):
        data = todo(*arguments, "--json").data
        assert (data["user_id"], data["title"]) == ("bob", "Buy milk")


@pytest.mark.spec("002/FR-029")
@pytest.mark.parametrize(
    "command",
    [
        ["add", "x"],
        ["list"],
        ["show", "1"],
        ["update", "1", "--title", "x"],
        ["note", "1", "x"],
        ["ls"],
        ["mod", "1", "--title", "x"],
        ["done", "1"],
        ["delete", "1"],
        ["restore", "1"],
        ["history"],
        ["stats"],
        ["undo"],
        ["redo"],
        ["purge", "1", "--yes"],
        ["db", "upgrade"],
    ],
    ids=" ".join,
)
def test_options_of_every_command_are_on_every_command(
    todo: Todo, command: list[str]
) -> None:
    add(todo, "his", user="bob")
    if command == ["redo"]:
        todo("undo", user="bob")

    ran = todo(*command, "-u", "bob", "--debug", "--json")

    assert (ran.status, ran.err, ran.json["success"]) == (0, "", True)


@pytest.mark.spec("002/FR-029")
def test_options_of_every_command_stand_anywhere_around_two_words(
    todo: Todo,
) -> None:
    for arguments in (
        ["-u", "bob", "--debug", "--json", "db", "upgrade"],
        ["db", "-u", "bob", "--debug", "--json", "upgrade"],
    ):
        ran = todo(*arguments)
        assert (ran.status, ran.err, ran.json["success"]) == (0, "", True)


@pytest.mark.spec("002/FR-029", "002/FR-030", "002/FR-031", "002/FR-135")
def test_options_after_two_dashes_are_text(todo: Todo) -> None:
    text = ["--user", "bob", "-unused", "--debug", "-d", "-L20", "--help"]

    data = todo("add", "--json", "--", *text).data

    assert (data["user_id"], data["title"]) == ("ada", " ".join(text))


GLUED: dict[tuple[str, ...], str] = {
    ("add", "remove", "the", "-unused", "flag"): "-unused",
    ("add", "Build", "package", "-debug", "symbols"): "-debug",
    ("add", "x", "-u=bob"): "-u=bob",
    ("add", "x", "-u20"): "-u20",
    ("add", "x", "-d-"): "-d-",
    ("add", "x", "-phigh"): "-phigh",
    ("add", "x", "-Phome"): "-Phome",
    ("add", "x", "-terrand"): "-terrand",
    ("add", "x", "-t=errand"): "-t=errand",
    ("add", "x", "-pP"): "-pP",
    ("update", "1", "-ra=b"): "-ra=b",
    ("list", "-phigh"): "-phigh",
    ("ls", "-L=3"): "-L=3",
    ("update", "1", "-dfoo"): "-dfoo",
    ("list", "-ubob"): "-ubob",
    ("list", "-Lten"): "-Lten",
    ("list", "-L=3"): "-L=3",
    ("list", "-L\u0663"): "-L\u0663",
    ("show", "1", "-ubob"): "-ubob",
    ("done", "1", "-ubob"): "-ubob",
    ("delete", "1", "-yubob"): "-yubob",
    ("delete", "1", "-yh"): "-yh",
    ("delete", "1", "-hx"): "-hx",
    ("doctor", "-ubob"): "-ubob",
    ("serve", "-ubob"): "-ubob",
    ("db", "upgrade", "-ubob"): "-ubob",
    ("db", "policy", "-ubob"): "-ubob",
    ("db", "import", "x.db", "-ubob"): "-ubob",
    ("-ubob", "add", "x"): "-ubob",
    ("db", "-ubob", "upgrade"): "-ubob",
    ("-hx",): "-hx",
    ("add", "it", "is", "-5", "degrees"): "-5",
    ("add", "x", "-x"): "-x",
    ("add", "x", "-xyz"): "-xyz",
    ("add", "x", "--verbose"): "--verbose",
}
"""Words that look like options and are none, and the one that is named."""


@pytest.mark.spec("002/FR-135")
def test_refuse_a_value_glued_to_a_short_option(todo: Todo) -> None:
    """Words of a title became a user and a description:
    GothenburgBitFactory/taskwarrior#315, #1307.
    """
    add(todo, "first")

    for arguments, word in GLUED.items():
        error = assert_refused(todo, *arguments, code="USAGE", names=[word])
        assert "put `--` before text" in error["hint"]

    assert [task["title"] for task in tasks_of(todo)] == ["first"]
    assert [
        tasks_of(todo, user) for user in ("nused", "bob", "=bob", "20")
    ] == [[]] * 4


@pytest.mark.spec("002/FR-135")
def test_take_a_number_glued_to_a_short_option(todo: Todo) -> None:
    add(todo, "one", "two", "three")

    assert [task["title"] for task in todo("list", "-L2", "--json").data] == [
        "three",
        "two",
    ]
    assert (
        todo("list", "-L2")
        == todo("list", "-L", "2")
        == todo("list", "--limit", "2")
    )


@pytest.mark.spec("002/FR-135")
@pytest.mark.parametrize("value", ["-unused", "-d", "--", "-"])
def test_take_any_word_as_the_value_after_an_option(
    todo: Todo, value: str
) -> None:
    data = todo(
        "add", "x", "--json", "-u", "bob", "-d", value, stdin=b"-"
    ).data

    assert (data["user_id"], data["description"]) == ("bob", value)


@pytest.mark.spec("002/FR-044")
def test_codes_have_their_exit_status() -> None:
    assert {
        code.name: code.exit for code in Code if code.exit is not None
    } == EXITS


@pytest.mark.spec("002/FR-037", "002/FR-039")
def test_a_bug_is_one_line_or_one_document_and_status_1(
    surroundings: Surroundings,
) -> None:
    todo = Todo(surroundings, broken_clock)

    words, document = (
        todo("add", "Buy milk"),
        todo("add", "Buy milk", "--json"),
    )

    assert_words(words, status=1)
    assert_document(document, code="INTERNAL")
    assert "Traceback" not in words.err
    assert "CANARY" not in words.err + document.out


@pytest.mark.spec("002/FR-037", "002/FR-066")
@pytest.mark.parametrize("json", [[], ["--json"]], ids=["words", "json"])
def test_a_bug_with_debug_shows_its_traceback_without_secrets(
    surroundings: Surroundings, json: list[str]
) -> None:
    env = {"DATABASE_URL": "postgresql://ada:C4N4RY@db.example/todo"}

    ran = Todo(surroundings, broken_clock)(
        "add", "x", "--debug", *json, env=env
    )

    assert ran.status == 1
    assert re.search("Traceback.*broken_clock", ran.err, re.DOTALL)
    assert re.search("CANARY|C4N4RY", ran.err + ran.out) is None
    assert ran.out.startswith('{"success": false' if json else "")


@pytest.mark.spec("002/FR-066")
def test_an_error_that_quotes_a_login_hides_it(
    surroundings: Surroundings,
) -> None:
    def clock() -> NoReturn:
        url = "postgresql://ada:CANARY@db.example/todo"
        detail: Detail = {"field": "url", "message": url}
        raise IoFailed(f"no {url}", hint=f"see {url}", details=[detail])

    todo = Todo(surroundings, clock)

    for ran in (todo("add", "x"), todo("add", "x", "--json")):
        assert ran.status == 9
        assert "db.example" in ran.err + ran.out
        assert "CANARY" not in ran.err + ran.out


@pytest.mark.spec("002/FR-037")
def test_debug_says_nothing_where_there_is_no_bug(todo: Todo) -> None:
    add(todo, "one")

    assert todo("list", "--debug") == todo("list")
    assert todo("show", "99", "--debug") == todo("show", "99")


@on_both_stores
@pytest.mark.spec("002/FR-037")
def test_a_bug_leaves_the_store_as_it_was(
    todo: Todo, surroundings: Surroundings
) -> None:
    add(todo, "one")
    before = tasks_of(todo)

    assert Todo(surroundings, broken_clock)("done", "1").status == 1
    assert tasks_of(todo) == before
