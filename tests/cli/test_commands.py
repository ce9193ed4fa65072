"""Commands as plain values: what the arguments become, without a store."""

import io
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from tests.conftest import Seal
from todo_cli.cli import main
from todo_cli.cli.command import Command
from todo_cli.cli.commands.doctor import Doctor
from todo_cli.cli.commands.history import History, Redo, Undo
from todo_cli.cli.commands.lists import List
from todo_cli.cli.commands.serve import Serve
from todo_cli.cli.commands.stats import Stats
from todo_cli.cli.commands.store import Backup, Import, Policy, Upgrade
from todo_cli.cli.commands.tasks import Add, Done, Note, Show, Update
from todo_cli.cli.commands.trash import Delete, Purge, Restore
from todo_cli.cli.env import Env
from todo_cli.cli.parser import Parsed
from todo_cli.errors import TodoError

Parse = Callable[..., Parsed]
ID = UUID("00000000-0000-4000-8000-000000000001")


@pytest.fixture
def env(seal: Seal) -> Env:
    """An environment without a store."""
    streams = (io.BytesIO(), io.BytesIO(), io.BytesIO())
    return Env({}, seal.cwd, seal.home, "ada", *streams)


@pytest.fixture
def parsed(env: Env) -> Parse:
    """What the program makes of some arguments."""

    def parse(*words: str) -> Parsed:
        answer = main.parse(main.split(words), env, as_json=False)
        assert isinstance(answer, Parsed)
        return answer

    return parse


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ["add", "Buy", "milk", "--id", str(ID)],
            Add(title=["Buy", "milk"], id=ID),
        ),
        (
            ["add", "x", "-d", "more", "--id", str(ID)],
            Add(title=["x"], description="more", id=ID),
        ),
        (["add", "-", "--id", str(ID)], Add(title=None, id=ID)),
        (
            [*("add", "x", "--due", "-3d", "-p", "H"), "--id", str(ID)],
            Add(title=["x"], due_on="-3d", priority="high", id=ID),
        ),
        (
            ["add", "x", "-t", "b", "-t", "a", "--id", str(ID)],
            Add(title=["x"], tags=["b", "a"], id=ID),
        ),
        (["ls", "milk", "two words"], List(words=["milk", "two words"])),
        (
            ["list", "-p", "m", "-p", "none", "--no-tag", "x", "--reverse"],
            List(priorities=["medium", "none"], no_tags=["x"], reverse=True),
        ),
        (["mod", "3,4", "-r", "a=b=c"], Update(refs=["3,4"], replace="a=b=c")),
        (["note", "3", "a", "b"], Note(ref="3", text=["a", "b"])),
        (["note", "3", "-"], Note(ref="3", text=None)),
        (["rm", "3"], Delete(refs=["3"])),
        (["list"], List()),
        (["list", "--status", "all", "-L20"], List(status="all", limit=20)),
        (["show", "3"], Show(ref="3")),
        (["update", "3", "--title", "x"], Update(refs=["3"], title="x")),
        (
            ["update", "3", "-d", "", "--status", "done"],
            Update(refs=["3"], description="", status="done"),
        ),
        (["done", "3", "5-7", "--undo"], Done(refs=["3", "5-7"], undo=True)),
        (["delete", "3", "-y"], Delete(refs=["3"], yes=True)),
        (
            ["delete", "3", "--if-version", "7", "--dry-run"],
            Delete(refs=["3"], if_version=7, dry_run=True),
        ),
        (["restore", "3", "5-7"], Restore(refs=["3", "5-7"])),
        (["purge", "3", "-y"], Purge(refs=["3"], yes=True)),
        (
            ["purge", "--trash", "--older-than", "30d"],
            Purge(trash=True, older_than="30d"),
        ),
        (["history"], History()),
        (["history", "3", "-L5"], History(ref="3", limit=5)),
        (["undo"], Undo()),
        (["undo", "7", "--dry-run"], Undo(operation=7, dry_run=True)),
        (["redo"], Redo()),
        (["stats"], Stats()),
        (["doctor"], Doctor()),
        (["serve", "--port", "0"], Serve(port=0)),
        (["db", "upgrade", "--sql"], Upgrade(sql=True)),
        (["db", "policy"], Policy()),
        (["db", "policy", "ada", "bob"], Policy(names=["ada", "bob"])),
        (["db", "import", "a.db"], Import(path="a.db")),
        (
            ["db", "backup", "a.db", "--mine"],
            Backup(path="a.db", mine=True),
        ),
    ],
)
def test_arguments_become_a_plain_value(
    parsed: Parse, words: list[str], expected: Command[Any]
) -> None:
    assert parsed(*words) == Parsed(expected, None)
    assert repr(expected).startswith(f"{type(expected).__name__}(")


@pytest.mark.parametrize(
    "words", [[], ["db"], ["add", "-h"], ["db", "--help"]], ids=str
)
def test_help_is_no_command(env: Env, words: list[str]) -> None:
    answer = main.parse(main.split(words), env, as_json=False)

    assert isinstance(answer, main.Help)
    assert answer.startswith("Usage: todo")


@pytest.mark.parametrize(
    "words", [["--version"], ["--version", "list"]], ids=str
)
def test_the_version_is_no_command(env: Env, words: list[str]) -> None:
    answer = main.parse(main.split(words), env, as_json=False)

    assert isinstance(answer, main.Version)


