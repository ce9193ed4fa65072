"""(b) Whether `list --limit 20` stays as fast when a user has a thousand times the tasks."""

import asyncio
import statistics
import time
from datetime import UTC, datetime

from tests.benchmarks.figures import Figure
from tests.benchmarks.stores import KINDS, SHAPES, USER, Shape, Stores
from tests.support.stores import Store
from todo_cli.database.engine import open_database
from todo_cli.service import TaskService
from todo_cli.task import TaskQuery, TaskStatus

PART = "b list --limit 20"
AT_MOST = 1.5
LIMIT = 20
CALLS = 50
FEW = 1_000


def run(stores: Stores, *, is_quick: bool) -> list[Figure]:
    """Time the service in this process, warm, on two stores of each kind and shape,
    small and large in turns.
    """
    many = 50_000 if is_quick else 1_000_000
    figures: list[Figure] = []
    for kind in KINDS:
        for shape in SHAPES:
            with (
                stores.filled(kind, FEW, shape) as small,
                stores.filled(kind, many, shape) as large,
            ):
                figures += asyncio.run(_measure(small, large, shape, many))
    return figures


async def _measure(small: Store, large: Store, shape: Shape, many: int) -> list[Figure]:
    async with open_database(small.target) as few, open_database(large.target) as lots:
        services = [TaskService(database, USER, _now) for database in (few, lots)]
        return [
            await _compare(services, status, small.kind, shape, many)
            for status in TaskStatus
        ]


async def _compare(
    services: list[TaskService], status: TaskStatus, kind: str, shape: Shape, many: int
) -> Figure:
    times: list[list[float]] = [[], []]
    for call in range(CALLS + 5):
        for service, seconds in zip(services, times, strict=True):
            began = time.perf_counter()
            await service.list(TaskQuery(status, LIMIT))
            if call >= 5:
                seconds.append(time.perf_counter() - began)
    few, lots = times
    return Figure(
        PART,
        f"{kind}, {shape.name}, --status {status}: {many:,} over {FEW:,}",
        statistics.median(lots) / statistics.median(few),
        AT_MOST,
        beside={"best": min(lots) / min(few), "ms": statistics.median(lots) * 1000},
    )


def _now() -> datetime:
    return datetime.now(UTC)
