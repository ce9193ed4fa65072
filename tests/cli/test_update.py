"""`todo update REF`"""

from typing import Any

import pytest

from tests.cli.expect import add, assert_refused, tasks_of
from tests.output.values import KEYS
from tests.support.program import Ran, Todo
from tests.support.size import on_both_if_long
from tests.support.stores import Clock

LATER = "2026-01-02T03:05:05.000000Z"
LATER_STILL = "2026-01-02T03:06:05.000000Z"


@pytest.fixture
def milk(todo: Todo, clock: Clock) -> dict[str, Any]:
    """A task with a description, a minute old."""
    data: dict[str, Any] = todo(
        "add", "Buy milk", "-d", "2 litres", "--json"
    ).data
    clock.tick(60)
    return data


@pytest.mark.spec("002/FR-014", "002/FR-016")
@pytest.mark.parametrize(
    ("options", "changed"),
    [
        (["--title", "Buy bread"], {"title": "Buy bread"}),
        (["-d", "1 litre"], {"description": "1 litre"}),
        (["--description", "1 litre"], {"description": "1 litre"}),
        (["-d", ""], {"description": None}),
        (["--status", "done"], {"completed": True, "completed_at": LATER}),
        (
            ["--title", "A", "-d", "B", "--status", "done"],
            {
                "title": "A",
                "description": "B",
                "completed": True,
                "completed_at": LATER,
            },
        ),
        (
            ["--title", "A", "-d", "2 litres", "--status", "open"],
            {"title": "A"},
        ),
    ],
    ids=str,
)
def test_update_changes_only_what_is_named(
    todo: Todo,
    milk: dict[str, Any],
    options: list[str],
    changed: dict[str, Any],
) -> None:
    ran = todo("update", "1", *options, "--json")

    assert list(ran.data) == KEYS
    assert ran.data == milk | changed | {"updated_at": LATER, "version": 2}
    assert tasks_of(todo) == [ran.data]


@pytest.mark.spec("002/FR-014")
def test_update_to_what_is_already_there_moves_no_time(
    todo: Todo, milk: dict[str, Any]
) -> None:
    same = [
        ["--title", "  Buy milk "],
        ["-d", "2 litres"],
        ["--status", "open"],
        ["--title", "Buy milk", "-d", "2 litres", "--status", "open"],
    ]

    answers = [
        todo("update", "1", *options, "--json").data for options in same
    ]

    assert answers == [milk] * len(same)
    assert tasks_of(todo) == [milk]


@on_both_if_long
@pytest.mark.spec("002/FR-014")
def test_update_keeps_the_first_time_of_what_is_done_and_forgets_it_once_open(
    todo: Todo, milk: dict[str, Any], clock: Clock
) -> None:
    add(todo, "another")
    add(todo, "his", user="bob")
    others = tasks_of(todo)[:1], tasks_of(todo, "bob")

    done = todo("update", "1", "--status", "done", "--json").data
    clock.tick(60)
    again = todo("update", "1", "--status", "done", "--json").data
    renamed = todo(
        "update", "1", "--status", "done", "--title", "A", "--json"
    ).data
    opened = todo("update", "1", "--status", "open", "--json").data

    assert again == done
    later = {"title": "A", "updated_at": LATER_STILL}
    assert renamed == done | later | {"version": 3}
    assert opened == milk | later | {"version": 4}
    assert (tasks_of(todo)[:1], tasks_of(todo, "bob")) == others


@pytest.mark.spec("002/FR-056")
def test_update_prints_the_task_as_it_is_now(
    todo: Todo, milk: dict[str, Any]
) -> None:
    by_number = todo("update", "1", "--title", "Buy bread")
    by_id = todo("update", milk["id"], "-d", "white")

    assert by_number == Ran(0, "Updated 1: Buy bread\n", "")
    assert by_id == Ran(0, "Updated 1: Buy bread (notes)\n", "")


