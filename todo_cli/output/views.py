"""Views: pure functions from a result of the service to a `Sheet`.

The writers draw the same sheet: `envelope` as JSON, `plain` for a pipe, and
`terminal` for people.
"""

import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, tzinfo
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from todo_cli.errors import TodoError, first_few
from todo_cli.output import lists, words
from todo_cli.output.envelope import operation_values
from todo_cli.output.times import show_day
from todo_cli.output.words import Verb
from todo_cli.task import (
    Added,
    HistoryPage,
    Operation,
    Taken,
    Task,
    TaskPage,
    TaskQuery,
    Undone,
    task_values,
)

if TYPE_CHECKING:
    from todo_cli.database.backup import BackedUp
    from todo_cli.database.transfer import Imported
    from todo_cli.stats import Stats

_NAMED_UP_TO: Final = 5
"""How many users a message names at most."""
_ASKED_UP_TO: Final = 10
"""How many tasks the question before a purge shows at most."""
_RESTORED_UP_TO: Final = 5
"""How many deleted tasks a hint names."""
_SHOWN_UP_TO: Final = 20
"""How many changed tasks a terminal shows."""


# Without slots, because a cached property needs room of its own.
@dataclass(frozen=True)
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
    changed_at: datetime | None = None
    """The time that the command gives to what it changes, if it does.

    A task with another one is as it was.
    """
    is_trial: bool = False
    """Whether nothing was stored, because of --dry-run."""
    variables: Mapping[str, str] | None = field(default=None, repr=False)
    """The caller's variables, of which `TZ` names the zone.

    None means UTC, as for a client of the REST API.
    """

    @cached_property
    def zone(self) -> tzinfo:
        """The caller's time zone."""
        if self.variables is None:
            return UTC
        # Only messages about days and times need it.
        from todo_cli import zones

        return zones.zone_of(self.variables)

    @cached_property
    def today(self) -> date:
        """The caller's day."""
        from todo_cli import zones

        return zones.local(self.now, self.zone).date()

    def is_as_before(self, task: Task) -> bool:
        """Whether the command found a task as it should be, and changed nothing.

        No clock decides: the store sets the time only where a value differs.
        """
        if self.changed_at is None:
            return False
        return task.updated_at != self.changed_at

    def command(self, *arguments: str) -> str:
        """Write a command for the same user, to be typed."""
        name = ["todo"]
        if self.by_flag:
            name += ["--user", self.user]
        return shlex.join([*name, *arguments])


@dataclass(frozen=True, slots=True)
class Table:
    """Tasks to draw as a table."""

    tasks: Sequence[Task]
    now: datetime
    """The time from which ages are counted."""
    today: date
    """The caller's day, which decides what waits and what is overdue."""
    query: TaskQuery
    """What was asked for."""
    footer: str
    """The line below the rows."""
    note: str
    """What to show if there are no tasks."""


@dataclass(frozen=True, slots=True)
class Card:
    """A task to lay out for people."""

    task: Task
    context: ViewContext


@dataclass(frozen=True, slots=True)
class Log:
    """Operations to lay out, the latest first."""

    operations: Sequence[Operation]
    context: ViewContext
    footer: str
    """The line below them."""
    note: str
    """What to show if there are none."""


