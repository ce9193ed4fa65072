"""Everything that goes wrong around the program: one table of 56 rows, with what must come of each.

A row has faults that are tried here, each on each store where it can occur, or names
the tests that hold it where it needs more than one process that is given a fault, or is
left out for a reason. What must hold for every one of them is said once, in
`test_matrix.py`.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from tests.cli.tampering import path_of, set_text
from tests.faults.ground import Ground
from tests.faults.signals import BOTH, POSTGRES, SQLITE, asleep, black_hole, held
from tests.support.before import close_streams
from tests.support.gatekeeper import Gatekeeper
from tests.support.servers import free_port
from tests.support.turns import Fault as Cut
from tests.support.turns import TurnProxy

TITLES: Final = ("one", "two", "three")
"""What is stored before each fault, all of it ada's, numbered from 1."""
ID: Final = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
PARSE, EXECUTE = 1, 2
OPTIONS: Final = "-c%20"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command runs once its fault has been arranged: a way to the store, and
    what is wrong with its streams.
    """

    url: str
    stdout: int | None = None
    before: Callable[[], object] | None = None


Arrange = Callable[[Ground], AbstractContextManager[Place]]


@contextmanager
def as_it_is(ground: Ground) -> Iterator[Place]:
    """Nothing is wrong but the command itself."""
    yield Place(ground.store.url)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: a command that meets it, and what must come of it."""

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
def reader_gone(ground: Ground) -> Iterator[Place]:
    """Nobody reads standard output any more."""
    reading, writing = os.pipe()
    os.close(reading)
    yield Place(ground.store.url, stdout=writing)
    os.close(writing)


@contextmanager
def disk_full(ground: Ground) -> Iterator[Place]:
    """Standard output is a file on a full disk."""
    full = os.open("/dev/full", os.O_WRONLY)
    yield Place(ground.store.url, stdout=full)
    os.close(full)


@contextmanager
def stdout_for_reading(ground: Ground) -> Iterator[Place]:
    """Standard output cannot be written at all."""
    null = os.open(os.devnull, os.O_RDONLY)
    yield Place(ground.store.url, stdout=null)
    os.close(null)


def closed(*streams: int) -> Arrange:
    """Some of the standard streams are closed."""

    @contextmanager
    def arrange(ground: Ground) -> Iterator[Place]:
        yield Place(ground.store.url, before=partial(close_streams, *streams))

    return arrange


def stored(title: str) -> Arrange:
    """The first task has got a title past every rule, as another program could give it."""

    @contextmanager
    def arrange(ground: Ground) -> Iterator[Place]:
        set_text(ground.store, 1, "title", title)
        yield Place(ground.store.url)

    return arrange


def changed(**sql: str) -> Arrange:
    """Somebody has changed the store by SQL, which is given for each kind."""

    @contextmanager
    def arrange(ground: Ground) -> Iterator[Place]:
        ground.execute(sql[ground.store.kind])
        yield Place(ground.store.url)

    return arrange


def content(data: bytes | None) -> Arrange:
    """Something else is in the place of the file: these bytes, or a folder."""

    @contextmanager
    def arrange(ground: Ground) -> Iterator[Place]:
        path = path_of(ground.store)
        for file in path.parent.glob(f"{path.name}*"):
            file.unlink()
        if data is None:
            path.mkdir()
        else:
            path.write_bytes(data)
        yield Place(ground.store.url)
        assert data is None or path.read_bytes() == data or data == b""

    return arrange


@contextmanager
def damaged(ground: Ground) -> Iterator[Place]:
    """All pages of the file but the first are nonsense."""
    path = path_of(ground.store)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    sound = path.read_bytes()
    path.write_bytes(sound[:4096] + b"\xff" * (len(sound) - 4096))
    yield Place(ground.store.url)
    assert path.read_bytes()[4096:] == b"\xff" * (len(sound) - 4096)


def at(form: Callable[[Ground], str]) -> Arrange:
    """The program is told another way to the store."""

    @contextmanager
    def arrange(ground: Ground) -> Iterator[Place]:
        yield Place(form(ground))

    return arrange


def refused(ground: Ground) -> str:
    """A port that nobody listens on."""
    return f"postgresql://ada:secret@127.0.0.1:{free_port()}/db"


def login(user: str = "ada", database: str = "postgres") -> Callable[[Ground], str]:
    """A login that the server does not know, or a database."""

    def form(ground: Ground) -> str:
        assert ground.server is not None
        if user == "ada":
            return ground.server.url(database, user=user, password="secret")
        return ground.server.url(database)

    return form


