"""`todo doctor` says which store is in use and why, and what is wrong with it; exit 0
when it can be used.
"""

import json
import os
import re
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.expect import EXITS, assert_document
from tests.cli.tampering import DROP_CHECKS, empty, rewrite
from tests.cli.test_contract import answer, faults
from tests.support.certificates import Authority, Certificate
from tests.support.disks import as_stranger
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
from tests.support.zones import ZONES
from todo_cli.database import file_facts, server_facts
from todo_cli.database.facts import Facts, warn_of_schema
from todo_cli.database.schema import HEAD, Fit, State
from todo_cli.database.url import SqliteTarget
from todo_cli.disk import owner_of

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
    "config_mode",
    "config_keys",
    "embedded_file",
    "timeout_s",
    "pager",
    "pager_from",
    "time_zone",
    "warm",
]
CONNECTION = [
    "tls",
    "certificates",
    "is_pooler",
    "login",
    "password",
    "ignored_parameters",
]
SERVER = [
    "round_trips",
    "round_trip_ms",
    "server_version",
    "role",
    "bypasses_row_level_security",
    "sees_rows_of",
    "encoding",
    "time_zone_of_server",
    "read_only",
    "clock_drift_s",
    "schema_owner",
    "closed_tables",
    "others_may_create_in",
    "others_who_may_create",
]
DISK = [
    "files_beside",
    "file_mode",
    "file_owner",
    "file_bytes",
    "file_names",
    "folder_mode",
    "folder_owner",
    "disk_free_bytes",
    "disk_free_inodes",
    "disk_read_only",
    "file_writable",
]
FILE = ["sqlite_version", "journal_mode", "pages"]
MEASURED = {
    "round_trip_ms",
    "clock_drift_s",
    "disk_free_bytes",
    "disk_free_inodes",
}
"""What differs from one run to the next."""
CONTENTS = [
    "schema",
    "tasks",
    "trash",
    "operations",
    "history_entries",
    "counters_behind",
    "operations_behind",
    "unreadable_tasks",
    "tasks_checked",
    "unfilled_tasks",
    "unfilled_tags",
    "word_index",
    "valid_tokens",
    "expired_tokens",
    "numbers",
]


@pytest.fixture
def embedded(todo_embedded: Todo) -> Todo:
    """The program with no connection string."""
    return todo_embedded


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
    """The findings in words, as lines of text below the verdict and the warnings."""
    verdict, *lines = ran.out.splitlines()
    assert re.match("OK|Not usable|Read-only|Partly readable", verdict), ran
    while lines[0].startswith("warning: "):
        del lines[0]
    pairs = [line.split("\t") for line in lines]
    assert all(len(pair) == 2 for pair in pairs), ran
    return {line[0]: line[1] for line in pairs}


def details(error: dict[str, Any]) -> dict[str, str]:
    """The findings beside a fault."""
    return {
        detail["field"]: detail["message"]
        for detail in error["details"]
        if detail["field"] != "warnings"
    }


def warnings(ran: Ran) -> dict[str, str]:
    """What doctor warns of, by the name of the finding."""
    return {
        warning["field"]: warning["message"]
        for warning in ran.data["warnings"]
    }


def test_names_everything_about_a_server(
    site: Site, front: NeonFront, neon_url: str
) -> None:
    site.fill("first", "second")
    site.clock.now = datetime.now(UTC)
    run = site.todo(neon_url)

    ran = run("doctor", "--json")
    data = ran.data

    assert faults(answer("doctor"), ran.json) == []
    assert set(data) == {
        *SETTINGS,
        *CONNECTION,
        "reachable",
        *SERVER,
        *CONTENTS,
        "warnings",
    }
    assert data["warnings"] == []
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
    assert data["closed_tables"] == []
    assert data["round_trip_ms"] > 0
    assert data["server_version"].split(".")[0].isdigit()
    assert abs(data["clock_drift_s"]) < 60
    assert (data["schema"], data["tasks"]) == (f"{HEAD} (current)", 2)
    assert data["config_file"].endswith("/todo/config.toml")
    assert data["embedded_file"].endswith("/todo/todo.db")


def test_names_everything_about_a_file(embedded: Todo) -> None:
    assert embedded("add", "Buy milk").status == 0

    ran = embedded("doctor", "--json")
    data = ran.data

    assert faults(answer("doctor"), ran.json) == []
    assert set(data) == {
        *SETTINGS,
        *DISK,
        "reachable",
        *FILE,
        *CONTENTS,
        "warnings",
    }
    assert data["warnings"] == []
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


@pytest.mark.spec("002/FR-160")
@pytest.mark.parametrize("is_server", [True, False])
def test_says_the_same_in_words(
    site: Site, neon_url: str, embedded: Todo, is_server: bool
) -> None:
    run = site.todo(neon_url) if is_server else embedded
    data = run("doctor", "--json").data

    ran = run("doctor")
    words = found(ran)

    assert (ran.status, ran.err) == (0, "")
    assert [*words, "warnings"] == list(data)
    for name, value in data.items():
        if isinstance(value, str):
            assert words[name] == value
        elif isinstance(value, bool):
            assert words[name] == ("yes" if value else "no")
    drawn = run("doctor", terminal=True, columns=200).out
    assert drawn.splitlines()[0] == ran.out.splitlines()[0]
    assert "_" not in re.sub(r"/\S+|[A-Z]+_\w+|todo_admin", "", drawn)
    drawn += drawn.replace(",", "")  # large numbers are 131,072
    assert [
        name
        for name, value in words.items()
        if value != "-" and name not in MEASURED and value not in drawn
    ] == []
    headings = re.findall(r"\n\n(?:\x1b\[1m)?([A-Z][a-z ]+)", drawn)
    middle = "Connection" if is_server else "File and disk"
    assert headings[:4] == ["Settings", middle, "Store", "Tasks"]


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


def test_an_empty_file_has_no_tables_yet(embedded: Todo, site: Site) -> None:
    file = site.home / ".local/share/todo/todo.db"
    file.parent.mkdir(parents=True)
    file.touch(mode=0o600)
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript("CREATE TABLE x (y); DROP TABLE x")

    assert embedded("doctor", "--json").data["schema"] == "absent"


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
    proxy.delay_s = 0.02

    assert site.todo(plain_url)("doctor", "--json").data["round_trip_ms"] >= 40


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
        # Who may only read was told `OK`, and every change was refused.
        may_write = attribute == "SUPERUSER"
        assert ("task" in data["closed_tables"]) is not may_write
        verdict = run("doctor").out.splitlines()[0]
        if not may_write:
            assert verdict.startswith("Read-only: ")
            assert verdict.endswith("what `todo db upgrade --sql` prints")
        assert run("add", "x").status == (0 if may_write else 4)
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
    env = {"TODO_TIMEOUT": "0.4" if code == "TIMEOUT" else "4"}

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


