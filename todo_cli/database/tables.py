"""The SQLModel tables: columns, column types, CHECKs and indexes.

CHECK constraints repeat what SQL can express of the rules. So both stores
refuse what the program refuses.
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    DateTime,
    Dialect,
    Index,
    Text,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
    false,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeEngine
from sqlmodel import Field, SQLModel

from todo_cli import rules

SCHEMA: Final = "todo"
"""The schema on PostgreSQL; names on SQLite have none."""


# `sqlite.py` converts values of these types: commands do not load SQLAlchemy.


class Instant(TypeDecorator[datetime]):
    """An aware datetime: `timestamptz` on PostgreSQL, text on SQLite.

    The text is the same as in the JSON, and it sorts by time.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Store text on SQLite, whose own type would drop the offset."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(DateTime(timezone=True))


class Identifier(TypeDecorator[UUID]):
    """A UUID: native on PostgreSQL, text on SQLite.

    The text has the usual 36 characters, so that people can copy it.
    """

    impl = Uuid()
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Store text on SQLite, which has no type for a UUID."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(Uuid())


_WIDE: Final = "\\u007F-\\u009F\\u2028-\\u202E\\u2066-\\u2069"
REFUSED: Final = f"[\\u0001-\\u001F{_WIDE}]"
"""The refused characters of a line, as PostgreSQL's regular expression."""
REFUSED_IN_LINES: Final = f"[\\u0001-\\u0008\\u000B-\\u001F{_WIDE}]"
"""Those of a text of several lines."""


class TextRule(ColumnElement[bool]):
    """The rules for one text column, as a CHECK in each dialect.

    `longest` counts characters. `lines` allows LF, TAB and NULL.
    """

    inherit_cache = False

    def __init__(self, column: str, *, longest: int, lines: bool) -> None:
        self.column = column
        self.longest = longest
        self.lines = lines

    def render(self, controls: str) -> str:
        """Join the rules for length and edges with those for characters.

        `controls` is the dialect's condition on characters.
        """
        column = self.column
        length = f"length({column}) BETWEEN 1 AND {self.longest}"
        if self.lines:
            return f"{column} IS NULL OR ({length} AND {controls})"
        return f"{length} AND {column} = trim({column}) AND {controls}"


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
    column: str, *, longest: int, lines: bool = False
) -> CheckConstraint:
    """Return the CHECK of a text column."""
    return CheckConstraint(
        TextRule(column, longest=longest, lines=lines), name=f"{column}_text"
    )


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


class CounterRow(SQLModel, table=True):
    """The last number given to a task of a user.

    It only grows, so that a number is never reused.
    """

    __tablename__ = "counter"
    __table_args__ = (
        _text_check("user_id", longest=rules.USER_LENGTH),
        CheckConstraint(_USER_RULES, name="user_id_path"),
        CheckConstraint("last >= 0", name="last_counts"),
        _integer_check("last"),
        # Nobody may delete a counter: its numbers would be given again.
        {"schema": SCHEMA, "info": {"rights": "SELECT, INSERT, UPDATE"}},
    )

    user_id: str = Field(primary_key=True, sa_type=Text)
    last: int


class TaskRow(SQLModel, table=True):
    """One task."""

    __tablename__ = "task"
    __table_args__ = (
        UniqueConstraint("user_id", "number", name="task_user_id_number_key"),
        Index("task_user_id_idx", "user_id"),
        # For a list of all tasks. `number`, because an import gives many tasks
        # one `created_at`, which would have to be sorted.
        Index(
            "task_user_id_created_at_number_idx",
            "user_id",
            "created_at",
            "number",
        ),
        # For the open tasks, the done tasks, and both counts.
        Index(
            "task_user_id_completed_created_at_number_idx",
            "user_id",
            "completed",
            "created_at",
            "number",
        ),
        _text_check("user_id", longest=rules.USER_LENGTH),
        CheckConstraint(_USER_RULES, name="user_id_path"),
        _text_check("title", longest=rules.TITLE_LENGTH),
        _text_check(
            "description", longest=rules.DESCRIPTION_LENGTH, lines=True
        ),
        CheckConstraint("number >= 1", name="number_counts"),
        CheckConstraint(
            "completed = (completed_at IS NOT NULL)", name="completed_has_time"
        ),
        _only_sqlite(
            "id_uuid", f"typeof(id) = 'text' AND id GLOB '{_UUID_SHAPE}'"
        ),
        _integer_check("number"),
        _instant_check("created_at"),
        _instant_check("updated_at"),
        _instant_check("completed_at"),
        {"schema": SCHEMA},
    )

    id: UUID = Field(primary_key=True, sa_type=Identifier)
    number: int
    user_id: str = Field(sa_type=Text)
    title: str = Field(sa_type=Text)
    description: str | None = Field(default=None, sa_type=Text)
    completed: bool = Field(
        default=False, sa_column_kwargs={"server_default": false()}
    )
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)
    completed_at: datetime | None = Field(default=None, sa_type=Instant)
