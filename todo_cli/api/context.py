"""What the application runs with."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from todo_cli.api.auth import Access
from todo_cli.api.room import Room
from todo_cli.config import POOL_SIZE, TIMEOUT, choose
from todo_cli.database.url import Target
from todo_cli.errors import ConfigInvalid

LARGEST_POOL: Final = 100


@dataclass(frozen=True, slots=True)
class ServerContext:
    """The store, the clock, the log, and the names of this server."""

    target: Target = field(repr=False)
    now: Callable[[], datetime]
    """Returns the time, aware and in UTC."""
    hosts: frozenset[str]
    """The values of `Host` that mean this server, with the port if not 80."""
    log: Callable[[str], None]
    """Writes one line to the log, and adds the line end."""
    names: frozenset[str] = frozenset()
    """The same, but with any port: names that were allowed."""
    access: Access | None = None
    """Who may do what; None without `--auth`: everybody everything."""
    timeout_s: float = TIMEOUT.default
    pool_size: int = POOL_SIZE.default
    room: Room = field(default_factory=Room)


def read_pool_size(variables: Mapping[str, str]) -> int:
    """Choose how many connections to PostgreSQL the server keeps at most.

    Raises:
        ConfigInvalid: the setting is not a number from 1 to 100.
    """
    chosen = choose(POOL_SIZE, variables)
    is_number = re.fullmatch(r"[0-9]{1,3}", str(chosen.value), re.ASCII)
    if is_number is None or not 1 <= int(chosen.value) <= LARGEST_POOL:
        raise ConfigInvalid(
            f"{chosen.source} must be a number from 1 to {LARGEST_POOL}"
        )
    return int(chosen.value)
