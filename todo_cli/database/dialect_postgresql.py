"""SQLAlchemy's asyncpg dialect: fewer round trips, and qualified SQL.

`PGDialect.initialize` asks for the server version, current schema, isolation
level and string escapes. That is ten round trips in every process. asyncpg
knows the version from the start-up message. The rest is fixed here, because
our names always include their schema.

PostgreSQL looks up functions and operators on the search_path and prefers
exact argument types. A role that may create objects in a schema on that path
could define its own `=` and have it run as us (CVE-2018-1058). So every
function and operator is written with its schema, `pg_catalog`, and text is
sent as `text`.

This depends on SQLAlchemy 2.1. A test counts the round trips of every command.
"""

from typing import Any, Final

from sqlalchemy import Text, types
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.asyncpg import (
    PGCompiler_asyncpg,
    PGDialect_asyncpg,
)

DRIVER = "postgresql+quiet"

_SYNTAX: Final = frozenset({"coalesce"})
"""Functions that are part of PostgreSQL's grammar.

The search_path cannot redefine them, and a schema before them is an error.
"""
_NAMED_TYPES: Final = {
    "BYTEA": "pg_catalog.bytea",
    "TEXT": "pg_catalog.text",
    "UUID": "pg_catalog.uuid",
    "JSONB": "pg_catalog.jsonb",
}
"""Types that are looked up by name; the others that we use are keywords."""


class QualifiedCompiler(PGCompiler_asyncpg):
    """Writes `pg_catalog` before every function, operator and looked-up type."""

    def visit_function(
        self, func: Any, add_to_result_map: Any = None, **options: Any
    ) -> str:
        """Write a function call, qualified."""
        text = super().visit_function(func, add_to_result_map, **options)
        if func.name in _SYNTAX or func.packagenames:
            return text
        return f"pg_catalog.{text}"

    def visit_is_distinct_from_binary(
        self, binary: Any, operator: Any, **options: Any
    ) -> str:
        """Write `IS DISTINCT FROM` by means of a qualified `<>`.

        `IS DISTINCT FROM` itself looks up `=` on the search_path.
        """
        left = self.process(binary.left, **options)
        right = self.process(binary.right, **options)
        # NULL where one side is NULL; `coalesce` then decides.
        differs = f"{left} OPERATOR(pg_catalog.<>) {right}"
        is_one_null = f"NOT ({left} IS NULL AND {right} IS NULL)"
        return f"coalesce({differs}, {is_one_null})"

    def visit_in_op_binary(
        self, binary: Any, operator: Any, **options: Any
    ) -> str:
        """Write `IN` as a qualified `= ANY`, of a subquery or of an array.

        `IN` itself looks up `=` on the search_path.
        """
        left = self.process(binary.left, **options)
        right = self.process(binary.right, **options)
        # A list of values, which SQLAlchemy fills in when it is run.
        if "POSTCOMPILE" in right:
            right = f"(ARRAY[{right[1:-1]}])"
        return f"{left} OPERATOR(pg_catalog.=) ANY {right}"

    def render_bind_cast(
        self, type_: Any, dbapi_type: Any, sqltext: str
    ) -> str:
        """Write the cast of a parameter to its qualified type."""
        render = super().render_bind_cast
        text: str = render(type_, dbapi_type, sqltext)  # type: ignore[no-untyped-call]
        # Only the last `::` belongs to this cast.
        value, colons, name = text.rpartition("::")
        return f"{value}{colons}{_qualified(name)}"

    def visit_cast(self, cast: Any, **options: Any) -> str:
        """Write a cast to a qualified type."""
        types = self.dialect.type_compiler_instance
        name = _qualified(types.process(cast.type))
        value = self.process(cast.clause, **options)
        return f"CAST({value} AS {name})"

    def _generate_generic_binary(
        self,
        binary: Any,
        opstring: str,
        eager_grouping: bool = False,
        **options: Any,
    ) -> str:
        write = super()._generate_generic_binary
        name = opstring.strip()
        # AND, IS NOT and the like are syntax and are not looked up.
        if name.replace(" ", "").isalpha():
            return write(binary, opstring, eager_grouping, **options)
        is_nested = options.get("_in_operator_expression", False)
        qualified = f" OPERATOR(pg_catalog.{name}) "
        text = write(binary, qualified, **options)
        # Qualified operators have one precedence, whatever their names.
        return f"({text})" if is_nested else text

    def _generate_delimited_list(
        self, elements: Any, separator: Any, **options: Any
    ) -> str:
        """Write `a + b + c`, which SQLAlchemy keeps as one list."""
        write: Any = super()._generate_delimited_list
        name = (separator or "").strip()
        # AND and OR are syntax, and so is the comma.
        if name.isalpha() or name in ("", ","):
            return str(write(elements, separator, **options))
        text = write(elements, f" OPERATOR(pg_catalog.{name}) ", **options)
        return f"({text})"


def _qualified(name: str) -> str:
    """Return the name of a type, independent of the search_path."""
    element = name.removesuffix("[]")
    return f"{_NAMED_TYPES.get(element, element)}{name[len(element) :]}"


class _Text(Text):
    # SQLAlchemy casts to `varchar`. Another role could define an operator that
    # matches that type better than PostgreSQL's own for `text`.
    render_bind_cast = True


class QuietDialect(PGDialect_asyncpg):
    """asyncpg's dialect without round trips on connect and close."""

    supports_statement_cache = True
    statement_compiler = QualifiedCompiler
    colspecs = PGDialect_asyncpg.colspecs | {
        types.String: _Text,
        types.Text: _Text,
    }

    def _get_server_version_info(self, connection: Any) -> tuple[int, int]:
        version = connection.connection.driver_connection.get_server_version()
        return version.major, version.minor

    def _get_default_schema_name(self, connection: Any) -> str:
        return "public"

    def get_default_isolation_level(self, dbapi_conn: Any) -> Any:
        """Return PostgreSQL's default without asking the server."""
        return "READ COMMITTED"

    def _set_backslash_escapes(self, connection: Any) -> None:
        # `standard_conforming_strings` is on, the default since 9.1.
        self._backslash_escapes = False

    def on_connect(self) -> None:
        """Register no codecs: there are no JSON columns."""
        return

    def do_close(self, dbapi_connection: Any) -> None:
        """Close without a goodbye message.

        `close()` would wait for one more round trip, and every write is
        confirmed already.
        """
        dbapi_connection.driver_connection.terminate()


registry.register("postgresql.quiet", __name__, QuietDialect.__name__)
