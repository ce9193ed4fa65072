"""What `todo warm` does: starts, stops and asks the parent.

The functions block, for some seconds at most: call them in a thread.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, overload

from todo_cli import disk
from todo_cli.errors import IoFailed
from todo_cli.warm import identity, place, wire

_START_S: Final = 30.0
"""How long a parent may take to load the program."""
_STOP_S: Final = 10.0
_ANSWER_S: Final = 5.0
_LONGEST_PATH: Final = 103
"""How many bytes the path of a socket can have, on every system."""
_ITS_NAME: Final = "the process that `todo warm` keeps"
_STEP_S: Final = 0.02
"""How often to look whether it has started or left."""


@dataclass(frozen=True, slots=True)
class Started:
    """The parent that runs after `start`."""

    pid: int
    is_new: bool
    """False if it ran before, from the same program."""


@dataclass(frozen=True, slots=True)
class Status:
    """What a parent says about itself."""

    pid: int
    version: str
    is_same_program: bool
    """Whether it runs this program; else commands do not use it."""
    since: datetime
    """When it started, in UTC."""
    workers: int
    """How many workers wait for a command, connected ones included."""
    busy: int
    """How many run a command now."""
    place: str | None
    """The server to which a waiting worker is connected, if one is."""
    hits: int
    """How many commands it has run."""
    cold: Mapping[str, int]
    """How many commands it left to the caller, by reason."""
    memory: int | None
    """Bytes of the parent and its waiting workers, where shared pages count
    once (PSS); None where the system does not say.
    """


def start(options: Mapping[str, float] | None = None) -> Started:
    """Start a parent, unless one of the same program runs.

    One of another version is stopped first. Returns when it takes commands.
    `options` are those of `parent.Options` that are not as usual.

    Raises:
        IoFailed: the folder of the socket cannot be made or is not safe, or
            the parent does not start.
    """
    folder = _folder(makes=True)
    _check_length(place.socket_of(folder))
    before = _ask(folder)
    if before is not None and not before.is_same_program:
        stop()
    until = time.monotonic() + _START_S
    with _opened(folder) as lock:
        while True:
            if place.take_lock(lock):
                parent = _launch(folder, lock, options or {})
                break
            found = _ask(folder)
            if found is not None:
                return Started(found.pid, is_new=False)
            _wait(until, "It does not answer")
    while True:
        found = _ask(folder)
        if found is not None:
            # It outlives this process, and Python would warn of that.
            parent.returncode = 0
            return Started(found.pid, is_new=True)
        if parent.poll() is not None:
            raise IoFailed(f"It ended at its start: {_ITS_NAME}")
        _wait(until, "It does not start")


def _check_length(path: str) -> None:
    """Check that a socket can have this path.

    Raises:
        IoFailed: it is too long.
    """
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise IoFailed(
            f"{path} is too long a path for a socket",
            hint="set XDG_RUNTIME_DIR to a shorter one",
        )


def stop() -> bool:
    """Stop the parent; return whether there was one.

    Returns when it has left. Commands that run are not disturbed.

    Raises:
        IoFailed: the folder is not safe, or it does not leave.
    """
    folder = _folder()
    if folder is None:
        return False
    until = time.monotonic() + _STOP_S
    has_run = False
    with _opened(folder) as lock:
        while not place.take_lock(lock):
            has_run = True
            _end(lock)
            _wait(until, "It does not leave")
        # Ours now, so no parent can be there whose socket this is.
        with suppress(FileNotFoundError):
            os.unlink(place.socket_of(folder))
    return has_run


def status() -> Status | None:
    """Ask the parent; None if there is none, or none that answers.

    Raises:
        IoFailed: the folder of the socket is not safe.
    """
    folder = _folder()
    if folder is None:
        return None
    return _ask(folder)


def _end(lock: int) -> None:
    """Send the parent a signal, if its number is known yet."""
    text = os.pread(lock, 32, 0).decode("ascii", "replace").strip()
    if text.isdecimal():
        with suppress(OSError):
            os.kill(int(text), signal.SIGTERM)


def _wait(until: float, what: str) -> None:
    """Wait a moment.

    Raises:
        IoFailed: it has taken too long; says `what`.
    """
    if time.monotonic() > until:
        raise IoFailed(f"{what}: {_ITS_NAME}")
    time.sleep(_STEP_S)


@contextmanager
def _opened(folder: str) -> Iterator[int]:
    """Open the file that a parent keeps locked.

    Raises:
        IoFailed: it cannot be opened or used, it is another user's, or the
            block raised an `OSError`.
    """
    try:
        lock = place.open_lock(folder)
    except place.Unsafe as error:
        message, hint = error.args
        raise IoFailed(message, hint=hint) from None
    except OSError as error:
        raise _unusable(place.lock_of(folder), error) from error
    try:
        yield lock
    except OSError as error:
        # Somebody has put a folder or a pipe there, or the disk is broken.
        path = error.filename or place.lock_of(folder)
        raise _unusable(path, error) from error
    finally:
        os.close(lock)


@overload
def _folder(*, makes: Literal[True]) -> str: ...


@overload
def _folder() -> str | None: ...


def _folder(*, makes: bool = False) -> str | None:
    """Return the folder of the socket; None if there is none.

    Raises:
        IoFailed: it cannot be made, or others can change what is in it.
    """
    folder = place.folder_of(os.environ)
    try:
        if makes:
            with suppress(FileExistsError):
                os.mkdir(folder, 0o700)
        place.check(folder)
    except FileNotFoundError as error:
        if not makes:
            return None
        raise _unusable(folder, error) from error
    except OSError as error:
        raise _unusable(folder, error) from error
    except place.Unsafe as error:
        message, hint = error.args
        raise IoFailed(message, hint=hint) from None
    return folder


def _unusable(path: str, error: OSError) -> IoFailed:
    """Make the error for a folder or a file that cannot be used."""
    reason = disk.explain(error).words
    return IoFailed(f"{path}: {reason}")


def _launch(
    folder: str, lock: int, options: Mapping[str, float]
) -> "subprocess.Popen[bytes]":
    """Start the parent as a process of its own; it inherits the lock."""
    # The number there is of one that has gone, and may be anybody's by now.
    os.ftruncate(lock, 0)
    root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    # `-c` would look for modules in the working folder first.
    code = (
        "import sys; sys.path[:] = [p for p in sys.path if p]; "
        f"{root!r} in sys.path or sys.path.insert(0, {root!r}); "
        "from todo_cli.warm.entry import begin; begin()"
    )
    # Not public, but `multiprocessing` uses it for the same.
    flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    changes = [f"{name}={value}" for name, value in options.items()]
    words = [sys.executable, *flags, "-c", code, folder, str(lock), *changes]
    return subprocess.Popen(  # noqa: S603 - our own program
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env=_variables(),
        start_new_session=True,
        pass_fds=[lock],
    )


def _variables() -> dict[str, str]:
    """Choose what the parent needs of our variables: the rest may be secret."""
    chosen = identity.at_loading(os.environ)
    for name, value in os.environ.items():
        is_locale = name.startswith(("LC_", "LANG", "PYTHON"))
        if is_locale or name in ("XDG_RUNTIME_DIR", "PATH"):
            chosen[name] = value
    return chosen


def _ask(folder: str) -> Status | None:
    """Ask the parent about itself; None if none answers."""
    line = socket.socket(socket.AF_UNIX)
    with line:
        line.settimeout(_ANSWER_S)
        try:
            line.connect(place.socket_of(folder))
            if place.user_of(line) != os.geteuid():
                return None
            wire.receive(line.recv)  # HELLO
            line.sendall(wire.pack(wire.STATE))
            answer = wire.receive(line.recv)
        except (OSError, wire.Broken):
            return None
    if answer is None:
        return None
    try:
        return _status(json.loads(answer[1]))
    except Exception:  # noqa: BLE001 - whatever accepts there, it is no parent
        return None


def _status(says: Mapping[str, Any]) -> Status:
    """Read what the parent says about itself."""
    return Status(
        pid=says["pid"],
        version=says["version"],
        is_same_program=says["program"].encode() == identity.program(),
        since=datetime.fromtimestamp(says["since"], UTC),
        workers=len(says["waiting"]),
        busy=says["busy"],
        place=says["place"],
        hits=says["hits"],
        cold=says["cold"],
        memory=_memory([says["pid"], *says["waiting"]]),
    )


def _memory(processes: Sequence[int]) -> int | None:
    """Add up what the processes use; None where the system does not say."""
    kibibytes = 0
    for process in processes:
        try:
            text = Path(f"/proc/{process}/smaps_rollup").read_text()
        except OSError:
            return None
        found = re.search(r"^Pss: +([0-9]+) kB", text, re.MULTILINE)
        if found is None:
            return None
        kibibytes += int(found[1])
    return kibibytes * 1024
