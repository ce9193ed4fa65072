"""Patience where a fault can pass, and a plain word at once where it cannot."""

import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Literal

import pytest

from tests.cli.expect import assert_document, assert_refused, assert_words
from tests.neon.pauses import Pauses
from tests.neon.relay import Relay
from tests.support.desk import Desk, meanwhile
from tests.support.gatekeeper import Gatekeeper
from tests.support.neon import NeonFront
from tests.support.servers import free_port
from tests.support.site import CONSOLE, ELSEWHERE, HOST, Site
from tests.support.turns import Fault, TurnProxy

WAKING = [
    "Couldn't connect to compute node",
    "Control plane request failed",
    "Failed to acquire permit to connect to the database. Too many database connection attempts are currently ongoing.",
    "Too many connections attempts",
    "Too many connections to this endpoint. Please try again later.",
]
FINAL = [
    ("Control plane request failed: endpoint is disabled", "endpoint"),
    ("endpoint is disabled. Enable it using Neon API and retry", "endpoint"),
    ("Control plane request failed: endpoint cannot be found", "endpoint"),
    (
        "endpoint is temporarily unavailable. Check your quotas and/or contact our support.",
        "quota",
    ),
    (
        "Your account or project has exceeded the compute time quota. Upgrade your plan to increase limits.",
        "quota",
    ),
    (
        "Your project has exceeded the data transfer quota. Upgrade your plan to increase limits.",
        "quota",
    ),
    ("Couldn't connect to compute node: endpoint is disabled", "endpoint"),
    (
        "Endpoint ID is not specified. Either please upgrade the postgres client library",
        "endpoint",
    ),
    (
        "Inconsistent project name inferred from SNI ('a') and project option ('b').",
        "endpoint",
    ),
    ("connection is insecure (try using `sslmode=require`)", "TLS"),
    ("unsupported startup parameter in options: search_path", "options"),
    ("database 'neondb' does not exist", "database"),
]
DENIED = [
    "password authentication failed for user 'neondb_owner'",
    "This IP address 203.0.113.7 is not allowed to connect to this endpoint.",
]
SPINNER = "Waking the database..."
WIPED = "\r\x1b[K"


@pytest.fixture
def gate(site: Site) -> Iterator[Gatekeeper]:
    """A server that can refuse, in plain text."""
    with Gatekeeper(site.server.host, site.server.port) as gate:
        yield gate


