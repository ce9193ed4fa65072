"""What a process inherits from its caller: variables of Python, limits, signals; and
what libraries would print by themselves.
"""

import errno
import fcntl
import io
import os
import resource
import signal
import sys
import termios
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.cli.expect import add, assert_words, tasks_of, titles_of
from tests.conftest import Seal
from tests.support import before
from tests.support.program import (
    LIMIT_S,
    Child,
    Process,
    PtyProcess,
    Ran,
    Surroundings,
    Todo,
    finished,
)
from tests.support.site import wait_until
from tests.support.size import long_only
from todo_cli import config
from todo_cli.cli import app, limits
from todo_cli.cli.command import Command
from todo_cli.cli.context import RunContext
from todo_cli.cli.env import Env
from todo_cli.cli.run import run
from todo_cli.docstring import docstring
from todo_cli.errors import IoFailed, OutcomeUnknown
from todo_cli.task import Added, NewTask

MEMORY = "The program cannot go on: not enough memory"
FILES = "The program cannot go on: too many open files"
SYSTEM = f"{FILES} in the whole system"
THREADS = "The program cannot go on: no more threads can be started"


@pytest.fixture
def new_process(surroundings: Surroundings) -> Process:
    """The program as a process that a new interpreter runs."""
    return Process(surroundings)


# Variables of Python


@pytest.mark.spec("002/FR-049", "002/FR-155")
@pytest.mark.parametrize(
    "encoding", ["idna", *long_only("ascii", "utf-16", "cp037")]
)
def test_an_encoding_that_cannot_carry_the_output_is_passed_over(
    new_process: Process, todo: Todo, encoding: str
) -> None:
    """`idna` takes no error handler: every command died with a traceback."""
    add(todo, "café")

    ran = new_process("list", env={"PYTHONIOENCODING": encoding})

    shown = "caf\\xe9" if encoding == "ascii" else "café"
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.split("\t")[:3] == ["1", "open", shown]


@pytest.mark.spec("002/FR-049", "002/FR-155")
def test_variables_of_python_change_no_output(
    new_process: Process, todo: Todo
) -> None:
    add(todo, "Buy milk")
    usual = todo("list")
    noisy = {
        "PYTHONWARNINGS": "error",
        "PYTHONDEVMODE": "1",
        "PYTHONASYNCIODEBUG": "1",
        "PYTHONFAULTHANDLER": "1",
    }
    strange = {
        "PYTHONUTF8": "0",
        "LC_ALL": "tr_TR",
        "PYTHONINSPECT": "1",
        "PYTHONBREAKPOINT": "nothing.here",
        "PYTHONSTARTUP": "/dev/full",
        "PYTHONOPTIMIZE": "2",
        "COLUMNS": "-1",
        "LINES": "x",
        "TZ": "Nowhere/Else",
        "HOME": "relative",
    }

    for env in (noisy, strange):
        assert new_process("list", env=env) == usual


@pytest.mark.spec("002/FR-155")
@pytest.mark.parametrize(
    "words", [["add", "--help"], *long_only(["--help"], ["db", "--help"])]
)
def test_python_without_docstrings_shows_the_same_help(
    new_process: Process, todo: Todo, words: list[str]
) -> None:
    """The help of a command was a line of Python: halcy/Mastodon.py#347,
    scott-griffiths/bitstring#321.
    """
    usual = todo(*words)

    assert new_process(*words, env={"PYTHONOPTIMIZE": "2"}) == usual


@pytest.mark.spec("002/FR-155")
def test_a_docstring_that_python_removed_is_read_from_the_source() -> None:
    kinds = [Command, app.todo, app.db, docstring]
    kinds += app.commands().commands["db"].commands.values()
    for kind in kinds:
        thing = getattr(kind, "callback", kind)
        thing = getattr(thing, "__wrapped__", thing)
        read = docstring(thing, is_removed=True)

        assert read == docstring(thing)
        assert len(read) > 20


@pytest.mark.spec("002/FR-155")
def test_without_its_source_a_docstring_is_empty() -> None:
    """As in a package of compiled files only."""
    made: dict[str, Any] = {}
    exec(compile("def f(): 'Words.'", "gone.py", "exec"), made)

    assert docstring(made["f"], is_removed=True) == ""
    assert docstring(made["f"]) == "Words."


# What libraries print


