"""Every query of the product, as a SQLModel or SQLAlchemy expression.

Commands do not import this module. `build.py` compiles each query for both
stores into `statements/`, and `run.py` runs the compiled text. Values are
named parameters. A list of numbers or ids is one parameter, so a statement has
the same text for a list of any length.

The stores differ in three places: how a list is passed as one value, the
INSERT with ON CONFLICT, and INSERT inside another statement, which SQLite
lacks.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    ColumnElement,
    Integer,
    LargeBinary,
    Select,
    String,
    Table,
    Text,
    and_,
    any_,
    bindparam,
    case,
    cast,
    column,
    delete,
    func,
    insert,
    literal_column,
    not_,
    or_,
    select,
    table,
    true,
    tuple_,
    type_coerce,
    union,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import aggregate_order_by

from todo_cli import rules
from todo_cli.database import (
    file_queries,
    history_queries,
    lists,
    owner,
    stats_queries,
    token_queries,
)
from todo_cli.database.ddl import VERSION_TABLE
from todo_cli.database.tables import (
    IN_TRASH,
    REFUSED,
    REFUSED_IN_LINES,
    ByCodePoint,
    CounterRow,
    Day,
    Identifier,
    Instant,
    Names,
    TagRow,
    TaskRow,
    Values,
    copied,
    stored,
)
from todo_cli.task import Task

Expression = Any
"""Anything that SQLAlchemy can compile: a SELECT, INSERT, UPDATE or DELETE."""

TASK: Final = TaskRow.__table__  # type: ignore[attr-defined]  # SQLModel declares it, untyped
COUNTER: Final = CounterRow.__table__  # type: ignore[attr-defined]
TAG: Final = TagRow.__table__  # type: ignore[attr-defined]
TASK_NAMES: Final = tuple(field.name for field in fields(Task))
# In the order of the shape, so that a row is unpacked into a `Task` directly.
COLUMNS: Final = tuple(TASK.c[name] for name in TASK_NAMES)
# What search and sorting need; `fold.py` makes them.
FOLDED: Final = tuple(each for each in TASK.c if each.name.endswith("_folded"))

# The columns, for expressions that read like SQL: `task.number`.
task: Final = TASK.c
counter: Final = COUNTER.c
tag: Final = TAG.c


def _number(name: str) -> Any:
    """A parameter that is an integer."""
    return bindparam(name, type_=Integer)


_USER: Final = bindparam("user", type_=Text)
_NOW: Final = bindparam("now", type_=Instant)
_MINE: Final = task.user_id == _USER
_IS_TAGGED: Final = and_(
    tag.user_id == _USER, tag.name == bindparam("tag", type_=Text)
)
# Constants are literals: a bound value would be lost in the compiled text, and
# `build.py` refuses it.
_TRUE: Final = literal_column("true", Boolean)
_FALSE: Final = literal_column("false", Boolean)
_ONE: Final = literal_column("1", Integer)
_ZERO: Final = literal_column("0", Integer)
MOST: Final = _number("most")


def _text_flaws(
    text: ColumnElement[Any], longest: int, refused: str
) -> list[ColumnElement[bool]]:
    """Conditions on PostgreSQL: the text is too long, or has wrong characters.

    The same as in the CHECKs, but with every name qualified: a CHECK is parsed
    when it is made, and a statement each time, on the caller's search_path.
    """
    most = literal_column(str(longest), Integer)
    pattern: Any = literal_column(f"'{refused}'")
    matches = text.op("~", is_comparison=True)
    return [func.length(text) > most, matches(pattern)]


class PostgresDialect:
    """The SQL that only PostgreSQL understands."""

    name = "postgresql"
    key: ColumnElement[Any] = task.id
    """What lists find tasks by."""
    insert = staticmethod(postgresql.insert)
    line_feed: ColumnElement[Any] = func.chr(
        literal_column("10", Integer), type_=Text
    )

    def looked_up(self, name: str, id: Any, kind: Any) -> ColumnElement[Any]:
        """Look an id up in a parameter, a JSON object; NULL if it lacks it."""
        # PostgreSQL sorts the keys of `jsonb`, and searches them quickly.
        given = cast(bindparam(name, type_=Text), postgresql.JSONB)
        found: ColumnElement[Any] = given.op("->>", return_type=Text())(
            cast(id, Text)
        )
        return found if kind is Text else cast(found, kind)

    def new_tags(self) -> Any:
        """Select the parameters `new_tags` and `new_folded`, pair by pair."""
        names = self._ordered("new_tags")
        folded = self._ordered("new_folded")
        both = names.join(folded, names.c.key == folded.c.key)
        columns = (names.c.value.label("name"), folded.c.value.label("folded"))
        return select(*columns).select_from(both).subquery("given")

    def _ordered(self, parameter: str) -> Any:
        """Expand an array parameter of texts to rows of `key` and `value`."""
        unnested = func.unnest(bindparam(parameter, type_=ARRAY(Text)))
        items = unnested.table_valued(
            "value", with_ordinality="key", name=parameter
        )
        return items.render_derived()

    def counted(self, new: Any) -> Expression:
        """Return something for each task: asyncpg counts no rows otherwise."""
        return new.returning(task.number)

    def without_index(self, column: Column[Any]) -> ColumnElement[Any]:
        """Return a column as it is: PostgreSQL knows what an index costs."""
        return column

    def within(self, left: Any, name: str) -> ColumnElement[bool]:
        """Test whether a column equals an element of an array parameter."""
        values = any_(self._array(name, left.type))
        is_one_of: ColumnElement[bool] = left == values
        return is_one_of

    def is_ranked(self, rank: ColumnElement[Any]) -> ColumnElement[bool]:
        """Test whether a rank is the only one that is asked for."""
        return rank == bindparam("rank", type_=Integer)

    def items(self, name: str) -> Any:
        """Expand an array parameter of numbers to rows of `key` and `value`."""
        unnested = func.unnest(self._array(name, Integer))
        items = unnested.table_valued("value", with_ordinality="key")
        return items.render_derived()

    def instants(self, name: str) -> Any:
        """Expand an array parameter of times to rows of `key` and `value`."""
        unnested = func.unnest(self._array(name, Instant))
        value: Any = column("value", Instant)
        items = unnested.table_valued(value, with_ordinality="key", name=name)
        return items.render_derived()

    def names(self, parameter: str, name: str) -> Any:
        """Select the elements of an array parameter of texts, as `value`."""
        return self._elements(bindparam(parameter, type_=ARRAY(Text)), name)

    def _elements(self, array: ColumnElement[Any], name: str) -> Any:
        """Expand an array to rows of `value`; `name` is that of the rows."""
        unnested = func.unnest(array).table_valued("value", name=name)
        return unnested.render_derived()

    def tags_of(self, names: ColumnElement[Any], name: str) -> Any:
        """Expand a column of names to rows of `value`."""
        unnested = func.unnest(names, type_=Text)
        return unnested.table_valued("value", name=name).render_derived()

    def can_change(self) -> ColumnElement[bool]:
        """Whether a row keeps the rules for times.

        Every change of a row checks all its rules, and rows of older stores can
        break these.
        """
        return lists.within(rules.FIRST_YEAR, rules.END_YEAR)

    def lacks(
        self, names: ColumnElement[Any], parameter: str
    ) -> ColumnElement[bool]:
        """Test whether an array lacks an element of a parameter."""
        given = bindparam(parameter, type_=ARRAY(Text))
        contains: Any = names.op("@>", is_comparison=True)
        is_missing: ColumnElement[bool] = not_(contains(given))
        return is_missing

    def has_one(
        self, names: ColumnElement[Any], parameter: str
    ) -> ColumnElement[bool]:
        """Test whether an array has an element of a parameter."""
        given = bindparam(parameter, type_=ARRAY(Text))
        overlaps: Any = names.op("&&", is_comparison=True)
        is_overlapping: ColumnElement[bool] = overlaps(given)
        return is_overlapping

    def has(
        self, names: ColumnElement[Any], name: ColumnElement[Any]
    ) -> ColumnElement[bool]:
        """Test whether an array has a name."""
        is_there: ColumnElement[bool] = name == any_(names)
        return is_there

    def changed_names(self, names: ColumnElement[Any]) -> ColumnElement[Any]:
        """Add the parameter `added` to an array, and take `removed` from it."""
        added = bindparam("added", type_=ARRAY(Text))
        removed = bindparam("removed", type_=ARRAY(Text))
        both = self._elements(func.array_cat(names, added), "both")
        is_removed = both.c.value == any_(removed)
        kept = select(both.c.value).where(not_(is_removed)).distinct()
        values = kept.subquery("kept")
        each = ByCodePoint(values.c.value)
        ordered = func.array_agg(aggregate_order_by(values.c.value, each))
        gathered = select(ordered).select_from(values).scalar_subquery()
        none: Any = literal_column("'{}'", ARRAY(Text))
        return func.coalesce(gathered, none, type_=Names)

    def is_either(
        self, column: ColumnElement[Any], numbers: Sequence[int]
    ) -> ColumnElement[bool]:
        """Test whether a column is one of some numbers."""
        listed = ",".join(str(number) for number in numbers)
        array: Any = literal_column(f"'{{{listed}}}'", Text)
        is_one: ColumnElement[bool] = column == any_(
            cast(array, ARRAY(Integer))
        )
        return is_one

    def contains(
        self, text: ColumnElement[Any], pattern: ColumnElement[Any]
    ) -> ColumnElement[bool]:
        """Test whether a text contains a pattern of LIKE."""
        is_like: ColumnElement[bool] = text.op("~~", is_comparison=True)(
            pattern
        )
        return is_like

    def few_with_tag(self, where: Any, most: ColumnElement[int]) -> Any:
        """Select the ids of some of the user's tasks with the parameter `tag`."""
        fitting = self._task_of_tag(where)
        found = select(fitting.c.id.label("id")).select_from(TAG, fitting)
        # In the order of the index, or it could read all tags of all users.
        return found.where(_IS_TAGGED).order_by(tag.task_id).limit(most)

    def _task_of_tag(self, where: Any) -> Any:
        """Select the user's task that a row of tags leads to, if it fits.

        The LIMIT leaves the server no plan but to look at one task after the
        other until it has enough. It could gather all of a join.
        """
        one = select(task.id.label("id")).correlate(TAG)
        one = one.where(task.id == tag.task_id, _MINE, *where)
        return one.limit(_ONE).lateral("fitting")

    def few_with_word(self, where: Any, most: ColumnElement[int]) -> Any:
        """Select the ids of some of the user's tasks with the parameter `word`.

        Each text has an index. Tags are looked at apart: the server would
        compare each task with all that have such a tag. They are not looked at
        if the texts of enough tasks have the word.
        """
        word = bindparam("word", type_=Text)
        has_word = [task.title_folded.is_(None)]
        for text in FOLDED:
            has_word.append(self.contains(text, word))
        in_text = select(task.id.label("id")).where(_MINE, *where)
        in_text = in_text.where(or_(*has_word)).limit(most)
        in_tag = self._tagged(where, word).limit(most)
        return _until(in_text, in_tag, most)

    def _tagged(self, where: Any, word: ColumnElement[Any]) -> Any:
        """Select the ids of the user's tasks with a tag that has a word.

        Each task once: `most` rows of tags could be those of fewer tasks.
        """
        has_tag = self.has(task.tags, tag.name)
        fitting = self._task_of_tag([has_tag, *where])
        ids = select(tag.task_id.label("id")).distinct()
        return ids.select_from(TAG, fitting).where(
            tag.user_id == _USER, self.contains(tag.folded, word)
        )

    def is_flawed(self, columns: Any) -> ColumnElement[bool]:
        """Test whether a row has a time or a text that our rules refuse.

        asyncpg cannot read a time after the year 9999, and reads `infinity` as
        the last time that Python has. `infinity` is later than `too_late`.
        """
        earliest = bindparam("earliest", type_=Instant)
        too_late = bindparam("too_late", type_=Instant)
        flaws = []
        for name in ("created_at", "updated_at", "completed_at", "deleted_at"):
            flaws += [columns[name] < earliest, columns[name] >= too_late]
        flaws += _text_flaws(columns.title, rules.TITLE_LENGTH, REFUSED)
        flaws += _text_flaws(
            columns.description, rules.DESCRIPTION_LENGTH, REFUSED_IN_LINES
        )
        flaws += _text_flaws(columns.project, rules.PROJECT_LENGTH, REFUSED)
        flaws += self._odd_days(columns)
        flaws.append(self._has_odd_priority(columns.priority))
        flaws.append(columns.version < _ONE)
        flaws.append(self._has_odd_tag(columns.tags))
        return or_(*flaws)

    def _odd_days(self, columns: Any) -> list[ColumnElement[bool]]:
        """Conditions: a day is out of bounds, as `infinity` is."""
        first: Any = literal_column(f"'{rules.FIRST_YEAR}-01-01'", Day)
        last: Any = literal_column(f"'{rules.END_YEAR - 1}-12-31'", Day)
        found = []
        for name in ("due_on", "wait_until"):
            day = columns[name]
            found += [day < first, day > last]
        return found

    def _has_odd_priority(
        self, priority: ColumnElement[Any]
    ) -> ColumnElement[bool]:
        """Test whether a priority is none of ours."""
        is_known = []
        for word in rules.PRIORITIES:
            known: Any = literal_column(f"'{word}'", Text)
            is_known.append(priority == known)
        return not_(or_(*is_known))

    def _has_odd_tag(self, tags: ColumnElement[Any]) -> ColumnElement[bool]:
        """Test whether a name in a column of tags breaks a rule."""
        names = self.tags_of(tags, "odd")
        name = names.c.value
        flaws = _text_flaws(name, rules.TAG_LENGTH, f"^$|[ ,]|{REFUSED}")
        is_odd = or_(name.is_(None), *flaws)
        return select(_ONE).select_from(names).where(is_odd).exists()

    def _array(self, name: str, kind: Any) -> ColumnElement[Any]:
        """Cast a parameter, an array of texts, to an array of another type.

        asyncpg encodes text arrays without asking the server for the type.
        """
        texts = bindparam(name, type_=ARRAY(Text))
        return cast(texts, ARRAY(kind))


