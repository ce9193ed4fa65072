"""Where these tests take place: one store with ways to run the program on it, also
outside of pytest.
"""

import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.cli.tampering import path_of
from tests.support.postgres import OTHERS, PostgresServer, open_server
from tests.support.program import (
    LIMIT_S,
    Launch,
    Process,
    PtyProcess,
    Surroundings,
    new_interpreter,
)
from tests.support.stores import Store


@dataclass(frozen=True, slots=True)
class Workspace:
    """A store, and the folders of the program that uses it; `server` is the store's, if
    it is on one.

    `launch` is how the program is run there.
    """

    store: Store
    home: Path
    cwd: Path
    server: PostgresServer | None = None
    launch: Launch = new_interpreter

    @property
    def surroundings(self) -> Surroundings:
        """What a run of the program on the store starts from."""
        return Surroundings(self.home, self.cwd, self.store.url)

    @property
    def process(self) -> Process:
        """The program on the store, as a process with pipes."""
        return Process(self.surroundings, self.launch)

    @property
    def terminal(self) -> PtyProcess:
        """The program on the store, in a terminal."""
        return PtyProcess(self.surroundings, self.launch)

    def at(self, url: str) -> "Workspace":
        """The same place with another way to the store, or to none."""
        return replace(self, store=Store(self.store.kind, url))

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a statement, asked past the program; `{task}` stands for the
        table of tasks, and `{tag}` for that of tags.
        """
        if self.server is not None:
            rows = self.server.fetch(
                self.database, sql.format(task="todo.task", tag="todo.tag")
            )
            return [tuple(row) for row in rows]
        with closing(sqlite3.connect(path_of(self.store))) as connection:
            return connection.execute(
                sql.format(task="task", tag="tag")
            ).fetchall()

    def execute(self, sql: str) -> None:
        """Run statements past the program."""
        if self.server is not None:
            self.server.run_sql(self.database, sql)
            return
        with closing(
            sqlite3.connect(path_of(self.store), isolation_level=None)
        ) as connection:
            connection.executescript(sql)

    @property
    def database(self) -> str:
        """The name of the database on a server."""
        return self.store.url.rpartition("/")[2]

    def titles(self) -> set[str]:
        """The titles that are stored, of all users, once a server has finished with everybody."""
        self.rest()
        return {str(row[0]) for row in self.fetch("SELECT title FROM {task}")}

    def rest(self) -> None:
        """Wait until a server has finished with everybody, also with requests whose
        client is gone.
        """
        deadline = time.monotonic() + LIMIT_S
        while self.server is not None and self.fetch(OTHERS) != [(0,)]:
            assert time.monotonic() < deadline, (
                f"not at rest within {LIMIT_S} s"
            )
            time.sleep(0.01)


@contextmanager
def open_workspace(kind: str) -> Iterator[Workspace]:
    """An empty store of this kind outside of pytest; PostgreSQL is that of the tests."""
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(
                tempfile.TemporaryDirectory(prefix="todo-faults-")
            )
        )
        if kind == "sqlite":
            yield Workspace(
                Store(kind, f"sqlite:///{folder / 'store.db'}"), folder, folder
            )
            return
        server = open_server(os.environ.get("TODO_TEST_DATABASE_URL"))
        stack.callback(server.close)
        yield Workspace(
            Store(kind, server.url(server.create_database())),
            folder,
            folder,
            server,
        )
