"""A test that needs what a machine may lack says so, and is left out there by name."""

import shutil

import pytest

from tests.support.machine import NEEDS, TOOLS, needs
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres import PostgresCluster


def test_a_test_finds_no_program_that_it_did_not_ask_for() -> None:
    assert [
        name
        for name in [*NEEDS, "ps", "python3", "psql"]
        if name not in TOOLS and shutil.which(name)
    ] == []
    assert shutil.which("cat")


@needs("bash")
def test_a_test_finds_the_program_that_it_asked_for() -> None:
    assert shutil.which("bash")
    assert shutil.which("cat")
    assert shutil.which("curl") is None


def test_a_test_has_no_pooler_that_it_did_not_ask_for(
    own_postgres: PostgresCluster,
) -> None:
    with pytest.raises(AssertionError, match="needs"):
        PgBouncer(own_postgres)
