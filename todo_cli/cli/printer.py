"""Draws results and errors, as text or one JSON document; writes them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Final

from todo_cli import __version__, config, redact
from todo_cli.cli.env import Env, unwritable, write_all
from todo_cli.errors import (
    BadRecords,
    Cancelled,
    Code,
    Declined,
    Detail,
    Internal,
    TodoError,
)
from todo_cli.output import envelope, plain
from todo_cli.output.text import visible
from todo_cli.output.views import Sheet

if TYPE_CHECKING:
    from todo_cli.cli.paging import Text

_SIGINT: Final = 2
_SIGPIPE: Final = 13


@dataclass(frozen=True, slots=True)
class Printed:
    """All bytes that a call prints, and its exit status."""

    status: int
    out: bytes = b""
    err: bytes = b""
    last: bytes = b""
    """What goes to stderr after everything else."""
    stored: str | None = None
    """What was stored, in words; for stderr if stdout cannot be written."""
    text: "Text | None" = None
    """What goes through the pager, in the place of `out`."""


class Printer:
    """Draws results and errors for the streams of one call.

    The config file can name a pager.
    """

    def __init__(
        self, env: Env, file: config.Config | None = None, *, as_json: bool
    ) -> None:
        self.env = env
        self.as_json = as_json
        self._file = file

    def result(self, sheet: Sheet, *, changes: bool = False) -> Printed:
        """Draw what a command found or did, with the sheet's fault if any.

        With `changes`, the sheet is about what was stored.
        """
        if sheet.fault is not None:
            return self._faulty(sheet, sheet.fault)
        stored = None
        if changes:
            stored = sheet.message
            if sheet.if_lost:
                stored += f"; {sheet.if_lost}"
        last = []
        if sheet.aside and not self.as_json:
            last.append(sheet.aside)
        if sheet.hint and self._is_person_there():
            last.append(f"hint: {sheet.hint}")
        drawn = self._draw(sheet)
        return replace(drawn, last=self._lines(last), stored=stored)

    def _is_person_there(self) -> bool:
        """Whether a person, and no program, reads both streams."""
        env = self.env
        are_terminals = env.stdout_is_terminal and env.stderr_is_terminal
        return are_terminals and not self.as_json

    def help(self, text: str) -> Printed:
        """Draw a help text."""
        lines = text.removesuffix("\n").split("\n")
        return self._read(iter(lines))

    def version(self) -> Printed:
        """Draw the version, without Rich even on a terminal."""
        line = f"todo {__version__}"
        if self.as_json:
            document = envelope.success({"version": __version__}, line)
            return Printed(0, document.encode())
        return Printed(0, f"{line}\n".encode())

    def failure(self, error: TodoError, status: int | None = None) -> Printed:
        """Draw an error; `status` replaces the exit status of its code.

        As text these are one line or two:
            error: No task 99 for ada; nothing was changed
            hint: todo list --status all
        """
        more = _more_lines(error)
        error = _without_secrets(error)
        if status is None:
            status = error.code.exit or 1
        if self.as_json:
            return Printed(status, envelope.failure(error).encode())
        lines = [error.message, *more]
        # A person who has said no has made no error.
        if not isinstance(error, Declined):
            lines[0] = f"error: {error.message}"
        if error.hint:
            lines.append(f"hint: {error.hint}")
        return Printed(status, err=self._lines(lines))

    def bug(
        self,
        error: Exception,
        *,
        debug: bool,
        urls: Sequence[str],
        passwords: Sequence[str],
    ) -> Printed:
        """Draw an error that this program did not expect.

        With `debug` the traceback follows, without the URLs and passwords
        that are passed here.
        """
        shown = error if isinstance(error, Internal) else _bug(error)
        printed = self.failure(shown)
        if not debug:
            return printed
        import traceback

        text = "".join(traceback.format_exception(error))
        text = redact.without_secrets(text, urls=urls, passwords=passwords)
        more = self._lines(text.splitlines())
        return Printed(printed.status, printed.out, printed.err + more)

    def interrupted(self, number: int) -> Printed:
        """Draw the end by a signal: a document with `--json`, else nothing."""
        status = 128 + number
        failed = self.failure(Cancelled("Interrupted"), status)
        # No text: a process that a signal ends prints nothing.
        return Printed(status, failed.out)

    def write(self, printed: Printed) -> int:
        """Write everything and return the exit status.

        The status is not 0 unless all of the output was written.
        """
        self.env.say(printed.err)
        try:
            if printed.text is not None:
                return self._show(printed, printed.text)
            write_all(self.env.stdout, printed.out)
        except BrokenPipeError:
            # The reader has left, as `head` does: other programs die of
            # SIGPIPE then, without a message.
            return 128 + _SIGPIPE
        except OSError as error:
            return self._not_written(error, printed.stored)
        finally:
            self.env.say(printed.last)
        return printed.status

    def _show(self, printed: Printed, text: "Text") -> int:
        """Show a text in the pager, and return the exit status.

        If that shows nothing, the text is written as without one.

        Raises:
            OSError: it cannot be written.
            Exception: the rest of it cannot be drawn.
        """
        from todo_cli.cli import paging

        env = self.env
        outcome = paging.show(text, env)
        if outcome is paging.Outcome.LEFT:
            return 128 + _SIGINT
        if outcome is paging.Outcome.LOST:
            failed = self.failure(paging.lost(text.pager))
            # It has left the cursor behind its prompt.
            env.say(b"\n" + failed.err)
            return failed.status
        if outcome is not paging.Outcome.SHOWN:
            for part in text:
                write_all(env.stdout, part)
        if outcome is paging.Outcome.UNREAD:
            env.say(self._lines(paging.advice(text.pager)))
        return printed.status

    def _not_written(self, error: OSError, stored: str | None) -> int:
        """Report on stderr that stdout failed, and what was stored."""
        hint = None
        if stored is not None:
            hint = f"the change was saved: {stored}"
        fault = unwritable(error, hint)
        # As text even with --json: stdout, where the document goes, is broken.
        failed = Printer(self.env, as_json=False).failure(fault)
        self.env.say(failed.err)
        return failed.status

    def _faulty(self, sheet: Sheet, fault: TodoError) -> Printed:
        """Draw findings and their fault.

        JSON is one document, with the findings as details of the error. As
        text, the findings go to stdout and the error to stderr.
        """
        details: list[Detail] = []
        for name, value in sheet.fields:
            details.append({"field": name, "message": value})
        # A document of a failure has no `data`, so they are details, too.
        for warning in sheet.warnings:
            details.append({"field": "warnings", "message": warning})
        error = type(fault)(fault.message, hint=fault.hint, details=details)
        failed = self.failure(error)
        if self.as_json:
            return failed
        drawn = self._draw(sheet)
        # Last, so that a long sheet does not move the hint off the screen.
        return replace(drawn, status=failed.status, last=failed.err)

    def _draw(self, sheet: Sheet) -> Printed:
        """Draw a sheet: JSON, a table for a terminal, or lines for a pipe."""
        env = self.env
        if self.as_json:
            document = envelope.success(
                sheet.data, sheet.message, is_trial=sheet.is_trial
            )
            return Printed(0, document.encode())
        if not env.draws_table:
            return Printed(0, self._encode(plain.render(sheet)))
        from todo_cli.output import terminal

        lines = terminal.draw(
            sheet,
            width=env.width,
            encoding=env.encoding,
            variables=env.variables,
            is_plain=env.is_plain,
            is_styled=env.is_styled,
        )
        if not sheet.is_for_reading:
            return self._whole(lines)
        tasks = [] if sheet.table is None else sheet.table.tasks
        return self._read(lines, at_least=len(tasks))

    def _whole(self, lines: Iterable[str]) -> Printed:
        """Draw lines that are written at once."""
        text = "".join([f"{line}\n" for line in lines])
        return Printed(0, self._encode(text))

    def _read(self, lines: Iterator[str], at_least: int = 0) -> Printed:
        """Draw lines that people read: in a pager, if they fill the screen.

        If there are `at_least` so many that they do, nothing is drawn before
        the pager starts, which takes its time.
        """
        env = self.env
        if env.rows == 0:
            return self._whole(lines)
        # A command in a pipe, and one that stores, needs none of this.
        from todo_cli.cli import paging

        pager = paging.choose(env.variables, self._file)
        if pager is None or paging.is_in_background(1):
            return self._whole(lines)
        if at_least < env.rows:
            head, is_full = paging.screenful(lines, env.rows, env.columns)
            if not is_full:
                return self._whole(head)
            lines = chain(head, lines)
        parts = paging.parts(lines, env.rows)
        return Printed(0, text=paging.Text(pager, map(self._encode, parts)))

    def _lines(self, lines: Sequence[str]) -> bytes:
        """Encode lines; escape what could control a terminal."""
        safe = [f"{visible(line)}\n" for line in lines]
        return self._encode("".join(safe))

    def _encode(self, text: str) -> bytes:
        """Encode text; characters that the encoding lacks are escaped."""
        return text.encode(self.env.encoding, "backslashreplace")


def _more_lines(error: TodoError) -> list[str]:
    """Return what the text of an error has below its message."""
    if not isinstance(error, BadRecords):
        return []
    return [redact.without_logins(line) for line in error.lines()]


def _without_secrets(error: TodoError) -> TodoError:
    """Hide whatever looks like a login, in any message."""
    message = redact.without_logins(error.message)
    hint = error.hint
    # The hint of an unknown outcome is a command to run again: the words of
    # its task must stay as they were typed.
    if hint is not None and error.code is not Code.OUTCOME_UNKNOWN:
        hint = redact.without_logins(hint)
    details: list[Detail] = []
    for detail in error.details:
        hidden = redact.without_logins(detail["message"])
        details.append({"field": detail["field"], "message": hidden})
    return type(error)(message, hint=hint, details=details)


def _bug(error: Exception) -> Internal:
    """Make the error for a bug, without its text: that could be a secret."""
    return Internal(
        f"A bug in todo: {type(error).__name__}",
        hint="run it again with --debug, and report what it prints",
    )
