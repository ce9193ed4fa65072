"""A driver's error becomes one of ours, by SQLSTATE, SQLite's error name or the message
of Neon's proxy; nowhere else.

asyncpg's classes arrive bare while connecting and wrapped by SQLAlchemy afterwards;
refused, reset, unresolved, timed out and TLS faults are `OSError`s either way.
Statement texts and parameters never enter a message.
"""

import errno
import re
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from todo_cli.database.url import PostgresTarget, Target
from todo_cli.errors import (
    AuthFailed,
    ConfigInvalid,
    Conflict,
    DatabaseBusy,
    DatabaseUnavailable,
    Forbidden,
    Internal,
    IoFailed,
    SchemaMismatch,
    TimedOut,
    TlsFailed,
    TodoError,
)

ABSENT: Final = frozenset({"42P01", "3F000", "42703"})
"""A table, schema or column that is not there: found out when a statement is parsed,
before anything ran.
"""

NO_RIGHTS: Final = "42501"
STRANGERS_STATE: Final = "TD001"
"""The SQLSTATE of our own SQL where the schema is a stranger's; its message is the name
of the role.
"""
_POLICY: Final = "ExecWithCheckOptions"
"""The function in PostgreSQL's source that refuses a row for row-level security."""

_NOT_UTF_8: Final = "Could not decode to UTF-8"
"""What Python's driver of SQLite says of text that another program stored."""

_SQLITE_ABSENT: Final = ("no such table", "no such column", "has no column named")

_PASSING_STATES: Final = frozenset(
    {"57P01", "57P02", "57P03", "53300", "08000", "08001", "08003", "08004", "08006"}
)

# What Neon's proxy says under SQLSTATE XX000. Source: neondatabase/neon, proxy/src
# (control_plane, stream, auth).
_NEON_FINAL: Final = ("endpoint is disabled", "endpoint cannot be found", "quota")
_NEON_WAKING: Final = (
    "Couldn't connect to compute node",
    "Control plane request failed",
    "Failed to acquire permit",
    "Too many connections",
)
_NEON_DENIED: Final = (
    "password authentication failed",
    "is not allowed to connect",
    "This IP address",
)


_REPORT: Final = "run it again with --debug, and report what it prints"
_NOBODY_THERE: Final = frozenset(
    {errno.ECONNREFUSED, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL}
)


def is_of_driver(error: BaseException) -> bool:
    """Whether a driver raised it: bare, as asyncpg's own calls do, or wrapped by
    SQLAlchemy; anything else is a bug.
    """
    return isinstance(error, OSError) or type(error).__module__.startswith(
        ("asyncpg.", "sqlalchemy.")
    )


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and what it wraps, SQLAlchemy's and the adapter's layers
    included, each once.
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


def sqlstate(error: BaseException) -> str | None:
    """The SQLSTATE that PostgreSQL gave, if it did."""
    return next(
        (
            state
            for cause in causes(error)
            if isinstance(state := getattr(cause, "sqlstate", None), str)
        ),
        None,
    )


def sqlite_name(error: BaseException) -> str | None:
    """SQLite's name of the error, such as `SQLITE_BUSY`, if it is one of SQLite's."""
    names = (getattr(cause, "sqlite_errorname", None) for cause in causes(error))
    return next((name for name in names if isinstance(name, str)), None)


def is_absent(error: BaseException) -> bool:
    """Whether a table, schema or column is not there; nothing ran."""
    if sqlstate(error) in ABSENT:
        return True
    return sqlite_name(error) == "SQLITE_ERROR" and any(
        text in str(error) for text in _SQLITE_ABSENT
    )