@dataclass(frozen=True, slots=True)
class Chart:
    """Counts to draw with bars."""

    stats: "Stats"
    context: ViewContext
    message: str
    """The line above them."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Things other than tasks, to draw as a table."""

    names: Sequence[str]
    """The columns; the first one says what each row is."""
    rows: Sequence[Sequence[str]]
    """What a terminal shows, in the order of the columns."""
    records: Sequence[Sequence[str]]
    """What a pipe gets in their place; an empty text stands for none."""
    given_up: Sequence[str]
    """The columns that a narrow terminal goes without, in this order."""
    footer: str
    """The line below the rows."""
    note: str
    """What to show if there are none."""


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
    brief: Sequence[str] = ()
    """What a terminal shows in the place of `lines` about many tasks.

    A pipe gets all lines, because scripts rely on them.
    """
    table: Table | None = None
    card: Card | None = None
    """What a terminal shows in the place of `fields`."""
    log: Log | None = None
    chart: Chart | None = None
    """What a terminal shows in the place of `fields`."""
    grid: Grid | None = None
    fields: Sequence[tuple[str, str]] = ()
    groups: Mapping[str, Sequence[tuple[str, str]]] | None = None
    """What a terminal shows in the place of `fields`: names and values in words,
    by heading.

    A pipe gets the fields under their own names, because scripts rely on them.
    """
    warnings: Sequence[str] = ()
    """What to look at, although the command succeeded.

    Each is one line: what is wrong, and what to do.
    """
    aside: str = ""
    """A line for stderr, also where no person is; not with JSON."""
    hint: str = ""
    """What a person at a terminal may have meant instead, if anything."""
    if_lost: str = ""
    """What to do about what was stored, if the sheet cannot be written."""
    fault: TodoError | None = None
    """An error to report after the sheet; it decides the exit status."""
    is_trial: bool = False
    """Whether nothing was stored, because of --dry-run."""

    @property
    def is_for_reading(self) -> bool:
        """Whether people read it page by page, if it is long."""
        shown = self.table, self.card, self.log, self.chart, self.grid
        return any(each is not None for each in shown)


def only_numbers(sheet: Sheet) -> Sheet:
    """Keep of a sheet the numbers of its tasks, or of its operations.

    A line each; what goes to stderr stays, but for hints.
    """
    if sheet.log is not None:
        numbers = [each.operation for each in sheet.log.operations]
    else:
        numbers = [task.number for task in _tasks_of(sheet.data)]
    return Sheet(
        sheet.data,
        sheet.message,
        [str(number) for number in numbers],
        aside=sheet.aside,
        fault=sheet.fault,
        is_trial=sheet.is_trial,
    )


def _tasks_of(data: Any) -> Sequence[Task]:
    """Return the tasks in the data of a command that answers with tasks."""
    if isinstance(data, Mapping):
        data = data["tasks"]
    if isinstance(data, Task):
        return [data]
    return list(data)


def added(result: Added, context: ViewContext) -> Sheet:
    """Name the task that was added, or was there; `data` is the task."""
    note = _new_list([result], context)
    message = _added_line(result, context) + note
    line = message + _way_back(result, context)
    return Sheet(result.task, message, [line], hint=habits(result.task.title))


def added_all(results: Sequence[Added], context: ViewContext) -> Sheet:
    """Name every task that was added, or was there before.

    `data` is the list of the tasks, in the order in which they were given.
    """
    tasks = [result.task for result in results]
    lines = []
    for result in results:
        back = _way_back(result, context)
        lines.append(_added_line(result, context) + back)
    note = _new_list(results, context)
    if lines:
        lines[0] += note
    new = sum(result.is_new for result in results)
    message = f"Added {_tasks(new)}"
    old = len(results) - new
    if old > 0:
        message += f", {_tasks(old)} already there"
    return Sheet(tasks, message + note, lines, _first_of(lines))


def listed(page: TaskPage, context: ViewContext) -> Sheet:
    """Show tasks as a table, and how many there are.

    With a limit the message is such as `20 of 35`, and without one such as
    `30 open, 5 done`. `data` is the list of the tasks.
    """
    shown = table(page, context)
    return Sheet(page.tasks, shown.footer, table=shown, fault=page.fault)


def table(page: TaskPage, context: ViewContext) -> Table:
    """Make the table of a page, with its message as the footer."""
    return Table(
        page.tasks,
        context.now,
        page.today,
        page.query,
        footer=lists.message(page),
        note=lists.nothing(page, context),
    )


def shown(task: Task, context: ViewContext) -> Sheet:
    """Show every field of a task, in the order of the JSON.

    At a terminal it is laid out for people. `data` is the task.
    """
    fields = []
    for name, value in task_values(task).items():
        fields.append((name, _plain(value)))
    card = Card(task, context)
    return Sheet(task, _title(task), card=card, fields=fields)


class Upgraded(NamedTuple):
    """What a store has after `todo db upgrade`."""

    version: str
    word_index: str
    """The index of words: `fts5`, `pg_trgm` or `none`."""


