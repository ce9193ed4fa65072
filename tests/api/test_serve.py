"""`todo serve` as a process: what it binds, whom it answers, and how it ends."""

import asyncio
import fcntl
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import (
    AbstractContextManager,
    ExitStack,
    closing,
    contextmanager,
    suppress,
)
from ipaddress import ip_address
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests import docs
from tests.api.served import Served, serving
from tests.api.support import TASKS, data, error
from tests.conftest import Seal
from tests.service.backdoor import connected, file_of
from tests.support.blocking import wait_for
from tests.support.forked import ForkServer
from tests.support.machine import needs
from tests.support.program import LIMIT_S, Child, Process, Surroundings
from tests.support.size import long_only
from tests.support.stores import Store
from todo_cli.api.exposure import Exposure
from todo_cli.api.protocol import Limits
from todo_cli.cli.signals import GRACE_S
from todo_cli.errors import INSTALL_EXTRAS, InvalidInput


@pytest.mark.spec("001/FR-110")
def test_serve_warns_and_answers_under_its_own_names_alone(
    light: Served,
) -> None:
    with light.client() as client:
        statuses = {
            host: client.get(
                "/health", headers={"host": host.format(light.port)}
            )
            for host in (
                "127.0.0.1:{}",
                "localhost:{}",
                "LOCALHOST:{}",
                "[::1]:{}",
                "evil.example:{}",
                "127.0.0.1",
            )
        }

    assert "can read and change the tasks of every user" in light.lines[0]
    assert f"http://127.0.0.1:{light.port} " in light.lines[1]
    found = [answer.status_code for answer in statuses.values()]
    assert found == [200, 200, 200, 200, 403, 403]


@pytest.mark.parametrize(
    "store", ["postgresql", *long_only("sqlite")], indirect=True
)
@pytest.mark.nothing_made
def test_serve_answers_what_the_command_line_stored(
    surroundings: Surroundings, process: Process, store: Store
) -> None:
    server = process
    if store.kind == "sqlite":
        server = Process(surroundings)  # started as a shell would
    with serving(server) as served:
        stored = process("add", "Buy milk", "--json").data

        with served.client() as client:
            assert data(client.get(TASKS)) == [stored]
            second = data(client.post(TASKS, json={"title": "Second"}), 201)
        assert process("show", "2", "--json").data == second
        assert served.end() == -signal.SIGTERM


@pytest.mark.spec("001/FR-114")
@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
)
def test_serve_ends_by_the_signal_that_ended_it(
    light: Served, number: signal.Signals
) -> None:
    with light.client() as client:
        assert client.get("/health").status_code == 200

    assert light.end(number) == -number
    assert [
        line for line in light.lines if "Traceback" in line or "rror" in line
    ] == []
    assert light.process.stdout is not None
    assert light.process.stdout.read() == b""


@pytest.fixture
def slow_server(
    postgres_store: Store, seal: Seal, fork_server: ForkServer
) -> Iterator[Served]:
    """A server on PostgreSQL with a task `Slow` in a table that somebody else has locked."""
    process = Process(
        Surroundings(seal.home, seal.cwd, postgres_store.url),
        fork_server.launch,
    )
    with serving(process) as served:
        yield served


@contextmanager
def locked(url: str) -> Iterator[Callable[[], None]]:
    """Somebody else's lock on the table of tasks, from a thread of its own; call what
    comes to release it.
    """
    is_held, may_go = threading.Event(), threading.Event()

    async def hold() -> None:
        connection = await asyncpg.connect(url)
        async with connection.transaction():
            await connection.execute("LOCK TABLE todo.task")
            is_held.set()
            await asyncio.to_thread(may_go.wait)
        await connection.close()

    holding = threading.Thread(target=lambda: wait_for(hold()))
    holding.start()
    try:
        assert is_held.wait(LIMIT_S)
        yield may_go.set
    finally:
        may_go.set()
        holding.join(LIMIT_S)


class Asking(threading.Thread):
    """A request that another thread sends."""

    def __init__(self, served: Served, method: str) -> None:
        super().__init__()
        self._served, self._method = served, method
        self.answer = httpx.Response(0)

    def run(self) -> None:
        with self._served.client() as client:
            body = {"title": "In flight"}
            self.answer = client.request(self._method, TASKS, json=body)


