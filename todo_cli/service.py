"""The use cases for the tasks of one user: every rule of the product.

There is no SQL here, and nothing is printed.
"""

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Sequence,
)
from contextlib import aclosing, suppress
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import UUID, uuid4

from todo_cli import redact, rules
from todo_cli.database import sorting
from todo_cli.database.engine import Database, Effect
from todo_cli.database.listing import COUNTED_UP_TO
from todo_cli.database.operations import (
    Heading,
    OperationRepository,
    TakenBack,
)
from todo_cli.database.run import OF_A_RULE, Connection
from todo_cli.database.tasks import TaskRepository
from todo_cli.errors import (
    NOTHING_CHANGED,
    Conflict,
    DatabaseBusy,
    Forbidden,
    InTrash,
    InvalidInput,
    NoStore,
    NotFound,
    OutcomeUnknown,
    PartlyDone,
    SchemaMismatch,
    TodoError,
    VersionConflict,
    first_few,
)
from todo_cli.fold import has_words
from todo_cli.task import (
    Added,
    Candidate,
    Command,
    Counts,
    HistoryPage,
    Latest,
    NewTask,
    Operation,
    Reference,
    Replacement,
    Taken,
    Task,
    TaskChange,
    TaskPage,
    TaskQuery,
    Undone,
)

if TYPE_CHECKING:
    from todo_cli.stats import Stats

T = TypeVar("T")
Tasks = list[Task]

