"""Compiled statements, and the connection that runs them.

Both drivers implement `Connection`: named values go in, plain rows come out.
"""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final, Protocol

from todo_cli.database import listing
from todo_cli.errors import Conflict
from todo_cli.task import TaskQuery

Row = Sequence[Any]
"""The values of a row, in the order of the statement's columns."""
Record = dict[str, Any]
"""A row of a table, by the names of its columns."""

# Shipped with the package: SQLAlchemy, which would write them, is slow to load.
_FOLDER: Final = Path(__file__).parent / "statements"
_PARAMETER: Final = re.compile(r"(?<!:):(\w+)")
"""A parameter such as `:title`, but not the cast `::text`."""

OF_A_RULE: Final = (
    "a trigger or rule of that database does not allow it: ask its owner"
)
"""The hint if a write has no effect. A trigger can return NULL, or IGNORE."""


class Statement:
    """SQL with named parameters, and the kind of each result column."""

    def __init__(self, sql: str, kinds: Sequence[str] = ()) -> None:
        self.sql = sql
        self.kinds = kinds
        """One entry for each column: `uuid`, `instant`, `boolean`, `integer` or
        `text`; `day`; `names`; `priority`; `?` at its end means that the column may be NULL.

        An empty entry means any other type.
        """

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters, each once, in the order of `numbered`."""
        return tuple(dict.fromkeys(_PARAMETER.findall(self.sql)))

    @cached_property
    def numbered(self) -> str:
        """The SQL in asyncpg's form: `$1` for the first of `names`."""
        numbers = {}
        for number, name in enumerate(self.names, start=1):
            numbers[name] = number

        def write(found: re.Match[str]) -> str:
            # One number for each name: a value used twice is sent once.
            return f"${numbers[found[1]]}"

        return _PARAMETER.sub(write, self.sql)


class BeyondYears(Exception):
    """The answer has a time outside the years that Python can express.

    A write has been done nevertheless.
    """


class Statements:
    """Every compiled statement of one dialect, `postgresql` or `sqlite`."""

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect
        self._found = _read(dialect)
        # Statements keep their numbered form, so make each of them once. There
        # are few: the lists and changes are joined from a handful of parts.
        self._made: dict[object, Statement] = {}

    def __getitem__(self, name: str) -> Statement:
        """Return a statement by its name in `queries.statements`."""
        if name not in self._made:
            found = self._found["statements"][name]
            sql = "\n".join(found["sql"])
            self._made[name] = Statement(sql, found["kinds"])
        return self._made[name]

    @cached_property
    def _lists(self) -> Any:
        """The parts of lists: a file of their own, for the commands that list."""
        return _read(f"{self._dialect}-lists")

    @property
    def names(self) -> Sequence[str]:
        """The name of every statement of fixed text."""
        return tuple(self._found["statements"])

    def listed(
        self, query: TaskQuery, *more: str, by_words: bool = False
    ) -> Statement:
        """Return the statement of a list, compiled parts joined.

        `more` are the names of further conditions. `by_words` says that the
        store has an index of words that can find those of the query.
        """
        chosen = listing.plan(query, *more, by_words=by_words)
        if chosen not in self._made:
            self._made[chosen] = self.joined(chosen)
        return self._made[chosen]

    def joined(self, chosen: listing.Plan) -> Statement:
        """Fill the templates of a list with its parts."""
        frame = self._lists
        if not chosen.segments:
            sql = self._with("\n".join(frame["every"]), "where", chosen.where)
            return Statement(sql, frame["kinds"])
        sql = self._probed(chosen)
        parts = [part for parts in chosen.segments for part in parts]
        for number, part in enumerate(parts):
            sql = self._with(sql, f"when {number}", part.conditions)
            sql = self._ordered(sql, number, part)
        return Statement(sql, frame["kinds"])

    def _probed(self, chosen: listing.Plan) -> str:
        """Return the template of a list, with its probe if it has one."""
        frame = self._lists
        probe = chosen.probe
        kind = "all" if probe is None else "some"
        lines = [*frame[kind][chosen.shape], *frame["page"][kind]]
        sql = "\n".join(lines)
        if probe is None:
            return sql
        few = "\n".join(frame["few"][probe.source])
        few = self._with(few, "probe", probe.conditions)
        return sql.replace("/*few*/", few)

    def _ordered(self, sql: str, number: int, part: listing.Part) -> str:
        """Put the order of a part in the place of its marks."""
        frame = self._lists
        if part.tied is not None:
            sql = self._with(sql, f"tied {number}", part.tied)
            # Only the first segment has edges, so the number is its place.
            marks = dict(frame["edges"][part.order[0]])
            marks["is last"] = marks["is last"].replace(
                "last_0_0", f"last_0_{number}"
            )
        else:
            orders = [frame["orders"][name] for name in part.order]
            marks = {"order": ", ".join(orders)}
        for mark, text in marks.items():
            sql = sql.replace(f"/*{mark} {number}*/", text)
        return sql

    def _with(self, sql: str, mark: str, conditions: Sequence[str]) -> str:
        """Put conditions in the place of a mark in a template."""
        clauses = self._lists["clauses"]
        text = "".join(f" AND {clauses[name]}" for name in conditions)
        # With the AND before it, so that no conditions leave no text.
        return sql.replace(f" AND /*{mark}*/", text)

    def change(self, fields: Sequence[str], *, tags: bool) -> Statement:
        """Return the statement that makes these changes and no others.

        With `tags`, the table of tags follows on PostgreSQL.
        """
        key = ("change", tags, *sorted(fields))
        if key not in self._made:
            self._made[key] = self._changing(fields, tags=tags)
        return self._made[key]

    def _changing(self, fields: Sequence[str], *, tags: bool) -> Statement:
        frame = self._found["change"]
        values = self._assigned(fields)
        # In the order of the columns, like the text that SQLAlchemy writes.
        columns = self.columns("task")
        changed = [name for name in columns if name in values]
        assignments = [f"{name}={values[name]}" for name in changed]
        sql = "\n".join(frame["tagged" if tags else "plain"])
        sql = sql.replace("/*set*/", ", ".join(assignments))
        held = ""
        # Titles of their own fit only the versions that were read.
        if "titles" in fields:
            held = f" AND {frame['held']}"
        sql = sql.replace(" AND /*held*/", held)
        return Statement(sql, frame["kinds"])

    def _assigned(self, fields: Sequence[str]) -> dict[str, str]:
        """The columns that changes set, and the SQL of their values."""
        frame = self._found["change"]
        # Only what changes is named: SQLite would check the other columns
        # again, and another program may have stored what our rules refuse.
        known = list(frame["fields"])
        parts = [
            frame["fields"][field] for field in sorted(fields, key=known.index)
        ]
        differs = " OR ".join(part["differs"] for part in parts)
        values = {}
        for stamp in ("updated_at", "version"):
            values[stamp] = frame[stamp].replace("/*differs*/", differs)
        for part in parts:
            values |= part["set"]
        return values

    @property
    def creation(self) -> Sequence[str]:
        """The statements that create this version's schema and stamp it."""
        return ["\n".join(lines) for lines in self._found["creation"]]

    @property
    def index_of_words(self) -> str:
        """The script that makes the index of words; on PostgreSQL."""
        return ";\n".join("\n".join(step) for step in self._found["words"])

    @property
    def tables(self) -> Sequence[str]:
        """The names of our tables, each after the tables that it references.

        Without those that are made from others.
        """
        return tuple(self._found["tables"])

    def columns(self, table: str) -> Sequence[str]:
        """Return the column names of a table, in the order of `read_TABLE`."""
        return tuple(self._found["tables"][table])


