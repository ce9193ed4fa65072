"""Trash, history, undo and redo over the API, on both stores."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.api.support import TASKS, add, data, error
from tests.api.test_list import following, pages
from tests.support.size import on_both_if_long
from tests.support.stores import Clock, Store
from todo_cli.api import cursors
from todo_cli.database.engine import open_database
from todo_cli.service import TaskService
from todo_cli.task import task_values

HISTORY = "/api/ada/history"
UNDO = "/api/ada/undo"
REDO = "/api/ada/redo"
WHEN = "2026-01-02T03:04:05.000000Z"
BODIES = [
    (f"{TASKS}/00000000-0000-4000-8000-000000000000/restore", {}),
    (UNDO, {"operation": 1}),
    (REDO, {}),
]


def path_of(task: Any) -> str:
    """The address of a task of ada's."""
    return f"{TASKS}/{task['id']}"


async def restore(client: httpx.AsyncClient, task: Any) -> Any:
    """Take a task out of the trash."""
    return data(await client.post(f"{path_of(task)}/restore", json={}))


async def undo(client: httpx.AsyncClient, number: int | None = None) -> Any:
    """Take back an operation, the latest one unless a number is given."""
    body = {} if number is None else {"operation": number}
    return data(await client.post(UNDO, json=body))


async def history(client: httpx.AsyncClient, path: str = HISTORY) -> Any:
    """All operations, the latest first."""
    return data(await client.get(f"{path}?limit=1000"))


async def said(client: httpx.AsyncClient) -> list[str]:
    """What each operation did, the latest first."""
    return [each["command"] for each in await history(client)]


# The trash


@on_both_if_long
@pytest.mark.spec("001/FR-105", "001/FR-124", "001/FR-029", "001/FR-020")
async def test_deleted_task_is_in_the_trash_and_nowhere_else(
    client: httpx.AsyncClient,
) -> None:
    kept = await add(client, "kept")
    task = await add(client, "gone")
    path = path_of(task)

    deleted = data(await client.delete(path))

    assert deleted == task | {
        "deleted_at": WHEN,
        "version": 2,
        "updated_at": WHEN,
    }
    assert data(await client.get(path)) == deleted
    for status, expected in (
        ("", [kept]),
        ("?status=all", [kept]),
        ("?status=open", [kept]),
        ("?status=done", []),
        ("?status=waiting", []),
        ("?status=trash", [deleted]),
    ):
        assert data(await client.get(TASKS + status)) == expected
    assert (await add(client, "next"))["number"] == 3


@on_both_if_long
@pytest.mark.spec("001/FR-124", "001/FR-029")
async def test_task_in_the_trash_is_not_changed(
    client: httpx.AsyncClient,
) -> None:
    task = await add(client)
    path = path_of(task)
    deleted = data(await client.delete(path))

    for response in (
        await client.put(path, json={"title": "x"}),
        await client.patch(path, json={"completed": True}),
        await client.delete(path),
    ):
        fault = error(response, 404, "NOT_FOUND")
        assert fault["hint"] == "POST .../restore takes it out of the trash"
    missing = await client.delete(f"{TASKS}/{uuid4()}")
    assert "hint" not in error(missing, 404, "NOT_FOUND")
    assert data(await client.get(path)) == deleted
    assert await said(client) == ["delete", "add"]


@on_both_if_long
@pytest.mark.spec("001/FR-103", "001/FR-124", "001/FR-015")
async def test_post_with_the_id_of_a_task_in_the_trash_leaves_it_there(
    client: httpx.AsyncClient,
) -> None:
    task = await add(client)
    deleted = data(await client.delete(path_of(task)))

    again = await client.post(TASKS, json={"id": task["id"], "title": "new"})

    assert data(again) == deleted
    assert again.headers["location"] == path_of(task)
    assert data(await client.get(TASKS)) == []
    assert (await add(client, "next"))["number"] == 2


