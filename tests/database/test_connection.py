"""Connecting to PostgreSQL: patient with what passes, at once with what does not, and
never to an impostor.
"""

import asyncio
import ssl
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Seal
from tests.support.certificates import Authority
from tests.support.forked import ForkServer
from tests.support.neon import NeonFront
from tests.support.postgres import PostgresCluster
from tests.support.program import Process, Surroundings
from tests.support.servers import free_port
from tests.support.turns import Fault, TurnProxy
from todo_cli import config
from todo_cli.database import connection
from todo_cli.database.connection import Dialer, connect
from todo_cli.database.engine import open_database
from todo_cli.database.postgresql import Server
from todo_cli.database.startup import Line
from todo_cli.database.url import PostgresTarget, parse_url
from todo_cli.errors import (
    AuthFailed,
    ConfigInvalid,
    DatabaseUnavailable,
    TimedOut,
    TlsFailed,
    TodoError,
)

SECRET = "CANARY"
SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


def read(url: str) -> PostgresTarget:
    """A target by its URL."""
    target = parse_url(url, cwd=Path("/"))
    assert isinstance(target, PostgresTarget)
    return target


async def ask(
    target: PostgresTarget,
    question: str = "SELECT 1",
    *,
    timeout_s: float = 15.0,
) -> Any:
    """Connect, ask one thing, and leave."""
    session = await connect(target, timeout_s=timeout_s)
    try:
        return await session.fetchval(question)
    finally:
        session.terminate()
        await asyncio.sleep(
            0
        )  # its socket is closed in the next turn of the loop


async def fault(
    target: PostgresTarget, *, timeout_s: float = 15.0
) -> TodoError:
    """The error that answers an attempt to connect; seen to hold no secret, traceback included."""
    with pytest.raises(TodoError) as caught:
        await connect(target, timeout_s=timeout_s)
    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in f"{shown} {caught.value.hint} {caught.value!r}"
    return caught.value


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[PostgresTarget]:
    """Every attempt to connect, as it is made."""
    attempts: list[PostgresTarget] = []
    dial = connection._dial

    async def noted(
        target: PostgresTarget, context: ssl.SSLContext | None, line: Line
    ) -> Any:
        attempts.append(target)
        return await dial(target, context, line)

    monkeypatch.setattr(connection, "_dial", noted)
    return attempts


@pytest.fixture
def lined(own_postgres: PostgresCluster, line: TurnProxy) -> PostgresTarget:
    """The server at the other end of the line."""
    return read(
        own_postgres.url("postgres").replace(
            f":{own_postgres.port}/", f":{line.port}/"
        )
    )


