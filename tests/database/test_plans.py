"""The first page of a list costs the same however long the list, as the stores plan it."""

import json
import re
import sqlite3
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Iterator,
    Sequence,
)
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import chain, product
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.service.backdoor import connected, file_of, run_sql
from tests.support.size import size
from tests.support.stores import Store
from todo_cli.database import listing, search
from todo_cli.database.engine import Database
from todo_cli.database.postgresql import PostgresConnection, to_server
from todo_cli.database.run import Statement
from todo_cli.database.sqlite import SqliteConnection, to_file
from todo_cli.service import TaskService
from todo_cli.task import (
    Days,
    NewTask,
    Sort,
    TaskChange,
    TaskQuery,
    TaskStatus,
)

FEW, MANY = 2_500, size(5_600, 8_000)
# Counts stop at 20, so a few hundred are more than they look for.
FEW_IN_ORDER, MORE_IN_ORDER = size(600, FEW), size(1_900, MANY)
# So many that it pays for PostgreSQL to use an index for the page, and for a filter.
MANY_IN_ORDER = size(16_000, 22_000)
MANY_TO_FIND = size(22_000, 24_000)
COUNTED = 1_001  # rows that a count may look at
START = datetime(2020, 1, 1, tzinfo=UTC)
TODAY = date(2026, 1, 2)
COLUMNS = [
    "id",
    "number",
    "user_id",
    "title",
    "is_done",
    "created_at",
    "updated_at",
    "completed_at",
    "due_on",
    "wait_until",
    "priority",
    "project",
    "tags",
    "title_folded",
    "project_folded",
    "deleted_at",
]
"""The columns that the rows of these tests fill."""
Row = list[Any]


APART = 0x9E3779B97F4A7C15F39CC0605CEDC835
"""Odd, so that no two multiples are the same modulo a power of 2."""


def id_of(number: int) -> UUID:
    """An id that is as far from those of its neighbours as a random one."""
    return UUID(int=number * APART % 2**128)


@dataclass(frozen=True, slots=True)
class Shape:
    """Which of a user's tasks are done and how far apart they were made.

    `is_hit` says which are high, due today, in the project `rare.one` and have
    the tag and the word `special`; one in three of the others has other values.
    """

    is_done: Callable[[int, int], bool]
    apart: timedelta
    is_hit: Callable[[int, int], bool] = lambda number, size: False
    waits: Callable[[int, int], bool] = lambda number, size: False
    is_deleted: Callable[[int, int], bool] = lambda number, size: False

    def rows(self, user: str, size: int) -> Iterator[Row]:
        """That number of tasks."""
        for number in range(1, size + 1):
            at, done = START + number * self.apart, self.is_done(number, size)
            values: list[Any] = [None, None, None, []]
            title = f"task {number}"
            if self.is_hit(number, size):
                values = [TODAY, "high", "rare.one", ["special"]]
                title = f"{title} special"
            elif number % 3 == 0:
                later = TODAY + timedelta(days=8 + number % 200)
                values = [later, "low", f"home.{number % 7}", ["other"]]
            due, priority, project, tags = values
            waits = TODAY + timedelta(days=9)
            # Many at one instant, as `delete 1-1000` does it.
            deleted = START + number // 1_000 * self.apart
            yield [
                id_of(number + (10**9 if user == "bob" else 0)),
                number,
                user,
                title,
                done,
                at,
                at,
                at if done else None,
                due,
                waits if self.waits(number, size) else None,
                priority,
                project,
                tags,
                title,
                project,
                deleted if self.is_deleted(number, size) else None,
            ]


