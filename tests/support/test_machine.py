"""A test that needs what a machine may lack says so, and is left out there by name."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.docs import ROOT
from tests.support.machine import NEEDS, needs
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres import PostgresCluster

NEEDY = {
    "tests/api/test_pool.py::test_api_works_through_a_pooler": "pgbouncer",
    "tests/api/test_quickstart.py::test_quickstart_of_the_api_does_what_it_says": "curl",
    "tests/cli/test_process.py::test_process_stops_a_loop_of_the_shell": "bash",
    "tests/test_pages.py::test_readme_works_from_top_to_bottom[with jq-all]": "jq",
}


def test_a_test_finds_no_program_that_it_did_not_ask_for() -> None:
    assert [
        name for name in [*NEEDS, "ps", "python3", "psql"] if shutil.which(name)
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


def test_a_bare_machine_leaves_tests_out_by_name() -> None:
    """Where the PATH is that of this test, which finds none of those programs."""
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-n0", "-p", "no:cacheprovider", *NEEDY],
        cwd=ROOT,
        env={
            name: value
            for name, value in os.environ.items()
            if not name.startswith("PYTEST_")
        },
        capture_output=True,
        text=True,
    )

    *_, closing = lines = ran.stdout.splitlines()
    assert (ran.returncode, "passed" in closing, "failed" in closing) == (
        0,
        False,
        False,
    ), ran.stdout
    for test, program in NEEDY.items():
        [line] = [
            line
            for line in lines[-len(NEEDY) - 1 : -1]
            if test.partition("[")[0] in line
        ]
        assert line.startswith("left out: ")
        assert line.endswith(f"(needs {program}; apt-get install {program})")
