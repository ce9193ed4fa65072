"""Real processes: pipes, closed streams, signals, terminals and odd environments."""

import json
import os
import select
import signal
import subprocess
from collections.abc import Mapping

import pytest

from tests.cli.expect import add, assert_document, assert_words, titles_of
from tests.support.program import LIMIT_S, Process, PtyProcess, Ran, Surroundings, command, process_environment

UNBUFFERED = [
    pytest.param({}, id="buffered"),
    pytest.param({"PYTHONUNBUFFERED": "1"}, id="unbuffered"),
]
LONG = b"".join(b"%03d " % number + b"x" * 190 + b"\n" for number in range(1000))  # more than a pipe holds


def in_shell(surroundings: Surroundings, script: str, **env: str) -> Ran:
    """Run a line of shell in which "$@" is the program."""
    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", *command()],
        env=process_environment(surroundings, "ada", env),
        cwd=surroundings.cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LIMIT_S,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def feed_until_read(process: "subprocess.Popen[bytes]") -> None:
    """Write more than a pipe holds, so that what is left can only be in the program."""
    assert process.stdin is not None
    for _ in range(10):
        process.stdin.write(LONG)
    process.stdin.flush()


@pytest.mark.spec("002/FR-049")
@pytest.mark.spec("002/FR-056")
def test_process_answers_like_the_door(process: Process) -> None:
    add(process, "first")

    assert process("add", "Buy milk") == Ran(0, "Added 2: Buy milk\n", "")
    assert process("show", "99") == Ran(3, "", "error: No task 99 for ada\nhint: todo list --status all\n")
    assert process("list", "--json").data[0]["title"] == "Buy milk"


@pytest.mark.spec("002/FR-047")
@pytest.mark.parametrize("env", UNBUFFERED)
def test_process_dies_silently_when_its_reader_leaves(process: Process, env: Mapping[str, str]) -> None:
    process("add", "-", stdin=LONG)

    running = process.start("list", env=env)
    assert running.stdout is not None
    assert running.stderr is not None
    first = running.stdout.readline()
    running.stdout.close()
    err = running.stderr.read()
    running.communicate(timeout=LIMIT_S)

    assert first.split(b"\t")[0] == b"1000"
    assert (running.returncode, err) == (-signal.SIGPIPE, b"")


@pytest.mark.spec("002/FR-047")
@pytest.mark.parametrize("options", ["", "--json"], ids=["words", "json"])
def test_process_before_head_gives_141_in_a_shell(process: Process, surroundings: Surroundings, options: str) -> None:
    process("add", "-", stdin=LONG)

    ran = in_shell(surroundings, f'{{ "$@" list {options}; echo $? >&2; }} | head -c 5')

    assert (ran.status, len(ran.out), ran.err) == (0, 5, "141\n")


@pytest.mark.spec("002/FR-047")
@pytest.mark.parametrize("env", UNBUFFERED)
def test_process_stores_though_its_reader_is_gone(
    process: Process, surroundings: Surroundings, env: Mapping[str, str]
) -> None:
    add(process, "first")

    ran = in_shell(surroundings, '{ sleep 0.2; "$@" add Buy milk; echo $? >&2; } | true', **env)

    assert ran.err == "141\n"
    assert titles_of(process) == ["first", "Buy milk"]


@pytest.mark.spec("002/FR-048")
@pytest.mark.parametrize("env", UNBUFFERED)
@pytest.mark.parametrize("target", [">&-", ">/dev/full"], ids=["closed", "full"])
@pytest.mark.parametrize("arguments", ["list", "list --json", "show 1", "--help", "--version", "add --help"])
def test_process_never_succeeds_without_its_output(
    process: Process, surroundings: Surroundings, env: Mapping[str, str], target: str, arguments: str
) -> None:
    add(process, "first")

    ran = in_shell(surroundings, f'"$@" {arguments} {target}', **env)

    assert (ran.status, ran.out) == (9, "")
    assert "Traceback" not in ran.err
    assert len(ran.err.splitlines()) <= 2


@pytest.mark.spec("002/FR-048")
@pytest.mark.parametrize("target", [">&-", ">/dev/full"], ids=["closed", "full"])
def test_process_says_in_words_that_its_output_is_lost(
    process: Process, surroundings: Surroundings, target: str
) -> None:
    add(process, "first")

    assert_words(in_shell(surroundings, f'"$@" list {target}'), status=9)


@pytest.mark.spec("002/FR-048")
@pytest.mark.parametrize("target", [">&-", ">/dev/full"], ids=["closed", "full"])
def test_process_stores_though_its_output_is_lost(process: Process, surroundings: Surroundings, target: str) -> None:
    add(process, "first")

    assert in_shell(surroundings, f'"$@" add Buy milk {target}').status == 9
    assert titles_of(process) == ["first", "Buy milk"]


