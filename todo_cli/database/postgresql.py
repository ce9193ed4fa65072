"""Run statements on a PostgreSQL server, on connections of asyncpg's pool."""

import asyncio
import re
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar

import asyncpg

from todo_cli.database import failures, run
from todo_cli.database.attempts import Passing
from todo_cli.database.connection import Connection
from todo_cli.database.guard import Guard
from todo_cli.database.url import PostgresTarget
from todo_cli.errors import DatabaseBusy, TodoError

T = TypeVar("T")
Dial = Callable[[], Awaitable[Connection]]
Waiter = asyncio.Future[asyncpg.Pool]

OLDEST_S: Final = 280.0
"""The highest age of a connection, in seconds.

Less than the five minutes after which Neon suspends an idle database.
"""
RELEASE_S: Final = 1.0
"""How long a statement that timed out may take to be cancelled.

A server that hangs does not answer that either; the connection is cut then.
"""
_MISREAD: Final = (AssertionError, BufferError, TypeError, ValueError)
"""What asyncpg raises when it decodes a value as of another type.

It depends on the two types: too few bytes, too many, or no such text.
"""
_BEYOND: Final = re.compile("^(year .* is out of range|ordinal must be )")
"""What Python says of a day that it cannot express."""
_MOST: Final = 10
"""The size of a pool if none is given."""