@asynccontextmanager
async def server(
    answer: bytes | None,
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Something that is no PostgreSQL: its port, and what it has heard; None never
    answers, b"" hangs up.
    """
    heard: list[bytes] = []
    serving: set[asyncio.Task[None] | None] = set()

    async def serve(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        serving.add(asyncio.current_task())
        heard.append(await reader.read(65_536))
        if answer is None:
            await reader.read()
        else:
            writer.write(answer)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1], heard
        await asyncio.gather(*filter(None, serving))


# Patience


@pytest.mark.spec("002/FR-072")
async def test_a_refused_port_is_tried_a_few_times_whatever_the_timeout(
    dialled: list[PostgresTarget],
) -> None:
    port = free_port()

    error = await fault(
        read(f"postgresql://ada:{SECRET}@127.0.0.1:{port}/shop"),
        timeout_s=3_600,
    )

    assert type(error) is DatabaseUnavailable
    assert 2 <= len(dialled) <= 4


async def test_a_port_that_opens_soon_is_reached(
    own_postgres: PostgresCluster,
) -> None:
    port = free_port()
    relayed = asyncio.Event()

    async def pump(
        source: asyncio.StreamReader, sink: asyncio.StreamWriter
    ) -> None:
        while data := await source.read(65_536):
            sink.write(data)
        sink.close()
        await sink.wait_closed()

    async def relay(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        up_reader, up_writer = await asyncio.open_connection(
            own_postgres.host, own_postgres.port
        )
        await asyncio.gather(pump(reader, up_writer), pump(up_reader, writer))
        relayed.set()

    async def open_late() -> asyncio.Server:
        await asyncio.sleep(0.15)
        return await asyncio.start_server(relay, "127.0.0.1", port)

    opening = asyncio.create_task(open_late())
    url = own_postgres.url("postgres").replace(
        f":{own_postgres.port}/", f":{port}/"
    )

    assert await ask(read(url)) == 1

    (await opening).close()
    await relayed.wait()


@pytest.mark.spec("002/FR-072")
async def test_a_silent_host_is_given_up_after_the_timeout(
    line: TurnProxy, lined: PostgresTarget, dialled: list[PostgresTarget]
) -> None:
    line.is_silent = True

    error = await fault(lined, timeout_s=0.3)

    assert type(error) is TimedOut
    assert (
        error.message
        == f"No connection to 127.0.0.1:{line.port}/postgres in time"
    )
    assert error.hint == "try again, or set TODO_TIMEOUT to more seconds"
    assert len(dialled) == 1


async def test_the_shorter_of_both_timeouts_counts() -> None:
    async with server(None) as (port, _):
        url = f"postgresql://ada:{SECRET}@127.0.0.1:{port}/shop?connect_timeout=1"
        assert type(await fault(read(url), timeout_s=3_600)) is TimedOut
        assert (
            type(await fault(read(url.replace("=1", "=3600")), timeout_s=0.2))
            is TimedOut
        )


@pytest.mark.parametrize("how", ["end", "reset"])
async def test_a_log_in_that_is_cut_is_begun_again(
    line: TurnProxy, lined: PostgresTarget, how: Any
) -> None:
    line.faults += [
        Fault("before", request=0, how=how, connection=number)
        for number in (1, 2)
    ]

    assert await ask(lined) == 1
    assert line.connections == 3


async def test_a_server_that_always_hangs_up_is_given_up_after_the_timeout(
    dialled: list[PostgresTarget],
) -> None:
    async with server(b"") as (port, heard):
        error = await fault(
            read(f"postgresql://ada:{SECRET}@127.0.0.1:{port}/shop"),
            timeout_s=1,
        )

    assert type(error) is DatabaseUnavailable
    assert error.message == f"127.0.0.1:{port}/shop is not available"
    assert len(heard) == len(dialled) > 1


@pytest.mark.spec("002/FR-072")
@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (("todo_admin:", "nobody_knows:"), AuthFailed),
        (("/postgres", "/no_such_database"), ConfigInvalid),
        (("@127.0.0.1:", "@nosuch.invalid:"), DatabaseUnavailable),
    ],
)
async def test_what_will_not_pass_is_said_at_once(
    own_postgres: PostgresCluster,
    dialled: list[PostgresTarget],
    change: tuple[str, str],
    kind: type[TodoError],
) -> None:
    url = change[1].join(own_postgres.url("postgres").rsplit(change[0], 1))

    assert type(await fault(read(url))) is kind
    assert len(dialled) == 1


# Dialer


async def test_dialer_hands_out_what_was_begun_and_then_new_ones(
    line: TurnProxy, lined: PostgresTarget
) -> None:
    dialer = Dialer(lined, timeout_s=15)
    await asyncio.wait([dialer.begin()])
    assert line.connections == 1

    first, second = await dialer(), await dialer()

    assert line.connections == 2
    assert (
        await first.fetchval("SELECT 1")
        == await second.fetchval("SELECT 1")
        == 1
    )
    for session in (first, second):
        session.terminate()
    await dialer.close()
    await asyncio.sleep(0)


async def test_dialer_of_who_tries_again_connects_once_but_for_the_first_time(
    line: TurnProxy, lined: PostgresTarget
) -> None:
    line.faults += [
        Fault("before", request=0, how="reset", connection=number)
        for number in (1, 3)
    ]
    dialer = Dialer(lined, timeout_s=15, is_patient_once=True)

    (await dialer()).terminate()
    assert line.connections == 2
    with pytest.raises(DatabaseUnavailable):
        await dialer()
    assert line.connections == 3
    await dialer.close()


async def test_dialer_tells_a_fault_to_who_asks(
    own_postgres: PostgresCluster,
) -> None:
    dialer = Dialer(read(own_postgres.url("no_such_database")), timeout_s=15)
    await asyncio.wait([dialer.begin()])

    with pytest.raises(ConfigInvalid):
        await dialer()

    await dialer.close()


@pytest.mark.parametrize("database", ["postgres", "no_such_database"])
@pytest.mark.parametrize("is_answered", [False, True])
async def test_dialer_gives_up_what_nobody_asked_for(
    own_postgres: PostgresCluster, database: str, is_answered: bool
) -> None:
    dialer = Dialer(read(own_postgres.url(database)), timeout_s=15)
    begun = dialer.begin()
    if is_answered:
        await asyncio.wait([begun])

    await dialer.close()


async def test_open_database_uses_the_connection_that_was_begun(
    line: TurnProxy, lined: PostgresTarget
) -> None:
    dialer = Dialer(lined, timeout_s=15)
    dialer.begin()
    async with (
        open_database(lined, dial=dialer) as database,
        database.connections.connection() as session,
    ):
        await session.fetch("ping")

    assert line.connections == 1
    await dialer.close()


async def test_a_statement_that_ran_before_takes_one_turn(
    line: TurnProxy, lined: PostgresTarget
) -> None:
    turns = []
    async with open_database(lined, pool_size=1) as database:
        for _ in range(3):
            before = line.turns
            await database.ping()
            turns.append(line.turns - before)

    assert turns[1:] == [1, 1]


async def test_a_statement_is_described_anew_when_a_type_has_changed(
    own_postgres: PostgresCluster,
) -> None:
    session = await connect(read(own_postgres.url("postgres")), timeout_s=15)
    await session.execute("CREATE TEMPORARY TABLE kept (it text)")
    await session.execute("INSERT INTO kept VALUES ('1')")
    assert await session.fetchval("SELECT it FROM kept") == "1"

    await session.execute(
        "ALTER TABLE kept ALTER it TYPE integer USING it::integer"
    )
    await session.reload_schema_state()

    assert await session.fetchval("SELECT it FROM kept") == 1
    await session.close()


async def test_a_connection_that_is_too_old_is_replaced(
    line: TurnProxy, lined: PostgresTarget
) -> None:
    dial = Dialer(lined, timeout_s=15)
    server = Server(lined, dial, size=1, busy_for_s=5, oldest_s=0.2)
    connections = []
    for pause_s in (0.0, 0.3):
        async with server.connection() as session:
            await session.fetch("ping")
        connections.append(line.connections)
        await asyncio.sleep(pause_s)
    async with server.connection() as session:
        await session.fetch("ping")
    await server.close()

    assert connections == [1, 1]
    assert line.connections == 2


# TLS


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An authority that the tests trust where they say so."""
    return Authority(tmp_path)


@pytest.fixture
def front(
    own_postgres: PostgresCluster, authority: Authority
) -> Iterator[NeonFront]:
    """The stand-in for Neon's proxy, with a certificate for localhost."""
    with NeonFront(
        own_postgres.host, own_postgres.port, authority.issue("localhost")
    ) as front:
        yield front


@pytest.fixture
def fronted(
    own_postgres: PostgresCluster, front: NeonFront
) -> Callable[[str], PostgresTarget]:
    """The server behind the front, as asked for: `fronted("sslmode=require")`."""

    def target(query: str) -> PostgresTarget:
        return read(
            f"postgresql://todo_admin:{own_postgres.password}@localhost:{front.port}/postgres?{query}"
        )

    return target


NEGOTIATIONS = ["sslnegotiation=postgres", "sslnegotiation=direct"]


@pytest.mark.parametrize("negotiation", NEGOTIATIONS)
@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_a_server_that_the_system_trusts_is_reached(
    front: NeonFront,
    fronted: Callable[[str], PostgresTarget],
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    negotiation: str,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))

    assert (
        await ask(
            fronted(f"sslmode={mode}&channel_binding=require&{negotiation}")
        )
        == 1
    )
    assert front.server_names == ["localhost"]
    assert front.startups[0]["application_name"] == "todo"


