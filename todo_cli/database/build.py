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

from sqlalchemy import ClauseElement, column, literal_column, select, table
from sqlalchemy import Dialect as SqlDialect
from sqlalchemy.sql.operators import and_ as and_operator
from sqlmodel import SQLModel

from todo_cli.database import ddl, listing, lists, queries
from todo_cli.database.dialect_postgresql import QuietDialect
from todo_cli.database.dialect_sqlite import PlainDialect
from todo_cli.database.listing import Plan
from todo_cli.database.tables import SCHEMA, Identifier

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
    "Day": "day",
    "Names": "names",
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
    """Compile a condition on tasks that is joined to others with AND."""
    # Within a SELECT, so that subqueries refer to its table.
    grouped = clause.self_group(against=and_operator)
    whole: Any = (
        select(literal_column("1")).select_from(lists.TASK).where(grouped)
    )
    _, _, condition = sql_of(whole, name).partition("\nWHERE ")
    return condition


def list_of(name: str, chosen: Plan) -> str:
    """Compile a whole list with SQLAlchemy.

    Tests compare it with the text that `Statements.listed` puts together.
    """
    dialect = DIALECTS[name]
    known = lists.clauses(dialect)
    where = [known[each] for each in chosen.where]
    if not chosen.segments:
        return sql_of(lists.every(dialect, queries.COLUMNS, where), name)
    few = None
    if chosen.probe is not None:
        more = [known[each] for each in chosen.probe.conditions]
        few = lists.few_of(chosen.probe.source, [*where, *more])
    segments = []
    for parts in chosen.segments:
        made = []
        for part in parts:
            conditions = [known[each] for each in part.conditions]
            made.append((conditions, _columns_of(part.order)))
        segments.append(made)
    whole = lists.some(dialect, queries.COLUMNS, where, segments, few)
    return sql_of(whole, name)


def _columns_of(orders: Sequence[str]) -> list[Any]:
    """Return the expressions of orders that follow each other."""
    found: list[Any] = []
    for order in orders:
        found += {**lists.ORDERS, **lists.GROUPS}[order]
    return found


def written(name: str) -> str:
    """Return the content that the file of a dialect should have."""
    statements = {}
    for key, expression in queries.statements(DIALECTS[name]).items():
        statements[key] = _entry(expression, name)
    creation = ddl.creation(ddl.dialect_of(name))
    tables = {}
    for each in SQLModel.metadata.sorted_tables:
        tables[each.name] = [part.name for part in each.c]
    content = {
        "statements": statements,
        "lists": _lists(name),
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
    dialect = DIALECTS[name]
    values: dict[str, Any] = queries.stamps(dialect, fields)
    for field in fields:
        values |= queries.assignments(dialect, field)
    has_tags = not {*fields}.isdisjoint(queries.TAGGING)
    held = None
    if "titles" in fields:
        held = queries.is_held
    changed = queries.change(dialect, values, tags=has_tags, held=held)
    return sql_of(changed, name)


def _change(name: str) -> dict[str, Any]:
    """The templates of a change, and the assignments of each field."""
    found: dict[str, Any] = {}
    for key, tags in (("plain", False), ("tagged", True)):
        entry = _frame(name, tags=tags)
        found[key] = entry["sql"]
        found["kinds"] = entry["kinds"]
    differs: Any = literal_column("/*differs*/")
    for stamp, value in queries.stamped(differs).items():
        found[stamp] = sql_of(value, name)
    found["fields"] = {each: _field(name, each) for each in queries.CHANGES}
    # The rows have this name in the whole statement.
    locked = table("mine", column("id", Identifier), column("version"))
    found["held"] = sql_of(queries.is_held(DIALECTS[name], locked), name)
    return found


def _frame(name: str, *, tags: bool) -> dict[str, Any]:
    """The template of a change, with marks in it."""
    # A comment is the mark: SQLAlchemy writes it as it is, and no value of a
    # statement can look like it.
    mark: Any = literal_column("/*set*/")
    frame = queries.change(
        DIALECTS[name], {"updated_at": mark}, tags=tags, held=_mark_of_held
    )
    entry = _entry(frame, name)
    sql = "\n".join(entry["sql"])
    sql = sql.replace("updated_at=/*set*/", "/*set*/")
    return {"sql": sql.split("\n"), "kinds": entry["kinds"]}


def _mark_of_held(*_: object) -> Any:
    """The place of the condition `held` in a template."""
    return literal_column("/*held*/")


def _field(name: str, field: str) -> dict[str, Any]:
    """The columns that one field sets, and the condition that it differs."""
    dialect = DIALECTS[name]
    assigned = {}
    for target, value in queries.assignments(dialect, field).items():
        assigned[target] = sql_of(value, name)
    differs = queries.differs(dialect, [field])
    return {"set": assigned, "differs": sql_of(differs, name)}


def _entry(expression: Any, name: str) -> dict[str, Any]:
    """One statement of the file: its lines, and the kinds of its columns."""
    lines = sql_of(expression, name).split("\n")
    return {"sql": lines, "kinds": _kinds(expression)}


def _kinds(expression: Any) -> list[str]:
    """The kind of each result column."""
    kinds = []
    for each in expression.exported_columns:
        kind = _KINDS.get(type(each.type).__name__, "")
        if kind and getattr(each, "nullable", False):
            kind += "?"
        kinds.append(kind)
    return kinds


def _lists(name: str) -> dict[str, Any]:
    """The templates of lists, and the parts that fill them."""
    dialect = DIALECTS[name]
    where: Any = literal_column("/*where*/")
    every = _entry(lists.every(dialect, queries.COLUMNS, [where]), name)
    templates = {"every": every["sql"]}
    for source in listing.SOURCES:
        for shape in listing.SHAPES:
            key = f"{source}:{shape}"
            templates[key] = _template(name, source, shape)
    clauses = {}
    for key, clause in lists.clauses(dialect).items():
        clauses[key] = part_of(clause, name)
    orders = {}
    for key, columns in {**lists.ORDERS, **lists.GROUPS}.items():
        parts = [sql_of(column, name) for column in columns]
        orders[key] = ", ".join(parts)
    return {
        "kinds": every["kinds"],
        "templates": templates,
        "clauses": clauses,
        "orders": orders,
    }


def _template(name: str, source: str, shape: str) -> list[str]:
    """Compile a list with a limit, with marks in the place of its parts."""
    where: Any = literal_column("/*where*/")
    few = None
    if source != "none":
        probe: Any = literal_column("/*probe*/")
        few = lists.few_of(source, [where, probe])
    segments = []
    number = 0
    for count in shape.split("."):
        parts = []
        for _ in range(int(count)):
            condition: Any = literal_column(f"/*when {number}*/")
            order: Any = literal_column(f"/*order {number}*/")
            parts.append(([condition], [order]))
            number += 1
        segments.append(parts)
    dialect = DIALECTS[name]
    whole = lists.some(dialect, queries.COLUMNS, [where], segments, few)
    return sql_of(whole, name).split("\n")


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
