"""A worker that is connected: whole processes, on the stand-in for Neon's proxy."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.tampering import locked
from tests.support.neon import NeonFront
from tests.support.program import Process, finished, process_environment
from tests.support.site import HOST, MAY_HALF_CLOSE, Site, wait_until
from tests.support.size import in_long_runs, long_only
from tests.support.stores import Store
from tests.support.turns import TurnProxy
from tests.support.warm import Warm, processes_of
from todo_cli.warm import control

pytestmark = MAY_HALF_CLOSE

Start = Callable[..., None]

OURS = "SELECT count(*), max(state_change)::text FROM pg_stat_activity WHERE application_name = 'todo'"
TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'todo'"


@pytest.fixture
def warm(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts a parent in a folder of its own, and ends it."""
    folder = site.home / "run"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))

    def start(kept_s: float = 240) -> None:
        env = process_environment(site.process("").surroundings, None, None)
        # What a command needs is not in the variables of the parent.
        del env["SSL_CERT_FILE"]
        Warm(folder, env, {"kept_s": kept_s}).start()

    yield start
    control.stop()
    site.rest()


def status() -> control.Status:
    """What the parent says."""
    found = control.status()
    assert found is not None
    return found


def process(site: Site, url: str) -> Process:
    """The program, really started as a process."""
    return Process(site.process(url).surroundings)


def run(program: Process, *words: str) -> str:
    """Run a command that ends well; return what it prints."""
    ran = program(*words)
    assert (ran.status, ran.err) == (0, ""), ran
    return ran.out


def await_connection() -> None:
    """Wait for what follows a command."""
    wait_until(lambda: status().place is not None)


@pytest.mark.spec("002/FR-368", "002/FR-373")
def test_each_command_finds_a_connection(
    site: Site, front: NeonFront, neon_url: str, warm: Start
) -> None:
    warm()
    todo = process(site, neon_url)
    assert status().place is None
    for words in (["add", "Buy milk"], ["list"], ["done", "1"], ["list"]):
        front.requests.clear()
        run(todo, *words)
        await_connection()

        *command, log_in, _, _, described = front.requests
        if words[0] == "add":
            assert command == ["", "p", "p", "PDH", "PBES"]
        else:
            assert command == ["PBES"]
        assert log_in == ""
        assert described.endswith("DS")

    assert front.connections == 5
    found = status()
    assert found.hits == 4
    assert found.place == f"{HOST}:{front.port}/{site.database}"
    assert site.server.password not in repr(found)
    for name in ("cmdline", "environ"):
        says = Path(f"/proc/{found.pid}/{name}").read_text()
        assert site.server.password not in says
    assert (found.workers in (2, 3), found.busy) == (True, 0)


def memory_of(process: int) -> bytes:
    """All that a process has in its memory; nothing if it has ended."""
    parts: list[bytes] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        parts += _parts_of_memory(process)
    return b"".join(parts)


def _parts_of_memory(process: int) -> Iterator[bytes]:
    with open(f"/proc/{process}/mem", "rb", buffering=0) as memory:
        for line in Path(f"/proc/{process}/maps").read_text().splitlines():
            place, rights, *_ = line.split()
            if not rights.startswith("rw"):
                continue
            begin, _, end = place.partition("-")
            memory.seek(int(begin, 16))
            yield memory.read(int(end, 16) - int(begin, 16))


@pytest.mark.spec("002/FR-373")
def test_only_the_connected_worker_has_the_password(
    site: Site, front: NeonFront, neon_url: str, warm: Start
) -> None:
    warm()
    run(process(site, neon_url), "add", "Buy milk")
    await_connection()
    wait_until(lambda: status().workers >= 2)

    folder = Path(os.environ["XDG_RUNTIME_DIR"])
    password = site.server.password.encode()

    def knowing() -> set[int]:
        return {
            each
            for each in processes_of(folder)
            if password in memory_of(each)
        }

    assert status().pid not in knowing()
    # The one that has run the command may still be about to end.
    wait_until(lambda: len(knowing()) == 1)


@pytest.mark.spec("002/FR-370")
def test_nothing_happens_at_the_server_once_a_command_is_over(
    site: Site, front: NeonFront, neon_url: str, warm: Start
) -> None:
    """By the stand-in's own log, and by that of the server: Neon can fall asleep."""
    warm(kept_s=1.5)
    todo = process(site, neon_url)
    run(todo, "add", "Buy milk")
    await_connection()
    requests, turns = list(front.requests), front.turns
    [(count, changed)] = site.fetch(OURS)
    assert (front.connections, count) == (2, 1)

    # While it waits, and after it was closed.
    while status().place is not None:
        assert site.fetch(OURS) in ([(1, changed)], [(0, None)])
        time.sleep(0.05)
    wait_until(lambda: site.fetch(OURS) == [(0, None)])
    time.sleep(0.5)
    assert site.fetch(OURS) == [(0, None)]

    assert (front.connections, front.turns) == (2, turns)
    assert front.requests == requests
    assert status().place is None
    run(todo, "list")
    await_connection()
    assert front.connections == 4


