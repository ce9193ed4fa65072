"""`todo connect`: what it reads, finds, saves and copies.

tests/cli/test_secret.py is about the terminal, tests/test_config_file.py about the file.
"""

import os
import sqlite3
import tomllib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from jsonschema import Draft202012Validator

from tests.cli.contract import strict, success
from tests.cli.machines import Machine
from tests.conftest import Seal
from tests.support.postgres import PostgresCluster, PostgresServer
from tests.support.stores import Clock, Store
from todo_cli.cli import connecting
from todo_cli.database.schema import HEAD

PROMPT = "Connection string (it is not shown): "
SECRET = "CaNaRy"
Machines = Callable[..., Machine]


@pytest.fixture
def server(postgres_store: Store) -> str:
    """The connection string of an empty server."""
    return postgres_store.url


@pytest.fixture
def machines(seal: Seal, clock: Clock, server: str) -> Machines:
    """Make the machine of somebody: `machines("ada")`."""
    password = urlsplit(server).password
    assert password

    def make(login: str | None, **variables: str) -> Machine:
        home = seal.home / (login or "nobody")
        home.mkdir(exist_ok=True)
        return Machine(home, login, clock, (password, SECRET), variables)

    return make


@pytest.fixture
def ada(machines: Machines) -> Machine:
    """The machine of ada."""
    return machines("ada")


@pytest.fixture
def place(server: str) -> str:
    """How messages name the server."""
    parts = urlsplit(server)
    return f"{parts.hostname}:{parts.port}{parts.path}"


def settings(machine: Machine) -> dict[str, object]:
    """What the config file says."""
    return tomllib.loads(machine.config.read_text())


def titles(machine: Machine, *arguments: str) -> list[tuple[int, str]]:
    """The numbers and titles of all tasks, by number."""
    ran = machine("list", "--status", "all", "--json", *arguments)
    return sorted((task["number"], task["title"]) for task in ran.data)


# What it reads


@pytest.mark.spec("002/FR-291")
@pytest.mark.parametrize(
    "text",
    [
        "{url}",
        "{url}\n",
        "\n\n  {url}  \n\n",
        "\ufeff{url}\r\n",
        "'{url}'\n",
        '"{url}"',
    ],
)
def test_a_connection_string_is_read_from_standard_input(
    ada: Machine, server: str, text: str
) -> None:
    ran = ada("connect", stdin=text.format(url=server).encode())

    assert ran.status == 0, ran
    assert settings(ada) == {"database_url": server, "user": "ada"}
    assert os.stat(ada.config).st_mode & 0o777 == 0o600
    assert os.stat(ada.config.parent).st_mode & 0o777 == 0o700


@pytest.mark.spec("002/FR-291")
@pytest.mark.spec("002/FR-301")
@pytest.mark.spec("002/FR-304")
@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b"", "INVALID_INPUT", "is empty"),
        (b" \n\t\n", "INVALID_INPUT", "is empty"),
        (
            b"postgresql://CaNaRy@a/b\npostgresql://CaNaRy@c/d",
            "INVALID_INPUT",
            "has 2 lines",
        ),
        (b"postgresql://a:CaNaRy\xff@b/c", "INVALID_INPUT", "is not UTF-8"),
        (b"postgresql://a:CaNaRy\0@b/c", "INVALID_INPUT", "UTF-16"),
        (
            "postgresql://a:CaNaRy@b/c".encode("utf-16"),
            "INVALID_INPUT",
            "UTF-16",
        ),
        (
            b"postgresql://a:CaNaRy@b/" + b"c" * 2**20,
            "INVALID_INPUT",
            "longer than 1 MiB",
        ),
        (b"psql 'postgresql://a:CaNaRy@b/c'", "CONFIG", "begins with `psql`"),
        (
            b"DATABASE_URL=postgresql://a:CaNaRy@b/c",
            "CONFIG",
            "before `postgresql://`",
        ),
        (b"mysql://a:CaNaRy@b/c", "CONFIG", "mysql"),
        (b"postgresql://a:********@b/c", "CONFIG", "stars or dots"),
        (b"CaNaRy", "CONFIG", "neither a URL nor"),
        (b"postgresql://a:CaNaRy@TAIL@b/c", "CONFIG", "CONFIG"),
        (
            b"postgresql://a:CaNaRy@b/c?sslrootcert=ca.pem",
            "CONFIG",
            "relative path",
        ),
        (
            b"postgresql://a:CaNaRy@b/c?passfile=CaNaRy",
            "CONFIG",
            "relative path",
        ),
        (b"sqlite", "CONFIG", "not a server"),
        (b"sqlite:///CaNaRy.db", "CONFIG", "not a server"),
        (b"/CaNaRy/todo.db", "CONFIG", "not a server"),
    ],
)
def test_what_is_no_connection_string_is_refused_and_not_quoted(
    ada: Machine, data: bytes, code: str, words: str
) -> None:
    ran = ada("connect", "--json", stdin=data)

    assert ran.error["code"] == code
    if words != "CONFIG":
        assert words in ran.error["message"]
    # A file is no answer here: the next error would be `not a server`.
    assert "path of a SQLite file" not in ran.error.get("hint", "")
    assert not ada.config.parent.exists()


