"""The slim settings are those of `config.py`, wherever they say anything."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Seal
from todo_cli import config
from todo_cli.completion import settings
from todo_cli.database.url import SqliteTarget
from todo_cli.errors import TodoError

URL = "postgresql://ada:secret@db.example/tasks"
EMBEDDED = "{home}/.local/share/todo/todo.db"
LOGIN = {"LOGNAME": "ada"}

Case = tuple[Mapping[str, str], str | None, str | None]

SURE: dict[str, Case] = {
    "nothing set": ({}, None, None),
    "a user": ({"TODO_USER": "bob"}, None, None),
    "a flag": ({"TODO_USER": "bob"}, None, "eve"),
    "a user with blanks": ({"TODO_USER": "  bob marley "}, None, None),
    "an address of mail": ({"TODO_USER": "ada@example.com"}, None, None),
    "other letters": ({"TODO_USER": "Zoë 李"}, None, None),
    "USER": ({"LOGNAME": "", "USER": "eve"}, None, None),
    "data folder": ({"XDG_DATA_HOME": "{home}/data"}, None, None),
    "relative data folder": ({"XDG_DATA_HOME": "data"}, None, None),
    "sqlite": ({"TODO_DATABASE_URL": "sqlite"}, None, None),
    "URL": ({"TODO_DATABASE_URL": "sqlite:///{home}/x.db"}, None, None),
    "relative URL": ({"TODO_DATABASE_URL": "sqlite:///my x.db"}, None, None),
    "path": ({"TODO_DATABASE_URL": "{home}/my tasks"}, None, None),
    "path from the home": ({"TODO_DATABASE_URL": "~/x.db"}, None, None),
    "path from here": ({"TODO_DATABASE_URL": "./x.db"}, None, None),
    "path from above": ({"TODO_DATABASE_URL": " ../x.db "}, None, None),
    "server": ({"TODO_DATABASE_URL": URL}, None, None),
    "another's server": ({"DATABASE_URL": URL}, None, None),
    "another's file": ({"DATABASE_URL": "sqlite:///db.sqlite3"}, None, None),
    "another's MySQL": ({"DATABASE_URL": "mysql://a:b@c/d"}, None, None),
    "ours and another's": (
        {"DATABASE_URL": URL, "TODO_DATABASE_URL": "sqlite"},
        None,
        None,
    ),
    "config": ({}, '# mine\n\nuser = "bob"\r\n  output="json"  \n', None),
    "config and variable": ({"TODO_USER": "eve"}, 'user = "bob"\n', None),
    "config with a pager": ({}, 'pager = "less -R"\nuser = "bob"', None),
    "config with a file": ({}, 'database_url = "./x.db"', None),
    "config with a server": ({}, f'database_url = "{URL}"', None),
    "config and another's": (
        {"DATABASE_URL": URL},
        'database_url = "sqlite"',
        None,
    ),
    "TOML of all kinds": (
        {},
        "user = 'bob' # so\ntimeout = 3.5\noutput = \"\\u006ason\"\n",
        None,
    ),
    "byte order mark": ({}, '\ufeffuser = "bob"', None),
    "time": ({"TODO_TIMEOUT": "30"}, "timeout = 0", None),
    "no config": ({"TODO_CONFIG": os.devnull}, 'user = "bob"', None),
}
"""Variables, the config file, and `--user`: what is read slimly."""
UNSURE: dict[str, Case] = {
    "empty user": ({"TODO_USER": " "}, None, None),
    "empty flag": ({}, None, ""),
    "user with a slash": ({"TODO_USER": "a/b"}, None, None),
    "user that is a dot": ({"TODO_USER": ".."}, None, None),
    "user with a control character": ({"TODO_USER": "a\x1bb"}, None, None),
    "user that is not UTF-8": ({"TODO_USER": "a\udcff"}, None, None),
    "user that is a server": ({"TODO_USER": URL}, None, None),
    "user that looks empty": ({"TODO_USER": "\u2800"}, None, None),
    "long user": ({"TODO_USER": "a" * 256}, None, None),
    "empty store": ({"TODO_DATABASE_URL": ""}, None, None),
    "word": ({"TODO_DATABASE_URL": "tasks"}, None, None),
    "scheme": ({"TODO_DATABASE_URL": "mysql://a/b"}, None, None),
    "parameters": (
        {"TODO_DATABASE_URL": "sqlite:///x.db?mode=ro"},
        None,
        None,
    ),
    "memory": ({"TODO_DATABASE_URL": "sqlite:///:memory:"}, None, None),
    "no name": ({"TODO_DATABASE_URL": "sqlite:///"}, None, None),
    "sidecar": ({"TODO_DATABASE_URL": "./x.db-WAL"}, None, None),
    "host": ({"TODO_DATABASE_URL": "//db.example/x"}, None, None),
    "psql": ({"TODO_DATABASE_URL": f"psql '{URL}'"}, None, None),
    "control": ({"TODO_DATABASE_URL": "/tmp/a\x1bb"}, None, None),
    "time": ({"TODO_TIMEOUT": "soon"}, None, None),
    "no time": ({"TODO_TIMEOUT": "0"}, None, None),
    "output": ({"TODO_OUTPUT": "xml"}, None, None),
    "no TOML": ({}, "user = bob", None),
    "key": ({}, 'usr = "bob"', None),
    "twice": ({}, 'user = "a"\nuser = "b"', None),
    "type": ({}, "user = 3", None),
    "truth": ({}, "timeout = true", None),
    "table": ({}, "[user]\nname = 'a'", None),
    "UTF-16": ({}, "user = 'a'\0", None),
    "config that is empty": ({"TODO_CONFIG": ""}, None, None),
    "config that is missing": ({"TODO_CONFIG": "{home}/x.toml"}, None, None),
    "config that is a folder": ({"TODO_CONFIG": "{home}"}, None, None),
    "misspelt": ({"DATABASE_URL": "postgersql://a@b/c"}, None, None),
}
"""What is wrong, or cannot be told slimly."""


def filled(case: Case, home: Path) -> tuple[dict[str, str], str | None]:
    """The variables and `--user` of a case; its config file is written."""
    given, content, user = case
    folder = home / ".config" / "todo"
    if content is not None:
        folder.mkdir(parents=True)
        path = folder / "config.toml"
        path.write_text(content, encoding="utf-8", newline="")
        path.chmod(0o600)
    variables = {**LOGIN, "HOME": str(home)}
    for name, value in given.items():
        variables[name] = value.replace("{home}", str(home))
    return variables, user


def loaded(variables: Mapping[str, str], user: str | None, seal: Seal) -> Any:
    """What `config.py` says: the user, and the file or None; None if it refuses."""
    try:
        file = config.read_config(variables, cwd=seal.cwd, home=seal.home)
        config.output(variables, file)
        found = config.load(
            variables,
            file,
            user=user,
            login=variables.get("LOGNAME") or variables.get("USER"),
            cwd=seal.cwd,
            home=seal.home,
        )
    except TodoError:
        return None
    path = None
    if isinstance(found.target, SqliteTarget):
        path = os.path.normpath(found.target.path)
    return found.user, path


def chosen(variables: Mapping[str, str], user: str | None) -> Any:
    """What is read slimly, in the same form."""
    found = settings.choose(variables, user)
    path = None if found.path is None else os.path.normpath(found.path)
    return found.user, path


@pytest.mark.spec("002/FR-404")
@pytest.mark.parametrize("case", SURE.values(), ids=SURE)
def test_usual_settings_are_read_as_a_command_reads_them(
    case: Case, seal: Seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(seal.cwd)
    variables, user = filled(case, seal.home)

    expected = loaded(variables, user, seal)

    assert expected is not None
    assert chosen(variables, user) == expected


@pytest.mark.spec("002/FR-404")
def test_every_key_of_the_config_file_is_known() -> None:
    keys = [each.key for each in config.SETTINGS if each.key is not None]

    assert sorted(settings.KEYS) == sorted(keys)


@pytest.mark.spec("002/FR-404")
@pytest.mark.parametrize("case", UNSURE.values(), ids=UNSURE)
def test_other_settings_are_not_guessed(
    case: Case, seal: Seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(seal.cwd)
    variables, user = filled(case, seal.home)

    with pytest.raises((settings.Unsure, OSError, ValueError)):
        settings.choose(variables, user)


@pytest.mark.spec("002/FR-404")
def test_a_config_file_with_a_password_that_others_can_read_is_not_used(
    seal: Seal,
) -> None:
    case: Case = ({}, f'database_url = "{URL}"', None)
    variables, user = filled(case, seal.home)
    path = seal.home / ".config" / "todo" / "config.toml"
    path.chmod(0o644)

    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert loaded(variables, user, seal) is None
    with pytest.raises(settings.Unsure):
        settings.choose(variables, user)


@pytest.mark.spec("002/FR-404")
def test_a_config_file_that_is_a_pipe_is_not_read(seal: Seal) -> None:
    path = seal.home / "pipe"
    os.mkfifo(path)
    variables = {**LOGIN, "HOME": str(seal.home), "TODO_CONFIG": str(path)}

    with pytest.raises(settings.Unsure):
        settings.choose(variables, None)


@pytest.mark.spec("002/FR-404")
def test_the_account_is_asked_where_no_variable_names_it() -> None:
    import pwd

    entry = pwd.getpwuid(os.getuid())

    found = settings.choose({"TODO_CONFIG": os.devnull}, None)

    assert found.user == entry.pw_name
    assert found.path == f"{entry.pw_dir}/.local/share/todo/todo.db"
