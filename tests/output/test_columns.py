"""Which columns a table has, by what its tasks say and by the room there is."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.output.values import ALL, DAY, NOW, TODAY, context, done, page, task
from todo_cli.output.columns import (
    PLAIN,
    STRONG,
    URGENT,
    Column,
    heading,
    layout,
)
from todo_cli.output.views import listed
from todo_cli.task import Group, Task, TaskQuery, TaskStatus


def columns(
    *tasks: Task,
    width: int = 200,
    query: TaskQuery = ALL,
    is_plain: bool = False,
) -> list[Column]:
    """The columns of a list."""
    table = listed(page(*tasks, query=query), context()).table
    assert table is not None
    return layout(table, width, is_plain=is_plain).columns


def keys(*tasks: Task, **how: Any) -> str:
    """The keys of the columns, in order."""
    return " ".join(column.key for column in columns(*tasks, **how))


def texts(key: str, *tasks: Task, **how: Any) -> list[str]:
    """The texts in a column."""
    cells = {column.key: column.cells for column in columns(*tasks, **how)}
    return [text for text, _ in cells[key]]


def test_the_lowest_number_can_be_the_longest() -> None:
    # Another program can store one that todo never does.
    assert columns(task(7), replace(task(), number=-1_000))[0].width == 5


FULL = task(
    12,
    "Pay the rent for the whole of winter",
    due_on=TODAY - 2 * DAY,
    priority="high",
    project="home.kitchen",
    tags=["errand", "food"],
)
WAITS = task(3, "Rest", wait_until=TODAY + DAY)

SAYING: list[tuple[list[Task], TaskQuery, str]] = [
    ([task()], ALL, "number title when"),
    ([task(), done()], ALL, "number status title when"),
    ([done()], ALL, "number status title when"),
    ([done()], TaskQuery(TaskStatus.DONE), "number title when"),
    ([WAITS], TaskQuery(TaskStatus.WAITING), "number title wait when"),
    ([WAITS], ALL, "number status title wait when"),
    ([task(wait_until=TODAY)], ALL, "number title when"),
    ([task(), task(due_on=TODAY)], ALL, "number title due when"),
    ([task(), task(priority="low")], ALL, "number title priority when"),
    ([task(), task(project="a")], ALL, "number title project when"),
    ([task(), task(tags=["a"])], ALL, "number title tags when"),
    (
        [FULL, WAITS],
        ALL,
        "number status title project tags wait due priority when",
    ),
    (
        [FULL],
        TaskQuery(group=Group.PROJECT),
        "number title tags due priority when",
    ),
    (
        [FULL],
        TaskQuery(group=Group.DUE),
        "number marks title project tags priority when",
    ),
    (
        [FULL],
        TaskQuery(group=Group.PRIORITY),
        "number title project tags due when",
    ),
    ([task()], TaskQuery(group=Group.PROJECT), "number title when"),
]


@pytest.mark.spec("002/FR-050")
def test_chosen_has_the_columns_that_say_something() -> None:
    found = [keys(*tasks, query=query) for tasks, query, _ in SAYING]

    assert found == [wanted for *_, wanted in SAYING]


NARROWING = {
    159: "number status title project tags wait due priority when",
    117: "number status title project tags wait due priority",
    104: "number status marks title project tags wait due",
    101: "number status marks title project wait due",
    87: "number status marks title wait due",
    66: "number status marks title due",
    47: "number marks title due",
    39: "number marks title",
}
"""The columns at this width, and below it down to the next one."""


@pytest.mark.spec("002/FR-051")
def test_chosen_gives_up_columns_one_after_the_other() -> None:
    found: dict[int, str] = {}
    for width in range(159, 19, -1):
        shown = keys(FULL, WAITS, width=width)
        if shown not in found.values():
            found[width] = shown

    assert found == NARROWING


@pytest.mark.spec("002/FR-051")
def test_chosen_fits_and_leaves_the_titles_a_third() -> None:
    for width in range(20, 160):
        found = columns(FULL, WAITS, width=width)
        widths = [column.width for column in found]
        [title] = [column for column in found if column.is_title]

        assert sum(widths) + 2 * (len(widths) - 1) <= width
        assert title.width >= min(width // 3, 30)
        if len(found) > 3:
            assert title.width >= 16


@pytest.mark.spec("002/FR-051")
def test_chosen_gives_up_nothing_for_short_titles() -> None:
    short = task(1, "Tea", due_on=TODAY, project="home", priority="low")

    assert keys(short, width=40) == "number title project due priority when"
    assert keys(short, width=39) == "number title project due priority"


@pytest.mark.spec("002/FR-051")
def test_chosen_leaves_projects_and_tags_a_fifth() -> None:
    long = task(1, "Tea", project="p" * 100, tags=["t" * 50])

    for width, wanted in ((100, 20), (200, 40), (30, 8)):
        for column in columns(long, width=width):
            if column.key in ("project", "tags"):
                assert column.width == wanted
    assert {"project", "tags"} < {*keys(long, width=100).split()}


MARKS: list[tuple[Task, str, str, str]] = [
    (task(1, "a"), "   ", PLAIN, "a"),
    (done(1, "a"), "x  ", PLAIN, "done: a"),
    (task(1, "a", wait_until=TODAY + DAY), "w  ", PLAIN, "waiting: a"),
    (task(1, "a", due_on=TODAY - DAY), " ! ", URGENT, "overdue: a"),
    (task(1, "a", due_on=TODAY), "   ", PLAIN, "a"),
    (done(1, "a", due_on=TODAY - DAY), "x  ", PLAIN, "done: a"),
    (task(1, "a", priority="high"), "  H", STRONG, "high: a"),
    (task(1, "a", priority="medium"), "  M", PLAIN, "medium: a"),
    (task(1, "a", priority="low"), "  L", PLAIN, "low: a"),
    (
        task(1, "a", due_on=TODAY - DAY, priority="high"),
        " !H",
        URGENT,
        "overdue: high: a",
    ),
    (
        done(1, "a", priority="high", description="n"),
        "x H",
        STRONG,
        "done: high: a (notes)",
    ),
    (task(1, "word " * 9), "   ", PLAIN, "word " * 9),
]
"""Tasks with their marks, how these look, and the words in their place."""


@pytest.mark.spec("002/FR-051", "002/FR-210", "002/FR-150")
def test_chosen_leaves_marks_of_what_has_no_column() -> None:
    tasks = [one for one, *_ in MARKS]
    narrow = columns(*tasks, width=20)
    in_words = columns(*tasks, width=20, is_plain=True)

    assert [column.key for column in narrow] == ["number", "marks", "title"]
    assert [*narrow[1].cells] == [(marks, look) for _, marks, look, _ in MARKS]
    assert [column.key for column in in_words] == ["number", "title"]
    assert [text for text, _ in in_words[1].cells] == [
        words for *_, words in MARKS
    ]


@pytest.mark.spec("002/FR-210")
def test_chosen_has_a_place_only_for_marks_that_there_are() -> None:
    long = "word " * 9
    late = task(1, long, due_on=TODAY - DAY)

    assert texts("marks", late, task(2), width=30) == ["!", " "]
    assert texts("marks", late, done(2), width=30) == [" !", "x "]
    assert "marks" not in keys(task(1, long), task(2, due_on=TODAY), width=30)
    assert "marks" not in keys(
        *(done(1, long), done(2)), width=20, query=TaskQuery(TaskStatus.DONE)
    )
    assert "marks" not in keys(
        *(task(1, long, priority="high"), task(2)),
        width=20,
        query=TaskQuery(group=Group.PRIORITY),
    )


@pytest.mark.spec("002/FR-210")
def test_chosen_marks_notes_at_every_width() -> None:
    tasks = [task(1, "a", description="b"), task(2, "c")]

    for width in (20, 200):
        assert texts("title", *tasks, width=width) == ["a *", "c"]
        words = texts("title", *tasks, width=width, is_plain=True)
        assert words == ["a (notes)", "c"]


LEGENDS: list[tuple[list[Task], int, list[str]]] = [
    ([task()], 20, []),
    ([task(description="a")], 200, ["* has notes"]),
    (
        [one for one, *_ in MARKS],
        20,
        [
            "* has notes",
            "x done",
            "w waiting",
            "! overdue",
            "H high",
            "M medium",
            "L low",
        ],
    ),
]
"""Tasks, the width, and what is said about their signs."""


@pytest.mark.spec("002/FR-335")
def test_layout_says_what_the_signs_mean_that_are_shown() -> None:
    for tasks, width, legend in LEGENDS:
        table = listed(page(*tasks), context()).table
        assert table is not None
        shown = layout(table, width, is_plain=False)
        in_words = layout(table, width, is_plain=True)

        signs = "".join(
            text
            for column in shown.columns
            for text, _ in column.cells
            if column.key == "marks"
        )
        assert shown.legend == legend
        assert in_words.legend == []
        assert {*signs} - {" "} <= {each[0] for each in legend}


DUE: list[tuple[Task, tuple[str, str]]] = [
    (task(), ("", PLAIN)),
    (task(due_on=TODAY - 2 * DAY), ("overdue 2 days", URGENT)),
    (task(due_on=TODAY - DAY), ("overdue 1 day", URGENT)),
    (task(due_on=TODAY), ("today", STRONG)),
    (task(due_on=TODAY + DAY), ("tomorrow", PLAIN)),
    (task(due_on=TODAY + 7 * DAY), ("Fri 9 Jan", PLAIN)),
    (done(due_on=TODAY), ("today", PLAIN)),
    (done(due_on=TODAY - 2 * DAY), ("Wed 31 Dec 2025", PLAIN)),
]


@pytest.mark.spec("002/FR-050")
def test_chosen_says_when_a_task_is_due() -> None:
    found = columns(*(one for one, _ in DUE))
    [due] = [column for column in found if column.key == "due"]

    assert [*due.cells] == [cell for _, cell in DUE]


@pytest.mark.spec("002/FR-050")
def test_chosen_says_what_else_a_task_has() -> None:
    tasks = [FULL, done(2, "b", priority="low"), WAITS]

    found = {column.key: column for column in columns(*tasks)}
    assert {
        key: [*found[key].cells] for key in ("priority", "tags", "wait")
    } == {
        "priority": [("high", STRONG), ("low", PLAIN), ("", PLAIN)],
        "tags": [("errand food", PLAIN), ("", PLAIN), ("", PLAIN)],
        "wait": [("", PLAIN), ("", PLAIN), ("tomorrow", PLAIN)],
    }
    assert texts("status", *tasks) == ["open", "done", "waiting"]
    assert texts("project", *tasks) == ["home.kitchen", "", ""]
    assert texts("when", *tasks) == [
        "2 hours ago",
        "1 hour ago",
        "2 hours ago",
    ]
    assert texts("number", *tasks) == ["12", "2", "3"]
    assert [key for key in found if found[key].is_right] == ["number"]
    assert [key for key in found if found[key].is_title] == ["title"]


@pytest.mark.spec("002/FR-150")
def test_chosen_has_names_of_columns() -> None:
    def names(*, is_plain: bool) -> list[str]:
        found = columns(FULL, WAITS, is_plain=is_plain)
        return [column.name for column in found]

    rest = ["Status", "Task", "Project", "Tags", "Waits until", "Due"]
    assert names(is_plain=False) == ["#", *rest, "Pri", "When"]
    assert names(is_plain=True) == ["Number", *rest, "Priority", "When"]


@pytest.mark.spec("002/FR-057")
def test_chosen_escapes_what_could_control_a_terminal() -> None:
    hostile = task(1, "a\x1b", project="b\x1b", tags=["c\x1b"])

    for key, letter in (("title", "a"), ("project", "b"), ("tags", "c")):
        assert texts(key, hostile) == [rf"{letter}\x1b"]
    assert heading(hostile, Group.PROJECT, TODAY) == r"Project b\x1b"


HEADINGS = {
    "Project home": (task(project="home"), Group.PROJECT),
    "No project": (task(), Group.PROJECT),
    "High priority": (task(priority="high"), Group.PRIORITY),
    "No priority": (task(), Group.PRIORITY),
    "Due today": (task(due_on=TODAY), Group.DUE),
    "Due yesterday": (task(due_on=TODAY - DAY), Group.DUE),
    "Due Wed 31 Dec 2025": (task(due_on=TODAY - 2 * DAY), Group.DUE),
    "No due day": (task(), Group.DUE),
}


@pytest.mark.spec("002/FR-214")
def test_heading_says_what_the_tasks_below_have() -> None:
    found = {name: heading(*of, TODAY) for name, of in HEADINGS.items()}

    assert found == {name: name for name in HEADINGS}


@pytest.mark.spec("002/FR-229")
def test_chosen_says_when_a_task_was_deleted() -> None:
    at = NOW - timedelta(days=9)
    gone = [
        task(2, due_on=TODAY - DAY, deleted_at=at),
        done(1, deleted_at=NOW),
    ]
    found = columns(*gone, query=TaskQuery(TaskStatus.TRASH))

    assert [column.name for column in found] == ["#", "Task", "Due", "Deleted"]
    assert [*found[2].cells] == [("yesterday", PLAIN), ("", PLAIN)]
    assert [text for text, _ in found[3].cells] == ["1 week ago", "just now"]


def test_chosen_knows_how_old_a_task_is() -> None:
    old = task(created_at=NOW - timedelta(days=9))

    assert texts("when", old) == ["1 week ago"]
