"""`todo list`: words, filters, orders and groups."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.cli.expect import assert_refused
from tests.support.program import Todo
from tests.support.size import on_both_if_long, share
from tests.support.stores import Clock

TASKS = [
    ("Pay the rent", "--due today -p high -P home -t bills"),
    ("Sweep the flat", "--due 2026-01-01 -P home.kitchen -t chores -t floor"),
    ("Call Zo\u00eb", "--due +3d -p low -t phone -t bills"),
    ("Write report", "-P homework -p medium -d 100%_done"),
    ("Someday", ""),
    ("Tax return", "--wait +1m --due 2026-03-01 -P home -t bills"),
]
"""Titles and options of the tasks 1 to 6, each added a day after the one before.

The last one is added on Friday, the 2nd of January 2026.
"""
Names = list[str]


@pytest.fixture
def tasks(todo: Todo, clock: Clock) -> Todo:
    """The program on a store with these tasks, of which 4 is done."""
    clock.tick(-5 * 86_400)
    today = "2026-01-02"
    for title, options in TASKS:
        words = options.replace("today", today).replace("+3d", "2026-01-05")
        assert todo("add", title, *words.split()).status == 0
        clock.tick(86_400)
    clock.tick(-86_400)
    todo("done", "4")
    return todo


def numbers(todo: Todo, *words: str, **env: str) -> list[int]:
    """The numbers of the tasks that a list has."""
    ran = todo("list", *words, "--json", env=env)
    return [task["number"] for task in ran.data]


FOUND: list[tuple[str, list[int]]] = [
    ("", [2, 1, 3, 5]),
    ("--status waiting", [6]),
    ("--status done", [4]),
    ("--status all", [6, 5, 4, 3, 2, 1]),
    ("the", [2, 1]),
    ("THE rent", [1]),
    ("zoe", [3]),
    ("zo\u00eb phone", [3]),
    ("bills", [1, 3]),
    ("kitchen", [2]),
    ("%_ --status all", [4]),
    ("% --status all", [4]),
    ("x", []),
    ("--due today", [1]),
    ("--due 2026-01-02", [1]),
    ("--due overdue", [2]),
    ("--due any", [2, 1, 3]),
    ("--due none", [5]),
    ("--due ..today", [2, 1]),
    ("--due tomorrow..", [3]),
    ("--due today..mon", [1, 3]),
    ("--due any --status all", [6, 3, 2, 1]),
    ("--priority high", [1]),
    ("-p h -p L", [1, 3]),
    ("-p none", [2, 5]),
    ("-p none -p high", [2, 1, 5]),
    ("--project home", [2, 1]),
    ("-P home.kitchen", [2]),
    ("-P none", [3, 5]),
    ("-P NONE", [3, 5]),
    ("--tag bills", [1, 3]),
    ("-t bills -t phone", [3]),
    ("--no-tag bills", [2, 5]),
    ("-t bills --no-tag phone", [1]),
    ("--no-tag bills --no-tag floor", [5]),
    ("--since yesterday", [5]),
    ("--since yesterday --status all", [6, 5]),
    ("--until 2025-12-29", [2, 1]),
    ("--on 2025-12-30", [3]),
    ("--since mon --until tue", [2, 3]),
    ("--status done --on today", [4]),
    ("--status done --until yesterday", []),
    ("--sort newest", [5, 3, 2, 1]),
    ("--sort oldest", [1, 2, 3, 5]),
    ("--sort oldest --reverse", [5, 3, 2, 1]),
    ("--sort priority", [1, 3, 5, 2]),
    ("--sort priority --reverse", [3, 1, 5, 2]),
    ("--sort title", [3, 1, 5, 2]),
    ("--sort project", [1, 2, 5, 3]),
    ("--sort project --reverse", [2, 1, 5, 3]),
    ("--sort updated --status all", [6, 4, 5, 3, 2, 1]),
    ("--sort completed --status all", [4, 6, 5, 3, 2, 1]),
    ("--reverse", [3, 1, 2, 5]),
    ("--group priority", [1, 3, 2, 5]),
    ("--group project --sort newest", [1, 2, 5, 3]),
    ("--group due", [2, 1, 3, 5]),
    ("rent -t bills -p high -P home --due today", [1]),
]
"""Options and words of `list`, and the numbers that it shows."""


@on_both_if_long
@pytest.mark.spec(
    "002/FR-009", "002/FR-197", "002/FR-198", "002/FR-199", "002/FR-200"
)
def test_list_shows_what_fits_in_its_order(tasks: Todo) -> None:
    # In the suite each is asked with a limit or without, by turns.
    asked, limited = dict(share(FOUND, 0, 2)), dict(share(FOUND, 1, 2))

    assert {words: numbers(tasks, *words.split()) for words in asked} == asked
    assert {
        words: numbers(tasks, *words.split(), "-L9") for words in limited
    } == limited


@pytest.mark.spec("002/FR-197")
def test_a_word_with_a_blank_is_a_phrase_within_one_field(
    tasks: Todo,
) -> None:
    assert numbers(tasks, "the flat") == [2]
    assert numbers(tasks, " THE  ".strip() + " Flat ") == [2]
    assert numbers(tasks, "flat the") == []
    # The end of one field and the beginning of another.
    assert numbers(tasks, "flat home") == []
    assert numbers(tasks, "chores floor") == []


@pytest.mark.spec("002/FR-198", "002/FR-200")
def test_the_caller_s_day_is_by_tz(tasks: Todo) -> None:
    """It is 03:04 in UTC: still Thursday in New York, where nothing is due."""
    west = {"TZ": "EST5"}

    assert numbers(tasks, "--due", "today") == [1]
    assert numbers(tasks, "--due", "today", **west) == [2]
    assert numbers(tasks, "--due", "overdue", **west) == []
    assert numbers(tasks, "--on", "2025-12-29", **west) == [3]
    assert numbers(tasks, "--status", "done", "--on", "today", **west) == [4]
    added = tasks("add", "x", "--due", "tomorrow", "--json", env=west)
    assert added.data["due_on"] == "2026-01-02"
    waits = tasks("add", "y", "--wait", "2026-01-02", "--json").data
    assert waits["number"] in numbers(tasks)
    assert waits["number"] not in numbers(tasks, **west)


BAD: dict[tuple[str, ...], tuple[str, str]] = {
    ("--due", "2026-02-30"): ("INVALID_INPUT", "2026-02-30"),
    ("--due", "0001-01-01"): ("INVALID_INPUT", "0001-01-01"),
    ("--due", "9999-12-31"): ("INVALID_INPUT", "9999-12-31"),
    ("--due", "tomorow"): ("INVALID_INPUT", "`tomorrow`"),
    ("--due", "12/24"): ("INVALID_INPUT", "12/24"),
    ("--due", "-3"): ("INVALID_INPUT", "-3"),
    ("--due", "+d"): ("INVALID_INPUT", "+d"),
    ("--due", ".."): ("INVALID_INPUT", "range"),
    ("--due", "fri..today"): ("INVALID_INPUT", "is after"),
    ("--due", ""): ("INVALID_INPUT", "due"),
    ("--due", "none", "--due", "fri"): ("INVALID_INPUT", "once"),
    ("--due", "fri", "--due", "none"): ("INVALID_INPUT", "once"),
    ("--since", "none"): ("INVALID_INPUT", "since"),
    ("--since", "soon"): ("INVALID_INPUT", "since"),
    ("--until", ""): ("INVALID_INPUT", "until"),
    ("--on", "mon..fri"): ("INVALID_INPUT", "on"),
    ("--since", "today", "--until", "yesterday"): ("INVALID_INPUT", "before"),
    ("--on", "fri", "--since", "mon"): ("USAGE", "--on"),
    ("--on", "", "--until", ""): ("USAGE", "--on"),
    ("-P", "a..b"): ("INVALID_INPUT", "project"),
    ("-P", ""): ("INVALID_INPUT", "project"),
    ("-P", "home."): ("INVALID_INPUT", "project"),
    ("--sort", "size"): ("USAGE", "sort"),
    ("--sort", "wait"): ("USAGE", "sort"),
    ("--sort", "DUE"): ("USAGE", "sort"),
    ("--group", "title"): ("USAGE", "group"),
    ("--status", "gone"): ("USAGE", "status"),
    ("--status", "none"): ("USAGE", "status"),
    ("",): ("INVALID_INPUT", "word"),
    (" \t ",): ("INVALID_INPUT", "word"),
    ("milk", "\u0301"): ("INVALID_INPUT", "word"),
    ("\u00b4",): ("INVALID_INPUT", "word"),
    ("\u200b",): ("INVALID_INPUT", "word"),
    ("a\x1bb",): ("INVALID_INPUT", "word"),
    ("a\udcffb",): ("INVALID_INPUT", "word"),
    ("x" * 10_001,): ("INVALID_INPUT", "10,001"),
    tuple("w" * 51): ("INVALID_INPUT", "51 words"),
}
"""What `list` refuses: the code, and what the message names."""


@on_both_if_long
@pytest.mark.spec(
    "002/FR-036", "002/FR-191", "002/FR-197", "002/FR-198", "002/FR-200"
)
def test_list_refuses_what_it_cannot_look_for(todo: Todo) -> None:
    for words, (code, name) in BAD.items():
        assert_refused(todo, "list", *words, code=code, names=[name])


@pytest.mark.spec("002/FR-200")
def test_the_first_and_the_last_day_are_days(tasks: Todo) -> None:
    everything = numbers(tasks, "--status", "all")
    for zone in ("UTC", "EST5", "NZST-12"):
        for option, found in (
            (["--since", "1900-01-01"], everything),
            (["--until", "9998-12-31"], everything),
            (["--on", "9998-12-31"], []),
            (["--until", "1900-01-01"], []),
        ):
            words = [*option, "--status", "all"]
            assert numbers(tasks, *words, TZ=zone) == found


@pytest.mark.spec("002/FR-202")
def test_short_names_are_the_same_commands(tasks: Todo) -> None:
    pairs: list[tuple[Names, Names]] = [
        (["ls", "-t", "bills"], ["list", "-t", "bills"]),
        (
            ["mod", "1", "-p", "h", "--json"],
            ["update", "1", "-p", "h", "--json"],
        ),
        (["rm", "99"], ["delete", "99"]),
        (["ls", "--due", "x"], ["list", "--due", "x"]),
    ]
    for short, long in pairs:
        assert tasks(*short) == tasks(*long)

    shown = tasks("--help").out
    for names in ("list, ls ", "update, mod ", "delete, rm "):
        assert names in shown
    error = assert_refused(tasks, "ls", "--sort", "x", code="USAGE")
    assert error["hint"] == "todo ls --help"
    assert tasks("ls", "--help").out.startswith("Usage: todo ls ")
    assert tasks("rm", "5").out == "Deleted 5: Someday\n"


HABITS: dict[str, str] = {
    "Buy milk +home": "`+home` is part of the title; see --tag",
    "#errand Buy milk": "`#errand` is part of the title; see --tag",
    "Milk due:tomorrow": "`due:tomorrow` is part of the title; see --due",
    "Milk Project:x.y": "`Project:x.y` is part of the title; see --project",
    "Milk pri:H": "`pri:H` is part of the title; see --priority",
    "+a due:x +b": "`+a` and `due:x` and `+b` are part of the title; "
    "see --tag and --due",
    "Fix bug #3": "",
    "C++ and a+b": "",
    "Call +49 30 1234": "",
    "The rent is due: pay": "",
    "overdue:x http://x/#frag": "",
    "# heading + more": "",
}
"""Titles, and the hint that a person at a terminal gets."""


@pytest.mark.spec("002/FR-201")
def test_a_title_with_the_signs_of_other_programs_gets_a_hint(
    todo: Todo,
) -> None:
    for title, words in HABITS.items():
        hint = f"hint: {words}\n" if words else ""
        added = todo("add", *title.split(), terminal=True)
        assert (added.status, added.err) == (0, hint), title
        changed = todo("update", "1", "--title", title, terminal=True)
        assert (changed.status, changed.err) == (0, hint), title
        # Never for a program, and the title is never changed.
        quiet: list[Any] = [todo("add", title), todo("add", title, "--json")]
        quiet.append(todo("add", title, "--json", terminal=True))
        assert {ran.err for ran in quiet} == {""}
        assert quiet[1].data["title"] == title
    assert todo("update", "1", "-p", "h", terminal=True).err == ""


LISTED: dict[str, str] = {
    "done": "list --status done",
    "completed": "list --status done",
    "open": "list --status open",
    "all": "list --status all",
    "overdue": "list --due overdue",
    "today": "list --due today",
    "+home": "list --tag home",
    "@home": "list --tag home",
    "milk #home": "list milk --tag home",
    "due:tomorrow": "list --due tomorrow",
    "project:home.kitchen": "list --project home.kitchen",
    "pri:H": "list --priority H",
    "status:completed": "list --status done",
    "3": "show 3",
    "milk": "",
    "3 4": "",
    "wait:fri": "",
    "https://x/": "",
}
"""Words after `list`, and the command that the hint names."""


@pytest.mark.spec("002/FR-321")
def test_a_word_of_a_list_that_is_a_filter_elsewhere_gets_a_hint(
    todo: Todo,
) -> None:
    todo("add", "Buy milk")
    for text, command in LISTED.items():
        hint = ""
        if command:
            hint = "hint: words are looked for in the text; "
            hint += f"try `todo {command}`\n"
        ran = todo("list", *text.split(), terminal=True)
        assert (ran.status, ran.err) == (0, hint), text
        assert todo("list", *text.split()).err == ""
        assert todo("list", *text.split(), "--json", terminal=True).err == ""
        assert todo(*command.split(), "--help").status == 0
    bob = todo("list", "done", "-u", "bob", terminal=True).err
    assert "try `todo --user bob list --status done`" in bob
    todo("add", "Read PR 412")
    assert todo("list", "412", terminal=True).err == ""


@on_both_if_long
@pytest.mark.spec("002/FR-056", "002/FR-190", "002/FR-191", "002/FR-192")
def test_add_says_what_was_understood(todo: Todo) -> None:
    said = {
        "": "",
        "--due fri": " (due Fri 9 Jan)",
        "--due today": " (due today)",
        "--due 2027-01-01 -p H": " (due Fri 1 Jan 2027, high)",
        "--wait +1w --due none": " (waits until Fri 9 Jan)",
        "-P home.kitchen -t errand -t b": " (home.kitchen #b #errand)",
        "-p medium -t x": " (medium, #x)",
        "-p none -P None": "",
        "-d notes": "",
    }
    todo("add", "first")
    for number, (options, words) in enumerate(said.items(), start=2):
        ran = todo("add", "x", *options.split())
        assert ran.out == f"Added {number}: x{words}\n"


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.spec("002/FR-037")
def test_a_clock_at_an_end_of_the_calendar_is_no_bug(
    tasks: Todo, clock: Clock, terminal: bool
) -> None:
    """QTodoTxt/QTodoTxt#228: the day of the clock kept tasks from being edited."""
    commands = [
        ["list", "--due", "overdue"],
        ["list", "--due", "eow"],
        ["list", "--since", "yesterday"],
        ["list", "--until", "today"],
        ["show", "1"],
        ["update", "1", "--wait", "eow"],
    ]
    for year, month, day in ((1, 1, 1), (9999, 12, 31)):
        clock.now = datetime(year, month, day, 12, tzinfo=UTC)
        for words in commands:
            assert tasks(*words, terminal=terminal).status in (0, 2), words
