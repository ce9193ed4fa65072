"""A secret that is typed: what the keys mean, and that the terminal is set back."""

import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.machines import Machine
from tests.conftest import Seal
from tests.support.forked import ForkServer
from tests.support.machine import needs
from tests.support.program import (
    Child,
    PtyProcess,
    Surroundings,
    Terminal,
    command,
    process_environment,
)
from tests.support.site import wait_until
from tests.support.stores import Clock
from todo_cli.cli.secret import Line

PROMPT = "Connection string (it is not shown): "
SECRET = "CaNaRy"
UNREACHABLE = f"postgresql://a:{SECRET}@127.0.0.1:1/b"


@pytest.fixture
def person(seal: Seal, fork_server: ForkServer) -> PtyProcess:
    """The program in a terminal of its own, with an embedded file."""
    surroundings = Surroundings(seal.home, seal.cwd, None)
    return PtyProcess(surroundings, fork_server.launch)


# The keys


@pytest.mark.spec("002/FR-292")
@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (b"abc\r", "abc"),
        (b"abc\n", "abc"),
        (b"  abc \r", "  abc "),
        (b"abx\x7fc\r", "abc"),
        (b"abx\x08c\r", "abc"),
        ("abé€😀".encode() + b"\x7f\x7f\x7fc\r", "abc"),
        (b"\x7f\x7fabc\r", "abc"),
        (b"xyz\x15abc\r", "abc"),
        (b"xyz\x17abc\r", "abc"),
        (b"abc\x04", "abc"),
        (b"\x1b[Aab\x1b[1;5Cc\x1bOH\r", "abc"),
        (b"\x1bxabc\r", "abc"),
        (b"\x1b[200~abc\x1b[201~\r", "abc"),
        (b"\x1b[200~abc\r\x1b[201~\r", "abc\n"),
        (b"\x1b[200~a\rb\n\x1b[201~c\r", "a\nb\nc"),
        (b"\x1b[" + b"9" * 1_000 + b"~abc\r", "abc"),
        (b"abc\rrm -r x\r", "abc"),
        (b"\x1cabc\r", "\x1cabc"),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_a_line_is_typed_as_elsewhere(
    keys: bytes, line: str, at_once: bool
) -> None:
    typed = Line()
    for piece in [keys] if at_once else [bytes([key]) for key in keys]:
        typed.take(piece)

    assert typed.is_complete
    assert not typed.has_ended
    assert typed.data.decode() == line


@pytest.mark.spec("002/FR-292")
def test_a_line_can_end_before_it_begins() -> None:
    typed = Line()
    typed.take(b"abc\x15\x04abc\r")

    assert typed.has_ended
    assert not typed.is_complete


@pytest.mark.spec("002/FR-292")
def test_a_line_takes_no_more_memory_than_a_secret_needs() -> None:
    typed = Line()
    for _ in range(3):
        typed.take(b"x" * 2**19)
    typed.take(b"\r")

    assert len(typed.data) == 2**20 + 1


# The terminal


def modes(terminal: int) -> list[object]:
    """The settings of a terminal."""
    return termios.tcgetattr(terminal)


@pytest.fixture
def usual() -> Iterator[list[object]]:
    """The settings of a new terminal."""
    ours, theirs = pty.openpty()
    yield modes(ours)
    os.close(ours)
    os.close(theirs)


@pytest.mark.spec("002/FR-292")
@pytest.mark.parametrize(
    ("keys", "status", "words"),
    [
        (UNREACHABLE.encode() + b"\r", 6, "refuses connections"),
        (
            b"\x1b[200~" + UNREACHABLE.encode() + b"\n\x1b[201~\r",
            6,
            "refuses connections",
        ),
        (
            UNREACHABLE.encode()
            + b"?application_name="
            + b"x" * 5_000
            + b"\r",
            6,
            "refuses connections",
        ),
        (b"\x1b[200~CaNaRy\nrm x\n\x1b[201~\r", 2, "has 2 lines"),
        (b"\xff\xfeCaNaRy\r", 2, "UTF-16"),
        (b"CaNaRy\xff\r", 2, "not UTF-8"),
        (b"\r", 2, "is empty"),
        (b"\x04", 10, "Nothing was changed"),
    ],
)
def test_a_terminal_shows_nothing_of_what_is_typed(
    seal: Seal, clock: Clock, keys: bytes, status: int, words: str
) -> None:
    ada = Machine(seal.home, "ada", clock, [SECRET])

    ran = ada("connect", typed=[(PROMPT, keys)])

    assert ran.status == status, ran
    assert words in ran.err
    assert not ada.config.parent.exists()


@pytest.mark.spec("002/FR-292")
def test_a_terminal_without_marks_gets_none(seal: Seal, clock: Clock) -> None:
    ada = Machine(seal.home, "ada", clock, [SECRET])

    plain = ada("connect", typed=[(PROMPT, b"\x04")], env={"TERM": "dumb"})
    usual = ada("connect", typed=[(PROMPT, b"\x04")])

    assert "\x1b" not in plain.err
    assert "\x1b[?2004h" in usual.err
    assert "\x1b[?2004l" in usual.err


