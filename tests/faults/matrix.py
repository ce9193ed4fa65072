"""What goes wrong around one run of the program, and what must come of it: a table.

What must hold for every row is said once, in `test_matrix.py`. What needs more than one
run, such as signals, crashes and two programs at once, has tests of its own.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from tests.cli.tampering import path_of, set_text
from tests.faults.signals import (
    BOTH,
    POSTGRES,
    SQLITE,
    asleep,
    black_hole,
    held,
)
from tests.faults.workspace import Workspace
from tests.support.before import close_streams, give_up_soon
from tests.support.gatekeeper import Gatekeeper
from tests.support.servers import free_port

TITLES: Final = ("one", "two", "three")
"""What is stored before each fault, all of it ada's, numbered from 1."""


OPTIONS: Final = "-c%20"


@dataclass(frozen=True, slots=True)
class Setup:
    """Where a command runs once its fault has been arranged: a way to the store, and
    what is wrong with its streams.
    """

    url: str
    stdout: int | None = None
    before: Callable[[], object] | None = None


Arrange = Callable[[Workspace], AbstractContextManager[Setup]]


@contextmanager
def as_it_is(workspace: Workspace) -> Iterator[Setup]:
    """Nothing is wrong but the command itself."""
    yield Setup(workspace.store.url)


@dataclass(frozen=True, slots=True)
class FaultCase:
    """A fault, a command that meets it, and what must come of it."""

    row: int
    name: str
    command: Sequence[str]
    comes_to: str
    """An error code; `done`, `reader gone` or `no stdout`."""
    arrange: Arrange = as_it_is
    stores: Sequence[str] = BOTH
    stdin: bytes = b""
    env: Mapping[str, str | None] = field(default_factory=dict)
    user: str = "ada"
    adds: Sequence[str] = ()
    """Titles that are stored by it; without any the store is exactly as it was."""
    is_damaging: bool = False
    """Whether the store is not to be used afterwards."""
    shows: Sequence[str] = ()
    """What stands in its output, in words and in JSON."""


# Ways to arrange one


@contextmanager
def reader_gone(workspace: Workspace) -> Iterator[Setup]:
    """Nobody reads standard output any more."""
    reading, writing = os.pipe()
    os.close(reading)
    yield Setup(workspace.store.url, stdout=writing)
    os.close(writing)


@contextmanager
def disk_full(workspace: Workspace) -> Iterator[Setup]:
    """Standard output is a file on a full disk."""
    full = os.open("/dev/full", os.O_WRONLY)
    yield Setup(workspace.store.url, stdout=full)
    os.close(full)


@contextmanager
def stdout_for_reading(workspace: Workspace) -> Iterator[Setup]:
    """Standard output cannot be written at all."""
    null = os.open(os.devnull, os.O_RDONLY)
    yield Setup(workspace.store.url, stdout=null)
    os.close(null)


def closed(*streams: int) -> Arrange:
    """Some of the standard streams are closed."""

    @contextmanager
    def arrange(workspace: Workspace) -> Iterator[Setup]:
        yield Setup(
            workspace.store.url, before=partial(close_streams, *streams)
        )

    return arrange


def stored(title: str) -> Arrange:
    """The first task has got a title past every rule, as another program could give it."""

    @contextmanager
    def arrange(workspace: Workspace) -> Iterator[Setup]:
        set_text(workspace.store, 1, "title", title)
        yield Setup(workspace.store.url)

    return arrange


def changed(**sql: str) -> Arrange:
    """Somebody has changed the store by SQL, which is given for each kind."""

    @contextmanager
    def arrange(workspace: Workspace) -> Iterator[Setup]:
        workspace.execute(sql[workspace.store.kind])
        yield Setup(workspace.store.url)

    return arrange


def content(data: bytes | None) -> Arrange:
    """Something else is in the place of the file: these bytes, or a folder."""

    @contextmanager
    def arrange(workspace: Workspace) -> Iterator[Setup]:
        path = path_of(workspace.store)
        for file in path.parent.glob(f"{path.name}*"):
            file.unlink()
        if data is None:
            path.mkdir()
        else:
            path.write_bytes(data)
        yield Setup(workspace.store.url)
        assert data is None or path.read_bytes() == data or data == b""

    return arrange