@pytest.mark.spec("002/FR-290")
@pytest.mark.parametrize(
    "arguments",
    [
        ["postgresql://a:CaNaRy@b/c"],
        ["--", "postgresql://a:CaNaRy@b/c"],
        ["--off", "postgresql://a:CaNaRy@b/c"],
        ["psql", "postgresql://a:CaNaRy@b/c"],
        ["--url", "postgresql://a:CaNaRy@b/c"],
        ["--url=postgresql://a:CaNaRy@b/c"],
        ["CaNaRy@b"],
    ],
)
def test_a_connection_string_is_never_an_argument(
    ada: Machine, arguments: list[str]
) -> None:
    ran = ada("connect", *arguments)

    assert ran.status == 2
    assert not ada.config.parent.exists()
    if arguments[-1].startswith("postgresql"):
        if "--url" in arguments:
            return
        assert "history now" in ran.err
        assert "change the password" in ran.err


@pytest.mark.spec("002/FR-290")
@pytest.mark.parametrize("variable", ["TODO_NO_INPUT", "CI"])
def test_nobody_is_asked_for_a_connection_string_who_is_not_there(
    ada: Machine, variable: str
) -> None:
    ran = ada("connect", typed=[], env={variable: "1"})

    assert ran.status == 2
    assert "Nobody is there" in ran.err


@pytest.mark.spec("002/FR-300")
def test_off_and_import_contradict_each_other(ada: Machine) -> None:
    assert ada("connect", "--off", "--import").status == 2
    assert ada("connect", "--off", "--no-import").status == 2


# Before anything is saved


@pytest.mark.spec("002/FR-293")
@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda url: url.replace("@127.0.0.1:", "@127.0.0.1:1"), (6, 8)),
        (lambda url: url.rpartition("/")[0] + "/nowhere", (8,)),
        (lambda url: url.replace(urlsplit(url).password or "", SECRET), (4,)),
    ],
)
def test_nothing_is_saved_unless_the_connection_works(
    ada: Machine,
    server: str,
    change: Callable[[str], str],
    status: tuple[int, ...],
) -> None:
    ada.write("# mine\ntimeout = 3\n")

    ran = ada("connect", stdin=change(server).encode())

    assert ran.status in status, ran
    assert ada.config.read_text() == "# mine\ntimeout = 3\n"
    assert [path.name for path in ada.config.parent.iterdir()] == [
        "config.toml"
    ]


@pytest.mark.spec("002/FR-293")
def test_tables_of_another_program_are_refused(
    ada: Machine, server: str, postgres: PostgresServer
) -> None:
    database = urlsplit(server).path[1:]
    postgres.run_sql(
        database,
        "DROP SCHEMA todo CASCADE; CREATE SCHEMA todo; CREATE TABLE todo.x ()",
    )

    ran = ada("connect", stdin=server.encode())

    assert ran.status == 8
    assert not ada.config.exists()


