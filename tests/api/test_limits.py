"""What one client may take of the server: time, memory and connections."""

import asyncio
import io
import json
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.api.support import TASKS, Log, add, context_for, data, error, opened
from tests.api.wire import logged, sent
from tests.service.backdoor import file_of
from tests.support.blocking import wait_for
from tests.support.stores import Clock, Store
from todo_cli.api.protocol import LONGEST_HEAD, Limits
from todo_cli.api.room import LONG, SHORT_LISTS, Room
from todo_cli.database.engine import open_database
from todo_cli.database.url import SqliteTarget
from todo_cli.errors import DatabaseBusy
from todo_cli.service import TaskService
from todo_cli.task import NewTask

LIST = f"{TASKS}?limit=1000"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def head(served: httpx.AsyncClient, first: str, *lines: str) -> bytes:
    """The head of a request."""
    host = f"Host: {served.base_url.netloc.decode()}"
    return "\r\n".join([f"{first} HTTP/1.1", host, *lines, "", ""]).encode()


async def connect(served: httpx.AsyncClient, request: bytes = b"") -> Streams:
    """Connect with a small buffer, and send something."""
    bare = socket.socket()
    bare.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    bare.connect((served.base_url.host, served.base_url.port))
    reader, writer = await asyncio.open_connection(sock=bare, limit=4096)
    writer.write(request)
    return reader, writer


async def read_to_end(streams: Streams) -> bytes:
    """All that the server sends until it closes the connection."""
    found = bytearray()
    try:
        while part := await streams[0].read(65_536):
            found += part
    except ConnectionError:
        pass
    finally:
        streams[1].close()
    return bytes(found)


# Bodies


def refused_post(served: httpx.AsyncClient, *lines: str) -> bytes:
    """The head of a request that is refused by its head alone, and then closed."""
    return head(
        served,
        f"POST {TASKS}",
        "Content-Type: text/plain",
        "Content-Length: 60000",
        "Connection: close",
        *lines,
    )


@pytest.mark.spec("001/FR-109")
async def test_refusal_is_not_lost_while_the_body_still_comes(
    served: httpx.AsyncClient,
) -> None:
    reader, writer = await connect(served, refused_post(served))
    for _ in range(4):
        await asyncio.sleep(0.05)
        writer.write(b"x" * 15_000)
        # Raises if the server has closed the connection.
        await writer.drain()

    answer = await reader.read()
    writer.close()

    assert answer.startswith(b"HTTP/1.1 415 ")


@pytest.mark.spec("001/FR-109")
@pytest.mark.parametrize("more", [[], ["Expect: 100-continue"]])
async def test_refusal_does_not_wait_for_a_body_that_never_comes(
    served: httpx.AsyncClient, more: list[str]
) -> None:
    answer = await sent(served, refused_post(served, *more))

    assert answer.startswith(b"HTTP/1.1 415 ")


# Connections


@pytest.mark.spec("001/FR-119")
@pytest.mark.parametrize("limits", [Limits(connections=3)])
@pytest.mark.parametrize("start", [b"", b"GET / HTTP/1.1\r\nHos"])
async def test_silent_connections_deny_nothing(
    served: httpx.AsyncClient, start: bytes
) -> None:
    """Public reports of the same: «Kludex/uvicorn#157», «xorbitsai/inference#5213»."""
    silent = [await connect(served, start) for _ in range(3)]
    await asyncio.sleep(0.05)

    assert data(await served.get(TASKS)) == []

    # The oldest went, and no other.
    assert await read_to_end(silent[0]) == b""
    ends = [asyncio.create_task(read_to_end(each)) for each in silent[1:]]
    _, open_still = await asyncio.wait(ends, timeout=0.05)
    assert len(open_still) == 2
    for each in ends:
        each.cancel()
    await asyncio.wait(ends)