@contextmanager
def damaged(workspace: Workspace) -> Iterator[Setup]:
    """All pages of the file but the first are nonsense."""
    path = path_of(workspace.store)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    sound = path.read_bytes()
    path.write_bytes(sound[:4096] + b"\xff" * (len(sound) - 4096))
    yield Setup(workspace.store.url)
    assert path.read_bytes()[4096:] == b"\xff" * (len(sound) - 4096)


def at(form: Callable[[Workspace], str]) -> Arrange:
    """The program is told another way to the store."""

    @contextmanager
    def arrange(workspace: Workspace) -> Iterator[Setup]:
        yield Setup(form(workspace))

    return arrange


def refused(workspace: Workspace) -> str:
    """A port that nobody listens on."""
    return f"postgresql://ada:secret@127.0.0.1:{free_port()}/db"


def login(
    user: str = "ada", database: str = "postgres"
) -> Callable[[Workspace], str]:
    """A login that the server does not know, or a database."""

    def form(workspace: Workspace) -> str:
        assert workspace.server is not None
        if user == "ada":
            return workspace.server.url(database, user=user, password="secret")
        return workspace.server.url(database)

    return form


def query(parameters: str) -> Callable[[Workspace], str]:
    """The right connection string with more parameters."""
    return lambda workspace: f"{workspace.store.url}?{parameters}"


def elsewhere(
    state: Callable[[Workspace], AbstractContextManager[Workspace]],
    parameters: str = "",
    before: Callable[[], object] | None = None,
) -> Arrange:
    """A state in which a program waits, with a connection string that says for how long."""

    @contextmanager
    def arrange(workspace: Workspace) -> Iterator[Setup]:
        with state(workspace) as setup:
            yield Setup(f"{setup.store.url}{parameters}", before=before)

    return arrange


@contextmanager
def crowded(workspace: Workspace) -> Iterator[Setup]:
    """A server that has no connection to spare."""
    assert workspace.server is not None
    with Gatekeeper(workspace.server.host, workspace.server.port) as gate:
        gate.answers = [("53300", "sorry, too many clients already")] * 99
        yield Setup(f"postgresql://ada@127.0.0.1:{gate.port}/db")


SOON: Final = {"TODO_TIMEOUT": "1"}
"""So that nobody waits for the fifteen seconds that a database may take."""
NASTY: Final = "A\x1b]0;owned\x07\x9b31m\x7f\rZ"
BIDI: Final = "A\u202e\u2066\u2028\u2029Z"
MARKUP: Final = (
    "[/] [bold]x[/] [link=https://example.com]x[/link] :smile: C:\\[x]"
)
SCRIPTS: Final = "👩\u200d👩\u200d👧 e\u0301 é می\u200cخواهم \u200fשלום 买牛奶"
INJECTION: Final = "Robert'); DROP TABLE task;--"
UNFIT: Final = {
    "sqlite": "DROP TABLE task",
    "postgresql": "DROP TABLE todo.task CASCADE",
}
NEWER: Final = {
    "sqlite": "UPDATE alembic_version SET version_num = '9999'; DROP TABLE task",
    "postgresql": "UPDATE todo.alembic_version SET version_num = '9999'; DROP TABLE todo.task CASCADE",
}
LATE: Final = ("add", "late")
LIST: Final = ("list",)

