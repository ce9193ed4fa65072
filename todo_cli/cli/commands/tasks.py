"""The commands for tasks: add, list, show, update, done and delete."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal
from uuid import UUID, uuid4

import typer

from todo_cli import redact, rules
from todo_cli.cli import references, stdin
from todo_cli.cli.command import Command
from todo_cli.cli.parser import ParseState, field_option, one_of
from todo_cli.errors import (
    NOTHING_ADDED,
    NOTHING_CHANGED,
    InvalidInput,
    Usage,
)
from todo_cli.output import views
from todo_cli.output.views import Sheet, ViewContext
from todo_cli.task import (
    Added,
    NewTask,
    Task,
    TaskChange,
    TaskPage,
    TaskQuery,
    TaskStatus,
    about,
)

if TYPE_CHECKING:
    from todo_cli.cli.context import RunContext

_ASK_FROM: Final = 3
"""The smallest number of tasks for which `delete` asks first."""

Ref = Annotated[
    str, typer.Argument(metavar="REF", help="A task: its number or its UUID.")
]
Refs = Annotated[
    list[str],
    typer.Argument(
        metavar="REF",
        help="Tasks: numbers, ranges (5-7), lists (3,5-7), UUIDs.",
    ),
]
ListStatus = Literal["open", "done", "all"]
NewStatus = Literal["open", "done"]


def _read_title(ctx: typer.Context, words: list[str]) -> list[str] | None:
    """Read the words of a title; a lone `-` before `--` means stdin: None."""
    state: ParseState = ctx.obj
    if words == ["-"] and not state.dash_is_text:
        return None
    return words


def _read_limit(text: str) -> int:
    """Read a limit.

    Raises:
        Usage: it is not an integer.
        InvalidInput: it is not from 1 to 999999999.
    """
    # int() alone would also read `1_0` and ` 7 `.
    if re.fullmatch(r"[+-]?[0-9]+", text, re.ASCII) is None:
        raise Usage(
            f"Invalid value for '--limit': '{redact.shown(text)}' is not an integer",
            hint="todo list --help",
        )
    if re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) is None or int(text) < 1:
        raise InvalidInput.of("limit", "must be a number from 1 to 999999999")
    return int(text)


@dataclass(frozen=True, kw_only=True)
class TaskFields:
    """The options of both `add` and `update` that set a field of a task.

    Their flags and help texts are in `task.py`.
    """

    description: Annotated[str | None, field_option("description")] = None

    def typed(self) -> dict[str, str]:
        """Return the options that were given, as typed, by field name."""
        typed = {}
        for each in fields(TaskFields):
            value = getattr(self, each.name)
            if value is not None:
                typed[each.name] = value
        return typed

    def words(self) -> list[str]:
        """Write the options that were given as arguments."""
        notes = about(NewTask)
        words: list[str] = []
        for name, value in self.typed().items():
            flag = notes[name].flags[0]
            words += [flag, value]
        return words

    async def given(self, context: "RunContext") -> dict[str, Any]:
        """Return the fields that were given, with the values to store.

        An empty option clears its field. A description of `-` is read from
        standard input.

        Raises:
            TodoError: standard input cannot be read, or is no description.
        """
        values: dict[str, Any] = self.typed()
        if values.get("description") == "-":
            values["description"] = await stdin.read_description(context)
        return {name: value or None for name, value in values.items()}


@dataclass(frozen=True, kw_only=True)
class Add(TaskFields, Command[Added | list[Added]]):
    """Add a task.

    \b
    Examples:
      todo add Buy milk
      todo add "Call Ada" -d "about the engine"
      printf 'one\\ntwo\\n' | todo add -
    """

    unchanged: ClassVar[str] = NOTHING_ADDED

    title: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TITLE",
            callback=_read_title,
            help="The title; `-` reads titles from stdin, one per line.",
        ),
    ]
    """The words of the title; None for `-`, a title on each line of stdin."""
    id: Annotated[
        UUID,
        typer.Option(
            "--id",
            metavar="UUID",
            callback=rules.clean_id,
            help="Use this id; repeating the command then adds nothing.",
            show_default=False,
        ),
    ] = field(default_factory=uuid4)

    def __post_init__(self) -> None:
        """Refuse options that no line of standard input can have."""
        if self.title is None and self.typed():
            name = next(iter(self.typed()))
            raise Usage(f"`add -` takes no {name}", hint="todo add --help")

    async def run(self, context: "RunContext") -> Added | list[Added]:
        """Store the task, or one for each line of stdin, all or none."""
        if self.title is None:
            return await self._add_lines(context)
        values = await self.given(context)
        new = NewTask(title=" ".join(self.title), id=self.id, **values)
        return await context.tasks.add(new)

    async def _add_lines(self, context: "RunContext") -> list[Added]:
        news = await stdin.read_tasks(context, self.id)
        return await context.tasks.add_all(news)

    def view(self, result: Added | list[Added], context: ViewContext) -> Sheet:
        """Name what was added."""
        if isinstance(result, list):
            return views.added_all(result, context)
        return views.added(result, context)

    def repeat(self) -> Sequence[str]:
        """Add with the same id: nothing is added if that is stored already."""
        words = ["add", "--id", str(self.id)]
        if self.title is None:
            return [*words, "-"]
        return [*words, *self.words(), "--", *self.title]


@dataclass(frozen=True, kw_only=True)
class List(Command[TaskPage]):
    """List tasks, newest first.

    \b
    Examples:
      todo list
      todo list --status all --limit 20
    """

    status: Annotated[
        ListStatus,
        typer.Option(
            "--status",
            callback=one_of(ListStatus),
            help="Which tasks to list.",
        ),
    ] = "open"
    limit: Annotated[
        int | None,
        typer.Option(
            "-L",
            "--limit",
            metavar="N",
            callback=_read_limit,
            help="Show at most N (default: all).",
            show_default=False,
        ),
    ] = None

    async def run(self, context: "RunContext") -> TaskPage:
        """Find the tasks, newest first."""
        query = TaskQuery(status=TaskStatus(self.status), limit=self.limit)
        return await context.tasks.list(query)

    def view(self, result: TaskPage, context: ViewContext) -> Sheet:
        """Show them as a table."""
        return views.listed(result, context)


@dataclass(frozen=True, kw_only=True)
class Show(Command[Task]):
    """Show every field of a task."""

    ref: Ref

    def __post_init__(self) -> None:
        """Check the reference."""
        references.parse_reference(self.ref)

    async def run(self, context: "RunContext") -> Task:
        """Find the task.

        Raises:
            NotFound: the user has no such task.
        """
        reference = references.parse_reference(self.ref)
        return await context.tasks.get(reference)

    def view(self, result: Task, context: ViewContext) -> Sheet:
        """Show each field on a line."""
        return views.shown(result, context)


@dataclass(frozen=True, kw_only=True)
class Update(TaskFields, Command[list[Task]]):
    """Change a task; fields that you do not name keep their values.

    \b
    Examples:
      todo update 3 --title "Buy oat milk"
      todo update 3 -d ""
    """

    unchanged: ClassVar[str] = NOTHING_CHANGED

    ref: Ref
    title: Annotated[
        str | None,
        typer.Option("--title", metavar="TEXT", help="The new title."),
    ] = None
    status: Annotated[
        NewStatus | None,
        typer.Option(
            "--status", callback=one_of(NewStatus), help="The new status."
        ),
    ] = None

    def __post_init__(self) -> None:
        """Check the reference, and that there is something to change."""
        references.parse_reference(self.ref)
        if self.title is None and self.status is None and not self.typed():
            raise Usage(
                "Nothing to change",
                hint="name a field, such as --title; see `todo update --help`",
            )

    async def run(self, context: "RunContext") -> list[Task]:
        """Change the fields that were given, and no others.

        Raises:
            InvalidInput: a value breaks a rule.
            NotFound: the user has no such task.
        """
        reference = references.parse_reference(self.ref)
        values = await self.given(context)
        if self.title is not None:
            values["title"] = self.title
        if self.status is not None:
            values["completed"] = self.status == "done"
        change = TaskChange(**values)
        return await context.tasks.update([reference], change)

    def view(self, result: list[Task], context: ViewContext) -> Sheet:
        """Name the task."""
        return views.Changed("Updated", is_single=True)(result, context)

    def repeat(self) -> Sequence[str]:
        """Show what became of the task."""
        return ["show", self.ref]


@dataclass(frozen=True, kw_only=True)
class Done(Command[list[Task]]):
    """Mark tasks as done, all or none of them.

    \b
    Examples:
      todo done 3
      todo done 3 5-7
      todo done 3 --undo
    """

    unchanged: ClassVar[str] = NOTHING_CHANGED

    refs: Refs
    undo: Annotated[
        bool, typer.Option("--undo", help="Reopen the tasks instead.")
    ] = False

    def __post_init__(self) -> None:
        """Check the references."""
        references.parse_references(self.refs)

    async def run(self, context: "RunContext") -> list[Task]:
        """Complete or reopen the tasks, all or none.

        Raises:
            NotFound: a number or UUID names no task, or a range is empty.
        """
        named = references.parse_references(self.refs)
        return await context.tasks.complete(named, undo=self.undo)

    def view(self, result: list[Task], context: ViewContext) -> Sheet:
        """Name the tasks."""
        verb = "Done"
        if self.undo:
            verb = "Reopened"
        is_single = references.is_single(self.refs)
        return views.Changed(verb, is_single=is_single)(result, context)

    def repeat(self) -> Sequence[str]:
        """Run the command again, which is idempotent."""
        words = ["done", *self.refs]
        if self.undo:
            words.append("--undo")
        return words


@dataclass(frozen=True, kw_only=True)
class Delete(Command[list[Task]]):
    """Delete tasks, all or none of them; asks before deleting three or more.

    \b
    Examples:
      todo delete 3
      todo delete 1-20 --yes
    """

    unchanged: ClassVar[str] = NOTHING_CHANGED

    refs: Refs
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = (
        False
    )

    def __post_init__(self) -> None:
        """Check the references."""
        references.parse_references(self.refs)

    async def run(self, context: "RunContext") -> list[Task]:
        """Delete the tasks, all or none; ask first if there are many.

        Raises:
            NotFound: a number or UUID names no task, or a range is empty.
            Cancelled: the answer to the question is not yes.
            ConfirmationRequired: there is no terminal to ask on.
        """
        named = references.parse_references(self.refs)
        if self.yes or references.most(named) < _ASK_FROM:
            return await context.tasks.delete(named)
        found = await context.tasks.find(named, to_change=True)
        if len(found) >= _ASK_FROM:
            question = views.deletion_question(found)
            await context.confirm(question)
        # By id: exactly the tasks that the question showed.
        ids = [task.id for task in found]
        return await context.tasks.delete(ids)

    def view(self, result: list[Task], context: ViewContext) -> Sheet:
        """Name the tasks."""
        is_single = references.is_single(self.refs)
        return views.Changed("Deleted", is_single=is_single)(result, context)
