"""Views: pure functions from a result of the service to a `Sheet`.

The writers draw the same sheet: `envelope` as JSON, `plain` for a pipe, and
`terminal` for people.
"""

from collections.abc import Mapping, Sequence
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
"""How many users a message names at most."""
_ASKED_UP_TO: Final = 10
"""How many tasks the question before a deletion shows at most."""


@dataclass(frozen=True, slots=True)
class ViewContext:
    """What a view needs besides the result."""

    user: str
    place: str
    """Where the tasks are, in words for people."""
    is_new_store: bool
    """Whether this call has made the store."""
    now: datetime
    by_flag: bool = False
    """Whether --user names the user; then "new list" says whose it is."""


@dataclass(frozen=True, slots=True)
class Table:
    """Tasks to draw as a table."""

    tasks: Sequence[Task]
    now: datetime
    """The time from which ages are counted."""
    footer: str
    """The line below the rows."""
    note: str
    """What to show if there are no tasks."""


# No repr: asyncio.run of CPython before 3.11.8 and 3.12.2 calls that of its
# result, twice (python/cpython#112559). For a long list that takes long.
@dataclass(frozen=True, slots=True, repr=False)
class Sheet:
    """A result in words.

    Programs get `data` and `message`. People get a `table`, or `lines`,
    `warnings` and `fields`, as far as there are any.
    """

    data: Any
    message: str
    lines: Sequence[str] = ()
    table: Table | None = None
    fields: Sequence[tuple[str, str]] = ()
    labels: Mapping[str, str] | None = None
    """At a terminal: the fields to show, by name, and their names in words.

    None shows all of them under their own names. A pipe always gets all of them
    under their own names, which scripts rely on.
    """
    warnings: Sequence[str] = ()
    """What to look at, although the command succeeded.

    Each is one line: what is wrong, and what to do.
    """
    fault: TodoError | None = None
    """An error to report after the sheet; it decides the exit status."""


def added(result: Added, context: ViewContext) -> Sheet:
    """Name the task that was added, or was there; `data` is the task."""
    note = _new_list([result], context)
    line = _added_line(result) + note
    return Sheet(result.task, line, [line])


def added_all(results: Sequence[Added], context: ViewContext) -> Sheet:
    """Name every task that was added, or was there before.

    `data` is the list of the tasks, in the order in which they were given.
    """
    tasks = [result.task for result in results]
    lines = [_added_line(result) for result in results]
    note = _new_list(results, context)
    if lines:
        lines[0] += note
    new = sum(result.is_new for result in results)
    message = f"Added {_tasks(new)}"
    old = len(results) - new
    if old > 0:
        message += f", {_tasks(old)} already there"
    return Sheet(tasks, message + note, lines)


def listed(page: TaskPage, context: ViewContext) -> Sheet:
    """Show tasks as a table, and how many there are.

    With a limit the message is such as `20 of 35`, and without one such as
    `30 open, 5 done`. `data` is the list of the tasks.
    """
    message = _counts(page)
    if page.query.limit is not None:
        shown = len(page.tasks)
        total = words.count(_total(page))
        message = f"{shown:,} of {total}"
    note = _nothing(page, context)
    table = Table(page.tasks, context.now, footer=message, note=note)
    return Sheet(page.tasks, message, table=table, fault=page.fault)


def _counts(page: TaskPage) -> str:
    """Count all tasks of the user, as in `12 open, 2 overdue, 40 done`."""
    counts = page.counts
    parts = [f"{words.count(counts.open)} open"]
    if counts.overdue:
        parts.append(f"{words.count(counts.overdue)} overdue")
    if counts.waiting:
        parts.append(f"{words.count(counts.waiting)} waiting")
    parts.append(f"{words.count(counts.done)} done")
    return ", ".join(parts)


def _total(page: TaskPage) -> int:
    """Count the tasks that the query would find without a limit."""
    counts = page.counts
    if counts.found is not None:
        return counts.found
    # Counts stop at 1,001, so a sum of them can be a little too small; the
    # words then say `more than 1,000`.
    totals = {
        TaskStatus.OPEN: counts.open,
        TaskStatus.WAITING: counts.waiting,
        TaskStatus.DONE: counts.done,
        TaskStatus.ALL: counts.open + counts.waiting + counts.done,
    }
    return totals[page.query.status]


def _nothing(page: TaskPage, context: ViewContext) -> str:
    """Say that no task was found, and how many others the user has."""
    status = page.query.status
    kind = f"{status} tasks"
    if status is TaskStatus.ALL:
        kind = "tasks"
    note = f"No {kind} for {context.user} in {context.place}"
    counts = page.counts
    if counts.open or counts.waiting or counts.done:
        note += f" ({_counts(page)})"
    return note


def shown(task: Task, context: ViewContext) -> Sheet:
    """Show every field of a task, in the order of the JSON.

    `data` is the task.
    """
    fields = []
    for name, value in task_values(task).items():
        fields.append((name, _plain(value)))
    return Sheet(task, _title(task), fields=fields)


