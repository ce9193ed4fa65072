"""Compile every query of `queries.py` into `statements/`, for both stores.

Usage: python -m todo_cli.database.build [--check]

With `--check` nothing is written, and the exit status is 1 if a file is out of
date.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    ClauseElement,
    Integer,
    column,
    literal_column,
    select,
    table,
    text,
)
from sqlalchemy import Dialect as SqlDialect
from sqlalchemy.sql.operators import and_ as and_operator

from todo_cli.database import (
    completion_queries,
    ddl,
    listing,
    lists,
    queries,
    schema,
)
from todo_cli.database.dialect_postgresql import QuietDialect
from todo_cli.database.dialect_sqlite import PlainDialect
from todo_cli.database.listing import Plan
from todo_cli.database.tables import SCHEMA, Identifier, copied, stored
from todo_cli.task import Counts

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
    "Priority": "priority",
    "Values": "text",
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
    known = lists.clauses(dialect) | lists.places()
    if not chosen.segments:
        where = [known[each] for each in chosen.where]
        return sql_of(lists.every(dialect, queries.COLUMNS, where), name)
    few = None
    if chosen.probe is not None:
        few = _probe_of(dialect, chosen.probe, known)
    segments = _segments_of(chosen, known)
    whole = lists.some(
        dialect,
        queries.COLUMNS,
        segments,
        few,
        chosen.found,
        is_counted=chosen.is_counted,
    )
    return sql_of(whole, name)


def export_of(name: str, where: Sequence[str]) -> str:
    """Compile a whole page of an export with SQLAlchemy.

    Tests compare it with the text that `Statements.in_turn` puts together.
    """
    dialect = DIALECTS[name]
    known = lists.clauses(dialect)
    clauses = [known[each] for each in where]
    return sql_of(lists.in_turn(dialect, queries.COLUMNS, clauses), name)


def _probe_of(dialect: Any, probe: Any, known: Mapping[str, Any]) -> Any:
    """Return the expression that looks for the tasks that fit a filter."""
    arms = []
    for names in probe.arms:
        arms.append([known[each] for each in names])
    order = _columns_of(probe.order)
    return lists.few_of(dialect, probe.source, arms, order)


def _segments_of(
    chosen: Plan, known: Mapping[str, Any]
) -> list[list[lists.Part]]:
    """Return the expressions of the segments of a list."""
    segments = []
    for number, parts in enumerate(chosen.segments):
        made = []
        for place, part in enumerate(parts):
            made.append(_part_of(part, known, f"part_{number}_{place}"))
        segments.append(made)
    return segments


def _part_of(part: Any, known: Mapping[str, Any], name: str) -> lists.Part:
    """Return the expressions of a part of a segment, which has this name."""
    conditions = [known[each] for each in part.conditions]
    if part.tied is None:
        return lists.Part(conditions, _columns_of(part.order))
    tied = [known[each] for each in part.tied]
    last = lists.last_of(name)
    return lists.reversed_part(conditions, tied, part.order[0], last)


def _columns_of(orders: Sequence[str]) -> list[Any]:
    """Return the expressions of orders that follow each other."""
    found: list[Any] = []
    for order in orders:
        found += {**lists.ORDERS, **lists.GROUPS}[order]
    return found


def written() -> dict[str, str]:
    """Return the content that each file should have, by its name."""
    found = {}
    for name in DIALECTS:
        found[f"{name}.json"] = _as_json(_content(name))
        found[f"{name}-lists.json"] = _as_json(_lists(name))
        found[f"{name}-completion.sql"] = _completion(name)
        found[f"{name}-pages.json"] = _as_json(_late(name))
    return found


def _completion(name: str) -> str:
    """Return the statements of shell completion, each after its name.

    A plain text, because to load `json` takes longer than to read it. First
    comes which versions of a store they fit.
    """
    dialect = DIALECTS[name]
    found = {"version": queries.statements(dialect)["version"]}
    found |= completion_queries.statements(dialect)
    parts = [f"-- usable: {' '.join(sorted(schema.USABLE))}\n"]
    for key, expression in found.items():
        parts.append(f"-- {key}\n{sql_of(expression, name)}\n")
    return "".join(parts)


def _as_json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _content(name: str) -> dict[str, Any]:
    """Return the statements of a dialect, but for lists."""
    statements = {}
    for key, expression in queries.statements(DIALECTS[name]).items():
        statements[key] = _entry(expression, name)
    creation = ddl.creation(ddl.dialect_of(name))
    words = []
    if name == "postgresql":
        words = ddl.index_of_words(ddl.dialect_of(name))
    tables = {}
    for each in copied():
        columns = stored(each)
        tables[each.name] = {part.key: part.name for part in columns}
    return {
        "statements": statements,
        "change": _change(name),
        # A list of lines, so that a diff of the file shows the changed line.
        "creation": [step.split("\n") for step in creation],
        "words": [step.split("\n") for step in words],
        "tables": tables,
    }


def change_of(
    name: str,
    fields: Sequence[str],
    naming: str = "many",
    held: Sequence[str] = (),
    *,
    is_live: bool = True,
) -> str:
    """Compile a whole change with SQLAlchemy.

    Tests compare it with the text that `Statements.change` puts together.
    """
    dialect = DIALECTS[name]
    values: dict[str, Any] = queries.stamps(dialect, fields)
    for field in fields:
        values |= queries.assignments(dialect, field)

    def between(old: Any, new: Any) -> queries.Noted:
        return queries.differences(fields, old, new)

    where = [queries.namings(dialect)[naming]]
    if is_live:
        where.append(queries.IS_LIVE)
    conditions = [_HELD[each] for each in held]
    if naming == "many":
        conditions.insert(0, queries.all_there)
    changed = queries.change(
        dialect,
        values,
        between,
        where,
        tags=not {*fields}.isdisjoint(queries.TAGGING),
        held=conditions,
    )
    return sql_of(changed, name)


_HELD: Final[Mapping[str, Any]] = {
    "there": queries.all_there,
    "titles": queries.is_held,
    "version": queries.is_version,
}
"""The further conditions of a change, by name."""


def _change(name: str) -> dict[str, Any]:
    """The templates of a change, and the parts that fill them."""
    found: dict[str, Any] = {}
    for key, tags in (("plain", False), ("tagged", True)):
        entry = _frame(name, tags=tags)
        found[key] = entry["sql"]
        found["kinds"] = entry["kinds"]
    differs: Any = literal_column("/*differs*/")
    for stamp, value in queries.stamped(differs).items():
        found[stamp] = sql_of(value, name)
    found["fields"] = {each: _field(name, each) for each in queries.CHANGES}
    found["where"] = _where(name)
    found["held"] = _held(name)
    return found


def _where(name: str) -> dict[str, str]:
    """The conditions that say which tasks a change means."""
    found = {"live": part_of(queries.IS_LIVE, name)}
    for key, condition in queries.namings(DIALECTS[name]).items():
        found[key] = part_of(condition, name)
    return found


def _held(name: str) -> dict[str, str]:
    """The further conditions of a change."""
    # The rows have this name in the whole statement.
    locked = table(
        "mine",
        column("id", Identifier),
        column("number", Integer),
        column("version"),
    )
    found = {}
    for key, condition in _HELD.items():
        made = condition(DIALECTS[name], locked)
        found[key] = part_of(made, name)
    return found


def _frame(name: str, *, tags: bool) -> dict[str, Any]:
    """The template of a change, with marks in it."""
    # A comment is the mark: SQLAlchemy writes it as it is, and no value of a
    # statement can look like it.
    frame = queries.change(
        DIALECTS[name],
        {"updated_at": _mark("set")},
        lambda *_: (_mark("old"), _mark("new")),
        [_mark("where")],
        tags=tags,
        held=[lambda *_: _mark("held")],
    )
    entry = _entry(frame, name)
    sql = "\n".join(entry["sql"])
    sql = sql.replace("updated_at=/*set*/", "/*set*/")
    return {"sql": sql.split("\n"), "kinds": entry["kinds"]}


def _mark(what: str) -> Any:
    """The place of a part in a template."""
    return literal_column(f"/*{what}*/")


def _field(name: str, field: str) -> dict[str, Any]:
    """The columns that one field sets, and the condition that it differs.

    On PostgreSQL also what the history keeps of it.
    """
    dialect = DIALECTS[name]
    assigned = {}
    for target, value in queries.assignments(dialect, field).items():
        assigned[queries.TASK.c[target].name] = sql_of(value, name)
    differs = queries.differs(dialect, [field])
    found: dict[str, Any] = {"set": assigned}
    found["differs"] = sql_of(differs, name)
    if name == "postgresql":
        # The rows have these names in the whole statement.
        noted = queries.difference(field, _rows("mine"), queries.TASK.c)
        found["old"], found["new"] = (sql_of(each, name) for each in noted)
    return found


def _rows(name: str) -> Any:
    """Return the columns of a CTE that has those of tasks."""
    columns: list[Any] = []
    for each in (*queries.COLUMNS, *queries.FOLDED):
        named: Any = column(each.name, each.type)
        named.key = each.key
        columns.append(named)
    return table(name, *columns).c


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
    turn = _entry(lists.in_turn(dialect, queries.COLUMNS, [where]), name)
    clauses = {}
    for key, clause in lists.clauses(dialect).items():
        clauses[key] = part_of(clause, name)
    kinds = ["integer"] * len(fields(Counts)) + turn["kinds"]
    found = {"kinds": kinds, "every": every, "in turn": turn}
    return (
        found
        | _templates(name)
        | {
            "few": {each: _few(name, each) for each in listing.SOURCES},
            "clauses": clauses,
            "orders": _orders(name),
            "edges": {each: _edge(name, each) for each in _REVERSED},
        }
    )


def _orders(name: str) -> dict[str, str]:
    """Compile the orders of lists and groups."""
    orders = {}
    for key, columns in {**lists.ORDERS, **lists.GROUPS}.items():
        parts = [sql_of(column, name) for column in columns]
        orders[key] = ", ".join(parts)
    return orders


_REVERSED: Final = [
    name for name in lists.ORDERS if name.endswith("_reversed")
]


def _few(name: str, source: str) -> list[str]:
    """Compile what looks for the tasks that fit a filter."""
    arms = [[_mark("probe 0")]]
    if source == "states":
        arms.append([_mark("probe 1")])
    order = []
    if source.startswith("state"):
        order.append(_mark("by"))
    few = lists.few_of(DIALECTS[name], source, arms, order)
    return sql_of(few, name).split("\n")


def _edge(name: str, order: str) -> dict[str, str]:
    """Compile how a reversed part and its edge are read."""
    part = lists.reversed_part([], [], order, "last_0_0")
    edge: Any = part.edge
    columns = []
    for number, each in enumerate(edge.columns):
        columns.append(f"{sql_of(each.element, name)} AS edge_{number}")
    names = [f"edge_{number}" for number in range(len(columns))]
    last = [sql_of(each, name) for each in edge.is_last]
    return {
        "edge": ", ".join(columns),
        "order": ", ".join(sql_of(each, name) for each in part.order),
        "names": ", ".join(names),
        "backward": ", ".join(sql_of(each, name) for each in edge.backward),
        "is last": " AND ".join(last),
        "is other": sql_of(edge.is_other[0], name),
        "ties": ", ".join(sql_of(each, name) for each in edge.ties),
    }


def _templates(name: str) -> dict[str, Any]:
    """Compile the lists with a limit, with marks in the place of their parts.

    What comes before the page is apart: the page is the same for all.
    """
    shapes = [*listing.SHAPES]
    shapes += [f"edge:{shape}" for shape in listing.SHAPES]
    return {"page": _pages(name)} | _shapes(name, shapes)


def _late(name: str) -> dict[str, Any]:
    """Compile what only lists after a place, or with counts, have.

    In a file of its own: no command of the command line reads it.
    """
    clauses = {}
    for key, clause in lists.places().items():
        clauses[key] = part_of(clause, name)
    pages = _pages(name, is_counted=True)
    found = {"clauses": clauses, "page": pages}
    return found | _shapes(name, listing.LATE_SHAPES)


def _shapes(name: str, shapes: Sequence[str]) -> dict[str, Any]:
    """Compile templates by their shapes, without a probe and with one."""
    found: dict[str, Any] = {}
    few: Any = text("/*few*/").columns()
    for kind, probe in (("all", None), ("some", few)):
        made = {}
        for shape in shapes:
            edge, _, counts = shape.rpartition(":")
            made[shape] = _template(name, counts, probe, has_edge=bool(edge))
        found[kind] = made
    return found


def _pages(name: str, *, is_counted: bool = False) -> dict[str, list[str]]:
    """Compile what follows the CTEs of a template, for each way to count."""
    opened = lists.opened(DIALECTS[name])
    made = [each.cte(cte) for cte, each in opened.items()]
    pages = {}
    for counted in listing.FOUND:
        page = lists.page(
            DIALECTS[name], queries.COLUMNS, counted, is_counted=is_counted
        )
        whole = sql_of(page.add_cte(*made), name)
        pages[counted] = whole.removeprefix("WITH ").split("\n")
    return pages


def _template(
    name: str, shape: str, few: Any, *, has_edge: bool = False
) -> list[str]:
    """Compile what comes before the page of a list."""
    segments: list[Any] = []
    number = 0
    for count in shape.split("."):
        parts = []
        for _ in range(int(count)):
            is_edged = has_edge and not segments
            parts.append(_marked(number, has_edge=is_edged))
            number += 1
        segments.append(parts)
    parts_of = lists.before(DIALECTS[name], segments, few)
    made = [each.cte(cte) for cte, each in parts_of.items()]
    whole: Any = select(literal_column("1")).add_cte(*made)
    before, _, _ = sql_of(whole, name).rpartition("\n SELECT 1")
    return f"{before}, ".split("\n")


def _marked(number: int, *, has_edge: bool) -> lists.Part:
    """Return a part that has only marks."""

    def mark(what: str) -> list[Any]:
        return [literal_column(f"/*{what} {number}*/")]

    edge = None
    if has_edge:
        edge = lists.Edge(
            columns=mark("edge"),
            names=mark("names"),
            backward=mark("backward"),
            is_last=mark("is last"),
            is_other=mark("is other"),
            conditions=mark("tied"),
            ties=mark("ties"),
        )
    return lists.Part(mark("when"), mark("order"), edge)


def main(arguments: Sequence[str]) -> int:
    """Write the files, or check them with `--check`.

    Returns the exit status: 1 if a file is out of date, 2 for wrong arguments.
    """
    is_check = list(arguments) == ["--check"]
    if arguments and not is_check:
        print(__doc__, file=sys.stderr)  # noqa: T201 - a program of its own
        return 2
    status = 0
    for name, content in written().items():
        path = FOLDER / name
        if not is_check:
            FOLDER.mkdir(exist_ok=True)
            path.write_text(content, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != content:
            print(f"{path} is out of date", file=sys.stderr)  # noqa: T201
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
