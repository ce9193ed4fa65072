"""Has a form filled in by somebody at an editor, until it can be stored."""

import asyncio
import shlex
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, TypeVar

from todo_cli import disk, form, redact
from todo_cli.cli import editor
from todo_cli.cli.command import Kept
from todo_cli.cli.loop import in_thread
from todo_cli.errors import (
    Cancelled,
    Conflict,
    InvalidInput,
    NotFound,
    TodoError,
)

if TYPE_CHECKING:
    from todo_cli.cli.context import RunContext
    from todo_cli.cli.editor import Desk, Editor

T = TypeVar("T")
Store = Callable[[form.Form], Awaitable[T]]
"""Stores what a form says."""

_AGAIN: Final = "Edit again? [Y/n] "


@dataclass(frozen=True, slots=True)
class Editing:
    """A form that somebody is to fill in."""

    context: "RunContext"
    name: str
    """The name of the file, which most editors show."""
    text: bytes
    """The form as it begins."""
    kept: Kept
    repeat: Sequence[str]
    """The command that takes a kept text; `--form FILE` follows."""
    unchanged: str
    """How the message of a refusal ends."""

    async def store(self, editor: "Editor", store: Store[T]) -> T:
        """Open the editor, and store what comes; again after a mistake.

        A text that is not stored is kept in a file, which the error names.

        Raises:
            Cancelled: the editor failed, or somebody gave up, or a signal
                came while nothing was being stored.
            TodoError: it cannot be stored.
        """
        with self._desk() as desk:
            try:
                return await self._until_stored(desk, editor, store)
            except BaseException as error:
                if not desk.has_text():
                    raise
                path = self.kept.path = desk.keep()
                self._explain(error, path)
                raise

    def _desk(self) -> "Desk":
        return editor.Desk(self.context.env, self.name, self.text)

    async def _until_stored(
        self, desk: "Desk", editor: "Editor", store: Store[T]
    ) -> T:
        """Edit and store, again and again, until it is done or given up."""
        while True:
            self.context.free_line()
            status = await desk.edit(editor)
            if status != 0:
                raise Cancelled(f"{_ended(status)}{self.unchanged}")
            try:
                return await store(form.parse(desk.read()))
            except InvalidInput as mistake:
                if not self.context.can_ask:
                    raise
                if not await self._asks_again(mistake):
                    message = f"Not stored{self.unchanged}"
                    raise Cancelled(message) from mistake

    async def _asks_again(self, mistake: InvalidInput) -> bool:
        """Show a mistake, and ask whether to edit again."""
        try:
            return await self.context.asks_again(_question(mistake))
        except asyncio.CancelledError:
            # Else the error would be on the line of the question.
            self.context.env.say_text("\n")
            raise

    def _explain(self, error: BaseException, path: Path) -> None:
        """Have an error say where the text is, and how to go on with it.

        Raises:
            Cancelled: in the place of a signal, if nothing was being stored.
        """
        take = self.context.command(*self.repeat, "--form", str(path))
        how = _advice(error, path, take)
        if isinstance(error, TodoError):
            error.hint = f"{error.hint}; {how}" if error.hint else how
        elif isinstance(error, asyncio.CancelledError):
            self._end_by_signal(how)
        elif not self.context.as_json:
            # A bug has a message of its own.
            self.context.env.say_text(f"{how}\n")

    def _end_by_signal(self, hint: str) -> None:
        """Say where the text is, unless the outcome of a write is unknown.

        Raises:
            Cancelled: nothing was being stored.
        """
        if not self.context.database.may_have_written:
            raise Cancelled(f"Interrupted{self.unchanged}", hint=hint)


def _advice(error: BaseException, path: Path, take: str) -> str:
    """Say where a text is kept, and how to go on with it after an error."""
    shown = shlex.quote(str(path))
    if path.is_dir():
        return f"what the editor left is in {shown}"
    where = f"your text is in {shown}"
    if isinstance(error, Conflict | NotFound):
        # It has the values of an older state, which must not win.
        return where
    if isinstance(error, InvalidInput | Cancelled):
        return f"{where}; correct it there, then `{take}`"
    return f"{where}; `{take}` takes it"


def _question(mistake: InvalidInput) -> list[str]:
    """Write what is wrong, and the question after it."""
    message = redact.without_logins(mistake.message)
    lines = [f"error: {message}"]
    if mistake.hint:
        lines.append(f"hint: {redact.without_logins(mistake.hint)}")
    return [*lines, _AGAIN]


def _ended(status: int) -> str:
    """Say how an editor ended that did not succeed."""
    if status < 0:
        return f"Signal {-status} ended the editor"
    return f"The editor failed with status {status}"


async def read_form(context: "RunContext", name: str) -> form.Form:
    """Read a form from a file, or from stdin for `-`, without an editor.

    Raises:
        IoFailed: it cannot be read.
        InvalidInput: it is no form; the error names the line.
    """
    if name == "-":
        return form.parse(await context.read_stdin(_form, "Type the text"))
    path = disk.below(context.env.cwd, name)
    data = await in_thread(partial(editor.read_text, path))
    return form.parse(data)


def _form(stream: BinaryIO) -> bytes:
    """Read a form, and one byte more of one that is too long."""
    return stream.read(form.MOST_BYTES + 1)