@pytest.mark.spec("002/FR-296")
def test_a_file_that_cannot_be_written_is_refused_before_the_string_is_read(
    ada: Machine,
) -> None:
    ada.write("timeout = 3\n", mode=0o400)

    ran = ada("connect", stdin=b"")

    assert ran.status == 9
    assert "is read-only" in ran.err


@pytest.mark.spec("002/FR-295")
def test_without_a_user_there_is_nothing_to_connect(
    machines: Machines, server: str
) -> None:
    ran = machines(None)("connect", stdin=server.encode())

    assert ran.status == 2
    assert machines(None)("connect", "--off").status == 0


# What it says and saves


@pytest.mark.spec("002/FR-294")
@pytest.mark.spec("002/FR-302")
def test_the_answer_says_what_was_found(
    ada: Machine, server: str, place: str
) -> None:
    first = ada("connect", "--json", stdin=server.encode())
    assert ada("add", "one").status == 0
    again = ada("connect", "--json", stdin=server.encode())

    assert first.data == {
        "place": place,
        "login": urlsplit(server).username,
        "schema": HEAD,
        "created": False,
        "user": "ada",
        "lists": [],
        "config_file": str(ada.config),
        "replaced": None,
        "left": 0,
        "imported": None,
        "warnings": [],
    }
    assert again.data["lists"] == [{"user": "ada", "tasks": 1}]
    assert f"Connected to {place}" in again.json["message"]
    fitting = {"$defs": strict(success()["$defs"]), "$ref": "#/$defs/connect"}
    for ran in (first, again):
        assert list(Draft202012Validator(fitting).iter_errors(ran.data)) == []


@pytest.mark.nothing_made
@pytest.mark.spec("002/FR-298")
def test_missing_tables_are_made(ada: Machine, server: str) -> None:
    ran = ada("connect", stdin=server.encode())

    assert "its tables are new" in ran.out
    assert titles(ada) == []
    assert "Added 1: one" in ada("add", "one").out


@pytest.mark.spec("002/FR-296")
def test_a_store_that_is_replaced_is_named(
    ada: Machine, server: str, place: str
) -> None:
    ada.write(
        f'database_url = "postgresql://x:{SECRET}@old.example/shop" # work\n'
        'user = "ada"\n'
    )

    ran = ada("connect", "--json", stdin=server.encode())

    assert ran.data["replaced"] == "old.example/shop"
    assert "# work" in ada.config.read_text()
    again = ada("connect", "--json", stdin=server.encode())
    assert again.data["replaced"] is None


@pytest.mark.spec("002/FR-296")
@pytest.mark.parametrize("old", ["nonsense", "postgresql://a:CaNaRy@[x/y"])
def test_a_wrong_connection_string_in_the_file_is_replaced(
    ada: Machine, server: str, old: str
) -> None:
    ada.write(f'database_url = "{old}"\n')

    ran = ada("connect", "--json", stdin=server.encode())

    assert ran.data["replaced"] == "a store that cannot be used"
    assert settings(ada)["database_url"] == server


@pytest.mark.spec("002/FR-296")
@pytest.mark.parametrize("text", ["= CaNaRy", "colour = 1\n"])
def test_a_config_file_that_is_wrong_stays_as_it_is(
    ada: Machine, server: str, text: str
) -> None:
    ada.write(text)

    ran = ada("connect", stdin=server.encode())

    assert ran.status == 8
    assert ada.config.read_text() == text


@pytest.mark.spec("002/FR-296")
def test_a_profile_is_made(ada: Machine, server: str) -> None:
    work = ada.home / "profiles" / "work.toml"
    env = {"TODO_CONFIG": str(work)}

    assert ada("connect", stdin=server.encode(), env=env).status == 0
    assert tomllib.loads(work.read_text())["database_url"] == server
    assert not ada.config.exists()
    assert titles(ada) == []


