"""Finding by number, id and range: what must exist, in which order it comes, and whose it is."""

from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest

from tests.support.size import share
from tests.support.stores import Store
from todo_cli.errors import NotFound
from todo_cli.service import TaskService
from todo_cli.task import (
    NewTask,
    Reference,
    Task,
    TaskChange,
    TaskQuery,
    TaskStatus,
)

Services = Callable[[str], TaskService]
Several = Callable[[TaskService, list[Reference]], Awaitable[list[Task]]]

# What sees no task in the trash.
LIVE: dict[str, Several] = {
    "find live": lambda tasks, references: tasks.find(
        references, is_live=True
    ),
    "complete": lambda tasks, references: tasks.complete(references),
    "delete": lambda tasks, references: tasks.delete(references),
}
SEVERAL: dict[str, Several] = {
    **LIVE,
    "find": lambda tasks, references: tasks.find(references),
    "restore": lambda tasks, references: tasks.restore(references),
    "purge": lambda tasks, references: tasks.purge(references),
}
several = pytest.mark.parametrize("use", SEVERAL.values(), ids=SEVERAL.keys())
with_each_gap = pytest.mark.parametrize(
    ("use", "gap"),
    [
        *(
            pytest.param(use, "purge", id=name)
            for name, use in SEVERAL.items()
        ),
        *(
            pytest.param(use, "delete", id=f"{name}, trash")
            for name, use in LIVE.items()
        ),
    ],
)


async def with_gaps(tasks: TaskService, gap: str = "purge") -> dict[int, Task]:
    """Store the tasks 1, 2, 4, 5 and 9, 5 and 9 of them done.

    3, 6, 7 and 8 were purged, or with `delete` are in the trash.
    """
    await tasks.add_all([NewTask(title=f"task {n}") for n in range(1, 10)])
    make = {"purge": tasks.purge, "delete": tasks.delete}[gap]
    await make([3, range(6, 9)])
    await tasks.complete([5, 9])
    return {
        task.number: task
        for task in (await tasks.list(TaskQuery(TaskStatus.ALL))).tasks
    }


def turn_of(store: Store, gap: str) -> int:
    """Which half of the cases a test has in the suite; all uses meet both halves."""
    return (store.kind == "sqlite") + (gap == "delete")


@pytest.mark.spec("001/FR-023")
async def test_get_finds_by_number_and_by_id(tasks: TaskService) -> None:
    task = (await tasks.add_all([NewTask(title="a"), NewTask(title="b")]))[
        1
    ].task

    assert await tasks.get(2) == task
    assert await tasks.get(task.id) == task


@pytest.mark.spec("001/FR-023")
async def test_get_says_what_is_not_there(tasks: TaskService) -> None:
    await tasks.add(NewTask(title="a"))

    for reference in (2, 999_999_999, uuid4()):
        with pytest.raises(NotFound, match=f"^No task {reference} for ada$"):
            await tasks.get(reference)


ORDERS: dict[str, tuple[list[Reference], list[int]]] = {
    "one": ([4], [4]),
    "order asked": ([4, 1, 9], [4, 1, 9]),
    "repeats": ([9, 9, 4, 9], [9, 4]),
    "range": ([range(1, 3)], [1, 2]),
    "range with holes": ([range(1, 10)], [1, 2, 4, 5, 9]),
    "range that ends in a hole": ([range(2, 4)], [2]),
    "range that begins in a hole": ([range(6, 10)], [9]),
    "range of a thousand": ([range(5, 1005)], [5, 9]),
    "ranges in the order asked": ([range(9, 10), range(1, 3)], [9, 1, 2]),
    "number, range around it, number in it": (
        [5, range(1, 10), 2],
        [5, 1, 2, 4, 9],
    ),
    "overlapping ranges": ([range(1, 5), range(2, 6)], [1, 2, 4, 5]),
    "one range twice": ([range(4, 5), range(4, 5)], [4]),
}


@pytest.mark.spec("001/FR-024")
@with_each_gap
async def test_several_come_in_the_order_asked(
    service: Services, use: Several, gap: str, store: Store
) -> None:
    orders = share(ORDERS.items(), turn_of(store, gap), 2)
    found = {}

    for user, (references, _) in orders:  # a list of its own for each case
        await with_gaps(service(user), gap)
        found[user] = [
            task.number for task in await use(service(user), references)
        ]

    assert found == {user: numbers for user, (_, numbers) in orders}


@pytest.mark.spec("001/FR-024")
async def test_several_may_mix_ids_numbers_and_ranges(
    tasks: TaskService,
) -> None:
    there = await with_gaps(tasks)
    named: list[Reference] = [
        there[4].id,
        range(1, 6),
        4,
        there[9].id,
        9,
        there[2].id,
    ]

    given = []
    # `restore` comes after `delete`, and `purge` at the end.
    for use in SEVERAL.values():
        given.append(await use(tasks, named))

    assert [[task.number for task in found] for found in given] == (
        [[4, 1, 2, 5, 9]] * len(SEVERAL)
    )


