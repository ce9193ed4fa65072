"""Adding: numbers, ids, repeats, several at once."""

import asyncio
from collections.abc import Callable, Sequence
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

import pytest

from tests.service.backdoor import fetch_all, run_sql
from tests.support.stores import Clock, Store
from todo_cli.database.engine import open_database
from todo_cli.database.run import OF_A_RULE
from todo_cli.errors import Conflict, NotFound
from todo_cli.service import TaskService
from todo_cli.task import NewTask, Task, TaskQuery, TaskStatus

Services = Callable[[str], TaskService]


def with_ids(ids: Sequence[UUID]) -> list[NewTask]:
    """What makes a task of each id."""
    return [NewTask(title="clash", id=id) for id in ids]


async def add(tasks: TaskService, *titles: str) -> list[Task]:
    """Add titles one by one."""
    return [(await tasks.add(NewTask(title=title))).task for title in titles]


async def everything(tasks: TaskService) -> list[Task]:
    """All tasks of the user, the lowest number first."""
    return sorted(
        (await tasks.list(TaskQuery(TaskStatus.ALL))).tasks,
        key=lambda task: task.number,
    )


@pytest.mark.spec("001/FR-001", "001/FR-010", "001/FR-011", "001/FR-014")
async def test_add_gives_the_whole_task_back(
    tasks: TaskService, clock: Clock
) -> None:
    id = uuid4()

    added = await tasks.add(
        NewTask(title=" Buy milk ", description="2 l\r\nfresh", id=id)
    )

    assert added.is_new is True
    assert added.task == Task(
        id=id,
        number=1,
        user_id="ada",
        title="Buy milk",
        description="2 l\nfresh",
        completed=False,
        created_at=clock.now,
        updated_at=clock.now,
        completed_at=None,
    )
    assert await tasks.get(1) == added.task


@pytest.mark.spec("001/FR-002")
async def test_add_makes_a_random_id_or_takes_any(tasks: TaskService) -> None:
    first, second = await add(tasks, "a", "b")

    assert (first.id.version, second.id.version) == (4, 4)
    assert first.id != second.id
    for id in (UUID(int=0), UUID(int=2**128 - 1), uuid5(NAMESPACE_URL, "a")):
        await tasks.add(NewTask(title="a", id=id))
        assert (await tasks.get(id)).id == id


@pytest.mark.spec("001/FR-005", "001/FR-006", "001/FR-007", "001/FR-009")
async def test_add_keeps_text_as_it_is(service: Services) -> None:
    longest = "\U0001f600" * 255
    tasks = service(longest)
    texts = [
        "[/] [bold]x :smile:",
        "'; DROP TABLE task; --",
        "%s $1 ?1 :name",
        "\\x1b \\n",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u200f\u05e9\u05dc\u05d5\u05dd\u200f",
        "e\u0301 is not \u00e9",
        longest[:200],
    ]

    for text in texts:
        await tasks.add(NewTask(title=text, description=f"\t{text}\n"))
    await tasks.add(NewTask(title="long", description="\U0001f600" * 10_000))

    *stored, long = await everything(tasks)
    assert [(task.title, task.description) for task in stored] == [
        (text, f"\t{text}\n") for text in texts
    ]
    assert long.description == "\U0001f600" * 10_000
    assert {task.user_id for task in stored} == {longest}


@pytest.mark.spec("001/FR-003", "001/FR-013")
async def test_add_counts_from_one_for_each_user_by_the_exact_name(
    service: Services,
) -> None:
    users = ["ada", "bob", "ada", "ada", "Ada", "ad\u0430", "ada%", "bob"]

    numbers = [
        (await service(user).add(NewTask(title="a"))).task.number
        for user in users
    ]

    assert numbers == [1, 1, 2, 3, 1, 1, 1, 2]


@pytest.mark.spec("001/FR-004")
@pytest.mark.parametrize("use", ["delete", "purge"])
async def test_add_never_gives_a_number_again_after_a_delete(
    tasks: TaskService, use: str
) -> None:
    remove = {"delete": tasks.delete, "purge": tasks.purge}[use]
    await add(tasks, "a", "b", "c")
    await remove([3])
    [after_the_last] = await add(tasks, "d")
    await remove([1, 2, 4])
    [after_all] = await add(tasks, "e")

    assert (after_the_last.number, after_all.number) == (4, 5)


@pytest.mark.spec("001/FR-004")
async def test_add_gives_a_purged_id_a_new_number(tasks: TaskService) -> None:
    new = NewTask(title="a", id=uuid4())
    await tasks.add(new)
    await tasks.purge([1])

    again = await tasks.add(new)

    assert (again.is_new, again.task.number) == (True, 2)


@pytest.mark.spec("001/FR-015")
async def test_add_leaves_a_task_of_its_id_in_the_trash(
    tasks: TaskService, clock: Clock
) -> None:
    new = NewTask(title="a", tags=["x"], id=uuid4())
    await tasks.add(new)
    await tasks.complete([1])
    [deleted] = await tasks.delete([1])
    clock.tick()

    one = await tasks.add(new)
    [first, second] = await tasks.add_all([new, NewTask("b")])

    assert (one.task, one.is_new) == (deleted, False)
    assert (first.task, first.is_new) == (deleted, False)
    assert (second.task.number, second.is_new) == (2, True)


