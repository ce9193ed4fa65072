"""Compile every query of `queries.py` into `statements/`, for both stores.

Usage: python -m todo_cli.database.build [--check]

With `--check` nothing is written, and the exit status is 1 if a file is out of
date.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import ClauseElement, literal_column
from sqlalchemy import Dialect as SqlDialect
from sqlalchemy.sql.operators import and_ as and_operator
from sqlmodel import SQLModel

from todo_cli.database import ddl, queries
from todo_cli.database.dialect_postgresql import QuietDialect
from todo_cli.database.dialect_sqlite import PlainDialect
from todo_cli.database.tables import SCHEMA

FOLDER: Final = Path(__file__).parent / "statements"
DIALECTS: Final[Mapping[str, queries.Dialect]] = {
    "postgresql": queries.PostgresDialect(),
    "sqlite": queries.SqliteDialect(),
}
# What `sqlite.py` converts, and `rows.py` checks.
_KINDS: Final = {
    "Identifier": "uuid",
    "Instant": "instant",
    "Boolean": "boolean",
    "Integer": "integer",
    "Text": "text",
}


def writer(name: str) -> SqlDialect:
    """Return SQLAlchemy's dialect for a store, with named parameters."""
    if name == "postgresql":
        return QuietDialect(paramstyle="named")  # type: ignore[no-untyped-call]  # SQLAlchemy
    return PlainDialect(paramstyle="named")


def sql_of(expression: ClauseElement, name: str) -> str:
    """Compile a whole query, or a part of one, to SQL.

    Raises:
        ValueError: the query contains a fixed value, which the text would
            lose.
    """
    # Expand IN now: at run time there is no SQLAlchemy to do it.
    options = {"render_postcompile": True}
    compiled = expression.compile(dialect=writer(name), compile_kwargs=options)
    values = compiled.params.items()
    fixed = [key for key, value in values if value is not None]
    if fixed:
        raise ValueError(f"values that are not open: {fixed} in {compiled}")
    text = str(compiled)
    if name == "sqlite":
        # A file has no schemas.
        text = text.replace(f"{SCHEMA}.", "")
    return text


def part_of(clause: Any, name: str) -> str:
    """Compile a condition that is joined to others with AND."""
    return sql_of(clause.self_group(against=and_operator), name)


def page_of(
    name: str, clauses: Sequence[str], order: str, *, is_limited: bool
) -> str:
    """Compile a whole list with SQLAlchemy.

    Tests compare it with the text that `Statements.joined` puts together.
    """
    conditions = [queries.CLAUSES[each] for each in clauses]
    most = queries.MOST if is_limited else None
    whole = queries.page(conditions, queries.ORDERS[order], most)
    return sql_of(whole, name)


