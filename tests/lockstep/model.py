"""What a store does, in lists and loops, and how a command prints a task."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from tests.support.stores import Clock
from todo_cli.errors import Conflict, NotFound
from todo_cli.task import Added, NewTask, Reference, Task, TaskStatus

SHOWN = {
    TaskStatus.OPEN: (False,),
    TaskStatus.DONE: (True,),
    TaskStatus.ALL: (False, True),
}


@dataclass
class Model:
    """The tasks of all users; ids are unique across them."""

    now: Clock
    tasks: dict[UUID, Task] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)

    def add_all(self, user: str, news: Sequence[NewTask]) -> list[Added]:
        """Add tasks that have ids."""
        stored = (self.tasks[new.id] for new in news if new.id in self.tasks)
        if any(task.user_id != user for task in stored):
            raise Conflict("held by somebody else")
        return [self._add(user, new) for new in news]

    def _add(self, user: str, new: NewTask) -> Added:
        assert new.id is not None
        if new.id in self.tasks:
            return Added(self.tasks[new.id], False)
        self.last[user] = self.last.get(user, 0) + 1
        now = self.now()
        given = {each.name: getattr(new, each.name) for each in fields(new)}
        task = Task(
            **given,
            number=self.last[user],
            user_id=user,
            completed=False,
            created_at=now,
            updated_at=now,
            completed_at=None,
        )
        self.tasks[new.id] = task
        return Added(task, True)

    def of(self, user: str, status: TaskStatus = TaskStatus.ALL) -> list[Task]:
        """The tasks of a user, newest first."""
        tasks = (task for task in self.tasks.values() if task.user_id == user)
        mine = [task for task in tasks if task.completed in SHOWN[status]]
        return sorted(
            mine, key=attrgetter("created_at", "number"), reverse=True
        )

    def id_of(self, user: str, number: int) -> str | None:
        """The id of a task."""
        ids = (str(task.id) for task in self.of(user) if task.number == number)
        return next(ids, None)

    def counts(self, user: str) -> tuple[int, int]:
        """How many of a user's tasks are open and done."""
        return len(self.of(user, TaskStatus.OPEN)), len(
            self.of(user, TaskStatus.DONE)
        )

    def find(self, user: str, references: Sequence[Reference]) -> list[Task]:
        """The tasks named, each once, in the order asked."""
        found: dict[UUID, Task] = {}
        for reference in references:
            keys = reference if isinstance(reference, range) else (reference,)
            tasks = sorted(self.of(user), key=attrgetter("number"))
            hits = [
                task
                for task in tasks
                if task.number in keys or task.id in keys
            ]
            if not hits:
                raise NotFound("nothing")
            for task in hits:
                found.setdefault(task.id, task)
        return list(found.values())

    def update(
        self, user: str, reference: Reference, changes: dict[str, Any]
    ) -> Task:
        """Change one task."""
        [task] = self.find(user, [reference])
        return self._change(task, changes)

    def complete(
        self, user: str, references: Sequence[Reference], *, undo: bool
    ) -> list[Task]:
        """Mark tasks as done, or as open again."""
        changes = {"completed": not undo}
        return [
            self._change(task, changes) for task in self.find(user, references)
        ]

    def delete(self, user: str, references: Sequence[Reference]) -> list[Task]:
        """Remove tasks and give them as they were."""
        return [
            self.tasks.pop(task.id) for task in self.find(user, references)
        ]

    def _change(self, task: Task, changes: dict[str, Any]) -> Task:
        changed = replace(task, **changes)
        if changed == task:
            return task
        if changed.completed != task.completed:
            at = self.now() if changed.completed else None
            changed = replace(changed, completed_at=at)
        self.tasks[task.id] = changed = replace(changed, updated_at=self.now())
        return changed


def values(task: Task) -> dict[str, Any]:
    """A task as JSON has it."""
    plain = {each.name: getattr(task, each.name) for each in fields(Task)}
    times = {
        name: instant(value)
        for name, value in plain.items()
        if isinstance(value, datetime)
    }
    return plain | {"id": str(task.id)} | times


def instant(at: datetime | None) -> str | None:
    """A time as JSON has it."""
    return None if at is None else at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def row(task: Task) -> str:
    """A task as `list` prints it into a pipe."""
    status = "done" if task.completed else "open"
    times = instant(task.created_at), instant(task.completed_at) or "-"
    return "\t".join(
        map(str, (task.number, status, task.title, *times, task.id))
    )


def field_lines(task: Task) -> str:
    """A task as `show` prints it into a pipe."""
    said = values(task) | {"completed": str(task.completed).lower()}
    escaped = str.maketrans({"\\": "\\\\", "\n": "\\n", "\t": "\\t"})
    return "\n".join(
        f"{key}\t{'' if word is None else str(word).translate(escaped)}"
        for key, word in said.items()
    )
