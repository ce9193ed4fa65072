"""SQLAlchemy's aiosqlite dialect without what it asks of a file and adds to it on a
first connection.

Every call of a connection wakes its thread and waits for it. In a short-lived process a
good part of the calls were the question for the isolation level, which is fixed,
functions that no statement of ours uses, and a call for each pragma. Leans on
SQLAlchemy 2.1.
"""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite

DRIVER: Final = "sqlite+quiet"

_SET_UP: Final = """
PRAGMA synchronous=FULL;  -- commits survive a power cut
PRAGMA foreign_keys=ON;
PRAGMA trusted_schema=OFF;  -- what a file's schema might run is not trusted
"""


class QuietSqliteDialect(SQLiteDialect_aiosqlite):
    """aiosqlite's dialect, quiet on connect."""

    supports_statement_cache = True

    def get_default_isolation_level(self, dbapi_conn: Any) -> Any:
        """Return SQLite's own default without asking."""
        return "SERIALIZABLE"

    def on_connect(self) -> Callable[[Any], None]:
        """Set every connection up by one call."""
        return lambda connection: connection.run_async(
            lambda file: file.executescript(_SET_UP)
        )


registry.register("sqlite.quiet", __name__, QuietSqliteDialect.__name__)
