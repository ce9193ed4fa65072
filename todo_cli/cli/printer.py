"""What a call prints: results and errors as bytes, in words or as one JSON
document.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from todo_cli import __version__, redact
from todo_cli.cli.env import Env, write_all
from todo_cli.errors import (
    Cancelled,
    Code,
    Detail,
    Internal,
    IoFailed,
    TodoError,
)
from todo_cli.output import envelope, plain
from todo_cli.output.text import visible
from todo_cli.output.views import Sheet

_SIGPIPE: Final = 13


@dataclass(frozen=True, slots=True)
class Printed:
    """The bytes of a whole call, and its exit status."""

    status: int
    out: bytes = b""
    err: bytes = b""
    stored: str | None = None
    """What was written to the store, in words: a full disk must not hide
    it.
    """


class Printer:
    """Draws results and errors for the streams of one call, and writes
    them.
    """

    def __init__(self, env: Env, *, as_json: bool) -> None:
        self.env = env
        self.as_json = as_json

    def result(self, sheet: Sheet) -> Printed:
        """Draw what a command found or did; a fault on the sheet is printed
        with it.
        """
        if sheet.fault is not None:
            return self._faulty(sheet, sheet.fault)
        stored = sheet.message if sheet.lines else None
        return Printed(0, self._draw(sheet), stored=stored)

    def help(self, text: str) -> Printed:
        """Draw the help."""
        return Printed(0, self._encode(text))

    def version(self) -> Printed:
        """Draw the version, without Rich even on a terminal."""
        line = f"todo {__version__}"
        if self.as_json:
            return Printed(
                0, envelope.success({"version": __version__}, line).encode()
            )
        return Printed(0, f"{line}\n".encode())

    def failure(self, error: TodoError, status: int | None = None) -> Printed:
        """Draw an error, with its own exit status or another one."""
        error = _without_secrets(error)
        if status is None:
            status = error.code.exit or 1
        if self.as_json:
            return Printed(status, envelope.failure(error).encode())
        lines = [f"error: {error.message}"]
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
        """Draw an error that this program did not expect; its traceback only
        for `--debug`, and without the secrets that are named.
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
        """Draw the end by a signal: nothing but the document that `--json`
        asks for.
        """
        status = 128 + number
        return Printed(
            status, self.failure(Cancelled("Interrupted"), status).out
        )

    def write(self, printed: Printed) -> int:
        """Write everything and return the exit status; it is not 0 unless all
        of the output was written.
        """
        self.env.say(printed.err)
        try:
            write_all(self.env.stdout, printed.out)
        except BrokenPipeError:
            return 128 + _SIGPIPE
        except OSError as error:
            return self._not_written(error, printed.stored)
        return printed.status

    def _not_written(self, error: OSError, stored: str | None) -> int:
        reason = (error.strerror or type(error).__name__).lower()
        hint = None
        if stored is not None:
            hint = f"the change was saved: {stored}"
        fault = IoFailed(
            f"Standard output cannot be written: {reason}", hint=hint
        )
        failed = Printer(self.env, as_json=False).failure(fault)
        self.env.say(failed.err)
        return failed.status

    def _faulty(self, sheet: Sheet, fault: TodoError) -> Printed:
        """Draw findings and their fault: in one document, or on both
        streams.
        """
        details: list[Detail] = [
            {"field": name, "message": value} for name, value in sheet.fields
        ]
        error = type(fault)(fault.message, hint=fault.hint, details=details)
        failed = self.failure(error)
        if self.as_json:
            return failed
        return Printed(failed.status, self._draw(sheet), failed.err)

    def _draw(self, sheet: Sheet) -> bytes:
        """Draw a sheet: JSON, a table for a terminal, or lines for a pipe."""
        env = self.env
        if self.as_json:
            return envelope.success(sheet.data, sheet.message).encode()
        if not env.stdout_is_terminal:
            return self._encode(plain.render(sheet))
        from todo_cli.output import terminal

        text = terminal.render(
            sheet,
            width=env.columns,
            encoding=env.encoding,
            variables=env.variables,
        )
        return self._encode(text)

    def _lines(self, lines: Sequence[str]) -> bytes:
        return self._encode("".join(f"{visible(line)}\n" for line in lines))

    def _encode(self, text: str) -> bytes:
        return text.encode(self.env.encoding, "backslashreplace")


def _without_secrets(error: TodoError) -> TodoError:
    """Hide what looks like a login, wherever it came from; a command that
    settles an unknown outcome keeps the words of its task.
    """
    hint = error.hint
    if hint is not None and error.code is not Code.OUTCOME_UNKNOWN:
        hint = redact.without_logins(hint)
    details: list[Detail] = [
        {
            "field": detail["field"],
            "message": redact.without_logins(detail["message"]),
        }
        for detail in error.details
    ]
    return type(error)(
        redact.without_logins(error.message), hint=hint, details=details
    )


def _bug(error: Exception) -> Internal:
    return Internal(
        f"A bug in todo: {type(error).__name__}",
        hint="run it again with --debug, and report what it prints",
    )