# The verdict, and what to do


@pytest.mark.spec("002/FR-160")
def test_begins_with_its_verdict(
    site: Site, plain_url: str, embedded: Todo
) -> None:
    site.clock.now = datetime.now(UTC)
    run = site.todo(plain_url)
    place = run("doctor", "--json").data["place"]
    path = embedded("doctor", "--json").data["place"]

    assert first_lines(embedded) == [f"OK: {path} as ada, nothing stored yet"]
    for title in ("first", "second"):
        assert embedded("add", title).status == 0
    assert first_lines(embedded) == [f"OK: {path} as ada, 2 tasks"]
    assert first_lines(run) == [f"OK: {place} as ada, 0 tasks"]
    site.fill("first")
    assert first_lines(run) == [f"OK: {place} as ada, 1 task"]
    Path(path).chmod(0o644)
    assert first_lines(embedded) == [
        f"OK: {path} as ada, 2 tasks; 1 warning",
        "warning: rights of the file 0644: others can read or write the tasks: "
        f"`chmod 600 {path}`",
    ]


def first_lines(run: Todo) -> list[str]:
    """The verdict and the warnings, which are the same everywhere."""
    piped = run("doctor").out.splitlines()
    drawn = run("doctor", terminal=True, columns=40).out.splitlines()
    document = run("doctor", "--json").json
    lines = [line for line in piped if "\t" not in line]
    assert lines == drawn[: len(lines)]
    assert lines[0] == document["message"]
    assert len(document["data"]["warnings"]) == len(lines) - 1
    return lines


@pytest.mark.spec("002/FR-160")
def test_begins_with_what_is_wrong(site: Site) -> None:
    ran = site.todo("postgresql://ada@localhost:1/x")("doctor")

    assert ran.status == 6
    assert ran.out.splitlines()[0] == (
        "Not usable: localhost:1/x refuses connections; check host and port, "
        "and that the server runs"
    )
    assert ran.err.startswith("error: localhost:1/x refuses connections\n")


@pytest.mark.spec("002/FR-160")
def test_keeps_its_warnings_beside_a_fault(site: Site) -> None:
    run = site.todo("postgresql://ada@localhost:1/x")
    env = {"TZ": "Nowhere/Here", "TODO_TIMEOUT": "0.3"}

    error = run("doctor", "--json", env=env).error
    lines = run("doctor", env=env).out.splitlines()

    [warning] = [
        detail["message"]
        for detail in error["details"]
        if detail["field"] == "warnings"
    ]
    assert lines[1] == f"warning: {warning}"


@pytest.mark.spec("002/FR-161")
@pytest.mark.parametrize(
    ("name", "is_known"),
    [
        ("Europe/Berlin", True),
        (":Europe/Berlin", True),
        ("UTC", True),
        ("", True),
        ("CET-1CEST,M3.5.0,M10.5.0/3", True),
        ("<+03>-3", True),
        ("Nowhere/Here", False),
        ("Europe", False),
        ("../../etc/passwd", False),
        ("/no/such/zone", False),
    ],
)
def test_says_that_a_time_zone_is_unknown(
    embedded: Todo, name: str, is_known: bool
) -> None:
    ran = embedded("doctor", "--json", env={"TZ": name, "TZDIR": ZONES})

    assert ran.data["time_zone"] == name
    assert ("time_zone" in warnings(ran)) is not is_known


@pytest.mark.spec("003/FR-065")
def test_shows_the_identity_provider_without_what_may_be_secret(
    embedded: Todo,
) -> None:
    provider: dict[str, str | None] = {
        "TODO_JWKS_URL": "https://id.example.org/keys?secret=canary",
        "TODO_JWT_ISSUER": "https://id.example.org",
        "TODO_JWT_AUDIENCE": "todo",
    }
    ran = embedded("doctor", "--json", env=provider)

    names = ("jwks_url", "jwt_issuer", "jwt_audience", "jwt_claim")
    assert [ran.data[name] for name in names] == [
        "https://id.example.org/keys",
        "https://id.example.org",
        "todo",
        "sub",
    ]
    provider["TODO_JWT_ISSUER"] = None
    ran = embedded("doctor", "--json", env=provider)
    assert ran.data["jwks_url"] is None
    assert "TODO_JWT_ISSUER" in warnings(ran)["jwks_url"]
    assert "canary" not in ran.out
    assert "jwks_url" not in embedded("doctor", "--json").data


@pytest.mark.spec("002/FR-161")
def test_takes_a_file_as_a_time_zone_unless_it_is_damaged(
    embedded: Todo, tmp_path: Path
) -> None:
    sound = Path(ZONES, "Europe/Berlin")
    cut = tmp_path / "zone"
    cut.write_bytes(sound.read_bytes()[:-1])

    def says(zone: Path) -> dict[str, str]:
        return warnings(embedded("doctor", "--json", env={"TZ": str(zone)}))

    assert says(sound) == {}
    assert set(says(cut)) == {"time_zone"}


@pytest.mark.spec("002/FR-161")
def test_looks_up_a_time_zone_where_the_c_library_does(
    embedded: Todo, tmp_path: Path
) -> None:
    env = {"TZ": "Europe/Berlin", "TZDIR": str(tmp_path)}

    assert set(warnings(embedded("doctor", "--json", env=env))) == {
        "time_zone"
    }


@pytest.mark.spec("002/FR-161")
def test_names_the_keys_and_the_rights_of_the_config_file(
    site: Site, embedded: Todo
) -> None:
    folder = site.home / ".config" / "todo"
    folder.mkdir(parents=True)
    config = folder / "config.toml"
    config.write_text('user = "bob"\ntimeout = 7\n')
    config.chmod(0o662)

    ran = embedded("doctor", "--json")

    assert ran.data["config_mode"] == "0662"
    assert ran.data["config_keys"] == ["user", "timeout"]
    assert f"`chmod go-w {config}`" in warnings(ran)["config_mode"]
    config.chmod(0o644)
    assert warnings(embedded("doctor", "--json")) == {}
    # Whose rights are not ours to change.
    ran = embedded("doctor", "--json", env={"TODO_CONFIG": os.devnull})
    assert "config_mode" not in warnings(ran)


def test_needs_no_config_file(site: Site, embedded: Todo) -> None:
    ran = Todo(embedded.surroundings, site.clock)(
        "doctor",
        "--json",
        env={"HOME": None, "TODO_DATABASE_URL": str(site.cwd / "x.db")},
    )

    assert ran.data["config_mode"] is None


