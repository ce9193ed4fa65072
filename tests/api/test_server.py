"""The server in this process, where its lines can be counted."""

import asyncio
import gc
import io
import json
import logging
import socket
from asyncio.selector_events import _SelectorSocketTransport  # type: ignore[attr-defined]
from typing import Any

import httpx
import pytest

from tests.api.served import LISTENING
from tests.api.support import TASKS, data
from tests.api.wire import left, logged, sent, written
from tests.support.stores import Clock
from todo_cli.api import server
from todo_cli.api.exposure import Exposure
from todo_cli.api.protocol import Limits
from todo_cli.config import Settings


class Broken(io.BytesIO):
    """A stream that nobody reads."""

    def write(self, data: object) -> int:
        raise BrokenPipeError


async def test_serve_collects_garbage_which_commands_do_not(
    served: httpx.AsyncClient,
) -> None:
    assert gc.isenabled()


@pytest.fixture
def loaded() -> list[str]:
    """Something that is there before the server is."""
    return ["a module"]


async def test_serve_does_not_search_for_garbage_in_what_was_loaded_before(
    loaded: list[str], served: httpx.AsyncClient
) -> None:
    assert not any(each is loaded for each in gc.get_objects())


async def test_serve_searches_for_garbage_after_many_requests_only(
    served: httpx.AsyncClient,
) -> None:
    gc.collect()
    before = gc.get_stats()[0]["collections"]

    answers = [await served.get(TASKS) for _ in range(100)]

    assert len(answers) == 100
    assert gc.get_stats()[0]["collections"] - before <= 5


async def test_what_libraries_log_is_one_safe_line(
    served: httpx.AsyncClient, stderr: io.BytesIO
) -> None:
    logging.getLogger("anything").warning(
        "a\nb\x1b[31m", exc_info=ValueError("secret")
    )

    await written(stderr, 3)
    assert stderr.getvalue().endswith(b"\nwarning: a\\x0ab\\x1b[31m\n")


async def test_serve_goes_on_when_its_log_is_closed(
    kept: None, choices: Settings, clock: Clock
) -> None:
    serving = asyncio.create_task(
        server.serve(
            choices,
            Exposure(port=0),
            variables={},
            now=clock,
            write=Broken().write,
        )
    )
    await asyncio.sleep(0.3)

    assert not serving.done()
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving


