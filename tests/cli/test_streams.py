"""Standard streams as other programs leave them: non-blocking, closed, write-only, in
UTF-16. Input is read whole.
"""

import fcntl
import json
import os
import select
import signal
import termios
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.cli.expect import (
    add,
    assert_refused,
    assert_words,
    tasks_of,
    titles_of,
)
from tests.support.before import unblock_streams
from tests.support.forked import ForkServer
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

Pipe = tuple[int, int]
LONG = "x" * 190
TEXT = "Buy milk\nCall Bob\n"
READING = [["add", "-"], ["add", "x", "-d", "-"], ["update", "1", "-d", "-"]]
"""Every command that reads standard input."""
HALF_READ = b"one\ntwo\nthr"


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """A pipe with both ends non-blocking, as node and others leave the ones they share."""
    ends = os.pipe()
    for end in ends:
        os.set_blocking(end, False)
    yield ends
    for end in ends:
        close(end)


@pytest.fixture
def terminal(
    surroundings: Surroundings, fork_server: ForkServer
) -> PtyProcess:
    """The program on the store, in a terminal that another program made non-blocking."""
    return PtyProcess(
        surroundings, partial(fork_server.launch, before=unblock_streams)
    )


def close(end: int) -> None:
    """Close one end of a pipe, unless that was done."""
    try:
        os.close(end)
    except OSError:
        return


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, "it never came to this"
        time.sleep(0.01)


def is_read(pipe: Pipe) -> bool:
    """Whether everything that was written has been read."""
    return fcntl.ioctl(pipe[0], termios.FIONREAD, b"\0" * 4) == b"\0" * 4


def is_full(pipe: Pipe) -> bool:
    """Whether nothing more can be written."""
    return not select.select([], [pipe[1]], [], 0)[1]


def fill_up(pipe: Pipe) -> int:
    """Write until nothing more fits; how many bytes that were."""
    filled = 0
    while not is_full(pipe):
        filled += os.write(pipe[1], b"." * 4096)
    return filled


def started_reading(process: Process, pipe: Pipe, *arguments: str) -> Child:
    """A process that has read the first half of its input and finds nothing more yet."""
    os.write(pipe[1], HALF_READ)
    running = process.start(*arguments, stdin=pipe[0])
    until(lambda: is_read(pipe))
    return running


@pytest.mark.spec("002/FR-133")
@pytest.mark.parametrize(
    ("arguments", "stored"),
    [
        (READING[0], {"one", "two", "three"}),
        (READING[1], {"one\ntwo\nthree"}),
        (READING[2], {"one\ntwo\nthree"}),
    ],
    ids=["add -", "add -d -", "update -d -"],
)
def test_a_slow_writer_is_waited_for(
    process: Process,
    todo: Todo,
    pipe: Pipe,
    arguments: list[str],
    stored: set[str],
) -> None:
    """An empty pipe was taken for the end of input, with status 0: nodejs/node#42826,
    aws/jsii#1143.
    """
    add(todo, "first")
    running = started_reading(process, pipe, *arguments)
    time.sleep(0.1)  # so that it looks again and finds nothing
    os.write(pipe[1], b"ee\n")
    os.close(pipe[1])

    ran = finished(running)

    assert (ran.status, ran.err) == (0, "")
    tasks = tasks_of(todo)
    assert stored <= {task["title"] for task in tasks} | {
        task["description"] for task in tasks
    }


@pytest.mark.spec("002/FR-133")
def test_input_that_has_not_come_yet_is_waited_for(
    process: Process, todo: Todo, pipe: Pipe
) -> None:
    running = process.start("add", "-", stdin=pipe[0])
    time.sleep(0.5)  # most of a run: it has looked by then, and found nothing
    os.write(pipe[1], b"one\n")
    os.close(pipe[1])

    assert finished(running).status == 0
    assert titles_of(todo) == ["one"]


@pytest.mark.spec("002/FR-133")
def test_reading_does_not_change_the_stream_for_others(
    process: Process, pipe: Pipe
) -> None:
    running = started_reading(process, pipe, "add", "-")
    try:
        assert not os.get_blocking(pipe[0])
    finally:
        os.close(pipe[1])
        finished(running)
    assert not os.get_blocking(pipe[0])


@pytest.mark.spec("002/FR-046")
def test_signal_ends_waiting_for_input_at_once(
    process: Process, todo: Todo, pipe: Pipe
) -> None:
    running = started_reading(process, pipe, "add", "-")
    running.send_signal(signal.SIGTERM)

    assert finished(running) == Ran(-signal.SIGTERM, "", "")
    assert tasks_of(todo) == []


@pytest.mark.spec("002/FR-145")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_waiting_for_a_config_file_at_once(
    process: Process, pipe: Pipe, number: int
) -> None:
    os.write(pipe[1], b"user = ")
    env = {"TODO_CONFIG": "/dev/stdin"}
    running = process.start("add", "one", stdin=pipe[0], env=env)
    until(lambda: is_read(pipe))
    running.send_signal(number)

    assert finished(running) == Ran(-number, "", "")


