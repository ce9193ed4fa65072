"""Finding by number, id and range: what must exist, in which order it comes, and whose it is."""

from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest

from todo_cli.errors import NotFound
from todo_cli.models import Reference, TaskCreate, TaskPublic, TaskStatus, TaskUpdate
from todo_cli.service import TaskService

Services = Callable[[str], TaskService]
Several = Callable[[TaskService, list[Reference]], Awaitable[list[TaskPublic]]]

SEVERAL: dict[str, Several] = {
    "find": lambda tasks, references: tasks.find(references),
    "complete": lambda tasks, references: tasks.complete(references),
    "delete": lambda tasks, references: tasks.delete(references),
}
several = pytest.mark.parametrize("use", SEVERAL.values(), ids=SEVERAL.keys())


async def with_gaps(tasks: TaskService) -> dict[int, TaskPublic]:
    """Store the tasks 1, 2, 4, 5 and 9 (3, 6, 7 and 8 were deleted), 5 and 9 of them done."""
    await tasks.add_all([TaskCreate(title=f"task {n}") for n in range(1, 10)])
    await tasks.delete([3, range(6, 9)])
    await tasks.complete([5, 9])
    return {task.number: task for task in (await tasks.list(TaskStatus.ALL)).tasks}


@pytest.mark.spec("001/FR-023")
async def test_get_finds_by_number_and_by_id(tasks: TaskService) -> None:
    task = (await tasks.add_all([TaskCreate(title="a"), TaskCreate(title="b")]))[1].task

    assert await tasks.get(2) == task
    assert await tasks.get(task.id) == task


@pytest.mark.spec("001/FR-023")
@pytest.mark.parametrize("number", [2, 999_999_999])
async def test_get_says_which_number_is_not_there(tasks: TaskService, number: int) -> None:
    await tasks.add(TaskCreate(title="a"))

    with pytest.raises(NotFound) as error:
        await tasks.get(number)

    assert error.value.message == f"No task {number} for ada"


@pytest.mark.spec("001/FR-023")
async def test_get_says_which_id_is_not_there(tasks: TaskService) -> None:
    await tasks.add(TaskCreate(title="a"))
    unknown = uuid4()

    with pytest.raises(NotFound) as error:
        await tasks.get(unknown)

    assert str(unknown) in error.value.message


@pytest.mark.spec("001/FR-024")
@several
@pytest.mark.parametrize(
    ("references", "expected"),
    [
        pytest.param([4], [4], id="one"),
        pytest.param([4, 1, 9], [4, 1, 9], id="order asked"),
        pytest.param([9, 9, 4, 9], [9, 4], id="repeats"),
        pytest.param([range(1, 3)], [1, 2], id="range"),
        pytest.param([range(1, 10)], [1, 2, 4, 5, 9], id="range with holes"),
        pytest.param([range(2, 4)], [2], id="range that ends in a hole"),
        pytest.param([range(6, 10)], [9], id="range that begins in a hole"),
        pytest.param([range(5, 1005)], [5, 9], id="range of a thousand"),
        pytest.param([range(9, 10), range(1, 3)], [9, 1, 2], id="ranges in the order asked"),
        pytest.param([5, range(1, 10), 2], [5, 1, 2, 4, 9], id="number, range around it, number in it"),
        pytest.param([range(1, 5), range(2, 6)], [1, 2, 4, 5], id="overlapping ranges"),
        pytest.param([range(4, 5), range(4, 5)], [4], id="one range twice"),
    ],
)
async def test_several_come_in_the_order_asked(
    tasks: TaskService, use: Several, references: list[Reference], expected: list[int]
) -> None:
    await with_gaps(tasks)

    found = await use(tasks, references)

    assert [task.number for task in found] == expected


@pytest.mark.spec("001/FR-024")
@several
async def test_several_may_mix_ids_numbers_and_ranges(tasks: TaskService, use: Several) -> None:
    there = await with_gaps(tasks)

    found = await use(tasks, [there[4].id, range(1, 6), 4, there[9].id, 9, there[2].id])

    assert [task.number for task in found] == [4, 1, 2, 5, 9]


