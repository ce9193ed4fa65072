"""The terminal of a command that draws on it until somebody ends it.

`Screen` takes the whole terminal, and gives it back as it was on every way out.
`Roll` only prints lines, for terminals and people that want nothing else.

    what comes        what `Screen` does
    `q`, Ctrl-C       notes the end; a second Ctrl-C is for `signals.py`
    Ctrl-L, SIGWINCH  draws every line anew, and not only those that differ
    Ctrl-Z            gives the terminal back, stops, and takes it again
    SIGCONT           takes the terminal: after a SIGSTOP, or after `fg`
    Ctrl-\\            gives the terminal back, and ends by SIGQUIT
    SIGTERM ...       `signals.py` cancels the command, or ends the process;
                      in both cases the terminal is given back before that
    a hang-up         ends it, if SIGHUP has not done so by then

Frames are written by a thread, so that a terminal that takes nothing keeps no
signal waiting. In the background nothing is written.
"""

import asyncio
import os
import signal
import termios
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from select import select
from typing import Any, Final, Protocol

from todo_cli import config
from todo_cli.cli import modes
from todo_cli.cli.context import HANG_UP_S
from todo_cli.cli.env import (
    NARROWEST,
    USUAL_HEIGHT,
    Env,
    unwritable,
    write_all,
)
from todo_cli.cli.loop import in_thread
from todo_cli.cli.signals import Interrupted, handling, stop_here

