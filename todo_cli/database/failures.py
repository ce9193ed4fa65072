"""Translate a driver's error into one of ours; no other module does.

It goes by SQLSTATE, by SQLite's error name, or by the message of Neon's proxy
or PgBouncer.

asyncpg and sqlite3 raise their own errors. `OSError` means that a connection
was refused, reset, not resolved, timed out, or failed at TLS. Statements and
parameters never enter a message.
"""

import errno
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeGuard

from todo_cli import disk, rules
from todo_cli.database.url import PostgresTarget, Target, trusted_files
from todo_cli.errors import (
    AuthFailed,
    ConfigInvalid,
    Conflict,
    DatabaseBusy,
    DatabaseUnavailable,
    Forbidden,
    Internal,
    InvalidInput,
    IoFailed,
    SchemaMismatch,
    TimedOut,
    TlsFailed,
    TodoError,
)

if TYPE_CHECKING:
    # Some Pythons are built without it, and files do not need it.
    import ssl


class Reply(NamedTuple):
    """A row of a table of errors: class, message and hint.

    `{place}` is where the tasks are, `{name}` the name of the file without its
    folder, `{state}` the SQLSTATE.
    """

    kind: type[TodoError]
    message: str
    hint: str | None = None

    def fill(self, place: str, state: str = "") -> TodoError:
        """Make the error, with the placeholders filled in."""
        values = {"place": place, "name": Path(place).name, "state": state}
        hint = self.hint and self.hint.format_map(values)
        return self.kind(self.message.format_map(values), hint=hint)


# PostgreSQL, by SQLSTATE

ABSENT: Final = frozenset({"42P01", "3F000", "42703"})
"""A table, schema or column is missing.

PostgreSQL reports it while parsing a statement, before anything runs.
"""
NO_RIGHTS: Final = "42501"
STRANGERS_STATE: Final = "TD001"
"""The SQLSTATE that our own SQL raises for a schema with another owner.

The message is the name of that role.
"""
_TAKEN_STATE: Final = "23505"
_OUR_KEYS: Final = frozenset(
    {
        "task_pkey",
        "task_user_id_number_key",
        "counter_pkey",
        "operation_pkey",
        "change_pkey",
    }
)
"""Our unique keys, as PostgreSQL names them in an error."""
_COUNTED: Final = frozenset(
    {"task_user_id_number_key", "operation_pkey", "change_pkey"}
)
"""Those of numbers that are counted."""

_REFUSED: Final = Reply(
    AuthFailed,
    "{place} refuses the user or the password",
    "check the connection string",
)
NO_GRANT: Final = Reply(
    Forbidden,
    "The role lacks the rights in {place}",
    "the owner can run what `todo db upgrade --sql` prints",
)
_NO_DATABASE: Final = Reply(
    ConfigInvalid,
    "There is no such database: {place}",
    "check the name at the end of the URL",
)
MAKES_UTF8: Final = (
    "CREATE DATABASE todo_utf8 TEMPLATE template0 "
    "ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
)
"""The SQL that makes a database for every text, whatever the server's locale."""
SEE_DOCTOR: Final = "see `todo doctor`"
"""The hint if something is wrong with the store in use."""

_ODD_TABLES: Final = Reply(
    SchemaMismatch,
    "The tables in {place} do not fit this program",
    SEE_DOCTOR,
)
_BUSY: Final = Reply(DatabaseBusy, "{place} is busy", "try again")
_TAKEN: Final = Reply(Conflict, "The id or the number is taken")
_UNAVAILABLE: Final = Reply(
    DatabaseUnavailable, "{place} is not available", "try again"
)
_UNSUPPORTED: Final = Reply(
    ConfigInvalid,
    "{place} does not support what todo needs ({state})",
    "see `todo doctor`",
)
_PARAMETER: Final = Reply(
    ConfigInvalid,
    "{place} refuses a parameter of the URL",
    "leave `options` out of the URL",
)
_INVALID: Final = Reply(
    InvalidInput,
    "{place} refuses a value ({state})",
    "a rule of that database does not allow it: ask its owner",
)
_REFUSES: Final = Reply(
    Conflict,
    "{place} refuses this ({state})",
    "a trigger or a rule there forbids it: ask its owner",
)
_FAILING: Final = Reply(
    IoFailed,
    "{place} cannot read or write its own files ({state})",
    "its owner has to look at its log",
)
_STOPPED: Final = Reply(TimedOut, "{place} ended the transaction", "try again")