def query(parameters: str) -> Callable[[Ground], str]:
    """The right connection string with more parameters."""
    return lambda ground: f"{ground.store.url}?{parameters}"


def through(*cuts: Cut) -> Arrange:
    """A line that goes down."""

    @contextmanager
    def arrange(ground: Ground) -> Iterator[Place]:
        assert ground.server is not None
        with TurnProxy(ground.server.host, ground.server.port) as proxy:
            proxy.faults += cuts
            yield Place(
                ground.store.url.replace(f":{ground.server.port}/", f":{proxy.port}/")
            )
            assert proxy.connections == 2

    return arrange


def elsewhere(
    state: Callable[[Ground], AbstractContextManager[Ground]], parameters: str = ""
) -> Arrange:
    """A state in which a program waits, with a connection string that says for how long."""

    @contextmanager
    def arrange(ground: Ground) -> Iterator[Place]:
        with state(ground) as place:
            yield Place(f"{place.store.url}{parameters}")

    return arrange


@contextmanager
def crowded(ground: Ground) -> Iterator[Place]:
    """A server that has no connection to spare."""
    assert ground.server is not None
    with Gatekeeper(ground.server.host, ground.server.port) as gate:
        gate.answers = [("53300", "sorry, too many clients already")] * 99
        yield Place(f"postgresql://ada@127.0.0.1:{gate.port}/db")


SOON: Final = {"TODO_TIMEOUT": "1"}
"""So that nobody waits for the fifteen seconds that a database may take."""
NASTY: Final = "A\x1b]0;owned\x07\x9b31m\x7f\rZ"
BIDI: Final = "A\u202e\u2066\u2028\u2029Z"
MARKUP: Final = "[/] [bold]x[/] [link=https://example.com]x[/link] :smile: C:\\[x]"
SCRIPTS: Final = "👩\u200d👩\u200d👧 e\u0301 é می\u200cخواهم \u200fשלום 买牛奶"
INJECTION: Final = "Robert'); DROP TABLE task;--"
UNFIT: Final = {"sqlite": "DROP TABLE task", "postgresql": "DROP TABLE todo.task"}
NEWER: Final = {
    "sqlite": "UPDATE alembic_version SET version_num = '9999'; DROP TABLE task",
    "postgresql": "UPDATE todo.alembic_version SET version_num = '9999'; DROP TABLE todo.task",
}
LATE: Final = ("add", "late")
LIST: Final = ("list",)