_TRIES: Final = 3
"""How often to try a change while concurrent calls add and delete tasks."""
_LOOKED_AT: Final = 50
"""Among how many operations to look for one whose answer was lost."""
_LAST_OPERATION: Final = 2**31 - 1
_NAMED_UP_TO: Final = 5
"""How many tasks an error names at most."""
_END: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""After every time of a task."""


_ALL: Final = "`todo list --status all` shows your tasks"
_TRASH: Final = "`todo list --status trash` shows what is in the trash"
"""Hints: where to look for a task that does not exist."""

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

    Every call that changes something is one operation of the history, unless
    nothing differs. With `is_trial` each does what it always does, and then all
    of it is rolled back.

    Every call is one transaction, which has ended when it returns. Every
    method may also raise a `TodoError` of the store: unavailable, busy,
    timeout, and for a write `OutcomeUnknown`.
    """

    def __init__(
        self,
        database: Database,
        user: str,
        now: Callable[[], datetime],
        *,
        is_trial: bool = False,
    ) -> None:
        self._database = database
        self._user = user
        self._now = now
        self._is_trial = is_trial
        self.changed_at: datetime | None = None
        """The time that the latest change gave to tasks; None before."""

    async def add(self, new: NewTask) -> Added:
        """Store a task under the user's next number; one round trip.

        If the user has the id already, the stored task is returned unchanged,
        and no number is used up. So a repeat with an id is harmless.

        Raises:
            Conflict: another user holds the id, or no number is left.
        """
        heading = self._heading(Command.ADD)
        task = self._task(new, heading.at)
        return await self._run(
            lambda tasks: tasks.add(task, heading),
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
        heading = self._heading(Command.ADD)
        given = [self._task(new, heading.at) for new in news]
        return await self._run(
            lambda tasks: tasks.add_all(given, heading),
            effect=Effect.REPEATABLE,
            creates=True,
            together=True,
        )

    async def import_all(
        self,
        batches: AsyncIterable[Sequence[Candidate]],
        report: Callable[[int], None],
        name: str,
    ) -> Taken:
        """Store the records of a file that are new, all or nothing.

        A record whose id the user has already, also in the trash, changes
        nothing. If each new one has a number, and none of these is taken, they
        keep them; else all are numbered on, in their order. `report` is called
        with how many tasks are written. Errors call the file `name`.

        Raises:
            InvalidInput: records are wrong; the first ones are named.
            Conflict: another user holds an id, or too few numbers are left.
        """
        # Late: only imports need it.
        from todo_cli.database.arrivals import Arrivals
        from todo_cli.database.candidates import open_candidates

        async with open_candidates(name) as candidates:
            await candidates.fill(batches)
            # No transaction, and no store is created for nothing.
            if candidates.count == 0:
                return Taken(0)
            heading = self._heading(Command.IMPORT)
            arrivals = Arrivals(candidates, self._user, heading, report)
            try:
                return await self._run(
                    lambda tasks: tasks.import_all(arrivals),
                    effect=Effect.REPEATABLE,
                    creates=True,
                    together=True,
                )
            except NoStore:
                # A trial creates none.
                return await arrivals.pretend()

    async def list(self, query: TaskQuery = _OPEN) -> TaskPage:
        """Return the tasks of a query in its order, and counts; see `Counts`.

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
        if not query.words:
            return page
        fitting = _with_words(page.tasks, query.words)
        if len(fitting) == len(page.tasks):
            return page
        if query.limit is None:
            return replace(page, tasks=fitting)
        unlimited = replace(query, limit=None)
        return _cut(await self._page(unlimited, today), query)

    async def stats(self, zone: tzinfo = UTC) -> "Stats":
        """Count the tasks, by status, day, project and age; one round trip.

        Days are those of the zone, and today is the last of them. `open` counts
        what is overdue and leaves out what waits, as a list does; nothing
        counts the trash. Counts are exact, unlike those of a list, so that the
        cost grows with what is counted.
        """
        # Only one command needs it.
        from todo_cli.stats import frame_of, nothing

        frame = frame_of(self._now(), zone)
        try:
            return await self._run(lambda tasks: tasks.stats(frame))
        except NoStore:
            return nothing(frame)

    async def export(
        self, query: TaskQuery, most: int = 1_000
    ) -> AsyncGenerator[Tasks]:
        """Yield all tasks of a query by number, at most `most` at a time.

        They are of one moment, whatever is written meanwhile. Order, groups and
        limit of the query do not count. Close the iterator at the end.

        Raises:
            SchemaMismatch: a task cannot be read.
        """
        today = query.today or self._now().astimezone(UTC).date()

        def read(connection: Connection) -> AsyncGenerator[Tasks]:
            tasks = TaskRepository(connection, self._user)
            return tasks.parts(query, today, most)

        with suppress(NoStore):
            async with aclosing(self._database.read_parts(read)) as parts:
                async for tasks in parts:
                    if query.words:
                        # Those without folded texts come whatever they have.
                        tasks = _with_words(tasks, query.words)
                    if tasks:
                        yield tasks

    async def get(self, reference: int | UUID) -> Task:
        """Return one task, which may be in the trash; one round trip.

        Raises:
            NotFound: the user has no such task.
        """
        return (await self.find([reference]))[0]

    async def find(
        self,
        references: Sequence[Reference],
        *,
        to_change: bool = False,
        is_live: bool = False,
        hint: str = _ALL,
    ) -> Tasks:
        """Return the named tasks, each once; one round trip.

        The order is that of the references. A range means the existing tasks
        in it. With `is_live` tasks in the trash do not count. With `to_change`
        the error says that nothing was changed. `hint` is that of the error.

        Raises:
            NotFound: one named alone does not exist, or a range holds none.
        """
        try:
            found = await self._run(lambda tasks: tasks.named(references))
        except NoStore:
            found = []
        seen = found
        if is_live:
            seen = [task for task in found if task.deleted_at is None]
        if missing := _missing(references, seen):
            outcome = NOTHING_CHANGED if to_change else ""
            in_trash = _in_trash(missing, found)
            raise self._not_found(missing, outcome, in_trash, hint)
        return _in_order(references, seen)

    async def update(
        self,
        references: Sequence[Reference],
        changes: TaskChange,
        *,
        if_version: int | None = None,
        command: Command = Command.UPDATE,
    ) -> Tasks:
        """Change fields of tasks, all or nothing; one round trip.

        In the given order. `updated_at` and `version` move only where a value
        differs. A lost answer is settled by reading the tasks again. `command`
        is what the history calls it.

        Raises:
            VersionConflict: `if_version` is given, and a task has another one.
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
        return await self._set(references, changes, command, if_version)

    async def replace(
        self,
        references: Sequence[Reference],
        text: Replacement,
        changes: TaskChange,
        *,
        if_version: int | None = None,
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
            VersionConflict: `if_version` is given, and a task has another one.
            Conflict: a rule of the database keeps what is stored.
        """
        found: Tasks = []
        for _ in range(_TRIES):
            before = found
            found = await self.find(references, to_change=True, is_live=True)
            _check_version(found, if_version)
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
        heading = self._heading(Command.UPDATE)
        try:
            return await self._run(
                lambda tasks: tasks.change(
                    ids, changes, heading, retitled=retitled
                ),
                effect=Effect.ONCE,
            )
        except (Conflict, Forbidden, InvalidInput) as error:
            raise error.unchanged() from error
        except OutcomeUnknown as lost:
            found = await self._look(ids, lost)
            titles = {task.id: task.title for task in retitled}
            for task in found:
                has_title = task.title == titles[task.id]
                if not has_title or not _has_values(task, changes, heading.at):
                    raise
            return found

    async def complete(
        self,
        references: Sequence[Reference],
        *,
        undo: bool = False,
        if_version: int | None = None,
    ) -> Tasks:
        """Mark tasks as done, or as open with `undo`; one round trip.

        All or nothing, in the given order. A task that has the state already
        is not changed, and keeps its completion time.

        Raises:
            NotFound: one named alone does not exist, or a range holds none;
                nothing is changed.
            VersionConflict: `if_version` is given, and a task has another one.
        """
        wanted = TaskChange(completed=not undo)
        return await self._set(references, wanted, Command.DONE, if_version)

    async def delete(
        self,
        references: Sequence[Reference],
        *,
        if_version: int | None = None,
    ) -> Tasks:
        """Move tasks to the trash; return them as they are now.

        One round trip; all or nothing, in the given order. A lost answer is
        settled by reading the tasks again.

        Raises:
            NotFound: one named alone does not exist, or a range holds none;
                nothing is changed.
            VersionConflict: `if_version` is given, and a task has another one.
        """
        heading = self._heading(Command.DELETE)
        try:
            return await self._change(
                references,
                lambda tasks: tasks.move(
                    references, heading.at, heading, if_version
                ),
                if_version=if_version,
            )
        except OutcomeUnknown as lost:
            found = await self._look(references, lost)
            if all(task.deleted_at == heading.at for task in found):
                return found
            raise

    async def restore(
        self,
        references: Sequence[Reference],
        *,
        if_version: int | None = None,
    ) -> Tasks:
        """Take tasks out of the trash; those outside it stay as they are.

        One round trip; all or nothing, in the given order. A lost answer is
        settled by reading the tasks again.

        Raises:
            NotFound: one named alone does not exist, or a range holds none;
                nothing is changed.
            VersionConflict: `if_version` is given, and a task has another one.
        """
        heading = self._heading(Command.RESTORE)
        try:
            return await self._change(
                references,
                lambda tasks: tasks.move(
                    references, None, heading, if_version
                ),
                if_version=if_version,
                is_live=False,
                hint=_TRASH,
            )
        except OutcomeUnknown as lost:
            found = await self._look(references, lost)
            if all(task.deleted_at is None for task in found):
                return found
            raise

    async def purge(self, references: Sequence[Reference]) -> Tasks:
        """Delete tasks for good, in or out of the trash, and their history.

        Returns them as they were. One round trip; all or nothing, in the given
        order. A lost answer is settled by reading the tasks again, and the
        purge is repeated only if all of them exist.

        Raises:
            NotFound: one named alone does not exist, or a range holds none;
                nothing is purged.
        """
        heading = self._heading(Command.PURGE)
        try:
            return await self._change(
                references,
                lambda tasks: tasks.remove(references, heading),
                is_live=False,
            )
        except OutcomeUnknown as lost:
            return await self._purge_again(references, lost)

    async def purge_trash(self, ids: Sequence[UUID]) -> Tasks:
        """Delete tasks for good that are still in the trash; the others stay.

        Returns them as they were, by number. One round trip.
        """
        heading = self._heading(Command.PURGE)
        removed: Tasks = []
        for in_turn in (False, True):
            # Nothing is removed if something was done while this waited.
            if ids and not removed:
                removed = await self._run(
                    lambda tasks: tasks.remove(ids, heading, only_trash=True),
                    effect=Effect.ONCE,
                    in_turn=in_turn,
                )
        return sorted(removed, key=lambda task: task.number)

    async def trash(self, older_than: timedelta | None = None) -> Tasks:
        """Return the tasks in the trash, by number.

        With a time only those that have been there for longer.
        """
        before = _END
        if older_than is not None:
            before = self._now() - older_than
        try:
            return await self._run(lambda tasks: tasks.trash(before))
        except NoStore:
            return []

    async def history(
        self,
        reference: int | UUID | None = None,
        *,
        limit: int | None = None,
        before: int | None = None,
    ) -> HistoryPage:
        """Return operations, the latest first; one round trip.

        `before` is the number that a page returned as `next`. With a reference
        only what was done with that task, which may be purged; two round trips
        for an id, and if nothing is found.

        Raises:
            InvalidInput: the limit is below 1.
            NotFound: the user never had such a task.
        """
        if limit is not None and limit < 1:
            raise InvalidInput.of("limit", "must be at least 1")
        try:
            if reference is None:
                return await self._operate(
                    lambda operations: operations.page(limit, before)
                )
            return await self._history_of(reference, limit, before)
        except NoStore:
            if reference is not None:
                raise self._not_found([reference], "") from None
            return HistoryPage([])

    async def latest(self) -> Latest | None:
        """Return the user's latest operation; None if there is no store.

        One short statement: whoever waits for changes asks for it again and
        again, and reads the tasks when the answer differs. What other programs
        change by SQL is no operation.

        Raises:
            SchemaMismatch: another program stored wrong values.
        """
        try:
            return await self._operate(lambda operations: operations.latest())
        except NoStore:
            return None

    async def _history_of(
        self, reference: int | UUID, limit: int | None, before: int | None
    ) -> HistoryPage:
        """Return what was done with one task; see `history`."""
        number = await self._operate(
            lambda operations: operations.number_of(reference)
        )
        if number is None:
            raise self._not_found([reference], "")
        page = await self._operate(
            lambda operations: operations.page(limit, before, number)
        )
        if page.operations or page.fault is not None:
            return page
        first = page
        if before is not None:
            first = await self._operate(
                lambda operations: operations.page(1, None, number)
            )
        if not first.operations:
            # Perhaps the task is older than the history.
            await self.find([reference])
        return page

    async def undo(self, number: int | None = None) -> Undone:
        """Take back an operation as a whole; one round trip.

        Without a number it is the latest one that is neither undone nor an
        undo, redo or purge. A new task is moved to the trash. Purged tasks are
        passed over.

        Raises:
            NotFound: there is no such operation.
            Conflict: a task has changed since in a field that would be set
                back, or all tasks are purged; nothing is changed.
            InvalidInput: the number is that of a purge, undo or redo.
        """
        statement = "undo" if number is None else "undo_one"
        if number is not None and not 0 < number <= _LAST_OPERATION:
            raise self._no_operation(number)
        found = await self._take_back(statement, Command.UNDO, number)
        if found.number is None:
            raise self._no_operation(number)
        if found.undone_by is not None and found.undoes is None:
            undone_by = found.undone_by
            return Undone(
                undone_by, found.number, found.command, [], is_new=False
            )
        if found.is_blocked:
            raise InvalidInput.of(
                "operation",
                f"{found.number} is {_article(found.command)}, which cannot be undone",
            )
        return _undone(found)

    async def redo(self) -> Undone:
        """Bring back the operation that was undone last; one round trip.

        Only while nothing else was done since.

        Raises:
            NotFound: there is none.
            Conflict: a task has changed since, by another program.
        """
        found = await self._take_back("redo", Command.REDO, None)
        if found.number is None:
            raise NotFound(f"Nothing to redo for {self._user}")
        return replace(_undone(found), redoes=found.undoes)

    async def _take_back(
        self, statement: str, command: Command, number: int | None
    ) -> TakenBack:
        """Take back an operation, again if something was done meanwhile.

        Raises:
            OutcomeUnknown: the answer was lost, and so is the outcome.
        """
        heading = self._heading(command)

        async def take_back(*, in_turn: bool) -> TakenBack:
            return await self._operate(
                lambda operations: operations.take_back(
                    statement, heading, number
                ),
                effect=Effect.ONCE,
                in_turn=in_turn,
            )

        try:
            found = await take_back(in_turn=False)
            if found.is_late:
                found = await take_back(in_turn=True)
        except NoStore:
            return TakenBack()
        except (Conflict, Forbidden, InvalidInput) as error:
            raise error.unchanged() from error
        except OutcomeUnknown as lost:
            return await self._look_for(heading, lost)
        return found

    async def _look_for(
        self, heading: Heading, lost: OutcomeUnknown
    ) -> TakenBack:
        """Find out what an undo has done whose answer was lost.

        Raises:
            OutcomeUnknown: it is not among the latest operations.
        """
        try:
            page = await self.history(limit=_LOOKED_AT)
            for each in page.operations:
                if each.id == heading.id and each.undoes is not None:
                    numbers = [entry.number for entry in each.tasks]
                    tasks = await self.find(numbers)
                    return await self._as_taken_back(each, tasks)
        except TodoError:
            # This error is about reading; the outcome is what matters.
            raise lost from None
        raise lost

    async def _as_taken_back(
        self, operation: Operation, tasks: Tasks
    ) -> TakenBack:
        """Describe an undo that was found in the history."""
        undone = await self._operation(operation.undoes or 0)
        root = ""
        if undone.undoes is not None:
            root = (await self._operation(undone.undoes)).command
        there = {task.id for task in tasks}
        gone = [each for each in undone.tasks if each.id not in there]
        return TakenBack(
            undone.operation,
            undone.command,
            undone.undoes,
            purged=tuple(each.number for each in gone),
            operation=operation.operation,
            root=root,
            tasks=tuple(tasks),
        )

    async def _operation(self, number: int) -> Operation:
        """Return one operation.

        Raises:
            NotFound: it does not exist, or cannot be read.
        """
        page = await self.history(limit=1, before=number + 1)
        if not page.operations:
            raise self._no_operation(number)
        return page.operations[0]

    def _no_operation(self, number: int | None) -> NotFound:
        """Return the error for an operation that does not exist."""
        if number is None:
            return NotFound(f"Nothing to undo for {self._user}")
        return NotFound(
            f"No operation {number} for {self._user}{NOTHING_CHANGED}",
            hint="todo history",
        )

    async def _set(
        self,
        references: Sequence[Reference],
        wanted: TaskChange,
        command: Command,
        if_version: int | None,
    ) -> Tasks:
        """Set fields of tasks.

        After a lost answer, read whether the tasks have the values now.
        """
        heading = self._heading(command)
        try:
            return await self._change(
                references,
                lambda tasks: tasks.change(
                    references, wanted, heading, if_version=if_version
                ),
                if_version=if_version,
            )
        except OutcomeUnknown as lost:
            # If the tasks have the values now, it does not matter who set them.
            found = await self._look(references, lost)
            if all(_has_values(task, wanted, heading.at) for task in found):
                return found
            raise

    async def _purge_again(
        self, references: Sequence[Reference], lost: OutcomeUnknown
    ) -> Tasks:
        """Repeat a purge whose answer was lost, if every task still exists."""
        found = await self._look(references, lost)
        # By id: a range could contain new tasks by now.
        ids: list[Reference] = [task.id for task in found]
        heading = self._heading(Command.PURGE)
        removed: Tasks = []
        for in_turn in (False, True):
            # Nothing is removed if something was done while this waited.
            if not removed:
                removed = await self._run(
                    lambda tasks: tasks.remove(ids, heading),
                    effect=Effect.ONCE,
                    in_turn=in_turn,
                )
        if not removed:
            # The first purge has succeeded after all.
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
        *,
        if_version: int | None = None,
        is_live: bool = True,
        hint: str = _ALL,
    ) -> Tasks:
        """Run a change that affects all named tasks or none.

        Only if it affects none, a second statement finds out which task is
        missing, or with `if_version` has another version. With `is_live` those
        in the trash are missing.
        """
        if not references:
            return []
        found: Tasks = []
        for number in range(1, _TRIES + 1):
            try:
                changed = await self._run(
                    change, effect=Effect.ONCE, in_turn=number > 1
                )
            except NoStore:
                changed = []
            except (Conflict, Forbidden, InvalidInput) as error:
                raise error.unchanged() from error
            if changed:
                return _whole(references, changed)
            before = found
            # Raises NotFound, unless the task was added in the meantime.
            try:
                found = await self.find(
                    references, to_change=True, is_live=is_live, hint=hint
                )
            except SchemaMismatch:
                # It is there, and cannot be read. It can be changed.
                if number == _TRIES:
                    raise
            _check_version(found, if_version)
        raise _not_written(is_same=found == before)

    async def _run(
        self,
        work: Callable[[TaskRepository], Awaitable[T]],
        *,
        in_turn: bool = False,
        **how: Any,
    ) -> T:
        """Call `work` with the user's tasks; `how` goes to `Database.run`.

        With `in_turn` a statement of its own locks the counter first, and puts
        it right. So `work` sees all that was done while this waited, which a
        single statement does not. It costs turns, as a trial may.
        """
        is_trial = self._is_trial and "effect" in how
        in_turn = in_turn or is_trial

        async def call(connection: Connection) -> T:
            tasks = TaskRepository(connection, self._user)
            if in_turn:
                await tasks.catch_up()
            return await work(tasks)

        if in_turn:
            how["together"] = True
        return await self._database.run(call, is_trial=is_trial, **how)

    async def _operate(
        self,
        work: Callable[[OperationRepository], Awaitable[T]],
        **how: Any,
    ) -> T:
        """Do the same with the user's operations."""
        return await self._run(lambda tasks: work(tasks.operations()), **how)

    def _heading(self, command: Command) -> Heading:
        """Return what the history says of an operation that begins now."""
        self.changed_at = self._now()
        return Heading(uuid4(), self.changed_at, command)

    def _task(self, new: NewTask, now: datetime) -> Task:
        """Return the task to store.

        The store assigns its number. The id is random if the client gave none.
        """
        given = {each.name: getattr(new, each.name) for each in fields(new)}
        ours = {
            "id": new.id or uuid4(),
            "number": 0,
            "user_id": self._user,
            "created_at": now,
            "updated_at": now,
            "completed_at": now if new.completed else None,
            "version": 1,
            "deleted_at": None,
        }
        return Task(**given | ours)

    def _not_found(
        self,
        missing: Sequence[Reference],
        outcome: str,
        in_trash: Sequence[int] = (),
        hint: str = _ALL,
    ) -> NotFound:
        """Return the error that names the missing tasks.

        `in_trash` are the numbers of those that can be restored.
        """
        words = ", ".join(_written(reference) for reference in missing)
        noun = "tasks" if len(missing) > 1 else "task"
        message = f"No {noun} {words} for {self._user}{outcome}"
        if in_trash:
            numbers = " ".join(str(number) for number in in_trash)
            return InTrash(
                message,
                hint=f"in the trash; `todo restore {numbers}` takes it out",
            )
        return NotFound(message, hint=hint)


def _in_trash(
    missing: Sequence[Reference], found: Sequence[Task]
) -> list[int]:
    """Return the numbers of found tasks that references mean."""
    named = _missing_of(missing, found)
    return sorted({task.number for task in named})[:_NAMED_UP_TO]


def _missing_of(
    references: Sequence[Reference], found: Sequence[Task]
) -> list[Task]:
    """Return the tasks that one of the references names."""
    named = []
    for task in found:
        for reference in references:
            if isinstance(reference, range):
                is_named = task.number in reference
            else:
                is_named = reference in (task.number, task.id)
            if is_named:
                named.append(task)
                break
    return named


def _check_version(found: Sequence[Task], if_version: int | None) -> None:
    """Check that tasks have the version that was asked for.

    Raises:
        VersionConflict: one has another version.
    """
    other = [task for task in found if task.version != if_version]
    if if_version is None or not other:
        return
    task = other[0]
    raise VersionConflict(
        f"Task {task.number} has version {task.version}, "
        f"not {if_version}{NOTHING_CHANGED}",
        hint=f"todo show {task.number}",
        details=[{"field": "version", "message": str(task.version)}],
    )


def _undone(found: TakenBack) -> Undone:
    """Return what was taken back.

    Raises:
        Conflict: tasks have changed since, or all are purged.
    """
    number = found.number or 0
    if found.others:
        noun = "Task" if len(found.others) == 1 else "Tasks"
        verb = "has" if len(found.others) == 1 else "have"
        named = first_few(found.others, _NAMED_UP_TO)
        raise Conflict(
            f"{noun} {named} {verb} changed since operation {number}"
            f"{NOTHING_CHANGED}",
            hint=f"todo history {found.others[0]}",
        )
    if found.operation is None and found.purged:
        message = f"All tasks of operation {number} were purged"
        raise Conflict(f"{message}{NOTHING_CHANGED}")
    if found.operation is None:
        raise _not_written(is_same=True)
    return Undone(
        found.operation,
        number,
        found.root or found.command,
        list(found.tasks),
        found.purged,
    )


def _article(command: str) -> str:
    """Return a command with its article."""
    return f"an {command}" if command.startswith("u") else f"a {command}"


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


def _with_words(tasks: Tasks, words: Sequence[str]) -> Tasks:
    """Return the tasks that have each of the words."""
    return [task for task in tasks if has_words(task, words)]


def _cut(whole: TaskPage, query: TaskQuery) -> TaskPage:
    """Return the first page of a query, of which all tasks were read."""
    found = min(len(whole.tasks), COUNTED_UP_TO + 1)
    counts = replace(whole.counts, found=found)
    shown = whole.tasks[: query.limit]
    goes_on = None
    if len(shown) < len(whole.tasks):
        goes_on = sorting.position_of(shown[-1], query)
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
