"""Statements and values on their way to a driver, and rows on their way back."""

from collections.abc import AsyncIterator
from copy import copy
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from todo_cli.database import sqlite
from todo_cli.database.engine import Database
from todo_cli.database.postgresql import to_server
from todo_cli.database.run import (
    Connection,
    Row,
    Statement,
    columns_of,
    fetch_value,
)
from todo_cli.database.sqlite import from_file, to_file

ID = UUID("6f9619ff-8b86-4d01-b42d-00cf4fc964ff")
NAIVE = datetime(2026, 1, 2, tzinfo=UTC).replace(tzinfo=None)
INSTANTS = st.datetimes(timezones=st.just(UTC))


def test_values_are_numbered_in_order_and_casts_are_not_values() -> None:
    statement = Statement("SELECT :b::pg_catalog.text, :a, :b::INTEGER[], ':'")

    assert (
        statement.numbered
        == "SELECT $1::pg_catalog.text, $2, $1::INTEGER[], ':'"
    )
    assert statement.names == ("b", "a")


@pytest.mark.spec("001/FR-011")
def test_both_stores_refuse_a_time_without_a_zone() -> None:
    for convert in (to_file, to_server):
        with pytest.raises(ValueError, match=r"^a datetime without a zone$"):
            convert(NAIVE)


@pytest.mark.spec("001/FR-011")
def test_a_file_gets_times_in_utc() -> None:
    noon = datetime(2026, 1, 2, 12, tzinfo=timezone(timedelta(hours=-5)))

    assert to_file(noon) == "2026-01-02T17:00:00.000000Z"


@given(INSTANTS, st.uuids(), st.booleans())
def test_a_file_gives_back_what_it_got(
    instant: datetime, id: UUID, is_done: bool
) -> None:
    row = [instant, id, is_done, None, "text"]
    stored = [to_file(value) for value in row]

    kinds = ["instant", "uuid", "boolean", "instant", ""]
    assert from_file([stored], kinds) == [tuple(row)]


def test_lists_are_one_value() -> None:
    assert to_file([1, 2]) == "[1,2]"
    assert to_file([ID]) == f'["{ID}"]'
    assert to_server([1, ID]) == ["1", str(ID)]


@pytest.mark.parametrize("write", ["{}", "{{{}}}", "urn:uuid:{}"])
@pytest.mark.parametrize("text", [str(ID), ID.hex, str(ID).upper()])
def test_a_uuid_is_read_however_it_is_written(write: str, text: str) -> None:
    [(found,)] = from_file([(write.format(text),)], ["uuid"])

    assert repr(copy(found)) == repr(ID)
    assert found.is_safe is ID.is_safe


@pytest.mark.parametrize("text", ["", "x" * 32, ID.hex[1:], f"{ID.hex}0"])
def test_what_is_no_uuid_stays_as_it_is(text: str) -> None:
    assert from_file([(text,)], ["uuid"]) == [(text,)]


def test_a_uuid_is_read_where_python_makes_it_in_another_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sqlite, "_IS_KNOWN", False)

    assert from_file([(str(ID),)], ["uuid"]) == [(ID,)]


def test_the_columns_of_many_rows_come_in_parts() -> None:
    rows = [(number, -number) for number in range(1_000)]
    parts = columns_of(list[Row](rows))

    first = next(parts)
    assert len(first[0]) < len(rows)
    both = [first, *parts]
    assert [row for part in both for row in zip(*part, strict=True)] == rows


def test_no_rows_are_no_rows() -> None:
    assert from_file([], ["uuid", ""]) == []


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[Connection]:
    """A connection to a store that has its tables."""
    await database.upgrade()
    async with database.connections.connection() as connection:
        yield connection


async def test_a_value_of_no_row_is_none(connection: Connection) -> None:
    assert (
        await fetch_value(connection, "token_by_name", user="ada", key="x")
        is None
    )


async def test_a_statement_is_found_by_its_name_or_given(
    connection: Connection,
) -> None:
    by_name = await connection.fetch("ping")

    assert [tuple(row) for row in by_name] == [(1,)]
    assert [
        tuple(row) for row in await connection.fetch(Statement("SELECT 2"))
    ] == [(2,)]


async def test_an_error_in_a_transaction_undoes_it(
    connection: Connection,
) -> None:
    counter = {"user_id": "ada", "last": 7, "operations": 3}

    async def fail() -> None:
        async with connection.transaction():
            await connection.store("raise_counter", [counter])
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    assert await connection.fetch("contents", user="ada") == [(0, 0, 0)]
    async with connection.transaction():
        await connection.store("raise_counter", [counter])
    assert await connection.fetch("contents", user="ada") == [(0, 0, 7)]
