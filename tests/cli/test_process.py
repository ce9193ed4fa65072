"""Real processes: pipes, closed streams, signals, terminals and odd environments."""

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.conftest import on_both_stores
from tests.cli.expect import add, assert_refused, assert_words, titles_of
from tests.conftest import Seal
from tests.support.forked import ForkServer
from tests.support.machine import needs
from tests.support.program import (
    LIMIT_S,
    Child,
    Process,
    PtyProcess,
    Ran,
    Surroundings,
    Todo,
    command,
    finished,
    process_environment,
)
from tests.support.saved import Saved
from tests.support.size import long_only
from tests.support.stores import Store

UNBUFFERED = [
    pytest.param({}, id="buffered"),
    pytest.param({"PYTHONUNBUFFERED": "1"}, id="unbuffered"),
]
LONG = b"".join(
    b"%03d " % number + b"x" * 190 + b"\n" for number in range(1000)
)  # more than a pipe holds


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


def feed_until_read(process: Child) -> None:
    """Write more than a pipe holds, so that what is left can only be in the program."""
    assert process.stdin is not None
    for _ in range(10):
        process.stdin.write(LONG)
    process.stdin.flush()


def interrupted(
    process: Process, number: int, *arguments: str
) -> tuple[int, bytes, bytes]:
    """Send a signal to a command that reads standard input; its end and its output."""
    with process.start(*arguments) as running:
        feed_until_read(running)
        running.send_signal(number)
        assert running.stdout is not None
        assert running.stderr is not None
        out, err = running.stdout.read(), running.stderr.read()
    return running.returncode, out, err


@pytest.fixture
def local(seal: Seal) -> Surroundings:
    """What a run on the embedded file starts from; for what does not depend on the store."""
    return Surroundings(seal.home, seal.cwd, None)


@pytest.fixture
def long_list(
    todo_embedded: Todo, local: Surroundings, kept: dict[str, Saved]
) -> None:
    """An embedded file with more tasks than a pipe holds."""
    file = local.home / ".local" / "share" / "todo" / "todo.db"
    if "long" in kept:
        file.parent.mkdir(parents=True)
        file.write_bytes(kept["long"].file)
        return
    todo_embedded("add", "-", stdin=LONG)
    kept["long"] = Saved(file.read_bytes())


@pytest.fixture
def embedded(local: Surroundings, fork_server: ForkServer) -> Process:
    """The program on the embedded file, as a process with pipes, without an interpreter's start."""
    return Process(local, fork_server.launch)


@pytest.fixture
def started(local: Surroundings) -> Process:
    """The program on the embedded file, started as a shell would."""
    return Process(local)


@pytest.fixture
def embedded_terminal(
    local: Surroundings, fork_server: ForkServer
) -> PtyProcess:
    """The program on the embedded file, in a terminal, without an interpreter's start."""
    return PtyProcess(local, fork_server.launch)


@on_both_stores
@pytest.mark.spec("002/FR-049", "002/FR-056")
def test_process_answers_like_the_door(
    surroundings: Surroundings, process: Process, store: Store, todo: Todo
) -> None:
    if store.kind == "sqlite":
        process = Process(surroundings)  # started as a shell would
    add(todo, "first")

    assert process("add", "Buy milk") == Ran(0, "Added 2: Buy milk\n", "")
    assert process("show", "99") == Ran(
        3,
        "",
        "error: No task 99 for ada\nhint: `todo list --status all` shows your tasks\n",
    )
    assert process("list", "--json") == todo("list", "--json")


@pytest.mark.spec("002/FR-047")
@pytest.mark.parametrize("env", UNBUFFERED)
def test_process_dies_silently_when_its_reader_leaves(
    long_list: None, started: Process, env: Mapping[str, str]
) -> None:
    with started.start("list", env=env) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        first = running.stdout.readline()
        running.stdout.close()
        err = running.stderr.read()

    assert first.split(b"\t")[0] == b"1000"
    assert (running.returncode, err) == (-signal.SIGPIPE, b"")


@pytest.mark.spec("002/FR-047")
def test_process_before_head_gives_141_in_a_shell(
    long_list: None, local: Surroundings
) -> None:
    ran = in_shell(local, '{ "$@" list --json; echo $? >&2; } | head -c 5')

    assert (ran.status, len(ran.out), ran.err) == (0, 5, "141\n")


@pytest.mark.spec("002/FR-047")
@pytest.mark.parametrize("env", UNBUFFERED)
def test_process_stores_though_its_reader_is_gone(
    todo: Todo, surroundings: Surroundings, env: Mapping[str, str]
) -> None:
    add(todo, "first")

    ran = in_shell(
        surroundings,
        '{ sleep 0.2; "$@" add Buy milk; echo $? >&2; } | true',
        **env,
    )

    assert ran.err == "141\n"
    assert titles_of(todo) == ["first", "Buy milk"]


