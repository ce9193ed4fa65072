"""`todo doctor` says which store is in use and why, and what is wrong with it; exit 0
when it can be used.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cli.expect import EXITS, assert_document
from tests.support.certificates import Authority, Certificate
from tests.support.neon import NeonFront
from tests.support.program import Ran, Surroundings, Todo
from tests.support.site import (
    CONSOLE,
    ELSEWHERE,
    HOST,
    MAY_HALF_CLOSE,
    POOLER,
    Site,
)
from tests.support.turns import TurnProxy
from todo_cli.database.schema import HEAD

pytestmark = MAY_HALF_CLOSE

SETTINGS = [
    "version",
    "user",
    "user_from",
    "store",
    "place",
    "store_from",
    "passed_over",
    "switches",
    "config_file",
    "embedded_file",
    "timeout_s",
]
CONNECTION = ["tls", "is_pooler", "login", "password", "ignored_parameters"]
SERVER = [
    "round_trips",
    "round_trip_ms",
    "server_version",
    "role",
    "bypasses_row_level_security",
    "schema_owner",
    "others_may_create_in",
    "read_only",
    "clock_drift_s",
]
FILE = ["sqlite_version", "journal_mode"]
CONTENTS = ["schema", "tasks", "numbers"]


@pytest.fixture
def embedded(site: Site) -> Todo:
    """The program with no connection string."""
    return Todo(Surroundings(site.home, site.cwd, None), site.clock)


@pytest.fixture
def stranger(site: Site) -> Iterator[str]:
    """A role that may connect and nothing else."""
    name = "stranger_to_todo"
    site.server.run_sql(
        site.database, f"CREATE ROLE {name} LOGIN PASSWORD 'a stranger'"
    )
    yield name
    site.server.run_sql(site.database, f"DROP ROLE {name}")


def found(ran: Ran) -> dict[str, str]:
    """The findings in words, as lines of text."""
    pairs = [line.split("\t") for line in ran.out.splitlines()]
    assert all(len(pair) == 2 for pair in pairs), ran
    return {line[0]: line[1] for line in pairs}


def details(error: dict[str, Any]) -> dict[str, str]:
    """The findings beside a fault."""
    return {detail["field"]: detail["message"] for detail in error["details"]}


def test_names_everything_about_a_server(
    site: Site, front: NeonFront, neon_url: str
) -> None:
    site.fill("first", "second")
    site.clock.now = datetime.now(UTC)
    run = site.todo(neon_url)

    data = run("doctor", "--json").data

    assert set(data) == {
        *SETTINGS,
        *CONNECTION,
        "reachable",
        *SERVER,
        *CONTENTS,
    }
    assert {
        name: data[name]
        for name in ("user", "user_from", "store", "store_from", "timeout_s")
    } == {
        "user": "ada",
        "user_from": "TODO_USER",
        "store": "postgresql",
        "store_from": "TODO_DATABASE_URL",
        "timeout_s": 15.0,
    }
    assert data["place"] == f"{HOST}:{front.port}/{site.database}"
    assert data["tls"] == "verified against the system's certificates, direct"
    assert (data["is_pooler"], data["login"], data["password"]) == (
        False,
        "todo_admin",
        "***",
    )
    assert (data["reachable"], data["role"], data["read_only"]) == (
        True,
        "todo_admin",
        False,
    )
    assert data["round_trip_ms"] > 0
    assert data["server_version"].split(".")[0].isdigit()
    assert abs(data["clock_drift_s"]) < 60
    assert (data["schema"], data["tasks"]) == (f"{HEAD} (current)", 2)
    assert data["config_file"].endswith("/todo/config.toml")
    assert data["embedded_file"].endswith("/todo/todo.db")


def test_names_everything_about_a_file(embedded: Todo) -> None:
    assert embedded("add", "Buy milk").status == 0

    data = embedded("doctor", "--json").data

    assert set(data) == {*SETTINGS, "reachable", *FILE, *CONTENTS}
    assert (data["store"], data["store_from"], data["place"]) == (
        "sqlite",
        "the default",
        data["embedded_file"],
    )
    assert (data["reachable"], data["schema"], data["tasks"]) == (
        True,
        f"{HEAD} (current)",
        1,
    )
    assert data["journal_mode"] == "wal"


@pytest.mark.parametrize("is_server", [True, False])
def test_says_the_same_in_words(
    site: Site, neon_url: str, embedded: Todo, is_server: bool
) -> None:
    run = site.todo(neon_url) if is_server else embedded
    data = run("doctor", "--json").data

    ran = run("doctor")
    words = found(ran)

    assert (ran.status, ran.err) == (0, "")
    assert list(words) == list(data)
    for name, value in data.items():
        if isinstance(value, str):
            assert words[name] == value
        elif isinstance(value, bool):
            assert words[name] == ("yes" if value else "no")
    drawn = run("doctor", terminal=True, columns=200).out
    assert [
        name for name, value in words.items() if not value or name not in drawn
    ] == []


def test_makes_no_store(
    site: Site, blank_site: Site, proxy: TurnProxy, embedded: Todo
) -> None:
    on_server = blank_site.todo(blank_site.url("127.0.0.1", proxy.port))(
        "doctor", "--json"
    ).data
    in_file = embedded("doctor", "--json").data

    for data in (on_server, in_file):
        assert (data["reachable"], data["schema"], data["tasks"]) == (
            True,
            "absent",
            0,
        )
    assert blank_site.fetch("SELECT to_regnamespace('todo')") == [(None,)]
    assert list(site.home.rglob("*")) == []


@pytest.mark.parametrize(
    ("host", "query", "turns"),
    [
        (HOST, CONSOLE, 7),
        (HOST, "sslnegotiation=postgres", 8),
        (ELSEWHERE, "", 8),
        (ELSEWHERE, "sslnegotiation=direct", 7),
        ("localhost", "", 6),
    ],
)
def test_names_the_turns_that_a_command_costs(
    site: Site,
    front: NeonFront,
    proxy: TurnProxy,
    host: str,
    query: str,
    turns: int,
) -> None:
    counter = proxy if host == "localhost" else front
    run = site.todo(site.url(host, counter.port, query))

    assert run("doctor", "--json").data["round_trips"] == turns
    counter.reset()
    assert run("list").status == 0
    assert counter.turns == turns


def test_measures_the_time_of_a_turn(
    site: Site, proxy: TurnProxy, plain_url: str
) -> None:
    proxy.delay_s = 0.05

    assert (
        site.todo(plain_url)("doctor", "--json").data["round_trip_ms"] >= 100
    )


@pytest.mark.parametrize(
    ("host", "is_pooler"), [(HOST, False), (POOLER, True)]
)
def test_knows_neons_pooler(
    site: Site, front: NeonFront, host: str, is_pooler: bool
) -> None:
    assert (
        site.todo(site.url(host, front.port))("doctor", "--json").data[
            "is_pooler"
        ]
        is is_pooler
    )


def test_says_how_safe_the_line_is(
    site: Site, front: NeonFront, proxy: TurnProxy, tmp_path: Path
) -> None:
    private = Authority(tmp_path)
    file = private.file

    def tls(host: str, port: int, query: str) -> Any:
        return site.todo(site.url(host, port, query))("doctor", "--json").data[
            "tls"
        ]

    assert tls("localhost", proxy.port, "") == "off (this machine)"
    assert "UNSAFE" in tls(ELSEWHERE, proxy.port, "sslmode=disable")
    assert (
        tls(ELSEWHERE, front.port, "")
        == "verified against the system's certificates, by request"
    )
    front.certificate = private.issue(HOST)
    assert (
        tls(HOST, front.port, f"sslrootcert={file}")
        == f"verified against {file}, direct"
    )


def test_names_parameters_without_effect(site: Site, front: NeonFront) -> None:
    query = f"{CONSOLE}&pgbouncer=true&schema=public&search_path=foo&p%40ss=x&application_name=home"

    data = site.todo(site.url(HOST, front.port, query))(
        "doctor", "--json"
    ).data

    assert data["ignored_parameters"] == [
        "schema",
        "search_path",
        "(unreadable)",
    ]


@pytest.mark.parametrize(
    ("attribute", "bypasses"),
    [("BYPASSRLS", True), ("NOBYPASSRLS", False), ("SUPERUSER", True)],
)
def test_says_whether_policies_bind_the_role(
    site: Site, proxy: TurnProxy, stranger: str, attribute: str, bypasses: bool
) -> None:
    site.server.run_sql(
        site.database,
        f"ALTER ROLE {stranger} {attribute}; GRANT USAGE ON SCHEMA todo TO {stranger}",
    )
    site.server.run_sql(
        site.database,
        f"GRANT SELECT ON ALL TABLES IN SCHEMA todo TO {stranger}",
    )
    try:
        run = site.todo(
            site.url(
                "localhost", proxy.port, user=stranger, password="a stranger"
            )
        )
        data = run("doctor", "--json").data
        assert (data["role"], data["bypasses_row_level_security"]) == (
            stranger,
            bypasses,
        )
        assert found(run("doctor"))["bypasses_row_level_security"] == (
            "yes" if bypasses else "no"
        )
    finally:
        site.server.run_sql(site.database, f"DROP OWNED BY {stranger}")


def test_says_that_a_server_is_read_only(site: Site, proxy: TurnProxy) -> None:
    query = "options=-c%20default_transaction_read_only%3Don"

    assert (
        site.todo(site.url("localhost", proxy.port, query))(
            "doctor", "--json"
        ).data["read_only"]
        is True
    )


def test_says_how_far_the_clocks_are_apart(site: Site, plain_url: str) -> None:
    site.clock.now = datetime.now(UTC)
    site.clock.tick(3_600)

    assert (
        -3_660
        < site.todo(plain_url)("doctor", "--json").data["clock_drift_s"]
        < -3_540
    )


def test_counts_the_tasks_of_the_user_alone(
    site: Site, plain_url: str
) -> None:
    site.fill("first", "second")
    site.fill("third", user="bob")
    run = site.todo(plain_url)

    assert run("doctor", "--json").data["tasks"] == 2
    assert run("doctor", "--json", "--user", "bob").data["tasks"] == 1
    assert (
        run("doctor", "--json", "--user", "bob").data["user_from"] == "--user"
    )


def test_says_which_settings_were_passed_over(
    site: Site, plain_url: str, embedded: Todo
) -> None:
    def look(run: Todo, **env: str | None) -> tuple[Any, Any, Any]:
        data = run("doctor", "--json", env=env).data
        return data["store"], data["store_from"], data["passed_over"]

    own = site.todo(plain_url)
    assert look(own, DATABASE_URL="mysql://root:secret@db/app") == (
        "postgresql",
        "TODO_DATABASE_URL",
        ["DATABASE_URL, because of TODO_DATABASE_URL"],
    )
    assert look(embedded, DATABASE_URL="mysql://root:secret@db/app") == (
        "sqlite",
        "the default",
        ["DATABASE_URL, which is not a PostgreSQL URL"],
    )
    assert look(embedded, DATABASE_URL=plain_url) == (
        "postgresql",
        "DATABASE_URL",
        [],
    )
    assert look(own, TODO_DATABASE_URL="sqlite", DATABASE_URL=plain_url)[
        :2
    ] == ("sqlite", "TODO_DATABASE_URL")
    assert (
        "DATABASE_URL"
        in found(own("doctor", env={"DATABASE_URL": "mysql://x"}))[
            "passed_over"
        ]
    )


def test_says_that_the_config_file_chose(
    site: Site, plain_url: str, embedded: Todo
) -> None:
    folder = site.home / ".config" / "todo"
    folder.mkdir(parents=True)
    config = folder / "config.toml"
    config.touch(mode=0o600)
    config.write_text(f"database_url = {json.dumps(plain_url)}\ntimeout = 7\n")

    data = embedded(
        "doctor", "--json", env={"DATABASE_URL": "postgresql://x/y"}
    ).data

    assert (data["store"], data["store_from"]) == (
        "postgresql",
        f"`database_url` in {config}",
    )
    assert (data["timeout_s"], data["config_file"]) == (7.0, str(config))
    assert data["passed_over"] == [
        f"DATABASE_URL, because of `database_url` in {config}"
    ]


@pytest.fixture(
    params=[
        "impostor",
        "wrong password",
        "missing database",
        "disabled endpoint",
        "spent quota",
        "refused port",
        "silent host",
        "unknown host",
    ]
)
def fault(
    request: pytest.FixtureRequest,
    site: Site,
    front: NeonFront,
    impostors: dict[str, dict[str, Certificate]],
) -> tuple[str, str]:
    """A connection string that leads nowhere, and the code of what stands in the way."""
    good = site.url(HOST, front.port, CONSOLE)
    if request.param == "impostor":
        front.certificate = impostors[HOST]["expired"]
        return good, "TLS_FAILED"
    if request.param == "disabled endpoint":
        front.refuse("Control plane request failed: endpoint is disabled")
        return good, "CONFIG"
    if request.param == "spent quota":
        front.refuse(
            "Your project has exceeded the data transfer quota. Upgrade your plan to increase limits."
        )
        return good, "CONFIG"
    if request.param == "silent host":
        front.is_silent = True
        return good, "TIMEOUT"
    return {
        "wrong password": (
            site.url(HOST, front.port, CONSOLE, password="wrong"),
            "AUTH_FAILED",
        ),
        "missing database": (
            site.url(HOST, front.port, CONSOLE, database="nowhere"),
            "CONFIG",
        ),
        "refused port": (site.url("localhost", 1), "DATABASE_UNAVAILABLE"),
        "unknown host": (
            site.url("no-such-host.invalid", 5432),
            "DATABASE_UNAVAILABLE",
        ),
    }[request.param]


def test_says_what_it_knows_beside_a_fault(
    site: Site, fault: tuple[str, str]
) -> None:
    url, code = fault
    env = {"TODO_TIMEOUT": "1" if code == "TIMEOUT" else "4"}

    error = assert_document(
        site.todo(url)("doctor", "--json", env=env), code=code
    )
    ran = site.todo(url)("doctor", env=env)

    known = details(error)
    assert list(known) == [*SETTINGS, *CONNECTION, "reachable"]
    assert (known["reachable"], known["password"], known["store_from"]) == (
        "no",
        "***",
        "TODO_DATABASE_URL",
    )
    assert (ran.status, found(ran)) == (EXITS[code], known)
    assert ran.err.startswith(f"error: {error['message']}\n")


def test_keeps_what_it_found_before_a_fault(
    site: Site, proxy: TurnProxy, stranger: str
) -> None:
    """A role without rights reaches the server all the same."""
    run = site.todo(
        site.url("localhost", proxy.port, user=stranger, password="a stranger")
    )

    error = assert_document(
        run("doctor", "--json"),
        code="FORBIDDEN",
        names=["todo db upgrade --sql"],
    )

    known = details(error)
    assert (
        known["reachable"],
        known["role"],
        known["bypasses_row_level_security"],
    ) == ("yes", stranger, "no")
    assert "schema" not in known


def test_knows_somebody_elses_tables(
    blank_site: Site, proxy: TurnProxy
) -> None:
    blank_site.server.run_sql(
        blank_site.database,
        "CREATE SCHEMA todo; CREATE TABLE todo.task (n int)",
    )
    run = blank_site.todo(blank_site.url("localhost", proxy.port))

    known = details(assert_document(run("doctor", "--json"), code="SCHEMA"))

    assert (known["reachable"], known["role"]) == ("yes", "todo_admin")


def test_knows_a_file_that_is_no_database(site: Site) -> None:
    path = site.cwd / "notes.txt"
    path.write_text("Buy milk\n" * 1000)

    known = details(
        assert_document(
            site.todo(str(path))("doctor", "--json"), code="IO_ERROR"
        )
    )

    assert (known["store"], known["place"]) == ("sqlite", str(path))


def test_answers_about_a_string_that_cannot_be_read(site: Site) -> None:
    assert_document(
        site.todo("postgresql://u:p@host/db?sslmode=maybe")(
            "doctor", "--json"
        ),
        code="CONFIG",
    )


@pytest.mark.spec("001/FR-045")
def test_says_that_the_counter_is_behind(
    site: Site, plain_url: str, embedded: Todo
) -> None:
    site.fill("first", "second")
    site.server.run_sql(site.database, "UPDATE todo.counter SET last = 1")
    for _ in range(2):
        assert embedded("add", "x").status == 0
    with (
        closing(
            sqlite3.connect(embedded("doctor", "--json").data["place"])
        ) as file,
        file,
    ):
        file.execute("DELETE FROM counter")

    assert (
        site.todo(plain_url)("doctor", "--json")
        .data["numbers"]
        .startswith("behind: the counter is at 1, a task at 2")
    )
    assert (
        embedded("doctor", "--json")
        .data["numbers"]
        .startswith("behind: the counter is at 0, a task at 2")
    )
