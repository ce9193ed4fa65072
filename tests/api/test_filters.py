"""The filters and orders of `GET .../tasks`, its cursors and its counts.

On SQLite: that both stores find the same is tested in tests/service.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.api.support import TASKS, add, data, error
from tests.api.test_list import following, titles
from tests.support.stores import Clock, Store
from todo_cli.database.engine import open_database
from todo_cli.service import TaskService
from todo_cli.task import NewTask

SORTS = (
    "due",
    "newest",
    "oldest",
    "priority",
    "project",
    "title",
    "updated",
    "completed",
)


@pytest.fixture
def client(client_embedded: httpx.AsyncClient) -> httpx.AsyncClient:
    return client_embedded


@pytest.fixture
async def four(client: httpx.AsyncClient, clock: Clock) -> None:
    """Four tasks: `a` of today to `d` of three days later, which is done and has nothing.

    The clock begins on Friday, 2 January 2026, in UTC.
    """
    fields: dict[str, dict[str, Any]] = {
        "a Émile": {
            "due_on": "2026-01-01",
            "priority": "high",
            "project": "home",
            "tags": ["food", "x"],
        },
        "b oat milk": {
            "due_on": "2026-01-05",
            "priority": "low",
            "project": "home.kitchen",
            "tags": ["food"],
        },
        "c milk oat": {"wait_until": "2026-01-09", "project": "homework"},
        "d": {"completed": True},
    }
    for title, more in fields.items():
        await add(client, title, **more)
        clock.now += timedelta(days=1)


async def found(client: httpx.AsyncClient, query: str) -> str:
    """The first letters of what a list has."""
    tasks = data(await client.get(f"{TASKS}?{query}"))
    return "".join(task["title"][0] for task in tasks)


@pytest.mark.spec("001/FR-135")
async def test_each_filter_finds_what_fits(
    client: httpx.AsyncClient, four: None
) -> None:
    today = "today=2026-01-02"
    for query, expected in {
        "": "dcba",
        "q=EMILE": "a",
        "q=oat%20milk": "cb",
        "q=%22oat+milk%22": "b",
        "q=%22oat+milk": "b",
        "q=food+b": "b",
        "q=%25": "",
        f"due=overdue&{today}": "a",
        f"due=today..%2B3d&{today}": "b",
        f"due=today..+3d&{today}": "b",  # a `+` that nobody has quoted
        f"due=..yesterday&{today}": "a",
        "due=2026-01-05": "b",
        "due=any": "ba",
        "due=NONE": "dc",
        "priority=high": "a",
        "priority=high&priority=none": "dca",
        "project=home": "ba",
        "project=home.kitchen": "b",
        "project=none": "d",
        "tag=food": "ba",
        "tag=food&tag=x": "a",
        "no_tag=x": "dcb",
        "no_tag=x&no_tag=food": "dc",
        "since=2026-01-04": "dc",
        "until=2026-01-03": "ba",
        f"since=fri&until=today&{today}": "a",
        "status=done&since=2026-01-05": "d",
        "status=done&until=2026-01-04": "",
        f"status=open&{today}": "ba",
        f"status=waiting&{today}": "c",
        "status=open&today=2026-01-09": "cba",
        "tag=food&no_tag=x&status=open&q=milk": "b",
        "sort=due": "abdc",
        "sort=oldest": "abcd",
        "sort=priority": "abdc",
        "sort=project": "abcd",
        "sort=title": "abcd",
        "sort=updated": "dcba",
        "sort=completed": "dcba",
    }.items():
        assert await found(client, query) == expected, query


@pytest.mark.spec("001/FR-135", "001/FR-109")
@pytest.mark.parametrize(
    ("field", "texts"),
    {
        "q": ("", "%20", '""', "%CC%81", "a%00", "x" * 1_001, "a+" * 51),
        "due": ("", "x", "..", "fri..thu", "2026-02-30", "%2B9999y"),
        "priority": ("", "h", "HIGH", "urgent"),
        "project": ("", "%20", "-", "a..b", "x" * 101),
        "tag": ("", "a+b", "a,b", "none", "-", "x" * 51),
        "no_tag": ("", "a,b"),
        "since": ("", "none", "overdue", "2026-02-30"),
        "until": ("", "1899-12-31"),
        "sort": ("", "wait", "deleted", "Due"),
        "status": ("", "todo"),
        "reverse": ("true",),
    }.items(),
)
async def test_a_wrong_filter_is_refused_by_its_name(
    client: httpx.AsyncClient, field: str, texts: tuple[str, ...]
) -> None:
    for text in texts:
        response = await client.get(f"{TASKS}?{field}={text}")

        fault = error(response, 422, "INVALID_INPUT")
        named = "query" if field == "reverse" else field
        assert fault["details"][0]["field"] == named, text
        if len(text) > 5:
            assert text not in response.text


@pytest.mark.spec("001/FR-135")
async def test_days_that_run_backwards_are_refused(
    client: httpx.AsyncClient,
) -> None:
    for query, field in (
        ("since=2026-01-02&until=2026-01-01", "until"),
        ("due=2026-01-02..2026-01-01", "due"),
    ):
        response = await client.get(f"{TASKS}?{query}")
        fault = error(response, 422, "INVALID_INPUT")
        assert fault["details"][0]["field"] == field


@pytest.mark.spec("001/FR-135")
async def test_only_what_can_have_several_values_may_be_repeated(
    client: httpx.AsyncClient,
) -> None:
    for name in ("q", "due", "project", "since", "until", "sort", "status"):
        response = await client.get(f"{TASKS}?{name}=any&{name}=any")
        error(response, 422, "INVALID_INPUT")
    response = await client.get(TASKS, params={"tag": ["a"] * 51})
    error(response, 422, "INVALID_INPUT")


@pytest.mark.spec("001/FR-107", "001/FR-133")
@pytest.mark.parametrize("sort", SORTS)
async def test_pages_of_each_order_have_every_task_once(
    client: httpx.AsyncClient, four: None, sort: str
) -> None:
    for number in range(3):
        await add(client, f"a Émile {number % 2}", due_on="2026-01-01")
    whole = await titles(client, f"{TASKS}?sort={sort}")

    for limit in (1, 2):
        pages = await titles(client, f"{TASKS}?sort={sort}&limit={limit}")
        assert [title for page in pages for title in page] == whole[0]
        assert len(pages) == -(-7 // limit)


@pytest.mark.spec("001/FR-136")
async def test_cursor_is_refused_with_another_order_filter_or_day(
    client: httpx.AsyncClient, clock: Clock
) -> None:
    for title in ("a", "b", "c"):
        await add(client, title, tags=["x", "y"], due_on="2026-01-05")
    first = "tag=x&sort=due&today=2026-01-02"
    address = following(await client.get(f"{TASKS}?{first}&limit=1"))
    assert address is not None
    cursor = address.partition("cursor=")[2]

    for query in (
        "tag=x&sort=title&today=2026-01-02",
        "tag=x&today=2026-01-02",
        "tag=y&sort=due&today=2026-01-02",
        "tag=x&tag=y&sort=due&today=2026-01-02",
        "sort=due&today=2026-01-02",
        "tag=x&sort=due&today=2026-01-03",
        "tag=x&sort=due&status=open&today=2026-01-02",
        "tag=x&sort=due&q=a&today=2026-01-02",
    ):
        response = await client.get(f"{TASKS}?{query}&cursor={cursor}")
        fault = error(response, 422, "INVALID_INPUT")
        assert fault["details"][0]["field"] == "cursor", query
    # The cursor has the day, so that it may be left out, also after midnight.
    clock.now += timedelta(days=1)
    for query in (first, "sort=due&tag=x&status=all", f"{first}&limit=9"):
        assert await found(client, f"{query}&cursor={cursor}") == "ba"


@pytest.mark.spec("001/FR-136")
async def test_cursor_of_a_priority_that_there_is_not_is_refused(
    client: httpx.AsyncClient,
) -> None:
    for title in ("a", "b"):
        await add(client, title, priority="high")
    address = following(await client.get(f"{TASKS}?sort=priority&limit=1"))
    assert address is not None
    cursor = address.partition("cursor=")[2]
    place = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    begin, is_there, _ = place.partition(b'"high","high"]')
    assert is_there

    for value, priority in (
        ("huge", "huge"),
        ("huge", "high"),
        ("high", "huge"),
        ("high", "low"),
        ("", ""),
    ):
        text = begin + f'"{value}","{priority}"]'.encode()
        forged = urlsafe_b64encode(text).decode().rstrip("=")
        response = await client.get(f"{TASKS}?sort=priority&cursor={forged}")
        fault = error(response, 422, "INVALID_INPUT")
        assert fault["details"][0]["field"] == "cursor"


@pytest.mark.spec("001/FR-134")
async def test_a_list_says_how_many_tasks_are_open_and_done(
    client: httpx.AsyncClient, four: None
) -> None:
    for query in ("", "limit=1", "tag=food", "status=trash", "q=nothing"):
        response = await client.get(f"{TASKS}?today=2026-01-02&{query}")
        assert response.headers["todo-count-open"] == "2", query
        assert response.headers["todo-count-done"] == "1", query
    later = await client.get(f"{TASKS}?today=2026-01-09&limit=1")
    assert later.headers["todo-count-open"] == "3"
    nobody = await client.get("/api/nobody/tasks")
    assert nobody.headers["todo-count-open"] == "0"


@pytest.mark.spec("001/FR-134")
async def test_more_than_a_thousand_are_counted_as_1001(
    client: httpx.AsyncClient, sqlite_store: Store, clock: Clock
) -> None:
    async with open_database(sqlite_store.target) as database:
        tasks = TaskService(database, "ada", clock)
        await tasks.add_all([NewTask(title="x")] * 1_002)
        await tasks.add_all([NewTask(title="x", completed=True)] * 1_001)

    response = await client.get(f"{TASKS}?limit=1")

    assert response.headers["todo-count-open"] == "1001"
    assert response.headers["todo-count-done"] == "1001"


@pytest.mark.spec("001/FR-132")
async def test_a_task_can_be_named_by_its_number(
    client: httpx.AsyncClient, four: None
) -> None:
    task = data(await client.get(f"{TASKS}/2"))
    assert task["title"] == "b oat milk"
    assert data(await client.get(f"{TASKS}/{task['id']}")) == task

    changed = await client.put(f"{TASKS}/2", json={"title": "new"})
    assert data(changed)["title"] == "new"
    assert data(await client.delete(f"{TASKS}/2"))["number"] == 2
    assert data(await client.post(f"{TASKS}/2/restore", json={}))
    history = data(await client.get(f"{TASKS}/2/history?limit=2"))
    assert [each["command"] for each in history] == ["restore", "delete"]
    link = (await client.get(f"{TASKS}/2/history?limit=1")).headers["link"]
    assert link.startswith(f"<{TASKS}/2/history?")
    for number in (5, 2**31, 9_999_999_999):
        response = await client.get(f"{TASKS}/{number}")
        error(response, 404, "NOT_FOUND")
    error(await client.get("/api/bob/tasks/2"), 404, "NOT_FOUND")


@pytest.mark.spec("001/FR-142")
async def test_a_new_task_can_be_done_already(
    client: httpx.AsyncClient,
) -> None:
    task = await add(client, "done", completed=True)
    assert (task["completed"], task["version"]) == (True, 1)
    assert task["completed_at"] == task["created_at"]
    assert (await add(client, "open", completed=False))["completed_at"] is None
    [operation] = data(await client.get(f"{TASKS}/1/history"))
    [entry] = operation["tasks"]
    assert entry["changes"]["completed"] == [None, True]
    assert entry["changes"]["completed_at"] == [None, task["completed_at"]]
