"""A task laid out for people: what is set, with days and times in words."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tests.output.values import DAY, NOW, TODAY, context, done, task
from todo_cli.output.card import rows
from todo_cli.output.views import Card
from todo_cli.task import Task

ADDED = "2 hours ago (2026-01-02 01:04:05 UTC)"


def shown(one: Task, **variables: str) -> dict[str, str]:
    """The rows of a task."""
    there = context(variables=variables or None)
    return dict(rows(Card(one, there)))


@pytest.mark.spec("002/FR-013", "002/FR-211")
def test_rows_have_what_is_set() -> None:
    assert shown(task(7)) == {
        "Status": "open",
        "Added": ADDED,
        "User": "ada",
        "Version": "1",
        "ID": str(UUID(int=7)),
    }


@pytest.mark.spec("002/FR-013", "002/FR-211")
def test_rows_have_every_field_in_the_order_in_which_people_ask() -> None:
    everything = task(
        due_on=TODAY + 3 * DAY,
        wait_until=TODAY + DAY,
        priority="high",
        project="home.kitchen",
        tags=["errand", "food"],
        updated_at=NOW - timedelta(minutes=5),
        version=12,
    )

    assert list(shown(everything).items()) == [
        ("Status", "waiting"),
        ("Due", "Mon 5 Jan (2026-01-05)"),
        ("Waits until", "tomorrow (2026-01-03)"),
        ("Priority", "high"),
        ("Project", "home.kitchen"),
        ("Tags", "errand food"),
        ("Added", ADDED),
        ("Changed", "5 minutes ago (2026-01-02 02:59:05 UTC)"),
        ("User", "ada"),
        ("Version", "12"),
        ("ID", str(UUID(int=1))),
    ]


@pytest.mark.spec("002/FR-211")
def test_rows_of_a_done_task_say_when_and_never_that_it_is_overdue() -> None:
    late = TODAY - 2 * DAY
    found = shown(done(due_on=late))

    assert found["Status"] == "done"
    assert found["Due"] == "Wed 31 Dec 2025 (2025-12-31)"
    assert found["Done"] == "1 hour ago (2026-01-02 02:04:05 UTC)"
    assert "Changed" not in found
    assert shown(task(due_on=late))["Due"] == "overdue 2 days (2025-12-31)"


@pytest.mark.spec("002/FR-211", "002/FR-229")
def test_rows_of_a_task_in_the_trash_say_since_when() -> None:
    at = NOW - timedelta(minutes=5)
    late = task(due_on=TODAY - DAY, deleted_at=at, updated_at=at)
    found = shown(late)

    assert found["Status"] == "trash"
    assert found["Due"] == "yesterday (2026-01-01)"
    assert found["Deleted"] == "5 minutes ago (2026-01-02 02:59:05 UTC)"
    assert "Changed" not in found


ZONES = {
    "XXX-5:30": "2026-01-02 06:34:05 +05:30",
    "XXX9:30": "2026-01-01 15:34:05 -09:30",
    "XXX1": "2026-01-02 00:04:05 -01:00",
    "UTC": "2026-01-02 01:04:05 UTC",
    "Nowhere/Land": "2026-01-02 01:04:05 UTC",
}


@pytest.mark.spec("002/FR-211")
def test_rows_have_times_in_the_zone_of_the_caller() -> None:
    found = {zone: shown(task(), TZ=zone)["Added"] for zone in ZONES}

    assert found == {
        zone: f"2 hours ago ({exact})" for zone, exact in ZONES.items()
    }


@pytest.mark.spec("002/FR-211")
def test_rows_have_days_as_the_caller_has_them() -> None:
    tomorrow = task(due_on=TODAY + DAY)

    assert shown(tomorrow)["Due"] == "tomorrow (2026-01-03)"
    assert shown(tomorrow, TZ="XXX-23")["Due"] == "today (2026-01-03)"


def test_rows_survive_the_first_and_the_last_instant() -> None:
    for instant in (
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    ):
        for zone in ("XXX-23", "XXX23"):
            assert "Added" in shown(task(created_at=instant), TZ=zone)