# Source: PostgreSQL manual, appendix A. Everything else is `_REFUSES`: any
# function that the owner of the database wrote can raise any SQLSTATE.
_STATES: Final[Mapping[str, Reply]] = {
    "08": _UNAVAILABLE,
    "0A": _UNSUPPORTED,
    # Roles and their rights: who may grant, act as or revoke what.
    "0L": NO_GRANT,
    "0P": NO_GRANT,
    "2B": NO_GRANT,
    "22": _INVALID,
    "23502": _INVALID,
    "23505": _TAKEN,
    "23514": _INVALID,
    # Statements, cursors and transactions that a proxy lost or ended.
    "24": _UNSUPPORTED,
    "25": _UNSUPPORTED,
    "25006": Reply(
        Forbidden,
        "{place} is read-only",
        "connect to the primary server, or set "
        "`default_transaction_read_only` to `off`",
    ),
    # The server's limits on time.
    "25P03": _STOPPED,
    "25P04": _STOPPED,
    "26": _UNSUPPORTED,
    "28": _REFUSED,
    "34": _UNSUPPORTED,
    "3D000": _NO_DATABASE,
    "3F000": _ODD_TABLES,
    # A call that the server rolled back can be repeated.
    "40": _BUSY,
    "40002": _REFUSES,
    "42": _UNSUPPORTED,
    "42501": NO_GRANT,
    "42703": _ODD_TABLES,
    "42P01": _ODD_TABLES,
    # The condition of a view.
    "44": _INVALID,
    "53": _UNAVAILABLE,
    "53100": Reply(IoFailed, "The disk of {place} is full"),
    "53300": _BUSY,
    "54": _UNSUPPORTED,
    # A value is too long for an index, for example.
    "54000": _INVALID,
    # For example a view has the name of a table.
    "55": _ODD_TABLES,
    "55006": _BUSY,
    "55P03": _BUSY,
    "57": _UNAVAILABLE,
    "57014": Reply(TimedOut, "{place} cancelled the statement", "try again"),
    "58": _FAILING,
    "72": _BUSY,
    # Its configuration file is wrong.
    "F0": _UNAVAILABLE,
    # The tables are on another server.
    "HV": _UNAVAILABLE,
    "XX": Reply(
        IoFailed,
        "{place} is damaged ({state})",
        "its owner has to look at its log",
    ),
}
"""By SQLSTATE, or by its class: the first two characters."""

_AT_START: Final[Mapping[str, Reply]] = {
    "22": _PARAMETER,
    "42704": _PARAMETER,
    # The database takes no connections at present.
    "55000": _UNAVAILABLE,
}
"""While connecting, these are about a setting that was sent."""

_LOST: Final = "08003"
"""What asyncpg says of a lost connection."""
_ENDED: Final = frozenset({"25P03", "25P04", "57P05"})
"""The server's limits on time: it rolled back before it hung up."""
_UNKNOWN: Final = frozenset({"57P01", "57P02", "40003"})
"""Besides class 08: the server ended before it said what became of a call."""

_BY_ROUTINE: Final[Mapping[str | None, Reply]] = {
    # The login's name is not the role's name after SET ROLE.
    "ExecWithCheckOptions": Reply(
        Forbidden,
        "The role of this connection may only keep the tasks of the user of "
        "its own name in {place}",
        "leave out --user, or log in with the role of that person; to import "
        "the tasks of several, log in with a role that may bypass it",
    ),
    "check_enable_rls": Reply(
        Forbidden,
        "The role must not turn row-level security off in {place}",
        "set `row_security` to `on` again",
    ),
}
"""Refusals by row-level security, by the C function of PostgreSQL.

They have the SQLSTATE of a missing GRANT, and a message in the server's
language.
"""

