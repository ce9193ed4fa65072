"""What the client loads."""

import ast
import os
import signal
import socket
import subprocess
import sys

import pytest

from tests.support.program import python_path
from todo_cli.warm import client

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


@pytest.mark.spec("002/FR-425")
def test_ctrl_c_while_a_pager_starts_is_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may have shown something before the client knows it."""
    sent: list[int] = []
    monkeypatch.setattr(client._Call, "_signal", lambda _, n: sent.append(n))
    ours, theirs = socket.socketpair()

    class Quick:
        """A pager that is seen at once."""

        def __init__(self, *_: object) -> None:
            call._forward(signal.SIGINT, None)

        def wait(self) -> int:
            return 0

    monkeypatch.setattr("todo_cli.cli.pager.Pager", Quick)
    with ours, theirs:
        call = client._Call(ours, os.getpid(), "")
        assert call._page(b"less", os.dup(0)) == 0

    assert (sent, call._number) == ([], None)
