"""The tasks of one user in the store, read and written with `queries.py`.

Each method runs one statement, which is one transaction, unless its docstring
says otherwise.
"""

import json
import re
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar
from uuid import UUID

from todo_cli.database import failures, history, listing, search, sorting
from todo_cli.database.filling import FOLDED, folded_texts, tag_rows
from todo_cli.database.operations import (
    Change,
    Heading,
    OperationRepository,
    differing,
    note,
    to_values,
)
from todo_cli.database.rows import (
    NAMES,
    Unreadable,
    fetch,
    read,
    read_columns,
    with_outcome,
)
from todo_cli.database.run import (
    Column,
    Connection,
    Row,
    Statement,
    columns_of,
    dropped,
    numbers_of,
    store_tasks,
)
from todo_cli.database.schema import USER_SETTING
from todo_cli.database.sorting import rank_of
from todo_cli.errors import Conflict, SchemaMismatch
from todo_cli.fold import fold, fold_or_none
from todo_cli.task import (
    Added,
    Counts,
    Position,
    Reference,
    Taken,
    Task,
    TaskChange,
    TaskPage,
    TaskQuery,
)

if TYPE_CHECKING:
    from todo_cli.database.arrivals import Arrivals
    from todo_cli.stats import Frame, Stats

T = TypeVar("T")

_LAST_NUMBER: Final = 2**31 - 1
"""The highest number of a new task, on both stores: PostgreSQL's `integer`."""

_TASK: Final = slice(-len(NAMES), None)
"""The columns of a task in a list; counts come before them."""
_USER: Final = NAMES.index("user_id") - len(NAMES)
"""The user's column in a list. It is never NULL in a task."""
_SAVED: Final = "the change was saved"
_RETITLED_AT_ONCE: Final = 100
"""How many new titles one statement of SQLite has at most."""