def upgraded(result: Upgraded, context: ViewContext) -> Sheet:
    """Say which version the schema has now, and which index of words.

    `data` also says whether this call has made the schema.
    """
    line = f"The schema in {context.place} is up to date ({result.version})"
    words_line = f"Words are found by an index ({result.word_index})"
    if result.word_index == "none":
        words_line = "Words are found without an index, which takes longer"
    data = {
        "version": result.version,
        "created": context.is_new_store,
        "word_index": result.word_index,
    }
    return Sheet(data, line, [line + _new_store(context), words_line])


def script(sql: str, context: ViewContext) -> Sheet:
    """Show SQL, unchanged, so that it can be piped into psql."""
    lines = sql.rstrip("\n").split("\n")
    message = f"The SQL for {context.place}"
    return Sheet({"sql": sql}, message, lines)


def completion(shell: str, script: str) -> Sheet:
    """Show the script that a shell loads, unchanged."""
    lines = script.rstrip("\n").split("\n")
    data = {"shell": shell, "script": script}
    hint = "`todo help completion` says how to turn it on"
    return Sheet(data, f"The completion script for {shell}", lines, hint=hint)


def imported(result: "Imported", context: ViewContext) -> Sheet:
    """Say how many tasks were copied, and of how many users.

    A line more for each task that got another number, and one that names the
    owners unless all tasks are the caller's: under another name they would
    seem to be gone. So is a history that stayed behind.

    `data` has the counts: all tasks of the file, its users, and new tasks; the
    owners, and the tasks with another number; the caller's new operation, and
    whose history stayed behind. And what `todo import` has, too: new tasks are
    `added`, and `kept_as_text` and `left_out` are empty: a store of ours has
    no others.
    """
    line = _imported_line(result, context)
    renumbered = []
    for each in result.renumbered:
        of = f"of {each.user}"
        renumbered.append(f"Renumbered {each.old} -> {each.new} {of}")
    notes = []
    if set(result.owners) - {context.user}:
        notes.append(_whose(result.owners, context.user))
    if result.history_left:
        notes.append(_history_left(result.history_left))
    lines = [line, *renumbered, *notes]
    brief = [line, *_first_of(renumbered), *notes]
    data = _import_data(result)
    data["operation"] = result.operations.get(context.user)
    return Sheet(data, ". ".join([line, *notes]), lines, brief)


def _import_data(result: "Imported") -> dict[str, Any]:
    """Return the data of an import, but for the caller's operation."""
    return {
        "tasks": result.tasks,
        "users": result.users,
        "new": result.new,
        "added": result.new,
        "present": result.tasks - result.new,
        "kept_as_text": {},
        "left_out": {},
        "owners": list(result.owners),
        "renumbered": [each._asdict() for each in result.renumbered],
        "history_left": list(result.history_left),
    }


def _history_left(users: Sequence[str]) -> str:
    """Say whose history did not come along, and why."""
    return f"The history of {_named(users)} stayed behind: there is one here"


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
        name = shlex.quote(owners[0])
        whose += f"; you are {user}: `todo list --user {name}` shows them"
    return whose


def backed_up(result: "BackedUp") -> Sheet:
    """Count what a backup has, and say where it is.

    `data` has the path, and how many tasks and users there are.
    """
    whose = words.amount(result.users, "user")
    if result.whose is not None:
        whose = result.whose
    line = f"Backed up {_tasks(result.tasks)} of {whose} to {result.path}"
    data = {
        "path": str(result.path),
        "tasks": result.tasks,
        "users": result.users,
    }
    return Sheet(data, line, [line])


def taken(result: Taken, context: ViewContext) -> Sheet:
    """Say how many tasks a file added, and what became of the rest of it.

    `data` has the counts, the number of the operation, and what was kept as
    text or left out, counted by its kind.
    """
    said = "Imported"
    if context.is_trial:
        said = "Would import"
    message = f"{said} {_tasks(result.added)}{_numbers(result)}"
    parts = [message + _begun(result, context)]
    if result.present:
        parts.append(_were_there(result, context))
    if result.kept:
        parts.append(f"{words.amounts(result.kept)} kept as text")
    if result.left_out:
        parts.append(f"{words.amounts(result.left_out)} left out")
    data = {
        "added": result.added,
        "present": result.present,
        "operation": result.operation,
        "kept_as_text": dict(result.kept),
        "left_out": dict(result.left_out),
        "renumbered": result.renumbered,
    }
    line = "; ".join(parts)
    return Sheet(data, line, [line], hint=_after_import(result, context))


