"""Settings as pure functions: what wins, where it came from, what is refused and in which words."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from todo_cli import config
from todo_cli.config import Config, Settings
from todo_cli.database.url import PostgresTarget, SqliteTarget
from todo_cli.errors import ConfigInvalid, InvalidInput, IoFailed, TodoError, Usage

SECRET = "CANARY"
URL = f"postgresql://ada:{SECRET}@db.example/shop"
Write = Callable[..., Path]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder with nothing in it."""
    return tmp_path


@pytest.fixture
def write(home: Path) -> Write:
    """Write the default config file: `write('user = "ada"', mode=0o600)`."""

    def write(text: str | bytes, mode: int = 0o600) -> Path:
        path = home / ".config" / "todo" / "config.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return path

    return write


def read(home: Path | None, **variables: str) -> Config:
    """Read the config file that these variables lead to."""
    return config.read_config(variables, cwd=Path("/here"), home=home)


def load(
    values: dict[str, Any] | None = None,
    *,
    user: str | None = "ada",
    login: str | None = "tester",
    home: Path | None = Path("/home/ada"),
    **variables: str,
) -> Settings:
    """Choose settings from a config file with these values and from these variables."""
    file = Config(Path("/home/ada/.config/todo/config.toml"), values or {})
    return config.load(
        variables, file, user=user, login=login, cwd=Path("/here"), home=home
    )


def refusal(kind: type[TodoError], call: Callable[[], object]) -> TodoError:
    """The error that answers a call; seen not to hold the secret."""
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind
    assert (
        SECRET
        not in f"{caught.value!r} {caught.value.message} {caught.value.hint} {caught.value.details}"
    )
    return caught.value


# The user


@pytest.mark.spec("002/FR-034")
@pytest.mark.parametrize(
    ("flag", "variable", "value", "login", "chosen"),
    [
        ("flo", "vera", "carl", "lou", ("flo", "--user")),
        (None, "vera", "carl", "lou", ("vera", "TODO_USER")),
        (
            None,
            None,
            "carl",
            "lou",
            ("carl", "`user` in /home/ada/.config/todo/config.toml"),
        ),
        (None, None, None, "lou", ("lou", "the login name")),
        (" flo ", None, None, None, ("flo", "--user")),
    ],
)
def test_load_takes_the_first_user_that_is_named(
    flag: str | None,
    variable: str | None,
    value: str | None,
    login: str | None,
    chosen: tuple[str, str],
) -> None:
    values = {"user": value} if value else {}
    variables: dict[str, Any] = {"TODO_USER": variable} if variable else {}

    settings = load(values, user=flag, login=login, **variables)

    assert (settings.user, settings.user_source) == chosen


@pytest.mark.spec("002/FR-035")
@pytest.mark.parametrize("empty", ["", "  ", "\t", "\u3000"])
def test_load_refuses_an_empty_user_and_does_not_look_further(empty: str) -> None:
    errors = {
        "--user": refusal(Usage, lambda: load(user=empty, TODO_USER="vera")),
        "TODO_USER": refusal(
            Usage, lambda: load({"user": "carl"}, user=None, TODO_USER=empty)
        ),
        "`user` in /home/ada/.config/todo/config.toml": refusal(
            Usage, lambda: load({"user": empty}, user=None)
        ),
        "the login name": refusal(Usage, lambda: load(user=None, login=empty)),
    }

    for source, error in errors.items():
        assert error.message == f"The user is empty ({source})"
        assert (
            error.hint == "set one with --user, TODO_USER, or `user` in the config file"
        )


@pytest.mark.spec("002/FR-035")
def test_load_refuses_to_go_without_a_user() -> None:
    assert (
        refusal(Usage, lambda: load(user=None, login=None)).message
        == "No user name found"
    )


@pytest.mark.parametrize("name", ["a/b", "..", "a\x1bb", "u" * 256])
def test_load_refuses_a_user_that_breaks_a_rule_and_says_where_it_stands(
    name: str,
) -> None:
    error = refusal(InvalidInput, lambda: load(user=None, TODO_USER=name))

    assert error.message.startswith("user: ")
    assert error.message.endswith("(TODO_USER)")
    assert [detail["field"] for detail in error.details] == ["user"]


# The store


