"""Lists and their pages."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.support import TASKS, add, data, error
from tests.support.stores import Clock
from todo_cli.api import cursors
from todo_cli.errors import InvalidInput


class Position(NamedTuple):
    """A place as the history of a list has it."""

    created_at: datetime
    number: int


FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)
DAY = date(2026, 1, 2)
NEXT = re.compile(r'<([^<>]+)>; rel="next"')


def following(response: httpx.Response) -> str | None:
    """The address of the next page, if there is one."""
    link = response.headers.get("link")
    match = NEXT.fullmatch(link) if link else None
    assert (match is None) == (link is None)
    return match[1] if match else None


async def pages(
    client: httpx.AsyncClient, first: str
) -> AsyncIterator[list[Any]]:
    """Every page of a list, by its links."""
    address: str | None = first
    while address is not None:
        response = await client.get(address)
        yield data(response)
        address = following(response)


async def titles(client: httpx.AsyncClient, first: str) -> list[list[str]]:
    """The titles on every page of a list."""
    return [
        [task["title"] for task in page] async for page in pages(client, first)
    ]


@pytest.mark.spec("001/FR-106", "001/FR-107")
async def test_list_is_newest_first_and_has_a_hundred_unless_asked(
    client_embedded: httpx.AsyncClient, clock: Clock
) -> None:
    tasks = []
    for number in range(101):
        clock.tick()
        tasks.append(await add(client_embedded, f"{number}"))
    tasks.reverse()

    found = [page async for page in pages(client_embedded, TASKS)]
    assert found == [tasks[:100], tasks[100:]]
    for limit, sizes in ((1000, [101]), (101, [101]), (50, [50, 50, 1])):
        address = f"{TASKS}?limit={limit}"
        assert [
            len(page) async for page in pages(client_embedded, address)
        ] == sizes


@pytest.mark.spec("001/FR-106", "001/FR-107")
async def test_pages_have_every_task_of_a_status_once(
    client_embedded: httpx.AsyncClient, clock: Clock
) -> None:
    for number in range(
        9
    ):  # several of one instant, so that a page ends among them
        task = await add(client_embedded, f"{number}")
        if number % 2:
            path = f"{TASKS}/{task['id']}"
            await client_embedded.put(path, json={"completed": True})
        if number % 3 == 2:
            clock.tick()

    for status, expected in {
        "all": [["8", "7", "6"], ["5", "4", "3"], ["2", "1", "0"]],
        "open": [["8", "6", "4"], ["2", "0"]],
        "done": [["7", "5", "3"], ["1"]],
    }.items():
        address = f"{TASKS}?limit=3&status={status}"
        assert await titles(client_embedded, address) == expected


@pytest.mark.spec("001/FR-107")
async def test_pages_stay_right_while_tasks_come_and_go(
    client: httpx.AsyncClient,
) -> None:
    tasks = [await add(client, f"{number}") for number in range(6)]
    first = await client.get(f"{TASKS}?limit=2")
    await add(client, "new")
    for gone in (
        tasks[4],
        tasks[2],
    ):  # the first is the one that the cursor names
        await client.delete(f"{TASKS}/{gone['id']}")

    address = following(first)

    assert address is not None
    assert await titles(client, address) == [["3", "1"], ["0"]]


@pytest.mark.spec("001/FR-107", "001/FR-111")
async def test_cursor_of_one_user_shows_nothing_of_that_user_to_another(
    client_embedded: httpx.AsyncClient,
) -> None:
    mine = await add(client_embedded, "mine")
    for number in range(3):
        await add(client_embedded, f"theirs {number}", user="bob")
    address = following(await client_embedded.get("/api/bob/tasks?limit=1"))

    assert address is not None
    address = address.replace("/bob/", "/ada/")
    assert data(await client_embedded.get(address)) == [mine]


async def prefix(client: httpx.AsyncClient) -> list[Any]:
    """What a cursor of the list of all tasks has before the place: day and digest."""
    address = following(await client.get(f"{TASKS}?limit=1"))
    assert address is not None
    text = parse_qs(urlsplit(address).query)["cursor"][0]
    kinds: list[list[type]] = [[date], [str], [datetime], [int]]
    return cursors.read_values(text, kinds)[:2]


@pytest.mark.spec("001/FR-116", "001/FR-136")
async def test_cursor_can_be_every_time_and_every_number(
    client: httpx.AsyncClient,
) -> None:
    tasks = [await add(client), await add(client)][::-1]
    before = await prefix(client)
    for number in (-(2**31), 2**31 - 1):
        for moment, page in ((FIRST, []), (LAST, tasks)):
            text = cursors.write([*before, moment, number])

            assert data(await client.get(f"{TASKS}?cursor={text}")) == page
    for number in (-(2**31) - 1, 2**31, 2**40, 2**63 - 1):
        text = cursors.write([*before, LAST, number])
        response = await client.get(f"{TASKS}?cursor={text}")
        fault = error(response, 422, "INVALID_INPUT")
        assert fault["details"][0]["field"] == "cursor"


@pytest.mark.spec("001/FR-106")
async def test_list_refuses_what_it_does_not_know(
    client_embedded: httpx.AsyncClient,
) -> None:
    limits = [
        "0",
        "1001",
        "-1",
        "+1",
        "1_0",
        "1.0",
        "%201",
        "١",
        "x",
        "1e2",
        "99999999999999999999",
    ]
    refused = {
        "limit": ["", *limits],
        "status": ["", "Open", "todo", "open%00"],
        "cursor": [
            "",
            "x",
            "2",
            "AOMgxwMxtcoAAAAC",
            "WzFd%0A",
            "WzFdCg%3D%3D",
            cursors.write([DAY, "0" * 12, LAST, 1]),  # of another list
            cursors.write([LAST, 1]),
        ],
    }
    for field, texts in refused.items():
        for text in texts:
            response = await client_embedded.get(f"{TASKS}?{field}={text}")

            fault = error(response, 422, "INVALID_INPUT")
            assert [detail["field"] for detail in fault["details"]] == [
                field
            ], text
    for query in ("offset=1", "limit=1&limt=2"):
        error(
            await client_embedded.get(f"{TASKS}?{query}"), 422, "INVALID_INPUT"
        )


@pytest.mark.spec("001/FR-106")
async def test_a_route_without_parameters_refuses_each_and_changes_nothing(
    client_embedded: httpx.AsyncClient,
) -> None:
    """What `?dry_run=1` asks for must not be passed over: loonfs/loonfs#709."""
    task = (await client_embedded.post(TASKS, json={"title": "Milk"})).json()
    path = f"{TASKS}/{task['data']['id']}"
    await client_embedded.patch(path, json={"title": "Oat milk"})
    user = TASKS.removesuffix("/tasks")
    before = (await client_embedded.get(f"{user}/history")).json()
    requests = [
        ("GET", path, None),
        ("PUT", path, {"title": "x"}),
        ("PATCH", path, {"title": "x"}),
        ("DELETE", path, None),
        ("POST", TASKS, {"title": "x"}),
        ("POST", f"{path}/restore", {}),
        ("POST", f"{user}/undo", {}),
        ("POST", f"{user}/redo", {}),
    ]
    for method, place, body in requests:
        for query in ("dry_run=1", "operation=1", "limit=1", "=", "%00"):
            response = await client_embedded.request(
                method, f"{place}?{query}", json=body
            )

            fault = error(response, 422, "INVALID_INPUT")
            name, _, value = query.partition("=")
            said = "this path takes no parameters"
            if name and value:
                said = (
                    f"has the unknown parameter `{name}`; this path takes none"
                )
            assert fault["details"] == [{"field": "query", "message": said}]
    assert (await client_embedded.get(f"{user}/history")).json() == before

    # An empty query has no parameter, and who watches a server adds one.
    assert (await client_embedded.get(f"{path}?")).status_code == 200
    assert (await client_embedded.get("/health?from=probe")).status_code == 200