@pytest.mark.spec("002/FR-297")
def test_a_variable_that_wins_over_the_file_is_named(
    ada: Machine, server: str, place: str
) -> None:
    def warned(**env: str) -> list[str]:
        ran = ada("connect", "--json", stdin=server.encode(), env=env)
        warnings: list[str] = ran.data["warnings"]
        return warnings

    other = f"postgresql://a:{SECRET}@b.example/c"
    [warning] = warned(TODO_DATABASE_URL=other)
    assert "TODO_DATABASE_URL wins" in warning
    assert "b.example/c" in warning
    [warning] = warned(TODO_DATABASE_URL="nonsense")
    assert "TODO_DATABASE_URL wins" in warning
    # The same store, or one that the file wins over.
    assert warned(TODO_DATABASE_URL=server) == []
    assert warned(DATABASE_URL=other) == []


@pytest.mark.spec("002/FR-297")
def test_variables_that_fill_gaps_are_named(ada: Machine, server: str) -> None:
    password = urlsplit(server).password or ""
    url = server.replace(f":{password}@", "@")

    ran = ada(
        "connect", "--json", stdin=url.encode(), env={"PGPASSWORD": password}
    )

    [warning] = ran.data["warnings"]
    assert "PGPASSWORD filled" in warning
    assert settings(ada)["database_url"] == url


# Whose list


@pytest.mark.spec("002/FR-295")
@pytest.mark.parametrize(
    ("arguments", "env", "file"),
    [
        (["--user", "grace"], {}, ""),
        ([], {"TODO_USER": "grace"}, ""),
        ([], {}, 'user = "grace"\n'),
    ],
)
def test_a_name_that_is_set_is_saved(
    ada: Machine,
    server: str,
    arguments: list[str],
    env: dict[str, str],
    file: str,
) -> None:
    ada.write(file)
    assert ada("connect", stdin=server.encode(), env=env).status in (0, 2)

    ran = ada("connect", *arguments, stdin=server.encode(), env=env)

    assert ran.status == 0, ran
    assert settings(ada)["user"] == "grace"


@pytest.mark.spec("002/FR-295")
@pytest.mark.parametrize(
    ("lists", "answer", "user"),
    [
        (["ada"], b"\n", "ada"),
        (["ada"], b"y\n", "ada"),
        (["ada"], b"n\n", "bob"),
        (["ada"], b"eve\n", "eve"),
        (["ada", "eve"], b"\n", "bob"),
        (["ada", "eve"], b" eve \n", "eve"),
        (["ada", "bob"], None, "bob"),
    ],
)
def test_at_a_terminal_the_list_can_be_chosen(
    machines: Machines,
    ada: Machine,
    server: str,
    lists: list[str],
    answer: bytes | None,
    user: str,
) -> None:
    for name in lists:
        env = {"TODO_DATABASE_URL": server}
        assert ada("add", "x", "--user", name, env=env).status == 0
    bob = machines("bob")
    typed = [(PROMPT, server.encode() + b"\r")]
    if answer is not None:
        typed.append(("]: ", answer))

    ran = bob("connect", typed=typed)

    assert ran.status == 0, ran
    assert settings(bob)["user"] == user
    assert (", a new list" in ran.out) == (user not in lists)


@pytest.mark.spec("002/FR-295")
@pytest.mark.parametrize(
    ("answer", "status"),
    [(b"a/b\n", 2), (b"postgresql://a:CaNaRy@b/c\n", 2), (b"\x04", 10)],
)
def test_nothing_is_saved_without_an_answer_that_can_be_used(
    machines: Machines,
    ada: Machine,
    server: str,
    answer: bytes,
    status: int,
) -> None:
    assert ada("add", "x", env={"TODO_DATABASE_URL": server}).status == 0
    bob = machines("bob")

    ran = bob(
        "connect", typed=[(PROMPT, server.encode() + b"\r"), ("]: ", answer)]
    )

    assert ran.status == status, ran
    assert not bob.config.exists()


