"""Reads a secret: typed at a terminal that does not show it, or from a pipe.

At a terminal the keys are read one by one. The kernel's own line editing would
cut a line after 4,095 bytes, and leave the other lines of a paste to the
shell, which would run them and keep them in its history.
"""

import asyncio
import os
import resource
import signal
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from types import FrameType
from typing import Any, BinaryIO, Final

from todo_cli import config
from todo_cli.cli import modes
from todo_cli.cli.context import HANG_UP_S, read_in_thread
from todo_cli.cli.env import Env
from todo_cli.cli.signals import handling, stop_here
from todo_cli.errors import Cancelled, InvalidInput, IoFailed, Usage

_MOST_BYTES: Final = 2**20
"""The most bytes of a secret, with what is around it."""
_PIECE: Final = 65_536
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")

_ERASE: Final = b"\x7f\x08"
_ERASE_WORD: Final = 0x17
_ERASE_LINE: Final = 0x15
_END: Final = 0x04
_ESCAPE: Final = 0x1B
_LINE_END: Final = 0x0A
_PASTE_BEGINS: Final = b"[200~"
_PASTE_ENDS: Final = b"[201~"
_MARKS_PASTES: Final = b"\x1b[?2004h"
"""Has a terminal put marks around what is pasted."""
_MARKS_NO_PASTES: Final = b"\x1b[?2004l"


async def read_secret(env: Env, prompt: str, what: str) -> str:
    """Read one line that nothing shows; `what` names it in messages.

    Raises:
        Usage: standard input is a terminal, and nobody is there.
        InvalidInput: it is not one line of text. Nothing of it is quoted.
        Cancelled: the person ended the input.
        IoFailed: it cannot be read.
    """
    _leave_no_core()
    if not env.stdin_is_terminal:
        read = partial(_read_all, env.stdin)
        return _one_line(await read_in_thread(read), "Standard input", what)
    if config.is_unattended(env.variables):
        raise Usage(
            f"Nobody is there to type the {what}",
            hint="pipe it in, or unset TODO_NO_INPUT and CI",
        )
    return _one_line(await _read_keys(env, prompt), "The input", what)


def _leave_no_core() -> None:
    """Have a crash leave no core file, in which the secret would be."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, most))


def _read_all(stream: BinaryIO) -> bytes:
    """Read to the end, or a byte more than a secret may have."""
    data = b""
    while len(data) <= _MOST_BYTES:
        piece = stream.read(_MOST_BYTES + 1 - len(data))
        if not piece:
            break
        data += piece
    return data


def _one_line(data: bytes, source: str, what: str) -> str:
    """Return the only line that is not blank, without blanks around it.

    Raises:
        InvalidInput: there is none, or another one, or it is not text.
    """
    if len(data) > _MOST_BYTES:
        raise _wrong(f"{source} is longer than 1 MiB")
    if data.startswith(_UTF_16) or b"\0" in data:
        raise _wrong(
            f"{source} is UTF-16, or no text, and must be UTF-8",
            "iconv -f UTF-16 -t UTF-8 FILE",
        )
    try:
        text = data.removeprefix(_BYTE_ORDER_MARK).decode()
    except UnicodeDecodeError:
        # Without a cause: that has the bytes.
        raise _wrong(f"{source} is not UTF-8") from None
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise _wrong(f"{source} is empty", f"give it the {what}")
    if len(lines) > 1:
        raise _wrong(
            f"{source} has {len(lines):,} lines, and the {what} is one",
            f"give it the {what} alone",
        )
    return lines[0].strip()


def _wrong(fault: str, hint: str | None = None) -> InvalidInput:
    return InvalidInput(f"{fault}; nothing was changed", hint=hint)


class Line:
    """The line that a person types; a few keys correct it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.is_complete = False
        self.has_ended = False
        """Whether Ctrl-D was typed at its beginning."""
        self._is_pasted = False
        self._escape: bytes | None = None
        """What has come of an escape sequence, without the escape itself."""

    def take(self, keys: bytes) -> None:
        """Take more keys; those after the end of the line are dropped."""
        for key in keys:
            if self.is_complete or self.has_ended:
                return
            if self._escape is not None:
                self._go_on(self._escape, key)
            elif key == _ESCAPE:
                self._escape = b""
            else:
                self._take(key)

    def _go_on(self, begun: bytes, key: int) -> None:
        """Take a key of an escape sequence, such as that of an arrow."""
        begun += bytes([key])
        is_begun = begun in (b"[", b"O")
        is_within = begun.startswith(b"[") and not 0x40 <= key <= 0x7E
        if is_begun or is_within:
            # Its beginning says all, however long it is.
            self._escape = begun[: len(_PASTE_BEGINS)]
            return
        self._escape = None
        if begun == _PASTE_BEGINS:
            self._is_pasted = True
        elif begun == _PASTE_ENDS:
            self._is_pasted = False

    def _take(self, key: int) -> None:
        """Take any other key."""
        if key in b"\r\n":
            self._take_line_end()
        elif key in _ERASE:
            self._erase()
        elif key in (_ERASE_LINE, _ERASE_WORD):
            # It is one word.
            self.data.clear()
        elif key == _END:
            self.has_ended = not self.data
            self.is_complete = not self.has_ended
        elif len(self.data) <= _MOST_BYTES:
            self.data.append(key)

    def _take_line_end(self) -> None:
        """End the line, unless the line end is a part of what is pasted."""
        if self._is_pasted:
            self.data.append(_LINE_END)
        else:
            self.is_complete = True

    def _erase(self) -> None:
        """Take the last character off, of which UTF-8 can have four bytes."""
        while self.data:
            last = self.data.pop()
            if last & 0xC0 != 0x80:
                break


