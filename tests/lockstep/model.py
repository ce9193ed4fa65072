"""What a store does, in lists and loops, and how a command prints a task."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter
from typing import Any
from uuid import UUID

from tests.lockstep.past import Pair, Past, taken_back
from tests.support.chain import State, state_of
from tests.support.oracle import counted, counts, has_status, listed
from tests.support.stores import Clock
from todo_cli.errors import Conflict, NotFound
from todo_cli.task import (
    Added,
    Command,
    Counts,
    Entry,
    NewTask,
    Operation,
    Reference,
    Task,
    TaskQuery,
    TaskStatus,
    Undone,
)


@dataclass
class Model:
    """The tasks of all users; ids are unique across them."""

    now: Clock
    tasks: dict[UUID, Task] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)
    pasts: dict[str, Past] = field(default_factory=dict)
    purged: dict[tuple[str, int], UUID] = field(default_factory=dict)
    """The ids of tasks that are gone, by user and number."""

    @contextmanager
    def as_trial(self) -> Iterator[None]:
        """Forget what is changed meanwhile."""
        kept = [
            dict(each)
            for each in (self.tasks, self.last, self.pasts, self.purged)
        ]
        try:
            yield
        finally:
            self.tasks, self.last, self.pasts, self.purged = kept  # type: ignore[assignment]  # of four types

    def add_all(self, user: str, news: Sequence[NewTask]) -> list[Added]:
        """Add tasks that have ids."""
        stored = (self.tasks[new.id] for new in news if new.id in self.tasks)
        if any(task.user_id != user for task in stored):
            raise Conflict("held by somebody else")
        added = [self._add(user, new) for new in news]
        made: list[Pair] = [(None, each.task) for each in added if each.is_new]
        self._record(user, Command.ADD, made)
        return added

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
            created_at=now,
            updated_at=now,
            completed_at=now if new.completed else None,
        )
        self.tasks[new.id] = task
        return Added(task, True)

    @property
    def today(self) -> date:
        """The day in UTC."""
        return self.now().date()

    def of(self, user: str) -> list[Task]:
        """The tasks of a user, also those in the trash."""
        return [task for task in self.tasks.values() if task.user_id == user]

    def past(self, user: str) -> Past:
        """What was done to the tasks of a user."""
        return self.pasts.get(user, Past(user))

    def listed(self, user: str, query: TaskQuery) -> list[Task]:
        """The tasks of a list, in its order."""
        return listed(self.of(user), query, self.today)

    def id_of(self, user: str, number: int) -> str | None:
        """The id of a task, also of one that is gone."""
        ids = (str(task.id) for task in self.of(user) if task.number == number)
        gone = self.purged.get((user, number))
        return next(ids, str(gone) if gone else None)

    def counts(self, user: str) -> Counts:
        """How many of a user's tasks are open, overdue, waiting and done."""
        return counted(self.of(user), self.today)

    def stats(self, user: str) -> dict[str, Any]:
        """The counts of `todo stats`, as JSON has them, in the days of UTC."""
        found: dict[str, Any] = counts(self.of(user), self.now(), UTC)
        return found

    def find(
        self,
        user: str,
        references: Sequence[Reference],
        *,
        with_trash: bool = False,
    ) -> list[Task]:
        """The tasks named, each once, in the order asked."""
        found: dict[UUID, Task] = {}
        tasks = [
            task
            for task in sorted(self.of(user), key=attrgetter("number"))
            if with_trash or task.deleted_at is None
        ]
        for reference in references:
            keys = reference if isinstance(reference, range) else (reference,)
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
        *,
        if_version: int | None = None,
        command: Command = Command.UPDATE,
    ) -> list[Task]:
        """Change tasks."""
        found = self.find(user, references)
        _check_version(found, if_version)
        changed = [self._changed(task, changes) for task in found]
        return self._keep(user, command, found, changed)

    def complete(
        self,
        user: str,
        references: Sequence[Reference],
        *,
        undo: bool,
        if_version: int | None = None,
    ) -> list[Task]:
        """Mark tasks as done, or as open again."""
        return self.update(
            user,
            references,
            {"completed": not undo},
            if_version=if_version,
            command=Command.DONE,
        )

    def delete(
        self,
        user: str,
        references: Sequence[Reference],
        *,
        if_version: int | None = None,
    ) -> list[Task]:
        """Move tasks to the trash."""
        found = self.find(user, references)
        _check_version(found, if_version)
        changed = [self._moved(task, self.now()) for task in found]
        return self._keep(user, Command.DELETE, found, changed)

    def restore(
        self, user: str, references: Sequence[Reference]
    ) -> list[Task]:
        """Take tasks out of the trash."""
        found = self.find(user, references, with_trash=True)
        changed = [
            task if task.deleted_at is None else self._moved(task, None)
            for task in found
        ]
        return self._keep(user, Command.RESTORE, found, changed)

    def purge(self, user: str, references: Sequence[Reference]) -> list[Task]:
        """Remove tasks for good and give them as they were."""
        found = self.find(user, references, with_trash=True)
        for task in found:
            del self.tasks[task.id]
            self.purged[user, task.number] = task.id
        if found:
            past = self.past(user).having_purged(self.now(), found)
            self.pasts[user] = past
        return found

    def trash(self, user: str, older_than: timedelta | None) -> list[Task]:
        """What is in the trash, or has been there for longer, by number."""
        found = [
            task
            for task in self.of(user)
            if task.deleted_at is not None
            and (
                older_than is None or task.deleted_at < self.now() - older_than
            )
        ]
        return sorted(found, key=attrgetter("number"))

    def undo(self, user: str, number: int | None = None) -> Undone:
        """Take an operation back."""
        past = self.past(user)
        undone = past.to_undo(number)
        if undone.undone_by is None:
            return self._take_back(user, undone)
        command = past.command_of(undone)
        by = undone.undone_by
        return Undone(by, undone.operation, command, [], is_new=False)

    def redo(self, user: str) -> Undone:
        """Take the latest undo back."""
        undone = self.past(user).to_redo()
        return replace(self._take_back(user, undone), redoes=undone.undoes)

    def _take_back(self, user: str, undone: Operation) -> Undone:
        # The id of a purged task may be that of a new one.
        there = [entry for entry in undone.tasks if entry.changes]
        gone = [entry for entry in undone.tasks if not entry.changes]
        if not there:
            raise Conflict("all its tasks were purged")
        pairs: list[Pair] = []
        for entry in there:
            task = self.tasks[entry.id]
            pairs.append((task, taken_back(task, entry, undone, self.now())))
        tasks = [after for _, after in pairs]
        self.tasks |= {task.id: task for task in tasks}
        past = self.past(user).having_undone(self.now(), undone, pairs)
        self.pasts[user] = past
        return Undone(
            len(past.operations),
            undone.operation,
            past.command_of(undone),
            tasks,
            tuple(entry.number for entry in gone),
        )

    def history(
        self,
        user: str,
        reference: int | UUID | None = None,
        *,
        limit: int | None = 50,
        before: int | None = None,
    ) -> list[Operation]:
        """What was done, the latest first."""
        found = [
            replace(each, tasks=list(map(self._titled, each.tasks)))
            for each in reversed(self.past(user).operations)
            if before is None or each.operation < before
        ]
        if reference is not None:
            found = [_only(each, reference) for each in found]
        return [each for each in found if each.tasks][:limit]

    def _titled(self, entry: Entry) -> Entry:
        if not entry.changes:
            return entry
        return replace(entry, title=self.tasks[entry.id].title)

    def states(self, user: str) -> Mapping[UUID, State]:
        """What history knows of each task of a user."""
        return {task.id: state_of(task) for task in self.of(user)}

    def _moved(self, task: Task, deleted_at: datetime | None) -> Task:
        return replace(
            task,
            deleted_at=deleted_at,
            updated_at=self.now(),
            version=task.version + 1,
        )

    def _keep(
        self,
        user: str,
        command: Command,
        before: Sequence[Task],
        after: Sequence[Task],
    ) -> list[Task]:
        self.tasks |= {task.id: task for task in after}
        self._record(user, command, list(zip(before, after, strict=True)))
        return list(after)

    def _record(
        self, user: str, command: Command, pairs: Sequence[Pair]
    ) -> None:
        past = self.past(user).having(self.now(), command, pairs)
        if past.operations:
            self.pasts[user] = past

    def _changed(self, task: Task, changes: dict[str, Any]) -> Task:
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
        return replace(
            changed, updated_at=self.now(), version=task.version + 1
        )


