"""`todo serve` as a process: what it binds, whom it answers, and how it ends."""

import asyncio
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests import docs
from tests.api.served import Served, serving
from tests.api.support import TASKS, data, error
from tests.conftest import Seal
from tests.service.backdoor import file_of
from tests.support.blocking import wait_for
from tests.support.forked import ForkServer
from tests.support.machine import needs
from tests.support.program import LIMIT_S, Process, Surroundings
from tests.support.stores import Store
from todo_cli.api.server import GRACE_S, MOST_CONNECTIONS, find_address, name_hosts
from todo_cli.errors import InvalidInput


@pytest.fixture
def served(process: Process) -> Iterator[Served]:
    """A server on the store."""
    with serving(process) as served:
        yield served


@pytest.fixture
def sqlite_process(sqlite_store: Store, seal: Seal, fork_server: ForkServer) -> Process:
    """The program on SQLite alone."""
    return Process(
        Surroundings(seal.home, seal.cwd, sqlite_store.url), fork_server.launch
    )


@pytest.fixture
def light(sqlite_process: Process) -> Iterator[Served]:
    """A server on SQLite alone, for what has nothing to do with the store."""
    with serving(sqlite_process) as served:
        yield served


@pytest.mark.spec("001/FR-110")
def test_serve_warns_and_says_where_it_is(served: Served) -> None:
    assert served.lines[:2] == [
        "warning: nobody has to prove who they are here: "
        "whoever reaches this port can read and change the tasks of every user",
        f"Listening on http://127.0.0.1:{served.port} (contract: /docs; Ctrl-C ends it)",
    ]


@pytest.mark.nothing_made
def test_serve_answers_what_the_command_line_stored(
    surroundings: Surroundings, process: Process
) -> None:
    with serving(Process(surroundings)) as served:  # started as a shell would
        stored = process("add", "Buy milk", "--json").data

        with served.client() as client:
            assert data(client.get(TASKS)) == [stored]
            second = data(client.post(TASKS, json={"title": "Second"}), 201)
        assert process("show", "2", "--json").data == second
        assert served.end() == -signal.SIGTERM


@pytest.mark.spec("001/FR-114")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_serve_ends_by_the_signal_that_ended_it(
    light: Served, number: signal.Signals
) -> None:
    with light.client() as client:
        assert client.get("/health").status_code == 200

    assert light.end(number) == -number
    assert [line for line in light.lines if "Traceback" in line or "rror" in line] == []
    assert light.process.stdout is not None
    assert light.process.stdout.read() == b""


@pytest.fixture
def slow_server(
    postgres_store: Store, seal: Seal, fork_server: ForkServer
) -> Iterator[Served]:
    """A server on PostgreSQL with a task `Slow` in a table that somebody else has locked."""
    process = Process(
        Surroundings(seal.home, seal.cwd, postgres_store.url), fork_server.launch
    )
    with serving(process) as served:
        yield served


