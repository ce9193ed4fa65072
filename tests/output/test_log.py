"""The history for people: when, what, and field by field."""

from datetime import date
from typing import Any

import pytest

from tests.output.values import NOW, context, entry, operation
from tests.support.texts import MIXED, MIXED_SHOWN
from todo_cli.output import plain, terminal, views
from todo_cli.output.log import Row, rows
from todo_cli.output.views import Sheet
from todo_cli.task import HistoryPage, Operation

AT = "2 hours ago (2 Jan 2026, 01:04 UTC)"
NEW = {"created_at": (None, NOW), "completed": (None, False)}


def history(*operations: Operation, goes_on: int | None = None) -> Sheet:
    """The sheet of some operations."""
    return views.history(HistoryPage([*operations], goes_on), context())


def shown(one: Operation, *, is_plain: bool = False) -> list[Row]:
    """The lines of one operation."""
    log = history(one).log
    assert log is not None
    return [*rows(log, is_plain=is_plain)]


def said(*, is_plain: bool = False, **changes: Any) -> list[str]:
    """The lines about the changes of one task."""
    one = operation(1, "update", entry(**changes))
    head, named, *lines = shown(one, is_plain=is_plain)
    assert head.time
    assert (named.text, named.indent) == ("1: Buy milk", 2)
    assert {line.indent for line in lines} <= {4}
    return [line.text for line in lines]


def drawn(sheet: Sheet, width: int) -> str:
    """A sheet as a terminal without styles shows it."""
    lines = terminal.draw(
        sheet,
        width=width,
        encoding="utf-8",
        variables={"TERM": "dumb"},
        is_styled=False,
    )
    return "".join(f"{line}\n" for line in lines)


ALL = "`todo history --json` shows all"
HEADS = [
    (operation(7, "done", entry()), f"7 done, {AT}"),
    (operation(7, "done", undone_by=9), f"7 done, undone by 9, 0 tasks, {AT}"),
    (operation(9, "undo", entry(), undoes=7), f"9 undo of 7, {AT}"),
    (
        operation(12, "add", *map(entry, range(1, 1235))),
        f"12 add, 1,234 tasks, {AT}",
    ),
]


@pytest.mark.spec("002/FR-226")
@pytest.mark.parametrize(
    ("one", "head"), HEADS, ids=[head for _, head in HEADS]
)
def test_rows_begin_with_what_was_done_and_when(
    one: Operation, head: str
) -> None:
    row = shown(one)[0]
    assert f"{row.text} {row.time}" == head


SAID: list[tuple[dict[str, Any], list[str]]] = [
    ({"title": ("Milk", "Buy milk")}, ["title: Milk -> Buy milk"]),
    (
        {"completed": (False, True), "completed_at": (None, NOW)},
        ["status: open -> done"],
    ),
    (
        {"completed": (True, False), "completed_at": (NOW, None)},
        ["status: done -> open"],
    ),
    ({"tags": (["a", "b"], ["b", "c", "d"])}, ["tags: +c +d -a"]),
    ({"deleted_at": (None, NOW)}, ["moved to the trash"]),
    ({"deleted_at": (NOW, None)}, ["taken out of the trash"]),
    ({"due_on": (None, date(2026, 1, 4))}, ["due: none -> 2026-01-04"]),
    ({"wait_until": (date(2026, 1, 4), None)}, ["wait: 2026-01-04 -> none"]),
    ({"priority": ("high", "low")}, ["priority: high -> low"]),
    ({"description": (None, "a\nb")}, ["notes: none -> a\\nb"]),
    ({"colour": (None, 3)}, ["colour: none -> 3"]),
    ({**NEW, "title": (None, "Buy milk")}, []),
    ({**NEW, "title": (None, "Milk")}, ["title: Milk"]),
    (
        {**NEW, "project": (None, "home"), "tags": (None, ["b", "a"])},
        ["project: home", "tags: +b +a"],
    ),
    ({**NEW, "completed": (None, True)}, ["status: done"]),
    ({}, []),
]


@pytest.mark.spec("002/FR-226")
@pytest.mark.parametrize(("changes", "lines"), SAID, ids=repr)
def test_rows_say_each_change_in_words(
    changes: dict[str, Any], lines: list[str]
) -> None:
    assert said(**changes) == lines


@pytest.mark.spec("002/FR-150", "002/FR-226")
def test_rows_have_words_in_the_place_of_signs() -> None:
    changes: dict[str, Any] = {
        "title": ("Milk", "Buy milk"),
        "completed": (False, True),
        "tags": (["a", "b"], ["b", "c"]),
        "deleted_at": (None, "2026-01-02"),
    }

    assert said(is_plain=True, **changes) == [
        "title: from Milk to Buy milk",
        "status: from open to done",
        "tags: added c removed a",
        "moved to the trash",
    ]


