"""A result as a view model: pure functions from what the service returned to a
`Sheet`.

Every writer draws the same sheet: `envelope` as JSON, `plain` for a pipe,
`terminal` for people.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from todo_cli.errors import TodoError
from todo_cli.output import words
from todo_cli.output.envelope import task_values
from todo_cli.task import Added, Task, TaskPage, TaskStatus

if TYPE_CHECKING:
    from todo_cli.database.transfer import Imported

_NAMED_UP_TO: Final = 5


@dataclass(frozen=True, slots=True)
class ViewContext:
    """What a view needs besides the result."""

    user: str
    place: str
    """Where the tasks are, for people."""
    is_new_store: bool
    now: datetime
    by_flag: bool = False
    """Whether a flag named the user: then a message about a new store names
    the user.
    """


@dataclass(frozen=True, slots=True)
class Table:
    """Tasks to draw as a table."""

    tasks: Sequence[Task]
    now: datetime
    """The time that ages are counted from."""
    footer: str
    """The line below the rows."""
    note: str
    """What to say where there are no rows."""


# No repr: asyncio.run of CPython before 3.11.8 and 3.12.2 asks for that of its
# result, twice (python/cpython#112559).
@dataclass(frozen=True, slots=True, repr=False)
class Sheet:
    """A result in words: `data` and `message` for programs, and for people one
    of `lines`, `table` and `fields`.
    """

    data: Any
    message: str
    lines: Sequence[str] = ()
    table: Table | None = None
    fields: Sequence[tuple[str, str]] = ()
    fault: TodoError | None = None
    """An error to report after the sheet; it decides the exit status."""


def added(result: Added, context: ViewContext) -> Sheet:
    """Name the task that was added, or was there before."""
    line = _added_line(result) + _new_list([result], context)
    return Sheet(result.task, line, [line])


def added_all(results: Sequence[Added], context: ViewContext) -> Sheet:
    """Name every task that was added, or was there before."""
    lines = [_added_line(result) for result in results]
    note = _new_list(results, context)
    if lines:
        lines[0] += note
    new = sum(result.is_new for result in results)
    message = f"Added {words.amount(new, 'task')}"
    if new < len(results):
        message += (
            f", {words.amount(len(results) - new, 'task')} already there"
        )
    return Sheet([result.task for result in results], message + note, lines)


def listed(page: TaskPage, context: ViewContext) -> Sheet:
    """Show tasks as a table, with how many there are."""
    message = _counts(page)
    if page.query.limit is not None:
        message = f"{len(page.tasks):,} of {words.count(_total(page))}"
    note = _nothing(page, context)
    table = Table(page.tasks, context.now, footer=message, note=note)
    return Sheet(page.tasks, message, table=table)


def _counts(page: TaskPage) -> str:
    return f"{words.count(page.open_count)} open, {words.count(page.done_count)} done"


def _total(page: TaskPage) -> int:
    """How many tasks the query would find without a limit."""
    if page.query.status is TaskStatus.OPEN:
        return page.open_count
    if page.query.status is TaskStatus.DONE:
        return page.done_count
    return page.open_count + page.done_count


def _nothing(page: TaskPage, context: ViewContext) -> str:
    """Say that a list is empty, and what the user has besides."""
    kind = f"{page.query.status} tasks"
    if page.query.status is TaskStatus.ALL:
        kind = "tasks"
    note = f"No {kind} for {context.user} in {context.place}"
    if page.open_count or page.done_count:
        note += f" ({_counts(page)})"
    return note


def shown(task: Task, context: ViewContext) -> Sheet:
    """Show every field of a task, in the order of the JSON."""
    fields = [
        (name, _plain(value)) for name, value in task_values(task).items()
    ]
    return Sheet(task, f"{task.number}: {task.title}", fields=fields)


def updated(task: Task, context: ViewContext) -> Sheet:
    """Name the task that was updated."""
    return _changed("Updated", [task], is_single=True)


def upgraded(version: str, context: ViewContext) -> Sheet:
    """Say which version the schema has now."""
    line = f"The schema in {context.place} is up to date ({version})"
    data = {"version": version, "created": context.is_new_store}
    return Sheet(data, line, [line + _new_store(context)])


def script(sql: str, context: ViewContext) -> Sheet:
    """Return SQL as it is."""
    lines = sql.rstrip("\n").split("\n")
    return Sheet({"sql": sql}, f"The SQL for {context.place}", lines=lines)


def imported(result: "Imported", context: ViewContext) -> Sheet:
    """Say how much was copied."""
    new, people = (
        words.amount(result.new, "task"),
        words.amount(result.users, "user"),
    )
    line = f"Imported {new} of {people}"
    if result.new < result.tasks:
        line += f"; {words.amount(result.tasks - result.new, 'task')} already there"
    line += _new_store(context) or _new_lists(result.new_users)
    data = {"tasks": result.tasks, "users": result.users, "new": result.new}
    return Sheet(data, line, [line])


class Changed:
    """A view that names what happened to tasks.

    `data` is an object where the command named a single task, else an array.
    """

    def __init__(self, verb: str, *, is_single: bool) -> None:
        self._verb = verb
        self._is_single = is_single

    def __call__(self, tasks: Sequence[Task], context: ViewContext) -> Sheet:
        """Name every task, in the order asked."""
        return _changed(self._verb, tasks, is_single=self._is_single)


def deletion_question(tasks: Sequence[Task]) -> list[str]:
    """Ask before several tasks are deleted; the answer goes after the last
    line.
    """
    lines = [f"  {task.number}: {task.title}" for task in tasks[:10]]
    if len(tasks) > len(lines):
        lines.append(f"  and {len(tasks) - len(lines):,} more")
    return [*lines, f"Delete {words.amount(len(tasks), 'task')}? [y/N] "]


def _changed(verb: str, tasks: Sequence[Task], *, is_single: bool) -> Sheet:
    lines = [f"{verb} {task.number}: {task.title}" for task in tasks]
    if is_single:
        return Sheet(tasks[0], lines[0], lines)
    return Sheet(
        list(tasks), f"{verb} {words.amount(len(tasks), 'task')}", lines
    )


def _added_line(result: Added) -> str:
    verb = "Added" if result.is_new else "Already there as"
    return f"{verb} {result.task.number}: {result.task.title}"


def _new_list(results: Sequence[Added], context: ViewContext) -> str:
    """Say that a list begins here; otherwise a mistyped user name goes
    unnoticed.
    """
    if context.is_new_store and context.by_flag:
        return f" (new list for {context.user} in {context.place})"
    if context.is_new_store:
        return _new_store(context)
    # Numbers are never reused, so number 1 is new only in a new list.
    if any(result.is_new and result.task.number == 1 for result in results):
        return f" (new list for {context.user})"
    return ""


def _new_lists(users: Sequence[str]) -> str:
    """Name the users whose lists an import began."""
    if not users:
        return ""
    lists = "new list" if len(users) == 1 else "new lists"
    named = ", ".join(users[:_NAMED_UP_TO])
    if len(users) > _NAMED_UP_TO:
        named += f" and {len(users) - _NAMED_UP_TO:,} more"
    return f" ({lists} for {named})"


def _new_store(context: ViewContext) -> str:
    return f" (new list in {context.place})" if context.is_new_store else ""


def _plain(value: Any) -> str:
    """A JSON value as a word: `true`, nothing for null, text as it is."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
