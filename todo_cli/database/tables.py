"""The SQLModel tables: columns, column types, CHECKs and indexes.

CHECK constraints repeat what SQL can express of the rules. So both stores
refuse what the program refuses.
"""

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Column,
    ColumnElement,
    Computed,
    Date,
    DateTime,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
    case,
    false,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine
from sqlmodel import Field, SQLModel

from todo_cli import rules
from todo_cli.database.sorting import SORTED_UP_TO

SCHEMA: Final = "todo"
"""The schema on PostgreSQL; names on SQLite have none."""


# `sqlite.py` converts values of these types: commands do not load SQLAlchemy.


class _TextInAFile(TypeDecorator[Any]):
    """A type of PostgreSQL that is text on SQLite, which lacks it.

    PostgreSQL's own type is in `impl`.
    """

    __abstract__ = True
    impl: Any
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type of a dialect."""
        chosen: TypeEngine[Any] = self.impl_instance
        if dialect.name == "sqlite":
            chosen = Text()
        return dialect.type_descriptor(chosen)


class Instant(_TextInAFile):
    """An aware datetime: `timestamptz` on PostgreSQL, text on SQLite.

    The text is the same as in the JSON, and it sorts by time. SQLite's own
    type would drop the offset.
    """

    impl = DateTime(timezone=True)
    cache_ok = True


class Identifier(_TextInAFile):
    """A UUID: native on PostgreSQL, text on SQLite.

    The text has the usual 36 characters, so that people can copy it.
    """

    impl = Uuid()
    cache_ok = True


class Day(_TextInAFile):
    """A calendar day: `date` on PostgreSQL, text such as `2026-12-24` on SQLite."""

    impl = Date()
    cache_ok = True


class Names(_TextInAFile):
    """Several names: `text[]` on PostgreSQL, a JSON array on SQLite."""

    impl = ARRAY(Text)
    cache_ok = True


class Values(_TextInAFile):
    """Values of columns by name: `jsonb` on PostgreSQL, a JSON object on SQLite."""

    impl = JSONB()
    cache_ok = True


class Priority(TypeDecorator[str]):
    """A priority: text, of which `rows.py` knows every word."""

    impl = Text
    cache_ok = True


class ByCodePoint(FunctionElement[str]):
    """A text that is compared code point by code point, whatever the collation.

    So both stores sort alike. SQLite compares so by itself.
    """

    inherit_cache = True
    type = Text()


@compiles(ByCodePoint, "postgresql")
def _postgresql_by_code_point(
    element: ByCodePoint, compiler: Any, **options: Any
) -> str:
    """Write the collation, which is found in pg_catalog alone."""
    text = compiler.process(element.clauses, **options)
    return f'({text} COLLATE pg_catalog."C")'


@compiles(ByCodePoint, "sqlite")
def _sqlite_by_code_point(
    element: ByCodePoint, compiler: Any, **options: Any
) -> str:
    """Write the text alone."""
    return str(compiler.process(element.clauses, **options))


class InParentheses(FunctionElement[int]):
    """An expression in parentheses, as an index of PostgreSQL needs them."""

    inherit_cache = True
    type = Integer()


@compiles(InParentheses)
def _in_parentheses(
    element: InParentheses, compiler: Any, **options: Any
) -> str:
    text = compiler.process(element.clauses, **options)
    return f"({text})"


_WIDE: Final = "\\u007F-\\u009F\\u2028-\\u202E\\u2066-\\u2069"
REFUSED: Final = f"[\\u0001-\\u001F{_WIDE}]"
"""The refused characters of a line, as PostgreSQL's regular expression."""
REFUSED_IN_LINES: Final = f"[\\u0001-\\u0008\\u000B-\\u001F{_WIDE}]"
"""Those of a text of several lines."""


