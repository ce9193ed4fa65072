"""Nobody reads or changes what is another's: every route and method of the contract,
own, foreign and missing ids.
"""

import re
from dataclasses import dataclass, replace
from itertools import product
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.api.contract import served
from tests.api.support import add
from tests.service.backdoor import fetch_all
from tests.support.size import on_both_if_long
from tests.support.stores import Store

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
BODIES: dict[str, Any] = {
    "POST": {"title": "taken over"},
    "PUT": {"title": "taken over", "completed": True},
    "PATCH": {"title": "taken over"},
}
WHOSE = ("own", "foreign", "missing")
EMPTY = ("/restore", "/undo", "/redo")
"""The ends of the paths whose POST has an empty body."""
PATHS = [path for path in served()["paths"] if "{user_id}" in path]
ROWS = "SELECT * FROM todo.task WHERE user_id <> 'mallory' ORDER BY id"
OPERATIONS = (
    "SELECT * FROM todo.operation WHERE user_id <> 'mallory' ORDER BY id"
)
CHANGES = (
    "SELECT * FROM todo.change WHERE user_id <> 'mallory' "
    "ORDER BY task_id, operation"
)
COUNTERS = (
    "SELECT * FROM todo.counter WHERE user_id <> 'mallory' ORDER BY user_id"
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request of mallory's."""

    method: str
    path: str
    whose: str
    body_id: str | None

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.whose} id, {self.body_id or 'no'} id in the body"


def attempts() -> list[Attempt]:
    """Every method on every path with every kind of id, in the path and in the body."""
    return [
        Attempt(method, path, whose, body_id)
        for path, method in product(PATHS, METHODS)
        for whose in (WHOSE if "{task_id}" in path else ("own",))
        for body_id in ((None, *WHOSE) if method in BODIES else (None,))
    ]


@on_both_if_long
@pytest.mark.spec("001/FR-111")
@pytest.mark.spec("001/FR-013")
async def test_no_request_reads_or_changes_what_is_anothers(
    client: httpx.AsyncClient, store: Store
) -> None:
    victims = [
        await add(client, "a secret", user="ada", description="canary")
        for _ in range(3)
    ]
    await client.delete(f"/api/ada/tasks/{victims[2]['id']}")
    before = await all_rows(store)
    tried: dict[Attempt, tuple[int, str]] = {}

    for attempt in attempts():
        ids = {
            "own": (await add(client, "mine", user="mallory"))["id"],
            "foreign": victims[0]["id"],
            "missing": str(uuid4()),
        }
        response = await ask(client, attempt, ids)
        told = without_ids(response.text)
        assert "canary" not in told, attempt
        assert "secret" not in told, attempt
        assert "ada" not in told, attempt
        assert response.status_code < 500, (attempt, response.text)
        tried[attempt] = response.status_code, told

    assert await all_rows(store) == before
    assert len(tried) > 40
    for attempt, answer in tried.items():
        if attempt.whose == "foreign":  # nothing tells it from a missing one
            assert answer == tried[replace(attempt, whose="missing")], attempt


@pytest.mark.spec("001/FR-111")
async def test_foreign_task_is_as_unknown_as_a_missing_one(
    client_embedded: httpx.AsyncClient,
) -> None:
    """Its answer has the same headers, too."""
    theirs, missing = (
        (await add(client_embedded, user="ada"))["id"],
        str(uuid4()),
    )

    for method, end in (
        ("GET", ""),
        ("PUT", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("GET", "/history"),
        ("POST", "/restore"),
    ):
        body = {} if end else BODIES.get(method)
        foreign, unknown = [
            await client_embedded.request(
                method, f"/api/mallory/tasks/{id}{end}", json=body
            )
            for id in (theirs, missing)
        ]

        assert foreign.status_code == unknown.status_code == 404
        assert foreign.text.replace(theirs, missing) == unknown.text
        assert foreign.headers == unknown.headers


@pytest.mark.spec("001/FR-111")
async def test_names_that_look_alike_are_not_the_same(
    client: httpx.AsyncClient,
) -> None:
    await add(client, "a secret", user="ada")

    for user in (
        "ADA",
        "Ada",
        "a%64a%20x",
        "ada%00",
        "ada%2F..%2Fbob",
        "ad%C3%A1",
        "ada;x",
        "ada%3Fx",
    ):
        path = f"/api/{user}/tasks".encode()
        response = await client.get(
            httpx.URL(str(client.base_url), raw_path=path)
        )

        assert "a secret" not in response.text
        assert response.status_code in (200, 404, 422)


async def all_rows(store: Store) -> list[list[tuple[object, ...]]]:
    """All that is not mallory's."""
    tables = (ROWS, COUNTERS, OPERATIONS, CHANGES)
    return [await fetch_all(store, sql) for sql in tables]


async def ask(
    client: httpx.AsyncClient, attempt: Attempt, ids: dict[str, str]
) -> httpx.Response:
    """Send one request as mallory."""
    path = attempt.path.replace("{user_id}", "mallory").replace(
        "{task_id}", ids[attempt.whose]
    )
    body = BODIES.get(attempt.method)
    if attempt.path.endswith(EMPTY):
        body = {}
    elif body is not None and attempt.body_id is not None:
        body = body | {"id": ids[attempt.body_id]}
    return await client.request(attempt.method, path, json=body)


def without_ids(text: str) -> str:
    """A text in which every id is the same one."""
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", text)