def upgraded(version: str, context: ViewContext) -> Sheet:
    """Say which version the schema has now.

    `data` has the version, and whether this call has made the schema.
    """
    line = f"The schema in {context.place} is up to date ({version})"
    data = {"version": version, "created": context.is_new_store}
    return Sheet(data, line, [line + _new_store(context)])


def script(sql: str, context: ViewContext) -> Sheet:
    """Show SQL, unchanged, so that it can be piped into psql."""
    lines = sql.rstrip("\n").split("\n")
    message = f"The SQL for {context.place}"
    return Sheet({"sql": sql}, message, lines)


def imported(result: "Imported", context: ViewContext) -> Sheet:
    """Say how many tasks were copied, and of how many users.

    A line more for each task that got another number, and one that names the
    owners unless all tasks are the caller's: under another name they would
    seem to be gone.

    `data` has the counts: all tasks of the file, its users, and new tasks; and
    the owners, and the tasks with another number.
    """
    message = _imported_line(result, context)
    lines = [message]
    for each in result.renumbered:
        lines.append(f"Renumbered {each.old} -> {each.new} of {each.user}")
    if set(result.owners) - {context.user}:
        whose = _whose(result.owners, context.user)
        lines.append(whose)
        message += f". {whose}"
    data = {
        "tasks": result.tasks,
        "users": result.users,
        "new": result.new,
        "owners": list(result.owners),
        "renumbered": [each._asdict() for each in result.renumbered],
    }
    return Sheet(data, message, lines)


def _imported_line(result: "Imported", context: ViewContext) -> str:
    """Count what an import copied, as in `Imported 2 tasks of 1 user`."""
    users = words.amount(result.users, "user")
    line = f"Imported {_tasks(result.new)} of {users}"
    old = result.tasks - result.new
    if old > 0:
        line += f"; {_tasks(old)} already there"
    return line + (_new_store(context) or _new_lists(result.new_users))


def _whose(owners: Sequence[str], user: str) -> str:
    """Say whose the tasks of an import are, and whether you are among them."""
    whose = f"They belong to {_named(owners)}"
    if user not in owners:
        whose += f"; you are {user}"
    return whose


class Changed:
    """A view that names what happened to tasks.

    `data` is an object where the command named a single task, else an array.
    """

    def __init__(self, verb: str, *, is_single: bool) -> None:
        self._verb = verb
        self._is_single = is_single

    def __call__(self, tasks: Sequence[Task], context: ViewContext) -> Sheet:
        """Name every task, in the order in which the user named them."""
        return _changed(self._verb, tasks, is_single=self._is_single)


def deletion_question(tasks: Sequence[Task]) -> list[str]:
    """Write the question before several tasks are deleted.

    The user types the answer after its last line.
    """
    lines = [f"  {_title(task)}" for task in tasks[:_ASKED_UP_TO]]
    more = len(tasks) - len(lines)
    if more > 0:
        lines.append(f"  and {more:,} more")
    lines.append(f"Delete {_tasks(len(tasks))}? [y/N] ")
    return lines


def _changed(verb: str, tasks: Sequence[Task], *, is_single: bool) -> Sheet:
    """Write a line for each task, such as `Done 3: Buy milk`."""
    lines = [f"{verb} {_title(task)}" for task in tasks]
    if is_single:
        return Sheet(tasks[0], lines[0], lines)
    message = f"{verb} {_tasks(len(tasks))}"
    return Sheet(list(tasks), message, lines)


def _added_line(result: Added) -> str:
    title = _title(result.task)
    if result.is_new:
        return f"Added {title}"
    # A repeat with the same id, as after a lost connection.
    return f"Already there as {title}"


def _title(task: Task) -> str:
    """Name a task in a message, as in `3: Buy milk`."""
    return f"{task.number}: {task.title}"


def _tasks(number: int) -> str:
    return words.amount(number, "task")


def _new_list(results: Sequence[Added], context: ViewContext) -> str:
    """Say that a list begins here.

    Otherwise nobody would notice a mistyped user name.
    """
    if context.is_new_store and context.by_flag:
        return f" (new list for {context.user} in {context.place})"
    if context.is_new_store:
        return _new_store(context)
    # Numbers are never reused, so number 1 is new only in a new list.
    for result in results:
        if result.is_new and result.task.number == 1:
            return f" (new list for {context.user})"
    return ""


def _new_lists(users: Sequence[str]) -> str:
    """Name the users whose lists an import began."""
    if not users:
        return ""
    lists = "new lists"
    if len(users) == 1:
        lists = "new list"
    return f" ({lists} for {_named(users)})"


def _named(users: Sequence[str]) -> str:
    """Name the first few users."""
    named = ", ".join(users[:_NAMED_UP_TO])
    more = len(users) - _NAMED_UP_TO
    if more > 0:
        named += f" and {more:,} more"
    return named


def _new_store(context: ViewContext) -> str:
    if context.is_new_store:
        return f" (new list in {context.place})"
    return ""


def _plain(value: Any) -> str:
    """Write a JSON value as text: true or false in lower case, "" for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
