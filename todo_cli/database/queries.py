"""Every query of the product, as an expression of SQLModel and SQLAlchemy.

Nothing here runs when a command does: `build.py` writes the text of each query
for both stores to `statements/`, and `run.py` runs that. Values stay open, as
named parameters. A list of numbers or ids is one parameter, so that a
statement is the same for any number.

The stores differ in three places: how a list is one value, the INSERT that
knows ON CONFLICT, and that SQLite has no INSERT inside of another statement.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Integer,
    Label,
    Select,
    String,
    Table,
    Text,
    any_,
    bindparam,
    case,
    cast,
    column,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    table,
    true,
    tuple_,
    union,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel

from todo_cli.database import owner
from todo_cli.database.ddl import VERSION_TABLE
from todo_cli.database.listing import COUNTED_UP_TO
from todo_cli.database.tables import CounterRow, Instant, TaskRow
from todo_cli.task import Task, TaskChange

Expression = Any
"""What SQLAlchemy can compile: a SELECT, INSERT, UPDATE or DELETE."""

TASK: Final = TaskRow.__table__  # type: ignore[attr-defined]  # SQLModel declares it, untyped
COUNTER: Final = CounterRow.__table__  # type: ignore[attr-defined]
TASK_NAMES: Final = tuple(field.name for field in fields(Task))
COLUMNS: Final = tuple(TASK.c[name] for name in TASK_NAMES)
CHANGEABLE: Final = tuple(field.name for field in fields(TaskChange))

_USER: Final = bindparam("user", type_=Text)
_NOW: Final = bindparam("now", type_=Instant)
_MINE: Final = TASK.c.user_id == _USER
_TRUE: Final = literal_column("true", Boolean)
_FALSE: Final = literal_column("false", Boolean)
_ONE: Final = literal_column("1", Integer)
_ZERO: Final = literal_column("0", Integer)


class PostgresDialect:
    """What PostgreSQL writes in its own way."""

    name = "postgresql"
    insert = staticmethod(postgresql.insert)

    def within(self, left: Any, name: str, kind: Any) -> ColumnElement[bool]:
        """Whether a column has one of the values of a parameter that is an
        array.
        """
        is_one_of: ColumnElement[bool] = left == any_(self._array(name, kind))
        return is_one_of

    def items(self, name: str) -> Any:
        """A parameter that is an array of numbers, as a table of `key` and
        `value`.
        """
        unnested = func.unnest(self._array(name, Integer))
        return unnested.table_valued(
            "value", with_ordinality="key"
        ).render_derived()

    def _array(self, name: str, kind: Any) -> ColumnElement[Any]:
        """A parameter that is an array of texts, of which PostgreSQL makes the
        kind.

        asyncpg knows this array alone without asking the server what it is.
        """
        return cast(bindparam(name, type_=ARRAY(Text)), ARRAY(kind))


class SqliteDialect:
    """What SQLite writes in its own way."""

    name = "sqlite"
    insert = staticmethod(sqlite.insert)

    def within(self, left: Any, name: str, kind: Any) -> ColumnElement[bool]:
        """Whether a column has one of the values of a parameter that is a JSON
        array.
        """
        is_one_of: ColumnElement[bool] = left.in_(
            select(self.items(name).c.value)
        )
        return is_one_of

    def items(self, name: str) -> Any:
        """A parameter that is a JSON array, as a table of `key` and
        `value`.
        """
        array = bindparam(name, type_=Text)
        return func.json_each(array).table_valued("key", "value", name=name)


Dialect = PostgresDialect | SqliteDialect


def statements(dialect: Dialect) -> dict[str, Expression]:
    """Every query of fixed text, by the name under which it is run."""
    found = _of_tasks(dialect) | _of_the_store() | _of_transfer(dialect)
    if isinstance(dialect, PostgresDialect):
        return found | _of_a_server(dialect)
    return found | _of_a_file()


def _of_tasks(dialect: Dialect) -> dict[str, Expression]:
    stored = select(*COLUMNS)
    return {
        "by_id": _single("id"),
        "by_number": _single("number"),
        "named": _named(dialect),
        "remove": _remove(dialect),
        "reserve": _reserve(dialect),
        "stored": stored.where(
            dialect.within(TASK.c.id, "ids", TASK.c.id.type)
        ),
        "insert": insert(TASK).values(_open(COLUMNS)),
    }


def _of_the_store() -> dict[str, Expression]:
    return {
        "ping": select(_ONE),
        "version": select(VERSION_TABLE.c.version_num),
        "contents": _contents(),
        "last_number": select(COUNTER.c.last).where(
            COUNTER.c.user_id == _USER
        ),
    }


def _of_a_server(dialect: PostgresDialect) -> dict[str, Expression]:
    return {
        "add": _addition(dialect),
        "owners": owner.owners(),
        "relations": owner.relations(),
        "role_without_rights": owner.role_without_rights(),
        "open_schemas": owner.open_schemas(),
        "server": _server(),
    }


def _of_a_file() -> dict[str, Expression]:
    return {
        "relations": _sqlite_relations(),
        "marks": _sqlite_marks(),
        "sqlite_version": select(func.sqlite_version()),
    }


# One task, or those that a command names


def _single(key: str) -> Select[Any]:
    """Select one task of the user by its id or number."""
    given = bindparam("key", type_=TASK.c[key].type)
    return select(*COLUMNS).where(_MINE, TASK.c[key] == given)


def _is_named(dialect: Dialect) -> ColumnElement[bool]:
    is_number = dialect.within(TASK.c.number, "numbers", Integer)
    return or_(is_number, dialect.within(TASK.c.id, "ids", TASK.c.id.type))


def _named(dialect: Dialect) -> Select[Any]:
    """Select the tasks of the user that have one of the numbers or ids, by
    number.
    """
    return (
        select(*COLUMNS)
        .where(_MINE, _is_named(dialect))
        .order_by(TASK.c.number)
    )


def _locked(dialect: Dialect) -> Any:
    """The rows that a command names, locked in the order of their numbers.

    So crossing calls do not deadlock, and no half of a call is done beside a
    concurrent delete. SQLite has one writer at a time: it knows no lock, and
    needs none.
    """
    named = select(TASK.c.id, TASK.c.number).where(_MINE, _is_named(dialect))
    return named.order_by(TASK.c.number).with_for_update().cte("mine")


def _all_there(dialect: Dialect, locked: Any) -> list[ColumnElement[bool]]:
    """That no task named alone is missing, and that no range is empty."""
    count = select(func.count()).select_from(locked)
    singles = count.where(dialect.within(locked.c.number, "singles", Integer))
    ids = count.where(dialect.within(locked.c.id, "ids", TASK.c.id.type))
    return [
        singles.scalar_subquery() == bindparam("single_count", type_=Integer),
        ids.scalar_subquery() == bindparam("id_count", type_=Integer),
        ~_empty_ranges(dialect, locked).exists(),
    ]


def _empty_ranges(dialect: Dialect, locked: Any) -> Select[Any]:
    """Select the ranges in which there is no task.

    Two lists of the same length, `starts` and `stops`, say what the ranges
    are.
    """
    starts = dialect.items("starts")
    stops = dialect.items("stops")
    is_after_start = locked.c.number >= starts.c.value
    is_before_stop = locked.c.number < stops.c.value
    inside = select(locked.c.id).where(is_after_start, is_before_stop)
    ranges = starts.join(stops, starts.c.key == stops.c.key)
    return select(_ONE).select_from(ranges).where(~inside.exists())


def _remove(dialect: Dialect) -> Expression:
    """Delete every task named, all or nothing, and return them as they
    were.
    """
    locked = _locked(dialect)
    of_these = TASK.c.id.in_(select(locked.c.id))
    statement = delete(TASK).where(
        _MINE, of_these, *_all_there(dialect, locked)
    )
    return statement.returning(*COLUMNS)


# Changing: a frame, and what is set

COMPLETED: Final = bindparam("completed", type_=Boolean)


def given(field: str) -> ColumnElement[Any]:
    """The new value of a field, as a parameter of its name."""
    return bindparam(field, type_=TASK.c[field].type)


def assignments(field: str) -> dict[str, ColumnElement[Any]]:
    """The columns that a change of a field sets. A task that is done keeps its
    time.
    """
    found: dict[str, ColumnElement[Any]] = {field: given(field)}
    if field == "completed":
        kept = func.coalesce(TASK.c.completed_at, _NOW)
        found["completed_at"] = case((COMPLETED, kept), else_=None)
    return found


def moment(fields: Sequence[str], otherwise: Any = TASK.c.updated_at) -> Any:
    """The new `updated_at`: it moves on the rows where a value really
    changes.
    """
    differences = [
        TASK.c[field].is_distinct_from(given(field)) for field in fields
    ]
    return case(*((differs, _NOW) for differs in differences), else_=otherwise)


def change(dialect: Dialect, values: Mapping[str, Any]) -> Expression:
    """Set columns on every task named, all or nothing.

    Only the columns of the fields to change are named: SQLite would check the
    others, too, and another program may have stored what our rules refuse.
    """
    locked = _locked(dialect)
    of_these = TASK.c.id.in_(select(locked.c.id))
    statement = update(TASK).where(
        _MINE, of_these, *_all_there(dialect, locked)
    )
    return statement.values(dict(values)).returning(*COLUMNS)


# Adding


def _open(columns: Iterable[Column[Any]], prefix: str = "") -> dict[str, Any]:
    """Columns by their names, each with a parameter of its name."""
    return {
        each.name: bindparam(f"{prefix}{each.name}", type_=each.type)
        for each in columns
    }


def _highest(user: Any) -> ColumnElement[int]:
    """The highest number among the tasks of a user, 0 without any."""
    highest = select(func.max(TASK.c.number)).where(TASK.c.user_id == user)
    return func.coalesce(highest.scalar_subquery(), _ZERO)


def _further(proposed: ColumnElement[int], numbers: Any) -> ColumnElement[int]:
    """Where a counter moves to: `numbers` on, or to the number proposed.

    The latter is further where a table was restored and the counter lags
    behind.
    """
    next_number = COUNTER.c.last + numbers
    return case((next_number < proposed, proposed), else_=next_number)


def _reserve(dialect: Dialect) -> Expression:
    """Move the user's counter on by `count`, lock it, and return the last
    number given.
    """
    count = bindparam("count", type_=Integer)
    first = select(_USER, _highest(_USER) + count)
    counter = dialect.insert(COUNTER).from_select(["user_id", "last"], first)
    moved = counter.on_conflict_do_update(
        index_elements=["user_id"],
        set_={"last": _further(counter.excluded.last, count)},
    )
    return moved.returning(COUNTER.c.last)


def _addition(dialect: PostgresDialect) -> Expression:
    """Store one task under the user's next number, or find the one that has
    its id.

    One statement, so one round trip: the counter moves only if the id is new.
    No row comes back if another user has the id. `is_new` tells the two other
    cases apart.
    """
    given = _open(COLUMNS, "the_")
    stored = select(TASK.c.number).where(TASK.c.id == given["id"])
    counted = _next_number(dialect, given["user_id"], ~stored.exists())
    number = select(counted.c.last).scalar_subquery()
    values = given | {
        "number": func.coalesce(number, stored.scalar_subquery())
    }
    new = dialect.insert(TASK).values(values)
    found = new.on_conflict_do_update(
        index_elements=["id"],
        set_={"id": new.excluded.id},
        where=TASK.c.user_id == new.excluded.user_id,
    )
    return found.returning(*COLUMNS, (TASK.c.number == number).label("is_new"))


def _next_number(
    dialect: PostgresDialect, user: Any, is_new: ColumnElement[bool]
) -> Any:
    """The counter of a user, moved on by one where a task is new; else no
    row.
    """
    first = select(user, _highest(user) + _ONE).where(is_new)
    counter = dialect.insert(COUNTER).from_select(["user_id", "last"], first)
    moved = counter.on_conflict_do_update(
        index_elements=["user_id"],
        set_={"last": _further(counter.excluded.last, _ONE)},
    )
    return moved.returning(COUNTER.c.last).cte("given")


# Lists: a frame, and what fills it

_CREATED_AT: Final = bindparam("created_at", type_=Instant)
_NUMBER: Final = bindparam("number", type_=Integer)
_NEWEST: Final = (TASK.c.created_at, TASK.c.number)
_WITH_STATUS: Final = (TASK.c.completed, *_NEWEST)

CLAUSES: Final[dict[str, ColumnElement[bool]]] = {
    "open": TASK.c.completed < _TRUE,
    "done": TASK.c.completed > _FALSE,
    "after": tuple_(*_NEWEST) < tuple_(_CREATED_AT, _NUMBER),
    "after_open": tuple_(*_WITH_STATUS) < tuple_(_FALSE, _CREATED_AT, _NUMBER),
    "after_done": tuple_(*_WITH_STATUS) < tuple_(_TRUE, _CREATED_AT, _NUMBER),
}
"""Conditions of lists, each compiled alone and joined by AND when a list is
read.

