"""Settings: which store, the config file, what wins, and what is never printed."""

import socket
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.cli.expect import (
    add,
    assert_document,
    assert_refused,
    assert_words,
    tasks_of,
    titles_of,
)
from tests.conftest import Seal
from tests.support.postgres import PostgresCluster
from tests.support.program import Ran, Todo
from tests.support.servers import free_port
from tests.support.stores import Store

FOREIGN = [
    pytest.param("mysql://ada:CANARY@127.0.0.1:1/shop", id="mysql"),
    pytest.param("sqlite:///shop.db", id="sqlite"),
    pytest.param("redis://127.0.0.1:1/0", id="redis"),
    pytest.param("shop", id="word"),
    pytest.param("", id="empty"),
]

MALFORMED = [
    pytest.param("ada:CANARY@127.0.0.1:1/db", id="no scheme"),
    pytest.param("postgresql:ada:CANARY@127.0.0.1:1/db", id="no slashes"),
    pytest.param("postgresql://ada:CANARY@127.0.0.1:port/db", id="port in letters"),
    pytest.param("postgresql://ada:CANARY@127.0.0.1:99999/db", id="port too high"),
    pytest.param("postgresql://ada:CANARY@[::1/db", id="open bracket"),
    pytest.param("mysql://ada:CANARY@127.0.0.1:1/db", id="unknown scheme"),
    pytest.param("postgresqll://ada:CANARY@127.0.0.1:1/db", id="misspelt scheme"),
    pytest.param("https://ada:CANARY@127.0.0.1:1/db", id="https"),
    pytest.param("CANARY", id="word"),
    pytest.param("", id="empty"),
    pytest.param("   ", id="blank"),
]

UNESCAPED = [
    pytest.param("CANARY@TAIL", id="at"),
    pytest.param("CANARY@TAIL@127.0.0.1:1", id="at and a host"),
    pytest.param("CANARY/TAIL", id="slash"),
    pytest.param("CANARY#TAIL", id="hash"),
    pytest.param("CANARY?TAIL", id="question mark"),
    pytest.param("CANARY%TAIL", id="percent"),
    pytest.param("CANARY:TAIL", id="colon"),
    pytest.param("CANARY[TAIL", id="bracket"),
    pytest.param("CANARY TAIL", id="blank"),
    pytest.param("CANARY\nTAIL", id="line feed"),
    pytest.param("CANARY\x1bTAIL", id="escape"),
    pytest.param("\udcffCANARYTAIL", id="not utf-8"),
]


@pytest.fixture
def config(seal: Seal) -> Path:
    """Where the config file belongs; its folder is there."""
    path = seal.home / ".config" / "todo" / "config.toml"
    path.parent.mkdir(parents=True)
    return path


@pytest.fixture
def closed_port() -> str:
    """The URL of a server that is not there."""
    return f"postgresql://ada:CANARY@127.0.0.1:{free_port()}/db"


@pytest.fixture
def silent_server() -> Iterator[str]:
    """The URL of a server that takes connections and never says a word."""
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


@pytest.mark.spec("002/FR-064")
def test_settings_none_means_the_embedded_file(todo_embedded: Todo, seal: Seal) -> None:
    add(todo_embedded, "Buy milk")

    assert embedded(seal).is_file()
    assert titles_of(todo_embedded) == ["Buy milk"]


@pytest.mark.spec("002/FR-064")
@pytest.mark.parametrize("url", FOREIGN)
def test_settings_pass_over_a_foreign_database_url(
    todo_embedded: Todo, seal: Seal, url: str
) -> None:
    assert (
        todo_embedded("add", "Buy milk", "--json", env={"DATABASE_URL": url}).data[
            "number"
        ]
        == 1
    )

    assert embedded(seal).is_file()
    assert list(seal.cwd.iterdir()) == []


@pytest.mark.spec("002/FR-064")
@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_settings_take_a_database_url_of_postgresql(
    todo_embedded: Todo, seal: Seal, postgres_store: Store, scheme: str
) -> None:
    url = postgres_store.url.replace("postgresql://", f"{scheme}://")
    assert todo_embedded("add", "Buy milk", env={"DATABASE_URL": url}).status == 0

    listed = todo_embedded(
        "list", "--json", env={"TODO_DATABASE_URL": postgres_store.url}
    )

    assert [task["title"] for task in listed.data] == ["Buy milk"]
    assert not embedded(seal).exists()


