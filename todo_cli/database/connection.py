"""A connection to PostgreSQL by asyncpg alone: verified TLS, patience while a database wakes up.

Nothing here needs SQLAlchemy, so that connecting can go on while it is still being imported.
"""

import asyncio
import random
import ssl
import warnings
from contextlib import suppress
from typing import Final

import asyncpg
from asyncpg.connect_utils import SessionAttribute

from todo_cli.database import failures
from todo_cli.database.url import PostgresTarget
from todo_cli.errors import ConfigInvalid, TodoError

# asyncpg passes a loose ~/.pgpass over, as libpq does; its warning would stand beside
# our document or our lines.
warnings.filterwarnings(
    "ignore", message=".* has group or world access", module="asyncpg"
)

STATEMENT_TIMEOUT_S: Final = 30.0
_REFUSED_FOR_S: Final = 1.2
"""How long a refused port is asked again: a server that restarts is back by then, and
people wait no 2 s for a typo.
"""
_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 2.0
_LONGER_THAN_ANY_S: Final = 86_400.0


class Dialer:
    """Connections to one server; the first one may be begun before anybody asks for it."""

    def __init__(self, target: PostgresTarget, *, timeout_s: float) -> None:
        self._target = target
        self._timeout_s = timeout_s
        self._begun: asyncio.Task[asyncpg.Connection] | None = None

    def begin(self) -> "asyncio.Task[asyncpg.Connection]":
        """Start to connect, while the caller does something else."""
        self._begun = asyncio.create_task(
            connect(self._target, timeout_s=self._timeout_s)
        )
        return self._begun

    async def __call__(self) -> asyncpg.Connection:
        """Hand out the connection that was begun, or a new one.

        Raises:
            TodoError: see `connect`.
        """
        begun, self._begun = self._begun, None
        return await (begun or connect(self._target, timeout_s=self._timeout_s))

    async def close(self) -> None:
        """Give up a connection that was begun and never asked for."""
        if self._begun is not None:
            self._begun.cancel()
            with suppress(asyncio.CancelledError, TodoError):
                (await self._begun).terminate()


async def connect(target: PostgresTarget, *, timeout_s: float) -> asyncpg.Connection:
    """Connect within `timeout_s` in all, again and again while the fault is one that can pass.

    Nothing has been sent to the database before this returns, so trying again is always safe.

    Raises:
        TodoError: translated by `failures`: refused, silent, impostor, wrong password,
            disabled endpoint ...
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
            patience_s = _REFUSED_FOR_S if failures.is_refused(error) else limit_s
            if not failures.can_pass(error) or waited_s + pause_s >= patience_s:
                raise failures.translated(error, target, connecting=True) from error
        await asyncio.sleep(random.uniform(0.5, 1) * pause_s)  # noqa: S311 - jitter, not a secret
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


async def _dial(
    target: PostgresTarget, context: ssl.SSLContext | None
) -> asyncpg.Connection:
    """Connect once.

    Every argument that asyncpg would else read from a PG* variable and that bears on
    safety is named here; PGUSER, PGDATABASE, PGPASSWORD and ~/.pgpass still give what
    the connection string leaves out.
    """
    settings = {"application_name": target.application_name}
    if target.options:
        settings["options"] = target.options
    connection: asyncpg.Connection = await asyncpg.connect(
        host=[host for host, _ in target.hosts],
        port=[port for _, port in target.hosts],
        user=target.user,
        password=target.password,
        database=target.database,
        timeout=_LONGER_THAN_ANY_S,  # `connect` limits the whole
        command_timeout=STATEMENT_TIMEOUT_S,
        ssl=context or False,
        direct_tls=context is not None and target.direct_tls,
        statement_cache_size=0,  # unnamed statements suit PgBouncer in transaction mode, whatever its settings
        server_settings=settings,
        target_session_attrs=SessionAttribute.any,
    )
    return connection


def _tls(target: PostgresTarget) -> ssl.SSLContext | None:
    """A context that verifies certificate and host name, or None where plain text is right.

    asyncpg's own reading of `sslmode=require` verifies nothing, and its default falls
    back to plain text.
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
    context.set_alpn_protocols(["postgresql"])
    return context
