"""What happens to a command whose worker or caller is killed or stopped."""

import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.expect import add, titles_of
from tests.support.program import (
    Process,
    PtyProcess,
    Surroundings,
    Todo,
    finished,
)
from tests.support.stores import Store
from tests.support.warm import Warm, wait_until
from todo_cli.cli.commands.lists import List
from todo_cli.cli.env import Env
from todo_cli.cli.parser import Parsed
from todo_cli.warm.worker import can_run


@contextmanager
def locked(store: Store) -> Iterator[None]:
    """Lock the file, so that every command waits."""
    path = store.url.removeprefix("sqlite:///")
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        connection.close()


def worker_of(warm: Warm, caller: int) -> int:
    """Wait until a worker runs the command of a process; return its number."""
    found: set[int] = set()

    def is_busy() -> bool:
        for process in warm.processes():
            path = Path(f"/proc/{process}/fd/1")
            try:
                mine = os.stat(f"/proc/{caller}/fd/1")
                theirs = os.stat(path)
            except OSError:
                continue
            if (mine.st_dev, mine.st_ino) == (theirs.st_dev, theirs.st_ino):
                found.add(process)
        return bool(found)

    wait_until(is_busy, "no worker runs the command")
    [process] = found
    wait_until(lambda: has_open(process, "store.db"), "it opens no store")
    return process


def has_open(process: int, name: str) -> bool:
    """Whether a process has a file of this name open."""
    for link in Path(f"/proc/{process}/fd").iterdir():
        try:
            if os.readlink(link).endswith(name):
                return True
        except OSError:
            continue
    return False


def state_of(process: int) -> str:
    """`S` for one that sleeps, `T` for one that is stopped; empty if none."""
    try:
        text = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return ""
    return text.rpartition(") ")[2][0]


@pytest.mark.spec("002/FR-363")
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["words", "json"])
def test_write_whose_worker_dies_has_an_unknown_outcome(
    warm: Warm, store: Store, todo: Todo, process: Process, options: list[str]
) -> None:
    env = {"XDG_RUNTIME_DIR": str(warm.folder)}
    with locked(store):
        running = process.start("add", "Buy milk", *options, env=env)
        os.kill(worker_of(warm, running.pid), signal.SIGKILL)
        ran = finished(running)

    assert titles_of(todo) == []
    if options:
        error = ran.error
        assert error["code"] == "OUTCOME_UNKNOWN"
        hint = error["hint"]
    else:
        assert ran.out == ""
        first, second = ran.err.splitlines()
        assert "it may or may not be" in first
        hint = second.removeprefix("hint: ")
    assert ran.status == todo_status("OUTCOME_UNKNOWN")
    assert hint.startswith("todo add --id ")
    assert hint.endswith("-- 'Buy milk'")


def todo_status(code: str) -> int:
    """The exit status of an error code."""
    from todo_cli.errors import Code

    status = Code[code].exit
    assert status is not None
    return status


@pytest.mark.spec("002/FR-363")
def test_read_whose_worker_dies_says_so(
    warm: Warm, store: Store, process: Process
) -> None:
    env = {"XDG_RUNTIME_DIR": str(warm.folder)}
    with locked(store):
        running = process.start("list", "--json", env=env)
        os.kill(worker_of(warm, running.pid), signal.SIGKILL)
        ran = finished(running)

    assert ran.status == todo_status("IO_ERROR")
    assert ran.error["code"] == "IO_ERROR"
    assert "nothing was changed" in ran.error["message"]


@pytest.mark.spec("002/FR-363")
def test_worker_ends_when_its_caller_is_killed(
    warm: Warm, store: Store, process: Process
) -> None:
    env = {"XDG_RUNTIME_DIR": str(warm.folder)}
    cold = warm.status()["cold"]
    with locked(store):
        running = process.start("add", "x", env=env)
        worker = worker_of(warm, running.pid)
        running.kill()
        assert finished(running).status == -signal.SIGKILL
        wait_until(lambda: state_of(worker) == "", "it still runs")

    # It ran warm, and was not left to its caller.
    assert warm.status()["cold"] == cold


@pytest.mark.spec("002/FR-363")
@pytest.mark.parametrize(
    "number",
    [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM],
    ids=lambda number: number.name,
)
def test_signal_ends_the_command_of_a_worker(
    warm: Warm, store: Store, todo: Todo, process: Process, number: int
) -> None:
    env = {"XDG_RUNTIME_DIR": str(warm.folder)}
    with locked(store):
        running = process.start("add", "x", "--json", env=env)
        worker = worker_of(warm, running.pid)
        running.send_signal(number)
        ran = finished(running)
        wait_until(lambda: state_of(worker) == "", "it still runs")

    assert ran.status == -number
    assert json.loads(ran.out)["error"]["code"] == "CANCELLED"
    assert titles_of(todo) == []


JOB = """
import os, signal, sys
os.setsid()
child = os.fork()
if child == 0:
    os.setpgid(0, 0)
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
print(child, flush=True)
while os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1]):
    print("stopped", flush=True)
    sys.stdin.readline()
    os.kill(child, signal.SIGCONT)
"""
"""What a shell with job control does."""