class TextRule(ColumnElement[bool]):
    """The rules for one text column, as a CHECK in each dialect.

    `longest` counts characters. `lines` allows LF and TAB; then, or with
    `optional`, NULL is allowed, too.
    """

    inherit_cache = False

    def __init__(
        self, column: str, *, longest: int, lines: bool, optional: bool
    ) -> None:
        self.column = column
        self.longest = longest
        self.lines = lines
        self.optional = optional

    def render(self, controls: str) -> str:
        """Join the rules for length and edges with those for characters.

        `controls` is the dialect's condition on characters.
        """
        column = self.column
        length = f"length({column}) BETWEEN 1 AND {self.longest}"
        rules = f"{length} AND {controls}"
        if not self.lines:
            rules = f"{length} AND {column} = trim({column}) AND {controls}"
        if self.lines or self.optional:
            return f"{column} IS NULL OR ({rules})"
        return rules


@compiles(TextRule, "postgresql")
def _postgresql_rule(
    rule: TextRule, compiler: object, **options: object
) -> str:
    """Write the rule with a regular expression."""
    refused = REFUSED_IN_LINES if rule.lines else REFUSED
    return rule.render(f"{rule.column} !~ '{refused}'")


@compiles(TextRule, "sqlite")
def _sqlite_rule(rule: TextRule, compiler: object, **options: object) -> str:
    """Write the rule with GLOB: SQLite has no regular expressions."""
    # The same characters as `rules.REFUSED_CLASS`, without what neither store
    # can hold: surrogates. NUL would end the text for GLOB.
    spans = [(1, 8), (11, 31)] if rule.lines else [(1, 31)]
    spans += [(0x7F, 0x9F), (0x2028, 0x202E), (0x2066, 0x2069)]
    refused = " || ".join(
        f"char({first}) || '-' || char({last})" for first, last in spans
    )
    is_text = (
        f"typeof({rule.column}) = 'text' AND instr({rule.column}, char(0)) = 0"
    )
    return rule.render(
        f"{is_text} AND {rule.column} NOT GLOB '*[' || {refused} || ']*'"
    )


def _text_check(
    column: str, *, longest: int, lines: bool = False, optional: bool = False
) -> CheckConstraint:
    """Return the CHECK of a text column."""
    rule = TextRule(column, longest=longest, lines=lines, optional=optional)
    return CheckConstraint(rule, name=f"{column}_text")


def _only_sqlite(name: str, rule: str) -> CheckConstraint:
    """Return a CHECK for what PostgreSQL's column types ensure."""
    return CheckConstraint(rule, name=name).ddl_if(dialect="sqlite")


class InstantRule(ColumnElement[bool]):
    """The rule for one column of times, as a CHECK in each dialect.

    A time is finite and within the years that every part of the program can
    read and show, in each time zone: Python ends with the year 9999, and a time
    zone can move the last day of a year into the next one.

    NULL passes; whether a column may be NULL is its own rule.
    """

    inherit_cache = False

    def __init__(self, column: str) -> None:
        self.column = column

    def within(self, first: str, end: str) -> str:
        """Write that the time is not before one literal, but before another."""
        return f"{self.column} >= '{first}' AND {self.column} < '{end}'"


@compiles(InstantRule, "postgresql")
def _postgresql_instant(
    rule: InstantRule, compiler: object, **options: object
) -> str:
    """Write the rule; `infinity` is after every year."""
    midnight = "-01-01 00:00:00+00"
    first, end = rules.FIRST_YEAR, rules.END_YEAR
    return rule.within(f"{first}{midnight}", f"{end}{midnight}")


@compiles(InstantRule, "sqlite")
def _sqlite_instant(
    rule: InstantRule, compiler: object, **options: object
) -> str:
    """Write the rule for text of the one form that sorts by time.

    SQLite has no type for times. A pattern alone would take the month 19 and
    the hour 29.
    """
    column = rule.column
    # To the second: strftime would round the fraction. Adding no days turns
    # 30 February into 2 March; what is no time becomes NULL.
    seconds = f"substr({column}, 1, 19)"
    read = f"strftime('%Y-%m-%dT%H:%M:%S', {seconds}, '+0 days')"
    is_time = f"{read} IS {seconds}"
    within = rule.within(str(rules.FIRST_YEAR), str(rules.END_YEAR))
    shape = f"typeof({column}) = 'text' AND {column} GLOB '{_INSTANT_SHAPE}'"
    return f"{column} IS NULL OR ({shape} AND {is_time} AND {within})"