class SqliteDialect:
    """The SQL that only SQLite understands."""

    name = "sqlite"
    key: ColumnElement[Any] = literal_column("task.rowid", Integer)
    """What lists find tasks by. Each index has it, and none has the id."""
    insert = staticmethod(sqlite.insert)
    line_feed: ColumnElement[Any] = func.char(
        literal_column("10", Integer), type_=Text
    )

    def looked_up(self, name: str, id: Any, kind: Any) -> ColumnElement[Any]:
        """Look an id up in a parameter, a JSON object; NULL if it lacks it."""
        given = func.json_each(bindparam(name, type_=Text))
        pairs = given.table_valued("key", "value", name="pairs")
        # As text: the part of a statement is compiled alone, and a column
        # would add its table to the FROM of this subquery.
        key: ColumnElement[Any] = literal_column(f"{id.table.name}.{id.name}")
        value = select(pairs.c.value).where(pairs.c.key == key)
        return type_coerce(value.scalar_subquery(), kind)

    def counted(self, new: Any) -> Expression:
        """Leave it as it is: the driver counts the rows."""
        return new

    def without_index(self, column: Column[Any]) -> ColumnElement[Any]:
        """Return a column so that SQLite uses no index for its conditions."""
        return literal_column(
            f"+{column.table.name}.{column.name}", column.type
        )

    def within(self, left: Any, name: str) -> ColumnElement[bool]:
        """Test whether a column equals an element of a JSON array parameter."""
        values = select(self.items(name).c.value)
        is_one_of: ColumnElement[bool] = left.in_(values)
        return is_one_of

    def is_ranked(self, rank: ColumnElement[Any]) -> ColumnElement[bool]:
        """Test whether a rank is the only one that is asked for.

        Not with `=`: SQLite would sort all that have it by their rank.
        """
        return self.within(rank, "ranks")

    def items(self, name: str) -> Any:
        """Expand a JSON array parameter to rows of `key` and `value`."""
        array = bindparam(name, type_=Text)
        return func.json_each(array).table_valued("key", "value", name=name)

    def instants(self, name: str) -> Any:
        """Expand a JSON array parameter of times to rows of `key` and `value`."""
        array = bindparam(name, type_=Text)
        value: Any = column("value", Instant)
        return func.json_each(array).table_valued("key", value, name=name)

    def names(self, parameter: str, name: str) -> Any:
        """Select the elements of a JSON array parameter, as `value`."""
        return self._elements(bindparam(parameter, type_=Text), name)

    def _elements(self, array: ColumnElement[Any], name: str) -> Any:
        """Expand a JSON array to rows of `value`; `name` is that of the rows."""
        return func.json_each(array).table_valued("value", name=name)

    def tags_of(self, names: ColumnElement[Any], name: str) -> Any:
        """Expand a column of names to rows of `value`.

        Another program can store what is no JSON; then there are none.
        """
        is_json = func.json_valid(names) == _ONE
        none: Any = literal_column("'[]'", Text)
        return self._elements(case((is_json, names), else_=none), name)

    def can_change(self) -> ColumnElement[bool]:
        """Whether a row can be changed: always, SQLite checks what changes."""
        return true()

    def lacks(
        self, names: ColumnElement[Any], parameter: str
    ) -> ColumnElement[bool]:
        """Test whether a JSON array lacks an element of a parameter."""
        given = self.names(parameter, "given")
        there = select(self.tags_of(names, "there").c.value)
        missing = given.c.value.not_in(there)
        return select(_ONE).select_from(given).where(missing).exists()

    def has_one(
        self, names: ColumnElement[Any], parameter: str
    ) -> ColumnElement[bool]:
        """Test whether a JSON array has an element of a parameter."""
        given = self.names(parameter, "given")
        there = select(self.tags_of(names, "there").c.value)
        found = given.c.value.in_(there)
        return select(_ONE).select_from(given).where(found).exists()

    def has(
        self, names: ColumnElement[Any], name: ColumnElement[Any]
    ) -> ColumnElement[bool]:
        """Test whether a JSON array has a name."""
        there = self.tags_of(names, "there")
        # Not with IN, for which SQLite makes a table of each array.
        return select(_ONE).where(there.c.value == name).exists()

    def changed_names(self, names: ColumnElement[Any]) -> ColumnElement[Any]:
        """Add the parameter `added` to an array, and take `removed` from it."""
        there = select(self.tags_of(names, "there").c.value)
        added = select(self.names("added", "more").c.value)
        removed = select(self.names("removed", "fewer").c.value)
        both = union(there, added).subquery("both")
        kept = select(both.c.value).where(both.c.value.not_in(removed))
        # SQLite keeps the order of a subquery for an aggregate of this kind.
        ordered = kept.order_by(both.c.value).subquery("kept")
        gathered = func.json_group_array(ordered.c.value, type_=Names)
        return select(gathered).scalar_subquery()

    def is_either(
        self, column: ColumnElement[Any], numbers: Sequence[int]
    ) -> ColumnElement[bool]:
        """Test whether a column is one of some numbers."""
        listed = [literal_column(str(each), Integer) for each in numbers]
        return column.in_(listed)

    def contains(
        self, text: ColumnElement[Any], word: ColumnElement[Any]
    ) -> ColumnElement[bool]:
        """Test whether a text contains a word."""
        return func.instr(text, word, type_=Integer) > _ZERO

    def few_with_tag(self, where: Any, most: ColumnElement[int]) -> Any:
        """Select the keys of some of the user's tasks with the parameter `tag`."""
        mine = TAG.join(TASK, task.id == tag.task_id)
        found = select(self.key.label("id")).select_from(mine)
        return found.where(_IS_TAGGED, _MINE, *where).limit(most)

    def few_with_word(self, where: Any, most: ColumnElement[int]) -> Any:
        """Select the keys of some of the user's tasks with the parameter `word`.

        The index of words has all trigrams of the parameter `match`, and can
        lead to a task twice. `search.py` says what it does not have.
        """
        unfolded = select(task.id).where(_MINE, task.title_folded.is_(None))
        entered = self._entered()
        either = union_all(*entered, unfolded).subquery("either")
        word = bindparam("word", type_=Text)
        # SQLite gathers nothing before it looks at the first task.
        mine = either.join(TASK, true())
        found = select(self.key.label("id")).distinct().select_from(mine)
        return found.where(
            task.id == either.c.id,
            self.without_index(task.user_id) == _USER,
            *where,
            or_(task.title_folded.is_(None), lists.occurs(self, word)),
        ).limit(most)

    def _entered(self) -> Sequence[Any]:
        """Select the ids that the index of words finds, and those it lacks."""
        words = table("task_word", column("rowid", Integer))
        texts = table(
            "task_text", column("number", Integer), column("task_id")
        )
        noted = select(texts.c.task_id.label("id"))
        matches = literal_column("task_word").op("MATCH")(bindparam("match"))
        is_same = texts.c.number == words.c.rowid
        entered = noted.select_from(words.join(texts, is_same)).where(matches)
        last = select(words.c.rowid).order_by(words.c.rowid.desc()).limit(_ONE)
        first_missing = func.coalesce(last.scalar_subquery(), _ZERO)
        missing = noted.where(texts.c.number > first_missing)
        return entered, missing

    def is_flawed(self, columns: Any) -> ColumnElement[bool]:
        """Test with `file_facts.is_readable`, a function in Python.

        Only Python knows whether a text is UTF-8. So it gets bytes, and the
        types of all values in one text.
        """
        kinds: Any = literal_column("''")
        for each in COLUMNS:
            kinds = kinds + func.typeof(columns[each.key], type_=Text)
        values = []
        for each in COLUMNS:
            values.append(cast(columns[each.key], LargeBinary))
        is_readable = func.todo_is_readable(kinds, *values)
        return is_readable == _ZERO


