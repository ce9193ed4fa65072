"""The help: of every command, at every width, with examples that are right."""

import io
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.cli.expect import assert_refused
from tests.conftest import Seal
from tests.support.program import Todo
from todo_cli.cli import main
from todo_cli.cli.app import commands
from todo_cli.cli.env import Env
from todo_cli.cli.help import Page

WIDTHS = (20, 23, 31, 40, 59, 60, 61, 80, 99, 100, 101, 200)
PYTHON = re.compile(r"<\w*>|list\[|\{\w+\}|\bNone\b|\bstr\b|\bint\b|Optional")
"""What only Python calls so."""


def every_command() -> Iterator[list[str]]:
    """The words of every command and group."""
    yield []
    for name, command in commands().commands.items():
        yield [name]
        for inner in getattr(command, "commands", {}):
            yield [name, inner]


EVERY = list(every_command())


@pytest.fixture
def env(seal: Seal) -> Env:
    """An environment without a store."""
    streams = (io.BytesIO(), io.BytesIO(), io.BytesIO())
    return Env({}, seal.cwd, seal.home, "ada", *streams)


def help_of(env: Env, *words: str, width: int = 80) -> str:
    """The help of a command at a width."""
    at_width = replace(env, columns=width)
    answer = main.parse(
        main.split([*words, "--help"]), at_width, as_json=False
    )
    assert isinstance(answer, main.Help)
    return str(answer)


def examples_of(text: str) -> list[str]:
    """The commands of a help, each on one line."""
    _, _, rest = text.partition("Examples:\n")
    below, _, _ = rest.partition("\n\n")
    joined = re.sub(r" \\\n +", " ", below)
    return [line.strip() for line in joined.splitlines()]


def words_in(text: str) -> set[str]:
    """The words of a help, without the `\\` that ends a line of an example."""
    return set(re.split(r"\s+|(?<=\|)", re.sub(r" \\\n", "\n", text)))


@pytest.mark.spec("002/FR-323")
def test_no_width_of_the_terminal_cuts_the_help(env: Env) -> None:
    for words in EVERY:
        whole = help_of(env, *words, width=100)
        for width in WIDTHS:
            text = help_of(env, *words, width=width)
            # Only the breaks between words differ.
            assert words_in(text) == words_in(whole), (words, width)
            for line in text.splitlines():
                # A word that is longer than the terminal stays whole.
                is_short = len(line) <= min(width, 100)
                text = line.strip(" \\")
                is_word = " " not in text or re.fullmatch('\\S*"[^"]+"', text)
                assert is_short or is_word, line


@pytest.mark.spec("002/FR-323")
def test_every_help_speaks_of_no_type_of_python(env: Env) -> None:
    for words in EVERY:
        assert PYTHON.findall(help_of(env, *words)) == []


@pytest.mark.spec("002/FR-323")
def test_every_help_has_examples_that_are_accepted(env: Env) -> None:
    for words in EVERY:
        examples = examples_of(help_of(env, *words))
        assert examples == examples_of(help_of(env, *words, width=40))
        name = " ".join(["todo", *words])
        assert any(name in line for line in examples), words
        for line in examples:
            for arguments in calls_in(line):
                parsed = main.parse(main.split(arguments), env, as_json=False)
                assert not isinstance(parsed, main.Version), line


def calls_in(line: str) -> Iterator[list[str]]:
    """The arguments of each `todo` in a line of a shell."""
    for part in line.split(" | "):
        # A file, and where input comes from or output goes.
        plain = re.sub(r" [<>] .*", "", re.sub(r"<\(.*?\)", "x", part))
        words = shlex.split(plain)
        while re.match("[A-Z_]+=", words[0]):
            del words[0]
        if words[0] == "todo":
            yield words[1:]


@pytest.mark.spec("002/FR-322")
def test_help_of_a_command_is_its_help(todo_embedded: Todo) -> None:
    for words in EVERY:
        shown = todo_embedded(*words, "--help")
        assert shown.status == 0
        assert todo_embedded("help", *words) == shown
        assert todo_embedded("help", *words, "--json") == shown
        assert todo_embedded("-u", "bob", "help", *words) == shown
    assert todo_embedded("help", "-h") == todo_embedded("--help")
    assert todo_embedded("help", "help") == todo_embedded("--help")
    assert todo_embedded("db", "help") == todo_embedded("db", "--help")
    assert todo_embedded("help", "ls").out.startswith("Usage: todo ls ")
    below = todo_embedded("db", "help", "import")
    assert below == todo_embedded("db", "import", "--help")


@pytest.mark.spec("002/FR-322")
def test_help_of_no_command_is_refused(todo_embedded: Todo) -> None:
    for words in (["help", "frobnicate"], ["help", "db", "frobnicate"]):
        error = assert_refused(todo_embedded, *words, code="USAGE")
        assert error["message"] == "No such command 'frobnicate'"


def test_a_page_is_laid_out_by_its_width() -> None:
    narrow = Page(30)
    wide = Page(70)
    pages: list[Any] = [narrow, wide]
    for page in pages:
        page.write_usage("todo x", "[OPTIONS]")
        with page.section("Options"):
            page.write_dl(
                [("--flag", "Short."), ("--format a|bb|" + "c" * 30, "Long.")]
            )
        page.write_paragraph()
        page.write_text(
            "One\ntwo.\n\n\b\nExamples:\n  todo add 'a b' --due fri"
        )

    assert (
        narrow.getvalue()
        == """\
Usage: todo x [OPTIONS]

Options:
  --flag
      Short.
  --format a|bb|
      cccccccccccccccccccccccccccccc
      Long.

One two.

Examples:
  todo add 'a b' --due fri"""
    )
    assert (
        wide.getvalue()
        == """\
Usage: todo x [OPTIONS]

Options:
  --flag                          Short.
  --format a|bb|cccccccccccccccccccccccccccccc
                                  Long.

One two.

Examples:
  todo add 'a b' --due fri"""
    )