@pytest.mark.spec("001/FR-106")
@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("limit", "x", "2"),
        ("limit", "1", "2"),
        ("limit", "2", "2"),
        ("status", "open", "done"),
        ("status", "", "done"),
        ("%73tatus", "x", "all"),
        ("cursor", "x", cursors.write([DAY, "x", FIRST, 1])),
    ],
)
async def test_list_refuses_a_parameter_that_is_there_twice(
    client_embedded: httpx.AsyncClient, name: str, first: str, second: str
) -> None:
    """A proxy may read the first, and a server the last."""
    plain = name.replace("%73", "s")

    response = await client_embedded.get(
        f"{TASKS}?{name}={first}&{plain}={second}"
    )

    fault = error(response, 422, "INVALID_INPUT")
    assert [detail["field"] for detail in fault["details"]] == [plain]


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


def test_cursor_is_no_other_text() -> None:
    time = "2026-01-02T03:04:05.000000Z"
    values: list[tuple[object, ...]] = [
        (),
        (time,),
        (time, 1, 2),
        (time, True),
        (time, "1"),
        (time, 1.0),
        (time, 2**31),
        (time, -(2**31) - 1),
        (time, 2**63),
        (None, 1),
        (5, 1),
        ("2026-01-02T03:04:05Z", 1),
        ("2026-01-02T03:04:05.000000+00:00", 1),
        ("2026-01-02T03:04:05.000000", 1),
        ("9999-12-31T23:59:59.999999-01:00", 1),
        ("0001-01-01T00:00:00.000000+01:00", 1),
    ]
    texts = ["W10", "bnVsbA", "e30", "W1tb" * 2_000, "_w", "A"]

    for text in [*texts, *(cursor(*each) for each in values)]:
        with pytest.raises(InvalidInput):
            cursors.read(text, Position)
    for title in ("a\x00b", "\ud800"):  # a store would refuse them
        with pytest.raises(InvalidInput):
            cursors.read(cursor(None, title, False, 1), Key)


