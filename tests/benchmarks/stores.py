"""Stores with many tasks, written by SQL: the program is what the benchmarks measure."""

import io
import os
import sqlite3
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import todo_cli
from tests.benchmarks.processes import Run, measure, todo
from tests.support.postgres import PostgresServer
from tests.support.stores import Store

KINDS = ("sqlite", "postgresql")
USER = "ada"
HERE = Path(todo_cli.__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Shape:
    """How the tasks of a store differ, in SQL for both kinds; `i` counts from 1 to `{n}`."""

    name: str
    completed: str
    seconds: str = "i"


ALL_OPEN = Shape("all open", "false")
FEW_OPEN = Shape("oldest 15 open", "i > 15")
ONE_TIME = Shape("one created_at", "i % 2 = 0", seconds="0")
HALF_DONE = Shape("older half done", "i <= {n} / 2")
SHAPES = (ALL_OPEN, FEW_OPEN, ONE_TIME, HALF_DONE)

_COLUMNS = """id, number, user_id, title, description, {done},
    created_at, updated_at, completed_at"""
_VALUES = f"""i, '{USER}', 'Task number ' || i || ' of the benchmark',
    CASE WHEN i % 2 = 0 THEN 'Described ' || i END,
    done, at, at, CASE WHEN done THEN at END"""
_START = 1_767_225_600  # 2026-01-01 in Unix time
_HEX = "lower(hex(randomblob({})))".format
UUID = " || '-' || ".join(
    [
        _HEX(4),
        _HEX(2),
        f"'4' || substr({_HEX(2)}, 2)",
        f"'8' || substr({_HEX(2)}, 2)",
        _HEX(6),
    ]
)


@dataclass(frozen=True, slots=True)
class Stores:
    """Makes stores of either kind, in a folder and on a server, by one version."""

    folder: Path
    server: PostgresServer
    package: Path = HERE
    """The folder from which that version of `todo_cli` is imported."""

    @property
    def columns(self) -> str:
        """The columns to fill, of which that version can call one by its old name."""
        revisions = self.package / "todo_cli/database/migrations/versions"
        done = "is_done" if list(revisions.glob("0004*")) else "completed"
        return _COLUMNS.format(done=done)

    def variables(self, url: str = "", **more: str) -> dict[str, str]:
        """A sealed environment: none of the developer's settings, the version importable."""
        ours = {
            "HOME": str(self.folder),
            "LC_ALL": "C.UTF-8",
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": str(self.package),
            "TODO_DATABASE_URL": url,
            "TODO_USER": USER,
        }
        return ours | more

    @contextmanager
    def empty(self, kind: str) -> Iterator[Store]:
        """A store without tasks of `USER`, its tables made by the program; gone at the end."""
        with TemporaryDirectory(dir=self.folder) as folder:
            url = f"sqlite:///{folder}/todo.db"
            database = ""
            if kind == "postgresql":
                database = self.server.create_database()
                url = self.server.url(database)
            try:
                variables = self.variables(url, TODO_USER="first")
                measure(Run(todo("add", "Make the tables"), variables))
                yield Store(kind, url)
            finally:
                if database:
                    self.server.drop_database(database)

    @contextmanager
    def filled(self, kind: str, tasks: int, shape: Shape) -> Iterator[Store]:
        """A store in which `USER` has tasks of a shape; on PostgreSQL analyzed, as
        autovacuum does after a while.
        """
        with self.empty(kind) as store:
            if kind == "postgresql":
                database = store.url.rpartition("/")[2]
                sql = _postgresql(tasks, shape, self.columns)
                self.server.run_sql(database, sql)
                self.server.run_sql(database, "ANALYZE todo.task")
            else:
                path = Path(store.url.removeprefix("sqlite:///"))
                _fill_sqlite(path, tasks, _sqlite(tasks, shape, self.columns))
            yield store


@dataclass(frozen=True, slots=True)
class Bench:
    """What every part measures with."""

    stores: Stores
    before: Stores | None
    """Those of the older version, where there is one."""
    is_quick: bool

    @property
    def versions(self) -> dict[str, Stores]:
        """Each version under the name that figures call it by."""
        versions = {"todo": self.stores}
        if self.before is not None:
            versions["before"] = self.before
        return versions

    def choose(self, quick: int, full: int) -> int:
        """A number of rounds or tasks."""
        return quick if self.is_quick else full


def check_out(commit: str, folder: Path) -> Path:
    """Write the package as it was at a commit into a new folder, which is returned."""
    archive = subprocess.run(
        ["git", "archive", commit, "todo_cli"],
        cwd=HERE,
        capture_output=True,
        check=True,
    )
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder


def _fill_sqlite(path: Path, tasks: int, sql: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA cache_size=-400000")
        connection.execute(sql)
        connection.execute(
            "INSERT INTO counter (user_id, last) VALUES (?, ?)", (USER, tasks)
        )
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _sqlite(tasks: int, shape: Shape, columns: str) -> str:
    return f"""
        WITH RECURSIVE series(i) AS (
            SELECT 1 UNION ALL SELECT i + 1 FROM series WHERE i < {tasks}
        ),
        made AS (
            SELECT i, {shape.completed.format(n=tasks)} AS done,
                strftime('%Y-%m-%dT%H:%M:%S', {_START} + {shape.seconds}, 'unixepoch')
                    || '.000000Z' AS at
            FROM series
        )
        INSERT INTO task ({columns}) SELECT {UUID}, {_VALUES} FROM made
    """


def _postgresql(tasks: int, shape: Shape, columns: str) -> str:
    return f"""
        WITH made AS (
            SELECT i, {shape.completed.format(n=tasks)} AS done,
                to_timestamp({_START} + {shape.seconds}) AS at
            FROM generate_series(1, {tasks}) AS i
        )
        INSERT INTO todo.task ({columns}) SELECT gen_random_uuid(), {_VALUES} FROM made;
        INSERT INTO todo.counter (user_id, last) VALUES ('{USER}', {tasks})
    """
