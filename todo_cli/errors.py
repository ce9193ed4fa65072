"""What can go wrong, as values: one class for each error code, and the one table of codes.

    TodoError
    ├── Usage, InvalidInput, ConfirmationRequired      the request is wrong
    ├── NotFound                                       no such task, or not yours
    ├── AuthFailed, Forbidden                          the database refuses us
    ├── Conflict                                       contradicts what is stored
    ├── DatabaseUnavailable, DatabaseBusy, TimedOut    nothing was written, safe to try again
    ├── OutcomeUnknown                                 sent, and no answer came
    ├── ConfigInvalid, TlsFailed, SchemaMismatch       settings, certificate, schema
    ├── IoFailed                                       local disk or standard output
    ├── Cancelled                                      the user said no, or a signal ended it
    └── Internal                                       a bug

An error knows its code and its words. Which exit status or HTTP status a code has
stands in `STATUSES` alone.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import ClassVar, Final, NamedTuple, TypedDict


class Code(StrEnum):
    """The closed list of `error.code`; never renamed within a major version."""

    INTERNAL = "INTERNAL"
    USAGE = "USAGE"
    INVALID_INPUT = "INVALID_INPUT"
    CONFIRMATION_REQUIRED = "CONFIRMATION_REQUIRED"
    NOT_FOUND = "NOT_FOUND"
    AUTH_FAILED = "AUTH_FAILED"
    FORBIDDEN = "FORBIDDEN"
    CONFLICT = "CONFLICT"
    DATABASE_UNAVAILABLE = "DATABASE_UNAVAILABLE"
    DATABASE_BUSY = "DATABASE_BUSY"
    TIMEOUT = "TIMEOUT"
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    CONFIG = "CONFIG"
    TLS_FAILED = "TLS_FAILED"
    SCHEMA = "SCHEMA"
    IO_ERROR = "IO_ERROR"
    CANCELLED = "CANCELLED"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"


class Status(NamedTuple):
    """Where a code ends: the exit status of the command, the HTTP status of the API;
    None where it cannot occur.
    """

    exit: int | None
    http: int | None
    meaning: str


STATUSES: Mapping[Code, Status] = {
    Code.INTERNAL: Status(1, 500, "a bug in todo"),
    Code.USAGE: Status(
        2, 422, "the command line is wrong: unknown, missing, or not one of the choices"
    ),
    Code.INVALID_INPUT: Status(2, 422, "a value breaks a rule"),
    Code.CONFIRMATION_REQUIRED: Status(
        2, 422, "three or more tasks would be deleted without --yes"
    ),
    Code.NOT_FOUND: Status(3, 404, "no such task, or not yours"),
    Code.AUTH_FAILED: Status(
        4, 500, "the database refuses the password, the role or the address"
    ),
    Code.FORBIDDEN: Status(
        4, 500, "the database role lacks the rights, or is read-only"
    ),
    Code.CONFLICT: Status(5, 409, "contradicts what is stored"),
    Code.DATABASE_UNAVAILABLE: Status(
        6, 503, "the database was not reached; nothing was written, safe to try again"
    ),
    Code.DATABASE_BUSY: Status(
        6, 503, "the database is locked or full; nothing was written, safe to try again"
    ),
    Code.TIMEOUT: Status(
        6, 504, "no answer in time; nothing was written, safe to try again"
    ),
    Code.OUTCOME_UNKNOWN: Status(
        7, 500, "sent, and no answer came: it may or may not be stored"
    ),
    Code.CONFIG: Status(8, 500, "a setting is wrong"),
    Code.TLS_FAILED: Status(8, 500, "the server could not prove who it is"),
    Code.SCHEMA: Status(
        8, 500, "the tables are older or newer than this program, or somebody else's"
    ),
    Code.IO_ERROR: Status(9, 500, "local disk or standard output"),
    Code.CANCELLED: Status(10, None, "the user said no; 128+n when signal n ended it"),
    Code.METHOD_NOT_ALLOWED: Status(None, 405, "the path does not take this method"),
    Code.PAYLOAD_TOO_LARGE: Status(None, 413, "the body is too large"),
    Code.UNSUPPORTED_MEDIA_TYPE: Status(None, 415, "the body is not JSON"),
}
"""The one table of codes: the command line, the API, the docs and the schemas all read it."""


NOTHING_CHANGED: Final = "; nothing was changed"
"""Ends the message of a change that was refused as a whole: nobody has to look what
became of the other tasks.
"""


class Detail(TypedDict):
    """One field at fault and why."""

    field: str
    message: str


class TodoError(Exception):
    """A fault with words for people; its class says which `code` programs see."""

    code: ClassVar[Code] = Code.INTERNAL

    def __init__(
        self, message: str, *, hint: str | None = None, details: Sequence[Detail] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = tuple(details)


class Usage(TodoError):
    """The command line cannot be understood."""

    code = Code.USAGE


class InvalidInput(TodoError):
    """A value breaks a rule."""

    code = Code.INVALID_INPUT

    @classmethod
    def of(cls, field: str, message: str) -> "InvalidInput":
        """Name one field at fault, in the message and in the details."""
        return cls(
            f"{field}: {message}", details=[{"field": field, "message": message}]
        )


class ConfirmationRequired(TodoError):
    """Too much would be deleted without a yes."""

    code = Code.CONFIRMATION_REQUIRED


class NotFound(TodoError):
    """No task of this user fits."""

    code = Code.NOT_FOUND


class AuthFailed(TodoError):
    """The database refuses the password, the role or the address."""

    code = Code.AUTH_FAILED


class Forbidden(TodoError):
    """The role lacks the rights, or the database is read-only."""

    code = Code.FORBIDDEN


class Conflict(TodoError):
    """The request contradicts what is stored."""

    code = Code.CONFLICT


class DatabaseUnavailable(TodoError):
    """The database was not reached; nothing was written."""

    code = Code.DATABASE_UNAVAILABLE


class DatabaseBusy(TodoError):
    """Somebody else holds the lock; nothing was written."""

    code = Code.DATABASE_BUSY


class TimedOut(TodoError):
    """No answer came in time; nothing was written."""

    code = Code.TIMEOUT


class OutcomeUnknown(TodoError):
    """A write was sent and no answer came."""

    code = Code.OUTCOME_UNKNOWN


class ConfigInvalid(TodoError):
    """A setting is wrong."""

    code = Code.CONFIG


class TlsFailed(TodoError):
    """The server could not prove who it is."""

    code = Code.TLS_FAILED


class SchemaMismatch(TodoError):
    """The tables do not fit this program."""

    code = Code.SCHEMA


class IoFailed(TodoError):
    """Local disk or standard output."""

    code = Code.IO_ERROR


class Cancelled(TodoError):
    """The user said no, or a signal ended it."""

    code = Code.CANCELLED


class Internal(TodoError):
    """A bug."""

    code = Code.INTERNAL
