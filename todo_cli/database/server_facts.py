"""What `todo doctor` asks a PostgreSQL server.

It answers what people ask first about a server that is slow or refuses: how far
away it is, who we are there, and what that role may do. The rest is about
safety: whose the schema is, and who could have other programs run their code.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from todo_cli.database.failures import MAKES_UTF8
from todo_cli.database.run import Row
from todo_cli.database.url import PostgresTarget

if TYPE_CHECKING:
    from todo_cli.database.facts import Facts

# An odd number, so that the median is one of the values.
_PINGS: Final = 3
_MOST_DRIFT_S: Final = 60
"""How far the clocks may be apart without a warning, in seconds.

Times of tasks come from the caller's clock. So two machines can disagree about
which task is the newest.
"""
_ASKED: Final = (
    "role",
    "bypasses_row_level_security",
    "sees_rows_of",
    "encoding",
    "time_zone_of_server",
    "read_only",
    "clock_drift_s",
)
"""The values that one statement tells."""
_OTHERS: Final = ("others_may_create_in", "others_who_may_create")


async def add(
    facts: "Facts",
    connection: Any,
    target: PostgresTarget,
    now: Callable[[], datetime],
    clock_s: Callable[[], float],
) -> None:
    """Add what only a server can tell."""
    facts.add("round_trips", _round_trips(target))
    facts.add("round_trip_ms", await _measure_ms(connection, clock_s))
    facts.add("server_version", connection.server_version)
    asked_at = now()

    def take_server(rows: list[Row]) -> None:
        """Add what the server says about itself."""
        _add_server(facts, rows[0], asked_at)

    def take_owners(rows: list[Row]) -> None:
        """Add the first, who owns the schema itself."""
        owner = rows[0][0] if rows else None
        facts.add("schema_owner", owner)

    def take_others(rows: list[Row]) -> None:
        """Add who else may create objects."""
        _add_others(facts, rows)

    await facts.ask(connection, _ASKED, "server", take_server)
    await facts.ask(connection, ["schema_owner"], "owners", take_owners)
    await _add_closed(facts, connection)
    await facts.ask(connection, _OTHERS, "open_schemas", take_others)


async def _add_closed(facts: "Facts", connection: Any) -> None:
    """Add the tables that the role may only read.

    Then every list works, and every change is refused.
    """

    def take(rows: list[Row]) -> None:
        """Add their names."""
        closed = [name for [name] in rows]
        warning = None
        if closed:
            warning = (
                "nothing can be written: the owner can run what `todo db "
                "upgrade --sql` prints"
            )
        facts.add("closed_tables", closed, warning)

    await facts.ask(connection, ["closed_tables"], "closed_tables", take)


async def _measure_ms(connection: Any, clock_s: Callable[[], float]) -> float:
    """Measure a round trip, in milliseconds.

    The median, because the first may find the server asleep.
    """
    times_s = []
    for _ in range(_PINGS):
        began = clock_s()
        # The simple protocol: one round trip, also the first time.
        await connection.execute("SELECT 1")
        times_s.append(clock_s() - began)
    return round(1_000 * median(times_s), 2)


def refuse_encoding(connection: Any, target: PostgresTarget) -> None:
    """Refuse a database that is not UTF-8, as every other command does at once.

    Raises:
        ConfigInvalid: it is another encoding.
    """
    # Late: an embedded file needs no driver for a server.
    from todo_cli.database import connection as connecting

    connecting.refuse_encoding(connection.driver, target)


def _add_server(facts: "Facts", server: Row, asked_at: datetime) -> None:
    """Add what the statement `server` has told.

    The encoding is that of the database: each on a server can have its own.
    The time zone does not change a task; it explains the times that psql shows.
    """
    role, bypasses_rls, encoding, time_zone, *others = server
    read_only, now_s, *counts = others
    known = {
        "role": role,
        "bypasses_row_level_security": bool(bypasses_rls),
        "time_zone_of_server": time_zone,
    }
    facts.add_all(known)
    _add_sight(facts, *counts)
    facts.add("encoding", encoding, warn_of_encoding(encoding))
    is_read_only = read_only == "on"
    warning = None
    if is_read_only:
        warning = "nothing can be written: connect to the primary server"
    facts.add("read_only", is_read_only, warning)
    drift_s = round(now_s - asked_at.timestamp(), 1)
    warning = None
    if abs(drift_s) > _MOST_DRIFT_S:
        warning = "the clocks differ, and so the times of tasks: set this one"
    facts.add("clock_drift_s", drift_s, warning)


def _add_sight(facts: "Facts", tables: int, bound: int, walled: int) -> None:
    """Add whose rows the role sees.

    Of our `tables`, `bound` are those that row-level security limits for it,
    and `walled` those that it limits to the user of each statement.
    """
    sees, warning = "everybody", None
    if bound:
        sees = "the role"
    if walled:
        sees = "the user of each statement"
    if 0 < walled < tables:
        warning = (
            "a table lacks the policy of a server, or row-level security is "
            "off there: the owner can run what `todo db policy --server` prints"
        )
    facts.add("sees_rows_of", sees, warning)


def warn_of_encoding(encoding: str) -> str | None:
    """Say what to do about a database that cannot hold every text."""
    if encoding == "UTF8":
        return None
    return (
        "not UTF8, so it cannot hold every text: make another one, with "
        f"`{MAKES_UTF8}`"
    )


def _add_others(facts: "Facts", rows: Sequence[Row]) -> None:
    """Add the schemas in which others may create objects, and who may."""
    # Each schema once, in the order of the rows.
    schemas = list(dict.fromkeys(schema for schema, _ in rows))
    who = [f"{role or 'every role'} in {schema}" for schema, role in rows]
    facts.add("others_may_create_in", schemas)
    facts.add("others_who_may_create", who, _warn_of_others(rows))


def _warn_of_others(rows: Sequence[Row]) -> str | None:
    """Say how the owners of the schemas can revoke the rights.

    Our own statements name the schema of everything (CVE-2018-1058). Other
    programs of the same role may not.
    """
    if not rows:
        return None
    steps = []
    for schema, role in rows:
        grantee = "PUBLIC" if role is None else _quoted(role)
        step = f"REVOKE CREATE ON SCHEMA {_quoted(schema)} FROM {grantee}"
        steps.append(step)
    return (
        "this could run as you in other programs; the owner can run "
        f"`{'; '.join(steps)}`"
    )


def _quoted(name: str) -> str:
    """Quote an identifier for PostgreSQL."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


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
