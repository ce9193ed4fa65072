"""Compiled statements, and the connection that runs them.

Both drivers implement `Connection`: named values go in, plain rows come out.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final, Protocol

from todo_cli import rules
from todo_cli.database import listing
from todo_cli.errors import Conflict
from todo_cli.task import TaskQuery

Row = Sequence[Any]
"""The values of a row, in the order of the statement's columns."""
Column = Sequence[Any]
"""The values of a column, in the order of the rows."""
Record = dict[str, Any]
"""A row of a table, by the names of its columns."""

# Shipped with the package: SQLAlchemy, which would write them, is slow to load.
_FOLDER: Final = Path(__file__).parent / "statements"
_PARAMETER: Final = re.compile(r"(?<!:):(\w+)")
"""A parameter such as `:title`, but not the cast `::text`."""

JOINED: Final = " OPERATOR(pg_catalog.||) "
"""What joins the objects of a change on PostgreSQL: see `history_queries.py`."""

MOST_KEPT: Final = 500
"""How many statements a process keeps, of some 18 KB each.

Clients of `serve` could ask for half a million different lists.
"""
_ROWS_AT_ONCE: Final = 256
"""How many rows are read column by column at once: a processor has them at hand."""
_LAST_OF_FILE: Final = 2**63 - 1
"""The highest number that another program can store in a file."""

OF_A_RULE: Final = (
    "a trigger or rule of that database does not allow it: ask its owner"
)
"""The hint if a write has no effect. A trigger can return NULL, or IGNORE."""


