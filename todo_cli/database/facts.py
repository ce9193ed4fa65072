"""Collect what `todo doctor` reports about a store.

Nothing is changed.
"""

from collections.abc import Callable
from datetime import datetime
from statistics import median
from typing import Any

from todo_cli.database import schema
from todo_cli.database.engine import Database
from todo_cli.database.run import Connection, Statement, fetch_value
from todo_cli.database.url import PostgresTarget
from todo_cli.errors import NoStore

# An odd number, so that the median is one of the values.
_PINGS = 3


async def gather(
    facts: dict[str, Any],
    database: Database,
    user: str,
    now: Callable[[], datetime],
    clock_s: Callable[[], float],
) -> None:
    """Query the store and add the answers to `facts`, in display order.

    `now` returns the time in UTC, to compare it with the server's clock.
    `clock_s` is a monotonic clock in seconds. Answers before a failure stay in
    `facts`.

    Raises:
        TodoError: the store cannot be reached or used.
    """
    facts["reachable"] = False

    async def ask(connection: Connection) -> None:
        facts["reachable"] = True
        target = database.target
        if isinstance(target, PostgresTarget):
            found = await _server(connection, target, now, clock_s)
        else:
            found = await _file(connection)
        # Before `_contents`, which may fail: then these are still shown.
        facts.update(found)
        contents = await _contents(connection, database, user)
        facts.update(contents)

    try:
        await database.look(ask)
    except NoStore:
        facts.update({"reachable": True, "schema": "absent", "tasks": 0})


async def _server(
    connection: Any,
    target: PostgresTarget,
    now: Callable[[], datetime],
    clock_s: Callable[[], float],
) -> dict[str, Any]:
    """Collect what only a server can tell."""
    times_s = []
    for _ in range(_PINGS):
        began = clock_s()
        # The simple protocol: one round trip, also the first time.
        await connection.execute("SELECT 1")
        times_s.append(clock_s() - began)
    median_ms = 1_000 * median(times_s)
    asked_at = now()
    [server] = await connection.fetch("server")
    role, bypasses_rls, server_now, read_only = server
    drift = server_now - asked_at
    owners = await connection.fetch("owners")
    open_schemas = await connection.fetch("open_schemas")
    return {
        "round_trips": _round_trips(target),
        "round_trip_ms": round(median_ms, 2),
        "server_version": connection.server_version,
        "role": role,
        "bypasses_row_level_security": bool(bypasses_rls),
        "schema_owner": owners[0][0] if owners else None,
        "others_may_create_in": [name for (name,) in open_schemas],
        "read_only": read_only == "on",
        "clock_drift_s": round(drift.total_seconds(), 1),
    }


def _round_trips(target: PostgresTarget) -> int:
    """Return the round trips of a command with one statement.

    These are TCP, TLS, start-up, two of SCRAM, and two of the statement.
    """
    host, _ = target.hosts[0]
    # A Unix socket needs no handshake.
    connecting = 0 if host.startswith("/") else 1
    if target.is_plain:
        tls = 0
    elif target.direct_tls:
        tls = 1
    else:
        # The client asks for TLS first.
        tls = 2
    start_up = 1
    scram = 2
    # Described once, then run.
    statement = 2
    return connecting + tls + start_up + scram + statement


async def _file(connection: Connection) -> dict[str, Any]:
    """Collect what only an embedded file can tell."""
    version = await fetch_value(connection, "sqlite_version")
    [(journal,)] = await connection.fetch(Statement("PRAGMA journal_mode"))
    return {"sqlite_version": version, "journal_mode": journal}


async def _contents(
    connection: Connection, database: Database, user: str
) -> dict[str, Any]:
    """Read the version of the schema, and count the user's tasks."""
    state = await schema.read_state(connection)
    if state.fit is schema.Fit.ABSENT:
        return {"schema": "absent", "tasks": 0}
    # The next command upgrades an older file, but only `todo db upgrade` upgrades
    # a server.
    is_old = state.fit is schema.Fit.OLDER and not database.is_sqlite
    is_foreign = state.fit in (schema.Fit.FOREIGN, schema.Fit.UNTRUSTED)
    if is_foreign or is_old:
        raise schema.mismatch(state, database.target.place)
    [(counted, highest)] = await connection.fetch("contents", user=user)
    # No counter yet: the user never had a task.
    last = await fetch_value(connection, "last_number", user=user) or 0
    return {
        "schema": f"{state.version} ({state.fit})",
        "tasks": counted,
        "numbers": _numbers(last, highest),
    }


def _numbers(last: int, highest: int) -> str:
    """Say whether the user's counter has kept up with the tasks.

    A restored table can put it behind.
    """
    if last >= highest:
        # More is fine: numbers of deleted tasks are not reused.
        return "ok"
    places = f"the counter is at {last}, a task at {highest}"
    return f"behind: {places}; the next added task puts it right"
