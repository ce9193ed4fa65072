"""Imports that are interrupted at a random moment; `tests.faults.imports` does more."""

import subprocess
import sys

import pytest

from tests.conftest import Seal
from tests.support.postgres import PostgresServer
from tests.support.program import LIMIT_S, Surroundings, process_environment
from tests.support.size import size

ROUNDS = str(size(3, 6))
"""One for each way to interrupt, at least."""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_an_interrupted_import_adds_nothing_or_all(
    seal: Seal, postgres: PostgresServer, kind: str
) -> None:
    environment = {"TODO_TEST_DATABASE_URL": postgres.url("postgres")}

    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.faults.imports",
            "--rounds",
            ROUNDS,
            kind,
        ],
        env=process_environment(
            Surroundings(seal.home, seal.cwd, None), None, environment
        ),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )

    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "faults: []" in done.stdout