@pytest.mark.spec("001/FR-119")
@pytest.mark.parametrize(
    ("limits", "status"),
    [
        (Limits(connections=1), 503),
        (Limits(connections=1, used_s=0), 200),
    ],
)
async def test_connection_is_dropped_if_it_was_not_used_lately(
    served: httpx.AsyncClient,
    stderr: io.BytesIO,
    status: int,
) -> None:
    assert data(await served.get(TASKS)) == []
    await asyncio.sleep(0.3)  # the server has looked at it since

    answer = await sent(
        served, head(served, f"GET {TASKS}", "Connection: close")
    )

    assert answer.startswith(b"HTTP/1.1 %d " % status)
    line = "- - 503" if status == 503 else f"GET {TASKS} 200"
    assert await logged(served, stderr, 2) == [f"GET {TASKS} 200", line]


@pytest.mark.spec("001/FR-119")
@pytest.mark.parametrize("limits", [Limits(connections=1)])
async def test_connection_with_a_request_is_not_dropped_for_another(
    served: httpx.AsyncClient, stderr: io.BytesIO
) -> None:
    asked = head(
        served,
        f"POST {TASKS}",
        "Content-Type: application/json",
        "Content-Length: 14",
        "Expect: 100-continue",
        "Connection: close",
    )
    reader, writer = await connect(served, asked)
    await reader.readuntil(b"\r\n\r\n")  # it is read, and may go on

    answer = await sent(served, head(served, f"GET {TASKS}"))

    assert answer.startswith(b"HTTP/1.1 503 ")
    writer.write(b'{"title": "x"}')
    assert (await read_to_end((reader, writer))).startswith(b"HTTP/1.1 201 ")


@pytest.mark.spec("001/FR-119")
def test_connections_leave_files_to_the_store() -> None:
    """In a process of its own: a hard limit can only be lowered."""
    code = """
import resource
from todo_cli.api.server import usual_limits
files = resource.RLIMIT_NOFILE
for limits in (100, 3_000), (100, 700), (200, 200), (40, 40):
    resource.setrlimit(files, limits)
    print(usual_limits().connections, resource.getrlimit(files)[0])
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )

    found = ran.stdout.splitlines()
    assert found == ["500 2598", "500 700", "150 200", "1 40"]


# Time


@pytest.mark.spec("001/FR-119")
@pytest.mark.parametrize("limits", [Limits(head_s=0)])
@pytest.mark.parametrize("start", ["", "GET / HTTP/1.1\r\nHos", "answered"])
async def test_head_must_come_in_time(
    served: httpx.AsyncClient, stderr: io.BytesIO, start: str
) -> None:
    request = start.encode()
    if start == "answered":
        # The rest of this body is no request, and comes never.
        request = head(served, f"GET {TASKS}", "Content-Length: 5") + b"{"
    streams = await connect(served, request)

    answer = await read_to_end(streams)

    is_answered = start == "answered"
    assert answer.startswith(b"HTTP/1.1 200 ") is is_answered
    lines = [f"GET {TASKS} 200"] if is_answered else []
    assert await logged(served, stderr, len(lines)) == lines


@pytest.mark.spec("001/FR-119", "001/FR-114")
@pytest.mark.parametrize("limits", [Limits(body_s=0)])
@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_body_must_come_in_time(
    served: httpx.AsyncClient, stderr: io.BytesIO, method: str
) -> None:
    path = TASKS
    if method == "DELETE":
        task = data(await served.post(TASKS, json={"title": "x"}), 201)
        path = f"{TASKS}/{task['id']}"
        await logged(served, stderr, 1)
    before = data(await served.get(TASKS))
    request = head(
        served,
        f"{method} {path}",
        "Content-Type: application/json",
        "Content-Length: 14",
    )
    streams = await connect(served, request + b'{"title": ')

    assert await read_to_end(streams) == b""

    while f"{method} {path} - ".encode() not in stderr.getvalue():
        await asyncio.sleep(0.01)
    assert data(await served.get(TASKS)) == before


# Answers that nobody reads


@pytest.fixture(scope="module")
def long_file(
    made_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A store with a list of more bytes than the system buffers, to copy."""
    path = tmp_path_factory.mktemp("long") / "store.db"
    shutil.copy(made_file, path)
    new = [NewTask(title="x", description="d" * 10_000) for _ in range(500)]

    async def fill() -> None:
        async with open_database(SqliteTarget(path)) as database:
            await TaskService(database, "ada", Clock()).add_all(new)

    wait_for(fill())
    return path


