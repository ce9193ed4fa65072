"""As much of a list as a screen has room for: tasks first, and never a line too many."""

from itertools import product
from typing import Any

import pytest
from rich.cells import cell_len

from tests.output.test_terminal import CONTROL
from tests.output.values import NOW, TODAY, context, page, task
from todo_cli.output import terminal, views
from todo_cli.output.terminal import Pieces, pieces
from todo_cli.output.times import moment
from todo_cli.output.views import Table
from todo_cli.output.watched import Room, screen, status_line
from todo_cli.task import Counts, Group, Task, TaskQuery
from todo_cli.zones import zone_of

STATUS = "todo list"
MANY = [
    task(number, f"Task {number}", description="x") for number in range(1, 41)
]


def table(*tasks: Task, group: Group | None = None) -> Table:
    """A table of open tasks."""
    query = TaskQuery(group=group)
    counts = Counts(open=len(tasks), done=5)
    return views.table(page(*tasks, query=query, counts=counts), context())


def drawn(
    shown: Table, width: int, height: int, *notices: str, status: str = STATUS
) -> list[str]:
    """The lines of a screen, without looks."""
    room = Room(width, height, variables={"TERM": "xterm-256color"})
    lines = screen(shown, notices, status, room)
    assert len(lines) == height
    plain = [CONTROL.sub("", line) for line in lines]
    assert all(cell_len(line) <= width for line in plain)
    return plain


@pytest.mark.spec("002/FR-437")
def test_a_list_that_fits_is_shown_whole_above_the_status() -> None:
    lines = drawn(table(*MANY[:2]), 40, 8)

    assert lines == [
        "#  Task      When",
        "─" * 24,
        "1  Task 1 *  2 hours ago",
        "2  Task 2 *  2 hours ago",
        "2 open, 5 done  (* has notes)",
        "",
        "",
        "todo list",
    ]


@pytest.mark.spec("002/FR-437")
@pytest.mark.parametrize(
    ("height", "wanted"),
    [
        (14, ["#  Task", "─", *"123456789", "10", "and", "todo"]),
        (11, ["#", "─", *"1234567", "and", "todo"]),
        (9, ["#", *"123456", "and", "todo"]),
        (8, ["#", *"12345", "and", "todo"]),
        (7, ["#", *"1234", "and", "todo"]),
        (6, [*"1234", "and", "todo"]),
        (5, [*"123", "and", "todo"]),
        (4, [*"12", "and", "todo"]),
        (3, ["1", "and", "todo"]),
        (2, ["1", "todo"]),
        (1, ["todo"]),
    ],
)
def test_less_room_is_left_to_tasks(height: int, wanted: list[str]) -> None:
    lines = drawn(table(*MANY), 80, height)

    begins = [
        line[: len(begin)].strip()
        for line, begin in zip(
            [line.lstrip() for line in lines], wanted, strict=False
        )
    ]
    assert begins == wanted, lines


@pytest.mark.spec("002/FR-437")
@pytest.mark.parametrize(
    ("width", "wanted"),
    [(20, "and 10,000 more"), (21, "and 10,000 more tasks")],
)
def test_a_large_number_fits_the_narrowest_screen(
    width: int, wanted: str
) -> None:
    many = table(*MANY[:1] * 10_001)

    assert drawn(many, width, 3)[1] == wanted


@pytest.mark.spec("002/FR-437")
def test_how_many_more_there_are_is_always_said() -> None:
    tasks = [
        *MANY,
        task(41, "A title that needs several lines " * 5, due_on=TODAY),
    ]
    for shown, width, height in product(
        (table(*tasks), table(*reversed(tasks)), table(*tasks[-1:])),
        (20, 40, 80, 200),
        range(1, 50),
    ):
        lines = drawn(shown, width, height)
        numbers = {str(each.number) for each in shown.tasks}
        more = [line for line in lines if line.startswith("and ")]
        if more:
            lines = lines[: lines.index(more[0])]
        begins = [line.split()[0] for line in lines if line.strip()]
        rows = [begin for begin in begins if begin in numbers]
        hidden = len(shown.tasks) - len(rows)
        if height > 2 and hidden > 0:
            assert len(more) == 1, lines
            assert more[0].split()[1] == str(hidden), lines


@pytest.mark.spec("002/FR-437")
def test_a_long_list_costs_what_a_screen_costs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    most = 0

    def draw(some: Table, **how: Any) -> Pieces:
        nonlocal most
        most = max(most, len(some.tasks))
        return pieces(some, **how)

    monkeypatch.setattr(terminal, "pieces", draw)
    shown = table(*MANY * 100)

    lines = drawn(shown, 80, 24)

    assert "and 3,980 more" in lines[-2]
    assert most == 23


@pytest.mark.spec("002/FR-437")
def test_an_empty_list_says_so_as_far_as_there_is_room() -> None:
    wide = drawn(table(), 80, 5)
    narrow = drawn(table(), 20, 2)

    assert wide[0].startswith("No open tasks for ada in db.example/shop")
    assert narrow[0].startswith("No open tasks for")


@pytest.mark.spec("002/FR-437")
def test_groups_keep_their_headings() -> None:
    tasks = [task(1, project="home"), task(2, project="work")]

    lines = drawn(table(*tasks, group=Group.PROJECT), 80, 12)

    assert [line for line in lines if line.startswith("Project")] == [
        "Project home",
        "Project work",
    ]


@pytest.mark.spec("002/FR-438")
def test_notices_are_above_the_status_and_take_a_third_at_most() -> None:
    notice = "No answer since 03:04:05; trying again: \x1b[31m" + "long " * 40

    lines = drawn(table(*MANY), 40, 12, notice, "another")
    assert lines[-1] == STATUS
    assert lines[-5].startswith("No answer since 03:04:05; trying again:")
    assert "\\x1b[31m" in "".join(lines)
    assert drawn(table(), 40, 1, notice)[0].startswith("No answer since")


@pytest.mark.spec("002/FR-437")
@pytest.mark.parametrize(
    ("width", "wanted"),
    [
        (
            60,
            "todo list -P home"
            + " " * 8
            + "changed 03:04:05; every 2s; q quits",
        ),
        (55, "todo list -P home   changed 03:04:05; every 2s; q quits"),
        (50, "todo list -P home       changed 03:04:05; every 2s"),
        (40, "todo list -P home       changed 03:04:05"),
        (30, "todo list...  changed 03:04:05"),
        (20, "changed 03:04:05"),
        (10, "changed..."),
    ],
)
def test_the_status_says_what_fits(width: int, wanted: str) -> None:
    facts = ["changed 03:04:05", "every 2s", "q quits"]

    assert status_line("todo list -P home", facts, width) == wanted


@pytest.mark.spec("002/FR-437")
def test_a_status_without_facts_is_the_command() -> None:
    assert status_line("todo list", [], 20) == "todo list"
    assert status_line("todo list 買う" + "x" * 999, [], 20) == (
        "todo list 買うxxx..."
    )
    assert "\\x1b" in status_line("todo list '\x1b'", [], 40)


@pytest.mark.spec("002/FR-437")
def test_a_moment_is_a_time_of_today_or_a_day() -> None:
    zone = zone_of({"TZ": "Europe/Berlin"})

    assert moment(NOW, NOW, zone) == "04:04:05"
    yesterday = NOW.replace(day=1)
    assert moment(yesterday, NOW, zone) == "yesterday"
    assert moment(NOW.replace(year=2024), NOW, zone) == "Tue 2 Jan 2024"
