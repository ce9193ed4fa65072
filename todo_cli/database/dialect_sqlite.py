"""How `build.py` has SQLAlchemy write SQL for SQLite."""

from typing import Any

from sqlalchemy.dialects.sqlite.base import SQLiteCompiler, SQLiteDialect


class PlainCompiler(SQLiteCompiler):
    """SQLite's SQL without an OFFSET that nobody asked for, whose 0 would be a
    value.
    """

    def limit_clause(self, select: Any, **options: Any) -> str:
        """Write LIMIT; no query of ours has an OFFSET."""
        return f"\n LIMIT {self.process(select._limit_clause, **options)}"


class PlainDialect(SQLiteDialect):
    """SQLite's dialect, which writes as above; it makes no connection."""

    supports_statement_cache = True
    statement_compiler = PlainCompiler