class Lock:
    """Somebody else's lock on the table of tasks, from a thread of its own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._is_held, self._may_go = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._hold)

    def __enter__(self) -> "Lock":
        self._thread.start()
        assert self._is_held.wait(LIMIT_S)
        return self

    def release(self) -> None:
        """Let go."""
        self._may_go.set()
        self._thread.join(LIMIT_S)

    def __exit__(self, *_: object) -> None:
        self.release()

    def _hold(self) -> None:
        async def hold() -> None:
            connection = await asyncpg.connect(self._url)
            async with connection.transaction():
                await connection.execute("LOCK TABLE todo.task")
                self._is_held.set()
                while not self._may_go.is_set():
                    await asyncio.sleep(0.01)
            await connection.close()

        wait_for(hold())


@pytest.mark.spec("001/FR-114")
def test_sigterm_lets_requests_in_flight_end(
    slow_server: Served, postgres_store: Store
) -> None:
    with slow_server.client() as client:
        data(client.post(TASKS, json={"title": "First"}), 201)
    answers: list[httpx.Response] = []

    def ask() -> None:
        with slow_server.client() as client:
            answers.append(client.post(TASKS, json={"title": "In flight"}))

    with Lock(postgres_store.url) as lock:
        asking = threading.Thread(target=ask)
        asking.start()
        time.sleep(0.5)  # until it waits for the lock
        slow_server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert slow_server.process.poll() is None
        with pytest.raises(httpx.TransportError), slow_server.client() as client:
            client.get("/health")
        lock.release()
        asking.join(LIMIT_S)

    assert [data(answer, 201)["title"] for answer in answers] == ["In flight"]
    assert slow_server.process.wait(LIMIT_S) == -signal.SIGTERM


@pytest.mark.spec("001/FR-114")
def test_second_signal_ends_it_at_once(
    slow_server: Served, postgres_store: Store
) -> None:
    with slow_server.client() as client:
        data(client.post(TASKS, json={"title": "First"}), 201)
    answers: list[httpx.Response] = []

    def ask(method: str) -> None:
        with slow_server.client() as client:
            answers.append(client.request(method, TASKS, json={"title": "x"}))

    with Lock(postgres_store.url):
        asking = [
            threading.Thread(target=ask, args=(method,)) for method in ("GET", "POST")
        ]
        for thread in asking:
            thread.start()
        time.sleep(0.5)
        slow_server.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        began = time.monotonic()

        assert slow_server.end() == -signal.SIGTERM

        assert time.monotonic() - began < GRACE_S / 2
        for thread in asking:
            thread.join(LIMIT_S)
    assert sorted(
        (answer.status_code, answer.json()["error"]["code"]) for answer in answers
    ) == [
        (500, "OUTCOME_UNKNOWN"),
        (503, "DATABASE_UNAVAILABLE"),
    ]


@pytest.mark.spec("001/FR-110")
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.org"])
def test_serve_refuses_a_host_that_is_not_loopback(
    sqlite_process: Process, host: str
) -> None:
    ran = sqlite_process("serve", "--port", "0", "--host", host)

    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith(
        "error: host: must be a loopback address such as 127.0.0.1: nobody has to prove"
    )
    fault = sqlite_process("serve", f"--host={host}", "--json").error
    assert (fault["code"], fault["hint"]) == ("INVALID_INPUT", "leave --host out")


@pytest.mark.parametrize(
    ("host", "address"),
    [("localhost", "127.0.0.1"), ("127.0.0.2", "127.0.0.2"), ("::1", "::1")],
)
def test_find_address_takes_every_loopback(host: str, address: str) -> None:
    assert find_address(host) == ip_address(address)


def test_find_address_refuses_all_others() -> None:
    for host in (
        "8.8.8.8",
        "::ffff:8.8.8.8",
        "fe80::1",
        "127.0.0.1:8000",
        " 127.0.0.1",
        "",
        "127.1",
        "localhost.x",
        "LOCALHOST",
    ):
        with pytest.raises(InvalidInput):
            find_address(host)


def test_hosts_go_without_a_port_only_on_80() -> None:
    address = ip_address("127.0.0.2")

    assert name_hosts(address, 8000) == {
        "127.0.0.1:8000",
        "localhost:8000",
        "[::1]:8000",
        "127.0.0.2:8000",
    }
    assert name_hosts(address, 80) >= {
        "127.0.0.1",
        "localhost",
        "[::1]",
        "127.0.0.2",
        "localhost:80",
    }


@pytest.mark.spec("001/FR-110")
def test_serve_answers_under_its_own_names_alone(light: Served) -> None:
    with light.client() as client:
        statuses = {
            host: client.get(
                "/health", headers={"host": host.format(light.port)}
            ).status_code
            for host in (
                "127.0.0.1:{}",
                "localhost:{}",
                "LOCALHOST:{}",
                "[::1]:{}",
                "evil.example:{}",
                "127.0.0.1",
            )
        }

    assert list(statuses.values()) == [200, 200, 200, 200, 403, 403]


@needs("IPv6")
def test_serve_listens_on_ipv6_loopback(sqlite_process: Process) -> None:
    with serving(sqlite_process, "--host", "::1") as served, served.client() as client:
        assert served.host == "[::1]"
        assert client.get("/health").status_code == 200


def test_serve_says_that_a_port_is_taken(
    light: Served, sqlite_process: Process
) -> None:
    ran = sqlite_process("serve", "--port", str(light.port))

    assert (ran.status, ran.err) == (
        9,
        f"error: Cannot listen on port {light.port} of 127.0.0.1: address already in use\nhint: name another --port\n",
    )


@pytest.mark.parametrize(
    ("port", "code"), [("1_0", "USAGE"), ("65536", "INVALID_INPUT")]
)
def test_serve_refuses_what_is_no_port(
    sqlite_process: Process, port: str, code: str
) -> None:
    assert sqlite_process("serve", f"--port={port}", "--json").error["code"] == code


@pytest.mark.parametrize("size", ["0", "x", ""])
def test_serve_refuses_what_is_no_pool_size(sqlite_process: Process, size: str) -> None:
    ran = sqlite_process("serve", "--port=0", env={"TODO_POOL_SIZE": size})

    assert (ran.status, ran.err) == (
        8,
        "error: TODO_POOL_SIZE must be a number from 1 to 100\n",
    )


@pytest.mark.spec("001/FR-110")
def test_answers_name_no_server(light: Served) -> None:
    with light.client() as client:
        assert "server" not in client.get("/health").headers


@pytest.mark.spec("001/FR-101")
@pytest.mark.parametrize(
    "request_", [b"GARBAGE", b"GET / HTTP/1.1\r\nA\x00: b", b"\x16\x03\x01\x02"]
)
def test_what_is_not_http_gets_an_envelope(light: Served, request_: bytes) -> None:
    with light.connect() as connection:
        connection.sendall(request_ + b"\r\n\r\n")
        head, _, body = received(connection).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["error"] == {
        "code": "INVALID_INPUT",
        "message": "The request is not valid HTTP",
    }


@pytest.mark.spec("001/FR-109")
@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 20000000\r\n",
        b"Content-Length: 20000000\r\nExpect: 100-continue\r\n",
        b"Transfer-Encoding: chunked\r\n",
    ],
)
def test_body_that_is_too_large_is_not_waited_for(light: Served, head: bytes) -> None:
    start = f"POST {TASKS} HTTP/1.1\r\nHost: 127.0.0.1:{light.port}\r\nContent-Type: application/json\r\n".encode()
    with light.connect() as connection:
        connection.sendall(start + head + b"\r\n")
        if b"chunked" in head:
            connection.sendall((b"8000\r\n" + b" " * 0x8000 + b"\r\n") * 3)
        answer = received(connection)

    assert b"100 Continue" not in answer or b"chunked" in head
    assert b"HTTP/1.1 413 " in answer
    assert (
        json.loads(answer.rpartition(b"\r\n\r\n")[2])["error"]["code"]
        == "PAYLOAD_TOO_LARGE"
    )
    with light.client() as client:
        assert data(client.get(TASKS)) == []


def test_too_many_connections_are_turned_away(light: Served) -> None:
    idle = []
    try:
        for _ in range(MOST_CONNECTIONS):
            idle.append(light.connect())
        with light.connect() as one_more:
            answer = received(one_more)
    finally:
        for connection in idle:
            connection.close()

    assert b"HTTP/1.1 503 " in answer
    assert b"retry-after: 1" in answer.lower()
    assert (
        json.loads(answer.rpartition(b"\r\n\r\n")[2])["error"]["code"]
        == "DATABASE_BUSY"
    )


@pytest.mark.spec("001/FR-114")
def test_log_has_a_line_for_each_request_and_is_safe(light: Served) -> None:
    with light.connect() as connection:
        target = b"/api/%1b%5b31m%0aINFO:%20fake/tasks"
        connection.sendall(
            b"GET " + target + b" HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % light.port
        )
        connection.recv(65536)
    with light.client() as client:
        client.get("/last")
    light.wait_for("GET /last")

    assert [line.rsplit(" ", 2)[0] for line in light.lines[2:]] == [
        f"GET {target.decode()} 422",
        "GET /last 404",
    ]


def test_serve_goes_on_when_nobody_reads_its_log(sqlite_process: Process) -> None:
    with serving(sqlite_process) as served:
        assert served.process.stdout is not None
        with served.client() as client:
            for _ in range(100):
                assert client.get("/nowhere").status_code == 404
        assert served.end() == -signal.SIGTERM
        assert len(served.lines) == 102


@pytest.mark.parametrize(
    "command", [["add", "x"], ["serve", "--help"], ["serve", "--host", "8.8.8.8"]]
)
def test_command_line_loads_nothing_of_the_api(
    sqlite_process: Process, command: list[str]
) -> None:
    code = (
        "import sys, atexit, os\n"
        "from todo_cli.cli.env import Env\nfrom todo_cli.cli.main import main\n"
        f"main({command!r}, Env.of_process())\n"
        "print([name for name in ('fastapi', 'uvicorn', 'starlette') if name in sys.modules])"
    )
    environment = {
        **sqlite_process.surroundings.variables("ada", {}),
        "PATH": "/usr/bin:/bin",
    }

    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=docs.ROOT,
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )

    expected = "['fastapi', 'uvicorn', 'starlette']" if "8.8.8.8" in command else "[]"
    assert ran.stdout.splitlines()[-1] == expected


def test_serve_without_its_extra_says_what_to_install(
    sqlite_process: Process, tmp_path: Path
) -> None:
    blocked = tmp_path / "fastapi.py"
    blocked.write_text(
        "raise ModuleNotFoundError('No module named fastapi', name='fastapi')\n"
    )
    process = Process(sqlite_process.surroundings)
    fault = process(
        "serve", "--json", env={"PYTHONPATH": f"{tmp_path}{os.pathsep}{docs.ROOT}"}
    ).error

    assert (fault["code"], fault["message"], fault["hint"]) == (
        "USAGE",
        '`todo serve` needs the extra "api"',
        "in the clone: pip install '.[api]'",
    )


def received(connection: socket.socket) -> bytes:
    """Everything until the other side is done."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def test_errors_of_the_real_server_are_the_same_as_through_asgi(light: Served) -> None:
    with light.client() as client:
        error(client.get("/nowhere"), 404, "NOT_FOUND")
        error(client.patch(TASKS), 405, "METHOD_NOT_ALLOWED")
        error(client.post(TASKS, content=b"x"), 415, "UNSUPPORTED_MEDIA_TYPE")
        error(client.post(TASKS, json={"title": "x\x00"}), 422, "INVALID_INPUT")
        error(client.get("/api/%FF/tasks"), 422, "INVALID_INPUT")