@pytest.mark.spec("002/FR-064")
def test_load_takes_the_embedded_file_where_nothing_is_set() -> None:
    settings = load()

    assert settings.target == SqliteTarget(Path("/home/ada/.local/share/todo/todo.db"))
    assert (settings.target_source, settings.passed_over) == ("the default", ())


@pytest.mark.spec("002/FR-064")
@pytest.mark.parametrize(
    ("variables", "values", "host", "source", "passed_over"),
    [
        (
            {
                "TODO_DATABASE_URL": "postgresql://own",
                "DATABASE_URL": "postgresql://foreign",
            },
            {"database_url": "postgresql://file"},
            "own",
            "TODO_DATABASE_URL",
            ("DATABASE_URL, because of TODO_DATABASE_URL",),
        ),
        (
            {"DATABASE_URL": "postgresql://foreign"},
            {"database_url": "postgresql://file"},
            "file",
            "`database_url` in /home/ada/.config/todo/config.toml",
            (
                "DATABASE_URL, because of `database_url` in /home/ada/.config/todo/config.toml",
            ),
        ),
        ({"DATABASE_URL": "postgresql://foreign"}, {}, "foreign", "DATABASE_URL", ()),
        ({"DATABASE_URL": "postgres://foreign"}, {}, "foreign", "DATABASE_URL", ()),
        (
            {"DATABASE_URL": "postgresql+asyncpg://foreign"},
            {},
            "foreign",
            "DATABASE_URL",
            (),
        ),
        (
            {"DATABASE_URL": "postgresql+psycopg2://foreign"},
            {},
            "foreign",
            "DATABASE_URL",
            (),
        ),
        (
            {"DATABASE_URL": "postgres+psycopg://foreign"},
            {},
            "foreign",
            "DATABASE_URL",
            (),
        ),
        (
            {"TODO_DATABASE_URL": "  postgresql://own\n"},
            {},
            "own",
            "TODO_DATABASE_URL",
            (),
        ),
        ({"DATABASE_URL": '"postgresql://foreign"'}, {}, "foreign", "DATABASE_URL", ()),
        ({"DATABASE_URL": " postgresql://foreign"}, {}, "foreign", "DATABASE_URL", ()),
        (
            {"DATABASE_URL": "\ufeffpostgresql://foreign"},
            {},
            "foreign",
            "DATABASE_URL",
            (),
        ),
        ({"DATABASE_URL": "POSTGRESQL://foreign"}, {}, "foreign", "DATABASE_URL", ()),
        (
            {"TODO_DATABASE_URL": "'postgresql+psycopg2://own'"},
            {},
            "own",
            "TODO_DATABASE_URL",
            (),
        ),
        (
            {},
            {"database_url": "'POSTGRES://file'"},
            "file",
            "`database_url` in /home/ada/.config/todo/config.toml",
            (),
        ),
    ],
)
def test_load_takes_the_first_store_that_is_named(
    variables: dict[str, Any],
    values: dict[str, Any],
    host: str,
    source: str,
    passed_over: tuple[str, ...],
) -> None:
    settings = load(values, **variables)

    assert isinstance(settings.target, PostgresTarget)
    assert settings.target.hosts == ((host, 5432),)
    assert (settings.target_source, settings.passed_over) == (source, passed_over)


@pytest.mark.spec("002/FR-064")
@pytest.mark.parametrize(
    "foreign",
    [
        "mysql://db",
        "mysql://postgres:x@db",
        "sqlite:///x.db",
        "sqlite:////var/postgres.db",
        "shop",
        "postgis://db",
    ],
)
def test_load_passes_over_a_database_url_of_something_else(foreign: str) -> None:
    settings = load(DATABASE_URL=foreign)

    assert isinstance(settings.target, SqliteTarget)
    assert settings.passed_over == ("DATABASE_URL, which is not a PostgreSQL URL",)


