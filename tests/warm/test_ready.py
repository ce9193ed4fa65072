"""A connection that is there before a command: what it saves, and when it is not used.

The command runs through its door in this process. What hands it over, and the processes
around it, have tests of their own.
"""

import asyncio
import os
import pickle
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.expect import assert_document
from tests.database.test_policy import (  # noqa: F401 - fixtures
    as_role,
    owner_role,
    shared,
    shared_before,
)
from tests.neon.test_turns import COMMANDS, VARIANTS, prepare
from tests.support.certificates import Authority
from tests.support.machine import needs
from tests.support.neon import NeonFront
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres import PostgresCluster
from tests.support.program import Ran, Todo
from tests.support.site import (
    CONSOLE,
    HOST,
    MAY_HALF_CLOSE,
    Site,
)
from tests.support.size import share
from tests.support.stores import Store
from tests.support.turns import Fault, TurnProxy
from todo_cli.cli import ready as module
from todo_cli.cli.ready import Ready, Wanted
from todo_cli.database import ahead
from todo_cli.database.url import PostgresTarget

pytestmark = MAY_HALF_CLOSE

FIRST_USED = (
    *("redo", "stats", "update tags", "list with filters"),
    *("token list", "token revoke"),
)
"""The commands whose statement is not described ahead until it was used."""


@pytest.fixture(autouse=True)
def made() -> Iterator[list[Ready]]:
    """Closes what no command has closed, as the end of a worker does."""
    MADE.clear()
    yield MADE
    for ready in MADE:
        ready.close()


MADE: list[Ready] = []


def new() -> Ready:
    """A loop, without a connection so far."""
    ready = Ready()
    MADE.append(ready)
    return ready


def wanted_after(todo: Todo, *command: str, **how: Any) -> Wanted:
    """What the next command is expected to want, after one that has ended well."""
    ready = new()
    ran = todo(*(command or ("list",)), ready=ready, **how)
    assert ran.status == 0, ran
    assert ready.next is not None
    return ready.next


def dialled(wanted: Wanted) -> Ready:
    """A connection that waits."""
    ready = new()
    ready.loop.run_until_complete(ready.dial(wanted))
    assert is_connected(ready)
    return ready


def is_connected(ready: Ready) -> bool:
    """Whether a connection waits."""
    return ready._connection is not None


def turn_of(ready: Ready, seconds: float = 0.05) -> None:
    """Let the loop of a connection run, as it does while it waits."""
    ready.loop.run_until_complete(asyncio.sleep(seconds))


# What a command costs


@pytest.mark.spec("002/FR-368")
@pytest.mark.parametrize("command", share(COMMANDS, 0, 2))
def test_a_command_costs_one_turn_or_two(
    request: pytest.FixtureRequest,
    site: Site,
    front: NeonFront,
    neon_url: str,
    command: list[str],
) -> None:
    site.fill("first", "second")
    prepare(site, command)
    todo = site.todo(neon_url)
    ready = dialled(wanted_after(todo))
    front.reset()

    ran = todo(*command, ready=ready)

    requests = ["PBES"]
    if request.node.callspec.id in FIRST_USED:
        requests = ["PDH", "PBES"]
    assert (ran.status, ran.err) == (0, "")
    assert (front.turns, front.connections) == (len(requests), 0)
    assert front.requests == requests


FORMS = ("list some", "update several tasks", "list by tags", "done several")
REPEATED = [each for each in VARIANTS if each.id in FORMS]


@pytest.mark.spec("002/FR-368")
@pytest.mark.parametrize("command", share(REPEATED, 0, 2))
def test_a_form_that_was_used_costs_one_turn(
    site: Site, proxy: TurnProxy, plain_url: str, command: list[str]
) -> None:
    """Also if another command came between."""
    site.fill("first", "second", "third")
    prepare(site, command)
    todo = site.todo(plain_url)
    first = dialled(wanted_after(todo, *command))
    assert todo("list", ready=first).status == 0
    assert first.next is not None
    ready = dialled(first.next)
    proxy.reset()

    todo(*command, ready=ready)

    assert (proxy.turns, proxy.connections) == (1, 0)