FAULTS: Final = (
    Fault(1, "reader of a list gone", LIST, "reader gone", reader_gone),
    Fault(
        1,
        "and unbuffered",
        LIST,
        "reader gone",
        reader_gone,
        env={"PYTHONUNBUFFERED": "1"},
    ),
    Fault(2, "reader of a write gone", LATE, "reader gone", reader_gone, adds=["late"]),
    Fault(3, "stdout closed for a list", LIST, "no stdout", closed(1)),
    Fault(
        3,
        "stdout closed for a write",
        LATE,
        "no stdout",
        closed(1),
        adds=["late"],
        shows=["hint: the change was saved: Added "],
    ),
    Fault(
        3,
        "stdout cannot be written",
        LATE,
        "no stdout",
        stdout_for_reading,
        adds=["late"],
        shows=["hint: the change was saved: Added "],
    ),
    Fault(4, "disk full for a list", LIST, "no stdout", disk_full),
    Fault(
        4,
        "disk full for a write",
        LATE,
        "no stdout",
        disk_full,
        adds=["late"],
        shows=["hint: the change was saved: Added "],
    ),
    Fault(5, "stderr closed", LIST, "done", closed(2), shows=TITLES),
    Fault(5, "stdin and stderr closed", LATE, "done", closed(0, 2), adds=["late"]),
    Fault(13, "nobody to ask", ["delete", "1-3"], "CONFIRMATION_REQUIRED"),
    Fault(
        15,
        "no width",
        LIST,
        "done",
        env={"COLUMNS": "0", "TERM": "dumb", "CI": "1"},
        shows=TITLES,
    ),
    Fault(
        15,
        "odd width",
        LIST,
        "done",
        env={"COLUMNS": "-5", "TERM": "", "FORCE_COLOR": "1"},
        shows=TITLES,
    ),
    Fault(
        16, "escapes are stored", ["show", "1"], "done", stored(NASTY), is_damaging=True
    ),
    Fault(
        16,
        "escapes are stored, listed",
        LIST,
        "done",
        stored(NASTY),
        is_damaging=True,
        shows=["two", "three"],
    ),
    Fault(17, "bidi is stored", ["done", "1"], "done", stored(BIDI), is_damaging=True),
    Fault(18, "markup", ["add", "--", MARKUP], "done", adds=[MARKUP]),
    Fault(
        19,
        "control characters in a title",
        ["add", "a\x1bb"],
        "INVALID_INPUT",
        shows=["title", "U+001B"],
    ),
    Fault(
        19,
        "control characters in a user",
        LIST,
        "INVALID_INPUT",
        user="a\tb",
        shows=["user"],
    ),
    Fault(
        20,
        "NUL on stdin",
        ["add", "-"],
        "INVALID_INPUT",
        stdin=b"one\na\0b\n",
        shows=["line 2"],
    ),
    Fault(21, "not UTF-8 in a title", ["add", "caf\udce9"], "INVALID_INPUT"),
    Fault(
        21,
        "not UTF-8 on stdin",
        ["add", "x", "-d", "-"],
        "INVALID_INPUT",
        stdin=b"caf\xe9",
    ),
    Fault(
        23,
        "title too long",
        ["add", "x" * 201],
        "INVALID_INPUT",
        shows=["title", "200"],
    ),
    Fault(
        23,
        "description too long",
        ["add", "x", "-d", "x" * 10_001],
        "INVALID_INPUT",
        shows=["description"],
    ),
    Fault(23, "largest argument", ["add", "x" * 131_000], "INVALID_INPUT"),
    Fault(24, "empty title", ["add", ""], "INVALID_INPUT"),
    Fault(
        24,
        "invisible title",
        ["update", "1", "--title", "\u200b \u2060"],
        "INVALID_INPUT",
    ),
    Fault(25, "title like an option", ["add", "-x"], "USAGE"),
    Fault(25, "title after dashes", ["add", "--", "-x"], "done", adds=["-x"]),
    Fault(25, "dash after dashes", ["add", "--", "-"], "done", adds=["-"]),
    Fault(
        26, "every script", ["add", SCRIPTS], "done", adds=[SCRIPTS], shows=[SCRIPTS]
    ),
    Fault(
        27, "number with an underscore", ["show", "1_0"], "INVALID_INPUT", shows=["1_0"]
    ),
    Fault(27, "number in other digits", ["done", "٣"], "INVALID_INPUT"),
    Fault(27, "number with a sign", ["delete", "+1"], "INVALID_INPUT"),
    Fault(28, "largest number", ["show", "999999999"], "NOT_FOUND"),
    Fault(28, "number of 32 bits", ["done", "2147483648"], "INVALID_INPUT"),
    Fault(28, "number of 5,000 digits", ["delete", "9" * 5000], "INVALID_INPUT"),
    Fault(
        30,
        "time zone unknown",
        LATE,
        "done",
        env={"TZ": "Nowhere/At_All"},
        adds=["late"],
    ),
    Fault(
        32,
        "server refuses",
        LATE,
        "DATABASE_UNAVAILABLE",
        at(refused),
        POSTGRES,
        shows=["127.0.0.1"],
    ),
    Fault(
        32,
        "host unknown",
        LIST,
        "DATABASE_UNAVAILABLE",
        at(lambda _: "postgresql://ada:secret@nosuch.invalid/db"),
        POSTGRES,
        shows=["nosuch.invalid"],
    ),
    Fault(
        33,
        "server silent",
        LATE,
        "TIMEOUT",
        elsewhere(black_hole),
        POSTGRES,
        env=SOON,
        shows=["TODO_TIMEOUT"],
    ),
    Fault(
        33,
        "server never wakes",
        LATE,
        "DATABASE_UNAVAILABLE",
        elsewhere(asleep),
        POSTGRES,
        env=SOON,
    ),
    Fault(34, "role or password wrong", LIST, "AUTH_FAILED", at(login()), POSTGRES),
    Fault(
        34,
        "database missing",
        LATE,
        "CONFIG",
        at(login("admin", "nowhere")),
        POSTGRES,
        shows=["nowhere"],
    ),
    Fault(
        35,
        "@ in a password",
        LIST,
        "CONFIG",
        at(lambda _: "postgresql://ada:sec@ret@127.0.0.1/db"),
        POSTGRES,
    ),
    Fault(
        35,
        "bad port",
        LATE,
        "CONFIG",
        at(lambda _: "postgresql://ada:secret@127.0.0.1:x/db"),
        POSTGRES,
    ),
    Fault(
        35,
        "garbage",
        LATE,
        "CONFIG",
        at(lambda _: "mysql://ada:secret@127.0.0.1/db"),
        POSTGRES,
    ),
    Fault(35, "nothing", LATE, "CONFIG", at(lambda _: " ")),
    Fault(
        36,
        "no TLS",
        LATE,
        "TLS_FAILED",
        at(query("sslmode=verify-full")),
        POSTGRES,
        shows=["TLS"],
    ),
    Fault(
        37,
        "cut before a read",
        LIST,
        "done",
        through(Cut("before", EXECUTE)),
        POSTGRES,
        shows=TITLES,
    ),
    Fault(
        37,
        "cut before a write",
        LATE,
        "done",
        through(Cut("before", EXECUTE)),
        POSTGRES,
        adds=["late"],
    ),
    Fault(
        37,
        "cut in a change",
        ["done", "1"],
        "OUTCOME_UNKNOWN",
        through(Cut("before", EXECUTE)),
        POSTGRES,
    ),
    Fault(
        38,
        "answer lost",
        LATE,
        "done",
        through(Cut("after", EXECUTE)),
        POSTGRES,
        adds=["late"],
    ),
    Fault(
        38,
        "answer lost twice",
        [*LATE, "--id", ID],
        "OUTCOME_UNKNOWN",
        through(Cut("after", EXECUTE, connection=None)),
        POSTGRES,
        adds=["late"],
        is_damaging=True,
        shows=[f"todo add --id {ID} -- late"],
    ),
    Fault(
        39,
        "statement takes too long",
        LATE,
        "TIMEOUT",
        elsewhere(held, f"?options={OPTIONS}statement_timeout%3D200"),
        POSTGRES,
    ),
    Fault(
        39,
        "lock takes too long",
        LATE,
        "DATABASE_BUSY",
        elsewhere(held, f"?options={OPTIONS}lock_timeout%3D200"),
        POSTGRES,
    ),
    Fault(
        40, "too many connections", LATE, "DATABASE_BUSY", crowded, POSTGRES, env=SOON
    ),
    Fault(
        42,
        "server read-only",
        LATE,
        "FORBIDDEN",
        at(query(f"options={OPTIONS}default_transaction_read_only%3Don")),
        POSTGRES,
        shows=["read-only"],
    ),
    Fault(
        42,
        "server read-only, read",
        LIST,
        "done",
        at(query(f"options={OPTIONS}default_transaction_read_only%3Don")),
        POSTGRES,
        shows=TITLES,
    ),
    Fault(43, "table gone", LATE, "SCHEMA", changed(**UNFIT), is_damaging=True),
    Fault(43, "table gone, read", LIST, "SCHEMA", changed(**UNFIT), is_damaging=True),
    Fault(
        43, "schema newer", ["done", "1"], "SCHEMA", changed(**NEWER), is_damaging=True
    ),
    Fault(
        47,
        "done with a task of somebody else",
        ["done", "1"],
        "NOT_FOUND",
        user="bob",
        shows=["No task 1 for bob; nothing was changed"],
    ),
    Fault(
        47,
        "delete a task of somebody else",
        ["delete", "1"],
        "NOT_FOUND",
        user="bob",
        shows=["No task 1 for bob; nothing was changed"],
    ),
    Fault(
        49,
        "no database",
        LATE,
        "IO_ERROR",
        content(b"not a database, " * 99),
        SQLITE,
        is_damaging=True,
    ),
    Fault(
        49,
        "no database, read",
        LIST,
        "IO_ERROR",
        content(b"short"),
        SQLITE,
        is_damaging=True,
    ),
    Fault(49, "damaged pages", LIST, "IO_ERROR", damaged, SQLITE, is_damaging=True),
    Fault(
        49, "damaged pages, write", LATE, "IO_ERROR", damaged, SQLITE, is_damaging=True
    ),
    Fault(49, "empty file", LIST, "done", content(b""), SQLITE, is_damaging=True),
    Fault(49, "folder", LATE, "IO_ERROR", content(None), SQLITE, is_damaging=True),
    Fault(
        56,
        "SQL in a title",
        ["add", INJECTION],
        "done",
        adds=[INJECTION],
        shows=[INJECTION],
    ),
    Fault(56, "SQL in a status", ["list", "--status", "all'; drop"], "USAGE"),
    Fault(
        56,
        "limit too large",
        ["list", "--limit", "1000000000"],
        "INVALID_INPUT",
        shows=["limit"],
    ),
    Fault(
        56,
        "limit negative",
        ["list", "--limit", "-1"],
        "INVALID_INPUT",
        shows=["limit"],
    ),
)