@pytest.mark.spec("002/FR-064")
@pytest.mark.parametrize(
    "foreign",
    [
        f"psql 'postgresql://ada:{SECRET}@db'",
        f"jdbc:postgresql://db?password={SECRET}",
        f"postgresqlx://ada:{SECRET}@db",
        f"DATABASE_URL=Postgres://ada:{SECRET}@db",
        f"mysql://db?next=postgresql://ada:{SECRET}@db",
        f"postgresql:\\/\\/ada:{SECRET}@db",
        f"postgresql//ada:{SECRET}@db",
        f"postgresql:ada:{SECRET}@db",
        f"postgesql://ada:{SECRET}@db",
        f"psql://ada:{SECRET}@db",
        f"host=db user=ada password={SECRET}",
        f"{SECRET}@ep-x.neon.tech/neondb",
    ],
)
def test_load_never_passes_over_a_database_url_that_is_meant_for_postgresql(
    foreign: str,
) -> None:
    """Tasks went into a file that nobody looked for: dani-garcia/vaultwarden#7062,
    bunkerity/bunkerweb#3344.
    """
    error = refusal(ConfigInvalid, lambda: load(DATABASE_URL=foreign))

    assert error.message.endswith("(DATABASE_URL)")
    assert "TODO_DATABASE_URL=sqlite" in (error.hint or "")


@pytest.mark.spec("002/FR-131")
@pytest.mark.parametrize(
    "address",
    [
        f"//ada:{SECRET}@db/shop",
        f"/postgresql:/ada:{SECRET}@db",
        f"/x?password={SECRET}",
    ],
)
@pytest.mark.parametrize(
    "name", ["XDG_DATA_HOME", "XDG_CONFIG_HOME", "TODO_CONFIG", "HOME"]
)
def test_settings_that_name_a_path_refuse_an_address(name: str, address: str) -> None:
    home = Path(address) if name == "HOME" else Path("/home/ada")
    variables: dict[str, Any] = {} if name == "HOME" else {name: address}

    def use() -> None:
        read(home, **variables)
        load(home=home, **variables)

    error = refusal(ConfigInvalid, use)

    assert error.message == f"{name} looks like a connection string, and must be a path"


@pytest.mark.spec("002/FR-131")
@pytest.mark.parametrize(
    "name", [f"postgresql:ada:{SECRET}@h", f"password={SECRET}", f"ada:{SECRET}@h"]
)
def test_load_refuses_an_address_as_the_user(name: str) -> None:
    error = refusal(InvalidInput, lambda: load(user=name))

    assert error.message == "user: looks like a connection string (--user)"
    assert load(user="ada@example.com").user == "ada@example.com"


def test_load_says_nothing_of_an_empty_database_url() -> None:
    assert load(DATABASE_URL="").passed_over == ()
    assert load(DATABASE_URL="", TODO_DATABASE_URL="x.db").passed_over == ()


@pytest.mark.spec("002/FR-065")
@pytest.mark.parametrize("value", ["sqlite", " sqlite ", "'sqlite'", "\ufeffsqlite"])
def test_load_takes_the_word_sqlite_as_the_embedded_file(value: str) -> None:
    settings = load(TODO_DATABASE_URL=value, XDG_DATA_HOME="/data")

    assert settings.target == SqliteTarget(Path("/data/todo/todo.db"))
    assert settings.target_source == "TODO_DATABASE_URL"


@pytest.mark.spec("002/FR-065")
@pytest.mark.parametrize("value", ["", " ", "\n", '""', "\ufeff"])
def test_load_refuses_an_empty_url(value: str) -> None:
    error = refusal(ConfigInvalid, lambda: load(TODO_DATABASE_URL=value))

    assert error.message == "TODO_DATABASE_URL is empty"


@pytest.mark.spec("002/FR-066")
@pytest.mark.parametrize(
    ("variables", "values", "source"),
    [
        (
            {"TODO_DATABASE_URL": f"postgresql://ada:{SECRET}#@db"},
            {},
            "TODO_DATABASE_URL",
        ),
        ({"DATABASE_URL": f"postgresql://ada:{SECRET}#@db"}, {}, "DATABASE_URL"),
        (
            {},
            {"database_url": f"https://ada:{SECRET}@db"},
            "`database_url` in /home/ada/.config/todo/config.toml",
        ),
    ],
)
def test_load_says_where_a_bad_url_stands_and_nothing_of_it(
    variables: dict[str, Any], values: dict[str, Any], source: str
) -> None:
    error = refusal(ConfigInvalid, lambda: load(values, **variables))

    assert error.message.endswith(f"({source})")
    assert error.hint


