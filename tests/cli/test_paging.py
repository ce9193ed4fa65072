"""What is longer than the screen goes through the pager of the caller."""

import fcntl
import io
import os
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cli.expect import add
from tests.cli.test_secret import SHELL
from tests.output.values import context, page, task
from tests.support.machine import needs
from tests.support.program import (
    Child,
    Process,
    PtyProcess,
    Surroundings,
    Terminal,
    Todo,
    command,
    process_environment,
)
from todo_cli.cli import paging
from todo_cli.cli.env import Env
from todo_cli.cli.pager import words_of
from todo_cli.cli.paging import Outcome
from todo_cli.cli.printer import Printed, Printer
from todo_cli.config import DEFAULT, Chosen, Config
from todo_cli.output.views import listed

MANY = 40
SCREEN = 24
XTERM = {"TERM": "xterm-256color"}
LAST = f"{MANY} open"
"""The last line of a list."""
TERMINAL: dict[str, Any] = {"stdout_is_terminal": True, "rows": SCREEN}
Paged = Callable[[str], dict[str, str]]


@pytest.fixture
def many(todo: Todo) -> None:
    """More tasks than a screen has lines."""
    todo("add", "-", stdin=b"".join(b"task %d\n" % n for n in range(MANY)))


@pytest.fixture
def paged(surroundings: Surroundings) -> Paged:
    """Make a pager of a script of the shell, and name it."""

    def make(script: str) -> dict[str, str]:
        path = surroundings.cwd / "pager"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        path_of_programs = f"{os.environ['PATH']}:/bin:/usr/bin"
        return {"TODO_PAGER": str(path), "PATH": path_of_programs}

    return make


# The decision


def chosen(file: str | None = None, **variables: str) -> str | None:
    """The pager that is chosen, if any."""
    values = {} if file is None else {"pager": file}
    found = paging.choose(variables, Config(Path("/c"), values))
    return None if found is None else found.value


@pytest.mark.spec("002/FR-420", "002/FR-421")
@pytest.mark.parametrize(
    ("variables", "pager"),
    [
        ({}, "less -FRX"),
        ({"PAGER": "more"}, "more"),
        ({"PAGER": "more", "file": "most"}, "most"),
        ({"PAGER": "more", "file": "most", "TODO_PAGER": "w3m -v"}, "w3m -v"),
        ({"PAGER": ""}, None),
        ({"PAGER": " cat "}, None),
        ({"PAGER": "more", "TODO_PAGER": ""}, None),
        ({"PAGER": "more", "TODO_PAGER": "cat"}, None),
        ({"PAGER": "more", "file": "cat"}, None),
        ({"PAGER": "cat", "TODO_PAGER": "more"}, "more"),
        ({"TODO_PAGER": "cat -n"}, "cat -n"),
        ({"TODO_PAGER": "more", "TERM": "dumb"}, None),
        ({"TODO_PAGER": "more", "TODO_NO_INPUT": "1"}, None),
        ({"TODO_PAGER": "more", "CI": "true"}, None),
        ({"TODO_PAGER": "more", "CI": "false"}, "more"),
        ({"TODO_ACCESSIBLE": "1"}, None),
        ({"TODO_ACCESSIBLE": "1", "PAGER": "more"}, None),
        ({"TODO_ACCESSIBLE": "1", "TODO_PAGER": "more"}, "more"),
        ({"TODO_ACCESSIBLE": "1", "file": "more"}, "more"),
    ],
    ids=str,
)
def test_choose_takes_the_first_that_is_set_where_somebody_reads(
    variables: dict[str, str], pager: str | None
) -> None:
    assert chosen(**variables) == pager


@pytest.mark.spec("002/FR-422")
def test_a_screen_is_full_where_its_last_row_would_be_taken() -> None:
    def taken(*lines: str, rows: int = 4) -> tuple[int, bool, int]:
        rest = iter(lines)
        head, is_full = paging.screenful(rest, rows, 10)
        return len(head), is_full, len(list(rest))

    assert taken() == (0, False, 0)
    assert taken("a", "b", "c") == (3, False, 0)
    assert taken("a", "b", "c", "d") == (4, True, 0)
    # No more is drawn than the screen needs.
    assert taken(*"abcdefgh") == (4, True, 4)
    assert taken("x" * 31, "b") == (1, True, 1)
    assert taken("x" * 30, "b") == (2, True, 0)
    assert taken("a", rows=1) == (1, True, 0)


