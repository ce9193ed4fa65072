"""Replacing a text in titles: read, and written only if nobody was faster."""

from collections.abc import Callable
from datetime import datetime

import pytest

from tests.service.backdoor import run_sql
from tests.service.test_change import skip_changes
from tests.support.blocking import wait_for
from tests.support.stores import Clock, Store
from tests.support.turns import Fault, TurnProxy
from todo_cli.database.engine import Database, open_database
from todo_cli.database.url import PostgresTarget
from todo_cli.errors import (
    Conflict,
    DatabaseBusy,
    InvalidInput,
    NotFound,
    OutcomeUnknown,
)
from todo_cli.service import TaskService
from todo_cli.task import NewTask, Replacement, TaskChange

OAT = Replacement("milk", "oat milk")
NOTHING = TaskChange()
Titles = list[str]


async def titles(tasks: TaskService) -> Titles:
    """The titles of all tasks, by number."""
    page = await tasks.list()
    found = sorted(page.tasks, key=lambda task: task.number)
    return [task.title for task in found]


@pytest.fixture
async def three(tasks: TaskService) -> TaskService:
    """The service with three tasks."""
    for title in ("Buy milk", "milk, milk", "Warm milk"):
        await tasks.add(NewTask(title=title, tags=["a"]))
    return tasks


Hurried = Callable[[list[str]], TaskService]


@pytest.fixture
def hurried(store: Store, database: Database, clock: Clock) -> Hurried:
    """A service before each of whose writes somebody else runs the next SQL.

    The clock is asked between reading and writing.
    """

    def make(others: list[str]) -> TaskService:
        def now() -> datetime:
            if others:
                wait_for(run_sql(store, others.pop(0)))
            return clock()

        return TaskService(database, "ada", now)

    return make


CHANGE = (
    "UPDATE todo.task SET title = '{}', version = version + 1 WHERE number = 2"
)


@pytest.mark.spec("002/FR-195")
async def test_a_title_that_changed_meanwhile_is_read_again(
    three: TaskService, hurried: Hurried
) -> None:
    others = [CHANGE.format("more milk"), CHANGE.format("much milk")]

    changed = await hurried(others).replace(
        [range(1, 4)], OAT, TaskChange(priority="high", add_tags=["b"])
    )

    assert [task.title for task in changed] == [
        "Buy oat milk",
        "much oat milk",
        "Warm oat milk",
    ]
    assert [task.version for task in changed] == [2, 4, 2]
    assert {task.priority for task in changed} == {"high"}
    assert [task.tags for task in changed] == [["a", "b"]] * 3
    assert await titles(three) == [task.title for task in changed]


@pytest.mark.spec("002/FR-193", "002/FR-195")
async def test_many_titles_change_together_or_not_at_all(
    tasks: TaskService, hurried: Hurried
) -> None:
    titled = [f"milk {number}" for number in range(1, 251)]
    await tasks.add_all([NewTask(title=title) for title in titled])
    full = [f"t{number}" for number in range(50)]
    await tasks.update([249], TaskChange(tags=full))

    with pytest.raises(InvalidInput, match=r"^tags: "):
        await tasks.replace([range(1, 251)], OAT, TaskChange(add_tags=["x"]))
    assert await titles(tasks) == titled

    changed = await hurried([CHANGE.format("my milk")]).replace(
        [range(1, 251)], OAT, TaskChange(priority="low")
    )
    assert [task.title for task in changed[:3]] == [
        "oat milk 1",
        "my oat milk",
        "oat milk 3",
    ]
    assert {task.priority for task in changed} == {"low"}
    assert await titles(tasks) == [task.title for task in changed]


@pytest.mark.spec("002/FR-195")
async def test_replacing_ends_after_three_tries(
    three: TaskService, hurried: Hurried
) -> None:
    others = [CHANGE.format(f"milk {number}") for number in range(3)]

    with pytest.raises(DatabaseBusy, match=r"^The tasks keep changing$"):
        await hurried(others).replace([1, 2], OAT, NOTHING)

    assert await titles(three) == ["Buy milk", "milk 2", "Warm milk"]


