"""A compiled statement and its values become rows, on a connection of either
driver.
"""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final, Protocol

from todo_cli.database import listing
from todo_cli.task import TaskQuery

Row = Sequence[Any]
"""The values of a row, in the order of the statement's columns."""

_FOLDER: Final = Path(__file__).parent / "statements"
_PARAMETER: Final = re.compile(r"(?<!:):(\w+)")
"""A value that is left open: `:title`, but not the cast `::text`."""
_NO_CLAUSES: Final = " AND /*where*/"


class Statement:
    """SQL with named values left open, and the kind of each column of its
    rows.
    """

    def __init__(self, sql: str, kinds: Sequence[str] = ()) -> None:
        self.sql = sql
        self.kinds = kinds
        """`uuid`, `instant`, `boolean`, or empty where a value is what the
        store gave.
        """

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the open values, each once, in the order of
        `numbered`.
        """
        return tuple(dict.fromkeys(_PARAMETER.findall(self.sql)))

    @cached_property
    def numbered(self) -> str:
        """The SQL as asyncpg has it: `$1` for the first of `names`."""
        numbers = {
            name: number for number, name in enumerate(self.names, start=1)
        }
        return _PARAMETER.sub(lambda found: f"${numbers[found[1]]}", self.sql)


class Statements:
    """Every statement of one dialect, `postgresql` or `sqlite`, as it was
    compiled.
    """

    def __init__(self, dialect: str) -> None:
        path = _FOLDER / f"{dialect}.json"
        self._found = json.loads(path.read_text(encoding="utf-8"))
        self._made: dict[object, Statement] = {}

    def __getitem__(self, name: str) -> Statement:
        """The statement of a name of `queries.statements`."""
        if name not in self._made:
            found = self._found["statements"][name]
            self._made[name] = Statement(
                "\n".join(found["sql"]), found["kinds"]
            )
        return self._made[name]

    @property
    def names(self) -> Sequence[str]:
        """The name of every statement of fixed text."""
        return tuple(self._found["statements"])

    def page(self, query: TaskQuery) -> Statement:
        """The statement of a list: the frame, its conditions joined by AND,
        its order.
        """
        key = (
            *listing.clauses_of(query),
            listing.order_of(query),
            query.limit is None,
        )
        if key not in self._made:
            self._made[key] = self.joined(
                listing.clauses_of(query),
                listing.order_of(query),
                is_limited=query.limit is not None,
            )
        return self._made[key]

    def joined(
        self, clauses: Sequence[str], order: str, *, is_limited: bool
    ) -> Statement:
        """The frame of every list, filled with conditions and an order by
        their names.
        """
        frame = self._found["page"]
        parts = "".join(f" AND {frame['clauses'][name]}" for name in clauses)
        sql = "\n".join(frame["sql"])
        sql = sql.replace(_NO_CLAUSES, parts)
        sql = sql.replace("/*order*/", frame["orders"][order])
        sql = sql.replace("/*limit*/", frame["limit"] if is_limited else "")
        return Statement(sql, frame["kinds"])

    def change(self, fields: Sequence[str]) -> Statement:
        """The statement that changes these fields of tasks, and nothing
        else.
        """
        key = ("change", *sorted(fields))
        if key not in self._made:
            self._made[key] = self._changing(fields)
        return self._made[key]

    def _changing(self, fields: Sequence[str]) -> Statement:
        frame = self._found["change"]
        columns = self.columns("task")
        ordered = sorted(fields, key=columns.index)
        parts = [frame["fields"][field] for field in ordered]
        values = {
            "updated_at": f"CASE {' '.join(part['when'] for part in parts)}"
        }
        values["updated_at"] += frame["otherwise"]
        for part in parts:
            values |= part["set"]
        named = [
            f"{name}={values[name]}" for name in columns if name in values
        ]
        sql = "\n".join(frame["sql"]).replace("/*set*/", ", ".join(named))
        return Statement(sql, frame["kinds"])

    @property
    def creation(self) -> Sequence[str]:
        """The statements that make the schema of this version and stamp it."""
        return ["\n".join(lines) for lines in self._found["creation"]]

    @property
    def tables(self) -> Sequence[str]:
        """The names of our tables, each after those that it refers to."""
        return tuple(self._found["tables"])

    def columns(self, table: str) -> Sequence[str]:
        """The names of the columns of a table, in the order of `read_...`."""
        return tuple(self._found["tables"][table])


@cache
def load(dialect: str) -> Statements:
    """The statements of a dialect, read once in a process."""
    return Statements(dialect)


class Connection(Protocol):
    """What a statement runs on. A statement outside a transaction is one by
    itself.
    """

    dialect: str
    """`postgresql` or `sqlite`, as SQLAlchemy names it."""
    is_sqlite: bool
    statements: Statements

    async def fetch(
        self, statement: str | Statement, /, **values: Any
    ) -> list[Row]:
        """Run a statement, by its name or as it is, and return all of its
        rows.
        """

    async def store(
        self, name: str, rows: Sequence[Mapping[str, Any]]
    ) -> None:
        """Run a statement once for each row, of whose values it has the
        names.
        """

    async def execute(self, sql: str) -> None:
        """Run constant SQL that gives no rows; on PostgreSQL it may be a whole
        script.
        """

    def transaction(self) -> AbstractAsyncContextManager[None]:
        """Commit at the end, or roll back on any error; SQLite locks the file
        at once.
        """


async def fetch_value(connection: Connection, name: str, **values: Any) -> Any:
    """Return the first column of the first row; None where there is no row."""
    rows = await connection.fetch(name, **values)
    return rows[0][0] if rows else None
