"""The first page of a list costs the same however long the list, as the stores plan it."""

import json
import re
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import chain
from typing import Any
from uuid import UUID

import pytest

from tests.service.backdoor import connected, file_of, run_sql
from tests.support.stores import Store
from todo_cli.database.postgresql import PostgresConnection, to_server
from todo_cli.database.run import Statement
from todo_cli.database.sqlite import SqliteConnection, to_file
from todo_cli.service import TaskService
from todo_cli.task import (
    NewTask,
    TaskChange,
    TaskQuery,
    TaskStatus,
    format_instant,
)

FEW, MANY = 2_500, 8_000
COUNTED = 1_001  # rows that a count may look at
START = datetime(2020, 1, 1, tzinfo=UTC)
COLUMNS = [
    "id",
    "number",
    "user_id",
    "title",
    "completed",
    "created_at",
    "updated_at",
    "completed_at",
]
"""The columns that the rows of these tests fill."""
Row = tuple[UUID, int, str, str, bool, datetime, datetime, datetime | None]


@dataclass(frozen=True, slots=True)
class Shape:
    """Which of a user's tasks are done, and how far apart they were made."""

    is_done: Callable[[int, int], bool]
    apart: timedelta

    def rows(self, user: str, size: int) -> Iterator[Row]:
        """That number of tasks."""
        for number in range(1, size + 1):
            at, done = START + number * self.apart, self.is_done(number, size)
            id = UUID(int=number + (10**9 if user == "bob" else 0))
            done_at = at if done else None
            yield (
                id,
                number,
                user,
                f"task {number}",
                done,
                at,
                at,
                done_at,
            )


SECOND = timedelta(seconds=1)
SHAPES = {
    "all open": Shape(lambda number, size: False, SECOND),
    "oldest 15 open, the rest done": Shape(
        lambda number, size: number > 15, SECOND
    ),
    "newest 1,100 open": Shape(
        lambda number, size: number <= size - 1_100, SECOND
    ),
    "older half done": Shape(lambda number, size: number <= size // 2, SECOND),
    "newer half done": Shape(lambda number, size: number > size // 2, SECOND),
    "one created_at, all open": Shape(
        lambda number, size: False, timedelta(0)
    ),
    "one created_at, half done": Shape(
        lambda n, size: n % 2 == 0, timedelta(0)
    ),
}
each_shape = pytest.mark.parametrize(
    "shape", SHAPES.values(), ids=SHAPES.keys()
)


@dataclass(frozen=True, slots=True)
class Watched:
    """The statements that reach the driver, as it gets them."""

    statements: list[tuple[str, Any]] = field(default_factory=list)

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
            watched.statements.append((sql, given))
        return await fetch_from_file(connection, statement, **values)

    async def from_server(
        connection: Any, statement: Any, /, **values: Any
    ) -> Any:
        found = named(connection, statement)
        given = tuple(to_server(values[name]) for name in found.names)
        watched.statements.append((found.numbered, given))
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


async def fill(store: Store, shape: Shape, size: int) -> None:
    """Put so many tasks of each of two users straight into the store."""
    rows = chain(shape.rows("ada", size), shape.rows("bob", size))
    if store.kind == "sqlite":
        places = ", ".join("?" * len(COLUMNS))
        with closing(sqlite3.connect(file_of(store))) as file, file:
            # These rows break no rule, and checks take half of the time.
            file.execute("PRAGMA ignore_check_constraints = ON")
            insert = (
                f"INSERT INTO task ({', '.join(COLUMNS)}) VALUES ({places})"
            )
            file.executemany(insert, map(as_text, rows))
    else:
        async with connected(store) as connection:
            await connection.copy_records_to_table(
                "task", schema_name="todo", columns=COLUMNS, records=list(rows)
            )


instant = cache(format_instant)


def as_text(row: Row) -> list[object]:
    """A row as SQLite holds it."""
    converters: dict[type, Callable[[Any], object]] = {
        UUID: str,
        datetime: instant,
    }
    return [
        converters[type(value)](value) if type(value) in converters else value
        for value in row
    ]


async def postgresql_plan(
    store: Store, statement: str, parameters: Sequence[Any]
) -> list[dict[str, Any]]:
    """Every node of the plan that PostgreSQL ran, top down."""
    async with connected(store) as connection:
        explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
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


def sqlite_steps(
    store: Store, statement: str, parameters: Sequence[Any]
) -> int:
    """How many steps of its machine SQLite takes for the statement."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    with closing(sqlite3.connect(file_of(store))) as file:
        file.set_progress_handler(count, 1)
        file.execute(statement, parameters).fetchall()
    return steps


async def make(
    store: Store, tasks: TaskService, shape: Shape, size: int
) -> None:
    """Make the store, filled."""
    await tasks.add(NewTask(title="makes the store"))
    await tasks.delete([1])
    await fill(store, shape, size)


@pytest.mark.spec("001/FR-022")
@each_shape
@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
async def test_list_on_postgresql_neither_sorts_nor_walks(
    store: Store, tasks: TaskService, watched: Watched, shape: Shape
) -> None:
    await make(store, tasks, shape, MANY)
    # As autovacuum does before long; `db import` ends with ANALYZE.
    await run_sql(store, "VACUUM ANALYZE todo.task")

    for status in TaskStatus:
        statement = await watched.one(tasks.list(TaskQuery(status, 20)))
        nodes = await postgresql_plan(store, *statement)
        scans = [node for node in nodes if node.get("Relation Name") == "task"]

        assert [node for node in nodes if "Sort" in node["Node Type"]] == [], (
            status
        )
        assert [node for node in scans if looked_at(node) > COUNTED] == [], (
            status
        )


@pytest.mark.spec("001/FR-022")
@each_shape
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_list_on_sqlite_neither_sorts_nor_walks(
    store: Store, tasks: TaskService, watched: Watched, shape: Shape
) -> None:
    await make(store, tasks, shape, FEW)
    few = {}
    for status in TaskStatus:
        statement = await watched.one(tasks.list(TaskQuery(status, 20)))
        few[status] = sqlite_steps(store, *statement)
    await run_sql(store, "DELETE FROM todo.task")
    await fill(store, shape, MANY)

    for status in TaskStatus:
        statement = await watched.one(tasks.list(TaskQuery(status, 20)))
        plan = sqlite_plan(store, *statement)

        slow = re.compile(r".*TEMP B-TREE|SCAN .*\btask\b")
        search = re.compile(r"SEARCH .*\btask USING .*INDEX")
        assert list(filter(slow.match, plan)) == [], status
        assert len(list(filter(search.match, plan))) == 3, (status, plan)
        assert sqlite_steps(store, *statement) == few[status], status


@pytest.mark.parametrize("limit", [None, 20])
@pytest.mark.parametrize("status", TaskStatus)
async def test_list_sends_one_statement(
    tasks: TaskService, watched: Watched, status: TaskStatus, limit: int | None
) -> None:
    await tasks.add_all([NewTask(title="a"), NewTask(title="b")])

    statement, _ = await watched.one(tasks.list(TaskQuery(status, limit)))

    assert statement.startswith("SELECT")


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