@on_both_if_long
@pytest.mark.spec("001/FR-124", "001/FR-065")
async def test_restore_takes_a_task_out_of_the_trash_once(
    client: httpx.AsyncClient, clock: Clock
) -> None:
    task = await add(client, description="fresh", tags=["a"])
    path = path_of(task)
    await client.put(path, json={"completed": True})
    deleted = data(await client.delete(path))
    clock.tick()

    restored = await restore(client, task)

    assert restored == deleted | {
        "deleted_at": None,
        "version": 4,
        "updated_at": "2026-01-02T03:04:06.000000Z",
    }
    clock.tick()
    assert await restore(client, task) == restored
    assert data(await client.get(path)) == restored
    assert data(await client.get(TASKS)) == [restored]
    assert await said(client) == ["restore", "delete", "update", "add"]


@on_both_if_long
@pytest.mark.spec("001/FR-124", "001/FR-111")
async def test_restore_of_what_is_not_there_is_not_found(
    client: httpx.AsyncClient,
) -> None:
    theirs = await add(client, user="bob")
    address = f"/api/bob/tasks/{theirs['id']}"
    deleted = data(await client.delete(address))

    for id in (theirs["id"], str(uuid4())):
        response = await client.post(f"{TASKS}/{id}/restore", json={})
        error(response, 404, "NOT_FOUND")
    assert data(await client.get(address)) == deleted


# History


@pytest.mark.spec("001/FR-125", "001/FR-068")
async def test_history_has_every_change_field_by_field(
    client: httpx.AsyncClient, clock: Clock
) -> None:
    assert await history(client) == []
    task = await add(client, description="2 l", tags=["b", "a"])
    path = path_of(task)
    clock.tick()
    await client.put(
        path, json={"title": "Buy oat milk", "tags": [], "priority": "low"}
    )
    await client.patch(path, json={"completed": True})
    await client.delete(path)
    await client.post(f"{path}/restore", json={})

    found = await history(client)

    assert [each["operation"] for each in found] == [5, 4, 3, 2, 1]
    assert len({UUID(each["id"]) for each in found}) == 5
    later = "2026-01-02T03:04:06.000000Z"
    assert [each["at"] for each in found] == [later] * 4 + [WHEN]
    assert [
        (each["command"], each["undoes"], each["undone_by"]) for each in found
    ] == [
        ("restore", None, None),
        ("delete", None, None),
        ("update", None, None),
        ("update", None, None),
        ("add", None, None),
    ]
    for each in found:
        assert list(each) == [
            *("operation", "id", "at", "command", "undoes", "undone_by"),
            "tasks",
        ]
        (entry,) = each["tasks"]
        assert list(entry) == ["id", "number", "title", "changes"]
        assert (entry["id"], entry["number"], entry["title"]) == (
            *(task["id"], 1),
            "Buy oat milk",
        )
    changes = [each["tasks"][0]["changes"] for each in found]
    assert changes == [
        {"deleted_at": [later, None]},
        {"deleted_at": [None, later]},
        {"completed": [False, True], "completed_at": [None, later]},
        {
            "title": ["Buy milk", "Buy oat milk"],
            "priority": [None, "low"],
            "tags": [["a", "b"], []],
        },
        {
            "title": [None, "Buy milk"],
            "description": [None, "2 l"],
            "completed": [None, False],
            "created_at": [None, WHEN],
            "tags": [None, ["a", "b"]],
        },
    ]


@on_both_if_long
@pytest.mark.spec("001/FR-125", "001/FR-068")
async def test_what_changes_nothing_is_no_operation(
    client: httpx.AsyncClient,
) -> None:
    task = await add(client)
    path = path_of(task)

    await client.put(path, json={"title": "Buy milk", "completed": False})
    await client.post(TASKS, json={"id": task["id"], "title": "x"})
    await client.post(f"{path}/restore", json={})
    await client.put(path, json={"title": "x"}, headers={"If-Match": '"9"'})
    await client.put(path, json={"title": ""})
    await client.get(path)

    assert await said(client) == ["add"]