def test_add_has_an_id_of_its_own(parsed: Parse) -> None:
    first, second = parsed("add", "x").command, parsed("add", "x").command

    assert isinstance(first, Add)
    assert isinstance(second, Add)
    assert first.id != second.id


def test_a_dash_after_two_dashes_is_a_title(parsed: Parse) -> None:
    command = parsed("add", "--", "-").command

    assert isinstance(command, Add)
    assert command.title == ["-"]


@pytest.mark.parametrize(
    ("words", "user"),
    [
        (["list"], None),
        (["-u", "bob", "list"], "bob"),
        (["list", "-u", "bob"], "bob"),
        (["-u", "ada", "list", "-u", "bob"], "bob"),
        (["db", "-u", "bob", "upgrade"], "bob"),
    ],
    ids=str,
)
def test_the_last_user_named_is_meant(
    parsed: Parse, words: list[str], user: str | None
) -> None:
    assert parsed(*words).user == user


@pytest.mark.spec("002/FR-083")
@pytest.mark.parametrize(
    "command",
    [
        Add(title=["Buy", "milk"], description="-5", id=ID),
        Add(title=["-x"], id=ID),
        Add(title=["x"], due_on="-3d", tags=["b", "a"], id=ID),
        Add(title=None, project="home", id=ID),
        Done(refs=["3", "5-7"], undo=True),
        Restore(refs=["3", "5-7"]),
        Undo(operation=7),
        Import(path="a.db"),
        Upgrade(),
    ],
    ids=repr,
)
def test_the_words_to_repeat_it_make_the_same_command(
    parsed: Parse, command: Command[Any]
) -> None:
    assert parsed(*command.repeat()).command == command


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (Update(refs=["3"], due_on="fri"), ["show", "3"]),
        (Update(refs=["3,"], replace="a=b"), ["show", "3,"]),
        (Update(refs=["3-4"], due_on="fri"), ["list", "--status", "all"]),
        (Note(ref="3", text=["x"]), ["show", "3"]),
        (Delete(refs=["3"]), ["show", "3"]),
        (Delete(refs=["3-4"]), ["list", "--status", "trash"]),
        (Purge(refs=["3"]), ["show", "3"]),
        (Purge(trash=True), ["history"]),
        (Undo(), ["history"]),
        (Redo(), ["history"]),
    ],
    ids=repr,
)
def test_what_is_not_repeated_is_looked_at(
    parsed: Parse, command: Command[Any], words: list[str]
) -> None:
    assert list(command.repeat()) == words
    assert parsed(*words).user is None


@pytest.mark.parametrize(
    ("command", "options", "code"),
    [
        (Add, {"title": None, "description": "-"}, "USAGE"),
        (Show, {"ref": "milk"}, "INVALID_INPUT"),
        (Update, {"refs": ["1"]}, "USAGE"),
        (Update, {"refs": ["1-2"], "title": "x"}, "USAGE"),
        (Update, {"refs": ["1", "2"], "title": "x"}, "USAGE"),
        (Update, {"refs": ["milk"], "title": "x"}, "INVALID_INPUT"),
        (Update, {"refs": ["1"], "title": "x", "replace": "a=b"}, "USAGE"),
        (Update, {"refs": ["1"], "replace": "a"}, "USAGE"),
        (Update, {"refs": ["1"], "replace": "=a"}, "INVALID_INPUT"),
        (Note, {"ref": "1-2", "text": ["x"]}, "INVALID_INPUT"),
        (List, {"on": "fri", "since": "mon"}, "USAGE"),
        (List, {"on": "fri", "until": "mon"}, "USAGE"),
        (Done, {"refs": ["7-5"]}, "INVALID_INPUT"),
        (Done, {"refs": ["3-4"], "if_version": 7}, "USAGE"),
        (Update, {"refs": ["3-4"], "due_on": "fri", "if_version": 7}, "USAGE"),
        (Delete, {"refs": ["0"]}, "INVALID_INPUT"),
        (Delete, {"refs": ["3", "4"], "if_version": 7}, "USAGE"),
        (Restore, {"refs": ["0"]}, "INVALID_INPUT"),
        (Purge, {"refs": ["0"]}, "INVALID_INPUT"),
        (Purge, {}, "USAGE"),
        (Purge, {"refs": [], "trash": False}, "USAGE"),
        (Purge, {"refs": ["3"], "trash": True}, "USAGE"),
        (Purge, {"refs": ["3"], "older_than": "30d"}, "USAGE"),
        (Purge, {"trash": True, "older_than": "30"}, "INVALID_INPUT"),
        (Purge, {"trash": True, "older_than": "-3d"}, "INVALID_INPUT"),
        (Purge, {"trash": True, "older_than": ""}, "INVALID_INPUT"),
        (History, {"ref": "1-2"}, "INVALID_INPUT"),
        (Policy, {"names": ["pg_x"]}, "INVALID_INPUT"),
        (Import, {"path": "postgresql://localhost/x"}, "INVALID_INPUT"),
    ],
)
def test_a_command_that_cannot_run_is_never_built(
    command: type[Command[Any]], options: dict[str, Any], code: str
) -> None:
    with pytest.raises(TodoError) as caught:
        command(**options)

    assert caught.value.code.name == code
