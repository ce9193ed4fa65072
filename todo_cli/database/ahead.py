"""Describe statements on a connection before a command needs it, all in one turn.

A statement costs two turns on a new connection: its description, which has the
types of its values and columns, then its result. A connection that waits for a
command has the descriptions already, so a command costs one.

The question for the schema's owner goes with them: see `guard.py`. Where there
is no schema yet, nothing is described, and the first request asks again.

This depends on asyncpg 0.31 and 0.32, like `guard.py`.
"""

import asyncio
import struct
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final

from todo_cli.database import run
from todo_cli.database.connection import Connection
from todo_cli.database.postgresql import OwnerCheck
from todo_cli.database.startup import (
    Between,
    OddMessageError,
    message,
    next_message,
)
from todo_cli.task import TaskQuery

_FIXED: Final = ("add", "add_tagged", "by_number", "history", "undo")
_CHANGES: Final = ("completed", "deleted", "note", "title")
_LONGEST: Final = 2**30
"""No message of PostgreSQL is longer."""
_PARSED, _VALUES, _READY = b"1", b"t", b"Z"
_COLUMNS: Final = (b"T", b"n")
"""The columns of a result, or that there are none; the end of a description."""


def usual() -> list[str]:
    """Return the texts of the statements of the most frequent commands."""
    statements = run.load("postgresql")
    usual = [statements[name] for name in _FIXED]
    for field in _CHANGES:
        usual.append(statements.change([field], "number"))
    usual.append(statements.change(["deleted"], "number", is_live=False))
    usual.append(statements.listed(TaskQuery()))
    return [each.numbered for each in usual]


async def describe(
    connection: Connection, check: OwnerCheck, texts: Sequence[str]
) -> None:
    """Have the server describe statements, and say who owns the schema.

    If it refuses one of them, those that follow are not described. If the owner
    is not trusted, the connection is closed.
    """
    held: Any = connection
    transport, protocol = held._transport, held._protocol
    answers = _Answers(transport, protocol)
    check.watch(connection, answers)
    transport.set_protocol(answers)
    transport.write(_questions(texts))
    await answers.are_complete.wait()
    if connection.is_closed():
        return
    transport.set_protocol(protocol)
    for text, answer in zip(texts, answers.described, strict=False):
        hear = partial(protocol.data_received, answer)
        await _taught(connection, transport, text, hear)


async def _taught(
    connection: Any, transport: Any, text: str, hear: Any
) -> None:
    """Have asyncpg describe a statement, from an answer that has come already."""

    def answer(_data: bytes) -> None:
        # The class's method is visible again: a type that asyncpg does not
        # know makes it ask the server more.
        del transport.write
        asyncio.get_running_loop().call_soon(hear)

    transport.write = answer
    # The options are those of `fetch`: they are part of the key.
    await connection._get_statement(
        text, None, record_class=None, ignore_custom_codec=False
    )


class _Answers(Between):
    """Keeps the answers to `_questions`, and hides them from asyncpg."""

    def __init__(self, transport: Any, protocol: Any) -> None:
        super().__init__(transport, protocol)
        self.described: list[bytes] = []
        """What asyncpg is to hear of each statement, in their order."""
        self.are_complete = asyncio.Event()
        self._begun = b""

    def connection_lost(self, error: Exception | None) -> None:
        """Pass it on; no answer will come."""
        super().connection_lost(error)
        self.are_complete.set()

    def data_received(self, data: bytes) -> None:
        """Read the answers; pass on what comes later.

        A guard that has not seen an owner gives us what it has read, whenever
        that is.
        """
        if self.are_complete.is_set():
            self._protocol.data_received(data)
            return
        self._received += data
        try:
            self._read()
        except OddMessageError:
            self._transport.abort()

    def _read(self) -> None:
        """Take every message that is complete."""
        while found := next_message(self._received, _LONGEST):
            kind, body, self._received = found
            if kind in (_PARSED, _VALUES, *_COLUMNS):
                self._begun += message(kind, body)
            if kind in _COLUMNS:
                self.described.append(self._begun)
                self._begun = b""
            if kind == _READY:
                self.are_complete.set()


def _questions(texts: Iterable[str]) -> bytes:
    """Encode a Parse and a Describe for each statement, unnamed, and a Sync.

    They plan and run nothing.
    """
    asked = b""
    for text in texts:
        parse = b"\0" + text.encode() + b"\0" + struct.pack("!h", 0)
        asked += message(b"P", parse) + message(b"D", b"S\0")
    return asked + message(b"S", b"")