@pytest.mark.spec("002/FR-064")
def test_settings_prefer_the_programs_own_variable(
    store: Store, todo_embedded: Todo, config: Path
) -> None:
    write(config, 'database_url = "postgresql://nobody@127.0.0.1:1/db"\n')
    env = {
        "TODO_DATABASE_URL": store.url,
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/db",
    }

    assert todo_embedded("add", "Buy milk", env=env).status == 0


@pytest.mark.spec("002/FR-064")
def test_settings_prefer_the_config_file_to_database_url(
    store: Store, todo_embedded: Todo, config: Path
) -> None:
    write(config, f'database_url = "{store.url}"\n')

    ran = todo_embedded(
        "add", "Buy milk", env={"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/db"}
    )

    assert ran.status == 0
    assert [
        task["title"]
        for task in todo_embedded(
            "list", "--json", env={"TODO_DATABASE_URL": store.url}
        ).data
    ] == ["Buy milk"]


@pytest.mark.spec("002/FR-065")
def test_settings_know_the_embedded_file_by_name(
    todo_embedded: Todo, seal: Seal, config: Path
) -> None:
    write(config, 'database_url = "postgresql://nobody@127.0.0.1:1/db"\n')
    env = {
        "TODO_DATABASE_URL": "sqlite",
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/db",
    }

    assert todo_embedded("add", "Buy milk", env=env).status == 0
    assert embedded(seal).is_file()


@pytest.mark.spec("002/FR-065")
@pytest.mark.parametrize(
    "url",
    ["sqlite:///tasks.db", "sqlite:///./tasks.db", "sqlite:///../{here}/tasks.db"],
)
def test_settings_start_a_relative_path_at_the_working_directory(
    todo_embedded: Todo, seal: Seal, url: str
) -> None:
    env = {"TODO_DATABASE_URL": url.format(here=seal.cwd.name)}

    assert todo_embedded("add", "Buy milk", env=env).status == 0

    assert (seal.cwd / "tasks.db").is_file()
    assert not embedded(seal).exists()


@pytest.mark.spec("002/FR-065")
@pytest.mark.spec("002/FR-066")
@pytest.mark.parametrize("url", MALFORMED)
@pytest.mark.parametrize(
    "command", [["list"], ["add", "Buy milk"]], ids=["list", "add"]
)
def test_settings_refuse_a_malformed_url_without_showing_it(
    todo_embedded: Todo, seal: Seal, url: str, command: list[str]
) -> None:
    env = {"TODO_DATABASE_URL": url}

    error = assert_refused(
        todo_embedded, *command, env=env, code="CONFIG", names=["TODO_DATABASE_URL"]
    )
    debugged = todo_embedded(*command, "--debug", env=env)

    assert "CANARY" not in str(error) + said(debugged)
    assert [*seal.home.rglob("*"), *seal.cwd.rglob("*")] == []


@pytest.mark.spec("002/FR-065")
@pytest.mark.parametrize("url", MALFORMED)
def test_settings_refuse_a_malformed_url_in_the_config_file(
    todo_embedded: Todo, config: Path, url: str
) -> None:
    write(config, f'database_url = "{url}"\n')

    error = assert_refused(todo_embedded, "list", code="CONFIG", names=["database_url"])

    assert "CANARY" not in str(error)


@pytest.mark.spec("002/FR-066")
@pytest.mark.parametrize("password", UNESCAPED)
@pytest.mark.parametrize("variable", ["TODO_DATABASE_URL", "DATABASE_URL"])
def test_settings_never_show_a_password_that_is_not_escaped(
    todo_embedded: Todo, password: str, variable: str
) -> None:
    env = {variable: f"postgresql://ada:{password}@127.0.0.1:1/db"}

    runs = [
        todo_embedded("list", *options, env=env)
        for options in ([], ["--json"], ["--debug"])
    ]

    assert [ran.status for ran in runs] in ([8, 8, 8], [6, 6, 6])
    assert [ran for ran in runs if "CANARY" in said(ran) or "TAIL" in said(ran)] == []
    assert_document(runs[1], code=runs[1].error["code"])


@pytest.mark.spec("002/FR-066")
def test_settings_never_show_the_password_of_a_server_that_is_not_there(
    todo_embedded: Todo, closed_port: str
) -> None:
    env = {"TODO_DATABASE_URL": closed_port}

    runs = [
        todo_embedded("add", "x", *options, env=env)
        for options in ([], ["--json"], ["--debug"])
    ]

    assert [ran.status for ran in runs] == [6, 6, 6]
    assert [ran for ran in runs if "CANARY" in said(ran)] == []
    assert "127.0.0.1" in runs[0].err


