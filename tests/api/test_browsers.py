"""What browsers, caches and those who only ask for heads get."""

import io

import httpx
import pytest

from tests.api.support import TASKS, add, data, error
from tests.api.wire import logged, sent
from todo_cli.api import answers

SAFE = {name.decode(): value.decode() for name, value in answers.SAFE}
USER = TASKS.removesuffix("/tasks")


@pytest.fixture
def client(client_embedded: httpx.AsyncClient) -> httpx.AsyncClient:
    return client_embedded


@pytest.mark.spec("001/FR-138")
async def test_every_answer_is_neither_kept_nor_guessed_at(
    client: httpx.AsyncClient,
) -> None:
    await add(client)
    etag = {"if-none-match": '"1"'}
    for method, path, headers in (
        ("GET", TASKS, {}),
        ("HEAD", TASKS, {}),
        ("GET", f"{TASKS}/1", etag),
        ("GET", "/docs", {}),
        ("GET", "/docs/swagger-ui.css", {}),
        ("GET", "/openapi.json", {}),
        ("GET", "/health", {}),
        ("GET", "/nowhere", {}),
        ("POST", "/health", {}),
        ("POST", TASKS, {}),
        ("GET", f"{TASKS}/x", {}),
        ("GET", TASKS, {"host": "example.org"}),
        ("GET", TASKS, {"sec-fetch-site": "cross-site"}),
    ):
        response = await client.request(method, path, headers=headers)
        found = response.headers.multi_items()
        for pair in SAFE.items():
            assert found.count(pair) == 1, (method, path)


@pytest.mark.spec("001/FR-138")
async def test_what_is_not_http_is_answered_alike(
    served: httpx.AsyncClient,
) -> None:
    answer = (await sent(served, b"hello\r\n\r\n")).lower()

    assert answer.startswith(b"http/1.1 400 ")
    for name, value in answers.SAFE:
        assert b"\r\n" + name + b": " + value + b"\r\n" in answer


@pytest.mark.spec("001/FR-137")
async def test_head_is_the_head_of_get(client: httpx.AsyncClient) -> None:
    await add(client)
    for path in (
        TASKS,
        f"{TASKS}?limit=x",
        f"{TASKS}/1",
        f"{TASKS}/1/history",
        f"{TASKS}/2",
        f"{USER}/history",
        "/health",
        "/docs",
        "/openapi.json",
        "/nowhere",
    ):
        whole, head = await client.get(path), await client.head(path)

        assert head.status_code == whole.status_code, path
        assert head.headers == whole.headers
        assert (head.content, whole.content == b"") == (b"", False)
    for path in (f"{USER}/undo", f"{TASKS}/1/restore"):
        response = await client.head(path)
        assert (response.status_code, response.headers["allow"]) == (
            405,
            "POST",
        )


@pytest.mark.spec("001/FR-137", "001/FR-114")
async def test_head_is_one_line_of_the_log_and_has_no_body_on_the_wire(
    served: httpx.AsyncClient, stderr: io.BytesIO
) -> None:
    host = f"{served.base_url.host}:{served.base_url.port}".encode()
    head = b"HEAD /api/ada/tasks HTTP/1.1\r\nHost: " + host + b"\r\n"

    answer = await sent(served, head + b"Connection: close\r\n\r\n")

    first, end, rest = answer.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 200 ")
    whole = await served.get(TASKS)
    assert f"content-length: {len(whole.content)}".encode() in first.lower()
    assert (end, rest) == (b"\r\n\r\n", b"")
    lines = await logged(served, stderr, 2)
    assert lines == [f"HEAD {TASKS} 200", f"GET {TASKS} 200"]


@pytest.mark.spec("001/FR-139")
async def test_pages_of_other_sites_are_refused_and_change_nothing(
    client: httpx.AsyncClient,
) -> None:
    await add(client)
    for site in ("cross-site", "same-site", "", "Same-Origin", "new"):
        for method, path, body in (
            ("GET", TASKS, None),
            ("HEAD", TASKS, None),
            ("POST", TASKS, {"title": "x"}),
            ("DELETE", f"{TASKS}/1", None),
            ("GET", "/health", None),
            ("GET", "/openapi.json", None),
            ("GET", "/docs", None),
        ):
            response = await client.request(
                method, path, json=body, headers={"sec-fetch-site": site}
            )
            assert response.status_code == 403
            if method != "HEAD":
                error(response, 403, "FORBIDDEN")
    for site in ("same-origin", "none"):
        response = await client.get(TASKS, headers={"sec-fetch-site": site})
        assert len(data(response)) == 1
    twice = [("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")]
    error(await client.get(TASKS, headers=twice), 403, "FORBIDDEN")


@pytest.mark.spec("001/FR-139")
async def test_a_link_of_another_site_leads_to_the_docs_and_nowhere_else(
    client: httpx.AsyncClient,
) -> None:
    link = {
        "sec-fetch-site": "cross-site",
        "sec-fetch-mode": "navigate",
        "sec-fetch-dest": "document",
    }
    for method, path, change, status in (
        ("GET", "/docs", {}, 200),
        ("HEAD", "/docs", {}, 200),
        ("POST", "/docs", {}, 403),
        ("GET", "/docs/start.js", {}, 403),
        ("GET", TASKS, {}, 403),
        ("GET", "/docs", {"sec-fetch-dest": "iframe"}, 403),
        ("GET", "/docs", {"sec-fetch-mode": "no-cors"}, 403),
    ):
        response = await client.request(method, path, headers=link | change)
        assert response.status_code == status, (method, path, change)


@pytest.mark.spec("001/FR-141")
async def test_an_unknown_path_names_the_docs(
    client: httpx.AsyncClient,
) -> None:
    for path in (
        "/",
        "/api",
        "/api/ada",
        f"{TASKS}/",
        "/docs/x",
        "/api/a%2Fb",
    ):
        fault = error(await client.get(path), 404, "NOT_FOUND")
        assert fault["hint"].startswith("/docs "), path
    assert "/docs" not in (await client.get(f"{TASKS}/1")).text
    response = await client.post(f"{TASKS}/1", json={})
    fault = error(response, 405, "METHOD_NOT_ALLOWED")
    assert fault["message"].endswith("DELETE, GET, HEAD, PATCH, PUT")
    assert response.headers["allow"] == "DELETE, GET, HEAD, PATCH, PUT"
