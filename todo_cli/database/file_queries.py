"""The queries that only an embedded file needs, as SQLAlchemy expressions.

They are about the index of words, which `search.py` explains, and about the
temporary database of an import: `scratch.py`. Commands do not import this
module; `queries.py` adds them to the others.
"""

from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Integer,
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

from todo_cli.database.tables import CounterRow, TagRow, TaskRow

Expression = Any

TASK: Final[Table] = TaskRow.__table__  # type: ignore[attr-defined]  # SQLModel
TAG: Final[Table] = TagRow.__table__  # type: ignore[attr-defined]
COUNTER: Final[Table] = CounterRow.__table__  # type: ignore[attr-defined]
WORDS: Final = table(
    "task_word", column("rowid", Integer), column("folded", Text)
)
"""The index of words, a virtual table."""
TEXTS: Final = table(
    "task_text", column("number", Integer), column("task_id", Text)
)
"""Notes which tasks have new texts, each change under the next number."""

_ONE: Final[Any] = literal_column("1", Integer)
_ZERO: Final[Any] = literal_column("0", Integer)
_NOTHING: Final[Any] = literal_column("''", Text)
_OLD: Final = bindparam("old", type_=Text)
_NEW: Final = bindparam("new", type_=Text)


def statements() -> dict[str, Expression]:
    """Return the queries by the name that `run.py` uses."""
    found = _of_words() | _of_scratch()
    for each in (TASK, COUNTER):
        of_old = update(each).where(each.c.user_id == _OLD)
        found[f"give_{each.name}"] = of_old.values(user_id=_NEW)
        found[f"count_{each.name}"] = select(func.count()).select_from(each)
        found[f"scan_{each.name}"] = select(*each.c)
    return found


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
    given = {each.name: _parameter(each) for each in TASK.c}
    added = sqlite.insert(TASK).values(given).on_conflict_do_nothing()
    id = bindparam("id", type_=TASK.c.id.type)
    highest = select(user, func.max(TASK.c.number)).where(true())
    heir = select(_NEW, COUNTER.c.last).where(COUNTER.c.user_id == _OLD)
    return {
        "scratch_task": added,
        "has_id": select(_ONE).where(TASK.c.id == id),
        "task_owners": select(user).distinct().order_by(user),
        "raise_to_tasks": _raised(highest.group_by(user)),
        "raise_to_heir": _raised(heir),
        "drop_counter": delete(COUNTER).where(COUNTER.c.user_id == _OLD),
    }


def _parameter(each: Any) -> Any:
    """Return a parameter with the name and the type of a column."""
    return bindparam(each.name, type_=each.type)


def _raised(counters: Any) -> Expression:
    """Insert counters, or advance those that are there; they never go back."""
    new = sqlite.insert(COUNTER).from_select(["user_id", "last"], counters)
    is_higher = new.excluded.last > COUNTER.c.last
    last = case((is_higher, new.excluded.last), else_=COUNTER.c.last)
    return new.on_conflict_do_update(
        index_elements=["user_id"], set_={"last": last}
    )