def _until(first: Any, second: Any, most: ColumnElement[int]) -> Any:
    """Select ids of two queries: none of the second if the first has enough."""
    found = first.cte("in_text", nesting=True)
    counted = select(func.count()).select_from(found).scalar_subquery()
    # A LIMIT of 0 reads nothing.
    still = case((counted >= most, _ZERO), else_=most)
    others = second.subquery("in_tag")
    more = select(others.c.id.label("id")).limit(still).subquery("by_tag")
    arms = [select(each.c.id.label("id")) for each in (found, more)]
    return union(*arms).limit(most)


Dialect = PostgresDialect | SqliteDialect


def statements(dialect: Dialect) -> dict[str, Expression]:
    """Return every query of fixed text, by the name that `run.py` uses."""
    parts = [
        _of_tasks(dialect),
        history_queries.insertions(dialect),
        _of_the_store(dialect),
        history_queries.facts(),
        _of_transfer(dialect),
        token_queries.statements(dialect.insert),
    ]
    if isinstance(dialect, PostgresDialect):
        return joined([*parts, _of_a_server(dialect)])
    parts += [
        _of_a_file(),
        file_queries.statements(),
        history_queries.of_a_file(dialect),
    ]
    return joined(parts)


def joined(parts: Sequence[Mapping[str, Expression]]) -> dict[str, Expression]:
    """Join queries by name.

    Raises:
        ValueError: two have one name, so that one would run for the other.
    """
    found: dict[str, Expression] = {}
    for part in parts:
        if twice := found.keys() & part:
            raise ValueError(f"two queries are called {min(twice)}")
        found |= part
    return found


