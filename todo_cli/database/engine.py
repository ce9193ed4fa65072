"""Engine, session and transaction over either store: every call commits, is retried and
has its errors translated here.

Beside it `connection.py` retries connecting, and `schema.py` commits what it makes.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from enum import Enum
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

from sqlalchemy import URL, event
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from todo_cli.database import failures, files, schema, sidecars
from todo_cli.database.tables import SCHEMA
from todo_cli.database.url import PostgresTarget, SqliteTarget, Target
from todo_cli.errors import (
    Conflict,
    DatabaseBusy,
    IoFailed,
    NoStore,
    OutcomeUnknown,
    TodoError,
)

T = TypeVar("T")
Work = Callable[[AsyncSession], Awaitable[T]]
Dial = Callable[[], Awaitable[Any]]

BUSY_FOR_S: Final = 5.0
"""How long a lock of somebody else is waited for."""
RECYCLE_S: Final = 280.0
"""How old a connection of a pool may grow: less than the five minutes after which Neon
puts a database to sleep.
"""
_SQLITE_WAIT_S: Final = 0.1
"""How long the driver waits inside one call, where a signal cannot reach it."""


class Effect(Enum):
    """What asking a second time does when the answer to a call was lost."""

    READ = "nothing is written"
    REPEATABLE = "written twice is the same as once"
    ONCE = "a second time could do something else"


class Database:
    """One store; connects at the first call. `created` tells whether a call here made the store."""

    def __init__(
        self,
        engine: AsyncEngine,
        target: Target,
        owner_check: "OwnerCheck | None" = None,
    ) -> None:
        self.engine = engine
        self.target = target
        self.owner_check = owner_check
        """Keeps a stranger's schema from running code as us; None for a file."""
        self.created = False
        self.may_have_written = False
        """Whether a write was sent that did not fail for certain."""
        self.shows_progress = False
        """Whether somebody is being told how far a call is: then it is not merely waited for."""
        self._calls = 0
        self._checked: files.Identity | None = None
        self._changed = 0
        self.overwritten: IoFailed | None = None
        """What came of a look at an embedded file that was written over while it was open."""

    @property
    def is_waiting(self) -> bool:
        """Whether an answer of the store is being waited for."""
        return self._calls > 0 and not self.shows_progress

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
        """Call `work` with a session and return what it returns.

        Each statement is a transaction of its own, or all are one when they belong
        `together`. A locked store is asked again for 5 s. A lost answer is asked for
        again where that is harmless.

        Raises:
            NoStore: there is no store, and this call does not make one.
            OutcomeUnknown: a write was sent, and no answer came.
            TodoError: translated from what the driver said.
        """
        # On SQLite the lock is taken before a write begins, so that waiting for it is
        # never a write under way.
        together = together or (self.is_sqlite and effect is not Effect.READ)
        return await self.attempt(
            lambda: self._once(work, effect, creates=creates, together=together),
            effect=effect,
        )

    async def attempt(
        self, call: Callable[[], Awaitable[T]], *, effect: Effect = Effect.READ
    ) -> T:
        """Await `call` again while the store is locked, and once more when its answer
        was lost and that is harmless.

        Raises:
            TodoError: as `run`.
        """
        self._calls += 1
        try:
            return await self._attempt(call, effect)
        finally:
            self._calls -= 1

    async def _attempt(self, call: Callable[[], Awaitable[T]], effect: Effect) -> T:
        loop = asyncio.get_running_loop()
        give_up = loop.time() + BUSY_FOR_S
        lost: OutcomeUnknown | None = None
        while True:
            try:
                return await call()
            except TodoError as error:
                if (
                    lost is not None
                    and effect is not Effect.READ
                    and not isinstance(error, Conflict)
                ):
                    raise lost from error
                self._has_failed(effect)
                raise
            except Exception as error:
                if (
                    self.owner_check is not None
                    and (fault := self.owner_check.take_fault()) is not None
                ):
                    self._has_failed(effect)
                    raise fault from error
                if not failures.is_of_driver(error):
                    raise
                is_cut = isinstance(self.target, PostgresTarget) and failures.is_cut(
                    error
                )
                if not is_cut and lost is None:
                    self._has_failed(effect)
                if failures.is_busy(error) and loop.time() < give_up:
                    await asyncio.sleep(random.uniform(0.005, 0.05))  # noqa: S311 - jitter, not a secret
                    continue
                may_repeat = (
                    effect is not Effect.ONCE
                    and lost is None
                    and not isinstance(error, TimeoutError)
                )
                if is_cut:
                    lost = lost or OutcomeUnknown(
                        f"{self.target.place} did not confirm: it may or may not be stored"
                    )
                if is_cut and may_repeat:
                    continue
                if lost is not None and effect is not Effect.READ:
                    raise lost from error
                raise failures.translated(error, self.target) from error

    def _has_failed(self, effect: Effect) -> None:
        """Note that nothing was written; a read says nothing about the writes before it."""
        self.may_have_written = self.may_have_written and effect is Effect.READ

    async def ping(self) -> None:
        """Reach the store, and find that it can be asked; one round trip. A store that
        is not there yet can be reached.

        Raises:
            TodoError: translated from what the driver said.
        """
        with suppress(NoStore):
            await self.run(lambda session: session.exec(select(1)))

    async def upgrade(self) -> str:
        """Bring the schema to this program's version, making the store if there is
        none; return the version.

        Raises:
            SchemaMismatch: the store is somebody else's, or of a newer version.
            TodoError: translated from what the driver said.
        """

        async def bring() -> str:
            self.find_file(creates=True)
            async with self.engine.connect() as connection:
                state = await self._usable_state(connection)
                if state.fit is schema.Fit.ABSENT:
                    self.created = await schema.create(connection)
                elif state.fit is schema.Fit.OLDER:
                    await self._bring_up(connection)
            return schema.HEAD

        return await self.attempt(bring, effect=Effect.REPEATABLE)

    async def upgrade_script(self) -> str:
        """The SQL that `upgrade` would run, for the owner of the database; nothing is changed.

        Raises:
            SchemaMismatch: the store is somebody else's, or of a newer version.
            TodoError: translated from what the driver said.
        """

        async def look() -> str:
            self.find_file(creates=False)
            async with self.engine.connect() as connection:
                return await self._script(connection)

        try:
            return await self.attempt(look)
        except NoStore:
            return schema.upgrade_script(self.engine.dialect.name, None)

    async def _script(self, connection: AsyncConnection) -> str:
        """The SQL that is missing, and on a server the rights that our role lacks."""
        try:
            sql = schema.upgrade_script(
                self.engine.dialect.name, (await self._usable_state(connection)).version
            )
        except SQLAlchemyError as error:
            if failures.sqlstate(error) != failures.NO_RIGHTS:
                raise
            await connection.rollback()
            sql = "-- This role may not read the version of the tables: their owner runs `todo db upgrade`, too.\n"
        if self.is_sqlite:
            return sql
        from todo_cli.database import owner, policy

        role = await connection.scalar(owner.role_without_rights())
        if role is None:
            return sql
        return f"{sql}\n-- The rights that todo needs as the role of this call\n{policy.grants(policy.quote(role))}"

    async def _usable_state(self, connection: AsyncConnection) -> schema.State:
        """Read which schema is there, and refuse one that is not ours to change."""
        state = await schema.read_state(connection)
        await connection.rollback()
        if state.fit in (schema.Fit.FOREIGN, schema.Fit.UNTRUSTED, schema.Fit.NEWER):
            raise schema.mismatch(state, self.target.place)
        return state

    async def _bring_up(self, connection: AsyncConnection) -> None:
        """Run the migrations that are missing, after a copy of an embedded file."""

        def copy_aside(state: schema.State) -> None:
            if isinstance(self.target, SqliteTarget):
                files.copy_aside(self.target.path, str(state.version))

        await schema.upgrade(connection, copy_aside)

    async def _once(
        self, work: Work[T], effect: Effect, *, creates: bool, together: bool
    ) -> T:
        """Try once, making the store on the way where that is asked for."""
        self.find_file(creates=creates)
        async with self._connection() as connection:
            if isinstance(self.target, SqliteTarget):
                await self._check_file(connection, self.target.path, creates=creates)
            try:
                return await self._perform(connection, work, effect, together=together)
            except SQLAlchemyError as error:
                if not failures.is_absent(error):
                    raise
                await connection.rollback()
                await self._make(connection, creates=creates)
            return await self._perform(connection, work, effect, together=together)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        """A connection of the pool; not for ever waited for."""
        try:
            async with self.engine.connect() as connection:
                yield connection
        except PoolTimeout as error:
            raise DatabaseBusy(
                f"All connections to {self.target.place} are in use", hint="try again"
            ) from error

    async def _perform(
        self,
        connection: AsyncConnection,
        work: Work[T],
        effect: Effect,
        *,
        together: bool,
    ) -> T:
        """Call `work` on this connection; commit when it returns, roll back when it raises."""
        if together:
            await self._begin(connection)
        self.may_have_written = self.may_have_written or effect is not Effect.READ
        try:
            changes = await self._changes(connection)
            async with AsyncSession(connection, expire_on_commit=False) as session:
                result = await work(session)
            if together:
                if (
                    isinstance(self.target, SqliteTarget)
                    and await self._changes(connection) != changes
                ):
                    await self._mark(connection, self.target.path)
                await connection.commit()
            return result
        finally:
            if together:
                await connection.rollback()

    async def _begin(self, connection: AsyncConnection) -> None:
        if isinstance(self.target, SqliteTarget):
            await connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            await connection.execution_options(isolation_level="READ COMMITTED")
            await connection.begin()

    async def _changes(self, connection: AsyncConnection) -> int:
        """How many rows this connection has changed in the embedded file; a server is not asked."""
        if not self.is_sqlite:
            return 0
        driver: Any = (await connection.get_raw_connection()).driver_connection
        return int(driver.total_changes)

    async def _mark(self, connection: AsyncConnection, path: Path) -> None:
        """Leave the mark of this transaction in the header of the embedded file."""
        found = await connection.exec_driver_sql(
            "SELECT user_version, application_id FROM pragma_user_version, pragma_application_id"
        )
        row = found.mappings().one()
        last = sidecars.Mark(row["user_version"], row["application_id"])
        mark = sidecars.next_mark(last, connection.info["file"], path)
        await connection.exec_driver_sql(f"PRAGMA user_version = {mark.count}")
        await connection.exec_driver_sql(f"PRAGMA application_id = {mark.files}")

    def find_file(self, *, creates: bool) -> None:
        """Look at the embedded file before SQLite does; make an empty one where a store
        shall be made.
        """
        if not isinstance(self.target, SqliteTarget):
            return
        if self._is_checked(self.target.path):
            self._look_again(self.target.path)
            return
        if files.holds_nothing(self.target.path):
            sidecars.refuse_foreign(self.target.path)
            if not creates:
                raise NoStore
            files.make(self.target.path)

    def _look_again(self, path: Path) -> None:
        """Find out whether the embedded file was written over since it was opened; once
        it was, use it no more.
        """
        if self.overwritten is not None:
            raise self.overwritten
        changed = files.last_change(path)
        if changed == self._changed:
            return
        try:
            sidecars.refuse_foreign(path, is_open=True)
        except IoFailed as error:
            self.overwritten = error
            raise
        self._changed = changed

    async def _check_file(
        self, connection: AsyncConnection, path: Path, *, creates: bool
    ) -> None:
        """Make the embedded file's tables, or bring them up to date after a copy, once
        for each file at this path.
        """
        if self._is_checked(path):
            return
        if not await self._is_current(connection):
            state = await schema.read_state(connection)
            await connection.rollback()
            if state.fit is schema.Fit.ABSENT:
                await self._make(connection, creates=creates)
            elif state.fit is schema.Fit.FOREIGN:
                raise schema.mismatch(state, self.target.place)
            elif state.fit is schema.Fit.OLDER:
                await self._bring_up(connection)
        self._checked = files.identify(path)

    async def _is_current(self, connection: AsyncConnection) -> bool:
        """Whether an embedded file bears the stamp of this program's version; a table
        that it lacks is found in use.
        """
        try:
            return await schema.read_version(connection) == schema.HEAD
        except SQLAlchemyError as error:
            if not failures.is_absent(error):
                raise
            return False
        finally:
            await connection.rollback()

    def _is_checked(self, path: Path) -> bool:
        """Whether the embedded file was looked at already, and is not another one that
        was put in its place.
        """
        return self._checked is not None and self._checked == files.identify(path)

    async def _make(self, connection: AsyncConnection, *, creates: bool) -> None:
        """Make the tables if there are none and this call may; else say what stands in the way."""
        state = await schema.read_state(connection)
        await connection.rollback()
        if state.fit is schema.Fit.ABSENT and not creates:
            raise NoStore
        if state.fit is schema.Fit.ABSENT:
            self.created = await schema.create(connection)
        elif state.fit is not schema.Fit.CURRENT:
            raise schema.mismatch(state, self.target.place)


