"""`ETag`, `If-Match` and `If-None-Match`: RFC 9110, sections 8.8.3 and 13."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.api.served import Served
from tests.api.support import TASKS, add, data, error
from tests.support.size import on_both_if_long
from todo_cli.api.conditions import (
    Conditions,
    PreconditionFailed,
    Tags,
    read_tags,
)
from todo_cli.errors import DatabaseBusy, InvalidInput, VersionConflict

LONG_LIST = ", ".join(f'"{number}"' for number in range(2, 5_000))

ALLOWING = [
    ["*"],
    [" * "],
    ['"1"'],
    ['"2", "1"'],
    ['"2","1" , "3"'],
    [', ,"1",'],
    ['"2"', '"1"'],
    ['W/"2", "1"'],
    ['"a,b", "1"'],
    ['"\x80\xff", "1"'],
    [f'{LONG_LIST}, "1"'],
]
"""Lines of `If-Match` that allow version 1."""
REFUSING = [
    ['"2"'],
    ['W/"1"'],
    ['"2", W/"1"', '"3"'],
    ['"01"'],
    ['"1-gzip"'],
    ['""'],
    [""],
    [" , ,"],
    ['"0"'],
    ['"-1"'],
    [f'"{2**31}"'],
    [f'"{2**63}"'],
    [f'"1{"0" * 5_000}"'],
    ['"1,2"'],
    ["\"'1'\""],
    [LONG_LIST],
]
"""Lines that do not."""
MALFORMED = [
    ["1"],
    ["'1'"],
    ['"1'],
    ['1"'],
    ['"1" "2"'],
    ['"1";"2"'],
    ['w/"1"'],
    ['W"1"'],
    ['W/ "1"'],
    ['*, "1"'],
    ['"1", *'],
    ["*", "*"],
    ["**"],
    ['"a b"'],
    ['"\x7f"'],
    ['"1"\x0b'],
    ['"1"' + " " * 60_000 + "x"],
    ["canary-7f3a"],
]
"""Lines that are no list of tags."""


def lines(name: str, values: Sequence[str]) -> list[tuple[bytes, bytes]]:
    """A header, as often as there are values."""
    return [
        (name.encode(), value.encode("latin-1", "replace")) for value in values
    ]


async def change(
    client: httpx.AsyncClient, method: str, path: str, headers: Any
) -> httpx.Response:
    """Change a task by one of the methods that can."""
    body = {"title": "changed"}
    if method == "DELETE":
        return await client.delete(path, headers=headers)
    return await client.request(method, path, json=body, headers=headers)


@on_both_if_long
@pytest.mark.spec("001/FR-120")
async def test_every_answer_with_one_task_has_its_version_as_etag(
    client: httpx.AsyncClient,
) -> None:
    body = {"title": "x", "id": str(uuid4())}
    path = f"{TASKS}/{body['id']}"
    answers = [
        (1, await client.post(TASKS, json=body)),
        (1, await client.post(TASKS, json=body)),
        (1, await client.get(path)),
        (2, await client.put(path, json={"title": "y"})),
        (2, await client.put(path, json={"title": "y"})),
        (3, await client.patch(path, json={"completed": True})),
        (4, await client.delete(path)),
        (4, await client.get(path)),
        (4, await client.post(TASKS, json=body)),
    ]

    for version, response in answers:
        assert response.headers["etag"] == f'"{version}"'
        assert response.json()["data"]["version"] == version
    for response in (
        await client.get(TASKS),
        await client.get("/health"),
        await client.delete(path),
    ):
        assert "etag" not in response.headers


@on_both_if_long
@pytest.mark.spec("001/FR-121")
async def test_get_of_a_known_version_is_304_without_a_body(
    client: httpx.AsyncClient,
) -> None:
    """`If-None-Match` compares weakly: `W/` makes no difference."""
    task = await add(client)
    path = f"{TASKS}/{task['id']}"

    for values in (*ALLOWING, ['W/"1"'], ['"2", W/"1"']):
        headers = lines("If-None-Match", values)
        response = await client.get(path, headers=headers)
        assert (response.status_code, response.content) == (304, b""), values
        assert response.headers["etag"] == '"1"'
        assert "content-type" not in response.headers
    for values in (['"2"'], ['"01"'], ['""'], [""], [LONG_LIST]):
        headers = lines("If-None-Match", values)
        assert data(await client.get(path, headers=headers)) == task

    changed = data(await client.put(path, json={"title": "y"}))
    known = {"If-None-Match": '"1"'}
    assert data(await client.get(path, headers=known)) == changed
    for missing in (f"{TASKS}/{uuid4()}", path.replace("ada", "eve")):
        for value in ("*", '"1"'):
            response = await client.get(
                missing, headers={"If-None-Match": value}
            )
            error(response, 404, "NOT_FOUND")


@pytest.mark.spec("001/FR-121")
def test_304_leaves_the_connection_usable(light: Served) -> None:
    with light.client() as client:
        task = client.post(TASKS, json={"title": "x"}).json()["data"]
        path = f"{TASKS}/{task['id']}"
        for _ in range(3):
            known = client.get(path, headers={"If-None-Match": '"1"'})
            assert (known.status_code, known.content) == (304, b"")
            assert "content-length" not in known.headers
            assert client.get(path).json()["data"] == task

    assert "bug:" not in "\n".join(light.lines)


@on_both_if_long
@pytest.mark.spec("001/FR-122", "001/FR-067")
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_if_match_lets_a_change_through_only_with_the_version(
    client: httpx.AsyncClient, method: str
) -> None:
    task = await add(client)
    path = f"{TASKS}/{task['id']}"

    for values in REFUSING:
        headers = lines("If-Match", values)
        response = await change(client, method, path, headers)
        fault = error(response, 412, "PRECONDITION_FAILED")
        assert fault["details"] == [{"field": "version", "message": "1"}]
        assert fault["message"].endswith("; nothing was changed")
    assert data(await client.get(path)) == task
    assert data(await client.get(TASKS)) == [task]

    for values in ALLOWING:
        other = await add(client)
        headers = lines("If-Match", values)
        response = await change(
            client, method, f"{TASKS}/{other['id']}", headers
        )
        assert data(response)["version"] == 2, values


@pytest.mark.spec("001/FR-122")
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_if_none_match_keeps_a_change_from_a_version(
    client_embedded: httpx.AsyncClient, method: str
) -> None:
    """RFC 9110, 13.1.2: for a method other than GET and HEAD it is 412."""
    task = await add(client_embedded)
    path = f"{TASKS}/{task['id']}"

    for pairs in (
        [("If-None-Match", "*")],
        [("If-None-Match", '"1"')],
        [("If-None-Match", 'W/"1"')],
        [("If-None-Match", '"1"'), ("If-Match", '"1"')],
        [("If-None-Match", '"3"'), ("If-Match", '"2"')],
    ):
        response = await change(client_embedded, method, path, pairs)
        error(response, 412, "PRECONDITION_FAILED")
    assert data(await client_embedded.get(path)) == task

    pairs = [("If-None-Match", '"2"'), ("If-Match", '"1", "2"')]
    changed = data(await change(client_embedded, method, path, pairs))
    assert changed["version"] == 2


async def test_if_match_holds_for_get_too(
    client_embedded: httpx.AsyncClient,
) -> None:
    task = await add(client_embedded)
    path = f"{TASKS}/{task['id']}"

    for value, status in (('"1"', 200), ("*", 200), ('"2"', 412)):
        headers = {"If-Match": value}
        response = await client_embedded.get(path, headers=headers)
        assert response.status_code == status
    both = {"If-Match": '"2"', "If-None-Match": '"1"'}
    response = await client_embedded.get(path, headers=both)
    error(response, 412, "PRECONDITION_FAILED")


@on_both_if_long
@pytest.mark.spec("001/FR-122", "001/FR-111")
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
async def test_a_condition_does_not_tell_that_a_task_exists(
    client: httpx.AsyncClient, method: str
) -> None:
    """RFC 9110, 13.2.1: what would be 404 without the header is 404 with it."""
    theirs = await add(client, user="bob")
    gone = await add(client)
    trashed = f"{TASKS}/{gone['id']}"
    await client.delete(trashed)
    paths = [f"{TASKS}/{theirs['id']}", f"{TASKS}/{uuid4()}"]
    if method != "GET":
        paths.append(trashed)

    for path in paths:
        for value in ("*", '"1"', '"2"', '"1", "2"', 'W/"1"', ""):
            for name in ("If-Match", "If-None-Match"):
                response = await change(client, method, path, {name: value})
                error(response, 404, "NOT_FOUND")
    assert data(await client.get(f"/api/bob/tasks/{theirs['id']}")) == theirs


@pytest.mark.spec("001/FR-123")
async def test_malformed_condition_is_refused_and_not_repeated(
    client_embedded: httpx.AsyncClient,
) -> None:
    task = await add(client_embedded)
    path = f"{TASKS}/{task['id']}"

    for values in MALFORMED:
        for name in ("If-Match", "If-None-Match"):
            for method in ("GET", "PUT", "PATCH", "DELETE"):
                response = await change(
                    client_embedded, method, path, lines(name, values)
                )
                fault = error(response, 422, "INVALID_INPUT")
                assert fault["details"][0]["field"] == name
                assert "canary" not in response.text
    assert data(await client_embedded.get(path)) == task


@on_both_if_long
@pytest.mark.spec("001/FR-122")
async def test_restore_needs_the_version_that_if_match_names(
    client: httpx.AsyncClient,
) -> None:
    task = await add(client)
    path = f"{TASKS}/{task['id']}"
    deleted = data(await client.delete(path))
    restore = f"{path}/restore"

    wrong = {"If-Match": f'"{deleted["version"] + 1}"'}
    refused = await client.post(restore, json={}, headers=wrong)
    error(refused, 412, "PRECONDITION_FAILED")
    assert data(await client.get(path)) == deleted

    right = {"If-Match": f'"{deleted["version"]}"'}
    restored = await client.post(restore, json={}, headers=right)
    assert data(restored)["deleted_at"] is None


async def test_conditions_of_other_routes_are_ignored(
    client_embedded: httpx.AsyncClient,
) -> None:
    """Neither the list nor adding has a version."""
    for headers in (
        {"If-Match": '"9"'},
        {"If-None-Match": "*"},
        {"If-Match": "x"},
    ):
        response = await client_embedded.get(TASKS, headers=headers)
        assert response.status_code == 200
        response = await client_embedded.post(
            TASKS, json={"title": "x"}, headers=headers
        )
        assert response.status_code == 201


@pytest.mark.spec("001/FR-122", "001/FR-072")
async def test_of_clients_with_one_version_only_one_wins(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient
) -> None:
    task = await add(client)
    path = f"{TASKS}/{task['id']}"

    for version in range(1, 6):
        answers = await asyncio.gather(
            *(
                each.put(
                    path,
                    json={"title": f"{version} by {number}"},
                    headers={"If-Match": f'"{version}"'},
                )
                for number, each in enumerate([client, other_client] * 3)
            )
        )

        won = [each for each in answers if each.status_code == 200]
        lost = [each for each in answers if each.status_code == 412]
        assert (len(won), len(lost)) == (1, 5), [a.text for a in answers]
        stored = data(await client.get(path))
        assert data(won[0]) == stored
        assert stored["version"] == version + 1
        for each in lost:
            fault = error(each, 412, "PRECONDITION_FAILED")
            assert fault["details"][0]["message"] == str(version + 1)


@pytest.mark.spec("001/FR-122", "001/FR-072")
async def test_of_a_delete_and_a_change_with_one_version_only_one_wins(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient
) -> None:
    for _ in range(5):
        task = await add(client)
        path = f"{TASKS}/{task['id']}"
        headers = {"If-Match": '"1"'}
        deleted, changed = await asyncio.gather(
            client.delete(path, headers=headers),
            other_client.put(path, json={"title": "x"}, headers=headers),
        )

        stored = data(await client.get(path))
        if deleted.status_code == 200:
            error(changed, 404, "NOT_FOUND")
            assert data(deleted) == stored
        else:
            error(deleted, 412, "PRECONDITION_FAILED")
            assert data(changed) == stored
        assert stored["version"] == 2


# What tags are, and how a change is tried


def test_tags_are_read_from_all_lines() -> None:
    for values in MALFORMED:
        with pytest.raises(InvalidInput):
            read_tags("If-Match", values)
    assert read_tags("If-Match", None) is None
    assert read_tags("If-Match", ["*"]) == Tags(is_any=True)
    assert read_tags("If-Match", ['"a,b" ,W/"",', '"\xff"']) == Tags(
        strong=frozenset({"a,b", "\xff"}), weak=frozenset({""})
    )


class Stored:
    """A task that somebody else changes before each try."""

    def __init__(self, *versions: int) -> None:
        self._versions = list(versions)
        self.tried: list[int | None] = []

    async def change(self, version: int | None) -> str:
        """Change it, if it has the version."""
        self.tried.append(version)
        current = self._versions.pop(0)
        if version in (None, current):
            return "changed"
        raise VersionConflict(
            "It has another version",
            details=[{"field": "version", "message": str(current)}],
        )


def of(match: str | None, none_match: str | None = None) -> Conditions:
    """The conditions of two headers."""
    first = None if match is None else [match]
    second = None if none_match is None else [none_match]
    return Conditions(
        read_tags("If-Match", first), read_tags("If-None-Match", second)
    )


@pytest.mark.parametrize(
    ("conditions", "versions", "tried"),
    [
        (of(None), [7], [None]),
        (of("*"), [7], [None]),
        (of('"7"'), [7], [7]),
        (of('"6", "7"'), [7], [0, 7]),
        (of('"6", "7"'), [6, 7, 7], [0, 6, 7]),
        (of(None, '"6"'), [7, 7], [0, 7]),
        (of(None, '"6"'), [7, 8, 8], [0, 7, 8]),
        (of('"7"', '"8"'), [7], [7]),
    ],
)
async def test_change_is_tried_with_the_versions_that_fit(
    conditions: Conditions, versions: list[int], tried: list[int | None]
) -> None:
    if len(tried) > 1 and len(versions) == 1:
        versions = versions * 2
    task = Stored(*versions)

    assert await conditions.apply(task.change) == "changed"
    assert task.tried == tried


@pytest.mark.parametrize(
    ("conditions", "versions", "tried"),
    [
        (of('"7"'), [8], [7]),
        (of('"6", "7"'), [8], [0]),
        (of('"6", "7"'), [7, 8], [0, 7]),
        (of(None, '"7"'), [7], [0]),
        (of('"7"', '"7"'), [7], [0]),
    ],
)
async def test_change_ends_with_a_version_that_does_not_fit(
    conditions: Conditions, versions: list[int], tried: list[int | None]
) -> None:
    task = Stored(*versions)

    with pytest.raises(PreconditionFailed):
        await conditions.apply(task.change)
    assert task.tried == tried


async def test_change_gives_up_while_others_change_the_task() -> None:
    task = Stored(1, 2, 3, 4, 5)

    with pytest.raises(DatabaseBusy):
        await of(None, '"9"').apply(task.change)
    assert len(task.tried) == 3
