"""Writes the parts of the specs that are made from the code.

python -m tests.docs            rewrite them
python -m tests.docs --check    say which are out of date, exit 1 if any is
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import CheckConstraint, Table, UniqueConstraint, make_url
from sqlmodel import SQLModel

import todo_cli.database.tables  # noqa: F401 - fills the metadata

ROOT = Path(__file__).parents[1]
DATA_MODEL = ROOT / "specs" / "001-backend-foundation" / "data-model.md"
BEGIN, END = "<!-- columns:begin -->", "<!-- columns:end -->"
DIALECTS = tuple(
    make_url(f"{name}://").get_dialect()()
    for name in ("postgresql+asyncpg", "sqlite")
)


def columns() -> str:
    """The tables of the store in Markdown: columns, keys, indexes and checks, from the
    models' metadata.
    """
    return "\n".join(
        line
        for table in SQLModel.metadata.sorted_tables
        for line in _table(table)
    )


def _table(table: Table) -> Iterator[str]:
    yield from (
        f"### `{table.name}`",
        "",
        "| column | PostgreSQL | SQLite | null | key |",
        "|---|---|---|---|---|",
    )
    for column in table.columns:
        kinds = " | ".join(
            str(column.type.compile(dialect)).lower() for dialect in DIALECTS
        )
        key = "primary" if column.primary_key else ""
        yield f"| `{column.name}` | {kinds} | {'yes' if column.nullable else 'no'} | {key} |"
    yield ""
    keys = [
        constraint
        for constraint in table.constraints
        if isinstance(constraint, UniqueConstraint)
    ]
    unique = [f"unique {_names(key.columns.keys())}" for key in keys]
    indexes = [
        f"{'unique ' if index.unique else ''}{_names(index.columns.keys())}"
        for index in table.indexes
    ]
    # SQLAlchemy has them in no order.
    indexes.sort(key=lambda words: (len(words), words))
    if unique or indexes:
        yield from (
            f"Indexes: {', '.join(indexes + sorted(unique))}.",
            "",
        )
    checks = {
        str(each.name)
        for each in table.constraints
        if isinstance(each, CheckConstraint)
    }
    yield from (
        f"Checks: {', '.join(f'`{name}`' for name in sorted(checks))}.",
        "",
    )


def _names(columns: Sequence[str]) -> str:
    return f"`({', '.join(columns)})`"


def rewritten(text: str) -> str:
    """The page with its made part as it should be."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{DATA_MODEL.name} lacks its markers")
    return f"{before}{BEGIN}\n\n{columns().strip()}\n\n{END}{after}"


def main(arguments: Sequence[str]) -> int:
    """Rewrite the page, or only say whether it is up to date."""
    text = DATA_MODEL.read_text(encoding="utf-8")
    fresh = rewritten(text)
    if arguments == ["--check"]:
        if text != fresh:
            sys.stderr.write(
                f"{DATA_MODEL.relative_to(ROOT)} is out of date: run `python -m tests.docs`\n"
            )
        return int(text != fresh)
    if arguments:
        sys.stderr.write(__doc__ or "")
        return 2
    DATA_MODEL.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