async def test_link_leads_on_at_every_instant(
    client: httpx.AsyncClient, clock: Clock
) -> None:
    """Also after the year 9135, whose microseconds once did not fit."""
    times = [
        datetime(1900, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(9135, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
        datetime(9136, 7, 1, tzinfo=UTC),
        datetime(9998, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ]
    for time in times:
        clock.now = time
        await add(client, f"{time.year}")

    found = await titles(client, f"{TASKS}?limit=1")

    assert found == [["9998"], ["9136"], ["9135"], ["1969"], ["1900"]]


@pytest.mark.spec("001/FR-052", "001/FR-106")
async def test_today_decides_what_waits(client: httpx.AsyncClient) -> None:
    await add(client, "now")
    await add(client, "later", wait_until="2026-01-03")

    # The clock of the tests says 2 January, in UTC.
    for query, expected in (
        ("", ["later", "now"]),
        ("?status=open", ["now"]),
        ("?status=waiting", ["later"]),
        ("?status=open&today=2026-01-03", ["later", "now"]),
        ("?status=waiting&today=2026-01-03", []),
        ("?status=waiting&today=2026-01-01", ["later"]),
    ):
        found = data(await client.get(TASKS + query))
        assert [task["title"] for task in found] == expected, query


async def test_a_link_goes_on_with_the_day_of_its_page(
    client_embedded: httpx.AsyncClient, clock: Clock
) -> None:
    for title in ("a", "b", "c"):
        await add(client_embedded, title, wait_until="2026-01-03")

    first = await client_embedded.get(f"{TASKS}?status=waiting&limit=2")
    clock.now += timedelta(days=1)

    link = following(first)
    assert link is not None
    assert "today=2026-01-02" in link
    assert len(data(await client_embedded.get(link))) == 1
    assert data(await client_embedded.get(f"{TASKS}?status=waiting")) == []
    everything = await client_embedded.get(f"{TASKS}?limit=2")
    assert "today" not in (following(everything) or "")


@pytest.mark.parametrize(
    "value",
    ["", "today", "2026-02-30", "0001-01-01", "9999-12-31", "20260102"],
)
async def test_a_wrong_today_is_refused(
    client_embedded: httpx.AsyncClient, value: str
) -> None:
    found = error(
        await client_embedded.get(f"{TASKS}?today={value}"),
        422,
        "INVALID_INPUT",
    )
    assert found["details"][0]["field"] == "today"