SECOND = timedelta(seconds=1)
NONE = timedelta(0)
WAITING = 2  # one in so many tasks
SHAPES = {
    "all open": Shape(lambda number, size: False, SECOND),
    "oldest 15 open, the rest done": Shape(
        lambda number, size: number > 15, SECOND
    ),
    "older half done, some wait": Shape(
        lambda number, size: number <= size // 2,
        SECOND,
        waits=lambda number, size: number % WAITING == 0,
    ),
    "one created_at, half done": Shape(lambda n, size: n % 2 == 0, NONE),
    "half in the trash": Shape(
        lambda number, size: number <= size // 4,
        SECOND,
        is_deleted=lambda number, size: number % 2 == 0,
    ),
}
each_shape = pytest.mark.parametrize(
    "shape", SHAPES.values(), ids=SHAPES.keys()
)
HITS = {
    "20 hits": Shape(
        lambda number, size: False,
        SECOND,
        is_hit=lambda number, size: number % (size // 20) == 1,
    ),
    "1 in 10 hits": Shape(
        lambda number, size: False,
        SECOND,
        is_hit=lambda number, size: number % 10 == 0,
    ),
    "newest 1 in 10 hits": Shape(
        lambda number, size: False,
        SECOND,
        is_hit=lambda number, size: number > size - size // 10,
    ),
}
IN_A_HUNDRED = Shape(
    lambda number, size: False,
    SECOND,
    is_hit=lambda number, size: number % 100 == 0,
)
each_hits = pytest.mark.parametrize("hits", HITS.values(), ids=HITS.keys())
FILTERS: dict[str, dict[str, Any]] = {
    "due today": {"due": Days(TODAY, TODAY)},
    "due by next week": {"due": Days(None, TODAY + timedelta(days=7))},
    "priority": {"priorities": frozenset({"high"})},
    "project": {"project": "rare"},
    "tag": {"tags": ("special",)},
    "since": {"since": START + 2_450 * SECOND},
    "word": {"words": ("special",)},
}


class NotSentError(Exception):
    """A statement was noted, and goes no further."""


@dataclass(slots=True)
class Watched:
    """The statements that reach the driver, as it gets them."""

    statements: list[tuple[str, Any]] = field(default_factory=list)
    is_sent: bool = True

    def note(self, sql: str, values: Any) -> None:
        """Note a statement, and stop it where it is not to be sent."""
        self.statements.append((sql, values))
        if not self.is_sent:
            raise NotSentError

    async def planned(self, call: Awaitable[object]) -> tuple[str, Any]:
        """The statement that a call would send first."""
        self.statements.clear()
        self.is_sent = False
        with pytest.raises(NotSentError):
            await call
        self.is_sent = True
        [statement] = self.statements
        return statement

    async def one(self, call: Awaitable[object]) -> tuple[str, Any]:
        """The statement of a call that sends one."""
        self.statements.clear()
        await call
        [statement] = self.statements
        return statement


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    """What the product sends to the store."""
    watched = Watched()
    fetch_from_file, fetch_from_server = (
        SqliteConnection.fetch,
        PostgresConnection.fetch,
    )

    async def from_file(
        connection: Any, statement: Any, /, **values: Any
    ) -> Any:
        sql = named(connection, statement).sql
        given = {name: to_file(value) for name, value in values.items()}
        if "pragma" not in sql:
            watched.note(sql, given)
        return await fetch_from_file(connection, statement, **values)

    async def from_server(
        connection: Any, statement: Any, /, **values: Any
    ) -> Any:
        found = named(connection, statement)
        given = tuple(to_server(values[name]) for name in found.names)
        watched.note(found.numbered, given)
        return await fetch_from_server(connection, statement, **values)

    monkeypatch.setattr(SqliteConnection, "fetch", from_file)
    monkeypatch.setattr(PostgresConnection, "fetch", from_server)
    return watched


def named(connection: Any, statement: str | Statement) -> Statement:
    """The statement of a name."""
    if isinstance(statement, Statement):
        return statement
    found: Statement = connection.statements[statement]
    return found


TAGS_OF_FILE = """
INSERT INTO tag SELECT task.id, names.value, user_id, names.value
FROM task, json_each(task.tags) AS names
"""
BOBS_OF_SERVER = f"""
INSERT INTO todo.task ({", ".join(COLUMNS)})
SELECT md5(id::text)::uuid, number, 'bob', {", ".join(COLUMNS[3:])}
FROM todo.task WHERE user_id = 'ada'
"""
"""As many of his, the same as hers."""
TAGS_OF_SERVER = """
INSERT INTO todo.tag SELECT id, name, user_id, name
FROM todo.task, unnest(tags) AS name
"""


async def fill(
    store: Store, shape: Shape, size: int, *, has_tags: bool = True
) -> None:
    """Put so many tasks of ada's, and some of bob's, straight into the store.

    A table of tags is needed where a list is filtered by them.
    A server plans by how much of a table is hers, so there he has as many.
    """
    if store.kind == "sqlite":
        rows = chain(shape.rows("ada", size), shape.rows("bob", size // 10))
        places = ", ".join("?" * len(COLUMNS))
        with closing(sqlite3.connect(file_of(store))) as file, file:
            # These rows break no rule, and checks take half of the time.
            file.execute("PRAGMA ignore_check_constraints = ON")
            insert = (
                f"INSERT INTO task ({', '.join(COLUMNS)}) VALUES ({places})"
            )
            file.executemany(insert, map(as_text, rows))
            # The program would do both.
            file.execute(TAGS_OF_FILE)
    else:
        async with connected(store) as connection:
            await connection.copy_records_to_table(
                "task",
                schema_name="todo",
                columns=COLUMNS,
                records=shape.rows("ada", size),
            )
            await connection.execute(BOBS_OF_SERVER)
            if has_tags:
                await connection.execute(TAGS_OF_SERVER)


def as_text(row: Row) -> list[object]:
    """A row as SQLite holds it."""
    # Most are texts, numbers and nothing, which stay what they are.
    return [
        value if type(value) in (str, int, type(None)) else to_file(value)
        for value in row
    ]


async def postgresql_plan(
    connection: "asyncpg.Connection[asyncpg.Record]",
    statement: str,
    parameters: Sequence[Any],
) -> list[dict[str, Any]]:
    """Every node of the plan that PostgreSQL ran, top down."""
    explain = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}"
    text = await connection.fetchval(explain, *parameters)

    def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield node
        for child in node.get("Plans", []):
            yield from nodes(child)

    return list(nodes(json.loads(text)[0]["Plan"]))


def looked_at(node: dict[str, Any]) -> int:
    """How many rows a node of a plan touched, also those it threw away."""
    removed = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
    thrown = sum(node.get(why, 0) for why in removed)
    return int((node["Actual Rows"] + thrown) * node["Actual Loops"])


def sqlite_plan(
    store: Store, statement: str, parameters: Sequence[Any]
) -> list[str]:
    """SQLite's words for what it is going to do."""
    with closing(sqlite3.connect(file_of(store))) as file:
        rows = file.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        return [row[3] for row in rows]


def narrowed(sql: str) -> str:
    """A statement whose counts stop at 20: so few tasks are many."""
    return re.sub(r"\b1001\b", "21", re.sub(r"\b1000\b", "20", sql))


def sqlite_steps(
    store: Store, statement: str, parameters: Sequence[Any]
) -> int:
    """How many steps of its machine SQLite takes, if counts stop at 20."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += STEPS_AT_ONCE
        return 0

    with closing(sqlite3.connect(file_of(store))) as file:
        file.set_progress_handler(count, STEPS_AT_ONCE)
        file.execute(narrowed(statement), parameters).fetchall()
    return steps


async def make(
    store: Store,
    tasks: TaskService,
    shape: Shape,
    size: int,
    *,
    has_tags: bool = True,
) -> None:
    """Make the store, filled."""
    await tasks.add(NewTask(title="makes the store"))
    await tasks.purge([1])
    await fill(store, shape, size, has_tags=has_tags)


async def empty(store: Store) -> None:
    """Delete what `fill` has put into the store."""
    await run_sql(store, "DELETE FROM todo.tag")
    await run_sql(store, "DELETE FROM todo.task")


def orders() -> Iterator[TaskQuery]:
    """Each order with each status, also reversed."""
    for status, sort, is_reversed in product(TaskStatus, Sort, (False, True)):
        yield TaskQuery(
            status,
            today=TODAY,
            limit=20,
            sort=sort,
            is_reversed=is_reversed,
        )


STEPS_AT_ONCE = 5
"""How many steps are counted together; a list takes hundreds."""
MOST_STEPS = 1.3
"""How many times the steps SQLite may take; a walk takes over 2 times as many."""


@pytest.mark.spec("001/FR-022")
@each_shape
@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
async def test_list_on_postgresql_neither_sorts_nor_walks(
    store: Store, tasks: TaskService, watched: Watched, shape: Shape
) -> None:
    await make(store, tasks, shape, MANY_IN_ORDER, has_tags=False)
    # As autovacuum does before long; `db import` ends with ANALYZE.
    await run_sql(store, "VACUUM ANALYZE todo.task")

    async with connected(store) as server:
        for query in orders():
            statement = await watched.planned(tasks.list(query))
            nodes = await postgresql_plan(server, *statement)
            scans = [
                node for node in nodes if node.get("Relation Name") == "task"
            ]
            sorts = [node for node in nodes if node["Node Type"] == "Sort"]

            # In one shape every other open task waits, and is passed over.
            most_sorted, most = COUNTED, COUNTED * WAITING
            if query.status is TaskStatus.WAITING:
                # It may well gather and sort so few, but looks at no others.
                most_sorted = most = MANY_IN_ORDER // (2 * WAITING)
            assert [
                node for node in sorts if looked_at(node) > most_sorted
            ] == []
            walks = [node for node in scans if looked_at(node) > most]
            assert walks == [], query


@pytest.mark.spec("001/FR-022")
@each_shape
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_list_on_sqlite_neither_sorts_nor_walks(
    store: Store, tasks: TaskService, watched: Watched, shape: Shape
) -> None:
    await make(store, tasks, shape, FEW_IN_ORDER)
    few = {}
    for query in orders():
        statement = await watched.planned(tasks.list(query))
        few[query] = sqlite_steps(store, *statement)
    await empty(store)
    await fill(store, shape, MORE_IN_ORDER)

    for query in orders():
        statement = await watched.planned(tasks.list(query))
        plan = sqlite_plan(store, *statement)
        steps = sqlite_steps(store, *statement)

        assert [line for line in plan if "SCAN task" in line] == [], query
        assert steps <= few[query] * MOST_STEPS, query


NOTHING: dict[str, tuple[dict[str, Any], Sort]] = {
    "has_due": ({"due": Days(None, None, has_day=False)}, Sort.DUE),
    "has_priority": ({"priorities": frozenset({None})}, Sort.PRIORITY),
    "no_priority": ({"priorities": frozenset({"low"})}, Sort.PRIORITY),
    "has_project": ({"project": ""}, Sort.PROJECT),
    "no_project": ({"project": "home"}, Sort.PROJECT),
    "no_wait": ({"status": TaskStatus.WAITING}, Sort.WAIT),
}
"""What no task of a segment fits, by the condition of the segment."""


@pytest.mark.spec("001/FR-022")
@pytest.mark.parametrize("empty", NOTHING)
def test_tasks_that_cannot_fit_are_not_walked(empty: str) -> None:
    filters, sort = NOTHING[empty]

    plan = listing.plan(TaskQuery(limit=20, sort=sort, **filters))

    assert plan.segments
    for part in chain.from_iterable(plan.segments):
        assert empty not in part.conditions


@pytest.mark.spec("001/FR-022")
@pytest.mark.parametrize(
    "hits",
    [*HITS.values(), IN_A_HUNDRED],
    ids=[*HITS.keys(), "1 in 100 hits"],
)
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_filter_on_sqlite_walks_no_more_of_a_longer_list(
    store: Store,
    tasks: TaskService,
    database: Database,
    watched: Watched,
    hits: Shape,
) -> None:
    counted: dict[tuple[int, str], int] = {}
    for total in (FEW, MANY):
        await empty(store)
        await fill(store, hits, total)
        await tasks.add(NewTask(title="the program writes"))
        async with (
            database.connections.connection() as connection,
            connection.transaction(),
        ):
            # Without the entries of those that were deleted.
            await search.renew(connection)
            await search.enter_all(connection)
        for name, filters in FILTERS.items():
            query = TaskQuery(today=TODAY, limit=20, **filters)
            statement = await watched.planned(tasks.list(query))
            counted[total, name] = sqlite_steps(store, *statement)

    grown = {
        name: counted[MANY, name] / counted[FEW, name] for name in FILTERS
    }
    assert {name for name in grown if grown[name] > MOST_STEPS} == set(), grown


@pytest.mark.spec("001/FR-022")
@each_hits
@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
async def test_a_filter_on_postgresql_does_not_walk(
    store: Store, tasks: TaskService, watched: Watched, hits: Shape
) -> None:
    await make(store, tasks, hits, MANY_TO_FIND)
    await run_sql(store, "VACUUM ANALYZE todo.task")
    await run_sql(store, "VACUUM ANALYZE todo.tag")

    async with connected(store) as server:
        for status, name in product(
            (TaskStatus.OPEN, TaskStatus.ALL), FILTERS
        ):
            query = TaskQuery(status, today=TODAY, limit=20, **FILTERS[name])
            statement = await watched.planned(tasks.list(query))
            nodes = await postgresql_plan(server, *statement)
            # Each task compared with all that have a tag: 9 million times.
            compared = [node.get("Filter", "") for node in nodes]
            assert [text for text in compared if "(id = ANY" in text] == [], (
                name
            )
            if name == "word":
                continue  # only with pg_trgm: see `test_search.py`
            scans = [node for node in nodes if "Relation Name" in node]

            # Not even at all of those that fit.
            walks = [node for node in scans if looked_at(node) > COUNTED]
            assert walks == [], (status, name)


@pytest.mark.spec("001/FR-022")
@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
async def test_a_filter_that_one_in_a_hundred_fits_does_not_walk_on_postgresql(
    store: Store, tasks: TaskService, watched: Watched
) -> None:
    # A sample of 30,000 rows is all that the server looks at: of more, chance decides.
    total = 14_000
    await make(store, tasks, IN_A_HUNDRED, total)
    await run_sql(store, "VACUUM ANALYZE todo.task")
    await run_sql(store, "VACUUM ANALYZE todo.tag")

    since = {"since": START + (total - total // 100) * SECOND}
    filters = FILTERS | {"since": since}
    async with connected(store) as server:
        for status, name in product(
            (TaskStatus.OPEN, TaskStatus.ALL), filters
        ):
            if name in ("word", "project"):
                # Words only with pg_trgm. The server expects one such project,
                # and looks at the 160 tasks that fit.
                continue
            query = TaskQuery(status, today=TODAY, limit=20, **filters[name])
            sql, values = await watched.planned(tasks.list(query))
            nodes = await postgresql_plan(server, narrowed(sql), values)
            scans = [node for node in nodes if "Relation Name" in node]
            # Of all tasks the newest come first: one in a hundred fits. Of so few
            # that fit the server may also gather all, but a walk looks at more.
            most = total // 100 + 21
            if status is TaskStatus.ALL:
                most = 21 * 100
            walks = [node for node in scans if looked_at(node) > most]
            assert walks == [], (status, name)


@pytest.mark.parametrize("limit", [None, 20])
@pytest.mark.parametrize("status", TaskStatus)
async def test_list_sends_one_statement(
    tasks: TaskService, watched: Watched, status: TaskStatus, limit: int | None
) -> None:
    await tasks.add_all([NewTask(title="a"), NewTask(title="b")])

    query = TaskQuery(status, limit=limit, tags=("a",))
    statement, _ = await watched.one(tasks.list(query))

    assert statement.startswith(("SELECT", "WITH"))


@pytest.mark.spec("002/FR-435")
async def test_the_latest_operation_is_one_row_by_the_primary_key(
    store: Store, tasks: TaskService, watched: Watched
) -> None:
    for _ in range(3):
        await tasks.add(NewTask(title="a"))

    sql, values = await watched.one(tasks.latest())

    if store.kind == "sqlite":
        assert sqlite_plan(store, sql, values) == [
            "SEARCH operation USING INDEX sqlite_autoindex_operation_1 (user_id=?)"
        ]
        return
    async with connected(store) as server:
        # Of three rows it would rather read all.
        await server.execute("SET enable_seqscan = off")
        limit, scan = await postgresql_plan(server, sql, values)
    assert limit["Node Type"] == "Limit"
    assert scan["Index Name"] == "operation_pkey"
    assert looked_at(scan) == 1


COMMANDS: dict[str, Callable[[TaskService], Awaitable[object]]] = {
    "add": lambda tasks: tasks.add(NewTask(title="c")),
    "add with an id": lambda tasks: tasks.add(
        NewTask(title="c", id=UUID(int=7))
    ),
    "get": lambda tasks: tasks.get(1),
    "update": lambda tasks: tasks.update(
        [1], TaskChange(title="d", description=None, completed=True)
    ),
    "complete": lambda tasks: tasks.complete([1, range(1, 3)]),
    "undo": lambda tasks: tasks.complete([1, 2], undo=True),
    "delete": lambda tasks: tasks.delete([2, 1]),
}


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
async def test_every_command_on_postgresql_is_one_statement(
    tasks: TaskService,
    watched: Watched,
    command: Callable[[TaskService], Awaitable[object]],
) -> None:
    await tasks.add_all([NewTask(title="a"), NewTask(title="b")])

    statement, _ = await watched.one(command(tasks))

    assert statement


each_export = pytest.mark.parametrize(
    ("store", "is_analyzed"),
    [("sqlite", False), ("postgresql", False), ("postgresql", True)],
    indirect=["store"],
)
EXPORTS: dict[str, dict[str, Any]] = {
    "all": {"status": TaskStatus.ALL},
    "open": {"status": TaskStatus.OPEN},
    "done": {"status": TaskStatus.DONE},
    "trash": {"status": TaskStatus.TRASH},
    "due": {"due": Days(TODAY, TODAY)},
    "priority": {"priorities": frozenset({"high"})},
    "project": {"project": "rare"},
    "since": {"since": START},
}


@each_export
async def test_an_export_goes_by_number_and_sorts_nothing(
    store: Store,
    tasks: TaskService,
    database: Database,
    watched: Watched,
    is_analyzed: bool,
) -> None:
    """Also where the server knows nothing of the values yet."""
    await make(store, tasks, SHAPES["all open"], size(3_000, MANY))
    if is_analyzed:
        await run_sql(store, "ANALYZE todo.task")
    for name, given in EXPORTS.items():
        query = TaskQuery(today=TODAY, **given)
        watched.statements.clear()
        async for _ in tasks.export(query, 1_000):
            pass
        # The first page and, where there are several, the second one.
        pages = watched.statements[:2]
        for place, (sql, values) in enumerate(pages):
            if store.kind == "sqlite":
                first, *others = sqlite_plan(store, sql, values)
                by = ("(user_id=?)", "(user_id=? AND number>?)")[place]
                assert f"sqlite_autoindex_task_2 {by}" in first, name
                assert "USE TEMP B-TREE FOR ORDER BY" not in others, name
                continue
            plan = await plan_of_export(database, sql, values)
            assert "Sort" not in plan, name
            assert "Index Scan using task_user_id_number_key" in plan, name
        if name == "all":
            assert len(pages) == 2


async def plan_of_export(
    database: Database, sql: str, values: Sequence[Any]
) -> str:
    """The plan, within the transaction of an export."""

    async def explained(connection: Any) -> AsyncGenerator[str]:
        explain = f"EXPLAIN (COSTS OFF) {sql}"
        rows = await connection.driver.fetch(explain, *values)
        yield "\n".join(row[0] for row in rows)

    [plan] = [part async for part in database.read_parts(explained)]
    return plan


INDEXES_OF_STATS = {
    "task_wait_until_idx",
    "task_created_at_idx",
    "task_completed_at_idx",
    "task_project_exact_idx",
    "task_due_on_idx",
}


@pytest.mark.spec("001/FR-128")
async def test_stats_read_the_indexes_of_what_they_count(
    store: Store, tasks: TaskService, watched: Watched
) -> None:
    await tasks.add(NewTask(title="makes the store"))
    sql, parameters = await watched.one(tasks.stats())

    if store.kind == "sqlite":
        steps = sqlite_plan(store, sql, parameters)
    else:
        async with connected(store) as connection:
            # A small table is read as a whole, if that is allowed.
            for way in ("seqscan", "bitmapscan"):
                await connection.execute(f"SET enable_{way} = off")
            rows = await connection.fetch(f"EXPLAIN {sql}", *parameters)
            steps = [row[0] for row in rows]

    text = "\n".join(steps)
    assert set(re.findall(r"\btask_\w+_idx\b", text)) >= INDEXES_OF_STATS
    assert not re.search(r"SCAN task\b|Seq Scan on task\b", text)