@pytest.mark.spec("002/FR-048")
def test_process_writes_all_of_a_long_list_to_a_file(process: Process, surroundings: Surroundings) -> None:
    process("add", "-", stdin=LONG)

    ran = in_shell(surroundings, '"$@" list >list.txt', PYTHONUNBUFFERED="1")

    assert ran == Ran(0, "", "")
    assert len((surroundings.cwd / "list.txt").read_text().splitlines()) == 1000


@pytest.mark.spec("002/FR-049")
def test_process_works_with_stderr_and_stdin_closed(process: Process, surroundings: Surroundings) -> None:
    add(process, "first")

    assert in_shell(surroundings, '"$@" list 2>&- <&-').out.split("\t")[2] == "first"
    assert in_shell(surroundings, '"$@" show 99 2>&- <&-') == Ran(3, "", "")
    assert in_shell(surroundings, '"$@" add Buy milk 2>&- <&-').status == 0
    assert titles_of(process) == ["first", "Buy milk"]


@pytest.mark.spec("002/FR-062")
@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["add", "caf\udce9"], id="title"),
        pytest.param(["add", "x", "-d", "caf\udce9"], id="description"),
        pytest.param(["list", "--user", "caf\udce9"], id="user"),
        pytest.param(["show", "\udcff"], id="ref"),
    ],
)
def test_process_refuses_bytes_that_are_not_utf8(process: Process, arguments: list[str]) -> None:
    assert_words(process(*arguments), status=2)
    assert_document(process(*arguments, "--json"), code="INVALID_INPUT")
    assert titles_of(process) == []


@pytest.mark.spec("002/FR-062")
def test_process_refuses_a_command_that_is_not_utf8(process: Process) -> None:
    assert_words(process("\udcff"), status=2)
    assert_document(process("--json", "\udcff"), code="USAGE")


