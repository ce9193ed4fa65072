"""The parts of queries that have to do with history, as SQLAlchemy expressions.

Commands do not import this module; `queries.py` adds its queries to the others.

Whoever changes tasks of a user locks the user's row of `counter` first, so all
of them form one queue, and no two wait for each other. An operation gets the
next number only if a row has changed.

On PostgreSQL each command is one statement. Its parts see the database as it
was when the statement began, but for rows that they lock: of those they see the
newest version. On SQLite the parts are statements of one transaction, and
`history.py` compares the old and new values.
"""

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Integer,
    Select,
    Table,
    Text,
    and_,
    any_,
    bindparam,
    case,
    cast,
    delete,
    func,
    insert,
    literal_column,
    not_,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from todo_cli import rules
from todo_cli.database import run
from todo_cli.database.history import RESTORED, SET, unset
from todo_cli.database.tables import (
    IN_TRASH,
    ChangeRow,
    CounterRow,
    Identifier,
    Instant,
    OperationRow,
    TagRow,
    TaskRow,
)
from todo_cli.task import Task

if TYPE_CHECKING:
    from todo_cli.database.queries import Dialect, PostgresDialect

Expression = Any

TASK: Final[Table] = TaskRow.__table__  # type: ignore[attr-defined]  # SQLModel
TAG: Final[Table] = TagRow.__table__  # type: ignore[attr-defined]
COUNTER: Final[Table] = CounterRow.__table__  # type: ignore[attr-defined]
OPERATION: Final[Table] = OperationRow.__table__  # type: ignore[attr-defined]
CHANGE: Final[Table] = ChangeRow.__table__  # type: ignore[attr-defined]
task: Final = TASK.c
tag: Final = TAG.c
counter: Final = COUNTER.c
operation: Final = OPERATION.c
changed: Final = CHANGE.c

_ONE: Final[Any] = literal_column("1", Integer)
_ZERO: Final[Any] = literal_column("0", Integer)
_NULL: Final[Any] = literal_column("CAST(NULL AS INTEGER)", Integer)
_USER: Final = bindparam("user", type_=Text)
_NOW: Final = bindparam("now", type_=Instant)
_OPERATION_ID: Final = bindparam("operation_id", type_=Identifier)
_COMMAND: Final = bindparam("command", type_=Text)
NONE: Final[Any] = literal_column("CAST('{}' AS pg_catalog.jsonb)", JSONB)
"""The values of a change of a purged task, and the old ones of a new task."""
_UNSET: Final[Any] = literal_column(
    f"CAST('{unset()}' AS pg_catalog.jsonb)", JSONB
)
"""The values of a new task for which nothing was given."""
_EMPTY: Final[Any] = literal_column("'{}'")
"""The same as `NONE`, where the other side has the type."""
_FOLDS: Final[Any] = literal_column("'tag_folds'", Text)
MOST: Final = bindparam("most", type_=Integer)
TASK_COLUMNS: Final = tuple(
    TASK.c[field.name] for field in dataclasses.fields(Task)
)


def _word(text: str) -> ColumnElement[Any]:
    """Return a constant text: a bound value would be lost when compiled."""
    return literal_column(f"'{text}'", Text)


# Taking turns, and numbers


def held() -> Any:
    """Lock the user's counter; nobody else changes the user's tasks meanwhile."""
    mine = select(counter.operations).where(counter.user_id == _USER)
    return mine.with_for_update().cte("held")


def has(turn: Any) -> ColumnElement[bool]:
    """Whether the user has a counter; it is locked by then."""
    return select(_ONE).select_from(turn).exists()


def is_seen(turn: Any) -> ColumnElement[bool]:
    """Whether the statement sees the last operation that was numbered.

    If it had to wait for the counter, it may see an older state. The number is
    also another one if the counter is behind.
    """
    seen: ColumnElement[bool] = last_number(_USER) == counted(turn)
    return seen


def counted(turn: Any) -> ColumnElement[int]:
    """Select the number of the last operation, as it is under the lock."""
    count = select(turn.c.operations).scalar_subquery()
    return func.coalesce(count, _ZERO)


def last_number(user: Any) -> ColumnElement[int]:
    """Select the number of the user's last operation; 0 for none."""
    last = select(func.max(operation.number)).where(operation.user_id == user)
    return func.coalesce(last.scalar_subquery(), _ZERO)