@asynccontextmanager
async def open_database(
    target: Target,
    *,
    timeout_s: float = 15.0,
    dial: Dial | None = None,
    pool_size: int | None = None,
) -> AsyncIterator[Database]:
    """Hand out a store and let go of it at the end; nothing is opened before the first call.

    `timeout_s` limits connecting, the waking of a sleeping server included. `dial`
    makes the connections to PostgreSQL where the caller has begun one already. A
    process that lives on names a `pool_size`: so many connections at most, each of them
    for less than five minutes; who waits 5 s for one hears that the store is busy. An
    embedded file has one writer at a time, and so one connection.
    """
    owner_check = None
    if isinstance(target, SqliteTarget):
        engine = _sqlite(target, _pool(pool_size and 1))
    else:
        owner_check = OwnerCheck(target)
        engine = _postgresql(target, timeout_s, dial, pool_size, owner_check)
    database = Database(engine, target, owner_check)
    try:
        yield database
    finally:
        if (
            database.overwritten is None
        ):  # closing would have SQLite write its log into the new content
            await engine.dispose()


def _pool(size: int | None) -> dict[str, Any]:
    """What SQLAlchemy is told of a pool; without a size one connection, and more where
    calls overlap.
    """
    if size is None:
        return {"pool_size": 1}
    return {
        "pool_size": size,
        "max_overflow": 0,
        "pool_timeout": BUSY_FOR_S,
        "pool_recycle": RECYCLE_S,
    }


