"""Whether each order and each filter costs the same with a thousand times the tasks.

The service is called in this process, warm; each figure compares two calls in turns.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from typing import Any

from tests.benchmarks.figures import Figure
from tests.benchmarks.pages import FEW, compare, now
from tests.benchmarks.stores import KINDS, USER, Bench, Stores
from tests.database.test_plans import (
    FILTERS,
    HITS,
    IN_A_HUNDRED,
    SECOND,
    SHAPES,
    START,
    TODAY,
    Shape,
    fill,
)
from tests.service.backdoor import run_sql
from tests.support.postgres import PostgresCluster, find_with_trigrams
from tests.support.stores import Store
from todo_cli.database import search
from todo_cli.database.engine import Database, open_database
from todo_cli.service import TaskService
from todo_cli.task import Sort, TaskQuery, TaskStatus

ORDERS_AT_MOST, FILTERS_AT_MOST = 2, 3
WALKS: dict[str, dict[str, Any]] = {
    "--no-tag": {"no_tags": ("special",)},
    "a word of two letters": {"words": ("sp",)},
    "two filters": {"tags": ("other",), "words": ("special",)},
}
"""What walks the user's tasks, as the documentation says: measured, without a limit."""
RARE = "1 in 100 hits"
ORDERED = ("older half done, some wait", "half in the trash")


def run(bench: Bench) -> list[Figure]:
    """Compare small and large stores of each kind, for orders and for filters."""
    many = bench.choose(20_000, 1_000_000)
    figures: list[Figure] = []
    for kind in KINDS:
        for name in ORDERED:
            figures += _of(bench.stores, kind, (name, SHAPES[name]), many)
    with _with_trigrams(bench.stores) as stores:
        # Of a thousand tasks only ten fit: measured, without a limit.
        shapes = HITS | {RARE: IN_A_HUNDRED}
        for kind, (name, hits) in product(KINDS, shapes.items()):
            figures += _of(stores, kind, (name, hits), many)
    return figures


@contextmanager
def _with_trigrams(stores: Stores) -> Iterator[Stores]:
    """The same stores on a server that can have pg_trgm, if there is one here."""
    binaries = find_with_trigrams()
    if binaries is None:
        yield stores
        return
    cluster = PostgresCluster(binaries)
    try:
        yield replace(stores, server=cluster)
    finally:
        cluster.close()


def _of(
    stores: Stores, kind: str, named: tuple[str, Shape], many: int
) -> list[Figure]:
    name, shape = named
    with stores.empty(kind) as small, stores.empty(kind) as large:
        return asyncio.run(_compared(small, large, name, shape, many))


async def _compared(
    small: Store, large: Store, name: str, shape: Shape, many: int
) -> list[Figure]:
    figures = []
    is_walk = small.kind == "postgresql" and find_with_trigrams() is None
    async with (
        open_database(small.target) as few,
        open_database(large.target) as lots,
    ):
        await _fill(small, few, shape, FEW)
        await _fill(large, lots, shape, many)
        pairs = zip(_queries(name, FEW), _queries(name, many), strict=True)
        for (what, base, at_most), (_, query, _) in pairs:
            if is_walk and query.words and at_most:
                what, at_most = f"{what} without pg_trgm", None
            figures.append(
                await compare(
                    f"{small.kind}, {name}, {what}: {many:,} over {FEW:,}",
                    (TaskService(lots, USER, now), query),
                    (TaskService(few, USER, now), base),
                    at_most,
                )
            )
    return figures


async def _fill(
    store: Store, database: Database, shape: Shape, size: int
) -> None:
    """Fill a store as the program would: with its index, and analyzed."""
    await fill(store, shape, size)
    if store.kind == "postgresql":
        await run_sql(store, "VACUUM ANALYZE todo.task")
        await run_sql(store, "VACUUM ANALYZE todo.tag")
        return
    async with (
        database.connections.connection() as connection,
        connection.transaction(),
    ):
        await search.enter_all(connection)


def _queries(
    name: str, size: int
) -> Iterator[tuple[str, TaskQuery, float | None]]:
    """What to compare, with the limit of its figure."""
    if name in HITS or name == RARE:
        fitting = {"20 hits": 20, RARE: size // 100}.get(name, size // 10)
        at_most = None if name == RARE else FILTERS_AT_MOST
        since = {"since": START + (size - fitting) * SECOND}
        for what, filters in (FILTERS | {"since": since}).items():
            query = TaskQuery(today=TODAY, limit=20, **filters)
            yield what, query, at_most
        for what, filters in WALKS.items():
            yield what, TaskQuery(today=TODAY, limit=20, **filters), None
        return
    for status in TaskStatus:
        for sort in Sort:
            for is_reversed in (False, True):
                query = TaskQuery(
                    status,
                    today=TODAY,
                    limit=20,
                    sort=sort,
                    is_reversed=is_reversed,
                )
                reverse = ", --reverse" if is_reversed else ""
                what = f"--status {status} --sort {sort}{reverse}"
                yield what, query, ORDERS_AT_MOST
