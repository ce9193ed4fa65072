"""Every error is an envelope under the status of the table, and holds nothing of what was sent."""

import json
from typing import Any

import httpx
import pytest

from tests.api.support import TASKS, Log, add, context_for, data, error, opened
from tests.support.stores import Clock, Store
from todo_cli.api import answers
from todo_cli.database.url import SqliteTarget
from todo_cli.errors import Code, TodoError

JSON = {"content-type": "application/json"}
ID = "00000000-0000-4000-8000-000000000000"
MISSING = f"{TASKS}/{ID}"
SECRET = "canary-7f3a"


@pytest.mark.spec("001/FR-101")
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api",
        "/api/ada",
        "/api//tasks",
        f"{TASKS}/",
        "/api/a%2Fb/tasks",
        f"{MISSING}/",
        "/docs/",
        "/HEALTH",
    ],
)
async def test_nothing_there_is_an_envelope(
    client: httpx.AsyncClient, path: str
) -> None:
    fault = error(await client.get(path), 404, "NOT_FOUND")

    assert fault == {"code": "NOT_FOUND", "message": "There is nothing at this path"}


@pytest.mark.spec("001/FR-101")
@pytest.mark.parametrize(
    "path",
    [
        "/api/ada%2Ftasks",
        "/api%2fada/tasks",
        f"{TASKS}%2F{ID}",
        "/%2Fhealth",
        "/api/ada%2F/tasks",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_slash_that_is_written_out_parts_no_path(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    error(await client.request(method, path, json={"title": "x"}), 404, "NOT_FOUND")

    assert data(await client.get(TASKS)) == []


@pytest.mark.spec("001/FR-101")
@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (TASKS, "GET, POST"),
        (MISSING, "DELETE, GET, PUT"),
        ("/health", "GET"),
        ("/docs", "GET, HEAD"),
        ("/openapi.json", "GET, HEAD"),
    ],
)
@pytest.mark.parametrize("method", ["PATCH", "OPTIONS", "TRACE", "QUERY", "X"])
async def test_other_methods_are_told_which_there_are(
    client: httpx.AsyncClient, method: str, path: str, allowed: str
) -> None:
    response = await client.request(method, path, json={})

    error(response, 405, "METHOD_NOT_ALLOWED")
    assert response.headers["allow"] == allowed


@pytest.mark.spec("001/FR-109")
@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
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
        'application/json; charset="utf-8',
        "application/json; x=é",
        "application/json x",
        "é",
    ],
)
@pytest.mark.parametrize(("method", "path"), [("POST", TASKS), ("PUT", MISSING)])
async def test_body_that_does_not_say_it_is_json_is_refused(
    client: httpx.AsyncClient, method: str, path: str, content_type: str | None
) -> None:
    headers = (
        {}
        if content_type is None
        else {b"content-type": content_type.encode("latin-1")}
    )

    response = await client.request(
        method, path, content=b'{"title": "x"}', headers=headers
    )

    error(response, 415, "UNSUPPORTED_MEDIA_TYPE")
    assert data(await client.get(TASKS)) == []


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "APPLICATION/JSON",
        "application/json;charset=UTF-8",
        'application/json; x="y"',
        "\tapplication/json ; charset = utf8;",
        'application/json; x="a;\\"charset=utf-16"; charset="utf-8"',
        "application/json; utf-8",
        "application/json;;x*=y",
    ],
)
async def test_json_is_known_however_it_is_written(
    client: httpx.AsyncClient, content_type: str
) -> None:
    response = await client.post(
        TASKS, content=b'{"title": "x"}', headers={"content-type": content_type}
    )

    data(response, 201)


@pytest.mark.spec("001/FR-109")
@pytest.mark.parametrize(
    "parameter",
    ["x*{}=y", "x*{}*=y", "x*0*=y; x*{}*=utf-8''z", "x={}", "{}=x", "x*=y; x*0={}"],
)
async def test_number_of_any_length_in_a_content_type_is_text(
    client: httpx.AsyncClient, parameter: str
) -> None:
    """Python's header parser counts the parts of a parameter, and reads no more than 4,300 digits.

    A public report of a sibling: «python/cpython#125648».
    """
    for name in (parameter.format("9" * digits) for digits in (1, 4_300, 4_301, 9_000)):
        headers = {"content-type": f"application/json; {name}"}

        data(await client.post(TASKS, content=b'{"title": "x"}', headers=headers), 201)


