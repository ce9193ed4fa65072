"""Python's own driver of SQLite, whose calls are counted and can be made to fail as
SQLite lets them fail.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

CODES: Final = {
    "SQLITE_BUSY": (sqlite3.SQLITE_BUSY, "database is locked"),
    "SQLITE_FULL": (sqlite3.SQLITE_FULL, "database or disk is full"),
    "SQLITE_IOERR_FSYNC": (sqlite3.SQLITE_IOERR_FSYNC, "disk I/O error"),
    "SQLITE_READONLY": (
        sqlite3.SQLITE_READONLY,
        "attempt to write a readonly database",
    ),
    "SQLITE_CORRUPT": (
        sqlite3.SQLITE_CORRUPT,
        "database disk image is malformed",
    ),
}


@dataclass(slots=True)
class Calls:
    """Counts calls, each statement and each commit; call `fails`, and with `lasts` all
    after it, fail.

    Connecting is none: SQLite does not read a file before the first statement. Nor is
    ROLLBACK: whether it fails or not, what is not committed does not count. Nor is a
    look at a file's header: what cannot be read there is not compared.
    """

    name: str = ""
    fails: int = 0
    lasts: bool = False
    made: int = 0

    def take(self, *, is_temporary: bool) -> None:
        """Count a call, or fail it; nobody else can lock a temporary database."""
        self.made += 1
        if is_temporary and self.name == "SQLITE_BUSY":
            return
        if self.made == self.fails or (self.lasts and self.made > self.fails):
            code, text = CODES[self.name]
            error = sqlite3.OperationalError(text)
            error.sqlite_errorcode, error.sqlite_errorname = code, self.name
            raise error


@contextmanager
def driven(calls: Calls) -> Iterator[None]:
    """Have every connection to SQLite that is made from now on counted."""

    class Cursor(sqlite3.Cursor):
        def execute(self, *arguments: Any) -> Any:
            if arguments[0] != "ROLLBACK":
                self.connection.take()  # type: ignore[attr-defined]  # ours
            return super().execute(*arguments)

        def executemany(self, *arguments: Any) -> Any:
            self.connection.take()  # type: ignore[attr-defined]
            return super().executemany(*arguments)

    class Connection(sqlite3.Connection):
        def __init__(self, database: Any, *arguments: Any, **named: Any):
            super().__init__(database, *arguments, **named)
            self._is_temporary = database == ""
            self._is_a_look = "immutable=1" in str(database)

        def take(self) -> None:
            if not self._is_a_look:
                calls.take(is_temporary=self._is_temporary)

        def cursor(self, factory: Any = Cursor) -> Any:
            return super().cursor(factory)

        def execute(self, *arguments: Any) -> Any:
            return self.cursor().execute(*arguments)

        def executemany(self, *arguments: Any) -> Any:
            return self.cursor().executemany(*arguments)

        def commit(self) -> None:
            if self.in_transaction:
                self.take()
            super().commit()

    connect = sqlite3.connect

    def connect_and_count(*arguments: Any, **named: Any) -> Any:
        return connect(*arguments, **named, factory=Connection)

    sqlite3.connect = connect_and_count
    try:
        yield
    finally:
        sqlite3.connect = connect