@on_both_if_long
@pytest.mark.spec("001/FR-125", "001/FR-111", "001/FR-069")
async def test_history_of_a_task_has_no_others(
    client: httpx.AsyncClient,
) -> None:
    one = await add(client, "one")
    other = await add(client, "other")
    await client.put(path_of(one), json={"completed": True})
    await client.delete(path_of(one))
    theirs = await add(client, "theirs", user="bob")

    found = await history(client, f"{path_of(one)}/history")

    assert [each["operation"] for each in found] == [4, 3, 1]
    everything = await history(client)
    assert found == [everything[0], everything[1], everything[3]]
    assert [
        each["operation"]
        for each in await history(client, f"{path_of(other)}/history")
    ] == [2]
    for id in (theirs["id"], str(uuid4())):
        response = await client.get(f"{TASKS}/{id}/history")
        error(response, 404, "NOT_FOUND")
    assert len(await history(client, "/api/bob/history")) == 1
    assert await history(client, "/api/eve/history") == []


@on_both_if_long
@pytest.mark.spec("001/FR-125", "001/FR-069")
async def test_pages_have_every_operation_once(
    client: httpx.AsyncClient,
) -> None:
    task = await add(client)
    for number in range(6):
        await client.put(path_of(task), json={"title": f"{number}"})
        await add(client, "another")

    for path, expected in (
        (HISTORY, list(range(13, 0, -1))),
        (f"{path_of(task)}/history", [12, 10, 8, 6, 4, 2, 1]),
    ):
        for limit in (1, 3, 7, 13, 1000):
            found = []
            async for page in pages(client, f"{path}?limit={limit}"):
                assert 0 < len(page) <= limit
                found += [each["operation"] for each in page]
            assert found == expected
    first = await client.get(f"{HISTORY}?limit=5")
    await add(client, "meanwhile")
    address = following(first)
    assert address is not None
    rest = data(await client.get(address))
    assert [each["operation"] for each in rest] == [8, 7, 6, 5, 4]


@pytest.mark.spec("001/FR-066", "001/FR-070", "001/FR-125")
async def test_purged_task_leaves_its_id_and_no_text(
    client: httpx.AsyncClient, store: Store, clock: Clock
) -> None:
    task = await add(client, "canary title", description="canary text")
    path = path_of(task)
    await client.put(path, json={"project": "canary"})
    deleted = data(await client.delete(path))
    async with open_database(store.target, timeout_s=15) as database:
        service = TaskService(database, "ada", clock)
        purged = await service.purge([UUID(task["id"])])
    assert task_values(purged[0]) == deleted

    for response in (
        await client.get(path),
        await client.delete(path),
        await client.post(f"{path}/restore", json={}),
    ):
        fault = error(response, 404, "NOT_FOUND")
        assert "hint" not in fault
    for address in (HISTORY, f"{path}/history"):
        response = await client.get(address)
        assert "canary" not in response.text
        found = data(response)
        assert [each["command"] for each in found] == [
            *("purge", "delete", "update", "add"),
        ]
        for each in found:
            assert each["tasks"] == [
                {"id": task["id"], "number": 1, "title": None, "changes": {}}
            ]
    for number, status, code in (
        (1, 409, "CONFLICT"),
        (3, 409, "CONFLICT"),
        (4, 422, "INVALID_INPUT"),
    ):
        response = await client.post(UNDO, json={"operation": number})
        error(response, status, code)
    # Without a number such operations are passed over.
    error(await client.post(UNDO, json={}), 404, "NOT_FOUND")


@pytest.mark.spec("001/FR-125")
async def test_a_page_of_history_has_fifty_operations(
    client_embedded: httpx.AsyncClient,
) -> None:
    task = await add(client_embedded)
    for number in range(50):
        await client_embedded.put(path_of(task), json={"title": f"{number}"})

    for path in (HISTORY, f"{path_of(task)}/history"):
        response = await client_embedded.get(path)
        assert len(data(response)) == 50
        address = following(response)
        assert address is not None
        last = await client_embedded.get(address)
        assert [each["command"] for each in data(last)] == ["add"]
        assert following(last) is None