def _postgresql(
    target: PostgresTarget,
    timeout_s: float,
    dial: Dial | None,
    pool_size: int | None,
    owner_check: "OwnerCheck",
) -> AsyncEngine:
    from todo_cli.database import connection, dialect_postgresql

    dial = dial or connection.Dialer(target, timeout_s=timeout_s)
    engine = create_async_engine(
        f"{dialect_postgresql.DRIVER}://",
        async_creator=owner_check.guarding(dial),
        isolation_level="AUTOCOMMIT",
        poolclass=AsyncAdaptedQueuePool,
        hide_parameters=True,
        **_pool(pool_size),
    )
    event.listen(engine.sync_engine, "checkout", _refuse_dead)
    return engine


class OwnerCheck:
    """Has each new connection to PostgreSQL ask whose the schema is, and keeps what was
    found wrong.
    """

    def __init__(self, target: PostgresTarget) -> None:
        self._target = target
        self._fault: TodoError | None = None

    def guarding(self, dial: Dial) -> Dial:
        """Connections that refuse to work in the schema of a stranger."""
        from todo_cli.database.dialect_postgresql import QuietDialect
        from todo_cli.database.guard import Guard
        from todo_cli.database.owner import owners

        question = str(owners().compile(dialect=QuietDialect()))  # type: ignore[no-untyped-call]  # SQLAlchemy

        async def connect() -> Any:
            connection = await dial()
            Guard(connection, question, self._refuse)
            return connection

        return connect

    def _refuse(self, owner: str | None) -> None:
        if owner is None:
            self._fault = DatabaseBusy(
                f"Somebody is making tables in {self._target.place}", hint="try again"
            )
        else:
            self._fault = failures.distrust(self._target.place, owner)

    def take_fault(self) -> TodoError | None:
        """Why a connection was cut by us, if one was; asked for once."""
        fault, self._fault = self._fault, None
        return fault