@pytest.mark.spec("002/FR-363")
def test_ctrl_z_stops_and_continues_both(
    warm: Warm, store: Store, todo: Todo, surroundings: Surroundings
) -> None:
    add(todo, "one")
    shell = subprocess.Popen(
        [sys.executable, "-c", JOB, "-m", "todo_cli", "list"],
        env=surroundings.variables("ada", warm.environment()),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with shell, locked(store):
        assert shell.stdin is not None
        assert shell.stdout is not None
        client = int(shell.stdout.readline())
        worker = worker_of(warm, client)
        os.kill(client, signal.SIGTSTP)
        assert shell.stdout.readline() == "stopped\n"
        assert state_of(client) == "T"
        wait_until(lambda: state_of(worker) == "T", "it does not stop")
        shell.stdin.write("\n")
        shell.stdin.flush()
        wait_until(lambda: state_of(worker) == "S", "it does not go on")
        os.kill(client, signal.SIGINT)
        assert shell.wait() == 0


@pytest.mark.spec("002/FR-363")
def test_stopped_worker_ends_when_its_caller_is_killed(
    warm: Warm, store: Store, surroundings: Surroundings
) -> None:
    """Else it would hold what it has locked for ever."""
    shell = subprocess.Popen(
        [sys.executable, "-c", JOB, "-m", "todo_cli", "add", "x"],
        env=surroundings.variables("ada", warm.environment()),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with shell, locked(store):
        assert shell.stdout is not None
        client = int(shell.stdout.readline())
        worker = worker_of(warm, client)
        os.kill(client, signal.SIGTSTP)
        assert shell.stdout.readline() == "stopped\n"
        wait_until(lambda: state_of(worker) == "T", "it does not stop")
        os.kill(client, signal.SIGKILL)
        wait_until(lambda: state_of(worker) in "Z", "it is still there")
        shell.communicate("\n")
        assert shell.returncode == 0


@pytest.mark.spec("002/FR-442", "002/FR-360")
@pytest.mark.parametrize("watches", [False, True])
def test_what_lives_long_is_left_to_its_caller(watches: bool) -> None:
    streams = (io.BytesIO(), io.BytesIO(), io.BytesIO())
    env = Env({}, None, None, "ada", *streams)

    assert can_run(Parsed(List(watch=watches), None), env) is not watches


@pytest.fixture
def many(todo: Todo) -> None:
    """More tasks than a screen has lines."""
    todo("add", "-", stdin=b"".join(b"task %d\n" % n for n in range(40)))


def paged(warm: Warm, folder: Path, script: str) -> dict[str, str]:
    """An environment that finds the parent, and a script as the pager."""
    pager = folder / "pager"
    pager.write_text(f"#!/bin/sh\n{script}\n")
    pager.chmod(0o755)
    programs = f"{os.environ['PATH']}:/bin:/usr/bin"
    return warm.environment(TODO_PAGER=str(pager), PATH=programs)


@pytest.mark.spec("002/FR-425")
@pytest.mark.usefixtures("many")
def test_a_pager_is_a_child_of_the_caller_and_gets_ctrl_c(
    warm: Warm, surroundings: Surroundings, pty_process: PtyProcess
) -> None:
    """In the session of the worker, Ctrl-C would not reach it."""
    wait = "echo ready; while :; do sleep 0.01; done"
    script = f"trap 'cat; exit 0' INT; echo $PPID > parent; {wait}"
    env = paged(warm, surroundings.cwd, script)
    before = warm.hits()

    with pty_process.start("list", env=env) as terminal:
        terminal.wait_for("ready")
        terminal.type(b"\x03")
        ran = terminal.finish()
        parent = int((surroundings.cwd / "parent").read_text())
        assert parent == terminal.process.pid

    assert ran.status == 0
    assert ran.out.count("task ") == 40
    assert ran.out.endswith("40 open, 0 done\n")
    assert warm.hits() == before + 1


@pytest.mark.spec("002/FR-425")
@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    "pager", ["nosuch", "nosuch | cat", "true", "head -n 2", "read x; kill $$"]
)
def test_what_becomes_of_a_pager_is_the_same_warm(
    warm: Warm, pty_process: PtyProcess, pager: str
) -> None:
    programs = f"{os.environ['PATH']}:/bin:/usr/bin"
    before = warm.hits()
    env = {"TODO_PAGER": pager, "PATH": programs, "XDG_RUNTIME_DIR": "/"}
    cold = pty_process("list", env=env)
    ran = pty_process("list", env=env | warm.environment())

    assert (ran.status, ran.err) == (cold.status, cold.err)
    assert ran.out == cold.out
    assert warm.hits() == before + 1


@pytest.mark.spec("002/FR-425")
@pytest.mark.usefixtures("many")
def test_a_signal_to_the_caller_ends_pager_and_worker(
    warm: Warm, surroundings: Surroundings, pty_process: PtyProcess
) -> None:
    script = (
        "read -r x; stty -echo <&1; echo $$ > pid; echo ready; exec sleep 60"
    )
    env = paged(warm, surroundings.cwd, script)

    with pty_process.start("list", env=env) as terminal:
        usual = terminal.usual
        terminal.wait_for("ready")
        worker = worker_at(warm, terminal.process.pid)
        terminal.process.send_signal(signal.SIGTERM)
        ran = terminal.finish()
        assert termios.tcgetattr(terminal._descriptor) == usual

    assert ran.status == -signal.SIGTERM
    pager = int((surroundings.cwd / "pid").read_text())
    assert state_of(pager) in "Z"
    wait_until(lambda: state_of(worker) in "Z", "the worker still runs")


def worker_at(warm: Warm, caller: int) -> int:
    """The worker that writes to the terminal of a process."""
    theirs = os.stat(f"/proc/{caller}/fd/1")
    [found] = [
        process
        for process in warm.processes()
        if os.stat(f"/proc/{process}/fd/1").st_rdev == theirs.st_rdev
    ]
    return found
