"""The use cases for the tasks of one user: every rule of the product.

There is no SQL here, and nothing is printed.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import fields, replace
from datetime import UTC, date, datetime
from typing import Any, Final, TypeVar
from uuid import UUID, uuid4

from todo_cli import redact, rules
from todo_cli.database.engine import Database, Effect
from todo_cli.database.listing import COUNTED_UP_TO
from todo_cli.database.run import OF_A_RULE
from todo_cli.database.tasks import TaskRepository
from todo_cli.errors import (
    NOTHING_CHANGED,
    Conflict,
    DatabaseBusy,
    Forbidden,
    InvalidInput,
    NoStore,
    NotFound,
    OutcomeUnknown,
    PartlyDone,
    TodoError,
)
from todo_cli.fold import has_words
from todo_cli.task import (
    Added,
    Counts,
    NewTask,
    Position,
    Reference,
    Replacement,
    Task,
    TaskChange,
    TaskPage,
    TaskQuery,
)

T = TypeVar("T")
Tasks = list[Task]

_TRIES: Final = 3
"""How often to try a change while concurrent calls add and delete tasks."""


_OPEN: Final = TaskQuery()

_NEVER_NULL: Final = (
    "title",
    "completed",
    "tags",
    "add_tags",
    "remove_tags",
    "note",
)
"""The fields of a change that None does not clear."""


class TaskService:
    """The tasks of `user` in `database`.

    `now` returns the time as an aware datetime in UTC. Tasks of other users do
    not exist here. If there is no store yet, only adding creates one;
    everything else finds nothing.

    Every call is one transaction, which has ended when it returns. Every
    method may also raise a `TodoError` of the store: unavailable, busy,
    timeout, and for a write `OutcomeUnknown`.
    """

    def __init__(
        self, database: Database, user: str, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._user = user
        self._now = now

    async def add(self, new: NewTask) -> Added:
        """Store a task under the user's next number; one round trip.

        If the user has the id already, the stored task is returned unchanged,
        and no number is used up. So a repeat with an id is harmless.

        Raises:
            Conflict: another user holds the id, or no number is left.
        """
        task = self._task(new, self._now())
        return await self._run(
            lambda tasks: tasks.add(task),
            effect=Effect.REPEATABLE,
            creates=True,
        )

    async def add_all(self, news: Sequence[NewTask]) -> list[Added]:
        """Store tasks in the given order, all or nothing.

        A task whose id is stored already comes back unchanged.

        Raises:
            Conflict: another user holds one of the ids, or too few numbers
                are left.
        """
        # No transaction, and no store is created for nothing.
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
        """Return the tasks of a query in its order, and the user's counts.

        One round trip. Without a limit these are all tasks. A query may
        continue after the position that a page returned. That stays correct
        while tasks are added and deleted.

        Raises:
            InvalidInput: the limit is below 1.
        """
        if query.limit is not None and query.limit < 1:
            raise InvalidInput.of("limit", "must be at least 1")
        today = query.today or self._now().astimezone(UTC).date()
        try:
            return await self._page(query, today)
        except NoStore:
            # `list` with a mistyped URL must not leave a file behind.
            return TaskPage([], Counts(), query, today)

    async def _page(self, query: TaskQuery, today: date) -> TaskPage:
        """Read a page, and look again at tasks without folded texts.

        The store passes those on, whatever the words. If one of them does not
        fit, and a limit may have cut off another that does, all are read. Else
        `found` also counts those beyond the limit, which may not fit.
        """
        page = await self._run(lambda tasks: tasks.page(query, today))
        fitting = [task for task in page.tasks if has_words(task, query.words)]
        if len(fitting) == len(page.tasks):
            return page
        if query.limit is None:
            return replace(page, tasks=fitting)
        unlimited = replace(query, limit=None)
        return _cut(await self._page(unlimited, today), query)

    async def get(self, reference: int | UUID) -> Task:
        """Return one task; one round trip.

        Raises:
            NotFound: the user has no such task.
        """
        return (await self.find([reference]))[0]

    async def find(
        self, references: Sequence[Reference], *, to_change: bool = False
    ) -> Tasks:
        """Return the named tasks, each once; one round trip.

        The order is that of the references. A range means the existing tasks
        in it. With `to_change` the error says that nothing was changed.

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

    async def update(
        self, references: Sequence[Reference], changes: TaskChange
    ) -> Tasks:
        """Change fields of tasks, all or nothing; one round trip.

        In the given order. `updated_at` and `version` move only where a value
        differs. A lost answer is settled by reading the tasks again.

        Raises:
            InvalidInput: nothing is named, or None is given for a field that
                cannot be empty.
            NotFound: one named alone does not exist, or a range holds none;
                nothing is changed.
        """
        named = changes.named
        if not named:
            raise InvalidInput("Nothing to change is named")
        for field in _NEVER_NULL:
            if field in named and named[field] is None:
                raise InvalidInput.of(field, "cannot be empty")
        return await self._set(references, changes)

    async def replace(
        self,
        references: Sequence[Reference],
        text: Replacement,
        changes: TaskChange,
    ) -> Tasks:
        """Replace a text in the titles of tasks, all or nothing.

        In the given order. The other `changes` are made at the same time. Two
        round trips: the titles are read, and written if no task has changed
        since; else they are read again, up to three times.

        Raises:
            InvalidInput: a title lacks the text, or would break a rule;
                nothing is changed.
            NotFound: one named alone does not exist, or a range holds none;
                nothing is changed.
            DatabaseBusy: the tasks were changed again and again.
            Conflict: a rule of the database keeps what is stored.
        """
        found: Tasks = []
        for _ in range(_TRIES):
            before = found
            found = await self.find(references, to_change=True)
            # By id: a range could contain new tasks by now.
            ids = [task.id for task in found]
            retitled = [_retitled(task, text) for task in found]
            changed = await self._retitle(ids, changes, retitled)
            if changed:
                return _whole(ids, changed)
        raise _not_written(is_same=found == before)

    async def _retitle(
        self,
        ids: Sequence[UUID],
        changes: TaskChange,
        retitled: Sequence[Task],
    ) -> Tasks:
        """Set a new title for each task, and make the other changes.

        Returns nothing if a task is gone or was changed. After a lost answer,
        read whether the tasks have the values now.
        """
        now = self._now()
        try:
            return await self._run(
                lambda tasks: tasks.change(ids, changes, now, retitled),
                effect=Effect.ONCE,
            )
        except (Conflict, Forbidden, InvalidInput) as error:
            raise error.unchanged() from error
        except OutcomeUnknown as lost:
            found = await self._look(ids, lost)
            titles = {task.id: task.title for task in retitled}
            for task in found:
                has_title = task.title == titles[task.id]
                if not has_title or not _has_values(task, changes, now):
                    raise
            return found

    async def complete(
        self, references: Sequence[Reference], *, undo: bool = False
    ) -> Tasks:
        """Mark tasks as done, or as open with `undo`; one round trip.

        All or nothing, in the given order. A task that has the state already
        is not changed, and keeps its completion time.

        Raises:
            NotFound: one named alone does not exist, or a range holds none;
                nothing is changed.
        """
        return await self._set(references, TaskChange(completed=not undo))

    async def delete(self, references: Sequence[Reference]) -> Tasks:
        """Delete tasks and return them as they were; one round trip.

        All or nothing, in the given order. A lost answer is settled by reading
        the tasks again, and the delete is repeated only if all of them exist.

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
        """Set fields of tasks.

        After a lost answer, read whether the tasks have the values now.
        """
        now = self._now()
        try:
            return await self._change(
                references,
                lambda tasks: tasks.change(references, wanted, now),
            )
        except OutcomeUnknown as lost:
            # If the tasks have the values now, it does not matter who set them.
            found = await self._look(references, lost)
            if all(_has_values(task, wanted, now) for task in found):
                return found
            raise

    async def _delete_again(
        self, references: Sequence[Reference], lost: OutcomeUnknown
    ) -> Tasks:
        """Repeat a delete whose answer was lost, if every task still exists."""
        found = await self._look(references, lost)
        # By id: a range could contain new tasks by now.
        ids: list[Reference] = [task.id for task in found]
        removed = await self._run(
            lambda tasks: tasks.remove(ids), effect=Effect.ONCE
        )
        if not removed:
            # The first delete has succeeded after all.
            raise _gone(lost)
        return _whole(references, removed)

    async def _look(
        self, references: Sequence[Reference], lost: OutcomeUnknown
    ) -> Tasks:
        """Read the tasks after a change whose answer was lost.

        Raises:
            OutcomeUnknown: they cannot be read, or one of them is missing.
        """
        try:
            return await self.find(references)
        except NotFound:
            raise _gone(lost) from lost
        except TodoError:
            # This error is about reading; the outcome is what matters.
            raise lost from None

    async def _change(
        self,
        references: Sequence[Reference],
        change: Callable[[TaskRepository], Awaitable[Tasks]],
    ) -> Tasks:
        """Run a change that affects all named tasks or none.

        Only if it affects none, a second statement finds out which task is
        missing.
        """
        if not references:
            return []
        found: Tasks = []
        for _ in range(_TRIES):
            try:
                changed = await self._run(change, effect=Effect.ONCE)
            except NoStore:
                changed = []
            except (Conflict, Forbidden, InvalidInput) as error:
                raise error.unchanged() from error
            if changed:
                return _whole(references, changed)
            before = found
            # Raises NotFound, unless the task was added in the meantime.
            found = await self.find(references, to_change=True)
        raise _not_written(is_same=found == before)

    async def _run(
        self, work: Callable[[TaskRepository], Awaitable[T]], **how: Any
    ) -> T:
        """Call `work` with the user's tasks; `how` goes to `Database.run`."""
        return await self._database.run(
            lambda connection: work(TaskRepository(connection, self._user)),
            **how,
        )

    def _task(self, new: NewTask, now: datetime) -> Task:
        """Return the task to store.

        The store assigns its number. The id is random if the client gave none.
        """
        given = {each.name: getattr(new, each.name) for each in fields(new)}
        ours = {
            "id": new.id or uuid4(),
            "number": 0,
            "user_id": self._user,
            "completed": False,
            "created_at": now,
            "updated_at": now,
            "completed_at": None,
            "version": 1,
        }
        return Task(**given | ours)

    def _not_found(
        self, missing: Sequence[Reference], outcome: str
    ) -> NotFound:
        """Return the error that names the missing tasks."""
        words = ", ".join(_written(reference) for reference in missing)
        noun = "tasks" if len(missing) > 1 else "task"
        return NotFound(
            f"No {noun} {words} for {self._user}{outcome}",
            hint="todo list --status all",
        )