@pytest.fixture
def two_addresses(monkeypatch: pytest.MonkeyPatch) -> str:
    """A host name with two addresses, as `localhost` and every host of Neon's has."""
    name, system = "two.example.org", socket.getaddrinfo

    def resolve(
        host: str | bytes | None, *arguments: Any, **named: Any
    ) -> Any:
        if host != name:
            return system(host, *arguments, **named)
        return [
            *system("127.0.0.1", *arguments, **named),
            *system("127.0.0.2", *arguments, **named),
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return name


def test_waits_for_a_cold_start_on_one_connection(
    site: Site, front: NeonFront, neon_url: str
) -> None:
    front.cold_start_s = 0.4

    ran = site.todo(neon_url)("add", "Buy milk", "--json")

    assert ran.data["title"] == "Buy milk"
    assert (front.turns, front.connections) == (7, 1)


@pytest.mark.spec("002/FR-314")
@pytest.mark.parametrize(
    ("words", "before"), [(["edit", "1"], 1), (["add"], 0)]
)
def test_sleeps_while_somebody_edits_and_is_woken_to_store_the_text(
    site: Site,
    front: NeonFront,
    neon_url: str,
    desk: Desk,
    words: list[str],
    before: int,
) -> None:
    site.fill("first")
    seen = []

    def fall_asleep() -> None:
        seen.append(front.connections)
        front.cold_start_s = 0.4

    env = meanwhile(desk, "edited\n", fall_asleep)

    ran = site.todo(neon_url)(*words, terminal=True, env=env)

    assert ran.status == 0
    assert seen == [before]
    assert front.connections == before + 1
    assert "edited" in site.titles()


@pytest.mark.parametrize("message", WAKING)
def test_tries_again_while_the_database_wakes(
    site: Site, front: NeonFront, neon_url: str, pauses: Pauses, message: str
) -> None:
    front.refuse(message, times=3)

    ran = site.todo(neon_url)("add", "Buy milk", "--json")

    assert ran.data["number"] == 1
    assert front.connections == 4
    assert site.titles() == ["Buy milk"]


@pytest.mark.parametrize(
    "command",
    [["list"], ["show", "1"], ["update", "1", "--title", "x"], ["done", "1"]],
)
def test_tries_again_for_every_command(
    site: Site,
    front: NeonFront,
    neon_url: str,
    pauses: Pauses,
    command: list[str],
) -> None:
    site.fill("first")
    front.refuse(WAKING[0], times=1)

    assert site.todo(neon_url)(*command).status == 0
    assert front.connections == 2


def test_gives_up_on_a_database_that_does_not_wake(
    site: Site, front: NeonFront, neon_url: str, pauses: Pauses
) -> None:
    front.refuse(WAKING[0])

    ran = site.todo(neon_url)(
        "add", "Buy milk", "--json", env={"TODO_TIMEOUT": "1.9"}
    )

    assert_document(ran, code="DATABASE_UNAVAILABLE", names=[HOST])
    assert 2 <= front.connections <= 4
    assert site.titles() == []


def test_pauses_longer_and_longer(
    site: Site, front: NeonFront, neon_url: str, pauses: Pauses
) -> None:
    front.refuse(WAKING[0], times=6)

    assert site.todo(neon_url)("list").status == 0
    assert front.connections == 7
    within = zip(pauses.taken, (0.25, 0.5, 1, 2, 2, 2), strict=True)
    assert [most / 2 <= pause <= most for pause, most in within] == [True] * 6
    assert (
        len(set(pauses.taken)) == 6
    )  # programs that failed together do not come back together


@pytest.mark.parametrize(("message", "name"), FINAL)
def test_says_at_once_what_will_not_pass(
    site: Site, front: NeonFront, neon_url: str, message: str, name: str
) -> None:
    front.refuse(message)
    run = site.todo(neon_url)

    for command in (["list"], ["add", "Buy milk"]):
        assert_refused(run, *command, code="CONFIG", names=[HOST, name])
    assert front.connections == 4  # exactly one each
    assert run("list").err.count("\nhint: ") == 1


@pytest.mark.parametrize("message", DENIED)
def test_says_at_once_that_it_is_not_let_in(
    site: Site, front: NeonFront, neon_url: str, message: str
) -> None:
    front.refuse(message)

    assert_refused(
        site.todo(neon_url),
        "add",
        "Buy milk",
        code="AUTH_FAILED",
        names=[HOST, "connection string"],
    )
    assert front.connections == 2
    assert site.titles() == []


def test_knows_a_wrong_password_behind_neons_proxy(
    site: Site, front: NeonFront
) -> None:
    run = site.todo(site.url(HOST, front.port, CONSOLE, password="wrong"))

    assert_refused(run, "list", code="AUTH_FAILED", names=[HOST])
    assert front.connections == 2


def test_knows_an_unknown_role_behind_neons_proxy(
    site: Site, front: NeonFront
) -> None:
    run = site.todo(site.url(HOST, front.port, CONSOLE, user="stranger"))

    assert_refused(run, "list", code="AUTH_FAILED", names=[HOST])
    assert front.connections == 2


def test_knows_a_missing_database_behind_neons_proxy(
    site: Site, front: NeonFront
) -> None:
    run = site.todo(site.url(HOST, front.port, CONSOLE, database="nowhere"))

    assert_refused(
        run,
        "add",
        "Buy milk",
        code="CONFIG",
        names=[f"{HOST}:{front.port}/nowhere"],
    )
    assert front.connections == 2


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"password": "wrong"}, "AUTH_FAILED"),
        ({"database": "nowhere"}, "CONFIG"),
    ],
)
def test_knows_the_same_without_neons_proxy(
    site: Site, proxy: TurnProxy, change: dict[str, str], code: str
) -> None:
    run = site.todo(site.url("localhost", proxy.port, **change))

    assert_refused(run, "list", code=code, names=[f"localhost:{proxy.port}"])
    assert proxy.connections == 2


def test_tries_again_when_the_line_breaks_while_connecting(
    site: Site, front: NeonFront, neon_url: str, pauses: Pauses
) -> None:
    site.fill("first")
    front.faults += [
        Fault("before", request=0),
        Fault("before", request=0, how="reset", connection=2),
    ]

    assert site.todo(neon_url)("done", "1").out == "Done 1: first\n"
    assert front.connections == 3