def _refuse_dead(connection: Any, record: object, proxy: object) -> None:
    """Have a connection made anew that died while idle: the driver heard of it, and no
    round trip is needed to ask.
    """
    if connection.driver_connection.is_closed():
        raise DisconnectionError


def _sqlite(target: SqliteTarget, pool: dict[str, Any]) -> AsyncEngine:
    from todo_cli.database import dialect_sqlite

    url = URL.create(
        dialect_sqlite.DRIVER,
        database=f"file:{quote(os.fsencode(target.path))}",
        query={"mode": "rw", "uri": "true"},
    )
    engine = create_async_engine(
        url,
        connect_args={"timeout": _SQLITE_WAIT_S},
        execution_options={"schema_translate_map": {SCHEMA: None}},
        isolation_level="AUTOCOMMIT",
        poolclass=AsyncAdaptedQueuePool,
        hide_parameters=True,
        **pool,
    )

    def refuse_moved(connection: object, record: Any, proxy: object) -> None:
        """Have the file opened anew that was put in the place of the one that is open,
        or was copied over it: nobody would see its tasks. With something in the log,
        `find_file` has looked."""
        identity, changed = files.identify(target.path), files.last_change(target.path)
        if record.info.setdefault("file", identity) != identity:
            raise DisconnectionError
        if record.info.setdefault(
            "changed", changed
        ) != changed and sidecars.has_empty_log(target.path):
            raise DisconnectionError
        record.info["changed"] = changed

    def refuse_foreign(
        dialect: object, record: object, arguments: object, named: object
    ) -> None:
        """Look beside the file each time before SQLite opens it."""
        sidecars.refuse_foreign(target.path)

    event.listen(engine.sync_engine, "checkout", refuse_moved)
    event.listen(engine.sync_engine, "do_connect", refuse_foreign)
    return engine
