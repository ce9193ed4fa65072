"""Signals at every moment, and in every state in which the program waits."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import asyncpg
import pytest

from tests.cli.expect import assert_document
from tests.faults.signals import (
    ENDING,
    LOST,
    MOMENT_S,
    NEVER,
    OPEN,
    SPINNER,
    STATES,
    TOLD,
    UNKNOWN,
    WRONG,
    InterruptedAdd,
    Waiting,
    end,
    held,
    interrupt,
    interrupt_often,
)
from tests.faults.workspace import Workspace
from tests.support.desk import Desk
from tests.support.program import (
    LIMIT_S,
    Child,
    Process,
    PtyProcess,
    Ran,
    Terminal,
    command,
    finished,
    process_environment,
)
from tests.support.size import size
from tests.support.turns import Fault, TurnProxy

LOCKED_OUT = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
IGNORING = "import os, signal, sys; signal.signal(int(sys.argv[1]), signal.SIG_IGN); os.execv(sys.argv[2], sys.argv[2:])"
INTERRUPTED_AT_FIRST_IMPORT = """
import os, sys
from todo_cli.__main__ import run

class Finder:
    def find_spec(name, *_):
        os.kill(os.getpid(), 2)

sys.meta_path.insert(0, Finder)
sys.argv = ["todo", "list"]
run()
"""
LEFT_LOCKED = """
import _imp, sys
from todo_cli.__main__ import run

_imp.acquire_lock()
sys.argv = ["todo", "add", "late"]
run()
"""
LOCKED_BY_ANOTHER = """
import _imp, sys, threading
from todo_cli.__main__ import run

held, done = threading.Event(), threading.Event()

def hold():
    _imp.acquire_lock()
    held.set()
    done.wait()

threading.Thread(target=hold, daemon=True).start()
held.wait()
sys.argv = ["todo", "--version"]
run()
"""
JSON = [pytest.param([], id="words"), pytest.param(["--json"], id="json")]
ON_POSTGRESQL = pytest.mark.parametrize("store", ["postgresql"], indirect=True)


def wait_until(condition: Callable[[], object]) -> None:
    """Wait for something that is bound to happen."""
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {LIMIT_S} s"
        time.sleep(0.01)


def is_stored(workspace: Workspace, title: str) -> bool:
    """Whether a task with this title is there."""
    return (title,) in workspace.fetch("SELECT title FROM {task}")


@contextmanager
def started(
    workspace: Workspace, *command: str, stdout: int
) -> Iterator[Child]:
    """A command that writes elsewhere; gone at the end, also where it waits."""
    with workspace.process.start(*command, stdout=stdout) as running:
        try:
            yield running
        finally:
            running.kill()


@contextmanager
def stuck() -> Iterator[int]:
    """A pipe that is full and that nobody reads, to write to."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writing, True)
    try:
        yield writing
    finally:
        os.close(reading)
        os.close(writing)


@contextmanager
def numbers_held(workspace: Workspace) -> Iterator[None]:
    """Hold everybody's next number on a server: an add is understood, and then waits."""
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(workspace.store.url))
        try:
            runner.run(
                connection.execute(
                    "BEGIN; SELECT * FROM todo.counter FOR UPDATE"
                )
            )
            yield
        finally:
            runner.run(connection.close())


@pytest.fixture
def filled(workspace: Workspace, process: Process) -> Workspace:
    """A store with three tasks."""
    assert process("add", "-", stdin=b"one\ntwo\nthree\n").status == 0
    return workspace


