"""A connection string that is misspelt or in the wrong place: its password is neither
shown nor written anywhere.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.cli.expect import assert_refused
from tests.conftest import Seal
from tests.support.program import Ran, Todo
from tests.support.size import share, size

SECRET = "S3cretPw"
STYLES = [["--debug"], ["--json"]]
MISSPELT = [
    f"postgresql//ada:{SECRET}@h.example/db",
    f"postgresql///ada:{SECRET}@h.example/db",
    f"postgres:/ada:{SECRET}@h.example/db",
    f"postgresql:ada:{SECRET}@h.example",
    f"postgresql;//ada:{SECRET}@h.example/db",
    f"postgresql.//ada:{SECRET}@h.example/db",
    f"postgresql ://ada:{SECRET}@h.example/db",
    f"postgesql://ada:{SECRET}@h.example/db",
    f"htps://ada:{SECRET}@h.example/db",
    f"pg://ada:{SECRET}@h.example/db",
    f"{SECRET}://ada@h.example/db",
    f"ada:{SECRET}@h.example/db",
    f"ada:{SECRET}@h.example:5432",
    f"ada;{SECRET}@h.example/db",
    f"ada/{SECRET}@h.example/db",
    f"{SECRET}@ep-x.aws.neon.tech/db",
    f"//ada:{SECRET}@h.example/db",
    f"./postgresql://ada:{SECRET}@h.example/db",
    f"host=h.example user=ada password={SECRET}",
    f"-h h.example -U ada -W {SECRET}",
    f"PGPASSWORD={SECRET} psql -h h.example",
    f"psql 'postgresql://ada:{SECRET}@h.example/db'",
    f"export DATABASE_URL=postgresql://ada:{SECRET}@h.example/db",
    f"jdbc:postgresql://h.example/db?user=ada&password={SECRET}",
    f'"postgresql://ada:{SECRET}@h.example/db',
    f"\u201cpostgresql://ada:{SECRET}@h.example/db\u201d",
    f"postgresql:\\/\\/ada:{SECRET}@h.example/db",
    f"postgresql\uff1a\uff0f\uff0fada\uff1a{SECRET}\uff20h.example",
    f"postgresql://ada\uff1a{SECRET}\uff20h.example/db",
    f"postgresql%3A%2F%2Fada%3A{SECRET}%40h.example",
    f"postgresql://ada%3A{SECRET}@h.example/db",
    f"postgresql://ada;{SECRET}@h.example/db",
    f"postgresql://ada:{SECRET}@@h.example/db",
    f"postgresql://ada:{SECRET}:h.example/db",
    f"postgresql://ada: {SECRET}@h.example/db",
    f"postgresql://h.example/?dbname=postgresql://ada:{SECRET}%40h",
    f"postgresql://h.example/db?sslrootcert=postgresql:%2F%2Fada:{SECRET}%40h",
    f"sqlite://ada:{SECRET}@h.example/db",
    f"sqlite:///postgresql://ada:{SECRET}@h.example/db",
]
COMMANDS = [
    *(
        ["add", "x"],
        ["add", "-"],
        ["list"],
        ["show", "1"],
        ["update", "1", "--title", "y"],
        ["done", "1"],
    ),
    *(
        ["delete", "1"],
        ["doctor"],
        ["db", "upgrade"],
        ["db", "upgrade", "--sql"],
        ["db", "policy"],
    ),
    ["db", "import", "nowhere.db"],
]
WORDS = [
    f"postgresql://ada:{SECRET}@localhost/x",
    f"postgresql//ada:{SECRET}@h.example/db",
    f"postgresql://ada:{SECRET} x/y@h.example/db",
    f"postgresql://ada:{SECRET}'q\"\u00e9@h.example/db",
    f"{'x' * 50} postgresql://ada:{SECRET}@h.example/db",
    f"postgresql://h.example/db?{SECRET}",
    f"3,postgresql://ada:{SECRET}@h.example",
    f"ada:{SECRET}@h.example",
    f"host=h.example password={SECRET}",
]


def assert_hidden(ran: Ran) -> None:
    """Nothing of the password was printed, and no bug was met."""
    assert SECRET.lower() not in (ran.out + ran.err).lower()
    assert "Traceback" not in ran.err
    assert ran.status != 1


def written(seal: Seal) -> list[Path]:
    """Files and folders that hold the password in their name or in their bytes; but for
    the config file.
    """
    there = [
        path
        for folder in (seal.home, seal.cwd)
        for path in folder.rglob("*")
        if path.name != "config.toml"
    ]
    secret = SECRET.encode()
    return [
        path
        for path in there
        if SECRET in str(path)
        or (path.is_file() and secret in path.read_bytes())
    ]


def assert_refused_by_all(
    todo: Todo, env: dict[str, str], commands: Sequence[Sequence[str]]
) -> None:
    """Every one of these commands refuses the settings, and hides the password."""
    for command in commands:
        for style in STYLES:
            ran = todo(*style, *command, stdin=b"one\n", env=env)
            assert_hidden(ran)
            assert ran.status == 8, (command, env, ran)


@pytest.mark.spec("002/FR-066", "002/FR-131")
def test_misspelt_address_is_refused_and_shown_by_no_command(
    todo_embedded: Todo, seal: Seal
) -> None:
    # In the suite a command meets every third address.
    for turn, address in enumerate(MISSPELT):
        assert_refused_by_all(
            todo_embedded,
            {"TODO_DATABASE_URL": address},
            share([*COMMANDS, ["serve"]], turn, 3),
        )

    assert written(seal) == []
    assert list(seal.home.rglob("todo.db")) == []


@pytest.mark.spec("002/FR-066", "002/FR-131")
def test_misspelt_address_in_the_config_file_is_refused_and_not_shown(
    todo_embedded: Todo, seal: Seal
) -> None:
    config = seal.cwd / "config.toml"
    config.touch(mode=0o600)

    for address in MISSPELT:
        config.write_text(f"database_url = {json.dumps(address)}\n")
        assert_refused_by_all(
            todo_embedded,
            {"TODO_CONFIG": str(config)},
            [["add", "x"], ["doctor"]],
        )

    assert written(seal) == []
    assert list(seal.home.rglob("todo.db")) == []


@pytest.mark.spec("002/FR-066")
def test_misspelt_address_of_other_programs_is_shown_by_no_command(
    todo_embedded: Todo, seal: Seal
) -> None:
    commands = (["add", "x"], ["list"], ["doctor"], ["db", "policy"])
    for turn, address in enumerate(MISSPELT):
        for command in share(commands, turn, 2):
            for style in STYLES:
                env = {"DATABASE_URL": address}
                assert_hidden(todo_embedded(*style, *command, env=env))

    assert written(seal) == []


@pytest.mark.spec("002/FR-066")
@pytest.mark.parametrize("style", STYLES, ids=str)
def test_name_of_an_unknown_parameter_is_not_shown(
    todo_embedded: Todo, style: list[str]
) -> None:
    for query in (
        SECRET,
        f"{SECRET}=1",
        f"passwrod={SECRET}",
        f"sslmode=disable&password{SECRET}",
    ):
        url = f"postgresql://ada@127.0.0.1:1/db?{query}"
        env = {"TODO_DATABASE_URL": url, "TODO_TIMEOUT": "0.1"}
        ran = todo_embedded(*style, "doctor", env=env)
        assert ran.status == 6
        assert "(unknown)" in ran.out
        assert_hidden(ran)


OF_ADD = ("--user", "--id", "--due", "--wait", "--priority")
"""Options of `add` whose value is no text."""


def lines(word: str) -> Iterator[list[str]]:
    """Command lines that have a word in every place where no free text belongs."""
    yield from (
        [word],
        [f"--{word}"],
        [f"-{word}"],
        ["db", word],
        ["db", f"-{word}"],
        [f"--version={word}"],
    )
    yield from (
        ["-u", word, "list"],
        [f"--user={word}", "list"],
        [f"-u{word}", "list"],
        ["add", "x", f"-d{word}"],
    )
    commands = [*COMMANDS, ["serve", "--port", "x"]]
    options = [
        "--user",
        "--id",
        "--limit",
        "--status",
        "--due",
        "--wait",
        "--priority",
        "--replace",
        "--since",
        "--sort",
        "--group",
        "--port",
        "--host",
        "--undo",
        "--yes",
        "--sql",
        "--json",
    ]
    for command in commands:
        yield from (
            [*command, f"--{word}"],
            [*command, f"-{word}"],
            [*command, f"-u{word}"],
            [*command, f"-h{word}"],
        )
        yield from (
            [*command, option, word]
            for option in options
            if command[0] != "add" or option in OF_ADD
            if command[0] != "list" or option != "--json"
        )
        yield from ([*command, f"{option}={word}"] for option in options)
        # In a title, a note and what is looked for it is text.
        if command[0] not in ("add", "list", "note"):
            yield from (
                [*command, word],
                [*command, "--", word],
                [*command[:1], word],
            )
    yield ["db", "import", word]
    yield ["db", "policy", word]


@pytest.mark.spec("002/FR-132")
@pytest.mark.parametrize("style", STYLES, ids=str)
def test_address_in_the_place_of_another_word_is_not_quoted(
    todo_embedded: Todo, seal: Seal, style: list[str]
) -> None:
    todo_embedded("add", "first")

    # In the suite each place gets three of the words, of which one in another way.
    number = STYLES.index(style)
    for turn, word in enumerate(WORDS):
        first = size((turn - 3 * number) % 6, 0)
        for arguments in [*lines(word)][first :: size(6, 1)]:
            ran = todo_embedded(*style, *arguments)
            assert_hidden(ran)
            assert ran.status != 0, arguments

    assert written(seal) == []


@pytest.mark.spec("002/FR-132", "002/FR-195")
def test_address_that_is_looked_for_is_text(todo_embedded: Todo) -> None:
    todo_embedded("add", "first")

    for word in WORDS:
        assert todo_embedded("list", word) == Ran(0, "", "")
        ran = todo_embedded("update", "1", "-r", f"{word}=x", "--json")
        assert_hidden(ran)
        assert ran.error["code"] == "INVALID_INPUT"


@pytest.mark.spec("002/FR-132")
def test_import_refuses_a_url(todo_embedded: Todo) -> None:
    message = "must be an embedded file, not a URL"

    for path in (
        f"postgresql://u:{SECRET}@localhost/x",
        f"u:{SECRET}@localhost",
        "sqlite:///x.db",
    ):
        error = assert_refused(
            todo_embedded, "db", "import", path, code="INVALID_INPUT"
        )
        assert error["message"] == f"path: {message}"
        assert error["details"] == [{"field": "path", "message": message}]


@pytest.mark.spec("002/FR-132")
def test_address_as_the_text_of_a_task_is_text(todo: Todo) -> None:
    address = f"postgresql://ada:{SECRET}@h.example/db"

    data = todo("add", address, "-d", address, "--json").data

    assert (data["title"], data["description"]) == (address, address)
    assert address in todo("list").out
    assert (
        todo("update", "1", "--title", f"no {address}").out
        == f"Updated 1: no {address}\n"
    )