async def test_a_server_that_sslrootcert_vouches_for_is_reached(
    fronted: Callable[[str], PostgresTarget], authority: Authority
) -> None:
    assert (
        await ask(
            fronted(
                f"sslmode=require&sslrootcert={authority.file}&sslnegotiation=direct"
            )
        )
        == 1
    )
    for query in ("sslmode=require", "sslmode=require&sslrootcert=system"):
        assert type(await fault(fronted(query))) is TlsFailed


REASONS = {
    "expired": "certificate has expired",
    "not yet valid": "certificate is not yet valid",
    "wrong host": "Hostname mismatch, certificate is not valid for 'localhost'.",
    "self-signed": "self-signed certificate",
    "other authority": "unable to get local issuer certificate",
}


@pytest.mark.parametrize("negotiation", NEGOTIATIONS)
@pytest.mark.parametrize("impostor", REASONS)
async def test_an_impostor_hears_nothing_and_is_named_with_the_reason(
    front: NeonFront,
    fronted: Callable[[str], PostgresTarget],
    authority: Authority,
    dialled: list[PostgresTarget],
    impostor: str,
    negotiation: str,
) -> None:
    front.certificate = authority.impostors("localhost")[impostor]

    error = await fault(
        fronted(f"sslmode=require&sslrootcert={authority.file}&{negotiation}")
    )

    assert type(error) is TlsFailed
    assert (
        error.message
        == f"localhost:{front.port}/postgres could not prove who it is: {REASONS[impostor]}"
    )
    assert error.hint == (
        f"todo trusts the CAs in `{authority.file}`; name its CA with "
        "`sslrootcert=FILE`; `sslmode=disable` only on a network that you trust"
    )
    assert (front.startups, len(dialled)) == ([], 1)