def ask(served: Served, store: Store, *methods: str) -> list[Asking]:
    """Send requests at once, and wait until each waits for the lock."""
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    )

    async def wait() -> None:
        async with connected(store) as connection:
            while await connection.fetchval(query) < len(methods):
                await asyncio.sleep(0.05)

    asking = [Asking(served, method) for method in methods]
    for each in asking:
        each.start()
    wait_for(wait())
    return asking


def is_refused(served: Served) -> bool:
    """Whether the server takes no more connections."""
    try:
        served.connect().close()
    except ConnectionError:
        return True
    return False


@pytest.mark.spec("001/FR-114")
def test_sigterm_lets_requests_in_flight_end(
    slow_server: Served, postgres_store: Store
) -> None:
    with locked(postgres_store.url) as release:
        [asking] = ask(slow_server, postgres_store, "POST")
        slow_server.process.send_signal(signal.SIGTERM)
        while not is_refused(slow_server):
            time.sleep(0.05)
        assert slow_server.process.poll() is None
        release()
        asking.join(LIMIT_S)

    assert data(asking.answer, 201)["title"] == "In flight"
    assert slow_server.process.wait(LIMIT_S) == -signal.SIGTERM


@pytest.mark.spec("001/FR-114")
def test_second_signal_ends_it_at_once(
    slow_server: Served, postgres_store: Store
) -> None:
    with locked(postgres_store.url):
        reading, writing = ask(slow_server, postgres_store, "GET", "POST")
        slow_server.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert slow_server.end() == -signal.SIGTERM
        for asking in (reading, writing):
            asking.join(LIMIT_S)

    error(reading.answer, 503, "DATABASE_UNAVAILABLE")
    error(writing.answer, 500, "OUTCOME_UNKNOWN")


@pytest.mark.spec("001/FR-114")
def test_second_signal_ends_it_while_it_reads_a_body(light: Served) -> None:
    head = (
        f"POST {TASKS} HTTP/1.1\r\nHost: 127.0.0.1:{light.port}\r\n"
        "Content-Type: application/json\r\nContent-Length: 14\r\n"
        "Expect: 100-continue\r\n\r\n"
    ).encode()
    with light.connect() as connection:
        connection.sendall(head)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 100 ")
        light.process.send_signal(signal.SIGTERM)
        while not is_refused(light):
            time.sleep(0.05)

        assert light.end() == -signal.SIGTERM

    light.wait_for(f"^POST {TASKS} 500 ")
    assert len(light.lines) == 3


@contextmanager
def ending(process: Child) -> Iterator[Child]:
    """End a process at last."""
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.spec("001/FR-114")
def test_second_signal_ends_it_while_the_loop_does_not_run(
    sqlite_process: Process, tmp_path: Path
) -> None:
    """A library that loads for ever, as from a disk that hangs."""
    (tmp_path / "fastapi.py").write_text(
        "import os, time\nos.write(2, b'loading\\n')\n"
        "while True:\n    time.sleep(0.01)\n"
    )
    path = f"{tmp_path}{os.pathsep}{docs.ROOT}"
    process = Process(sqlite_process.surroundings)
    with ending(process.start("serve", env={"PYTHONPATH": path})) as started:
        assert started.stderr is not None
        assert started.stderr.readline() == b"loading\n"
        started.send_signal(signal.SIGTERM)
        time.sleep(2 * GRACE_S)
        assert started.poll() is None
        started.send_signal(signal.SIGTERM)

        assert started.wait(LIMIT_S) == -signal.SIGTERM


def ask_blocked(port: int, times: int) -> set[int]:
    """Ask a server, once it is there, for what makes a long line in its log."""
    statuses: set[int] = set()
    url = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=url, timeout=LIMIT_S, verify=False) as client:
        while not statuses:
            with suppress(httpx.ConnectError):
                statuses.add(client.get("/").status_code)
        for _ in range(times):
            statuses.add(client.get("/" + 400 * "x").status_code)
    return statuses