@pytest.mark.spec("002/FR-422")
@pytest.mark.parametrize(
    ("line", "rows"),
    [
        ("", 1),
        ("x" * 10, 1),
        ("x" * 11, 2),
        ("\x1b[1;38;5;196m" + "x" * 10 + "\x1b[0m", 1),
        ("\x1b]8;id=todo-1;https://example.com/\x1b\\link\x1b]8;;\x1b\\", 1),
        ("買" * 5, 1),
        ("買" * 6, 2),
    ],
    ids=range(7),
)
def test_a_line_has_the_height_that_is_seen(line: str, rows: int) -> None:
    assert paging.height(line, 10) == rows


@pytest.mark.spec("002/FR-421")
def test_a_shell_runs_what_needs_one() -> None:
    assert words_of("less -FRX") == ["less", "-FRX"]
    assert words_of("/opt/my-pager +1") == ["/opt/my-pager", "+1"]
    for line in ("less | cat", "LESS=R less", "'my pager'", "~/pager", "$X"):
        assert words_of(line) == ["/bin/sh", "-c", line]


@pytest.mark.spec("002/FR-423", "002/FR-424")
@pytest.mark.parametrize(
    ("status", "is_read", "outcome"),
    [
        (0, True, Outcome.SHOWN),
        (1, True, Outcome.SHOWN),
        (0, False, Outcome.UNREAD),
        (1, False, Outcome.UNREAD),
        (126, True, Outcome.UNREAD),
        (127, True, Outcome.UNREAD),
        (-signal.SIGKILL, False, Outcome.UNREAD),
        (-signal.SIGKILL, True, Outcome.LOST),
        (128 + signal.SIGKILL, True, Outcome.LOST),
        (-signal.SIGINT, True, Outcome.LEFT),
        (-signal.SIGINT, False, Outcome.LEFT),
        (128 + signal.SIGINT, True, Outcome.LEFT),
    ],
)
def test_the_end_of_a_pager_says_what_became_of_the_text(
    status: int, is_read: bool, outcome: Outcome
) -> None:
    assert paging.outcome(status, is_read=is_read) is outcome


@pytest.mark.spec("002/FR-423")
def test_only_a_pager_that_was_named_is_blamed() -> None:
    assert paging.advice(Chosen("less -FRX", DEFAULT)) == []
    [line] = paging.advice(Chosen("nosuch", "PAGER"))
    assert "PAGER" in line
    assert "`nosuch`" in line
    [line] = paging.advice(Chosen("x postgresql://a:secret@h/d", "PAGER"))
    assert "secret" not in line


@pytest.mark.spec("002/FR-426")
def test_the_rest_is_drawn_while_the_first_screen_is_read() -> None:
    drawn = []

    def lines() -> Iterator[str]:
        for number in range(10_000):
            drawn.append(number)
            yield str(number)

    parts = map(str.encode, paging.parts(lines(), SCREEN))
    text = iter(paging.Text(Chosen("less", DEFAULT), parts))

    assert drawn == []
    assert next(text).endswith(b"\n22\n23\n")
    assert len(drawn) == SCREEN
    assert next(text).startswith(b"24\n25\n")
    assert SCREEN < len(drawn) < 10_000


@pytest.mark.spec("002/FR-423")
def test_a_text_can_be_read_again_from_the_start() -> None:
    text = paging.Text(Chosen("x", DEFAULT), iter([b"a", b"b", b"c"]))
    first = iter(text)

    assert [next(first), next(first)] == [b"a", b"b"]
    assert [*text] == [b"a", b"b", b"c"]
    assert [*text] == [b"a", b"b", b"c"]