@pytest.mark.spec("002/FR-046")
@pytest.mark.spec("002/FR-083")
@pytest.mark.parametrize(
    ("store", "waiting", "number"),
    [
        pytest.param(
            store,
            waiting,
            number,
            id=f"{store}-{waiting.name.replace(' ', '-')}-{number.name}",
        )
        for waiting in STATES
        for store in waiting.stores
        for number in (
            ENDING
            if waiting.name in ("slow write", "locked file")
            else ENDING[:1]
        )
    ],
    indirect=["store"],
)
def test_signal_ends_it_in_every_state_in_which_it_waits(
    filled: Workspace, waiting: Waiting, number: signal.Signals
) -> None:
    ran, _ = end(waiting, filled, number)

    assert waiting.is_right(ran, number), ran
    assert filled.titles() - {"late"} == {"one", "two", "three"}
    assert waiting.is_sent or not is_stored(filled, "late")


@pytest.mark.spec("002/FR-046")
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_signal_at_any_moment_ends_the_wait_for_a_locked_file(
    filled: Workspace, process: Process
) -> None:
    with held(filled):
        for after_ms in range(
            200, 600, size(65, 20)
        ):  # the driver waits for 100 ms at a time, and then lets go of the file
            with process.start("add", "late") as running:
                time.sleep(after_ms / 1000)
                running.send_signal(signal.SIGINT)
                assert finished(running) == Ran(-signal.SIGINT, "", ""), (
                    after_ms
                )


@pytest.mark.spec("002/FR-046")
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
@pytest.mark.parametrize("after_ms", range(20, 420, size(80, 20)))
def test_signal_while_it_starts_leaves_no_traceback(
    filled: Workspace, after_ms: int
) -> None:
    interrupted = interrupt(
        Process(filled.surroundings), "early", after_ms / 1000
    )

    assert interrupted.came_to(filled.titles()) not in NEVER, interrupted


def ran_by_python(
    code: str, process: Process
) -> subprocess.CompletedProcess[bytes]:
    """Run code in a process that has the surroundings of a command."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env=process_environment(process.surroundings, "ada", None),
        capture_output=True,
        timeout=LIMIT_S,
        check=False,
    )


@pytest.mark.spec("002/FR-046")
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
@pytest.mark.nothing_made
def test_signal_at_the_first_import_ends_it(process: Process) -> None:
    """Python ignores a KeyboardInterrupt while it cleans up after an import."""
    running = ran_by_python(INTERRUPTED_AT_FIRST_IMPORT, process)

    assert running.returncode == -signal.SIGINT
    assert (running.stdout, running.stderr) == (b"", b"")


@pytest.mark.spec("002/FR-046")
def test_signal_that_python_loses_at_its_start_does_not_stop_threads(
    filled: Workspace, process: Process
) -> None:
    """It can leave the lock of imports held, which the threads of a command wait for."""
    running = ran_by_python(LEFT_LOCKED, process)

    assert (running.returncode, running.stderr) == (0, b"")
    assert is_stored(filled, "late")


@pytest.mark.spec("002/FR-046")
def test_lock_of_imports_of_another_thread_is_left_to_it(
    process: Process,
) -> None:
    """Such as one that a site's own start-up file begins."""
    running = ran_by_python(LOCKED_BY_ANOTHER, process)

    assert (running.returncode, running.stderr) == (0, b"")
    assert running.stdout.startswith(b"todo ")


@pytest.mark.parametrize(
    ("frame", "stored", "outcome"),
    [
        ("<frozen importlib._bootstrap>", {"a"}, TOLD),
        ("<frozen importlib._bootstrap>", set(), LOST),
        ("/lib/todo_cli/cli/main.py", {"a"}, WRONG),
    ],
)
def test_only_python_may_lose_a_signal(
    frame: str, stored: set[str], outcome: str
) -> None:
    err = (
        "Exception ignored in: <function remove at 0x7f>\n"
        "Traceback (most recent call last):\n"
        f'  File "{frame}", line 91, in remove\n'
        "KeyboardInterrupt: \n"
    )
    ran = Ran(0, "Added 4: a\n", err)

    assert InterruptedAdd(["a"], ran).came_to(stored) == outcome


