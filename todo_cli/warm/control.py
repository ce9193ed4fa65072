"""What `todo warm` does: starts, stops and asks the parent.

The functions block, for some seconds at most: call them in a thread.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


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


def start() -> Started:
    """Start a parent, unless one of the same program runs.

    One of another version is stopped first. Returns when it takes commands.

    Raises:
        IoFailed: the folder of the socket cannot be made or is not safe, or
            the parent does not start.
    """
    raise NotImplementedError


def stop() -> bool:
    """Stop the parent; return whether there was one.

    Returns when it has left. Commands that run are not disturbed.

    Raises:
        IoFailed: the folder is not safe, or it does not leave.
    """
    raise NotImplementedError


def status() -> Status | None:
    """Ask the parent; None if there is none, or none that answers.

    Raises:
        IoFailed: the folder of the socket is not safe.
    """
    raise NotImplementedError
