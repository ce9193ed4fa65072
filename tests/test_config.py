"""Settings as pure functions: what wins, where it came from, and what is refused.

tests/cli/test_settings.py shows that commands use them.
"""

import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from todo_cli import config
from todo_cli.cli.env import write_all
from todo_cli.config import SETTINGS, Chosen, Config, Settings
from todo_cli.database.url import PostgresTarget, SqliteTarget, parse_url
from todo_cli.errors import (
    ConfigInvalid,
    InvalidInput,
    IoFailed,
    TodoError,
    Usage,
)

SECRET = "CANARY"
URL = f"postgresql://ada:{SECRET}@db.example/shop"
FILE = Path("/home/ada/.config/todo/config.toml")
BY_FILE = f"`database_url` in {FILE}"
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
        path.touch()
        path.chmod(0o600)  # an earlier call may have made it read-only
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
    file = Config(FILE, values or {})
    return config.load(
        variables, file, user=user, login=login, cwd=Path("/here"), home=home
    )


def refusal(
    kind: type[TodoError],
    call: Callable[..., object],
    *values: Any,
    **how: Any,
) -> TodoError:
    """The error that answers a call; seen not to hold the secret."""
    with pytest.raises(kind) as caught:
        call(*values, **how)
    error = caught.value
    assert type(error) is kind
    assert (
        SECRET not in f"{error!r} {error.message} {error.hint} {error.details}"
    )
    return error


def read_and_load(home: Path, **variables: Any) -> None:
    """Use every setting that names a folder or a file."""
    read(home, **variables)
    load(home=home, **variables)


# The rule of precedence


@pytest.mark.spec("002/FR-034")
@pytest.mark.spec("002/FR-070")
def test_choose_takes_flag_then_environment_then_file_then_default() -> None:
    for setting in SETTINGS:
        variables = {setting.variable: "by variable"}
        file = Config(FILE, {setting.key: "by file"} if setting.key else {})
        nothing = Config(FILE)
        by_flag = config.choose(setting, variables, file, flag="by flag")
        by_variable = Chosen("by variable", setting.variable)
        default = Chosen(setting.default, "the default")

        if setting.flag:
            assert by_flag == Chosen("by flag", setting.flag.split()[0])
        else:
            assert by_flag == by_variable
        assert config.choose(setting, variables, file) == by_variable
        if setting.key:
            by_file = Chosen(
                "by file", f"`{setting.key}` in {FILE}", FILE.parent
            )
            assert config.choose(setting, {}, file) == by_file
        assert config.choose(setting, {}, nothing) == default


# The switches


@pytest.mark.spec("002/FR-153")
def test_switches_are_on_by_any_value_that_does_not_say_no() -> None:
    def switched(name: str, value: str) -> tuple[str, ...]:
        return config.switches({name: value})

    names = ["TODO_NO_INPUT", "CI", "TODO_FORCE_TTY", "TODO_ACCESSIBLE"]
    for name in names:
        for value in ("1", "true", "x", "-1", "00", "None"):
            assert switched(name, value) == (name,)
        for value in ("", " ", "0", "false", "No", "OFF"):
            assert switched(name, value) == ()
    variables = dict.fromkeys(names, "1")
    assert config.switches(variables) == tuple(names)


@pytest.mark.spec("002/FR-152")
def test_forced_width_is_a_number_above_one() -> None:
    widths: dict[str, int | None] = {"2": 2, "120": 120, "99999": 99_999}
    for value in ("", "0", "1", "-80", "80x", "100000", "\u0665\u0665", "8 0"):
        widths[value] = None

    for value, width in widths.items():
        assert config.forced_width({"TODO_FORCE_TTY": value}) == width


# The user


@pytest.mark.spec("002/FR-034")
def test_load_takes_the_first_user_that_is_named() -> None:
    file = {"user": "carl"}

    users = [
        load(file, user=" flo ", login="lou", TODO_USER="vera"),
        load(file, user=None, login="lou", TODO_USER="vera"),
        load(file, user=None, login="lou"),
        load(user=None, login="lou"),
    ]

    assert [(each.user, each.user_source) for each in users] == [
        ("flo", "--user"),
        ("vera", "TODO_USER"),
        ("carl", f"`user` in {FILE}"),
        ("lou", "the login name"),
    ]


