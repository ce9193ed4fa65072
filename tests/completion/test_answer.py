"""The answer to Tab, and the script: as processes, whatever is odd."""

import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.cli.expect import assert_document
from tests.completion.conftest import TITLE
from tests.completion.shells import KINDS
from tests.support.machine import needs
from tests.support.program import (
    Process,
    Ran,
    Surroundings,
    Todo,
    command,
    process_environment,
)
from tests.support.stores import Store
from todo_cli.completion import answer, build, scripts
from todo_cli.completion.table import PATH

SHELLS = ("bash", "zsh", "fish")
BREAKS = " \t\n\"'@><=;|&(:"


def asked(shell: str, *words: str) -> list[str]:
    """The arguments by which a script asks."""
    settings = {"bash": ["63", "60", BREAKS], "zsh": ["60"], "fish": []}
    given = [*words]
    if shell == "bash":
        given = [" ".join(["todo", *words])]
    return ["completion", shell, "--answer", *settings[shell], "--", *given]


def run(
    surroundings: Surroundings,
    arguments: Sequence[str],
    variables: dict[str, str | None] | None = None,
    **how: Any,
) -> subprocess.CompletedProcess[bytes]:
    """Run the program as a process that is really started."""
    environment = process_environment(surroundings, "ada", variables)
    done: subprocess.CompletedProcess[bytes] = subprocess.run(
        command(*arguments),
        env=environment,
        cwd=surroundings.cwd,
        stdin=subprocess.DEVNULL,
        check=False,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how},
    )
    return done


# The answer


@pytest.mark.spec("002/FR-402")
def test_titles_are_shown_where_the_shell_shows_them(
    odd: Todo, process: Process
) -> None:
    milk = {
        "bash": "2  Buy milk",
        "zsh": "2\t2  Buy milk",
        "fish": "2\tBuy milk",
    }
    whole = {
        "bash": f"1  {TITLE}",
        "zsh": f"1\t1  {TITLE}",
        "fish": f"1\t{TITLE}",
    }
    for shell in SHELLS:
        ran = process(*asked(shell, "done", ""))

        assert (ran.status, ran.err) == (0, "")
        kind, first, second, third = ran.out.splitlines()
        assert kind == "values"
        assert second == milk[shell]
        assert third.endswith("Water the plants")
        if shell == "fish":
            assert first == whole[shell]
            continue
        # The others have a line of the terminal, of 60 columns here.
        assert first.endswith("...")
        assert whole[shell].startswith(first.removesuffix("..."))
        assert len(first.rpartition("\t")[2]) < 60


@pytest.mark.spec("002/FR-402")
def test_bash_inserts_no_title(odd: Todo, process: Process) -> None:
    """Where it does not only list, and where there is one suggestion."""
    line = asked("bash", "done", "")
    for how in ("9", "37", "42", ""):
        line[3] = how
        assert process(*line).out == "values\n1\n2\n3\n", how
    one = process(*asked("bash", "done", "1"))
    assert one.out == "values\n1\n"


@pytest.mark.spec("002/FR-402")
def test_control_characters_are_neither_shown_nor_inserted(
    odd: Todo, process: Process, store: Store
) -> None:
    path = store.url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("PRAGMA ignore_check_constraints = ON")
        file.execute(
            "UPDATE task SET title = 'a\x1b]0;x\x07\nb\u202e' WHERE number = 3"
        )
        file.execute("UPDATE task SET project = 'c\x1bd' WHERE number = 3")

    ran = process(*asked("fish", "done", "3"))
    assert ran.out == "values\n3\ta\\x1b]0;x\\x07\\x0ab\\u202e\n"
    ran = process(*asked("fish", "list", "--project", "c"))
    assert ran.out == "values\n"


@pytest.mark.spec("002/FR-405")
@pytest.mark.parametrize(
    "arguments",
    [
        ["completion", "bash", "--answer"],
        ["completion", "bash", "--answer", "--", "todo "],
        ["completion", "bash", "--answer", "9", "x", BREAKS, "--"],
        ["completion", "zsh", "--answer", "80"],
        ["completion", "zsh", "--answer", "wide", "--", "done", ""],
        ["completion", "tcsh", "--answer", "--", "done", ""],
        ["completion", "fish", "--answer", "--"],
    ],
)
def test_an_odd_question_has_no_answer(
    process: Process, arguments: list[str]
) -> None:
    assert process(*arguments) == Ran(0, "", "")