def _only(operation: Operation, reference: int | UUID) -> Operation:
    """An operation with what it did to one task."""
    tasks = [
        entry
        for entry in operation.tasks
        if reference in (entry.id, entry.number)
    ]
    return replace(operation, tasks=tasks)


def _check_version(tasks: Sequence[Task], wanted: int | None) -> None:
    if wanted is not None and any(task.version != wanted for task in tasks):
        raise Conflict("another version")


def values(task: Task) -> dict[str, Any]:
    """A task as JSON has it."""
    plain = {each.name: getattr(task, each.name) for each in fields(Task)}
    return {name: written(value) for name, value in plain.items()}


def written(value: Any) -> Any:
    """A value as JSON has it."""
    match value:
        case tuple():
            return [written(part) for part in value]
        case datetime():
            return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        case date() | UUID():
            return str(value)
    return value


def operation_values(operation: Operation) -> dict[str, Any]:
    """An operation as JSON has it."""
    plain = {
        each.name: written(getattr(operation, each.name))
        for each in fields(Operation)
    }
    tasks = []
    for entry in operation.tasks:
        changes = {name: written(pair) for name, pair in entry.changes.items()}
        words = {
            "id": str(entry.id),
            "number": entry.number,
            "title": entry.title,
            "changes": changes,
        }
        tasks.append(words)
    return plain | {"tasks": tasks}


def row(task: Task, today: date) -> str:
    """A task as `list` prints it into a pipe."""
    status = "done" if task.completed else "open"
    if has_status(task, TaskStatus.WAITING, today):
        status = "waiting"
    if task.deleted_at is not None:
        status = "trash"
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
