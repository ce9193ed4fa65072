"""A connection to PostgreSQL by asyncpg alone: verified TLS, patience while a
database wakes up.

Nothing here needs SQLAlchemy, so that connecting can go on while it is still
being imported.
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

# asyncpg passes a loose ~/.pgpass over, as libpq does; its warning would stand
# beside our document or our lines.
warnings.filterwarnings(
    "ignore", message=".* has group or world access", module="asyncpg"
)

STATEMENT_TIMEOUT_S: Final = 30.0
_REFUSED_FOR_S: Final = 1.2
"""How long a refused port is asked again: a server that restarts is back by
then, and people wait no 2 s for a typo.
"""
_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 2.0
_LONGER_THAN_ANY_S: Final = 86_400.0


class Connection(asyncpg.Connection):
    """asyncpg's connection, which knows its age, and the statements that it
    has run.

    A statement is described once on a connection: the next time it takes one
    round trip, not two. It has no name on the server and is parsed each time,
    so PgBouncer can hand the same connection to anybody between two
    transactions. Leans on asyncpg's `_get_statement`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._made_at_s = asyncio.get_running_loop().time()
        self._described: dict[tuple[str, frozenset[Any]], Any] = {}

    @property
    def age_s(self) -> float:
        """The seconds since it was made."""
        return asyncio.get_running_loop().time() - self._made_at_s

    async def reload_schema_state(self) -> None:
        """Describe every statement anew; asyncpg calls it where a type has
        changed.
        """
        self._described.clear()
        await super().reload_schema_state()

    async def _get_statement(
        self, query: str, limit_s: Any, **options: Any
    ) -> Any:
        key = query, frozenset(options.items())
        if key not in self._described:
            describe = super()._get_statement  # type: ignore[misc]  # asyncpg's, private
            self._described[key] = await describe(query, limit_s, **options)
        return self._described[key]


class Dialer:
    """Connections to one server; the first one may be begun before anybody
    asks for it.
    """

    def __init__(self, target: PostgresTarget, *, timeout_s: float) -> None:
        self._target = target
        self._timeout_s = timeout_s
        self._begun: asyncio.Task[Connection] | None = None

    def begin(self) -> asyncio.Task[Connection]:
        """Start to connect, while the caller does something else."""
        self._begun = asyncio.create_task(
            connect(self._target, timeout_s=self._timeout_s)
        )
        return self._begun

    async def __call__(self) -> Connection:
        """Hand out the connection that was begun, or a new one.

        Raises:
            TodoError: see `connect`.
        """
        begun, self._begun = self._begun, None
        return await (
            begun or connect(self._target, timeout_s=self._timeout_s)
        )

    async def close(self) -> None:
        """Give up a connection that was begun and never asked for."""
        if self._begun is not None:
            self._begun.cancel()
            with suppress(asyncio.CancelledError, TodoError):
                (await self._begun).terminate()


async def connect(target: PostgresTarget, *, timeout_s: float) -> Connection:
    """Connect within `timeout_s` in all, again and again while the fault is
    one that can pass.

    Nothing has been sent to the database before this returns, so trying again
    is always safe.

    Raises:
        TodoError: translated by `failures`: refused, silent, impostor, wrong
            password, disabled endpoint ...
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
            patience_s = (
                _REFUSED_FOR_S if failures.is_refused(error) else limit_s
            )
            if (
                not failures.can_pass(error)
                or waited_s + pause_s >= patience_s
            ):
                raise failures.translated(
                    error, target, connecting=True
                ) from error
        await asyncio.sleep(random.uniform(0.5, 1) * pause_s)  # noqa: S311 - jitter, not a secret
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


async def _dial(
    target: PostgresTarget, context: ssl.SSLContext | None
) -> Connection:
    """Connect once.

    Every argument that asyncpg would else read from a PG* variable and that
    bears on safety is named here; PGUSER, PGDATABASE, PGPASSWORD and ~/.pgpass
    still give what the connection string leaves out.
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
        timeout=_LONGER_THAN_ANY_S,  # `connect` limits the whole
        command_timeout=STATEMENT_TIMEOUT_S,
        ssl=context or False,
        direct_tls=context is not None and target.direct_tls,
        # Unnamed statements suit PgBouncer in transaction mode, whatever its settings.
        statement_cache_size=0,
        server_settings=settings,
        target_session_attrs=SessionAttribute.any,
        connection_class=Connection,
    )


def _tls(target: PostgresTarget) -> ssl.SSLContext | None:
    """A context that verifies certificate and host name, or None where plain
    text is right.

    asyncpg's own reading of `sslmode=require` verifies nothing, and its
    default falls back to plain text.
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
