"""Tasks and envelopes as pydantic models and JSON Schema, made from `task.py`.

A new field of a task needs no line here. A body is checked in two steps:
pydantic checks which fields it has and their JSON types. Then `NewTask` or
`TaskChange` applies the rules.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from datetime import date, datetime
from functools import partial
from types import NoneType
from typing import (
    Annotated,
    Any,
    Final,
    TypeVar,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    create_model,
)

from todo_cli import rules, task
from todo_cli.api import patterns
from todo_cli.docstring import docstring
from todo_cli.errors import Code

Schema = dict[str, Any]
Model = TypeVar("Model", bound=type[BaseModel])

_JSON_TYPES: Final[Mapping[type, Schema]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    UUID: {"type": "string", "format": "uuid"},
    date: {"type": "string", "format": "date"},
    list: {"type": "array", "items": {"type": "string"}},
    datetime: {
        "type": "string",
        "format": "date-time",
        "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
        r"\.[0-9]{6}Z$",
    },
}
"""The JSON Schema of each Python type."""


def stored(shape: Any) -> dict[str, Schema]:
    """Make the JSON Schema of each field in an answer, with its limits."""
    kinds = get_type_hints(shape)
    schemas = {}
    for name, note in task.about(shape).items():
        schemas[name] = _schema(kinds[name], note.words, note.limits)
    return schemas


def _incoming(shape: Any) -> dict[str, Any]:
    """Make the pydantic field of each field in a request, without its rules.

    The rules apply later, so that a fault has the same message as in the
    command line.
    """
    kinds = get_type_hints(shape)
    notes = task.about(shape)
    made: dict[str, Any] = {}
    stored_names = {each.name for each in fields(task.Task)}
    for each in fields(shape):
        # What only the command line offers, such as a tag to add.
        if each.name not in stored_names:
            continue
        note = notes[each.name]
        limits = patterns.BODY.get(each.name, note.limits)
        kind = _written(kinds[each.name], note, limits)
        is_required = each.default is each.default_factory is MISSING
        if is_required:
            made[each.name] = kind
        else:
            # By a factory, because a default would appear in the schema.
            made[each.name] = (kind, Field(default_factory=NoneType))
    return made


def _written(kind: Any, note: task.About, limits: Mapping[str, Any]) -> Any:
    """Make the pydantic type of a JSON value in a request."""
    plain, is_nullable = _without_none(kind)
    words = note.words_in or note.words
    schema = WithJsonSchema(_schema(kind, words, limits))
    # UUIDs and times come as text, which the rules read.
    written: Any = str
    if plain in (bool, int):
        written = plain
    if plain is list:
        item = _counted("tags", limits["items"])
        many = Field(max_length=limits["maxItems"])
        written = Annotated[list[item], many]  # type: ignore[valid-type]
    if note.clean is rules.clean_project:
        written = _counted("project", limits)
    if "enum" in limits:
        # An empty text is no value here, unlike in `todo edit`.
        written = Annotated[str, Field(min_length=1)]
    if is_nullable:
        written = written | None
    return Annotated[written, schema]


def _counted(field: str, limits: Mapping[str, Any]) -> Any:
    """Make the pydantic type of a text whose blanks at the ends count, too."""
    check = partial(patterns.check_length, field, limits["maxLength"])
    return Annotated[str, AfterValidator(check)]


def _schema(kind: Any, words: str, limits: Mapping[str, Any]) -> Schema:
    """Make the JSON Schema of one field."""
    plain, is_nullable = _without_none(kind)
    schema = {**_JSON_TYPES[plain], **limits, "description": words}
    if is_nullable:
        schema["type"] = [schema["type"], "null"]
    return schema


def _without_none(kind: Any) -> tuple[type, bool]:
    """Split `int | None` into `int` and whether None is allowed."""
    kinds: tuple[Any, ...] = (kind,)
    if get_origin(kind) is not list:
        kinds = get_args(kind) or kinds
    (plain,) = [each for each in kinds if each is not NoneType]
    return get_origin(plain) or plain, NoneType in kinds


def _with_fields(made: dict[str, Any]) -> Callable[[Model], Model]:
    """Make a decorator that adds fields to a model."""

    def extend(model: Model) -> Model:
        extended: Any = create_model(
            model.__name__,
            __base__=model,
            __doc__=model.__doc__,
            **made,
        )
        return cast(Model, extended)

    return extend


class _Object(BaseModel):
    """A JSON object without conversion between types.

    One of an answer may have other fields: a minor version may add some.
    """

    model_config = ConfigDict(extra="allow", strict=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Keep the docstring for the contract, as `python -OO` removes it."""
        if cls.__doc__ is None:
            cls.__doc__ = docstring(cls)