def further(
    proposed: ColumnElement[int], steps: ColumnElement[int]
) -> ColumnElement[int]:
    """Return the number of an operation that is `steps` further.

    The proposed number is higher if a table was restored and its counter is
    behind.
    """
    following = counter.operations + steps
    return case((following < proposed, proposed), else_=following)


def numbered(happened: Any, *where: Any) -> Any:
    """Give the user's next operation number, if rows of `happened` fit.

    Returns `number`; no row otherwise.
    """
    is_there = select(_ONE).select_from(happened).where(*where).exists()
    moved = update(COUNTER).where(counter.user_id == _USER, is_there)
    moved = moved.values(operations=counter.operations + _ONE)
    return moved.returning(counter.operations.label("number")).cte("numbered")


def counting(dialect: "Dialect", where: Any) -> Any:
    """Give the user's next operation number, if a condition is true.

    A user without a counter gets one.
    """
    # A file can have numbers that no counter may have.
    most: Any = literal_column(str(rules.LARGEST_NUMBER), Integer)
    found = highest(_USER)
    last = case((found > most, most), else_=found)
    first = select(_USER, last, last_number(_USER) + _ONE).where(where)
    columns = ["user_id", "last", "operations"]
    new = dialect.insert(COUNTER).from_select(columns, first)
    moved = new.on_conflict_do_update(
        index_elements=["user_id"],
        set_={"operations": further(new.excluded.operations, _ONE)},
    )
    return moved.returning(counter.operations.label("number"))


def highest(user: Any) -> ColumnElement[int]:
    """Select the highest task number of a user; 0 if there are no tasks."""
    found = select(func.max(task.number)).where(task.user_id == user)
    return func.coalesce(found.scalar_subquery(), _ZERO)


# Recording, in the statement that changes; on PostgreSQL


def difference(
    names: Iterable[str], old: Any, new: Any
) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """Return objects of the old and the new values, if the first one differs.

    `names` are the keys of columns that change together.
    """
    columns = [task[name] for name in names]
    first = columns[0].key
    is_other = old[first].is_distinct_from(new[first])
    found = []
    for rows in (old, new):
        pairs: list[Any] = []
        for each in columns:
            pairs += [_word(each.name), rows[each.key]]
        values = func.jsonb_build_object(*pairs, type_=JSONB)
        found.append(case((is_other, values), else_=NONE))
    return found[0], found[1]