_ROLLED_BACK: Final = frozenset(
    {
        # Two transactions that the server would not let overlap. At the levels
        # `repeatable read` and `serializable` that is the usual way to wait.
        "40001",
        "40P01",
        # Somebody holds a lock, and `lock_timeout` is short.
        "55P03",
        # Two programs make the schema, at one of those levels.
        "42P06",
        # The session was ended because it was idle; another one is not.
        "25P03",
        "57P05",
    }
)
"""The server refused for the moment, and nothing was written."""

_PASSING_STATES: Final = frozenset(
    {
        "57P01",
        "57P02",
        "57P03",
        "53300",
        "08000",
        "08001",
        "08003",
        "08004",
        "08006",
    }
)
"""Temporary faults of connecting: a later attempt may succeed."""

# PostgreSQL, by message: Neon's proxy says XX000 for everything, PgBouncer
# 08P01 for everything about who may connect. The first row whose text is in
# the message counts.

_NEON_REFUSED: Final = Reply(
    AuthFailed,
    "{place} refuses the user, the password or the address",
    "check the connection string",
)
_NEON_GONE: Final = Reply(
    ConfigInvalid,
    "The endpoint of {place} is disabled or gone",
    "check it in Neon's console",
)
_NEON_UNNAMED: Final = Reply(
    ConfigInvalid,
    "The host of {place} is not a Neon endpoint",
    "copy the string from Neon's console",
)

# Source: neondatabase/neon, proxy/src (control_plane, stream, auth).
_NEON: Final[tuple[tuple[str, Reply], ...]] = (
    ("password authentication failed", _NEON_REFUSED),
    ("is not allowed to connect", _NEON_REFUSED),
    ("This IP address", _NEON_REFUSED),
    ("does not exist", _NO_DATABASE),
    (
        "quota",
        Reply(
            ConfigInvalid,
            "{place} has used up its quota",
            "see the plan and its limits in Neon's console",
        ),
    ),
    ("disabled", _NEON_GONE),
    ("cannot be found", _NEON_GONE),
    ("Endpoint ID", _NEON_UNNAMED),
    ("project name", _NEON_UNNAMED),
    (
        "connection is insecure",
        Reply(
            ConfigInvalid,
            "{place} requires TLS",
            "write `sslmode=require` in the URL, not `sslmode=disable`",
        ),
    ),
    ("unsupported startup parameter", _PARAMETER),
    ("", _UNAVAILABLE),
)
# Neon's proxy uses one SQLSTATE for faults that pass and faults that stay.
_NEON_FINAL: Final = (
    "endpoint is disabled",
    "endpoint cannot be found",
    "quota",
)
_NEON_WAKING: Final = (
    "Couldn't connect to compute node",
    "Control plane request failed",
    "Failed to acquire permit",
    "Too many connections",
)

_POOLER: Final[tuple[tuple[str, Reply], ...]] = (
    ("no such database", _NO_DATABASE),
    ("unsupported startup parameter", _PARAMETER),
    ("authentication failed", _REFUSED),
    ("no such user", _REFUSED),
    ("password", _REFUSED),
    ("", _UNSUPPORTED),
)
_BY_MESSAGE: Final = {"XX000": _NEON, "08P01": _POOLER}

# SQLite, by the beginning of its error's name


class Damaged(IoFailed):
    """The pages of a file do not fit together, or a text is not UTF-8."""


_NOT_CHANGED: Final = "nothing was changed; "
_MOVE_AWAY: Final = (
    "move {name} away, with {name}-wal and {name}-shm if they are there"
)
_DAMAGED: Final = Reply(
    Damaged,
    "{place} is damaged",
    f"{_NOT_CHANGED}{_MOVE_AWAY}, then `todo db import` it, or a backup",
)
_LOCKED: Final = Reply(
    DatabaseBusy, "{place} is locked by another program", "try again"
)
_IN_THE_WAY: Final = Reply(
    DatabaseBusy, "Another program is in the way at {place}", "try again"
)
_TOO_LITTLE_MEMORY: Final = Reply(
    IoFailed,
    "Not enough memory for {place}",
    f"{_NOT_CHANGED}end some programs and try again",
)
_FAILED: Final = Reply(
    IoFailed,
    "{place} cannot be read or written ({state})",
    f"{_NOT_CHANGED}check the disk, and the rights on the file and its folder",
)