@pytest.mark.spec("002/FR-049")
@pytest.mark.spec("002/FR-063")
@pytest.mark.parametrize(
    "env",
    [
        pytest.param({"LC_ALL": "C"}, id="C"),
        pytest.param({"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, id="C without help"),
        pytest.param({"PYTHONIOENCODING": "ascii"}, id="ascii"),
        pytest.param({"PYTHONIOENCODING": "latin-1"}, id="latin-1"),
    ],
)
def test_process_keeps_text_in_every_locale(process: Process, env: Mapping[str, str]) -> None:
    title = "café ☕ سلام 😀"
    added = process("add", title, "--json", env=env)
    listed = process("list", "--json", env=env)
    raw = process.start("list", env=env)
    out, err = raw.communicate(timeout=LIMIT_S)

    assert (added.data["title"], listed.data[0]["title"]) == (title, title)
    assert title in listed.out
    assert (raw.returncode, err, out.count(b"\n"), out.count(b"\t")) == (0, b"", 1, 5)
    assert titles_of(process) == [title]


@pytest.mark.spec("002/FR-049")
@pytest.mark.spec("002/FR-051")
@pytest.mark.parametrize(
    "env",
    [
        pytest.param({"COLUMNS": "0"}, id="COLUMNS=0"),
        pytest.param({"COLUMNS": "-5"}, id="COLUMNS=-5"),
        pytest.param({"COLUMNS": "abc"}, id="COLUMNS=abc"),
        pytest.param({"COLUMNS": "1"}, id="COLUMNS=1"),
        pytest.param({"COLUMNS": "99999999"}, id="COLUMNS=99999999"),
        pytest.param({"TERM": "dumb"}, id="TERM=dumb"),
        pytest.param({"TERM": "nonsense"}, id="TERM=nonsense"),
        pytest.param({"TERM": None}, id="no TERM"),
        pytest.param({"NO_COLOR": "1"}, id="NO_COLOR"),
        pytest.param({"CI": "1"}, id="CI"),
        pytest.param({"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, id="C"),
        pytest.param({"PYTHONUNBUFFERED": "1"}, id="unbuffered"),
    ],
)
def test_process_in_a_terminal_shows_every_row_in_every_environment(
    process: Process, pty_process: PtyProcess, env: Mapping[str, str | None]
) -> None:
    add(process, "ab", "cd", "ef")

    ran = pty_process("list", env=env)

    assert ran.status == 0
    assert [text for text in ("ab", "cd", "ef") if text not in "".join(ran.out.split())] == []
    assert "Traceback" not in ran.out


@pytest.mark.spec("002/FR-021")
def test_process_in_a_terminal_asks_and_obeys_a_yes(process: Process, pty_process: PtyProcess) -> None:
    add(process, "one", "two", "three", "four")

    with pty_process.start("delete", "1-3") as terminal:
        terminal.wait_for("3")
        terminal.type(b"y\n")
        ran = terminal.finish()

    assert ran.status == 0
    assert "Deleted 1: one\nDeleted 2: two\nDeleted 3: three\n" in ran.out
    assert titles_of(process) == ["four"]


@pytest.mark.spec("002/FR-021")
@pytest.mark.parametrize("keys", [b"n\n", b"\n", b"\x04"], ids=["n", "return", "end of input"])
def test_process_in_a_terminal_asks_and_obeys_a_no(process: Process, pty_process: PtyProcess, keys: bytes) -> None:
    add(process, "one", "two", "three")

    with pty_process.start("delete", "1-3") as terminal:
        terminal.wait_for("3")
        terminal.type(keys)
        ran = terminal.finish()

    assert ran.status == 10
    assert "Deleted" not in ran.out
    assert "Traceback" not in ran.out
    assert titles_of(process) == ["one", "two", "three"]


@pytest.mark.spec("002/FR-046")
def test_process_interrupted_at_the_question_dies_of_it(process: Process, pty_process: PtyProcess) -> None:
    add(process, "one", "two", "three")

    with pty_process.start("delete", "1-3") as terminal:
        terminal.wait_for("3")
        terminal.type(b"\x03")
        ran = terminal.finish()

    assert ran.status == -signal.SIGINT
    assert "Traceback" not in ran.out
    assert titles_of(process) == ["one", "two", "three"]


@pytest.mark.spec("002/FR-046")
def test_process_dies_when_its_terminal_is_closed(process: Process, pty_process: PtyProcess) -> None:
    add(process, "one", "two", "three")

    with pty_process.start("delete", "1-3") as terminal:
        terminal.wait_for("3")
        terminal.hang_up()
        status = terminal.process.wait(LIMIT_S)

    assert status == -signal.SIGHUP
    assert titles_of(process) == ["one", "two", "three"]


@pytest.mark.spec("002/FR-046")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name)
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["words", "json"])
def test_process_ended_while_it_reads_stores_nothing(
    process: Process, number: signal.Signals, options: list[str]
) -> None:
    add(process, "first")

    running = process.start("add", "-", *options)
    feed_until_read(running)
    running.send_signal(number)
    assert running.stdout is not None
    assert running.stderr is not None
    out, err = running.stdout.read().decode(), running.stderr.read().decode()

    assert running.wait(LIMIT_S) == -number
    assert running.stdin is not None
    with pytest.raises(BrokenPipeError):
        running.stdin.write(LONG)
    assert "Traceback" not in err
    if options:
        assert json.loads(out)["error"]["code"] == "CANCELLED"
        assert err == ""
    else:
        assert out == ""
    assert titles_of(process) == ["first"]


@pytest.mark.spec("002/FR-046")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_process_ended_while_it_connects_dies_of_it(process: Process, number: signal.Signals) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        env = {"TODO_DATABASE_URL": f"postgresql://ada@127.0.0.1:{server.getsockname()[1]}/db"}
        running = process.start("list", "--json", env=env)
        assert select.select([server], [], [], LIMIT_S)[0]
        connection, _ = server.accept()
        with connection:
            assert connection.recv(8)
            running.send_signal(number)
            out, err = running.communicate(timeout=LIMIT_S)

    assert (running.returncode, err) == (-number, b"")
    assert json.loads(out)["error"]["code"] == "CANCELLED"


@pytest.mark.spec("002/FR-046")
def test_process_stops_a_loop_of_the_shell(surroundings: Surroundings, process: Process) -> None:
    """A program that exits 130 by itself leaves the loop running; one that dies of the signal does not."""
    add(process, "first")
    script = 'for n in 1 2; do "$@" add - ; echo after; done'
    running = subprocess.Popen(
        ["bash", "-c", script, "bash", *command()],
        env=process_environment(surroundings, "ada", {}),
        cwd=surroundings.cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )

    feed_until_read(running)
    os.killpg(running.pid, signal.SIGINT)
    out, _ = running.communicate(timeout=LIMIT_S)

    assert out == b""
    assert titles_of(process) == ["first"]


@pytest.mark.spec("002/FR-049")
def test_process_leaves_no_warning(process: Process) -> None:
    """With every warning an error and the interpreter's own checks on."""
    env = {"PYTHONWARNINGS": "error", "PYTHONDEVMODE": "1"}

    runs = [
        process(*arguments, env=env)
        for arguments in (["add", "Buy milk"], ["list"], ["show", "1"], ["show", "99"], ["done", "1"], ["delete", "1"])
    ]

    assert [ran.status for ran in runs] == [0, 0, 0, 3, 0, 0]
    assert [ran.err for ran in runs if ran.status == 0] == ["", "", "", "", ""]
    assert "Warning" not in runs[3].err
