"""Connect to PostgreSQL with asyncpg: verified TLS, and retries on connect.

This module does not import SQLAlchemy, so that a command can connect while
other modules are imported.
"""

import asyncio
import os
import random
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final
from uuid import uuid4

import asyncpg
from asyncpg.connect_utils import SessionAttribute

from todo_cli.database import failures
from todo_cli.database.behalf import Behalf, Setting
from todo_cli.database.pgpass import closing_hint, find_password
from todo_cli.database.startup import Line
from todo_cli.database.url import PostgresTarget
from todo_cli.errors import (
    AuthFailed,
    ConfigInvalid,
    DatabaseUnavailable,
    TodoError,
)

STATEMENT_TIMEOUT_S: Final = 30.0
_LONG: Final = 4
"""How many times as long a statement may take that does much, or reads much."""
_TAKEN_IN_S: Final = 50_000
"""How many characters a slow line and a small server store in a second.

A megabit a second is more than that, and so are indexes of words on the
smallest server of Neon.
"""
_REFUSED_FOR_S: Final = 1.2
"""How long to retry a refused port, in seconds.

A restarting server is back by then, and a mistyped port is reported within 2
s.
"""
_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 2.0
_LONGER_THAN_ANY_S: Final = 86_400.0
_KEPT_FOR_S: Final = 2.0
"""How long a named statement is used, in seconds.

Its plan can be bad for tables that have grown: a server walks a small one.
"""
_OFTEN: Final = 10
"""A statement is prepared under a name at this use within that time."""
_Described = tuple[str, frozenset[Any]]
_ENCODINGS: Final = ("server_encoding", "client_encoding")


def limit_s(length: int = 0, *, is_long: bool = False) -> float:
    """Return how long a statement may take that sends so many characters."""
    limit = STATEMENT_TIMEOUT_S + length / _TAKEN_IN_S
    return limit * _LONG if is_long else limit


