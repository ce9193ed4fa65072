"""Read which schema a store has, and create it where there is none.

`upgrade.py` migrates an older schema; only it loads Alembic.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from todo_cli.database.failures import distrust, is_absent
from todo_cli.database.run import Connection, fetch_value
from todo_cli.disk import Refusal
from todo_cli.errors import SchemaMismatch

REVISIONS: Final[dict[str, frozenset[str]]] = {
    "0001": frozenset({"counter", "task"}),
    "0002": frozenset({"counter", "task"}),
    "0003": frozenset({"counter", "task", "tag"}),
    "0004": frozenset({"counter", "task", "tag", "operation", "change"}),
    "0005": frozenset(
        {"counter", "task", "tag", "operation", "change", "token"}
    ),
}
"""Alembic's revisions in order, and the tables of each.

A store is compared with the tables of the revision in its stamp.
"""
HEAD: Final = list(REVISIONS)[-1]
_ONLY_CHECKS: Final = frozenset({"0002"})
"""The revisions that add nothing but CHECKs to the one before.

A program works with the one before, too: it has every table and column.
"""

VERSION_TABLE: Final = "alembic_version"

USER_SETTING: Final = "todo.user"
"""Names the user on whose behalf a statement runs, on PostgreSQL."""
TOKEN_SETTING: Final = "todo.token"  # noqa: S105 - the name of a setting
"""Has the SHA-256, in hexadecimal, of the token that a statement looks up."""

WALL: Final = "server_wall"
"""The policy that limits a server's role to one user, on each table."""

NAME_ANOTHER: Final = "use another database"
"""The hint if the store belongs to another program."""
RESTORE_VERSION: Final = f"restore the table `{VERSION_TABLE}`, too"
"""What to do where a restore has left the version out."""


def _usable() -> frozenset[str]:
    """Collect the revisions that commands use without upgrading the store."""
    *before, newest = REVISIONS
    found = {newest}
    while newest in _ONLY_CHECKS:
        newest = before.pop()
        found.add(newest)
    return frozenset(found)


USABLE: Final = _usable()


class Fit(StrEnum):
    """How a store's schema fits this program.

    OUTDATED can be used as it is, OLDER only after an upgrade. UNSTAMPED has
    tables of our names without a version, as after a partial restore.
    """

    ABSENT = "absent"
    FOREIGN = "foreign"
    UNSTAMPED = "not known"
    UNTRUSTED = "untrusted"
    OLDER = "older"
    OUTDATED = "older, usable"
    CURRENT = "current"
    NEWER = "newer"


@dataclass(frozen=True, slots=True)
class State:
    """What is known of a store's schema.

    `version` is the stamp; `owner` is the role that owns the schema, on
    PostgreSQL only.
    """

    fit: Fit
    version: str | None = None
    owner: str | None = None


async def read_state(connection: Connection) -> State:
    """Read the state of a store's schema.

    At most three statements, and nothing is changed. Owners come first: in a
    schema of an untrusted owner no table is read.
    """
    found_owner = None
    if not connection.is_sqlite:
        owners = await connection.fetch("owners")
        strangers = [name for name, is_trusted in owners if not is_trusted]
        # Ask nothing more: even reading could run their code.
        if strangers:
            return State(Fit.UNTRUSTED, owner=strangers[0])
        if not owners:
            return State(Fit.ABSENT)
        found_owner = owners[0][0]
    tables = {name for (name,) in await connection.fetch("relations")}
    if not tables:
        return State(Fit.ABSENT, owner=found_owner)
    version = None
    if VERSION_TABLE in tables:
        version = await _read_any_version(connection)
    return _judge(version, tables, found_owner)


def _judge(
    version: str | None, tables: set[str], found_owner: str | None
) -> State:
    """Choose the state of a store with these tables and this stamp.

    Other programs use Alembic's table too, so the tables must fit the stamp.
    """
    if version is None and tables >= REVISIONS[HEAD]:
        return State(Fit.UNSTAMPED, owner=found_owner)
    if version is None:
        return State(Fit.FOREIGN, owner=found_owner)
    if version in REVISIONS and tables >= REVISIONS[version]:
        return State(_fit_of(version), version, found_owner)
    # Our revisions are four digits; a later one can only be guessed.
    is_later = re.fullmatch("[0-9]{4}", version) and version > HEAD
    if is_later and tables & REVISIONS[HEAD]:
        return State(Fit.NEWER, version, found_owner)
    return State(Fit.FOREIGN, owner=found_owner)


def _fit_of(version: str) -> Fit:
    """Choose the fit of one of our revisions."""
    if version == HEAD:
        return Fit.CURRENT
    if version in USABLE:
        return Fit.OUTDATED
    return Fit.OLDER


async def _read_any_version(connection: Connection) -> str | None:
    """Read the stamp; None if there is no usable one.

    The table may belong to another program and lack the column.
    """
    try:
        return await read_version(connection)
    except Exception as error:
        if not is_absent(error):
            raise
        return None


async def read_version(connection: Connection) -> str | None:
    """Read the stamp of a store; None if there is none.

    Another program may have stored something else there, such as bytes. Fails
    with the driver's error if there is no table.
    """
    version = await fetch_value(connection, "version")
    if not isinstance(version, str):
        return None
    return version


def mismatch(state: State, place: str) -> SchemaMismatch:
    """Return the error for a store that cannot be used as it is.

    `state` is anything but ABSENT, OUTDATED or CURRENT.
    """
    if state.fit is Fit.FOREIGN:
        return SchemaMismatch(
            f"{place} already holds tables that are not todo's",
            hint=NAME_ANOTHER,
        )
    if state.fit is Fit.UNSTAMPED:
        return SchemaMismatch(
            f"{place} holds `task` and `counter`, but not their version",
            hint=f"if they are todo's, {RESTORE_VERSION}",
        )
    if state.fit is Fit.UNTRUSTED:
        return distrust(place, state.owner)
    if state.fit is Fit.OLDER:
        return SchemaMismatch(
            f"The tables in {place} are of an older version of todo",
            hint="run `todo db upgrade`",
        )
    return SchemaMismatch(
        f"The tables in {place} are of a newer version of todo",
        hint="upgrade todo here",
    )


def not_upgraded(place: str, refusal: Refusal) -> SchemaMismatch:
    """Return the error for an older file that cannot be upgraded where it is.

    `refusal` is what keeps it from being written.
    """
    return SchemaMismatch(
        f"The tables in {place} are of an older version of todo, and cannot "
        f"be upgraded there: {refusal.words}",
        hint=f"nothing was changed; {refusal.hint}; or copy it, with a `-wal` "
        "beside it, to a folder that you can write to, and name the copy",
    )


async def create(connection: Connection) -> bool:
    """Create the schema, all or nothing; False if another process was faster.

    PostgreSQL takes one round trip, and every statement may be repeated.
    """
    steps = connection.statements.creation
    if not connection.is_sqlite:
        await connection.execute(";\n".join(steps))
        return True
    # SQLite refuses WAL on some network file systems and keeps the journal.
    # It cannot be set inside a transaction.
    await connection.execute("PRAGMA journal_mode=WAL")
    async with connection.transaction():
        # Read again: now the lock keeps other processes out.
        if (await read_state(connection)).fit is not Fit.ABSENT:
            return False
        for step in steps:
            await connection.execute(step)
    return True