@pytest.mark.spec("002/FR-015")
def test_update_of_nothing_is_a_usage_error(
    todo: Todo, milk: dict[str, Any]
) -> None:
    for ref in ("1", "99"):
        assert_refused(todo, "update", ref, code="USAGE")

    assert tasks_of(todo) == [milk]


@pytest.mark.spec("002/FR-016")
def test_update_reads_the_description_from_stdin(
    todo: Todo, milk: dict[str, Any]
) -> None:
    expected = {
        b"one\r\n\ttwo\r\n": "one\n\ttwo",
        b"one\n\n": "one\n",
        b"": None,
    }

    read = {
        stdin: todo("update", "1", "-d", "-", "--json", stdin=stdin).data[
            "description"
        ]
        for stdin in expected
    }

    assert read == expected


@pytest.mark.spec("002/FR-016")
def test_update_clears_what_is_clear_without_moving_a_time(
    todo: Todo, clock: Clock
) -> None:
    plain = todo("add", "plain", "--json").data
    clock.tick(60)

    assert todo("update", "1", "-d", "", "--json").data == plain


@pytest.mark.spec("002/FR-036", "002/FR-059", "002/FR-062")
def test_update_refuses_a_bad_value_and_changes_nothing_else(
    todo: Todo, milk: dict[str, Any]
) -> None:
    for title in ("", "   ", "\u200b", "x" * 201, "a\x1bb"):
        assert_refused(
            todo,
            *("update", "1", "--title", title, "-d", "new"),
            code="INVALID_INPUT",
            names=["title"],
        )
    for status in ("all", "late", "", "Done"):
        assert_refused(
            todo,
            *("update", "1", "--title", "new", f"--status={status}"),
            code="USAGE",
            names=["status"],
        )
    assert_refused(
        todo,
        *("update", "1", "--title", "new", "-d", "a\x1bb"),
        code="INVALID_INPUT",
        names=["description"],
    )

    assert tasks_of(todo) == [milk]


NOT_THERE = ["99", "1,99", "1-3,99", "7-9"]
"""References of which at least one names no task."""


@on_both_if_long
@pytest.mark.spec("002/FR-025", "002/FR-027", "002/FR-193")
def test_update_changes_several_tasks_or_none(
    todo: Todo, clock: Clock
) -> None:
    add(todo, "one", "two", "three")
    before = tasks_of(todo)
    clock.tick(60)

    for refs in NOT_THERE:
        assert_refused(
            todo,
            *("update", refs, "--due", "tomorrow"),
            code="NOT_FOUND",
            names=["nothing was changed"],
        )
    assert tasks_of(todo) == before

    changed = todo("mod", "3", "1-2", "--due", "2026-01-03", "-P", "home")
    again = todo("update", "3", "1-2", "--due", "tomorrow", "--json")

    assert changed.out.splitlines() == [
        "Updated 3: three (due tomorrow, home)",
        "Updated 1: one (due tomorrow, home)",
        "Updated 2: two (due tomorrow, home)",
    ]
    assert [task["number"] for task in again.data] == [3, 1, 2]
    new = {"due_on": "2026-01-03", "project": "home"}
    later = {"updated_at": LATER, "version": 2}
    assert tasks_of(todo) == [task | new | later for task in before]


@pytest.mark.spec("002/FR-027", "002/FR-193")
def test_update_gives_a_title_to_one_task_only(
    todo: Todo, milk: dict[str, Any]
) -> None:
    add(todo, "another")

    for refs in (["1", "2"], ["1-2"], ["1,2"], ["1-1,2"]):
        assert_refused(
            todo,
            *("update", *refs, "--title", "x"),
            code="USAGE",
            names=["--title"],
        )
    for refs in (["1", "1"], ["1-1"], ["1,"], ["#1"]):
        assert todo("update", *refs, "--title", "Buy milk").status == 0

    assert [task["title"] for task in tasks_of(todo)] == [
        "another",
        "Buy milk",
    ]


