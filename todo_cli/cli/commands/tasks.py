"""The commands for tasks: add, show, update, note and done."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal
from uuid import UUID, uuid4

import typer

from todo_cli import redact, rules
from todo_cli.cli import references, stdin
from todo_cli.cli.command import LOOK, Command, Kept
from todo_cli.cli.commands.fields import TaskFields
from todo_cli.cli.commands.options import (
    DryRun,
    FormFile,
    IfVersion,
    Quiet,
    Ref,
    Refs,
    check_version,
)
from todo_cli.cli.parser import ParseState, field_option, one_of
from todo_cli.errors import (
    NOTHING_ADDED,
    NOTHING_CHANGED,
    InvalidInput,
    Usage,
)
from todo_cli.output import views, words
from todo_cli.output.views import Sheet, ViewContext
from todo_cli.task import Added, NewTask, Replacement, Task, TaskChange
from todo_cli.task import Command as Operation

if TYPE_CHECKING:
    from todo_cli.cli.context import RunContext

NewStatus = Literal["open", "done"]


def _read_words(ctx: typer.Context, words: list[str]) -> list[str] | None:
    """Read the words of a text; a lone `-` before `--` means stdin: None."""
    state: ParseState = ctx.obj
    if words == ["-"] and not state.dash_is_text:
        return None
    return words


@dataclass(frozen=True, kw_only=True)
class Add(TaskFields, Command[Added | list[Added]]):
    """Add a task.

    \b
    Examples:
      todo add Buy milk
      todo add Pay rent --due fri -p high -P home -t bills
      todo add "Call Ada" -d "about the engine"
      printf 'one\\ntwo\\n' | todo add - --due tomorrow
    """

    unchanged: ClassVar[str] = NOTHING_ADDED

    title: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TITLE",
            callback=_read_words,
            help="The title; `-` reads titles from stdin, one per line. "
            "Without one, your editor opens at a terminal, as for `todo edit`.",
            default_factory=list,
            show_default=False,
        ),
    ]
    """The words of the title; None for `-`, a title on each line of stdin.

    Without any, somebody writes a text.
    """
    tags: Annotated[list[str] | None, field_option("tags")] = None
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
    form: FormFile = None
    quiet: Quiet = False
    kept: Kept = field(default_factory=Kept, init=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse options that contradict each other."""
        has_title = self.title is None or self.title
        if self.form is not None and (has_title or self.typed() or self.tags):
            raise Usage(
                "`--form` has the title and all fields",
                hint="todo add --help",
            )
        if self.title is None and self.description == "-":
            raise Usage(
                "Standard input can be the titles or the notes, not both",
                hint="todo add --help",
            )

    def opens_editor(self) -> bool:
        """Whether an editor opens."""
        return self.title == [] and self.form is None

    async def run(self, context: "RunContext") -> Added | list[Added]:
        """Store the task, or one for each line of stdin, all or none.

        Raises:
            Usage: there is no title, and nobody to write one.
        """
        if self.title == []:
            return await self._add_text(context)
        values = await self.given(context)
        values["tags"] = rules.clean_tags(self.tags)
        if self.title is None:
            news = await stdin.read_tasks(context, self.id, values)
            return await context.tasks.add_all(news)
        new = NewTask(title=" ".join(self.title), id=self.id, **values)
        return await context.tasks.add(new)

    async def _add_text(self, context: "RunContext") -> Added:
        """Add the task of a text: that of `--form`, or one from the editor.

        Raises:
            Usage: there is no file, and nobody to write one.
        """
        # Late: few tasks are added like this.
        from todo_cli.cli import editing
        from todo_cli.cli.commands import edit

        if self.form is not None:
            given = await editing.read_form(context, self.form)
            return await edit.add(context, self.id, given)
        if not context.env.can_ask:
            raise Usage("Missing argument 'TITLE'", hint="todo add --help")
        values = await self.given(context)
        values["tags"] = rules.clean_tags(self.tags)
        return await edit.add_form(context, self.id, values, self.kept)

    def view(self, result: Added | list[Added], context: ViewContext) -> Sheet:
        """Name what was added, and how its fields were understood."""
        if isinstance(result, list):
            return views.added_all(result, context)
        return views.added(result, context)

    def repeat(self) -> Sequence[str]:
        """Add with the same id: nothing is added if that is stored already."""
        path = self.kept.path or self.form
        if path is not None:
            return ["add", "--id", str(self.id), "--form", str(path)]
        typed = ["add", "--id", str(self.id), *self._options()]
        if self.title is None:
            return [*typed, "-"]
        return [*typed, "--", *self.title]

    def elsewhere(self) -> Sequence[str]:
        """Add the same task; what was on stdin is gone."""
        if not self.title or self.description == "-":
            return ()
        if any(word.startswith("-") for word in self.title):
            return ["add", *self._options(), "--", *self.title]
        return ["add", *self.title, *self._options()]

    def _options(self) -> list[str]:
        """Write the options that were given, without `--id`."""
        typed = self.words()
        for tag in self.tags or ():
            typed += ["--tag", tag]
        return typed


