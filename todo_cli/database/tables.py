"""The tables as SQLModel has them: columns, how each store keeps their types,
CHECKs and indexes.

What SQL can say of the rules stands here as CHECK constraints: both stores
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
"""PostgreSQL's schema of our own; on SQLite it is left out of every name."""


# On SQLite `sqlite.py` turns these values into texts and back.


class Instant(TypeDecorator[datetime]):
    """An aware datetime: `timestamptz` on PostgreSQL; on SQLite the text of
    the JSON.

    The texts sort by time.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Store text on SQLite, which would drop the zone."""
        return dialect.type_descriptor(
            Text() if dialect.name == "sqlite" else DateTime(timezone=True)
        )


class Identifier(TypeDecorator[UUID]):
    """A UUID: native on PostgreSQL; on SQLite its 36 characters, as people and
    scripts write it.
    """

    impl = Uuid()
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Store text on SQLite."""
        return dialect.type_descriptor(
            Text() if dialect.name == "sqlite" else Uuid()
        )


class TextRule(ColumnElement[bool]):
    """The rules for one text column in SQL, each store in its own dialect;
    `lines` allows LF, TAB and NULL.
    """

    inherit_cache = False

    def __init__(self, column: str, *, longest: int, lines: bool) -> None:
        self.column = column
        self.longest = longest
        self.lines = lines

    def render(self, controls: str) -> str:
        """Join what both stores say alike with what `controls` says of
        characters.
        """
        edges = (
            "" if self.lines else f" AND {self.column} = trim({self.column})"
        )
        rule = f"length({self.column}) BETWEEN 1 AND {self.longest}{edges} AND {controls}"
        return f"{self.column} IS NULL OR ({rule})" if self.lines else rule


@compiles(TextRule, "postgresql")
def _postgresql_rule(
    rule: TextRule, compiler: object, **options: object
) -> str:
    controls = (
        "\\u0001-\\u0008\\u000B-\\u001F" if rule.lines else "\\u0001-\\u001F"
    )
    return rule.render(
        f"{rule.column} !~ '[{controls}\\u007F-\\u009F\\u2028-\\u202E\\u2066-\\u2069]'"
    )


@compiles(TextRule, "sqlite")
def _sqlite_rule(rule: TextRule, compiler: object, **options: object) -> str:
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
    return CheckConstraint(
        TextRule(column, longest=longest, lines=lines), name=f"{column}_text"
    )


def _only_sqlite(name: str, rule: str) -> CheckConstraint:
    """State for SQLite what PostgreSQL's column types say by themselves."""
    return CheckConstraint(rule, name=name).ddl_if(dialect="sqlite")


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
    """The last number given to a user's task; it only grows, so that no number
    is given twice.
    """

    __tablename__ = "counter"
    __table_args__ = (
        _text_check("user_id", longest=rules.USER_LENGTH),
        CheckConstraint(_USER_RULES, name="user_id_path"),
        CheckConstraint("last >= 0", name="last_counts"),
        _only_sqlite("last_integer", "typeof(last) = 'integer'"),
        {"schema": SCHEMA, "info": {"rights": "SELECT, INSERT, UPDATE"}},
    )

    user_id: str = Field(primary_key=True, sa_type=Text)
    last: int


class TaskRow(SQLModel, table=True):
    """A task as it is stored, one row."""

    __tablename__ = "task"
    __table_args__ = (
        UniqueConstraint("user_id", "number", name="task_user_id_number_key"),
        Index("task_user_id_idx", "user_id"),
        Index(
            "task_user_id_created_at_number_idx",
            "user_id",
            "created_at",
            "number",
        ),
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
        _only_sqlite("id_uuid", f"id GLOB '{_UUID_SHAPE}'"),
        _only_sqlite("number_integer", "typeof(number) = 'integer'"),
        _only_sqlite(
            "created_at_instant", f"created_at GLOB '{_INSTANT_SHAPE}'"
        ),
        _only_sqlite(
            "updated_at_instant", f"updated_at GLOB '{_INSTANT_SHAPE}'"
        ),
        _only_sqlite(
            "completed_at_instant",
            f"completed_at IS NULL OR completed_at GLOB '{_INSTANT_SHAPE}'",
        ),
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
