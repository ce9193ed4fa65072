"""The parent: its start and its end, and clients that do not behave."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

import todo_cli
from tests.cli.expect import add
from tests.support.machine import needs
from tests.support.program import Process, Todo
from tests.support.size import in_long_runs, share, size
from tests.support.warm import Warm, wait_until
from tests.warm.conftest import NewWarm
from todo_cli.warm import wire


def connect(warm: Warm) -> socket.socket:
    """Connect as a client does."""
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(60)
    line.connect(str(warm.socket))
    return line


def is_gone(warm: Warm) -> bool:
    """Whether nothing is left of the parent."""
    return not warm.processes() and not warm.socket.exists()


@pytest.mark.spec("002/FR-364")
def test_many_starts_at_once_make_one_parent(new_warm: NewWarm) -> None:
    warm = new_warm()
    starts = size(4, 50)

    with ThreadPoolExecutor(starts) as threads:
        asked = [threads.submit(warm.ask, "start", {}) for _ in range(starts)]
        found = [one.result() for one in asked]

    assert len({one["pid"] for one in found}) == 1
    assert [one["is_new"] for one in found].count(True) == 1
    status = warm.status()
    assert len(status["waiting"]) == 2
    # The parent, and its workers.
    wait_until(lambda: len(warm.processes()) == 3, "too many processes")


@pytest.mark.spec("002/FR-364")
def test_parent_leaves_without_commands(new_warm: NewWarm) -> None:
    warm = new_warm(idle_s=0.2)
    warm.ask("start", warm.options)

    wait_until(lambda: is_gone(warm), "it stays")

    assert warm.status() is None


@pytest.mark.spec("002/FR-364")
def test_parent_leaves_when_its_socket_is_removed(new_warm: NewWarm) -> None:
    """As at a log-out."""
    warm = new_warm(look_s=0.1)
    warm.start()

    warm.socket.unlink()

    wait_until(lambda: is_gone(warm), "it stays")


@in_long_runs
@pytest.mark.spec("002/FR-364")
def test_parent_leaves_the_socket_of_another(new_warm: NewWarm) -> None:
    warm = new_warm(look_s=0.1)
    warm.start()

    warm.socket.unlink()
    warm.socket.touch()
    wait_until(lambda: not warm.processes(), "it stays")

    assert warm.socket.exists()


@pytest.mark.spec("002/FR-364")
def test_parent_that_is_killed_leaves_nothing(
    new_warm: NewWarm, process: Process
) -> None:
    warm = new_warm()
    parent = warm.start()

    os.kill(parent, signal.SIGKILL)
    ran = process("list", env={"XDG_RUNTIME_DIR": str(warm.folder)})

    assert (ran.status, ran.err) == (0, "")
    wait_until(lambda: is_gone(warm), "something is left")


@pytest.mark.spec("002/FR-364")
def test_signals_that_were_blocked_at_its_start_end_it(
    new_warm: NewWarm,
) -> None:
    warm = new_warm()
    blocked = {signal.SIGTERM, signal.SIGCHLD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    try:
        parent = warm.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    os.kill(parent, signal.SIGTERM)

    wait_until(lambda: is_gone(warm), "it stays")


@pytest.mark.spec("002/FR-364")
def test_parent_whose_workers_end_for_no_reason_leaves(
    new_warm: NewWarm,
) -> None:
    """It would fork others for ever."""
    warm = new_warm()
    parent = warm.start()

    def kill() -> bool:
        for worker in warm.processes() - {parent}:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        return is_gone(warm)

    wait_until(kill, "it stays")


@pytest.mark.spec("002/FR-364")
def test_client_removes_the_socket_of_one_that_was_killed(
    new_warm: NewWarm, process: Process
) -> None:
    warm = new_warm()
    parent = warm.start()
    os.kill(parent, signal.SIGSTOP)
    for worker in warm.processes() - {parent}:
        os.kill(worker, signal.SIGKILL)
    os.kill(parent, signal.SIGKILL)
    wait_until(lambda: not warm.processes(), "a process is left")
    assert warm.socket.exists()

    process("list", env={"XDG_RUNTIME_DIR": str(warm.folder)})

    assert not warm.socket.exists()


@pytest.mark.spec("002/FR-361")
def test_parent_that_hangs_delays_a_command_and_no_more(
    new_warm: NewWarm, process: Process
) -> None:
    warm = new_warm()
    parent = warm.start()

    os.kill(parent, signal.SIGSTOP)
    try:
        ran = process("add", "x", env={"XDG_RUNTIME_DIR": str(warm.folder)})
    finally:
        os.kill(parent, signal.SIGCONT)

    assert (ran.status, ran.err) == (0, "")
    wait_until(lambda: warm.status()["cold"] != {}, "nobody gave up")
    assert process("list").out.count("\n") == 1


@pytest.mark.spec("002/FR-365")
def test_program_that_changes_is_loaded_anew(
    new_warm: NewWarm, process: Process, todo: Todo, tmp_path: Path
) -> None:
    """As by `pip install` while the parent runs."""
    add(todo, "one")
    package = tmp_path / "todo_cli"
    shutil.copytree(Path(todo_cli.__file__).parent, package)
    warm = new_warm(settle_s=0.1)
    warm.variables = {**warm.variables, "PYTHONPATH": str(tmp_path)}
    parent = warm.start()
    env = {"XDG_RUNTIME_DIR": str(warm.folder), "PYTHONPATH": str(tmp_path)}

    assert process("list", env=env).status == 0
    assert warm.hits() == 1
    with (package / "__init__.py").open("a") as file:
        file.write('__version__ = "9.9.9"\n')
    changed = process("doctor", "--json", env=env)
    wait_until(lambda: (warm.status() or {"hits": 1})["hits"] == 0, "it stays")

    assert changed.data["version"] == "9.9.9"
    assert process("doctor", "--json", env=env).data["version"] == "9.9.9"
    status = warm.status()
    assert (status["pid"], status["version"]) == (parent, "9.9.9")
    assert (status["hits"], status["cold"]) == (1, {})


@pytest.mark.spec("002/FR-365")
def test_another_version_runs_by_itself_until_it_is_started(
    warm: Warm, process: Process, tmp_path: Path
) -> None:
    package = tmp_path / "todo_cli"
    shutil.copytree(Path(todo_cli.__file__).parent, package)
    path = {"PYTHONPATH": str(tmp_path)}
    before = warm.status()

    ran = process("list", env={"XDG_RUNTIME_DIR": str(warm.folder), **path})

    after = warm.status()
    assert ran.status == 0
    assert after["cold"]["program"] == before["cold"].get("program", 0) + 1
    assert after["hits"] == before["hits"]
    assert not warm.ask("status", **path)["is_same_program"]
    started = warm.ask("start", {}, **path)
    assert started["is_new"]
    assert started["pid"] != before["pid"]
    assert warm.start() != started["pid"]


@pytest.mark.spec("002/FR-361")
def test_too_many_commands_at_once_run_by_themselves(
    new_warm: NewWarm, process: Process
) -> None:
    warm = new_warm(most=3)
    warm.start()
    silent = [connect(warm) for _ in range(3)]
    try:
        wait_until(lambda: len(warm.processes()) == 4, "they are not taken")
        ran = process("list", env={"XDG_RUNTIME_DIR": str(warm.folder)})
        assert (ran.status, ran.err) == (0, "")
    finally:
        for line in silent:
            line.close()

    wait_until(lambda: warm.status() is not None, "it does not answer")
    assert warm.status()["cold"]["busy"] >= 1


def say_nothing(line: socket.socket) -> None:
    """Go away at once."""


def say_half(line: socket.socket) -> None:
    """Go away in the middle of a request."""
    line.sendall(wire.pack(wire.RUN, b"x" * 1000)[:500])


def say_too_much(line: socket.socket) -> None:
    """Begin a message of 4 GiB."""
    line.sendall(b"\xff\xff\xff\xff" + b"x" * 1000)


def say_nonsense(line: socket.socket) -> None:
    """Send a message with other fields."""
    line.sendall(wire.pack(b"what", b"", b"\0" * 9))


def say_wrong_values(line: socket.socket) -> None:
    """Send a request with fields that cannot be read."""
    line.sendall(wire.pack(wire.RUN, *[b"\xff"] * 6))


@pytest.mark.spec("002/FR-361")
@pytest.mark.parametrize(
    "say",
    [say_nothing, say_half, say_too_much, say_nonsense, say_wrong_values],
)
def test_client_that_does_not_behave_harms_nobody(
    warm: Warm, process: Process, say: "object"
) -> None:
    hits = warm.hits()

    for _ in range(3):
        with connect(warm) as line:
            assert callable(say)
            say(line)

    env = {"XDG_RUNTIME_DIR": str(warm.folder)}
    assert process("list", env=env).status == 0
    assert warm.hits() == hits + 1


@pytest.mark.spec("002/FR-361")
def test_silent_client_is_not_waited_for(warm: Warm, process: Process) -> None:
    with connect(warm) as line:
        env = {"XDG_RUNTIME_DIR": str(warm.folder)}
        hits = warm.hits()
        assert process("list", env=env).status == 0
        assert warm.hits() == hits + 1
        wire.receive(line.recv)
        assert line.recv(1) == b""  # its worker has ended


ODD_ANSWERS = {
    "nothing": [b""],
    "cold": [wire.pack(wire.COLD, b"why")],
    "half an answer": [wire.pack(wire.READY, b"1", b"")[:7]],
    "no process": [wire.pack(wire.READY, b"no number", b"")],
    "nonsense": [b"\xff" * 64],
    "an end before the beginning": [wire.pack(wire.END, b"0")],
    "ready, and gone": [wire.pack(wire.READY, b"999999999", b""), b""],
    "ready, and something else": [
        wire.pack(wire.READY, b"999999999", b""),
        wire.pack(b"other"),
    ],
}


@pytest.mark.spec("002/FR-361")
@pytest.mark.parametrize("what", share(ODD_ANSWERS, 0, 2))
def test_parent_that_does_not_behave_harms_nobody(
    new_warm: NewWarm, process: Process, what: str
) -> None:
    """A client that has not heard BEGUN runs its command, once."""
    answers = ODD_ANSWERS[what]
    warm = new_warm()
    warm.socket.parent.mkdir(mode=0o700)
    door = socket.socket(socket.AF_UNIX)
    door.bind(str(warm.socket))
    door.listen()

    def answer() -> None:
        client, _ = door.accept()
        with client, suppress(OSError):
            client.sendall(wire.pack(wire.HELLO))
            for each in answers:
                client.recv(1 << 20)
                client.sendall(each)

    thread = threading.Thread(target=answer)
    thread.start()
    ran = process("add", "x", env={"XDG_RUNTIME_DIR": str(warm.folder)})
    thread.join()
    door.close()
    warm.socket.unlink()

    assert (ran.status, ran.err) == (0, "")
    assert process("list").out.count("\n") == 1


@pytest.mark.spec("002/FR-366")
def test_folder_that_is_not_safe_is_not_used(
    new_warm: NewWarm, process: Process
) -> None:
    warm = new_warm()
    warm.start()
    warm.socket.parent.chmod(0o755)

    ran = process("list", env={"XDG_RUNTIME_DIR": str(warm.folder)})
    refused = [failure(warm, call) for call in ("start", "stop", "status")]
    warm.socket.parent.chmod(0o700)

    assert (ran.status, ran.err) == (0, "")
    assert warm.hits() == 0
    for words in refused:
        assert "is open to other users" in words


def failure(warm: Warm, call: str) -> str:
    """What a function of `control` raises, in words."""
    code = (
        "from todo_cli.errors import TodoError\n"
        "from todo_cli.warm import control\n"
        f"try: control.{call}()\n"
        "except TodoError as error: print(error.message)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=warm.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.spec("002/FR-366")
def test_planted_socket_is_replaced(new_warm: NewWarm, tmp_path: Path) -> None:
    warm = new_warm()
    precious = tmp_path / "precious"
    precious.write_text("kept")
    warm.socket.parent.mkdir(mode=0o700)
    warm.socket.symlink_to(precious)

    warm.start()

    assert len(warm.status()["waiting"]) == 2
    assert warm.socket.is_socket()
    assert precious.read_text() == "kept"
    assert warm.socket.stat().st_mode & 0o777 == 0o600


@needs("root")
@pytest.mark.spec("002/FR-366")
def test_another_user_gets_no_worker(new_warm: NewWarm) -> None:
    """As by `sudo -u`, which may keep XDG_RUNTIME_DIR."""
    warm = new_warm()
    warm.start()
    warm.folder.chmod(0o755)
    warm.socket.parent.chmod(0o755)
    warm.socket.chmod(0o777)
    code = (
        "import os, socket, sys; os.setgid(65534); os.setuid(65534);"
        "line = socket.socket(socket.AF_UNIX); line.connect(sys.argv[1]);"
        f"line.sendall({wire.pack(wire.STATE)!r}); print(line.recv(99))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, str(warm.socket)],
        capture_output=True,
        text=True,
        check=False,
    )
    warm.socket.parent.chmod(0o700)

    assert done.stdout in ("b''\n", ""), done
    assert warm.status()["hits"] == 0


@pytest.mark.spec("002/FR-366")
def test_nothing_secret_is_kept(new_warm: NewWarm, process: Process) -> None:
    warm = new_warm()
    warm.variables = {**warm.variables, "TODO_DATABASE_URL": "secret-1"}
    parent = warm.start()
    env = {"XDG_RUNTIME_DIR": str(warm.folder), "PGPASSWORD": "secret-2"}
    assert process("list", env=env).status == 0
    assert warm.hits() == 1

    for number in warm.processes():
        limits = Path(f"/proc/{number}/limits").read_text()
        # 1 is as good as 0, and also stops a program that would be given it.
        core = limits.partition("Max core file size")[2].split()[:2]
        assert core in (["0", "0"], ["1", "1"])
    assert b"secret-1" not in Path(f"/proc/{parent}/environ").read_bytes()


@pytest.mark.spec("002/FR-364")
def test_stopping_twice_says_that_there_was_none(new_warm: NewWarm) -> None:
    warm = new_warm()

    assert warm.ask("stop") is False
    warm.start()
    assert warm.ask("stop") is True
    assert warm.ask("stop") is False
    assert warm.status() is None