def _not_written(*, is_same: bool) -> Conflict | DatabaseBusy:
    """Return the error for a change that affected no task, several times.

    `is_same` says whether the tasks stayed as they were meanwhile.
    """
    if is_same:
        message = f"The database keeps what is stored{NOTHING_CHANGED}"
        return Conflict(message, hint=OF_A_RULE)
    return DatabaseBusy("The tasks keep changing", hint="try again")


def _retitled(task: Task, text: Replacement) -> Task:
    """Return a task with the text replaced in its title.

    Raises:
        InvalidInput: the title lacks the text, or would break a rule.
    """
    if text.old not in task.title:
        raise InvalidInput.of(
            "title",
            f"`{redact.shown(text.old)}` is not in the title of {task.number}",
        ).unchanged()
    title = task.title.replace(text.old, text.new)
    try:
        return replace(task, title=rules.clean_title(title))
    except InvalidInput as error:
        raise InvalidInput(
            f"{error.message}, with the text replaced in {task.number}",
            details=error.details,
        ).unchanged() from None


def _cut(whole: TaskPage, query: TaskQuery) -> TaskPage:
    """Return the first page of a query, of which all tasks were read."""
    found = min(len(whole.tasks), COUNTED_UP_TO + 1)
    counts = replace(whole.counts, found=found)
    shown = whole.tasks[: query.limit]
    goes_on = None
    if len(shown) < len(whole.tasks):
        goes_on = Position(shown[-1].created_at, shown[-1].number)
    return TaskPage(shown, counts, query, whole.today, goes_on, whole.fault)