def _instant_check(column: str) -> CheckConstraint:
    """Return the CHECK of a column of times."""
    return CheckConstraint(InstantRule(column), name=f"{column}_instant")


def _integer_check(column: str) -> CheckConstraint:
    """Return the CHECK for the integers that PostgreSQL's type can hold.

    Else a file could have numbers that cannot be imported into a server.
    """
    most = rules.LARGEST_NUMBER
    rule = f"typeof({column}) = 'integer' AND {column} <= {most}"
    return _only_sqlite(f"{column}_integer", rule)


_HEX: Final = "[0-9a-f]"
_UUID_SHAPE: Final = "-".join(_HEX * length for length in (8, 4, 4, 4, 12))
_DIGIT: Final = "[0-9]"
_DATE_SHAPE: Final = f"{_DIGIT * 4}-[01]{_DIGIT}-[0-3]{_DIGIT}"
_TIME_SHAPE: Final = f"[0-2]{_DIGIT}:[0-5]{_DIGIT}:[0-5]{_DIGIT}.{_DIGIT * 6}"
_INSTANT_SHAPE: Final = f"{_DATE_SHAPE}T{_TIME_SHAPE}Z"
_USER_RULES: Final = (
    "user_id NOT IN ('.', '..') AND replace(user_id, '/', '') = user_id"
)


class DayRule(ColumnElement[bool]):
    """The rule for one column of calendar days, as a CHECK in each dialect.

    NULL passes. The years are those of `InstantRule`.
    """

    inherit_cache = False

    def __init__(self, column: str) -> None:
        self.column = column

    def within(self) -> str:
        """Write that the day is in the years that the program can show."""
        first = f"'{rules.FIRST_YEAR}-01-01'"
        last = f"'{rules.END_YEAR - 1}-12-31'"
        return f"{self.column} BETWEEN {first} AND {last}"


@compiles(DayRule, "postgresql")
def _postgresql_day(rule: DayRule, compiler: object, **options: object) -> str:
    """Write the rule; `infinity` is after every year."""
    return rule.within()


@compiles(DayRule, "sqlite")
def _sqlite_day(rule: DayRule, compiler: object, **options: object) -> str:
    """Write the rule for text of the one form that sorts by day."""
    column = rule.column
    shape = f"typeof({column}) = 'text' AND {column} GLOB '{_DATE_SHAPE}'"
    # Adding no days turns 30 February into 2 March.
    is_day = f"date({column}, '+0 days') IS {column}"
    return f"{column} IS NULL OR ({shape} AND {is_day} AND {rule.within()})"


def _day_check(column: str) -> CheckConstraint:
    """Return the CHECK of a column of days."""
    return CheckConstraint(DayRule(column), name=f"{column}_day")


@compiles(Computed, "postgresql")
def _postgresql_computed(
    computed: Computed, compiler: object, **options: object
) -> str:
    """Write that it is stored: older servers know no other kind."""
    return f"GENERATED ALWAYS AS ({computed.sqltext}) STORED"


class ValuesRule(ColumnElement[bool]):
    """The rule for a column of `Values`: an object, as a CHECK in each dialect."""

    inherit_cache = False

    def __init__(self, column: str) -> None:
        self.column = column


@compiles(ValuesRule, "postgresql")
def _postgresql_values(
    rule: ValuesRule, compiler: object, **options: object
) -> str:
    return f"jsonb_typeof({rule.column}) = 'object'"


@compiles(ValuesRule, "sqlite")
def _sqlite_values(
    rule: ValuesRule, compiler: object, **options: object
) -> str:
    """Write the rule without SQLite's functions for JSON, as for tags."""
    return f"typeof({rule.column}) = 'text' AND {rule.column} GLOB '{{*}}'"


def _values_check(column: str) -> CheckConstraint:
    """Return the CHECK of a column of `Values`."""
    return CheckConstraint(ValuesRule(column), name=f"{column}_object")


class TagsRule(ColumnElement[bool]):
    """The rule for the number of a task's tags, as a CHECK in each dialect.

    The rules for each tag are those of the table `tag`.
    """

    inherit_cache = False