def _read(name: str) -> Any:
    """Read one of the compiled files."""
    path = _FOLDER / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))


@cache
def load(dialect: str) -> Statements:
    """Return the statements of a dialect; the file is read once a process."""
    # `serve` has many connections, and each needs the statements.
    return Statements(dialect)


class Connection(Protocol):
    """What a statement runs on.

    Outside `transaction` each statement is a transaction of its own. Errors
    are the driver's; `attempts.py` translates them.
    """

    dialect: str
    """`postgresql` or `sqlite`, as SQLAlchemy names it."""
    is_sqlite: bool
    statements: Statements

    async def fetch(
        self, statement: str | Statement, /, **values: Any
    ) -> list[Row]:
        """Run a statement, given by name or as an object; return all its rows."""

    async def store(self, name: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """Run a statement once for each row.

        A row maps the names of the parameters to values. Returns how many rows
        were stored; PostgreSQL knows that only of a statement that returns
        something for each.
        """

    async def execute(self, sql: str) -> None:
        """Run constant SQL that returns no rows.

        PostgreSQL accepts a script of several statements; SQLite accepts one
        statement.
        """

    def transaction(self) -> AbstractAsyncContextManager[None]:
        """Commit at the end, or roll back on any error.

        SQLite locks the file for writing at the beginning.
        """


async def fetch_value(connection: Connection, name: str, **values: Any) -> Any:
    """Return the first column of the first row; None without a row."""
    rows = await connection.fetch(name, **values)
    return rows[0][0] if rows else None


async def store_tasks(
    connection: Connection, name: str, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert tasks. Call it inside a transaction.

    Raises:
        Conflict: a rule of the database dropped one of them without an error.
    """
    stored = await connection.store(name, rows)
    if stored < len(rows):
        raise dropped()


def dropped() -> Conflict:
    """Return the error for a task that was not stored, without an error."""
    return Conflict("The database has dropped a task", hint=OF_A_RULE)