@pytest.mark.spec("002/FR-156")
def test_nothing_that_a_library_prints_reaches_the_streams(
    process: Process, todo: Todo
) -> None:
    """Loggers of drivers wrote tracebacks at Ctrl-C: sqlalchemy/sqlalchemy#8145,
    omnilib/aiosqlite#259.
    """
    reading, writing = os.pipe()
    running = process.start(
        "add",
        "-",
        "--json",
        stdin=reading,
        before=before.be_noisy,
        env={"PYTHONWARNINGS": "always"},
    )
    time.sleep(0.5)  # for all that the library says
    os.write(writing, b"Buy milk\n")
    os.close(writing)
    os.close(reading)

    ran = finished(running)

    assert (ran.status, ran.err) == (0, "")
    assert ran.json["message"].startswith("Added 1 task")
    assert titles_of(todo) == ["Buy milk"]


@pytest.mark.spec("002/FR-046", "002/FR-156")
def test_ctrl_c_at_a_question_prints_nothing_more(
    pty_process: PtyProcess, todo: Todo
) -> None:
    add(todo, "one", "two", "three")

    with pty_process.start("purge", "1-3", env={"PYTHONDEVMODE": "1"}) as on:
        on.wait_for("[y/N] ")
        on.type(b"\x03")
        ran = on.finish()

    assert ran.status == -signal.SIGINT
    assert ran.out.partition("[y/N] ")[2] in ("^C", "")
    assert len(tasks_of(todo)) == 3


# Limits


@pytest.mark.spec("002/FR-155")
@pytest.mark.parametrize("most", [5, *long_only(6)])
def test_too_few_files_to_load_the_program_is_an_answer(
    new_process: Process, todo: Todo, most: int
) -> None:
    limit = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (most, most))

    words = finished(new_process.start("add", "x", preexec_fn=limit))
    document = finished(new_process.start("list", "--json", preexec_fn=limit))

    assert_words(words, status=9, names=[FILES, "ulimit -n"])
    assert (document.status, document.error["code"]) == (9, "IO_ERROR")
    assert tasks_of(todo) == []


@pytest.mark.spec("002/FR-155")
@pytest.mark.parametrize("kilobytes", [10_000, 20_000, *long_only(16_000)])
def test_too_little_memory_is_an_answer(
    new_process: Process, kilobytes: int
) -> None:
    most = 1024 * kilobytes
    limit = partial(resource.setrlimit, resource.RLIMIT_DATA, (most, most))

    document = finished(new_process.start("list", "--json", preexec_fn=limit))

    assert (document.status, document.err) == (9, "")
    assert document.error["code"] == "IO_ERROR"


def raised(error: Exception, cause: Exception) -> Exception:
    """An error that was raised from another one."""
    error.__cause__ = cause
    return error


@pytest.mark.spec("002/FR-155")
def test_limits_are_recognized_in_every_form() -> None:
    expected: dict[Exception, str] = {
        MemoryError(): MEMORY,
        OSError(errno.ENOMEM, "x"): MEMORY,
        OSError(errno.EMFILE, "x", "module.py"): FILES,
        OSError(errno.ENFILE, "x"): SYSTEM,
        RuntimeError("can't start new thread"): THREADS,
        ImportError(
            "libx.so: failed to map segment from shared object"
        ): MEMORY,
        ImportError("libx.so: cannot open: Too many open files"): FILES,
        raised(ValueError("x"), MemoryError()): MEMORY,
    }
    others = [
        ValueError("x"),
        OSError(errno.EACCES, "x"),
        OSError("x"),
        RuntimeError("x"),
        ImportError("No module named 'x'"),
        raised(ValueError("x"), KeyError("x")),
    ]

    for error, words in expected.items():
        found = limits.exceeded(error)
        assert isinstance(found, IoFailed)
        assert (found.message, bool(found.hint)) == (words, True)
    assert [limits.exceeded(error) for error in others] == [None] * len(others)


@pytest.mark.spec("002/FR-155")
def test_causes_that_form_a_ring_are_looked_at_once() -> None:
    """`raise error from error` made the program run for ever."""
    alone, one, two = ValueError("x"), ValueError("x"), ValueError("x")
    alone.__cause__ = alone
    one.__cause__, two.__context__ = two, one

    assert limits.exceeded(alone) is None
    assert limits.exceeded(one) is None


@pytest.mark.spec("002/FR-075", "002/FR-155")
@pytest.mark.nothing_made
@pytest.mark.parametrize("mask", [0o777, 0o700, 0o277, 0o077, 0])
def test_a_umask_takes_no_file_from_its_owner(
    seal: Seal, process: Process, mask: int
) -> None:
    def start(*arguments: str) -> Child:
        return process.start(
            *arguments,
            before=partial(before.set_umask_and_obey, mask),
            env={"TODO_DATABASE_URL": None},
        )

    added = finished(start("add", "Buy milk"))
    listed = finished(start("list"))

    path = seal.home / ".local/share/todo/todo.db"
    modes = [each.stat().st_mode & 0o777 for each in (path, path.parent)]
    assert (added.status, modes) == (0, [0o600, 0o700])
    assert listed.out.split("\t")[2] == "Buy milk"


