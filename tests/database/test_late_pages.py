"""A late page costs what the first one does: what both stores did for it."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from tests.database.test_plans import (
    SECOND,
    SHAPES,
    START,
    TODAY,
    Shape,
    Watched,
    make,
    sqlite_steps,
    watched,
)
from tests.service.backdoor import connected, run_sql
from tests.support.size import size
from tests.support.stores import Store
from todo_cli.service import TaskService
from todo_cli.task import Position, Sort, TaskQuery, TaskStatus

__all__ = ["watched"]

MANY = size(3_000, 8_000)
LIMIT = 20
FEW = 10
"""Pages that a first page of few tasks may be cheaper; a walk would take thousands."""
AT_MOST = 1.3
STEPS = 4
"""A late page reads more parts of an index, where values are alike; no number of tasks."""
LIES = {
    "of one instant": (
        SHAPES["one created_at, half done"],
        timedelta(0),
        MANY // 2 + 100,
    ),
    "all open": (SHAPES["all open"], SECOND, 100),
    "older half done": (
        Shape(lambda n, size: n <= size // 2, SECOND),
        SECOND,
        MANY // 2 + 100,
    ),
    "newer half done": (
        Shape(lambda n, size: n > size // 2, SECOND),
        SECOND,
        MANY // 2 + 100,
    ),
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


async def steps_done(
    store: Store, statement: str, parameters: Sequence[Any]
) -> int:
    """How many steps SQLite's machine does for a statement."""
    return sqlite_steps(store, statement, parameters)


COSTS = {"postgresql": pages_read, "sqlite": steps_done}


@pytest.mark.spec("001/FR-107")
@each_lie
async def test_late_page_is_not_walked_to(
    store: Store,
    tasks: TaskService,
    watched: Watched,
    shape: Shape,
    apart: timedelta,
    number: int,
) -> None:
    await make(store, tasks, shape, MANY)
    if store.kind == "postgresql":
        await run_sql(store, "VACUUM ANALYZE todo.task")
    late = Position(START + number * apart, number)
    cost = COSTS[store.kind]

    for status in TaskStatus:
        first_page = TaskQuery(status, limit=LIMIT, sort=Sort.NEWEST)
        late_page = TaskQuery(
            status, limit=LIMIT, sort=Sort.NEWEST, after=late
        )
        first = await watched.planned(tasks.list(first_page))
        after = await watched.planned(tasks.list(late_page))

        most = AT_MOST * await cost(store, *first) + FEW
        assert await cost(store, *after) <= most, status


def places(number: int, apart: timedelta) -> dict[Sort, Position]:
    """The place of a task that is due in each order."""
    number -= number % 3
    place = Position(START + number * apart, number)
    due = TODAY + timedelta(days=8 + number % 200)
    values: dict[Sort, date | datetime | str] = {
        Sort.DUE: due,
        Sort.PRIORITY: "low",
        Sort.PROJECT: f"home.{number % 7}",
        Sort.TITLE: f"task {number}",
        Sort.UPDATED: place.created_at,
    }
    found = {Sort.OLDEST: place}
    for sort, value in values.items():
        found[sort] = place._replace(value=value, priority="low")
    return found


@pytest.mark.spec("001/FR-107", "001/FR-133")
async def test_late_page_of_no_order_is_walked_to(
    store: Store, tasks: TaskService, watched: Watched
) -> None:
    shape, apart, number = LIES["of one instant"]
    await make(store, tasks, shape, MANY)
    if store.kind == "postgresql":
        await run_sql(store, "VACUUM ANALYZE todo.task")
    cost = COSTS[store.kind]

    for sort, late in places(number, apart).items():
        query = TaskQuery(TaskStatus.ALL, limit=LIMIT, sort=sort)
        first = await watched.planned(tasks.list(query))
        after = await watched.planned(tasks.list(replace(query, after=late)))

        # A part more for each value that is compared before the time.
        most = STEPS * AT_MOST * await cost(store, *first) + FEW
        assert await cost(store, *after) <= most, sort
