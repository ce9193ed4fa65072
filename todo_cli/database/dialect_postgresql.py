"""SQLAlchemy's asyncpg dialect, without the questions it asks a server, and
with SQL that nobody else can redefine.

`PGDialect.initialize` calls small hooks that cost ten round trips in every
short-lived process: server version, current schema, isolation level, string
escapes. asyncpg knows the version from the start-up; the rest is fixed here,
as names are always qualified with their schema.

PostgreSQL looks functions and operators up by name on the search_path, and
prefers one whose argument types match exactly. Another role that may create
objects in a schema on that path could therefore have its own `=` run as us
(CVE-2018-1058). So every function and operator is written with its schema,
`pg_catalog`, and text is sent as `text`. Leans on SQLAlchemy 2.1; a test
counts the round trips of every command.
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
"""Functions that are part of PostgreSQL's grammar: the search_path has no say
in what they are.
"""
_NAMED_TYPES: Final = {"TEXT": "pg_catalog.text", "UUID": "pg_catalog.uuid"}
"""Types that are looked up by name; the others that we use are keywords."""


class QualifiedCompiler(PGCompiler_asyncpg):
    """PostgreSQL's SQL, with `pg_catalog` before every function, operator and
    type that is looked up by name.
    """

    def visit_function(
        self, func: Any, add_to_result_map: Any = None, **options: Any
    ) -> str:
        """Write a call of a function in `pg_catalog`."""
        text = super().visit_function(func, add_to_result_map, **options)
        return (
            text
            if func.name in _SYNTAX or func.packagenames
            else f"pg_catalog.{text}"
        )

    def visit_is_distinct_from_binary(
        self, binary: Any, operator: Any, **options: Any
    ) -> str:
        """Write `IS DISTINCT FROM` with an operator that can be qualified."""
        left, right = (
            self.process(binary.left, **options),
            self.process(binary.right, **options),
        )
        differs = f"{left} OPERATOR(pg_catalog.<>) {right}"
        is_one_null = f"NOT ({left} IS NULL AND {right} IS NULL)"
        return f"coalesce({differs}, {is_one_null})"

    def visit_in_op_binary(
        self, binary: Any, operator: Any, **options: Any
    ) -> str:
        """Write `IN` with an operator that can be qualified: `= ANY`, of a
        subquery or of an array of values.
        """
        left, right = (
            self.process(binary.left, **options),
            self.process(binary.right, **options),
        )
        if "POSTCOMPILE" in right:
            right = f"(ARRAY[{right[1:-1]}])"
        return f"{left} OPERATOR(pg_catalog.=) ANY {right}"

    def render_bind_cast(
        self, type_: Any, dbapi_type: Any, sqltext: str
    ) -> str:
        """Write the type of a parameter."""
        render = super().render_bind_cast
        text: str = render(type_, dbapi_type, sqltext)  # type: ignore[no-untyped-call]
        value, colons, name = text.rpartition("::")
        return f"{value}{colons}{_qualified(name)}"

    def visit_cast(self, cast: Any, **options: Any) -> str:
        """Write a cast."""
        name = _qualified(
            self.dialect.type_compiler_instance.process(cast.type)
        )
        return f"CAST({self.process(cast.clause, **options)} AS {name})"

    def _generate_generic_binary(
        self,
        binary: Any,
        opstring: str,
        eager_grouping: bool = False,
        **options: Any,
    ) -> str:
        name, is_nested = (
            opstring.strip(),
            options.get("_in_operator_expression", False),
        )
        if name.replace(
            " ", ""
        ).isalpha():  # AND, IS NOT and the like are syntax
            return super()._generate_generic_binary(
                binary, opstring, eager_grouping, **options
            )
        text = super()._generate_generic_binary(
            binary, f" OPERATOR(pg_catalog.{name}) ", **options
        )
        return (
            f"({text})" if is_nested else text
        )  # qualified operators all bind alike


def _qualified(name: str) -> str:
    """The name of a type as it is found whatever the search_path is."""
    element = name.removesuffix("[]")
    return f"{_NAMED_TYPES.get(element, element)}{name[len(element) :]}"


class _Text(Text):
    render_bind_cast = True


class QuietDialect(PGDialect_asyncpg):
    """asyncpg's dialect, quiet on connect and on close."""

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
        """Return PostgreSQL's own default without asking."""
        return "READ COMMITTED"

    def _set_backslash_escapes(self, connection: Any) -> None:
        self._backslash_escapes = False

    def on_connect(self) -> None:
        """Set nothing up: there are no JSON columns, so no codecs."""
        return

    def do_close(self, dbapi_connection: Any) -> None:
        """End at once; `close()` would wait one more round trip, and all that
        was written has been confirmed.
        """
        dbapi_connection.driver_connection.terminate()


registry.register("postgresql.quiet", __name__, QuietDialect.__name__)
