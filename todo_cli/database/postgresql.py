"""Run statements on a PostgreSQL server, on a pool of connections of asyncpg's."""

import asyncio
import re
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar

import asyncpg

from todo_cli.database import failures, run
from todo_cli.database.attempts import Passing
from todo_cli.database.behalf import Setting
from todo_cli.database.connection import Connection, limit_s
from todo_cli.database.guard import Guard
from todo_cli.database.url import PostgresTarget
from todo_cli.errors import DatabaseBusy, DatabaseUnavailable, TodoError

T = TypeVar("T")
Dial = Callable[[], Awaitable[Connection]]
Waiter = asyncio.Future[Connection]

OLDEST_S: Final = 280.0
"""The highest age of a connection, in seconds.

Less than the five minutes after which Neon suspends an idle database.
"""
_STOP_S: Final = 0.3
"""How long a server may take to confirm that a reading statement stopped."""
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
_AT_ONCE: Final = (500, 10_000)
"""How many rows of a stream are fetched in the first turn, and at most in one."""
_TURN_LENGTH: Final = 16_000_000
"""About how many characters one turn of a stream fetches."""
_KEPT: Final = ("add", "add_tagged", "by_id", "by_number")
"""The statements whose plan does not depend on their values."""
_LONG: Final = ("history", "stats", "undo", "undo_one", "redo")
"""The statements that go through whole operations: an import can have any size.

Or through all tasks.
"""
_BEGIN_READING: Final = (
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
    "SET LOCAL enable_sort = off"
)
"""Begins a snapshot, which is read in the order of an index.

A server that knows little of the values would sort all rows for each page.
"""
_MOST: Final = 10
"""The size of a pool if none is given."""