@pytest.mark.spec("002/FR-195")
async def test_a_text_that_is_gone_meanwhile_is_missed(
    three: TaskService, hurried: Hurried
) -> None:
    with pytest.raises(InvalidInput, match="not in the title of 2; nothing"):
        await hurried([CHANGE.format("tea")]).replace([1, 2], OAT, NOTHING)

    assert await titles(three) == ["Buy milk", "tea", "Warm milk"]


@pytest.mark.spec("002/FR-195")
async def test_a_task_that_is_gone_meanwhile_is_not_found(
    three: TaskService, hurried: Hurried
) -> None:
    gone = ["DELETE FROM todo.task WHERE number = 2"]

    with pytest.raises(NotFound, match=r"No task 2 .*nothing was changed"):
        await hurried(gone).replace([1, 2], OAT, NOTHING)

    assert await titles(three) == ["Buy milk", "Warm milk"]


@pytest.mark.spec("002/FR-195")
async def test_a_trigger_that_keeps_the_titles_is_a_conflict(
    store: Store, three: TaskService
) -> None:
    await skip_changes(store, "UPDATE", 9)

    with pytest.raises(Conflict, match=r"keeps .*; nothing was changed$"):
        await three.replace([1, 2], OAT, NOTHING)

    assert await titles(three) == ["Buy milk", "milk, milk", "Warm milk"]


@pytest.mark.spec("002/FR-194", "002/FR-195")
async def test_a_replacement_that_the_store_refuses_changes_nothing(
    three: TaskService,
) -> None:
    many = [f"t{number}" for number in range(50)]

    with pytest.raises(InvalidInput, match=r"^tags: .*nothing was changed$"):
        await three.replace([1, 2], OAT, TaskChange(add_tags=many))

    assert await titles(three) == ["Buy milk", "milk, milk", "Warm milk"]


@pytest.mark.spec("002/FR-195")
@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("fault", "is_known"),
    [
        (Fault("after", request=4), True),
        (Fault("before", request=4), False),
        (Fault("after", request=2), True),
    ],
    ids=str,
)
async def test_a_lost_answer_is_settled_by_reading_again(
    store: Store,
    three: TaskService,
    clock: Clock,
    fault: Fault,
    is_known: bool,
) -> None:
    """The requests 1 and 2 read, 3 and 4 write."""
    assert isinstance(store.target, PostgresTarget)
    [(host, port)] = store.target.hosts
    with TurnProxy(host, port) as proxy:
        url = store.url.replace(f":{port}/", f":{proxy.port}/")
        other = Store(store.kind, url)
        async with open_database(other.target, timeout_s=15) as database:
            tasks = TaskService(database, "ada", clock)
            proxy.faults.append(fault)
            if is_known:
                changed = await tasks.replace([2, 1], OAT, NOTHING)
                assert [task.number for task in changed] == [2, 1]
            else:
                with pytest.raises(OutcomeUnknown):
                    await tasks.replace([2, 1], OAT, NOTHING)

    is_stored = await titles(three) == [
        "Buy oat milk",
        "oat milk, oat milk",
        "Warm milk",
    ]
    assert is_stored == is_known


async def test_a_title_that_would_break_a_rule_is_refused(
    tasks: TaskService,
) -> None:
    await tasks.add_all([NewTask(title="milk"), NewTask(title="more milk")])

    for new, fault in (
        ("", "must not be empty"),
        ("x" * 201, "201 characters"),
    ):
        with pytest.raises(InvalidInput) as raised:
            await tasks.replace([1, 2], Replacement("milk", new), TaskChange())
        assert fault in raised.value.message
        assert "with the text replaced in 1" in raised.value.message
        assert raised.value.message.endswith("; nothing was changed")

    assert await titles(tasks) == ["milk", "more milk"]