def _begun(result: Taken, context: ViewContext) -> str:
    """Say that a list begins with an import, as `add` does."""
    if context.is_new_store:
        return _new_store(context)
    if result.first == 1:
        return _new_lists([context.user])
    return ""


def _after_import(result: Taken, context: ViewContext) -> str:
    """Say how to take an import back, or what keeps it from adding tasks."""
    if result.in_trash and not _named_trash(result):
        listed = context.command("list", "--status", "trash")
        return f"`{listed}` shows them; restore them, or purge them first"
    if result.added and not context.is_trial:
        return f"`{context.command('undo')}` takes that back"
    return ""


def _numbers(result: Taken) -> str:
    """Write the numbers of new tasks: ` (5-8)`."""
    if result.first is None:
        return ""
    numbers = f"{result.first}"
    if result.first != result.last:
        numbers += f"-{result.last}"
    if result.renumbered:
        numbers += ", instead of the numbers in the file"
    return f" ({numbers})"


def _were_there(result: Taken, context: ViewContext) -> str:
    """Say how many tasks were there before, and how many in the trash.

    If all are there, the import was probably undone. Also a script's log then
    says what to do.
    """
    line = f"{_tasks(result.present)} already there"
    if result.in_trash:
        line += f", {result.in_trash:,} of them in the trash"
    named = _named_trash(result)
    if named:
        restore = context.command("restore", named)
        purge = context.command("purge", named)
        line += f" (`{restore}` or `{purge}`)"
    return line


def _named_trash(result: Taken) -> str:
    """Name the tasks in the trash: `4-5,9`.

    Empty if others were there, too, or if it would take too many words.
    """
    if result.in_trash != result.present:
        return ""
    if len(result.trash) != result.in_trash:
        return ""
    spans = words.spans(result.trash)
    if len(spans) > _NAMED_UP_TO:
        return ""
    return ",".join(spans)


class Exported(NamedTuple):
    """What was written for `todo export`."""

    name: str | None
    """The file as it was typed; None for standard output."""
    path: str
    """The file's whole path."""
    tasks: int
    left_out: Mapping[str, int]
    """What the format cannot hold, counted by its kind."""


def exported(result: Exported, context: ViewContext) -> Sheet:
    """Say how many tasks were written to a file, and what was left out.

    On standard output are the tasks, and nothing else.
    """
    aside = ""
    if result.left_out:
        aside = f"Left out: {words.amounts(result.left_out)}"
    if result.name is None:
        return Sheet(None, "", aside=aside)
    message = f"Exported {_tasks(result.tasks)} to {result.name}"
    data = {
        "path": result.path,
        "tasks": result.tasks,
        "left_out": dict(result.left_out),
    }
    return Sheet(data, message, [message], aside=aside)


class Changed:
    """A view that names what happened to tasks, or would happen to them.

    `data` is an object where the command named a single task, else an array.
    """

    def __init__(
        self, verb: Verb, *, is_single: bool, names: Sequence[str] = ()
    ) -> None:
        self._verb = verb
        self._is_single = is_single
        self._names = names
        """The fields whose new values the lines say."""

    def __call__(self, tasks: Sequence[Task], context: ViewContext) -> Sheet:
        """Name every task, in the order in which the user named them."""
        lines = []
        same = 0
        for task in tasks:
            is_same = self._is_same(task, context)
            same += is_same
            begin = self._said(context, is_same=is_same)
            said = understood(task, self._names, context)
            lines.append(f"{begin} {_title(task)}{said}")
        if self._is_single:
            return Sheet(tasks[0], lines[0], lines)
        message = self._message(tasks, same, context)
        return Sheet(list(tasks), message, lines, _first_of(lines))

    def _is_same(self, task: Task, context: ViewContext) -> bool:
        """Whether a task was as the command wants it, in words for that."""
        return bool(self._verb.already) and context.is_as_before(task)

    def _said(self, context: ViewContext, *, is_same: bool) -> str:
        """Return the words before a task."""
        is_trial = context.is_trial
        return self._verb.said(is_trial=is_trial, is_already=is_same)

    def _message(
        self, tasks: Sequence[Task], same: int, context: ViewContext
    ) -> str:
        """Count what was changed, and what was so before."""
        changed = len(tasks) - same
        if same and not changed:
            return f"{self._said(context, is_same=True)} {_tasks(same)}"
        message = f"{self._said(context, is_same=False)} {_tasks(changed)}"
        if same:
            message += f", {_tasks(same)} already {self._verb.already}"
        return message


