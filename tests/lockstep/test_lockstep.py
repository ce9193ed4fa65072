"""A short walk of what `python -m tests.lockstep` does at length."""

import pytest

from tests.lockstep.__main__ import limits, walk
from tests.support.postgres import PostgresServer
from tests.support.size import size

COMMANDS = {
    *("add", "list", "show", "update", "note", "done", "delete"),
    *("restore", "purge", "undo", "redo", "history", "stats"),
}
METHODS = {
    *("add", "add_all", "list", "find", "update", "complete", "delete"),
    *("restore", "purge", "trash", "undo", "redo", "history"),
    "stats",
}


@pytest.mark.spec("001/FR-038")
def test_both_stores_and_the_model_give_the_same_answers(
    postgres: PostgresServer, empty_database: str
) -> None:
    url = postgres.url(empty_database)
    every = COMMANDS | {f"service.{name}" for name in METHODS} | {"back"}
    every |= {f"token {name}" for name in ("create", "list", "revoke")}
    every.add("door")

    tally = walk(url, limits(size(5, 40), 45), chance=8)

    # Where a chance leads changes with the constants of all modules that are
    # loaded. Only a long walk is sure to take everything.
    missed = every - {what for what, _ in tally}
    assert len(missed) <= size(2 * len(every) // 5, 0), missed
    assert {"0", "2", "3"} <= {result for _, result in tally}
