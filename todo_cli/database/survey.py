"""Look at what a store has, before `todo connect` chooses it. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from uuid import UUID

from todo_cli.database import schema
from todo_cli.database.engine import Database
from todo_cli.database.run import Connection, Row, fetch_value
from todo_cli.database.schema import Fit
from todo_cli.errors import Forbidden, NoStore

_USABLE: Final = (Fit.ABSENT, Fit.OLDER, Fit.OUTDATED, Fit.CURRENT)
_BATCH: Final = 10_000
"""How many ids are looked up in one round trip."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What a store has."""

    fit: Fit = Fit.ABSENT
    version: str | None = None
    tasks: Mapping[str, int] = field(default_factory=dict)
    """How many tasks each user has, in the order of their names."""
    only_user: str | None = None
    """The only user whose tasks our role may keep; None if it may all."""
    fault: Forbidden | None = None
    """Why nothing else is known: our role may not read the tables."""

    @property
    def has_tables(self) -> bool:
        """Whether there is a schema of ours."""
        return self.fit is not Fit.ABSENT and self.fault is None

    @property
    def is_older(self) -> bool:
        """Whether the tables have to be upgraded before they can be used."""
        return self.fit is Fit.OLDER

    @property
    def is_usable(self) -> bool:
        """Whether tasks can be added."""
        return self.has_tables and not self.is_older


async def survey(
    database: Database, user: str | None = None, *, with_trash: bool = False
) -> Survey:
    """Look at the tables, and at whose tasks are in them.

    The role of a server sees those of `user` alone. `with_trash` counts what
    is in the trash, too.

    Raises:
        SchemaMismatch: the tables cannot be used, by an upgrade either.
        TodoError: the store cannot be reached.
    """
    try:
        place = database.target.place
        return await database.look(partial(_survey, place, user, with_trash))
    except NoStore:
        return Survey()
    except Forbidden as fault:
        return Survey(Fit.CURRENT, fault=fault)


async def _survey(
    place: str, user: str | None, with_trash: bool, connection: Connection
) -> Survey:
    """Do that on a connection."""
    if user is not None:
        connection.claim(schema.USER_SETTING, user)
    state = await schema.read_state(connection)
    if state.fit not in _USABLE:
        raise schema.mismatch(state, place)
    if state.fit is Fit.ABSENT:
        return Survey()
    counts = "task_counts"
    # Older tables may have no trash yet.
    if with_trash or state.fit is Fit.OLDER:
        counts = "task_counts_older"
    tasks: dict[str, int] = {}
    for user, count in await connection.fetch(counts):
        tasks[user] = count
    only_user = None
    if not connection.is_sqlite:
        bound = await connection.fetch("bound")
        # A server's role may keep the tasks of every user.
        if bound and not await fetch_value(connection, "walled"):
            only_user = bound[0][1]
    return Survey(state.fit, state.version, tasks, only_user)


async def count_missing(
    source: Database, target: Database | None, user: str
) -> int:
    """Count the tasks of one store that the other one lacks, by their ids.

    Both have tables; without a `target` all are counted. The role of a server
    sees those of `user` alone.

    Raises:
        TodoError: one of them cannot be reached.
    """
    rows = await source.look(lambda connection: connection.fetch("task_ids"))
    ids = [id for (id,) in rows]
    missing = len(ids)
    if target is None:
        return missing
    for start in range(0, len(ids), _BATCH):
        look_up = partial(_places, user, ids[start : start + _BATCH])
        missing -= len(await target.look(look_up))
    return missing


async def _places(
    user: str, ids: Sequence[UUID], connection: Connection
) -> list[Row]:
    """Fetch those of the tasks that are there."""
    connection.claim(schema.USER_SETTING, user)
    return await connection.fetch("owners_of", ids=ids)