FAULTS: Final = (
    FaultCase(
        1,
        "reader of a list gone",
        LIST,
        "reader gone",
        reader_gone,
        stores=SQLITE,
    ),
    FaultCase(
        1,
        "and unbuffered",
        LIST,
        "reader gone",
        reader_gone,
        env={"PYTHONUNBUFFERED": "1"},
        stores=SQLITE,
    ),
    FaultCase(
        2,
        "reader of a write gone",
        LATE,
        "reader gone",
        reader_gone,
        adds=["late"],
    ),
    FaultCase(
        3,
        "stdout closed for a list",
        LIST,
        "no stdout",
        closed(1),
        stores=SQLITE,
    ),
    FaultCase(
        3,
        "stdout closed for a write",
        LATE,
        "no stdout",
        closed(1),
        adds=["late"],
        shows=["hint: the change was saved: Added "],
    ),
    FaultCase(
        3,
        "stdout cannot be written",
        LATE,
        "no stdout",
        stdout_for_reading,
        adds=["late"],
        shows=["hint: the change was saved: Added "],
    ),
    FaultCase(
        4, "disk full for a list", LIST, "no stdout", disk_full, stores=SQLITE
    ),
    FaultCase(
        4,
        "disk full for a write",
        LATE,
        "no stdout",
        disk_full,
        adds=["late"],
        shows=["hint: the change was saved: Added "],
    ),
    FaultCase(
        5,
        "stderr closed",
        LIST,
        "done",
        closed(2),
        shows=TITLES,
        stores=SQLITE,
    ),
    FaultCase(
        5, "stdin and stderr closed", LATE, "done", closed(0, 2), adds=["late"]
    ),
    FaultCase(13, "nobody to ask", ["purge", "1-3"], "CONFIRMATION_REQUIRED"),
    FaultCase(
        15,
        "no width",
        LIST,
        "done",
        env={"COLUMNS": "0", "TERM": "dumb", "CI": "1"},
        shows=TITLES,
        stores=SQLITE,
    ),
    FaultCase(
        15,
        "odd width",
        LIST,
        "done",
        env={"COLUMNS": "-5", "TERM": "", "FORCE_COLOR": "1"},
        shows=TITLES,
        stores=SQLITE,
    ),
    FaultCase(
        16,
        "escapes are stored",
        ["show", "1"],
        "done",
        stored(NASTY),
        is_damaging=True,
    ),
    FaultCase(
        16,
        "escapes are stored, listed",
        LIST,
        "done",
        stored(NASTY),
        is_damaging=True,
        shows=["two", "three"],
    ),
    FaultCase(
        17,
        "bidi is stored",
        ["done", "1"],
        "done",
        stored(BIDI),
        is_damaging=True,
    ),
    FaultCase(18, "markup", ["add", "--", MARKUP], "done", adds=[MARKUP]),
    FaultCase(
        19,
        "control characters in a title",
        ["add", "a\x1bb"],
        "INVALID_INPUT",
        shows=["title", "U+001B"],
        stores=SQLITE,
    ),
    FaultCase(
        19,
        "control characters in a user",
        LIST,
        "INVALID_INPUT",
        user="a\tb",
        shows=["user"],
        stores=SQLITE,
    ),
    FaultCase(
        20,
        "NUL on stdin",
        ["add", "-"],
        "INVALID_INPUT",
        stdin=b"one\na\0b\n",
        shows=["line 2"],
        stores=SQLITE,
    ),
    FaultCase(
        21,
        "not UTF-8 in a title",
        ["add", "caf\udce9"],
        "INVALID_INPUT",
        stores=SQLITE,
    ),
    FaultCase(
        21,
        "not UTF-8 on stdin",
        ["add", "x", "-d", "-"],
        "INVALID_INPUT",
        stdin=b"caf\xe9",
        stores=SQLITE,
    ),
    FaultCase(
        23,
        "title too long",
        ["add", "x" * 201],
        "INVALID_INPUT",
        shows=["title", "200"],
        stores=SQLITE,
    ),
    FaultCase(
        23,
        "description too long",
        ["add", "x", "-d", "x" * 10_001],
        "INVALID_INPUT",
        shows=["description"],
        stores=SQLITE,
    ),
    FaultCase(
        23,
        "largest argument",
        ["add", "x" * 131_000],
        "INVALID_INPUT",
        stores=SQLITE,
    ),
    FaultCase(24, "empty title", ["add", ""], "INVALID_INPUT", stores=SQLITE),
    FaultCase(
        24,
        "invisible title",
        ["update", "1", "--title", "\u200b \u2060"],
        "INVALID_INPUT",
        stores=SQLITE,
    ),
    FaultCase(
        25, "title like an option", ["add", "-x"], "USAGE", stores=SQLITE
    ),
    FaultCase(
        25, "title after dashes", ["add", "--", "-x"], "done", adds=["-x"]
    ),
    FaultCase(25, "dash after dashes", ["add", "--", "-"], "done", adds=["-"]),
    FaultCase(
        26,
        "every script",
        ["add", SCRIPTS],
        "done",
        adds=[SCRIPTS],
        shows=[SCRIPTS],
    ),
    FaultCase(
        27,
        "number with an underscore",
        ["show", "1_0"],
        "INVALID_INPUT",
        shows=["1_0"],
        stores=SQLITE,
    ),
    FaultCase(
        27,
        "number in other digits",
        ["done", "٣"],
        "INVALID_INPUT",
        stores=SQLITE,
    ),
    FaultCase(
        27,
        "number with a sign",
        ["delete", "+1"],
        "INVALID_INPUT",
        stores=SQLITE,
    ),
    FaultCase(28, "largest number", ["show", "999999999"], "NOT_FOUND"),
    FaultCase(
        28,
        "number of 32 bits",
        ["done", "2147483648"],
        "NOT_FOUND",
    ),
    FaultCase(
        28,
        "number of 64 bits",
        ["show", "9223372036854775808"],
        "NOT_FOUND",
    ),
    FaultCase(
        28,
        "number of 5,000 digits",
        ["delete", "9" * 5000],
        "INVALID_INPUT",
        stores=SQLITE,
    ),
    FaultCase(
        30,
        "time zone unknown",
        LATE,
        "done",
        env={"TZ": "Nowhere/At_All"},
        adds=["late"],
    ),
    FaultCase(
        32,
        "server refuses",
        LATE,
        "DATABASE_UNAVAILABLE",
        at(refused),
        POSTGRES,
        shows=["127.0.0.1"],
    ),
    FaultCase(
        32,
        "host unknown",
        LIST,
        "DATABASE_UNAVAILABLE",
        at(lambda _: "postgresql://ada:secret@nosuch.invalid/db"),
        POSTGRES,
        shows=["nosuch.invalid"],
    ),
    FaultCase(
        33,
        "server silent",
        LATE,
        "TIMEOUT",
        elsewhere(black_hole),
        POSTGRES,
        env=SOON,
        shows=["TODO_TIMEOUT"],
    ),
    FaultCase(
        33,
        "server never wakes",
        LATE,
        "DATABASE_UNAVAILABLE",
        elsewhere(asleep),
        POSTGRES,
        env=SOON,
    ),
    FaultCase(
        34,
        "role or password wrong",
        LIST,
        "AUTH_FAILED",
        at(login()),
        POSTGRES,
    ),
    FaultCase(
        34,
        "database missing",
        LATE,
        "CONFIG",
        at(login("admin", "nowhere")),
        POSTGRES,
        shows=["nowhere"],
    ),
    FaultCase(
        35,
        "@ in a password",
        LIST,
        "CONFIG",
        at(lambda _: "postgresql://ada:sec@ret@127.0.0.1/db"),
        POSTGRES,
    ),
    FaultCase(
        35,
        "bad port",
        LATE,
        "CONFIG",
        at(lambda _: "postgresql://ada:secret@127.0.0.1:x/db"),
        POSTGRES,
    ),
    FaultCase(
        35,
        "garbage",
        LATE,
        "CONFIG",
        at(lambda _: "mysql://ada:secret@127.0.0.1/db"),
        POSTGRES,
    ),
    FaultCase(35, "nothing", LATE, "CONFIG", at(lambda _: " ")),
    FaultCase(
        36,
        "no TLS",
        LATE,
        "TLS_FAILED",
        at(query("sslmode=verify-full")),
        POSTGRES,
        shows=["TLS"],
    ),
    FaultCase(
        39,
        "statement takes too long",
        LATE,
        "TIMEOUT",
        elsewhere(held, f"?options={OPTIONS}statement_timeout%3D200"),
        POSTGRES,
    ),
    FaultCase(
        39,
        "lock takes too long",
        LATE,
        "DATABASE_BUSY",
        elsewhere(held, f"?options={OPTIONS}lock_timeout%3D200", give_up_soon),
        POSTGRES,
    ),
    FaultCase(
        40,
        "too many connections",
        LATE,
        "DATABASE_BUSY",
        crowded,
        POSTGRES,
        env=SOON,
    ),
    FaultCase(
        42,
        "server read-only",
        LATE,
        "FORBIDDEN",
        at(query(f"options={OPTIONS}default_transaction_read_only%3Don")),
        POSTGRES,
        shows=["read-only"],
    ),
    FaultCase(
        42,
        "server read-only, read",
        LIST,
        "done",
        at(query(f"options={OPTIONS}default_transaction_read_only%3Don")),
        POSTGRES,
        shows=TITLES,
    ),
    FaultCase(
        43, "table gone", LATE, "SCHEMA", changed(**UNFIT), is_damaging=True
    ),
    FaultCase(
        43,
        "table gone, read",
        LIST,
        "SCHEMA",
        changed(**UNFIT),
        is_damaging=True,
    ),
    FaultCase(
        43,
        "schema newer",
        ["done", "1"],
        "SCHEMA",
        changed(**NEWER),
        is_damaging=True,
    ),
    FaultCase(
        47,
        "done with a task of somebody else",
        ["done", "1"],
        "NOT_FOUND",
        user="bob",
        shows=["No task 1 for bob; nothing was changed"],
    ),
    FaultCase(
        47,
        "delete a task of somebody else",
        ["delete", "1"],
        "NOT_FOUND",
        user="bob",
        shows=["No task 1 for bob; nothing was changed"],
    ),
    FaultCase(
        47,
        "token of somebody else",
        ["token", "revoke", "ci"],
        "NOT_FOUND",
        user="bob",
        shows=["No token ci for bob; nothing was changed"],
    ),
    FaultCase(
        56,
        "token as an argument",
        ["token", "revoke", "todo_pat_secret"],
        "INVALID_INPUT",
        shows=["name"],
        stores=SQLITE,
    ),
    FaultCase(
        49,
        "no database",
        LATE,
        "IO_ERROR",
        content(b"not a database, " * 99),
        SQLITE,
        is_damaging=True,
    ),
    FaultCase(
        49,
        "no database, read",
        LIST,
        "IO_ERROR",
        content(b"short"),
        SQLITE,
        is_damaging=True,
    ),
    FaultCase(
        49,
        "damaged pages",
        LIST,
        "IO_ERROR",
        damaged,
        SQLITE,
        is_damaging=True,
    ),
    FaultCase(
        49,
        "damaged pages, write",
        LATE,
        "IO_ERROR",
        damaged,
        SQLITE,
        is_damaging=True,
    ),
    FaultCase(
        49, "empty file", LIST, "done", content(b""), SQLITE, is_damaging=True
    ),
    FaultCase(
        49, "folder", LATE, "IO_ERROR", content(None), SQLITE, is_damaging=True
    ),
    FaultCase(
        56,
        "SQL in a title",
        ["add", INJECTION],
        "done",
        adds=[INJECTION],
        shows=[INJECTION],
    ),
    FaultCase(
        56,
        "SQL in a status",
        ["list", "--status", "all'; drop"],
        "USAGE",
        stores=SQLITE,
    ),
    FaultCase(
        56,
        "limit too large",
        ["list", "--limit", "2147483648"],
        "INVALID_INPUT",
        shows=["limit"],
        stores=SQLITE,
    ),
    FaultCase(
        56,
        "limit negative",
        ["list", "--limit", "-1"],
        "INVALID_INPUT",
        shows=["limit"],
        stores=SQLITE,
    ),
)
