"""The switches of the environment, each with every command that asks, reads or draws."""

import re
from collections.abc import Sequence

import pytest

from tests.cli.expect import tasks_of
from tests.conftest import Seal
from tests.support.program import Ran, Todo
from tests.support.size import long_only
from todo_cli.cli.app import commands

FILE = "in.md"
WAITS: dict[str, list[list[str]]] = {
    "add": [["add", "-"], ["add", "x", "-d", "-"]],
    "update": [["update", "1", "-d", "-"]],
    "note": [["note", "1", "-"]],
    "purge": [["purge", "1"], ["purge", "--trash"]],
    "import": [["import", "-", "--format", "markdown"]],
    "connect": [["connect"]],
    "edit": [["edit", "1"], ["add"]],
}
"""By command: what waits for a person who types."""
SHOWS: dict[str, list[list[str]]] = {
    "add": [["add", "Buy milk", "-t", "errand", "due:today"]],
    "list": [["list", "--status", "all"], ["list", "--group", "project"]],
    "show": [["show", "1"]],
    "update": [["update", "1", "--title", "Pay", "--add-tag", "a"]],
    "note": [["note", "1", "more"]],
    "done": [["done", "1"]],
    "delete": [["delete", "2"]],
    "restore": [["restore", "4"]],
    "purge": [["purge", "4", "--yes"]],
    "history": [["history"]],
    "stats": [["stats"]],
    "undo": [["undo"]],
    "redo": [["redo"]],
    "import": [["import", FILE]],
    "export": [["export"]],
    "doctor": [["doctor"]],
    "help": [["--help"]],
    "db upgrade": [["db", "upgrade"]],
    "db policy": [["db", "policy", "ada"]],
    "db backup": [["db", "backup", "backup.db", "--force"]],
    "db import": [["db", "import", "backup.db"]],
    "token create": [["token", "create", "ci"]],
    "token list": [["token", "list"]],
    "token revoke": [["token", "revoke", "ci"]],
    "warm on": [["warm", "on"]],
    "warm status": [["warm", "status"]],
    "warm off": [["warm", "off"]],
}
"""By command: what shows something."""
ELSEWHERE = {"completion", "serve"}
"""They draw nothing: a script and a log are the same everywhere."""
SIGNS = re.compile(
    "[\x1b\r\u2500\u2501\u00b7]| \\*|(?m:^ *\\d+ +[!HMLxw]{1,3} )"
)
"""Escapes, frames, and the signs of tables and of tasks."""


@pytest.fixture
def full(todo: Todo, seal: Seal) -> Todo:
    """The program on a store with tasks of all kinds."""
    (seal.cwd / FILE).write_text("- [ ] one\n- [x] two\n")
    fields = ("-d", "cash", "-P", "home", "-p", "h", "-t", "bills")
    todo("add", "Pay the rent", "--due", "-1d", *fields)
    todo("add", "Rest", "--wait", "+3d")
    todo("add", "Read")
    todo("add", "Gone")
    todo("done", "3")
    todo("delete", "4")
    return todo


def every(table: dict[str, list[list[str]]]) -> list[list[str]]:
    """All calls of a table."""
    return [call for calls in table.values() for call in calls]


def names() -> set[str]:
    """Every command, those of a group behind the name of the group."""
    found = set()
    for name, command in commands().commands.items():
        inner = getattr(command, "commands", None)
        if inner is None:
            found.add(name)
        else:
            found |= {f"{name} {each}" for each in inner}
    return found


def test_the_tables_have_every_command() -> None:
    assert {*WAITS, *SHOWS, *ELSEWHERE} - {"help"} == names()


@pytest.mark.spec("002/FR-151")
@pytest.mark.parametrize("switch", ["TODO_NO_INPUT", "CI"])
def test_nobody_is_asked_and_nothing_is_read_from_a_terminal(
    full: Todo, switch: str
) -> None:
    before = tasks_of(full)
    env = {switch: "1", "EDITOR": "false"}

    for call in every(WAITS):
        ran = full(*call, stdin=b"y\n", terminal=True, env=env)
        assert ran.status in (2, 9), (call, ran)
        assert (ran.out, "?" in ran.err, "Ctrl-D" in ran.err) == (
            "",
            False,
            False,
        )
        assert len(ran.err.splitlines()) <= 2
        assert tasks_of(full) == before


@pytest.mark.spec("002/FR-150")
@pytest.mark.parametrize(
    "env",
    [{"TERM": "dumb"}, {"TERM": "xterm", "TODO_ACCESSIBLE": "1"}],
    ids=str,
)
@pytest.mark.parametrize("columns", [40, *long_only(120)])
def test_lines_are_plain_everywhere(
    full: Todo, env: dict[str, str], columns: int
) -> None:
    for call in every(SHOWS):
        ran = full(*call, terminal=True, columns=columns, env=env)
        assert ran.status == 0, (call, ran)
        found = SIGNS.findall(ran.out + ran.err)
        assert found == [], (call, found, ran.out)


@pytest.mark.spec("002/FR-152")
def test_a_pipe_shows_what_a_terminal_would_if_that_is_wanted(
    full: Todo,
) -> None:
    calls: Sequence[list[str]] = [
        *SHOWS["list"],
        *SHOWS["show"],
        *SHOWS["history"],
        *SHOWS["token list"],
        ["list", "nothing"],
    ]
    for call in calls:
        env = {"TERM": "xterm-256color"}
        drawn = full(*call, terminal=True, columns=50, env=env)
        piped = full(*call, env=env | {"TODO_FORCE_TTY": "50"})
        assert "\x1b" not in piped.out
        assert unstyled(drawn) == piped.out
        document = full(*call, "--json", env={"TODO_FORCE_TTY": "50"})
        assert document.json["success"]
    # Nobody is asked who does not sit at the terminal.
    asked = full("purge", "1", stdin=b"y\n", env={"TODO_FORCE_TTY": "50"})
    assert asked.status == 2


def unstyled(ran: Ran) -> str:
    """What a run shows, without colours and links."""
    return re.sub(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\", "", ran.out)