class PostgresConnection:
    """One connection, checked out of the pool; see `run.Connection`."""

    is_sqlite = False
    dialect = "postgresql"

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self.statements = run.load("postgresql")

    async def fetch(
        self, statement: str | run.Statement, /, **values: Any
    ) -> list[run.Row]:
        """See `run.Connection`."""
        if isinstance(statement, str):
            statement = self.statements[statement]
        given = [to_server(values[name]) for name in statement.names]
        rows: list[run.Row] = await self._decoded(
            self.driver.fetch(statement.numbered, *given)
        )
        return rows

    async def store(self, name: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """See `run.Connection`."""
        statement = self.statements[name]
        given = []
        for row in rows:
            given.append([to_server(row[name]) for name in statement.names])
        returned: list[run.Row] = await self._decoded(
            self.driver.fetchmany(statement.numbered, given)
        )
        return len(returned)

    async def _decoded(self, call: Awaitable[T]) -> T:
        """Await rows; cut the connection if they do not fit its description.

        A column has another type than when the statement was described. This
        answer is lost; a new connection will describe the statement anew.
        """
        try:
            return await _answer(call)
        except OverflowError as error:
            raise run.BeyondYears from error
        except _MISREAD as error:
            if _BEYOND.search(str(error)):
                raise run.BeyondYears from error
            self.driver.terminate()
            raise ConnectionResetError(
                "the type of a column has changed"
            ) from error

    async def execute(self, sql: str) -> None:
        """See `run.Connection`."""
        await _answer(self.driver.execute(sql))

    @property
    def server_version(self) -> str:
        """The server's version, such as `18.1`, without a round trip."""
        version = self.driver.get_server_version()
        return f"{version.major}.{version.micro}"

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """See `run.Connection`."""
        # asyncpg's own transaction objects cannot be rolled back when BEGIN
        # was cancelled.
        try:
            await self.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
            yield
            await self.execute("COMMIT")
        except BaseException:
            await self._roll_back()
            raise

    async def _roll_back(self) -> None:
        """Roll back, or cut the connection if that fails.

        The error that led here is raised again by the caller, and says what
        went wrong. Only a cancellation during the rollback replaces it.
        """
        try:
            await self.execute("ROLLBACK")
        except BaseException as error:
            # An InterfaceError means that the pool has released it already.
            with suppress(asyncpg.InterfaceError):
                self.driver.terminate()
            # Cancelled again, during the rollback.
            if not isinstance(error, Exception):
                raise


async def _answer(call: Awaitable[T]) -> T:
    """Await a call of the driver, and raise only errors that can be changed.

    A function on the server may raise a warning's SQLSTATE. asyncpg then
    raises its message, which is read-only: contextlib fails on it with a
    TypeError, in asyncpg and here.
    """
    try:
        return await call
    except (asyncpg.PostgresWarning, TypeError) as raised:
        message: BaseException | None = raised
        if isinstance(raised, TypeError):
            message = raised.__context__
        if not isinstance(message, asyncpg.PostgresWarning):
            raise
        error = asyncpg.UnknownPostgresError(str(message))
        # As asyncpg itself fills in what the server sent.
        error.__dict__.update(message.as_dict())
        raise error from None


def to_server(value: Any) -> Any:
    """Convert a value for asyncpg: a list becomes a list of texts.

    `queries.py` casts every array from texts.

    Raises:
        ValueError: a datetime without a zone, which asyncpg takes for local
            time.
    """
    if isinstance(value, list | tuple):
        return [str(each) for each in value]
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError("a datetime without a zone")
    return value


class OwnerCheck:
    """Makes a new connection check who owns the schema; keeps what it found."""

    def __init__(self, target: PostgresTarget) -> None:
        self.fault: TodoError | None = None
        """Why we cut the connection, if we did."""
        self._target = target

    def watch(self, connection: Connection) -> None:
        """Make a connection refuse a schema whose owner is not trusted."""
        connection.owner_check = self
        question = run.load("postgresql")["owners"].sql
        Guard(connection, question, self._refuse, self._fail)

    def _refuse(self, owner: str | None) -> None:
        if owner is None:
            # The schema appeared after the question; the next try asks again.
            message = f"Somebody is making tables in {self._target.place}"
            self.fault = Passing(message, hint="try again")
        else:
            self.fault = failures.distrust(self._target.place, owner)

    def _fail(self, fields: dict[str, str]) -> None:
        """Note why the question failed, unless the server hangs up: then a
        lost connection says enough, and is retried.
        """
        if not fields:
            self.fault = failures.not_postgresql(self._target.place)
            return
        error = asyncpg.PostgresError.new(fields)
        if not failures.is_cut(error):
            self.fault = failures.translated(error, self._target)

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """Have an error say why we cut the connection, if we did.

        The driver sees only a lost connection where we cut it.
        """
        try:
            yield
        except Exception as error:
            if self.fault is None:
                raise
            raise self.fault from error


class Server:
    """The connections to one server, each in a pool of asyncpg's with room for one.

    There are at most `size`. A server may allow fewer: a call that needs a new
    connection takes one that another call gives back, if that comes first. So
    the pools are ours to choose from: asyncpg offers one that has no
    connection before others that have.

    asyncpg replaces a connection that died while idle. None is used when it is
    older than 280 s.
    """

    def __init__(
        self,
        target: PostgresTarget,
        dial: Dial,
        *,
        size: int | None,
        busy_for_s: float,
        oldest_s: float = OLDEST_S,
    ) -> None:
        self._target = target
        self._dial = dial
        self._size = size or _MOST
        self._busy_for_s = busy_for_s
        self._oldest_s = oldest_s
        self._slots: list[asyncpg.Pool] = []
        self._free: list[asyncpg.Pool] = []
        """The slots that no call uses; the last one was used last."""
        self._waiting: list[Waiter] = []
        """The calls that wait for a slot, the oldest first."""
        self._opening: dict[Waiter, asyncio.Task[None]] = {}
        """Who connects a slot, by the call that it was begun for."""

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[PostgresConnection]:
        """Check a connection out of the pool, and return it at the end.

        Raises:
            DatabaseBusy: none became free within `busy_for_s` (default: 5 s).
                Connecting may take longer.
        """
        slot = self._connected() or await self._wait()
        try:
            driver = await self._fresh(slot)
            # Now: the pool forgets the driver when it is cut.
            check = driver.owner_check
            try:
                with check.explaining():
                    yield PostgresConnection(driver)
            finally:
                # The pool closes a connection that it cannot reset. The call
                # itself has succeeded or failed before.
                with suppress(Exception):
                    await slot.release(driver, timeout=RELEASE_S)
        finally:
            self._give_back(slot)

    def _connected(self) -> "asyncpg.Pool | None":
        """Take a free slot that has a connection."""
        for slot in reversed(self._free):
            if slot.get_idle_size():
                self._free.remove(slot)
                return slot
        return None

    async def _wait(self) -> asyncpg.Pool:
        """Take the first slot that comes: given back, or newly connected."""
        waiter: Waiter = asyncio.get_running_loop().create_future()
        spare = await self._spare()
        self._waiting.append(waiter)
        if spare is not None:
            self._begin(spare, waiter)
        try:
            await asyncio.wait([waiter], timeout=self._busy_for_s)
            # Connecting has a limit of its own.
            if not waiter.done() and waiter not in self._opening:
                message = f"All connections to {self._target.place} are in use"
                raise DatabaseBusy(message, hint="try again")
            return await waiter
        except BaseException:
            if waiter in self._opening:
                self._opening[waiter].cancel()
            # It may have come at the moment of a cancellation.
            is_set = waiter.done() and not waiter.cancelled()
            if is_set and waiter.exception() is None:
                self._give_back(waiter.result())
            waiter.cancel()
            raise
        finally:
            self._waiting.remove(waiter)

    async def _spare(self) -> "asyncpg.Pool | None":
        """Take a slot without a connection, if there may be one more."""
        if self._free:
            return self._free.pop()
        if len(self._slots) == self._size:
            return None
        slot = asyncpg.create_pool(
            min_size=0,
            max_size=1,
            max_inactive_connection_lifetime=OLDEST_S,
            connect=self._connect,
            reset=_leave_as_it_is,
        )
        self._slots.append(slot)
        # This connects nothing, as `min_size` is 0.
        await slot
        return slot

    def _begin(self, slot: asyncpg.Pool, waiter: Waiter) -> None:
        """Begin to connect a slot for a call that waits."""
        task = asyncio.create_task(_connect_slot(slot))
        self._opening[waiter] = task
        task.add_done_callback(partial(self._end, slot, waiter))

    def _end(
        self, slot: asyncpg.Pool, waiter: Waiter, task: asyncio.Task[None]
    ) -> None:
        """Hand over a slot; if the call has another one by then, to the next."""
        del self._opening[waiter]
        error = None
        if not task.cancelled():
            error = task.exception()
        if waiter.done() or task.cancelled():
            self._give_back(slot)
        elif error is None:
            waiter.set_result(slot)
        else:
            waiter.set_exception(error)
            self._give_back(slot)

    def _give_back(self, slot: asyncpg.Pool) -> None:
        """Pass a slot on to the call that waits longest, or keep it."""
        is_connected = slot.get_idle_size() > 0
        for waiter in self._waiting:
            # One that opens a connection of its own needs no second slot.
            is_served = waiter in self._opening and not is_connected
            if waiter.done() or is_served:
                continue
            if is_connected:
                waiter.set_result(slot)
            else:
                self._begin(slot, waiter)
            return
        self._free.append(slot)

    async def dial(self) -> Connection:
        """Connect outside the pool, for a migration.

        The connection refuses a schema whose owner is not trusted.
        """
        connection = await self._dial()
        OwnerCheck(self._target).watch(connection)
        return connection

    async def _connect(self, *_: Any, **__: Any) -> Connection:
        """Connect for the pool, with our settings instead of the pool's."""
        return await self.dial()

    async def _fresh(self, pool: Any) -> Any:
        """Acquire a connection that is not too old."""
        while True:
            driver = await pool.acquire()
            if driver.age_s < self._oldest_s:
                return driver
            # The pool replaces a closed connection at the next `acquire`.
            driver.terminate()
            await pool.release(driver)

    async def close(self) -> None:
        """Close every connection without a goodbye message.

        The message would cost one more round trip, and every write is
        confirmed already.
        """
        tasks = list(self._opening.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for slot in self._slots:
            slot.terminate()
        self._slots.clear()
        self._free.clear()


async def _connect_slot(slot: asyncpg.Pool) -> None:
    """Give a slot a connection."""
    driver = await slot.acquire()
    await slot.release(driver)


async def _leave_as_it_is(_: Any) -> None:
    """Send nothing when a connection returns to the pool.

    asyncpg's own reset costs a round trip. We leave no state behind, and
    asyncpg rolls back an open transaction without it.
    """