@pytest.mark.spec("002/FR-035")
def test_load_refuses_an_empty_user_and_does_not_look_further() -> None:
    for empty in ("", "  ", "\t", "\u3000"):
        errors = {
            "--user": refusal(Usage, load, user=empty, TODO_USER="vera"),
            "TODO_USER": refusal(
                Usage, load, {"user": "carl"}, user=None, TODO_USER=empty
            ),
            f"`user` in {FILE}": refusal(
                Usage, load, {"user": empty}, user=None
            ),
            "the login name": refusal(Usage, load, user=None, login=empty),
        }
        for source, error in errors.items():
            assert source in error.message
            assert "--user" in (error.hint or "")


@pytest.mark.spec("002/FR-035")
def test_load_refuses_to_go_without_a_user() -> None:
    error = refusal(Usage, load, user=None, login=None)

    assert "--user" in (error.hint or "")


@pytest.mark.spec("002/FR-131")
@pytest.mark.parametrize(
    "name",
    [
        *("a/b", "..", "a\x1bb", "u" * 256),
        *(
            f"postgresql:ada:{SECRET}@h",
            f"password={SECRET}",
            f"ada:{SECRET}@h",
        ),
    ],
)
def test_load_refuses_a_user_that_breaks_a_rule_and_says_whence(
    name: str,
) -> None:
    error = refusal(InvalidInput, load, user=None, TODO_USER=name)

    assert error.message.endswith("(TODO_USER)")
    assert [detail["field"] for detail in error.details] == ["user"]
    assert load(user="ada@example.com").user == "ada@example.com"


# The store


@pytest.mark.spec("002/FR-064")
def test_load_takes_the_embedded_file_where_nothing_is_set() -> None:
    settings = load()

    assert settings.target == SqliteTarget(
        Path("/home/ada/.local/share/todo/todo.db")
    )
    assert (settings.target_source, settings.passed_over) == (
        "the default",
        (),
    )


@pytest.mark.spec("002/FR-064")
def test_load_takes_the_first_store_that_is_named() -> None:
    own, foreign = "postgresql://own", "postgresql://foreign"
    file = {"database_url": "'POSTGRES://file'"}

    stores = [
        load(file, TODO_DATABASE_URL=f"  {own}\n", DATABASE_URL=foreign),
        load(file, DATABASE_URL=foreign),
        load(file),
        load(DATABASE_URL=foreign),
    ]

    assert [
        (each.target.place, each.target_source, each.passed_over)
        for each in stores
    ] == [
        (
            "own/tester",
            "TODO_DATABASE_URL",
            ("DATABASE_URL, because of TODO_DATABASE_URL",),
        ),
        ("file/tester", BY_FILE, (f"DATABASE_URL, because of {BY_FILE}",)),
        ("file/tester", BY_FILE, ()),
        ("foreign/tester", "DATABASE_URL", ()),
    ]


@pytest.mark.spec("002/FR-064")
@pytest.mark.parametrize(
    "foreign",
    [
        "postgres://foreign",
        "POSTGRESQL://foreign",
        "postgresql+psycopg2://foreign",
        "postgres+psycopg://foreign",
        '"postgresql://foreign"',
        "\ufeff postgresql://foreign",
    ],
)
def test_load_takes_a_database_url_of_postgresql(foreign: str) -> None:
    target = load(DATABASE_URL=foreign).target

    assert isinstance(target, PostgresTarget)
    assert target.hosts == (("foreign", 5432),)


@pytest.mark.spec("002/FR-064")
def test_load_passes_over_a_database_url_of_something_else() -> None:
    others = [
        *(
            "mysql://db",
            "mysql://postgres:x@db",
            "sqlite:///x.db",
            "redis://db/0",
        ),
        *("sqlite:////var/postgres.db", "shop", "postgis://db"),
    ]
    for foreign in others:
        settings = load(DATABASE_URL=foreign)
        assert isinstance(settings.target, SqliteTarget)
        assert settings.passed_over == (
            "DATABASE_URL, which is not a PostgreSQL URL",
        )

    assert load(DATABASE_URL="").passed_over == ()
    assert load(DATABASE_URL="", TODO_DATABASE_URL="x.db").passed_over == ()


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
def test_load_never_passes_over_what_is_meant_for_postgresql(
    foreign: str,
) -> None:
    """Tasks went into a file that nobody looked for: dani-garcia/vaultwarden#7062,
    bunkerity/bunkerweb#3344.
    """
    error = refusal(ConfigInvalid, load, DATABASE_URL=foreign)

    assert error.message.endswith("(DATABASE_URL)")
    assert "TODO_DATABASE_URL=sqlite" in (error.hint or "")