@pytest.mark.spec("002/FR-295")
def test_elsewhere_nobody_is_asked_whose_list_it_is(
    machines: Machines, ada: Machine, server: str
) -> None:
    assert ada("add", "x", env={"TODO_DATABASE_URL": server}).status == 0
    bob = machines("bob")

    ran = bob("connect", stdin=server.encode())

    assert settings(bob)["user"] == "bob"
    assert "1 task of ada" in ran.out
    assert "you are bob, a new list" in ran.out


# The tasks of the embedded file


def fill(machine: Machine, *names: str) -> None:
    """Add tasks to the embedded file."""
    for name in names:
        assert machine("add", name).status == 0


@pytest.mark.spec("002/FR-299")
@pytest.mark.parametrize(
    ("arguments", "answer", "is_there"),
    [
        ([], b"\n", True),
        ([], b"Yes\n", True),
        ([], b"n\n", False),
        ([], b"what?\n", False),
        (["--import"], None, True),
        (["--no-import"], None, False),
    ],
)
def test_embedded_tasks_come_along_if_that_is_wanted(
    ada: Machine,
    server: str,
    arguments: list[str],
    answer: bytes | None,
    is_there: bool,
) -> None:
    fill(ada, "one", "two")
    typed = [(PROMPT, server.encode() + b"\r")]
    if answer is not None:
        typed.append(("[Y/n] ", answer))

    ran = ada("connect", *arguments, typed=typed)

    assert ran.status == 0, ran
    assert titles(ada) == ([(1, "one"), (2, "two")] if is_there else [])
    if answer is not None and not is_there:
        assert "2 tasks stayed in the embedded file" in ran.out


@pytest.mark.spec("002/FR-299")
def test_a_script_says_whether_embedded_tasks_come_along(
    ada: Machine, server: str
) -> None:
    fill(ada, "one", "two")

    left = ada("connect", "--json", stdin=server.encode())
    came = ada("connect", "--import", "--json", stdin=server.encode())
    again = ada("connect", "--import", "--json", stdin=server.encode())

    assert left.data["left"] == 2
    assert left.data["imported"] is None
    assert "todo db import" in left.data["warnings"][0]
    assert came.data["imported"]["added"] == 2
    assert came.data["left"] == 0
    assert again.data["imported"]["added"] == 0
    assert titles(ada) == [(1, "one"), (2, "two")]
    # Whoever has brought them along is not asked again.
    assert (
        ada("connect", typed=[(PROMPT, server.encode() + b"\r")]).status == 0
    )


@pytest.mark.spec("002/FR-299")
def test_an_import_without_tasks_says_where_it_looked(
    ada: Machine, server: str
) -> None:
    ran = ada("connect", "--import", "--json", stdin=server.encode())

    assert ran.status == 0
    assert ran.data["imported"] is None
    expected = f"No tasks to bring along: {ada.embedded} has none"
    assert expected in ran.json["message"]


@pytest.mark.spec("002/FR-299")
def test_tasks_of_several_stay_theirs(ada: Machine, server: str) -> None:
    fill(ada, "mine")
    assert ada("add", "hers", "--user", "grace").status == 0

    ran = ada(
        "connect",
        typed=[(PROMPT, server.encode() + b"\r"), ("(of ada, grace)", b"\n")],
    )

    assert ran.status == 0, ran
    assert titles(ada) == [(1, "mine")]
    assert titles(ada, "--user", "grace") == [(1, "hers")]


@pytest.mark.spec("002/FR-299")
@pytest.mark.parametrize("is_wanted", [True, False])
def test_a_broken_embedded_file_is_no_reason_to_stay_with_it(
    ada: Machine, server: str, is_wanted: bool
) -> None:
    ada.embedded.parent.mkdir(parents=True)
    ada.embedded.write_bytes(b"no database at all" * 100)

    ran = ada("connect", *["--import"][:is_wanted], stdin=server.encode())

    assert ran.status == (9 if is_wanted else 0), ran
    assert ada.config.exists() == (not is_wanted)