@pytest.mark.spec("002/FR-184")
async def test_a_variable_that_asks_for_tls_is_named_with_a_wrong_certificate(
    front: NeonFront,
    fronted: Callable[[str], PostgresTarget],
    authority: Authority,
) -> None:
    front.certificate = authority.impostors("localhost")["self-signed"]
    target = fronted(f"sslmode=require&sslrootcert={authority.file}")

    error = await fault(replace(target, variables={"sslmode": "PGSSLMODE"}))

    assert type(error) is TlsFailed
    assert error.hint is not None
    assert error.hint.startswith("PGSSLMODE asks for TLS; todo trusts ")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"N", TlsFailed),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", TlsFailed),
        (b"E\0\0\0\x08Sx\0\0", DatabaseUnavailable),
        (b"", DatabaseUnavailable),
    ],
    ids=["no", "http", "error", "hangs up"],
)
async def test_a_server_that_offers_no_tls_hears_nothing_but_the_question(
    answer: bytes, kind: type[TodoError]
) -> None:
    async with server(answer) as (port, heard):
        target = read(
            f"postgresql://ada:{SECRET}@127.0.0.1:{port}/shop?sslmode=require"
        )
        error = await fault(target, timeout_s=2.0)

    assert type(error) is kind
    assert set(heard) == {SSL_REQUEST}


async def test_a_server_that_speaks_no_tls_hears_a_client_hello_and_no_more(
    own_postgres: PostgresCluster,
) -> None:
    async with server(b"E\0\0\0\x08Sx\0\0") as (port, heard):
        target = read(
            f"postgresql://ada:{SECRET}@127.0.0.1:{port}/shop?sslmode=require&sslnegotiation=direct"
        )
        error = await fault(target)

    assert type(error) is TlsFailed
    assert error.message.endswith(
        " could not prove who it is: wrong version number"
    )
    assert all(data.startswith(b"\x16\x03") for data in heard)
    assert not any(
        SECRET.encode() in data or b"user" in data for data in heard
    )