_SQLITE: Final[Mapping[str, Reply]] = {
    "SQLITE_ABORT": _IN_THE_WAY,
    # A function or module that the file's schema uses is forbidden.
    "SQLITE_AUTH": _ODD_TABLES,
    "SQLITE_BUSY": _LOCKED,
    "SQLITE_CANTOPEN": _FAILED,
    "SQLITE_CONSTRAINT": _REFUSES,
    "SQLITE_CONSTRAINT_CHECK": _INVALID,
    "SQLITE_CONSTRAINT_DATATYPE": _INVALID,
    "SQLITE_CONSTRAINT_NOTNULL": _INVALID,
    "SQLITE_CORRUPT": _DAMAGED,
    # For example a table that is a view, a trigger with a function of its own.
    "SQLITE_ERROR": _ODD_TABLES,
    "SQLITE_FORMAT": _DAMAGED,
    "SQLITE_FULL": Reply(
        IoFailed,
        "No room is left at {place}, or in the folder for temporary files",
        f"{_NOT_CHANGED}make room in both and try again",
    ),
    "SQLITE_INTERRUPT": _IN_THE_WAY,
    "SQLITE_IOERR": _FAILED,
    "SQLITE_IOERR_CORRUPTFS": _DAMAGED,
    "SQLITE_IOERR_GETTEMPPATH": Reply(
        IoFailed,
        "There is no folder for the temporary files of {place}",
        f"{_NOT_CHANGED}name one in TMPDIR",
    ),
    "SQLITE_IOERR_NOMEM": _TOO_LITTLE_MEMORY,
    "SQLITE_LOCKED": _LOCKED,
    "SQLITE_MISMATCH": _ODD_TABLES,
    "SQLITE_NOLFS": _FAILED,
    "SQLITE_NOMEM": _TOO_LITTLE_MEMORY,
    "SQLITE_NOTADB": Reply(
        IoFailed,
        "{place} is not a SQLite database",
        f"{_NOT_CHANGED}name another file in TODO_DATABASE_URL, or {_MOVE_AWAY}",
    ),
    "SQLITE_NOTFOUND": _FAILED,
    "SQLITE_PERM": _FAILED,
    "SQLITE_PROTOCOL": _IN_THE_WAY,
    "SQLITE_READONLY": _FAILED,
    # The file was replaced between opening and writing it.
    "SQLITE_READONLY_DBMOVED": _IN_THE_WAY,
    # Another program changes the tables all the time.
    "SQLITE_SCHEMA": _IN_THE_WAY,
    "SQLITE_TOOBIG": _ODD_TABLES,
}
"""By SQLite's name of an error, or by its beginning: the longest one counts.

MISUSE, RANGE, INTERNAL and a syntax error can only come from a bug.
"""
_OUR_KEYS_IN_A_FILE: Final = frozenset(
    f"UNIQUE constraint failed: {columns}"
    for columns in ("task.id", "task.user_id, task.number", "counter.user_id")
)
"""What SQLite says of our unique keys; it names an index of the owner's."""
_OF_DISK: Final = (
    "SQLITE_CANTOPEN",
    "SQLITE_FULL",
    "SQLITE_IOERR",
    "SQLITE_NOLFS",
    "SQLITE_PERM",
    "SQLITE_READONLY",
)
"""What SQLite says to any error of the disk; its errno is lost."""

# Source: https://sqlite.org/rescode.html. Python knows fewer names of the
# extended codes than SQLite has.
_PRIMARY: Final = (
    "SQLITE_OK",
    "SQLITE_ERROR",
    "SQLITE_INTERNAL",
    "SQLITE_PERM",
    "SQLITE_ABORT",
    "SQLITE_BUSY",
    "SQLITE_LOCKED",
    "SQLITE_NOMEM",
    "SQLITE_READONLY",
    "SQLITE_INTERRUPT",
    "SQLITE_IOERR",
    "SQLITE_CORRUPT",
    "SQLITE_NOTFOUND",
    "SQLITE_FULL",
    "SQLITE_CANTOPEN",
    "SQLITE_PROTOCOL",
    "SQLITE_EMPTY",
    "SQLITE_SCHEMA",
    "SQLITE_TOOBIG",
    "SQLITE_CONSTRAINT",
    "SQLITE_MISMATCH",
    "SQLITE_MISUSE",
    "SQLITE_NOLFS",
    "SQLITE_AUTH",
    "SQLITE_FORMAT",
    "SQLITE_RANGE",
    "SQLITE_NOTADB",
)
"""SQLite's primary error codes, from 0 on."""

