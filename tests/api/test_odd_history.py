"""A history that another program has changed: read, or named, and never a bug."""

from typing import Any

import httpx
import pytest

from tests.api.support import add, data, error
from tests.service.backdoor import REFUSALS, run_sql
from tests.support.size import share
from tests.support.stores import Store

READABLE = [
    '{"title": "\\u001b[31m"}',
    '{"title": "' + "x" * 3_000 + '"}',
    '{"title": "a", "title": "b"}',
    '{"description": null, "priority": "urgent"}',
    '{"due_on": "2026-W01-1"}',
    '{"tags": []}',
    '{"x": 1}',
    '{"version": 9, "number": 9, "user_id": "eve", "id": "x"}',
    '{"tag_folds": 5, "tags": ["a"]}',
    '{"tag_folds": {"a": 5}, "tags": ["a"]}',
    '{"title_folded": 5, "title": "z"}',
    '{"created_at": "2026-01-01T00:00:00+05:00"}',
    '{"is_done": true}',
    '{"is_done": null, "completed_at": null}',
    '{"title": null}',
    "{}",
]
UNREADABLE = [
    '{"created_at": "0001-01-01T00:00:00+23:00"}',
    '{"created_at": "9999-12-31T23:59:59-23:00"}',
    '{"deleted_at": "2026-01-01"}',
    '{"deleted_at": "infinity"}',
    '{"completed_at": 5}',
    '{"due_on": "x"}',
    '{"due_on": "infinity"}',
    '{"due_on": 5}',
    '{"due_on": true}',
    '{"due_on": []}',
    '{"title": "\\ud800"}',
    '{"tags": ["\\udc00"]}',
    '{"title": 5}',
    '{"title": 1e999}',
    '{"title": true}',
    '{"title": {"a": [1]}}',
    '{"tags": 5}',
    '{"tags": "abc"}',
    '{"tags": {"a": 1}}',
    '{"tags": [1, null]}',
    '{"is_done": "x"}',
    '{"is_done": 2}',
    '{"title": ' + "9" * 5_000 + "}",
    '{"title": ' + "[" * 900 + "]" * 900 + "}",
    '{"title": ' + "[" * 3_000 + "]" * 3_000 + "}",
]


async def broken(
    client: httpx.AsyncClient, store: Store, user: str, values: str
) -> Any:
    """A task whose second operation has these values now; None if a store refuses them."""
    task = await add(client, user=user, tags=["a"])
    path = f"/api/{user}/tasks/{task['id']}"
    body = {"title": "y", "tags": ["b"], "due_on": "2026-01-01"}
    await client.put(path, json=body)
    where = f"WHERE user_id = '{user}' AND operation = 2"
    try:
        await run_sql(store, f"UPDATE todo.change SET {values} {where}")
    except REFUSALS:
        return None
    return data(await client.get(path))


def written(store: Store, column: str, value: str) -> str:
    """The SQL that sets a column of `change`."""
    kind = "::jsonb" if store.kind == "postgresql" else ""
    return f"{column} = '{value}'{kind}"


COLUMNS = ["old_values", "new_values"]


@pytest.mark.spec("001/FR-047", "001/FR-116")
@pytest.mark.parametrize("column", COLUMNS)
async def test_history_of_another_program_is_read_or_named(
    client: httpx.AsyncClient, store: Store, column: str
) -> None:
    # In the suite a file has each value in one of the columns, and a server half of them.
    turn = COLUMNS.index(column)
    turns = {"sqlite": 2, "postgresql": 4}[store.kind]
    cases = share(enumerate([*READABLE, *UNREADABLE]), turn, turns)
    seen = 0
    for number, value in cases:
        user = f"user{number}"
        sql = written(store, column, value)
        task = await broken(client, store, user, sql)
        if task is None:
            continue
        seen += 1
        path = f"/api/{user}/tasks/{task['id']}"
        for address in (f"/api/{user}/history", f"{path}/history"):
            response = await client.get(address)
            # Only what changed is read, so nothing else can be wrong.
            if response.status_code == 200:
                assert value in READABLE or column == "old_values", value
                continue
            fault = error(response, 500, "SCHEMA")
            assert value in UNREADABLE, value
            assert fault["message"].startswith(
                f"Operation 2 of {user} cannot be read"
            )

        undone = await client.post(f"/api/{user}/undo", json={"operation": 2})
        if undone.status_code != 200:
            assert undone.json()["error"]["code"] in {
                *("CONFLICT", "INVALID_INPUT", "SCHEMA"),
            }, (value, undone.text)
            assert data(await client.get(path)) == task
        redone = await client.post(f"/api/{user}/redo", json={})
        assert redone.json().get("error", {}).get("code") != "INTERNAL"
    assert seen > len(cases) * 2 // 3