def _of_tasks(dialect: Dialect) -> dict[str, Expression]:
    """Return the queries of single tasks and of tasks that are named.

    Lists and changes are templates: see `lists.py` and `change`.
    """
    is_listed = dialect.within(task.id, "ids")
    return {
        "by_id": _single("id"),
        "by_number": _single("number"),
        "named": _named(dialect),
        "remove": _remove(dialect),
        "remove_trash": _remove(dialect, only_trash=True),
        "history": history_queries.page(),
        "history_of_task": history_queries.page_of_task(),
        "latest_operation": history_queries.latest(),
        "number_of": _number_of(),
        "stats": stats_queries.counts(dialect),
        "old_trash": _old_trash(),
        "reserve": _reserve(dialect),
        # Not limited to the user: an id is unique across all users.
        "stored": select(*COLUMNS).where(is_listed),
        "insert": dialect.counted(
            insert(TASK).values(_open([*COLUMNS, *FOLDED]))
        ),
        "insert_tag": _insert_tag(dialect),
    }


def _of_the_store(dialect: Dialect) -> dict[str, Expression]:
    """Return the queries about the store itself, and those of `todo doctor`."""
    return {
        "ping": select(_ONE),
        # With a limit: another program can put an endless view in its place.
        "version": select(VERSION_TABLE.c.version_num).limit(_ONE),
        "contents": _contents(),
        "counters_behind": _behind(),
        "flawed": _flawed(dialect),
        "unfilled": _unfilled(dialect),
        "unfilled_of": _unfilled(dialect).where(_MINE),
        "untagged_of": _count_of(_untagged_newest(dialect)),
    }


def _of_a_server(dialect: PostgresDialect) -> dict[str, Expression]:
    """Return the queries that only PostgreSQL has.

    It adds a task in one statement, and everything there has an owner.
    """
    undoing = {}
    for name in history_queries.choices():
        undoing[name] = history_queries.taking_back(dialect, name)
    return undoing | {
        "take_turn": _turn(dialect),
        "add": _addition(dialect, tags=False),
        "add_tagged": _addition(dialect, tags=True),
        "beyond_years": beyond_years(),
        **owner.statements(),
        "set": _set(),
        "server": _server(),
        "index_of_words": _index_of_words(),
        **_scans(),
        "unfilled_tasks": _unfilled_tasks(dialect),
        "fill": _fill(),
        "untagged_names": _untagged_names(dialect),
        "fill_tags": _fill_tags(dialect),
        **_for_many(),
    }


def _scans() -> dict[str, Expression]:
    """Select all rows of each table, with the values that a file would have.

    So they are checked as those of a file are. The driver cannot read every
    time, and would fail for all rows.
    """
    found: dict[str, Expression] = {}
    for each in copied():
        values = [_as_in_a_file(column) for column in stored(each)]
        found[f"scan_{each.name}"] = select(*values)
    return found


def _as_in_a_file(column: Column[Any]) -> ColumnElement[Any]:
    """Write a value of PostgreSQL as SQLite stores it, whatever it is."""
    found: ColumnElement[Any] = column
    if isinstance(column.type, Instant):
        utc: ColumnElement[Any] = literal_column("'UTC'", Text)
        zone: ColumnElement[Any] = literal_column("'Z'", Text)
        found = _in_json(func.timezone(utc, column)) + zone
    elif isinstance(column.type, Day):
        found = _in_json(column)
    elif isinstance(column.type, Names):
        found = cast(func.array_to_json(column), Text)
    elif isinstance(column.type, Boolean):
        found = cast(column, Integer)
    elif isinstance(column.type, Identifier | Values):
        found = cast(column, Text)
    return found.label(column.name)


def _in_json(value: ColumnElement[Any]) -> ColumnElement[str]:
    """Write a time or a day as JSON has it, in a form that no setting changes."""
    mark: ColumnElement[Any] = literal_column("'\"'", Text)
    written = cast(func.to_json(value), Text)
    return func.btrim(written, mark, type_=Text)


def _of_a_file() -> dict[str, Expression]:
    """Return the queries that only SQLite has.

    What needs two statements there runs in a transaction.
    """
    return {
        "clear_tags": _clear_tags(),
        "relations": _sqlite_relations(),
        "marks": _sqlite_marks(),
        "sqlite_version": select(func.sqlite_version()),
        "untagged": _count_of(_untagged(SqliteDialect())),
        "fill": _fill_all(),
        "fill_tags": _fill_all_tags(),
    }


# Tasks by id, number or range


def _single(key: str) -> Select[Any]:
    """Select one task of the user by its id or number."""
    given = bindparam("key", type_=task[key].type)
    return select(*COLUMNS).where(_MINE, task[key] == given)


def _is_named(dialect: Dialect) -> ColumnElement[bool]:
    """Whether a task has one of the numbers or ids of the parameters."""
    is_number = dialect.within(task.number, "numbers")
    is_id = dialect.within(task.id, "ids")
    return or_(is_number, is_id)


def _named(dialect: Dialect) -> Select[Any]:
    """Select the user's tasks with one of the numbers or ids, by number."""
    named = select(*COLUMNS).where(_MINE, _is_named(dialect))
    return named.order_by(task.number)


IS_LIVE: Final = task.state != literal_column(str(IN_TRASH), Integer)
"""The condition that a task is not in the trash."""


def _locked(dialect: Dialect, turn: Any, *where: Any) -> Any:
    """Lock the user's counter by `turn`, then the rows that fit; select these.

    The counter puts all who change the user's tasks into a queue. The locks
    prevent that another program leaves half of a call done. SQLite ignores
    them: only one writer runs at a time. Nothing is found for a user without
    a counter.
    """
    columns: tuple[Any, ...] = (task.id, task.number, task.version)
    named = select(*columns).where(_MINE, *where)
    if isinstance(dialect, PostgresDialect):
        # All of them, for the history.
        rest = [each for each in (*COLUMNS, *FOLDED) if each not in columns]
        named = named.add_columns(*rest).where(history_queries.has(turn))
    ordered = named.order_by(task.number)
    return ordered.with_for_update().cte("mine")


def namings(dialect: Dialect) -> dict[str, ColumnElement[bool]]:
    """Return the conditions that name tasks: one by its number or id, or many."""
    return {
        "number": task.number == bindparam("key", type_=Integer),
        "id": task.id == bindparam("key", type_=task.id.type),
        "many": _is_named(dialect),
    }


def all_there(dialect: Dialect, locked: Any) -> ColumnElement[bool]:
    """Whether every single task exists, and no range is empty.

    A task that is named alone needs no such condition.
    """
    # Count the locked rows. A subquery on the table itself would count the
    # snapshot, while the change works on the newest version of each row.
    count = select(func.count()).select_from(locked)
    singles = count.where(dialect.within(locked.c.number, "singles"))
    ids = count.where(dialect.within(locked.c.id, "ids"))
    return and_(
        singles.scalar_subquery() == _number("single_count"),
        ids.scalar_subquery() == _number("id_count"),
        ~_empty_ranges(dialect, locked).exists(),
    )


def _empty_ranges(dialect: Dialect, locked: Any) -> Select[Any]:
    """Select the ranges that contain no task.

    The parameters `starts` and `ends` are lists of equal length, one entry for
    each range. The end is included: one more might not fit the column.
    """
    starts = dialect.items("starts")
    ends = dialect.items("ends")
    is_after_start = locked.c.number >= starts.c.value
    is_before_end = locked.c.number <= ends.c.value
    inside = select(locked.c.id).where(is_after_start, is_before_end)
    ranges = starts.join(ends, starts.c.key == ends.c.key)
    return select(_ONE).select_from(ranges).where(~inside.exists())


