"""What can go wrong: every error code once, with its exit status and HTTP
status, and an exception class for each code of the command line.

Raise the class that fits, with words for people. Everybody who needs a status
asks the code: `Code.NOT_FOUND.exit`, `error.code.http`.
"""

from collections.abc import Sequence
from enum import Enum, unique
from typing import ClassVar, Final, NamedTuple, TypedDict


class Status(NamedTuple):
    """What a code means, and where it ends.

    `exit` is the exit status of the command, `http` the HTTP status of the
    API; None where the code cannot occur. README and the contract print
    `meaning`.
    """

    exit: int | None
    http: int | None
    meaning: str


@unique
class Code(Enum):
    """The closed list of error codes; a name never changes within a major
    version.

    `error.code` in JSON is the name: `NOT_FOUND`.
    """

    INTERNAL = Status(1, 500, "a bug in todo")
    USAGE = Status(
        2,
        422,
        "the command line is wrong: unknown, missing, or not one of the choices",
    )
    INVALID_INPUT = Status(2, 422, "a value breaks a rule")
    CONFIRMATION_REQUIRED = Status(
        2, 422, "three or more tasks would be deleted without --yes"
    )
    NOT_FOUND = Status(3, 404, "no such task, or not yours")
    AUTH_FAILED = Status(
        4, 500, "the database refuses the password, the role or the address"
    )
    FORBIDDEN = Status(
        4, 500, "the database role lacks the rights, or is read-only"
    )
    CONFLICT = Status(5, 409, "contradicts what is stored")
    DATABASE_UNAVAILABLE = Status(
        6,
        503,
        "the database was not reached; nothing was written, safe to try again",
    )
    DATABASE_BUSY = Status(
        6,
        503,
        "the database is locked or full; nothing was written, safe to try again",
    )
    TIMEOUT = Status(
        6, 504, "no answer in time; nothing was written, safe to try again"
    )
    OUTCOME_UNKNOWN = Status(
        7, 500, "sent, and no answer came: it may or may not be stored"
    )
    CONFIG = Status(8, 500, "a setting is wrong")
    TLS_FAILED = Status(8, 500, "the server could not prove who it is")
    SCHEMA = Status(
        8,
        500,
        "the tables are older or newer than this program, or somebody else's",
    )
    IO_ERROR = Status(9, 500, "local disk or standard output")
    CANCELLED = Status(
        10, None, "the user said no; 128+n when signal n ended it"
    )
    METHOD_NOT_ALLOWED = Status(
        None, 405, "the path does not take this method"
    )
    PAYLOAD_TOO_LARGE = Status(None, 413, "the body is too large")
    UNSUPPORTED_MEDIA_TYPE = Status(None, 415, "the body is not JSON")

    @property
    def exit(self) -> int | None:
        """The exit status of the command; None for a code of the API alone."""
        return self.value.exit

    @property
    def http(self) -> int | None:
        """The HTTP status of the API; None for a code of the command line
        alone.
        """
        return self.value.http

    @property
    def meaning(self) -> str:
        """What it means, for README and the contract."""
        return self.value.meaning


NOTHING_CHANGED: Final = "; nothing was changed"
"""Ends the message of a change that was refused as a whole, so that nobody has
to check the other tasks.
"""


class Detail(TypedDict):
    """One field at fault and why."""

    field: str
    message: str


class TodoError(Exception):
    """A fault with words for people; its class says which `code` programs
    see.
    """

    code: ClassVar[Code] = Code.INTERNAL

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        details: Sequence[Detail] = (),
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
            f"{field}: {message}",
            details=[{"field": field, "message": message}],
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


class NoStore(Exception):
    """There is no store yet, and this call does not make one.

    Not an error for people: the service answers with an empty list, or with
    `NotFound`.
    """