class PostgresConnection:
    """One connection, checked out of the pool; see `run.Connection`."""

    is_sqlite = False
    dialect = "postgresql"

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self.statements = run.load("postgresql")
        self._streams = 0
        self._is_snapshot = False
        # What the last call claimed is not for this one.
        driver.setting = None

    def claim(self, setting: str, value: str) -> None:
        """See `run.Connection`."""
        if self.driver.has_walls is False:
            return
        statement = self.statements["set"].numbered
        self.driver.setting = Setting(statement, setting, value)

    async def fetch(
        self, statement: str | run.Statement, /, **values: Any
    ) -> list[run.Row]:
        """See `run.Connection`."""
        name = statement
        if isinstance(statement, str):
            statement = self.statements[statement]
        given = [to_server(values[each]) for each in statement.names]
        if name in _KEPT:
            await self.driver.keep(statement.numbered)
        limit = limit_s(is_long=self._is_snapshot or name in _LONG)
        rows: list[run.Row] = await self._decoded(
            self.driver.fetch(statement.numbered, *given, timeout=limit)
        )
        return rows

    async def store(self, name: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """See `run.Connection`."""
        statement = self.statements[name]
        given = []
        for row in rows:
            given.append([to_server(row[name]) for name in statement.names])
        limit = limit_s(run.length(given))
        returned: list[run.Row] = await self._decoded(
            self.driver.fetchmany(statement.numbered, given, timeout=limit)
        )
        return len(returned)

    async def stream(
        self, statement: run.Statement, most: int
    ) -> AsyncGenerator[list[run.Row]]:
        """Yield the rows of a statement without values, in a snapshot.

        At most `most` at a time. A turn fetches more, as many as memory
        allows. Close the iterator at the end.
        """
        self._streams += 1
        # The driver keeps the columns of each text, so each stream has its own.
        name = f"todo_rows_{self._streams}"
        await self.execute(
            f"DECLARE {name} NO SCROLL CURSOR FOR {statement.sql}"
        )
        count, limit = _AT_ONCE
        while True:
            fetching = run.Statement(f"FETCH FORWARD {count} FROM {name}")
            rows = await self.fetch(fetching)
            for start in range(0, len(rows), most):
                yield rows[start : start + most]
            if len(rows) < count:
                break
            fitting = _TURN_LENGTH * count // max(run.length(rows), 1)
            count = max(1, min(fitting, limit))

    async def store_all(
        self, name: str, rows: Sequence[Mapping[str, Any]]
    ) -> int:
        """See `run.Connection`."""
        statement = self.statements[f"{name}_all"]
        given = []
        for each in statement.names:
            values = [row[each] for row in rows]
            if each == "tags":
                # A server has no lists of lists of different lengths.
                values = [",".join(tags) for tags in values]
            given.append(values)
        limit = limit_s(run.length(given))
        returned: list[run.Row] = await self._decoded(
            self.driver.fetch(statement.numbered, *given, timeout=limit)
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
        limit = limit_s(is_long=self._is_snapshot)
        await _answer(self.driver.execute(sql, timeout=limit))

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

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[None]:
        """See `run.Connection`."""
        try:
            await self.execute(_BEGIN_READING)
            self._is_snapshot = True
            yield
        finally:
            self._is_snapshot = False
            # Else a rollback would wait for a silent server after a signal.
            await self.driver.settle(_STOP_S)
            await self._roll_back()

    async def _roll_back(self) -> None:
        """Roll back, or cut the connection if that fails.

        The error that led here is raised again by the caller, and says what
        went wrong. Only a cancellation during the rollback replaces it.
        """
        try:
            await self.execute("ROLLBACK")
        except BaseException as error:
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

    def watch(self, connection: Connection, protocol: Any = None) -> None:
        """Make a connection refuse a schema whose owner is not trusted.

        `protocol` hears the answer to the request that the question goes with.
        """
        connection.owner_check = self
        question = run.load("postgresql")["owners_and_walls"].sql
        Guard(connection, question, self._refuse, self._fail, protocol)

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
    """The connections to one server, at most `size` of them.

    This is no pool of asyncpg's: that makes a task, a proxy and a timer for
    each call, and waits for a turn of the loop before another call begins.

    A server may allow fewer: a call that needs a new connection takes one that
    another call gives back, if that comes first.

    A connection that died while idle is replaced. None is used when it is
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
        self._open: dict[Connection, asyncio.TimerHandle] = {}
        """Every connection, and what closes it when it is too old."""
        self._idle: list[Connection] = []
        """Those that no call uses; the last one was used last."""
        self._waiting: list[Waiter] = []
        """The calls that wait for a connection, the oldest first."""
        self._opening: dict[Waiter, asyncio.Task[Connection]] = {}
        """What connects, by the call that it was begun for."""

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[PostgresConnection]:
        """Take a connection, and give it back at the end.

        Raises:
            DatabaseBusy: none became free within `busy_for_s` (default: 5 s).
                Connecting may take longer.
        """
        driver = self._take() or await self._wait()
        try:
            with driver.owner_check.explaining():
                yield PostgresConnection(driver)
        finally:
            try:
                await driver.settle(RELEASE_S)
            finally:
                self._give_back(driver)

    def _take(self) -> Connection | None:
        """Take an idle connection that is alive."""
        while self._idle:
            driver = self._idle.pop()
            if not driver.is_closed():
                return driver
            self._drop(driver)
        return None

    async def _wait(self) -> Connection:
        """Take the first connection that comes: given back, or new.

        Raises:
            DatabaseBusy: none came, and none could be begun.
        """
        loop = asyncio.get_running_loop()
        waiter: Waiter = loop.create_future()
        self._waiting.append(waiter)
        if self._has_room():
            self._begin(waiter)
        limit = loop.call_later(self._busy_for_s, self._refuse, waiter)
        try:
            return await waiter
        except BaseException:
            if waiter in self._opening:
                self._opening[waiter].cancel()
            # It may have come at the moment of a cancellation.
            is_set = waiter.done() and not waiter.cancelled()
            if is_set and waiter.exception() is None:
                self._give_back(waiter.result())
            raise
        finally:
            limit.cancel()
            self._waiting.remove(waiter)

    def _refuse(self, waiter: Waiter) -> None:
        """Fail a call that has waited for too long."""
        # Connecting has a limit of its own.
        if not waiter.done() and waiter not in self._opening:
            message = f"All connections to {self._target.place} are in use"
            waiter.set_exception(DatabaseBusy(message, hint="try again"))

    def _has_room(self) -> bool:
        """Whether there may be one more connection."""
        return len(self._open) + len(self._opening) < self._size

    def _begin(self, waiter: Waiter) -> None:
        """Begin to connect for a call that waits."""
        task = asyncio.create_task(self.dial())
        self._opening[waiter] = task
        task.add_done_callback(partial(self._end, waiter))

    def _end(self, waiter: Waiter, task: asyncio.Task[Connection]) -> None:
        """Hand over a connection; if the call has another one by then, to the next."""
        del self._opening[waiter]
        if task.cancelled():
            self._fill_room()
            return
        error = task.exception()
        if error is not None:
            if not waiter.done():
                waiter.set_exception(error)
            self._fill_room()
            return
        driver = task.result()
        self._open[driver] = self._retiring(driver)
        if waiter.done():
            self._give_back(driver)
        else:
            waiter.set_result(driver)

    def _retiring(self, driver: Connection) -> asyncio.TimerHandle:
        """Close a connection when it is too old, or as soon as it is idle."""
        loop = asyncio.get_running_loop()
        return loop.call_later(self._oldest_s, self._retire, driver)

    def _retire(self, driver: Connection) -> None:
        """Close a connection that is too old, unless a call uses it."""
        if driver in self._idle:
            self._idle.remove(driver)
            self._drop(driver)

    def _give_back(self, driver: Connection) -> None:
        """Pass a connection on to the call that waits longest, or keep it."""
        if not driver.is_reusable() or driver.age_s >= self._oldest_s:
            self._drop(driver)
            return
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(driver)
                return
        self._idle.append(driver)

    def _drop(self, driver: Connection) -> None:
        """Close a connection, and begin another one if a call waits."""
        driver.terminate()
        retiring = self._open.pop(driver, None)
        # `close` has forgotten all.
        if retiring is not None:
            retiring.cancel()
            self._fill_room()

    def _fill_room(self) -> None:
        """Begin to connect for the call that waits longest, in a free place."""
        for waiter in self._waiting:
            if not waiter.done() and waiter not in self._opening:
                self._begin(waiter)
                return

    async def dial(self) -> Connection:
        """Connect, also outside the pool, for a migration.

        The connection refuses a schema whose owner is not trusted.
        """
        connection = await self._dial()
        # One that was there before us has asked, or will.
        if connection.owner_check is None:
            OwnerCheck(self._target).watch(connection)
        return connection

    def _closed(self) -> DatabaseUnavailable:
        """Return the error for a call that waits while all is closed."""
        message = f"The connections to {self._target.place} were closed"
        return DatabaseUnavailable(message, hint="try again")

    async def close(self) -> None:
        """Close every connection without a goodbye message.

        The message would cost one more round trip, and every write is
        confirmed already. Calls that wait for a connection fail.
        """
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_exception(self._closed())
        tasks = list(self._opening.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for driver, timer in self._open.items():
            timer.cancel()
            driver.terminate()
        self._open.clear()
        self._idle.clear()