@pytest.fixture
def long_list(long_file: Path, sqlite_store: Store) -> None:
    """A list of more bytes than the system buffers."""
    shutil.copy(long_file, file_of(sqlite_store))


@pytest.mark.spec("001/FR-119")
@pytest.mark.parametrize(
    "limits", [Limits(still_s=0.5), Limits(reading_s=0.5)]
)
async def test_answer_must_be_read_in_time(
    long_list: None, served: httpx.AsyncClient
) -> None:
    streams = await connect(served, head(served, f"GET {LIST}"))
    await asyncio.sleep(1.0)  # twice the limit of the server

    answer = await read_to_end(streams)

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert len(answer) < 5_000_000


@pytest.mark.spec("001/FR-119")
@pytest.mark.parametrize("limits", [Limits(still_s=1.0)])
async def test_answer_that_is_read_slowly_is_whole(
    long_list: None, served: httpx.AsyncClient
) -> None:
    reader, writer = await connect(
        served, head(served, f"GET {LIST}", "Connection: close")
    )
    size = 0
    for _ in range(15):
        size += len(await reader.readexactly(200_000))
        await asyncio.sleep(0.1)
    size += len(await reader.read())
    while part := await reader.read(65_536):
        size += len(part)
    writer.close()

    assert size > 5_000_000


@pytest.mark.spec("001/FR-119")
async def test_next_request_waits_until_an_answer_is_read(
    long_list: None, served: httpx.AsyncClient, stderr: io.BytesIO
) -> None:
    streams = await connect(served, 3 * head(served, f"GET {LIST}"))
    assert await logged(served, stderr, 1) == [f"GET {LIST} 200"]
    await asyncio.sleep(0.3)
    assert await logged_lists(stderr) == 1

    found = b""
    while found.count(b"HTTP/1.1 200 ") < 3:
        found = found[-20:] + await streams[0].read(65_536)
        if found.count(b"HTTP/1.1 200 "):
            found = found.replace(b"HTTP/1.1 200 ", b"*")
        if await logged_lists(stderr) == 3:
            break
    streams[1].close()

    assert await logged_lists(stderr) == 3


async def logged_lists(stderr: io.BytesIO) -> int:
    """How many lists were answered."""
    await asyncio.sleep(0)
    return stderr.getvalue().count(f"GET {LIST} 200".encode())


@pytest.mark.spec("001/FR-119")
@pytest.mark.parametrize("limits", [Limits(unread=0)])
async def test_slow_client_is_cut_off_when_another_needs_its_memory(
    long_list: None, served: httpx.AsyncClient
) -> None:
    slow = await connect(served, head(served, f"GET {LIST}"))
    await slow[0].readexactly(100)

    assert len(data(await served.get(LIST))) == 500

    assert len(await read_to_end(slow)) < 5_000_000


class Reader:
    """A client that has left this much unread."""

    def __init__(self, unread: int) -> None:
        self.unread = unread

    def get_write_buffer_size(self) -> int:
        """Like a transport's."""
        return self.unread

    def abort(self) -> None:
        """Like a transport's."""
        self.unread = 0


def room_with(*readers: Reader, slow_s: float) -> Room:
    """A room for 10 bytes with these clients."""
    room = Room(most_unread=10, busy_for_s=0.05, slow_s=slow_s)
    for each in readers:
        room.add(each)  # type: ignore[arg-type]  # the part that it uses
    return room


@pytest.mark.spec("001/FR-119")
async def test_list_without_room_is_busy() -> None:
    reader = Reader(10 * SHORT_LISTS)
    room = room_with(reader, slow_s=60)

    async with room.making(LONG):
        pass
    for _ in range(2):  # the first gives its turn back
        with pytest.raises(DatabaseBusy):
            async with room.making(LONG + 1):
                raise AssertionError
    reader.unread += 1
    with pytest.raises(DatabaseBusy):
        async with room.making(LONG):
            raise AssertionError
    room.remove(reader)  # type: ignore[arg-type]
    async with room.making(LONG + 1):
        pass