@pytest.mark.spec("001/FR-114")
async def test_a_request_that_outlasts_the_end_is_one_line(
    kept: None,
    choices: Settings,
    clock: Clock,
    stderr: io.BytesIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An end by SIGTERM logged an exception for each:
    NousResearch/hermes-agent#58005, volcengine/OpenViking#3275.
    """
    monkeypatch.setattr(server, "GRACE_S", 0.3)
    serving = asyncio.create_task(
        server.serve(
            choices,
            Exposure(port=0),
            variables={},
            now=clock,
            write=stderr.write,
        )
    )
    await written(stderr, 2)
    listening = LISTENING.search(stderr.getvalue().decode())
    assert listening is not None
    port = int(listening[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"POST {TASKS} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        "Content-Type: application/json\r\nContent-Length: 14\r\n"
        "Expect: 100-continue\r\n\r\n"
    )
    writer.write(head.encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 100")

    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving

    answer = await reader.read()
    writer.close()
    assert b"HTTP/1.1 500 " in answer
    assert b'"code": "OUTCOME_UNKNOWN"' in answer
    _, _, *lines = stderr.getvalue().decode().splitlines()
    cut = "error: Cancel 1 running task(s), timeout graceful shutdown exceeded"
    assert [line for line in lines if line != cut] == [lines[-1]]
    assert lines[-1].startswith(f"POST {TASKS} 500 ")


@pytest.fixture
def writes(
    served: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> list[bytes]:
    """What the server writes to connections, each of which sends at once."""
    written: list[bytes] = []
    write = _SelectorSocketTransport.write

    def note(transport: Any, data: bytes) -> None:
        if (
            transport.get_extra_info("sockname")[1] == served.base_url.port
            and data
        ):
            written.append(bytes(data))
            assert (
                transport.get_extra_info("socket").getsockopt(
                    socket.IPPROTO_TCP, socket.TCP_NODELAY
                )
                != 0
            )
        write(transport, data)

    monkeypatch.setattr(_SelectorSocketTransport, "write", note)
    return written


@pytest.mark.spec("001/FR-117")
async def test_answer_is_one_write_and_sent_at_once(
    served: httpx.AsyncClient, writes: list[bytes]
) -> None:
    """A public report of the same delay: «Kludex/uvicorn#3149»."""
    as_json = {"content-type": "application/json"}
    task = data(await served.post(TASKS, json={"title": "x"}), 201)
    one = f"{TASKS}/{task['id']}"
    requests = [
        (200, "GET", TASKS, {}, b""),
        (200, "GET", one, {}, b""),
        (200, "PUT", one, as_json, b'{"title": "y"}'),
        (422, "PUT", one, as_json, b"x"),
        (415, "POST", TASKS, {}, b"x"),
        (405, "PATCH", TASKS, {}, b""),
        (200, "HEAD", "/docs", {}, b""),
        (200, "HEAD", TASKS, {}, b""),
        (405, "HEAD", "/api/ada/undo", {}, b""),
        (200, "GET", "/docs", {}, b""),
        (404, "GET", "/nowhere", {}, b""),
        (200, "GET", "/health", {}, b""),
        (403, "GET", TASKS, {"host": "evil.example"}, b""),
        (200, "DELETE", one, {}, b""),
        (413, "POST", TASKS, as_json, b" " * 70_000),
    ]
    writes.clear()

    for status, method, path, headers, body in requests:
        response = await served.request(
            method, path, headers=headers, content=body
        )

        assert response.status_code == status
        assert "server" not in response.headers
    statuses = [status for status, *_ in requests]
    assert [int(written.split()[1]) for written in writes] == statuses


@pytest.mark.spec("001/FR-117")
async def test_long_body_is_not_copied_to_be_sent_with_its_head(
    served: httpx.AsyncClient, writes: list[bytes]
) -> None:
    body = {"title": "x", "description": "d" * 10_000}
    for _ in range(8):
        data(await served.post(TASKS, json=body), 201)
    writes.clear()

    tasks = data(await served.get(TASKS))

    assert len(tasks) == 8
    assert [written[:10] for written in writes] == [
        b"HTTP/1.1 2",
        b'{"success"',
    ]


@pytest.mark.spec("001/FR-101", "001/FR-117")
@pytest.mark.parametrize(
    ("limits", "request_", "status"),
    [
        (Limits(connections=0), b"GARBAGE", 503),
        (Limits(), b"GARBAGE", 400),
        (Limits(), b"GET / HTTP/1.1\r\nA\x00: b", 400),
        (Limits(), b"\x16\x03\x01\x02", 400),
    ],
)
async def test_answer_without_a_request_is_one_write_too(
    served: httpx.AsyncClient,
    writes: list[bytes],
    request_: bytes,
    status: int,
) -> None:
    answer = await sent(served, request_ + b"\r\n\r\n")

    assert [int(written.split()[1]) for written in writes] == [status]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["success"] is False
    assert (b"retry-after: 1" in answer.lower()) is (status == 503)


@pytest.mark.spec("001/FR-119")
async def test_head_that_is_too_long_is_named(
    served: httpx.AsyncClient,
) -> None:
    for end in (b"", b"\r\n\r\n"):
        long = b"GET / HTTP/1.1\r\nHost: x\r\nA: %b" % (b"x" * 66_000)

        answer = await sent(served, long + end)

        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"has more than 64 KiB" in answer


TARGETS = [
    ("http://{}/health", 200),
    ("HTTP://{}/health", 200),
    ("http://{}/api/ada/tasks?limit=1", 200),
    ("http://{}/api/ada/tasks?limit=x", 422),
    ("http://{}/nowhere", 404),
    ("http://{}//api/ada/tasks", 404),
    ("http://{}/api/a%2Fb/tasks", 404),
    ("http://{}", 404),
    ("http://{}?limit=1", 404),
    ("http://evil.example/health", 403),
    ("http://evil.example\\@{}/health", 403),
    ("http://127.0.0.1/health", 403),
    ("http://{}@evil.example/health", 403),
    ("http://ada@{}/health", 403),
    ("http:///health", 403),
    ("http://[::1/health", 403),
    ("https://{}/health", 404),
    ("http:/health", 404),
    ("//{}/health", 404),
    ("//health", 404),
    ("{}", 404),
    ("*", 404),
    ("health", 404),
    ("/health#x", 400),
    ("/health?#", 400),
    ("/api/a#b/tasks", 400),
    ("http://{}/health#x", 400),
    ("http://{}#/health", 400),
    ("/api/a%23b/tasks", 200),
]
"""Targets of a GET, with our address for `{}`, and the status of the answer."""


@pytest.mark.spec("001/FR-110")
async def test_target_can_be_a_path_or_a_whole_url(
    served: httpx.AsyncClient, stderr: io.BytesIO
) -> None:
    """RFC 9112, section 3.2.2: a server accepts both, and believes the URL."""
    here = served.base_url.netloc.decode()
    for version in ("1.1", "1.0"):
        for target, status in TARGETS:
            head = (
                f"GET {target.format(here)} HTTP/{version}\r\nHost: {here}\r\n"
            )

            answer = await sent(
                served, f"{head}Connection: close\r\n\r\n".encode()
            )

            first, _, body = answer.partition(b"\r\n\r\n")
            assert int(first.split()[1]) == status, target
            assert json.loads(body)["success"] is (status == 200), target
            assert (b"%23" in body) is (status == 400), target
    lines = await logged(served, stderr, 2 * len(TARGETS))
    assert [int(line.split()[-1]) for line in lines] == 2 * [
        status for _, status in TARGETS
    ]


@pytest.mark.spec("001/FR-101", "001/FR-110")
async def test_target_that_is_no_path_is_an_envelope(
    served: httpx.AsyncClient,
) -> None:
    here = served.base_url.netloc.decode()
    for method in ("OPTIONS", "CONNECT", "HEAD", "POST"):
        for target in ("*", here, f"http://{here}", f"//{here}/api"):
            head = f"{method} {target} HTTP/1.1\r\nHost: {here}\r\n"

            answer = await sent(
                served, f"{head}Connection: close\r\n\r\n".encode()
            )

            assert answer.startswith(b"HTTP/1.1 404 ")
            assert (b"NOT_FOUND" in answer) is (method != "HEAD")


@pytest.mark.spec("001/FR-110")
async def test_url_as_target_stores_what_its_body_says(
    served: httpx.AsyncClient,
) -> None:
    here = served.base_url.netloc.decode()
    body = b'{"title": "x"}'
    head = (
        f"POST http://{here}{TASKS} HTTP/1.1\r\nHost: proxy.example\r\n"
        "Content-Type: application/json\r\nConnection: close\r\n"
    )
    for framing in (
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body),
        b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
        % (len(body), body),
    ):
        answer = await sent(served, head.encode() + framing)
        assert answer.startswith(b"HTTP/1.1 201 ")
        assert b"\r\nlocation: /api/ada/tasks/" in answer

    assert len(data(await served.get(TASKS))) == 2