def _remove(dialect: Dialect, *, only_trash: bool = False) -> Expression:
    """Delete every named task, all or nothing, and return the deleted rows.

    With `only_trash` those outside the trash and those that are gone are left
    out instead.

    On PostgreSQL the history follows: it forgets their values. It must see all
    of it, so nothing is deleted if something was done while this waited.
    """
    turn = history_queries.held()
    in_trash = task.state == literal_column(str(IN_TRASH), Integer)
    where = [in_trash] if only_trash else []
    locked = _locked(dialect, turn, _is_named(dialect), *where)
    of_these = task.id.in_(select(locked.c.id))
    removing = delete(TASK).where(_MINE, of_these)
    if not only_trash:
        removing = removing.where(all_there(dialect, locked))
    if not isinstance(dialect, PostgresDialect):
        return removing.returning(*COLUMNS)
    seen = removing.where(history_queries.is_seen(turn))
    return _forgotten(seen.returning(*COLUMNS).cte("removed"))


def _forgotten(removed: Any) -> Expression:
    """Select the deleted tasks; the history forgets them, and notes that."""
    forgotten = history_queries.noted(
        history_queries.NONE, history_queries.NONE
    )
    moved = select(removed.c.id, removed.c.number, *forgotten).cte("moved")
    number = history_queries.numbered(moved)
    notes = history_queries.recorded(number, moved)
    blanked = history_queries.blanking(removed)
    columns = [removed.c[name] for name in TASK_NAMES]
    return select(*columns).add_cte(blanked, *notes)


def _old_trash() -> Select[Any]:
    """Select the user's tasks that were moved to the trash before a time."""
    before = bindparam("before", type_=Instant)
    is_trash = task.state == literal_column(str(IN_TRASH), Integer)
    found = select(*COLUMNS).where(_MINE, is_trash, task.deleted_at < before)
    return found.order_by(task.number)


def _number_of() -> Select[Any]:
    """Select the number of the user's task with an id, which may be purged.

    The history of a purged task is searched from its beginning.
    """
    changed = history_queries.changed
    id = bindparam("key", type_=task.id.type)
    now = select(task.number).where(_MINE, task.id == id)
    purged = select(changed.number).where(
        changed.user_id == _USER, changed.task_id == id
    )
    # An id can be given again after a purge.
    latest = purged.order_by(changed.operation.desc()).limit(_ONE)
    earlier = latest.scalar_subquery()
    return select(func.coalesce(now.scalar_subquery(), earlier))


# Changing: a template, and the columns to set

COMPLETED: Final = bindparam("completed", type_=Boolean)
_NOTE: Final = bindparam("note", type_=Text)
_NOTE_FOLDED: Final = bindparam("note_folded", type_=Text)
_NOTHING: Final[Any] = literal_column("''", Text)
TAGGING: Final = ("tags", "retags")
"""The changes of a task's tags: all of them, or some added and some removed."""


def given(field: str) -> ColumnElement[Any]:
    """Return the new value of a field, as a parameter with the field's name."""
    return bindparam(field, type_=task[field].type)


def assignments(dialect: Dialect, field: str) -> dict[str, ColumnElement[Any]]:
    """Return the columns to set for a change, with their values.

    The first column is the one that decides whether anything changes. A task
    that is done already keeps its completion time.
    """
    if field == "titles":
        return {
            "title": dialect.looked_up("titles", task.id, Text),
            "title_folded": dialect.looked_up("folded_titles", task.id, Text),
        }
    if field == "deleted":
        return {"deleted_at": given("deleted_at")}
    if field == "retags":
        return {"tags": dialect.changed_names(task.tags)}
    if field == "note":
        return {
            "description": _appended(dialect, task.description, _NOTE),
            "description_folded": _appended(
                dialect, task.description_folded, _NOTE_FOLDED
            ),
        }
    found: dict[str, ColumnElement[Any]] = {field: given(field)}
    if field == "completed":
        kept = func.coalesce(task.completed_at, _NOW)
        found["completed_at"] = case((COMPLETED, kept), else_=None)
    folded = f"{field}_folded"
    if folded in task:
        found[folded] = given(folded)
    return found


def _appended(
    dialect: Dialect, text: ColumnElement[Any], line: ColumnElement[Any]
) -> ColumnElement[Any]:
    """Add a line to a text, which may be none."""
    before = func.coalesce(text + dialect.line_feed, _NOTHING, type_=Text)
    return before + line


CHANGES: Final = (
    "title",
    "titles",
    "description",
    "completed",
    "due_on",
    "wait_until",
    "priority",
    "project",
    "tags",
    "retags",
    "note",
    "deleted",
)
"""What one change can do; `tasks.py` translates a `TaskChange` into these."""


def differs(dialect: Dialect, fields: Sequence[str]) -> Any:
    """Return the condition that a change of these changes something."""
    found = []
    for field in fields:
        column, value = next(iter(assignments(dialect, field).items()))
        # `<>` would be NULL where one of the values is.
        found.append(task[column].is_distinct_from(value))
    return or_(*found)


def stamps(dialect: Dialect, fields: Sequence[str]) -> dict[str, Any]:
    """Return `updated_at` and `version`, which move only if anything differs."""
    return stamped(differs(dialect, fields))


def stamped(is_changed: Any) -> dict[str, Any]:
    """Return the same for a condition."""
    return {
        "updated_at": case((is_changed, _NOW), else_=task.updated_at),
        "version": task.version + case((is_changed, _ONE), else_=_ZERO),
    }


def is_held(dialect: Dialect, locked: Any) -> ColumnElement[bool]:
    """Test whether every task has the version that `versions` has for it."""
    version = dialect.looked_up("versions", locked.c.id, Integer)
    is_other = locked.c.version.is_distinct_from(version)
    others = select(_ONE).select_from(locked).where(is_other)
    return ~others.exists()


def is_version(_: Dialect, locked: Any) -> ColumnElement[bool]:
    """Test whether every task has the version of the parameter."""
    wanted = _number("if_version")
    others = select(_ONE).select_from(locked).where(locked.c.version != wanted)
    return ~others.exists()


Noted = tuple[ColumnElement[Any], ColumnElement[Any]]
"""Objects of the old and the new values of a row, on PostgreSQL."""


def difference(field: str, old: Any, new: Any) -> Noted:
    """Return objects of the old and new values of what one change sets."""
    names = list(assignments(PostgresDialect(), field))
    return history_queries.difference(names, old, new)


def differences(fields: Sequence[str], old: Any, new: Any) -> Noted:
    """Return the same of several changes."""
    parts = [difference(field, old, new) for field in fields]
    olds = history_queries.Joined(*[each for each, _ in parts])
    return olds, history_queries.Joined(*[each for _, each in parts])


def change(
    dialect: Dialect,
    values: Mapping[str, Any],
    between: Callable[[Any, Any], Noted],
    where: Sequence[ColumnElement[bool]],
    *,
    tags: bool = False,
    held: Sequence[Callable[[Dialect, Any], ColumnElement[bool]]] = (),
) -> Expression:
    """Set columns on every task that fits, all or nothing; return the new rows.

    `where` are conditions of `namings`, and `IS_LIVE`. `held` makes further
    conditions on all of them: `all_there`, `is_held`, `is_version`. `between`
    is for the history, which follows on PostgreSQL in the same statement, as
    does with `tags` the table of tags.

    Only the columns of the changed fields are set. SQLite would also check the
    other columns, where another program may have stored values that our CHECKs
    refuse.
    """
    locked = _locked(dialect, history_queries.held(), *where)
    is_this: ColumnElement[bool] = task.id == locked.c.id
    if isinstance(dialect, SqliteDialect):
        is_this = task.id.in_(select(locked.c.id))
    conditions = [each(dialect, locked) for each in held]
    statement = update(TASK).where(_MINE, is_this, *conditions)
    changing = statement.values(dict(values))
    if isinstance(dialect, SqliteDialect):
        return changing.returning(*COLUMNS)
    noted = between(locked.c, task)
    return _recorded(dialect, changing, locked, noted, tags=tags)


