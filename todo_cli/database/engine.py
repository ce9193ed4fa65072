"""One store, an embedded file or a server. Every call goes through it."""

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
)
from contextlib import (
    AsyncExitStack,
    aclosing,
    asynccontextmanager,
    suppress,
)
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from todo_cli.database import failures
from todo_cli.database.attempts import BUSY_FOR_S, Attempts, Effect
from todo_cli.database.drivers import check_python
from todo_cli.database.keeper import Keeper, Progress, quietly
from todo_cli.database.rows import Unreadable
from todo_cli.database.run import Connection
from todo_cli.database.schema import HEAD
from todo_cli.database.url import PostgresTarget, SqliteTarget, Target
from todo_cli.errors import NoStore

if TYPE_CHECKING:
    from todo_cli.database.postgresql import Dial, Server
    from todo_cli.database.sqlite import File

T = TypeVar("T")
Work = Callable[[Connection], Awaitable[T]]
Reading = Callable[[Connection], AsyncGenerator[T]]

__all__ = ["Database", "Effect", "open_database"]


class _RolledBack(Exception):
    """Ends the transaction of a trial."""


class Database:
    """One store. It connects at the first call.

    `run` is the only place where statements are retried and driver errors are
    translated.
    """

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
        self.progress: Progress = quietly
        """Shows how far an upgrade has come, which any command can begin."""
        self._attempts = attempts

    @property
    def created(self) -> bool:
        """Whether a call here created the store."""
        return self.keeper.created

    @property
    def may_have_written(self) -> bool:
        """Whether a write was sent and has not certainly failed."""
        return self._attempts.may_have_written

    @property
    def is_waiting(self) -> bool:
        """Whether a call waits for the store."""
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
        is_trial: bool = False,
    ) -> T:
        """Call `work` with a connection and return its result.

        Each statement is a transaction of its own. With `together`, and for
        every write to a file, all of them are one transaction. `creates`
        creates a missing store. With `is_trial` all that was written is rolled
        back at the end.

        A locked store is retried for 5 s. A lost answer is retried once if
        `effect` allows it. So `work` may be called several times.

        Raises:
            NoStore: there is no store, and this call does not create one.
            OutcomeUnknown: a write was sent, and no answer came.
            TodoError: translated from the driver's error.
        """
        # On SQLite the lock is taken before a write starts. So a call that waits
        # for the lock has certainly written nothing.
        is_one = together or (self.is_sqlite and effect is not Effect.READ)

        # No closures: their annotations would be computed at each call.
        send = self._send_together if is_one else self._send
        if is_trial:
            effect, creates, send = Effect.READ, False, self._try
        perform = partial(send, work, effect)
        call = partial(self._with_tables, perform, creates=creates)
        result = await self._attempts.run(call, effect)
        if isinstance(result, Unreadable):
            raise result
        return result

    async def _with_tables(self, work: Work[T], *, creates: bool) -> T:
        """Connect and call `work`; create the tables if they are missing."""
        self.keeper.find_file(creates=creates)
        async with self.connections.connection() as connection:
            await self.keeper.check_file(connection, creates=creates)
            try:
                return await work(connection)
            except Exception as error:
                if not failures.is_absent(error):
                    raise
            # Nothing ran: PostgreSQL reports a missing table while parsing.
            await self.keeper.make(connection, creates=creates)
            return await work(connection)

    async def _send_together(
        self, work: Work[T], effect: Effect, connection: Connection
    ) -> T | Unreadable:
        """Do what `_send` does, in one transaction."""
        async with connection.transaction():
            return await self._send(work, effect, connection)

    async def _try(
        self, work: Work[T], effect: Effect, connection: Connection
    ) -> T | Unreadable:
        """Do what `_send_together` does, and take it back."""
        found: list[T | Unreadable] = []
        with suppress(_RolledBack):
            async with connection.transaction():
                found.append(await self._send(work, effect, connection))
                raise _RolledBack
        [result] = found
        if isinstance(result, Unreadable) and result.unsaved is not None:
            # It has been rolled back: nothing was saved.
            raise result.unsaved
        return result

    async def _send(
        self, work: Work[T], effect: Effect, connection: Connection
    ) -> T | Unreadable:
        """Call `work`; return the error if its change is to be kept."""
        # From here on a lost answer can hide a write.
        if effect is not Effect.READ:
            self._attempts.may_have_written = True
        try:
            return await work(connection)
        except Unreadable as error:
            if not error.is_saved:
                raise
            # Raising it here would roll the change back.
            return error

    async def read_parts(self, read: Reading[T]) -> AsyncGenerator[T]:
        """Yield the parts that `read` yields, all of one state of the store.

        Faults before the first part are handled as by `run`. A later one is
        final, because the state has gone. Close the iterator at the end: until
        then it keeps a connection.

        Raises:
            NoStore: there is no store.
            TodoError: translated from the driver's error.
        """
        async with AsyncExitStack() as stack:
            begin = partial(self._begin, read, stack)
            parts, part = await self._attempts.run(begin, Effect.READ)
            while part is not None:
                yield part
                following = partial(anext, parts, None)
                part = await self._attempts.run_once(following)

    async def _begin(
        self, read: Reading[T], stack: AsyncExitStack
    ) -> tuple[AsyncGenerator[T], T | None]:
        """Read the first part; `stack` then has what the others need."""
        try:
            return await self._first(read, stack)
        except Exception as error:
            if not failures.is_absent(error):
                raise
        async with self.connections.connection() as connection:
            await self.keeper.make(connection, creates=False)
        return await self._first(read, stack)

    async def _first(
        self, read: Reading[T], stack: AsyncExitStack
    ) -> tuple[AsyncGenerator[T], T | None]:
        """Do that once the tables are there."""
        async with AsyncExitStack() as begun:
            connection = await begun.enter_async_context(self._snapshot())
            closing = aclosing(read(connection))
            parts = await begun.enter_async_context(closing)
            first = await anext(parts, None)
            # It has failed by now, or is left open.
            stack.push_async_exit(begun.pop_all())
        return parts, first

    @asynccontextmanager
    async def _snapshot(self) -> AsyncIterator[Connection]:
        """Yield a connection that sees one state of the store."""
        self.keeper.find_file(creates=False)
        async with self.connections.connection() as connection:
            await self.keeper.check_file(connection, creates=False)
            async with connection.snapshot():
                yield connection

    async def look(self, work: Work[T]) -> T:
        """Call `work` with a connection, whatever the schema of the store is.

        Raises:
            NoStore: there is no embedded file.
            TodoError: translated from the driver's error.
        """

        async def call() -> T:
            self.keeper.find_file(creates=False)
            async with self.connections.connection() as connection:
                return await work(connection)

        return await self._attempts.run(call, Effect.READ)

    async def ping(self) -> None:
        """Check that the store can be reached; one round trip.

        A store that does not exist yet counts as reachable.

        Raises:
            TodoError: translated from the driver's error.
        """
        with suppress(NoStore):
            await self.run(lambda connection: connection.fetch("ping"))

    async def upgrade(self) -> str:
        """Upgrade the schema to this program's version; return the version.

        All or nothing. A missing store is created.

        Raises:
            SchemaMismatch: the store has another program's tables or a newer
                version.
            TodoError: translated from the driver's error.
        """

        async def bring() -> str:
            self.keeper.find_file(creates=True)
            async with self.connections.connection() as connection:
                await self.keeper.bring_up(connection)
            return HEAD

        return await self._attempts.run(bring, Effect.REPEATABLE)

    async def fill(self) -> None:
        """Fill what search and sorting need, in rows that lack it.

        Also where the schema is up to date: another role may have upgraded it.

        Raises:
            TodoError: translated from the driver's error.
        """
        # Late: few commands need it.
        from todo_cli.database import filling

        await filling.fill(self, self.progress)

    async def index_words(self) -> str:
        """Make the index of words on a server, if it and our role can.

        A file gets its index by what is written into it: see `search.py`.
        Return which index there is, or `none`.

        Raises:
            TodoError: translated from the driver's error.
        """
        # Late: few commands need it.
        from todo_cli.database import search

        async def make(connection: Connection) -> str:
            if not connection.is_sqlite:
                await connection.execute(connection.statements.index_of_words)
            state = search.STATES[connection.dialect]
            [row] = await connection.fetch(state)
            return search.kind_in(row)

        return await self.run(make, effect=Effect.REPEATABLE)

    async def upgrade_script(self) -> str:
        """Return the SQL that `upgrade` would run.

        The owner of a database can run it. Nothing is changed here.

        Raises:
            SchemaMismatch: the store has another program's tables or a newer
                version.
            TodoError: translated from the driver's error.
        """
        # Late: this loads Alembic and SQLAlchemy, two thirds of a start.
        from todo_cli.database import upgrade

        try:
            return await self.look(self._script)
        except NoStore:
            return upgrade.script("sqlite", None)

    async def _script(self, connection: Connection) -> str:
        """Return the missing SQL, and on a server the rights our role lacks."""
        from todo_cli.database import upgrade

        try:
            state = await self.keeper.usable_state(connection)
            sql = upgrade.script(connection.dialect, state.version)
        except Exception as error:
            if failures.sqlstate(error) != failures.NO_RIGHTS:
                raise
            # Still useful: the owner needs the GRANTs that follow.
            sql = (
                "-- This role may not read the version of the tables: "
                "their owner runs `todo db upgrade`, too.\n"
            )
        # A file has no roles.
        if connection.is_sqlite:
            return sql
        roles = await connection.fetch("role_without_rights")
        return sql + upgrade.rights_of(roles[0][0]) if roles else sql

    async def close(self) -> None:
        """Close every connection."""
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
    """Yield a store and close it at the end.

    Nothing is opened before the first call.

    `timeout_s` limits connecting, including the start of a suspended server.
    `dial` connects to PostgreSQL, for a caller that has started a connection
    already. `pool_size` is the highest number of connections (default: 10); an
    embedded file has one. After `busy_for_s` (default: 5) of waiting for a
    connection or a lock, a call fails with DatabaseBusy.

    Raises:
        ConfigInvalid: this Python or its SQLite cannot open such a store.
    """
    check_python(target)
    busy_for_s = BUSY_FOR_S if busy_for_s is None else busy_for_s
    if isinstance(target, SqliteTarget):
        database = _embedded(target, busy_for_s)
    else:
        database = _on_server(target, timeout_s, dial, pool_size, busy_for_s)
    try:
        yield database
    finally:
        # Closing an overwritten file would make SQLite write the old log into
        # the new file.
        if database.keeper.overwritten is None:
            await database.close()


# Each store imports its driver late: a command loads only the one that it uses.


def _embedded(target: SqliteTarget, busy_for_s: float) -> Database:
    from todo_cli.database.sqlite import File, require_version

    require_version()

    async def upgrade() -> None:
        from todo_cli.database.upgrade import upgrade_file

        await upgrade_file(target, database.progress)

    file = File(target, busy_for_s=busy_for_s)
    attempts = Attempts(target, busy_for_s=busy_for_s)
    database = Database(target, file, Keeper(target, upgrade), attempts)
    return database


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

        await upgrade_server(server.dial, target.place)

    attempts = Attempts(target, busy_for_s=busy_for_s)
    return Database(target, server, Keeper(target, upgrade), attempts)