@pytest.mark.spec("002/FR-072")
@pytest.mark.parametrize(
    "command", [["list"], ["add", "Buy milk"], ["done", "1"]], ids=" ".join
)
def test_settings_of_a_server_that_is_not_there_are_unavailable(
    todo_embedded: Todo, closed_port: str, command: list[str]
) -> None:
    env = {"TODO_DATABASE_URL": closed_port, "TODO_TIMEOUT": "1"}

    assert_refused(
        todo_embedded,
        *command,
        env=env,
        code="DATABASE_UNAVAILABLE",
        names=["127.0.0.1"],
    )


@pytest.mark.spec("002/FR-072")
@pytest.mark.parametrize(
    "command", [["list"], ["add", "Buy milk"]], ids=["list", "add"]
)
def test_settings_limit_the_wait_for_a_silent_server(
    todo_embedded: Todo, silent_server: str, command: list[str]
) -> None:
    env = {"TODO_DATABASE_URL": silent_server, "TODO_TIMEOUT": "0.5"}

    assert_refused(
        todo_embedded, *command, env=env, code="TIMEOUT", names=["127.0.0.1"]
    )


@pytest.mark.spec("002/FR-072")
def test_settings_limit_the_wait_by_the_config_file_too(
    todo_embedded: Todo, silent_server: str, config: Path
) -> None:
    write(config, "timeout = 0.5\n")

    assert_refused(
        todo_embedded, "list", env={"TODO_DATABASE_URL": silent_server}, code="TIMEOUT"
    )


@pytest.mark.spec("002/FR-072")
@pytest.mark.spec("002/FR-066")
def test_settings_with_a_wrong_password_are_refused_by_the_server(
    todo_embedded: Todo, own_postgres: PostgresCluster
) -> None:
    url = own_postgres.url("postgres", user="todo_admin", password="CANARY")

    error = assert_refused(
        todo_embedded, "list", env={"TODO_DATABASE_URL": url}, code="AUTH_FAILED"
    )

    assert "CANARY" not in str(error)


@pytest.mark.spec("002/FR-072")
@pytest.mark.parametrize(
    "command", [["list"], ["add", "Buy milk"]], ids=["list", "add"]
)
def test_settings_with_a_missing_database_are_wrong(
    todo_embedded: Todo, own_postgres: PostgresCluster, command: list[str]
) -> None:
    url = own_postgres.url("no_such_database")

    error = assert_refused(
        todo_embedded,
        *command,
        env={"TODO_DATABASE_URL": url},
        code="CONFIG",
        names=["no_such_database"],
    )

    assert own_postgres.password not in str(error)


@pytest.mark.spec("002/FR-067")
def test_settings_are_read_from_the_home_folder(todo: Todo, config: Path) -> None:
    write(config, 'user = "bob"\n')

    assert todo("add", "Buy milk", "--json", user=None).data["user_id"] == "bob"


@pytest.mark.spec("002/FR-067")
def test_settings_are_read_from_the_folder_for_settings(
    todo: Todo, config: Path, tmp_path: Path
) -> None:
    write(config, 'user = "home"\n')
    (tmp_path / "todo").mkdir()
    write(tmp_path / "todo" / "config.toml", 'user = "xdg"\n')

    ran = todo(
        "add", "Buy milk", "--json", user=None, env={"XDG_CONFIG_HOME": str(tmp_path)}
    )

    assert ran.data["user_id"] == "xdg"


@pytest.mark.spec("002/FR-067")
def test_settings_are_read_from_the_file_that_is_named(
    todo: Todo, config: Path, tmp_path: Path
) -> None:
    write(config, 'user = "home"\nfrob = 1\n')
    write(tmp_path / "work.toml", 'user = "work"\n')

    ran = todo(
        "add",
        "Buy milk",
        "--json",
        user=None,
        env={"TODO_CONFIG": str(tmp_path / "work.toml")},
    )

    assert ran.data["user_id"] == "work"


@pytest.mark.spec("002/FR-067")
@pytest.mark.parametrize(
    "variables", [{}, {"XDG_CONFIG_HOME": "/nowhere"}], ids=["home", "xdg"]
)
def test_settings_need_no_file(todo: Todo, variables: Mapping[str, str]) -> None:
    assert todo("list", env=variables) == Ran(0, "", "")


