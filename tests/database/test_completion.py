"""The statements of shell completion find the same in both stores."""

from datetime import date
from typing import Any

import pytest

from todo_cli.completion.statements import Statements
from todo_cli.database.engine import Database
from todo_cli.database.run import Connection, Row, Statement
from todo_cli.service import TaskService
from todo_cli.task import NewTask, TaskChange

SOON, LATER = date(2026, 1, 5), date(2026, 12, 24)


async def rows(database: Database, name: str, **values: Any) -> list[Row]:
    """What a statement finds for ada."""

    async def ask(connection: Connection) -> list[Row]:
        sql = Statements(connection.dialect)[name]
        return await connection.fetch(Statement(sql), user="ada", **values)

    return await database.run(ask)


async def fill(tasks: TaskService, bob: TaskService) -> None:
    """Add tasks of every kind, and one of bob."""
    lines = (
        NewTask(title="1", project="b", tags=["y"]),
        NewTask(title="2", priority="low", project="a.c", tags=["x"]),
        NewTask(title="3", priority="high", project="A", tags=["x", "Z"]),
        NewTask(title="4", due_on=LATER),
        NewTask(title="5", due_on=SOON),
        NewTask(title="6", project="z", tags=["é"]),
        NewTask(title="7"),
        NewTask(title="8", project="gone", tags=["gone"]),
    )
    for line in lines:
        await tasks.add(line)
    await bob.add(NewTask(title="Of bob", project="bobs", tags=["bobs"]))
    await tasks.complete([6])
    await tasks.complete([7])
    await tasks.delete([8])
    await tasks.update([1], TaskChange(tags=["w"]))


@pytest.mark.spec("002/FR-402", "002/FR-403")
async def test_tasks_and_names_are_the_same_in_both_stores(
    database: Database, service: Any
) -> None:
    await fill(service("ada"), service("bob"))

    async def numbers(scope: str, most: int = 40) -> list[int]:
        return [row[0] for row in await rows(database, scope, most=most)]

    is_open = [5, 4, 3, 2, 1]
    assert await numbers("open") == is_open
    assert await numbers("open", 2) == is_open[:2]
    assert await numbers("done") == [7, 6]
    assert await numbers("trash") == [8]
    assert await numbers("live") == [*is_open, 7, 6]
    assert await numbers("any") == [*is_open, 7, 6, 8]

    begun = await rows(database, "begun", digits=8)
    assert [tuple(row) for row in begun] == [(8, "8", 2)]
    assert await rows(database, "begun", digits=2**31 - 1) == []

    async def names(kind: str, prefix: str = "") -> list[str]:
        found = await rows(database, kind, prefix=prefix, most=40)
        return [row[0] for row in found]

    assert await names("projects") == ["A", "a.c", "b", "z"]
    assert await names("projects", "a") == ["a.c", "b", "z"]
    # A server has its own order of them.
    assert sorted(await names("tags")) == ["Z", "w", "x", "é"]
    assert "x" in await names("tags", "x")
