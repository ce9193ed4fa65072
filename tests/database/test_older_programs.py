"""Programs of the version before the trash, on a store of today: each statement fails.

They would show what is in the trash, and delete for good. `statements_0003.json` has
the statements that the last of them ran on tasks, as they were compiled.
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest

from tests.service.backdoor import connected, fetch_all, file_of
from tests.support.stores import Store
from todo_cli.database import failures
from todo_cli.database.run import Statement
from todo_cli.errors import SchemaMismatch
from todo_cli.service import TaskService
from todo_cli.task import NewTask

TEXT: Final = Path(__file__).with_name("statements_0003.json")
OLD: Final[dict[str, dict[str, list[str]]]] = json.loads(TEXT.read_text())
EACH: Final = [(kind, name) for kind in OLD for name in OLD[kind]]


async def refusal(store: Store, statement: Statement) -> Exception:
    """What the driver says of a statement that is only prepared."""
    if store.kind == "sqlite":
        with (
            closing(sqlite3.connect(file_of(store))) as file,
            pytest.raises(sqlite3.OperationalError) as caught,
        ):
            # No values: SQLite would miss these if it knew the columns.
            file.execute(statement.sql)
        return caught.value
    async with connected(store) as connection:
        with pytest.raises(asyncpg.UndefinedColumnError) as failed:
            await connection.prepare(statement.numbered)
    return failed.value


@pytest.mark.spec("001/FR-041")
@pytest.mark.parametrize(
    ("store", "name"),
    EACH,
    indirect=["store"],
    ids=[f"{kind}-{name}" for kind, name in EACH],
)
async def test_a_statement_of_the_version_before_the_trash_fails(
    store: Store, tasks: TaskService, name: str
) -> None:
    await tasks.add_all([NewTask(title="kept"), NewTask(title="deleted")])
    await tasks.delete([2])
    rows: list[Any] = await fetch_all(store, "SELECT * FROM todo.task")

    old = Statement("\n".join(OLD[store.kind][name]))
    error = await refusal(store, old)

    assert "completed" in str(error)
    assert isinstance(failures.translated(error, store.target), SchemaMismatch)
    assert await fetch_all(store, "SELECT * FROM todo.task") == rows


def test_every_kind_of_statement_is_here() -> None:
    both = {"by_id", "by_number", "named", "stored", "remove", "insert"}

    assert set(OLD["sqlite"]) == both | {"change"}
    assert set(OLD["postgresql"]) == both | {"change", "add", "add_tagged"}