@pytest.mark.spec("002/FR-131")
@pytest.mark.parametrize(
    "name", ["XDG_DATA_HOME", "XDG_CONFIG_HOME", "TODO_CONFIG", "HOME"]
)
def test_settings_that_name_a_path_refuse_an_address(name: str) -> None:
    for address in (
        f"//ada:{SECRET}@db/shop",
        f"/postgresql:/ada:{SECRET}@db",
        f"/x?password={SECRET}",
    ):
        home = Path(address) if name == "HOME" else Path("/home/ada")
        variables: dict[str, Any] = {} if name == "HOME" else {name: address}

        error = refusal(ConfigInvalid, read_and_load, home, **variables)
        assert error.message.startswith(f"{name} ")
        assert "TODO_DATABASE_URL" in (error.hint or "")


@pytest.mark.spec("002/FR-065")
def test_load_takes_the_word_sqlite_as_the_embedded_file() -> None:
    for value in ("sqlite", " sqlite ", "'sqlite'", "\ufeffsqlite"):
        settings = load(TODO_DATABASE_URL=value, XDG_DATA_HOME="/data")

        assert settings.target == SqliteTarget(Path("/data/todo/todo.db"))
        assert settings.target_source == "TODO_DATABASE_URL"


@pytest.mark.spec("002/FR-065")
def test_load_refuses_an_empty_url() -> None:
    for value in ("", " ", "\n", '""', "\ufeff"):
        error = refusal(ConfigInvalid, load, TODO_DATABASE_URL=value)
        assert error.message == "TODO_DATABASE_URL is empty"


@pytest.mark.spec("002/FR-066")
def test_load_says_where_a_bad_url_came_from_and_nothing_of_it() -> None:
    bad = f"postgresql://ada:{SECRET}#@db"
    errors = {
        "TODO_DATABASE_URL": refusal(
            ConfigInvalid, load, TODO_DATABASE_URL=bad
        ),
        "DATABASE_URL": refusal(ConfigInvalid, load, DATABASE_URL=bad),
        BY_FILE: refusal(ConfigInvalid, load, {"database_url": bad}),
    }

    for source, error in errors.items():
        assert error.message.endswith(f"({source})")
        assert error.hint


@pytest.mark.spec("002/FR-065")
def test_load_starts_relative_paths_at_the_working_directory() -> None:
    for text, path in {
        "a.db": "/here/a.db",
        "~/a.db": "/home/ada/a.db",
    }.items():
        assert load(TODO_DATABASE_URL=text).target == SqliteTarget(Path(path))


@pytest.mark.spec("002/FR-071")
def test_load_needs_a_home_only_for_the_embedded_file() -> None:
    wants: list[dict[str, Any]] = [
        {},
        {"TODO_DATABASE_URL": "sqlite"},
        {"XDG_DATA_HOME": "relative"},
    ]
    for variables in wants:
        error = refusal(IoFailed, load, home=None, **variables)
        assert "TODO_DATABASE_URL" in (error.hint or "")

    settings = load(home=None, TODO_DATABASE_URL="/srv/a.db")
    assert settings.target == SqliteTarget(Path("/srv/a.db"))
    assert settings.data_path is None
    moved = load(home=None, XDG_DATA_HOME="/data").data_path
    assert moved == Path("/data/todo/todo.db")


@pytest.mark.spec("002/FR-066")
def test_settings_and_config_do_not_show_secrets() -> None:
    file = Config(Path("config.toml"), {"database_url": URL, "user": "ada"})

    assert SECRET not in repr(load(TODO_DATABASE_URL=URL)) + repr(file)
    assert config.secrets({"DATABASE_URL": "a", "TODO_USER": "b"}, file) == [
        "a",
        URL,
    ]
    assert config.secrets({"TODO_DATABASE_URL": "c"}, Config(None)) == ["c"]