@pytest.mark.spec("002/FR-065")
def test_load_starts_relative_paths_at_the_working_directory_and_tildes_at_home() -> (
    None
):
    assert load(TODO_DATABASE_URL="a.db").target == SqliteTarget(Path("/here/a.db"))
    assert load(TODO_DATABASE_URL="~/a.db").target == SqliteTarget(
        Path("/home/ada/a.db")
    )


@pytest.mark.spec("002/FR-071")
@pytest.mark.parametrize(
    "variables", [{}, {"TODO_DATABASE_URL": "sqlite"}, {"XDG_DATA_HOME": "relative"}]
)
def test_load_needs_a_home_for_the_embedded_file(variables: dict[str, Any]) -> None:
    error = refusal(IoFailed, lambda: load(home=None, **variables))

    assert (error.message, error.hint) == (
        "There is no home folder to keep tasks in",
        "set TODO_DATABASE_URL",
    )


@pytest.mark.spec("002/FR-071")
def test_load_needs_no_home_for_another_store() -> None:
    settings = load(home=None, TODO_DATABASE_URL="/srv/a.db")

    assert settings.target == SqliteTarget(Path("/srv/a.db"))
    assert settings.data_path is None
    assert load(home=None, XDG_DATA_HOME="/data").data_path == Path(
        "/data/todo/todo.db"
    )


@pytest.mark.spec("002/FR-066")
def test_settings_and_config_do_not_show_secrets() -> None:
    file = Config(Path("config.toml"), {"database_url": URL})

    assert SECRET not in repr(load(TODO_DATABASE_URL=URL))
    assert SECRET not in repr(file)


# The timeout


@pytest.mark.spec("002/FR-070")
@pytest.mark.parametrize(
    ("variables", "values", "seconds"),
    [
        ({}, {}, 15.0),
        ({}, {"timeout": 3}, 3.0),
        ({}, {"timeout": 0.25}, 0.25),
        ({"TODO_TIMEOUT": "7"}, {"timeout": 3}, 7.0),
        ({"TODO_TIMEOUT": "0.5"}, {}, 0.5),
        ({"TODO_TIMEOUT": "3600"}, {}, 3600.0),
    ],
)
def test_load_reads_the_timeout(
    variables: dict[str, Any], values: dict[str, Any], seconds: float
) -> None:
    assert load(values, **variables).timeout_s == seconds


@pytest.mark.spec("002/FR-070")
@pytest.mark.parametrize(
    "value",
    [
        "",
        "0",
        "0.0",
        "-1",
        "+1",
        "1e2",
        "nan",
        "inf",
        "3601",
        "99999",
        "1,5",
        "1_0",
        "5s",
        "\u0661",
        " 5",
        "1.",
        ".5",
    ],
)
def test_load_refuses_a_timeout_that_is_no_number_of_seconds(value: str) -> None:
    error = refusal(ConfigInvalid, lambda: load(TODO_TIMEOUT=value))

    assert (
        error.message
        == "TODO_TIMEOUT must be a number of seconds, above 0 and at most 3600"
    )


@pytest.mark.parametrize(
    "value",
    [0, -1, 3_601, float("nan"), float("inf"), pytest.param(10**400, id="huge")],
)
def test_load_refuses_a_timeout_of_the_file_that_is_out_of_range(value: float) -> None:
    error = refusal(ConfigInvalid, lambda: load({"timeout": value}))

    assert error.message.startswith(
        "`timeout` in /home/ada/.config/todo/config.toml must be a number of seconds"
    )


# The output


@pytest.mark.spec("002/FR-038")
@pytest.mark.parametrize(
    ("variables", "file", "chosen"),
    [
        ({}, None, "text"),
        ({}, Config(Path("c")), "text"),
        ({}, Config(Path("c"), {"output": "json"}), "json"),
        ({"TODO_OUTPUT": "text"}, Config(Path("c"), {"output": "json"}), "text"),
        ({"TODO_OUTPUT": "json"}, None, "json"),
    ],
)
def test_output_takes_the_environment_before_the_file(
    variables: dict[str, Any], file: Config | None, chosen: str
) -> None:
    assert config.output(variables, file) == chosen


