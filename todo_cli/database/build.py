"""Write every query of `queries.py` as SQL to `statements/`, for both stores.

python -m todo_cli.database.build [--check]

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
_KINDS: Final = {
    "Identifier": "uuid",
    "Instant": "instant",
    "Boolean": "boolean",
}


def writer(name: str) -> SqlDialect:
    """SQLAlchemy's dialect for a store, which leaves values open under their
    names.
    """
    if name == "postgresql":
        return QuietDialect(paramstyle="named")  # type: ignore[no-untyped-call]  # SQLAlchemy
    return PlainDialect(paramstyle="named")


def sql_of(expression: ClauseElement, name: str) -> str:
    """The text of a whole query or of a part, as SQLAlchemy writes it.

    Raises:
        ValueError: a value is not open; it would be lost.
    """
    compiled = expression.compile(
        dialect=writer(name), compile_kwargs={"render_postcompile": True}
    )
    fixed = [
        key for key, value in compiled.params.items() if value is not None
    ]
    if fixed:
        raise ValueError(f"values that are not open: {fixed} in {compiled}")
    text = str(compiled)
    return text.replace(f"{SCHEMA}.", "") if name == "sqlite" else text


def part_of(clause: Any, name: str) -> str:
    """The text of a condition that others follow and precede, joined by
    AND.
    """
    return sql_of(clause.self_group(against=and_operator), name)


def page_of(
    name: str, clauses: Sequence[str], order: str, *, is_limited: bool
) -> str:
    """The text of a list as SQLAlchemy writes the whole: what the joined parts
    have to be.
    """
    whole = queries.page(
        [queries.CLAUSES[each] for each in clauses],
        queries.ORDERS[order],
        queries.MOST if is_limited else None,
    )
    return sql_of(whole, name)


def written(name: str) -> str:
    """The file of a dialect as it should be."""
    dialect = DIALECTS[name]
    statements = queries.statements(dialect)
    content = {
        "statements": {
            key: _entry(expression, name)
            for key, expression in statements.items()
        },
        "page": _page(name),
        "change": _change(name),
        "creation": [
            step.split("\n") for step in ddl.creation(ddl.dialect_of(name))
        ],
        "tables": {
            table.name: [column.name for column in table.c]
            for table in SQLModel.metadata.sorted_tables
        },
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def change_of(name: str, fields: Sequence[str]) -> str:
    """The text of a change as SQLAlchemy writes the whole."""
    values = {"updated_at": queries.moment(fields)}
    for field in fields:
        values |= queries.assignments(field)
    return sql_of(queries.change(DIALECTS[name], values), name)


def _change(name: str) -> dict[str, Any]:
    """The frame of every change, and for each field what it sets and when it
    differs.
    """
    mark: Any = literal_column("/*set*/")
    frame = queries.change(DIALECTS[name], {"updated_at": mark})
    entry = _entry(frame, name)
    sql = "\n".join(entry["sql"]).replace("updated_at=/*set*/", "/*set*/")
    kept = sql_of(queries.TASK.c.updated_at, name)
    return {
        "sql": sql.split("\n"),
        "kinds": entry["kinds"],
        "otherwise": f" ELSE {kept} END",
        "fields": {field: _field(name, field) for field in queries.CHANGEABLE},
    }


def _field(name: str, field: str) -> dict[str, Any]:
    assigned = queries.assignments(field)
    when = sql_of(queries.moment([field], None), name)
    return {
        "set": {
            column: sql_of(value, name) for column, value in assigned.items()
        },
        "when": when.removeprefix("CASE ").removesuffix(" END"),
    }


def _entry(expression: Any, name: str) -> dict[str, Any]:
    return {
        "sql": sql_of(expression, name).split("\n"),
        "kinds": _kinds(expression),
    }


def _kinds(expression: Any) -> list[str]:
    """The kind of each column of a query's rows, if one needs to be
    converted.
    """
    columns = expression.exported_columns
    kinds = [_KINDS.get(type(each.type).__name__, "") for each in columns]
    return kinds if any(kinds) else []


def _page(name: str) -> dict[str, Any]:
    """The frame of every list, and the parts that fill it."""
    parts: tuple[Any, ...] = tuple(
        literal_column(f"/*{part}*/") for part in ("where", "order", "limit")
    )
    where, order, limit = parts
    entry = _entry(queries.page([where], [order], limit), name)
    unlimited = sql_of(queries.page([where], [order], None), name)
    sql, limited = _without_limit("\n".join(entry["sql"]), unlimited)
    most = sql_of(queries.MOST, name)
    return {
        "sql": sql.split("\n"),
        "kinds": entry["kinds"],
        "clauses": {
            key: part_of(each, name) for key, each in queries.CLAUSES.items()
        },
        "orders": {
            key: _order(each, name) for key, each in queries.ORDERS.items()
        },
        "limit": limited.replace("/*limit*/", most),
    }


def _order(columns: Sequence[Any], name: str) -> str:
    return ", ".join(sql_of(each, name) for each in columns)


def _without_limit(limited: str, unlimited: str) -> tuple[str, str]:
    """The frame with one mark for all of its limit, and what stands there."""
    start = next(
        place
        for place, (one, other) in enumerate(
            zip(limited, unlimited, strict=False)
        )
        if one != other
    )
    length = len(limited) - len(unlimited)
    limit = limited[start : start + length]
    return f"{limited[:start]}/*limit*/{limited[start + length :]}", limit


def main(arguments: Sequence[str]) -> int:
    """Write the files, or check them."""
    is_check = list(arguments) == ["--check"]
    if arguments and not is_check:
        print(__doc__, file=sys.stderr)  # noqa: T201 - a program of its own
        return 2
    status = 0
    for name in DIALECTS:
        path = FOLDER / f"{name}.json"
        is_current = path.exists() and path.read_text(
            encoding="utf-8"
        ) == written(name)
        if is_check and not is_current:
            print(f"{path} is out of date", file=sys.stderr)  # noqa: T201
            status = 1
        if not is_check:
            FOLDER.mkdir(exist_ok=True)
            path.write_text(written(name), encoding="utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
