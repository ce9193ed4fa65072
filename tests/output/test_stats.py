"""The counts of `todo stats` in words, in a pipe, and with bars."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

import pytest
from rich.cells import cell_len

from tests.output.values import NOW, context
from tests.support.texts import MIXED, MIXED_SHOWN
from todo_cli.output import plain, terminal
from todo_cli.output.stats import counted
from todo_cli.output.views import Sheet
from todo_cli.stats import DoneOn, OfProject, Stats, frame_of, nothing

NOTHING = nothing(frame_of(NOW, UTC))
PROJECTS = (
    OfProject("home.kitchen", 1_200, 16),
    OfProject("work", 30, 0),
    OfProject(None, 4, 1),
)
AGES = {"today": 4, "week": 0, "month": 1_000, "quarter": 200, "older": 30}


def stats(last: Sequence[int] = (), **values: Any) -> Stats:
    """Counts in which so much was done on the last days."""
    missing = [0] * (28 - len(last))
    pairs = zip(NOTHING.frame.days, [*missing, *last], strict=True)
    days = tuple(DoneOn(*pair) for pair in pairs)
    return replace(NOTHING, days=days, **values)


MUCH = stats(
    (3, 0, 6),
    open=1_234,
    overdue=17,
    waiting=3,
    done=40,
    projects=PROJECTS,
    ages=AGES,
    oldest=NOW - timedelta(days=400),
)


def drawn(
    found: Stats,
    width: int = 80,
    *,
    encoding: str = "utf-8",
    is_plain: bool = False,
) -> list[str]:
    """The lines of counts on a terminal."""
    lines = terminal.draw(
        counted(found, context()),
        width=width,
        encoding=encoding,
        variables={"TERM": "dumb"},
        is_plain=is_plain,
        is_styled=False,
    )
    return list(lines)


def sheet(found: Stats) -> Sheet:
    """The sheet of counts."""
    return counted(found, context())


@pytest.mark.spec("002/FR-450")
def test_the_message_counts_exactly_and_leaves_out_what_nobody_has() -> None:
    assert sheet(MUCH).message == (
        "1,234 open, 17 overdue, 3 waiting, 40 done"
    )
    assert sheet(stats()).message == "0 open, 0 done"


@pytest.mark.spec("002/FR-454")
def test_a_pipe_gets_a_line_for_each_count() -> None:
    found = replace(
        MUCH, projects=(OfProject("a b:c\\", 2, 0), OfProject(None, 3, 1))
    )

    lines = plain.render(sheet(found)).splitlines()

    days = [line for line in lines if line.startswith("day:")]
    assert days[0] == "day:2025-12-06\t0"
    assert days[-3:] == [
        "day:2025-12-31\t3",
        "day:2026-01-01\t0",
        "day:2026-01-02\t6",
    ]
    assert len(days) == 28
    assert [line for line in lines if line not in days] == [
        "open\t1234",
        "overdue\t17",
        "waiting\t3",
        "done\t40",
        "project:a b:c\\\\\t2",
        "overdue:a b:c\\\\\t0",
        "project:-\t3",
        "overdue:-\t1",
        "age:today\t4",
        "age:week\t0",
        "age:month\t1000",
        "age:quarter\t200",
        "age:older\t30",
        "oldest\t2024-11-28T03:04:05.000000Z",
    ]
    assert plain.render(sheet(NOTHING)).endswith("\noldest\t-\n")


@pytest.mark.spec("002/FR-454")
def test_a_terminal_shows_sections_with_bars() -> None:
    lines = drawn(MUCH)

    assert lines[:3] == [
        "1,234 open, 17 overdue, 3 waiting, 40 done",
        "",
        "Done per day",
    ]
    assert lines[3] == "Sat 6 Dec   0"
    assert lines[28:31] == [
        f"Wed 31 Dec  3  {'█' * 30}",
        "Thu 1 Jan   0",
        f"Fri 2 Jan   6  {'█' * 60}",
    ]
    assert lines[31:] == [
        "9 in four weeks",
        "",
        "Open, by project",
        f"home.kitchen  1,200  16 overdue  {'█' * 47}",
        "work             30              █▏",
        "no project        4  1 overdue   ▏",
        "",
        "Open, by age",
        "today                4  ▎",
        "under 7 days         0",
        f"under 30 days    1,000  {'█' * 56}",
        "under 90 days      200  ███████████▎",
        "90 days or more     30  █▋",
        "The oldest was added 1 year ago",
    ]


@pytest.mark.spec("002/FR-454")
def test_a_terminal_without_blocks_gets_bars_of_ascii() -> None:
    lines = drawn(MUCH, encoding="ascii")

    assert f"home.kitchen  1,200  16 overdue  {'#' * 47}" in lines
    assert "no project        4  1 overdue   #" in lines
    assert "".join(lines).isascii()


@pytest.mark.spec("002/FR-150", "002/FR-454")
def test_words_are_enough_where_no_bars_are_wanted() -> None:
    lines = drawn(MUCH, is_plain=True)

    assert "home.kitchen  1,200  16 overdue" in lines
    assert "today                4" in lines
    assert "".join(lines).isascii()
    assert "#" not in "".join(lines)


@pytest.mark.spec("002/FR-454")
@pytest.mark.parametrize("width", [20, 21, 27, 39, 40, 80, 200])
@pytest.mark.parametrize("is_plain", [False, True])
def test_no_line_is_longer_than_the_terminal_and_no_number_is_lost(
    width: int, is_plain: bool
) -> None:
    long = OfProject("x" * 40 + ".日本語" * 9, 1_000_000, 999_999)
    found = replace(MUCH, projects=(long, *PROJECTS))

    lines = drawn(found, width, is_plain=is_plain)

    assert max(map(cell_len, lines)) <= width
    text = " ".join(lines)
    for word in ("1,000,000", "999,999 overdue", "1,200", "16 overdue"):
        assert word in text, word
    assert "".join(text.split()).count("x") >= 40


@pytest.mark.spec("002/FR-454")
def test_a_narrow_terminal_has_short_days_and_notes_below() -> None:
    lines = drawn(MUCH, 20)

    assert "2 Jan   6  █████████" in lines
    place = lines.index("  16 overdue")
    assert lines[place - 2 : place] == ["home.k  1,200  █████", "itchen"]
    assert lines[place + 1] == "work       30  ▏"


@pytest.mark.spec("002/FR-452", "002/FR-454")
def test_a_terminal_counts_the_projects_after_the_first_ten() -> None:
    many = [OfProject(f"p{place:02}", 50 - place, 0) for place in range(13)]
    found = replace(MUCH, projects=(*many, OfProject(None, 7, 0)))

    lines = drawn(found)

    start = lines.index("Open, by project") + 1
    names = [line.split("  ")[0] for line in lines[start : start + 12]]
    assert names == [
        *(f"p{place:02}" for place in range(10)),
        "no project",
        "and 3 more projects with 117 open",
    ]
    assert plain.render(sheet(found)).count("\nproject:") == 14


@pytest.mark.spec("002/FR-454")
def test_what_there_is_nothing_of_has_no_section() -> None:
    only_done = drawn(stats((1,), done=1))
    only_open = stats(
        open=1, projects=(OfProject(None, 1, 0),), ages=AGES, oldest=None
    )

    assert drawn(NOTHING) == [
        "0 open, 0 done",
        "",
        "No tasks for ada in db.example/shop",
    ]
    assert only_done[-1] == "1 in four weeks"
    assert drawn(only_open)[2:6] == [
        "Done per day",
        "Nothing in the last four weeks",
        "",
        "Open, by age",
    ]
    assert "oldest" not in "".join(drawn(only_open))


@pytest.mark.spec("002/FR-043", "002/FR-454")
def test_names_of_projects_control_no_terminal() -> None:
    found = replace(MUCH, projects=(OfProject(f"{MIXED}[red]", 1, 0),))

    lines = drawn(found, 200)

    assert any(line.startswith(f"{MIXED_SHOWN}[red]  1") for line in lines)
    assert f"project:{MIXED_SHOWN}".replace("\\", "") in plain.render(
        sheet(found)
    ).replace("\\", "")


@pytest.mark.spec("002/FR-454")
def test_what_is_overdue_is_said_and_stressed() -> None:
    lines = terminal.draw(
        sheet(MUCH),
        width=80,
        encoding="utf-8",
        variables={"TERM": "xterm-256color"},
    )
    text = "\n".join(lines)

    assert "\x1b[1;38;5;196m16 overdue\x1b[0m" in text
    assert "\x1b[1mDone per day\x1b[0m" in text