@pytest.mark.spec("002/FR-070")
@pytest.mark.parametrize("value", ["", "JSON", "yaml", " json"])
def test_output_refuses_what_is_neither(value: str) -> None:
    by_variable = refusal(
        ConfigInvalid, lambda: config.output({"TODO_OUTPUT": value}, None)
    )
    by_file = refusal(
        ConfigInvalid,
        lambda: config.output({}, Config(Path("c.toml"), {"output": value})),
    )

    assert by_variable.message == "TODO_OUTPUT must be one of text, json"
    assert by_file.message == "`output` in c.toml must be one of text, json"


# The file


@pytest.mark.spec("002/FR-067")
@pytest.mark.parametrize(
    ("variables", "path"),
    [
        ({}, "/home/ada/.config/todo/config.toml"),
        ({"XDG_CONFIG_HOME": "/etc/ada"}, "/etc/ada/todo/config.toml"),
        ({"XDG_CONFIG_HOME": "relative"}, "/home/ada/.config/todo/config.toml"),
        ({"XDG_CONFIG_HOME": ""}, "/home/ada/.config/todo/config.toml"),
    ],
)
def test_read_config_looks_in_the_config_folder(
    variables: dict[str, Any], path: str
) -> None:
    assert read(Path("/home/ada"), **variables) == Config(Path(path))


def test_read_config_finds_none_without_a_home() -> None:
    assert read(None) == Config(None)
    assert read(None, XDG_CONFIG_HOME="/etc/ada").path == Path(
        "/etc/ada/todo/config.toml"
    )


@pytest.mark.spec("002/FR-067")
def test_read_config_takes_the_file_of_todo_config(tmp_path: Path) -> None:
    path = tmp_path / "work.toml"
    path.write_text('user = "ada"\n')

    found = config.read_config({"TODO_CONFIG": "work.toml"}, cwd=tmp_path, home=None)

    assert (found.path, found.values) == (path, {"user": "ada"})
    assert read(None, TODO_CONFIG=str(path)).values == {"user": "ada"}


@pytest.mark.spec("002/FR-067")
def test_read_config_wants_the_file_of_todo_config_to_be_there(home: Path) -> None:
    empty = refusal(ConfigInvalid, lambda: read(home, TODO_CONFIG=""))
    missing = refusal(
        ConfigInvalid, lambda: read(home, TODO_CONFIG=str(home / "no.toml"))
    )

    assert empty.message == "TODO_CONFIG is empty"
    assert missing.message == f"{home / 'no.toml'} does not exist"


@pytest.mark.spec("002/FR-068")
def test_read_config_reads_every_key(home: Path, write: Write) -> None:
    path = write(
        'database_url = "sqlite"\nuser = "ada"\noutput = "json"\ntimeout = 1.5\n'
    )

    found = read(home)

    assert found.path == path
    assert found.values == {
        "database_url": "sqlite",
        "user": "ada",
        "output": "json",
        "timeout": 1.5,
    }


@pytest.mark.spec("002/FR-068")
@pytest.mark.parametrize(
    "data", [b'\xef\xbb\xbfuser = "ada"\n', b'\xef\xbb\xbf# x\r\nuser = "ada"\r\n']
)
def test_read_config_takes_a_file_with_a_byte_order_mark(
    home: Path, write: Write, data: bytes
) -> None:
    """Editors on Windows write one: hukkin/tomli#304."""
    write(data)

    assert read(home).values == {"user": "ada"}


@pytest.mark.spec("002/FR-068")
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_read_config_refuses_utf_16_and_says_so(
    home: Path, write: Write, encoding: str
) -> None:
    path = write(f'database_url = "{URL}"\n'.encode(encoding))

    error = refusal(ConfigInvalid, lambda: read(home))

    assert (error.message, error.hint) == (
        f"{path} is not UTF-8",
        "it may be UTF-16; save it as UTF-8",
    )


def test_read_config_takes_an_empty_file(home: Path, write: Write) -> None:
    write("# nothing yet\n")

    assert read(home).values == {}


