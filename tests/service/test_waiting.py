"""Two changes that wait for one counter: each sees what the one before it did.

A statement of PostgreSQL sees what was stored when it began, also if it had to wait.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import pytest

from tests.lockstep.model import Model
from tests.lockstep.past import operation_id
from tests.service.backdoor import connected
from tests.support.size import IS_LONG
from tests.support.stores import Clock, Store
from todo_cli.database.engine import open_database
from todo_cli.errors import InvalidInput, TodoError
from todo_cli.service import TaskService
from todo_cli.task import (
    Command,
    NewTask,
    Operation,
    Replacement,
    Task,
    TaskChange,
    TaskQuery,
    TaskStatus,
)

SPACE = UUID("4b0c2d1e-5a63-4f0c-9a57-0c1d2e3f4a5b")
LOCKED = "SELECT last FROM todo.counter WHERE user_id = $1 FOR UPDATE"
TAKEN = "SELECT id FROM todo.task WHERE user_id = $1 FOR UPDATE NOWAIT"
WAITING = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'"""

Ids = Sequence[UUID]
"""The ids of tasks 1 to 4, and two for new ones."""


@dataclass(frozen=True, slots=True)
class Case:
    """A change by the service, and by the model."""

    ask: Callable[[TaskService, Ids], Awaitable[Any]]
    answer: Callable[[Model, str, Ids], Any]


def added(*titles: str, place: int = 0) -> Case:
    """Tasks that are added with ids from this place on."""

    def news(ids: Ids) -> list[NewTask]:
        pairs = zip(titles, ids[place:], strict=False)
        return [
            NewTask(title=title, id=id, tags=["x", title])
            for title, id in pairs
        ]

    return Case(
        lambda tasks, ids: tasks.add_all(news(ids)),
        lambda model, user, ids: model.add_all(user, news(ids)),
    )


def updated(
    *references: int, if_version: int | None = None, **changes: Any
) -> Case:
    """An update of tasks."""
    wanted = TaskChange(**changes)
    return Case(
        lambda tasks, _: tasks.update(
            references, wanted, if_version=if_version
        ),
        lambda model, user, _: model.update(
            user, references, wanted.named, if_version=if_version
        ),
    )


def completed(*references: int, undo: bool = False) -> Case:
    """Tasks that are done, or opened again."""
    return Case(
        lambda tasks, _: tasks.complete(references, undo=undo),
        lambda model, user, _: model.complete(user, references, undo=undo),
    )


def deleted(*references: int) -> Case:
    """Tasks that are moved to the trash."""
    return Case(
        lambda tasks, _: tasks.delete(references),
        lambda model, user, _: model.delete(user, references),
    )


def undone(number: int | None = None) -> Case:
    """An operation that is taken back."""
    return Case(
        lambda tasks, _: tasks.undo(number),
        lambda model, user, _: model.undo(user, number),
    )


async def replace_in(tasks: TaskService, _: Ids) -> Any:
    """Replace a text in two titles."""
    return await tasks.replace([1, 2], Replacement("a", "d"), TaskChange())


def replaced(model: Model, user: str, _: Ids) -> Any:
    """Do the same in the model, where both titles change alike or not at all."""
    found = model.find(user, [1, 2])
    titles = [task.title for task in found]
    if any("a" not in title for title in titles):
        raise InvalidInput("a title lacks the text")
    assert titles == ["a", "a"]
    return model.update(user, [1, 2], {"title": "d"})


CHANGES: dict[str, Case] = {
    "add": added("n", "n", place=4),
    "add again": added("n"),
    "update": updated(1, 2, title="b"),
    "retag": updated(2, 1, add_tags=["y"], remove_tags=["x"], note="n"),
    "update a version": updated(1, title="c", if_version=3),
    "replace": Case(replace_in, replaced),
    "complete": completed(1, 2),
    "complete again": completed(4),
    "reopen": completed(4, undo=True),
    "delete": deleted(1),
    "restore": Case(
        lambda tasks, _: tasks.restore([3]),
        lambda model, user, _: model.restore(user, [3]),
    ),
    "purge": Case(
        lambda tasks, _: tasks.purge([1, 3]),
        lambda model, user, _: model.purge(user, [1, 3]),
    ),
    "undo": undone(),
    "undo one": undone(2),
    "redo": Case(
        lambda tasks, _: tasks.redo(), lambda model, user, _: model.redo(user)
    ),
}
START = (
    *(added("a", "a", "a", "a"), completed(4), deleted(3)),
    *(completed(1), undone()),
)
"""Tasks 1 and 2 are open then, 3 is in the trash, 4 is done; the undo can be redone."""


@dataclass(slots=True)
class Place:
    """A server, the model, and two services that do not share a connection."""

    store: Store
    model: Model
    first: Callable[[str], TaskService]
    second: Callable[[str], TaskService]
    holder: "asyncpg.Connection[asyncpg.Record]"
    onlooker: "asyncpg.Connection[asyncpg.Record]"

    async def begin(self, user: str) -> Ids:
        """Give a user the tasks that each case begins with."""
        ids = [uuid5(SPACE, f"{user} {number}") for number in range(6)]
        for case in START:
            await case.ask(self.first(user), ids)
            case.answer(self.model, user, ids)
        return ids

    async def until_waiting(
        self, number: int, calls: Sequence["asyncio.Task[Any]"]
    ) -> None:
        """Wait until so many calls wait for a lock; none of them may have ended."""
        while await self.onlooker.fetchval(WAITING) != number:
            for call in calls:
                assert not call.done(), call
            await asyncio.sleep(0.002)