@pytest.mark.spec("002/FR-292")
@pytest.mark.spec("002/FR-304")
def test_a_long_secret_arrives_whole_at_a_real_terminal(
    person: PtyProcess,
) -> None:
    """The kernel's own line editing would keep 4,095 bytes."""
    url = f"{UNREACHABLE}?application_name={'x' * 5_000}"
    with person.start("connect") as terminal:
        terminal.wait_for(PROMPT)
        terminal.type(url.encode())
        terminal.type(b"\r")
        ran = terminal.finish()

    assert ran.status == 6, ran
    assert "127.0.0.1:1/b refuses connections" in ran.out
    assert SECRET not in ran.out
    assert "xxx" not in ran.out


@pytest.mark.spec("002/FR-292")
@pytest.mark.parametrize(
    ("end", "status"),
    [
        (lambda terminal: terminal.type(b"\x03"), -signal.SIGINT),
        (
            lambda terminal: terminal.process.send_signal(signal.SIGTERM),
            -signal.SIGTERM,
        ),
        (
            lambda terminal: terminal.process.send_signal(signal.SIGHUP),
            -signal.SIGHUP,
        ),
        (lambda terminal: terminal.type(b"\x1c\x04\r"), 2),
        (lambda terminal: terminal.type(b"\x04"), 10),
    ],
)
def test_a_terminal_is_set_back_however_it_ends(
    person: PtyProcess,
    usual: list[object],
    end: Callable[[Terminal], None],
    status: int,
) -> None:
    with person.start("connect") as terminal:
        number = terminal._descriptor
        terminal.wait_for(PROMPT)
        hidden = modes(number)
        end(terminal)
        ran = terminal.finish()

        assert not hidden[3] & (termios.ECHO | termios.ICANON)  # type: ignore[operator]
        assert modes(number) == usual
    assert ran.status == status, ran


SHELL = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
usual = termios.tcgetattr(0)
child = os.fork()
if child == 0:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execv(sys.argv[1], sys.argv[1:])
while True:
    _, status = os.waitpid(child, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        os._exit(os.waitstatus_to_exitcode(status))
    os.tcsetpgrp(0, os.getpid())
    is_usual = termios.tcgetattr(0) == usual
    termios.tcsetattr(0, termios.TCSADRAIN, usual)
    print("stopped", is_usual, flush=True)
    input()
    os.tcsetpgrp(0, child)
    os.kill(-child, signal.SIGCONT)
"""
"""What a shell does with a job; the job's number is not that of the process."""


@pytest.mark.spec("002/FR-292")
@pytest.mark.parametrize("by", ["Ctrl-Z", "SIGSTOP"])
def test_a_terminal_is_set_back_while_the_program_is_stopped(
    person: PtyProcess, usual: list[object], by: str
) -> None:
    words = [sys.executable, "-I", "-S", "-c", SHELL, *command("connect")]

    def start(**streams: Any) -> Child:
        return subprocess.Popen(
            words,
            env=process_environment(person.surroundings, None, None),
            cwd=person.surroundings.cwd,
            start_new_session=True,
            **streams,
        )

    with Terminal(start) as terminal:
        number = terminal._descriptor
        terminal.wait_for(PROMPT)
        hidden = modes(number)
        if by == "Ctrl-Z":
            terminal.type(b"\x1a")
        else:
            os.killpg(os.tcgetpgrp(number), signal.SIGSTOP)
        # Nothing can set it back at a SIGSTOP.
        terminal.wait_for(f"stopped {by == 'Ctrl-Z'}")
        assert modes(number) == usual
        terminal.type(b"fg\n")
        wait_until(lambda: modes(number) == hidden)
        terminal.type(UNREACHABLE.encode() + b"\r")
        ran = terminal.finish()

        assert modes(number) == usual
    assert ran.status == 6, ran
    assert ran.out.count(PROMPT) == 2
    assert SECRET not in ran.out


@pytest.mark.spec("002/FR-292")
def test_a_program_that_cannot_be_stopped_hides_on(person: PtyProcess) -> None:
    """The system stops no process that no shell could go on with."""
    with person.start("connect") as terminal:
        terminal.wait_for(PROMPT)
        terminal.type(b"\x1a")
        terminal.wait_for(PROMPT + "\x1b[?2004l\n\x1b[?2004h" + PROMPT)
        assert not modes(terminal._descriptor)[3] & termios.ECHO  # type: ignore[operator]
        terminal.type(b"\x04")
        assert terminal.finish().status == 10


@needs("a list of limits")
@pytest.mark.spec("002/FR-304")
def test_a_crash_leaves_no_core_file_with_the_secret(
    person: PtyProcess,
) -> None:
    with person.start("connect") as terminal:
        terminal.wait_for(PROMPT)
        limits = Path(f"/proc/{terminal.process.pid}/limits").read_text()
        words = Path(f"/proc/{terminal.process.pid}/cmdline").read_bytes()
        terminal.type(b"\x04")
        terminal.finish()

    [core] = [line for line in limits.splitlines() if "core" in line]
    assert core.split()[4] == "0"
    assert SECRET.encode() not in words
