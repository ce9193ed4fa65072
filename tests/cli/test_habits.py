"""What people type by habit, and the command that the hint names instead."""

import pytest

from tests.cli.expect import assert_refused
from tests.support.program import Todo
from todo_cli.cli import habits
from todo_cli.cli.app import commands

HINTS = {
    ("undelete", "1"): "todo restore",
    ("trash",): "todo list --status trash",
    ("log",): "todo history",
    ("remove", "1"): "todo delete",
    ("change", "1", "--title", "x"): "todo update",
    ("search", "milk"): "todo list",
    ("complete", "1"): "todo done",
    ("reopen", "1"): "todo done --undo",
    ("empty",): "todo purge --trash",
    ("upgrade",): "todo db upgrade",
    ("help",): "todo --help",
    ("LIST",): "todo list",
    ("3", "done"): "todo done 3",
    ("3", "#5-7", "Remove"): "todo delete 3 '#5-7'",
    ("3", "rm"): "todo rm 3",
    ("3",): "todo show 3",
    ("3", "frobnicate"): "todo --help",
    ("frobnicate",): "todo --help",
    ("",): "todo --help",
    ("db", "migrate"): "todo db upgrade",
    ("db", "list"): "todo list",
    ("db", "frobnicate"): "todo db --help",
    ("-u", "bob x", "trash"): "todo --user 'bob x' list --status trash",
    ("db", "-u", "bob", "log"): "todo --user bob history",
    ("log", "--user", "bob"): "todo history",
}


def all_words() -> list[str]:
    """Every word that has a meaning."""
    lines = habits._MEANT.splitlines()
    return [word for line in lines for word in line.split(":")[1].split()]


@pytest.mark.spec("002/FR-270")
@pytest.mark.parametrize("words", HINTS, ids=" ".join)
def test_a_word_of_other_programs_hints_at_our_command(
    todo_embedded: Todo, seal: object, words: tuple[str, ...]
) -> None:
    error = assert_refused(todo_embedded, *words, code="USAGE")

    assert error["hint"] == HINTS[words]


@pytest.mark.spec("002/FR-270", "002/FR-066")
def test_no_secret_gets_into_the_hint(todo_embedded: Todo) -> None:
    secret = "postgresql://ada:CANARY@db.example/todo"

    error = assert_refused(
        todo_embedded, "--user", secret, "trash", code="USAGE"
    )

    assert "CANARY" not in str(error)


@pytest.mark.spec("002/FR-270")
def test_every_hint_is_a_command_that_parses(todo_embedded: Todo) -> None:
    root = commands()
    known = list(root.commands)
    for word in all_words():
        if word in known:
            continue
        command = habits.meant([word], known)
        shown = todo_embedded(*command, "--help")
        assert (shown.status, shown.err) == (0, ""), word


def test_a_word_means_one_command() -> None:
    words = all_words()

    assert len(words) == len(set(words))
