"""What the product sends to a store, noted on its way."""

from collections.abc import Callable
from typing import Any

import pytest

from todo_cli.database.postgresql import PostgresConnection
from todo_cli.database.run import Statement
from todo_cli.database.sqlite import SqliteConnection


def after_each_statement(
    monkeypatch: pytest.MonkeyPatch, call: Callable[[str], object]
) -> None:
    """Call a function with the SQL of each statement, after it has run."""
    for kind in (SqliteConnection, PostgresConnection):
        _after(monkeypatch, kind, "fetch", call)
        _after(monkeypatch, kind, "execute", call)


def _after(
    monkeypatch: pytest.MonkeyPatch,
    kind: type,
    name: str,
    call: Callable[[str], object],
) -> None:
    original = getattr(kind, name)

    async def run(connection: Any, statement: Any, /, **values: Any) -> Any:
        result = await original(connection, statement, **values)
        call(sql_of(connection, statement))
        return result

    monkeypatch.setattr(kind, name, run)


def sql_of(connection: Any, statement: str | Statement) -> str:
    """The text of a statement that is given by its name, as it is, or as SQL."""
    if isinstance(statement, Statement):
        return statement.sql
    names = connection.statements.names
    return str(
        connection.statements[statement].sql
        if statement in names
        else statement
    )