@pytest.mark.spec("002/FR-068")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('usr = "ada"\n', "has an unknown key `usr`"),
        ('[database_url]\nurl = "x"\n', "must be a string"),
        ("user = 7\n", "`user` in"),
        ("user = true\n", "must be a string"),
        ('timeout = "5"\n', "must be a number"),
        ("timeout = true\n", "must be a number"),
        ("output = ['json']\n", "must be a string"),
        ("user = ada\n", "is not valid TOML (at line 1, column 8)"),
        ('user = "ada\n', "is not valid TOML (at line 1, column 12)"),
        (f'database_url = "{URL}\nuser = 1', "is not valid TOML (at line 1"),
        (f"database_url = {URL}\n", "is not valid TOML (at line 1"),
        (f'database_url = "{URL}"\ndatabase_url = "{URL}"\n', "is not valid TOML"),
        ('user = "', "is not valid TOML (at end of document)"),
        (b'user = "\xff"\n', "is not UTF-8"),
        (f"timeout = {'1' * 5_000}\n", "is not valid TOML"),
        (f"user = {'[' * 20_000}", "is not valid TOML"),
        (f'"{SECRET[:3]}\\n{SECRET[3:]}" = 1\n', "has an unknown key"),
    ],
    ids=range(17),
)
def test_read_config_refuses_what_it_cannot_use(
    home: Path, write: Write, text: str | bytes, words: str
) -> None:
    path = write(text)

    error = refusal(ConfigInvalid, lambda: read(home))

    assert str(path) in error.message
    assert words in error.message


@pytest.mark.spec("002/FR-068")
def test_read_config_refuses_what_cannot_be_read(home: Path, write: Write) -> None:
    path = write("")
    path.unlink()
    path.mkdir()

    error = refusal(ConfigInvalid, lambda: read(home))

    assert (error.message, error.hint) == (
        f"{path} cannot be read: is a directory",
        "check the path and the rights",
    )


def test_read_config_takes_a_file_in_the_place_of_its_folder_for_none(
    home: Path,
) -> None:
    (home / ".config").write_text("")

    assert read(home) == Config(home / ".config" / "todo" / "config.toml")


def test_read_config_names_a_loop_of_symlinks(home: Path, write: Write) -> None:
    path = write("")
    path.unlink()
    os.symlink(path, path)

    assert "cannot be read: " in refusal(ConfigInvalid, lambda: read(home)).message


PASSWORDS = [
    pytest.param(f'database_url = "{URL}"', id="url"),
    pytest.param(f'database_url = " {URL} "', id="url in blanks"),
    pytest.param(
        f'database_url = "postgresql://db.example/shop?user=ada&password={SECRET}"',
        id="query",
    ),
    pytest.param(
        f'database_url = "postgresql://ada:{SECRET}#@db.example/shop"',
        id="unreadable url",
    ),
    pytest.param(
        f'database_url = "mysql://ada:{SECRET}@db.example/shop"', id="unknown scheme"
    ),
]


@pytest.mark.spec("002/FR-069")
@pytest.mark.parametrize(
    "mode", [0o640, 0o604, 0o644, 0o660, 0o666, 0o610, 0o602], ids=oct
)
@pytest.mark.parametrize("text", PASSWORDS)
def test_read_config_refuses_a_password_that_others_can_reach(
    home: Path, write: Write, text: str, mode: int
) -> None:
    path = write(text, mode)

    error = refusal(ConfigInvalid, lambda: read(home))

    assert error.message == f"{path} holds a password and others can read it"
    assert error.hint == f"chmod 600 {path}"


@pytest.mark.spec("002/FR-069")
@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700], ids=oct)
@pytest.mark.parametrize("text", PASSWORDS)
def test_read_config_takes_a_password_that_nobody_else_can_reach(
    home: Path, write: Write, text: str, mode: int
) -> None:
    write(text, mode)

    assert SECRET in read(home).values["database_url"]


@pytest.mark.spec("002/FR-069")
@pytest.mark.parametrize(
    "text",
    [
        'database_url = "postgresql://ada@db.example/shop"',
        'database_url = "postgresql://db.example/shop"',
        'database_url = "sqlite"',
        'database_url = "~/tasks.db"',
        'database_url = "mysql://db.example/shop"',
        'database_url = ""',
        'user = "ada"',
    ],
)
def test_read_config_takes_a_file_that_others_can_read_where_it_holds_no_password(
    home: Path, write: Write, text: str
) -> None:
    write(text, 0o644)

    assert read(home).values
