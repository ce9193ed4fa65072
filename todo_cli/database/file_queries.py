"""The queries that only an embedded file needs, as SQLAlchemy expressions.

They are about the index of words, which `search.py` explains, and about the
temporary database of an import: `scratch.py`. Commands do not import this
module; `queries.py` adds them to the others.
"""

from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    Table,
    Text,
    bindparam,
    case,
    column,
    delete,
    func,
    insert,
    literal_column,
    select,
    table,
    true,
    update,
)
from sqlalchemy.dialects import sqlite

from todo_cli.database.tables import (
    ChangeRow,
    CounterRow,
    OperationRow,
    TagRow,
    TaskRow,
    copied,
    stored,
)

Expression = Any

TASK: Final[Table] = TaskRow.__table__  # type: ignore[attr-defined]  # SQLModel
TAG: Final[Table] = TagRow.__table__  # type: ignore[attr-defined]
COUNTER: Final[Table] = CounterRow.__table__  # type: ignore[attr-defined]
OPERATION: Final[Table] = OperationRow.__table__  # type: ignore[attr-defined]
CHANGE: Final[Table] = ChangeRow.__table__  # type: ignore[attr-defined]
WORDS: Final = table(
    "task_word", column("rowid", Integer), column("folded", Text)
)
"""The index of words, a virtual table."""
TEXTS: Final = table(
    "task_text", column("number", Integer), column("task_id", Text)
)
"""Notes which tasks have new texts, each change under the next number."""
CANDIDATE: Final = Table(
    "candidate",
    MetaData(),
    Column("place", Integer, primary_key=True),
    Column("id", Text),
    Column("number", Integer),
    Column("task", LargeBinary),
)
"""The records of a file that become tasks, in their order; temporary."""

_ONE: Final[Any] = literal_column("1", Integer)
_ZERO: Final[Any] = literal_column("0", Integer)
_NOTHING: Final[Any] = literal_column("''", Text)
_OLD: Final = bindparam("old", type_=Text)
_NEW: Final = bindparam("new", type_=Text)


def statements() -> dict[str, Expression]:
    """Return the queries by the name that `run.py` uses."""
    found = _of_words() | _of_scratch() | _of_candidates() | _of_definitions()
    for each in copied():
        found[f"count_{each.name}"] = select(func.count()).select_from(each)
        of_old = each.c.user_id == _OLD
        found[f"give_{each.name}"] = (
            update(each).where(of_old).values(user_id=_NEW)
        )
        found[f"drop_{each.name}"] = delete(each).where(of_old)
        found[f"scan_{each.name}"] = select(*stored(each))
    return found


# What a file defines


def _of_definitions() -> dict[str, Expression]:
    """Return the queries about tables and their columns.

    `definitions` has views, indexes and triggers, too. In `columns_there`,
    `hidden` is 0 for a column that is stored and not computed.
    """
    # Without types: in another program's file there can be any value.
    names: list[Any] = [column("name"), column("type"), column("sql")]
    master = table("sqlite_master", *names).c
    kind: Any = literal_column("'table'", Text)
    name = bindparam("name", type_=Text)
    columns = func.pragma_table_xinfo(name).table_valued(
        column("name"), column("hidden"), name="columns"
    )
    return {
        "definitions": select(master.name, master.type, master.sql),
        "tables_there": select(master.name).where(master.type == kind),
        "columns_there": select(columns.c.name, columns.c.hidden),
    }


# The index of words


def _of_words() -> dict[str, Expression]:
    """Return the queries about the index of words.

    `last_word` is the number of the last change that was entered. The row of
    the index has the number of the change as its rowid.
    """
    last = select(WORDS.c.rowid).order_by(WORDS.c.rowid.desc())
    return {
        "state_of_words": _state(),
        "last_word": last.limit(_ONE),
        "enter_words": _entry(),
        "forget_notes": delete(TEXTS),
        "note_all": _all_notes(),
    }


def _state() -> Select[Any]:
    """Select whether there is FTS5, the index's definition, and the last note."""
    modules = table("pragma_module_list", column("name", Text))
    master = table("sqlite_master", column("name", Text), column("sql", Text))
    fts5: Any = literal_column("'fts5'", Text)
    index: Any = literal_column("'task_word'", Text)
    has_fts5 = select(func.count()).select_from(modules)
    made = select(master.c.sql).where(master.c.name == index)
    newest = select(func.max(TEXTS.c.number))
    return select(
        has_fts5.where(modules.c.name == fts5).scalar_subquery(),
        made.scalar_subquery(),
        newest.scalar_subquery(),
    )


def _all_notes() -> Expression:
    """Note every task that the index can have."""
    can_be = select(TASK.c.id).where(TASK.c.title_folded.is_not(None))
    in_order = can_be.order_by(TASK.c.user_id, TASK.c.number)
    return insert(TEXTS).from_select(["task_id"], in_order)