@pytest.mark.spec("002/FR-067")
def test_settings_need_the_file_that_is_named(todo: Todo, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.toml")

    assert_refused(
        todo, "list", env={"TODO_CONFIG": missing}, code="CONFIG", names=[missing]
    )


@pytest.mark.spec("002/FR-067")
def test_settings_are_not_read_from_dot_env(todo_embedded: Todo, seal: Seal) -> None:
    (seal.cwd / ".env").write_text(
        "TODO_USER=bob\nTODO_OUTPUT=json\nTODO_DATABASE_URL=\nDATABASE_URL=postgres://x\n"
    )

    assert (
        todo_embedded("add", "Buy milk", "--json", user=None).data["user_id"]
        == "tester"
    )
    assert not todo_embedded("list").out.startswith("{")


@pytest.mark.spec("002/FR-068")
@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param("frob = 1\n", "frob", id="unknown key"),
        pytest.param('[todo]\nuser = "bob"\n', "todo", id="table"),
        pytest.param('User = "bob"\n', "User", id="key in capitals"),
        pytest.param("user = 5\n", "user", id="user is a number"),
        pytest.param("database_url = true\n", "database_url", id="url is a boolean"),
        pytest.param('timeout = "soon"\n', "timeout", id="timeout is a word"),
        pytest.param("timeout = 0\n", "timeout", id="timeout is zero"),
        pytest.param("timeout = -1\n", "timeout", id="timeout is negative"),
        pytest.param("timeout = nan\n", "timeout", id="timeout is no number"),
        pytest.param("timeout = true\n", "timeout", id="timeout is a boolean"),
    ],
)
def test_settings_refuse_what_is_wrong_in_the_file(
    todo: Todo, config: Path, text: str, name: str
) -> None:
    write(config, text)

    assert_refused(todo, "list", code="CONFIG", names=[name, str(config)])
    assert_refused(todo, "add", "Buy milk", code="CONFIG", names=[name])


@pytest.mark.spec("002/FR-068")
def test_settings_refuse_an_output_that_is_none_in_the_file(
    todo: Todo, config: Path
) -> None:
    write(config, 'output = "xml"\n')

    assert_words(todo("list"), status=8, names=["output", str(config)])


@pytest.mark.spec("002/FR-068")
@pytest.mark.spec("002/FR-066")
@pytest.mark.parametrize(
    "text",
    [
        pytest.param('database_url = "postgresql://ada:CANARY@h/db', id="open string"),
        pytest.param("database_url = postgresql://ada:CANARY@h/db\n", id="no quotes"),
        pytest.param('user = "a"\nuser = "CANARY"\n', id="a key twice"),
        pytest.param("{", id="no toml"),
        pytest.param("\x00", id="nul"),
        pytest.param("user = caf\udce9", id="not utf-8"),
    ],
)
def test_settings_refuse_a_malformed_file(todo: Todo, config: Path, text: str) -> None:
    config.write_bytes(text.encode(errors="surrogateescape"))
    config.chmod(0o600)

    error = assert_refused(todo, "list", code="CONFIG", names=[str(config)])

    assert "CANARY" not in str(error)


@pytest.mark.spec("002/FR-068")
def test_settings_refuse_a_file_that_cannot_be_read(todo: Todo, config: Path) -> None:
    config.mkdir()

    assert_refused(todo, "list", code="CONFIG", names=[str(config)])


@pytest.mark.spec("002/FR-068")
def test_settings_accept_every_known_key(
    todo_embedded: Todo, config: Path, store: Store
) -> None:
    write(
        config,
        f'database_url = "{store.url}"\nuser = "bob"\noutput = "json"\ntimeout = 20\n',
    )

    assert todo_embedded("add", "Buy milk", user=None).data["user_id"] == "bob"


@pytest.mark.spec("002/FR-068")
@pytest.mark.parametrize(
    "text",
    ["", "# nothing\n", "user = 'bob'\r\n", "user = 'bob'"],
    ids=["empty", "comment", "crlf", "no line end"],
)
def test_settings_accept_a_file_as_editors_write_it(
    todo: Todo, config: Path, text: str
) -> None:
    config.write_bytes(text.encode())

    assert todo("list").status == 0


@pytest.mark.spec("002/FR-069")
@pytest.mark.spec("002/FR-066")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o666], ids=oct)
@pytest.mark.parametrize(
    "url",
    [
        pytest.param("postgresql://ada:CANARY@127.0.0.1:1/db", id="before the host"),
        pytest.param(
            "postgresql://ada@127.0.0.1:1/db?password=CANARY", id="among the parameters"
        ),
    ],
)
def test_settings_refuse_a_password_that_others_can_read(
    todo_embedded: Todo, config: Path, mode: int, url: str
) -> None:
    write(config, f'database_url = "{url}"\n', mode)

    error = assert_refused(todo_embedded, "list", code="CONFIG", names=[str(config)])

    assert "CANARY" not in str(error)
    assert stat.S_IMODE(config.stat().st_mode) == mode