@pytest.mark.spec("002/FR-226")
def test_rows_shorten_a_long_text_to_what_differs() -> None:
    old = "a" * 100 + "old" + "b" * 100
    new = "a" * 100 + "new" + "b" * 100

    (middle,) = said(description=(old, new))
    (end,) = said(description=("a" * 100, "a" * 100 + "x"))
    (start,) = said(description=("x" * 100, "y"))

    assert middle == (
        f"notes: ...{'a' * 20}old{'b' * 37}... -> ...{'a' * 20}new{'b' * 37}..."
    )
    assert end == f"notes: ...{'a' * 60} -> ...{'a' * 59}x"
    assert start == f"notes: {'x' * 60}... -> y"


@pytest.mark.spec("002/FR-226")
def test_rows_name_five_tasks_and_count_the_others() -> None:
    six = shown(operation(1, "done", *map(entry, range(1, 7))))
    many = shown(operation(1, "done", *map(entry, range(1, 101))))

    assert six[-2:] == [
        Row("5: Buy milk", 2),
        Row(f"and 1 more task; {ALL}", 2),
    ]
    assert many[1:] == [*six[1:-1], Row(f"and 95 more tasks; {ALL}", 2)]


@pytest.mark.spec("002/FR-226")
def test_rows_know_no_title_of_a_purged_task() -> None:
    assert shown(operation(4, "purge", entry(3, None)))[1:] == [
        Row("3: (purged)", 2)
    ]


BUY = "\u8cb7"
WORDS = " ".join(["word"] * 12)
LONG = operation(6, "update", entry(3, WORDS, title=(BUY * 30, WORDS)))
WIDE = f"""\
6 update, {AT}
  3: {WORDS}
    title: {BUY * 30} ->
      {WORDS}
1 operation
"""
NARROW = f"""\
6 update, 2 hours ago
  (2 Jan 2026, 01:04 UTC)
  3: word word word word word word
    word word word word word word
    title: {BUY * 13}
      {BUY * 17}
      -> word word word word word word
      word word word word word word
1 operation
"""


@pytest.mark.spec("002/FR-226")
def test_history_fits_a_wide_and_a_narrow_terminal() -> None:
    assert drawn(history(LONG), 80) == WIDE
    assert drawn(history(LONG), 40) == NARROW


@pytest.mark.spec("002/FR-057", "002/FR-226")
def test_history_makes_hostile_text_visible() -> None:
    hostile = operation(
        1, MIXED, entry(1, MIXED, title=(MIXED, "x"), tags=([MIXED], []))
    )
    for text in (drawn(history(hostile), 200), plain.render(history(hostile))):
        assert text.count(MIXED_SHOWN) >= 2
        assert set(text) & set(MIXED) <= set("abcdef[31m")


@pytest.mark.spec("002/FR-226")
def test_history_says_that_there_is_nothing_or_more() -> None:
    empty = HistoryPage([])
    nothing = views.history(empty, context())
    of_one = views.history(empty, context(), reference="3")
    more = history(operation(7, "done", entry()), goes_on=7)

    where = "for ada in db.example/shop"
    assert drawn(nothing, 80) == f"No operations {where}\n"
    assert drawn(of_one, 80) == f"No operations with task 3 {where}\n"
    assert (nothing.message, nothing.data) == ("0 operations", [])
    assert plain.render(nothing) == ""
    assert more.message == "1 operation; more follow"
    assert drawn(more, 80).splitlines()[-1] == (
        "The latest 1 operation; `--limit` shows more"
    )


@pytest.mark.spec("002/FR-227")
def test_history_in_a_pipe_is_a_line_for_each_task() -> None:
    text = plain.render(
        history(
            operation(
                9,
                "undo",
                entry(1, None),
                entry(2, "a\tb", title=("x\ty", "\x9b\n")),
                undoes=7,
            ),
            operation(7, "done", undone_by=9),
        )
    )

    at = "2026-01-02T01:04:05.000000Z"
    ids = [f"00000000-0000-0000-0000-00000000000{n}" for n in (1, 2)]
    assert text.splitlines() == [
        f"9\t{at}\tundo\t7\t-\t1\t{ids[0]}\t-\t{{}}",
        f"9\t{at}\tundo\t7\t-\t2\t{ids[1]}\ta\\x09b"
        '\t{"title":["x\\ty","\\u009b\\n"]}',
        f"7\t{at}\tdone\t-\t9\t-\t-\t-\t-",
    ]


@pytest.mark.spec("002/FR-228")
def test_history_as_json_has_every_task_and_value() -> None:
    data = history(
        operation(
            7,
            "update",
            *map(entry, range(1, 9)),
            entry(9, None, due_on=(None, date(2026, 1, 4)), tags=(["a"], [])),
        )
    ).data

    assert list(data[0]) == [
        "operation",
        "id",
        "at",
        "command",
        "undoes",
        "undone_by",
        "tasks",
    ]
    assert data[0]["at"] == "2026-01-02T01:04:05.000000Z"
    assert len(data[0]["tasks"]) == 9
    assert data[0]["tasks"][8] == {
        "id": "00000000-0000-0000-0000-000000000009",
        "number": 9,
        "title": None,
        "changes": {"due_on": [None, "2026-01-04"], "tags": [["a"], []]},
    }
