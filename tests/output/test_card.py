"""A task laid out for people: what is set, with days and times in words."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest

from tests.output.values import DAY, NOW, TODAY, context, done, task
from todo_cli.output.card import Layout, Part, layout
from todo_cli.output.columns import PLAIN, STRONG, URGENT
from todo_cli.output.views import Card
from todo_cli.task import Task

ADDED = "added 2 Jan 2026, 01:04 UTC (2 hours ago) by ada"
LATE = TODAY - 2 * DAY


def laid_out(one: Task, *, is_plain: bool = False, **variables: str) -> Layout:
    """What is around the notes of a task."""
    there = context(variables=variables or None)
    return layout(Card(one, there), is_plain=is_plain)


def texts(parts: Sequence[Part]) -> list[str]:
    """Parts as they are read."""
    return [" ".join(part.units) for part in parts]


def facts(one: Task, **variables: str) -> list[str]:
    """What is said of a task below its title, but for its number."""
    _number, *others = texts(laid_out(one, is_plain=False, **variables).facts)
    return others


@pytest.mark.spec("002/FR-013", "002/FR-211")
def test_layout_has_what_is_set() -> None:
    found = laid_out(task(7))

    assert texts(found.facts) == ["#7", "open"]
    assert texts(found.moments) == [ADDED]
    assert texts(found.ends) == [f"id {UUID(int=7)}", "version 1"]


EVERYTHING = task(
    due_on=TODAY + 3 * DAY,
    wait_until=TODAY + DAY,
    priority="high",
    project="home.kitchen",
    tags=["errand", "food"],
    updated_at=NOW - timedelta(minutes=5),
    version=12,
)


@pytest.mark.spec("002/FR-013", "002/FR-211")
def test_layout_has_every_field_in_the_order_in_which_people_ask() -> None:
    found = laid_out(EVERYTHING)
    said = [
        "waiting until tomorrow (Sat 3 Jan)",
        "due Mon 5 Jan (in 3 days)",
        "high priority",
        "project home.kitchen",
    ]

    assert texts(found.facts) == ["#1", *said, "#errand #food"]
    assert texts(found.moments) == [
        ADDED,
        "changed 2 Jan 2026, 02:59 UTC (5 minutes ago)",
    ]
    assert texts(found.ends) == [f"id {UUID(int=1)}", "version 12"]
    plain = laid_out(EVERYTHING, is_plain=True)
    assert texts(plain.facts) == ["number 1", *said, "tags errand food"]


@pytest.mark.spec("002/FR-211")
def test_layout_of_a_done_task_says_when_and_never_that_it_is_overdue() -> (
    None
):
    found = laid_out(done(due_on=LATE))

    assert texts(found.facts)[1:] == [
        "done",
        "due Wed 31 Dec 2025 (2 days ago)",
    ]
    assert texts(found.moments) == [
        ADDED,
        "done 2 Jan 2026, 02:04 UTC (1 hour ago)",
    ]
    assert facts(task(due_on=LATE)) == [
        "open",
        "overdue 2 days (Wed 31 Dec 2025)",
    ]


@pytest.mark.spec("002/FR-211", "002/FR-229")
def test_layout_of_a_task_in_the_trash_says_since_when() -> None:
    at = NOW - timedelta(minutes=5)
    gone = task(due_on=TODAY - DAY, deleted_at=at, updated_at=at)
    found = laid_out(gone)

    assert texts(found.facts)[1:] == [
        "in the trash",
        "due yesterday (Thu 1 Jan)",
    ]
    assert texts(found.moments) == [
        ADDED,
        "deleted 2 Jan 2026, 02:59 UTC (5 minutes ago)",
    ]


@pytest.mark.spec("002/FR-211")
def test_layout_has_a_wait_day_that_is_over_or_of_no_use() -> None:
    assert facts(task(wait_until=TODAY)) == [
        "open",
        "waited until today (Fri 2 Jan)",
    ]
    assert facts(done(wait_until=TODAY + DAY)) == [
        "done",
        "waits until tomorrow (Sat 3 Jan)",
    ]


LOOKS = {
    PLAIN: task(due_on=TODAY + DAY),
    STRONG: task(due_on=TODAY),
    URGENT: task(due_on=TODAY - DAY),
}


@pytest.mark.spec("002/FR-052", "002/FR-211")
def test_layout_stresses_what_is_due() -> None:
    assert {look: laid_out(LOOKS[look]).facts[2].look for look in LOOKS} == {
        look: look for look in LOOKS
    }
    assert laid_out(done(due_on=TODAY)).facts[2].look == PLAIN
    assert laid_out(task(due_on=TODAY, deleted_at=NOW)).facts[2].look == PLAIN
    for priority, look in (("high", STRONG), ("low", PLAIN)):
        found = laid_out(task(priority=priority)).facts[2]
        assert found == Part([f"{priority} priority"], look)


@pytest.mark.spec("002/FR-211")
def test_layout_has_days_and_times_as_the_caller_has_them() -> None:
    tomorrow = task(due_on=TODAY + DAY)

    assert facts(tomorrow)[1] == "due tomorrow (Sat 3 Jan)"
    assert facts(tomorrow, TZ="XXX-23")[1] == "due today (Sat 3 Jan)"
    [added] = texts(laid_out(tomorrow, TZ="XXX-23").moments)
    assert added == "added 3 Jan 2026, 00:04 +23:00 (2 hours ago) by ada"
