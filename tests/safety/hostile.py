"""A store full of texts that the program itself would refuse, put there behind its back."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from tests.cli.tampering import DROP_CHECKS, path_of
from tests.support.blocking import wait_for
from tests.support.program import Todo
from tests.support.stores import Store
from tests.support.texts import CORPUS

KEY = "3d0d2b52-5b0c-4f0e-8a3c-0a8d1b1f5e01"
"""`add - --id KEY` finds every task of ada there already; `add --id KEY`, as bob, the
one that holds everything.
"""


@dataclass(frozen=True, slots=True)
class HostileStore:
    """Ada's tasks are the texts, one each and numbered from 1; bob has one task whose
    description is all of them.
    """

    todo: Todo
    texts: Sequence[str]

    @property
    def everything(self) -> str:
        """The description of bob's task."""
        return "\n".join(self.texts)

    @property
    def lines(self) -> bytes:
        """What ada's tasks were first added from."""
        return "".join(
            f"t{number}\n" for number in range(1, len(self.texts) + 1)
        ).encode()


def make_hostile(
    todo: Todo, store: Store, texts: Sequence[str] = CORPUS
) -> HostileStore:
    """Put texts into a store; a NUL only where it can be."""
    hostile = HostileStore(
        todo,
        [text for text in texts if store.kind == "sqlite" or "\0" not in text],
    )
    assert todo("add", "--id", KEY, "-", stdin=hostile.lines).status == 0
    assert todo("add", "--id", KEY, "all", user="bob").status == 0
    rows = [
        (text, number) for number, text in enumerate(hostile.texts, start=1)
    ]
    if store.kind == "sqlite":
        with closing(sqlite3.connect(path_of(store))) as file, file:
            file.execute("PRAGMA ignore_check_constraints = ON")
            file.executemany(
                "UPDATE task SET title = ? WHERE user_id = 'ada' AND number = ?",
                rows,
            )
            file.execute(
                "UPDATE task SET title = ?, description = ? WHERE user_id = 'bob'",
                ("\x1b", hostile.everything),
            )
    else:
        wait_for(_write_to_server(store.url, rows, hostile.everything))
    return hostile


async def _write_to_server(
    url: str, rows: Sequence[tuple[str, int]], everything: str
) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(DROP_CHECKS)
        await connection.executemany(
            "UPDATE todo.task SET title = $1 WHERE user_id = 'ada' AND number = $2",
            rows,
        )
        await connection.execute(
            "UPDATE todo.task SET title = $1, description = $2 WHERE user_id = 'bob'",
            "\x1b",
            everything,
        )
    finally:
        await connection.close()


def name_tokens(store: Store, texts: Sequence[str]) -> list[str]:
    """Make a revoked token of ada with each text as its name, the first the latest."""
    ids = [str(UUID(int=number)) for number in range(len(texts))]
    with closing(sqlite3.connect(path_of(store))) as file, file:
        file.execute("PRAGMA ignore_check_constraints = ON")
        for number, (id, text) in enumerate(zip(ids, texts, strict=True)):
            at = f"2025-01-01T00:00:00.{999_999 - number:06}Z"
            hash = number.to_bytes(32)
            file.execute(
                "INSERT INTO token (id, user_id, name, read_only, hash,"
                " created_at, revoked_at) VALUES (?, 'ada', ?, 0, ?, ?, ?)",
                (id, text, hash, at, at),
            )
    return ids


def name_all(store: Store, hostile: HostileStore) -> None:
    """Make each text the project and the one tag of ada's task with its number."""
    rows = [
        (text, [text], number)
        for number, text in enumerate(hostile.texts, start=1)
    ]
    if store.kind == "sqlite":
        with closing(sqlite3.connect(path_of(store))) as file, file:
            file.execute("PRAGMA ignore_check_constraints = ON")
            file.executemany(
                "UPDATE task SET project = ?, tags = ?"
                " WHERE user_id = 'ada' AND number = ?",
                [
                    (text, json.dumps(tags), number)
                    for text, tags, number in rows
                ],
            )
    else:
        wait_for(_name_on_server(store.url, rows))


async def _name_on_server(
    url: str, rows: Sequence[tuple[str, list[str], int]]
) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.executemany(
            "UPDATE todo.task SET project = $1, tags = $2"
            " WHERE user_id = 'ada' AND number = $3",
            rows,
        )
    finally:
        await connection.close()