@compiles(TagsRule, "postgresql")
def _postgresql_tags(
    rule: TagsRule, compiler: object, **options: object
) -> str:
    """Write the rule for an array."""
    no_null = "array_position(tags, NULL) IS NULL"
    return f"cardinality(tags) <= {rules.MOST_TAGS} AND {no_null}"


@compiles(TagsRule, "sqlite")
def _sqlite_tags(rule: TagsRule, compiler: object, **options: object) -> str:
    """Write the rule for a JSON array.

    Without SQLite's functions for JSON, which may not be used in a CHECK. Only
    the commas between tags are counted, because no tag contains one.
    """
    is_array = "typeof(tags) = 'text' AND tags GLOB '[[]*]'"
    commas = "length(tags) - length(replace(tags, ',', ''))"
    return f"{is_array} AND {commas} < {rules.MOST_TAGS}"


_NO_NAME: Final = ", ".join(f"'{word}'" for word in rules.NONE_WORDS)
_PROJECT_RULES: Final = (
    f"project IS NULL OR (lower(project) NOT IN ({_NO_NAME})"
    " AND project NOT LIKE '.%' AND project NOT LIKE '%.'"
    " AND project NOT LIKE '%..%')"
)
_PRIORITIES: Final = ", ".join(f"'{word}'" for word in rules.PRIORITIES)
_PRIORITY_RULE: Final = f"priority IS NULL OR priority IN ({_PRIORITIES})"
_TAG_RULES: Final = (
    f"lower(name) NOT IN ({_NO_NAME}) AND replace(name, ',', '') = name"
    " AND replace(name, ' ', '') = name"
)


def folded_key(
    folded: ColumnElement[Any], text: ColumnElement[Any]
) -> ColumnElement[Any]:
    """The beginning of a folded text, by which lists are sorted.

    Rows of an older store have no folded text before they are upgraded.
    """
    first: ColumnElement[Any] = literal_column("1", Integer)
    most: ColumnElement[Any] = literal_column(str(SORTED_UP_TO), Integer)
    either = func.coalesce(folded, text, type_=Text)
    return ByCodePoint(func.substr(either, first, most, type_=Text))


def rank(priority: ColumnElement[Any]) -> ColumnElement[Any]:
    """The place of a priority in a list; none comes last."""
    whens = []
    for place, word in enumerate(rules.PRIORITIES, start=1):
        literal: ColumnElement[Any] = literal_column(f"'{word}'", Text)
        number: ColumnElement[Any] = literal_column(str(place), Integer)
        whens.append((priority == literal, number))
    last: ColumnElement[Any] = literal_column(str(len(whens) + 1), Integer)
    return InParentheses(case(*whens, else_=last))


class NoNames(ColumnElement[Any]):
    """The default of a column of `Names`: none."""

    inherit_cache = False


@compiles(NoNames, "postgresql")
def _postgresql_no_names(*_: object, **__: object) -> str:
    """Write an empty array."""
    return "'{}'"


@compiles(NoNames, "sqlite")
def _sqlite_no_names(*_: object, **__: object) -> str:
    """Write an empty JSON array."""
    return "'[]'"


class CounterRow(SQLModel, table=True):
    """The last numbers given to a task and to an operation of a user.

    They only grow, so that a number is never reused. Whoever changes tasks of
    a user locks this row first.
    """

    __tablename__ = "counter"
    __table_args__ = (
        _text_check("user_id", longest=rules.USER_LENGTH),
        CheckConstraint(_USER_RULES, name="user_id_path"),
        CheckConstraint("last >= 0", name="last_counts"),
        _integer_check("last"),
        CheckConstraint("operations >= 0", name="operations_counts"),
        _integer_check("operations"),
        # Nobody may delete a counter: its numbers would be given again.
        {"schema": SCHEMA, "info": {"rights": "SELECT, INSERT, UPDATE"}},
    )

    user_id: str = Field(primary_key=True, sa_type=Text)
    last: int
    operations: int = Field(
        default=0,
        # Without a default in Python, which SQLAlchemy would add as a value.
        sa_column_kwargs={"server_default": text("0"), "default": None},
    )


_HASH_LENGTH: Final = 32
"""How many bytes a hash of SHA-256 has."""