class _Body(_Object):
    """A JSON object of a request: no other fields."""

    model_config = ConfigDict(extra="forbid")


@_with_fields(_incoming(task.NewTask))
class TaskCreate(_Body):
    """A new task."""

    def new_task(self) -> task.NewTask:
        """Apply the rules to the fields of the body.

        Raises:
            InvalidInput: a value breaks a rule.
        """
        values = self.model_dump(exclude_unset=True)
        return task.NewTask(**values)


@_with_fields(_incoming(task.TaskChange))
class TaskUpdate(_Body):
    """The fields to change, at least one of them."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    def change(self) -> task.TaskChange:
        """Apply the rules to the fields that the body has.

        Raises:
            InvalidInput: a value breaks a rule.
        """
        values = self.model_dump(exclude_unset=True)
        return task.TaskChange(**values)


def _whole(value: Any) -> Any:
    """Return a number such as 7.0, which is an integer in JSON, as one."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


class ToUndo(_Body):
    """What to take back."""

    operation: Annotated[
        int,
        BeforeValidator(_whole),
        WithJsonSchema(
            {
                "type": "integer",
                "minimum": 1,
                "description": "The number of an operation; without it the latest.",
            }
        ),
        Field(ge=1, default_factory=NoneType),
    ]


class Nothing(_Body):
    """An empty object: there is nothing to say."""


def _described(shape: Any) -> dict[str, Any]:
    """Make the pydantic field of each field in an answer, without a check."""
    made: dict[str, Any] = {}
    for name, schema in stored(shape).items():
        made[name] = Annotated[Any, WithJsonSchema(schema)]
    return made


@_with_fields(_described(task.Task))
class Task(_Object):
    """A task with all of its fields; a minor version may add some."""


_NOT_IN_CHANGES: Final = ("id", "number", "user_id", "updated_at", "version")


def _changes() -> Schema:
    """Make the JSON Schema of the fields that an operation changed."""
    properties = {}
    for name, schema in stored(task.Task).items():
        if name in _NOT_IN_CHANGES:
            continue
        kind = schema["type"]
        value = {**schema, "type": kind}
        del value["description"]
        if isinstance(kind, str):
            # A new task has no old values.
            value["type"] = [kind, "null"]
        properties[name] = {
            "type": "array",
            "items": value,
            "minItems": 2,
            "maxItems": 2,
        }
    return {
        "type": "object",
        "description": "The old and the new value of each field that changed; those "
        "that a new task has, from null. Empty if the task was purged.",
        "properties": properties,
    }


_TASK: Final = stored(task.Task)
_Number = Annotated[
    int,
    Field(ge=1, description="Counted for each user from 1, without a gap."),
]


class Entry(_Object):
    """What an operation did with one task; a minor version may add fields."""

    id: Annotated[UUID, WithJsonSchema(_TASK["id"])]
    number: Annotated[int, WithJsonSchema(_TASK["number"])]
    title: Annotated[
        str | None,
        WithJsonSchema(
            {
                **_TASK["title"],
                "type": ["string", "null"],
                "description": "Its title now; null if it was purged.",
            }
        ),
    ]
    changes: Annotated[dict[str, Any], WithJsonSchema(_changes())]