# The timeout and the output


@pytest.mark.spec("002/FR-070")
def test_load_reads_the_timeout() -> None:
    assert load().timeout_s == 15
    for seconds in (3, 0.25):
        assert load({"timeout": seconds}).timeout_s == seconds
    for text, value in {"7": 7.0, "0.5": 0.5, "3600": 3600.0}.items():
        assert load({"timeout": 3}, TODO_TIMEOUT=text).timeout_s == value


PROVIDER = {
    "TODO_JWKS_URL": "https://id.example.org/keys",
    "TODO_JWT_ISSUER": "https://id.example.org",
    "TODO_JWT_AUDIENCE": "todo",
}


@pytest.mark.spec("003/FR-065")
def test_identity_provider_is_set_as_a_whole_or_not_at_all() -> None:
    url, issuer, audience = PROVIDER.values()
    expected = config.Provider(url, issuer, audience, "sub")
    assert config.read_provider(PROVIDER) == expected
    chosen = config.read_provider(PROVIDER | {"TODO_JWT_CLAIM": "email"})
    assert chosen is not None
    assert chosen.claim == "email"
    assert config.read_provider({}) is None
    for name in PROVIDER:
        some = {key: value for key, value in PROVIDER.items() if key != name}
        for wrong in (some, PROVIDER | {name: ""}):
            with pytest.raises(ConfigInvalid, match=name):
                config.read_provider(wrong)
    for wrong in (
        {"TODO_JWT_CLAIM": "sub"},
        PROVIDER | {"TODO_JWT_CLAIM": ""},
    ):
        with pytest.raises(ConfigInvalid):
            config.read_provider(wrong)


@pytest.mark.spec("003/FR-065")
def test_keys_come_by_tls_or_from_this_machine() -> None:
    for url in (
        "http://127.0.0.1:8080/keys",
        "http://localhost/keys?x=1",
        "http://[::1]:1/",
        "HTTPS://id.example.org",
    ):
        assert config.read_provider(PROVIDER | {"TODO_JWKS_URL": url})
    for url in (
        "http://id.example.org/keys",
        "http://127.0.0.1.example.org/",
        "file:///etc/passwd",
        "https://",
        "https:///keys",
        f"https://ada:{SECRET}@id.example.org/",
        "https://id.example.org:x/",
        "https://id.example.org/#x",
        "https://id.example.org/ x",
        "https://[::1",
        "keys.json",
    ):
        with pytest.raises(ConfigInvalid) as found:
            config.read_provider(PROVIDER | {"TODO_JWKS_URL": url})
        assert SECRET not in f"{found.value} {found.value.hint}"


@pytest.mark.spec("002/FR-070")
def test_load_refuses_a_timeout_that_is_no_number_of_seconds() -> None:
    texts = [
        *(
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
        ),
        *("1_0", "5s", "\u0661", " 5", "1.", ".5"),
    ]
    for text in texts:
        error = refusal(ConfigInvalid, load, TODO_TIMEOUT=text)
        assert error.message.startswith("TODO_TIMEOUT must be")
    for value in (0, -1, 3_601, float("nan"), float("inf"), 10**400):
        error = refusal(ConfigInvalid, load, {"timeout": value})
        assert error.message.startswith(f"`timeout` in {FILE} must be")


@pytest.mark.spec("002/FR-038")
def test_output_takes_the_environment_before_the_file() -> None:
    json = Config(Path("c"), {"output": "json"})

    assert (
        config.output({}, None)
        == config.output({}, Config(Path("c")))
        == "text"
    )
    assert config.output({}, json) == "json"
    assert config.output({"TODO_OUTPUT": "text"}, json) == "text"
    assert config.output({"TODO_OUTPUT": "json"}, None) == "json"


@pytest.mark.spec("002/FR-070")
def test_output_refuses_what_is_neither() -> None:
    for value in ("", "JSON", "yaml", " json"):
        file = Config(Path("c.toml"), {"output": value})
        for source, variables, read_file in (
            ("TODO_OUTPUT", {"TODO_OUTPUT": value}, None),
            ("`output` in c.toml", {}, file),
        ):
            error = refusal(ConfigInvalid, config.output, variables, read_file)
            assert error.message == f"{source} must be one of text, json"