class TaskRepository:
    """The tasks of one user. The caller opens and closes the connection.

    Driver errors pass through: `Database.run` retries and translates them.
    """

    def __init__(self, connection: Connection, user_id: str) -> None:
        self._connection = connection
        self._user_id = user_id
        connection.claim(USER_SETTING, user_id)

    def operations(self) -> OperationRepository:
        """Return the operations of the same user, on the same connection."""
        return OperationRepository(self._connection, self._user_id)

    async def add(self, task: Task, heading: Heading) -> Added:
        """Store a task under the next number, or return the one with its id.

        An id that is stored already uses up no number. PostgreSQL takes one
        statement. SQLite takes several, so call it inside a transaction.
        `heading` is for the history, here and below.

        Raises:
            Conflict: another user holds the id, no number is left, or a rule
                of the database drops the task.
        """
        if self._connection.is_sqlite:
            # SQLite has no INSERT inside another statement.
            [added] = await self.add_all([task], heading)
            return added
        # See `queries._addition` for the prefix.
        given = self._noted(heading)
        given["new_values"] = history.written(history.of_new(task))
        for name, value in _values(task).items():
            given[f"the_{name}"] = value
        statement = "add"
        if task.tags:
            statement = "add_tagged"
            given |= _new_tags(task.tags)
        rows = await self._added(statement, given)
        if not rows:
            await self._not_added(task.id)
        *values, is_new = rows[0]
        [found] = self._read([values], statement, outcome="it is stored")
        return Added(found, is_new=bool(is_new))

    async def _added(
        self, statement: str, given: Mapping[str, Any]
    ) -> list[Row]:
        """Add on PostgreSQL.

        Somebody may store the same id at this instant. Then nothing is added,
        and a repeat finds what is stored.

        Raises:
            Conflict: another user holds the id, whose tasks are not visible.
        """
        adding = partial(self._fetch, statement, given, outcome="it is stored")
        is_again = False
        while True:
            try:
                return await self._counted(self._caught_up(adding))
            except Exception as error:
                if not failures.is_taken_id(error):
                    raise
                if is_again:
                    raise _held_by_another(given["the_id"]) from error
            is_again = True

    async def _not_added(self, id: UUID) -> NoReturn:
        """Find out why PostgreSQL stored no task, and returned none.

        Raises:
            Conflict: another user holds the id, or a rule dropped the task.
        """
        await self._stored([id])
        raise dropped()

    async def add_all(
        self, tasks: Sequence[Task], heading: Heading
    ) -> list[Added]:
        """Store tasks in the given order, under consecutive numbers.

        All or nothing. Tasks whose ids are stored already come back unchanged.
        This runs several statements: call it inside a transaction.

        Raises:
            Conflict: another user holds one of the ids, or too few numbers
                are left.
        """
        if not self._connection.is_sqlite:
            # Lock the counter first, so that a repeat of this call at the same
            # time sees what this one stored. On SQLite the transaction has
            # locked the whole file already.
            await self.reserve(0, 0)
        stored = await self._stored([task.id for task in tasks])
        fresh = [task for task in tasks if task.id not in stored]
        if fresh:
            await self._store(fresh, heading)
        found = stored | {task.id: task for task in fresh}
        added = []
        for task in tasks:
            is_new = task.id not in stored
            added.append(Added(found[task.id], is_new=is_new))
        return added

    async def import_all(self, arrivals: "Arrivals") -> Taken:
        """Add what is new in a file; see `Arrivals.write`."""
        return await arrivals.write(self._connection, self)

    async def _store(self, tasks: Sequence[Task], heading: Heading) -> None:
        """Insert tasks with new ids under the user's next numbers."""
        count = len(tasks)
        last, operation = await self.reserve_after(0, count)
        first = last - count + 1
        for number, task in enumerate(tasks, start=first):
            task.number = number
        rows = [_values(task) for task in tasks]
        await store_tasks(self._connection, "insert", rows)
        await self._store_tags(tasks)
        changes = []
        for task in tasks:
            changes.append(Change(task, {}, history.of_new(task)))
        await note(
            self._connection, self._user_id, heading, changes, number=operation
        )

    async def _store_tags(self, tasks: Sequence[Task]) -> None:
        """Insert the rows of tags that are missing."""
        rows = []
        for task in tasks:
            rows += tag_rows(task.id, self._user_id, task.tags)
        if rows:
            await self._connection.store("insert_tag", rows)

    async def page(self, query: TaskQuery, today: date) -> TaskPage:
        """Read the tasks of a list in its order, and the user's counts.

        It reads one row more than the limit, to learn whether another page
        follows. A late page costs the same as the first one, because the index
        leads straight to its position.
        """
        rows, kinds, beyond = await self._page(query, today)
        counts = _counts_of(rows[0], query)
        parts = self._columns(rows, kinds)
        tasks, odd = read_columns(parts, kinds[_TASK], self._user_id)
        # Those that fit a filter can all be here, also those before the place.
        tasks = sorting.beyond(tasks, query)
        # The rows beyond the limit are not shown.
        shown = tasks[: query.limit]
        goes_on = None
        if len(shown) < len(tasks):
            goes_on = sorting.position_of(shown[-1], query)
        return TaskPage(
            shown,
            counts,
            query,
            today,
            goes_on,
            beyond or odd,
        )

    def _columns(
        self, rows: list[Row], kinds: Sequence[str]
    ) -> Iterator[list[Column]]:
        """Yield the columns of the tasks in a list, for some rows at a time.

        An empty list is one row whose task columns are NULL.
        """
        if rows[0][_USER] is None:
            return
        parts = columns_of(rows)
        if self._connection.is_sqlite:
            # A command with a server has no need of that module.
            from todo_cli.database import sqlite

            parts = sqlite.columns_of(rows, kinds)
        for columns in parts:
            yield columns[_TASK]

    async def parts(
        self, query: TaskQuery, today: date, most: int
    ) -> AsyncGenerator[list[Task]]:
        """Yield all tasks of a query by number, at most `most` at a time.

        Its order and limit do not count. Call it in a snapshot.

        Raises:
            Unreadable: one of them cannot be read.
        """
        statements = self._connection.statements
        statement = statements.in_turn(query, is_first=True)
        values = self._filters(query) | {"user": self._user_id, "most": most}
        values["today"] = today
        while True:
            rows = await self._fetch(statement, values)
            tasks, odd = read(rows, statement.kinds, self._user_id)
            if odd is not None:
                raise odd
            if tasks:
                yield tasks
            if len(rows) < most:
                return
            statement = statements.in_turn(query, is_first=False)
            values["number"] = tasks[-1].number

    async def _page(
        self, query: TaskQuery, today: date
    ) -> tuple[list[Row], Sequence[str], Unreadable | None]:
        """Read the rows of a list and their kinds.

        If a time is beyond Python's years, read only the other rows, and
        return the error, too. The counts are still those of all tasks.
        """
        by_words = await self._can_search(query)
        statement = self._connection.statements.listed(
            query, by_words=by_words
        )
        values = self._listed(query) | {"today": today}
        beyond = None
        try:
            rows = await self._fetch(statement, values)
        except Unreadable as error:
            beyond = error
            statement = self._connection.statements.listed(
                query, "within_years", by_words=by_words
            )
            rows = await self._fetch(statement, values)
        return rows, statement.kinds, beyond

    async def _can_search(self, query: TaskQuery) -> bool:
        """Whether an index of words can find the words of a query.

        A server knows by itself whether it has one.
        """
        if query.limit is None or not query.words:
            return False
        if not self._connection.is_sqlite:
            return True
        if not search.match_of([fold(word) for word in query.words]):
            return False
        return await search.is_ready(self._connection)

    def _listed(self, query: TaskQuery) -> dict[str, Any]:
        """The parameter values of a list.

        There can be more than its statement has: what no filter needs is left
        out by the statement.
        """
        values: dict[str, Any] = {"user": self._user_id}
        if query.limit is not None:
            # Nobody has more tasks than numbers.
            values["most"] = min(query.limit, _LAST_NUMBER - 1) + 1
        if query.after is not None:
            number = min(max(query.after.number, 0), self._numbers.stop - 1)
            values |= _place(query.after._replace(number=number))
        values |= self._filters(query)
        return values

    def _filters(self, query: TaskQuery) -> dict[str, Any]:
        """The parameter values of the filters of a list."""
        values: dict[str, Any] = {}
        if query.due is not None:
            values["due_first"] = query.due.first
            values["due_last"] = query.due.last
        if query.priorities:
            ranks = [rank_of(each) for each in query.priorities]
            values["rank"] = ranks[0]
            values["ranks"] = ranks
        if query.project:
            values["project"] = query.project
            values["project_below"] = f"{query.project}."
            # The character after the dot.
            values["project_end"] = f"{query.project}/"
        if query.tags:
            values["tag"] = query.tags[0]
        values["tags"] = query.tags
        values["no_tags"] = query.no_tags
        values["since"] = query.since
        values["before"] = query.before
        return values | self._words(query)

    def _words(self, query: TaskQuery) -> dict[str, Any]:
        """The parameter values of words, the longest one apart."""
        folded = [fold(word) for word in query.words]
        match = search.match_of(folded)
        if not self._connection.is_sqlite:
            folded = [_pattern(word) for word in folded]
        if not folded:
            return {}
        longest = max(folded, key=len)
        return {"word": longest, "words": folded, "match": match}

    async def stats(self, frame: "Frame") -> "Stats":
        """Count the user's tasks in a frame of days; see `Stats`.

        Exact: the cost grows with what is counted.
        """
        # Only one command needs it.
        from todo_cli.database import counting

        values = {"user": self._user_id} | counting.values_of(frame)
        rows = await self._fetch("stats", values)
        return counting.stats_of(rows, frame)

    async def named(self, references: Sequence[Reference]) -> list[Task]:
        """Read the existing tasks that the references name, by number."""
        if len(references) != 1 or isinstance(references[0], range):
            return await self._tasks("named", self._named(references))
        # The usual case, one task, has a shorter statement with a simple plan.
        key = references[0]
        if isinstance(key, int) and key not in self._numbers:
            return []
        name = "by_id" if isinstance(key, UUID) else "by_number"
        return await self._tasks(name, {"user": self._user_id, "key": key})

    async def _tasks(
        self,
        statement: str,
        values: Mapping[str, Any],
        outcome: str = "",
    ) -> list[Task]:
        """Run a statement whose columns are those of a task.

        `outcome` says what a statement that writes has done.

        Raises:
            Unreadable: one of the tasks cannot be read.
        """
        rows = await self._fetch(statement, values, outcome)
        return self._read(rows, statement, outcome)

    async def _fetch(
        self,
        statement: str | Statement,
        values: Mapping[str, Any],
        outcome: str = "",
    ) -> list[Row]:
        """Run a statement; see `_tasks`."""
        return await fetch(
            self._connection, self._user_id, statement, values, outcome
        )

    def _read(
        self,
        rows: Sequence[Row],
        statement: str,
        outcome: str = "",
    ) -> list[Task]:
        """Make tasks of the rows of a statement; see `_tasks`.

        Columns after those of a task are left out.
        """
        kinds = self._connection.statements[statement].kinds[: len(NAMES)]
        tasks, odd = read(rows, kinds, self._user_id)
        if odd is not None:
            raise with_outcome(odd, outcome)
        return tasks

    async def change(
        self,
        references: Sequence[Reference],
        change: TaskChange,
        heading: Heading,
        *,
        retitled: Sequence[Task] = (),
        if_version: int | None = None,
    ) -> list[Task]:
        """Change every named task and return the tasks as they are now.

        All or nothing: the result is empty if one is missing, or in the trash.
        The user's counter is locked first. `updated_at` moves only on rows
        where a value differs, and the history has only these.

        `retitled` are the named tasks, each with a new title. Then the result
        is also empty if one of them no longer has its version. With
        `if_version` it is empty if one has another version.
        """
        values = _changed(change)
        fields = list(_fields(change))
        held = []
        if retitled:
            values |= _titles(retitled)
            fields.append("titles")
            held.append("titles")
        if if_version is not None:
            values["if_version"] = if_version
            held.append("version")
        if self._connection.is_sqlite and len(retitled) > _RETITLED_AT_ONCE:
            return await self._change_in_parts(change, heading, retitled)
        return await self._set(
            references, heading, values=values, fields=fields, held=held
        )

    async def move(
        self,
        references: Sequence[Reference],
        deleted_at: datetime | None,
        heading: Heading,
        if_version: int | None = None,
    ) -> list[Task]:
        """Move every named task to the trash, or with None out of it.

        All or nothing, like `change`. A task in the trash cannot be moved
        there once more; one outside it stays as it is.
        """
        values: dict[str, Any] = {"deleted_at": deleted_at}
        held = []
        if if_version is not None:
            values["if_version"] = if_version
            held.append("version")
        return await self._set(
            references,
            heading,
            values=values,
            fields=["deleted"],
            held=held,
            is_live=deleted_at is not None,
        )

    async def _set(
        self, references: Sequence[Reference], heading: Heading, **how: Any
    ) -> list[Task]:
        """Change tasks, and note that in the history; see `_write`."""
        before = await self._before(references)
        after, odd = await self._write(references, heading, **how)
        await self._note(before, after, heading)
        if odd is not None:
            raise with_outcome(odd, _SAVED)
        return after

    async def _write(
        self,
        references: Sequence[Reference],
        heading: Heading,
        *,
        values: Mapping[str, Any],
        fields: Sequence[str],
        held: Sequence[str],
        is_live: bool = True,
    ) -> tuple[list[Task], Unreadable | None]:
        """Run the statement of a change; on SQLite it leaves out the history.

        Returns the error for tasks that cannot be read, too.
        """
        naming, named = self._naming(references)
        given = {**named, **values, **self._noted(heading)}
        statement = self._connection.statements.change(
            fields, naming, held, is_live=is_live
        )
        changing = partial(self._fetch, statement, given, _SAVED)
        rows = await self._caught_up(changing)
        tasks, odd = read(rows, statement.kinds, self._user_id)
        has_tags = not {"tags", "retags"}.isdisjoint(fields)
        if has_tags and self._connection.is_sqlite:
            ids = [task.id for task in tasks]
            await self._connection.fetch("clear_tags", ids=ids)
            await self._store_tags(tasks)
        return tasks, odd

    def _noted(self, heading: Heading) -> dict[str, Any]:
        """The parameter values for the history."""
        return {"user": self._user_id} | to_values(heading)

    async def _before(self, references: Sequence[Reference]) -> list[Task]:
        """Read the named tasks before a change on SQLite.

        One that cannot be read has no history. PostgreSQL reads them itself.
        """
        if not self._connection.is_sqlite:
            return []
        rows = await self._fetch("named", self._named(references))
        kinds = self._connection.statements["named"].kinds
        tasks, _ = read(rows, kinds, self._user_id)
        return tasks

    async def _note(
        self, before: Sequence[Task], after: Sequence[Task], heading: Heading
    ) -> None:
        """Note what differs in the history; on SQLite."""
        await self._note_changes(differing(before, after), heading)

    async def _note_changes(
        self, changes: Sequence[Change], heading: Heading
    ) -> None:
        """Note an operation in the history, unless it has changed nothing."""
        if changes:
            await note(self._connection, self._user_id, heading, changes)

    async def _change_in_parts(
        self, change: TaskChange, heading: Heading, retitled: Sequence[Task]
    ) -> list[Task]:
        """Change tasks of a file that get new titles, some at a time.

        For each row SQLite walks all new titles of a statement. Nobody else
        changes anything meanwhile: a write locks the file.
        """
        stored = await self.named([task.id for task in retitled])
        versions = {task.id: task.version for task in stored}
        for task in retitled:
            if versions.get(task.id) != task.version:
                return []
        changed: list[Task] = []
        for start in range(0, len(retitled), _RETITLED_AT_ONCE):
            part = retitled[start : start + _RETITLED_AT_ONCE]
            ids = [task.id for task in part]
            # All could be read a moment ago.
            tasks, _ = await self._write(
                ids,
                heading,
                values=_changed(change) | _titles(part),
                fields=[*_fields(change), "titles"],
                held=["titles"],
            )
            changed += tasks
        await self._note(stored, changed, heading)
        return changed

    async def remove(
        self,
        references: Sequence[Reference],
        heading: Heading,
        *,
        only_trash: bool = False,
    ) -> list[Task]:
        """Delete every named task for good; return these, by number.

        All or nothing: the result is empty if one is missing. With
        `only_trash` those that are no longer in the trash stay, and no other
        does. The history forgets their values.
        """
        given = self._named(references) | self._noted(heading)
        name = "remove_trash" if only_trash else "remove"
        removing = partial(self._fetch, name, given, _SAVED)
        rows = await self._caught_up(removing)
        kinds = self._connection.statements[name].kinds
        tasks, odd = read(rows, kinds, self._user_id)
        if rows and self._connection.is_sqlite:
            # Also of a task that cannot be read now: it could be once.
            ids = [row[0] for row in rows if isinstance(row[0], UUID)]
            await self._connection.fetch("blank", user=self._user_id, ids=ids)
            changes = [Change(task, {}, {}) for task in tasks]
            await self._note_changes(changes, heading)
            await search.renew(self._connection)
        if odd is not None:
            raise with_outcome(odd, _SAVED)
        return tasks

    async def trash(self, before: datetime) -> list[Task]:
        """Read the tasks that were moved to the trash before a time."""
        values = {"user": self._user_id, "before": before}
        return await self._tasks("old_trash", values)

    def _naming(
        self, references: Sequence[Reference]
    ) -> tuple[str, dict[str, Any]]:
        """How a change names tasks, and the parameter values for that.

        The usual case, one task, has a shorter statement.
        """
        if len(references) == 1:
            [key] = references
            if isinstance(key, UUID):
                return "id", {"key": key}
            if isinstance(key, int) and key in self._numbers:
                return "number", {"key": key}
        return "many", self._named(references)

    def _named(self, references: Sequence[Reference]) -> dict[str, Any]:
        """The parameter values that name tasks."""
        spans: list[range] = []
        singles: set[int] = set()
        ids: set[UUID] = set()
        for reference in references:
            if isinstance(reference, range):
                spans.append(self._known_part(reference))
            elif isinstance(reference, UUID):
                ids.add(reference)
            else:
                singles.add(reference)
        # A range is sent twice: as its numbers, to find the tasks, and by its
        # ends, to find out whether it is empty. One call has at most 100
        # ranges of 1,000 numbers, so the list of numbers stays short enough.
        known = {number for number in singles if number in self._numbers}
        numbers = known.union(*spans)
        return {
            "user": self._user_id,
            "numbers": sorted(numbers),
            "ids": sorted(ids),
            "singles": sorted(known),
            # A number that no task can have counts, and is never found.
            "single_count": len(singles),
            "id_count": len(ids),
            "starts": [span.start for span in spans],
            "ends": [span.stop - 1 for span in spans],
        }

    @property
    def _numbers(self) -> range:
        """The numbers that a column of this store can hold."""
        return numbers_of(self._connection)

    def _known_part(self, span: range) -> range:
        """Return the part of a range that a column of this store can hold."""
        numbers = self._numbers
        start = max(span.start, numbers.start)
        stop = min(span.stop, numbers.stop)
        if start >= stop:
            # The ends of an empty range must fit the column, too.
            return range(1, 1)
        return range(start, stop)

    async def reserve(self, count: int, steps: int) -> tuple[int, int]:
        """Advance the user's counters; return the last reserved numbers.

        They are those of `count` tasks and of `steps` operations. The counter
        stays locked until the transaction ends.

        Raises:
            SchemaMismatch: a counter is no integer; another program set it.
        """
        [(last, operation)] = await self._counted(
            self._connection.fetch(
                "reserve", user=self._user_id, count=count, steps=steps
            )
        )
        if not isinstance(last, int) or not isinstance(operation, int):
            raise SchemaMismatch(
                f"The counter of {self._user_id} is wrong; nothing was added",
                hint="another program stored it; correct it with SQL",
            )
        return last, operation

    async def reserve_after(self, least: int, count: int) -> tuple[int, int]:
        """Reserve numbers of tasks and one of an operation; return the last ones.

        Those of the next tasks follow `least`, too.

        Raises:
            Conflict: too few numbers are left.
        """
        last, operation = await self.reserve(count, 1)
        if last < least:
            counter = {"user_id": self._user_id, "last": least}
            rows = [counter | {"operations": 0}]
            await self._connection.store("raise_counter", rows)
        # Numbers of a file could go on where those of a server end.
        if count and last > _LAST_NUMBER:
            raise self._no_number_left()
        return last, operation

    async def catch_up(self) -> None:
        """Make the user's counters fit, and keep them locked; on a server.

        They can be behind, or missing, where a table was restored. Inside a
        transaction, what follows sees the newest state. Nothing is done for a
        user without tasks and operations.
        """
        if not self._connection.is_sqlite:
            await self._connection.fetch("take_turn", user=self._user_id)

    async def _caught_up(self, call: Callable[[], Awaitable[T]]) -> T:
        """Await a call, once more if a counter was behind: nothing ran then."""
        try:
            return await call()
        except Exception as error:
            if not failures.is_behind(error):
                raise
        await self.catch_up()
        return await call()

    async def _counted(self, call: Awaitable[T]) -> T:
        """Await a call that advances the counter.

        Raises:
            Conflict: its column cannot hold the next number.
        """
        try:
            return await call
        except Exception as error:
            if not failures.is_beyond_counting(error):
                raise
            raise self._no_number_left() from error

    def _no_number_left(self) -> Conflict:
        """Return the error for a user who has used up all numbers."""
        return Conflict(
            f"No number is left for {self._user_id}: "
            f"the last one is {_LAST_NUMBER}",
            hint="use another --user",
        )

    async def _stored(self, ids: Sequence[UUID]) -> dict[UUID, Task]:
        """Return the stored tasks that have one of the ids, by id.

        Raises:
            Conflict: another user holds one of them.
        """
        rows = await self._fetch("stored", {"ids": list(ids)})
        owners = {row[0]: row[2] for row in rows}
        # In the order of the call: both stores report the same id.
        for id in ids:
            if owners.get(id, self._user_id) != self._user_id:
                raise _held_by_another(id)
        return {task.id: task for task in self._read(rows, "stored")}


