"""The two stores a test can run on, and the clock it runs by."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from todo_cli.database.url import Target


@dataclass(frozen=True, slots=True)
class Store:
    """An empty store, or a place for one."""

    kind: str
    url: str

    @property
    def target(self) -> "Target":
        """What `open_database` opens."""
        from todo_cli.database.url import parse_url

        return parse_url(self.url, cwd=Path("/"))


async def make(store: Store) -> None:
    """Make the tables of a store."""
    from todo_cli.database.engine import open_database

    async with open_database(store.target) as database:
        await database.upgrade()


@dataclass(slots=True)
class Clock:
    """A clock that stands still until it is moved; it starts on a whole second, where
    `.000000` is easily lost.
    """

    now: datetime = field(default=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def tick(self, seconds: float = 1.0) -> datetime:
        """Move on and return the new time."""
        self.now += timedelta(seconds=seconds)
        return self.now
