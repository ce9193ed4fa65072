"""Hints of errors that say what to do next, ready to copy."""

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.expect import assert_refused
from tests.conftest import Seal
from tests.support.program import Todo

AWAY = {
    "TODO_DATABASE_URL": "postgresql://ada:CANARY@127.0.0.1:1/neondb",
    "TODO_TIMEOUT": "0.2",
}
"""A server that does not answer."""


@pytest.mark.spec("002/FR-324")
@pytest.mark.parametrize(
    "words",
    [
        ["Call", "mum"],
        ["-x", "it's $HOME"],
        ["Pay", "--due", "fri", "-t", "a", "-P", "home", "-d", "two lines"],
    ],
    ids=" ".join,
)
def test_a_task_that_no_server_takes_can_be_kept_in_a_file(
    todo_embedded: Todo, words: list[str], seal: Seal
) -> None:
    line = ["add", *words] if words[0] != "-x" else ["add", "--", *words]
    error = assert_refused(
        todo_embedded, *line, code="DATABASE_UNAVAILABLE", env=AWAY
    )

    hint = error["hint"]
    assert hint.startswith("check host and port")
    assert "CANARY" not in hint
    found = re.search("keep it here: `(.*?)`, and `todo (.*?)` says", hint)
    assert found is not None
    variable, program, *arguments = shlex.split(found[1])
    assert (variable, program) == ("TODO_DATABASE_URL=sqlite", "todo")
    env = {"TODO_DATABASE_URL": "sqlite"}
    kept = todo_embedded("--json", *arguments, env=env).data
    usual = todo_embedded("--json", *line, env=env).data
    ours = {"id", "number", "created_at", "updated_at"}
    assert {key: kept[key] for key in kept if key not in ours} == {
        key: usual[key] for key in usual if key not in ours
    }
    assert todo_embedded(*found[2].split()).status == 0


@pytest.mark.spec("002/FR-324")
def test_only_what_can_be_repeated_is_offered(todo_embedded: Todo) -> None:
    for line in (
        ["list"],
        ["done", "1"],
        ["add", "-"],
        ["add", "x", "-d", "-"],
        ["add", "x" * 200],
        ["add", "x", "-d", "two\nlines"],
    ):
        error = assert_refused(
            todo_embedded,
            *line,
            code="DATABASE_UNAVAILABLE",
            env=AWAY,
            stdin=b"text",
        )
        assert "keep it here" not in error["hint"]
    error = assert_refused(
        todo_embedded,
        *("add", "x", "-u", "bob"),
        code="DATABASE_UNAVAILABLE",
        env=AWAY,
    )
    assert "todo --user bob add x`" in error["hint"]


@pytest.mark.spec("002/FR-056")
def test_a_title_that_is_too_long_and_tags_in_one_option_have_a_hint(
    todo: Todo,
) -> None:
    todo("add", "x")
    for line in (["add", "x" * 201], ["update", "1", "--title", "x" * 201]):
        error = assert_refused(todo, *line, code="INVALID_INPUT")
        assert error["hint"] == "the notes can be longer: `-d TEXT`"
    for line in (
        ["add", "x", "-t", "a,b"],
        ["update", "1", "--add-tag", "a b"],
    ):
        error = assert_refused(todo, *line, code="INVALID_INPUT")
        assert error["hint"] == "repeat the option for each tag"
    error = assert_refused(todo, "add", "a\tb", code="INVALID_INPUT")
    assert "must not contain a tab (position 2)" in error["message"]


@pytest.mark.spec("002/FR-068")
def test_text_without_quotes_in_the_config_file_is_explained(
    todo_embedded: Todo, tmp_path: Path
) -> None:
    path = tmp_path / "config.toml"
    env = {"TODO_CONFIG": str(path)}
    for text, is_text in (
        ("user = ada\n", True),
        ("database_url = postgresql://ada:CANARY@x/y\n", True),
        ('user = "ada\n', False),
        ("user\n", False),
    ):
        path.write_text(text)
        path.chmod(0o600)
        error = assert_refused(todo_embedded, "list", code="CONFIG", env=env)
        hint = 'text needs quotes, as in `user = "ada"`'
        assert (error.get("hint") == hint) is is_text, text
        assert "CANARY" not in str(error)
