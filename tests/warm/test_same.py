"""A command prints, does and ends the same, warm as cold."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.cli.expect import add
from tests.conftest import Seal
from tests.support import before
from tests.support.machine import needs
from tests.support.program import (
    LIMIT_S,
    Process,
    PtyProcess,
    Ran,
    Surroundings,
    Todo,
    finished,
)
from tests.support.size import share
from tests.support.warm import Warm


@dataclass(frozen=True, slots=True)
class Case:
    """A command, and what it is started with."""

    arguments: Sequence[str]
    env: Mapping[str, str | None] = field(default_factory=dict)
    stdin: bytes = b""
    before: Callable[[], object] | None = None
    is_warm: bool = True
    """Whether a worker can run it; else the caller does."""

    def run(self, process: Process, **more: str) -> Ran:
        """Run it."""
        env = {**self.env, **more}
        how: dict[str, Any] = {"before": self.before}
        started = process.start(*self.arguments, env=env, **how)
        return finished(started, self.stdin)

    @property
    def needs_start(self) -> bool:
        """Whether it is about what the start of Python sees."""
        names = ("PYTHONIOENCODING", "PYTHONWARNINGS", "LC_ALL")
        return self.before is not None or not self.env.keys().isdisjoint(names)


def limited(kind: int, most: int) -> Callable[[], object]:
    """Make what lowers a limit of the process."""
    return partial(resource.setrlimit, kind, (most, most))


CASES = {
    "list": Case(["list"]),
    "JSON": Case(["show", "1", "--json"]),
    "no such task": Case(["show", "9"]),
    "a mistake": Case(["lst"]),
    "a mistake as JSON": Case(["list", "--limit", "x", "--json"]),
    "help": Case(["help", "add"], {"COLUMNS": "50"}),
    "nothing": Case([]),
    "bytes that are not UTF-8": Case(["show", os.fsdecode(b"\xff")]),
    "an empty argument": Case(["add", ""]),
    "stdin": Case(["add", "-", "--dry-run", "--json"], stdin=b""),
    "a table": Case(["list"], {"TODO_FORCE_TTY": "60", "FORCE_COLOR": "1"}),
    "another user": Case(["list"], {"TODO_USER": "eve"}),
    "no user": Case(["list"], {"TODO_USER": None, "HOME": "/nowhere"}),
    "a wrong setting": Case(["list"], {"TODO_TIMEOUT": "soon"}),
    "a config file that is missing": Case(["list"], {"TODO_CONFIG": "no"}),
    "JSON by a variable": Case(["list"], {"TODO_OUTPUT": "json"}),
    "another time zone": Case(
        ["list", "--due", "today"], {"TZ": "Asia/Tokyo"}
    ),
    "a time zone by rule": Case(["show", "1"], {"TZ": "XYZ-5:45"}),
    "another encoding": Case(["show", "1"], {"PYTHONIOENCODING": "ascii"}),
    "a locale without UTF-8": Case(["show", "1"], {"LC_ALL": "C"}),
    "no locale": Case(["show", "1"], {"LC_ALL": None}),
    "signals that are ignored": Case(
        ["list"], before=partial(before.ignore, signal.SIGHUP)
    ),
    "signals that are blocked": Case(
        ["list"], before=partial(before.block, signal.SIGTERM)
    ),
    "few files": Case(["list"], before=limited(resource.RLIMIT_NOFILE, 99)),
    "no room for a file": Case(
        ["add", "x"], before=limited(resource.RLIMIT_FSIZE, 0)
    ),
    "a low priority": Case(["list"], before=partial(os.nice, 3)),
    # Left to the caller:
    "too few files": Case(
        ["list"], before=limited(resource.RLIMIT_NOFILE, 40), is_warm=False
    ),
    "little memory": Case(
        ["list"], before=limited(resource.RLIMIT_AS, 1 << 33), is_warm=False
    ),
    "no stdin": Case(
        ["list"], before=partial(before.close_streams, 0), is_warm=False
    ),
    "no stderr": Case(
        ["show", "9"], before=partial(before.close_streams, 2), is_warm=False
    ),
    "a descriptor of ours": Case(
        ["import", "/dev/fd/0"], stdin=b"[]", is_warm=False
    ),
    "a descriptor of ours by another path": Case(
        ["import", "/dev//fd/0"], stdin=b"[]", is_warm=False
    ),
    "a pipe as the config file": Case(
        ["list"], {"TODO_CONFIG": "/dev/stdin"}, is_warm=False
    ),
    "warnings of Python": Case(
        ["list"], {"PYTHONWARNINGS": "error"}, is_warm=False
    ),
    "another folder for temporary files": Case(
        ["list"], {"TMPDIR": "/"}, is_warm=False
    ),
    "no editor": Case(["edit", "1"], {"EDITOR": "false"}, is_warm=False),
    "serve": Case(["serve", "--port", "x"], is_warm=False),
}
"""By name: what of a process could be lost on the way to another one."""


@pytest.mark.spec("002/FR-360", "002/FR-362")
@pytest.mark.parametrize("name", share(CASES, 0, 2))
def test_command_is_the_same_warm_as_cold(
    warm: Warm, todo: Todo, process: Process, forked: Process, name: str
) -> None:
    case = CASES[name]
    add(todo, "Écrire à Ada", "--due", "2026-01-02")
    hits = warm.hits()

    cold = case.run(process if case.needs_start else forked)
    ran = case.run(process, XDG_RUNTIME_DIR=str(warm.folder))

    assert ran == cold
    # A mistake of the options is known before it is known who runs it.
    if case.arguments[:1] != ["serve"]:
        assert warm.hits() - hits == int(case.is_warm)


@pytest.mark.spec("002/FR-362")
def test_files_get_the_rights_of_the_caller(
    warm: Warm, process: Process, seal: Seal
) -> None:
    for mask in (0o777, 0o027, 0):
        rights = []
        for env in ({}, warm.environment()):
            home = seal.cwd / f"{mask}-{bool(env)}"
            home.mkdir()
            own = {**env, "HOME": str(home), "TODO_DATABASE_URL": None}
            with_mask = partial(os.umask, mask)
            ran = Case(["add", "x"], own, before=with_mask).run(process)
            assert ran.status == 0
            found = {}
            for path in home.rglob("*"):
                found[path.relative_to(home)] = path.stat().st_mode
            rights.append(found)
        assert rights[0] == rights[1] != {}


@pytest.mark.spec("002/FR-362")
def test_paths_are_those_of_the_caller(
    warm: Warm, process: Process, seal: Seal
) -> None:
    ran = Case(["export", "here.json"], warm.environment()).run(process)

    assert ran.status == 0
    assert (seal.cwd / "here.json").exists()


@pytest.mark.spec("002/FR-362")
def test_folder_that_is_gone_is_no_harm(
    warm: Warm, process: Process, seal: Seal
) -> None:
    lose = partial(before.lose_working_folder, str(seal.cwd / "gone"))

    cold = Case(["list"], before=lose).run(process)
    hits = warm.hits()
    ran = Case(["list"], warm.environment(), before=lose).run(process)

    assert ran == cold
    assert warm.hits() == hits + 1


@pytest.mark.spec("002/FR-362")
def test_environment_of_one_caller_is_not_seen_by_the_next(
    warm: Warm, process: Process
) -> None:
    where = {"XDG_RUNTIME_DIR": str(warm.folder)}

    as_json = process("list", env={"TODO_OUTPUT": "json", **where})
    as_text = process("list", env=where)

    assert as_json.data == []
    assert as_text.out == ""


@pytest.mark.spec("002/FR-362")
def test_reader_of_a_pipe_sees_its_end_before_the_program_ends(
    warm: Warm, surroundings: Surroundings, todo: Todo
) -> None:
    add(todo, "one")
    env = surroundings.variables("ada", warm.environment())
    line = '"$0" -m todo_cli list | cat && "$0" -m todo_cli list | head -c 1'

    done = subprocess.run(
        ["/bin/sh", "-c", line, sys.executable],
        env=env,
        cwd=surroundings.cwd,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=True,
    )

    assert done.stdout.count("one") == 1
    assert done.stderr == ""


@needs("a full device")
@pytest.mark.spec("002/FR-360")
def test_write_that_cannot_be_printed_is_reported_as_without(
    warm: Warm, process: Process, todo: Todo
) -> None:
    with open("/dev/full", "wb") as full:
        for env in ({}, {"XDG_RUNTIME_DIR": str(warm.folder)}):
            ran = finished(process.start("add", "x", stdout=full, env=env))
            assert ran.status == 9
            assert "the change was saved" in ran.err
    assert len(todo("list", "--json").data) == 2


@pytest.mark.spec("002/FR-360")
@pytest.mark.parametrize("size", [40, 110])
def test_table_is_drawn_for_the_terminal_of_the_caller(
    warm: Warm, todo: Todo, pty_process: PtyProcess, size: int
) -> None:
    add(todo, "a title that is long enough to be cut in a narrow terminal")
    hits = warm.hits()

    cold = pty_process("list", columns=size)
    env = {"XDG_RUNTIME_DIR": str(warm.folder)}
    ran = pty_process("list", columns=size, env=env)

    assert ran == cold
    assert "\x1b[" in ran.out
    assert warm.hits() == hits + 1


@pytest.mark.spec("002/FR-360")
@pytest.mark.parametrize(
    ("arguments", "typed"),
    [(["add", "-"], b"one\n\x04"), (["purge", "1"], b"y\n")],
    ids=str,
)
def test_what_reads_from_a_terminal_is_run_by_the_caller(
    warm: Warm,
    todo: Todo,
    pty_process: PtyProcess,
    arguments: list[str],
    typed: bytes,
) -> None:
    add(todo, "first")
    before_it = warm.status()

    env = {"XDG_RUNTIME_DIR": str(warm.folder)}
    ran = pty_process(*arguments, stdin=typed, env=env)

    after = warm.status()
    assert ran.status == 0
    assert after["hits"] == before_it["hits"]
    assert (
        after["cold"]["terminal"] == before_it["cold"].get("terminal", 0) + 1
    )


@pytest.mark.spec("002/FR-362")
def test_program_in_the_background_of_a_terminal_runs_by_itself(
    warm: Warm, surroundings: Surroundings, seal: Seal
) -> None:
    """Another process could write there where this one would be stopped."""
    script = Path(seal.cwd, "script.py")
    script.write_text(
        "import os, pty, sys\n"
        "pid, terminal = pty.fork()\n"
        "if pid == 0:\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        os.setpgid(0, 0)\n"
        "        os.execv(sys.executable, [sys.executable, *sys.argv[1:]])\n"
        "    os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
        "try:\n"
        "    while os.read(terminal, 4096):\n"
        "        pass\n"
        "except OSError:\n"
        "    pass\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
    )
    hits = warm.hits()

    done = subprocess.run(
        [sys.executable, str(script), "-m", "todo_cli", "list"],
        env=surroundings.variables("ada", warm.environment()),
        timeout=LIMIT_S,
        check=False,
    )

    assert done.returncode == 0
    assert warm.hits() == hits
