"""Several addresses, several hosts, and servers that are not what they seem."""

import asyncio
import errno
import logging
import socket
import struct
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import Authority
from tests.support.impostor import (
    authentication,
    impostor,
    message,
    welcome,
)
from tests.support.neon import NeonFront
from tests.support.postgres import PostgresCluster
from tests.support.program import LIMIT_S
from tests.support.servers import free_port
from tests.support.stores import Clock
from todo_cli.database import addresses, connection, failures, startup
from todo_cli.database.addresses import connect_first, resolve
from todo_cli.database.connection import Connection, connect
from todo_cli.database.engine import open_database
from todo_cli.database.url import PostgresTarget, parse_url
from todo_cli.errors import (
    AuthFailed,
    Code,
    ConfigInvalid,
    DatabaseUnavailable,
    Internal,
    OutcomeUnknown,
    TimedOut,
    TlsFailed,
    TodoError,
)
from todo_cli.service import TaskService
from todo_cli.task import NewTask

SECRET = "CANARY"
GOOD = welcome()


def read(url: str) -> PostgresTarget:
    """A target by its URL."""
    target = parse_url(url, cwd=Path("/"))
    assert isinstance(target, PostgresTarget)
    return target


def at(
    *ports: int, query: str = "", host: str = "127.0.0.1"
) -> PostgresTarget:
    """A target with a host for each port."""
    hosts = ",".join(f"{host}:{port}" for port in ports)
    return read(f"postgresql://ada:{SECRET}@{hosts}/shop?{query}")


def real(
    server: PostgresCluster, *ports: int, query: str = ""
) -> PostgresTarget:
    """The administrator's target with a host for each port."""
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    login = f"todo_admin:{server.password}"
    return read(f"postgresql://{login}@{hosts}/postgres?{query}")


async def reach(target: PostgresTarget, *, timeout_s: float = 15.0) -> Any:
    """Connect; return what the server said of itself, and leave."""
    session = await connect(target, timeout_s=timeout_s)
    said = session.get_settings()
    await leave(session)
    return said


async def leave(session: Connection) -> None:
    """Cut a connection; its socket is closed in the next turn of the loop."""
    session.terminate()
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def fault(
    target: PostgresTarget, *, timeout_s: float = 15.0
) -> TodoError:
    """The error that answers an attempt to connect; seen to hold no secret."""
    with pytest.raises(TodoError) as caught:
        await connect(target, timeout_s=timeout_s)
    await asyncio.sleep(0)
    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in f"{shown} {caught.value.hint} {caught.value!r}"
    return caught.value


# Several addresses of one name


@pytest.fixture
def deaf() -> Iterator[int]:
    """A port of 127.0.0.2 that drops whoever knocks: its queue is full."""
    with (
        socket.socket() as listener,
        socket.socket() as first,
        socket.socket() as second,
    ):
        listener.bind(("127.0.0.2", 0))
        listener.listen(0)
        address = listener.getsockname()
        for client in (first, second):
            client.setblocking(False)
            client.connect_ex(address)
        yield address[1]


