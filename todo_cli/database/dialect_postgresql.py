"""SQLAlchemy's asyncpg dialect without the questions it asks a server on a first connection.

`PGDialect.initialize` calls small hooks that cost ten round trips in every short-lived process: server version, current
schema, isolation level, string escapes. asyncpg knows the version from the start-up; the rest is fixed here, as names
are always qualified with their schema. Leans on SQLAlchemy 2.1; a test counts the round trips of every command.
"""

from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

DRIVER = "postgresql+quiet"


class QuietDialect(PGDialect_asyncpg):
    """asyncpg's dialect, quiet on connect and on close."""

    supports_statement_cache = True

    def _get_server_version_info(self, connection: Any) -> tuple[int, int]:
        version = connection.connection.driver_connection.get_server_version()
        return version.major, version.minor

    def _get_default_schema_name(self, connection: Any) -> str:
        return "public"

    def get_default_isolation_level(self, dbapi_conn: Any) -> Any:
        """Return PostgreSQL's own default without asking."""
        return "READ COMMITTED"

    def _set_backslash_escapes(self, connection: Any) -> None:
        self._backslash_escapes = False

    def on_connect(self) -> None:
        """Set nothing up: there are no JSON columns, so no codecs."""
        return

    def do_close(self, dbapi_connection: Any) -> None:
        """End at once; `close()` would wait one more round trip, and all that was written has been confirmed."""
        dbapi_connection.driver_connection.terminate()


registry.register("postgresql.quiet", __name__, QuietDialect.__name__)
