"""Listing: order, status, limit, counts, and nobody else's tasks."""

from collections.abc import Callable

import pytest

from tests.support.stores import Clock
from todo_cli.service import TaskService
from todo_cli.task import NewTask, TaskPage, TaskQuery, TaskStatus

Services = Callable[[str], TaskService]


def numbers(page: TaskPage) -> list[int]:
    """The numbers of a page, in its order."""
    return [task.number for task in page.tasks]


@pytest.fixture
async def five(tasks: TaskService, clock: Clock) -> TaskService:
    """Five tasks, each a second after the other; 2 and 4 are done."""
    for n in range(1, 6):
        await tasks.add(NewTask(title=f"task {n}"))
        clock.tick()
    await tasks.complete([4, 2])
    return tasks


@pytest.mark.spec("001/FR-019")
async def test_list_is_newest_first(five: TaskService) -> None:
    assert numbers(await five.list(TaskQuery(TaskStatus.ALL))) == [5, 4, 3, 2, 1]


@pytest.mark.spec("001/FR-019")
async def test_list_goes_by_time_before_number(
    tasks: TaskService, clock: Clock
) -> None:
    for seconds in (0, -10, 5, -0.000001):
        clock.tick(seconds)
        await tasks.add(NewTask(title="a"))

    page = await tasks.list()

    # at 0 s, -10 s, -5 s, -5.000001 s
    assert numbers(page) == [1, 3, 4, 2]


@pytest.mark.spec("001/FR-019")
async def test_list_orders_times_of_different_length_as_times(
    tasks: TaskService, clock: Clock
) -> None:
    start = clock.now
    for offset in (
        0.5,
        0.0,
        1.0,
        0.25,
    ):  # whole seconds among fractions: text without `.000000` would sort wrongly
        clock.now = start
        clock.tick(offset)
        await tasks.add(NewTask(title="a"))

    assert numbers(await tasks.list()) == [3, 1, 4, 2]


@pytest.mark.spec("001/FR-019")
@pytest.mark.parametrize("status", TaskStatus)
async def test_list_orders_tasks_of_one_instant_by_number(
    tasks: TaskService, status: TaskStatus
) -> None:
    await tasks.add_all([NewTask(title=f"task {n}") for n in range(12)])
    if status is TaskStatus.DONE:
        await tasks.complete([range(1, 13)])

    page = await tasks.list(TaskQuery(status, 5))

    assert numbers(page) == [12, 11, 10, 9, 8]


@pytest.mark.spec("001/FR-020")
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (TaskStatus.OPEN, [5, 3, 1]),
        (TaskStatus.DONE, [4, 2]),
        (TaskStatus.ALL, [5, 4, 3, 2, 1]),
    ],
)
async def test_list_holds_the_tasks_of_its_status(
    five: TaskService, status: TaskStatus, expected: list[int]
) -> None:
    page = await five.list(TaskQuery(status))

    assert numbers(page) == expected
    assert page.query == TaskQuery(status)


@pytest.mark.spec("001/FR-020")
async def test_list_holds_open_tasks_unless_told_otherwise(five: TaskService) -> None:
    assert await five.list() == await five.list(TaskQuery(TaskStatus.OPEN))


@pytest.mark.spec("001/FR-020")
@pytest.mark.parametrize(
    ("limit", "expected"),
    [(1, [5]), (2, [5, 3]), (3, [5, 3, 1]), (4, [5, 3, 1]), (999_999_999, [5, 3, 1])],
)
async def test_list_holds_at_most_the_limit(
    five: TaskService, limit: int, expected: list[int]
) -> None:
    page = await five.list(TaskQuery(limit=limit))

    assert (numbers(page), page.query.limit) == (expected, limit)


@pytest.mark.spec("001/FR-001")
async def test_list_holds_whole_tasks(five: TaskService) -> None:
    page = await five.list(TaskQuery(TaskStatus.ALL))

    assert page.tasks == [await five.get(number) for number in (5, 4, 3, 2, 1)]


@pytest.mark.spec("001/FR-021")
@pytest.mark.parametrize("status", TaskStatus)
@pytest.mark.parametrize("limit", [None, 1, 2])
async def test_list_counts_all_tasks_whatever_is_listed(
    five: TaskService, status: TaskStatus, limit: int | None
) -> None:
    page = await five.list(TaskQuery(status, limit))

    assert (page.open_count, page.done_count) == (3, 2)


