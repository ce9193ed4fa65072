"""What a result is called: pure functions from what the service returned to a `Sheet`,
for every writer the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from todo_cli.errors import TodoError
from todo_cli.output.envelope import task_values
from todo_cli.task import Added, Task, TaskPage

if TYPE_CHECKING:
    from todo_cli.database.transfer import Imported

_COUNTED_UP_TO: Final = 1_000
_NAMED_UP_TO: Final = 5


@dataclass(frozen=True, slots=True)
class Scene:
    """What a view may know besides the result: whose tasks, where they are, whether the
    store is new, and the time.
    """

    user: str
    place: str
    is_new_store: bool
    now: datetime
    by_flag: bool = False
    """Whether a flag named the user: then a new store says for whom it is."""


@dataclass(frozen=True, slots=True)
class Row:
    """One task in a table."""

    number: int
    is_done: bool
    title: str
    created_at: str
    completed_at: str | None
    id: str
    age: str


@dataclass(frozen=True, slots=True)
class Table:
    """A list of tasks; `note` stands where no row is, `footer` below the rows."""

    rows: Sequence[Row]
    footer: str
    note: str


# No repr: asyncio.run of CPython before 3.11.8 and 3.12.2 asks for that of its result,
# twice (python/cpython#112559).
@dataclass(frozen=True, slots=True, repr=False)
class Sheet:
    """A result in words: `data` and `message` for programs; one of `lines`, `table`,
    `fields` for people.
    """

    data: Any
    message: str
    lines: Sequence[str] = ()
    table: Table | None = None
    fields: Sequence[tuple[str, str]] = ()
    fault: TodoError | None = None
    """What went wrong all the same; the sheet says what was found out before."""


def added(result: Added, scene: Scene) -> Sheet:
    """Name the task that was added, or was there."""
    line = _added_line(result) + _new_list([result], scene)
    return Sheet(result.task, line, [line])


def added_all(results: Sequence[Added], scene: Scene) -> Sheet:
    """Name every task that was added, or was there."""
    lines = [_added_line(result) for result in results]
    note = _new_list(results, scene)
    if lines:
        lines[0] += note
    new = sum(result.is_new for result in results)
    there = (
        f", {_tasks(len(results) - new)} already there" if new < len(results) else ""
    )
    return Sheet(
        [result.task for result in results], f"Added {_tasks(new)}{there}{note}", lines
    )


def listed(page: TaskPage, scene: Scene) -> Sheet:
    """Show tasks as a table, with how many there are."""
    counts = f"{_count(page.open_count)} open, {_count(page.done_count)} done"
    total = {"open": page.open_count, "done": page.done_count}.get(
        page.query.status, page.open_count + page.done_count
    )
    message = (
        counts
        if page.query.limit is None
        else f"{len(page.tasks):,} of {_count(total)}"
    )
    kind = "" if page.query.status == "all" else f"{page.query.status} "
    table = Table(
        rows=_Rows(page.tasks, scene.now),
        footer=message,
        note=f"No {kind}tasks for {scene.user} in {scene.place}"
        + (f" ({counts})" if page.open_count or page.done_count else ""),
    )
    return Sheet(page.tasks, message, table=table)


def shown(task: Task, scene: Scene) -> Sheet:
    """Show every field of a task, in the order of the JSON."""
    values = task_values(task)
    fields = [(name, _plain(value)) for name, value in values.items()]
    return Sheet(task, f"{task.number}: {task.title}", fields=fields)


def updated(task: Task, scene: Scene) -> Sheet:
    """Name the task that was updated."""
    return _changed("Updated", [task], is_single=True)


def upgraded(version: str, scene: Scene) -> Sheet:
    """Say which schema is there now."""
    line = f"The schema in {scene.place} is up to date ({version})"
    return Sheet(
        {"version": version, "created": scene.is_new_store},
        line,
        [line + _new_store(scene)],
    )


def script(sql: str, scene: Scene) -> Sheet:
    """Hand out SQL as it is."""
    return Sheet(
        {"sql": sql}, f"The SQL for {scene.place}", lines=sql.rstrip("\n").split("\n")
    )


def imported(result: "Imported", scene: Scene) -> Sheet:
    """Say how much was copied."""
    people = f"{result.users:,} user{'' if result.users == 1 else 's'}"
    there = (
        f"; {_tasks(result.tasks - result.new)} already there"
        if result.new < result.tasks
        else ""
    )
    line = f"Imported {_tasks(result.new)} of {people}{there}{_new_store(scene) or _new_lists(result.new_users)}"
    return Sheet(
        {"tasks": result.tasks, "users": result.users, "new": result.new}, line, [line]
    )


class Changed:
    """A view that names what happened to tasks; an object for the one argument, an
    array for several.
    """

    def __init__(self, verb: str, *, is_single: bool) -> None:
        self._verb = verb
        self._is_single = is_single

    def __call__(self, tasks: Sequence[Task], scene: Scene) -> Sheet:
        """Name every task, in the order asked."""
        return _changed(self._verb, tasks, is_single=self._is_single)


def deletion_question(tasks: Sequence[Task]) -> list[str]:
    """Ask before several tasks go; the last line waits for the answer."""
    lines = [f"  {task.number}: {task.title}" for task in tasks[:10]]
    if len(tasks) > len(lines):
        lines.append(f"  and {len(tasks) - len(lines):,} more")
    return [*lines, f"Delete {_tasks(len(tasks))}? [y/N] "]


def age(then: datetime, now: datetime) -> str:
    """How long ago something was, in the largest unit that fits: `3 days ago`; the
    future is `just now`.
    """
    seconds = int((now - then).total_seconds())
    for unit, length in _UNITS:
        if seconds >= length:
            amount = seconds // length
            return f"{amount} {unit}{'s' if amount > 1 else ''} ago"
    return "just now"


_DAY: Final = 86_400
_UNITS: Final = (
    ("year", 365 * _DAY),
    ("month", 30 * _DAY),
    ("week", 7 * _DAY),
    ("day", _DAY),
    ("hour", 3_600),
    ("minute", 60),
)


class _Rows(Sequence[Row]):
    """The rows of a table, made as they are asked for: JSON needs none of them."""

    def __init__(self, tasks: Sequence[Task], now: datetime) -> None:
        self._tasks = tasks
        self._now = now

    def __len__(self) -> int:
        return len(self._tasks)

    def __getitem__(self, index: Any) -> Any:
        task = self._tasks[index]
        values = task_values(task)
        return Row(
            number=task.number,
            is_done=task.completed,
            title=task.title,
            created_at=values["created_at"],
            completed_at=values["completed_at"],
            id=values["id"],
            age=age(task.completed_at or task.created_at, self._now),
        )


def _changed(verb: str, tasks: Sequence[Task], *, is_single: bool) -> Sheet:
    lines = [f"{verb} {task.number}: {task.title}" for task in tasks]
    if is_single:
        return Sheet(tasks[0], lines[0], lines)
    return Sheet(list(tasks), f"{verb} {_tasks(len(tasks))}", lines)


def _added_line(result: Added) -> str:
    words = "Added" if result.is_new else "Already there as"
    return f"{words} {result.task.number}: {result.task.title}"


def _new_list(results: "Sequence[Added]", scene: Scene) -> str:
    """Say that a list begins here: a mistyped name of a user would else go unseen."""
    if scene.is_new_store:
        return (
            f" (new list for {scene.user} in {scene.place})"
            if scene.by_flag
            else _new_store(scene)
        )
    is_first = any(
        result.is_new and result.task.number == 1 for result in results
    )  # no number is given twice
    return f" (new list for {scene.user})" if is_first else ""


def _new_lists(users: Sequence[str]) -> str:
    """Name the users whose lists an import began."""
    named = ", ".join(users[:_NAMED_UP_TO])
    more = (
        f" and {len(users) - _NAMED_UP_TO:,} more" if len(users) > _NAMED_UP_TO else ""
    )
    return (
        f" (new list{'' if len(users) == 1 else 's'} for {named}{more})"
        if users
        else ""
    )


def _new_store(scene: Scene) -> str:
    return f" (new list in {scene.place})" if scene.is_new_store else ""


def _tasks(number: int) -> str:
    return f"{number:,} task{'' if number == 1 else 's'}"


def _count(number: int) -> str:
    return f"more than {_COUNTED_UP_TO:,}" if number > _COUNTED_UP_TO else f"{number:,}"


def _plain(value: Any) -> str:
    """A JSON value as a word: `true`, an empty word for null, text as it is."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