def name_addresses(monkeypatch: pytest.MonkeyPatch, *named: str) -> None:
    """Give these addresses to `two.example`."""
    system = socket.getaddrinfo

    def found(host: Any, *arguments: Any, **more: Any) -> Any:
        hosts = named if host == "two.example" else (host,)
        return [
            address
            for each in hosts
            for address in system(each, *arguments, **more)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", found)


@pytest.mark.spec("002/FR-180")
async def test_a_deaf_address_does_not_keep_us_from_the_next(
    own_postgres: PostgresCluster, deaf: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """See PostHog/posthog#77483: `::1` was dead, 127.0.0.1 worked, and every
    attempt timed out.
    """

    async def relay(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        asked.append(await reader.read(65_536))
        writer.write(GOOD)
        await reader.read()
        writer.close()

    asked: list[bytes] = []
    name_addresses(monkeypatch, "127.0.0.2", "127.0.0.1")
    listening = await asyncio.start_server(relay, "127.0.0.1", deaf)
    async with listening:
        url = f"postgresql://ada@two.example:{deaf}/shop?sslmode=disable"
        said = await reach(read(url), timeout_s=5)
        await asyncio.sleep(0.01)

    assert said.server_version == "16.1"
    assert len(asked) == 1


@pytest.mark.spec("002/FR-180")
@pytest.mark.parametrize(
    ("query", "answers"),
    [
        ("sslmode=disable", []),
        ("sslmode=verify-full", []),
        ("sslmode=verify-full", [b"S"]),
        ("sslnegotiation=direct", []),
    ],
)
async def test_an_address_that_accepts_and_is_silent_is_passed_over(
    own_postgres: PostgresCluster,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    query: str,
    answers: list[bytes],
) -> None:
    """The kernel of a machine that hangs still accepts connections."""
    authority = Authority(tmp_path)
    certificate = authority.issue("two.example")
    name_addresses(monkeypatch, "127.0.0.2", "127.0.0.3", "127.0.0.1")
    with NeonFront(own_postgres.host, own_postgres.port, certificate) as front:
        port = own_postgres.port if "disable" in query else front.port
        async with (
            impostor(*answers, host="127.0.0.2", port=port) as (_, first),
            impostor(*answers, host="127.0.0.3", port=port) as (_, second),
        ):
            login = f"todo_admin:{own_postgres.password}@two.example:{port}"
            query += f"&sslrootcert={authority.file}"
            url = f"postgresql://{login}/postgres?{query}"
            said = await reach(read(url), timeout_s=2)

    assert said.server_version != "16.1"
    messages = 1 + len(answers)
    assert (len(first), len(second)) == (messages, messages)


@pytest.mark.spec("002/FR-180")
async def test_addresses_that_are_all_silent_are_given_up_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = asyncio.get_running_loop()
    name_addresses(monkeypatch, "127.0.0.2", "127.0.0.1")
    port = free_port()
    async with (
        impostor(port=port) as (_, first),
        impostor(host="127.0.0.2", port=port) as (_, second),
    ):
        url = f"postgresql://ada@two.example:{port}/shop?sslmode=disable"
        began = loop.time()
        error = await fault(read(url), timeout_s=0.4)
        waited_s = loop.time() - began

    assert type(error) is TimedOut
    assert waited_s >= 0.39
    assert (len(first), len(second)) == (1, 1)


@pytest.mark.spec("002/FR-180")
async def test_an_address_that_has_answered_may_take_all_of_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A database that wakes up says little, and lets nobody in for seconds."""
    name_addresses(monkeypatch, "127.0.0.2", "127.0.0.1")
    asks = authentication(3)
    port = free_port()
    async with (
        impostor(port=port) as (_, other),
        impostor(asks, host="127.0.0.2", port=port) as (_, slow),
    ):
        login = f"ada:{SECRET}@two.example:{port}"
        url = f"postgresql://{login}/shop?sslmode=disable"
        assert type(await fault(read(url), timeout_s=0.6)) is TimedOut

    assert (len(slow), len(other)) == (2, 0)


async def test_an_attempt_that_is_cancelled_leaves_no_socket_open(
    own_postgres: PostgresCluster, deaf: int
) -> None:
    ports = (deaf, own_postgres.port)
    for host, port in zip(("127.0.0.2", "127.0.0.1"), ports, strict=True):
        for turns in range(12):
            found = await resolve(host, port)
            task = asyncio.create_task(connect_first(found))
            for _ in range(turns):
                await asyncio.sleep(0.0005)
            task.cancel()
            [ended] = await asyncio.gather(task, return_exceptions=True)
            if isinstance(ended, socket.socket):
                ended.close()


async def test_attempts_that_end_together_leave_one_socket_open(
    own_postgres: PostgresCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(_: Any) -> socket.socket:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        return socket.socket()

    monkeypatch.setattr(addresses, "_knock", slow)
    found = await resolve("127.0.0.1", own_postgres.port)
    begun = asyncio.create_task(connect_first(found))
    await asyncio.sleep(0.05)
    begun.cancel()
    with pytest.raises(asyncio.CancelledError):
        await begun


async def test_the_winner_waits_for_no_other_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("h", 1))] * 2
    answers = [socket.socket()]
    waits = asyncio.Event()

    async def slow_to_end(_: Any) -> socket.socket:
        if not waits.is_set():
            waits.set()
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
            await asyncio.sleep(60)
        return answers[0]

    monkeypatch.setattr(addresses, "_knock", slow_to_end)
    monkeypatch.setattr(addresses, "_NEXT_ADDRESS_S", 0.01)
    async with asyncio.timeout(LIMIT_S):
        with await connect_first(found) as won:
            assert won is answers[0]


async def test_of_two_that_connect_at_once_one_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("h", 1))] * 2
    made: list[socket.socket] = []
    both = asyncio.Event()

    async def at_once(_: Any) -> socket.socket:
        made.append(own := socket.socket())
        if len(made) == len(found):
            both.set()
        await both.wait()
        return own

    monkeypatch.setattr(addresses, "_knock", at_once)
    monkeypatch.setattr(addresses, "_NEXT_ADDRESS_S", 0.01)
    with await connect_first(found) as won:
        await asyncio.sleep(0)
        assert [one for one in made if one.fileno() >= 0] == [won]


async def test_what_is_no_fault_of_an_address_is_raised(
    own_postgres: PostgresCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(found: Any) -> socket.socket:
        raise KeyError(found)

    monkeypatch.setattr(addresses, "_knock", broken)
    with pytest.raises(KeyError):
        await connect_first(await resolve("127.0.0.1", own_postgres.port))


async def test_a_slow_address_is_waited_for_if_the_next_refuses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("h", 1))] * 2
    ours = [socket.socket()]

    async def slow_then_refused(_: Any) -> socket.socket:
        if not ours:
            raise ConnectionRefusedError
        [answer] = ours
        ours.clear()
        await asyncio.sleep(0.4)
        return answer

    monkeypatch.setattr(addresses, "_knock", slow_then_refused)
    with await connect_first(found) as connected:
        assert connected.fileno() > 0


async def test_every_address_says_why_it_cannot_be_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    numbers = [errno.ECONNREFUSED, errno.ENETUNREACH]
    found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("h", 1))] * 2

    async def refused(_: Any) -> socket.socket:
        raise OSError(numbers.pop(0), "no")

    monkeypatch.setattr(addresses, "_knock", refused)
    with pytest.raises(OSError, match="Multiple") as caught:
        await connect_first(found)

    assert failures.is_refused(caught.value)


async def test_a_name_that_no_name_server_can_be_asked_for_is_unknown() -> (
    None
):
    found = await fault(read(f"postgresql://ada@{'a' * 64}.example/shop"))

    assert type(found) is DatabaseUnavailable
    assert "is not known" in found.message


# Several hosts


@pytest.mark.spec("002/FR-180")
async def test_a_silent_host_leaves_time_for_the_next(
    own_postgres: PostgresCluster,
) -> None:
    """See psycopg/psycopg#699."""
    async with impostor() as (silent, _):
        for hosts in (
            (silent, own_postgres.port),
            (silent, free_port(), own_postgres.port),
            (free_port(), silent, own_postgres.port),
        ):
            target = real(own_postgres, *hosts)
            said = await reach(target, timeout_s=3)
            assert said.server_version != "16.1"


@pytest.mark.spec("002/FR-180")
async def test_a_host_that_falls_silent_leaves_time_for_the_next(
    own_postgres: PostgresCluster, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    certificate = authority.issue("localhost")
    for question in (b"", b"S"):
        async with impostor(question) as (silent, _):
            with NeonFront(
                own_postgres.host, own_postgres.port, certificate
            ) as front:
                hosts = f"localhost:{silent},localhost:{front.port}"
                login = f"todo_admin:{own_postgres.password}"
                target = read(
                    f"postgresql://{login}@{hosts}/postgres"
                    f"?sslmode=require&sslrootcert={authority.file}"
                )
                await reach(target, timeout_s=3)
                assert front.server_names == ["localhost"]


@pytest.mark.spec("002/FR-180")
async def test_hosts_that_are_all_silent_are_given_up_in_time() -> None:
    loop = asyncio.get_running_loop()
    async with impostor() as (one, _), impostor() as (two, _):
        began = loop.time()
        error = await fault(at(one, two), timeout_s=0.4)
        waited_s = loop.time() - began

    assert type(error) is TimedOut
    place = f"127.0.0.1:{one},127.0.0.1:{two}/shop"
    assert error.message == f"No connection to {place} in time"
    assert waited_s >= 0.39


@pytest.mark.spec("002/FR-180")
async def test_another_fault_says_more_than_a_refusal() -> None:
    closed = free_port()
    async with impostor() as (silent, _):
        for hosts in ((silent, closed), (closed, silent)):
            assert type(await fault(at(*hosts), timeout_s=0.4)) is TimedOut
    refused = await fault(at(closed, closed), timeout_s=5)
    assert type(refused) is DatabaseUnavailable
    assert "refuses connections" in refused.message


@pytest.mark.spec("002/FR-180")
async def test_connect_timeout_is_the_time_of_each_host(
    own_postgres: PostgresCluster,
) -> None:
    async with impostor() as (silent, _):
        target = real(
            own_postgres, silent, own_postgres.port, query="connect_timeout=1"
        )
        await reach(target, timeout_s=3_600)


async def test_a_wrong_password_is_not_tried_at_the_next_host(
    own_postgres: PostgresCluster,
) -> None:
    async with impostor(GOOD) as (other, heard):
        target = at(own_postgres.port, other)
        assert type(await fault(target)) is AuthFailed
        assert heard == []


# A server that falls silent after the log-in


@pytest.mark.spec("002/FR-072")
@pytest.mark.parametrize(
    ("call", "error", "log_ins"),
    [
        (lambda tasks: tasks.list(), TimedOut, 1),
        (lambda tasks: tasks.find([1]), TimedOut, 1),
        (lambda tasks: tasks.add(NewTask("x")), OutcomeUnknown, 1),
        (lambda tasks: tasks.complete([1]), OutcomeUnknown, 2),
        (lambda tasks: tasks.delete([1]), OutcomeUnknown, 2),
    ],
    ids=["list", "find", "add", "complete", "delete"],
)
async def test_a_server_that_falls_silent_costs_two_statements_at_most(
    monkeypatch: pytest.MonkeyPatch,
    call: Callable[[TaskService], Awaitable[Any]],
    error: type[TodoError],
    log_ins: int,
) -> None:
    monkeypatch.setattr(connection, "STATEMENT_TIMEOUT_S", 0.2)
    async with impostor(GOOD) as (port, heard):
        target = at(port, query="sslmode=disable")
        async with open_database(target) as database:
            with pytest.raises(error):
                await call(TaskService(database, "ada", Clock()))

    assert sum(b"application_name" in each for each in heard) == log_ins


# Which server: target_session_attrs

STANDBY = welcome(in_hot_standby="on", default_transaction_read_only="off")
PRIMARY = welcome(in_hot_standby="off", default_transaction_read_only="off")
LOCKED = welcome(in_hot_standby="off", default_transaction_read_only="on")


@pytest.mark.spec("002/FR-181")
@pytest.mark.parametrize(
    ("wanted", "standby", "locked", "primary"),
    [
        ("any", True, True, True),
        ("read-write", False, False, True),
        ("read-only", True, True, False),
        ("primary", False, True, True),
        ("standby", True, False, False),
        ("prefer-standby", True, True, True),
    ],
)
async def test_a_server_is_taken_if_it_is_what_is_asked_for(
    wanted: str, standby: bool, locked: bool, primary: bool
) -> None:
    """See MagicStack/asyncpg#953 and libpq's manual."""
    query = f"target_session_attrs={wanted}"
    for answer, will_do in (
        (STANDBY, standby),
        (LOCKED, locked),
        (PRIMARY, primary),
    ):
        async with impostor(answer) as (port, _):
            if will_do:
                await reach(at(port, query=query))
                continue
            error = await fault(at(port, query=query))
            assert type(error) is DatabaseUnavailable
            assert f"`target_session_attrs={wanted}`" in error.message
            target = replace(
                at(port, query=query),
                variables={"target_session_attrs": "PGTARGETSESSIONATTRS"},
            )
            error = await fault(target)
            assert f"PGTARGETSESSIONATTRS={wanted}" in error.message


@pytest.mark.spec("002/FR-181")
@pytest.mark.parametrize(
    ("wanted", "standby"),
    [
        ("any", "on"),
        ("read-write", "off"),
        ("primary", "off"),
        ("standby", "on"),
        ("prefer-standby", "on"),
    ],
)
async def test_the_host_that_fits_is_found_in_a_list(
    wanted: str, standby: str
) -> None:
    query = f"target_session_attrs={wanted}"
    async with impostor(STANDBY) as (one, _), impostor(PRIMARY) as (two, _):
        for hosts in ((one, two), (two, one)):
            said = await reach(at(*hosts, query=query))
            if wanted != "any":
                assert said.in_hot_standby == standby


# Encodings


@pytest.mark.spec("002/FR-182")
@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1", "EUC_JP"])
async def test_a_database_that_is_not_utf_8_is_refused_with_what_makes_one(
    own_postgres: PostgresCluster, encoding: str
) -> None:
    """See brianc/node-postgres#2475 and pgadmin-org/pgadmin4#1794."""
    name = f"todo_{encoding.lower()}"
    own_postgres.run_sql(
        "postgres",
        f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' "
        "LC_COLLATE 'C' LC_CTYPE 'C'",
    )
    try:
        async with open_database(read(own_postgres.url(name))) as database:
            for call in (
                database.ping,
                database.upgrade,
                database.upgrade_script,
            ):
                with pytest.raises(ConfigInvalid) as caught:
                    await call()
        assert f"/{name} is in {encoding}," in caught.value.message
        assert caught.value.hint is not None
        _, _, sql = caught.value.hint.partition(": ")
        [[made]] = own_postgres.fetch(name, "SELECT to_regnamespace('todo')")
        assert made is None
        own_postgres.run_sql("postgres", sql)
        assert await reach(read(own_postgres.url("todo_utf8")))
    finally:
        own_postgres.run_sql("postgres", f"DROP DATABASE {name} (FORCE)")
        own_postgres.run_sql(
            "postgres", "DROP DATABASE IF EXISTS todo_utf8 (FORCE)"
        )


@pytest.mark.spec("002/FR-182")
@pytest.mark.parametrize("whose", ["ROLE odd_one", "DATABASE postgres"])
async def test_the_encoding_of_clients_is_always_ours(
    own_postgres: PostgresCluster, whose: str
) -> None:
    own_postgres.run_sql(
        "postgres", "CREATE ROLE odd_one LOGIN PASSWORD 'odd'"
    )
    own_postgres.run_sql(
        "postgres", f"ALTER {whose} SET client_encoding = 'LATIN1'"
    )
    try:
        url = own_postgres.url("postgres", user="odd_one", password="odd")
        target = read(f"{url}?options=-c%20client_encoding%3Dlatin1")
        session = await connect(target, timeout_s=15)
        assert await session.fetchval("SELECT $1::text", "\u4e70") == "\u4e70"
        await leave(session)
    finally:
        own_postgres.run_sql(
            "postgres", f"ALTER {whose} RESET client_encoding"
        )
        own_postgres.run_sql("postgres", "DROP ROLE odd_one")


async def test_the_encoding_is_the_one_that_was_said_at_the_log_in() -> None:
    for said in ("UTF8", "'utf-8'", "UNICODE", "utf8"):
        async with impostor(welcome(client_encoding=said)) as (port, _):
            await reach(at(port))
    for name in ("client_encoding", "server_encoding"):
        async with impostor(welcome(**{name: "LATIN1"})) as (port, heard):
            error = await fault(at(port))
            assert type(error) is ConfigInvalid
        # Nothing was asked; "X" says goodbye.
        assert [each[:1] for each in heard[1:]] in ([], [b"X"])


# Answers that no server gives


def error(*fields: bytes) -> bytes:
    """An error with these fields."""
    return message(b"E", b"".join(b"%s\0" % each for each in fields) + b"\0")


SCRAM = authentication(10, b"SCRAM-SHA-256\0\0")
UNAVAILABLE = {
    "another protocol": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "a banner": b"SSH-2.0-OpenSSH_9\r\n",
    "MySQL": b"J\0\0\0\n8.0.36\0abcdef",
    "zeros": b"\0" * 200,
    "ones": b"\xff" * 200,
    "no length": b"R\0\0\0\0abc",
    "a length of three": b"E\0\0\0\3",
    "a negative length": b"R\xff\xff\xff\xfbabc",
    "a huge length": b"R\x7f\xff\xff\xffabc",
    "a length just too large": b"R" + struct.pack("!I", 100_001),
    "an unexpected message": authentication(0) + message(b"D", b"\0\1"),
    "a request without its kind": message(b"R"),
    "a cut request": message(b"R", b"\0"),
    "a short salt": authentication(5, b"a"),
    "SCRAM from its middle": authentication(11, b"r=x"),
    "SCRAM from its end": authentication(12, b"v=x"),
    "SCRAM without its middle": SCRAM + authentication(12, b"v=xx"),
    "SCRAM with its end twice": SCRAM
    + authentication(12, b"v=xx")
    + authentication(12, b"v=xx"),
    "SCRAM of nonsense": SCRAM + authentication(11, b"\xff\xfe"),
    "SCRAM of another client": SCRAM + authentication(11, b"r=x,s=AA==,i=1"),
    "SCRAM after the log-in": SCRAM
    + authentication(0)
    + authentication(11, b"x"),
    "Kerberos from its middle": authentication(8, b"x"),
    "an error without fields": message(b"E", b"\0"),
    "an empty error": message(b"E"),
    "an error without a state": error(b"SFATAL", b"Mhello"),
    "an unknown client encoding": welcome(client_encoding="KLINGON"),
    "a version that is none": welcome(server_version="unknown"),
    "no version": authentication(0) + message(b"Z", b"I"),
    "ready at once": message(b"Z", b"I"),
    "a parameter without a value": authentication(0) + message(b"S", b"x\0"),
    "ready without a word": GOOD[:-6] + message(b"Z"),
}
REFUSED = {
    "Kerberos 5": authentication(2),
    "GSSAPI": authentication(7),
    "SSPI": authentication(9),
    "a kind of the future": authentication(99),
    "OAuth": authentication(10, b"OAUTHBEARER\0\0"),
    "an error in Latin-1": error(b"SFATAL", b"C28P01", b"MPa\xdfwort falsch"),
    "an error without its end": message(b"E", b"SFATAL\0C28P01"),
}


@pytest.mark.spec("002/FR-183")
@pytest.mark.parametrize("stays", [True, False], ids=["stays", "hangs up"])
@pytest.mark.parametrize("what", [*UNAVAILABLE, *REFUSED])
async def test_an_odd_answer_is_named_at_once(
    what: str, stays: bool, caplog: pytest.LogCaptureFixture
) -> None:
    answer = UNAVAILABLE.get(what) or REFUSED[what]
    with caplog.at_level(logging.WARNING):
        async with impostor(answer, stays=stays) as (port, _):
            found = await fault(at(port), timeout_s=3_600)

    assert caplog.messages == []
    if what in REFUSED:
        assert type(found) is AuthFailed
    else:
        assert type(found) is DatabaseUnavailable
        assert found.message == (
            f"127.0.0.1:{port}/shop does not answer as a PostgreSQL server "
            "that todo knows"
        )


@pytest.mark.spec("002/FR-155", "002/FR-183")
@pytest.mark.parametrize(
    "limit", [MemoryError(), RuntimeError("can't start new thread")]
)
def test_a_limit_of_this_machine_is_not_the_servers_fault(
    limit: Exception,
) -> None:
    """The program reports what the cause of such an error names."""
    found = failures.translated(limit, at(5432), connecting=True)

    assert type(found) is Internal


@pytest.mark.spec("002/FR-183")
@pytest.mark.parametrize("state", ["22023", "P0001", "XX999", "?????", "2"])
async def test_an_error_of_any_state_is_no_bug(state: str) -> None:
    answer = error(b"SFATAL", f"C{state}".encode(), b"Mboo")
    async with impostor(answer) as (port, _):
        found = await fault(at(port), timeout_s=1)

    assert found.code is not Code.INTERNAL


@pytest.mark.spec("002/FR-183")
@pytest.mark.parametrize(
    "answer",
    [
        GOOD.replace(message(b"Z", b"I"), message(b"A", b"x") + GOOD[-6:]),
        authentication(0) + message(b"K", b"1") + GOOD[-6:],
        SCRAM + SCRAM,
        authentication(5, b"abcd") * 2,
        message(b"v", struct.pack("!II", 196_608, 1) + b"x\0"),
    ],
    ids=["notice", "key", "SCRAM twice", "MD5 twice", "version"],
)
@pytest.mark.parametrize("stays", [True, False], ids=["stays", "hangs up"])
async def test_an_odd_answer_is_never_a_bug(
    answer: bytes, stays: bool
) -> None:
    async with impostor(answer, stays=stays) as (port, _):
        found = await fault(at(port), timeout_s=0.3)

    assert isinstance(found, TimedOut | DatabaseUnavailable)


@pytest.mark.spec("002/FR-183")
async def test_an_answer_that_ends_anywhere_is_never_a_bug() -> None:
    async def end_after(length: int) -> TodoError:
        async with impostor(GOOD[:length], stays=False) as (port, _):
            # Too short for a second attempt.
            return await fault(at(port), timeout_s=0.2)

    for found in await asyncio.gather(*map(end_after, range(len(GOOD)))):
        assert isinstance(found, TimedOut | DatabaseUnavailable)


async def test_an_answer_in_pieces_is_put_together() -> None:
    async def drip(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.read(65_536)
        for number in range(len(GOOD)):
            writer.write(GOOD[number : number + 1])
            await writer.drain()
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        assert (await reach(at(port))).server_version == "16.1"
        await asyncio.sleep(0.01)


async def test_text_that_is_not_utf_8_harms_no_log_in() -> None:
    """A server may not know our encoding yet: its messages are in its own."""
    notice = message(b"N", b"SHINWEIS\0C00000\0Mgr\xfc\xdfe\0\0")
    odd = message(b"S", b"application_name\0gr\xfc\xdfe\0")
    late = message(b"N", b"SHINWEIS\0C00000\0Mlater\0\0")
    async with impostor(notice + odd + GOOD + late) as (port, _):
        assert await reach(at(port))


async def test_a_unix_socket_is_watched_as_well(tmp_path: Path) -> None:
    async def serve(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.read(65_536)
        writer.write(b"\0" * 10)
        await reader.read()
        writer.close()

    path = tmp_path / ".s.PGSQL.5432"
    listening = await asyncio.start_unix_server(serve, path)
    async with listening:
        found = await fault(read(f"postgresql://ada@/shop?host={tmp_path}"))
        await asyncio.sleep(0.01)

    assert "does not answer as a PostgreSQL server" in found.message


def test_a_log_in_byte_by_byte_is_the_same() -> None:
    passed_on: list[bytes] = []

    class Inner:
        def data_received(self, data: bytes) -> None:
            passed_on.append(data)

    class Transport:
        protocol: Any = None

        def set_protocol(self, protocol: Any) -> None:
            self.protocol = protocol

    transport, inner = Transport(), Inner()
    watched = startup.Startup(transport, inner, lambda: None, lambda: None)
    for number in range(len(GOOD)):
        watched.data_received(GOOD[number : number + 1])

    assert b"".join(passed_on) == GOOD
    assert transport.protocol is inner


def test_what_happens_to_the_line_is_passed_on() -> None:
    told: list[str] = []

    class Inner:
        def __getattr__(self, name: str) -> Any:
            return lambda *_: told.append(name)

    watched = startup.Startup(None, Inner(), lambda: None, lambda: None)
    watched.pause_writing()
    watched.resume_writing()
    watched.eof_received()
    watched.connection_lost(None)

    assert told == [
        "pause_writing",
        "resume_writing",
        "eof_received",
        "connection_lost",
    ]


# Files that TLS needs


@pytest.mark.spec("002/FR-184")
async def test_a_log_of_keys_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """See python/cpython#90480."""
    authority = Authority(tmp_path)
    closed = tmp_path / "closed"
    closed.write_text("")
    places = ("/nonexistent/k", str(tmp_path), str(closed / "k"), "/proc/k")
    for place in places:
        monkeypatch.setenv("SSLKEYLOGFILE", place)
        for query in ("", f"&sslrootcert={authority.file}"):
            target = read(
                f"postgresql://ada@db.example/x?connect_timeout=1{query}"
            )
            found = await fault(target)
            assert type(found) is ConfigInvalid
            assert found.message == f"SSLKEYLOGFILE: cannot write `{place}`"


@pytest.mark.spec("002/FR-184")
async def test_a_failure_of_tls_names_where_the_cas_were_looked_for(
    own_postgres: PostgresCluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """See ContinuumIO/anaconda-issues#707."""
    authority, other = Authority(tmp_path), tmp_path / "other"
    other.mkdir()
    certificate = authority.issue("localhost")
    private = Authority(other).file
    wanted = {
        ("/nowhere.pem", str(tmp_path), ""): (
            f"`/nowhere.pem` (missing), `{tmp_path}`"
        ),
        (str(private), "/nowhere", ""): f"`{private}`, `/nowhere` (missing)",
        ("/nowhere.pem", "", f"&sslrootcert={private}"): f"`{private}`",
    }
    with NeonFront(own_postgres.host, own_postgres.port, certificate) as front:
        for (file, folder, query), words in wanted.items():
            monkeypatch.setenv("SSL_CERT_FILE", file)
            monkeypatch.setenv("SSL_CERT_DIR", folder)
            found = await fault(
                at(
                    front.port,
                    query=f"sslmode=require{query}",
                    host="localhost",
                )
            )
            assert type(found) is TlsFailed
            assert found.hint is not None
            assert f"todo trusts the CAs in {words}; " in found.hint