@pytest.mark.spec("002/FR-426")
def test_a_fault_in_a_later_row_comes_after_the_pager(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def parts() -> Iterator[bytes]:
        yield b"first\n"
        yield b"second\n"
        raise RuntimeError("a row")

    nothing = io.BytesIO()
    env = Env({**os.environ}, None, None, None, nothing, nothing, nothing)
    text = paging.Text(Chosen("cat -", "PAGER"), parts())

    with pytest.raises(RuntimeError, match="a row"):
        paging.show(text, env)

    assert capfd.readouterr() == ("first\nsecond\n", "")


@pytest.mark.spec("002/FR-426")
def test_nothing_is_drawn_before_the_pager_of_a_list_that_fills_the_screen() -> (
    None
):
    nothing = io.BytesIO()
    env = Env({}, None, None, None, nothing, nothing, nothing, **TERMINAL)
    # To draw it fails.
    values: dict[str, Any] = {"title": None}
    broken = task(**values)

    def printed(tasks: int) -> Printed:
        sheet = listed(page(*[broken] * tasks), context())
        return Printer(env, as_json=False).result(sheet)

    text = printed(SCREEN).text
    assert text is not None
    with pytest.raises(AttributeError):
        next(iter(text))
    with pytest.raises(AttributeError):
        printed(SCREEN - 1)


# With a script in the place of the pager


@pytest.mark.spec("002/FR-420", "002/FR-421")
@pytest.mark.usefixtures("many")
def test_a_long_list_goes_through_the_pager_and_hints_follow(
    pty_process: PtyProcess, paged: Paged
) -> None:
    env = paged('echo "<$LESS $LV>"; cat; echo "</>"')
    ran = pty_process("list", "task", env=env)
    own = pty_process("list", "3", env={**env, "LESS": "i"})

    assert ran.status == 0
    before, shown, after = ran.out.replace("</>", "<FRX -c>").split("<FRX -c>")
    assert before == ""
    assert "\x1b[1m" in shown
    assert (shown.count("task"), after) == (MANY, "\n")
    # It fits the screen.
    assert "<" not in own.out


@pytest.mark.spec("002/FR-424")
@pytest.mark.usefixtures("many")
def test_what_goes_to_stderr_follows_the_pager(
    pty_process: PtyProcess, paged: Paged
) -> None:
    words = ["task", "today", "--status", "all"]
    env = paged('cat; echo "</$LESS>"') | {"LESS": "i"}
    with_hint = ["list", "--reverse", "task", "-L", "39"]
    ran = pty_process(*with_hint, env=env)
    hint = pty_process("list", *words, env=env)

    assert ran.out.endswith("</i>\n")
    assert "hint: words are looked for" in hint.out


@pytest.mark.spec("002/FR-420")
def test_every_text_to_read_is_paged_and_nothing_else(
    todo: Todo, pty_process: PtyProcess, paged: Paged
) -> None:
    add(todo, *["x"] * 3)
    todo("update", "1", "-d", "\n".join("abcdefghijklmnopqrstuvwxyz"))
    env = paged("cat; echo '</>'") | {"LINES": "8"}

    def is_paged(*words: str, **more: str) -> bool:
        ran = pty_process(*words, env=env | more)
        assert ran.status == 0, ran
        return ran.out.endswith("</>\n")

    assert is_paged("show", "1")
    assert is_paged("history")
    assert is_paged("list", "--help")
    assert is_paged("help", "list")
    assert is_paged("stats")
    assert not is_paged("show", "2", LINES="24")
    assert not is_paged("list")
    assert not is_paged("doctor")
    assert not is_paged("show", "1", "--json")
    assert not is_paged("show", "1", TODO_OUTPUT="json")
    assert not is_paged("add", "-", "--help", TODO_NO_INPUT="1")


@pytest.mark.spec("002/FR-420")
@pytest.mark.usefixtures("many")
def test_nothing_is_paged_in_a_pipe(process: Process, paged: Paged) -> None:
    env = paged("echo '</>'") | {"TODO_FORCE_TTY": "80"}

    ran = process("list", env=env)

    assert LAST in ran.out
    assert "</>" not in ran.out


@pytest.mark.spec("002/FR-421")
@pytest.mark.usefixtures("many")
def test_the_config_file_names_a_pager(
    pty_process: PtyProcess, paged: Paged, surroundings: Surroundings
) -> None:
    env = paged("cat; echo '</>'")
    pager = env.pop("TODO_PAGER")
    file = surroundings.cwd / "c.toml"
    file.write_text(f"pager = '{pager}'\n")

    ran = pty_process("list", env=env | {"TODO_CONFIG": str(file)})

    assert ran.out.endswith("</>\n")


@pytest.mark.spec("002/FR-423")
@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    ("pager", "blamed"),
    [
        (None, False),
        ("nosuch -x", True),
        ("nosuch | cat", True),
        ("true", True),
        ("kill -9 $$", True),
    ],
)
def test_what_a_broken_pager_does_not_show_is_printed_once(
    pty_process: PtyProcess, pager: str | None, blamed: bool
) -> None:
    ran = pty_process("list", env={"TODO_PAGER": pager})

    assert ran.status == 0
    assert [ran.out.count(f"task {n} ") for n in range(MANY)] == [1] * MANY
    assert ran.out.count(LAST) == 1
    assert ("hint: TODO_PAGER: " in ran.out) == blamed
    assert "Traceback" not in ran.out


@pytest.mark.spec("002/FR-424")
def test_a_reader_who_has_enough_ends_it_without_a_word(
    todo: Todo, pty_process: PtyProcess, paged: Paged
) -> None:
    # More than a pipe holds.
    todo("add", "-", stdin=b"%s\n" % (b"long " * 39) * 400)

    ran = pty_process("list", env=paged("head -n 2"))

    assert ran.status == 0
    assert ran.out.count("\n") == 2


