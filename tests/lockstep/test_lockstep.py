"""A short walk of what `python -m tests.lockstep` does at length."""

import pytest

from tests.lockstep.__main__ import limits, walk
from tests.support.postgres import PostgresServer

COMMANDS = {"add", "list", "show", "update", "note", "done", "delete"}
METHODS = {"add", "add_all", "list", "find", "update", "complete", "delete"}


@pytest.mark.spec("001/FR-038")
def test_both_stores_and_the_model_give_the_same_answers(
    postgres: PostgresServer, empty_database: str
) -> None:
    tally = walk(postgres.url(empty_database), limits(8, 40, derandomize=True))

    methods = {f"service.{method}" for method in METHODS}
    assert {what for what, _ in tally} == COMMANDS | methods
    assert {"0", "2", "3"} <= {result for _, result in tally}
