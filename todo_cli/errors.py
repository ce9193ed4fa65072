"""Every error code, with its exit status and HTTP status.

Each code of the command line has an exception class: raise the one that fits,
with a message for people. A code knows its statuses: `Code.NOT_FOUND.exit`,
`error.code.http`.
"""

from collections.abc import Sequence
from enum import Enum, unique
from typing import ClassVar, Final, NamedTuple, Self, TypedDict


class Status(NamedTuple):
    """The meaning of a code, and how a program ends with it.

    `exit` is the exit status of the command, `http` the HTTP status of the
    API. None means that the code cannot occur there. README and the contract
    print `meaning`.
    """

    exit: int | None
    http: int | None
    meaning: str


@unique
class Code(Enum):
    """The closed list of error codes.

    `error.code` in JSON is the name: `NOT_FOUND`. A name never changes within
    a major version.
    """

    # 1 is only for a bug, so that a script or fuzzer can report every 1.
    INTERNAL = Status(1, 500, "a bug in todo")
    # 2 for a wrong request, like argparse, Click and bash.
    USAGE = Status(
        2,
        422,
        "the command line is wrong: unknown, missing, or not one of the choices",
    )
    INVALID_INPUT = Status(2, 422, "a value breaks a rule")
    CONFIRMATION_REQUIRED = Status(
        2, 422, "tasks would be gone for good, and --yes is missing"
    )
    # Not 2: a script may ignore a task that is gone, but not a typing error.
    NOT_FOUND = Status(3, 404, "no such task, or not yours")
    AUTH_FAILED = Status(
        4, 500, "the database refuses the password, the role or the address"
    )
    FORBIDDEN = Status(
        4, 500, "the database role lacks the rights, or is read-only"
    )
    CONFLICT = Status(
        5, 409, "contradicts what is stored, or a rule of the database"
    )
    # 6 promises that nothing was written, so a loop may retry. 7 cannot: after
    # a lost connection the server's answer is the same in both cases.
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
    # Other programs use 1 or 2 for "no", which mean something else here.
    CANCELLED = Status(
        10, None, "the user said no; 128+n when signal n ended it"
    )
    # The API only.
    UNAUTHORIZED = Status(
        None, 401, "there is no token, or it is not valid (any more)"
    )
    METHOD_NOT_ALLOWED = Status(
        None, 405, "the path does not take this method"
    )
    PRECONDITION_FAILED = Status(
        None, 412, "the task has another version than the request allows"
    )
    PAYLOAD_TOO_LARGE = Status(None, 413, "the body is too large")
    UNSUPPORTED_MEDIA_TYPE = Status(
        None, 415, "the body is not JSON, or encoded"
    )
    RATE_LIMITED = Status(
        None, 429, "too many wrong tokens came from this address"
    )

    @property
    def exit(self) -> int | None:
        """The exit status of the command; None for a code of the API only."""
        return self.value.exit

    @property
    def http(self) -> int | None:
        """The HTTP status of the API; None for a code of commands only."""
        return self.value.http

    @property
    def meaning(self) -> str:
        """The meaning, for README and the contract."""
        return self.value.meaning


NOTHING_CHANGED: Final = "; nothing was changed"
"""Ends the message of a change that was refused as a whole.

So nobody needs to check the other tasks.
"""


NOTHING_ADDED: Final = "; nothing was added"
"""The same for a refused `add`."""


class Detail(TypedDict):
    """A field of the input, and what is wrong with it."""

    field: str
    message: str


INSTALL_EXTRAS: Final = (
    "in the clone, as todo was installed: "
    "`.venv/bin/pip install '.[api,ics]'`, "
    "`uv tool install '.[api,ics]'` "
    "or `pipx install --force '.[api,ics]'`"
)
"""The hint where the package of an extra is missing."""