@pytest.mark.spec("002/FR-133")
@pytest.mark.parametrize(("keys", "left"), [(b"y\n", 0), (b"n\n", 3)])
def test_question_waits_for_its_answer(
    terminal: PtyProcess, todo: Todo, keys: bytes, left: int
) -> None:
    add(todo, "one", "two", "three")

    with terminal.start("purge", "1-3") as talk:
        talk.wait_for("3")
        time.sleep(0.3)  # an answer that has not come yet is not a no
        talk.type(keys)
        ran = talk.finish()

    assert ran.status == (10 if left else 0)
    assert len(tasks_of(todo)) == left


@pytest.mark.spec("002/FR-133")
def test_lines_are_read_from_a_terminal_until_its_end(
    terminal: PtyProcess, todo: Todo
) -> None:
    with terminal.start("add", "-") as talk:
        talk.wait_for("ends.\n")
        for line in (b"one\n", b"two\n"):
            time.sleep(0.2)
            talk.type(line)
        talk.type(b"\x04")
        ran = talk.finish()

    assert ran.status == 0
    assert ran.out.startswith("One title a line; Ctrl-D ends.\n")
    assert titles_of(todo) == ["one", "two"]


INVITED = [
    (["add", "-"], b"one\n", "One title a line; Ctrl-D ends.\n"),
    (["add", "x", "-d", "-"], b"note", "Type the notes; Ctrl-D ends.\n"),
    (["update", "1", "-d", "-"], b"note", "Type the notes; Ctrl-D ends.\n"),
    (["note", "1", "-"], b"note", "Type the notes; Ctrl-D ends.\n"),
    (["import", "-"], b"- [ ] one\n", "Type the tasks; Ctrl-D ends.\n"),
]


@pytest.mark.spec("002/FR-337")
@pytest.mark.parametrize(("arguments", "typed", "invitation"), INVITED)
def test_a_terminal_says_what_to_type_and_how_to_end(
    todo: Todo, arguments: list[str], typed: bytes, invitation: str
) -> None:
    """It waited without a word, as if it hung."""
    add(todo, "first")
    if arguments[0] == "import":
        arguments = [*arguments, "--format", "markdown"]

    shown = todo(*arguments, stdin=typed, terminal=True)
    document = todo(*arguments, "--json", stdin=typed, terminal=True)
    piped = todo(*arguments, stdin=typed)

    assert shown.status == 0
    assert shown.err.startswith(invitation)
    assert shown.err.count("Ctrl-D") == 1
    assert (document.status, document.err) == (0, "")
    assert (piped.status, piped.err) == (0, "")


@pytest.mark.spec("002/FR-133")
@pytest.mark.parametrize("options", [["--json"], []], ids=["json", "lines"])
def test_output_into_a_slow_pipe_is_whole(
    process: Process, todo: Todo, pipe: Pipe, options: list[str]
) -> None:
    add(todo, *(f"{number} {LONG}" for number in range(1000)))
    running = process.start("list", *options, stdout=pipe[1])
    until(lambda: is_full(pipe))
    os.close(pipe[1])
    out = b""
    while select.select([pipe[0]], [], [], LIMIT_S)[0] and (
        data := os.read(pipe[0], 10_000)
    ):
        out += data

    assert finished(running).status == 0
    assert out.endswith(b"\n")
    assert (
        len(json.loads(out)["data"]) if options else out.count(b"\n")
    ) == 1000


@pytest.mark.spec("002/FR-133")
def test_a_full_pipe_of_errors_is_waited_for(
    process: Process, pipe: Pipe
) -> None:
    filled = fill_up(pipe)
    running = process.start("show", "99", stderr=pipe[1])
    os.close(pipe[1])
    time.sleep(0.5)
    err = b""
    while select.select([pipe[0]], [], [], LIMIT_S)[0] and (
        data := os.read(pipe[0], 65_536)
    ):
        err += data

    assert finished(running).status == 3
    assert err[filled:].startswith(b"error: No task 99")


@pytest.mark.spec("002/FR-133")
def test_waiting_for_a_reader_uses_no_time_of_the_processor(
    process: Process, todo: Todo, pipe: Pipe
) -> None:
    add(todo, *(f"{number} {LONG}" for number in range(1000)))
    running = process.start("list", stdout=pipe[1])
    until(lambda: is_full(pipe))
    time.sleep(0.2)
    before = used(running)
    time.sleep(1)
    spent = used(running) - before
    os.close(pipe[1])
    os.close(pipe[0])
    ran = finished(running)

    assert (
        spent < os.sysconf("SC_CLK_TCK") / 4
    )  # one that looked again and again would have used nearly all of it
    assert ran.status == -signal.SIGPIPE


def used(running: Child) -> int:
    """Ticks of the processor that a process has used."""
    fields = (
        Path(f"/proc/{running.pid}/stat")
        .read_text()
        .rpartition(")")[2]
        .split()
    )
    return int(fields[11]) + int(fields[12])