@dataclass(frozen=True, kw_only=True)
class Show(Command[Task]):
    """Show every field of a task.

    \b
    Examples:
      todo show 3
      todo show 3 --json | jq -r .data.description
    """

    ref: Ref
    quiet: Quiet = False

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


def _read_replacement(text: str) -> Replacement:
    """Split `OLD=NEW` at the first `=`.

    Raises:
        Usage: there is no `=`.
        InvalidInput: there is nothing before it.
    """
    old, sign, new = text.partition("=")
    if not sign:
        raise Usage(
            f"Invalid value for '--replace': '{redact.shown(text)}' is not OLD=NEW",
            hint="todo update --help",
        )
    if not old:
        raise InvalidInput.of("replace", "must name a text before the `=`")
    return Replacement(old, new)


@dataclass(frozen=True, kw_only=True)
class Update(TaskFields, Command[list[Task]]):
    """Change tasks, all or none of them; fields that you do not name stay.

    \b
    Examples:
      todo update 3 --title "Buy oat milk"
      todo update 3 5-7 --due fri -p high --add-tag errand
      todo update 3 --replace milk=bread
      todo update 3 -d "" --due none
    """

    unchanged: ClassVar[str] = NOTHING_CHANGED

    refs: Refs
    title: Annotated[
        str | None,
        typer.Option(
            "--title", metavar="TEXT", help="The new title, of one task."
        ),
    ] = None
    replace: Annotated[
        str | None,
        typer.Option(
            "-r",
            "--replace",
            metavar="OLD=NEW",
            help="Replace every OLD in the title by NEW.",
        ),
    ] = None
    add_tags: Annotated[
        list[str] | None,
        typer.Option(
            "--add-tag", metavar="NAME", help="Add a tag; repeat for more."
        ),
    ] = None
    remove_tags: Annotated[
        list[str] | None,
        typer.Option(
            "--remove-tag",
            metavar="NAME",
            help="Take a tag away; repeat for more.",
        ),
    ] = None
    status: Annotated[
        NewStatus | None,
        typer.Option(
            "--status", callback=one_of(NewStatus), help="The new status."
        ),
    ] = None
    if_version: IfVersion = None
    dry_run: DryRun = False
    quiet: Quiet = False

    def __post_init__(self) -> None:
        """Check the references, and that there is something to change."""
        named = references.parse_references(self.refs)
        check_version(self.if_version, named, "update")
        if self.replace is not None:
            _read_replacement(self.replace)
        if self.title is None:
            self._check_change()
            return
        if self.replace is not None:
            raise Usage(
                "`--title` and `--replace` cannot be used together",
                hint="todo update --help",
            )
        if references.most(named) > 1:
            raise Usage(
                "`--title` is for one task only",
                hint="use --replace for several; see `todo update --help`",
            )

    def _check_change(self) -> None:
        """Refuse a command that names no change."""
        others = (self.replace, self.add_tags, self.remove_tags, self.status)
        if not self.typed() and not any(others):
            raise Usage(
                "Nothing to change",
                hint="name a field, such as --title; see `todo update --help`",
            )

    async def run(self, context: "RunContext") -> list[Task]:
        """Change the fields that were given, and no others.

        Raises:
            InvalidInput: a value breaks a rule, or a title lacks the text to
                replace.
            NotFound: a number or UUID names no task, or a range is empty.
        """
        named = references.parse_references(self.refs)
        values = await self.given(context)
        if self.title is not None:
            values["title"] = self.title
        if self.status is not None:
            values["completed"] = self.status == "done"
        for name in ("add_tags", "remove_tags"):
            if tags := getattr(self, name):
                values[name] = tags
        change = TaskChange(**values)
        if self.replace is not None:
            replacement = _read_replacement(self.replace)
            return await context.tasks.replace(
                named, replacement, change, if_version=self.if_version
            )
        return await context.tasks.update(
            named, change, if_version=self.if_version
        )

    def view(self, result: list[Task], context: ViewContext) -> Sheet:
        """Name the tasks, and what was changed."""
        names = list(self.typed())
        if self.add_tags or self.remove_tags:
            names.append("tags")
        if self.status is not None:
            names.append("completed")
        is_single = references.is_single(self.refs)
        changed = views.Changed(
            words.UPDATED, is_single=is_single, names=names
        )
        sheet = changed(result, context)
        if self.title is None:
            return sheet
        return replace(sheet, hint=views.habits(self.title))

    def repeat(self) -> Sequence[str]:
        """Show what became of the task, or of all."""
        if references.is_single(self.refs):
            return ["show", *self.refs]
        return LOOK


