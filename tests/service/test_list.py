"""Listing: order, status, limit, counts, and nobody else's tasks."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date

import pytest

from tests.support.stores import Clock
from todo_cli.service import TaskService
from todo_cli.task import Counts, NewTask, TaskPage, TaskQuery, TaskStatus

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
async def test_list_goes_by_time_before_number(
    tasks: TaskService, clock: Clock
) -> None:
    start = clock.now
    # Whole seconds among fractions: text without `.000000` would sort wrongly.
    for offset in (0.5, 0.0, 1.0, 0.25, -10.0, -10.000001):
        clock.now = start
        clock.tick(offset)
        await tasks.add(NewTask(title="a"))

    assert numbers(await tasks.list()) == [3, 1, 4, 2, 5, 6]


@pytest.mark.spec("001/FR-019")
async def test_list_orders_tasks_of_one_instant_by_number(
    tasks: TaskService,
) -> None:
    await tasks.add_all([NewTask(title=f"task {n}") for n in range(12)])
    opened = [
        numbers(await tasks.list(TaskQuery(status, limit=5)))
        for status in (TaskStatus.OPEN, TaskStatus.ALL)
    ]
    await tasks.complete([range(1, 13)])

    done = numbers(await tasks.list(TaskQuery(TaskStatus.DONE, limit=5)))

    assert [*opened, done] == [[12, 11, 10, 9, 8]] * 3


@pytest.mark.spec("001/FR-001", "001/FR-020", "001/FR-021")
async def test_list_holds_at_most_the_limit_of_its_status_and_counts(
    five: TaskService,
) -> None:
    whole = {
        TaskStatus.OPEN: [5, 3, 1],
        TaskStatus.WAITING: [],
        TaskStatus.DONE: [4, 2],
        TaskStatus.ALL: [5, 4, 3, 2, 1],
        TaskStatus.TRASH: [],
    }
    queries = [
        TaskQuery(status, limit=limit)
        for status in TaskStatus
        for limit in (None, 1, 2, 3, 999_999_999)
    ]

    pages = [await five.list(query) for query in queries]

    assert [numbers(page) for page in pages] == [
        whole[query.status][: query.limit] for query in queries
    ]
    assert [page.query for page in pages] == queries
    # With a limit, only where there is no task to show.
    everything = Counts(open=3, done=2)
    for page in pages:
        found = len(whole[page.query.status])
        if page.query.limit is None:
            assert page.counts == everything
        elif page.tasks:
            assert page.counts == Counts(None, None, None, None, found)
        else:
            assert page.counts == replace(everything, found=0)
    assert await five.list() == pages[0]
    assert pages[15].tasks == [
        await five.get(number) for number in (5, 4, 3, 2, 1)
    ]


@pytest.mark.spec("001/FR-021")
async def test_list_without_tasks_still_counts(tasks: TaskService) -> None:
    await tasks.add_all([NewTask(title="a"), NewTask(title="b")])
    done = [
        await tasks.list(TaskQuery(TaskStatus.DONE, limit=limit))
        for limit in (None, 20)
    ]
    await tasks.complete([1, 2])
    opened = [
        await tasks.list(TaskQuery(TaskStatus.OPEN, limit=limit))
        for limit in (None, 20)
    ]

    assert [
        (page.tasks, page.counts.open, page.counts.done) for page in done
    ] == ([([], 2, 0)] * 2)
    assert [
        (page.tasks, page.counts.open, page.counts.done) for page in opened
    ] == ([([], 0, 2)] * 2)


@pytest.mark.spec("001/FR-020", "001/FR-021")
async def test_list_stops_counting_at_1001_and_holds_more(
    tasks: TaskService,
) -> None:
    async def counts() -> set[tuple[int | None, int | None]]:
        # A list of nothing has the same counts as one without a limit, but not
        # how many wait and are done where more are open than are counted.
        nothing = await tasks.list(TaskQuery(TaskStatus.TRASH, limit=2))
        whole = (await tasks.list(TaskQuery())).counts
        found = {(whole.open, whole.done)}
        if whole.open == 1001:
            assert nothing.counts == replace(
                whole, waiting=None, done=None, found=0
            )
        else:
            assert nothing.counts == replace(whole, found=0)
        limited = []
        for status in (TaskStatus.OPEN, TaskStatus.DONE, TaskStatus.ALL):
            page = await tasks.list(TaskQuery(status, limit=2))
            limited.append(page.counts.found)
        [(open_, done)] = found
        assert limited == [open_, done, min((open_ or 0) + (done or 0), 1001)]
        return found

    steps: list[Callable[[], Awaitable[object]]] = [
        lambda: tasks.add_all([NewTask(title="a")] * 1000),
        lambda: tasks.add_all([NewTask(title="a")]),
        lambda: tasks.add_all([NewTask(title="a")] * 1002),
        lambda: tasks.complete([range(1, 1001)]),
        lambda: tasks.complete([1001, 1002]),
        lambda: tasks.complete([range(1, 1000), range(1000, 1997)]),
    ]

    seen = []
    for step in steps:
        await step()
        seen.append(await counts())

    assert seen == [
        {(1000, 0)},
        {(1001, 0)},
        {(1001, 0)},
        {(1001, 1000)},
        {(1001, 1001)},
        {(7, 1001)},
    ]
    assert len((await tasks.list(TaskQuery(TaskStatus.ALL))).tasks) == 2003


@pytest.mark.spec("001/FR-013")
async def test_list_holds_and_counts_only_the_users_own_tasks(
    five: TaskService, service: Services
) -> None:
    bob = service("bob")
    theirs = (await bob.add(NewTask(title="bob's"))).task
    everything = TaskQuery(TaskStatus.ALL)

    ada_sees, bob_sees = (
        await five.list(everything),
        await bob.list(everything),
    )

    assert {task.user_id for task in ada_sees.tasks} == {"ada"}
    today = date(2026, 1, 2)
    assert len(ada_sees.tasks) == 5
    assert ada_sees.counts == Counts(open=3, done=2)
    assert bob_sees == TaskPage([theirs], Counts(open=1), everything, today)
    nothing = TaskPage([], Counts(), everything, today)
    assert await service("eve").list(everything) == nothing


@pytest.mark.spec("001/FR-019")
@pytest.mark.parametrize("status", TaskStatus)
async def test_list_goes_on_after_a_page_until_there_is_no_more(
    five: TaskService, status: TaskStatus
) -> None:
    await five.add_all([NewTask(title="at one instant")] * 7)
    await five.complete([7, 9, 10])
    wanted = await five.list(TaskQuery(status))

    for limit in (1, 2, 3, 12):
        pages = [await five.list(TaskQuery(status, limit=limit))]
        while pages[-1].next is not None:
            after = TaskQuery(status, limit=limit, after=pages[-1].next)
            pages.append(await five.list(after))
        assert [task for page in pages for task in page.tasks] == wanted.tasks
        assert [len(page.tasks) for page in pages[:-1]] == [limit] * (
            len(pages) - 1
        )
        assert {page.counts.found for page in pages} == {len(wanted.tasks)}
        assert (wanted.next, len(pages)) == (
            None,
            max(-(-len(wanted.tasks) // limit), 1),
        )


@pytest.mark.spec("001/FR-019")
async def test_list_goes_on_where_it_was_while_tasks_come_and_go(
    five: TaskService, clock: Clock
) -> None:
    page = await five.list(TaskQuery(TaskStatus.ALL, limit=2))
    clock.tick()
    await five.add(NewTask(title="task 6"))
    await five.delete([4, 3])

    assert numbers(page) == [5, 4]
    assert numbers(
        await five.list(TaskQuery(TaskStatus.ALL, after=page.next))
    ) == [2, 1]
