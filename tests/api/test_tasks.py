"""The five endpoints, where all goes well.

On SQLite: what a store does is tested in tests/service, and that both stores give the
same answers in test_parity.py.
"""

from uuid import UUID, uuid4

import httpx
import pytest

from tests.api.support import TASKS, Log, add, data, error
from tests.support.stores import Clock
from todo_cli.task import Task

pytestmark = pytest.mark.nothing_made


@pytest.fixture
def client(client_embedded: httpx.AsyncClient) -> httpx.AsyncClient:
    return client_embedded


@pytest.mark.spec("001/FR-103")
async def test_post_stores_a_task_and_says_where_it_is(
    client: httpx.AsyncClient,
) -> None:
    body = {"title": "  Buy milk ", "description": "2 l\r\nfresh"}
    response = await client.post(TASKS, json=body)

    task = data(response, 201)
    assert list(task) == list(Task.__slots__)
    assert UUID(task["id"]).version == 4
    assert (
        task
        | {
            "number": 1,
            "user_id": "ada",
            "title": "Buy milk",
            "description": "2 l\nfresh",
            "completed": False,
            "created_at": "2026-01-02T03:04:05.000000Z",
            "updated_at": "2026-01-02T03:04:05.000000Z",
            "completed_at": None,
        }
        == task
    )
    assert data(await client.get(response.headers["location"])) == task


@pytest.mark.spec("001/FR-103")
async def test_post_with_an_id_can_be_repeated(
    client: httpx.AsyncClient, clock: Clock
) -> None:
    id = str(uuid4())
    first = await client.post(
        TASKS, json={"id": id.upper(), "title": "Buy milk"}
    )
    clock.tick()

    second = await client.post(TASKS, json={"id": id, "title": "Buy oat milk"})

    assert data(first, 201) == data(second)
    assert (
        first.headers["location"]
        == second.headers["location"]
        == f"{TASKS}/{id}"
    )
    assert (await add(client, "Next"))["number"] == 2


@pytest.mark.spec("001/FR-103")
async def test_post_with_the_id_of_another_user_is_a_conflict(
    client: httpx.AsyncClient,
) -> None:
    theirs = await add(client, user="bob")

    response = await client.post(
        TASKS, json={"id": theirs["id"], "title": "Mine"}
    )

    error(response, 409, "CONFLICT")
    assert data(await client.get(TASKS)) == []
    assert data(await client.get(f"/api/bob/tasks/{theirs['id']}")) == theirs


async def test_get_takes_an_id_in_any_case(client: httpx.AsyncClient) -> None:
    task = await add(client)

    assert data(await client.get(f"{TASKS}/{task['id'].upper()}")) == task


@pytest.mark.spec("001/FR-104")
async def test_put_changes_the_named_fields_and_no_others(
    client: httpx.AsyncClient, clock: Clock
) -> None:
    task = await add(client, description="fresh")
    path = f"{TASKS}/{task['id']}"

    changes: list[tuple[dict[str, object], dict[str, object]]] = [
        ({"title": "Buy oat milk"}, {"title": "Buy oat milk"}),
        ({"description": None}, {"description": None}),
        ({"description": "a\r\nb"}, {"description": "a\nb"}),
        ({"description": ""}, {"description": None}),
        ({"completed": True}, {"completed": True, "completed_at": at(5)}),
        ({"completed": False}, {"completed": False, "completed_at": None}),
        (
            {"title": "x", "description": "y"},
            {"title": "x", "description": "y"},
        ),
    ]
    for second, (body, expected) in enumerate(changes, 1):
        clock.tick()
        if task | expected != task:
            expected = expected | {"updated_at": at(second)}
        task = task | expected

        assert data(await client.put(path, json=body)) == task
        assert data(await client.get(path)) == task


def at(second: int) -> str:
    """A time after the beginning of a test."""
    return f"2026-01-02T03:04:{5 + second:02}.000000Z"


@pytest.mark.spec("001/FR-104")
async def test_put_of_what_is_there_already_changes_no_time(
    client: httpx.AsyncClient, clock: Clock
) -> None:
    path = f"{TASKS}/{(await add(client))['id']}"
    done = data(await client.put(path, json={"completed": True}))
    clock.tick()

    again = {"title": "Buy milk", "completed": True}
    assert data(await client.put(path, json=again)) == done


@pytest.mark.spec("001/FR-105")
async def test_delete_returns_the_task_as_it_was(
    client: httpx.AsyncClient,
) -> None:
    task = await add(client)
    path = f"{TASKS}/{task['id']}"

    assert data(await client.delete(path)) == task

    error(await client.get(path), 404, "NOT_FOUND")
    error(await client.delete(path), 404, "NOT_FOUND")
    error(await client.put(path, json={"completed": True}), 404, "NOT_FOUND")


async def test_user_is_trimmed_and_escaped_in_every_address(
    client: httpx.AsyncClient,
) -> None:
    response = await client.post(
        "/api/%20%C3%81da%20L.%3F%23%25%20/tasks", json={"title": "x"}
    )

    task = data(response, 201)
    path = f"/api/%C3%81da%20L.%3F%23%25/tasks/{task['id']}"
    assert task["user_id"] == "Áda L.?#%"
    assert response.headers["location"] == path
    assert data(await client.get(path)) == task


@pytest.mark.spec("001/FR-115")
async def test_health_is_200_and_makes_no_store(
    client: httpx.AsyncClient,
) -> None:
    assert data(await client.get("/health")) == {"status": "ok"}
    await add(client)
    assert data(await client.get("/health")) == {"status": "ok"}


@pytest.mark.spec("001/FR-114")
async def test_every_request_has_one_line_in_the_log(
    client: httpx.AsyncClient, log: Log
) -> None:
    await client.get(TASKS)
    await client.get("/nowhere?a=b")
    await client.post(TASKS, content=b"x")

    assert [line.rsplit(" ", 2)[0] for line in log.lines] == [
        f"GET {TASKS} 200",
        "GET /nowhere?a=b 404",
        f"POST {TASKS} 415",
    ]
