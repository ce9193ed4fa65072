"""Which schema a store has, and how a store without one gets it.

An older schema is brought up to date by `upgrade.py`, which alone loads
Alembic.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from todo_cli.database.failures import distrust, is_absent
from todo_cli.database.run import Connection, fetch_value
from todo_cli.errors import SchemaMismatch

REVISIONS: Final[Mapping[str, frozenset[str]]] = {
    "0001": frozenset({"counter", "task"})
}
"""Alembic's revisions in order, and the tables of each: a store is judged by
the version that it bears.
"""
HEAD: Final = list(REVISIONS)[-1]

VERSION_TABLE: Final = "alembic_version"

NAME_ANOTHER: Final = "name another database in TODO_DATABASE_URL"
"""The hint where the store in use is somebody else's."""


class Fit(StrEnum):
    """How a store's schema fits this program."""

    ABSENT = "absent"
    FOREIGN = "foreign"
    UNTRUSTED = "untrusted"
    OLDER = "older"
    CURRENT = "current"
    NEWER = "newer"


@dataclass(frozen=True, slots=True)
class State:
    """What a store holds: how it fits, its version, and in PostgreSQL who owns
    the schema.
    """

    fit: Fit
    version: str | None = None
    owner: str | None = None


async def read_state(connection: Connection) -> State:
    """Look which schema is there; three statements at most, nothing is
    changed.
    """
    found_owner = None
    if not connection.is_sqlite:
        owners = await connection.fetch("owners")
        strangers = [name for name, is_trusted in owners if not is_trusted]
        if strangers:
            return State(Fit.UNTRUSTED, owner=strangers[0])
        if not owners:
            return State(Fit.ABSENT)
        found_owner = owners[0][0]
    tables = {name for (name,) in await connection.fetch("relations")}
    if VERSION_TABLE not in tables:
        return State(Fit.FOREIGN if tables else Fit.ABSENT, owner=found_owner)
    return _judge(await _read_any_version(connection), tables, found_owner)


def _judge(
    version: str | None, tables: set[str], found_owner: str | None
) -> State:
    """Say how a store with these tables fits that bears this version.

    Other programs use Alembic's table, too.
    """
    if version is None:
        return State(Fit.FOREIGN, owner=found_owner)
    if version in REVISIONS and tables >= REVISIONS[version]:
        fit = Fit.CURRENT if version == HEAD else Fit.OLDER
        return State(fit, version, found_owner)
    is_later = re.fullmatch("[0-9]{4}", version) and version > HEAD
    if is_later and tables & REVISIONS[HEAD]:
        return State(Fit.NEWER, version, found_owner)
    return State(Fit.FOREIGN, owner=found_owner)


async def _read_any_version(connection: Connection) -> str | None:
    """Read the version from a table that may be of another program; None if it
    has none.
    """
    try:
        return await read_version(connection)
    except Exception as error:
        if not is_absent(error):
            raise
        return None


async def read_version(connection: Connection) -> str | None:
    """Read the version that a store bears; fails where nothing like a stamp
    is.
    """
    version: str | None = await fetch_value(connection, "version")
    return version


def mismatch(state: State, place: str) -> SchemaMismatch:
    """Say why a store that is neither absent nor current cannot be used as it
    is.
    """
    if state.fit is Fit.FOREIGN:
        return SchemaMismatch(
            f"{place} already holds tables that are not todo's",
            hint=NAME_ANOTHER,
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


async def create(connection: Connection) -> bool:
    """Make the schema, all or nothing; False if somebody else was faster.

    PostgreSQL: one round trip, of which each part is harmless when repeated.
    """
    steps = connection.statements.creation
    if not connection.is_sqlite:
        await connection.execute(";\n".join(steps))
        return True
    # Refused where files cannot be shared: then the journal stays what it is.
    await connection.execute("PRAGMA journal_mode=WAL")
    async with connection.transaction():
        if (await read_state(connection)).fit is not Fit.ABSENT:
            return False
        for step in steps:
            await connection.execute(step)
    return True
