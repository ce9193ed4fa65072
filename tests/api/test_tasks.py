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
        ({"due_on": "2028-02-29"}, {"due_on": "2028-02-29"}),
        ({"wait_until": "2028-02-01"}, {"wait_until": "2028-02-01"}),
        ({"priority": "low"}, {"priority": "low"}),
        ({"priority": "high"}, {"priority": "high"}),
        ({"project": " home.kitchen "}, {"project": "home.kitchen"}),
        ({"project": None}, {"project": None}),
        ({"tags": ["b", "a", "b"]}, {"tags": ["a", "b"]}),
        ({"tags": ["c"]}, {"tags": ["c"]}),
        ({"tags": []}, {"tags": []}),
        (
            {"due_on": None, "wait_until": None, "priority": None},
            {"due_on": None, "wait_until": None, "priority": None},
        ),
        (
            {"title": "x", "description": "y"},
            {"title": "x", "description": "y"},
        ),
    ]
    for second, (body, expected) in enumerate(changes, 1):
        clock.tick()
        if task | expected != task:
            expected = expected | {
                "updated_at": at(second),
                "version": task["version"] + 1,
            }
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


@pytest.mark.spec("001/FR-104")
async def test_patch_does_what_put_does(client: httpx.AsyncClient) -> None:
    task = await add(client)
    path = f"{TASKS}/{task['id']}"

    patched = data(await client.patch(path, json={"priority": "low"}))

    assert patched["priority"] == "low"
    assert data(await client.get(path)) == patched
    error(await client.patch(path, json={}), 422, "INVALID_INPUT")
    error(
        await client.patch(path, json={"id": task["id"]}), 422, "INVALID_INPUT"
    )


@pytest.mark.spec("001/FR-103", "001/FR-051")
async def test_post_takes_every_field_that_a_client_chooses(
    client: httpx.AsyncClient,
) -> None:
    body = {
        "title": "Buy milk",
        "description": "2 l",
        "due_on": "2026-12-24",
        "wait_until": "2026-12-01",
        "priority": "medium",
        "project": "home.kitchen",
        "tags": ["b", "ä", "a"],
    }

    task = data(await client.post(TASKS, json=body), 201)

    assert task == task | body | {"tags": ["a", "b", "ä"], "version": 1}
    assert data(await client.get(f"{TASKS}/{task['id']}")) == task


WRONG_FIELDS: list[tuple[str, object, str]] = [
    ("due_on", "2026-02-30", "is not a day of the calendar"),
    ("due_on", "0001-01-01", "must be in the years 1900 to 9998"),
    ("due_on", "9999-12-31", "must be in the years 1900 to 9998"),
    ("due_on", "tomorrow", "must be a day such as 2026-12-24"),
    ("due_on", "12/24", "must be a day such as 2026-12-24"),
    ("due_on", "20261224", "must be a day such as 2026-12-24"),
    ("due_on", "2026-12-24T00:00:00Z", "must be a day such as 2026-12-24"),
    ("due_on", "", "must be a day such as 2026-12-24"),
    ("wait_until", "-3", "must be a day such as 2026-12-24"),
    ("priority", "urgent", "must be high, medium or low"),
    ("priority", "HIGH", "must be high, medium or low"),
    ("project", "a..b", "must not have an empty part, as in `home.kitchen`"),
    ("project", ".", "must not have an empty part, as in `home.kitchen`"),
    ("project", "None", "must not be called `None`"),
    ("project", "p" * 101, "has 101 characters, 100 are allowed"),
    (
        "project",
        "a\u202eb",
        "must not contain the character U+202E (position 2)",
    ),
    ("tags", ["a b"], "a tag must not contain white space or a comma"),
    ("tags", ["a\u00a0b"], "a tag must not contain white space or a comma"),
    ("tags", ["a,b"], "a tag must not contain white space or a comma"),
    ("tags", [""], "must not be empty"),
    ("tags", ["-"], "must not be called `-`"),
    ("tags", ["t" * 51], "has 51 characters, 50 are allowed"),
    ("tags", [f"t{n}" for n in range(51)], "has 51 tags, 50 are allowed"),
    ("tags", ["\x07"], "must not contain the character U+0007 (position 1)"),
]


@pytest.mark.spec("001/FR-052", "001/FR-050")
@pytest.mark.parametrize(("field", "value", "fault"), WRONG_FIELDS)
async def test_a_wrong_value_is_refused_with_the_name_of_its_field(
    client: httpx.AsyncClient, field: str, value: object, fault: str
) -> None:
    task = await add(client)
    body = {field: value}
    detail = {"field": field, "message": fault}

    for response in (
        await client.post(TASKS, json={"title": "x"} | body),
        await client.put(f"{TASKS}/{task['id']}", json=body),
        await client.patch(f"{TASKS}/{task['id']}", json=body),
    ):
        found = error(response, 422, "INVALID_INPUT")
        assert found["details"] == [detail]

    assert data(await client.get(TASKS)) == [task]


@pytest.mark.parametrize(
    "body",
    [
        {"tags": None},
        {"tags": [["a"]]},
        {"due_on": 20261224},
        {"priority": 1},
        {"priority": ["high"]},
        {"version": 2},
        {"note": "x"},
        {"add_tags": ["x"]},
        {"remove_tags": ["x"]},
    ],
)
async def test_a_value_of_another_kind_or_an_unknown_field_is_refused(
    client: httpx.AsyncClient, body: dict[str, object]
) -> None:
    task = await add(client)
    path = f"{TASKS}/{task['id']}"

    error(await client.put(path, json=body), 422, "INVALID_INPUT")
    error(
        await client.post(TASKS, json={"title": "x"} | body),
        422,
        "INVALID_INPUT",
    )

    assert data(await client.get(TASKS)) == [task]


@pytest.mark.spec("001/FR-104")
@pytest.mark.parametrize(
    ("tags", "fault"),
    [
        ("a", "must be a list"),
        ({"a": 1}, "must be a list"),
        ([1], "must be text"),
        (["a", ["b"]], "must be text"),
    ],
)
async def test_a_wrong_list_is_named_by_its_field(
    client: httpx.AsyncClient, tags: object, fault: str
) -> None:
    response = await client.post(TASKS, json={"title": "x", "tags": tags})

    details = error(response, 422, "INVALID_INPUT")["details"]
    assert details == [{"field": "tags", "message": fault}]


@pytest.mark.spec("001/FR-104", "001/FR-101")
async def test_an_unknown_field_or_query_is_named_unless_it_may_be_a_secret(
    client: httpx.AsyncClient,
) -> None:
    for name, is_named in (
        ("dew", True),
        ("dueOn", True),
        ("due-on", True),
        ("k3y", False),
        ("x" * 32, False),
        ("a@b", False),
    ):
        for place, response in (
            ("body", await client.post(TASKS, json={"title": "x", name: 1})),
            ("query", await client.get(TASKS, params={name: "1"})),
        ):
            found = error(response, 422, "INVALID_INPUT")
            said = f"{place}: has the unknown field `{name}`"
            if not is_named:
                said = f"{place}: has an unknown field"
            assert found["message"].startswith(f"{said}, see"), name
            assert (name in response.text) is is_named


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
