"""The counts of `todo stats`: exact, in the caller's days, the same on both stores."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.cli.tampering import rewrite
from tests.service.backdoor import file_of, run_sql
from tests.support.oracle import counts
from tests.support.stores import Clock, Store
from tests.support.zones import ZONES
from todo_cli.database.engine import Database
from todo_cli.service import TaskService
from todo_cli.stats import DoneOn, OfProject, stats_values
from todo_cli.task import (
    Counts,
    NewTask,
    Task,
    TaskChange,
    TaskQuery,
    TaskStatus,
)

Services = Callable[[str], TaskService]
TODAY = date(2026, 1, 2)


def zone(name: str) -> ZoneInfo:
    """A time zone, as every machine has it."""
    with open(f"{ZONES}/{name}", "rb") as file:
        return ZoneInfo.from_file(file)


async def everything(tasks: TaskService) -> list[Task]:
    """All tasks of a user, also those in the trash."""
    found: list[Task] = []
    for status in (TaskStatus.ALL, TaskStatus.TRASH):
        page = await tasks.list(TaskQuery(status))
        found += page.tasks
    return found


@pytest.mark.spec("001/FR-128", "002/FR-450", "002/FR-451", "002/FR-452")
async def test_stats_count_what_a_walk_through_all_tasks_counts(
    service: Services, tasks: TaskService, clock: Clock
) -> None:
    now = clock.now
    projects = ("home", "home.kitchen", "Home", "é", "a b:c", None)
    # From before the oldest class of ages until now.
    for place in range(120, -1, -3):
        clock.now = now - timedelta(days=place, hours=place % 5)
        new = NewTask(
            title=f"task {place}",
            project=projects[place % 7 % 6],
            due_on=TODAY + timedelta(days=place % 5 - 2),
            wait_until=TODAY + timedelta(days=place % 3 - 1),
        )
        number = (await tasks.add(new)).task.number
        if place % 4 == 1:
            clock.tick(place * 3_600.0)
            await tasks.complete([number])
        if place % 10 == 2:
            await tasks.delete([number])
    await service("bob").add(NewTask(title="not ada's", project="home"))
    clock.now = now
    every = await everything(tasks)

    for name in ("UTC", "Pacific/Kiritimati", "America/New_York"):
        found = await tasks.stats(zone(name))
        assert stats_values(found) == counts(every, now, zone(name)), name
        assert found.open == sum(each.open for each in found.projects)
        assert found.overdue == sum(each.overdue for each in found.projects)
    listed = (await tasks.list()).counts
    found = await tasks.stats()
    assert listed == Counts(
        found.open, found.overdue, found.waiting, found.done
    )


@pytest.mark.spec("002/FR-450")
async def test_stats_count_exactly_beyond_a_thousand(
    tasks: TaskService,
) -> None:
    await tasks.add_all(
        [NewTask(title="a", project="p") for _ in range(1_203)]
    )
    await tasks.complete([range(1, 1_002)])

    found = await tasks.stats()

    assert (found.open, found.done, found.days[-1]) == (
        202,
        1_001,
        DoneOn(TODAY, 1_001),
    )


@pytest.mark.spec("002/FR-452")
async def test_stats_order_projects_by_tasks_then_name_none_last(
    tasks: TaskService,
) -> None:
    names = [None] * 4 + ["b", "é", "B", "a", "a", "waits", "done", "trash"]
    await tasks.add_all([NewTask(title="a", project=name) for name in names])
    await tasks.update([10], TaskChange(wait_until=date(2026, 1, 3)))
    await tasks.complete([11])
    await tasks.delete([12])

    found = await tasks.stats()

    assert found.projects == (
        OfProject("a", 2, 0),
        OfProject("B", 1, 0),
        OfProject("b", 1, 0),
        OfProject("é", 1, 0),
        OfProject(None, 4, 0),
    )


@pytest.mark.spec("002/FR-451")
@pytest.mark.parametrize(
    ("name", "now", "instants", "done"),
    [
        # 25 hours: clocks go back on 25 October.
        (
            "Europe/Berlin",
            datetime(2026, 10, 26, 12, tzinfo=UTC),
            ["2026-10-24T21:59:59", "2026-10-24T22:00", "2026-10-25T22:59:59"],
            {"2026-10-24": 1, "2026-10-25": 2},
        ),
        # 23 hours: they go forward on 29 March, 2026-03-28T23:00Z to 22:00Z.
        (
            "Europe/Berlin",
            datetime(2026, 3, 30, 12, tzinfo=UTC),
            ["2026-03-28T23:00", "2026-03-29T21:59:59", "2026-03-29T22:00"],
            {"2026-03-29": 2, "2026-03-30": 1},
        ),
        # There was no 30 December.
        (
            "Pacific/Apia",
            datetime(2011, 12, 31, 12, tzinfo=UTC),
            ["2011-12-30T09:59:59", "2011-12-30T10:00"],
            {"2011-12-29": 1, "2011-12-31": 1},
        ),
    ],
)
async def test_stats_count_in_days_of_any_length(
    tasks: TaskService,
    clock: Clock,
    name: str,
    now: datetime,
    instants: list[str],
    done: dict[str, int],
) -> None:
    for instant in instants:
        clock.now = datetime.fromisoformat(f"{instant}+00:00")
        number = (await tasks.add(NewTask(title="a"))).task.number
        await tasks.complete([number])
    clock.now = now

    found = await tasks.stats(zone(name))

    shown = {str(day): number for day, number in found.days if number}
    assert shown == done
    assert len(found.days) == 28


@pytest.mark.spec("002/FR-451")
async def test_stats_leave_out_days_before_the_28_and_after_today(
    tasks: TaskService, clock: Clock
) -> None:
    now = clock.now
    for distance in (-28, -27, 0, 1):
        clock.now = now + timedelta(days=distance)
        number = (await tasks.add(NewTask(title="a"))).task.number
        await tasks.complete([number])
    clock.now = now

    found = await tasks.stats()

    days = [each.done for each in found.days]
    assert days == [1, *([0] * 26), 1]
    assert found.done == 4


@pytest.mark.spec("002/FR-453")
async def test_stats_sort_open_tasks_into_ages(
    tasks: TaskService, clock: Clock
) -> None:
    now = clock.now
    for age in (-1, 0, 1, 6, 7, 29, 30, 89, 90, 900):
        clock.now = now - timedelta(days=age)
        await tasks.add(NewTask(title="a"))
    clock.now = now

    found = await tasks.stats()

    assert found.ages == {
        "today": 2,
        "week": 2,
        "month": 2,
        "quarter": 2,
        "older": 2,
    }
    assert found.oldest == now - timedelta(days=900)


@pytest.mark.spec("002/FR-450")
@pytest.mark.parametrize("year", [1, 1800, 9999])
async def test_stats_can_be_asked_at_the_ends_of_the_calendar(
    tasks: TaskService, clock: Clock, year: int
) -> None:
    await tasks.add(NewTask(title="a", due_on=TODAY))
    clock.now = datetime(year, 12, 31, 23, tzinfo=UTC)
    if year == 1:
        clock.now = datetime(1, 1, 1, tzinfo=UTC)

    found = await tasks.stats(zone("Europe/Berlin"))

    assert (found.open, len(found.days)) == (1, 28)


@pytest.mark.spec("002/FR-450")
@pytest.mark.nothing_made
async def test_stats_of_an_absent_store_are_those_of_a_user_without_tasks(
    database: Database, tasks: TaskService, service: Services
) -> None:
    absent = await tasks.stats()
    assert database.created is False
    await service("bob").add(NewTask(title="a"))

    assert await tasks.stats() == absent
    assert (absent.open, absent.oldest, absent.projects) == (0, None, ())
    assert [each.done for each in absent.days] == [0] * 28


@pytest.mark.spec("001/FR-128")
async def test_stats_count_what_another_program_stored(
    store: Store, tasks: TaskService, clock: Clock
) -> None:
    await tasks.add_all([NewTask(title="a", project="p") for _ in range(3)])
    if store.kind == "sqlite":
        rewrite(
            file_of(store),
            "UPDATE task SET project = x'70' WHERE number = 1",
            "UPDATE task SET created_at = '0' WHERE number = 2",
        )
    else:
        loose = "ALTER TABLE todo.task DROP CONSTRAINT created_at_instant"
        await run_sql(store, loose)
        first = "UPDATE todo.task SET created_at = '-infinity'"
        await run_sql(store, f"{first} WHERE number = 2")

    found = await tasks.stats()

    assert found.projects == (OfProject("p", 3, 0),)
    assert (found.open, found.ages["older"]) == (3, 1)
    # SQLite has no type for times, so the one before all others is none.
    oldest = None if store.kind == "sqlite" else clock.now
    assert found.oldest == oldest