async def test_a_server_of_real_postgresql_without_tls_is_refused(
    own_postgres: PostgresCluster,
) -> None:
    error = await fault(
        read(f"{own_postgres.url('postgres')}?sslmode=require")
    )

    assert type(error) is TlsFailed
    assert error.message.endswith(
        " could not prove who it is: it does not offer TLS"
    )
    assert error.hint is not None
    assert error.hint.startswith(
        "`sslmode` in the database URL asks for TLS; todo trusts"
    )


@pytest.mark.spec("002/FR-184")
@pytest.mark.parametrize(
    ("query", "variables", "asking"),
    [
        ("", {"PGSSLMODE": "require"}, "PGSSLMODE"),
        ("", {"PGSSLMODE": "verify-full"}, "PGSSLMODE"),
        ("", {"PGCHANNELBINDING": "require"}, "PGCHANNELBINDING"),
        ("", {"PGREQUIRESSL": "1"}, "PGREQUIRESSL"),
        ("", {"PGSSLROOTCERT": "system"}, "PGSSLROOTCERT"),
        ("ssl=true", {}, "`ssl` in TODO_DATABASE_URL"),
        ("sslmode=require", {}, "`sslmode` in TODO_DATABASE_URL"),
        (
            "sslmode=require",
            {"PGSSLMODE": "verify-full"},
            "`sslmode` in TODO_DATABASE_URL",
        ),
    ],
)
async def test_tls_that_fails_names_the_setting_that_asks_for_it(
    own_postgres: PostgresCluster,
    query: str,
    variables: dict[str, str],
    asking: str,
) -> None:
    url = f"{own_postgres.url('postgres')}?{query}"
    settings = config.load(
        {"TODO_DATABASE_URL": url} | variables,
        config.Config(None),
        user="ada",
        login=None,
        cwd=None,
        home=None,
    )
    assert isinstance(settings.target, PostgresTarget)

    error = await fault(settings.target)

    assert type(error) is TlsFailed
    assert error.hint is not None
    assert error.hint.startswith(f"{asking} asks for TLS; ")


async def test_tls_that_nobody_asked_for_names_no_setting(
    own_postgres: PostgresCluster,
) -> None:
    target = read(f"{own_postgres.url('postgres')}?sslmode=require")

    # As on a network, where TLS needs no asking.
    error = await fault(replace(target, demands_tls=None))

    assert type(error) is TlsFailed
    assert error.hint is not None
    assert error.hint.startswith("todo trusts the CAs in ")


def read_with(url: str, **variables: str) -> PostgresTarget:
    """A target by its URL, with libpq's variables."""
    target = parse_url(url, cwd=Path("/"), variables=variables)
    assert isinstance(target, PostgresTarget)
    return target


async def test_asyncpg_reads_no_variable_by_itself(
    own_postgres: PostgresCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "PGSSLMODE": "disable",
        "PGSSLROOTCERT": "/nowhere",
        "PGHOST": "127.0.0.1",
        "PGPORT": "1",
        "PGUSER": "nobody",
        "PGDATABASE": "nowhere",
        "PGPASSWORD": "wrong",
        "PGPASSFILE": "/nowhere",
        "PGTARGETSESSIONATTRS": "standby",
        "PGSERVICE": "other",
        "PGGSSLIB": "no such library",
        "PGKRBSRVNAME": "other",
    }.items():
        monkeypatch.setenv(name, value)

    url = own_postgres.url("postgres")
    assert type(await fault(read(f"{url}?sslmode=require"))) is TlsFailed
    assert await ask(read(url)) == 1


async def test_variables_of_libpq_fill_what_the_url_leaves_out(
    own_postgres: PostgresCluster,
) -> None:
    variables = {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(own_postgres.port),
        "PGUSER": "todo_admin",
        "PGPASSWORD": own_postgres.password,
        "PGDATABASE": "template1",
    }

    for place, database in (("", "template1"), ("/postgres", "postgres")):
        target = read_with(f"postgresql://{place}", **variables)
        assert await ask(target, "SELECT current_database()") == database
    wrong = read_with("postgresql://:wrong@127.0.0.1", **variables)
    assert type(await fault(wrong)) is AuthFailed


