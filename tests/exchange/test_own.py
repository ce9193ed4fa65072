"""What we write comes back as it was: json, ndjson and csv, byte for byte."""

import pytest
from hypothesis import given

from tests.exchange.support import (
    IN_SUITE,
    STORES,
    read_all,
    tasks_of,
    write_all,
)
from todo_cli.task import Task

OWN = ("json", "ndjson", "csv")


def try_store(store: list[Task]) -> None:
    """Write tasks, read them, and write them again."""
    for format in OWN:
        written = write_all(format, store)

        read = tasks_of(format, written)

        assert read == store
        assert write_all(format, read, most=1000) == written
        assert not any(each.kept for each in read_all(format, written))


@pytest.mark.spec("002/FR-280", "002/FR-282")
@IN_SUITE
@given(STORES)
def test_write_read_write_gives_the_same_bytes(store: list[Task]) -> None:
    try_store(store)