HELD_ELSEWHERE: Final[Mapping[int, Sequence[str]]] = {
    1: ["tests/cli/test_process.py::test_process_before_head_gives_141_in_a_shell"],
    6: [
        "tests/faults/test_signals.py::test_signal_while_it_starts_leaves_no_traceback"
    ],
    7: [
        "tests/faults/test_signals.py::test_signal_ends_it_in_every_state_in_which_it_waits"
    ],
    8: [
        "tests/faults/test_signals.py::test_signal_ends_it_in_every_state_in_which_it_waits"
    ],
    9: [
        "tests/faults/test_signals.py::test_signal_ends_it_in_every_state_in_which_it_waits"
    ],
    10: [
        "tests/faults/test_signals.py::test_signal_at_a_random_moment_stores_nothing_in_silence"
    ],
    11: [
        "tests/faults/test_signals.py::test_signal_ends_it_in_every_state_in_which_it_waits",
        "tests/api/test_serve.py::test_sigterm_lets_requests_in_flight_end",
    ],
    12: [
        "tests/faults/test_crash.py::test_killed_processes_lose_nothing_that_they_acknowledged"
    ],
    13: ["tests/cli/test_process.py::test_process_in_a_terminal_asks_and_obeys_a_no"],
    14: [  # the start of the interpreter, which no store has a part in
        "tests/cli/test_process.py::test_process_keeps_text_in_every_locale",
        "tests/cli/test_terminal.py::test_table_on_a_terminal_that_knows_few_characters",
    ],
    15: [
        "tests/cli/test_process.py::test_process_in_a_terminal_shows_every_row_in_every_environment"
    ],
    21: ["tests/cli/test_process.py::test_process_refuses_bytes_that_are_not_utf8"],
    22: ["tests/api/test_errors.py::test_body_that_is_no_json_object_is_refused"],
    27: ["tests/cli/test_references.py::test_refuse_what_is_no_ref"],
    35: [
        "tests/neon/test_secrets.py::test_no_unreadable_string_shows_a_password",
        "tests/cli/test_settings.py::test_settings_never_show_a_password_that_is_not_escaped",
    ],
    36: [
        "tests/neon/test_tls.py::test_refuses_impostors_before_it_says_a_word",
        "tests/neon/test_tls.py::test_a_process_trusts_no_impostor_either",
    ],
    39: [
        "tests/database/test_failures.py::test_each_sqlstate_becomes_one_error",
        "tests/torture/test_torture.py::test_no_failing_call_to_a_server_does_harm",
    ],
    40: [
        "tests/api/test_pool.py::test_connections_are_bounded_and_waiting_for_one_too"
    ],
    41: ["tests/api/test_pool.py::test_adds_survive_a_restart_in_the_middle"],
    42: ["tests/cli/test_store.py::test_a_read_only_file_can_be_read_and_not_written"],
    44: [
        "tests/cli/test_store.py::test_a_store_locked_for_too_long_is_busy_and_nothing_is_written"
    ],
    45: [
        "tests/service/test_concurrency.py::test_updates_by_eight_processes_leave_the_last_of_each_field"
    ],
    46: [
        "tests/service/test_concurrency.py::test_complete_of_ten_while_one_is_deleted_takes_all_or_none",
        "tests/service/test_concurrency.py::test_adds_repeated_while_the_task_is_deleted_leave_one_or_none",
    ],
    48: ["tests/cli/test_store.py::test_a_full_disk_is_an_io_error_and_stores_nothing"],
    50: [
        "tests/cli/test_store.py::test_the_embedded_file_is_private_whatever_the_umask",
        "tests/cli/test_store.py::test_a_symlink_of_somebody_else_is_refused",
    ],
    51: ["tests/cli/test_process.py::test_process_leaves_no_warning"],
    52: [
        "tests/api/test_isolation.py::test_foreign_task_is_as_unknown_as_a_missing_one"
    ],
    53: [
        "tests/api/test_errors.py::test_another_host_is_refused_on_every_path",
        "tests/api/test_errors.py::test_pages_of_other_origins_are_allowed_nothing",
        "tests/api/test_errors.py::test_body_that_does_not_say_it_is_json_is_refused",
    ],
    54: [
        "tests/api/test_errors.py::test_body_above_64_kib_is_refused",
        "tests/api/test_serve.py::test_too_many_connections_are_turned_away",
    ],
    55: ["tests/api/test_serve.py::test_log_has_a_line_for_each_request_and_is_safe"],
}
"""Tests that hold a row, or the part of it that no fault above holds."""

LEFT_OUT: Final[Mapping[int, str]] = {
    29: "no task has a due date",
    31: "no rule of the product orders times: a task made while the clock was wrong is told so, and stays",
}
"""Rows that do not apply, with the reason. Parts of others that do not: tags (19),
search (26, 56), due dates (30), versions of a task (46), tokens (52)."""