async def test_without_any_role_the_setting_is_wrong() -> None:
    error = await fault(read("postgresql://127.0.0.1/shop"))

    assert type(error) is ConfigInvalid
    assert "no role to log in as" in error.message


def test_a_password_file_of_libpq_that_others_can_read_is_passed_over_in_silence(
    own_postgres: PostgresCluster, seal: Seal, fork_server: ForkServer
) -> None:
    file = seal.home / ".pgpass"
    file.write_text(f"*:*:*:*:{own_postgres.password}\n")
    url = f"postgresql://todo_admin@127.0.0.1:{own_postgres.port}/postgres"
    process = Process(
        Surroundings(seal.home, seal.cwd, url), fork_server.launch
    )

    ran = {}
    for mode in (0o644, 0o600):
        file.chmod(mode)
        ran[mode] = process("list", "--json")

    assert ran[0o644].error["code"] == "AUTH_FAILED"
    assert ran[0o600].data == []


@pytest.mark.parametrize("kind", ["missing", "no certificate", "folder"])
async def test_an_sslrootcert_that_cannot_be_read_is_a_wrong_setting(
    tmp_path: Path, dialled: list[PostgresTarget], kind: str
) -> None:
    file = tmp_path / "ca.pem"
    if kind == "no certificate":
        file.write_text("no certificate")
    elif kind == "folder":
        file.mkdir()

    error = await fault(
        read(f"postgresql://ada:{SECRET}@db.example/shop?sslrootcert={file}")
    )

    assert type(error) is ConfigInvalid
    assert error.message == f"sslrootcert: cannot read `{file}`"
    assert error.hint == "name a file of CA certificates in PEM form"
    assert dialled == []

    error = await fault(
        read_with("postgresql://db.example/shop", PGSSLROOTCERT=str(file))
    )
    assert error.message == f"PGSSLROOTCERT: cannot read `{file}`"


# Where to, and with what


async def test_a_unix_socket_is_reached_without_tls(
    own_postgres: PostgresCluster,
) -> None:
    for query in ("", "&sslmode=require"):
        url = f"postgresql://todo_admin:{own_postgres.password}@/postgres?host={own_postgres.folder}{query}"
        assert await ask(read(f"{url}&port={own_postgres.port}")) == 1


async def test_the_first_of_several_hosts_that_answers_is_taken(
    own_postgres: PostgresCluster,
) -> None:
    login = f"todo_admin:{own_postgres.password}"
    url = f"postgresql://{login}@127.0.0.1:{free_port()},127.0.0.1:{own_postgres.port}/postgres"

    assert await ask(read(url)) == 1


async def test_options_and_application_name_reach_the_server(
    own_postgres: PostgresCluster,
) -> None:
    url = own_postgres.url("postgres")

    assert await ask(read(url), "SHOW application_name") == "todo"
    assert (
        await ask(
            read(f"{url}?application_name=cron%20job"), "SHOW application_name"
        )
        == "cron job"
    )
    assert (
        await ask(read(f"{url}?options=-c%20geqo%3Doff"), "SHOW geqo") == "off"
    )
    assert (
        await ask(
            read(f"{url}?search_path=elsewhere&schema=x"), "SHOW search_path"
        )
        == '"$user", public'
    )


@pytest.mark.parametrize(
    "password",
    [
        "p@ss/w#rd?%:[]",
        " blank ",
        "\u00e4\u00df\u6f22\U0001f600",
        "'\"\\$",
        "a\u00adb\u2168",
        "x" * 900,
    ],
)
async def test_any_password_logs_in(
    own_postgres: PostgresCluster, password: str
) -> None:
    quoted = password.replace("'", "''")
    own_postgres.run_sql(
        "postgres", f"CREATE ROLE odd_one LOGIN PASSWORD '{quoted}'"
    )
    try:
        assert (
            await ask(
                read(
                    own_postgres.url(
                        "postgres", user="odd_one", password=password
                    )
                )
            )
            == 1
        )
    finally:
        own_postgres.run_sql("postgres", "DROP ROLE odd_one")
