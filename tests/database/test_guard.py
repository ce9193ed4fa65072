"""The question for the schema's owner, message by message: what asyncpg hears, and when."""

import asyncio
import struct
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest

from todo_cli.database.failures import STRANGERS_STATE, translated
from todo_cli.database.guard import Guard
from todo_cli.database.postgresql import OwnerCheck
from todo_cli.database.url import PostgresTarget
from todo_cli.errors import (
    DatabaseBusy,
    DatabaseUnavailable,
    Forbidden,
    SchemaMismatch,
)

TARGET = PostgresTarget((("db.example.org", 5432),), database="neondb")
PARSE = b"P...SELECT 1 FROM todo.task"


@dataclass
class Line:
    """A transport that keeps what is written, and the protocol that would be called."""

    protocol: Any = None
    sent: list[bytes] = field(default_factory=list)
    is_cut: bool = False

    def write(self, data: bytes) -> None:
        """Keep the data."""
        self.sent.append(bytes(data))

    def set_protocol(self, protocol: Any) -> None:
        """Take another protocol."""
        self.protocol = protocol

    def abort(self) -> None:
        """Cut the line."""
        self.is_cut = True

    def is_closing(self) -> bool:
        """Whether it was cut."""
        return self.is_cut


class Listener(asyncio.Protocol):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def data_received(self, data: bytes) -> None:
        """Note data."""
        self.told.append(data)

    def eof_received(self) -> bool:
        """Note the end."""
        self.told.append("eof")
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Note the loss."""
        self.told.append("lost")

    def pause_writing(self) -> None:
        """Note it."""
        self.told.append("pause")

    def resume_writing(self) -> None:
        """Note it."""
        self.told.append("resume")


@dataclass
class Connection:
    """As much of asyncpg's connection as the guard uses."""

    _transport: Line
    _protocol: Listener


def message(kind: bytes, body: bytes = b"") -> bytes:
    """A message of the server."""
    return kind + struct.pack("!I", len(body) + 4) + body


def row(*columns: str) -> bytes:
    """A row of text."""
    cells = b"".join(
        struct.pack("!i", len(text)) + text.encode() for text in columns
    )
    return message(b"D", struct.pack("!h", len(columns)) + cells)


BOUND = message(b"1") + message(b"2")
DONE = message(b"C", b"SELECT 1\0")
OURS = BOUND + row("ada", "t", "f") + DONE
REST = message(b"1") + message(b"n")


@pytest.fixture
def check() -> OwnerCheck:
    """What keeps the reason of a cut."""
    return OwnerCheck(TARGET)


@pytest.fixture
def line() -> Line:
    """The transport."""
    return Line()


@pytest.fixture
def listener(line: Line, check: OwnerCheck) -> Listener:
    """asyncpg, guarded."""
    listener = Listener()
    line.protocol = listener
    guarded = Connection(line, listener)
    Guard(guarded, "SELECT 1", check._refuse, check._fail)
    return listener


@pytest.mark.parametrize("size", [1, 3, 7, 1_000])
def test_the_answer_is_kept_and_the_rest_handed_on(
    line: Line, listener: Listener, check: OwnerCheck, size: int
) -> None:
    line.write(PARSE)
    answer = OURS + REST
    for start in range(0, len(answer), size):
        line.protocol.data_received(answer[start : start + size])

    assert len(line.sent) == 1
    assert line.sent[0].endswith(PARSE)
    assert (
        b"".join(data for data in listener.told if isinstance(data, bytes))
        == REST
    )
    assert line.protocol is listener
    line.write(PARSE)
    assert line.sent[1:] == [PARSE]
    assert (line.is_cut, check.fault) == (False, None)


def test_a_request_that_does_not_name_our_tables_goes_out_as_it_is(
    line: Line, listener: Listener
) -> None:
    line.write(b"Q...BEGIN")

    assert (line.sent, line.protocol) == ([b"Q...BEGIN"], listener)
    line.write(PARSE)
    assert line.sent[1] != PARSE


def test_a_stranger_is_named_and_the_line_is_cut(
    line: Line, listener: Listener, check: OwnerCheck
) -> None:
    line.write(PARSE)
    line.protocol.data_received(
        BOUND + row("ada", "t", "f") + row("mallory", "f", "f") + DONE + REST
    )

    assert isinstance(check.fault, SchemaMismatch)
    assert "`mallory`" in check.fault.message
    assert (line.is_cut, listener.told) == (True, [])


def test_without_a_schema_the_next_request_is_asked_too(
    line: Line, listener: Listener
) -> None:
    failed = message(b"E", b"C42P01\0\0")
    line.write(PARSE)
    line.protocol.data_received(BOUND + DONE + failed)
    line.write(b"S...")
    line.write(PARSE)

    assert listener.told == [failed]
    assert line.sent[1] == b"S..."
    assert line.sent[2] == line.sent[0]


def test_a_schema_that_appeared_meanwhile_is_not_used(
    line: Line, listener: Listener, check: OwnerCheck
) -> None:
    line.write(PARSE)
    line.protocol.data_received(BOUND + DONE + REST)

    assert isinstance(check.fault, DatabaseBusy)
    assert (line.is_cut, listener.told) == (True, [])


def test_an_error_instead_of_an_answer_cuts_the_line(
    line: Line, listener: Listener, check: OwnerCheck
) -> None:
    line.write(PARSE)
    line.protocol.data_received(message(b"E", b"C57P01\0\0"))

    assert (line.is_cut, listener.told, check.fault) == (True, [], None)


def test_a_question_that_is_refused_says_why(
    line: Line, listener: Listener, check: OwnerCheck
) -> None:
    line.write(PARSE)
    denied = b"SERROR\0C42501\0Mpermission denied for pg_auth_members\0\0"
    line.protocol.data_received(message(b"E", denied))

    assert isinstance(check.fault, Forbidden)
    assert (line.is_cut, listener.told) == (True, [])


@pytest.mark.parametrize(
    "answer",
    [
        b"\0" * 20,
        b"R\xff\xff\xff\xfb",
        BOUND + message(b"D", b"\0\1\0"),
        BOUND + row("ada"),
        BOUND + row("ada", "t", "f", "x"),
    ],
    ids=["zeros", "negative", "cut", "short", "long"],
)
def test_an_answer_that_cannot_be_read_cuts_the_line(
    line: Line, listener: Listener, check: OwnerCheck, answer: bytes
) -> None:
    line.write(PARSE)
    line.protocol.data_received(answer)

    assert isinstance(check.fault, DatabaseUnavailable)
    assert (line.is_cut, listener.told) == (True, [])


def test_what_happens_to_the_line_is_passed_on(
    line: Line, listener: Listener
) -> None:
    line.write(PARSE)
    for event in ("pause_writing", "resume_writing", "eof_received"):
        getattr(line.protocol, event)()
    line.protocol.connection_lost(None)

    assert listener.told == ["pause", "resume", "eof", "lost"]


def test_the_refusal_of_our_own_sql_names_the_owner() -> None:
    error = asyncpg.PostgresError.new(
        {"S": "ERROR", "C": STRANGERS_STATE, "M": "mallory"}
    )

    fault = translated(error, TARGET)

    assert isinstance(fault, SchemaMismatch)
    assert "belongs to the role `mallory`" in fault.message
