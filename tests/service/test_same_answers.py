"""Random calls on a store and on a model of a few lines: the answers are the same, on both stores."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.stores import Clock, Store
from todo_cli.database.engine import open_database
from todo_cli.errors import Conflict, NotFound, TodoError
from todo_cli.models import Added, Reference, TaskCreate, TaskPage, TaskPublic, TaskStatus, TaskUpdate
from todo_cli.service import TaskService

USERS = ("ada", "bob")
IDS = range(6)
NUMBERS = st.integers(1, 8)


@dataclass
class Model:
    """What a store must do, by lists and loops; ids are unique across users."""

    now: Clock
    tasks: dict[UUID, TaskPublic] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)

    def add_all(self, user: str, news: list[TaskCreate]) -> list[Added]:
        if any(new.id in self.tasks and self.tasks[new.id].user_id != user for new in news if new.id):
            raise Conflict("held by somebody else")
        return [self._add(user, new) for new in news]

    def _add(self, user: str, new: TaskCreate) -> Added:
        if new.id in self.tasks:
            return Added(self.tasks[new.id], False)
        assert new.id is not None
        self.last[user] = self.last.get(user, 0) + 1
        now = self.now()
        task = TaskPublic(new.id, self.last[user], user, new.title, new.description, False, now, now, None)
        self.tasks[new.id] = task
        return Added(task, True)

    def of(self, user: str) -> list[TaskPublic]:
        mine = [task for task in self.tasks.values() if task.user_id == user]
        return sorted(mine, key=lambda task: (task.created_at, task.number), reverse=True)

    def page(self, user: str, status: TaskStatus, limit: int | None) -> TaskPage:
        mine = self.of(user)
        wanted = {TaskStatus.OPEN: (False,), TaskStatus.DONE: (True,), TaskStatus.ALL: (False, True)}[status]
        shown = [task for task in mine if task.completed in wanted][:limit]
        done = sum(task.completed for task in mine)
        return TaskPage(shown, len(mine) - done, done, status, limit)

    def find(self, user: str, references: list[Reference]) -> list[TaskPublic]:
        found: dict[UUID, TaskPublic] = {}
        for reference in references:
            numbers = reference if isinstance(reference, range) else (reference,)
            hits = [task for task in self.of(user)[::-1] if task.number in numbers or task.id in numbers]
            if not hits:
                raise NotFound("nothing")
            found |= {task.id: found.get(task.id, task) for task in sorted(hits, key=lambda task: task.number)}
        return list(found.values())

    def update(self, user: str, reference: Reference, changes: dict[str, Any]) -> TaskPublic:
        [task] = self.find(user, [reference])
        return self._change(task, changes)

    def complete(self, user: str, references: list[Reference], undo: bool) -> list[TaskPublic]:
        return [self._change(task, {"completed": not undo}) for task in self.find(user, references)]

    def delete(self, user: str, references: list[Reference]) -> list[TaskPublic]:
        return [self.tasks.pop(task.id) for task in self.find(user, references)]

    def _change(self, task: TaskPublic, changes: dict[str, Any]) -> TaskPublic:
        changed = replace(task, **changes)
        if changed == task:
            return task
        if changed.completed != task.completed:
            changed = replace(changed, completed_at=self.now() if changed.completed else None)
        self.tasks[task.id] = changed = replace(changed, updated_at=self.now())
        return changed


@dataclass(frozen=True)
class Call:
    """One call of one user, ids by their place in a list of few."""

    user: str
    method: str
    arguments: tuple[Any, ...]
    seconds: float


def references() -> st.SearchStrategy[list[Any]]:
    ids = st.sampled_from(IDS).map(lambda place: ("id", place))
    ranges = st.tuples(NUMBERS, st.integers(1, 4)).map(lambda pair: range(pair[0], pair[0] + pair[1]))
    return st.lists(st.one_of(NUMBERS, ids, ranges), min_size=1, max_size=3)


def news() -> st.SearchStrategy[tuple[int, str]]:
    return st.tuples(st.sampled_from(IDS), st.sampled_from(["a", "b", "c"]))


changes = st.fixed_dictionaries(
    {},
    optional={
        "title": st.sampled_from(["a", "b"]),
        "description": st.sampled_from([None, "x", "y"]),
        "completed": st.booleans(),
    },
).filter(bool)
single = st.one_of(NUMBERS, st.sampled_from(IDS).map(lambda place: ("id", place)))
arguments = {
    "add": st.tuples(news()),
    "add_all": st.tuples(st.lists(news(), max_size=3, unique_by=lambda new: new[0])),
    "list": st.tuples(st.sampled_from(TaskStatus), st.sampled_from([None, 1, 2, 20])),
    "find": st.tuples(references()),
    "update": st.tuples(single, changes),
    "complete": st.tuples(references(), st.booleans()),
    "delete": st.tuples(references()),
}
# Adding and completing come more often, so that there is something to meet.
methods = st.sampled_from(["add", "add", "add_all", "list", "find", "update", "complete", "complete", "delete"])
calls = methods.flatmap(
    lambda method: st.builds(
        Call, st.sampled_from(USERS), st.just(method), arguments[method], st.sampled_from([0.0, 1.0, 0.000001])
    )
)


@dataclass(frozen=True)
class Pair:
    """The store and its model; users and ids are this run's own, so that one store serves many runs."""

    service: Callable[[str], TaskService]
    model: Model
    run: UUID

    async def both(self, call: Call) -> tuple[object, object]:
        """What the store and the model answer; an error is its code."""
        user = f"{call.user} {self.run}"
        return await answer(self._ask_store(user, call)), await answer(self._ask_model(user, call))

    async def _ask_store(self, user: str, call: Call) -> object:
        tasks, given = self.service(user), call.arguments
        match call.method:
            case "add":
                return [await tasks.add(self._new(given[0]))]
            case "add_all":
                return await tasks.add_all([self._new(new) for new in given[0]])
            case "list":
                return seen(await tasks.list(*given))
            case "find":
                return await tasks.find(self._references(given[0]))
            case "update":
                [reference] = self._references([given[0]])
                assert not isinstance(reference, range)
                return await tasks.update(reference, TaskUpdate(**given[1]))
            case "complete":
                return await tasks.complete(self._references(given[0]), undo=given[1])
            case _:
                return await tasks.delete(self._references(given[0]))

    async def _ask_model(self, user: str, call: Call) -> object:
        model, given = self.model, call.arguments
        match call.method:
            case "add":
                return model.add_all(user, [self._new(given[0])])
            case "add_all":
                return model.add_all(user, [self._new(new) for new in given[0]])
            case "list":
                return seen(model.page(user, *given))
            case "find":
                return model.find(user, self._references(given[0]))
            case "update":
                return model.update(user, self._references([given[0]])[0], given[1])
            case "complete":
                return model.complete(user, self._references(given[0]), given[1])
            case _:
                return model.delete(user, self._references(given[0]))

    def _new(self, new: tuple[int, str]) -> TaskCreate:
        return TaskCreate(title=new[1], id=uuid5(self.run, str(new[0])))

    def _references(self, given: list[Any]) -> list[Reference]:
        return [uuid5(self.run, str(each[1])) if isinstance(each, tuple) else each for each in given]


def seen(page: TaskPage) -> object:
    """What the model knows of a page."""
    return page.tasks, page.open_count, page.done_count, page.status, page.limit


async def answer(call: Awaitable[object]) -> object:
    """The result of a call, or the code of its error."""
    try:
        return await call
    except TodoError as error:
        return error.code


@pytest.mark.spec("001/FR-038")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(calls, min_size=1, max_size=25))
def test_any_calls_have_the_answers_of_the_model(store: Store, steps: list[Call]) -> None:
    async def compare() -> None:
        clock = Clock(datetime(2026, 1, 2, tzinfo=UTC))
        async with open_database(store.target, timeout_s=15.0) as database:
            pair = Pair(lambda user: TaskService(database, user, clock), Model(clock), uuid4())
            for step in steps:
                clock.tick(step.seconds)
                stored, expected = await pair.both(step)
                assert stored == expected, step

    asyncio.run(compare())