@pytest.mark.spec("002/FR-048")
@pytest.mark.parametrize(
    ("target", "arguments", "env"),
    [
        (">&-", "list", {}),
        (">&-", "--help", {}),
        pytest.param(
            ">/dev/full",
            "list",
            {"PYTHONUNBUFFERED": "1"},
            marks=needs("a full device"),
        ),
        *long_only(
            (">&-", "list --json", {}),
            (">&-", "list", {"PYTHONUNBUFFERED": "1"}),
            (">&-", "--version", {}),
            pytest.param(
                ">/dev/full", "list", {}, marks=needs("a full device")
            ),
        ),
    ],
    ids=str,
)
def test_process_never_succeeds_without_its_output(
    todo_embedded: Todo,
    local: Surroundings,
    env: Mapping[str, str],
    target: str,
    arguments: str,
) -> None:
    add(todo_embedded, "first")

    ran = in_shell(local, f'"$@" {arguments} {target}', **env)

    assert (ran.status, ran.out) == (9, "")
    assert "Traceback" not in ran.err
    assert len(ran.err.splitlines()) <= 2


@needs("a full device")
@pytest.mark.spec("002/FR-048")
@pytest.mark.parametrize("arguments", ["list --json", "--help", "--version"])
def test_process_never_succeeds_on_a_full_disk(
    todo_embedded: Todo, embedded: Process, arguments: str
) -> None:
    add(todo_embedded, "first")

    with Path("/dev/full").open("wb") as full:
        running = embedded.start(*arguments.split(), stdout=full.fileno())
        ran = finished(running)

    assert ran.status == 9
    assert "Traceback" not in ran.err
    assert len(ran.err.splitlines()) <= 2


@pytest.mark.spec("002/FR-048")
@pytest.mark.parametrize(
    "target",
    [
        pytest.param(">&-", id="closed"),
        pytest.param(">/dev/full", id="full", marks=needs("a full device")),
    ],
)
def test_process_stores_though_its_output_is_lost_and_says_so(
    todo: Todo, surroundings: Surroundings, target: str
) -> None:
    add(todo, "first")

    assert_words(
        in_shell(surroundings, f'"$@" add Buy milk {target}'), status=9
    )
    assert titles_of(todo) == ["first", "Buy milk"]


@pytest.mark.spec("002/FR-048")
def test_process_writes_all_of_a_long_list_to_a_file(
    long_list: None, local: Surroundings
) -> None:
    ran = in_shell(local, '"$@" list >list.txt', PYTHONUNBUFFERED="1")

    assert ran == Ran(0, "", "")
    assert len((local.cwd / "list.txt").read_text().splitlines()) == 1000


@pytest.mark.spec("002/FR-049")
def test_process_works_with_stderr_and_stdin_closed(
    todo: Todo, surroundings: Surroundings
) -> None:
    add(todo, "first")

    assert (
        in_shell(surroundings, '"$@" list 2>&- <&-').out.split("\t")[2]
        == "first"
    )
    assert in_shell(surroundings, '"$@" show 99 2>&- <&-') == Ran(3, "", "")
    assert in_shell(surroundings, '"$@" add Buy milk 2>&- <&-').status == 0
    assert titles_of(todo) == ["first", "Buy milk"]


@pytest.mark.spec("002/FR-062")
def test_process_refuses_bytes_that_are_not_utf8(
    embedded: Process, seal: Seal
) -> None:
    for arguments in (
        ["add", "caf\udce9"],
        ["add", "x", "-d", "caf\udce9"],
        ["list", "--user", "caf\udce9"],
        ["show", "\udcff"],
    ):
        assert_refused(embedded, *arguments, code="INVALID_INPUT")

    assert list(seal.home.rglob("*")) == []


@pytest.mark.spec("002/FR-062")
def test_process_refuses_a_command_that_is_not_utf8(started: Process) -> None:
    assert_refused(started, "\udcff", code="USAGE")