@contextmanager
def full_pipe() -> Iterator[int]:
    """A pipe that is full, and that nobody reads."""
    reading, writing = os.pipe()
    os.write(writing, b"x" * fcntl.fcntl(writing, fcntl.F_GETPIPE_SZ))
    yield writing
    os.close(reading)
    os.close(writing)


@contextmanager
def stopped_terminal() -> Iterator[int]:
    """A terminal whose user has pressed Ctrl-S."""
    controlling, terminal = os.openpty()
    termios.tcflow(terminal, termios.TCOOFF)
    yield terminal
    os.close(terminal)
    os.close(controlling)


@contextmanager
def full_disk() -> Iterator[int]:
    """A file on a disk that is full."""
    with Path("/dev/full").open("wb") as full:
        yield full.fileno()


@pytest.mark.spec("001/FR-118", "001/FR-114")
@pytest.mark.parametrize(
    ("block", "signals"),
    [
        (full_pipe, 1),
        (stopped_terminal, 2),
        pytest.param(full_disk, 1, marks=needs("a full device")),
        *long_only(
            (full_pipe, 2),
            (stopped_terminal, 1),
            pytest.param(full_disk, 2, marks=needs("a full device")),
        ),
    ],
)
def test_serve_answers_and_ends_whatever_its_stderr_does(
    sqlite_process: Process,
    block: Callable[[], AbstractContextManager[int]],
    signals: int,
) -> None:
    """Public reports of the same: «nodejs/node-v0.x-archive#23949», «clice-io/clice#514»."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with block() as stderr:
        flags = fcntl.fcntl(stderr, fcntl.F_GETFL)
        started = sqlite_process.start(
            "serve", "--port", f"{port}", stderr=stderr
        )
        with ending(started):
            assert ask_blocked(port, 300) == {404}
            # Other programs may share the stream.
            assert fcntl.fcntl(stderr, fcntl.F_GETFL) == flags
            for _ in range(signals):
                started.send_signal(signal.SIGTERM)
                time.sleep(0.05)

            assert started.wait(LIMIT_S) == -signal.SIGTERM


@pytest.mark.spec("001/FR-110")
def test_serve_refuses_what_it_cannot_use(
    light: Served, sqlite_process: Process
) -> None:
    for arguments, status, code in (
        (["--host", "0.0.0.0"], 2, "INVALID_INPUT"),
        (["--host", "example.org"], 2, "INVALID_INPUT"),
        (["--port", "65536"], 2, "INVALID_INPUT"),
        (["--port", "1_0"], 2, "USAGE"),
        (["--port", f"{light.port}"], 9, "IO_ERROR"),
    ):
        ran = sqlite_process("serve", "--json", *arguments)
        assert (ran.status, ran.error["code"]) == (status, code), arguments

    ran = sqlite_process("serve", "--json", env={"TODO_POOL_SIZE": "0"})
    assert (ran.status, ran.error["code"]) == (8, "CONFIG")


@pytest.mark.spec("001/FR-110")
def test_address_is_loopback() -> None:
    taken = {"localhost": "127.0.0.1", "127.0.0.2": "127.0.0.2", "::1": "::1"}
    refused = [
        "8.8.8.8",
        "::",
        "::ffff:8.8.8.8",
        "fe80::1",
        "127.0.0.1:8000",
        "127.1",
    ]

    assert {host: str(Exposure(host).address()) for host in taken} == taken
    for host in [*refused, "", " 127.0.0.1", "localhost.x", "LOCALHOST"]:
        with pytest.raises(InvalidInput):
            Exposure(host).address()


@pytest.mark.spec("001/FR-110")
def test_hosts_go_without_a_port_only_on_80() -> None:
    address = ip_address("127.0.0.2")
    names = {"127.0.0.1", "localhost", "[::1]", "127.0.0.2"}

    assert Exposure().hosts(address, 8000) == {
        f"{name}:8000" for name in names
    }
    assert (
        Exposure().hosts(address, 80)
        == {f"{name}:80" for name in names} | names
    )


@needs("IPv6")
def test_serve_listens_on_ipv6_loopback(sqlite_process: Process) -> None:
    with (
        serving(sqlite_process, "--host", "::1") as served,
        served.client() as client,
    ):
        assert served.host == "[::1]"
        assert client.get("/health").status_code == 200


@pytest.mark.spec("001/FR-109")
@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 20000000\r\n",
        b"Content-Length: 20000000\r\nExpect: 100-continue\r\n",
        b"Transfer-Encoding: chunked\r\n",
    ],
)
def test_body_that_is_too_large_is_not_waited_for(
    light: Served, head: bytes
) -> None:
    start = (
        f"POST {TASKS} HTTP/1.1\r\nHost: 127.0.0.1:{light.port}\r\n"
        "Content-Type: application/json\r\n"
    ).encode()
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


@pytest.mark.spec("001/FR-119")
def test_silent_connections_do_not_deny_the_service(light: Served) -> None:
    """Public reports of the same: «Kludex/uvicorn#157», «xorbitsai/inference#5213»."""
    with ExitStack() as silent:
        for _ in range(Limits().connections):
            silent.enter_context(light.connect())
        with light.client() as client:
            assert data(client.get(TASKS)) == []