class Connection(asyncpg.Connection):
    """asyncpg's connection with its age and the statements it has described.

    A statement is described once on a connection; after that it takes one
    round trip instead of two. It is unnamed and parsed every time, so
    PgBouncer can hand the connection to another client between transactions.

    A statement that `keep` was called for often is prepared under a name, if
    nothing between us and the server can do that: parsing and planning take
    two thirds of the server's time for an insert.

    This depends on asyncpg's private `_get_statement` and `_do_execute`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._made_at_s = asyncio.get_running_loop().time()
        self._described: dict[_Described, Any] = {}
        self._kept: dict[str, _Kept] = {}
        self._can_keep: bool | None = None
        """Whether statements may have names; None before we have asked."""
        self.owner_check: Any = None
        """Who has it ask whose the schema is; see `postgresql.OwnerCheck`."""
        self.setting: Setting | None = None
        """What each statement is run with, if a policy can go by it."""
        self.has_walls: bool | None = None
        """Whether one can; None before we have asked: see `guard.py`."""
        self._behalf = Behalf(self)
        self.used: dict[str, None] = {}
        """The statements that were run, each once."""

    @property
    def age_s(self) -> float:
        """The age of the connection in seconds."""
        return asyncio.get_running_loop().time() - self._made_at_s

    def is_reusable(self) -> bool:
        """Whether another call may use the connection now."""
        return not (self.is_closed() or self.is_in_transaction())

    async def settle(self, limit_s: float) -> None:
        """Wait until the server has confirmed that a call was cancelled.

        The connection is cut if it does not in time.
        """
        protocol: Any = self._protocol  # type: ignore[attr-defined]  # asyncpg's, private
        if self.is_closed() or not protocol._is_cancelling():
            return
        try:
            await protocol._wait_for_cancellation(limit_s)
        except Exception:  # noqa: BLE001 - the connection is given up
            self.terminate()
        except BaseException:
            # Cancelled, too.
            self.terminate()
            raise

    async def keep(self, query: str) -> None:
        """Prepare a statement under a name, if it is used often.

        Call it before each use of a statement whose best plan is the same
        whatever its values. The server makes that plan for the size that the
        tables have now, so the name is used for two seconds only.

        A command never gets that far, and so pays nothing. Two more round
        trips are spent before the first name, and one before each other.
        """
        if self._can_keep is False or self.is_in_transaction():
            return
        now = asyncio.get_running_loop().time()
        kept = self._kept.get(query)
        if kept is None or now >= kept.until_s:
            self._kept[query] = _Kept(now + _KEPT_FOR_S)
            if kept is not None and kept.statement is not None:
                # asyncpg closes it when the next one gets its name.
                self._stmts_to_close.add(kept.statement)  # type: ignore[attr-defined]  # private
            return
        kept.uses += 1
        if kept.uses != _OFTEN or not await self._is_direct():
            return
        name = f"todo_{uuid4().hex}"
        prepare = super()._get_statement  # type: ignore[misc]  # asyncpg's, private
        kept.statement = await prepare(query, None, named=name)

    async def _is_direct(self) -> bool:
        """Whether a server process of our own is at the other end.

        A pooler passes statements on to any process, and it invents the number
        of a process that a client gets when it logs in. If it does invent the
        right one, some statement will not find its name: see `_do_execute`.
        """
        if self._can_keep is None:
            number = await self.fetchval("SELECT pg_catalog.pg_backend_pid()")
            self._can_keep = number == self.get_server_pid()
        return self._can_keep

    async def reload_schema_state(self) -> None:
        """Forget every description.

        asyncpg calls this when a type has changed on the server.
        """
        self._forget()
        await super().reload_schema_state()

    def _drop_global_statement_cache(self) -> None:
        """Forget every description.

        asyncpg calls this when the type of a result has changed since the
        statement was prepared. Then it runs it again.
        """
        self._forget()
        super()._drop_global_statement_cache()  # type: ignore[misc]  # asyncpg's, private

    def _forget(self) -> None:
        """Forget every description, and every name.

        The server keeps the names until the connection ends, which is soon.
        """
        self._described.clear()
        self._kept.clear()

    async def _do_execute(
        self, query: str, *arguments: Any, **options: Any
    ) -> Any:
        """Run a statement; without a name, if the server does not know it.

        Then there is a pooler, or somebody has told the server to forget all
        names. Nothing has been done, so the statement can be sent again.
        """
        self.used[query] = None
        run = super()._do_execute  # type: ignore[misc]  # asyncpg's, private
        try:
            try:
                return await run(query, *arguments, **options)
            except asyncpg.InvalidSQLStatementNameError:
                # The server has looked for the name before it did anything.
                if query not in self._kept or self.is_in_transaction():
                    raise
            self._can_keep = False
            self._kept.clear()
            return await run(query, *arguments, **options)
        finally:
            # asyncpg may have found a fault before it sent anything.
            self._behalf.withdraw()

    async def _get_statement(
        self, query: str, limit_s: Any, **options: Any
    ) -> Any:
        """Return the description of a statement; asyncpg calls this to run it.

        What asyncpg sends next runs the statement, and begins with the setting
        if there is one. With it a server answers up to a tenth fewer requests in
        a second, so nothing is sent where no policy goes by it.

        To describe a statement, asyncpg may send several requests, and each can
        end the transaction in which the one before has run.
        """
        found = self._known(query, options)
        if found is None:
            describe = super()._get_statement  # type: ignore[misc]  # asyncpg's, private
            found = await describe(query, limit_s, **options)
            self._described[_key(query, options)] = found
        if self.setting is not None and self.has_walls is not False:
            self._behalf.precede(self.setting)
        return found

    def _known(self, query: str, options: Mapping[str, Any]) -> Any:
        """Return the description of a statement, or its name; None if there is none.

        A transaction does without names: if one is lost, it has failed.
        """
        kept = self._kept.get(query)
        if (
            kept is not None
            and kept.statement
            and not self.is_in_transaction()
        ):
            return kept.statement
        return self._described.get(_key(query, options))


def _key(query: str, options: Mapping[str, Any]) -> _Described:
    """Return what a description is kept under: options change it."""
    return query, frozenset(options.items())


@dataclass(slots=True)
class _Kept:
    """How often a statement was used, and the statement once it has a name."""

    until_s: float
    """When it is dropped."""
    uses: int = 1
    statement: Any = None


class Dialer:
    """Makes connections to one server, the first one ahead of time if asked.

    A connection that is `ready` comes first, if it is still open by then. With
    `is_patient_once` only the first one is tried for again and again.
    """

    def __init__(
        self,
        target: PostgresTarget,
        *,
        timeout_s: float,
        takes_any_encoding: bool = False,
        ready: Connection | None = None,
        is_patient_once: bool = False,
    ) -> None:
        self._connect = partial(
            connect,
            target,
            timeout_s=timeout_s,
            takes_any_encoding=takes_any_encoding,
        )
        self._begun: asyncio.Task[Connection] | None = None
        self._ready = ready
        self._is_patient_once = is_patient_once
        self.first: Connection | None = None
        """The one that it has given out first; a command rarely needs more."""

    def begin(self) -> asyncio.Task[Connection]:
        """Start to connect in the background."""
        self._begun = asyncio.create_task(self._connect())
        return self._begun

    async def __call__(self) -> Connection:
        """Return the one that is ready, the one that `begin` started, or a new one.

        Raises:
            TodoError: see `connect`.
        """
        made = await self._next()
        self.first = self.first or made
        return made

    async def _next(self) -> Connection:
        ready, self._ready = self._ready, None
        if ready is not None and not ready.is_closed():
            return ready
        begun, self._begun = self._begun, None
        if begun is not None:
            return await begun
        tries_once = self._is_patient_once and self.first is not None
        return await self._connect(tries_once=tries_once)

    async def close(self) -> None:
        """Drop a connection that was ready or started, and never used."""
        if self._ready is not None:
            self._ready.terminate()
        if self._begun is not None:
            self._begun.cancel()
            with suppress(asyncio.CancelledError, TodoError):
                (await self._begun).terminate()


async def connect(
    target: PostgresTarget,
    *,
    timeout_s: float,
    takes_any_encoding: bool = False,
    tries_once: bool = False,
) -> Connection:
    """Connect within `timeout_s` seconds, with retries for temporary faults.

    With `takes_any_encoding` the database may be other than UTF-8. With
    `tries_once` there are no retries.

    Nothing is sent to the database before this returns, so a retry is always
    safe.

    Raises:
        TodoError: translated by `failures`: refused, silent, wrong
            certificate, wrong password, disabled endpoint ...
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    pause_s = _FIRST_PAUSE_S
    limit_s = _limit(target, timeout_s)
    context = _tls(target)
    while True:
        try:
            connection = await _dial_each(target, context, began + limit_s)
            if not takes_any_encoding:
                _require_encoding(connection, target)
            return connection
        except Exception as error:
            waited_s = loop.time() - began
            patience_s = limit_s
            if failures.is_refused(error):
                patience_s = min(limit_s, _REFUSED_FOR_S)
            is_late = tries_once or waited_s + pause_s >= patience_s
            if isinstance(error, TodoError):
                raise
            if is_late or not failures.can_pass(error):
                raise _explained(error, target) from error
        # Random, so that clients of a restarted server do not come at once.
        await asyncio.sleep(random.uniform(0.5, 1) * pause_s)  # noqa: S311 - jitter, not a secret
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def _explained(error: Exception, target: PostgresTarget) -> TodoError:
    """Translate an error, and name a password file that was ignored."""
    translated = failures.translated(error, target, connecting=True)
    if isinstance(translated, AuthFailed):
        translated.hint = closing_hint(target) or translated.hint
    return translated