@pytest.mark.spec("001/FR-109")
@pytest.mark.parametrize("parameter", ["charset*{}=utf-16", "charset*{}*=utf-8''x"])
async def test_charset_in_parts_is_refused(
    client: httpx.AsyncClient, parameter: str
) -> None:
    for name in (parameter.format(number) for number in ("0", "9" * 4_500)):
        headers = {"content-type": f"application/json; {name}"}

        error(
            await client.post(TASKS, content=b'{"title": "x"}', headers=headers),
            415,
            "UNSUPPORTED_MEDIA_TYPE",
        )


@pytest.mark.spec("001/FR-109")
async def test_content_type_said_twice_is_refused(client: httpx.AsyncClient) -> None:
    for second in ("text/plain", "application/json"):
        headers = [("content-type", "application/json"), ("content-type", second)]

        error(
            await client.post(TASKS, content=b'{"title": "x"}', headers=headers),
            415,
            "UNSUPPORTED_MEDIA_TYPE",
        )


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
        b"1",
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
        b"[" * 65_000,
        b'{"a":' * 10_000,
        b'{"title": ' + b"9" * 60_000 + b"}",
        b'{"title": "a\tb"}',
        b'{"title": "\x00"}',
    ],
    ids=lambda body: repr(body[:40]),
)
@pytest.mark.parametrize(("method", "path"), [("POST", TASKS), ("PUT", MISSING)])
async def test_body_that_is_no_json_object_is_refused(
    client: httpx.AsyncClient, method: str, path: str, body: bytes
) -> None:
    error(
        await client.request(method, path, content=body, headers=JSON),
        422,
        "INVALID_INPUT",
    )


@pytest.mark.spec("001/FR-109")
@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["title"]),
        ({"title": None}, ["title"]),
        ({"title": 1}, ["title"]),
        ({"title": ["x"]}, ["title"]),
        ({"title": {"x": {}}}, ["title"]),
        ({"title": ""}, ["title"]),
        ({"title": " \u200d "}, ["title"]),
        ({"title": "x" * 201}, ["title"]),
        ({"title": "a\nb"}, ["title"]),
        ({"title": "a\x00b"}, ["title"]),
        ({"title": "a\x1b[2Jb"}, ["title"]),
        ({"title": "a\u202eb"}, ["title"]),
        ({"title": "a\ud800b"}, ["title"]),
        ({"title": "x", "description": "a\x00b"}, ["description"]),
        ({"title": "x", "description": "\udfff"}, ["description"]),
        ({"title": "x", "description": "d" * 10_001}, ["description"]),
        ({"title": "x", "description": 1e999}, None),
        ({"title": "x", "id": "1"}, ["id"]),
        ({"title": "x", "id": 1}, ["id"]),
        ({"title": "x", "id": "6f9619ff8b864d01b42d00cf4fc964ff"}, ["id"]),
        ({"title": "x", "id": "{6f9619ff-8b86-4d01-b42d-00cf4fc964ff}"}, ["id"]),
        ({"title": "x", "id": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff\n"}, ["id"]),
        ({"title": "x", "user_id": "bob"}, ["body"]),
        ({"title": "x", "completed": True}, ["body"]),
        ({"title": "x", "number": 7}, ["body"]),
        ({"title": 1, "a": 1, "b": 2}, ["title", "body", "body"]),
    ],
    ids=lambda value: repr(value)[:50],
)
async def test_post_refuses_what_breaks_a_rule(
    client: httpx.AsyncClient, body: dict[str, Any], fields: list[str] | None
) -> None:
    response = await client.post(TASKS, content=json.dumps(body).encode(), headers=JSON)

    fault = error(response, 422, "INVALID_INPUT")
    assert fields is None or [detail["field"] for detail in fault["details"]] == fields
    assert data(await client.get(TASKS)) == []