@pytest.mark.spec("001/FR-114")
def test_log_has_a_line_for_each_request_and_is_safe(light: Served) -> None:
    with light.connect() as connection:
        target = b"/api/%1b%5b31m%0aINFO:%20fake/tasks"
        connection.sendall(
            b"GET "
            + target
            + b" HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % light.port
        )
        connection.recv(65536)
    with light.client() as client:
        client.get("/last")
    light.wait_for("GET /last")

    assert [line.rsplit(" ", 2)[0] for line in light.lines[2:]] == [
        f"GET {target.decode()} 422",
        "GET /last 404",
    ]


def test_command_line_loads_nothing_of_the_api(
    sqlite_process: Process,
) -> None:
    libraries = "('fastapi', 'uvicorn', 'starlette')"
    code = (
        "import sys\n"
        "from todo_cli.cli.env import Env\nfrom todo_cli.cli.main import main\n"
        "for command in (['add', 'x'], ['serve', '--help']):\n"
        "    main(command, Env.of_process())\n"
        f"sys.exit(str([name for name in {libraries} if name in sys.modules]))"
    )
    variables = sqlite_process.surroundings.variables("ada", {})

    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=docs.ROOT,
        capture_output=True,
        text=True,
        env={**variables, "PATH": "/usr/bin:/bin"},
    )

    assert ran.stderr == "[]\n"


def test_serve_without_its_extra_says_what_to_install(
    sqlite_process: Process, tmp_path: Path
) -> None:
    blocked = tmp_path / "fastapi.py"
    blocked.write_text(
        "raise ModuleNotFoundError('No module named fastapi', name='fastapi')\n"
    )
    process = Process(sqlite_process.surroundings)
    fault = process(
        "serve",
        "--json",
        env={"PYTHONPATH": f"{tmp_path}{os.pathsep}{docs.ROOT}"},
    ).error

    assert fault["code"] == "USAGE"
    assert fault["hint"] == INSTALL_EXTRAS