@pytest.mark.spec("002/FR-299")
def test_a_failed_import_says_what_is_done(
    machines: Machines, ada: Machine, server: str
) -> None:
    fill(ada, "one", "two")
    assert ada("connect", "--import", stdin=server.encode()).status == 0
    fill(ada, "three")
    assert ada("connect", "--off").status == 0
    fill(ada, "four")

    # Ada's tasks cannot become bob's, too.
    ran = ada("connect", "--import", "--user", "bob", stdin=server.encode())

    assert ran.status == 5, ran
    assert f"the connection is saved in {ada.config}" in ran.err
    assert "no task was copied" in ran.err
    assert "ada has that task" in ran.err
    # It would fail in the same way.
    assert "todo db import" not in ran.err
    assert settings(ada)["user"] == "bob"


@pytest.mark.spec("002/FR-299")
def test_an_import_that_the_file_stops_is_not_to_be_repeated(
    ada: Machine, server: str
) -> None:
    fill(ada, "one")
    with closing(sqlite3.connect(ada.embedded)) as file, file:
        file.execute("PRAGMA ignore_check_constraints = ON")
        file.execute("UPDATE task SET title = ''")

    ran = ada("connect", "--import", stdin=server.encode())

    assert ran.status == 2, ran
    assert "no task was copied" in ran.err
    assert "correct it in a copy of the file" in ran.err
    assert "todo db import" not in ran.err


# Rights


@pytest.fixture
def guest(own_postgres: PostgresCluster, server: str) -> str:
    """The connection string of a role without any right."""
    database = urlsplit(server).path[1:]
    own_postgres.run_sql(
        database,
        f"DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN PASSWORD '{SECRET}'",
    )
    return own_postgres.url(database, user="guest", password=SECRET)


@pytest.mark.spec("002/FR-298")
@pytest.mark.parametrize(
    "made", [True, pytest.param(False, marks=pytest.mark.nothing_made)]
)
def test_a_role_without_rights_is_saved_and_told(
    ada: Machine, guest: str, made: bool
) -> None:
    fill(ada, "one")

    ran = ada("connect", "--import", stdin=guest.encode())

    assert ran.status == 4, ran
    assert "the connection is saved in" in ran.err
    assert "todo db upgrade --sql" in ran.err
    assert settings(ada)["database_url"] == guest
    assert ada("db", "upgrade", "--sql").status == 0
    alone = ada("connect", stdin=guest.encode())
    assert "task was copied" not in alone.err
    embedded = {"TODO_DATABASE_URL": "sqlite"}
    assert ada("add", "hers", "-u", "grace", env=embedded).status == 0
    both = ada("connect", "--import", stdin=guest.encode())
    assert f"`todo db import {ada.embedded} --renumber`" in both.err
    verdict = ada("doctor")
    assert verdict.status == ada("add", "x").status == 4
    assert verdict.out.startswith("Not usable: The role lacks the rights")


@pytest.mark.spec("002/FR-295")
def test_a_role_that_may_keep_only_its_own_tasks_is_the_user(
    ada: Machine, guest: str, server: str, own_postgres: PostgresCluster
) -> None:
    env = {"TODO_DATABASE_URL": server}
    policy = ada("db", "policy", "guest", env=env).out
    database = urlsplit(server).path[1:]
    own_postgres.run_sql(database, policy)
    try:
        ran = ada("connect", "--json", stdin=guest.encode())
        assert ran.data["user"] == "guest"
        assert ada("add", "x").status == 0
        other = ada("connect", "--json", "--user", "ada", stdin=guest.encode())
        assert "may only keep the tasks of guest" in other.data["warnings"][0]
    finally:
        own_postgres.run_sql(
            database, "DROP SCHEMA todo CASCADE; DROP OWNED BY guest"
        )


