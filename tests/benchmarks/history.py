"""What history costs: `done` over `done` of an older commit, and with a thousand times
the operations.

The service is called warm; each figure compares two calls in turns.
"""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.benchmarks.figures import Figure
from tests.benchmarks.pages import now
from tests.benchmarks.processes import Run, measure, todo
from tests.benchmarks.stores import KINDS, USER, Bench, Stores
from tests.service.backdoor import run_sql
from tests.support.stores import Store
from todo_cli.database.engine import open_database
from todo_cli.service import TaskService
from todo_cli.task import NewTask, TaskChange

SCRIPT = Path(__file__).with_name("warm_done.py")
FEW = 1_000
TOUCHED, OTHERS = 500, 500
"""How many tasks the calls change, and how many others have operations."""
WARMING = 5
DONE_AT_MOST = {"sqlite": 1.5, "postgresql": 1.3}
"""What `done` may take at most of its time at the older commit."""
GROWN_AT_MOST = 1.5

Call = Callable[[TaskService, int], Awaitable[Any]]


async def _undo(tasks: TaskService, turn: int) -> float:
    await tasks.update([turn % 9 + 1], TaskChange(title=f"title {turn}"))
    began = time.perf_counter()
    await tasks.undo()
    return time.perf_counter() - began


async def _redo(tasks: TaskService, turn: int) -> float:
    await _undo(tasks, turn)
    began = time.perf_counter()
    await tasks.redo()
    return time.perf_counter() - began


def timed(call: Call) -> Callable[[TaskService, int], Awaitable[float]]:
    """Take the time of a whole call."""

    async def take(tasks: TaskService, turn: int) -> float:
        began = time.perf_counter()
        await call(tasks, turn)
        return time.perf_counter() - began

    return take


CALLS: dict[str, Callable[[TaskService, int], Awaitable[float]]] = {
    "add": timed(lambda tasks, turn: tasks.add(NewTask(f"new {turn}"))),
    "done": timed(lambda tasks, turn: tasks.complete([5], undo=turn % 2 == 1)),
    "delete": timed(lambda tasks, turn: tasks.delete([turn + 100])),
    "purge": timed(lambda tasks, turn: tasks.purge([turn + 300])),
    "undo": _undo,
    "redo": _redo,
    "history": timed(lambda tasks, _: tasks.history(limit=50)),
    "history of a task": timed(lambda tasks, _: tasks.history(5, limit=50)),
    "history, far back": timed(
        lambda tasks, _: tasks.history(limit=50, before=FEW // 2)
    ),
}


def run(bench: Bench) -> list[Figure]:
    """Compare with the older commit if there is one, else small and large histories."""
    figures: list[Figure] = []
    for kind in KINDS:
        if bench.before is not None:
            figures.append(_over_before(bench, bench.before, kind))
            continue
        with (
            bench.stores.empty(kind) as small,
            bench.stores.empty(kind) as large,
        ):
            many = bench.choose(20_000, 1_000_000)
            figures += asyncio.run(_grown(bench, small, large, many))
    return figures


# Over an older commit


def _over_before(bench: Bench, older: Stores, kind: str) -> Figure:
    rounds = bench.choose(20, 400)
    with ExitStack() as opened:
        pair = [
            opened.enter_context(_warm(opened, stores, kind))
            for stores in (bench.stores, older)
        ]
        try:
            ours, bases = _in_turns(pair, rounds)
        finally:
            for process in pair:
                process.kill()
    what = f"{kind}, done in the service over itself before"
    return _figure(what, ours, bases, DONE_AT_MOST[kind])


def _warm(
    opened: ExitStack, stores: Stores, kind: str
) -> "subprocess.Popen[str]":
    """Start a process that completes a task whenever it gets a line."""
    store = opened.enter_context(stores.empty(kind))
    titles = "".join(f"Task {number}\n" for number in range(100))
    add = todo("add", "-")
    measure(Run(add, stores.variables(store.url), stdin=titles.encode()))
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), store.url, USER],
        env=stores.variables(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _in_turns(
    pair: Sequence["subprocess.Popen[str]"], rounds: int
) -> tuple[list[float], list[float]]:
    """Ask both in turns; the first turns warm up."""
    found: tuple[list[float], list[float]] = [], []
    for turn in range(WARMING + rounds):
        for process, seconds in zip(pair, found, strict=True):
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("\n")
            process.stdin.flush()
            took_s = float(process.stdout.readline())
            if turn >= WARMING:
                seconds.append(took_s)
    return found


# With many operations


async def _grown(
    bench: Bench, small: Store, large: Store, many: int
) -> list[Figure]:
    figures = []
    async with (
        open_database(small.target) as few,
        open_database(large.target) as lots,
    ):
        services = [TaskService(each, USER, now) for each in (lots, few)]
        for service in services:
            await service.add_all([NewTask("a")] * (TOUCHED + OTHERS))
        await _fill(large, many)
        await _fill(small, FEW)
        for name, call in CALLS.items():
            seconds: tuple[list[float], list[float]] = [], []
            for turn in range(WARMING + bench.choose(5, 50)):
                for service, taken in zip(services, seconds, strict=True):
                    took_s = await call(service, turn)
                    if turn >= WARMING:
                        taken.append(took_s)
            what = f"{small.kind}, {name}: {many:,} operations over {FEW:,}"
            figures.append(_figure(what, *seconds, GROWN_AT_MOST))
    return figures


def _figure(
    what: str,
    ours: Sequence[float],
    bases: Sequence[float],
    at_most: float,
) -> Figure:
    ratio = statistics.median(
        one / other for one, other in zip(ours, bases, strict=True)
    )
    beside = {
        "best": min(ours) / min(bases),
        "ms": statistics.median(ours) * 1_000,
    }
    return Figure(what, ratio, at_most, beside=beside)


async def _fill(store: Store, many: int) -> None:
    """Write operations that each changed the title of a task, by SQL."""
    for sql in _filling(store.kind, many):
        await run_sql(store, sql)


def _filling(kind: str, many: int) -> Iterator[str]:
    old = '\'{"title": "b", "title_folded": "b"}\''
    new = '\'{"title": "a", "title_folded": "a"}\''
    series = f"""WITH RECURSIVE series(i) AS (
        SELECT 2 UNION ALL SELECT i + 1 FROM series WHERE i <= {many}
    )"""
    id = "lower(hex(randomblob(4))) || '-0000-4000-8000-' || lower(hex(randomblob(6)))"
    at = "'2026-01-01T00:00:00.000000Z'"
    if kind == "postgresql":
        series = (
            f"WITH series AS (SELECT i FROM generate_series(2, {many + 1}) i)"
        )
        id, at = "gen_random_uuid()", "timestamptz '2026-01-01Z'"
        old, new = f"{old}::jsonb", f"{new}::jsonb"
    yield f"""INSERT INTO todo.operation (user_id, number, id, at, command)
        {series} SELECT '{USER}', i, {id}, {at}, 'update' FROM series"""
    yield f"""INSERT INTO todo.change
        (user_id, operation, task_id, number, old_values, new_values)
        {series} SELECT '{USER}', i, task.id, task.number, {old}, {new}
        FROM series JOIN todo.task AS task
        ON task.user_id = '{USER}' AND task.number = i % {OTHERS} + {TOUCHED + 1}"""
    yield f"""UPDATE todo.counter SET operations = {many + 1}
        WHERE user_id = '{USER}'"""
    if kind == "postgresql":
        yield "VACUUM ANALYZE todo.operation"
        yield "VACUUM ANALYZE todo.change"
