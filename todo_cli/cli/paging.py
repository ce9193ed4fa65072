"""Shows what is longer than the screen in the caller's pager, as git does.

Whether there is one is `choose`. What goes through it is drawn while it runs:
the first screen is there before the rest.
"""

import fcntl
import os
import re
import select
import signal
import sys
import termios
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from enum import Enum, auto
from itertools import islice
from typing import TYPE_CHECKING, Final, Protocol

from todo_cli import config, redact
from todo_cli.cli.pager import NOT_STARTED, words_of
from todo_cli.errors import IoFailed

if TYPE_CHECKING:
    from todo_cli.cli.env import Env
    from todo_cli.cli.signals import Signals

_ESCAPE: Final = re.compile(r"\x1b(?:\[[0-9;]*m|\]8;[^\x1b]*\x1b\\)")
"""A colour, or the beginning or end of a link, which take no room."""
_PART: Final = 16_384
"""About how many characters are written at once."""
_WAIT_S: Final = 0.2
"""How long a wait is before it is begun again, so that no signal is late."""
_LOOK_S: Final = 0.005
"""How often to look at first whether a pager has read something."""
_CANNOT_RUN: Final = (NOT_STARTED, 126)
"""The exit statuses of a shell that cannot run a program."""
_OF_SIGNAL: Final = 128
"""From here on an exit status of a shell means that a signal ended a program."""


class Running(Protocol):
    """A pager that runs."""

    def wait(self) -> int:
        """Wait for its end; return the exit status, -n if signal n ended it."""

    def stop(self) -> None:
        """End it, and put the terminal back."""

    def rest(self) -> None:
        """Wait a moment until Ctrl-Z has stopped it."""


Start = Callable[[Sequence[str], int, Mapping[str, str]], Running]
"""Starts a pager: words, the pipe to read (which is closed), variables."""


class Outcome(Enum):
    """What became of a text that a pager got."""

    SHOWN = auto()
    """The reader has seen as much as they wanted."""
    UNTRIED = auto()
    """No pager was started."""
    UNREAD = auto()
    """The pager never showed any of it."""
    LEFT = auto()
    """The reader has left it by Ctrl-C, and it cannot take that for itself."""
    LOST = auto()
    """It died while the text was read."""


def choose(
    variables: Mapping[str, str], file: config.Config | None
) -> config.Chosen | None:
    """Choose the pager; None if the text is printed at once.

    An empty one and `cat` mean none. There is none where nobody is, or the
    terminal only prints lines. A reader who needs plain lines has one only if
    we are told so, and not by PAGER, which many systems set.
    """
    if config.is_unattended(variables) or config.is_dumb(variables):
        return None
    named = config.pager(variables, file)
    is_named = named.source not in (config.FOREIGN_PAGER, config.DEFAULT)
    if config.is_plain(variables) and not is_named:
        return None
    command = str(named.value).strip()
    if command in ("", "cat"):
        return None
    return config.Chosen(command, named.source)


def is_in_background(number: int) -> bool:
    """Whether another job has the terminal, so that a pager would stop."""
    try:
        return os.tcgetpgrp(number) != os.getpgrp()
    except OSError:
        return False


def screenful(
    lines: Iterator[str], rows: int, columns: int
) -> tuple[list[str], bool]:
    """Take lines until they fill the screen; say whether they do.

    The last row of a screen is the one of the prompt that follows. A line that
    is wider than the screen takes several.
    """
    taken = []
    free = rows
    for line in lines:
        taken.append(line)
        free -= height(line, columns)
        if free <= 0:
            return taken, True
    return taken, False