@pytest.mark.spec("002/FR-368")
def test_few_forms_are_remembered(site: Site, plain_url: str) -> None:
    todo = site.todo(plain_url)
    filters = ("-p", "high", "-P", "home", "--tag", "a", "--due", "any")
    seen = []
    wanted = wanted_after(todo)
    assert wanted.texts == ()
    for count in range(0, len(filters), 2):
        for order in ("title", "newest", "oldest"):
            line = ["list", "-L9", *filters[: count + 2], "--sort", order]
            ready = dialled(wanted)
            assert todo(*line, ready=ready).status == 0
            assert ready.next is not None
            wanted = ready.next
            seen.append(len(wanted.texts))

    assert seen == [*range(1, 9), 8, 8, 8, 8]
    # It goes from one process to another.
    assert pickle.loads(pickle.dumps(wanted)) == wanted
    secret = site.server.password
    assert secret not in repr(wanted)


@pytest.mark.spec("002/FR-368")
def test_an_import_and_a_dry_run_and_an_upgrade_are_as_without(
    site: Site, proxy: TurnProxy, plain_url: str
) -> None:
    site.fill("first", "second")
    todo = site.todo(plain_url)
    lines = (
        ("done", "1", "--dry-run"),
        ("purge", "2", "--dry-run"),
        ("add", "x", "--user", "bob", "--dry-run"),
        ("db", "upgrade"),
        ("show", "9"),
        ("export",),
        ("list", "--json"),
        ("add", ""),
        ("update", "1"),
    )
    for line in lines:
        cold = todo(*line)
        ready = dialled(wanted_after(todo))
        proxy.reset()

        assert todo(*line, ready=ready) == cold

        expected = 1 if line[0] == "db" else 0
        assert proxy.connections <= expected, line
    assert site.titles() == ["first", "second"]


@pytest.mark.spec("002/FR-368")
def test_a_terminal_shows_no_spinner_and_the_same_table(
    site: Site, plain_url: str
) -> None:
    site.fill("first")
    todo = site.todo(plain_url)
    cold = todo("list", terminal=True)
    ready = dialled(wanted_after(todo))

    assert todo("list", terminal=True, ready=ready) == cold


# The schema and its owner


@pytest.mark.spec("002/FR-368", "001/FR-044")
def test_the_first_command_makes_the_tables(
    blank_site: Site, proxy: TurnProxy
) -> None:
    url = blank_site.url("127.0.0.1", proxy.port)
    todo = blank_site.todo(url)
    wanted = wanted_after(todo)
    ready = dialled(wanted)
    proxy.reset()

    ran = todo("add", "Buy milk", ready=ready)

    assert ran.out.startswith("Added 1: Buy milk (new list in "), ran
    assert proxy.connections == 0
    assert blank_site.titles() == ["Buy milk"]


STRANGER = """
DROP SCHEMA IF EXISTS todo CASCADE; CREATE ROLE todo_mallory;
CREATE SCHEMA todo AUTHORIZATION todo_mallory;
"""


@pytest.fixture
def owned_by_a_stranger(blank_site: Site) -> Iterator[Callable[[], None]]:
    """Has another role make the schema, when it is called."""

    def own() -> None:
        blank_site.server.run_sql(blank_site.database, STRANGER)

    yield own
    blank_site.server.run_sql(
        blank_site.database,
        "DROP OWNED BY todo_mallory CASCADE; DROP ROLE todo_mallory",
    )