def _limit(target: PostgresTarget, timeout_s: float) -> float:
    """How long connecting may take: `connect_timeout` counts for each host."""
    if target.connect_timeout_s is None:
        return timeout_s
    return min(timeout_s, target.connect_timeout_s * len(target.hosts))


async def _dial_each(
    target: PostgresTarget, context: ssl.SSLContext | None, give_up: float
) -> Connection:
    """Try the hosts in their order, until one will do.

    Each has an equal share of the time up to `give_up`, so that a silent one
    leaves time for the next.
    """
    loop = asyncio.get_running_loop()
    attempts = list(_attempts(target))
    faults: list[Exception] = []
    for position, attempt in enumerate(attempts):
        share_s = (give_up - loop.time()) / (len(attempts) - position)
        if target.connect_timeout_s is not None:
            share_s = min(share_s, target.connect_timeout_s)
        try:
            return await _dial_host(attempt, context, loop.time() + share_s)
        except Exception as error:
            if not _is_of_one_host(error):
                raise
            faults.append(error)
    # Another fault says more than a refusal.
    others = [each for each in faults if not failures.is_refused(each)]
    raise (others or faults)[-1]


def _attempts(target: PostgresTarget) -> Iterator[PostgresTarget]:
    """Yield the target once for each host, in the order to try them."""
    sessions = [target.session]
    # All hosts twice: any server is better than none.
    if target.session == "prefer-standby":
        sessions = ["standby", "any"]
    for session in sessions:
        for host in target.hosts:
            yield replace(target, hosts=(host,), session=session)


def _is_of_one_host(error: Exception) -> bool:
    """Whether the next host of a list may do better.

    A wrong password is wrong for all of them, as in libpq.
    """
    is_ours = isinstance(error, DatabaseUnavailable)
    return is_ours or isinstance(error, OSError) or failures.can_pass(error)


async def _dial_host(
    target: PostgresTarget, context: ssl.SSLContext | None, give_up: float
) -> Connection:
    """Connect to one host; pass over addresses that accept and stay silent."""
    silent: set[Any] = set()
    while True:
        line = Line(give_up, silent)
        try:
            async with asyncio.timeout_at(give_up) as line.limit:
                return await _dial(target, context, line)
        except TimeoutError:
            if not line.is_hurried:
                raise
            silent.add(line.address)
        finally:
            line.limit = None


