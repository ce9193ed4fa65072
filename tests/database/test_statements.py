"""What is shipped in `statements/` is what the expressions of `queries.py` say."""

import itertools
import json
import re
import weakref
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.support.size import share, size
from todo_cli.database import build, listing, queries
from todo_cli.database.run import MOST_KEPT, Statements, load
from todo_cli.task import Days, Group, Position, Sort, TaskQuery, TaskStatus

each_dialect = pytest.mark.parametrize("dialect", ["postgresql", "sqlite"])
PLACE = Position(datetime(2026, 1, 2, tzinfo=UTC), 7)
DAY = date(2026, 1, 2)
FILTERS: dict[str, dict[str, Any]] = {
    "no filter": {},
    "due": {"due": Days(DAY, DAY)},
    "due from": {"due": Days(DAY)},
    "no due": {"due": Days(has_day=False)},
    "priority": {"priorities": frozenset({"high"})},
    "no priority": {"priorities": frozenset({None})},
    "priority or none": {"priorities": frozenset({"high", None})},
    "project": {"project": "home"},
    "no project": {"project": ""},
    "tag": {"tags": ("food",)},
    "no tag": {"no_tags": ("food",)},
    "word": {"words": ("milk",)},
    "words": {"words": ("milk", "buy")},
    "since": {"since": PLACE.created_at},
    "before": {"before": PLACE.created_at},
    "after": {"after": PLACE, "sort": Sort.NEWEST},
    "after the oldest": {"after": PLACE, "sort": Sort.OLDEST},
    "after due": {
        "after": PLACE._replace(value=DAY, priority="low"),
        "sort": Sort.DUE,
    },
    "after high": {"after": PLACE._replace(priority="high"), "sort": Sort.DUE},
    "after a project": {
        "after": PLACE._replace(value="home"),
        "sort": Sort.PROJECT,
    },
    "counted": {"is_counted": True},
}


WAYS = list(
    itertools.product(
        TaskStatus,
        Sort,
        (False, True),
        [None, *Group],
        (5, None),
        (False, True),
    )
)
"""Status, order, whether it is reversed, group, limit, and with an index of words."""


def plan_of(filters: Mapping[str, Any], way: tuple[Any, ...]) -> listing.Plan:
    """The plan of a list with these filters."""
    status, order, is_reversed, group, limit, by_words = way
    query = TaskQuery(
        status,
        **{"sort": order, **filters},
        is_reversed=is_reversed,
        group=group,
        limit=limit,
    )
    return listing.plan(query, by_words=by_words)


def plans_of(filters: Mapping[str, Any]) -> list[listing.Plan]:
    """The different plans of lists with these filters, in a stable order."""
    found = {plan_of(filters, way): None for way in WAYS}
    return list(found)


def test_statements_are_compiled_from_the_expressions() -> None:
    written = build.written()

    assert {path.name for path in build.FOLDER.iterdir()} == {*written}
    for name, content in written.items():
        shipped = (build.FOLDER / name).read_text(encoding="utf-8")
        is_same = shipped == content
        if name.endswith(".json"):
            is_same = json.loads(shipped) == json.loads(content)
        assert is_same, "run python -m todo_cli.database.build"