def titles(answer: httpx.Response) -> list[str]:
    """The titles in an answer, the newest first."""
    return [task["title"] for task in data(answer)]


@pytest.mark.nothing_made
@pytest.mark.spec("001/FR-112")
@pytest.mark.parametrize("how", ["mv", "cp"])
def test_serve_uses_a_backup_that_takes_the_place_of_a_file_without_a_log(
    sqlite_process: Process, sqlite_store: Store, how: str
) -> None:
    path, backup = store_and_backup(sqlite_process, sqlite_store)
    with serving(sqlite_process) as served, served.client() as client:
        assert titles(client.get(TASKS)) == ["newer", "old"]
        assert path.with_name("store.db-wal").stat().st_size == 0

        put(how, backup, path)

        assert titles(client.get(TASKS)) == ["old"]
        assert data(client.post(TASKS, json={"title": "after"}), 201)["number"] == 2
        assert served.end() == -signal.SIGTERM
    assert [task["title"] for task in sqlite_process("list", "--json").data] == [
        "after",
        "old",
    ]


@pytest.mark.nothing_made
@pytest.mark.spec("001/FR-112")
@pytest.mark.parametrize("how", ["mv", "cp"])
def test_serve_neither_uses_nor_changes_a_backup_beside_the_log_of_the_old_file(
    sqlite_process: Process, sqlite_store: Store, how: str
) -> None:
    path, backup = store_and_backup(sqlite_process, sqlite_store)
    content = backup.read_bytes()
    with serving(sqlite_process) as served, served.client() as client:
        for number in range(3):
            data(client.post(TASKS, json={"title": f"served {number}"}), 201)

        put(how, backup, path)

        for _ in range(2):
            fault = error(client.post(TASKS, json={"title": "lost"}), 500, "IO_ERROR")
            assert (
                fault["message"] == f"{path}-wal was left by another file than {path}"
            )
            error(client.get(TASKS), 500, "IO_ERROR")
        assert sqlite_process("list").status == 9
        assert served.end() == -signal.SIGTERM
    assert path.read_bytes() == content
    for suffix in ("-wal", "-shm"):
        path.with_name(f"store.db{suffix}").rename(path.with_name(f"moved{suffix}"))
    assert [task["title"] for task in sqlite_process("list", "--json").data] == ["old"]