def received(connection: socket.socket) -> bytes:
    """Everything until the other side is done."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


# A file that changes under the server


def titles(client: httpx.Client) -> list[str]:
    """The titles that the server has; the newest first."""
    return [task["title"] for task in data(client.get(TASKS))]


class Shelf:
    """A file with the tasks `old` and `newer`, and its backup from before `newer`."""

    def __init__(self, process: Process, store: Store) -> None:
        self._process = process
        self.path = file_of(store)
        self.backup = self.path.with_name("backup.db")
        assert process("add", "old").status == 0
        shutil.copyfile(self.path, self.backup)
        assert process("add", "newer").status == 0

    def listed(self) -> list[str]:
        """The titles that a command has; the newest first."""
        return [task["title"] for task in self._process("list", "--json").data]

    def restore(self, how: str) -> None:
        """Restore the backup as people do."""
        if how == "mv":
            self.backup.rename(self.path)
        else:
            shutil.copyfile(self.backup, self.path)


@pytest.fixture
def shelf(sqlite_process: Process, sqlite_store: Store) -> Shelf:
    return Shelf(sqlite_process, sqlite_store)


@pytest.mark.nothing_made
@pytest.mark.spec("001/FR-112")
@pytest.mark.parametrize("how", ["mv", "cp"])
def test_serve_uses_a_backup_that_takes_the_place_of_a_file_without_a_log(
    shelf: Shelf, light: Served, how: str
) -> None:
    with light.client() as client:
        assert titles(client) == ["newer", "old"]
        assert shelf.path.with_name("store.db-wal").stat().st_size == 0

        shelf.restore(how)

        assert titles(client) == ["old"]
        assert (
            data(client.post(TASKS, json={"title": "after"}), 201)["number"]
            == 2
        )
        assert light.end() == -signal.SIGTERM
    assert shelf.listed() == ["after", "old"]


@pytest.mark.nothing_made
@pytest.mark.spec("001/FR-112")
def test_serve_makes_a_new_file_in_the_place_of_one_that_was_removed(
    shelf: Shelf, light: Served
) -> None:
    with light.client() as client:
        data(client.post(TASKS, json={"title": "served"}), 201)
        for suffix in ("", "-wal", "-shm"):
            shelf.path.with_name(f"store.db{suffix}").unlink()

        assert titles(client) == []
        assert (
            data(client.post(TASKS, json={"title": "new"}), 201)["number"] == 1
        )
    assert shelf.listed() == ["new"]


@pytest.mark.nothing_made
@pytest.mark.spec("001/FR-112")
@pytest.mark.parametrize("how", ["mv", "cp"])
def test_serve_neither_uses_nor_changes_a_backup_beside_the_log_of_the_old_file(
    shelf: Shelf, light: Served, sqlite_process: Process, how: str
) -> None:
    content = shelf.backup.read_bytes()
    with light.client() as client:
        data(client.post(TASKS, json={"title": "served"}), 201)

        shelf.restore(how)

        for _ in range(2):
            error(client.post(TASKS, json={"title": "lost"}), 500, "IO_ERROR")
            error(client.get(TASKS), 500, "IO_ERROR")
        assert sqlite_process("list").status == 9
        assert light.end() == -signal.SIGTERM
    assert shelf.path.read_bytes() == content
    for suffix in ("-wal", "-shm"):
        shelf.path.with_name(f"store.db{suffix}").unlink()
    assert shelf.listed() == ["old"]


@pytest.mark.nothing_made
@pytest.mark.spec("001/FR-112", "002/FR-077")
def test_serve_and_commands_use_a_backup_that_sqlite_itself_restores(
    shelf: Shelf, light: Served, sqlite_process: Process
) -> None:
    with light.client() as client:
        assert titles(client) == ["newer", "old"]

        with (
            closing(sqlite3.connect(shelf.backup)) as source,
            closing(sqlite3.connect(shelf.path)) as file,
        ):
            source.backup(file)

        assert shelf.listed() == titles(client) == ["old"]
        with closing(
            sqlite3.connect(shelf.path)
        ) as file:  # changes the file itself
            file.execute("PRAGMA wal_checkpoint")
        assert (
            data(client.post(TASKS, json={"title": "after"}), 201)["number"]
            == 2
        )
        assert sqlite_process("add", "beside").status == 0
        assert titles(client) == ["beside", "after", "old"]
        assert light.end() == -signal.SIGTERM
    assert shelf.listed() == ["beside", "after", "old"]


@pytest.mark.nothing_made
@pytest.mark.spec("001/FR-112")
def test_serve_and_commands_share_a_file_through_its_checkpoints(
    sqlite_process: Process, sqlite_store: Store, light: Served
) -> None:
    with light.client() as client:
        for number in range(100):
            body = {"title": f"{number}", "description": "x" * 9_000}
            data(client.post(TASKS, json=body), 201)
            if number % 20 == 0:
                assert sqlite_process("add", f"beside {number}").status == 0

        assert len(data(client.get(TASKS, params={"limit": 1_000}))) == 105
    log = file_of(sqlite_store).with_name("store.db-wal")
    assert (
        log.stat().st_size > 3_000_000
    )  # it was written from its beginning again