_SQLITE_ABSENT: Final = (
    "no such table",
    "no such column",
    "has no column named",
)
_OUR_SQL: Final = re.compile(
    'near ".*": syntax error|incomplete input|unrecognized token: ".*"',
    re.DOTALL,
)
"""What SQLite says about SQL that is wrong: only ours can be.

It is the whole message: a trigger of another program chooses parts of others.
"""
_NOT_UTF_8: Final = "Could not decode to UTF-8"
"""What sqlite3 says about text that another program stored."""

_REPORT: Final = "run it again with --debug, and report what it prints"
_NOBODY_THERE: Final = frozenset(
    {
        errno.ECONNREFUSED,
        errno.ENETUNREACH,
        errno.EHOSTUNREACH,
        errno.EADDRNOTAVAIL,
    }
)
_CLOSED_CONNECTION: Final = (
    "connection is closed",
    "connection was closed",
    "connection has been closed",
    # The pool's message: the connection was lost between two calls.
    "connection has been released",
    # The server has ended the session but not closed the socket yet.
    "cannot switch to state",
    "underlying connection",
)


_FOREIGN_LOGINS: Final = (
    "unsupported authentication method",
    "unsupported SASL Authentication",
    "gssapi module not found",
)
"""What asyncpg says if a server wants Kerberos, for example."""


@dataclass(slots=True)
class _Facts:
    """What an error and its causes say."""

    sqlstate: str | None = None
    sqlite_name: str = ""
    message: str = ""
    """The message that came with the SQLSTATE."""
    routine: str | None = None
    """The C function of PostgreSQL that raised it."""
    constraint: str | None = None
    is_lost: bool = False
    """Whether the driver lost the connection; the server may say why."""
    tls: "ssl.SSLError | None" = None


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and its causes, each once.

    SQLAlchemy, which runs the migrations, wraps errors in two layers of its
    own. Only this function knows them.
    """
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop(0)
        if isinstance(current, BaseException) and id(current) not in seen:
            seen.add(id(current))
            yield current
            waiting += [
                getattr(current, "driver_exception", None),
                getattr(current, "orig", None),
                current.__cause__,
            ]


def _facts(error: BaseException) -> _Facts:
    """Collect what the error and its causes say, in one pass."""
    facts = _Facts()
    for cause in causes(error):
        state = getattr(cause, "sqlstate", None)
        if isinstance(state, str):
            # The last one: of a lost connection, asyncpg's error comes first,
            # and what the server said before is its cause.
            facts.sqlstate = state
            facts.is_lost = facts.is_lost or state == _LOST
            facts.message = str(cause)
        facts.sqlite_name = facts.sqlite_name or _sqlite_name(cause)
        if facts.routine is None:
            facts.routine = getattr(cause, "server_source_function", None)
        name = getattr(cause, "constraint_name", None)
        facts.constraint = facts.constraint or name
        if facts.tls is None and _is_of_tls(cause):
            facts.tls = cause
    return facts


def _sqlite_name(error: BaseException) -> str:
    """Return SQLite's name of an error, `SQLITE_FULL`; empty for others."""
    name = getattr(error, "sqlite_errorname", None)
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(name, str) and name.startswith("SQLITE_"):
        return name
    if not isinstance(code, int) or code & 0xFF >= len(_PRIMARY):
        return ""
    return _PRIMARY[code & 0xFF]


def is_of_driver(error: BaseException) -> bool:
    """Whether a driver raised the error; anything else is a bug."""
    module = type(error).__module__
    return isinstance(error, OSError) or module.startswith(
        ("asyncpg.", "sqlite3", "sqlalchemy.")
    )


def sqlstate(error: BaseException) -> str | None:
    """Return PostgreSQL's SQLSTATE, if there is one."""
    return _facts(error).sqlstate


