"""What `stats` costs over the bare driver that counts the same by one statement.

The service is called in this process, warm; each figure compares calls in turns. `cpu` is
the same of the seconds that this process took, in which SQLite runs, too. The
statement of one walk is the one that comes to mind; the other uses the indexes that it can.
"""

import asyncio
import sqlite3
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import asyncpg

from tests.benchmarks.figures import Figure
from tests.benchmarks.stores import KINDS, USER, UUID, Bench
from tests.service.backdoor import file_of, run_sql
from tests.support.stores import Store
from todo_cli.database.engine import open_database
from todo_cli.service import TaskService
from todo_cli.stats import Frame, Stats, frame_of, stats_values

AT_MOST = 1.3
APART_S = 60
START = datetime(2026, 1, 1, tzinfo=UTC)
COLUMNS = """id, number, user_id, title, description, is_done, created_at, updated_at,
    completed_at, due_on, wait_until, project, title_folded"""
VALUES = f"""i, '{USER}', 'Task number ' || i, CASE WHEN i % 2 = 0 THEN 'Described ' || i END,
    done, at, at, CASE WHEN done THEN at END, CASE WHEN i % 3 = 0 THEN {{due}} END,
    CASE WHEN i % 20 = 1 THEN {{later}} END,
    CASE WHEN i % 3 < 2 THEN 'project.' || (i % 50) END, 'task number ' || i"""
"""Half of them done; a third due, a tenth of those before the day; two thirds of projects."""
DONE = "(i * 7919) % 1000 < 500"
AGES = ("today", "week", "month", "quarter")

Call = Callable[[], Awaitable[Any]]
Took = tuple[float, float]
"""The seconds that a call took, and those of this process's CPU."""


def run(bench: Bench) -> list[Figure]:
    """Compare `stats` with both statements, on a store of each kind."""
    tasks = bench.choose(20_000, 1_000_000)
    rounds = bench.choose(3, 11)
    figures: list[Figure] = []
    for kind in KINDS:
        with bench.stores.empty(kind) as store:
            figures += asyncio.run(_measured(store, tasks, rounds))
    return figures


async def _measured(store: Store, tasks: int, rounds: int) -> list[Figure]:
    now = START + timedelta(seconds=APART_S * tasks)
    await _fill(store, tasks, now)
    frame = frame_of(now, UTC)
    async with AsyncExitStack() as stack:
        opening = open_database(store.target)
        database = await stack.enter_async_context(opening)
        service = TaskService(database, USER, lambda: now)
        ask = await _bare(store, stack)
        calls: dict[str, Call] = {
            "stats": service.stats,
            "bare": lambda: ask(by_index(frame, store.kind)),
            "one walk": lambda: ask(by_walk(frame, store.kind)),
        }
        check(await service.stats(), await calls["bare"]())
        check_walk(await service.stats(), await calls["one walk"]())
        seconds = await _in_turns(calls, rounds)
    what = f"{store.kind}, stats of {tasks:,} over"
    return [
        _figure(f"{what} the bare SQL", seconds, "bare", AT_MOST),
        _figure(f"{what} one walk", seconds, "one walk", None),
    ]


def _figure(
    what: str, seconds: Mapping[str, list[Took]], base: str, bar: float | None
) -> Figure:
    ours, others = seconds["stats"], seconds[base]
    ratios = [
        statistics.median(
            one[clock] / other[clock]
            for one, other in zip(ours, others, strict=True)
        )
        for clock in (0, 1)
    ]
    beside = {"ms": statistics.median(wall for wall, _ in ours) * 1_000}
    if what.startswith("sqlite"):
        beside["cpu"] = ratios[1]
    return Figure(what, ratios[0], bar, beside=beside)