@pytest.mark.spec("001/FR-044")
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_strangers_schema_is_refused(
    blank_site: Site,
    proxy: TurnProxy,
    owned_by_a_stranger: Callable[[], None],
    when: str,
) -> None:
    """Whether it was there when the connection was made, or came later."""
    todo = blank_site.todo(blank_site.url("127.0.0.1", proxy.port))
    wanted = wanted_after(todo)
    if when == "before":
        owned_by_a_stranger()
    ready = new()
    ready.loop.run_until_complete(ready.dial(wanted))
    assert is_connected(ready) == (when == "after")
    if when == "after":
        owned_by_a_stranger()

    ran = todo("add", "x", "--json", ready=ready)

    error = assert_document(ran, code="SCHEMA")
    assert "todo_mallory" in error["message"]


@pytest.mark.spec("002/FR-368")
def test_what_the_server_refuses_to_describe_is_asked_for_later(
    site: Site, proxy: TurnProxy, plain_url: str
) -> None:
    site.fill("first")
    todo = site.todo(plain_url)
    wanted = wanted_after(todo)
    site.server.run_sql(
        site.database, "ALTER TABLE todo.operation RENAME TO elsewhere"
    )
    ready = dialled(wanted)
    site.server.run_sql(
        site.database, "ALTER TABLE todo.elsewhere RENAME TO operation"
    )
    proxy.reset()

    ran = todo("list", ready=ready)

    assert (ran.status, proxy.turns, proxy.connections) == (0, 2, 0)


# Roles and poolers


@pytest.mark.spec("002/FR-368")
def test_row_level_security_holds_as_without(
    request: pytest.FixtureRequest, proxy: TurnProxy
) -> None:
    todo = as_role(request.getfixturevalue("shared"), proxy, "bob")
    wanted = wanted_after(todo, user="bob")
    lines = (
        ("bob", "list", "--json"),
        ("ada", "list", "--json"),
        ("ada", "add", "x", "--json"),
        ("ada", "done", "1", "--json"),
        ("bob", "db", "backup", "all.db", "--json"),
    )
    for user, *line in lines:
        cold = todo(*line, user=user)
        ready = dialled(wanted)
        proxy.reset()

        assert todo(*line, user=user, ready=ready) == cold
        assert proxy.connections == 0
    assert todo("add", "y", user="bob", ready=dialled(wanted)).status == 0


@needs("pgbouncer")
@pytest.mark.spec("002/FR-368")
def test_a_pooler_may_be_between(
    site: Site, own_postgres: PostgresCluster
) -> None:
    """It gives our line a process of the server for a statement at a time."""
    with PgBouncer(own_postgres, pool_size=1) as pooler:
        todo = site.todo(site.url("127.0.0.1", pooler.port))
        wanted = wanted_after(todo)
        for number, line in enumerate(
            (["add", "Buy milk"], ["done", "1"], ["undo"], ["list"])
        ):
            ready = dialled(wanted)
            # Somebody else gets the same process meanwhile.
            assert todo("list", "--status", "all").status == 0, number

            ran = todo(*line, ready=ready)

            assert (ran.status, ran.err) == (0, "")
    assert site.titles() == ["Buy milk"]


# When it is not used


def assert_cold(ran: Ran, front: TurnProxy, code: str | None = None) -> None:
    """The command has made a connection of its own."""
    if code is None:
        assert ran.status == 0, ran
    else:
        assert_document(ran, code=code)
    assert front.connections > 0


OTHERWISE = {
    "timeout": ("", {"TODO_TIMEOUT": "14"}, None),
    "connect_timeout": ("&connect_timeout=9", {}, None),
    "application_name": ("&application_name=x", {}, None),
    "options": ("&options=-c%20statement_timeout%3D9000", {}, None),
    "session": ("&target_session_attrs=primary", {}, None),
    "variable": ("", {"PGTARGETSESSIONATTRS": "read-write"}, None),
    "refused variable": ("", {"PGREQUIREAUTH": "md5"}, "CONFIG"),
    "other mode": ("&sslmode=disable", {}, None),
    "passfile": ("&passfile=/nowhere", {}, None),
}


