"""Lists and their pages."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.support import TASKS, add, data, error
from tests.support.stores import Clock
from todo_cli.api import cursors
from todo_cli.errors import InvalidInput
from todo_cli.task import Position

NEXT = re.compile(r'<([^<>]+)>; rel="next"')


def following(response: httpx.Response) -> str | None:
    """The address of the next page, if there is one."""
    link = response.headers.get("link")
    match = NEXT.fullmatch(link) if link else None
    assert (match is None) == (link is None)
    return match[1] if match else None


async def pages(client: httpx.AsyncClient, first: str) -> AsyncIterator[list[Any]]:
    """Every page of a list, by its links."""
    address: str | None = first
    while address is not None:
        response = await client.get(address)
        yield data(response)
        address = following(response)


async def titles(client: httpx.AsyncClient, first: str) -> list[list[str]]:
    """The titles on every page of a list."""
    return [[task["title"] for task in page] async for page in pages(client, first)]


@pytest.mark.spec("001/FR-106")
async def test_list_is_newest_first_and_holds_all_unless_asked(
    client: httpx.AsyncClient, clock: Clock
) -> None:
    first, second = await add(client, "one"), await add(client, "two")
    clock.tick()
    third = await add(client, "three")
    done = data(await client.put(f"{TASKS}/{second['id']}", json={"completed": True}))

    assert data(await client.get(TASKS)) == [third, done, first]
    assert data(await client.get(TASKS, params={"status": "all"})) == [
        third,
        done,
        first,
    ]
    assert data(await client.get(TASKS, params={"status": "open"})) == [third, first]
    assert data(await client.get(TASKS, params={"status": "done"})) == [done]


@pytest.mark.spec("001/FR-106")
async def test_list_holds_a_hundred_unless_asked(client: httpx.AsyncClient) -> None:
    for number in range(101):
        await add(client, f"task {number}")

    assert [len(page) async for page in pages(client, TASKS)] == [100, 1]
    assert [len(page) async for page in pages(client, f"{TASKS}?limit=1000")] == [101]
    assert [len(page) async for page in pages(client, f"{TASKS}?limit=50")] == [
        50,
        50,
        1,
    ]


@pytest.mark.spec("001/FR-107")
@pytest.mark.parametrize("status", ["all", "open", "done"])
async def test_pages_hold_every_task_once(
    client: httpx.AsyncClient, clock: Clock, status: str
) -> None:
    for number in range(7):  # several of one instant, so that a page ends among them
        task = await add(client, f"{number}")
        if status == "done":
            await client.put(f"{TASKS}/{task['id']}", json={"completed": True})
        if number % 3 == 2:
            clock.tick()

    found = await titles(client, f"{TASKS}?limit=2&status={status}")

    assert found == [["6", "5"], ["4", "3"], ["2", "1"], ["0"]]


@pytest.mark.spec("001/FR-107")
async def test_last_page_that_is_full_has_no_link(client: httpx.AsyncClient) -> None:
    await add(client, "one")
    await add(client, "two")

    assert await titles(client, f"{TASKS}?limit=2") == [["two", "one"]]


@pytest.mark.spec("001/FR-107")
async def test_pages_stay_right_while_tasks_come_and_go(
    client: httpx.AsyncClient,
) -> None:
    tasks = [await add(client, f"{number}") for number in range(6)]
    first = await client.get(f"{TASKS}?limit=2")
    await add(client, "new")
    await client.delete(
        f"{TASKS}/{tasks[4]['id']}"
    )  # the very one that the cursor names
    await client.delete(f"{TASKS}/{tasks[2]['id']}")

    address = following(first)

    assert address is not None
    assert await titles(client, address) == [["3", "1"], ["0"]]


@pytest.mark.spec("001/FR-107")
async def test_cursor_of_one_user_shows_nothing_of_that_user_to_another(
    client: httpx.AsyncClient,
) -> None:
    await add(client, "mine")
    for number in range(3):
        await add(client, f"theirs {number}", user="bob")
    address = following(await client.get("/api/bob/tasks?limit=1"))

    assert address is not None
    assert data(await client.get(address.replace("/bob/", "/ada/"))) == [
        task for task in data(await client.get(TASKS)) if task["user_id"] == "ada"
    ]


async def test_cursor_can_be_every_time_and_every_number(
    client: httpx.AsyncClient,
) -> None:
    task = await add(client)
    first = datetime.min.replace(tzinfo=UTC)
    last = datetime.max.replace(tzinfo=UTC)
    for moment, number, page in (
        (last, -(2**31), [task]),
        (last, 2**31 - 1, [task]),
        (first, -(2**31), []),
        (first, 2**31 - 1, []),
    ):
        text = cursors.write(Position(moment, number))

        assert data(await client.get(f"{TASKS}?cursor={text}")) == page


async def test_list_of_another_user_is_his_own(client: httpx.AsyncClient) -> None:
    await add(client)

    assert data(await client.get("/api/bob/tasks")) == []


@pytest.mark.spec("001/FR-106")
@pytest.mark.parametrize(
    ("query", "field"),
    [
        *(
            (f"limit={text}", "limit")
            for text in (
                "0",
                "1001",
                "-1",
                "+1",
                "1_0",
                "1.0",
                "%201",
                "١",
                "x",
                "",
                "1e2",
            )
        ),
        ("limit=99999999999999999999", "limit"),
        *((f"status={text}", "status") for text in ("Open", "", "todo", "open%00")),
        *(
            (f"cursor={text}", "cursor")
            for text in ("", "x", "2", "AOMgxwMxtcoAAAAC", "WzFd%0A", "WzFdCg%3D%3D")
        ),
        ("offset=1", "query"),
        ("limit=1&limt=2", "query"),
    ],
)
async def test_list_refuses_what_it_does_not_know(
    client: httpx.AsyncClient, query: str, field: str
) -> None:
    fault = error(await client.get(f"{TASKS}?{query}"), 422, "INVALID_INPUT")

    assert [detail["field"] for detail in fault["details"]] == [field]


class Key(NamedTuple):
    """A sort key with values of every type."""

    due: datetime | None
    title: str
    done: bool
    number: int


def cursor(*values: object) -> str:
    """The cursor of these JSON values."""
    return cursors.write(values)  # type: ignore[arg-type]


@given(
    st.builds(
        Key,
        due=st.none() | st.datetimes(timezones=st.just(UTC)),
        title=st.text(st.characters(exclude_categories=["C", "Zl", "Zp"])),
        done=st.booleans(),
        number=st.integers(-(2**31), 2**31 - 1),
    )
)
def test_cursor_comes_back_as_the_place_it_was(place: Key) -> None:
    text = cursors.write(place)

    assert re.fullmatch(cursors.PATTERN, text)
    assert cursors.read(text, Key) == place


@pytest.mark.parametrize(
    "text",
    [
        cursor(),
        cursor("2026-01-02T03:04:05.000000Z"),
        cursor("2026-01-02T03:04:05.000000Z", 1, 2),
        cursor("2026-01-02T03:04:05Z", 1),
        cursor("2026-01-02T03:04:05.000000+00:00", 1),
        cursor("2026-01-02T03:04:05.000000", 1),
        cursor("9999-12-31T23:59:59.999999-01:00", 1),
        cursor("0001-01-01T00:00:00.000000+01:00", 1),
        cursor(None, 1),
        cursor(5, 1),
        cursor("2026-01-02T03:04:05.000000Z", True),
        cursor("2026-01-02T03:04:05.000000Z", 2**31),
        cursor("2026-01-02T03:04:05.000000Z", 1.0),
        cursor("2026-01-02T03:04:05.000000Z", "1"),
        "W10",
        "bnVsbA",
        "e30",
        "W1tb" * 2_000,
        "_w",
        "A",
    ],
)
def test_cursor_is_no_other_text(text: str) -> None:
    with pytest.raises(InvalidInput):
        cursors.read(text, Position)


@pytest.mark.parametrize("title", ["a\x00b", "\ud800", "\u2028"])
def test_cursor_contains_no_text_that_a_store_refuses(title: str) -> None:
    with pytest.raises(InvalidInput):
        cursors.read(cursor(None, title, False, 1), Key)


@given(st.from_regex(cursors.PATTERN, fullmatch=True) | st.text())
def test_cursor_is_read_or_refused(text: str) -> None:
    try:
        place = cursors.read(text, Position)
    except InvalidInput:
        return
    assert cursors.write(place) == text