# The file


@pytest.mark.spec("002/FR-067")
def test_read_config_looks_in_the_config_folder() -> None:
    home = Path("/home/ada")
    moved = Path("/etc/ada/todo/config.toml")

    assert read(home) == Config(FILE)
    assert read(home, XDG_CONFIG_HOME="/etc/ada") == Config(moved)
    assert read(None, XDG_CONFIG_HOME="/etc/ada") == Config(moved)
    assert read(None) == Config(None)
    for ignored in ("relative", ""):
        assert read(home, XDG_CONFIG_HOME=ignored) == Config(FILE)


@pytest.mark.spec("002/FR-067")
def test_read_config_takes_the_file_of_todo_config_which_must_be_there(
    tmp_path: Path,
) -> None:
    path = tmp_path / "work.toml"
    path.write_text('user = "ada"\n')
    missing = str(tmp_path / "no.toml")

    found = config.read_config(
        {"TODO_CONFIG": "work.toml"}, cwd=tmp_path, home=None
    )

    assert (found.path, found.values) == (path, {"user": "ada"})
    assert read(None, TODO_CONFIG=str(path)).values == {"user": "ada"}
    empty = refusal(ConfigInvalid, read, tmp_path, TODO_CONFIG="")
    assert "TODO_CONFIG" in empty.message
    absent = refusal(ConfigInvalid, read, tmp_path, TODO_CONFIG=missing)
    assert missing in absent.message


@pytest.mark.spec("002/FR-145")
def test_read_config_refuses_what_is_no_file_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "plain").write_text("user = 'ada'\n")
    (tmp_path / "loop").symlink_to("loop")
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(2**40)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        words = {
            "pipe": "is a pipe, not a file",
            "folder": "is a folder, not a file",
            "socket": "is a socket, not a file",
            "huge": "is larger than 1 MiB",
            "loop": "too many levels of symbolic links",
            "plain/x": "does not exist",
            "x" * 300: "file name too long",
            "/dev/zero": "is a device, not a file",
            "/dev/tty": "is a device, not a file",
        }
        for name, text in words.items():
            path = str(tmp_path / name)
            error = refusal(ConfigInvalid, read, None, TODO_CONFIG=path)
            assert error.message.startswith(f"{path} "), name
            assert text in error.message
            assert error.hint

    assert read(None, TODO_CONFIG=os.devnull).values == {}
    (tmp_path / "plain").write_text("#" * 2**20)
    assert read(None, TODO_CONFIG=str(tmp_path / "plain")).values == {}


def piped(data: bytes, form: str = "/dev/fd/{}") -> Config:
    """Read a config file that a shell passes as `<(command)`."""
    reading, writing = os.pipe()

    def write() -> None:
        # A reader that has seen enough closes its end.
        with suppress(BrokenPipeError), open(writing, "wb", 0) as file:
            write_all(file, data)

    writer = Thread(target=write)
    writer.start()
    try:
        return read(None, TODO_CONFIG=form.format(reading))
    finally:
        os.close(reading)
        writer.join()


@pytest.mark.spec("002/FR-145")
@pytest.mark.parametrize(
    "form", ["/dev/fd/{}", "/proc/self/fd/{}", "//dev/fd/{}"]
)
def test_read_config_reads_a_pipe_of_the_caller(form: str) -> None:
    secret = f"database_url = 'postgresql://ada:{SECRET}@db.example/x'\n"

    assert list(piped(secret.encode(), form).values) == ["database_url"]
    assert piped(b"", form).values == {}
    large = b"#" * (2**20 - 13) + b"\nuser = 'bob'"
    assert piped(large, form).values == {"user": "bob"}
    error = refusal(ConfigInvalid, piped, large + b"\n", form)
    assert "is larger than 1 MiB" in error.message


