"""What a store has, before it is chosen."""

from pathlib import Path

import pytest

from tests.service.backdoor import run_sql
from tests.support.stores import Clock, Store
from todo_cli.database import survey as surveying
from todo_cli.database.engine import Database, open_database
from todo_cli.database.schema import HEAD, Fit
from todo_cli.database.survey import Survey, count_missing, survey
from todo_cli.database.url import SqliteTarget
from todo_cli.errors import Forbidden, SchemaMismatch
from todo_cli.service import TaskService
from todo_cli.task import NewTask, TaskQuery


@pytest.mark.nothing_made
@pytest.mark.spec("002/FR-294")
async def test_a_place_without_a_store_has_nothing(database: Database) -> None:
    found = await survey(database)

    assert found == Survey(Fit.ABSENT)
    assert not found.has_tables
    assert not found.is_usable


@pytest.mark.spec("002/FR-294")
async def test_tasks_are_counted_by_user(
    database: Database, store: Store, tasks: TaskService
) -> None:
    first, *_ = await tasks.add_all([NewTask(title=each) for each in "abc"])
    await tasks.delete([first.task.number])
    # A restored table can lack a counter, and a counter its tasks.
    await run_sql(store, "DELETE FROM todo.counter")
    await run_sql(
        store,
        "INSERT INTO todo.counter (user_id, last, operations) VALUES ('Zoe', 7, 0)",
    )

    found = await survey(database)
    with_trash = await survey(database, with_trash=True)

    assert (found.fit, found.version) == (Fit.CURRENT, HEAD)
    assert dict(found.tasks) == {"Zoe": 0, "ada": 2}
    assert dict(with_trash.tasks) == {"Zoe": 0, "ada": 3}
    assert found.is_usable
    assert found.only_user is None


@pytest.mark.spec("002/FR-293")
async def test_tables_of_another_program_are_an_error(
    database: Database, store: Store
) -> None:
    await run_sql(store, "DROP TABLE todo.alembic_version")
    await run_sql(store, "DROP TABLE todo.change")

    with pytest.raises(SchemaMismatch):
        await survey(database)


@pytest.mark.spec("002/FR-298")
@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
async def test_a_role_without_rights_learns_that_alone(
    database: Database, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """tests/cli/test_connect.py has a real role."""
    fault = Forbidden("no rights")

    async def refuse(*_: object) -> Survey:
        raise fault

    monkeypatch.setattr(surveying, "_survey", refuse)

    found = await survey(database)

    assert found.fault is fault
    assert not found.is_usable


@pytest.mark.spec("002/FR-299")
async def test_missing_tasks_are_counted_in_parts(
    database: Database,
    tasks: TaskService,
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(surveying, "_BATCH", 2)
    await tasks.add_all([NewTask(title=each) for each in "abcde"])
    target = SqliteTarget(tmp_path / "other.db")
    async with open_database(target) as other:
        await other.upgrade()
        page = await tasks.list(TaskQuery())
        same = TaskService(other, "ada", clock)
        news = [
            NewTask(title=each.title, id=each.id) for each in page.tasks[:3]
        ]
        await same.add_all(news)

        assert await count_missing(database, None, "ada") == 5
        assert await count_missing(database, other, "ada") == 2
        assert await count_missing(other, database, "ada") == 0