@dataclass(frozen=True, kw_only=True)
class Note(Command[list[Task]]):
    """Add a line to the notes of a task.

    \b
    Examples:
      todo note 3 called, ring back on Monday
      date | todo note 3 -
    """

    unchanged: ClassVar[str] = NOTHING_CHANGED

    ref: Ref
    text: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TEXT",
            callback=_read_words,
            help="The line; `-` reads it from stdin.",
        ),
    ]
    """The words of the line; None for `-`, standard input."""
    if_version: IfVersion = None
    dry_run: DryRun = False
    quiet: Quiet = False

    def __post_init__(self) -> None:
        """Check the reference."""
        references.parse_reference(self.ref)

    async def run(self, context: "RunContext") -> list[Task]:
        """Add the line, after what others may add at the same time.

        Raises:
            InvalidInput: it is empty, or too long together with the notes.
            NotFound: the user has no such task.
        """
        reference = references.parse_reference(self.ref)
        if self.text is None:
            text = await stdin.read_description(context)
        else:
            text = " ".join(self.text)
        return await context.tasks.update(
            [reference],
            TaskChange(note=text),
            if_version=self.if_version,
            command=Operation.NOTE,
        )

    def view(self, result: list[Task], context: ViewContext) -> Sheet:
        """Name the task."""
        return views.Changed(words.NOTED, is_single=True)(result, context)

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
    if_version: IfVersion = None
    dry_run: DryRun = False
    quiet: Quiet = False

    def __post_init__(self) -> None:
        """Check the references."""
        named = references.parse_references(self.refs)
        check_version(self.if_version, named, "done")

    async def run(self, context: "RunContext") -> list[Task]:
        """Complete or reopen the tasks, all or none.

        Raises:
            NotFound: a number or UUID names no task, or a range is empty.
        """
        named = references.parse_references(self.refs)
        return await context.tasks.complete(
            named, undo=self.undo, if_version=self.if_version
        )

    def view(self, result: list[Task], context: ViewContext) -> Sheet:
        """Name the tasks."""
        verb = words.DONE
        if self.undo:
            verb = words.REOPENED
        is_single = references.is_single(self.refs)
        return views.Changed(verb, is_single=is_single)(result, context)

    def repeat(self) -> Sequence[str]:
        """Run the command again, which is idempotent."""
        typed = ["done", *self.refs]
        if self.undo:
            typed.append("--undo")
        return typed