@pytest.mark.spec("002/FR-145")
def test_read_config_reads_other_streams_of_the_caller(
    tmp_path: Path,
) -> None:
    one, other = socket.socketpair()
    with one, other:
        one.sendall(b"user = 'bob'")
        one.shutdown(socket.SHUT_WR)
        name = f"/dev/fd/{other.fileno()}"
        assert read(None, TODO_CONFIG=name).values == {"user": "bob"}
    path = tmp_path / "c.toml"
    path.write_text("user = 'eve'")
    with path.open("rb") as file:
        file.read()
        name = f"/dev/fd/{file.fileno()}"
        assert read(None, TODO_CONFIG=name).values == {"user": "eve"}


@pytest.mark.spec("002/FR-145")
def test_read_config_waits_for_a_pipe_that_does_not_block() -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)

    def write() -> None:
        time.sleep(0.1)  # it has looked by then, and found nothing
        os.write(writing, b"user = 'bob'")
        os.close(writing)

    writer = Thread(target=write)
    writer.start()
    name = f"/dev/fd/{reading}"
    assert read(None, TODO_CONFIG=name).values == {"user": "bob"}
    assert not os.get_blocking(reading)
    writer.join()
    os.close(reading)


@pytest.mark.spec("002/FR-145")
def test_read_config_refuses_a_descriptor_that_cannot_be_read() -> None:
    reading, writing = os.pipe()
    name = f"/dev/fd/{writing}"
    error = refusal(ConfigInvalid, read, None, TODO_CONFIG=name)
    assert error.message == f"{name} cannot be read: bad file descriptor"
    os.close(reading)
    os.close(writing)

    error = refusal(ConfigInvalid, read, None, TODO_CONFIG=name)
    assert error.message == f"{name} does not exist"


@pytest.mark.spec("002/FR-143")
def test_without_a_working_folder_only_a_relative_path_is_an_error(
    tmp_path: Path,
) -> None:
    """As tmux's panes of removed folders."""
    absolute = {"TODO_CONFIG": str(tmp_path / "c.toml")}
    (tmp_path / "c.toml").write_text("database_url = './a.db'\n")
    (tmp_path / "c.toml").chmod(0o644)
    found = config.read_config(absolute, cwd=None, home=None)

    relative = {"TODO_CONFIG": "c.toml"}
    with pytest.raises(IoFailed, match="working folder is gone"):
        config.read_config(relative, cwd=None, home=None)
    for text in ("./a.db", "sqlite:///a.db", "sub/a.db"):
        with pytest.raises(IoFailed, match="working folder is gone"):
            parse_url(text, cwd=None, home=tmp_path)
    for text in (f"{tmp_path}/a.db", "~/a.db", f"sqlite:///{tmp_path}/a.db"):
        target = parse_url(text, cwd=None, home=tmp_path)
        assert target == SqliteTarget(tmp_path / "a.db")
    assert found.values == {"database_url": "./a.db"}


@pytest.mark.spec("002/FR-068")
def test_read_config_reads_every_key(home: Path, write: Write) -> None:
    path = write(
        'database_url = "sqlite"\r\nuser = "ada"\noutput = "json"\n'
        'timeout = 1.5\npager = "more"'
    )
    values = {
        "database_url": "sqlite",
        "user": "ada",
        "output": "json",
        "timeout": 1.5,
        "pager": "more",
    }

    assert read(home) == Config(path, values)
    assert set(values) == {setting.key for setting in SETTINGS if setting.key}


@pytest.mark.spec("002/FR-068")
def test_read_config_takes_a_byte_order_mark_and_an_empty_file(
    home: Path, write: Write
) -> None:
    """Editors on Windows write the mark: hukkin/tomli#304."""
    files = {
        b'\xef\xbb\xbfuser = "ada"\n': {"user": "ada"},
        b'\xef\xbb\xbf# x\r\nuser = "ada"\r\n': {"user": "ada"},
        b"# nothing yet\n": {},
        b"": {},
    }
    for data, values in files.items():
        write(data)
        assert read(home).values == values


@pytest.mark.spec("002/FR-068")
def test_read_config_refuses_utf_16_and_says_so(
    home: Path, write: Write
) -> None:
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        path = write(f'database_url = "{URL}"\n'.encode(encoding))

        error = refusal(ConfigInvalid, read, home)
        assert str(path) in error.message
        assert "UTF-16" in (error.hint or "")