def folds_of(id: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return an object of the folded form of each tag of a task.

    So an undo can enter a tag again that the table of tags no longer has.
    """
    pairs = func.jsonb_object_agg(tag.name, tag.folded, type_=JSONB)
    mine = select(pairs).where(tag.task_id == id).scalar_subquery()
    folds = func.coalesce(mine, NONE, type_=JSONB)
    return func.jsonb_build_object(_word("tag_folds"), folds, type_=JSONB)


class Joined(FunctionElement[Any]):
    """Objects of PostgreSQL, joined into one."""

    inherit_cache = True
    type = JSONB()


@compiles(Joined, "postgresql")
def _joined(element: Joined, compiler: Any, **options: Any) -> str:
    parts = [compiler.process(each, **options) for each in element.clauses]
    return f"({run.JOINED.join(parts)})"


def noted(old: Any, new: Any) -> list[Any]:
    """Return what is recorded of a row, under the names that `recorded` reads."""
    return [old.label("old_values"), new.label("new_values")]


def recorded(
    source: Any, moved: Any, *where: Any, undoes: Any = _NULL
) -> list[Any]:
    """Note an operation, and what it did to the rows of `moved` that fit.

    These are `id`, `number`, `old_values` and `new_values`. `source` has one
    row, with the number of the operation; without a row nothing is noted.
    """
    number = source.c.number
    heading = select(_USER, number, _OPERATION_ID, _NOW, _COMMAND, undoes)
    names = ["user_id", "number", "id", "at", "command", "undoes"]
    noted = insert(OPERATION).from_select(names, heading).cte("noted")
    each = select(
        _USER,
        number,
        moved.c.id,
        moved.c.number,
        moved.c.old_values,
        moved.c.new_values,
    ).select_from(moved.join(source, true()))
    names = [part.name for part in CHANGE.c]
    each = each.where(*where)
    entered = insert(CHANGE).from_select(names, each).cte("entered")
    return [noted, entered]


# Taking back, as one statement of PostgreSQL


class _Chosen(NamedTuple):
    """The operation to take back, and the user's counter, which is locked."""

    turn: Any
    rows: Any
    fits: Any
    """The condition that this one can be taken back."""

    @property
    def number(self) -> Any:
        """Its number; NULL if there is none."""
        return select(self.rows.c.number).scalar_subquery()


def _chosen(name: str) -> _Chosen:
    """Select the latest operation of the user that fits; see `choices`."""
    where = choices()[name]
    turn = held()
    found = select(
        operation.number,
        operation.command,
        operation.undoes,
        operation.undone_by,
    ).where(operation.user_id == _USER, has(turn), *where)
    latest = found.order_by(operation.number.desc()).limit(_ONE)
    rows = latest.cte("chosen")
    is_undo = rows.c.command == _word("undo")
    is_change = and_(rows.c.undoes.is_(None), rows.c.command != _word("purge"))
    fits = is_undo if name == "redo" else is_change
    return _Chosen(turn, rows, and_(fits, rows.c.undone_by.is_(None)))


def _can_undo() -> list[ColumnElement[bool]]:
    """Conditions: an operation is neither undone nor an undo, redo or purge."""
    return [
        operation.undoes.is_(None),
        operation.undone_by.is_(None),
        operation.command != _word("purge"),
        _is_kept(),
    ]


def _is_kept() -> ColumnElement[bool]:
    """Whether one of an operation's tasks is not purged."""
    kept = select(_ONE).where(
        changed.user_id == _USER,
        changed.operation == operation.number,
        changed.new_values != _EMPTY,
    )
    return kept.correlate(OPERATION).exists()


def _can_redo() -> list[ColumnElement[bool]]:
    """Conditions: an operation is an undo, and only undos and redos follow."""
    other = OPERATION.alias("other")
    last = select(func.max(other.c.number)).where(
        other.c.user_id == _USER, other.c.undoes.is_(None)
    )
    last_other = func.coalesce(last.scalar_subquery(), _ZERO)
    return [
        operation.command == _word("undo"),
        operation.undone_by.is_(None),
        operation.number > last_other,
    ]


def choices() -> dict[str, list[ColumnElement[bool]]]:
    """Return the conditions of an operation to take back, by statement."""
    number = bindparam("operation", type_=Integer)
    return {
        "undo": _can_undo(),
        "undo_one": [operation.number == number],
        "redo": _can_redo(),
    }


def taking_back(dialect: "PostgresDialect", name: str) -> Expression:
    """Take back an operation, and record that; all or nothing.

    Every row has what was found out, and then a changed task. There is one row
    without a task if nothing was changed.

    The statement may have waited for the counter. Then it does not see what
    was done meanwhile: `seen` is lower than `counted`, and nothing was
    changed. If it is higher, the counter is behind. Else the statement sees the
    newest version of everything.
    """
    chosen = _chosen(name)
    entries = _entries(chosen)
    back = _set_back(chosen, entries)
    moved = _moved(entries, back)
    number = numbered(moved)
    notes = recorded(number, moved, undoes=chosen.number)
    marked = _marked(chosen, number)
    tagged = _tagged(dialect, entries, back)
    result = _result(chosen, entries, number, back)
    return result.add_cte(*notes, marked, *tagged)


def _without_folds(values: Any) -> ColumnElement[Any]:
    """Return an object without what is not a column."""
    rest: ColumnElement[Any] = values.op("-", return_type=JSONB())(_FOLDS)
    return rest


def _has(values: Any, key: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether an object has a key."""
    is_there: ColumnElement[bool] = values.op("?", is_comparison=True)(key)
    return is_there


def _entries(chosen: _Chosen) -> Any:
    """Select what the operation did to each of its tasks.

    `wanted` are the values to set: the old ones. A new task is moved to the
    trash instead. `there` are the values of the same columns now. `is_other`
    says whether one of those that the operation left has changed since; it is
    NULL for a purged task.
    """
    now = TASK.alias("now")
    mine = and_(now.c.id == changed.task_id, now.c.user_id == _USER)
    is_left = changed.new_values != NONE
    found = select(
        now.c.id,
        changed.number,
        *_there_and_back(now),
        changed.old_values.label("before"),
        _is_other(now).label("is_other"),
    ).select_from(CHANGE.outerjoin(now, and_(mine, is_left)))
    of_chosen = changed.operation == chosen.number
    return found.where(changed.user_id == _USER, of_chosen).cte("entries")


def _there_and_back(now: Any) -> list[Any]:
    """Return the values of a task to set, and what is there instead of them."""
    is_new = _has(changed.new_values, _word("created_at"))
    name = _word("deleted_at")
    to_trash = func.jsonb_build_object(name, _NOW, type_=JSONB)
    old = _without_folds(changed.old_values)
    wanted = case((is_new, to_trash), else_=old)
    outside = func.jsonb_build_object(name, now.c.deleted_at, type_=JSONB)
    left = _without_folds(changed.new_values)
    there = case((is_new, outside), else_=left)
    return [wanted.label("wanted"), there.label("there")]


def _is_other(now: Any) -> ColumnElement[bool]:
    """Whether a value that the operation left has changed since.

    A new task was left without all values that are not in the object.
    """
    # Whole rows: all values that are not in the object stay as they are.
    whole = now.table_valued()
    is_new = _has(changed.new_values, _word("created_at"))
    given = _without_folds(changed.new_values)
    left = Joined(case((is_new, _UNSET), else_=NONE), given)
    set_again = func.jsonb_populate_record(whole, left)
    is_other: ColumnElement[bool] = set_again != whole
    return is_other


def _is_ready(chosen: _Chosen, entries: Any) -> ColumnElement[bool]:
    """Whether the operation can be taken back now."""
    fits = select(_ONE).select_from(chosen.rows).where(chosen.fits)
    others = select(_ONE).select_from(entries).where(entries.c.is_other)
    return and_(is_seen(chosen.turn), fits.exists(), ~others.exists())


def _set_back(chosen: _Chosen, entries: Any) -> Any:
    """Set the old values; return the changed tasks."""
    was = TASK.alias("was")
    again = _again(was, entries)
    values: dict[str, Any] = {}
    for name in RESTORED:
        values[name] = again.c[task[name].name]
    values["updated_at"] = _NOW
    values["version"] = task.version + _ONE
    statement = update(TASK).where(
        task.user_id == _USER,
        task.id == entries.c.id,
        was.c.id == entries.c.id,
        _is_ready(chosen, entries),
    )
    return statement.values(values).returning(*TASK_COLUMNS).cte("back")


def _again(was: Any, entries: Any) -> Any:
    """Return a task as it is, but with the values that are wanted."""
    columns = []
    for name in RESTORED:
        columns.append(Column(task[name].name, task[name].type))
    whole = was.table_valued()
    record = func.jsonb_populate_record(whole, entries.c.wanted)
    return record.table_valued(*columns, name="again")


def _moved(entries: Any, back: Any) -> Any:
    """Select what is recorded of each task: the difference, turned around."""
    both = entries.join(back, back.c.id == entries.c.id)
    has_tags = _has(entries.c.wanted, _word("tags"))
    folds = case((has_tags, folds_of(entries.c.id)), else_=NONE)
    old = Joined(entries.c.there, folds)
    found = select(
        back.c.id,
        back.c.number,
        old.label("old_values"),
        entries.c.wanted.label("new_values"),
    )
    return found.select_from(both).cte("moved")


def _marked(chosen: _Chosen, number: Any) -> Any:
    """Mark the operation as undone; if it is an undo, no longer its own one."""
    is_chosen = operation.number == chosen.rows.c.number
    is_other = operation.number == chosen.rows.c.undoes
    undone_by = case((is_chosen, number.c.number), else_=None)
    marked = update(OPERATION).where(
        operation.user_id == _USER, or_(is_chosen, is_other)
    )
    return marked.values(undone_by=undone_by).cte("marked")


def _tagged(dialect: "PostgresDialect", entries: Any, back: Any) -> list[Any]:
    """Bring the table of tags up to the tags that were set back."""
    columns = ["task_id", "name", "user_id", "folded"]
    rows = _rows_of_tags(entries, back)
    new = dialect.insert(TAG).from_select(columns, rows)
    added = new.on_conflict_do_nothing().cte("added")
    is_gone = not_(tag.name == any_(back.c.tags))
    of_these = and_(tag.task_id == back.c.id, is_gone)
    return [added, delete(TAG).where(of_these).cte("removed")]


def _rows_of_tags(entries: Any, back: Any) -> Select[Any]:
    """Select the rows of the tags of tasks whose tags were set back."""
    names = func.unnest(back.c.tags, type_=Text)
    name = names.table_valued("value", name="names").render_derived()
    folds = entries.c.before.op("->")(_FOLDS)
    folded = folds.op("->>", return_type=Text())(name.c.value)
    # A tag that another program has stored has no folded form.
    either = func.coalesce(folded, name.c.value, type_=Text)
    both = entries.join(back, back.c.id == entries.c.id).join(name, true())
    rows = select(back.c.id, name.c.value, _USER, either).select_from(both)
    return rows.where(_has(entries.c.wanted, _word("tags")))


def _result(
    chosen: _Chosen, entries: Any, number: Any, back: Any
) -> Select[Any]:
    """Select what was found out, beside each changed task."""
    facts = select(
        last_number(_USER).label("seen"),
        counted(chosen.turn).label("counted"),
        *_about(chosen.rows.c),
        _numbers(entries, entries.c.is_other).label("others"),
        _numbers(entries, entries.c.id.is_(None)).label("purged"),
        select(number.c.number).scalar_subquery().label("operation"),
    ).subquery("facts")
    columns = [back.c[each.key] for each in TASK_COLUMNS]
    both = facts.outerjoin(back, true())
    return select(*facts.c, *columns).select_from(both)


def _about(chosen: Any) -> list[Any]:
    """Select what is known of the chosen operation; NULL if there is none."""

    def value(column: Any) -> Any:
        return select(column).scalar_subquery()

    root = select(operation.command).where(
        operation.user_id == _USER,
        operation.number == value(chosen.undoes),
    )
    return [
        value(chosen.number).label("chosen_number"),
        value(chosen.command).label("chosen_command"),
        root.scalar_subquery().label("root_command"),
        value(chosen.undoes).label("chosen_undoes"),
        value(chosen.undone_by).label("chosen_undone_by"),
    ]


def _numbers(entries: Any, where: Any) -> ColumnElement[Any]:
    """Select the numbers of some entries, as text with commas; NULL for none."""
    number = cast(entries.c.number, Text)
    comma: Any = literal_column("','", Text)
    ordered = aggregate_order_by(comma, entries.c.number)
    gathered = func.string_agg(number, ordered, type_=Text)
    found = select(gathered).select_from(entries).where(where)
    return found.scalar_subquery()


# Reading


def page() -> Select[Any]:
    """Select the user's operations before a number, the latest first.

    There is a row for each task of an operation. A purged task has no title.
    """
    before = operation.number < bindparam("before", type_=Integer)
    found = select(OPERATION).where(operation.user_id == _USER, before)
    latest = found.order_by(operation.number.desc()).limit(MOST)
    return _with_changes(latest.subquery("page"))


def latest() -> Select[Any]:
    """Select what tells the user's latest operation from every other one.

    The primary key leads to it.
    """
    named = select(operation.number, operation.id, operation.at)
    mine = named.where(operation.user_id == _USER)
    return mine.order_by(operation.number.desc()).limit(_ONE)


def page_of_task() -> Select[Any]:
    """Select the same of the task with a number, which may be purged."""
    of_task = changed.number == bindparam("number", type_=Integer)
    is_before = changed.operation < bindparam("before", type_=Integer)
    same = and_(
        operation.user_id == changed.user_id,
        operation.number == changed.operation,
    )
    found = select(OPERATION).select_from(CHANGE.join(OPERATION, same))
    found = found.where(changed.user_id == _USER, of_task, is_before)
    latest = found.order_by(changed.operation.desc()).limit(MOST)
    return _with_changes(latest.subquery("page"), of_task)


def _with_changes(page: Any, *where: Any) -> Select[Any]:
    """Add the changes of operations, and the titles that tasks have now."""
    of_page = and_(
        changed.user_id == _USER, changed.operation == page.c.number, *where
    )
    # By number, too: the id of a purged task can be given again.
    mine = and_(
        task.id == changed.task_id,
        task.number == changed.number,
        task.user_id == _USER,
    )
    rows = page.outerjoin(CHANGE, of_page).outerjoin(TASK, mine)
    columns = [each for each in page.c if each.name != "user_id"]
    found = select(
        *columns,
        changed.task_id,
        changed.number.label("task_number"),
        task.title,
        changed.old_values,
        changed.new_values,
    ).select_from(rows)
    return found.order_by(page.c.number.desc(), changed.number)


# Purging


def blanking(removed: Any) -> Any:
    """Take the values of tasks out of the history."""
    of_these = changed.task_id.in_(select(removed.c.id))
    blank = update(CHANGE).where(changed.user_id == _USER, of_these)
    values = {"old_values": NONE, "new_values": NONE}
    return blank.values(values).cte("blanked")


# On SQLite, in a transaction


def of_a_file(dialect: "Dialect") -> dict[str, Expression]:
    """Return the queries that only a file needs, by name."""
    number = bindparam("number", type_=Integer)
    chosen = and_(operation.user_id == _USER, operation.number == number)
    mine = and_(changed.user_id == _USER, changed.operation == number)
    undone_by = bindparam("undone", type_=Integer)
    marked = update(OPERATION).where(chosen).values(undone_by=undone_by)
    blank = update(CHANGE).where(
        changed.user_id == _USER, dialect.within(changed.task_id, "ids")
    )
    return {
        **_choosing(),
        **_setting(),
        "changes_of": _changes(mine),
        "mark_undone": marked,
        "blank": blank.values(old_values=_EMPTY, new_values=_EMPTY),
    }


def _changes(mine: ColumnElement[bool]) -> Any:
    """Select some changes of an operation, in the order of its key.

    They come after that of the task `after`, or first after an empty text.
    """
    follows = changed.task_id > bindparam("after", type_=Text)
    found = select(CHANGE).where(mine, follows).order_by(changed.task_id)
    return found.limit(bindparam("most", type_=Integer))


def _choosing() -> dict[str, Expression]:
    """Select the operation to take back; by the name in `choices`."""
    found = {}
    for name, where in choices().items():
        fitting = select(OPERATION).where(operation.user_id == _USER, *where)
        latest = fitting.order_by(operation.number.desc()).limit(_ONE)
        found[f"{name}_chosen"] = latest
    return found


def _setting() -> dict[str, Expression]:
    """Set one field of a task, and what depends on it; by `set_FIELD`."""
    is_this = task.id == bindparam("the_id", type_=Identifier)
    found = {}
    for name in SET:
        columns = [task[name]]
        if name == "completed":
            # A rule of the table compares both.
            columns.append(task.completed_at)
        if f"{name}_folded" in task:
            columns.append(task[f"{name}_folded"])
        values = {each.key: _given(each) for each in columns}
        found[f"set_{name}"] = update(TASK).where(is_this).values(values)
    stamps = {"updated_at": _NOW, "version": task.version + _ONE}
    found["stamp"] = update(TASK).where(is_this).values(stamps)
    return found


def facts() -> dict[str, Expression]:
    """Return the queries of `todo doctor`, by name.

    `size_of_history` counts the user's tasks in the trash, operations, and what
    these did to single tasks. `operations_behind` looks at the first `users`
    counters.
    """
    in_trash = task.state == literal_column(str(IN_TRASH), Integer)
    found = [
        _count_mine(TASK, in_trash),
        _count_mine(OPERATION),
        _count_mine(CHANGE),
    ]
    users = bindparam("users", type_=Integer)
    some = select(COUNTER).order_by(counter.user_id).limit(users)
    first = some.subquery("some")
    is_behind = first.c.operations < last_number(first.c.user_id)
    behind = select(first.c.user_id).where(is_behind)
    return {
        "size_of_history": select(*found),
        "operations_behind": behind.order_by(first.c.user_id).limit(MOST),
    }


def _count_mine(rows: Table, *where: Any) -> ColumnElement[int]:
    """Count the user's rows of a table that fit."""
    mine = rows.c.user_id == _USER
    counted = select(func.count()).select_from(rows).where(mine, *where)
    return counted.scalar_subquery()


def copying(dialect: "Dialect") -> dict[str, Expression]:
    """Return the queries with which an import looks for histories, by name.

    `operations_with` takes two lists instead of pairs, as `given_numbers`.
    """
    theirs = operation.user_id == counter.user_id
    is_there = select(_ONE).where(theirs).correlate(COUNTER).exists()
    is_user = dialect.within(counter.user_id, "users")
    is_known = dialect.within(operation.user_id, "users")
    has_number = dialect.within(operation.number, "numbers")
    columns = (operation.user_id, operation.number, operation.id)
    return {
        # Every user of an import has a counter by then.
        "with_history": select(counter.user_id).where(is_user, is_there),
        "operations_with": select(*columns).where(is_known, has_number),
    }


def insertions(dialect: "Dialect") -> dict[str, Expression]:
    """Return the queries that note an operation with many tasks, by name."""
    heading = {each.key: _given(each) for each in OPERATION.c}
    of_task = {each.key: _given(each) for each in CHANGE.c}
    return {
        "next_operation": counting(dialect, true()),
        "insert_operation": insert(OPERATION).values(heading),
        "insert_change": insert(CHANGE).values(of_task),
    }


def _given(column: Any) -> Any:
    """Return a parameter with a prefix: SQLAlchemy reserves the plain names."""
    return bindparam(f"the_{column.key}", type_=column.type)