@pytest.mark.spec("002/FR-405", "002/FR-404")
@pytest.mark.parametrize(
    "variables",
    [
        {"HOME": "/nonexistent", "TODO_DATABASE_URL": None},
        {"HOME": None, "TODO_USER": None, "TODO_DATABASE_URL": None},
        {"TODO_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"},
        {"TODO_DATABASE_URL": "nonsense"},
        {"TODO_CONFIG": "/nonexistent"},
        {"TODO_USER": "a\x1bb"},
        {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
        {
            "_TODO_COMPLETE": "complete_bash",
            "COMP_WORDS": "x",
            "COMP_CWORD": "1",
        },
    ],
)
def test_nothing_but_suggestions_is_printed(
    process: Process, odd: Todo, variables: dict[str, str | None]
) -> None:
    ran = process(*asked("fish", "done", ""), env=variables)

    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("values\n")
    is_other = not {"LC_ALL", "_TODO_COMPLETE"} & variables.keys()
    assert (TITLE in ran.out) != is_other
    ran = process(*asked("fish", "list", "--status", "w"), env=variables)
    assert ran.out == "values\nwaiting\t\n"


def close_streams() -> None:
    """Close the standard streams, as `>&-` does."""
    os.closerange(0, 3)


@needs("a full device")
@pytest.mark.spec("002/FR-405")
def test_closed_streams_and_a_lack_of_memory_are_no_error(
    surroundings: Surroundings, odd: Todo
) -> None:
    line = asked("zsh", "done", "")
    ran = run(surroundings, line, preexec_fn=close_streams)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")

    with open("/dev/full", "wb") as full:
        ran = run(surroundings, line, stdout=full)
    assert ran.returncode == 0

    def lower() -> None:
        limit = 10
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

    ran = run(surroundings, line, preexec_fn=lower)
    assert (ran.returncode, ran.stderr) == (0, b"")


@pytest.mark.spec("002/FR-405")
def test_ctrl_c_ends_it_without_a_word() -> None:
    script = (
        "import os, signal; from todo_cli.completion import answer, suggest\n"
        "def wait(*_): os.kill(os.getpid(), signal.SIGINT); raise SystemExit(3)\n"
        "suggest.suggest = wait; answer.run(['completion', 'zsh', '--answer',"
        " '80', '--', 'done', ''])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=False
    )

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")


@pytest.mark.spec("002/FR-400")
def test_what_is_not_needed_is_not_loaded(
    surroundings: Surroundings, odd: Todo
) -> None:
    words = asked("zsh", "done", "")
    script = (
        "import os, sys; from todo_cli.completion import answer\n"
        "os._exit = lambda status: sys.stdout.write(repr(sorted(sys.modules)))\n"
        f"answer.run({words!r})"
    )
    environment = process_environment(surroundings, "ada", None)
    ran = subprocess.run(
        [sys.executable, "-S", "-c", script],
        env=environment,
        cwd=surroundings.cwd,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "Buy milk" in ran.stdout
    loaded = eval(ran.stdout.splitlines()[-1])
    heavy = ("re", "json", "typing", "dataclasses", "datetime", "pathlib")
    assert not {*heavy, "typer", "sqlite3", "asyncio"} & {*loaded}


# The script


@pytest.mark.spec("002/FR-401")
@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_printed_by_both_roads(
    process: Process, todo: Todo, shell: str
) -> None:
    script = scripts.read(shell)
    variables: dict[str, str | None] = {"TODO_OUTPUT": "json"}

    assert process("completion", shell, env=variables).out == script
    assert todo("completion", shell, env=variables).out == script
    assert todo("completion", shell, "--json").data == {
        "shell": shell,
        "script": script,
    }
    assert KINDS[shell].line in script
    wrong = {"TODO_CONFIG": "/nonexistent", "TODO_USER": ""}
    assert todo("completion", shell, env=wrong).out == script


@pytest.mark.spec("002/FR-401")
def test_the_help_says_how_to_turn_it_on(todo: Todo) -> None:
    said = todo("help", "completion").out

    for kind in KINDS.values():
        assert kind.line in said
    assert answer.ASKS not in said
    ran = todo("completion", "bash", terminal=True)
    assert ran.err.startswith("hint: `todo help completion`")
    assert_document(todo("completion", "tcsh", "--json"), code="USAGE")
    assert_document(todo("completion", "--json"), code="USAGE")


@pytest.mark.spec("002/FR-401")
def test_a_script_that_is_gone_is_an_error(
    todo: Todo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(scripts.FILES, "bash", "nowhere")

    assert_document(todo("completion", "bash", "--json"), code="IO_ERROR")


@pytest.mark.spec("002/FR-401")
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=needs(name)) for name in SHELLS]
)
def test_the_script_is_right_for_its_shell(
    name: str, tmp_path: Path, seal: object
) -> None:
    script = tmp_path / "script"
    script.write_text(scripts.read(name))
    option = "-n" if name != "fish" else "--no-execute"

    ran = subprocess.run(
        [name, option, script], capture_output=True, check=False
    )

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")


# The table


@pytest.mark.spec("002/FR-400")
def test_the_table_has_what_the_command_line_has(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert build.main(["--check"]) == 0
    assert build.main(["--nonsense"]) == 2
    assert "Usage" in capsys.readouterr().err


def test_the_table_says_when_it_is_out_of_date(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    copy = tmp_path / "commands.txt"
    copy.write_text(Path(PATH).read_text() + "command\tx\tnew\n")
    monkeypatch.setattr(build, "PATH", str(copy))

    assert build.main(["--check"]) == 1
    assert "out of date" in capsys.readouterr().err
    assert build.main([]) == 0
    assert copy.read_bytes() == Path(PATH).read_bytes()


@pytest.mark.spec("002/FR-400")
def test_every_option_of_the_table_is_one_that_the_program_takes(
    process: Process,
) -> None:
    """The table is not only up to date: its words are those of the help."""
    from todo_cli.completion.table import Table

    command = Table().command("list")
    assert command is not None
    said = process("list", "--help").out
    for option in command.options:
        for flag in option.flags:
            assert flag in said