def test_the_check_finds_a_file_that_is_out_of_date(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # To compile all takes half a second, and the test before this one does it.
    written = {"sqlite.json": "{}"}
    monkeypatch.setattr(build, "written", lambda: written)
    monkeypatch.setattr(build, "FOLDER", tmp_path / "statements")

    assert build.main(["--check"]) == 1
    assert "sqlite.json is out of date" in capsys.readouterr().err
    assert build.main([]) == 0
    assert build.main(["--check"]) == 0
    written["sqlite.json"] = '{"one": "SELECT 1"}'
    assert build.main(["--check"]) == 1
    assert build.main(["--what"]) == 2


@each_dialect
def test_a_value_that_is_not_open_is_refused(dialect: str) -> None:
    with pytest.raises(ValueError, match="values that are not open"):
        build.sql_of(queries.TASK.c.title == "Buy milk", dialect)


def assert_is_whole(dialect: str, plan: listing.Plan) -> None:
    """Compare a list with what SQLAlchemy writes of it."""
    joined = load(dialect).joined(plan).sql

    assert joined == build.list_of(dialect, plan), plan
    assert "/*" not in joined


def turn(dialect: str, count: int) -> int:
    """Which one of so many cases in a row to compare in the suite."""
    return size(int(dialect == "sqlite") * count // 2, 0)


@each_dialect
def test_a_list_with_two_filters_is_what_sqlalchemy_writes_of_the_whole(
    dialect: str,
) -> None:
    """Each pair in another way: all ways of all take minutes.

    In the suite two of seven pairs are compared, each on one of the stores: an odd
    number, since the ways take turns by twos.
    """
    pairs = itertools.combinations_with_replacement(FILTERS.values(), 2)
    for number, (one, other) in enumerate(pairs):
        if number % size(7, 1) != turn(dialect, 7):
            continue
        way = WAYS[number * 61 % len(WAYS)]
        assert_is_whole(dialect, plan_of({**one, **other}, way))


@each_dialect
def test_a_page_of_an_export_is_what_sqlalchemy_writes_of_the_whole(
    dialect: str,
) -> None:
    every = itertools.product(FILTERS.values(), TaskStatus)
    for number, (filters, status) in enumerate(every):
        if number % size(4, 1) == turn(dialect, 4):
            query = TaskQuery(status, **filters)
            for is_first in (True, False):
                page = load(dialect).in_turn(query, is_first=is_first)
                where = listing.in_turn(query, is_first=is_first)
                assert page.sql == build.export_of(dialect, where)


@each_dialect
def test_every_shape_is_what_sqlalchemy_writes_of_the_whole(
    dialect: str,
) -> None:
    found = {}
    for filters in FILTERS.values():
        for plan in plans_of(filters):
            source = None if plan.probe is None else plan.probe.source
            if plan.segments:
                found[source, plan.shape] = plan

    shapes = {shape for _, shape in found}
    edges = {f"edge:{shape}" for shape in listing.SHAPES}
    assert shapes == {*listing.SHAPES, *listing.LATE_SHAPES, *edges}
    assert {source for source, _ in found} == {None, *listing.SOURCES}
    for plan in share(found.values(), turn(dialect, 2), 2):
        assert_is_whole(dialect, plan)


@each_dialect
def test_every_order_is_what_sqlalchemy_writes_of_the_whole(
    dialect: str,
) -> None:
    plans = {plan_of({}, way): None for way in WAYS if way[0] == "all"}
    # All of them on both stores take seconds; a seventh is not of one kind. The second
    # of all is the one without segments.
    first = size(int(dialect == "sqlite"), 0)
    for plan in list(plans)[first :: size(7, 1)]:
        assert_is_whole(dialect, plan)


def changes() -> Iterator[tuple[str, ...]]:
    """What one change can set together: few fields, and nearly all of them."""
    apart = [{*queries.TAGGING}, {"note", "description"}, {"titles", "title"}]
    for count in (1, 2, len(queries.CHANGES) - len(apart)):
        for fields in itertools.combinations(queries.CHANGES, count):
            if not any(both <= {*fields} for both in apart):
                yield fields


HOW = list(
    itertools.product(
        ("number", "id", "many"),
        ([], ["titles"], ["version"], ["titles", "version"]),
        (True, False),
    )
)
"""How tasks are named, what else must be true, and whether the trash counts."""


def without_signs(sql: str) -> str:
    """Leave out parentheses and numbers of names that SQLAlchemy invents.

    It writes both only where it sees the whole.
    """
    return re.sub(r"[()]|(?<=[a-z])_\d+\b", "", sql)


@each_dialect
def test_a_change_is_what_sqlalchemy_writes_of_the_whole(dialect: str) -> None:
    tried = list(changes())
    # Each in another way: all ways of all take half a minute.
    for number, fields in enumerate(tried):
        if number % size(3, 1) != turn(dialect, 3):
            continue
        naming, held, is_live = HOW[number % len(HOW)]
        joined = load(dialect).change(fields, naming, held, is_live=is_live)

        whole = build.change_of(dialect, fields, naming, held, is_live=is_live)
        assert without_signs(joined.sql) == without_signs(whole), fields
        assert "/*" not in joined.sql
    assert len(tried) > 50


def test_few_statements_of_many_different_lists_are_kept() -> None:
    """A server once kept each of half a million."""
    statements = Statements("sqlite")
    queries_of = []
    for way in itertools.product(TaskStatus, list(Sort)[:8], FILTERS.values()):
        status, sort, filters = way
        values = {"sort": sort, "limit": 5, **filters}
        queries_of.append(TaskQuery(status, **values))
    first = statements.listed(queries_of[0]).sql

    made = [weakref.ref(statements.listed(each)) for each in queries_of]

    kept = {each() for each in made} - {None}
    assert len(kept) == MOST_KEPT
    assert statements.listed(queries_of[0]).sql == first


def test_two_queries_of_one_name_are_refused() -> None:
    """The next number of an operation once was the number of rows."""
    with pytest.raises(ValueError, match="two queries are called b"):
        queries.joined([{"a": 1, "b": 2}, {"c": 3}, {"b": 2}])
