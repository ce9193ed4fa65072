"""The command edit, and the form of `add`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from todo_cli import form
from todo_cli.cli import editing, editor, references
from todo_cli.cli.command import Command, Kept
from todo_cli.cli.commands.options import FormFile, Quiet, Ref
from todo_cli.cli.editing import Editing
from todo_cli.errors import NOTHING_ADDED, NOTHING_CHANGED, Cancelled
from todo_cli.output import views
from todo_cli.output.views import Sheet, ViewContext
from todo_cli.task import Command as Operation
from todo_cli.task import NewTask, Task, TaskChange

if TYPE_CHECKING:
    from uuid import UUID

    from todo_cli.cli.context import RunContext
    from todo_cli.form import Form
    from todo_cli.task import Added


class Edited(NamedTuple):
    """A task after it was edited."""

    task: Task
    names: list[str]
    """The fields that were changed."""
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class Edit(Command[Edited]):
    """Edit a task in $VISUAL, else $EDITOR, else vi.

    The first line is the title. Lines such as `due: fri` follow, then an empty
    line, then the notes.

    \b
    Examples:
      todo edit 3
      EDITOR="code --wait" todo edit 3
    """

    needs_own_process: ClassVar[bool] = True
    unchanged: ClassVar[str] = NOTHING_CHANGED

    ref: Ref
    form: FormFile = None
    quiet: Quiet = False
    kept: Kept = field(default_factory=Kept, init=False, compare=False)

    def __post_init__(self) -> None:
        """Check the reference."""
        references.parse_reference(self.ref)

    def opens_editor(self) -> bool:
        """Whether no file is named."""
        return self.form is None

    async def run(self, context: "RunContext") -> Edited:
        """Have the task edited, and store what differs, in one change.

        Nothing is stored if the task has changed meanwhile. No connection is
        open while somebody edits.

        Raises:
            NotFound: the user has no such task, or not any more.
            VersionConflict: the task has changed meanwhile.
            InvalidInput: the form has a mistake; the error names the line.
            Cancelled: the form was emptied, or the editor failed.
            Usage: nobody is there to edit.
        """
        reference = references.parse_reference(self.ref)
        if self.form is not None:
            given = await editing.read_form(context, self.form)
            task = await _find(context, reference)
            return await _store(context, task, given)
        chosen = editor.find(context.env)
        task = await _find(context, reference)
        # People think for minutes, and Neon should sleep meanwhile.
        await context.database.close()
        filling = Editing(
            context,
            name=f"task-{task.number}.txt",
            text=form.write(_values(task)),
            kept=self.kept,
            repeat=["edit", self.ref],
            unchanged=NOTHING_CHANGED,
        )
        edited = await filling.store(chosen, partial(_store, context, task))
        if edited.names:
            return edited
        return edited._replace(hint=editor.hint_to_wait(chosen))

    def view(self, result: Edited, context: ViewContext) -> Sheet:
        """Name the task and what was changed, or say that nothing was."""
        return views.edited(result.task, result.names, context, result.hint)

    def repeat(self) -> Sequence[str]:
        """Store the same text again, or show what became of the task."""
        path = self.kept.path or self.form
        if path is None:
            return ["show", self.ref]
        return ["edit", self.ref, "--form", str(path)]


async def _find(context: "RunContext", reference: "int | UUID") -> Task:
    """Read the task that is to be edited."""
    [task] = await context.tasks.find(
        [reference], to_change=True, is_live=True
    )
    return task


async def _store(context: "RunContext", task: Task, given: "Form") -> Edited:
    """Store the fields of a form that differ from the task."""
    if given.is_empty:
        raise Cancelled(f"The text is empty{NOTHING_CHANGED}")
    before = form.parse(form.write(_values(task)))
    values = given.values(given.differing(before), context.today)
    changes = {}
    for name, value in values.items():
        # `fri` can be the day that it is due.
        if value != getattr(task, name):
            changes[name] = value
    if not changes:
        return Edited(task, [])
    # By number, as people know it: an error names it.
    [changed] = await context.tasks.update(
        [task.number],
        TaskChange(**changes),
        if_version=task.version,
        command=Operation.EDIT,
    )
    return Edited(changed, list(changes))


def _values(task: Task) -> dict[str, Any]:
    """Return the values of a task that a form has."""
    return {name: getattr(task, name) for name in form.FIELDS}


async def add_form(
    context: "RunContext",
    id: "UUID",
    values: Mapping[str, Any],
    kept: Kept,
) -> "Added":
    """Have the form of a new task filled in, and add it under this id.

    Raises:
        InvalidInput: the form has a mistake; the error names the line.
        Cancelled: nothing was filled in, or the editor failed.
    """
    filling = Editing(
        context,
        name="new-task.txt",
        text=form.write(values),
        kept=kept,
        repeat=["add", "--id", str(id)],
        unchanged=NOTHING_ADDED,
    )
    before = form.parse(filling.text)
    chosen = editor.find(context.env)

    async def store(given: "Form") -> "Added":
        if not given.differing(before):
            raise Cancelled(
                f"The text was not changed{NOTHING_ADDED}",
                hint=editor.hint_to_wait(chosen),
            )
        return await add(context, id, given)

    return await filling.store(chosen, store)


async def add(context: "RunContext", id: "UUID", given: "Form") -> "Added":
    """Add the task of a form.

    Raises:
        InvalidInput: the form has a mistake; the error names the line.
        Cancelled: it is empty.
    """
    if given.is_empty:
        raise Cancelled(f"The text is empty{NOTHING_ADDED}")
    values = given.values(form.FIELDS, context.today)
    return await context.tasks.add(NewTask(id=id, **values))
