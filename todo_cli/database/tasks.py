"""The tasks of one user in the store: values in, tasks out, by the queries of
`queries.py`.

A method is one statement, and so one transaction, unless its docstring says
otherwise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from todo_cli.database.run import Connection, Row, fetch_value
from todo_cli.errors import Conflict
from todo_cli.task import (
    Added,
    Position,
    Reference,
    Task,
    TaskChange,
    TaskPage,
    TaskQuery,
)

_NAMES: Final = tuple(field.name for field in fields(Task))


class TaskRepository:
    """The tasks of one user, on a connection that somebody else opened and
    will close.
    """

    def __init__(self, connection: Connection, user_id: str) -> None:
        self._connection = connection
        self._user_id = user_id

    async def add(self, task: Task) -> Added:
        """Store a task under the user's next number, or return the one of the
        same id.

        The latter uses up no number. PostgreSQL: one statement. SQLite has no
        INSERT inside of another statement: call it inside a transaction.

        Raises:
            Conflict: another user holds the id.
        """
        if self._connection.is_sqlite:
            return (await self.add_all([task]))[0]
        given = {f"the_{name}": value for name, value in _values(task).items()}
        rows = await self._connection.fetch("add", **given)
        if not rows:
            raise _held_by_another(task.id)
        *values, is_new = rows[0]
        return Added(Task(*values), is_new=bool(is_new))

    async def add_all(self, tasks: Sequence[Task]) -> list[Added]:
        """Store tasks in the order given, under numbers in a row; all of them
        or none.

        Those whose id is there come back unchanged. Several statements: call
        it inside a transaction.

        Raises:
            Conflict: another user holds one of the ids.
        """
        if not self._connection.is_sqlite:
            # Locks the counter first, so that the same call at the same
            # instant sees what this one stored. SQLite's transaction has shut
            # all others out already.
            await self._reserve(0)
        stored = await self._stored([task.id for task in tasks])
        fresh = [task for task in tasks if task.id not in stored]
        if fresh:
            await self._store(fresh)
        found = stored | {task.id: task for task in fresh}
        return [
            Added(found[task.id], is_new=task.id not in stored)
            for task in tasks
        ]

    async def _store(self, tasks: Sequence[Task]) -> None:
        """Store tasks whose ids are new, under the user's next numbers."""
        first = await self._reserve(len(tasks)) - len(tasks) + 1
        for number, task in enumerate(tasks, start=first):
            task.number = number
        await self._connection.store(
            "insert", [_values(task) for task in tasks]
        )

    async def page(self, query: TaskQuery) -> TaskPage:
        """Read tasks newest first, ties by number descending, and both counts.

        One row more than the limit tells whether the list goes on. The index
        leads straight to a position, so that a late page costs what the first
        one does.
        """
        statement = self._connection.statements.page(query)
        rows = await self._connection.fetch(statement, **self._listed(query))
        # The counts are in every row. A list without tasks is one row without
        # a task.
        open_count, done_count = rows[0][:2]
        tasks = [Task(*row[2:]) for row in rows if row[2] is not None]
        # No join promises the order of its rows; sorting what is in order
        # costs little.
        tasks.sort(
            key=lambda task: (task.created_at, task.number), reverse=True
        )
        shown = tasks[: query.limit]
        goes_on = None
        if len(shown) < len(tasks):
            goes_on = Position(shown[-1].created_at, shown[-1].number)
        return TaskPage(shown, open_count, done_count, query, goes_on)

    def _listed(self, query: TaskQuery) -> dict[str, Any]:
        """The values of a list's statement; one row more than the limit is
        asked for.
        """
        values: dict[str, Any] = {"user": self._user_id}
        if query.limit is not None:
            values["most"] = query.limit + 1
        if query.after is not None:
            values |= query.after._asdict()
        return values

    async def named(self, references: Sequence[Reference]) -> list[Task]:
        """Read the tasks that the references name and that exist, by
        number.
        """
        rows = await self._rows_of(references)
        return [Task(*row) for row in rows]

    async def _rows_of(self, references: Sequence[Reference]) -> list[Row]:
        fetch = self._connection.fetch
        if len(references) == 1 and isinstance(references[0], UUID):
            return await fetch("by_id", user=self._user_id, key=references[0])
        if len(references) == 1 and isinstance(references[0], int):
            return await fetch(
                "by_number", user=self._user_id, key=references[0]
            )
        return await fetch("named", **self._named(references))

    async def change(
        self,
        references: Sequence[Reference],
        change: TaskChange,
        now: datetime,
    ) -> list[Task]:
        """Change every task named, all or nothing; empty when one is missing.

        The rows are locked in the order of their numbers first. `updated_at`
        moves on the rows where a value really changes.
        """
        values = self._named(references) | change.named | {"now": now}
        statement = self._connection.statements.change(tuple(change.named))
        rows = await self._connection.fetch(statement, **values)
        return [Task(*row) for row in rows]

    async def remove(self, references: Sequence[Reference]) -> list[Task]:
        """Delete every task named, all or nothing, and return them as they
        were.

        Empty when one is missing.
        """
        rows = await self._connection.fetch(
            "remove", **self._named(references)
        )
        return [Task(*row) for row in rows]

    def _named(self, references: Sequence[Reference]) -> dict[str, Any]:
        """The values of a statement over the tasks that are named."""
        spans = [each for each in references if isinstance(each, range)]
        singles = {each for each in references if isinstance(each, int)}
        ids = {each for each in references if isinstance(each, UUID)}
        return {
            "user": self._user_id,
            "numbers": sorted(singles.union(*spans)),
            "ids": sorted(ids),
            "singles": sorted(singles),
            "single_count": len(singles),
            "id_count": len(ids),
            "starts": [span.start for span in spans],
            "stops": [span.stop for span in spans],
        }

    async def _reserve(self, count: int) -> int:
        """Move the user's counter on and return the last number given.

        Holds the counter's lock until the transaction ends.
        """
        last = await fetch_value(
            self._connection, "reserve", user=self._user_id, count=count
        )
        return int(last)

    async def _stored(self, ids: Sequence[UUID]) -> dict[UUID, Task]:
        """The tasks that have one of the ids already."""
        rows = await self._connection.fetch("stored", ids=list(ids))
        found = {row[0]: Task(*row) for row in rows}
        for (
            id
        ) in ids:  # in the order asked, so that both stores name the same one
            if id in found and found[id].user_id != self._user_id:
                raise _held_by_another(id)
        return found


def _values(task: Task) -> Mapping[str, Any]:
    return {name: getattr(task, name) for name in _NAMES}


def _held_by_another(id: UUID) -> Conflict:
    return Conflict(
        f"The id {id} is taken", hint="leave --id out, or use a fresh one"
    )
