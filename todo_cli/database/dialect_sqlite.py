"""SQLAlchemy's SQLite dialect, as `build.py` uses it to compile queries."""

from typing import Any

from sqlalchemy.dialects.sqlite.base import SQLiteCompiler, SQLiteDialect


class PlainCompiler(SQLiteCompiler):
    """Leaves out the OFFSET that SQLAlchemy adds to every LIMIT.

    Its 0 would be a fixed value, which `build.py` refuses. A join without a
    condition is a CROSS JOIN: SQLite reads its tables as they are written.
    """

    def visit_join(self, join: Any, *args: Any, **options: Any) -> str:
        """Write a join; the last JOIN of the text is its own."""
        text: str = super().visit_join(join, *args, **options)  # type: ignore[no-untyped-call]
        always = " ON 1 = 1"
        if join.isouter or not text.endswith(always):
            return text
        left, _, right = text.removesuffix(always).rpartition(" JOIN ")
        return f"{left} CROSS JOIN {right}"

    def limit_clause(self, select: Any, **options: Any) -> str:
        """Write LIMIT; no query of ours has an OFFSET."""
        return f"\n LIMIT {self.process(select._limit_clause, **options)}"


class PlainDialect(SQLiteDialect):
    """SQLite's dialect with our compiler; it never connects."""

    supports_statement_cache = True
    statement_compiler = PlainCompiler