@pytest.mark.spec("002/FR-046")
def test_signal_ends_writing_into_a_full_pipe_at_once(
    process: Process, todo: Todo, pipe: Pipe
) -> None:
    add(todo, *(f"{number} {LONG}" for number in range(1000)))
    running = process.start("list", stdout=pipe[1])
    until(lambda: is_full(pipe))
    running.send_signal(signal.SIGINT)

    assert finished(running).status == -signal.SIGINT


@pytest.mark.spec("002/FR-083")
def test_what_was_stored_is_said_where_output_is_stuck(
    process: Process, todo: Todo, pipe: Pipe
) -> None:
    fill_up(pipe)
    running = process.start("add", "Buy milk", stdout=pipe[1])
    until(lambda: titles_of(todo) == ["Buy milk"])
    running.send_signal(signal.SIGINT)

    ran = finished(running)

    assert "Added 1: Buy milk" in ran.err


@pytest.mark.spec("002/FR-133")
@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_input_that_cannot_be_read_is_an_error(
    process: Process, todo: Todo, arguments: list[str]
) -> None:
    add(todo, "first")
    before = tasks_of(todo)

    closed = finished(process.start(*arguments, before=partial(os.close, 0)))
    with open(os.devnull, "wb") as null:
        write_only = finished(process.start(*arguments, stdin=null.fileno()))

    for ran in (closed, write_only):
        assert_words(ran, status=9, names=["Standard input cannot be read"])
    assert tasks_of(todo) == before


@pytest.mark.spec("002/FR-151")
@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_input_from_a_terminal_is_refused_where_nobody_is_there(
    todo: Todo, arguments: list[str]
) -> None:
    add(todo, "first")
    before = tasks_of(todo)

    for name in ("TODO_NO_INPUT", "CI"):
        env = {name: "1"}
        ran = todo(*arguments, stdin=b"x\n", terminal=True, env=env)
        names = ["nobody is there", "nothing was changed", name]
        assert_words(ran, status=9, names=names)
        assert tasks_of(todo) == before
    for name in ("TODO_NO_INPUT", "CI"):
        assert todo(*arguments, stdin=b"x\n", env={name: "1"}).status == 0


@pytest.mark.spec("002/FR-154")
@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_input_without_end_is_refused_at_once(
    process: Process, todo: Todo, arguments: list[str]
) -> None:
    add(todo, "first")
    before = tasks_of(todo)

    with open("/dev/zero", "rb") as zeros:
        ran = finished(process.start(*arguments, stdin=zeros.fileno()))

    assert_words(ran, status=2, names=["has more than"])
    assert tasks_of(todo) == before


@pytest.mark.spec("002/FR-154")
def test_the_first_bad_line_ends_the_reading(
    process: Process, todo: Todo, pipe: Pipe
) -> None:
    running = process.start("add", "-", stdin=pipe[0])
    os.write(pipe[1], b"one\ntw\x01o\n")  # and the pipe stays open

    ran = finished(running)

    assert_words(ran, status=2, names=["line 2: title: "])
    assert tasks_of(todo) == []


@pytest.mark.spec("002/FR-134")
@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_half_a_text_or_another_encoding_is_never_stored(
    todo: Todo, arguments: list[str]
) -> None:
    add(todo, "first")
    before = tasks_of(todo)

    for data in (
        TEXT.encode("utf-16"),
        f"\ufeff{TEXT}".encode("utf-16-be"),
        TEXT.encode("utf-32"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        "Buy".encode("utf-16-le"),
        "Buy".encode("utf-16-be"),
    ):
        error = assert_refused(
            todo, *arguments, stdin=data, code="INVALID_INPUT"
        )
        message, _, outcome = error["message"].partition("; ")
        assert message == "Standard input is UTF-16, and must be UTF-8"
        assert outcome.startswith("nothing was ")
    for data in (
        b"a\x00b",
        bytes(8),
        b"caf\xc3",
        b"caf\xe9\n",
        b"\xf0\x9f\x98",
        b"one\rtwo\r",
    ):
        assert_refused(todo, *arguments, stdin=data, code="INVALID_INPUT")

    assert tasks_of(todo) == before


@pytest.mark.spec("002/FR-060")
@pytest.mark.parametrize("arguments", READING[1:], ids=" ".join)
def test_descriptions_are_read_whole_or_refused(
    todo: Todo, arguments: list[str]
) -> None:
    add(todo, "first")

    for sign in ("x", "\u00e9", "\u20ac", "\U0001f600", "\r\n"):
        longest = sign * 9_999 + "."
        stored = todo(
            *arguments, "--json", stdin=f"\ufeff{longest}\r\n".encode()
        ).data
        for more in (1, 7, 40_000):
            error = assert_refused(
                todo,
                *arguments,
                stdin=(sign * more + longest).encode(),
                code="INVALID_INPUT",
            )
            assert "characters" in error["message"]
        assert stored["description"] == longest.replace("\r\n", "\n")
        assert stored in tasks_of(todo)