def is_absent(error: BaseException) -> bool:
    """Whether a table, schema or column is missing; then nothing ran."""
    facts = _facts(error)
    if facts.sqlite_name == "SQLITE_ERROR":
        return _has_any(str(error), _SQLITE_ABSENT)
    return facts.sqlstate in ABSENT


def is_busy(error: BaseException) -> bool:
    """Whether the store refused for the moment, and nothing was written.

    Mostly because somebody else was at work.
    """
    facts = _facts(error)
    is_locked = facts.sqlite_name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
    return is_locked or facts.sqlstate in _ROLLED_BACK


def damaged(place: str, finding: str) -> TodoError:
    """Return the error for a file in which a check has found damage."""
    error = _DAMAGED.fill(place)
    error.message += f": {finding}"
    return error


def is_damage(error: BaseException) -> bool:
    """Whether SQLite found that the file is damaged."""
    return _facts(error).sqlite_name.startswith("SQLITE_CORRUPT")


def is_of_disk(error: BaseException) -> bool:
    """Whether SQLite could not use the file; the disk knows why."""
    return _facts(error).sqlite_name.startswith(_OF_DISK)


def is_beyond_counting(error: BaseException) -> bool:
    """Whether the next number of a task does not fit its column."""
    facts = _facts(error)
    if facts.sqlite_name == "SQLITE_CONSTRAINT_CHECK":
        # SQLite goes on with floating-point numbers.
        return "last_integer" in str(error)
    # The function that adds: a trigger may raise the same SQLSTATE.
    return facts.sqlstate == "22003" and facts.routine == "int4pl"


def is_behind(error: BaseException) -> bool:
    """Whether a counter on a server is behind: a table was restored."""
    facts = _facts(error)
    is_taken = facts.sqlstate == _TAKEN_STATE
    return is_taken and facts.constraint in _COUNTED


def is_taken_id(error: BaseException) -> bool:
    """Whether another task on a server has the id."""
    facts = _facts(error)
    is_taken = facts.sqlstate == _TAKEN_STATE
    return is_taken and facts.constraint == "task_pkey"


def is_cut(error: BaseException) -> bool:
    """Whether the connection was lost, or the server silent, after a send.

    Then it is unknown whether the statement ran.
    """
    # TimeoutError, ConnectionResetError ...
    if isinstance(error, OSError):
        return True
    facts = _facts(error)
    state = facts.sqlstate
    if state in _ENDED:
        return False
    if state is not None:
        is_lost = facts.is_lost or state.startswith("08")
        return is_lost or state in _UNKNOWN
    # SQLAlchemy's flag, during migrations.
    if getattr(error, "connection_invalidated", False):
        return True
    # asyncpg raises these without a SQLSTATE.
    return _has_any(str(error), _CLOSED_CONNECTION)


def can_pass(error: BaseException) -> bool:
    """Whether another attempt to connect may succeed."""
    is_final = isinstance(error, TodoError | socket.gaierror | TimeoutError)
    if is_final or _is_of_tls(error):
        return False
    facts = _facts(error)
    if facts.sqlstate == "XX000":
        is_final = _has_any(facts.message, _NEON_FINAL)
        return not is_final and _has_any(facts.message, _NEON_WAKING)
    if facts.sqlstate is not None:
        return facts.sqlstate in _PASSING_STATES
    return isinstance(error, OSError) and not _rejected_tls(error)


def is_refused(error: BaseException) -> bool:
    """Whether every address of the host refuses connections."""
    if isinstance(error, ConnectionRefusedError):
        return True
    if not isinstance(error, OSError) or error.errno is not None:
        return False
    # asyncio joins the errors of several addresses into one message. A host
    # with IPv6 and IPv4 may refuse one and be unreachable by the other.
    found = re.findall(r"\[Errno (\d+)\]", str(error))
    numbers = {int(number) for number in found}
    return errno.ECONNREFUSED in numbers and numbers <= _NOBODY_THERE


