"""One store, embedded or on a server: every call to it goes through
`Database.run`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from todo_cli.database import failures
from todo_cli.database.attempts import BUSY_FOR_S, Attempts, Effect
from todo_cli.database.keeper import Keeper
from todo_cli.database.run import Connection
from todo_cli.database.schema import HEAD
from todo_cli.database.url import PostgresTarget, SqliteTarget, Target
from todo_cli.errors import NoStore

if TYPE_CHECKING:
    from todo_cli.database.postgresql import Dial, Server
    from todo_cli.database.sqlite import File

T = TypeVar("T")
Work = Callable[[Connection], Awaitable[T]]

__all__ = ["Database", "Effect", "open_database"]


class Database:
    """One store; connects at the first call."""

    def __init__(
        self,
        target: Target,
        connections: "File | Server",
        keeper: Keeper,
        attempts: Attempts,
    ) -> None:
        self.target = target
        self.connections = connections
        self.keeper = keeper
        self._attempts = attempts

    @property
    def created(self) -> bool:
        """Whether a call here made the store."""
        return self.keeper.created

    @property
    def may_have_written(self) -> bool:
        """Whether a write was sent that did not fail for certain."""
        return self._attempts.may_have_written

    @property
    def is_waiting(self) -> bool:
        """Whether an answer of the store is waited for."""
        return self._attempts.under_way > 0

    @property
    def is_sqlite(self) -> bool:
        """Whether the store is an embedded file."""
        return isinstance(self.target, SqliteTarget)

    async def run(
        self,
        work: Work[T],
        *,
        effect: Effect = Effect.READ,
        creates: bool = False,
        together: bool = False,
    ) -> T:
        """Call `work` with a connection and return what it returns.

        Each statement is a transaction of its own, or all are one when they
        belong `together`. A locked store is asked again for 5 s. A lost answer
        is asked for again where that is harmless. `creates` has the store made
        if there is none.

        Raises:
            NoStore: there is no store, and this call does not make one.
            OutcomeUnknown: a write was sent, and no answer came.
            TodoError: translated from what the driver said.
        """
        # On SQLite the lock is taken before a write begins, so that waiting
        # for it is never a write under way.
        is_one = together or (self.is_sqlite and effect is not Effect.READ)

        async def send(connection: Connection) -> T:
            if effect is not Effect.READ:
                self._attempts.may_have_written = True
            return await work(connection)

        async def perform(connection: Connection) -> T:
            if not is_one:
                return await send(connection)
            async with connection.transaction():
                return await send(connection)

        async def call() -> T:
            self.keeper.find_file(creates=creates)
            async with self.connections.connection() as connection:
                await self.keeper.check_file(connection, creates=creates)
                try:
                    return await perform(connection)
                except Exception as error:
                    if not failures.is_absent(error):
                        raise
                await self.keeper.make(connection, creates=creates)
                return await perform(connection)

        return await self._attempts.run(call, effect)

    async def look(self, work: Work[T]) -> T:
        """Call `work` with a connection to a store that is there, whatever its
        schema.

        Raises:
            NoStore: there is no embedded file.
            TodoError: translated from what the driver said.
        """

        async def call() -> T:
            self.keeper.find_file(creates=False)
            async with self.connections.connection() as connection:
                return await work(connection)

        return await self._attempts.run(call, Effect.READ)

    async def ping(self) -> None:
        """Reach the store, and find that it can be asked; one round trip.

        A store that is not there yet can be reached.

        Raises:
            TodoError: translated from what the driver said.
        """
        with suppress(NoStore):
            await self.run(lambda connection: connection.fetch("ping"))

    async def upgrade(self) -> str:
        """Bring the schema to this program's version, and return that.

        Makes the store if there is none.

        Raises:
            SchemaMismatch: the store is another program's, or of a newer
                version.
            TodoError: translated from what the driver said.
        """

        async def bring() -> str:
            self.keeper.find_file(creates=True)
            async with self.connections.connection() as connection:
                await self.keeper.bring_up(connection)
            return HEAD

        return await self._attempts.run(bring, Effect.REPEATABLE)

    async def upgrade_script(self) -> str:
        """The SQL that `upgrade` would run, for the owner of the database.

        Nothing is changed.

        Raises:
            SchemaMismatch: the store is another program's, or of a newer
                version.
            TodoError: translated from what the driver said.
        """
        from todo_cli.database import upgrade

        try:
            return await self.look(self._script)
        except NoStore:
            return upgrade.script("sqlite", None)

    async def _script(self, connection: Connection) -> str:
        """The SQL that is missing, and on a server the rights that our role
        lacks.
        """
        from todo_cli.database import upgrade

        try:
            state = await self.keeper.usable_state(connection)
            sql = upgrade.script(connection.dialect, state.version)
        except Exception as error:
            if failures.sqlstate(error) != failures.NO_RIGHTS:
                raise
            sql = (
                "-- This role may not read the version of the tables: "
                "their owner runs `todo db upgrade`, too.\n"
            )
        if connection.is_sqlite:
            return sql
        roles = await connection.fetch("role_without_rights")
        return sql + upgrade.rights_of(roles[0][0]) if roles else sql

    async def close(self) -> None:
        """Let go of the store."""
        await self.connections.close()


@asynccontextmanager
async def open_database(
    target: Target,
    *,
    timeout_s: float = 15.0,
    dial: "Dial | None" = None,
    pool_size: int | None = None,
    busy_for_s: float | None = None,
) -> AsyncIterator[Database]:
    """Hand out a store and let go of it at the end; nothing is opened before
    the first call.

    `timeout_s` limits connecting, the waking of a sleeping server included.
    `dial` makes the connections to PostgreSQL where the caller has begun one
    already. A process that lives on names a `pool_size`: the number of
    connections at most. An embedded file has one connection. A caller that
    waits `busy_for_s` (default: 5) for a connection, or for a lock on a file,
    hears that the store is busy.
    """
    busy_for_s = BUSY_FOR_S if busy_for_s is None else busy_for_s
    if isinstance(target, SqliteTarget):
        database = _embedded(target, busy_for_s)
    else:
        database = _on_server(target, timeout_s, dial, pool_size, busy_for_s)
    try:
        yield database
    finally:
        # Closing a file that was copied over would have SQLite write its log
        # into it.
        if database.keeper.overwritten is None:
            await database.close()


def _embedded(target: SqliteTarget, busy_for_s: float) -> Database:
    from todo_cli.database.sqlite import File

    async def upgrade() -> None:
        from todo_cli.database.upgrade import upgrade_file

        await upgrade_file(target)

    file = File(target, busy_for_s=busy_for_s)
    attempts = Attempts(target, busy_for_s=busy_for_s)
    return Database(target, file, Keeper(target, upgrade), attempts)


def _on_server(
    target: PostgresTarget,
    timeout_s: float,
    dial: "Dial | None",
    pool_size: int | None,
    busy_for_s: float,
) -> Database:
    from todo_cli.database.connection import Dialer
    from todo_cli.database.postgresql import Server

    dial = dial or Dialer(target, timeout_s=timeout_s)
    server = Server(target, dial, size=pool_size, busy_for_s=busy_for_s)

    async def upgrade() -> None:
        from todo_cli.database.upgrade import upgrade_server

        await upgrade_server(server.dial)

    attempts = Attempts(
        target, busy_for_s=busy_for_s, take_fault=server.owner_check.take_fault
    )
    return Database(target, server, Keeper(target, upgrade), attempts)
