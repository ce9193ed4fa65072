"""Commands use the settings, and never print a secret; the rules are in tests/test_config.py."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.expect import add, assert_document, assert_refused, assert_words
from tests.conftest import Seal
from tests.support.postgres import PostgresCluster
from tests.support.program import Ran, Todo
from tests.support.servers import free_port
from tests.support.stores import Store

UNREACHABLE = "postgresql://nobody@127.0.0.1:1/db"
MALFORMED = [
    "ada:CANARY@127.0.0.1:1/db",
    "postgresql:ada:CANARY@127.0.0.1:1/db",
    "postgresql://ada:CANARY@127.0.0.1:port/db",
    "postgresql://ada:CANARY@[::1/db",
    "mysql://ada:CANARY@127.0.0.1:1/db",
    "postgresqll://ada:CANARY@127.0.0.1:1/db",
    "CANARY",
    "   ",
]
UNESCAPED = [
    *("CANARY@TAIL", "CANARY@TAIL@127.0.0.1:1", "CANARY/TAIL", "CANARY#TAIL"),
    *(
        "CANARY?TAIL",
        "CANARY%TAIL",
        "CANARY:TAIL",
        "CANARY[TAIL",
        "CANARY TAIL",
    ),
    *("CANARY\nTAIL", "CANARY\x1bTAIL", "\udcffCANARYTAIL"),
]


@pytest.fixture
def config(seal: Seal) -> Path:
    """Where the config file belongs; its folder is there."""
    path = seal.home / ".config" / "todo" / "config.toml"
    path.parent.mkdir(parents=True)
    return path


@pytest.fixture
def silent_server() -> Iterator[str]:
    """The URL of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"postgresql://ada:CANARY@127.0.0.1:{server.getsockname()[1]}/db"