@pytest.mark.spec("001/FR-015")
async def test_add_gives_back_what_the_id_holds_now_and_uses_no_number(
    tasks: TaskService, clock: Clock
) -> None:
    id = uuid4()
    first = await tasks.add(NewTask(title="Buy milk", id=id))
    clock.tick()
    again = await tasks.add(NewTask(title="other", description="b", id=id))
    [done] = await tasks.complete([id])
    clock.tick()
    after = await tasks.add(NewTask(title="Buy milk", id=id))

    [next_task] = await add(tasks, "next")
    assert [(each.is_new, each.task) for each in (again, after)] == [
        (False, first.task),
        (False, done),
    ]
    assert await everything(tasks) == [done, next_task]
    assert next_task.number == 2


@pytest.mark.spec("001/FR-016")
async def test_add_conflicts_with_an_id_that_another_user_holds(
    service: Services,
) -> None:
    ada, bob = service("ada"), service("bob")
    secret = (await bob.add(NewTask(title="bob's secret", id=uuid4()))).task

    with pytest.raises(Conflict) as error:
        await ada.add(NewTask(title="mine", id=secret.id))

    assert not {"secret", "bob"} & set(
        error.value.message.replace("'", " ").split()
    )
    assert (await everything(ada), await everything(bob)) == ([], [secret])


@pytest.mark.spec("001/FR-017")
async def test_add_all_keeps_the_order_given_and_numbers_upward(
    tasks: TaskService, clock: Clock
) -> None:
    await add(tasks, "before")

    added = await tasks.add_all(
        [NewTask(title=title) for title in ("c", "a", "b")]
    )

    assert [
        (each.is_new, each.task.title, each.task.number) for each in added
    ] == [(True, "c", 2), (True, "a", 3), (True, "b", 4)]
    assert {each.task.created_at for each in added} == {clock.now}
    assert await everything(tasks) == [
        await tasks.get(1),
        *(each.task for each in added),
    ]


@pytest.mark.spec("001/FR-017")
async def test_add_all_takes_none_or_a_thousand(tasks: TaskService) -> None:
    titles = [f"task {n}" for n in range(1, 1001)]

    added = await tasks.add_all([NewTask(title=title) for title in titles])

    assert await tasks.add_all([]) == []
    assert [each.task.number for each in added] == list(range(1, 1001))
    assert [each.task.title for each in added] == titles
    assert await everything(tasks) == [each.task for each in added]


@pytest.mark.spec("001/FR-016")
async def test_add_all_names_the_first_id_that_conflicts(
    service: Services,
) -> None:
    ids = [uuid4() for _ in range(5)]
    await service("bob").add_all(with_ids(ids))

    for asked in (ids, ids[::-1], ids[3:]):
        with pytest.raises(Conflict, match=str(asked[0])):
            await service("ada").add_all(
                [NewTask(title="new", id=uuid4()), *with_ids(asked)]
            )


@pytest.mark.spec("001/FR-016", "001/FR-017")
async def test_add_all_stores_nothing_where_one_conflicts(
    service: Services,
) -> None:
    ada, bob = service("ada"), service("bob")
    held = (await bob.add(NewTask(title="bob's", id=uuid4()))).task

    for place in (0, 1, 2):
        news = [NewTask(title=f"new {n}", id=uuid4()) for n in range(3)]
        news[place] = NewTask(title="clash", id=held.id)
        with pytest.raises(Conflict):
            await ada.add_all(news)

    assert (await everything(ada), await everything(bob)) == ([], [held])
    assert (await ada.add(NewTask(title="a"))).task.number == 1


@pytest.mark.spec("001/FR-018")
async def test_add_all_leaves_stored_ids_alone_and_adds_the_others(
    tasks: TaskService, clock: Clock
) -> None:
    ids = [uuid4() for _ in range(4)]
    stored = [
        (await tasks.add(NewTask(title=f"old {n}", id=ids[n]))).task
        for n in (1, 3)
    ]
    clock.tick()

    added = await tasks.add_all(
        [NewTask(title=f"new {n}", id=id) for n, id in enumerate(ids)]
    )

    assert [
        (each.is_new, each.task.title, each.task.number) for each in added
    ] == [
        (True, "new 0", 3),
        (False, "old 1", 1),
        (True, "new 2", 4),
        (False, "old 3", 2),
    ]
    assert [added[1].task, added[3].task] == stored
    assert (await add(tasks, "next"))[0].number == 5


@pytest.mark.spec("001/FR-018")
async def test_add_all_does_not_bring_back_what_was_purged_under_its_old_number(
    tasks: TaskService,
) -> None:
    news = [NewTask(title=f"task {n}", id=uuid4()) for n in range(2)]
    await tasks.add_all(news)
    await tasks.purge([2])

    again = await tasks.add_all(news)

    assert [(each.is_new, each.task.number) for each in again] == [
        (False, 1),
        (True, 3),
    ]
    with pytest.raises(NotFound):
        await tasks.get(2)