@pytest.mark.spec("001/FR-125", "001/FR-116")
async def test_history_refuses_what_it_does_not_know(
    client_embedded: httpx.AsyncClient,
) -> None:
    task = await add(client_embedded)
    refused = {
        "limit": ["", "0", "1001", "-1", "+1", "x", "1.0", "9" * 30],
        "cursor": ["", "x", "WzFd%0A", "W10", "WyIxIl0", "W3RydWVd"],
    }
    other_lists = cursors.write((UUID(task["id"]).int % 7, 1))

    for path in (HISTORY, f"{path_of(task)}/history"):
        for name, texts in refused.items():
            for text in texts:
                address = f"{path}?{name}={text}"
                response = await client_embedded.get(address)
                fault = error(response, 422, "INVALID_INPUT")
                assert fault["details"][0]["field"] == name
        for query in (
            "status=all",
            "before=1",
            "limit=1&limit=1",
            f"cursor={other_lists}",
        ):
            response = await client_embedded.get(f"{path}?{query}")
            error(response, 422, "INVALID_INPUT")


@on_both_if_long
@pytest.mark.spec("001/FR-125", "001/FR-116")
async def test_cursor_of_a_history_can_be_every_number(
    client: httpx.AsyncClient,
) -> None:
    task = await add(client)

    for path in (HISTORY, f"{path_of(task)}/history"):
        for number, count in (
            (-(2**31), 0),
            (-1, 0),
            (0, 0),
            (1, 0),
            (2, 1),
            (2**31 - 1, 1),
        ):
            cursor = cursors.write((number,))
            response = await client.get(f"{path}?cursor={cursor}")
            assert len(data(response)) == count, number
        for number in (-(2**31) - 1, 2**31, 2**63 - 1):
            cursor = cursors.write((number,))
            response = await client.get(f"{path}?cursor={cursor}")
            fault = error(response, 422, "INVALID_INPUT")
            assert fault["details"][0]["field"] == "cursor"


# Undo and redo


@on_both_if_long
@pytest.mark.spec("001/FR-126", "001/FR-070")
async def test_undo_takes_back_one_operation_after_the_other(
    client: httpx.AsyncClient, clock: Clock
) -> None:
    task = await add(client)
    path = path_of(task)
    clock.tick()
    changed = data(await client.put(path, json={"title": "x"}))
    deleted = data(await client.delete(path))

    first = await undo(client)
    assert first == {
        "operation": 4,
        "undoes": 3,
        "tasks": [deleted | {"deleted_at": None, "version": 4}],
    }
    second = await undo(client)
    assert (second["operation"], second["undoes"]) == (5, 2)
    assert second["tasks"] == [changed | {"title": "Buy milk", "version": 5}]
    third = await undo(client)
    assert (third["operation"], third["undoes"]) == (6, 1)
    assert third["tasks"][0]["deleted_at"] is not None
    assert data(await client.get(TASKS)) == []
    response = await client.post(UNDO, json={})
    error(response, 404, "NOT_FOUND")

    found = await history(client)
    assert [
        (each["command"], each["undoes"], each["undone_by"]) for each in found
    ] == [
        ("undo", 1, None),
        ("undo", 2, None),
        ("undo", 3, None),
        ("delete", None, 4),
        ("update", None, 5),
        ("add", None, 6),
    ]