@pytest.mark.spec("002/FR-161")
def test_names_where_certificates_are_looked_up(
    site: Site, front: NeonFront, tmp_path: Path, authority: Authority
) -> None:
    """ContinuumIO/anaconda-issues#707: SSL_CERT_FILE named a file that was gone."""
    run = site.todo(site.url(HOST, front.port, CONSOLE))

    found = run("doctor", "--json").data["certificates"]
    assert len(found) == 2
    gone = {
        "SSL_CERT_FILE": str(tmp_path / "gone.pem"),
        "SSL_CERT_DIR": str(tmp_path / "gone"),
    }
    ran = run("doctor", "--json", env=gone)
    assert ran.data["certificates"] == list(gone.values())
    assert "SSL_CERT_FILE" in warnings(ran)["certificates"]
    named = site.url(HOST, front.port, f"sslrootcert={authority.file}")
    ran = site.todo(named)("doctor", "--json", env=gone)
    assert ran.data["certificates"] == [str(authority.file)]
    assert "certificates" not in warnings(ran)


# An embedded file and its disk


@pytest.fixture
def file(embedded: Todo) -> Path:
    """An embedded file with one task."""
    assert embedded("add", "Buy milk").status == 0
    path = Path(embedded("doctor", "--json").data["place"])
    # Every test begins without a warning.
    assert warnings(embedded("doctor", "--json")) == {}
    return path


@pytest.mark.spec("002/FR-162")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_says_that_others_can_use_the_file(
    embedded: Todo, file: Path, mode: int
) -> None:
    file.chmod(mode)

    ran = embedded("doctor", "--json")

    assert ran.data["file_mode"] == f"{mode:04o}"
    assert f"`chmod 600 {file}`" in warnings(ran)["file_mode"]


@pytest.mark.spec("002/FR-162")
@pytest.mark.parametrize(
    ("mode", "advice"),
    [
        (0o770, "`chmod go-w "),
        (0o707, "`chmod go-w "),
        (0o1777, "move it to a folder of your own"),
        (0o755, None),
    ],
)
def test_says_that_others_can_use_the_folder(
    embedded: Todo, file: Path, mode: int, advice: str | None
) -> None:
    file.parent.chmod(mode)

    ran = embedded("doctor", "--json")

    assert ran.data["folder_mode"] == f"{mode:04o}"
    warning = warnings(ran).get("folder_mode")
    assert warning is advice or (advice or "?") in (warning or "")


@pytest.mark.spec("002/FR-162")
@pytest.mark.parametrize("place", ["/dev/null", "/dev/zero", "."])
def test_never_advises_to_change_a_device_or_a_folder(
    site: Site, place: str
) -> None:
    ran = site.todo(str(site.cwd / place))("doctor")

    assert ran.status == 9
    assert "chmod 600" not in ran.out


@pytest.mark.spec("002/FR-162")
def test_names_owners(embedded: Todo, file: Path) -> None:
    data = embedded("doctor", "--json").data
    owner = owner_of(file.stat().st_uid)

    assert (data["file_owner"], data["folder_owner"]) == (owner, owner)


@pytest.mark.spec("002/FR-162")
def test_names_the_files_beside_the_file(embedded: Todo, file: Path) -> None:
    assert embedded("doctor", "--json").data["files_beside"] == []

    with closing(sqlite3.connect(file)) as other:
        other.execute("SELECT * FROM task").fetchall()
        found = embedded("doctor", "--json").data["files_beside"]

    assert found == ["todo.db-wal", "todo.db-shm"]


@pytest.mark.spec("002/FR-162")
def test_says_that_a_file_has_two_names(embedded: Todo, file: Path) -> None:
    """openclaw/openclaw#144585: each name of a file has a log of its own."""
    file.with_name("alias.db").hardlink_to(file)

    ran = embedded("doctor", "--json")

    assert ran.data["file_names"] == 2
    warning = warnings(ran)["file_names"]
    assert "can get lost" in warning
    assert ran.json["message"] == (
        f"Read-only: {file} as ada, 1 task; {warning}"
    )


def disk(**values: int) -> os.statvfs_result:
    """What the system says of a disk: by name, `bfree`, `files` ..."""
    names = "bsize frsize blocks bfree bavail files ffree favail flag namemax"
    usual = dict.fromkeys(names.split(), 10**9)
    usual |= {"frsize": 4096, "flag": 0}
    return os.statvfs_result((usual | values).values())


@pytest.mark.spec("002/FR-162")
@pytest.mark.parametrize(
    ("values", "name", "value", "words"),
    [
        ({"bavail": 5_000}, "disk_free_bytes", 20_480_000, "make room"),
        ({"favail": 99}, "disk_free_inodes", 99, "delete some"),
        ({"flag": os.ST_RDONLY}, "disk_read_only", True, "TODO_DATABASE_URL"),
        # A file system that does not count.
        ({"files": 0, "favail": 0}, "disk_free_inodes", None, None),
        ({"blocks": 0, "bavail": 0}, "disk_free_bytes", 0, None),
        ({}, "disk_read_only", False, None),
    ],
)
def test_says_that_a_disk_is_full_or_read_only(
    values: dict[str, int], name: str, value: Any, words: str | None
) -> None:
    facts = Facts(SqliteTarget(Path("x.db")))

    file_facts.add_disk(facts, disk(**values))

    assert facts.values[name] == value
    assert list(facts.warnings) == ([name] if words else [])
    assert (words or "") in facts.warnings.get(name, "")


@pytest.mark.spec("002/FR-162")
def test_looks_at_the_disk_of_a_folder_that_comes_later(site: Site) -> None:
    run = site.todo(str(site.cwd / "later" / "todo.db"))

    data = run("doctor", "--json").data

    assert data["disk_free_bytes"] > 0
    assert (data["file_mode"], data["folder_mode"]) == (None, None)


@pytest.mark.spec("002/FR-160", "002/FR-162")
@pytest.mark.parametrize("closed", ["file", "folder"])
def test_says_that_the_file_may_not_be_written(
    embedded: Todo, closed: str
) -> None:
    """It said `OK`, and every change was refused."""
    with tempfile.TemporaryDirectory(prefix="todo-", dir="/tmp") as folder:
        path = Path(folder, "todo.db")
        url = {"TODO_DATABASE_URL": str(path), "TODO_CONFIG": "/dev/null"}
        assert embedded("add", "one", env=url).status == 0
        assert embedded("doctor", "--json", env=url).data["file_writable"]
        path.parent.chmod(0o755)
        path.chmod(0o644)
        if closed == "file" and os.geteuid() != 0:
            path.chmod(0o444)
        elif closed == "folder":
            path.parent.chmod(0o555)
        with as_stranger():
            ran = embedded("doctor", "--json", env=url)
            refused = embedded("add", "two", env=url)
        path.parent.chmod(0o755)

    assert ran.data["file_writable"] is False
    assert ran.json["message"].startswith(
        f"Read-only: {path} as ada, 1 task; permission denied"
    )
    assert refused.status == 9