class Statement:
    """SQL with named parameters, and the kind of each result column."""

    def __init__(
        self,
        sql: str,
        kinds: Sequence[str] = (),
        *,
        is_raw: bool = False,
    ) -> None:
        self.sql = sql
        self.is_raw = is_raw
        """Whether SQLite leaves its values as they are stored.

        Who wants them by column then converts them: see `sqlite.columns_of`.
        """
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
        # Statements keep their numbered form, so make each of them once.
        self._made: dict[object, Statement] = {}

    def __getitem__(self, name: str) -> Statement:
        """Return a statement by its name in `queries.statements`."""
        if name not in self._made:
            found = self._found["statements"][name]
            sql = "\n".join(found["sql"])
            self._keep(name, Statement(sql, found["kinds"]))
        return self._made[name]

    def _keep(self, key: object, made: Statement) -> None:
        """Keep a statement in the place of the oldest, if there are many."""
        if len(self._made) >= MOST_KEPT:
            oldest = next(iter(self._made))
            del self._made[oldest]
        self._made[key] = made

    @cached_property
    def _lists(self) -> Any:
        """The parts of lists: a file of their own, for the commands that list."""
        return _read(f"{self._dialect}-lists")

    @cached_property
    def _late(self) -> Any:
        """The parts that only lists after a place, or with counts, have."""
        return _read(f"{self._dialect}-pages")

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
            self._keep(chosen, self.joined(chosen))
        return self._made[chosen]

    def in_turn(self, query: TaskQuery, *, is_first: bool) -> Statement:
        """Return the statement of a page of an export, compiled parts joined."""
        key = ("in turn", listing.in_turn(query, is_first=is_first))
        if key not in self._made:
            frame = self._lists["in turn"]
            sql = self._with("\n".join(frame["sql"]), "where", key[1])
            self._keep(key, Statement(sql, frame["kinds"]))
        return self._made[key]

    def joined(self, chosen: listing.Plan) -> Statement:
        """Fill the templates of a list with its parts."""
        frame = self._lists
        if not chosen.segments:
            every = frame["every"]
            sql = self._with("\n".join(every["sql"]), "where", chosen.where)
            return Statement(sql, every["kinds"], is_raw=True)
        sql = self._probed(chosen)
        parts = [part for parts in chosen.segments for part in parts]
        for number, part in enumerate(parts):
            sql = self._with(sql, f"when {number}", part.conditions)
            sql = self._ordered(sql, number, part)
        return Statement(sql, frame["kinds"], is_raw=True)

    def _probed(self, chosen: listing.Plan) -> str:
        """Return the template of a list, with its probe if it has one."""
        frame = self._lists
        probe = chosen.probe
        kind = "all" if probe is None else "some"
        shapes = frame[kind]
        if chosen.shape not in shapes:
            shapes = self._late[kind]
        pages = self._late["page"] if chosen.is_counted else frame["page"]
        sql = "\n".join([*shapes[chosen.shape], *pages[chosen.found]])
        if probe is None:
            return sql
        few = "\n".join(frame["few"][probe.source])
        for number, where in enumerate(probe.arms):
            few = self._with(few, f"probe {number}", where)
        for order in probe.order:
            few = few.replace("/*by*/", frame["orders"][order])
        return sql.replace("/*few*/", few)

    def _ordered(self, sql: str, number: int, part: listing.Part) -> str:
        """Put the order of a part in the place of its marks."""
        frame = self._lists
        if part.tied is not None:
            sql = self._with(sql, f"tied {number}", part.tied)
            # Only the first segment has edges, so the number is its place.
            last = f"last_0_{number}"
            marks = {}
            for mark, text in frame["edges"][part.order[0]].items():
                marks[mark] = text.replace("last_0_0", last)
        else:
            orders = [frame["orders"][name] for name in part.order]
            marks = {"order": ", ".join(orders)}
        for mark, text in marks.items():
            sql = sql.replace(f"/*{mark} {number}*/", text)
        return sql

    def _with(self, sql: str, mark: str, conditions: Sequence[str]) -> str:
        """Put conditions in the place of a mark in a template."""
        text = "".join(f" AND {self._clause(name)}" for name in conditions)
        # With the AND before it, so that no conditions leave no text.
        return sql.replace(f" AND /*{mark}*/", text)

    def _clause(self, name: str) -> str:
        """Return the SQL of a condition."""
        clauses = self._lists["clauses"]
        if name not in clauses:
            clauses = self._late["clauses"]
        clause: str = clauses[name]
        return clause

    def change(
        self,
        fields: Sequence[str],
        naming: str = "many",
        held: Sequence[str] = (),
        *,
        is_live: bool = True,
    ) -> Statement:
        """Return the statement that makes these changes and no others.

        `naming` says how the tasks are named: one by its `number` or `id`, or
        `many`. `held` are the names of further conditions. With `is_live` it
        finds no task in the trash. On PostgreSQL the history follows, and the
        table of tags where tags change.
        """
        names = tuple(sorted(fields)), tuple(held)
        key = ("change", naming, is_live, *names)
        if key not in self._made:
            where = [naming, "live"] if is_live else [naming]
            if naming == "many":
                held = ["there", *held]
            self._keep(key, self._changing(fields, where, held))
        return self._made[key]

    def _changing(
        self,
        fields: Sequence[str],
        where: Sequence[str],
        held: Sequence[str],
    ) -> Statement:
        frame = self._found["change"]
        has_tags = not {"tags", "retags"}.isdisjoint(fields)
        sql = "\n".join(frame["tagged" if has_tags else "plain"])
        sql = sql.replace("/*set*/", self._assigned(fields))
        for mark, names in (("where", where), ("held", held)):
            conditions = [f" AND {frame[mark][name]}" for name in names]
            sql = sql.replace(f" AND /*{mark}*/", "".join(conditions))
        for side in ("old", "new"):
            sql = sql.replace(f"/*{side}*/", self._noted(fields, side))
        return Statement(sql, frame["kinds"])

    def _noted(self, fields: Sequence[str], side: str) -> str:
        """What the history keeps of a change: the values of one side."""
        parts = [each.get(side, "") for each in self._parts(fields)]
        return f"({JOINED.join(parts)})"

    def _parts(self, fields: Sequence[str]) -> list[Any]:
        """The parts of some changes, in the order of the file."""
        known = self._found["change"]["fields"]
        return [known[name] for name in known if name in fields]

    def _assigned(self, fields: Sequence[str]) -> str:
        """The columns that changes set, with the SQL of their values."""
        frame = self._found["change"]
        # Only what changes is named: SQLite would check the other columns
        # again, and another program may have stored what our rules refuse.
        parts = self._parts(fields)
        differs = " OR ".join(part["differs"] for part in parts)
        values = {}
        for stamp in ("updated_at", "version"):
            values[stamp] = frame[stamp].replace("/*differs*/", differs)
        for part in parts:
            values |= part["set"]
        # In the order of the columns, like the text that SQLAlchemy writes.
        columns = self.columns("task").values()
        changed = [name for name in columns if name in values]
        return ", ".join(f"{name}={values[name]}" for name in changed)

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

    def columns(self, table: str) -> Mapping[str, str]:
        """Return the columns of a table: the key of a `Record`, and the name.

        They are in the order of `read_TABLE`, without those that are computed.
        """
        columns: Mapping[str, str] = self._found["tables"][table]
        return columns


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

    def claim(self, setting: str, value: str) -> None:
        """Run each statement that follows with this setting of the server's.

        Its policies can go by it: see `todo db policy --server`. The setting
        is one of `schema.py`; the last one counts, and it costs no round trip.
        """

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

    async def store_all(
        self, name: str, rows: Sequence[Mapping[str, Any]]
    ) -> int:
        """Do the same for many rows that a statement inserts.

        On PostgreSQL it is one statement for all rows, `NAME_all`.
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

    def snapshot(self) -> AbstractAsyncContextManager[None]:
        """Read one state of the store, whatever others write meanwhile.

        The first statement decides which one.
        """


def numbers_of(connection: Connection) -> range:
    """Return the numbers of tasks that a column of the store can hold."""
    last = rules.LARGEST_NUMBER
    if connection.is_sqlite:
        last = _LAST_OF_FILE
    return range(1, last + 1)


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
    check_stored(await connection.store(name, rows), rows)


def check_stored(stored: int, rows: Sequence[Mapping[str, Any]]) -> None:
    """Check that so many rows were stored.

    Raises:
        Conflict: a rule of the database dropped one of them without an error.
    """
    if stored < len(rows):
        raise dropped()


def columns_of(rows: list[Row]) -> Iterator[list[Column]]:
    """Yield the columns of rows, for some rows at a time; forget these rows.

    The next ones then take their memory, which makes a long list faster.
    """
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        columns: list[Column] = list(zip(*rows[part], strict=True))
        rows[part] = [()] * _ROWS_AT_ONCE
        yield columns


def length(rows: Iterable[Row]) -> int:
    """Count the characters and bytes in rows, but not those of numbers."""
    length = 0
    for row in rows:
        for value in row:
            if isinstance(value, str | bytes):
                length += len(value)
    return length


def dropped() -> Conflict:
    """Return the error for a task that was not stored, without an error."""
    return Conflict("The database has dropped a task", hint=OF_A_RULE)
