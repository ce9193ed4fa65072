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
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from todo_cli import rules
from todo_cli.database import schema
from todo_cli.database.filling import folded_texts
from todo_cli.database.run import Connection, Statement
from todo_cli.database.schema import Fit, State
from todo_cli.errors import InvalidInput, SchemaMismatch

Record = dict[str, Any]
"""A row of a table, by the names of its columns.

`run.Row` has only the values, in the order of a statement.
"""

CHECK: Final = "nothing was copied; check the path, the file and its rights"
"""The hint if the file cannot be read."""
_CORRECT: Final = "nothing was copied; correct it in a copy of the file"
"""The hint if a row breaks a rule."""

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


async def read(connection: Any, place: str) -> dict[str, list[Record]]:
    """Read every row of our tables, by table, and check it.

    `connection` is one of a file: the protocol `Connection` has no `distrust`.
    The order is the order of locking in every import. Counters come last: a
    counter that is ahead of the tasks is harmless.

    Raises:
        SchemaMismatch: the file is of a newer version, or has other columns:
            contents that we do not know.
        InvalidInput: a row breaks a rule.
    """
    version = await schema.read_version(connection)
    if version not in schema.REVISIONS:
        raise schema.mismatch(State(Fit.NEWER, version), place)
    await connection.distrust(_LONGEST)
    rows: dict[str, list[Record]] = {}
    tables = connection.statements.tables
    others = [table for table in tables if table != "counter"]
    for table in [*others, "counter"]:
        await _refuse_other_columns(connection, place, table)
        rows[table] = await _rows_of(connection, table)
    rows["task"] = _clean_tasks(rows["task"], place)
    who = f"A counter in {place}"
    rows["counter"] = [_clean(row, who, _COUNTER) for row in rows["counter"]]
    return rows


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


async def _rows_of(connection: Connection, table: str) -> list[Record]:
    """Read a table: tasks and counters as they are stored, others converted."""
    compiled = connection.statements[f"read_{table}"]
    kinds = _AS_STORED.get(table, compiled.kinds)
    statement = Statement(compiled.sql, kinds)
    names = connection.statements.columns(table)
    found = await connection.fetch(statement)
    return [dict(zip(names, row, strict=True)) for row in found]


# Every row goes through the rules


def _clean_tasks(rows: Sequence[Record], place: str) -> list[Record]:
    """Check every task, and return tasks with the values to store.

    Raises:
        InvalidInput: one breaks a rule, or two have the same id, or the same
            number of one user.
    """
    seen: set[object] = set()
    tasks = []
    for row in rows:
        who = f"{_named(row)} in {place}"
        task = _clean(row, who, _TASK)
        # Never those of the file, which any program can have written.
        task |= folded_texts(task)
        if task["completed"] != (task["completed_at"] is not None):
            fault = "must be there exactly if the task is completed"
            raise _refusal(who, "completed_at", fault)
        # A UUID and a pair are never equal, so one set is enough.
        number = (task["user_id"], task["number"])
        for field, key in (("id", task["id"]), ("number", number)):
            if key in seen:
                raise _refusal(who, field, "another task has it, too")
            seen.add(key)
        tasks.append(task)
    return tasks


def _clean(
    row: Record, who: str, cleaners: Mapping[str, Callable[[Any], Any]]
) -> Record:
    """Return a row with the values to store, each checked by its rule.

    `who` names the row in an error. A column without a cleaner is kept.
    """
    cleaned = dict(row)
    for field, clean in cleaners.items():
        try:
            cleaned[field] = clean(row[field])
        except InvalidInput as error:
            # The rule does not know the name of the column.
            [detail] = error.details
            raise _refusal(who, field, detail["message"]) from None
    return cleaned


def _refusal(who: str, field: str, fault: str) -> InvalidInput:
    """Return the error for a field of a row."""
    return InvalidInput(
        f"{who}: {field}: {fault}",
        hint=_CORRECT,
        details=[{"field": field, "message": fault}],
    )


def _named(row: Record) -> str:
    """Name a task, of which any value may be wrong.

    People know the number, so the id is only for a task without one.
    """
    number = row["number"]
    if not isinstance(number, int):
        id = str(row["id"])[: rules.UUID_LENGTH]
        return f"The task with the id {id}"
    user = str(row["user_id"])[: rules.USER_LENGTH]
    return f"Task {number} of {user}"


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