@pytest.mark.spec("002/FR-069")
def test_settings_refuse_a_loose_password_also_where_it_is_not_used(
    todo: Todo, config: Path
) -> None:
    write(config, 'database_url = "postgresql://ada:CANARY@127.0.0.1:1/db"\n', 0o644)

    assert_refused(todo, "list", code="CONFIG", names=[str(config)])


@pytest.mark.spec("002/FR-069")
@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700], ids=oct)
def test_settings_accept_a_password_that_only_the_owner_can_read(
    todo_embedded: Todo, config: Path, mode: int, postgres_store: Store
) -> None:
    write(config, f'database_url = "{postgres_store.url}"\n')
    config.chmod(mode)

    assert todo_embedded("list").status == 0


@pytest.mark.spec("002/FR-069")
@pytest.mark.parametrize(
    "text", ["user = 'bob'\n", "database_url = 'sqlite'\n"], ids=["user", "sqlite"]
)
def test_settings_accept_a_loose_file_without_a_password(
    todo_embedded: Todo, config: Path, text: str
) -> None:
    write(config, text, 0o644)

    assert todo_embedded("list").status == 0


@pytest.mark.spec("002/FR-070")
def test_settings_of_the_environment_win_over_the_file(
    todo: Todo, config: Path, silent_server: str
) -> None:
    write(config, "timeout = 600\n")
    env = {"TODO_DATABASE_URL": silent_server, "TODO_TIMEOUT": "0.5"}

    assert_refused(todo, "list", env=env, code="TIMEOUT")


@pytest.mark.spec("002/FR-070")
@pytest.mark.spec("002/FR-038")
def test_settings_choose_json_by_the_file(todo: Todo, config: Path) -> None:
    write(config, 'output = "json"\n')

    assert todo("list").data == []
    assert_document(todo("show", "99"), code="NOT_FOUND")
    assert_document(todo("frobnicate"), code="USAGE")


@pytest.mark.spec("002/FR-070")
@pytest.mark.parametrize(
    "timeout", ["soon", "0", "-1", "nan", "inf", "1e999", "1,5", "٣"]
)
def test_settings_refuse_a_bad_timeout(todo: Todo, timeout: str) -> None:
    assert_refused(
        todo,
        "list",
        env={"TODO_TIMEOUT": timeout},
        code="CONFIG",
        names=["TODO_TIMEOUT"],
    )


@pytest.mark.spec("002/FR-070")
@pytest.mark.parametrize("output", ["xml", "JSON!", "yes"])
def test_settings_refuse_a_bad_output(todo: Todo, output: str) -> None:
    assert_words(
        todo("list", env={"TODO_OUTPUT": output}), status=8, names=["TODO_OUTPUT"]
    )


@pytest.mark.spec("002/FR-071")
@pytest.mark.parametrize(
    "command", [["list"], ["add", "Buy milk"]], ids=["list", "add"]
)
def test_settings_without_a_home_name_the_way_out(
    todo_embedded: Todo, command: list[str]
) -> None:
    assert_refused(
        todo_embedded,
        *command,
        env={"HOME": None},
        code="IO_ERROR",
        names=["TODO_DATABASE_URL"],
    )


@pytest.mark.spec("002/FR-071")
def test_settings_without_a_home_are_enough_where_the_store_is_named(
    todo: Todo,
) -> None:
    ran = todo("add", "Buy milk", "--json", env={"HOME": None})

    assert ran.data["title"] == "Buy milk"


@pytest.mark.spec("002/FR-071")
@pytest.mark.spec("002/FR-075")
def test_settings_without_a_home_are_enough_where_the_data_folder_is_named(
    todo_embedded: Todo, tmp_path: Path
) -> None:
    env = {"HOME": None, "XDG_DATA_HOME": str(tmp_path / "data")}

    assert todo_embedded("add", "Buy milk", env=env).status == 0
    assert (tmp_path / "data" / "todo" / "todo.db").is_file()


@pytest.mark.spec("002/FR-064")
def test_settings_of_postgresql_programs_do_not_move_the_store(todo: Todo) -> None:
    env = {
        "PGHOST": "127.0.0.2",
        "PGPORT": "1",
        "PGDATABASE": "other",
        "PGUSER": "other",
        "PGPASSWORD": "CANARY",
    }

    assert todo("add", "Buy milk", env=env).status == 0
    assert len(tasks_of(todo)) == 1
