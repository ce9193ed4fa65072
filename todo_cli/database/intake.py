"""Read the file of `todo db import`: every row goes through the rules.

Any program can have written the file, or changed it, so nothing in it is
trusted:

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
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from todo_cli import rules
from todo_cli.database import failures, schema
from todo_cli.database.filling import folded_texts
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
_PART: Final = 1_000
"""How many rows are checked at a time."""

_LONGEST: Final = 1_000_000
"""How many bytes a row can have.

Our longest task has about 45,000.
"""
_AS_STORED: Final[Mapping[str, Sequence[str]]] = {"task": (), "counter": ()}
"""The tables that are checked here, each without kinds of columns.

So their values come as they are stored. A conversion is laxer than our rules:
it would take 7 for `true`.
"""
_DEFINITIONS: Final = Statement("SELECT name, type, sql FROM sqlite_master")
"""Everything that the file defines: tables, views, indexes and triggers."""
_COLUMNS: Final = Statement(
    "SELECT name, hidden FROM pragma_table_xinfo(:name)"
)
"""`hidden` is 0 for a column that is stored and not computed."""


async def refuse_programs(connection: Connection, place: str) -> None:
    """Refuse a view or virtual table that has the name of one of our tables.

    Call this first: even reading the version could run its program.

    Raises:
        SchemaMismatch: there is one.
    """
    ours = {*connection.statements.tables, schema.VERSION_TABLE}
    for name, kind, sql in await connection.fetch(_DEFINITIONS):
        # A virtual table is a table for SQLite, too.
        is_virtual = str(sql).upper().startswith("CREATE VIRTUAL")
        is_program = kind == "view" or is_virtual
        if is_program and name.lower() in ours:
            message = f"`{name}` in {place} is not a table"
            raise SchemaMismatch(message, hint=CHECK)


async def read(connection: Any, place: str, scratch: "Scratch") -> None:
    """Read every row of our tables, check it, and keep it in `scratch`.

    `connection` is one of a file: the protocol `Connection` has no `distrust`,
    `snapshot` and `stream`.
    All rows are of one moment, whatever another program writes meanwhile.

    Raises:
        SchemaMismatch: the file is of a newer version, or has other columns:
            contents that we do not know.
        InvalidInput: rows break a rule. All of them are counted, and the
            first ones named.
    """
    # An earlier try may have left rows.
    await scratch.clear()
    faults = _Faults(place)
    async with connection.snapshot():
        version = await schema.read_version(connection)
        if version not in schema.REVISIONS:
            raise schema.mismatch(State(Fit.NEWER, version), place)
        await connection.distrust(_LONGEST)
        tables = connection.statements.tables
        for table in tables:
            await _refuse_other_columns(connection, place, table)
        for table in ["task", *_except_task(tables)]:
            await _read_table(connection, table, scratch, faults)
    faults.refuse()


def _except_task(tables: Sequence[str]) -> list[str]:
    """Return the tables in another order: faults name tasks first."""
    return [table for table in tables if table != "task"]


async def _refuse_other_columns(
    connection: Connection, place: str, table: str
) -> None:
    """Refuse a table that lacks a column, has one more, or computes one.

    A column that we do not know would be left behind without a word.
    """
    names = connection.statements.columns(table)
    expected = {(name, 0) for name in names}
    found = await connection.fetch(_COLUMNS, name=table)
    other = expected.symmetric_difference(map(tuple, found))
    if other:
        name, _ = min(other)
        raise SchemaMismatch(
            f"The table `{table}` in {place} differs from todo's "
            f"in the column `{name}`",
            hint=CHECK,
        )


async def _read_table(
    connection: Any, table: str, scratch: "Scratch", faults: "_Faults"
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
            await _keep(table, records, scratch, faults)
    # SQLite counts the entries of an index, the smallest one.
    [(indexed,)] = await connection.fetch(f"count_{table}")
    if indexed > count:
        raise failures.damaged(
            faults.place, f"`{table}` has fewer rows than an index of it"
        )


def _reading(connection: Connection, table: str) -> Statement:
    """Return the query of a table.

    It reads tasks and counters as they are stored, others converted. It uses no
    index, because rows that a damaged index lacks would be left behind.
    """
    compiled = connection.statements[f"scan_{table}"]
    kinds = _AS_STORED.get(table, compiled.kinds)
    return Statement(compiled.sql, kinds)


# Every row goes through the rules


class _Fault(NamedTuple):
    """A row that breaks a rule."""

    who: str
    """The row, as in `Task 2 of ada`."""
    owner: str
    """Whose it is, as in ` of ada`, where `who` does not say it."""
    field: str
    message: str

    @property
    def line(self) -> str:
        """The fault as one of several."""
        return f"{self.who}{self.owner}: {self.field}: {self.message}"


@dataclasses.dataclass(slots=True)
class _Faults:
    """The rows of a file that break a rule: all counted, the first ones kept."""

    place: str
    count: int = 0
    first: list[_Fault] = dataclasses.field(default_factory=list)

    def add(self, fault: _Fault) -> None:
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
            [(who, _, field, message)] = self.first
            raise InvalidInput(
                f"{who} in {self.place}: {field}: {message}",
                hint=_CORRECT,
                details=[{"field": field, "message": message}],
            )
        details: list[Detail] = []
        for fault in self.first:
            details.append({"field": fault.field, "message": fault.line})
        raise BadRecords(
            f"{self.count:,} records in {self.place} break a rule",
            hint=_CORRECT_ALL,
            details=details,
            count=self.count,
        )


async def _keep(
    table: str, rows: Sequence[Record], scratch: "Scratch", faults: _Faults
) -> None:
    """Check rows and keep those that are right, with the values to store.

    A task is wrong, too, if an earlier one has its id or number.
    """
    clean = _CLEAN.get(table, dict)
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
        fault = InvalidInput.of(field, "another task has it, too")
        wrong[places[position]] = fault
    # In the order of the file.
    for place in sorted(wrong):
        [detail] = wrong[place].details
        who, owner = _WHO[table](rows[place])
        faults.add(_Fault(who, owner, **detail))


def _clean_task(row: Record) -> Record:
    """Check a task, and return it with the values to store.

    Raises:
        InvalidInput: it breaks a rule.
    """
    task = _clean(_TASK, row)
    if task["completed"] != (task["completed_at"] is not None):
        fault = "must be there exactly if the task is completed"
        raise InvalidInput.of("completed_at", fault)
    # Never those of the file, which any program can have written.
    return task | folded_texts(task)


def _clean(
    cleaners: Mapping[str, Callable[[Any], Any]], row: Record
) -> Record:
    """Return a row with the values to store, each checked by its rule.

    A column without a cleaner is kept.

    Raises:
        InvalidInput: a value breaks its rule.
    """
    cleaned = dict(row)
    for field, clean in cleaners.items():
        try:
            cleaned[field] = clean(row[field])
        except InvalidInput as error:
            # The rule does not know the name of the column.
            [detail] = error.details
            raise InvalidInput.of(field, detail["message"]) from None
    return cleaned


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


def _shown(value: object, most: int) -> str:
    """Write any value, at most so long."""
    return str(value)[:most]


def _text(clean: Callable[[str], Any], value: Any) -> Any:
    """Apply a rule for text to a value that may not be text."""
    if not isinstance(value, str):
        raise InvalidInput.of("text", "must be text")
    return clean(value)


def _or_null(clean: Callable[[Any], Any], value: Any) -> Any:
    """Apply a rule unless the value is NULL."""
    if value is None:
        return None
    return clean(value)


def _completed(value: Any) -> bool:
    """Read a boolean as SQLite stores it, and nothing else."""
    if not isinstance(value, int) or value not in (0, 1):
        raise InvalidInput.of("completed", "must be 0 or 1")
    return value == 1


def _tags(value: Any) -> list[str]:
    """Read tags as SQLite stores them: a JSON array of texts."""
    fault = InvalidInput.of("tags", "must be a JSON array of texts")
    if not isinstance(value, str):
        raise fault
    try:
        tags = json.loads(value)
    except (ValueError, RecursionError):
        raise fault from None
    if not isinstance(tags, list):
        raise fault
    return rules.clean_tags(_text(str, tag) for tag in tags)


_TASK: Final[Mapping[str, Callable[[Any], Any]]] = {
    "id": partial(_text, rules.clean_id),
    "number": partial(rules.read_integer, least=1),
    "user_id": partial(_text, rules.clean_user),
    "title": partial(_text, rules.clean_title),
    "description": partial(_or_null, partial(_text, rules.clean_description)),
    "completed": _completed,
    "created_at": rules.read_instant,
    "updated_at": rules.read_instant,
    "completed_at": partial(_or_null, rules.read_instant),
    "due_on": partial(_or_null, partial(rules.read_day, "due_on")),
    "wait_until": partial(_or_null, partial(rules.read_day, "wait_until")),
    "priority": partial(_or_null, partial(_text, rules.clean_priority)),
    "project": partial(_or_null, partial(_text, rules.clean_project)),
    "tags": _tags,
    "version": partial(rules.read_integer, least=1),
}
"""How to check each column of a task, as SQLite stores it.

A column that is missing here is copied as it is stored.
"""

_COUNTER: Final[Mapping[str, Callable[[Any], Any]]] = {
    "user_id": partial(_text, rules.clean_user),
    "last": partial(rules.read_integer, least=0),
}
"""How to check each column of a counter."""

_CLEAN: Final[Mapping[str, Callable[[Record], Record]]] = {
    "task": _clean_task,
    "counter": partial(_clean, _COUNTER),
}
"""How to check a row, by table; rows of others are kept as they are."""
_WHO: Final[Mapping[str, Callable[[Record], tuple[str, str]]]] = {
    "task": _task,
    "counter": _counter,
}
"""How to name a row and its owner, by table."""
