"""What a store does, in lists and loops, and how a command prints a task."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from tests.support.oracle import counted, has_status, listed
from tests.support.stores import Clock
from todo_cli.errors import Conflict, NotFound
from todo_cli.task import (
    Added,
    Counts,
    NewTask,
    Reference,
    Task,
    TaskQuery,
    TaskStatus,
)


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

    @property
    def today(self) -> date:
        """The day in UTC."""
        return self.now().date()

    def of(self, user: str) -> list[Task]:
        """The tasks of a user."""
        return [task for task in self.tasks.values() if task.user_id == user]

    def listed(self, user: str, query: TaskQuery) -> list[Task]:
        """The tasks of a list, in its order."""
        return listed(self.of(user), query, self.today)

    def id_of(self, user: str, number: int) -> str | None:
        """The id of a task."""
        ids = (str(task.id) for task in self.of(user) if task.number == number)
        return next(ids, None)

    def counts(self, user: str) -> Counts:
        """How many of a user's tasks are open, overdue, waiting and done."""
        return counted(self.of(user), self.today)

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
        self,
        user: str,
        references: Sequence[Reference],
        changes: dict[str, Any],
    ) -> list[Task]:
        """Change tasks."""
        return [
            self._change(task, changes) for task in self.find(user, references)
        ]

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
        plain = dict(changes)
        tags = {*task.tags, *plain.pop("add_tags", [])}
        plain.setdefault(
            "tags", sorted(tags - {*plain.pop("remove_tags", [])})
        )
        if note := plain.pop("note", None):
            before = task.description
            plain["description"] = f"{before}\n{note}" if before else note
        changed = replace(task, **plain)
        if changed == task:
            return task
        if changed.completed != task.completed:
            at = self.now() if changed.completed else None
            changed = replace(changed, completed_at=at)
        self.tasks[task.id] = changed = replace(
            changed, updated_at=self.now(), version=task.version + 1
        )
        return changed


def values(task: Task) -> dict[str, Any]:
    """A task as JSON has it."""
    plain = {each.name: getattr(task, each.name) for each in fields(Task)}
    return {name: written(value) for name, value in plain.items()}


def written(value: Any) -> Any:
    """A value as JSON has it."""
    match value:
        case datetime():
            return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        case date() | UUID():
            return str(value)
    return value


def row(task: Task, today: date) -> str:
    """A task as `list` prints it into a pipe."""
    status = "done" if task.completed else "open"
    if has_status(task, TaskStatus.WAITING, today):
        status = "waiting"
    said = values(task)
    first = (task.number, status, task.title)
    times = (said["created_at"], said["completed_at"], said["id"])
    more = (
        *(said["due_on"], said["priority"], said["project"]),
        *(",".join(task.tags), said["wait_until"], task.version),
    )
    return "\t".join(str(each or "-") for each in (*first, *times, *more))


def field_lines(task: Task) -> str:
    """A task as `show` prints it into a pipe."""
    said = values(task) | {
        "completed": str(task.completed).lower(),
        "tags": ",".join(task.tags),
    }
    escaped = str.maketrans({"\\": "\\\\", "\n": "\\n", "\t": "\\t"})
    return "\n".join(
        f"{key}\t{'' if word is None else str(word).translate(escaped)}"
        for key, word in said.items()
    )


def said_of(task: Task, names: Sequence[str]) -> str:
    """What a message says of the notes and the status that were changed."""
    words = {
        "description": "notes" if task.description else "no notes",
        "completed": "done" if task.completed else "open",
    }
    said = [words[name] for name in names]
    return f" ({', '.join(said)})" if said else ""


def footer(counts: Counts) -> str:
    """The counts of a list in words."""
    parts = [f"{counts.open} open"]
    parts += [f"{counts.overdue} overdue"] if counts.overdue else []
    parts += [f"{counts.waiting} waiting"] if counts.waiting else []
    return ", ".join([*parts, f"{counts.done} done"])