def written(name: str) -> str:
    """Return the content that the file of a dialect should have."""
    statements = {}
    for key, expression in queries.statements(DIALECTS[name]).items():
        statements[key] = _entry(expression, name)
    creation = ddl.creation(ddl.dialect_of(name))
    tables = {}
    for table in SQLModel.metadata.sorted_tables:
        tables[table.name] = [column.name for column in table.c]
    content = {
        "statements": statements,
        "page": _page(name),
        "change": _change(name),
        # A list of lines, so that a diff of the file shows the changed line.
        "creation": [step.split("\n") for step in creation],
        "tables": tables,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def change_of(name: str, fields: Sequence[str]) -> str:
    """Compile a whole change with SQLAlchemy.

    Tests compare it with the text that `Statements.change` puts together.
    """
    values = {"updated_at": queries.moment(fields)}
    for field in fields:
        values |= queries.assignments(field)
    return sql_of(queries.change(DIALECTS[name], values), name)


def _change(name: str) -> dict[str, Any]:
    """The template of a change, and the assignments of each field."""
    # A comment is the mark: SQLAlchemy writes it as it is, and no value of a
    # statement can look like it.
    mark: Any = literal_column("/*set*/")
    frame = queries.change(DIALECTS[name], {"updated_at": mark})
    entry = _entry(frame, name)
    sql = "\n".join(entry["sql"])
    sql = sql.replace("updated_at=/*set*/", "/*set*/")
    kept = sql_of(queries.TASK.c.updated_at, name)
    fields = {field: _field(name, field) for field in queries.CHANGEABLE}
    return {
        "sql": sql.split("\n"),
        "kinds": entry["kinds"],
        "otherwise": f" ELSE {kept} END",
        "fields": fields,
    }


def _field(name: str, field: str) -> dict[str, Any]:
    """The columns that one field sets, and the condition that it differs."""
    assigned = {}
    for column, value in queries.assignments(field).items():
        assigned[column] = sql_of(value, name)
    # Only the WHEN of the CASE: a change joins those of all its fields.
    when = sql_of(queries.moment([field], None), name)
    when = when.removeprefix("CASE ").removesuffix(" END")
    return {"set": assigned, "when": when}


def _entry(expression: Any, name: str) -> dict[str, Any]:
    """One statement of the file: its lines, and the kinds of its columns."""
    lines = sql_of(expression, name).split("\n")
    return {"sql": lines, "kinds": _kinds(expression)}


def _kinds(expression: Any) -> list[str]:
    """The kind of each result column."""
    kinds = []
    for column in expression.exported_columns:
        kind = _KINDS.get(type(column.type).__name__, "")
        if kind and getattr(column, "nullable", False):
            kind += "?"
        kinds.append(kind)
    return kinds


def _page(name: str) -> dict[str, Any]:
    """The template of a list, and the parts that fill it."""
    where: Any = literal_column("/*where*/")
    order: Any = literal_column("/*order*/")
    limit: Any = literal_column("/*limit*/")
    entry = _entry(queries.page([where], [order], limit), name)
    # SQLAlchemy writes the LIMIT clause differently in each dialect, so find it
    # by comparing with a list that has none.
    unlimited = sql_of(queries.page([where], [order], None), name)
    sql, limited = _without_limit("\n".join(entry["sql"]), unlimited)
    # The mark was a literal, so put the parameter in its place.
    most = sql_of(queries.MOST, name)
    return {
        "sql": sql.split("\n"),
        "kinds": entry["kinds"],
        "clauses": _clauses(name),
        "orders": _orders(name),
        "limit": limited.replace("/*limit*/", most),
    }


def _clauses(name: str) -> dict[str, str]:
    """The conditions of lists, by name."""
    found = {}
    for key, clause in queries.CLAUSES.items():
        found[key] = part_of(clause, name)
    return found


def _orders(name: str) -> dict[str, str]:
    """The orders of lists, by name, each as it follows ORDER BY."""
    found = {}
    for key, columns in queries.ORDERS.items():
        parts = [sql_of(column, name) for column in columns]
        found[key] = ", ".join(parts)
    return found


def _without_limit(limited: str, unlimited: str) -> tuple[str, str]:
    """Replace the LIMIT clause of a template with a mark; return both.

    The clause is what the limited text has in addition to the unlimited one.
    """
    # Both texts are the same up to the clause.
    start = 0
    while limited[start] == unlimited[start]:
        start += 1
    end = start + len(limited) - len(unlimited)
    frame = f"{limited[:start]}/*limit*/{limited[end:]}"
    return frame, limited[start:end]


def main(arguments: Sequence[str]) -> int:
    """Write the files, or check them with `--check`.

    Returns the exit status: 1 if a file is out of date, 2 for wrong arguments.
    """
    is_check = list(arguments) == ["--check"]
    if arguments and not is_check:
        print(__doc__, file=sys.stderr)  # noqa: T201 - a program of its own
        return 2
    status = 0
    for name in DIALECTS:
        path = FOLDER / f"{name}.json"
        content = written(name)
        if not is_check:
            FOLDER.mkdir(exist_ok=True)
            path.write_text(content, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != content:
            print(f"{path} is out of date", file=sys.stderr)  # noqa: T201
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