@pytest.mark.parametrize("how", ["end", "reset"])
def test_writes_nothing_when_no_connection_comes_about(
    site: Site,
    front: NeonFront,
    neon_url: str,
    pauses: Pauses,
    how: Literal["end", "reset"],
) -> None:
    front.faults.append(Fault("before", request=0, how=how, connection=None))

    ran = site.todo(neon_url)(
        "add", "Buy milk", "--json", env={"TODO_TIMEOUT": "1.9"}
    )

    assert_document(ran, code="DATABASE_UNAVAILABLE", names=[HOST])
    assert 2 <= front.connections <= 4
    assert site.titles() == []


@pytest.mark.parametrize("host", ["127.0.0.1", ELSEWHERE])
def test_gives_up_on_a_refused_port(
    site: Site, clocked_pauses: Pauses, host: str
) -> None:
    ran = site.todo(site.url(host, free_port()))(
        "add", "Buy milk", "--json", env={"TODO_TIMEOUT": "4"}
    )

    assert_document(
        ran, code="DATABASE_UNAVAILABLE", names=[host, "refuses connections"]
    )
    assert (
        len(clocked_pauses.taken) >= 2,
        sum(clocked_pauses.taken) < 1.5,
    ) == (
        True,
        True,
    ), clocked_pauses


def test_gives_up_on_a_refused_port_of_two_addresses(
    site: Site, clocked_pauses: Pauses, two_addresses: str
) -> None:
    ran = site.todo(site.url(two_addresses, free_port()))(
        "add", "Buy milk", "--json", env={"TODO_TIMEOUT": "4"}
    )

    assert_document(
        ran,
        code="DATABASE_UNAVAILABLE",
        names=[two_addresses, "refuses connections"],
    )
    assert (
        len(clocked_pauses.taken) >= 2,
        sum(clocked_pauses.taken) < 1.5,
    ) == (
        True,
        True,
    ), clocked_pauses


def test_finds_a_server_that_was_just_restarting(
    site: Site, pauses: Pauses
) -> None:
    with ExitStack() as stack:
        relay = Relay(site.server.port, port=free_port())
        pauses.meanwhile = lambda: stack.enter_context(relay)

        ran = site.todo(site.url("127.0.0.1", relay.port))("add", "Buy milk")

    assert (ran.status, len(pauses.taken)) == (0, 1)
    assert site.titles() == ["Buy milk"]


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("57P03", "the database system is starting up"),
        ("57P01", "terminating connection due to administrator command"),
        ("53300", "sorry, too many clients already"),
        ("08006", "server conn crashed?"),
    ],
)
def test_tries_again_what_postgresql_says_will_pass(
    site: Site, gate: Gatekeeper, pauses: Pauses, state: str, message: str
) -> None:
    gate.answers = [(state, message)] * 2

    assert (
        site.todo(site.url("127.0.0.1", gate.port))("add", "Buy milk").status
        == 0
    )
    assert (gate.connections, len(pauses.taken)) == (3, 2)


@pytest.mark.parametrize(
    ("state", "message", "code"),
    [
        ("28P01", "password authentication failed for user", "AUTH_FAILED"),
        ("28000", "no pg_hba.conf entry for host", "AUTH_FAILED"),
        ("3D000", "database does not exist", "CONFIG"),
        ("42501", "permission denied for database", "FORBIDDEN"),
        ("42704", 'unrecognized configuration parameter "schema"', "CONFIG"),
        ("08P01", "unsupported startup parameter: options", "CONFIG"),
        ("08P01", "SASL authentication failed", "AUTH_FAILED"),
        ("08P01", "no such database: nowhere", "CONFIG"),
        ("08P01", "no such user", "AUTH_FAILED"),
    ],
)
def test_says_at_once_what_postgresql_or_a_pooler_refuses(
    site: Site, gate: Gatekeeper, state: str, message: str, code: str
) -> None:
    gate.answers = [(state, message)] * 9

    assert_refused(
        site.todo(site.url("127.0.0.1", gate.port)),
        "list",
        code=code,
        names=["127.0.0.1"],
    )
    assert gate.connections == 2


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("53300", "DATABASE_BUSY"),
        ("57P03", "DATABASE_UNAVAILABLE"),
        ("57P01", "DATABASE_UNAVAILABLE"),
    ],
)
def test_gives_up_on_what_does_not_pass(
    site: Site, gate: Gatekeeper, pauses: Pauses, state: str, code: str
) -> None:
    gate.answers = [(state, "not now")] * 99

    ran = site.todo(site.url("127.0.0.1", gate.port))(
        "list", "--json", env={"TODO_TIMEOUT": "1.9"}
    )

    assert_document(ran, code=code)
    assert 2 <= gate.connections <= 4