@pytest.mark.spec("002/FR-046")
@pytest.mark.spec("002/FR-083")
@pytest.mark.nothing_made
def test_signal_at_a_random_moment_stores_nothing_in_silence(
    workspace: Workspace, process: Process
) -> None:
    counts, bad = interrupt_often(workspace, [process], rounds=size(10, 25))

    assert bad == []
    assert len(counts) >= 2  # else no moment was one that matters


@pytest.mark.spec("002/FR-083")
def test_signal_between_storing_and_telling_is_not_silent(
    filled: Workspace, process: Process
) -> None:
    titles = [
        f"{number:024d}" for number in range(2500)
    ]  # more than a pipe holds once it is told, so it has to wait
    with process.start("add", "-") as running:
        assert running.stdin is not None
        running.stdin.write("".join(f"{title}\n" for title in titles).encode())
        running.stdin.close()
        wait_until(lambda: is_stored(filled, titles[-1]))
        running.send_signal(signal.SIGINT)
        ran = finished(running)

    assert ran.status in (-signal.SIGINT, OPEN)
    assert "the change was saved" in ran.err or InterruptedAdd(
        titles, ran
    ).came_to(filled.titles()) in (TOLD, UNKNOWN)


@pytest.mark.spec("002/FR-083")
@ON_POSTGRESQL
@pytest.mark.parametrize("options", JSON)
@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_signal_lets_a_write_that_is_answered_be_told(
    filled: Workspace,
    process: Process,
    options: list[str],
    number: signal.Signals,
) -> None:
    with ExitStack() as stack:
        with numbers_held(filled):
            running = stack.enter_context(
                process.start("add", "Buy milk", *options)
            )
            wait_until(lambda: filled.fetch(LOCKED_OUT) != [(0,)])
            running.send_signal(
                signal.SIGSTOP
            )  # so that signal and answer wait for it together
            running.send_signal(number)
        wait_until(lambda: is_stored(filled, "Buy milk"))
        running.send_signal(signal.SIGCONT)
        ran = finished(running)

    assert (ran.status, ran.err) == (-number, "")
    if options:
        assert ran.json["data"]["title"] == "Buy milk"
    else:
        assert ran.out == "Added 4: Buy milk\n"


@pytest.mark.spec("002/FR-083", "002/FR-315", "002/FR-318")
@ON_POSTGRESQL
def test_signal_while_an_edited_text_is_stored_keeps_the_text(
    filled: Workspace, process: Process, desk: Desk
) -> None:
    with ExitStack() as stack:
        stack.enter_context(numbers_held(filled))
        running = stack.enter_context(
            process.start("edit", "1", "--json", env=desk.writes("edited\n"))
        )
        wait_until(lambda: filled.fetch(LOCKED_OUT) != [(0,)])
        running.send_signal(signal.SIGTERM)
        ran = finished(running)

    kept = str(desk.kept)
    error = assert_document(ran, code="OUTCOME_UNKNOWN")
    assert error["hint"] == f"todo edit 1 --form {kept}"
    assert process("edit", "1", "--form", kept).status == 0
    assert is_stored(filled, "edited")


@pytest.mark.spec("002/FR-083")
@ON_POSTGRESQL
def test_signal_while_a_lost_answer_is_asked_for_leaves_the_outcome_open(
    filled: Workspace, process: Process
) -> None:
    assert filled.server is not None
    with TurnProxy(filled.server.host, filled.server.port) as proxy:
        proxy.faults += [
            Fault("after", request=2),
            Fault("before", request=0, how="silence", connection=2),
        ]
        url = filled.store.url.replace(
            f":{filled.server.port}/", f":{proxy.port}/"
        )
        with process.start(
            "add", "Buy milk", "--json", env={"TODO_DATABASE_URL": url}
        ) as running:
            wait_until(lambda: proxy.connections == 2)
            running.send_signal(signal.SIGINT)
            ran = finished(running)

    assert assert_document(ran, code="OUTCOME_UNKNOWN")["hint"].startswith(
        "todo add --id "
    )
    assert is_stored(filled, "Buy milk")