@pytest.mark.spec("002/FR-369")
@pytest.mark.parametrize("what", OTHERWISE)
def test_is_used_only_by_a_command_that_would_make_the_same(
    site: Site, proxy: TurnProxy, what: str
) -> None:
    site.fill("first")
    query, env, code = OTHERWISE[what]
    base = site.url("127.0.0.1", proxy.port, "sslnegotiation=postgres")
    ready = dialled(wanted_after(site.todo(base)))
    proxy.reset()

    ran = site.todo(f"{base}{query}")("list", "--json", env=env, ready=ready)

    if code is not None:
        assert_document(ran, code=code)
        assert proxy.connections == 0
    else:
        assert_cold(ran, proxy)
        assert not is_connected(ready)


@pytest.mark.spec("002/FR-369")
def test_is_not_used_with_another_password_role_or_database(
    site: Site, proxy: TurnProxy, plain_url: str
) -> None:
    todo = site.todo(plain_url)
    for how, code in (
        ({"password": "wrong"}, "AUTH_FAILED"),
        ({"user": "nobody"}, "AUTH_FAILED"),
        ({"database": "no_such_database"}, "CONFIG"),
    ):
        ready = dialled(wanted_after(todo))
        proxy.reset()
        other = site.todo(site.url("127.0.0.1", proxy.port, **how))

        assert_cold(other("list", "--json", ready=ready), proxy, code)


@pytest.mark.spec("002/FR-369")
def test_is_not_used_once_the_password_file_has_changed(
    site: Site, proxy: TurnProxy
) -> None:
    passfile = site.home / ".pgpass"
    passfile.write_text(f"*:*:*:*:{site.server.password}\n")
    passfile.chmod(0o600)
    url = site.url("127.0.0.1", proxy.port)
    todo = site.todo(url.replace(f":{site.server.password}@", "@"))
    unchanged = dialled(wanted_after(todo))
    proxy.reset()
    assert todo("list", ready=unchanged).status == 0
    assert proxy.connections == 0

    ready = dialled(wanted_after(todo))
    passfile.write_text("*:*:*:*:wrong\n")
    proxy.reset()
    assert_cold(todo("list", "--json", ready=ready), proxy, "AUTH_FAILED")

    passfile.write_text(f"*:*:*:*:{site.server.password}\n")
    ready = dialled(wanted_after(todo))
    passfile.chmod(0o640)
    proxy.reset()
    assert_cold(todo("list", "--json", ready=ready), proxy, "AUTH_FAILED")


@pytest.mark.spec("002/FR-369")
@pytest.mark.parametrize(
    "by", ["sslrootcert", "SSL_CERT_FILE", "SSL_CERT_DIR"]
)
def test_is_not_used_once_the_certificates_have_changed(
    site: Site,
    front: NeonFront,
    authority: Authority,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    by: str,
) -> None:
    trusted = tmp_path / "trusted.pem"
    shutil.copy(authority.file, trusted)
    query = CONSOLE
    if by == "sslrootcert":
        query = f"{CONSOLE}&sslrootcert={trusted}"
    elif by == "SSL_CERT_FILE":
        monkeypatch.setenv(by, str(trusted))
    else:
        monkeypatch.setenv(by, str(tmp_path))
    todo = site.todo(site.url(HOST, front.port, query))
    ready = dialled(wanted_after(todo))
    if by == "SSL_CERT_DIR":
        (tmp_path / "another.pem").write_bytes(b"")
    else:
        other = Authority(tmp_path_factory.mktemp("other"))
        shutil.copy(other.file, trusted)
    front.reset()

    code = None if by == "SSL_CERT_DIR" else "TLS_FAILED"
    assert_cold(todo("list", "--json", ready=ready), front, code)