@pytest.mark.nothing_made
@pytest.mark.spec("001/FR-112", "002/FR-077")
def test_serve_and_commands_use_a_backup_that_sqlite_itself_restores(
    sqlite_process: Process, sqlite_store: Store
) -> None:
    path, backup = store_and_backup(sqlite_process, sqlite_store)
    with serving(sqlite_process) as served, served.client() as client:
        assert titles(client.get(TASKS)) == ["newer", "old"]

        with (
            closing(sqlite3.connect(backup)) as source,
            closing(sqlite3.connect(path)) as file,
        ):
            source.backup(file)

        assert [task["title"] for task in sqlite_process("list", "--json").data] == [
            "old"
        ]
        assert titles(client.get(TASKS)) == ["old"]
        with closing(sqlite3.connect(path)) as file:  # which changes the file itself
            file.execute("PRAGMA wal_checkpoint")
        assert data(client.post(TASKS, json={"title": "after"}), 201)["number"] == 2
        assert sqlite_process("add", "beside").status == 0
        assert titles(client.get(TASKS)) == ["beside", "after", "old"]
        assert served.end() == -signal.SIGTERM
    assert [task["title"] for task in sqlite_process("list", "--json").data] == [
        "beside",
        "after",
        "old",
    ]


@pytest.mark.nothing_made
@pytest.mark.spec("001/FR-112")
def test_serve_and_commands_share_a_file_through_its_checkpoints(
    sqlite_process: Process, sqlite_store: Store, light: Served
) -> None:
    with light.client() as client:
        for number in range(300):
            data(client.post(TASKS, json={"title": f"{number}"}), 201)
            if number % 60 == 0:
                assert sqlite_process("add", f"beside {number}").status == 0

        assert len(data(client.get(TASKS, params={"limit": 1_000}))) == 305
    assert (
        file_of(sqlite_store).with_name("store.db-wal").stat().st_size > 3_000_000
    )  # it went round


def store_and_backup(process: Process, store: Store) -> tuple[Path, Path]:
    """A file with two tasks, and its backup from when there was one."""
    path = file_of(store)
    assert process("add", "old").status == 0
    backup = path.with_name("backup.db")
    shutil.copyfile(path, backup)
    assert process("add", "newer").status == 0
    return path, backup


def put(how: str, backup: Path, path: Path) -> None:
    """Restore a backup as people do."""
    if how == "mv":
        backup.rename(path)
    else:
        shutil.copyfile(backup, path)