def translated(
    error: BaseException, target: Target, *, connecting: bool = False
) -> TodoError:
    """Return our error for a driver's error.

    An error that is not known is a bug: `Internal`. One of ours is returned as
    it is.
    """
    if isinstance(error, TodoError):
        return error
    beyond = _beyond_limit(error)
    if beyond is not None:
        return beyond
    if isinstance(target, PostgresTarget):
        found = _from_postgres(error, target, connecting=connecting)
        # Any program may listen there, so nothing that it says is our bug.
        is_of_server = connecting and not _is_of_limit(error)
        if is_of_server and isinstance(found, Internal):
            return not_postgresql(target.place)
        return found
    return _from_sqlite(error, target.path)


_LIMITS: Final = {
    "tags_count": ("tags", f"at most {rules.MOST_TAGS} tags are allowed"),
    "description_text": (
        "description",
        f"at most {rules.DESCRIPTION_LENGTH:,} characters are allowed, and no "
        "control characters",
    ),
}
"""Our CHECKs that a valid input can break, together with what is stored."""


def _beyond_limit(error: BaseException) -> InvalidInput | None:
    """Return the error for a task that would grow beyond a limit.

    None if that is not the fault. A note or a tag is added to what others may
    add at the same time, so only the store can count.
    """
    facts = _facts(error)
    name = None
    if facts.sqlite_name == "SQLITE_CONSTRAINT_CHECK":
        _, _, name = str(error).rpartition(" ")
    elif facts.sqlstate == "23514":
        name = facts.constraint
    if name not in _LIMITS:
        return None
    return InvalidInput.of(*_LIMITS[name])


def _is_of_limit(error: BaseException) -> bool:
    """Whether memory or threads ran out here; the server has no part in it."""
    return isinstance(error, MemoryError) or "new thread" in str(error)


def not_postgresql(place: str) -> DatabaseUnavailable:
    """Return the error for a server whose answer makes no sense."""
    return DatabaseUnavailable(
        f"{place} does not answer as a PostgreSQL server that todo knows",
        hint="check host and port",
    )


def distrust(place: str, owner: str | None) -> SchemaMismatch:
    """Return the error for a schema with an owner that is not trusted."""
    whose = f"the role `{owner}`" if owner else "another role"
    return SchemaMismatch(
        f"The schema `todo` in {place}, or something in it, belongs to {whose}, "
        "which is not trusted",
        hint="if you know it, as after a restore, see SECURITY.md; if not, "
        "drop it: `DROP SCHEMA todo CASCADE`",
    )


def _from_postgres(
    error: BaseException, target: PostgresTarget, *, connecting: bool
) -> TodoError:
    facts, place = _facts(error), target.place
    if facts.tls is not None or _rejected_tls(error):
        return _from_tls(facts.tls, target)
    if facts.sqlstate is not None:
        return _from_state(facts, facts.sqlstate, place, connecting=connecting)
    if isinstance(error, TimeoutError):
        return _from_silence(place, connecting=connecting)
    return _from_line(error, place)


def _from_silence(place: str, *, connecting: bool) -> TimedOut:
    what = "No connection to" if connecting else "No answer from"
    return TimedOut(
        f"{what} {place} in time",
        hint="try again, or set TODO_TIMEOUT to more seconds",
    )


def _from_line(error: BaseException, place: str) -> TodoError:
    """Translate an error that is not the server's own."""
    if isinstance(error, socket.gaierror):
        return DatabaseUnavailable(
            f"The host of {place} is not known",
            hint="check the name and the network",
        )
    if is_refused(error):
        return DatabaseUnavailable(
            f"{place} refuses connections",
            hint="check host and port, and that the server runs",
        )
    if is_cut(error):
        return DatabaseUnavailable(
            f"The connection to {place} was lost", hint="try again"
        )
    # By name: importing asyncpg here would slow down commands on a file.
    name = type(error).__name__
    if _has_any(str(error), _FOREIGN_LOGINS):
        return AuthFailed(
            f"{place} asks for a kind of log-in that todo does not know",
            hint="todo knows passwords: `scram-sha-256`, `md5` and `password`",
        )
    if name in ("InternalClientError", "ProtocolError"):
        return not_postgresql(place)
    return Internal(
        f"Unexpected error of the driver: {type(error).__name__}", hint=_REPORT
    )