@pytest.mark.spec("002/FR-161")
def test_says_what_it_cannot_look_at(site: Site) -> None:
    inside = site.cwd / "notes.txt" / "todo.db"
    inside.parent.write_text("Buy milk")

    error = assert_document(
        site.todo(str(inside))("doctor", "--json"), code="IO_ERROR"
    )

    known = [
        d["message"] for d in error["details"] if d["field"] == "warnings"
    ]
    assert "could not be read: " in known[0]
    assert "not a directory" in known[0]


def test_says_what_the_disk_does_not_tell(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    facts = Facts(SqliteTarget(loop / "x.db"))

    file_facts.add_of_disk(facts, loop / "x.db")

    for name in ("file_mode", "folder_mode"):
        assert "symbolic links" in facts.warnings[name]
    # That of the next folder that there is.
    assert facts.values["disk_free_bytes"] > 0


@pytest.mark.spec("002/FR-162")
def test_finds_damage_in_a_small_file(embedded: Todo, file: Path) -> None:
    # The index leads to the root of another table.
    rewrite(
        file,
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_master SET rootpage = "
        "(SELECT rootpage FROM sqlite_master WHERE name = 'counter') "
        "WHERE name = 'task_created_at_idx'",
    )

    ran = embedded("doctor")

    assert ran.status == 9
    assert ran.out.startswith(f"Not usable: {file} is damaged")
    assert "sqlite_version" in found(ran)


@pytest.mark.parametrize(
    ("part", "finding"),
    [
        ("task_due_on_idx", "Page "),  # many lines in one answer of SQLite
        (
            "sqlite_autoindex_counter_1",
            "row 1 missing from index sqlite_autoindex_counter_1",
        ),
    ],
)
@pytest.mark.spec("002/FR-162")
def test_names_one_finding_and_what_saves_the_tasks(
    embedded: Todo, file: Path, part: str, finding: str
) -> None:
    """gotify/server#835: «everything still seems readable and correct», and nobody said
    what to do.
    """
    titles = "".join(f"{number:0200}\n" for number in range(300))
    embedded("add", "-", "--due", "fri", stdin=titles.encode())
    empty(file, part)

    error = assert_document(
        embedded("doctor", "--json"), code="IO_ERROR", names=[str(file)]
    )

    assert f"is damaged: {finding}" in error["message"]
    assert "\n" not in error["message"]
    assert "`todo db import` it, or a backup" in error["hint"]


@pytest.mark.spec("002/FR-162")
def test_leaves_the_pages_of_a_large_file_alone(
    embedded: Todo, file: Path
) -> None:
    rewrite(file, "CREATE TABLE other AS SELECT zeroblob(17000000) AS x")

    data = embedded("doctor", "--json").data

    assert data["file_bytes"] > 17_000_000
    assert data["pages"] == "not checked: the file is large"


# What other programs stored

Kinds = Mapping[str, tuple[str, str]]
"""Flaws: a column, and what is in it."""
LONG = "x" * 201
FLAWS: Kinds = {
    "infinite": ("updated_at", "'infinity'"),
    "infinitely long ago": ("created_at", "'-infinity'"),
    "too late": ("created_at", "'9999-01-01 00:00:00+00'"),
    "too early": ("created_at", "'1899-12-31 23:59:59+00'"),
    "before Christ": ("updated_at", "'4714-11-24 00:00:00+00 BC'"),
    "a long title": ("title", f"'{LONG}'"),
    "a control character": ("title", "'a' || chr(27)"),
    "an override": ("title", "'a' || chr(8238)"),
    "a bell in the notes": ("description", "'a' || chr(7)"),
    "an endless day": ("due_on", "'infinity'"),
    "a day too early": ("wait_until", "'1899-12-31'"),
    "a day too late": ("due_on", "'9999-01-01'"),
    "no priority": ("priority", "'urgent'"),
    "a control character in the project": ("project", "'a' || chr(27)"),
    "a long project": ("project", f"'{LONG}'"),
    "a tag of two words": ("tags", "'{a b}'"),
    "a long tag": ("tags", f"ARRAY['{LONG}']"),
    "a tag that is null": ("tags", "ARRAY[NULL]::text[]"),
    "an empty tag": ("tags", "ARRAY['']"),
    "a control character in a tag": ("tags", "ARRAY['a' || chr(27)]"),
    "no version": ("version", "0"),
    "long notes": ("description", "repeat('x', 10001)"),
}
FILE_FLAWS: Kinds = {
    "no id": ("id", "'5'"),
    "no time": ("created_at", "'now'"),
    "no such day": ("created_at", "'2026-19-39T00:00:00.000000Z'"),
    "a time that is a number": ("updated_at", "x'31'"),
    "too late": ("created_at", "'9999-01-01T00:00:00.000000Z'"),
    "too early": ("created_at", "'1899-12-31T00:00:00.000000Z'"),
    "bytes": ("title", "x'414243'"),
    "not UTF-8": ("title", "CAST(x'41ff' AS TEXT)"),
    "a long title": ("title", f"'{LONG}'"),
    "a control character": ("title", "'a' || char(27)"),
    "notes that are not UTF-8": ("description", "CAST(x'41ff' AS TEXT)"),
    "a bell in the notes": ("description", "'a' || char(7)"),
    "no day": ("due_on", "'soon'"),
    "a day with a time": ("due_on", "'2026-01-02T00:00:00.000000Z'"),
    "a day that is a number": ("wait_until", "20260102"),
    "a day too late": ("wait_until", "'9999-01-01'"),
    "no priority": ("priority", "'urgent'"),
    "an empty part": ("project", "'a..b'"),
    "a project that is not UTF-8": ("project", "CAST(x'41ff' AS TEXT)"),
    "tags that are no JSON": ("tags", "'x'"),
    "tags that are an object": ("tags", "'{}'"),
    "tags that are numbers": ("tags", "'[1]'"),
    "tags in another order": ("tags", '\'["b","a"]\''),
    "a tag twice": ("tags", '\'["a","a"]\''),
    "a tag of two words": ("tags", "'[\"a b\"]'"),
    "no version": ("version", "0"),
    "a version that is a text": ("version", "'x'"),
}


def batches(flaws: Kinds) -> list[Sequence[str]]:
    """As many at once as doctor names."""
    names = list(flaws)
    return [names[:20], names[20:]]


def flawed(flaws: Sequence[str], kinds: Kinds, table: str) -> list[str]:
    """The SQL that gives each flaw to a task of its own, from the second one on."""
    return [
        f"UPDATE {table} SET {kinds[flaw][0]} = {kinds[flaw][1]} WHERE number = {number}"
        for number, flaw in enumerate(flaws, start=2)
    ]


def assert_partly_readable(ran: Ran, flaws: Sequence[object]) -> None:
    """Doctor names just these of the tasks, and one more was read."""
    assert ran.data["unreadable_tasks"] == list(flaws)
    assert ran.data["tasks_checked"] == len(flaws) + 1
    warning = warnings(ran)["unreadable_tasks"]
    assert warning.startswith(f"{len(flaws)} with a time, ")
    assert ran.json["message"].startswith("Partly readable: ")
    assert ran.json["message"].endswith(f" tasks; {warning}")


@pytest.mark.spec("002/FR-164")
@pytest.mark.parametrize("flaws", batches(FLAWS))
def test_names_tasks_on_a_server_that_break_the_rules(
    site: Site, plain_url: str, flaws: Sequence[str]
) -> None:
    site.fill("first", *flaws)
    site.fill("of another", user="bob")
    sql = [DROP_CHECKS, *flawed(flaws, FLAWS, "todo.task")]
    site.server.run_sql(site.database, "; ".join(sql))

    ran = site.todo(plain_url)("doctor", "--json")

    assert_partly_readable(ran, range(2, len(flaws) + 2))


@pytest.mark.spec("002/FR-164")
@pytest.mark.parametrize("flaws", batches(FILE_FLAWS))
def test_names_tasks_in_a_file_that_break_the_rules(
    embedded: Todo, file: Path, flaws: Sequence[str]
) -> None:
    assert embedded("add", "-", stdin="\n".join(flaws).encode()).status == 0
    rewrite(file, *flawed(flaws, FILE_FLAWS, "task"))

    ran = embedded("doctor", "--json")

    assert_partly_readable(ran, range(2, len(flaws) + 2))


@pytest.mark.spec("002/FR-164")
@pytest.mark.parametrize(
    ("value", "named"), [("'two'", "two"), ("2147483648", 2_147_483_648)]
)
def test_names_a_task_in_a_file_by_a_wrong_number(
    embedded: Todo, file: Path, value: str, named: object
) -> None:
    assert embedded("add", "second").status == 0
    rewrite(file, f"UPDATE task SET number = {value} WHERE number = 2")

    assert_partly_readable(embedded("doctor", "--json"), [named])


@pytest.mark.spec("002/FR-164")
@pytest.mark.parametrize("encoding", ["UTF-16le", "UTF-16be"])
def test_reads_a_file_in_utf_16(
    embedded: Todo, file: Path, encoding: str
) -> None:
    """HeidiSQL/HeidiSQL#1383: such a file could not be opened."""
    added = embedded("add", "Grüße \U0001f600", "-d", "é\n\u4e70")
    assert added.status == 0
    assert embedded("add", "third").status == 0
    with closing(sqlite3.connect(file)) as plain:
        script = "\n".join(plain.iterdump())
    file.unlink()
    with closing(sqlite3.connect(file)) as anew:
        anew.executescript(f"PRAGMA encoding = '{encoding}'; {script}")
    file.chmod(0o600)
    assert warnings(embedded("doctor", "--json")) == {}

    flaws = ("title = 'a' || char(27)", "created_at = 'now'", "id = '5'")
    for number, flaw in enumerate(flaws, start=1):
        rewrite(file, f"UPDATE task SET {flaw} WHERE number = {number}")
        ran = embedded("doctor", "--json")
        assert ran.data["unreadable_tasks"] == list(range(1, number + 1))


@pytest.mark.spec("002/FR-164")
def test_names_twenty_tasks_at_most(embedded: Todo, file: Path) -> None:
    lines = "".join(f"{number}\n" for number in range(30))
    assert embedded("add", "-", stdin=lines.encode()).status == 0
    rewrite(file, "UPDATE task SET created_at = 'now', user_id = 'ada'")

    ran = embedded("doctor", "--json")

    assert ran.data["unreadable_tasks"] == list(range(1, 21))
    assert warnings(ran)["unreadable_tasks"].startswith("at least 21 with")


@pytest.mark.spec("001/FR-045")
def test_names_the_users_whose_counters_are_behind(
    site: Site, plain_url: str, embedded: Todo, file: Path
) -> None:
    """go-vikunja/vikunja#1716: a restore left a sequence behind its table."""
    people = [f"user {number:02}" for number in range(25)]
    for person in people:
        assert embedded("add", "x", "--user", person).status == 0
    site.fill("first")
    site.fill("second", user="bob")
    site.server.run_sql(
        site.database, "UPDATE todo.counter SET last = 0 WHERE user_id = 'bob'"
    )
    rewrite(file, "DELETE FROM counter WHERE user_id <> 'ada'")

    on_server = site.todo(plain_url)("doctor", "--json")
    in_file = embedded("doctor", "--json")

    assert on_server.data["counters_behind"] == ["bob"]
    assert warnings(on_server)["counters_behind"].startswith("1, as after")
    assert in_file.data["counters_behind"] == people[:20]
    assert warnings(in_file)["counters_behind"].startswith("at least 21, ")
    [line] = first_lines(embedded)[1:]
    assert line.startswith(
        f"warning: counters behind {', '.join(people[:5])}, ...: at least 21, "
    )
    assert embedded("add", "y", "--user", people[0]).status == 0
    assert embedded("doctor", "--json").data["counters_behind"] == people[1:21]


@pytest.mark.spec("002/FR-166")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_counts_the_trash_and_the_history_of_the_user(
    site: Site, plain_url: str, embedded: Todo, kind: str
) -> None:
    run = embedded if kind == "sqlite" else site.todo(plain_url)
    for words in (["add", "a"], ["add", "b"], ["add", "c"], ["add", "d"]):
        assert run(*words).status == 0
    assert run("add", "of bob", "--user", "bob").status == 0
    assert run("delete", "2-3").status == 0
    assert run("purge", "3", "--yes").status == 0

    ran = run("doctor", "--json")

    names = ("tasks", "trash", "operations", "history_entries")
    found = [ran.data[name] for name in names]
    assert found == [2, 1, 6, 7]


TOKENS = ("valid_tokens", "expired_tokens")


def tokens(ran: Ran) -> list[int | None]:
    """How many tokens doctor counts: valid ones, and expired ones."""
    return [ran.data[name] for name in TOKENS]


@pytest.mark.spec("002/FR-491")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_counts_the_tokens_of_the_user(
    site: Site, plain_url: str, embedded: Todo, kind: str
) -> None:
    run = embedded if kind == "sqlite" else site.todo(plain_url)
    assert run("add", "x").status == 0
    before = run("doctor", terminal=True, columns=200).out
    assert tokens(run("doctor", "--json")) == [0, 0]
    for words in (
        ["create", "fleeting", "--expires", "1d"],
        ["create", "laptop", "--expires", "2d"],
        ["create", "phone", "--expires", "never"],
        ["create", "lost"],
        ["create", "old", "--expires", "1d"],
        ["revoke", "lost"],
        ["revoke", "old"],
        ["create", "of bob", "--user", "bob"],
    ):
        assert run("token", *words).status == 0, words

    young = run("doctor", "--json")
    site.clock.now += timedelta(days=1)  # the end itself is too late
    aged = run("doctor", "--json")
    drawn = run("doctor", terminal=True, columns=200).out

    assert (tokens(young), tokens(aged)) == ([3, 0], [2, 1])
    assert [name for name in TOKENS if name in warnings(aged)] == []
    assert found(run("doctor"))["expired_tokens"] == "1"
    assert "token" not in before
    assert re.search("valid tokens +2\n", drawn)
    assert re.search("expired tokens +1\n", drawn)
    for name in ("fleeting", "laptop", "phone"):
        assert name not in aged.out + drawn
    bob = run("doctor", "--user", "bob", terminal=True, columns=200).out
    assert re.search("valid tokens +1\n", bob)
    assert "expired tokens" not in bob


@pytest.mark.spec("002/FR-491")
def test_a_store_that_is_not_there_has_no_tokens(embedded: Todo) -> None:
    assert tokens(embedded("doctor", "--json")) == [0, 0]
    assert "token" not in embedded("doctor", terminal=True).out


@pytest.mark.spec("002/FR-163", "002/FR-492")
def test_a_role_without_rights_on_tokens_can_write_its_tasks(
    site: Site, plain_url: str, proxy: TurnProxy, stranger: str
) -> None:
    assert site.todo(plain_url)("token", "create", "laptop").status == 0
    for grant in (
        "USAGE ON SCHEMA todo",
        "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA todo",
    ):
        site.server.run_sql(site.database, f"GRANT {grant} TO {stranger}")
    site.server.run_sql(
        site.database, f"REVOKE ALL ON todo.token FROM {stranger}"
    )
    secret = "a stranger"
    url = site.url("localhost", proxy.port, user=stranger, password=secret)
    run = site.todo(url)
    try:
        added = run("add", "x")
        ran = run("doctor", "--json")
    finally:
        site.server.run_sql(site.database, f"DROP OWNED BY {stranger}")

    assert (added.status, ran.status) == (0, 0)
    assert ran.json["message"].startswith("OK: ")
    assert (ran.data["tasks"], ran.data["closed_tables"]) == (1, [])
    assert tokens(ran) == [None, None]
    assert ran.data["numbers"] == "ok"
    said = [name for name in TOKENS if name in warnings(ran)]
    assert said == ["valid_tokens"]
    assert "could not be read" in warnings(ran)["valid_tokens"]


@pytest.mark.spec("002/FR-166")
def test_names_the_users_whose_operations_are_behind(
    site: Site, plain_url: str, embedded: Todo, file: Path
) -> None:
    behind = "UPDATE {}counter SET operations = 0 WHERE user_id <> 'bob'"
    server = site.todo(plain_url)
    for user in ("ada", "bob"):
        assert server("add", "x", "--user", user).status == 0
    site.server.run_sql(site.database, behind.format("todo."))
    rewrite(file, behind.format(""))

    for run in (server, embedded):
        ran = run("doctor", "--json")
        assert ran.data["operations_behind"] == ["ada"]
        assert warnings(ran)["operations_behind"].startswith("1, as after")
        assert run("add", "y", "--user", "ada").status == 0
        assert run("doctor", "--json").data["operations_behind"] == []


@pytest.mark.spec("002/FR-161")
def test_survives_a_value_that_cannot_be_read(
    embedded: Todo, file: Path
) -> None:
    """A column that is missing hides which tasks are unreadable, and nothing else."""
    rewrite(
        file,
        "ALTER TABLE task RENAME TO kept",
        "CREATE VIEW task AS SELECT id, number, user_id FROM kept",
    )

    ran = embedded("doctor", "--json")

    assert ran.data["unreadable_tasks"] is None
    assert warnings(ran)["unreadable_tasks"].startswith("could not be read: ")
    assert ran.data["counters_behind"] == []
    assert (ran.data["tasks"], ran.data["numbers"]) == (1, "ok")


@pytest.mark.spec("002/FR-161")
def test_survives_a_counter_that_is_no_number(
    embedded: Todo, file: Path
) -> None:
    rewrite(file, "UPDATE counter SET last = 'many'")

    assert embedded("doctor", "--json").data["numbers"] == (
        "unreadable: a number is not an integer"
    )


@pytest.mark.spec("001/FR-041")
@pytest.mark.parametrize("command", ["doctor", "list", "db upgrade"])
def test_knows_a_stamp_that_is_no_text(
    embedded: Todo, file: Path, command: str
) -> None:
    rewrite(file, "UPDATE alembic_version SET version_num = x'3031'")

    assert_document(embedded(*command.split(), "--json"), code="SCHEMA")


@pytest.mark.spec("001/FR-041")
@pytest.mark.parametrize("loss", ["DELETE FROM", "DROP TABLE"])
def test_says_that_a_file_has_lost_its_version(
    embedded: Todo, file: Path, loss: str
) -> None:
    with closing(sqlite3.connect(file)) as other, other:
        other.execute(f"{loss} alembic_version")

    for command in ("doctor", "list", "db upgrade", "add x"):
        answer = embedded(*command.split(), "--json")
        error = assert_document(answer, code="SCHEMA")
        assert "but not their version" in error["message"]
    copy = {"TODO_DATABASE_URL": "copy.db"}
    imported = embedded("db", "import", str(file), "--json", env=copy)
    error = assert_document(imported, code="SCHEMA")
    assert error["hint"].endswith("restore the table `alembic_version`, too")


# A server


@pytest.mark.spec("002/FR-161")
def test_survives_rights_that_are_missing(
    site: Site, proxy: TurnProxy, stranger: str
) -> None:
    """One function less, and all other values are there."""
    site.server.run_sql(
        site.database,
        f"GRANT USAGE ON SCHEMA todo TO {stranger};"
        f"GRANT SELECT ON ALL TABLES IN SCHEMA todo TO {stranger};"
        "REVOKE EXECUTE ON FUNCTION aclexplode(aclitem[]) FROM PUBLIC;"
        "REVOKE EXECUTE ON FUNCTION clock_timestamp() FROM PUBLIC",
    )
    try:
        run = site.todo(
            site.url(
                "localhost", proxy.port, user=stranger, password="a stranger"
            )
        )
        ran = run("doctor", "--json")
    finally:
        site.server.run_sql(
            site.database,
            f"DROP OWNED BY {stranger};"
            "GRANT EXECUTE ON FUNCTION aclexplode(aclitem[]) TO PUBLIC;"
            "GRANT EXECUTE ON FUNCTION clock_timestamp() TO PUBLIC",
        )

    for name in ("others_may_create_in", "role", "encoding"):
        assert ran.data[name] is None
        assert "lacks the rights" in warnings(ran)[name]
    assert (ran.data["schema_owner"], ran.data["tasks"]) == ("todo_admin", 0)


@pytest.mark.spec("002/FR-160")
def test_a_role_that_may_not_make_the_tables_cannot_be_used(
    site: Site, proxy: TurnProxy, stranger: str
) -> None:
    database = site.server.create_database()
    try:
        run = site.todo(
            site.url(
                "localhost",
                proxy.port,
                user=stranger,
                password="a stranger",
                database=database,
            )
        )
        ran = run("doctor")
        added = run("add", "x")
    finally:
        site.server.drop_database(database)

    assert (ran.status, added.status) == (4, 4)
    assert ran.out.startswith("Not usable: The role lacks the rights")


@pytest.mark.spec("002/FR-163")
def test_names_who_else_may_create_objects(
    site: Site, proxy: TurnProxy, plain_url: str
) -> None:
    """CVE-2018-1058: an object in a schema on the search_path runs as its reader."""
    site.server.run_sql(
        site.database,
        'CREATE ROLE "we""ird"; GRANT CREATE ON SCHEMA public TO "we""ird", PUBLIC',
    )
    try:
        ran = site.todo(plain_url)("doctor", "--json")
    finally:
        site.server.run_sql(
            site.database,
            'DROP OWNED BY "we""ird"; DROP ROLE "we""ird"; '
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        )

    assert ran.data["others_may_create_in"] == ["public"]
    assert sorted(ran.data["others_who_may_create"]) == [
        "every role in public",
        'we"ird in public',
    ]
    advice = warnings(ran)["others_who_may_create"]
    assert 'REVOKE CREATE ON SCHEMA "public" FROM PUBLIC' in advice
    assert 'REVOKE CREATE ON SCHEMA "public" FROM "we""ird"' in advice
    assert "others_who_may_create" not in warnings(
        site.todo(plain_url)("doctor", "--json")
    )


@pytest.mark.spec("002/FR-163")
def test_warns_of_clocks_that_differ_and_of_a_server_that_is_read_only(
    site: Site, proxy: TurnProxy
) -> None:
    query = "options=-c%20default_transaction_read_only%3Don"
    site.clock.now = datetime.now(UTC)
    site.clock.tick(3_600)

    ran = site.todo(site.url("localhost", proxy.port, query))(
        "doctor", "--json"
    )

    assert set(warnings(ran)) == {"read_only", "clock_drift_s"}
    message = ran.json["message"]
    assert re.fullmatch(
        "Read-only: .+ as ada, 0 tasks; nothing can be written: connect to "
        "the primary server",
        message,
    )


@pytest.mark.spec("002/FR-163")
def test_names_a_schema_of_another_version(site: Site, plain_url: str) -> None:
    def schema_at(version: str) -> Ran:
        site.server.run_sql(
            site.database,
            f"UPDATE todo.alembic_version SET version_num = '{version}'",
        )
        return site.todo(plain_url)("doctor", "--json")

    try:
        newer = schema_at("9999")
        assert newer.data["schema"] == "9999 (newer)"
        assert "upgrade todo here" in warnings(newer)["schema"]
    finally:
        schema_at(HEAD)


@pytest.mark.spec("002/FR-163")
def test_says_that_a_server_has_lost_its_version(
    site: Site, plain_url: str
) -> None:
    """`doctor` said that the store cannot be used, and `list` used it:
    matrix-org/synapse#9818.
    """
    run = site.todo(plain_url)
    site.server.run_sql(site.database, "DELETE FROM todo.alembic_version")
    try:
        asked = run("doctor", "--json")
        listed = run("list")
        upgraded = run("db", "upgrade", "--json")
    finally:
        site.server.run_sql(
            site.database,
            f"INSERT INTO todo.alembic_version VALUES ('{HEAD}')",
        )

    assert (asked.status, listed.status) == (0, 0)
    assert asked.data["schema"] == "no version (not known)"
    assert warnings(asked)["schema"] == (
        "restore the table `alembic_version`, too: `todo db upgrade` reads it"
    )
    error = assert_document(upgraded, code="SCHEMA")
    assert "but not their version" in error["message"]


@pytest.mark.spec("002/FR-163")
def test_says_that_an_older_schema_can_be_upgraded() -> None:
    assert warn_of_schema(State(Fit.CURRENT, HEAD)) is None
    warning = warn_of_schema(State(Fit.OLDER, "0000"))
    assert warning == f"run `todo db upgrade`, which brings it to {HEAD}"


@pytest.mark.spec("002/FR-163")
@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_shows_a_server_in_another_encoding(
    site: Site, proxy: TurnProxy, encoding: str
) -> None:
    """brianc/node-postgres#2475: a database in SQL_ASCII."""
    name = f"in_{encoding.lower()}"
    site.server.run_sql(
        "postgres",
        f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 "
        "LC_COLLATE 'C' LC_CTYPE 'C'",
    )
    try:
        run = site.todo(site.url("localhost", proxy.port, database=name))
        error = assert_document(run("doctor", "--json"), code="CONFIG")
    finally:
        site.server.run_sql("postgres", f"DROP DATABASE {name} WITH (FORCE)")

    known = details(error)
    assert (known["encoding"], known["role"]) == (encoding, "todo_admin")
    assert "ENCODING 'UTF8'" in error["hint"]


@pytest.mark.spec("002/FR-163")
def test_names_an_encoding_that_lacks_characters() -> None:
    """brianc/node-postgres#2475: a database in SQL_ASCII."""
    assert server_facts.warn_of_encoding("UTF8") is None
    assert "ENCODING 'UTF8'" in str(server_facts.warn_of_encoding("SQL_ASCII"))


@pytest.mark.spec("002/FR-160")
def test_ends_with_the_hint_at_a_terminal(site: Site) -> None:
    """A long sheet must not move it off the screen."""
    ran = site.terminal("postgresql://ada@localhost:1/x")("doctor")

    lines = ran.out.splitlines()
    assert lines[0].startswith("Not usable: localhost:1/x refuses connect")
    assert lines[-1].startswith("hint: ")


@pytest.mark.spec("002/FR-162")
def test_names_the_group_that_shares_a_store(
    embedded: Todo, file: Path
) -> None:
    file.chmod(0o660)
    file.parent.chmod(0o2770)

    found = warnings(embedded("doctor", "--json"))

    for name in ("file_mode", "folder_mode"):
        assert found[name].startswith("unless you share it on purpose, the ")


@pytest.mark.spec("002/FR-162")
def test_names_an_index_that_lacks_a_row(embedded: Todo, file: Path) -> None:
    """A log of another program can do this; a quick check does not see it."""
    index = "type = 'index' AND sql IS NOT NULL"
    with closing(sqlite3.connect(file)) as store, store:
        # Hidden from SQLite, the indexes miss what is added.
        rows = store.execute(
            f"SELECT * FROM sqlite_schema WHERE {index}"
        ).fetchall()
        store.execute("PRAGMA writable_schema = ON")
        store.execute(f"DELETE FROM sqlite_schema WHERE {index}")
    embedded("add", "Buy bread")
    with closing(sqlite3.connect(file)) as store, store:
        store.execute("PRAGMA writable_schema = ON")
        store.executemany("INSERT INTO sqlite_schema VALUES (?,?,?,?,?)", rows)

    error = embedded("doctor", "--json").error

    assert error["code"] == "IO_ERROR"
    assert "missing from index" in error["message"]


# Without a user


NO_USER = "No user name found"


@pytest.mark.spec("002/FR-160")
@pytest.mark.parametrize(
    ("name", "message", "code"),
    [
        (None, NO_USER, "USAGE"),
        (" ", "The user is empty (TODO_USER)", "USAGE"),
        (
            "a/b",
            "user: must not contain `/`, and must not be `.` or `..` "
            "(TODO_USER)",
            "INVALID_INPUT",
        ),
    ],
)
def test_looks_at_the_store_although_there_is_no_user(
    site: Site, plain_url: str, name: str | None, message: str, code: str
) -> None:
    site.fill("first")
    file = str(site.cwd / "file.db")
    for url, kind, last in (
        (plain_url, "postgresql", "counters_behind"),
        (file, "sqlite", "counters_behind"),
        (str(site.cwd / "none.db"), "sqlite", "expired_tokens"),
    ):
        if url == file:
            assert site.todo(url)("add", "x").status == 0
        run = Todo(Surroundings(site.home, site.cwd, url), site.clock, None)

        text = run("doctor", user=name)
        error = run("doctor", "--json", user=name).error

        assert text.status == 2
        verdict = text.out.splitlines()[0]
        assert verdict.startswith(f"Not usable: {message}; set one with ")
        assert text.err.splitlines()[0] == f"error: {message}"
        assert error["code"] == code
        for findings in (found(text), details(error)):
            assert findings["user"] == "-"
            assert findings["store"] == kind
            assert findings["reachable"] == "yes"
            assert list(findings)[-1] == last
            assert "numbers" not in findings


@pytest.mark.spec("002/FR-160")
def test_names_a_store_that_fails_before_the_missing_user(site: Site) -> None:
    path = site.cwd / "broken.db"
    path.write_text("no database, but long enough for one" * 100)
    run = Todo(Surroundings(site.home, site.cwd, str(path)), site.clock, None)

    ran = run("doctor", user=None)

    assert ran.status == 9
    assert ran.err.startswith(f"error: {path} is not a SQLite database")
    assert f"warning: user: {NO_USER}; set one with" in ran.out


@pytest.mark.spec("002/FR-160")
def test_shows_the_settings_where_neither_user_nor_store_can_be_told(
    site: Site,
) -> None:
    for url, words in (
        (None, "There is no home folder to keep tasks in"),
        ("postgresql://u:secret@h:x/d", "has a port that is not a number"),
    ):
        run = Todo(Surroundings(site.home, site.cwd, url), site.clock, None)
        homeless: dict[str, str | None] = {"HOME": None}

        text = run("doctor", user=None, env=homeless)
        error = run("doctor", "--json", user=None, env=homeless).error

        assert words in text.out.splitlines()[0]
        assert words in error["message"]
        assert f"warning: user: {NO_USER}; set one with" in text.out
        assert list(found(text)) == [
            "version",
            "user",
            "config_file",
            "config_mode",
            "config_keys",
            "time_zone",
            "warm",
        ]
        assert "secret" not in text.out + text.err + str(error)
        assert "user" in details(error)

        pasted = run("doctor", user="postgresql://u:secret@h/d", env=homeless)
        assert (
            "user: looks like a connection string (TODO_USER)\n" in pasted.out
        )
        assert "secret" not in pasted.out


WRONG_SETTINGS = {
    "TODO_TIMEOUT=x": "TODO_TIMEOUT must be a number of seconds",
    "TODO_OUTPUT=xml": "TODO_OUTPUT must be one of text, json",
    "TODO_DATABASE_URL=mysql://h": "The database URL has an unknown scheme",
    "TODO_CONFIG=/none.toml": "/none.toml does not exist; TODO_CONFIG names",
}


@pytest.mark.spec("002/FR-160")
@pytest.mark.parametrize("setting", WRONG_SETTINGS)
def test_begins_with_its_verdict_where_a_setting_is_wrong(
    todo: Todo, setting: str
) -> None:
    name, _, value = setting.partition("=")

    ran = todo("doctor", env={name: value})

    assert ran.status == 8
    verdict = ran.out.splitlines()[0]
    assert verdict.startswith(f"Not usable: {WRONG_SETTINGS[setting]}")
    assert ran.err.startswith("error: ")
    assert "user" not in found(ran)
    assert "warning" not in ran.out
    if name != "TODO_OUTPUT":
        error = todo("doctor", "--json", env={name: value}).error
        assert list(details(error)) == list(found(ran))


@pytest.mark.spec("002/FR-160")
def test_names_a_wrong_user_once_beside_a_wrong_setting(todo: Todo) -> None:
    ran = todo("doctor", user="a/b", env={"TODO_TIMEOUT": "x"})

    assert ran.out.splitlines()[1].startswith(
        "warning: user: must not contain"
    )
