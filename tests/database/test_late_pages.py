"""A late page costs what the first one does: what both stores did for it."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from tests.database.test_plans import (
    MANY,
    SECOND,
    SHAPES,
    START,
    Shape,
    Watched,
    make,
    sqlite_steps,
    watched,
)
from tests.service.backdoor import connected, run_sql
from tests.support.stores import Store
from todo_cli.service import TaskService
from todo_cli.task import Position, TaskQuery, TaskStatus

__all__ = ["watched"]

LIMIT = 20
AT_MOST = 1.3
LIES = {
    "of one instant": (
        SHAPES["one created_at, half done"],
        timedelta(0),
        MANY // 2 + 100,
    ),
    "all open": (SHAPES["all open"], SECOND, 100),
    "older half done": (SHAPES["older half done"], SECOND, MANY // 2 + 100),
    "newer half done": (SHAPES["newer half done"], SECOND, MANY // 2 + 100),
}
"""How the tasks lie, and a number after which tasks of every status are left."""

each_lie = pytest.mark.parametrize(
    ("shape", "apart", "number"), LIES.values(), ids=LIES.keys()
)


async def pages_read(
    store: Store, statement: str, parameters: Sequence[Any]
) -> int:
    """How many pages PostgreSQL looks at for a statement; rows that an index skips do
    not show anywhere else.
    """
    async with connected(store) as connection:
        text = await connection.fetchval(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", *parameters
        )
    plan = json.loads(text)[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


@pytest.mark.spec("001/FR-107")
@each_lie
@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
async def test_late_page_on_postgresql_is_not_walked_to(
    store: Store,
    tasks: TaskService,
    watched: Watched,
    shape: Shape,
    apart: timedelta,
    number: int,
) -> None:
    await make(store, tasks, shape, MANY)
    await run_sql(store, "VACUUM ANALYZE todo.task")
    late = Position(START + number * apart, number)

    for status in TaskStatus:
        first_pages = await pages_read(
            store, *await watched.one(tasks.list(TaskQuery(status, LIMIT)))
        )
        late_pages = await pages_read(
            store,
            *await watched.one(
                tasks.list(TaskQuery(status, LIMIT, after=late))
            ),
        )

        assert late_pages <= AT_MOST * first_pages, status


@pytest.mark.spec("001/FR-107")
@each_lie
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_late_page_on_sqlite_is_not_walked_to(
    store: Store,
    tasks: TaskService,
    watched: Watched,
    shape: Shape,
    apart: timedelta,
    number: int,
) -> None:
    await make(store, tasks, shape, MANY)
    late = Position(START + number * apart, number)

    for status in TaskStatus:
        first_steps = sqlite_steps(
            store, *await watched.one(tasks.list(TaskQuery(status, LIMIT)))
        )
        late_steps = sqlite_steps(
            store,
            *await watched.one(
                tasks.list(TaskQuery(status, LIMIT, after=late))
            ),
        )

        assert late_steps <= AT_MOST * first_steps, status