def height(line: str, columns: int) -> int:
    """Count the rows of the screen that a line takes."""
    shown = _ESCAPE.sub("", line)
    cells = len(shown)
    if not shown.isascii():
        # Rich takes its time to load, and a help needs none of it.
        from todo_cli.output.wrap import length

        cells = length(shown)
    return max(-(-cells // columns), 1)


def parts(lines: Iterator[str], rows: int) -> Iterator[str]:
    """Join lines to parts that are worth to be written; first, a screen."""
    part = [f"{line}\n" for line in islice(lines, rows)]
    yield "".join(part)
    part = []
    size = 0
    for line in lines:
        part.append(f"{line}\n")
        size += len(line)
        if size > _PART:
            yield "".join(part)
            part = []
            size = 0
    if part:
        yield "".join(part)


class Text:
    """A text on its way to a pager; it can be read again from the start."""

    def __init__(self, pager: config.Chosen, parts: Iterator[bytes]) -> None:
        self.pager = pager
        self._read: list[bytes] = []
        self._rest = parts

    def __iter__(self) -> Iterator[bytes]:
        """Yield all parts; what was yielded before is remembered."""
        yield from self._read
        for part in self._rest:
            self._read.append(part)
            yield part


def show(text: Text, env: "Env") -> Outcome:
    """Show a text in its pager, and wait until that has ended.

    Ctrl-C is its own meanwhile; another signal ends it, and this process.

    Raises:
        Exception: the text raised it; the pager has ended.
    """
    # After a signal nobody is asked to read.
    if env.signals.number is not None:
        return Outcome.UNTRIED
    try:
        source, sink = os.pipe()
    except OSError:
        return Outcome.UNTRIED  # no more files can be opened
    os.set_blocking(sink, False)
    started: list[Running] = []

    def stop() -> None:
        for each in started:
            each.stop()

    def rest() -> None:
        for each in started:
            each.rest()

    with _left_to_pager(env.signals, stop, rest):
        words = words_of(text.pager.value)
        started.append(env.page(words, source, env.variables))
        try:
            is_read = _feed(sink, text)
        finally:
            os.close(sink)
            status = started[0].wait()
    return outcome(status, is_read=is_read)


@contextmanager
def _left_to_pager(
    signals: "Signals",
    stop: Callable[[], object],
    rest: Callable[[], object],
) -> Iterator[None]:
    """Leave keys to a pager, and pass on what ends or stops this process."""
    with (
        signals.left_to_another(),
        signals.ending(stop),
        signals.stopping(rest),
    ):
        yield


def outcome(status: int, *, is_read: bool) -> Outcome:
    """Say what became of a text, by the exit status of its pager.

    It is -n if signal n ended it. `is_read` says whether it has read any of
    the text.
    """
    if status > _OF_SIGNAL:
        status = _OF_SIGNAL - status
    if status == -signal.SIGINT:
        return Outcome.LEFT
    if status in _CANNOT_RUN or not is_read:
        return Outcome.UNREAD
    if status < 0:
        return Outcome.LOST
    return Outcome.SHOWN


def _feed(sink: int, text: Iterable[bytes]) -> bool:
    """Write a text into a pipe, until nobody reads it any more.

    Returns whether any of it was read.
    """
    written = 0
    with suppress(BrokenPipeError):
        for part in text:
            view = memoryview(part)
            while view:
                count = _write(sink, view)
                written += count
                view = view[count:]
        return _is_read(sink, written)
    return _unread(sink) < written


def _write(sink: int, view: memoryview) -> int:
    """Write what the pipe has room for; return how much that was.

    Raises:
        BrokenPipeError: nobody reads it any more.
    """
    try:
        return os.write(sink, view)
    except BlockingIOError:
        # With a limit: a signal may come just before the wait begins.
        select.select([], [sink], [], _WAIT_S)
        return 0


def _is_read(sink: int, written: int) -> bool:
    """Wait until something of what was written is read, or nobody can any more."""
    watching = select.poll()
    # Of a pipe that nobody reads the system tells without being asked.
    watching.register(sink, 0)
    wait_s = _LOOK_S
    while _unread(sink) == written:
        if watching.poll(wait_s * 1_000):
            return _unread(sink) < written
        wait_s = min(2 * wait_s, _WAIT_S)
    return True


def _unread(sink: int) -> int:
    """Count the bytes in a pipe."""
    answer = fcntl.ioctl(sink, termios.FIONREAD, bytes(4))
    return int.from_bytes(answer, sys.byteorder)


def lost(pager: config.Chosen) -> IoFailed:
    """Return the error to raise where a pager has died."""
    return IoFailed(
        f"The pager `{redact.shown(pager.value)}` was killed",
        hint="`TODO_PAGER=cat` prints without one",
    )


def advice(pager: config.Chosen) -> list[str]:
    """Say in a line that a pager that was named does not work; none for ours."""
    if pager.source == config.DEFAULT:
        return []
    shown = redact.shown(pager.value)
    cure = "`TODO_PAGER=cat` prints without one"
    return [f"hint: {pager.source}: `{shown}` does not work; {cure}"]