@pytest.mark.spec("001/FR-021")
@pytest.mark.parametrize(
    ("complete", "status"), [(True, TaskStatus.OPEN), (False, TaskStatus.DONE)]
)
async def test_list_without_tasks_still_counts(
    tasks: TaskService, complete: bool, status: TaskStatus
) -> None:
    await tasks.add_all([NewTask(title="a"), NewTask(title="b")])
    if complete:
        await tasks.complete([1, 2])

    for page in (
        await tasks.list(TaskQuery(status)),
        await tasks.list(TaskQuery(status, 20)),
    ):
        assert page.tasks == []
        assert (page.open_count, page.done_count) == ((0, 2) if complete else (2, 0))


@pytest.mark.spec("001/FR-021")
async def test_list_counts_nothing_for_a_user_without_tasks(
    five: TaskService, service: Services
) -> None:
    page = await service("bob").list(TaskQuery(TaskStatus.ALL))

    assert page == TaskPage([], 0, 0, TaskQuery(TaskStatus.ALL))


@pytest.mark.spec("001/FR-021")
@pytest.mark.parametrize(
    ("total", "done", "expected"),
    [
        (1000, 0, (1000, 0)),
        (1001, 0, (1001, 0)),
        (1003, 0, (1001, 0)),
        (2003, 1000, (1001, 1000)),
        (1010, 1003, (7, 1001)),
        (2010, 1002, (1001, 1001)),
    ],
)
async def test_list_stops_counting_at_1001(
    tasks: TaskService, total: int, done: int, expected: tuple[int, int]
) -> None:
    await tasks.add_all([NewTask(title="a")] * total)
    if done:
        await tasks.complete([range(1, done + 1)])

    for status in TaskStatus:
        page = await tasks.list(TaskQuery(status, 2))
        assert (page.open_count, page.done_count) == expected


@pytest.mark.spec("001/FR-020")
@pytest.mark.spec("001/FR-021")
async def test_list_without_a_limit_holds_more_than_it_counts(
    tasks: TaskService,
) -> None:
    await tasks.add_all([NewTask(title="a")] * 1500)

    page = await tasks.list()

    assert (len(page.tasks), page.open_count) == (1500, 1001)


@pytest.mark.spec("001/FR-013")
async def test_list_holds_and_counts_only_the_users_own_tasks(
    five: TaskService, service: Services
) -> None:
    bob = service("bob")
    theirs = (await bob.add(NewTask(title="bob's"))).task

    ada_sees, bob_sees = (
        await five.list(TaskQuery(TaskStatus.ALL)),
        await bob.list(TaskQuery(TaskStatus.ALL)),
    )

    assert {task.user_id for task in ada_sees.tasks} == {"ada"}
    assert (len(ada_sees.tasks), ada_sees.open_count, ada_sees.done_count) == (5, 3, 2)
    assert bob_sees == TaskPage([theirs], 1, 0, TaskQuery(TaskStatus.ALL))


@pytest.mark.spec("001/FR-019")
@pytest.mark.parametrize("status", TaskStatus)
@pytest.mark.parametrize("limit", [1, 2, 3, 12])
async def test_list_goes_on_after_a_page_until_there_is_no_more(
    five: TaskService, clock: Clock, status: TaskStatus, limit: int
) -> None:
    await five.add_all([NewTask(title="at one instant")] * 7)
    await five.complete([7, 9, 10])
    wanted = await five.list(TaskQuery(status))

    pages = [await five.list(TaskQuery(status, limit))]
    while pages[-1].next is not None:
        pages.append(await five.list(TaskQuery(status, limit, after=pages[-1].next)))

    assert [task for page in pages for task in page.tasks] == wanted.tasks
    assert [len(page.tasks) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert {(page.open_count, page.done_count) for page in pages} == {
        (wanted.open_count, wanted.done_count)
    }
    assert (wanted.next, len(pages)) == (None, -(-len(wanted.tasks) // limit))


@pytest.mark.spec("001/FR-019")
async def test_list_goes_on_where_it_was_while_tasks_come_and_go(
    five: TaskService, clock: Clock
) -> None:
    page = await five.list(TaskQuery(TaskStatus.ALL, 2))
    clock.tick()
    await five.add(NewTask(title="task 6"))
    await five.delete([4, 3])

    assert numbers(page) == [5, 4]
    assert numbers(await five.list(TaskQuery(TaskStatus.ALL, after=page.next))) == [
        2,
        1,
    ]
