"""What `todo doctor` asks a store: who we are there, how far it is, what it
holds. Nothing is changed.
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

_PINGS = 3


async def gather(
    facts: dict[str, Any],
    database: Database,
    user: str,
    now: Callable[[], datetime],
    clock_s: Callable[[], float],
) -> None:
    """Ask the store about itself and note the answers in `facts`, in the order
    to show; `clock_s` is monotonic.

    Raises:
        TodoError: the store cannot be reached or used.
    """
    facts["reachable"] = False

    async def ask(connection: Connection) -> None:
        facts["reachable"] = True
        if isinstance(database.target, PostgresTarget):
            facts.update(
                await _server(connection, database.target, now, clock_s)
            )
        else:
            facts.update(await _file(connection))
        facts.update(await _contents(connection, database, user))

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
    times_s = []
    for _ in range(_PINGS):
        began = clock_s()
        await connection.execute("SELECT 1")
        times_s.append(clock_s() - began)
    asked_at = now()
    [(role, bypasses_rls, server_now, read_only)] = await connection.fetch(
        "server"
    )
    owners = await connection.fetch("owners")
    open_schemas = await connection.fetch("open_schemas")
    return {
        "round_trips": _round_trips(target),
        "round_trip_ms": round(1_000 * median(times_s), 2),
        "server_version": connection.server_version,
        "role": role,
        "bypasses_row_level_security": bool(bypasses_rls),
        "schema_owner": owners[0][0] if owners else None,
        "others_may_create_in": [name for (name,) in open_schemas],
        "read_only": read_only == "on",
        "clock_drift_s": round((server_now - asked_at).total_seconds(), 1),
    }


def _round_trips(target: PostgresTarget) -> int:
    """The turns of a command of one statement: TCP, TLS, start-up, the two of
    SCRAM, and the statement's two.
    """
    is_socket = target.hosts[0][0].startswith("/")
    tls = 0 if target.is_plain else 1 if target.direct_tls else 2
    return (0 if is_socket else 1) + tls + 1 + 2 + 2


async def _file(connection: Connection) -> dict[str, Any]:
    version = await fetch_value(connection, "sqlite_version")
    [(journal,)] = await connection.fetch(Statement("PRAGMA journal_mode"))
    return {"sqlite_version": version, "journal_mode": journal}


async def _contents(
    connection: Connection, database: Database, user: str
) -> dict[str, Any]:
    state = await schema.read_state(connection)
    if state.fit is schema.Fit.ABSENT:
        return {"schema": "absent", "tasks": 0}
    is_old = state.fit is schema.Fit.OLDER and not database.is_sqlite
    if state.fit in (schema.Fit.FOREIGN, schema.Fit.UNTRUSTED) or is_old:
        raise schema.mismatch(state, database.target.place)
    [(counted, highest)] = await connection.fetch("contents", user=user)
    last = await fetch_value(connection, "last_number", user=user) or 0
    return {
        "schema": f"{state.version} ({state.fit})",
        "tasks": counted,
        "numbers": _numbers(last, highest),
    }


def _numbers(last: int, highest: int) -> str:
    """Whether the counter of a user has kept up with the tasks; a restored
    table can put it behind.
    """
    if last >= highest:
        return "ok"
    places = f"the counter is at {last}, a task at {highest}"
    return f"behind: {places}; the next added task puts it right"