def is_busy(error: BaseException) -> bool:
    """Whether SQLite's file is locked by somebody else; nothing was written."""
    return (sqlite_name(error) or "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def is_collision(error: BaseException) -> bool:
    """Whether a unique key is taken."""
    name = sqlite_name(error) or ""
    return sqlstate(error) == "23505" or name in (
        "SQLITE_CONSTRAINT_PRIMARYKEY",
        "SQLITE_CONSTRAINT_UNIQUE",
    )


def is_cut(error: BaseException) -> bool:
    """Whether the line went down or stayed silent after a statement was sent: its
    outcome is unknown.
    """
    if isinstance(error, OSError):  # TimeoutError, ConnectionResetError ...
        return True
    state = sqlstate(error)
    if state is None:
        texts = (
            "connection is closed",
            "connection was closed",
            "connection has been closed",
            "underlying connection",
        )
        return getattr(error, "connection_invalidated", False) or any(
            text in str(error) for text in texts
        )
    return state.startswith("08") or state in ("57P01", "57P02")


def can_pass(error: BaseException) -> bool:
    """Whether connecting again may help; by message where Neon's proxy says XX000 for
    everything.
    """
    if isinstance(error, TodoError):
        return False
    if isinstance(error, ssl.SSLError | socket.gaierror | TimeoutError):
        return False
    state = sqlstate(error)
    if state == "XX000":
        text = str(error)
        return any(part in text for part in _NEON_WAKING) and not any(
            part in text for part in _NEON_FINAL
        )
    if state is not None:
        return state in _PASSING_STATES
    return isinstance(error, OSError) and not _rejected_tls(error)


def is_refused(error: BaseException) -> bool:
    """Whether nobody listens there: on the one address of a name, or on all of them."""
    if isinstance(error, ConnectionRefusedError):
        return True
    if not isinstance(error, OSError) or error.errno is not None:
        return False
    numbers = {
        int(number) for number in re.findall(r"\[Errno (\d+)\]", str(error))
    }  # how asyncio joins several
    return errno.ECONNREFUSED in numbers and numbers <= _NOBODY_THERE


def _rejected_tls(error: BaseException) -> bool:
    return "rejected SSL upgrade" in str(error)


def translated(
    error: BaseException, target: Target, *, connecting: bool = False
) -> TodoError:
    """Say a driver's error in our words; what is not known is a bug and becomes `Internal`."""
    if isinstance(error, TodoError):
        return error
    if isinstance(target, PostgresTarget):
        return _from_postgres(error, target, connecting=connecting)
    return _from_sqlite(error, target.place)


def _from_postgres(
    error: BaseException, target: PostgresTarget, *, connecting: bool
) -> TodoError:
    place = target.place
    tls = next(
        (cause for cause in causes(error) if isinstance(cause, ssl.SSLError)), None
    )
    if tls is not None or _rejected_tls(error):
        return _from_tls(tls, place)
    if (state := sqlstate(error)) is not None:
        return _from_rights(error, target) or _from_state(
            state, str(next(iter(causes(error)))), place
        )
    if isinstance(error, TimeoutError):
        what = "No connection to" if connecting else "No answer from"
        return TimedOut(
            f"{what} {place} in time",
            hint="try again, or set TODO_TIMEOUT to more seconds",
        )
    if isinstance(error, socket.gaierror):
        return DatabaseUnavailable(
            f"The host of {place} is not known", hint="check the name and the network"
        )
    if is_refused(error):
        return DatabaseUnavailable(
            f"{place} refuses connections",
            hint="check host and port, and that the server runs",
        )
    if isinstance(error, OSError) or is_cut(error):
        return DatabaseUnavailable(
            f"The connection to {place} was lost", hint="try again"
        )
    if type(error).__name__ == "ClientConfigurationError":
        return ConfigInvalid(
            f"The settings for {place} cannot be used", hint="see `todo doctor`"
        )
    return Internal(
        f"Unexpected error of the driver: {type(error).__name__}", hint=_REPORT
    )


def _from_tls(error: ssl.SSLError | None, place: str) -> TodoError:
    if error is None:
        reason = "it does not offer TLS"
    elif isinstance(error, ssl.SSLCertVerificationError):
        reason = error.verify_message
    else:
        reason = (error.reason or "the handshake failed").replace("_", " ").lower()
    return TlsFailed(
        f"{place} could not prove who it is: {reason}",
        hint="name its CA with `sslrootcert=FILE`; `sslmode=disable` only on a network that you trust",
    )


def _from_rights(error: BaseException, target: PostgresTarget) -> TodoError | None:
    """Translate what PostgreSQL says of the rights of our role, beyond the SQLSTATE;
    None for anything else.

    Row-level security is told from a missing GRANT by the place in PostgreSQL's source:
    its words are translated.
    """
    if sqlstate(error) == STRANGERS_STATE:
        return distrust(target.place, str(next(iter(causes(error)))))
    routines = {
        getattr(cause, "server_source_function", None) for cause in causes(error)
    }
    if sqlstate(error) != NO_RIGHTS or _POLICY not in routines:
        return None
    role = f"The role `{target.user}`" if target.user else "This role"
    name = f"`{target.user}`" if target.user else "the user of its own name"
    return Forbidden(
        f"{role} may only keep the tasks of {name} in {target.place}",
        hint="leave out --user, or log in with the role of that person",
    )


def distrust(place: str, owner: str | None) -> SchemaMismatch:
    """Say that the schema is a stranger's."""
    whose = f"the role `{owner}`" if owner else "another role"
    return SchemaMismatch(
        f"The schema `todo` in {place}, or something in it, belongs to {whose}, whom you have no reason to trust",
        hint="if you do not know it, drop it: `DROP SCHEMA todo CASCADE`; see SECURITY.md",
    )


def _from_state(state: str, message: str, place: str) -> TodoError:
    """Translate an SQLSTATE. Source: PostgreSQL manual, appendix A; XX000 by Neon's messages."""
    if state == "XX000":
        return _from_neon(message, place)
    if state == "08P01":
        return _from_pooler(message, place)
    if state[:2] == "28":
        return AuthFailed(
            f"{place} refuses the user or the password",
            hint="check the connection string",
        )
    if state == "3D000":
        return ConfigInvalid(
            f"There is no such database: {place}",
            hint="check the name at the end of the URL",
        )
    if state == "42501":
        return Forbidden(
            f"The role lacks the rights in {place}",
            hint="the owner can run what `todo db upgrade --sql` prints",
        )
    if state == "25006":
        return Forbidden(f"{place} is read-only", hint="connect to the primary server")
    if (
        state in ABSENT or state == "55000"
    ):  # as when a view stands where a table should
        return SchemaMismatch(
            f"The tables in {place} do not fit this program", hint="see `todo doctor`"
        )
    if state in ("40001", "40P01", "53300", "55P03"):
        return DatabaseBusy(f"{place} is busy", hint="try again")
    if state == "57014":
        return TimedOut(f"{place} cancelled the statement", hint="try again")
    if state == "53100":
        return IoFailed(f"The disk of {place} is full")
    if state == "23505":
        return Conflict("The id or the number is taken")
    if state[:2] in ("08", "53", "57"):
        return DatabaseUnavailable(f"{place} is not available", hint="try again")
    if state == "0A000" or state[:2] == "42":
        return ConfigInvalid(
            f"{place} does not accept this program's way of speaking ({state})",
            hint="see `todo doctor`",
        )
    return Internal(f"Unexpected SQLSTATE {state}", hint=_REPORT)


def _from_neon(message: str, place: str) -> TodoError:
    if any(text in message for text in _NEON_DENIED):
        return AuthFailed(
            f"{place} refuses the user, the password or the address",
            hint="check the connection string",
        )
    if "does not exist" in message:
        return ConfigInvalid(
            f"There is no such database: {place}",
            hint="check the name at the end of the URL",
        )
    if "quota" in message:
        return ConfigInvalid(
            f"The quota of {place} is spent",
            hint="see the plan and its limits in Neon's console",
        )
    if "disabled" in message or "cannot be found" in message:
        return ConfigInvalid(
            f"The endpoint of {place} is disabled or gone",
            hint="look at it in Neon's console",
        )
    if "Endpoint ID" in message or "project name" in message:
        return ConfigInvalid(
            f"The host of {place} names no Neon endpoint",
            hint="copy the string from Neon's console",
        )
    if "connection is insecure" in message:
        return ConfigInvalid(
            f"{place} insists on TLS", hint="leave `sslmode=disable` out of the URL"
        )
    if "unsupported startup parameter" in message:
        return ConfigInvalid(
            f"{place} refuses a parameter of the URL",
            hint="leave `options` out of the URL",
        )
    return DatabaseUnavailable(f"{place} is not available", hint="try again")


def _from_pooler(message: str, place: str) -> TodoError:
    """Translate what PgBouncer says under 08P01, its only SQLSTATE for who may come in."""
    if "no such database" in message:
        return ConfigInvalid(
            f"There is no such database: {place}",
            hint="check the name at the end of the URL",
        )
    if "unsupported startup parameter" in message:
        return ConfigInvalid(
            f"{place} refuses a parameter of the URL",
            hint="leave `options` out of the URL",
        )
    if any(
        text in message
        for text in ("authentication failed", "no such user", "password")
    ):
        return AuthFailed(
            f"{place} refuses the user or the password",
            hint="check the connection string",
        )
    return ConfigInvalid(
        f"{place} does not accept this program's way of speaking",
        hint="see `todo doctor`",
    )


def _from_sqlite(error: BaseException, place: str) -> TodoError:
    name = sqlite_name(error) or ""
    if is_busy(error):
        return DatabaseBusy(f"{place} is locked by another program", hint="try again")
    if is_collision(error):
        return Conflict("The id or the number is taken")
    if name.startswith("SQLITE_FULL") or (
        isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    ):
        return IoFailed(
            f"The disk is full: {place}",
            hint="nothing was changed; make room and try again",
        )
    if name.startswith(
        ("SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_FORMAT")
    ) or _NOT_UTF_8 in str(error):
        return _from_content(place, is_database=not name.startswith("SQLITE_NOTADB"))
    if name.startswith(("SQLITE_READONLY", "SQLITE_PERM")):
        return IoFailed(
            f"{place} is read-only", hint="check the rights on the file and its folder"
        )
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_IOERR")):
        return IoFailed(
            f"{place} cannot be opened",
            hint="check the rights on the file and its folder",
        )
    if is_absent(error):
        return SchemaMismatch(
            f"The tables in {place} do not fit this program", hint="see `todo doctor`"
        )
    if isinstance(error, OSError):
        return IoFailed(f"{place}: {(error.strerror or type(error).__name__).lower()}")
    return Internal(
        f"Unexpected error of SQLite: {name or type(error).__name__}", hint=_REPORT
    )


def _from_content(place: str, *, is_database: bool) -> IoFailed:
    """Say what to do about a file that cannot be read: SQLite keeps parts of it in
    files beside it.
    """
    name = Path(place).name
    away = f"move {name} away, with {name}-wal and {name}-shm if they are there"
    if is_database:
        return IoFailed(
            f"{place} is damaged",
            hint=f"nothing was changed; {away}, then `todo db import COPY`",
        )
    hint = f"nothing was changed; name another file in TODO_DATABASE_URL, or {away}"
    return IoFailed(f"{place} is not a SQLite database", hint=hint)