# Counters


@pytest.mark.spec("001/FR-045")
@pytest.mark.parametrize(
    "behind",
    [
        "DELETE FROM todo.counter",
        "UPDATE todo.counter SET last = 0",
        "UPDATE todo.counter SET last = 2",
    ],
)
@pytest.mark.parametrize("several", [False, True], ids=["add", "add_all"])
async def test_a_counter_that_is_behind_catches_up(
    store: Store, tasks: TaskService, behind: str, several: bool
) -> None:
    """go-vikunja/vikunja#1716, vavallee/bindery#2337: a restored table beside a
    sequence that was not.
    """
    await add(tasks, "a", "b", "c")
    await run_sql(store, behind)
    one, two = NewTask(title="d"), [NewTask(title="e"), NewTask(title="f")]

    if several:
        added = [*await tasks.add_all(two), await tasks.add(one)]
    else:
        added = [await tasks.add(one), *await tasks.add_all(two)]

    assert [each.task.number for each in added] == [4, 5, 6]
    assert await fetch_all(
        store, "SELECT user_id, last FROM todo.counter"
    ) == [("ada", 6)]


@pytest.mark.spec("001/FR-004", "001/FR-045")
@pytest.mark.parametrize("several", [False, True], ids=["add", "add_all"])
async def test_a_counter_that_is_behind_gives_no_number_of_a_purged_task(
    store: Store, tasks: TaskService, several: bool
) -> None:
    """Nothing is in the way of that number, but it was given before."""
    await add(tasks, "a", "b", "c", "d")
    await tasks.purge([2, 3])
    await run_sql(store, "UPDATE todo.counter SET last = 1")

    if several:
        [added] = await tasks.add_all([NewTask(title="e")])
    else:
        added = await tasks.add(NewTask(title="e"))

    assert added.task.number == 5


@pytest.mark.spec("001/FR-045")
async def test_a_counter_that_is_ahead_stays_ahead(
    store: Store, tasks: TaskService
) -> None:
    await add(tasks, "a")
    await run_sql(store, "UPDATE todo.counter SET last = 40")

    one = await tasks.add(NewTask(title="b"))
    more = await tasks.add_all([NewTask(title="c")])

    assert [added.task.number for added in (one, *more)] == [41, 42]


@pytest.mark.spec("001/FR-045")
async def test_adds_at_the_same_time_after_a_lost_counter_all_succeed(
    store: Store, tasks: TaskService, clock: Clock
) -> None:
    await add(tasks, "a", "b")
    await run_sql(store, "DELETE FROM todo.counter")

    async def add_one() -> int:
        async with open_database(store.target) as database:
            return (
                await TaskService(database, "ada", clock).add(
                    NewTask(title="x")
                )
            ).task.number

    assert sorted(
        await asyncio.gather(*(add_one() for _ in range(8)))
    ) == list(range(3, 11))


# A store whose trigger leaves rows out without an error

DROPPING = {
    "sqlite": (
        "CREATE TRIGGER dropping BEFORE INSERT ON task WHEN NEW.title = 'no'"
        " BEGIN SELECT RAISE(IGNORE); END",
    ),
    "postgresql": (
        "CREATE FUNCTION todo.drop_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NEW.title = 'no' THEN RETURN NULL; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER dropping BEFORE INSERT OR UPDATE ON todo.task"
        " FOR EACH ROW EXECUTE FUNCTION todo.drop_it()",
    ),
}


@pytest.mark.spec("002/FR-037")
@pytest.mark.parametrize("id", [None, UUID(int=4)])
async def test_a_task_that_the_store_drops_is_not_said_to_be_added(
    store: Store, tasks: TaskService, id: UUID | None
) -> None:
    """SQLite's had a number and status 0; on PostgreSQL its id was taken:
    Dicklesworthstone/frankensqlite#228.
    """
    for sql in DROPPING[store.kind]:
        await run_sql(store, sql)
    new = NewTask(title="no", id=id)

    for call in (
        tasks.add(new),
        tasks.add_all([NewTask(title="yes"), new, NewTask(title="yes")]),
    ):
        with pytest.raises(
            Conflict, match=r"^The database has dropped a task$"
        ) as error:
            await call
        assert error.value.hint == OF_A_RULE
    assert (await tasks.list(TaskQuery(TaskStatus.ALL))).tasks == []
    assert [
        added.task.title
        for added in await tasks.add_all([NewTask(title="yes")])
    ] == ["yes"]


async def test_a_stored_task_comes_back_where_the_store_drops_its_repeat(
    store: Store, tasks: TaskService
) -> None:
    new = NewTask(title="no", id=uuid4())
    first = await tasks.add(new)
    for sql in DROPPING[store.kind]:
        await run_sql(store, sql)

    again = await tasks.add(new)

    assert (again.task, again.is_new) == (first.task, False)