def _counts_of(row: Row, query: TaskQuery) -> Counts:
    """Read the counts, which every row of a list has."""
    counts = row[: _TASK.start]
    if query.limit is None:
        counts = listing.split_counts(*counts)
    return Counts(*counts)


def _values(task: Task) -> Mapping[str, Any]:
    """The values of the columns of a task."""
    values = {name: getattr(task, name) for name in NAMES}
    return values | folded_texts(values)


def _new_tags(names: Sequence[str]) -> dict[str, Any]:
    """The parameter values of rows of tags."""
    return {"new_tags": names, "new_folded": [fold(name) for name in names]}


def _place(after: Position) -> dict[str, Any]:
    """The parameter values of a place in a list."""
    value = after.value
    values = {
        "created_at": after.created_at,
        "number": after.number,
        "at_rank": rank_of(after.priority),
        "at_day": value,
        "at_instant": value,
        "at_text": value,
    }
    if isinstance(value, str):
        values["at_folded"] = fold(value)[: sorting.SORTED_UP_TO]
    return values


def _fields(change: TaskChange) -> tuple[str, ...]:
    """Translate the fields of a change into `queries.CHANGES`."""
    fields: dict[str, None] = {}
    for name in change.named:
        is_retag = name in ("add_tags", "remove_tags")
        fields["retags" if is_retag else name] = None
    return tuple(fields)


