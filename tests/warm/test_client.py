"""What the client loads."""

import ast
import subprocess
import sys

import pytest

from tests.support.program import python_path

LOADED = """
import sys
before = set(sys.modules)
import todo_cli.__main__
from todo_cli.warm import place
off = set(sys.modules) - before
from todo_cli.warm import client
import resource, _locale
print([sorted(off), sorted(set(sys.modules) - before - off)])
"""


@pytest.mark.spec("002/FR-367")
def test_client_loads_next_to_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED],
        env={"PYTHONPATH": python_path()},
        capture_output=True,
        text=True,
        check=True,
    )
    off, on = ast.literal_eval(done.stdout)

    assert off == [
        "todo_cli",
        "todo_cli.__main__",
        "todo_cli.warm",
        "todo_cli.warm.place",
    ]
    assert set(on) <= {
        "_locale",
        "_socket",
        "resource",
        "todo_cli.warm.client",
        "todo_cli.warm.identity",
        "todo_cli.warm.wire",
    }
