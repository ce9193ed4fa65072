"""Where these tests take place: names of hosts, and a database with ways to run the
program on it.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid5

from tests.support.postgres import ADMIN, OTHERS, PostgresCluster
from tests.support.program import (
    LIMIT_S,
    Launch,
    Process,
    PtyProcess,
    Surroundings,
    Todo,
)
from tests.support.stores import Clock

HOST = "ep-cool-dawn-123456.us-east-2.aws.neon.tech"
POOLER = "ep-cool-dawn-123456-pooler.us-east-2.aws.neon.tech"
ELSEWHERE = "db.example.org"
HOSTS = (HOST, POOLER, ELSEWHERE)
CONSOLE = "sslmode=require&channel_binding=require"
"""The parameters as Neon's console gives them."""

IDS = UUID("5f0c3c5e-6d5e-4a57-9d5a-0d8e6f0a7b11")
STORED = (
    "SELECT number, title, completed, user_id FROM todo.task ORDER BY user_id, number"
)
SOME = """
INSERT INTO todo.counter VALUES ('{user}', {last});
INSERT INTO todo.task (id, number, user_id, title, completed, created_at, updated_at) VALUES {rows}
"""


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that is bound to happen."""
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {LIMIT_S} s"
        time.sleep(0.01)


def task_id(number: int, user: str = "ada") -> UUID:
    """The id of a task that `Site.fill` makes."""
    return uuid5(IDS, f"{user} {number}")


@dataclass(frozen=True, slots=True)
class Site:
    """One PostgreSQL database with the schema in place, emptied for each test."""

    server: PostgresCluster
    database: str
    home: Path
    cwd: Path
    clock: Clock
    launch: Launch

    def url(
        self,
        host: str,
        port: int,
        query: str = "",
        *,
        user: str = ADMIN,
        password: str | None = None,
        database: str | None = None,
        scheme: str = "postgresql",
    ) -> str:
        """A connection string, the administrator's with the right password unless said
        otherwise.
        """
        secret = quote(self.server.password if password is None else password, safe="")
        path = self.database if database is None else database
        return f"{scheme}://{quote(user, safe='')}:{secret}@{host}:{port}/{path}" + (
            f"?{query}" if query else ""
        )

    def todo(self, url: str) -> Todo:
        """The program on a connection string, through its door in this process."""
        return Todo(Surroundings(self.home, self.cwd, url), self.clock)

    def process(self, url: str) -> Process:
        """The program on a connection string, as a process."""
        return Process(Surroundings(self.home, self.cwd, url), self.launch)

    def terminal(self, url: str) -> PtyProcess:
        """The program on a connection string, in a terminal."""
        return PtyProcess(Surroundings(self.home, self.cwd, url), self.launch)

    def fill(self, *titles: str, user: str = "ada") -> None:
        """Store open tasks numbered from 1, by SQL."""
        rows = ", ".join(
            f"('{task_id(number, user)}', {number}, '{user}', '{title}', false, '2026-01-01Z', '2026-01-01Z')"
            for number, title in enumerate(titles, start=1)
        )
        self.server.run_sql(
            self.database, SOME.format(user=user, last=len(titles), rows=rows)
        )

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a statement, asked past every proxy."""
        return [tuple(row) for row in self.server.fetch(self.database, sql)]

    def rest(self) -> None:
        """Wait until the server has finished with everybody, also with requests whose
        client is gone.
        """
        wait_until(lambda: self.fetch(OTHERS) == [(0,)])

    def titles(self) -> Sequence[str]:
        """The titles stored, in the order of users and numbers."""
        return [row[1] for row in self.fetch(STORED)]
