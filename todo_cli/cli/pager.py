"""Runs a pager in the terminal of this process.

Imports only what takes no time: a client of `todo warm` runs it, too, because
a worker is not in the session of the terminal.
"""

import _signal  # type: ignore[import-not-found]  # mypy has no stub
import os
import select
import time

from todo_cli.cli import modes

# Importing typing would take longer than starting a pager.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Final

NOT_STARTED: "Final" = 127
"""The exit status of a shell that finds no such program."""
_SHELL: "Final" = "/bin/sh"
_SPECIAL: "Final" = frozenset("|&;<>()$`\\\"'*?[]#~=%{}!\n")
"""Characters that mean something to a shell."""
_USUAL: "Final" = {"LESS": "FRX", "LV": "-c"}
"""Options of pagers for who has set none, as git has them: to show colours, and
to end at once if the text fits the screen.
"""
_WAIT_S: "Final" = 0.2
"""How long a wait for the end is before it is begun again."""
_STEP_S: "Final" = 0.01
"""The same, where the system says nothing of the end."""
_REST_S: "Final" = 0.1
"""How long a pager may take to stop at Ctrl-Z, before it is asked again."""
_ASKED: "Final" = 5
"""How often it is asked."""
_PATIENCE_S: "Final" = 1.0
"""How long a pager may take to end after SIGTERM."""
_ENDING: "Final" = (
    _signal.SIGINT,
    _signal.SIGTERM,
    _signal.SIGHUP,
    _signal.SIGALRM,
    _signal.SIGXCPU,
)
"""What may end this process, and then ends the pager, too."""
_IGNORED: "Final" = (_signal.SIGPIPE, _signal.SIGXFSZ)
"""What Python ignores, and no other program should."""


def words_of(command: str) -> "list[str]":
    """Split a command line; have a shell run one that needs it."""
    words = command.split()
    if words and _SPECIAL.isdisjoint(command):
        return words
    return [_SHELL, "-c", command]


class Pager:
    """A pager that was started, and reads a pipe.

    Call `wait` or `stop`.
    """

    def __init__(
        self,
        words: "Sequence[str]",
        source: int,
        variables: "Mapping[str, str]",
    ) -> None:
        """Start it; it reads the pipe `source`, which is closed here.

        One that cannot be started has ended with NOT_STARTED.
        """
        self._modes = modes.attributes(1)
        self._status: int | None = None
        self._process = 0
        self._is_resting = False
        """Whether it was seen to be stopped."""
        self._handle: int | None = None
        # A signal between its start and the line below would not end it.
        mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, _ENDING)
        try:
            self._process = _start(words, source, variables, mask)
        except (OSError, ValueError):
            self._status = NOT_STARTED
        finally:
            os.close(source)
            _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)

    def wait(self) -> int:
        """Wait for its end; return the exit status, -n if signal n ended it.

        A signal that comes just before the wait begins does not end the wait,
        so that is begun again and again.
        """
        handle = self._open_handle()
        while self._status is None:
            if handle is None:
                time.sleep(_STEP_S)
            else:
                select.select([handle], [], [], _WAIT_S)
            self._look(os.WNOHANG | os.WUNTRACED)
            if self._is_resting:
                # It has its own key for that, or took Ctrl-Z late.
                os.kill(os.getpid(), _signal.SIGTSTP)
        if handle is not None:
            os.close(handle)
        modes.put_back(1, self._modes)
        return self._status

    def stop(self) -> None:
        """End it, if it still runs, and put the terminal back."""
        if not self._has_ended():
            self._send(_signal.SIGTERM)
            # One that Ctrl-Z has stopped goes on, and ends.
            self._send(_signal.SIGCONT)
            until = time.monotonic() + _PATIENCE_S
            while time.monotonic() < until and not self._has_ended():
                time.sleep(_STEP_S)
        if not self._has_ended():
            self._send(_signal.SIGKILL)
            self._look(0)
        modes.put_back(1, self._modes)

    def rest(self) -> None:
        """Wait a moment until Ctrl-Z has stopped it; else stop it.

        It sets the terminal back first. A shell that takes the terminal
        before that would stop it in the middle, or get no key.
        """
        for number in (*[_signal.SIGTSTP] * _ASKED, _signal.SIGSTOP):
            if self._rests_soon():
                break
            # less that is about to read a key keeps Ctrl-Z until the next one.
            self._send(number)
        self._is_resting = False

    def _rests_soon(self) -> bool:
        """Wait a moment; return whether it is stopped, or has ended."""
        until = time.monotonic() + _REST_S
        while self._status is None and not self._is_resting:
            if time.monotonic() > until:
                return False
            self._look(os.WNOHANG | os.WUNTRACED)
            time.sleep(_STEP_S)
        return True

    def _send(self, number: int) -> None:
        """Send it a signal, if it is still there."""
        try:
            os.kill(self._process, number)
        except OSError:
            return  # a signal came when it had just ended

    def _has_ended(self) -> bool:
        """Look whether it has ended."""
        self._look(os.WNOHANG)
        return self._status is not None

    def _look(self, how: int) -> None:
        """Ask the system for its status, if that is not known."""
        if self._status is not None:
            return
        try:
            process, status = os.waitpid(self._process, how)
        except ChildProcessError:
            # SIGCHLD is ignored, and nobody can say how it has ended.
            self._status = 0
            return
        if process and os.WIFSTOPPED(status):
            self._is_resting = True
        elif process:
            self._status = os.waitstatus_to_exitcode(status)

    def _open_handle(self) -> "int | None":
        """Open what can be read when it has ended; None where nothing can."""
        if self._status is not None:
            return None
        try:
            return os.pidfd_open(self._process)
        except (AttributeError, OSError):
            return None


def _start(
    words: "Sequence[str]",
    source: int,
    variables: "Mapping[str, str]",
    mask: "set[int]",
) -> int:
    """Start a program that reads `source`; return its number.

    Raises:
        OSError, ValueError: it cannot be started.
    """
    return os.posix_spawnp(
        words[0],
        list(words),
        {**_USUAL, **variables},
        file_actions=[(os.POSIX_SPAWN_DUP2, source, 0)],
        setsigmask=mask,
        setsigdef=_IGNORED,
    )
