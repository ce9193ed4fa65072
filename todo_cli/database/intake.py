"""Read all rows of a store for `todo db import` and `todo db backup`.

Every row goes through the rules. Any program can have written the file of an
import, or changed it, so nothing in it is trusted:

- A view, a virtual table or a computed column runs what its author wrote, and
  may never end. They are refused before anything is read from them.
- SQLite takes any value in any column: a blob as a title, text as a number.
  Each value is read as it is stored, and then checked by the same rule as
  input.
- A value can have a gigabyte. SQLite itself refuses it.
- Two rows can have the same id or number, where the tables lack our keys.
- It can have more rows than memory can hold, or than an answer should name.
- It can be damaged. An index can lack rows that its table has, or the other
  way round, and SQLite does not notice.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from todo_cli import rules
from todo_cli.database import failures, schema
from todo_cli.database.cleaning import CLEAN
from todo_cli.database.run import Connection, Record, Statement
from todo_cli.database.schema import Fit, State
from todo_cli.errors import BadRecords, Detail, InvalidInput, SchemaMismatch

if TYPE_CHECKING:
    from todo_cli.database.scratch import Scratch

CHECK: Final = "nothing was copied; check the path, the file and its rights"
"""The hint if the file cannot be read."""
_CORRECT: Final = "nothing was copied; correct it in a copy of the file"
"""The hint if a row breaks a rule."""
_CORRECT_ALL: Final = "nothing was copied; correct them in a copy of the file"
_NAMED_UP_TO: Final = 20
"""How many wrong rows an error names at most."""
_NUMBER_LENGTH: Final = 20
"""How many characters of a number an error shows: there may be a text."""
_PART: Final = 1_000
"""How many rows are checked at a time."""

_LONGEST: Final = 1_000_000
"""How many bytes a row can have.

