"""Connect to PostgreSQL with asyncpg: verified TLS, and retries on connect.

This module does not import SQLAlchemy, so that a command can connect while
other modules are imported.
"""

import asyncio
import random
import ssl
import warnings
from contextlib import suppress
from typing import Any, Final

import asyncpg
from asyncpg.connect_utils import SessionAttribute

from todo_cli.database import failures
from todo_cli.database.url import PostgresTarget
from todo_cli.errors import ConfigInvalid, TodoError

# asyncpg skips a ~/.pgpass that others can read, like libpq. Its warning would
# mix with our output.
warnings.filterwarnings(
    "ignore", message=".* has group or world access", module="asyncpg"
)

STATEMENT_TIMEOUT_S: Final = 30.0
_REFUSED_FOR_S: Final = 1.2
"""How long to retry a refused port, in seconds.

A restarting server is back by then, and a mistyped port is reported within 2
s.
"""
_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 2.0
_LONGER_THAN_ANY_S: Final = 86_400.0


class Connection(asyncpg.Connection):
    """asyncpg's connection with its age and the statements it has described.

    A statement is described once on a connection; after that it takes one
    round trip instead of two. It is unnamed and parsed every time, so
    PgBouncer can hand the connection to another client between transactions.

    This depends on asyncpg's private `_get_statement`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._made_at_s = asyncio.get_running_loop().time()
        self._described: dict[tuple[str, frozenset[Any]], Any] = {}
        self.owner_check: Any = None
        """Who has it ask whose the schema is; see `postgresql.OwnerCheck`."""

    @property
    def age_s(self) -> float:
        """The age of the connection in seconds."""
        return asyncio.get_running_loop().time() - self._made_at_s

    async def reload_schema_state(self) -> None:
        """Forget every description.

        asyncpg calls this when a type has changed on the server.
        """
        self._described.clear()
        await super().reload_schema_state()

    async def _get_statement(
        self, query: str, limit_s: Any, **options: Any
    ) -> Any:
        key = query, frozenset(options.items())
        # Options are part of the key: they change what is described.
        if key not in self._described:
            describe = super()._get_statement  # type: ignore[misc]  # asyncpg's, private
            self._described[key] = await describe(query, limit_s, **options)
        return self._described[key]


class Dialer:
    """Makes connections to one server, the first one ahead of time if asked."""

    def __init__(self, target: PostgresTarget, *, timeout_s: float) -> None:
        self._target = target
        self._timeout_s = timeout_s
        self._begun: asyncio.Task[Connection] | None = None

    def begin(self) -> asyncio.Task[Connection]:
        """Start to connect in the background."""
        self._begun = asyncio.create_task(
            connect(self._target, timeout_s=self._timeout_s)
        )
        return self._begun

    async def __call__(self) -> Connection:
        """Return the connection that `begin` started, or a new one.

        Raises:
            TodoError: see `connect`.
        """
        begun, self._begun = self._begun, None
        if begun is not None:
            return await begun
        return await connect(self._target, timeout_s=self._timeout_s)

    async def close(self) -> None:
        """Drop a connection that was started and never used."""
        if self._begun is not None:
            self._begun.cancel()
            with suppress(asyncio.CancelledError, TodoError):
                (await self._begun).terminate()


async def connect(target: PostgresTarget, *, timeout_s: float) -> Connection:
    """Connect within `timeout_s` seconds, with retries for temporary faults.

    Nothing is sent to the database before this returns, so a retry is always
    safe.

    Raises:
        TodoError: translated by `failures`: refused, silent, wrong
            certificate, wrong password, disabled endpoint ...
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    pause_s = _FIRST_PAUSE_S
    limit_s = min(timeout_s, target.connect_timeout_s or timeout_s)
    context = _tls(target)
    while True:
        try:
            async with asyncio.timeout(began + limit_s - loop.time()):
                return await _dial(target, context)
        except Exception as error:
            waited_s = loop.time() - began
            patience_s = limit_s
            if failures.is_refused(error):
                patience_s = _REFUSED_FOR_S
            is_late = waited_s + pause_s >= patience_s
            if is_late or not failures.can_pass(error):
                translated = failures.translated(
                    error, target, connecting=True
                )
                raise translated from error
        # Random, so that clients of a restarted server do not come at once.
        await asyncio.sleep(random.uniform(0.5, 1) * pause_s)  # noqa: S311 - jitter, not a secret
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


async def _dial(
    target: PostgresTarget, context: ssl.SSLContext | None
) -> Connection:
    """Connect once.

    Every security-relevant argument that asyncpg would otherwise read from a
    PG* variable is given here. PGUSER, PGDATABASE, PGPASSWORD and ~/.pgpass
    still supply what the connection string leaves out.
    """
    settings = {"application_name": target.application_name}
    if target.options:
        settings["options"] = target.options
    return await asyncpg.connect(
        host=[host for host, _ in target.hosts],
        port=[port for _, port in target.hosts],
        user=target.user,
        password=target.password,
        database=target.database,
        # `connect` limits the total time, retries included.
        timeout=_LONGER_THAN_ANY_S,
        command_timeout=STATEMENT_TIMEOUT_S,
        ssl=context or False,
        direct_tls=context is not None and target.direct_tls,
        # Unnamed statements work with PgBouncer in transaction mode.
        statement_cache_size=0,
        server_settings=settings,
        # Named, or PGTARGETSESSIONATTRS could cost a query on each host.
        target_session_attrs=SessionAttribute.any,
        connection_class=Connection,
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
        raise ConfigInvalid(
            f"sslrootcert: cannot read `{target.root_certificate}`",
            hint="name a file of CA certificates in PEM form",
        ) from error
    # PostgreSQL requires ALPN for TLS without a preceding request.
    context.set_alpn_protocols(["postgresql"])
    return context