@pytest.mark.parametrize("host", [HOST, ELSEWHERE, "localhost"])
def test_gives_up_on_a_silent_host(
    site: Site, front: NeonFront, host: str
) -> None:
    front.is_silent = True

    ran = site.todo(site.url(host, front.port))(
        "add", "Buy milk", "--json", env={"TODO_TIMEOUT": "0.6"}
    )

    error = assert_document(ran, code="TIMEOUT", names=[host])
    assert "TODO_TIMEOUT" in error["hint"]
    assert front.connections == 1


def test_gives_up_on_a_host_that_falls_silent(
    site: Site, front: NeonFront, neon_url: str
) -> None:
    front.faults.append(Fault("before", request=0, how="silence"))

    ran = site.todo(neon_url)("list", "--json", env={"TODO_TIMEOUT": "1"})

    assert_document(ran, code="TIMEOUT", names=[HOST])
    assert front.connections == 1


def test_obeys_the_shorter_of_two_limits(site: Site, front: NeonFront) -> None:
    front.is_silent = True

    ran = site.todo(site.url(HOST, front.port, "connect_timeout=1"))(
        "list", "--json", env={"TODO_TIMEOUT": "600"}
    )

    assert_document(ran, code="TIMEOUT")


def test_gives_up_on_a_compute_that_does_not_wake_in_time(
    site: Site, front: NeonFront, neon_url: str
) -> None:
    front.cold_start_s = 600

    ran = site.todo(neon_url)(
        "add", "Buy milk", "--json", env={"TODO_TIMEOUT": "0.5"}
    )

    assert_document(ran, code="TIMEOUT", names=[HOST])
    assert site.titles() == []


def test_knows_a_host_that_does_not_exist(site: Site) -> None:
    ran = site.todo("postgresql://ada:secret@no-such-host.invalid/todo")(
        "list", "--json"
    )

    assert_document(
        ran,
        code="DATABASE_UNAVAILABLE",
        names=["no-such-host.invalid", "not known"],
    )


def test_says_on_a_terminal_that_it_waits_and_wipes_it_away(
    site: Site, front: NeonFront, neon_url: str
) -> None:
    site.fill("first")
    front.cold_start_s = 1.5

    ran = site.terminal(neon_url)("list")

    assert ran.status == 0
    spun, _, shown = ran.out.rpartition(WIPED)
    assert re.fullmatch(rf"(\r[-/|\\] {re.escape(SPINNER)})+", spun)
    assert "first" in shown
    assert SPINNER not in shown


@pytest.mark.spec("002/FR-058")
def test_wipes_it_away_before_a_question(
    site: Site, front: NeonFront, neon_url: str
) -> None:
    """It had been on the line of the question, and was wiped together with it."""
    site.fill("first")
    front.cold_start_s = 1.5

    with site.terminal(neon_url).start("purge", "1") as terminal:
        terminal.wait_for("[y/N] ")
        # Long enough for another turn of the spinner.
        time.sleep(0.3)
        terminal.type(b"n\n")
        ran = terminal.finish()

    assert ran.status == 10
    spun, _, shown = ran.out.rpartition(WIPED)
    assert SPINNER in spun
    assert shown.startswith("  1: first\nPurge 1 task for good? [y/N] ")


def test_wipes_it_away_before_an_error_too(
    site: Site, front: NeonFront, neon_url: str
) -> None:
    front.cold_start_s = 600

    ran = site.terminal(neon_url)("list", env={"TODO_TIMEOUT": "1.5"})

    assert ran.status == 6
    spun, _, shown = ran.out.rpartition(WIPED)
    assert SPINNER in spun
    assert shown.startswith("error: No connection to ")


def test_is_still_where_nobody_looks_or_a_program_does(
    site: Site, front: NeonFront, neon_url: str
) -> None:
    front.cold_start_s = 1.5
    with site.terminal(neon_url).start("list", "--json") as terminal:
        ran = terminal.finish()
    assert (ran.status, SPINNER in ran.out, "\x1b" in ran.out) == (
        0,
        False,
        False,
    )

    front.cold_start_s = 1.5
    assert_words(site.process(neon_url)("show", "1"), status=3)


def test_is_still_when_the_answer_comes_soon(
    site: Site, front: NeonFront, neon_url: str
) -> None:
    ran = site.todo(neon_url)("list", terminal=True)

    assert (ran.status, ran.err) == (0, "")
