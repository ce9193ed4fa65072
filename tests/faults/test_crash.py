"""Processes that are killed while they write."""

import subprocess
import sys

import pytest

from tests.conftest import Seal
from tests.support.postgres import PostgresServer
from tests.support.program import LIMIT_S, Surroundings, process_environment
from tests.support.size import size

ROUNDS = str(size(5, 8))


@pytest.mark.spec("001/FR-042")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_killed_processes_lose_nothing_that_they_acknowledged(
    seal: Seal, postgres: PostgresServer, kind: str
) -> None:
    environment = {"TODO_TEST_DATABASE_URL": postgres.url("postgres")}

    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.crash", "--rounds", ROUNDS, kind],
        env=process_environment(
            Surroundings(seal.home, seal.cwd, None), None, environment
        ),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )

    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "faults: []" in done.stdout
    assert " 0 tasks acknowledged" not in done.stdout