def _recorded(
    dialect: PostgresDialect,
    changing: Any,
    locked: Any,
    noted: Noted,
    *,
    tags: bool,
) -> Expression:
    """Change tasks and select them; the history and the tags follow."""
    old, new = noted
    if tags:
        old = history_queries.Joined(old, history_queries.folds_of(task.id))
    # The version moves exactly where something differs.
    moved = (task.version != locked.c.version).label("is_moved")
    values = history_queries.noted(old, new)
    changed = changing.returning(*COLUMNS, *values, moved).cte("changed")
    columns = [changed.c[name] for name in TASK_NAMES]
    is_moved = changed.c.is_moved
    number = history_queries.numbered(changed, is_moved)
    notes = history_queries.recorded(number, changed, is_moved)
    if tags:
        notes += _with_tags(dialect, changed)
    return select(*columns).add_cte(*notes)


def _with_tags(dialect: PostgresDialect, changed: Any) -> list[Any]:
    """Bring the table of tags up to the changed rows.

    The rows are locked. Tags that somebody else has just added may be invisible
    to the DELETE: such a row stays, and is harmless.
    """
    found = dialect.new_tags()
    is_there = found.c.name == any_(changed.c.tags)
    rows = select(
        changed.c.id, found.c.name, changed.c.user_id, found.c.folded
    )
    rows = rows.select_from(changed.join(found, is_there))
    columns = ["task_id", "name", "user_id", "folded"]
    new = dialect.insert(TAG).from_select(columns, rows)
    added = new.on_conflict_do_nothing().cte("added")
    is_gone = not_(tag.name == any_(changed.c.tags))
    of_these = tag.task_id == changed.c.id
    return [added, delete(TAG).where(of_these, is_gone).cte("removed")]


def _insert_tag(dialect: Dialect) -> Expression:
    """Insert a row of the table of tags unless it is there."""
    return dialect.insert(TAG).values(_open(tag)).on_conflict_do_nothing()


def _clear_tags() -> Expression:
    """Delete the rows of tags that the named tasks no longer have; on SQLite."""
    dialect = SqliteDialect()
    # Explicitly of this row: the one in the middle hides it from SQLAlchemy.
    mine = select(task.tags).where(task.id == tag.task_id).correlate(TAG)
    names = mine.scalar_subquery()
    there = select(dialect.tags_of(names, "there").c.value)
    is_named = dialect.within(tag.task_id, "ids")
    return delete(TAG).where(is_named, tag.name.not_in(there))


# Adding


def _open(columns: Iterable[Column[Any]], prefix: str = "") -> dict[str, Any]:
    """Map the keys of columns to parameters of the same name."""
    found = {}
    for each in columns:
        name = f"{prefix}{each.key}"
        found[each.key] = bindparam(name, type_=each.type)
    return found


def _for_many() -> dict[str, Expression]:
    """Return what inserts many rows at once; on PostgreSQL.

    The parameters are those for one row, and each is a list of values.
    """
    tags = postgresql.insert(TAG).from_select(*_given_rows(list(tag)))
    changes = history_queries.CHANGE
    noted = insert(changes).from_select(*_given_rows(list(changes.c), "the_"))
    tasks = insert(TASK).from_select(*_given_rows([*COLUMNS, *FOLDED]))
    return {
        "insert_all": tasks.returning(task.number),
        "insert_tag_all": tags.on_conflict_do_nothing(),
        "insert_change_all": noted,
    }


def _given_rows(
    columns: Sequence[Any], prefix: str = ""
) -> tuple[list[str], Select[Any]]:
    """Return the keys of columns, and the rows that lists of values make.

    The lists have the same length, so they are expanded side by side.
    """
    values = []
    for each in columns:
        # What is no plain value comes as text, also tags: none has a comma.
        is_plain = not isinstance(each.type, Names | Values)
        kind = each.type if is_plain else Text()
        given = bindparam(f"{prefix}{each.key}", type_=ARRAY(kind))
        value: Any = func.unnest(given, type_=kind)
        if isinstance(each.type, Names):
            comma: Any = literal_column("','", Text)
            value = func.string_to_array(value, comma)
        elif isinstance(each.type, Values):
            value = cast(value, postgresql.JSONB)
        values.append(value)
    return [each.key for each in columns], select(*values)


def _further(proposed: ColumnElement[int], numbers: Any) -> ColumnElement[int]:
    """Return a counter's next value: `numbers` more, or the proposed number.

    The proposed number is higher if a table was restored and its counter is
    behind.
    """
    next_number = counter.last + numbers
    return case((next_number < proposed, proposed), else_=next_number)


def _reserve(dialect: Dialect) -> Expression:
    """Advance the user's counters by `count` tasks and `steps` operations.

    Returns the last numbers of both. The row stays locked until the
    transaction ends.
    """
    new = _counting(dialect, _USER, _number("count"), _number("steps"), true())
    return new.returning(counter.last, counter.operations)


def _turn(dialect: PostgresDialect) -> Expression:
    """Lock the user's counter, and make it fit the tasks and operations.

    None is made for a user who has neither.
    """
    operation = history_queries.operation
    mine = select(_ONE).where(_MINE)
    done = select(_ONE).where(operation.user_id == _USER)
    has_any = or_(mine.exists(), done.exists())
    new = _counting(dialect, _USER, _ZERO, _ZERO, has_any)
    return new.returning(counter.last, counter.operations)


def _counting(
    dialect: Dialect, user: Any, count: Any, steps: Any, where: Any
) -> Any:
    """Insert a user's counter, or advance it, if a condition is true.

    A user without a counter may have tasks: the table was restored.
    """
    first = select(
        user,
        history_queries.highest(user) + count,
        history_queries.last_number(user) + steps,
    ).where(where)
    columns = ["user_id", "last", "operations"]
    new = dialect.insert(COUNTER).from_select(columns, first)
    operations = history_queries.further(new.excluded.operations, steps)
    return new.on_conflict_do_update(
        index_elements=["user_id"],
        set_={
            "last": _further(new.excluded.last, count),
            "operations": operations,
        },
    )


def _addition(dialect: PostgresDialect, *, tags: bool) -> Expression:
    """Insert one task under the next number, or return the one with its id.

    This is one statement, so it takes one round trip. The counter advances
    only if the id is new. No row comes back if another user has the id.
    `is_new` tells an inserted task from one that was stored before. It fails
    if somebody stores the id at the same instant; a repeat then finds it. It
    fails, too, if the counter of operations is behind: see `_reserve`.
    """
    # SQLAlchemy reserves parameters named like columns for VALUES and SET, and
    # these are used in subqueries, too.
    given = _open([*COLUMNS, *FOLDED], "the_")
    stored = select(*COLUMNS).where(task.id == given["id"]).cte("stored")
    numbers = _next_numbers(dialect, stored)
    added = _added(dialect, given | {"number": numbers.c.last}, numbers)
    last = select(numbers.c.operations.label("number"))
    number = last.select_from(numbers.join(added, true())).cte("numbered")
    notes = history_queries.recorded(number, added)
    if tags:
        notes.append(_tags_of_new(dialect, added))
    return _either(added, stored).add_cte(*notes)


def _either(added: Any, stored: Any) -> Any:
    """Select the new task, or the stored one if it is the user's."""
    columns = [added.c[name] for name in TASK_NAMES]
    fresh = select(*columns, _TRUE.label("is_new"))
    found = select(*stored.c, _FALSE.label("is_new"))
    return union_all(fresh, found.where(stored.c.user_id == _USER))