OPEN: Final = 0
DONE: Final = 1
IN_TRASH: Final = 2
"""The values of `task.state`."""


_STATE: Final = (
    f"CASE WHEN deleted_at IS NOT NULL THEN {IN_TRASH}"
    f" WHEN is_done THEN {DONE} ELSE {OPEN} END"
)


class TaskRow(SQLModel, table=True):
    """One task."""

    __tablename__ = "task"
    __table_args__ = (
        UniqueConstraint("user_id", "number", name="task_user_id_number_key"),
        _text_check("user_id", longest=rules.USER_LENGTH),
        CheckConstraint(_USER_RULES, name="user_id_path"),
        _text_check("title", longest=rules.TITLE_LENGTH),
        _text_check(
            "description", longest=rules.DESCRIPTION_LENGTH, lines=True
        ),
        CheckConstraint("number >= 1", name="number_counts"),
        CheckConstraint(
            "is_done = (completed_at IS NOT NULL)", name="completed_has_time"
        ),
        _only_sqlite(
            "id_uuid", f"typeof(id) = 'text' AND id GLOB '{_UUID_SHAPE}'"
        ),
        _integer_check("number"),
        _instant_check("created_at"),
        _instant_check("updated_at"),
        _instant_check("completed_at"),
        _day_check("due_on"),
        _day_check("wait_until"),
        CheckConstraint(_PRIORITY_RULE, name="priority_word"),
        _text_check("project", longest=rules.PROJECT_LENGTH, optional=True),
        CheckConstraint(_PROJECT_RULES, name="project_parts"),
        CheckConstraint(TagsRule(), name="tags_count"),
        CheckConstraint("version >= 1", name="version_counts"),
        _integer_check("version"),
        _instant_check("deleted_at"),
        {"schema": SCHEMA},
    )

    id: UUID = Field(primary_key=True, sa_type=Identifier)
    number: int
    user_id: str = Field(sa_type=Text)
    title: str = Field(sa_type=Text)
    description: str | None = Field(default=None, sa_type=Text)
    # Revision 0004 renamed it, so that older programs fail: they would show
    # the trash, and delete for good.
    completed: bool = Field(
        default=False,
        sa_column_kwargs={
            "name": "is_done",
            "key": "completed",
            "server_default": false(),
        },
    )
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)
    completed_at: datetime | None = Field(default=None, sa_type=Instant)
    due_on: date | None = Field(default=None, sa_type=Day)
    wait_until: date | None = Field(default=None, sa_type=Day)
    priority: str | None = Field(default=None, sa_type=Priority)
    project: str | None = Field(default=None, sa_type=Text)
    tags: list[str] = Field(
        default_factory=list,
        sa_type=Names,
        sa_column_kwargs={"server_default": NoNames()},
    )
    version: int = Field(
        default=1, sa_column_kwargs={"server_default": text("1")}
    )
    # Folded by `fold.py`, for search and sorting. All are NULL where an older
    # version or another program has written the row.
    title_folded: str | None = Field(default=None, sa_type=Text)
    description_folded: str | None = Field(default=None, sa_type=Text)
    project_folded: str | None = Field(default=None, sa_type=Text)
    deleted_at: datetime | None = Field(default=None, sa_type=Instant)
    # Each index of a list begins with it, so that the trash is never walked.
    state: int | None = Field(
        default=None,
        sa_type=Integer,
        sa_column_args=(Computed(_STATE),),
    )


class TagRow(SQLModel, table=True):
    """One tag of one task: an index of `task.tags`, which decides.

    A database walks all tasks for a rare element of an array. Rows that are no
    longer true can remain, so every query asks `task.tags`, too.
    """

    __tablename__ = "tag"
    __table_args__ = (
        Index("tag_user_id_name_idx", "user_id", "name", "task_id"),
        _text_check("user_id", longest=rules.USER_LENGTH),
        _text_check("name", longest=rules.TAG_LENGTH),
        CheckConstraint(_TAG_RULES, name="name_word"),
        {"schema": SCHEMA, "info": {"is_derived": True}},
    )

    task_id: UUID = Field(
        primary_key=True,
        sa_type=Identifier,
        foreign_key=f"{SCHEMA}.task.id",
        ondelete="CASCADE",
    )
    name: str = Field(primary_key=True, sa_type=Text)
    user_id: str = Field(sa_type=Text)
    folded: str = Field(sa_type=Text)


