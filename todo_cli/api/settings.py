"""What the API runs with."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from todo_cli.database.url import Target
from todo_cli.errors import ConfigInvalid

POOL_SIZE: Final = 10
LARGEST_POOL: Final = 100


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """The store, and what the server knows of itself."""

    target: Target = field(repr=False)
    now: Callable[[], datetime]
    """The time, aware and in UTC."""
    hosts: frozenset[str]
    """What a request may name as its `Host`, with the port where it is not 80."""
    log: Callable[[str], None]
    """Takes one line of the log, without its end."""
    timeout_s: float = 15.0
    pool_size: int = POOL_SIZE


def read_pool_size(variables: Mapping[str, str]) -> int:
    """How many connections to PostgreSQL the server keeps at most: `TODO_POOL_SIZE`, or 10.

    Raises:
        ConfigInvalid: it is not a number from 1 to 100.
    """
    text = variables.get("TODO_POOL_SIZE", str(POOL_SIZE))
    if (
        re.fullmatch(r"[0-9]{1,3}", text, re.ASCII) is None
        or not 1 <= int(text) <= LARGEST_POOL
    ):
        raise ConfigInvalid(f"TODO_POOL_SIZE must be a number from 1 to {LARGEST_POOL}")
    return int(text)