async def _in_turns(
    calls: Mapping[str, Call], rounds: int
) -> dict[str, list[Took]]:
    """What each call takes, in turns; the first round does not count."""
    seconds: dict[str, list[Took]] = {name: [] for name in calls}
    for turn in range(rounds + 1):
        for name, call in calls.items():
            began = time.perf_counter(), time.process_time()
            await call()
            ended = time.perf_counter(), time.process_time()
            if turn:
                took = ended[0] - began[0], ended[1] - began[1]
                seconds[name].append(took)
    return seconds


async def _fill(store: Store, tasks: int, now: datetime) -> None:
    """Put tasks into a store, and analyze it as a server does after a while."""
    if store.kind == "sqlite":
        first = int(START.timestamp())
        due = f"date('{now.date()}', ((i * 7907) % 200 - 20) || ' days')"
        sql = f"""
            WITH RECURSIVE series(i) AS (
                SELECT 1 UNION ALL SELECT i + 1 FROM series WHERE i < {tasks}
            ),
            made AS (SELECT i, {DONE} AS done,
                strftime('%Y-%m-%dT%H:%M:%S', {first} + i * {APART_S}, 'unixepoch')
                    || '.000000Z' AS at FROM series)
            INSERT INTO task ({COLUMNS}) SELECT {UUID},
                {VALUES.format(due=due, later="'2099-01-01'")} FROM made"""
        with closing(sqlite3.connect(file_of(store))) as file, file:
            file.execute("PRAGMA synchronous = OFF")
            file.execute("PRAGMA cache_size = -400000")
            file.execute(sql)
        return
    due = f"date '{now.date()}' + ((i * 7907) % 200 - 20)::integer"
    values = VALUES.format(due=due, later="date '2099-01-01'")
    await run_sql(
        store,
        f"""
        WITH made AS (SELECT i, {DONE} AS done,
            timestamptz '{START.isoformat()}' + i * interval '{APART_S} s' AS at
            FROM generate_series(1::bigint, {tasks}) AS i)
        INSERT INTO todo.task ({COLUMNS}) SELECT gen_random_uuid(), {values} FROM made
        """,
    )
    await run_sql(store, "VACUUM ANALYZE todo.task")


async def _bare(
    store: Store, stack: AsyncExitStack
) -> Callable[[str], Awaitable[Any]]:
    """A function that runs a statement by the bare driver."""
    if store.kind == "sqlite":
        file = stack.enter_context(closing(sqlite3.connect(file_of(store))))

        async def fetch(sql: str) -> Any:
            return file.execute(sql).fetchall()

        return fetch
    connection = await asyncpg.connect(store.url)
    stack.push_async_callback(connection.close)
    return connection.fetch


# The statements


def literals(frame: Frame) -> list[str]:
    """The instants of the days, as SQL has them on both stores."""
    return [literal(each) for each in frame.starts]


def literal(instant: datetime) -> str:
    """An instant, as SQL has it on both stores."""
    return instant.strftime("'%Y-%m-%dT%H:%M:%S.%fZ'")


def parts(frame: Frame, kind: str) -> tuple[str, str, str, list[str]]:
    """The table, the tasks of a user that are open and not waiting, today, and the ages."""
    table = "task" if kind == "sqlite" else "todo.task"
    today = f"'{frame.today}'"
    is_open = f"user_id = '{USER}' AND state = 0 AND (wait_until > {today}) IS NOT TRUE"
    return table, is_open, today, [literal(frame.since[age]) for age in AGES]