_TAKE: Final = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[2J"
"""Shows another screen without a cursor, on which no line is broken."""
_GIVE_BACK: Final = "\x1b[?7h\x1b[{row};1H\r\n\x1b[?25h\x1b[?1049l"
"""Undoes that. A terminal with one screen only gets its cursor below it."""
_ALL_OF_IT: Final = "\x1b[H\x1b[2J"
_LINE: Final = "\x1b[{row};1H\x1b[2K{text}"

_ENDS: Final = b"qQ"
_DRAWS_ANEW: Final = b"\x0c"
"""Ctrl-L."""
_ESCAPE: Final = b"\x1b"
_PIECE: Final = 1_024
_PATIENCE_S: Final = 0.2
"""How long a terminal that takes nothing keeps us from leaving it."""

_AGAIN_S: Final = 0.5
"""How often to look, in the background, whether that has ended."""


class _Ending(Protocol):
    """What somebody ends."""

    has_ended: bool


def size_of(env: Env) -> tuple[int, int]:
    """Return the columns and lines of the terminal as they are now."""
    columns, lines = 0, 0
    with suppress(OSError):
        columns, lines = os.get_terminal_size(env.stdout.fileno())
    columns = columns or env.width
    most = config.forced_width(env.variables) or columns
    return max(min(columns, most), NARROWEST), lines or USUAL_HEIGHT


async def put(env: Env, write: Callable[[], None]) -> None:
    """Call `write`, which writes to stdout, in a thread.

    Raises:
        Interrupted: the reader has left.
        IoFailed: it cannot be written.
    """
    try:
        await in_thread(write)
    except BrokenPipeError:
        raise Interrupted(signal.SIGPIPE, was_writing=False) from None
    except OSError as error:
        raise unwritable(error) from error


def _write(env: Env, text: str) -> None:
    """Write to stdout all that its encoding has; the rest escaped."""
    write_all(env.stdout, text.encode(env.encoding, "backslashreplace"))


def _interrupting(
    face: _Ending, wake: Callable[[], None]
) -> Callable[[int, object], None]:
    """Make a handler for Ctrl-C, which is the usual end.

    The second time it does what it always does: the first one had no effect.
    """
    before = signal.getsignal(signal.SIGINT)

    def end(number: int, frame: Any) -> None:
        if face.has_ended and callable(before):
            before(number, frame)
        face.has_ended = True
        wake()

    return end


class Roll:
    """A terminal on which lines are printed, one below the other."""

    def __init__(self, env: Env) -> None:
        self.has_ended = False
        self._env = env

    @contextmanager
    def taken(self, wake: Callable[[], None]) -> Iterator[None]:
        """Take Ctrl-C in this context; `wake` is called then."""
        with handling(signal.SIGINT, _interrupting(self, wake)):
            yield
        # The terminal has shown `^C`.
        if self.has_ended:
            with suppress(OSError):
                _write(self._env, "\n")

    async def print(self, text: str) -> None:
        """Print lines.

        Raises:
            Interrupted, IoFailed: see `put`.
        """
        await put(self._env, partial(_write, self._env, text))


class Screen:
    """The whole terminal, while its program is in the foreground."""

    def __init__(self, env: Env) -> None:
        self.has_ended = False
        self.takes_keys = env.stdin_is_terminal
        """Whether somebody may press a key; else those would be shown."""
        self._env = env
        self._wake: Callable[[], None] = _do_nothing
        self._is_taken = False
        self._is_reading = False
        self._usual: list[Any] = []
        """The settings of the terminal before."""
        self._drawn: list[str] = []
        """What it shows."""
        self._is_stale = True
        """Whether all must be drawn, whatever it shows."""
        # Held while the terminal is written to. Signal handlers take it, too.
        self._lock = threading.RLock()

    @contextmanager
    def taken(self, wake: Callable[[], None]) -> Iterator[None]:
        """Have the terminal in this context; `wake` is called to draw again.

        Ctrl-C and the keys `q` and Ctrl-L are for us.
        """
        self._wake = wake
        signals = self._env.signals
        before_death = signals.before_death

        def leave_and_die(number: int) -> None:
            self._give_back()
            before_death(number)

        with ExitStack() as stack:
            for number, handler in self._handlers().items():
                stack.enter_context(handling(number, handler))
            signals.before_death = leave_and_die
            try:
                self._take()
                yield
            finally:
                self._stop_reading()
                self._give_back()
                signals.before_death = before_death

    def _handlers(self) -> dict[int, Callable[..., object]]:
        """What each signal does here."""
        return {
            signal.SIGINT: _interrupting(self, self._wake),
            signal.SIGWINCH: self._on_change,
            signal.SIGTSTP: self._on_stop,
            signal.SIGCONT: self._on_continue,
            signal.SIGQUIT: self._on_quit,
        }

    async def draw(self, lines: Sequence[str]) -> None:
        """Draw lines, from the first line of the screen; only those that differ.

        Nothing is drawn in the background.

        Raises:
            Interrupted, IoFailed: see `put`.
        """
        # What `bg` has let go on may be in the foreground by now, which no
        # signal says.
        self._take()
        if not self._is_taken:
            loop = asyncio.get_running_loop()
            loop.call_later(_AGAIN_S, self._wake)
        self._read_keys()
        await put(self._env, partial(self._put, list(lines)))

    def _put(self, lines: list[str]) -> None:
        """Write what differs from what is shown."""
        with self._lock:
            if not self._is_taken:
                return
            is_stale, self._is_stale = self._is_stale, False
            drawn = self._drawn
            parts = []
            if is_stale or len(drawn) != len(lines):
                parts.append(_ALL_OF_IT)
                drawn = [""] * len(lines)
            for row, text in enumerate(lines, start=1):
                if text != drawn[row - 1]:
                    parts.append(_LINE.format(row=row, text=text))
            if parts:
                _write(self._env, "".join(parts))
            self._drawn = lines

    # The terminal

    def _take(self) -> None:
        """Take the terminal, unless we have it or are in the background."""
        if self._is_taken or not self._is_ours():
            return
        with self._held() as is_held:
            if not is_held:
                return
            if self.takes_keys:
                self._listen()
            self._is_taken = self._is_stale = True
            with suppress(OSError):
                _write(self._env, _TAKE)

    def _give_back(self) -> None:
        """Leave the terminal as it was; never wait for one that takes nothing."""
        with self._held() as is_held:
            if not self._is_taken:
                return
            self._is_taken = False
            _, row = size_of(self._env)
            with suppress(OSError, ValueError):
                if is_held and self._takes_more():
                    _write(self._env, _GIVE_BACK.format(row=row))
            # In the background that would stop us.
            if self._usual and self._is_ours():
                # The terminal may be closed.
                with suppress(OSError, termios.error):
                    self._set(self._usual)

    @contextmanager
    def _held(self) -> Iterator[bool]:
        """Hold the lock; False if a write hangs."""
        is_held = self._lock.acquire(timeout=_PATIENCE_S)
        try:
            yield is_held
        finally:
            if is_held:
                self._lock.release()

    def _takes_more(self) -> bool:
        """Whether the terminal would take a few bytes at once."""
        _, ready, _ = select([], [self._env.stdout], [], _PATIENCE_S)
        return bool(ready)

    def _is_ours(self) -> bool:
        """Whether we are in the foreground of the terminal."""
        try:
            return os.tcgetpgrp(self._env.stdout.fileno()) == os.getpgrp()
        except OSError:
            # It is not the terminal of our session, which has no jobs there.
            return True

    # Keys

    def _listen(self) -> None:
        """Get every key at once, and show none."""
        number = self._env.stdin.fileno()
        try:
            settings = termios.tcgetattr(number)
            # Only the first time: later they may be ours.
            self._usual = self._usual or list(settings)
            # Ctrl-S would keep us from giving the terminal back.
            settings[modes.INPUT_FLAGS] &= ~termios.IXON
            settings[modes.LOCAL_FLAGS] &= ~(termios.ECHO | termios.ICANON)
            characters = list(settings[modes.CHARACTERS])
            characters[termios.VMIN] = 1
            characters[termios.VTIME] = 0
            settings[modes.CHARACTERS] = characters
            self._set(settings)
        except (OSError, termios.error):
            # The terminal is closed, or is none after all.
            self.takes_keys = False

    def _set(self, settings: list[Any]) -> None:
        """Change the settings at once: to wait for the terminal could take long."""
        termios.tcsetattr(self._env.stdin.fileno(), termios.TCSANOW, settings)

    def _read_keys(self) -> None:
        """Read keys from now on, if there are any to come."""
        if self.takes_keys and self._is_taken and not self._is_reading:
            number = self._env.stdin.fileno()
            asyncio.get_running_loop().add_reader(number, self._on_key)
            self._is_reading = True

    def _stop_reading(self) -> None:
        if self._is_reading:
            number = self._env.stdin.fileno()
            asyncio.get_running_loop().remove_reader(number)
            self._is_reading = False

    def _on_key(self) -> None:
        """Do what a key means; those of an escape sequence mean nothing."""
        # A read in the background would stop us.
        if not self._is_ours():
            self._stop_reading()
            return
        keys = b""
        with suppress(OSError):
            keys = os.read(self._env.stdin.fileno(), _PIECE)
        if not keys:
            self._on_hang_up()
        elif _ESCAPE in keys:
            return
        elif _DRAWS_ANEW in keys:
            self._on_change()
        elif not set(keys).isdisjoint(_ENDS):
            self._end()

    def _on_hang_up(self) -> None:
        """End: the terminal is closed. SIGHUP may come, which says so better."""
        self.takes_keys = False
        self._stop_reading()
        asyncio.get_running_loop().call_later(HANG_UP_S, self._end)

    def _end(self) -> None:
        self.has_ended = True
        self._wake()

    # Signals

    def _on_change(self, *_signal: object) -> None:
        """Draw all anew: the window has another size, or somebody asks for it."""
        self._is_stale = True
        self._wake()

    def _on_stop(self, number: int, _frame: object) -> None:
        """Give the terminal back while we are stopped."""
        self._give_back()
        stop_here(number)
        self._on_continue()

    def _on_continue(self, *_signal: object) -> None:
        """Take the terminal again: a shell has set it back, as after SIGSTOP."""
        self._is_taken = False
        self._take()
        self._wake()

    def _on_quit(self, number: int, _frame: object) -> None:
        """End at once, as Ctrl-\\ means."""
        self._env.signals.die(number)


def _do_nothing() -> None:
    """Draw nothing: the terminal is not taken yet."""