def edited(
    task: Task,
    names: Sequence[str],
    context: ViewContext,
    hint: str = "",
) -> Sheet:
    """Name a task and the fields that were changed, or say that none was.

    Then a hint may say why.
    """
    if not names:
        message = "Nothing changed"
        return Sheet(task, message, [message], hint=hint)
    changed = Changed(words.UPDATED, is_single=True, names=names)
    sheet = changed([task], context)
    if "title" not in names:
        return sheet
    return replace(sheet, hint=habits(task.title))


def deleted(
    tasks: Sequence[Task], context: ViewContext, *, is_single: bool
) -> Sheet:
    """Name the tasks that are in the trash now, and how they come back."""
    sheet = Changed(words.DELETED, is_single=is_single)(tasks, context)
    if context.is_trial:
        return sheet
    hint = f"`{context.command('undo')}` takes that back"
    if len(tasks) <= _RESTORED_UP_TO:
        numbers = [str(task.number) for task in tasks]
        what = "it" if len(tasks) == 1 else "them"
        command = context.command("restore", *numbers)
        hint = f"`{command}` brings {what} back"
    return replace(sheet, hint=hint)


def purge_question(tasks: Sequence[Task]) -> list[str]:
    """Write the question before tasks are gone for good.

    The user types the answer after its last line.
    """
    lines = [f"  {_title(task)}" for task in tasks[:_ASKED_UP_TO]]
    more = len(tasks) - len(lines)
    if more > 0:
        lines.append(f"  and {more:,} more")
    lines.append(f"Purge {_tasks(len(tasks))} for good? [y/N] ")
    return lines


def undone(result: Undone, context: ViewContext) -> Sheet:
    """Name what an operation had done, and the tasks that are set back.

    `data` has the number of this undo, that of the operation, and the tasks.
    A dry run has no number.
    """
    begin = words.UNDID.said(
        is_trial=context.is_trial, is_already=not result.is_new
    )
    line = f"{begin} {result.undoes} ({result.command})"
    return _set_back(result, line, context)


def redone(result: Undone, context: ViewContext) -> Sheet:
    """Name what was done again, and the tasks; `data` is as of `undone`."""
    begin = words.REDID.said(is_trial=context.is_trial)
    number = result.redoes or result.undoes
    return _set_back(result, f"{begin} {number} ({result.command})", context)


def _set_back(result: Undone, begin: str, context: ViewContext) -> Sheet:
    """Name the tasks of an `undo` or `redo`, each after the same words."""
    lines = []
    for task in result.tasks:
        place = " (in the trash)" if task.deleted_at else ""
        lines.append(f"{begin}: {_title(task)}{place}")
    message = f"{begin}: {_tasks(len(result.tasks))}"
    if len(lines) == 1:
        message = lines[0]
    if not lines and not result.is_new:
        message = begin
    brief = _first_of(lines)
    if result.purged:
        numbers = first_few(result.purged, _ASKED_UP_TO)
        gone = f"without {numbers}, purged since"
        lines.append(f"{begin}: {gone}")
        brief.append(lines[-1])
        message += f", {gone}"
    data = _undone_values(result, context)
    return Sheet(data, message, lines or [message], brief)


def _undone_values(result: Undone, context: ViewContext) -> dict[str, Any]:
    """Return the `data` of an `undo` or `redo`."""
    # A dry run leaves no operation, so its number will be another one's.
    has_number = not context.is_trial or not result.is_new
    return {
        "operation": result.operation if has_number else None,
        "undoes": result.undoes,
        "tasks": result.tasks,
    }