Our longest, the change of a description, has about 850,000.
"""
_COMPUTED: Final[Mapping[str, tuple[str, int]]] = {"task": ("state", 2)}
"""The columns that we compute, too; they are never read from the file."""


async def refuse_programs(connection: Connection, place: str) -> None:
    """Refuse a view or virtual table that has the name of one of our tables.

    Call this first: even reading the version could run its program.

    Raises:
        SchemaMismatch: there is one.
    """
    ours = {*connection.statements.tables, schema.VERSION_TABLE}
    for name, kind, sql in await connection.fetch("definitions"):
        # A virtual table is a table for SQLite, too.
        is_virtual = str(sql).upper().startswith("CREATE VIRTUAL")
        is_program = kind == "view" or is_virtual
        if is_program and name.lower() in ours:
            message = f"`{name}` in {place} is not a table"
            raise SchemaMismatch(message, hint=CHECK)


async def read(connection: Any, place: str, scratch: "Scratch") -> None:
    """Read the file of an import, check its rows, and keep them in `scratch`.

    `connection` is one of a file. All rows are of one moment, whatever another
    program writes meanwhile.

    Raises:
        SchemaMismatch: the file is of a newer version, or has other columns:
            contents that we do not know.
        InvalidInput: rows break a rule. All of them are counted, and the
            first ones named.
    """
    faults = Faults(place)
    async with connection.snapshot():
        version = await schema.read_version(connection)
        if version not in schema.REVISIONS:
            raise schema.mismatch(State(Fit.NEWER, version), place)
        await read_rows(connection, scratch, faults)
    faults.refuse()


async def read_rows(
    connection: Any,
    scratch: "Scratch",
    faults: "Faults",
    *,
    whose: str | None = None,
) -> None:
    """Check every row of our tables and keep those that are right.

    Call it in a snapshot of either store, and refuse the faults at the end.
    With `whose` it passes over the rows of other users.

    Raises:
        SchemaMismatch: a table has other columns.
        Damaged: a table of a file has lost rows.
    """
    # An earlier try may have left rows.
    await scratch.clear()
    if connection.is_sqlite:
        await connection.distrust(_LONGEST)
    tables = connection.statements.tables
    for table in tables:
        await _refuse_other_columns(connection, faults.place, table)
    for table in ["task", *_except_task(tables)]:
        await _read_table(connection, table, scratch, faults, whose)


def _except_task(tables: Sequence[str]) -> list[str]:
    """Return the tables in another order: faults name tasks first."""
    return [table for table in tables if table != "task"]


async def _refuse_other_columns(
    connection: Connection, place: str, table: str
) -> None:
    """Refuse a table that lacks a column, has one more, or computes one.

    A column that we do not know would be left behind without a word.
    """
    names = connection.statements.columns(table).values()
    expected = {(name, 0) for name in names}
    if table in _COMPUTED:
        expected.add(_COMPUTED[table])
    found = await connection.fetch("columns_there", name=table)
    other = expected.symmetric_difference(map(tuple, found))
    if other:
        name, _ = min(other)
        raise SchemaMismatch(
            f"The table `{table}` in {place} differs from todo's "
            f"in the column `{name}`",
            hint=CHECK,
        )


async def _read_table(
    connection: Any,
    table: str,
    scratch: "Scratch",
    faults: "Faults",
    whose: str | None,
) -> None:
    """Read a table part by part; check each part, and keep what is right.

    Raises:
        Damaged: the table has lost rows.
    """
    statement = _reading(connection, table)
    names = connection.statements.columns(table)
    count = 0
    async with aclosing(connection.stream(statement, _PART)) as parts:
        async for rows in parts:
            count += len(rows)
            records = [dict(zip(names, row, strict=True)) for row in rows]
            if whose is not None:
                records = [row for row in records if row["user_id"] == whose]
            await _keep(table, records, scratch, faults)
    if connection.is_sqlite:
        await _refuse_lost_rows(connection, table, count, faults.place)


async def _refuse_lost_rows(
    connection: Connection, table: str, count: int, place: str
) -> None:
    """Refuse a file in which an index has more rows than its table.

    Raises:
        Damaged: it has.
    """
    # SQLite counts the entries of an index, the smallest one.
    [(indexed,)] = await connection.fetch(f"count_{table}")
    if indexed > count:
        raise failures.damaged(
            place, f"`{table}` has fewer rows than an index of it"
        )


def _reading(connection: Connection, table: str) -> Statement:
    """Return the query of a table.

    Values that are checked come as SQLite stores them, from a server too. A
    conversion is laxer than our rules: it would take 7 for `true`. It uses no
    index, because rows that a damaged index lacks would be left behind.
    """
    compiled = connection.statements[f"scan_{table}"]
    kinds = () if table in CLEAN else compiled.kinds
    return Statement(compiled.sql, kinds)


# Every row goes through the rules


class Fault(NamedTuple):
    """A row that breaks a rule."""

    who: str
    """The row, as in `Task 2 of ada`."""
    owner: str
    """Whose it is, as in ` of ada`, where `who` does not say it."""
    field: str
    message: str

    @property
    def words(self) -> str:
        """What is wrong; a record that is none has no field to name."""
        if self.field == self.who.lower():
            return self.message
        return f"{self.field}: {self.message}"

    @property
    def line(self) -> str:
        """The fault as one of several."""
        return f"{self.who}{self.owner}: {self.words}"


@dataclasses.dataclass(slots=True)
class Faults:
    """The rows of a store that break a rule: all counted, the first ones kept."""

    place: str
    """How errors name the store."""
    one: str = _CORRECT
    """The hint for one wrong row."""
    several: str = _CORRECT_ALL
    count: int = 0
    first: list[Fault] = dataclasses.field(default_factory=list)

    def clear(self) -> None:
        """Forget all rows, to begin anew."""
        self.count = 0
        self.first = []

    def add(self, fault: Fault) -> None:
        """Count a row, and keep it if it is one of the first."""
        self.count += 1
        if len(self.first) < _NAMED_UP_TO:
            self.first.append(fault)

    def refuse(self) -> None:
        """Refuse the file if a row is wrong.

        Raises:
            InvalidInput: it is; the only one is named in the message, several
                in the details.
        """
        if self.count == 0:
            return
        if self.count == 1:
            [fault] = self.first
            raise InvalidInput(
                f"{fault.who} in {self.place}: {fault.words}",
                hint=self.one,
                details=[{"field": fault.field, "message": fault.message}],
            )
        details: list[Detail] = []
        for fault in self.first:
            details.append({"field": fault.field, "message": fault.line})
        raise BadRecords(
            f"{self.count:,} records in {self.place} break a rule",
            hint=self.several,
            details=details,
            count=self.count,
        )


async def _keep(
    table: str, rows: Sequence[Record], scratch: "Scratch", faults: Faults
) -> None:
    """Check rows and keep those that are right, with the values to store.

    A row is wrong, too, if an earlier one has its key.
    """
    clean = CLEAN.get(table, dict)
    cleaned = []
    places = []
    wrong: dict[int, InvalidInput] = {}
    for place, row in enumerate(rows):
        try:
            cleaned.append(clean(row))
            places.append(place)
        except InvalidInput as error:
            wrong[place] = error
    taken = await scratch.add(table, cleaned)
    for position, field in taken.items():
        fault = InvalidInput.of(field, f"another {table} has it, too")
        wrong[places[position]] = fault
    # In the order of the file.
    for place in sorted(wrong):
        [detail] = wrong[place].details
        who, owner = _WHO[table](rows[place])
        faults.add(Fault(who, owner, **detail))


def _task(row: Record) -> tuple[str, str]:
    """Name a task, of which any value may be wrong.

    People know the number, so the id is only for a task without one.
    """
    number = row["number"]
    if not isinstance(number, int):
        id = _shown(row["id"], rules.UUID_LENGTH)
        return f"The task with the id {id}", ""
    user = _shown(row["user_id"], rules.USER_LENGTH)
    return f"Task {number} of {user}", ""


def _counter(row: Record) -> tuple[str, str]:
    """Name a counter, and its owner if there are several to tell apart."""
    user = _shown(row["user_id"], rules.USER_LENGTH)
    return "A counter", f" of {user}"


def _operation(row: Record) -> tuple[str, str]:
    """Name an operation."""
    number = _shown(row["number"], _NUMBER_LENGTH)
    user = _shown(row["user_id"], rules.USER_LENGTH)
    return f"Operation {number} of {user}", ""


def _change(row: Record) -> tuple[str, str]:
    """Name what an operation did with a task."""
    operation = _shown(row["operation"], _NUMBER_LENGTH)
    number = _shown(row["number"], _NUMBER_LENGTH)
    user = _shown(row["user_id"], rules.USER_LENGTH)
    return f"Operation {operation} of {user}, task {number}", ""


def _shown(value: object, most: int) -> str:
    """Write any value, at most so long."""
    return str(value)[:most]


_WHO: Final[Mapping[str, Callable[[Record], tuple[str, str]]]] = {
    "task": _task,
    "counter": _counter,
    "operation": _operation,
    "change": _change,
}
"""How to name a row and its owner, by table."""