def _added(
    dialect: PostgresDialect, values: Mapping[str, Any], numbers: Any
) -> Any:
    """Insert a task if there is a number; return it, and what is recorded."""
    rows = select(*values.values()).select_from(numbers)
    adding = dialect.insert(TASK).from_select(list(values), rows)
    new = cast(bindparam("new_values", type_=Text), postgresql.JSONB)
    noted = history_queries.noted(history_queries.NONE, new)
    return adding.returning(*COLUMNS, *noted).cte("added")


def _next_numbers(dialect: PostgresDialect, stored: Any) -> Any:
    """Advance both counters of the user by one, unless a row is stored.

    The counter of tasks can be behind without a task that has the next number:
    one that was purged had it. Operations are never deleted.
    """
    is_new = ~select(_ONE).select_from(stored).exists()
    next_number = history_queries.highest(_USER) + _ONE
    first = select(_USER, next_number, _ONE).where(is_new)
    columns = ["user_id", "last", "operations"]
    new = dialect.insert(COUNTER).from_select(columns, first)
    moved = new.on_conflict_do_update(
        index_elements=["user_id"],
        set_={
            "last": _further(new.excluded.last, _ONE),
            "operations": counter.operations + _ONE,
        },
    )
    return moved.returning(counter.last, counter.operations).cte("numbers")


def _tags_of_new(dialect: PostgresDialect, added: Any) -> Any:
    """Insert the rows of tags of a new task."""
    found = dialect.new_tags()
    is_there = found.c.name == any_(added.c.tags)
    rows = select(added.c.id, found.c.name, added.c.user_id, found.c.folded)
    rows = rows.select_from(added.join(found, is_there))
    columns = ["task_id", "name", "user_id", "folded"]
    new = dialect.insert(TAG).from_select(columns, rows)
    return new.on_conflict_do_nothing().cte("tagged")


# Lists: `lists.py` has them


def beyond_years() -> Select[Any]:
    """Select the first numbers of tasks with a time that cannot be read.

    It walks all tasks of the user, but only after a failure.
    """
    beyond = select(task.number).where(_MINE, ~lists.within_years())
    return beyond.order_by(task.number).limit(literal_column("4", Integer))


# `todo doctor`


def _contents() -> Expression:
    """Count the user's tasks, and select their highest number and the counter.

    No counter yet is 0: the user never had a task.
    """
    highest = func.coalesce(func.max(task.number), _ZERO)
    mine = select(counter.last).where(counter.user_id == _USER)
    last = func.coalesce(mine.scalar_subquery(), _ZERO)
    return select(func.count(), highest, last).select_from(TASK).where(_MINE)


def _behind() -> Select[Any]:
    """Select the users who have a task number above their counter.

    Looks at the first `users` users with a task. So a user without any counter
    is found, too.
    """
    some = _some_users()
    last = select(counter.last).where(counter.user_id == some.c.user_id)
    # No counter yet is as much behind as 0.
    counted = func.coalesce(last.scalar_subquery(), _ZERO)
    is_behind = counted < history_queries.highest(some.c.user_id)
    behind = select(some.c.user_id).where(is_behind)
    return behind.order_by(some.c.user_id).limit(MOST)


def _some_users() -> Any:
    """Select the first `users` users with a task, each once.

    PostgreSQL and SQLite walk all tasks for DISTINCT or GROUP BY. Here each
    user takes one step in the index of `user_id`: the lowest name, then the
    lowest name above that, and so on.

        WITH RECURSIVE users(user_id) AS (
            SELECT min(user_id) FROM task
            UNION ALL
            SELECT (SELECT min(user_id) FROM task WHERE user_id > users.user_id)
            FROM users WHERE user_id IS NOT NULL
        )
        SELECT user_id FROM users WHERE user_id IS NOT NULL LIMIT :users
    """
    user = task.user_id
    first = select(func.min(user).label("user_id"))
    users = first.cte("users", recursive=True)
    is_there = users.c.user_id.is_not(None)
    next_user = select(func.min(user)).where(user > users.c.user_id)
    following = select(next_user.scalar_subquery()).where(is_there)
    users = users.union_all(following)
    # The NULL after the last user ended the recursion.
    found = select(users.c.user_id).where(users.c.user_id.is_not(None))
    return found.limit(_number("users")).subquery("some")


def _flawed(dialect: Dialect) -> Select[Any]:
    """Select the numbers of the user's tasks that break our rules.

    Looks at the newest `rows` numbers, because there is no index to help. The
    subquery with its LIMIT keeps both stores from looking at more.
    """
    mine = select(*COLUMNS).where(_MINE).order_by(task.number.desc())
    some = mine.limit(_number("rows")).subquery("some")
    found = select(some.c.number).where(dialect.is_flawed(some.c))
    return found.order_by(some.c.number).limit(MOST)


def _set() -> Select[Any]:
    """Give a setting a value for the transaction; see `behalf.py`."""
    name = bindparam("name", type_=Text)
    value = bindparam("value", type_=Text)
    return select(func.set_config(name, value, true()))


def _server() -> Select[Any]:
    """Select what the server says about our role and about itself."""
    roles = table(
        "pg_roles",
        column("rolname"),
        column("rolsuper"),
        column("rolbypassrls"),
        schema="pg_catalog",
    )
    me: ColumnElement[Any] = literal_column("current_user")
    bypasses = or_(roles.c.rolsuper, roles.c.rolbypassrls)
    my_bypass = select(bypasses).where(roles.c.rolname == me)
    # Seconds since 1970. asyncpg cannot read every time that a server can have.
    epoch = func.date_part(literal_column("'epoch'"), func.clock_timestamp())
    return select(
        cast(me, Text),
        my_bypass.scalar_subquery(),
        _setting("server_encoding"),
        _setting("TimeZone"),
        _setting("transaction_read_only"),
        epoch,
        owner.count_ours().scalar_subquery(),
        owner.count_bound().scalar_subquery(),
        owner.count_walled().scalar_subquery(),
    )


def _index_of_words() -> Select[Any]:
    """Select whether there are both indexes that `search.py` makes."""
    tag: Any = literal_column("'todo.tag_words_idx'", Text)
    task: Any = literal_column("'todo.task_words_idx'", Text)
    has_tag = func.to_regclass(tag).is_not(None)
    has_task = func.to_regclass(task).is_not(None)
    return select(and_(has_tag, has_task))


def _setting(name: str) -> ColumnElement[Any]:
    """Select a setting of the session."""
    quoted: ColumnElement[Any] = literal_column(f"'{name}'")
    return func.current_setting(quoted)


def _sqlite_relations() -> Select[Any]:
    """Select the name of everything that a file defines."""
    relations = table("sqlite_master", column("name", String))
    return select(relations.c.name)


def _sqlite_marks() -> Select[Any]:
    """Select the two header numbers in which `sidecars.py` stores its mark."""
    count = table("pragma_user_version", column("user_version"))
    files = table("pragma_application_id", column("application_id"))
    both = count.join(files, true())
    marks = select(count.c.user_version, files.c.application_id)
    return marks.select_from(both)


# Filling: see `filling.py`


def _is_unfilled(dialect: Dialect) -> ColumnElement[bool]:
    """Whether a task has no folded texts, and can get them."""
    return and_(task.title_folded.is_(None), dialect.can_change())


def _unfilled(dialect: Dialect) -> Select[Any]:
    """Count the tasks without folded texts; their index leads to them."""
    count = select(func.count()).select_from(TASK)
    return count.where(_is_unfilled(dialect))


def _unfilled_tasks(dialect: Dialect) -> Select[Any]:
    """Select the next tasks without folded texts, and lock them."""
    place = tuple_(_USER, _number("number"))
    is_next = tuple_(task.user_id, task.number) > place
    found = select(
        task.user_id,
        task.number,
        task.id,
        task.title,
        task.description,
        task.project,
    ).where(_is_unfilled(dialect), is_next)
    ordered = found.order_by(task.user_id, task.number).limit(MOST)
    return ordered.with_for_update()


