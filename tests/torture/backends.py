"""Where commands are tortured: a file under a driver that fails, a server behind a
proxy that does.
"""

import asyncio
import shutil
import socket
import sqlite3
import struct
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from tests.support.postgres import ALONE, EMPTY, NOTHING, PostgresCluster
from tests.support.program import Surroundings, Todo
from tests.support.stores import Clock
from tests.support.turns import Fault, TurnProxy
from tests.support.wire import SSL_REQUEST
from tests.torture.commands import SOURCE, Command, add_tasks, make_source
from tests.torture.driver import Calls, driven
from todo_cli.database import connection, engine

ROWS: Final = (
    "SELECT * FROM todo.task ORDER BY id",
    "SELECT * FROM todo.counter ORDER BY user_id",
    "SELECT * FROM todo.tag ORDER BY task_id, name",
    # Without their ids, which differ from run to run.
    "SELECT user_id, number, at, command, undoes, undone_by"
    " FROM todo.operation ORDER BY user_id, number",
    "SELECT * FROM todo.change ORDER BY user_id, operation, task_id",
    # Without what is random.
    "SELECT user_id, name, read_only, created_at, expires_at, revoked_at"
    " FROM todo.token ORDER BY user_id, name",
)
"""Everything that a store holds."""
PATIENCE_S: Final = 0.1
"""How long a lock or an answer is waited for where it never comes."""