class OperationRow(SQLModel, table=True):
    """What one command of a user did; `change` has what it did with each task."""

    __tablename__ = "operation"
    __table_args__ = (
        _text_check("user_id", longest=rules.USER_LENGTH),
        CheckConstraint(_USER_RULES, name="user_id_path"),
        CheckConstraint("number >= 1", name="number_counts"),
        _integer_check("number"),
        _only_sqlite(
            "id_uuid", f"typeof(id) = 'text' AND id GLOB '{_UUID_SHAPE}'"
        ),
        _instant_check("at"),
        _text_check("command", longest=rules.COMMAND_LENGTH),
        # Nobody may delete history.
        {"schema": SCHEMA, "info": {"rights": "SELECT, INSERT, UPDATE"}},
    )

    user_id: str = Field(primary_key=True, sa_type=Text)
    number: int = Field(primary_key=True)
    id: UUID = Field(sa_type=Identifier)
    at: datetime = Field(sa_type=Instant)
    command: str = Field(sa_type=Text)
    # The operation that this `undo` took back; for a `redo` it is an `undo`.
    undoes: int | None = None
    undone_by: int | None = None


class ChangeRow(SQLModel, table=True):
    """What one operation did with one task.

    Both objects have the columns of `task` that changed, except `updated_at`,
    `version` and those that are computed. A new task has no old values. Where
    tags changed, `tag_folds` has the folded form of each that was there before.
    A purged task has none of both.
    """

    __tablename__ = "change"
    __table_args__ = (
        Index("change_number_idx", "user_id", "number", "operation"),
        _text_check("user_id", longest=rules.USER_LENGTH),
        CheckConstraint(_USER_RULES, name="user_id_path"),
        # Any integer: another program can have stored one that is not ours.
        _only_sqlite("number_integer", "typeof(number) = 'integer'"),
        _only_sqlite(
            "task_id_uuid",
            f"typeof(task_id) = 'text' AND task_id GLOB '{_UUID_SHAPE}'",
        ),
        _values_check("old_values"),
        _values_check("new_values"),
        {"schema": SCHEMA, "info": {"rights": "SELECT, INSERT, UPDATE"}},
    )

    user_id: str = Field(primary_key=True, sa_type=Text)
    operation: int = Field(primary_key=True)
    task_id: UUID = Field(primary_key=True, sa_type=Identifier)
    number: int
    old_values: str = Field(sa_type=Values)
    new_values: str = Field(sa_type=Values)


class TokenRow(SQLModel, table=True):
    """One token for the REST API; of its secret there is only the hash.

    It belongs to this store, so it is in no backup and in no import.
    """

    __tablename__ = "token"
    __table_args__ = (
        # Requests look for it.
        Index("token_hash_idx", "hash", unique=True),
        Index("token_user_id_idx", "user_id", "created_at"),
        _text_check("user_id", longest=rules.USER_LENGTH),
        CheckConstraint(_USER_RULES, name="user_id_path"),
        _text_check("name", longest=rules.TOKEN_NAME_LENGTH),
        CheckConstraint(f"length(hash) = {_HASH_LENGTH}", name="hash_length"),
        CheckConstraint(
            "expires_at IS NULL OR expires_at > created_at",
            name="expires_later",
        ),
        _only_sqlite(
            "id_uuid", f"typeof(id) = 'text' AND id GLOB '{_UUID_SHAPE}'"
        ),
        _only_sqlite("hash_bytes", "typeof(hash) = 'blob'"),
        _only_sqlite(
            "read_only_boolean",
            "typeof(read_only) = 'integer' AND read_only IN (0, 1)",
        ),
        _instant_check("created_at"),
        _instant_check("expires_at"),
        _day_check("last_used_on"),
        _instant_check("revoked_at"),
        # Nobody may delete a token: it is revoked.
        {
            "schema": SCHEMA,
            "info": {"is_secret": True, "rights": "SELECT, INSERT, UPDATE"},
        },
    )

    id: UUID = Field(primary_key=True, sa_type=Identifier)
    user_id: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    read_only: bool
    hash: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime | None = Field(default=None, sa_type=Instant)
    # The day in UTC: a day tells what is in use, and is written once.
    last_used_on: date | None = Field(default=None, sa_type=Day)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)