@pytest.mark.spec("002/FR-424")
@pytest.mark.usefixtures("many")
def test_a_pager_that_dies_in_the_middle_is_an_error(
    pty_process: PtyProcess, paged: Paged
) -> None:
    ran = pty_process("list", env=paged("read -r x; echo $x; kill -9 $$"))

    assert ran.status == 9
    assert "was killed" in ran.out
    assert "TODO_PAGER=cat" in ran.out
    assert LAST not in ran.out


@pytest.mark.spec("002/FR-425")
@pytest.mark.usefixtures("many")
def test_ctrl_c_is_for_the_pager(
    pty_process: PtyProcess, paged: Paged
) -> None:
    script = (
        "trap 'echo got; exit 0' INT; echo ready; while :; do sleep 0.01; done"
    )
    taking = paged(f"read -r x; {script}")
    with pty_process.start("list", env=taking) as terminal:
        terminal.wait_for("ready")
        terminal.type(b"\x03")
        taken = terminal.finish()
    leaving = paged("read -r x; echo ready; while :; do sleep 0.01; done")
    with pty_process.start("list", env=leaving) as terminal:
        terminal.wait_for("ready")
        terminal.type(b"\x03")
        left = terminal.finish()

    assert taken.status == 0
    assert taken.out.endswith("got\n")
    assert left.status == -signal.SIGINT
    assert LAST not in left.out


@pytest.mark.spec("002/FR-425")
@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_both_and_puts_the_terminal_back(
    pty_process: PtyProcess,
    paged: Paged,
    surroundings: Surroundings,
    number: int,
) -> None:
    script = (
        "read -r x; stty -echo <&1; echo $$ > pid; echo ready; exec sleep 60"
    )
    with pty_process.start("list", env=paged(script)) as terminal:
        before = terminal.usual
        terminal.wait_for("ready")
        assert modes(terminal) != before
        terminal.process.send_signal(number)
        ran = terminal.finish()
        assert modes(terminal) == before

    assert ran.status == -number
    pager = int((surroundings.cwd / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pager, 0)


def modes(terminal: Terminal) -> list[Any]:
    """The attributes of a terminal."""
    return termios.tcgetattr(terminal._descriptor)


# With less itself


def press(terminal: Terminal, key: bytes, text: str) -> None:
    """Press a key until it is taken: less drops what comes beside a signal."""
    number = terminal._descriptor
    while text not in terminal.seen:
        terminal.type(key)
        while select.select([number], [], [], 0.2)[0]:
            assert terminal._read()


@pytest.fixture
def less() -> Mapping[str, str | None]:
    """An environment in which nothing names a pager."""
    return {"PAGER": None, "LESS": None, **XTERM}


@needs("less")
@pytest.mark.spec("002/FR-421", "002/FR-425")
@pytest.mark.usefixtures("many")
def test_less_shows_a_screen_and_leaves_no_trace(
    pty_process: PtyProcess, less: Mapping[str, str | None]
) -> None:
    with pty_process.start("list", env=less) as terminal:
        before = terminal.usual
        terminal.wait_for("task 20 ")
        terminal.wait_for(":")
        terminal.type(b"\x03")
        size = struct.pack("HHHH", 10, 60, 0, 0)
        fcntl.ioctl(terminal._descriptor, termios.TIOCSWINSZ, size)
        press(terminal, b"G", LAST)
        terminal.type(b"q")
        ran = terminal.finish()
        assert modes(terminal) == before

    assert ran.status == 0
    assert "\x1b[1m" in ran.out
    assert "^C" not in ran.out


@needs("less")
@pytest.mark.spec("002/FR-422")
def test_less_does_not_wait_where_all_fits(
    todo: Todo, pty_process: PtyProcess, less: Mapping[str, str | None]
) -> None:
    add(todo, *map(str, range(SCREEN - 4)))

    ran = pty_process("list", env=less)

    assert ran.status == 0
    assert ran.out.count("\n") == SCREEN - 1


@needs("less")
@pytest.mark.spec("002/FR-425")
@pytest.mark.usefixtures("many")
def test_ctrl_z_stops_less_and_fg_goes_on(
    surroundings: Surroundings, less: Mapping[str, str | None]
) -> None:
    words = [sys.executable, "-I", "-S", "-c", SHELL, *command("list")]

    def start(**streams: Any) -> Child:
        return subprocess.Popen(
            words,
            env=process_environment(surroundings, "ada", less),
            cwd=surroundings.cwd,
            start_new_session=True,
            **streams,
        )

    with Terminal(start) as terminal:
        before = terminal.usual
        # Before its prompt less may keep Ctrl-Z for the next key.
        terminal.wait_for("\n:")
        terminal.type(b"\x1a")
        terminal.wait_for("stopped True")
        terminal.type(b"fg\n")
        press(terminal, b"G", LAST)
        terminal.type(b"q")
        ran = terminal.finish()
        assert modes(terminal) == before

    assert ran.status == 0