@pytest.fixture
async def place(postgres_store: Store, clock: Clock) -> AsyncIterator[Place]:
    """A server that two programs use, and somebody who holds what they wait for."""
    async with AsyncExitStack() as stack:
        services = []
        for _ in range(2):
            opened = open_database(postgres_store.target, timeout_s=30.0)
            services.append(
                serving(await stack.enter_async_context(opened), clock)
            )
        lines = [
            await stack.enter_async_context(connected(postgres_store))
            for _ in range(2)
        ]
        first, second = services
        yield Place(postgres_store, Model(clock), first, second, *lines)


def serving(database: Any, clock: Clock) -> Callable[[str], TaskService]:
    """The services of all users of a database."""
    return lambda user: TaskService(database, user, clock)


async def asked(call: Awaitable[Any]) -> Any:
    """What a call gives; an error is its code."""
    try:
        return await call
    except TodoError as error:
        return error.code


def answered(answer: Callable[..., Any], *given: Any) -> Any:
    """What the model gives; an error is its code."""
    try:
        return answer(*given)
    except TodoError as error:
        return error.code


async def everything(
    tasks: TaskService, user: str
) -> tuple[list[Task], list[Operation]]:
    """All tasks of a user, and all that was done, with the ids of the model."""
    found = [
        task
        for status in (TaskStatus.ALL, TaskStatus.TRASH)
        for task in (await tasks.list(TaskQuery(status))).tasks
    ]
    page = await tasks.history(limit=None)
    told = [
        replace(each, id=operation_id(user, each.operation))
        for each in page.operations
    ]
    return sorted(found, key=lambda task: task.number), told


@pytest.mark.parametrize("first", CHANGES)
async def test_two_that_wait_are_as_one_after_the_other(
    place: Place, clock: Clock, first: str
) -> None:
    """The locks of PostgreSQL are given in the order in which they were asked for.

    In the suite half of the pairs come, each in one order.
    """
    names = list(CHANGES)
    place_of = names.index(first)
    for number, (second, case) in enumerate(CHANGES.items()):
        turn = (place_of + number) % 4
        is_turn = place_of == number or turn == (1 if place_of < number else 2)
        if not (IS_LONG or is_turn):
            continue
        user = f"{first}, {second}"
        ids = await place.begin(user)
        clock.tick()

        async with place.holder.transaction():
            await place.holder.execute(LOCKED, user)
            one = asyncio.ensure_future(
                asked(CHANGES[first].ask(place.first(user), ids))
            )
            await place.until_waiting(1, [one])
            two = asyncio.ensure_future(
                asked(case.ask(place.second(user), ids))
            )
            await place.until_waiting(2, [one, two])
        found = [await one, await two]

        model = place.model
        expected = [
            answered(each.answer, model, user, ids)
            for each in (CHANGES[first], case)
        ]
        assert found == expected, user
        tasks, told = await everything(place.first(user), user)
        stored = sorted(model.of(user), key=lambda task: task.number)
        assert tasks == stored, user
        assert told == model.history(user, limit=None), user


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_locks_the_counter_before_any_task(
    place: Place, name: str
) -> None:
    """Who locks a task first and then waits for the counter could wait for one who
    has the counter and waits for the task.
    """
    ids = await place.begin("ada")

    async with place.holder.transaction():
        await place.holder.execute(LOCKED, "ada")
        call = asyncio.ensure_future(
            CHANGES[name].ask(place.first("ada"), ids)
        )
        await place.until_waiting(1, [call])
        # An error if somebody has one.
        taken = await place.holder.fetch(TAKEN, "ada")
    await call

    assert len(taken) == 4


@pytest.mark.parametrize(
    "read",
    [
        lambda tasks: tasks.list(TaskQuery(TaskStatus.ALL)),
        lambda tasks: tasks.find([1, 3]),
        lambda tasks: tasks.history(),
        lambda tasks: tasks.history(1),
        lambda tasks: tasks.trash(),
    ],
    ids=["list", "find", "history", "history of one", "trash"],
)
async def test_who_only_reads_waits_for_nobody(
    place: Place, read: Callable[[TaskService], Awaitable[Any]]
) -> None:
    await place.begin("ada")

    async with place.holder.transaction():
        await place.holder.execute(LOCKED, "ada")
        await place.holder.fetch(TAKEN, "ada")
        assert await read(place.first("ada"))


async def test_users_do_not_wait_for_each_other(place: Place) -> None:
    for user in ("ada", "bob"):
        await place.begin(user)

    async with place.holder.transaction():
        await place.holder.execute(LOCKED, "ada")
        for name, case in CHANGES.items():
            ids = await place.begin(name)
            assert await asked(case.ask(place.first(name), ids)), name


async def test_an_undo_that_waited_takes_back_what_was_done_meanwhile(
    place: Place,
) -> None:
    ids = await place.begin("ada")
    change = CHANGES["update"]

    async with place.holder.transaction():
        await place.holder.execute(LOCKED, "ada")
        first = asyncio.ensure_future(change.ask(place.first("ada"), ids))
        await place.until_waiting(1, [first])
        undo = asyncio.ensure_future(place.second("ada").undo())
        await place.until_waiting(2, [first, undo])
    await first
    back = await undo

    assert (back.undoes, back.command) == (6, Command.UPDATE)
    assert [task.title for task in back.tasks] == ["a", "a"]