# The indexes of lists; `lists.ORDERS` has an order for each. The user and the
# status come first. The time and the number come last, because an import gives
# many tasks one `created_at`. An index of what most tasks lack contains only
# the others.

_TASK: Final[Any] = TaskRow.__table__.c  # type: ignore[attr-defined]  # SQLModel
_STATUS: Final = (_TASK.user_id, _TASK.state)
_OLDEST: Final = (_TASK.created_at, _TASK.number)
_NEWEST: Final = (_TASK.created_at.desc(), _TASK.number.desc())
_RANK: Final = rank(_TASK.priority)
_TITLE: Final = folded_key(_TASK.title_folded, _TASK.title)
_PROJECT: Final = folded_key(_TASK.project_folded, _TASK.project)


def _index(name: str, *parts: Any, where: Any = None) -> None:
    """Add an index to the table of tasks; with `where` it has only those."""
    Index(
        f"task_{name}_idx",
        *parts,
        postgresql_where=where,
        sqlite_where=where,
    )


# Several have the wait day, so that SQLite finds open tasks, and both stores
# count them, by the index alone.
_index("created_at", *_STATUS, *_OLDEST, _TASK.wait_until)
_index("updated_at", *_STATUS, _TASK.updated_at, *_OLDEST)
_index("title", *_STATUS, _TITLE, ByCodePoint(_TASK.title), *_NEWEST)
_index(
    "due_on",
    *_STATUS,
    _TASK.due_on,
    _RANK,
    *_NEWEST,
    _TASK.wait_until,
    where=_TASK.due_on.is_not(None),
)
_index(
    "priority",
    *_STATUS,
    _RANK,
    *_NEWEST,
    _TASK.wait_until,
    where=_TASK.priority.is_not(None),
)
_index(
    "project",
    *_STATUS,
    _PROJECT,
    ByCodePoint(_TASK.project),
    *_NEWEST,
    where=_TASK.project.is_not(None),
)
_index(
    "project_exact",
    *_STATUS,
    ByCodePoint(_TASK.project),
    _TASK.wait_until,
    where=_TASK.project.is_not(None),
)
_index(
    "completed_at",
    *_STATUS,
    _TASK.completed_at,
    *_OLDEST,
    where=_TASK.completed_at.is_not(None),
)
_index(
    "wait_until",
    *_STATUS,
    _TASK.wait_until,
    *_NEWEST,
    where=_TASK.wait_until.is_not(None),
)
_index(
    "deleted_at",
    *_STATUS,
    _TASK.deleted_at,
    *_OLDEST,
    where=_TASK.deleted_at.is_not(None),
)
# Empty as soon as `todo db upgrade` has filled them: see `filling.py`.
_index(
    "unfilled",
    _TASK.user_id,
    _TASK.number,
    where=_TASK.title_folded.is_(None),
)


_TOKEN: Final[Any] = TokenRow.__table__.c  # type: ignore[attr-defined]  # SQLModel

# Whoever is revoked leaves the name to another one.
_IS_KEPT: Final = _TOKEN.revoked_at.is_(None)
Index(
    "token_user_id_name_idx",
    _TOKEN.user_id,
    _TOKEN.name,
    unique=True,
    postgresql_where=_IS_KEPT,
    sqlite_where=_IS_KEPT,
)


def copied() -> list[Table]:
    """Return the tables that a backup and an import copy.

    Not those that are made from others, and none with secrets.
    """
    found = []
    for each in SQLModel.metadata.sorted_tables:
        if not {"is_derived", "is_secret"}.intersection(each.info):
            found.append(each)
    return found


def stored(each: Table) -> list[Column[Any]]:
    """Return the columns of a table that are not computed from others."""
    return [column for column in each.c if column.computed is None]
