"""Whether a page of a list stays as fast with a thousand times the tasks, and far down.

The service is called in this process, warm; each figure compares two calls in turns.
"""

import asyncio
import statistics
import time
from datetime import UTC, datetime, timedelta

from tests.benchmarks.figures import Figure
from tests.benchmarks.stores import ALL_OPEN, KINDS, SHAPES, USER, Bench, Shape
from tests.support.stores import Store
from todo_cli.database.engine import open_database
from todo_cli.service import TaskService
from todo_cli.task import Position, Sort, TaskQuery, TaskStatus

GROWN_AT_MOST = 1.5
LATE_AT_MOST = 1.3
FEW = 1_000
LAST_SHOWN = 101
"""The oldest task of the last page but one."""
LATE = Position(
    datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=LAST_SHOWN),
    LAST_SHOWN,
)
WARMING, CALLS = 5, 50

Call = tuple[TaskService, TaskQuery]


def run(bench: Bench) -> list[Figure]:
    """Compare small and large stores of each kind and shape, then late and first pages."""
    many = bench.choose(50_000, 1_000_000)
    figures: list[Figure] = []
    for kind in KINDS:
        for shape in SHAPES:
            with (
                bench.stores.filled(kind, FEW, shape) as small,
                bench.stores.filled(kind, many, shape) as large,
            ):
                figures += asyncio.run(_grown(small, large, shape, many))
                if shape is ALL_OPEN:
                    figures += asyncio.run(_late(large, many))
    return figures


async def _grown(
    small: Store, large: Store, shape: Shape, many: int
) -> list[Figure]:
    figures = []
    async with (
        open_database(small.target) as few,
        open_database(large.target) as lots,
    ):
        for status in TaskStatus:
            query = TaskQuery(status, limit=20)
            call = TaskService(lots, USER, now), query
            base = TaskService(few, USER, now), query
            what = f"{small.kind}, {shape.name}, --status {status}: {many:,} over {FEW:,}"
            figures.append(await compare(what, call, base, GROWN_AT_MOST))
    return figures


async def _late(store: Store, many: int) -> list[Figure]:
    figures = []
    async with open_database(store.target) as database:
        service = TaskService(database, USER, now)
        for status in (TaskStatus.ALL, TaskStatus.OPEN):
            late = (
                service,
                TaskQuery(status, sort=Sort.NEWEST, limit=100, after=LATE),
            )
            first = service, TaskQuery(status, sort=Sort.NEWEST, limit=100)
            page = await service.list(late[1])
            if (page.tasks[0].number, len(page.tasks)) != (
                LAST_SHOWN - 1,
                100,
            ):
                raise AssertionError(f"the wrong page of {store.kind}")
            what = f"{store.kind}, --status {status}: page {many // 100:,} over page 1"
            figures.append(await compare(what, late, first, LATE_AT_MOST))
    return figures


async def compare(
    what: str, call: Call, base: Call, at_most: float | None
) -> Figure:
    ours: list[float] = []
    bases: list[float] = []
    for turn in range(WARMING + CALLS):
        for (service, query), seconds in ((call, ours), (base, bases)):
            began = time.perf_counter()
            await service.list(query)
            if turn >= WARMING:
                seconds.append(time.perf_counter() - began)
    pairs = zip(ours, bases, strict=True)
    ratio = statistics.median(one / other for one, other in pairs)
    beside = {
        "best": min(ours) / min(bases),
        "ms": statistics.median(ours) * 1_000,
    }
    return Figure(what, ratio, at_most, beside=beside)


def now() -> datetime:
    return datetime.now(UTC)
