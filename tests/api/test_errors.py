"""Every error is an envelope under the status of its code, and repeats nothing sent."""

import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.support import TASKS, Log, add, context_for, data, error, opened
from tests.support.impostor import impostor, welcome
from tests.support.stores import Clock, Store
from todo_cli.api import answers, json_body
from todo_cli.database.url import SqliteTarget, parse_url
from todo_cli.errors import Code, InvalidInput, TodoError

JSON = {"content-type": "application/json"}
ID = "00000000-0000-4000-8000-000000000000"
MISSING = f"{TASKS}/{ID}"
SECRET = "canary-7f3a"
WITH_BODY = [
    ("POST", TASKS),
    ("PUT", MISSING),
    ("POST", f"{MISSING}/restore"),
    ("POST", "/api/ada/undo"),
    ("POST", "/api/ada/redo"),
]


@pytest.fixture
async def client(
    client_embedded: httpx.AsyncClient,
) -> AsyncIterator[httpx.AsyncClient]:
    """SQLite is enough: no error of this module comes from a store."""
    yield client_embedded
    assert data(await client_embedded.get(TASKS)) == []


# Paths, methods and hosts


@pytest.mark.spec("001/FR-101")
async def test_nothing_there_is_an_envelope(client: httpx.AsyncClient) -> None:
    paths = [
        "/",
        "/api",
        "/api/ada",
        "/api/ada/history/",
        "/api//history",
        "/api//tasks",
        f"{TASKS}/",
        f"{MISSING}/",
        f"{MISSING}/history/",
        f"{MISSING}/undo",
    ]

    for path in [*paths, "/docs/", "/HEALTH", "/api/ada/tasks/a/b"]:
        assert "details" not in error(await client.get(path), 404, "NOT_FOUND")


@pytest.mark.spec("001/FR-101")
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_escaped_slash_is_no_slash_of_the_path(
    client: httpx.AsyncClient, method: str
) -> None:
    for path in (
        "/api/ada%2Ftasks",
        "/api%2fada/tasks",
        "/api/a%2Fb/tasks",
        f"{TASKS}%2F{ID}",
        "/%2Fhealth",
    ):
        error(
            await client.request(method, path, json={"title": "x"}),
            404,
            "NOT_FOUND",
        )


@pytest.mark.spec("001/FR-101")
async def test_other_methods_are_told_which_there_are(
    client: httpx.AsyncClient,
) -> None:
    allowed = {
        TASKS: "GET, HEAD, POST",
        MISSING: "DELETE, GET, HEAD, PATCH, PUT",
        f"{MISSING}/restore": "POST",
        f"{MISSING}/history": "GET, HEAD",
        "/api/ada/history": "GET, HEAD",
        "/api/ada/undo": "POST",
        "/api/ada/redo": "POST",
        "/health": "GET, HEAD",
        "/docs": "GET, HEAD",
        "/openapi.json": "GET, HEAD",
    }
    for path, methods in allowed.items():
        for method in ("LINK", "OPTIONS", "TRACE", "QUERY", "X"):
            response = await client.request(method, path, json={})

            error(response, 405, "METHOD_NOT_ALLOWED")
            assert response.headers["allow"] == methods


@pytest.mark.spec("001/FR-110")
async def test_another_host_is_refused_on_every_path(
    client: httpx.AsyncClient,
) -> None:
    hosts = [
        "evil.example",
        "127.0.0.1",
        "127.0.0.1:8001",
        "evil.example:8000",
    ]

    for host in [*hosts, "127.0.0.1:8000.evil.example", "", "é"]:
        for path in (TASKS, "/docs", "/openapi.json", "/health", "/nowhere"):
            response = await client.get(
                path, headers={b"host": host.encode("latin-1")}
            )

            error(response, 403, "FORBIDDEN")


@pytest.mark.spec("001/FR-110")
async def test_pages_of_other_origins_are_allowed_nothing(
    client: httpx.AsyncClient,
) -> None:
    headers = {
        "origin": "http://evil.example",
        "access-control-request-method": "POST",
    }
    plain = {**headers, "content-type": "text/plain"}

    for response in (
        await client.get(TASKS, headers=headers),
        await client.options(TASKS, headers=headers),
        await client.post(TASKS, content=b'{"title": "x"}', headers=plain),
    ):
        names = list(response.headers)
        assert [
            name for name in names if name.startswith("access-control")
        ] == []


# Bodies