def chunked(
    served: httpx.AsyncClient,
    method: str,
    path: str,
    body: bytes,
    *,
    more: bytes = b"",
) -> bytes:
    """A request whose body comes in these chunks."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: {served.base_url.netloc.decode()}\r\n"
        "Transfer-Encoding: chunked\r\n"
    )
    return (
        head.encode() + more + b"Content-Type: application/json\r\n\r\n" + body
    )


BEGUN = b'e\r\n{"title": "x"}\r\n'


@pytest.mark.spec("001/FR-114")
async def test_client_that_leaves_before_its_request_is_whole_is_one_line(
    served: httpx.AsyncClient, stderr: io.BytesIO
) -> None:
    await left(served, chunked(served, "POST", TASKS, BEGUN))

    assert await logged(served, stderr, 1) == [f"POST {TASKS} -"]
    assert data(await served.get(TASKS)) == []


@pytest.mark.spec("001/FR-114")
@pytest.mark.parametrize("start", [b"", BEGUN])
@pytest.mark.parametrize(
    ("method", "path"), [("POST", TASKS), ("HEAD", "/nowhere")]
)
async def test_bad_chunk_is_answered_once_and_is_no_bug(
    served: httpx.AsyncClient,
    stderr: io.BytesIO,
    method: str,
    path: str,
    start: bytes,
) -> None:
    answer = await sent(
        served, chunked(served, method, path, start + b"no size\r\n")
    )

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.endswith(b"\r\n\r\n") is (method == "HEAD")
    assert await logged(served, stderr, 1) == [f"{method} {path} 400"]


@pytest.mark.spec("001/FR-114")
async def test_bad_chunk_behind_an_answer_closes_the_connection(
    served: httpx.AsyncClient, stderr: io.BytesIO
) -> None:
    reader, writer = await asyncio.open_connection(
        served.base_url.host, served.base_url.port
    )
    writer.write(chunked(served, "POST", "/nowhere", BEGUN))
    assert (await reader.read(65_536)).startswith(b"HTTP/1.1 404 ")

    writer.write(b"no size\r\n")

    assert await reader.read() == b""
    writer.close()
    assert await logged(served, stderr, 1) == ["POST /nowhere 404"]


@pytest.mark.spec("001/FR-101")
async def test_request_that_turns_out_to_be_broken_deletes_nothing(
    served: httpx.AsyncClient, stderr: io.BytesIO
) -> None:
    task = data(await served.post(TASKS, json={"title": "x"}), 201)
    path = f"{TASKS}/{task['id']}"

    for broken in (b"no size\r\n", BEGUN + b"no size\r\n"):
        answer = await sent(served, chunked(served, "DELETE", path, broken))
        assert answer.startswith(b"HTTP/1.1 400 ")
    await left(served, chunked(served, "DELETE", path, BEGUN))
    assert (await logged(served, stderr, 4))[1:] == [
        f"DELETE {path} 400",
        f"DELETE {path} 400",
        f"DELETE {path} -",
    ]
    assert data(await served.get(path)) == task

    whole = chunked(
        served,
        "DELETE",
        path,
        BEGUN + b"0\r\n\r\n",
        more=b"Connection: close\r\n",
    )
    assert (await sent(served, whole)).startswith(b"HTTP/1.1 200 ")


@pytest.mark.spec("001/FR-114")
async def test_upgrade_is_ignored_and_one_line(
    served: httpx.AsyncClient, stderr: io.BytesIO
) -> None:
    for protocol in ("websocket", "h2c"):
        headers = {"connection": "upgrade", "upgrade": protocol}
        assert data(await served.get(TASKS, headers=headers)) == []

    assert await logged(served, stderr, 2) == [f"GET {TASKS} 200"] * 2


@pytest.mark.spec("001/FR-101")
@pytest.mark.parametrize("requests", [1, 3])
async def test_client_that_closes_its_side_gets_its_answers(
    served: httpx.AsyncClient, stderr: io.BytesIO, requests: int
) -> None:
    """Public reports of the same: «enghitalo/vanilla#103», «httpwg/http-core#22»."""
    body = BEGUN + b"0\r\n\r\n"
    request = chunked(served, "POST", TASKS, body)
    reader, writer = await asyncio.open_connection(
        served.base_url.host, served.base_url.port
    )
    writer.write(requests * request + chunked(served, "POST", TASKS, b"e\r\n"))
    writer.write_eof()

    answers = await reader.read()

    writer.close()
    assert answers.count(b"HTTP/1.1 201 ") == requests
    assert answers.count(b"HTTP/1.1 ") == requests
    lines = [*requests * [f"POST {TASKS} 201"], f"POST {TASKS} -"]
    assert await logged(served, stderr, len(lines)) == lines
