"""Tab with tasks on a server: only by a connection that waits, which waits on."""

import os
import signal
import socket
from pathlib import Path

import pytest

from tests.cli.tampering import locked
from tests.completion.conftest import PROJECT, TAG, TITLE
from tests.completion.test_answer import asked
from tests.support.neon import NeonFront
from tests.support.program import Process
from tests.support.site import MAY_HALF_CLOSE, Site, wait_until
from tests.support.stores import Store
from tests.support.warm import processes_of
from tests.warm.test_connected import (
    Start,
    await_connection,
    memory_of,
    process,
    run,
    status,
    warm,
)
from todo_cli.warm import place, wire

__all__ = ["warm"]

pytestmark = MAY_HALF_CLOSE


def suggested(program: Process, *words: str, **env: str) -> list[str]:
    """What Tab suggests in fish."""
    ran = program(*asked("fish", *words), env=env)
    assert (ran.status, ran.err) == (0, "")
    kind, *lines = ran.out.splitlines()
    assert kind == "values"
    return lines


def go_away() -> None:
    """Ask as a shell does that is closed before the answer, or by another program."""
    path = place.socket_of(place.folder_of(os.environ))
    for fields in ([wire.ASK], [wire.ASK, b"x"], [wire.ASK, *[b""] * 7]):
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(path)
            wire.receive(line.recv)
            line.sendall(wire.pack(*fields))


@pytest.mark.spec("002/FR-404")
def test_a_connection_that_waits_answers_and_waits_on(
    site: Site, front: NeonFront, neon_url: str, warm: Start
) -> None:
    warm()
    todo = process(site, neon_url)
    assert suggested(todo, "done", "") == []
    assert (status().place, front.connections) == (None, 0)
    # The worker that was asked is gone, with what it has read.
    folder = Path(os.environ["XDG_RUNTIME_DIR"])
    password = site.server.password.encode()
    for each in processes_of(folder):
        assert password not in memory_of(each)
    wait_until(lambda: status().workers >= 2)
    run(todo, "add", TITLE, "-P", PROJECT, "-t", TAG)
    run(todo, "add", "Of bob", "--user", "bob")
    await_connection()
    connections, hits = front.connections, status().hits

    assert suggested(todo, "done", "") == [f"1\t{TITLE}"]
    assert suggested(todo, "done", "2") == []
    assert suggested(todo, "list", "-P", "ho") == [f"{PROJECT}\t"]
    assert suggested(todo, "list", "--tag", "") == [f"{TAG}\t"]
    assert suggested(todo, "-u", "bob", "show", "1") == ["1\tOf bob"]
    assert suggested(todo, "done", "", TODO_USER="eve") == []
    # A command with these would make another one, or none.
    assert suggested(todo, "done", "", TODO_TIMEOUT="16") == []
    assert suggested(todo, "done", "", SSL_CERT_FILE="/nowhere") == []
    assert suggested(todo, "done", "", TODO_DATABASE_URL="nonsense") == []
    go_away()

    wait_until(lambda: status().place is not None)
    found = status()
    assert (found.hits, found.cold, found.busy) == (hits, {}, 0)
    assert front.connections == connections
    front.requests.clear()
    assert "Pay" in run(todo, "list")
    assert front.requests[0] == "PBES"


@pytest.mark.spec("002/FR-404", "002/FR-405")
def test_what_hangs_is_not_waited_for_and_nothing_connects_anew(
    site: Site, front: NeonFront, neon_url: str, warm: Start
) -> None:
    warm()
    todo = process(site, neon_url)
    run(todo, "add", "Buy milk")
    await_connection()
    connections = front.connections
    direct = site.url("127.0.0.1", site.server.port)

    with locked(Store("postgresql", direct)):
        assert suggested(todo, "done", "") == []
        wait_until(lambda: status().place is None)
    assert suggested(todo, "done", "") == []
    parent = status().pid
    os.kill(parent, signal.SIGSTOP)
    try:
        assert suggested(todo, "done", "") == []
    finally:
        os.kill(parent, signal.SIGCONT)

    assert front.connections == connections
    assert status().pid == parent