@pytest.mark.spec("002/FR-083")
@pytest.mark.parametrize("options", JSON)
def test_signal_while_nobody_reads_what_was_stored_says_so_elsewhere(
    filled: Workspace, options: list[str]
) -> None:
    with (
        stuck() as full,
        started(filled, "add", "Buy milk", *options, stdout=full) as running,
    ):
        wait_until(lambda: is_stored(filled, "Buy milk"))
        running.send_signal(signal.SIGINT)
        ran = finished(running)

    assert ran.status == -signal.SIGINT
    assert "hint: the change was saved: Added 4: Buy milk" in ran.err
    assert len(ran.err.splitlines()) == 2


@pytest.mark.spec("002/FR-046")
@ON_POSTGRESQL
@pytest.mark.parametrize("options", JSON)
@pytest.mark.parametrize(
    "is_asked_for", [False, True], ids=["told", "asked for"]
)
def test_signal_while_nobody_reads_a_list_ends_it(
    filled: Workspace, options: list[str], *, is_asked_for: bool
) -> None:
    with ExitStack() as stack:
        if is_asked_for:
            stack.enter_context(held(filled))
        running = stack.enter_context(
            started(
                filled, "list", *options, stdout=stack.enter_context(stuck())
            )
        )
        if is_asked_for:
            wait_until(lambda: filled.fetch(LOCKED_OUT) != [(0,)])
        else:
            time.sleep(MOMENT_S)
        running.send_signal(signal.SIGINT)
        ran = finished(running)

    assert (ran.status, ran.err) == (-signal.SIGINT, "")


@pytest.mark.spec("002/FR-046")
@ON_POSTGRESQL
@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_signal_that_is_ignored_stays_ignored(
    filled: Workspace, number: signal.Signals
) -> None:
    """As under nohup, and as Ctrl-C is for what a script has put into the background."""
    with held(filled):
        running = subprocess.Popen(
            [
                *command()[:1],
                "-I",
                "-S",
                "-c",
                IGNORING,
                str(int(number)),
                *command("add", "Buy milk"),
            ],
            env=process_environment(filled.surroundings, "ada", {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        wait_until(lambda: filled.fetch(LOCKED_OUT) != [(0,)])
        running.send_signal(number)

    assert finished(running) == Ran(0, "Added 4: Buy milk\n", "")


@pytest.mark.spec("002/FR-048")
@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("command", "status", "titles"),
    [
        pytest.param(
            ["add", "late"], 9, {"one", "two", "three", "late"}, id="write"
        ),
        pytest.param(["list"], 9, {"one", "two", "three"}, id="read"),
    ],
)
def test_terminal_that_goes_while_it_is_told_to_wait_is_no_bug(
    filled: Workspace, command: list[str], status: int, titles: set[str]
) -> None:
    """As for a command that its shell has disowned: the terminal is closed, and no signal comes."""
    with ExitStack() as stack:
        with held(filled):
            terminal = stack.enter_context(deaf(filled, *command))
            terminal.wait_for(SPINNER)
            terminal.hang_up()
        assert terminal.process.wait(LIMIT_S) == status

    assert filled.titles() == titles


@pytest.mark.spec("002/FR-048")
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_terminal_that_goes_at_the_question_is_no_yes_and_no_bug(
    filled: Workspace,
) -> None:
    with deaf(filled, "purge", "1-3") as terminal:
        terminal.wait_for("3")
        terminal.hang_up()
        status = terminal.process.wait(LIMIT_S)

    assert (
        status
        in (
            9,
            10,
        )
    )  # its end shows as an error on one system, as the end of input on another
    assert filled.titles() == {"one", "two", "three"}


def deaf(workspace: Workspace, *command: str) -> Terminal:
    """Start a command in a terminal, where it does not hear that the terminal is closed."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        return PtyProcess(workspace.surroundings).start(*command)
    finally:
        signal.signal(signal.SIGHUP, before)