def _entry() -> Expression:
    """Enter the noted tasks with the numbers from `start` to `end`.

    A task that was deleted gets an empty row, so that the last row moves on.
    """
    start = bindparam("start", type_=Integer)
    end = bindparam("end", type_=Integer)
    text = func.coalesce(_all_texts(), _NOTHING, type_=Text)
    noted = TEXTS.outerjoin(TASK, TASK.c.id == TEXTS.c.task_id)
    rows = select(TEXTS.c.number, text).select_from(noted)
    some = rows.where(TEXTS.c.number.between(start, end))
    ordered = some.order_by(TEXTS.c.number)
    return insert(WORDS).from_select(["rowid", "folded"], ordered)


def _all_texts() -> ColumnElement[Any]:
    """Join the folded texts of a task, a line each; NULL without a title."""
    line: Any = func.char(literal_column("10", Integer), type_=Text)
    of_task = TAG.c.task_id == TASK.c.id
    tags = select(func.group_concat(TAG.c.folded, line, type_=Text))
    tags = tags.where(of_task).correlate(TASK)
    joined: ColumnElement[Any] = TASK.c.title_folded
    for each in (
        TASK.c.description_folded,
        TASK.c.project_folded,
        tags.scalar_subquery(),
    ):
        joined = joined + line + func.coalesce(each, _NOTHING, type_=Text)
    return joined


# The temporary database of an import


def _of_scratch() -> dict[str, Expression]:
    """Return the queries on the temporary database.

    Its tables have the names and columns of a store, but not the types and
    CHECKs: every row was checked before. `scratch_task` leaves out a task whose
    id or number another one has; the caller then says which.
    """
    user = TASK.c.user_id
    given = {each.key: _parameter(each) for each in stored(TASK)}
    added = sqlite.insert(TASK).values(given).on_conflict_do_nothing()
    id = bindparam("id", type_=TASK.c.id.type)
    return {
        "scratch_task": added,
        "has_id": select(_ONE).where(TASK.c.id == id),
        "task_owners": select(user).distinct().order_by(user),
        "last_operations": _last_operations(),
        **_raising(),
    }


def _of_candidates() -> dict[str, Expression]:
    """Return the queries on the records of `todo import`."""
    records = CANDIDATE.c
    given = {each.key: _parameter(each) for each in records}
    kept = sqlite.insert(CANDIDATE).values(given).on_conflict_do_nothing()
    first = bindparam("first", type_=Integer)
    end = bindparam("end", type_=Integer)
    some = select(records.place).where(
        records.place >= first, records.place < end
    )
    keys = select(records.place, records.id, records.number)
    tasks = select(records.place, records.task)
    return {
        "keep_candidate": kept,
        "has_candidate": select(_ONE).where(records.id == given["id"]),
        "kept_candidates": some,
        "candidate_keys": keys.order_by(records.place),
        "candidate_tasks": tasks.order_by(records.place),
    }


def _raising() -> dict[str, Expression]:
    """Raise counters to what is there, by what it is."""
    user = TASK.c.user_id
    highest = select(user, func.max(TASK.c.number), _ZERO).where(true())
    # Their operations are counted where they are: they can be left behind.
    heir = select(_NEW, COUNTER.c.last, _ZERO)
    heir = heir.where(COUNTER.c.user_id == _OLD)
    return {
        "raise_to_tasks": _raised(highest.group_by(user)),
        "raise_to_operations": _raised(_last_numbers(OPERATION.c.number)),
        "raise_to_changes": _raised(_last_numbers(CHANGE.c.operation)),
        "raise_to_heir": _raised(heir),
    }


def _last_numbers(number: Any) -> Select[Any]:
    """Select each user's highest number of an operation, as a counter."""
    user = number.table.c.user_id
    highest = select(user, _ZERO, func.max(number)).where(true())
    return highest.group_by(user)


def _last_operations() -> Select[Any]:
    """Select the number and the id of each user's last operation."""
    user, number = OPERATION.c.user_id, OPERATION.c.number
    other = OPERATION.alias("other")
    highest = select(func.max(other.c.number)).where(other.c.user_id == user)
    is_last = number == highest.scalar_subquery()
    return select(user, number, OPERATION.c.id).where(is_last).order_by(user)


def _parameter(each: Any) -> Any:
    """Return a parameter with the key and the type of a column."""
    return bindparam(each.key, type_=each.type)


def _raised(counters: Any) -> Expression:
    """Insert counters, or advance those that are there; they never go back."""
    names = ["user_id", "last", "operations"]
    new = sqlite.insert(COUNTER).from_select(names, counters)
    return new.on_conflict_do_update(
        index_elements=["user_id"], set_=raised(new)
    )


def raised(new: Any) -> dict[str, Any]:
    """Return what an INSERT sets where there is a counter: it never goes back."""
    found = {}
    for name in ("last", "operations"):
        old, proposed = COUNTER.c[name], new.excluded[name]
        found[name] = case((proposed > old, proposed), else_=old)
    return found
