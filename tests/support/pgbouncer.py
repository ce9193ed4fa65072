"""A real PgBouncer in transaction mode before the PostgreSQL of the tests."""

import shutil
import signal
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import pytest

from tests.support.machine import keeps_prepared_statements
from tests.support.postgres import ADMIN, PostgresCluster
from tests.support.servers import ServerFolder, free_port

START_LIMIT_S = 30
SETTINGS = """\
[databases]
* = host=127.0.0.1 port={upstream}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
pidfile = {folder}/pid
auth_type = scram-sha-256
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = 1000
ignore_startup_parameters = extra_float_digits
"""


class PgBouncer:
    """A pooler as Neon runs it; use it in a `with`. Ports and users are those of the
    server behind it.
    """

    def __init__(
        self,
        server: PostgresCluster,
        *,
        max_prepared_statements: int = 0,
        pool_size: int = 10,
        users: Mapping[str, str] | None = None,
    ) -> None:
        program = shutil.which("pgbouncer")
        assert program is not None, "the test has to say `needs('pgbouncer')`"
        if max_prepared_statements and not keeps_prepared_statements():
            raise ValueError("this PgBouncer has no max_prepared_statements")
        self._program = Path(
            program
        ).resolve()  # the server's account cannot enter the folders of a test
        self._upstream = server.port
        self._pool_size = pool_size
        self._max_prepared_statements = max_prepared_statements
        self._users = {ADMIN: server.password, **(users or {})}
        self.host = "127.0.0.1"
        self.port = 0

    def __enter__(self) -> Self:
        self._folder = ServerFolder("pgbouncer", "pid", signal.SIGKILL)
        self._folder.write(
            "users",
            "".join(
                f'"{name}" "{password}"\n'
                for name, password in self._users.items()
            ),
        )
        for _ in range(5):  # a port that was free may be taken a moment later
            self.port = free_port()
            self._process = self._folder.start(self._program, self._settings())
            if self._is_ready():
                return self
        log = self._folder.log_tail()
        self._folder.close()
        pytest.fail(f"PgBouncer does not start:\n{log}", pytrace=False)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._folder.close()

    def url(self, database: str, *, user: str = ADMIN) -> str:
        """The connection string of a database through the pooler."""
        login = f"{quote(user, safe='')}:{quote(self._users[user], safe='')}"
        return f"postgresql://{login}@{self.host}:{self.port}/{database}"

    def _settings(self) -> Path:
        text = SETTINGS.format(
            folder=self._folder.path,
            port=self.port,
            upstream=self._upstream,
            pool_size=self._pool_size,
        )
        if keeps_prepared_statements():
            text += (
                f"max_prepared_statements = {self._max_prepared_statements}\n"
            )
        return self._folder.write("pgbouncer.ini", text)

    def _is_ready(self) -> bool:
        """Wait until it listens; False when it ends instead."""
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with (
                suppress(OSError),
                socket.create_connection((self.host, self.port)),
            ):
                return True
            time.sleep(0.01)
        self._process.kill()
        self._process.wait()
        return False