class TodoError(Exception):
    """An error with a message for people; its class determines `code`.

    `hint` says what to do next. `details` name the fields at fault.
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

    def unchanged(self) -> Self:
        """Return the same error, whose message ends with `NOTHING_CHANGED`."""
        return type(self)(
            f"{self.message}{NOTHING_CHANGED}",
            hint=self.hint,
            details=self.details,
        )


class Usage(TodoError):
    """The command line cannot be parsed."""

    code = Code.USAGE


class InvalidInput(TodoError):
    """A value breaks a rule of its field."""

    code = Code.INVALID_INPUT

    @classmethod
    def of(
        cls, field: str, message: str, *, hint: str | None = None
    ) -> "InvalidInput":
        """Return an error about one field, in the message and in the details.

        The name of the field comes first, as JSON and REST have it.
        """
        return cls(
            f"{field}: {message}",
            hint=hint,
            details=[{"field": field, "message": message}],
        )


class BadRecords(InvalidInput):
    """Several records of a file break rules.

    `details` name the first ones. The text of every other error has two
    lines; that of this one also has a line for each detail.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        details: Sequence[Detail] = (),
        count: int = 0,
    ) -> None:
        super().__init__(message, hint=hint, details=details)
        self.count = count
        """How many they are, named or not."""

    def lines(self) -> list[str]:
        """Return a line for each detail, and one for those without."""
        lines = [detail["message"] for detail in self.details]
        others = self.count - len(lines)
        if others > 0:
            lines.append(f"and {others:,} more")
        return lines


class ConfirmationRequired(TodoError):
    """What cannot be undone needs a confirmation."""

    code = Code.CONFIRMATION_REQUIRED


class NotFound(TodoError):
    """The user has no such task."""

    code = Code.NOT_FOUND


class InTrash(NotFound):
    """The task is in the trash, where this cannot be done with it."""


class AuthFailed(TodoError):
    """The database refuses the password, the role or the address."""

    code = Code.AUTH_FAILED


class Forbidden(TodoError):
    """The role lacks the rights, or the database is read-only."""

    code = Code.FORBIDDEN


class Conflict(TodoError):
    """The request contradicts what is stored."""

    code = Code.CONFLICT


class VersionConflict(Conflict):
    """The task has another version than the one that was asked for.

    The message of its one detail is the version that the task has.
    """


class PartlyDone(Conflict):
    """A rule of the database kept a part of a change from being done.

    Nobody may add to the message that nothing was changed.
    """


class DatabaseUnavailable(TodoError):
    """The database was not reached; nothing was written."""

    code = Code.DATABASE_UNAVAILABLE


class DatabaseBusy(TodoError):
    """Another program holds the lock; nothing was written."""

    code = Code.DATABASE_BUSY


class TimedOut(TodoError):
    """No answer came in time; nothing was written."""

    code = Code.TIMEOUT


class OutcomeUnknown(TodoError):
    """A write was sent and no answer came: it may be stored or not."""

    code = Code.OUTCOME_UNKNOWN


class ConfigInvalid(TodoError):
    """A setting is wrong."""

    code = Code.CONFIG


class TlsFailed(TodoError):
    """The server could not prove its identity."""

    code = Code.TLS_FAILED


class SchemaMismatch(TodoError):
    """The tables do not fit this version, or are another program's."""

    code = Code.SCHEMA


class IoFailed(TodoError):
    """A local disk or standard output failed."""

    code = Code.IO_ERROR


class Cancelled(TodoError):
    """Somebody gave up, or a signal ended the command."""

    code = Code.CANCELLED


class Declined(Cancelled):
    """Somebody has answered a question with no, which is no error."""


class Internal(TodoError):
    """A bug in todo."""

    code = Code.INTERNAL


def first_few(words: Sequence[object], most: int) -> str:
    """Join the first words for a message, and say if there are more."""
    named = ", ".join(str(word) for word in words[:most])
    if len(words) > most:
        named += " and more"
    return named


class NoStore(Exception):
    """There is no store yet, and this call does not create one.

    Not an error for people: the service returns an empty list, or raises
    `NotFound`.
    """