def write(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file with a mode."""
    path.touch()
    path.chmod(mode)
    path.write_text(text)


def embedded(seal: Seal) -> Path:
    """The embedded file."""
    return seal.home / ".local" / "share" / "todo" / "todo.db"


def said(ran: Ran) -> str:
    """All that a run printed."""
    return ran.out + ran.err


# Which file


@pytest.mark.spec("002/FR-145")
@pytest.mark.parametrize("place", ["/dev/zero", "pipe", "huge", "folder"])
def test_settings_answer_at_once_where_the_config_file_is_none(
    todo_embedded: Todo, seal: Seal, place: str
) -> None:
    os.mkfifo(seal.cwd / "pipe")
    (seal.cwd / "folder").mkdir()
    with (seal.cwd / "huge").open("wb") as file:
        file.truncate(2**40)

    for command in (["list"], ["add", "x"], ["doctor"]):
        assert_refused(
            todo_embedded,
            *command,
            env={"TODO_CONFIG": place},
            code="CONFIG",
            names=[place],
        )
    assert not embedded(seal).exists()


# Which store


@pytest.mark.spec("002/FR-064")
@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"DATABASE_URL": "mysql://ada:CANARY@127.0.0.1:1/shop"},
        {"DATABASE_URL": ""},
    ],
    ids=["nothing set", "foreign", "empty"],
)
def test_settings_use_the_embedded_file_where_nothing_else_is_named(
    todo_embedded: Todo, seal: Seal, variables: dict[str, str]
) -> None:
    assert todo_embedded("add", "Buy milk", env=variables).status == 0

    assert embedded(seal).is_file()
    assert list(seal.cwd.iterdir()) == []


@pytest.mark.spec("002/FR-064")
@pytest.mark.parametrize(
    "name", ["TODO_DATABASE_URL", "database_url", "DATABASE_URL"]
)
def test_settings_take_a_server_from_each_place(
    todo_embedded: Todo,
    seal: Seal,
    config: Path,
    postgres_store: Store,
    name: str,
) -> None:
    url = postgres_store.url.replace("postgresql://", "postgres://")
    env = {
        "DATABASE_URL": UNREACHABLE,
        "PGHOST": "127.0.0.2",
        "PGDATABASE": "other",
    }
    write(
        config,
        f'database_url = "{url if name == "database_url" else UNREACHABLE}"',
    )
    if name == "DATABASE_URL":
        config.unlink()
    if name != "database_url":
        env[name] = url

    assert todo_embedded("add", "Buy milk", env=env).status == 0

    there = {"TODO_DATABASE_URL": postgres_store.url}
    assert [
        task["title"]
        for task in todo_embedded("list", "--json", env=there).data
    ]
    assert not embedded(seal).exists()


@pytest.mark.spec("002/FR-065")
def test_settings_know_the_embedded_file_by_name(
    todo_embedded: Todo, seal: Seal, config: Path
) -> None:
    write(config, f'database_url = "{UNREACHABLE}"\n')
    env = {"TODO_DATABASE_URL": "sqlite", "DATABASE_URL": UNREACHABLE}

    assert todo_embedded("add", "Buy milk", env=env).status == 0
    assert embedded(seal).is_file()


@pytest.mark.spec("002/FR-065")
def test_settings_start_a_relative_path_at_the_working_directory(
    todo_embedded: Todo, seal: Seal
) -> None:
    env = {"TODO_DATABASE_URL": f"sqlite:///../{seal.cwd.name}/tasks.db"}

    assert todo_embedded("add", "Buy milk", env=env).status == 0
    assert (seal.cwd / "tasks.db").is_file()


# Secrets


@pytest.mark.spec("002/FR-065", "002/FR-066")
@pytest.mark.parametrize("url", MALFORMED)
def test_settings_refuse_a_malformed_url_without_showing_it(
    todo_embedded: Todo, seal: Seal, config: Path, url: str
) -> None:
    env = {"TODO_DATABASE_URL": url}
    for command in (["list"], ["add", "Buy milk"]):
        error = assert_refused(
            todo_embedded, *command, env=env, code="CONFIG", names=[*env]
        )
        debugged = todo_embedded(*command, "--debug", env=env)
        assert "CANARY" not in str(error) + said(debugged)
    assert [path for path in seal.home.rglob("*") if path.is_file()] == []

    write(config, f'database_url = "{url}"\n')
    error = assert_refused(
        todo_embedded, "list", code="CONFIG", names=["database_url"]
    )
    assert "CANARY" not in str(error)


@pytest.mark.spec("002/FR-066")
@pytest.mark.parametrize("variable", ["TODO_DATABASE_URL", "DATABASE_URL"])
def test_settings_never_show_a_password_that_is_not_escaped(
    todo_embedded: Todo, variable: str
) -> None:
    for password in UNESCAPED:
        env = {
            variable: f"postgresql://ada:{password}@127.0.0.1:1/db",
            "TODO_TIMEOUT": "0.2",
        }
        runs = [
            todo_embedded("list", *options, env=env)
            for options in ([], ["--json"], ["--debug"])
        ]

        assert [ran.status for ran in runs] in ([8, 8, 8], [6, 6, 6])
        assert [
            ran for ran in runs if "CANARY" in said(ran) or "TAIL" in said(ran)
        ] == []
        assert_document(runs[1], code=runs[1].error["code"])


@pytest.mark.spec("002/FR-066", "002/FR-069")
def test_settings_refuse_a_password_that_others_can_read(
    todo_embedded: Todo, config: Path
) -> None:
    write(
        config,
        'database_url = "postgresql://ada:CANARY@127.0.0.1:1/db"\n',
        0o644,
    )

    for env in (
        {},
        {"TODO_DATABASE_URL": "sqlite"},
    ):  # also where it is not used
        error = assert_refused(
            todo_embedded, "list", env=env, code="CONFIG", names=[str(config)]
        )
        assert "CANARY" not in str(error)


# Reaching a server


@pytest.mark.spec("002/FR-066", "002/FR-072")
def test_settings_of_a_server_that_is_not_there_are_unavailable(
    todo_embedded: Todo,
) -> None:
    url = f"postgresql://ada:CANARY@127.0.0.1:{free_port()}/db"
    env = {"TODO_DATABASE_URL": url, "TODO_TIMEOUT": "0.2"}
    for command in (["list"], ["add", "Buy milk"], ["done", "1", "--debug"]):
        error = assert_refused(
            todo_embedded,
            *command,
            env=env,
            code="DATABASE_UNAVAILABLE",
            names=["127.0.0.1"],
        )
        assert "CANARY" not in str(error)


@pytest.mark.spec("002/FR-070", "002/FR-072")
def test_settings_limit_the_wait_for_a_silent_server(
    todo_embedded: Todo, silent_server: str, config: Path
) -> None:
    env = {"TODO_DATABASE_URL": silent_server}
    write(config, "timeout = 600\n")
    limited = env | {"TODO_TIMEOUT": "0.2"}
    assert_refused(
        todo_embedded,
        "add",
        "x",
        env=limited,
        code="TIMEOUT",
        names=["127.0.0.1"],
    )

    write(config, "timeout = 0.2\n")
    assert_refused(todo_embedded, "list", env=env, code="TIMEOUT")


@pytest.mark.spec("002/FR-066", "002/FR-072")
def test_settings_that_a_server_refuses_say_which(
    todo_embedded: Todo, own_postgres: PostgresCluster
) -> None:
    wrong = own_postgres.url("postgres", user="todo_admin", password="CANARY")
    missing = own_postgres.url("no_such_database")

    env = {"TODO_DATABASE_URL": wrong}
    error = assert_refused(todo_embedded, "list", env=env, code="AUTH_FAILED")
    assert "CANARY" not in str(error)
    env = {"TODO_DATABASE_URL": missing}
    error = assert_refused(
        todo_embedded,
        "add",
        "x",
        env=env,
        code="CONFIG",
        names=["no_such_database"],
    )
    assert own_postgres.password not in str(error)


@pytest.mark.spec("002/FR-181", "002/FR-182")
@pytest.mark.parametrize(
    ("database", "query", "code", "words"),
    [
        (
            "postgres",
            "target_session_attrs=standby",
            "DATABASE_UNAVAILABLE",
            "is up",
        ),
        ("todo_ascii", "", "CONFIG", "is in SQL_ASCII"),
    ],
)
def test_a_server_that_will_not_do_is_reported_by_every_command(
    todo_embedded: Todo,
    own_postgres: PostgresCluster,
    database: str,
    query: str,
    code: str,
    words: str,
) -> None:
    own_postgres.run_sql(
        "postgres",
        "CREATE DATABASE todo_ascii TEMPLATE template0 ENCODING 'SQL_ASCII' "
        "LC_COLLATE 'C' LC_CTYPE 'C'",
    )
    url = f"{own_postgres.url(database)}?{query}"
    try:
        for command in (["list"], ["add", "Buy milk"], ["db", "upgrade"]):
            ran = todo_embedded(
                *command, "--json", env={"TODO_DATABASE_URL": url}
            )
            assert ran.error["code"] == code
            assert words in str(ran.error["message"])
    finally:
        own_postgres.run_sql("postgres", "DROP DATABASE todo_ascii (FORCE)")


# The config file


@pytest.mark.spec("002/FR-067")
def test_settings_are_read_from_the_file_that_is_named_or_its_usual_place(
    todo_embedded: Todo, config: Path, tmp_path: Path
) -> None:
    def user_of(**env: str) -> str:
        ran = todo_embedded("add", "Buy milk", "--json", user=None, env=env)
        return str(ran.data["user_id"])

    assert user_of() == "tester"
    write(config, 'user = "home"\n')
    assert user_of() == "home"
    (tmp_path / "todo").mkdir()
    write(tmp_path / "todo" / "config.toml", 'user = "xdg"\n')
    assert user_of(XDG_CONFIG_HOME=str(tmp_path)) == "xdg"
    write(config, 'user = "home"\nfrob = 1\n')  # not even looked at
    write(tmp_path / "work.toml", 'user = "work"\n')
    assert user_of(TODO_CONFIG=str(tmp_path / "work.toml")) == "work"


@pytest.mark.spec("002/FR-067", "002/FR-068")
def test_settings_refuse_a_file_that_is_missing_wrong_or_unreadable(
    todo_embedded: Todo, config: Path, tmp_path: Path
) -> None:
    missing = str(tmp_path / "missing.toml")
    env = {"TODO_CONFIG": missing}
    assert_refused(
        todo_embedded, "list", env=env, code="CONFIG", names=[missing]
    )

    for text, name in {
        "frob = 1\n": "frob",
        "timeout = 0\n": "timeout",
        "{": "",
    }.items():
        write(config, text)
        names = [name, str(config)]
        assert_refused(todo_embedded, "list", code="CONFIG", names=names)
        assert_refused(
            todo_embedded, "add", "Buy milk", code="CONFIG", names=names
        )

    config.unlink()
    config.mkdir()
    assert_refused(todo_embedded, "list", code="CONFIG", names=[str(config)])


@pytest.mark.spec("002/FR-067")
def test_settings_are_not_read_from_dot_env(
    todo_embedded: Todo, seal: Seal
) -> None:
    (seal.cwd / ".env").write_text(
        "TODO_USER=bob\nTODO_OUTPUT=json\nTODO_DATABASE_URL=\nDATABASE_URL=postgres://x\n"
    )

    ran = todo_embedded("add", "Buy milk", "--json", user=None)

    assert ran.data["user_id"] == "tester"
    assert not todo_embedded("list").out.startswith("{")


# How to print


@pytest.mark.spec("002/FR-038", "002/FR-070")
def test_settings_choose_json_by_the_file(
    todo_embedded: Todo, config: Path
) -> None:
    write(config, 'output = "json"\n')

    assert todo_embedded("list").data == []
    assert_document(todo_embedded("show", "99"), code="NOT_FOUND")
    assert_document(todo_embedded("frobnicate"), code="USAGE")


@pytest.mark.spec("002/FR-068", "002/FR-070")
def test_settings_refuse_a_bad_output_or_timeout(
    todo_embedded: Todo, config: Path
) -> None:
    for output in ("xml", "JSON!", "yes"):
        ran = todo_embedded("list", env={"TODO_OUTPUT": output})
        assert_words(ran, status=8, names=["TODO_OUTPUT"])
        by_flag = todo_embedded("list", "--json", env={"TODO_OUTPUT": output})
        assert by_flag.data == []
    for timeout in ("soon", "0", "1e999", "\u0663"):
        env = {"TODO_TIMEOUT": timeout}
        assert_refused(
            todo_embedded, "list", env=env, code="CONFIG", names=[*env]
        )

    write(config, 'output = "xml"\n')
    assert_words(
        todo_embedded("list"), status=8, names=["output", str(config)]
    )


# No home


@pytest.mark.spec("002/FR-071", "002/FR-075")
def test_settings_without_a_home_need_the_store_or_its_folder(
    todo_embedded: Todo, tmp_path: Path
) -> None:
    for command in (["list"], ["add", "Buy milk"]):
        assert_refused(
            todo_embedded,
            *command,
            env={"HOME": None},
            code="IO_ERROR",
            names=["TODO_DATABASE_URL"],
        )

    there = {"HOME": None, "XDG_DATA_HOME": str(tmp_path / "data")}
    assert todo_embedded("add", "Buy milk", env=there).status == 0
    assert (tmp_path / "data" / "todo" / "todo.db").is_file()
    file = {"HOME": None, "TODO_DATABASE_URL": str(tmp_path / "tasks.db")}
    assert todo_embedded("add", "Buy milk", env=file).status == 0


def test_settings_need_no_file(todo_embedded: Todo) -> None:
    add(todo_embedded, "Buy milk")

    assert (
        todo_embedded("list", env={"XDG_CONFIG_HOME": "/nowhere"}).status == 0
    )