MISSING: dict[str, list[Reference]] = {
    "deleted": [3],
    "never there": [10],
    "second missing": [1, 3],
    "first missing": [3, 1],
    "last missing": [1, 2, 4, 5, 9, 10],
    "empty range": [range(6, 9)],
    "range beyond the end": [range(100, 1100)],
    "one range of two is empty": [range(1, 6), range(6, 9)],
    "empty range and a number": [range(6, 9), 1],
    "missing number within a range that holds others": [range(1, 5), 3],
    "as many references as tasks and a missing one": [1, 1, 3],
    "many repeats do not make up for the missing": [
        range(1, 10),
        range(1, 10),
        3,
        6,
        7,
        8,
    ],
}


@pytest.mark.spec("001/FR-025", "001/FR-030")
@with_each_gap
async def test_several_are_not_found_where_one_is_missing_and_nothing_changes(
    service: Services, use: Several, gap: str, store: Store
) -> None:
    missing = share(MISSING.items(), turn_of(store, gap), 2)
    before, after = {}, {}

    for user, references in missing:  # a list of its own for each case
        before[user] = await with_gaps(service(user), gap)
        with pytest.raises(NotFound):
            await use(service(user), references)
        after[user] = {
            task.number: task
            for task in (
                await service(user).list(TaskQuery(TaskStatus.ALL))
            ).tasks
        }

    assert after == before


@pytest.mark.spec("001/FR-025")
async def test_several_say_which_id_number_or_range_is_missing(
    tasks: TaskService,
) -> None:
    before = await with_gaps(tasks)
    unknown = uuid4()

    for name, use in SEVERAL.items():
        is_read = name.startswith("find")
        outcome = "" if is_read else "; nothing was changed"
        with pytest.raises(NotFound, match=f"^No task 77 for ada{outcome}$"):
            await use(tasks, [1, 77, 77])
        with pytest.raises(
            NotFound, match=f"^No task {unknown} for ada{outcome}$"
        ):
            await use(tasks, [1, before[2].id, unknown])
        with pytest.raises(NotFound) as both:
            await use(tasks, [77, 1, range(60, 66)])
        assert both.value.message == f"No tasks 77, 60-65 for ada{outcome}"
        where = "trash" if name.startswith("restore") else "all"
        command = f"`todo list --status {where}` shows "
        assert (both.value.hint or "").startswith(command)

    page = await tasks.list(TaskQuery(TaskStatus.ALL))
    assert {task.number: task for task in page.tasks} == before


EVERY_USE: dict[str, Callable[[TaskService, Reference], Awaitable[object]]] = {
    "get": lambda tasks, reference: tasks.get(single(reference)),
    "find": lambda tasks, reference: tasks.find([reference]),
    "find among own": lambda tasks, reference: tasks.find([1, reference]),
    "update": lambda tasks, reference: tasks.update(
        [reference], TaskChange(title="taken", completed=True)
    ),
    "update to the same": lambda tasks, reference: tasks.update(
        [reference], TaskChange(title="bob's 3")
    ),
    "complete": lambda tasks, reference: tasks.complete([reference]),
    "complete among own": lambda tasks, reference: tasks.complete(
        [1, reference]
    ),
    "undo": lambda tasks, reference: tasks.complete([reference], undo=True),
    "delete": lambda tasks, reference: tasks.delete([reference]),
    "delete among own": lambda tasks, reference: tasks.delete([reference, 1]),
    "restore": lambda tasks, reference: tasks.restore([reference]),
    "restore among own": lambda tasks, reference: tasks.restore(
        [1, reference]
    ),
    "purge": lambda tasks, reference: tasks.purge([reference]),
    "purge among own": lambda tasks, reference: tasks.purge([reference, 1]),
}


def single(reference: Reference) -> int | UUID:
    """The reference itself; a range of one number as that number, where only one task
    can be named.
    """
    return reference.start if isinstance(reference, range) else reference


@pytest.mark.spec("001/FR-013")
async def test_another_users_task_does_not_exist(service: Services) -> None:
    ada, bob = service("ada"), service("bob")
    mine = (await ada.add(NewTask(title="ada's 1"))).task
    theirs = [
        each.task
        for each in await bob.add_all(
            [NewTask(title=f"bob's {n}") for n in (1, 2, 3)]
        )
    ]

    for use in EVERY_USE.values():
        for reference in (3, theirs[2].id, range(3, 4)):
            with pytest.raises(NotFound):
                await use(ada, reference)

    assert (await ada.list(TaskQuery(TaskStatus.ALL))).tasks == [mine]
    assert (await bob.list(TaskQuery(TaskStatus.ALL))).tasks == theirs[::-1]


@pytest.mark.spec("001/FR-013")
@several
async def test_a_range_leaves_another_users_numbers_alone(
    service: Services, use: Several
) -> None:
    ada, bob = service("ada"), service("bob")
    await ada.add_all([NewTask(title=f"ada's {n}") for n in (1, 2)])
    await bob.add_all([NewTask(title=f"bob's {n}") for n in (1, 2, 3)])
    await bob.complete([2])
    before = await bob.list(TaskQuery(TaskStatus.ALL))

    found = await use(ada, [range(1, 1000)])

    assert [(task.user_id, task.number) for task in found] == [
        ("ada", 1),
        ("ada", 2),
    ]
    assert await bob.list(TaskQuery(TaskStatus.ALL)) == before