@pytest.mark.spec("002/FR-049", "002/FR-063")
@pytest.mark.parametrize(
    "env",
    [
        pytest.param(
            {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
            id="C without help",
        ),
        pytest.param({"PYTHONIOENCODING": "ascii"}, id="ascii"),
    ],
)
def test_process_keeps_text_in_every_locale(
    todo_embedded: Todo, started: Process, env: Mapping[str, str]
) -> None:
    title = "café ☕ سلام 😀"

    added = started("add", title, "--json", env=env)
    with started.start("list", env=env) as running:
        out, err = running.communicate(timeout=LIMIT_S)

    assert added.data["title"] == title
    assert title in added.out
    assert (running.returncode, err, out.count(b"\n"), out.count(b"\t")) == (
        0,
        b"",
        1,
        11,
    )
    assert titles_of(todo_embedded) == [title]


def missing(terminal: PtyProcess, env: Mapping[str, str | None]) -> list[str]:
    """What of a table of three tasks is not shown in a terminal; or a traceback."""
    ran = terminal("list", env=env)
    shown = "".join(ran.out.split())
    assert (ran.status, "Traceback" in ran.out) == (0, False), ran
    return [text for text in ("ab", "cd", "ef") if text not in shown]


@pytest.mark.spec("002/FR-049", "002/FR-051")
def test_process_in_a_terminal_shows_every_row_in_every_environment(
    todo_embedded: Todo, embedded_terminal: PtyProcess
) -> None:
    add(todo_embedded, "ab", "cd", "ef")
    environments: list[dict[str, str | None]] = [
        {"COLUMNS": "0"},
        {"COLUMNS": "-5"},
        {"COLUMNS": "abc"},
        {"COLUMNS": "1"},
        {"COLUMNS": "99999999"},
        {"TERM": "dumb"},
        {"TERM": "nonsense"},
        {"TERM": None},
        {"NO_COLOR": "1"},
        {"CI": "1"},
    ]

    lost = [(env, missing(embedded_terminal, env)) for env in environments]

    assert lost == [(env, []) for env in environments]


@pytest.mark.spec("002/FR-049")
@pytest.mark.parametrize(
    "env",
    [
        pytest.param(
            {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
            id="C",
        ),
        pytest.param({"PYTHONUNBUFFERED": "1"}, id="unbuffered"),
    ],
)
def test_process_in_a_terminal_shows_every_row_however_python_starts(
    todo_embedded: Todo, local: Surroundings, env: Mapping[str, str | None]
) -> None:
    add(todo_embedded, "ab", "cd", "ef")

    assert missing(PtyProcess(local), env) == []


@pytest.mark.spec("002/FR-021")
def test_process_in_a_terminal_asks_and_obeys_a_yes(
    todo: Todo, pty_process: PtyProcess
) -> None:
    add(todo, "one", "two", "three", "four")

    with pty_process.start("purge", "1-3") as terminal:
        terminal.wait_for("3")
        terminal.type(b"y\n")
        ran = terminal.finish()

    assert ran.status == 0
    assert "Purged 1: one\nPurged 2: two\nPurged 3: three\n" in ran.out
    assert titles_of(todo) == ["four"]


@pytest.mark.spec("002/FR-021")
@pytest.mark.parametrize("keys", [b"n\n", b"\x04"], ids=["n", "end of input"])
def test_process_in_a_terminal_asks_and_obeys_a_no(
    todo_embedded: Todo, embedded_terminal: PtyProcess, keys: bytes
) -> None:
    add(todo_embedded, "one", "two", "three")

    with embedded_terminal.start("purge", "1-3") as terminal:
        terminal.wait_for("3")
        terminal.type(keys)
        ran = terminal.finish()

    assert ran.status == 10
    assert "Purged" not in ran.out
    assert "Traceback" not in ran.out
    assert titles_of(todo_embedded) == ["one", "two", "three"]


@pytest.mark.spec("002/FR-039", "002/FR-046")
@pytest.mark.parametrize(
    "number",
    [signal.SIGINT, signal.SIGTERM, signal.SIGHUP],
    ids=lambda n: n.name,
)
def test_process_ended_while_it_reads_says_so_in_json_alone(
    todo_embedded: Todo, embedded: Process, number: signal.Signals
) -> None:
    add(todo_embedded, "first")

    words = interrupted(embedded, number, "add", "-")
    document = interrupted(embedded, number, "add", "-", "--json")

    assert words == (-number, b"", b"")
    assert (document[0], document[2]) == (-number, b"")
    assert json.loads(document[1])["error"]["code"] == "CANCELLED"
    assert titles_of(todo_embedded) == ["first"]


@needs("bash")
@pytest.mark.spec("002/FR-046")
def test_process_stops_a_loop_of_the_shell(
    todo_embedded: Todo, local: Surroundings
) -> None:
    """A program that exits 130 by itself leaves a loop of bash running; one that dies
    of the signal does not.
    """
    add(todo_embedded, "first")

    with subprocess.Popen(
        [
            "bash",
            "-c",
            'for n in 1 2; do "$@" add -; echo after; done',
            "bash",
            *command(),
        ],
        env=process_environment(local, "ada", {}),
        cwd=local.cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as running:
        feed_until_read(running)
        os.killpg(running.pid, signal.SIGINT)
        assert running.stdout is not None
        out = running.stdout.read()

    assert out == b""
    assert titles_of(todo_embedded) == ["first"]


WATCHED = [
    ("sqlite", ["add", "Buy milk"], 0),
    ("postgresql", ["add", "Buy milk"], 0),
    ("postgresql", ["list"], 0),
    ("sqlite", ["show", "99"], 3),
    *long_only(("sqlite", ["list"], 0), ("postgresql", ["show", "99"], 3)),
]


@pytest.mark.spec("002/FR-049")
@pytest.mark.parametrize(
    ("store", "arguments", "status"), WATCHED, indirect=["store"], ids=str
)
def test_process_leaves_no_warning(
    todo: Todo, surroundings: Surroundings, arguments: list[str], status: int
) -> None:
    """With every warning an error and the interpreter's own checks on."""
    add(todo, "first")

    ran = Process(surroundings)(
        *arguments, env={"PYTHONWARNINGS": "error", "PYTHONDEVMODE": "1"}
    )

    assert (ran.status, "Warning" in ran.err, "Traceback" in ran.err) == (
        status,
        False,
        False,
    )