def history(
    page: HistoryPage, context: ViewContext, *, reference: str = ""
) -> Sheet:
    """Show operations, the latest first; `data` is the list of them.

    `reference` names the one task that they are about, if there is one.
    """
    operations = page.operations
    message = words.amount(len(operations), "operation")
    footer = message
    if page.next is not None:
        footer = f"The latest {message}; `--limit` shows more"
        message += "; more follow"
    about = ""
    if reference:
        about = f" with task {reference}"
    note = f"No operations{about} for {context.user} in {context.place}"
    log = Log(operations, context, footer=footer, note=note)
    data = [operation_values(each) for each in operations]
    return Sheet(data, message, log=log, fault=page.fault)


def _added_line(result: Added, context: ViewContext) -> str:
    task = result.task
    title = _title(task)
    if not result.is_new:
        # A repeat with the same id, as after a lost connection.
        if task.deleted_at is None:
            return f"Already there as {title}"
        return f"Already there, in the trash, as {title}"
    given = [name for name in _SAID if getattr(task, name)]
    return f"Added {title}{understood(task, given, context)}"


def _way_back(result: Added, context: ViewContext) -> str:
    """Name the command that brings back a task that was found in the trash."""
    if result.task.deleted_at is None:
        return ""
    back = context.command("restore", str(result.task.number))
    return f" (see `{back}`)"


_SAID: Final = ("due_on", "wait_until", "priority", "project", "tags")
"""The fields whose values a message says, in this order."""


def understood(
    task: Task, names: Collection[str], context: ViewContext
) -> str:
    """Say the values of some fields of a task, after its title.

    Such as ` (due Fri 27 Nov, high, home.kitchen #errand)`; "" for no names.
    """
    parts = []
    if "due_on" in names:
        parts.append(_day_said("due", task.due_on, "no due day", context))
    if "wait_until" in names:
        waits = _day_said("waits until", task.wait_until, "no wait", context)
        parts.append(waits)
    if "priority" in names:
        parts.append(task.priority or "no priority")
    parts += _place_said(task, names)
    if "description" in names:
        parts.append("notes" if task.description else "no notes")
    if "completed" in names:
        parts.append("done" if task.completed else "open")
    if not parts:
        return ""
    return f" ({', '.join(parts)})"


def _day_said(
    word: str, day: date | None, none: str, context: ViewContext
) -> str:
    """Say a day, as in `due Fri 27 Nov`."""
    if day is None:
        return none
    return f"{word} {show_day(day, context.today)}"


def _place_said(task: Task, names: Collection[str]) -> list[str]:
    """Say the project and the tags, as in `home.kitchen #errand`."""
    tags = " ".join(f"#{tag}" for tag in task.tags) or "no tags"
    if "tags" not in names:
        tags = ""
    if "project" not in names:
        return [tags] if tags else []
    if task.project is not None:
        return [f"{task.project} {tags}".rstrip()]
    return ["no project", tags] if tags else ["no project"]


_HABIT: Final = re.compile(
    r"(?<!\S)(?:(?P<tag>[+#][^\W\d_]\S*)|(?P<key>due|project|pri):\S+)",
    re.IGNORECASE,
)
"""What other programs would take out of a title."""
_FLAGS: Final = {"due": "--due", "project": "--project", "pri": "--priority"}


def habits(title: str) -> str:
    """Say which words of a title other programs read, and name our options.

    "" if there are none.
    """
    found: dict[str, None] = {}
    flags: dict[str, None] = {}
    for match in _HABIT.finditer(title):
        found[f"`{match[0]}`"] = None
        key = match["key"]
        flags[_FLAGS[key.lower()] if key else "--tag"] = None
    if not found:
        return ""
    verb = "is"
    if len(found) > 1:
        verb = "are"
    named = " and ".join(found)
    return f"{named} {verb} part of the title; see {' and '.join(flags)}"


def _title(task: Task) -> str:
    """Name a task in a message, as in `3: Buy milk`."""
    return f"{task.number}: {task.title}"


def _first_of(lines: Sequence[str]) -> list[str]:
    """Return the lines of the first tasks, and how many tasks follow.

    Each of the lines is about one task.
    """
    first = list(lines[:_SHOWN_UP_TO])
    more = len(lines) - _SHOWN_UP_TO
    if more > 0:
        first.append(f"and {words.amount(more, 'more task')}")
    return first


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
    """Write a JSON value as text: true or false in lower case, "" for null.

    An array is joined by commas, which no tag contains.
    """
    if value is None:
        return ""
    if isinstance(value, list):
        return ",".join(value)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
