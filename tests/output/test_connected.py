"""The words of `todo connect`."""

from typing import Any

import pytest

from tests.output.values import context
from todo_cli.database.transfer import Imported, Renumbered
from todo_cli.output.connected import (
    Connected,
    Disconnected,
    Use,
    connected,
    disconnected,
    lists_of,
)
from todo_cli.output.views import Sheet

PLACE = "db.example/shop"


def said(**values: Any) -> Sheet:
    """The view of a connection that found nothing special, but for these values."""
    usual: dict[str, Any] = {
        "place": PLACE,
        "login": None,
        "is_new": False,
        "tasks": {},
        "user": "ada",
        "config_file": "/c",
        "embedded_file": "/a b/todo.db",
    }
    return connected(Connected(**(usual | values)), context())


@pytest.mark.spec("002/FR-294")
@pytest.mark.parametrize(
    ("values", "lines"),
    [
        (
            {},
            [
                f"Connected to {PLACE}, which has no tasks yet",
                "Saved in /c; you are ada, a new list",
            ],
        ),
        (
            {"is_new": True, "login": "owner"},
            [
                f"Connected to {PLACE} with the role owner; its tables are new",
                "Saved in /c; you are ada, a new list",
            ],
        ),
        (
            {"tasks": {"ada": 1}, "replaced": "old.example/x"},
            [
                f"Connected to {PLACE}, which has 1 task of ada",
                "Saved in /c; you are ada. It replaces old.example/x",
            ],
        ),
        (
            {"lacks_tasks": True},
            [
                f"Connected to {PLACE}, which has no tasks yet",
                "Saved in /c; you are ada, a new list",
                "No tasks to bring along: /a b/todo.db has none",
            ],
        ),
    ],
)
def test_a_connection_is_said_in_lines(
    values: dict[str, Any], lines: list[str]
) -> None:
    sheet = said(**values)

    assert (sheet.lines, sheet.brief, sheet.warnings) == (lines, lines, [])
    assert sheet.message == ". ".join(lines)


@pytest.mark.spec("002/FR-299")
def test_an_import_follows() -> None:
    copied = Imported(
        30,
        1,
        30,
        new_users=["ada"],
        owners=["ada"],
        renumbered=[Renumbered("ada", n, n + 50) for n in range(1, 31)],
    )

    sheet = said(imported=copied)

    assert sheet.lines[2] == "Imported 30 tasks of 1 user (new list for ada)"
    assert len(sheet.lines) == 33
    assert sheet.brief[-1] == "and 10 more tasks"
    assert sheet.message.endswith("(new list for ada)")
    assert sheet.data["imported"]["added"] == 30


@pytest.mark.spec("002/FR-297")
@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            {"rival": Use("b.example/c", "TODO_DATABASE_URL")},
            "so commands use b.example/c: unset it",
        ),
        ({"rival": Use("", "X")}, "so commands use it: unset it"),
        ({"filled_by": ["PGHOST", "PGPORT"]}, "PGHOST, PGPORT filled"),
        ({"is_exposed": True}, "`sslmode=disable`"),
        ({"only_user": "o'neil"}, """`todo connect --user 'o'"'"'neil'`"""),
        ({"is_older": True, "version": "0003"}, "(0003): `todo db upgrade`"),
        (
            {"left": 1},
            "1 task stayed in the embedded file: "
            "`todo db import '/a b/todo.db' --as ada --renumber`",
        ),
    ],
)
def test_a_warning_says_what_to_do(values: dict[str, Any], words: str) -> None:
    sheet = said(**values)

    [warning] = sheet.warnings
    assert words in warning
    assert sheet.data["warnings"] == [warning]


@pytest.mark.spec("002/FR-294")
def test_the_first_lists_are_named() -> None:
    assert lists_of({"a": 1, "b": 2}) == "1 task of a and 2 tasks of b"
    many = dict.fromkeys("abcdefgh", 1)
    assert lists_of(many).endswith("1 task of e and 3 more lists")


@pytest.mark.spec("002/FR-300")
@pytest.mark.parametrize(
    ("values", "lines", "import_hint"),
    [
        (
            {},
            [
                "No config file names a store; nothing was changed",
                "Commands now use /todo.db",
            ],
            "",
        ),
        (
            {"left": PLACE, "owners": ["bob"]},
            [
                f"Disconnected from {PLACE}, where the tasks stay",
                "Commands now use /todo.db",
                "It has tasks of bob; you are ada: `todo connect --off --user bob` changes that",
            ],
            "`todo db import FILE --as bob --renumber`",
        ),
        (
            {
                "left": PLACE,
                "owners": ["ada", "bob"],
                "is_embedded": False,
                "use": Use("b.example/c", "DATABASE_URL"),
            },
            [
                f"Disconnected from {PLACE}, where the tasks stay",
                "Commands now use b.example/c, because DATABASE_URL is set",
            ],
            "",
        ),
        (
            {"left": PLACE, "owners": ["bob", "eve"], "user": ""},
            [
                f"Disconnected from {PLACE}, where the tasks stay",
                "Commands now use /todo.db",
                "It has tasks of bob, eve: `todo connect --off --user bob` "
                "changes that",
            ],
            "`todo db import FILE --renumber`",
        ),
        (
            {"is_user_saved": True, "owners": ["ada"]},
            [
                "No config file names a store",
                "Commands now use /todo.db",
                "You are ada from now on",
            ],
            "",
        ),
        (
            {"is_embedded": False, "use": Use("", "TODO_DATABASE_URL")},
            [
                "No config file names a store; nothing was changed",
                "Commands now read TODO_DATABASE_URL, which cannot be used",
            ],
            "",
        ),
    ],
)
def test_off_says_where_commands_go(
    values: dict[str, Any], lines: list[str], import_hint: str
) -> None:
    usual: dict[str, Any] = {
        "config_file": "/c",
        "left": None,
        "use": Use("/todo.db", "the default"),
        "is_embedded": True,
        "user": "ada",
    }

    sheet = disconnected(Disconnected(**(usual | values)), context())

    assert sheet.lines == lines
    assert sheet.hint.endswith(import_hint)
    assert bool(sheet.hint) == bool(import_hint)