@on_both_if_long
@pytest.mark.spec("001/FR-126", "001/FR-071")
async def test_redo_brings_back_what_was_undone_last(
    client: httpx.AsyncClient,
) -> None:
    task = await add(client)
    path = path_of(task)
    await client.put(path, json={"completed": True})
    await undo(client)
    await undo(client)

    redone = data(await client.post(REDO, json={}))
    assert (redone["operation"], redone["undoes"]) == (5, 4)
    assert redone["tasks"] == [data(await client.get(path))]
    assert redone["tasks"][0]["deleted_at"] is None
    redone = data(await client.post(REDO, json={}))
    assert (redone["operation"], redone["undoes"]) == (6, 3)
    assert redone["tasks"][0]["completed"] is True
    error(await client.post(REDO, json={}), 404, "NOT_FOUND")

    await undo(client)
    await add(client, "something else")
    error(await client.post(REDO, json={}), 404, "NOT_FOUND")


@on_both_if_long
@pytest.mark.spec("001/FR-126", "001/FR-070")
async def test_undo_of_a_number_takes_back_that_operation_once(
    client: httpx.AsyncClient,
) -> None:
    one = await add(client, "one")
    other = await add(client, "other")
    await client.put(path_of(one), json={"title": "first"})
    await client.put(path_of(other), json={"title": "second"})

    undone = await undo(client, 3)
    assert [each["title"] for each in undone["tasks"]] == ["one"]
    again = await client.post(UNDO, json={"operation": 3})
    assert data(again) == {"operation": 5, "undoes": 3, "tasks": []}
    assert len(await history(client)) == 5

    for number in (6, 99, 2**31 - 1, 2**31, 2**63, 10**300):
        response = await client.post(UNDO, json={"operation": number})
        error(response, 404, "NOT_FOUND")
    fault = error(
        await client.post(UNDO, json={"operation": 5}), 422, "INVALID_INPUT"
    )
    assert fault["details"][0]["field"] == "operation"
    data(await client.post(REDO, json={}))
    response = await client.post(UNDO, json={"operation": 6})
    error(response, 422, "INVALID_INPUT")


@on_both_if_long
@pytest.mark.spec("001/FR-126", "001/FR-070")
async def test_undo_of_what_has_changed_since_is_a_conflict(
    client: httpx.AsyncClient,
) -> None:
    task = await add(client)
    path = path_of(task)
    await client.put(path, json={"title": "x"})
    await client.put(path, json={"title": "y"})
    latest = data(await client.put(path, json={"priority": "low"}))

    response = await client.post(UNDO, json={"operation": 2})

    fault = error(response, 409, "CONFLICT")
    assert "nothing was changed" in fault["message"]
    assert "1" in fault["message"]
    assert data(await client.get(path)) == latest
    assert len(await history(client)) == 4
    # Another field does not matter.
    assert (await undo(client, 3))["tasks"][0]["title"] == "x"


@on_both_if_long
@pytest.mark.spec("001/FR-126", "001/FR-111")
async def test_undo_and_redo_reach_no_other_user(
    client: httpx.AsyncClient,
) -> None:
    task = await add(client)
    await client.put(path_of(task), json={"title": "x"})
    stored = data(await client.get(path_of(task)))

    for body in ({}, {"operation": 1}, {"operation": 2}):
        response = await client.post("/api/eve/undo", json=body)
        error(response, 404, "NOT_FOUND")
    error(await client.post("/api/eve/redo", json={}), 404, "NOT_FOUND")
    await add(client, "hers", user="eve")
    data(await client.post("/api/eve/undo", json={}))

    assert data(await client.get(path_of(task))) == stored
    assert await said(client) == ["update", "add"]


@pytest.mark.spec("001/FR-126", "001/FR-072")
async def test_of_many_undos_of_one_operation_only_one_is_done(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient
) -> None:
    task = await add(client)
    for _ in range(4):
        await client.put(path_of(task), json={"title": "x"})
        number = (await history(client))[0]["operation"]

        answers = await asyncio.gather(
            *(
                each.post(UNDO, json={"operation": number})
                for each in [client, other_client] * 3
            )
        )

        statuses = sorted(each.status_code for each in answers)
        assert statuses[0] == 200
        assert set(statuses) <= {200, 409}
        done = [
            each.json()["data"]["tasks"]
            for each in answers
            if each.status_code == 200
        ]
        assert sum(1 for tasks in done if tasks) == 1
        found = await history(client)
        assert found[0]["operation"] == number + 1
        assert (found[0]["command"], found[0]["undoes"]) == ("undo", number)
        assert found[1]["undone_by"] == number + 1
        stored = data(await client.get(path_of(task)))
        assert stored["title"] == "Buy milk"