def _from_tls(
    error: "ssl.SSLError | None", target: PostgresTarget
) -> TodoError:
    if error is None:
        reason = "it does not offer TLS"
    elif hasattr(error, "verify_message"):
        reason = error.verify_message
    else:
        # OpenSSL's constant, such as WRONG_VERSION_NUMBER.
        constant = error.reason or "the handshake failed"
        reason = constant.replace("_", " ").lower()
    looked_in = ", ".join(trusted_files(target))
    asker = _asker(target, is_offered=error is not None)
    return TlsFailed(
        f"{target.place} could not prove who it is: {reason}",
        hint=f"{asker}todo trusts the CAs in {looked_in}; name its CA with "
        "`sslrootcert=FILE`; `sslmode=disable` only on a network that you trust",
    )


def _asker(target: PostgresTarget, *, is_offered: bool) -> str:
    """Begin a hint with what asks for TLS.

    That is empty on a network, where TLS needs no asking. If the certificate
    is wrong, only a variable is named: it may be set for other programs.
    """
    parameter = target.demands_tls
    if parameter is None:
        return ""
    if is_offered and parameter not in target.variables:
        return ""
    return f"{target.origin(parameter)} asks for TLS; "


def _from_state(
    facts: _Facts, state: str, place: str, *, connecting: bool
) -> TodoError:
    if state == STRANGERS_STATE:
        return distrust(place, facts.message)
    # Neon and PgBouncer use one SQLSTATE for many faults.
    for text, reply in _BY_MESSAGE.get(state, ()):
        if text in facts.message:
            return reply.fill(place, state)
    return _reply(facts, state, connecting=connecting).fill(place, state)


def _reply(facts: _Facts, state: str, *, connecting: bool) -> Reply:
    """Choose the row for a SQLSTATE: the exact state first, then its class."""
    if state == NO_RIGHTS and facts.routine in _BY_ROUTINE:
        return _BY_ROUTINE[facts.routine]
    if state == _TAKEN_STATE and facts.constraint not in _OUR_KEYS:
        return _REFUSES
    tables = [_STATES]
    if connecting:
        tables = [_AT_START, _STATES]
    for table in tables:
        for key in (state, state[:2]):
            if key in table:
                return table[key]
    return _REFUSES


def _from_sqlite(error: BaseException, path: Path) -> TodoError:
    if isinstance(error, OSError):
        return disk.trouble_of(error, path).error()
    name = _facts(error).sqlite_name
    if name.startswith(_OF_DISK):
        # SQLite lost the errno. Another look at the disk finds the reason.
        trouble = disk.look(path)
        if trouble is not None:
            return _unchanged(trouble)
    reply = _reply_for(name, str(error))
    if reply is not None:
        return reply.fill(str(path), name)
    return Internal(
        f"Unexpected error of SQLite: {name or type(error).__name__}",
        hint=_REPORT,
    )


def _reply_for(name: str, message: str) -> Reply | None:
    """Choose the row for an error of SQLite; None if only a bug causes it."""
    if _NOT_UTF_8 in message:
        return _DAMAGED
    if name == "SQLITE_ERROR" and _OUR_SQL.fullmatch(message):
        return None
    if message in _OUR_KEYS_IN_A_FILE:
        return _TAKEN
    starts = [each for each in _SQLITE if name.startswith(each)]
    return _SQLITE[max(starts, key=len)] if starts else None


def _unchanged(trouble: disk.Trouble) -> TodoError:
    """Return the error for a trouble, which SQLite has rolled back."""
    words, hint = trouble.refusal
    refusal = disk.Refusal(words, f"{_NOT_CHANGED}{hint}")
    return disk.Trouble(trouble.place, refusal).error()


def _is_of_tls(error: BaseException) -> "TypeGuard[ssl.SSLError]":
    """Whether OpenSSL raised the error."""
    # By name: a Python without `ssl` keeps files, too.
    kinds = [(kind.__module__, kind.__name__) for kind in type(error).__mro__]
    return ("ssl", "SSLError") in kinds


def _rejected_tls(error: BaseException) -> bool:
    return "rejected SSL upgrade" in str(error)


def _has_any(text: str, parts: tuple[str, ...]) -> bool:
    return any(part in text for part in parts)