@pytest.mark.spec("001/FR-119")
async def test_no_more_clients_are_cut_off_than_needed() -> None:
    readers = [Reader(8), Reader(8), Reader(8)]

    async with room_with(*readers, slow_s=0).making(LONG + 1):
        assert [each.unread for each in readers] == [0, 0, 8]


@pytest.mark.spec("001/FR-119")
async def test_long_lists_are_made_one_by_one() -> None:
    room = room_with(slow_s=0)

    async with room.making(LONG + 1):
        with pytest.raises(DatabaseBusy):
            async with room.making(LONG + 1):
                raise AssertionError
        async with room.making(LONG):
            pass


@pytest.mark.spec("001/FR-119")
async def test_histories_wait_like_long_lists_and_undos_for_nobody(
    sqlite_store: Store, clock: Clock, log: Log
) -> None:
    """An operation can have any number of tasks, as that of `todo add -`."""
    room = Room(busy_for_s=0.05)
    context = context_for(sqlite_store.target, clock, log)
    async with opened(replace(context, room=room)) as client:
        task = await add(client)
        path = f"{TASKS}/{task['id']}"
        async with room.making(LONG + 1):
            for method, address, status in (
                ("GET", LIST, 503),
                ("GET", "/api/ada/history", 503),
                ("GET", f"{path}/history?limit=101", 503),
                ("GET", f"{path}/history", 200),
                ("POST", "/api/ada/undo", 200),
                ("POST", "/api/ada/redo", 200),
                ("GET", path, 200),
                ("POST", f"{path}/restore", 200),
            ):
                body: object = {} if method == "POST" else None
                response = await client.request(method, address, json=body)
                assert response.status_code == status, address
                if status == 503:
                    error(response, 503, "DATABASE_BUSY")
        assert len(data(await client.get("/api/ada/history"))) == 3
        # Undone and done again; outside the trash, restoring changes nothing.
        twice = {"version": task["version"] + 2}
        assert data(await client.get(path)) == task | twice


# Bytes


@pytest.mark.spec("001/FR-119")
@pytest.mark.parametrize("pieces", [1, 3])
@pytest.mark.parametrize("where", ["target", "header", "many headers"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_head_has_at_most_64_kib(
    served: httpx.AsyncClient, method: str, where: str, pieces: int
) -> None:
    """h11 by itself takes any length that comes in one packet."""
    for length, status in ((LONGEST_HEAD - 300, 404), (LONGEST_HEAD, 400)):
        lines = ["Connection: close"]
        target = "/x"
        if where == "target":
            target = "/" + length * "x"
        elif where == "header":
            lines.append("X: " + length * "x")
        else:
            lines += (length // 50) * ["X-Filling: " + 37 * "x"]
        request = head(served, f"{method} {target}", *lines)
        reader, writer = await connect(served)
        size = len(request) // pieces + 1
        for start in range(0, len(request), size):
            writer.write(request[start : start + size])
            await writer.drain()
            await asyncio.sleep(0.02)

        answer = await read_to_end((reader, writer))

        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert (b"more than 64 KiB" in answer) is (
            status == 400 and method == "GET"
        )
        assert answer.endswith(b"\r\n\r\n") is (method == "HEAD")


@pytest.mark.spec("001/FR-102")
@pytest.mark.parametrize("tasks", [0, 1, 40])
async def test_long_list_is_written_as_a_short_one(
    client_embedded: httpx.AsyncClient, tasks: int
) -> None:
    for number in range(tasks):
        await add(client_embedded, f"{number}", description=10_000 * "é")

    text = (await client_embedded.get(f"{LIST}&status=open")).text

    usual = json.dumps(json.loads(text), ensure_ascii=False)
    assert text == f"{usual}\n"
    assert len(json.loads(text)["data"]) == tasks