@on_both_if_long
@pytest.mark.spec("002/FR-191", "002/FR-192")
def test_update_sets_each_field_and_none_clears_it(
    todo: Todo, milk: dict[str, Any]
) -> None:
    fields = {
        "--due": ("due_on", "2026-02-28", "due Sat 28 Feb", "no due day"),
        "--wait": (
            "wait_until",
            "2026-02-01",
            "waits until Sun 1 Feb",
            "no wait",
        ),
        "-p": ("priority", "low", "low", "no priority"),
        "-P": ("project", "a.b", "a.b", "no project"),
    }
    for option, (name, value, words, none) in fields.items():
        said = todo("update", "1", option, value).out
        assert said == f"Updated 1: Buy milk ({words})\n"
        assert todo("show", "1", "--json").data[name] == value
        for word in ("none", " NONE "):
            todo("update", "1", option, value)
            said = todo("update", "1", option, word).out
            assert said == f"Updated 1: Buy milk ({none})\n"
            assert todo("show", "1", "--json").data[name] is None


@on_both_if_long
@pytest.mark.spec("002/FR-194")
def test_update_adds_and_removes_tags(
    todo: Todo, milk: dict[str, Any]
) -> None:
    steps = [
        (["--add-tag", "b", "--add-tag", "a"], "#a #b"),
        (["--add-tag", "c", "--remove-tag", "a"], "#b #c"),
        (["--remove-tag", "never there"[:5]], "#b #c"),
        (["--add-tag", "b"], "#b #c"),
        (["-P", "home", "--remove-tag", "b"], "home #c"),
        (["-P", "none", "--add-tag", "C"], "no project, #C #c"),
        (["--remove-tag", "c", "--remove-tag", "C"], "no tags"),
    ]

    for options, words in steps:
        said = todo("update", "1", *options)
        assert said == Ran(0, f"Updated 1: Buy milk ({words})\n", "")

    assert todo("show", "1", "--json").data["version"] == 6
    assert_refused(
        todo,
        *("update", "1", "--add-tag", "x", "--remove-tag", "x"),
        code="INVALID_INPUT",
        names=["at once"],
    )


@on_both_if_long
@pytest.mark.spec("002/FR-194", "002/FR-196")
def test_what_would_grow_beyond_a_limit_is_refused_in_words(
    todo: Todo,
) -> None:
    """Only the store can count: others may add at the same time."""
    tags = [word for number in range(50) for word in ("-t", f"t{number}")]
    todo("add", "full", *tags, "-d", "x" * 9_995)
    add(todo, "empty")
    before = tasks_of(todo)
    cases = [
        (["update", "1-2", "--add-tag", "more"], "tags: at most 50 tags"),
        (["note", "1", "12345"], "description: at most 10,000 characters"),
    ]

    for words, message in cases:
        error = assert_refused(todo, *words, code="INVALID_INPUT")
        assert error["message"].startswith(message)
        assert error["message"].endswith("; nothing was changed")
        assert "hint" not in error
    assert tasks_of(todo) == before

    assert todo("note", "1", "1234").status == 0
    swap = ["--add-tag", "more", "--remove-tag", "t0"]
    assert todo("update", "1-2", *swap).status == 0


@on_both_if_long
@pytest.mark.spec("002/FR-195")
def test_replace_changes_every_title_or_none(todo: Todo, clock: Clock) -> None:
    add(todo, "milk and milk", "Milk, milk=good", "bread")
    before = tasks_of(todo)
    clock.tick(60)

    for refs, named in (("1-3", "title of 3"), ("3", "title of 3")):
        assert_refused(
            todo,
            *("update", refs, "-r", "milk=tea"),
            code="INVALID_INPUT",
            names=[named, "nothing was changed"],
        )
    assert tasks_of(todo) == before

    swapped = todo("update", "2", "1", "--replace", "milk=oat=milk")
    assert swapped.out.splitlines() == [
        "Updated 2: Milk, oat=milk=good",
        "Updated 1: oat=milk and oat=milk",
    ]
    both = ["-r", "oat=", "-p", "h", "--add-tag", "x", "--status", "done"]
    ran = todo("update", "1-2", *both, "--json")
    assert [(task["title"], task["version"]) for task in ran.data] == [
        ("=milk and =milk", 3),
        ("Milk, =milk=good", 3),
    ]
    assert [task["tags"] for task in ran.data] == [["x"], ["x"]]
    # The words of the new title are found, those of the old one are not.
    assert todo("list", "oat", "--status", "all").out == ""
    assert len(todo("list", "=milk", "--status", "all", "--json").data) == 2