@pytest.mark.spec("002/FR-369")
def test_the_variables_of_the_command_decide_how_it_is_dialled(
    site: Site,
    front: NeonFront,
    neon_url: str,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """The process that dials has others of its own."""
    wanted = wanted_after(site.todo(neon_url))
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setenv("KRB5CCNAME", str(tmp_path))

    ready = dialled(wanted)

    assert "SSL_CERT_FILE" not in os.environ
    assert os.environ["KRB5CCNAME"] == str(tmp_path)
    front.reset()
    ran = site.todo(neon_url)("list", "--json", ready=ready)
    assert_document(ran, code="TLS_FAILED")
    ready = dialled(wanted)
    monkeypatch.delenv("KRB5CCNAME")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    front.reset()
    assert site.todo(neon_url)("list", ready=ready).status == 0
    assert front.connections == 0


@pytest.mark.spec("002/FR-369")
def test_is_closed_by_a_command_on_another_store(
    site: Site, proxy: TurnProxy, plain_url: str, sqlite_store: Store
) -> None:
    ready = dialled(wanted_after(site.todo(plain_url)))

    ran = site.todo(sqlite_store.url)("add", "here", ready=ready)

    assert ran.status == 0, ran
    assert ready.next is None
    site.rest()


@pytest.mark.spec("002/FR-369")
def test_doctor_and_an_editor_make_their_own(
    site: Site, proxy: TurnProxy, plain_url: str
) -> None:
    site.fill("first")
    todo = site.todo(plain_url)
    for line in (["doctor"], ["edit", "1"]):
        ready = dialled(wanted_after(todo))
        proxy.reset()

        ran = todo(*line, env={"EDITOR": "true"}, ready=ready)

        assert_cold(ran, proxy)
    site.rest()


@pytest.mark.spec("002/FR-370")
@pytest.mark.parametrize("number", range(2))
def test_is_not_used_when_it_is_too_old(
    site: Site,
    proxy: TurnProxy,
    plain_url: str,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
) -> None:
    """By any clock: one stops while the machine sleeps, another can be set."""
    todo = site.todo(plain_url)
    ready = dialled(wanted_after(todo))
    proxy.reset()
    later = list(ready._made_s)
    later[number] += module.KEPT_S + 1
    monkeypatch.setattr(module, "_clocks", lambda: later)

    assert_cold(todo("list", ready=ready), proxy)


@pytest.mark.spec("002/FR-370")
def test_is_not_used_when_the_machine_has_another_address(
    site: Site,
    proxy: TurnProxy,
    plain_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    todo = site.todo(plain_url)
    ready = dialled(wanted_after(todo))
    proxy.reset()
    bind = module._bind
    bind(socket.AF_INET, ("127.0.0.1", 1))

    def elsewhere(family: int, _address: object) -> None:
        bind(family, ("203.0.113.7", 1))

    monkeypatch.setattr(module, "_bind", elsewhere)

    assert_cold(todo("list", ready=ready), proxy)


def test_a_unix_socket_needs_no_address(site: Site) -> None:
    host = str(site.server.folder).replace("/", "%2F")
    url = site.url(host, site.server.port)
    todo = site.todo(url)
    ready = dialled(wanted_after(todo))

    assert todo("add", "Buy milk", ready=ready).status == 0
    assert site.titles() == ["Buy milk"]


# A line that is lost


@pytest.mark.spec("002/FR-371")
@pytest.mark.parametrize("command", ["list", "add milk", "done 1", "undo"])
def test_a_line_that_was_cut_while_it_waited_is_not_used(
    site: Site, proxy: TurnProxy, plain_url: str, command: str
) -> None:
    site.fill("first")
    todo = site.todo(plain_url)
    assert todo("update", "1", "-p", "high").status == 0
    ready = dialled(wanted_after(todo))
    site.fetch(TERMINATE)
    site.rest()
    turn_of(ready)
    proxy.reset()

    assert_cold(todo(*command.split(), ready=ready), proxy)


TERMINATE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
STATEMENT = 2
"""The request of a statement, after the log-in and what is described ahead."""
CUTS = [
    pytest.param(Fault("before", STATEMENT, "end"), id="before"),
    pytest.param(Fault("before", STATEMENT, "reset"), id="before by reset"),
    pytest.param(Fault("during", STATEMENT, "reset"), id="during"),
    pytest.param(Fault("after", STATEMENT, "end"), id="after"),
    pytest.param(Fault("after", STATEMENT, "reset"), id="after by reset"),
]
DONE = "SELECT is_done FROM todo.task WHERE number = 1"
NOTED = "SELECT command FROM todo.operation ORDER BY number"


@pytest.mark.spec("002/FR-371")
@pytest.mark.parametrize("fault", CUTS)
@pytest.mark.parametrize("command", ["list", "add milk", "done 1", "undo"])
def test_a_line_that_dies_at_the_statement_is_a_lost_one(
    site: Site, proxy: TurnProxy, plain_url: str, command: str, fault: Fault
) -> None:
    """Reads come again, and so does `add`, which has an id; nothing is done twice."""
    site.fill("first")
    todo = site.todo(plain_url)
    assert todo("update", "1", "-p", "high").status == 0
    ready = dialled(wanted_after(todo))
    proxy.faults.append(replace(fault, connection=proxy.connections))
    proxy.connections = 0

    ran = todo(*command.split(), "--json", ready=ready)

    site.rest()
    word = command.split()[0]
    noted = [name for (name,) in site.fetch(NOTED)]
    assert proxy.connections == 1
    is_done = word in noted
    assert noted == ["update", word][: 1 + is_done]
    assert site.titles() == ["first", "milk"][: 1 + (word == "add")]
    if word in ("list", "add"):
        assert ran.status == 0, ran
    elif ran.status == 0:
        assert is_done
    else:
        assert not is_done or fault.when == "during"
        assert_document(ran, code="OUTCOME_UNKNOWN")


@pytest.mark.spec("002/FR-371")
def test_a_line_without_an_answer_is_given_up_soon(
    site: Site, proxy: TurnProxy, plain_url: str
) -> None:
    """By the kernel, if the other one does not confirm; probes go before that."""
    ready = dialled(wanted_after(site.todo(plain_url)))
    connection = ready._connection
    assert connection is not None
    line = module._socket(connection)
    assert line is not None
    assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    wanted = ready._wanted
    assert wanted is not None

    assert ready.take(wanted.target, wanted.timeout_s) is connection

    if hasattr(socket, "TCP_USER_TIMEOUT"):
        limit = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        assert limit == 10_000
    connection.terminate()
    ready.close()
    site.rest()


# While it waits


class Channel:
    """What a worker watches, and the other end of it."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.number = self.ours.fileno()

    def ask(self) -> None:
        """Say something to the worker."""
        self.theirs.send(b"x")

    def close(self) -> None:
        """Close both ends."""
        self.ours.close()
        self.theirs.close()


@pytest.fixture
def channel() -> Iterator[Channel]:
    """A channel."""
    with closing(Channel()) as channel:
        yield channel


@pytest.mark.spec("002/FR-370")
def test_waits_until_it_is_asked(
    site: Site, proxy: TurnProxy, plain_url: str, channel: Channel
) -> None:
    todo = site.todo(plain_url)
    wanted = wanted_after(todo)
    ready = new()
    ready.wait(channel.number)  # there is nothing to keep

    ready.connect(wanted, channel.number)
    assert ready.place == wanted.target.place
    # Again, as after somebody has only asked how it is.
    for _ in range(2):
        ready.loop.call_later(0.01, channel.ask)
        ready.wait(channel.number)
        assert channel.ours.recv(1) == b"x"

    proxy.reset()
    assert todo("list", ready=ready).status == 0
    assert proxy.turns == 1
    assert ready.place == ""


@pytest.mark.spec("002/FR-370")
def test_is_closed_after_its_time_and_not_made_again(
    site: Site, proxy: TurnProxy, plain_url: str, channel: Channel
) -> None:
    wanted = wanted_after(site.todo(plain_url))
    ready = new()
    proxy.reset()
    ready.connect(wanted, channel.number)

    ready.wait(channel.number, kept_s=0.05)

    assert ready.place == ""
    assert proxy.connections == 1
    site.rest()


@pytest.mark.spec("002/FR-370", "002/FR-371")
def test_is_given_up_when_the_server_ends_it(
    site: Site, proxy: TurnProxy, plain_url: str, channel: Channel
) -> None:
    todo = site.todo(plain_url)
    for moment in ("waiting", "asked"):
        ready = dialled(wanted_after(todo))
        site.fetch(TERMINATE)
        if moment == "asked":
            turn_of(ready)

        ready.wait(channel.number)

        assert ready.place == ""
    proxy.reset()
    assert_cold(todo("list", ready=ready), proxy)


@pytest.mark.spec("002/FR-370")
def test_gives_up_dialling_when_it_is_asked(
    site: Site, proxy: TurnProxy, plain_url: str, channel: Channel
) -> None:
    todo = site.todo(plain_url)
    wanted = wanted_after(todo)
    ready = new()
    proxy.is_silent = True
    channel.ask()

    ready.connect(wanted, channel.number)

    assert ready.place == ""
    proxy.is_silent = False
    assert todo("list", ready=ready).status == 0


@pytest.mark.spec("002/FR-370")
def test_a_server_that_is_away_is_for_the_next_command_to_find(
    site: Site, front: NeonFront, neon_url: str, channel: Channel
) -> None:
    todo = site.todo(neon_url)
    wanted = wanted_after(todo)
    front.refuse("endpoint is disabled")
    ready = new()

    ready.connect(wanted, channel.number)

    assert ready.place == ""
    assert todo("list", "--json", ready=ready).status != 0
    assert ready.next is None


@pytest.mark.spec("002/FR-370")
@pytest.mark.parametrize("moment", ["log-in", "describing"])
def test_a_line_that_is_cut_while_it_is_made_is_no_fault(
    site: Site,
    proxy: TurnProxy,
    plain_url: str,
    moment: str,
) -> None:
    wanted = wanted_after(site.todo(plain_url))
    proxy.reset()
    number = 0 if moment == "log-in" else 1
    proxy.faults.append(Fault("before", number, connection=None))
    ready = new()
    wanted = Wanted(wanted.target, 0.3, wanted.variables)

    ready.loop.run_until_complete(ready.dial(wanted))

    assert not is_connected(ready)


def test_a_server_that_sends_nonsense_is_left(site: Site) -> None:
    """Where the answers to what is described are expected."""

    class Line:
        is_cut = False

        def abort(self) -> None:
            self.is_cut = True

    line = Line()
    answers = ahead._Answers(line, asyncio.Protocol())

    answers.data_received(b"1\0\0\0\4t\0")
    assert not line.is_cut
    answers.data_received(b"\0\0\0")

    assert line.is_cut


def test_what_decides_is_compared_whole() -> None:
    target = PostgresTarget((("db.example", 5432),), password="a")
    other = PostgresTarget((("db.example", 5432),), password="b")

    assert Wanted(target, 15.0, ()) == Wanted(target, 15.0, (), ("SELECT 1",))
    assert Wanted(target, 15.0, ()) != Wanted(other, 15.0, ())
    assert Wanted(target, 15.0, ()) != Wanted(target, 14.0, ())
    assert Wanted(target, 15.0, (("SSL_CERT_FILE", "a"),)) != Wanted(
        target, 15.0, ()
    )
    assert "'a'" not in repr(Wanted(target, 15.0, ()))


def test_what_is_not_there_decides_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = PostgresTarget((("localhost", 5432),))

    assert len(Wanted(target, 15.0, ()).files()) == 3
    assert len(module._clocks()) == 2 + hasattr(time, "CLOCK_BOOTTIME")
    monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)
    assert len(module._clocks()) == 2