@dataclass(frozen=True, slots=True)
class StoreCall:
    """One call of a command to its store; on a server 0 is the log-in."""

    number: int
    can_be_refused: bool = True
    """Whether a server can answer it by an error: not what follows an error, Sync and ROLLBACK."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A way to fail, and the exit statuses that tell it honestly."""

    name: str
    statuses: frozenset[int]
    how: Any

    def can_happen_to(self, call: StoreCall) -> bool:
        """Whether this can happen to a call."""
        if not isinstance(self.how, Fault):
            return True
        return (
            call.can_be_refused
            if self.how.how == "error"
            else call.number > 0 or self.how.when == "before"
        )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a store holds."""

    tables: Sequence[str]
    rows: Sequence[Any]


class Backend(Protocol):
    """A store to torture commands on."""

    failures: Sequence[Failure]

    def prepare(self, command: Command) -> Todo:
        """Put the store into the state in which the command begins, and hand out the
        program on it.
        """

    def snapshot(self, command: Command) -> Snapshot:
        """Read the store once everything is at rest."""

    @contextmanager
    def counting(self) -> Iterator[list[StoreCall]]:
        """Note which calls are made meanwhile."""

    @contextmanager
    def failing(self, failure: Failure, call: int) -> Iterator[dict[str, str]]:
        """Let one call fail meanwhile, under these settings."""


class FileBackend:
    """A file."""

    failures: Sequence[Failure] = (
        Failure("busy for a moment", frozenset({0}), Calls("SQLITE_BUSY")),
        Failure(
            "busy for long", frozenset({6}), Calls("SQLITE_BUSY", lasts=True)
        ),
        Failure("disk full", frozenset({9}), Calls("SQLITE_FULL")),
        Failure("disk fails", frozenset({9}), Calls("SQLITE_IOERR_FSYNC")),
        Failure("read-only", frozenset({9}), Calls("SQLITE_READONLY")),
        Failure("damaged", frozenset({9}), Calls("SQLITE_CORRUPT")),
    )

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "store.db"
        self._filled = folder / "filled.db"
        add_tasks(self._todo(self._filled))
        make_source(self._todo(folder / SOURCE))

    def prepare(self, command: Command) -> Todo:
        """Copy the file that is filled, or none."""
        for path in self._folder.glob("store.db*"):
            path.unlink()
        if not command.on_nothing:
            shutil.copy(self._filled, self._file)
        return self._todo(self._file)

    def snapshot(self, command: Command) -> Snapshot:
        """Read the file, which must be sound."""
        if not self._file.exists():
            return Snapshot([], [])
        with closing(sqlite3.connect(self._file)) as file:
            assert file.execute("PRAGMA integrity_check").fetchall() == [
                ("ok",)
            ]
            tables = [
                name
                for (name,) in file.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1"
                )
            ]
            return Snapshot(
                tables,
                [
                    row
                    for query in ROWS
                    if tables
                    for row in file.execute(query.replace("todo.", ""))
                ],
            )

    @contextmanager
    def counting(self) -> Iterator[list[StoreCall]]:
        """Count from 1."""
        counted, calls = Calls(), list[StoreCall]()
        with driven(counted):
            yield calls
        calls += (StoreCall(number) for number in range(1, counted.made + 1))

    @contextmanager
    def failing(self, failure: Failure, call: int) -> Iterator[dict[str, str]]:
        """Fail in the driver."""
        with (
            driven(replace(failure.how, fails=call)),
            patience(engine, "BUSY_FOR_S") if failure.how.lasts else nothing(),
        ):
            yield {}

    def _todo(self, path: Path) -> Todo:
        return Todo(
            Surroundings(self._folder, self._folder, f"sqlite:///{path}"),
            Clock(),
        )


UNKNOWN: Final = frozenset({0, 7})
IMPATIENT: Final = {"TODO_TIMEOUT": "0.3"}
TABLES: Final = ("task", "counter", "tag", "operation", "change", "token")
COLUMNS: Final = """SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum)
    FROM pg_attribute WHERE attrelid = 'todo.{}'::regclass
    AND attnum > 0 AND NOT attisdropped AND attgenerated = ''"""
"""The columns of a table that can be written."""


def _error(state: str) -> Fault:
    return Fault("before", 0, how="error", state=state)


class ServerBackend:
    """A server behind a proxy."""

    failures: Sequence[Failure] = (
        # Tried again, but not while connecting.
        Failure("40001", frozenset({0, 6}), _error("40001")),
        Failure("40P01", frozenset({0, 6}), _error("40P01")),
        Failure("53300", frozenset({0, 6, 7}), _error("53300")),
        Failure("57P01", frozenset({0, 7}), _error("57P01")),
        Failure("25006", frozenset({4}), _error("25006")),
        Failure("53100", frozenset({9}), _error("53100")),
        Failure("reset before", UNKNOWN, Fault("before", 0, how="reset")),
        Failure("reset after", UNKNOWN, Fault("after", 0, how="reset")),
        Failure(
            "silence before", UNKNOWN | {6}, Fault("before", 0, how="silence")
        ),
        Failure(
            "silence after", UNKNOWN | {6}, Fault("after", 0, how="silence")
        ),
        Failure("refused from then on", frozenset({6, 7}), Fault("before", 0)),
    )

    def __init__(
        self, server: PostgresCluster, proxy: TurnProxy, folder: Path
    ) -> None:
        self._proxy = proxy
        self._folder = folder
        self._runner = asyncio.Runner()
        self._urls = {
            on_nothing: server.url(server.create_database())
            for on_nothing in (False, True)
        }
        self._admins = {
            on_nothing: self._runner.run(_connect(url))
            for on_nothing, url in self._urls.items()
        }
        add_tasks(self._todo(on_nothing=False))
        self._restore = f"{EMPTY};"
        self._run(False, "CREATE SCHEMA saved")
        for table in TABLES:
            self._save(table)
        make_source(
            Todo(
                Surroundings(folder, folder, f"sqlite:///{folder / SOURCE}"),
                Clock(),
            )
        )

    def close(self) -> None:
        """Let go of the server."""
        for admin in self._admins.values():
            self._runner.run(admin.close())
        self._runner.close()

    def prepare(self, command: Command) -> Todo:
        """Put back what was saved, or take everything away."""
        self._proxy.reset()
        self._run(command.on_nothing, ALONE)
        self._run(
            command.on_nothing,
            NOTHING if command.on_nothing else self._restore,
        )
        return self._todo(on_nothing=command.on_nothing)

    def snapshot(self, command: Command) -> Snapshot:
        """Read past the proxy, once nobody is left."""
        admin = self._admins[command.on_nothing]
        self._run(command.on_nothing, ALONE)
        tables = """SELECT relname FROM pg_class
            WHERE relnamespace = to_regnamespace('todo') AND relkind = 'r' ORDER BY 1"""
        names = [name for (name,) in self._runner.run(admin.fetch(tables))]
        return Snapshot(
            names,
            [
                tuple(row)
                for query in ROWS
                if names
                for row in self._runner.run(admin.fetch(query))
            ],
        )

    @contextmanager
    def counting(self) -> Iterator[list[StoreCall]]:
        """Count the log-in as 0, then every request."""
        calls = [StoreCall(0)]
        yield calls
        requests = [
            "",
            *(
                kinds
                for kinds in self._proxy.requests
                if kinds not in ("", "p")
            ),
        ]
        calls += (
            StoreCall(
                number,
                kinds != "S" and (requests[number - 1], kinds) != ("S", "Q"),
            )
            for number, kinds in enumerate(requests[1:], start=1)
        )

    @contextmanager
    def failing(self, failure: Failure, call: int) -> Iterator[dict[str, str]]:
        """Fail in the proxy."""
        self._proxy.reset()
        self._proxy.faults = [replace(failure.how, request=call)]
        is_slow = failure.how.how == "silence"
        is_gone = failure.name.startswith("refused")
        if is_gone:
            self._proxy.faults += [
                Fault("before", 0, how="reset", connection=number)
                for number in range(2, 20)
            ]
        with (
            patience(connection, "STATEMENT_TIMEOUT_S")
            if is_slow
            else nothing()
        ):
            yield IMPATIENT if is_slow or is_gone else {}
        self._proxy.reset()
        self._settle()

    def _save(self, table: str) -> None:
        admin = self._admins[False]
        columns = self._runner.run(admin.fetchval(COLUMNS.format(table)))
        self._run(False, f"CREATE TABLE saved.{table} AS TABLE todo.{table}")
        self._restore += (
            f"INSERT INTO todo.{table} ({columns})"
            f" SELECT {columns} FROM saved.{table};"
        )

    def _settle(self) -> None:
        """Wait until the proxy has met everybody who called before: it answers callers
        in their order.
        """
        with socket.create_connection(
            ("127.0.0.1", self._proxy.port)
        ) as caller:
            caller.sendall(struct.pack("!II", 8, SSL_REQUEST))
            assert caller.recv(1) == b"N"

    def _todo(self, *, on_nothing: bool) -> Todo:
        parts = urlsplit(self._urls[on_nothing])
        netloc = (
            f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{self._proxy.port}"
        )
        return Todo(
            Surroundings(
                self._folder,
                self._folder,
                urlunsplit(parts._replace(netloc=netloc)),
            ),
            Clock(),
        )

    def _run(self, on_nothing: bool, sql: str) -> None:
        self._runner.run(self._admins[on_nothing].execute(sql))


async def _connect(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    return await asyncpg.connect(url)


@contextmanager
def patience(module: Any, name: str) -> Iterator[None]:
    """Wait less for what never comes."""
    usual = getattr(module, name)
    setattr(module, name, PATIENCE_S)
    try:
        yield
    finally:
        setattr(module, name, usual)


@contextmanager
def nothing() -> Iterator[None]:
    """Change nothing."""
    yield
