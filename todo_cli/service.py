"""The use cases: every rule of the product, for one user; no SQL, no
printing.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID, uuid4

from todo_cli.database.engine import Database, Effect
from todo_cli.database.tasks import TaskRepository
from todo_cli.errors import (
    NOTHING_CHANGED,
    DatabaseBusy,
    InvalidInput,
    NoStore,
    NotFound,
    OutcomeUnknown,
    TodoError,
)
from todo_cli.task import (
    Added,
    NewTask,
    Reference,
    Task,
    TaskChange,
    TaskPage,
    TaskQuery,
)

T = TypeVar("T")
Tasks = list[Task]

_TRIES: Final = 3
"""How often a change is tried when tasks came and went while it was looked
at.
"""


_OPEN: Final = TaskQuery()


class TaskService:
    """The tasks of `user`, in `database`; `now` gives the time as an aware
    datetime in UTC.

    A task of another user does not exist here. Where there is no store yet,
    only adding makes one, and everything else finds nothing.
    """

    def __init__(
        self, database: Database, user: str, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._user = user
        self._now = now

    async def add(self, new: NewTask) -> Added:
        """Store a task under the user's next number; one round trip on
        PostgreSQL.

        With an id that the user has already, the stored task comes back
        unchanged and no number is used up.

        Raises:
            Conflict: another user holds the id.
        """
        task = self._task(new, self._now())
        return await self._run(
            lambda tasks: tasks.add(task),
            effect=Effect.REPEATABLE,
            creates=True,
        )

    async def add_all(self, news: Sequence[NewTask]) -> list[Added]:
        """Store tasks in the order given, all or nothing; those whose id is
        there come back unchanged.

        Raises:
            Conflict: another user holds one of the ids.
        """
        if not news:
            return []
        now = self._now()
        given = [self._task(new, now) for new in news]
        return await self._run(
            lambda tasks: tasks.add_all(given),
            effect=Effect.REPEATABLE,
            creates=True,
            together=True,
        )

    async def list(self, query: TaskQuery = _OPEN) -> TaskPage:
        """Tasks newest first, ties by number descending; all of them without a
        limit. One round trip.

        A query can go on after the place that a page before named; it stays
        right while tasks are added and deleted.
        """
        try:
            return await self._run(lambda tasks: tasks.page(query))
        except NoStore:
            return TaskPage([], 0, 0, query)

    async def get(self, reference: int | UUID) -> Task:
        """Return one task.

        Raises:
            NotFound: the user has no such task.
        """
        return (await self.find([reference]))[0]

    async def find(
        self, references: Sequence[Reference], *, to_change: bool = False
    ) -> Tasks:
        """Return the tasks named, each once, in the order asked; a range means
        those that exist in it.

        `to_change` has the error say that nothing was changed.

        Raises:
            NotFound: one named alone does not exist, or a range holds none.
        """
        try:
            found = await self._run(lambda tasks: tasks.named(references))
        except NoStore:
            found = []
        if missing := _missing(references, found):
            raise self._not_found(
                missing, NOTHING_CHANGED if to_change else ""
            )
        return _in_order(references, found)

    async def update(self, reference: int | UUID, changes: TaskChange) -> Task:
        """Change the fields that are named, and `updated_at` if one of them
        really changes. One round trip.

        Raises:
            InvalidInput: nothing is named, or a title is to be cleared.
            NotFound: the user has no such task.
        """
        named = changes.named
        if not named:
            raise InvalidInput("Nothing to change is named")
        for field in ("title", "completed"):
            if field in named and named[field] is None:
                raise InvalidInput.of(field, "cannot be empty")
        return (await self._set([reference], changes))[0]

    async def complete(
        self, references: Sequence[Reference], *, undo: bool = False
    ) -> Tasks:
        """Mark tasks as done, or as open again, all or nothing; in the order
        asked. One round trip.

        A task that is so already stays as it is, the time of its completion
        included.

        Raises:
            NotFound: one named alone does not exist, or a range holds none;
                nothing is changed.
        """
        return await self._set(references, TaskChange(completed=not undo))

    async def delete(self, references: Sequence[Reference]) -> Tasks:
        """Delete tasks, all or nothing, and return them as they were, in the
        order asked. One round trip.

        Raises:
            NotFound: one named alone does not exist, or a range holds none;
                nothing is deleted.
        """
        try:
            return await self._change(
                references, lambda tasks: tasks.remove(references)
            )
        except OutcomeUnknown as lost:
            return await self._delete_again(references, lost)

    async def _set(
        self, references: Sequence[Reference], wanted: TaskChange
    ) -> Tasks:
        """Set fields of tasks; when the answer is lost, look whether they hold
        the values now.
        """
        try:
            return await self._change(
                references,
                lambda tasks: tasks.change(references, wanted, self._now()),
            )
        except OutcomeUnknown as lost:
            found = await self._look(references, lost)
            if all(
                getattr(task, name) == value
                for task in found
                for name, value in wanted.named.items()
            ):
                return found
            raise

    async def _delete_again(
        self, references: Sequence[Reference], lost: OutcomeUnknown
    ) -> Tasks:
        """Send a delete once more whose answer was lost, if every task is
        still there.
        """
        found = await self._look(references, lost)
        ids: list[Reference] = [task.id for task in found]
        removed = await self._run(
            lambda tasks: tasks.remove(ids), effect=Effect.ONCE
        )
        if not removed:  # the first one came through after all
            raise _gone(lost)
        return _in_order(references, removed)

    async def _look(
        self, references: Sequence[Reference], lost: OutcomeUnknown
    ) -> Tasks:
        """The tasks as they are after a change whose answer was lost; that it
        is lost when they cannot be seen.
        """
        try:
            return await self.find(references)
        except NotFound:
            raise _gone(lost) from lost
        except TodoError:
            raise lost from None

    async def _change(
        self,
        references: Sequence[Reference],
        change: Callable[[TaskRepository], Awaitable[Tasks]],
    ) -> Tasks:
        """Run a change that touches all of the tasks named or none; find out
        which one is missing only if none.
        """
        for _ in range(_TRIES):
            try:
                changed = await self._run(change, effect=Effect.ONCE)
            except NoStore:
                changed = []
            if changed:
                return _in_order(references, changed)
            await self.find(references, to_change=True)
        raise DatabaseBusy("The tasks keep changing", hint="try again")

    async def _run(
        self, work: Callable[[TaskRepository], Awaitable[T]], **how: Any
    ) -> T:
        return await self._database.run(
            lambda connection: work(TaskRepository(connection, self._user)),
            **how,
        )

    def _task(self, new: NewTask, now: datetime) -> Task:
        """A task as it is stored first; the store gives the number."""
        given = {each.name: getattr(new, each.name) for each in fields(new)}
        ours = {
            "id": new.id or uuid4(),
            "number": 0,
            "user_id": self._user,
            "completed": False,
            "created_at": now,
            "updated_at": now,
            "completed_at": None,
        }
        return Task(**given | ours)

    def _not_found(
        self, missing: Sequence[Reference], outcome: str
    ) -> NotFound:
        words = ", ".join(
            f"{part.start}-{part.stop - 1}"
            if isinstance(part, range)
            else str(part)
            for part in missing
        )
        return NotFound(
            f"No task{'s' if len(missing) > 1 else ''} {words} for {self._user}{outcome}",
            hint="todo list --status all",
        )


def _gone(lost: OutcomeUnknown) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"{lost.message}; a task is gone now", hint=lost.hint
    )


def _missing(
    references: Sequence[Reference], found: Sequence[Task]
) -> list[Reference]:
    """The references that no task found answers to, in the order asked, each
    once.
    """
    numbers = {task.number for task in found}
    ids = {task.id for task in found}
    return [
        reference
        for reference in dict.fromkeys(references)
        if (
            isinstance(reference, range)
            and not any(number in reference for number in numbers)
        )
        or (
            not isinstance(reference, range)
            and reference not in numbers
            and reference not in ids
        )
    ]


def _in_order(
    references: Sequence[Reference], found: Sequence[Task]
) -> list[Task]:
    """The tasks in the order the references name them, each once; those of a
    range by number.
    """
    by_key: dict[int | UUID, Task] = {task.number: task for task in found} | {
        task.id: task for task in found
    }
    numbers = sorted(task.number for task in found)
    ordered: dict[UUID, Task] = {}
    for reference in references:
        keys = (
            [n for n in numbers if n in reference]
            if isinstance(reference, range)
            else [reference]
        )
        for key in keys:
            ordered.setdefault(by_key[key].id, by_key[key])
    return list(ordered.values())