REFUSED: list[tuple[str | bytes, str]] = [
    ('usr = "ada"\n', "an unknown key `usr`"),
    ('User = "ada"\n', "an unknown key `User`"),
    ('[database_url]\nurl = "x"\n', "`database_url` in"),
    ("user = 7\n", "`user` in"),
    ("user = true\n", "must be a string"),
    ('timeout = "5"\n', "must be a number"),
    ("timeout = true\n", "must be a number"),
    ("output = ['json']\n", "must be a string"),
    ("user = ada\n", "TOML (at line 1, column 8)"),
    ('user = "ada\n', "TOML (at line 1, column 12)"),
    (f'database_url = "{URL}\nuser = 1', "TOML (at line 1"),
    (f"database_url = {URL}\n", "TOML (at line 1"),
    (f'database_url = "{URL}"\ndatabase_url = "{URL}"\n', "TOML"),
    ('user = "', "TOML (at end of document)"),
    (b'user = "\xff"\n', "UTF-8"),
    (f"timeout = {'1' * 5_000}\n", "TOML"),
    (f"user = {'[' * 20_000}", "TOML"),
    (f'"{SECRET[:3]}\\n{SECRET[3:]}" = 1\n', "an unknown key"),
]


@pytest.mark.spec("002/FR-068")
def test_read_config_refuses_what_it_cannot_use(
    home: Path, write: Write
) -> None:
    for text, words in REFUSED:
        path = write(text)
        error = refusal(ConfigInvalid, read, home)
        assert str(path) in error.message
        assert words in error.message


@pytest.mark.spec("002/FR-068")
def test_read_config_refuses_what_cannot_be_read(
    home: Path, write: Write
) -> None:
    path = write("")
    path.unlink()
    path.mkdir()
    assert str(path) in refusal(ConfigInvalid, read, home).message

    path.rmdir()
    os.symlink(path, path)
    assert str(path) in refusal(ConfigInvalid, read, home).message


def test_read_config_ignores_a_file_in_the_place_of_its_folder(
    home: Path,
) -> None:
    (home / ".config").write_text("")

    assert read(home) == Config(home / ".config" / "todo" / "config.toml")


PASSWORDS = [
    f'database_url = "{URL}"',
    f'database_url = " {URL} "',
    f'database_url = "postgresql://db.example/shop?user=ada&password={SECRET}"',
    f'database_url = "postgresql://ada:{SECRET}#@db.example/shop"',
    f'database_url = "mysql://ada:{SECRET}@db.example/shop"',
]


@pytest.mark.spec("002/FR-069")
@pytest.mark.parametrize("text", PASSWORDS)
def test_read_config_refuses_a_password_that_others_can_reach(
    home: Path, write: Write, text: str
) -> None:
    for mode in (0o640, 0o604, 0o644, 0o660, 0o666, 0o610, 0o602):
        path = write(text, mode)
        error = refusal(ConfigInvalid, read, home)
        assert str(path) in error.message
        assert error.hint == (
            f"chmod 600 {path}; or move the password to ~/.pgpass, "
            "or the whole URL to TODO_DATABASE_URL"
        )
    for mode in (0o600, 0o400, 0o700):
        write(text, mode)
        assert SECRET in read(home).values["database_url"]


@pytest.mark.spec("002/FR-069")
def test_read_config_takes_a_loose_file_without_a_password(
    home: Path, write: Write
) -> None:
    urls = [
        *("postgresql://ada@db.example/shop", "postgresql://db.example/shop"),
        *("sqlite", "~/tasks.db", "mysql://db.example/shop", ""),
    ]
    for text in (*(f'database_url = "{url}"' for url in urls), 'user = "ada"'):
        write(text, 0o644)
        assert read(home).values


@pytest.mark.spec("002/FR-065")
def test_a_relative_path_in_the_config_file_starts_at_its_folder(
    tmp_path: Path,
) -> None:
    """wsporto/typesql#75: each folder had a list of its own."""
    file = Config(tmp_path / "todo.toml", {"database_url": "./tasks.db"})

    target = config.load(
        {}, file, user="ada", login=None, cwd=Path("/"), home=None
    ).target

    assert target == SqliteTarget(tmp_path / "tasks.db")