@pytest.mark.spec("002/FR-304")
def test_a_bug_shows_nothing_of_the_string(
    ada: Machine, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of a library can quote all that it was given."""
    password = urlsplit(server).password

    def fail(*_: object) -> None:
        raise RuntimeError(f"cannot use {password} of {server}")

    monkeypatch.setattr(connecting, "_heir", fail)

    ran = ada("connect", "--debug", stdin=server.encode())

    assert ran.status == 1
    assert "cannot use ***" in ran.err


# Off


@pytest.mark.spec("002/FR-300")
def test_off_goes_back_to_the_embedded_file(
    ada: Machine, server: str, place: str
) -> None:
    fill(ada, "one")
    ada.write("# mine\ntimeout = 3\n")
    assert ada("connect", stdin=server.encode()).status == 0

    ran = ada("connect", "--off", typed=[])
    again = ada("connect", "--off", "--json")

    assert f"Disconnected from {place}" in ran.out
    assert f"Commands now use {ada.embedded}" in ran.out
    assert "todo db backup" in ran.err
    assert ada.config.read_text() == '# mine\ntimeout = 3\nuser = "ada"\n'
    assert titles(ada) == [(1, "one")]
    assert again.data == {
        "config_file": str(ada.config),
        "left": None,
        "place": str(ada.embedded),
        "chosen_by": "the default",
        "user": "ada",
    }


@pytest.mark.spec("002/FR-300")
def test_off_says_whose_tasks_are_there(
    machines: Machines, ada: Machine, server: str
) -> None:
    bob = machines("bob")
    fill(bob, "one")
    assert bob("connect", "--user", "ada", stdin=server.encode()).status == 0

    ran = bob("connect", "--off")

    assert (
        "It has tasks of bob; you are ada: `todo connect --off --user bob` changes that"
        in ran.out
    )
    back = bob("connect", "--off", "--user", "bob")
    assert "You are bob from now on" in back.out
    assert "nothing was changed" not in back.out
    assert settings(bob) == {"user": "bob"}
    assert titles(bob) == [(1, "one")]


@pytest.mark.spec("002/FR-300")
def test_off_needs_no_user(machines: Machines) -> None:
    ada = machines("ada")
    fill(ada, "one")
    ada.write('user = ""\n')

    ran = ada("connect", "--off")

    assert (
        "It has tasks of ada: `todo connect --off --user ada` changes that"
        in ran.out
    )


@pytest.mark.spec("002/FR-300")
def test_off_refuses_a_user_that_breaks_a_rule(ada: Machine) -> None:
    ada.write('user = "ada"\n')

    ran = ada("connect", "--off", "--user", "a/b")

    assert ran.status == 2
    assert "(--user)" in ran.err
    assert settings(ada) == {"user": "ada"}


@pytest.mark.spec("002/FR-300")
@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        (
            "TODO_DATABASE_URL",
            "postgresql://a:CaNaRy@b.example/c",
            "b.example/c",
        ),
        ("DATABASE_URL", "postgresql://a:CaNaRy@b.example/c", "b.example/c"),
        ("TODO_DATABASE_URL", "CaNaRy", "cannot be used"),
        ("DATABASE_URL", "postgresql://a:CaNaRy@[b/c", "cannot be used"),
    ],
)
def test_off_says_which_variable_chooses_the_store(
    ada: Machine, variable: str, value: str, words: str
) -> None:
    ran = ada("connect", "--off", env={variable: value})

    assert ran.status == 0
    assert variable in ran.out
    assert words in ran.out


@pytest.mark.spec("002/FR-300")
def test_off_without_a_home_has_nothing_to_do(
    ada: Machine, tmp_path: Path
) -> None:
    missing = tmp_path / "none.toml"

    ran = ada("connect", "--off", env={"TODO_CONFIG": str(missing)})

    assert ran.status == 0
    assert "nothing was changed" in ran.out
    assert not missing.exists()