@pytest.mark.spec("002/FR-195")
def test_replace_refuses_what_makes_no_title(
    todo: Todo, milk: dict[str, Any]
) -> None:
    cases = {
        "Buy milk=": "INVALID_INPUT",
        f"milk={'x' * 200}": "INVALID_INPUT",
        "milk=a\tb": "INVALID_INPUT",
        "=x": "INVALID_INPUT",
        "bread=x": "INVALID_INPUT",
        "milk": "USAGE",
        "": "USAGE",
    }
    for text, code in cases.items():
        assert_refused(todo, "update", "1", "-r", text, code=code)
    assert_refused(todo, "update", "9", "-r", "a=b", code="NOT_FOUND")
    assert tasks_of(todo) == [milk]

    same = todo("update", "1", "-r", "milk=milk", "--json").data
    trimmed = todo("update", "1", "-r", "milk=", "--json").data
    assert (same, trimmed["title"]) == (milk, "Buy")


BAD_VALUES = {
    ("--due", "2026-02-30"): "due: 2026-02-30",
    ("--due", "0001-01-01"): "due: 0001-01-01",
    ("--wait", "9999-12-31"): "wait: 9999-12-31",
    ("--due", "tomorow"): "`tomorrow`",
    ("--wait", "12/24"): "wait: `12/24`",
    ("--due", "-3"): "`-3`",
    ("--due", "+d"): "`+d`",
    ("--due", ".."): "`..`",
    ("--due", ""): "due: is empty",
    ("--due", "a\udcffb"): "due: ",
    ("-P", "a..b"): "project: ",
    ("-P", ".a"): "project: ",
    ("-P", "a. b"): "project: ",
    ("-P", ""): "project: is empty",
    ("-P", "-"): "project: ",
    ("-P", "a\x1bb"): "project: ",
    ("-P", "a\udcffb"): "project: ",
    ("-P", "x" * 101): "project: has 101",
}
"""Options and values that are INVALID_INPUT, and what their message has."""
BAD_TAGS = [
    "a b",
    "a,b",
    "x" * 51,
    "",
    "none",
    "None",
    "-",
    "a\u202eb",
    "\u200b",
]


@on_both_if_long
@pytest.mark.spec("002/FR-062", "002/FR-191", "002/FR-192", "002/FR-194")
def test_bad_values_are_refused_and_named(
    todo: Todo, milk: dict[str, Any]
) -> None:
    for (option, value), words in BAD_VALUES.items():
        for command in (["add", "x"], ["update", "1"]):
            error = todo(*command, option, value, "--json").error
            assert error["code"] == "INVALID_INPUT", (option, value)
            assert words in error["message"], (option, value)
    for value in BAD_TAGS:
        for command in (
            ["add", "x", "-t", value],
            ["update", "1", "--add-tag", value],
            ["update", "1", "--remove-tag", value],
            ["list", "--tag", value],
            ["list", "--no-tag", value],
        ):
            error = todo(*command, "--json").error
            assert error["code"] == "INVALID_INPUT", command
            assert error["message"].startswith("tags: "), command
    many = [word for number in range(51) for word in ("-t", f"t{number}")]
    assert "51 tags" in todo("add", "x", *many, "--json").error["message"]
    for value in ("urgent", "", "hi", "1"):
        for command in (["add", "x"], ["update", "1"], ["list"]):
            assert_refused(
                todo, *command, "-p", value, code="USAGE", names=["priority"]
            )

    assert tasks_of(todo) == [milk]
    twice = todo("add", "x", "-t", "a", "-t", "a", "--json").data
    assert twice["tags"] == ["a"]