@pytest.mark.spec("002/FR-371")
def test_a_line_that_was_cut_is_not_made_again_before_a_command(
    site: Site, front: NeonFront, neon_url: str, warm: Start
) -> None:
    warm()
    todo = process(site, neon_url)
    run(todo, "add", "Buy milk")
    await_connection()

    site.fetch(TERMINATE)

    wait_until(lambda: status().place is None)
    assert front.connections == 2
    run(todo, "done", "1")
    await_connection()
    assert front.connections == 4


@in_long_runs
@pytest.mark.spec("002/FR-371")
def test_a_server_that_was_restarted_is_found_again(
    site: Site, warm: Start
) -> None:
    warm()
    todo = process(site, site.url("127.0.0.1", site.server.port))
    run(todo, "add", "Buy milk")
    await_connection()

    site.server.restart()

    assert "Buy milk" in run(todo, "list")
    await_connection()
    site.server.stop()
    assert todo("list", env={"TODO_TIMEOUT": "1"}).status == 6
    site.server.start()
    assert "Buy milk" in run(todo, "list")
    await_connection()
    assert site.titles() == ["Buy milk"]


@pytest.mark.spec("002/FR-369", "002/FR-371")
def test_a_password_that_was_changed_is_needed_at_once(
    site: Site, proxy: TurnProxy, warm: Start
) -> None:
    def change(password: str) -> None:
        word = "ALTER" if site.fetch(ROLE) else "CREATE"
        site.server.run_sql(
            site.database,
            f"{word} ROLE todo_carl SUPERUSER LOGIN PASSWORD '{password}'",
        )

    def url(password: str) -> str:
        port = proxy.port
        return site.url("127.0.0.1", port, user="todo_carl", password=password)

    change("one")
    warm()
    run(process(site, url("one")), "add", "Buy milk")
    await_connection()
    change("two")

    # The connection of the old one is not for the new one, or for a wrong one.
    assert process(site, url("three"))("list").status == 4
    run(process(site, url("two")), "list")
    await_connection()
    assert process(site, url("one"))("list").status == 4
    site.server.run_sql(site.database, "DROP ROLE todo_carl")


ROLE = "SELECT 1 FROM pg_roles WHERE rolname = 'todo_carl'"


@in_long_runs
@pytest.mark.spec("002/FR-372")
def test_eight_clients_at_once_store_each_task_once(
    site: Site, front: NeonFront, neon_url: str, warm: Start
) -> None:
    warm()
    todo = process(site, neon_url)
    run(todo, "add", "first")
    await_connection()

    with ThreadPoolExecutor(8) as pool:
        titles = [f"task {number}" for number in range(8)]
        outs = list(pool.map(lambda title: run(todo, "add", title), titles))

    assert sorted(site.titles()) == sorted(["first", *titles])
    assert len({out.split(":")[0] for out in outs}) == 8
    await_connection()
    # One for each that found none, and at most one more that follows each.
    assert front.connections <= 2 + 7 + 8
    wait_until(lambda: site.fetch(OURS)[0][0] == 1)
    assert status().hits == 9


@pytest.mark.spec("002/FR-369", "002/FR-372")
@pytest.mark.parametrize("kind", ["sqlite", *long_only("postgres")])
def test_two_stores_in_turn_never_meet(
    request: pytest.FixtureRequest,
    site: Site,
    front: NeonFront,
    neon_url: str,
    warm: Start,
    kind: str,
) -> None:
    store: Store = request.getfixturevalue(f"{kind}_store")
    warm()
    here, there = process(site, neon_url), process(site, store.url)
    for number in range(2):
        run(here, "add", f"near {number}")
        await_connection()
        run(there, "add", f"far {number}")
        if store.kind == "postgresql":
            wait_until(lambda: str(site.server.port) in (status().place or ""))
        else:
            wait_until(lambda: status().place is None)

    assert site.titles() == ["near 0", "near 1"]
    listed = run(there, "list")
    assert "far 0" in listed
    assert "near" not in listed


@pytest.mark.spec("002/FR-370")
def test_a_connection_ends_with_its_parent(
    site: Site, neon_url: str, warm: Start
) -> None:
    warm()
    run(process(site, neon_url), "list")
    await_connection()

    os.kill(status().pid, signal.SIGKILL)

    site.rest()


@pytest.mark.spec("002/FR-371")
def test_ctrl_c_ends_a_command_whose_server_is_silent(
    site: Site, proxy: TurnProxy, plain_url: str, warm: Start
) -> None:
    warm()
    todo = process(site, plain_url)
    run(todo, "list")
    await_connection()
    proxy.requests.clear()
    with locked(Store("postgresql", site.url("127.0.0.1", site.server.port))):
        child = todo.start("list")
        wait_until(lambda: "PBES" in proxy.requests)
        child.send_signal(signal.SIGINT)

        assert finished(child).status == -signal.SIGINT
