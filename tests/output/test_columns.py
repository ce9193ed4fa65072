"""Which columns a table has, by what its tasks say and by the room there is."""

from datetime import timedelta
from typing import Any

import pytest

from tests.output.values import ALL, DAY, NOW, TODAY, context, done, page, task
from todo_cli.output.columns import (
    LOOKS,
    PLAIN,
    STRONG,
    URGENT,
    Column,
    chosen,
    heading,
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
    return chosen(table, width, is_plain=is_plain)


def keys(*tasks: Task, **how: Any) -> str:
    """The keys of the columns, in order."""
    return " ".join(column.key for column in columns(*tasks, **how))


def texts(key: str, *tasks: Task, **how: Any) -> list[str]:
    """The texts in a column."""
    cells = {column.key: column.cells for column in columns(*tasks, **how)}
    return [text for text, _ in cells[key]]


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


# How the first colours look: those of xterm, and of Solarized.
XTERM = {"": None, "red": (205, 0, 0), "bright red": (255, 0, 0)}
SOLARIZED = {"": None, "red": (220, 50, 47), "bright red": (203, 75, 22)}
Rgb = tuple[int, int, int]
SCREENS: dict[str, tuple[Rgb, Rgb, dict[str, Rgb | None]]] = {
    "black": ((0, 0, 0), (229, 229, 229), XTERM),
    "white": ((255, 255, 255), (0, 0, 0), XTERM),
    "solarized dark": ((0, 43, 54), (131, 148, 150), SOLARIZED),
    "solarized light": ((253, 246, 227), (101, 123, 131), SOLARIZED),
}
"""The background, the terminal's own colour of text, and its colours."""


def luminance(colour: Rgb) -> float:
    """How bright a colour is, as WCAG 2 says."""
    parts = []
    for part in colour:
        share = part / 255
        parts.append(
            share / 12.92
            if share <= 0.04045
            else ((share + 0.055) / 1.055) ** 2.4
        )
    red, green, blue = parts
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Rgb, other: Rgb) -> float:
    """The contrast of two colours, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.spec("002/FR-052")
@pytest.mark.parametrize("screen", SCREENS)
def test_looks_can_be_read_on_every_background(screen: str) -> None:
    """Yellow, cyan and green are below 3 on white: bold may draw a colour brighter."""
    background, own, colours = SCREENS[screen]
    for look in LOOKS:
        words = look.split()
        assert {*words} <= {"bold", "red"}
        colour = "red" if "red" in words else ""
        for variant in (colour, f"bright {colour}" if colour else ""):
            shown = colours[variant] or own
            assert contrast(background, shown) >= 3, (look, variant)


def test_contrast_is_that_of_the_rules() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == 21
    assert 1.9 < contrast((255, 255, 255), (0, 205, 205)) < 2.0
    assert 1.6 < contrast((255, 255, 255), (205, 205, 0)) < 1.8


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