def _changed(change: TaskChange) -> dict[str, Any]:
    """The parameter values of a change."""
    values = change.named
    for name in (*FOLDED, "note"):
        if name in values:
            values[f"{name}_folded"] = fold_or_none(values[name])
    added = values.pop("add_tags", [])
    values["added"] = added
    values["removed"] = values.pop("remove_tags", [])
    return values | _new_tags(values.get("tags", added))


def _titles(tasks: Sequence[Task]) -> dict[str, str]:
    """The parameter values of new titles, and of the versions that they fit.

    Each is a JSON object with an entry for each id.
    """
    titles = {}
    folded = {}
    versions = {}
    for task in tasks:
        key = str(task.id)
        titles[key] = task.title
        folded[key] = fold(task.title)
        versions[key] = task.version
    return {
        "titles": json.dumps(titles, ensure_ascii=False),
        "folded_titles": json.dumps(folded, ensure_ascii=False),
        "versions": json.dumps(versions),
    }


def _pattern(word: str) -> str:
    """Write a word as a pattern of LIKE, in which no character is special."""
    escaped = re.sub(r"([%_\\])", r"\\\1", word)
    return f"%{escaped}%"


def _held_by_another(id: UUID) -> Conflict:
    """Return the error for an id that another user has."""
    return Conflict(
        f"The id {id} is taken", hint="leave --id out, or use a fresh one"
    )