def _has_values(task: Task, wanted: TaskChange, now: datetime) -> bool:
    """Whether a task has the values of a change that was tried at `now`.

    Fields that the change does not name may have any value.
    """
    named = wanted.named
    # The same note can have been there before, so only the time can tell.
    if named.pop("note", None) is not None and task.updated_at != now:
        return False
    added = set(named.pop("add_tags", ()))
    removed = set(named.pop("remove_tags", ()))
    if not added.issubset(task.tags) or not removed.isdisjoint(task.tags):
        return False
    given = named.items()
    return all(getattr(task, name) == value for name, value in given)


def _written(reference: Reference) -> str:
    """Write a reference as people type it.

    A range includes its end there: `5-7`.
    """
    if isinstance(reference, range):
        return f"{reference.start}-{reference.stop - 1}"
    return str(reference)


def _gone(lost: OutcomeUnknown) -> OutcomeUnknown:
    """Return the error for a lost answer after which a task is missing.

    Another command may have deleted it, so the outcome remains unknown.
    """
    return OutcomeUnknown(
        f"{lost.message}; a task is gone now", hint=lost.hint
    )


def _missing(
    references: Sequence[Reference], found: Sequence[Task]
) -> list[Reference]:
    """Return the references without a task, each once, in the given order."""
    numbers = {task.number for task in found}
    ids = {task.id for task in found}
    missing = []
    for reference in dict.fromkeys(references):
        if isinstance(reference, range):
            # One task in a range is enough: lists have gaps.
            is_found = any(number in reference for number in numbers)
        else:
            is_found = reference in numbers or reference in ids
        if not is_found:
            missing.append(reference)
    return missing


def _whole(
    references: Sequence[Reference], changed: Sequence[Task]
) -> list[Task]:
    """Return changed tasks in the order of the references.

    Raises:
        PartlyDone: a rule of the database kept one from being changed. It is
            not noticed of a task that only a range names.
    """
    if missing := _missing(references, changed):
        kept = ", ".join(_written(reference) for reference in missing)
        message = f"The database keeps {kept}; all others were changed"
        raise PartlyDone(message, hint=OF_A_RULE)
    return _in_order(references, changed)


def _in_order(
    references: Sequence[Reference], found: Sequence[Task]
) -> list[Task]:
    """Return tasks in the order of the references, each once.

    The tasks of a range are sorted by number.
    """
    by_key: dict[int | UUID, Task] = {}
    for task in found:
        by_key[task.number] = task
        by_key[task.id] = task
    numbers = sorted(task.number for task in found)
    # A dict keeps the first place of each task.
    ordered: dict[UUID, Task] = {}
    for reference in references:
        keys: list[int | UUID] = []
        if isinstance(reference, range):
            keys += [number for number in numbers if number in reference]
        else:
            keys.append(reference)
        for key in keys:
            task = by_key[key]
            ordered.setdefault(task.id, task)
    return list(ordered.values())