def by_index(frame: Frame, kind: str) -> str:
    """A statement that has each count read an index."""
    table, is_open, today, ages = parts(frame, kind)
    is_done = f"user_id = '{USER}' AND state = 1"
    arms = [
        f"SELECT 'done', '', count(*) FROM {table} WHERE {is_done}",
        f"SELECT 'waiting', '', count(*) FROM {table} WHERE user_id = '{USER}'"
        f" AND state = 0 AND wait_until > {today}",
        f"SELECT 'project', project, count(*) FROM {table}"
        f" WHERE {is_open} AND project IS NOT NULL GROUP BY 2",
        f"SELECT 'overdue', project, count(*) FROM {table}"
        f" WHERE {is_open} AND due_on < {today} GROUP BY 2",
        f"SELECT 'oldest', CAST((SELECT created_at FROM {table} WHERE {is_open}"
        " ORDER BY created_at LIMIT 1) AS text), 0",
    ]
    if kind == "postgresql":
        arms[2] = arms[2].replace("project, ", 'project COLLATE "C", ', 1)
    newer = ""
    for name, since in zip(AGES, ages, strict=True):
        arms.append(
            f"SELECT '{name}', '', count(*) FROM {table}"
            f" WHERE {is_open} AND created_at >= {since}{newer}"
        )
        newer = f" AND created_at < {since}"
    arms.append(
        f"SELECT 'older', '', count(*) FROM {table} WHERE {is_open}{newer}"
    )
    instants = literals(frame)
    for place, (start, end) in enumerate(pairwise(instants)):
        arms.append(
            f"SELECT 'day', '{place}', count(*) FROM {table} WHERE {is_done}"
            f" AND completed_at >= {start} AND completed_at < {end}"
        )
    return " UNION ALL ".join(arms)


def by_walk(frame: Frame, kind: str) -> str:
    """A statement that walks through the open tasks once."""
    table, is_open, today, ages = parts(frame, kind)
    is_done = f"user_id = '{USER}' AND state = 1"
    start, *_, end = literals(frame)
    since = ", ".join(
        f"count(*) FILTER (WHERE created_at >= {age})" for age in ages
    )
    none = ", ".join(["0"] * 4)
    day = "substr(completed_at, 1, 10)"
    if kind == "postgresql":
        day = "CAST((completed_at AT TIME ZONE 'UTC')::date AS text)"
    return f"""
        SELECT 'project', project, count(*), count(*) FILTER (WHERE due_on < {today}),
            {since}, CAST(min(created_at) AS text) FROM {table}
            WHERE {is_open} GROUP BY project
        UNION ALL SELECT 'done', '', count(*), 0, {none}, '' FROM {table} WHERE {is_done}
        UNION ALL SELECT 'waiting', '', count(*), 0, {none}, '' FROM {table}
            WHERE user_id = '{USER}' AND state = 0 AND wait_until > {today}
        UNION ALL SELECT 'day', {day}, count(*), 0, {none}, '' FROM {table}
            WHERE {is_done} AND completed_at >= {start} AND completed_at < {end}
            GROUP BY {day}
    """


def check(ours: Stats, rows: Any) -> None:
    """Check that a statement counts the same.

    Raises:
        AssertionError: it does not.
    """
    found = {(kind, name): number for kind, name, number in rows}
    values = stats_values(ours)
    assert found["done", ""] == ours.done
    assert found["waiting", ""] == ours.waiting
    for each in values["projects"]:
        name = each["project"]
        assert found.get(("overdue", name), 0) == each["overdue"]
        assert name is None or found["project", name] == each["open"]
    for name, number in ours.ages.items():
        assert found[name, ""] == number
    for place, (_, number) in enumerate(ours.days):
        assert found["day", str(place)] == number


def check_walk(ours: Stats, rows: Any) -> None:
    """Check the same of the statement of one walk.

    Raises:
        AssertionError: it does not.
    """
    found = {(row[0], row[1]): row for row in rows}
    assert found["done", ""][2] == ours.done
    assert {(each.project, each.open) for each in ours.projects} == {
        (row[1], row[2]) for row in _of_projects(found)
    }
    assert sum(row[3] for row in _of_projects(found)) == ours.overdue
    assert sum(row[4] for row in _of_projects(found)) == ours.ages["today"]
    done = [found["day", str(day)][2] for day, number in ours.days if number]
    assert done == [number for _, number in ours.days if number]


def _of_projects(found: Mapping[Any, Any]) -> Iterator[Any]:
    return (row for (kind, _), row in found.items() if kind == "project")
