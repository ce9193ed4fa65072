"""The five endpoints, where all goes well."""

from uuid import UUID, uuid4

import httpx
import pytest

from tests.api.support import TASKS, Log, add, data, error
from tests.support.stores import Clock
from todo_cli.task import Task

pytestmark = pytest.mark.nothing_made


async def test_post_stores_a_task_and_says_where_it_is(
    client: httpx.AsyncClient,
) -> None:
    response = await client.post(
        TASKS, json={"title": "  Buy milk ", "description": "2 l\r\nfresh"}
    )

    task = data(response, 201)
    assert list(task) == list(Task.__slots__)
    assert UUID(task.pop("id")).version == 4
    assert task == {
        "number": 1,
        "user_id": "ada",
        "title": "Buy milk",
        "description": "2 l\nfresh",
        "completed": False,
        "created_at": "2026-01-02T03:04:05.000000Z",
        "updated_at": "2026-01-02T03:04:05.000000Z",
        "completed_at": None,
    }
    assert response.json()["message"] == "Added 1: Buy milk (new list for ada)"
    assert (
        data(await client.get(response.headers["location"])) == response.json()["data"]
    )


@pytest.mark.spec("001/FR-103")
async def test_post_with_an_id_can_be_repeated(
    client: httpx.AsyncClient, clock: Clock
) -> None:
    id = str(uuid4())
    first = await client.post(TASKS, json={"id": id.upper(), "title": "Buy milk"})
    clock.tick()

    second = await client.post(TASKS, json={"id": id, "title": "Buy oat milk"})

    assert (first.status_code, second.status_code) == (201, 200)
    assert data(first, 201) == data(second)
    assert first.headers["location"] == second.headers["location"] == f"{TASKS}/{id}"
    assert second.json()["message"] == "Already there as 1: Buy milk"
    assert (await add(client, "Next"))["number"] == 2


@pytest.mark.spec("001/FR-103")
async def test_post_with_the_id_of_another_user_is_a_conflict(
    client: httpx.AsyncClient,
) -> None:
    theirs = await add(client, user="bob")

    fault = error(
        await client.post(TASKS, json={"id": theirs["id"], "title": "Mine"}),
        409,
        "CONFLICT",
    )

    assert fault["message"] == f"The id {theirs['id']} is taken"
    assert data(await client.get(TASKS)) == []
    assert data(await client.get(f"/api/bob/tasks/{theirs['id']}")) == theirs


async def test_get_shows_a_task_by_its_id_in_any_case(
    client: httpx.AsyncClient,
) -> None:
    task = await add(client)

    assert data(await client.get(f"{TASKS}/{task['id']}")) == task
    assert data(await client.get(f"{TASKS}/{task['id'].upper()}")) == task


@pytest.mark.spec("001/FR-104")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"title": "Buy oat milk"}, {"title": "Buy oat milk"}),
        ({"description": None}, {"description": None}),
        ({"description": ""}, {"description": None}),
        (
            {"completed": True},
            {"completed": True, "completed_at": "2026-01-02T03:04:06.000000Z"},
        ),
        ({"title": "x", "description": "y"}, {"title": "x", "description": "y"}),
    ],
    ids=str,
)
async def test_put_changes_the_named_fields_and_no_others(
    client: httpx.AsyncClient,
    clock: Clock,
    changes: dict[str, object],
    expected: dict[str, object],
) -> None:
    task = await add(client, description="fresh")
    clock.tick()

    changed = data(await client.put(f"{TASKS}/{task['id']}", json=changes))

    assert changed == task | {"updated_at": "2026-01-02T03:04:06.000000Z"} | expected
    assert data(await client.get(f"{TASKS}/{task['id']}")) == changed


@pytest.mark.spec("001/FR-104")
async def test_put_of_what_is_there_already_moves_no_time(
    client: httpx.AsyncClient, clock: Clock
) -> None:
    task = await add(client)
    clock.tick()

    assert (
        data(
            await client.put(
                f"{TASKS}/{task['id']}", json={"title": "Buy milk", "completed": False}
            )
        )
        == task
    )


async def test_put_keeps_the_first_time_of_completion_and_clears_it(
    client: httpx.AsyncClient, clock: Clock
) -> None:
    path = f"{TASKS}/{(await add(client))['id']}"
    done = data(await client.put(path, json={"completed": True}))
    clock.tick()

    assert data(await client.put(path, json={"completed": True})) == done
    assert (
        data(await client.put(path, json={"completed": False}))["completed_at"] is None
    )


@pytest.mark.spec("001/FR-105")
async def test_delete_returns_the_task_as_it_was(client: httpx.AsyncClient) -> None:
    path = f"{TASKS}/{(await add(client))['id']}"
    done = data(await client.put(path, json={"completed": True}))

    deleted = await client.delete(path)

    assert data(deleted) == done
    assert deleted.json()["message"] == "Deleted 1: Buy milk"
    gone = f"No task {done['id']} for ada"
    assert error(await client.get(path), 404, "NOT_FOUND")["message"] == gone
    assert (
        error(await client.delete(path), 404, "NOT_FOUND")["message"]
        == f"{gone}; nothing was changed"
    )
    put = await client.put(path, json={"completed": True})
    assert error(put, 404, "NOT_FOUND")["message"] == f"{gone}; nothing was changed"
    assert (await add(client, "Next"))["number"] == 2


async def test_reading_makes_no_store(client: httpx.AsyncClient) -> None:
    id = uuid4()

    assert data(await client.get(TASKS)) == []
    error(await client.get(f"{TASKS}/{id}"), 404, "NOT_FOUND")
    error(await client.put(f"{TASKS}/{id}", json={"title": "x"}), 404, "NOT_FOUND")
    error(await client.delete(f"{TASKS}/{id}"), 404, "NOT_FOUND")
    assert (await add(client))["number"] == 1


async def test_user_is_trimmed_and_escaped_in_every_address(
    client: httpx.AsyncClient,
) -> None:
    response = await client.post(
        "/api/%20%C3%81da%20L.%3F%23%25%20/tasks", json={"title": "x"}
    )

    task = data(response, 201)
    assert task["user_id"] == "Áda L.?#%"
    assert (
        response.headers["location"]
        == f"/api/%C3%81da%20L.%3F%23%25/tasks/{task['id']}"
    )
    assert data(await client.get(response.headers["location"])) == task


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