class Operation(_Object):
    """What one command or request did; a minor version may add fields."""

    operation: _Number
    id: UUID
    at: Annotated[datetime, WithJsonSchema(_JSON_TYPES[datetime])]
    command: Annotated[
        str,
        Field(
            description="The verb of the command, such as `done`. POST is `add`, PUT "
            "and PATCH are `update`. A minor version may add some."
        ),
    ]
    undoes: Annotated[
        int | None,
        WithJsonSchema(
            {
                "type": ["integer", "null"],
                "minimum": 1,
                "description": "For `undo` the operation that it took back, for `redo` "
                "the `undo`.",
            }
        ),
    ]
    undone_by: Annotated[
        int | None,
        WithJsonSchema(
            {
                "type": ["integer", "null"],
                "minimum": 1,
                "description": "The `undo` that took it back.",
            }
        ),
    ]
    tasks: Annotated[
        list[Entry], Field(description="In the order of their numbers.")
    ]


class Undone(_Object):
    """What an undo or redo did; a minor version may add fields."""

    operation: Annotated[
        int,
        Field(
            ge=1,
            description="The number of this undo or redo; of the undo before, if "
            "nothing was left to do.",
        ),
    ]
    undoes: Annotated[
        int,
        Field(
            ge=1,
            description="The operation that is undone; for a redo it is an undo.",
        ),
    ]
    tasks: Annotated[
        list[Task],
        Field(
            description="The changed tasks as they are now; no purged ones."
        ),
    ]


_Message = Annotated[str, Field(description="For people; may change.")]
# No `const`: what openapi-generator makes of one for Python refuses every answer.
_Success = Annotated[
    bool, Field(description="True: it is done.", examples=[True])
]
_Fault = Annotated[
    bool, Field(description="False: it is not done.", examples=[False])
]
_Code = Annotated[
    str,
    WithJsonSchema(
        {
            "type": "string",
            "examples": [code.name for code in Code if code.http],
            "description": "One of a list that a minor version may make longer; the "
            "command line shares it, and alone uses USAGE and CONFIRMATION_REQUIRED. "
            "Each code has one HTTP status, except FORBIDDEN: 403 about the request, 500 "
            "where the database says so.",
        }
    ),
]


class TaskEnvelope(_Object):
    """A success with one task."""

    success: _Success
    data: Task
    message: _Message


class TaskListEnvelope(_Object):
    """A success with a page of tasks."""

    success: _Success
    data: list[Task]
    message: _Message


class HistoryEnvelope(_Object):
    """A success with a page of operations, the latest first."""

    success: _Success
    data: list[Operation]
    message: _Message


class UndoneEnvelope(_Object):
    """A success of an undo or redo."""

    success: _Success
    data: Undone
    message: _Message


class Health(_Object):
    """That the store answers."""

    status: Annotated[str, Field(examples=["ok"])]


class HealthEnvelope(_Object):
    """A success without tasks."""

    success: _Success
    data: Health
    message: _Message


class Me(_Object):
    """Whose token a request has; a minor version may add fields."""

    user_id: Annotated[str, Field(description="Whose tasks it opens.")]
    id: Annotated[UUID | None, Field(description="Its id; null for a JWT.")]
    name: Annotated[str | None, Field(description="Its name; null for a JWT.")]
    read_only: Annotated[bool, Field(description="Whether it may only read.")]
    expires_at: Annotated[
        datetime | None,
        Field(description="From when on it opens nothing; null: never."),
    ]


class MeEnvelope(_Object):
    """A success that names the holder of a token."""

    success: _Success
    data: Me
    message: _Message


class FailureDetail(_Object):
    """One field at fault."""

    field: str
    message: _Message


class Failure(_Object):
    """What went wrong."""

    code: _Code
    message: _Message
    hint: Annotated[
        str, Field(description="What to do about it.", default_factory=str)
    ]
    details: Annotated[
        list[FailureDetail], Field(min_length=1, default_factory=list)
    ]


class FailureEnvelope(_Object):
    """A failure."""

    success: _Fault
    error: Failure