def _fill() -> Expression:
    """Set the folded texts of one task."""
    # The prefix, because SQLAlchemy reserves the names of columns.
    is_this = task.id == bindparam("the_id", type_=task.id.type)
    return update(TASK).where(is_this).values(_open(FOLDED))


def _fill_all() -> Expression:
    """Set the folded texts of all tasks that lack them; on SQLite."""
    values = {}
    for each in FOLDED:
        text = task[each.name.removesuffix("_folded")]
        # One call of each task counts it.
        is_first = _ONE if text is task.title else _ZERO
        values[each.name] = _folded(text, is_first)
    return update(TASK).where(task.title_folded.is_(None)).values(values)


def _folded(text: ColumnElement[Any], is_first: Any) -> ColumnElement[Any]:
    """Call our function in Python; bytes, because text may not be UTF-8."""
    return func.todo_fold(cast(text, LargeBinary), is_first, type_=Text)


def _names_of(dialect: Dialect) -> Any:
    """Expand the tags of tasks to rows of `value`, with their tasks."""
    names = dialect.tags_of(task.tags, "names")
    return names, TASK.join(names, true())


def _is_untagged(name: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether the table of tags lacks a tag of a task."""
    rows = select(_ONE).where(tag.task_id == task.id, tag.name == name)
    return ~rows.correlate_except(TAG).exists()


def _untagged(dialect: Dialect) -> Select[Any]:
    """Select the tags of tasks that the table of tags lacks."""
    names, both = _names_of(dialect)
    found = select(names.c.value.label("name")).select_from(both)
    return found.where(_is_untagged(names.c.value))


def _untagged_newest(dialect: Dialect) -> Select[Any]:
    """Select those of the user's newest `rows` tasks."""
    mine = select(task.id).where(_MINE).order_by(task.number.desc())
    some = mine.limit(_number("rows")).subquery("some")
    return _untagged(dialect).where(_MINE, task.id.in_(select(some.c.id)))


def _count_of(found: Select[Any]) -> Select[Any]:
    """Count the rows of a query."""
    return select(func.count()).select_from(found.subquery("found"))


def _untagged_names(dialect: Dialect) -> Select[Any]:
    """Select the next names of tags that the table of tags lacks, each once."""
    found = _untagged(dialect).subquery("found")
    name = ByCodePoint(found.c.name)
    last = ByCodePoint(bindparam("name", type_=Text))
    some = select(name).where(name > last).group_by(name)
    return some.order_by(name).limit(MOST)


def _fill_tags(dialect: PostgresDialect) -> Expression:
    """Insert missing rows of tags with the names `new_tags`."""
    names, both = _names_of(dialect)
    given = dialect.new_tags()
    both = both.join(given, given.c.name == names.c.value)
    rows = select(task.id, given.c.name, task.user_id, given.c.folded)
    columns = ["task_id", "name", "user_id", "folded"]
    new = dialect.insert(TAG).from_select(columns, rows.select_from(both))
    return new.on_conflict_do_nothing()


def _fill_all_tags() -> Expression:
    """Insert all missing rows of tags, but no name that breaks a rule.

    On SQLite, where OR IGNORE leaves out what a CHECK refuses.
    """
    dialect = SqliteDialect()
    names, both = _names_of(dialect)
    name = names.c.value
    rows = select(task.id, name, task.user_id, _folded(name, _ZERO))
    found = rows.select_from(both)
    found = found.where(_is_untagged(name))
    columns = ["task_id", "name", "user_id", "folded"]
    ignoring = dialect.insert(TAG).prefix_with("OR IGNORE")
    return ignoring.from_select(columns, found)


# `todo db import`


def _of_transfer(dialect: Dialect) -> dict[str, Expression]:
    """Return the queries of `todo db import`.

    They are built from the metadata, so a new table needs no change here.
    """
    found: dict[str, Expression] = {}
    for each in copied():
        found[f"read_{each.name}"] = _read(each)
        found[f"copy_{each.name}"] = _copy(dialect, each)
    is_listed = dialect.within(task.id, "ids")
    owners = select(task.id, task.user_id, task.number)
    places = owners.add_columns(task.deleted_at)
    return found | {
        "known_users": union(_known(dialect, COUNTER), _known(dialect, TASK)),
        "raise_counter": _raise_counter(dialect),
        "catch_up": _catch_up(dialect),
        "owners_of": owners.where(is_listed),
        "places_of": places.where(is_listed),
        "any_task": select(task.id).limit(_ONE),
        "task_ids": select(task.id),
        **_of_survey(),
        "counters_of": _counters_of(dialect),
        "given_numbers": _given_numbers(dialect),
        **history_queries.copying(dialect),
    }


def _of_survey() -> dict[str, Expression]:
    """Return the queries that say whose tasks a store has, trash left out.

    A store from before there was a trash has no `deleted_at`.
    """
    return {
        "task_counts": _task_counts(task.deleted_at.is_(None)),
        "task_counts_older": _task_counts(true()),
    }


def _task_counts(is_counted: ColumnElement[bool]) -> Select[Any]:
    """Select every user and how many tasks each has, by name.

    Counters and tasks are searched: a restored table can lack a counter.
    """
    counters, tasks = select(counter.user_id), select(task.user_id)
    known = union(counters, tasks).subquery("known")
    is_theirs = task.user_id == known.c.user_id
    count = select(func.count(task.id)).where(is_theirs, is_counted)
    counted = select(known.c.user_id, count.scalar_subquery())
    return counted.order_by(known.c.user_id)


def _read(each: Table) -> Select[Any]:
    """Select every row of a table, in a stable order."""
    keys = each.primary_key.columns
    order = (task.user_id, task.number) if each is TASK else keys
    return select(*stored(each)).order_by(*order)


def _copy(dialect: Dialect, each: Table) -> Expression:
    """Insert a row unless its key exists.

    A task number that is already taken is an error and is not skipped.
    """
    copied = dialect.insert(each).values(_open(stored(each)))
    if each is TASK:
        return dialect.counted(copied)
    return copied.on_conflict_do_nothing()


def _known(dialect: Dialect, each: Table) -> Select[Any]:
    """Select the users of a table that are among the given ones."""
    user = each.c.user_id
    return select(user).where(dialect.within(user, "users"))


def _counters_of(dialect: Dialect) -> Select[Any]:
    """Select the counters of the given users.

    Read them after `raise_counter`, which locks them.
    """
    is_listed = dialect.within(counter.user_id, "users")
    return select(counter.user_id, counter.last).where(is_listed)


def _given_numbers(dialect: Dialect) -> Expression:
    """Select those of some numbers that were ever given to tasks of some users.

    With the ids of the tasks. The history has them of those that were purged.
    Two lists instead of pairs, which the stores would write differently. So
    the caller has to drop the numbers of one user that another one has.
    """
    found = []
    changed = history_queries.changed
    for rows, id in ((task, task.id), (changed, changed.task_id)):
        is_listed = dialect.within(rows.number, "numbers")
        is_theirs = dialect.within(rows.user_id, "users")
        columns = (rows.user_id, rows.number, id)
        found.append(select(*columns).where(is_theirs, is_listed))
    return union(*found)


def _raise_counter(dialect: Dialect) -> Expression:
    """Insert a counter, or advance the existing one; it never goes back."""
    new = dialect.insert(COUNTER).values(_open(counter))
    return new.on_conflict_do_update(
        index_elements=["user_id"], set_=file_queries.raised(new)
    )


def _catch_up(dialect: Dialect) -> Expression:
    """Advance the counters that are behind the tasks of their users."""
    is_theirs = task.user_id == counter.user_id
    highest = select(func.max(task.number)).where(is_theirs)
    of_user = highest.scalar_subquery()
    is_user = dialect.within(counter.user_id, "users")
    # NULL for a user without tasks: then nothing is behind.
    is_behind = counter.last < of_user
    return update(COUNTER).where(is_user, is_behind).values(last=of_user)