@pytest.mark.spec("001/FR-109")
def test_json_is_known_by_its_content_type() -> None:
    """Python's own parser of headers fails on long numbers, as in «python/cpython#125648»."""
    digits = "9" * 9_000

    for content_type in (
        "application/json",
        "APPLICATION/JSON",
        "application/json;charset=UTF-8",
        'application/json; x="y"',
        "\tapplication/json ; charset = utf8;",
        'application/json; x="a;\\"charset=utf-16"; charset="utf-8"',
        "application/json; utf-8",
        "application/json;;x*=y",
        f"application/json; x*{digits}=y",
        f"application/json; x*0*=y; x*{digits}*=utf-8''z",
        f"application/json; {digits}=x",
    ):
        assert json_body.is_json(content_type), content_type
    for content_type in (
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/merge-patch+json",
        "application/jsonp",
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
        "text/plain; application/json",
        "application/json, text/plain",
        "application/json; charset",
        "application/json; charset=",
        "application/json; charset=utf-8; charset=utf-16",
        "application/json; charset*=utf-16''x",
        f"application/json; charset*{digits}*=utf-8''x",
        'application/json; charset="utf-8',
        "application/json; x=é",
        "application/json x",
        "é",
    ):
        assert not json_body.is_json(content_type), content_type


@pytest.mark.spec("001/FR-109", "001/FR-127")
@pytest.mark.parametrize(("method", "path"), WITH_BODY)
async def test_a_missing_body_is_answered_with_what_to_send(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    say = "send a JSON object, at least {}"
    for content in (b"", b" \r\n"):
        answer = await client.request(
            method, path, content=content, headers=JSON
        )
        message = error(answer, 422, "INVALID_INPUT")["message"]
        assert message == f"body: is missing; {say}"
    answer = await client.request(method, path)
    message = error(answer, 415, "UNSUPPORTED_MEDIA_TYPE")["message"]
    assert message == f"There is no body; {say}, as application/json"


@pytest.mark.spec("001/FR-109")
@pytest.mark.parametrize(("method", "path"), WITH_BODY)
async def test_body_that_does_not_say_it_is_json_is_refused(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    twice = [("content-type", "application/json")] * 2
    bad: list[Any] = [
        {},
        {"content-type": "text/plain"},
        {"content-type": ""},
        twice,
    ]

    for headers in bad:
        response = await client.request(
            method, path, content=b'{"title": "x"}', headers=headers
        )

        error(response, 415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.spec("001/FR-109")
@pytest.mark.parametrize(("method", "path"), WITH_BODY)
async def test_body_that_is_compressed_is_refused(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    """RFC 9110, section 15.5.16: the answer says which encodings would do."""
    body = gzip.compress(b'{"title": "x"}')
    for codings in (
        ["gzip"],
        ["X-GZIP"],
        ["br"],
        ["aws-chunked"],
        ["identity, gzip"],
        ["gzip,\tidentity"],
        ["identity", "gzip"],
    ):
        encoded = [("content-encoding", coding) for coding in codings]

        response = await client.request(
            method, path, content=body, headers=[*JSON.items(), *encoded]
        )

        failure = error(response, 415, "UNSUPPORTED_MEDIA_TYPE")
        assert failure["message"].startswith("Content-Encoding: ")
        assert response.headers["accept-encoding"] == "identity"


@pytest.mark.spec("001/FR-109")
async def test_body_without_an_encoding_can_say_so(
    client: httpx.AsyncClient,
) -> None:
    for coding in (
        "identity",
        "Identity",
        "",
        " , identity,",
        "identity,identity",
    ):
        headers = {**JSON, "content-encoding": coding}

        response = await client.post(
            TASKS, content=b'{"title": ""}', headers=headers
        )

        error(response, 422, "INVALID_INPUT")


async def test_body_can_have_a_content_type_that_python_cannot_read(
    client: httpx.AsyncClient,
) -> None:
    headers = {"content-type": f"application/json; x*{'9' * 4_301}*=y"}

    response = await client.post(
        TASKS, content=b'{"title": ""}', headers=headers
    )

    error(response, 422, "INVALID_INPUT")


@pytest.mark.spec("001/FR-109")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"{",
        b'{"title": "x"} {}',
        b'{"title": "x",}',
        b"{'title': 'x'}",
        b"[]",
        b'"x"',
        b"null",
        b'{"title": NaN}',
        b'{"title": "x", "id": Infinity}',
        b'{"title": "x", "description": -Infinity}',
        b'{"title": "x", "title": "y"}',
        b'{"title": "\xff"}',
        b'{"title": "\xed\xa0\x80"}',
        b'\xef\xbb\xbf{"title": "x"}',
        '{"title": "x"}'.encode("utf-16"),
        '{"title": "x"}'.encode("utf-32-le"),
        b'{"title": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        b'{"a":' * 10_000,
        b'{"title": ' + b"9" * 60_000 + b"}",
        b'{"title": "a\tb"}',
    ],
    ids=lambda body: repr(body[:40]),
)
def test_parse_refuses_what_is_no_json_object(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        json_body.parse(body)


@pytest.mark.spec("001/FR-109")
@pytest.mark.parametrize(("method", "path"), WITH_BODY)
async def test_body_that_is_no_json_object_is_refused(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    for body in (b"", b"[]", b'{"title": "x", "title": "y"}', b"[" * 65_000):
        response = await client.request(
            method, path, content=body, headers=JSON
        )

        error(response, 422, "INVALID_INPUT")


@pytest.mark.spec("001/FR-109")
@pytest.mark.parametrize("size", [64 * 1024 + 1, 20_000_000])
@pytest.mark.parametrize("is_chunked", [False, True])
async def test_body_above_64_kib_is_refused(
    client: httpx.AsyncClient, size: int, is_chunked: bool
) -> None:
    read = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(0, size, 4096):
            read += 4096
            yield b" " * 4096

    content = chunks() if is_chunked else b" " * size
    response = await client.post(TASKS, content=content, headers=JSON)

    error(response, 413, "PAYLOAD_TOO_LARGE")
    assert response.headers["connection"] == "close"
    assert read < 80_000


@pytest.mark.spec("001/FR-109")
async def test_body_of_a_delete_is_not_larger(
    client: httpx.AsyncClient,
) -> None:
    task = await add(client)
    path = f"{TASKS}/{task['id']}"

    for size, status in ((64 * 1024 + 1, 413), (64 * 1024, 200)):
        response = await client.request("DELETE", path, content=b" " * size)

        assert response.status_code == status
    assert data(await client.get(path))["deleted_at"] is not None


async def test_largest_task_and_64_kib_are_read(
    client_embedded: httpx.AsyncClient,
) -> None:
    largest = {"title": "é" * 200, "description": "é" * 10_000}

    for body in (
        b'{"title": "x"}'.ljust(64 * 1024),
        json.dumps(largest).encode(),
    ):
        data(
            await client_embedded.post(TASKS, content=body, headers=JSON), 201
        )


# Values


@pytest.mark.spec("001/FR-109")
@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["title"]),
        ({"title": None}, ["title"]),
        ({"title": 1}, ["title"]),
        ({"title": {"x": {}}}, ["title"]),
        ({"title": " \u200d "}, ["title"]),
        ({"title": "x" * 201}, ["title"]),
        ({"title": "a\ud800b"}, ["title"]),
        ({"title": "x", "description": "a\x00b"}, ["description"]),
        ({"title": "x", "description": 1e999}, ["body"]),
        ({"title": "x", "id": 1}, ["id"]),
        ({"title": "x", "id": "6f9619ff8b864d01b42d00cf4fc964ff"}, ["id"]),
        ({"title": "x", "user_id": "bob"}, ["body"]),
        ({"title": "x", "completed": 1}, ["completed"]),
        ({"title": "x", "completed": None}, ["completed"]),
        ({"title": 1, "a": 1, "b": 2}, ["title", "body", "body"]),
    ],
    ids=lambda value: repr(value)[:50],
)
async def test_post_refuses_what_breaks_a_rule(
    client: httpx.AsyncClient, body: dict[str, Any], fields: list[str]
) -> None:
    response = await client.post(
        TASKS, content=json.dumps(body).encode(), headers=JSON
    )

    fault = error(response, 422, "INVALID_INPUT")
    assert [detail["field"] for detail in fault["details"]] == fields


@pytest.mark.spec("001/FR-104")
async def test_put_refuses_what_breaks_a_rule(
    client_embedded: httpx.AsyncClient,
) -> None:
    task = await add(client_embedded)
    path = f"{TASKS}/{task['id']}"

    for body in (
        {},
        {"title": "x", "id": None},
        {"title": "x", "user_id": "bob"},
        {"completed_at": None},
        {"status": "done"},
        {"title": None},
        {"completed": None},
        {"completed": 1},
        {"completed": "true"},
        {"title": "x", "description": "\u2028"},
    ):
        error(await client_embedded.put(path, json=body), 422, "INVALID_INPUT")

    assert data(await client_embedded.get(TASKS)) == [task]


async def test_path_that_breaks_a_rule_is_refused(
    client: httpx.AsyncClient,
) -> None:
    users = ["%00", "%1B", "%E2%80%AE", "%20", "%2E", "%2E%2E", "x" * 256]
    paths = [f"/api/{user}/tasks" for user in [*users, "%ED%A0%80", "%FF"]]
    ids = [
        "0",
        "01",
        "-1",
        "%231",
        "9" * 11,
        "%D9%A1",
        "x",
        "6f9619ff8b864d01b42d00cf4fc964ff",
        "%00",
        f"{ID}%C3%A9",
    ]

    for path in [*paths, *(f"{TASKS}/{id}" for id in ids)]:
        address = httpx.URL("http://127.0.0.1:8000", raw_path=path.encode())
        for method in (
            ["GET", "POST"] if path in paths else ["GET", "PUT", "DELETE"]
        ):
            body = {"title": "x"} if method in ("POST", "PUT") else None

            response = await client.request(method, address, json=body)
            error(response, 422, "INVALID_INPUT")


@pytest.mark.spec("001/FR-109")
async def test_error_repeats_nothing_of_what_was_sent(
    client: httpx.AsyncClient, log: Log
) -> None:
    for body in (
        {"title": SECRET * 30},
        {"title": f"{SECRET}\x00"},
        {"title": {SECRET: SECRET}},
        {"title": "x", SECRET: 1},
        {"title": "x", "id": SECRET},
        {"title": "x", "description": [SECRET]},
    ):
        response = await client.post(TASKS, json=body)

        assert response.status_code == 422
        assert SECRET not in response.text
    assert SECRET not in "".join(log.lines)
    names = ("status", "due", "priority", "since", "until", "sort", "limit")
    for name in (*names, "today", "cursor", SECRET):
        response = await client.get(TASKS, params={name: SECRET})

        assert response.status_code == 422
        assert SECRET not in response.text


# Codes, bugs, health and the log


@pytest.mark.spec("001/FR-102")
def test_every_code_has_the_status_of_the_table() -> None:
    kinds_by_code = {kind.code: kind for kind in kinds(TodoError)}

    for code in (code for code in Code if code.http is not None):
        told = kinds_by_code[code]("What happened", hint="todo doctor")
        response = answers.fail(told)

        assert response.status_code == code.http
        assert json.loads(bytes(response.body))["error"]["code"] == code.name
        assert b"todo doctor" not in bytes(
            response.body
        )  # for the command line
        assert ("retry-after" in response.headers) == (code.http in (503, 504))


def kinds(kind: type[TodoError]) -> list[type[TodoError]]:
    """Every class of error below this one."""
    return [
        each
        for child in kind.__subclasses__()
        for each in (child, *kinds(child))
    ]


@pytest.mark.spec("001/FR-101")
async def test_bug_is_an_envelope_and_its_text_stays_inside(
    log: Log, sqlite_store: Store
) -> None:
    def broken() -> Any:
        raise KeyError(SECRET)

    async with opened(context_for(sqlite_store.target, broken, log)) as client:
        response = await client.post(TASKS, json={"title": "x"})

    error(response, 500, "INTERNAL")
    assert log.lines[0].startswith("bug: KeyError in ")
    assert log.lines[1].startswith(f"POST {TASKS} 500 ")
    assert SECRET not in response.text + "".join(log.lines)


@pytest.mark.spec("001/FR-115")
async def test_health_is_503_whatever_is_wrong_with_the_store(
    clock: Clock, log: Log, sqlite_store: Store
) -> None:
    target = sqlite_store.target
    assert isinstance(target, SqliteTarget)
    target.path.write_bytes(
        b"no database, but long enough to be looked at" * 100
    )

    async with opened(context_for(target, clock, log)) as client:
        response = await client.get("/health")
        fault = error(response, 503, "DATABASE_UNAVAILABLE")
        assert fault["details"] == [{"field": "code", "message": "IO_ERROR"}]
        # Trying again does not help.
        assert "hint" not in fault
        assert response.headers["retry-after"] == "1"
        error(await client.get(TASKS), 500, "IO_ERROR")


@pytest.mark.spec("002/FR-182")
async def test_health_is_503_if_the_database_is_not_utf_8(
    clock: Clock, log: Log
) -> None:
    async with impostor(welcome(server_encoding="SQL_ASCII")) as (port, _):
        target = parse_url(f"postgresql://ada@127.0.0.1:{port}", cwd=Path("/"))
        async with opened(context_for(target, clock, log)) as client:
            fault = error(
                await client.get("/health"), 503, "DATABASE_UNAVAILABLE"
            )
            assert fault["details"] == [{"field": "code", "message": "CONFIG"}]
            error(await client.get(TASKS), 500, "CONFIG")


@pytest.mark.spec("001/FR-114")
async def test_log_shows_no_control_characters_and_no_endless_line(
    client: httpx.AsyncClient, log: Log
) -> None:
    await client.get("/%1b%5b31m%0aINFO: fake")
    await client.request("GET", "/x" + "y" * 5_000)
    await client.request("X" * 5_000, "/x")

    assert log.lines[0].startswith("GET /%1b%5b31m%0aINFO:%20fake 404 ")
    assert [len(line) < 600 for line in log.lines[1:]] == [True, True]
