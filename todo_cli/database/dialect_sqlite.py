"""SQLAlchemy's SQLite dialect, as `build.py` uses it to compile queries."""

from typing import Any

from sqlalchemy.dialects.sqlite.base import SQLiteCompiler, SQLiteDialect


class PlainCompiler(SQLiteCompiler):
    """Leaves out the OFFSET that SQLAlchemy adds to every LIMIT.

    Its 0 would be a fixed value, which `build.py` refuses.
    """

    def limit_clause(self, select: Any, **options: Any) -> str:
        """Write LIMIT; no query of ours has an OFFSET."""
        return f"\n LIMIT {self.process(select._limit_clause, **options)}"


class PlainDialect(SQLiteDialect):
    """SQLite's dialect with our compiler; it never connects."""

    supports_statement_cache = True
    statement_compiler = PlainCompiler
