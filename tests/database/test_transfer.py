"""Copying a store: what a table that is neither `task` nor `counter` gets."""

import pytest

from tests.database.test_sidecars import journal
from tests.service.backdoor import fetch_all, file_of
from tests.support.stores import Store
from todo_cli.database import transfer
from todo_cli.database.engine import Database, Effect, open_database
from todo_cli.database.run import Connection
from todo_cli.errors import IoFailed


async def test_rows_of_other_tables_are_added_where_their_keys_are_not_there(
    store: Store, database: Database
) -> None:
    for rows in (
        [{"user_id": "ada", "last": 3}],
        [{"user_id": "ada", "last": 5}, {"user_id": "bob", "last": 1}],
    ):

        async def add(
            connection: Connection, rows: list[dict[str, object]] = rows
        ) -> None:
            await transfer._add_others(connection, {"counter": rows})

        await database.run(add, effect=Effect.REPEATABLE, creates=True, together=True)

    assert await fetch_all(
        store, "SELECT user_id, last FROM todo.counter ORDER BY 1"
    ) == [("ada", 3), ("bob", 1)]


@pytest.mark.spec("002/FR-077")
async def test_a_journal_of_another_file_keeps_its_hint(
    sqlite_store: Store, database: Database
) -> None:
    path = file_of(sqlite_store).with_name("source.db")
    path.with_name("source.db-journal").write_bytes(journal(4))
    path.touch()
    async with open_database(Store("sqlite", f"sqlite:///{path}").target) as source:
        with pytest.raises(IoFailed) as caught:
            await transfer.copy(source, database, lambda done, of: None)

    assert "source.db-journal" in caught.value.message
    assert caught.value.hint is not None
    assert "source.db-journal" in caught.value.hint