async def _dial(
    target: PostgresTarget, context: ssl.SSLContext | None, line: Line
) -> Connection:
    """Connect to one address of a host, once."""
    try:
        connection = await _log_in(target, context, line)
    except asyncpg.TargetServerAttributeNotMatched as error:
        wish = f"`target_session_attrs={target.session}`"
        variable = target.variables.get("target_session_attrs")
        if variable is not None:
            wish = f"{variable}={target.session}"
        raise DatabaseUnavailable(
            f"{target.place} is up, but not what {wish} asks for",
            hint="try again, or name another server",
        ) from error
    except BaseException as error:
        line.abort()
        if line.is_odd:
            raise failures.not_postgresql(target.place) from error
        raise
    return connection


async def _log_in(
    target: PostgresTarget, context: ssl.SSLContext | None, line: Line
) -> Connection:
    """Have asyncpg connect.

    Every argument that it would otherwise read from a PG* variable or a file
    is given here.
    """
    if target.user is None:
        raise ConfigInvalid(
            f"There is no role to log in as at {target.place}",
            hint="name one in the URL: `postgresql://ROLE@HOST/DATABASE`",
        )
    settings = {"application_name": target.application_name}
    if target.options:
        settings["options"] = target.options
    [(host, port)] = target.hosts

    # asyncpg reads PGPASSWORD and its own file unless it gets a function.
    def password() -> str:
        return target.password or find_password(target) or ""

    loop: Any = line
    return await asyncpg.connect(
        loop=loop,
        host=host,
        port=port,
        user=target.user,
        password=password,
        database=target.database or target.user,
        # `connect` limits the total time, retries included.
        timeout=_LONGER_THAN_ANY_S,
        command_timeout=STATEMENT_TIMEOUT_S,
        ssl=context or False,
        direct_tls=context is not None and target.direct_tls,
        # Unnamed statements work with PgBouncer in transaction mode.
        statement_cache_size=0,
        server_settings=settings,
        target_session_attrs=SessionAttribute(target.session),
        krbsrvname="postgres",
        gsslib="gssapi",
        connection_class=Connection,
    )


def _require_encoding(connection: Connection, target: PostgresTarget) -> None:
    """Close a connection to a database that cannot hold every text.

    Raises:
        ConfigInvalid: see `refuse_encoding`.
    """
    try:
        refuse_encoding(connection, target)
    except ConfigInvalid:
        connection.terminate()
        raise


def refuse_encoding(connection: Any, target: PostgresTarget) -> None:
    """Refuse a database that cannot hold every text.

    The server has said its encoding when we logged in, so nothing is asked.

    Raises:
        ConfigInvalid: it is not UTF-8.
    """
    said = connection.get_settings()
    for name in _ENCODINGS:
        encoding = getattr(said, name, "UTF8")
        # PgBouncer repeats what asyncpg asked for: 'utf-8', with the quotes.
        plain = re.sub("[^a-z0-9]", "", encoding.lower())
        if plain not in ("utf8", "unicode"):
            raise ConfigInvalid(
                f"{target.place} is in {encoding}, and todo needs UTF-8",
                hint=f"make another and name it in the URL: {failures.MAKES_UTF8}",
            )


def _tls(target: PostgresTarget) -> ssl.SSLContext | None:
    """Return a context that verifies certificate and host name.

    None means plain text. asyncpg's own `sslmode=require` verifies nothing,
    and its default falls back to plain text.
    """
    if target.is_plain:
        return None
    try:
        context = ssl.create_default_context(cafile=target.root_certificate)
    except (OSError, ssl.SSLError) as error:
        raise _wrong_file(target) from error
    # PostgreSQL requires ALPN for TLS without a preceding request.
    context.set_alpn_protocols(["postgresql"])
    return context


def _wrong_file(target: PostgresTarget) -> ConfigInvalid:
    """Say which file keeps us from starting TLS."""
    if target.root_certificate is not None:
        try:
            alone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            alone.load_verify_locations(cafile=target.root_certificate)
        except (OSError, ssl.SSLError):
            name = target.variables.get("sslrootcert", "sslrootcert")
            return ConfigInvalid(
                f"{name}: cannot read `{target.root_certificate}`",
                hint="name a file of CA certificates in PEM form",
            )
    # The only other file that Python opens. It reads the variable itself.
    log = os.environ.get("SSLKEYLOGFILE", "")
    return ConfigInvalid(
        f"SSLKEYLOGFILE: cannot write `{log}`",
        hint="name a file in a folder that you can write to, or leave it unset",
    )
