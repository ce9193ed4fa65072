"""What is shipped in `statements/` is what the expressions of `queries.py` say."""

import itertools
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Integer, Text, bindparam, func, or_, select

from todo_cli.database import build, listing, queries
from todo_cli.database.run import Statements, load
from todo_cli.task import Position, TaskQuery, TaskStatus

each_dialect = pytest.mark.parametrize("dialect", ["postgresql", "sqlite"])
PLACE = Position(datetime(2026, 1, 2, tzinfo=UTC), 7)
LISTS = [
    TaskQuery(status, limit, after)
    for status, limit, after in itertools.product(
        TaskStatus, (None, 5), (None, PLACE)
    )
]


@each_dialect
def test_statements_are_compiled_from_the_expressions(dialect: str) -> None:
    path = build.FOLDER / f"{dialect}.json"

    shipped = json.loads(path.read_text(encoding="utf-8"))

    assert shipped == json.loads(build.written(dialect)), (
        "run python -m todo_cli.database.build"
    )


def test_the_check_finds_a_file_that_is_out_of_date(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(build, "FOLDER", tmp_path / "statements")

    assert build.main(["--check"]) == 1
    assert "sqlite.json is out of date" in capsys.readouterr().err
    assert build.main([]) == 0
    assert build.main(["--check"]) == 0
    assert build.main(["--what"]) == 2


@each_dialect
def test_a_value_that_is_not_open_is_refused(dialect: str) -> None:
    with pytest.raises(ValueError, match="values that are not open"):
        build.sql_of(queries.TASK.c.title == "Buy milk", dialect)


@each_dialect
@pytest.mark.parametrize("query", LISTS, ids=str)
def test_a_joined_list_is_what_sqlalchemy_writes_of_the_whole(
    dialect: str, query: TaskQuery
) -> None:
    whole = build.page_of(
        dialect,
        listing.clauses_of(query),
        listing.order_of(query),
        is_limited=query.limit is not None,
    )

    assert load(dialect).page(query).sql == whole


CHANGES = [
    fields
    for size in range(1, len(queries.CHANGEABLE) + 1)
    for fields in itertools.combinations(queries.CHANGEABLE, size)
]


@each_dialect
def test_a_change_is_what_sqlalchemy_writes_of_the_whole(dialect: str) -> None:
    made = {fields: load(dialect).change(fields).sql for fields in CHANGES}

    assert made == {
        fields: build.change_of(dialect, fields) for fields in CHANGES
    }


INVENTED = {
    "words": queries.TASK.c.title.contains(bindparam("words", type_=Text)),
    "long_or_noted": or_(
        func.length(queries.TASK.c.title)
        > bindparam("longest", type_=Integer),
        queries.TASK.c.description.is_not(None),
    ),
    "not_named": ~queries.TASK.c.title.in_(
        select(queries.TASK.c.user_id).where(
            queries.TASK.c.number < queries.MOST
        )
    ),
}
"""Filters that nobody has yet: one of a function, one of an OR, one of a subquery."""


@each_dialect
def test_every_pair_of_filters_is_joined_as_sqlalchemy_does(
    dialect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "CLAUSES", queries.CLAUSES | INVENTED)
    statements = Statements(dialect)
    statements._found = json.loads(build.written(dialect))

    for clauses in itertools.permutations(queries.CLAUSES, 2):
        for order in queries.ORDERS:
            for is_limited in (False, True):
                joined = statements.joined(
                    clauses, order, is_limited=is_limited
                )
                whole = build.page_of(
                    dialect, clauses, order, is_limited=is_limited
                )
                assert joined.sql == whole