@pytest.mark.spec("001/FR-104")
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"id": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"},
        {"title": "x", "id": None},
        {"title": "x", "user_id": "bob"},
        {"number": 1},
        {"completed_at": None},
        {"status": "done"},
        {"title": None},
        {"completed": None},
        {"completed": 1},
        {"completed": "true"},
        {"title": "x", "description": "\u2028"},
    ],
    ids=str,
)
async def test_put_refuses_what_breaks_a_rule(
    client: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    task = await add(client)

    error(await client.put(f"{TASKS}/{task['id']}", json=body), 422, "INVALID_INPUT")

    assert data(await client.get(TASKS)) == [task]


@pytest.mark.parametrize(
    "user",
    [
        "%00",
        "%1B",
        "%E2%80%AE",
        "%20",
        "%2E",
        "%2E%2E",
        "a%0Ab",
        "x" * 256,
        "%E2%80%8D",
        "%ED%A0%80",
        "%FF",
    ],
)
async def test_user_that_breaks_a_rule_is_refused(
    client: httpx.AsyncClient, user: str
) -> None:
    address = httpx.URL("http://127.0.0.1:8000", raw_path=f"/api/{user}/tasks".encode())

    error(await client.get(address), 422, "INVALID_INPUT")
    error(await client.post(address, json={"title": "x"}), 422, "INVALID_INPUT")


@pytest.mark.parametrize(
    "id",
    [
        "1",
        "0",
        "-1",
        "x",
        "6f9619ff8b864d01b42d00cf4fc964ff",
        "6f9619ff-8b86-4d01-b42d-00cf4fc964f%C3%A9",
        "%00",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_task_is_named_by_a_uuid_alone(
    client: httpx.AsyncClient, method: str, id: str
) -> None:
    body = {"title": "x"} if method == "PUT" else None

    error(
        await client.request(method, f"{TASKS}/{id}", json=body), 422, "INVALID_INPUT"
    )


@pytest.mark.spec("001/FR-109")
@pytest.mark.parametrize(
    "body",
    [
        {"title": SECRET * 30},
        {"title": f"{SECRET}\x00"},
        {"title": {SECRET: SECRET}},
        {"title": "x", SECRET: 1},
        {"title": "x", "id": SECRET},
        {"title": "x", "description": [SECRET]},
    ],
    ids=lambda body: repr(body)[:40],
)
async def test_error_holds_nothing_of_what_was_sent(
    client: httpx.AsyncClient, log: Log, body: object
) -> None:
    response = await client.post(TASKS, content=json.dumps(body).encode(), headers=JSON)
    asked = await client.get(TASKS, params={"status": SECRET, SECRET: SECRET})

    assert response.status_code == asked.status_code == 422
    assert SECRET not in response.text + asked.text
    assert SECRET not in log.lines[0]


@pytest.mark.spec("001/FR-109")
@pytest.mark.parametrize("size", [64 * 1024 + 1, 20_000_000])
@pytest.mark.parametrize("is_chunked", [False, True])
async def test_body_above_64_kib_is_refused(
    client: httpx.AsyncClient, size: int, is_chunked: bool
) -> None:
    read = 0

    async def chunks() -> Any:
        nonlocal read
        for _ in range(0, size, 4096):
            read += 4096
            yield b" " * 4096

    response = await client.post(
        TASKS, content=chunks() if is_chunked else b" " * size, headers=JSON
    )

    error(response, 413, "PAYLOAD_TOO_LARGE")
    assert response.headers["connection"] == "close"
    assert not is_chunked or size < 100_000 or read < 200_000


async def test_body_of_64_kib_is_read(client: httpx.AsyncClient) -> None:
    body = b'{"title": "x"}'

    response = await client.post(
        TASKS, content=body + b" " * (64 * 1024 - len(body)), headers=JSON
    )

    data(response, 201)


async def test_largest_task_fits_into_the_limit_also_where_every_character_is_escaped(
    client: httpx.AsyncClient,
) -> None:
    body = {"title": "é" * 200, "description": "é" * 10_000}

    data(await client.post(TASKS, content=json.dumps(body).encode(), headers=JSON), 201)


@pytest.mark.spec("001/FR-110")
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1",
        "127.0.0.1:8001",
        "evil.example:8000",
        "127.0.0.1:8000.evil.example",
        "",
        "é",
    ],
)
async def test_another_host_is_refused_on_every_path(
    client: httpx.AsyncClient, host: str
) -> None:
    for path in (TASKS, "/docs", "/openapi.json", "/health", "/nowhere"):
        response = await client.get(path, headers={b"host": host.encode("latin-1")})

        error(response, 403, "FORBIDDEN")


@pytest.mark.spec("001/FR-110")
async def test_pages_of_other_origins_are_allowed_nothing(
    client: httpx.AsyncClient,
) -> None:
    headers = {"origin": "http://evil.example", "access-control-request-method": "POST"}

    for response in (
        await client.get(TASKS, headers=headers),
        await client.options(TASKS, headers=headers),
        await client.post(
            TASKS,
            content=b'{"title": "x"}',
            headers={**headers, "content-type": "text/plain"},
        ),
    ):
        assert [
            name
            for name in response.headers
            if name.startswith("access-control") or name == "server"
        ] == []
    assert data(await client.get(TASKS)) == []


@pytest.mark.spec("001/FR-102")
@pytest.mark.parametrize("code", [code for code in Code if code.http is not None])
def test_every_code_has_the_status_of_the_table(code: Code) -> None:
    kind = next(kind for kind in kinds(TodoError) if kind.code is code)

    response = answers.fail(kind("What happened", hint="todo doctor"))

    assert response.status_code == code.http
    assert json.loads(bytes(response.body))["error"]["code"] == code.name
    assert b"todo doctor" not in bytes(response.body)  # words for the command line
    assert ("retry-after" in response.headers) == (response.status_code in (503, 504))


def kinds(kind: type[TodoError]) -> list[type[TodoError]]:
    """Every class of error below this one."""
    return [each for child in kind.__subclasses__() for each in (child, *kinds(child))]


@pytest.mark.spec("001/FR-101")
async def test_bug_is_an_envelope_and_its_text_stays_inside(
    clock: Clock, log: Log, sqlite_store: Store
) -> None:
    def broken() -> Any:
        raise KeyError(SECRET)

    async with opened(context_for(sqlite_store.target, broken, log)) as client:
        fault = error(await client.post(TASKS, json={"title": "x"}), 500, "INTERNAL")

    assert fault["message"] == "A bug in todo: KeyError"
    assert len(log.lines) == 2
    assert log.lines[0].startswith("bug: KeyError in ")
    assert log.lines[1].startswith(f"POST {TASKS} 500 ")
    assert SECRET not in "".join(log.lines)


@pytest.mark.spec("001/FR-115")
@pytest.mark.nothing_made
async def test_health_is_200_also_where_there_is_no_store_yet(
    client: httpx.AsyncClient,
) -> None:
    assert data(await client.get("/health")) == {"status": "ok"}
    await add(client)
    assert data(await client.get("/health")) == {"status": "ok"}


@pytest.mark.spec("001/FR-115")
async def test_health_is_503_whatever_stands_in_the_way(
    clock: Clock, log: Log, sqlite_store: Store
) -> None:
    target = sqlite_store.target
    assert isinstance(target, SqliteTarget)
    target.path.write_bytes(
        b"this is no database, but long enough to be looked at" * 100
    )

    async with opened(context_for(target, clock, log)) as client:
        response = await client.get("/health")
        fault = error(response, 503, "DATABASE_UNAVAILABLE")
        assert fault["details"] == [{"field": "code", "message": "IO_ERROR"}]
        assert response.headers["retry-after"] == "1"
        error(await client.get(TASKS), 500, "IO_ERROR")


async def test_log_shows_no_control_characters_and_no_endless_line(
    client: httpx.AsyncClient, log: Log
) -> None:
    await client.get("/%1b%5b31m%0aINFO: fake")
    await client.request("GET", "/x" + "y" * 5_000)
    await client.request("X" * 5_000, "/x")

    assert log.lines[0].startswith("GET /%1b%5b31m%0aINFO:%20fake 404 ")
    assert [len(line) < 600 for line in log.lines[1:]] == [True, True]