@pytest.mark.spec("001/FR-025")
@pytest.mark.spec("001/FR-030")
@several
@pytest.mark.parametrize(
    "references",
    [
        pytest.param([3], id="deleted"),
        pytest.param([10], id="never there"),
        pytest.param([1, 3], id="second missing"),
        pytest.param([3, 1], id="first missing"),
        pytest.param([1, 2, 4, 5, 9, 10], id="last missing"),
        pytest.param([range(6, 9)], id="empty range"),
        pytest.param([range(100, 1100)], id="range beyond the end"),
        pytest.param([range(1, 6), range(6, 9)], id="one range of two is empty"),
        pytest.param([range(6, 9), 1], id="empty range and a number"),
        pytest.param([range(1, 5), 3], id="missing number within a range that holds others"),
        pytest.param([1, 1, 3], id="as many references as tasks and a missing one"),
        pytest.param([range(1, 10), range(1, 10), 3, 6, 7, 8], id="many repeats do not make up for the missing"),
    ],
)
async def test_several_are_not_found_where_one_is_missing_and_nothing_changes(
    tasks: TaskService, use: Several, references: list[Reference]
) -> None:
    before = await with_gaps(tasks)

    with pytest.raises(NotFound):
        await use(tasks, references)

    assert {task.number: task for task in (await tasks.list(TaskStatus.ALL)).tasks} == before


@pytest.mark.spec("001/FR-025")
@several
async def test_several_are_not_found_where_an_id_is_missing(tasks: TaskService, use: Several) -> None:
    before = await with_gaps(tasks)
    unknown = uuid4()

    with pytest.raises(NotFound) as error:
        await use(tasks, [1, before[2].id, unknown])

    assert str(unknown) in error.value.message
    assert {task.number: task for task in (await tasks.list(TaskStatus.ALL)).tasks} == before


@pytest.mark.spec("001/FR-025")
@several
async def test_several_say_which_number_or_range_is_missing(tasks: TaskService, use: Several) -> None:
    await with_gaps(tasks)

    with pytest.raises(NotFound) as number:
        await use(tasks, [1, 77])
    with pytest.raises(NotFound) as empty_range:
        await use(tasks, [1, range(60, 66)])

    assert "77" in number.value.message
    assert "60-65" in empty_range.value.message


EVERY_USE: dict[str, Callable[[TaskService, Reference], Awaitable[object]]] = {
    "get": lambda tasks, reference: tasks.get(single(reference)),
    "find": lambda tasks, reference: tasks.find([reference]),
    "find among own": lambda tasks, reference: tasks.find([1, reference]),
    "update": lambda tasks, reference: tasks.update(single(reference), TaskUpdate(title="taken", completed=True)),
    "update to the same": lambda tasks, reference: tasks.update(single(reference), TaskUpdate(title="bob's 3")),
    "complete": lambda tasks, reference: tasks.complete([reference]),
    "complete among own": lambda tasks, reference: tasks.complete([1, reference]),
    "undo": lambda tasks, reference: tasks.complete([reference], undo=True),
    "delete": lambda tasks, reference: tasks.delete([reference]),
    "delete among own": lambda tasks, reference: tasks.delete([reference, 1]),
}


def single(reference: Reference) -> int | UUID:
    """The reference itself; a range of one number as that number, where only one task can be named."""
    return reference.start if isinstance(reference, range) else reference


@pytest.mark.spec("001/FR-013")
@pytest.mark.parametrize("use", EVERY_USE.values(), ids=EVERY_USE.keys())
@pytest.mark.parametrize("named_by", ["number", "id", "range"])
async def test_another_users_task_does_not_exist(
    service: Services, use: Callable[[TaskService, Reference], Awaitable[object]], named_by: str
) -> None:
    ada, bob = service("ada"), service("bob")
    [mine] = [each.task for each in await ada.add_all([TaskCreate(title="ada's 1")])]
    theirs = [each.task for each in await bob.add_all([TaskCreate(title=f"bob's {n}") for n in (1, 2, 3)])]
    references: dict[str, Reference] = {"number": 3, "id": theirs[2].id, "range": range(3, 4)}

    with pytest.raises(NotFound):
        await use(ada, references[named_by])

    assert (await ada.list(TaskStatus.ALL)).tasks == [mine]
    assert (await bob.list(TaskStatus.ALL)).tasks == theirs[::-1]


@pytest.mark.spec("001/FR-013")
@several
async def test_a_range_leaves_another_users_numbers_alone(service: Services, use: Several) -> None:
    ada, bob = service("ada"), service("bob")
    await ada.add_all([TaskCreate(title=f"ada's {n}") for n in (1, 2)])
    await bob.add_all([TaskCreate(title=f"bob's {n}") for n in (1, 2, 3)])
    await bob.complete([2])
    before = await bob.list(TaskStatus.ALL)

    found = await use(ada, [range(1, 1000)])

    assert [(task.user_id, task.number) for task in found] == [("ada", 1), ("ada", 2)]
    assert await bob.list(TaskStatus.ALL) == before