@pytest.mark.spec("001/FR-126")
async def test_undos_at_once_take_back_different_operations(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient
) -> None:
    tasks = [await add(client, f"{number}") for number in range(8)]

    answers = await asyncio.gather(
        *(client.post(UNDO, json={}) for _ in range(5))
    )

    for each in answers:
        if each.status_code != 200:
            error(each, 409, "CONFLICT")
    undone = [each.json()["data"] for each in answers if each.is_success]
    assert len({each["undoes"] for each in undone}) == len(undone) >= 1
    operations = [each["operation"] for each in await history(client)]
    assert operations == list(range(8 + len(undone), 0, -1))
    left = data(await client.get(TASKS))
    assert len(left) == len(tasks) - len(undone)


# Bodies


@pytest.mark.spec("001/FR-127")
@pytest.mark.parametrize(("path", "body"), BODIES)
async def test_post_without_a_json_body_does_nothing(
    client_embedded: httpx.AsyncClient, path: str, body: Any
) -> None:
    """A page of another site can send the first ones without asking before."""
    task = await add(
        client_embedded, id="00000000-0000-4000-8000-000000000000"
    )
    await client_embedded.delete(path_of(task))
    await undo(client_embedded)
    await client_embedded.delete(path_of(task))
    before = await history(client_embedded)

    for headers, content in (
        ({}, b""),
        ({}, b"{}"),
        ({"content-type": "text/plain"}, b"{}"),
        ({"content-type": "application/x-www-form-urlencoded"}, b"a=b"),
        ({"content-type": "multipart/form-data; boundary=x"}, b"--x--"),
    ):
        response = await client_embedded.post(
            path, content=content, headers=headers
        )
        error(response, 415, "UNSUPPORTED_MEDIA_TYPE")
    json = {"content-type": "application/json"}
    for content in (b"", b"null", b"[]", b'{"a": 1}', b"{} {}", b'"x"'):
        response = await client_embedded.post(
            path, content=content, headers=json
        )
        error(response, 422, "INVALID_INPUT")
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        response = await client_embedded.request(method, path, json=body)
        error(response, 405, "METHOD_NOT_ALLOWED")
        assert response.headers["allow"] == "POST"
    assert await history(client_embedded) == before


@pytest.mark.spec("001/FR-127", "001/FR-116")
@pytest.mark.parametrize(
    "value", [0, -1, -(2**70), 1.5, "1", True, None, [1], {"a": 1}]
)
async def test_number_of_an_operation_is_a_whole_one_from_1(
    client_embedded: httpx.AsyncClient, value: Any
) -> None:
    await add(client_embedded)

    response = await client_embedded.post(UNDO, json={"operation": value})

    fault = error(response, 422, "INVALID_INPUT")
    assert fault["details"][0]["field"] == "operation"
    assert await said(client_embedded) == ["add"]


@on_both_if_long
@pytest.mark.spec("001/FR-125", "001/FR-126")
@pytest.mark.nothing_made
async def test_without_a_store_there_is_no_history_and_none_is_made(
    client: httpx.AsyncClient,
) -> None:
    path = f"{TASKS}/{uuid4()}"

    assert await history(client) == []
    for response in (
        await client.get(f"{path}/history"),
        await client.post(f"{path}/restore", json={}),
        await client.post(UNDO, json={}),
        await client.post(UNDO, json={"operation": 1}),
        await client.post(REDO, json={}),
    ):
        error(response, 404, "NOT_FOUND")