# Signals


def reading(process: Process, *options: str, **how: Any) -> Child:
    """A process that waits for its standard input."""
    running = process.start("add", "-", *options, **how)
    assert running.stdin is not None
    # An empty line is no task. Once it is read, the process waits for more.
    running.stdin.write(b"\n")
    running.stdin.flush()
    wait_until(lambda: unread(running) == 0)
    return running


def unread(running: Child) -> int:
    """How many bytes of its standard input a process has not read yet."""
    assert running.stdin is not None
    found = fcntl.ioctl(running.stdin, termios.FIONREAD, b"\0" * 4)
    return int.from_bytes(found, sys.byteorder)


@pytest.mark.spec("002/FR-046")
@pytest.mark.parametrize("number", [signal.SIGALRM, signal.SIGXCPU])
def test_signals_of_limits_of_time_end_the_program(
    process: Process, todo: Todo, number: signal.Signals
) -> None:
    """`perl -e 'alarm 5; exec @ARGV' todo ...` was a bug, or had no effect."""
    plain, document = reading(process), reading(process, "--json")
    for running in (plain, document):
        running.send_signal(number)
        # Its input must not end first: then it has added all there is.
        running.wait(LIMIT_S)

    ran = finished(document)

    assert finished(plain) == Ran(-number, "", "")
    assert (ran.status, ran.error["code"]) == (-number, "CANCELLED")
    assert tasks_of(todo) == []


@pytest.mark.spec("002/FR-155")
@pytest.mark.parametrize(
    ("number", "set_aside"),
    [
        (signal.SIGALRM, before.ignore),
        (signal.SIGINT, before.block),
        (signal.SIGUSR1, before.ignore),
        (signal.SIGCHLD, before.block),
        *long_only(
            (signal.SIGALRM, before.block),
            (signal.SIGINT, before.ignore),
            (signal.SIGUSR1, before.block),
            (signal.SIGCHLD, before.ignore),
        ),
    ],
)
def test_signals_that_the_caller_set_aside_change_nothing(
    process: Process,
    todo: Todo,
    set_aside: Callable[[int], None],
    number: signal.Signals,
) -> None:
    running = reading(process, before=partial(set_aside, number))
    running.send_signal(number)

    ran = finished(running, b"Buy milk\n")

    assert (ran.status, titles_of(todo)) == (0, ["Buy milk"])


@pytest.mark.spec("002/FR-083")
@pytest.mark.parametrize("set_aside", [before.ignore, before.block])
def test_what_was_stored_is_said_where_the_alarm_is_set_aside(
    process: Process, todo: Todo, set_aside: Callable[[int], None]
) -> None:
    """We need an alarm ourselves, to give up writing into a pipe that is full."""
    reading_end, writing_end = os.pipe()
    os.set_blocking(writing_end, False)
    try:
        while True:
            os.write(writing_end, b"." * 4096)
    except BlockingIOError:
        os.set_blocking(writing_end, True)
    running = process.start(
        *("add", "Buy milk"),
        stdout=writing_end,
        before=partial(set_aside, signal.SIGALRM),
    )
    while titles_of(todo) != ["Buy milk"]:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)

    ran = finished(running)

    os.close(reading_end)
    os.close(writing_end)
    assert "Added 1: Buy milk" in ran.err


class AddsAndRunsOut(Command[Added]):
    """Adds a task, and then has no memory for the answer."""

    async def run(self, context: RunContext) -> Added:
        """Add the task."""
        await context.tasks.add(NewTask(title="Buy milk"))
        raise MemoryError


class RunsOut(Command[Added]):
    """Has no memory from the start."""

    async def run(self, context: RunContext) -> Added:
        """Do nothing."""
        raise MemoryError


@pytest.mark.spec("002/FR-155")
def test_a_limit_after_a_write_leaves_its_outcome_unknown(
    todo: Todo, surroundings: Surroundings
) -> None:
    variables = surroundings.variables("ada", {})
    env = Env(
        variables=variables,
        cwd=surroundings.cwd,
        home=surroundings.home,
        login="tester",
        stdin=io.BytesIO(),
        stdout=io.BytesIO(),
        stderr=io.BytesIO(),
    )
    settings = config.load(
        variables,
        config.Config(None),
        user=None,
        login=None,
        cwd=surroundings.cwd,
        home=surroundings.home,
    )

    with pytest.raises(MemoryError):
        run(RunsOut(), settings, env, as_json=False)
    with pytest.raises(OutcomeUnknown, match=MEMORY):
        run(AddsAndRunsOut(), settings, env, as_json=False)

    assert titles_of(todo) == ["Buy milk"]