async def _read_keys(env: Env, prompt: str) -> bytes:
    """Read a line from the terminal, which does not show it.

    Raises:
        Cancelled: the person ended the input, or the terminal is closed.
        IoFailed: the terminal cannot be used.
    """
    terminal = _Terminal(env, prompt)
    line = Line()
    try:
        with terminal.hidden():
            await _until_complete(terminal.number, line)
    except (OSError, termios.error) as error:
        await asyncio.sleep(HANG_UP_S)
        raise IoFailed(
            "The terminal cannot be read; nothing was changed"
        ) from error
    if line.has_ended:
        await asyncio.sleep(HANG_UP_S)
        raise Cancelled("Nothing was changed")
    return bytes(line.data)


async def _until_complete(number: int, line: Line) -> None:
    """Read keys until the line is complete.

    Without a thread: at a signal, none may be left that reads the terminal.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def read() -> None:
        try:
            keys = os.read(number, _PIECE)
        except OSError as error:
            _settle(done, error)
            return
        line.take(keys)
        # Nothing comes from a terminal that is closed.
        line.has_ended = line.has_ended or not keys
        if line.is_complete or line.has_ended:
            _settle(done)

    loop.add_reader(number, read)
    try:
        await done
    finally:
        loop.remove_reader(number)


def _settle(
    future: "asyncio.Future[None]", error: OSError | None = None
) -> None:
    """Settle a future, unless it is cancelled."""
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)


class _Terminal:
    """The terminal on standard input."""

    def __init__(self, env: Env, prompt: str) -> None:
        self.number = env.stdin.fileno()
        self._env = env
        self._prompt = prompt.encode(env.encoding, "backslashreplace")
        self._usual: list[Any] = []
        """Its settings before."""

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Show the prompt, and nothing that is typed.

        At the end, and while the program is stopped (Ctrl-Z), all is as
        before. What was typed after the line is dropped.
        """
        self._usual = termios.tcgetattr(self.number)
        try:
            with (
                handling(signal.SIGTSTP, self._stop),
                handling(signal.SIGCONT, self._go_on),
            ):
                self._hide()
                yield
        finally:
            # The terminal may be closed.
            with suppress(termios.error):
                self._show()
            self._say(b"\n")

    def _hide(self) -> None:
        """Show nothing more that is typed, and get every key at once.

        What was typed before is dropped: it has been shown. Ctrl-C and Ctrl-Z
        work as usual; Ctrl-\\ does not, because it can leave a core file.
        """
        settings = termios.tcgetattr(self.number)
        settings[modes.INPUT_FLAGS] |= termios.ICRNL
        settings[modes.INPUT_FLAGS] &= ~termios.ISTRIP
        settings[modes.LOCAL_FLAGS] &= ~(
            termios.ECHO | termios.ECHONL | termios.ICANON | termios.IEXTEN
        )
        characters = list(settings[modes.CHARACTERS])
        characters[termios.VQUIT] = self._no_character()
        characters[termios.VMIN] = 1
        characters[termios.VTIME] = 0
        settings[modes.CHARACTERS] = characters
        termios.tcsetattr(self.number, termios.TCSAFLUSH, settings)
        marks = b"" if self._env.is_plain else _MARKS_PASTES
        self._say(marks + self._prompt)

    def _no_character(self) -> bytes:
        """Return what means that no key has this effect."""
        return bytes([os.fpathconf(self.number, "PC_VDISABLE")])

    def _show(self) -> None:
        """Set the terminal back."""
        if not self._env.is_plain:
            self._say(_MARKS_NO_PASTES)
        termios.tcsetattr(self.number, termios.TCSAFLUSH, self._usual)

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        """Stop, as Ctrl-Z means, and leave the terminal as it was."""
        self._show()
        self._say(b"\n")
        stop_here(number)
        self._hide()

    def _go_on(self, _number: int, _frame: FrameType | None) -> None:
        """Ask again after a SIGSTOP: the shell has set the terminal back."""
        self._hide()

    def _say(self, data: bytes) -> None:
        """Write to the terminal, wherever stderr goes."""
        if self._env.stderr_is_terminal:
            self._env.say(data)
            return
        # Most terminals are open for both.
        with suppress(OSError):
            os.write(self.number, data)