A status is written as one bound: PostgreSQL would see through `completed =
true`, take the index without the column, and walk all rows of the user in
search of the few. A place in the list is compared by all columns of its order,
so that the index leads straight to it.
"""

ORDERS: Final[dict[str, Sequence[ColumnElement[Any]]]] = {
    "newest": [each.desc() for each in _NEWEST],
    "newest_of_status": [each.desc() for each in _WITH_STATUS],
}
"""Orders of lists; that of a status begins with it, as the index does."""

MOST: Final = bindparam("most", type_=Integer)


def page(
    clauses: Iterable[ColumnElement[bool]],
    order: Iterable[ColumnElement[Any]],
    most: ColumnElement[int] | None,
) -> Select[Any]:
    """Select the tasks of a list and both counts of the user, in one
    statement.
    """
    mine = select(*COLUMNS).where(_MINE, *clauses).order_by(*order)
    shown = (
        mine.limit(most).subquery("page")
        if most is not None
        else mine.subquery("page")
    )
    counts = select(_count("open"), _count("done")).subquery("counts")
    together = counts.outerjoin(shown, true())
    return select(*counts.c, *shown.c).select_from(together)


def _count(status: str) -> Label[int]:
    """How many tasks of the user have a status, up to `COUNTED_UP_TO` + 1.

    In the order of the index, which PostgreSQL would not take without it.
    """
    rows = select(_ONE).where(_MINE, CLAUSES[status])
    few = rows.order_by(*ORDERS["newest_of_status"])
    stop = literal_column(str(COUNTED_UP_TO + 1), Integer)
    counted = select(func.count()).select_from(few.limit(stop).subquery())
    return counted.scalar_subquery().label(f"{status}_count")


# What `todo doctor` asks


def _contents() -> Expression:
    """Select how many tasks the user has, and the highest number among
    them.
    """
    highest = func.coalesce(func.max(TASK.c.number), _ZERO)
    return select(func.count(), highest).select_from(TASK).where(_MINE)


def _server() -> Select[Any]:
    """Select our role, whether it bypasses policies, the server's clock and
    `read_only`.
    """
    roles = table(
        "pg_roles",
        column("rolname"),
        column("rolsuper"),
        column("rolbypassrls"),
        schema="pg_catalog",
    )
    me: ColumnElement[Any] = literal_column("current_user")
    is_free = select(or_(roles.c.rolsuper, roles.c.rolbypassrls))
    return select(
        cast(me, Text),
        is_free.where(roles.c.rolname == me).scalar_subquery(),
        cast(func.clock_timestamp(), DateTime(timezone=True)),
        func.current_setting(literal_column("'transaction_read_only'")),
    )


def _sqlite_relations() -> Select[Any]:
    return select(table("sqlite_master", column("name", String)).c.name)


def _sqlite_marks() -> Select[Any]:
    """Select the two numbers of the header that `sidecars.py` marks
    transactions with.
    """
    count = table("pragma_user_version", column("user_version"))
    files = table("pragma_application_id", column("application_id"))
    both = count.join(files, true())
    return select(count.c.user_version, files.c.application_id).select_from(
        both
    )


# `todo db import`


def _of_transfer(dialect: Dialect) -> dict[str, Expression]:
    """What `todo db import` reads and writes; a new table needs nothing more
    here.
    """
    found: dict[str, Expression] = {}
    for each in SQLModel.metadata.sorted_tables:
        found[f"read_{each.name}"] = _read(each)
        found[f"copy_{each.name}"] = _copy(dialect, each)
    by_id = dialect.within(TASK.c.id, "ids", TASK.c.id.type)
    return found | {
        "known_users": union(_known(dialect, COUNTER), _known(dialect, TASK)),
        "raise_counter": _raise_counter(dialect),
        "catch_up": _catch_up(dialect),
        "owners_of": select(TASK.c.id, TASK.c.user_id, TASK.c.number).where(
            by_id
        ),
        "any_task": select(TASK.c.id).limit(_ONE),
    }


def _read(each: Table) -> Select[Any]:
    """Select every row of a table, in the same order each time."""
    keys = each.primary_key.columns
    order = (TASK.c.user_id, TASK.c.number) if each is TASK else keys
    return select(*each.c).order_by(*order)


def _copy(dialect: Dialect, each: Table) -> Expression:
    """Store a row whose key is not there yet.

    A number of a task that is taken is an error, and not passed over.
    """
    copied = dialect.insert(each).values(_open(each.c))
    return copied if each is TASK else copied.on_conflict_do_nothing()


def _known(dialect: Dialect, each: Table) -> Select[Any]:
    """Select the users of a table among those given."""
    user = each.c.user_id
    return select(user).where(dialect.within(user, "users", Text))


def _raise_counter(dialect: Dialect) -> Expression:
    """Store a counter, or move the one that is there on; it never goes
    back.
    """
    new = dialect.insert(COUNTER).values(_open(COUNTER.c))
    is_higher = new.excluded.last > COUNTER.c.last
    last = case((is_higher, new.excluded.last), else_=COUNTER.c.last)
    return new.on_conflict_do_update(
        index_elements=["user_id"], set_={"last": last}
    )


def _catch_up(dialect: Dialect) -> Expression:
    """Move counters on that are behind the tasks of their users."""
    highest = select(func.max(TASK.c.number))
    of_user = highest.where(
        TASK.c.user_id == COUNTER.c.user_id
    ).scalar_subquery()
    is_user = dialect.within(COUNTER.c.user_id, "users", Text)
    behind = update(COUNTER).where(is_user, COUNTER.c.last < of_user)
    return behind.values(last=of_user)
